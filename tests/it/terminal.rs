//! The real binary in a real pseudo-terminal: a whole outage by keys and mouse, and what is left of the terminal after it.

use std::{
    io::{Read, Write},
    path::Path,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

pub struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    /// When which of these bytes had come.
    marks: Arc<Mutex<Vec<(Duration, usize)>>>,
    size: (u16, u16),
    /// Whoever holds it keeps the terminal from reading.
    gate: Arc<Mutex<()>>,
    gone: Arc<Mutex<bool>>,
    reader: Option<JoinHandle<()>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    /// How the line was set before the program got it.
    before: String,
}

impl Terminal {
    pub fn run(arguments: &[&str], home: &Path) -> Self {
        Self::sized(arguments, home, (110, 32))
    }

    /// In a terminal of so many columns and rows.
    pub fn sized(arguments: &[&str], home: &Path, size: (u16, u16)) -> Self {
        Self::set_up(size, home, |command| command.args(arguments))
    }

    /// The same, with variables of the environment.
    pub fn around(arguments: &[&str], home: &Path, size: (u16, u16), variables: &[(&str, &str)]) -> Self {
        Self::set_up(size, home, |command| {
            command.args(arguments);
            for (name, value) in variables {
                command.env(name, value);
            }
        })
    }

    /// The same with something else of its command set.
    pub fn set_up((cols, rows): (u16, u16), home: &Path, set_up: impl FnOnce(&mut CommandBuilder)) -> Self {
        Self::program(env!("CARGO_BIN_EXE_codeblue"), (cols, rows), home, set_up)
    }

    /// Another program that shows ours.
    pub fn program(
        program: &str,
        (cols, rows): (u16, u16),
        home: &Path,
        set_up: impl FnOnce(&mut CommandBuilder),
    ) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.env("CODEBLUE_HOME", home);
        command.env("TERM", "xterm-256color");
        for name in ["NO_COLOR", "SSH_CONNECTION", "TMUX", "STY", "CODEBLUE_COPY", "PAGER", "VISUAL", "EDITOR"] {
            command.env_remove(name);
        }
        set_up(&mut command);
        let before = format!("{:?}", pair.master.get_termios());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let marks = Arc::new(Mutex::new(Vec::new()));
        let (gate, gone) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(false)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let (shown, kept, open, ended) = (screen.clone(), raw.clone(), gate.clone(), gone.clone());
        let (marked, begun) = (marks.clone(), Instant::now());
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut chunk) {
                drop(open.lock().unwrap());
                if *ended.lock().unwrap() {
                    return;
                }
                shown.lock().unwrap().process(&chunk[..length]);
                let mut kept = kept.lock().unwrap();
                kept.extend_from_slice(&chunk[..length]);
                marked.lock().unwrap().push((begun.elapsed(), kept.len()));
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let size = (cols, rows);
        Self { screen, raw, marks, size, gate, gone, reader: Some(reader), keys, child, master: pair.master, before }
    }

    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Everything that was written to it.
    pub fn bytes(&self) -> Vec<u8> {
        self.raw.lock().unwrap().clone()
    }

    /// All of it as an asciicast (<https://docs.asciinema.org/manual/asciicast/v2/>).
    pub fn cast(&self) -> String {
        let (cols, rows) = self.size;
        let mut cast = format!("{}\n", serde_json::json!({ "version": 2, "width": cols, "height": rows }));
        let (raw, mut from) = (self.bytes(), 0);
        for (at, to) in self.marks.lock().unwrap().iter() {
            // A character may be cut in two by where a read ended: its first half waits.
            let piece = &raw[from..*to];
            let whole = std::str::from_utf8(piece).map_or_else(|error| error.valid_up_to(), str::len);
            let text = String::from_utf8_lossy(&piece[..whole]);
            cast += &format!("{}\n", serde_json::json!([at.as_secs_f64(), "o", text]));
            from += whole;
        }
        cast
    }

    /// How the line is set now, and how it was before the program got it.
    pub fn settings(&self) -> (String, &str) {
        (format!("{:?}", self.master.get_termios()), &self.before)
    }

    /// Whether the screen is the one beside what a shell shows.
    pub fn is_beside(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap().try_into().unwrap()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Makes it larger or smaller, as a window manager does.
    pub fn resize(&self, (cols, rows): (u16, u16)) {
        self.screen.lock().unwrap().screen_mut().set_size(rows.try_into().unwrap(), cols.try_into().unwrap());
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Whoever locks it keeps the terminal from reading, like a laptop whose lid is closed.
    pub fn gate(&self) -> Arc<Mutex<()>> {
        self.gate.clone()
    }

    /// Breaks the line; gives the program, which may still be there.
    pub fn hang_up(mut self) -> Box<dyn Child + Send + Sync> {
        *self.gone.lock().unwrap() = true;
        // Whatever comes wakes the reader, which holds the line too.
        self.press("\x0c");
        self.reader.take().unwrap().join().unwrap();
        self.child
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Presses what answers something that has just come over the page: the board takes no answer to what nobody can have read yet.
    pub fn answer(&mut self, keys: &str) {
        std::thread::sleep(Duration::from_millis(250));
        self.press(keys);
    }

    pub fn until(&self, what: &str) {
        self.until_it(what, |text| text.contains(what));
    }

    /// Waits until the screen is as wished.
    pub fn until_it(&self, what: &str, wished: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !wished(&self.text()) {
            assert!(start.elapsed() < Duration::from_secs(60), "{what:?} never came:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn click(&mut self, what: &str) {
        let place = self.text().lines().enumerate().find_map(|(row, line)| {
            let at = line.find(what)?;
            Some((line[..at].chars().count() + 2, row + 1))
        });
        let (column, row) = place.unwrap_or_else(|| panic!("{what:?} is not on the screen:\n{}", self.text()));
        self.press(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    }

    pub fn ended(&mut self) -> u32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(start.elapsed() < Duration::from_secs(30), "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Every mode that was switched on is switched off again.
pub fn assert_restored(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    for mode in ["?1049", "?1000", "?1006", "?2004"] {
        let on = text.rfind(&format!("\x1b[{mode}h"));
        let off = text.rfind(&format!("\x1b[{mode}l"));
        assert!(on.is_some() && off > on, "{mode} is left on");
    }
    assert!(text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l"), "the cursor is left hidden");
    assert!(!text.contains("\x1b[?1003h"), "every motion of the mouse is reported");
    assert!(!text.contains("\x1b[6n"), "the terminal is asked where its cursor is");
}

#[test]
fn a_whole_outage_by_keys_and_mouse() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::run(&["demo"], home.path());
    terminal.until("7 up");
    terminal.press("f");
    terminal.until("Break what?");
    let place = (1..=6).find(|place| terminal.text().contains(&format!(" {place} bad-release"))).unwrap();
    terminal.answer(&place.to_string());
    terminal.until("waits for you");
    terminal.until("patient-api");
    terminal.click("↵ Plan and diff");
    terminal.until("Dry run");
    terminal.until("you (alice) may approve as technical lead");
    terminal.click("a Approve");
    terminal.until("Leave it");
    // Sooner nobody can have read it.
    std::thread::sleep(Duration::from_millis(250));
    terminal.click("↵ What it leads to");
    terminal.until("↵ Approve");
    // Sooner it would be the second half of a double click.
    std::thread::sleep(Duration::from_millis(450));
    terminal.click("↵ Approve");
    terminal.until("✓ succeeded");
    terminal.press("\x1b");
    terminal.until("REC-1 carried it out");
    terminal.press("\x1b");
    terminal.until("7 up");
    terminal.until("0 open");
    declare_and_note(&mut terminal);
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    assert_restored(&terminal.raw.lock().unwrap());
}

/// What is pasted is one text, of one line or several, and only Enter sends it.
fn declare_and_note(terminal: &mut Terminal) {
    terminal.press("i");
    terminal.until("Declare an incident");
    terminal.press("4\t");
    terminal.until("▶ Title");
    terminal.press("\x1b[200~printers\r\njam\x1b[201~");
    terminal.until("printers jam");
    terminal.press("\r");
    terminal.until("INC-2 SEV4 is opened: printers jam");
    std::thread::sleep(Duration::from_millis(200));
    terminal.press("\r");
    terminal.until("▸ INC-2 printers jam");
    terminal.press("n");
    terminal.until("Note on INC-2");
    terminal.press("\x1b[200~ward 3 called\rward 4 too\x1b[201~");
    terminal.until("ward 4 too");
    terminal.press("\x1b\r");
    terminal.press("at noon\x1bb\x1b[1;5Dseen ");
    terminal.until("seen at noon");
    terminal.press("\r");
    terminal.until("✎ alice: ward 3 called ward 4 too");
    terminal.press("\x1b");
    terminal.until("1 Services");
}

/// A home with the platform file that `init` writes.
pub fn begin(home: &Path) {
    let mut init = std::process::Command::new(env!("CARGO_BIN_EXE_codeblue"));
    assert!(init.args(["init", "--home"]).arg(home).output().unwrap().status.success());
}

#[test]
fn a_signal_gives_the_terminal_back_and_a_hang_up_ends_the_board_without_writing() {
    let home = tempfile::tempdir().unwrap();
    begin(home.path());
    let mut terminal = Terminal::run(&[], home.path());
    terminal.until("1 Services");
    terminal.until("CODEBLUE My platform");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ended(), 0);
    assert_restored(&terminal.raw.lock().unwrap());

    let mut terminal = Terminal::run(&[], home.path());
    terminal.until("CODEBLUE My platform");
    let shown = terminal.raw.lock().unwrap().len();
    terminal.signal(Signal::HUP);
    assert_ne!(terminal.ended(), 0);
    let written = String::from_utf8_lossy(&terminal.raw.lock().unwrap()[shown..]).into_owned();
    assert!(!written.contains("\x1b[?1049l"), "a terminal that is gone is not written to");
    let journal = home.path().join("data/journal.db");
    assert!(codeblue::store::verify_file(&journal).unwrap().ok);
}
