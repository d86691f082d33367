//! What the board knows: a copy of the engine's state, and what is open, selected and asked on top of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tui_textarea::TextArea;

use super::{
    action::{Keymap, named},
    beside::Following,
    browse::{Browse, Standing},
    drill::DrillDesk,
    errors::Errors,
    filter::Filter,
    fleet::FleetDesk,
    form::{Form, Writing},
    guard::Access,
    hand::Hand,
    help::{Advice, FirstTime},
    hit::HitMap,
    layout::Zoom,
    lists::FoundRows,
    look::Look,
    lookback::LookedBack,
    map::Map,
    marks::Marks,
    measure::Measured,
    message::Request,
    older::OlderAsked,
    palette::{Entry, Palette},
    patterns::Patterns,
    preferences::Preferences,
    reach::Reached,
    startle::Laid,
    way_back::WayBack,
};
use crate::{
    domain::{
        CalendarEntry, ChangeId, Command, DiagnosisId, Event, IncidentId, Operator, Plan, Recorded, Shift, SnapshotId,
        State, Vitals,
    },
    engine::{ComponentDifference, DryRun, DryRunRequest, LibraryBook, ModelWords, Reader},
    platform::Profile,
};

pub use super::{
    overlay::Purpose,
    place::{Cursor, FleetPane, List, Pane, Part, Screen, Target},
};

/// Events kept for the journal screen.
pub const RECENT: usize = 1000;

/// Everything the board knows.
#[derive(Debug, Clone)]
pub struct Model {
    /// The connection to the engine.
    pub link: Link,
    /// What the engine's host is called, where it is not that of this home.
    pub host: Option<String>,
    /// All hosts, where somebody has named others.
    pub fleet: FleetDesk,
    /// A copy of the engine's state.
    pub state: State,
    /// A copy of the latest figures.
    pub vitals: Vitals,
    /// Who we are.
    pub me: Option<Operator>,
    /// The time, as of the last message.
    pub now: DateTime<Utc>,
    /// Which keys lead to which action.
    pub keymap: Keymap,
    /// The themes there are, and the one that is kept.
    pub look: Look,
    /// What is wrong in the files of the settings and does not hold.
    pub problems: Vec<String>,
    /// What was remembered from the last time.
    pub remembered: Preferences,
    /// What is open; the board is below all.
    pub screens: Vec<Screen>,
    /// The pane with the focus.
    pub focus: Pane,
    /// The page of which only the part with the focus is shown.
    pub zoomed: Option<Screen>,
    /// The selected row of each list, by its key and its place.
    pub cursors: HashMap<List, Cursor>,
    /// The rows of lists, while a frame is drawn.
    pub found_rows: FoundRows,
    /// Order of the services while the cursor moves among them: rows do not jump from under it.
    pub held: Option<Vec<String>>,
    /// How long nothing may be heard of each service; from the platform file, kept because every row asks for it.
    pub patience: HashMap<String, Duration>,
    /// Services that suffer because of another, each with that other.
    pub affected: BTreeMap<String, String>,
    /// First visible line of a long page, or of the part of it with the focus.
    pub scroll: usize,
    /// The part of an incident's or a change's page with the focus.
    pub part: Part,
    /// First visible line of its other part.
    pub aside: usize,
    /// Lines the page could scroll, as last drawn.
    pub deepest: usize,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// Since when it lies there.
    pub laid: Laid,
    /// Nobody has been at the board for too long: it shows, and acts for nobody until somebody has come back.
    pub locked: bool,
    /// Whether it acts for somebody or only shows.
    pub access: Access,
    /// The hand on the mouse.
    pub hand: Hand,
    /// When somebody last did something at the board.
    pub touched_at: DateTime<Utc>,
    /// The command that waits for a code.
    pub wants_code: Option<Box<Command>>,
    /// What can be done on the page where help was asked for.
    pub advice: Vec<Advice>,
    /// Whether somebody is here for the first time.
    pub first_time: FirstTime,
    /// A short message.
    pub toast: Option<Toast>,
    /// What lists are narrowed to.
    pub filter: Filter,
    /// Incidents that are marked, to be acknowledged together.
    pub marked: BTreeSet<IncidentId>,
    /// Whether clicks come to the board.
    pub mouse: Mouse,
    /// What this operator did since the board was opened, oldest first.
    pub acts: VecDeque<(DateTime<Utc>, String)>,
    /// What was chosen in the palette, the last first.
    pub chosen: VecDeque<Entry>,
    /// The last events, oldest first.
    pub recent: VecDeque<Recorded>,
    /// Dry runs of changes.
    pub dry_runs: HashMap<ChangeId, Loaded<DryRun>>,
    /// What differs between a snapshot and the live system, or another snapshot.
    pub differences: HashMap<(SnapshotId, Option<SnapshotId>), Comparison>,
    /// What language models are saying about the diagnoses that run.
    pub words: Vec<ModelWords>,
    /// What a language model was told, for the diagnosis looked at last.
    pub prompt: Option<(DiagnosisId, Loaded<String>)>,
    /// The runbooks of the engine, once somebody has asked for them.
    pub books: Option<Loaded<Vec<LibraryBook>>>,
    /// What was written and not sent, or not accepted yet.
    pub drafts: HashMap<Writing, Form>,
    /// What is looked at among the snapshots.
    pub browse: Browse,
    /// What was asked of the engine because it is too old to be here.
    pub older: OlderAsked,
    /// How the page beside a list follows the cursor.
    pub following: Following,
    /// How the service that is looked at was over time.
    pub looked_back: LookedBack,
    /// What the logs say, while that is looked at.
    pub patterns: Patterns,
    /// What programs have reported of themselves, while that is looked at.
    pub errors: Errors,
    /// How far away the engine is, while that is looked at.
    pub reached: Reached,
    /// How incidents went, while that is looked at.
    pub measured: Measured,
    /// What plots are drawn with.
    pub marks: Marks,
    /// Whether differences are shown one by one rather than summed up.
    pub unfolded: bool,
    /// Who needs whom.
    pub map: Map,
    /// Planned work, while that is looked at.
    pub work: Vec<CalendarEntry>,
    /// When it was worked out; none when something has changed since.
    pub work_at: Option<DateTime<Utc>>,
    /// The shifts of those on call, as they were worked out last.
    pub shifts: Vec<Shift>,
    /// When that was.
    pub shifts_at: Option<DateTime<Utc>>,
    /// How each component stands in the vault; kept because every row asks for it.
    pub standing: HashMap<String, Standing>,
    /// What is about to be asked for, with its plan.
    pub asked: Option<Asked>,
    /// Faults that may be injected, when this is a drill on a sandbox.
    pub faults: Vec<Fault>,
    /// What is known of drills besides the state.
    pub drills: DrillDesk,
    /// Who follows the run whose page is open, as far as that is known.
    pub readers: Vec<Reader>,
    /// Where things are on the screen, as last drawn.
    pub hits: HitMap<Target>,
    /// Rows a page has, as last drawn.
    pub page: usize,
    /// Columns of the screen, as last drawn.
    pub columns: u16,
}

/// Whether clicks come to the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mouse {
    /// They do.
    Captured,
    /// The terminal keeps them, so that text can be selected with it.
    Free,
}

/// The connection to the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Nothing has been heard yet.
    Connecting,
    /// News come in.
    Live,
    /// No news since then.
    Lost {
        /// When it was lost.
        since: DateTime<Utc>,
        /// Why.
        reason: String,
    },
}

/// Something that is asked for and may not be there yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Loaded<T> {
    /// On its way.
    Waiting,
    /// Here.
    Here(T),
    /// It could not be had.
    Failed(String),
}

/// A comparison that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// When.
    pub asked: DateTime<Utc>,
    /// What came of it.
    pub result: Loaded<Vec<ComponentDifference>>,
}

/// A command that is looked at before it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What would be planned.
    pub request: DryRunRequest,
    /// What would be given.
    pub command: Command,
    /// The plan, as far as this board can tell; the rule that says no, else.
    pub plan: Result<Plan, String>,
    /// When it was asked for.
    pub since: DateTime<Utc>,
    /// What it would change.
    pub dry_run: Loaded<DryRun>,
}

/// A short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What it says.
    pub text: String,
    /// Whether it is bad news.
    pub bad: bool,
    /// What it tells of, as far as that can be taken back.
    pub way_back: Option<WayBack>,
    /// When it goes.
    pub until: DateTime<Utc>,
}

/// A fault that may be injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its name on the command line.
    pub name: String,
    /// What it does.
    pub about: String,
}

/// What lies over the screen and takes the keys.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The themes; the selected one is what the board looks like.
    Themes {
        /// The selected one.
        selected: usize,
    },
    /// Everything, found by typing.
    Palette(Palette),
    /// A choice among a few.
    Menu {
        /// What it is about.
        title: String,
        /// What each choice says and does.
        choices: Vec<(String, Vec<Request>)>,
        /// The selected choice.
        selected: usize,
    },
    /// A card of the tour, by its place.
    Tour(usize),
    /// A question before something is done.
    Confirm(Confirm),
    /// Several lines, or several fields.
    Form(Box<Form>),
    /// A line of text.
    Prompt {
        /// What is asked.
        title: String,
        /// What it is for.
        purpose: Purpose,
        /// What was typed.
        input: Box<TextArea<'static>>,
    },
}

/// A question before something is done.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// What would be done.
    pub title: String,
    /// What it means.
    pub lines: Vec<String>,
    /// What the button says.
    pub verb: String,
    /// A name that has to be typed first.
    pub name: Option<String>,
    /// What was typed.
    pub typed: String,
    /// The button that Enter presses is the one that goes on.
    pub go: bool,
    /// What is done.
    pub requests: Vec<Request>,
}

impl Model {
    /// A board that has heard nothing yet.
    #[must_use]
    pub fn new(now: DateTime<Utc>, faults: Vec<Fault>) -> Self {
        Self {
            link: Link::Connecting,
            host: None,
            fleet: FleetDesk::default(),
            state: State::default(),
            vitals: Vitals::default(),
            me: None,
            now,
            keymap: Keymap::default(),
            look: Look::default(),
            problems: Vec::new(),
            remembered: Preferences::default(),
            screens: vec![Screen::Board],
            focus: Pane::Services,
            zoomed: None,
            cursors: HashMap::new(),
            found_rows: FoundRows::default(),
            held: None,
            patience: HashMap::new(),
            affected: BTreeMap::new(),
            scroll: 0,
            part: Part::Facts,
            aside: 0,
            deepest: 0,
            overlay: None,
            laid: Laid::default(),
            locked: false,
            access: Access::Act,
            hand: Hand::default(),
            touched_at: now,
            wants_code: None,
            advice: Vec::new(),
            first_time: FirstTime::No,
            toast: None,
            filter: Filter::default(),
            marked: BTreeSet::new(),
            mouse: Mouse::Captured,
            acts: VecDeque::new(),
            chosen: VecDeque::new(),
            recent: VecDeque::new(),
            dry_runs: HashMap::new(),
            differences: HashMap::new(),
            words: Vec::new(),
            prompt: None,
            books: None,
            drafts: HashMap::new(),
            browse: Browse::default(),
            older: OlderAsked::default(),
            following: Following::default(),
            looked_back: LookedBack::default(),
            patterns: Patterns::default(),
            errors: Errors::default(),
            reached: Reached::default(),
            measured: Measured::default(),
            marks: Marks::default(),
            unfolded: false,
            map: Map::default(),
            work: Vec::new(),
            work_at: None,
            shifts: Vec::new(),
            shifts_at: None,
            standing: HashMap::new(),
            asked: None,
            faults,
            drills: DrillDesk::default(),
            readers: Vec::new(),
            hits: HitMap::default(),
            page: 10,
            columns: 80,
        }
    }

    /// The page on top.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        self.screens.last().unwrap_or(&Screen::Board)
    }

    /// Whether all of the page on top is shown, or the part with the focus alone.
    #[must_use]
    pub fn page_zoom(&self) -> Zoom {
        if self.zoomed.as_ref() == Some(self.screen()) { Zoom::In } else { Zoom::Out }
    }

    /// Whether faults may be injected here.
    #[must_use]
    pub fn is_drill(&self) -> bool {
        self.state.platform.profile == Profile::Drill
    }

    /// The key to name for an action in a sentence; how the palette finds it, where it has none.
    #[must_use]
    pub fn key(&self, action: &str) -> String {
        let key = named(action).map(|action| self.keymap.key(action)).unwrap_or_default();
        if key.is_empty() { format!(":{action}") } else { key }
    }

    /// What a button of an action says: its key, and words of its own.
    #[must_use]
    pub fn named_button(&self, action: &str, words: &str) -> String {
        named(action).map_or_else(|| words.to_owned(), |action| self.keymap.button(action, words))
    }

    /// What stands beside something that a key opens.
    #[must_use]
    pub fn opens_it(&self) -> String {
        format!("{} opens it", self.key("open"))
    }

    /// What a list says when its filter leaves nothing of it.
    #[must_use]
    pub fn nothing_matches(&self) -> String {
        format!("nothing matches the filter: {} changes it", self.key("filter"))
    }

    /// Shows a page from its beginning.
    pub fn unroll(&mut self) {
        self.scroll = 0;
        self.aside = 0;
        self.part = Part::Facts;
    }

    /// Gives the arrow keys to a part of a page; each keeps its place.
    pub fn turn_to(&mut self, part: Part) {
        if self.part != part {
            self.part = part;
            std::mem::swap(&mut self.scroll, &mut self.aside);
        }
    }

    /// First visible line of a part of a page.
    #[must_use]
    pub fn scroll_of(&self, part: Part) -> usize {
        if self.part == part { self.scroll } else { self.aside }
    }

    /// Shows a short message.
    pub fn say(&mut self, text: impl Into<String>, bad: bool) {
        let text = self.in_keys(&text.into());
        // What takes two lines takes longer to read.
        let letters = i64::try_from(text.chars().count()).unwrap_or(0);
        let until = self.now + TimeDelta::seconds(if bad { 10.max(letters / 8) } else { 5 });
        self.toast = Some(Toast { text, bad, way_back: None, until });
    }

    /// Says what was done, for as long as it takes to think better of it where that can be.
    pub fn say_done(&mut self, event: &Event) {
        self.say(event.summary(), false);
        if let (Some(toast), Some(way_back)) = (&mut self.toast, WayBack::of(event)) {
            toast.until = self.now + TimeDelta::seconds(10);
            toast.way_back = Some(way_back);
        }
    }
}
