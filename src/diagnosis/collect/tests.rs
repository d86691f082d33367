//! Files that are written, moved and cut off while they are read, with a clock of our own.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::{
    Entry, Files, Format, Full, Journald, JournaldPlace, Level, Place, PushError, Queue, Window, Zone, read_push,
    tails, unpack,
};

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn read(line: &str) -> Entry {
    Entry::read(line, noon(), Zone::default())
}

/// A log and who reads it.
struct Bench {
    folder: tempfile::TempDir,
    files: Files,
    now: DateTime<Utc>,
    seen: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        Self::of("app.log")
    }

    fn of(pattern: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().join(pattern), Zone::default(), BTreeMap::new());
        Self { folder, files, now: noon(), seen: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.now += TimeDelta::seconds(seconds);
        self
    }

    /// Reads all there is; the messages that are new.
    fn read(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            let given = self.files.read(self.now, 1000, true);
            found.extend(given.new.into_iter().map(|entry| entry.message));
            if !given.more {
                break;
            }
        }
        self.seen.extend(found.iter().cloned());
        found
    }

    fn places(&self) -> BTreeMap<PathBuf, Vec<Place>> {
        let kept: BTreeMap<PathBuf, Vec<Place>> =
            self.files.places().map(|(path, places)| (path.to_owned(), places)).collect();
        // As it is kept on disk.
        serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap()
    }

    fn restart(&mut self, places: BTreeMap<PathBuf, Vec<Place>>) {
        self.files = Files::new(self.path("app.log"), Zone::default(), places);
    }

    fn problem(&self) -> Option<String> {
        self.files.figures().problem
    }

    /// As logrotate does: what was moved before moves on by one.
    fn shift(&self) {
        let mut moved: Vec<(u32, String)> = fs::read_dir(self.folder.path())
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let rest = name.strip_prefix("app.log.")?;
                let (number, end) = rest.split_once('.').unwrap_or((rest, ""));
                Some((number.parse().ok()?, end.to_owned()))
            })
            .collect();
        moved.sort_unstable_by(|a, b| b.cmp(a));
        for (number, end) in moved {
            let dot = if end.is_empty() { "" } else { "." };
            let name = |number| self.path(&format!("app.log.{number}{dot}{end}"));
            fs::rename(name(number), name(number + 1)).unwrap();
        }
    }

    fn rename(&self) {
        self.shift();
        fs::rename(self.path("app.log"), self.path("app.log.1")).unwrap();
        File::create(self.path("app.log")).unwrap();
    }

    fn copy_and_cut(&self) {
        self.shift();
        fs::copy(self.path("app.log"), self.path("app.log.1")).unwrap();
        OpenOptions::new().write(true).open(self.path("app.log")).unwrap().set_len(0).unwrap();
    }

    fn compress(&self, name: &str) {
        let Ok(bytes) = fs::read(self.path(name)) else { return };
        let mut packed = GzEncoder::new(File::create(self.path(&format!("{name}.gz"))).unwrap(), Compression::fast());
        packed.write_all(&bytes).unwrap();
        packed.finish().unwrap();
        fs::remove_file(self.path(name)).unwrap();
    }
}

/// A line that is like no other.
fn line(number: usize) -> String {
    format!("2026-03-01T11:00:00Z INFO patient list {number:06} was shown\n")
}

fn told(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("patient list {number:06} was shown")).collect()
}

#[test]
fn what_is_appended_is_given_once() {
    let mut bench = Bench::new();
    bench.write("app.log", line(1) + &line(2));
    assert_eq!(bench.read(), told([1, 2]));
    assert_eq!(bench.read(), told([]));
    bench.write("app.log", &line(3)[..20]);
    assert_eq!(bench.read(), told([]), "a line that is not over is not given");
    bench.write("app.log", &line(3)[20..]);
    assert_eq!(bench.read(), told([3]));
}

#[test]
fn a_log_that_is_renamed_is_read_to_its_end_by_whoever_still_writes_there() {
    let mut bench = Bench::new();
    bench.write("app.log", line(1));
    bench.read();
    let mut writer = OpenOptions::new().append(true).open(bench.path("app.log")).unwrap();
    bench.write("app.log", line(2));
    bench.rename();
    bench.write("app.log", line(4));
    writer.write_all(line(3).as_bytes()).unwrap();
    assert_eq!(bench.read(), told([2, 3, 4]));
    writer.write_all(line(5).as_bytes()).unwrap();
    bench.write("app.log", line(6));
    assert_eq!(bench.later(10).read(), told([5, 6]));
}

#[test]
fn a_log_that_was_copied_and_cut_off_is_read_from_the_copy() {
    let mut bench = Bench::new();
    bench.write("app.log", line(1));
    bench.read();
    bench.write("app.log", line(2));
    bench.copy_and_cut();
    bench.write("app.log", line(3));
    assert_eq!(bench.read(), told([2, 3]));
    // It has grown beyond what was read before.
    bench.write("app.log", line(4));
    bench.copy_and_cut();
    (5..30).for_each(|number| bench.write("app.log", line(number)));
    assert_eq!(bench.read(), told(4..30));
}

#[test]
fn what_was_moved_away_and_compressed_while_nobody_looked_is_read_once() {
    let mut bench = Bench::new();
    bench.write("app.log", line(1));
    bench.read();
    let places = bench.places();
    bench.write("app.log", line(2));
    bench.rename();
    bench.compress("app.log.1");
    bench.write("app.log", line(3));
    bench.rename();
    bench.compress("app.log.1");
    bench.write("app.log", line(4));
    bench.rename();
    bench.write("app.log", line(5));
    bench.restart(places);
    assert_eq!(bench.read(), told([2, 3, 4, 5]));
    let places = bench.places();
    bench.restart(places);
    assert_eq!(bench.read(), told([]));
    assert_eq!(bench.problem(), None);
}

#[test]
fn a_restart_goes_on_and_looks_back() {
    let mut bench = Bench::new();
    bench.write("app.log", line(1) + &line(2));
    bench.read();
    let places = bench.places();
    bench.write("app.log", line(3));
    bench.restart(places);
    let given = bench.files.read(bench.now, 1000, true);
    let messages = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.message).collect::<Vec<_>>();
    assert_eq!((messages(given.known), messages(given.new)), (told([1, 2]), told([3])));
}

#[test]
fn a_trace_that_was_not_over_is_given_whole_after_a_restart() {
    let mut bench = Bench::new();
    bench.write("app.log", "2026-03-01T11:00:00Z ERROR no list\njava.lang.IllegalStateException: pool empty\n");
    let given = bench.files.read(bench.now, 1000, false);
    assert_eq!(given.new, []);
    let places = bench.places();
    bench.write("app.log", "\tat org.example.Pool.take(Pool.java:17)\nCaused by: java.io.IOException: refused\n");
    bench.restart(places);
    assert_eq!(
        bench.read(),
        ["no list: java.lang.IllegalStateException: pool empty: Caused by: java.io.IOException: refused"]
    );
}

#[test]
fn a_log_that_is_gone_without_a_trace_is_told_and_the_new_one_is_read() {
    let mut bench = Bench::new();
    bench.write("app.log", line(1));
    bench.read();
    let places = bench.places();
    fs::remove_file(bench.path("app.log")).unwrap();
    bench.write("app.log.0", "so that another file has its number\n");
    bench.write("app.log", line(2));
    bench.restart(places);
    let given = bench.files.read(bench.now, 1000, true);
    assert_eq!(given.new.len(), 1);
    assert!(bench.problem().unwrap().contains("is gone"), "{:?}", bench.problem());
}

#[test]
fn a_log_that_is_there_already_is_begun_near_its_end_and_one_that_appears_at_its_beginning() {
    let mut bench = Bench::of("*.log");
    let many: String = (0..10_000).map(line).collect();
    bench.write("old.log", &many);
    let seen = bench.read();
    assert!(seen.len() > 1000 && seen.len() < 9000 && seen.last() == told([9999]).last(), "{}", seen.len());
    bench.write("new.log", &many);
    assert_eq!(bench.later(10).read().len(), 10_000);
}

#[test]
fn a_pattern_does_not_mean_what_was_moved_away() {
    let mut bench = Bench::of("*");
    bench.write("a.log", line(1));
    bench.write("a.log.1", line(2));
    bench.write("a.log.2.gz", "no gzip");
    bench.write("a-20260228", line(3));
    assert_eq!(bench.read(), told([1]));
    fs::rename(bench.path("a.log"), bench.path("b.log")).unwrap();
    bench.write("b.log", line(4));
    assert_eq!(bench.later(10).read(), told([4]), "what has another name is read on, and not again");
}

#[test]
fn what_cannot_be_read_is_told_and_read_once_it_can() {
    let mut bench = Bench::new();
    assert_eq!((bench.read(), bench.problem()), (vec![], None), "a log that is not there yet is no trouble");
    fs::create_dir(bench.path("app.log")).unwrap();
    bench.read();
    assert!(bench.problem().unwrap().contains("it is a directory"), "{:?}", bench.problem());
    fs::remove_dir(bench.path("app.log")).unwrap();
    let path = bench.path("app.log");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    bench.read();
    assert!(bench.problem().unwrap().contains("no regular file"), "{:?}", bench.problem());
    fs::remove_file(&path).unwrap();
    bench.write("app.log", line(1));
    assert_eq!((bench.read(), bench.problem()), (told([1]), None));
    bench.rename();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    bench.write("app.log.1", line(2));
    assert_eq!(bench.read(), told([2]), "what was moved away is read all the same");
}

#[test]
fn a_log_that_may_not_be_read_is_told_by_the_systems_words() {
    let mut bench = Bench::new();
    bench.write("app.log", line(1));
    fs::set_permissions(bench.path("app.log"), fs::Permissions::from_mode(0o0)).unwrap();
    if File::open(bench.path("app.log")).is_err() {
        bench.read();
        assert!(bench.problem().unwrap().contains("ermission"), "{:?}", bench.problem());
    }
    // A loop of links is what nobody can open, whoever runs this.
    fs::remove_file(bench.path("app.log")).unwrap();
    std::os::unix::fs::symlink("app.log", bench.path("app.log")).unwrap();
    bench.read();
    assert!(bench.problem().is_some());
}

#[test]
fn a_line_without_end_takes_no_memory_and_shows_that_it_was_cut() {
    let mut bench = Bench::new();
    bench.write("app.log", line(1));
    bench.read();
    let huge = vec![b'x'; 50 << 20];
    bench.write("app.log", &huge);
    bench.write("app.log", "\n".to_owned() + &line(2));
    let started = Instant::now();
    let seen = bench.read();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].len() <= 8 << 10 && seen[1] == told([2])[0], "{}", seen[0].len());
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let cut = tails(&bench.path("app.log"), 60 << 20, noon(), Zone::default());
    assert_eq!(cut[0].1.len(), 3);
}

#[test]
fn who_is_too_far_behind_goes_on_near_the_end_and_tells_it() {
    let mut bench = Bench::new();
    bench.write("app.log", line(0));
    bench.read();
    let many: String = (0..10_000).map(line).collect();
    for _ in 0..120 {
        bench.write("app.log", &many);
    }
    let seen = bench.read();
    assert!(seen.len() < 10_000, "{}", seen.len());
    assert!(bench.files.figures().skipped > 60 << 20, "{:?}", bench.files.figures());
}

#[test]
fn any_bytes_are_lines() {
    let mut bench = Bench::new();
    bench.write(
        "app.log",
        b"caf\xe9 is closed\ncaf\xc3\xa9 is open\n\0\0\0\0after a hole\n\x1b[31mred\x1b[0m \x07bell\r\n\xff\xfe\xfd\n",
    );
    assert_eq!(bench.read(), ["café is closed", "café is open", "after a hole", "red  bell", "ÿþý"]);
    let text = "\u{feff}2026-03-01T11:00:00Z ERROR naïve café\r\nऊ line ਊ two\n";
    for wide in [u16::to_le_bytes, u16::to_be_bytes] {
        let mut bench = Bench::new();
        let bytes: Vec<u8> = text.encode_utf16().flat_map(wide).collect();
        for piece in bytes.chunks(7) {
            bench.write("app.log", piece);
            bench.read();
        }
        assert_eq!(bench.seen, ["naïve café", "ऊ line ਊ two"]);
    }
}

#[test]
fn lines_that_belong_together_are_one_entry() {
    let text = "\
2026-03-01T11:00:00Z ERROR request failed
java.lang.RuntimeException: cannot list
\tat org.example.A.b(A.java:1)
Caused by: java.sql.SQLException: no such column dose_unit
\tat org.example.C.d(C.java:2)
\t... 12 more
2026-03-01T11:00:01Z INFO next
Traceback (most recent call last):
  File \"app.py\", line 3, in <module>
    run()
ValueError: no such patient
thread 'main' panicked at src/main.rs:4:5:
index out of bounds
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
panic: runtime error: invalid memory address

goroutine 1 [running]:
main.main()
\t/app/main.go:7 +0x1d
2026-03-01T11:00:02Z WARN last
";
    let mut bench = Bench::new();
    bench.write("app.log", text);
    let given = bench.files.read(noon(), 1000, true).new;
    let told: Vec<(&str, Option<Level>)> = given.iter().map(|entry| (entry.message.as_str(), entry.level)).collect();
    let error = Some(Level::Error);
    assert_eq!(
        told,
        [
            (
                "request failed: java.lang.RuntimeException: cannot list: Caused by: java.sql.SQLException: no such column dose_unit",
                error
            ),
            ("next", Some(Level::Info)),
            ("ValueError: no such patient", error),
            ("thread 'main' panicked at src/main.rs:4:5: index out of bounds", error),
            ("runtime error: invalid memory address", error),
            ("last", Some(Level::Warning)),
        ]
    );
}

#[test]
fn times_are_read_as_programs_write_them() {
    let zoned = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    for (line, at, message) in [
        ("2026-01-31T12:00:00.25+01:00 up", "2026-01-31T11:00:00.25Z", "up"),
        ("2026-01-31 12:00:00,123 up", "2026-01-31T12:00:00.123Z", "up"),
        ("[2026-01-31 12:00:00 UTC] up", "2026-01-31T12:00:00Z", "up"),
        ("2026/01/31 12:00:00 up", "2026-01-31T12:00:00Z", "up"),
        ("Jan 31 12:00:00 host sshd[7]: up", "2026-01-31T12:00:00Z", "host sshd[7]: up"),
        ("Dec  3 12:00:00 host cron: up", "2025-12-03T12:00:00Z", "host cron: up"),
        ("[Sat Jan 31 12:00:00.5 2026] [core:error] up", "2026-01-31T12:00:00.5Z", "[core:error] up"),
        ("31-Jan-2026 12:00:00.5 up", "2026-01-31T12:00:00.5Z", "up"),
        ("1769860800 up", "2026-01-31T12:00:00Z", "up"),
        ("1769860800.5 up", "2026-01-31T12:00:00.5Z", "up"),
        ("1769860800500 up", "2026-01-31T12:00:00.5Z", "up"),
        ("E0131 12:00:00.500000       1 api.go:12] up", "2026-01-31T12:00:00.5Z", "up"),
        ("<34>1 2026-01-31T12:00:00Z host su - up", "2026-01-31T12:00:00Z", "host su - up"),
        ("2026-01-31T12:00:00Z stderr F ERROR up", "2026-01-31T12:00:00Z", "up"),
        (
            "::1 - - [31/Jan/2026:12:00:00 +0100] \"GET / HTTP/1.1\" 200 7",
            "2026-01-31T11:00:00Z",
            "::1 - - [31/Jan/2026:12:00:00 +0100] \"GET / HTTP/1.1\" 200 7",
        ),
    ] {
        let entry = read(line);
        assert_eq!((entry.at, entry.message.as_str()), (Some(zoned(at)), message), "{line}");
    }
    for line in
        ["no time", "2026-13-31 12:00:00 up", "12345 rows", "2031-01-01T00:00:00Z from the future", "1769860800x"]
    {
        assert_eq!(read(line).at, None, "{line}");
    }
    let berlin = Zone::new("Europe/Berlin".parse().unwrap());
    let at = Entry::read("2026-01-31 12:00:00 up", noon(), berlin).at;
    assert_eq!(at, Some(zoned("2026-01-31T11:00:00Z")));
}

#[test]
fn levels_are_read_as_loggers_write_them() {
    for line in [
        "[2026-01-01T12:00:01Z ERROR api::db] pool empty",
        "2026-01-01 12:00:01,123 - api - ERROR - pool empty",
        "2026-01-01T12:00:01Z level=error pool empty",
        "2026-01-01 12:00:01 [error] pool empty",
        "2026-01-01 12:00:01.123 UTC [77] FATAL:  pool empty",
        "ERROR:root:pool empty",
        "error: pool empty",
        "time=2026-01-01T12:00:01Z level=error msg=\"pool empty\"",
        r#"{"ts":"2026-01-01T12:00:01Z","level":"error","msg":"pool empty"}"#,
        r#"{"time":1767268801000,"level":50,"msg":"pool empty"}"#,
        r#"{"log":"2026-01-01T12:00:01Z ERROR pool empty\n","stream":"stderr","time":"2026-01-01T12:00:01.5Z"}"#,
        r#"{"severity":"CRITICAL","message":"take","error":"pool empty"}"#,
    ] {
        let entry = read(line);
        assert!(entry.is_error() && entry.message.ends_with("pool empty"), "{line}: {entry:?}");
    }
    for line in [
        "2026-01-01T12:00:01Z INFO showed the ERROR page",
        "2026-01-01T12:00:01Z WARN 0 errors",
        r#"{"level":"info","msg":"error: none"}"#,
        "level=info msg=\"no error: none\"",
    ] {
        assert!(!read(line).is_error(), "{line}");
    }
    let traced = read(r#"{"msg":"up","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#);
    assert_eq!(traced.trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[test]
fn a_unit_of_the_journal_is_read_on_from_its_cursor_and_the_program_ends_with_us() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("journalctl");
    let script = format!(
        "#!/usr/bin/env python3\nimport sys, time, json, os\nopen('{}/args', 'a').write(' '.join(sys.argv[1:]) + '\\n')\n\
         for n in (1, 2):\n    print(json.dumps({{'MESSAGE': 'up %d' % n, 'PRIORITY': '3', '__CURSOR': 's=%d' % n, \
         '__REALTIME_TIMESTAMP': '1769860800000000'}}), flush=True)\nprint(json.dumps({{'MESSAGE': list(b'caf\\xc3\\xa9')}}), flush=True)\n\
         print('no json', flush=True)\nopen('{}/pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n",
        folder.path().display(),
        folder.path().display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut journald = Journald::new(program.clone(), "api.service".to_owned(), JournaldPlace::default());
    let wait = |journald: &mut Journald, count: usize| {
        let (mut found, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(30));
        while found.len() < count && Instant::now() < deadline {
            found.extend(journald.read(noon(), 100).new);
            std::thread::sleep(Duration::from_millis(10));
        }
        found
    };
    let found = wait(&mut journald, 3);
    let told: Vec<(&str, Option<Level>)> = found.iter().map(|entry| (entry.message.as_str(), entry.level)).collect();
    assert_eq!(told, [("up 1", Some(Level::Error)), ("up 2", Some(Level::Error)), ("café", None)]);
    assert_eq!(serde_json::to_string(journald.place()).unwrap(), "\"s=2\"");
    let place = journald.place().clone();
    let until_there = |path: &Path| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while fs::read_to_string(path).unwrap_or_default().is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::read_to_string(path).unwrap()
    };
    let pid = until_there(&folder.path().join("pid"));
    drop(journald);
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the program is still there");
    let mut again = Journald::new(program, "api.service".to_owned(), place);
    wait(&mut again, 3);
    let args = fs::read_to_string(folder.path().join("args")).unwrap();
    assert!(args.lines().next().unwrap().contains("--unit=api.service"), "{args}");
    assert!(args.lines().nth(1).unwrap().contains("--after-cursor=s=2"), "{args}");
}

#[test]
fn a_program_that_fails_is_told_of_and_tried_again_after_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("journalctl");
    fs::write(&program, "#!/usr/bin/env python3\nimport sys\nsys.exit('no journal here')\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut journald = Journald::new(program, "api.service".to_owned(), JournaldPlace::default());
    let deadline = Instant::now() + Duration::from_secs(30);
    while journald.figures().problem.is_none() && Instant::now() < deadline {
        journald.read(noon(), 100);
        std::thread::sleep(Duration::from_millis(10));
    }
    let problem = journald.figures().problem.unwrap();
    assert!(problem.contains("no journal here"), "{problem}");
    let mut missing = Journald::new(folder.path().join("none"), "x".to_owned(), JournaldPlace::default());
    missing.read(noon(), 100);
    assert!(missing.figures().problem.unwrap().contains("cannot be run"));
}

#[test]
fn what_is_sent_is_read_in_each_form() {
    let services = |format, body: &str| {
        let pushed = read_push(format, body.as_bytes(), noon()).unwrap();
        let told = pushed.services.into_iter().flat_map(|(service, entries)| {
            entries.into_iter().map(move |entry| (service.clone().unwrap_or_default(), entry.level, entry.message))
        });
        (told.collect::<Vec<_>>(), pushed.wrong)
    };
    let error = Some(Level::Error);
    let told = |service: &str, message: &str| (service.to_owned(), error, message.to_owned());
    assert_eq!(services(Format::Text, "ERROR one\n\tat frame\nERROR two"), (vec![told("", "one"), told("", "two")], 0));
    assert_eq!(
        services(
            Format::Lines,
            "{\"service\":\"api\",\"level\":\"error\",\"msg\":\"one\"}\nnone\n\n{\"level\":\"error\",\"msg\":\"two\"}\n"
        ),
        (vec![told("", "two"), told("api", "one")], 1)
    );
    let telemetry = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"api"}}]},
        "scopeLogs":[{"logRecords":[{"timeUnixNano":"1769860800000000000","severityNumber":17,"body":{"stringValue":"one"},
        "traceId":"5B8EFFF798038103D269B633813FC60C"},{"severityText":"ERROR","body":{"stringValue":"two"}},{}]}]}]}"#;
    assert_eq!(services(Format::Telemetry, telemetry), (vec![told("api", "one"), told("api", "two")], 1));
    assert!(matches!(read_push(Format::Telemetry, b"{}", noon()), Err(PushError::Form(_))));
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![b'a'; 1 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    assert!(matches!(unpack(&packed, 1000), Err(PushError::TooLarge(1000))));
    assert_eq!(unpack(&packed, 1 << 20).unwrap().len(), 1 << 20);
    assert!(matches!(unpack(b"no gzip", 1000), Err(PushError::Packed(_))));
}

#[test]
fn queues_and_windows_have_an_end() {
    let entry = |size: usize| Entry { at: None, level: None, message: "x".repeat(size), trace: None };
    let mut queue = Queue::default();
    queue.put(vec![entry(1); 9000]).unwrap();
    assert_eq!(queue.put(vec![entry(1); 2000]), Err(Full));
    assert_eq!((queue.take(5000).len(), queue.len()), (5000, 4000));
    queue.put(vec![entry(1); 2000]).unwrap();
    let mut window = Window::default();
    for _ in 0..5000 {
        window.take(0, entry(1000));
    }
    assert!(window.bytes() <= 512 << 10 && window.entries().count() > 400, "{}", window.bytes());
    window.shrink();
    assert!(window.bytes() <= 256 << 10);
}

/// What may happen to a log.
#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Rename,
    CopyAndCut,
    Compress(usize),
    Read,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..40).prop_map(Step::Write),
        1 => Just(Step::Rename),
        1 => Just(Step::CopyAndCut),
        1 => (1usize..4).prop_map(Step::Compress),
        3 => Just(Step::Read),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_a_log_each_line_is_given_once_and_in_order(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new();
        bench.write("app.log", "");
        bench.read();
        // Whether the file that is there was read, and the one that was there at the last reading: what was empty then and is
        // compressed now is known by nothing.
        let (mut written, mut is_known, mut was_known) = (0, false, false);
        for step in steps {
            bench.later(1);
            match step {
                Step::Write(lines) => {
                    let text: String = (written..written + lines).map(line).collect();
                    bench.write("app.log", text);
                    written += lines;
                }
                Step::Rename if was_known => {
                    bench.rename();
                    is_known = false;
                }
                Step::CopyAndCut if is_known => {
                    bench.copy_and_cut();
                    is_known = false;
                }
                Step::Rename | Step::CopyAndCut => {}
                Step::Compress(number) => bench.compress(&format!("app.log.{number}")),
                Step::Read => {
                    bench.read();
                    is_known = fs::metadata(bench.path("app.log")).unwrap().len() > 0;
                    was_known = is_known;
                }
                Step::Restart => {
                    let places = bench.places();
                    bench.restart(places);
                }
            }
        }
        bench.later(1).read();
        prop_assert_eq!(&bench.seen, &told(0..written));
    }
}
