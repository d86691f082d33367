//! Root causes: how often the true one comes first in PetShop, beside the robust score of BARO (Pham et al., "BARO: robust
//! root cause analysis for microservices via multivariate Bayesian online change point detection", 2024) and chance; how
//! often nothing is named where nothing is wrong; and how long a large platform takes.

use std::{collections::BTreeMap, fs, path::PathBuf};

use codeblue::diagnosis::rank::{Graph, Question, Table, rank};
use divan::Bencher;

use crate::petshop::{self, Issue, Shop};

/// The figures of a table, by node, metric and statistic.
fn figures(text: &str) -> BTreeMap<[String; 3], Vec<f64>> {
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let name = |column: usize| [0, 1, 2].map(|row| rows[row][column].to_owned());
    let value = |row: &Vec<&str>, column: usize| row.get(column).and_then(|cell| cell.parse().ok());
    let values = |column: usize| rows[4..].iter().filter_map(|row| value(row, column)).collect();
    (1..rows[0].len()).map(|column| (name(column), values(column))).collect()
}

/// The largest distance from the median before, in interquartile ranges; a node is as its worst metric.
fn baro(shop: &Shop, issue: &Issue) -> Vec<String> {
    let before = figures(&shop.quiet);
    let mut scores: BTreeMap<&str, f64> = BTreeMap::new();
    let during = figures(&fs::read_to_string(issue.path.join("metrics.csv")).unwrap());
    for (name, values) in &during {
        let Some(mut usual) = before.get(name).filter(|usual| !usual.is_empty()).cloned() else { continue };
        usual.sort_by(f64::total_cmp);
        let at = |share: f64| usual[((usual.len() - 1) as f64 * share) as usize];
        let range = if at(0.75) > at(0.25) { at(0.75) - at(0.25) } else { 1.0 };
        let score = values.iter().map(|value| (value - at(0.5)) / range).fold(f64::MIN, f64::max);
        let known = scores.entry(&name[0]).or_insert(f64::MIN);
        *known = known.max(score);
    }
    let mut nodes: Vec<(f64, &str)> = scores.into_iter().map(|(node, score)| (score, node)).collect();
    nodes.sort_by(|a, b| b.0.total_cmp(&a.0));
    nodes.into_iter().map(|(_, node)| node.to_owned()).collect()
}

/// Of so many issues the root came first, or among the first three.
#[derive(Default)]
struct Tally {
    issues: usize,
    ours: [usize; 2],
    baro: [usize; 2],
    named: usize,
}

fn count(tally: &mut [usize; 2], place: Option<usize>) {
    tally[0] += usize::from(place == Some(0));
    tally[1] += usize::from(place.is_some_and(|place| place < 3));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn petshop(bencher: Bencher) {
    let Some(data) = std::env::var_os("CODEBLUE_DATA") else {
        println!("SKIPPED: PetShop; CODEBLUE_DATA names no folder with it");
        return;
    };
    let shop = petshop::read(&PathBuf::from(data).join("petshop/low_traffic"));
    let mut kinds: BTreeMap<String, Tally> = BTreeMap::new();
    for issue in &shop.issues {
        let (ranking, rival) = (shop.answer(issue), baro(&shop, issue));
        for kind in [format!("{} of {}", issue.metric, issue.root), "~ all".to_owned()] {
            let tally = kinds.entry(kind).or_default();
            tally.issues += 1;
            tally.named += usize::from(!ranking.abstained);
            count(&mut tally.ours, petshop::place(&ranking, issue));
            count(&mut tally.baro, rival.iter().position(|node| *node == issue.root));
        }
    }
    println!("{:58} {:>6} {:>12} {:>6} {:>12}", "kind", "issues", "top-1/3", "named", "BARO top-1/3");
    for (kind, Tally { issues, ours, baro, named }) in &kinds {
        let [ours, baro] = [ours, baro].map(|tally| format!("{} / {}", tally[0], tally[1]));
        println!("{kind:58} {issues:>6} {ours:>12} {named:>6} {baro:>12}");
    }
    let nodes = shop.graph.names().len() as f64;
    let issues = shop.issues.len() as f64;
    println!("by chance: {:.1} / {:.1}", issues / nodes, 3.0 * issues / nodes);
    let targets: Vec<&str> = shop.graph.names().iter().map(String::as_str).collect();
    for (before, during, step) in [(20, 5, 23), (60, 5, 23), (150, 6, 23), (300, 5, 23), (300, 12, 23), (450, 24, 23)] {
        for targets in [&["PetSite"][..], &targets] {
            let answers = shop.quiet_answers(before, during, step, targets);
            let abstained = answers.iter().filter(|answer| answer.abstained).count();
            let share = 100.0 * abstained as f64 / answers.len() as f64;
            let of = format!("{} targets, {before} rows before, {during} during", targets.len());
            println!("nothing wrong, {of}: abstained in {abstained} of {}, {share:.1} %", answers.len());
        }
    }
    let mut issues = shop.issues.iter().cycle();
    bencher.bench_local(|| issues.next().map(|issue| shop.answer(issue)));
}

/// 500 nodes, ten metrics of each, two days before and half an hour during, from the text to the answer.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn large(bencher: Bencher) {
    const NODES: usize = 500;
    let name = |node: usize| format!("service-{node}");
    let names: Vec<String> = (0..NODES).map(name).collect();
    let mut graph = format!(",{}\n", names.join(","));
    for (from, name) in names.iter().enumerate() {
        let called = |to: usize| to > from && (to - from == 1 || (from * 7919 + to * 104_729).is_multiple_of(97));
        let cells: Vec<&str> = (0..NODES).map(|to| if called(to) { "1" } else { "0" }).collect();
        graph += &format!("{name},{}\n", cells.join(","));
    }
    let kinds = ["latency", "availability", "requests", "cpu", "memory", "threads", "sockets", "disk", "queue", "gc"];
    let header = |row: &str, cell: &dyn Fn(usize, &str) -> String| {
        let cells = (0..NODES).flat_map(|node| kinds.map(|kind| cell(node, kind)));
        format!("{row},{}\n", cells.collect::<Vec<_>>().join(","))
    };
    let metrics = |rows: usize, broken: bool| {
        let mut text = header("microservice", &|node, _| name(node));
        text += &header("metric", &|_, kind| kind.to_owned());
        text += &header("statistic", &|_, _| "Average".to_owned());
        for row in 0..rows {
            text += &header(&(1_800_000_000 + 300 * row).to_string(), &|node, kind| {
                let wobble = ((row * 7919 + node * 104_729) % 1009) as f64 / 1009.0;
                match kind {
                    "availability" => "100".to_owned(),
                    "latency" if broken && node <= 20 => (0.9 + wobble / 10.0).to_string(),
                    _ => (0.1 + wobble / 10.0).to_string(),
                }
            });
        }
        text
    };
    let (before, during) = (metrics(576, false), metrics(6, true));
    bencher.bench_local(|| {
        let graph = Graph::read(&graph).unwrap();
        let (before, during) = (Table::read(&before).unwrap(), Table::read(&during).unwrap());
        let question =
            Question { graph: &graph, before: &before, during: &during, target: "service-0", metric: Some("latency") };
        rank(&question).unwrap()
    });
}
