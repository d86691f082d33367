//! What lies over the screen: keys for questions, menus, the palette and fields.

use tui_textarea::TextArea;

use super::{
    action::{exported, show_plan},
    article::{import, seeds},
    filter::Filter,
    form::{Kind, on_form_key},
    help::on_card_key,
    lock::{on_code, on_name},
    look::keep,
    message::Request,
    model::{Confirm, Model, Overlay},
    palette::{choose_entry, on_palette_key},
    term::input::Key,
};
use crate::domain::{Command, IncidentId, past};

/// Lines of a menu that one key passes.
const PAGE: usize = 10;

/// What a line of text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Why an incident is escalated.
    Escalate(IncidentId),
    /// What ended an incident.
    Resolve(IncidentId),
    /// Why policies have to stop.
    Halt,
    /// What lists are narrowed to.
    Filter,
    /// The file or folder from which articles are taken.
    Import,
    /// The folder into which articles are written.
    Export,
    /// A point in time to go back to.
    Time,
    /// The second factor, for the command that waits for it.
    Code,
    /// The own name, at a board that was left.
    Name,
}

/// Takes a key for what lies over the screen.
pub(super) fn on_overlay_key(model: &mut Model, overlay: Overlay, key: Key) -> Vec<Request> {
    match overlay {
        Overlay::Form(form) => on_form_key(model, form, key),
        Overlay::Tour(card) => on_card_key(model, card, key).0,
        _ if key == Key::Esc => Vec::new(),
        Overlay::Menu { title, choices, selected } => {
            let last = choices.len().saturating_sub(1);
            let selected = match key {
                Key::Char(digit @ '1'..='9') if digit as usize - '1' as usize <= last => {
                    return choose(model, Overlay::Menu { title, choices, selected }, digit as usize - '1' as usize);
                }
                Key::Enter => return choose(model, Overlay::Menu { title, choices, selected }, selected),
                key => stepped(selected, last, key),
            };
            model.overlay = Some(Overlay::Menu { title, choices, selected });
            Vec::new()
        }
        Overlay::Themes { selected } if key == Key::Enter => keep(model, selected),
        Overlay::Themes { selected } => {
            let last = model.look.shelf.choices().len().saturating_sub(1);
            model.overlay = Some(Overlay::Themes { selected: stepped(selected, last, key) });
            Vec::new()
        }
        Overlay::Palette(palette) => on_palette_key(model, palette, key),
        Overlay::Prompt { title, purpose, mut input } => {
            if key == Key::Enter && purpose == Purpose::Time {
                return on_time(model, title, input);
            }
            if key == Key::Enter {
                return on_answer(model, purpose, input_text(&input).trim());
            }
            type_into(&mut input, key);
            if purpose == Purpose::Filter {
                model.filter = Filter::parse(&input_text(&input));
            }
            model.overlay = Some(Overlay::Prompt { title, purpose, input });
            Vec::new()
        }
        Overlay::Confirm(confirm) => on_confirm_key(model, confirm, key),
    }
}

/// Where a key leads in a list of choices.
fn stepped(selected: usize, last: usize, key: Key) -> usize {
    match key {
        Key::Down | Key::Char('j') | Key::Tab => (selected + 1).min(last),
        Key::Up | Key::Char('k') | Key::BackTab => selected.saturating_sub(1),
        Key::PageDown => (selected + PAGE).min(last),
        Key::PageUp => selected.saturating_sub(PAGE),
        Key::Home => 0,
        Key::End => last,
        _ => selected,
    }
}

fn on_confirm_key(model: &mut Model, mut confirm: Confirm, key: Key) -> Vec<Request> {
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
pub(super) fn go_on(model: &mut Model, confirm: Confirm) -> Vec<Request> {
    if confirm.name.as_ref().is_some_and(|name| confirm.typed.trim() != name) {
        model.say("type the name first", true);
        model.overlay = Some(Overlay::Confirm(confirm));
        return Vec::new();
    }
    confirm.requests
}

/// Takes a choice of a menu or the palette.
pub(super) fn choose(model: &mut Model, overlay: Overlay, place: usize) -> Vec<Request> {
    match overlay {
        Overlay::Menu { mut choices, .. } if place < choices.len() => {
            let requests = choices.remove(place).1;
            match requests.as_slice() {
                [Request::DryRun(request, command)] => show_plan(model, request.clone(), Command::clone(command)),
                _ => requests,
            }
        }
        Overlay::Form(mut form) => {
            let at = form.at;
            if let Some(Kind::Choice(pick)) = form.fields.get_mut(at).map(|field| &mut field.kind) {
                pick.at = place.min(pick.options.len().saturating_sub(1));
            }
            let services = form.fields.get(form.at).and_then(|field| match &field.kind {
                Kind::Services(chosen) => chosen.found(model).get(place).map(|name| (*name).to_owned()),
                _ => None,
            });
            if let Some(name) = services {
                form.toggle(&name);
            }
            model.overlay = Some(Overlay::Form(form));
            Vec::new()
        }
        // The first click tries it on.
        Overlay::Themes { selected } if selected == place => keep(model, place),
        Overlay::Themes { .. } => {
            model.overlay = Some(Overlay::Themes { selected: place });
            Vec::new()
        }
        Overlay::Palette(palette) => choose_entry(model, palette, place),
        other => {
            model.overlay = Some(other);
            Vec::new()
        }
    }
}

fn on_answer(model: &mut Model, purpose: Purpose, answer: &str) -> Vec<Request> {
    if purpose == Purpose::Filter {
        model.filter = Filter::parse(answer);
        if let Some(problem) = model.filter.problem() {
            model.say(problem, true);
        }
        return Vec::new();
    }
    match purpose {
        Purpose::Import if answer.is_empty() => return import(model, seeds()),
        Purpose::Import => return vec![Request::ReadArticles(answer.to_owned())],
        Purpose::Code => return on_code(model, answer),
        Purpose::Name => return on_name(model, answer),
        _ => {}
    }
    if answer.is_empty() {
        model.say("nothing was written, so nothing was done: the same key asks again", true);
        return Vec::new();
    }
    let text = answer.to_owned();
    let command = match purpose {
        Purpose::Escalate(incident) => Command::EscalateIncident { incident, reason: text },
        Purpose::Resolve(incident) => Command::ResolveIncident { incident, resolution: text },
        Purpose::Halt => Command::HaltAutomation { reason: text },
        Purpose::Export => {
            return exported(model).map(|files| vec![Request::WriteArticles(text, files)]).unwrap_or_default();
        }
        Purpose::Filter | Purpose::Time | Purpose::Code | Purpose::Name | Purpose::Import => return Vec::new(),
    };
    vec![Request::Submit(Box::new(command))]
}

/// Takes a point in time; one that cannot be read stays in the field to be put right.
fn on_time(model: &mut Model, title: String, input: Box<TextArea<'static>>) -> Vec<Request> {
    let typed = input_text(&input);
    if typed.trim().is_empty() {
        model.browse.point = None;
        return Vec::new();
    }
    match past(&typed, model.now) {
        Ok(at) => model.choose_point(at),
        Err(why) => {
            model.say(why, true);
            model.overlay = Some(Overlay::Prompt { title, purpose: Purpose::Time, input });
        }
    }
    Vec::new()
}

/// What was typed into a field of one line.
#[must_use]
pub fn input_text(input: &TextArea) -> String {
    input.lines().join(" ")
}

pub(super) fn type_into(input: &mut TextArea, key: Key) {
    use tui_textarea::{Input as Typed, Key as TypedKey};
    let (key, ctrl) = match key {
        Key::Char(c) => (TypedKey::Char(c), false),
        Key::Ctrl(c) => (TypedKey::Char(c), true),
        Key::Backspace => (TypedKey::Backspace, false),
        Key::Delete => (TypedKey::Delete, false),
        Key::Left => (TypedKey::Left, false),
        Key::Right => (TypedKey::Right, false),
        Key::CtrlLeft => (TypedKey::Left, true),
        Key::CtrlRight => (TypedKey::Right, true),
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
