//! Real programs of Prometheus beside an engine that listens over TLS: one scrapes it, sends it alerts, asks it for them, sends them on.
//! What they tell ends in a service's health.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command as Program, Output, Stdio},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use codeblue::domain::{Command, State, Status, TokenScope};
use serde_json::{Value, json};

use crate::{
    served::{Bed, Served},
    transport::{figures, token},
};

const LIMIT: Duration = Duration::from_secs(60);

const BILLING: &str = r#"
[[service]]
name = "billing"
[[service.check]]
alert = {}
every = "50ms"
successes = 1
[listen]
tls = "127.0.0.1:0"
"#;

/// Where one of the programs is; Debian has another name for some.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no {} here; tests/run installs one where it may", names[0]);
    }
    found
}

/// An engine with what programs need to reach it.
struct Ward {
    served: Served,
    /// May look.
    read: PathBuf,
    /// May tell.
    report: PathBuf,
    authority: PathBuf,
}

impl Ward {
    async fn new() -> Self {
        let served = Served::of(Bed::with("drill", BILLING).await).await;
        let keep = |name: &str, text: &str| {
            let path = served.bed.path(name);
            fs::write(&path, text).unwrap();
            path
        };
        let authority = keep("authority.pem", &figures(&served).authority);
        let secret = async |scope| token(&served, "erin", scope, TimeDelta::days(1)).await.1;
        let read = keep("read.token", secret(TokenScope::Read).await.expose());
        let report = keep("report.token", secret(TokenScope::Report).await.expose());
        Self { served, read, report, authority }
    }

    fn address(&self) -> String {
        figures(&self.served).address.to_string()
    }

    /// How the programs of Prometheus are told whom to trust and what to show.
    fn access(&self, token: &Path) -> Value {
        json!({"authorization": {"credentials_file": token}, "tls_config": {"ca_file": self.authority}})
    }

    /// A file for a program; YAML takes JSON.
    fn file(&self, name: &str, content: &Value) -> PathBuf {
        let path = self.served.bed.path(name);
        fs::write(&path, content.to_string()).unwrap();
        path
    }

    async fn is(&self, status: Status) -> String {
        let wished = |state: &State| state.services.get("billing").is_some_and(|billing| billing.status == status);
        let state = self.served.until(&format!("billing {status:?}"), wished).await;
        state.services["billing"].reason.clone()
    }
}

/// A server of others that runs as long as the test.
struct Server {
    running: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

impl Server {
    /// Starts it on a port of the system's choice and waits until it tells which.
    async fn start(program: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let said = folder.join(format!("{}.log", program.file_name().unwrap().display()));
        let running = Program::new(program)
            .args(arguments)
            .args(["--web.listen-address", "127.0.0.1:0"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self { running, address: String::new() };
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(&said).unwrap();
            let listening = text.lines().find_map(|line| line.split_once("msg=\"Listening on\" address="));
            if let Some((_, address)) = listening {
                server.address = address.split_whitespace().next().unwrap().to_owned();
                return server;
            }
            assert!(
                begun.elapsed() < LIMIT && server.running.try_wait().unwrap().is_none(),
                "it does not listen: {text}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Asks a server of others until the answer is as wished.
async fn until(url: &str, wished: impl Fn(&Value) -> bool) -> Value {
    let http = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
    let begun = Instant::now();
    loop {
        let text = http.get(url).send().await.unwrap().text().await.unwrap();
        let answer = serde_json::from_str(&text).unwrap_or(Value::Null);
        if wished(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < LIMIT, "{url}: {text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn run(program: &Path, arguments: Vec<String>) -> Output {
    let mut program = Program::new(program);
    program.args(arguments).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_scrapes_an_engine_over_tls_and_its_alert_is_a_services_health_until_it_is_over() {
    let (Some(prometheus), Some(promtool)) = (program(&["prometheus"]), program(&["promtool"])) else { return };
    let ward = Ward::new().await;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/monitoring/codeblue.rules.yml");
    let rule = json!({
        "alert": "Halted", "expr": "codeblue_automation_halted == 1",
        "labels": {"service": "billing", "severity": "critical"},
        "annotations": {"summary": "policies start nothing, said {{ $labels.job }}"},
    });
    let rules = ward.file("rules.yml", &json!({"groups": [{"name": "test", "rules": [rule]}]}));
    let mut scrape = ward.access(&ward.read);
    let mut alertmanager = ward.access(&ward.report);
    let target = json!([{"targets": [ward.address()]}]);
    for to in [&mut scrape, &mut alertmanager] {
        to["scheme"] = json!("https");
        to["static_configs"] = target.clone();
    }
    scrape["job_name"] = json!("codeblue");
    let config = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [shipped, rules],
        "scrape_configs": [scrape],
        "alerting": {"alertmanagers": [alertmanager]},
    });
    let config = ward.file("prometheus.yml", &config);
    let checked = run(&promtool, vec!["check".into(), "config".into(), config.display().to_string()]).await;
    assert!(checked.status.success(), "{}", said(&checked));

    let (config, data) = (config.display().to_string(), ward.served.bed.path("tsdb").display().to_string());
    let arguments = ["--config.file", &config, "--storage.tsdb.path", &data, "--rules.alert.resend-delay", "1s"];
    let server = Server::start(&prometheus, ward.served.bed.folder.path(), &arguments).await;
    let query = |query: &str| format!("http://{}/api/v1/query?query={query}", server.address);
    let value = |answer: &Value| answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned);
    for name in ["up", "codeblue_service_up{service=\"desk\"}"] {
        until(&query(name), |answer| value(answer).as_deref() == Some("1")).await;
    }
    // All that is shown has been understood.
    let scraped = until(&query("scrape_samples_post_metric_relabeling"), |answer| value(answer).is_some()).await;
    assert!(value(&scraped).unwrap().parse::<u32>().unwrap() > 30, "{scraped}");
    let rules = format!("http://{}/api/v1/rules", server.address);
    let loaded = until(&rules, |answer| {
        let groups = answer["data"]["groups"].as_array();
        groups.is_some_and(|groups| {
            groups.len() == 2
                && groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).all(|rule| rule["health"] == "ok")
        })
    });
    loaded.await;

    let alice = ward.served.client(Some("alice"));
    alice.submit(&Command::HaltAutomation { reason: "test".to_owned() }).await.unwrap();
    let reason = ward.is(Status::Down).await;
    assert!(reason.contains("Halted (critical) fires since") && reason.contains("said codeblue"), "{reason}");
    let listed = alice.alerts().await.unwrap();
    assert!(listed.iter().any(|entry| entry.alert.name() == "Halted" && entry.services == ["billing"]), "{listed:?}");

    alice.submit(&Command::ReleaseAutomation).await.unwrap();
    ward.is(Status::Healthy).await;
    drop(server);
    ward.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn amtool_adds_an_alert_finds_it_and_ends_it() {
    let Some(amtool) = program(&["amtool"]) else { return };
    let ward = Ward::new().await;
    let url = format!("https://{}", ward.address());
    let (read, report) =
        (ward.file("read.yml", &ward.access(&ward.read)), ward.file("report.yml", &ward.access(&ward.report)));
    let amtool = async |access: &Path, words: &str| {
        let access = format!("--http.config.file={}", access.display());
        let mut all = vec![format!("--alertmanager.url={url}"), access, "--no-version-check".to_owned()];
        all.extend(shell_words::split(words).unwrap());
        run(&amtool, all).await
    };
    let labels = "alertname=Queue service=billing severity=critical";
    let added = amtool(&report, &format!("alert add {labels} --annotation=summary='4 000 bills wait'")).await;
    assert!(added.status.success(), "{}", said(&added));
    let reason = ward.is(Status::Down).await;
    assert!(reason.contains("Queue (critical) fires since") && reason.contains("4 000 bills wait"), "{reason}");

    for words in ["alert", "alert query alertname=Queue", "alert query 'service=~bill.*' severity!=warning"] {
        let found = amtool(&read, &format!("-o json {words}")).await;
        let alerts: Value =
            serde_json::from_slice(&found.stdout).unwrap_or_else(|_| panic!("{words}: {}", said(&found)));
        assert_eq!(alerts[0]["labels"]["alertname"], "Queue", "{words}: {alerts}");
        assert_eq!(alerts.as_array().unwrap().len(), 1);
    }
    let none = amtool(&read, "-o json alert query service=desk").await;
    assert_eq!(serde_json::from_slice::<Value>(&none.stdout).unwrap(), json!([]), "{}", said(&none));
    let simple = said(&amtool(&read, "alert query").await);
    assert!(simple.contains("Queue") && simple.contains("4 000 bills wait"), "{simple}");
    for words in ["silence query", "cluster show"] {
        let looked = amtool(&read, words).await;
        assert!(looked.status.success(), "{words}: {}", said(&looked));
    }
    for (access, words) in [
        (&read, format!("alert add {labels}")),
        (&report, "alert query".to_owned()),
        (&report, "silence add alertname=Queue --author=erin --comment=quiet --duration=1h".to_owned()),
    ] {
        let refused = amtool(access, &words).await;
        assert!(!refused.status.success(), "{words}: {}", said(&refused));
    }

    let over = ward.served.handle().now().to_rfc3339();
    let ended = amtool(&report, &format!("alert add {labels} --end={over}")).await;
    assert!(ended.status.success(), "{}", said(&ended));
    ward.is(Status::Healthy).await;
    ward.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_sends_on_what_it_was_told() {
    let names = ["alertmanager", "prometheus-alertmanager"];
    let (Some(alertmanager), Some(amtool)) = (program(&names), program(&["amtool"])) else { return };
    let ward = Ward::new().await;
    let webhook = json!({
        "url": format!("https://{}/api/v1/alertmanager", ward.address()),
        "send_resolved": true,
        "http_config": ward.access(&ward.report),
    });
    let route = json!({
        "receiver": "codeblue", "group_by": ["alertname"],
        "group_wait": "100ms", "group_interval": "1s", "repeat_interval": "1h",
    });
    let config = json!({"route": route, "receivers": [{"name": "codeblue", "webhook_configs": [webhook]}]});
    let config = ward.file("alertmanager.yml", &config).display().to_string();
    let checked = run(&amtool, vec!["check-config".to_owned(), config.clone()]).await;
    assert!(checked.status.success(), "{}", said(&checked));
    let data = ward.served.bed.path("am").display().to_string();
    let arguments = ["--config.file", &config, "--storage.path", &data, "--cluster.listen-address="];
    let server = Server::start(&alertmanager, ward.served.bed.folder.path(), &arguments).await;
    let tell = async |end: Option<String>| {
        let mut words = vec![format!("--alertmanager.url=http://{}", server.address), "--no-version-check".to_owned()];
        let labels = ["alert", "add", "alertname=Ledger", "service=billing", "severity=warning"];
        words.extend(labels.map(str::to_owned));
        words.push("--annotation=summary=ledger differs, patient mrn=77441122".to_owned());
        words.extend(end.map(|end| format!("--end={end}")));
        let told = run(&amtool, words).await;
        assert!(told.status.success(), "{}", said(&told));
    };
    tell(None).await;
    let reason = ward.is(Status::Degraded).await;
    assert!(reason.contains("Ledger (warning) fires since") && reason.contains("ledger differs"), "{reason}");
    assert!(!reason.contains("77441122"), "{reason}");
    tell(Some(ward.served.handle().now().to_rfc3339())).await;
    ward.is(Status::Healthy).await;
    assert!(ward.served.client(None).alerts().await.unwrap().is_empty());
    drop(server);
    ward.served.stop().await;
}
