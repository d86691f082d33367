//! The record of confidence: how often answers of each sureness were right, as people say.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::{
    platform::count,
    tui::{
        model::Model,
        text,
        theme::Role,
        verdict::{FEW, quality},
    },
};

/// Cells of a bar.
const BAR: usize = 20;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let found = quality(&model.state);
    let judged = found.as_ref().map_or(0, |found| found.cases);
    let inside = canvas.frame(area, "How sure, and how right", &format!("{judged} answers judged"), true);
    let columns = usize::from(inside.width);
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let say = |lines: &mut Vec<Vec<Piece>>, role: Role, words: &str| {
        lines.extend(
            text::wrap(words, columns.saturating_sub(2)).into_iter().map(|line| vec![(role, format!(" {line}"))]),
        );
    };
    let Some(found) = found else {
        say(
            &mut lines,
            Role::Text,
            &format!(
                "Nobody has judged a diagnosis yet. On the page of a diagnosis {} says that it was right, {} partly, {} wrong. From \
                 then on this page shows how often answers of each sureness were right.",
                model.key("judge-right"),
                model.key("judge-partly"),
                model.key("judge-wrong")
            ),
        );
        return canvas.page(inside, &lines, model.scroll);
    };
    if found.cases < FEW {
        let so_far = count(found.cases, "answer");
        let words =
            format!("{so_far} judged so far, too few to measure by: from {FEW} on the figures begin to mean something");
        say(&mut lines, Role::Warn, &words);
        lines.push(Vec::new());
    }
    let head =
        format!(" {:<12}{:>9}{:>9}{:>8}  {}", "SURE", "CLAIMED", "RIGHT", "JUDGED", "RIGHT, AND ┼ WHERE IT SHOULD END");
    lines.push(vec![(Role::Muted, head)]);
    for bin in found.bins.iter().rev() {
        let role = if (bin.found - bin.claimed).abs() <= 0.1 { Role::Ok } else { Role::Warn };
        let range = format!("{:.2}–{:.2}", bin.from, bin.until);
        let figures = format!(" {range:<12}{:>9.2}{:>9.2}{:>8}  ", bin.claimed, bin.found, bin.cases);
        lines.push(vec![(Role::Text, figures), (role, bar(bin.found, bin.claimed))]);
    }
    lines.push(Vec::new());
    let brier =
        format!("Brier score {:.3} (0 is perfect; always saying the same gets {:.3})", found.brier, found.uncertainty);
    say(&mut lines, Role::Text, &brier);
    say(&mut lines, Role::Text, &format!("Distance between claimed and right, on average: {:.3}", found.ece));
    lines.push(Vec::new());
    let words = "Judged or, before that, simulated: 95 % is not shown before 59 answers that sure were all right. An answer counts as right when all who judged it say so.";
    say(&mut lines, Role::Muted, words);
    canvas.page(inside, &lines, model.scroll);
}

/// How many were right, with a mark where it should have ended.
fn bar(found: f64, claimed: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between no cell and all of them")]
    let cells = |share: f64| (share.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    let (full, mark) = (cells(found), cells(claimed).clamp(1, BAR) - 1);
    (0..BAR)
        .map(|cell| match cell {
            cell if cell == mark => '┼',
            cell if cell < full => '█',
            _ => '░',
        })
        .collect()
}
