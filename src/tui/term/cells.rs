//! Cells as the bytes that a terminal needs for them, as few as there can be: short ways of the cursor, only what changes of a look, and blanks that
//! are erased rather than written.

use std::io::Write as _;

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr as _;

/// From so many on, blanks with something behind them are erased and stepped over.
const BLANKS: usize = 10;
/// From so many on at the end of what changes in a row, they are erased.
const LAST_BLANKS: usize = 5;
/// What a modifier is switched on and off with.
const MODIFIERS: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// How a cell looks but for its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: Color,
    paper: Color,
    modifier: Modifier,
}

impl Look {
    const PLAIN: Self = Self { ink: Color::Reset, paper: Color::Reset, modifier: Modifier::empty() };

    fn of(cell: &Cell) -> Self {
        Self { ink: cell.fg, paper: cell.bg, modifier: cell.modifier }
    }

    /// Whether an erased cell looks as a blank one.
    fn is_erased(self) -> bool {
        let shows = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        self.paper == Color::Reset && !self.modifier.intersects(shows)
    }

    /// Parameters that make this look of another.
    fn from(self, before: Self) -> Vec<u16> {
        let mut changes = Vec::new();
        let gone = before.modifier - self.modifier;
        let mut kept = before.modifier;
        for (modifier, _, off) in MODIFIERS {
            if gone.contains(modifier) {
                let ends = MODIFIERS.iter().filter(|(_, _, other)| *other == off).map(|(ended, ..)| *ended);
                ends.for_each(|ended| kept -= ended);
                changes.push(u16::from(off));
            }
        }
        changes.dedup();
        let new = MODIFIERS.iter().filter(|(modifier, ..)| (self.modifier - kept).contains(*modifier));
        changes.extend(new.map(|(_, on, _)| u16::from(*on)));
        if self.ink != before.ink {
            changes.extend(colour(self.ink, 0, self.modifier.contains(Modifier::BOLD)));
        }
        if self.paper != before.paper {
            changes.extend(colour(self.paper, 10, false));
        }
        changes
    }
}

/// The parameters of a colour: of the ink, or with ten more of the paper. Some terminals brighten the short form of a bold one.
fn colour(colour: Color, paper: u16, is_bold: bool) -> Vec<u16> {
    let dark = |number: u16| if is_bold { vec![38 + paper, 5, number] } else { vec![30 + paper + number] };
    let bright = |number: u16| vec![90 + paper + number];
    match colour {
        Color::Reset => vec![39 + paper],
        Color::Black => dark(0),
        Color::Red => dark(1),
        Color::Green => dark(2),
        Color::Yellow => dark(3),
        Color::Blue => dark(4),
        Color::Magenta => dark(5),
        Color::Cyan => dark(6),
        Color::Gray => dark(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(number) => vec![38 + paper, 5, u16::from(number)],
        Color::Rgb(red, green, blue) => vec![38 + paper, 2, u16::from(red), u16::from(green), u16::from(blue)],
    }
}

/// Where the terminal's cursor is and how it writes.
struct Pen<'a> {
    bytes: &'a mut Vec<u8>,
    /// None when that is not certain.
    at: Option<(u16, u16)>,
    row: Option<u16>,
    look: Look,
}

impl Pen<'_> {
    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Memory takes everything.
        let _ = self.bytes.write_fmt(text);
    }

    fn go_to(&mut self, x: u16, y: u16) {
        match self.at {
            Some(at) if at == (x, y) => {}
            Some((from, row)) if row == y && from < x => match x - from {
                1 => self.write(format_args!("\x1b[C")),
                columns => self.write(format_args!("\x1b[{columns}C")),
            },
            _ if self.row == Some(y) => self.write(format_args!("\x1b[{}G", x + 1)),
            _ if x == 0 => self.write(format_args!("\x1b[{}H", y + 1)),
            _ => self.write(format_args!("\x1b[{};{}H", y + 1, x + 1)),
        }
        (self.at, self.row) = (Some((x, y)), Some(y));
    }

    fn take(&mut self, look: Look) {
        if look == self.look {
            return;
        }
        let join = |changes: &[u16]| changes.iter().map(u16::to_string).collect::<Vec<_>>().join(";");
        let changed = join(&look.from(self.look));
        let plain = look.from(Look::PLAIN);
        let anew = if plain.is_empty() { String::new() } else { format!("0;{}", join(&plain)) };
        self.write(format_args!("\x1b[{}m", if anew.len() < changed.len() { anew } else { changed }));
        self.look = look;
    }

    fn put(&mut self, cell: &Cell) {
        let symbol = cell.symbol();
        self.bytes.extend_from_slice(symbol.as_bytes());
        // Terminals do not agree on how wide everything else is.
        self.at = self.at.filter(|_| symbol.width() == 1).map(|(x, y)| (x + 1, y));
    }
}

/// Writes cells, each with its place, in the order of the screen. The terminal writes plainly before and after.
pub(super) fn write(bytes: &mut Vec<u8>, cells: &[(u16, u16, &Cell)]) {
    let mut pen = Pen { bytes, at: None, row: None, look: Look::PLAIN };
    let mut rest = cells;
    while let Some((x, y, cell)) = rest.first() {
        let look = Look::of(cell);
        pen.go_to(*x, *y);
        let blanks = if look.is_erased() { run_of_blanks(rest) } else { 0 };
        let is_last = rest.get(blanks).is_none_or(|(_, row, _)| row != y);
        if blanks >= if is_last { LAST_BLANKS } else { BLANKS } {
            // What is erased looks as the terminal writes now.
            if !pen.look.is_erased() {
                pen.take(Look::PLAIN);
            }
            pen.write(format_args!("\x1b[{blanks}X"));
            rest = &rest[blanks..];
        } else {
            pen.take(if cell.symbol() == " " && look.is_erased() && pen.look.is_erased() { pen.look } else { look });
            pen.put(cell);
            rest = &rest[1..];
        }
    }
    pen.take(Look::PLAIN);
}

/// How many blanks that an erased cell looks like the cells begin with, side by side.
fn run_of_blanks(cells: &[(u16, u16, &Cell)]) -> usize {
    let Some((x, y, _)) = cells.first() else { return 0 };
    let mut next = usize::from(*x);
    let run = cells.iter().take_while(|(x, row, cell)| {
        let is_next = row == y && usize::from(*x) == next;
        next += 1;
        is_next && cell.symbol() == " " && Look::of(cell).is_erased()
    });
    run.count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::{buffer::Buffer, layout::Rect, style::Style};

    use crate::tui::term::frame::Frames;

    use super::*;

    const COLUMNS: u16 = 40;
    const ROWS: u16 = 4;
    const SIGNS: [&str; 6] = ["       ", "            ", "word", "é▁", "日", "x"];

    /// A picture of words in some looks, one behind the other.
    fn picture(words: &[(usize, u8)]) -> Buffer {
        let mut picture = Buffer::empty(Rect { x: 0, y: 0, width: COLUMNS, height: ROWS });
        let (mut x, mut y) = (0, 0);
        for (sign, look) in words {
            let mut style = Style::reset();
            // The terminal that stands for all others cannot be both bold and dim.
            if look & 1 > 0 && look >> 2 & 3 != 3 {
                style = style.add_modifier(Modifier::BOLD);
            }
            if look & 2 > 0 {
                style = style.add_modifier(Modifier::REVERSED);
            }
            style = match look >> 2 & 3 {
                0 => style,
                1 => style.fg(Color::Red),
                2 => style.fg(Color::LightBlue).bg(Color::Indexed(200)),
                _ => style.fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::DIM | Modifier::UNDERLINED),
            };
            x = picture.set_stringn(x, y, SIGNS[*sign], usize::from(COLUMNS - x), style).0;
            if x + 4 > COLUMNS {
                (x, y) = (0, (y + 1) % ROWS);
            }
        }
        picture
    }

    fn assert_shows(terminal: &vt100::Parser, picture: &Buffer) {
        let screen = terminal.screen();
        for (x, y) in (0..ROWS).flat_map(|y| (0..COLUMNS).map(move |x| (x, y))) {
            let (shown, wanted) = (screen.cell(y, x).unwrap(), &picture[(x, y)]);
            if shown.is_wide_continuation() {
                continue;
            }
            let sign = if shown.has_contents() { shown.contents() } else { " " };
            assert_eq!(sign, wanted.symbol(), "{x},{y}");
            let ink = match wanted.fg {
                Color::Reset => vt100::Color::Default,
                Color::Red => vt100::Color::Idx(1),
                Color::LightBlue => vt100::Color::Idx(12),
                Color::Rgb(red, green, blue) => vt100::Color::Rgb(red, green, blue),
                other => panic!("{other}"),
            };
            let paper = if wanted.bg == Color::Reset { vt100::Color::Default } else { vt100::Color::Idx(200) };
            let has = |modifier| wanted.modifier.contains(modifier);
            assert_eq!((shown.bgcolor(), shown.inverse()), (paper, has(Modifier::REVERSED)), "{x},{y}");
            assert_eq!(shown.underline(), has(Modifier::UNDERLINED), "{x},{y}");
            if sign != " " {
                assert_eq!((shown.fgcolor(), shown.bold()), (ink, has(Modifier::BOLD)), "{x},{y}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_terminal_shows_each_picture_after_the_one_before(
            pictures in proptest::collection::vec(proptest::collection::vec((0..SIGNS.len(), 0..16_u8), 1..40), 2..5)
        ) {
            let size = |many| std::num::NonZeroU16::new(many).unwrap();
            let mut terminal = vt100::Parser::new(size(ROWS), size(COLUMNS), 0);
            let mut frames = Frames::new();
            for words in pictures {
                let picture = picture(&words);
                terminal.process(&frames.next(picture.clone()).unwrap_or_default());
                assert_shows(&terminal, &picture);
            }
        }
    }

    #[test]
    fn what_is_blank_is_erased_and_a_look_changes_by_what_is_different_of_it() {
        let mut frames = Frames::new();
        let mut shown = Buffer::empty(Rect { x: 0, y: 0, width: COLUMNS, height: ROWS });
        frames.next(shown.clone());
        shown.set_string(0, 1, "a".repeat(30), Style::default().fg(Color::Red));
        frames.next(shown.clone());
        shown.set_string(2, 1, " ".repeat(28), Style::default());
        shown.set_string(0, 2, "b", Style::default().fg(Color::Red));
        shown.set_string(1, 2, "c", Style::default().fg(Color::Red).add_modifier(Modifier::REVERSED));
        let bytes = frames.next(shown).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[2;3H\x1b[28X\x1b[3H\x1b[31mb\x1b[7mc\x1b[m");
    }
}
