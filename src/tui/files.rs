//! Files on the host of the board, read and written for the runtime: articles, and the mark that the tour was shown.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::message::Message;
use crate::{diagnosis::read_article, platform::count};

/// A file of an article has no more bytes than this, and a folder no more files.
const LARGEST: u64 = 512 * 1024;
const MOST: usize = 1_000;

/// Makes an empty file, with its folder: a mark.
pub(super) fn mark(file: &Path) {
    if let Some(folder) = file.parent() {
        let _ = fs::create_dir_all(folder);
    }
    let _ = File::create(file);
}

/// The articles in a file, or in the files of a folder whose name ends in `.md`.
pub(super) fn read(path: &str) -> Result<Message, String> {
    let path = place(path);
    let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut files = vec![path.clone()];
    if path.is_dir() {
        let found = fs::read_dir(&path)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
        files = found.map_err(|error| wrong(&path, &error))?;
        files.retain(|file| file.extension().is_some_and(|ending| ending == "md") && file.is_file());
        files.sort();
    }
    if files.is_empty() || files.len() > MOST {
        return Err(wrong(&path, &format!("there are {} files ending in .md; 1 to {MOST} are read", files.len())));
    }
    let of = |file: &PathBuf| {
        let mut text = String::new();
        let read = File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
        let bytes = read.map_err(|error| wrong(file, &error))?;
        if bytes as u64 > LARGEST {
            return Err(wrong(file, &format!("an article has at most {LARGEST} bytes")));
        }
        read_article(&text).map_err(|error| wrong(file, &error))
    };
    files.iter().map(of).collect::<Result<_, _>>().map(Message::Articles)
}

/// Writes articles into a folder, which is made when there is none.
pub(super) fn write(folder: &str, articles: &[(String, String)]) -> Result<Message, String> {
    let folder = place(folder);
    let written = fs::create_dir_all(&folder)
        .and_then(|()| articles.iter().try_for_each(|(name, text)| fs::write(folder.join(format!("{name}.md")), text)));
    written.map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(Message::Said(format!("wrote {} into {}", count(articles.len(), "article"), folder.display())))
}

/// A path as somebody types it.
fn place(typed: &str) -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default();
    typed.strip_prefix("~/").map_or_else(|| PathBuf::from(typed), |rest| home().join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_that_were_written_are_read_again_and_what_is_wrong_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let typed = folder.path().join("new").display().to_string();
        let seeds: Vec<(String, String)> = crate::diagnosis::SEEDS
            .iter()
            .map(|(file, text)| (file.trim_end_matches(".md").to_owned(), (*text).to_owned()))
            .collect();
        let Ok(Message::Said(told)) = write(&typed, &seeds) else { panic!("they are written") };
        assert!(told.starts_with(&format!("wrote {} articles into ", seeds.len())), "{told}");
        let Ok(Message::Articles(articles)) = read(&typed) else { panic!("they are read") };
        assert_eq!(articles.len(), seeds.len());
        let wrong = folder.path().join("new/zz.md");
        fs::write(&wrong, "no front matter").unwrap();
        let told = read(&typed).map(drop).unwrap_err();
        assert!(told.contains("zz.md: line 1"), "{told}");
        assert!(read(&folder.path().display().to_string()).is_err(), "no article is there");
    }
}
