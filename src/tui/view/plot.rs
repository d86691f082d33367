//! Plots: values over a time as an area above an axis with its unit; what is not known is a gap. In braille, and in characters that
//! every terminal has.
//!
//! ```text
//!   500 ms ┤        ⣀⣠⣤⣤⡀                     500 ms |        .##.
//!          │⣀⣀⣀⣀⣀⣀⣀⣀⣿⣿⣿⣿⣇⣀⣀⣀⣀                        |________####____
//!        0 └────────▀▀▀▀▀────                        0 +--------=====----
//!           24h ago INC-1  now                          24h ago INC-1  now
//! ```

use chrono::{DateTime, TimeDelta, Utc};

use super::canvas::Piece;
use crate::tui::{marks::Marks, text, theme::Role};

/// Columns left of a plot, its axis included.
pub(super) const AXIS: usize = 11;
/// Points of braille from the bottom of a character to its top, to the left and to the right.
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

/// Values over a time.
pub(super) struct Plot<'a> {
    /// The values, at equal distances; none where nothing is known.
    pub values: &'a [Option<f64>],
    /// A value with its unit.
    pub unit: &'a dyn Fn(f64) -> String,
    /// The least that the top of the plot stands for.
    pub least: f64,
    /// How the area looks.
    pub role: Role,
}

/// A span of the time that is marked on the axis, such as an incident.
pub(super) struct Marked {
    /// From its beginning.
    pub from: DateTime<Utc>,
    /// To its end.
    pub until: DateTime<Utc>,
    /// What it is called.
    pub name: String,
}

/// The area in so many columns and rows, with the top of the scale at the axis.
pub(super) fn area(plot: &Plot, columns: usize, rows: usize, marks: Marks) -> Vec<Vec<Piece>> {
    let room = columns.saturating_sub(AXIS).max(1);
    let most = plot.values.iter().flatten().copied().fold(plot.least, f64::max);
    let top = round_up(most);
    let body = match marks {
        Marks::Braille => braille(plot.values, top, room, rows),
        Marks::Plain => plain(plot.values, top, room, rows),
    };
    let axis = |first: bool| match (marks, first) {
        (Marks::Braille, true) => "┤",
        (Marks::Braille, false) => "│",
        (Marks::Plain, _) => "|",
    };
    let label = |row: usize| if row == 0 { (plot.unit)(top) } else { String::new() };
    body.into_iter()
        .enumerate()
        .map(|(row, line)| {
            vec![(Role::Muted, format!("{} {}", text::right(&label(row), AXIS - 2), axis(row == 0))), (plot.role, line)]
        })
        .collect()
}

/// The axis below it from `from` to `until`, which is so `long`, with what is marked, and in words below that.
pub(super) fn axis(
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    long: &str,
    marked: &[Marked],
    columns: usize,
    marks: Marks,
) -> Vec<Vec<Piece>> {
    let room = columns.saturating_sub(AXIS).max(1);
    let (corner, line, mark) = match marks {
        Marks::Braille => ("└", "─", "▀"),
        Marks::Plain => ("+", "-", "="),
    };
    let place = |at: DateTime<Utc>| place_of(at, from, until, room);
    let spans: Vec<(usize, usize, &str)> = marked
        .iter()
        .filter(|one| one.until >= from && one.from <= until)
        .map(|one| (place(one.from), place(one.until), one.name.as_str()))
        .collect();
    let is_marked = |column: usize| spans.iter().any(|(start, end, _)| (*start..=*end).contains(&column));
    let mut pieces = vec![(Role::Muted, format!("{} {corner}", text::right("0", AXIS - 2)))];
    for column in 0..room {
        pieces.push(if is_marked(column) { (Role::Bad, mark.to_owned()) } else { (Role::Muted, line.to_owned()) });
    }
    let ends = format!("{long} ago");
    let mut words: Vec<Piece> = vec![(Role::Muted, format!("{}{ends}", " ".repeat(AXIS)))];
    let mut used = text::width(&ends);
    let last = room.saturating_sub(4);
    for (start, _, name) in &spans {
        let at = (*start).max(used + 2);
        if at + text::width(name) < last {
            words.push((Role::Text, " ".repeat(at - used)));
            words.push((Role::Bad, (*name).to_owned()));
            used = at + text::width(name);
        }
    }
    words.push((Role::Muted, format!("{}now", " ".repeat(room.saturating_sub(used + 3)))));
    vec![pieces, words]
}

/// The column of a moment.
fn place_of(at: DateTime<Utc>, from: DateTime<Utc>, until: DateTime<Utc>, columns: usize) -> usize {
    let whole = (until - from).num_seconds().max(1).unsigned_abs();
    let part = (at - from).clamp(TimeDelta::zero(), until - from).num_seconds().unsigned_abs();
    let columns = columns as u64;
    usize::try_from((part * columns / whole).min(columns - 1)).unwrap_or(0)
}

/// The next of 1, 2, 5, 10, 20, 50 … that is not below it.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let tens = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * tens).find(|step| *step >= value * 0.999_999).unwrap_or(value)
}

/// The value that stands in a column: the greatest of those that share it.
fn value_in(values: &[Option<f64>], column: usize, columns: usize) -> Option<f64> {
    let from = column * values.len() / columns;
    let until = ((column + 1) * values.len() / columns).max(from + 1);
    values.get(from..until.min(values.len()))?.iter().flatten().copied().reduce(f64::max)
}

/// How many of `steps` a value reaches; what is known reaches one.
fn level(value: f64, top: f64, steps: usize) -> usize {
    let share = (value / top).clamp(0.0, 1.0);
    let steps_as = u32::try_from(steps).unwrap_or(u32::MAX);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a few rows")]
    let reached = (share * f64::from(steps_as)).ceil() as usize;
    reached.clamp(1, steps.max(1))
}

fn braille(values: &[Option<f64>], top: f64, columns: usize, rows: usize) -> Vec<String> {
    let level_at = |column| value_in(values, column, columns * 2).map_or(0, |value| level(value, top, rows * 4));
    let cell = |column: usize, row: usize| {
        let below = (rows - 1 - row) * 4;
        let mut sign = 0x2800;
        for (side, dots) in DOTS.iter().enumerate() {
            let reached = level_at(column * 2 + side).saturating_sub(below).min(4);
            sign |= dots[..reached].iter().fold(0, |all, dot| all | dot);
        }
        if sign == 0x2800 { ' ' } else { char::from_u32(sign).unwrap_or(' ') }
    };
    (0..rows).map(|row| (0..columns).map(|column| cell(column, row)).collect()).collect()
}

fn plain(values: &[Option<f64>], top: f64, columns: usize, rows: usize) -> Vec<String> {
    let cell = |column: usize, row: usize| {
        let Some(value) = value_in(values, column, columns) else { return ' ' };
        let below = (rows - 1 - row) * 2;
        match level(value, top, rows * 2).saturating_sub(below) {
            0 => ' ',
            1 if below == 0 => '_',
            1 => '.',
            _ => '#',
        }
    };
    (0..rows).map(|row| (0..columns).map(|column| cell(column, row)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[Option<f64>], marks: Marks) -> Vec<String> {
        let plot = Plot { values, unit: &|value| format!("{value:.0} ms"), least: 10.0, role: Role::Text };
        let lines = area(&plot, AXIS + 8, 2, marks);
        lines.into_iter().map(|line| line.into_iter().map(|(_, piece)| piece).collect()).collect()
    }

    #[test]
    fn a_gap_is_no_zero_and_the_top_of_the_scale_is_said() {
        let values = [Some(0.0), Some(0.0), None, None, Some(20.0), Some(20.0), Some(5.0), Some(0.0)];
        assert_eq!(drawn(&values, Marks::Plain), ["    20 ms |    ##  ", "          |__  ##__"]);
        assert_eq!(drawn(&values, Marks::Braille), ["    20 ms ┤    ⣿⣿  ", "          │⣀⣀  ⣿⣿⣤⣀"]);
    }

    #[test]
    fn the_greatest_of_what_shares_a_column_is_shown() {
        let mut values = vec![Some(1.0); 800];
        values[401] = Some(100.0);
        assert!(drawn(&values, Marks::Plain)[0].contains('#'));
        assert!(drawn(&values, Marks::Plain)[0].starts_with("   100 ms"));
    }

    #[test]
    fn an_incident_is_marked_where_it_was() {
        let until: DateTime<Utc> = "2026-01-15T14:00:00Z".parse().unwrap();
        let hours = TimeDelta::hours;
        let marked = [Marked { from: until - hours(6), until: until - hours(3), name: "INC-1".to_owned() }];
        let lines = axis((until - hours(24), until), "24h", &marked, AXIS + 48, Marks::Plain);
        let [line, words] = [0, 1].map(|row| lines[row].iter().map(|(_, piece)| piece.as_str()).collect::<String>());
        assert_eq!(line.find('='), Some(AXIS + 36));
        assert_eq!(line.matches('=').count(), 7);
        assert_eq!(words.find("INC-1"), Some(AXIS + 36));
        assert!(words.ends_with("now") && text::width(&words) == AXIS + 48, "{words:?}");
        let other = [Marked { from: until - hours(60), until: until - hours(50), name: "INC-0".to_owned() }];
        assert!(
            !axis((until - hours(24), until), "24h", &other, 60, Marks::Plain)[0]
                .iter()
                .any(|(role, _)| *role == Role::Bad)
        );
    }

    #[test]
    fn scales_end_at_round_figures() {
        assert_eq!([0.0, 0.3, 1.0, 1.2, 7.0, 480.0].map(round_up), [1.0, 0.5, 1.0, 2.0, 10.0, 500.0]);
    }
}
