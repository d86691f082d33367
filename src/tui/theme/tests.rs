//! Every theme against what people need of it: no meaning by colour alone, readable, and well told apart by the eyes it is for.

use std::path::PathBuf;

use ratatui::style::{Color, Modifier};

use super::{
    Colours, Role, Shelf,
    colour::{linear, nearest_indexed, rgb},
    status_badge,
};
use crate::domain::Status;

const STATUSES: [Status; 5] = [Status::Healthy, Status::Degraded, Status::Down, Status::Unknown, Status::Maintenance];

/// How people without one of the three kinds of cones see red, green and blue: Machado, Oliveira and Fernandes, "A Physiologically-based
/// Model for Simulation of Color Vision Deficiency", 2009, severity 1.
const DEUTERANOPIA: [[f64; 3]; 3] =
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
const TRITANOPIA: [[f64; 3]; 3] =
    [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]];
const ALL_CONES: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// A colour in CIE L*a*b*, where distances are those that are seen.
fn seen(colour: Color, by: [[f64; 3]; 3]) -> [f64; 3] {
    let light = rgb(colour).unwrap().map(linear);
    let [red, green, blue] =
        by.map(|row| row.iter().zip(light).map(|(part, light)| part * light).sum::<f64>().clamp(0.0, 1.0));
    let curve = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let x = curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047);
    let y = curve(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    let z = curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[test]
fn statuses_are_told_apart_by_glyph_and_by_word() {
    for (place, one) in STATUSES.into_iter().enumerate() {
        for other in &STATUSES[place + 1..] {
            let (one, other) = (status_badge(one), status_badge(*other));
            assert!(one.0 != other.0 && one.1 != other.1, "{one:?} {other:?}");
        }
    }
}

#[test]
fn every_theme_says_how_each_role_looks_on_every_terminal() {
    for colours in [Colours::None, Colours::Sixteen, Colours::Indexed, Colours::True] {
        let shelf = Shelf::shipped(colours);
        assert_eq!(shelf.choices().len(), 8);
        for choice in shelf.choices() {
            assert!(!choice.about.is_empty(), "{}", choice.name);
            let look = |role| choice.theme.over(role);
            // What has to be found at a glance differs from plain text; what has the cursor differs from what has not.
            for role in [Role::Selected, Role::Pressed, Role::Emergency, Role::Bad] {
                let differs = look(role) != look(Role::Text) || (colours == Colours::None && role == Role::Bad);
                assert!(differs, "{} {role:?} on {}", choice.name, colours.words());
            }
            for (word, role) in Role::ALL {
                for colour in [look(role).fg, look(role).bg].into_iter().flatten() {
                    let fits = match colour {
                        Color::Reset => true,
                        Color::Rgb(..) => colours == Colours::True,
                        Color::Indexed(_) => colours >= Colours::Indexed,
                        _ => colours >= Colours::Sixteen,
                    };
                    assert!(fits, "{} shows {word} as {colour:?} on {}", choice.name, colours.words());
                }
            }
        }
    }
}

#[test]
fn the_numbers_of_roles_are_their_places() {
    for (place, (_, role)) in Role::ALL.into_iter().enumerate() {
        assert_eq!(role as usize, place);
    }
}

/// WCAG 2.2, success criterion 1.4.3: 4.5 to 1 for text, 1.4.6: 7 to 1.
#[test]
fn themes_with_their_own_ground_can_be_read_in_true_colour_and_in_256() {
    for colours in [Colours::True, Colours::Indexed] {
        let shelf = Shelf::shipped(colours);
        for (name, least) in
            [("midnight", 4.5), ("paper", 4.5), ("deuteranopia", 4.5), ("tritanopia", 4.5), ("high-contrast", 7.0)]
        {
            let choice = shelf.named(name).unwrap();
            assert_eq!(choice.instead, None, "{name}");
            let (role, contrast) = choice.theme.hardest_to_read().unwrap();
            assert!(contrast >= least, "{name} {role}: {contrast:.2} on {}", colours.words());
            // What is dimmed is as dark as the terminal likes.
            let dim = Role::ALL.iter().find(|(_, role)| choice.theme.style(*role).add_modifier.contains(Modifier::DIM));
            assert_eq!(dim, None, "{name}");
        }
        assert_eq!(shelf.theme("default").hardest_to_read(), None, "its colours are the terminal's");
    }
}

#[test]
fn the_contrast_is_that_of_the_standard() {
    // The figures that WCAG's own examples give: black on white, and #767676, the lightest grey that passes on white.
    assert!((super::colour::contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    let grey = super::colour::contrast([0x76; 3], [255; 3]);
    assert!((4.5..4.6).contains(&grey), "{grey}");
    assert_eq!(nearest_indexed(Color::Rgb(255, 0, 0)), Color::Indexed(196));
    assert_eq!(nearest_indexed(Color::Rgb(129, 129, 129)), Color::Indexed(244));
}

#[test]
fn statuses_are_told_apart_by_the_eyes_that_a_theme_is_for() {
    let shelf = Shelf::shipped(Colours::True);
    for (name, eyes) in [
        ("deuteranopia", DEUTERANOPIA),
        ("deuteranopia", ALL_CONES),
        ("tritanopia", TRITANOPIA),
        ("tritanopia", ALL_CONES),
        ("midnight", ALL_CONES),
        ("paper", ALL_CONES),
    ] {
        let theme = shelf.theme(name);
        let colour = |status| seen(theme.style(status_badge(status).2).fg.unwrap(), eyes);
        for (place, one) in STATUSES.into_iter().enumerate() {
            for other in &STATUSES[place + 1..] {
                let apart = colour(one).iter().zip(colour(*other)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                assert!(apart >= 25.0, "{name}: {one:?} and {other:?} are {apart:.1} apart");
            }
        }
    }
}

fn own(files: &[(&str, &str)]) -> Vec<(PathBuf, String)> {
    files.iter().map(|(name, text)| (PathBuf::from(format!("themes/{name}.toml")), (*text).to_owned())).collect()
}

#[test]
fn a_theme_of_ones_own_changes_another() {
    let (shelf, problems) = Shelf::with(
        &own(&[
            ("night-shift", "inherits = \"midnight\"\n[palette]\nrose = \"#ff5f87\"\n[roles]\nbad = \"rose\"\n"),
            ("default", "[roles]\nok = { colour = \"bright-green\", modifiers = [\"bold\"] }\n"),
        ]),
        Colours::True,
    );
    assert_eq!(problems, []);
    let (theirs, mine) = (shelf.theme("midnight"), shelf.theme("night-shift"));
    assert_eq!(mine.style(Role::Bad).fg, Some(Color::Rgb(255, 95, 135)));
    assert_eq!(mine.style(Role::Bad).add_modifier, theirs.style(Role::Bad).add_modifier, "what is not named stays");
    assert_eq!(mine.style(Role::Ok).fg, theirs.style(Role::Ok).fg);
    let changed = shelf.theme("default");
    assert_eq!(changed.style(Role::Ok).fg, Some(Color::LightGreen));
    assert_eq!(changed.style(Role::Warn).fg, Some(Color::Yellow), "its own name means the one that comes along");
}

#[test]
fn everything_wrong_in_a_theme_is_told_with_its_line_and_the_rest_holds() {
    let text = "inherits = \"midnigth\"\n[palette]\nrose = \"#ff5f8\"\n[roles]\nbad = \"rosé\"\nokay = \"green\"\n\
                warn = { colour = \"bright-yelow\", modifiers = [\"blink\"] }\nok = 300\nplanned = \"cyan\"\n";
    let (shelf, problems) = Shelf::with(&own(&[("mine", text)]), Colours::Sixteen);
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let lines: Vec<Option<usize>> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [Some(1), Some(3), Some(5), Some(6), Some(7), Some(7), Some(8)], "{told:#?}");
    assert!(told[0].contains("did you mean \"midnight\"?"), "{told:#?}");
    assert!(told.iter().any(|told| told.contains("did you mean \"bright-yellow\"?")), "{told:#?}");
    assert_eq!(shelf.theme("mine").style(Role::Planned).fg, Some(Color::Cyan));
    let (shelf, problems) =
        Shelf::with(&own(&[("a", "inherits = \"b\"\n"), ("b", "inherits = \"a\"\n")]), Colours::Sixteen);
    assert!(problems.iter().all(|problem| problem.what.contains("from itself")) && !problems.is_empty());
    assert!(shelf.named("a").is_none(), "a theme without an end is none");
}

#[test]
fn a_terminal_with_too_few_colours_gets_the_fallback_and_says_so() {
    let instead = |colours, name: &str| Shelf::shipped(colours).named(name).unwrap().instead.clone();
    assert_eq!(instead(Colours::Sixteen, "midnight").as_deref(), Some("default"));
    assert_eq!(instead(Colours::Sixteen, "paper").as_deref(), Some("default"), "by way of light, which needs 256");
    assert_eq!(instead(Colours::Sixteen, "high-contrast").as_deref(), Some("mono"));
    assert_eq!(instead(Colours::None, "default").as_deref(), Some("mono"));
    assert_eq!(instead(Colours::Indexed, "paper"), None, "256 colours come near enough");
    assert_eq!(Colours::of_terminal("xterm-256color", "truecolor"), Colours::True);
    assert_eq!(Colours::of_terminal("tmux-256color", ""), Colours::Indexed);
    assert_eq!(Colours::of_terminal("linux", ""), Colours::Sixteen);
}

#[test]
fn what_names_no_colour_has_that_of_the_text_and_never_of_what_it_stands_on() {
    let midnight = Shelf::shipped(Colours::True).theme("midnight");
    assert_eq!(midnight.style(Role::Title).fg, midnight.style(Role::Text).fg);
    assert_eq!(midnight.style(Role::Title).bg, None, "a selected row keeps its ground");
}
