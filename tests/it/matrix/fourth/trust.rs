//! What two programs must agree on: a secret, and the time.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    hospital::Stack,
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{
    close, needed, serves, spread, suffer,
    voices::{chatter, postgres},
};

/// The secret was rotated, and one service still has the old one: a password of PostgreSQL, Redis or RabbitMQ, or the keys that
/// tokens are verified by (supabase/auth#2821, hashicorp/vault-plugin-auth-jwt#181). Some of its workers have the new one, and
/// the store is louder about it than the service is.
pub fn rotated(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let (name, since) = (scene.name(root), scene.from(-400, -25));
    if scene.dice.happens(3500) {
        return keys(scene, root);
    }
    let below = scene.hospital.units[root].needs[0];
    let (store, port) = (scene.name(below), scene.hospital.units[below].port);
    if scene.dice.happens(7000) {
        let told = format!(
            "secret database/static-creds/{name} was rotated, rendered version 7 to /etc/{name}/db.env; no reload command is configured"
        );
        scene.system(root, since, "vault-agent[412]", &told);
    } else {
        let told = format!("user {name} of {store}: password set by rotation job 41 (was 90 days old)");
        scene.say(below, since, Level::Info, &told);
    }
    let told = match (scene.stack(below), scene.stack(root)) {
        (Stack::Redis, _) => format!("{store}:{port}: WRONGPASS invalid username-password pair or user is disabled."),
        (Stack::Rabbit, _) => format!(
            "{store}:{port}: (403) ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
        ),
        (_, Stack::Java) => {
            format!("org.postgresql.util.PSQLException: FATAL: password authentication failed for user \"{name}\"")
        }
        (_, Stack::Go) => format!(
            "failed to connect to `user={name} database=main`: {store}:{port}: failed SASL auth: FATAL: password authentication failed for user \"{name}\" (SQLSTATE 28P01)"
        ),
        (_, Stack::Dotnet) => {
            format!("Npgsql.PostgresException (0x80004005): 28P01: password authentication failed for user \"{name}\"")
        }
        (_, Stack::Node) => {
            format!("error: password authentication failed for user \"{name}\" (28P01, {store}:{port})")
        }
        _ => format!(
            "connection to server at \"{store}\" (127.0.0.1), port {port} failed: FATAL:  password authentication failed for user \"{name}\""
        ),
    };
    for turn in 0..14 {
        scene.say(root, turn * 3, Level::Error, &told);
        if turn % 4 == 1 {
            let told = format!("worker {}: connected to {store} as {name}, secret version 7", turn % 3);
            scene.say(root, turn * 3 + 1, Level::Info, &told);
        }
    }
    for second in -2..45 {
        match scene.stack(below) {
            Stack::Postgres => {
                let told = format!("password authentication failed for user \"{name}\"");
                postgres(&mut scene, below, second, "FATAL", &told);
                let told = "Connection matched file \"/etc/postgresql/16/main/pg_hba.conf\" line 94: \"host all all 10.0.0.0/8 scram-sha-256\"";
                postgres(&mut scene, below, second, "DETAIL", told);
            }
            Stack::Rabbit => {
                let told = format!("PLAIN login refused: user '{name}' - invalid credentials");
                scene.say(below, second, Level::Error, &told);
            }
            _ => {}
        }
    }
    let detail = *scene.dice.pick(&["HTTP 503 in 31 ms: \"not ready\"", "HTTP 500 in 31 ms"]);
    scene.fail(root, "http", 2, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::Failed);
    let heals = scene.acts(root, &["reload-credentials", "restart"]);
    close(scene, root, Category::Security, heals)
}

/// The same with the keys of whoever signs tokens.
fn keys(mut scene: Scene, root: usize) -> Incident {
    let told = match scene.stack(root) {
        Stack::Java => {
            "org.springframework.security.oauth2.jwt.BadJwtException: An error occurred while attempting to decode the Jwt: Signed JWT rejected: Another algorithm expected, or no matching key(s) found"
        }
        Stack::Python => "jwt.exceptions.PyJWKClientError: Unable to find a signing key that matches: \"2026-03\"",
        Stack::Node => "JWKSNoMatchingKey: no applicable key found in the JSON Web Key Set",
        Stack::Go => {
            "401 invalid JWT: unable to find matching key, kid=2026-03, known: 2025-12 (loaded at the start, 41 d ago)"
        }
        Stack::Dotnet => {
            "IDX10503: Signature validation failed. Token does not have a kid that matches. Keys tried: '2025-12'. Number of keys in TokenValidationParameters: '1'."
        }
        _ => "JWT::DecodeError: Could not find public key for kid 2026-03",
    };
    scene.scream(root, 0, told);
    let told = "answered 401 to a token of 2026-03, took one of 2025-12";
    for second in [-8, 3, 15] {
        scene.say(root, second, Level::Info, told);
    }
    scene.fail(root, "http", 3, Reading::Bad, "HTTP 401 in 3 ms");
    suffer(&mut scene, root, Symptom::Failed, |stack, name, port| match stack {
        Stack::Java => {
            format!("WebClientResponseException$Unauthorized: 401 Unauthorized from GET http://{name}:{port}/api/wards")
        }
        Stack::Python => format!(
            "aiohttp.client_exceptions.ClientResponseError: 401, message='Unauthorized', url='http://{name}:{port}/api/wards'"
        ),
        Stack::Node => format!("AxiosError: Request failed with status code 401 (GET http://{name}:{port}/api/wards)"),
        Stack::Go => format!("GET http://{name}:{port}/api/wards: unexpected status: 401 Unauthorized"),
        _ => format!("401 Unauthorized from http://{name}:{port}/api/wards"),
    });
    let heals = scene.acts(root, &["reload-credentials", "restart"]);
    close(scene, root, Category::Security, heals)
}

/// The clock of one host has run away after its time source changed, and Kerberos, S3 and SAML refuse it; what is loud are logins:
/// `KRB_AP_ERR_SKEW` (spring-security-kerberos#45, fortra/impacket#2016), AWS' `RequestTimeTooSkewed`, and the kernel's watchdog
/// of clock sources.
pub fn tickets(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let off = scene.from(1001, 2400);
    let way = *scene.dice.pick(&["behind", "ahead"]);
    let is_checked = scene.dice.happens(5500);
    if is_checked {
        let detail = format!("this clock is {off}.0 s {way}, give or take 20 ms, more than 2.0 s");
        scene.fail(root, "clock", 6, Reading::Slow, &detail);
    }
    if !is_checked || scene.dice.happens(4000) {
        let (who, told) = match scene.dice.below(3) {
            0 => (
                "kernel",
                "[81234.058110] clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large".to_owned(),
            ),
            1 => ("systemd-timesyncd[611]", "Timed out waiting for reply from 10.0.0.1:123 (10.0.0.1).".to_owned()),
            _ => ("ntpd[611]", "kernel reports TIME_ERROR: 0x41: Clock Unsynchronized".to_owned()),
        };
        for second in [-1900, -700, -60] {
            scene.system(root, second, who, &told);
        }
        let sign = if way == "behind" { "+" } else { "-" };
        let told = format!(
            "time correction of {sign}{off} seconds exceeds sanity limit (1000); set clock manually to the correct UTC time."
        );
        scene.system(root, -40, "ntpd[611]", &told);
    }
    let told = match (scene.stack(root), scene.dice.below(3)) {
        (_, 2) => format!("RequestTimeTooSkewed: The difference between the request time and the current time is too large. (PUT https://s3.example/scans, MaxAllowedSkewMilliseconds 900000, {off} s)"),
        (Stack::Java, _) => "org.ietf.jgss.GSSException: No valid credentials provided (Mechanism level: Clock skew too great (37) - PROCESS_TGS)".to_owned(),
        (Stack::Python, _) => "gssapi.raw.exceptions.BadNameError: Major (851968): Unspecified GSS failure. Minor code may provide more information, Minor (2529638949): Clock skew too great".to_owned(),
        (Stack::Go, _) => "[Root cause: KDC_Error] KDC_Error: AS Exchange Error: kerberos error response from KDC: KRB Error: (37) KRB_AP_ERR_SKEW Clock skew too great".to_owned(),
        (Stack::Node, _) => "Error: SASL bind failed: GSSAPI Error: Unspecified GSS failure. Minor code may provide more information (Clock skew too great)".to_owned(),
        (Stack::Dotnet, _) => "System.ComponentModel.Win32Exception: GSSAPI operation failed with error - Unspecified GSS failure. Minor code may provide more information (Clock skew too great).".to_owned(),
        _ if way == "behind" => {
            "OneLogin::RubySaml::ValidationError: Current time is earlier than NotBefore condition (allowed clock drift 1s)".to_owned()
        }
        _ => "OneLogin::RubySaml::ValidationError: Current time is on or after NotOnOrAfter condition (allowed clock drift 1s)".to_owned(),
    };
    for second in (0..40).step_by(4) {
        scene.say(root, second, Level::Error, &told);
    }
    for second in 0..38 {
        let told = format!(
            "login of user nurse{} failed: 401, credentials were not accepted by the directory",
            scene.from(10, 99)
        );
        scene.say(root, second, Level::Warn, &told);
    }
    let detail = *scene.dice.pick(&["HTTP 503 in 12 ms: \"directory: unauthenticated\"", "HTTP 401 in 12 ms"]);
    scene.fail(root, "http", 1, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::Failed);
    close(scene, root, Category::Infrastructure, Vec::new())
}
