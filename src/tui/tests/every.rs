//! Every page there is, in several hours of a platform. A new variant of `Screen` does not compile here until it has a sample, and so
//! is swept over all sizes and has its pictures.

use chrono::TimeDelta;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    scene::{Scene, picture},
    walk_scene::Walk,
};
use crate::{
    domain::{
        BreakGlassId, ChangeId, Command, DiagnosisId, DrillId, ForcedTo, IncidentId, RecoveryId, RunId, Severity,
        SnapshotId,
    },
    tui::{
        marks::Marks,
        model::{Model, Pane, Part, Screen},
        theme::Theme,
        view,
    },
};

/// Writes down every variant of `Screen`: what its picture is called, and one of it.
macro_rules! every_screen {
    ($model:ident, $($variant:pat => $name:literal: $sample:expr,)*) => {
        /// What a page is called in pictures.
        pub fn name_of(screen: &Screen) -> &'static str {
            match screen { $($variant => $name,)* }
        }

        /// One of every page, of what a board knows as far as it knows one.
        pub fn every_screen($model: &Model) -> Vec<Screen> {
            vec![$($sample,)*]
        }
    };
}

every_screen! { model,
    Screen::Board => "board": Screen::Board,
    Screen::Service(_) => "service": Screen::Service(service(model)),
    Screen::Incident(_) => "incident": Screen::Incident(incident(model)),
    Screen::Approvals => "approvals": Screen::Approvals,
    Screen::Diagnosis(..) => "diagnosis": Screen::Diagnosis(incident(model), None),
    Screen::Evidence(..) => "evidence": evidence(model),
    Screen::Prompt(_) => "prompt": Screen::Prompt(diagnosis(model)),
    Screen::Reliability => "reliability": Screen::Reliability,
    Screen::Knowledge => "knowledge": Screen::Knowledge,
    Screen::Article(_) => "article": Screen::Article(article(model)),
    Screen::Patterns(_) => "patterns": Screen::Patterns(None),
    Screen::Pattern(_) => "pattern": Screen::Pattern("a1b2c3".to_owned()),
    Screen::Change(_) => "change": Screen::Change(change(model)),
    Screen::BreakGlass(_) => "break-glass": Screen::BreakGlass(first(model.state.break_glass.keys()).unwrap_or(BreakGlassId(1))),
    Screen::Templates => "templates": Screen::Templates,
    Screen::Plan => "plan": Screen::Plan,
    Screen::Snapshots => "snapshots": Screen::Snapshots,
    Screen::Difference(..) => "difference": Screen::Difference(SnapshotId(1), None),
    Screen::Recovery(_) => "recovery": Screen::Recovery(first(model.state.recoveries.keys()).unwrap_or(RecoveryId(1))),
    Screen::Recoveries => "recoveries": Screen::Recoveries,
    Screen::Books(_) => "books": Screen::Books(None),
    Screen::Book(_) => "book": Screen::Book("RB-02-database-connection".to_owned()),
    Screen::Run(_) => "run": Screen::Run(run(model)),
    Screen::StepWhy(..) => "step-why": Screen::StepWhy(run(model), "see".to_owned()),
    Screen::RunText(_) => "run-text": Screen::RunText(run(model)),
    Screen::Drills => "drills": Screen::Drills,
    Screen::Drill(_) => "drill": Screen::Drill(first(model.state.drills.held.keys()).unwrap_or(DrillId(1))),
    Screen::HeatMap => "heat-map": Screen::HeatMap,
    Screen::Metrics => "metrics": Screen::Metrics,
    Screen::Changed => "changed": Screen::Changed,
    Screen::Errors => "errors": Screen::Errors,
    Screen::Breakers => "breakers": Screen::Breakers,
    Screen::Team => "team": Screen::Team,
    Screen::OnCall => "on-call": Screen::OnCall,
    Screen::Operator(_) => "operator": Screen::Operator("alice".to_owned()),
    Screen::Hosts => "hosts": Screen::Hosts,
    Screen::Map => "map": Screen::Map,
    Screen::Calendar => "calendar": Screen::Calendar,
    Screen::Continuity => "continuity": Screen::Continuity,
    Screen::Function(_) => "function": Screen::Function("charts".to_owned()),
    Screen::Journal => "journal": Screen::Journal,
    Screen::Event(_) => "event": Screen::Event(model.recent.back().map_or(1, |recorded| recorded.seq)),
    Screen::Help => "help": Screen::Help,
}

fn first<T: Copy>(mut all: impl Iterator<Item = impl std::ops::Deref<Target = T>>) -> Option<T> {
    all.next().map(|one| *one)
}

fn service(model: &Model) -> String {
    model.state.platform.services.first().map_or_else(|| "patient-api".to_owned(), |service| service.name.clone())
}

fn incident(model: &Model) -> IncidentId {
    first(model.state.incidents.keys()).unwrap_or(IncidentId(1))
}

fn change(model: &Model) -> ChangeId {
    first(model.state.changes.keys()).unwrap_or(ChangeId(1))
}

fn diagnosis(model: &Model) -> DiagnosisId {
    first(model.state.diagnoses.keys()).unwrap_or(DiagnosisId(1))
}

fn run(model: &Model) -> RunId {
    first(model.state.runs.keys()).unwrap_or(RunId(1))
}

fn article(model: &Model) -> String {
    model.state.knowledge.articles.keys().next().cloned().unwrap_or_else(|| "none".to_owned())
}

fn evidence(model: &Model) -> Screen {
    let found = model.state.diagnoses.values().find_map(|diagnosis| Some((diagnosis.id, diagnosis.document()?)));
    match found {
        Some((id, document)) => {
            Screen::Evidence(id, document.root_cause.service.clone(), document.root_cause.issue.clone())
        }
        None => Screen::Evidence(DiagnosisId(1), service(model), "none".to_owned()),
    }
}

/// An outage in which somebody holds a breaker, and one has opened.
fn outage() -> Scene {
    let mut scene = Scene::outage();
    let until = scene.now + TimeDelta::minutes(20);
    let (service, reason) = ("records-db".to_owned(), "vendor says stay away".to_owned());
    scene.give_as(super::scene::by("alice"), Command::ForceBreaker { service, to: ForcedTo::Open, until, reason });
    scene
}

/// Boards in several hours: nothing heard yet, all well, an outage, a runbook under way, the link lost.
pub fn boards() -> Vec<(&'static str, Model)> {
    let calm = Scene::healthy().seen_by("alice");
    let nothing = Model::new(calm.now, Vec::new());
    let mut declared = Scene::healthy();
    let services = Vec::new();
    declared.give(Command::DeclareIncident {
        severity: Severity::Sev2,
        title: "術後病棟 \u{1f6a8} slow".repeat(9),
        services,
    });
    let mut zoomed = outage().seen_by("alice");
    zoomed.marks = Marks::Plain;
    zoomed.part = Part::Aside;
    zoomed.focus = Pane::Approvals;
    vec![
        ("nothing", nothing),
        ("calm", calm),
        ("declared", declared.seen_by("alice")),
        ("outage", outage().seen_by("alice")),
        ("zoomed", zoomed),
        ("walked", Walk::begin().looked().seen_by("alice")),
        ("many hosts", super::fleet::fleet()),
    ]
}

fn sizes(turn: usize) -> Vec<(u16, u16)> {
    let edges = [(0, 0), (1, 1), (39, 9), (40, 10), (40, 12), (46, 20), (80, 24), (100, 17), (160, 10), (200, 200)];
    if !cfg!(debug_assertions) {
        return (0..=200).flat_map(|width| (0..=200).map(move |height| (width, height))).collect();
    }
    // Other sizes for each page and each hour, so that together they cover the plane.
    let spread = (0..14).map(|step| {
        let at = turn * 14 + step;
        (u16::try_from(at * 37 % 201).unwrap(), u16::try_from(at * 53 % 201).unwrap())
    });
    edges.into_iter().chain(spread).collect()
}

/// No page breaks at any size; what can be pressed lies on the screen, and nothing on it can move a cursor.
#[test]
fn no_size_breaks_any_page() {
    let mut turn = 0;
    for (hour, mut model) in boards() {
        for screen in every_screen(&model) {
            let name = name_of(&screen);
            model.screens = vec![Screen::Board, screen.clone()];
            model.zoomed = (hour == "zoomed").then_some(screen);
            turn += 1;
            for (width, height) in sizes(turn) {
                let all = Rect { x: 0, y: 0, width, height };
                let mut buffer = Buffer::empty(all);
                model.columns = width;
                let drawn = view::draw(&model, Theme::mono(), &mut buffer);
                let is_inside = |area: &Rect| all.intersection(*area) == *area;
                assert!(drawn.hits.iter().all(|(area, _)| is_inside(area)), "{name}, {hour}, {width}x{height}");
                let is_plain = |cell: &ratatui::buffer::Cell| !cell.symbol().chars().any(char::is_control);
                assert!(buffer.content().iter().all(is_plain), "{name}, {hour}, {width}x{height}");
            }
        }
    }
}

/// The smallest screens that people have: a telephone over SSH, and the console of a server.
#[test]
fn every_page_on_small_screens() {
    let scene = outage();
    for (width, height) in [(40, 12), (80, 24)] {
        let mut model = scene.seen_by("alice");
        for screen in every_screen(&model) {
            let name = name_of(&screen);
            model.screens = if screen == Screen::Board { vec![Screen::Board] } else { vec![Screen::Board, screen] };
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), picture(&mut model, width, height));
        }
    }
}

/// Where am I, and how do I get back, on every page at every size that has a top line.
#[test]
fn the_top_line_says_where_one_is_and_leads_back() {
    let scene = Scene::outage();
    for (width, height) in [(40, 12), (80, 24), (110, 32), (160, 48)] {
        let mut model = scene.seen_by("alice");
        for screen in every_screen(&model).into_iter().filter(|screen| *screen != Screen::Board) {
            let name = name_of(&screen);
            model.screens = vec![Screen::Board, screen];
            let shown = picture(&mut model, width, height);
            let top = shown.lines().next().unwrap();
            assert!(top.contains('▸'), "{name}, {width}x{height}: {top}");
            assert!(top.contains("■ EMERGENCY") && top.contains(" DRILL "), "{name}, {width}x{height}: {top}");
            assert!(width < 80 || top.ends_with('Z'), "{name}, {width}x{height}: {top}");
        }
    }
}
