//! The vault as a whole, in one line.

use super::canvas::Piece;
use crate::tui::{model::Model, text, theme::Role};

pub(super) fn line(model: &Model) -> Vec<Piece> {
    let state = &model.state;
    let ago = |at| text::short(model.now - at);
    let mut pieces: Vec<Piece> = vec![(Role::Title, " Vault ".to_owned())];
    let last_size = state.snapshots.values().rev().map(|snapshot| snapshot.total_bytes).find(|bytes| *bytes > 0);
    let size = match (last_size, state.vault.total_bytes) {
        (Some(bytes), _) | (None, Some(bytes)) => text::bytes(bytes),
        (None, None) => "empty".to_owned(),
    };
    pieces.push((Role::Text, size));
    let separate = |pieces: &mut Vec<Piece>| pieces.push((Role::Muted, " · ".to_owned()));
    separate(&mut pieces);
    let checked = state.snapshots.values().filter_map(|snapshot| snapshot.checked.as_ref().map(|(at, _)| *at)).max();
    pieces.push(match checked {
        Some(at) => (Role::Text, format!("read back {} ago", ago(at))),
        None => (Role::Warn, "▲ never read back".to_owned()),
    });
    separate(&mut pieces);
    let damaged = state
        .snapshots
        .values()
        .filter(|snapshot| snapshot.checked.as_ref().is_some_and(|(_, problems)| !problems.is_empty()))
        .count();
    let failing = model.standing.values().filter_map(|standing| standing.tested.as_ref()).filter(|test| !test.passed);
    let failing = failing.count();
    pieces.push(match (damaged, failing) {
        (0, 0) => (Role::Ok, "✓ no failed proof".to_owned()),
        (0, failing) => (Role::Bad, format!("✖ {failing} failed to restore")),
        (damaged, 0) => (Role::Bad, format!("✖ {damaged} damaged")),
        (damaged, failing) => (Role::Bad, format!("✖ {damaged} damaged, {failing} failed to restore")),
    });
    if let Some((at, why)) = &state.vault.unproved {
        separate(&mut pieces);
        pieces.push((Role::Warn, format!("▲ not proved {} ago: {why}", ago(*at))));
    }
    if state.platform.vault.replica.is_some() {
        separate(&mut pieces);
        pieces.push(replica(model));
    }
    separate(&mut pieces);
    pieces.push(match state.vault.retained_at {
        Some(at) => (Role::Text, format!("retention {} ago", ago(at))),
        None => (Role::Muted, "nothing forgotten yet".to_owned()),
    });
    pieces
}

/// How far the second copy is behind.
fn replica(model: &Model) -> Piece {
    let replica = &model.state.vault.replica;
    let copying = if replica.copying_since.is_some() { ", copying" } else { "" };
    match (&replica.problem, replica.lag(model.now), replica.copied_at) {
        (Some((at, why)), ..) => (Role::Bad, format!("✖ replica failed {} ago: {why}", text::short(model.now - *at))),
        (None, Some(lag), _) => (Role::Text, format!("replica {} behind{copying}", text::short(lag))),
        (None, None, Some(_)) => (Role::Ok, "✓ replica has all".to_owned()),
        (None, None, None) => (Role::Warn, format!("▲ replica never copied{copying}")),
    }
}
