//! What is in question here, why nothing may be done with it, and the steps that actions share.

use std::sync::Arc;

use tui_textarea::TextArea;

use crate::{
    domain::{ChangeId, ChangeState, Command, DiagnosisDocument, IncidentId, Operator, Recovery, RecoveryId, Snapshot},
    engine::DryRunRequest,
    tui::{
        diagnosis::{Row, suspects},
        errors::look_at_errors,
        fleet::{follow, go_to_selected},
        form::{Writing, open_form},
        guard::cannot_send,
        lookback::look_back,
        measure::measure,
        message::Request,
        model::{Asked, Confirm, Link, List, Loaded, Model, Overlay, Pane, Purpose, Screen},
        patterns::look_at_patterns,
        reach::reach,
        walk,
    },
};

pub(super) const NO_CHANGE: &str = "no change is in question here: select one in pane 3";
pub(super) const NO_INCIDENT: &str = "no incident is in question here: select one in pane 2";

/// The roles of an operator, as people say them.
#[must_use]
pub fn roles(operator: &Operator) -> String {
    operator.roles.iter().map(|role| crate::domain::role_name(*role)).collect::<Vec<_>>().join(", ")
}

/// Opens a page on top.
pub fn open(model: &mut Model, screen: Screen) -> Vec<Request> {
    if *model.screen() == screen {
        return Vec::new();
    }
    let request = match &screen {
        Screen::Prompt(id) => {
            model.prompt = Some((*id, Loaded::Waiting));
            vec![Request::Prompt(*id)]
        }
        // What was carried out or turned down has nothing left that it would change.
        Screen::Change(id)
            if model.state.changes.get(id).is_some_and(|change| change.state > ChangeState::Approved) =>
        {
            Vec::new()
        }
        Screen::Change(id) => {
            model.dry_runs.entry(*id).or_insert(Loaded::Waiting);
            vec![Request::ChangeDryRun(*id)]
        }
        Screen::Books(_) | Screen::Book(_) => {
            let held = model.books.take().filter(|books| matches!(books, Loaded::Here(_)));
            model.books = held.or(Some(Loaded::Waiting));
            vec![Request::Books]
        }
        // Of the books the heat map has what is covered on paper.
        Screen::Drills | Screen::HeatMap => {
            let held = model.drills.offers.take().filter(|offers| matches!(offers, Loaded::Here(_)));
            model.drills.offers = held.or(Some(Loaded::Waiting));
            let books = model.books.take().filter(|books| matches!(books, Loaded::Here(_)));
            model.books = books.or(Some(Loaded::Waiting));
            vec![Request::Drills, Request::Books]
        }
        Screen::Run(_) => {
            model.cursors.remove(&List::Steps);
            Vec::new()
        }
        Screen::Snapshots => {
            choose_component(model);
            Vec::new()
        }
        Screen::Hosts => follow(model),
        _ => Vec::new(),
    };
    model.screens.push(screen);
    model.unroll();
    model.turn_to_next_hand_step();
    measure(model);
    model.plan_ahead();
    model.look_who_is_on_call();
    if request.is_empty() {
        let page = model.screen().clone();
        look_back(model)
            .into_iter()
            .chain(look_at_patterns(model, &page))
            .chain(look_at_errors(model))
            .chain(reach(model))
            .collect()
    } else {
        request
    }
}

/// Whose snapshots are shown: those of the service in question, else of what was looked at before, else of what is in the
/// greatest danger.
fn choose_component(model: &mut Model) {
    let about_service = matches!(model.screen(), Screen::Service(_) | Screen::Incident(_));
    let service = model.service().filter(|_| about_service);
    let components = &model.state.platform.components;
    let of_service = service.and_then(|name| components.iter().find(|component| component.service == name));
    if of_service.is_none() && model.browse.component.is_some() {
        return;
    }
    let worst = || model.worst_point(components.iter()).map(|(component, _)| component);
    let name = of_service.or_else(worst).map(|component| component.name.clone());
    model.show_component(name);
}

pub(super) fn open_selected(model: &mut Model) -> Vec<Request> {
    let screen = match model.screen() {
        Screen::Board => match model.focus {
            Pane::Approvals => model.selected_page().or(Some(Screen::Approvals)),
            Pane::Snapshots => return browse_selected(model),
            Pane::Services | Pane::Incidents => model.selected_page(),
        },
        Screen::Snapshots => return super::snapshot::enter(model),
        Screen::Plan => return super::change::go_on_with_plan(model),
        Screen::Map => model.on_map().map(Screen::Service),
        Screen::BreakGlass(id) => model.state.break_glass.get(id).map(|glass| match glass.acts.last() {
            Some(act) => Screen::Recovery(act.recovery),
            None => Screen::Incident(glass.incident),
        }),
        Screen::Drills if model.offered().is_some() => return super::drill::begin(model),
        Screen::Drill(id) => {
            let drill = model.state.drills.held.get(id);
            drill.and_then(|drill| drill.incidents(&model.state).last()).map(|incident| Screen::Incident(incident.id))
        }
        Screen::Hosts if model.has_fleet() => return go_to_selected(model),
        Screen::Book(_) => return super::runbook::begin(model),
        Screen::Run(_) => return walk::go_on(model),
        Screen::Incident(id) => {
            let last = || model.state.incidents.get(id)?.recoveries.last().copied();
            let change = model.change().map(Screen::Change);
            change.or_else(|| last().map(Screen::Recovery)).or(Some(Screen::Diagnosis(*id, None)))
        }
        Screen::Diagnosis(..) => return open_row(model),
        Screen::Function(name) => model.interruption(name).and_then(|found| found.incident).map(Screen::Incident),
        Screen::Change(id) => model.state.changes.get(id).and_then(|change| change.recovery).map(Screen::Recovery),
        Screen::Service(name) => model.state.incident_of(name).map(|incident| Screen::Incident(incident.id)),
        _ => model.selected_page(),
    };
    match screen {
        Some(screen) => open(model, screen),
        None => Vec::new(),
    }
}

/// Opens what is selected on the page of a diagnosis, or asks for what is proposed there.
fn open_row(model: &mut Model) -> Vec<Request> {
    let place = model.selected_place(List::Diagnosis);
    let Some(row) = model.diagnosis_rows().into_iter().nth(place) else { return Vec::new() };
    let answer = model.looked().and_then(|looked| looked.answer);
    let screen = match row {
        Row::Change(id) => Screen::Change(id),
        Row::Recovery(id) => Screen::Recovery(id),
        Row::Fix(place) => return super::recovery::propose(model, place),
        Row::Suspect(place) => match answer
            .and_then(|(found, document)| suspects(document).into_iter().nth(place).map(|suspect| (found.id, suspect)))
        {
            Some((id, suspect)) => Screen::Evidence(id, suspect.service, suspect.issue),
            None => return Vec::new(),
        },
        Row::Incident(id) => Screen::Incident(id),
        Row::Article(name) => Screen::Article(name),
        Row::Prompt => match answer {
            Some((found, _)) => Screen::Prompt(found.id),
            None => return Vec::new(),
        },
    };
    open(model, screen)
}

pub(super) fn submit(command: Command) -> Vec<Request> {
    vec![Request::Submit(Box::new(command))]
}

pub(super) fn ask(model: &mut Model, title: String, purpose: Purpose) -> Vec<Request> {
    model.overlay = Some(Overlay::Prompt { title, purpose, input: Box::new(TextArea::default()) });
    Vec::new()
}

pub(super) fn ask_incident(model: &mut Model, title: &str, purpose: fn(IncidentId) -> Purpose) -> Vec<Request> {
    match model.incident() {
        Some(id) => ask(model, format!("{id}: {title}"), purpose(id)),
        None => Vec::new(),
    }
}

pub(super) fn write_about(model: &mut Model, purpose: fn(IncidentId) -> Writing) -> Vec<Request> {
    match model.incident() {
        Some(id) => open_form(model, &purpose(id), None),
        None => Vec::new(),
    }
}

pub(super) fn with_incident(model: &Model, command: impl Fn(IncidentId) -> Command) -> Vec<Request> {
    model.incident().map(|id| submit(command(id))).unwrap_or_default()
}

pub(super) fn confirm(
    model: &mut Model,
    title: String,
    lines: Vec<String>,
    verb: &str,
    command: Command,
) -> Vec<Request> {
    model.overlay = Some(Overlay::Confirm(Confirm {
        title,
        lines,
        verb: verb.to_owned(),
        name: None,
        typed: String::new(),
        go: false,
        requests: submit(command),
    }));
    Vec::new()
}

/// Whether the keys here are about incidents rather than changes.
pub(super) fn is_about_incidents(model: &Model) -> bool {
    match model.screen() {
        Screen::Incident(_) | Screen::Service(_) | Screen::Diagnosis(..) => true,
        Screen::Board => matches!(model.focus, Pane::Incidents | Pane::Services),
        _ => false,
    }
}

/// Why this person can change nothing here.
pub fn cannot_act(model: &Model) -> Option<String> {
    if let Some(why) = cannot_send(model) {
        return Some(why);
    }
    match &model.me {
        _ if model.link != Link::Live => {
            Some("there is no connection to the engine; it is tried again by itself".to_owned())
        }
        None => Some("the engine does not know you; somebody has to run: codeblue operator add".to_owned()),
        Some(me) if !me.may_act() => Some(format!("{} may look but not act", me.name)),
        Some(_) => None,
    }
}

pub(super) fn open_incident(model: &Model) -> Result<IncidentId, String> {
    let id = model.incident().ok_or_else(|| NO_INCIDENT.to_owned())?;
    match model.state.incidents.get(&id) {
        Some(incident) if incident.state.is_open() => Ok(id),
        Some(incident) => Err(format!("{id} is {}, so nothing is left to do for it", incident.state)),
        None => Err(format!("{id} is not known here")),
    }
}

pub(super) fn waiting_change(model: &Model) -> Result<ChangeId, String> {
    let id = model.change().ok_or_else(|| NO_CHANGE.to_owned())?;
    match model.state.changes.get(&id) {
        Some(change) if change.state == ChangeState::Pending => Ok(id),
        Some(change) => Err(format!("{id} is {}; its page says what became of it", change.state)),
        None => Err(format!("{id} is not known here")),
    }
}

pub(super) fn running_recovery(model: &Model) -> Option<RecoveryId> {
    let here = model.recovery().filter(|id| model.state.recoveries.get(id).is_some_and(Recovery::is_running));
    if matches!(model.screen(), Screen::Change(_)) {
        return here;
    }
    here.or_else(|| model.state.running_recoveries().next().map(|recovery| recovery.id))
}

/// The newest answer of a diagnosis of an incident, or what is known of it so far.
#[must_use]
pub fn latest_document(model: &Model, id: IncidentId) -> Option<Arc<DiagnosisDocument>> {
    let incident = model.state.incidents.get(&id)?;
    incident.diagnoses.iter().rev().find_map(|id| model.state.diagnoses.get(id)?.document().cloned())
}

/// Whether the keys here are about snapshots.
pub(super) fn is_about_snapshots(model: &Model) -> bool {
    match model.screen() {
        Screen::Snapshots | Screen::Difference(..) => true,
        Screen::Board => model.focus == Pane::Snapshots,
        _ => false,
    }
}

/// The selected snapshot, when it holds something.
pub(super) fn full_snapshot(model: &Model) -> Result<&Snapshot, String> {
    let found = model.snapshot().and_then(|id| model.state.snapshots.get(&id));
    match found {
        None if model.state.snapshots.is_empty() => {
            Err(format!("there is no snapshot yet; {} takes one", model.key("snapshot")))
        }
        None => Err("select a snapshot first".to_owned()),
        Some(snapshot) if snapshot.captured.is_empty() => Err(format!("{} holds nothing", snapshot.id)),
        Some(snapshot) => Ok(snapshot),
    }
}

/// Shows what a command would do, at once as far as it is known; what it would change is found out meanwhile.
pub fn show_plan(model: &mut Model, request: DryRunRequest, command: Command) -> Vec<Request> {
    let plan = model.plan_of(&request);
    model.asked = Some(Asked {
        request: request.clone(),
        command: command.clone(),
        plan,
        since: model.now,
        dry_run: Loaded::Waiting,
    });
    if *model.screen() != Screen::Plan {
        model.screens.push(Screen::Plan);
    }
    model.unroll();
    vec![Request::DryRun(request, Box::new(command))]
}

/// Opens the snapshots at the one that is selected on the board.
fn browse_selected(model: &mut Model) -> Vec<Request> {
    match model.snapshot() {
        Some(id) => super::snapshot::browse(model, id),
        None => open(model, Screen::Snapshots),
    }
}
