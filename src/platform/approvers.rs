//! Whether the levels of `[approvals]` make sense, and whether the file names the people they need: whoever asks for a change,
//! others must be able to agree, each as one role. A rule that nobody can fulfil would be found out in an outage.

use std::slice;

use super::{
    model::{Platform, Role},
    reader::Reader,
    validate::{ApprovalSpans, Spans},
    words::count,
};

/// Notes what is wrong between the levels, and between them and the operators of the file.
pub(super) fn validate(platform: &Platform, spans: &Spans, reader: &mut Reader) {
    let Some(spans) = &spans.approvals else { return };
    let place = |level: &str| format!("approvals.{level}");
    let levels = platform.approvals.named();
    let sound: Vec<_> = levels.iter().map(|(level, _)| !reader.complained_of(&place(level))).collect();
    for (pair, sound) in levels.windows(2).zip(sound.windows(2)) {
        let ((lower, less), (higher, more)) = (pair[0], pair[1]);
        if sound.contains(&false) || unfilled(less, &one_each(more), None).is_empty() {
            continue;
        }
        if let Some(at) = written(spans, higher) {
            let what = format!("it asks for less than {lower}, which is {}", listed(less));
            reader.problem(at, &place(higher), what, format!("at least as much as {lower}"));
        } else if let Some(at) = written(spans, lower) {
            let what = format!("it asks for more than {higher}, which is {} unless it is written", listed(more));
            reader.problem(at, &place(lower), what, format!("{higher} with at least as much"));
        }
    }
    // Who is named wrongly is not missing as well.
    if platform.operators.is_empty() || reader.complained_of("operator") {
        return;
    }
    let people: Vec<&[Role]> = platform.operators.iter().map(|operator| operator.roles.as_slice()).collect();
    for ((level, asked), _) in levels.into_iter().zip(sound).filter(|(_, sound)| *sound) {
        let Some(shortage) = shortage(asked, &people) else { continue };
        let names: Vec<_> = shortage.asks.iter().map(|person| platform.operators[*person].name.as_str()).collect();
        let who = if names.is_empty() { "whoever".to_owned() } else { format!("when {}", names.join(" or ")) };
        let mut what = format!("{who} asks, nobody is left to agree as {}", roles(&shortage.unfilled));
        let at = written(spans, level).unwrap_or_else(|| {
            what += &format!(" (it is {} unless it is written)", listed(asked));
            spans.table
        });
        let more = additions(asked, people.clone());
        let expected = format!("{}: {}", count(more.len(), "more operator"), roles(&more));
        reader.problem(at, &place(level), what, expected);
    }
}

/// Where a level stands, if it is written.
fn written(spans: &ApprovalSpans, level: &str) -> Option<usize> {
    spans.levels.iter().find(|written| written.value == level).map(|written| written.at)
}

fn listed(asked: &[Role]) -> String {
    roles(&asked.iter().collect::<Vec<_>>())
}

fn roles(roles: &[&Role]) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" and ")
}

fn one_each(roles: &[Role]) -> Vec<&[Role]> {
    roles.iter().map(slice::from_ref).collect()
}

/// Whose asking leaves the most roles without anybody, and which.
struct Shortage<'a> {
    /// Places of people; none when it is so whoever asks.
    asks: Vec<usize>,
    unfilled: Vec<&'a Role>,
}

/// How bad it is that these roles are left: whoever is added for the highest of them can stand in for the others.
fn weight<'a>(unfilled: &[&'a Role]) -> (usize, Option<&'a Role>) {
    (unfilled.len(), unfilled.last().copied())
}

/// What is worst, if anything is. Only who is needed to fill a role is missed when they ask: everybody else leaves all as it is.
fn shortage<'a>(asked: &'a [Role], people: &[&[Role]]) -> Option<Shortage<'a>> {
    let seats = seats(asked, people, None);
    let mut worst = Shortage { asks: Vec::new(), unfilled: unfilled(asked, people, None) };
    for person in seats.into_iter().flatten() {
        let unfilled = unfilled(asked, people, Some(person));
        if weight(&unfilled) > weight(&worst.unfilled) {
            worst = Shortage { asks: vec![person], unfilled };
        } else if !worst.asks.is_empty() && unfilled == worst.unfilled {
            worst.asks.push(person);
        }
    }
    worst.asks.sort_unstable();
    (!worst.unfilled.is_empty()).then_some(worst)
}

/// The roles that would have to be held by more people, so that nothing is left without anybody.
fn additions<'a>(asked: &'a [Role], mut people: Vec<&'a [Role]>) -> Vec<&'a Role> {
    let mut more = Vec::new();
    while let Some(role) = shortage(asked, &people).and_then(|shortage| shortage.unfilled.into_iter().max()) {
        people.push(slice::from_ref(role));
        more.push(role);
    }
    more
}

/// The roles for which nobody is left when one of the people asks.
fn unfilled<'a>(asked: &'a [Role], people: &[&[Role]], asks: Option<usize>) -> Vec<&'a Role> {
    let seats = seats(asked, people, asks);
    asked.iter().zip(seats).filter(|(_, seat)| seat.is_none()).map(|(role, _)| role).collect()
}

/// Who fills which role: as many roles as can be, the last first, and nobody two of them.
fn seats(asked: &[Role], people: &[&[Role]], asks: Option<usize>) -> Vec<Option<usize>> {
    let mut seats = vec![None; asked.len()];
    for role in (0..asked.len()).rev() {
        let mut tried = vec![false; people.len()];
        if let Some(asks) = asks {
            tried[asks] = true;
        }
        seat(role, asked, people, &mut seats, &mut tried);
    }
    seats
}

/// Finds somebody for a role, where need be by finding somebody else for the role they fill: an augmenting path.
fn seat(role: usize, asked: &[Role], people: &[&[Role]], seats: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for (person, roles) in people.iter().enumerate() {
        if tried[person] || !roles.iter().any(|own| own.stands_for(asked[role])) {
            continue;
        }
        tried[person] = true;
        let filled = seats.iter().position(|seat| *seat == Some(person));
        if filled.is_none_or(|filled| seat(filled, asked, people, seats, tried)) {
            seats[role] = Some(person);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, path::Path};

    use crate::platform::{Platform, Problems, parse};

    /// A platform with these levels and these people.
    fn read(levels: &str, people: &[(&str, &str)]) -> Result<Platform, Problems> {
        let mut text = format!("[platform]\nname = \"Ward\"\n[[service]]\nname = \"auth\"\n[approvals]\n{levels}\n");
        for (name, roles) in people {
            let _ = write!(text, "[[operator]]\nname = \"{name}\"\nroles = [{roles}]\n");
        }
        parse(&text, Path::new("codeblue.toml"))
    }

    fn told(levels: &str, people: &[(&str, &str)]) -> Vec<String> {
        let problems = read(levels, people).expect_err("the file should be refused");
        problems.iter().map(|problem| problem.to_string().replacen("codeblue.toml:", "", 1)).collect()
    }

    const LEAD: &str = "\"technical-lead\"";
    const CTO: &str = "\"cto\"";

    #[test]
    fn a_higher_level_asks_for_at_least_as_much() {
        for levels in [
            "low = [\"technical-lead\"]\nmedium = [\"technical-lead\"]",
            "high = [\"engineer\", \"technical-lead\"]",
            "high = [\"compliance-officer\", \"engineer\"]\ncritical = [\"cto\", \"compliance-officer\"]",
        ] {
            read(levels, &[]).unwrap_or_else(|problems| panic!("{problems}"));
        }
        assert_eq!(
            told("high = [\"engineer\"]\nmedium = [\"technical-lead\"]", &[]),
            [
                "6: approvals.high: it asks for less than medium, which is technical-lead; expected at least as much as medium"
            ]
        );
        assert_eq!(
            told("high = [\"cto\"]\nmedium = [\"engineer\", \"engineer\"]", &[]),
            [
                "6: approvals.high: it asks for less than medium, which is engineer and engineer; expected at least as much as medium"
            ],
            "one person is not two"
        );
        assert_eq!(
            told("critical = [\"cto\"]\nhigh = [\"compliance-officer\", \"engineer\"]", &[]),
            [
                "6: approvals.critical: it asks for less than high, which is engineer and compliance-officer; expected at least as much as high"
            ],
        );
        assert_eq!(
            told("low = [\"cto\"]", &[]),
            [
                "6: approvals.low: it asks for more than medium, which is engineer unless it is written; expected medium with at least as much"
            ]
        );
    }

    #[test]
    fn whoever_asks_others_are_left_to_agree() {
        let all = "low = [\"engineer\"]";
        read(all, &[("alice", LEAD), ("bob", CTO), ("carol", CTO)]).unwrap();
        read(all, &[]).unwrap();
        assert_eq!(
            told(all, &[("alice", LEAD), ("bob", "\"engineer\""), ("carol", CTO)]),
            [
                "5: approvals.critical: when carol asks, nobody is left to agree as cto (it is technical-lead and cto unless it is written); expected 1 more operator: cto"
            ]
        );
        assert_eq!(
            told(
                "high = [\"technical-lead\"]\ncritical = [\"technical-lead\", \"technical-lead\"]",
                &[("alice", LEAD), ("vic", "\"viewer\""), ("carol", CTO),]
            ),
            [
                "7: approvals.critical: when alice or carol asks, nobody is left to agree as technical-lead; expected 1 more operator: technical-lead"
            ]
        );
        assert_eq!(
            told("critical = [\"cto\", \"compliance-officer\"]", &[("alice", LEAD), ("ben", LEAD)]),
            [
                "6: approvals.critical: whoever asks, nobody is left to agree as cto and compliance-officer; expected 4 more operators: compliance-officer and compliance-officer and cto and cto"
            ]
        );
    }

    #[test]
    fn one_person_with_two_roles_fills_one_of_them() {
        let levels = "critical = [\"technical-lead\", \"cto\", \"compliance-officer\"]";
        let both = "\"compliance-officer\", \"cto\"";
        read(levels, &[("a", both), ("b", both), ("c", both), ("d", LEAD)]).unwrap();
        assert_eq!(
            told(levels, &[("a", both), ("b", both), ("c", LEAD), ("d", LEAD)]),
            ["6: approvals.critical: when a or b asks, nobody is left to agree as cto; expected 1 more operator: cto"]
        );
    }

    #[test]
    fn a_wrong_role_is_not_a_missing_person_as_well() {
        let problems = told("low = [\"engineer\"]", &[("alice", "\"technical-laed\""), ("bob", CTO)]);
        assert_eq!(problems.len(), 1, "{problems:#?}");
    }
}
