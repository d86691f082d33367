//! A stranger's reading of the description: schemathesis makes requests of it, right and wrong ones, and holds the answers against it.

use std::{
    path::{Path, PathBuf},
    process::{Command as Program, Stdio},
};

use chrono::TimeDelta;
use codeblue::domain::TokenScope;

use crate::{
    served::{Bed, Served},
    transport::{figures, token},
};

/// Seconds for all of it.
const SECONDS: &str = "40";
/// What an answer must never be.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    response_headers_conformance,unsupported_method,ignored_auth,positive_data_acceptance";
/// Which right requests a rule refuses, or whose key has come with another before, is not in a description.
const SETTINGS: &str = "[checks]\npositive_data_acceptance.expected-statuses = \
    [\"2xx\", \"401\", \"403\", \"404\", \"409\", \"422\", \"429\", \"5xx\"]\n";
/// Where the description takes more than the engine does, because it cannot be said there: what a command has depends on its type; samples
/// and figures of a service are asked for in different words; a regular expression is right or not; and a whole number written `1.0` is one to it.
const SAYS_TOO_MUCH: [&str; 9] = [
    "POST /api/v1/commands",
    "POST /api/v1/dry-run",
    "GET /api/v1/services/{name}/history",
    "GET /api/v2/alerts",
    "POST /api/v1/errors",
    "POST /api/v1/witness",
    "POST /api/emergency/circuit-breaker/{name}/force",
    "POST /api/emergency/simulate-error",
    "POST /api/v1/alertmanager",
];
/// The check that a right request is taken.
const ACCEPTANCE: &str = "ST202";

/// What it found: the operation and the check, without those of which it is known.
fn failures(said: &str) -> Vec<String> {
    let told = said.split_once("= FAILURES =").map_or("", |(_, told)| told);
    let mut operation = "";
    let mut found = Vec::new();
    for line in told.lines() {
        if let Some(check) = line.strip_prefix("- ST") {
            if !(SAYS_TOO_MUCH.contains(&operation) && ACCEPTANCE.ends_with(&check[..3])) {
                found.push(format!("{operation}: ST{check}"));
            }
        } else if line.starts_with("____") {
            operation = line.trim_matches('_').trim();
        }
    }
    found
}

fn schemathesis() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemathesis/bin/schemathesis");
    let named = std::env::var_os("CODEBLUE_SCHEMATHESIS").map_or(here, PathBuf::from);
    if named.is_file() {
        return Some(named);
    }
    eprintln!("SKIPPED: there is no schemathesis at {}; tests/run prepares one where it may", named.display());
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fuzzer_of_descriptions_finds_no_failure_and_no_answer_that_was_not_described() {
    let Some(schemathesis) = schemathesis() else { return };
    let served = Served::of(Bed::with("drill", "[listen]\ntls = \"127.0.0.1:0\"\n").await).await;
    let authority = served.bed.path("authority.pem");
    std::fs::write(&authority, figures(&served).authority).unwrap();
    let (_, secret) = token(&served, "erin", TokenScope::Act, TimeDelta::days(1)).await;
    let settings = served.bed.path("schemathesis.toml");
    std::fs::write(&settings, SETTINGS).unwrap();
    let mut program = Program::new(schemathesis);
    program
        .arg("--config-file")
        .arg(&settings)
        .arg("run")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/openapi.json"))
        .args(["--url", &format!("https://{}", figures(&served).address), "--tls-verify"])
        .arg(&authority)
        .args(["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "5", "--max-time", SECONDS])
        .args(["--seed", "1", "--rate-limit", "150/s", "--no-color", "--no-shrink", "--generation-database", "none"])
        // It would stop the engine that is asked.
        .args(["--exclude-path", "/api/v1/platform/reload", "--request-timeout", "30", "-H"])
        .arg(format!("Authorization: Bearer {}", secret.expose()))
        .current_dir(served.bed.folder.path())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // A connection beyond the bound for one address is turned away, which it tells as an error and not as a failure.
    let told = String::from_utf8_lossy(&output.stderr);
    let found = failures(&said);
    assert!(found.is_empty() && said.contains("= SUMMARY ="), "{found:#?}: {said}{told}");
    assert!(!said.contains("= FAILURES =") || said.contains("\n- ST"), "its failures are told in another way: {said}");
    let generated = said.lines().find(|line| line.contains(" generated, ")).unwrap_or_default();
    let count: u32 = generated.split_whitespace().next().and_then(|count| count.parse().ok()).unwrap_or_default();
    assert!(count > 100, "it has hardly asked anything: {said}");
    eprintln!("{}", generated.trim());
    assert_eq!(served.get("/healthz").await, "ok\n");
    served.stop().await;
}
