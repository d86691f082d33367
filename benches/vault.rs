//! The vault beside the stock `restic` of this host: the same trees, in turns, each step in a process of its own.
//!
//! `cargo bench --bench vault` prints medians, and medians of the ratios within each round. `CODEBLUE_BENCH_FILES` (20000) small files,
//! `CODEBLUE_BENCH_ROUNDS` (5), `CODEBLUE_BENCH_BIG` (512) MiB of the one big file; `TMPDIR` names the disk. `CODEBLUE_BENCH_RESTIC`
//! names another restic than the one on `PATH`.
#![expect(clippy::unwrap_used, reason = "a figure that cannot be measured stops the run")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use chrono::Utc;
use codeblue::vault::{CancelFlag, Source, Vault};

const CHILD: &str = "CODEBLUE_BENCH_CHILD";

fn main() {
    match env::var(CHILD) {
        Ok(step) => child(&step),
        Err(_) => measure(),
    }
}

/// One step of ours, in a process of its own. Says its result and its highest memory.
fn child(step: &str) {
    let dir = PathBuf::from(env::var_os("CODEBLUE_BENCH_DIR").unwrap());
    let words: Vec<String> = env::var("CODEBLUE_BENCH_WORDS").unwrap().split(' ').map(str::to_owned).collect();
    let vault = Vault::open_or_init(&dir.join("vault"), &dir.join("keys")).unwrap();
    let cancel = CancelFlag::new();
    let live = dir.join(&words[0]);
    let said = match step {
        "init" => String::new(),
        "snapshot" => vault.capture(Source::new([live]).unwrap(), &[], Utc::now(), &cancel).unwrap().id,
        "restore" => {
            let staged = vault.stage(&words[1], &live, &dir.join(&words[2]), &cancel).unwrap();
            assert!(staged.is_whole());
            staged.files.to_string()
        }
        "difference" => vault.difference(&words[1], &words[2]).unwrap().len().to_string(),
        other => panic!("no step {other}"),
    };
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{said} {}", most.split_whitespace().next().unwrap());
}

struct Bench {
    dir: PathBuf,
    restic: String,
    /// Seconds of ours and of theirs, and megabytes of ours, one each round.
    rows: BTreeMap<&'static str, Vec<[f64; 3]>>,
}

impl Bench {
    /// Runs a step of ours and the same of theirs, now one first and now the other, and gives what ours said.
    fn pair(&mut self, name: &'static str, (step, words): (&str, &[&str]), theirs: &[&str]) -> String {
        let turn = self.rows.get(name).map_or(0, Vec::len);
        let mut other = 0.0;
        if !turn.is_multiple_of(2) {
            other = self.theirs(theirs);
        }
        let (seconds, megabytes, said) = self.ours(step, words);
        if turn.is_multiple_of(2) {
            other = self.theirs(theirs);
        }
        self.rows.entry(name).or_default().push([seconds, other, megabytes]);
        said
    }

    fn ours(&self, step: &str, words: &[&str]) -> (f64, f64, String) {
        self.settle();
        let started = Instant::now();
        let output = Command::new(env::current_exe().unwrap())
            .env(CHILD, step)
            .env("CODEBLUE_BENCH_DIR", &self.dir)
            .env("CODEBLUE_BENCH_WORDS", words.join(" "))
            .output()
            .unwrap();
        let seconds = started.elapsed().as_secs_f64();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let (result, kilobytes) = said.trim_end().rsplit_once(' ').unwrap();
        (seconds, kilobytes.parse::<f64>().unwrap() / 1000.0, result.to_owned())
    }

    fn theirs(&self, arguments: &[&str]) -> f64 {
        if arguments.is_empty() {
            return f64::NAN;
        }
        self.settle();
        let mut command = Command::new(&self.restic);
        command.arg("--repo").arg(self.dir.join("restic"));
        command.arg("--password-file").arg(self.dir.join("keys/vault-password"));
        command.arg("--cache-dir").arg(self.dir.join("cache")).args(arguments);
        let started = Instant::now();
        let output = command.output().unwrap();
        let seconds = started.elapsed().as_secs_f64();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        seconds
    }

    /// What one step left to write is not charged to the next.
    fn settle(&self) {
        assert!(Command::new("sync").arg("-f").arg(&self.dir).status().unwrap().success());
    }

    /// The snapshots of theirs, oldest first.
    fn of_theirs(&self) -> Vec<String> {
        let mut found: Vec<_> = fs::read_dir(self.dir.join("restic/snapshots")).unwrap().map(Result::unwrap).collect();
        found.sort_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
        found.into_iter().map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn print(&self) {
        println!("{:<28} {:>9} {:>9} {:>7} {:>9}", "median", "ours s", "restic s", "ratio", "ours MB");
        for (name, rounds) in &self.rows {
            let of = |value: fn(&[f64; 3]) -> f64| median(rounds.iter().map(value).collect());
            println!(
                "{name:<28} {:>9.2} {:>9.2} {:>7.2} {:>9.0}",
                of(|row| row[0]),
                of(|row| row[1]),
                of(|row| row[0] / row[1]),
                of(|row| row[2])
            );
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn number(variable: &str, usual: usize) -> usize {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Text that compresses about as well as sources do.
fn text(seed: usize, length: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(["let ", "self.", "value", " = ", "name", "();\n", "    ", "if "][(state >> 61) as usize]);
        if (state >> 40).is_multiple_of(3) {
            text.push_str(&format!("{:x}", (state >> 33) as u16));
        }
    }
    text
}

fn plant(live: &Path, files: usize) {
    for number in 0..files {
        let dir = live.join(format!("{:02}/{:02}", number % 20, number / 20 % 55));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(format!("file-{number}.rs")), text(number, 2_000 + number * 37 % 6_000)).unwrap();
    }
}

/// One file of a hundred is edited.
fn edit(live: &Path, files: usize) {
    for number in (0..files).step_by(100) {
        let path = live.join(format!("{:02}/{:02}/file-{number}.rs", number % 20, number / 20 % 55));
        fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"// edited\n").unwrap();
    }
}

fn measure() {
    let (files, rounds) = (number("CODEBLUE_BENCH_FILES", 20_000), number("CODEBLUE_BENCH_ROUNDS", 5));
    let big = number("CODEBLUE_BENCH_BIG", 512);
    let restic = env::var("CODEBLUE_BENCH_RESTIC").unwrap_or_else(|_| "restic".to_owned());
    let version =
        Command::new(&restic).arg("version").output().expect("this measures beside restic, which is not on PATH");
    println!(
        "{files} small files and one of {big} MiB, {rounds} rounds, {}",
        String::from_utf8_lossy(&version.stdout).trim()
    );
    let mut rows = BTreeMap::new();
    // ext4 avoids the inodes of what was deleted minutes ago, and searches long for others: nothing is deleted until the end
    let mut kept = Vec::new();
    for _ in 0..rounds {
        let dir = tempfile::tempdir().unwrap();
        let mut bench = Bench { dir: dir.path().to_owned(), restic: restic.clone(), rows };
        bench.ours("init", &["live"]);
        bench.theirs(&["init"]);
        let live = dir.path().join("live");
        plant(&live, files);
        let backup = ["backup", &bench.path("live")].map(str::to_owned);
        let backup: Vec<&str> = backup.iter().map(String::as_str).collect();
        let first = bench.pair("1 first snapshot", ("snapshot", &["live"]), &backup);
        edit(&live, files);
        let second = bench.pair("2 incremental, 1 % edited", ("snapshot", &["live"]), &backup);
        let [one, two] = <[String; 2]>::try_from(bench.of_theirs()).unwrap();
        bench.pair("3 difference", ("difference", &["live", &first, &second]), &["diff", &one, &two]);
        let to = bench.path("by-restic");
        bench.pair("4 restore", ("restore", &["live", &first, "by-us"]), &["restore", &one, "--target", &to]);
        // theirs has what it restored before it and changes what differs; ours builds beside what is live
        bench.pair(
            "5 restore, 1 % differs",
            ("restore", &["live", &first, "by-us-again"]),
            &["restore", &two, "--target", &to],
        );

        fs::create_dir(dir.path().join("large")).unwrap();
        let mut file = fs::File::create(dir.path().join("large/file")).unwrap();
        for number in 0..big {
            let half = text(number, 1 << 19);
            file.write_all(&half.as_bytes()[..1 << 19]).unwrap();
            let mut state = number as u64;
            let mut noise = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state ^ (state >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9).to_le_bytes()
            };
            file.write_all(&(0..1 << 16).flat_map(|_| noise()).collect::<Vec<u8>>()).unwrap();
        }
        drop(file);
        let backup = ["backup", &bench.path("large")].map(str::to_owned);
        let backup: Vec<&str> = backup.iter().map(String::as_str).collect();
        let large = bench.pair("6 snapshot of a big file", ("snapshot", &["large"]), &backup);
        let theirs = bench.of_theirs().pop().unwrap();
        bench.pair(
            "7 restore of a big file",
            ("restore", &["large", &large, "by-us-large"]),
            &["restore", &theirs, "--target", &bench.path("by-restic-large")],
        );
        bench.print();
        rows = bench.rows;
        kept.push(dir);
    }
}
