//! What can be done with an incident.

use super::{
    here::{NO_INCIDENT, ask_incident, cannot_act, is_about_incidents, open_incident, with_incident, write_about},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{Command, IncidentId, IncidentRole, IncidentState, Severity},
    tui::{
        form::{Writing, open_form},
        message::Request,
        model::{Model, Pane, Part, Purpose, Screen},
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "acknowledge",
        keys: &[Key::Char('a')],
        label: "Acknowledge",
        about: "Say that you have seen the incident, or all that are marked; stops their first clock",
        place: Where::Incident,
        danger: Danger::Reversible,
        disabled: |model| match open_incident(model) {
            _ if is_marking(model) => cannot_act(model),
            _ if !is_about_incidents(model) => Some("select the incident first, in pane 2".to_owned()),
            Err(why) => Some(why),
            Ok(id) => model.state.incidents[&id].acknowledged_at.map(|_| format!("{id} has been acknowledged already")),
        },
        run: |model| {
            if !is_marking(model) {
                return with_incident(model, |incident| Command::AcknowledgeIncident { incident });
            }
            let marked = std::mem::take(&mut model.marked);
            let new = marked.into_iter().filter(|id| is_new(model, *id));
            new.map(|incident| Request::Submit(Box::new(Command::AcknowledgeIncident { incident }))).collect()
        },
    },
    Action {
        name: "mark-incident",
        keys: &[Key::Char(' ')],
        label: "Mark",
        about: "Mark the incident, so that a acknowledges all that are marked; once more takes the mark off",
        place: Where::Incident,
        danger: Danger::View,
        disabled: |model| match open_incident(model) {
            _ if !is_among_incidents(model) => Some("select an incident first, in pane 2".to_owned()),
            Err(why) => Some(why),
            Ok(id) if !is_new(model, id) => Some(format!("{id} has been acknowledged already")),
            Ok(_) => None,
        },
        run: |model| {
            if let Some(id) = model.incident()
                && !model.marked.remove(&id)
            {
                model.marked.insert(id);
            }
            Vec::new()
        },
    },
    Action {
        name: "diagnose",
        keys: &[Key::Char('d')],
        label: "Diagnose",
        about: "Look for the cause of the incident",
        place: Where::Incident,
        danger: Danger::Reversible,
        disabled: |model| open_incident(model).err(),
        run: |model| with_incident(model, |incident| Command::RequestDiagnosis { incident }),
    },
    Action {
        name: "escalate",
        keys: &[Key::Char('e')],
        label: "Escalate",
        about: "Call for more people",
        place: Where::Incident,
        danger: Danger::Guarded,
        disabled: |model| cannot_act(model).or_else(|| open_incident(model).err()),
        run: |model| ask_incident(model, "Why is it escalated?", Purpose::Escalate),
    },
    Action {
        name: "note",
        keys: &[Key::Char('n')],
        label: "Note",
        about: "Write a note into the incident's timeline",
        place: Where::Incident,
        danger: Danger::Reversible,
        disabled: |model| cannot_act(model).or_else(|| model.incident().is_none().then(|| NO_INCIDENT.to_owned())),
        run: |model| write_about(model, Writing::Note),
    },
    Action {
        name: "update",
        keys: &[Key::Char('w')],
        label: "Update",
        about: "Tell those who wait how the incident goes",
        place: Where::Incident,
        danger: Danger::Reversible,
        disabled: |model| cannot_act(model).or_else(|| open_incident(model).err()),
        run: |model| write_about(model, Writing::Update),
    },
    Action {
        name: "post-mortem",
        keys: &[Key::Char('L')],
        label: "Lessons",
        about: "Write what went well and badly, where we were lucky, and what is to be remembered",
        place: Where::Incident,
        danger: Danger::Reversible,
        disabled: |model| {
            cannot_act(model).or_else(|| match model.incident().and_then(|id| model.state.incidents.get(&id)) {
                None => Some(NO_INCIDENT.to_owned()),
                Some(incident) if incident.post_mortem.completed.is_some() => {
                    Some(format!("the post-mortem of {} is completed", incident.id))
                }
                Some(_) => None,
            })
        },
        run: |model| write_about(model, Writing::PostMortem),
    },
    Action {
        name: "command",
        keys: &[Key::Char('o')],
        label: "Take command",
        about: "Become the incident's commander",
        place: Where::Incident,
        danger: Danger::Reversible,
        disabled: |model| cannot_act(model).or_else(|| open_incident(model).err()),
        run: |model| {
            let operator = model.me.as_ref().map(|me| me.name.clone()).unwrap_or_default();
            with_incident(model, |incident| Command::AssignIncident {
                incident,
                role: IncidentRole::Commander,
                operator: operator.clone(),
            })
        },
    },
    Action {
        name: "turn",
        keys: &[Key::Tab, Key::BackTab],
        label: "Other part",
        about: "On the page of an incident, a change or a run: scroll what stands beside, or what is known",
        place: Where::Incident,
        danger: Danger::View,
        disabled: |model| {
            let has_parts = matches!(model.screen(), Screen::Incident(_) | Screen::Change(_) | Screen::Run(_));
            (!has_parts).then(|| "open an incident, a change or a run first".to_owned())
        },
        run: |model| {
            model.turn_to(if model.part == Part::Facts { Part::Aside } else { Part::Facts });
            Vec::new()
        },
    },
    Action {
        name: "declare",
        keys: &[Key::Char('i')],
        label: "Declare incident",
        about: "Open an incident that no check has noticed",
        place: Where::Anywhere,
        danger: Danger::Guarded,
        disabled: cannot_act,
        run: |model| {
            let service = match model.screen() {
                Screen::Board if model.focus == Pane::Services => model.service(),
                Screen::Service(name) => Some(name.clone()),
                _ => None,
            };
            open_form(model, &Writing::Declare, service)
        },
    },
    Action {
        name: "break-glass",
        keys: &[Key::Char('E')],
        label: "Break-glass",
        about: "Act without an approval for an hour at most: everybody who may approve is told, and two others review it",
        place: Where::Incident,
        danger: Danger::Critical,
        disabled: |model| {
            cannot_act(model).or_else(|| match open_incident(model) {
                Err(why) => Some(why),
                Ok(id) if model.state.incidents[&id].severity > Severity::Sev2 => {
                    Some(format!("{id} is no SEV1 or SEV2"))
                }
                Ok(_) => model.owed_break_glass(),
            })
        },
        run: |model| write_about(model, Writing::BreakGlass),
    },
    Action {
        name: "resolve",
        keys: &[Key::Char('v')],
        label: "Resolve",
        about: "Say that users are served again",
        place: Where::Incident,
        danger: Danger::Guarded,
        disabled: |model| cannot_act(model).or_else(|| open_incident(model).err()),
        run: |model| ask_incident(model, "What ended it?", Purpose::Resolve),
    },
    Action {
        name: "close",
        keys: &[Key::Char('z')],
        label: "Close",
        about: "Close a resolved incident",
        place: Where::Incident,
        danger: Danger::Reversible,
        disabled: |model| {
            cannot_act(model).or_else(|| match model.incident().and_then(|id| model.state.incidents.get(&id)) {
                Some(incident) if incident.state == IncidentState::Resolved => None,
                Some(incident) => Some(format!("{} is {}; resolve it first", incident.id, incident.state)),
                None => Some(NO_INCIDENT.to_owned()),
            })
        },
        run: |model| with_incident(model, |incident| Command::CloseIncident { incident }),
    },
];

fn is_among_incidents(model: &Model) -> bool {
    *model.screen() == Screen::Board && model.focus == Pane::Incidents
}

/// Whether several incidents are in question: those that are marked.
fn is_marking(model: &Model) -> bool {
    is_among_incidents(model) && model.marked.iter().any(|id| is_new(model, *id))
}

/// Whether nobody has seen an incident yet.
fn is_new(model: &Model, id: IncidentId) -> bool {
    let found = model.state.incidents.get(&id);
    found.is_some_and(|incident| incident.state.is_open() && incident.acknowledged_at.is_none())
}
