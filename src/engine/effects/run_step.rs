//! Runs what a step of a runbook asks for: its check before, the step, its check after. Each program is on record before it is begun.
//! One that was cut off is never simply begun again: what the rules make of it is their answer to `LoseAttempt`.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use ring::hmac;
use tokio::process::Command as Program;
use tracing::{info, warn};

use super::{
    Hands, blocking,
    child::{self, Ended, Leave, Ran},
};
use crate::{
    domain::{
        AttemptEnd, AttemptPart, AttemptResult, Command, KeptOutput, Run, RunId, RunInput, RunStepState,
        runbook::{self, Evidence, Execution, InputKind, Judgement, Outcome, Retry, Step, Work},
        waits_for_change,
    },
    recovery,
};

/// Bytes kept of what a program prints.
const KEPT: usize = 16 * 1024;
/// Letters of why it did not pass.
const WHY: usize = 400;
/// How often it is looked whether somebody wants a pause between two tries ended.
const LOOK: Duration = Duration::from_millis(50);

/// Runs the step of one turn until it is over.
pub(super) async fn run(hands: &Hands, id: RunId, turn: u32) {
    let mut own = false;
    loop {
        let state = hands.engine.state();
        let Some(run) = state.runs.get(&id).filter(|run| run.turn == turn) else { return };
        let Some(step) = run.current() else { return };
        let name = step.name.clone();
        match *run.state_of(&name) {
            RunStepState::Asked { part } => {
                let begin = Command::BeginAttempt { run: id, step: name.clone(), part };
                if let Err(refusal) = hands.report(begin).await {
                    info!(%refusal, "attempt not begun");
                    return;
                }
                own = true;
            }
            // It was begun by this very task, so its program is still to be started.
            RunStepState::Running { part } if own => {
                own = false;
                let result = tokio::select! {
                    () = hands.stop.cancelled() => return,
                    result = attempt(hands, run, step, part) => result,
                };
                hands.tell(Command::FinishAttempt { run: id, step: name, part, result }).await;
            }
            RunStepState::Running { part } => {
                end_left(hands, id).await;
                hands.tell(Command::LoseAttempt { run: id, step: name, part }).await;
            }
            RunStepState::Pending | RunStepState::Ended { .. } => return,
        }
    }
}

fn place(hands: &Hands, id: RunId) -> PathBuf {
    hands.work.join(id.to_string())
}

/// Ends a program that was left behind by an engine that died.
async fn end_left(hands: &Hands, id: RunId) {
    let note = place(hands, id).join("program");
    let ended = blocking(move || recovery::end_left(&note).map_err(|error| error.to_string())).await;
    if let Err(cause) = ended {
        warn!(cause, run = %id, "a program of the engine before may still run");
    }
}

/// The program of a part of a step.
fn execution_of<'a>(run: &'a Run, step: &'a Step, part: AttemptPart) -> Option<&'a Execution> {
    let check = match (part, &step.work) {
        (AttemptPart::Work, work) => return work.execution(),
        (AttemptPart::DoneIf, Work::Action(action)) => action.done_if.as_deref(),
        (AttemptPart::Verify, _) => step.decider(),
        (AttemptPart::DoneIf, _) => None,
    };
    run.book.step(check?)?.work.execution()
}

fn ended(end: AttemptEnd) -> AttemptResult {
    AttemptResult { end, exit: None, tries: 0, took_ms: 0, output: KeptOutput::Nothing, captured: Vec::new() }
}

async fn attempt(hands: &Hands, run: &Run, step: &Step, part: AttemptPart) -> AttemptResult {
    let not_started = |why: String| ended(AttemptEnd::NotStarted { why });
    let Some(execution) = execution_of(run, step, part) else {
        return not_started("there is nothing to run".to_owned());
    };
    let words = match execution.command.filled(&run.values) {
        Ok(words) => words,
        Err(missing) => return not_started(format!("{} is not known", missing.join(", "))),
    };
    let leave = || {
        let state = hands.engine.state();
        let Ok(now) = state.run(run.id) else { return Leave::Ends };
        if now.step(&step.name).is_some_and(|known| known.cancel.is_some()) {
            Leave::Ends
        } else if part == AttemptPart::Work && waits_for_change(&state, now, step).is_some() {
            Leave::WaitsForPeople
        } else {
            Leave::Runs
        }
    };
    let folder = place(hands, run.id);
    if let Err(error) = fs::create_dir_all(&folder) {
        return not_started(format!("{}: {error}", folder.display()));
    }
    // What is begun once is also tried once.
    let once = matches!(&step.work, Work::Action(action) if action.once) && part == AttemptPart::Work;
    let tries = execution.retry.filter(|_| !once).unwrap_or(Retry {
        attempts: 1,
        pause: Duration::ZERO,
        longest: Duration::ZERO,
    });
    let (mut left, mut pause, mut tried) = (execution.timeout, tries.pause, 0);
    loop {
        let operator = run.step(&step.name).and_then(|known| known.by.as_ref()?.operator());
        let program = match Prepared::new(hands, run.id, operator, &words) {
            Ok(program) => program,
            Err(why) => return not_started(why),
        };
        tried += 1;
        let ran = child::run(program.command, left, &folder.join("program"), leave).await;
        drop(program.voucher);
        left = left.saturating_sub(ran.took);
        let took = execution.timeout.saturating_sub(left);
        let result = judged(hands, execution, &ran, tried, took);
        let again = matches!(result.end, AttemptEnd::Failed { .. }) && tried < tries.attempts && left > pause;
        if !again {
            return result;
        }
        let paused = Instant::now();
        while paused.elapsed() < pause {
            if leave() == Leave::Ends {
                return AttemptResult { end: AttemptEnd::Cancelled, ..result };
            }
            tokio::time::sleep(LOOK.min(pause)).await;
        }
        left = left.saturating_sub(pause);
        pause = (pause * 2).min(tries.longest);
    }
}

/// A command ready to be begun, with what says for whom it acts.
struct Prepared {
    command: Program,
    voucher: Option<crate::engine::vouchers::Voucher>,
}

impl Prepared {
    fn new(hands: &Hands, id: RunId, operator: Option<&str>, words: &[String]) -> Result<Self, String> {
        let (program, arguments) = words.split_first().ok_or("no program is named")?;
        if program != "codeblue" {
            let mut command = Program::new(program);
            command.args(arguments).env_remove("CODEBLUE_TOKEN_FILE").env_remove("CODEBLUE_AS");
            return Ok(Self { command, voucher: None });
        }
        let operator = operator.ok_or("nobody has had it run")?;
        let own = std::env::current_exe().map_err(|error| format!("where codeblue lies is not known: {error}"))?;
        let file = place(hands, id).join("voucher");
        let voucher =
            hands.engine.walking.vouchers.vouch(operator, id, file).map_err(|error| format!("no voucher: {error}"))?;
        let mut command = Program::new(own);
        command.args(arguments).env("CODEBLUE_TOKEN_FILE", voucher.file()).env_remove("CODEBLUE_AS");
        command.envs(hands.engine.walking.children.iter().map(|(name, folder)| (*name, folder))).env("NO_COLOR", "1");
        Ok(Self { command, voucher: Some(voucher) })
    }
}

fn judged(hands: &Hands, execution: &Execution, ran: &Ran, tries: u32, took: Duration) -> AttemptResult {
    let stdout = String::from_utf8_lossy(&ran.stdout);
    let exit = if let Ended::Exited(code) = ran.ended { code } else { None };
    let (mut end, mut captured) = match &ran.ended {
        Ended::NotStarted(why) => (AttemptEnd::NotStarted { why: why.clone() }, Vec::new()),
        Ended::Cancelled => (AttemptEnd::Cancelled, Vec::new()),
        // A look that was tried before and did not pass is known not to have; one that hung says nothing.
        Ended::TimedOut if tries > 1 => (
            AttemptEnd::Failed { why: format!("not as expected within {} s", execution.timeout.as_secs()) },
            Vec::new(),
        ),
        Ended::TimedOut => (AttemptEnd::TimedOut, Vec::new()),
        Ended::Exited(exit) => {
            let outcome = Outcome { exit: *exit, stdout: &stdout, took: ran.took };
            match runbook::judge(&execution.expect, outcome) {
                Judgement::Failed(wrong) => (AttemptEnd::Failed { why: why(execution, &wrong, ran) }, Vec::new()),
                passed => match captures(execution, &stdout) {
                    Err(why) => (AttemptEnd::Failed { why }, Vec::new()),
                    Ok(captured) if passed == Judgement::Warned => (AttemptEnd::Warned, captured),
                    Ok(captured) => (AttemptEnd::Passed, captured),
                },
            }
        }
    };
    if let AttemptEnd::Failed { why } | AttemptEnd::NotStarted { why } = &mut end {
        *why = why.chars().take(WHY).collect();
    }
    captured.truncate(execution.sets.len());
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    AttemptResult { end, exit, tries, took_ms, output: kept(hands, execution.evidence, ran), captured }
}

/// Why it did not pass, with the last thing it said; nothing of what it printed where that is not kept.
fn why(execution: &Execution, wrong: &[String], ran: &Ran) -> String {
    if execution.evidence != Evidence::Keep {
        return "not as expected; what it printed is not kept".to_owned();
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let said: Option<String> = said
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .map(|line| line.chars().take(WHY / 2).collect());
    let wrong = wrong.join("; ");
    said.map_or(wrong.clone(), |said| format!("{wrong}: {said}"))
}

/// What later steps take from what a program printed.
fn captures(execution: &Execution, stdout: &str) -> Result<Vec<RunInput>, String> {
    let document: Option<serde_json::Value> = serde_json::from_str(stdout).ok();
    let one = |capture: &runbook::Capture| {
        let value = match &capture.pointer {
            None => Some(stdout.trim().to_owned()),
            Some(pointer) => {
                document.as_ref().and_then(|document| document.pointer(pointer)).map(|found| match found {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
            }
        };
        let value = value.ok_or_else(|| format!("it printed nothing that {} could be", capture.name))?;
        let fits = !value.is_empty() && value.chars().count() <= WHY && InputKind::String.problem(&value).is_none();
        if !fits {
            return Err(format!("what it printed for {} is no single line of at most {WHY} letters", capture.name));
        }
        Ok(RunInput { name: capture.name.clone(), value })
    };
    execution.sets.iter().map(one).collect()
}

fn kept(hands: &Hands, evidence: Evidence, ran: &Ran) -> KeptOutput {
    let bytes = (ran.stdout.len() + ran.stderr.len()) as u64;
    match evidence {
        Evidence::None => KeptOutput::Nothing,
        Evidence::Hash => {
            let mut context = hmac::Context::with_key(&hands.engine.walking.output_key);
            context.update(&ran.stdout);
            context.update(&ran.stderr);
            KeptOutput::Hash { hash: hex::encode(context.sign()), bytes }
        }
        Evidence::Keep => {
            let both = [ran.stdout.as_slice(), ran.stderr.as_slice()].concat();
            let text = String::from_utf8_lossy(&both).into_owned();
            let from = text.ceil_char_boundary(text.len().saturating_sub(KEPT));
            KeptOutput::Text { text: text[from..].to_owned(), bytes }
        }
    }
}
