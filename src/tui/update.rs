//! What every message does to the board. Pure: time comes in with the message, and what is to be done in the world goes
//! out as requests. What keys, clicks and pastes do is in `input`.

mod input;

use self::input::on_input;
use super::{
    action::{open, show_plan},
    article::import,
    beside::look,
    drill::lesson,
    errors::look_at_errors,
    farewell::remember,
    fleet,
    form::{settle, take_back},
    guard::only_look,
    help::greet,
    lock::{ask_code, hold_back, lock_when_left, unlock_when_back},
    measure::measure,
    message::{Message, Request, Timed},
    model::{Link, List, Loaded, Model, Overlay, RECENT, Screen},
    older::{OlderAsked, ask_for_changed, ask_for_older, take_older, take_snapshot, take_timeline},
    patterns::look_at_patterns,
    reach::reach,
    startle::notice,
    walk::run_of,
};
use crate::{
    client::Update,
    domain::{DrillStage, Event, Recorded, Vitals, apply},
    engine::Answer,
};

/// Takes a message in.
pub fn update(model: &mut Model, Timed { at, message }: Timed) -> Vec<Request> {
    notice(model);
    model.now = at;
    model.rest_cursor();
    if model.toast.as_ref().is_some_and(|toast| toast.until <= at) {
        model.toast = None;
    }
    let (page, no) = (model.screen().clone(), standing_no(model));
    let requests = on_message(model, message);
    // A no belongs to the page on which somebody asked.
    if no.is_some() && *model.screen() != page && standing_no(model) == no {
        model.toast = None;
    }
    greet(model);
    notice(model);
    let requests = only_look(model, requests);
    let requests = hold_back(model, requests);
    if requests.iter().any(|request| matches!(request, Request::Hold(_))) {
        model.drills.asked_at = Some(at);
        model.drills.failed = None;
    }
    requests
}

/// What was refused last, while it is still said.
fn standing_no(model: &Model) -> Option<(chrono::DateTime<chrono::Utc>, String)> {
    model.toast.as_ref().filter(|toast| toast.bad).map(|toast| (toast.until, toast.text.clone()))
}

fn on_message(model: &mut Model, message: Message) -> Vec<Request> {
    match message {
        Message::Input(input) => {
            let locked = lock_when_left(model);
            model.touched_at = model.now;
            let before = model.before_a_key();
            let mut requests: Vec<Request> = locked.into_iter().chain(on_input(model, input)).collect();
            model.follow_cursor(before);
            requests.extend(ask_for_older(model));
            requests
        }
        Message::Tick => {
            measure(model);
            model.plan_ahead();
            model.look_who_is_on_call();
            let mut requests: Vec<Request> = lock_when_left(model).into_iter().collect();
            let page = model.screen().clone();
            requests.extend(look_at_patterns(model, &page));
            requests.extend(look(model));
            requests.extend(ask_for_older(model));
            requests.extend(look_at_errors(model));
            requests.extend(reach(model));
            requests
        }
        Message::CodeNeeded(command, why) => {
            ask_code(model, *command, &why);
            Vec::new()
        }
        Message::Update(update) => on_update(model, update),
        Message::Host(news) => fleet::hear(model, news),
        Message::Me(me) => {
            model.me = me;
            Vec::new()
        }
        Message::Journal(events) => {
            let newest = events.last().map_or(0, |recorded| recorded.seq);
            let later: Vec<Recorded> = model.recent.drain(..).filter(|recorded| recorded.seq > newest).collect();
            model.recent = events.into_iter().chain(later).collect();
            Vec::new()
        }
        Message::Accepted(answer) => on_accepted(model, &answer),
        Message::Failed(why) => {
            model.say(why, true);
            Vec::new()
        }
        Message::Articles(articles) => import(model, articles),
        Message::Drills(result) => {
            model.drills.offers = Some(loaded(result));
            Vec::new()
        }
        Message::DrillLeft(result) => {
            model.drills.asked_at = None;
            if let Err(why) = result {
                model.say(format!("no drill is held: {why}"), true);
                model.drills.failed = Some(why);
            }
            Vec::new()
        }
        Message::Readers(run, readers) => {
            if run_of(model.screen()) == Some(run) {
                model.readers = readers;
            }
            Vec::new()
        }
        Message::Carried(carried) => {
            model.say(carried.told, carried.failed);
            Vec::new()
        }
        Message::Returned(returned) => {
            take_back(model, returned);
            Vec::new()
        }
        Message::Said(text) => {
            model.say(text, false);
            Vec::new()
        }
        Message::ChangeDryRun(id, result) => {
            model.dry_runs.insert(id, loaded(result));
            Vec::new()
        }
        Message::Prompt(id, result) => {
            // An answer to a question that nobody asks any more is dropped.
            if let Some((_, prompt)) = model.prompt.as_mut().filter(|(asked, _)| *asked == id) {
                *prompt = loaded(result);
            }
            Vec::new()
        }
        Message::Reached(took) => {
            model.reached.took = took;
            Vec::new()
        }
        Message::OlderSnapshots(component, result) => {
            take_older(model, &component, result);
            ask_for_older(model)
        }
        Message::Snapshot(id, result) => take_snapshot(model, id, result),
        Message::Timeline(id, result) => {
            take_timeline(model, id, result);
            Vec::new()
        }
        Message::Errors(result) => {
            model.errors.groups = Some(loaded(result));
            Vec::new()
        }
        Message::Books(result) => {
            model.books = Some(loaded(result));
            Vec::new()
        }
        Message::History(service, window, result) => {
            model.looked_back.take(&service, window, loaded(result));
            Vec::new()
        }
        Message::Patterns(service, result) => {
            model.patterns.take(service.as_deref(), loaded(result));
            Vec::new()
        }
        Message::Pattern(id, result) => {
            model.patterns.take_one(&id, loaded(result));
            Vec::new()
        }
        Message::Difference(of, against, result) => {
            // An answer to a question that nobody asks any more is dropped.
            if let Some(comparison) = model.differences.get_mut(&(of, against)) {
                comparison.result = loaded(result);
            }
            Vec::new()
        }
        Message::DryRun(command, result) => {
            if let Some(asked) = model.asked.as_mut().filter(|asked| asked.command == *command) {
                if let Ok(dry_run) = &result {
                    asked.plan = Ok(dry_run.plan.clone());
                }
                asked.dry_run = loaded(result);
            }
            Vec::new()
        }
    }
}

fn loaded<T>(result: Result<T, String>) -> Loaded<T> {
    match result {
        Ok(value) => Loaded::Here(value),
        Err(why) => Loaded::Failed(why),
    }
}

fn on_update(model: &mut Model, update: Update) -> Vec<Request> {
    match update {
        Update::First(state) => return on_update(model, Update::Live(Box::new((*state, Vitals::default())))),
        Update::Live(news) => {
            let (state, vitals) = *news;
            model.state = state;
            model.vitals = vitals;
            model.older = OlderAsked::default();
            model.words.clear();
            model.link = Link::Live;
            model.learn_platform();
            model.learn_snapshots();
            model.learn_affected();
            model.work_at = None;
            model.plan_ahead();
            model.shifts_at = None;
            model.look_who_is_on_call();
            // Who asked for the books before the engine was there has them now.
            let waits = matches!(model.screen(), Screen::Books(_) | Screen::Book(_));
            if waits && !matches!(model.books, Some(Loaded::Here(_))) {
                return vec![Request::Books];
            }
            if let Some(screen) = model.fleet.then.take() {
                return open(model, screen);
            }
        }
        Update::Back => model.link = Link::Live,
        Update::Event(recorded) => {
            let mut requests = ask_for_changed(model, &recorded);
            if recorded.seq == model.state.seq + 1 {
                apply(&mut model.state, &recorded);
                if matches!(recorded.event, Event::PlatformLoaded { .. }) {
                    model.learn_platform();
                    model.learn_snapshots();
                } else if changes_standing(&recorded.event) {
                    model.learn_snapshots();
                }
                if changes_affected(&recorded.event) {
                    model.learn_affected();
                }
            }
            if changes_shifts(&recorded.event) {
                model.shifts_at = None;
                model.look_who_is_on_call();
            }
            if changes_plans(&recorded.event) {
                model.work_at = None;
                model.plan_ahead();
            }
            if matches!(recorded.event, Event::SnapshotRequested { .. }) {
                model.let_go_of_old();
            }
            requests.extend(renew(model, &recorded));
            requests.extend(follow_drill(model, &recorded));
            if recorded.event.makes_sev1() {
                requests.push(Request::Bell);
            }
            remember(model, &recorded);
            model.recent.push_back(*recorded);
            while model.recent.len() > RECENT {
                model.recent.pop_front();
            }
            return requests;
        }
        Update::Samples(samples) => {
            for sample in samples {
                model.vitals.take(sample);
            }
        }
        Update::Vitals(vitals) => {
            let before = std::mem::replace(&mut model.vitals, *vitals);
            model.vitals.catch_up(before);
        }
        Update::Heard(heard) => model.vitals.go_on(&model.state.platform, &heard),
        Update::Words(words) => model.words = words,
        Update::StillThere => {}
        Update::Lost(reason) => {
            model.words.clear();
            if !matches!(model.link, Link::Lost { .. }) {
                model.link = Link::Lost { since: model.now, reason };
            }
        }
    }
    Vec::new()
}

/// Whether an event may change who suffers because of whom.
fn changes_affected(event: &Event) -> bool {
    matches!(
        event,
        Event::PlatformLoaded { .. }
            | Event::ServiceStatusChanged { .. }
            | Event::MaintenanceStarted { .. }
            | Event::MaintenanceEnded { .. }
            | Event::IncidentServiceAdded { .. }
            | Event::DiagnosisConcluded { .. }
            | Event::IncidentResolved { .. }
    )
}

/// Whether an event may change how a component stands in the vault.
fn changes_standing(event: &Event) -> bool {
    matches!(
        event,
        Event::SnapshotRequested { .. }
            | Event::SnapshotAdopted { .. }
            | Event::SnapshotTaken { .. }
            | Event::SnapshotVerified { .. }
            | Event::SnapshotTested { .. }
            | Event::SnapshotsForgotten { .. }
    )
}

/// Whether an event may change what is planned or in force.
fn changes_plans(event: &Event) -> bool {
    matches!(
        event,
        Event::MaintenancePlanned { .. }
            | Event::MaintenanceWithdrawn { .. }
            | Event::MaintenanceStarted { .. }
            | Event::MaintenanceEnded { .. }
            | Event::PlatformLoaded { .. }
    )
}

/// Whether an event may change who is on call.
fn changes_shifts(event: &Event) -> bool {
    matches!(event, Event::OnCallOverridden { .. } | Event::OverrideEnded { .. } | Event::PlatformLoaded { .. })
}

/// A page that shows something computed asks for it again when what it was computed from has changed.
fn renew(model: &mut Model, recorded: &Recorded) -> Vec<Request> {
    match (&recorded.event, model.screen()) {
        (_, Screen::Plan) => renew_plan(model),
        (Event::RunMoved { run, .. }, Screen::Run(here)) if run == here => {
            if !model.cursors.contains_key(&List::Steps) {
                model.unroll_step();
            }
            Vec::new()
        }
        (Event::DeploymentRecorded { .. } | Event::StepDone { .. }, Screen::Change(id)) => {
            vec![Request::ChangeDryRun(*id)]
        }
        _ => Vec::new(),
    }
}

/// Whoever holds a drill from here looks at the board when it begins, and at what it came to when it is over.
fn follow_drill(model: &mut Model, recorded: &Recorded) -> Vec<Request> {
    let is_mine = recorded.actor.operator() == Some(model.my_name());
    match &recorded.event {
        Event::DrillStarted { drill, .. } => {
            let asked = model.drills.asked_at.take().is_some();
            if is_mine && asked && model.overlay.is_none() {
                model.screens = vec![Screen::Board];
                model.say(format!("{drill} runs: {}", lesson(DrillStage::Watch)), false);
            }
            Vec::new()
        }
        Event::DrillEnded { drill, .. } if is_mine && model.overlay.is_none() => open(model, Screen::Drill(*drill)),
        Event::DrillEnded { drill, outcome, .. } => {
            model.say(format!("{drill} {outcome}: {} lists what drills came to", model.key("drills")), false);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The engine plans when it is asked: when it would plan something else by now, that is shown, and nobody agrees to the old.
fn renew_plan(model: &mut Model) -> Vec<Request> {
    let Some(asked) = model.asked.clone() else { return Vec::new() };
    let plan = model.plan_of(&asked.request);
    if plan == asked.plan {
        return Vec::new();
    }
    if matches!(model.overlay, Some(Overlay::Confirm(_))) {
        model.overlay = None;
    }
    model.say("the plan has changed, because the platform has: look again", true);
    show_plan(model, asked.request, asked.command)
}

/// Says what a command led to, and opens what has to be looked at next.
fn on_accepted(model: &mut Model, answer: &Answer) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    for recorded in &answer.events {
        unlock_when_back(model, recorded);
        requests.extend(settle(model, recorded));
    }
    for recorded in &answer.events {
        let screen = match &recorded.event {
            Event::ChangeSubmitted { change, .. } => Screen::Change(*change),
            Event::RecoveryStarted { recovery, .. } => Screen::Recovery(*recovery),
            Event::IncidentOpened { incident, .. } => Screen::Incident(*incident),
            Event::RunStarted { run, .. } => Screen::Run(*run),
            _ => continue,
        };
        // What was asked for is under way: its plan is history.
        if *model.screen() == Screen::Plan {
            model.screens.pop();
            model.asked = None;
        }
        match answer.told_removed() {
            Some(removed) => model.say(removed, false),
            None => model.say_done(&recorded.event),
        }
        // The event itself comes with the stream; the page shows itself as soon as it is there.
        requests.extend(open(model, screen));
        return requests;
    }
    // What was asked for, rather than what else follows from it.
    let follows = |event: &Event| matches!(event, Event::IncidentAcknowledged { .. } | Event::PeopleToCall { .. });
    let told = answer.events.iter().rev().find(|recorded| !follows(&recorded.event));
    // The page of a run shows itself what became of it.
    let shown = matches!(model.screen(), Screen::Run(_)) && !answer.events.is_empty();
    match (answer.told_removed(), told.or(answer.events.last())) {
        (None, Some(_)) if shown => model.toast = None,
        (Some(removed), _) => model.say(removed, true),
        (None, Some(recorded)) => model.say_done(&recorded.event),
        (None, None) => model.say("it was so already", false),
    }
    requests
}
