//! The lines around every page: where am I, how bad is it, who am I, what time is it; what just happened; what can I do.

use ratatui::layout::Rect;

use super::canvas::{Canvas, KeyHint, Piece};
use crate::{
    domain::{Severity, Status, SystemState},
    platform::count,
    tui::{
        action::hints,
        guard::Access,
        layout::Zoom,
        model::{Link, Model, Mouse, Overlay, Screen, Target},
        text,
        theme::Role,
    },
};

/// Columns from which the last event but one stands beside the last.
const SECOND: u16 = 32;
/// Columns from which the last line always has the way to every command, and not to help alone.
const BOTH_WAYS: u16 = 60;
/// Columns of a host's name at most.
const HOST: usize = 24;

/// The platform in one line, for a terminal that is too small for more.
pub(super) fn one_line(model: &Model) -> String {
    let down = model.state.platform.services.iter().filter(|s| model.status_of(&s.name) == Status::Down).count();
    let open = model.state.open_incidents().count();
    let marks: String = marks(model).into_iter().map(|(_, mark)| format!("{} ", mark.trim_start())).collect();
    format!("{marks}{down} down, {open} incidents, {} wait", model.state.pending_changes().len())
}

/// Columns below which a name in the top line says nothing any more.
const SHORTEST: usize = 8;

pub(super) fn header(model: &Model, canvas: &mut Canvas, area: Rect) {
    let right = right(model);
    // What a person may do goes before the way back does.
    let wanted: usize =
        right.iter().filter(|(role, _)| *role != Role::Muted).map(|(_, piece)| text::width(piece)).sum();
    let mut way = crumbs(model, usize::from(area.width).saturating_sub(wanted + 1));
    let used: usize = way.iter().map(|crumb| text::width(&crumb.words)).sum();
    // What does not fit goes from the left: the clock and the state stay.
    let room = usize::from(area.width).saturating_sub(used + 1);
    let mut right = right;
    while right.len() > 2 && right.iter().map(|(_, piece)| text::width(piece)).sum::<usize>() > room {
        let place = right.len() - 2;
        right.remove(place);
    }
    let mut taken: usize = right.iter().map(|(_, piece)| text::width(piece)).sum();
    // Whether this is a drill is asked before what time it is.
    if way.last().is_some_and(Crumb::is_mark)
        && used > usize::from(area.width).saturating_sub(taken + 1)
        && let Some((_, clock)) = right.pop()
    {
        taken -= text::width(&clock);
    }
    let taken = u16::try_from(taken).unwrap_or(u16::MAX).saturating_add(1).min(area.width);
    let left = Rect { width: area.width - taken, height: 1, ..area };
    let columns = |way: &[Crumb]| way.iter().map(|crumb| text::width(&crumb.words)).sum::<usize>();
    let excess = columns(&way).saturating_sub(usize::from(left.width));
    if let Some(name) = way.iter_mut().rev().find(|crumb| !crumb.is_mark()) {
        let room = text::width(&name.words).saturating_sub(excess);
        if room >= SHORTEST {
            name.words = text::fit(&name.words, room);
        }
    }
    // Half a mark says nothing, and its columns are the name's.
    while columns(&way) > usize::from(left.width) && way.last().is_some_and(Crumb::is_mark) {
        way.pop();
    }
    let mut at = 0;
    for crumb in way {
        let place = Rect { x: left.x + at, width: left.width.saturating_sub(at), ..left };
        let columns = canvas.line(place, 0, &[(crumb.role, crumb.words)]);
        if let Some(target) = crumb.target {
            canvas.hits.add(Rect { width: columns, ..place }, target);
        }
        at += columns;
    }
    canvas.line_right(area, 0, &right);
}

/// How bad it is, who acts, and what time it is.
fn right(model: &Model) -> Vec<Piece> {
    let mut right: Vec<Piece> = Vec::new();
    match &model.link {
        Link::Live => {}
        Link::Connecting => right.push((Role::Warn, "connecting …  ".to_owned())),
        Link::Lost { since, .. } => {
            right.push((Role::Emergency, format!(" LINK LOST {} ", text::clock(model.now - *since))));
            right.push((Role::Text, "  ".to_owned()));
        }
    }
    right.extend(state(model));
    if model.locked {
        right.push((Role::Emergency, " LOCKED ".to_owned()));
        right.push((Role::Text, "  ".to_owned()));
    }
    match &model.state.halted {
        // Nothing was heard yet, so nobody knows what policies may do.
        _ if model.link == Link::Connecting => {}
        Some(_) => right.push((Role::Emergency, " AUTOPILOT HALTED ".to_owned())),
        None => right.push((Role::Text, format!("{:?}", model.state.mode).to_uppercase())),
    }
    if let Some(me) = &model.me {
        let highest = me.roles.iter().next_back().map(|role| crate::domain::role_name(*role)).unwrap_or_default();
        right.push((Role::Text, format!("  {}", me.name)));
        right.push((Role::Muted, format!("·{highest}")));
    }
    let time = if model.is_counting() { "%H:%M:%SZ" } else { "%H:%MZ" };
    right.push((Role::Text, format!("  {} ", model.now.format(time))));
    right
}

/// A piece of the way from the board to the page on top.
struct Crumb {
    role: Role,
    words: String,
    target: Option<Target>,
}

impl Crumb {
    /// Whether it says what holds for the whole board, and leads nowhere.
    fn is_mark(&self) -> bool {
        self.target.is_none() && self.role != Role::Title
    }
}

/// Fewest columns of the name of the page on top, where it has to be cut.
const NAME: usize = 28;

/// The way from the board to the page on top, in so many columns if it can be: first the pages between go, then the name of the
/// platform, then the end of the page's name.
fn crumbs(model: &Model, room: usize) -> Vec<Crumb> {
    let crumb = |role, words: String, target| Crumb { role, words, target };
    // A hand on a mouse finds every command there, also those for which the last line has no room.
    let first = Target::Action("palette");
    let is_narrow = model.screens.len() > 1 && room < NAME;
    let own = if is_narrow { " " } else { " CODEBLUE " };
    let mut start = vec![crumb(Role::Title, own.to_owned(), Some(first))];
    if let Some(host) = &model.host {
        start.push(crumb(Role::Warn, format!("on {} ", text::fit(host, HOST)), None));
    }
    let platform = crumb(Role::Text, model.state.platform.name.clone(), Some(Target::Crumb(0)));
    let mut end: Vec<Crumb> = marks(model).into_iter().map(|(role, words)| crumb(role, words, None)).collect();
    if model.page_zoom() == Zoom::In {
        end.push(crumb(Role::Focus, "  ZOOMED".to_owned(), Some(Target::Action("zoom"))));
    }
    let above = &model.screens[1.min(model.screens.len())..];
    let names: Vec<String> = above.iter().map(|screen| name(model, screen, false)).collect();
    let columns = |crumbs: &[Crumb]| crumbs.iter().map(|crumb| text::width(&crumb.words)).sum::<usize>();
    let Some(top) = above.last() else {
        start.push(platform);
        start.extend(end);
        return start;
    };
    let own = name(model, top, true);
    let fixed = columns(&start) + columns(&end);
    let is_full = fixed + text::width(&platform.words) + 3 + text::width(&own) <= room;
    if is_full {
        start.push(platform);
    }
    let left = room.saturating_sub(columns(&start) + columns(&end) + 3 + text::width(&own));
    let between = &names[..names.len() - 1];
    let fits = |from: usize| {
        let words: usize = between[from..].iter().map(|name| text::width(name) + 3).sum();
        words + if from > 0 { 4 } else { 0 } <= left
    };
    let from = (0..=between.len()).find(|from| fits(*from)).unwrap_or(between.len());
    let arrow = |crumbs: &[Crumb]| if crumbs.len() > 1 { " ▸ " } else { "▸ " }.to_owned();
    if from > 0 && fits(from) {
        start.push(crumb(Role::Muted, arrow(&start), None));
        start.push(crumb(Role::Muted, "…".to_owned(), Some(Target::Crumb(from))));
    }
    for (place, name) in between.iter().enumerate().skip(from) {
        start.push(crumb(Role::Muted, arrow(&start), None));
        start.push(crumb(Role::Text, name.clone(), Some(Target::Crumb(place + 1))));
    }
    start.push(crumb(Role::Muted, arrow(&start), None));
    let rest = room.saturating_sub(columns(&start) + columns(&end));
    start.push(crumb(Role::Title, text::fit(&own, rest.max(NAME)), None));
    start.extend(end);
    start
}

/// What holds for all that is done here: it is a drill; nothing is sent.
fn marks(model: &Model) -> Vec<Piece> {
    let mut marks = Vec::new();
    match model.state.drills.running() {
        Some(drill) => marks.push((Role::Planned, format!("  {} RUNS", drill.id))),
        None if model.is_drill() => marks.push((Role::Planned, "  DRILL".to_owned())),
        None => {}
    }
    if model.access == Access::ReadOnly {
        marks.push((Role::Warn, "  RO".to_owned()));
    }
    marks
}

/// How bad it is on all hosts: what is open, and of how many nothing is known.
fn state_of_all(model: &Model) -> Vec<Piece> {
    let totals = model.fleet.fleet.totals(model.now);
    let (role, word) = match totals.worst {
        Some(Severity::Sev1) => (Role::Emergency, " ■ EMERGENCY "),
        Some(_) => (Role::Warn, "▲ DEGRADED"),
        None if totals.unknown > 0 => (Role::Unknown, "◌ UNKNOWN"),
        None => (Role::Ok, "● NORMAL"),
    };
    let hosts = match totals.unknown {
        0 => format!(" {} live", count(totals.heard, "host")),
        unknown => format!(" {} of {} not heard", unknown, count(totals.heard + unknown, "host")),
    };
    let role_of_hosts = if totals.unknown > 0 { Role::Unknown } else { Role::Text };
    vec![(role, word.to_owned()), (role_of_hosts, hosts), (Role::Text, "  ".to_owned())]
}

/// How bad it is.
fn state(model: &Model) -> Vec<Piece> {
    if *model.screen() == Screen::Hosts && model.has_fleet() {
        return state_of_all(model);
    }
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .filter_map(|severity| {
            let count = model.state.open_incidents().filter(|incident| incident.severity == severity).count();
            (count > 0).then(|| format!("{severity} ×{count}"))
        })
        .collect();
    let (role, word) = match model.state.system_state() {
        _ if model.link == Link::Connecting => return Vec::new(),
        SystemState::Emergency => (Role::Emergency, " ■ EMERGENCY "),
        SystemState::Recovery => (Role::Warn, "↻ RECOVERY"),
        SystemState::Degraded => (Role::Warn, "▲ DEGRADED"),
        SystemState::Normal => (Role::Ok, "● NORMAL"),
    };
    vec![(role, word.to_owned()), (Role::Bad, format!(" {}", counts.join(" · "))), (Role::Text, "  ".to_owned())]
}

/// What a page is called: as the one on top, or short among those below it.
fn name(model: &Model, screen: &Screen, is_top: bool) -> String {
    let titled = |id: String, title: Option<&str>| match title.filter(|_| is_top) {
        Some(title) => format!("{id} {}", text::clean(title)),
        None => id,
    };
    match screen {
        Screen::Board => "board".to_owned(),
        Screen::Service(name) | Screen::Article(name) | Screen::Function(name) | Screen::Operator(name) => name.clone(),
        Screen::Incident(id) => {
            titled(id.to_string(), model.state.incidents.get(id).map(|incident| incident.title.as_str()))
        }
        Screen::Diagnosis(..) => "diagnosis".to_owned(),
        Screen::Evidence(_, service, _) => format!("evidence {service}"),
        Screen::Reliability => "how sure, how right".to_owned(),
        Screen::Knowledge => "knowledge".to_owned(),
        Screen::Prompt(_) => "what the model was told".to_owned(),
        Screen::Change(id) => id.to_string(),
        Screen::Approvals => "approvals".to_owned(),
        Screen::BreakGlass(id) => id.to_string(),
        Screen::Templates => "standard changes".to_owned(),
        Screen::Plan => "plan".to_owned(),
        Screen::Snapshots => "snapshots".to_owned(),
        Screen::Difference(of, None) => format!("{of} and now"),
        Screen::Difference(of, Some(against)) => format!("{of} and {against}"),
        Screen::Recovery(id) => id.to_string(),
        Screen::Recoveries => "recoveries".to_owned(),
        Screen::Books(None) => "runbooks".to_owned(),
        Screen::Books(Some(id)) => format!("runbooks for {id}"),
        Screen::Book(id) => id.clone(),
        Screen::Run(id) => id.to_string(),
        Screen::StepWhy(_, step) => format!("why {step}"),
        Screen::RunText(_) => "its book".to_owned(),
        Screen::Drills => "drills".to_owned(),
        Screen::Drill(id) => id.to_string(),
        Screen::HeatMap => "heat map".to_owned(),
        Screen::Calendar => "planned work".to_owned(),
        Screen::Continuity => "continuity".to_owned(),
        Screen::Map => "dependency map".to_owned(),
        Screen::Metrics => "metrics".to_owned(),
        Screen::Patterns(None) => "patterns".to_owned(),
        Screen::Patterns(Some(service)) => format!("patterns of {service}"),
        Screen::Pattern(id) => format!("pattern {id}"),
        Screen::Journal => "journal".to_owned(),
        Screen::Event(seq) => format!("event {seq}"),
        Screen::Changed => "what changed".to_owned(),
        Screen::Errors => "errors".to_owned(),
        Screen::Breakers => "breakers".to_owned(),
        Screen::Team => "team".to_owned(),
        Screen::OnCall => "on call".to_owned(),
        Screen::Hosts => "hosts".to_owned(),
        Screen::Help => "help".to_owned(),
    }
}

pub(super) fn footer(model: &Model, canvas: &mut Canvas, area: Rect) {
    news(model, canvas, area, area.height - 2);
    // A form takes every key and says itself what each does.
    if matches!(model.overlay, Some(Overlay::Form(_))) {
        return;
    }
    let row = area.height - 1;
    let mut room = area;
    if model.mouse != Mouse::Captured {
        let badge = " MOUSE off: select freely ";
        canvas.line_right(area, row, &[(Role::Warn, badge.to_owned())]);
        room.width = area.width.saturating_sub(u16::try_from(text::width(badge)).unwrap_or(0));
    }
    canvas.keys(room, row, &as_far_as_they_fit(model, room.width));
}

/// The hints for which there is room. Those that lead to all others go last: who does not know a page needs them most.
fn as_far_as_they_fit(model: &Model, columns: u16) -> Vec<KeyHint> {
    let keys: Vec<KeyHint> = hints(model).into_iter().map(|action| KeyHint::of(model, action)).collect();
    let width = |hint: &KeyHint| text::width(&hint.key) + text::width(&hint.label) + 3;
    let room = usize::from(columns) + 1;
    if keys.iter().map(width).sum::<usize>() <= room {
        return keys;
    }
    let ways: &[&str] = if columns < BOTH_WAYS { &["help"] } else { &["palette", "help"] };
    let (last, first): (Vec<KeyHint>, Vec<KeyHint>) = keys.into_iter().partition(|hint| ways.contains(&hint.action));
    let mut left = room.saturating_sub(last.iter().map(width).sum());
    let fitting = first.into_iter().take_while(|hint| {
        let fits = width(hint) <= left;
        left = left.saturating_sub(width(hint));
        fits
    });
    fitting.chain(last).collect()
}

/// Rows that a message takes at most.
const SAID: usize = 3;

/// A message that takes more than its own row, over what is under it: what to do next stands at its end.
pub(super) fn said(model: &Model, canvas: &mut Canvas, area: Rect) {
    let Some((lines, role, back)) = message(model, area.width).filter(|(lines, ..)| lines.len() > 1) else { return };
    let rows = u16::try_from(lines.len()).unwrap_or(1);
    let place = Rect { y: (area.y + area.height).saturating_sub(1 + rows), height: rows, ..area };
    canvas.clear(place);
    canvas.hits.add(place, Target::Nothing);
    let last = lines.len() - 1;
    for (row, line) in (0..).zip(lines) {
        let back = if usize::from(row) == last { back.clone() } else { String::new() };
        canvas.line(place, row, &[(role, line), (Role::Key, back)]);
    }
}

/// What is said now, in lines, with the way back from it.
fn message(model: &Model, columns: u16) -> Option<(Vec<String>, Role, String)> {
    let toast = model.toast.as_ref()?;
    let (role, mark) = if toast.bad { (Role::Bad, "✖") } else { (Role::Ok, "✓") };
    let back = model.way_back().map(|action| format!(" · {} takes it back", model.key(action))).unwrap_or_default();
    let room = usize::from(columns).saturating_sub(text::width(&back) + 3);
    let mut lines = text::wrap(&toast.text, room);
    if lines.len() > SAID {
        let rest = lines.split_off(SAID - 1).join(" ");
        lines.push(text::fit(&rest, room));
    }
    let mut lines: Vec<String> = lines.into_iter().map(|line| format!("   {line}")).collect();
    if let Some(first) = lines.first_mut() {
        first.replace_range(..3, &format!(" {mark} "));
    }
    Some((lines, role, back))
}

/// What a locked board still does, and how it is opened.
fn lock_words(model: &Model) -> String {
    let me = model.my_name();
    let proof = match model.state.second_factor(me) {
        Some(_) => format!("the code of {me}"),
        None => format!("the name {me}"),
    };
    format!(" ▲ LOCKED: acting asks for {proof}; looking goes on")
}

/// A short message when there is one, the last events else.
fn news(model: &Model, canvas: &mut Canvas, area: Rect, row: u16) {
    if let Some((lines, role, back)) = message(model, area.width) {
        // More than a row is written last, over what is under it.
        if let [line] = lines.as_slice() {
            canvas.line(area, row, &[(role, line.clone()), (Role::Key, back)]);
        }
        return;
    }
    if model.locked {
        canvas.line(area, row, &[(Role::Warn, lock_words(model))]);
        return;
    }
    if let Link::Lost { reason, .. } = &model.link {
        canvas.line(area, row, &[(Role::Bad, format!(" ✖ {reason}; trying again. What is shown may be old."))]);
        return;
    }
    if !model.filter.is_empty() {
        canvas.line(
            area,
            row,
            &[(
                Role::Warn,
                format!(" showing only “{}” · {} changes it · Esc shows all", model.filter, model.key("filter")),
            )],
        );
        return;
    }
    let mut at = 0;
    for recorded in model.recent.iter().rev().take(2) {
        let place = Rect { x: area.x + at, width: area.width - at, ..area };
        // The start of a second one alone tells nothing.
        if at > 0 && place.width < SECOND {
            break;
        }
        at += canvas.line(
            place,
            row,
            &[
                (Role::Muted, format!(" {} ", recorded.at.format("%H:%M:%S"))),
                (Role::Text, format!("{}   ", recorded.event.summary())),
            ],
        );
    }
}
