//! The report of one drill, and the map over all: the evidence that emergencies are rehearsed (45 CFR 164.308(a)(7)(ii)(D)). Made from
//! the state and the drill's events alone, so that whoever has the journal makes the same.

use std::{collections::BTreeSet, fmt::Write as _};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    page::escaped,
    words::{moment, span},
};
use crate::domain::{
    CONFIDENCE_DAYS, Confidence, ConfidenceCell, DrillEnd, DrillId, DrillMode, DrillOutcome, DrillReveal, DrillScore,
    Event, Recorded, Refusal, RunId, RunOutcome, State, commitment, score,
};

/// What there is to say about one drill.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillReport {
    /// Which.
    pub drill: DrillId,
    /// The platform it was held on.
    pub platform: String,
    /// The engine's journal, by its name in checkpoints.
    pub journal: String,
    /// How much people were told.
    pub mode: DrillMode,
    /// Who held it.
    pub conductor: String,
    /// Who was asked to take part; empty: whoever was there.
    pub asked: BTreeSet<String>,
    /// Who took part, by what they did.
    pub took_part: BTreeSet<String>,
    /// Nobody was there: a program played people.
    pub unattended: bool,
    /// Who played to be away.
    pub away: BTreeSet<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How it ended; none while it runs.
    pub ended: Option<DrillEnd>,
    /// The hash that stood for the truth from the start.
    pub commitment: String,
    /// Whether what was told in the end is what was committed to; none when nothing was told.
    pub commitment_holds: Option<bool>,
    /// What it came to; none when it was not held to its end.
    pub score: Option<DrillScore>,
    /// The runs of runbooks that were begun in it.
    pub runs: Vec<RunInDrill>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineRow>,
}

/// A run of a runbook that was begun in a drill.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunInDrill {
    /// Which.
    pub run: RunId,
    /// Its book.
    pub book: String,
    /// Who began it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// How it ended; none when it was open still when the drill was over.
    pub outcome: Option<RunOutcome>,
}

/// One line of what happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineRow {
    /// The event behind it.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Since the fault was injected; less than nothing before, and none where there was none.
    pub after_seconds: Option<f64>,
    /// Who.
    pub actor: String,
    /// What.
    pub what: String,
}

impl DrillReport {
    /// The report by the events from the first to the last of the drill.
    ///
    /// # Errors
    /// A refusal when there is no such drill.
    pub fn of(state: &State, records: &[Recorded], id: DrillId) -> Result<Self, Refusal> {
        let drill = state.drill(id)?;
        let reveal = drill.ended.as_ref().and_then(|end| end.reveal.as_deref());
        let injected_at = reveal.and_then(|reveal| reveal.injected_at);
        let told = records.iter().filter(|one| is_told(&one.event));
        let timeline = told.map(|one| TimelineRow {
            seq: one.seq,
            at: one.at,
            after_seconds: injected_at.map(|at| (one.at - at).as_seconds_f64()),
            actor: one.actor.to_string(),
            what: one.event.summary(),
        });
        let people = records.iter().filter_map(|one| one.actor.operator());
        Ok(Self {
            drill: id,
            platform: state.platform.name.clone(),
            journal: state.engine.origin.clone(),
            mode: drill.mode,
            conductor: drill.conductor.to_string(),
            asked: drill.team.clone(),
            took_part: people.map(|name| state.person(name).to_owned()).collect(),
            unattended: drill.unattended,
            away: drill.away.clone(),
            started_at: drill.started_at,
            ended: drill.ended.clone(),
            commitment: drill.commitment.clone(),
            commitment_holds: reveal.map(|reveal| commitment(&reveal.nonce, &reveal.truth) == drill.commitment),
            score: score(records),
            runs: runs(records, id),
            timeline: timeline.collect(),
        })
    }

    fn reveal(&self) -> Option<&DrillReveal> {
        self.ended.as_ref().and_then(|end| end.reveal.as_deref())
    }

    /// What it was about, in one line.
    #[must_use]
    pub fn title(&self) -> String {
        match self.reveal() {
            Some(reveal) if reveal.truth.is_false_alarm() => format!("{}: a false alarm", self.drill),
            Some(reveal) => format!("{}: {}", self.drill, reveal.truth.title),
            None => format!("{}: a drill of which nothing was told", self.drill),
        }
    }

    /// The document for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = format!("# {}\n\n", escaped(&self.title()));
        let _ = writeln!(page, "{}\n", self.verdict());
        self.about(&mut page);
        if let Some(score) = &self.score {
            points(&mut page, score);
            improvements(&mut page, score);
        }
        self.walked(&mut page);
        page += "\n## What happened\n\n| UTC | After the fault | Event | Who | What |\n|---|---|---|---|---|\n";
        for row in &self.timeline {
            let after = row.after_seconds.map_or_else(String::new, |seconds| format!("{seconds:+.1} s"));
            let (at, who, what) = (row.at.format("%H:%M:%S%.3f"), escaped(&row.actor), escaped(&row.what));
            let _ = writeln!(page, "| {at} | {after} | {} | {who} | {what} |", row.seq);
        }
        self.proof(&mut page);
        page
    }

    fn verdict(&self) -> String {
        let Some(end) = &self.ended else { return "**It still runs.**".to_owned() };
        let reason = escaped(&end.reason);
        match (&self.score, end.outcome) {
            (Some(score), _) => {
                format!("**{} of 100, {}: {}.** Completed: {reason}.", score.total, letter(score), score.letter.says())
            }
            (None, DrillOutcome::Aborted) => format!("**Aborted: {reason}.** It says nothing about anybody."),
            (None, outcome) => format!("**{outcome}: {reason}.** There is no score."),
        }
    }

    fn about(&self, page: &mut String) {
        *page += "| | |\n|---|---|\n";
        let mut row = |what: &str, value: &str| {
            let _ = writeln!(page, "| {what} | {} |", escaped(value));
        };
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        row("Platform", &self.platform);
        row("Mode", &self.mode.to_string());
        row("Held by", &self.conductor);
        row(
            "Asked to take part",
            &if self.asked.is_empty() { "whoever is there".to_owned() } else { list(&self.asked) },
        );
        let played = if self.unattended { ": all played by the program, which shows nothing of people" } else { "" };
        row("Took part", &format!("{}{played}", list(&self.took_part)));
        if !self.away.is_empty() {
            row("Played to be away", &list(&self.away));
        }
        row("Began", &moment(self.started_at));
        if let Some(end) = &self.ended {
            row("Ended", &format!("{}, after {}", moment(end.at), span((end.at - self.started_at).as_seconds_f64())));
        }
        let Some(reveal) = self.reveal() else { return };
        let truth = &reveal.truth;
        row("Scenario", &format!("{}, runbook {}", truth.scenario, truth.book));
        row("Drill and seed", &format!("{}, seed {}", truth.file, truth.seed));
        let none = |list: &[String]| if list.is_empty() { "nothing".to_owned() } else { list.join("; ") };
        row("Broken", &none(&truth.faults));
        row("To lead astray", &none(&truth.decoys));
        if let Some(blame) = &truth.blame {
            let cause = blame.causes.first().map(ToString::to_string).unwrap_or_default();
            row("Cause", &format!("{cause} in {}", blame.service));
        }
        for (what, at) in [("Fault injected", reveal.injected_at), ("Fault gone", reveal.cured_at)] {
            if let Some(at) = at {
                row(what, &moment(at));
            }
        }
        let writes = reveal.writes;
        row("Acknowledged writes", &format!("{} lost, {} doubled", writes.lost, writes.doubled));
        row("Left behind", &none(&reveal.residue));
    }

    fn walked(&self, page: &mut String) {
        *page += "\n## Runbooks\n\n";
        if self.runs.is_empty() {
            *page += "Nobody walked through a runbook.\n";
            return;
        }
        *page += "| Run | Runbook | Begun by | UTC | Then |\n|---|---|---|---|---|\n";
        for run in &self.runs {
            let outcome = run.outcome.as_ref().map_or_else(|| "open at the end".to_owned(), ToString::to_string);
            let (book, by, outcome) = (escaped(&run.book), escaped(&run.by), escaped(&outcome));
            let _ = writeln!(page, "| {} | {book} | {by} | {} | {outcome} |", run.run, run.at.format("%H:%M:%S"));
        }
    }

    /// How a stranger checks it.
    fn proof(&self, page: &mut String) {
        let _ = write!(
            page,
            "\n## How to check this\n\nThe events are those of the journal {}, whose chain and signed checkpoints `codeblue audit verify` \
             checks. What was broken was committed to at the start by its hash:\n\n    {}\n",
            escaped(&self.journal),
            self.commitment
        );
        match (self.reveal(), self.commitment_holds) {
            (Some(reveal), Some(true)) => {
                let _ = write!(
                    page,
                    "\nIt is SHA-256 over `codeblue drill v1`, a NUL, the nonce `{}`, a NUL, and the truth as canonical JSON (RFC 8785); \
                     both are in the event that ended the drill. **It holds.** The score follows from these events alone: \
                     `codeblue drill score {}` gives it again. To hold the same drill again: `codeblue drill run {} --seed {}`.\n",
                    reveal.nonce, self.drill, reveal.truth.file, reveal.truth.seed
                );
            }
            (Some(_), _) => *page += "\n**What was told in the end is NOT what was committed to.**\n",
            (None, _) => *page += "\nNothing was told in the end, so nobody can say what it stood for.\n",
        }
    }
}

fn runs(records: &[Recorded], id: DrillId) -> Vec<RunInDrill> {
    let ended = |wanted: RunId| {
        records.iter().find_map(|one| match &one.event {
            Event::RunEnded { run, outcome } if *run == wanted => Some(outcome.clone()),
            _ => None,
        })
    };
    let begun = records.iter().filter_map(|one| match &one.event {
        Event::RunStarted { run, book, drill: Some(drill), .. } if *drill == id => Some(RunInDrill {
            run: *run,
            book: book.front.id.clone(),
            by: one.actor.to_string(),
            at: one.at,
            outcome: ended(*run),
        }),
        _ => None,
    });
    begun.collect()
}

fn letter(score: &DrillScore) -> String {
    format!("{:?}", score.letter)
}

fn points(page: &mut String, score: &DrillScore) {
    *page += "\n## What people achieved\n\n| Part | Points | Rating | Objective | Why |\n|---|---|---|---|---|\n";
    for part in &score.parts {
        let why: Vec<String> = part.why.iter().map(|line| escaped(line)).collect();
        let objective = escaped(part.objective.as_deref().unwrap_or_default());
        let _ = writeln!(
            page,
            "| {} | {} of {} | {:?} | {objective} | {} |",
            part.part,
            part.points,
            part.of,
            part.letter,
            why.join("; ")
        );
    }
    for gate in &score.gates {
        let _ = writeln!(page, "\n**49 points at most:** {}", escaped(gate));
    }
    *page += "\nRatings: P performed without challenges (90 % and more), S with some (70), M with major ones (50), U unable to be performed.\n";
    let _ = write!(
        page,
        "\n## What the engine did\n\n{} % of what it should have done.\n\n| Weight | | What |\n|---|---|---|\n",
        score.system.percent
    );
    for probe in &score.system.probes {
        let _ = writeln!(page, "| {} | {} | {} |", probe.weight, if probe.passed { "yes" } else { "NO" }, probe.what);
    }
}

fn improvements(page: &mut String, score: &DrillScore) {
    *page += "\n## To do better\n\n";
    let short: Vec<_> = score.parts.iter().filter(|part| part.points < part.of).collect();
    let missed: Vec<_> = score.system.probes.iter().filter(|probe| !probe.passed).collect();
    if short.is_empty() && missed.is_empty() {
        *page += "Nothing was missed. Hold it again with another seed, or with somebody away.\n";
        return;
    }
    *page += "| What fell short | By | Owner | Until |\n|---|---|---|---|\n";
    for part in short {
        let why: Vec<String> = part.why.iter().map(|line| escaped(line)).collect();
        let _ = writeln!(page, "| {}: {} | {} points | | |", part.part, why.join("; "), part.of - part.points);
    }
    for probe in missed {
        let _ = writeln!(page, "| the engine, not so: {} | weight {} | | |", probe.what, probe.weight);
    }
}

/// Whether an event belongs into the story of a drill.
fn is_told(event: &Event) -> bool {
    !matches!(
        event,
        Event::SnapshotRequested { .. }
            | Event::SnapshotTaken { .. }
            | Event::SnapshotVerified { .. }
            | Event::SnapshotTested { .. }
            | Event::SnapshotProofRequested { .. }
            | Event::SnapshotsForgotten { .. }
            | Event::VaultPruned { .. }
            | Event::StepStarted { .. }
            | Event::FixCounted { .. }
            | Event::ArticleSeen { .. }
            | Event::ArticleProposed { .. }
            | Event::ReplicationStarted
            | Event::ReplicationEnded { .. }
            | Event::StreamChanged { .. }
            | Event::ExportChanged { .. }
    )
}

/// The map of how sure it is that people can handle a scenario in a service.
#[must_use]
pub fn heat_map_markdown(platform: &str, cells: &[ConfidenceCell], now: DateTime<Utc>) -> String {
    let mut page = format!("# What was rehearsed on {}\n\nOn {}.\n\n| Service |", escaped(platform), moment(now));
    let mut scenarios: Vec<&str> = Vec::new();
    for cell in cells {
        if !scenarios.contains(&cell.scenario.as_str()) {
            scenarios.push(&cell.scenario);
        }
    }
    for scenario in &scenarios {
        let _ = write!(page, " {scenario} |");
    }
    let _ = writeln!(page, "\n|---|{}", "---|".repeat(scenarios.len()));
    for row in cells.chunks(scenarios.len().max(1)) {
        let _ = write!(page, "| {} |", escaped(row.first().map_or("", |cell| &cell.service)));
        for cell in row {
            let _ = write!(page, " {} |", in_cell(cell));
        }
        page.push('\n');
    }
    let _ = write!(
        page,
        "\nnone: nothing is written down. paper: a runbook says what to do. drilled: people did it in a drill, with 50 points or more. \
         drilled blind: the same within {CONFIDENCE_DAYS} days, and nobody knew what was broken. Tutorials, and drills in which people were played, do not count.\n"
    );
    page
}

fn in_cell(cell: &ConfidenceCell) -> String {
    let level = match cell.level {
        Confidence::None => "–".to_owned(),
        level => level.to_string(),
    };
    match (cell.last, cell.points) {
        (Some(last), Some(points)) => format!("{level} ({last}: {points}, n {})", cell.drills),
        _ => level,
    }
}
