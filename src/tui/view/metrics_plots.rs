//! How incidents went over time: bars by hour, day or week, and the times to resolve beside their targets.
//!
//! ```text
//!   3 ┤      ▆▆▆                       SEV1  ──●●─●───┼──────»2   target 30m
//!     │ ▃▃▃  ███  ▃▃▃                        0      target   twice
//!   0 ┴──────────────────
//! SEV1   1    ·    2
//!     11-20         now
//! ```

use std::fmt::Write as _;

use chrono::TimeDelta;

use super::{canvas::Piece, metrics::whole};
use crate::{
    domain::{Clock, IncidentTimes, Metrics, Severity, Start},
    tui::{marks::Marks, measure::Reach, text, theme::Role},
};

/// Rows of the bars.
const BARS: usize = 4;
/// Columns left of a plot.
const AXIS: usize = 7;
/// Columns of the strip of times, at most.
const STRIP: usize = 60;

/// How long a bar is, what that is called, and how many there are at least.
fn bars_of(found: &Metrics, reach: Reach) -> (TimeDelta, &'static str, i64) {
    let known = match found.begins {
        Start::Asked => TimeDelta::days(reach.days()),
        Start::Journal => found.to - found.from,
    };
    let (long, name, least) = match known.num_days() {
        0..2 => (TimeDelta::hours(1), "hour", 12),
        2..21 => (TimeDelta::days(1), "day", 14),
        _ => (TimeDelta::weeks(1), "week", 4),
    };
    let all = (known.num_seconds() + long.num_seconds() - 1) / long.num_seconds().max(1);
    (long, name, all.max(least))
}

/// Incidents by week, or by what is shorter as long as little is known: bars for all of them, and below them how many of each severity.
pub(super) fn over_time(found: &Metrics, reach: Reach, columns: usize, marks: Marks) -> Vec<Vec<Piece>> {
    let (long, name, all) = bars_of(found, reach);
    let bars = usize::try_from(all).unwrap_or(1);
    let cell = (columns.saturating_sub(AXIS + 2) / bars).clamp(1, 6);
    let bar_of = |times: &IncidentTimes| {
        let ago = (found.to - times.detected_at).num_seconds().max(0) / long.num_seconds().max(1);
        let ago = usize::try_from(ago).unwrap_or(0);
        bars - 1 - ago.min(bars - 1)
    };
    let mut counts = vec![[0_usize; 4]; bars];
    for times in &found.incidents {
        counts[bar_of(times)][usize::from(times.severity.number() - 1)] += 1;
    }
    let totals: Vec<usize> = counts.iter().map(|bar| bar.iter().sum()).collect();
    let most = totals.iter().copied().max().unwrap_or(1).max(1);
    let mut lines =
        vec![vec![(Role::Title, format!(" Incidents by {name}")), (Role::Muted, format!(", at most {most} in one"))]];
    for row in (0..BARS).rev() {
        let label = match (marks, row == BARS - 1) {
            (Marks::Braille, true) => format!("{most:>4} ┤"),
            (Marks::Braille, false) => "     │".to_owned(),
            (Marks::Plain, true) => format!("{most:>4} |"),
            (Marks::Plain, false) => "     |".to_owned(),
        };
        let mut drawn = String::new();
        for total in &totals {
            // In eighths of a row: what one week has, above what the rows below show of it.
            let level = (total * BARS * 8).div_ceil(most).saturating_sub(row * 8).min(8);
            let block = match (marks, level) {
                (Marks::Braille, level) => [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"][level],
                (Marks::Plain, 0) => " ",
                (Marks::Plain, 1..=3) => "_",
                (Marks::Plain, 4..=6) => "=",
                (Marks::Plain, _) => "#",
            };
            let gap = usize::from(cell > 1);
            drawn.push_str(&block.repeat(cell - gap));
            drawn.push_str(&" ".repeat(gap));
        }
        lines.push(vec![(Role::Muted, format!(" {label}")), (Role::Text, drawn)]);
    }
    let (corner, line) = if marks == Marks::Braille { ("┴", "─") } else { ("+", "-") };
    lines.push(vec![(Role::Muted, format!("    0 {corner}{}", line.repeat(cell * bars)))]);
    for severity in Severity::ALL {
        let place = usize::from(severity.number() - 1);
        let mut row = String::new();
        for bar in &counts {
            let number = match bar[place] {
                0 => "·".to_owned(),
                many if cell == 1 && many > 9 => "+".to_owned(),
                many => many.to_string(),
            };
            row.push_str(&text::left(&number, cell));
        }
        lines.push(vec![(Role::Muted, format!(" {severity}  ")), (Role::Text, row)]);
    }
    let from = found.to - TimeDelta::seconds(long.num_seconds().saturating_mul(all));
    let from = from.format(if name == "hour" { "%H:%MZ" } else { "%m-%d" }).to_string();
    let gap = (cell * bars).saturating_sub(from.len() + 3);
    lines.push(vec![(Role::Muted, format!("{}{from}{}now", " ".repeat(AXIS), " ".repeat(gap)))]);
    lines
}

/// Each incident's time to resolve on a line from nothing to twice its target.
pub(super) fn resolved(found: &Metrics, columns: usize, marks: Marks) -> Vec<Vec<Piece>> {
    if found.all.resolve.count == 0 {
        return Vec::new();
    }
    let one = if marks == Marks::Braille { "●" } else { "o" };
    let strip = columns.saturating_sub(AXIS + 36).clamp(16, STRIP);
    let mut lines = vec![vec![
        (Role::Title, " Time to resolve beside the target".to_owned()),
        (Role::Muted, format!(": {one} for each incident, a digit for several")),
    ]];
    for (severity, group) in Severity::ALL.into_iter().zip(&found.severities) {
        let target = severity.target(Clock::Resolve).as_secs_f64();
        let of = found.incidents.iter().filter(|times| times.severity == severity);
        let times: Vec<f64> = of.filter_map(|times| times.resolve_seconds).collect();
        let (placed, beyond) = placed(&times, target, strip, marks);
        let mut tail = format!(" target {}", text::short(TimeDelta::seconds(whole(target))));
        let in_time = &group.figures.resolved_in_time;
        if in_time.of > 0 {
            let _ = write!(tail, " · {} of {} in time", in_time.count, in_time.of);
        }
        let mut line = vec![(Role::Muted, format!(" {severity}  "))];
        line.extend(placed);
        line.push(match beyond {
            0 => (Role::Muted, "     ".to_owned()),
            more => (Role::Bad, text::left(&format!("»{more}"), 5)),
        });
        line.push((Role::Text, tail));
        lines.push(line);
    }
    let half = strip / 2;
    let middle = text::left("0", half.saturating_sub(2)) + "target";
    let axis = text::left(&middle, strip) + "» longer than twice the target";
    lines.push(vec![(Role::Muted, format!("{}{axis}", " ".repeat(AXIS)))]);
    lines
}

/// The strip of one severity, and how many took longer than it reaches.
fn placed(times: &[f64], target: f64, strip: usize, marks: Marks) -> (Vec<Piece>, usize) {
    let half = strip / 2;
    let (cross, dash, one) = if marks == Marks::Braille { ("┼", "─", "●") } else { ("+", "-", "o") };
    let mut held = vec![0_usize; strip];
    let mut beyond = 0;
    for seconds in times {
        let place = usize::try_from(whole(seconds / target * 1000.0)).unwrap_or(usize::MAX).saturating_mul(half) / 1000;
        match held.get_mut(place) {
            Some(count) => *count += 1,
            None => beyond += 1,
        }
    }
    let sign = |place: usize, count: usize| {
        // What is right of the target is late.
        let role = if place >= half { Role::Bad } else { Role::Ok };
        match count {
            0 if place == half => (Role::Text, cross.to_owned()),
            0 => (Role::Muted, dash.to_owned()),
            1 => (role, one.to_owned()),
            2..=9 => (role, count.to_string()),
            _ => (role, "+".to_owned()),
        }
    };
    (held.into_iter().enumerate().map(|(place, count)| sign(place, count)).collect(), beyond)
}
