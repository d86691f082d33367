//! An article as a Markdown file: what is for programs in a TOML front matter, what is for people below it.
//!
//! ```markdown
//! +++
//! name = "disk-full"
//! title = "A disk is full"
//! category = "resource"
//! symptoms = ["no space left on device", "ENOSPC"]
//!
//! [[fix]]
//! run = "free-space"
//! +++
//!
//! How to go about it.
//!
//! # Prevention
//!
//! What keeps it from coming back.
//! ```

use std::fmt::Write;

use serde::Deserialize;
use toml::Spanned;

/// What parts procedure and prevention.
const PREVENTION: &str = "# Prevention";
/// What is before and after the front matter.
const FENCE: &str = "+++";

/// An article as a file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its name.
    pub name: String,
    /// In one line.
    pub title: String,
    /// Of what kind the failure is.
    pub category: String,
    /// Words, codes and lines that come with it.
    pub symptoms: Vec<String>,
    /// Ids of templates of log lines that come with it.
    pub signatures: Vec<String>,
    /// What may be done about it, the first to try at the top.
    pub fixes: Vec<PageFix>,
    /// How to go about it.
    pub procedure: String,
    /// What keeps it from coming back.
    pub prevention: String,
}

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageFix {
    /// Bring the components of this kind back, of this service or of whichever has failed.
    RollBack(String, Option<String>),
    /// Run the action of this name, of this service or of whichever has failed.
    Run(String, Option<String>),
    /// Something that people do.
    ByHand(String),
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PageError {
    /// Where, from 1.
    pub line: usize,
    /// What, and what was expected.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    name: Spanned<String>,
    title: Spanned<String>,
    category: Spanned<String>,
    #[serde(default)]
    symptoms: Vec<String>,
    #[serde(default)]
    signatures: Vec<String>,
    #[serde(default, rename = "fix")]
    fixes: Vec<Spanned<Fix>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fix {
    roll_back: Option<Spanned<String>>,
    run: Option<String>,
    by_hand: Option<String>,
    service: Option<String>,
}

/// Which words a file may use for what a platform has kinds of.
pub type Known<'a> = &'a dyn Fn(&str) -> Result<(), String>;

impl Page {
    /// Reads a file; `category` and `component` say whether there is such a kind of failure, and such a kind of component.
    ///
    /// # Errors
    /// What is wrong, and on which line.
    pub fn read(text: &str, category: Known, component: Known) -> Result<Self, PageError> {
        let text = text.replace("\r\n", "\n");
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let fail = |line: usize, what: String| PageError { line, what };
        let mut lines = text.split_inclusive('\n');
        let first = lines.next().unwrap_or_default();
        if first.trim_end() != FENCE {
            return Err(fail(
                1,
                format!("expected {FENCE}, then the article's name, title and category as TOML, then {FENCE}"),
            ));
        }
        let start = first.len();
        let mut end = start;
        let body = loop {
            match lines.next() {
                Some(line) if line.trim_end() == FENCE => break end + line.len(),
                Some(line) => end += line.len(),
                None => {
                    return Err(fail(text.lines().count(), format!("the front matter has no end: expected {FENCE}")));
                }
            }
        };
        let (front, body) = (text.get(start..end).unwrap_or_default(), text.get(body..).unwrap_or_default());
        let line_of = |place: usize| 2 + front.get(..place).unwrap_or_default().matches('\n').count();
        let found: Front = toml::from_str(front)
            .map_err(|error| fail(line_of(error.span().map_or(0, |span| span.start)), error.message().to_owned()))?;
        let filled = |field: &Spanned<String>, what: &str| {
            let value = field.as_ref().trim().to_owned();
            if value.is_empty() {
                Err(fail(line_of(field.span().start), format!("the {what} is empty")))
            } else {
                Ok(value)
            }
        };
        category(found.category.as_ref()).map_err(|what| fail(line_of(found.category.span().start), what))?;
        let mut fixes = Vec::new();
        for fix in found.fixes {
            let line = line_of(fix.span().start);
            let Fix { roll_back, run, by_hand, service } = fix.into_inner();
            fixes.push(match (roll_back, run, by_hand, service) {
                (Some(kind), None, None, service) => {
                    component(kind.as_ref()).map_err(|what| fail(line_of(kind.span().start), what))?;
                    PageFix::RollBack(kind.into_inner(), service)
                }
                (None, Some(action), None, service) => PageFix::Run(action, service),
                (None, None, Some(text), None) => PageFix::ByHand(text),
                (None, None, Some(_), Some(_)) => {
                    return Err(fail(line, "what is done by hand has no service: say it in the text".to_owned()));
                }
                _ => return Err(fail(line, "a fix has exactly one of roll_back, run and by_hand".to_owned())),
            });
        }
        let (procedure, prevention) = parted(body);
        Ok(Self {
            name: filled(&found.name, "name")?,
            title: filled(&found.title, "title")?,
            category: found.category.into_inner(),
            symptoms: found.symptoms,
            signatures: found.signatures,
            fixes,
            procedure,
            prevention,
        })
    }

    /// The file.
    #[must_use]
    pub fn write(&self) -> String {
        let mut page = format!("{FENCE}\n");
        let quoted = |text: &str| toml::Value::from(one_line(text)).to_string();
        let list = |texts: &[String]| texts.iter().map(|text| format!("    {},\n", quoted(text))).collect::<String>();
        let _ = writeln!(page, "name = {}", quoted(&self.name));
        let _ = writeln!(page, "title = {}", quoted(&self.title));
        let _ = writeln!(page, "category = {}", quoted(&self.category));
        for (key, texts) in [("symptoms", &self.symptoms), ("signatures", &self.signatures)] {
            if !texts.is_empty() {
                let _ = writeln!(page, "{key} = [\n{}]", list(texts));
            }
        }
        for fix in &self.fixes {
            let (key, value, service) = match fix {
                PageFix::RollBack(kind, service) => ("roll_back", kind, service.as_ref()),
                PageFix::Run(action, service) => ("run", action, service.as_ref()),
                PageFix::ByHand(text) => ("by_hand", text, None),
            };
            let _ = writeln!(page, "\n[[fix]]\n{key} = {}", quoted(value));
            if let Some(service) = service {
                let _ = writeln!(page, "service = {}", quoted(service));
            }
        }
        let _ = writeln!(page, "{FENCE}");
        for (title, text) in [(None, &self.procedure), (Some(PREVENTION), &self.prevention)] {
            if !text.is_empty() {
                page += title.map(|title| format!("\n{title}\n")).as_deref().unwrap_or_default();
                page += "\n";
                text.lines().for_each(|line| {
                    page += if is_marker(line) { "\\" } else { "" };
                    page += line;
                    page += "\n";
                });
            }
        }
        page
    }
}

/// Ends of lines and what else has no place in one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a line is the one that parts, or stands for one such in a text.
fn is_marker(line: &str) -> bool {
    line.trim_start_matches('\\') == PREVENTION
}

/// Procedure and prevention; the line between them stands with a `\` before it where it is part of a text.
fn parted(body: &str) -> (String, String) {
    let (mut procedure, mut prevention, mut behind) = (String::new(), String::new(), false);
    for line in body.lines() {
        if line == PREVENTION && !behind {
            behind = true;
            continue;
        }
        let line = line.strip_prefix('\\').filter(|_| is_marker(line)).unwrap_or(line);
        let text = if behind { &mut prevention } else { &mut procedure };
        text.push_str(line);
        text.push('\n');
    }
    (procedure.trim().to_owned(), prevention.trim().to_owned())
}
