//! Each book is walked through while one of its drills is held, in every way that it has; what no walk comes to is told.
//!
//! `CODEBLUE_WRITE_COVERAGE=1` writes the page that the test holds to be true.

use std::time::Instant;

use chrono::Utc;
use codeblue::{
    domain::{Command, Event, IncidentId, Severity},
    engine::Answer,
    sandbox,
};

use super::{
    demo::Demo,
    routes::{TOURS, Tour},
    table::{PAGE, drills, empty_rows, page},
    walker::{Coverage, Walker, add},
};

/// On a busy machine a check is late now and then, and what was just done does not count as proved: people do it once more.
const SECOND_TRIES: usize = 1;

/// A seed that draws a variant, leads nobody astray and begins soon; and where the cause sits.
pub fn seed_for(drill: &str, variant: usize) -> (u64, String) {
    let volumes = sandbox::library(None).unwrap();
    let file = sandbox::find(&volumes, drill).unwrap_or_else(|| panic!("there is no drill {drill}"));
    let file = file.drill.as_ref().unwrap();
    let seed = (1..2000).find(|seed| {
        let drawn = sandbox::draw(file, *seed, false).unwrap();
        drawn.faults == file.variants[variant].faults && drawn.decoys.is_empty() && drawn.quiet.as_secs() <= 1
    });
    (seed.unwrap(), file.variants[variant].blame.service.clone())
}

/// The incident that a command has opened.
pub fn opened(answer: &Answer) -> IncidentId {
    let opened = answer.events.iter().find_map(|one| match &one.event {
        Event::IncidentOpened { incident, .. } => Some(*incident),
        _ => None,
    });
    opened.unwrap()
}

/// Holds one drill, walks all its routes, and sees it through to its end; what stood in the way.
async fn take(demo: &Demo, tour: &Tour) -> (Coverage, Vec<String>) {
    let mut problems = Vec::new();
    let (seed, service) = seed_for(tour.drill, tour.variant);
    demo.steady().await;
    if tour.deployed {
        demo.deploy("v39").await;
        demo.deploy("v40").await;
    }
    let since = Utc::now();
    let begun = Instant::now();
    let held = demo.hold(&[tour.drill, "--seed", &seed.to_string(), "--mode", "guided", "--limit", "15m"]).await;
    let declare = Command::DeclareIncident {
        severity: Severity::Sev2,
        title: format!("{service} is not as it should be"),
        services: vec![service],
    };
    let incident = opened(&demo.client("alice").submit(&declare).await.unwrap());
    let mut walker = Walker { demo, drill: tour.drill, since, incident, coverage: Coverage::new() };
    for (number, route) in (1..).zip(tour.routes) {
        let mut walked = walker.walk(tour.book, route).await;
        for _ in 0..SECOND_TRIES {
            let Err(problem) = &walked else { break };
            println!("{:6.1} {} {number}: {problem}", begun.elapsed().as_secs_f32(), tour.drill);
            walker.leave().await;
            walked = walker.walk(tour.book, route).await;
        }
        println!("{:6.1} {} {number}: {walked:?}", begun.elapsed().as_secs_f32(), tour.drill);
        if let Err(problem) = walked {
            problems.push(format!("{}, walk {number}: {problem}", tour.drill));
            walker.leave().await;
        }
    }
    if problems.is_empty() {
        walker.resolve_all().await;
    } else {
        demo.ask(&["drill", "abort", "--reason", "the walk has failed"]);
        walker.resolve_all().await;
    }
    let (code, told) = held.over().await;
    println!("{:6.1} {} is over: {}", begun.elapsed().as_secs_f32(), tour.drill, told["total"]);
    if code != 0 && problems.is_empty() {
        problems.push(format!("{} was not held to its end: {told}", tour.drill));
    }
    (walker.coverage, problems)
}

#[test]
fn every_drill_that_a_book_names_is_there_and_a_step_of_the_book_cures_it() {
    let found = drills().unwrap_or_else(|missing| panic!("{}", missing.join("\n")));
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    if std::env::var_os("CODEBLUE_WRITE_COVERAGE").is_some() {
        let tables = written.split("\n## Which drill each book names").next().unwrap_or_default();
        std::fs::write(PAGE, tables.to_owned() + &found).unwrap();
        return;
    }
    assert!(
        written.ends_with(&found),
        "docs/coverage.md is no longer true; write it anew with CODEBLUE_WRITE_COVERAGE=1:\n{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_every_book_is_run_by_a_drill() {
    let groups = TOURS.map(|tours| {
        tokio::spawn(async move {
            let demo = Demo::start(&[]).await;
            let mut taken = Vec::new();
            for tour in tours {
                taken.push(take(&demo, tour).await);
            }
            taken
        })
    });
    let (mut coverage, mut problems) = (Coverage::new(), Vec::new());
    for group in groups {
        for (walked, found) in group.await.unwrap() {
            add(&mut coverage, walked);
            problems.extend(found);
        }
    }
    let found = page(&coverage);
    println!("{found}");
    problems.extend(empty_rows(&coverage));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    if std::env::var_os("CODEBLUE_WRITE_COVERAGE").is_some() {
        std::fs::write(PAGE, &found).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(written, found, "docs/coverage.md is no longer true; write it anew with CODEBLUE_WRITE_COVERAGE=1");
}
