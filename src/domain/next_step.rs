//! What to do next after a no: what many rules answer alike, and where each kind of thing is listed that a name was not found in.

/// For what only people do.
pub(crate) const A_PERSON: &str = "somebody does it under a name of their own: on the board, or codeblue --as NAME";
/// For what takes a role.
pub(crate) const WHO_HAS_IT: &str = "ask somebody with that role: codeblue operator list shows who has it";
/// For what an operator may not do.
pub(crate) const WHO_MAY: &str = "ask somebody who may: codeblue operator list";
/// For what is done already.
pub(crate) const NOTHING_LEFT: &str = "nothing is left to do";
/// For a no of an engine that does not say more.
pub(crate) const LOOK: &str = "see how things stand: codeblue status";

/// A kind of thing that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A declared action of a service.
    Action,
    /// An action item of a post-mortem.
    ActionItem,
    /// An article of the knowledge base.
    Article,
    /// A break-glass.
    BreakGlass,
    /// A certificate of a person.
    Certificate,
    /// A change.
    Change,
    /// A component.
    Component,
    /// A diagnosis.
    Diagnosis,
    /// A drill.
    Drill,
    /// An event of the journal.
    Event,
    /// A critical function.
    Function,
    /// An incident.
    Incident,
    /// An operator.
    Operator,
    /// Who answers for an action item.
    Owner,
    /// An override of an on-call schedule.
    Override,
    /// A pattern of log lines.
    Pattern,
    /// A recovery.
    Recovery,
    /// A run of a runbook.
    Run,
    /// A runbook.
    Runbook,
    /// An on-call schedule.
    Schedule,
    /// A service.
    Service,
    /// A snapshot.
    Snapshot,
    /// A step of a run.
    Step,
    /// A template of changes.
    Template,
    /// A token.
    Token,
}

impl Named {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Action,
        Self::ActionItem,
        Self::Article,
        Self::BreakGlass,
        Self::Certificate,
        Self::Change,
        Self::Component,
        Self::Diagnosis,
        Self::Drill,
        Self::Event,
        Self::Function,
        Self::Incident,
        Self::Operator,
        Self::Owner,
        Self::Override,
        Self::Pattern,
        Self::Recovery,
        Self::Run,
        Self::Runbook,
        Self::Schedule,
        Self::Service,
        Self::Snapshot,
        Self::Step,
        Self::Template,
        Self::Token,
    ];

    const fn said(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Action => ("unknown-action", "action", "see what is declared: codeblue action list"),
            Self::ActionItem => {
                ("unknown-action-item", "action item", "see their numbers: codeblue incident action list")
            }
            Self::Article => ("unknown-article", "article", "find it: codeblue knowledge list"),
            Self::BreakGlass => ("unknown-break-glass", "break-glass", "find it: codeblue break-glass list"),
            Self::Certificate => ("unknown-certificate", "certificate", "find it: codeblue operator certificate list"),
            Self::Change => ("unknown-change", "change", "find it: codeblue change list"),
            Self::Component => {
                ("unknown-component", "component", "see which the platform file declares: codeblue check")
            }
            Self::Diagnosis => {
                ("unknown-diagnosis", "diagnosis", "have the cause looked for: codeblue diagnose INCIDENT")
            }
            Self::Drill => {
                ("unknown-drill", "drill", "find it: codeblue drill held, and to hold one: codeblue drill list")
            }
            Self::Event => ("unknown-event", "event", "find it: codeblue audit list"),
            Self::Function => ("unknown-function", "function", "find it: codeblue continuity list"),
            Self::Incident => ("unknown-incident", "incident", "find it: codeblue incident list"),
            Self::Operator => ("unknown-operator", "operator", "see who works here: codeblue operator list"),
            Self::Owner => ("unknown-owner", "owner", "name somebody who works here: codeblue operator list"),
            Self::Override => ("unknown-override", "override", "find it: codeblue oncall overrides"),
            Self::Pattern => ("unknown-pattern", "pattern", "find it: codeblue patterns"),
            Self::Recovery => ("unknown-recovery", "recovery", "find it: codeblue recovery list"),
            Self::Run => ("unknown-run", "run", "find it: codeblue runbook runs --all"),
            Self::Runbook => ("unknown-runbook", "runbook", "find it: codeblue runbook list"),
            Self::Schedule => ("unknown-schedule", "schedule", "see their names: codeblue oncall who"),
            Self::Service => ("unknown-service", "service", "see their names: codeblue service list"),
            Self::Snapshot => ("unknown-snapshot", "snapshot", "find it: codeblue snapshot list"),
            Self::Step => ("unknown-step", "step", "see its steps: codeblue runbook show-run RUN"),
            Self::Template => ("unknown-template", "template", "find it: codeblue change template list"),
            Self::Token => ("unknown-token", "token", "find it: codeblue token list"),
        }
    }

    /// The name of the rule that refuses what is not there.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        self.said().0
    }

    /// What one is called.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.said().1
    }

    /// Where to find the right name.
    #[must_use]
    pub const fn next_step(self) -> &'static str {
        self.said().2
    }

    /// The kind that a rule's name is about.
    #[must_use]
    pub fn of_rule(rule: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.rule() == rule)
    }
}
