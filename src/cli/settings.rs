//! `codeblue settings`

use clap::Subcommand;
use serde_json::json;

use super::{
    board::{colours, setup},
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::tui::{Setup, bindings, keep_theme};

/// Theme, keys and hosts of the board
#[derive(Debug, Subcommand)]
pub enum SettingsVerb {
    /// What is in force: theme, mouse, hosts, every key; and all that is wrong in settings.toml and in themes
    Show {
        /// Of the keys only those that you changed
        #[arg(long)]
        changed: bool,
    },
    /// The themes there are, and what this terminal can show of them
    Themes,
    /// Keep a theme, as the menu of themes on the board does
    Theme {
        /// Its name
        name: String,
    },
}

impl SettingsVerb {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let setup = setup(session);
        match self {
            Self::Show { changed } => show(session, &setup, changed),
            Self::Themes => themes(session, &setup),
            Self::Theme { name } => keep(session, &setup, &name),
        }
    }
}

fn show(session: &Session, setup: &Setup, changed: bool) -> Result<Exit, CliError> {
    let settings = &setup.settings;
    let keys: Vec<_> = bindings(&settings.keymap).into_iter().filter(|key| key.changed || !changed).collect();
    let shown = setup.shelf.named(&settings.theme).and_then(|choice| choice.instead.clone());
    let shown = shown.unwrap_or_else(|| settings.theme.clone());
    let is_right = setup.problems.is_empty();
    let document = json!({
        "ok": is_right,
        "file": setup.file,
        "theme": settings.theme,
        "shownTheme": shown,
        "colours": colours(session).words(),
        "mouse": settings.mouse,
        "hosts": settings.hosts,
        "keys": keys,
        "problems": setup.problems,
    });
    session.output.result(&document, || {
        let file = setup.file.as_ref().map_or("none: this user has no home folder".to_owned(), |file| {
            let absent = if file.exists() { "" } else { " (not there: the defaults hold)" };
            format!("{}{absent}", file.display())
        });
        let instead = if shown == settings.theme { String::new() } else { format!(", shown as {shown}") };
        let mut lines = vec![
            format!("file   {}", text::line(&file)),
            format!("theme  {}{instead} ({})", text::line(&settings.theme), colours(session).words()),
            format!("mouse  {}", if settings.mouse { "clicks and wheel" } else { "left to the terminal" }),
        ];
        lines.extend(settings.hosts.iter().map(|host| format!("host   {} {}", host.name, text::line(&host.address))));
        let mut table = Table::new(["PLACE", "ACTION", "KEYS", "DOES"]);
        for key in &keys {
            let own = if key.changed { Paint::Strong } else { Paint::Dim };
            let keys = if key.keys.is_empty() { "none".to_owned() } else { key.keys.join("  ") };
            let mark = if key.changed { " *" } else { "" };
            table.row([
                Cell::painted(key.place, Paint::Dim),
                key.action.into(),
                Cell::painted(format!("{keys}{mark}"), own),
                Cell::painted(key.about, Paint::Dim),
            ]);
        }
        if !table.is_empty() {
            lines.push(String::new());
            lines.push(table.render(&session.output));
        }
        if !is_right {
            lines.push(String::new());
            lines.extend(setup.problems.iter().map(|problem| text::line(&problem.to_string())));
            lines.push(format!("{}; the defaults stand there", text::count(setup.problems.len(), "problem")));
        }
        lines.join("\n")
    })?;
    Ok(if is_right { Exit::Done } else { Exit::Usage })
}

fn themes(session: &Session, setup: &Setup) -> Result<Exit, CliError> {
    let themes: Vec<_> = setup
        .shelf
        .choices()
        .iter()
        .map(|choice| {
            let hardest = choice.theme.hardest_to_read();
            json!({
                "name": choice.name,
                "about": choice.about,
                "kept": choice.name == setup.settings.theme,
                "shownInstead": choice.instead,
                "lowestContrast": hardest.map(|(_, contrast)| (contrast * 10.0).floor() / 10.0),
                "hardestToRead": hardest.map(|(role, _)| role),
            })
        })
        .collect();
    session.output.result(&json!({"themes": themes, "problems": setup.problems}), || {
        let mut table = Table::new(["", "THEME", "HERE", "CONTRAST", "WHAT"]);
        for choice in setup.shelf.choices() {
            let kept = if choice.name == setup.settings.theme { "✓" } else { "" };
            let here = choice.instead.as_ref().map_or("as it is".to_owned(), |instead| format!("{instead} is shown"));
            let contrast = choice.theme.hardest_to_read().map_or("your terminal's".to_owned(), |(role, contrast)| {
                format!("{:.1}:1 and up ({role})", (contrast * 10.0).floor() / 10.0)
            });
            table.row([
                Cell::painted(kept, Paint::Good),
                (&choice.name).into(),
                here.into(),
                contrast.into(),
                Cell::painted(&choice.about, Paint::Dim),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

fn keep(session: &Session, setup: &Setup, name: &str) -> Result<Exit, CliError> {
    let names = setup.shelf.choices().iter().map(|choice| choice.name.as_str());
    if setup.shelf.named(name).is_none() {
        let meant = crate::platform::nearest(name, names).map(|meant| format!("; did you mean \"{meant}\"?"));
        let hint = meant.unwrap_or_else(|| "; `codeblue settings themes` lists them".to_owned());
        return Err(CliError::Usage(format!("no theme is named {name:?}{hint}")));
    }
    let file = setup
        .file
        .as_ref()
        .ok_or_else(|| CliError::Usage("this user has no home folder; name one with --home DIR".to_owned()))?;
    keep_theme(file, name).map_err(CliError::Failed)?;
    session.output.result(&json!({"theme": name, "file": file}), || format!("{name} is kept in {}", file.display()))?;
    Ok(Exit::Done)
}
