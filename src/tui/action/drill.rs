//! What can be done with drills.

use std::collections::BTreeSet;

use super::{
    here::{cannot_act, open},
    table::{Action, Danger, Where},
};
use crate::{
    platform::count,
    tui::{
        drill::{ANY, DrillWish, TUTORIAL, answerable, cannot_hold},
        form::{Writing, open_form},
        message::Request,
        model::{Confirm, List, Loaded, Model, Overlay, Screen},
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "drills",
        keys: &[Key::Char('F')],
        label: "Drills",
        about: "The drills that can be held, and what those came to that were; the tutorial is among them",
        place: Where::Drill,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| {
            model.cursors.remove(&List::Drills);
            open(model, Screen::Drills)
        },
    },
    Action {
        name: "drill-at-hand",
        keys: &[Key::Char(',')],
        label: "To the drill",
        about: "The drill that runs: what has to be done now, and its clock",
        place: Where::Drill,
        danger: Danger::View,
        disabled: |model| {
            model.state.drills.running().is_none().then(|| format!("no drill runs; {} lists them", model.key("drills")))
        },
        run: |model| match model.state.drills.running().map(|drill| drill.id) {
            Some(id) => open(model, Screen::Drill(id)),
            None => Vec::new(),
        },
    },
    Action {
        name: "answer-drill",
        keys: &[Key::Char('!')],
        label: "Declare cause",
        about: "In the drill that runs: say what is broken, and where; wrong answers cost",
        place: Where::Drill,
        danger: Danger::Guarded,
        disabled: |model| cannot_act(model).or_else(|| answerable(model).err()),
        run: |model| match answerable(model) {
            Ok(id) => open_form(model, &Writing::AnswerDrill(id), None),
            Err(_) => Vec::new(),
        },
    },
    Action {
        name: "tutorial",
        keys: &[Key::Char('t')],
        label: "Tutorial",
        about: "The first ten minutes: a drill that tells at each moment what to look at, and which key to press",
        place: Where::Drill,
        danger: Danger::Critical,
        disabled: |model| off_the_page(model).or_else(|| cannot_hold(model)),
        run: tutorial,
    },
    Action {
        name: "hold-drill",
        keys: &[Key::Char('n')],
        label: "Hold",
        about: "Hold the selected drill: something is really broken, and people work on it as if it were in earnest",
        place: Where::Drill,
        danger: Danger::Critical,
        disabled: |model| match model.offered() {
            _ if *model.screen() != Screen::Drills => Some(format!("open the drills first ({})", model.key("drills"))),
            None => cannot_hold(model).or_else(|| Some(nothing_offered(model))),
            Some(_) => cannot_hold(model),
        },
        run: begin,
    },
    Action {
        name: "abort-drill",
        keys: &[Key::Char('x')],
        label: "Stop drill",
        about: "Stop the drill that runs, and have everything taken back; anybody may, with a reason",
        place: Where::Drill,
        danger: Danger::Guarded,
        disabled: |model| off_the_page(model).or_else(|| cannot_act(model)).or_else(|| answerable(model).err()),
        run: |model| match answerable(model) {
            Ok(id) => open_form(model, &Writing::AbortDrill(id), None),
            Err(_) => Vec::new(),
        },
    },
    Action {
        name: "heat-map",
        keys: &[Key::Char('v')],
        label: "Heat map",
        about: "How sure it is that people can handle each scenario in each service, by what was drilled",
        place: Where::Drill,
        danger: Danger::View,
        disabled: |model| {
            off_the_page(model)
                .or_else(|| (*model.screen() == Screen::HeatMap).then(|| "it is on the screen".to_owned()))
        },
        run: |model| open(model, Screen::HeatMap),
    },
];

fn off_the_page(model: &Model) -> Option<String> {
    let here = matches!(model.screen(), Screen::Drills | Screen::Drill(_) | Screen::HeatMap);
    (!here).then(|| format!("open the drills first ({})", model.key("drills")))
}

fn nothing_offered(model: &Model) -> String {
    match &model.drills.offers {
        Some(Loaded::Failed(why)) => why.clone(),
        Some(Loaded::Here(_)) => "select a drill that can be held".to_owned(),
        _ => "the drills are on their way".to_owned(),
    }
}

/// Asks how the selected drill is to be held.
pub(super) fn begin(model: &mut Model) -> Vec<Request> {
    if let Some(why) = cannot_hold(model) {
        model.say(why, true);
        return Vec::new();
    }
    match model.offered() {
        Some(id) if id == ANY || model.offers().iter().any(|offer| offer.id == id && offer.readable) => {
            open_form(model, &Writing::HoldDrill(id), None)
        }
        Some(id) => {
            model.say(format!("the file of {id} has mistakes: codeblue drill lint"), true);
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Asks whether the tutorial is to begin.
fn tutorial(model: &mut Model) -> Vec<Request> {
    let (drill, seed) = TUTORIAL;
    let wish = DrillWish {
        drill: Some(drill.to_owned()),
        mode: "tutorial".to_owned(),
        seed: Some(seed),
        away: None,
        play: None,
        operator: model.my_name().to_owned(),
    };
    let services: BTreeSet<String> = match model.offers().iter().find(|offer| offer.id == drill) {
        Some(offer) => offer.services.clone(),
        None => BTreeSet::new(),
    };
    let broken = services.into_iter().next().unwrap_or_else(|| "a service".to_owned());
    let many = count(model.state.platform.services.len(), "service");
    model.overlay = Some(Overlay::Confirm(Confirm {
        title: "The tutorial drill".to_owned(),
        lines: vec![
            "You see one outage from its first sign to its score. A line at the top tells at each moment what to look at, and \
             which key to press; it takes about five minutes."
                .to_owned(),
            format!("CAUTION: {broken} of this sandbox of {many} is really broken, and taken back at the end."),
            format!(
                "It is told what is broken, so it proves nothing of anybody. Anybody may stop it: {} and then {}.",
                model.key("drill-at-hand"),
                model.key("abort-drill")
            ),
        ],
        verb: "Begin".to_owned(),
        name: Some("tutorial".to_owned()),
        typed: String::new(),
        go: false,
        requests: vec![Request::Hold(Box::new(wish))],
    }));
    Vec::new()
}
