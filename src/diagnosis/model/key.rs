//! The key of a server: read when it is needed, sent in one header, shown nowhere.

use std::{fmt, path::Path, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

use crate::platform::KeySource;

/// Bytes that are read of where a key stands.
const MOST: u64 = 64 * 1024;
/// A program that tells a key has so long.
const WITHIN: Duration = Duration::from_secs(5);
/// A shorter key is none, and hiding it would hide half of every text.
const SHORT: usize = 4;

/// A key. It prints as `***`.
#[derive(Clone)]
pub(super) struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Key {
    /// What goes into the header `authorization`.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text without the key: a server may repeat what it was sent.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        if self.0.len() < SHORT { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

/// Reads a key.
pub(super) async fn read(source: &KeySource) -> Result<Key, String> {
    let (text, place) = match source {
        KeySource::File(path) => (file(path).await?, path.display().to_string()),
        KeySource::Env(name) => {
            let text = std::env::var(name).map_err(|_| format!("the environment has no {name} that is text"))?;
            (text, name.clone())
        }
        KeySource::Command(run) => {
            (told_by(run).await?, format!("what {} prints", run.first().map_or("nothing", String::as_str)))
        }
    };
    let first = text.lines().next().unwrap_or_default().trim();
    if first.is_empty() {
        return Err(format!("{place} is empty; its first line has to be the key"));
    }
    if !first.chars().all(|letter| letter.is_ascii_graphic()) {
        return Err(format!("{place} holds no key: a key has no blanks and no special characters"));
    }
    Ok(Key(first.to_owned()))
}

async fn file(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = async { tokio::fs::File::open(path).await?.take(MOST).read_to_string(&mut text).await };
    read.await.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text)
}

/// Kills a process group when dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0.take() {
            // It is usually gone already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// What a program prints. What it says of errors may hold the key, so only its end is told.
async fn told_by(run: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = run.split_first() else { return Err("no program is named".to_owned()) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    let _group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let mut text = String::new();
    let telling = async {
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MOST).read_to_string(&mut text).await?;
        }
        child.wait().await
    };
    match timeout(WITHIN, telling).await {
        Ok(Ok(status)) if status.success() => Ok(text),
        Ok(Ok(status)) => Err(format!("{program} ended with {status}")),
        Ok(Err(error)) => Err(format!("{program} told nothing that is text: {error}")),
        Err(_) => Err(format!("{program} took longer than {} s", WITHIN.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_comes_from_a_file_a_variable_or_a_program_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-secret-1 \nrest\n").unwrap();
        let key = read(&KeySource::File(path.clone())).await.unwrap();
        assert_eq!((key.bearer().as_str(), format!("{key:?}").as_str()), ("Bearer sk-secret-1", "***"));
        assert_eq!(key.hidden_in("bad key sk-secret-1!"), "bad key ***!");
        let run = ["cat".to_owned(), path.display().to_string()];
        assert_eq!(read(&KeySource::Command(run.to_vec())).await.unwrap().bearer(), "Bearer sk-secret-1");
        // Cargo sets this one for every test.
        let name = read(&KeySource::Env("CARGO_PKG_NAME".to_owned())).await.unwrap();
        assert_eq!(name.bearer(), format!("Bearer {}", env!("CARGO_PKG_NAME")));
    }

    #[tokio::test]
    async fn what_is_no_key_is_told_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let told = |source| async move { read(&source).await.unwrap_err() };
        assert!(told(KeySource::File(path.clone())).await.starts_with("cannot read /"));
        for text in ["\n", "top secret", "sécret"] {
            std::fs::write(&path, text).unwrap();
            let told = told(KeySource::File(path.clone())).await;
            assert!(text.trim().is_empty() || !told.contains(text), "{told}");
        }
        assert!(told(KeySource::Env("CODEBLUE_NO_SUCH_KEY".to_owned())).await.contains("CODEBLUE_NO_SUCH_KEY"));
        let command = |words: &[&str]| KeySource::Command(words.iter().map(|word| (*word).to_owned()).collect());
        assert!(told(command(&["false"])).await.contains("false ended with exit status: 1"));
        assert!(told(command(&["/no/such/program"])).await.starts_with("cannot run /no/such/program: "));
    }
}
