//! Adapter `command`: programs that the platform file declares capture, bring back and judge what no other adapter knows.
//!
//! What was captured is a file `output` and a directory `files`. A restore is a program of somebody else, so it is not one
//! rename: it is written down before it begins, and after a kill the program that was left is ended and run again.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    ComponentCapture, DryRun, Observed, Proof, RecoveryError, Restored, Target,
    adapter::{Handler, Job, test_restore_files, wrong_target},
    program::{Outcome, Program, Ran, end_left},
    switch::{Record, place_in, remove},
};
use crate::{
    platform::{JsonPath, Programs},
    vault::{CancelFlag, Source, make_private_dir},
};

const HALF: &str =
    "it may have changed a part of what is live: run the recovery again, or go back to the safety snapshot";
/// How long it may take to say which version is live.
const OBSERVE: Duration = Duration::from_secs(5);
/// Lines of a dry run that are told, and how long each may be.
const LINES: usize = 2000;
const LINE: usize = 200;
/// The longest captured text that may stand in an argument.
const ARGUMENT: usize = 200;

/// Declared programs.
pub(super) struct Command<'a> {
    pub(super) programs: &'a Programs,
}

impl Handler for Command<'_> {
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
        // always the same place, so that the next snapshot finds this one as its parent
        let place = place_in(job.work, &job.component.name, "captured");
        let failed = |action| {
            let place = &place;
            move |error| RecoveryError::io(action, place, error)
        };
        remove(&place).map_err(failed("remove"))?;
        let captured = self.print(job, &place).and_then(|()| {
            let source = Source::new([place.clone()])?;
            Ok(job.vault.capture(source, &tags, now, job.cancel)?)
        });
        // whatever came of it, no copy of the data may stay outside the vault
        remove(&place).map_err(failed("remove"))?;
        Ok(ComponentCapture { captured: captured?, version: self.observe().unwrap_or_default().version })
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let (restored, staged) = stage(job, snapshot)?;
        // whatever is wrong with the arguments is found before anything is begun
        self.fill(job, &self.programs.restore, &staged)?;
        if job.cancel.is_cancelled() {
            return Err(RecoveryError::Cancelled);
        }
        let record = Record {
            component: job.component.name.clone(),
            target: target.clone(),
            previous: None,
            moves: Vec::new(),
            link: None,
            done: false,
            withdrawn: false,
        };
        record.note(job.work)?;
        self.put_back(job, &record, &staged)?;
        Ok(restored)
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let Some(run) = &self.programs.dry_run else {
            let summary = "what would change cannot be told: the platform file names no dry_run program".to_owned();
            return Ok(DryRun { summary, ..DryRun::default() });
        };
        let (_, staged) = stage(job, snapshot)?;
        let ran = self.fill(job, run, &staged).and_then(|run| self.with(job, &run, &staged)).map(Program::run);
        remove(&staged).map_err(|error| RecoveryError::io("remove", &staged, error))?;
        let ran = ran?;
        if job.cancel.is_cancelled() {
            return Err(RecoveryError::Cancelled);
        }
        if let Some(problem) = ran.problem().filter(|_| ran.exit_code() != Some(1)) {
            return Err(RecoveryError::program(&ran, problem));
        }
        let text = ran.stdout.text();
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let inside: Vec<String> =
            lines.take(LINES).map(|line| line.chars().filter(|c| !c.is_control()).take(LINE).collect()).collect();
        let summary = match inside.len() {
            0 => format!("{} says that nothing would change", ran.program),
            lines => format!("{} says in {lines} lines what would change", ran.program),
        };
        Ok(DryRun { inside, summary, ..DryRun::default() })
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        let (proof, staged) = test_restore_files(job, snapshot, &[stored(job, snapshot)?])?;
        for staged in &staged {
            self.fill(job, &self.programs.restore, staged)?;
        }
        let detail = format!("{} bytes read back as they were captured; its restore program was not run", proof.bytes);
        Ok(Proof { detail, ..proof })
    }

    fn verify(&self, job: &Job<'_>) -> Result<(), RecoveryError> {
        let ran = self.plain(job, &self.programs.verify).run();
        ran.problem().map_or(Ok(()), |problem| Err(said(&ran, problem, "it is live now")))
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        // nothing is ever staged outside the directory of the run
        Ok(())
    }

    fn finish(&self, job: &Job<'_>, record: &Record) -> Result<(), RecoveryError> {
        let Record { target: Target::Snapshot(snapshot), done: false, .. } = record else { return Ok(()) };
        let note = note(job);
        end_left(&note).map_err(|error| RecoveryError::switching("end the program named in", &note, error))?;
        let (_, staged) = stage(job, snapshot)?;
        self.put_back(job, record, &staged)
    }

    fn observe(&self) -> Result<Observed, RecoveryError> {
        let Some(run) = &self.programs.observe else { return Ok(Observed::default()) };
        let cancel = CancelFlag::new();
        let ran = Program::new(run, OBSERVE.min(self.programs.within), &cancel).whole(LINE * 4).run();
        if let Some(problem) = ran.problem() {
            return Err(RecoveryError::program(&ran, problem));
        }
        let text = ran.stdout.text();
        let version: String = text.trim().chars().take_while(|c| !c.is_control()).take(LINE).collect();
        Ok(Observed { version: (!version.is_empty()).then_some(version) })
    }
}

impl Command<'_> {
    /// Lets the capture program fill `place`.
    fn print(&self, job: &Job<'_>, place: &Path) -> Result<(), RecoveryError> {
        let files = place.join(FILES);
        make_private_dir(&files).map_err(|error| RecoveryError::io("create", &files, error))?;
        let output = place.join(OUTPUT);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&output)
            .map_err(|error| RecoveryError::io("create", &output, error))?;
        let run = in_dir(&self.programs.capture, &files);
        let ran = self.plain(job, &run).env(DIR, &files).into_file(file).run();
        if job.cancel.is_cancelled() {
            return Err(RecoveryError::Cancelled);
        }
        if let Some(problem) = ran.problem() {
            return Err(match ran.outcome {
                Outcome::Unwritten(error) => RecoveryError::io("write", &output, error),
                _ => RecoveryError::program(&ran, problem),
            });
        }
        let printed = fs::metadata(&output).map_err(|error| RecoveryError::io("read", &output, error))?.len() > 0;
        let wrote = fs::read_dir(&files).map_err(|error| RecoveryError::io("read", &files, error))?.next().is_some();
        if !printed && !wrote {
            let reason = "its capture program succeeded, but printed nothing and left no file in CODEBLUE_DIR, so nothing \
                could ever be brought back";
            return Err(RecoveryError::Impossible { component: job.component.name.clone(), reason: reason.to_owned() });
        }
        Ok(())
    }

    /// Runs the restore program, then writes down that it is done.
    fn put_back(&self, job: &Job<'_>, record: &Record, staged: &Path) -> Result<(), RecoveryError> {
        let run = self.fill(job, &self.programs.restore, staged)?;
        let ran = self.with(job, &run, staged)?.noting(&note(job)).run();
        if let Some(problem) = ran.problem() {
            // it came to an end, and there is nothing that could be finished
            record.withdraw(job.work)?;
            return Err(said(&ran, problem, HALF));
        }
        record.finish(job.work)?;
        remove(staged).map_err(|error| RecoveryError::io("remove", staged, error))
    }

    fn plain<'j>(&self, job: &Job<'j>, run: &[String]) -> Program<'j> {
        Program::new(run, self.programs.within, job.cancel).env("CODEBLUE_COMPONENT", &job.component.name)
    }

    /// A program that gets what was captured.
    fn with<'j>(&self, job: &Job<'j>, run: &[String], staged: &Path) -> Result<Program<'j>, RecoveryError> {
        let output = staged.join(OUTPUT);
        let file = File::open(&output).map_err(|error| RecoveryError::io("read", &output, error))?;
        Ok(self.plain(job, run).env(DIR, staged.join(FILES)).stdin(file))
    }

    /// The arguments with what was captured in the places that name it.
    fn fill(&self, job: &Job<'_>, run: &[String], staged: &Path) -> Result<Vec<String>, RecoveryError> {
        let run = in_dir(run, &staged.join(FILES));
        if !run.iter().any(|word| word.contains(ALL) || word.contains(PLACE)) {
            return Ok(run);
        }
        let impossible = |reason: String| RecoveryError::Impossible { component: job.component.name.clone(), reason };
        let output = staged.join(OUTPUT);
        let text = fs::read_to_string(&output).map_err(|error| RecoveryError::io("read", &output, error))?;
        run.iter()
            .map(|word| fill(word, text.trim()).map_err(|why| impossible(format!("what was captured {why}"))))
            .collect()
    }
}

/// The arguments with the directory in the places that name it.
fn in_dir(run: &[String], files: &Path) -> Vec<String> {
    run.iter().map(|word| word.replace(HERE, &files.to_string_lossy())).collect()
}

/// Puts captured text into one argument; or why it cannot stand there.
fn fill(word: &str, text: &str) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = word;
    while let Some(at) = [rest.find(ALL), rest.find(PLACE)].into_iter().flatten().min() {
        let (before, from) = rest.split_at(at);
        let (place, after) = from.split_once('}').ok_or("is named by a place that does not end")?;
        let value = if let Some(path) = place.strip_prefix('{').filter(|path| path.starts_with('$')) {
            let document: Value = serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))?;
            match JsonPath::parse(path).as_ref().and_then(|path| path.find(&document)) {
                Some(Value::String(text)) => text.clone(),
                Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
                Some(_) => return Err(format!("holds no single value at {path}")),
                None => return Err(format!("holds nothing at {path}")),
            }
        } else {
            text.to_owned()
        };
        if value.is_empty() || value.chars().count() > ARGUMENT || value.chars().any(char::is_control) {
            return Err(format!("is not one line of at most {ARGUMENT} characters, so it cannot be an argument"));
        }
        filled.push_str(before);
        if filled.is_empty() && value.starts_with('-') {
            return Err("begins with \"-\" and would be taken for an option".to_owned());
        }
        filled.push_str(&value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Brings what was captured back into the directory of the run.
fn stage(job: &Job<'_>, snapshot: &str) -> Result<(Restored, PathBuf), RecoveryError> {
    make_private_dir(job.work).map_err(|error| RecoveryError::io("create", job.work, error))?;
    let staged = place_in(job.work, &job.component.name, "staged");
    remove(&staged).map_err(|error| RecoveryError::io("remove", &staged, error))?;
    let made = job.vault.stage(snapshot, &stored(job, snapshot)?, &staged, job.cancel)?;
    if !made.is_whole() {
        return Err(RecoveryError::NotWhole { component: job.component.name.clone(), problems: made.problems });
    }
    Ok((Restored { files: made.files, bytes: made.bytes, ..Restored::default() }, staged))
}

/// Where the snapshot holds it: the directory it was captured from need not be the one of today.
fn stored(job: &Job<'_>, snapshot: &str) -> Result<PathBuf, RecoveryError> {
    match job.vault.show(snapshot)?.paths.as_slice() {
        [path] => Ok(path.clone()),
        several => Err(RecoveryError::WrongSnapshot {
            component: job.component.name.clone(),
            snapshot: snapshot.to_owned(),
            reason: format!("it holds {} paths instead of what one program printed", several.len()),
        }),
    }
}

fn note(job: &Job<'_>) -> PathBuf {
    place_in(job.work, &job.component.name, "program")
}

fn said(ran: &Ran, outcome: String, stands: &'static str) -> RecoveryError {
    RecoveryError::Program { program: ran.program.clone(), outcome, output: ran.said(), stands }
}

const OUTPUT: &str = "output";
const FILES: &str = "files";
const DIR: &str = "CODEBLUE_DIR";
const ALL: &str = "{output}";
const PLACE: &str = "{$";
const HERE: &str = "{dir}";
