//! The dependency map: layers and tree, the way along the edges, and nothing out of view that is not counted.

use super::{
    pages::SIZES,
    scene::{Scene, click, picture, press},
};
use crate::{
    domain::{IncidentId, Status},
    tui::{
        model::{Model, Screen, Target},
        term::input::Key,
    },
};

/// Checks of a hospital: everything hangs on the storage, and one of two logins is enough.
const HOSPITAL: &[(&str, &str)] = &[
    ("patient-portal", "\"patient-api\", \"login\""),
    ("ward-terminals", "\"patient-api\", \"handouts-with-a-very-long-name-that-does-not-fit\""),
    ("patient-api", "\"records-db\", \"login\""),
    ("handouts-with-a-very-long-name-that-does-not-fit", "\"records-db\""),
    ("login", "[\"directory-a\", \"directory-b\"]"),
    ("directory-a", "\"storage\""),
    ("directory-b", ""),
    ("records-db", "\"storage\""),
    ("storage", ""),
    ("canteen", ""),
];

fn of(services: &[(&str, &str)]) -> Scene {
    let mut text = "[platform]\nname = \"HoloVitals\"\nprofile = \"drill\"\n".to_owned();
    for (name, needs) in services {
        text += &format!(
            "[[service]]\nname = \"{name}\"\ncriticality = \"high\"\ndepends_on = [{needs}]\n\
             [[service.check]]\nname = \"health\"\ntcp = \"127.0.0.1:1\"\n"
        );
    }
    text += "[[operator]]\nname = \"alice\"\nroles = [\"engineer\"]\nlogin = \"ops\"\n";
    let mut scene = Scene::of(&text);
    for (name, _) in services {
        scene.judge(name, Status::Healthy, "health ok");
    }
    scene
}

/// The storage has failed, and the first that needs it with it.
fn broken() -> Scene {
    let mut scene = of(HOSPITAL);
    scene.judge("records-db", Status::Down, "health: refused");
    scene.judge("patient-api", Status::Down, "health: HTTP 500");
    scene.judge("storage", Status::Down, "health: refused");
    scene
}

fn opened(scene: &Scene) -> Model {
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('T')]);
    assert_eq!(*model.screen(), Screen::Map);
    model
}

#[test]
fn the_map_of_an_outage_at_three_sizes_opens_at_its_root() {
    let scene = broken();
    assert_eq!(scene.state.incidents[&IncidentId(1)].root.as_deref(), Some("storage"));
    for (width, height) in SIZES {
        let mut model = opened(&scene);
        assert_eq!(model.on_map().as_deref(), Some("storage"));
        let shown = picture(&mut model, width, height);
        assert!(shown.contains("ROOT of INC-1 SEV2") && shown.contains("at risk"), "{shown}");
        insta::assert_snapshot!(format!("outage-{width}x{height}"), shown);
    }
}

#[test]
fn the_arrows_go_along_the_edges_the_worst_first() {
    let mut model = opened(&broken());
    let mut at = |keys: &[Key]| {
        press(&mut model, keys);
        (model.on_map().unwrap(), model.toast.as_ref().map(|toast| toast.text.clone()).unwrap_or_default())
    };
    assert_eq!(at(&[Key::Left]).0, "records-db", "it is down, the directory is not");
    assert_eq!(at(&[Key::Tab]).0, "directory-a");
    assert_eq!(at(&[Key::BackTab, Key::Left]).0, "patient-api");
    assert_eq!(at(&[Key::Right]).0, "records-db");
    let (name, said) = at(&[Key::Right, Key::Right]);
    assert_eq!(name, "storage");
    assert!(said.contains("storage needs nothing"), "{said}");
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Service("storage".to_owned()));
    press(&mut model, &[Key::Esc]);
    click(&mut model, &Target::Node("login".to_owned()));
    assert_eq!((model.on_map().as_deref(), model.screen()), (Some("login"), &Screen::Map));
    let shown = picture(&mut model, 110, 32);
    assert!(
        shown.contains("any of ◌ directory-a  ◌ directory-b") || shown.contains("any of ● directory-a  ● directory-b"),
        "{shown}"
    );
    click(&mut model, &Target::Node("login".to_owned()));
    assert_eq!(*model.screen(), Screen::Service("login".to_owned()));
}

#[test]
fn up_and_down_stay_in_the_layer_and_on_a_narrow_screen_in_the_tree() {
    let mut model = opened(&broken());
    let name = |model: &Model| model.on_map().unwrap();
    model.map.at = Some("patient-portal".to_owned());
    press(&mut model, &[Key::Down]);
    assert_eq!(name(&model), "ward-terminals");
    press(&mut model, &[Key::Home]);
    picture(&mut model, 80, 24);
    let down = |model: &mut Model| {
        model.step_on_map(1);
        model.on_map().unwrap()
    };
    let walked: Vec<String> = (0..9).map(|_| down(&mut model)).collect();
    assert_eq!(walked[..3], ["patient-api", "records-db", "storage"], "each service comes once: {walked:?}");
    assert_eq!(walked.last().unwrap(), "canteen");
}

#[test]
fn fifty_children_and_a_deep_chain_scroll_and_say_what_is_out_of_view() {
    let children: Vec<String> = (0..50).map(|number| format!("\"worker-{number:02}\"")).collect();
    let all = children.join(", ");
    let mut names: Vec<(String, String)> = vec![("gateway".to_owned(), all)];
    names.extend((0..50).map(|number| (format!("worker-{number:02}"), "\"link-00\"".to_owned())));
    names.extend((0..30).map(|number| {
        let next = if number == 29 { String::new() } else { format!("\"link-{:02}\"", number + 1) };
        (format!("link-{number:02}"), next)
    }));
    let services: Vec<(&str, &str)> = names.iter().map(|(name, needs)| (name.as_str(), needs.as_str())).collect();
    let mut model = opened(&of(&services));
    let wide = picture(&mut model, 160, 48);
    assert!(wide.contains("↓ 15 more") && wide.contains("26 layers →") && wide.contains("+ "), "{wide}");
    press(&mut model, &[Key::Right]);
    for _ in 0..31 {
        press(&mut model, &[Key::Right]);
    }
    assert_eq!(model.on_map().as_deref(), Some("link-29"));
    let end = picture(&mut model, 110, 32);
    assert!(end.contains("← 28 layers") && end.contains("link-29"), "{end}");
    let narrow = picture(&mut model, 80, 24);
    assert!(narrow.contains("31 deep") && narrow.contains("↑ "), "{narrow}");
    insta::assert_snapshot!("deep-80x24", narrow);
}

#[test]
fn an_empty_platform_has_an_empty_map() {
    let mut model = Model::new(Scene::healthy().now, Vec::new());
    press(&mut model, &[Key::Char('T'), Key::Down, Key::Right, Key::Tab, Key::Enter]);
    assert!(picture(&mut model, 80, 24).contains("no services yet"));
}
