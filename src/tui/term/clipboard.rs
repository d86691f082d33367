//! Where a copied text goes: to the command that is configured for it, to tmux, to the terminal, to a file. Said is what is
//! known: a terminal never says whether it took a text.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};

/// Bytes of a text in Base64 that terminals take at most: what is longer is cut by some, and dropped by others.
const LONGEST: usize = 74_994;

/// Bytes of a sequence that GNU screen passes on at once.
const SCREEN_PIECE: usize = 256;

/// A program that takes a text has so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is around the board, as far as copying is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The command that takes texts, split into words.
    pub command: Vec<String>,
    /// What passes sequences on between the board and the terminal.
    pub between: Between,
    /// Whether the terminal is of a kind that may understand the sequence.
    pub understands: bool,
    /// The file that is written when nothing else takes the text.
    pub file: PathBuf,
}

/// What stands between the board and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Nothing.
    Nothing,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// What is known of it, in words.
    pub told: String,
    /// Nobody has it.
    pub failed: bool,
    /// What has to be written to the terminal, so that it takes it.
    pub sequence: Vec<u8>,
}

impl Surroundings {
    /// Those of this process. What copies is the command of `CODEBLUE_COPY`, where that is set.
    ///
    /// # Errors
    /// When the command cannot be split into words.
    pub fn here(file: PathBuf) -> Result<Self, String> {
        let named = |name: &str| std::env::var(name).unwrap_or_default();
        let command = shell_words::split(&named("CODEBLUE_COPY")).map_err(|error| format!("CODEBLUE_COPY: {error}"))?;
        let term = named("TERM");
        let between = match () {
            () if !named("TMUX").is_empty() => Between::Tmux,
            () if !named("STY").is_empty() => Between::Screen,
            () => Between::Nothing,
        };
        let understands = !matches!(term.as_str(), "" | "linux" | "dumb") && !term.starts_with("vt");
        Ok(Self { command, between, understands, file })
    }
}

/// Brings a text to whoever takes it first.
#[must_use]
pub fn carry(what: &str, text: &str, around: &Surroundings) -> Carried {
    let done = |told: String| Carried { told, failed: false, sequence: Vec::new() };
    let mut before = String::new();
    if let Some((program, arguments)) = around.command.split_first() {
        match give(program, arguments, text) {
            Ok(()) => return done(format!("the {what} was given to {program}")),
            Err(why) => before = format!("{program} did not take it ({why}); "),
        }
    }
    if around.between == Between::Tmux && give("tmux", &["load-buffer", "-w", "-"].map(str::to_owned), text).is_ok() {
        return done(format!("{before}the {what} is in tmux's buffer: prefix ] pastes it"));
    }
    let encoded = STANDARD.encode(text);
    if around.understands && encoded.len() <= LONGEST {
        let told = format!("{before}the {what} was sent to the terminal (OSC 52); whether it took it is not known");
        return Carried { told, failed: false, sequence: sequence(&encoded, around.between) };
    }
    let why = if around.understands { "too long for a terminal" } else { "this terminal takes none" };
    match write(&around.file, text) {
        Ok(()) => done(format!("{before}{why}: the {what} is in {}", around.file.display())),
        Err(error) => Carried {
            told: format!("{before}the {what} is nowhere: {}: {error}", around.file.display()),
            failed: true,
            sequence: Vec::new(),
        },
    }
}

/// The sequence that offers a text to the terminal, passed through what stands between.
fn sequence(encoded: &str, between: Between) -> Vec<u8> {
    let plain = format!("\x1b]52;c;{encoded}\x07");
    match between {
        Between::Nothing => plain.into_bytes(),
        Between::Tmux => format!("\x1bPtmux;\x1b{plain}\x1b\\").into_bytes(),
        Between::Screen => {
            plain.as_bytes().chunks(SCREEN_PIECE).flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect()
        }
    }
}

/// Gives a text to a program that reads it from its input.
fn give(program: &str, arguments: &[String], text: &str) -> Result<(), String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        let text = text.to_owned();
        // A program that does not read must not hold the board's own thread.
        std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    }
    let since = Instant::now();
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(status.to_string()),
            None if since.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer within {} s", PATIENCE.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

pub(super) fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut open = std::fs::OpenOptions::new();
    open.write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(folder: &Path) -> Surroundings {
        Surroundings {
            command: Vec::new(),
            between: Between::Nothing,
            understands: true,
            file: folder.join("run/copied.txt"),
        }
    }

    fn command(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_command_that_is_set_comes_first_and_what_it_does_not_take_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        let tee = Surroundings { command: command(&["tee", taken.to_str().unwrap()]), ..around(folder.path()) };
        let carried = carry("name", "INC-1", &tee);
        assert_eq!(carried.told, "the name was given to tee");
        assert!(carried.sequence.is_empty());
        assert_eq!(std::fs::read_to_string(&taken).unwrap(), "INC-1");
        let broken = Surroundings { command: command(&["false"]), ..around(folder.path()) };
        let carried = carry("name", "INC-1", &broken);
        assert!(carried.told.starts_with("false did not take it"), "{}", carried.told);
        assert!(carried.told.ends_with("whether it took it is not known"), "{}", carried.told);
        assert_eq!(carried.sequence, b"\x1b]52;c;SU5DLTE=\x07");
    }

    #[test]
    fn what_is_too_long_or_not_understood_is_in_a_file_that_only_its_owner_reads() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        // As much as fits: 74,992 bytes of Base64 are 56,244 of text.
        assert!(!carry("page", &"x".repeat(56_244), &around(folder.path())).sequence.is_empty());
        let long = carry("page", &"x".repeat(56_247), &around(folder.path()));
        assert!(long.sequence.is_empty() && long.told.contains("too long"), "{}", long.told);
        let file = folder.path().join("run/copied.txt");
        assert!(long.told.ends_with(&file.display().to_string()), "{}", long.told);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let console = Surroundings { understands: false, ..around(folder.path()) };
        assert!(carry("name", "INC-1", &console).sequence.is_empty());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "INC-1");
    }

    #[test]
    fn what_stands_between_passes_the_sequence_on() {
        assert_eq!(sequence("eA==", Between::Tmux), b"\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\");
        let long = sequence(&"A".repeat(600), Between::Screen);
        let pieces = long.split(|byte| *byte == b'P').count() - 1;
        assert_eq!(pieces, 3, "each piece is short enough for screen");
        let whole: Vec<u8> = String::from_utf8(long).unwrap().replace("\x1bP", "").replace("\x1b\\", "").into_bytes();
        assert_eq!(whole, format!("\x1b]52;c;{}\x07", "A".repeat(600)).into_bytes());
    }
}
