//! What can be done anywhere, and in a drill.

use tui_textarea::{CursorMove, TextArea};

use super::{
    here::{ask, cannot_act, confirm, open, open_selected, roles, submit},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{AutomationMode, Command},
    tui::{
        copy::open_copy_menu,
        fleet::open_hosts,
        help::{ask_for_help, tour},
        layout::{VERY_WIDE, Zoom},
        look::try_on,
        lookback::look_back,
        map::Way,
        measure::measure,
        message::Request,
        model::{Model, Mouse, Overlay, Purpose, Screen},
        palette::open_palette,
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "inject",
        keys: &[Key::Char('f')],
        label: "Inject fault",
        about: "Break the sandbox on purpose",
        place: Where::Drill,
        danger: Danger::Guarded,
        disabled: |model| {
            (!model.is_drill() || model.faults.is_empty())
                .then(|| "faults are for the sandbox alone: codeblue demo".to_owned())
        },
        run: |model| {
            let width = model.faults.iter().map(|fault| fault.name.len()).max().unwrap_or(0).max(17);
            let line = |name: &str, about: &str| format!("{name:<width$} {about}");
            let mut choices: Vec<(String, Vec<Request>)> = model
                .faults
                .iter()
                .map(|fault| (line(&fault.name, &fault.about), vec![Request::Inject(fault.name.clone())]))
                .collect();
            choices.push((line("heal", "take all faults back"), vec![Request::Heal]));
            model.overlay = Some(Overlay::Menu { title: "Break what?".to_owned(), choices, selected: 0 });
            Vec::new()
        },
    },
    Action {
        name: "become",
        keys: &[Key::Char('@')],
        label: "Be somebody else",
        about: "In a drill: act as another operator of the same login",
        place: Where::Drill,
        danger: Danger::View,
        disabled: |model| (!model.is_drill()).then(|| "only in a drill may one login be several people".to_owned()),
        run: |model| {
            let login = model.me.as_ref().and_then(|me| me.login.clone());
            let choices = model
                .state
                .operators
                .values()
                .filter(|operator| operator.login == login && !operator.disabled)
                .map(|operator| {
                    (format!("{:<10} {}", operator.name, roles(operator)), vec![Request::Become(operator.name.clone())])
                })
                .collect();
            model.overlay = Some(Overlay::Menu { title: "Act as".to_owned(), choices, selected: 0 });
            Vec::new()
        },
    },
    Action {
        name: "halt",
        keys: &[Key::Char('h')],
        label: "Halt autopilot",
        about: "Kill switch: policies start nothing until it is released with the same key",
        place: Where::Anywhere,
        danger: Danger::Guarded,
        disabled: cannot_act,
        run: |model| match model.state.halted {
            Some(_) => confirm(
                model,
                "Release the autopilot".to_owned(),
                vec![
                    "Policies start again what is due, at once: diagnoses, proposals, and in mode auto recoveries."
                        .to_owned(),
                ],
                "Release it",
                Command::ReleaseAutomation,
            ),
            None => ask(model, "Why must policies stop?".to_owned(), Purpose::Halt),
        },
    },
    Action {
        name: "mode",
        keys: &[Key::Char('m')],
        label: "Autopilot mode",
        about: "Choose how far policies may go",
        place: Where::Anywhere,
        danger: Danger::Guarded,
        disabled: cannot_act,
        run: |model| {
            let choice = |text: &str, mode| (text.to_owned(), submit(Command::SetAutomation { mode }));
            let choices = vec![
                choice("observe   watch and record, propose nothing", AutomationMode::Observe),
                choice("assist    diagnose and propose; a person approves", AutomationMode::Assist),
                choice("auto      also run recoveries (not in production)", AutomationMode::Auto),
            ];
            model.overlay = Some(Overlay::Menu { title: "Autopilot".to_owned(), choices, selected: 1 });
            Vec::new()
        },
    },
    Action {
        name: "open",
        keys: &[Key::Enter],
        label: "Open",
        about: "Open what is selected",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: open_selected,
    },
    Action {
        name: "back",
        keys: &[Key::Esc, Key::Backspace],
        label: "Back",
        about: "Close what is on top; first let go of what is zoomed in on, of what a list is narrowed to, and of the point in time among the snapshots",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| {
            if *model.screen() == Screen::Snapshots && model.browse.point.take().is_some() {
                return Vec::new();
            }
            if model.page_zoom() == Zoom::In {
                model.zoomed = None;
                return Vec::new();
            }
            if model.is_narrowed() || (model.screens.len() == 1 && !model.filter.is_empty()) {
                model.filter.clear();
                return Vec::new();
            }
            if model.screens.len() > 1 {
                model.screens.pop();
                model.unroll();
            } else if model.fleet.away.is_some() {
                return open_hosts(model);
            }
            model.held = None;
            Vec::new()
        },
    },
    Action {
        name: "zoom",
        keys: &[Key::Char('0')],
        label: "Zoom",
        about: "The pane or the part with the focus alone on the screen; once more, or Esc, brings the others back",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |model| {
            let has_parts = matches!(model.screen(), Screen::Incident(_) | Screen::Change(_) | Screen::Run(_));
            let is_beside = model.lists_pages() && model.columns >= VERY_WIDE;
            let is_fleet = *model.screen() == Screen::Hosts && model.has_fleet();
            (*model.screen() != Screen::Board && !has_parts && !is_beside && !is_fleet)
                .then(|| "this page is in one part already".to_owned())
        },
        run: |model| {
            model.zoomed = if model.page_zoom() == Zoom::In { None } else { Some(model.screen().clone()) };
            Vec::new()
        },
    },
    Action {
        name: "journal",
        keys: &[Key::Char('l')],
        label: "Journal",
        about: "Everything that happened, by whom and why",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Journal),
    },
    Action {
        name: "recoveries",
        keys: &[Key::Char('H')],
        label: "Recoveries",
        about: "All recoveries and how they went",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Recoveries),
    },
    Action {
        name: "snapshots",
        keys: &[Key::Char('p')],
        label: "Snapshots",
        about: "All snapshots, and what differs between them and now",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Snapshots),
    },
    Action {
        name: "patterns",
        keys: &[Key::Char('O')],
        label: "Patterns",
        about: "What the logs say, as patterns: what is new, bursts or has stopped; on a service's page, of that service",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| {
            let service = match model.screen() {
                Screen::Service(name) => Some(name.clone()),
                _ => None,
            };
            open(model, Screen::Patterns(service))
        },
    },
    Action {
        name: "metrics",
        keys: &[Key::Char('M')],
        label: "Metrics",
        about: "How incidents went: counts, times beside their targets, what changes broke",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Metrics),
    },
    Action {
        name: "reach",
        keys: &[Key::Char('t')],
        label: "Window",
        about: "Among the metrics: look back over 30, 90 or 365 days",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |model| {
            (*model.screen() != Screen::Metrics).then(|| format!("open the metrics first ({})", model.key("metrics")))
        },
        run: |model| {
            model.measured.reach = model.measured.reach.next();
            measure(model);
            Vec::new()
        },
    },
    Action {
        name: "changed",
        keys: &[Key::Char('B')],
        label: "What changed",
        about: "All that went live, was carried out or was worked on, beside the first sign of what is open",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Changed),
    },
    Action {
        name: "errors",
        keys: &[Key::Char('%')],
        label: "Errors",
        about: "How often each service fails, and what programs report of themselves",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Errors),
    },
    Action {
        name: "team",
        keys: &[Key::Char('&')],
        label: "Team",
        about: "Who may act and agree now, who is away, and what waits for each",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Team),
    },
    Action {
        name: "hosts",
        keys: &[Key::Char('#')],
        label: "Hosts",
        about: "All hosts on one page: how each is, what is open and waits anywhere, how old the news is; opening one goes to its board",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: open_hosts,
    },
    Action {
        name: "fold",
        keys: &[Key::Char(' ')],
        label: "Fold",
        about: "Among differences: each file, or the files of a folder summed up in a line",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |model| {
            (!matches!(model.screen(), Screen::Difference(..) | Screen::Plan | Screen::Change(_)))
                .then(|| "open a difference or a plan first".to_owned())
        },
        run: |model| {
            model.unfolded = !model.unfolded;
            Vec::new()
        },
    },
    Action {
        name: "map",
        keys: &[Key::Char('T')],
        label: "Dependency map",
        about: "Who needs whom, where trouble comes from, and what it reaches",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Map),
    },
    Action {
        name: "needs",
        keys: &[Key::Right],
        label: "What it needs",
        about: "On the map: go along an edge to what the service needs, the worst first",
        place: Where::Service,
        danger: Danger::View,
        disabled: off_the_map,
        run: |model| walk(model, Way::Needs),
    },
    Action {
        name: "needed-by",
        keys: &[Key::Left],
        label: "What needs it",
        about: "On the map: go back along an edge to what needs the service",
        place: Where::Service,
        danger: Danger::View,
        disabled: off_the_map,
        run: |model| walk(model, Way::NeededBy),
    },
    Action {
        name: "next-beside",
        keys: &[Key::Tab],
        label: "The next beside",
        about: "On the map: the next of those that the last step could have led to",
        place: Where::Service,
        danger: Danger::View,
        disabled: off_the_map,
        run: |model| {
            model.next_beside(true);
            Vec::new()
        },
    },
    Action {
        name: "previous-beside",
        keys: &[Key::BackTab],
        label: "The one before",
        about: "On the map: the one before of those",
        place: Where::Service,
        danger: Danger::View,
        disabled: off_the_map,
        run: |model| {
            model.next_beside(false);
            Vec::new()
        },
    },
    Action {
        name: "window",
        keys: &[Key::Char('t')],
        label: "Window",
        about: "On a service's page: look back over 24h, 7d, 30d, 90d",
        place: Where::Service,
        danger: Danger::View,
        disabled: |model| {
            (!matches!(model.screen(), Screen::Service(_))).then(|| "open a service to look back".to_owned())
        },
        run: |model| {
            model.looked_back.window = model.looked_back.window.next();
            look_back(model)
        },
    },
    Action {
        name: "filter",
        keys: &[Key::Char('/')],
        label: "Filter",
        about: "Narrow lists: words, sev:1 service:api is:mine state: kind: who:, - turns one round; empty shows all",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| {
            let mut input = TextArea::new(vec![model.filter.to_string()]);
            input.move_cursor(CursorMove::End);
            let title = "Show only".to_owned();
            model.overlay = Some(Overlay::Prompt { title, purpose: Purpose::Filter, input: Box::new(input) });
            Vec::new()
        },
    },
    Action {
        name: "palette",
        keys: &[Key::Char(':')],
        label: "Commands",
        about: "Find an action, a page, a service, an incident, anything by a few letters of its name",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: open_palette,
    },
    Action {
        name: "copy",
        keys: &[Key::Char('y')],
        label: "Copy",
        about: "Copy a name, the command that shows the same, evidence, or the page as text",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: open_copy_menu,
    },
    Action {
        name: "pager",
        keys: &[Key::Char('|')],
        label: "In the pager",
        about: "Read the whole page as text in $PAGER",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |_| vec![Request::Page],
    },
    Action {
        name: "mouse",
        keys: &[Key::Char('*')],
        label: "Mouse",
        about: "Leave the mouse to the terminal, so that text can be selected with it; once more takes it back",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| {
            model.mouse = match model.mouse {
                Mouse::Captured => Mouse::Free,
                Mouse::Free => Mouse::Captured,
            };
            vec![Request::Mouse(model.mouse)]
        },
    },
    Action {
        name: "help",
        keys: &[Key::Char('?')],
        label: "Help",
        about: "What can be done here, what cannot now and why, and what can be done elsewhere",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: ask_for_help,
    },
    Action {
        name: "tour",
        keys: &[],
        label: "Tour",
        about: "What the board shows and how to get about in it, on a few cards",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: tour,
    },
    Action {
        name: "themes",
        keys: &[Key::Ctrl('t')],
        label: "Themes",
        about: "Try the themes on; the one that is chosen is kept in the settings",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: try_on,
    },
    Action {
        name: "repaint",
        keys: &[Key::Ctrl('l')],
        label: "Repaint",
        about: "Paint the whole screen anew",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |_| vec![Request::Repaint],
    },
    Action {
        name: "suspend",
        keys: &[Key::Ctrl('z')],
        label: "Suspend",
        about: "Go to the background; fg brings the board back",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |_| vec![Request::Suspend],
    },
    Action {
        name: "quit",
        keys: &[Key::Char('q'), Key::Ctrl('c')],
        label: "Quit",
        about: "Leave the board",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |_| vec![Request::Quit],
    },
];

fn off_the_map(model: &Model) -> Option<String> {
    (*model.screen() != Screen::Map).then(|| format!("open the dependency map first ({})", model.key("map")))
}

fn walk(model: &mut Model, way: Way) -> Vec<Request> {
    if let Err(why) = model.walk(way) {
        model.say(why, true);
    }
    Vec::new()
}
