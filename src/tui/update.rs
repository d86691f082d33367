//! What every message does to the board. Pure: time comes in with the message, and what is to be done in the world goes
//! out as requests.

use chrono::TimeDelta;
use nucleo_matcher::{
    Config, Matcher,
    pattern::{CaseMatching, Normalization, Pattern},
};
use tui_textarea::TextArea;

use super::{
    action::{ACTIONS, Action, named, on_key, open, perform, proposal},
    message::{Message, Request, Timed},
    model::{Confirm, Link, List, Loaded, Model, Overlay, Pane, Purpose, RECENT, Screen, Target},
    term::input::{Input, Key},
    text,
};
use crate::{
    client::Update,
    domain::{Command, Event, Recorded, Severity, apply},
    engine::{Answer, DryRun},
};

/// Keys that come sooner after a question appears were meant for something else.
const STARTLED: TimeDelta = TimeDelta::milliseconds(150);
/// Differences shown in a question.
const SHOWN: usize = 6;

/// Takes a message in.
pub fn update(model: &mut Model, Timed { at, message }: Timed) -> Vec<Request> {
    model.now = at;
    if model.toast.as_ref().is_some_and(|toast| toast.until <= at) {
        model.toast = None;
    }
    match message {
        Message::Input(input) => on_input(model, input),
        Message::Tick => Vec::new(),
        Message::Update(update) => on_update(model, update),
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
            if matches!(model.overlay, Some(Overlay::Wait(_))) {
                model.overlay = None;
            }
            model.say(why, true);
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
        Message::Difference(id, result) => {
            model.differences.insert(id, loaded(result));
            Vec::new()
        }
        Message::DryRun(command, result) => {
            if matches!(model.overlay, Some(Overlay::Wait(_)) | None) {
                match result {
                    Ok(dry_run) => ask_before(model, *command, &dry_run),
                    Err(why) => {
                        model.overlay = None;
                        model.say(why, true);
                    }
                }
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
        Update::Live(news) => {
            let (state, vitals) = *news;
            model.state = state;
            model.vitals = vitals;
            model.link = Link::Live;
        }
        Update::Event(recorded) => {
            if recorded.seq == model.state.seq + 1 {
                apply(&mut model.state, &recorded);
            }
            let requests = renew(model, &recorded);
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
        Update::Lost(reason) => {
            if !matches!(model.link, Link::Lost { .. }) {
                model.link = Link::Lost { since: model.now, reason };
            }
        }
    }
    Vec::new()
}

/// A page that shows something computed asks for it again when what it was computed from has changed.
fn renew(model: &mut Model, recorded: &Recorded) -> Vec<Request> {
    match (&recorded.event, model.screen()) {
        (Event::DeploymentRecorded { .. } | Event::StepDone { .. }, Screen::Change(id)) => {
            vec![Request::ChangeDryRun(*id)]
        }
        _ => Vec::new(),
    }
}

/// Says what a command led to, and opens what has to be looked at next.
fn on_accepted(model: &mut Model, answer: &Answer) -> Vec<Request> {
    for recorded in &answer.events {
        let screen = match &recorded.event {
            Event::ChangeSubmitted { change, .. } => Screen::Change(*change),
            Event::RecoveryStarted { recovery, .. } => Screen::Recovery(*recovery),
            Event::IncidentOpened { incident, .. } => Screen::Incident(*incident),
            _ => continue,
        };
        model.say(recorded.event.summary(), false);
        // The event itself comes with the stream; the page shows itself as soon as it is there.
        return open(model, screen);
    }
    let told =
        answer.events.iter().rev().find(|recorded| !matches!(recorded.event, Event::IncidentAcknowledged { .. }));
    match told.or(answer.events.last()) {
        Some(recorded) => model.say(recorded.event.summary(), false),
        None => model.say("it was so already", false),
    }
    Vec::new()
}

/// A question that shows what a command would do.
fn ask_before(model: &mut Model, command: Command, dry_run: &DryRun) {
    let mut lines = Vec::new();
    for component in &dry_run.components {
        lines.push(format!("Changes {}: {}", component.component, component.summary));
        for file in component.files.iter().take(SHOWN) {
            let mark = match file.kind {
                crate::engine::FileChangeKind::Added => "+",
                crate::engine::FileChangeKind::Removed => "-",
                crate::engine::FileChangeKind::Changed => "~",
            };
            lines.push(format!("  {mark} {}", file.path));
        }
        if component.total > SHOWN as u64 {
            lines.push(format!("  and {} more", component.total - SHOWN as u64));
        }
    }
    lines.push(match &dry_run.plan.loses {
        Some(loses) => format!("LOSES   {loses}"),
        None => "Loses   nothing; a safety snapshot is taken first".to_owned(),
    });
    lines.push(format!("Takes   about {} s · risk {} of 10", dry_run.estimate_seconds, dry_run.risk.score));
    lines.push(if dry_run.required.is_empty() {
        "Runs    at once".to_owned()
    } else {
        let roles: Vec<&str> = dry_run.required.iter().map(|role| crate::domain::role_name(*role)).collect();
        format!("Waits   for the {} (somebody else than you)", roles.join(" and the "))
    });
    let name = dry_run.plan.components().next().map(str::to_owned).or_else(|| dry_run.plan.services.first().cloned());
    let many = dry_run.plan.components().count() > 1;
    model.overlay = Some(Overlay::Confirm(Confirm {
        title: capitalised(&dry_run.plan.title),
        lines,
        verb: "Go on".to_owned(),
        name: if many { dry_run.plan.services.first().cloned() } else { name },
        typed: String::new(),
        go: false,
        opened: model.now,
        requests: vec![Request::Submit(Box::new(command))],
    }));
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

fn on_input(model: &mut Model, input: Input) -> Vec<Request> {
    match input {
        Input::Resize => vec![Request::Repaint],
        Input::HangUp => vec![Request::Quit],
        Input::Key(Key::Ctrl('c')) => vec![Request::Quit],
        Input::Key(key) => match model.overlay.take() {
            Some(overlay) => on_overlay_key(model, overlay, key),
            None => on_key_pressed(model, key),
        },
        Input::Paste(pasted) => {
            let pasted = text::clean(&pasted);
            match &mut model.overlay {
                Some(Overlay::Prompt { input, .. } | Overlay::Palette { input, .. }) => {
                    input.insert_str(&pasted);
                }
                Some(Overlay::Confirm(confirm)) if confirm.name.is_some() => confirm.typed.push_str(pasted.trim()),
                _ => {}
            }
            Vec::new()
        }
        Input::Wheel(direction) => {
            match &model.overlay {
                Some(_) => {}
                None => step(model, isize::from(direction)),
            }
            Vec::new()
        }
        Input::Click { x, y } => {
            let target = model.hits.at(x, y).cloned();
            // A button belongs to the pane it is drawn in, whichever pane had the focus before.
            let pane = model.hits.find_at(x, y, |target| match target {
                Target::Pane(pane) => Some(*pane),
                _ => None,
            });
            if let (Some(pane), Some(Target::Action(_)), None) = (pane, &target, &model.overlay) {
                focus(model, pane);
            }
            on_click(model, target)
        }
    }
}

fn on_click(model: &mut Model, target: Option<Target>) -> Vec<Request> {
    match (target, model.overlay.take()) {
        (Some(Target::Go), Some(Overlay::Confirm(confirm))) => go_on(model, confirm),
        (Some(Target::Cancel), Some(_)) => Vec::new(),
        (Some(Target::Choice(place)), Some(overlay)) => choose(model, overlay, place),
        (_, Some(overlay)) => {
            model.overlay = Some(overlay);
            Vec::new()
        }
        (Some(Target::Action(name)), None) => match named(name) {
            Some(action) => perform(model, action),
            None => Vec::new(),
        },
        (Some(Target::Pane(pane)), None) => {
            focus(model, pane);
            Vec::new()
        }
        (Some(Target::Row(list, place)), None) => {
            let again = model.selected_place(list) == place && model.list() == Some(list);
            if let List::Pane(pane) = list {
                focus(model, pane);
            }
            model.select(list, place);
            match named("open") {
                Some(action) if again => perform(model, action),
                _ => Vec::new(),
            }
        }
        (Some(Target::Choice(place)), None) => propose(model, place),
        _ => Vec::new(),
    }
}

fn focus(model: &mut Model, pane: Pane) {
    if model.focus != pane {
        model.focus = pane;
        model.held = None;
    }
}

fn on_key_pressed(model: &mut Model, key: Key) -> Vec<Request> {
    let on_board = *model.screen() == Screen::Board;
    match key {
        Key::Down | Key::Char('j') => step(model, 1),
        Key::Up | Key::Char('k') => step(model, -1),
        Key::PageDown => step(model, page(model)),
        Key::PageUp => step(model, -page(model)),
        Key::Home | Key::Char('g') => step(model, isize::MIN),
        Key::End | Key::Char('G') => step(model, isize::MAX),
        Key::Tab | Key::BackTab | Key::Right | Key::Left if on_board => {
            let forward = matches!(key, Key::Tab | Key::Right);
            let place = Pane::ALL.iter().position(|pane| *pane == model.focus).unwrap_or(0);
            let next = if forward { place + 1 } else { place + Pane::ALL.len() - 1 };
            focus(model, Pane::ALL[next % Pane::ALL.len()]);
        }
        Key::Char(digit @ '1'..='4') if on_board => focus(model, Pane::ALL[digit as usize - '1' as usize]),
        Key::Char(digit @ '1'..='9') if matches!(model.screen(), Screen::Incident(_)) => {
            return propose(model, digit as usize - '1' as usize);
        }
        key => {
            return match on_key(model, key) {
                Some(action) => perform(model, action),
                None => Vec::new(),
            };
        }
    }
    Vec::new()
}

fn page(model: &Model) -> isize {
    isize::try_from(model.page.max(2) - 1).unwrap_or(1)
}

/// Moves the cursor of the list here, or scrolls the page.
fn step(model: &mut Model, by: isize) {
    match model.list() {
        Some(list) => {
            let last = model.rows(list).len().saturating_sub(1);
            let place = model.selected_place(list).saturating_add_signed(by).min(last);
            model.select(list, place);
        }
        None => model.scroll = model.scroll.saturating_add_signed(by).min(10_000),
    }
}

/// Asks for what a diagnosis proposes.
fn propose(model: &mut Model, place: usize) -> Vec<Request> {
    match proposal(model, place) {
        Some((_, request)) => {
            model.overlay = Some(Overlay::Wait("Finding out what would change".to_owned()));
            vec![request]
        }
        None => {
            model.say(format!("there is no proposal {}", place + 1), true);
            Vec::new()
        }
    }
}

fn on_overlay_key(model: &mut Model, overlay: Overlay, key: Key) -> Vec<Request> {
    if key == Key::Esc {
        return Vec::new();
    }
    match overlay {
        Overlay::Wait(what) => {
            model.overlay = Some(Overlay::Wait(what));
            Vec::new()
        }
        Overlay::Menu { title, choices, selected } => {
            let last = choices.len().saturating_sub(1);
            let selected = match key {
                Key::Down | Key::Char('j') | Key::Tab => (selected + 1).min(last),
                Key::Up | Key::Char('k') | Key::BackTab => selected.saturating_sub(1),
                Key::Char(digit @ '1'..='9') if digit as usize - '1' as usize <= last => {
                    return choose(model, Overlay::Menu { title, choices, selected }, digit as usize - '1' as usize);
                }
                Key::Enter => return choose(model, Overlay::Menu { title, choices, selected }, selected),
                _ => selected,
            };
            model.overlay = Some(Overlay::Menu { title, choices, selected });
            Vec::new()
        }
        Overlay::Palette { mut input, selected } => {
            let found = found(&input_text(&input));
            let selected = match key {
                Key::Down => (selected + 1).min(found.len().saturating_sub(1)),
                Key::Up => selected.saturating_sub(1),
                Key::Enter => {
                    return match found.get(selected) {
                        Some(action) => perform(model, action),
                        None => Vec::new(),
                    };
                }
                key => {
                    type_into(&mut input, key);
                    0
                }
            };
            model.overlay = Some(Overlay::Palette { input, selected });
            Vec::new()
        }
        Overlay::Prompt { title, purpose, mut input } => {
            if key == Key::Enter {
                return on_answer(model, purpose, input_text(&input).trim());
            }
            type_into(&mut input, key);
            if purpose == Purpose::Filter {
                model.filter = input_text(&input).trim().to_owned();
            }
            model.overlay = Some(Overlay::Prompt { title, purpose, input });
            Vec::new()
        }
        Overlay::Confirm(confirm) => on_confirm_key(model, confirm, key),
    }
}

fn on_confirm_key(model: &mut Model, mut confirm: Confirm, key: Key) -> Vec<Request> {
    if model.now - confirm.opened < STARTLED {
        model.overlay = Some(Overlay::Confirm(confirm));
        return Vec::new();
    }
    match (&confirm.name, key) {
        (Some(name), Key::Enter) if confirm.typed.trim() == name => return go_on(model, confirm),
        (Some(_), Key::Char(c)) => confirm.typed.push(c),
        (Some(_), Key::Backspace) => {
            confirm.typed.pop();
        }
        (None, Key::Left | Key::Right | Key::Tab | Key::BackTab) => confirm.go = !confirm.go,
        (None, Key::Char('y')) => return go_on(model, confirm),
        (None, Key::Enter) if confirm.go => return go_on(model, confirm),
        (None, Key::Enter | Key::Char('n' | 'q')) => return Vec::new(),
        _ => {}
    }
    model.overlay = Some(Overlay::Confirm(confirm));
    Vec::new()
}

/// Does what was asked about; where a name has to be typed, only when it was.
fn go_on(model: &mut Model, confirm: Confirm) -> Vec<Request> {
    let startled = model.now - confirm.opened < STARTLED;
    let unnamed = confirm.name.as_ref().is_some_and(|name| confirm.typed.trim() != name);
    if startled || unnamed {
        if unnamed && !startled {
            model.say("type the name first", true);
        }
        model.overlay = Some(Overlay::Confirm(confirm));
        return Vec::new();
    }
    confirm.requests
}

fn choose(model: &mut Model, overlay: Overlay, place: usize) -> Vec<Request> {
    match overlay {
        Overlay::Menu { mut choices, .. } if place < choices.len() => {
            let requests = choices.remove(place).1;
            if requests.iter().any(|request| matches!(request, Request::DryRun(..))) {
                model.overlay = Some(Overlay::Wait("Finding out what would change".to_owned()));
            }
            requests
        }
        Overlay::Palette { input, .. } => match found(&input_text(&input)).get(place) {
            Some(action) => perform(model, action),
            None => Vec::new(),
        },
        other => {
            model.overlay = Some(other);
            Vec::new()
        }
    }
}

fn on_answer(model: &mut Model, purpose: Purpose, answer: &str) -> Vec<Request> {
    if purpose == Purpose::Filter {
        answer.clone_into(&mut model.filter);
        return Vec::new();
    }
    if answer.is_empty() {
        model.say("nothing was written, so nothing was done", true);
        return Vec::new();
    }
    let text = answer.to_owned();
    let command = match purpose {
        Purpose::Note(incident) => Command::NoteIncident { incident, text },
        Purpose::Declare(service) => {
            Command::DeclareIncident { severity: Severity::Sev2, title: text, services: service.into_iter().collect() }
        }
        Purpose::Escalate(incident) => Command::EscalateIncident { incident, reason: text },
        Purpose::Resolve(incident) => Command::ResolveIncident { incident, resolution: text },
        Purpose::Reject(change) => Command::RejectChange { change, reason: text },
        Purpose::Halt => Command::HaltAutomation { reason: text },
        Purpose::Filter => return Vec::new(),
    };
    vec![Request::Submit(Box::new(command))]
}

/// What was typed into a field of one line.
#[must_use]
pub fn input_text(input: &TextArea) -> String {
    input.lines().join(" ")
}

fn type_into(input: &mut TextArea, key: Key) {
    use tui_textarea::{Input as Typed, Key as TypedKey};
    let (key, ctrl) = match key {
        Key::Char(c) => (TypedKey::Char(c), false),
        Key::Ctrl(c) => (TypedKey::Char(c), true),
        Key::Backspace => (TypedKey::Backspace, false),
        Key::Delete => (TypedKey::Delete, false),
        Key::Left => (TypedKey::Left, false),
        Key::Right => (TypedKey::Right, false),
        Key::Home => (TypedKey::Home, false),
        Key::End => (TypedKey::End, false),
        _ => return,
    };
    // One line: what would break it is not taken.
    if ctrl && matches!(key, TypedKey::Char('m' | 'j')) {
        return;
    }
    input.input(Typed { key, ctrl, alt: false, shift: false });
}

/// The actions that match what was typed into the palette, the best first.
#[must_use]
pub fn found(typed: &str) -> Vec<&'static Action> {
    if typed.trim().is_empty() {
        return ACTIONS.iter().collect();
    }
    let pattern = Pattern::parse(typed.trim(), CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, &Action)> = ACTIONS
        .iter()
        .filter_map(|action| {
            let text = format!("{} {} {}", action.label, action.name, action.about);
            let haystack = nucleo_matcher::Utf32Str::new(&text, &mut buffer);
            Some((pattern.score(haystack, &mut matcher)?, action))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, action)| action).collect()
}
