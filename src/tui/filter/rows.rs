//! What a filter can ask of the rows of each list.

use super::query::{Asked, Field};
use crate::{
    domain::{
        Article, ArticleState, BreakerState, CalendarEntry, Change, ChangeState, ChangeTemplate, Clock, Drill,
        ErrorGroup, Incident, Operator, Recorded, Recovery, Run, Shift, Snapshot, SnapshotState, role_name,
    },
    engine::LibraryBook,
    platform::CriticalFunction,
    tui::{
        changed::Changed,
        model::Model,
        patterns::{Pattern, trend_name},
        queue::{Queue, Queued},
        theme::status_badge,
        verdict::category_name,
    },
};

type Wanted<'a> = &'a dyn Fn(&str) -> bool;

/// A row that fields are asked of, seen from the board.
struct Row<'a, T>(&'a Model, T);

fn any<'a>(texts: impl IntoIterator<Item = &'a str>, is_wanted: Wanted) -> bool {
    texts.into_iter().any(is_wanted)
}

/// The flags that are true.
fn flags(all: &[(&str, bool)], is_wanted: Wanted) -> bool {
    all.iter().any(|(flag, is_true)| *is_true && is_wanted(flag))
}

impl Asked for Row<'_, &str> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(self.1)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let Self(model, name) = self;
        let incident = || model.state.incident_of(name);
        match field {
            Field::Service => Some(is_wanted(name)),
            Field::Severity => Some(incident().is_some_and(|found| is_wanted(&found.severity.number().to_string()))),
            Field::State => Some(is_wanted(status_badge(model.status_of(name)).1)),
            Field::Is => Some(flags(
                &[("open", incident().is_some()), ("affected", model.affected_by(name).is_some())],
                is_wanted,
            )),
            Field::Kind | Field::Who => None,
        }
    }
}

impl Asked for Row<'_, &Incident> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let incident = self.1;
        is_wanted(&incident.title)
            || is_wanted(&incident.id.to_string())
            || any(incident.services.iter().map(String::as_str), is_wanted)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let Self(model, incident) = self;
        let is_mine = |name: &str| name == model.my_name();
        Some(match field {
            Field::Severity => is_wanted(&incident.severity.number().to_string()),
            Field::Service => any(incident.services.iter().map(String::as_str), is_wanted),
            Field::State => is_wanted(&incident.state.to_string()),
            Field::Kind => is_wanted(&incident.workflow.to_string()),
            Field::Who => {
                any(incident.roles.values().map(String::as_str), is_wanted)
                    || is_wanted(&incident.opened_by.to_string())
            }
            Field::Is => {
                let is_open = incident.state.is_open();
                let late = |clock: Clock| incident.deadline(clock) < model.now;
                flags(
                    &[
                        ("open", is_open),
                        ("over", !is_open),
                        ("new", is_open && incident.acknowledged_at.is_none()),
                        ("late", is_open && incident.running_clock().is_some_and(late)),
                        (
                            "mine",
                            incident.roles.values().any(|name| is_mine(name))
                                || incident.opened_by.operator().is_some_and(is_mine),
                        ),
                    ],
                    is_wanted,
                )
            }
        })
    }
}

impl Asked for Row<'_, (Queue, Queued<'_>)> {
    fn says(&self, is_wanted: Wanted) -> bool {
        self.1.1.is_meant(is_wanted)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let Self(model, (queue, queued)) = self;
        let incident = match queued {
            Queued::Change(change) => change.incident,
            Queued::BreakGlass(glass) => Some(glass.incident),
        };
        let services: &[String] = match queued {
            Queued::Change(change) => &change.plan.services,
            Queued::BreakGlass(glass) => &glass.services,
        };
        Some(match field {
            Field::Severity => {
                let severity = incident.and_then(|id| model.state.incidents.get(&id)).map(|found| found.severity);
                severity.is_some_and(|severity| is_wanted(&severity.number().to_string()))
            }
            Field::Service => any(services.iter().map(String::as_str), is_wanted),
            Field::State => match queued {
                Queued::Change(change) => is_wanted(&change.state.to_string()),
                Queued::BreakGlass(glass) => is_wanted(if glass.is_open() { "open" } else { "ended" }),
            },
            Field::Kind => match queued {
                Queued::Change(change) => is_wanted(&change.kind.to_string()),
                Queued::BreakGlass(_) => is_wanted("break-glass"),
            },
            Field::Who => match queued {
                Queued::Change(change) => who_of(change, is_wanted),
                Queued::BreakGlass(glass) => is_wanted(&glass.operator),
            },
            Field::Is => {
                let mine = match queued {
                    Queued::Change(change) => change.requester.operator() == Some(model.my_name()),
                    Queued::BreakGlass(glass) => glass.operator == model.my_name(),
                };
                let failed = matches!(queued, Queued::Change(change) if change.state == ChangeState::Failed);
                let is_over = *queue == Queue::Over;
                let waits = matches!(queue, Queue::You | Queue::Owed);
                flags(
                    &[("open", !is_over), ("over", is_over), ("waiting", waits), ("mine", mine), ("failed", failed)],
                    is_wanted,
                )
            }
        })
    }
}

fn who_of(change: &Change, is_wanted: Wanted) -> bool {
    is_wanted(&change.requester.to_string()) || change.approvals.iter().any(|approval| is_wanted(&approval.operator))
}

impl Asked for Row<'_, &Snapshot> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let snapshot = self.1;
        is_wanted(&snapshot.reason)
            || any(snapshot.components.iter().map(String::as_str), is_wanted)
            || is_wanted(&snapshot.id.to_string())
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let Self(model, snapshot) = self;
        let service =
            |name: &String| model.state.platform.component(name).is_some_and(|component| is_wanted(&component.service));
        match field {
            Field::Service => Some(snapshot.components.iter().any(service)),
            Field::State => Some(is_wanted(match &snapshot.state {
                SnapshotState::Running => "running",
                SnapshotState::Complete => "complete",
                SnapshotState::Partial => "partial",
                SnapshotState::Failed(_) => "failed",
            })),
            Field::Kind => Some(is_wanted(snapshot.trigger.word())),
            Field::Who => Some(is_wanted(&snapshot.requested_by.to_string())),
            Field::Is => Some(flags(
                &[
                    ("pinned", snapshot.pinned),
                    ("good", snapshot.components.iter().any(|name| snapshot.is_good_for(name))),
                    ("failed", matches!(snapshot.state, SnapshotState::Failed(_))),
                    ("mine", snapshot.requested_by.operator() == Some(model.my_name())),
                ],
                is_wanted,
            )),
            Field::Severity => None,
        }
    }
}

impl Asked for Row<'_, &Recovery> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let recovery = self.1;
        is_wanted(&recovery.id.to_string()) || is_wanted(&recovery.plan.title) || is_wanted(&recovery.reason)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let Self(model, recovery) = self;
        let outcome = recovery.ended.as_ref().map(|(_, outcome)| outcome.to_string());
        match field {
            Field::Service => Some(any(recovery.plan.services.iter().map(String::as_str), is_wanted)),
            Field::State => Some(is_wanted(outcome.as_deref().unwrap_or("running"))),
            Field::Who => Some(is_wanted(&recovery.started_by.to_string())),
            Field::Is => Some(flags(
                &[
                    ("open", recovery.is_running()),
                    ("over", !recovery.is_running()),
                    ("good", outcome.as_deref() == Some("succeeded")),
                    ("failed", outcome.as_deref() == Some("failed")),
                    ("mine", recovery.started_by.operator() == Some(model.my_name())),
                ],
                is_wanted,
            )),
            Field::Severity => {
                let incident = recovery.incident.and_then(|id| model.state.incidents.get(&id));
                Some(incident.is_some_and(|found| is_wanted(&found.severity.number().to_string())))
            }
            Field::Kind => None,
        }
    }
}

impl Asked for Row<'_, &Run> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let run = self.1;
        is_wanted(&run.id.to_string()) || is_wanted(&run.book.front.id) || is_wanted(&run.book.front.title)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let Self(model, run) = self;
        match field {
            Field::Service => Some(any(run.services.iter().map(String::as_str), is_wanted)),
            Field::Who => Some(is_wanted(&run.started_by.to_string())),
            Field::Kind => Some(is_wanted("run")),
            Field::Is => Some(flags(
                &[
                    ("open", run.is_open()),
                    ("over", !run.is_open()),
                    ("mine", run.started_by.operator() == Some(model.my_name())),
                    ("waiting", model.waits(run).mine),
                ],
                is_wanted,
            )),
            Field::Severity | Field::State => None,
        }
    }
}

impl Asked for Row<'_, &LibraryBook> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let book = self.1;
        is_wanted(&book.id) || book.runbook.as_ref().is_some_and(|runbook| is_wanted(&runbook.front.title))
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        match field {
            Field::Kind => Some(is_wanted("runbook")),
            Field::Is => Some(false),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &Drill> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let drill = self.1;
        is_wanted(&drill.id.to_string())
            || drill.completed().is_some_and(|reveal| is_wanted(&reveal.truth.file) || is_wanted(&reveal.truth.title))
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let Self(model, drill) = self;
        match field {
            Field::Kind => Some(is_wanted(&drill.mode.to_string())),
            Field::Who => {
                Some(is_wanted(&drill.conductor.to_string()) || any(drill.team.iter().map(String::as_str), is_wanted))
            }
            Field::Is => Some(flags(
                &[
                    ("open", drill.ended.is_none()),
                    ("over", drill.ended.is_some()),
                    ("mine", drill.conductor.operator() == Some(model.my_name())),
                ],
                is_wanted,
            )),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &ChangeTemplate> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(&self.1.name)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let template = self.1;
        match field {
            Field::Who => Some(is_wanted(&template.made_by)),
            Field::State => Some(is_wanted(if template.suspended.is_some() { "suspended" } else { "usable" })),
            Field::Is => Some(flags(&[("mine", template.made_by == self.0.my_name())], is_wanted)),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &Pattern> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let pattern = self.1;
        is_wanted(&pattern.template)
            || is_wanted(&pattern.id)
            || pattern.services.iter().any(|seen| is_wanted(&seen.service) || is_wanted(trend_name(seen.state)))
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let mut services = self.1.services.iter();
        match field {
            Field::Service => Some(services.any(|seen| is_wanted(&seen.service))),
            Field::State => Some(services.any(|seen| is_wanted(trend_name(seen.state)))),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &CalendarEntry> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(&self.1.service) || is_wanted(&self.1.reason)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let is_now = self.1.from <= self.0.now;
        match field {
            Field::Service => Some(is_wanted(&self.1.service)),
            Field::Is => Some(flags(&[("open", is_now), ("waiting", !is_now)], is_wanted)),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &Shift> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(&self.1.schedule) || is_wanted(self.1.person.as_deref().unwrap_or("nobody"))
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let (person, is_now) = (self.1.person.as_deref(), self.1.from <= self.0.now);
        match field {
            Field::Who => Some(is_wanted(person.unwrap_or("nobody"))),
            Field::Is => Some(flags(
                &[("mine", person == Some(self.0.my_name())), ("open", is_now), ("waiting", !is_now)],
                is_wanted,
            )),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &CriticalFunction> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(&self.1.name)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        match field {
            Field::Service => Some(any(self.1.services.iter().map(String::as_str), is_wanted)),
            Field::Who => Some(self.1.owner.as_deref().is_some_and(is_wanted)),
            Field::Is => Some(flags(&[("open", self.0.interruption(&self.1.name).is_some())], is_wanted)),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &Recorded> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(&self.1.event.summary()) || is_wanted(&self.1.actor.to_string())
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        match field {
            Field::Who => Some(is_wanted(&self.1.actor.to_string())),
            Field::Is => Some(flags(&[("mine", self.1.actor.operator() == Some(self.0.my_name()))], is_wanted)),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &Changed> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let Changed { service, what, by, key, .. } = self.1;
        any([service, what, by, key].map(String::as_str), is_wanted)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        match field {
            Field::Service => Some(is_wanted(&self.1.service)),
            Field::Who => Some(is_wanted(&self.1.by)),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &ErrorGroup> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(&self.1.service) || is_wanted(&self.1.message)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        (field == Field::Service).then(|| is_wanted(&self.1.service))
    }
}

impl Asked for Row<'_, (&str, BreakerState)> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(self.1.0)
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let (service, state) = self.1;
        match field {
            Field::Service => Some(is_wanted(service)),
            Field::State => Some(is_wanted(state.name())),
            _ => None,
        }
    }
}

impl Asked for Row<'_, &Operator> {
    fn says(&self, is_wanted: Wanted) -> bool {
        is_wanted(&self.1.name) || self.1.roles.iter().any(|role| is_wanted(role_name(*role)))
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        match field {
            Field::Who => Some(is_wanted(&self.1.name)),
            Field::Kind => Some(self.1.roles.iter().any(|role| is_wanted(role_name(*role)))),
            Field::Is => Some(flags(&[("mine", self.1.name == self.0.my_name())], is_wanted)),
            _ => None,
        }
    }
}

impl Model {
    /// Whether the filter lets something through that changed.
    #[must_use]
    pub fn wants_changed(&self, changed: &Changed) -> bool {
        self.filter.passes(&Row(self, changed))
    }

    /// Whether it lets an error through.
    #[must_use]
    pub fn wants_error(&self, group: &ErrorGroup) -> bool {
        self.filter.passes(&Row(self, group))
    }

    /// Whether it lets a service's breaker through.
    #[must_use]
    pub fn wants_breaker(&self, service: &str) -> bool {
        self.filter.passes(&Row(self, (service, self.state.breaker(service).state)))
    }

    /// Whether it lets an operator through.
    #[must_use]
    pub fn wants_operator(&self, operator: &Operator) -> bool {
        self.filter.passes(&Row(self, operator))
    }

    /// Whether it lets a service through.
    #[must_use]
    pub fn wants_service(&self, name: &str) -> bool {
        self.filter.passes(&Row(self, name))
    }

    /// Whether it lets an incident through.
    #[must_use]
    pub fn wants_incident(&self, incident: &Incident) -> bool {
        self.filter.passes(&Row(self, incident))
    }

    /// Whether it lets something that waits through.
    #[must_use]
    pub fn wants_queued(&self, queue: Queue, queued: Queued) -> bool {
        self.filter.passes(&Row(self, (queue, queued)))
    }

    /// Whether it lets a snapshot through.
    #[must_use]
    pub fn wants_snapshot(&self, snapshot: &Snapshot) -> bool {
        self.filter.passes(&Row(self, snapshot))
    }

    /// Whether it lets a recovery through.
    #[must_use]
    pub fn wants_recovery(&self, recovery: &Recovery) -> bool {
        self.filter.passes(&Row(self, recovery))
    }

    /// Whether it lets a run through.
    #[must_use]
    pub fn wants_run(&self, run: &Run) -> bool {
        self.filter.passes(&Row(self, run))
    }

    /// Whether it lets a runbook through.
    #[must_use]
    pub fn wants_book(&self, book: &LibraryBook) -> bool {
        self.filter.passes(&Row(self, book))
    }

    /// Whether it lets a drill that was held through.
    #[must_use]
    pub fn wants_drill(&self, drill: &Drill) -> bool {
        self.filter.passes(&Row(self, drill))
    }

    /// Whether it lets a standard change through.
    #[must_use]
    pub fn wants_template(&self, template: &ChangeTemplate) -> bool {
        self.filter.passes(&Row(self, template))
    }

    /// Whether it lets a pattern through.
    #[must_use]
    pub fn wants_pattern(&self, pattern: &Pattern) -> bool {
        self.filter.passes(&Row(self, pattern))
    }

    /// Whether it lets planned work through.
    #[must_use]
    pub fn wants_work(&self, work: &CalendarEntry) -> bool {
        self.filter.passes(&Row(self, work))
    }

    /// Whether it lets a shift of those on call through.
    #[must_use]
    pub fn wants_shift(&self, shift: &Shift) -> bool {
        self.filter.passes(&Row(self, shift))
    }

    /// Whether it lets a function through.
    #[must_use]
    pub fn wants_function(&self, function: &CriticalFunction) -> bool {
        self.filter.passes(&Row(self, function))
    }

    /// Whether it lets an event through.
    #[must_use]
    pub fn wants_event(&self, recorded: &Recorded) -> bool {
        self.filter.passes(&Row(self, recorded))
    }

    /// Whether it lets an article through.
    #[must_use]
    pub fn wants_article(&self, article: &Article) -> bool {
        self.filter.passes(&Row(self, article))
    }
}

impl Asked for Row<'_, &Article> {
    fn says(&self, is_wanted: Wanted) -> bool {
        let article = self.1;
        is_wanted(&article.name)
            || is_wanted(&article.body.title)
            || is_wanted(category_name(article.body.category))
            || article.body.symptoms.words.iter().any(|word| is_wanted(word))
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let article = self.1;
        match field {
            Field::State => Some(is_wanted(&article.state.to_string())),
            Field::Kind => Some(is_wanted(category_name(article.body.category))),
            Field::Who => Some(is_wanted(&article.written_by.to_string())),
            Field::Is => Some(flags(
                &[
                    ("open", article.state == ArticleState::Proposed),
                    ("over", article.state == ArticleState::Retired),
                    ("good", article.state == ArticleState::Confirmed),
                    ("mine", article.written_by.operator() == Some(self.0.my_name())),
                ],
                is_wanted,
            )),
            Field::Severity | Field::Service => None,
        }
    }
}
