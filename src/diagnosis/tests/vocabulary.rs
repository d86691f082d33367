//! Words that mean something, and lines in which they mean nothing.

use super::*;
use crate::{
    diagnosis::{
        line::Level,
        signs::{Place, read, tells},
    },
    domain::Cause,
};

/// From here on a word decides alone.
const STRONG: f64 = 0.7;

#[test]
fn harmless_lines_of_many_programs_speak_for_nothing() {
    let now = trouble();
    for line in include_str!("harmless.txt").lines() {
        let entry = Entry::read(line, now, Zone::default());
        let (text, level) = (entry.message.to_lowercase(), Level::from(entry.level));
        let place = if level == Level::Info { Place::Aside } else { Place::Log };
        let strong: Vec<(Cause, f64)> =
            read(&text, place).into_iter().filter(|(_, weight)| *weight >= STRONG && tells(level, &text)).collect();
        assert_eq!(strong, [], "{line}");
    }
}

#[test]
fn programs_of_all_kinds_are_understood() {
    for (line, cause) in [
        ("LOG:  process 812 still waiting for ShareLock on transaction 4711 after 1000.201 ms", Cause::LockContention),
        (
            "InnoDB: Database page corruption on disk or a failed file read of page [page id: space=12]",
            Cause::Corruption,
        ),
        ("ORA-01578: ORACLE data block corrupted (file # 7, block # 12)", Cause::Corruption),
        (
            "WiredTiger error: __wt_block_read_off, 226: read checksum error for 4096B block at offset 8192",
            Cause::Corruption,
        ),
        ("javax.naming.AuthenticationException: [LDAP: error code 49 - 80090308: data 532, v4563]", Cause::Credentials),
        (
            "KDC has no support: Clients credentials have been revoked while getting initial credentials",
            Cause::Credentials,
        ),
        ("kernel: nf_conntrack: nf_conntrack: table full, dropping packet", Cause::Connectivity),
        ("NETDEV WATCHDOG: eth0 (ixgbe): transmit queue 3 timed out 5012 ms", Cause::Connectivity),
        ("MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk", Cause::DiskFull),
        ("ENOSPC: no space left on device, write", Cause::DiskFull),
        ("memory resource limit alarm set on node rabbit@orders-queue", Cause::OutOfMemory),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", Cause::OutOfMemory),
        ("IDX10222: Lifetime validation failed. The token is not yet valid.", Cause::ClockSkew),
        ("jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)", Cause::ClockSkew),
        ("chronyd[701]: System clock wrong by 84.201 seconds", Cause::ClockSkew),
        ("Delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms", Cause::ProcessHang),
        ("AADSTS7000222: The provided client secret keys for app are expired", Cause::Credentials),
        ("ProvisionedThroughputExceededException: Rate exceeded for shard", Cause::RateLimit),
        ("plugin/forward: read udp 10.0.0.2:51000->10.0.0.53:53: i/o timeout", Cause::NameResolution),
        ("server reached pm.max_children setting (5), consider raising it", Cause::PoolExhausted),
    ] {
        let found = read(&line.to_lowercase(), Place::Log);
        assert_eq!(found.first().map(|found| found.0), Some(cause), "{line}: {found:?}");
    }
}
