//! A field of text: typed and pasted, moved in by characters and words, taken back word by word, and never longer than it
//! may be.

use tui_textarea::{CursorMove, TextArea, WrapMode};

use super::{term::input::Key, text};
use ratatui::style::Style;

/// Steps that can be taken back: more than any field holds characters.
const STEPS: usize = 10_000;

/// Whether a text may be broken into lines by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaks {
    /// It is one line, however it is shown.
    None,
    /// It may hold several lines.
    Lines,
}

/// A field of text.
#[derive(Debug, Clone)]
pub struct Written {
    input: TextArea<'static>,
    limit: usize,
    breaks: Breaks,
}

impl Written {
    /// An empty one for at most `limit` characters.
    #[must_use]
    pub fn new(limit: usize, breaks: Breaks) -> Self {
        let mut input = TextArea::default();
        input.set_wrap_mode(WrapMode::WordOrGlyph);
        input.set_cursor_line_style(Style::default());
        input.set_max_histories(STEPS);
        Self { input, limit, breaks }
    }

    /// What was written.
    #[must_use]
    pub fn text(&self) -> String {
        self.input.lines().join("\n")
    }

    /// The widget that shows it with its cursor.
    #[must_use]
    pub fn widget(&self) -> &TextArea<'static> {
        &self.input
    }

    /// Whether it may hold several lines.
    #[must_use]
    pub fn has_lines(&self) -> bool {
        self.breaks == Breaks::Lines
    }

    /// How full it is, once that is worth saying.
    #[must_use]
    pub fn fullness(&self) -> Option<String> {
        let used = self.used();
        (used * 10 >= self.limit * 8).then(|| format!("{used} of {} characters", self.limit))
    }

    fn used(&self) -> usize {
        let lines = self.input.lines();
        lines.iter().map(|line| line.chars().count()).sum::<usize>() + lines.len() - 1
    }

    /// Removes all of it.
    pub fn clear(&mut self) {
        *self = Self::new(self.limit, self.breaks);
    }

    /// Takes a key.
    ///
    /// # Errors
    /// When there is no room for a character.
    pub fn key(&mut self, key: Key) -> Result<(), String> {
        let input = &mut self.input;
        match key {
            Key::Char(c) => {
                self.room()?;
                self.input.insert_char(c);
            }
            Key::Ctrl('j') if self.breaks == Breaks::Lines => {
                self.room()?;
                self.input.insert_newline();
            }
            Key::Ctrl('z') => walk(input, TextArea::undo, TextArea::redo),
            Key::Ctrl('y') => walk(input, TextArea::redo, TextArea::undo),
            Key::Backspace | Key::Ctrl('h') => drop(input.delete_char()),
            Key::Delete => drop(input.delete_next_char()),
            Key::Ctrl('w') => drop(input.delete_word()),
            Key::Ctrl('u') => drop(input.delete_line_by_head()),
            Key::Ctrl('k') => drop(input.delete_line_by_end()),
            key => {
                if let Some(to) = movement(key) {
                    input.move_cursor(to);
                }
            }
        }
        Ok(())
    }

    fn room(&self) -> Result<(), String> {
        if self.used() < self.limit {
            return Ok(());
        }
        Err(format!("there is room for {} characters", self.limit))
    }

    /// Takes pasted text as one insertion, which one step takes back; says how much of it did not fit.
    pub fn paste(&mut self, pasted: &str) -> Option<String> {
        let unix = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let whole = match self.breaks {
            Breaks::Lines => unix.split('\n').map(text::clean).collect::<Vec<_>>().join("\n"),
            Breaks::None => text::clean(unix.trim()),
        };
        let room = self.limit.saturating_sub(self.used());
        let fitting: String = whole.chars().take(room).collect();
        self.input.insert_str(&fitting);
        let lost = whole.chars().count().saturating_sub(room);
        (lost > 0).then(|| format!("{lost} characters of it did not fit: there is room for {}", self.limit))
    }
}

fn movement(key: Key) -> Option<CursorMove> {
    Some(match key {
        Key::Left => CursorMove::Back,
        Key::Right => CursorMove::Forward,
        Key::Up => CursorMove::Up,
        Key::Down => CursorMove::Down,
        Key::CtrlLeft => CursorMove::WordBack,
        Key::CtrlRight => CursorMove::WordForward,
        Key::Home | Key::Ctrl('a') => CursorMove::Head,
        Key::End | Key::Ctrl('e') => CursorMove::End,
        Key::PageUp => CursorMove::Top,
        Key::PageDown => CursorMove::Bottom,
        _ => return None,
    })
}

/// Takes back a word, a paste or a deletion; the other way round, brings it again.
fn walk(
    input: &mut TextArea<'static>,
    step: fn(&mut TextArea<'static>) -> bool,
    back: fn(&mut TextArea<'static>) -> bool,
) {
    let mut first = true;
    loop {
        let before = input.lines().join("\n");
        if !step(input) {
            return;
        }
        let after = input.lines().join("\n");
        let (more, less) = if before.len() > after.len() { (&before, &after) } else { (&after, &before) };
        let letter = one_more(more, less);
        match letter {
            Some(c) if !c.is_whitespace() => first = false,
            // What is no letter is a step of its own.
            _ if first => return,
            _ => {
                back(input);
                return;
            }
        }
    }
}

/// The character that one text has and the other has not, when that is all that differs.
fn one_more(more: &str, less: &str) -> Option<char> {
    let same = more.chars().zip(less.chars()).take_while(|(a, b)| a == b).count();
    let letter = more.chars().nth(same)?;
    more.chars().skip(same + 1).eq(less.chars().skip(same)).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Written {
        let mut written = Written::new(40, Breaks::Lines);
        type_into(&mut written, text);
        written
    }

    fn type_into(written: &mut Written, text: &str) {
        for c in text.chars() {
            written.key(if c == '\n' { Key::Ctrl('j') } else { Key::Char(c) }).unwrap();
        }
    }

    #[test]
    fn typing_is_taken_back_word_by_word_and_a_paste_at_once() {
        let mut written = typed("clinics use");
        assert_eq!(written.paste("paper forms\r\nsince\x1b[31m 14:22\n"), None);
        assert_eq!(written.text(), "clinics usepaper forms\nsince[31m 14:22\n");
        written.key(Key::Ctrl('z')).unwrap();
        assert_eq!(written.text(), "clinics use");
        written.key(Key::Ctrl('z')).unwrap();
        assert_eq!(written.text(), "clinics ");
        written.key(Key::Ctrl('y')).unwrap();
        assert_eq!(written.text(), "clinics use");
    }

    #[test]
    fn the_cursor_moves_by_words_and_to_the_ends_of_a_line() {
        let mut written = typed("one two\nthree four");
        for (key, letter) in [(Key::CtrlLeft, 'A'), (Key::Home, 'B'), (Key::Up, 'C'), (Key::End, 'D')] {
            written.key(key).unwrap();
            written.key(Key::Char(letter)).unwrap();
        }
        assert_eq!(written.text(), "oCne twoD\nBthree Afour");
        written.key(Key::Ctrl('w')).unwrap();
        assert_eq!(written.text(), "oCne \nBthree Afour");
    }

    #[test]
    fn no_text_is_longer_than_it_may_be_and_what_was_lost_is_said() {
        let mut written = typed(&"a".repeat(31));
        assert_eq!(written.fullness(), None);
        type_into(&mut written, "b");
        assert_eq!(written.fullness().unwrap(), "32 of 40 characters");
        let lost = written.paste("0123456789\nabc").unwrap();
        assert!(lost.starts_with("6 characters of it did not fit"), "{lost}");
        assert!(written.key(Key::Char('x')).unwrap_err().contains("40"));
        assert!(written.key(Key::Ctrl('j')).is_err());
        assert!(written.key(Key::Backspace).is_ok());
        assert_eq!(written.text().chars().count(), 39);
    }

    #[test]
    fn one_line_stays_one_line() {
        let mut written = Written::new(40, Breaks::None);
        written.paste("checkin\nand handouts\n");
        written.key(Key::Ctrl('j')).unwrap();
        assert_eq!(written.text(), "checkin and handouts");
    }
}
