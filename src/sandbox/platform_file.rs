//! The platform file of a sandbox: its services as an engine is to watch them.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde_json::json;
use toml::Value;

use super::{
    SandboxError,
    catalogue::{FRONT, FRONTED, SERVICES, SandboxService},
    content::PROBE,
    files,
    layout::Layout,
    process,
    repair::Repair,
};
use crate::platform::{ActionRisk, Criticality, HealthInformation, Purpose};

/// What the wards of the sandbox cannot do without.
const FUNCTIONS: &str = r#"
[[function]]
name = "medication doses"
max_downtime = "30m"
owner = "the pharmacy"
contacts = ["Pharmacy lead, extension 4711", "Ward supervisor, pager 12"]
fallback = [
    "Open the downtime box of the ward, and print its sheet: codeblue sandbox pack WARD",
    "Chart every dose on the blue sheet, with time and initials",
    "Ask the pharmacy by telephone before a dose that you do not know",
]

[[function]]
name = "patient check-in"
max_downtime = "2h"
owner = "the front desk"
contacts = ["Front desk, extension 4200"]
fallback = ["Give out numbers from the paper roll", "Write name, time and reason on the check-in sheet"]
"#;

/// Who is on call in the sandbox: everybody in turn, and who leads or engineers at weekends.
const ON_CALL: &str = r#"
[[oncall]]
name = "hospital"
zone = "Europe/Berlin"
people = ["alice", "bob", "carol", "dora"]
since = "2024-01-01 09:00"
every = "7d"

[[oncall.layer]]
people = ["bob", "alice"]
since = "2024-01-06 00:00"
only = "sat,sun"
"#;

/// Writes `codeblue.toml` for a sandbox into a directory, with the ports its services have; gives the file's path. `binary` is
/// the codeblue program that actions and reloads run; all operators act from `login`.
///
/// # Errors
/// When the directory is no sandbox, or the file cannot be written.
pub fn write_platform(dir: &Path, into: &Path, binary: &Path, login: &str) -> Result<PathBuf, SandboxError> {
    let layout = Layout::open(dir)?;
    let path = into.join("codeblue.toml");
    files::write(&path, text(&layout, binary, login)?.as_bytes())?;
    Ok(path)
}

fn text(layout: &Layout, binary: &Path, login: &str) -> Result<String, SandboxError> {
    let mut text = String::from(
        "# The sandbox's platform: real processes on this host, safe to break.\n\n\
         [platform]\nname = \"HoloVitals\"\nprofile = \"drill\"\n\n\
         [automation]\nmode = \"assist\"\n",
    );
    for service in &SERVICES {
        let port = process::running(layout, service.name)?.map_or(layout.port(service.name), |entry| entry.port);
        text.push_str(&service_text(layout, service, port, binary));
        if service.name == FRONTED {
            text.push_str(&front_check(layout));
            text.push_str(&chart_reading(layout, port)?);
        }
    }
    text.push_str(&components(layout, binary));
    text.push_str(FUNCTIONS);
    let people = [("alice", "technical-lead"), ("bob", "engineer"), ("carol", "cto"), ("dora", "compliance-officer")];
    for (name, role) in people {
        add(
            &mut text,
            format_args!("\n[[operator]]\nname = \"{name}\"\nroles = [\"{role}\"]\nlogin = {}\n", quoted(login)),
        );
    }
    text.push_str(ON_CALL);
    Ok(text)
}

fn service_text(layout: &Layout, service: &SandboxService, port: u16, binary: &Path) -> String {
    let name = service.name;
    let criticality = match service.criticality {
        Criticality::Critical => "critical",
        Criticality::High => "high",
        Criticality::Medium => "medium",
        Criticality::Low => "low",
    };
    let mut text = format!("\n[[service]]\nname = \"{name}\"\ncriticality = \"{criticality}\"\n");
    if !service.depends_on.is_empty() {
        add(
            &mut text,
            format_args!("depends_on = {}\n", list(service.depends_on.iter().map(|name| (*name).to_owned()))),
        );
    }
    let functions = list(service.functions.iter().map(|function| (*function).to_owned()));
    add(&mut text, format_args!("functions = {functions}\nusers = {}\n", service.users));
    match service.health_information {
        HealthInformation::None => {}
        HealthInformation::Reads => text.push_str("health_information = \"reads\"\n"),
        HealthInformation::Writes => text.push_str("health_information = \"writes\"\n"),
    }
    if service.safeguard {
        text.push_str("safeguard = true\n");
    }
    let (log, pid_file) = (quoted_path(&layout.log(name)), quoted_path(&layout.pid_file(name)));
    add(&mut text, format_args!("owner = \"{}\"\nlogs = [{log}]\n", service.owner));
    let mut check = |keys: &str| add(&mut text, format_args!("[[service.check]]\n{keys}\n"));
    check(&format!(
        "level = \"shallow\"\nevery = \"1s\"\nfailures = 2\nsuccesses = 2\nwithin = \"500ms\"\nslow = \"250ms\"\n\
         http = {{ url = \"http://127.0.0.1:{port}/health\", json = {{ path = \"$.status\", equals = \"ok\" }} }}"
    ));
    check(&format!(
        "level = \"shallow\"\nevery = \"1s\"\nfailures = 2\nsuccesses = 2\nwithin = \"500ms\"\n\
         process = {{ pid_file = {pid_file} }}"
    ));
    check(&format!(
        "level = \"deep\"\nevery = \"2s\"\nfailures = 2\nsuccesses = 2\nwithin = \"2s\"\nslow = \"500ms\"\n\
         http = {{ url = \"http://127.0.0.1:{port}/deep\", status = 200, json = {{ path = \"$.status\", equals = \"ok\" }} }}"
    ));
    check(&format!(
        "level = \"shallow\"\nevery = \"2s\"\nfailures = 3\nsuccesses = 1\nwithin = \"500ms\"\n\
         log = {{ path = {log}, pattern = \" ERROR \", above = 100, window = \"10s\" }}"
    ));
    if name == "records-db" {
        let database = quoted_path(&layout.database());
        check(&format!(
            "level = \"deep\"\nevery = \"5s\"\nfailures = 2\nsuccesses = 1\nwithin = \"4s\"\n\
             sqlite = {{ path = {database}, integrity = true }}"
        ));
        check(
            "level = \"deep\"\nevery = \"1s\"\nfailures = 2\nsuccesses = 1\nwithin = \"2s\"\n\
             rows = { component = \"records\", table = \"medications\" }",
        );
        let dir = quoted_path(layout.dir());
        check(&format!(
            "level = \"shallow\"\nevery = \"10s\"\nfailures = 3\nwithin = \"2s\"\n\
             host = {{ resource = \"disk\", above = 95, path = {dir} }}"
        ));
    }
    let restart = command(binary, "restart", name, layout.dir());
    text += &action_text("restart", &restart, ActionRisk::Low, "3s", None);
    for repair in Repair::of(name) {
        let run = command(binary, &format!("repair {}", repair.name()), name, layout.dir());
        text += &action_text(&repair.name(), &run, repair.risk(), "1s", repair.purpose());
    }
    text
}

fn action_text(name: &str, run: &str, risk: ActionRisk, takes: &str, purpose: Option<Purpose>) -> String {
    let risk = match risk {
        ActionRisk::Low => "low",
        ActionRisk::Medium => "medium",
        ActionRisk::High => "high",
    };
    let purpose = purpose.map(|purpose| format!("for = \"{}\"\n", purpose.name())).unwrap_or_default();
    format!("[[service.action]]\nname = \"{name}\"\nrun = {run}\nrisk = \"{risk}\"\ntakes = \"{takes}\"\n{purpose}")
}

/// As the world comes in: over TLS, believing the sandbox's authority alone.
fn front_check(layout: &Layout) -> String {
    let (port, authority) = (layout.port(FRONT), quoted_path(&layout.authority()));
    format!(
        "[[service.check]]\nlevel = \"shallow\"\nevery = \"2s\"\nfailures = 2\nsuccesses = 2\nwithin = \"1s\"\n\
         http = {{ url = \"https://127.0.0.1:{port}/health\", authority = {authority}, json = {{ path = \"$.status\", equals = \"ok\" }} }}\n"
    )
}

/// What a clinician does all day: log in at `auth`, then read a chart. A sandbox of an older version has no account for it.
fn chart_reading(layout: &Layout, port: u16) -> Result<String, SandboxError> {
    let Some(secret) = files::read(&layout.secret(PROBE))? else { return Ok(String::new()) };
    let login = layout.secret(&format!("{PROBE}-login.json"));
    files::write_json(&login, &json!({"account": PROBE, "secret": String::from_utf8_lossy(&secret).trim()}))?;
    let auth = process::running(layout, "auth")?.map_or(layout.port("auth"), |entry| entry.port);
    let login = quoted_path(&login);
    Ok(format!(
        "[[service.check]]\nlevel = \"deep\"\nevery = \"2s\"\nfailures = 2\nsuccesses = 2\nwithin = \"2s\"\nslow = \"1s\"\n\
         workflow = [\n\
         \x20 {{ name = \"log in\", url = \"http://127.0.0.1:{auth}/login\", headers = {{ content-type = \"application/json\" }}, send = {{ file = {login} }}, take = {{ token = \"$.token\" }} }},\n\
         \x20 {{ name = \"read a chart\", url = \"http://127.0.0.1:{port}/patients/1\", headers = {{ authorization = \"Bearer {{token}}\" }}, json = {{ path = \"$.patient\", equals = 1 }} }},\n\
         ]\n"
    ))
}

fn components(layout: &Layout, binary: &Path) -> String {
    let files = |path: &Path| format!("files = {{ paths = [{}] }}", quoted_path(path));
    let release = format!("release = {{ root = {} }}", quoted_path(&layout.service("patient-api")));
    let sqlite = format!("sqlite = {{ path = {} }}", quoted_path(&layout.database()));
    let mut components = vec![
        ("patient-api-code".to_owned(), "patient-api", "code", "10m", release),
        ("records".to_owned(), "records-db", "database", "1m", sqlite),
        ("ai-model".to_owned(), "ai-analysis", "data", "10m", files(&layout.model().join("model.json"))),
    ];
    for service in &SERVICES {
        let configuration = files(&layout.config(service.name));
        components.push((format!("{}-config", service.name), service.name, "config", "5m", configuration));
    }
    let stock = files(&layout.service("inventory").join("stock.json"));
    components.push(("stock".to_owned(), "inventory", "data", "10m", stock));
    let mut text = String::new();
    for (name, service, kind, every, adapter) in components {
        let reload = command(binary, "reload", service, layout.dir());
        add(
            &mut text,
            format_args!(
                "\n[[component]]\nname = \"{name}\"\nservice = \"{service}\"\nkind = \"{kind}\"\nevery = \"{every}\"\n\
                 rpo = \"15m\"\nrto = \"1m\"\nreload = {reload}\n{adapter}\n"
            ),
        );
    }
    text
}

/// `codeblue sandbox VERB SERVICE --dir DIR`, as a list of arguments.
fn command(binary: &Path, verb: &str, service: &str, dir: &Path) -> String {
    let (binary, dir) = (binary.display().to_string(), dir.display().to_string());
    let words = std::iter::once("sandbox").chain(verb.split(' ')).chain([service, "--dir"]).map(str::to_owned);
    list(std::iter::once(binary).chain(words).chain([dir]))
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| quoted(&item)).collect();
    format!("[{}]", items.join(", "))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

fn add(text: &mut String, part: std::fmt::Arguments<'_>) {
    // writing to a string cannot fail
    let _ = text.write_fmt(part);
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::{domain::BookProof, platform, runbook};

    #[test]
    fn the_platform_file_is_right_and_names_the_ports_of_the_sandbox() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("a \"quoted\" place");
        let layout = Layout::create(&dir, 1, Utc::now()).unwrap();
        let path = write_platform(&dir, home.path(), Path::new("/usr/bin/codeblue"), "nurse").unwrap();
        let read = platform::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(read.services.len(), SERVICES.len());
        assert_eq!(read.operators.len(), 4);
        for (service, told) in read.services.iter().zip(&SERVICES) {
            assert_eq!(
                (service.users, service.functions.as_slice() == told.functions),
                (Some(told.users.into()), true)
            );
            assert_eq!((service.health_information, service.safeguard), (told.health_information, told.safeguard));
        }
        let safeguards: Vec<_> = read.services.iter().filter(|service| service.safeguard).collect();
        assert!(matches!(safeguards[..], [auth] if auth.name == "auth"), "{safeguards:?}");
        let restart = &read.service("patient-api").unwrap().actions[0];
        assert_eq!(restart.run[..4], ["/usr/bin/codeblue", "sandbox", "restart", "patient-api"]);
        let url = format!("http://127.0.0.1:{}/deep", layout.port("patient-api"));
        let probes = format!("{:?}", read.service("patient-api").unwrap().checks);
        assert!(probes.contains(&url), "{probes}");
    }

    #[test]
    fn every_action_that_a_book_asks_for_is_declared() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("sandbox");
        Layout::create(&dir, 1, Utc::now()).unwrap();
        let path = write_platform(&dir, home.path(), Path::new("/usr/bin/codeblue"), "nurse").unwrap();
        let read = platform::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        let mut asked = 0;
        for volume in runbook::built_in() {
            let front = &volume.reading.runbook.as_ref().unwrap().front;
            for named in volume.text.split("\"when\":\"action.$").skip(1) {
                let (input, action) = named.split_once('"').unwrap().0.split_once('/').unwrap();
                let input = front.inputs.iter().find(|known| known.name == input).unwrap();
                let service = read.service(input.default.as_ref().unwrap()).unwrap();
                let declared = service.actions.iter().any(|known| known.name == action);
                assert!(declared, "{}: {action} of {}", volume.file, service.name);
                asked += 1;
            }
        }
        assert!(asked >= 15, "only {asked} were found: is the condition written in another way now?");
    }

    #[test]
    fn the_books_that_come_along_are_written_for_a_sandbox() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("sandbox");
        Layout::create(&dir, 1, Utc::now()).unwrap();
        let path = write_platform(&dir, home.path(), Path::new("/usr/bin/codeblue"), "nurse").unwrap();
        let read = platform::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        for volume in runbook::built_in() {
            let around = runbook::Surroundings { platform: Some(&read), ..Default::default() };
            let findings = runbook::lint(&volume.file, &volume.text, &around);
            assert!(findings.is_empty(), "{findings:#?}");
            let book = volume.reading.runbook.as_ref().unwrap();
            let unknown = book.front.inputs.iter().filter(|input| input.default.is_none());
            let given = unknown.map(|input| (input.name.clone(), "bob".to_owned())).collect();
            let plan = runbook::plan(book, Some(&read), &given, BookProof::Never);
            assert!(plan.missing.is_empty(), "{}: {:#?}", plan.book, plan.missing);
        }
    }
}
