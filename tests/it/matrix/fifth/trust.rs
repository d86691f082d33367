//! Who trusts whom: a certificate that cannot be followed to its root, and an account that somebody else had locked.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::{needed, perhaps, say, scream, serves},
    hospital::Stack,
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{
    close, spread, suffer,
    voices::{Program, chatter, postgres},
};

/// The certificate is new and valid, and nobody can follow it to a root, or it is for another name
/// (sympa-community/sympa#1131, home-assistant/core#41830, go-gitea/gitea#19789). The service answers its own check over plain HTTP
/// and hears only alerts.
pub fn chain(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let who = perhaps(&mut scene, root, &[Program::Rust], 1500);
    let is_name = scene.dice.happens(3500);
    let since = scene.from(-90, -6);
    if scene.dice.happens(6500) {
        let (by, told) = *scene.dice.pick(&[
            ("step-renewer[655]", "certificate of /etc/step/ward.crt renewed, valid until 2026-06-01T09:29:00Z, issuer 'Hospital Issuing CA 2' (was 'Hospital Issuing CA 1')"),
            ("acme.sh[655]", "Installing cert to: /etc/ssl/ward/cert.pem; Running reload cmd; Reload successful (fullchain is not installed)"),
            ("vault-agent[412]", "(runner) rendered \"/etc/vault/ward.pem.tpl\" => \"/etc/ssl/ward/cert.pem\", serial 5f:1c:8e:11"),
        ]);
        scene.system(root, since, by, told);
    }
    // Whoever only stands before others does not say what it did not accept.
    let is_behind = (0..scene.hospital.units.len())
        .any(|unit| scene.hospital.units[unit].needs.contains(&root) && scene.stack(unit) == Stack::Nginx);
    if is_behind || scene.dice.happens(5500) {
        let told = match (who, scene.stack(root)) {
            (Some(_), _) => "tls handshake error: received fatal alert: UnknownCA",
            (_, Stack::Java) => {
                "javax.net.ssl.SSLHandshakeException: (certificate_unknown) Received fatal alert: certificate_unknown"
            }
            (_, Stack::Python) => "ssl.SSLError: [SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:1006)",
            (_, Stack::Node) => {
                "tlsClientError: 00F81B7E:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca: SSL alert number 48"
            }
            (_, Stack::Go) => {
                "http: TLS handshake error from 10.0.4.9:51234: remote error: tls: unknown certificate authority"
            }
            (_, Stack::Dotnet) => {
                "Failed to authenticate HTTPS connection. ---> OpenSSL.SslException: SSL Handshake failed: tlsv1 alert unknown ca"
            }
            _ => {
                "#<Puma::MiniSSL::SSLError: OpenSSL error: error:0A000418:SSL routines::tlsv1 alert unknown ca - 336151576>"
            }
        };
        for second in (1..40).step_by(3) {
            say(&mut scene, root, who, second, Level::Info, told);
        }
    }
    suffer(&mut scene, root, Symptom::Failed, |stack, name, port| {
        let url = format!("https://{name}:{port}/api/v2/beds");
        match (stack, is_name) {
            (Stack::Java, false) => format!(
                "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target (GET {url})"
            ),
            (Stack::Java, true) => format!(
                "javax.net.ssl.SSLPeerUnverifiedException: Hostname {name} not verified: subjectAltNames: [ward.hospital.example] (GET {url})"
            ),
            (Stack::Python, false) => format!(
                "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1006) ({url})"
            ),
            (Stack::Python, true) => format!(
                "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for '{name}'. (_ssl.c:1006)"
            ),
            (Stack::Node, false) => {
                format!(
                    "TypeError: fetch failed, cause: Error: unable to verify the first certificate (UNABLE_TO_VERIFY_LEAF_SIGNATURE) {url}"
                )
            }
            (Stack::Node, true) => format!(
                "TypeError: fetch failed, cause: Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: Host: {name}. is not in the cert's altnames: DNS:ward.hospital.example"
            ),
            (Stack::Go, false) => {
                format!(
                    "unavailable: POST {url}: tls: failed to verify certificate: x509: certificate signed by unknown authority"
                )
            }
            (Stack::Go, true) => format!(
                "unavailable: POST {url}: tls: failed to verify certificate: x509: certificate is valid for ward.hospital.example, not {name}"
            ),
            (Stack::Dotnet, false) => format!(
                "System.Security.Authentication.AuthenticationException: The remote certificate is invalid because of errors in the certificate chain: PartialChain ({name}:{port})"
            ),
            (Stack::Dotnet, true) => format!(
                "System.Security.Authentication.AuthenticationException: The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch ({name}:{port})"
            ),
            (_, false) => format!(
                "HTTPX::TLSError: SSL_connect returned=1 errno=0 peeraddr=127.0.0.1:{port} state=error: certificate verify failed (unable to get local issuer certificate) ({url})"
            ),
            (_, true) => format!("HTTPX::TLSError: hostname \"{name}\" does not match the server certificate ({url})"),
        }
    });
    let heals = scene.acts(root, &["renew-certificate"]);
    close(scene, root, Category::Security, heals)
}

/// Somebody far away guesses passwords of the account that a service uses, until it is locked for everybody: MySQL's blocked
/// accounts, Active Directory's `data 775`, ldapjs (ldapjs/node-ldapjs#248), Entra's AADSTS50053, Keycloak's
/// `user_temporarily_disabled`, `pam_faillock`. The guesses stand in the log of whoever was asked.
pub fn locked(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let who = perhaps(&mut scene, root, &[Program::WildFly], 1500);
    let (name, below) = (scene.name(root), scene.hospital.units[root].needs[0]);
    let (first, last) = (scene.from(-900, -500), scene.from(-60, -4));
    let asks_store = scene.stack(below) == Stack::Postgres && scene.dice.happens(4500);
    let host = *scene.dice.pick(&["203.0.113.77", "198.51.100.23", "192.0.2.140"]);
    let told = if asks_store {
        let mut second = first;
        while second < last {
            let told = format!("password authentication failed for user \"{name}\"");
            postgres(&mut scene, below, second, "FATAL", &told);
            let told = format!("Connection from {host} matched file \"/etc/postgresql/16/main/pg_hba.conf\" line 97");
            postgres(&mut scene, below, second, "DETAIL", &told);
            second += scene.from(3, 12);
        }
        let told = format!("credcheck: account {name} is locked after 80 failed logins from {host}");
        scene.say(below, last, Level::Warn, &told);
        for second in last..45 {
            let told = format!("rejecting connection, user '{name}' is locked by too many authentication failures");
            postgres(&mut scene, below, second, "FATAL", &told);
        }
        format!("FATAL: rejecting connection, user '{name}' is locked by too many authentication failures")
    } else {
        let (by, guess) = match scene.dice.below(3) {
            0 => (
                "keycloak[733]",
                format!(
                    "type=\"LOGIN_ERROR\", realmId=\"hospital\", clientId=\"{name}\", ipAddress=\"{host}\", error=\"invalid_user_credentials\", username=\"svc-{name}\""
                ),
            ),
            1 => (
                "sshd[8812]",
                format!(
                    "pam_faillock(sshd:auth): Consecutive login failures for user svc-{name} account temporarily locked, rhost={host}"
                ),
            ),
            _ => (
                "dc-audit[655]",
                format!(
                    "4771 Kerberos pre-authentication failed, account svc-{name}, client address {host}, failure code 0x18"
                ),
            ),
        };
        let mut second = first;
        while second < last {
            scene.system(root, second, by, &guess);
            second += scene.from(4, 15);
        }
        if scene.dice.happens(6000) {
            let told = format!("4740 A user account was locked out: svc-{name}, caller {host}");
            scene.system(root, last, "dc-audit[655]", &told);
        }
        match (who, scene.stack(root)) {
            (Some(_), _) | (None, Stack::Java) => "javax.naming.AuthenticationException: [LDAP: error code 49 - 80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data 775, v4563]".to_owned(),
            (_, Stack::Python) => "ldap.CONSTRAINT_VIOLATION: {'desc': 'Constraint violation', 'info': 'Exceed password retry limit. Account locked.'}".to_owned(),
            (_, Stack::Node) => "ConstraintViolationError: Exceed password retry limit. Account locked.".to_owned(),
            (_, Stack::Go) => format!("Error 3955 (HY000): Access denied for user 'svc-{name}'@'10.0.3.9'. Account is blocked for 1 day(s) (1 day(s) remaining) due to 80 consecutive failed logins."),
            (_, Stack::Dotnet) => format!("Microsoft.Identity.Client.MsalServiceException: AADSTS50053: The account is locked, you've tried to sign in too many times with an incorrect user ID or password. (svc-{name})"),
            _ => format!("Net::LDAP: bind of svc-{name} failed: Invalid Credentials (49), data 775 (account locked)"),
        }
    };
    scream(&mut scene, root, who, 0, &told);
    let detail = *scene.dice.pick(&["HTTP 503 in 14 ms: \"not ready\"", "HTTP 500 in 14 ms", "HTTP 401 in 14 ms"]);
    scene.fail(root, "http", 1, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::Failed);
    close(scene, root, Category::Security, Vec::new())
}
