//! Standard changes on the board: what is agreed to beforehand, whether it still may be used, what proves it, and how it went.

use super::{
    decision::day_time,
    model::{List, Model, Screen},
    preview::{Follow, Foreseen, decided_now},
};
use crate::domain::{Change, ChangeRequest, ChangeTemplate, Command, RecoveryId, State, Step, template_standing};

/// Recoveries that are looked through for one that proves a template.
const PROOFS: usize = 20;

/// Whether a template may be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateStatus {
    /// It may.
    Usable,
    /// Somebody has said that nobody may, and why.
    Suspended(String),
    /// What proved it proves it no more, and why.
    Unproved(String),
}

impl Model {
    /// The standard change in question: the selected one of their page.
    #[must_use]
    pub fn template(&self) -> Option<&ChangeTemplate> {
        if *self.screen() != Screen::Templates {
            return None;
        }
        self.state.templates.get(&self.selected(List::Templates)?)
    }

    /// Whether a template may be used now.
    #[must_use]
    pub fn status_of_template(&self, template: &ChangeTemplate) -> TemplateStatus {
        if let Some((since, reason)) = &template.suspended {
            return TemplateStatus::Suspended(format!("{reason} ({})", day_time(*since)));
        }
        match template_standing(&self.state, &template.name, self.now) {
            Ok(()) => TemplateStatus::Usable,
            Err(refusal) => {
                let said = format!("{} may not be used: ", template.name);
                let why = refusal.message.strip_prefix(&said).unwrap_or(&refusal.message);
                TemplateStatus::Unproved(why.to_owned())
            }
        }
    }

    /// The changes that were made from a template, the newest first.
    pub fn uses_of<'a>(&'a self, template: &'a ChangeTemplate) -> impl Iterator<Item = &'a Change> {
        let newest = self.state.changes.values().rev();
        newest.filter(move |change| change.template.as_deref() == Some(&template.name))
    }

    /// The newest recovery that proves a template now; the rule that says no to the newest that did the same, else.
    pub fn proof_of(&self, template: &ChangeTemplate) -> Result<RecoveryId, String> {
        let same = |steps: &[Step]| match (steps.first(), &template.request) {
            (Some(Step::RunAction { service, action }), ChangeRequest::Action { service: of, action: done }) => {
                service == of && action == done
            }
            _ => false,
        };
        let name = &template.name;
        let mut why = None;
        for run in self.state.recoveries.values().rev().filter(|run| same(&run.plan.steps)).take(PROOFS) {
            match decided_now(self, Command::MakeTemplate { name: name.clone(), proof: run.id }) {
                Ok(_) => return Ok(run.id),
                Err(refused) => why = why.or(Some(refused)),
            }
        }
        let why = why.unwrap_or_else(|| "it was never done".to_owned());
        Err(format!("{why}; do it once as a normal change, then restore it"))
    }
}

/// What is done, in a few words.
#[must_use]
pub fn does(request: &ChangeRequest) -> String {
    match request {
        ChangeRequest::Action { service, action } => format!("{action} {service}"),
        ChangeRequest::Deploy { component, version } => format!("deploy {component} {version}"),
        ChangeRequest::Rollback(_) => "a rollback".to_owned(),
    }
}

/// A name for what a recovery did.
#[must_use]
pub fn name_for(model: &Model, proof: RecoveryId) -> String {
    match model.state.recoveries.get(&proof).and_then(|run| run.plan.steps.first()) {
        Some(Step::RunAction { service, action }) => format!("{action}-{service}").chars().take(60).collect(),
        _ => String::new(),
    }
}

/// What agreeing beforehand leads to.
pub(super) fn made(model: &Model, after: &State, (name, proof): (&str, RecoveryId), foreseen: &mut Foreseen) {
    let Some(template) = after.templates.get(name) else { return };
    let what = does(&template.request);
    foreseen.fact(format!("From now on everybody who may act can have this done without asking anybody: {what}"));
    foreseen.fact(format!("Exactly as {proof} did it, and at a risk of 3 at most"));
    foreseen.fact("It loses its standing when it fails once, or when the platform file says something else about it");
    if let Some(known) = model.state.templates.get(name) {
        let state = if known.suspended.is_some() { "suspended" } else { "agreed to" };
        foreseen.warn(format!("{name} is there already, {state}, proved by {}: this takes its place", known.proved_by));
    }
}

/// What suspending one leads to.
pub(super) fn suspended(model: &Model, name: &str, foreseen: &mut Foreseen) {
    foreseen.fact(format!("Nobody can have {name} done without asking any more"));
    let Some(template) = model.state.templates.get(name) else { return };
    for change in model.uses_of(template).filter(|change| change.state.is_open()) {
        foreseen.warn(format!("{} was made from it: unless it has begun, it asks for approvals now", change.id));
    }
    foreseen.fact(format!("{} restores it, as long as it is proved", model.key("restore-template")));
}

/// What having it done leads to.
pub(super) fn used(after: &State, follow: &[Follow], foreseen: &mut Foreseen) {
    let Some(change) = after.changes.values().next_back() else { return };
    foreseen.fact(format!("{}: {}, risk {} of 10, agreed to beforehand", change.id, change.title, change.risk.score));
    let start = |(command, _): &&Follow| matches!(command, Command::StartRecovery { change: id } if *id == change.id);
    match follow.iter().find(start) {
        Some((_, None)) => foreseen.warn("It is carried out at once"),
        Some((_, Some(why))) => foreseen.warn(format!("It does not begin yet: {why}")),
        None => foreseen.fact("It is carried out once nothing is in its way"),
    }
}
