//! The files of one pattern, each read on by itself.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Entry, Figures, Given, Place, Zone, follow::Follow, place::Identity, rotated::is_moved_away};

/// Files of one pattern that are read.
const FILES: usize = 64;
/// How often it is looked whether there are other files.
const LOOK: TimeDelta = TimeDelta::seconds(5);

/// All files that a pattern means: `/var/log/app.log`, `/var/log/app/*.log`.
pub struct Files {
    pattern: PathBuf,
    zone: Zone,
    places: BTreeMap<PathBuf, Vec<Place>>,
    follows: BTreeMap<PathBuf, Follow>,
    looked: Option<DateTime<Utc>>,
    problem: Option<String>,
}

impl Files {
    /// Begins with the files of a pattern; `places` is how far each was read before.
    #[must_use]
    pub fn new(pattern: PathBuf, zone: Zone, places: BTreeMap<PathBuf, Vec<Place>>) -> Self {
        Self { pattern, zone, places, follows: BTreeMap::new(), looked: None, problem: None }
    }

    /// Reads on, at most about so many lines; with `flush` entries that may go on are ended.
    pub fn read(&mut self, now: DateTime<Utc>, most: usize, flush: bool) -> Given {
        self.look(now);
        let mut given = Given::default();
        let share = (most / self.follows.len().max(1)).max(1);
        for follow in self.follows.values_mut() {
            follow.read(now, share, flush, &mut given);
        }
        given
    }

    /// How far each file is read.
    pub fn places(&self) -> impl Iterator<Item = (&Path, Vec<Place>)> {
        let waiting = self.places.iter().map(|(path, places)| (path.as_path(), places.clone()));
        waiting.chain(self.follows.iter().map(|(path, follow)| (path.as_path(), follow.places())))
    }

    /// How they stand, all together.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let mut all = Figures { problem: self.problem.clone(), ..Figures::default() };
        for (path, follow) in &self.follows {
            let one = follow.figures();
            (all.behind, all.skipped) = (all.behind + one.behind, all.skipped + one.skipped);
            all.problem = all.problem.or_else(|| one.problem.map(|problem| format!("{}: {problem}", path.display())));
        }
        all
    }

    fn look(&mut self, now: DateTime<Utc>) {
        // A clock that was set back looks again too.
        if self.looked.is_some_and(|looked| (TimeDelta::zero()..LOOK).contains(&(now - looked))) {
            return;
        }
        let is_old = self.looked.is_none();
        self.looked = Some(now);
        let (found, is_pattern) = matches(&self.pattern);
        self.problem = None;
        for path in found {
            if self.follows.contains_key(&path) {
                continue;
            }
            if self.follows.len() >= FILES {
                self.problem = Some(format!("it means more than {FILES} files; the others are not read"));
                break;
            }
            // What was renamed and is meant by the pattern under its new name too is read on already.
            let identity = fs::metadata(&path).ok().map(|metadata| Identity::of(&metadata));
            let is_known = |identity| self.follows.values().flat_map(Follow::identities).any(|known| known == identity);
            if is_pattern && identity.is_some_and(is_known) {
                continue;
            }
            let places = self.places.remove(&path).unwrap_or_default();
            self.follows.insert(path.clone(), Follow::new(path, self.zone, places, is_old));
        }
        // A file that has gone takes no room, unless it is the one that was named.
        if is_pattern {
            self.follows.retain(|path, follow| path.exists() || follow.identities().next().is_some());
        }
    }
}

/// The files that a pattern means, and whether it is one: `*` stands for any letters and `?` for one, within a name.
fn matches(pattern: &Path) -> (Vec<PathBuf>, bool) {
    if !pattern.to_string_lossy().contains(['*', '?']) {
        return (vec![pattern.to_owned()], false);
    }
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let name = match part {
            Component::Normal(name) => name.to_string_lossy(),
            part => {
                found.iter_mut().for_each(|path| path.push(part));
                continue;
            }
        };
        if !name.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(name.as_ref()));
            continue;
        }
        let within = |folder: &PathBuf| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let mut fitting: Vec<PathBuf> = entries
                .filter(|entry| entry.file_name().to_str().is_some_and(|own| fits(&name, own)))
                .map(|entry| entry.path())
                .collect();
            fitting.sort();
            fitting.truncate(1 + 4 * FILES);
            fitting
        };
        found = found.iter().flat_map(within).collect();
        found.truncate(1 + 4 * FILES);
    }
    let is_log = |path: &PathBuf| {
        path.is_file() && path.file_name().and_then(|name| name.to_str()).is_some_and(|name| !is_moved_away(name))
    };
    found.retain(is_log);
    (found, true)
}

/// Whether a name fits a pattern; what begins with a dot has to be asked for by it.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    if name.first() == Some(&'.') && pattern.first() != Some(&'.') {
        return false;
    }
    // Where the last `*` stands and how much it takes; it takes more when the rest does not fit.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The entries at the ends of the files of a pattern, for who did not follow them: each file with at most so many bytes of it. A
/// file that cannot be read is left out.
#[must_use]
pub fn tails(pattern: &Path, most: u64, now: DateTime<Utc>, zone: Zone) -> Vec<(PathBuf, Vec<Entry>)> {
    let (found, _) = matches(pattern);
    found
        .into_iter()
        .take(FILES)
        .filter_map(|path| {
            let entries = super::follow::tail(&path, most, now, zone).ok()?;
            Some((path, entries))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_names() {
        for (pattern, name, is) in [
            ("*.log", "app.log", true),
            ("*.log", ".log", false),
            ("*.log", "app.log.1", false),
            ("app-?.log", "app-1.log", true),
            ("app-?.log", "app-10.log", false),
            ("a*b*c", "axxbyybc", true),
            ("a*b*c", "axxbyyb", false),
            ("*", "anything", true),
        ] {
            assert_eq!(fits(pattern, name), is, "{pattern} {name}");
        }
    }
}
