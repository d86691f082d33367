//! What a platform file says about changes, in plain words.

use std::fmt::{Result, Write};

use super::{
    change_rules::{ApprovalLevels, Freeze, HealthInformation},
    explain::role,
    model::{Role, Service},
    words::count,
};

/// What a service is to people: what a change of it would touch.
pub(super) fn write_use(out: &mut String, service: &Service) -> Result {
    let functions = (!service.functions.is_empty()).then(|| format!("for {}", service.functions.join(", ")));
    let users = service.users.map(|users| match users {
        1 => "used by one person".to_owned(),
        users => format!("used by about {users} people"),
    });
    let parts: Vec<_> = functions.into_iter().chain(users).collect();
    if !parts.is_empty() {
        writeln!(out, "    {}", parts.join("; "))?;
    }
    match service.health_information {
        HealthInformation::None => {}
        HealthInformation::Reads => writeln!(out, "    reads health information")?,
        HealthInformation::Writes => writeln!(out, "    keeps or changes health information")?,
    }
    if service.safeguard {
        writeln!(out, "    a safeguard: it lets people in, or keeps the audit trail or the backups")?;
    }
    Ok(())
}

pub(super) fn write_approvals(out: &mut String, approvals: &ApprovalLevels) -> Result {
    writeln!(out, "\nWho agrees to a change")?;
    let risks = ["risk 1 to 3", "risk 4 to 6", "risk 7 and 8", "risk 9 and 10, and what reaches the whole platform"];
    for ((level, asked), risk) in approvals.named().into_iter().zip(risks) {
        let together = asked.chunk_by(PartialEq::eq).map(people).collect::<Vec<_>>().join(" and ");
        writeln!(out, "  {level} ({risk}): {together}")?;
    }
    writeln!(out, "  each is another person, and none the one who asks; a higher role may stand in for a lower one,")?;
    writeln!(out, "  the CTO for a technical lead and a technical lead for an engineer")
}

/// People of one role.
fn people(same: &[Role]) -> String {
    let name = same.first().copied().map(role).unwrap_or_default();
    if same.len() == 1 { name.to_owned() } else { count(same.len(), name) }
}

pub(super) fn write_freezes(out: &mut String, freezes: &[Freeze]) -> Result {
    if !freezes.is_empty() {
        writeln!(out, "\nWhen nothing may be changed, but in an emergency")?;
    }
    for Freeze { from, until, reason, services } in freezes {
        let (from, until) = (from.format("%Y-%m-%d %H:%M"), until.format("%Y-%m-%d %H:%M UTC"));
        let what = if services.is_empty() { "everything".to_owned() } else { services.join(", ") };
        writeln!(out, "  {from} to {until}: {what}: {reason}")?;
    }
    Ok(())
}
