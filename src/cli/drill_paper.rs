//! What drills leave on paper: points, reports, and the map over all.

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
    domain::{
        BookProof, Drill, DrillId, DrillScore, Recorded, Refusal, Shown, State, confidence, covered, proof_of,
        scenarios, score,
    },
    report::{DrillReport, heat_map_markdown},
    runbook::{self, Volume},
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
            .hint("only a drill that was held to its end has one: codeblue drill held")
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

/// What drills have shown of each runbook, and whether it says the same still.
pub(super) async fn proofs(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let volumes = library(session);
    let books = volumes.iter().filter_map(|volume| volume.reading.runbook.as_ref());
    let rows: Vec<_> = books.map(|book| (book, proof_of(&state.drills, book))).collect();
    let documents: Vec<_> = rows.iter().map(|(book, proof)| json!({"book": book.front.id, "proof": proof})).collect();
    session.output.result(&documents, || {
        let mut table = Table::new(["RUNBOOK", "", "BY", "ON", "MODE", "POINTS", "WHAT TO DO"]);
        for (book, proof) in &rows {
            let again = || format!("hold one of {}", book.front.drills.join(", "));
            let (by, on) = match proof {
                BookProof::Proved { by, .. } | BookProof::Drilled { by, .. } => (Some(by), by.on.to_string()),
                BookProof::Stamped { on, .. } => (None, on.to_string()),
                BookProof::Never => (None, "—".to_owned()),
            };
            let told = |of: fn(&Shown) -> String| by.map_or_else(|| "—".to_owned(), of);
            let (paint, todo) = match proof.holds() {
                Some(true) => (Paint::Good, String::new()),
                Some(false) => (Paint::Warn, again()),
                None => (Paint::Dim, again()),
            };
            table.row([
                Cell::from(&book.front.id),
                Cell::painted(proof.word(), paint),
                Cell::from(told(|by| by.drill.to_string())),
                Cell::from(on),
                Cell::from(told(|by| by.mode.to_string())),
                Cell::from(told(|by| by.points.to_string())),
                Cell::from(todo),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

pub(super) async fn heat_map(session: &Session, format: Format) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let volumes = library(session);
    let books = covered(volumes.iter().filter_map(|volume| volume.reading.runbook.as_ref()));
    let cells = confidence(&state, &scenarios(), &books, session.now());
    let platform = &state.platform.name;
    let markdown = heat_map_markdown(platform, &cells, session.now());
    write(session, &cells, &format!("What was rehearsed on {platform}"), &markdown, format)
}
