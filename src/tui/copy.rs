//! What can be copied from where somebody is: names, the command that does or shows the same, evidence, the page as text.

use super::{
    action::latest_document,
    diagnosis::suspects,
    message::Request,
    model::{List, Model, Overlay, Pane, Screen},
    text,
};
use crate::domain::Evidence;

/// Something that can be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// What it is, in a word.
    pub what: &'static str,
    /// Its text, without control characters.
    pub text: String,
}

impl Copied {
    fn of(what: &'static str, text: &str) -> Self {
        Self { what, text: text.lines().map(text::clean).collect::<Vec<_>>().join("\n") }
    }
}

/// Opens the menu of what can be copied here.
pub(super) fn open_copy_menu(model: &mut Model) -> Vec<Request> {
    let mut choices: Vec<(String, Vec<Request>)> = copies(model)
        .into_iter()
        .map(|copied| {
            let first = copied.text.lines().next().unwrap_or_default();
            let more = copied.text.lines().count().saturating_sub(1);
            let more = if more == 0 { String::new() } else { format!(" … +{more} lines") };
            (format!("{:<10}{first}{more}", copied.what), vec![Request::Copy(copied)])
        })
        .collect();
    choices.push((format!("{:<10}all of it, as text", "page"), vec![Request::CopyPage]));
    model.overlay = Some(Overlay::Menu { title: "Copy what?".to_owned(), choices, selected: 0 });
    Vec::new()
}

/// What can be copied here besides the page, the likeliest first.
#[must_use]
pub fn copies(model: &Model) -> Vec<Copied> {
    let mut all = Vec::new();
    if let Some(name) = subject(model) {
        all.push(Copied::of("name", &name));
    }
    if let Some(command) = twin(model) {
        all.push(Copied::of("command", &command));
    }
    if let Some(title) = title(model) {
        all.push(Copied::of("title", &title));
    }
    let evidence = evidence(model);
    if !evidence.is_empty() {
        all.push(Copied::of("evidence", &evidence));
    }
    if let Some(hash) = model.change().and_then(|id| model.state.changes.get(&id)).map(|change| &change.plan_hash) {
        all.push(Copied::of("plan hash", hash));
    }
    if *model.screen() == Screen::Journal
        && let Some(seq) = model.selected(List::Journal)
        && let Some(recorded) = model.recent.iter().find(|recorded| recorded.seq.to_string() == seq)
        && let Ok(json) = serde_json::to_string(recorded)
    {
        all.push(Copied::of("event", &json));
    }
    all
}

/// The name of what is looked at, or selected.
fn subject(model: &Model) -> Option<String> {
    match model.screen() {
        Screen::Service(name) | Screen::Article(name) | Screen::Function(name) | Screen::Book(name) => {
            Some(name.clone())
        }
        Screen::Incident(id) | Screen::Diagnosis(id, _) => Some(id.to_string()),
        Screen::Evidence(id, ..) | Screen::Prompt(id) => Some(id.to_string()),
        Screen::Change(id) => Some(id.to_string()),
        Screen::BreakGlass(id) => Some(id.to_string()),
        Screen::Recovery(id) => Some(id.to_string()),
        Screen::Run(id) | Screen::StepWhy(id, _) | Screen::RunText(id) => Some(id.to_string()),
        Screen::Drill(id) => Some(id.to_string()),
        Screen::Difference(of, _) => Some(of.to_string()),
        Screen::Pattern(id) => Some(id.clone()),
        Screen::Map => model.on_map(),
        Screen::Patterns(_) => model.selected(List::Patterns),
        Screen::Journal => model.selected(List::Journal).map(|seq| format!("event {seq}")),
        Screen::OnCall => model.selected_shift()?.person.clone(),
        Screen::Plan | Screen::Reliability | Screen::HeatMap | Screen::Metrics | Screen::Help | Screen::Calendar => {
            None
        }
        _ => model.list().and_then(|list| model.selected(list)),
    }
}

/// What it is called.
fn title(model: &Model) -> Option<String> {
    let state = &model.state;
    match model.screen() {
        Screen::Change(id) => state.changes.get(id).map(|change| change.title.clone()),
        Screen::Pattern(id) => {
            model.all_patterns().iter().find(|pattern| pattern.id == *id).map(|pattern| pattern.template.clone())
        }
        Screen::Incident(_) | Screen::Diagnosis(..) => {
            model.incident().and_then(|id| state.incidents.get(&id)).map(|incident| incident.title.clone())
        }
        Screen::Board if model.focus == Pane::Incidents => {
            model.incident().and_then(|id| state.incidents.get(&id)).map(|incident| incident.title.clone())
        }
        _ => None,
    }
}

/// The command line that shows the same.
#[must_use]
pub fn twin(model: &Model) -> Option<String> {
    let of_selected = |list: List, command: &str| model.selected(list).map(|key| format!("codeblue {command} {key}"));
    Some(match model.screen() {
        Screen::Board => match model.focus {
            Pane::Services => return of_selected(List::Pane(Pane::Services), "service show"),
            Pane::Incidents => return of_selected(List::Pane(Pane::Incidents), "incident show"),
            Pane::Approvals => return queued(model),
            Pane::Snapshots => return of_selected(List::Pane(Pane::Snapshots), "snapshot show"),
        },
        Screen::Service(name) => format!("codeblue service show {name}"),
        Screen::Incident(id) => format!("codeblue incident show {id}"),
        Screen::Diagnosis(id, _) => format!("codeblue diagnose {id}"),
        Screen::Change(id) => format!("codeblue change show {id}"),
        Screen::Approvals => return queued(model),
        Screen::BreakGlass(id) => format!("codeblue break-glass show {id}"),
        Screen::Recovery(id) => format!("codeblue recovery show {id}"),
        Screen::Recoveries => return of_selected(List::Recoveries, "recovery show"),
        Screen::Snapshots => return of_selected(List::Snapshots, "snapshot show"),
        Screen::Difference(of, None) => format!("codeblue snapshot diff {of}"),
        Screen::Difference(of, Some(against)) => format!("codeblue snapshot diff {of} {against}"),
        Screen::Article(name) => format!("codeblue knowledge show {name}"),
        Screen::Knowledge => return of_selected(List::Articles, "knowledge show"),
        Screen::Book(id) => format!("codeblue runbook show {id}"),
        Screen::Run(id) | Screen::StepWhy(id, _) | Screen::RunText(id) => format!("codeblue runbook show-run {id}"),
        Screen::Drill(id) => format!("codeblue drill report {id}"),
        Screen::HeatMap => "codeblue drill heatmap".to_owned(),
        Screen::Drills => "codeblue drill list".to_owned(),
        Screen::Hosts => "codeblue host status".to_owned(),
        Screen::Metrics => "codeblue report metrics".to_owned(),
        Screen::OnCall => match model.schedule_here() {
            Some(schedule) => format!("codeblue oncall schedule {}", schedule.name),
            None => "codeblue oncall who".to_owned(),
        },
        Screen::Function(name) => format!("codeblue continuity show {}", shell_words::quote(name)),
        Screen::Journal => return of_selected(List::Journal, "audit show"),
        _ => return None,
    })
}

fn queued(model: &Model) -> Option<String> {
    match (model.change(), model.break_glass()) {
        (Some(id), _) => Some(format!("codeblue change show {id}")),
        (None, Some(id)) => Some(format!("codeblue break-glass show {id}")),
        (None, None) => None,
    }
}

/// What speaks for the cause that is looked at, a line for each piece.
fn evidence(model: &Model) -> String {
    let document = match model.screen() {
        Screen::Evidence(id, ..) => model.state.diagnoses.get(id).and_then(|found| found.document().cloned()),
        Screen::Incident(id) | Screen::Diagnosis(id, _) => latest_document(model, *id),
        _ => None,
    };
    let Some(document) = document else { return String::new() };
    let pieces: Vec<Evidence> = match model.screen() {
        Screen::Evidence(_, service, issue) => suspects(&document)
            .into_iter()
            .find(|suspect| suspect.service == *service && suspect.issue == *issue)
            .map(|suspect| suspect.evidence)
            .unwrap_or_default(),
        _ => document.root_cause.evidence.clone(),
    };
    let line = |piece: &Evidence| {
        let at = piece.at.map(|at| format!("{} ", at.format("%H:%M:%SZ"))).unwrap_or_default();
        let times = if piece.count > 1 { format!(" ×{}", piece.count) } else { String::new() };
        format!("{at}{}{times}: {}", piece.source, piece.text)
    };
    pieces.iter().map(line).collect::<Vec<_>>().join("\n")
}
