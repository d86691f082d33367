//! How a component is captured and restored, as the platform file says it.

use std::{path::PathBuf, time::Duration};

use super::{
    adapter::{Adapter, Programs},
    json_path::JsonPath,
    postgres,
    reader::{Found, Reader, Section, Value},
};

const PROGRAM_WITHIN: Duration = Duration::from_secs(600);

/// The adapter of a component, and the reload command if it stands inside.
pub(super) fn adapter(
    section: &mut Section<'_, '_>,
    reader: &mut Reader,
) -> Option<(Adapter, Option<Found<Vec<String>>>)> {
    let kinds = ["release", "git", "files", "env", "flags", "sqlite", "postgres", "command"];
    let expected = "one of release = { root = … }, git = { repository = …, root = … }, files = { paths = […] }, env = { paths = […] }, flags = { path = … }, sqlite = { path = … }, postgres = { data = … }, command = { capture = […], restore = […], verify = […] }";
    let values = kinds.map(|kind| section.get(kind));
    let present = section.present(&kinds);
    let Some(chosen) = present.first() else {
        reader.problem(section.at(), section.place(), "nothing says how it is captured and restored", expected);
        return None;
    };
    if let Some(second) = present.get(1) {
        let what = format!("both \"{}\" and \"{}\" are given", chosen.value, second.value);
        reader.problem(second.at, section.place(), what, "one of them");
    }
    let value = values.into_iter().zip(kinds).find_map(|(value, kind)| value.filter(|_| kind == chosen.value))?;
    let mut inner = reader.section(value, &section.key(chosen.value), expected)?;
    let adapter = match chosen.value {
        "release" => {
            let expected = "the directory that holds releases/ and current";
            let root = inner.require(reader, "root", expected, Reader::path);
            root.map(|root| Adapter::Release { root: root.value })
        }
        "git" => {
            let repository = inner.require(reader, "repository", "the git repository", Reader::path);
            let root = inner.require(reader, "root", "the directory for releases/ and current", Reader::path);
            repository
                .zip(root)
                .map(|(repository, root)| Adapter::Git { repository: repository.value, root: root.value })
        }
        "files" | "env" => {
            let place = inner.key("paths");
            let found = inner.require(reader, "paths", "a list of files and directories", paths);
            if found.as_ref().is_some_and(Vec::is_empty) {
                reader.problem(inner.at(), &place, "it names no path", "at least one file or directory");
            }
            found.map(|paths| if chosen.value == "env" { Adapter::Env { paths } } else { Adapter::Files { paths } })
        }
        "flags" => {
            let place = inner.key("path");
            let path = inner.require(reader, "path", "a file of flags", Reader::path);
            if let Some(path) = &path
                && !path.value.extension().is_some_and(|ending| ending == "json" || ending == "toml")
            {
                let what = format!("{} is neither .json nor .toml", path.value.display());
                reader.problem(
                    path.at,
                    &place,
                    what,
                    "a file of flags in JSON or TOML; any other as files = { paths = […] }",
                );
            }
            path.map(|path| Adapter::Flags { path: path.value })
        }
        "postgres" => postgres::adapter(&mut inner, reader),
        "command" => programs(&mut inner, reader).map(Adapter::Command),
        _ => {
            let path = inner.require(reader, "path", "the database file", Reader::path);
            path.map(|path| Adapter::Sqlite { path: path.value })
        }
    };
    let reload = inner.read(reader, "reload", |reader, value, place| {
        Some(Found { value: reader.command(value, place)?, at: value.span().start })
    });
    inner.finish(reader);
    Some((adapter?, reload))
}

/// The three programs without which nothing could be brought back, or nobody would know whether it was, and those that may be there.
fn programs(inner: &mut Section<'_, '_>, reader: &mut Reader) -> Option<Programs> {
    let capture = inner.require(reader, "capture", "the program that prints what to keep", Reader::command);
    let restore = inner.require(
        reader,
        "restore",
        "the program that brings back what was kept, without which there is no undo",
        filled,
    );
    let verify = inner.require(reader, "verify", "the program that judges what is live", Reader::command);
    let observe = inner.read(reader, "observe", Reader::command);
    let dry_run = inner.read(reader, "dry_run", filled);
    let within = inner.read(reader, "within", Reader::duration).unwrap_or(PROGRAM_WITHIN);
    Some(Programs { capture: capture?, restore: restore?, verify: verify?, observe, dry_run, within })
}

/// A program whose arguments may name what was captured.
fn filled(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Vec<String>> {
    let words = reader.command(value, place)?;
    for word in &words {
        for path in word.split("{$").skip(1) {
            let path = path.split_once('}').map(|(path, _)| format!("${path}"));
            if path.as_deref().and_then(JsonPath::parse).is_none() {
                let expected = "a path such as {$.versions[0].id}, or {output} for all of it";
                reader.problem(
                    value.span().start,
                    place,
                    format!("{word:?} names no place in what was captured"),
                    expected,
                );
                return None;
            }
        }
    }
    if words.first().is_some_and(|program| program.contains("{output}") || program.contains("{$")) {
        reader.problem(value.span().start, place, "what was captured cannot be the program", "a program by its name");
        return None;
    }
    Some(words)
}

/// A list of paths.
pub(super) fn paths(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Vec<PathBuf>> {
    let items = reader.items(value, place, "paths");
    Some(items.iter().filter_map(|item| reader.path(item, place)).map(|path| path.value).collect())
}
