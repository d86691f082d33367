//! What a block runs: one program with its arguments, in the part of the shell's language that means the same without a shell.
//!
//! Nothing here starts a shell, and a stock runner of Markdown does. So words, quotation marks and `"$INPUT"` are read, and
//! whatever only a shell understands is an error that says so.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::finding::Notes;

const RULE: &str = "command";
/// What a shell would act on.
const SPECIAL: &str = "|&;<>()`*?[]{}~!#";

/// A program with its arguments, of which parts come from inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    words: Vec<Word>,
}

/// One word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    parts: Vec<Part>,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is written.
    Text(String),
    /// The value of an input, or of what an earlier step has set.
    Input(String),
}

impl Word {
    /// The word, where all of it is written out.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The input that the whole word is.
    #[must_use]
    pub fn input(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Input(name)] => Some(name),
            _ => None,
        }
    }

    fn filled(&self, value: &impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(written) => text.push_str(written),
                Part::Input(name) => text.push_str(&value(name)),
            }
        }
        text
    }

    /// The word as it stands in a block.
    fn written(&self) -> String {
        if let Some(text) = self.text() {
            return quoted(text);
        }
        let mut written = String::from('"');
        for part in &self.parts {
            match part {
                Part::Input(name) => {
                    written.push_str("${");
                    written.push_str(name);
                    written.push('}');
                }
                Part::Text(text) => {
                    for letter in text.chars() {
                        if "\"\\$`".contains(letter) {
                            written.push('\\');
                        }
                        written.push(letter);
                    }
                }
            }
        }
        written + "\""
    }

    fn push(&mut self, letter: char) {
        if let Some(Part::Text(text)) = self.parts.last_mut() {
            text.push(letter);
        } else {
            self.parts.push(Part::Text(letter.to_string()));
        }
    }
}

impl Command {
    /// Its words, the program first; never empty.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        self.words.first().and_then(Word::text)
    }

    /// The inputs used, in their order, each as often as it comes.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.words.iter().flat_map(|word| &word.parts).filter_map(|part| match part {
            Part::Input(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The word after an option such as `--service`, each time it is given.
    pub fn values_of<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a Word> {
        self.words.windows(2).filter(move |pair| pair[0].text() == Some(option)).map(|pair| &pair[1])
    }

    /// Whether one of its words is this.
    #[must_use]
    pub fn has(&self, written: &str) -> bool {
        self.words.iter().any(|word| word.text() == Some(written))
    }

    /// The program and its arguments with the values of inputs in their places, whole: a value is never split into words.
    ///
    /// # Errors
    /// The names of the inputs that have no value.
    pub fn filled(&self, values: &BTreeMap<String, String>) -> Result<Vec<String>, Vec<String>> {
        let mut missing: Vec<String> =
            self.inputs().filter(|name| !values.contains_key(*name)).map(str::to_owned).collect();
        missing.dedup();
        if !missing.is_empty() {
            return Err(missing);
        }
        let value = |name: &str| values.get(name).cloned().unwrap_or_default();
        Ok(self.words.iter().map(|word| word.filled(&value)).collect())
    }

    /// The command as somebody would type it, with something in the place of each input.
    #[must_use]
    pub fn shown(&self, value: impl Fn(&str) -> String) -> String {
        let words: Vec<String> = self.words.iter().map(|word| quoted(&word.filled(&value))).collect();
        words.join(" ")
    }
}

/// A word as a shell would have to be given it.
fn quoted(word: &str) -> String {
    if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "\"'$\\|&;<>()`*?[]{}~!#".contains(c)) {
        format!("'{}'", word.replace('\'', "'\\''"))
    } else {
        word.to_owned()
    }
}

impl Serialize for Command {
    /// As it stands in a block, with `"$NAME"` for each input; two commands that differ never look the same.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words: Vec<String> = self.words.iter().map(Word::written).collect();
        serializer.serialize_str(&words.join(" "))
    }
}

/// Whether a text may be the name of an input.
pub(super) fn is_input_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Reads the one command of a block that begins at a byte of the file.
pub(super) fn command(body: &str, at: usize, place: &str, notes: &mut Notes) -> Option<Command> {
    let mut reader = Reader { body, at, place, notes, next: 0, words: Vec::new(), word: None };
    reader.read()?;
    let Reader { words, notes, .. } = reader;
    if words.is_empty() {
        notes.error(RULE, at, place, "the block runs nothing", "one command");
        return None;
    }
    Some(Command { words })
}

struct Reader<'a> {
    body: &'a str,
    at: usize,
    place: &'a str,
    notes: &'a mut Notes,
    next: usize,
    words: Vec<Word>,
    word: Option<Word>,
}

impl Reader<'_> {
    fn read(&mut self) -> Option<()> {
        while let Some(letter) = self.letter() {
            match letter {
                '\n' if self.is_over() => return Some(()),
                '\n' => {
                    self.end_word();
                    if !self.words.is_empty() {
                        let what = "a step runs one command, and this block holds more lines";
                        return self.complain(
                            what,
                            "one command, with a backslash where its line goes on, or a step of its own",
                        );
                    }
                }
                '#' if self.word.is_none() => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.letter();
                    }
                }
                letter if letter.is_whitespace() => self.end_word(),
                '\'' => self.single()?,
                '"' => self.double()?,
                '\\' => match self.letter() {
                    Some('\n') => self.end_word(),
                    Some(letter) => self.push(letter),
                    None => return self.complain("it ends in a backslash", "the rest of the command"),
                },
                '$' => {
                    return self.complain(
                        "an input stands outside of quotation marks",
                        "\"$NAME\", which stays one word whatever its value",
                    );
                }
                letter if SPECIAL.contains(letter) => {
                    let what = format!("{letter:?} needs a shell, and commands are run without one");
                    return self.complain(&what, "a plain command; put the rest into an action of the platform file");
                }
                letter => self.push(letter),
            }
        }
        self.end_word();
        Some(())
    }

    /// Whether only empty lines and comments follow.
    fn is_over(&mut self) -> bool {
        let over = self.body[self.next..].lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#'));
        if over {
            self.end_word();
        }
        over && !self.words.is_empty()
    }

    fn peek(&self) -> Option<char> {
        self.body[self.next..].chars().next()
    }

    fn letter(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.next += letter.len_utf8();
        Some(letter)
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn complain(&mut self, what: &str, expected: &str) -> Option<()> {
        self.notes.error(RULE, self.at + self.next.saturating_sub(1), self.place, what, expected);
        None
    }

    fn single(&mut self) -> Option<()> {
        self.word.get_or_insert_default();
        loop {
            match self.letter() {
                Some('\'') => return Some(()),
                Some('\n') | None => {
                    return self.complain("a quotation mark is not closed", "' at the end of the word");
                }
                Some(letter) => self.push(letter),
            }
        }
    }

    fn double(&mut self) -> Option<()> {
        self.word.get_or_insert_default();
        loop {
            match self.letter() {
                Some('"') => return Some(()),
                Some('\n') | None => {
                    return self.complain("a quotation mark is not closed", "\" at the end of the word");
                }
                Some('\\') => match self.letter() {
                    Some(letter @ ('"' | '\\' | '$' | '`')) => self.push(letter),
                    _ => return self.complain("a backslash that escapes nothing", "\\\", \\\\ or \\$"),
                },
                Some('`') => {
                    return self.complain("\"`\" needs a shell, and commands are run without one", "a plain command");
                }
                Some('$') => self.input()?,
                Some(letter) => self.push(letter),
            }
        }
    }

    fn input(&mut self) -> Option<()> {
        let braced = self.peek() == Some('{');
        if braced {
            self.letter();
        }
        let start = self.next;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.letter();
        }
        let name = &self.body[start..self.next];
        if !is_input_name(name) || (braced && self.letter() != Some('}')) {
            return self.complain("it is no input", "\"$NAME\" of capital letters, digits and _");
        }
        let part = Part::Input(name.to_owned());
        self.word.get_or_insert_default().parts.push(part);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Command, String> {
        let mut notes = Notes::new("book.md", body);
        let found = command(body, 0, "", &mut notes);
        found.ok_or_else(|| notes.into_findings()[0].to_string())
    }

    fn fill(body: &str) -> Vec<String> {
        let values = BTreeMap::from([("DB".to_owned(), "a b; rm -rf /".to_owned())]);
        read(body).unwrap().filled(&values).unwrap()
    }

    #[test]
    fn the_value_of_an_input_stays_one_word_whatever_it_is() {
        assert_eq!(
            fill("codeblue action run \"$DB\" restart\n"),
            ["codeblue", "action", "run", "a b; rm -rf /", "restart"]
        );
        assert_eq!(
            fill("x --a=\"${DB}!\" 'it''s' \"\\$5\" \\\n  last # comment\n# end\n")[1..],
            ["--a=a b; rm -rf /!", "its", "$5", "last"]
        );
    }

    #[test]
    fn what_needs_a_shell_says_so_and_where() {
        for wrong in
            ["a | b", "a && b", "a > f", "a $(b)", "a $B", "a \"`b`\"", "a *", "a\nb", "a 'b", "a \"${b}\"", "~/a", ""]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let told = read("systemctl restart x && y").unwrap_err();
        assert!(told.starts_with("book.md:1:21: error: '&' needs a shell"), "{told}");
    }

    #[test]
    fn a_missing_input_is_named() {
        assert_eq!(read("a \"$X\" \"$Y\"").unwrap().filled(&BTreeMap::new()).unwrap_err(), ["X", "Y"]);
    }
}
