//! Break-glass on the board: which use of it is loud on every page, and what ending, revoking or reviewing one leads to.

use super::{decision::day_time, model::Model, preview::Foreseen};
use crate::domain::{
    BREAK_GLASS_REVIEW, BREAK_GLASS_REVIEWERS, BreakGlass, BreakGlassId, ReviewVerdict, State, needs_senior_review,
    role_name, who_may_review,
};
use crate::platform::{Role, count};

impl Model {
    /// The use of break-glass that every page tells of: the own one first, then the one that ends soonest.
    #[must_use]
    pub fn loud(&self) -> Option<&BreakGlass> {
        let open = self.state.break_glass.values().filter(|glass| glass.is_open());
        open.min_by_key(|glass| (!self.is_mine(glass), glass.until))
    }

    /// Whether it was opened by the one who looks, under whatever name.
    #[must_use]
    pub fn is_mine(&self, glass: &BreakGlass) -> bool {
        self.state.person(&glass.operator) == self.state.person(self.my_name())
    }

    /// Why the one who looks may open no other: the last one is open still, or was not reviewed.
    #[must_use]
    pub fn owed_break_glass(&self) -> Option<String> {
        let mut own = self.state.break_glass.values().rev().filter(|glass| self.is_mine(glass));
        let owed = own.find(|glass| glass.is_review_owed())?;
        Some(match reviewers_missing(&self.state, owed) {
            Some(who) if !owed.is_open() => format!("{} was not reviewed yet; it waits for {who}", owed.id),
            _ => format!("your {} is open; {} ends it", owed.id, self.key("end-break-glass")),
        })
    }

    /// What the keys that end one are about: the one that is looked at, else the loud one.
    #[must_use]
    pub fn break_glass_to_end(&self) -> Option<BreakGlassId> {
        self.break_glass().or_else(|| self.loud().map(|glass| glass.id))
    }
}

/// Who has yet to review it, in words; nothing once enough have.
#[must_use]
pub fn reviewers_missing(state: &State, glass: &BreakGlass) -> Option<String> {
    if !glass.is_review_owed() {
        return None;
    }
    let senior = needs_senior_review(state, glass);
    let seniors = "the CTO or the compliance officer";
    let mut people = who_may_review(state, glass);
    let who = match (BREAK_GLASS_REVIEWERS.saturating_sub(glass.reviews.len()), senior) {
        (0 | 1, true) => {
            let is_senior = |role: &Role| matches!(role, Role::Cto | Role::ComplianceOfficer);
            people.retain(|name| state.operators.get(*name).is_some_and(|known| known.roles.iter().any(is_senior)));
            seniors.to_owned()
        }
        (0 | 1, false) => "one other person".to_owned(),
        (more, true) => format!("{more} other people, one of them {seniors}"),
        (more, false) => format!("{more} other people"),
    };
    Some(match people.as_slice() {
        _ if glass.is_open() => who,
        [] => format!("{who} (nobody here could)"),
        people => format!("{who} ({})", people.join(" or ")),
    })
}

/// What the one who looks would review it as: the highest role.
#[must_use]
pub fn reviewing_role(model: &Model) -> &'static str {
    let highest = model.me.as_ref().and_then(|me| me.roles.iter().next_back());
    highest.map(|role| role_name(*role)).unwrap_or_default()
}

/// What comes of it when a use of break-glass ends now, whoever ends it.
#[must_use]
pub fn after_its_end(model: &Model, glass: &BreakGlass) -> Vec<String> {
    let running = glass.acts.iter().filter_map(|act| model.state.recoveries.get(&act.recovery));
    let running = running.filter(|recovery| recovery.is_running());
    let stops = running.map(|recovery| format!("{} finishes its step, and begins none that changes more", recovery.id));
    let mut lines: Vec<String> = stops.collect();
    let acts = count(glass.acts.len(), "act");
    let hours = BREAK_GLASS_REVIEW.num_hours();
    lines.push(format!("{BREAK_GLASS_REVIEWERS} others than {} review it ({acts}) within {hours} h", glass.operator));
    lines.push(format!("Until then {} opens no other, and {} is not closed", glass.operator, glass.incident));
    lines
}

/// What taking it away from somebody leads to.
pub(super) fn revoked(model: &Model, id: BreakGlassId, foreseen: &mut Foreseen) {
    let Some(glass) = model.state.break_glass.get(&id) else { return };
    let until = day_time(glass.until, model.now);
    foreseen.fact(format!("{id} ends now, not at {until}: {} begins nothing more without an approval", glass.operator));
    for line in after_its_end(model, glass) {
        foreseen.fact(line);
    }
    foreseen.fact("Your reason is part of the record");
}

/// What a review leads to.
pub(super) fn reviewed(
    model: &Model,
    after: &State,
    id: BreakGlassId,
    verdict: ReviewVerdict,
    foreseen: &mut Foreseen,
) {
    let Some((before, then)) = model.state.break_glass.get(&id).zip(after.break_glass.get(&id)) else { return };
    let role = reviewing_role(model);
    foreseen.fact(format!(
        "It is on record that you, as {role}, find {id} of {} {verdict}, and nobody can change it afterwards",
        before.operator
    ));
    if verdict == ReviewVerdict::Unjustified {
        foreseen.warn("That is a compliance finding, and stays one");
    }
    match reviewers_missing(after, then) {
        None => foreseen.fact(format!(
            "Yours is the last review that it takes: {} may open another, and {} may be closed",
            before.operator, before.incident
        )),
        Some(who) => {
            let due = then.review_due_at().map(|at| day_time(at, model.now)).unwrap_or_default();
            foreseen.fact(format!("Then it waits for {who}, until {due}"));
        }
    }
}
