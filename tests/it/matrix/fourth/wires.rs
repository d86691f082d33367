//! What is between programs: names, links, and those who are not ours.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    hospital::{Role, Stack},
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{
    close, needed, serves, spread, suffer,
    voices::{Program, chatter, perhaps, say, scream},
};

/// One host has a resolver that answers wrongly, or refuses for a signature: systemd-resolved (systemd/systemd#13432, #12388,
/// #36681), CoreDNS and search domains (coredns/coredns#7212), and how Postgrex (#164, #255), Netty, c-ares, Go and glibc tell it.
pub fn names(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let who = perhaps(&mut scene, root, &[Program::Elixir], 2000);
    let below = scene.hospital.units[root].needs[0];
    let (name, port) = (scene.name(below), scene.hospital.units[below].port);
    let is_checked = scene.dice.happens(4500);
    if is_checked {
        let detail = *scene.dice.pick(&[
            "the name server does not answer for ehr.partner.example: SERVFAIL from 127.0.0.53:53",
            "ehr.partner.example does not exist (NXDOMAIN from 127.0.0.53:53)",
        ]);
        scene.fail(root, "name", 0, Reading::Bad, detail);
    }
    if !is_checked || scene.dice.happens(6000) {
        let (from, told) = match scene.dice.below(3) {
            0 => ("systemd-resolved[532]", format!("DNSSEC validation failed for question {name}.hospital.example IN A: signature-expired")),
            1 => (
                "systemd-resolved[532]",
                "Server returned error NXDOMAIN, mitigating potential DNS violation DVE-2018-0001, retrying transaction with reduced feature level UDP.".to_owned(),
            ),
            _ => (
                "coredns[701]",
                format!("[INFO] 10.42.192.21:49959 - 43955 \"A IN {name}.svc.cluster.local. udp 60 false 512\" SERVFAIL qr,rd 153 0.000205631s"),
            ),
        };
        for second in (-12..40).step_by(6) {
            scene.system(root, second, from, &told);
        }
    }
    let told = match (who, scene.stack(root)) {
        (Some(_), _) => "Postgrex.Protocol (#PID<0.1486.0>) failed to connect: ** (DBConnection.ConnectionError) tcp connect: non-existing domain - :nxdomain".to_owned(),
        (_, Stack::Java) => format!("io.netty.resolver.dns.DnsNameResolverException: [41231: /127.0.0.53:53] DefaultDnsQuestion({name}.hospital.example. IN A) query via UDP timed out after 5000 milliseconds"),
        (_, Stack::Python) => format!("aiohttp.client_exceptions.ClientConnectorDNSError: Cannot connect to host {name}:{port} ssl:default [Name or service not known]"),
        (_, Stack::Node) => format!("Error: queryA ESERVFAIL {name}"),
        (_, Stack::Go) => format!("dial tcp: lookup {name} on 127.0.0.53:53: server misbehaving"),
        (_, Stack::Dotnet) => format!("System.Net.Sockets.SocketException (0xFFFDFFFF): Name or service not known ({name}:{port})"),
        _ => format!("Socket::ResolutionError: getaddrinfo(3): Name or service not known ({name}:{port})"),
    };
    scream(&mut scene, root, who, 0, &told);
    scene.fail(root, "http", 2, Reading::Bad, "HTTP 503 in 5.0 s: \"not ready\"");
    spread(&mut scene, root, Symptom::Failed);
    close(scene, root, Category::Network, Vec::new())
}

/// A network card has settled for a tenth of its speed (serverdevworker.com/5283e0dd, major.io/2021/08/20), or the way goes round
/// another continent. The service is quick and knows nothing; its callers wait for bytes.
pub fn link(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let since = scene.from(-60, -4);
    if scene.dice.happens(6500) {
        let (down, up) = *scene.dice.pick(&[
            (
                "igb 0000:02:00.0 eno1: igb: eno1 NIC Link is Down",
                "igb 0000:02:00.0 eno1: igb: eno1 NIC Link is Up 100 Mbps Half Duplex, Flow Control: None",
            ),
            ("tg3 0000:04:00.0 eth0: Link is down", "tg3 0000:04:00.0 eth0: Link is up at 100 Mbps, half duplex"),
            (
                "bond0: (slave eno1): link status definitely down, disabling slave",
                "bond0: (slave eno2): making interface the new active one, 100 Mbps half duplex",
            ),
        ]);
        scene.system(root, since, "kernel", &format!("[{}.058110] {down}", 81_234 + since));
        scene.system(root, since + 3, "kernel", &format!("[{}.301442] {up}", 81_237 + since));
    } else {
        let told = "path to 10.0.3.0/24 changed: 2 hops -> 11 hops via backup-wan; rtt min/avg/max/mdev = 181.2/212.9/344.8/31.0 ms, 3% packet loss";
        for second in [since, since + 20, since + 40] {
            scene.system(root, second, "smokeping[733]", told);
        }
    }
    for second in (-5..40).step_by(2) {
        let told = format!("served /api/wards in {} ms", scene.from(6, 14));
        scene.say(root, second, Level::Info, &told);
    }
    scene.sample(root, "http", 20, Reading::Good, "HTTP 200 in 9 ms");
    suffer(&mut scene, root, Symptom::Slow, |stack, below, port| match stack {
        Stack::Java => format!(
            "GET http://{below}:{port}/api/wards took 4127 ms: connect 1011 ms, first byte 1203 ms, body 1913 ms; Server-Timing: app;dur=9"
        ),
        Stack::Go => format!("slow call peer={below}:{port} dial=1.02s tls=0s ttfb=1.21s body=1.9s server_time=9ms"),
        Stack::Python => format!("{below}:{port} answered after 4.1 s, its X-Response-Time says 9 ms"),
        _ => format!("{below}:{port}: 4127 ms for /api/wards (server says 9 ms), retransmits 41 of 812 segments"),
    });
    close(scene, root, Category::Network, Vec::new())
}

/// Somebody else's service is unwell, and says so: a mail relay as postfix hears it (iredmail/iRedMail#156,
/// juanluisbaptiste/docker-postfix#43), a provider of models (anthropics/claude-code#3633, Aider-AI/aider#957), object storage,
/// payments. Louder is what piles up at home.
pub fn provider(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, |hospital, unit| matches!(hospital.units[unit].role, Role::Api | Role::Worker));
    let who = perhaps(&mut scene, root, &[Program::Elixir], 2000);
    let kind = scene.dice.below(4);
    let (said, loud) = match kind {
        0 => (
            "mail for ward 3 was not accepted by smtp.relay.example: 451 4.3.2 Temporary server error, please try again later",
            "reminder for tomorrow was not sent, it is kept for later (4811 are kept)",
        ),
        1 => (
            "POST https://api.models.example/v1/messages: 529 {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}, attempt 5 of 5",
            "letter could not be summarised, the draft is left empty (312 in the last minute)",
        ),
        2 => (
            "PUT https://objects.cloud.example/scans/8f31: 503 ServiceUnavailable: Service is unable to handle request. Please try again later. RequestId 7r2b1kx9",
            "upload of a scan is tried again later, 812 scans wait on this host",
        ),
        _ => (
            "POST https://claims.insurer.example/v3/eligibility: 502 Bad Gateway <html><head><title>502</title></head><center>cloudfront</center>",
            "patient cannot be admitted: eligibility is not known, 41 wait at the desk",
        ),
    };
    for second in (-30..40).step_by(7) {
        say(&mut scene, root, who, second, Level::Warn, said);
    }
    if kind == 0 {
        for second in (-24..40).step_by(8) {
            let told = "4JgyGN3kgGz: to=<ward-3@hospital.example>, relay=smtp.relay.example[198.51.100.7]:587, delay=312, delays=310/0.15/2.1/0.1, dsn=4.3.2, status=deferred (host smtp.relay.example[198.51.100.7] said: 451 4.3.2 Temporary server error (in reply to MAIL FROM command))";
            scene.system(root, second, "postfix/smtp[1302]", told);
        }
    }
    scream(&mut scene, root, who, 0, loud);
    let detail =
        *scene.dice.pick(&["HTTP 503 in 11 ms", "HTTP 502 in 11 ms: \"upstream failed\"", "HTTP 500 in 30.0 s"]);
    scene.fail(root, "http", 2, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::Failed);
    let heals = scene.acts(root, &["fail-over"]);
    close(scene, root, Category::ExternalDependency, heals)
}
