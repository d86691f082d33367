//! Aligned columns.

use unicode_width::UnicodeWidthStr;

use super::{output::Output, text};

/// What a cell's text means, for its colour; the text says it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Bad,
    Warn,
    Good,
    Dim,
    Strong,
}

impl Paint {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Bad => "1;31",
            Self::Warn => "33",
            Self::Good => "32",
            Self::Dim => "2",
            Self::Strong => "1",
        }
    }
}

/// One cell: text that is safe to show.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    paint: Option<Paint>,
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(foreign: T) -> Self {
        Self { text: text::line(foreign.as_ref()), paint: None }
    }
}

impl Cell {
    pub(super) fn painted(foreign: impl AsRef<str>, paint: Paint) -> Self {
        Self { text: text::line(foreign.as_ref()), paint: Some(paint) }
    }
}

/// Rows under a heading; the last column takes what is left of the line.
pub(super) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new<const N: usize>(heads: [&'static str; N]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.heads.len());
        self.rows.push(cells.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text. On a terminal a line that is too long ends in `…`; in a pipe nothing is cut.
    pub(super) fn render(&self, output: &Output) -> String {
        let columns = self.heads.len();
        let mut widths: Vec<usize> = self.heads.iter().map(|head| head.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        let before: usize = widths.iter().take(columns.saturating_sub(1)).map(|width| width + 2).sum();
        let last = output.width().map(|width| width.saturating_sub(before).max(8));
        let heads: Vec<Cell> = self.heads.iter().map(|head| Cell::painted(head, Paint::Dim)).collect();
        let mut lines = String::new();
        for row in std::iter::once(&heads).chain(&self.rows) {
            for (index, cell) in row.iter().enumerate() {
                if index + 1 == columns {
                    lines.push_str(&output.paint(&cut(&cell.text, last), cell.paint));
                } else {
                    lines.push_str(&output.paint(&cell.text, cell.paint));
                    let gap = if row.get(index + 1..).is_some_and(|rest| rest.iter().all(|c| c.text.is_empty())) {
                        0
                    } else {
                        widths[index] - cell.text.width() + 2
                    };
                    lines.extend(std::iter::repeat_n(' ', gap));
                }
            }
            lines.push('\n');
        }
        lines
    }
}

fn cut(text: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if text.width() > width => {
            let mut short = String::new();
            for c in text.chars() {
                if short.width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) + 1 > width {
                    break;
                }
                short.push(c);
            }
            short.push('…');
            short
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_also_with_wide_letters_and_nothing_trails() {
        let mut table = Table::new(["NAME", "STATE", "WHY"]);
        table.row(["患者".into(), Cell::painted("● OK", Paint::Good), "".into()]);
        table.row(["patient-api".into(), "DOWN".into(), "a\nb".into()]);
        let expected = "NAME         STATE  WHY\n患者         ● OK\npatient-api  DOWN   a b\n";
        assert_eq!(table.render(&Output::plain()), expected);
    }

    #[test]
    fn what_is_too_long_is_cut_visibly() {
        assert_eq!(cut("abcdef", Some(4)), "abc…");
        assert_eq!(cut("患者患者", Some(5)), "患者…");
        assert_eq!(cut("abcd", Some(4)), "abcd");
    }
}
