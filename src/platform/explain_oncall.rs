//! Who is on call by a platform file, in plain words.

use std::fmt::{Result, Write};

use super::{
    model::Platform,
    oncall::{Gaps, OnCallSchedule},
};

pub(super) fn write_on_call(out: &mut String, platform: &Platform) -> Result {
    writeln!(out, "\nWho is on call")?;
    if platform.on_call.is_empty() {
        return writeln!(out, "  nobody by name: the file has no [[oncall]], and incidents call by role");
    }
    for schedule in &platform.on_call {
        writeln!(out, "  {}: {}", schedule.name, whose(platform, schedule))?;
        for (place, layer) in schedule.layers.iter().enumerate() {
            writeln!(out, "    {}{layer}", if place == 0 { "" } else { "then, where it applies: " })?;
        }
        if schedule.gaps == Gaps::CallNext && schedule.gap().is_some() {
            writeln!(out, "    at other times nobody is: who comes next is called")?;
        }
    }
    let unwatched: Vec<&str> = platform
        .services
        .iter()
        .filter(|service| platform.on_call_for(service.owner.as_deref()).is_none())
        .map(|service| service.name.as_str())
        .collect();
    if !unwatched.is_empty() {
        writeln!(out, "  note: no schedule is for {}: their incidents call by role", unwatched.join(", "))?;
    }
    Ok(())
}

fn whose(platform: &Platform, schedule: &OnCallSchedule) -> String {
    match (schedule.owners.as_slice(), platform.on_call.len()) {
        ([], 1) => "for every service".to_owned(),
        ([], _) => "for every service that no other schedule is for".to_owned(),
        (owners, _) => format!("for the services of {}", owners.join(", ")),
    }
}
