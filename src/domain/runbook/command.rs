//! What a block runs: one program with its arguments, in the part of the shell's language that means the same without a shell.
//!
//! Nothing here starts a shell, and a stock runner of Markdown does. So words, quotation marks and `"$INPUT"` are read, and
//! whatever only a shell understands is an error that says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ServiceRef;

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

    /// The service or component that it names.
    #[must_use]
    pub fn named(&self) -> Option<ServiceRef> {
        match (self.text(), self.input()) {
            (Some(name), _) => (!name.starts_with('-')).then(|| ServiceRef::Name(name.to_owned())),
            (None, Some(name)) => Some(ServiceRef::Input(name.to_owned())),
            (None, None) => None,
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
    /// Reads the one command of a block.
    ///
    /// # Errors
    /// When it takes a shell, or is none.
    pub fn read(body: &str) -> Result<Self, Unreadable> {
        let mut reader = Reader { body, next: 0, words: Vec::new(), word: None };
        reader.read()?;
        if reader.words.is_empty() {
            let (what, expected) = ("the block runs nothing".to_owned(), "one command".to_owned());
            return Err(Unreadable { at: 0, what, expected });
        }
        Ok(Self { words: reader.words })
    }

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

    /// The service and the action of `codeblue action run SERVICE ACTION`.
    #[must_use]
    pub fn declared_action(&self) -> Option<(ServiceRef, String)> {
        let verb: Vec<&str> = self.words.iter().take(3).filter_map(Word::text).collect();
        if verb != ["codeblue", "action", "run"] {
            return None;
        }
        Some((self.words.get(3)?.named()?, self.words.get(4)?.text()?.to_owned()))
    }

    /// The services that a command of codeblue names.
    pub fn services(&self) -> impl Iterator<Item = ServiceRef> {
        let by_action = self.declared_action().map(|(service, _)| service);
        by_action.into_iter().chain(self.values_of("--service").filter_map(Word::named))
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

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&String::deserialize(deserializer)?).map_err(|unreadable| de::Error::custom(unreadable.what))
    }
}

/// Whether a text may be the name of an input.
#[must_use]
pub fn is_input_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Why a text is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The byte at which it is not.
    pub at: usize,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub expected: String,
}

struct Reader<'a> {
    body: &'a str,
    next: usize,
    words: Vec<Word>,
    word: Option<Word>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), Unreadable> {
        while let Some(letter) = self.letter() {
            match letter {
                '\n' if self.is_over() => return Ok(()),
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
        Ok(())
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

    fn complain(&self, what: &str, expected: &str) -> Result<(), Unreadable> {
        let (what, expected) = (what.to_owned(), expected.to_owned());
        Err(Unreadable { at: self.next.saturating_sub(1), what, expected })
    }

    fn single(&mut self) -> Result<(), Unreadable> {
        self.word.get_or_insert_default();
        loop {
            match self.letter() {
                Some('\'') => return Ok(()),
                Some('\n') | None => {
                    return self.complain("a quotation mark is not closed", "' at the end of the word");
                }
                Some(letter) => self.push(letter),
            }
        }
    }

    fn double(&mut self) -> Result<(), Unreadable> {
        self.word.get_or_insert_default();
        loop {
            match self.letter() {
                Some('"') => return Ok(()),
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

    fn input(&mut self) -> Result<(), Unreadable> {
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
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Command, Unreadable> {
        Command::read(body)
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
        assert!(told.at == 20 && told.what.starts_with("'&' needs a shell"), "{told:?}");
    }

    #[test]
    fn a_missing_input_is_named() {
        assert_eq!(read("a \"$X\" \"$Y\"").unwrap().filled(&BTreeMap::new()).unwrap_err(), ["X", "Y"]);
    }

    #[test]
    fn a_command_reads_back_from_the_record_as_it_was() {
        for body in ["a b", "a \"$X\" 'it'\\''s' --b=\"${Y} \\$5\"", "a '' \"x\\\"${Z}\""] {
            let written = serde_json::to_string(&read(body).unwrap()).unwrap();
            assert_eq!(serde_json::from_str::<Command>(&written).unwrap(), read(body).unwrap(), "{written}");
        }
    }
}
