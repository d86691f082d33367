//! Critical functions: what people do with the platform and cannot do without for long, and how they go on by hand meanwhile.

use std::{
    fmt::{Result, Write},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    explain::time,
    model::{Platform, seconds},
    words::count,
};

/// Something that people do with the platform and cannot do without for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CriticalFunction {
    /// What they do, as `functions` of services name it.
    pub name: String,
    /// The services without which it cannot be done; empty: those whose `functions` name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// How long it may be interrupted at most.
    #[serde(with = "seconds")]
    pub max_downtime: Duration,
    /// How it is done by hand, step by step.
    pub fallback: Vec<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whom to call, and how.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
}

impl Platform {
    /// The critical function of that name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&CriticalFunction> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The services without which a function cannot be done.
    pub fn services_of<'a>(&'a self, function: &'a CriticalFunction) -> impl Iterator<Item = &'a str> {
        let needed = |name: &str, does: &[String]| {
            if function.services.is_empty() {
                does.contains(&function.name)
            } else {
                function.services.iter().any(|needed| needed == name)
            }
        };
        self.services
            .iter()
            .filter(move |service| needed(&service.name, &service.functions))
            .map(|service| service.name.as_str())
    }
}

pub(super) fn write_functions(out: &mut String, platform: &Platform) -> Result {
    if !platform.functions.is_empty() {
        writeln!(out, "\nWhat people cannot do without")?;
    }
    for function in &platform.functions {
        let services: Vec<&str> = platform.services_of(function).collect();
        write!(out, "  {}: {} at most, needs {}", function.name, time(function.max_downtime), services.join(", "))?;
        write!(out, "; by hand in {}", count(function.fallback.len(), "step"))?;
        if let Some(owner) = &function.owner {
            write!(out, "; {owner}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}
