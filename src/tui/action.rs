//! The one table of actions. The keys, the hints line, the help page, the palette and the buttons are made from it.
//!
//! No action that changes anything is on a letter that a torn arrow key could leave behind (`A B C D F H O P Q R S`).

use super::{
    message::Request,
    model::{Confirm, Model, Overlay, Pane, Purpose, Screen},
    term::input::Key,
};
use crate::{
    domain::{
        AutomationMode, ChangeId, ChangeState, Command, Fix, IncidentId, IncidentRole, IncidentState, Operator,
        RecoveryId, RollbackRequest, Scope, SnapshotTrigger, role_to_fill,
    },
    engine::DryRunRequest,
};
use tui_textarea::TextArea;

/// How much an action can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Shows something.
    View,
    /// Can be taken back, or does no harm.
    Reversible,
    /// Is asked about first.
    Guarded,
    /// Shows what it would do, and wants the target's name typed.
    Critical,
}

/// Where an action belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Everywhere.
    Anywhere,
    /// Where an incident is in question.
    Incident,
    /// Where a change is in question.
    Change,
    /// Where a service is in question.
    Service,
    /// Where a snapshot is in question.
    Snapshot,
    /// Where a recovery is in question.
    Recovery,
    /// In a drill on a sandbox.
    Drill,
}

/// Something a person can do.
pub struct Action {
    /// Its name, stable for tests and documents.
    pub name: &'static str,
    /// Its keys; the first is shown.
    pub keys: &'static [Key],
    /// What hints and buttons call it.
    pub label: &'static str,
    /// What the help page says.
    pub about: &'static str,
    /// Where it belongs.
    pub place: Where,
    /// How much it can do.
    pub danger: Danger,
    /// Why it can do nothing now.
    pub disabled: fn(&Model) -> Option<String>,
    /// What it does.
    pub run: fn(&mut Model) -> Vec<Request>,
}

/// All actions, in the order of the help page.
pub static ACTIONS: &[Action] = &[
    Action {
        name: "acknowledge",
        keys: &[Key::Char('a')],
        label: "Acknowledge",
        about: "Say that you have seen the incident; stops its first clock",
        place: Where::Incident,
        danger: Danger::Reversible,
        disabled: |model| match open_incident(model) {
            _ if !is_about_incidents(model) => Some("select the incident first".to_owned()),
            Err(why) => Some(why),
            Ok(id) => model.state.incidents[&id].acknowledged_at.map(|_| format!("{id} has been acknowledged already")),
        },
        run: |model| with_incident(model, |incident| Command::AcknowledgeIncident { incident }),
    },
    Action {
        name: "approve",
        keys: &[Key::Char('a')],
        label: "Approve",
        about: "Look at the plan that waits, then agree to exactly it",
        place: Where::Change,
        danger: Danger::Guarded,
        disabled: cannot_approve,
        run: approve,
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
        name: "roll-back",
        keys: &[Key::Char('r')],
        label: "Roll back",
        about: "Bring components of the service back to their last good state; shows what would change first",
        place: Where::Service,
        danger: Danger::Critical,
        disabled: |model| match model.service() {
            None => Some("select a service first".to_owned()),
            Some(name) if model.state.platform.components_of(&name).next().is_none() => {
                Some(format!("{name} has no [[component]] that could be rolled back"))
            }
            Some(_) => cannot_act(model),
        },
        run: roll_back,
    },
    Action {
        name: "reject",
        keys: &[Key::Char('x')],
        label: "Reject",
        about: "Say no to the change",
        place: Where::Change,
        danger: Danger::Guarded,
        disabled: |model| cannot_act(model).or_else(|| waiting_change(model).err()),
        run: |model| match waiting_change(model) {
            Ok(id) => ask(model, format!("Why is {id} rejected?"), Purpose::Reject(id)),
            Err(_) => Vec::new(),
        },
    },
    Action {
        name: "snapshot",
        keys: &[Key::Char('s')],
        label: "Snapshot",
        about: "Capture all components into the vault now",
        place: Where::Anywhere,
        danger: Danger::Reversible,
        disabled: |model| {
            cannot_act(model).or_else(|| {
                model
                    .state
                    .platform
                    .components
                    .is_empty()
                    .then(|| "the platform file declares no [[component]]".to_owned())
            })
        },
        run: |_| {
            submit(Command::RequestSnapshot {
                components: Vec::new(),
                trigger: SnapshotTrigger::OnDemand,
                reason: "asked for on the board".to_owned(),
            })
        },
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
        run: |model| ask_incident(model, "Note", Purpose::Note),
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
            ask(model, "What is wrong? (opens a SEV2 incident)".to_owned(), Purpose::Declare(service))
        },
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
    Action {
        name: "undo",
        keys: &[Key::Char('u')],
        label: "Undo",
        about: "Bring back what stood before the recovery",
        place: Where::Recovery,
        danger: Danger::Critical,
        disabled: |model| {
            cannot_act(model).or_else(|| match model.recovery().and_then(|id| model.state.recoveries.get(&id)) {
                None => Some("there is no recovery to undo".to_owned()),
                Some(recovery) if recovery.is_running() => Some(format!("{} still runs; c stops it", recovery.id)),
                Some(recovery) => crate::domain::plan_undo(&model.state, recovery).err().map(|refusal| refusal.message),
            })
        },
        run: |model| match model.recovery() {
            Some(recovery) => {
                let command = Command::UndoRecovery { recovery, reason: "asked for on the board".to_owned() };
                model.overlay = Some(Overlay::Wait("Finding out what would change".to_owned()));
                vec![Request::DryRun(DryRunRequest::Undo { recovery }, Box::new(command))]
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
                None => Some("no recovery runs".to_owned()),
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
    Action {
        name: "difference",
        keys: &[Key::Char('w')],
        label: "What differs now",
        about: "Compare the snapshot with the live system",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: |model| match model.snapshot().and_then(|id| model.state.snapshots.get(&id)) {
            None => Some("select a snapshot first".to_owned()),
            Some(snapshot) if snapshot.captured.is_empty() => Some(format!("{} holds nothing", snapshot.id)),
            Some(_) => None,
        },
        run: |model| match model.snapshot() {
            Some(id) => {
                model.differences.insert(id, super::model::Loaded::Waiting);
                if *model.screen() == Screen::Board {
                    open(model, Screen::Snapshots);
                    if let Some(place) =
                        model.rows(super::model::List::Snapshots).iter().position(|key| *key == id.to_string())
                    {
                        model.select(super::model::List::Snapshots, place);
                    }
                }
                vec![Request::Difference(id)]
            }
            None => Vec::new(),
        },
    },
    Action {
        name: "verify",
        keys: &[Key::Char('t')],
        label: "Read back",
        about: "Read everything the snapshot holds back from the vault and check every byte",
        place: Where::Snapshot,
        danger: Danger::Reversible,
        disabled: |model| match model.snapshot().and_then(|id| model.state.snapshots.get(&id)) {
            None => Some("select a snapshot first".to_owned()),
            Some(snapshot) if snapshot.captured.is_empty() => Some(format!("{} holds nothing", snapshot.id)),
            Some(_) => cannot_act(model),
        },
        run: |model| match model.snapshot() {
            Some(id) => {
                model.say(format!("reading {id} back …"), false);
                vec![Request::Verify(id)]
            }
            None => Vec::new(),
        },
    },
    Action {
        name: "inject",
        keys: &[Key::Char('f')],
        label: "Inject fault",
        about: "Break the sandbox on purpose",
        place: Where::Drill,
        danger: Danger::Guarded,
        disabled: |model| {
            (!model.is_drill() || model.faults.is_empty())
                .then(|| "faults are for the sandbox alone: codeblue demo".to_owned())
        },
        run: |model| {
            let mut choices: Vec<(String, Vec<Request>)> = model
                .faults
                .iter()
                .map(|fault| (format!("{:<17} {}", fault.name, fault.about), vec![Request::Inject(fault.name.clone())]))
                .collect();
            choices.push(("heal              take all faults back".to_owned(), vec![Request::Heal]));
            model.overlay = Some(Overlay::Menu { title: "Break what?".to_owned(), choices, selected: 0 });
            Vec::new()
        },
    },
    Action {
        name: "become",
        keys: &[Key::Char('b')],
        label: "Be somebody else",
        about: "In a drill: act as another operator of the same login",
        place: Where::Drill,
        danger: Danger::View,
        disabled: |model| (!model.is_drill()).then(|| "only in a drill may one login be several people".to_owned()),
        run: |model| {
            let login = model.me.as_ref().and_then(|me| me.login.clone());
            let choices = model
                .state
                .operators
                .values()
                .filter(|operator| operator.login == login && !operator.disabled)
                .map(|operator| {
                    (format!("{:<10} {}", operator.name, roles(operator)), vec![Request::Become(operator.name.clone())])
                })
                .collect();
            model.overlay = Some(Overlay::Menu { title: "Act as".to_owned(), choices, selected: 0 });
            Vec::new()
        },
    },
    Action {
        name: "halt",
        keys: &[Key::Char('h')],
        label: "Halt autopilot",
        about: "Kill switch: policies start nothing until it is released with the same key",
        place: Where::Anywhere,
        danger: Danger::Guarded,
        disabled: cannot_act,
        run: |model| match model.state.halted {
            Some(_) => submit(Command::ReleaseAutomation),
            None => ask(model, "Why must policies stop?".to_owned(), Purpose::Halt),
        },
    },
    Action {
        name: "mode",
        keys: &[Key::Char('m')],
        label: "Autopilot mode",
        about: "Choose how far policies may go",
        place: Where::Anywhere,
        danger: Danger::Guarded,
        disabled: cannot_act,
        run: |model| {
            let choice = |text: &str, mode| (text.to_owned(), submit(Command::SetAutomation { mode }));
            let choices = vec![
                choice("observe   watch and record, propose nothing", AutomationMode::Observe),
                choice("assist    diagnose and propose; a person approves", AutomationMode::Assist),
                choice("auto      also run recoveries (not in production)", AutomationMode::Auto),
            ];
            model.overlay = Some(Overlay::Menu { title: "Autopilot".to_owned(), choices, selected: 1 });
            Vec::new()
        },
    },
    Action {
        name: "open",
        keys: &[Key::Enter],
        label: "Open",
        about: "Open what is selected",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: open_selected,
    },
    Action {
        name: "back",
        keys: &[Key::Esc, Key::Backspace],
        label: "Back",
        about: "Close what is on top",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| {
            if model.screens.len() > 1 {
                model.screens.pop();
                model.scroll = 0;
            } else if !model.filter.is_empty() {
                model.filter.clear();
            }
            model.held = None;
            Vec::new()
        },
    },
    Action {
        name: "journal",
        keys: &[Key::Char('l')],
        label: "Journal",
        about: "Everything that happened, by whom and why",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Journal),
    },
    Action {
        name: "recoveries",
        keys: &[Key::Char('y')],
        label: "Recoveries",
        about: "All recoveries and how they went",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Recoveries),
    },
    Action {
        name: "snapshots",
        keys: &[Key::Char('p')],
        label: "Snapshots",
        about: "All snapshots, and what differs between them and now",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Snapshots),
    },
    Action {
        name: "filter",
        keys: &[Key::Char('/')],
        label: "Filter",
        about: "Narrow lists to rows that hold a text; empty shows all",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| ask(model, "Show only".to_owned(), Purpose::Filter),
    },
    Action {
        name: "palette",
        keys: &[Key::Char(':')],
        label: "Commands",
        about: "Find an action by its name",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| {
            model.overlay = Some(Overlay::Palette { input: Box::new(TextArea::default()), selected: 0 });
            Vec::new()
        },
    },
    Action {
        name: "help",
        keys: &[Key::Char('?')],
        label: "Help",
        about: "What can be done where",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Help),
    },
    Action {
        name: "repaint",
        keys: &[Key::Ctrl('l')],
        label: "Repaint",
        about: "Paint the whole screen anew",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |_| vec![Request::Repaint],
    },
    Action {
        name: "suspend",
        keys: &[Key::Ctrl('z')],
        label: "Suspend",
        about: "Go to the background; fg brings the board back",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |_| vec![Request::Suspend],
    },
    Action {
        name: "quit",
        keys: &[Key::Char('q'), Key::Ctrl('c')],
        label: "Quit",
        about: "Leave the board",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |_| vec![Request::Quit],
    },
];

const NO_INCIDENT: &str = "no incident is in question here";

/// The action with a name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// The action on a key: where two share it, the first that can do something here.
#[must_use]
pub fn on_key(model: &Model, key: Key) -> Option<&'static Action> {
    let mut sharing = ACTIONS.iter().filter(|action| action.keys.contains(&key));
    let first = sharing.clone().find(|action| (action.disabled)(model).is_none());
    first.or_else(|| sharing.next_back())
}

/// Does an action, or says why it can do nothing.
pub fn perform(model: &mut Model, action: &Action) -> Vec<Request> {
    match (action.disabled)(model) {
        Some(why) => {
            model.say(format!("{}: {why}", action.label), true);
            Vec::new()
        }
        None => (action.run)(model),
    }
}

/// The actions worth a hint here, the most useful first.
#[must_use]
pub fn hints(model: &Model) -> Vec<&'static Action> {
    let mut wanted: Vec<&str> = match model.screen() {
        Screen::Board => match model.focus {
            Pane::Services => vec!["open", "roll-back", "diagnose", "snapshot"],
            Pane::Incidents => vec!["open", "acknowledge", "diagnose", "escalate", "note"],
            Pane::Approvals => vec!["open", "approve", "reject"],
            Pane::Snapshots => vec!["open", "snapshot", "difference", "verify"],
        },
        Screen::Service(_) => vec!["back", "roll-back", "diagnose", "snapshot", "declare"],
        Screen::Incident(_) => {
            vec!["back", "acknowledge", "diagnose", "approve", "note", "command", "escalate", "resolve", "close"]
        }
        Screen::Change(_) => vec!["back", "approve", "reject"],
        Screen::Snapshots => vec!["back", "snapshot", "difference", "verify"],
        Screen::Recovery(_) => vec!["back", "cancel", "undo"],
        Screen::Recoveries => vec!["back", "open", "undo"],
        Screen::Journal => vec!["back", "filter"],
        Screen::Help => vec!["back"],
    };
    if model.is_drill() && !model.faults.is_empty() {
        wanted.push("inject");
    }
    wanted.extend(["palette", "help", "quit"]);
    // Two actions on one key are one hint: the one that the key does now.
    wanted
        .into_iter()
        .filter_map(named)
        .filter(|action| {
            action.keys.iter().any(|key| on_key(model, *key).is_some_and(|found| found.name == action.name))
        })
        .collect()
}

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
        Screen::Change(id) => {
            model.dry_runs.entry(*id).or_insert(super::model::Loaded::Waiting);
            vec![Request::ChangeDryRun(*id)]
        }
        _ => Vec::new(),
    };
    model.screens.push(screen);
    model.scroll = 0;
    request
}

fn open_selected(model: &mut Model) -> Vec<Request> {
    let screen = match model.screen() {
        Screen::Board => match model.focus {
            Pane::Services => model.service().map(Screen::Service),
            Pane::Incidents => model.incident().map(Screen::Incident),
            Pane::Approvals => model.change().map(Screen::Change),
            Pane::Snapshots => Some(Screen::Snapshots),
        },
        Screen::Recoveries => model.recovery().map(Screen::Recovery),
        Screen::Incident(_) => model.change().map(Screen::Change).or_else(|| {
            model
                .incident()
                .and_then(|id| model.state.incidents.get(&id)?.recoveries.last().copied())
                .map(Screen::Recovery)
        }),
        Screen::Change(id) => model.state.changes.get(id).and_then(|change| change.recovery).map(Screen::Recovery),
        Screen::Service(name) => model.state.incident_of(name).map(|incident| Screen::Incident(incident.id)),
        _ => None,
    };
    match screen {
        Some(screen) => open(model, screen),
        None => Vec::new(),
    }
}

fn submit(command: Command) -> Vec<Request> {
    vec![Request::Submit(Box::new(command))]
}

fn ask(model: &mut Model, title: String, purpose: Purpose) -> Vec<Request> {
    model.overlay = Some(Overlay::Prompt { title, purpose, input: Box::new(TextArea::default()) });
    Vec::new()
}

fn ask_incident(model: &mut Model, title: &str, purpose: fn(IncidentId) -> Purpose) -> Vec<Request> {
    match model.incident() {
        Some(id) => ask(model, format!("{id}: {title}"), purpose(id)),
        None => Vec::new(),
    }
}

fn with_incident(model: &Model, command: impl Fn(IncidentId) -> Command) -> Vec<Request> {
    model.incident().map(|id| submit(command(id))).unwrap_or_default()
}

fn confirm(model: &mut Model, title: String, lines: Vec<String>, verb: &str, command: Command) -> Vec<Request> {
    model.overlay = Some(Overlay::Confirm(Confirm {
        title,
        lines,
        verb: verb.to_owned(),
        name: None,
        typed: String::new(),
        go: false,
        opened: model.now,
        requests: submit(command),
    }));
    Vec::new()
}

/// Whether the keys here are about incidents rather than changes.
fn is_about_incidents(model: &Model) -> bool {
    match model.screen() {
        Screen::Incident(_) | Screen::Service(_) => true,
        Screen::Board => matches!(model.focus, Pane::Incidents | Pane::Services),
        _ => false,
    }
}

/// Why this person can change nothing here.
fn cannot_act(model: &Model) -> Option<String> {
    match &model.me {
        _ if model.link != super::model::Link::Live => Some("there is no connection to the engine".to_owned()),
        None => Some("the engine does not know you; somebody has to run: codeblue operator add".to_owned()),
        Some(me) if !me.may_act() => Some(format!("{} may look but not act", me.name)),
        Some(_) => None,
    }
}

fn open_incident(model: &Model) -> Result<IncidentId, String> {
    let id = model.incident().ok_or_else(|| NO_INCIDENT.to_owned())?;
    match model.state.incidents.get(&id) {
        Some(incident) if incident.state.is_open() => Ok(id),
        Some(incident) => Err(format!("{id} is {}", incident.state)),
        None => Err(format!("{id} is not known here")),
    }
}

fn waiting_change(model: &Model) -> Result<ChangeId, String> {
    let id = model.change().ok_or_else(|| "no change waits".to_owned())?;
    match model.state.changes.get(&id) {
        Some(change) if change.state == ChangeState::Pending => Ok(id),
        Some(change) => Err(format!("{id} is {}", change.state)),
        None => Err(format!("{id} is not known here")),
    }
}

fn running_recovery(model: &Model) -> Option<RecoveryId> {
    let here =
        model.recovery().filter(|id| model.state.recoveries.get(id).is_some_and(crate::domain::Recovery::is_running));
    here.or_else(|| model.state.running_recoveries().next().map(|recovery| recovery.id))
}

fn cannot_approve(model: &Model) -> Option<String> {
    if let Some(why) = cannot_act(model) {
        return Some(why);
    }
    match waiting_change(model) {
        Err(why) => Some(why),
        Ok(id) => {
            let me = model.me.as_ref().map(|me| me.name.as_str()).unwrap_or_default();
            let change = model.state.changes.get(&id)?;
            role_to_fill(&model.state, change, me).err().map(|refusal| match refusal.hint {
                Some(hint) => format!("{}; {hint}", refusal.message),
                None => refusal.message,
            })
        }
    }
}

/// First look, then agree: from elsewhere it opens the change, on its page it asks.
fn approve(model: &mut Model) -> Vec<Request> {
    let Ok(id) = waiting_change(model) else { return Vec::new() };
    if *model.screen() != Screen::Change(id) {
        return open(model, Screen::Change(id));
    }
    let Some(change) = model.state.changes.get(&id) else { return Vec::new() };
    let lines = vec![
        change.title.clone(),
        format!("risk {} of 10 · plan {}", change.risk.score, &change.plan_hash[..12.min(change.plan_hash.len())]),
        change.plan.loses.as_ref().map_or_else(|| "nothing is lost".to_owned(), |loses| format!("LOSES {loses}")),
    ];
    let command = Command::ApproveChange { change: id, plan_hash: change.plan_hash.clone(), reason: String::new() };
    confirm(model, format!("Approve {id}"), lines, "Approve", command)
}

fn roll_back(model: &mut Model) -> Vec<Request> {
    let Some(service) = model.service() else { return Vec::new() };
    let incident = model.incident();
    let components: Vec<String> =
        model.state.platform.components_of(&service).map(|component| component.name.clone()).collect();
    let reason = match incident.and_then(|id| model.state.incidents.get(&id)) {
        Some(incident) => format!("{} {}", incident.id, incident.title),
        None => "asked for on the board".to_owned(),
    };
    let choice = |text: String, scope: Scope| {
        let request = RollbackRequest { scope, to: None, reason: reason.clone(), incident };
        let command = Command::RequestRollback(request.clone());
        (text, vec![Request::DryRun(DryRunRequest::Rollback(request), Box::new(command))])
    };
    let mut choices: Vec<(String, Vec<Request>)> =
        components.iter().map(|name| choice(format!("{name} alone"), Scope::Components(vec![name.clone()]))).collect();
    if components.len() > 1 {
        choices.push(choice(format!("all of {service}"), Scope::Services(vec![service.clone()])));
    }
    if choices.len() == 1 {
        model.overlay = Some(Overlay::Wait("Finding out what would change".to_owned()));
        return choices.remove(0).1;
    }
    model.overlay = Some(Overlay::Menu { title: format!("Roll back what of {service}?"), choices, selected: 0 });
    Vec::new()
}

/// What a diagnosis proposes, as something that can be asked for.
#[must_use]
pub fn proposal(model: &Model, place: usize) -> Option<(String, Request)> {
    let Screen::Incident(id) = model.screen() else { return None };
    let document = latest_document(model, *id)?;
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
    Some((fix.action.clone(), Request::DryRun(request, Box::new(command))))
}

/// The newest answer of a diagnosis of an incident.
#[must_use]
pub fn latest_document(model: &Model, id: IncidentId) -> Option<std::sync::Arc<crate::domain::DiagnosisDocument>> {
    let incident = model.state.incidents.get(&id)?;
    incident.diagnoses.iter().rev().find_map(|id| match &model.state.diagnoses.get(id)?.state {
        crate::domain::DiagnosisState::Concluded { document, .. } => Some(document.clone()),
        _ => None,
    })
}
