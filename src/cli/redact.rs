//! `codeblue redact`

use std::{
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::PathBuf,
};

use clap::Args;
use serde::Serialize;

use super::{
    error::{CliError, Exit},
    session::Session,
};
use crate::{
    diagnosis::{Found, PseudonymKey, Redactor, Removed, Stream},
    platform,
};

/// A line that is longer is handled in pieces of so many bytes.
const PIECE: usize = 64 << 10;
/// Of the piece before so many bytes are looked at again, to know what the next is about.
const LEAD: usize = 1 << 10;

/// Take identifiers of people, and secrets, out of a text
///
/// Copies standard input to standard output, line by line, with each identifier replaced by its class in brackets, such as [NAME],
/// [DATE], [SSN], [MRN], [PHONE], [EMAIL], [IP] or [SECRET]. All other bytes stay as they are.
///
/// With --json each line becomes one object: {"text": the line without them, "found": [{"class", "start", "end"}]}, where start
/// and end count characters (not bytes) of the line as it came in, from 0; end is behind the last. A line longer than 64 KiB
/// comes as several objects. Bytes that are no UTF-8 are read as ISO 8859-1.
#[derive(Debug, Args)]
pub struct Redact {
    /// Patterns and what may pass, from the table [redact] of this platform file
    #[arg(long, value_name = "FILE")]
    platform: Option<PathBuf>,
    /// Tell values apart: one that comes again gets the same mark, as in [NAME#a3f1c2]; the marks of another run are others
    #[arg(long)]
    pseudonyms: bool,
    /// At the end tell on standard error how many of each class were taken out
    #[arg(long)]
    report: bool,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    text: &'a str,
    found: Vec<Place<'a>>,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    class: &'a str,
    start: usize,
    end: usize,
}

impl Redact {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let redactor = match &self.platform {
            Some(file) => Redactor::from(&platform::load(file)?),
            None => Redactor::default(),
        };
        let key = self.pseudonyms.then(|| PseudonymKey::new(&rand::random::<[u8; 32]>()));
        let mut copy = Copy {
            redactor: &redactor,
            stream: Stream::new(&redactor),
            key,
            json: session.output.is_json(),
            out: BufWriter::with_capacity(PIECE, io::stdout().lock()),
        };
        let done = copy.all(BufReader::with_capacity(PIECE, io::stdin().lock()));
        let told = copy.out.flush();
        done?;
        told.map_err(|error| written(&error))?;
        if self.report {
            session.output.progress(&describe(copy.stream.removed()));
        }
        Ok(Exit::Done)
    }
}

fn describe(removed: &Removed) -> String {
    let told: Vec<String> = removed.iter().map(|(class, count)| format!("{class} {count}")).collect();
    if told.is_empty() { "nothing was taken out".to_owned() } else { format!("taken out: {}", told.join(", ")) }
}

fn written(error: &io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::NoReader,
        _ => CliError::Failed(format!("standard output: {error}")),
    }
}

/// Bytes as text, and how to make them bytes again.
struct Text {
    text: String,
    /// They were no UTF-8: each letter is one byte.
    latin: bool,
}

impl Text {
    /// Reads bytes; of a letter that is cut off at their end nothing.
    fn read(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: text.to_owned(), latin: false },
            Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 && bytes.len() >= PIECE => {
                Self { text: String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(), latin: false }
            }
            Err(_) => Self { text: bytes.iter().map(|byte| char::from(*byte)).collect(), latin: true },
        }
    }

    /// How many bytes the beginning of the text was.
    fn bytes(&self, end: usize) -> usize {
        if self.latin { self.text[..end].chars().count() } else { end }
    }
}

struct Copy<'r, W> {
    redactor: &'r Redactor,
    stream: Stream<'r>,
    key: Option<PseudonymKey>,
    json: bool,
    out: W,
}

impl<W: Write> Copy<'_, W> {
    fn all(&mut self, mut input: BufReader<impl Read>) -> Result<(), CliError> {
        let mut held = Vec::with_capacity(PIECE);
        // How much of what is held was told before, and where in its line that begins.
        let (mut lead, mut letters) = (0, 0);
        loop {
            let room = (PIECE - held.len()) as u64;
            let read = input.by_ref().take(room).read_until(b'\n', &mut held);
            let read = read.map_err(|error| CliError::Failed(format!("standard input: {error}")))?;
            let ended = held.ends_with(b"\n") || read == 0;
            if held.len() == lead && read == 0 {
                return Ok(());
            }
            if !ended && held.len() < PIECE {
                continue;
            }
            if ended && lead == 0 {
                self.line(&Text::read(&held))?;
            } else {
                let text = Text::read(&held);
                let (found, cut) = self.stream.piece(&text.text, lead, ended);
                self.tell(&text, lead, cut, &found, letters)?;
                if !ended {
                    let next = floor(&text.text, cut.saturating_sub(LEAD));
                    letters += text.text[..next].chars().count();
                    let (from, told) = (text.bytes(next), text.bytes(cut));
                    held.drain(..from);
                    lead = told - from;
                    continue;
                }
            }
            held.clear();
            (lead, letters) = (0, 0);
            if input.buffer().is_empty() {
                self.out.flush().map_err(|error| written(&error))?;
            }
        }
    }

    /// A line that is here as a whole.
    fn line(&mut self, text: &Text) -> Result<(), CliError> {
        let found = self.stream.find(&text.text);
        self.tell(text, 0, text.text.len(), &found, 0)
    }

    /// Tells a part of a text; `letters` of its line came before it.
    fn tell(
        &mut self,
        text: &Text,
        from: usize,
        until: usize,
        found: &[Found],
        letters: usize,
    ) -> Result<(), CliError> {
        let part = &text.text[from..until];
        let here: Vec<Found> =
            found.iter().map(|one| Found { start: one.start - from, end: one.end.min(until) - from, ..*one }).collect();
        let told = self.redactor.render(part, &here, self.key.as_ref());
        let bytes = if self.json {
            let place = |at: usize| letters + text.text[..at].chars().count();
            let found = found.iter().map(|one| Place {
                class: self.redactor.name(one.class),
                start: place(one.start),
                end: place(one.end.min(until)),
            });
            let line = Line { text: told.trim_end_matches(['\n', '\r']), found: found.collect() };
            let mut json = serde_json::to_vec(&line).map_err(|error| CliError::Failed(error.to_string()))?;
            json.push(b'\n');
            json
        } else if text.latin {
            // Every letter is one byte, and tokens are ASCII.
            told.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
        } else {
            told.into_bytes()
        };
        self.out.write_all(&bytes).map_err(|error| written(&error))
    }
}

/// The last place at or before which a text may be cut.
fn floor(text: &str, most: usize) -> usize {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}
