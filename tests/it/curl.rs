//! The lines of docs/api.md that begin with `curl`, as they stand there: typed into a shell, over the socket and over TLS by token and by certificate.

use std::{collections::BTreeSet, path::Path, process::Command as Program};

use chrono::TimeDelta;
use codeblue::domain::TokenScope;
use serde_json::Value;

use crate::{
    openapi::Judge,
    served::{Served, settled},
    transport::{address, certificate, figures, listening, token},
};

/// A line of the page and what is answered to it.
struct Line {
    typed: String,
    status: u16,
    /// The code of the error; empty where it is none.
    code: String,
}

/// The lines of the page that say what is answered.
fn lines() -> Vec<Line> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let page = std::fs::read_to_string(page).unwrap();
    let read = |line: &str| {
        let (typed, told) = line.rsplit_once(" # ")?;
        let (status, code) = told.split_once(' ').unwrap_or((told, ""));
        let status = status.parse().ok().filter(|_| line.contains("curl "))?;
        Some(Line { typed: typed.trim_end().to_owned(), status, code: code.to_owned() })
    };
    page.lines().filter_map(read).collect()
}

/// How somebody reaches the engine: what stands for each name in the lines.
struct Way {
    folder: tempfile::TempDir,
    names: [(&'static str, String); 5],
}

impl Way {
    async fn socket(served: &Served) -> Self {
        let socket = served.bed.home.socket().display().to_string();
        let at = |header: &str| format!("{header} --unix-socket {socket} http://engine");
        let who = |name: &str| at(&format!("-H x-codeblue-as:{name}"));
        let [everybody, viewer, nobody] = [at(""), who("vic"), who("eve")];
        Self::of(served, &socket, everybody, viewer, nobody, at("-H @bearer.txt")).await
    }

    async fn token(served: &Served) -> Self {
        let at = |header: &str| format!("{header} --cacert authority.pem {}", address(served));
        let [everybody, viewer, nobody] = [at("-H @bearer.txt"), at("--cert vic.pem"), at("")];
        Self::of(served, "", everybody.clone(), viewer, nobody, everybody).await
    }

    async fn certificate(served: &Served) -> Self {
        let at = |more: &str| format!("{more} --cacert authority.pem {}", address(served));
        let [everybody, viewer, nobody] = [at("--cert alice.pem"), at("--cert vic.pem"), at("")];
        Self::of(served, "", everybody, viewer, nobody, at("-H @bearer.txt")).await
    }

    async fn of(served: &Served, socket: &str, e: String, viewer: String, nobody: String, token: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(".curlrc", "silent\nshow-error\nwrite-out = \"\\n%{http_code} %{method} %{url_effective}\"\n");
        write("authority.pem", &figures(served).authority);
        let (_, secret) = self::token(served, "alice", TokenScope::Act, TimeDelta::days(1)).await;
        write("bearer.txt", &format!("Authorization: Bearer {}\n", secret.expose()));
        for name in ["alice", "vic"] {
            let (issued, key) = certificate(served, name).await;
            write(&format!("{name}.pem"), &format!("{}{key}", issued.certificate));
        }
        let names = [("E", e), ("VIEWER", viewer), ("NOBODY", nobody), ("TOKEN", token), ("S", socket.to_owned())];
        Self { folder, names }
    }

    /// Types a line: the status, the method, the path and the answer.
    fn type_in(&self, line: &str) -> (u16, String, String, Value) {
        let mut shell = Program::new("sh");
        shell.args(["-c", line]).current_dir(self.folder.path()).env("CURL_HOME", self.folder.path());
        shell.envs(self.names.iter().map(|(name, value)| (*name, value)));
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (answer, told) = said
            .rsplit_once('\n')
            .unwrap_or_else(|| panic!("{line}: {said} {}", String::from_utf8_lossy(&output.stderr)));
        let mut told = told.splitn(3, ' ');
        let (status, method, url) = (told.next().unwrap(), told.next().unwrap(), told.next().unwrap());
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let path = format!("/{}", path.split('?').next().unwrap());
        let answer = serde_json::from_str(answer).unwrap_or_else(|_| Value::String(answer.to_owned()));
        (status.parse().unwrap(), method.to_lowercase(), path, answer)
    }
}

/// The path of the description that a path is of.
fn described(description: &Value, method: &str, path: &str) -> Option<String> {
    let is_of = |template: &str| {
        let (parts, asked): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
        parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, asked)| part.starts_with('{') || part == asked)
    };
    let paths = description["paths"].as_object().unwrap();
    // `backups/create` is one of its own, and would be a backup named so.
    let found = |exact: bool| {
        let of = |(template, methods): &(&String, &Value)| {
            (!exact || *template == path) && is_of(template) && methods.get(method).is_some()
        };
        paths.iter().find(of).map(|(template, _)| template.clone())
    };
    found(true).or_else(|| found(false))
}

/// Types every line of the page, and says which operations were answered with what they are for.
async fn typed(served: &Served, way: &Way) -> BTreeSet<String> {
    let description = served.get("/api/v1/openapi.json").await;
    let mut judge = Judge::of(description.clone());
    for Line { typed, status, code } in lines() {
        let (answered, method, path, answer) = tokio::task::block_in_place(|| way.type_in(&typed));
        assert_eq!(answered, status, "{typed}: {answer}");
        let error = &answer["error"];
        assert_eq!(error["code"].as_str().unwrap_or_default(), code, "{typed}: {answer}");
        let advice = error["hint"].as_str().unwrap_or_default();
        assert!(status < 400 || advice.len() > 5, "{typed}: what is to be done? {answer}");
        match described(&description, &method, &path) {
            Some(template) if answer.is_object() || answer.is_array() => {
                judge.check(&method, &template, status, &answer);
            }
            Some(_) => {}
            None => assert!([404, 405].contains(&status), "{typed}: of {method} {path} nothing is said"),
        }
        // What was begun ends before the next line, as it would for somebody who types.
        served.until("quiet", |state| settled(state) && state.running_recoveries().next().is_none()).await;
    }
    judge.answered()
}

/// An engine that is reached in every way, with a snapshot of everything.
async fn ready() -> Option<Served> {
    if Program::new("curl").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no curl here");
        return None;
    }
    let served = listening().await;
    let parts = ["desk-code", "papers", "records"];
    let is_good = |state: &codeblue::domain::State| {
        settled(state) && parts.iter().all(|name| state.last_good_snapshot(name, None).is_some())
    };
    served.until("captured", is_good).await;
    Some(served)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_says_is_answered_over_the_socket() {
    let Some(served) = ready().await else { return };
    let way = Way::socket(&served).await;
    let answered = typed(&served, &way).await;
    let description = served.get("/api/v1/openapi.json").await;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|_| path.starts_with("/api/emergency/")) {
            assert!(answered.contains(&format!("{method} {path}")), "docs/api.md has no line for {method} {path}");
        }
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_says_is_answered_over_tls_to_a_token() {
    let Some(served) = ready().await else { return };
    let way = Way::token(&served).await;
    typed(&served, &way).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_says_is_answered_over_tls_to_a_certificate() {
    let Some(served) = ready().await else { return };
    let way = Way::certificate(&served).await;
    typed(&served, &way).await;
    served.stop().await;
}
