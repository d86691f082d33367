//! Writes a setting that was chosen on the board into the file, and leaves every other byte of it as it was.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

use toml::de::{DeTable, DeValue};

/// Keeps a theme in the settings.
///
/// # Errors
/// Why it was not written, in words for people; the file is as it was then.
pub fn keep_theme(file: &Path, theme: &str) -> Result<(), String> {
    let wrong =
        |why: &dyn std::fmt::Display| format!("{}: {why}; the theme holds until the board is left", file.display());
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(wrong(&error)),
    };
    let after = with_theme(&before, theme).map_err(|why| wrong(&why))?;
    if after == before {
        return Ok(());
    }
    write(file, &after).map_err(|error| wrong(&error))
}

/// A file takes the place of the old one whole. A link, as people keep their settings elsewhere, stays one.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let place = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let folder = place.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    if let Ok(old) = fs::metadata(&place) {
        new.as_file().set_permissions(old.permissions())?;
    }
    new.as_file().sync_all()?;
    new.persist(&place)?;
    Ok(())
}

/// The settings with another theme, else as they were.
fn with_theme(before: &str, theme: &str) -> Result<String, String> {
    let by_hand = || format!("write theme = \"{theme}\" below [board] by hand");
    let root = DeTable::parse(before).map_err(|_| {
        "it is no TOML as it stands (`codeblue settings show` says where), so nothing was written".to_owned()
    })?;
    let line = format!("theme = {}", toml::Value::from(theme));
    let board = root.get_ref().get("board").map(toml::Spanned::get_ref);
    let after = match board {
        Some(DeValue::Table(board)) if board.contains_key("theme") => {
            let place = board.get("theme").map(toml::Spanned::span).unwrap_or_default();
            format!("{}{}{}", &before[..place.start], toml::Value::from(theme), &before[place.end..])
        }
        Some(_) => {
            let mut lines: Vec<&str> = before.lines().collect();
            let head = lines.iter().position(|line| line.split('#').next().unwrap_or_default().trim() == "[board]");
            lines.insert(head.ok_or_else(by_hand)? + 1, &line);
            lines.join("\n") + "\n"
        }
        None => {
            let gap = if before.is_empty() || before.ends_with("\n\n") {
                ""
            } else if before.ends_with('\n') {
                "\n"
            } else {
                "\n\n"
            };
            format!("{before}{gap}[board]\n{line}\n")
        }
    };
    // What was written has to be what was meant, however the file is laid out.
    let read: toml::Table = after.parse().map_err(|_| by_hand())?;
    let says = read.get("board").and_then(|board| board.get("theme")).and_then(toml::Value::as_str);
    if says == Some(theme) { Ok(after) } else { Err(by_hand()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_is_changed_and_nothing_else_is() {
        let told =
            "# mine\n[board] # look\ntheme = 'light' # for the day\nmouse = false\n\n[keys.anywhere]\nquit = []\n";
        assert_eq!(with_theme(told, "mono").unwrap(), told.replace("'light'", "\"mono\""));
        let silent = "# mine\n[board] # look\nmouse = false\n";
        assert_eq!(with_theme(silent, "mono").unwrap(), "# mine\n[board] # look\ntheme = \"mono\"\nmouse = false\n");
        assert_eq!(with_theme("", "mono").unwrap(), "[board]\ntheme = \"mono\"\n");
        let other = "[keys.anywhere]\nquit = [\"Q\"]";
        assert_eq!(with_theme(other, "mono").unwrap(), format!("{other}\n\n[board]\ntheme = \"mono\"\n"));
        assert_eq!(with_theme("board.theme = \"light\"\n", "mono").unwrap(), "board.theme = \"mono\"\n");
        assert_eq!(with_theme("board = { theme = \"light\" }\n", "mono").unwrap(), "board = { theme = \"mono\" }\n");
    }

    #[test]
    fn a_file_that_cannot_be_changed_safely_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        for text in ["[board\ntheme = 1\n", "board.mouse = false\n", "board = { mouse = false }\n", "board = 3\n"] {
            fs::write(&file, text).unwrap();
            let why = keep_theme(&file, "mono").unwrap_err();
            assert!(why.contains("until the board is left"), "{why}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn a_file_kept_elsewhere_is_written_there() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("dotfiles.toml"), folder.path().join("settings.toml"));
        fs::write(&real, "[board]\ntheme = \"light\"\n").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        keep_theme(&link, "mono").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "[board]\ntheme = \"mono\"\n");
    }
}
