//! Markdown of a document on a screen: headings, tables with their columns below each other, and text without the signs around it.

use super::canvas::Piece;
use crate::tui::{text, theme::Role};

/// Columns between those of a table.
const GAP: usize = 2;
/// Fewest columns of the last column of a table.
const LAST: usize = 12;

/// A document in lines of at most so many columns, where words can be broken.
pub(super) fn lines(content: &str, columns: usize) -> Vec<Vec<Piece>> {
    let mut all: Vec<Vec<Piece>> = Vec::new();
    let mut rest = content.lines().peekable();
    let mut is_verbatim = false;
    while let Some(line) = rest.next() {
        if line.starts_with("```") {
            is_verbatim = !is_verbatim;
        } else if is_verbatim {
            all.extend(wrapped(Role::Text, line, columns));
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(line) = rest.next_if(|line| line.starts_with('|')) {
                rows.push(cells(line));
            }
            all.extend(table(&rows, columns));
        } else if let Some(heading) = line.strip_prefix('#') {
            all.extend(wrapped(Role::Title, &plain(heading.trim_start_matches('#').trim_start()), columns));
        } else {
            let is_loud = line.starts_with("**") && line.ends_with("**");
            all.extend(wrapped(if is_loud { Role::Title } else { Role::Text }, &plain(line), columns));
        }
    }
    all
}

fn wrapped(role: Role, line: &str, columns: usize) -> Vec<Vec<Piece>> {
    if text::width(line) <= columns {
        return vec![vec![(role, text::clean(line))]];
    }
    text::wrap(line, columns).into_iter().map(|line| vec![(role, line)]).collect()
}

/// Text without the signs that make it bold or code, and with those that were meant.
fn plain(line: &str) -> String {
    let mut shown = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => shown.extend(chars.next()),
            '*' | '`' => {}
            c => shown.push(c),
        }
    }
    shown
}

/// The cells of a line of a table.
fn cells(line: &str) -> Vec<String> {
    let inside = line.trim().trim_start_matches('|');
    let mut cells = vec![String::new()];
    let mut is_escaped = false;
    for c in inside.chars() {
        if c == '|' && !is_escaped {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            cell.push(c);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    cells.pop();
    cells.iter().map(|cell| plain(cell.trim())).collect()
}

/// The rows of a table, its headings first where it has some.
fn table(rows: &[Vec<String>], columns: usize) -> Vec<Vec<Piece>> {
    let is_rule = |row: &Vec<String>| row.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| "-:".contains(c)));
    let has_head = rows.get(1).is_some_and(is_rule);
    let is_shown = |row: &&Vec<String>| !is_rule(row) && row.iter().any(|cell| !cell.is_empty());
    let most = |place: usize| {
        let wide =
            rows.iter().filter(|row| !is_rule(row)).filter_map(|row| row.get(place)).map(|cell| text::width(cell));
        wide.max().unwrap_or(0)
    };
    let places = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..places).map(most).collect();
    let Some((last, others)) = widths.split_last_mut() else { return Vec::new() };
    // What is widest gives way first, as far as the last one needs it.
    let wanted = (*last).clamp(1, LAST);
    while others.iter().sum::<usize>() + others.len() * GAP + wanted > columns {
        match others.iter_mut().max() {
            Some(widest) if *widest > LAST => *widest -= 1,
            _ => break,
        }
    }
    *last = columns.saturating_sub(others.iter().sum::<usize>() + others.len() * GAP).max(wanted);
    let mut lines = Vec::new();
    for (place, row) in rows.iter().enumerate().filter(|(_, row)| is_shown(row)) {
        let role = if has_head && place == 0 { Role::Muted } else { Role::Text };
        let broken: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, width)| text::wrap(cell, *width)).collect();
        let height = broken.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let cell = |(lines, width): (&Vec<String>, &usize)| {
                text::left(lines.get(line).map_or("", String::as_str), *width + GAP)
            };
            let words: String = broken.iter().zip(&widths).map(cell).collect();
            lines.push(vec![(role, words.trim_end().to_owned())]);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content: &str, columns: usize) -> Vec<String> {
        lines(content, columns).into_iter().map(|line| line.into_iter().map(|(_, words)| words).collect()).collect()
    }

    #[test]
    fn tables_stand_in_columns_without_their_bars() {
        let page = "# RUN-1: a\n\n**at see**\n\n| | |\n|---|---|\n| Book | RB\\_02 |\n| Begun by | a \\| b |\n";
        assert_eq!(shown(page, 40), ["RUN-1: a", "", "at see", "", "Book      RB_02", "Begun by  a | b"]);
    }

    #[test]
    fn cells_that_are_too_wide_are_broken_and_none_is_cut() {
        let page = "| | Step | How |\n|---|---|---|\n| 1 | See what the engine sees | waiting for a person |\n";
        let lines = shown(page, 34);
        assert!(lines.iter().all(|line| text::width(line) <= 34), "{lines:?}");
        let all = lines.join(" ");
        for word in "See what the engine sees waiting for a person".split(' ') {
            assert!(all.contains(word), "{word} in {lines:?}");
        }
    }

    #[test]
    fn what_is_code_stays_as_it_is() {
        assert_eq!(shown("```\n| a |  *b*\n```\nthe `end`", 40), ["| a |  *b*", "the end"]);
    }
}
