//! A running process, as the kernel tells it below `/proc`.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use super::outcome::Finding;

/// The kernel keeps so much of a process's name.
const KERNEL_NAME: usize = 15;

pub(super) fn probe(pid_file: Option<&Path>, name: Option<&str>) -> Finding {
    match (pid_file, name) {
        (Some(path), _) => by_file(path),
        (None, Some(name)) => by_name(name),
        (None, None) => Finding::bad("no process is named"),
    }
}

fn by_file(path: &Path) -> Finding {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_string(&mut text));
    if let Err(error) = read {
        return Finding::bad(format!("cannot read {}: {error}", path.display()));
    }
    let Some(pid) = text.split_whitespace().next().and_then(|word| word.parse::<u32>().ok()).filter(|pid| *pid > 0)
    else {
        return Finding::bad(format!("{} holds no process id", path.display()));
    };
    match state(pid) {
        Some(state) => judge(pid, state),
        None => Finding::bad(format!("process {pid} does not run")),
    }
}

fn by_name(name: &str) -> Finding {
    let Ok(entries) = fs::read_dir("/proc") else { return Finding::bad("this host has no /proc") };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let found = pids.filter(|pid| is_named(*pid, name)).filter_map(|pid| Some((pid, state(pid)?)));
    // One that works is enough; the others say why none does.
    let best = found.min_by_key(|(_, state)| trouble(*state).is_some());
    match best {
        Some((pid, state)) => judge(pid, state),
        None => Finding::bad(format!("no process is named \"{name}\"")),
    }
}

fn judge(pid: u32, state: char) -> Finding {
    match trouble(state) {
        Some(trouble) => Finding::bad(format!("process {pid} {trouble}")),
        None => Finding::good(format!("process {pid} runs")),
    }
}

/// What is wrong with a process in this state of `/proc/PID/stat`, if anything.
fn trouble(state: char) -> Option<&'static str> {
    match state {
        'T' | 't' => Some("is stopped"),
        'Z' | 'X' | 'x' => Some("is dead and not yet reaped"),
        _ => None,
    }
}

fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may itself hold parentheses and spaces.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn is_named(pid: u32, name: &str) -> bool {
    let kernel_name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    let kernel_name = kernel_name.trim_ascii_end();
    let short = &name.as_bytes()[..name.len().min(KERNEL_NAME)];
    if name.len() <= KERNEL_NAME && kernel_name == name.as_bytes() {
        return true;
    }
    let executable = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let executable = executable.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    match executable {
        // An upgrade removes the file of a program that still runs.
        Some(executable) => executable.strip_suffix(" (deleted)").unwrap_or(executable) == name,
        // Processes of other users do not show it.
        None => !short.is_empty() && kernel_name == short,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        process::{Child, Command, Stdio},
        time::{Duration, Instant},
    };

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Probe, Reading},
    };

    async fn by_pid_file(path: &Path) -> Outcome {
        Prober::new().probe(&check(Probe::Process { pid_file: Some(path.to_owned()), name: None })).await
    }

    async fn called(name: &str) -> Outcome {
        Prober::new().probe(&check(Probe::Process { pid_file: None, name: Some(name.to_owned()) })).await
    }

    fn sleeper(program: &Path) -> Child {
        Command::new(program).arg("600").stdout(Stdio::null()).spawn().unwrap()
    }

    fn signal(child: &Child, signal: Signal, until: char) {
        let pid = Pid::from_child(child);
        kill_process(pid, signal).unwrap();
        let start = Instant::now();
        while state(child.id()) != Some(until) && start.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
    }

    #[tokio::test]
    async fn running_stopped_dead_and_gone_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let mut child = sleeper(Path::new("sleep"));
        fs::write(&pid_file, format!("{}\n", child.id())).unwrap();
        let pid = child.id();
        let outcome = by_pid_file(&pid_file).await;
        assert_eq!((outcome.result, outcome.detail), (Reading::Good, format!("process {pid} runs")));
        signal(&child, Signal::STOP, 'T');
        let outcome = by_pid_file(&pid_file).await;
        assert_eq!((outcome.result, outcome.detail), (Reading::Bad, format!("process {pid} is stopped")));
        signal(&child, Signal::KILL, 'Z');
        let outcome = by_pid_file(&pid_file).await;
        assert_eq!(
            (outcome.result, outcome.detail),
            (Reading::Bad, format!("process {pid} is dead and not yet reaped"))
        );
        child.wait().unwrap();
        let outcome = by_pid_file(&pid_file).await;
        assert_eq!((outcome.result, outcome.detail), (Reading::Bad, format!("process {pid} does not run")));
    }

    #[tokio::test]
    async fn a_useless_pid_file_is_bad() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        assert!(by_pid_file(&pid_file).await.detail.contains("No such file"));
        for text in ["", "none", "-1", "0", "99999999999999999999"] {
            fs::write(&pid_file, text).unwrap();
            assert!(by_pid_file(&pid_file).await.detail.ends_with("holds no process id"), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_process_is_found_by_the_whole_name_of_its_executable() {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("codeblue-test-with-a-long-name-{}", std::process::id());
        let program = folder.path().join(&name);
        let sleep = ["/bin/sleep", "/usr/bin/sleep"].into_iter().find(|path| Path::new(path).exists()).unwrap();
        fs::copy(sleep, &program).unwrap();
        let mut child = sleeper(&program);
        let outcome = called(&name).await;
        assert_eq!((outcome.result, outcome.detail), (Reading::Good, format!("process {} runs", child.id())));
        assert_eq!(called(&name[..name.len() - 1]).await.result, Reading::Bad);
        signal(&child, Signal::STOP, 'T');
        assert_eq!(called(&name).await.result, Reading::Bad);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(called(&name).await.detail, format!("no process is named \"{name}\""));
    }
}
