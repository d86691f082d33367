//! What people cannot do without for long: interrupted, reminded of, done by hand, carried again.

use std::{path::Path, sync::Arc};

use chrono::TimeDelta;
use codeblue::{
    domain::{Command, DowntimeMark, Event, Status, Verdict},
    platform::{Platform, parse},
};

use crate::desk::{Desk, person};

const FUNCTION: &str = "doses";

/// Doses, which two services do and which may be away for `longest`.
fn platform(longest: &str) -> Arc<Platform> {
    let service = |name: &str, does: &str| {
        format!(
            "[[service]]\nname = \"{name}\"\ncriticality = \"critical\"\nfunctions = [{does}]\n[[service.check]]\n\
             level = \"shallow\"\ntcp = \"127.0.0.1:1\"\n"
        )
    };
    let text = format!(
        "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n[access]\nsecond_factor = \"enrolled\"\n{}{}{}\
         [[operator]]\nname = \"alice\"\nroles = [\"technical-lead\"]\n[[operator]]\nname = \"vic\"\nroles = [\"viewer\"]\n\
         [[function]]\nname = \"{FUNCTION}\"\nmax_downtime = \"{longest}\"\nowner = \"the pharmacy\"\n\
         fallback = [\"open the downtime box\", \"chart on paper\"]\n",
        service("records-db", "\"doses\""),
        service("patient-api", "\"doses\", \"charts\""),
        service("handouts", ""),
    );
    Arc::new(parse(&text, Path::new("/srv/codeblue.toml")).unwrap_or_else(|problems| panic!("{problems}")))
}

fn judge(desk: &mut Desk, service: &str, status: Status) {
    let failing_since = (status == Status::Down).then(|| desk.now - TimeDelta::seconds(4));
    desk.engine(Command::RecordVerdict(Verdict {
        service: service.to_owned(),
        status,
        reason: "tcp".to_owned(),
        failing_since,
    }));
}

fn up(longest: &str) -> Desk {
    let mut desk = Desk::new(platform(longest));
    for service in ["records-db", "patient-api", "handouts"] {
        judge(&mut desk, service, Status::Healthy);
    }
    desk
}

/// When people were reminded of what, counted from the interruption.
fn reminders(desk: &Desk) -> Vec<(DowntimeMark, i64)> {
    let began = desk.log.iter().find_map(|recorded| match &recorded.event {
        Event::FunctionInterrupted { since, .. } => Some(*since),
        _ => None,
    });
    let marks = desk.log.iter().filter_map(|recorded| match &recorded.event {
        Event::FunctionTimeUsed { mark, .. } => Some((*mark, (recorded.at - began.unwrap()).num_seconds())),
        _ => None,
    });
    marks.collect()
}

#[test]
fn people_are_reminded_at_half_at_four_fifths_and_at_the_end_of_the_longest_downtime() {
    let mut desk = up("2m");
    judge(&mut desk, "handouts", Status::Down);
    assert!(desk.state.continuity.interruptions.is_empty(), "nobody needs it for doses");
    judge(&mut desk, "records-db", Status::Down);
    let interruption = desk.state.continuity.interruptions[FUNCTION].clone();
    assert_eq!(interruption.since, desk.now - TimeDelta::seconds(4), "users noticed before the judgement");
    assert_eq!(interruption.incident, desk.state.incident_of("records-db").map(|incident| incident.id));
    // The other one fails later, and the first comes back: it is one interruption.
    desk.wait(TimeDelta::seconds(40));
    judge(&mut desk, "patient-api", Status::Down);
    judge(&mut desk, "records-db", Status::Healthy);
    desk.wait(TimeDelta::minutes(5));
    let due = [(DowntimeMark::Half, 60), (DowntimeMark::Most, 96), (DowntimeMark::Full, 120)];
    assert_eq!(reminders(&desk), due);
    let called = desk.log.iter().filter_map(|recorded| match &recorded.event {
        Event::PeopleToCall { notice } if notice.reason.contains("doses") => Some(notice.reason.as_str()),
        _ => None,
    });
    let called: Vec<&str> = called.collect();
    assert_eq!(called.len(), 3, "{called:?}");
    assert_eq!(called[2], "doses: its longest downtime is OVER, NOT done by hand yet; the pharmacy answers for it");
    judge(&mut desk, "patient-api", Status::Healthy);
    assert!(desk.state.continuity.interruptions.is_empty());
    let mut told = desk.state.incidents.values().flat_map(|incident| &incident.timeline);
    assert!(told.any(|entry| entry.text == "doses is carried by the platform again"));
    desk.wait(TimeDelta::hours(1));
    assert_eq!(reminders(&desk).len(), 3, "what is over reminds nobody");
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn working_by_hand_is_reminded_of_after_five_minutes_unless_it_has_begun() {
    let mut late = up("1h");
    judge(&mut late, "records-db", Status::Down);
    late.wait(TimeDelta::minutes(6));
    assert_eq!(reminders(&late), [(DowntimeMark::Activation, 300)]);

    let mut desk = up("1h");
    let alice = person("alice");
    judge(&mut desk, "records-db", Status::Down);
    desk.wait(TimeDelta::seconds(90));
    let activate = Command::ActivateFallback { function: FUNCTION.to_owned(), reason: "no charts".to_owned() };
    assert!(desk.give(&person("vic"), activate.clone()).is_err(), "who only looks decides nothing");
    assert_eq!(desk.must(&alice, activate.clone()).len(), 1);
    assert!(desk.must(&alice, activate).is_empty(), "it is so already");
    assert_eq!(desk.state.continuity.fallbacks[FUNCTION].after, Some(TimeDelta::seconds(94)));
    let step = |step| Command::FinishFallbackStep { function: FUNCTION.to_owned(), step };
    assert_eq!(desk.give(&alice, step(3)).unwrap_err().rule, "no-such-step");
    assert_eq!(desk.give(&alice, step(0)).unwrap_err().rule, "no-such-step");
    desk.must(&alice, step(2));
    assert!(desk.must(&alice, step(2)).is_empty());
    desk.wait(TimeDelta::minutes(10));
    assert_eq!(reminders(&desk), [], "they work by hand");
    judge(&mut desk, "records-db", Status::Healthy);
    assert_eq!(desk.state.continuity.fallbacks[FUNCTION].done.len(), 1, "people say when it ends");
    let end = Command::EndFallback { function: FUNCTION.to_owned(), note: "40 doses to enter".to_owned() };
    desk.must(&alice, end.clone());
    assert_eq!(desk.give(&alice, end).unwrap_err().rule, "not-by-hand");
    let unknown = Command::ActivateFallback { function: "dosis".to_owned(), reason: "x".to_owned() };
    assert!(desk.give(&alice, unknown).is_err());
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn planned_work_interrupts_nothing_and_a_function_that_is_taken_out_of_the_file_is_over() {
    let mut desk = up("1h");
    let until = desk.now + TimeDelta::hours(1);
    let service = "records-db".to_owned();
    desk.must(
        &person("alice"),
        Command::StartMaintenance { service: service.clone(), until, reason: "update".to_owned() },
    );
    judge(&mut desk, "records-db", Status::Down);
    assert!(desk.state.continuity.interruptions.is_empty());
    desk.must(&person("alice"), Command::EndMaintenance { service });
    judge(&mut desk, "records-db", Status::Down);
    assert!(desk.state.continuity.interruptions.contains_key(FUNCTION));
    let mut other = Platform::clone(&desk.state.platform);
    other.functions.clear();
    desk.engine(Command::LoadPlatform { platform: Arc::new(other) });
    assert!(desk.state.continuity.interruptions.is_empty());
    desk.wait(TimeDelta::hours(2));
    assert_eq!(reminders(&desk), []);
}
