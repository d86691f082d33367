//! What a person sees who writes a platform file, right or wrong.

use std::{path::Path, path::PathBuf, time::Duration};

use serde_json::json;

use super::*;

const FILE: &str = "/srv/platform/codeblue.toml";

/// The smallest right file, with `more` behind it.
fn with(more: &str) -> String {
    format!("[platform]\nname = \"Ward\"\n[[service]]\nname = \"auth\"\n{more}")
}

fn read(text: &str) -> Platform {
    parse(text, Path::new(FILE)).unwrap_or_else(|problems| panic!("{problems}"))
}

fn complaints(text: &str) -> Vec<String> {
    let problems = parse(text, Path::new("codeblue.toml")).expect_err("the file should be refused");
    problems.iter().map(ToString::to_string).collect()
}

/// The only problem of the smallest right file with `more` behind it.
fn complaint(more: &str) -> String {
    let all = complaints(&with(more));
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0].clone()
}

#[test]
fn defaults_fill_what_is_not_said() {
    let platform = read(&with(
        "[[service.check]]\nhttp = \"http://127.0.0.1:1/\"\n[[component]]\nname = \"code\"\nservice = \"auth\"\nrelease = { root = \"auth\" }\n",
    ));
    assert_eq!(platform.profile, Profile::Production);
    assert_eq!(platform.automation.mode, AutomationMode::Assist);
    let check = &platform.services[0].checks[0];
    assert_eq!(check.name, "shallow-http");
    assert_eq!(
        (check.every, check.within, check.slow),
        (Duration::from_secs(30), Duration::from_secs(5), Duration::from_secs(1))
    );
    assert_eq!((check.failures, check.successes), (3, 2));
    let component = &platform.components[0];
    assert_eq!(
        (component.every, component.rpo, component.rto),
        (Duration::from_secs(3600), Duration::from_secs(3600), Duration::from_secs(300))
    );
    assert_eq!(component.kind, ComponentKind::Code);
    assert_eq!(component.adapter, Adapter::Release { root: PathBuf::from("/srv/platform/auth") });
}

#[test]
fn every_probe_can_be_written() {
    let platform = read(&with(
        r#"
logs = ["log/auth.log", "/var/log/auth.log"]
[[service.check]]
level = "deep"
http = { url = "https://[::1]:8443/health?x=1", status = 204, body = "ok", json = { path = "$.a[0].b", equals = { up = [1, 2.5, true] } }, within = "1s" }
[[service.check]]
name = "port"
tcp = "[::1]:5432"
every = "1m 30s"
[[service.check]]
command = "./bin/check 'two words' --fast"
[[service.check]]
command = ["sh", "-c", "true | cat"]
[[service.check]]
level = "comprehensive"
sqlite = { path = "records.db", query = "SELECT 1", integrity = true }
[[service.check]]
process = { pid_file = "/run/auth.pid" }
[[service.check]]
process = { name = "authd", descriptors = 80 }
[[service.check]]
host = { resource = "cpu" }
[[service.check]]
host = { resource = "memory" }
[[service.check]]
host = { resource = "disk", path = "data", above = 70 }
[[service.check]]
host = { resource = "inodes", path = "data" }
[[service.check]]
host = { resource = "load", above = 250 }
[[service.check]]
postgres = { user = "app", database = "records", password_file = "pgpass", query = "SELECT 1", lag = "30s", connections = 80, locks = "10s" }
[[service.check]]
dns = { name = "ward.example", type = "AAAA", server = "10.0.0.53", expect = "fd00::1" }
[[service.check]]
log = { path = "app.log", pattern = "ERROR|FATAL", above = 5, window = "5m" }
[[service.check]]
promql = { url = "http://prometheus:9090", query = "sum(rate(errors[5m]))", above = 0.5 }
[[service.check]]
inference = { url = "http://model:8000", prompt = "2 + 2?", answer = 4, tolerance = 0.1, key_file = "key" }
[[service.check]]
heartbeat = { within = "26h" }
[[service.check]]
clock = { servers = ["ntp.ward.example", "10.0.0.1:1123", "[fd00::1]"] }
[[service.action]]
name = "restart"
run = "systemctl restart auth"
risk = "medium"
takes = "20s"
"#,
    ));
    let service = &platform.services[0];
    assert_eq!(service.logs, [PathBuf::from("/srv/platform/log/auth.log"), PathBuf::from("/var/log/auth.log")]);
    let names: Vec<_> = service.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "deep-http",
            "port",
            "shallow-command",
            "shallow-command-2",
            "comprehensive-sqlite",
            "shallow-process",
            "shallow-process-2",
            "shallow-host",
            "shallow-host-2",
            "shallow-host-3",
            "shallow-host-4",
            "shallow-host-5",
            "shallow-postgres",
            "shallow-dns",
            "shallow-log",
            "shallow-promql",
            "shallow-inference",
            "shallow-heartbeat",
            "shallow-clock"
        ]
    );
    assert_eq!(service.checks[0].within, Duration::from_secs(1));
    assert_eq!(
        service.checks[0].probe,
        Probe::Http(HttpProbe {
            url: "https://[::1]:8443/health?x=1".to_owned(),
            status: Some(204),
            body: Some("ok".to_owned()),
            json: Some(JsonExpectation { path: "$.a[0].b".to_owned(), equals: json!({"up": [1, 2.5, true]}) }),
            ..HttpProbe::default()
        })
    );
    assert_eq!(service.checks[1].every, Duration::from_secs(90));
    let run = ["/srv/platform/./bin/check", "two words", "--fast"].map(str::to_owned).to_vec();
    assert_eq!(service.checks[2].probe, Probe::Command { run });
    let above = |index: usize| match &service.checks[index].probe {
        Probe::Host { above, .. } => *above,
        other => panic!("{other:?}"),
    };
    assert_eq!([above(7), above(8), above(9), above(10), above(11)], [80, 85, 70, 90, 250]);
    let Probe::Dns(dns) = &service.checks[13].probe else { panic!("{:?}", service.checks[13]) };
    assert_eq!(
        (dns.server.unwrap().to_string(), dns.expect.as_slice()),
        ("10.0.0.53:53".to_owned(), &["fd00::1".to_owned()][..])
    );
    let Probe::Inference(inference) = &service.checks[16].probe else { panic!("{:?}", service.checks[16]) };
    let (value, tolerance) = (Figure::new(4.0).unwrap(), Figure::new(0.1).unwrap());
    assert_eq!(inference.answer, InferenceAnswer::Number { value, tolerance });
    let heartbeat = &service.checks[17];
    let within = Duration::from_secs(26 * 3600);
    assert_eq!(heartbeat.probe, Probe::Heartbeat { service: service.name.clone(), within });
    assert_eq!((heartbeat.failures, service.checks[16].failures), (1, 3), "its patience is within already");
    let stored = serde_json::to_string(&platform).unwrap();
    assert_eq!(serde_json::from_str::<Platform>(&stored).unwrap(), platform, "the journal keeps all of it");
    assert_eq!(service.actions[0].run, ["systemctl", "restart", "auth"]);
    let told = explain(&platform);
    for line in [
        "look for a process named authd, with at most 80 % of the files open that it may have\n",
        "see whether the inodes are more than 90 % used at /srv/platform/data\n",
        "see whether the load is more than 250 % of the processors\n",
        "log in as app to records at /var/run/postgresql, port 5432, ask \"SELECT 1\", replicas at most 30s behind, at most 80 % of the connections used, nobody waiting longer than 10s for a lock\n",
        "ask for AAAA of ward.example at 10.0.0.53:53, expecting fd00::1\n",
        "count lines with \"ERROR|FATAL\" in /srv/platform/app.log, at most 5 in 5m\n",
        "ask Prometheus at http://prometheus:9090 for \"sum(rate(errors[5m]))\", degraded above 0.5\n",
        "ask the model at http://model:8000 \"2 + 2?\", expecting 4 ± 0.1\n",
        "wait for its heartbeat, at most 1day 2h\n",
        "ask ntp.ward.example:123, 10.0.0.1:1123, [fd00::1]:123 for the time, degraded above 500ms\n",
    ] {
        assert!(told.contains(line), "{told} lacks {line}");
    }
}

#[test]
fn a_reload_stands_inside_or_outside_the_adapter() {
    let inside = read(&with(
        "[[component]]\nname = \"c\"\nservice = \"auth\"\nrelease = { root = \"/r\", reload = \"kick it\" }\n",
    ));
    let outside = read(&with(
        "[[component]]\nname = \"c\"\nservice = \"auth\"\nreload = [\"kick\", \"it\"]\nrelease = { root = \"/r\" }\n",
    ));
    assert_eq!(inside, outside);
    assert_eq!(
        complaint(
            "[[component]]\nname = \"c\"\nservice = \"auth\"\nreload = \"a\"\nrelease = { root = \"/r\", reload = \"b\" }\n"
        ),
        "codeblue.toml:9: component.reload: it is given twice; expected one reload command"
    );
}

#[test]
fn a_postgres_component_is_a_server_or_one_database() {
    let part =
        |adapter: &str| format!("[[component]]\nname = \"db\"\nservice = \"auth\"\npostgres = {{ {adapter} }}\n");
    let adapter = |text: &str| read(&with(&part(text))).components[0].clone();
    let server = PostgresServer {
        host: "/var/run/postgresql".to_owned(),
        port: 5432,
        user: "postgres".to_owned(),
        password_file: None,
        bin: None,
    };
    let whole = adapter("data = \"/srv/pg/main\"");
    let scope = PostgresScope::Physical { data: "/srv/pg/main".into(), wal: None, start: None, stop: None };
    assert_eq!(whole.adapter, Adapter::Postgres { server: server.clone(), scope });
    assert_eq!((whole.kind, whole.adapter.points()), (ComponentKind::Database, Points::Snapshots));
    let followed = adapter(
        "data = \"/srv/pg/main\", wal = \"/srv/wal\", start = \"systemctl start pg\", stop = \"systemctl stop pg\"",
    );
    assert_eq!(followed.adapter.points(), Points::Continuous);
    let one = adapter(
        "mode = \"logical\", database = \"records\", host = \"db.internal\", port = 5433, user = \"backup\", password_file = \"pgpass\"",
    );
    let server = PostgresServer {
        host: "db.internal".to_owned(),
        port: 5433,
        user: "backup".to_owned(),
        password_file: Some("/srv/platform/pgpass".into()),
        ..server
    };
    assert_eq!(
        one.adapter,
        Adapter::Postgres { server, scope: PostgresScope::Logical { database: "records".to_owned() } }
    );
    assert_eq!(
        complaint(&part("mode = \"logical\"")),
        "codeblue.toml:8: component.postgres: \"database\" is missing; expected the name of the database"
    );
    assert_eq!(
        complaint(&part("data = \"/d\", stop = \"a\"")),
        "codeblue.toml:8: component.postgres: only one of \"start\" and \"stop\" is given; expected both, or neither for pg_ctl"
    );
    assert!(complaint(&part("data = \"/d\", password = \"x\"")).contains("unknown key \"password\""));
    let text = explain(&read(&with(&part("data = \"/srv/pg/main\", wal = \"/srv/wal\""))));
    assert!(text.contains("database of auth, the PostgreSQL server in /srv/pg/main"), "{text}");
    assert!(
        text.contains("its log is received into /srv/wal: any second since the oldest snapshot is covered"),
        "{text}"
    );
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_their_lines() {
    let text = r#"[platform]
name = "Ward"
profil = "drill"

[[service]]
name = "patient-api"
criticality = "criticl"
depends_on = ["recrods-db", "auth"]
[[service.check]]
level = "shallow"
every = 30
http = "127.0.0.1:8080"
[[service.check]]
tcp = "localhost"
process = { name = "x" }

[[service]]
name = "records-db"
[[service.check]]
sqlite = { paht = "/r.db" }

[[service]]
name = "records-db"

[[component]]
name = "Records"
service = "record-db"
every = "5 parsecs"
sqlite = { path = "/r.db" }

[[operator]]
name = "alice"
roles = ["tech-lead", "technical-laed"]

[colours]
"#;
    insta::assert_snapshot!(complaints(text).join("\n"), @r#"
    codeblue.toml:3: platform: unknown key "profil"; did you mean "profile"?
    codeblue.toml:7: service.criticality: unknown value "criticl"; did you mean "critical"?
    codeblue.toml:8: service.depends_on: no service is named "recrods-db"; did you mean "records-db"?
    codeblue.toml:8: service.depends_on: no service is named "auth"; expected the name of a service
    codeblue.toml:11: service.check.every: 30 has no unit; did you mean "30s"?
    codeblue.toml:12: service.check.http: "127.0.0.1:8080" is no HTTP address; expected an address such as "http://127.0.0.1:8080/health"
    codeblue.toml:14: service.check.tcp: "localhost" is no TCP address; expected HOST:PORT, such as "127.0.0.1:5432"
    codeblue.toml:15: service.check: both "tcp" and "process" are given; expected one probe in each check
    codeblue.toml:20: service.check.sqlite: "path" is missing; expected the database file
    codeblue.toml:20: service.check.sqlite: unknown key "paht"; did you mean "path"?
    codeblue.toml:23: service.name: two services are named "records-db" (see line 18); expected another one
    codeblue.toml:26: component.name: "Records" is no valid name; did you mean "records"?
    codeblue.toml:27: component.service: no service is named "record-db"; did you mean "records-db"?
    codeblue.toml:28: component.every: "5 parsecs" is no duration; expected a duration such as "30s", "5m" or "1h 30m"
    codeblue.toml:33: operator.roles: unknown value "tech-lead"; expected one of viewer, engineer, technical-lead, cto, compliance-officer
    codeblue.toml:33: operator.roles: unknown value "technical-laed"; did you mean "technical-lead"?
    codeblue.toml:35: unknown key "colours"; expected one of platform, automation, access, listen, log, vault, evidence, model, redact, service, component, operator, maintenance, oncall, approvals, freeze, function
    "#);
}

#[test]
fn circles_are_named() {
    let text = "[platform]\nname = \"Ward\"\n[[service]]\nname = \"a\"\ndepends_on = [\"b\"]\n[[service]]\nname = \"b\"\ndepends_on = [\"c\"]\n[[service]]\nname = \"c\"\ndepends_on = [\"a\", \"d\"]\n[[service]]\nname = \"d\"\ndepends_on = [\"d\"]\n";
    assert_eq!(
        complaints(text),
        [
            "codeblue.toml:11: service.depends_on: services need each other in a circle: a → b → c → a; expected one of these dependencies removed",
            "codeblue.toml:14: service.depends_on: services need each other in a circle: d → d; expected one of these dependencies removed",
        ]
    );
}

#[test]
fn a_diamond_and_a_very_long_chain_are_no_circles() {
    use std::fmt::Write;
    read(
        "[platform]\nname = \"Ward\"\n[[service]]\nname = \"a\"\ndepends_on = [\"b\", \"c\"]\n[[service]]\nname = \"b\"\ndepends_on = [\"d\"]\n[[service]]\nname = \"c\"\ndepends_on = [\"d\"]\n[[service]]\nname = \"d\"\n",
    );
    let mut text = String::from("[platform]\nname = \"Ward\"\n");
    for index in 0..20_000 {
        let _ = write!(text, "[[service]]\nname = \"s{index}\"\ndepends_on = [\"s{}\"]\n", index + 1);
    }
    text.push_str("[[service]]\nname = \"s20000\"\n");
    assert_eq!(read(&text).services.len(), 20_001);
}

#[test]
fn syntax_errors_have_lines() {
    insta::assert_snapshot!(complaints("[platform]\nname = \"Ward\n[[service]]\nname = auth\n").join("\n"), @r#"
    codeblue.toml:2: invalid basic string, expected `"`
    codeblue.toml:4: string values must be quoted, expected literal string
    "#);
    insta::assert_snapshot!(complaints("[platform]\nname = \"A\"\nname = \"B\"\n").join("\n"), @r#"
    codeblue.toml:3: duplicate key
    "#);
}

#[test]
fn an_empty_file_says_what_is_missing() {
    insta::assert_snapshot!(complaints("").join("\n"), @r#"
    codeblue.toml:1: platform: it is missing; expected a table headed [platform] with the platform's name
    codeblue.toml:1: service: there is none; expected at least one service, headed [[service]]
    "#);
    insta::assert_snapshot!(complaints("platform = 3\nservice = \"auth\"\n[component]\nname = \"x\"").join("\n"), @r#"
    codeblue.toml:1: service: there is none; expected at least one service, headed [[service]]
    codeblue.toml:1: platform: found the number 3; expected a table headed [platform] with the platform's name
    codeblue.toml:2: service: found "auth"; expected a table headed [[service]] with two brackets on each side
    codeblue.toml:3: component: found a table; expected a table headed [[component]] with two brackets on each side
    "#);
}

#[test]
fn wrong_values_say_what_would_be_right() {
    let probes = [
        "http = \"ftp://host/\"",
        "http = \"https://alice:secret@host/\"",
        "http = { url = \"http://host/\", status = 99 }",
        "http = { url = \"http://host/\", json = { path = \"status\", equals = 1 } }",
        "http = { url = \"http://host/\", json = { path = \"$.status\" } }",
        "http = { url = \"http://host/\", method = \"post\" }",
        "http = { url = \"http://host/\", certificate = \"14d\" }",
        "http = { url = \"http://host/\", headers = { Authorization = \"Bearer x\" } }",
        "http = { url = \"http://host/\", headers = { \"a b\" = \"x\" } }",
        "http = { url = \"http://host/\", send = { } }",
        "tcp = \"host:0\"",
        "tcp = \"::1:80\"",
        "command = \"a | b\"",
        "command = \"a 'b\"",
        "command = []",
        "command = [\"a\", 3]",
        "command = \"  \"",
        "process = { }",
        "process = { pid_file = \"/run/x\", name = \"x\" }",
        "process = { name = \"/usr/bin/x\" }",
        "host = { resource = \"dsik\" }",
        "host = { resource = \"cpu\", path = \"/\" }",
        "host = { resource = \"cpu\", above = 101 }",
        "process = { name = \"x\", descriptors = 0 }",
        "postgres = { user = \"app\" }",
        "dns = { name = \"two words\" }",
        "dns = { name = \"ward.example\", type = \"a\" }",
        "dns = { name = \"ward.example\", server = \"ns.example\" }",
        "log = { path = \"/var/log/app\", pattern = \"(\" }",
        "promql = { url = \"http://p:9090\", query = \"up\" }",
        "promql = { url = \"http://p:9090\", query = \"up\", above = nan }",
        "inference = { url = \"http://m\", prompt = \"2 + 2?\", answer = \"four\", tolerance = 1 }",
        "sqlite = { path = \"~/x.db\" }",
        "heartbeat = { }",
        "clock = { servers = [] }",
        "clock = { servers = [\"ntp/\"] }",
        "tcp = \"h:1\"\nslow = \"2s\"\nwithin = \"1s\"",
        "tcp = \"h:1\"\nfailures = 0",
        "tcp = \"h:1\"\nevery = \"0s\"",
        "tcp = \"h:1\"\nevery = \"-3s\"",
        "tcp = \"h:1\"\nlevel = \"Deep\"",
        "",
    ];
    let told: Vec<_> = probes.iter().map(|probe| complaint(&format!("[[service.check]]\n{probe}\n"))).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    codeblue.toml:6: service.check.http: "ftp://host/" is no HTTP address; expected an address such as "http://127.0.0.1:8080/health"
    codeblue.toml:6: service.check.http: it holds a user name or password; expected an address without them
    codeblue.toml:6: service.check.http.status: found the number 99; expected a whole number from 100 to 599
    codeblue.toml:6: service.check.http.json.path: "status" is no JSON path; expected a path such as "$.status" or "$.items[0].ok"
    codeblue.toml:6: service.check.http.json: "equals" is missing; expected the value it must have
    codeblue.toml:6: service.check.http.method: unknown value "post"; did you mean "POST"?
    codeblue.toml:6: service.check.http: "certificate" says nothing about an address without encryption; expected an address that begins with https://
    codeblue.toml:6: service.check.http.headers.Authorization: it holds a secret; expected { file = "…" }: a secret has no place in this file
    codeblue.toml:6: service.check.http.headers.a b: it is no name of a header; expected a name such as "accept"
    codeblue.toml:6: service.check.http.send: "file" is missing; expected the file that holds it
    codeblue.toml:6: service.check.tcp: "host:0" is no TCP address; expected HOST:PORT, such as "127.0.0.1:5432"
    codeblue.toml:6: service.check.tcp: "::1:80" is no TCP address; expected HOST:PORT, such as "127.0.0.1:5432"
    codeblue.toml:6: service.check.command: "|" needs a shell, and commands are run without one; expected a plain command; put the rest into a script
    codeblue.toml:6: service.check.command: a quotation mark is not closed; expected a program and its arguments, such as "systemctl restart auth" or ["systemctl", "restart", "auth"]
    codeblue.toml:6: service.check.command: it names no program; expected a program and its arguments, such as "systemctl restart auth" or ["systemctl", "restart", "auth"]
    codeblue.toml:6: service.check.command: found the number 3; expected a program and its arguments, such as "systemctl restart auth" or ["systemctl", "restart", "auth"]
    codeblue.toml:6: service.check.command: it is empty; expected a program and its arguments, such as "systemctl restart auth" or ["systemctl", "restart", "auth"]
    codeblue.toml:6: service.check.process: it names no process; expected process = { pid_file = "…" } or process = { name = "…" }
    codeblue.toml:6: service.check.process: "pid_file" and "name" are both given; expected process = { pid_file = "…" } or process = { name = "…" }
    codeblue.toml:6: service.check.process.name: "/usr/bin/x" is a path; expected the name of an executable, without its directory
    codeblue.toml:6: service.check.host.resource: unknown value "dsik"; did you mean "disk"?
    codeblue.toml:6: service.check.host: "path" says nothing about this resource; expected path with resource = "disk" or "inodes" only
    codeblue.toml:6: service.check.host.above: found the number 101; expected a whole number from 1 to 100
    codeblue.toml:6: service.check.process.descriptors: found the number 0; expected a whole number from 1 to 100
    codeblue.toml:6: service.check.postgres: "database" is missing; expected the database that the application uses
    codeblue.toml:6: service.check.dns.name: "two words" is no name; expected a name such as "ward.example"
    codeblue.toml:6: service.check.dns.type: unknown value "a"; did you mean "A"?
    codeblue.toml:6: service.check.dns.server: "ns.example" is no address; expected an address such as "10.0.0.53" or "10.0.0.53:5353"
    codeblue.toml:6: service.check.log.pattern: "(" is no regular expression; expected one such as "ERROR|FATAL"; what has a meaning is escaped as "\\("
    codeblue.toml:6: service.check.promql: nothing says which values are good; expected above or below
    codeblue.toml:6: service.check.promql.above: found the number nan; expected a number such as 5 or 0.5
    codeblue.toml:6: service.check.inference: a text is right or wrong, and never nearly right; expected tolerance with a number as the answer only
    codeblue.toml:6: service.check.sqlite.path: "~" has no meaning here; expected an absolute path, or one relative to this file
    codeblue.toml:6: service.check.heartbeat: "within" is missing; expected how long the service may be silent, such as "10m"
    codeblue.toml:6: service.check.clock.servers: nobody is asked; expected time servers, such as ["ntp.ward.example"]
    codeblue.toml:6: service.check.clock.servers: "ntp/" is no server; expected a server such as "ntp.ward.example" or "10.0.0.1:123"
    codeblue.toml:7: service.check.slow: a run that takes 2s has failed already, because within is 1s; expected a duration of at most within
    codeblue.toml:7: service.check.failures: found the number 0; expected a whole number from 1 to 100
    codeblue.toml:7: service.check.every: "0s" is too short or too long; expected 1ms to 400 days
    codeblue.toml:7: service.check.every: "-3s" is no duration; expected a duration such as "30s", "5m" or "1h 30m"
    codeblue.toml:7: service.check.level: unknown value "Deep"; did you mean "deep"?
    codeblue.toml:5: service.check: it probes nothing; expected one of http, tcp, command, sqlite, postgres, process, host, dns, log, promql, inference, heartbeat, alert, workflow, rows, clock
    "#);
    assert!(!told[1].contains("secret"), "a password must not be repeated");
}

#[test]
fn two_of_a_kind_are_refused() {
    let part = |name: &str, path: &str| {
        format!("[[component]]\nname = \"{name}\"\nservice = \"auth\"\nsqlite = {{ path = \"{path}\" }}\n")
    };
    assert_eq!(
        complaint(&(part("a", "/a.db") + &part("a", "/b.db"))),
        "codeblue.toml:10: component.name: two components are named \"a\" (see line 6); expected another one"
    );
    assert_eq!(
        complaint(&(part("a", "/a.db") + &part("b", "/a.db"))),
        "codeblue.toml:10: component: /a.db belongs to component \"a\" already; expected each path in one component"
    );
    let check = "[[service.check]]\nname = \"port\"\ntcp = \"h:1\"\n";
    assert!(complaint(&check.repeat(2)).contains("two checks of this service are named \"port\" (see line 6)"));
    let people = "[[operator]]\nname = \"alice\"\nroles = [\"engineer\"]\nlogin = \"ops\"\n[[operator]]\nname = \"bob\"\nroles = [\"cto\"]\nlogin = \"ops\"\n";
    assert!(complaint(people).contains("two operators cannot share the login \"ops\" (see line 8)"));
    let drill = with(people).replace("[platform]", "[platform]\nprofile = \"drill\"");
    assert_eq!(read(&drill).operators.len(), 2);
}

#[test]
fn a_replica_is_a_directory_that_no_component_captures() {
    let with_files = |replica: &str| {
        with(&format!(
            "[[component]]\nname = \"data\"\nservice = \"auth\"\nfiles = {{ paths = [\"/srv/data\"] }}\n[vault]\nreplica = {replica}\n"
        ))
    };
    let platform = read(&with_files("{ directory = \"/mnt/backup\" }"));
    assert_eq!(platform.vault.replica, Some(ReplicaPlace::Directory(PathBuf::from("/mnt/backup"))));
    assert!(explain(&platform).contains("every snapshot to the directory /mnt/backup"));
    assert_eq!(
        complaints(&with_files("{ directory = \"/srv/data/copy\" }")),
        [
            "codeblue.toml:10: vault.replica: it lies in /srv/data, which component \"data\" captures; expected a directory on another disk"
        ]
    );
    let server =
        read(&with_files("{ rest = \"https://backup:8000/codeblue\", user = \"us\", password_file = \"secret\" }"));
    let login = ReplicaLogin { user: "us".to_owned(), password_file: PathBuf::from("/srv/platform/secret") };
    let url = "https://backup:8000/codeblue".to_owned();
    assert_eq!(server.vault.replica, Some(ReplicaPlace::Rest { url, login: Some(login) }));
    assert!(explain(&server).contains("every snapshot to https://backup:8000/codeblue"));
    for wrong in
        ["{ rest = \"backup:8000\" }", "{ rest = \"http://us:secret@b/\" }", "{ rest = \"http://b\", user = \"us\" }"]
    {
        let told = complaints(&with_files(wrong));
        assert!(told.len() == 1 && !told[0].contains("secret@"), "{told:?}");
    }
    let nowhere = complaints(&with_files("{}"));
    assert!(nowhere.len() == 1 && nowhere[0].contains("directory"), "{nowhere:?}");
}

#[test]
fn a_missing_file_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let problems = load(&folder.path().join("codeblue.toml")).unwrap_err().to_string();
    assert!(problems.contains("cannot be read") && problems.contains("codeblue init"), "{problems}");
    std::fs::write(folder.path().join("codeblue.toml"), [0xff, 0xfe]).unwrap();
    let problems = load(&folder.path().join("codeblue.toml")).unwrap_err().to_string();
    assert!(problems.ends_with("it is not UTF-8 text; expected a platform file"), "{problems}");
    assert!(load(folder.path()).is_err());
}

#[test]
fn the_starter_file_loads_and_so_does_every_example_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codeblue.toml");
    std::fs::write(&path, STARTER).unwrap();
    let platform = load(&path).unwrap();
    assert_eq!(platform.services.len(), 1);

    let (head, examples) = STARTER.split_once("# A service of your own").unwrap();
    let is_example = |line: &str| line.starts_with('[') || line.split(' ').nth(1) == Some("=");
    let opened: Vec<&str> =
        examples.lines().filter_map(|line| line.strip_prefix("# ").filter(|line| is_example(line))).collect();
    let platform = read(&format!("{head}\n{}", opened.join("\n")));
    assert_eq!((platform.services.len(), platform.components.len(), platform.operators.len()), (3, 4, 3));
    assert_eq!((&platform.approvals, platform.freezes.len()), (&ApprovalLevels::default(), 1));
    assert_eq!(platform.on_call[0].layers.len(), 2);
    assert_eq!(platform.services[1].checks.len(), 9);
}

#[test]
fn a_platform_survives_json() {
    let platform = read(STARTER);
    let json = serde_json::to_string(&platform).unwrap();
    assert_eq!(serde_json::from_str::<Platform>(&json).unwrap(), platform);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\[\\[?(service|component|platform|operator|service\\.check|approvals|freeze|oncall|oncall\\.layer)\\]\\]?\n|(name|http|tcp|host|every|sqlite|files|roles|depends_on|functions|low|high|from|until|zone|people|only|since|owners) = ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00:[0-9]{2}(Z|[+-][0-9]{2}:00)?|\"[a-z:/0-9 é]{0,8}\"|\\[\"[ab]\"\\]|\\{ ?(path|url|resource) = \"[a-z]*\" ?\\}|[0-9]{1,20}|true)\n|[\\x00-\\x7fé]{0,3}){0,20}") {
        let _ = parse(&text, Path::new("codeblue.toml"));
    }
}

#[test]
fn a_place_belongs_to_one_component_with_all_that_lies_in_it() {
    let two = |one: &str, other: &str| {
        with(&format!(
            "[[component]]\nname = \"a\"\nservice = \"auth\"\n{one}\n[[component]]\nname = \"b\"\nservice = \"auth\"\n{other}\n"
        ))
    };
    for (one, other) in [
        ("files = { paths = [\"/srv/app\"] }", "sqlite = { path = \"/srv/app/data.db\" }"),
        ("sqlite = { path = \"/srv/app/data.db\" }", "files = { paths = [\"/etc\", \"/srv/other/../app/\"] }"),
        ("release = { root = \"/srv/app\" }", "git = { repository = \"/srv/app.git\", root = \"/srv/./app\" }"),
        ("release = { root = \"/srv/app\" }", "files = { paths = [\"/srv/app/releases/v1\"] }"),
    ] {
        let all = complaints(&two(one, other));
        assert!(all.len() == 1 && all[0].contains("belongs to component \"a\" already"), "{one} {other}: {all:?}");
    }
    // what lies beside the releases is shared between them and somebody else's
    read(&two("release = { root = \"/srv/app\" }", "files = { paths = [\"/srv/app/shared\", \"/srv/app-2\"] }"));
}

#[test]
fn a_git_component_names_its_repository_and_its_root() {
    let platform = read(&with(
        "[[component]]\nname = \"code\"\nservice = \"auth\"\ngit = { repository = \"app.git\", root = \"/srv/app\" }\n",
    ));
    let component = &platform.components[0];
    let (repository, root) = (PathBuf::from("/srv/platform/app.git"), PathBuf::from("/srv/app"));
    assert_eq!(component.adapter, Adapter::Git { repository, root });
    assert_eq!((component.kind, component.adapter.points()), (ComponentKind::Code, Points::Versions));
    let missing = complaint("[[component]]\nname = \"c\"\nservice = \"auth\"\ngit = { root = \"/r\" }\n");
    assert!(missing.contains("\"repository\" is missing"), "{missing}");
}

#[test]
fn secrets_and_flags_are_configuration_and_yaml_is_refused_early() {
    let platform = read(&with(
        "[[component]]\nname = \"s\"\nservice = \"auth\"\nenv = { paths = [\"/etc/shop/.env\"] }\n[[component]]\nname = \"f\"\nservice = \"auth\"\nflags = { path = \"flags.toml\" }\n",
    ));
    assert!(platform.components.iter().all(|component| component.kind == ComponentKind::Config));
    assert_eq!(platform.components[0].adapter, Adapter::Env { paths: vec![PathBuf::from("/etc/shop/.env")] });
    let refused = complaint("[[component]]\nname = \"f\"\nservice = \"auth\"\nflags = { path = \"flags.yaml\" }\n");
    assert!(refused.contains("neither .json nor .toml") && refused.contains("files ="), "{refused}");
}

#[test]
fn a_command_component_says_how_it_captures_restores_and_is_judged() {
    let with_programs = |programs: &str| {
        with(&format!("[[component]]\nname = \"c\"\nservice = \"auth\"\ncommand = {{ {programs} }}\n"))
    };
    let platform = read(&with_programs(
        "capture = \"dump --all\", restore = [\"load\", \"--to={$.items[0].id}\", \"{output}\"], verify = \"bin/judge\", within = \"5m\"",
    ));
    let Adapter::Command(programs) = &platform.components[0].adapter else { panic!() };
    assert_eq!(programs.verify, ["/srv/platform/bin/judge"]);
    assert_eq!((programs.within, &programs.dry_run), (Duration::from_secs(300), &None));
    let told = explain(&platform);
    assert!(told.contains("judged by /srv/platform/bin/judge; each may take 5m"), "{told}");
    assert!(told.contains("no dry_run program is named"), "{told}");

    for (programs, what) in [
        ("capture = \"dump\", verify = \"judge\"", "without which there is no undo"),
        ("capture = \"dump\", restore = \"load\"", "\"verify\" is missing"),
        ("restore = \"load\", verify = \"judge\"", "\"capture\" is missing"),
        ("capture = \"dump\", restore = \"load {$.a..b}\", verify = \"judge\"", "names no place"),
        ("capture = \"dump\", restore = \"load {$.a\", verify = \"judge\"", "names no place"),
        ("capture = \"dump\", restore = \"{output} x\", verify = \"judge\"", "cannot be the program"),
    ] {
        let all = complaints(&with_programs(programs));
        assert!(all.len() == 1 && all[0].contains(what), "{all:?}");
    }
}
