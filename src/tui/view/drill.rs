//! One drill: while it runs, what has to be done now and how much time is left; at its end, its score with where each point comes from.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::{
    books::buttons,
    canvas::{Canvas, Piece},
    drills::standing,
    page,
};
use crate::{
    domain::{Drill, DrillEnd, DrillId, DrillMode, DrillOutcome, DrillReveal, DrillScore, DrillStage, Remedy},
    tui::{
        drill::{better, how, lesson, look},
        model::{Model, Screen, Target},
        text,
        theme::Role,
    },
};

/// The stages in the order in which people come to them.
const STAGES: [DrillStage; 7] = [
    DrillStage::Watch,
    DrillStage::TakeOn,
    DrillStage::Tell,
    DrillStage::Declare,
    DrillStage::Heal,
    DrillStage::StayWell,
    DrillStage::TakeBack,
];
/// Columns of the bar of a clock, and of a part of the score.
const BAR: usize = 15;

/// The lines that tell on every page that a drill runs, and what has to be done now. Gives the rows they take.
pub(super) fn banner(model: &Model, canvas: &mut Canvas, area: Rect, above: u16) -> u16 {
    let Some(drill) = model.state.drills.running() else { return 0 };
    if *model.screen() == Screen::Drill(drill.id) || area.height < 14 {
        return 0;
    }
    let stage = drill.stage(&model.state);
    let label = model.named_button("drill-at-hand", "To the drill");
    let row = Rect { y: area.y + 1 + above, height: 1, ..area };
    let button = text::width(&label) + 6;
    let keys = match stage {
        DrillStage::Declare => format!(" ({})", model.key("answer-drill")),
        _ => String::new(),
    };
    let room = usize::from(area.width).saturating_sub(button);
    let name = format!(" ▶ {} ", drill.id);
    let todo = text::fit(&format!("NOW: {stage}{keys}"), room.saturating_sub(text::width(&name)));
    let rest = room.saturating_sub(text::width(&name) + text::width(&todo));
    let clock = text::fit(&format!(" · {} · {}", clock(model, drill), drill.mode), rest);
    canvas.line(row, 0, &[(Role::Planned, name), (Role::Focus, todo), (Role::Planned, clock)]);
    canvas.hits.add(row, Target::Page(Screen::Drill(drill.id)));
    let at = area.width.saturating_sub(u16::try_from(button).unwrap_or(u16::MAX).saturating_sub(1));
    canvas.button(row, 0, at, &label, Target::Page(Screen::Drill(drill.id)), false);
    if drill.mode != DrillMode::Tutorial {
        return 1;
    }
    let row = Rect { y: row.y + 1, ..row };
    canvas.line(row, 0, &[(Role::Focus, format!("   → {}", how(model, drill, stage)))]);
    2
}

/// How long it runs, of how long people have.
fn clock(model: &Model, drill: &Drill) -> String {
    let limit = TimeDelta::seconds(drill.limit_seconds.cast_signed());
    format!("{} of {}", text::clock(model.now - drill.started_at), text::clock(limit))
}

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: DrillId) {
    let Some(drill) = model.state.drills.held.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let names = ["answer-drill", "abort-drill", "open", "heat-map", "drills", "back"];
    let foot = page::buttons(canvas, area, buttons(&names, model));
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    let summary = match (&drill.ended, &drill.score) {
        (None, _) => format!("RUNS · {}", clock(model, drill)),
        (Some(_), Some(score)) => format!("{} of 100 · {:?}", score.total, score.letter),
        (Some(end), None) => end.outcome.to_string(),
    };
    let title = format!("{id} · {}", drill.mode);
    let inside = canvas.frame(area, &title, &summary, true);
    let mut page = Page { lines: Vec::new(), columns: usize::from(inside.width) };
    match &drill.ended {
        None => runs(model, drill, &mut page),
        Some(end) => over(model, drill, end, &mut page),
    }
    canvas.page(inside, &page.lines, model.scroll);
}

/// The lines of a page.
struct Page {
    lines: Vec<Vec<Piece>>,
    columns: usize,
}

impl Page {
    /// A text under a label, wrapped.
    fn say(&mut self, label: &str, role: Role, words: &str) {
        let room = self.columns.saturating_sub(14);
        for (row, line) in text::wrap(words, room).into_iter().enumerate() {
            let label = if row == 0 { label } else { "" };
            self.lines.push(vec![(Role::Muted, format!(" {}", text::left(label, 12))), (role, line)]);
        }
    }

    fn gap(&mut self) {
        self.lines.push(Vec::new());
    }

    fn head(&mut self, words: &str) {
        self.gap();
        self.lines.push(vec![(Role::Title, format!(" {words}"))]);
    }
}

/// A bar of so much of so much.
fn bar(part: f64, columns: usize) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between nothing and all columns"
    )]
    #[expect(clippy::cast_precision_loss, reason = "columns are few")]
    let full = (part.clamp(0.0, 1.0) * columns as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(columns - full.min(columns)))
}

fn runs(model: &Model, drill: &Drill, page: &mut Page) {
    let stage = drill.stage(&model.state);
    page.say("NOW", Role::Focus, &format!("{}: {}", text::capitalised(&stage.to_string()), how(model, drill, stage)));
    let ran = (model.now - drill.started_at).num_seconds().max(0).cast_unsigned();
    #[expect(clippy::cast_precision_loss, reason = "a drill takes minutes")]
    let used = ran as f64 / drill.limit_seconds.max(1) as f64;
    let role = if used >= 0.8 { Role::Warn } else { Role::Text };
    page.say("Time", role, &format!("{} {}", bar(used, BAR), clock(model, drill)));
    let first = drill.incidents(&model.state).map(|incident| incident.opened_at).min();
    if let Some(at) = first {
        page.say("Since then", Role::Text, &format!("{} since the first incident", text::clock(model.now - at)));
    }
    match &drill.told.truth {
        Some(truth) => {
            let bounds = format!(
                "noticed within {}, well again within {}, both from the fault on; then well for {}",
                seconds(truth.detect_seconds),
                seconds(truth.recover_seconds),
                seconds(truth.bake_seconds)
            );
            page.say("Bounds", Role::Text, &bounds);
        }
        None => page.say("Bounds", Role::Muted, "told at the end, with what was broken"),
    }
    told(model, drill, page);
    if drill.mode == DrillMode::Tutorial {
        page.head("The way");
        for one in STAGES {
            let (role, sign) = match one.cmp(&stage) {
                std::cmp::Ordering::Less => (Role::Ok, "✓"),
                std::cmp::Ordering::Equal => (Role::Focus, "▶"),
                std::cmp::Ordering::Greater => (Role::Muted, "·"),
            };
            page.lines.push(vec![(role, format!("  {sign} {}", lesson(one)))]);
            if one == stage {
                for line in text::wrap(look(one), page.columns.saturating_sub(6)) {
                    page.lines.push(vec![(Role::Text, format!("    {line}"))]);
                }
            }
        }
    }
}

fn seconds(seconds: u64) -> String {
    text::span(TimeDelta::seconds(seconds.cast_signed()))
}

/// What people know, what they declared, and who takes part.
fn told(model: &Model, drill: &Drill, page: &mut Page) {
    match (&drill.told.truth, &drill.told.scenario, &drill.told.book) {
        (Some(truth), ..) => {
            let blame = truth.blame.as_ref().map_or_else(
                || "nothing is broken".to_owned(),
                |blame| {
                    format!(
                        "{} in {}",
                        blame.causes.first().map_or_else(String::new, ToString::to_string),
                        blame.service
                    )
                },
            );
            page.say("Broken", Role::Text, &format!("{}: {blame}", truth.title));
            page.say("Cured by", Role::Text, &cures(&truth.remedies));
            page.say("Runbook", Role::Text, &format!("{} ({})", truth.book, model.key("books")));
        }
        (None, Some(scenario), Some(book)) => {
            page.say("Known", Role::Text, &format!("scenario {scenario}, runbook {book} ({})", model.key("books")));
        }
        _ => page.say("Known", Role::Muted, "nothing: that is what it is about"),
    }
    for answer in &drill.answers {
        let at = answer.at.format("%H:%M:%SZ");
        page.say("Declared", Role::Text, &format!("{} by {} at {at}", answer.claim, answer.by));
    }
    if !drill.away.is_empty() {
        let away: Vec<&str> = drill.away.iter().map(String::as_str).collect();
        page.say("Away", Role::Warn, &format!("{}: whatever they do is refused", away.join(", ")));
    }
    let played = if drill.unattended { "; the program plays people" } else { "" };
    page.say("Held by", Role::Text, &format!("{}{played}", drill.conductor));
    if let Some((_, who, why)) = &drill.aborted {
        page.say("Stopped", Role::Warn, &format!("by {who}: {why}"));
    }
}

fn cures(remedies: &[Remedy]) -> String {
    let told = |remedy: &Remedy| match remedy {
        Remedy::RunAction { service, action } => format!("{action} of {service}"),
        Remedy::RollBack { component } => format!("rolling {component} back"),
    };
    remedies.iter().map(told).collect::<Vec<_>>().join(", or ")
}

fn over(model: &Model, drill: &Drill, end: &DrillEnd, page: &mut Page) {
    let Some(score) = &drill.score else {
        let (role, words) = match end.outcome {
            DrillOutcome::Aborted => (Role::Warn, "it says nothing about anybody"),
            DrillOutcome::Interrupted => (
                Role::Warn,
                "what was broken stays untold; faults end with their lease, or with: codeblue sandbox heal",
            ),
            _ => (Role::Bad, "there is no score"),
        };
        page.say("Ended", role, &format!("{}: {}; {words}", end.outcome, end.reason));
        told(model, drill, page);
        return;
    };
    verdict(drill, end, score, page);
    for part in &score.parts {
        let role = standing(part.points * 100 / part.of.max(1));
        let of = f64::from(part.points) / f64::from(part.of.max(1));
        page.lines.push(vec![
            (Role::Title, format!(" {}", text::left(&part.part.to_string(), 12))),
            (role, format!("{} {:>2} of {:>2} {:?}  ", bar(of, 8), part.points, part.of, part.letter)),
            (Role::Muted, text::fit(part.objective.as_deref().unwrap_or_default(), page.columns.saturating_sub(33))),
        ]);
        for why in &part.why {
            for line in text::wrap(why, page.columns.saturating_sub(16)) {
                page.lines.push(vec![(Role::Text, format!("               {line}"))]);
            }
        }
    }
    engine(score, page);
    to_do_better(model, score, page);
    if let Some(reveal) = end.reveal.as_deref() {
        truth(reveal, page);
    }
    page.head("As evidence");
    let report = format!("codeblue drill report {} --format html", drill.id);
    page.lines.push(vec![(Role::Text, format!("  {report}"))]);
    if drill.mode == DrillMode::Tutorial {
        read_next(model, drill, page);
    }
}

fn verdict(drill: &Drill, end: &DrillEnd, score: &DrillScore, page: &mut Page) {
    let took = text::clock(end.at - drill.started_at);
    let words = format!("{} of 100   {:?}: {}", score.total, score.letter, score.letter.says());
    let ended = format!("   {} · {took}", end.reason);
    let room = page.columns.saturating_sub(2);
    let mut lines: Vec<Vec<Piece>> =
        text::wrap(&words, room).into_iter().map(|line| vec![(standing(score.total), format!(" {line}"))]).collect();
    match lines.last_mut() {
        Some(last) if text::width(&words) + text::width(&ended) <= room => last.push((Role::Muted, ended)),
        _ => lines.push(vec![(Role::Muted, format!(" {}", text::fit(ended.trim_start(), room)))]),
    }
    page.lines.extend(lines);
    for gate in &score.gates {
        page.say("49 at most", Role::Bad, gate);
    }
    let proves = match (score.proves(drill), drill.mode) {
        (true, _) => (Role::Ok, "it proves its runbook"),
        (false, DrillMode::Tutorial) => (Role::Muted, "a tutorial proves no runbook: people were told what is broken"),
        (false, _) if drill.unattended => (Role::Muted, "it proves no runbook: the program played people"),
        (false, _) => (Role::Muted, "it does not prove its runbook: that takes 90 points"),
    };
    page.lines.extend(text::wrap(proves.1, room).into_iter().map(|line| vec![(proves.0, format!(" {line}"))]));
    page.gap();
}

/// What the engine did by itself: people can save a bad system, and be let down by nothing in a good one.
fn engine(score: &DrillScore, page: &mut Page) {
    page.head(&format!("The engine itself: {} % of what it should have done", score.system.percent));
    for probe in &score.system.probes {
        let (role, sign) = if probe.passed { (Role::Ok, "✓") } else { (Role::Bad, "✖ not so:") };
        page.lines.push(vec![(role, format!("  {sign} ")), (Role::Text, probe.what.to_string())]);
    }
}

fn to_do_better(model: &Model, score: &DrillScore, page: &mut Page) {
    page.head("To do better");
    let short: Vec<_> = score.parts.iter().filter(|part| part.points < part.of).collect();
    if short.is_empty() {
        page.lines.push(vec![(
            Role::Text,
            "  nothing was missed: hold it with another seed, blind, or with somebody away".to_owned(),
        )]);
    }
    for part in short {
        page.say(&part.part.to_string(), Role::Text, &better(model, part.part));
    }
}

fn truth(reveal: &DrillReveal, page: &mut Page) {
    let truth = &reveal.truth;
    page.head("What was broken");
    page.say("Drill", Role::Text, &format!("{}, seed {}: {}", truth.file, truth.seed, truth.title));
    if let Some(blame) = &truth.blame {
        let cause = blame.causes.first().map_or_else(String::new, ToString::to_string);
        page.say("Cause", Role::Text, &format!("{cause} in {}", blame.service));
        page.say("Cured by", Role::Text, &cures(&truth.remedies));
    }
    if !truth.decoys.is_empty() {
        page.say("Led astray", Role::Text, &truth.decoys.join("; "));
    }
    let writes = reveal.writes;
    page.say("Writes", Role::Text, &format!("{} acknowledged ones lost, {} doubled", writes.lost, writes.doubled));
    page.say("Runbook", Role::Text, &truth.book);
}

/// Where somebody goes on who has done it for the first time.
fn read_next(model: &Model, drill: &Drill, page: &mut Page) {
    page.head("What next");
    let book = drill.completed().map_or("its runbook", |reveal| reveal.truth.book.as_str());
    let drills = match model.faults.as_slice() {
        [] => "codeblue drill run".to_owned(),
        _ => format!("{}, choose one, {}", model.key("drills"), model.key("hold-drill")),
    };
    let ways = [
        ("Read", format!("{}, then {book}: the same by the book, step by step", model.key("books"))),
        ("Drill", format!("{drills}: guided first, then blind, when nobody tells you")),
        ("Map", format!("{}: what was rehearsed, and what nobody has tried", model.key("heat-map"))),
        ("Keys", format!("{}: what can be done where", model.key("help"))),
        ("Docs", "docs/drills.md, docs/incidents.md, docs/board.md".to_owned()),
    ];
    for (label, words) in ways {
        page.say(label, Role::Text, &words);
    }
}
