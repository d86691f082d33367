//! `codeblue patterns`

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use regex::Regex;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::{
    error::{CliError, Exit},
    output::Output,
    patterns_seen,
    session::Session,
    spool::Spool,
    table::{Cell, Table},
    text,
};
use crate::diagnosis::patterns::{Change, Miner, Template, TemplateId};

/// Bytes of a line that are read; the miner looks at less.
const LINE: u64 = 64 * 1024;
/// Bytes that are put together before they are written.
const CHUNK: usize = 64 * 1024;

/// Find the templates of log lines: what lines have in common, with `<*>` for what varies
///
/// Without a file, those of all lines that the engine has collected, and how each stands: new, bursting, vanished. With files, no
/// engine is asked. Lines are taken one by one, over all files in order. Memory stays bounded whatever the size of the files. The id of a
/// template is a hash of its constants: the same on every machine.
#[derive(Debug, Args)]
pub struct Patterns {
    /// The log files; `-` is standard input; without any, what the engine has seen
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only what the engine has seen of one service
    #[arg(long, value_name = "SERVICE", conflicts_with = "files")]
    service: Option<String>,
    /// Which part of a line is the message: a regular expression with a group named `content`, such as
    /// `^\S+ \S+ (?<content>.*)$`; a line that it does not match is taken whole
    #[arg(long, value_name = "REGEX", requires = "files")]
    format: Option<String>,
    /// Rows of the table, the most frequent templates first; with --json there are all
    #[arg(long, value_name = "N", default_value_t = 100)]
    top: usize,
    /// Templates that are learnt from at the same time; beyond that, the one not used for the longest time is settled
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    keep: u32,
}

/// A template as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    id: String,
    template: String,
    count: u64,
    first_line: u64,
    last_line: u64,
}

/// What was found: which template each line has, and the templates. Both may be larger than the memory.
struct Found {
    /// Which templates are settled; a database that SQLite keeps in memory while it is small, and in a temporary file otherwise.
    settled: Connection,
    /// Of each line, from 1 on, the number of its template.
    lines: Spool,
    /// Of each number that is no more, the one that goes on.
    into: Spool,
    /// Of each number the id.
    ids: Spool,
    count: u64,
    /// Lines that the format does not match.
    unmatched: u64,
}

impl Patterns {
    /// Whether it shows what the engine has seen, and not what files hold.
    pub(super) fn asks_engine(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if self.files.is_empty() {
            return patterns_seen::show(session, self.service.as_deref(), self.top).await;
        }
        let format = self.format.as_deref().map(format).transpose()?;
        let mut inputs: Vec<(String, Box<dyn BufRead>)> = Vec::new();
        let mut problems = Vec::new();
        for file in &self.files {
            match open(file) {
                Ok(input) => inputs.push((file.display().to_string(), input)),
                Err(problem) => problems.push(format!("{}: {problem}", file.display())),
            }
        }
        if self.files.iter().filter(|file| file.as_path() == Path::new("-")).count() > 1 {
            problems.push("- stands for standard input, which can be read only once".to_owned());
        }
        if !problems.is_empty() {
            return Err(CliError::Usage(problems.join("\n")));
        }
        let mut miner = Miner::new(self.keep as usize);
        let mut found = Found::new()?;
        for (name, input) in inputs {
            found.read(&mut miner, &name, input, format.as_ref())?;
        }
        found.settle_all(&miner)?;
        if found.unmatched > 0 {
            let lines = text::count(usize::try_from(found.unmatched).unwrap_or(usize::MAX), "line");
            session.output.progress(&format!("the format does not match {lines}, taken whole"));
        }
        if session.output.is_json() {
            found.document(&session.output)?;
        } else {
            let page = found.page(&session.output, self.top)?;
            session.output.script(page.as_bytes())?;
        }
        Ok(Exit::Done)
    }
}

fn format(text: &str) -> Result<Regex, CliError> {
    let format = Regex::new(text).map_err(|error| CliError::Usage(format!("--format: {error}")))?;
    let names: BTreeSet<&str> = format.capture_names().flatten().collect();
    if names.contains("content") {
        return Ok(format);
    }
    Err(CliError::Usage(
        "--format has no group named content; write (?<content>.*) around what is the message".to_owned(),
    ))
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, String> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(CHUNK, io::stdin())));
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err("is a directory; name the files in it".to_owned());
    }
    Ok(Box::new(BufReader::with_capacity(CHUNK, file)))
}

impl Found {
    fn new() -> Result<Self, CliError> {
        // The empty name is a database that goes with the connection.
        let settled = Connection::open("").map_err(temporary)?;
        let tables = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
            CREATE TABLE template (id INTEGER PRIMARY KEY, text TEXT, count INTEGER, first INTEGER, last INTEGER);
            BEGIN";
        settled.execute_batch(tables).map_err(temporary)?;
        let (lines, into, ids) = (Spool::default(), Spool::default(), Spool::default());
        Ok(Self { settled, lines, into, ids, count: 0, unmatched: 0 })
    }

    fn read(
        &mut self,
        miner: &mut Miner,
        name: &str,
        mut input: impl BufRead,
        format: Option<&Regex>,
    ) -> Result<(), CliError> {
        let mut bytes = Vec::new();
        let failed = |error: io::Error| CliError::Failed(format!("{name}: {error}"));
        loop {
            bytes.clear();
            if input.by_ref().take(LINE).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
                return Ok(());
            }
            if bytes.len() as u64 == LINE && !bytes.ends_with(b"\n") {
                input.skip_until(b'\n').map_err(failed)?;
            }
            while matches!(bytes.last(), Some(b'\n' | b'\r')) {
                bytes.pop();
            }
            let line = String::from_utf8_lossy(&bytes);
            let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
            let message = format.and_then(|format| Some(format.captures(line)?.name("content")?.as_str()));
            self.unmatched += u64::from(format.is_some() && message.is_none());
            let taken = miner.take(message.unwrap_or(line), 0);
            self.count += 1;
            self.lines.set(self.count, taken.number).map_err(spooling)?;
            self.follow(miner)?;
        }
    }

    fn follow(&mut self, miner: &mut Miner) -> Result<(), CliError> {
        for change in miner.changes() {
            match change {
                Change::Merged { number, into } => self.into.set(number, into).map_err(spooling)?,
                Change::Evicted(template) => self.settle(&template)?,
                Change::Renamed { .. } => {}
            }
        }
        Ok(())
    }

    /// Takes down a template that lines will not change any more.
    fn settle(&mut self, template: &Template) -> Result<(), CliError> {
        let id = template.id().number();
        self.ids.set(template.number(), id).map_err(spooling)?;
        let add = "INSERT INTO template VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET
            count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last)";
        let mut add = self.settled.prepare_cached(add).map_err(temporary)?;
        let row = params![
            id.cast_signed(),
            template.text(),
            template.count().cast_signed(),
            template.first_line().cast_signed(),
            template.last_line().cast_signed()
        ];
        add.execute(row).map_err(temporary)?;
        Ok(())
    }

    fn settle_all(&mut self, miner: &Miner) -> Result<(), CliError> {
        for template in miner.templates() {
            self.settle(template)?;
        }
        Ok(())
    }

    /// The id of the template of a line.
    fn id(&mut self, line: u64) -> Result<TemplateId, CliError> {
        let mut number = self.lines.get(line).map_err(spooling)?;
        loop {
            match self.into.get(number).map_err(spooling)? {
                0 => break,
                into => number = into,
            }
        }
        self.ids.get(number).map(TemplateId::from_number).map_err(spooling)
    }

    /// Does something with each template, the most frequent first.
    fn each(&self, mut with: impl FnMut(Told) -> Result<bool, CliError>) -> Result<(), CliError> {
        let all = "SELECT id, text, count, first, last FROM template ORDER BY count DESC, first";
        let mut all = self.settled.prepare(all).map_err(temporary)?;
        let told = |row: &Row<'_>| {
            let number = |place| row.get(place).map(i64::cast_unsigned);
            let id = TemplateId::from_number(number(0)?).to_string();
            Ok(Told { id, template: row.get(1)?, count: number(2)?, first_line: number(3)?, last_line: number(4)? })
        };
        for row in all.query_map([], told).map_err(temporary)? {
            if !with(row.map_err(temporary)?)? {
                break;
            }
        }
        Ok(())
    }

    /// Writes the one document, part by part.
    fn document(&mut self, output: &Output) -> Result<(), CliError> {
        let mut chunk = Vec::with_capacity(CHUNK + 4096);
        let json = |error: serde_json::Error| CliError::Failed(error.to_string());
        chunk.extend_from_slice(format!("{{\"lines\":{},\"templates\":[", self.count).as_bytes());
        let mut between = false;
        self.each(|told| {
            if between {
                chunk.push(b',');
            }
            between = true;
            serde_json::to_writer(&mut chunk, &told).map_err(json)?;
            hand_on(output, &mut chunk, CHUNK)?;
            Ok(true)
        })?;
        chunk.extend_from_slice(b"],\"assignments\":[");
        for line in 1..=self.count {
            let id = self.id(line)?;
            let comma = if line > 1 { "," } else { "" };
            write!(chunk, "{comma}\"{id}\"").map_err(spooling)?;
            hand_on(output, &mut chunk, CHUNK)?;
        }
        chunk.extend_from_slice(b"]}\n");
        hand_on(output, &mut chunk, 0)
    }

    fn page(&self, output: &Output, top: usize) -> Result<String, CliError> {
        let lines = usize::try_from(self.count).unwrap_or(usize::MAX);
        if self.count == 0 {
            return Ok("no lines\n".to_owned());
        }
        let mut table = Table::new(["COUNT", "SHARE", "FIRST", "LAST", "ID", "TEMPLATE"]);
        let (mut rows, mut shown) = (0, 0);
        self.each(|told| {
            rows += 1;
            shown += told.count;
            #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
            let share = 100.0 * told.count as f64 / self.count as f64;
            let template = if told.template.is_empty() { "(empty)" } else { &told.template };
            table.row([
                Cell::from(told.count.to_string()),
                Cell::from(format!("{share:.1}%")),
                Cell::from(told.first_line.to_string()),
                Cell::from(told.last_line.to_string()),
                Cell::from(&told.id),
                Cell::from(template),
            ]);
            Ok(rows < top)
        })?;
        let all: usize = self
            .settled
            .query_row("SELECT count(*) FROM template", [], |row| row.get::<_, i64>(0))
            .map(|count| usize::try_from(count).unwrap_or(0))
            .map_err(temporary)?;
        let mut page = table.render(output);
        if all > rows {
            let rest = usize::try_from(self.count - shown).unwrap_or(usize::MAX);
            page += &format!("and {} more, in {}\n", text::count(all - rows, "template"), text::count(rest, "line"));
        }
        page += &format!("\n{} in {}\n", text::count(all, "template"), text::count(lines, "line"));
        Ok(page)
    }
}

/// Writes what was put together, if it is long enough.
fn hand_on(output: &Output, chunk: &mut Vec<u8>, from: usize) -> Result<(), CliError> {
    if chunk.len() >= from {
        output.script(chunk)?;
        chunk.clear();
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "errors are handed on by value")]
fn temporary(error: rusqlite::Error) -> CliError {
    unkept(&error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "errors are handed on by value")]
fn spooling(error: io::Error) -> CliError {
    unkept(&error.to_string())
}

fn unkept(error: &str) -> CliError {
    CliError::Failed(format!("what was found cannot be kept in the folder for temporary files: {error}"))
}
