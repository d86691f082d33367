//! What can be chosen in the palette: an action, an action with what it is told, or a thing that has a page.

use super::told::{tell, usage};
use crate::{
    domain::{BreakGlassId, ChangeId, DrillId, IncidentId, RecoveryId, RunId, SnapshotId},
    tui::{
        action::{browse, named, on_key, open, perform},
        message::Request,
        model::{Model, Screen},
        theme::status_badge,
    },
};

/// Actions that do nothing but open a page.
const PAGES: [&str; 17] = [
    "journal",
    "recoveries",
    "snapshots",
    "patterns",
    "metrics",
    "map",
    "help",
    "knowledge",
    "reliability",
    "approvals",
    "templates",
    "calendar",
    "on-call",
    "continuity",
    "books",
    "drills",
    "heat-map",
];

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An action of the table, by its name.
    Action(&'static str),
    /// The same, and what was typed after its name.
    Told(&'static str, String),
    /// Something that has a page.
    Thing(Thing),
}

/// Something that has a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// The board itself.
    Board,
    /// A service.
    Service(String),
    /// A component: its snapshots.
    Component(String),
    /// An incident.
    Incident(IncidentId),
    /// A change.
    Change(ChangeId),
    /// A use of break-glass.
    BreakGlass(BreakGlassId),
    /// A snapshot, among those of its component.
    Snapshot(SnapshotId),
    /// A recovery.
    Recovery(RecoveryId),
    /// A run of a runbook.
    Run(RunId),
    /// A runbook.
    Book(String),
    /// A drill.
    Drill(DrillId),
    /// An article.
    Article(String),
    /// A function that people cannot do without.
    Function(String),
}

/// An entry as a row shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key that does the same here, where there is one.
    pub key: String,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What there is to know of it.
    pub about: String,
    /// Why it can do nothing now.
    pub disabled: Option<String>,
}

impl Entry {
    /// How a row shows it.
    #[must_use]
    pub fn row(&self, model: &Model) -> Row {
        match self {
            Self::Action(name) => action_row(model, name, None),
            Self::Told(name, words) => action_row(model, name, Some(words)),
            Self::Thing(thing) => thing.row(model),
        }
    }

    /// What would have to be typed for it, so that more can follow.
    #[must_use]
    pub fn typed(&self) -> Option<String> {
        match self {
            Self::Action(name) => Some(if usage(name).is_some() { format!("{name} ") } else { (*name).to_owned() }),
            Self::Told(name, words) => Some(format!("{name} {words} ")),
            Self::Thing(thing) => Some(thing.name()),
        }
    }

    /// Does what it stands for.
    ///
    /// # Errors
    /// What is wrong with the words that an action was told.
    pub fn run(&self, model: &mut Model) -> Result<Vec<Request>, String> {
        match self {
            Self::Action(name) => Ok(named(name).map(|action| perform(model, action)).unwrap_or_default()),
            Self::Told(name, words) => tell(model, name, words),
            Self::Thing(thing) => Ok(thing.open(model)),
        }
    }
}

fn action_row(model: &Model, name: &str, words: Option<&String>) -> Row {
    let Some(action) = named(name) else {
        return Row { key: String::new(), kind: "", name: name.to_owned(), about: String::new(), disabled: None };
    };
    // Told whom it is about, it opens that first: what is in question here does not matter.
    let disabled = if words.is_some() { None } else { action.why_not(model) };
    let leads = |key: &&crate::tui::term::input::Key| on_key(model, **key).is_some_and(|found| found.name == name);
    let key = match words {
        Some(_) => None,
        None => {
            let keys = model.keymap.keys(action);
            keys.iter().find(leads).or(keys.first())
        }
    };
    let about = match (words, usage(name)) {
        (None, Some(usage)) => format!("{} {usage} · {}", action.name, action.about),
        _ => action.about.to_owned(),
    };
    Row {
        key: key.map(ToString::to_string).unwrap_or_default(),
        kind: if PAGES.contains(&name) { "page" } else { "action" },
        name: words.map_or_else(|| action.label.to_owned(), |words| format!("{} {words}", action.label)),
        about,
        disabled,
    }
}

/// Whether an action does nothing but open a page.
pub(super) fn is_page(action: &str) -> bool {
    PAGES.contains(&action)
}

impl Thing {
    /// The name under which people know it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Board => "board".to_owned(),
            Self::Service(name)
            | Self::Component(name)
            | Self::Book(name)
            | Self::Article(name)
            | Self::Function(name) => name.clone(),
            Self::Incident(id) => id.to_string(),
            Self::Change(id) => id.to_string(),
            Self::BreakGlass(id) => id.to_string(),
            Self::Snapshot(id) => id.to_string(),
            Self::Recovery(id) => id.to_string(),
            Self::Run(id) => id.to_string(),
            Self::Drill(id) => id.to_string(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Board => "page",
            Self::Service(_) => "service",
            Self::Component(_) => "component",
            Self::Incident(_) => "incident",
            Self::Change(_) => "change",
            Self::BreakGlass(_) => "glass",
            Self::Snapshot(_) => "snapshot",
            Self::Recovery(_) => "recovery",
            Self::Run(_) => "run",
            Self::Book(_) => "runbook",
            Self::Drill(_) => "drill",
            Self::Article(_) => "article",
            Self::Function(_) => "function",
        }
    }

    /// What there is to know of it, in a line.
    #[must_use]
    pub fn about(&self, model: &Model) -> String {
        let state = &model.state;
        let said = match self {
            Self::Board => Some("the four panes".to_owned()),
            Self::Service(name) => {
                let (glyph, word, _) = status_badge(model.status_of(name));
                Some(format!("{glyph} {word}"))
            }
            Self::Component(name) => state
                .platform
                .component(name)
                .map(|component| format!("snapshots of this part of {}", component.service)),
            Self::Incident(id) => state
                .incidents
                .get(id)
                .map(|incident| format!("{} {} · {}", incident.severity, incident.title, incident.state)),
            Self::Change(id) => state.changes.get(id).map(|change| format!("{} · {}", change.title, change.state)),
            Self::BreakGlass(id) => {
                state.break_glass.get(id).map(|glass| format!("{} for {}", glass.operator, glass.incident))
            }
            Self::Snapshot(id) => Some(match state.snapshots.get(id) {
                Some(found) => {
                    format!("{} · {}", found.requested_at.format("%d %b %H:%M:%SZ"), found.components.join(", "))
                }
                None => "an older one, which comes from the engine".to_owned(),
            }),
            Self::Recovery(id) => state.recoveries.get(id).map(|recovery| match &recovery.ended {
                Some((_, outcome)) => format!("{} · {outcome}", recovery.reason),
                None => format!("{} · runs", recovery.reason),
            }),
            Self::Run(id) => state
                .runs
                .get(id)
                .map(|run| format!("{} · {}", run.book.front.title, if run.is_open() { "open" } else { "over" })),
            Self::Book(name) => {
                model.book(name).and_then(|book| book.runbook.as_ref()).map(|runbook| runbook.front.title.clone())
            }
            Self::Drill(id) => state
                .drills
                .held
                .get(id)
                .map(|drill| format!("{} · {}", drill.mode, if drill.ended.is_some() { "over" } else { "runs" })),
            Self::Article(name) => {
                state.knowledge.articles.get(name).map(|article| format!("{} · {}", article.body.title, article.state))
            }
            Self::Function(_) => Some("what people cannot do without".to_owned()),
        };
        said.unwrap_or_default()
    }

    fn row(&self, model: &Model) -> Row {
        Row { key: String::new(), kind: self.kind(), name: self.name(), about: self.about(model), disabled: None }
    }

    /// Opens its page.
    pub fn open(&self, model: &mut Model) -> Vec<Request> {
        let screen = match self {
            Self::Board => {
                model.screens = vec![Screen::Board];
                model.unroll();
                return Vec::new();
            }
            Self::Component(name) => {
                let requests = open(model, Screen::Snapshots);
                model.show_component(Some(name.clone()));
                return requests;
            }
            Self::Snapshot(id) => return browse(model, *id),
            Self::Service(name) => Screen::Service(name.clone()),
            Self::Incident(id) => Screen::Incident(*id),
            Self::Change(id) => Screen::Change(*id),
            Self::BreakGlass(id) => Screen::BreakGlass(*id),
            Self::Recovery(id) => Screen::Recovery(*id),
            Self::Run(id) => Screen::Run(*id),
            Self::Book(id) => Screen::Book(id.clone()),
            Self::Drill(id) => Screen::Drill(*id),
            Self::Article(name) => Screen::Article(name.clone()),
            Self::Function(name) => Screen::Function(name.clone()),
        };
        open(model, screen)
    }
}
