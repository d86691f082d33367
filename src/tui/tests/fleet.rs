//! The page of all hosts, and the way to the board of each and back.

use chrono::{DateTime, TimeDelta, Utc};

use super::scene::{Scene, picture, press};
use crate::{
    client::{
        Update,
        fleet::{Fleet, HostNews, HostSummary, HostTold},
    },
    domain::{IncidentId, State, Vitals},
    tui::{
        message::{Message, Request, Timed},
        model::Model,
        model::{FleetPane, Link, List, Mouse, Overlay, Screen},
        term::input::Key,
        update::update,
    },
};

fn summary(scene: &Scene) -> HostSummary {
    HostSummary::of(&scene.state, &Vitals::default(), scene.now)
}

fn tell(model: &mut Model, host: &str, at: DateTime<Utc>, told: HostTold) -> Vec<Request> {
    let news = HostNews { host: host.to_owned(), at, told };
    let now = model.now;
    update(model, Timed { at: now, message: Message::Host(news) })
}

/// A board over the own engine and three others: one in an outage, one lost with an outage, one never heard.
pub fn fleet() -> Model {
    let mut scene = Scene::outage();
    scene.state.halted = None;
    let mut model = Scene::healthy().seen_by("alice");
    model.now = scene.now;
    let hosts = [
        ("local", "unix:/run/engine.sock"),
        ("web1", "ssh://web1"),
        ("db1", "https://db1:8443"),
        ("edge-eu", "ssh://edge-eu"),
    ];
    model.fleet.own = "local".to_owned();
    model.fleet.fleet = Fleet::of(hosts.map(|(name, address)| (name.to_owned(), address.to_owned())));
    let now = model.now;
    let lost = |seconds| {
        let reason = "the host cannot be reached from here".to_owned();
        HostTold::Lost { reason, next_try: Some(now + TimeDelta::seconds(seconds)) }
    };
    tell(&mut model, "local", now, HostTold::Live(summary(&Scene::healthy()).into()));
    tell(&mut model, "local", now, HostTold::Answered(Some(0.002)));
    tell(&mut model, "web1", now, HostTold::Live(summary(&scene).into()));
    tell(&mut model, "web1", now, HostTold::Answered(Some(0.042)));
    let earlier = now - TimeDelta::seconds(72);
    let mut healthy = summary(&Scene::healthy());
    healthy.incidents.clone_from(&summary(&scene).incidents);
    tell(&mut model, "db1", earlier, HostTold::Live(healthy.into()));
    tell(&mut model, "db1", earlier, lost(8));
    tell(&mut model, "edge-eu", now, lost(30));
    model
}

fn line<'a>(shown: &'a str, wanted: &str) -> &'a str {
    shown.lines().find(|line| line.contains(wanted)).unwrap_or_else(|| panic!("{wanted}:\n{shown}"))
}

#[test]
fn the_page_of_all_hosts_follows_them_once_and_shows_none_as_well_that_is_not_heard() {
    let mut model = fleet();
    assert_eq!(press(&mut model, &[Key::Char('#')]), [Request::FollowHosts]);
    assert!(press(&mut model, &[Key::Esc, Key::Char('#')]).is_empty(), "the streams are asked for once");
    for (width, height) in [(80, 24), (110, 32), (160, 48), (40, 12)] {
        insta::assert_snapshot!(format!("fleet-{width}x{height}"), picture(&mut model, width, height));
    }
    let shown = picture(&mut model, 110, 32);
    let top = shown.lines().next().unwrap();
    assert!(top.contains("■ EMERGENCY") && top.contains("2 of 4 hosts not heard"), "how bad it is anywhere: {top}");
    let of = |name: &str| line(&shown, name).to_owned();
    assert!(of("local ").contains("3 ●") && of("local ").contains("live <10 ms"), "{shown}");
    assert!(of("db1 ").contains("unknown since 14:20:1") && !of("db1 ").contains('●'), "{shown}");
    assert!(of("edge-eu ").contains("never heard"), "{shown}");
    assert!(shown.contains("2 live · 2 unknown"), "{shown}");
    // What was open there stays, with when that was; each row says whose it is.
    let incidents: Vec<&str> = shown.lines().filter(|line| line.contains("INC-1")).collect();
    assert_eq!(incidents.len(), 2, "{shown}");
    assert!(incidents.iter().any(|line| line.contains("web1") && !line.contains("as of")), "{shown}");
    assert!(incidents.iter().any(|line| line.contains("db1") && line.contains("as of 14:20")), "{shown}");
    assert!(shown.contains("◌ UNKN") && shown.contains("3 services"), "{shown}");
    // A host that says nothing any more is unknown though its link seems to stand.
    let at = model.now + TimeDelta::seconds(16);
    update(&mut model, Timed { at, message: Message::Tick });
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("4 unknown") && line(&shown, "web1 ").contains("silent"), "{shown}");
    assert!(!shown.contains("3 ●"), "{shown}");
}

#[test]
fn enter_goes_to_the_board_of_a_host_and_back_leads_to_all_of_them() {
    let mut model = fleet();
    press(&mut model, &[Key::Char('#'), Key::Char('2')]);
    assert_eq!(*model.rows(List::Fleet(FleetPane::Incidents)), ["web1:INC-1", "db1:INC-1"]);
    let asked = press(&mut model, &[Key::Enter]);
    assert_eq!(asked, [Request::Attach("web1".to_owned(), Some(Screen::Incident(IncidentId(1))))]);
    model.mouse = Mouse::Free;
    model.overlay = Some(Overlay::Tour(0));
    model.attach("web1", Some(Screen::Incident(IncidentId(1))), Vec::new());
    assert_eq!((model.link.clone(), model.screen().clone()), (Link::Connecting, Screen::Board));
    assert_eq!((model.host.as_deref(), model.mouse), (Some("web1"), Mouse::Free), "what is the person's stays");
    assert_eq!(
        (&model.state, model.overlay.is_none()),
        (&State::default(), true),
        "nothing of the last engine is left"
    );
    // The page that was wanted opens when its engine is heard, and what is asked there names the host.
    let scene = Scene::outage();
    let live = Update::Live(Box::new((scene.state.clone(), Vitals::default())));
    let now = model.now;
    update(&mut model, Timed { at: now, message: Message::Update(live) });
    update(&mut model, Timed { at: now, message: Message::Me(scene.state.operators.get("alice").cloned()) });
    assert_eq!(*model.screen(), Screen::Incident(IncidentId(1)));
    press(&mut model, &[Key::Char('h')]);
    assert!(line(&picture(&mut model, 110, 32), "Why must policies stop?").contains(" on web1 ┐"));
    press(&mut model, &[Key::Esc, Key::Char('m')]);
    assert!(line(&picture(&mut model, 110, 32), "Autopilot ").contains(" on web1 ─"));
    // Back from its board is back to all hosts, and to the own engine.
    press(&mut model, &[Key::Esc]);
    while model.screens.len() > 1 {
        press(&mut model, &[Key::Esc]);
    }
    let home = Request::Attach("local".to_owned(), Some(Screen::Hosts));
    assert_eq!(press(&mut model, &[Key::Esc]), std::slice::from_ref(&home));
    assert_eq!(press(&mut model, &[Key::Char('#')]), [home]);
    model.attach("local", Some(Screen::Hosts), Vec::new());
    assert_eq!((model.screen().clone(), model.host.as_deref()), (Screen::Hosts, None));
    assert!(model.fleet.is_followed && model.fleet.fleet.hosts().len() == 4, "what is known of the hosts stays");
}

#[test]
fn a_host_that_is_not_heard_says_why_its_board_cannot_be_opened() {
    let mut model = fleet();
    press(&mut model, &[Key::Char('#')]);
    let place = model.rows(List::Fleet(FleetPane::Hosts)).iter().position(|name| name == "db1").unwrap();
    model.select(List::Fleet(FleetPane::Hosts), place);
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    let toast = model.toast.clone().unwrap();
    assert!(toast.bad && toast.text.contains("db1 is not heard: the host cannot be reached"), "{toast:?}");
    assert!(toast.text.contains("tried again in 8s") || toast.text.contains("tried again in 7s"), "{toast:?}");
    // The own engine's row leads to its board at once.
    let place = model.rows(List::Fleet(FleetPane::Hosts)).iter().position(|name| name == "local").unwrap();
    model.select(List::Fleet(FleetPane::Hosts), place);
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert_eq!(*model.screen(), Screen::Board);
}

#[test]
fn a_locked_board_goes_to_no_other_host() {
    let mut model = fleet();
    press(&mut model, &[Key::Char('#'), Key::Char('2')]);
    model.locked = true;
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Prompt { .. })), "it asks who is there");
}

#[test]
fn a_new_sev1_on_another_host_rings_once_and_what_was_open_already_does_not() {
    let mut model = fleet();
    let mut scene = Scene::healthy();
    scene.now = model.now;
    let now = model.now;
    assert!(tell(&mut model, "edge-eu", now, HostTold::Live(summary(&Scene::outage()).into())).is_empty());
    let calm = summary(&scene);
    tell(&mut model, "edge-eu", now, HostTold::Changed(calm.into()));
    let burning = summary(&Scene::outage());
    assert_eq!(tell(&mut model, "edge-eu", now, HostTold::Changed(burning.clone().into())), [Request::Bell]);
    assert!(tell(&mut model, "edge-eu", now, HostTold::Changed(burning.clone().into())).is_empty());
    assert!(tell(&mut model, "local", now, HostTold::Changed(burning.into())).is_empty(), "its own stream rings");
}

#[test]
fn the_filter_narrows_each_list_by_host_and_says_so() {
    let mut model = fleet();
    press(&mut model, &[Key::Char('#'), Key::Char('/')]);
    let keys: Vec<Key> = "web1".chars().map(Key::Char).chain([Key::Enter]).collect();
    press(&mut model, &keys);
    assert_eq!(*model.rows(List::Fleet(FleetPane::Hosts)), ["web1"]);
    assert_eq!(*model.rows(List::Fleet(FleetPane::Incidents)), ["web1:INC-1"]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("1 of 4 · /web1") && shown.contains("1 of 2 · /web1"), "{shown}");
}
