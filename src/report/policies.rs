//! What happens by itself, and what people are asked to do: the tables that the rules follow, on one page.

use serde::Serialize;

use crate::domain::{
    BURST, Callee, Level, REQUESTS, REQUESTS_ONE_IN, RULES, Recoverability, Severity, Workflow, WorkflowStep, classify,
    names,
};

/// The tables that policies follow.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// The response to each kind of incident, the gravest first.
    pub workflows: Vec<WorkflowPage>,
    /// Who is called for each severity, one after the other.
    pub ladders: Vec<Ladder>,
    /// How far the response goes by the age of an incident.
    pub levels: Vec<LevelPage>,
    /// How errors are classified: the first row that fits decides.
    pub errors: Vec<ErrorRow>,
}

/// The response to one kind of incident.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowPage {
    /// Which.
    pub workflow: Workflow,
    /// What begins it.
    pub trigger: &'static str,
    /// What is done, in order.
    pub steps: Vec<StepPage>,
}

/// One step of a response.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepPage {
    /// As the rules have it.
    #[serde(flatten)]
    pub step: WorkflowStep,
    /// What it comes to.
    pub says: String,
    /// The policy that does it; none where people do.
    pub policy: Option<&'static str>,
}

/// Who is called for incidents of a severity.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ladder {
    /// Which.
    pub severity: Severity,
    /// One after the other.
    pub people: &'static [Callee],
    /// The highest level that their age brings them to.
    pub highest_level: Option<Level>,
}

/// One level of response.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelPage {
    /// Which.
    pub level: Level,
    /// From which age on.
    pub from_minutes: i64,
    /// What is done.
    pub says: &'static str,
    /// Who is called.
    pub calls: &'static [Callee],
}

/// One row of the table by which errors are classified.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorRow {
    /// Its name.
    pub rule: &'static str,
    /// What it says of an error.
    pub severity: crate::domain::ErrorSeverity,
    /// What the error is about.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What ends it.
    pub recoverability: Recoverability,
    /// Words of a message that fit.
    pub words: &'static [&'static str],
    /// Codes that fit.
    pub codes: &'static [&'static str],
}

impl Policies {
    /// As the rules are.
    #[must_use]
    pub fn of_the_house() -> Self {
        let page = |workflow: Workflow| WorkflowPage {
            workflow,
            trigger: workflow.trigger(),
            steps: workflow
                .steps()
                .iter()
                .map(|step| StepPage { step: *step, says: step.act.says(), policy: step.act.policy() })
                .collect(),
        };
        let row = |rule: &'static crate::domain::Rule| ErrorRow {
            rule: rule.name,
            severity: rule.says.severity,
            kind: rule.says.kind.name(),
            recoverability: rule.says.recoverability,
            words: rule.words,
            codes: rule.codes,
        };
        Self {
            workflows: Workflow::ALL.into_iter().rev().map(page).collect(),
            ladders: Severity::ALL
                .into_iter()
                .map(|severity| Ladder { severity, people: severity.ladder(), highest_level: severity.highest_level() })
                .collect(),
            levels: Level::ALL
                .into_iter()
                .map(|level| LevelPage {
                    level,
                    from_minutes: level.from().num_minutes(),
                    says: level.says(),
                    calls: level.calls(),
                })
                .collect(),
            errors: RULES.iter().map(row).collect(),
        }
    }

    /// The page as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = String::from("## Workflows\n");
        for WorkflowPage { workflow, trigger, steps } in &self.workflows {
            page += &format!(
                "\n### {workflow}\n\nBegins when: {trigger}.\n\n| # | when | what | who |\n|---|---|---|---|\n"
            );
            for (number, StepPage { step, says, policy }) in (1..).zip(steps) {
                let only = if step.from == Severity::Sev4 { String::new() } else { format!(" ({} only)", step.from) };
                let who = policy.map_or("people".to_owned(), |policy| format!("policy *{policy}*"));
                page += &format!("| {number} | {}{only} | {says} | {who} |\n", step.when.name());
            }
        }
        page += "\n## Who is called\n\n| | first | then, as it is escalated | level by age |\n|---|---|---|---|\n";
        for Ladder { severity, people, highest_level } in &self.ladders {
            let (first, then) = people.split_first().map_or((String::new(), String::new()), |(first, then)| {
                (first.to_string(), if then.is_empty() { "nobody else".to_owned() } else { names(then) })
            });
            let level = highest_level.map_or("none".to_owned(), |level| format!("up to {}", level.number()));
            page += &format!("| {severity} | {first} | {then} | {level} |\n");
        }
        page += "\nWho is on call is found in the schedules of the platform file, and called by name. Where nobody is, the next in the row\nis called at once; the technical lead where nobody is next (policy *nobody is on call*).\n";
        page += "\n| level | from | what | who is called |\n|---|---|---|---|\n";
        for LevelPage { level, from_minutes, says, calls } in &self.levels {
            page += &format!("| {} | {from_minutes} min | {says} | {} |\n", level.number(), names(calls));
        }
        page += &format!(
            "\n## Errors\n\nThe first row that fits decides; what its sender says may make an error worse and never milder.\nA burst is {BURST} errors that look alike within a minute, or, where requests are reported too, more than {} % of\nat least {REQUESTS} requests within 5 minutes. LOW errors are no burst.\n\n| rule | severity | type | what ends it | words | codes |\n|---|---|---|---|---|---|\n",
            100 / REQUESTS_ONE_IN
        );
        for row in &self.errors {
            let ends = ends(row.recoverability);
            let (words, codes) = (row.words.join(", "), row.codes.join(", "));
            page += &format!("| {} | {} | {} | {ends} | {words} | {codes} |\n", row.rule, row.severity, row.kind);
        }
        let none = classify(&crate::domain::ErrorEvent::default());
        page += &format!(
            "| {} | {} | {} | {} | | |\n",
            none.rule,
            none.severity,
            none.kind.name(),
            ends(none.recoverability)
        );
        page
    }
}

fn ends(recoverability: Recoverability) -> &'static str {
    match recoverability {
        Recoverability::Caller => "whoever entered it",
        Recoverability::Retry => "trying again",
        Recoverability::Remedy => "a remedy",
        Recoverability::People => "people",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page in `docs/` is the table that `react` follows.
    #[test]
    fn the_page_of_policies_says_what_the_rules_do() {
        let page = include_str!("../../docs/policies.md");
        let tables = Policies::of_the_house().markdown();
        assert!(page.ends_with(&tables), "docs/policies.md has to end with:\n{tables}");
    }
}
