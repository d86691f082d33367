//! What stands between two programs: limits, names, packets, certificates, passwords, clocks, and partners far away.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    hospital::{Role, Stack},
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{close, needed, serves, spread, suffer, voices::chatter};

/// A limit of the service itself turns callers away: resilience4j, Django REST framework, NestJS' throttler, go-grpc-middleware's
/// ratelimit, ASP.NET Core's rate limiter, rack-attack.
pub fn limited(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let told = match scene.stack(root) {
        Stack::Java => {
            "io.github.resilience4j.ratelimiter.RequestNotPermitted: RateLimiter 'wards' does not permit further calls"
        }
        Stack::Python => {
            "rest_framework.exceptions.Throttled: Request was throttled. Expected available in 41 seconds."
        }
        Stack::Node => "ThrottlerException: Too Many Requests",
        Stack::Go => {
            "rpc error: code = ResourceExhausted desc = /wards.Beds/List is rejected by grpc_ratelimit middleware, please retry later."
        }
        Stack::Dotnet => "Rate limits exceeded, rejecting this request. PolicyName: wards",
        _ => "[Rack::Attack][Throttled] wards/ip 10.0.9.44 count=312 limit=300 period=60",
    };
    for second in -4..36 {
        scene.say(root, second, Level::Warn, told);
    }
    scene.fail(root, "http", 0, Reading::Bad, "HTTP 429 in 2 ms: \"Too Many Requests\"");
    suffer(&mut scene, root, Symptom::Failed, |stack, name, port| match stack {
        Stack::Java => format!(
            "feign.FeignException$TooManyRequests: [429 Too Many Requests] during [GET] to [http://{name}:{port}/v1/wards]"
        ),
        Stack::Python => format!(
            "httpx.HTTPStatusError: Client error '429 Too Many Requests' for url 'http://{name}:{port}/v1/wards'"
        ),
        Stack::Node => format!("HTTPError: Response code 429 (Too Many Requests) http://{name}:{port}/v1/wards"),
        Stack::Go => format!(
            "GET http://{name}:{port}/v1/wards giving up after 5 attempt(s): unexpected HTTP status 429 Too Many Requests"
        ),
        Stack::Dotnet => format!(
            "Refit.ApiException: Response status code does not indicate success: 429 (Too Many Requests). http://{name}:{port}"
        ),
        Stack::Ruby => format!("RestClient::TooManyRequests: 429 Too Many Requests from {name}:{port}"),
        _ => format!("upstream answered 429 to the subrequest, upstream: \"http://127.0.0.1:{port}/v1/wards\""),
    });
    let heals = scene.acts(root, &["scale-out"]);
    close(scene, root, Category::Capacity, heals)
}

/// One host asks a resolver that does not answer, and cannot find even its neighbours: glibc's EAI_AGAIN as each library tells it,
/// coredns/coredns#5179, dnsmasq and systemd-resolved.
pub fn resolver(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let below = scene.hospital.units[root].needs[0];
    let (name, port) = (scene.name(below), scene.hospital.units[below].port);
    let told = match scene.stack(root) {
        Stack::Java => format!("java.net.UnknownHostException: {name}: Temporary failure in name resolution"),
        Stack::Python => format!(
            "psycopg2.OperationalError: could not translate host name \"{name}\" to address: Temporary failure in name resolution"
        ),
        Stack::Node => format!("Error: getaddrinfo EAI_AGAIN {name}"),
        Stack::Go => {
            format!("dial tcp: lookup {name} on 10.96.0.10:53: read udp 10.0.3.9:41231->10.96.0.10:53: i/o timeout")
        }
        Stack::Dotnet => format!(
            "System.Net.Sockets.SocketException (00000001, 11): Resource temporarily unavailable ({name}:{port})"
        ),
        _ => format!("Mysql2::Error::ConnectionError: Unknown MySQL server host '{name}' (-3)"),
    };
    scene.scream(root, 0, &told);
    let is_checked = scene.dice.happens(5000);
    if is_checked {
        scene.fail(root, "name", 0, Reading::Bad, "no answer from 10.96.0.10:53 within 1.0 s");
    }
    if !is_checked || scene.dice.happens(5000) {
        let (who, told) = *scene.dice.pick(&[
            ("dnsmasq[412]", "Maximum number of concurrent DNS queries reached (max: 150)"),
            ("systemd-resolved[412]", "Using degraded feature set UDP instead of UDP+EDNS0 for DNS server 10.96.0.10."),
            (
                "unbound[412]",
                "[412:0] error: SERVFAIL <ehr.partner.example. A IN>: all servers for this domain failed, at zone .",
            ),
        ]);
        for second in [-8, 3, 17] {
            scene.system(root, second, who, told);
        }
    }
    scene.fail(root, "http", 2, Reading::Bad, "HTTP 503 in 5.0 s: \"not ready\"");
    spread(&mut scene, root, Symptom::Failed);
    close(scene, root, Category::Network, Vec::new())
}

/// The kernel of its host throws packets away; the program is well and knows nothing. pc-freak.net on nf_conntrack, the link
/// messages of e1000e, and the callers' own words for a connection that is never made.
pub fn dropped(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let (first, again) = *scene.dice.pick(&[
        ("nf_conntrack: nf_conntrack: table full, dropping packet", "net_ratelimit: 8311 callbacks suppressed"),
        (
            "e1000e 0000:00:19.0 eth0: NIC Link is Down",
            "e1000e 0000:00:19.0 eth0: NIC Link is Up 10 Mbps Half Duplex, Flow Control: None",
        ),
        ("NETDEV WATCHDOG: eth0 (igb): transmit queue 0 timed out", "igb 0000:02:00.0 eth0: Reset adapter"),
    ]);
    for turn in 0..6 {
        scene.system(root, turn * 9 - 6, "kernel", &format!("[{}.058110] {first}", 81_234 + turn * 9));
        scene.system(root, turn * 9 - 4, "kernel", &format!("[{}.301442] {again}", 81_236 + turn * 9));
    }
    if scene.dice.happens(5000) {
        scene.fail(root, "http", 4, Reading::Bad, "no answer within 1.0 s, not even a connection");
    }
    suffer(&mut scene, root, Symptom::TimedOut, |stack, name, port| match stack {
        Stack::Java => format!(
            "org.apache.hc.client5.http.ConnectTimeoutException: Connect to http://{name}:{port} failed: Connect timed out"
        ),
        Stack::Python => format!("httpx.ConnectTimeout: timed out (GET http://{name}:{port}/v1/wards)"),
        Stack::Node => format!(
            "ConnectTimeoutError: Connect Timeout Error (attempted addresses: 127.0.0.1:{port}, timeout: 10000ms)"
        ),
        Stack::Go => format!("dial tcp {name}:{port}: i/o timeout"),
        Stack::Nginx => format!(
            "upstream timed out (110: Operation timed out) while connecting to upstream, upstream: \"http://127.0.0.1:{port}/v1/wards\""
        ),
        Stack::Dotnet => format!("System.Net.Sockets.SocketException (110): Connection timed out ({name}:{port})"),
        _ => format!("Net::OpenTimeout: Failed to open TCP connection to {name}:{port} (execution expired)"),
    });
    close(scene, root, Category::Network, Vec::new())
}

/// It answers its own check over plain HTTP, and every caller refuses its certificate: the words of OpenSSL's clients, and what
/// little the server hears of it as alert 45.
pub fn certificate(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    if scene.dice.happens(5000) {
        let told = match scene.stack(root) {
            Stack::Java => "javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_expired",
            Stack::Python => {
                "ssl.SSLError: [SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] sslv3 alert certificate expired (_ssl.c:1006)"
            }
            Stack::Node => {
                "tlsClientError: ssl3_read_bytes:sslv3 alert certificate expired:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 45"
            }
            Stack::Go => "http: TLS handshake error from 10.0.4.9:51234: remote error: tls: expired certificate",
            Stack::Dotnet => {
                "Failed to authenticate HTTPS connection. System.Security.Authentication.AuthenticationException: Authentication failed, see inner exception."
            }
            _ => {
                "SSL error, peer: 10.0.4.9, peer cert: , #<Puma::MiniSSL::SSLError: OpenSSL error: error:0A000415:SSL routines::sslv3 alert certificate expired>"
            }
        };
        for second in (1..40).step_by(4) {
            scene.say(root, second, Level::Info, told);
        }
    }
    suffer(&mut scene, root, Symptom::Failed, |stack, name, port| match stack {
        Stack::Java => format!(
            "sun.security.validator.ValidatorException: PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed executing GET https://{name}:{port}/v1/wards"
        ),
        Stack::Python => format!(
            "httpx.ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1006) (GET https://{name}:{port}/v1/wards)"
        ),
        Stack::Node => {
            format!("FetchError: request to https://{name}:{port}/v1/wards failed, reason: certificate has expired")
        }
        Stack::Go => format!(
            "Get \"https://{name}:{port}/v1/wards\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-03-02T09:30:07Z is after 2026-03-02T09:29:58Z"
        ),
        Stack::Dotnet => format!(
            "System.Security.Authentication.AuthenticationException: The remote certificate is invalid because of errors in the certificate chain: NotTimeValid ({name}:{port})"
        ),
        Stack::Ruby => format!(
            "OpenSSL::SSL::SSLError: SSL_connect returned=1 errno=0 peeraddr=127.0.0.1:{port} state=error: certificate verify failed (certificate has expired)"
        ),
        _ => format!(
            "upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream, upstream: \"https://127.0.0.1:{port}/v1/wards\""
        ),
    });
    let heals = scene.acts(root, &["renew-certificate"]);
    close(scene, root, Category::Security, heals)
}

/// The account a service binds with has a password that is too old, or a client secret: Active Directory's `data 532`
/// (cannatag/ldap3#397, shaozi/ldap-authentication#37), Entra's AADSTS7000222
/// (spencerwooo/onedrive-vercel-index#1051), Kafka's SCRAM, S3.
pub fn directory(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let told = if scene.dice.happens(6000) {
        match scene.stack(root) {
            Stack::Java => {
                "javax.naming.AuthenticationException: [LDAP: error code 49 - 80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data 532, v4563]"
            }
            Stack::Python => {
                "ldap3.core.exceptions.LDAPBindError: automatic bind not successful - invalidCredentials: 80090308: LdapErr: DSID-0C09030B, comment: AcceptSecurityContext error, data 532, v893"
            }
            Stack::Node => {
                "InvalidCredentialsError: 80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 532, v3839"
            }
            Stack::Go => {
                "LDAP Result Code 49 \"Invalid Credentials\": 80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 532, v3839"
            }
            Stack::Dotnet => "System.DirectoryServices.Protocols.LdapException: The supplied credential is invalid.",
            _ => "bind of cn=svc-wards failed: Invalid Credentials (49), AcceptSecurityContext error, data 532",
        }
    } else {
        *scene.dice.pick(&[
            "invalid_client: AADSTS7000222: The provided client secret keys for app '4f1c8e11' are expired. Visit the Azure portal to create new keys for your app.",
            "org.apache.kafka.common.errors.SaslAuthenticationException: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
            "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        ])
    };
    scene.scream(root, 0, told);
    let detail =
        *scene.dice.pick(&["HTTP 500 in 21 ms", "HTTP 503 in 18 ms: \"directory: DOWN\"", "HTTP 401 in 18 ms"]);
    scene.fail(root, "http", 1, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::Failed);
    let heals = scene.acts(root, &["reload-credentials"]);
    close(scene, root, Category::Security, heals)
}

/// The partner answers late; what is loud is that every thread waits for it: Spring's `TaskRejectedException`, waitress' queue
/// depth, Tomcat, puma, as in many a public post-mortem of a payment provider.
pub fn partner(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, |hospital, unit| matches!(hospital.units[unit].role, Role::Api | Role::Worker));
    let partner = *scene.dice.pick(&["api.clearing.example", "fhir.registry.example", "sms.carrier.example"]);
    let (late, loud) = match scene.stack(root) {
        Stack::Java => (
            format!("POST https://{partner}/v2/claims: HTTP/1.1 header parser received no bytes after 30001 ms"),
            "org.springframework.core.task.TaskRejectedException: executor ThreadPoolExecutor[Running, pool size = 200, active threads = 200, queued tasks = 1000] did not accept task",
        ),
        Stack::Python => (
            format!("httpx.ReadTimeout: POST https://{partner}/v2/claims after 30.0 s, attempt 3 of 3"),
            "Task queue depth is 312",
        ),
        Stack::Node => (
            format!("timeout of 30000ms exceeded: POST https://{partner}/v2/claims"),
            "TimeoutError: ResourceRequest timed out, 50 of 50 sockets in use, 412 requests waiting",
        ),
        Stack::Go => (
            format!("Post \"https://{partner}/v2/claims\": net/http: timeout awaiting response headers"),
            "semaphore of handlers: context deadline exceeded, 128 of 128 taken",
        ),
        Stack::Dotnet => (
            format!("HTTP POST https://{partner}/v2/claims was not answered within 30000ms; circuit breaker opened"),
            "Polly.Bulkhead.BulkheadRejectedException: The bulkhead semaphore is full and execution was rejected.",
        ),
        _ => (
            format!("Net::ReadTimeout with #<TCPSocket:(closed)> (POST https://{partner}/v2/claims)"),
            "puma: out of threads: 16 of 16 busy, backlog 214",
        ),
    };
    for second in [-34, -27, -19, -8, 2, 11, 23] {
        scene.say(root, second, Level::Warn, &late);
    }
    if scene.dice.happens(4000) {
        scene.say(root, 14, Level::Warn, &format!("{partner} answered 503 Service Unavailable, Retry-After: 120"));
    }
    for second in 0..40 {
        scene.say(root, second, Level::Error, loud);
    }
    scene.fail(root, "http", 3, Reading::Bad, "no answer within 1.0 s");
    spread(&mut scene, root, Symptom::TimedOut);
    let heals = scene.acts(root, &["fail-over"]);
    close(scene, root, Category::ExternalDependency, heals)
}

/// Whoever issues the tokens lives in the future, so that nobody else accepts them yet: keycloak/keycloak#8966, and chronyd as in
/// NethServer/dev#5062. The issuer itself is content.
pub fn issuer(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let is_checked = scene.dice.happens(6000);
    if is_checked {
        let detail = "this clock is 93 s ahead, give or take 20 ms, more than 2.0 s";
        scene.fail(root, "clock", 5, Reading::Slow, detail);
    }
    if !is_checked || scene.dice.happens(4000) {
        scene.system(root, -700, "chronyd[612]", "Can't synchronise: no selectable sources");
        scene.system(root, -20, "chronyd[612]", "Selected source 10.0.0.1");
        scene.system(root, -20, "chronyd[612]", "System clock wrong by -93.412317 seconds");
    }
    suffer(&mut scene, root, Symptom::Failed, |stack, name, port| match stack {
        Stack::Java => format!(
            "org.springframework.security.oauth2.jwt.JwtValidationException: An error occurred while attempting to decode the Jwt: Jwt used before 2026-03-02T09:31:40Z (iss http://{name}:{port})"
        ),
        Stack::Python => {
            format!("jose.exceptions.JWTClaimsError: The token is not yet valid (nbf), iss http://{name}:{port}")
        }
        Stack::Node => {
            format!("JWTClaimValidationFailed: \"nbf\" claim timestamp check failed (iss http://{name}:{port})")
        }
        Stack::Go => format!(
            "oidc: current time 2026-03-02 09:30:07 +0000 UTC before the nbf (not before) time: 2026-03-02 09:31:40 +0000 UTC (issuer http://{name}:{port})"
        ),
        Stack::Dotnet => format!(
            "IDX10222: Lifetime validation failed. The token is not yet valid. ValidFrom (UTC): '3/2/2026 9:31:40 AM', Current time (UTC): '3/2/2026 9:30:07 AM'. Issuer: http://{name}:{port}"
        ),
        Stack::Ruby => format!("JWT::ImmatureSignature: Signature nbf has not been reached (iss http://{name}:{port})"),
        _ => format!("auth_jwt: Jwt not yet valid (iss http://{name}:{port})"),
    });
    close(scene, root, Category::Infrastructure, Vec::new())
}
