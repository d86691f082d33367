//! Who is on call: whose turn it is in each schedule, and the shifts of the next two weeks.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    form::{Form, Writing},
    model::{List, Model, Screen},
    preview::{Foreseen, refusal},
};
use crate::{
    domain::{Command, OnCallOverride, OverrideId, Shift, duty, future, shifts},
    platform::OnCallSchedule,
};

/// How far the page looks ahead.
pub const AHEAD: TimeDelta = TimeDelta::days(14);
/// Age at which what is looked at is worked out anew.
const RENEW: TimeDelta = TimeDelta::seconds(10);
/// Shifts that are shown at most: more than anybody reads.
const MOST: usize = 2_000;

/// What a shift is known by, whatever comes before it.
#[must_use]
pub fn key(shift: &Shift, now: DateTime<Utc>) -> String {
    let when = if shift.from <= now { "now".to_owned() } else { shift.from.timestamp().to_string() };
    format!("{when} {}", shift.schedule)
}

impl Model {
    /// Works out who is on call while that is looked at, when there is nothing yet or it is old.
    pub(super) fn look_who_is_on_call(&mut self) {
        let is_fresh = self.shifts_at.is_some_and(|at| self.now - at < RENEW);
        if *self.screen() != Screen::OnCall || is_fresh {
            return;
        }
        let (from, until) = (self.now, self.now + AHEAD);
        let all = self.state.platform.on_call.iter();
        let mut found: Vec<Shift> = all.flat_map(|schedule| shifts(&self.state, schedule, from, until)).collect();
        found.sort_by_key(|shift| shift.from);
        found.truncate(MOST);
        // The end of what is looked at is not the end of a shift.
        for shift in found.iter_mut().filter(|shift| shift.until == until) {
            let schedule = self.state.platform.schedule(&shift.schedule);
            let end = schedule.and_then(|schedule| duty(&self.state, schedule, shift.from).until);
            shift.until = end.unwrap_or(DateTime::<Utc>::MAX_UTC);
        }
        self.shifts = found;
        self.shifts_at = Some(self.now);
    }

    /// The shifts that the filter lets through, in the order shown.
    pub fn wanted_shifts(&self) -> impl Iterator<Item = &Shift> {
        self.shifts.iter().filter(|shift| self.wants_shift(shift))
    }

    /// The shift with the cursor.
    #[must_use]
    pub fn selected_shift(&self) -> Option<&Shift> {
        self.wanted_shifts().nth(self.selected_place(List::Shifts))
    }

    /// The schedule in question: that of the selected shift, else the first.
    #[must_use]
    pub fn schedule_here(&self) -> Option<&OnCallSchedule> {
        match self.selected_shift() {
            Some(shift) => self.state.platform.schedule(&shift.schedule),
            None => self.state.platform.on_call.first(),
        }
    }

    /// The override by which the selected shift is as it is.
    #[must_use]
    pub fn override_here(&self) -> Option<&OnCallOverride> {
        self.state.overrides.get(&self.selected_shift()?.overridden_by?)
    }

    /// In which schedules somebody is on call now, and until when.
    #[must_use]
    pub fn on_call_now(&self, name: &str) -> Vec<(&OnCallSchedule, Option<DateTime<Utc>>)> {
        let all = self.state.platform.on_call.iter();
        let duties = all.map(|schedule| (schedule, duty(&self.state, schedule, self.now)));
        let own = duties.filter(|(_, duty)| duty.person.as_deref() == Some(name));
        own.map(|(schedule, duty)| (schedule, duty.until)).collect()
    }

    /// Who could take a shift of a schedule by the word of the one who looks.
    #[must_use]
    pub fn takers(&self, schedule: &str) -> Vec<&str> {
        let wish = |person: &str| Command::OverrideOnCall {
            schedule: schedule.to_owned(),
            person: person.to_owned(),
            from: None,
            until: self.now + TimeDelta::hours(1),
            reason: "-".to_owned(),
        };
        let names = self.state.operators.values().filter(|operator| operator.belongs_to.is_none());
        let names = names.map(|operator| operator.name.as_str());
        let mut names: Vec<&str> = names.filter(|name| refusal(self, wish(name)).is_none()).collect();
        // Whoever opens the form most often takes the shift.
        names.sort_by_key(|name| *name != self.my_name());
        names
    }
}

/// A form that knows when the shift is that the cursor was on.
pub(super) fn begun(model: &Model, form: &mut Form) {
    let Some(shift) = model.selected_shift() else { return };
    let write = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%MZ").to_string();
    if shift.from > model.now {
        form.fill("From", &write(shift.from));
    }
    if shift.until < DateTime::<Utc>::MAX_UTC {
        form.fill("Until", &write(shift.until));
    }
}

/// What an override asks for; the field that lacks something and what, else.
pub(super) fn override_of(model: &Model, form: &Form, schedule: &str) -> Result<Command, (&'static str, String)> {
    let person = form.choice("Who");
    if person.is_empty() {
        return Err(("Who", "nobody here may take a shift by your word".to_owned()));
    }
    let moment = |label: &'static str| {
        let text = form.text(label);
        let at = (!text.is_empty()).then(|| future(&text, model.now).map_err(|why| (label, why)));
        at.transpose()
    };
    let from = moment("From")?;
    let until = moment("Until")?.ok_or_else(|| ("Until", "until is empty".to_owned()))?;
    if until <= from.unwrap_or(model.now) {
        return Err(("Until", "it would end before it begins".to_owned()));
    }
    let reason = form.text("Reason");
    if reason.is_empty() {
        return Err(("Reason", "reason is empty".to_owned()));
    }
    Ok(Command::OverrideOnCall { schedule: schedule.to_owned(), person, from, until, reason })
}

/// What an override leads to.
pub(super) fn overridden(model: &Model, command: &Command, foreseen: &mut Foreseen) {
    let Command::OverrideOnCall { schedule, person, from, until, .. } = command else { return };
    let Some(schedule) = model.state.platform.schedule(schedule) else { return };
    let from = from.unwrap_or(model.now);
    let (begins, ends) = (schedule.told(from), schedule.told(*until));
    foreseen.fact(format!("{person} is on call for {} from {begins} to {ends}", schedule.name));
    for shift in shifts(&model.state, schedule, from, *until) {
        let (from, until) = (schedule.told(shift.from), schedule.told(shift.until));
        match (shift.person.as_deref(), shift.overridden_by) {
            (Some(name), _) if name == person => foreseen.fact(format!("{name} is so anyway from {from} to {until}")),
            (Some(name), Some(id)) => {
                foreseen.warn(format!("instead of {name}, who is by {id}, from {from} to {until}"));
            }
            (Some(name), None) => foreseen.fact(format!("instead of {name} from {from} to {until}")),
            (None, _) => foreseen.fact(format!("where nobody would be from {from} to {until}")),
        }
    }
    if from <= model.now {
        let open = model.state.open_incidents().filter(|incident| {
            let asks = incident.on_call.as_ref().is_some_and(|found| found.schedule() == schedule.name);
            asks && incident.acknowledged_at.is_none()
        });
        for incident in open {
            foreseen.warn(format!("{} passes to {person} at once: nobody has acknowledged it", incident.id));
        }
    }
    foreseen.fact("What the schedule says stays on record, and either of you can take this back");
}

/// What taking an override back leads to.
pub(super) fn taken_back(model: &Model, id: OverrideId, foreseen: &mut Foreseen) {
    let Some(found) = model.state.overrides.get(&id) else { return };
    let Some(schedule) = model.state.platform.schedule(&found.schedule) else { return };
    let from = found.from.max(model.now);
    let mut without = model.state.clone();
    without.overrides.remove(&id);
    for shift in shifts(&without, schedule, from, found.until) {
        let (from, until) = (schedule.told(shift.from), schedule.told(shift.until));
        match shift.person {
            Some(name) => foreseen.fact(format!("{name} is on call from {from} to {until}")),
            None => foreseen.warn(format!("NOBODY is on call from {from} to {until}")),
        }
    }
}

/// The names that a form about shifts offers.
pub(super) fn choices(model: &Model, purpose: &Writing) -> Vec<(String, String)> {
    let Writing::Override(schedule) = purpose else { return Vec::new() };
    let said = |name: &str| {
        let about = match model.on_call_now(name).as_slice() {
            [] => name.to_owned(),
            _ => format!("{name}, on call now"),
        };
        (name.to_owned(), about)
    };
    model.takers(schedule).into_iter().map(said).collect()
}
