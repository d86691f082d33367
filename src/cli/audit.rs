//! `codeblue audit`

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    danger,
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{Command, Named, Recorded, Refusal},
    engine::PurgePreview,
    store::{
        self, CheckpointPublicKey, Payloads, ProofError, Sealed, Trusted, Verification, check_event_proof,
        consistency_proof, copy_evidence, prove_event, public_keys,
    },
};

/// The most events one question may ask for.
const MOST: u64 = 10_000;

/// The journal as evidence
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Events, oldest first: the last ones, or those after one
    List {
        /// Only events after this one
        #[arg(long, value_name = "SEQ")]
        since: Option<u64>,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=MOST))]
        limit: u64,
    },
    /// One event with everything in it
    Show { seq: u64 },
    /// Prove that nothing was edited, removed or put in; needs no engine
    Verify(Verify),
    /// Sign the head of the journal now, and print the checkpoint
    Checkpoint,
    /// Prove to somebody else that an event is in the journal
    Prove {
        seq: u64,
        /// Write the proof there instead of printing it
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Another journal than the engine's; needs no engine
        #[arg(long, value_name = "JOURNAL")]
        file: Option<PathBuf>,
    },
    /// Prove that the journal of NEW events goes on from the one of OLD
    Consistency {
        old: u64,
        new: u64,
        /// Another journal than the engine's; needs no engine
        #[arg(long, value_name = "JOURNAL")]
        file: Option<PathBuf>,
    },
    /// Delete the texts of events that may not be kept; that they happened, when and by whom, stays. Nothing brings them back
    Purge {
        /// Their numbers
        #[arg(required = true)]
        seqs: Vec<u64>,
        /// Why; this stays on record, so say nothing of what is deleted
        #[arg(long)]
        reason: String,
        /// Show what would go, and delete nothing
        #[arg(long)]
        dry_run: bool,
        /// The numbers with commas between them, in place of typing them
        #[arg(long, value_name = "SEQS")]
        confirm: Option<String>,
    },
    /// Copy the journal with its checkpoints, keys and a verifier, for somebody who does not trust this host
    Export {
        /// A new folder
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Another journal than the home's
        #[arg(long, value_name = "JOURNAL")]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Verify {
    /// Another journal than the home's
    #[arg(long, value_name = "JOURNAL")]
    file: Option<PathBuf>,
    /// Checkpoints that were kept elsewhere: a file, or a folder of such files
    #[arg(long, value_name = "FILE|DIR")]
    checkpoints: Vec<PathBuf>,
    /// The only keys to trust, as OpenSSH writes them; without, those beside the journal
    #[arg(long, value_name = "PUB")]
    key: Vec<PathBuf>,
    /// The proof of one event, instead of a journal
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "checkpoints"])]
    proof: Option<PathBuf>,
}

impl Audit {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List { since, limit } => list(session, since, limit).await,
            Self::Show { seq } => show(session, seq).await,
            Self::Verify(verify) => verify.run(session),
            Self::Checkpoint => checkpoint(session).await,
            Self::Prove { seq, to, file } => prove(session, seq, to, file).await,
            Self::Consistency { old, new, file } => consistency(session, old, new, file).await,
            Self::Purge { seqs, reason, dry_run, confirm } => purge(session, seqs, reason, dry_run, confirm).await,
            Self::Export { to, file } => export(session, &to, file),
        }
    }
}

async fn list(session: &Session, since: Option<u64>, limit: u64) -> Result<Exit, CliError> {
    let client = session.client()?;
    let since = match since {
        Some(since) => since,
        None => client.state().await?.seq.saturating_sub(limit),
    };
    let events = client.events(since, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    session.output.result(&events, || {
        let mut table = Table::new(["SEQ", "TIME", "WHO", "WHAT"]);
        for recorded in &events {
            table.row([
                Cell::from(recorded.seq.to_string()),
                Cell::from(text::moment(recorded.at)),
                Cell::from(recorded.actor.to_string()),
                Cell::from(recorded.event.summary()),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

async fn show(session: &Session, seq: u64) -> Result<Exit, CliError> {
    let unknown = || Refusal::unknown(Named::Event, seq);
    let before = seq.checked_sub(1).ok_or_else(unknown)?;
    let found: Option<Recorded> = session.client()?.events(before, 1).await?.into_iter().find(|found| found.seq == seq);
    let recorded = found.ok_or_else(unknown)?;
    session.output.result(&recorded, || {
        let mut page = format!("{} {} by {}\n", recorded.seq, text::moment(recorded.at), recorded.actor);
        page += &format!("{}\n", text::line(&recorded.event.summary()));
        if let Some(cause) = recorded.cause {
            page += &format!("because of {cause}\n");
        }
        page += &format!("hash {}\n", recorded.hash);
        page + &text::block(&serde_json::to_string_pretty(&recorded.event).unwrap_or_default())
    })?;
    Ok(Exit::Done)
}

impl Verify {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let keys = self.key.iter().map(|path| read_key(path)).collect::<Result<Vec<_>, _>>()?;
        if let Some(proof) = &self.proof {
            return check_proof(session, proof, keys);
        }
        let path = journal(session, self.file)?;
        verify(session, &path, &Trusted { keys, checkpoints: self.checkpoints })
    }
}

fn verify(session: &Session, path: &Path, trusted: &Trusted) -> Result<Exit, CliError> {
    let verification = store::verify(path, trusted).map_err(|error| CliError::Failed(error.to_string()))?;
    session.output.result(&verification, || match &verification.problem {
        None => format!(
            "{} {}, head {}\n{}\n{}",
            session.output.paint("intact:", Some(Paint::Good)),
            text::count(verification.events, "event"),
            verification.head,
            texts(&verification),
            sealed(&verification)
        ),
        Some(problem) => format!(
            "{} at event {} ({}): {}\nright up to there: {}, head {}",
            session.output.paint("NOT INTACT", Some(Paint::Bad)),
            problem.seq,
            text::word(&problem.kind),
            text::line(&problem.detail),
            text::count(verification.events, "event"),
            verification.head
        ),
    })?;
    Ok(if verification.ok { Exit::Done } else { Exit::Failed })
}

/// What became of the texts that can be purged.
fn texts(verification: &Verification) -> String {
    let Payloads { present, purged, due } = verification.payloads;
    let mut said = format!("texts: {present} as recorded, {purged} purged");
    if due > 0 {
        said += &format!("; those of {} are purged and still there", text::count(due, "event"));
    }
    said
}

/// What the checkpoints are worth, and to whom.
fn sealed(verification: &Verification) -> String {
    let Sealed { origin, signed, elsewhere, up_to, since, witnesses, unchecked, lost, .. } = &verification.sealed;
    let lost = lost.map(|lost| {
        format!("\nan engine found no signed checkpoint left for the first {}", text::count(lost, "event"))
    });
    let lost = lost.unwrap_or_default();
    let Some(origin) = origin.as_ref().filter(|_| *signed > 0) else {
        return format!("no signed checkpoint: who can write these files can have written all of them anew{lost}");
    };
    let since = since.map(|since| format!(" since {}", text::moment(since))).unwrap_or_default();
    let mut said = format!(
        "tamper-evident{since} up to event {up_to}: {} of {}",
        text::count(*signed, "signed checkpoint"),
        text::line(origin)
    );
    if *elsewhere > 0 {
        said += &format!(", {elsewhere} held elsewhere");
    }
    if !witnesses.is_empty() {
        let names: Vec<String> = witnesses.iter().map(|name| text::line(name)).collect();
        said += &format!(", witnessed by {}", names.join(", "));
    }
    if !unchecked.is_empty() {
        let names: Vec<String> = unchecked.iter().map(|name| text::line(name)).collect();
        said += &format!("\na signature by {}, not checked: name the key with --key", names.join(", "));
    }
    said + &lost
}

fn check_proof(session: &Session, path: &Path, mut keys: Vec<CheckpointPublicKey>) -> Result<Exit, CliError> {
    if keys.is_empty() {
        let folder = session.home()?.keys();
        keys = public_keys(&folder).map_err(|error| CliError::Failed(format!("{}: {error}", folder.display())))?;
    }
    let checked = check_event_proof(&read(path)?, &keys);
    let document = match &checked {
        Ok(proved) => json!({"ok": true, "proved": proved, "problem": null}),
        Err(error) => json!({"ok": false, "proved": null, "problem": error.to_string()}),
    };
    session.output.result(&document, || match &checked {
        Ok(proved) => {
            let holds = session.output.paint("proved:", Some(Paint::Good));
            let mut page = format!("{holds} event {} of {}\n", proved.seq, text::line(&proved.origin));
            page += &format!("{} by {}\n{}\n", proved.at, text::line(&proved.actor), text::line(&proved.body));
            page += &format!("signed with all events up to {}", proved.size);
            for (name, at) in &proved.witnesses {
                page += &format!("\nwitnessed by {} at {}", text::line(name), text::moment(*at));
            }
            page
        }
        Err(error) => {
            format!("{} {}", session.output.paint("NOT PROVED:", Some(Paint::Bad)), text::line(&error.to_string()))
        }
    })?;
    Ok(if checked.is_ok() { Exit::Done } else { Exit::Failed })
}

async fn checkpoint(session: &Session) -> Result<Exit, CliError> {
    let newest = session.client()?.checkpoint().await?;
    session.output.result(&newest, || match newest.as_ref().and_then(|newest| newest.note.as_deref()) {
        Some(note) => text::block(note),
        None => "nothing has happened yet that could be signed".to_owned(),
    })?;
    Ok(Exit::Done)
}

async fn prove(session: &Session, seq: u64, to: Option<PathBuf>, file: Option<PathBuf>) -> Result<Exit, CliError> {
    let proof = match &file {
        Some(journal) => prove_event(journal, seq).map_err(unproved)?,
        None => session.client()?.prove(seq).await?,
    };
    if let Some(to) = &to {
        fs::write(to, &proof).map_err(|error| CliError::Failed(format!("{}: {error}", to.display())))?;
    }
    session.output.result(&json!({"seq": seq, "proof": proof, "to": to}), || match &to {
        Some(to) => format!("written to {}; check it with: codeblue audit verify --proof FILE --key PUB", to.display()),
        None => text::block(&proof),
    })?;
    Ok(Exit::Done)
}

async fn consistency(session: &Session, old: u64, new: u64, file: Option<PathBuf>) -> Result<Exit, CliError> {
    let proof = match &file {
        Some(journal) => consistency_proof(journal, old, new).map_err(unproved)?,
        None => session.client()?.consistency(old, new).await?,
    };
    session.output.result(&proof, || {
        let mut page = format!("old {} {}\nnew {} {}\n", proof.old, proof.old_root, proof.new, proof.new_root);
        proof.proof.iter().for_each(|hash| page += &format!("{hash}\n"));
        page
    })?;
    Ok(Exit::Done)
}

async fn purge(
    session: &Session,
    mut seqs: Vec<u64>,
    reason: String,
    dry_run: bool,
    confirm: Option<String>,
) -> Result<Exit, CliError> {
    seqs.sort_unstable();
    seqs.dedup();
    let previews = session.client()?.purge_preview(&seqs).await?;
    if dry_run {
        session.output.result(&previews, || would_go(&previews))?;
        return Ok(Exit::Done);
    }
    let target = seqs.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    match confirm {
        Some(confirm) => danger::named(&target, &confirm)?,
        None if danger::can_ask() => danger::ask(&target, &would_go(&previews), session.host())?,
        None => return Err(danger::unasked(&target)),
    }
    session.submit(Command::PurgePayloads { seqs, reason, found: Vec::new() }).await
}

/// What a purge would delete, event by event.
fn would_go(previews: &[PurgePreview]) -> String {
    let mut page = String::new();
    for PurgePreview { seq, at, actor, summary, texts, also_in, refused } in previews {
        page += &format!("{seq} {} by {actor}: {}\n", text::moment(*at), text::line(summary));
        for (place, payload) in texts {
            page += &format!("  deletes {place}: {}\n", text::line(payload));
        }
        if !also_in.is_empty() {
            let others: Vec<String> = also_in.iter().map(u64::to_string).collect();
            page += &format!("  the same stands in {}, and stays there\n", others.join(", "));
        }
        if let Some(refusal) = refused {
            page += &format!("  REFUSED: {}\n", text::line(&refusal.to_string()));
        }
    }
    page + "Nothing brings a text back. Copies stay in exports made before, in backups, and wherever it was shown or sent."
}

fn export(session: &Session, to: &Path, file: Option<PathBuf>) -> Result<Exit, CliError> {
    let copied = copy_evidence(&journal(session, file)?, to).map_err(|error| CliError::Failed(error.to_string()))?;
    session.output.result(&copied, || {
        format!(
            "{} in {}, signed up to event {}; README.md there says how to check them without codeblue",
            text::count(copied.events, "event"),
            copied.to.display(),
            copied.up_to
        )
    })?;
    Ok(Exit::Done)
}

/// The journal meant: one that is named, or the home's.
fn journal(session: &Session, file: Option<PathBuf>) -> Result<PathBuf, CliError> {
    match file {
        Some(path) => Ok(path),
        None if session.is_elsewhere() => {
            Err(CliError::Usage("this reads files of this host; --host does not go with it".to_owned()))
        }
        None => Ok(session.home()?.journal()),
    }
}

fn read_key(path: &Path) -> Result<CheckpointPublicKey, CliError> {
    CheckpointPublicKey::from_openssh(&read(path)?)
        .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

fn read(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

fn unproved(error: ProofError) -> CliError {
    match error {
        ProofError::NoEvent(seq) => Refusal::unknown(Named::Event, seq).into(),
        other => CliError::Failed(other.to_string()),
    }
}
