//! Actions that take words after their name: `snapshot records-db`, `roll-back records 14:19:50`, `declare sev2 printers jam`.
//!
//! Words only say what an action is about and fill in its form: whatever it asks before it does something it still asks.

use crate::{
    domain::{AutomationMode, Command, IncidentId, Severity, SnapshotTrigger, past},
    tui::{
        action::{browse, cannot_act, named, open, perform, roll_back_component},
        filter::Filter,
        form::Kind,
        message::Request,
        model::{Model, Overlay, Screen},
    },
};

/// Ids that are offered.
const OFFERED: usize = 50;

/// What the words after an action's name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// An incident, and perhaps what is written about it.
    Incident,
    /// A change.
    Change,
    /// A recovery.
    Recovery,
    /// A snapshot.
    Snapshot,
    /// A service or a component.
    Captured,
    /// A component, or a service, and perhaps a time.
    Back,
    /// A service.
    Service,
    /// A runbook.
    Book,
    /// How bad it is, and a title.
    Outage,
    /// How far policies may go.
    Mode,
    /// Another operator of the same login.
    Operator,
    /// A fault of the sandbox.
    Fault,
    /// What is written.
    Text,
    /// What lists are narrowed to.
    Filter,
}

/// Each action that takes words, how that is written, and what they are.
const TOLD: [(&str, &str, Words); 26] = [
    ("acknowledge", "INC-1", Words::Incident),
    ("diagnose", "INC-1", Words::Incident),
    ("diagnosis", "INC-1", Words::Incident),
    ("command", "INC-1", Words::Incident),
    ("close", "INC-1", Words::Incident),
    ("break-glass", "INC-1", Words::Incident),
    ("post-mortem", "INC-1", Words::Incident),
    ("note", "INC-1 TEXT", Words::Incident),
    ("update", "INC-1 TEXT", Words::Incident),
    ("escalate", "INC-1 REASON", Words::Incident),
    ("resolve", "INC-1 WHAT ENDED IT", Words::Incident),
    ("approve", "CHG-1", Words::Change),
    ("reject", "CHG-1", Words::Change),
    ("undo", "REC-1", Words::Recovery),
    ("test-restore", "SNP-1", Words::Snapshot),
    ("read-back", "SNP-1", Words::Snapshot),
    ("pin", "SNP-1", Words::Snapshot),
    ("snapshot", "COMPONENT", Words::Captured),
    ("roll-back", "COMPONENT 14:19:50", Words::Back),
    ("patterns", "SERVICE", Words::Service),
    ("begin-run", "RUNBOOK", Words::Book),
    ("declare", "SEV2 TITLE", Words::Outage),
    ("mode", "assist", Words::Mode),
    ("become", "NAME", Words::Operator),
    ("inject", "FAULT", Words::Fault),
    ("halt", "REASON", Words::Text),
];

/// The action that narrows lists: what follows its name is what they are narrowed to.
const FILTER: &str = "filter";

fn words_of(action: &str) -> Option<Words> {
    if action == FILTER {
        return Some(Words::Filter);
    }
    TOLD.iter().find(|(name, ..)| *name == action).map(|(_, _, words)| *words)
}

/// How the words after an action's name are written, where it takes any.
#[must_use]
pub fn usage(action: &str) -> Option<&'static str> {
    if action == FILTER {
        return Some("sev:1 service:api");
    }
    TOLD.iter().find(|(name, ..)| *name == action).map(|(_, usage, _)| *usage)
}

/// Whether its words are free text from the first on.
pub(super) fn is_free(action: &str) -> bool {
    matches!(words_of(action), Some(Words::Text | Words::Filter))
}

/// What the first word may be, the likeliest first; none for an action that takes no words.
pub(super) fn offers(model: &Model, action: &str) -> Option<Vec<String>> {
    let state = &model.state;
    let components = || state.platform.components.iter().map(|component| component.name.clone());
    let services = || state.platform.services.iter().map(|service| service.name.clone());
    Some(match words_of(action)? {
        Words::Incident => {
            let (open, over): (Vec<_>, Vec<_>) =
                state.incidents.values().rev().take(OFFERED).partition(|incident| incident.state.is_open());
            open.into_iter().chain(over).map(|incident| incident.id.to_string()).collect()
        }
        Words::Change => {
            let (open, over): (Vec<_>, Vec<_>) =
                state.changes.values().rev().take(OFFERED).partition(|change| change.state.is_open());
            open.into_iter().chain(over).map(|change| change.id.to_string()).collect()
        }
        Words::Recovery => state.recoveries.keys().rev().take(OFFERED).map(ToString::to_string).collect(),
        Words::Snapshot => state.snapshots.keys().rev().take(OFFERED).map(ToString::to_string).collect(),
        Words::Captured | Words::Back => components().chain(services()).collect(),
        Words::Service => services().collect(),
        Words::Book => model.library().iter().map(|book| book.id.clone()).collect(),
        Words::Outage => Severity::ALL.iter().map(|severity| severity.to_string().to_lowercase()).collect(),
        Words::Mode => ["observe", "assist", "auto"].map(str::to_owned).to_vec(),
        Words::Operator => {
            let login = model.me.as_ref().and_then(|me| me.login.clone());
            let others = state.operators.values().filter(|one| one.login == login && !one.disabled);
            others.map(|one| one.name.clone()).collect()
        }
        Words::Fault => model.faults.iter().map(|fault| fault.name.clone()).chain(["heal".to_owned()]).collect(),
        Words::Text | Words::Filter => Vec::new(),
    })
}

/// Does an action with the words after its name.
///
/// # Errors
/// What is wrong with the words.
pub(super) fn tell(model: &mut Model, action: &str, words: &str) -> Result<Vec<Request>, String> {
    let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    let state = &model.state;
    let unknown = |kind: &str| format!("there is no {kind} {first}");
    match words_of(action).ok_or_else(|| format!("{action} takes no words"))? {
        Words::Incident => {
            let id: IncidentId = first.parse().map_err(|error| format!("{error}"))?;
            if !state.incidents.contains_key(&id) {
                return Err(unknown("incident"));
            }
            let mut requests = open(model, Screen::Incident(id));
            requests.extend(perform_named(model, action));
            write_in(model, rest);
            Ok(requests)
        }
        Words::Change => {
            let id = first.parse().map_err(|error| format!("{error}"))?;
            state.changes.get(&id).ok_or_else(|| unknown("change"))?;
            let mut requests = open(model, Screen::Change(id));
            requests.extend(perform_named(model, action));
            Ok(requests)
        }
        Words::Recovery => {
            let id = first.parse().map_err(|error| format!("{error}"))?;
            state.recoveries.get(&id).ok_or_else(|| unknown("recovery"))?;
            let mut requests = open(model, Screen::Recovery(id));
            requests.extend(perform_named(model, action));
            Ok(requests)
        }
        Words::Snapshot => {
            let id = first.parse().map_err(|error| format!("{error}"))?;
            if state.may_be_older(id) {
                return Ok(browse(model, id));
            }
            state.snapshots.get(&id).ok_or_else(|| unknown("snapshot"))?;
            let mut requests = browse(model, id);
            requests.extend(perform_named(model, action));
            Ok(requests)
        }
        Words::Captured => capture(model, words),
        Words::Back => roll_back(model, first, rest),
        Words::Service => {
            state.platform.service(first).ok_or_else(|| unknown("service"))?;
            Ok(open(model, Screen::Patterns(Some(first.to_owned()))))
        }
        Words::Book => {
            model.book(first).ok_or_else(|| unknown("runbook"))?;
            let mut requests = open(model, Screen::Book(first.to_owned()));
            requests.extend(perform_named(model, action));
            Ok(requests)
        }
        Words::Outage => declare(model, first, rest),
        Words::Mode => {
            let mode = match first {
                "observe" => AutomationMode::Observe,
                "assist" => AutomationMode::Assist,
                "auto" => AutomationMode::Auto,
                _ => return Err(format!("there is no mode {first}: observe, assist or auto")),
            };
            may(model, action)?;
            Ok(submit(Command::SetAutomation { mode }))
        }
        Words::Operator => {
            may(model, action)?;
            let known = offers(model, action).unwrap_or_default();
            known.iter().find(|name| *name == first).ok_or_else(|| unknown("operator of this login"))?;
            Ok(vec![Request::Become(first.to_owned())])
        }
        Words::Fault => {
            may(model, action)?;
            match first {
                "heal" => Ok(vec![Request::Heal]),
                _ if model.faults.iter().any(|fault| fault.name == first) => {
                    Ok(vec![Request::Inject(first.to_owned())])
                }
                _ => Err(unknown("fault")),
            }
        }
        // The same key lets policies go again, which nobody means who writes why they have to stop.
        Words::Text if model.state.halted.is_some() => Err("policies are halted already".to_owned()),
        Words::Text => {
            let requests = perform_named(model, action);
            write_in(model, words);
            Ok(requests)
        }
        Words::Filter => {
            let filter = Filter::parse(words);
            if let Some(problem) = filter.problem() {
                return Err(problem);
            }
            model.filter = filter;
            Ok(Vec::new())
        }
    }
}

fn perform_named(model: &mut Model, action: &str) -> Vec<Request> {
    named(action).map(|action| perform(model, action)).unwrap_or_default()
}

fn submit(command: Command) -> Vec<Request> {
    vec![Request::Submit(Box::new(command))]
}

/// Why an action can do nothing here.
fn may(model: &Model, action: &str) -> Result<(), String> {
    named(action).and_then(|action| action.why_not(model)).map_or(Ok(()), Err)
}

/// Writes into what an action has opened, so that Enter sends it. What was begun before and left stays as it is.
fn write_in(model: &mut Model, text: &str) {
    if text.is_empty() {
        return;
    }
    let is_draft = matches!(&model.overlay, Some(Overlay::Form(form)) if form.is_draft);
    if is_draft {
        model.say("what was begun here before stands in it; what was typed just now does not", true);
        return;
    }
    match &mut model.overlay {
        Some(Overlay::Prompt { input, .. }) => drop(input.insert_str(text)),
        Some(Overlay::Form(form)) => {
            let first = form.fields.iter_mut().find_map(|field| match &mut field.kind {
                Kind::Text(written) => Some(written),
                _ => None,
            });
            if let Some(written) = first {
                written.paste(text);
            }
        }
        _ => {}
    }
}

/// Captures components: those named, and all of each service that is named.
fn capture(model: &Model, words: &str) -> Result<Vec<Request>, String> {
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    let platform = &model.state.platform;
    let mut components: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        let of_service: Vec<String> = platform.components_of(word).map(|component| component.name.clone()).collect();
        let found = match platform.component(word) {
            Some(component) => vec![component.name.clone()],
            None if platform.service(word).is_some() && of_service.is_empty() => {
                return Err(format!("{word} has no [[component]] that could be captured"));
            }
            None => of_service,
        };
        if found.is_empty() {
            return Err(format!("there is no component or service {word}"));
        }
        components.extend(found.into_iter().filter(|name| !components.contains(name)).collect::<Vec<_>>());
    }
    Ok(submit(Command::RequestSnapshot {
        components,
        trigger: SnapshotTrigger::OnDemand,
        reason: "asked for on the board".to_owned(),
    }))
}

/// Shows the plan to bring a component back, to a point in time where one is given; of a service it asks which.
fn roll_back(model: &mut Model, name: &str, time: &str) -> Result<Vec<Request>, String> {
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    if model.state.platform.component(name).is_some() {
        let to = if time.is_empty() { None } else { Some(past(time, model.now)?) };
        return Ok(roll_back_component(model, name, to));
    }
    if model.state.platform.service(name).is_none() {
        return Err(format!("there is no component or service {name}"));
    }
    if !time.is_empty() {
        let parts: Vec<&str> =
            model.state.platform.components_of(name).map(|component| component.name.as_str()).collect();
        return Err(format!("to a time goes one component: of {name} there are {}", parts.join(", ")));
    }
    let mut requests = open(model, Screen::Service(name.to_owned()));
    requests.extend(perform_named(model, "roll-back"));
    Ok(requests)
}

/// Opens the form of a new incident with what was typed.
fn declare(model: &mut Model, grade: &str, title: &str) -> Result<Vec<Request>, String> {
    let digit = grade.to_lowercase().trim_start_matches("sev").parse::<u8>().ok();
    let severity = Severity::ALL.into_iter().find(|severity| Some(severity.number()) == digit);
    let severity = severity.ok_or_else(|| format!("there is no severity {grade}: sev1 to sev4"))?;
    let requests = perform_named(model, "declare");
    write_in(model, title);
    if let Some(Overlay::Form(form)) = &mut model.overlay
        && !form.is_draft
    {
        form.grade(severity);
        if title.is_empty() {
            form.at = (form.at + 1) % form.fields.len();
        }
    }
    Ok(requests)
}
