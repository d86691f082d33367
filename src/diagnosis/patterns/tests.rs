use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::{history::WINDOW, *};

/// The templates of lines, and which one each line has in the end.
fn mine<'a>(lines: impl IntoIterator<Item = &'a str>) -> (Vec<String>, Miner) {
    let (mut miner, mut into) = (Miner::default(), HashMap::new());
    let mut numbers = Vec::new();
    for line in lines {
        numbers.push(miner.take(line, 0).number);
        for change in miner.changes() {
            if let Change::Merged { number, into: other } = change {
                into.insert(number, other);
            }
        }
    }
    let texts: HashMap<u64, String> = miner.templates().map(|template| (template.number(), template.text())).collect();
    let resolve = |mut number: u64| {
        while let Some(other) = into.get(&number) {
            number = *other;
        }
        texts[&number].clone()
    };
    (numbers.into_iter().map(resolve).collect(), miner)
}

/// The template of one line alone.
fn template(line: &str) -> String {
    mine([line]).0.remove(0)
}

/// A generator of numbers (Marsaglia, "Xorshift RNGs", 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn word(&mut self) -> String {
        (0..4 + self.below(6)).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap())).collect()
    }
}

#[test]
fn what_varies_in_every_log_is_a_variable_by_its_form() {
    for (line, expected) in [
        ("worker 17 took 5.2 KB in 160 ms", "worker <*> took <*> in <*>"),
        ("served 1301 bytes (1.27 KB) to 10.0.0.7:5070", "served <*> bytes to <*>"),
        ("listening on [fe80::1%eth0]", "listening on [<*>%eth<*>]"),
        ("ping from 00:1b:44:11:3a:b7", "ping from <*>"),
        ("connected to db-1.example.com:5432, then mail.example.co.uk", "connected to <*>, then <*>"),
        ("mail for alice@example.org at https://example.org/a?b=c.", "mail for <*> at <*>."),
        ("opened /var/lib/app/x.db and ./run.sh", "opened <*> and <*>"),
        ("loaded C:\\Windows\\x.dll", "loaded <*>"),
        ("request 3f2b6c1e-8a4d-4f0e-9b61-0d3c2a1b4e5f done", "request <*> done"),
        ("at Fri Jun 17 07:07:00 2005 it ended", "at <*> it ended"),
        ("2026-01-15T14:00:00.123Z INFO ready", "<*> INFO ready"),
        ("code 0x1f, flags=0x0, pointer ffff3000", "code <*>, flags=<*>, pointer <*>"),
        ("block blk_-7724 is in part-00590", "block blk_<*> is in part-<*>"),
        ("synchronized to LOCAL(0), stratum 10", "synchronized to LOCAL(<*>), stratum <*>"),
        ("uid=0 user= tty=", "uid=<*> user= tty="),
        ("visible=true owner=null tag=\"View Lock\"", "visible=<*> owner=<*> tag=\"<*>\""),
        ("lock ws=WorkSource{10113}, pid=7", "lock ws=<*>, pid=<*>"),
        ("sizes 1, 2, 3 and 4##5##6", "sizes <*> and <*>"),
        ("bytes.....1", "bytes.....<*>"),
        ("task attempt_2017_0024_m_000003_1012: Committed", "task attempt_<*>_m_<*>: Committed"),
        ("\tat org.example.Server.run(Server.java:17)", "at <*>"),
        ("lifetime <1 sec", "lifetime <*>"),
        ("", ""),
    ] {
        assert_eq!(template(line), expected, "{line}");
    }
}

#[test]
fn words_that_are_many_at_one_place_are_a_variable_and_few_tell_templates_apart() {
    let users: Vec<String> =
        ["root", "alice", "bob", "carol"].iter().map(|user| format!("session closed for user {user}")).collect();
    let (found, _) = mine(users.iter().map(String::as_str).chain(["session closed for user dave"]));
    assert_eq!(found, ["session closed for user <*>"; 5], "also the lines before it was known");

    let states = ["Started", "Stopped", "Paused", "Resumed", "Crashed"];
    let lines: Vec<String> = states.iter().map(|state| format!("instance 7 was {state} by the scheduler")).collect();
    let (found, _) = mine(lines.iter().map(String::as_str));
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 5, "what happened is no variable: {found:?}");

    let programs = ["cups", "klogd", "hcid", "portmap", "syslogd", "sdpd"];
    let lines: Vec<String> = programs.iter().map(|name| format!("{name} startup succeeded")).collect();
    assert_eq!(mine(lines.iter().map(String::as_str)).1.templates().count(), 6, "first words are names of programs");
}

#[test]
fn what_is_known_of_one_template_helps_with_those_like_it() {
    let mut lines: Vec<String> =
        ["news", "root", "test"].iter().map(|user| format!("session opened for user {user} by (uid=0)")).collect();
    lines.extend(["a", "b", "c", "d", "e"].iter().map(|user| format!("session closed for user {user}")));
    let (found, _) = mine(lines.iter().map(String::as_str));
    assert_eq!(found[0], "session opened for user <*> by (uid=<*>)");
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 2, "{found:?}");
}

#[test]
fn ids_are_those_of_the_constants_whatever_came_before_and_on_every_machine() {
    let users = ["zoe", "yann", "xavier", "wim", "vera"];
    let line = |user: &&str| format!("Invalid user {user} from 10.0.0.1");
    let (one, other): (Vec<String>, Vec<String>) =
        (users.iter().map(line).collect(), users.iter().rev().map(line).collect());
    let id = |lines: &[String]| {
        let (_, miner) = mine(lines.iter().map(String::as_str).chain(["something else"]));
        miner.templates().find(|template| template.count() == 5).unwrap().id()
    };
    assert_eq!(id(&one), id(&other));
    // Written down: another version or another machine must not give other ids.
    assert_eq!(id(&one).to_string(), "55c54bb417308d89");
}

/// Lines of a small world: services, users, words that vary, and noise.
fn world(random: &mut Random, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..40).map(|_| random.word()).collect();
    let name = |random: &mut Random| names[usize::try_from(random.below(40)).unwrap()].clone();
    let line = |random: &mut Random| match random.below(6) {
        0 => format!("session opened for user {} by (uid={})", name(random), random.below(9)),
        1 => format!("session closed for user {}", name(random)),
        2 => format!("GET /api/{} took {} ms, status {}", name(random), random.below(900), random.below(600)),
        3 => format!("queue {} has {} of {} jobs", name(random), random.below(50), random.below(50)),
        4 => format!("cache={} hit={} from node-{}", name(random), random.below(2) == 0, random.below(20)),
        _ => format!("{} {} {}", random.word(), random.word(), random.word()),
    };
    (0..count).map(|_| line(random)).collect()
}

#[test]
fn a_restart_changes_nothing_about_ids_also_while_templates_give_way() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let lines = world(&mut random, 6000);
    let mut whole = Miner::new(300);
    let ids: Vec<(u64, TemplateId)> =
        lines.iter().map(|line| whole.take(line, 1)).map(|taken| (taken.number, taken.id)).collect();
    for cut in [1, 100, 2500, 5999] {
        let mut before = Miner::new(300);
        for line in &lines[..cut] {
            before.take(line, 1);
        }
        let text = serde_json::to_string(&before.keep()).unwrap();
        let mut after = Miner::restore(serde_json::from_str(&text).unwrap()).unwrap();
        let again: Vec<_> =
            lines[cut..].iter().map(|line| after.take(line, 1)).map(|taken| (taken.number, taken.id)).collect();
        assert!(again == ids[cut..], "after a restart at line {cut}");
        assert_eq!(after.keep(), whole.keep());
    }
}

#[test]
fn what_was_kept_and_is_damaged_is_told_apart() {
    let (_, miner) = mine(["user alice came", "user bob=7 came"]);
    let kept = serde_json::to_value(miner.keep()).unwrap();
    let restored = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut kept = kept.clone();
        change(&mut kept);
        Miner::restore(serde_json::from_value(kept).unwrap()).map(|miner| miner.templates().count())
    };
    assert_eq!(restored(&|_| {}), Ok(2));
    assert_eq!(restored(&|kept| kept["form"] = 9.into()), Err(KeptError::Form(9)));
    assert_eq!(restored(&|kept| kept["templates"][1]["text"] = "short".into()), Err(KeptError::Template(2)));
    assert_eq!(restored(&|kept| kept["templates"][1]["slots"] = serde_json::json!([])), Err(KeptError::Template(2)));
    assert_eq!(restored(&|kept| kept["shapes"][0]["compared"] = serde_json::json!([7])), Err(KeptError::Shape));
}

#[test]
fn an_endless_stream_of_new_lines_stays_within_its_bound() {
    let mut random = Random(88_172_645_463_325_252);
    let (mut miner, mut evicted) = (Miner::new(500), 0);
    for _ in 0..20_000 {
        let words = 1 + random.below(12);
        let line: Vec<String> = (0..words).map(|_| random.word()).collect();
        miner.take(&line.join(if words.is_multiple_of(2) { " " } else { "=" }), 0);
        evicted += miner.changes().filter(|change| matches!(change, Change::Evicted(_))).count();
    }
    assert!(miner.templates().count() <= 500 && evicted > 15_000, "{evicted}");
    let bytes: usize = miner.templates().map(Template::bytes).sum();
    assert!(bytes < 500 * 2000, "{bytes} bytes for 500 templates");
    miner.take("used all the time", 0);
    for _ in 0..2000 {
        miner.take(&random.word(), 0);
        assert!(!miner.take("used all the time", 0).new, "what is used stays");
        miner.changes().for_each(drop);
    }
}

#[test]
fn a_hostile_line_changes_nothing_but_its_own_template() {
    let (_, mut miner) = mine(["payment 17 accepted", "payment 18 accepted"]);
    let before: Vec<_> = miner.templates().map(|template| (template.id(), template.count())).collect();
    let long = "a=".repeat(50_000);
    let wide = "é(".repeat(30_000);
    for line in [
        "\u{1b}[2J\u{1b}]0;owned\u{7}payment\u{0}x",
        &long,
        &wide,
        "\u{202e}tnemyap",
        "((((((((",
        "\"\"''\"",
        "= = =",
        "at (",
    ] {
        miner.take(line, 9);
    }
    for template in miner.templates() {
        let text = template.text();
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
        assert!(text.len() < 10_000, "{} bytes", text.len());
    }
    let after: Vec<_> = miner.templates().map(|template| (template.id(), template.count())).collect();
    assert!(before.iter().all(|known| after.contains(known)));
}

#[test]
fn every_line_has_a_template_with_as_many_lines_as_it_got() {
    let mut random = Random(7);
    let (mut miner, mut into, mut numbers) = (Miner::default(), HashMap::new(), Vec::new());
    for line in &world(&mut random, 4000) {
        numbers.push(miner.take(line, 0).number);
        for change in miner.changes() {
            if let Change::Merged { number, into: other } = change {
                assert!(into.insert(number, other).is_none() && other < number);
            }
        }
    }
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for mut number in numbers {
        while let Some(other) = into.get(&number) {
            number = *other;
        }
        *counts.entry(number).or_default() += 1;
    }
    let told: BTreeMap<u64, u64> = miner.templates().map(|template| (template.number(), template.count())).collect();
    assert_eq!(told, counts);
    assert_eq!(told.values().sum::<u64>(), miner.lines());
}

#[test]
fn a_line_is_asked_for_its_variables_and_what_else_stood_there() {
    let mut miner = Miner::default();
    for (user, port, source) in [("alice", 1, 1), ("bob", 2, 1), ("carol", 3, 2), ("dave", 4, 2), ("erin", 5, 2)] {
        miner.take(&format!("user {user} logged in on port {port} from web"), source);
        miner.take("mode is safe=true level=3", source);
    }
    let line = "user mallory logged in on port 99 from web";
    let (template, variables) = miner.look(line).unwrap();
    assert_eq!(template.text(), "user <*> logged in on port <*> from web");
    let told: Vec<_> = variables.iter().map(|variable| (&line[variable.range.clone()], variable.kind)).collect();
    assert_eq!(told, [("mallory", Kind::Word), ("99", Kind::Number)]);
    assert_eq!(variables[0].slot.distinct(), None, "too many to tell");

    let (_, variables) = miner.look("mode is safe=true level=3").unwrap();
    let known = variables[1].slot.value(Kind::Number, "3").unwrap();
    assert_eq!((variables[1].slot.distinct(), known.times, known.sources()), (Some(1), 5, &[1, 2][..]));
    assert_eq!(variables[0].slot.kinds().collect::<Vec<_>>(), [Kind::Literal]);
    assert!(miner.look("never seen").is_none());
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn trend(history: &History, number: u64, now: DateTime<Utc>) -> Trend {
    history.of(number, now).next().unwrap().trend
}

#[test]
fn templates_are_judged_against_their_own_past() {
    let mut history = History::default();
    for minute in 0..180 {
        history.note(1, "api", at(minute));
        if minute % 60 == 0 {
            history.note(2, "cron", at(minute));
        }
        // Customary bursts are none.
        for _ in 0..if minute % 45 == 10 { 60 } else { 0 } {
            history.note(3, "batch", at(minute));
        }
    }
    assert_eq!([1, 2, 3].map(|number| trend(&history, number, at(180))), [Trend::Recurring; 3]);
    history.note(4, "api", at(178));
    assert_eq!(trend(&history, 4, at(180)), Trend::New);
    assert_eq!(trend(&history, 4, at(240)), Trend::Rare, "new things age");
    for _ in 0..80 {
        history.note(1, "api", at(181));
    }
    let burst = history.of(1, at(182)).next().unwrap();
    assert_eq!(
        (burst.trend, burst.since),
        (Trend::Bursting, at(181)),
        "since its first line in the window of {WINDOW} s"
    );
    assert_eq!(trend(&history, 1, at(184)), Trend::Bursting);
    assert_eq!(trend(&history, 1, at(230)), Trend::Vanished);
    assert_eq!(trend(&history, 2, at(230)), Trend::Recurring, "an hourly line is not missed within the hour");
}

#[test]
fn nothing_is_new_or_bursts_at_the_beginning() {
    let mut history = History::default();
    for second in 0..300 {
        history.note(second % 7, "api", at(0) + TimeDelta::seconds(i64::try_from(second).unwrap()));
    }
    assert!(history.all(at(5)).all(|(standing, _)| standing.trend == Trend::Recurring));
}

#[test]
fn history_goes_with_templates_that_merge_and_those_that_give_way() {
    let mut history = History::default();
    history.note(1, "api", at(0));
    history.note(2, "api", at(1));
    history.note(2, "web", at(2));
    history.follow(&Change::Merged { number: 2, into: 1 });
    let told: Vec<_> = history
        .of(1, at(3))
        .map(|standing| (standing.service, standing.count, standing.first, standing.last))
        .collect();
    assert_eq!(told, [("api".to_owned(), 2, at(0), at(1)), ("web".to_owned(), 1, at(2), at(2))]);
    assert_eq!(history.of(2, at(3)).count(), 0);
    let restored: History = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
    assert_eq!(restored, history);
}

fn onset(number: u64, service: &str, seconds: i64) -> Onset {
    Onset { number, service: service.to_owned(), at: at(0) + TimeDelta::seconds(seconds) }
}

#[test]
fn trouble_is_followed_from_service_to_service() {
    let needs = |service: &str, on: &[&str]| (service.to_owned(), on.iter().map(ToString::to_string).collect());
    let depends_on = BTreeMap::from([needs("web", &["api"]), needs("api", &["auth", "db"]), needs("auth", &["db"])]);
    let onsets = vec![
        onset(5, "web", 31),
        onset(4, "api", 20),
        onset(1, "db", 0),
        onset(2, "db", 3),
        onset(3, "auth", 9),
        onset(8, "mail", 12),
        onset(9, "web", 4000),
    ];
    let found = cascades(onsets, &depends_on, TimeDelta::minutes(5));
    assert_eq!(found.len(), 1, "what stays in one service is no cascade: {found:?}");
    let told: Vec<_> =
        found[0].steps.iter().map(|step| (step.onset.number, step.onset.service.as_str(), step.follows)).collect();
    assert_eq!(
        told,
        [(1, "db", None), (2, "db", Some(0)), (3, "auth", Some(0)), (4, "api", Some(0)), (5, "web", Some(3))]
    );
    let standing = Standing {
        number: 1,
        service: "db".to_owned(),
        trend: Trend::Vanished,
        count: 9,
        first: at(0),
        last: at(1),
        since: at(1),
    };
    assert_eq!(Onset::of(&standing), None, "what has stopped begins nothing");
    assert_eq!(Onset::of(&Standing { trend: Trend::New, ..standing }).map(|onset| onset.at), Some(at(1)));
}
