//! This host's clock against time servers, asked as SNTP asks (RFC 4330 and RFC 5905): one packet there and one back.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::{
    net::{UdpSocket, lookup_host},
    time::timeout,
};

use super::outcome::{Finding, took};
use crate::platform::{ClockProbe, Reading};

/// A packet without extensions.
const PACKET: usize = 48;
/// No warning, version 4, from a client.
const REQUEST: u8 = 0x23;
const SERVER: u8 = 4;
/// The leap indicator of a server that does not know the time.
const ALARM: u8 = 3;
/// From here on a server is not synchronised.
const UNSYNCHRONISED: u8 = 16;
/// Seconds from 1900, where the time of NTP begins, to 1970.
const EPOCH: i64 = 2_208_988_800;
/// An answer that takes longer says too little, and the others need not wait for it.
const PATIENCE: Duration = Duration::from_millis(700);

/// How far a server's clock is ahead of this one, in seconds, and how much of that the way there may have made up.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Offset {
    ahead: f64,
    give_or_take: f64,
}

pub(super) async fn probe(probe: &ClockProbe, within: Duration, now: DateTime<Utc>) -> Finding {
    let begun = Instant::now();
    let patience = PATIENCE.min(within * 3 / 4);
    let asked = probe.servers.iter().map(|server| async move {
        let asking = ask(server, begun, now);
        let answer = timeout(patience, asking).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {}", took(patience))))
    });
    let answers = join_all(asked).await;
    let mut offsets: Vec<Offset> = answers.iter().filter_map(|answer| answer.as_ref().ok().copied()).collect();
    let Some(offset) = middle(&mut offsets) else {
        let told = probe.servers.iter().zip(answers).filter_map(|(server, answer)| Some((server, answer.err()?)));
        let told: Vec<String> = told.map(|(server, why)| format!("{server}: {why}")).collect();
        return Finding::bad(format!("nobody tells the time; {}", told.join("; ")));
    };
    let Offset { ahead, give_or_take } = offset;
    // What is ahead there is behind here.
    let way = if ahead > 0.0 { "behind" } else { "ahead" };
    let of = if probe.servers.len() > 1 {
        format!(" of {} of {} servers", offsets.len(), answers.len())
    } else {
        String::new()
    };
    let off = format!("{} {way}{of}, give or take {}", span(ahead.abs()), span(give_or_take));
    let skewed = ahead.abs() - give_or_take > probe.above.as_secs_f64();
    let limit = if skewed { format!(", more than {}", took(probe.above)) } else { String::new() };
    Finding {
        reading: if skewed { Reading::Slow } else { Reading::Good },
        detail: format!("this clock is {off}{limit}"),
        figure: Some(-ahead),
    }
}

/// The one in the middle, so that one server that is wrong does not decide; of two the more harmless.
fn middle(offsets: &mut [Offset]) -> Option<Offset> {
    offsets.sort_by(|a, b| a.ahead.total_cmp(&b.ahead));
    let (low, high) = (offsets.get(offsets.len().checked_sub(1)? / 2)?, offsets.get(offsets.len() / 2)?);
    Some(if low.ahead.abs() <= high.ahead.abs() { *low } else { *high })
}

async fn ask(server: &str, begun: Instant, now: DateTime<Utc>) -> Result<Offset, String> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        _ => error.to_string(),
    };
    let address = lookup_host(server).await.map_err(failed)?.next().ok_or("the name has no address")?;
    let socket = UdpSocket::bind(if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }).await.map_err(failed)?;
    // Only what comes from there is received.
    socket.connect(address).await.map_err(failed)?;
    // The server repeats this number, so nobody else can answer; it need not be the time, and tells nothing of this host.
    let number: [u8; 8] = rand::random();
    let mut request = [0; PACKET];
    request[0] = REQUEST;
    request[40..].copy_from_slice(&number);
    let sent = Instant::now();
    socket.send(&request).await.map_err(failed)?;
    loop {
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).await.map_err(failed)?;
        let round_trip = sent.elapsed();
        match answer.first_chunk().filter(|_| length >= PACKET) {
            // What repeats another number answers somebody else's question.
            Some(answer) if answer[24..32] == number => {
                return judge(answer, now + sent.saturating_duration_since(begun), round_trip);
            }
            _ => {}
        }
    }
}

fn judge(answer: &[u8; PACKET], sent: DateTime<Utc>, round_trip: Duration) -> Result<Offset, String> {
    let (leap, mode, stratum) = (answer[0] >> 6, answer[0] & 7, answer[1]);
    let at = |from: usize| answer[from..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    if mode != SERVER {
        return Err("what answers is no time server".to_owned());
    }
    if stratum == 0 {
        let code: String = answer[12..16].iter().map(|byte| char::from(*byte)).collect();
        return Err(match code.as_str() {
            "RATE" => "it refuses to answer so often (RATE): ask it less often".to_owned(),
            "DENY" | "RSTR" => format!("it refuses to serve this host ({code})"),
            _ => format!("it refuses to answer ({})", code.escape_default()),
        });
    }
    if leap == ALARM || stratum >= UNSYNCHRONISED {
        return Err("it does not know the time itself: it is not synchronised".to_owned());
    }
    let (received, answered) = (at(32), at(40));
    if received == 0 || answered == 0 {
        return Err("its answer holds no time".to_owned());
    }
    // Differences stay right when the count of seconds begins anew in 2036.
    let there = |time: u64, here: u64| fraction(time.wrapping_sub(here).cast_signed());
    let arrived = sent + round_trip;
    let ahead = (there(received, stamp(sent)) + there(answered, stamp(arrived))) / 2.0;
    let held = there(answered, received).max(0.0);
    Ok(Offset { ahead, give_or_take: (round_trip.as_secs_f64() - held).max(0.0) / 2.0 })
}

/// A time as NTP writes it: seconds since 1900 in the upper half, their fraction in the lower.
fn stamp(time: DateTime<Utc>) -> u64 {
    let seconds = (time.timestamp() + EPOCH).cast_unsigned() & u64::from(u32::MAX);
    let fraction = (u64::from(time.timestamp_subsec_nanos()) << 32) / 1_000_000_000;
    seconds << 32 | fraction
}

#[expect(clippy::cast_precision_loss, reason = "a difference of clocks is told to the microsecond at best")]
fn fraction(difference: i64) -> f64 {
    difference as f64 / 4_294_967_296.0
}

fn span(seconds: f64) -> String {
    took(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Check, Probe},
    };

    /// A time server whose answers `change` makes different from what is right; gives where it listens.
    async fn serve(change: impl Fn(&mut Vec<u8>) + Send + 'static) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut request = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut request).await {
                assert_eq!((length, request[0]), (48, 0x23), "a request of version 4 from a client");
                let mut answer = vec![0; 48];
                (answer[0], answer[1]) = (0x24, 2);
                answer[24..32].copy_from_slice(&request[40..48]);
                for place in [32, 40] {
                    answer[place..place + 8].copy_from_slice(&stamp(Utc::now()).to_be_bytes());
                }
                change(&mut answer);
                let _ = socket.send_to(&answer, from).await;
            }
        });
        address
    }

    fn asking(servers: &[&String]) -> Check {
        let servers = servers.iter().map(|server| (*server).clone()).collect();
        check(Probe::Clock(ClockProbe { servers, above: Duration::from_millis(500) }))
    }

    /// Asked by a host whose clock is so far ahead.
    async fn ahead(servers: &[&String], milliseconds: i64) -> Outcome {
        let prober = Prober::new();
        prober.probe_at(&asking(servers), Utc::now() + TimeDelta::milliseconds(milliseconds)).await
    }

    #[tokio::test]
    async fn a_clock_that_is_off_is_seen_and_by_how_much() {
        let server = serve(|_| {}).await;
        for (milliseconds, reading, told) in [
            (0, Reading::Good, "this clock is "),
            (400, Reading::Good, "ms ahead, give or take"),
            (3000, Reading::Slow, " s ahead, give or take "),
            (-90_000, Reading::Slow, "this clock is 90."),
        ] {
            let outcome = ahead(&[&server], milliseconds).await;
            assert_eq!(outcome.result, reading, "{milliseconds}: {}", outcome.detail);
            assert!(outcome.detail.contains(told), "{}", outcome.detail);
            let expected = milliseconds as f64 / 1000.0;
            assert!((outcome.figure.unwrap() - expected).abs() < 0.1, "{milliseconds}: {outcome:?}");
        }
        assert!(ahead(&[&server], 3000).await.detail.ends_with(", more than 500 ms"));
    }

    #[tokio::test]
    async fn one_server_that_is_wrong_does_not_decide() {
        let wrong = serve(|answer| {
            for place in [32, 40] {
                answer[place..place + 8].copy_from_slice(&stamp(Utc::now() + TimeDelta::hours(1)).to_be_bytes());
            }
        })
        .await;
        let (right, other) = (serve(|_| {}).await, serve(|_| {}).await);
        let outcome = ahead(&[&wrong, &right, &other], 0).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
        assert!(outcome.detail.contains("of 3 of 3 servers"), "{}", outcome.detail);
        assert_eq!(ahead(&[&wrong, &right], 0).await.result, Reading::Good);
        assert_eq!(ahead(&[&wrong, &right, &other], 5000).await.result, Reading::Slow);
    }

    #[tokio::test]
    async fn a_server_that_does_not_tell_the_time_says_why() {
        let kiss = |code: &'static [u8; 4]| {
            serve(move |answer| {
                answer[1] = 0;
                answer[12..16].copy_from_slice(code);
            })
        };
        let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        for (server, told) in [
            (kiss(b"RATE").await, "it refuses to answer so often (RATE): ask it less often"),
            (kiss(b"DENY").await, "it refuses to serve this host (DENY)"),
            (kiss(b"\x1b[2J").await, "it refuses to answer (\\u{1b}[2J)"),
            (serve(|answer| answer[0] |= 0xc0).await, "it is not synchronised"),
            (serve(|answer| answer[1] = 16).await, "it is not synchronised"),
            (serve(|answer| answer[0] = 0x23).await, "what answers is no time server"),
            (serve(|answer| answer[40..48].fill(0)).await, "its answer holds no time"),
            (serve(|answer| answer.truncate(40)).await, "no answer within 300 ms"),
            (serve(|answer| answer[24] ^= 1).await, "no answer within 300 ms"),
            (free, "nobody listens there"),
        ] {
            let check = Check { within: Duration::from_millis(400), ..asking(&[&server]) };
            let outcome = Prober::new().probe(&check).await;
            assert_eq!(outcome.result, Reading::Bad, "{}", outcome.detail);
            assert!(outcome.detail.starts_with(&format!("nobody tells the time; {server}: ")), "{}", outcome.detail);
            assert!(outcome.detail.ends_with(told), "{} lacks {told}", outcome.detail);
        }
    }

    #[tokio::test]
    async fn a_silent_server_does_not_hold_up_the_others() {
        let (silent, right) = (serve(Vec::clear).await, serve(|_| {}).await);
        let outcome = ahead(&[&silent, &right], 0).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
        assert!(
            outcome.detail.contains("of 1 of 2 servers") && outcome.latency < Duration::from_secs(1),
            "{outcome:?}"
        );
    }

    #[test]
    fn the_count_of_seconds_begins_anew_in_2036() {
        let sent = DateTime::from_timestamp(2_085_978_496 - 1, 500_000_000).unwrap();
        assert_eq!(stamp(sent) >> 32, u64::from(u32::MAX));
        let mut answer = [0; PACKET];
        (answer[0], answer[1]) = (0x24, 1);
        for place in [32, 40] {
            answer[place..place + 8].copy_from_slice(&(1u64 << 32).to_be_bytes());
        }
        let offset = judge(&answer, sent, Duration::ZERO).unwrap();
        assert!((offset.ahead - 1.5).abs() < 1e-6, "{offset:?}");
    }
}
