//! Small platforms in which somebody knows what broke.

use super::*;

/// Rows of the time before, and of the trouble.
const ROWS: (usize, usize) = (120, 6);
/// The row of the trouble in which it begins.
const ONSET: usize = 2;

/// SplitMix64, -1 to 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// A column: node, metric, usual value, and by how much the trouble shifts it from which row on.
struct Spec(&'static str, &'static str, f64, f64, usize);

fn latency(node: &'static str, usual: f64, shift: f64) -> Spec {
    Spec(node, "latency", usual, shift, ONSET)
}

fn requests(node: &'static str, usual: f64) -> Spec {
    Spec(node, "requests", usual, 0.0, ONSET)
}

fn table(specs: &[Spec], rows: usize, trouble: bool) -> String {
    let mut noise = Noise(rows as u64);
    let line = |first: &str, cell: &dyn Fn(&Spec) -> String| {
        let cells: Vec<String> = specs.iter().map(cell).collect();
        format!("{first},{}\n", cells.join(","))
    };
    let mut text = line("microservice", &|spec| spec.0.to_owned());
    text += &line("metric", &|spec| spec.1.to_owned());
    text += &line("statistic", &|spec| if spec.1 == "requests" { "Sum" } else { "Average" }.to_owned());
    text += &line("unix_timestamp", &|_| String::new());
    for row in 0..rows {
        let mut cells = vec![(1_681_857_120 + 300 * row).to_string()];
        for Spec(_, _, usual, shift, from) in specs {
            let shift = if trouble && row >= *from { *shift } else { 0.0 };
            cells.push((usual * (1.0 + 0.05 * noise.next()) + shift).to_string());
        }
        text += &format!("{}\n", cells.join(","));
    }
    text
}

/// `web>api` says that web calls api.
fn graph(calls: &str) -> Graph {
    let pairs: Vec<(&str, &str)> = calls.split(' ').map(|call| call.split_once('>').unwrap()).collect();
    let mut names: Vec<&str> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
    names.sort_unstable();
    names.dedup();
    let mut text = format!(",{}\n", names.join(","));
    for from in &names {
        let cells: Vec<&str> = names.iter().map(|to| if pairs.contains(&(from, to)) { "1" } else { "0" }).collect();
        text += &format!("{from},{}\n", cells.join(","));
    }
    Graph::read(&text).unwrap()
}

fn ask(calls: &str, specs: &[Spec], metric: Option<&str>) -> Ranking {
    let before = Table::read(&table(specs, ROWS.0, false)).unwrap();
    let during = Table::read(&table(specs, ROWS.1, true)).unwrap();
    let graph = graph(calls);
    let question = Question { graph: &graph, before: &before, during: &during, target: "web", metric };
    let ranking = rank(&question).unwrap();
    assert_eq!(ranking, rank(&question).unwrap(), "the same question gets the same answer");
    let sum: f64 = ranking.candidates.iter().map(|candidate| candidate.probability).sum();
    assert!((sum + ranking.none - 1.0).abs() < 1e-9, "probabilities make one");
    ranking
}

fn names(ranking: &Ranking) -> Vec<&str> {
    ranking.candidates.iter().map(|candidate| candidate.node.as_str()).collect()
}

/// web calls search and pay, both call the database.
const SHOP: &str = "web>search web>pay search>db pay>db";

fn shop(web: f64, search: f64, pay: f64, db: f64) -> Vec<Spec> {
    vec![
        latency("web", 0.2, web),
        requests("web", 500.0),
        latency("search", 0.05, search),
        requests("search", 400.0),
        latency("pay", 0.1, pay),
        requests("pay", 100.0),
        latency("db", 0.01, db),
        requests("db", 900.0),
    ]
}

#[test]
fn the_node_is_found_that_loses_what_nobody_below_it_loses() {
    // 80 seconds are lost in each case.
    for (culprit, specs) in [
        ("pay", shop(0.16, 0.0, 0.8, 0.0)),
        ("search", shop(0.16, 0.2, 0.0, 0.0)),
        ("db", shop(0.16, 0.15, 0.2, 0.09)),
        ("web", shop(0.16, 0.0, 0.0, 0.0)),
    ] {
        let found = ask(SHOP, &specs, Some("latency"));
        assert_eq!(found.candidates[0].node, culprit, "{found:?}");
        assert!(!found.abstained && found.candidates[0].probability > 0.8, "{culprit}: {found:?}");
    }
}

#[test]
fn the_evidence_says_what_it_is_with_the_figures() {
    let found = ask(SHOP, &shop(0.16, 0.0, 0.8, 0.0), Some("latency"));
    let lines = &found.candidates[0].evidence;
    assert!(lines[0].starts_with("latency Average 0.1") && lines[0].contains(" s → 0.9"), "{lines:?}");
    assert!(lines[0].ends_with("times its usual spread"), "{lines:?}");
    assert!(lines.contains(&"nothing that it calls is worse than usual".to_owned()), "{lines:?}");
    assert!(lines.contains(&"clearly worse since 2023-04-18T22:42:00Z, together with web".to_owned()), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("of what web loses")), "{lines:?}");
    assert!(lines.contains(&"1 of 1 that call it got clearly worse".to_owned()), "{lines:?}");
}

#[test]
fn a_quiet_time_has_no_culprit() {
    for metric in [Some("latency"), None] {
        let found = ask(SHOP, &shop(0.0, 0.0, 0.0, 0.0), metric);
        assert!(found.abstained && found.none > 0.6, "{found:?}");
    }
}

#[test]
fn decoy_a_node_that_is_worse_but_costs_the_target_nothing() {
    // The database is forty spreads off, over few calls: 1 s of the 80.
    let mut specs = shop(0.16, 0.0, 0.8, 0.1);
    specs[7] = requests("db", 10.0);
    assert_eq!(ask(SHOP, &specs, Some("latency")).candidates[0].node, "pay");
}

#[test]
fn decoy_a_node_that_is_worse_only_afterwards() {
    // Over the whole trouble it loses more than the other.
    let mut specs = shop(0.16, 0.5, 0.6, 0.0);
    specs[2].4 = ONSET + 2;
    let found = ask(SHOP, &specs, Some("latency"));
    assert_eq!(found.candidates[0].node, "pay");
    let search = found.candidates.iter().find(|candidate| candidate.node == "search").unwrap();
    assert!(search.evidence.iter().any(|line| line.ends_with("only after web")), "{search:?}");
}

#[test]
fn decoy_a_node_whose_loss_reaches_nobody() {
    // 90 s are lost at the database, none of them at the one that calls it.
    let found = ask("web>search web>pay search>db", &shop(0.16, 0.0, 0.6, 0.1), Some("latency"));
    assert_eq!(found.candidates[0].node, "pay");
    let db = found.candidates.iter().find(|candidate| candidate.node == "db").unwrap();
    assert!(db.evidence.contains(&"0 of 1 that call it got clearly worse".to_owned()), "{db:?}");
}

#[test]
fn of_two_failures_at_once_neither_is_sure() {
    let found = ask(SHOP, &shop(0.32, 0.2, 0.8, 0.0), Some("latency"));
    let mut both = names(&found)[..2].to_vec();
    both.sort_unstable();
    assert_eq!(both, ["pay", "search"]);
    let likely: Vec<f64> = found.candidates.iter().map(|candidate| candidate.probability).collect();
    assert!(likely[0] < 0.8 && likely[1] > 0.1, "{likely:?}");
}

#[test]
fn what_callers_see_of_a_node_is_no_node_of_its_own() {
    let calls = "web>search web>search_remote web>elb-searc.example.com_remote search_client>search";
    let mut specs = shop(0.16, 0.2, 0.0, 0.0);
    specs.truncate(4);
    for view in ["search_remote", "search_client", "elb-searc.example.com_remote"] {
        specs.extend([latency(view, 0.05, 5.0), requests(view, 40.0)]);
    }
    let found = ask(calls, &specs, Some("latency"));
    assert_eq!(found.candidates[0].node, "search");
    assert!(!names(&found).iter().any(|name| name.contains("_")), "{found:?}");

    let outside = ask(
        "web>search web>mail.example.com_remote",
        &{
            let mut specs = shop(0.16, 0.0, 0.0, 0.0);
            specs.truncate(4);
            specs.extend([latency("mail.example.com_remote", 0.05, 0.8), requests("mail.example.com_remote", 100.0)]);
            specs
        },
        Some("latency"),
    );
    assert_eq!(outside.candidates[0].node, "mail.example.com_remote", "it stands for something outside");
}

#[test]
fn a_node_that_tells_nothing_is_suspected_when_all_that_call_it_suffer() {
    let calls = "web>search web>pay search>bank pay>bank";
    let (both, one) = (shop(0.32, 0.2, 0.8, 0.0), shop(0.16, 0.0, 0.8, 0.0));
    let found = ask(calls, &both[..6], Some("latency"));
    assert_eq!(found.candidates[0].node, "bank", "{found:?}");
    assert!(found.candidates[0].evidence[0].contains("nothing is measured of it; pay, search"), "{found:?}");
    let found = ask(calls, &one[..6], Some("latency"));
    assert_eq!(names(&found)[..2], ["pay", "bank"]);
}

#[test]
fn availability_falls_and_one_failed_call_is_no_trouble() {
    let broken = |search: f64| {
        let fall = |node, shift| Spec(node, "availability", 100.0, shift, ONSET);
        let mut specs =
            vec![fall("web", 0.8 * search), requests("web", 500.0), fall("search", search), requests("search", 400.0)];
        for spec in specs.iter_mut().step_by(2) {
            spec.2 = 0.0;
            spec.3 += 100.0;
        }
        specs
    };
    // Values of 100 without noise, then what is left of them.
    let before = |text: String| text.lines().map(|line| line.replace(",0,", ",100,")).collect::<Vec<_>>().join("\n");
    let answer = |loss: f64| {
        let specs = broken(-loss);
        let quiet: Vec<Spec> =
            specs.iter().map(|Spec(node, metric, usual, ..)| Spec(node, metric, *usual, 0.0, 0)).collect();
        let graph = graph("web>search");
        let (before, during) = (
            Table::read(&before(table(&quiet, 60, false))).unwrap(),
            Table::read(&before(table(&specs, 5, true))).unwrap(),
        );
        rank(&Question { graph: &graph, before: &before, during: &during, target: "web", metric: None }).unwrap()
    };
    let found = answer(5.0);
    assert_eq!((found.metric.as_str(), found.candidates[0].node.as_str()), ("availability", "search"));
    assert!(!found.abstained, "{found:?}");
    assert!(answer(0.1).abstained, "half a call of 400");
}

#[test]
fn a_metric_that_nobody_knows_is_worse_where_it_went() {
    let level = |node, usual, shift| Spec(node, "sessions", usual, shift, ONSET);
    let specs =
        [level("web", 100.0, -60.0), level("search", 50.0, -40.0), level("pay", 50.0, 1.0), level("db", 50.0, 0.0)];
    let found = ask(SHOP, &specs, Some("Sessions"));
    assert_eq!(found.candidates[0].node, "search", "{found:?}");
}

#[test]
fn the_order_of_columns_and_rows_and_what_is_missing_do_not_matter() {
    let specs = shop(0.16, 0.0, 0.8, 0.0);
    let graph = graph(SHOP);
    let (before, during) = (table(&specs, ROWS.0, false), table(&specs, ROWS.1, true));
    let plain = Table::read(&before).unwrap();
    let turned = |text: &str| {
        let turn = |line: &str| {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[1..].reverse();
            cells.join(",")
        };
        let lines: Vec<String> = text.lines().map(turn).collect();
        let (header, rows) = lines.split_at(4);
        header.iter().chain(rows.iter().rev()).cloned().collect::<Vec<_>>().join("\r\n")
    };
    let answer = |before: &Table, during: &str| {
        let during = Table::read(during).unwrap();
        rank(&Question { graph: &graph, before, during: &during, target: "web", metric: Some("latency") }).unwrap()
    };
    let expected = answer(&plain, &during);
    assert_eq!(answer(&Table::read(&turned(&before)).unwrap(), &turned(&during)), expected);

    let holes: Vec<String> = during
        .lines()
        .zip(["", "", "", "", "NaN", "", "null", "", "", ""])
        .map(
            |(line, hole)| {
                if hole.is_empty() { line.to_owned() } else { format!("{},{hole}", line.rsplit_once(',').unwrap().0) }
            },
        )
        .collect();
    assert_eq!(answer(&plain, &holes.join("\n")).candidates[0].node, "pay");
    // The database stands in neither table, and a row ends early.
    let narrow: Vec<String> = during.lines().map(|line| line.rsplitn(3, ',').last().unwrap().to_owned()).collect();
    assert_eq!(answer(&plain, &narrow.join("\n")).candidates[0].node, "pay");
}

fn problems(text: &str) -> String {
    let told = Table::read(text).unwrap_err();
    told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const HEADER: &str = "microservice,web,web\nmetric,latency,requests\nstatistic,Average,Sum\n";

#[test]
fn a_bad_cell_is_told_with_its_row_and_column() {
    let told = problems(&format!("{HEADER}300,0.1,5\n600,fast,5\nsoon,0.1,5\n900,0.1,5,6\n"));
    assert_eq!(
        told,
        "row 5, column \"web latency Average\": \"fast\" is no number; leave the cell empty\n\
         row 6, column 1: \"soon\" is no Unix time in seconds\n\
         row 7: 4 cells, the header has 3"
    );
    assert!(problems(HEADER).contains("no rows below the header"));
    assert!(problems("").contains("three header rows"));
    assert!(problems("microservice;web\nmetric;latency\nstatistic;Average\n300;1\n").contains("separated by commas"));
    assert!(
        problems("a,web,\nb,latency,latency\nc,Average,p90\n300,1,1\n")
            .contains("row 1, column 3: the header names no")
    );
    let twice = problems("a,web,web\nb,latency,latency\nc,Average,Average\n300,1,1\n");
    assert!(twice.contains("stands in column 2 as well"), "{twice}");
    let many = problems(&format!("{HEADER}{}", "300,x,5\n".repeat(25)));
    assert!(many.ends_with("and 15 more like these"), "{many}");
}

#[test]
fn names_may_hold_commas_in_quotes_and_no_control_characters() {
    let table = Table::read("x,\"a,\"\"b\"\"\"\ny,latency\nz,Average\n300,1\n").unwrap();
    assert_eq!(table.columns[0].node, "a,\"b\"");
    assert_eq!(Table::read("x,a\u{1b}[2J\ny,latency\nz,Average\n300,1\n").unwrap().columns[0].node, "a[2J");
    assert!(problems("x,\"a\ny,latency\nz,Average\n300,1\n").contains("row 1: a quotation mark is not closed"));
}

#[test]
fn a_graph_says_what_is_wrong_with_it() {
    let told = Graph::read(",a,b\na,0,yes\nb,0,0,1\n").unwrap_err();
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["row 2, column \"b\": \"yes\" is neither 0 nor 1", "row 3: 4 cells, the header has 3"]);
    assert!(Graph::read("").is_err());
    let graph = Graph::read(",a,b\na,True,1.0\nc,,1\n").unwrap();
    assert_eq!(graph.names(), ["a", "b", "c"]);
    assert_eq!(graph.calls, [vec![1], vec![], vec![1]], "nobody calls itself");
}

#[test]
fn what_cannot_be_answered_is_said() {
    let specs = shop(0.16, 0.0, 0.8, 0.0);
    let (before, during) = (table(&specs, 4, false), table(&specs, 6, true));
    let (few, enough, during) =
        (Table::read(&before).unwrap(), Table::read(&table(&specs, 40, false)).unwrap(), Table::read(&during).unwrap());
    let graph = graph(SHOP);
    let ask = |before, target, metric| {
        rank(&Question { graph: &graph, before, during: &during, target, metric }).unwrap_err().to_string()
    };
    assert_eq!(ask(&enough, "wbe", None), "the graph has no node \"wbe\"");
    assert!(ask(&enough, "web", Some("speed")).contains("it has latency, requests"));
    assert!(ask(&few, "web", Some("latency")).contains("at least 5 rows"));
    assert!(ask(&few, "web", None).contains("before and during"));
}
