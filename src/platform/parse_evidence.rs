//! The table `[evidence]`: where signed checkpoints of the journal go.

use std::path::PathBuf;

use super::{
    model::{EvidenceCare, ExportPlace, SYSLOG, WitnessPlace},
    reader::{Reader, Section, Value},
};

const EXPORT: &str = "\"dir:/mnt/other-host/evidence\" or \"syslog\"";
const WITNESS: &str = "\"unix:/path/to/engine.sock\", the socket of another engine";

pub(super) fn evidence(root: &mut Section<'_, '_>, reader: &mut Reader) -> EvidenceCare {
    let Some(value) = root.get("evidence") else { return EvidenceCare::default() };
    let Some(mut section) = reader.section(value, "evidence", "a table headed [evidence]") else {
        return EvidenceCare::default();
    };
    let export =
        section.read(reader, "export", |reader, value, place| Some(places(reader, value, place, EXPORT, export)));
    let witness =
        section.read(reader, "witness", |reader, value, place| Some(places(reader, value, place, WITNESS, witness)));
    section.finish(reader);
    EvidenceCare { export: export.unwrap_or_default(), witness: witness.unwrap_or_default() }
}

fn export(kind: &str, path: Option<PathBuf>) -> Option<ExportPlace> {
    match (kind, path) {
        ("dir", Some(path)) => Some(ExportPlace::Directory(path)),
        ("syslog", path) => Some(ExportPlace::Syslog(path.unwrap_or_else(|| SYSLOG.into()))),
        _ => None,
    }
}

fn witness(kind: &str, path: Option<PathBuf>) -> Option<WitnessPlace> {
    match (kind, path) {
        ("unix", Some(path)) => Some(WitnessPlace::Unix(path)),
        _ => None,
    }
}

/// The places of a list, each written as its kind, and after a colon its path.
fn places<T: PartialEq>(
    reader: &mut Reader,
    value: &Value<'_>,
    place: &str,
    expected: &str,
    read: impl Fn(&str, Option<PathBuf>) -> Option<T>,
) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for item in reader.items(value, place, "places") {
        let Some(text) = reader.text(item, place, expected) else { continue };
        let (kind, path) = match text.value.split_once(':') {
            Some((_, "")) => ("", None),
            Some((kind, path)) => (kind, Some(reader.resolve(path))),
            None => (text.value.as_str(), None),
        };
        match read(kind, path) {
            Some(one) if found.contains(&one) => {
                reader.problem(text.at, place, format!("{:?} stands there twice", text.value), "each place once");
            }
            Some(one) => found.push(one),
            None => reader.problem(text.at, place, format!("{:?} is no such place", text.value), expected),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::platform::{ExportPlace, WitnessPlace, explain, parse};

    fn read(evidence: &str) -> Result<crate::platform::Platform, String> {
        let text = format!("[platform]\nname = \"Ward\"\n[evidence]\n{evidence}\n[[service]]\nname = \"desk\"\n");
        parse(&text, Path::new("/srv/codeblue.toml")).map_err(|problems| problems.to_string())
    }

    #[test]
    fn places_are_read_and_explained() {
        let platform = read(
            "export = [\"dir:elsewhere\", \"syslog\", \"syslog:/run/log\"]\nwitness = [\"unix:/srv/b/run/engine.sock\"]",
        )
        .unwrap();
        let directory = ExportPlace::Directory("/srv/elsewhere".into());
        let logs = ["/dev/log", "/run/log"].map(|path| ExportPlace::Syslog(path.into()));
        assert_eq!(platform.evidence.export, [vec![directory], logs.to_vec()].concat());
        assert_eq!(platform.evidence.witness, [WitnessPlace::Unix("/srv/b/run/engine.sock".into())]);
        let explained = explain(&platform);
        for place in ["dir:/srv/elsewhere: keeps", "syslog: keeps", "unix:/srv/b/run/engine.sock: a witness"] {
            assert!(explained.contains(place), "{explained}");
        }
    }

    #[test]
    fn a_place_that_is_none_is_told_with_its_line() {
        for (evidence, told) in [
            ("export = [\"git:origin\"]", "codeblue.toml:4: evidence.export: \"git:origin\" is no such place"),
            ("export = [\"dir:\"]", "\"dir:\" is no such place"),
            ("export = [\"syslog\", \"syslog\"]", "\"syslog\" stands there twice"),
            ("witness = [\"dir:/srv\"]", "evidence.witness: \"dir:/srv\" is no such place"),
            ("witnesses = []", "did you mean"),
        ] {
            let problems = read(evidence).unwrap_err();
            assert!(problems.contains(told), "{problems}");
        }
    }
}
