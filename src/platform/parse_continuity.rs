//! The critical functions of a platform file.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    continuity::CriticalFunction,
    reader::{Found, Reader, Section, Value},
    validate::{FunctionSpans, Spans},
};

/// Characters of a function's name, as where services name it.
const NAME: usize = 80;
/// Characters of a step, of a contact and of an owner.
const LINE: usize = 200;
const MOST_STEPS: usize = 30;
const MOST_CONTACTS: usize = 10;
const DOWNTIME: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3600);
const STEPS: &str = "how it is done by hand, a list of steps";

pub(super) fn function(
    mut section: Section<'_, '_>,
    reader: &mut Reader,
    spans: &mut Spans,
) -> Option<CriticalFunction> {
    let name =
        section.require(reader, "name", "what people do, such as \"medication doses\"", |reader, value, place| {
            reader.one_line(value, place, "what people do", NAME)
        });
    let services = section.read(reader, "services", |reader, value, place| {
        let items = reader.items(value, place, "services");
        Some(items.iter().filter_map(|item| reader.text(item, place, "the name of a service")).collect::<Vec<_>>())
    });
    let max_downtime =
        section.require(reader, "max_downtime", "how long it may be interrupted, such as \"30m\"", downtime);
    let fallback = section.require(reader, "fallback", STEPS, |reader, value, place| {
        let steps = lines(reader, value, place, "steps", MOST_STEPS)?;
        if steps.is_empty() && !reader.complained_of(place) {
            reader.problem(value.span().start, place, "it is empty", STEPS);
        }
        Some(steps)
    });
    let owner =
        section.read(reader, "owner", |reader, value, place| reader.one_line(value, place, "who answers for it", LINE));
    let contacts =
        section.read(reader, "contacts", |reader, value, place| lines(reader, value, place, "contacts", MOST_CONTACTS));
    section.finish(reader);
    let (name, services) = (name?, services.unwrap_or_default());
    let names = services.iter().map(|service| service.value.clone()).collect();
    spans.functions.push(FunctionSpans { name: name.at, services });
    Some(CriticalFunction {
        name: name.value,
        services: names,
        max_downtime: max_downtime?,
        fallback: fallback?,
        owner: owner.map(|owner| owner.value),
        contacts: contacts.unwrap_or_default(),
    })
}

fn downtime(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Duration> {
    let read = reader.duration(value, place)?;
    if !DOWNTIME.contains(&read) {
        reader.problem(value.span().start, place, "nobody can keep to that", "one minute to 30 days");
    }
    Some(read)
}

fn lines(reader: &mut Reader, value: &Value<'_>, place: &str, of: &str, most: usize) -> Option<Vec<String>> {
    let items = reader.items(value, place, of);
    if let Some(item) = items.get(most) {
        reader.problem(item.span().start, place, format!("there are {}", items.len()), format!("at most {most}"));
    }
    let lines: Vec<Found<String>> = items.iter().filter_map(|item| reader.one_line(item, place, of, LINE)).collect();
    Some(lines.into_iter().map(|line| line.value).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::platform::{Platform, Problems, explain, parse};

    const HEAD: &str = "[platform]\nname = \"Ward\"\n[[service]]\nname = \"records-db\"\nfunctions = [\"doses\"]\n[[service]]\n\
                        name = \"patient-api\"\nfunctions = [\"doses\", \"charts\"]\n";

    fn read(text: &str) -> Result<Platform, Problems> {
        parse(&format!("{HEAD}{text}"), Path::new("codeblue.toml"))
    }

    #[test]
    fn a_function_stands_on_the_services_that_name_it_or_on_those_it_names() {
        let platform = read(
            "[[function]]\nname = \"doses\"\nmax_downtime = \"30m\"\nfallback = [\"open the downtime box\", \"chart on paper\"]\n\
             owner = \"pharmacy\"\ncontacts = [\"pharmacy lead, extension 4711\"]\n\
             [[function]]\nname = \"rounds\"\nservices = [\"patient-api\"]\nmax_downtime = \"8h\"\nfallback = [\"by phone\"]\n",
        )
        .unwrap_or_else(|problems| panic!("{problems}"));
        let services = |name: &str| -> Vec<&str> { platform.services_of(platform.function(name).unwrap()).collect() };
        assert_eq!(services("doses"), ["records-db", "patient-api"]);
        assert_eq!(services("rounds"), ["patient-api"]);
        let told = explain(&platform);
        assert!(told.contains("What people cannot do without"), "{told}");
        assert!(
            told.contains("doses: 30m at most, needs records-db, patient-api; by hand in 2 steps; pharmacy"),
            "{told}"
        );
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let text = "[[function]]\nname = \"dosis\"\nmax_downtime = \"30m\"\nfallback = [\"a\"]\n\
                    [[function]]\nname = \"doses\"\nservices = [\"patient-ap\"]\nmax_downtime = \"5s\"\nfallback = []\n\
                    [[function]]\nname = \"doses\"\nmax_downtime = \"1h\"\nfallback = [\"a\\nb\"]\nphone = 1\n";
        let told = read(text).expect_err("the file should be refused").to_string();
        for expected in [
            "codeblue.toml:10: function.name: no service does \"dosis\"; did you mean \"doses\"?",
            "codeblue.toml:15: function.services: no service is named \"patient-ap\"; did you mean \"patient-api\"?",
            "codeblue.toml:16: function.max_downtime: nobody can keep to that; expected one minute to 30 days",
            "codeblue.toml:17: function.fallback: it is empty; expected how it is done by hand, a list of steps",
            "codeblue.toml:19: function.name: two functions are named \"doses\" (see line 14); expected another one",
            "codeblue.toml:21: function.fallback:",
            "codeblue.toml:22: function: unknown key \"phone\"",
        ] {
            assert!(told.contains(expected), "{expected}\n{told}");
        }
    }
}
