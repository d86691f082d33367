//! Who may begin a drill, say what is broken, stop it and end it. Only an engine whose platform is there to be broken takes any
//! of it, and one drill at a time.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};

use super::{DrillClaim, DrillMode, DrillOutcome, DrillReveal, DrillTold, commitment, record::ends_by};
use crate::domain::{Command, DrillId, Event, Meta, Named, Operator, Refusal, State, Status, next_step, text};
use crate::platform::{Profile, SecondFactorRule, count};

/// The shortest and the longest time that people get, in seconds.
const LIMITS: std::ops::RangeInclusive<u64> = 10..=25 * 60;

/// What a drill is to be.
pub(in crate::domain) struct Wish {
    pub(in crate::domain) mode: DrillMode,
    pub(in crate::domain) told: Box<DrillTold>,
    pub(in crate::domain) limit_seconds: u64,
    pub(in crate::domain) team: BTreeSet<String>,
    pub(in crate::domain) away: BTreeSet<String>,
    pub(in crate::domain) commitment: String,
    pub(in crate::domain) unattended: bool,
}

/// Refuses on an engine that watches something people depend on.
pub(super) fn on_a_drill_engine(state: &State) -> Result<(), Refusal> {
    match state.platform.profile {
        Profile::Drill => Ok(()),
        _ => Err(Refusal::new("drill-profile", format!("{} is not there to be broken", state.platform.name))
            .hint("drills need an engine whose platform file says profile = \"drill\": codeblue demo")),
    }
}

/// Decides that a drill begins.
pub(in crate::domain) fn start(state: &State, wish: Wish, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    on_a_drill_engine(state)?;
    if meta.actor.operator().is_none() {
        return Err(Refusal::new("person-needed", "a person answers for a drill").hint(next_step::A_PERSON));
    }
    if let Some(running) = state.drills.running() {
        return Err(Refusal::new("drill-running", format!("{} runs since {}", running.id, running.started_at))
            .hint(format!("wait for it, or stop it: codeblue drill abort {}", running.id)));
    }
    if !LIMITS.contains(&wish.limit_seconds) {
        return Err(
            Refusal::new("drill-limit", "people have 10 seconds to 25 minutes").hint("choose a limit between the two")
        );
    }
    if wish.commitment.len() != 64 || !wish.commitment.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Refusal::new("drill-commitment", "the commitment is a SHA-256 in hexadecimal")
            .hint("have the program hold it: codeblue drill run"));
    }
    for name in wish.team.iter().chain(&wish.away) {
        if !state.operators.contains_key(name) {
            return Err(Refusal::unknown(Named::Operator, name));
        }
    }
    let away: BTreeSet<String> = wish.away.iter().map(|name| state.person(name).to_owned()).collect();
    if away.is_empty() == (wish.mode == DrillMode::KeyPersonAway) {
        return Err(Refusal::new("drill-away", "somebody is away in this mode, and in no other")
            .hint("name who is away: codeblue drill run --away NAME; or hold it in another mode"));
    }
    if meta.actor.operator().is_some_and(|name| away.contains(state.person(name))) {
        return Err(Refusal::new("drill-away", "who holds the drill is there")
            .hint("name somebody else, or have somebody else hold it"));
    }
    if wish.unattended {
        can_be_played(state, &away)?;
    }
    steady(state)?;
    let Wish { mode, told, limit_seconds, team, commitment, unattended, .. } = wish;
    let drill = state.next_drill();
    Ok(vec![Event::DrillStarted { drill, mode, told, limit_seconds, team, away, commitment, unattended }])
}

/// The program plays people as operators of the same login, and has no telephone: it would stand before the first approval.
fn can_be_played(state: &State, away: &BTreeSet<String>) -> Result<(), Refusal> {
    let played = |one: &&Operator| one.may_act() && one.belongs_to.is_none() && !away.contains(&one.name);
    let holders: Vec<&str> = state
        .operators
        .values()
        .filter(played)
        .filter(|one| one.second_factor.is_some())
        .map(|one| one.name.as_str())
        .collect();
    let why = match (holders.as_slice(), state.platform.access.second_factor) {
        ([], SecondFactorRule::Enrolled) => return Ok(()),
        ([], SecondFactorRule::Required) => "every approval here needs a code of a second factor".to_owned(),
        (names, _) => format!("whoever approves is asked for a code of the second factor: {}", names.join(", ")),
    };
    Err(Refusal::new("drill-played", format!("the program cannot play people: {why}"))
        .hint("have people work on it, who give their codes: leave --unattended away, or choose people in the form"))
}

/// What is well before is what a drill is measured against.
fn steady(state: &State) -> Result<(), Refusal> {
    let not = |what: String| {
        Err(Refusal::new("drill-not-steady", format!("not started, the system is not steady: {what}"))
            .hint("a drill begins when everything is well: codeblue status"))
    };
    if let Some(incident) = state.open_incidents().next() {
        return not(format!("{} is open", incident.id));
    }
    if let Some(recovery) = state.running_recoveries().next() {
        return not(format!("{} runs", recovery.id));
    }
    let watched = state.platform.services.iter().filter(|service| !service.checks.is_empty());
    let unwell: Vec<&str> = watched
        .filter(|service| state.services.get(&service.name).is_none_or(|health| health.status != Status::Healthy))
        .map(|service| service.name.as_str())
        .collect();
    if !unwell.is_empty() {
        return not(format!("{} not known to be healthy: {}", count(unwell.len(), "service"), unwell.join(", ")));
    }
    Ok(())
}

fn running(state: &State, id: DrillId) -> Result<&super::Drill, Refusal> {
    let drill = state.drill(id)?;
    match &drill.ended {
        Some(end) => Err(Refusal::new("drill-over", format!("{id} is over: {}", end.outcome))
            .hint(format!("what it came to: codeblue drill report {id}; hold another: codeblue drill run"))),
        None => Ok(drill),
    }
}

/// Decides that somebody says what is broken. Saying it once more says nothing new.
pub(in crate::domain) fn answer(
    state: &State,
    id: DrillId,
    claim: DrillClaim,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let drill = running(state, id)?;
    if meta.actor.operator().is_none() {
        return Err(Refusal::new("person-needed", "people say what is broken in a drill").hint(next_step::A_PERSON));
    }
    if let DrillClaim::Broken { service, .. } = &claim
        && state.platform.service(service).is_none()
    {
        return Err(Refusal::unknown(Named::Service, service));
    }
    let said = drill.answers.iter().any(|known| known.claim == claim);
    Ok(if said { Vec::new() } else { vec![Event::DrillAnswered { drill: id, claim }] })
}

/// Decides that a drill is to stop. Whoever may act may say so: nobody asks for a reason to be safe, but it is written down.
pub(in crate::domain) fn abort(state: &State, id: DrillId, reason: &str) -> Result<Vec<Event>, Refusal> {
    let drill = running(state, id)?;
    let reason = text::line("reason", reason)?;
    Ok(if drill.aborted.is_some() { Vec::new() } else { vec![Event::DrillAborted { drill: id, reason }] })
}

/// Decides how a drill has ended, by whoever holds it, who alone can tell what it was about.
pub(in crate::domain) fn end(
    state: &State,
    id: DrillId,
    outcome: DrillOutcome,
    reason: &str,
    reveal: Option<Arc<DrillReveal>>,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let drill = running(state, id)?;
    if meta.actor != drill.conductor {
        return Err(Refusal::new("drill-conductor", format!("{} holds {id}", drill.conductor))
            .hint(format!("stop it: codeblue drill abort {id} --reason WHY")));
    }
    let outcome = match (outcome, &drill.aborted) {
        (DrillOutcome::Completed, Some(_)) => DrillOutcome::Aborted,
        (outcome, _) => outcome,
    };
    match &reveal {
        Some(reveal) if commitment(&reveal.nonce, &reveal.truth) != drill.commitment => {
            return Err(Refusal::new("drill-commitment", "this is not what was committed to when it began")
                .hint("whoever began it ends it; it can be stopped: codeblue drill abort --reason WHY"));
        }
        None if outcome == DrillOutcome::Completed => {
            return Err(Refusal::new("drill-reveal", "a drill that was held ends by telling what it was about")
                .hint("end it where it is held, or stop it: codeblue drill abort --reason WHY"));
        }
        _ => {}
    }
    Ok(vec![Event::DrillEnded { drill: id, outcome, reason: text::line("reason", reason)?, reveal }])
}

/// Decides that a drill is over of which nothing was heard by its time.
pub(in crate::domain) fn lapse(state: &State, id: DrillId, now: DateTime<Utc>) -> Vec<Event> {
    let late = state.drills.running().filter(|drill| drill.id == id && ends_by(drill) <= now);
    let reason = || "nothing was heard from whoever held it".to_owned();
    late.map(|drill| cut_short(drill.id, reason())).into_iter().collect()
}

/// That a drill was under way when another engine took charge: what it would have shown is not known.
pub(in crate::domain) fn interrupted(state: &State) -> Option<Event> {
    let running = state.drills.running()?;
    Some(cut_short(running.id, "the engine was started anew while it ran".to_owned()))
}

fn cut_short(drill: DrillId, reason: String) -> Event {
    Event::DrillEnded { drill, outcome: DrillOutcome::Interrupted, reason, reveal: None }
}

/// When a drill is over of which nothing is heard.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    let late = state.drills.running().map(|drill| (ends_by(drill), Command::LapseDrill { drill: drill.id }));
    late.into_iter().chain(super::schedule::deadlines(state))
}

/// Refuses what somebody would do who plays to be away; to stop the drill is never refused.
pub(in crate::domain) fn may_act(state: &State, command: &Command, operator: &str) -> Result<(), Refusal> {
    match command {
        Command::AbortDrill { .. } | Command::LockSession | Command::UnlockSession => Ok(()),
        _ => is_there(state, operator),
    }
}

/// Refuses when somebody plays to be away.
pub(in crate::domain) fn is_there(state: &State, operator: &str) -> Result<(), Refusal> {
    let Some(drill) = state.drills.running().filter(|drill| drill.away.contains(state.person(operator))) else {
        return Ok(());
    };
    Err(Refusal::new("away-in-drill", format!("{operator} is away as long as {} runs", drill.id))
        .hint("that is what this drill is about: somebody else has to, or act under break-glass"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Role, SecondFactor};

    #[test]
    fn nobody_is_played_who_would_be_asked_for_a_code() {
        let mut state = State::default();
        for name in ["alice", "bob"] {
            let operator =
                Operator { name: name.to_owned(), roles: [Role::TechnicalLead].into(), ..Operator::default() };
            state.operators.insert(operator.name.clone(), operator);
        }
        let nobody = BTreeSet::new();
        assert!(can_be_played(&state, &nobody).is_ok());
        let factor = SecondFactor { since: DateTime::<Utc>::MIN_UTC, last_step: 0 };
        state.operators.get_mut("bob").expect("bob").second_factor = Some(factor);
        let refused = can_be_played(&state, &nobody).expect_err("bob has one");
        assert!(refused.rule == "drill-played" && refused.message.contains("bob"), "{refused}");
        assert!(can_be_played(&state, &["bob".to_owned()].into()).is_ok(), "who is away is not played");
        let mut platform = crate::platform::Platform::clone(&state.platform);
        platform.access.second_factor = SecondFactorRule::Required;
        state.platform = platform.into();
        assert!(can_be_played(&state, &["bob".to_owned()].into()).is_err());
    }
}
