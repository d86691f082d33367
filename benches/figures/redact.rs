//! Redaction: how many clean lines a second pass, what is found of what was planted, and how many clean lines are altered, beside
//! scrubadub, which many programs in Python use.

use std::{
    fmt::Write,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use codeblue::diagnosis::Redactor;
use divan::{Bencher, black_box, counter::ItemsCount};

use crate::records::{HELD, Kind, PROSE_HELD, PROSE_SEEN, Record, SEEN, records};

/// The version of the rival.
const RIVAL: &str = "scrubadub==2.0.1";
/// Reads lines, writes each without what was found in one line, and the seconds that took on standard error.
const SCRIPT: &str = r#"
import sys, time, scrubadub
scrubber = scrubadub.Scrubber()
lines = sys.stdin.read().split("\n")
start = time.monotonic()
done = [scrubber.clean(line).replace("\n", " ") for line in lines]
print(time.monotonic() - start, file=sys.stderr)
sys.stdout.write("\n".join(done))
"#;

/// Lines of public logs, in which nobody is spoken of.
fn clean() -> Option<Vec<String>> {
    let data = std::env::var_os("CODEBLUE_DATA")?;
    let mut lines = Vec::new();
    for set in std::fs::read_dir(Path::new(&data).join("loghub_2k")).ok()?.flatten().filter(|set| set.path().is_dir()) {
        let name = set.file_name().into_string().unwrap();
        let bytes = std::fs::read(set.path().join(format!("{name}_2k.log"))).unwrap();
        lines.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
    }
    Some(lines)
}

/// The share of planted values of which nothing is left: a text that was replaced somewhere else may still hold it.
fn gone(records: &[Record], told: &[String]) -> f64 {
    let planted = || {
        records
            .iter()
            .zip(told)
            .flat_map(|(record, told)| record.planted.iter().map(move |value| (record, value, told)))
    };
    let hidden =
        planted().filter(|(record, (_, _, start, end), told)| !told.contains(&record.text[*start..*end])).count();
    hidden as f64 / planted().count() as f64
}

type Filter<'a> = &'a dyn Fn(&[String]) -> Option<(Vec<String>, f64)>;

fn ours(lines: &[String]) -> Option<(Vec<String>, f64)> {
    let redactor = Redactor::default();
    black_box(redactor.find("name=Ann Quill")); // the lists are read once
    let start = Instant::now();
    let told = lines.iter().map(|line| redactor.redact(line)).collect();
    Some((told, start.elapsed().as_secs_f64()))
}

/// A Python of its own with the rival in it, or the reason why there is none.
fn rival(folder: &Path) -> Result<PathBuf, String> {
    let run = |program: &Path, args: &[&str]| {
        let done = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::piped()).output();
        let done = done.map_err(|error| format!("{}: {error}", program.display()))?;
        let told = || String::from_utf8_lossy(&done.stderr).lines().last().unwrap_or_default().to_owned();
        if done.status.success() { Ok(()) } else { Err(told()) }
    };
    let place = folder.to_str().ok_or("the folder's name is no text")?;
    run(Path::new("python3"), &["-m", "venv", place])?;
    run(&folder.join("bin/pip"), &["install", "-q", RIVAL])?;
    Ok(folder.join("bin/python"))
}

fn scrubbed(python: &Path, lines: &[String]) -> Option<(Vec<String>, f64)> {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut input = child.stdin.take()?;
    let text = lines.join("\n");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let done = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    let seconds = String::from_utf8_lossy(&done.stderr).lines().last()?.parse().ok()?;
    Some((String::from_utf8_lossy(&done.stdout).split('\n').map(str::to_owned).collect(), seconds))
}

fn figures(name: &str, filter: Filter, clean: &[String]) {
    let mut told = format!("{name:12}");
    for (what, formats, kind) in [
        ("keyed, seen", SEEN, Kind::Keyed),
        ("keyed, held", HELD, Kind::Keyed),
        ("names, seen", PROSE_SEEN, Kind::Name),
        ("names, held", PROSE_HELD, Kind::Name),
    ] {
        let records = records(formats, kind, 40, 23);
        // One record a line: what ends lines inside of them is written as a blank.
        let lines: Vec<String> = records.iter().map(|record| record.text.replace(['\r', '\n'], " ")).collect();
        let share = filter(&lines).map_or(f64::NAN, |(told, _)| gone(&records, &told));
        let _ = write!(told, "  {what} {share:.4}");
    }
    if let Some((done, seconds)) = filter(clean).filter(|_| !clean.is_empty()) {
        let altered = clean.iter().zip(&done).filter(|(before, after)| before != after).count();
        let (share, pace) = (altered as f64 / clean.len() as f64, clean.len() as f64 / seconds);
        let _ = write!(told, "  clean altered {share:.4}  {pace:.0} lines/s");
    }
    println!("{told}");
}

/// Clean lines a second on one core; above it the table of what is found.
#[divan::bench(sample_count = 10)]
fn clean_lines(bencher: Bencher) {
    let clean = clean().unwrap_or_else(|| {
        println!("SKIPPED: clean lines of Loghub; CODEBLUE_DATA names no folder with them");
        Vec::new()
    });
    figures("codeblue", &ours, &clean);
    let folder = tempfile::tempdir().unwrap();
    match rival(folder.path()) {
        Ok(python) => figures("scrubadub", &|lines| scrubbed(&python, lines), &clean[..clean.len().min(4000)]),
        Err(why) => println!("SKIPPED: scrubadub could not be installed: {why}"),
    }
    let redactor = Redactor::default();
    bencher
        .counter(ItemsCount::new(clean.len()))
        .bench_local(|| clean.iter().map(|line| redactor.find(line).len()).sum::<usize>());
}

/// Lines a second of which each holds identifiers.
#[divan::bench(sample_count = 10)]
fn lines_about_people(bencher: Bencher) {
    let records = records(SEEN, Kind::Keyed, 20, 29);
    let redactor = Redactor::default();
    bencher
        .counter(ItemsCount::new(records.len()))
        .bench_local(|| records.iter().map(|record| redactor.find(&record.text).len()).sum::<usize>());
}
