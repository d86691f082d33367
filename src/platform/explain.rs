//! A platform in plain words, for the person who wrote the file.

use std::{
    fmt::{Result, Write},
    path::PathBuf,
    time::Duration,
};

use super::{
    adapter::Adapter,
    continuity::write_functions,
    explain_change_rules::{write_approvals, write_freezes, write_use},
    explain_oncall::write_on_call,
    explain_probe::write_probe,
    language_model::write_language_model,
    listen::Listen,
    log_files::LogFiles,
    log_source::LogPlace,
    model::{
        Access, AutomationMode, Check, Component, ComponentKind, Criticality, EvidenceCare, Platform, Profile, Purpose,
        ReplicaPlace, Role, SecondFactorRule, Service, VaultCare,
    },
    postgres::PostgresScope,
    probe::Probe,
    redaction::{AddressRule, RedactionRules},
    words::count,
};

/// What will be watched and how often, what can be restored, and who may act.
#[must_use]
pub fn explain(platform: &Platform) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_platform(&mut text, platform);
    text
}

fn write_platform(out: &mut String, platform: &Platform) -> Result {
    let profile = match platform.profile {
        Profile::Drill => "a drill: faults may be injected",
        Profile::Staging => "staging: real, but users do not depend on it",
        Profile::Production => "production: users depend on it",
    };
    let mode = match platform.automation.mode {
        AutomationMode::Observe => "observe: the engine watches and records, and proposes nothing",
        AutomationMode::Assist => "assist: the engine diagnoses and proposes changes, and a person approves them",
        AutomationMode::Auto => "auto: the engine also runs recoveries that were approved in advance",
    };
    let checks: usize = platform.services.iter().map(|service| service.checks.len()).sum();
    writeln!(out, "{} is {profile}.", platform.name)?;
    writeln!(out, "Automation is {mode}.")?;
    let (services, checks) = (count(platform.services.len(), "service"), count(checks, "check"));
    writeln!(out, "{services}, {checks}, {}.", count(platform.components.len(), "component"))?;
    writeln!(out, "\nWhat is watched")?;
    for service in &platform.services {
        write_service(out, service)?;
    }
    writeln!(out, "\nWhat can be restored")?;
    for component in &platform.components {
        write_component(out, component)?;
    }
    if platform.components.is_empty() {
        writeln!(out, "  nothing: the file has no [[component]]")?;
    } else {
        write_vault(out, &platform.vault)?;
    }
    write_evidence(out, &platform.evidence)?;
    write_language_model(out, platform.language_model.as_ref())?;
    write_redaction(out, &platform.redact)?;
    if !platform.maintenance.is_empty() {
        writeln!(out, "\nWhat is worked on by plan")?;
    }
    for window in &platform.maintenance {
        writeln!(out, "  {}: {window}: {}", window.services.join(", "), window.reason)?;
    }
    write_freezes(out, &platform.freezes)?;
    write_functions(out, platform)?;
    writeln!(out, "\nWho may act")?;
    for operator in &platform.operators {
        let roles: Vec<_> = operator.roles.iter().copied().map(role).collect();
        write!(out, "  {}: {}", operator.name, if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") })?;
        if let Some(login) = &operator.login {
            write!(out, ", as login {login}")?;
        }
        writeln!(out)?;
    }
    if platform.operators.is_empty() {
        writeln!(out, "  nobody is named: the file has no [[operator]]")?;
    }
    write_access(out, &platform.access)?;
    write_listen(out, platform.listen.as_ref())?;
    if !platform.log.is_default() {
        let LogFiles { size_bytes, files, level } = platform.log;
        let kib = size_bytes >> 10;
        writeln!(out, "  the engine's log: {}, {kib} KiB each, level {level}", count(files as usize, "file"))?;
    }
    write_on_call(out, platform)?;
    write_approvals(out, &platform.approvals)
}

fn write_access(out: &mut String, access: &Access) -> Result {
    match access.second_factor {
        SecondFactorRule::Required => writeln!(out, "  what is dangerous needs a second factor from everybody")?,
        SecondFactorRule::Enrolled => writeln!(out, "  what is dangerous needs the second factor of who has one")?,
    }
    match access.lock_after {
        Some(after) => writeln!(out, "  a board that nobody is at locks after {}", time(after))?,
        None => writeln!(out, "  a board that nobody is at does not lock")?,
    }
    match &access.socket_group {
        Some(group) => writeln!(out, "  the socket is open to the group {group}"),
        None => Ok(()),
    }
}

fn write_listen(out: &mut String, listen: Option<&Listen>) -> Result {
    let Some(listen) = listen else {
        return writeln!(out, "  nothing listens beyond the socket: the file has no [listen]");
    };
    writeln!(out, "  who shows a token or a certificate is answered over TLS on {}", listen.tls)?;
    match &listen.certificate {
        Some(files) => {
            writeln!(out, "  its certificate is {}, with the key {}", files.cert.display(), files.key.display())?;
        }
        None => writeln!(out, "  its certificate is made and renewed under an authority of the engine's own")?,
    }
    match (&listen.certificate, listen.names.as_slice()) {
        (Some(_), _) | (None, []) => Ok(()),
        (None, names) => writeln!(out, "  it is reached as {}, beside the host's own name", names.join(", ")),
    }
}

fn write_vault(out: &mut String, vault: &VaultCare) -> Result {
    writeln!(
        out,
        "  kept: the newest {} of each, one an hour for {}, one a day for {}; what is pinned or the last good one always",
        vault.keep_newest,
        time(vault.keep_hourly),
        time(vault.keep_daily)
    )?;
    writeln!(
        out,
        "  proved: bytes read back every {}, restored into a scratch place every {}",
        time(vault.verify_every),
        time(vault.test_restore_every)
    )?;
    match &vault.replica {
        Some(ReplicaPlace::Directory(path)) => {
            writeln!(out, "  copied: every snapshot to the directory {}", path.display())
        }
        Some(ReplicaPlace::Rest { url, .. }) => writeln!(out, "  copied: every snapshot to {url}"),
        None => writeln!(out, "  copied: nowhere, they go with this host; [vault] names no replica"),
    }
}

fn write_evidence(out: &mut String, evidence: &EvidenceCare) -> Result {
    writeln!(out, "\nWho else holds evidence of the journal")?;
    for place in &evidence.export {
        writeln!(out, "  {place}: keeps every signed checkpoint")?;
    }
    for place in &evidence.witness {
        writeln!(out, "  {place}: a witness, looks whether each checkpoint goes on from the one before, and signs it")?;
    }
    if evidence.export.is_empty() && evidence.witness.is_empty() {
        writeln!(
            out,
            "  nobody: who has this host and its key can rewrite the journal unseen; [evidence] names no place"
        )?;
    }
    Ok(())
}

fn write_redaction(out: &mut String, rules: &RedactionRules) -> Result {
    if rules.is_default() {
        return Ok(());
    }
    writeln!(out, "\nWhat is taken out of text beside identifiers and secrets")?;
    if rules.addresses == AddressRule::All {
        writeln!(out, "  every network address, also where no person is spoken of")?;
    }
    for (class, pattern) in &rules.patterns {
        writeln!(out, "  {class}: what {pattern} finds")?;
    }
    let networks: Vec<String> = rules.networks.iter().map(ToString::to_string).collect();
    if !networks.is_empty() {
        writeln!(out, "  addresses may pass of {}", networks.join(", "))?;
    }
    if !rules.hosts.is_empty() {
        writeln!(out, "  web addresses may pass of {}", rules.hosts.join(", "))?;
    }
    Ok(())
}

fn write_service(out: &mut String, service: &Service) -> Result {
    write!(out, "  {} ({}", service.name, criticality(service.criticality))?;
    if let Some(owner) = &service.owner {
        write!(out, ", owner {owner}")?;
    }
    write!(out, ")")?;
    if !service.depends_on.is_empty() {
        let in_group = |name: &&String| service.any_of.iter().flatten().any(|member| member == *name);
        let alone = service.depends_on.iter().filter(|name| !in_group(name)).cloned();
        let groups = service.any_of.iter().map(|group| format!("one of {}", group.join(" and ")));
        write!(out, " needs {}", alone.chain(groups).collect::<Vec<_>>().join(", "))?;
    }
    writeln!(out)?;
    write_use(out, service)?;
    for check in &service.checks {
        write_check(out, check)?;
    }
    if service.checks.is_empty() {
        writeln!(out, "    no checks: its state stays unknown")?;
    }
    if !service.breaker.is_default() {
        writeln!(out, "    its breaker: {}", service.breaker.explain(time))?;
    }
    for action in &service.actions {
        let what = match action.purpose {
            None => "may be repaired",
            Some(Purpose::Contain) => "in a security breach is contained",
            Some(Purpose::StopWrites) => "when its data is corrupt is kept from writing",
        };
        writeln!(out, "    {what} by \"{}\": {}", action.name, shell_words::join(&action.run))?;
    }
    for log in service.log_sources() {
        match &log.place {
            LogPlace::File(path) => write!(out, "    log {}", path.display())?,
            LogPlace::Journald(unit) => write!(out, "    log of the unit {unit}")?,
        }
        match log.zone {
            Some(zone) => writeln!(out, ", times of {zone}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn write_check(out: &mut String, check: &Check) -> Result {
    let Check { name, every, within, slow, failures, successes, .. } = check;
    let mut what = String::new();
    write_probe(&mut what, &check.probe)?;
    writeln!(out, "    {name}: every {} {what}", time(*every))?;
    if matches!(check.probe, Probe::Host { .. }) {
        let (failures, successes) = (count(*failures as usize, "reading"), count(*successes as usize, "reading"));
        return writeln!(out, "      degraded after {failures} above it, healthy again after {successes} below");
    }
    writeln!(
        out,
        "      degraded from {}, failed after {}; down after {}, up again after {}",
        time(*slow),
        time(*within),
        count(*failures as usize, "failure"),
        count(*successes as usize, "success")
    )
}

fn write_component(out: &mut String, component: &Component) -> Result {
    let kind = match component.kind {
        ComponentKind::Code => "code",
        ComponentKind::Config => "configuration",
        ComponentKind::Database => "database",
        ComponentKind::Data => "data",
    };
    let what = match &component.adapter {
        Adapter::Release { root } => format!("the releases below {}", root.display()),
        Adapter::Git { repository, root } => {
            format!("tags and commits of {}, checked out below {}", repository.display(), root.display())
        }
        Adapter::Files { paths } => listed(paths),
        Adapter::Env { paths } => format!("{}, of which no value is ever shown", listed(paths)),
        Adapter::Flags { path } => format!("the flags in {}", path.display()),
        Adapter::Command(programs) => format!("what {} prints", shell_words::join(&programs.capture)),
        Adapter::Sqlite { path } => format!("the database {}", path.display()),
        Adapter::Postgres { server, scope } => match scope {
            PostgresScope::Physical { data, .. } => format!("the PostgreSQL server in {}", data.display()),
            PostgresScope::Logical { database } => {
                format!("the PostgreSQL database {database} at {}, port {}", server.host, server.port)
            }
        },
    };
    let Component { name, service, every, rpo, rto, .. } = component;
    writeln!(out, "  {name}: {kind} of {service}, {what}")?;
    let (every, rpo, rto) = (time(*every), time(*rpo), time(*rto));
    writeln!(out, "    a snapshot every {every}; at most {rpo} of work may be lost, a restore may take {rto}")?;
    if let Adapter::Postgres { scope: PostgresScope::Physical { wal: Some(wal), .. }, .. } = &component.adapter {
        writeln!(
            out,
            "    its log is received into {}: any second since the oldest snapshot is covered",
            wal.display()
        )?;
    } else if component.every > component.rpo {
        writeln!(out, "    note: snapshots every {every} cannot keep a loss below {rpo}")?;
    }
    if let Adapter::Command(programs) = &component.adapter {
        writeln!(out, "    brought back by {}", shell_words::join(&programs.restore))?;
        let within = time(programs.within);
        writeln!(out, "    judged by {}; each may take {within}", shell_words::join(&programs.verify))?;
        match &programs.dry_run {
            Some(run) => writeln!(out, "    {} tells beforehand what would change", shell_words::join(run)),
            None => {
                writeln!(out, "    note: no dry_run program is named, so nothing tells beforehand what would change")
            }
        }?;
    }
    match &component.reload {
        Some(run) => writeln!(out, "    after a restore runs {}", shell_words::join(run)),
        None => Ok(()),
    }
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn criticality(criticality: Criticality) -> &'static str {
    match criticality {
        Criticality::Critical => "critical",
        Criticality::High => "high",
        Criticality::Medium => "medium",
        Criticality::Low => "low",
    }
}

pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Engineer => "engineer",
        Role::TechnicalLead => "technical lead",
        Role::Cto => "CTO",
        Role::ComplianceOfficer => "compliance officer",
    }
}

pub(super) fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::platform::{STARTER, parse};

    #[test]
    fn the_starter_file_is_right_and_explains_itself() {
        let platform = parse(STARTER, Path::new("/etc/codeblue/codeblue.toml")).unwrap();
        insta::assert_snapshot!(explain(&platform), @r#"
        My platform is production: users depend on it.
        Automation is assist: the engine diagnoses and proposes changes, and a person approves them.
        1 service, 2 checks, 0 components.

        What is watched
          host (medium)
            disk: every 30s see whether the file system is more than 90 % used at /
              degraded after 3 readings above it, healthy again after 2 readings below
            memory: every 30s see whether the memory is more than 85 % used
              degraded after 3 readings above it, healthy again after 2 readings below

        What can be restored
          nothing: the file has no [[component]]

        Who else holds evidence of the journal
          nobody: who has this host and its key can rewrite the journal unseen; [evidence] names no place

        Who else is asked what broke
          nobody: the local analyser alone, which needs no network; the file has no [model]

        Who may act
          nobody is named: the file has no [[operator]]
          what is dangerous needs a second factor from everybody
          a board that nobody is at locks after 15m
          nothing listens beyond the socket: the file has no [listen]

        Who is on call
          nobody by name: the file has no [[oncall]], and incidents call by role

        Who agrees to a change
          low (risk 1 to 3): engineer
          medium (risk 4 to 6): engineer
          high (risk 7 and 8): technical lead
          critical (risk 9 and 10, and what reaches the whole platform): technical lead and CTO
          each is another person, and none the one who asks; a higher role may stand in for a lower one,
          the CTO for a technical lead and a technical lead for an engineer
        "#);
    }
}
