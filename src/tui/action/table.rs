//! The table itself: what an action is, which keys lead to it, and which are worth a hint.

use super::{
    anywhere, break_glass, breaker, calendar, change, continuity, diagnosis, drill, here::is_about_snapshots, incident,
    knowledge, on_call, recovery, run, runbook, snapshot, template,
};
use crate::tui::{
    message::Request,
    model::{Model, Pane, Screen},
    term::input::Key,
};

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
    /// Where a diagnosis is in question.
    Diagnosis,
    /// Where an article is in question.
    Knowledge,
    /// Where a change is in question.
    Change,
    /// Where a use of break-glass is in question.
    BreakGlass,
    /// Where a standard change is in question.
    Template,
    /// Where a service is in question.
    Service,
    /// Where a snapshot is in question.
    Snapshot,
    /// Where a recovery is in question.
    Recovery,
    /// Where a runbook is in question.
    Runbook,
    /// On the page of a run of a runbook.
    Run,
    /// Among planned work.
    Calendar,
    /// Among the shifts of those on call.
    OnCall,
    /// Where a function that people cannot do without is in question.
    Continuity,
    /// Where a circuit breaker is in question.
    Breaker,
    /// In a drill on a sandbox.
    Drill,
}

impl Where {
    /// All of them in the order of the help page, each with its word in the settings and its heading there.
    pub const ALL: [(Self, &'static str, &'static str); 17] = [
        (Self::Incident, "incident", "Incidents"),
        (Self::Diagnosis, "diagnosis", "Diagnoses"),
        (Self::Knowledge, "knowledge", "Knowledge"),
        (Self::Change, "change", "Changes"),
        (Self::BreakGlass, "break-glass", "Break-glass"),
        (Self::Template, "standard-change", "Standard changes"),
        (Self::Service, "service", "Services"),
        (Self::Recovery, "recovery", "Recoveries"),
        (Self::Snapshot, "snapshot", "Snapshots"),
        (Self::Runbook, "runbook", "Runbooks"),
        (Self::Run, "run", "Runs of runbooks"),
        (Self::Calendar, "planned-work", "Planned work"),
        (Self::OnCall, "on-call", "On call"),
        (Self::Breaker, "breaker", "Circuit breakers"),
        (Self::Continuity, "continuity", "Continuity"),
        (Self::Drill, "drill", "Drills"),
        (Self::Anywhere, "anywhere", "Anywhere"),
    ];

    /// Its word in the settings.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(place, ..)| *place == self).map_or("", |(_, word, _)| word)
    }

    /// Whether its actions do something on pages of their own alone, but for those that lead there.
    fn has_pages_of_its_own(self) -> bool {
        use Where::{Breaker, Calendar, Continuity, Drill, Knowledge, OnCall, Run, Runbook, Template};
        matches!(self, Knowledge | Template | Runbook | Run | Breaker | Calendar | OnCall | Continuity | Drill)
    }
}

/// Actions of pages of their own that do something on other pages as well.
pub const FROM_ELSEWHERE: [&str; 6] = ["become", "books", "drill-at-hand", "drills", "inject", "run-at-hand"];

/// Something a person can do.
pub struct Action {
    /// Its name, stable for tests and documents.
    pub name: &'static str,
    /// Its keys, the one to show first, where the keymap has no others.
    pub(super) keys: &'static [Key],
    /// What hints and buttons call it.
    pub label: &'static str,
    /// What the help page says.
    pub about: &'static str,
    /// Where it belongs.
    pub place: Where,
    /// How much it can do.
    pub danger: Danger,
    /// Why it can do nothing now, as far as what it is about goes; [`Action::why_not`] says the rest too.
    pub disabled: fn(&Model) -> Option<String>,
    /// What it does.
    pub run: fn(&mut Model) -> Vec<Request>,
}

impl Action {
    /// Whether both may be able to do something on one page, so that a key for both would be a question of luck. Those that share a key in
    /// the table never are.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let is_bound = |action: &Self| action.place.has_pages_of_its_own() && !FROM_ELSEWHERE.contains(&action.name);
        let apart = self.place != other.place && (is_bound(self) || is_bound(other));
        let parted = self.keys.iter().any(|key| other.keys.contains(key));
        self.name != other.name && !apart && !parted
    }
}

/// All actions, in the order of the help page.
pub fn all() -> impl DoubleEndedIterator<Item = &'static Action> + Clone {
    [
        incident::ACTIONS,
        change::ACTIONS,
        break_glass::ACTIONS,
        recovery::ACTIONS,
        snapshot::ACTIONS,
        anywhere::ACTIONS,
        template::ACTIONS,
        calendar::ACTIONS,
        on_call::ACTIONS,
        continuity::ACTIONS,
        breaker::ACTIONS,
        diagnosis::ACTIONS,
        knowledge::ACTIONS,
        runbook::ACTIONS,
        run::ACTIONS,
        drill::ACTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The action with a name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Action> {
    all().find(|action| action.name == name)
}

/// The action to which a page gives a key, whatever else is on it: where a run waits for a word, a key that can do nothing must not
/// do something else.
#[must_use]
pub fn owned(model: &Model, key: Key) -> Option<&'static Action> {
    let owner = match model.screen() {
        Screen::Books(_) | Screen::Book(_) => Where::Runbook,
        Screen::Run(_) | Screen::StepWhy(..) | Screen::RunText(_) => Where::Run,
        Screen::Drills | Screen::Drill(_) | Screen::HeatMap => Where::Drill,
        Screen::Breakers => Where::Breaker,
        _ => return None,
    };
    all().find(|action| action.place == owner && model.keymap.leads(key, action))
}

/// The action on a key: where several share it, the one that the page owns, else the first that can do something here; when none can,
/// the one that belongs here, so that it says why.
#[must_use]
pub fn on_key(model: &Model, key: Key) -> Option<&'static Action> {
    if let Some(own) = owned(model, key) {
        return Some(own);
    }
    let sharing = all().filter(|action| model.keymap.leads(key, action));
    let mut able = sharing.clone().filter(|action| action.why_not(model).is_none());
    able.next()
        .or_else(|| sharing.clone().rev().find(|action| belongs(model, action.place)))
        .or_else(|| sharing.clone().next_back())
}

/// Whether what such an action is about is in question here.
fn belongs(model: &Model, place: Where) -> bool {
    match place {
        Where::Snapshot => is_about_snapshots(model),
        Where::Diagnosis => matches!(model.screen(), Screen::Diagnosis(..)),
        Where::Knowledge => matches!(model.screen(), Screen::Knowledge | Screen::Article(_)),
        Where::Calendar => *model.screen() == Screen::Calendar,
        Where::OnCall => *model.screen() == Screen::OnCall,
        Where::Breaker => *model.screen() == Screen::Breakers,
        Where::Continuity => matches!(model.screen(), Screen::Continuity | Screen::Function(_)),
        Where::Template => *model.screen() == Screen::Templates,
        Where::Runbook => matches!(model.screen(), Screen::Books(_) | Screen::Book(_)),
        Where::Drill => matches!(model.screen(), Screen::Drills | Screen::Drill(_) | Screen::HeatMap),
        Where::Run => matches!(model.screen(), Screen::Run(_) | Screen::StepWhy(..) | Screen::RunText(_)),
        Where::BreakGlass => model.break_glass().is_some(),
        Where::Recovery => matches!(model.screen(), Screen::Recovery(_) | Screen::Recoveries | Screen::Change(_)),
        Where::Change => match model.screen() {
            Screen::Change(_) | Screen::Approvals | Screen::Plan | Screen::Incident(_) => true,
            Screen::Board => model.focus == Pane::Approvals,
            _ => false,
        },
        _ => true,
    }
}

/// Does an action, or says why it can do nothing.
pub fn perform(model: &mut Model, action: &Action) -> Vec<Request> {
    match action.why_not(model) {
        Some(why) => {
            model.say(format!("{}: {why}", action.label), true);
            Vec::new()
        }
        None => (action.run)(model),
    }
}

/// The name of an action that can do something here.
fn able(model: &Model, name: &str) -> Option<&'static str> {
    named(name).filter(|action| action.why_not(model).is_none()).map(|action| action.name)
}

/// The actions worth a hint here, the most useful first.
#[must_use]
pub fn hints(model: &Model) -> Vec<&'static Action> {
    let mut wanted: Vec<&str> = match model.screen() {
        Screen::Board => match model.focus {
            Pane::Services => vec!["open", "roll-back", "diagnose", "snapshot"],
            Pane::Incidents => vec!["open", "acknowledge", "diagnose", "escalate", "books", "note"],
            Pane::Approvals if model.break_glass().is_some() => vec!["open", "review-break-glass", "approvals"],
            Pane::Approvals => vec!["open", "approve", "reject", "approvals"],
            Pane::Snapshots => vec!["open", "snapshot", "difference"],
        },
        Screen::Service(_) => {
            vec!["back", "roll-back", "window", "patterns", "diagnose", "snapshot", "snapshots", "declare"]
        }
        Screen::Incident(_) => vec![
            "back",
            "turn",
            "acknowledge",
            "diagnose",
            "diagnosis",
            "books",
            "approve",
            "note",
            "update",
            "command",
            "escalate",
            "resolve",
            "close",
        ]
        .into_iter()
        .chain(able(model, "propose-article"))
        .collect(),
        Screen::Diagnosis(..) => {
            let first = able(model, "stop-model").into_iter().chain(able(model, "propose-article"));
            let rest = [
                "open",
                "diagnose",
                "judge-right",
                "judge-partly",
                "judge-wrong",
                "earlier-diagnosis",
                "later-diagnosis",
                "patterns",
                "prompt",
                "reliability",
                "knowledge",
                "note",
            ];
            std::iter::once("back").chain(first).chain(rest).collect()
        }
        Screen::Knowledge => {
            vec![
                "back",
                "open",
                "confirm-article",
                "retire-article",
                "new-article",
                "edit-article",
                "filter",
                "import-articles",
                "export-articles",
            ]
        }
        Screen::Article(_) => {
            vec!["back", "confirm-article", "edit-article", "retire-article", "new-article", "export-articles"]
        }
        Screen::Patterns(_) => vec!["back", "open", "filter", "knowledge"],
        Screen::Pattern(_) => vec!["back", "knowledge"],
        Screen::Evidence(..) | Screen::Prompt(_) | Screen::Reliability => vec!["back"],
        Screen::Change(_) => {
            let able = model.ways().into_iter().map(|action| action.name);
            let grey = ["approve", "reject"]
                .into_iter()
                .filter(|name| named(name).is_some_and(|action| action.why_not(model).is_some()));
            std::iter::once("back").chain(able).chain(grey).chain(["turn"]).collect()
        }
        Screen::Approvals if model.break_glass().is_some() => {
            vec!["back", "open", "review-break-glass", "end-break-glass", "revoke-break-glass", "filter", "templates"]
        }
        Screen::Approvals => {
            vec!["back", "open", "approve", "reject", "delegate", "end-delegation", "filter", "templates"]
        }
        Screen::BreakGlass(_) => vec!["back", "open", "review-break-glass", "end-break-glass", "revoke-break-glass"],
        Screen::Templates => {
            vec!["back", "open", "use-template", "suspend-template", "restore-template", "filter"]
        }
        Screen::Plan => vec!["back", "go-on", "fold"],
        Screen::Snapshots => vec!["back", "next-component", "snapshot", "mark", "time", "zoom-in", "zoom-out"],
        Screen::Difference(..) => vec!["back", "fold", "renew"],
        Screen::Recovery(_) => {
            let proves = named("make-template").filter(|action| action.why_not(model).is_none());
            ["back", "cancel", "undo"].into_iter().chain(proves.map(|action| action.name)).collect()
        }
        Screen::Recoveries => vec!["back", "open", "undo"],
        Screen::Books(_) => vec!["back", "open", "begin-run", "filter"],
        Screen::Book(_) => vec!["back", "begin-run"],
        Screen::Run(_) => vec![
            "back",
            "walk-on",
            "run-step",
            "skip-step",
            "step-done",
            "undo-step",
            "co-sign",
            "step-why",
            "run-text",
            "cancel-step",
            "abandon-run",
            "turn",
            "update",
        ],
        Screen::StepWhy(..) | Screen::RunText(_) => vec!["back"],
        Screen::Drills => {
            let first = if model.state.drills.running().is_some() { "abort-drill" } else { "tutorial" };
            vec!["back", first, "open", "hold-drill", "heat-map", "filter"]
        }
        Screen::Drill(_) => {
            let stops = able(model, "abort-drill").into_iter();
            std::iter::once("back").chain(stops).chain(["open", "heat-map"]).collect()
        }
        Screen::HeatMap => vec!["back"],
        Screen::Calendar => vec!["back", "open", "begin-maintenance", "end-maintenance", "filter"],
        Screen::Continuity => vec!["back", "open", "work-by-hand", "tick-hand-step", "end-work-by-hand", "filter"],
        Screen::Function(_) => vec!["back", "work-by-hand", "tick-hand-step", "end-work-by-hand"],
        Screen::Map => vec!["back", "open", "needs", "needed-by", "next-beside"],
        Screen::Metrics => vec!["back", "reach"],
        Screen::Journal => vec!["back", "open", "filter"],
        Screen::Hosts if model.has_fleet() => vec!["back", "open", "filter", "zoom"],
        Screen::Event(_) | Screen::Operator(_) | Screen::Hosts => vec!["back"],
        Screen::Changed => vec!["back", "open", "filter"],
        Screen::Errors => vec!["back", "open", "filter", "patterns"],
        Screen::Breakers => vec!["back", "open", "reset-breaker", "filter"],
        Screen::Team => vec!["back", "open", "on-call", "filter"],
        Screen::OnCall => vec!["back", "override-shift", "end-override", "open", "team", "filter"],
        Screen::Help => vec!["back"],
    };
    if model.is_drill() && model.state.drills.running().is_some() {
        wanted.extend(["drill-at-hand", "answer-drill"]);
    } else if model.is_drill() && !model.faults.is_empty() {
        wanted.push("inject");
    }
    wanted.extend(["palette", "help", "quit"]);
    if model.is_drill() && *model.screen() == Screen::Board {
        wanted.push("drills");
    }
    if *model.screen() == Screen::Board {
        wanted.push("zoom");
    }
    // Several actions on one key are one hint: the one that the key does now.
    wanted
        .into_iter()
        .filter_map(named)
        .filter(|action| {
            let keys = model.keymap.keys(action);
            keys.iter().any(|key| on_key(model, *key).is_some_and(|found| found.name == action.name))
        })
        .collect()
}
