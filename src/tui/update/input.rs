//! What keys, clicks, the wheel and pasted text do.

use chrono::DateTime;

use crate::tui::{
    action::{named, on_key, open, perform, propose},
    form::{self, on_form_key},
    help::{end, on_card_key},
    message::Request,
    model::{List, Model, Overlay, Pane, Part, Screen, Target},
    overlay::{choose, go_on, on_overlay_key},
    palette::paste,
    startle::{is_too_soon, startles},
    term::input::{Input, Key},
    text, walk,
};

/// Takes in what a hand did.
pub(super) fn on_input(model: &mut Model, input: Input) -> Vec<Request> {
    match input {
        Input::Resize => vec![Request::Repaint],
        Input::HangUp => vec![Request::Quit],
        Input::Key(Key::Ctrl('c')) => vec![Request::Quit],
        Input::Key(key) => {
            model.hand.leave();
            if startles(model, key) {
                return Vec::new();
            }
            match model.overlay.take() {
                Some(Overlay::Tour(card)) => {
                    let (mut requests, is_for_board) = on_card_key(model, card, key);
                    if is_for_board {
                        requests.extend(on_key_pressed(model, key));
                    }
                    requests
                }
                Some(overlay) => on_overlay_key(model, overlay, key),
                None => on_key_pressed(model, key),
            }
        }
        Input::Paste(raw) => {
            let pasted = text::clean(&raw);
            if let Some(Overlay::Palette(mut palette)) =
                model.overlay.take_if(|over| matches!(over, Overlay::Palette(_)))
            {
                paste(model, &mut palette, &pasted);
                model.overlay = Some(Overlay::Palette(palette));
                return Vec::new();
            }
            match &mut model.overlay {
                Some(Overlay::Form(form)) => {
                    if let Some(lost) = form.paste(&raw) {
                        model.say(lost, true);
                    }
                }
                Some(Overlay::Prompt { input, .. }) => drop(input.insert_str(&pasted)),
                Some(Overlay::Confirm(confirm)) if confirm.name.is_some() => confirm.typed.push_str(pasted.trim()),
                _ => {}
            }
            Vec::new()
        }
        Input::Wheel(direction) => {
            match model.overlay.take() {
                Some(list @ (Overlay::Menu { .. } | Overlay::Palette { .. })) => {
                    let key = if direction < 0 { Key::Up } else { Key::Down };
                    return on_overlay_key(model, list, key);
                }
                None => step(model, isize::from(direction)),
                other => model.overlay = other,
            }
            Vec::new()
        }
        Input::Press { x, y } => {
            let target = model.hits.at(x, y).cloned();
            if model.hand.press((x, y), target.as_ref()) { on_click(model, target) } else { Vec::new() }
        }
        Input::Release { x, y } => {
            let target = model.hits.at(x, y).cloned();
            if !model.hand.release((x, y), target.as_ref(), model.now) {
                return Vec::new();
            }
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
    let answers = matches!(target, Some(Target::Go | Target::Choice(_)));
    if answers && model.overlay.is_some() && is_too_soon(model) {
        return Vec::new();
    }
    match (target, model.overlay.take()) {
        (Some(Target::Go), Some(Overlay::Tour(card))) => on_card_key(model, card, Key::Enter).0,
        (Some(Target::Cancel), Some(Overlay::Tour(_))) => end(model),
        (Some(Target::Nothing), Some(Overlay::Tour(card))) => {
            model.overlay = Some(Overlay::Tour(card));
            Vec::new()
        }
        (target, Some(Overlay::Tour(_))) => {
            let mut requests = end(model);
            requests.extend(on_click(model, target));
            requests
        }
        (Some(Target::Go), Some(Overlay::Confirm(confirm))) => go_on(model, confirm),
        (Some(Target::Go), Some(Overlay::Form(form))) => form::go_on(model, form),
        (Some(Target::Cancel), Some(Overlay::Form(form))) => on_form_key(model, form, Key::Esc),
        (Some(Target::Go), Some(prompt @ Overlay::Prompt { .. })) => on_overlay_key(model, prompt, Key::Enter),
        (Some(Target::Field(place)), Some(Overlay::Form(mut form))) => {
            form.at = place;
            model.overlay = Some(Overlay::Form(form));
            Vec::new()
        }
        (Some(Target::Severity(severity)), Some(Overlay::Form(mut form))) => {
            form.grade(severity);
            model.overlay = Some(Overlay::Form(form));
            Vec::new()
        }
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
        (Some(Target::Page(screen)), None) => open(model, screen),
        (Some(Target::Crumb(place)), None) => {
            back_to(model, place);
            Vec::new()
        }
        (Some(Target::Part(part)), None) => {
            model.turn_to(part);
            Vec::new()
        }
        (Some(Target::Node(name)), None) => {
            if model.on_map().as_ref() == Some(&name) {
                return open(model, Screen::Service(name));
            }
            model.map.at = Some(name);
            Vec::new()
        }
        (Some(Target::Pane(pane)), None) => {
            focus(model, pane);
            Vec::new()
        }
        (Some(Target::Row(list, place)), None) => {
            if list == List::Components {
                let name = model.rows(list).get(place).cloned();
                model.show_component(name);
                return Vec::new();
            }
            let again = model.selected_place(list) == place && model.list() == Some(list);
            if let List::Pane(pane) = list {
                focus(model, pane);
            }
            model.select(list, place);
            match named(if list == List::Snapshots { "difference" } else { "open" }) {
                Some(action) if again => perform(model, action),
                _ => Vec::new(),
            }
        }
        (Some(Target::Choice(place)), None) if matches!(model.screen(), Screen::Run(_)) => walk::choose(model, place),
        (Some(Target::Choice(place)), None) => propose(model, place),
        (Some(Target::Moment(seconds)), None) => {
            if let Some(at) = DateTime::from_timestamp(seconds, 0) {
                model.choose_point(at);
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Closes what lies above a page.
fn back_to(model: &mut Model, place: usize) {
    if place + 1 < model.screens.len() {
        model.screens.truncate(place + 1);
        model.unroll();
        model.held = None;
    }
}

fn focus(model: &mut Model, pane: Pane) {
    if model.focus != pane {
        model.focus = pane;
        model.held = None;
    }
    // Who turns to the incidents turns to what is open: one that has ended since, or was merged, lets go of the cursor.
    let incidents = List::Pane(Pane::Incidents);
    let selected = model.selected(incidents).and_then(|key| key.parse().ok());
    let is_over = selected.and_then(|id| model.state.incidents.get(&id)).is_some_and(|found| !found.state.is_open());
    if pane == Pane::Incidents && is_over {
        model.select(incidents, 0);
    }
}

fn on_key_pressed(model: &mut Model, key: Key) -> Vec<Request> {
    let on_board = *model.screen() == Screen::Board;
    match key {
        Key::Down | Key::Char('j') => step(model, 1),
        Key::Up | Key::Char('k') => step(model, -1),
        Key::PageDown | Key::PageUp if matches!(model.screen(), Screen::Run(_)) => {
            let by = if key == Key::PageDown { page(model) } else { -page(model) };
            let deepest = model.deepest;
            let place = if model.part == Part::Aside { &mut model.scroll } else { &mut model.aside };
            *place = place.saturating_add_signed(by).min(deepest);
        }
        Key::PageDown => step(model, page(model)),
        Key::PageUp => step(model, -page(model)),
        Key::Home => step(model, isize::MIN),
        Key::Char('g') if *model.screen() != Screen::Snapshots => step(model, isize::MIN),
        Key::End | Key::Char('G') => step(model, isize::MAX),
        Key::Tab | Key::BackTab | Key::Right | Key::Left if on_board => {
            let forward = matches!(key, Key::Tab | Key::Right);
            let place = Pane::ALL.iter().position(|pane| *pane == model.focus).unwrap_or(0);
            let next = if forward { place + 1 } else { place + Pane::ALL.len() - 1 };
            focus(model, Pane::ALL[next % Pane::ALL.len()]);
        }
        Key::Char(digit @ '1'..='4') if on_board => focus(model, Pane::ALL[digit as usize - '1' as usize]),
        Key::Char(digit @ '1'..='9') if matches!(model.screen(), Screen::Incident(_) | Screen::Diagnosis(..)) => {
            return propose(model, digit as usize - '1' as usize);
        }
        Key::Char(digit @ '1'..='9') if matches!(model.screen(), Screen::Run(_)) => {
            return walk::choose(model, digit as usize - '1' as usize);
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
        None if *model.screen() == Screen::Map => model.step_on_map(by),
        Some(list) => {
            let last = model.rows(list).len().saturating_sub(1);
            let place = model.selected_place(list).saturating_add_signed(by).min(last);
            model.select(list, place);
        }
        None => model.scroll = model.scroll.saturating_add_signed(by).min(model.deepest),
    }
}
