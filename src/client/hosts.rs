//! The hosts that somebody has named: tables headed `[[host]]` in `settings.toml`. Entries are added and removed as lines, so what
//! stands beside them stays as it was written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::address::HostAddress;

/// What stands above each.
const HEADER: &str = "[[host]]";
/// A larger file holds no settings.
const LARGEST: u64 = 1 << 20;

/// An engine that somebody has named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostEntry {
    /// What it is called here.
    pub name: String,
    /// How it is reached.
    pub address: String,
    /// The fingerprint that the engine's authority has to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// A file with the token to show there.
    #[serde(default, alias = "token_file", skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// A file with the certificate to show there, and its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
}

/// Why named hosts cannot be read or changed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {what}", file.display())]
pub struct HostsError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    host: Vec<HostEntry>,
}

impl HostEntry {
    /// What is wrong with it, if anything is.
    fn problem(&self) -> Option<String> {
        if !is_name(&self.name) {
            return Some(format!("host {:?}: a name has up to 64 letters, digits, \"-\", \"_\" and \".\"", self.name));
        }
        if let Err(bad) = self.address.parse::<HostAddress>() {
            return Some(format!("host {}: {bad}", self.name));
        }
        let fingerprint = self.fingerprint.as_ref().filter(|text| !is_fingerprint(text))?;
        Some(format!("host {}: {fingerprint:?} is no fingerprint; expected sha256: and 64 digits", self.name))
    }

    fn lines(&self) -> String {
        let text = |key: &str, value: &str| format!("{key} = {}\n", toml::Value::from(value));
        let path = |key: &str, path: &Option<PathBuf>| {
            path.as_ref().map(|path| text(key, &path.to_string_lossy())).unwrap_or_default()
        };
        format!("{HEADER}\n{}{}", text("name", &self.name), text("address", &self.address))
            + &self.fingerprint.as_ref().map(|found| text("fingerprint", found)).unwrap_or_default()
            + &path("token_file", &self.token_file)
            + &path("certificate", &self.certificate)
    }
}

/// Whether a host can be called so; what has a colon is an address.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !text.starts_with('-')
}

/// Whether it is written as a fingerprint is.
#[must_use]
pub fn is_fingerprint(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The hosts that a file of settings names, in its order; none when there is no file. Paths are resolved against its folder.
///
/// # Errors
/// What is wrong with the file.
pub fn hosts(file: &Path) -> Result<Vec<HostEntry>, HostsError> {
    let mut found =
        read(file).and_then(|text| parse(&text)).map_err(|what| HostsError { file: file.to_owned(), what })?;
    let folder = file.parent().unwrap_or(Path::new(""));
    for path in found.iter_mut().flat_map(|host| [&mut host.token_file, &mut host.certificate]).flatten() {
        *path = folder.join(&*path);
    }
    Ok(found)
}

/// Names one more.
///
/// # Errors
/// When the name is taken, or the file cannot be read or written; it is as it was then.
pub fn add(file: &Path, entry: &HostEntry) -> Result<(), HostsError> {
    change(file, |text| {
        if let Some(problem) = entry.problem() {
            return Err(problem);
        }
        if parse(text)?.iter().any(|known| known.name == entry.name) {
            return Err(format!(
                "there is a host {} already; remove it first: codeblue host remove {}",
                entry.name, entry.name
            ));
        }
        let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        Ok(format!("{text}{end}{gap}{}", entry.lines()))
    })
}

/// Names one no more.
///
/// # Errors
/// When there is none, or the file cannot be read or written; it is as it was then.
pub fn remove(file: &Path, name: &str) -> Result<(), HostsError> {
    change(file, |text| {
        let known = parse(text)?;
        let place = known.iter().position(|host| host.name == name).ok_or_else(|| unknown(name, &known))?;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let headers: Vec<usize> = (0..lines.len()).filter(|line| is_header(lines[*line])).collect();
        let by_hand = || format!("host {name} is written in a way that only you can take out; edit the file");
        let from = *headers.get(place).filter(|_| headers.len() == known.len()).ok_or_else(by_hand)?;
        let until =
            (from + 1..lines.len()).find(|line| lines[*line].trim_start().starts_with('[')).unwrap_or(lines.len());
        let left: String = lines[..from].iter().chain(&lines[until..]).copied().collect();
        let expected: Vec<&HostEntry> = known.iter().filter(|host| host.name != name).collect();
        match parse(&left) {
            Ok(found) if found.iter().eq(expected) => Ok(left),
            _ => Err(by_hand()),
        }
    })
}

/// Says that nobody is called so, and who probably was meant.
#[must_use]
pub fn unknown(name: &str, known: &[HostEntry]) -> String {
    let meant = crate::platform::nearest(name, known.iter().map(|host| host.name.as_str()));
    match meant {
        Some(meant) => format!("there is no host {name:?}; did you mean {meant:?}?"),
        None => format!("there is no host {name:?}; name one with: codeblue host add NAME ADDRESS"),
    }
}

fn is_header(line: &str) -> bool {
    line.split('#').next().is_some_and(|line| line.trim() == HEADER)
}

fn parse(text: &str) -> Result<Vec<HostEntry>, String> {
    let Settings { host } = toml::from_str(text).map_err(|error| error.to_string())?;
    for (place, entry) in host.iter().enumerate() {
        if let Some(problem) = entry.problem() {
            return Err(problem);
        }
        if host[..place].iter().any(|before| before.name == entry.name) {
            return Err(format!("two hosts are named {:?}", entry.name));
        }
    }
    Ok(host)
}

fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    match File::open(file) {
        Ok(found) => found.take(LARGEST).read_to_string(&mut text).map(|_| text).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(text),
        Err(error) => Err(error.to_string()),
    }
}

fn change(file: &Path, how: impl FnOnce(&str) -> Result<String, String>) -> Result<(), HostsError> {
    let changed = read(file).and_then(|text| how(&text)).and_then(|text| write(file, &text).map_err(|e| e.to_string()));
    changed.map_err(|what| HostsError { file: file.to_owned(), what })
}

/// Puts a file in place as a whole.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let beside = file.with_extension("toml.new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    new.write_all(text.as_bytes()).and_then(|()| new.sync_all())?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> HostEntry {
        HostEntry {
            name: name.to_owned(),
            address: "https://db1:8443".to_owned(),
            fingerprint: Some(format!("sha256:{}", "a".repeat(64))),
            token_file: Some("/etc/a \"quoted\" place".into()),
            certificate: None,
        }
    }

    #[test]
    fn hosts_come_and_go_and_what_stands_beside_them_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        assert!(hosts(&file).unwrap().is_empty());
        let written = "# mine\ntheme = \"night\" # dark\n\n[[host]] # by hand\nname = \"old\"\naddress = \"ssh://old\"\ntoken_file = \"old.token\"\n\n[keys]\nquit = \"Q\"";
        fs::write(&file, written).unwrap();
        add(&file, &entry("one")).unwrap();
        add(&file, &entry("two")).unwrap();
        let known = hosts(&file).unwrap();
        assert_eq!(known.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["old", "one", "two"]);
        assert_eq!(known[0].token_file.as_deref(), Some(folder.path().join("old.token").as_path()));
        assert_eq!(known[1], entry("one"));
        assert!(add(&file, &entry("one")).unwrap_err().what.contains("already"));
        remove(&file, "one").unwrap();
        remove(&file, "old").unwrap();
        remove(&file, "two").unwrap();
        let left = fs::read_to_string(&file).unwrap();
        assert_eq!(left, "# mine\ntheme = \"night\" # dark\n\n[keys]\nquit = \"Q\"\n\n");
        assert!(remove(&file, "one").is_err());
    }

    #[test]
    fn a_broken_file_is_told_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        for (text, told) in [
            ("theme = ", "line 1"),
            ("[[host]]\nname = \"a b\"\naddress = \"ssh://a\"\n", "letters"),
            ("[[host]]\nname = \"a\"\naddress = \"a:1\"\n", "no address"),
            ("[[host]]\nname = \"a\"\naddress = \"ssh://a\"\nfingerprint = \"md5:0\"\n", "no fingerprint"),
            (
                "[[host]]\nname = \"a\"\naddress = \"ssh://a\"\n[[host]]\nname = \"a\"\naddress = \"ssh://b\"\n",
                "two hosts",
            ),
        ] {
            fs::write(&file, text).unwrap();
            assert!(hosts(&file).unwrap_err().to_string().contains(told), "{text}: {}", hosts(&file).unwrap_err());
            assert!(add(&file, &entry("new")).is_err() && remove(&file, "a").is_err());
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }
}
