//! How incidents went: what is known, from the first incident on, and what is not known yet and when it will be. Tables on the
//! left, how it went over time on the right, or one below the other.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    metrics_plots, page,
};
use crate::{
    domain::{Clock, Group, IncidentTimes, Median, Metrics, Recovery, Severity, Share, Start, Status, TimeFigures},
    platform::{Profile, count},
    tui::{measure::Reach, model::Model, text, theme::Role},
};

/// Columns from which tables and plots stand beside each other, and between them.
const TWO: usize = 130;
const GAP: usize = 3;
/// Columns below which only the times that matter most have room.
const NARROW: usize = 60;
/// Columns of the word before what is said.
const LABEL: usize = 11;
/// Cases up to which each is told.
const FEW: usize = 2;
/// Width from which there is room for n beside each median.
const WIDE: usize = 108;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inside = canvas.frame(area, "Metrics", "", true);
    let mut lines = vec![windows(model, usize::from(inside.width))];
    match model.measured.figures() {
        None => lines.push(vec![(Role::Muted, "  being worked out …".to_owned())]),
        Some(found) => lines.extend(figures(model, found, usize::from(inside.width))),
    }
    canvas.page(inside, &lines, model.scroll);
}

fn windows(model: &Model, columns: usize) -> Vec<Piece> {
    let reach = model.measured.reach;
    let unit = if columns < NARROW { "d" } else { " days" };
    let mut line = vec![(Role::Title, " The last ".to_owned())];
    for each in Reach::ALL {
        let (role, name) = match each == reach {
            true => (Role::Focus, format!("[{}{unit}] ", each.days())),
            false => (Role::Muted, format!("{}{unit} ", each.days())),
        };
        line.push((role, name));
    }
    line.extend([(Role::Key, model.key("reach")), (Role::Muted, " the next".to_owned())]);
    line
}

/// What is known on the left and how it went over time on the right, or one below the other.
fn figures(model: &Model, found: &Metrics, columns: usize) -> Vec<Vec<Piece>> {
    let mut lines = headline(found, columns);
    lines.push(Vec::new());
    let (reach, marks) = (model.measured.reach, model.marks);
    let half = if columns >= TWO { (columns - GAP) / 2 } else { columns };
    let plots = match found.incidents.is_empty() {
        true => Vec::new(),
        false => vec![metrics_plots::over_time(found, reach, half, marks), metrics_plots::resolved(found, half, marks)],
    };
    let services = if found.incidents.is_empty() { Vec::new() } else { by_service(found, half) };
    let tables = [by_severity(found, half), services];
    let rest = [missing(found, reach, half), so_far(model, found, half)];
    if columns < TWO {
        let all = tables.into_iter().chain(plots).chain(rest).collect();
        lines.extend(one_below_the_other(all));
        return lines;
    }
    let [severities, services] = tables;
    let [missing, so_far] = rest;
    let left = one_below_the_other(vec![severities, services, missing]);
    let right = one_below_the_other(plots.into_iter().chain([so_far]).collect());
    lines.extend(page::beside(left, right, half + GAP));
    lines
}

/// Blocks with an empty line between them.
fn one_below_the_other(blocks: Vec<Vec<Vec<Piece>>>) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for block in blocks.into_iter().filter(|block| !block.is_empty()) {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.extend(block);
    }
    lines
}

/// A sentence in as many lines as it takes.
fn sentence(role: Role, words: &str, columns: usize) -> impl Iterator<Item = Vec<Piece>> {
    text::wrap(words, columns.saturating_sub(2)).into_iter().map(move |line| vec![(role, format!(" {line}"))])
}

fn headline(found: &Metrics, columns: usize) -> Vec<Vec<Piece>> {
    let all = &found.all;
    let mut lines = Vec::new();
    if found.begins == Start::Journal {
        let began =
            format!("▲ nothing is known before {}: the journal begins there", found.from.format("%Y-%m-%d %H:%MZ"));
        lines.extend(sentence(Role::Warn, &began, columns));
    }
    if found.profile == Profile::Drill {
        lines.extend(sentence(Role::Planned, "a platform for drills: none of it happened to users", columns));
    }
    if all.incidents == 0 {
        let long = text::span(found.to - found.from);
        lines.extend(sentence(Role::Ok, &format!("● no incident in this time: {long} without one"), columns));
    } else {
        let mut line = vec![(Role::Title, format!(" {}", count(all.incidents, "incident")))];
        if all.open > 0 {
            line.push((Role::Warn, format!(" · {} open", all.open)));
        }
        if all.reopened > 0 {
            line.push((Role::Warn, format!(" · {} came back", all.reopened)));
        }
        lines.push(line);
    }
    let changes = &found.change_failures;
    let role = if changes.count > 0 { Role::Warn } else { Role::Text };
    lines.extend(sentence(role, &format!("changes that broke something: {}", share(changes)), columns));
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
        _ => format!("{} of {}", share.count, share.of),
    }
}

/// The times of each severity beside what they may be, and of all incidents.
fn by_severity(found: &Metrics, columns: usize) -> Vec<Vec<Piece>> {
    let wide = columns >= WIDE;
    let names: &[&str] = if columns < NARROW { &["TTA", "RESOLVE"] } else { &["TTD", "TTA", "RESPOND", "RESOLVE"] };
    let column = columns.saturating_sub(11) / names.len();
    let head: String = names.iter().map(|name| text::left(name, column)).collect();
    let mut lines = vec![vec![(Role::Muted, format!(" {}{:>4} {head}", text::left("", 5), "N"))]];
    let of_severity = found.severities.iter().zip(Severity::ALL).map(|(group, severity)| (group, Some(severity)));
    let rows = of_severity.map(|(group, severity)| (group.name.as_str(), &group.figures, severity));
    for (name, figures, severity) in rows.chain([("all", &found.all, None)]) {
        let mut line = vec![(Role::Title, format!(" {}", text::left(name, 5)))];
        line.push((Role::Text, format!("{:>4} ", figures.incidents)));
        for (name, (median, clock, of)) in ["TTD", "TTA", "RESPOND", "RESOLVE"].into_iter().zip(measures(figures)) {
            if !names.contains(&name) {
                continue;
            }
            let is_own = |times: &&IncidentTimes| severity.is_none_or(|severity| times.severity == severity);
            let times: Vec<f64> = found.incidents.iter().filter(is_own).filter_map(of).collect();
            let target = severity.zip(clock).map(|(severity, clock)| severity.target(clock).as_secs_f64());
            let (role, words) = words(median, &times, target, wide);
            line.push((role, text::left(&words, column)));
        }
        lines.push(line);
    }
    let means = format!(
        "a median, in brackets what holds the true one with 95 %; below {} cases each time, or the shortest and the longest; \
         “of” is the target",
        found.enough
    );
    lines.extend(sentence(Role::Muted, &means, columns));
    lines
}

/// A time of each incident.
type Of = fn(&IncidentTimes) -> Option<f64>;

/// What is measured of incidents, the clock that has a target for it, and where it stands.
fn measures(figures: &TimeFigures) -> [(&Median, Option<Clock>, Of); 4] {
    [
        (&figures.detect, None, |times| Some(times.detect_seconds)),
        (&figures.acknowledge, Some(Clock::Acknowledge), |times| times.acknowledge_seconds),
        (&figures.respond, Some(Clock::Respond), |times| times.respond_seconds),
        (&figures.resolve, Some(Clock::Resolve), |times| times.resolve_seconds),
    ]
}

/// `12m (4m–59m)`; of too few cases for a median each time, or the shortest and the longest; of none the target.
fn words(median: &Median, times: &[f64], target: Option<f64>, wide: bool) -> Piece {
    if let (Some(middle), Some(low), Some(high)) = (median.median_seconds, median.low_seconds, median.high_seconds) {
        let n = if wide { format!(" n {}", median.count) } else { String::new() };
        let [middle, low, high] = [middle, low, high].map(|seconds| time(seconds, wide));
        return (Role::Text, format!("{middle} ({low}–{high}){n}"));
    }
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.as_slice(), target) {
        ([], None) => (Role::Muted, "—".to_owned()),
        ([], Some(target)) => (Role::Muted, format!("— of {}", time(target, false))),
        (few, _) if few.len() <= FEW => {
            let few: Vec<String> = few.iter().map(|seconds| time(*seconds, false)).collect();
            (Role::Text, few.join(" · "))
        }
        ([first, .., last], _) => {
            let (first, last) = (time(*first, false), time(*last, false));
            (Role::Text, if first == last { first } else { format!("{first}–{last}") })
        }
        ([one], _) => (Role::Text, time(*one, false)),
    }
}

/// What cannot be said yet, and when it can.
fn missing(found: &Metrics, reach: Reach, columns: usize) -> Vec<Vec<Piece>> {
    let enough = found.enough;
    let after = |has: usize, what: &str| match has {
        0 => format!("after {}", count(enough, what)),
        has if enough - has == 1 => format!("after one more {what}"),
        has => format!("after {} more {what}s", enough - has),
    };
    let mut missing: Vec<(&str, String)> = Vec::new();
    let over = found.all.resolve.count;
    if over < enough {
        missing.push(("medians", format!("{} that are over", after(over, "incident"))));
    }
    let short: Vec<&str> = found
        .severities
        .iter()
        .filter(|group| group.figures.resolve.count < enough)
        .map(|group| group.name.as_str())
        .collect();
    if over >= enough && !short.is_empty() {
        missing.push(("medians", format!("of {}: after {enough} of each", short.join(", "))));
    }
    let changes = found.change_failures.of;
    if changes < enough {
        missing.push(("changes", format!("the share that breaks something: {}", after(changes, "change"))));
    }
    let failures = |group: &Group| group.between.map_or(0, |between| between.failures);
    let most = found.services.iter().filter(|group| failures(group) < enough).max_by_key(|group| failures(group));
    if let Some(group) = most {
        let nearest = match failures(group) {
            0 => String::new(),
            has => format!(": {} has {has}", group.name),
        };
        missing.push(("MTBF", format!("of a service: after {enough} failures of it{nearest}")));
    }
    if found.begins == Start::Journal {
        let whole = found.from + TimeDelta::days(reach.days());
        missing.push(("window", format!("all of the last {} days: on {}", reach.days(), whole.format("%Y-%m-%d"))));
    }
    if missing.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![vec![(Role::Title, " Not known yet, and when it will be".to_owned())]];
    for (what, when) in missing {
        labelled(&mut lines, what, Role::Text, &when, columns);
    }
    lines
}

/// What else there is to be said of this time, from the first minute on.
fn so_far(model: &Model, found: &Metrics, columns: usize) -> Vec<Vec<Piece>> {
    let mut lines = vec![vec![(Role::Title, " In the same time".to_owned())]];
    let services = &model.state.platform.services;
    let well = services.iter().filter(|service| model.status_of(&service.name) == Status::Healthy).count();
    labelled(&mut lines, "services", Role::Text, &format!("{well} of {} up now", services.len()), columns);
    let within = |at: DateTime<Utc>| at >= found.from && at <= found.to;
    let recoveries = model.state.recoveries.values().filter(|recovery| within(recovery.started_at));
    let (lasted, others): (Vec<&Recovery>, Vec<&Recovery>) =
        recoveries.filter(|recovery| recovery.ended.is_some()).partition(|recovery| recovery.lasted());
    let recovered = match lasted.len() + others.len() {
        0 => "none has ended".to_owned(),
        all => format!("{} of {all} succeeded ({})", lasted.len(), model.key("recoveries")),
    };
    labelled(&mut lines, "recoveries", Role::Text, &recovered, columns);
    let taken = model.state.snapshots.values().filter(|snapshot| within(snapshot.requested_at)).count();
    let snapshots = format!("{taken} kept ({})", model.key("snapshots"));
    labelled(&mut lines, "snapshots", Role::Text, &snapshots, columns);
    let held: Vec<u32> = model
        .state
        .drills
        .held
        .values()
        .filter(|drill| within(drill.started_at))
        .filter_map(|drill| Some(drill.score.as_ref()?.total))
        .collect();
    let drills = match held.iter().max() {
        None => format!("none has been scored ({})", model.key("drills")),
        Some(best) => format!("{} scored, {best} of 100 at best", count(held.len(), "drill")),
    };
    labelled(&mut lines, "drills", Role::Text, &drills, columns);
    lines
}

/// A word, and what there is to say of it, in as many lines as that takes.
fn labelled(lines: &mut Vec<Vec<Piece>>, label: &str, role: Role, words: &str, columns: usize) {
    for (place, line) in text::wrap(words, columns.saturating_sub(LABEL + 2)).into_iter().enumerate() {
        let label = if place == 0 { label } else { "" };
        lines.push(vec![(Role::Muted, format!(" {}", text::left(label, LABEL))), (role, line)]);
    }
}

pub(super) fn time(seconds: f64, precise: bool) -> String {
    let delta = TimeDelta::seconds(whole(seconds));
    match seconds {
        ..1.0 => "<1s".to_owned(),
        _ if precise => text::span(delta).replace(' ', ""),
        _ => text::short(delta),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is too large stops at the largest number")]
pub(super) fn whole(seconds: f64) -> i64 {
    (seconds.round() as i64).clamp(0, i64::from(u32::MAX))
}

fn by_service(found: &Metrics, columns: usize) -> Vec<Vec<Piece>> {
    let wide = columns >= WIDE;
    let mut hit: Vec<&Group> = found.services.iter().filter(|group| group.figures.incidents > 0).collect();
    hit.sort_by_key(|group| std::cmp::Reverse(group.figures.incidents));
    let name = columns.saturating_sub(54 + if wide { 14 } else { 0 }).clamp(12, 40);
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
        let is_own = |times: &&IncidentTimes| times.services.contains(&group.name);
        let resolved: Vec<f64> =
            found.incidents.iter().filter(is_own).filter_map(|times| times.resolve_seconds).collect();
        let (down, failures, between) = match &group.between {
            Some(between) => (
                time(between.down_seconds, false),
                between.failures,
                between.mtbf_seconds.map_or_else(
                    || format!("after {} more", found.enough.saturating_sub(between.failures)),
                    |seconds| time(seconds, false),
                ),
            ),
            None => ("—".to_owned(), 0, "—".to_owned()),
        };
        let down = if failures == 0 { "—".to_owned() } else { down };
        lines.push(vec![
            (Role::Text, format!(" {}", text::left(&group.name, name))),
            (Role::Text, format!("{:>4}  ", group.figures.incidents)),
            (Role::Text, text::left(&words(&group.figures.resolve, &resolved, None, wide).1, resolve)),
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
