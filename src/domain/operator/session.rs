//! A board that nobody is at: it goes on showing, and nobody acts on it until a person has come back.

use crate::domain::{Actor, Event, Refusal, next_step};

/// Decides that somebody's board has locked.
pub(in crate::domain) fn lock(actor: &Actor) -> Result<Vec<Event>, Refusal> {
    Ok(vec![Event::SessionLocked { operator: person(actor)? }])
}

/// Decides that somebody has come back; whoever has a second factor has shown it by now.
pub(in crate::domain) fn unlock(actor: &Actor) -> Result<Vec<Event>, Refusal> {
    Ok(vec![Event::SessionUnlocked { operator: person(actor)? }])
}

fn person(actor: &Actor) -> Result<String, Refusal> {
    let name = actor
        .operator()
        .ok_or_else(|| Refusal::new("person-needed", "only a person sits at a board").hint(next_step::A_PERSON))?;
    Ok(name.to_owned())
}
