//! Many hosts on one board: what is known of each, the lists made of all of them, and going over to the engine of one. The page of the
//! hosts belongs to the engine that the board was opened for; whoever leaves the board of another comes back to it.

use super::{
    action::open,
    message::Request,
    model::{FleetPane, List, Model, Screen},
    text,
};
use crate::{
    client::fleet::{
        Fleet, FleetHost, HostLink, HostNews, HostSight, HostTold, Merged, OpenIncident, UnwellService, WaitingChange,
    },
    domain::{Severity, Status},
};

/// Services on the page; the figures count all.
const SERVICES: usize = 500;

/// What is known of the hosts, and which of them the board is attached to.
#[derive(Debug, Clone, Default)]
pub struct FleetDesk {
    /// All of them, the own among them; one or none when nobody has named others.
    pub fleet: Fleet,
    /// The one that the board was opened for, by its name.
    pub own: String,
    /// What the top line calls it; none when it is this home's.
    pub own_host: Option<String>,
    /// Another one that the board is attached to now.
    pub away: Option<String>,
    /// Whether the streams are asked for: each may be a login somewhere, so nobody has them who does not look.
    pub is_followed: bool,
    /// The pane with the focus.
    pub focus: FleetPane,
    /// The page to open once the engine that the board went over to is heard.
    pub then: Option<Screen>,
}

/// A row among the services that are not well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UnwellRow<'a> {
    /// All services of a host that is not heard.
    Host(&'a FleetHost),
    /// A service of a host that is.
    Service(Merged<'a, UnwellService>),
}

impl UnwellRow<'_> {
    /// What the row is called: `web1:patient-api`, or `web1:` for all there is.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Host(host) => format!("{}:", host.name),
            Self::Service(row) => format!("{}:{}", row.host.name, row.one.name),
        }
    }
}

/// What a thing of a host is called where there are many: `web1:INC-3`.
#[must_use]
pub fn key(host: &FleetHost, id: &impl ToString) -> String {
    format!("{}:{}", host.name, id.to_string())
}

impl Model {
    /// Whether somebody has named other hosts, so that there is a page of all.
    #[must_use]
    pub fn has_fleet(&self) -> bool {
        self.fleet.fleet.hosts().len() > 1
    }

    /// Hosts that the filter lets through, what wants to be looked at first.
    #[must_use]
    pub fn wanted_hosts(&self) -> Vec<&FleetHost> {
        self.fleet.fleet.by_urgency(self.now).into_iter().filter(|host| self.wants_host(host)).collect()
    }

    /// Open incidents of all hosts that the filter lets through.
    #[must_use]
    pub fn wanted_incidents(&self) -> Vec<Merged<'_, OpenIncident>> {
        let all = self.fleet.fleet.incidents(self.now).into_iter();
        all.filter(|row| self.wants_merged_incident(row)).collect()
    }

    /// Changes of all hosts that wait and that the filter lets through.
    #[must_use]
    pub fn wanted_changes(&self) -> Vec<Merged<'_, WaitingChange>> {
        let all = self.fleet.fleet.changes(self.now).into_iter();
        all.filter(|row| self.wants_merged_change(row)).collect()
    }

    /// Services of all hosts that are not well, and hosts of whose services nothing is known; as many as a person looks at.
    #[must_use]
    pub fn wanted_unwell(&self) -> Vec<UnwellRow<'_>> {
        let services = self.fleet.fleet.unwell(self.now);
        let known = services.partition_point(|row| row.one.status != Status::Unknown);
        let is_unheard = |host: &&FleetHost| matches!(host.sight(self.now), HostSight::Unknown { .. });
        let unheard = self.fleet.fleet.hosts().iter().filter(is_unheard).map(UnwellRow::Host);
        let (bad, unknown) = services.split_at(known);
        bad.iter()
            .copied()
            .map(UnwellRow::Service)
            .chain(unheard)
            .chain(unknown.iter().copied().map(UnwellRow::Service))
            .filter(|row| self.wants_unwell(row))
            .take(SERVICES)
            .collect()
    }

    /// The keys of the rows of a pane of the hosts' page.
    #[must_use]
    pub fn fleet_rows(&self, pane: FleetPane) -> Vec<String> {
        match pane {
            FleetPane::Hosts => self.wanted_hosts().into_iter().map(|host| host.name.clone()).collect(),
            FleetPane::Incidents => self.wanted_incidents().iter().map(|row| key(row.host, &row.one.id)).collect(),
            FleetPane::Changes => self.wanted_changes().iter().map(|row| key(row.host, &row.one.id)).collect(),
            FleetPane::Services => self.wanted_unwell().iter().map(UnwellRow::key).collect(),
        }
    }

    /// How many rows a pane of the hosts' page would have if it were not narrowed.
    #[must_use]
    pub fn fleet_count(&self, pane: FleetPane) -> usize {
        let fleet = &self.fleet.fleet;
        match pane {
            FleetPane::Hosts => fleet.hosts().len(),
            FleetPane::Incidents => fleet.totals(self.now).incidents,
            FleetPane::Changes => fleet.totals(self.now).changes,
            FleetPane::Services => {
                let unheard = fleet.totals(self.now).unknown;
                (fleet.unwell(self.now).len() + unheard).min(SERVICES)
            }
        }
    }

    /// Becomes the board of another engine: what was known of the last is forgotten, what belongs to the person and the terminal stays.
    pub fn attach(&mut self, host: &str, then: Option<Screen>, faults: Vec<super::model::Fault>) {
        let old = std::mem::replace(self, Self::new(self.now, faults));
        self.remember(old.preferences());
        self.keymap = old.keymap;
        self.look = old.look;
        self.problems = old.problems;
        self.access = old.access;
        self.mouse = old.mouse;
        self.marks = old.marks;
        self.touched_at = old.touched_at;
        self.acts = old.acts;
        self.columns = old.columns;
        self.page = old.page;
        self.fleet = old.fleet;
        let is_own = host == self.fleet.own;
        self.fleet.away = (!is_own).then(|| host.to_owned());
        self.host = if is_own { self.fleet.own_host.clone() } else { Some(host.to_owned()) };
        // The page of the hosts needs nothing of that engine; every other waits for it.
        if then == Some(Screen::Hosts) {
            self.screens.push(Screen::Hosts);
            let lists = FleetPane::ALL.map(List::Fleet);
            self.cursors = old.cursors.into_iter().filter(|(list, _)| lists.contains(list)).collect();
            self.filter = old.filter;
        } else {
            self.fleet.then = then;
        }
    }
}

/// Takes news of a host in.
pub fn hear(model: &mut Model, news: HostNews) -> Vec<Request> {
    let name = news.host.clone();
    let worst = |model: &Model| {
        let last = model.fleet.fleet.host(&name).and_then(FleetHost::last);
        let incidents = last.map(|last| last.incidents.as_slice()).unwrap_or_default();
        incidents.iter().filter(|one| one.severity == Severity::Sev1).map(|one| one.id).max()
    };
    // The own engine's news ring by themselves, and what was open before anybody looked is no news.
    let rings = matches!(news.told, HostTold::Changed(_)) && name != model.fleet.own;
    let before = worst(model);
    model.fleet.fleet.take(news);
    if rings && worst(model) > before { vec![Request::Bell] } else { Vec::new() }
}

/// Asks for the streams of all hosts, once.
pub fn follow(model: &mut Model) -> Vec<Request> {
    if !model.has_fleet() || std::mem::replace(&mut model.fleet.is_followed, true) {
        return Vec::new();
    }
    vec![Request::FollowHosts]
}

/// Opens the page of the hosts; from the board of another engine, that of the own.
pub fn open_hosts(model: &mut Model) -> Vec<Request> {
    match &model.fleet.away {
        Some(_) => {
            vec![Request::Attach(model.fleet.own.clone(), Some(Screen::Hosts))]
        }
        None => open(model, Screen::Hosts),
    }
}

/// Goes to what is selected on the page of the hosts, on the board of its engine.
pub fn go_to_selected(model: &mut Model) -> Vec<Request> {
    let pane = model.fleet.focus;
    let Some(selected) = model.selected(List::Fleet(pane)) else { return Vec::new() };
    let (host, of_host) = selected.split_once(':').unwrap_or((&selected, ""));
    let then = match pane {
        FleetPane::Hosts => None,
        FleetPane::Incidents => of_host.parse().ok().map(Screen::Incident),
        FleetPane::Changes => of_host.parse().ok().map(Screen::Change),
        FleetPane::Services => {
            Some(of_host).filter(|name| !name.is_empty()).map(|name| Screen::Service(name.to_owned()))
        }
    };
    if host == model.fleet.own {
        model.screens.truncate(1);
        model.unroll();
        return then.map(|screen| open(model, screen)).unwrap_or_default();
    }
    if let Some(why) = unreachable(model, host) {
        model.say(why, true);
        return Vec::new();
    }
    vec![Request::Attach(host.to_owned(), then)]
}

/// Why the board of a host cannot be opened now.
fn unreachable(model: &Model, name: &str) -> Option<String> {
    let host = model.fleet.fleet.host(name)?;
    match &host.link {
        HostLink::Live { .. } => None,
        HostLink::Connecting => Some(format!("{name} has not been heard yet; it is being tried")),
        HostLink::Lost { reason, next_try, .. } => {
            let again = match next_try {
                Some(at) => format!("; tried again in {}", text::short(*at - model.now)),
                None => String::new(),
            };
            Some(format!("{name} is not heard: {reason}{again}"))
        }
    }
}
