//! Patterns: how many lines a second find their template, and how lines are grouped in the Loghub collection, beside Drain3 with the
//! masks of its documentation in the same run. One configuration of each serves all sets.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use codeblue::diagnosis::{
    Redactor,
    patterns::{Change, Miner, Template},
};
use divan::{Bencher, counter::ItemsCount};

use crate::loghub::{self, Set, score};

/// Groups the lines on its standard input: prints the group of each, then the seconds that it took.
const DRAIN3: &str = r#"
import sys, time
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig
config = TemplateMinerConfig()
config.profiling_enabled = False
before, after = r"((?<=[^A-Za-z0-9])|^)", r"((?=[^A-Za-z0-9])|$)"
masks = [
    (r"(([0-9a-f]{2,}:){3,}([0-9a-f]{2,}))", "ID"),
    (r"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})", "IP"),
    (r"([0-9a-f]{6,} ?){3,}", "SEQ"),
    (r"([0-9A-F]{4} ?){4,}", "SEQ"),
    (r"(0x[a-f0-9A-F]+)", "HEX"),
    (r"([\-\+]?\d+)", "NUM"),
]
config.masking_instructions = [MaskingInstruction(before + mask + after, name) for mask, name in masks]
miner = TemplateMiner(config=config)
lines = sys.stdin.read().split("\n")
start = time.process_time()
found = [miner.add_log_message(line)["cluster_id"] for line in lines]
seconds = time.process_time() - start
print("\n".join(map(str, found)))
print(seconds)
"#;

/// The groups of lines in the end, and how many seconds it took.
fn ours(lines: &[String]) -> (Vec<u64>, f64) {
    let (mut miner, mut into) = (Miner::default(), Vec::new());
    let start = Instant::now();
    let take = |line: &String| {
        let number = miner.take(line, 0).number;
        into.extend(miner.changes().filter_map(|change| match change {
            Change::Merged { number, into } => Some((number, into)),
            Change::Renamed { .. } | Change::Evicted(_) => None,
        }));
        number
    };
    let mut found: Vec<u64> = lines.iter().map(take).collect();
    let seconds = start.elapsed().as_secs_f64();
    for (gone, other) in into {
        found.iter_mut().filter(|number| **number == gone).for_each(|number| *number = other);
    }
    (found, seconds)
}

/// A Python with Drain3, in a folder for temporary files, or why there is none.
fn drain3(folder: &Path) -> Result<PathBuf, String> {
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let python = folder.join("bin/python");
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "drain3==0.9.11"]))?;
    Ok(python)
}

/// The same by Drain3.
fn theirs(python: &Path, lines: &[String]) -> (Vec<u64>, f64) {
    let mut command = Command::new(python);
    let mut child = command
        .args(["-c", DRAIN3])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = lines.join("\n");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "Drain3 ended with {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let (found, seconds) = text.trim_end().rsplit_once('\n').unwrap();
    (found.lines().map(|group| group.parse().unwrap()).collect(), seconds.parse().unwrap())
}

/// The sets, or a loud word that there are none.
fn sets() -> Vec<Set> {
    let Some(data) = std::env::var_os("CODEBLUE_DATA") else {
        println!("SKIPPED: the Loghub collection; CODEBLUE_DATA names no folder with it");
        return Vec::new();
    };
    loghub::sets(&PathBuf::from(data).join("loghub_2k"))
}

/// Grouping accuracy of each set, and lines a second, beside Drain3.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn loghub_beside_drain3(bencher: Bencher) {
    let sets = sets();
    if sets.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let python = drain3(folder.path()).inspect_err(|why| println!("SKIPPED: Drain3 cannot be installed: {why}")).ok();
    println!("set            lines  groups  lines/s      Drain3: lines  groups  lines/s");
    let (mut sums, mut seconds) = ([0.0; 4], [0.0; 2]);
    for set in &sets {
        let count = set.lines.len() as f64;
        let (found, took) = ours(&set.lines);
        let own = score(&set.truth, &found);
        let mut line = format!("{:13} {:.4}   {:.3}  {:8.0}", set.name, own.lines, own.groups, count / took);
        (sums[0], sums[1], seconds[0]) = (sums[0] + own.lines, sums[1] + own.groups, seconds[0] + took);
        if let Some(python) = &python {
            let (found, took) = theirs(python, &set.lines);
            let rival = score(&set.truth, &found);
            line += &format!("            {:.4}   {:.3}  {:7.0}", rival.lines, rival.groups, count / took);
            (sums[2], sums[3], seconds[1]) = (sums[2] + rival.lines, sums[3] + rival.groups, seconds[1] + took);
        }
        println!("{line}");
    }
    let lines: usize = sets.iter().map(|set| set.lines.len()).sum();
    let [own, own_groups, rival, rival_groups] = sums.map(|sum| sum / sets.len() as f64);
    let mut line = format!("{:13} {own:.4}   {own_groups:.3}  {:8.0}", "mean", lines as f64 / seconds[0]);
    if python.is_some() {
        line += &format!("            {rival:.4}   {rival_groups:.3}  {:7.0}", lines as f64 / seconds[1]);
    }
    println!("{line}");
    bencher
        .counter(ItemsCount::new(lines))
        .bench_local(|| sets.iter().map(|set| ours(&set.lines).0.len()).sum::<usize>());
}

/// How well lines are grouped before and after the redactor: what it takes out may cost a point.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn loghub_before_and_after_redaction(bencher: Bencher) {
    let (sets, redactor) = (sets(), Redactor::default());
    println!("set            before   after    changed lines");
    let (mut before, mut after) = (0.0, 0.0);
    for set in &sets {
        let redacted: Vec<String> = set.lines.iter().map(|line| redactor.redact(line)).collect();
        let changed = set.lines.iter().zip(&redacted).filter(|(line, redacted)| line != redacted).count();
        let [plain, without] = [&set.lines, &redacted].map(|lines| score(&set.truth, &ours(lines).0).lines);
        println!("{:13} {plain:.4}   {without:.4}   {changed}", set.name);
        (before, after) = (before + plain, after + without);
    }
    let count = sets.len().max(1) as f64;
    let (before, after) = (before / count, after / count);
    println!("{:13} {before:.4}   {after:.4}   {:+.2} points", "mean", 100.0 * (after - before));
    let lines: Vec<&String> = sets.iter().flat_map(|set| &set.lines).collect();
    bencher
        .counter(ItemsCount::new(lines.len()))
        .bench_local(|| lines.iter().map(|line| redactor.redact(line).len()).sum::<usize>());
}

/// `codeblue patterns` on a file of a million lines of all kinds: how long, and how much memory at most.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn a_million_lines(bencher: Bencher) {
    const LINES: u64 = 1_000_000;
    let known: Vec<String> = sets().into_iter().flat_map(|set| set.lines).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut text = std::io::BufWriter::new(file.as_file());
    for seed in 0..LINES {
        // One line in a hundred is like no other.
        match known.get(seed as usize % known.len().max(1)).filter(|_| seed % 100 > 0) {
            Some(line) => writeln!(text, "{line}").unwrap(),
            None => writeln!(text, "{}", random_line(seed)).unwrap(),
        }
    }
    text.flush().unwrap();
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        let start = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_codeblue"));
        let mut child = command.arg("patterns").arg(file.path()).stdout(Stdio::null()).spawn().unwrap();
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            most = most.max(most_memory(child.id()).unwrap_or_default());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let (bytes, seconds) = (file.as_file().metadata().unwrap().len(), start.elapsed().as_secs_f64());
        println!(
            "{LINES} lines ({} MB) took {seconds:.2} s and at most {} MB of memory",
            bytes / 1_000_000,
            most / 1000
        );
    });
}

/// The most memory that a process has had so far, in kB.
fn most_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Lines of all sets in one stream, by a miner that knows them.
#[divan::bench(sample_count = 10)]
fn lines_of_known_templates(bencher: Bencher) {
    let lines: Vec<String> = sets().into_iter().flat_map(|set| set.lines).collect();
    let mut miner = Miner::default();
    for line in &lines {
        miner.take(line, 0);
        miner.changes().for_each(drop);
    }
    bencher.counter(ItemsCount::new(lines.len())).bench_local(|| {
        for line in &lines {
            miner.take(line, 0);
        }
        miner.changes().count()
    });
}

/// A line that is like no other, with `seed` in it.
fn random_line(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut word = || -> String { (0..3 + next() % 7).map(|_| char::from(b'a' + (next() % 26) as u8)).collect() };
    let words: Vec<String> = (0..8).map(|_| word()).collect();
    format!("{} took {seed} ms from 10.0.0.{}", words.join(" "), seed % 250)
}

/// Lines that are all different: each founds a template, and beyond 100,000 each drives one out.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn lines_that_are_all_different(bencher: Bencher) {
    let mut miner = Miner::new(100_000);
    for seed in 0..100_000 {
        miner.take(&random_line(seed), 0);
        miner.changes().for_each(drop);
    }
    let bytes: usize = miner.templates().map(Template::bytes).sum();
    println!("{} templates take {} MB", miner.templates().count(), bytes / 1_000_000);
    let lines: Vec<String> = (100_000..150_000).map(random_line).collect();
    bencher.counter(ItemsCount::new(lines.len())).bench_local(|| {
        for line in &lines {
            miner.take(line, 0);
            miner.changes().for_each(drop);
        }
    });
}
