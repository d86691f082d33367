//! What drills leave on paper: points, reports, and the map over all.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    error::{CliError, Exit},
    report::{Format, write},
    session::Session,
    table::{Cell, Table},
    text,
};
use crate::{
    client::Client,
    domain::{Drill, DrillId, DrillScore, Recorded, Refusal, State, confidence, score},
    report::{DrillReport, heat_map_markdown},
    runbook::{self, Scenario, ServiceRef},
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

pub(super) async fn heat_map(session: &Session, format: Format) -> Result<Exit, CliError> {
    let client = session.client()?;
    let state = client.state().await?;
    let mut scores = BTreeMap::new();
    for drill in state.drills.held.values().filter(|drill| drill.completed().is_some()) {
        if let Some(found) = score(&records(&client, &state, drill).await?) {
            scores.insert(drill.id, found);
        }
    }
    let own = Scenario::CHOICES.iter().filter(|(_, scenario)| *scenario != Scenario::Custom);
    let scenarios: Vec<String> = own.map(|(word, _)| (*word).to_owned()).collect();
    let cells = confidence(&state, &scenarios, &books(session), &scores, session.now());
    let platform = &state.platform.name;
    let markdown = heat_map_markdown(platform, &cells, session.now());
    write(session, &cells, &format!("What was rehearsed on {platform}"), &markdown, format)
}

/// What runbooks cover: each scenario with the services that its book names.
fn books(session: &Session) -> BTreeSet<(String, String)> {
    let folder = session.home().ok().and_then(|home| Some(home.platform_file().parent()?.join("runbooks")));
    let volumes = runbook::library(folder.as_deref()).unwrap_or_default();
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
