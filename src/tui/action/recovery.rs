//! What can be done to bring a service back, and with a recovery.

use super::{
    here::{cannot_act, confirm, latest_document, running_recovery, show_plan},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{Command, Fix, RollbackRequest, Scope, plan_undo},
    engine::DryRunRequest,
    tui::{
        message::Request,
        model::{Model, Overlay, Screen},
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "roll-back",
        keys: &[Key::Char('r')],
        label: "Roll back",
        about: "Bring components of the service back to their last good state",
        place: Where::Service,
        danger: Danger::Critical,
        disabled: |model| match model.service() {
            None => Some("select a service first, in pane 1".to_owned()),
            Some(name) if model.state.platform.components_of(&name).next().is_none() => {
                Some(format!("{name} has no [[component]] that could be rolled back"))
            }
            Some(_) => cannot_act(model),
        },
        run: roll_back,
    },
    Action {
        name: "undo",
        keys: &[Key::Char('u')],
        label: "Undo",
        about: "Bring back what stood before the recovery",
        place: Where::Recovery,
        danger: Danger::Critical,
        disabled: |model| {
            cannot_act(model).or_else(|| match model.recovery().and_then(|id| model.state.recoveries.get(&id)) {
                None => Some(format!("there is no recovery to undo; {} lists them", model.key("recoveries"))),
                Some(recovery) if recovery.is_running() => {
                    Some(format!("{} still runs; {} stops it", recovery.id, model.key("cancel")))
                }
                Some(recovery) => plan_undo(&model.state, recovery).err().map(|refusal| refusal.message),
            })
        },
        run: |model| match model.recovery() {
            Some(recovery) => {
                let command = Command::UndoRecovery { recovery, reason: "asked for on the board".to_owned() };
                show_plan(model, DryRunRequest::Undo { recovery }, command)
            }
            None => Vec::new(),
        },
    },
    Action {
        name: "cancel",
        keys: &[Key::Char('c')],
        label: "Stop after step",
        about: "Stop the recovery after the step under way",
        place: Where::Recovery,
        danger: Danger::Guarded,
        disabled: |model| {
            cannot_act(model).or_else(|| match running_recovery(model) {
                Some(_) => None,
                None => Some(format!("no recovery runs; {} lists those that did", model.key("recoveries"))),
            })
        },
        run: |model| match running_recovery(model) {
            Some(recovery) => confirm(
                model,
                format!("Stop {recovery} after the step under way"),
                vec!["What was done so far stays, and is told. Undo brings it back.".to_owned()],
                "Stop it",
                Command::CancelRecovery { recovery, reason: "stopped on the board".to_owned() },
            ),
            None => Vec::new(),
        },
    },
];

fn roll_back(model: &mut Model) -> Vec<Request> {
    let Some(service) = model.service() else { return Vec::new() };
    let incident = model.incident();
    let components: Vec<String> =
        model.state.platform.components_of(&service).map(|component| component.name.clone()).collect();
    let reason = match incident.and_then(|id| model.state.incidents.get(&id)) {
        Some(incident) => format!("{} {}", incident.id, incident.title),
        None => "asked for on the board".to_owned(),
    };
    let mut scopes: Vec<(String, Scope)> =
        components.iter().map(|name| (format!("{name} alone"), Scope::Components(vec![name.clone()]))).collect();
    if components.len() > 1 {
        scopes.push((format!("all of {service}"), Scope::Services(vec![service.clone()])));
    }
    let mut requests: Vec<(String, RollbackRequest)> = scopes
        .into_iter()
        .map(|(text, scope)| (text, RollbackRequest { scope, to: None, reason: reason.clone(), incident }))
        .collect();
    if requests.len() == 1 {
        let request = requests.remove(0).1;
        return show_plan(model, DryRunRequest::Rollback(request.clone()), Command::RequestRollback(request));
    }
    let choices = requests
        .into_iter()
        .map(|(text, request)| {
            let command = Command::RequestRollback(request.clone());
            (text, vec![Request::DryRun(DryRunRequest::Rollback(request), Box::new(command))])
        })
        .collect();
    model.overlay = Some(Overlay::Menu { title: format!("Roll back what of {service}?"), choices, selected: 0 });
    Vec::new()
}

/// Asks for what a diagnosis proposes, or says why it cannot be had.
pub fn propose(model: &mut Model, place: usize) -> Vec<Request> {
    let is_old = model.looked().is_some_and(|looked| !looked.is_newest_answer);
    match proposal(model, place) {
        Some((_, request, command)) => return show_plan(model, request, command),
        None if is_old => {
            model.say(format!("a newer diagnosis has an answer: {} shows it", model.key("later-diagnosis")), true);
        }
        None => model.say(format!("there is no proposal {}: its number stands beside each", place + 1), true),
    }
    Vec::new()
}

/// What a diagnosis proposes, as something that can be asked for.
fn proposal(model: &Model, place: usize) -> Option<(String, DryRunRequest, Command)> {
    let (id, document) = match model.screen() {
        Screen::Incident(id) => (id, latest_document(model, *id)?),
        Screen::Diagnosis(id, _) => {
            let (whose, _) = model.looked().filter(|looked| looked.is_newest_answer)?.answer?;
            (id, whose.document()?.clone())
        }
        _ => return None,
    };
    let fix = document.suggested_fixes.get(place)?;
    let reason = format!("{id}, proposed by {}", document.error_id);
    let (request, command) = match &fix.fix {
        Fix::RollBack { component } => {
            let request = RollbackRequest {
                scope: Scope::Components(vec![component.clone()]),
                to: None,
                reason,
                incident: Some(*id),
            };
            (DryRunRequest::Rollback(request.clone()), Command::RequestRollback(request))
        }
        Fix::RunAction { service, action } => (
            DryRunRequest::Action { service: service.clone(), action: action.clone() },
            Command::RequestAction { service: service.clone(), action: action.clone(), incident: Some(*id), reason },
        ),
    };
    Some((fix.action.clone(), request, command))
}
