//! What has to be done now in a drill, in the words and keys of the page that is looked at; and what to do better the next time.

use chrono::TimeDelta;

use crate::{
    domain::{Drill, DrillStage, Incident, Part, RecoveryOutcome},
    tui::model::{Model, Screen},
};

/// How long services have to come back after a cure has worked, before something else is tried.
const TO_COME_BACK: TimeDelta = TimeDelta::seconds(30);

/// The incident that a drill is about now: the first that is open, else the first.
fn incident<'a>(model: &'a Model, drill: &'a Drill) -> Option<&'a Incident> {
    let mut all = drill.incidents(&model.state);
    drill.incidents(&model.state).find(|incident| incident.state.is_open()).or_else(|| all.next())
}

/// Which keys lead to what has to be done now, from the page that is looked at.
#[must_use]
pub fn how(model: &Model, drill: &Drill, stage: DrillStage) -> String {
    let found = incident(model, drill);
    let name = found.map_or_else(|| "the incident".to_owned(), |incident| incident.id.to_string());
    let is_there = matches!(
        (model.screen(), found),
        (Screen::Incident(id) | Screen::Diagnosis(id, _), Some(incident)) if *id == incident.id
    );
    let on_board = *model.screen() == Screen::Board;
    let open = model.key("open");
    let way = match (is_there, on_board) {
        (true, _) => "press ".to_owned(),
        (false, true) => format!("press 2, then {open}, then "),
        (false, false) => format!("Esc to the board, 2, {open}, then "),
    };
    match stage {
        DrillStage::Watch if on_board => "look at pane 1: a service will fail".to_owned(),
        DrillStage::Watch => "Esc to the board; look at pane 1: a service will fail".to_owned(),
        DrillStage::TakeOn => format!("{way}{}: you take {name} on", model.key("acknowledge")),
        DrillStage::Tell => format!("{way}{}: write one line to those who wait", model.key("update")),
        DrillStage::Declare if matches!(model.screen(), Screen::Diagnosis(..)) => {
            format!("read Cause; press {} and say what is broken, and where", model.key("answer-drill"))
        }
        DrillStage::Declare => {
            format!("{way}{}: read the diagnosis; then {} declares", model.key("diagnosis"), model.key("answer-drill"))
        }
        DrillStage::Heal if let Some(words) = under_way(model, drill) => words,
        DrillStage::Heal if matches!(model.screen(), Screen::Change(_)) => {
            format!("read what it does; {} approves it, and it is carried out", model.key("approve"))
        }
        DrillStage::Heal => match model.state.pending_changes().first() {
            Some(_) if is_there => {
                format!("press {open}: the change that waits, then {} approves it", model.key("approve"))
            }
            Some(change) => format!("{way}{open}: {} waits for you, {} approves it", change.id, model.key("approve")),
            None => format!("{way}1 (or a digit beside what is proposed): have the cure done"),
        },
        DrillStage::StayWell => "nothing to do: see that it stays well, it is over soon".to_owned(),
        DrillStage::TakeBack => "nothing to do: what was broken is being taken back".to_owned(),
    }
}

/// That a cure is being carried out, or has worked and is not felt everywhere yet: who does more then does harm.
fn under_way(model: &Model, drill: &Drill) -> Option<String> {
    let newest = model.state.recoveries.values().next_back().filter(|one| one.started_at >= drill.started_at)?;
    match newest.ended {
        None => Some(format!("wait: {} runs, and its page shows each step", newest.id)),
        Some((at, RecoveryOutcome::Succeeded)) if model.now - at < TO_COME_BACK => {
            Some(format!("wait: {} has worked, and the services come back one by one", newest.id))
        }
        Some(_) => None,
    }
}

/// What there is to look at meanwhile, for those who do this the first time.
#[must_use]
pub fn look(stage: DrillStage) -> &'static str {
    match stage {
        DrillStage::Watch => {
            "Pane 1 has every service. The engine asks each of them every second or so; two failures make it DOWN"
        }
        DrillStage::TakeOn => {
            "An incident was opened by itself, and its clocks run. Somebody has to say that they are on it"
        }
        DrillStage::Tell => "People wait, and fear the worst when they hear nothing. One line is enough",
        DrillStage::Declare => {
            "The diagnosis names a cause with its evidence. You say what it is: a wrong answer costs 5 points"
        }
        DrillStage::Heal => {
            "A change is proposed that takes the cause away. Nothing runs before somebody agrees to its plan"
        }
        DrillStage::StayWell => {
            "What was done is validated by checks, and watched: it counts as healed when it stays so"
        }
        DrillStage::TakeBack => "Whatever is still broken is taken back, and what became of every write is counted",
    }
}

/// What somebody learns in this part of the tutorial.
#[must_use]
pub fn lesson(stage: DrillStage) -> &'static str {
    match stage {
        DrillStage::Watch => "Watch the services",
        DrillStage::TakeOn => "Take the incident on",
        DrillStage::Tell => "Tell those who wait",
        DrillStage::Declare => "Find the cause, and declare it",
        DrillStage::Heal => "Agree to the cure",
        DrillStage::StayWell => "See that it stays well",
        DrillStage::TakeBack => "Read the score",
    }
}

/// What to do the next time where a part of the score fell short.
#[must_use]
pub fn better(model: &Model, part: Part) -> String {
    let words = match part {
        Part::Detect => "have it checked more often, or deeper: the checks of its service in the platform file",
        Part::Declare => {
            let (take_on, tell) = (model.key("acknowledge"), model.key("update"));
            return format!("take it on as soon as it is open ({take_on}), and tell those who wait ({tell})");
        }
        Part::Diagnose => {
            let (read, declare) = (model.key("diagnosis"), model.key("answer-drill"));
            return format!("read the diagnosis and its evidence ({read}) before you declare ({declare})");
        }
        Part::Recover => return format!("begin the cure sooner: the runbook has it ({})", model.key("books")),
        Part::Validate => "let the checks validate the cure, and wait until it has stayed well",
        Part::Discipline => "change nothing but what the cause calls for, and have others agree to it",
    };
    words.to_owned()
}
