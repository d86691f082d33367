//! What the logs say, as patterns: each in two lines, and one of them with all that is known of it.
//!
//! ```text
//! ▶ ✚ new        ×214  first 4m   last 2s   ···········▂▅█  patient-api
//!      missing column <*> in table <*>
//! ```

use chrono::{DateTime, Utc};
use ratatui::layout::Rect;

use super::{
    approvals::show,
    canvas::{Canvas, Piece},
    facts::{Fact, Facts},
    list::why_empty,
    page, strip,
};
use crate::{
    diagnosis::patterns::{MASK, MINUTES, Seen, SeenPattern, Trend, bars, held},
    platform::count,
    tui::{
        model::{List, Loaded, Model, Screen, Target},
        patterns::{Listed, MOST, Pattern, trend_name},
        text,
        theme::Role,
    },
};

/// Columns of a row before its bars.
const FIGURES: usize = 44;
/// Columns below which a row does not say when its pattern came first.
const NARROW: usize = 60;
/// Columns without which bars say nothing.
const BARS: usize = 6;
/// Columns that the names of services have at least.
const SERVICES: usize = 18;
/// Rows of the large plot.
const ROWS: usize = 5;
/// Incidents that are listed.
const LISTED: usize = 5;

/// All patterns, or those of a service.
pub(super) fn list(model: &Model, canvas: &mut Canvas, area: Rect, service: Option<&str>) {
    let listed = model.patterns.of(service);
    let title = service.map_or_else(|| "Patterns".to_owned(), |service| format!("Patterns of {service}"));
    let inside =
        canvas.frame(area, &title, &model.summary_of(List::Patterns, &listed.map_or_else(String::new, summary)), true);
    let columns = usize::from(inside.width);
    let wanted = model.wanted_patterns();
    let mut lines: Vec<(Vec<Piece>, Option<usize>)> = Vec::new();
    let say = |lines: &mut Vec<(Vec<Piece>, Option<usize>)>, role, words: &str| {
        let wrapped = text::wrap(words, columns.saturating_sub(4));
        lines.extend(wrapped.into_iter().map(|line| (vec![(role, format!("  {line}"))], None)));
    };
    match listed.map(|listed| (&listed.result, listed.is_cut)) {
        None | Some((Loaded::Waiting, _)) => say(&mut lines, Role::Muted, "being read …"),
        Some((Loaded::Failed(why), _)) => say(&mut lines, Role::Bad, &format!("✖ cannot be read: {why}")),
        Some((Loaded::Here(all), _)) if all.is_empty() => say(&mut lines, Role::Muted, &nothing(service)),
        Some((Loaded::Here(_), is_cut)) if wanted.is_empty() => {
            say(&mut lines, Role::Muted, &why_empty(model, "nothing was seen"));
            if is_cut {
                let looked =
                    format!("looked through were the {MOST} most out of the ordinary: codeblue patterns has all");
                say(&mut lines, Role::Muted, &looked);
            }
        }
        Some((Loaded::Here(_), is_cut)) => {
            let heading = format!("bars: the last {MINUTES} minutes; first what is new or bursts where it is not well");
            lines.push((vec![(Role::Muted, text::fit(&format!("  {heading}"), columns))], None));
            let selected = model.selected_place(List::Patterns);
            for (place, pattern) in wanted.iter().enumerate() {
                row(model, pattern, columns, (place, place == selected), &mut lines);
            }
            if is_cut {
                let more = format!("only the {MOST} most out of the ordinary are shown: codeblue patterns has all");
                say(&mut lines, Role::Muted, &more);
            }
        }
    }
    show(canvas, inside, &lines, List::Patterns, model.selected_place(List::Patterns));
}

/// How many there are of what is out of the ordinary, and in all.
fn summary(listed: &Listed) -> String {
    let Loaded::Here(all) = &listed.result else { return String::new() };
    let told = [Trend::New, Trend::Bursting, Trend::Vanished].into_iter().filter_map(|state| {
        let many = all.iter().filter(|pattern| pattern.state() == state).count();
        (many > 0).then(|| format!("{many} {}", trend_name(state)))
    });
    let all = count(all.len(), "pattern");
    told.chain([all]).collect::<Vec<_>>().join(" · ")
}

/// What will stand here, and how that comes about.
fn nothing(service: Option<&str>) -> String {
    let whose = service.map_or_else(|| "any service".to_owned(), ToOwned::to_owned);
    format!(
        "No line of {whose} was seen yet. What programs write stands here as patterns: lines that say the same are one, with \
         {MASK} for what differs, how often they come, and whether that is new. Say where the lines are with logs = [\"…\"] at \
         the service in the platform file, or send them: docs/logs.md."
    )
}

fn row(
    model: &Model,
    pattern: &Pattern,
    columns: usize,
    (place, is_selected): (usize, bool),
    lines: &mut Vec<(Vec<Piece>, Option<usize>)>,
) {
    let (role, sign) = badge(pattern.state());
    // Where it stands as its sign says: elsewhere it may be old.
    let state = pattern.state();
    let here = || pattern.services.iter().filter(|seen| seen.state == state);
    let first = here().map(|seen| seen.first).min().map_or_else(String::new, |at| ago(model, at));
    let last = here().map(|seen| seen.last).max().map_or_else(String::new, |at| ago(model, at));
    let mark = if is_selected { "▶ " } else { "  " };
    let room = columns.saturating_sub(FIGURES + SERVICES + 2);
    let wide = if room < BARS { 0 } else { room.min(MINUTES) };
    let plot = if wide == 0 { String::new() } else { format!("{}  ", bars(&pattern.per_minute(), wide)) };
    // Where it is narrow, when it came last says more than when it came first.
    let is_narrow = columns < NARROW;
    let figures = if is_narrow { FIGURES - 10 } else { FIGURES };
    let names = columns.saturating_sub(figures + text::width(&plot));
    lines.push((
        vec![
            (Role::Focus, mark.to_owned()),
            (role, text::left(&sign, 12)),
            (Role::Title, text::right(&format!("×{}", times(pattern.count())), 8)),
            (Role::Muted, if is_narrow { "  ".to_owned() } else { text::left(&format!("  first {first}"), 12) }),
            (Role::Muted, text::left(&format!("last {last}"), 10)),
            (Role::Text, plot),
            (trouble(model, &pattern.services), services(model, &pattern.services, names)),
        ],
        Some(place),
    ));
    let template = text::fit(&format!("     {}", pattern.template), columns);
    lines.push((vec![(Role::Text, template)], Some(place)));
}

/// The services in which it came, those in trouble first; the others are counted where there are many.
fn services(model: &Model, seen: &[Seen], columns: usize) -> String {
    let (bad, well): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(|seen| model.is_in_trouble(&seen.service));
    let mut names = bad.into_iter().chain(well).map(|seen| seen.service.as_str());
    let first = names.next().unwrap_or_default();
    match names.count() {
        0 => text::fit(first, columns),
        more => {
            let more = format!(" +{more}");
            text::fit(first, columns.saturating_sub(text::width(&more))) + &more
        }
    }
}

fn trouble(model: &Model, seen: &[Seen]) -> Role {
    if seen.iter().any(|seen| model.is_in_trouble(&seen.service)) { Role::Warn } else { Role::Muted }
}

/// A count of at most six columns.
fn times(count: u64) -> String {
    match count {
        0..100_000 => count.to_string(),
        100_000..10_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

fn ago(model: &Model, at: DateTime<Utc>) -> String {
    text::short(model.now - at)
}

/// Glyph and word for how a pattern stands.
fn badge(state: Trend) -> (Role, String) {
    let (role, glyph) = match state {
        Trend::New => (Role::Bad, "✚"),
        Trend::Bursting => (Role::Warn, "▲"),
        Trend::Vanished => (Role::Unknown, "▽"),
        Trend::Recurring => (Role::Text, "="),
        Trend::Rare => (Role::Muted, "·"),
    };
    (role, format!("{glyph} {}", trend_name(state)))
}

/// One pattern.
pub(super) fn one(model: &Model, canvas: &mut Canvas, area: Rect, id: &str) {
    let known = model.patterns.known(id);
    let state = match known {
        Some(Loaded::Here(found)) => found.services.iter().map(|seen| seen.state).min().map(|state| badge(state).1),
        _ => None,
    };
    let inside = canvas.frame(area, &format!("Pattern {id}"), &state.unwrap_or_default(), true);
    let columns = usize::from(inside.width);
    let (lines, targets): (Vec<_>, Vec<_>) = match known {
        Some(Loaded::Here(found)) => facts(model, id, found, columns).into_iter().unzip(),
        Some(Loaded::Failed(why)) => (vec![vec![(Role::Bad, format!("  ✖ cannot be read: {why}"))]], vec![None]),
        Some(Loaded::Waiting) | None => (vec![vec![(Role::Muted, "  being read …".to_owned())]], vec![None]),
    };
    canvas.page(inside, &lines, model.scroll);
    page::links(canvas, inside, targets, model.scroll.min(lines.len().saturating_sub(usize::from(inside.height))));
}

fn facts(model: &Model, id: &str, found: &SeenPattern, columns: usize) -> Vec<Fact> {
    let Some(newest) = found.services.first() else { return Vec::new() };
    let pattern = Pattern { id: id.to_owned(), template: newest.template.clone(), services: found.services.clone() };
    let mut facts = Facts::new(columns);
    facts.about("Says");
    facts.say(Role::Title, &pattern.template);
    facts.about("Stands");
    facts.say(badge(newest.state).0, &stands(model, newest));
    facts.about("Seen");
    if let Some((first, last)) = pattern.span() {
        let moment = |at: DateTime<Utc>| format!("{}, {} ago", strip::when(at, model.now), ago(model, at));
        let lines = count(usize::try_from(pattern.count()).unwrap_or(usize::MAX), "line");
        facts.say(Role::Text, &format!("{lines}; first {}; last {}", moment(first), moment(last)));
    }
    plot(&pattern.per_minute(), columns, &mut facts);
    facts.about("Where");
    for seen in &found.services {
        let (role, sign) = badge(seen.state);
        let (lines, last) = (times(seen.count), ago(model, seen.last));
        let line = vec![
            (role, text::left(&sign, 12)),
            (Role::Muted, text::left(&format!("×{lines} last {last}"), 18)),
            (trouble(model, std::slice::from_ref(seen)), seen.service.clone()),
        ];
        facts.put(line, Some(Target::Page(Screen::Service(seen.service.clone()))));
    }
    facts.about("Lines");
    for example in &found.examples {
        let at = example.at.map_or_else(|| "no time".to_owned(), |at| at.format("%H:%M:%SZ").to_string());
        facts.say(Role::Text, &format!("{at} {}: {}", example.service, example.message));
    }
    facts.say(
        Role::Muted,
        if found.examples.is_empty() {
            "none of it is among the newest lines of these services any more"
        } else {
            "the newest, redacted; what could be somebody's is <*>"
        },
    );
    facts.about("Known");
    for article in model.articles_naming(id) {
        let target = Target::Page(Screen::Article(article.name.clone()));
        facts.link(Role::Text, &format!("article {}: {}", article.name, article.body.title), &target);
    }
    if model.articles_naming(id).next().is_none() {
        let key = model.key("knowledge");
        facts.say(Role::Muted, &format!("no article names it; one does that has {id} among its signs [{key}]"));
    }
    facts.about("Beside");
    let incidents = model.incidents_beside(&found.services);
    for incident in incidents.iter().take(LISTED) {
        let words = format!("{} {} {}, {}", incident.id, incident.severity, incident.title, incident.state);
        facts.link(Role::Text, &words, &Target::Page(Screen::Incident(incident.id)));
    }
    match incidents.len() {
        0 => facts.say(Role::Muted, "no incident of these services at that time"),
        all if all > LISTED => facts.say(Role::Muted, &format!("+ {} more", all - LISTED)),
        _ => {}
    }
    facts.lines
}

/// How it stands where it is most out of the ordinary, and since when.
fn stands(model: &Model, seen: &Seen) -> String {
    let (sign, since) = (badge(seen.state).1, seen.since.format("%H:%M:%SZ"));
    let (service, ago) = (&seen.service, ago(model, seen.since));
    match seen.state {
        Trend::New => format!("{sign}: it came for the first time at {since} in {service}, {ago} ago"),
        Trend::Bursting => {
            format!("{sign}: since {since}, {ago} ago, it comes far more often in {service} than it ever did")
        }
        Trend::Vanished => format!("{sign}: it came regularly in {service}, and has stopped at {since}, {ago} ago"),
        Trend::Recurring => format!("{sign}: it comes as it does"),
        Trend::Rare => format!("{sign}: it came once"),
    }
}

/// The last minutes, as large as there is room for.
fn plot(per_minute: &[u32], columns: usize, facts: &mut Facts) {
    let wide = columns.saturating_sub(18).clamp(1, 2 * MINUTES);
    let held = held(per_minute, wide);
    let most = held.iter().copied().max().unwrap_or(0);
    facts.about("Lately");
    if most == 0 {
        return facts.say(Role::Muted, &format!("no line in the last {MINUTES} minutes"));
    }
    for row in (0..ROWS).rev() {
        let label = if row == ROWS - 1 { format!("{:>6} ┤", times(most)) } else { "       │".to_owned() };
        let cell = |held: &u64| {
            let level = usize::try_from((held * (ROWS * 8) as u64).div_ceil(most)).unwrap_or(ROWS * 8);
            [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][level.saturating_sub(row * 8).min(8)]
        };
        let cells: String = held.iter().map(cell).collect();
        facts.put(vec![(Role::Muted, label), (Role::Text, cells)], None);
    }
    facts.put(vec![(Role::Muted, format!("     0 ┴{}", "─".repeat(wide)))], None);
    let from = format!("{MINUTES} minutes ago");
    let gap = wide.saturating_sub(text::width(&from) + 3);
    facts.put(vec![(Role::Muted, format!("        {from}{}now", " ".repeat(gap)))], None);
}
