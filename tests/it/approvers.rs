//! A platform file whose levels are accepted never leaves a change without the people it needs; and the file and the engine mean
//! the same when they say that somebody may agree.

use std::{fmt::Write, path::Path};

use codeblue::{
    domain::Operator,
    platform::{self, ApprovalLevels, Role},
};
use proptest::prelude::*;

const ROLES: [Role; 5] = [Role::Viewer, Role::Engineer, Role::TechnicalLead, Role::Cto, Role::ComplianceOfficer];

fn listed(roles: &[Role]) -> String {
    let names: Vec<_> = roles.iter().map(|role| format!("\"{}\"", role.name())).collect();
    format!("[{}]", names.join(", "))
}

fn file(levels: &[Vec<Role>], people: &[Vec<Role>]) -> String {
    let mut text = "[platform]\nname = \"Ward\"\n[[service]]\nname = \"auth\"\n[approvals]\n".to_owned();
    for (level, roles) in ["low", "medium", "high", "critical"].iter().zip(levels) {
        let _ = writeln!(text, "{level} = {}", listed(roles));
    }
    for (place, roles) in people.iter().enumerate() {
        let _ = write!(text, "[[operator]]\nname = \"p{place}\"\nroles = {}\n", listed(roles));
    }
    text
}

fn operators(people: &[Vec<Role>]) -> Vec<Operator> {
    people.iter().map(|roles| Operator { roles: roles.iter().copied().collect(), ..Operator::default() }).collect()
}

/// Whether each role can be filled by another of the people: tries them all.
fn filled(asked: &[Role], people: &[&Operator]) -> bool {
    let Some((first, others)) = asked.split_first() else { return true };
    (0..people.len()).any(|place| {
        let mut rest = people.to_vec();
        rest.remove(place).can_stand_for(*first) && filled(others, &rest)
    })
}

/// Whether a change of that level can be agreed to, whoever of the people asks for it.
fn always_filled(asked: &[Role], people: &[Operator]) -> bool {
    let asks = |place: usize| {
        let others: Vec<_> =
            people.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, who)| who).collect();
        filled(asked, &others)
    };
    let mut who = (0..people.len()).filter(|place| people[*place].may_act()).peekable();
    who.peek().is_some() && who.all(asks)
}

/// Whether the higher of each two levels has, for each role of the lower, another that may stand for it.
fn grows(levels: &[Vec<Role>]) -> bool {
    levels.windows(2).all(|pair| {
        let more: Vec<Vec<Role>> = pair[1].iter().map(|role| vec![*role]).collect();
        filled(&pair[0], &operators(&more).iter().collect::<Vec<_>>())
    })
}

fn some_roles(from: usize, sizes: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Role>> {
    prop::collection::vec(prop::sample::select(&ROLES[from..]), sizes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn levels_are_accepted_exactly_when_whoever_asks_others_can_agree(
        levels in prop::collection::vec(some_roles(1, 1..=3), 4),
        same in any::<bool>(),
        people in prop::collection::vec(some_roles(0, 0..=2), 1..=7),
    ) {
        // Four levels at random seldom grow: half of the time one stands for all.
        let levels = if same { vec![levels[0].clone(); 4] } else { levels };
        let staff = operators(&people);
        let expected = grows(&levels) && levels.iter().all(|asked| always_filled(asked, &staff));
        let read = platform::parse(&file(&levels, &people), Path::new("codeblue.toml"));
        prop_assert_eq!(read.is_ok(), expected, "{:?}", read);
    }

    #[test]
    fn who_is_missing_is_told_rightly(
        asked in some_roles(1, 1..=3),
        mut people in prop::collection::vec(some_roles(0, 0..=2), 1..=5),
    ) {
        let levels = vec![asked.clone(); 4];
        if let Err(problems) = platform::parse(&file(&levels, &people), Path::new("codeblue.toml")) {
            let problem = problems.iter().next().unwrap();
            let (_, more) = problem.expected.split_once(": ").unwrap();
            let named = more.split(" and ").map(|name| ROLES.into_iter().find(|role| role.name() == name).unwrap());
            people.extend(named.map(|role| vec![role]));
            prop_assert!(always_filled(&asked, &operators(&people)), "{}", problem);
        }
    }
}

#[test]
fn the_levels_that_hold_unless_the_file_says_otherwise_are_right_themselves() {
    let usual = ApprovalLevels::default().named().map(|(_, roles)| roles.to_vec());
    let people = [vec![Role::TechnicalLead], vec![Role::Cto], vec![Role::Cto]];
    platform::parse(&file(&usual, &people), Path::new("codeblue.toml")).unwrap();
}
