//! One step: its attributes, its block, its boxes to tick, and what they mean together.

use std::collections::BTreeSet;

use super::{
    Action, Approval, Change, Choice, Command, Confirm, Evidence, Execution, Expectation, InDrill, Input, Manual,
    OnTrouble, Retry, SectionKind, Step, Target, Task, Undo, Work,
    attributes::{Attributes, ORDER, RUNME},
    command::command,
    expectations,
    finding::Notes,
    front::{ROLES, input_kind},
    outline::{RawItem, RawStep},
    pieces::{Block, Extra, alert, blocks, prose, slug},
    values::{captures, condition, confirm, on_trouble, rate_limit, retry, target_of, then},
};
use crate::{
    domain::runbook::{duration, is_input_name, is_slug},
    platform::Role,
};

const RULE: &str = "attribute";
const KINDS: [&str; 7] = ["check", "action", "manual", "decision", "wait", "notify", "gate"];
/// Attributes that belong to other things than steps.
const ELSEWHERE: [&str; 3] = ["for", "is", "parallel"];
const APPROVALS: [(&str, Approval); 3] =
    [("none", Approval::None), ("change", Approval::Change), ("second-person", Approval::SecondPerson)];
const CHANGES: [(&str, Change); 2] = [("write", Change::Write), ("destructive", Change::Destructive)];
const EVIDENCE: [(&str, Evidence); 3] = [("keep", Evidence::Keep), ("hash", Evidence::Hash), ("none", Evidence::None)];
const DRILLS: [(&str, InDrill); 3] = [("run", InDrill::Run), ("simulate", InDrill::Simulate), ("skip", InDrill::Skip)];
const FLAG: [(&str, bool); 2] = [("true", true), ("false", false)];

/// A step as it was read, with what only `fmt` and the rules that compare with the text need.
#[derive(Debug)]
pub(super) struct Draft {
    /// The step's name, also where the step itself could not be read.
    pub(super) name: String,
    /// Nothing, where something is wrong with it.
    pub(super) step: Option<Step>,
    /// The block that runs.
    pub(super) block: Option<Block>,
    pub(super) raw: RawStep,
    pub(super) section: SectionKind,
}

/// What all steps of a book share.
pub(super) struct Shared<'a> {
    pub(super) text: &'a str,
    pub(super) min_role: Role,
}

/// Reads a step, which is the `number`th of its book.
pub(super) fn read_step(
    raw: RawStep,
    section: SectionKind,
    number: usize,
    shared: &Shared<'_>,
    notes: &mut Notes,
) -> Draft {
    let slug = slug(&raw.title);
    let (mut attributes, block, extra) = blocks(&raw, &slug, shared.text, notes);
    let name = attributes.text("name").unwrap_or(&slug).to_owned();
    if !is_slug(&name) || matches!(name.as_str(), "next" | "end") {
        let at = attributes.get("name").map_or(raw.at, |spot| spot.at);
        notes.error(
            "step-name",
            at,
            &slug,
            format!("{name:?} is no name of a step"),
            "lower-case letters, digits, - and .",
        );
    }
    attributes.entries.retain(|(key, _)| !RUNME.contains(&key.as_str()));
    let mut reader =
        Reader { attributes: &attributes, place: &name, at: raw.at, used: BTreeSet::new(), right: true, notes };
    let step = reader.step(&raw, number, shared, block.as_ref(), extra);
    reader.finish();
    let step = step.filter(|_| reader.right);
    Draft { name, step, block, raw, section }
}

struct Reader<'a> {
    attributes: &'a Attributes,
    place: &'a str,
    at: usize,
    used: BTreeSet<&'static str>,
    right: bool,
    notes: &'a mut Notes,
}

impl<'a> Reader<'a> {
    fn step(
        &mut self,
        raw: &RawStep,
        number: usize,
        shared: &Shared<'_>,
        block: Option<&Block>,
        extra: Extra,
    ) -> Option<Step> {
        self.used.extend(["name", "ignore", "interactive", "excludeFromRunAll"]);
        let (tasks, choices) = self.items(&raw.items);
        let default = match block {
            Some(_) => "action",
            None if !choices.is_empty() => "decision",
            None => "manual",
        };
        let kinds = KINDS.map(|kind| (kind, kind));
        let kind = self.choice("kind", &kinds).unwrap_or(default);
        let role = self.choice("role", &ROLES).unwrap_or(shared.min_role);
        let work = self.work(kind, block, tasks, choices, extra.sample);
        let needs = self.list("needs");
        let when = self.parsed("when", condition);
        let on_skip = self.parsed("onSkip", on_trouble).unwrap_or(OnTrouble::Continue);
        if when.is_none() && self.attributes.get("onSkip").is_some() {
            self.error(
                RULE,
                self.attributes.at,
                "it says what comes when it is skipped, and nothing skips it",
                "\"when\":\"…\"",
            );
        }
        let then = self.parsed("then", then).unwrap_or(Target::Next);
        let drill = self.choice("drill", &DRILLS).unwrap_or(InDrill::Run);
        Some(Step {
            name: self.place.to_owned(),
            number,
            title: raw.title.clone(),
            line: self.notes.line(raw.at),
            role,
            work: work?,
            text: prose(raw, shared.text),
            cautions: raw.alerts.iter().map(|range| alert(&shared.text[range.clone()])).collect(),
            explain: extra.explain,
            when,
            on_skip,
            then,
            needs,
            drill,
            hash: String::new(),
        })
    }

    fn work(
        &mut self,
        kind: &str,
        block: Option<&Block>,
        tasks: Vec<Task>,
        choices: Vec<Choice>,
        sample: Option<String>,
    ) -> Option<Work> {
        if kind != "decision" && !choices.is_empty() {
            self.error("decision", self.at, "some boxes lead to steps", "a decision has boxes and no block");
        }
        match (kind, block) {
            ("check" | "wait" | "action" | "notify", Some(block)) => self.command_work(kind, block, sample),
            ("check" | "wait" | "action" | "notify", None) => {
                self.error("block", self.at, &format!("{kind} is its kind, and it has no block"), "one ```sh block");
                None
            }
            (_, Some(_)) => {
                self.error(
                    "block",
                    self.at,
                    &format!("{kind} is its kind, and it has a block"),
                    "a check, an action, a wait or a notify",
                );
                None
            }
            ("decision", None) => {
                if choices.len() < 2 || !tasks.is_empty() {
                    self.error(
                        "decision",
                        self.at,
                        "a decision is a choice between boxes",
                        "two boxes or more, each as \"- [ ] WHEN → step-name\"",
                    );
                }
                Some(Work::Decision { choices })
            }
            ("gate", None) => {
                let approval = self.choice("approval", &APPROVALS).filter(|approval| *approval != Approval::None);
                if approval.is_none() {
                    self.error(
                        RULE,
                        self.at,
                        "nobody is asked at this gate",
                        "\"approval\":\"change\" or \"second-person\"",
                    );
                }
                Some(Work::Gate { approval: approval? })
            }
            _ => {
                let read = self.attributes.is("effect", "read");
                let change = if read {
                    self.used.insert("effect");
                    None
                } else {
                    self.choice("effect", &CHANGES)
                };
                let undo = self.undo(change.is_some());
                Some(Work::Manual(Manual { tasks, changes: change.zip(undo) }))
            }
        }
    }

    fn command_work(&mut self, kind: &str, block: &Block, sample: Option<String>) -> Option<Work> {
        let reads = matches!(kind, "check" | "wait");
        if !reads && !self.attributes.is("excludeFromRunAll", "true") {
            let expected = "\"excludeFromRunAll\":\"true\"; `codeblue runbook fmt` writes it";
            let what = "a stock runme would run this with all the others";
            self.notes.error("run-all", self.attributes.at, self.place, what, expected);
        }
        if !self.attributes.is("interactive", "false") {
            let expected = "\"interactive\":\"false\"; `codeblue runbook fmt` writes it";
            self.notes.error(
                "interactive",
                self.attributes.at,
                self.place,
                "its output would not be captured",
                expected,
            );
        }
        let idempotent = self.flag("idempotent");
        let command = command(&block.fence.body, block.fence.body_at, self.place, self.notes);
        let run = self.run(command, sample);
        if run.retry.is_some() && !reads && !idempotent {
            self.error(
                "retry",
                self.attributes.at,
                "it changes something and is tried again",
                "\"idempotent\":\"true\", where that is so",
            );
        }
        if kind == "wait" && run.retry.is_none() {
            self.error("retry", self.attributes.at, "nothing says how often it looks", "\"retry\":\"60x5s\"");
        }
        let work = match kind {
            "check" | "wait" => {
                if self.attributes.text("effect").is_some_and(|effect| effect != "read") {
                    self.error("effect", self.attributes.at, &format!("a {kind} that changes something"), "an action");
                }
                self.used.insert("effect");
                if kind == "check" { Work::Check(run.read?) } else { Work::Wait(run.read?) }
            }
            "notify" => {
                self.used.insert("effect");
                Work::Notify(run.read?)
            }
            _ => return self.action(run, idempotent),
        };
        Some(work)
    }

    fn run(&mut self, command: Option<Command>, sample: Option<String>) -> PartRun {
        let timeout = self.parsed("timeout", |text| {
            duration(text).ok_or_else(|| (format!("{text:?} is no duration"), "a duration such as 30s".to_owned()))
        });
        if self.attributes.get("timeout").is_none() {
            self.error("timeout", self.attributes.at, "it may run for ever", "\"timeout\":\"30s\"");
        }
        let expect: Option<Vec<Expectation>> = self.parsed("expect", expectations);
        let retry = self.parsed("retry", retry);
        let on_fail = self.parsed("onFail", on_trouble).unwrap_or(OnTrouble::Stop);
        let on_timeout = self.parsed("onTimeout", on_trouble).unwrap_or(OnTrouble::Ask);
        let sets = self.parsed("sets", captures).unwrap_or_default();
        let evidence = self.choice("evidence", &EVIDENCE).unwrap_or(Evidence::Keep);
        let expect = expect.unwrap_or_else(|| vec![Expectation::Exit(vec![0])]);
        let read = command.zip(timeout).map(|(command, timeout)| Execution {
            command,
            timeout,
            expect,
            sample,
            retry,
            on_fail,
            on_timeout,
            sets,
            evidence,
        });
        PartRun { retry, read }
    }

    fn action(&mut self, run: PartRun, idempotent: bool) -> Option<Work> {
        if self.attributes.get("effect").is_none() {
            self.error(
                "effect",
                self.attributes.at,
                "it does not say what it does to the world",
                "\"effect\":\"write\" or \"destructive\"",
            );
        } else if self.attributes.is("effect", "read") {
            self.error("effect", self.attributes.at, "an action that only reads", "\"kind\":\"check\"");
            self.used.insert("effect");
            return None;
        }
        let effect = self.choice("effect", &CHANGES);
        let undo = self.undo(true);
        let verify = self.attribute("verify");
        let done_if = self.attribute("doneIf");
        let approval = self.choice("approval", &APPROVALS).unwrap_or(Approval::None);
        let confirm = self.parsed("confirm", confirm);
        let once = self.flag("once");
        let budget = self.parsed("budget", rate_limit);
        if effect == Some(Change::Destructive) && !matches!(confirm, Some(Confirm::Typed(_))) {
            self.error(
                "confirm",
                self.attributes.at,
                "it may destroy something and asks for nothing",
                "\"confirm\":\"typed:NAME\"",
            );
        }
        Some(Work::Action(Box::new(Action {
            execution: run.read?,
            effect: effect?,
            undo: undo?,
            verify,
            done_if,
            approval,
            confirm: confirm.unwrap_or(Confirm::Yes),
            once,
            idempotent,
            budget,
        })))
    }

    fn undo(&mut self, needed: bool) -> Option<Undo> {
        let found = self.parsed("undo", |text| match text.strip_prefix("none:") {
            Some(reason) if !reason.trim().is_empty() => Ok(Undo::None(reason.trim().to_owned())),
            None if is_slug(text) => Ok(Undo::Step(text.to_owned())),
            _ => Err((format!("{text:?} is no undo"), "the name of a step, or \"none: REASON\"".to_owned())),
        });
        if needed && self.attributes.get("undo").is_none() {
            let expected = "\"undo\":\"STEP\" of the section Rollback, or \"undo\":\"none: REASON\"";
            self.error(
                "undo",
                self.attributes.at,
                "it changes something, and nothing says how that is taken back",
                expected,
            );
        }
        found
    }

    fn items(&mut self, items: &[RawItem]) -> (Vec<Task>, Vec<Choice>) {
        let (mut tasks, mut choices) = (Vec::new(), Vec::new());
        for item in items {
            let Some((text, target)) = item.text.rsplit_once('→') else {
                tasks.push(Task { text: item.text.clone(), answer: None });
                continue;
            };
            let (text, target) = (text.trim().to_owned(), target.trim());
            if let Some((name, kind)) = target.split_once(':').filter(|(name, _)| is_input_name(name)) {
                match input_kind(kind.trim()) {
                    Ok(kind) => {
                        let answer = Input { name: name.to_owned(), kind, default: None, hint: text.clone() };
                        tasks.push(Task { text, answer: Some(answer) });
                    }
                    Err((what, expected)) => self.error("input", item.at, &what, &expected),
                }
            } else if let Some(to) = target_of(target) {
                choices.push(Choice { text, to });
            } else {
                let expected =
                    "\"→ step-name\", \"→ next\", \"→ end\", \"→ book RB-05-data-corruption\" or \"→ NAME:type\"";
                self.error("decision", item.at, &format!("{target:?} leads nowhere"), expected);
            }
        }
        (tasks, choices)
    }

    fn error(&mut self, rule: &'static str, at: usize, what: &str, expected: &str) {
        self.right = false;
        self.notes.error(rule, at, self.place, what, expected);
    }

    fn attribute(&mut self, key: &'static str) -> Option<String> {
        self.used.insert(key);
        self.attributes.text(key).map(str::to_owned)
    }

    fn list(&mut self, key: &'static str) -> Vec<String> {
        let text = self.attribute(key).unwrap_or_default();
        text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        self.used.insert(key);
        let spot = self.attributes.get(key)?;
        let found = choices.iter().find(|(word, _)| *word == spot.text).map(|(_, choice)| *choice);
        if found.is_none() {
            self.right = false;
            let known: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.notes.unknown(RULE, spot.at, self.place, &format!("{key} is {:?}", spot.text), &spot.text, known);
        }
        found
    }

    fn flag(&mut self, key: &'static str) -> bool {
        self.choice(key, &FLAG).unwrap_or(false)
    }

    fn parsed<T>(&mut self, key: &'static str, read: impl FnOnce(&str) -> Result<T, (String, String)>) -> Option<T> {
        self.used.insert(key);
        let spot = self.attributes.get(key)?;
        match read(&spot.text) {
            Ok(value) => Some(value),
            Err((what, expected)) => {
                self.error(RULE, spot.at, &format!("{key}: {what}"), &expected);
                None
            }
        }
    }

    /// Reports attributes that nothing asked for.
    fn finish(&mut self) {
        for (key, spot) in &self.attributes.entries {
            let known = ORDER.into_iter().filter(|known| !ELSEWHERE.contains(known));
            if !known.clone().any(|known| known == key.as_str()) {
                self.notes.unknown(RULE, spot.at, self.place, &format!("{key:?} is no attribute"), key, known);
            } else if !self.used.contains(key.as_str()) {
                let what = format!("{key:?} means nothing for a step of this kind");
                self.notes.error(RULE, spot.at, self.place, what, "no such attribute, or another kind");
            }
        }
    }
}

/// A command and what is expected, as far as it could be read.
struct PartRun {
    retry: Option<Retry>,
    read: Option<Execution>,
}
