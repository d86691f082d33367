//! The heat map: every service against every scenario, and how sure it is that people can handle it.

use ratatui::layout::Rect;

use super::{
    books::buttons,
    canvas::{Canvas, Piece},
    page,
};
use crate::{
    domain::{CONFIDENCE_DAYS, Confidence, ConfidenceCell, scenarios},
    tui::{
        model::{Loaded, Model},
        text,
        theme::Role,
    },
};

/// Columns from which a cell has room for its points.
const WITH_POINTS: usize = 15;
/// Columns of the name of a service at least, where there is a grid.
const SHORTEST: usize = 12;
/// Columns of a scenario with its sign where there is none.
const BESIDE: usize = 19;
/// Columns of the name of a service at most.
const NAME: usize = 22;

/// How sure something is: a sign and a word, so that no colour is needed.
pub(super) fn badge(level: Confidence) -> (Role, &'static str) {
    match level {
        Confidence::None => (Role::Muted, "– none"),
        Confidence::Paper => (Role::Text, "○ paper"),
        Confidence::Drilled => (Role::Warn, "◐ drilled"),
        Confidence::DrilledBlind => (Role::Ok, "● blind"),
    }
}

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let foot = page::buttons(canvas, area, buttons(&["drills", "back"], model));
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    let heat = model.heat();
    let of = |wanted: Confidence| heat.iter().filter(|cell| cell.level == wanted).count();
    let summary = format!(
        "{} blind · {} drilled · {} on paper · {} nothing",
        of(Confidence::DrilledBlind),
        of(Confidence::Drilled),
        of(Confidence::Paper),
        of(Confidence::None)
    );
    let inside = canvas.frame(area, "What was rehearsed", &summary, true);
    let columns = usize::from(inside.width);
    let scenarios = scenarios();
    let longest = heat.iter().map(|cell| text::width(&cell.service)).max().unwrap_or(0) + 2;
    let each = (columns.saturating_sub(longest.min(NAME)) / scenarios.len().max(1)).clamp(7, 18);
    let name = columns.saturating_sub(each * scenarios.len()).min(longest.max(NAME));
    let is_narrow = name < SHORTEST;
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    if !is_narrow {
        lines.push(heading(&scenarios, name, each));
    }
    for row in heat.chunks(scenarios.len().max(1)) {
        let Some(first) = row.first() else { continue };
        if is_narrow {
            lines.extend(block(first, row, columns));
            continue;
        }
        let mut pieces =
            vec![(Role::Title, text::left(&format!(" {}", text::fit(&first.service, name.saturating_sub(2))), name))];
        pieces.extend(row.iter().map(|cell| in_cell(cell, each)));
        lines.push(pieces);
    }
    lines.push(Vec::new());
    match &model.books {
        Some(Loaded::Here(_)) => {}
        Some(Loaded::Failed(why)) => {
            lines.extend(wrapped(
                Role::Bad,
                &format!("✖ the books could not be had, so nothing is on paper here: {why}"),
                columns,
            ));
        }
        _ => lines
            .push(vec![(Role::Warn, "  ◌ the books are on their way: what is on paper comes with them".to_owned())]),
    }
    let legend = [
        (Confidence::None, "nothing is written down, and nobody has tried".to_owned()),
        (Confidence::Paper, "a runbook says what to do, and nobody has tried".to_owned()),
        (Confidence::Drilled, "people did it in a drill, with 50 points or more".to_owned()),
        (Confidence::DrilledBlind, format!("the same within {CONFIDENCE_DAYS} days, and they knew nothing of it")),
    ];
    for (level, says) in legend {
        let (role, word) = badge(level);
        lines.push(vec![
            (role, format!("  {}", text::left(word, 11))),
            (Role::Text, text::fit(&says, columns.saturating_sub(13))),
        ]);
    }
    let left_out = "A tutorial does not count, and neither does a drill in which the program played people.";
    lines.extend(wrapped(Role::Muted, left_out, columns));
    lines.extend(wrapped(Role::Muted, "As evidence: codeblue drill heatmap --format html", columns));
    canvas.page(inside, &lines, model.scroll);
}

/// A service where there is no room for a grid: its name, and below it every scenario with its sign.
fn block(first: &ConfidenceCell, row: &[ConfidenceCell], columns: usize) -> Vec<Vec<Piece>> {
    let beside = (columns / BESIDE).max(1);
    let each = (columns.saturating_sub(2) / beside).max(2);
    let name = vec![(Role::Title, format!(" {}", text::fit(&first.service, columns.saturating_sub(2))))];
    let cell = |cell: &ConfidenceCell| {
        let (role, word) = badge(cell.level);
        let sign = word.split(' ').next().unwrap_or_default();
        (role, text::left(&text::fit(&format!("{sign} {}", cell.scenario), each - 1), each))
    };
    let rows = row
        .chunks(beside)
        .map(|cells| std::iter::once((Role::Text, "  ".to_owned())).chain(cells.iter().map(cell)).collect());
    std::iter::once(name).chain(rows).collect()
}

fn heading(scenarios: &[String], name: usize, each: usize) -> Vec<Piece> {
    let mut pieces = vec![(Role::Muted, text::left(" SERVICE", name))];
    let short = |scenario: &String| text::left(&text::fit(&scenario.to_uppercase(), each - 1), each);
    pieces.extend(scenarios.iter().map(|scenario| (Role::Muted, short(scenario))));
    pieces
}

fn in_cell(cell: &ConfidenceCell, each: usize) -> Piece {
    let (role, word) = badge(cell.level);
    let points = cell.points.filter(|_| each >= WITH_POINTS).map(|points| format!(" {points}")).unwrap_or_default();
    let word = match cell.level {
        Confidence::None => "–",
        Confidence::Drilled if each < 10 => "◐ drill",
        _ => word,
    };
    (role, text::left(&text::fit(&format!("{word}{points}"), each - 1), each))
}

fn wrapped(role: Role, words: &str, columns: usize) -> Vec<Vec<Piece>> {
    let lines = text::wrap(words, columns.saturating_sub(3)).into_iter();
    lines.map(|line| vec![(role, format!("  {line}"))]).collect()
}
