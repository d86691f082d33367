//! Hosts and their addresses: which are one's own.

use std::net::IpAddr;

/// The host of `host`, `host:port`, `[host]:port` and `/host`.
pub(super) fn host(text: &str) -> (&str, Option<&str>) {
    let text = text.trim_start_matches('/').trim_end_matches(['.', ')', ';', '\'', '"', ']']);
    let text = text.strip_prefix("::ffff:").unwrap_or(text);
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').map_or((rest, None), |(host, port)| (host, Some(port)));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

/// Whether an address is one of a network that nobody reaches from outside.
pub(super) fn is_inner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.segments()[0] & 0xfe00 == 0xfc00
                || v6.segments()[0] & 0xffc0 == 0xfe80
                || v6.is_multicast()
        }
    }
}

/// Whether a URL leads to a host of one's own: without a dot, or below a name that is not public.
pub(super) fn inner_host(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default();
    !host.contains('.')
        || [".internal", ".local", ".svc", ".cluster", ".lan", ".corp", ".intra", ".localdomain", ".test"]
            .iter()
            .any(|end| host.ends_with(end) || host.contains(&format!("{end}.")))
        || host.parse::<IpAddr>().is_ok_and(is_inner)
}
