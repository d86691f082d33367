//! What a command would lead to, said before it is given: found out with the engine's own rules on a copy of the state, so
//! that it cannot say something else than what then happens.

use chrono::TimeDelta;

use super::{model::Model, text};
use crate::{
    domain::{
        Actor, Assurance, BREAK_GLASS_REVIEW, BREAK_GLASS_REVIEWERS, Clock, Command, Event, Incident, Meta, Recorded,
        Refusal, Severity, SnapshotTrigger, State, Status, apply, decide, react,
    },
    platform::count,
};

/// Names in a line before the rest is counted.
const NAMES: usize = 4;

/// What a command would lead to, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foreseen {
    /// In the order of reading.
    pub lines: Vec<(Weight, String)>,
}

/// How much a line of it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It will happen.
    Fact,
    /// Think again.
    Warning,
    /// A rule says no.
    Refusal,
}

impl Foreseen {
    /// A rule says no.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.lines.iter().any(|(weight, _)| *weight == Weight::Refusal)
    }

    pub(super) fn fact(&mut self, words: impl Into<String>) {
        self.lines.push((Weight::Fact, words.into()));
    }

    pub(super) fn warn(&mut self, words: impl Into<String>) {
        self.lines.push((Weight::Warning, words.into()));
    }

    pub(super) fn refuse(&mut self, why: String) {
        self.lines.push((Weight::Refusal, why));
    }
}

/// What declaring an incident would lead to.
pub(super) fn declared(model: &Model, commands: &[Command], note: &str) -> Foreseen {
    let mut foreseen = Foreseen::default();
    for command in commands {
        match give(model, command.clone()) {
            Err(why) => foreseen.refuse(why),
            Ok((after, follow)) => {
                if let Some(incident) = after.incidents.values().next_back() {
                    tell_incident(model, incident, &follow, &mut foreseen);
                }
            }
        }
    }
    if !note.is_empty() {
        foreseen.fact("Your note is the first in its timeline");
    }
    foreseen
}

fn tell_incident(model: &Model, incident: &Incident, follow: &[Follow], foreseen: &mut Foreseen) {
    for service in &incident.services {
        if let Some(held) = model.state.incident_of(service) {
            let (id, severity) = (held.id, held.severity);
            foreseen
                .warn(format!("{service} is in {id} {severity} already: {}. A note there may be enough", held.title));
        }
    }
    let severity = incident.severity;
    foreseen.fact(format!("{} {severity} is opened: {}", incident.id, incident.title));
    foreseen.fact(match incident.services.as_slice() {
        [] => "No service is named, so it ends only when somebody resolves it".to_owned(),
        some => format!("It ends by itself when all of these are healthy again: {}", names(some)),
    });
    let me = model.me.as_ref().map_or("you", |me| me.name.as_str());
    let target = |clock| text::clock(TimeDelta::from_std(severity.target(clock)).unwrap_or(TimeDelta::MAX));
    foreseen.fact(format!(
        "{me} has acknowledged it; from now on the clocks run: respond in {}, resolve in {}",
        target(Clock::Respond),
        target(Clock::Resolve)
    ));
    if let Some(every) = severity.update_every() {
        foreseen.fact(format!("Those who wait have to hear how it goes every {}", text::span(every)));
    }
    for (command, refused) in follow {
        match (command, refused) {
            (Command::RequestSnapshot { components, trigger: SnapshotTrigger::Emergency, .. }, None) => {
                let many = count(components.len(), "component");
                foreseen.fact(format!("An emergency snapshot of {many} is taken: {}", names(components)));
            }
            (Command::RequestSnapshot { .. }, Some(why)) => {
                foreseen.warn(format!("no emergency snapshot is taken: {why}"));
            }
            (Command::RequestDiagnosis { .. }, None) => foreseen.fact("The cause is looked for at once"),
            _ => {}
        }
    }
    if severity == Severity::Sev1 {
        foreseen.fact("The board shows EMERGENCY to everybody");
    }
    if severity <= Severity::Sev2 {
        foreseen.fact("A post-mortem is owed 24 h after it is over");
    }
    if let Some(why) = &model.state.halted {
        foreseen.warn(format!("policies are halted ({why}), so nothing is diagnosed or proposed by itself"));
    }
}

/// What beginning maintenance would lead to.
pub(super) fn maintained(model: &Model, commands: &[Command]) -> Foreseen {
    let mut foreseen = Foreseen::default();
    for command in commands {
        let Command::StartMaintenance { service, until, .. } = command else { continue };
        if let Err(why) = give(model, command.clone()) {
            foreseen.refuse(why);
            continue;
        }
        let left = text::span(*until - model.now);
        let end = until.format("%m-%d %H:%MZ");
        foreseen.fact(format!("{service}: until {end} ({left}) its failures are expected and open no incident"));
        let health = model.state.services.get(service);
        if let Some(before) = health.and_then(|health| health.maintenance_until) {
            let end = before.format("%m-%d %H:%MZ");
            foreseen.warn(format!("{service} is in maintenance already, until {end}; that end is replaced"));
        }
        if let Some(incident) = model.state.incident_of(service) {
            let (id, severity) = (incident.id, incident.severity);
            foreseen.warn(format!(
                "{service} is in {id} {severity}, which goes on: maintenance hides no outage that began"
            ));
        } else if matches!(model.status_of(service), Status::Down | Status::Degraded) {
            foreseen.warn(format!("{service} is not healthy now"));
        }
        let needing = model.state.platform.dependants_of(service);
        let begun = |name: &String| {
            commands.iter().any(|other| matches!(other, Command::StartMaintenance { service, .. } if service == name))
        };
        let uncovered: Vec<String> = needing.into_iter().filter(|name| !begun(name)).collect();
        if !uncovered.is_empty() {
            foreseen.warn(format!("what needs {service} may fail too and is not covered: {}", names(&uncovered)));
        }
    }
    foreseen
}

/// What opening break-glass would lead to.
pub(super) fn unapproved(model: &Model, commands: &[Command]) -> Foreseen {
    let mut foreseen = Foreseen::default();
    for command in commands {
        let after = match give(model, command.clone()) {
            Ok((after, _)) => after,
            Err(why) => {
                foreseen.refuse(why);
                continue;
            }
        };
        let Some(glass) = after.break_glass.values().next_back() else { continue };
        foreseen.fact(format!(
            "{}: until {} you act without an approval on {}, as far as {}",
            glass.id,
            glass.until.format("%H:%M:%SZ"),
            names(&glass.services),
            glass.ceiling.says()
        ));
        foreseen.fact("The compliance officer, the CTO and everybody who may approve are told now");
        foreseen.fact("Rollbacks, actions and undos within that run at once; so does what waits with the same plan");
        foreseen.warn(format!("every act carries {}, and none of it counts as approved", glass.id));
        foreseen.warn(format!(
            "{BREAK_GLASS_REVIEWERS} others review it within {} h; until then you open no other, and {} is not closed",
            BREAK_GLASS_REVIEW.num_hours(),
            glass.incident
        ));
    }
    foreseen
}

/// A command that a policy would give, and the rule that would say no to it.
pub(super) type Follow = (Command, Option<String>);

/// The state after a command and what policies would give then; the rule that says no, else.
pub(super) fn give(model: &Model, command: Command) -> Result<(State, Vec<Follow>), String> {
    let actor = Actor::Operator(model.my_name().to_owned());
    let events = decided_now(model, command)?;
    let mut after = model.state.clone();
    let mut follow = Vec::new();
    for event in events {
        let (seq, actor) = (after.seq + 1, actor.clone());
        let recorded = Recorded { seq, at: model.now, actor, cause: None, event, hash: String::new() };
        apply(&mut after, &recorded);
        for (policy, command) in react(&after, &recorded).commands {
            let meta = Meta::new(model.now, Actor::Policy(policy.to_owned()));
            let refused = decide(&after, command.clone(), &meta).err().map(|refusal| refusal.message);
            follow.push((command, refused));
        }
    }
    Ok((after, follow))
}

/// The rule that would say no to a command of the one who looks.
pub(super) fn refusal(model: &Model, command: Command) -> Option<String> {
    decided_now(model, command).err()
}

/// What the rules make of a command of the one who looks; the one that says no, in words, else.
pub(super) fn decided_now(model: &Model, command: Command) -> Result<Vec<Event>, String> {
    by_the_rules(model, command).map_err(|refusal| model.in_keys(&refusal.words()))
}

/// What the rules make of a command of the one who looks.
pub(super) fn by_the_rules(model: &Model, command: Command) -> Result<Vec<Event>, Refusal> {
    // Who has a second factor is asked for its code when the command is given: here it counts as shown.
    let assurance = match model.state.second_factor(model.my_name()) {
        Some(factor) => Assurance::SecondFactor { step: factor.last_step + 1 },
        None => Assurance::Session,
    };
    let meta = Meta { at: model.now, actor: Actor::Operator(model.my_name().to_owned()), assurance };
    decide(&model.state, command, &meta)
}

/// The first few names, and how many more there are.
fn names(all: &[String]) -> String {
    let first: Vec<&str> = all.iter().take(NAMES).map(String::as_str).collect();
    match all.len().saturating_sub(NAMES) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
