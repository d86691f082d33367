//! How incidents went: counts, medians with their intervals, what changes broke, incidents by week, and the times to resolve
//! beside their targets.
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
use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::{
    domain::{Clock, Group, IncidentTimes, Median, Metrics, Severity, Share, Start, TimeFigures},
    platform::{Profile, count},
    tui::{marks::Marks, measure::Reach, model::Model, text, theme::Role},
};

/// Rows of the bars.
const BARS: usize = 4;
/// Columns left of a plot.
const AXIS: usize = 7;
/// Columns of the strip of times, at most.
const STRIP: usize = 60;
/// Width from which there is room for n beside each median.
const WIDE: usize = 108;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inside = canvas.frame(area, "Metrics", "", true);
    let mut lines = vec![windows(model)];
    match model.measured.figures() {
        None => lines.push(vec![(Role::Muted, "  being worked out …".to_owned())]),
        Some(found) => lines.extend(figures(found, model.measured.reach, usize::from(inside.width), model.marks)),
    }
    canvas.page(inside, &lines, model.scroll);
}

fn windows(model: &Model) -> Vec<Piece> {
    let reach = model.measured.reach;
    let mut line = vec![(Role::Title, " The last ".to_owned())];
    for each in Reach::ALL {
        let (role, name) = match each == reach {
            true => (Role::Focus, format!("[{} days] ", each.days())),
            false => (Role::Muted, format!("{} days ", each.days())),
        };
        line.push((role, name));
    }
    line.extend([(Role::Key, model.key("reach")), (Role::Muted, " the next".to_owned())]);
    line
}

fn figures(found: &Metrics, reach: Reach, columns: usize, marks: Marks) -> Vec<Vec<Piece>> {
    let mut lines = headline(found);
    if found.incidents.is_empty() {
        lines.push(Vec::new());
        lines.push(vec![(Role::Ok, " ● no incident in this time".to_owned())]);
        return lines;
    }
    lines.push(Vec::new());
    lines.extend(by_severity(found, columns));
    lines.push(Vec::new());
    lines.extend(weeks(found, reach, columns, marks));
    lines.push(Vec::new());
    lines.extend(resolved(found, columns));
    lines.push(Vec::new());
    lines.extend(by_service(found, columns));
    lines
}

fn headline(found: &Metrics) -> Vec<Vec<Piece>> {
    let all = &found.all;
    let mut lines = Vec::new();
    if found.begins == Start::Journal {
        let began =
            format!(" ▲ nothing is known before {}: the journal begins there", found.from.format("%Y-%m-%d %H:%MZ"));
        lines.push(vec![(Role::Warn, began)]);
    }
    if found.profile == Profile::Drill {
        lines.push(vec![(Role::Planned, " a platform for drills: none of it happened to users".to_owned())]);
    }
    let mut line = vec![(Role::Title, format!(" {}", count(all.incidents, "incident")))];
    if all.open > 0 {
        line.push((Role::Warn, format!(" · {} open", all.open)));
    }
    if all.reopened > 0 {
        line.push((Role::Warn, format!(" · {} came back", all.reopened)));
    }
    lines.push(line);
    let changes = &found.change_failures;
    lines.push(vec![
        (Role::Text, " changes that broke something: ".to_owned()),
        (if changes.count > 0 { Role::Warn } else { Role::Text }, share(changes)),
    ]);
    lines
}

/// `2 of 17: 12 % (3–34)`.
fn share(share: &Share) -> String {
    let percent = |part: f64| format!("{:.0}", part * 100.0);
    match (share.share, share.low, share.high) {
        (Some(part), Some(low), Some(high)) => {
            format!("{} of {}: {} % ({}–{})", share.count, share.of, percent(part), percent(low), percent(high))
        }
        _ if share.of == 0 => "none was made".to_owned(),
        _ => format!("{} of {}: not enough data", share.count, share.of),
    }
}

fn by_severity(found: &Metrics, columns: usize) -> Vec<Vec<Piece>> {
    let wide = columns >= WIDE;
    let column = columns.saturating_sub(11) / 4;
    let head = ["TTD", "TTA", "RESPOND", "RESOLVE"].map(|name| text::left(name, column)).concat();
    let mut lines = vec![vec![(Role::Muted, format!(" {}{:>4} {head}", text::left("", 5), "N"))]];
    let all = ("all", &found.all);
    let rows = found.severities.iter().map(|group| (group.name.as_str(), &group.figures)).chain([all]);
    for (name, figures) in rows {
        let mut line = vec![(Role::Title, format!(" {}", text::left(name, 5)))];
        line.push((Role::Text, format!("{:>4} ", figures.incidents)));
        for median in [&figures.detect, &figures.acknowledge, &figures.respond, &figures.resolve] {
            let role = if median.median_seconds.is_some() { Role::Text } else { Role::Muted };
            line.push((role, text::left(&words(median, figures, wide), column)));
        }
        lines.push(line);
    }
    let means = format!(
        "a median, in brackets what holds the true one with 95 %; under {} cases there is not enough data",
        found.enough
    );
    let means = text::wrap(&means, columns.saturating_sub(2)).into_iter();
    lines.extend(means.map(|line| vec![(Role::Muted, format!(" {line}"))]));
    lines
}

/// `12m (4m–59m)`, or that there are too few cases.
fn words(median: &Median, figures: &TimeFigures, wide: bool) -> String {
    let n = if wide && figures.incidents > 0 { format!(" n {}", median.count) } else { String::new() };
    match (median.median_seconds, median.low_seconds, median.high_seconds) {
        (Some(middle), Some(low), Some(high)) => {
            let [middle, low, high] = [middle, low, high].map(|seconds| time(seconds, wide));
            format!("{middle} ({low}–{high}){n}")
        }
        _ if figures.incidents == 0 => "—".to_owned(),
        _ => format!("not enough data{n}"),
    }
}

fn time(seconds: f64, precise: bool) -> String {
    let delta = TimeDelta::seconds(whole(seconds));
    match seconds {
        ..1.0 => "<1s".to_owned(),
        _ if precise => text::span(delta).replace(' ', ""),
        _ => text::short(delta),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is too large stops at the largest number")]
fn whole(seconds: f64) -> i64 {
    (seconds.round() as i64).clamp(0, i64::from(u32::MAX))
}

/// Incidents by week: bars for all of them, and below them how many of each severity.
fn weeks(found: &Metrics, reach: Reach, columns: usize, marks: Marks) -> Vec<Vec<Piece>> {
    let weeks = usize::try_from(reach.days().unsigned_abs().div_ceil(7)).unwrap_or(1);
    let cell = (columns.saturating_sub(AXIS + 2) / weeks).clamp(1, 6);
    let week_of = |times: &IncidentTimes| {
        let ago = usize::try_from((found.to - times.detected_at).num_days() / 7).unwrap_or(0);
        weeks - 1 - ago.min(weeks - 1)
    };
    let mut counts = vec![[0_usize; 4]; weeks];
    for times in &found.incidents {
        counts[week_of(times)][usize::from(times.severity.number() - 1)] += 1;
    }
    let totals: Vec<usize> = counts.iter().map(|week| week.iter().sum()).collect();
    let most = totals.iter().copied().max().unwrap_or(1).max(1);
    let mut lines =
        vec![vec![(Role::Title, " Incidents by week".to_owned()), (Role::Muted, format!(", at most {most} in one"))]];
    for row in (0..BARS).rev() {
        let label = if row == BARS - 1 { format!("{most:>4} ┤") } else { "     │".to_owned() };
        let mut bars = String::new();
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
            bars.push_str(&block.repeat(cell - gap));
            bars.push_str(&" ".repeat(gap));
        }
        lines.push(vec![(Role::Muted, format!(" {label}")), (Role::Text, bars)]);
    }
    lines.push(vec![(Role::Muted, format!("    0 ┴{}", "─".repeat(cell * weeks)))]);
    for severity in Severity::ALL {
        let place = usize::from(severity.number() - 1);
        let mut row = String::new();
        for week in &counts {
            let number = match week[place] {
                0 => "·".to_owned(),
                many if cell == 1 && many > 9 => "+".to_owned(),
                many => many.to_string(),
            };
            row.push_str(&text::left(&number, cell));
        }
        lines.push(vec![(Role::Muted, format!(" {severity}  ")), (Role::Text, row)]);
    }
    let from = (found.to - TimeDelta::weeks(i64::try_from(weeks).unwrap_or(1))).format("%m-%d").to_string();
    let gap = (cell * weeks).saturating_sub(from.len() + 3);
    lines.push(vec![(Role::Muted, format!("{}{from}{}now", " ".repeat(AXIS), " ".repeat(gap)))]);
    lines
}

/// Each incident's time to resolve on a line from nothing to twice its target.
fn resolved(found: &Metrics, columns: usize) -> Vec<Vec<Piece>> {
    let strip = columns.saturating_sub(AXIS + 36).clamp(16, STRIP);
    let mut lines = vec![vec![
        (Role::Title, " Time to resolve beside the target".to_owned()),
        (Role::Muted, ", a ● for each incident, a digit for several".to_owned()),
    ]];
    for (severity, group) in Severity::ALL.into_iter().zip(&found.severities) {
        let target = severity.target(Clock::Resolve).as_secs_f64();
        let of = found.incidents.iter().filter(|times| times.severity == severity);
        let times: Vec<f64> = of.filter_map(|times| times.resolve_seconds).collect();
        let (marks, beyond) = marks(&times, target, strip);
        let mut tail = format!(" target {}", text::short(TimeDelta::seconds(whole(target))));
        let in_time = &group.figures.resolved_in_time;
        if in_time.of > 0 {
            let _ = write!(tail, " · {} of {} in time", in_time.count, in_time.of);
        }
        let mut line = vec![(Role::Muted, format!(" {severity}  "))];
        line.extend(marks);
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
fn marks(times: &[f64], target: f64, strip: usize) -> (Vec<Piece>, usize) {
    let half = strip / 2;
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
            0 if place == half => (Role::Text, "┼".to_owned()),
            0 => (Role::Muted, "─".to_owned()),
            1 => (role, "●".to_owned()),
            2..=9 => (role, count.to_string()),
            _ => (role, "+".to_owned()),
        }
    };
    (held.into_iter().enumerate().map(|(place, count)| sign(place, count)).collect(), beyond)
}

fn by_service(found: &Metrics, columns: usize) -> Vec<Vec<Piece>> {
    let wide = columns >= WIDE;
    let mut hit: Vec<&Group> = found.services.iter().filter(|group| group.figures.incidents > 0).collect();
    hit.sort_by_key(|group| std::cmp::Reverse(group.figures.incidents));
    let name = columns.saturating_sub(48 + if wide { 14 } else { 0 }).clamp(12, 40);
    let resolve = if wide { 30 } else { 16 };
    let mut lines = vec![vec![(
        Role::Muted,
        format!(
            " {}{:>4}  {}{:>9}{:>7}  MTBF",
            text::left("SERVICE", name),
            "N",
            text::left("RESOLVE", resolve),
            "DOWN",
            "FAILED"
        ),
    )]];
    for group in &hit {
        let (down, failures, between) = match &group.between {
            Some(between) => (
                time(between.down_seconds, false),
                between.failures,
                between.mtbf_seconds.map_or_else(|| "too few".to_owned(), |seconds| time(seconds, false)),
            ),
            None => ("—".to_owned(), 0, "—".to_owned()),
        };
        let down = if failures == 0 { "—".to_owned() } else { down };
        lines.push(vec![
            (Role::Text, format!(" {}", text::left(&group.name, name))),
            (Role::Text, format!("{:>4}  ", group.figures.incidents)),
            (Role::Text, text::left(&words(&group.figures.resolve, &group.figures, wide), resolve)),
            (Role::Text, format!("{down:>9}{failures:>7}  ")),
            (Role::Muted, between),
        ]);
    }
    let quiet = found.services.len() - hit.len();
    if quiet > 0 {
        lines.push(vec![(Role::Muted, format!(" {} without an incident", count(quiet, "service")))]);
    }
    lines
}
