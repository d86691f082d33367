//! The figures for monitoring, and what stands on their names: the documentation, rules for Prometheus, a dashboard for Grafana.

use std::{collections::BTreeSet, io::Write, path::Path, process::Stdio};

use reqwest::Response;
use serde_json::Value;

use crate::served::Served;

async fn figures(served: &Served, accept: &str) -> Response {
    served.raw().get("http://engine/metrics").header("accept", accept).send().await.unwrap()
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Every name of a figure in a text.
fn names(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (place, _) in text.match_indices("codeblue_") {
        let name: String = text[place..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        found.insert(name);
    }
    found
}

/// The names of a page in the text format, as they are on its lines of values.
fn exported(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, _)| name.to_owned()).collect()
}

const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_openmetrics_gets_it_and_who_does_not_gets_text() {
    let served = Served::ready("drill").await;
    let open = figures(&served, PROMETHEUS).await;
    assert_eq!(open.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open = open.text().await.unwrap();
    assert!(open.ends_with("\n# EOF\n") && open.matches("# EOF").count() == 1, "{open}");
    let mut family = "";
    for line in open.lines().filter(|line| *line != "# EOF") {
        if let Some(described) = line.strip_prefix("# ") {
            let mut words = described.split(' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap());
            assert!(["HELP", "TYPE", "UNIT"].contains(&what), "{line}");
            if what == "HELP" {
                family = name;
            }
            assert_eq!(name, family, "a family stands together");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let name = name.split('{').next().unwrap();
        assert!(name == family || name == format!("{family}_total"), "{line} in {family}");
        assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
    }
    for accept in ["*/*", "text/plain", ""] {
        let plain = figures(&served, accept).await;
        assert_eq!(plain.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let plain = plain.text().await.unwrap();
        assert!(!plain.contains("# EOF") && !plain.contains("# UNIT"), "{plain}");
        for line in [
            "codeblue_service_up{service=\"desk\"} 1\n",
            "codeblue_service_status{service=\"desk\",status=\"healthy\"} 1\n",
            "codeblue_breaker_state{service=\"desk\",state=\"closed\"} 1\n",
            "codeblue_system_state{state=\"normal\"} 1\n",
            "codeblue_incidents_open{severity=\"SEV1\"} 0\n",
        ] {
            assert!(plain.contains(line), "{line} in {plain}");
        }
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_the_names_of_figures_uses_those_that_there_are() {
    let served = Served::ready("drill").await;
    let page = figures(&served, "*/*").await.text().await.unwrap();
    let there = exported(&page);
    assert!(there.len() > 25, "{there:?}");
    let documented = names(&file("docs/monitoring.md"));
    assert_eq!(documented, there, "docs/monitoring.md lists exactly what there is");
    for path in ["assets/monitoring/codeblue.rules.yml", "assets/monitoring/grafana.json"] {
        let used = names(&file(path));
        let unknown: Vec<_> = used.difference(&there).collect();
        assert!(used.len() > 10 && unknown.is_empty(), "{path} uses what is not there: {unknown:?}");
    }
    let dashboard: Value = serde_json::from_str(&file("assets/monitoring/grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    served.stop().await;
}

/// The judgement of Prometheus itself.
#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_to_complain_about() {
    let promtool = std::env::var("CODEBLUE_PROMTOOL").unwrap_or_else(|_| "promtool".to_owned());
    if std::process::Command::new(&promtool).arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no promtool here; CODEBLUE_PROMTOOL names one");
        return;
    }
    let served = Served::ready("drill").await;
    let page = figures(&served, "*/*").await.text().await.unwrap();
    let mut check = std::process::Command::new(&promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.trim().is_empty(), "{told}");
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/monitoring/codeblue.rules.yml");
    let output = std::process::Command::new(&promtool).args(["check", "rules"]).arg(rules).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    served.stop().await;
}
