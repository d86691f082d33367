//! Plays the people of a drill where there are none, through the engine as people would: to try drills out, and to see that a score
//! tells those who know what to do from those who do not.

use std::{collections::BTreeSet, time::Duration};

use chrono::{TimeDelta, Utc};
use tokio::{sync::watch, time::Instant};

use super::watcher::Watcher;
use crate::{
    client::{Client, ClientError},
    domain::{
        Actor, Cause, Ceiling, Change, ChangeState, Command, DrillClaim, DrillId, DrillTruth, Incident, IncidentId,
        Message, Operator, Plan, RecoveryOutcome, Remedy, Role, RollbackRequest, Scope, Severity, State, Status,
        unsatisfiable, who_may_approve,
    },
};

/// How often somebody looks.
const EVERY: Duration = Duration::from_millis(300);
/// How long who knows what to do waits for the engine to propose it.
const TO_PROPOSE: Duration = Duration::from_secs(12);
/// How long after a recovery they look before they do anything else.
const TO_SETTLE: TimeDelta = TimeDelta::seconds(6);
/// How long it takes somebody to see that nothing is broken.
const TO_BE_SURE: Duration = Duration::from_secs(10);
/// How long who panics waits after everything was started anew.
const TO_PANIC_MORE: Duration = Duration::from_secs(20);

/// How the people are who are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Play {
    /// They do what has to be done, and nothing else.
    Perfect,
    /// They start everything anew, and then restore everything.
    Panicky,
    /// They are sure of something else, and act on it.
    Wrong,
    /// They do nothing.
    Idle,
}

/// Plays until it is aborted. What is refused is tried again or left.
pub(super) async fn play(
    play: Play,
    client: Client,
    truth: DrillTruth,
    drill: DrillId,
    injected: watch::Receiver<bool>,
) -> Result<(), ClientError> {
    let watcher = Watcher::new(client).await?;
    let mut team = Team { watcher, truth, drill, injected, began: None, noticed: None, done: BTreeSet::new() };
    loop {
        tokio::time::sleep(EVERY).await;
        team.watcher.look().await?;
        match play {
            Play::Perfect => team.perfect().await,
            Play::Panicky => team.panicky().await,
            Play::Wrong => team.wrong().await,
            Play::Idle => {}
        }
    }
}

struct Team {
    watcher: Watcher,
    truth: DrillTruth,
    drill: DrillId,
    injected: watch::Receiver<bool>,
    /// When the fault was there.
    began: Option<Instant>,
    /// When somebody took it on.
    noticed: Option<Instant>,
    /// What was done once and is not done again.
    done: BTreeSet<String>,
}

impl Team {
    fn state(&self) -> &State {
        &self.watcher.state
    }

    /// Gives a command as one of the people; whether it was taken.
    async fn give(&self, who: &str, command: Command) -> bool {
        self.watcher.client.named(Some(who.to_owned())).submit(&command).await.is_ok()
    }

    /// Whether something is to be done for the first time.
    fn first_time(&mut self, what: impl Into<String>) -> bool {
        self.done.insert(what.into())
    }

    fn is_there(&self, operator: &Operator) -> bool {
        let away = self.state().drills.running().map(|drill| &drill.away);
        operator.may_act() && operator.belongs_to.is_none() && away.is_none_or(|away| !away.contains(&operator.name))
    }

    /// Who works: the one who is there and may decide least.
    fn worker(&self) -> String {
        let there = self.state().operators.values().filter(|operator| self.is_there(operator));
        let rank = |operator: &&Operator| {
            [Role::Engineer, Role::TechnicalLead, Role::Cto].into_iter().position(|role| operator.roles.contains(&role))
        };
        let mut able: Vec<_> = there.filter_map(|operator| Some((rank(&operator)?, &operator.name))).collect();
        able.sort();
        able.first().map(|(_, name)| (*name).clone()).unwrap_or_default()
    }

    fn lead(&self) -> String {
        let mut there = self.state().operators.values().filter(|operator| self.is_there(operator));
        let lead = there.find(|operator| operator.can_stand_for(Role::TechnicalLead));
        lead.map_or_else(|| self.worker(), |operator| operator.name.clone())
    }

    fn is_decoy(&self, service: &str) -> bool {
        self.truth.decoy_services.iter().any(|name| name == service)
    }

    /// The open incident that is not about a decoy.
    fn incident(&self) -> Option<&Incident> {
        let real = |incident: &&Incident| {
            incident.services.is_empty() || incident.services.iter().any(|name| !self.is_decoy(name))
        };
        self.state().open_incidents().find(real)
    }

    fn pending(&self) -> Vec<Change> {
        self.state().changes.values().filter(|change| change.state == ChangeState::Pending).cloned().collect()
    }

    /// Takes the first sign on; the incident, once there is one.
    async fn take_on(&mut self) -> Option<IncidentId> {
        if *self.injected.borrow() {
            self.began.get_or_insert_with(Instant::now);
        }
        let incident = self.incident().map(|incident| incident.id)?;
        self.noticed.get_or_insert_with(Instant::now);
        if self.first_time(format!("acknowledge {incident}")) {
            self.give(&self.worker(), Command::AcknowledgeIncident { incident }).await;
        }
        Some(incident)
    }

    /// Says yes to a change as everybody whose yes is missing, and acts without it where nobody is there who could.
    async fn agree(&self, change: &Change) {
        for (_, able) in who_may_approve(self.state(), change) {
            let Some(name) = able.first() else { continue };
            let yes = Command::approve(change.id, change.plan_hash.clone(), "drill".to_owned());
            self.give(name, yes).await;
        }
        let Some(incident) = change.incident.filter(|_| !unsatisfiable(self.state(), change).is_empty()) else {
            return;
        };
        let who = self.lead();
        let open = Command::BreakGlass {
            incident,
            reason: "drill: who has to agree to this is away, and it cannot wait".to_owned(),
            services: change.plan.services.clone(),
            ceiling: Ceiling::Data,
            minutes: 10,
        };
        self.give(&who, open).await;
        let plan_hash = change.plan_hash.clone();
        self.give(&who, Command::ExecuteUnderBreakGlass { change: change.id, plan_hash }).await;
    }

    async fn refuse(&self, change: &Change) {
        let reason = "drill: it does not take the cause away".to_owned();
        self.give(&self.lead(), Command::RejectChange { change: change.id, reason }).await;
    }

    async fn perfect(&mut self) {
        let incident = self.take_on().await;
        if self.truth.is_false_alarm() {
            for change in self.pending() {
                self.refuse(&change).await;
            }
            let sure = self.began.is_some_and(|began| began.elapsed() >= TO_BE_SURE);
            if sure && self.first_time("answer") {
                let command = Command::AnswerDrill { drill: self.drill, claim: DrillClaim::NothingBroken };
                self.give(&self.worker(), command).await;
            }
            return;
        }
        let Some(blame) = self.truth.blame.clone() else { return };
        let Some(incident) = incident else {
            // What no check sees, somebody who reads logs does.
            let half = Duration::from_secs(self.truth.detect_seconds / 2);
            let unseen = self.noticed.is_none() && self.began.is_some_and(|began| began.elapsed() >= half);
            if unseen && self.first_time("declare") {
                let title = format!("{} is not as it should be", blame.service);
                let services = vec![blame.service.clone()];
                let declare = Command::DeclareIncident { severity: Severity::Sev2, title, services };
                self.give(&self.worker(), declare).await;
            }
            return;
        };
        if self.first_time("answer") {
            let cause = blame.causes.first().copied().unwrap_or_default();
            let claim = DrillClaim::Broken { service: blame.service.clone(), cause };
            self.give(&self.worker(), Command::AnswerDrill { drill: self.drill, claim }).await;
            let text = format!("{}: we know the cause and are on it", blame.service);
            let message = Message { text, conditions: None, actions: None, needs: None };
            self.give(&self.worker(), Command::UpdateStakeholders { incident, message }).await;
        }
        let mut waits = false;
        for change in self.pending() {
            if self.truth.asks_for(&change.plan) && !self.is_done(&change.plan) {
                waits = true;
                self.agree(&change).await;
            } else {
                self.refuse(&change).await;
            }
        }
        if waits || self.state().running_recoveries().next().is_some() {
            return;
        }
        if self.recoveries().next().is_some() && self.all_well() {
            if self.first_time("resolve") {
                let resolution = "drill: the cause is gone".to_owned();
                self.give(&self.worker(), Command::ResolveIncident { incident, resolution }).await;
            }
            return;
        }
        // what stands on a service that was just cured takes a moment to be well again
        let waited = self.noticed.is_some_and(|noticed| noticed.elapsed() >= TO_PROPOSE) && self.has_settled();
        let next = self.truth.remedies.iter().find(|remedy| !self.was_done(remedy)).cloned();
        if let Some(remedy) = next.filter(|_| waited)
            && self.first_time(format!("{remedy:?}"))
        {
            self.ask_for(remedy, Some(incident)).await;
        }
    }

    fn all_well(&self) -> bool {
        let unwell = |status: Status| matches!(status, Status::Down | Status::Degraded);
        self.state().services.iter().all(|(name, health)| self.is_decoy(name) || !unwell(health.status))
    }

    fn has_settled(&self) -> bool {
        let ended = self.state().recoveries.values().filter_map(|one| one.ended).map(|(at, _)| at).max();
        ended.is_none_or(|at| Utc::now() - at >= TO_SETTLE)
    }

    /// Whether one of the cures has worked in this drill.
    fn was_done(&self, remedy: &Remedy) -> bool {
        let only = DrillTruth { remedies: vec![remedy.clone()], ..self.truth.clone() };
        self.recoveries().any(|plan| only.asks_for(plan))
    }

    fn is_done(&self, plan: &Plan) -> bool {
        self.recoveries().any(|done| done == plan)
    }

    fn recoveries(&self) -> impl Iterator<Item = &Plan> {
        let since = self.state().drills.held.get(&self.drill).map(|drill| drill.started_at);
        let ours =
            self.state().recoveries.values().filter(move |one| since.is_some_and(|since| one.started_at >= since));
        ours.filter(|one| matches!(one.ended, Some((_, RecoveryOutcome::Succeeded)))).map(|one| &*one.plan)
    }

    async fn ask_for(&self, remedy: Remedy, incident: Option<IncidentId>) -> bool {
        let reason = "drill".to_owned();
        let command = match remedy {
            Remedy::RunAction { service, action } => Command::RequestAction { service, action, incident, reason },
            Remedy::RollBack { component } => {
                let scope = Scope::Components(vec![component]);
                Command::RequestRollback(RollbackRequest { scope, to: None, reason, incident })
            }
        };
        self.give(&self.worker(), command).await
    }

    /// Says yes to everything.
    async fn agree_to_all(&self) {
        for change in self.pending() {
            self.agree(&change).await;
        }
    }

    async fn panicky(&mut self) {
        let alarmed = self.began.is_some_and(|began| began.elapsed() >= TO_BE_SURE);
        let incident = self.take_on().await;
        if incident.is_none() && !alarmed {
            return;
        }
        self.noticed.get_or_insert_with(Instant::now);
        self.agree_to_all().await;
        let services: Vec<String> = self.state().platform.services.iter().map(|service| service.name.clone()).collect();
        for service in services {
            let what = format!("restart {service}");
            if !self.done.contains(&what) {
                let remedy = Remedy::RunAction { service, action: "restart".to_owned() };
                if self.ask_for(remedy, incident).await {
                    self.done.insert(what);
                }
            }
        }
        let late = self.noticed.is_some_and(|noticed| noticed.elapsed() >= TO_PANIC_MORE);
        let quiet = self.state().running_recoveries().next().is_none() && self.pending().is_empty();
        if late && quiet && !self.all_well() && self.first_time("everything") {
            let request = RollbackRequest { scope: Scope::Everything, to: None, reason: "drill".to_owned(), incident };
            self.give(&self.worker(), Command::RequestRollback(request)).await;
        }
    }

    async fn wrong(&mut self) {
        let Some(incident) = self.take_on().await else { return };
        let theirs = Actor::Operator(self.worker());
        for change in self.pending() {
            if change.requester == theirs { self.agree(&change).await } else { self.refuse(&change).await }
        }
        let innocent = self.innocent();
        if self.first_time("answer") {
            for cause in [Cause::Certificate, Cause::NameResolution] {
                let claim = DrillClaim::Broken { service: innocent.clone(), cause };
                self.give(&self.worker(), Command::AnswerDrill { drill: self.drill, claim }).await;
            }
            let component = format!("{innocent}-config");
            self.ask_for(Remedy::RollBack { component }, Some(incident)).await;
        }
    }

    /// A service that has nothing to do with it.
    fn innocent(&self) -> String {
        let blamed = self.truth.blame.as_ref().map(|blame| blame.service.as_str());
        let names = self.state().platform.services.iter().map(|service| service.name.as_str());
        let mut others = names.filter(|name| Some(*name) != blamed && !self.is_decoy(name));
        others.next_back().unwrap_or("inventory").to_owned()
    }
}
