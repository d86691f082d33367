//! Reads TOML values with their places, and notes every problem instead of stopping at the first.

use std::{
    fmt::Write,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    probe::Figure,
    problem::{Problem, Problems, nearest},
};

/// A TOML key and its place.
pub(crate) type Key<'i> = Spanned<DeString<'i>>;
/// A TOML value and its place.
pub(crate) type Value<'i> = Spanned<DeValue<'i>>;

/// The shortest and the longest duration that makes sense anywhere in a platform file.
const DURATIONS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(400 * 86_400);
/// After so many syntax errors the rest is noise.
const MAX_SYNTAX_ERRORS: usize = 10;
/// Words that only a shell understands.
const SHELL_WORDS: [&str; 9] = ["|", "||", "&&", "&", ";", ">", ">>", "<", "2>&1"];

/// A value that was read, and the byte of the file where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

/// The file being read and what has been found wrong with it.
pub(crate) struct Reader {
    file: String,
    folder: PathBuf,
    lines: Vec<String>,
    starts: Vec<usize>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(crate) fn new(file: &Path, text: &str) -> Self {
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let starts = lines
            .iter()
            .scan(0, |next, line| {
                let start = *next;
                *next += line.len() + 1;
                Some(start)
            })
            .collect();
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        Self { file: file.display().to_string(), folder, lines, starts, problems: Vec::new() }
    }

    /// What `read` makes of a file that people write beside the platform file, or everything that is wrong with it.
    pub(crate) fn file<T>(
        file: &Path,
        text: &str,
        read: impl FnOnce(&mut Section<'_, '_>, &mut Self) -> Option<T>,
    ) -> Result<T, Problems> {
        let mut reader = Self::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        reader.syntax(&errors);
        if !errors.is_empty() {
            return Err(Problems::new(reader.problems));
        }
        let mut root = Section::new(table.get_ref(), 0, "");
        let made = read(&mut root, &mut reader);
        root.finish(&mut reader);
        match made {
            Some(made) if reader.problems.is_empty() => Ok(made),
            _ => Err(Problems::new(reader.problems)),
        }
    }

    /// What `read` makes of a file that only changes defaults, and everything that is wrong with it, first line first. A text that is no TOML
    /// changes nothing.
    pub(crate) fn salvage<T: Default>(
        file: &Path,
        text: &str,
        read: impl FnOnce(&mut Section<'_, '_>, &mut Self) -> T,
    ) -> (T, Vec<Problem>) {
        let mut reader = Self::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        reader.syntax(&errors);
        let mut made = T::default();
        if errors.is_empty() {
            let mut root = Section::new(table.get_ref(), 0, "");
            made = read(&mut root, &mut reader);
            root.finish(&mut reader);
        }
        reader.problems.sort_by_key(|problem| (problem.line, problem.column));
        (made, reader.problems)
    }

    /// Notes what keeps the text from being TOML.
    pub(crate) fn syntax(&mut self, errors: &[toml::de::Error]) {
        for error in errors.iter().take(MAX_SYNTAX_ERRORS) {
            let at = error.span().map_or(0, |span| span.start);
            self.problem(at, "", error.message().replace('\n', ", "), "");
        }
    }

    /// Notes a problem at a byte of the file.
    pub(crate) fn problem(&mut self, at: usize, place: &str, what: impl Into<String>, expected: impl Into<String>) {
        self.report(at, place, what.into(), expected.into(), None);
    }

    /// The same, with what was probably meant.
    pub(crate) fn report(&mut self, at: usize, place: &str, what: String, expected: String, nearest: Option<String>) {
        let index = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        let within = at - self.starts[index];
        let column = self.lines[index].char_indices().take_while(|(offset, _)| *offset < within).count() + 1;
        self.problems.push(Problem {
            file: self.file.clone(),
            line: Some(index + 1),
            column: Some(column),
            place: place.to_owned(),
            what,
            expected,
            nearest,
        });
    }

    /// The line, counted from 1, on which a byte of the file stands.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Whether something is wrong with a key, or with one within it.
    pub(crate) fn complained_of(&self, place: &str) -> bool {
        let within = |problem: &Problem| {
            problem.place.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.problems.iter().any(within)
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(crate) fn mismatch(&mut self, value: &Value<'_>, place: &str, expected: &str) {
        let found = match value.get_ref() {
            DeValue::String(text) => format!("found {:?}", text.as_ref()),
            DeValue::Integer(number) => format!("found the number {number}"),
            DeValue::Float(number) => format!("found the number {number}"),
            DeValue::Boolean(flag) => format!("found {flag}"),
            DeValue::Datetime(_) => "found a date".to_owned(),
            DeValue::Array(_) => "found a list".to_owned(),
            DeValue::Table(_) => "found a table".to_owned(),
        };
        self.problem(value.span().start, place, found, expected);
    }

    /// Text that is not blank.
    pub(crate) fn text(&mut self, value: &Value<'_>, place: &str, expected: &str) -> Option<Found<String>> {
        let at = value.span().start;
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => self.problem(at, place, "it is empty", expected),
            DeValue::String(text) if text.contains('\0') => {
                self.problem(at, place, "it holds a NUL character", expected);
            }
            DeValue::String(text) => return Some(Found { value: text.to_string(), at }),
            _ => self.mismatch(value, place, expected),
        }
        None
    }

    /// Text on one line that is not longer than so many characters.
    pub(crate) fn one_line(
        &mut self,
        value: &Value<'_>,
        place: &str,
        expected: &str,
        most: usize,
    ) -> Option<Found<String>> {
        let line = self.text(value, place, expected)?;
        if line.value.chars().count() > most || line.value.contains(char::is_control) {
            let what = "it is too long, or more than a line";
            self.problem(line.at, place, what, format!("at most {most} characters on one line"));
        }
        Some(line)
    }

    /// A name: lower-case letters, digits, `-` and `.`, at most 64 of them. A wrong one is reported and still handed on, so that
    /// references to it are not reported too.
    pub(crate) fn name(&mut self, value: &Value<'_>, place: &str) -> Option<Found<String>> {
        let expected = "a name of at most 64 lower-case letters, digits, \"-\" and \".\"";
        let name = self.text(value, place, expected)?;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let fits = name.value.len() <= 64
            && name.value.chars().all(allowed)
            && name.value.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !fits {
            let dashed = name.value.to_lowercase().replace(|c| !allowed(c), "-");
            let meant = dashed.trim_matches(['-', '.']);
            let meant = (!meant.is_empty() && meant.len() <= 64).then(|| meant.to_owned());
            self.report(name.at, place, format!("{:?} is no valid name", name.value), expected.to_owned(), meant);
        }
        Some(name)
    }

    /// A path, resolved against the folder of the platform file.
    pub(crate) fn path(&mut self, value: &Value<'_>, place: &str) -> Option<Found<PathBuf>> {
        let text = self.text(value, place, "a path")?;
        if text.value.starts_with("~/") || text.value == "~" {
            self.problem(text.at, place, "\"~\" has no meaning here", "an absolute path, or one relative to this file");
        }
        Some(Found { value: self.folder.join(text.value), at: text.at })
    }

    /// A path that is part of a text, resolved against the folder of the platform file.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    pub(crate) fn duration(&mut self, value: &Value<'_>, place: &str) -> Option<Duration> {
        let expected = "a duration such as \"30s\", \"5m\" or \"1h 30m\"";
        let at = value.span().start;
        if let DeValue::Integer(number) = value.get_ref() {
            self.report(at, place, format!("{number} has no unit"), expected.to_owned(), Some(format!("{number}s")));
            return None;
        }
        let text = self.text(value, place, expected)?;
        match humantime::parse_duration(&text.value) {
            Ok(duration) if DURATIONS.contains(&duration) => Some(duration),
            Ok(_) => {
                self.problem(at, place, format!("{:?} is too short or too long", text.value), "1ms to 400 days");
                None
            }
            Err(_) => {
                self.problem(at, place, format!("{:?} is no duration", text.value), expected);
                None
            }
        }
    }

    pub(crate) fn number(&mut self, value: &Value<'_>, place: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let fitting = number.filter(|number| range.contains(number));
        if fitting.is_none() {
            self.mismatch(value, place, &format!("a whole number from {} to {}", range.start(), range.end()));
        }
        fitting
    }

    pub(crate) fn figure(&mut self, value: &Value<'_>, place: &str) -> Option<Figure> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => i32::from_str_radix(number.as_str(), number.radix()).ok().map(f64::from),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let figure = number.and_then(Figure::new);
        if figure.is_none() {
            self.mismatch(value, place, "a number such as 5 or 0.5");
        }
        figure
    }

    pub(crate) fn flag(&mut self, value: &Value<'_>, place: &str) -> Option<bool> {
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.mismatch(value, place, "true or false");
        None
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, value: &Value<'_>, place: &str, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of {}", words.join(", "));
        let text = self.text(value, place, &expected)?;
        let chosen = choices.iter().find(|(word, _)| *word == text.value).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let meant = nearest(&text.value, words);
            self.report(text.at, place, format!("unknown value {:?}", text.value), expected, meant);
        }
        chosen
    }

    /// The items of a list.
    pub(crate) fn items<'a, 'i>(&mut self, value: &'a Value<'i>, place: &str, of: &str) -> &'a [Value<'i>] {
        if let DeValue::Array(items) = value.get_ref() {
            return items;
        }
        self.mismatch(value, place, &format!("a list of {of}, such as [\"…\"]"));
        &[]
    }

    /// A program and its arguments, as one string or as a list; never given to a shell.
    pub(crate) fn command(&mut self, value: &Value<'_>, place: &str) -> Option<Vec<String>> {
        let expected =
            "a program and its arguments, such as \"systemctl restart auth\" or [\"systemctl\", \"restart\", \"auth\"]";
        let at = value.span().start;
        let mut words = if matches!(value.get_ref(), DeValue::Array(_)) {
            let items = self.items(value, place, "words");
            let words: Vec<String> = items.iter().filter_map(|item| self.argument(item, place, expected)).collect();
            if words.len() != items.len() {
                return None;
            }
            words
        } else {
            let text = self.text(value, place, expected)?;
            let Ok(words) = shell_words::split(&text.value) else {
                self.problem(at, place, "a quotation mark is not closed", expected);
                return None;
            };
            if let Some(word) = words.iter().find(|word| SHELL_WORDS.contains(&word.as_str())) {
                let what = format!("{word:?} needs a shell, and commands are run without one");
                self.problem(at, place, what, "a plain command; put the rest into a script");
                return None;
            }
            words
        };
        let Some(program) = words.first_mut().filter(|program| !program.is_empty()) else {
            self.problem(at, place, "it names no program", expected);
            return None;
        };
        if program.contains('/') {
            *program = self.folder.join(&program).display().to_string();
        }
        Some(words)
    }

    fn argument(&mut self, value: &Value<'_>, place: &str, expected: &str) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) if !text.contains('\0') => Some(text.to_string()),
            _ => {
                self.mismatch(value, place, expected);
                None
            }
        }
    }

    /// A table.
    pub(crate) fn section<'a, 'i>(&mut self, value: &'a Value<'i>, place: &str, hint: &str) -> Option<Section<'a, 'i>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Section::new(table, value.span().start, place));
        }
        self.mismatch(value, place, hint);
        None
    }

    /// The tables of an array of tables, written as `[[…]]`.
    pub(crate) fn sections<'a, 'i>(&mut self, value: Option<&'a Value<'i>>, place: &str) -> Vec<Section<'a, 'i>> {
        let expected = format!("a table headed [[{place}]]");
        let Some(value) = value else { return Vec::new() };
        if let DeValue::Array(items) = value.get_ref() {
            return items.iter().filter_map(|item| self.section(item, place, &expected)).collect();
        }
        self.mismatch(value, place, &format!("{expected} with two brackets on each side"));
        Vec::new()
    }
}

/// One table, which remembers the keys it was asked for: any other key in it is a mistake.
pub(crate) struct Section<'a, 'i> {
    table: &'a DeTable<'i>,
    place: String,
    at: usize,
    known: Vec<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    pub(crate) fn new(table: &'a DeTable<'i>, at: usize, place: &str) -> Self {
        Self { table, place: place.to_owned(), at, known: Vec::new() }
    }

    /// Where the table begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What the table is called in messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// What a key of the table is called in messages.
    pub(crate) fn key(&self, key: &str) -> String {
        let mut place = self.place.clone();
        if !place.is_empty() {
            place.push('.');
        }
        place.push_str(key);
        place
    }

    /// All keys and values of a table whose keys are names that the reader of the file chooses.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a Key<'i>, &'a Value<'i>)> + use<'a, 'i> {
        self.table.iter()
    }

    /// The value of a key, which is a known key from now on.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Value<'i>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// The same, read by `read` with the key's place.
    pub(crate) fn read<T>(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        read: impl FnOnce(&mut Reader, &Value<'i>, &str) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        read(reader, value, &self.key(key))
    }

    /// The same for a key that must be there.
    pub(crate) fn require<T>(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&mut Reader, &Value<'i>, &str) -> Option<T>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            reader.problem(self.at, &self.place, format!("\"{key}\" is missing"), expected);
        }
        self.read(reader, key, read)
    }

    /// Those of the keys that the table has, in the order of the file.
    pub(crate) fn present(&self, keys: &[&'static str]) -> Vec<Found<&'static str>> {
        let mut present: Vec<_> = keys
            .iter()
            .filter_map(|key| {
                self.table.get_key_value(*key).map(|(name, _)| Found { value: *key, at: name.span().start })
            })
            .collect();
        present.sort_by_key(|found| found.at);
        present
    }

    /// Reports every key that nothing asked for.
    pub(crate) fn finish(self, reader: &mut Reader) {
        for key in self.table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            let mut expected = String::from("one of ");
            for (index, known) in self.known.iter().enumerate() {
                let _ = write!(expected, "{}{known}", if index == 0 { "" } else { ", " });
            }
            let meant = nearest(key.get_ref(), self.known.iter().copied());
            let what = format!("unknown key {:?}", key.get_ref().as_ref());
            reader.report(key.span().start, &self.place, what, expected, meant);
        }
    }
}
