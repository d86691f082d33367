//! A plan before it runs: what is done in which order, what it changes, how long it takes, what it costs, who must agree.
//! The same for a change that waits and for what is about to be asked for.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::{
    domain::{Plan, Risk, RollbackTarget, Step, role_name, step_seconds},
    engine::{ComponentDifference, DryRun, DryRunRequest, FileChange, FileChangeKind},
    platform::count,
    tui::{
        effect::{effect, is_table},
        layout,
        model::{Asked, Loaded, Model, Target},
        text,
        theme::Role,
    },
};

/// Changes of one folder up to which each has its line.
const FEW: usize = 3;

/// What is shown of a plan.
pub(super) struct Shown<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its hash, to which approvals are bound.
    pub hash: &'a str,
    /// How risky it is.
    pub risk: &'a Risk,
    /// What it would change.
    pub dry_run: &'a Loaded<DryRun>,
}

/// What is about to be asked for.
pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let Some(asked) = &model.asked else {
        canvas.line(area, 0, &[(Role::Muted, "  nothing is about to be asked for".to_owned())]);
        return;
    };
    let plan = match &asked.plan {
        Ok(plan) => plan,
        Err(why) => {
            let inside = canvas.frame(area, "This cannot be done", "", true);
            let room = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
            canvas.paragraph(room, 0, Role::Bad, &format!("✖ {why}"));
            return;
        }
    };
    let found = model.assessment(plan);
    let shown = Shown { plan, hash: &found.plan_hash, risk: &found.risk, dry_run: &asked.dry_run };
    if area.height < layout::LIST_ALONE {
        return in_one(model, canvas, area, &shown, &reason(asked));
    }
    let (top, middle, foot) = thirds(model, area, plan);
    breath(model, canvas, top, &shown, &reason(asked));
    body(model, canvas, middle, &shown);
    who(model, canvas, foot, plan);
}

/// All of it one below the other, to be scrolled: where there is no room for its parts, none of them may hide.
fn in_one(model: &Model, canvas: &mut Canvas, area: Rect, shown: &Shown, why: &str) {
    let risk = format!("Risk {} of 10", shown.risk.score);
    let inside = canvas.frame(area, &format!("Plan {}", &shown.hash[..shown.hash.len().min(12)]), &risk, true);
    let columns = usize::from(inside.width.saturating_sub(2));
    let mut all: Vec<Vec<Piece>> = Vec::new();
    let mut say = |role: Role, words: &str| {
        all.extend(text::wrap(words, columns).into_iter().map(|line| vec![(role, format!(" {line}"))]));
    };
    say(Role::Title, &text::capitalised(&shown.plan.title));
    let (role, cost) = cost_words(model, shown.plan);
    say(role, &cost);
    say(Role::Text, &format!("Why: {why}"));
    let takes = time(model, shown);
    all.push(std::iter::once((Role::Muted, " Takes ".to_owned())).chain(takes).collect());
    for line in agreeing(model, shown.plan) {
        all.extend(
            text::wrap(&line.1, columns).into_iter().map(|words| vec![(line.0, format!(" {}", words.trim_start()))]),
        );
    }
    all.push(Vec::new());
    all.extend(lines(model, shown, inside.width));
    all.push(Vec::new());
    all.extend(risks(shown.risk, usize::from(inside.width)));
    canvas.page(inside, &all, model.scroll);
}

/// The three parts of the page: what it is, how it is done, who agrees.
fn thirds(model: &Model, area: Rect, plan: &Plan) -> (Rect, Rect, Rect) {
    let cost = cost(model, plan, area.width).len();
    let (top, foot) = (5 + u16::try_from(cost).unwrap_or(1), 5);
    let middle = area.height.saturating_sub(top + foot);
    (
        Rect { height: top.min(area.height), ..area },
        Rect { y: area.y + top, height: middle, ..area },
        Rect { y: area.y + top + middle, height: foot.min(area.height.saturating_sub(top + middle)), ..area },
    )
}

fn reason(asked: &Asked) -> String {
    match &asked.request {
        DryRunRequest::Rollback(request) => match &request.to {
            Some(RollbackTarget::Time(at)) => {
                format!("{} · back to {}", request.reason, at.format("%Y-%m-%d %H:%M:%SZ"))
            }
            _ => request.reason.clone(),
        },
        DryRunRequest::Action { service, action } => format!("run {action} of {service}"),
        DryRunRequest::Change { change } => change.to_string(),
        DryRunRequest::Undo { recovery } => format!("take back what {recovery} did"),
    }
}

/// What it is, why, and what it costs.
fn breath(model: &Model, canvas: &mut Canvas, area: Rect, shown: &Shown, why: &str) {
    let inside = canvas.frame(area, "In one breath", "not asked for yet", false);
    canvas.line(inside, 0, &[(Role::Title, format!(" {}", text::capitalised(&shown.plan.title)))]);
    canvas.line(inside, 1, &[(Role::Muted, " Why   ".to_owned()), (Role::Text, why.to_owned())]);
    let mut takes = vec![(Role::Muted, " Takes ".to_owned())];
    takes.extend(time(model, shown));
    canvas.line(inside, 2, &takes);
    for (row, (place, line)) in (3..).zip(cost(model, shown.plan, area.width).into_iter().enumerate()) {
        let label = if place == 0 { " Cost  " } else { "       " };
        canvas.line(inside, row, &[(Role::Muted, label.to_owned()), line]);
    }
}

/// What is lost for good, in at most two lines.
fn cost(model: &Model, plan: &Plan, width: u16) -> Vec<Piece> {
    let (role, words) = cost_words(model, plan);
    text::wrap(&words, usize::from(width.saturating_sub(10))).into_iter().take(2).map(|line| (role, line)).collect()
}

fn cost_words(model: &Model, plan: &Plan) -> Piece {
    match &plan.loses {
        Some(loses) => (Role::Bad, format!("LOSES {loses}")),
        None if plan.components().next().is_some() => {
            let undo = model.key("undo");
            (Role::Text, format!("loses nothing: a safety snapshot comes first, and {undo} takes it back"))
        }
        None => (Role::Warn, "changes no component; codeblue cannot take back what the action does".to_owned()),
    }
}

/// How long it takes, beside the recovery time objective.
pub(super) fn time(model: &Model, shown: &Shown) -> Vec<Piece> {
    let estimate = match shown.dry_run {
        Loaded::Here(dry_run) => dry_run.estimate_seconds,
        _ => shown.plan.steps.iter().map(|step| step_seconds(&model.state, step)).sum(),
    };
    let estimate = TimeDelta::seconds(i64::try_from(estimate).unwrap_or(i64::MAX / 1000));
    let about = format!("about {}", text::span(estimate));
    match objective(model, shown.plan) {
        None => vec![(Role::Text, about)],
        Some(objective) if estimate <= objective => {
            vec![(Role::Text, format!("{about} of {} RTO ", text::span(objective))), (Role::Ok, "✓".to_owned())]
        }
        Some(objective) => vec![(Role::Bad, format!("{about}, ✖ longer than the {} RTO", text::span(objective)))],
    }
}

/// How long the components of a plan may take to come back: the strictest counts.
pub(super) fn objective(model: &Model, plan: &Plan) -> Option<TimeDelta> {
    let components = plan.components().filter_map(|name| model.state.platform.component(name));
    components.map(|component| component.rto).min().and_then(|rto| TimeDelta::from_std(rto).ok())
}

/// The risk beside the plan, or below it where there is no room.
fn body(model: &Model, canvas: &mut Canvas, area: Rect, shown: &Shown) {
    let risk = format!("Risk {} of 10", shown.risk.score);
    let hash = &shown.hash[..shown.hash.len().min(12)];
    let title = format!("Plan {hash}");
    if area.width >= 100 {
        let left = Rect { width: area.width * 36 / 100, ..area };
        let inside = canvas.frame(left, &risk, "", false);
        canvas.page(inside, &risks(shown.risk, usize::from(inside.width)), 0);
        let right = Rect { x: area.x + left.width, width: area.width - left.width, ..area };
        let inside = canvas.frame(right, &title, &progress(model, shown), true);
        canvas.page(inside, &lines(model, shown, inside.width), model.scroll);
        return;
    }
    let inside = canvas.frame(area, &title, &risk, true);
    let mut all = lines(model, shown, inside.width);
    all.push(Vec::new());
    all.push(vec![(Role::Title, format!(" {risk}"))]);
    all.extend(risks(shown.risk, usize::from(inside.width)));
    canvas.page(inside, &all, model.scroll);
}

pub(super) fn progress(model: &Model, shown: &Shown) -> String {
    match shown.dry_run {
        Loaded::Waiting => {
            let since = model.asked.as_ref().map_or_else(TimeDelta::zero, |asked| model.now - asked.since);
            format!("dry run … {}", text::clock(since))
        }
        Loaded::Here(_) => "dry run ✓".to_owned(),
        Loaded::Failed(_) => "dry run ✖".to_owned(),
    }
}

fn risks(risk: &Risk, columns: usize) -> Vec<Vec<Piece>> {
    let point = |(points, why): (i64, &str)| {
        let lines = text::wrap(why, columns.saturating_sub(5)).into_iter().enumerate();
        lines
            .map(|(place, line)| {
                let points = if place == 0 { format!(" {points:+} ") } else { "    ".to_owned() };
                vec![(Role::Key, points), (Role::Text, line)]
            })
            .collect::<Vec<_>>()
    };
    risk.points.iter().flat_map(|found| point((i64::from(found.points), &found.why))).collect()
}

/// The steps, each with its time and what it changes, then every difference.
pub(super) fn lines(model: &Model, shown: &Shown, columns: u16) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let room = usize::from(columns).saturating_sub(4 + 9);
    for (place, step) in shown.plan.steps.iter().enumerate() {
        let seconds = format!("~{} s", step_seconds(&model.state, step));
        lines.push(vec![
            (Role::Muted, format!(" {} ", place + 1)),
            (Role::Text, text::left(&step.to_string(), room)),
            (Role::Muted, text::right(&seconds, 8)),
        ]);
        if let Some(effect) = of_step(step, shown.dry_run) {
            lines.push(vec![effect]);
        }
    }
    lines.push(Vec::new());
    match shown.dry_run {
        Loaded::Waiting => lines.push(vec![(Role::Text, " … dry run: finding out what would change".to_owned())]),
        Loaded::Failed(why) => {
            let words = format!("✖ dry run failed, so what would change is not known: {why}");
            let wrapped = text::wrap(&words, usize::from(columns.saturating_sub(2)));
            lines.extend(wrapped.into_iter().map(|line| vec![(Role::Bad, format!(" {line}"))]));
        }
        Loaded::Here(dry_run) => {
            if dry_run.plan_hash != shown.hash {
                lines.push(vec![(Role::Bad, " ✖ the dry run is of another plan".to_owned())]);
            }
            lines.push(vec![(Role::Title, " Dry run: what would change".to_owned())]);
            lines.extend(differences(&dry_run.components, columns, model.unfolded));
            if dry_run.components.is_empty() {
                lines.push(vec![(Role::Text, "   no file changes".to_owned())]);
            }
        }
    }
    lines
}

/// What a step changes, as far as it is known.
fn of_step(step: &Step, dry_run: &Loaded<DryRun>) -> Option<Piece> {
    let component = step.component()?;
    Some(match dry_run {
        Loaded::Waiting => (Role::Muted, "     … looking at what it changes".to_owned()),
        Loaded::Failed(_) => (Role::Warn, "     ▲ what it changes is not known".to_owned()),
        Loaded::Here(dry_run) => {
            let found = dry_run.components.iter().find(|found| found.component == component)?;
            (Role::Text, format!("     changes {}", effect(found)))
        }
    })
}

/// Who would have to agree, and what to press.
fn who(model: &Model, canvas: &mut Canvas, area: Rect, plan: &Plan) {
    let inside = canvas.frame(area, "Who", "", false);
    for (row, line) in (0..2).zip(agreeing(model, plan)) {
        canvas.line(inside, row, &[line]);
    }
    let mut at = 1;
    at += canvas.button(inside, 2, at, &model.named_button("go-on", "Go on…"), Target::Action("go-on"), false);
    canvas.button(inside, 2, at, "Esc Back", Target::Action("back"), false);
}

/// Who would have to agree, in one line or two.
fn agreeing(model: &Model, plan: &Plan) -> Vec<Piece> {
    let found = model.assessment(plan);
    let me = model.me.as_ref().map(|me| me.name.as_str()).unwrap_or_default();
    if let Some(glass) = found.break_glass {
        let words = format!(" under {glass} nobody agrees: it runs as soon as you go on, and is reviewed ");
        return vec![(Role::Emergency, words)];
    }
    if found.required.is_empty() {
        return vec![(Role::Warn, " ▲ nobody else has to agree: it runs as soon as you go on".to_owned())];
    }
    let roles: Vec<&str> = found.required.iter().map(|role| role_name(*role)).collect();
    vec![
        (Role::Title, format!(" asked by {me}, then waits for {}", roles.join(" and "))),
        (Role::Muted, " nothing is changed before they agree".to_owned()),
    ]
}

/// Differences: components in which nothing changes in one line, and the files of a folder summed up where they are many, unless
/// each is wanted.
pub(super) fn differences(components: &[ComponentDifference], columns: u16, unfolded: bool) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    let is_same = |found: &&ComponentDifference| found.total == 0 && found.files.is_empty();
    for component in components.iter().filter(|found| !is_same(found)) {
        lines.push(vec![(Role::Title, format!(" {}: {}", component.component, effect(component)))]);
        if unfolded {
            lines.extend(component.files.iter().map(|change| file(change, usize::from(columns))));
        } else {
            for folder in folders(&component.files) {
                lines.extend(fold(&folder, usize::from(columns)));
            }
        }
        let hidden = component.total.saturating_sub(component.files.len() as u64);
        if hidden > 0 {
            lines.push(vec![(Role::Muted, format!("   and {hidden} more"))]);
        }
    }
    let same: Vec<&ComponentDifference> = components.iter().filter(is_same).collect();
    if let [one] = same.as_slice() {
        lines.push(vec![(Role::Muted, format!(" {}: {}", one.component, one.summary))]);
    } else if !same.is_empty() {
        let names: Vec<&str> = same.iter().map(|found| found.component.as_str()).collect();
        let words = format!("{} as they are: {}", count(same.len(), "component"), names.join(", "));
        let wrapped = text::wrap(&words, usize::from(columns.saturating_sub(2)));
        lines.extend(wrapped.into_iter().map(|line| vec![(Role::Muted, format!(" {line}"))]));
    }
    lines
}

/// Changes next to each other in the same folder and of the same kind.
fn folders(files: &[FileChange]) -> Vec<Vec<&FileChange>> {
    let mut folders: Vec<Vec<&FileChange>> = Vec::new();
    for change in files {
        let is_next = |last: &&mut Vec<&FileChange>| {
            last.last().is_some_and(|other| other.kind == change.kind && folder_of(other) == folder_of(change))
        };
        match folders.last_mut().filter(|last| is_next(last)) {
            Some(last) => last.push(change),
            None => folders.push(vec![change]),
        }
    }
    folders
}

fn folder_of(change: &FileChange) -> Option<&str> {
    if is_table(change) { None } else { change.path.rsplit_once('/').map(|(folder, _)| folder) }
}

/// The changes of a folder: each, where they are few; else how many, and what they take together.
fn fold(folder: &[&FileChange], columns: usize) -> Vec<Vec<Piece>> {
    let [first, ..] = folder else { return Vec::new() };
    let Some(path) = folder_of(first).filter(|_| folder.len() > FEW) else {
        return folder.iter().map(|change| file(change, columns)).collect();
    };
    let sum =
        |pick: fn(&FileChange) -> Option<u64>| folder.iter().filter_map(|change| pick(change)).reduce(|a, b| a + b);
    let whole = FileChange {
        path: format!("{path}/ … {}", count(folder.len(), "file")),
        kind: first.kind,
        before: sum(|change| change.before),
        after: sum(|change| change.after),
    };
    vec![file(&whole, columns)]
}

fn file(file: &FileChange, columns: usize) -> Vec<Piece> {
    let is_table = is_table(file);
    let size = |size: Option<u64>| match size {
        None => "—".to_owned(),
        Some(rows) if is_table => format!("{rows} rows"),
        Some(size) => text::bytes(size),
    };
    let (mark, role) = match file.kind {
        FileChangeKind::Added => ("+", Role::Ok),
        FileChangeKind::Removed => ("-", Role::Bad),
        FileChangeKind::Changed => ("~", Role::Warn),
    };
    vec![
        (role, format!("   {mark} ")),
        (Role::Text, text::fit_end(&file.path, columns.saturating_sub(30))),
        (Role::Muted, format!("  {} → {}", size(file.before), size(file.after))),
    ]
}
