//! Articles: what a kind of failure looks like, what is to be done about it, and what became of that.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::VerdictRecord;
use crate::{
    domain::{Actor, Category, Fix, IncidentId, Plan, RecoveryId, State, Step, Strategy},
    platform::{ComponentKind, Platform},
};

/// Incidents, votes and past versions that an article remembers at most; the oldest go first, and what was counted stays counted.
pub(super) const REMEMBERED: usize = 200;

/// Everything that was written down and learned. Articles are shared, as a state is copied for each command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Knowledge {
    /// Articles, by name.
    pub articles: Arc<BTreeMap<String, Arc<Article>>>,
    /// Position of the last event that changed an article: what was made of the articles before is still good while it is the same.
    pub changed: u64,
    /// Fixes that were carried out and not judged yet.
    pub trials: Vec<Trial>,
    /// What people said of diagnoses, oldest first; at most [`super::VERDICTS_LIMIT`].
    pub verdicts: Vec<VerdictRecord>,
}

/// One article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Article {
    /// Its name, unique and never changed.
    pub name: String,
    /// Whether anything may rely on it.
    pub state: ArticleState,
    /// Counts the versions of its text, from 1.
    pub version: u32,
    /// What it says.
    pub body: ArticleBody,
    /// What became of each fix of this version, in the order of the text.
    pub records: Vec<FixRecord>,
    /// Versions before this one, with what became of their fixes.
    pub past: Vec<PastVersion>,
    /// Incidents that were of its kind, as a person said.
    pub incidents: BTreeSet<IncidentId>,
    /// The incident it was made from, if it was.
    pub made_from: Option<IncidentId>,
    /// Who wrote this version.
    pub written_by: Actor,
    /// When.
    pub written_at: DateTime<Utc>,
    /// Who has confirmed this version, and when.
    pub confirmed: Option<(DateTime<Utc>, String)>,
    /// Since when and why it is not to be used any more.
    pub retired: Option<(DateTime<Utc>, String)>,
}

/// Whether anything may rely on an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArticleState {
    /// Somebody or a policy has written it, and nobody has confirmed it.
    Proposed,
    /// A person stands for it.
    Confirmed,
    /// It is not to be used any more.
    Retired,
}

impl fmt::Display for ArticleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Proposed => "proposed",
            Self::Confirmed => "confirmed",
            Self::Retired => "retired",
        })
    }
}

/// What an article says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArticleBody {
    /// In one line.
    pub title: String,
    /// Of what kind the failure is.
    pub category: Category,
    /// How one recognises it.
    pub symptoms: Symptoms,
    /// What may be done about it, what to try first at the top.
    pub fixes: Vec<Treatment>,
    /// How to go about it, as Markdown.
    pub procedure: String,
    /// What keeps it from coming back, as Markdown; may be empty.
    pub prevention: String,
}

/// How one recognises a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Symptoms {
    /// Words, error codes and lines that come with it.
    pub words: Vec<String>,
    /// Ids of the templates of log lines that come with it, as `codeblue patterns` tells them.
    pub signatures: Vec<String>,
}

/// Something that may be done about a failure. What the engine may propose is always something declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Treatment {
    /// Bring the components of one kind back.
    RollBack {
        /// Which kind.
        component: ComponentKind,
        /// Of this service; of whichever has failed when none is named.
        service: Option<String>,
    },
    /// Run a declared action.
    RunAction {
        /// Its name.
        action: String,
        /// Of this service; of whichever has failed when none is named.
        service: Option<String>,
    },
    /// Something that people do.
    ByHand {
        /// What.
        text: String,
    },
}

/// What became of one fix of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FixRecord {
    /// Times it was carried out.
    pub executed: u32,
    /// Incidents in which it has worked: its recovery was validated and nothing came back within a day.
    pub worked: u32,
    /// Incidents in which it has not.
    pub failed: u32,
    /// Which incident has said what; each has one vote.
    pub votes: BTreeMap<IncidentId, bool>,
}

/// A version that was replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastVersion {
    /// Which.
    pub version: u32,
    /// When it was replaced.
    pub until: DateTime<Utc>,
    /// Its fixes, and what became of them.
    pub fixes: Vec<(Treatment, FixRecord)>,
}

/// A fix of an article that was carried out for an incident, and is not judged yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// Whose fix.
    pub article: String,
    /// Of which version.
    pub version: u32,
    /// Its place in that version, from 0.
    pub fix: usize,
    /// The incident it was for, which has one vote.
    pub incident: IncidentId,
    /// How it was carried out.
    pub recovery: RecoveryId,
}

impl Treatment {
    /// Whether this is what a suggestion would do.
    #[must_use]
    pub fn is(&self, platform: &Platform, fix: &Fix) -> bool {
        match (self, fix) {
            (Self::RollBack { component: kind, service }, Fix::RollBack { component }) => {
                platform.component(component).is_some_and(|found| {
                    found.kind == *kind && service.as_ref().is_none_or(|service| *service == found.service)
                })
            }
            (Self::RunAction { action, service }, Fix::RunAction { service: of, action: named }) => {
                action == named && service.as_ref().is_none_or(|service| service == of)
            }
            _ => false,
        }
    }

    /// What it comes to at a service that has failed: nothing that the platform file does not declare there.
    #[must_use]
    pub fn at(&self, platform: &Platform, failed: &str) -> Vec<Fix> {
        let here = |service: &Option<String>| service.as_ref().is_none_or(|service| service == failed);
        match self {
            Self::RollBack { component: kind, service } if here(service) => platform
                .components_of(failed)
                .filter(|component| component.kind == *kind)
                .map(|component| Fix::RollBack { component: component.name.clone() })
                .collect(),
            Self::RunAction { action, service } if here(service) => {
                let declared = platform.service(failed).into_iter().flat_map(|service| &service.actions);
                // What contains heals nothing.
                let declared = declared.filter(|found| found.name == *action && found.purpose.is_none());
                declared
                    .map(|found| Fix::RunAction { service: failed.to_owned(), action: found.name.clone() })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a plan has carried out this, and nothing else that changes anything.
    pub(super) fn was_carried_out(&self, platform: &Platform, plan: &Plan) -> bool {
        match self {
            Self::RunAction { .. } => match plan.steps.as_slice() {
                [Step::RunAction { service, action }, Step::Validate { .. }] => {
                    self.is(platform, &Fix::RunAction { service: service.clone(), action: action.clone() })
                }
                _ => false,
            },
            Self::RollBack { .. } => {
                let mut components = plan.components().peekable();
                plan.strategy == Strategy::Rollback
                    && components.peek().is_some()
                    && components.all(|component| self.is(platform, &Fix::RollBack { component: component.to_owned() }))
            }
            Self::ByHand { .. } => false,
        }
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RollBack { component, service } => {
                let kind = match component {
                    ComponentKind::Code => "code",
                    ComponentKind::Config => "config",
                    ComponentKind::Database => "database",
                    ComponentKind::Data => "data",
                };
                match service {
                    Some(service) => write!(f, "roll the {kind} of {service} back"),
                    None => write!(f, "roll the {kind} back"),
                }
            }
            Self::RunAction { action, service: Some(service) } => write!(f, "{action} {service}"),
            Self::RunAction { action, service: None } => write!(f, "{action} the service"),
            Self::ByHand { text } => f.write_str(text),
        }
    }
}

impl Knowledge {
    /// Changes an article, if it exists.
    pub(super) fn change(&mut self, seq: u64, name: &str, change: impl FnOnce(&mut Article)) {
        if let Some(found) = Arc::make_mut(&mut self.articles).get_mut(name) {
            change(Arc::make_mut(found));
            self.changed = seq;
        }
    }
}

impl Article {
    /// The first version of an article, of which nothing is known yet.
    #[must_use]
    pub fn proposed(name: String, body: ArticleBody, written_by: Actor, written_at: DateTime<Utc>) -> Self {
        Self {
            name,
            state: ArticleState::Proposed,
            version: 1,
            records: vec![FixRecord::default(); body.fixes.len()],
            body,
            past: Vec::new(),
            incidents: BTreeSet::new(),
            made_from: None,
            written_by,
            written_at,
            confirmed: None,
            retired: None,
        }
    }

    /// Notes an incident of its kind; the oldest is forgotten when there are too many.
    pub(super) fn see(&mut self, incident: IncidentId) {
        self.incidents.insert(incident);
        if self.incidents.len() > REMEMBERED {
            self.incidents.pop_first();
        }
    }

    /// The record of a fix of any version that is remembered.
    pub(super) fn record(&mut self, version: u32, fix: usize) -> Option<&mut FixRecord> {
        if version == self.version {
            return self.records.get_mut(fix);
        }
        let past = self.past.iter_mut().find(|past| past.version == version)?;
        past.fixes.get_mut(fix).map(|(_, record)| record)
    }
}

/// How long incidents of an article's kind took from their detection until users were served again: the median of those that are
/// over; none while none is.
#[must_use]
pub fn time_to_resolution(state: &State, article: &Article) -> Option<TimeDelta> {
    let known = article.incidents.iter().filter_map(|id| state.incidents.get(id));
    let mut times: Vec<TimeDelta> =
        known.filter_map(|incident| Some(incident.resolved_at? - incident.detected_at)).collect();
    times.sort_unstable();
    let middle = times.len().checked_sub(1)? / 2;
    match times.len() % 2 {
        1 => times.get(middle).copied(),
        _ => Some((*times.get(middle)? + *times.get(middle + 1)?) / 2),
    }
}
