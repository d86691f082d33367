//! What is between programs: a way that is gone, and a provider that gives everybody less.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::{needed, perhaps, say, scream, serves},
    hospital::{Role, Stack},
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{
    close, spread, suffer,
    voices::{Program, chatter},
};

/// There is no way to the host any more: `WireGuard` (squat/kilo#480, gravitl/netmaker#2749), strongSwan
/// (strongswan/strongswan#1384), FRR, BIRD below Calico (projectcalico/calico#11596), a bond without members. The service itself
/// goes on and has less to do.
pub fn route(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let (who, told) = *scene.dice.pick(&[
        ("kernel", "[81234.058110] wireguard: wg0: Handshake for peer 7 (10.0.8.1:51820) did not complete after 5 seconds, retrying (try 2)"),
        ("charon[812]", "13[IKE] giving up after 5 retransmits, peer 10.0.8.1 not responding; CHILD_SA wards{4} is closed"),
        ("bgpd[733]", "%ADJCHANGE: neighbor 10.0.3.1(core-1) in vrf default Down BGP Notification received, 41 prefixes withdrawn"),
        ("bird[733]", "Mesh_10_0_3_1: Error: Hold timer expired; Netlink: Network is unreachable"),
        ("kernel", "[81234.301442] bond0: now running without any active interface!"),
    ]);
    let since = scene.from(-25, -2);
    for turn in 0..5 {
        scene.system(root, since + turn * 11, who, told);
    }
    if scene.dice.happens(5000) {
        scene.say(root, 20, Level::Info, "requests in the last 10 s: 0 (usual: 410)");
    }
    if scene.dice.happens(5500) {
        let detail = *scene.dice.pick(&[
            "cannot connect: No route to host (os error 113)",
            "no answer within 1.0 s, not even a connection",
        ]);
        scene.fail(root, "http", 3, Reading::Bad, detail);
    }
    suffer(&mut scene, root, Symptom::TimedOut, |stack, name, port| match stack {
        Stack::Java => {
            format!("java.net.NoRouteToHostException: No route to host (GET http://{name}:{port}/api/v2/beds)")
        }
        Stack::Python => format!(
            "grpc._channel._InactiveRpcError: status = StatusCode.UNAVAILABLE details = \"failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.3.7:{port}: connect: No route to host (113)\" ({name})"
        ),
        Stack::Node => format!("TypeError: fetch failed, cause: Error: connect EHOSTUNREACH 10.0.3.7:{port} ({name})"),
        Stack::Go => format!("unavailable: dial tcp 10.0.3.7:{port}: connect: no route to host ({name})"),
        Stack::Dotnet => format!(
            "Flurl.Http.FlurlHttpException: Call failed. No route to host ({name}:{port}): GET http://{name}:{port}/api/v2/beds"
        ),
        _ => format!("HTTPX::ConnectionError: No route to host - connect(2) for {name}:{port}"),
    });
    close(scene, root, Category::Network, Vec::new())
}

/// A provider is short itself and gives everybody less; what we ask is as much as on any day: S3's `SlowDown`
/// (aws/aws-sdk-net#1949, where it was the provider's event), Azure's `ServerBusy`, a provider of models, one of messages. Louder
/// is what waits at home.
pub fn throttled(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, |hospital, unit| matches!(hospital.units[unit].role, Role::Api | Role::Worker));
    let who = perhaps(&mut scene, root, &[Program::Rust], 2000);
    let (said, notice, loud) = *scene.dice.pick(&[
        (
            "PUT https://scans.objects.example/8f31: 503 SlowDown: Please reduce your request rate. RequestId 7r2b1kx9",
            "status.objects.example: degraded in eu-1, requests of all customers are limited while capacity is restored",
            "scan cannot be stored, 4811 wait on this host",
        ),
        (
            "POST https://wards.blob.example/letters: 503 ServerBusy: The server is currently unable to receive requests. Please retry your request.",
            "status.blob.example: we are throttling all tenants of this stamp, next update in 30 min",
            "letter for ward 3 was not delivered, 912 letters are kept",
        ),
        (
            "POST https://bedrock.models.example/invoke: 429 ThrottlingException: Too many tokens, please wait before trying again.",
            "status.models.example: reduced capacity, limits were lowered for every account",
            "discharge letter has no summary, 212 doctors wait for one",
        ),
        (
            "POST https://api.messages.example/v1/sms: 429 code 20429: Too Many Requests, Retry-After: 120",
            "status.messages.example: carrier outage, we accept a tenth of the usual rate from all accounts",
            "recall of appointment 8812 was not sent, 1204 are kept",
        ),
    ]);
    for second in (-40..40).step_by(6) {
        say(&mut scene, root, who, second, Level::Warn, said);
    }
    say(&mut scene, root, who, -20, Level::Info, notice);
    let sent = scene.from(31, 58);
    for second in [-35, 8] {
        let told = format!("calls in the last minute: {sent} (same minute last week: {}, contract: 600)", sent + 3);
        say(&mut scene, root, who, second, Level::Info, &told);
    }
    scream(&mut scene, root, who, 0, loud);
    let detail =
        *scene.dice.pick(&["HTTP 503 in 9 ms", "HTTP 500 in 10.0 s", "HTTP 503 in 9 ms: \"too much is kept\""]);
    scene.fail(root, "http", 2, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::Failed);
    let heals = scene.acts(root, &["fail-over"]);
    close(scene, root, Category::ExternalDependency, heals)
}
