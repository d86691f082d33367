//! Whom an error accuses, told by programs of three kinds each.

use super::*;
use crate::domain::Cause;

/// Two callers of one service, and what else they need.
const PLATFORM: &str = r#"
[platform]
name = "Clinic"
profile = "drill"
[[service]]
name = "records-db"
criticality = "critical"
[[service]]
name = "session-cache"
criticality = "high"
[[service]]
name = "auth"
criticality = "critical"
[[service]]
name = "pharmacy"
criticality = "high"
depends_on = ["records-db", "session-cache", "auth"]
[[service]]
name = "billing"
criticality = "high"
depends_on = ["records-db", "session-cache", "auth"]
[[component]]
name = "auth-code"
service = "auth"
kind = "code"
release = { root = "/srv/auth" }
[[operator]]
name = "erin"
roles = ["engineer"]
"#;

/// A clinic whose callers fail: what the logs say decides. Each line is `service: text`.
fn named(release: bool, lines: &[&str]) -> (String, Cause) {
    let platform = parse(PLATFORM, Path::new("/srv/codeblue.toml")).unwrap().into();
    let now = trouble() - TimeDelta::days(3);
    let mut case = Case { state: State::default(), vitals: Vitals::default(), logs: Vec::new(), now };
    case.give(&Actor::Engine, Command::LoadPlatform { platform });
    let deploy = |version: &str| {
        let (component, version) = ("auth-code".to_owned(), version.to_owned());
        Command::RecordDeployment { component, version, note: String::new() }
    };
    case.give(&Actor::Operator("erin".to_owned()), deploy("v40"));
    if release {
        case = case.at(-90);
        case.give(&Actor::Operator("erin".to_owned()), deploy("v41"));
    }
    for service in ["pharmacy", "billing"] {
        case = case.bad(service, "http", "HTTP 500 in 9 ms");
    }
    for service in ["records-db", "session-cache", "auth", "pharmacy", "billing"] {
        let own: Vec<(i64, &str)> =
            lines.iter().filter_map(|line| Some((1, line.strip_prefix(service)?.strip_prefix(": ")?))).collect();
        case = case.log(service, &own);
    }
    let document = case.diagnose("pharmacy");
    (document.root_cause.service, document.root_cause_category)
}

#[test]
fn answers_that_nobody_understands_since_a_release_accuse_it_though_it_is_silent() {
    for (first, second) in [
        (
            "pharmacy: ERROR UnrecognizedPropertyException: Unrecognized field \"scope_list\" in answer of http://auth:8103/me",
            "billing: ERROR Cannot deserialize value of type `Token` from Object value, GET http://auth:8103/me",
        ),
        (
            "pharmacy: ERROR json: cannot unmarshal string into Go struct field Token.ttl of type int, from auth",
            "billing: ERROR pydantic_core.ValidationError: 1 validation error for TokenOut: ttl field required",
        ),
        (
            "pharmacy: ERROR SyntaxError: Unexpected token < in JSON at position 0 (auth)",
            "billing: ERROR System.Text.Json.JsonException: The JSON value could not be converted to System.Int32",
        ),
    ] {
        assert_eq!(named(true, &[first, second]), ("auth".to_owned(), Cause::Release), "{first}");
        assert_ne!(named(false, &[first, second]), ("auth".to_owned(), Cause::Release), "nothing was released");
    }
}

#[test]
fn a_certificate_that_callers_refuse_is_that_of_whom_they_call() {
    for (first, second) in [
        (
            "pharmacy: ERROR Post \"https://auth:8103/\": tls: failed to verify certificate: x509: certificate has expired",
            "billing: ERROR Post \"https://auth:8103/\": x509: certificate has expired or is not yet valid",
        ),
        (
            "pharmacy: ERROR PKIX path validation failed: CertPathValidatorException: validity check failed: auth",
            "billing: ERROR [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired, auth:8103",
        ),
        (
            "pharmacy: ERROR Error: certificate has expired, code CERT_HAS_EXPIRED, auth",
            "billing: ERROR AuthenticationException: The remote certificate is invalid: NotTimeValid, auth",
        ),
    ] {
        assert_eq!(named(false, &[first, second]), ("auth".to_owned(), Cause::Certificate), "{first}");
    }
}

#[test]
fn one_that_refuses_what_several_others_show_is_wrong_itself() {
    let lines = [
        "pharmacy: ERROR x509: certificate signed by unknown authority, calling auth",
        "pharmacy: ERROR unable to get local issuer certificate, connecting to records-db",
    ];
    assert_eq!(named(false, &lines).0, "pharmacy");
}

#[test]
fn several_that_find_the_tokens_of_one_in_the_future_accuse_its_clock() {
    for (first, second) in [
        (
            "pharmacy: ERROR ImmatureSignatureError: The token is not yet valid (iat), issuer auth",
            "billing: ERROR token used before issued, issuer http://auth:8103",
        ),
        (
            "pharmacy: ERROR jwt not active, iss auth",
            "billing: ERROR IDX10222: Lifetime validation failed. The token is not yet valid, auth",
        ),
        (
            "pharmacy: ERROR The Token can't be used before 2026-01-01T12:05:00Z, issued by auth",
            "billing: ERROR JWT::ImmatureSignature (Signature nbf has not been reached): nbf is in the future, auth",
        ),
    ] {
        assert_eq!(named(false, &[first, second]), ("auth".to_owned(), Cause::ClockSkew), "{first}");
        assert_eq!(named(false, &[first]).0, "pharmacy", "one alone has its own clock wrong, as likely as not");
    }
}

#[test]
fn a_store_that_burns_since_the_cache_before_it_came_back_empty_accuses_the_cache() {
    for anew in
        ["INFO Ready to accept connections tcp", "INFO FLUSHALL from 10.0.0.7", "INFO Done loading RDB, keys loaded: 0"]
    {
        let cache = format!("session-cache: {anew}");
        let lines = [
            cache.as_str(),
            "pharmacy: WARN cache miss rate 98 %, falling back to the database",
            "billing: WARN cache miss for session, loading from the database",
            "records-db: ERROR duration: 9012 ms, cpu usage is high, load average 41",
        ];
        assert_eq!(named(false, &lines), ("session-cache".to_owned(), Cause::CacheMiss), "{anew}");
    }
}

#[test]
fn who_waits_for_a_partner_outside_has_all_his_threads_taken_by_it() {
    for (pool, partner) in [
        ("all threads are busy", "SocketTimeoutException: Read timed out: https://api.clearing.example/v2"),
        ("QueuePool limit of size 5 overflow 10 reached", "POST https://api.clearing.example/v2 took 29841 ms"),
        (
            "RejectedExecutionException: pool size = 25, active threads = 25",
            "api.clearing.example:443 did not answer: timeout",
        ),
    ] {
        let (pool, partner) = (format!("pharmacy: ERROR {pool}"), format!("pharmacy: WARN {partner}"));
        assert_eq!(named(false, &[&pool, &partner]), ("pharmacy".to_owned(), Cause::ExternalDependency), "{partner}");
    }
}

#[test]
fn a_host_that_drops_packets_is_named_though_its_own_checks_are_content() {
    for kernel in [
        "kernel: nf_conntrack: table full, dropping packet",
        "kernel: NETDEV WATCHDOG: eth0: transmit queue 2 timed out",
        "kernel: neighbour: arp_cache: neighbor table overflow!",
    ] {
        let host = format!("auth: {kernel}");
        let lines = [
            host.as_str(),
            "pharmacy: ERROR Read timed out calling http://auth:8103/me",
            "billing: ERROR context deadline exceeded, GET http://auth:8103/me",
        ];
        assert_eq!(named(false, &lines), ("auth".to_owned(), Cause::Connectivity), "{kernel}");
    }
}
