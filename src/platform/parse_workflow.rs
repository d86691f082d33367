//! The steps of a workflow: requests one after the other, later ones with what earlier ones were told.

use super::{
    parse_http::{json_path, request},
    probe::{Content, Taken, WorkflowStep},
    reader::{Reader, Section, Value},
    template::{is_name, places},
};

/// More steps are a test suite, not a check.
const STEPS: usize = 20;

pub(super) fn workflow(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<Vec<WorkflowStep>> {
    let items = reader.items(value, place, "steps");
    if items.is_empty() || items.len() > STEPS {
        let what = if items.is_empty() { "it has no step".to_owned() } else { format!("it has {} steps", items.len()) };
        reader.problem(
            value.span().start,
            place,
            what,
            format!("1 to {STEPS} steps, such as {{ url = \"http://…\" }}"),
        );
        return None;
    }
    let (mut steps, mut taken) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let place = format!("{place}[{}]", index + 1);
        let mut section = reader.section(item, &place, "a step such as { url = \"http://…\" }")?;
        let step = step(&mut section, &taken, reader);
        let at = section.at();
        section.finish(reader);
        let Some(step) = step else { continue };
        if let Some(unknown) = step.places().find(|name| !taken.iter().any(|taken| taken == name)) {
            let what = format!("no earlier step takes \"{unknown}\"");
            let expected = format!("a step before it with take = {{ {unknown} = \"$.…\" }}");
            reader.problem(at, &place, what, expected);
        }
        taken.extend(step.take.iter().map(|take| take.name.clone()));
        steps.push(step);
    }
    (steps.len() == items.len()).then_some(steps)
}

fn step(section: &mut Section<'_, '_>, taken: &[String], reader: &mut Reader) -> Option<WorkflowStep> {
    let name = section.read(reader, "name", |reader, value, place| {
        let name = reader.text(value, place, "what the step is called")?;
        if name.value.chars().count() > 40 || name.value.contains(char::is_control) {
            reader.problem(name.at, place, "it does not fit into a line", "at most 40 characters on one line");
        }
        Some(name.value)
    });
    let request = request(section, taken, reader);
    let take = section.read(reader, "take", take);
    Some(WorkflowStep { name, request: request?, take: take.unwrap_or_default() })
}

fn take(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Vec<Taken>> {
    let section = reader.section(value, place, "take = { token = \"$.token\" }")?;
    let mut all = Vec::new();
    for (key, value) in section.entries() {
        let (name, place) = (key.get_ref().to_string(), section.key(key.get_ref()));
        if !is_name(&name) {
            let expected = "a name of lower-case letters, digits and \"_\", such as \"token\"";
            reader.problem(key.span().start, &place, format!("{name:?} cannot stand for a value"), expected);
        }
        let Some(path) = json_path(reader, value, &place) else { continue };
        all.push(Taken { name, path });
    }
    Some(all)
}

impl WorkflowStep {
    /// The names for which it has places.
    fn places(&self) -> impl Iterator<Item = &str> {
        let contents = self.request.headers.iter().map(|header| &header.value).chain(&self.request.send);
        let texts = contents.filter_map(|content| match content {
            Content::Text(text) => Some(text.as_str()),
            Content::File(_) => None,
        });
        texts.chain([self.request.url.as_str()]).flat_map(places)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::platform::{Platform, Probe, Problems, explain, parse};

    fn read(workflow: &str) -> Result<Platform, Problems> {
        let text = format!(
            "[platform]\nname = \"Clinic\"\n[[service]]\nname = \"api\"\n[[service.check]]\nworkflow = [{workflow}]\n"
        );
        parse(&text, Path::new("/srv/codeblue.toml"))
    }

    #[test]
    fn a_workflow_is_a_list_of_requests_that_hand_values_on() {
        let platform = read(
            r#"{ url = "http://h/login", send = { file = "login.json" }, take = { token = "$.token", id = "$.user.id" } },
            { name = "chart", url = "http://h/chart/{id}", headers = { authorization = "Bearer {token}" }, status = 200, json = { path = "$.ok", equals = true } }"#,
        )
        .unwrap();
        let Probe::Workflow { steps } = &platform.services[0].checks[0].probe else { panic!() };
        assert_eq!((steps.len(), steps[0].take.len(), steps[1].name.as_deref()), (2, 2, Some("chart")));
        let told = explain(&platform);
        let line = "2 steps: POST http://h/login, sending what /srv/login.json holds, expecting any 2xx, taking id and token; \
            then GET http://h/chart/{id} with authorization, expecting 200, $.ok = true";
        assert!(told.contains(line), "{told}");
        let stored = serde_json::to_string(&platform).unwrap();
        assert_eq!(serde_json::from_str::<Platform>(&stored).unwrap(), platform, "the journal keeps all of it");
    }

    #[test]
    fn what_cannot_work_is_told_with_its_step() {
        let told = |workflow: &str| read(workflow).unwrap_err().to_string();
        for (workflow, expected) in [
            ("", "it has no step; expected 1 to 20 steps"),
            ("\"http://h/\"", "service.check.workflow[1]: found \"http://h/\"; expected a step such as"),
            ("{ name = \"x\" }", "service.check.workflow[1]: \"url\" is missing"),
            ("{ url = \"http://h/\", colour = 1 }", "service.check.workflow[1]: unknown key \"colour\""),
            (
                "{ url = \"http://h/{id}\" }",
                "no earlier step takes \"id\"; expected a step before it with take = { id =",
            ),
            ("{ url = \"http://h/\", take = { Id = \"$.id\" } }", "\"Id\" cannot stand for a value"),
            ("{ url = \"http://h/\", take = { id = \"/id\" } }", "\"/id\" is no JSON path"),
            (
                "{ url = \"http://h/\", headers = { authorization = \"Bearer {token}\" }, take = { token = \"$.t\" } }",
                "it holds a secret",
            ),
            ("{ url = \"http://h/\", certificate = \"14d\" }", "says nothing about an address without encryption"),
        ] {
            let told = told(workflow);
            assert!(told.contains(expected), "{told} lacks {expected}");
        }
    }
}
