//! What drawing functions draw on: the cells, the hit map that grows with them, and the theme.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Clear, Widget},
};

use crate::tui::{
    action::Action,
    hit::HitMap,
    model::{Model, Target},
    text,
    theme::{Role, Theme},
};

/// What drawing functions draw on.
pub struct Canvas<'a> {
    /// The cells.
    pub buffer: &'a mut Buffer,
    /// What stands where.
    pub hits: &'a mut HitMap<Target>,
    /// How things look.
    pub theme: Theme,
    /// Lines the longest page could scroll.
    pub deepest: usize,
    /// What is drawn now is only looked at: it has no focus, does not scroll, and nothing on it can be pressed.
    pub is_aside: bool,
}

/// A key with what it does here.
pub struct KeyHint {
    /// The key.
    pub key: String,
    /// What it does.
    pub label: String,
    /// The action's name in the table.
    pub action: &'static str,
    /// Whether it can do something now.
    pub able: bool,
}

impl KeyHint {
    /// Of an action of the table.
    #[must_use]
    pub fn of(model: &Model, action: &Action) -> Self {
        Self {
            key: model.keymap.key(action),
            label: action.label.to_owned(),
            action: action.name,
            able: action.why_not(model).is_none(),
        }
    }
}

/// A piece of a line.
pub type Piece = (Role, String);

impl Canvas<'_> {
    /// How a role looks.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Writes pieces from the left edge of a row, cut at its right edge; gives the columns used.
    pub fn line(&mut self, area: Rect, row: u16, pieces: &[Piece]) -> u16 {
        if row >= area.height {
            return 0;
        }
        let mut used = 0;
        for (role, piece) in pieces {
            let room = usize::from(area.width.saturating_sub(used));
            let fitted = text::fit(piece, room);
            let columns = u16::try_from(text::width(&fitted)).unwrap_or(0);
            self.buffer.set_string(area.x + used, area.y + row, fitted, self.theme.style(*role));
            used += columns;
        }
        used
    }

    /// Writes a text that ends at the right edge of a row.
    pub fn line_right(&mut self, area: Rect, row: u16, pieces: &[Piece]) {
        let total: usize = pieces.iter().map(|(_, piece)| text::width(piece)).sum();
        let columns = u16::try_from(total).unwrap_or(u16::MAX).min(area.width);
        let place = Rect { x: area.right() - columns, width: columns, ..area };
        self.line(place, row, pieces);
    }

    /// Marks a whole row as selected.
    pub fn select_row(&mut self, area: Rect, row: u16) {
        if row < area.height {
            let style = self.theme.over(Role::Selected);
            self.buffer.set_style(Rect { y: area.y + row, height: 1, ..area }, style);
        }
    }

    /// A box with a title to the left and a summary to the right; gives its inside.
    pub fn frame(&mut self, area: Rect, title: &str, summary: &str, focus: bool) -> Rect {
        if area.width < 4 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let focus = focus && !self.is_aside;
        let border = self.style(if focus { Role::Focus } else { Role::Border });
        let top = format!("┌{}┐", "─".repeat(usize::from(area.width - 2)));
        let bottom = format!("└{}┘", "─".repeat(usize::from(area.width - 2)));
        self.buffer.set_string(area.x, area.y, top, border);
        self.buffer.set_string(area.x, area.bottom() - 1, bottom, border);
        for y in area.y + 1..area.bottom() - 1 {
            self.buffer.set_string(area.x, y, "│", border);
            self.buffer.set_string(area.right() - 1, y, "│", border);
        }
        let room = Rect { x: area.x + 1, width: area.width - 2, height: 1, ..area };
        // A number belongs to the corner: it is the key that gives the pane the focus.
        let gap = if title.starts_with(|first: char| first.is_ascii_digit()) { "" } else { " " };
        let title = format!("{gap}{title} ");
        let used = self.line(room, 0, &[(if focus { Role::Focus } else { Role::Title }, title)]);
        let left = usize::from(room.width.saturating_sub(used + 1));
        if !summary.is_empty() && left > 6 {
            self.line_right(room, 0, &[(Role::Text, format!(" {} ", text::fit(summary, left - 2)))]);
        }
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    /// Keys with what they do, as far as they fit, each of them to press too; gives the columns used.
    pub fn keys(&mut self, area: Rect, row: u16, keys: &[KeyHint]) -> u16 {
        let mut at = 1;
        let keys = if self.is_aside { &[] } else { keys };
        for hint in keys {
            let columns = u16::try_from(text::width(&hint.key) + 1 + text::width(&hint.label)).unwrap_or(u16::MAX);
            if row >= area.height || at + columns > area.width {
                break;
            }
            let place = Rect { x: area.x + at, y: area.y + row, width: columns, height: 1 };
            let (key, label) = if hint.able { (Role::Key, Role::Text) } else { (Role::Muted, Role::Muted) };
            self.line(place, 0, &[(key, hint.key.clone()), (label, format!(" {}", hint.label))]);
            self.hits.add(place, Target::Action(hint.action));
            at += columns + 2;
        }
        at
    }

    /// Something to press; gives the columns it takes.
    pub fn button(&mut self, area: Rect, row: u16, at: u16, label: &str, target: Target, pressed: bool) -> u16 {
        if self.is_aside {
            return 0;
        }
        let label = format!("[ {label} ]");
        let columns = u16::try_from(text::width(&label)).unwrap_or(0);
        if row >= area.height || at + columns > area.width {
            return 0;
        }
        let role = if pressed { Role::Pressed } else { Role::Button };
        self.buffer.set_string(area.x + at, area.y + row, label, self.theme.style(role));
        self.hits.add(Rect { x: area.x + at, y: area.y + row, width: columns, height: 1 }, target);
        columns + 2
    }

    /// A line of hints with ` · ` or spaces between them, of which the one that goes on and the one that leaves can be clicked.
    pub fn hint_line(&mut self, area: Rect, row: u16, line: &str) {
        self.line(area, row, &[(Role::Muted, line.to_owned())]);
        for (key, target) in [("↵ ", Target::Go), ("Esc ", Target::Cancel)] {
            let Some(start) = line.find(key).filter(|_| row < area.height) else { continue };
            let rest = &line[start..];
            let words = rest.split(" · ").next().and_then(|hint| hint.split("   ").next()).unwrap_or(rest);
            let columns = |text: &str| u16::try_from(text::width(text)).unwrap_or(u16::MAX);
            let at = columns(&line[..start]).min(area.width);
            let width = columns(words).min(area.width - at);
            self.hits.add(Rect { x: area.x + at, y: area.y + row, width, height: 1 }, target);
        }
    }

    /// Empties a place for something that lies on top.
    pub fn clear(&mut self, area: Rect) {
        Clear.render(area, self.buffer);
        self.buffer.set_style(area, self.theme.ground());
    }

    /// Writes wrapped text from a row on; gives the rows used.
    pub fn paragraph(&mut self, area: Rect, row: u16, role: Role, content: &str) -> u16 {
        let lines = text::wrap(content, usize::from(area.width));
        let mut used = 0;
        for line in lines {
            self.line(area, row + used, &[(role, line)]);
            used += 1;
        }
        used
    }

    /// Writes a list of ready lines from `scroll` on; gives the rows it has room for.
    pub fn page(&mut self, area: Rect, lines: &[Vec<Piece>], scroll: usize) {
        let room = usize::from(area.height);
        let most = lines.len().saturating_sub(room);
        let scroll = if self.is_aside { 0 } else { scroll.min(most) };
        if !self.is_aside {
            self.deepest = self.deepest.max(most);
        }
        for (row, line) in (0..area.height).zip(lines.iter().skip(scroll)) {
            self.line(area, row, line);
        }
        let below = lines.len().saturating_sub(scroll + room);
        if below > 0 && area.height > 0 {
            let last: String = lines[scroll + room - 1].iter().map(|(_, piece)| piece.as_str()).collect();
            self.more(area, below, &last);
        }
    }

    /// Says over the end of the last row how many are below; `last` is what stands on that row.
    pub fn more(&mut self, area: Rect, below: usize, last: &str) {
        self.over_last(area, &format!("↓ {below} more"), last);
    }

    /// Writes a note over the end of the last row, on which `last` stands.
    pub fn over_last(&mut self, area: Rect, note: &str, last: &str) {
        // A figure that lost its end reads like another figure.
        let note = format!(" {note} ");
        let is_cut = text::width(last.trim_end()) + text::width(&note) > usize::from(area.width);
        let note = if is_cut { format!("…{note}") } else { note };
        self.mark(area, area.height.saturating_sub(1), &note);
    }

    /// Writes a mark over the end of a row; what stood there lends it no colour.
    pub fn mark(&mut self, area: Rect, row: u16, note: &str) {
        let columns = u16::try_from(text::width(note)).unwrap_or(u16::MAX).min(area.width);
        if row < area.height {
            let place = Rect { x: area.right() - columns, y: area.y + row, width: columns, height: 1 };
            self.buffer.set_style(place, self.theme.ground());
            self.line(place, 0, &[(Role::Muted, note.to_owned())]);
        }
    }

    /// A ready-made widget line; for text fields.
    pub fn spans(&mut self, area: Rect, row: u16, spans: Vec<Span<'_>>) {
        if row < area.height {
            Line::from(spans).render(Rect { y: area.y + row, height: 1, ..area }, self.buffer);
        }
    }
}

/// First visible row of a list, so that the selected one is in sight.
#[must_use]
pub fn first_visible(selected: usize, rows: usize, room: usize) -> usize {
    if room == 0 || rows <= room { 0 } else { selected.saturating_sub(room / 2).min(rows - room) }
}

/// What is out of view above and below, in words.
#[must_use]
pub fn out_of_view(above: usize, below: usize) -> String {
    match (above, below) {
        (0, 0) => String::new(),
        (above, 0) => format!("↑ {above} more"),
        (0, below) => format!("↓ {below} more"),
        (above, below) => format!("↑ {above}  ↓ {below} more"),
    }
}
