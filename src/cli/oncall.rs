//! `codeblue oncall`

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{
        Command, Duty, Named, OnCallOverride, Operator, OverrideId, Refusal, Shift, State, duty, future, on_call_again,
        past, shifts,
    },
    platform::OnCallSchedule,
};

/// No schedule is thought of for so long.
const FURTHEST: TimeDelta = TimeDelta::days(36_525);
/// What is said where the platform file has no schedule.
const NONE: &str = "nobody is on call by name: [[oncall]] in the platform file says whose turn it is\n";

/// Who is on call, and who is when: see it, take a shift, give one away
#[derive(Debug, Subcommand)]
pub enum Oncall {
    /// Who is on call, until when, and who comes next
    ///
    /// Times are told by the clock of the schedule. `nobody` is a gap: an incident then calls whoever comes next.
    Who {
        /// Which schedule; all without
        schedule: Option<String>,
        /// At another time: 2026-01-15T02:30:00Z, 02:30 (UTC, the next one), 3h (from now) or 3h ago
        #[arg(long, value_name = "WHEN")]
        at: Option<String>,
    },
    /// The shifts of the coming days
    Schedule {
        /// Which schedule; all without
        schedule: Option<String>,
        /// From then, as --at of `who`; now without
        #[arg(long, value_name = "WHEN")]
        from: Option<String>,
        /// For so many days
        #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
    },
    /// Have somebody be on call instead of whoever the schedule names
    ///
    /// People take shifts themselves; to give one to somebody else takes a technical lead or the CTO. Where overrides overlap the
    /// newest holds. What was overridden stays on record.
    Override {
        schedule: String,
        person: String,
        /// 2026-01-15T02:30:00Z, 02:30 (UTC, the next one) or 3h (from now); at once without
        #[arg(long, value_name = "WHEN")]
        from: Option<String>,
        /// The same
        #[arg(long, value_name = "WHEN")]
        to: String,
        #[arg(long)]
        reason: String,
    },
    /// Overrides, the newest first, also those that were taken back
    Overrides {
        /// Of which schedule; of all without
        schedule: Option<String>,
    },
    /// Take an override back: the schedule holds again
    End {
        /// Its name, such as OVR-3
        id: OverrideId,
        #[arg(long)]
        reason: String,
    },
}

impl Oncall {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Who { schedule, at } => who(session, schedule.as_deref(), at.as_deref()).await,
            Self::Schedule { schedule, from, days } => {
                let from = from.map_or(Ok(session.now()), |text| moment("--from", &text, session.now()))?;
                let until = from.checked_add_signed(TimeDelta::days(days.into()));
                let until = until.ok_or_else(|| CliError::Usage("--from: that is too far away".to_owned()))?;
                coming(session, schedule.as_deref(), from, until).await
            }
            Self::Override { schedule, person, from, to, reason } => {
                let ahead = |name: &str, text: String| {
                    future(&text, session.now()).map_err(|why| CliError::Usage(format!("{name}: {why}")))
                };
                let from = from.map(|text| ahead("--from", text)).transpose()?;
                let until = ahead("--to", to)?;
                session.submit(Command::OverrideOnCall { schedule, person, from, until, reason }).await
            }
            Self::Overrides { schedule } => overrides(session, schedule.as_deref()).await,
            Self::End { id, reason } => session.submit(Command::EndOverride { id, reason }).await,
        }
    }
}

fn moment(name: &str, text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, CliError> {
    let at = future(text, now).or_else(|why| past(text, now).map_err(|_| CliError::Usage(format!("{name}: {why}"))))?;
    if (at - now).abs() > FURTHEST {
        return Err(CliError::Usage(format!("{name}: {text} is too far away")));
    }
    Ok(at)
}

/// The schedules asked for.
fn wanted<'a>(state: &'a State, name: Option<&str>) -> Result<Vec<&'a OnCallSchedule>, CliError> {
    match name {
        None => Ok(state.platform.on_call.iter().collect()),
        Some(name) => match state.platform.schedule(name) {
            Some(found) => Ok(vec![found]),
            None => Err(Refusal::unknown(Named::Schedule, name).into()),
        },
    }
}

async fn who(session: &Session, schedule: Option<&str>, at: Option<&str>) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let at = at.map_or(Ok(session.now()), |text| moment("--at", text, session.now()))?;
    let found = wanted(&state, schedule)?;
    let duties: Vec<Duty> = found.iter().map(|schedule| duty(&state, schedule, at)).collect();
    session.output.result(&duties, || {
        if duties.is_empty() {
            return NONE.to_owned();
        }
        let mut table = Table::new(["ON CALL", "SCHEDULE", "UNTIL", "THEN", "WHY"]);
        for (schedule, duty) in found.iter().zip(&duties) {
            let then = duty.next.as_ref().map(|next| next.person.as_deref().unwrap_or("nobody")).unwrap_or_default();
            table.row([
                person(&state, duty.person.as_deref()),
                Cell::from(&schedule.name),
                Cell::from(duty.until.map_or_else(|| "no end in sight".to_owned(), |until| schedule.told(until))),
                Cell::from(text::line(then)),
                Cell::from(why(&state, schedule, duty, at)),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

/// Who, and whether that is somebody who can be called.
fn person(state: &State, name: Option<&str>) -> Cell {
    match name {
        None => Cell::painted("✖ nobody", Paint::Bad),
        Some(name) if state.operators.get(name).is_some_and(Operator::may_act) => Cell::painted(name, Paint::Strong),
        Some(name) => Cell::painted(format!("✖ {name}, who may not act"), Paint::Bad),
    }
}

fn why(state: &State, schedule: &OnCallSchedule, duty: &Duty, at: DateTime<Utc>) -> String {
    match (duty.overridden_by.and_then(|id| state.overrides.get(&id)), &duty.person) {
        (Some(found), _) => format!("{}: {}", found.id, found.reason),
        (None, Some(_)) => String::new(),
        (None, None) => match on_call_again(state, schedule, at) {
            Some(again) => format!("a gap until {}: who comes next is called", schedule.told(again)),
            None => "the schedule is empty: who comes next is called".to_owned(),
        },
    }
}

async fn coming(
    session: &Session,
    schedule: Option<&str>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let found = wanted(&state, schedule)?;
    let all: Vec<Shift> = found.iter().flat_map(|schedule| shifts(&state, schedule, from, until)).collect();
    session.output.result(&all, || {
        if found.is_empty() {
            return NONE.to_owned();
        }
        let mut table = Table::new(["SCHEDULE", "FROM", "UNTIL", "ON CALL", "WHY"]);
        for shift in &all {
            let Some(schedule) = state.platform.schedule(&shift.schedule) else { continue };
            let reason = shift.overridden_by.and_then(|id| state.overrides.get(&id));
            table.row([
                Cell::from(&shift.schedule),
                Cell::from(schedule.told(shift.from)),
                Cell::from(schedule.told(shift.until)),
                person(&state, shift.person.as_deref()),
                Cell::from(reason.map(|found| format!("{}: {}", found.id, found.reason)).unwrap_or_default()),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

async fn overrides(session: &Session, schedule: Option<&str>) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    wanted(&state, schedule)?;
    let meant = |found: &&OnCallOverride| schedule.is_none_or(|name| found.schedule == name);
    let all: Vec<&OnCallOverride> = state.overrides.values().rev().filter(meant).collect();
    session.output.result(&all, || {
        if all.is_empty() {
            return "nobody has overridden the schedule\n".to_owned();
        }
        let mut table = Table::new(["OVERRIDE", "SCHEDULE", "WHO", "FROM", "UNTIL", "BY", "STATE", "WHY"]);
        for found in &all {
            let state = match found.ended_at {
                Some(_) => Cell::painted("taken back", Paint::Dim),
                None if found.until <= session.now() => Cell::painted("over", Paint::Dim),
                None if found.counts(session.now()) => Cell::painted("in force", Paint::Good),
                None => Cell::from("ahead"),
            };
            table.row([
                Cell::from(found.id.to_string()),
                Cell::from(&found.schedule),
                Cell::from(&found.person),
                Cell::from(text::moment(found.from)),
                Cell::from(text::moment(found.until)),
                Cell::from(&found.by),
                state,
                Cell::from(&found.reason),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
