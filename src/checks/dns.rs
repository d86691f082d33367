//! What a name server says about a name.

use std::{net::SocketAddr, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RecordType},
    },
};
use tokio::time::timeout;

use super::outcome::{Finding, line, took};
use crate::platform::{DnsProbe, DnsRecord};

/// A lost packet is asked for again so many times.
const RETRIES: u32 = 1;
/// So much of the answers is quoted.
const QUOTE: usize = 80;

pub(super) async fn probe(probe: &DnsProbe, within: Duration) -> Finding {
    let from = probe.server.map(|server| format!(" from {server}")).unwrap_or_default();
    let resolver = match resolver(probe.server, within) {
        Ok(resolver) => resolver,
        Err(error) => return Finding::bad(format!("no name server to ask: {error}")),
    };
    let Ok(mut name) = Name::from_utf8(&probe.name) else {
        return Finding::bad(format!("{} is no name", probe.name));
    };
    name.set_fqdn(true);
    let kind = record_type(probe.record);
    match timeout(within, resolver.lookup(name, kind)).await {
        Ok(Ok(found)) => {
            let records = found.answers().iter().filter(|record| record.record_type() == kind);
            judge(probe, records.map(|record| plain(&record.data.to_string())).collect())
        }
        Ok(Err(error)) => Finding::bad(told(&error, probe, &from, within)),
        Err(_) => Finding::bad(format!("no answer{from} within {}", took(within))),
    }
}

/// Nothing is remembered between two runs, and the host's own table is not asked.
fn resolver(server: Option<SocketAddr>, within: Duration) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        Some(server) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
            name_server.connections = connections.into();
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![name_server]);
            let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            *builder.options_mut() = ResolverOpts::default();
            builder
        }
        None => TokioResolver::builder_tokio()?,
    };
    let options = builder.options_mut();
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = within / (RETRIES + 1);
    options.attempts = RETRIES as usize;
    builder.build()
}

fn judge(probe: &DnsProbe, mut found: Vec<String>) -> Finding {
    let (name, kind) = (&probe.name, probe.record.name());
    if found.is_empty() {
        return Finding::bad(format!("{name} has no {kind} record"));
    }
    found.sort();
    let mut expected: Vec<String> = probe.expect.iter().map(|text| plain(text)).collect();
    expected.sort();
    let answers = line(&found.join(", "), QUOTE);
    if expected.is_empty() || found == expected {
        return Finding::good(format!("{name} is {answers}"));
    }
    Finding::bad(format!("{name} is {answers}, expected {}", line(&expected.join(", "), QUOTE)))
}

/// Names differ neither in case nor in the dot at their end.
fn plain(text: &str) -> String {
    text.trim().trim_end_matches('.').to_lowercase()
}

fn told(error: &NetError, probe: &DnsProbe, from: &str, within: Duration) -> String {
    let (name, kind) = (&probe.name, probe.record.name());
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
            format!("{name} does not exist (NXDOMAIN{from})")
        }
        NetError::Dns(DnsError::NoRecordsFound(_)) => format!("{name} has no {kind} record"),
        NetError::Dns(DnsError::ResponseCode(code)) => {
            format!("the name server does not answer for {name}: {code}{from}")
        }
        NetError::Timeout => format!("no answer{from} within {}", took(within)),
        other => format!("no valid answer{from}: {other}"),
    }
}

fn record_type(record: DnsRecord) -> RecordType {
    match record {
        DnsRecord::A => RecordType::A,
        DnsRecord::Aaaa => RecordType::AAAA,
        DnsRecord::Cname => RecordType::CNAME,
        DnsRecord::Mx => RecordType::MX,
        DnsRecord::Ns => RecordType::NS,
        DnsRecord::Ptr => RecordType::PTR,
        DnsRecord::Srv => RecordType::SRV,
        DnsRecord::Txt => RecordType::TXT,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_resolver::proto::{
        op::Message,
        rr::{RData, Record, rdata::A},
    };
    use tokio::net::UdpSocket;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Check, Probe, Reading},
    };

    /// A name server that knows `ward.example` with two addresses and `mail.example` with none; it never answers for `lost.example`.
    async fn server() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut packet).await {
                let mut message = Message::from_vec(&packet[..length]).unwrap().into_response();
                let name = message.queries[0].name().clone();
                match name.to_string().as_str() {
                    "ward.example." => {
                        for last in [7, 5] {
                            let data = RData::A(A(Ipv4Addr::new(10, 0, 0, last)));
                            message.add_answer(Record::from_rdata(name.clone(), 60, data));
                        }
                    }
                    "mail.example." => {}
                    "lost.example." => continue,
                    "broken.example." => message.metadata.response_code = ResponseCode::ServFail,
                    _ => message.metadata.response_code = ResponseCode::NXDomain,
                }
                socket.send_to(&message.to_vec().unwrap(), peer).await.unwrap();
            }
        });
        address
    }

    async fn ask(server: SocketAddr, name: &str, expect: &[&str]) -> Outcome {
        let expect = expect.iter().map(|text| (*text).to_owned()).collect();
        let probe = DnsProbe { name: name.to_owned(), record: DnsRecord::A, server: Some(server), expect };
        let within = Duration::from_millis(if name == "lost.example" { 200 } else { 4000 });
        Prober::new().probe(&Check { within, ..check(Probe::Dns(probe)) }).await
    }

    #[tokio::test]
    async fn what_a_name_server_can_say_is_told_apart() {
        let server = server().await;
        for (name, expect, result, told) in [
            ("ward.example", &[][..], Reading::Good, "ward.example is 10.0.0.5, 10.0.0.7".to_owned()),
            ("ward.example", &["10.0.0.7", "10.0.0.5"], Reading::Good, "ward.example is 10.0.0.5, 10.0.0.7".to_owned()),
            (
                "ward.example",
                &["10.0.0.5"],
                Reading::Bad,
                "ward.example is 10.0.0.5, 10.0.0.7, expected 10.0.0.5".to_owned(),
            ),
            ("mail.example", &[], Reading::Bad, "mail.example has no A record".to_owned()),
            ("nobody.example", &[], Reading::Bad, format!("nobody.example does not exist (NXDOMAIN from {server})")),
            ("lost.example", &[], Reading::Bad, format!("no answer from {server} within 200 ms")),
        ] {
            let outcome = ask(server, name, expect).await;
            assert_eq!((outcome.result, outcome.detail), (result, told));
        }
        let outcome = ask(server, "broken.example", &[]).await;
        assert!(outcome.detail.starts_with("the name server does not answer for broken.example: "), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_name_server_that_is_not_there_is_bad() {
        let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let outcome = ask(free, "lost.example", &[]).await;
        assert_eq!((outcome.result, outcome.detail), (Reading::Bad, format!("no answer from {free} within 200 ms")));
    }
}
