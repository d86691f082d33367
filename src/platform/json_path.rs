//! A place in a JSON document: the part of JSONPath that health answers need.

use serde_json::Value;

/// A parsed path such as `$.status` or `$.items[0].ok`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl JsonPath {
    /// Reads a path; `None` when it is not one of the supported kind (`$`, `.key`, `["key"]`, `[0]`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (key, tail) = after.split_at(end);
                if key.is_empty() || key.contains(['*', ']', '"', '\'']) {
                    return None;
                }
                steps.push(Step::Key(key.to_owned()));
                rest = tail;
            } else if let Some(after) = rest.strip_prefix("[\"") {
                let (key, tail) = after.split_once("\"]")?;
                steps.push(Step::Key(key.to_owned()));
                rest = tail;
            } else {
                let (index, tail) = rest.strip_prefix('[')?.split_once(']')?;
                if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                steps.push(Step::Index(index.parse().ok()?));
                rest = tail;
            }
        }
        Some(Self(steps))
    }

    /// The value at this place, if the document has one there.
    #[must_use]
    pub fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(document, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_keys_indexes_and_the_root() {
        let document = json!({"status": "up", "items": [{"ok": true, "a.b": 3}]});
        let find = |path: &str| JsonPath::parse(path).unwrap().find(&document).cloned();
        assert_eq!(find("$.status"), Some(json!("up")));
        assert_eq!(find("$.items[0].ok"), Some(json!(true)));
        assert_eq!(find("$[\"items\"][0][\"a.b\"]"), Some(json!(3)));
        assert_eq!(find("$"), Some(document.clone()));
        assert_eq!(find("$.items[1].ok"), None);
        assert_eq!(find("$.status.more"), None);
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for path in
            ["", "status", "$status", "$.", "$..a", "$.a[", "$.a[]", "$.a[-1]", "$.a[*]", "$.*", "$[x]", "$.a[0"]
        {
            assert_eq!(JsonPath::parse(path), None, "{path}");
        }
    }
}
