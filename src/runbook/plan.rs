//! What a run of a book would do, with inputs filled in, and what it still lacks.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Approval, Condition, Ended, InputKind, Runbook, SectionKind, ServiceRef, Step, Undo};
use crate::domain::{BookProof, inputs_of};
use crate::platform::{Action, ActionRisk, Platform, Role, optional_seconds, seconds};

/// A run as it would go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunPlan {
    /// The book.
    pub book: String,
    /// Its hash, to which a run is pinned.
    pub hash: String,
    /// What drills have shown of it.
    pub proof: BookProof,
    /// Inputs with their values; secrets are not among them.
    pub inputs: BTreeMap<String, String>,
    /// All steps, in the order of the book.
    pub steps: Vec<PlannedStep>,
    /// What stands in the way of a run, each with the step it concerns where there is one.
    pub missing: Vec<Missing>,
    /// How long a run may take.
    #[serde(with = "seconds", rename = "timeBudgetSeconds")]
    pub time_budget: Duration,
    /// How long its commands may take together, those of Rollback and of skipped steps aside.
    #[serde(with = "seconds", rename = "longestSeconds")]
    pub longest: Duration,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Its name.
    pub name: String,
    /// Its number in the book.
    pub number: usize,
    /// Where it stands.
    pub section: SectionKind,
    /// Its heading.
    pub title: String,
    /// What kind of step.
    pub kind: &'static str,
    /// What it does to the world; empty where nobody asks.
    pub effect: &'static str,
    /// Lowest role that may do it.
    pub role: Role,
    /// Who has to agree.
    pub approvals: Vec<Role>,
    /// Whether a second person has to be there.
    pub second_person: bool,
    /// The command with inputs filled in, and `<NAME>` where one has no value yet.
    pub command: Option<String>,
    /// After so long the command is ended.
    #[serde(with = "optional_seconds", rename = "timeoutSeconds")]
    pub timeout: Option<Duration>,
    /// How it is taken back.
    pub undo: Option<Undo>,
    /// Why it would be skipped.
    pub skipped: Option<String>,
}

/// Something that stands in the way of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The step it concerns.
    pub step: Option<String>,
    /// What is missing.
    pub what: String,
}

/// Plans a run of a book on a platform, if one is known. `given` are the values of inputs; what later steps set is not known yet.
#[must_use]
pub fn plan(
    book: &Runbook,
    platform: Option<&Platform>,
    given: &BTreeMap<String, String>,
    proof: BookProof,
) -> RunPlan {
    let mut planner = Planner { book, platform, values: BTreeMap::new(), missing: Vec::new() };
    planner.inputs(given);
    planner.services();
    let steps: Vec<PlannedStep> = book
        .sections
        .iter()
        .flat_map(|section| section.steps.iter().map(move |step| (section.kind, step)))
        .map(|(section, step)| planner.step(section, step))
        .collect();
    let counted = book
        .steps()
        .zip(&steps)
        .filter(|(_, planned)| planned.skipped.is_none() && planned.section != SectionKind::Rollback);
    let longest = counted.filter_map(|(step, _)| step.work.execution()).map(|run| run.timeout).sum();
    if let Some(platform) = platform {
        planner.people(platform, &steps);
    }
    let secret =
        |name: &String| book.front.inputs.iter().any(|input| input.name == *name && input.kind == InputKind::Secret);
    let Planner { values, missing, .. } = planner;
    RunPlan {
        book: book.front.id.clone(),
        hash: book.hash.clone(),
        proof,
        inputs: values.into_iter().filter(|(name, _)| !secret(name)).collect(),
        steps,
        missing,
        time_budget: book.front.time_budget,
        longest,
    }
}

struct Planner<'a> {
    book: &'a Runbook,
    platform: Option<&'a Platform>,
    values: BTreeMap<String, String>,
    missing: Vec<Missing>,
}

impl Planner<'_> {
    fn lacks(&mut self, step: Option<&str>, what: String) {
        self.missing.push(Missing { step: step.map(str::to_owned), what });
    }

    fn inputs(&mut self, given: &BTreeMap<String, String>) {
        let (values, wrong) = inputs_of(self.book, self.platform, given);
        self.values = values;
        for what in wrong {
            self.lacks(None, what);
        }
    }

    fn services(&mut self) {
        let Some(platform) = self.platform else { return };
        for service in &self.book.front.services {
            if let ServiceRef::Name(name) = service
                && platform.service(name).is_none()
            {
                self.lacks(None, format!("the platform has no service {name:?}"));
            }
        }
    }

    fn resolved(&self, service: &ServiceRef) -> Option<String> {
        match service {
            ServiceRef::Name(name) => Some(name.clone()),
            ServiceRef::Input(name) => self.values.get(name).cloned(),
        }
    }

    fn declared(&self, service: &ServiceRef, action: &str) -> Option<&Action> {
        let service = self.platform?.service(&self.resolved(service)?)?;
        service.actions.iter().find(|declared| declared.name == action)
    }

    fn undeclared(&self, service: &ServiceRef, action: &str) -> Option<String> {
        if self.platform.is_none() || self.declared(service, action).is_some() {
            return None;
        }
        let service = self.resolved(service).unwrap_or_else(|| service.to_string());
        Some(format!("the platform declares no action {action} of {service}"))
    }

    /// Why a step would be skipped, as far as that is known before the run.
    fn skipped(&self, step: &Step) -> Option<String> {
        match step.when.as_ref()? {
            Condition::Input { name, equal, value } => {
                let given = self.values.get(name)?;
                ((given == value) != *equal).then(|| format!("{name} is {given}"))
            }
            Condition::Action { service, action } => self.undeclared(service, action),
            // What takes something back is left out where that is.
            Condition::Step { name, ended: Ended::Ok } => match self.book.step(name)?.when.as_ref()? {
                Condition::Action { service, action } => self.undeclared(service, action),
                Condition::Input { .. } | Condition::Step { .. } => None,
            },
            Condition::Step { .. } => None,
        }
    }

    fn step(&mut self, section: SectionKind, step: &Step) -> PlannedStep {
        let skipped = self.skipped(step);
        let run = step.work.execution();
        let approval = step.work.approval();
        let mut approvals = Vec::new();
        if let Some((service, name)) = run.and_then(|run| run.command.declared_action()) {
            let risk = self.declared(&service, &name).map(|action| action.risk);
            match (risk, self.platform) {
                (Some(risk), Some(platform)) if approval == Approval::Change => approvals = levels(platform, risk),
                (None, Some(_)) if skipped.is_none() => {
                    let service = self.resolved(&service).unwrap_or_else(|| service.to_string());
                    self.lacks(Some(&step.name), format!("the platform declares no action {name:?} of {service}"));
                }
                _ => {}
            }
        } else if approval == Approval::Change
            && let Some(platform) = self.platform
        {
            approvals.clone_from(&platform.approvals.high);
        }
        let shown = |name: &str| self.values.get(name).cloned().unwrap_or_else(|| format!("<{name}>"));
        PlannedStep {
            name: step.name.clone(),
            number: step.number,
            section,
            title: step.title.clone(),
            kind: step.work.name(),
            effect: step.work.effect(),
            role: step.role,
            approvals,
            second_person: approval == Approval::SecondPerson,
            command: run.map(|run| run.command.shown(shown)),
            timeout: run.map(|run| run.timeout),
            undo: step.work.undo().cloned(),
            skipped,
        }
    }

    /// Every role that is asked for is somebody's.
    fn people(&mut self, platform: &Platform, steps: &[PlannedStep]) {
        let needed = steps.iter().filter(|step| step.skipped.is_none());
        let mut roles: Vec<Role> = needed.flat_map(|step| step.approvals.iter().copied().chain([step.role])).collect();
        roles.sort_unstable();
        roles.dedup();
        // Who works here may also stand in the journal alone.
        for role in roles.into_iter().filter(|_| !platform.operators.is_empty()) {
            if !platform.operators.iter().any(|operator| operator.roles.iter().any(|held| held.stands_for(role))) {
                self.lacks(None, format!("the platform file names nobody as {}", role.name()));
            }
        }
    }
}

/// Who has to agree to an action of this risk.
fn levels(platform: &Platform, risk: ActionRisk) -> Vec<Role> {
    match risk {
        ActionRisk::Low => platform.approvals.low.clone(),
        ActionRisk::Medium => platform.approvals.medium.clone(),
        ActionRisk::High => platform.approvals.high.clone(),
    }
}
