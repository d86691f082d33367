//! A program whose exit code is the answer. It runs without a shell, in its own process group, which is killed at the end.

use std::{
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::timeout,
};

use super::outcome::{Finding, line, took};

/// The newest part of the output that is kept.
const OUTPUT: usize = 4096;
/// So much of it is quoted.
const QUOTE: usize = 140;
/// How long output is awaited after the program has ended: something outside its group may still hold the pipe.
const LINGER: Duration = Duration::from_millis(100);

/// Kills a process group when dropped, be it at the end, at the deadline, or because nobody wants the answer any more.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0.take() {
            // It is usually gone already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

pub(super) async fn probe(run: &[String], within: Duration) -> Finding {
    let Some((program, arguments)) = run.split_first() else { return Finding::bad("no program is named") };
    let started = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.process_group(0).kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => return Finding::bad(format!("cannot run \"{}\": {error}", line(program, QUOTE / 2))),
    };
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let ended = {
        let reading = async {
            tokio::join!(keep_newest(stdout, &mut said), keep_newest(stderr, &mut complained));
        };
        tokio::pin!(reading);
        let waiting = async {
            let status = child.wait().await;
            drop(group);
            status
        };
        tokio::pin!(waiting);
        let whole = async {
            let status = tokio::select! {
                status = &mut waiting => {
                    let _ = timeout(LINGER, reading).await;
                    return status;
                }
                () = &mut reading => waiting.await,
            };
            status
        };
        timeout(within, whole).await
    };
    let output = if complained.trim_ascii().is_empty() { said } else { complained };
    let output = last_line(&output);
    let quoted = if output.is_empty() { String::new() } else { format!(": \"{output}\"") };
    match ended {
        Ok(Ok(status)) => {
            let told = format!("{} in {}{quoted}", ending(status), took(started.elapsed()));
            if status.success() { Finding::good(told) } else { Finding::bad(told) }
        }
        Ok(Err(error)) => Finding::bad(format!("lost track of \"{}\": {error}", line(program, QUOTE / 2))),
        Err(_) => Finding::bad(format!("killed after {}{quoted}", took(within))),
    }
}

async fn keep_newest(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; OUTPUT];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(OUTPUT));
    }
}

fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    text.lines().rev().map(|text| line(text, QUOTE)).find(|line| !line.is_empty()).unwrap_or_default()
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustix::process::test_kill_process;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Check, Probe, Reading},
    };

    async fn probe(script: &str, within: Duration) -> Outcome {
        let run = ["sh", "-c", script].map(str::to_owned).to_vec();
        Prober::new().probe(&Check { within, ..check(Probe::Command { run }) }).await
    }

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn the_exit_code_decides_and_the_last_line_explains() {
        let outcome = probe("echo 12 jobs; echo queue is short", SOON).await;
        assert_eq!(outcome.result, Reading::Good);
        assert!(outcome.detail.starts_with("exit 0 in ") && outcome.detail.ends_with(": \"queue is short\""));
        let outcome = probe("echo fine; echo queue is long >&2; echo; exit 7", SOON).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("exit 7 in ") && outcome.detail.ends_with(": \"queue is long\""));
        assert!(probe("kill -9 $$", SOON).await.detail.starts_with("killed by signal 9"));
    }

    #[tokio::test]
    async fn a_missing_program_is_bad() {
        let outcome = Prober::new().probe(&check(Probe::Command { run: vec!["/nowhere/at/all".to_owned()] })).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("cannot run \"/nowhere/at/all\": No such file"), "{}", outcome.detail);
    }

    #[tokio::test]
    async fn endless_output_neither_blocks_nor_fills_memory() {
        let outcome = probe("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end", SOON).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
        assert!(outcome.detail.ends_with(": \"end\""), "{}", outcome.detail);
    }

    /// Waits until a process is gone; what the kernel has killed may take a moment to leave.
    async fn gone(pid_file: &Path) -> bool {
        let pid = std::fs::read_to_string(pid_file).unwrap().trim().parse().unwrap();
        let pid = Pid::from_raw(pid).unwrap();
        let zombie = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        for _ in 0..200 {
            if test_kill_process(pid).is_err() || zombie() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn the_whole_group_is_killed_at_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let outcome =
            probe(&format!("sleep 600 & echo $! > {}; echo busy; wait", pid.display()), Duration::from_millis(500))
                .await;
        assert_eq!((outcome.result, outcome.detail.as_str()), (Reading::Bad, "killed after 500 ms: \"busy\""));
        assert!(gone(&pid).await);
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_is_killed_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let outcome = probe(&format!("sleep 600 & echo $! > {}; echo done", pid.display()), SOON).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
        assert!(outcome.latency < Duration::from_secs(4), "{:?}", outcome.latency);
        assert!(gone(&pid).await);
    }

    #[tokio::test]
    async fn a_probe_that_is_dropped_takes_its_group_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
        tokio::select! {
            _ = probe(&script, SOON) => panic!("it should still run"),
            () = async { while !pid.exists() { tokio::time::sleep(Duration::from_millis(5)).await } } => {}
        }
        assert!(gone(&pid).await);
    }
}
