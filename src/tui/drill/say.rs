//! The forms of drills: how one is begun, what is declared to be broken, and why it is stopped; what that leads to is found out by the
//! rules before it is sent.

use std::collections::BTreeSet;

use super::{ANY, DrillWish, desk::start};
use crate::{
    domain::{CAUSES, Command, DrillClaim, DrillId, DrillMode, Status},
    tui::{
        action::latest_document,
        form::{Field, Form, Kind, Pick, Writing},
        message::Request,
        model::Model,
        preview::{Foreseen, give},
        written::{Breaks, Written},
    },
};

/// Stands before the name of who is away, where it is chosen together with the mode.
const AWAY: &str = "key-person-away:";
/// How the program plays people, as on the command line.
const PLAYS: [(&str, &str); 4] = [
    ("perfect", "nobody: the program does what has to be done"),
    ("panicky", "nobody: the program starts everything anew"),
    ("wrong", "nobody: the program is sure of something else"),
    ("idle", "nobody, and the program does nothing"),
];

/// The fields of a form, as far as they follow from what it is for alone.
pub(in crate::tui) fn fields(purpose: &Writing) -> Vec<Field> {
    let line = |label: &'static str, about: &'static str, limit| Field {
        label: label.into(),
        about: about.into(),
        kind: Kind::Text(Written::new(limit, Breaks::None)),
    };
    let pick =
        |label: &'static str| Field { label: label.into(), about: "".into(), kind: Kind::Choice(Pick::default()) };
    match purpose {
        Writing::HoldDrill(_) => vec![
            pick("Mode"),
            pick("People"),
            line("Seed", "a number: the same gives the same drill; may stay empty", 20),
            line("Confirm", "type the drill's name", 64),
        ],
        Writing::AnswerDrill(_) => vec![pick("Service"), pick("Cause")],
        Writing::AbortDrill(_) => vec![line("Reason", "why it has to stop; it then says nothing about anybody", 400)],
        _ => Vec::new(),
    }
}

/// What can be chosen in a field of such a form, the likeliest first.
pub(in crate::tui) fn answers(model: &Model, purpose: &Writing, label: &str) -> Vec<(String, String)> {
    let said = |value: &str, about: &str| (value.to_owned(), about.to_owned());
    match (purpose, label) {
        (Writing::HoldDrill(_), "Mode") => {
            let mut all = vec![
                said("blind", "blind: people are told nothing"),
                said("guided", "guided: people know the scenario and its runbook"),
                said("tutorial", "tutorial: people know what is broken and what cures it"),
                said("false-alarm", "false alarm: nothing is broken, and people are told nothing"),
            ];
            let others = model.state.operators.values().filter(|one| one.may_act() && one.name != model.my_name());
            all.extend(others.map(|one| {
                (format!("{AWAY}{}", one.name), format!("key person away: blind, and {} does nothing", one.name))
            }));
            all
        }
        (Writing::HoldDrill(_), "People") => {
            let people = said("", "people work on it, here and at other boards");
            std::iter::once(people).chain(PLAYS.map(|(value, about)| said(value, about))).collect()
        }
        (Writing::AnswerDrill(_), "Service") => {
            let roots: BTreeSet<&String> =
                model.state.open_incidents().filter_map(|incident| incident.root.as_ref()).collect();
            let mut names: Vec<&str> =
                model.state.platform.services.iter().map(|service| service.name.as_str()).collect();
            names.sort_by_key(|name| {
                let unwell = matches!(model.status_of(name), Status::Down | Status::Degraded);
                (!roots.iter().any(|root| root == name), !unwell)
            });
            let mut all: Vec<(String, String)> = names.into_iter().map(|name| said(name, name)).collect();
            all.push(said("", "nothing is broken: it is a false alarm"));
            all
        }
        (Writing::AnswerDrill(_), "Cause") => {
            let found: Vec<&str> = model
                .state
                .open_incidents()
                .filter_map(|incident| latest_document(model, incident.id))
                .map(|document| document.root_cause_category.row().name)
                .collect();
            let mut rows: Vec<_> = CAUSES.iter().collect();
            rows.sort_by_key(|row| !found.contains(&row.name));
            rows.into_iter().map(|row| said(row.name, row.name)).collect()
        }
        _ => Vec::new(),
    }
}

/// The mode that was chosen, and who is away in it.
fn chosen(form: &Form) -> (DrillMode, Option<String>) {
    let mode = form.choice("Mode");
    match mode.as_str() {
        "tutorial" => (DrillMode::Tutorial, None),
        "guided" => (DrillMode::Guided, None),
        mode => match mode.strip_prefix(AWAY) {
            Some(name) => (DrillMode::KeyPersonAway, Some(name.to_owned())),
            None => (DrillMode::Blind, None),
        },
    }
}

/// What such a form asks for; the field that lacks something and what, else. A drill to be held is asked of the rules alone.
pub(in crate::tui) fn command(model: &Model, form: &Form) -> Result<Command, (&'static str, String)> {
    match &form.purpose {
        Writing::HoldDrill(name) => {
            seed(form)?;
            if form.text("Confirm") != *name {
                return Err(("Confirm", format!("type {name} to go on")));
            }
            let (mode, away) = chosen(form);
            Ok(start(mode, away.into_iter().collect(), !form.choice("People").is_empty()))
        }
        Writing::AnswerDrill(drill) => {
            let service = form.choice("Service");
            let cause = CAUSES.iter().find(|row| row.name == form.choice("Cause")).map(|row| row.cause);
            let claim = match cause {
                Some(cause) if !service.is_empty() => DrillClaim::Broken { service, cause },
                _ => DrillClaim::NothingBroken,
            };
            Ok(Command::AnswerDrill { drill: *drill, claim })
        }
        Writing::AbortDrill(drill) => match form.text("Reason") {
            reason if reason.is_empty() => Err(("Reason", "reason is empty".to_owned())),
            reason => Ok(Command::AbortDrill { drill: *drill, reason }),
        },
        _ => Err(("", format!("{} asks for nothing", model.my_name()))),
    }
}

fn seed(form: &Form) -> Result<Option<u64>, (&'static str, String)> {
    match form.text("Seed") {
        text if text.is_empty() => Ok(None),
        text => text.parse().map(Some).map_err(|_| ("Seed", format!("“{text}” is no number"))),
    }
}

/// What such a form would lead to.
pub(in crate::tui) fn foreseen(model: &Model, form: &Form, command: &Command) -> Foreseen {
    let mut foreseen = Foreseen::default();
    if let Err(why) = give(model, command.clone()) {
        foreseen.refuse(why);
        return foreseen;
    }
    match (&form.purpose, command) {
        (Writing::HoldDrill(name), _) => holding(model, form, name, &mut foreseen),
        (Writing::AnswerDrill(id), Command::AnswerDrill { claim, .. }) => {
            foreseen.fact(format!("It is on record that you declare: {claim}"));
            foreseen.fact("Right, the earlier the better; each wrong answer costs 5 of the 20 points for it");
            for answer in model.state.drills.held.get(id).into_iter().flat_map(|drill| &drill.answers) {
                foreseen.warn(format!("{} has declared already: {}", answer.by, answer.claim));
            }
        }
        (Writing::AbortDrill(id), _) => {
            foreseen.fact(format!("{id} stops for everybody, and what it broke is taken back"));
            foreseen.fact("It has no score, and says nothing about anybody");
        }
        _ => {}
    }
    foreseen
}

fn holding(model: &Model, form: &Form, name: &str, foreseen: &mut Foreseen) {
    let offer = model.offers().iter().find(|offer| offer.id == name);
    match offer {
        Some(offer) => foreseen.fact(format!("{name} is held: {}", offer.title)),
        None => foreseen.fact("The seed picks what is broken: not even you know"),
    }
    foreseen.warn(format!("Something of {} is really broken, and taken back at the end", model.state.platform.name));
    if let Some(offer) = offer {
        foreseen.fact(format!("People have {}", humantime::format_duration(offer.limit)));
    }
    let (_, away) = chosen(form);
    if let Some(name) = away {
        foreseen.fact(format!("Whatever {name} does meanwhile is refused, but to stop the drill"));
    }
    if form.choice("People").is_empty() {
        foreseen.fact("It goes on when this board is left: it is held by a process of its own");
    } else {
        foreseen.warn("The program plays people: it proves no runbook, and the heat map leaves it out");
    }
    let (there, stop) = (model.key("drill-at-hand"), model.key("abort-drill"));
    foreseen.fact(format!("Anybody may stop it at any time: {there} and then {stop}"));
}

/// Has a drill held as the form says.
pub(in crate::tui) fn hold(model: &mut Model, form: &Form) -> Vec<Request> {
    let Writing::HoldDrill(name) = &form.purpose else { return Vec::new() };
    let play = Some(form.choice("People")).filter(|play| !play.is_empty());
    let (_, away) = chosen(form);
    let mode = match &away {
        Some(_) => "key-person-away".to_owned(),
        None => form.choice("Mode"),
    };
    let drill = Some(name.clone()).filter(|name| name != ANY);
    let seed = seed(form).ok().flatten();
    model.drafts.remove(&form.purpose);
    let operator = model.my_name().to_owned();
    vec![Request::Hold(Box::new(DrillWish { drill, mode, seed, away, play, operator }))]
}

/// The drill in which something can be declared now; why there is none, else.
pub(in crate::tui) fn answerable(model: &Model) -> Result<DrillId, String> {
    let running = model.state.drills.running().filter(|drill| drill.aborted.is_none());
    running.map(|drill| drill.id).ok_or_else(|| format!("no drill runs; {} lists them", model.key("drills")))
}
