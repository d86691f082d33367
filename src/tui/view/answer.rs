//! What a diagnosis found out, read top-down: what broke, how sure that is, what to do first; then what else it could be, what else could be
//! done, what was seen before, and what the language model says.

use chrono::TimeDelta;

use super::{
    evidence,
    facts::{Fact, Facts, dots},
    rows::columns_of,
};
use crate::{
    domain::{
        Candidate, Diagnosis, DiagnosisDocument, DiagnosisState, Incident, Judgement, SecondOpinion, Stance, Status,
        SuggestedFix,
    },
    platform::count,
    tui::{
        diagnosis::{Looked, Row, UNLIKELY, answered_at, suspects},
        model::{List, Model, Screen, Target},
        text,
        theme::Role,
        verdict::{category_name, rests_on, verdicts},
    },
};

/// Columns from which what a confidence rests on may take a row of its own.
const ROOM_FOR_ALL: usize = 44;
/// Cells of a bar.
const BAR: usize = 10;

/// All of it, in lines of so many columns; with space between the parts where it is airy.
pub(super) fn lines(model: &Model, incident: &Incident, looked: &Looked, room: (usize, bool)) -> Vec<Fact> {
    Page::of(model, incident, looked, room).facts.lines
}

/// The page while it is put together: its lines, and the row that comes next.
struct Page<'a> {
    model: &'a Model,
    facts: Facts,
    columns: usize,
    airy: bool,
    next: usize,
}

impl<'a> Page<'a> {
    fn of(model: &'a Model, incident: &Incident, looked: &Looked, (columns, airy): (usize, bool)) -> Self {
        let mut page = Self { model, facts: Facts::new(columns), columns, airy, next: 0 };
        page.now(incident, looked);
        if let Some((_, document)) = looked.answer {
            page.broke(document);
            page.bad(incident, document);
            page.sure(document);
            page.judged(looked);
        }
        page.first(incident, looked);
        page.says(looked.diagnosis);
        let Some((whose, document)) = looked.answer else { return page };
        page.suspects(document);
        page.others(document);
        page.before(document);
        page.second(whose, document);
        page
    }

    /// What follows stands under this label.
    fn about(&mut self, label: &'static str) {
        if self.airy && self.facts.lines.last().is_some_and(|(line, _)| !line.is_empty()) {
            self.facts.lines.push((Vec::new(), None));
        }
        self.facts.about(label);
    }

    /// The target of the next row of the list.
    fn row(&mut self) -> Target {
        self.next += 1;
        Target::Row(List::Diagnosis, self.next - 1)
    }

    /// What has to be known before anything of it is believed: that it is looked for, that it failed, that it is old.
    fn now(&mut self, incident: &Incident, looked: &Looked) {
        self.about("Now");
        let diagnosis = looked.diagnosis;
        match &diagnosis.state {
            DiagnosisState::Failed { error } => {
                self.facts.say(Role::Bad, &format!("✖ {} found nothing out: {error}", diagnosis.id));
                if looked.place == looked.all {
                    let again = format!("[{}] looks again", self.model.key("diagnose"));
                    self.facts.link(Role::Key, &again, &Target::Action("diagnose"));
                }
            }
            DiagnosisState::Running => self.running(looked),
            DiagnosisState::Concluded { .. } => {}
        }
        if looked.place < looked.all && looked.answer.is_some() {
            let at = answered_at(diagnosis).format("%H:%M:%SZ");
            let (place, all, newer) = (looked.place, looked.all, self.model.key("later-diagnosis"));
            let words = format!("▲ an older answer, {place} of {all}, of {at}: {newer} leads to the newest");
            self.facts.link(Role::Warn, &words, &Target::Action("later-diagnosis"));
        }
        let Some((whose, document)) = looked.answer else { return };
        self.maintained(document);
        if !looked.is_newest_answer || diagnosis.state == DiagnosisState::Running {
            return;
        }
        let since = self.model.since_then(incident, answered_at(whose));
        if let Some((last, earlier)) = since.split_last() {
            let more = if earlier.is_empty() { String::new() } else { format!(", and {} more", earlier.len()) };
            let words = format!("▲ since this answer: {last}{more}; [{}] looks again", self.model.key("diagnose"));
            self.facts.link(Role::Warn, &words, &Target::Action("diagnose"));
        }
    }

    fn running(&mut self, looked: &Looked) {
        let diagnosis = looked.diagnosis;
        let took = text::clock(self.model.now - diagnosis.requested_at);
        if diagnosis.draft.is_some() {
            return self.asked(diagnosis);
        }
        let places = "checks, logs, errors, deployments, who needs whom";
        self.facts.say(Role::Focus, &format!("◐ {took} {} looks for the cause: {places} …", diagnosis.id));
        if let Some((before, _)) = looked.answer {
            let at = answered_at(before).format("%H:%M:%SZ");
            self.facts.say(Role::Muted, &format!("below is what {} found at {at}", before.id));
        }
    }

    /// The language model is asked: how long it is waited for, what it says meanwhile, and how to stop that.
    fn asked(&mut self, diagnosis: &Diagnosis) {
        if let Some(by) = &diagnosis.not_awaited_by {
            return self
                .facts
                .say(Role::Focus, &format!("◐ {by} does not wait for the language model: this answer stands"));
        }
        let Some(model) = &self.model.state.platform.language_model else { return };
        let within = TimeDelta::from_std(model.within).unwrap_or_default();
        let since = diagnosis.drafted_at.unwrap_or(diagnosis.requested_at);
        let left = text::clock((since + within - self.model.now).max(TimeDelta::zero()));
        let words = format!(
            "◐ {} is asked for a second opinion; policies wait for it: {left} left of {}",
            model.name,
            text::clock(within)
        );
        self.facts.say(Role::Focus, &words);
        let stops = format!("[{}] stops asking: what is below stands then", self.model.key("stop-model"));
        self.facts.link(Role::Key, &stops, &Target::Action("stop-model"));
    }

    /// What the language model says while it is asked.
    fn says(&mut self, diagnosis: &Diagnosis) {
        let is_awaited = diagnosis.state == DiagnosisState::Running && diagnosis.not_awaited_by.is_none();
        let heard = self.model.words.iter().find(|words| words.diagnosis == diagnosis.id);
        let Some(words) = heard.filter(|_| is_awaited) else { return };
        let again = if words.attempt > 1 { format!("try {}, ", words.attempt) } else { String::new() };
        let received = text::bytes(words.received as u64);
        self.about("Says");
        self.facts.say(Role::Muted, &format!("its words as they come, which nobody has verified ({again}{received}):"));
        let saying = if words.saying.is_empty() { "…".to_owned() } else { format!("“{} …", words.saying) };
        self.facts.say(Role::Text, &saying);
        self.facts
            .say(Role::Muted, "at its end it is weighed beside this answer; no cause far behind comes first by it");
    }

    /// What is worked on by plan fails by plan.
    fn maintained(&mut self, document: &DiagnosisDocument) {
        let status = |name: &String| self.model.state.services.get(name).map(|health| health.status);
        let all = &document.affected_services;
        let worked_on: Vec<&str> =
            all.iter().filter(|name| status(name) == Some(Status::Maintenance)).map(String::as_str).collect();
        if !worked_on.is_empty() {
            let names = worked_on.join(", ");
            self.facts.say(
                Role::Planned,
                &format!("⚒ in maintenance: {names}. It may fail by plan; nothing is proposed for it"),
            );
        }
    }

    fn broke(&mut self, document: &DiagnosisDocument) {
        let cause = &document.root_cause;
        self.about("Broke");
        if cause.service.is_empty() {
            return self.facts.say(Role::Title, &cause.issue);
        }
        self.facts.say(Role::Title, &format!("{}: {}", cause.service, cause.issue));
        let others: Vec<&str> =
            document.affected_services.iter().filter(|name| **name != cause.service).map(String::as_str).collect();
        let hits = if others.is_empty() { String::new() } else { format!(" · also hits {}", others.join(", ")) };
        let (category, kind) = (category_name(document.category), document.root_cause_category.row().name);
        let since = document.detected_at.format("%H:%M:%SZ");
        self.facts.say(Role::Muted, &format!("{category}: {kind} · since {since}{hits}"));
        self.facts.say(Role::Muted, &format!("what that calls for: {}", document.approach.words()));
    }

    /// How bad it looks, where that is worse than what the incident is taken for.
    fn bad(&mut self, incident: &Incident, document: &DiagnosisDocument) {
        let Some(found) = document.worse_than(incident.severity).filter(|_| incident.state.is_open()) else { return };
        self.about("Bad");
        self.facts.say(Role::Warn, &format!("▲ looks like {}, worse than {}", found.severity, incident.severity));
        self.facts.say(Role::Muted, &found.why());
        let number = found.severity.number();
        self.facts.say(Role::Muted, &format!("$ codeblue incident severity {} {number} --reason TEXT", incident.id));
    }

    /// A word, a number, and what they rest on.
    fn sure(&mut self, document: &DiagnosisDocument) {
        let cause = &document.root_cause;
        self.about("Sure");
        if cause.confidence <= 0.0 {
            let words = "not enough evidence to name a cause, which is an answer too";
            return self.facts.say(Role::Warn, words);
        }
        let role = if cause.confidence >= 0.7 { Role::Ok } else { Role::Warn };
        let mut line = vec![
            (role, format!("{}  ", word(cause.confidence))),
            (Role::Title, format!("confidence {:.2} {}", cause.confidence, dots(cause.confidence))),
        ];
        let rests_on_what = format!("on {} of evidence", count(cause.evidence.len(), "piece"));
        if self.facts.has_room(columns_of(&line) + 2 + text::width(&rests_on_what)) {
            line.push((Role::Muted, format!("  {rests_on_what}")));
            self.facts.put(line, None);
        } else {
            self.facts.put(line, None);
            // On a telephone what to do first needs the row more.
            if self.facts.has_room(ROOM_FOR_ALL) {
                self.facts.say(Role::Muted, &rests_on_what);
            }
        }
        let page = Target::Page(Screen::Reliability);
        let (rests, key) = (rests_on(&self.model.state, cause.confidence), self.model.key("reliability"));
        self.facts.link(Role::Muted, &format!("{rests} [{key}]"), &page);
    }

    /// What people say of it; how to say it, where nobody has.
    fn judged(&mut self, looked: &Looked) {
        let Some((whose, _)) = looked.answer else { return };
        let said = verdicts(whose);
        if said.is_empty() {
            let over =
                self.model.state.incidents.get(&whose.incident).is_some_and(|incident| !incident.state.is_open());
            if over {
                self.about("Judge");
                let words = format!(
                    "was it right? [{}] right  [{}] partly  [{}] wrong: what is learned rests on it",
                    self.model.key("judge-right"),
                    self.model.key("judge-partly"),
                    self.model.key("judge-wrong")
                );
                self.facts.say(Role::Key, &words);
            }
            return;
        }
        self.about("Judged");
        for (judgement, words) in said {
            let (role, mark) = match judgement {
                Judgement::Right => (Role::Ok, "✓"),
                Judgement::Partly => (Role::Warn, "≈"),
                Judgement::Wrong => (Role::Bad, "✖"),
            };
            self.facts.say(role, &format!("{mark} {words}"));
        }
    }

    /// What is under way, else what to do first.
    fn first(&mut self, incident: &Incident, looked: &Looked) {
        self.about("First");
        let open = self.model.key("open");
        for row in self.model.diagnosis_rows() {
            match row {
                Row::Change(id) => {
                    let title = self.model.state.changes.get(&id).map_or("", |change| change.title.as_str());
                    let (words, row) = (format!("[{open}] {id} waits for an approval: {title}"), self.row());
                    self.facts.link(Role::Warn, &words, &row);
                }
                Row::Recovery(id) => {
                    let plan = self.model.state.recoveries.get(&id).map_or("", |run| run.plan.title.as_str());
                    let (words, row) = (format!("[{open}] {id} runs: {plan}"), self.row());
                    self.facts.link(Role::Focus, &words, &row);
                }
                _ => break,
            }
        }
        let Some((_, document)) = looked.answer else { return };
        let Some(fix) = document.suggested_fixes.first() else {
            if self.next == 0 && incident.state.is_open() {
                let words = format!(
                    "nothing that the platform file declares would help: [{}] rolls back by hand, [{}] calls for people",
                    self.model.key("roll-back"),
                    self.model.key("escalate")
                );
                self.facts.say(Role::Text, &words);
            }
            return;
        };
        self.fix(0, fix);
        if looked.is_newest_answer {
            self.facts
                .say(Role::Muted, "its plan and what it would change are shown first; whoever has to agree is asked");
        }
    }

    /// A fix: its key, how long it takes, how risky it is, and how to do it by hand.
    fn fix(&mut self, place: usize, fix: &SuggestedFix) {
        let row = self.row();
        let risk = format!("{:?} risk", fix.risk).to_lowercase();
        let time = text::span(TimeDelta::seconds(i64::try_from(fix.estimated_time).unwrap_or(i64::MAX / 1000)));
        self.facts.link(Role::Key, &format!("[{}] {}   ~{time}   {risk}", place + 1, fix.action), &row);
        for command in &fix.commands {
            self.facts.link(Role::Muted, &format!("    $ {command}"), &row);
        }
    }

    fn suspects(&mut self, document: &DiagnosisDocument) {
        let all = suspects(document);
        if all.is_empty() {
            return;
        }
        self.about("Causes");
        self.facts.say(Role::Muted, "share of each cause in what was weighed, which is not the confidence");
        let listed = all.iter().take_while(|found| found.probability >= UNLIKELY).count();
        for suspect in &all[..listed] {
            let row = self.row();
            self.suspect(suspect, &row);
        }
        let rest = (1.0 - all.iter().map(|found| found.probability).sum::<f64>()).max(0.0);
        let hidden = match all.len() - listed {
            0 => String::new(),
            more => format!(" · {more} more below 1 %"),
        };
        let words = format!("none of these{hidden}");
        let pieces = vec![
            (Role::Muted, format!("{} {}  ", bar(rest), text::right(&evidence::percent(rest), 4))),
            (Role::Muted, words),
        ];
        self.facts.put(pieces, None);
    }

    fn suspect(&mut self, suspect: &Candidate, row: &Target) {
        let lead =
            format!("{} {}  ", bar(suspect.probability), text::right(&evidence::percent(suspect.probability), 4));
        let about = evidence::about(suspect);
        let indent = text::width(&lead);
        let room = self.columns.saturating_sub(10 + indent);
        let whole = text::width(&about) + text::width(&suspect.issue) + 2 <= room;
        let mut first = vec![(Role::Focus, lead), (Role::Title, about)];
        if whole {
            first.push((Role::Text, format!("  {}", suspect.issue)));
        }
        self.facts.put(first, Some(row.clone()));
        if !whole {
            for line in text::wrap(&suspect.issue, room) {
                self.facts.put(vec![(Role::Text, format!("{}{line}", " ".repeat(indent)))], Some(row.clone()));
            }
        }
    }

    fn others(&mut self, document: &DiagnosisDocument) {
        let others = document.suggested_fixes.iter().enumerate().skip(1);
        if others.len() > 0 {
            self.about("Else");
        }
        for (place, fix) in others {
            self.fix(place, fix);
        }
    }

    /// Incidents that were like it, and articles about such.
    fn before(&mut self, document: &DiagnosisDocument) {
        self.about("Before");
        for id in &document.related_incidents {
            let row = self.row();
            let words = match self.model.state.incidents.get(id) {
                Some(other) => {
                    let ago = text::short(self.model.now - other.detected_at);
                    let ended = other.resolution.as_ref().map(|how| format!(": {how}")).unwrap_or_default();
                    format!("{id} {} {} ago, {}, {}{ended}", other.severity, ago, other.title, other.state)
                }
                None => id.to_string(),
            };
            self.facts.link(Role::Text, &words, &row);
        }
        for name in &document.knowledge_base_articles {
            match self.model.state.knowledge.articles.get(name) {
                Some(article) => {
                    let row = self.row();
                    self.facts.link(Role::Text, &format!("article {name}: {}", article.body.title), &row);
                }
                None => self.facts.say(Role::Muted, &format!("article {name}, which is not here")),
            }
        }
        if document.related_incidents.is_empty() && document.knowledge_base_articles.is_empty() {
            self.facts.say(Role::Muted, "nothing like it is on record");
        }
    }

    /// What the language model has to do with it: its words are shown as its words.
    fn second(&mut self, whose: &Diagnosis, document: &DiagnosisDocument) {
        self.about("Second");
        let Some(opinion) = &document.second_opinion else {
            let words = match &self.model.state.platform.language_model {
                Some(_) if whose.state == DiagnosisState::Running => "the language model has not answered yet",
                Some(_) => "no language model was asked",
                None => "the platform file names no language model ([model])",
            };
            return self.facts.say(Role::Muted, words);
        };
        let (role, sign) = heard(opinion.stance);
        let note = if opinion.note.is_empty() { String::new() } else { format!(": {}", opinion.note) };
        self.facts.say(role, &format!("{sign} {} {}{note}", opinion.model, opinion.stance.words()));
        if !opinion.explanation.is_empty() {
            let sure = opinion.confidence.map(|sure| format!(", {sure:.2} sure of it")).unwrap_or_default();
            self.facts
                .say(Role::Text, &format!("in its words, which nobody has verified{sure}: “{}”", opinion.explanation));
        }
        if let Some(elsewhere) = &opinion.elsewhere {
            self.facts.say(Role::Text, &format!("it suspects, beside what was found: “{elsewhere}”"));
        }
        if !opinion.not_known_here.is_empty() {
            self.facts
                .say(Role::Warn, &format!("not known here, so nothing is done: {}", opinion.not_known_here.join(", ")));
        }
        let row = self.row();
        let prompt = self.model.key("prompt");
        self.facts.link(Role::Key, &format!("[{prompt}] what it was told   {}", bill(opinion)), &row);
    }
}

/// What an opinion took.
fn bill(opinion: &SecondOpinion) -> String {
    let about = if opinion.estimated { "about " } else { "" };
    let cost = opinion.cost.map(|cost| format!(", cost {cost:.4}")).unwrap_or_default();
    let tokens = opinion.prompt_tokens + opinion.answer_tokens;
    format!("{about}{tokens} tokens in {:.1} s{cost}", opinion.took)
}

/// Whether it agrees, differs, or was not heard, at a glance.
fn heard(stance: Stance) -> (Role, &'static str) {
    match stance {
        Stance::Agrees => (Role::Ok, "✓"),
        Stance::Reordered | Stance::Outweighed | Stance::Unfounded => (Role::Warn, "≠"),
        Stance::Undecided | Stance::Unused => (Role::Muted, "–"),
    }
}

/// A share as a bar that reads without colour.
fn bar(share: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between no cell and all of them")]
    let full = (share.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    let sliver = if full == 0 && share > 0.0 { "▏" } else { "" };
    format!("{}{sliver}{}", "█".repeat(full), "░".repeat(BAR - full - sliver.chars().count()))
}

/// How sure that is, in a word.
fn word(confidence: f64) -> &'static str {
    match confidence {
        0.9.. => "very likely",
        0.7..0.9 => "likely",
        0.5..0.7 => "more likely than not",
        0.2..0.5 => "possible",
        _ => "a guess",
    }
}
