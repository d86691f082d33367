//! One step of a run, the most important first: what somebody has to do now, what came of it, what may go wrong, what exactly runs, what
//! comes next. And the page that says why.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    facts::{Fact, Facts},
    walk_output,
};
use crate::{
    domain::{
        Awaited, Run, RunId, RunStep, Stand, StepEnd, StepStanding, role_name,
        runbook::{Approval, Confirm, InDrill, OnTrouble, Step, Target as Goal, Undo, Work},
        standing,
    },
    runbook::visible_line,
    tui::{
        action::{Where, all},
        decision::missing,
        model::{Model, Screen, Target},
        text,
        theme::Role,
        walk::{leads, resolutions, trouble},
    },
};

pub(super) fn lines(model: &Model, run: &Run, step: &Step, columns: usize) -> Vec<Fact> {
    let mut facts = Facts::new(columns);
    let known = run.step(&step.name);
    let seen = standing(&model.state, run, step, model.now);
    now(model, run, step, &seen, &mut facts);
    if let Some(known) = known.filter(|known| !known.attempts.is_empty()) {
        walk_output::tell(model, run, step, known, &mut facts);
        facts.gap();
    }
    facts.about("Is");
    facts.say(Role::Muted, visible_line(step).trim_matches('_'));
    facts.about("Caution");
    for caution in &step.cautions {
        facts.say(Role::Bad, &format!("▲ {}", flat(&caution.replace('\n', " "))));
    }
    facts.about("About");
    prose(&step.text, &mut facts);
    asked(model, run, step, known, &mut facts);
    if let Some(execution) = step.work.execution() {
        facts.about("Runs");
        let value = |name: &str| run.values.get(name).cloned().unwrap_or_else(|| format!("<{name}>"));
        facts.say(Role::Title, &format!("$ {}", execution.command.shown(value)));
        if known.is_none_or(|known| known.attempts.is_empty()) {
            facts.about("Expect");
            for expected in &execution.expect {
                facts.say(Role::Text, &expected.to_string());
            }
        }
    }
    next(model, run, step, &mut facts);
    facts.lines
}

/// What somebody has to do now, or what became of it.
fn now(model: &Model, run: &Run, step: &Step, seen: &StepStanding, facts: &mut Facts) {
    facts.about("Now");
    let here = run.stand.step() == Some(step.name.as_str());
    if here {
        let waits = model.waits(run);
        let words = text::capitalised(&waits.words);
        match seen {
            StepStanding::WaitingPerson(awaited) if waits.mine => {
                facts.say(waits.role, &format!("{words}: {}", how(model, step, awaited)));
                if run.asks_for_code(step) && model.state.second_factor(model.my_name()).is_some() {
                    facts.say(Role::Text, "it asks for a code of your second factor");
                }
            }
            _ => facts.say(waits.role, &words),
        }
        match &run.stand {
            Stand::Halted { halt, .. } => facts.say(Role::Bad, &halt.to_string()),
            Stand::Undoing { undoes, .. } => facts.say(Role::Warn, &format!("it takes {undoes} back")),
            Stand::At { .. } | Stand::Ended { .. } => {}
        }
    } else if let Some(current) = run.current() {
        let stands = format!("{} stands at step {}: {} goes there", run.id, current.number, model.key("walk-on"));
        facts.link(Role::Muted, &stands, &Target::Action("walk-on"));
    }
    match seen {
        StepStanding::WaitingApproval(id) => {
            if let Some(change) = model.state.changes.get(id) {
                let page = Target::Page(Screen::Change(*id));
                facts.link(Role::Warn, &format!("{} opens {id}: {}", model.key("walk-on"), change.title), &page);
                let who = missing(&model.state, change);
                if !who.is_empty() {
                    facts.say(Role::Text, &format!("it waits for {who}; then it goes on by itself"));
                }
            }
        }
        StepStanding::Ended(end) => ended(model, run, step, end, here, facts),
        _ => {}
    }
    let is_other = |book: &&crate::engine::LibraryBook| {
        book.id == run.book.front.id && book.runbook.as_ref().is_some_and(|found| found.hash != run.book.hash)
    };
    if here && run.is_open() && model.library().iter().any(|book| is_other(&book)) {
        facts.say(
            Role::Warn,
            &format!("the book has changed since: codeblue runbook rebase {} --dry-run tells how", run.id),
        );
    }
    let agreed = run.step(&step.name).and_then(|known| known.co_signed.as_ref());
    if let Some(by) = agreed {
        facts.say(Role::Ok, &format!("✓ {by} agrees, as the second person, to the next attempt"));
    }
    if here && !model.holds(step.role) {
        facts.say(Role::Muted, &format!("you read along: this step takes the {}", role_name(step.role)));
    }
}

/// With which key it goes on.
fn how(model: &Model, step: &Step, awaited: &Awaited) -> String {
    let (on, run) = (model.key("walk-on"), model.key("run-step"));
    match awaited {
        Awaited::Run if step.work.only_looks() => format!("{on} or {run} runs it: it only looks"),
        Awaited::Run => format!("{run} runs it, after a question"),
        Awaited::Confirmation(text) if text == "yes" => format!("{run} runs it, after a yes"),
        Awaited::Confirmation(text) => format!("{run} runs it, once “{text}” is typed"),
        Awaited::SecondPerson => format!("somebody else presses {}, then {run} runs it", model.key("co-sign")),
        Awaited::Tasks => match &step.work {
            Work::Manual(manual) if manual.tasks.is_empty() => {
                format!("do it, then {run} or {on} says that it is done")
            }
            _ => format!("the digits tick what is done; then {run} or {on} goes on"),
        },
        Awaited::Choice => "choose with its digit".to_owned(),
        Awaited::Gate => format!("{run} goes on, once it is agreed to"),
    }
}

/// How a step ended, and what a person may do about it.
fn ended(model: &Model, run: &Run, step: &Step, end: &StepEnd, here: bool, facts: &mut Facts) {
    let role = match end {
        end if end.has_passed() => Role::Ok,
        StepEnd::Skipped { .. } => Role::Muted,
        StepEnd::Undone { .. } | StepEnd::Cancelled => Role::Warn,
        StepEnd::Unknown => Role::Unknown,
        _ => Role::Bad,
    };
    let known = run.step(&step.name);
    let by = known.and_then(|known| known.by.as_ref()).map(|by| format!(", by {by}")).unwrap_or_default();
    let at = known.and_then(|known| known.since).map(|at| at.format(" at %H:%M:%S").to_string()).unwrap_or_default();
    // Why it failed stands at the attempt.
    let is_told = matches!(end, StepEnd::Failed { .. }) && known.is_some_and(|known| !known.attempts.is_empty());
    let words = if is_told { end.word().to_owned() } else { end.to_string() };
    facts.say(role, &format!("{words}{by}{at}"));
    let choices = resolutions(run, step);
    for (place, (_, words)) in choices.iter().enumerate() {
        facts.option(place, Role::Text, words);
    }
    if here && choices.is_empty() && !end.has_passed() {
        let words = format!(
            "{} runs it again, {} leaves it out, {} says that it was done by hand, {} takes the last change back",
            model.key("run-step"),
            model.key("skip-step"),
            model.key("step-done"),
            model.key("undo-step")
        );
        facts.say(Role::Key, &words);
    }
}

/// What a person ticks, answers or chooses.
fn asked(model: &Model, run: &Run, step: &Step, known: Option<&RunStep>, facts: &mut Facts) {
    match &step.work {
        Work::Manual(manual) => {
            facts.about("To do");
            for (place, task) in manual.tasks.iter().enumerate() {
                let answer = known.and_then(|known| known.answers.get(&(place + 1)));
                let said = answer.and_then(|answer| answer.value.as_ref()).map(|value| format!(": {value}"));
                let asks = task.answer.as_ref().map(|asked| format!(" ({})", asked.name)).unwrap_or_default();
                let (sign, role) = match answer {
                    Some(_) => ("×", Role::Ok),
                    None => (" ", Role::Text),
                };
                let who = answer
                    .map(|answer| format!("  {} {}", answer.by, answer.at.format("%H:%M:%S")))
                    .unwrap_or_default();
                let words = format!("[{sign}] {}{asks}{}{who}", flat(&task.text), said.unwrap_or_default());
                facts.option(place, role, &words);
            }
        }
        Work::Decision { choices } => {
            facts.about("Choose");
            for (place, choice) in choices.iter().enumerate() {
                let chosen = known.is_some_and(|known| known.answers.contains_key(&(place + 1)));
                let to = match &choice.to {
                    Goal::Step(name) => {
                        run.book.step(name).map_or_else(|| name.clone(), |step| format!("step {}", step.number))
                    }
                    to => leads(run, step, to),
                };
                let sign = if chosen { "●" } else { "→" };
                let words = format!("{} {sign} {to}", flat(&choice.text));
                facts.option(place, if chosen { Role::Ok } else { Role::Text }, &words);
            }
        }
        Work::Gate { .. } => {
            facts.about("Agree");
            let of_incident = model
                .state
                .changes
                .values()
                .filter(|change| change.incident.is_some() && change.incident == run.incident);
            for change in of_incident.filter(|change| change.state.is_open()) {
                let words = format!("{} {} {}: {}", model.key("walk-on"), change.id, change.state, change.title);
                facts.link(Role::Warn, &words, &Target::Page(Screen::Change(change.id)));
            }
        }
        _ => {}
    }
}

/// What decides, what comes next, and how it is taken back.
fn next(model: &Model, run: &Run, step: &Step, facts: &mut Facts) {
    facts.about("Then");
    if let Some(action) = step.work.action() {
        if let Some(check) = &action.done_if {
            facts.say(Role::Text, &format!("first {check} looks whether it is done already"));
        }
        if let Some(check) = &action.verify {
            let number = run.book.step(check).map(|step| format!("step {}, ", step.number)).unwrap_or_default();
            facts.say(Role::Text, &format!("{number}{check}, decides whether it has worked, not the exit code"));
        }
    }
    if !matches!(step.work, Work::Decision { .. }) {
        facts.say(Role::Text, &format!("→ {}", leads(run, step, &step.then)));
    }
    if let Some(execution) = step.work.execution() {
        facts.say(Role::Muted, &format!("fails → {}", trouble(run, step, &execution.on_fail)));
        for capture in &execution.sets {
            let value = run.values.get(&capture.name).map(|value| format!(" = {value}")).unwrap_or_default();
            facts.say(Role::Muted, &format!("later steps take {}{value} from it", capture.name));
        }
    }
    if step.on_skip != OnTrouble::Continue {
        facts.say(Role::Muted, &format!("left out → {}", trouble(run, step, &step.on_skip)));
    }
    let undo = match step.work.undo() {
        Some(Undo::Step(by)) => (Role::Text, format!("{by} takes it back ({})", model.key("undo-step"))),
        Some(Undo::None(why)) => (Role::Muted, format!("none: {why}")),
        None => return,
    };
    facts.about("Undo");
    facts.say(undo.0, &undo.1);
}

/// Prose in lines of the page: paragraphs filled anew, rows of tables and items of lists one by one.
fn prose(content: &str, facts: &mut Facts) {
    let mut paragraph: Vec<&str> = Vec::new();
    let mut is_example = false;
    for line in content.lines().chain([""]) {
        let trimmed = line.trim();
        let is_fence = trimmed.starts_with("```") || trimmed.starts_with("~~~");
        let is_item = trimmed.starts_with("- ") || trimmed.starts_with("* ");
        let stands_alone = is_example || is_fence || trimmed.starts_with('|');
        if (stands_alone || is_item || trimmed.is_empty()) && !paragraph.is_empty() {
            facts.say(Role::Text, &flat(&paragraph.join(" ")));
            paragraph.clear();
        }
        if is_fence {
            is_example = !is_example;
        } else if is_example {
            facts.verbatim(Role::Muted, line);
        } else if trimmed.starts_with('|') {
            let cells: Vec<String> = trimmed.trim_matches('|').split('|').map(|cell| flat(cell.trim())).collect();
            if !cells.iter().all(|cell| cell.chars().all(|c| c == '-' || c == ':')) {
                facts.say(Role::Text, &format!("· {}", cells.join(" | ")));
            }
        } else if !trimmed.is_empty() && !trimmed.starts_with("<!--") {
            paragraph.push(trimmed);
        }
    }
}

/// Prose without the marks of Markdown.
fn flat(content: &str) -> String {
    content.replace("**", "").replace('`', "")
}

/// Why a step is done, what it takes, what comes next, and what each key could do.
pub(super) fn why(model: &Model, canvas: &mut Canvas, area: Rect, id: RunId, name: &str) {
    let found = model.state.runs.get(&id).and_then(|run| Some((run, run.book.step(name)?)));
    let Some((run, step)) = found else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} has no step {name}"))]);
        return;
    };
    let inside = canvas.frame(area, &format!("Why {} {}", step.number, step.title), "", true);
    let mut facts = Facts::new(usize::from(inside.width));
    facts.about("Why");
    match &step.explain {
        Some(words) => facts.say(Role::Text, &flat(words)),
        None => facts.say(Role::Muted, "the book does not say more than stands at the step"),
    }
    prose(&step.text, &mut facts);
    takes(model, run, step, &mut facts);
    next(model, run, step, &mut facts);
    if let Some(execution) = step.work.execution() {
        facts.about("Else");
        facts.say(Role::Muted, &format!("takes too long → {}", trouble(run, step, &execution.on_timeout)));
    }
    facts.gap();
    facts.about("Keys");
    for action in all().filter(|action| action.place == Where::Run) {
        let button = model.keymap.button(action, action.label);
        match action.why_not(model) {
            None => facts.say(Role::Text, &button),
            Some(why) => facts.say(Role::Muted, &format!("{button} — {why}")),
        }
    }
    let lines: Vec<Vec<Piece>> = facts.lines.into_iter().map(|(line, _)| line).collect();
    canvas.page(inside, &lines, model.scroll);
}

/// What a step takes before it runs.
fn takes(model: &Model, run: &Run, step: &Step, facts: &mut Facts) {
    facts.about("Takes");
    let mine = if model.holds(step.role) { "you are one" } else { "you are none" };
    facts.say(Role::Text, &format!("the {}: {mine}", role_name(step.role)));
    match step.work.approval() {
        Approval::None => {}
        Approval::Change => facts.say(Role::Text, "people who approve the change that it goes through"),
        Approval::SecondPerson => facts.say(Role::Text, "a second person, who agrees to each attempt"),
    }
    for name in &step.needs {
        let passed = run.end_of(name).is_some_and(StepEnd::has_passed);
        let (sign, role) = if passed { ("✓", Role::Ok) } else { ("✖", Role::Bad) };
        facts.say(role, &format!("{sign} {name} has passed before"));
    }
    if run.asks_for_code(step) {
        facts.say(Role::Text, "a code of the second factor, of whoever has one");
    }
    if let Some(action) = step.work.action() {
        match &action.confirm {
            Confirm::No => {}
            Confirm::Yes => facts.say(Role::Text, "a yes"),
            Confirm::Typed(text) => facts.say(Role::Text, &format!("“{text}”, typed")),
        }
        if action.once {
            facts.say(Role::Text, "it is begun once in a run, whatever happens");
        }
        if let Some(budget) = action.budget {
            let within = humantime::format_duration(budget.within);
            facts.say(Role::Text, &format!("it is begun {} times in {within} at most, over all runs", budget.times));
        }
    }
    match step.drill {
        InDrill::Run => {}
        InDrill::Simulate => facts.say(Role::Text, "a drill takes it as done"),
        InDrill::Skip => facts.say(Role::Text, "a drill leaves it out"),
    }
}
