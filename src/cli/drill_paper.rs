//! What drills leave on paper: points, reports, and the map over all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    error::{CliError, Exit},
    report::{Format, write},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    client::Client,
    domain::{Drill, DrillId, DrillScore, Recorded, Refusal, State, confidence, score},
    report::{DrillReport, heat_map_markdown},
    runbook::{self, Scenario, ServiceRef, Volume},
};

/// Events that are asked for at once.
const PAGE: usize = 500;

/// The events of a drill, from its first to its last.
async fn records(client: &Client, state: &State, drill: &Drill) -> Result<Vec<Recorded>, CliError> {
    let last = drill.ended.as_ref().map_or(state.seq, |end| end.last);
    let mut all: Vec<Recorded> = Vec::new();
    let mut since = drill.first.saturating_sub(1);
    while since < last {
        let page = client.events(since, PAGE).await?;
        let Some(newest) = page.last().map(|one| one.seq) else { break };
        since = newest;
        all.extend(page.into_iter().filter(|one| one.seq <= last));
    }
    Ok(all)
}

pub(super) async fn points(session: &Session, id: DrillId) -> Result<Exit, CliError> {
    let client = session.client()?;
    let state = client.state().await?;
    let drill = state.drill(id)?;
    let found = score(&records(&client, &state, drill).await?);
    let found = found.ok_or_else(|| {
        let how = drill.ended.as_ref().map_or_else(|| "runs".to_owned(), |end| end.outcome.to_string());
        Refusal::new("no-score", format!("{id} has no score: {how}"))
    })?;
    session.output.result(&found, || told(session, &found))?;
    Ok(Exit::Done)
}

fn told(session: &Session, score: &DrillScore) -> String {
    let mut table = Table::new(["PART", "POINTS", "", "WHY"]);
    for part in &score.parts {
        table.row([
            Cell::from(part.part.to_string()),
            Cell::from(format!("{} of {}", part.points, part.of)),
            Cell::from(format!("{:?}", part.letter)),
            Cell::from(part.why.join("; ")),
        ]);
    }
    let mut page = format!("{}\n{}", head(score), table.render(&session.output));
    for gate in &score.gates {
        page += &text::line(&format!("49 at most: {gate}"));
        page.push('\n');
    }
    page += &format!("the engine did {} % of what it should have done\n", score.system.percent);
    for probe in score.system.probes.iter().filter(|probe| !probe.passed) {
        page += &format!("  not so: {}\n", probe.what);
    }
    page + &format!("the report: codeblue drill report {}\n", score.drill)
}

fn head(score: &DrillScore) -> String {
    let (drill, total, letter) = (score.drill, score.total, score.letter);
    format!("{drill}: {total} of 100, {letter:?}: {}; seed {}", letter.says(), score.seed)
}

pub(super) async fn report(session: &Session, id: DrillId, format: Format) -> Result<Exit, CliError> {
    let client = session.client()?;
    let state = client.state().await?;
    let records = records(&client, &state, state.drill(id)?).await?;
    let document = DrillReport::of(&state, &records, id)?;
    write(session, &document, &document.title(), &document.markdown(), format)
}

/// The scores of all drills that were held to their end.
async fn scores(client: &Client, state: &State) -> Result<BTreeMap<DrillId, DrillScore>, CliError> {
    let mut scores = BTreeMap::new();
    for drill in state.drills.held.values().filter(|drill| drill.completed().is_some()) {
        if let Some(found) = score(&records(client, state, drill).await?) {
            scores.insert(drill.id, found);
        }
    }
    Ok(scores)
}

fn library(session: &Session) -> Vec<Volume> {
    let folder = session.home().ok().and_then(|home| Some(home.platform_file().parent()?.join("runbooks")));
    runbook::library(folder.as_deref()).unwrap_or_default()
}

/// The hash of a runbook as it is now.
pub(super) fn hash_of(session: &Session, book: &str) -> Option<String> {
    let volumes = library(session);
    let found = volumes.iter().find(|volume| volume.id() == book)?;
    found.reading.runbook.as_ref().map(|book| book.hash.clone())
}

/// Which runbooks a drill has proved, and whether they say the same still.
pub(super) async fn proofs(session: &Session) -> Result<Exit, CliError> {
    let client = session.client()?;
    let state = client.state().await?;
    let scores = scores(&client, &state).await?;
    let volumes = library(session);
    let proved = |book: &str| {
        state.drills.held.values().rev().find_map(|drill| {
            let truth = &drill.completed()?.truth;
            let proves = scores.get(&drill.id).is_some_and(|score| score.proves(drill));
            (truth.book == book && proves).then_some((drill, truth))
        })
    };
    let rows: Vec<_> = volumes
        .iter()
        .filter_map(|volume| volume.reading.runbook.as_ref())
        .map(|book| {
            let proof = proved(&book.front.id);
            let same = proof.map(|(_, truth)| truth.book_hash == book.hash);
            let at = proof.and_then(|(drill, _)| drill.ended.as_ref()).map(|end| end.at);
            (book, proof.map(|(drill, _)| drill.id), at, same)
        })
        .collect();
    let documents: Vec<_> = rows
        .iter()
        .map(|(book, drill, at, same)| json!({"book": book.front.id, "drill": drill, "at": at, "unchanged": same}))
        .collect();
    session.output.result(&documents, || {
        let mut table = Table::new(["RUNBOOK", "PROVED BY", "ON", "SINCE THEN"]);
        for (book, drill, at, same) in &rows {
            let since = match same {
                Some(true) => Cell::painted("unchanged", Paint::Good),
                Some(false) => Cell::painted("CHANGED: hold one of its drills again", Paint::Warn),
                None => Cell::from(format!("never; its drills: {}", book.front.drills.join(", "))),
            };
            table.row([
                Cell::from(&book.front.id),
                Cell::from(drill.map_or_else(|| "—".to_owned(), |drill| drill.to_string())),
                Cell::from(at.map_or_else(|| "—".to_owned(), |at| at.format("%Y-%m-%d").to_string())),
                since,
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

pub(super) async fn heat_map(session: &Session, format: Format) -> Result<Exit, CliError> {
    let client = session.client()?;
    let state = client.state().await?;
    let scores = scores(&client, &state).await?;
    let own = Scenario::CHOICES.iter().filter(|(_, scenario)| *scenario != Scenario::Custom);
    let scenarios: Vec<String> = own.map(|(word, _)| (*word).to_owned()).collect();
    let cells = confidence(&state, &scenarios, &books(session), &scores, session.now());
    let platform = &state.platform.name;
    let markdown = heat_map_markdown(platform, &cells, session.now());
    write(session, &cells, &format!("What was rehearsed on {platform}"), &markdown, format)
}

/// What runbooks cover: each scenario with the services that its book names.
fn books(session: &Session) -> BTreeSet<(String, String)> {
    let volumes = library(session);
    let mut covered = BTreeSet::new();
    for book in volumes.iter().filter_map(|volume| volume.reading.runbook.as_ref()) {
        let name = Scenario::CHOICES.iter().find(|(_, scenario)| *scenario == book.front.scenario);
        let Some((scenario, _)) = name else { continue };
        for service in &book.front.services {
            let service = match service {
                ServiceRef::Name(name) => Some(name.clone()),
                ServiceRef::Input(input) => {
                    let declared = book.front.inputs.iter().find(|known| known.name == *input);
                    declared.and_then(|known| known.default.clone())
                }
            };
            covered.extend(service.map(|service| ((*scenario).to_owned(), service)));
        }
    }
    covered
}
