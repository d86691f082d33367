//! The engine as a service of the system: what systemd is told, a platform file that is read anew, and what the doctor sees.

use std::{
    fs::{self, File},
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::Path,
    process::{Child, Command as Program, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use codeblue::client::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::served::Bed;

const LIMIT: Duration = Duration::from_secs(60);
/// Who asks more often is slowed down.
const PACE: Duration = Duration::from_millis(20);

/// The real program as systemd starts it.
struct Service {
    bed: Bed,
    process: Child,
    notices: UnixDatagram,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Service {
    async fn start() -> Self {
        let bed = Bed::new("drill").await;
        let socket = bed.path("notify");
        let notices = UnixDatagram::bind(&socket).unwrap();
        notices.set_read_timeout(Some(LIMIT)).unwrap();
        let process = Program::new(env!("CARGO_BIN_EXE_codeblue"))
            .arg("serve")
            .env("CODEBLUE_HOME", bed.path("home"))
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "600000")
            .env_remove("WATCHDOG_PID")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(bed.path("said")).unwrap())
            .spawn()
            .unwrap();
        Self { bed, process, notices }
    }

    /// The next notice that begins like this.
    fn told(&self, beginning: &str) -> String {
        let begun = Instant::now();
        let mut buffer = [0; 4096];
        loop {
            let length = self.notices.recv(&mut buffer).unwrap_or_else(|error| {
                panic!("never told {beginning}: {error}; {}", fs::read_to_string(self.bed.path("said")).unwrap())
            });
            let notice = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if notice.starts_with(beginning) {
                return notice;
            }
            assert!(begun.elapsed() < LIMIT, "never told {beginning}");
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut program = Program::new(env!("CARGO_BIN_EXE_codeblue"));
        program.args(arguments).env("CODEBLUE_HOME", self.bed.path("home")).env("CODEBLUE_AS", "alice");
        program.stdin(Stdio::null()).output().unwrap()
    }

    fn client(&self) -> Client {
        Client::unix(&self.bed.home.socket(), Some("alice".to_owned())).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    fn rewrite(&self, change: impl Fn(String) -> String) {
        let file = self.bed.home.platform_file();
        let text = change(fs::read_to_string(&file).unwrap());
        fs::write(file, text).unwrap();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_the_platform_file_is_read_anew_is_answered() {
    let service = Service::start().await;
    service.told("READY=1");
    let client = service.client();
    // Nobody would take what is told meanwhile.
    let notices = service.notices.try_clone().unwrap();
    std::thread::spawn(move || while notices.recv(&mut [0; 4096]).is_ok() {});
    let over = Arc::new(AtomicBool::new(false));
    let asked = tokio::spawn({
        let (client, over) = (client.clone(), over.clone());
        async move {
            let mut answers = 0;
            while !over.load(Ordering::Relaxed) {
                client.whoami().await.unwrap_or_else(|error| panic!("after {answers} answers: {error}"));
                answers += 1;
                tokio::time::sleep(PACE).await;
            }
            answers
        }
    });
    for round in 0..20 {
        let name = format!("name = \"Ward {round}\"");
        service.rewrite(|text| {
            let heading = text.lines().find(|line| line.starts_with("name = ")).unwrap().to_owned();
            text.replacen(&heading, &name, 1)
        });
        client.reload().await.unwrap();
        let begun = Instant::now();
        while client.state().await.unwrap().platform.name != format!("Ward {round}") {
            assert!(begun.elapsed() < LIMIT, "round {round} never came into force");
            tokio::time::sleep(PACE).await;
        }
    }
    over.store(true, Ordering::Relaxed);
    assert!(asked.await.unwrap() > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_put_aside_when_it_is_full_and_only_so_many_files_are_kept() {
    let service = Service::start().await;
    service.told("READY=1");
    let folder = service.bed.path("home/log");
    assert!(folder.join("codeblue.log").is_file());
    service.rewrite(|text| text + "\n[log]\nsize = \"16KiB\"\nfiles = 3\n");
    let client = service.client();
    client.reload().await.unwrap();
    let begun = Instant::now();
    while client.state().await.unwrap().platform.log.files != 3 {
        assert!(begun.elapsed() < LIMIT, "the file never came into force");
        tokio::time::sleep(PACE).await;
    }
    // All that is wrong with a file is told in the log each time that it is to be read anew.
    let nonsense: String = (0..40).map(|line| format!("nonsense-{line} = true\n")).collect();
    service.rewrite(|text| nonsense.clone() + &text);
    while !folder.join("codeblue.log.2").is_file() {
        assert!(begun.elapsed() < LIMIT, "two files were never filled");
        service.signal(Signal::HUP);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        assert!(["codeblue.log", "codeblue.log.1", "codeblue.log.2"].contains(&name.as_str()), "{name}");
        let found = entry.metadata().unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
        assert!(found.len() < 64 << 10, "{name} has {} bytes", found.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_that_it_is_ready_lives_reads_its_file_anew_and_stops() {
    let mut service = Service::start().await;
    let ready = service.told("READY=1");
    assert!(ready.contains("STATUS=Clinic, 1 service"), "{ready}");
    assert!(service.client().is_up().await, "what is ready answers");
    service.told("WATCHDOG=1");
    service.told("WATCHDOG=1");

    // What would change is shown, and nothing is.
    service.rewrite(|text| text.replace("name = \"Clinic\"", "name = \"Ward\""));
    let dry = service.run(&["reload", "--dry-run"]);
    assert!(
        dry.status.success() && said(&dry).contains("Ward") && said(&dry).contains("nothing was changed"),
        "{}",
        said(&dry)
    );
    assert_eq!(service.client().state().await.unwrap().platform.name, "Clinic");
    let started = service.client().state().await.unwrap().engine.started_at;
    let done = service.run(&["reload"]);
    assert!(done.status.success() && said(&done).contains("is in force"), "{}", said(&done));
    let state = service.client().state().await.unwrap();
    assert_eq!(state.platform.name, "Ward");
    assert!(state.engine.started_at > started);
    assert!(service.told("READY=1").contains("Ward"));
    let same = service.run(&["reload"]);
    assert!(same.status.success() && said(&same).contains("in force already"), "{}", said(&same));

    // A broken one is refused, by the command and by the signal, and changes nothing.
    service.rewrite(|text| text.replace("name = \"Ward\"", "name = \"Hospital\"\nnonsense = 1"));
    let broken = service.run(&["reload"]);
    assert_eq!(broken.status.code(), Some(3), "{}", said(&broken));
    assert!(said(&broken).contains("nonsense"), "{}", said(&broken));
    service.signal(Signal::HUP);
    service.told("WATCHDOG=1");
    assert_eq!(service.client().state().await.unwrap().platform.name, "Ward");
    service.rewrite(|text| text.replace("\nnonsense = 1", ""));
    service.signal(Signal::HUP);
    assert!(service.told("READY=1").contains("Hospital"));
    assert_eq!(service.client().state().await.unwrap().platform.name, "Hospital");

    // One that reads well, and with which no engine can start here.
    let group = "[access]\nsocket_group = \"nobody-knows-this-group\"\n";
    service.rewrite(|text| text.replace("[access]\n", group));
    let hopeless = service.run(&["reload"]);
    assert_eq!(hopeless.status.code(), Some(1), "{}", said(&hopeless));
    assert!(said(&hopeless).contains("what was in force"), "{}", said(&hopeless));
    assert_eq!(service.client().state().await.unwrap().platform.access.socket_group, None, "it goes on");
    assert!(service.client().is_up().await);

    service.signal(Signal::TERM);
    service.told("STOPPING=1");
    assert_eq!(service.process.wait().unwrap().code(), Some(0));
    assert!(!service.bed.home.socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let bed = Bed::new("drill").await;
    let run = |arguments: &[&str]| {
        let mut program = Program::new(env!("CARGO_BIN_EXE_codeblue"));
        program.args(arguments).env("CODEBLUE_HOME", bed.path("home")).env("CODEBLUE_AS", "alice");
        program.stdin(Stdio::null()).output().unwrap()
    };
    let found = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };
    let of = |document: &Value, what: &str| -> (String, String, String) {
        let all = document["found"].as_array().unwrap();
        let one = all.iter().find(|one| one["what"] == what).unwrap_or_else(|| panic!("no {what} in {document}"));
        let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
        (text("state"), text("found"), text("todo"))
    };
    let before = run(&["doctor", "--json"]);
    assert_eq!(before.status.code(), Some(1), "no engine");
    let document = found(&before);
    assert_eq!(of(&document, "platform file").0, "good");
    assert!(of(&document, "engine").2.contains("codeblue serve"), "{document}");

    let service = Service::start().await;
    service.told("READY=1");
    let client = service.client();
    let begun = Instant::now();
    while client.state().await.unwrap().last_good_snapshot("records", None).is_none() {
        assert!(begun.elapsed() < LIMIT);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let well = service.run(&["doctor", "--json"]);
    let document = found(&well);
    assert_eq!((well.status.code(), &document["ok"]), (Some(0), &Value::Bool(true)), "{document:#}");
    for what in ["secrets", "journal", "vault", "engine", "people", "watch", "snapshots", "evidence"] {
        assert_eq!(of(&document, what).0, "good", "{what}: {document:#}");
    }
    let told = service.run(&["doctor"]);
    assert!(!said(&told).contains('\u{1b}'), "a pipe gets no colours");

    // Each thing that goes wrong is named, with what to do.
    let keys = service.bed.home.keys();
    let secret = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path());
    let secret = secret.into_iter().find(|path| path.is_file() && path.extension().is_none_or(|e| e != "pub")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    service.rewrite(|text| text.replace("name = \"Clinic\"", "name = \"Ward\""));
    let broken = service.run(&["doctor", "--json"]);
    let document = found(&broken);
    assert_eq!(broken.status.code(), Some(1));
    assert!(of(&document, "secrets").1.contains(&secret.display().to_string()), "{document:#}");
    assert!(of(&document, "platform").2.contains("codeblue reload"), "{document:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_sees_whether_others_get_in_and_whether_hosts_answer() {
    let service = Service::start().await;
    service.told("READY=1");
    service.rewrite(|text| text + "\n[listen]\ntls = \"127.0.0.1:0\"\n");
    let client = service.client();
    client.reload().await.unwrap();
    let begun = Instant::now();
    let figures = loop {
        match client.tls_figures().await {
            Ok(figures) => break figures,
            Err(error) => assert!(begun.elapsed() < LIMIT, "it does not listen: {error}"),
        }
        tokio::time::sleep(PACE).await;
    };
    let token = service.bed.path("token");
    fs::write(&token, "cbt_nonsense\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let (socket, port, token) = (service.bed.home.socket(), figures.address.port(), token.display());
    let other = format!("sha256:{}", "0".repeat(64));
    let hosts = format!(
        "[[host]]\nname = \"near\"\naddress = \"unix:{}\"\n[[host]]\nname = \"gone\"\naddress = \"unix:/nowhere/engine.sock\"\n\
         [[host]]\nname = \"strange\"\naddress = \"https://127.0.0.1:{port}\"\n\
         [[host]]\nname = \"false\"\naddress = \"https://127.0.0.1:{port}\"\nfingerprint = \"{other}\"\ntoken_file = \"{token}\"\n",
        socket.display()
    );
    fs::write(service.bed.home.settings_file(), hosts).unwrap();
    let output = service.run(&["doctor", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = document["found"].as_array().unwrap();
    let has = |what: &str, state: &str, beginning: &str| {
        let found = all.iter().any(|one| {
            let is_it = one["what"] == what && one["state"] == state;
            is_it && one["found"].as_str().unwrap().contains(beginning) && (state == "good" || one["todo"].is_string())
        });
        assert!(found, "{what} {state} {beginning}: {document:#}");
    };
    has("tls", "good", "its certificate counts until");
    has("tls", "good", "it answers on 127.0.0.1:");
    has("tls", "warning", "nobody has a token or a certificate");
    has("host", "good", "near, unix:");
    has("host", "warning", "gone, unix:/nowhere/engine.sock: no answer");
    has("host", "warning", "strange, https://127.0.0.1");
    assert!(
        all.iter().any(|one| one["what"] == "host"
            && one["found"].as_str().unwrap().starts_with("false, ")
            && one["state"] != "good"),
        "{document:#}"
    );
    has("log", "good", "file");
    fs::set_permissions(service.bed.path("home/log/codeblue.log"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = service.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1), "others may read the log");
    assert!(said(&output).contains("chmod 600"), "{}", said(&output));
}

/// The unit that is shipped, by the program that will read it.
#[test]
fn systemd_accepts_the_unit() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/codeblue.service");
    let text = fs::read_to_string(unit).unwrap();
    for needed in ["Type=notify", "WatchdogSec=", "ExecReload=/usr/local/bin/codeblue reload", "TimeoutStopSec=90"] {
        assert!(text.contains(needed), "{needed}");
    }
    if Program::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no systemd-analyze here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("codeblue.service");
    fs::write(
        &copy,
        text.replace("/usr/local/bin/codeblue", "/bin/true").replace("User=codeblue\nGroup=codeblue\n", ""),
    )
    .unwrap();
    let output = Program::new("systemd-analyze").arg("verify").arg(&copy).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
}
