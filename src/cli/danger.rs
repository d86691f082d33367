//! Before something dangerous: what it would do is shown, and the target's name has to be typed.

use std::io::{self, BufRead, IsTerminal, Write};

use super::{error::CliError, table::Table, text};
use crate::{
    cli::output::Output,
    domain::{Refusal, RiskPoint, role_name},
    engine::{ComponentDifference, DryRun, FileChange, FileChangeKind},
};

/// Differences listed one by one for each component.
const LISTED: usize = 12;
/// A longer line is no answer.
const ANSWER: u64 = 4096;

/// Whether somebody is there to be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Passes when the target was named with `--confirm`.
pub(super) fn named(target: &str, confirm: &str) -> Result<(), CliError> {
    if confirm == target {
        return Ok(());
    }
    Err(CliError::Usage(format!("--confirm {confirm} is not the target; it is {target}. Nothing was done")))
}

/// Nobody is there to be asked, and nothing was confirmed.
pub(super) fn unasked(target: &str) -> CliError {
    CliError::Usage(format!(
        "this is dangerous, and there is no terminal to ask on: look with --dry-run, then add --confirm {target}"
    ))
}

/// Shows what would be done, and on which host where that is another one, and asks for the target's name.
pub(super) fn ask(target: &str, shown: &str, host: Option<&str>) -> Result<(), CliError> {
    let mut err = io::stderr().lock();
    let on = host.map(|host| format!("It is done ON {}. ", text::line(host))).unwrap_or_default();
    let _ = write!(err, "{shown}\n{on}Type {target} to go on, anything else to leave it: ");
    let _ = err.flush();
    let mut answer = String::new();
    let read = io::Read::take(io::stdin().lock(), ANSWER).read_line(&mut answer);
    if read.is_ok() && answer.trim() == target {
        return Ok(());
    }
    let _ = writeln!(err);
    Err(Refusal::new("not-confirmed", format!("{target} was not confirmed; nothing was done"))
        .hint(format!("for scripts, or to say it beforehand: --confirm {target}"))
        .into())
}

/// A dry run for people.
pub(super) fn describe(dry: &DryRun, output: &Output) -> String {
    let mut shown = format!("{}\n", text::line(&dry.plan.title));
    for (index, step) in dry.plan.steps.iter().enumerate() {
        shown += &format!("  {}. {}\n", index + 1, text::line(&step.to_string()));
    }
    shown += &format!("risk {} of 10: {}\n", dry.risk.score, reasons(&dry.risk.points));
    shown += &match (dry.required.as_slice(), dry.break_glass) {
        (_, Some(glass)) => {
            format!("runs at once under {glass}: nobody has agreed, and it does not count as approved\n")
        }
        ([], None) => "runs at once, nobody has to agree\n".to_owned(),
        (roles, None) => {
            format!("needs the {}\n", roles.iter().map(|role| role_name(*role)).collect::<Vec<_>>().join(", "))
        }
    };
    shown += &format!("takes about {} s\n", dry.estimate_seconds);
    if let Some(loses) = &dry.plan.loses {
        shown += &format!("LOSES {}\n", text::line(loses));
    }
    shown + &differences(&dry.components, output)
}

pub(super) fn reasons(points: &[RiskPoint]) -> String {
    points.iter().map(|point| format!("{:+} {}", point.points, text::line(&point.why))).collect::<Vec<_>>().join(", ")
}

/// What differs, component by component.
pub(super) fn differences(components: &[ComponentDifference], output: &Output) -> String {
    let mut shown = String::new();
    for component in components {
        shown += &format!("\n{}: {}\n", text::line(&component.component), text::line(&component.summary));
        let mut table = Table::new(["", "BEFORE", "AFTER", "PATH"]);
        for file in component.files.iter().take(LISTED) {
            table.row([mark(file.kind).into(), size(file.before).into(), size(file.after).into(), path(file).into()]);
        }
        if !table.is_empty() {
            shown += &table.render(output);
        }
        let listed = component.files.len().min(LISTED) as u64;
        if component.total > listed {
            shown += &format!("  and {} more; --json lists them\n", component.total - listed);
        }
    }
    shown
}

fn path(file: &FileChange) -> &str {
    &file.path
}

fn mark(kind: FileChangeKind) -> &'static str {
    match kind {
        FileChangeKind::Added => "+",
        FileChangeKind::Removed => "-",
        FileChangeKind::Changed => "~",
    }
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "—".to_owned(), |bytes| bytes.to_string())
}
