//! A service over a window: uptime, a strip of how it was, a line of how long it took, and the figures.
//!
//! ```text
//!  Over [24h] 7d 30d 90d                                            t
//!   99.95 % up of the 23 h 50 m watched · down 42 s in 1 outage
//!   ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪✖▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪
//!   p50 12 ms  p95 40 ms  p99 80 ms · errors 0.4 %, 0.1 % before
//!   100 ms ┤                                   ⣀⣠⣤
//!      p95 │⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣿⣿⣿⣀⣀⣀⣀⣀⣀⣀⣀
//!        0 └───────────────────────────────────▀▀▀──────────────
//!           24h ago                            INC-1          now
//! ```

use std::time::Duration;

use chrono::TimeDelta;

use super::{
    canvas::Piece,
    plot::{self, Marked, Plot},
};
use crate::{
    domain::{Figures, History, Status, Window, percent, without_news},
    tui::{
        model::{Loaded, Model},
        text,
        theme::{Role, status_badge},
    },
};

/// Shares of a window that are asked for; a wider screen shows each of them wider.
pub const STRIP: usize = 120;
/// Rows of the plot of how long it took, and of the one of how often it failed.
const LATENCY: usize = 4;
const ERRORS: usize = 3;

pub(super) fn lines(model: &Model, service: &str, columns: usize) -> Vec<Vec<Piece>> {
    let window = model.looked_back.window;
    let mut heading = vec![(Role::Title, " Over ".to_owned())];
    for each in Window::ALL {
        let (role, name) = if each == window {
            (Role::Focus, format!("[{}] ", each.name()))
        } else {
            (Role::Muted, format!("{} ", each.name()))
        };
        heading.push((role, name));
    }
    heading.extend([(Role::Key, model.key("window")), (Role::Muted, " the next".to_owned())]);
    let mut lines = vec![heading];
    match model.looked_back.of(service) {
        None | Some(Loaded::Waiting) => lines.push(vec![(Role::Muted, "  being read …".to_owned())]),
        Some(Loaded::Failed(why)) => lines.push(vec![(Role::Bad, format!("  ✖ cannot be read: {why}"))]),
        Some(Loaded::Here(over)) if over.whole.standing.known().is_zero() => {
            let nothing = format!("  ◌ not watched in the last {}, so nothing is known of it", window.name());
            lines.push(vec![(Role::Unknown, nothing)]);
        }
        Some(Loaded::Here(over)) => lines.extend(known(model, over, columns.saturating_sub(3))),
    }
    lines
}

/// What is to come for a service; nothing while its history is not there.
pub(super) fn ahead(model: &Model, service: &str, columns: usize) -> Vec<Vec<Piece>> {
    let Some(Loaded::Here(over)) = model.looked_back.of(service) else { return Vec::new() };
    if over.ahead.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Vec::new(), vec![(Role::Title, " Ahead".to_owned())]];
    for forecast in over.ahead.iter().filter(|forecast| forecast.is_news()) {
        let (role, mark) = if forecast.near { (Role::Warn, "▲") } else { (Role::Text, "·") };
        lines.push(vec![
            (role, format!("  {mark} {}", text::left(forecast.subject.name(), 13))),
            (Role::Muted, format!("{}  ", forecast.check)),
            (Role::Text, forecast.words(model.now)),
        ]);
    }
    if let Some(rest) = without_news(&over.ahead) {
        let wrapped = text::wrap(&rest, columns.saturating_sub(5)).into_iter();
        lines.extend(wrapped.map(|line| vec![(Role::Muted, format!("    {line}"))]));
    }
    lines
}

fn known(model: &Model, over: &History, columns: usize) -> Vec<Vec<Piece>> {
    let mut lines = broken(uptime(over), columns);
    lines.push(strip(&over.buckets, columns));
    lines.extend(broken(figures(over), columns));
    lines.extend(plots(model, over, columns));
    lines
}

/// How long it took and how often it failed, above one axis with the incidents of the service.
fn plots(model: &Model, over: &History, columns: usize) -> Vec<Vec<Piece>> {
    let span = (over.window.from(model.now), model.now);
    let took: Vec<Option<f64>> = over
        .buckets
        .iter()
        .map(|figures| figures.readings.latency.as_ref().map(|latency| latency.p95.as_secs_f64() * 1000.0))
        .collect();
    let failed: Vec<Option<f64>> =
        over.buckets.iter().map(|figures| figures.readings.error_rate.map(|rate| rate * 100.0)).collect();
    let has_failed = failed.iter().flatten().any(|percent| *percent > 0.0);
    let marked: Vec<Marked> = model
        .state
        .incidents
        .values()
        .filter(|incident| incident.services.contains(&over.service))
        .map(|incident| Marked {
            from: incident.detected_at,
            until: incident.resolved_at.unwrap_or(model.now),
            name: incident.id.to_string(),
        })
        .collect();
    let millis =
        |value: f64| if value < 1000.0 { format!("{value:.0} ms") } else { format!("{:.0} s", value / 1000.0) };
    let percent = |value: f64| if value < 1.0 { format!("{value:.1} %") } else { format!("{value:.0} %") };
    let mut lines = vec![vec![(Role::Muted, "  95th percentile of the time a check took".to_owned())]];
    let latency = Plot { values: &took, unit: &millis, least: 20.0, role: Role::Text };
    lines.extend(plot::area(&latency, columns, LATENCY, model.marks));
    lines.extend(plot::axis(span, over.window.name(), &marked, columns, model.marks));
    lines.push(vec![(Role::Muted, "  share of checks that failed".to_owned())]);
    if has_failed {
        let errors = Plot { values: &failed, unit: &percent, least: 1.0, role: Role::Bad };
        lines.extend(plot::area(&errors, columns, ERRORS, model.marks));
        lines.extend(plot::axis(span, over.window.name(), &marked, columns, model.marks));
    } else if let Some((_, words)) = lines.last_mut().and_then(|line| line.first_mut()) {
        words.push_str(": none did");
    }
    lines
}

/// A line that goes on in the next where it has no room, broken between its pieces.
fn broken(line: Vec<Piece>, columns: usize) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut used = 0;
    for (role, words) in line {
        let wide = text::width(&words);
        let is_new = used > 0 && used + wide > columns;
        if is_new {
            lines.push(vec![(Role::Text, "    ".to_owned())]);
            used = 4;
        }
        let words = if is_new { words.trim_start_matches([',', '·', ' ']).to_owned() } else { words };
        used += wide;
        if let Some(last) = lines.last_mut() {
            last.push((role, words));
        }
    }
    lines
}

fn uptime(over: &History) -> Vec<Piece> {
    let (whole, held) = (&over.whole, &over.whole.standing);
    let mut line = match whole.uptime {
        Some(uptime) => vec![
            (if held.down.is_zero() { Role::Ok } else { Role::Warn }, format!("  {} up", percent(uptime))),
            (Role::Muted, format!(" of the {} watched", time(held.known()))),
        ],
        None => vec![
            (Role::Unknown, "  ◌ uptime unknown".to_owned()),
            (Role::Muted, format!(": only {} of {} were watched", time(held.known()), over.window.name())),
        ],
    };
    if !held.down.is_zero() {
        let outages = if held.outages == 1 { "outage" } else { "outages" };
        line.push((Role::Bad, format!(" · down {} in {} {outages}", time(held.down), held.outages)));
    }
    for (role, word, spent) in [(Role::Warn, "degraded", held.degraded), (Role::Planned, "planned", held.planned)] {
        if !spent.is_zero() {
            line.push((role, format!(" · {word} {}", time(spent))));
        }
    }
    line
}

fn figures(over: &History) -> Vec<Piece> {
    let read = &over.whole.readings;
    let mut line = vec![(Role::Text, "  ".to_owned())];
    if let Some(took) = &read.latency {
        let [p50, p95, p99] = [took.p50, took.p95, took.p99].map(text::latency);
        line.push((Role::Text, format!("p50 {p50}  p95 {p95}  p99 {p99} · ")));
    }
    let Some(rate) = read.error_rate else { return line };
    let worse = over.error_trend.is_some_and(|trend| trend > 0.0);
    line.push((if worse { Role::Warn } else { Role::Text }, format!("errors {}", text::share(rate))));
    let before = match over.error_rate_before {
        Some(before) => format!(", {} before", text::share(before)),
        None => ", before unknown".to_owned(),
    };
    line.push((Role::Muted, before));
    line
}

/// The buckets that a column shows: several on a narrow screen, on a wide one the same as its neighbour.
fn column(buckets: &[Figures], column: usize, columns: usize) -> &[Figures] {
    let from = column * buckets.len() / columns;
    let until = ((column + 1) * buckets.len() / columns).max(from + 1);
    buckets.get(from..until).unwrap_or_default()
}

fn strip(buckets: &[Figures], columns: usize) -> Vec<Piece> {
    let mut line = vec![(Role::Text, "  ".to_owned())];
    for at in 0..columns {
        let status = column(buckets, at, columns).iter().map(Figures::worst).max_by_key(|status| match status {
            Status::Down => 4,
            Status::Degraded => 3,
            Status::Unknown => 2,
            Status::Maintenance => 1,
            Status::Healthy => 0,
        });
        let sign = match status.map(|status| (status, status_badge(status))) {
            Some((Status::Healthy, (_, _, role))) => (role, "▪"),
            Some((Status::Unknown, _)) | None => (Role::Unknown, "·"),
            Some((_, (glyph, _, role))) => (role, glyph),
        };
        line.push((sign.0, sign.1.to_owned()));
    }
    line
}

fn time(time: Duration) -> String {
    text::span(TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX))
}
