//! The code of `patient-api`: a release directory with a query and a template, read as a whole from one place.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

const MAX_BYTES: u64 = 64 << 10;

/// What one request works with from its first step to its last.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) version: String,
    pub(super) query: String,
    template: String,
}

#[derive(Deserialize)]
struct About {
    version: String,
    #[serde(rename = "note")]
    _note: Option<String>,
}

impl Release {
    /// Reads the release that `root/current` points to.
    pub(super) fn load(root: &Path) -> Result<Self, String> {
        // follow the link once: a switch between two reads must not mix releases
        let dir = fs::canonicalize(root.join("current")).map_err(|error| format!("no current release: {error}"))?;
        let read = |name: &str| {
            let path = dir.join(name);
            let size = fs::metadata(&path).map(|found| found.len());
            match size {
                Ok(size) if size > MAX_BYTES => Err(format!("{} is too large", path.display())),
                Ok(_) => fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display())),
                Err(error) => Err(format!("{}: {error}", path.display())),
            }
        };
        let about: About = toml::from_str(&read("release.toml")?).map_err(|error| error.message().to_owned())?;
        Ok(Self { version: about.version, query: read("chart.sql")?, template: read("chart.txt")? })
    }

    /// A chart as text.
    pub(super) fn chart(&self, rows: &[Value]) -> Option<String> {
        let first = rows.first()?;
        let text = |row: &Value, key: &str| match row.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let medications: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {}", text(row, "drug"), text(row, "dose")).trim().to_owned())
            .filter(|medication| !medication.is_empty())
            .collect();
        let medications = if medications.is_empty() { "nothing".to_owned() } else { medications.join(", ") };
        let chart = self.template.replace("{medications}", &medications);
        let chart = ["name", "born", "ward"]
            .iter()
            .fold(chart, |chart, key| chart.replace(&format!("{{{key}}}"), &text(first, key)));
        Some(chart.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chart_lists_all_medications() {
        let release = Release {
            version: "v1".to_owned(),
            query: String::new(),
            template: "{name} ({ward}) takes {medications}\n".to_owned(),
        };
        let row = |drug: &str| json!({ "name": "Ada", "ward": "surgery", "drug": drug, "dose": "5" });
        let chart = release.chart(&[row("warfarin"), row("insulin")]).unwrap();
        assert_eq!(chart, "Ada (surgery) takes warfarin 5, insulin 5");
        assert!(release.chart(&[]).is_none(), "there is no such patient");
    }
}
