//! The promises of the analyser, on incidents that never happened.

use std::process::Command;

use codeblue::{
    diagnosis::confidence::{EARNED, Platt, Quality, SHIPPED, WAITING, curve, earned},
    domain::{CAUSES, Cause, SEVERITY_FROM, SEVERITY_POINTS},
};
use serde_json::Value;

use crate::matrix::{Half, Mark, confusions, measure, shares, table};

/// How many there are of each family.
const SEEDS: std::ops::Range<u64> = 0..24;
/// Those of the families that nobody wrote rules for.
const FRESH: std::ops::Range<u64> = 100..124;
/// The most that is shown of a service that says nothing.
const MUTE: f64 = 0.7;

/// Whether the curve is fitted to a family, or held to it: every other one.
fn is_fitted(marks: &[Mark], family: &str) -> bool {
    let mut families: Vec<&str> = marks.iter().map(|mark| mark.family).collect();
    families.dedup();
    families.iter().position(|known| *known == family).is_some_and(|place| place % 2 == 0)
}

/// How many were right, of how many.
fn record<'a>(marks: impl Iterator<Item = &'a Mark>) -> (u32, u32) {
    marks.fold((0, 0), |(right, all), mark| (right + u32::from(mark.first), all + 1))
}

#[test]
fn the_cause_comes_first_what_is_proposed_heals_and_the_confidence_is_earned() {
    let halves = [Half::First, Half::Second, Half::Quiet].map(|half| measure(half, SEEDS));
    for marks in &halves {
        println!("{}{}", table(marks), confusions(marks));
    }
    let slowest = halves.iter().flatten().map(|mark| mark.took).max().unwrap();
    println!("the slowest took {slowest:?}");
    let [first, second, quiet] = &halves;
    let all: Vec<Mark> = first.iter().chain(second).copied().collect();
    assert!(all.len() >= 300, "{} incidents", all.len());
    let [named, third, _, fix] = shares(&all);
    assert!(named >= 0.90 && third >= 0.93, "top-1 {named}, top-3 {third}");
    assert!(fix >= 0.85, "first fix {fix}");
    let [abstained, ..] = shares(quiet);
    assert!(abstained >= 0.95, "abstained {abstained}");

    // The curve: fitted to every other family, held to the ones in between.
    let (fitted, held): (Vec<&Mark>, Vec<&Mark>) = all.iter().partition(|mark| is_fitted(&all, mark.family));
    let strangers: Vec<Mark> = [Half::Third, Half::Fourth].iter().flat_map(|half| measure(*half, FRESH)).collect();
    let (also, unseen): (Vec<&Mark>, Vec<&Mark>) =
        strangers.iter().partition(|mark| is_fitted(&strangers, mark.family));
    // What is passed on has its odds lowered before, so that one curve fits both.
    let odds = |mark: &Mark| {
        let passed = if mark.named.is_waiting() { WAITING } else { 0.0 };
        (mark.weight / (1.0 - mark.weight)).ln() + passed / SHIPPED.slope
    };
    let cases: Vec<(f64, bool, f64)> = fitted
        .iter()
        .chain(&also)
        .filter(|mark| mark.weight > 0.0 && mark.confidence != MUTE)
        .map(|mark| (odds(mark), mark.first, 1.0))
        .collect();
    println!("the curve fits best with {:?}; {SHIPPED:?} is shipped", Platt::fit(&cases));
    for (what, of) in [("fitted", &also), ("held", &unseen)] {
        let cases: Vec<(f64, bool)> =
            of.iter().map(|mark| (mark.confidence, mark.first && mark.weight > 0.0)).collect();
        let quality = Quality::of(&cases).unwrap();
        println!(
            "{what} families of strangers, what is shown: n {}, Brier {:.3}, ECE {:.3}",
            quality.cases, quality.brier, quality.ece
        );
        assert!(quality.cases >= 300 && quality.ece <= 0.1, "{what}: {quality:#?}");
    }
    // The families that the curve is fitted to earn what is shown from 95 % on; the ones in between are held to it.
    let curve = |mark: &Mark| curve(mark.named, mark.weight);
    let earning = fitted.iter().copied().chain(&strangers);
    let counted = record(earning.filter(|mark| mark.confidence > MUTE && curve(mark) >= 0.95));
    for (what, of) in [("fitted", &fitted), ("held", &held)] {
        let mute = record(of.iter().filter(|mark| mark.confidence == MUTE && curve(mark) > MUTE).copied());
        println!("{what} families, where a service says nothing: {} of {} were right", mute.0, mute.1);
    }
    println!("from 95 % on, {} of {} were right; {EARNED:?} is shipped", counted.0, counted.1);
    for (what, of) in [("the curve", &curve as &dyn Fn(&Mark) -> f64), ("what is shown", &|mark| mark.confidence)] {
        let cases: Vec<(f64, bool)> = held.iter().map(|mark| (of(mark), mark.first && mark.weight > 0.0)).collect();
        let quality = Quality::of(&cases).unwrap();
        println!("held families, {what}: n {}, Brier {:.3}, ECE {:.3}", quality.cases, quality.brier, quality.ece);
        assert!(quality.cases >= 300 && quality.ece <= 0.05 && quality.brier <= 0.10, "{what}: {quality:#?}");
    }
    let (right, cases) = record(held.iter().filter(|mark| mark.confidence >= 0.95).copied());
    println!("held families, shown 95 % or more: {right} of {cases} were right");
    assert!(cases == 0 || earned(right, cases) >= 0.95, "{right} of {cases}");
    assert!(earned(counted.0, counted.1) >= earned(EARNED.0, EARNED.1), "{counted:?}");
}

/// What families that nobody wrote rules for are held to.
struct Bounds {
    /// The least share named right, and of services and first fixes that are.
    named: f64,
    service: f64,
    fix: f64,
    /// The least share of the quiet ones in which nothing is named.
    abstained: f64,
    /// The largest error of what is shown.
    error: f64,
}

/// Measures families that nobody wrote rules for, and those of the same hand in which nothing is wrong.
fn measure_fresh(half: Half, quiet: Half, bounds: &Bounds) {
    let [marks, quiet] = [half, quiet].map(|half| measure(half, FRESH));
    for marks in [&marks, &quiet] {
        println!("{}{}", table(marks), confusions(marks));
    }
    let [named, third, service, fix] = shares(&marks);
    let [abstained, ..] = shares(&quiet);
    let cases: Vec<(f64, bool)> = marks.iter().map(|mark| (mark.confidence, mark.first && mark.weight > 0.0)).collect();
    let shown = Quality::of(&cases).unwrap();
    println!(
        "{} incidents: top-1 {named:.3}, top-3 {third:.3}, service {service:.3}, first fix {fix:.3}; of {} quiet ones \
         {abstained:.3} abstained; what is shown: Brier {:.3}, ECE {:.3}",
        marks.len(),
        quiet.len(),
        shown.brier,
        shown.ece
    );
    assert!(marks.len() >= 300, "{} incidents", marks.len());
    assert!(named >= bounds.named && third >= named, "top-1 {named}, top-3 {third}");
    assert!(service >= bounds.service && fix >= bounds.fix, "service {service}, first fix {fix}");
    assert!(abstained >= bounds.abstained, "abstained {abstained}");
    assert!(shown.ece <= bounds.error, "{shown:#?}");
}

#[test]
fn families_nobody_wrote_rules_for() {
    let bounds = Bounds { named: 0.7, service: 0.8, fix: 0.8, abstained: 0.95, error: 0.1 };
    measure_fresh(Half::Third, Half::ThirdQuiet, &bounds);
}

#[test]
fn families_of_a_second_stranger() {
    let bounds = Bounds { named: 0.6, service: 0.8, fix: 0.8, abstained: 0.95, error: 0.2 };
    measure_fresh(Half::Fourth, Half::FourthQuiet, &bounds);
}

#[test]
fn families_of_a_third_stranger() {
    let bounds = Bounds { named: 0.5, service: 0.7, fix: 0.7, abstained: 0.95, error: 0.2 };
    measure_fresh(Half::Fifth, Half::FifthQuiet, &bounds);
}

#[test]
fn the_page_about_diagnoses_has_every_cause_and_what_it_calls_for() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/diagnosis.md")).unwrap();
    let category = |cause: Cause| serde_json::to_value(cause.category()).unwrap();
    for row in CAUSES {
        let cells = format!("| {} | {} | {} | ", row.name, category(row.cause).as_str().unwrap(), row.approach.words());
        assert!(page.contains(&cells), "docs/diagnosis.md lacks:\n{cells}");
    }
}

#[test]
fn the_page_about_diagnoses_has_every_point_of_a_severity() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/diagnosis.md")).unwrap();
    let rows = SEVERITY_POINTS.map(|(_, points, words)| format!("| {points:+} | {words} |\n")).concat();
    assert!(page.contains(&rows), "docs/diagnosis.md lacks:\n{rows}");
    for (severity, from) in SEVERITY_FROM {
        let limit = format!("{severity} from {from} points");
        assert!(page.contains(&limit), "docs/diagnosis.md lacks: {limit}");
    }
}

#[test]
fn log_files_are_diagnosed_without_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let platform = file(
        "codeblue.toml",
        "[platform]\nname = \"Shop\"\nprofile = \"drill\"\n[[service]]\nname = \"redis\"\ncriticality = \"high\"\n\
         [[service]]\nname = \"auth\"\ncriticality = \"high\"\ndepends_on = [\"redis\"]\n",
    );
    let auth = file("auth.log", "2026-03-02 09:30:05 ERROR sessions: connect ECONNREFUSED redis:6379\n");
    let store = file("out.txt", "1:M 02 Mar 2026 09:30:01.003 # Can't save in background: No space left on device\n");
    let diagnose = |logs: &[String], form: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codeblue"));
        command.arg("diagnose").arg("--platform").arg(&platform).args(form);
        for log in logs {
            command.arg("--log").arg(log);
        }
        command.env("CODEBLUE_HOME", folder.path()).output().unwrap()
    };
    let logs = [auth.display().to_string(), format!("redis={}", store.display())];
    let answer = diagnose(&logs, &["--json"]);
    let document: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let found = (&document["rootCause"]["service"], &document["rootCauseCategory"], &document["approach"]);
    assert_eq!(found, (&"redis".into(), &"disk-full".into(), &"free-space".into()), "{document:#}");
    assert_eq!(document["affectedServices"], serde_json::json!(["redis", "auth"]));

    let page = String::from_utf8(diagnose(&logs, &[]).stdout).unwrap();
    let to_do = format!("to do       {}\n", Cause::DiskFull.approach().words());
    assert!(page.contains(&to_do), "{page}");

    let unknown = diagnose(&[store.display().to_string()], &["--json"]);
    assert_eq!(unknown.status.code(), Some(2));
    let told = String::from_utf8_lossy(&unknown.stderr);
    assert!(told.contains("does not say whose log it is") && told.contains("redis, auth"), "{told}");
}
