//! What docs/visual-language.md says is what the program does.

use std::time::Duration;

use chrono::TimeDelta;

use crate::{
    domain::{BreakerState, Status},
    tui::{
        layout,
        text::{age, bytes, clock, latency, share, span},
        theme::{breaker_badge, status_badge},
    },
};

const PAGE: &str = include_str!("../../../docs/visual-language.md");

#[test]
fn every_status_stands_on_its_page_with_its_sign_and_its_word() {
    let services = [Status::Healthy, Status::Degraded, Status::Down, Status::Unknown, Status::Maintenance];
    let breakers = [
        BreakerState::Closed,
        BreakerState::HalfOpen,
        BreakerState::Open,
        BreakerState::ForcedClosed,
        BreakerState::ForcedOpen,
    ];
    let badges = services.map(status_badge).into_iter().chain(breakers.map(breaker_badge));
    for (glyph, word, _) in badges {
        assert!(PAGE.contains(&format!("| `{glyph}` | {word} |")), "{glyph} {word}");
    }
}

#[test]
fn figures_have_the_forms_that_their_page_shows() {
    let row = |name: &str| PAGE.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap_or_default();
    let seconds = TimeDelta::seconds;
    let forms = [
        ("age", [0, 40, 200, 7_500, 450_000].map(|past| age(seconds(past))).to_vec()),
        ("span", [41, 300, 5_400, 172_800].map(|past| span(seconds(past))).to_vec()),
        ("clock", [98, 1_778, 3_731, -5].map(|left| clock(seconds(left))).to_vec()),
        ("time that", [3, 123, 2_400].map(|millis| latency(Duration::from_millis(millis))).to_vec()),
        ("share", [0.0, 0.0004, 0.004, 0.129].map(share).to_vec()),
        ("size", [512, 12_288, 2_516_582].map(bytes).to_vec()),
    ];
    for (name, shown) in forms {
        for form in shown {
            assert!(row(name).contains(&format!("`{form}`")), "{form} of {name}: {}", row(name));
        }
    }
}

#[test]
fn the_page_says_from_which_size_on_what_is_shown() {
    let (columns, rows) = layout::TINY;
    for wanted in [
        format!("| below {columns}×{rows} |"),
        format!("| from {} columns |", layout::WIDE),
        format!("| from {} columns |", layout::VERY_WIDE),
        format!("board from {})", layout::PANES),
        format!("| below {} rows |", layout::SHORT + 3),
        format!("| below {} rows |", layout::LIST_ALONE + 3),
    ] {
        assert!(PAGE.contains(&wanted), "{wanted}");
    }
}
