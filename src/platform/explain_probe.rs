//! What a check probes, in plain words.

use std::fmt::{Result, Write};

use super::{
    explain::time,
    probe::{Content, DnsProbe, HostResource, HttpProbe, InferenceAnswer, LogProbe, PostgresProbe, Probe},
    rows::{RowsDatabase, RowsProbe},
    words::count,
};

pub(super) fn write_probe(out: &mut String, probe: &Probe) -> Result {
    match probe {
        Probe::Http(http) => write_http(out, http),
        Probe::Tcp { address } => write!(out, "connect to {address}"),
        Probe::Command { run } => write!(out, "run {}", shell_words::join(run)),
        Probe::Sqlite { path, query, integrity } => {
            write!(out, "open the database {}", path.display())?;
            if *integrity {
                write!(out, ", check its integrity")?;
            }
            if let Some(query) = query {
                write!(out, ", ask {query:?}")?;
            }
            Ok(())
        }
        Probe::Postgres(postgres) => write_postgres(out, postgres),
        Probe::Process { pid_file, name, descriptors } => {
            match pid_file {
                Some(path) => write!(out, "look for the process named in {}", path.display())?,
                None => write!(out, "look for a process named {}", name.as_deref().unwrap_or_default())?,
            }
            match descriptors {
                Some(percent) => write!(out, ", with at most {percent} % of the files open that it may have"),
                None => Ok(()),
            }
        }
        Probe::Host { resource: HostResource::Load, above, .. } => {
            write!(out, "see whether the load is more than {above} % of the processors")
        }
        Probe::Host { resource, above, path } => {
            let what = match resource {
                HostResource::Cpu | HostResource::Load => "the processor is",
                HostResource::Memory => "the memory is",
                HostResource::Disk => "the file system is",
                HostResource::Inodes => "the inodes are",
                HostResource::Descriptors => "the system's file handles are",
            };
            write!(out, "see whether {what} more than {above} % used")?;
            match path {
                Some(path) => write!(out, " at {}", path.display()),
                None => Ok(()),
            }
        }
        Probe::Dns(dns) => write_dns(out, dns),
        Probe::Log(log) => {
            let LogProbe { path, pattern, above, window } = log;
            let window = time(*window);
            write!(out, "count lines with {pattern:?} in {}, at most {above} in {window}", path.display())
        }
        Probe::Promql(promql) => {
            write!(out, "ask Prometheus at {} for {:?}", promql.url, promql.query)?;
            let bounds = [("above", promql.above), ("below", promql.below)];
            for (word, figure) in bounds.iter().filter_map(|(word, figure)| Some((word, (*figure)?))) {
                write!(out, ", degraded {word} {}", figure.get())?;
            }
            Ok(())
        }
        Probe::Inference(inference) => {
            write!(out, "ask the model at {} {:?}, expecting ", inference.url, inference.prompt)?;
            match &inference.answer {
                InferenceAnswer::Text(text) => write!(out, "{text:?} in its answer"),
                InferenceAnswer::Number { value, tolerance } => write!(out, "{} ± {}", value.get(), tolerance.get()),
            }
        }
        Probe::Workflow { steps } => {
            write!(out, "{}", count(steps.len(), "step"))?;
            for (index, step) in steps.iter().enumerate() {
                write!(out, "{}", if index == 0 { ": " } else { "; then " })?;
                write_http(out, &step.request)?;
                for (index, taken) in step.take.iter().enumerate() {
                    write!(out, "{}{}", if index == 0 { ", taking " } else { " and " }, taken.name)?;
                }
            }
            Ok(())
        }
        Probe::Clock(clock) => {
            write!(out, "ask {} for the time, degraded above {}", clock.servers.join(", "), time(clock.above))
        }
        Probe::Rows(rows) => write_rows(out, rows),
        Probe::Alert(alert) => {
            let wanted: Vec<_> = alert.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            write!(out, "wait for alerts with {}", wanted.join(", "))
        }
        Probe::Heartbeat { within, .. } => write!(out, "wait for its heartbeat, at most {}", time(*within)),
    }
}

fn write_postgres(out: &mut String, postgres: &PostgresProbe) -> Result {
    let PostgresProbe { host, port, user, database, authority, query, lag, connections, locks, .. } = postgres;
    write!(out, "log in as {user} to {database} at {host}, port {port}")?;
    if let Some(authority) = authority {
        write!(out, ", encrypted, with a certificate issued by {}", authority.display())?;
    }
    if let Some(query) = query {
        write!(out, ", ask {query:?}")?;
    }
    if let Some(lag) = lag {
        write!(out, ", replicas at most {} behind", time(*lag))?;
    }
    if let Some(percent) = connections {
        write!(out, ", at most {percent} % of the connections used")?;
    }
    match locks {
        Some(locks) => write!(out, ", nobody waiting longer than {} for a lock", time(*locks)),
        None => Ok(()),
    }
}

fn write_dns(out: &mut String, dns: &DnsProbe) -> Result {
    let DnsProbe { name, record, server, expect } = dns;
    write!(out, "ask for {} of {name}", record.name())?;
    if let Some(server) = server {
        write!(out, " at {server}")?;
    }
    if expect.is_empty() { Ok(()) } else { write!(out, ", expecting {}", expect.join(", ")) }
}

fn write_http(out: &mut String, http: &HttpProbe) -> Result {
    let HttpProbe { url, method, headers, send, status, body, json, certificate, authority } = http;
    write!(out, "{} {url}", method.name())?;
    if !headers.is_empty() {
        let names: Vec<&str> = headers.iter().map(|header| header.name.as_str()).collect();
        write!(out, " with {}", names.join(", "))?;
    }
    match send {
        Some(Content::Text(text)) => write!(out, ", sending {text:?}")?,
        Some(Content::File(path)) => write!(out, ", sending what {} holds", path.display())?,
        None => {}
    }
    let status = status.map_or("any 2xx".to_owned(), |status| status.to_string());
    write!(out, ", expecting {status}")?;
    if let Some(body) = body {
        write!(out, ", {body:?} in the body")?;
    }
    if let Some(json) = json {
        write!(out, ", {} = {}", json.path, json.equals)?;
    }
    if let Some(authority) = authority {
        write!(out, ", a certificate issued by {}", authority.display())?;
    }
    if let Some(left) = certificate {
        write!(out, ", a certificate valid for more than {}", time(*left))?;
    }
    Ok(())
}

fn write_rows(out: &mut String, rows: &RowsProbe) -> Result {
    let RowsProbe { database, table, columns, unchanging, accepted, .. } = rows;
    let what = if columns.is_empty() { "all rows".to_owned() } else { columns.join(", ") };
    write!(out, "compare {what} of {table} in ")?;
    match database {
        RowsDatabase::Sqlite { path } => write!(out, "{}", path.display())?,
        RowsDatabase::Postgres { server, database } => {
            write!(out, "{database} at {}, port {}", server.host, server.port)?;
        }
    }
    if let Some(condition) = unchanging {
        write!(out, " where {condition}")?;
    }
    write!(out, " with what they were")?;
    match accepted {
        Some(reason) => write!(out, "; accepted: {reason}"),
        None => Ok(()),
    }
}
