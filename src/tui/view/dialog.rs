//! What lies over a page: questions, choices, fields.

use ratatui::{layout::Rect, text::Span};

use super::{
    canvas::{Canvas, Piece, first_visible},
    form, help, palette,
};
use crate::domain::Status;
use crate::tui::{
    layout,
    model::{Confirm, Model, Overlay, Purpose, Target},
    overlay::input_text,
    text,
    theme::{Role, status_badge},
};

/// Columns of a choice below which its second column is moved up to the first.
const NARROW: usize = 50;
/// How a filter is written, below its line.
const FILTERS: &str = "words · sev:1,2 service: state: kind: who: is:open -is:mine · “-” turns it round";

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, overlay: &Overlay) {
    match overlay {
        Overlay::Confirm(confirm) => ask(model, canvas, area, confirm),
        Overlay::Tour(card) => help::card(model, canvas, area, *card),
        Overlay::Form(written) => form::draw(model, canvas, area, written),
        Overlay::Menu { title, choices, selected } => {
            let digits = choices.len().to_string().len();
            let room = usize::from(area.width.min(84)).saturating_sub(4 + digits + 2);
            let lines: Vec<Vec<Piece>> = choices
                .iter()
                .enumerate()
                .map(|(place, (text, _))| {
                    vec![(Role::Key, format!(" {:>digits$} ", place + 1)), (Role::Text, closed_up(text, room))]
                })
                .collect();
            let keys = "↑↓ ↵ · Esc leaves it";
            let title = &match on_host(model, area.width) {
                on if on.is_empty() => title.clone(),
                on => format!("{title} {on}"),
            };
            list(canvas, area, &Choices { title, keys, width: 84, lines: &lines, selected: *selected, typed: None });
        }
        Overlay::Themes { selected } => themes(model, canvas, area, *selected),
        Overlay::Palette(found) => palette::draw(model, canvas, area, found),
        Overlay::Prompt { title, input, purpose } => {
            // What is asked stands whole, above the field where the border has no room for it.
            let width = 70.min(area.width.saturating_sub(2));
            let on = if *purpose == Purpose::Filter { String::new() } else { on_host(model, width) };
            let is_short =
                text::width(title) + 4 + if on.is_empty() { 0 } else { text::width(&on) + 3 } <= usize::from(width);
            let question = if is_short { Vec::new() } else { text::wrap(title, usize::from(width.saturating_sub(4))) };
            let rows = u16::try_from(question.len()).unwrap_or(u16::MAX);
            let place = centred(area, width, rows.saturating_add(if *purpose == Purpose::Filter { 6 } else { 5 }));
            canvas.clear(place);
            canvas.hits.add(place, Target::Nothing);
            let heading = match purpose {
                _ if is_short => title,
                Purpose::Code => "Your code",
                Purpose::Name => "Your name",
                _ => "Your answer",
            };
            let inside = canvas.frame(place, heading, &on, true);
            for (row, line) in (0..).zip(question) {
                canvas.line(inside, row, &[(Role::Title, format!(" {line}"))]);
            }
            field(canvas, inside, rows + 1, &input_text(input), input.cursor().1);
            let below = match model.filter.problem().filter(|_| *purpose == Purpose::Filter) {
                Some(problem) => (Role::Bad, format!("✖ {problem}")),
                None if *purpose == Purpose::Filter => (Role::Muted, FILTERS.to_owned()),
                None => (Role::Muted, "↵ does it   Esc leaves it".to_owned()),
            };
            for (row, line) in
                (rows + 2..).zip(text::wrap(&below.1, usize::from(inside.width.saturating_sub(2))).into_iter().take(2))
            {
                canvas.line(inside, row, &[(below.0, format!(" {line}"))]);
            }
        }
    }
}

/// A choice whose second column has no room, with that column moved up to the first.
fn closed_up(choice: &str, columns: usize) -> String {
    match choice.split_once("  ") {
        Some((name, about)) if columns < NARROW && text::width(choice) > columns => {
            format!("{name}  {}", about.trim_start())
        }
        _ => choice.to_owned(),
    }
}

/// On which host something would be done, where it is not that of this home.
fn on_host(model: &Model, columns: u16) -> String {
    let host = model.host.as_deref().map(|host| format!("on {}", text::fit(host, usize::from(columns / 3))));
    host.unwrap_or_default()
}

/// A field of one line with its cursor.
fn field(canvas: &mut Canvas, area: Rect, row: u16, typed: &str, cursor: usize) {
    let before: String = typed.chars().take(cursor).collect();
    let at: String = typed.chars().nth(cursor).map_or_else(|| " ".to_owned(), |c| c.to_string());
    let after: String = typed.chars().skip(cursor + 1).collect();
    // A long text is shown from the end that is typed at.
    let room = usize::from(area.width.saturating_sub(4));
    let mut before = before;
    while text::width(&before) > room {
        before.remove(0);
    }
    let (plain, here) = (canvas.style(Role::Text), canvas.style(Role::Selected));
    canvas.spans(
        area,
        row,
        vec![
            Span::styled(" › ", canvas.style(Role::Key)),
            Span::styled(before, plain),
            Span::styled(at, here),
            Span::styled(after, plain),
        ],
    );
}

fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(area.width.saturating_sub(2));
    let height = height.min(area.height);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

fn ask(model: &Model, canvas: &mut Canvas, area: Rect, confirm: &Confirm) {
    let width = 78.min(area.width.saturating_sub(2));
    let lines: Vec<(Role, String)> = confirm
        .lines
        .iter()
        .flat_map(|line| {
            let is_warning = ["LOSES", "CAUTION", "UNDO"].iter().any(|word| line.starts_with(word));
            let role = if is_warning { Role::Bad } else { Role::Text };
            text::wrap(line, usize::from(width.saturating_sub(4))).into_iter().map(move |line| (role, line))
        })
        .collect();
    let is_short = area.height < layout::LIST_ALONE;
    let gap = u16::from(!is_short);
    let most = usize::from(area.height.saturating_sub(5 + gap));
    let shown = lines.len().min(most);
    let mut lines = lines;
    if lines.len() > most {
        // What cannot be taken back is read before what else it does.
        lines.sort_by_key(|(role, _)| *role != Role::Bad);
    }
    let place = centred(area, width, u16::try_from(shown).unwrap_or(0) + 5 + gap);
    let place = model.hand.clear_of(place, area);
    canvas.clear(place);
    canvas.hits.add(place, Target::Nothing);
    let inside = canvas.frame(place, &confirm.title, &on_host(model, width), true);
    for (row, (role, line)) in (0..inside.height).zip(lines.iter().take(shown)) {
        canvas.line(inside, row, &[(*role, format!(" {line}"))]);
    }
    let row = u16::try_from(shown).unwrap_or(0) + gap;
    match &confirm.name {
        Some(name) => {
            let matches = confirm.typed.trim() == name;
            let mut pieces = vec![
                (Role::Text, " Type ".to_owned()),
                (Role::Title, name.clone()),
                (Role::Text, " to go on: ".to_owned()),
            ];
            let typed = (if matches { Role::Ok } else { Role::Text }, format!("{}▏", confirm.typed));
            let columns: usize = pieces.iter().map(|(_, piece)| text::width(piece)).sum();
            let is_beside = columns + text::width(name) + 2 <= usize::from(inside.width);
            if is_beside {
                pieces.push(typed.clone());
            }
            canvas.line(inside, row, &pieces);
            let row = if is_beside { row } else { row + 1 };
            if !is_beside {
                canvas.line(inside, row, &[(Role::Key, " › ".to_owned()), typed]);
            }
            let mut at = 1;
            at += canvas.button(inside, row + 1, at, &format!("↵ {}", confirm.verb), Target::Go, matches);
            canvas.button(inside, row + 1, at, "Esc Leave it", Target::Cancel, false);
        }
        None => {
            let mut at = 1;
            at += canvas.button(inside, row + 1, at, "Leave it", Target::Cancel, !confirm.go);
            canvas.button(inside, row + 1, at, &format!("y {}", confirm.verb), Target::Go, confirm.go);
        }
    }
}

/// A list of choices.
pub(super) struct Choices<'a> {
    /// What it is about.
    pub title: &'a str,
    /// What its keys do.
    pub keys: &'a str,
    /// Columns it takes where there is room.
    pub width: u16,
    /// Its rows.
    pub lines: &'a [Vec<Piece>],
    /// The selected one.
    pub selected: usize,
    /// What was typed into the field above them, and the place of its cursor.
    pub typed: Option<(&'a str, usize)>,
}

pub(super) fn list(canvas: &mut Canvas, area: Rect, choices: &Choices) {
    let Choices { title, keys, width, lines, selected, typed } = *choices;
    let extra = if typed.is_some() { 4 } else { 2 };
    let height = u16::try_from(lines.len().max(1)).unwrap_or(u16::MAX).saturating_add(extra).min(area.height).max(4);
    let place = centred(area, width, height);
    canvas.clear(place);
    canvas.hits.add(place, Target::Nothing);
    let mut inside = canvas.frame(place, title, keys, true);
    if let Some((typed, cursor)) = typed {
        field(canvas, inside, 0, typed, cursor);
        inside = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
    }
    if lines.is_empty() {
        canvas.line(inside, 0, &[(Role::Muted, " nothing matches".to_owned())]);
    }
    rows_of(canvas, inside, lines, selected);
}

/// The lines of a list around the selected one.
fn rows_of(canvas: &mut Canvas, inside: Rect, lines: &[Vec<Piece>], selected: usize) {
    let first = first_visible(selected, lines.len(), usize::from(inside.height));
    for (row, (place, line)) in (0..inside.height).zip(lines.iter().enumerate().skip(first)) {
        canvas.line(inside, row, line);
        if place == selected {
            canvas.select_row(inside, row);
        }
        canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Choice(place));
    }
}

/// The themes by their names, below them every status as the one that is tried on shows it.
fn themes(model: &Model, canvas: &mut Canvas, area: Rect, selected: usize) {
    let choices = model.look.shelf.choices();
    let names = choices.iter().map(|choice| text::width(&choice.name)).max().unwrap_or(0).min(24);
    let lines: Vec<Vec<Piece>> = choices
        .iter()
        .map(|choice| {
            let kept = if choice.name == model.look.kept { "✓" } else { " " };
            let about = match &choice.instead {
                Some(instead) => format!("too few colours here: {instead} is shown"),
                None => choice.about.clone(),
            };
            vec![
                (Role::Ok, format!(" {kept} ")),
                (Role::Text, text::left(&choice.name, names + 2)),
                (Role::Muted, about),
            ]
        })
        .collect();
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
    let place = centred(area, 84, rows);
    canvas.clear(place);
    canvas.hits.add(place, Target::Nothing);
    let inside = canvas.frame(place, "Themes", "↑↓ tries on · ↵ keeps · Esc goes back", true);
    let (upper, foot) = (Rect { height: inside.height.saturating_sub(2), ..inside }, inside.height.saturating_sub(1));
    rows_of(canvas, upper, &lines, selected);
    let statuses = [Status::Healthy, Status::Degraded, Status::Down, Status::Unknown, Status::Maintenance];
    let mut sample: Vec<Piece> = Vec::new();
    for (glyph, word, role) in statuses.map(status_badge) {
        sample.extend([(Role::Text, " ".to_owned()), (role, format!("{glyph} {word}")), (Role::Text, " ".to_owned())]);
    }
    sample.extend([
        (Role::Key, " k".to_owned()),
        (Role::Text, " key ".to_owned()),
        (Role::Muted, " muted ".to_owned()),
    ]);
    sample.extend([(Role::Button, " [ button ] ".to_owned()), (Role::Emergency, " ■ EMERGENCY ".to_owned())]);
    canvas.line(inside, foot, &sample);
}
