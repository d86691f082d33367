//! Asking the system's git. Argument lists only; no hook, no monitor and no variable of the environment has a say, and the
//! network is used only when an object is missing.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::super::{
    RecoveryError,
    error::UNTOUCHED,
    program::{Program, Ran},
    release::natural,
    switch::remove,
};
use crate::vault::CancelFlag;

/// How long anything may take that reads and writes this host alone.
const LOCAL: Duration = Duration::from_secs(300);
/// How long a remote may take to give what is missing.
const REMOTE: Duration = Duration::from_secs(60);
/// Bytes of a list of names that are read; more is an error.
const LIST: usize = 64 << 20;
/// Of so many tags the newest are listed.
const TAGS: &str = "--count=1000";
const REMOTE_NAME: &str = "origin";

/// A git repository on this host.
pub(super) struct Repository<'a> {
    pub(super) dir: &'a Path,
    pub(super) cancel: &'a CancelFlag,
}

impl Repository<'_> {
    /// The commit of a tag or of a commit id of at least 7 digits; none when the repository has no such thing. A branch is
    /// none: it moves, so it names no release.
    pub(super) fn commit(&self, version: &str) -> Result<Option<String>, RecoveryError> {
        if !is_plain(version) {
            return Ok(None);
        }
        if let Some(commit) = self.resolve(&format!("refs/tags/{version}^{{commit}}"))? {
            return Ok(Some(commit));
        }
        let found = if is_id(version) { self.resolve(&format!("{version}^{{commit}}"))? } else { None };
        // a branch may be named like the beginning of a commit
        Ok(found.filter(|commit| commit.starts_with(version)))
    }

    /// The same; what is missing is fetched from the remote `origin` when there is one. The error says what the remote said.
    pub(super) fn commit_or_fetch(&self, version: &str) -> Result<Option<String>, RecoveryError> {
        let found = self.commit(version)?;
        if found.is_some() || !is_plain(version) || self.remote()?.is_none() {
            return Ok(found);
        }
        let tag = format!("refs/tags/{version}:refs/tags/{version}");
        let fetched = self.fetch(&tag)?;
        if fetched.problem().is_some() {
            let by_id = if version.len() >= 40 && is_id(version) { Some(self.fetch(version)?) } else { None };
            let ran = by_id.unwrap_or(fetched);
            if let Some(outcome) = ran.problem() {
                let outcome =
                    format!("could not fetch {version}, which is not in {}: it {outcome}", self.dir.display());
                return Err(RecoveryError::program(&ran, outcome));
            }
        }
        self.commit(version)
    }

    /// Tags, oldest first.
    pub(super) fn tags(&self) -> Result<Vec<String>, RecoveryError> {
        let format = "--format=%(creatordate:unix) %(refname:strip=2)";
        let listed = self.read(&["for-each-ref", TAGS, "--sort=-creatordate", format, "refs/tags"], None, &[])?;
        let text = String::from_utf8_lossy(&listed);
        let mut tags: Vec<(i64, &str)> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(date, tag)| (date.parse().unwrap_or_default(), tag))
            .collect();
        // what was tagged in the same second is told apart by its name
        tags.sort_by_cached_key(|(date, tag)| (*date, natural(tag)));
        Ok(tags.into_iter().map(|(_, tag)| tag.to_owned()).collect())
    }

    /// Writes the files of a commit into `tree`, an empty directory.
    pub(super) fn check_out(&self, commit: &str, index: &Path, tree: &Path) -> Result<(), RecoveryError> {
        let act = |network| {
            remove(index).map_err(|error| RecoveryError::io("remove", index, error))?;
            let arguments = ["read-tree", "--reset", "-u", commit];
            self.run(
                network,
                &arguments,
                Some(tree),
                &[("GIT_INDEX_FILE", index)],
                if network { REMOTE } else { LOCAL },
            )
        };
        let mut ran = act(false)?;
        // a partial clone fetches objects when they are needed first
        if ran.problem().is_some() && !self.cancel.is_cancelled() && self.remote()?.is_some() {
            remove(tree)
                .and_then(|()| fs::create_dir(tree))
                .map_err(|error| RecoveryError::io("empty", tree, error))?;
            ran = act(true)?;
        }
        self.checked(&ran)?;
        let listed = self.read(&["ls-files", "--stage", "-z"], Some(tree), &[("GIT_INDEX_FILE", index)])?;
        if listed.split(|byte| *byte == 0).any(|line| line.starts_with(b"160000 ")) {
            return Err(RecoveryError::Program {
                program: "git".to_owned(),
                outcome: format!("cannot check out {commit}: it holds submodules, whose files are not part of it"),
                output: "use the adapter `release` and deploy the whole tree".to_owned(),
                stands: UNTOUCHED,
            });
        }
        Ok(())
    }

    /// Names below `tree` that are not as the commit says, each file read and hashed; what the commit's own `.gitignore` leaves
    /// out does not count.
    pub(super) fn changes(&self, commit: &str, index: &Path, tree: &Path) -> Result<Vec<String>, RecoveryError> {
        remove(index).map_err(|error| RecoveryError::io("remove", index, error))?;
        let env = [("GIT_INDEX_FILE", index)];
        self.read(&["read-tree", commit], Some(tree), &env)?;
        // this hashes every file; `git diff` would believe the content of an object that is damaged
        self.read(&["update-index", "-q", "--refresh"], Some(tree), &env)?;
        let mut found = names(&self.read(&["diff-files", "--name-only", "-z"], Some(tree), &env)?);
        let others = ["ls-files", "--others", "--exclude-standard", "-z"];
        found.extend(names(&self.read(&others, Some(tree), &env)?));
        remove(index).map_err(|error| RecoveryError::io("remove", index, error))?;
        found.sort();
        Ok(found)
    }

    fn resolve(&self, name: &str) -> Result<Option<String>, RecoveryError> {
        let ran = self.run(false, &["rev-parse", "--verify", "--quiet", "--end-of-options", name], None, &[], LOCAL)?;
        if ran.exit_code() == Some(1) {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(self.checked(&ran)?).trim().to_owned();
        Ok(is_id(&text).then_some(text))
    }

    fn remote(&self) -> Result<Option<String>, RecoveryError> {
        let key = format!("remote.{REMOTE_NAME}.url");
        let ran = self.run(false, &["config", "--get", &key], None, &[], LOCAL)?;
        Ok(ran.problem().is_none().then(|| ran.stdout.text().trim().to_owned()).filter(|url| !url.is_empty()))
    }

    fn fetch(&self, what: &str) -> Result<Ran, RecoveryError> {
        let arguments = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-auto-maintenance",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            REMOTE_NAME,
            what,
        ];
        self.run(true, &arguments, None, &[], REMOTE)
    }

    fn read(&self, arguments: &[&str], tree: Option<&Path>, env: &[(&str, &Path)]) -> Result<Vec<u8>, RecoveryError> {
        let ran = self.run(false, arguments, tree, env, LOCAL)?;
        self.checked(&ran)?;
        Ok(ran.stdout.bytes)
    }

    fn checked<'r>(&self, ran: &'r Ran) -> Result<&'r [u8], RecoveryError> {
        if self.cancel.is_cancelled() {
            return Err(RecoveryError::Cancelled);
        }
        let cut = ran.stdout.truncated.then(|| "printed more than can be read".to_owned());
        match ran.problem().or(cut) {
            None => Ok(&ran.stdout.bytes),
            Some(outcome) => Err(RecoveryError::program(ran, format!("in {} {outcome}", self.dir.display()))),
        }
    }

    fn run(
        &self,
        network: bool,
        arguments: &[&str],
        tree: Option<&Path>,
        env: &[(&str, &Path)],
        timeout: Duration,
    ) -> Result<Ran, RecoveryError> {
        let git = ["git".to_owned()];
        let mut program = Program::new(&git, timeout, self.cancel)
            .whole(LIST)
            .without_env("GIT_")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("LC_ALL", "C");
        if !network {
            // no settings of a person, no protocol to a remote, no object on demand
            program = program
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_ALLOW_PROTOCOL", "none")
                .env("GIT_NO_LAZY_FETCH", "1");
        }
        for (name, value) in env {
            program = program.env(name, value);
        }
        let dir = git_dir(self.dir);
        if !dir.is_dir() {
            let error = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no git repository");
            return Err(RecoveryError::io("open", self.dir, error));
        }
        let mut words: Vec<OsString> = vec!["--git-dir".into(), dir.into()];
        if let Some(tree) = tree {
            words.extend(["--work-tree".into(), tree.into()]);
        }
        for setting in SETTINGS {
            words.extend(["-c".into(), setting.into()]);
        }
        words.extend(arguments.iter().map(|word| OsStr::new(word).to_owned()));
        Ok(program.arguments(words).current_dir(tree.unwrap_or(self.dir)).run())
    }
}

/// What must hold whatever the repository's own settings say.
const SETTINGS: [&str; 12] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.bare=false",
    "core.fileMode=true",
    "core.symlinks=true",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.sparseCheckout=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    // it was named in the platform file, so it may belong to whom it wants
    "safe.directory=*",
];

fn git_dir(dir: &Path) -> PathBuf {
    let inner = dir.join(".git");
    if inner.is_dir() { inner } else { dir.to_owned() }
}

/// What can name a tag or a commit, and cannot be taken for an option or an expression.
fn is_plain(version: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+' | '@' | '=' | '#' | '%' | ',');
    let parts_fit =
        version.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"));
    version.len() <= 200
        && version.chars().all(fits)
        && parts_fit
        && !version.starts_with('-')
        && !version.contains("..")
        && version != "@"
}

fn is_id(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

fn names(listed: &[u8]) -> Vec<String> {
    listed
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}
