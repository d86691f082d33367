//! What to do next after a refusal whose rule has only one good answer, said once for all places that refuse by it.

/// Rules, each with what to do next.
const STEPS: [(&str, &str); 74] = [
    ("person-needed", "somebody does it under a name of their own: on the board, or codeblue --as NAME"),
    ("role-needed", "ask somebody with that role: codeblue operator list shows who has it"),
    ("operator-may-not", "codeblue operator list shows who may"),
    ("owner-may-not-act", "codeblue operator list shows who may"),
    ("token-may-not", "somebody does it under a name of their own: on the board, or codeblue --as NAME"),
    ("engine-only", "nothing is to be done: it reports this by itself"),
    ("diagnosis-running", "wait for its answer: it stands on the incident's page"),
    ("diagnosis-over", "look again with: codeblue diagnose"),
    ("no-answer", "have it looked for again: codeblue diagnose"),
    ("cause-not-confirmed", "judge its diagnosis first: codeblue diagnose judge"),
    ("purged-already", "nothing is left to do"),
    ("no-such-step", "give one of these numbers"),
    ("no-such-task", "give one of these numbers"),
    ("no-such-choice", "give one of these numbers"),
    ("no-log", "name in the platform file where its log is kept, or go back to a snapshot"),
    ("snapshot-running", "wait until it is done: codeblue snapshot list"),
    ("snapshot-over", "take another: codeblue snapshot create"),
    ("empty-snapshot", "choose another: codeblue snapshot list"),
    ("not-in-snapshot", "choose one that holds it: codeblue snapshot list"),
    ("partial-snapshot", "choose one that is whole: codeblue snapshot list"),
    ("no-safety-snapshot", "go back to another snapshot by name: codeblue snapshot list"),
    ("already-acknowledged", "nothing is left to do: its page says who is on it"),
    ("already-open", "nothing is left to do"),
    ("same-severity", "nothing is left to do"),
    ("escalation-top", "call people yourself: nobody is above the highest level"),
    ("merge-with-itself", "name another incident: codeblue incident list"),
    ("link-with-itself", "name another incident: codeblue incident list"),
    ("incident-not-open", "name an open one: codeblue incident list"),
    ("too-many-actions", "put several together, or keep the rest where your team keeps its work"),
    ("too-many-lines", "put several together"),
    ("action-done", "nothing is left to do"),
    ("due-in-the-past", "give a day to come"),
    ("nothing-said", "write at least one section"),
    ("drill-over", "its page says what it came to; hold another: codeblue drill run"),
    ("drill-not-scheduled", "codeblue drill list shows those that are"),
    ("force-in-the-past", "give a longer time"),
    ("window-in-the-past", "give a time to come"),
    ("window-too-short", "give an end after its beginning"),
    ("no-maintenance", "nothing is left to do"),
    ("shift-too-short", "give an end after its beginning"),
    ("shift-too-far", "give a time within a year"),
    ("override-over", "nothing is left to do: codeblue oncall who says who is on call"),
    ("break-glass-incident", "use the approvals: the change's page says whose it lacks"),
    ("break-glass-minutes", "give as many minutes as it takes"),
    ("break-glass-over", "what it lacks now is an approval, or another break-glass after its review"),
    ("reviewed-already", "nothing is left for you to do: its page says who is still to look"),
    ("fix-twice", "name it once"),
    ("run-over", "begin the book again: codeblue runbook list"),
    ("change-needed", "have one approved first: its page says whose approval it lacks"),
    ("step-needs", "go back to what it needs: it is on the page of the run"),
    ("attempt-over", "look at the run again: it has gone on meanwhile"),
    ("no-second-person", "have the step run: it waits for nobody else"),
    ("gate", "have the change on its page approved first"),
    ("not-changed", "nothing is left to take back"),
    ("no-undo", "what it says there has to be done by hand"),
    ("step-known", "look at the run again: it has gone on meanwhile"),
    ("step-not-running", "look at the page again: it has gone on meanwhile"),
    ("attempts-limit", "do it by hand and say so, or leave it out, with a reason"),
    ("live-already", "nothing is left to do"),
    ("nothing-to-undo", "nothing is left to take back"),
    ("change-waiting", "decide on that one first: codeblue change list"),
    ("nothing-to-propose", "walk through a runbook, or roll back by hand: codeblue rollback"),
    ("recovery-cancelled", "its page says what was done so far, and can take it back"),
    ("change-not-pending", "nothing is left to decide: its page says what became of it"),
    ("change-expired", "ask for it again: nobody decided in time"),
    ("no-approval", "nothing is left to take back"),
    ("change-not-approved", "its page says whose approval it lacks"),
    ("same-person", "name somebody else"),
    ("delegation-over", "give a time to come"),
    ("no-delegation", "nothing is left to end"),
    ("same-change", "decide on that one: it stands among the approvals"),
    ("not-validating", "its page says what it waits for"),
    ("not-carried-out", "its page says what it waits for"),
    ("recovery-runs", "wait until it has ended: codeblue recovery list"),
];

/// What to do next after a refusal by a rule; none where only the place that refuses can say.
#[must_use]
pub fn next_step(rule: &str) -> Option<&'static str> {
    let known = STEPS.iter().find(|(name, _)| *name == rule).map(|(_, step)| *step);
    known.or_else(|| rule.ends_with("-length").then_some("put it into as many characters as that"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::Refusal;

    #[test]
    fn each_rule_is_said_once_and_the_place_that_refuses_knows_better() {
        let names: BTreeSet<&str> = STEPS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), STEPS.len());
        let refusal = Refusal::new("role-needed", "this takes the CTO");
        assert_eq!(
            refusal.words(),
            "this takes the CTO; ask somebody with that role: codeblue operator list shows who has it"
        );
        assert_eq!(refusal.hint("carol is").words(), "this takes the CTO; carol is");
        assert_eq!(Refusal::new("note-length", "too long").words(), "too long; put it into as many characters as that");
        assert_eq!(Refusal::new("unheard-of", "no").words(), "no");
    }
}
