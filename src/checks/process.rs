//! A running process, as the kernel tells it below `/proc`.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::outcome::Finding;
use crate::platform::Reading;

/// The kernel keeps so much of a process's name.
const KERNEL_NAME: usize = 15;

pub(super) fn probe(pid_file: Option<&Path>, name: Option<&str>, descriptors: Option<u8>) -> Finding {
    let found = match (pid_file, name) {
        (Some(path), _) => by_file(path),
        (None, Some(name)) => by_name(name),
        (None, None) => Err("no process is named".to_owned()),
    };
    match (found, descriptors) {
        (Err(trouble), _) => Finding::bad(trouble),
        (Ok(pid), None) => Finding::good(format!("process {pid} runs")),
        (Ok(pid), Some(above)) => handles(pid, above),
    }
}

/// How near a process is to the number of files that it may hold open: at the limit it takes no connection any more.
fn handles(pid: u32, above: u8) -> Finding {
    let (open, limit) = match count_open(pid).and_then(|open| Ok((open, limit(pid)?))) {
        Ok(found) => found,
        Err(error) => {
            return Finding::bad(format!(
                "process {pid} runs, but its descriptors cannot be seen ({error}): run the engine as its user or as root"
            ));
        }
    };
    let used = f64::from(open) / f64::from(limit) * 100.0;
    let told = format!("process {pid} runs, {open} of {limit} descriptors open");
    let high = used > f64::from(above);
    Finding {
        reading: if high { Reading::Slow } else { Reading::Good },
        detail: if high { format!("{told}, more than {above} %") } else { told },
        figure: Some(used),
    }
}

fn count_open(pid: u32) -> io::Result<u32> {
    let count = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The soft limit, at which opening fails.
fn limit(pid: u32) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let soft = text.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    match soft {
        Some("unlimited") => Ok(u32::MAX),
        soft => {
            soft.and_then(|soft| soft.parse().ok()).filter(|soft| *soft > 0).ok_or(io::ErrorKind::InvalidData.into())
        }
    }
}

fn by_file(path: &Path) -> Result<u32, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_string(&mut text));
    if let Err(error) = read {
        return Err(format!("cannot read {}: {error}", path.display()));
    }
    let Some(pid) = text.split_whitespace().next().and_then(|word| word.parse::<u32>().ok()).filter(|pid| *pid > 0)
    else {
        return Err(format!("{} holds no process id", path.display()));
    };
    match state(pid) {
        Some(state) => judge(pid, state),
        None => Err(format!("process {pid} does not run")),
    }
}

fn by_name(name: &str) -> Result<u32, String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Err("this host has no /proc".to_owned()) };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let found = pids.filter(|pid| is_named(*pid, name)).filter_map(|pid| Some((pid, state(pid)?)));
    // One that works is enough; the others say why none does.
    let best = found.min_by_key(|(_, state)| trouble(*state).is_some());
    match best {
        Some((pid, state)) => judge(pid, state),
        None => Err(format!("no process is named \"{name}\"")),
    }
}

fn judge(pid: u32, state: char) -> Result<u32, String> {
    match trouble(state) {
        Some(trouble) => Err(format!("process {pid} {trouble}")),
        None => Ok(pid),
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
        platform::Probe,
    };

    async fn by_pid_file(path: &Path) -> Outcome {
        Prober::new()
            .probe(&check(Probe::Process { pid_file: Some(path.to_owned()), name: None, descriptors: None }))
            .await
    }

    async fn called(name: &str) -> Outcome {
        Prober::new()
            .probe(&check(Probe::Process { pid_file: None, name: Some(name.to_owned()), descriptors: None }))
            .await
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
    async fn a_process_that_runs_out_of_descriptors_is_slow() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        // At least three that it is given, and eight more of twenty: 55 %.
        let script = "ulimit -n 20; for n in 3 4 5 6 7 8 9 10; do eval \"exec $n</dev/null\"; done; exec sleep 600";
        let mut child = Command::new("bash").args(["-c", script]).stdout(Stdio::null()).spawn().unwrap();
        fs::write(&pid_file, child.id().to_string()).unwrap();
        let start = Instant::now();
        while !is_named(child.id(), "sleep") && start.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
        let ask = async |percent: u8| {
            let probe = Probe::Process { pid_file: Some(pid_file.clone()), name: None, descriptors: Some(percent) };
            Prober::new().probe(&check(probe)).await
        };
        let outcome = ask(100).await;
        assert!(outcome.result == Reading::Good && outcome.figure >= Some(55.0), "{outcome:?}");
        let outcome = ask(50).await;
        assert_eq!(outcome.result, Reading::Slow);
        assert!(outcome.detail.ends_with(" of 20 descriptors open, more than 50 %"), "{}", outcome.detail);
        child.kill().unwrap();
        child.wait().unwrap();
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
