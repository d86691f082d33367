//! `codeblue runbook …`: what concerns books needs no engine; runs are in `runbook_walk`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::json;

use super::{
    error::{CliError, Exit},
    output::Output,
    runbook_commands, runbook_walk,
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{BookProof, Drills, proof_of, role_name},
    platform::{self, Platform},
    runbook::{self, Finding, Level, Origin, RunPlan, Surroundings, Volume},
};

/// Books for emergencies: read them, check them, lay them out, see what a run would do
#[derive(Debug, Subcommand)]
pub enum Runbook {
    /// Every book: those in `runbooks/` beside the platform file, and those that come with the program
    List,
    /// One book, by its id or the beginning of it, such as RB-02
    Show {
        /// Its id, the beginning of it, or a file
        name: String,
        /// For paper: 80 columns, boxes to tick, blanks to fill in, whom to call
        #[arg(long)]
        plain: bool,
        /// The file itself, to begin a book of one's own from
        #[arg(long, conflicts_with_all = ["plain", "json"])]
        markdown: bool,
    },
    /// Say everything that is wrong with books, and where
    Lint {
        /// Without any: every book there is
        files: Vec<PathBuf>,
        /// Judge them beside this platform file instead of the home's
        #[arg(long, value_name = "FILE")]
        platform: Option<PathBuf>,
    },
    /// Lay books out: numbers, visible lines, attributes; prose stays as it is
    Fmt {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Change nothing, and fail when something would be changed
        #[arg(long)]
        check: bool,
    },
    /// What a run would do: each command with its inputs, who has to agree, what is missing
    Plan {
        /// Its id, the beginning of it, or a file
        name: String,
        /// The value of an input; may be repeated
        #[arg(long, value_name = "NAME=VALUE", value_parser = input)]
        input: Vec<(String, String)>,
        /// Plan it on this platform instead of the home's
        #[arg(long, value_name = "FILE")]
        platform: Option<PathBuf>,
    },
    #[command(flatten)]
    Walk(runbook_walk::Walk),
}

pub(super) fn input(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as DATABASE=records-db")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Runbook {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List => list(session).await,
            Self::Show { name, plain, markdown } => show(session, &name, plain, markdown).await,
            Self::Lint { files, platform } => lint(session, &files, platform.as_deref()),
            Self::Fmt { files, check } => lay_out(session, &files, check),
            Self::Walk(walk) => walk.run(session).await,
            Self::Plan { name, input, platform } => plan(session, &name, input, platform.as_deref()).await,
        }
    }
}

/// All books of this home. Without a home there are those that come along.
fn library(session: &Session) -> Result<Vec<Volume>, CliError> {
    let folder = session.home().ok().and_then(|home| Some(home.platform_file().parent()?.join("runbooks")));
    runbook::library(folder.as_deref()).map_err(|error| {
        let folder = folder.unwrap_or_default();
        CliError::Failed(format!("the books in {} cannot be read: {error}", folder.display()))
    })
}

fn open(path: &Path) -> Result<Volume, CliError> {
    runbook::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CliError::Usage(format!("{}: there is no such file", path.display())),
        _ => CliError::Failed(format!("{} cannot be read: {error}", path.display())),
    })
}

/// The platform that is named, or else the home's, where that can be read: a book has to be at hand also when it cannot.
fn surroundings(session: &Session, named: Option<&Path>) -> Result<Option<Platform>, CliError> {
    if let Some(path) = named {
        return Ok(Some(platform::load(path)?));
    }
    let Some(path) = session.home().ok().map(|home| home.platform_file()).filter(|path| path.exists()) else {
        return Ok(None);
    };
    Ok(platform::load(&path)
        .map_err(|problems| {
            let count = text::count(problems.count(), "mistake");
            session.output.progress(&format!("{} has {count} and is left aside; see: codeblue check", path.display()));
        })
        .ok())
}

/// The book that is meant, by its id or as a file.
fn named(session: &Session, name: &str) -> Result<Volume, CliError> {
    let path = Path::new(name);
    if path.extension().is_some_and(|ending| ending == "md") {
        return open(path);
    }
    let volumes = library(session)?;
    match runbook::find(&volumes, name)[..] {
        [volume] => Ok(volume.clone()),
        [] => {
            let meant = platform::nearest(name, volumes.iter().map(Volume::id));
            let hint =
                meant.map_or_else(|| "see: codeblue runbook list".to_owned(), |id| format!("did you mean {id}?"));
            Err(CliError::Usage(format!("no runbook is called {name:?}; {hint}")))
        }
        ref several => {
            let ids: Vec<&str> = several.iter().map(|volume| volume.id()).collect();
            Err(CliError::Usage(format!("{name:?} may be {}", ids.join(" or "))))
        }
    }
}

/// The book in a file, or what is wrong with it.
fn readable(volume: &Volume) -> Result<&runbook::Runbook, CliError> {
    volume.reading.runbook.as_ref().ok_or_else(|| {
        let wrong: Vec<String> = volume.reading.findings.iter().map(ToString::to_string).collect();
        CliError::Usage(wrong.join("\n"))
    })
}

fn origin(volume: &Volume) -> String {
    match &volume.origin {
        Origin::BuiltIn => "built in".to_owned(),
        Origin::File(path) => path.display().to_string(),
    }
}

/// The drills of this home's engine. Books have to be at hand also when none answers; then their files alone say what is proved.
async fn drills(session: &Session) -> Drills {
    let state = match session.client() {
        Ok(client) => client.state().await.ok(),
        Err(_) => None,
    };
    if state.is_none() {
        session.output.progress("no engine answers: what drills have shown is told as far as the books' files say it");
    }
    state.map(|state| state.drills).unwrap_or_default()
}

fn proved(proof: &BookProof) -> Cell {
    let paint = match (proof, proof.holds()) {
        (_, Some(true)) => Paint::Good,
        (BookProof::Never, None) => Paint::Dim,
        (_, Some(false) | None) => Paint::Warn,
    };
    Cell::painted(proof.word(), paint)
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let volumes = library(session)?;
    let drills = drills(session).await;
    let errors = |volume: &Volume| volume.reading.findings.iter().filter(|found| found.level == Level::Error).count();
    let documents: Vec<_> = volumes
        .iter()
        .map(|volume| {
            let book = volume.reading.runbook.as_ref();
            json!({
                "id": volume.id(),
                "title": book.map(|book| &book.front.title),
                "scenario": book.map(|book| book.front.scenario),
                "severity": book.map(|book| book.front.severity),
                "steps": book.map(|book| book.steps().count()),
                "hash": book.map(|book| &book.hash),
                "proof": book.map(|book| proof_of(&drills, book)),
                "origin": origin(volume),
                "errors": errors(volume),
            })
        })
        .collect();
    session.output.result(&documents, || {
        let mut table = Table::new(["ID", "SEV", "STEPS", "DRILLED", "FROM", "TITLE"]);
        for volume in &volumes {
            let Some(book) = &volume.reading.runbook else {
                let wrong = text::count(errors(volume), "error");
                let why = format!("{wrong}; see: codeblue runbook lint");
                let cells = [volume.id().into(), "".into(), "".into(), "".into()];
                let [id, severity, steps, drilled]: [Cell; 4] = cells;
                table.row([id, severity, steps, drilled, origin(volume).into(), Cell::painted(why, Paint::Bad)]);
                continue;
            };
            table.row([
                volume.id().into(),
                book.front.severity.number().to_string().into(),
                book.steps().count().to_string().into(),
                proved(&proof_of(&drills, book)),
                origin(volume).into(),
                Cell::from(&book.front.title),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

async fn show(session: &Session, name: &str, plain: bool, markdown: bool) -> Result<Exit, CliError> {
    let volume = named(session, name)?;
    if markdown {
        session.output.script(volume.text.as_bytes())?;
        return Ok(Exit::Done);
    }
    let book = readable(&volume)?;
    let proof = proof_of(&drills(session).await, book);
    if plain && !session.output.is_json() {
        let platform = surroundings(session, None)?;
        session.output.script(text::block(&runbook::plain(book, platform.as_ref(), &proof)).as_bytes())?;
        session.output.script(b"\n")?;
        return Ok(Exit::Done);
    }
    session.output.result(book, || describe(book, &volume, &proof, &session.output))?;
    Ok(Exit::Done)
}

fn describe(book: &runbook::Runbook, volume: &Volume, proof: &BookProof, output: &Output) -> String {
    let front = &book.front;
    let mut page = format!(
        "{}  {}\n{} · {} · text {}\n",
        output.paint(&text::line(&front.id), Some(Paint::Strong)),
        text::line(&front.title),
        text::line(&origin(volume)),
        proof.words(),
        text::short(&book.hash),
    );
    for section in book.sections.iter().filter(|section| !section.steps.is_empty()) {
        let mut table = Table::new(["#", "STEP", "KIND", "EFFECT", "ROLE", "NAME"]);
        for step in &section.steps {
            table.row([
                step.number.to_string().into(),
                Cell::from(&step.title),
                step.work.name().into(),
                step.work.effect().into(),
                role_name(step.role).into(),
                Cell::from(&step.name),
            ]);
        }
        page += &format!("\n{}\n{}", section.kind.title(), table.render(output));
    }
    page + "\nall of it: --plain for paper, --markdown for the file, codeblue runbook plan for what would run\n"
}

fn lint(session: &Session, files: &[PathBuf], named: Option<&Path>) -> Result<Exit, CliError> {
    let platform = surroundings(session, named)?;
    let known = library(session)?;
    let volumes =
        if files.is_empty() { known.clone() } else { files.iter().map(|file| open(file)).collect::<Result<_, _>>()? };
    let mut ids: Vec<String> = known.iter().chain(&volumes).map(|volume| volume.id().to_owned()).collect();
    ids.sort();
    ids.dedup();
    let around = Surroundings { platform: platform.as_ref(), books: &ids, today: Some(session.now().date_naive()) };
    let mut findings: Vec<Finding> = Vec::new();
    for volume in &volumes {
        // What cannot be read as text has said so already.
        if volume.text.is_empty() {
            findings.extend(volume.reading.findings.iter().cloned());
            continue;
        }
        findings.extend(runbook::lint(&volume.file, &volume.text, &around));
        findings.extend(volume.reading.runbook.iter().flat_map(|book| runbook_commands::unknown(&volume.file, book)));
    }
    let ok = findings.iter().all(|found| found.level != Level::Error);
    let document = json!({"ok": ok, "books": volumes.len(), "findings": findings});
    session.output.result(&document, || {
        let mut page: String = findings.iter().map(|found| text::line(&found.to_string()) + "\n").collect();
        page += &match findings.len() {
            0 => format!("{}, nothing to complain of\n", text::count(volumes.len(), "book")),
            found => format!("{} in {}\n", text::count(found, "finding"), text::count(volumes.len(), "book")),
        };
        page
    })?;
    Ok(if ok { Exit::Done } else { Exit::Usage })
}

fn lay_out(session: &Session, files: &[PathBuf], check: bool) -> Result<Exit, CliError> {
    let mut done = Vec::new();
    for path in files {
        let volume = open(path)?;
        let formatted = runbook::format(&volume.text);
        let changed = formatted != volume.text;
        if changed && !check {
            replace(path, &formatted)?;
        }
        done.push((path, changed));
    }
    let any = done.iter().any(|(_, changed)| *changed);
    let listed: Vec<_> = done.iter().map(|(path, changed)| json!({"file": path, "changed": changed})).collect();
    session.output.result(&json!({"ok": !(check && any), "files": listed}), || {
        let verb = if check { "would be laid out anew" } else { "laid out anew" };
        let changed = done.iter().filter(|(_, changed)| *changed);
        changed.map(|(path, _)| format!("{}: {verb}\n", text::line(&path.display().to_string()))).collect()
    })?;
    Ok(if check && any { Exit::Failed } else { Exit::Done })
}

/// Puts a text into the place of a file at once, so that an interruption leaves the one or the other.
fn replace(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error: io::Error| CliError::Failed(format!("{} cannot be written: {error}", path.display()));
    let real = fs::canonicalize(path).map_err(failed)?;
    let folder = real.parent().unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    io::Write::write_all(&mut beside, text.as_bytes()).map_err(failed)?;
    beside.as_file().set_permissions(fs::metadata(&real).map_err(failed)?.permissions()).map_err(failed)?;
    beside.as_file().sync_all().map_err(failed)?;
    beside.persist(&real).map_err(|error| failed(error.error))?;
    Ok(())
}

async fn plan(
    session: &Session,
    name: &str,
    inputs: Vec<(String, String)>,
    platform: Option<&Path>,
) -> Result<Exit, CliError> {
    let platform = surroundings(session, platform)?;
    let volume = named(session, name)?;
    let book = readable(&volume)?;
    let given: BTreeMap<String, String> = inputs.into_iter().collect();
    let proof = proof_of(&drills(session).await, book);
    let found = runbook::plan(book, platform.as_ref(), &given, proof);
    session.output.result(&found, || planned(&found, &session.output))?;
    Ok(Exit::Done)
}

fn planned(plan: &RunPlan, output: &Output) -> String {
    let span = |time: std::time::Duration| text::span(chrono::TimeDelta::from_std(time).unwrap_or_default());
    let mut page = format!(
        "{}  text {}  done within {}, its commands end after {} together at the latest\n",
        output.paint(&text::line(&plan.book), Some(Paint::Strong)),
        text::short(&plan.hash),
        span(plan.time_budget),
        span(plan.longest),
    );
    page += &text::line(&plan.proof.words());
    page.push('\n');
    for (name, value) in &plan.inputs {
        page += &text::line(&format!("{name} = {value}"));
        page.push('\n');
    }
    let mut table = Table::new(["#", "STEP", "KIND", "EFFECT", "ROLE", "AGREES", "RUNS"]);
    for step in &plan.steps {
        let mut agree: Vec<&str> = step.approvals.iter().map(|role| role_name(*role)).collect();
        if step.second_person {
            agree.push("second person");
        }
        let runs = match (&step.skipped, &step.command) {
            (Some(why), _) => Cell::painted(format!("skipped: {why}"), Paint::Dim),
            (None, Some(command)) => command.into(),
            (None, None) => "".into(),
        };
        table.row([
            step.number.to_string().into(),
            Cell::from(&step.name),
            step.kind.into(),
            step.effect.into(),
            role_name(step.role).into(),
            agree.join(", ").into(),
            runs,
        ]);
    }
    page += &format!("\n{}", table.render(output));
    if !plan.missing.is_empty() {
        page += "\nmissing\n";
    }
    for missing in &plan.missing {
        let step = missing.step.as_ref().map_or(String::new(), |step| format!("{step}: "));
        page += &output.paint(&text::line(&format!("  {step}{}", missing.what)), Some(Paint::Warn));
        page.push('\n');
    }
    page
}
