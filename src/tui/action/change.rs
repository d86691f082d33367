//! What can be said about a change, and who may say it.

use super::{
    here::{NO_CHANGE, cannot_act, confirm, open, submit, waiting_change},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{ChangeId, Command, role_name, role_to_fill},
    tui::{
        decision::cannot_write,
        effect::effect,
        form::{Writing, open_form},
        message::Request,
        model::{Confirm, Loaded, Model, Overlay, Screen},
        preview::refusal,
        term::input::Key,
        text,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "approvals",
        keys: &[Key::Char('V')],
        label: "Approvals",
        about: "What waits for you, what you owe, and who agrees in whose place",
        place: Where::Change,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Approvals),
    },
    Action {
        name: "approve",
        keys: &[Key::Char('a')],
        label: "Approve",
        about: "Look at the plan that waits, then agree to exactly it",
        place: Where::Change,
        danger: Danger::Guarded,
        disabled: cannot_approve,
        run: approve,
    },
    word(
        ("reject", &[Key::Char('x')], "Reject"),
        "Say no to the change",
        |model| cannot_say(model, Writing::Reject),
        |model| write(model, Writing::Reject),
    ),
    word(
        ("revoke", &[Key::Char('U')], "Take back"),
        "Take your yes or your no back; what is being carried out stops after the step under way",
        |model| cannot_say(model, Writing::Revoke),
        |model| write(model, Writing::Revoke),
    ),
    word(
        ("withdraw", &[Key::Char('X')], "Withdraw"),
        "You do not want your own change any more",
        |model| cannot_say(model, Writing::Withdraw),
        |model| write(model, Writing::Withdraw),
    ),
    Action {
        name: "implement",
        keys: &[Key::Char('I')],
        label: "Carry out",
        about: "Carry out now what is approved and waits",
        place: Where::Change,
        danger: Danger::Guarded,
        disabled: |model| {
            about_change(model).map_or_else(Some, |change| refusal(model, Command::ImplementChange { change }))
        },
        run: implement,
    },
    word(
        ("validate", &[Key::Char('Y')], "Validate"),
        "You had no part in it, and say whether it worked",
        |model| cannot_say(model, Writing::Validate),
        |model| write(model, Writing::Validate),
    ),
    word(
        ("review", &[Key::Char('J')], "Review"),
        "Write down what was learned from the change",
        |model| cannot_say(model, Writing::Review),
        |model| write(model, Writing::Review),
    ),
    Action {
        name: "delegate",
        keys: &[Key::Char('N')],
        label: "Name a deputy",
        about: "Let somebody agree in your place while you are away",
        place: Where::Change,
        danger: Danger::Guarded,
        disabled: |model| {
            cannot_act(model).or_else(|| {
                let nobody = model.deputies().0.is_empty();
                nobody
                    .then(|| "a deputy holds one of your roles or the one just below, and nobody here does".to_owned())
            })
        },
        run: |model| open_form(model, &Writing::Delegate, None),
    },
    Action {
        name: "end-delegation",
        keys: &[Key::Char('K')],
        label: "End deputy",
        about: "Nobody, or not this one, agrees in your place any more",
        place: Where::Change,
        danger: Danger::Guarded,
        disabled: |model| {
            cannot_act(model)
                .or_else(|| deputies_named(model).is_empty().then(|| "nobody agrees in your place".to_owned()))
        },
        run: |model| {
            let choice =
                |to: String| (format!("{to} agrees in your place no longer"), submit(Command::EndDelegation { to }));
            let choices = deputies_named(model).into_iter().map(choice).collect();
            let title = "What was agreed to with it counts no longer".to_owned();
            model.overlay = Some(Overlay::Menu { title, choices, selected: 0 });
            Vec::new()
        },
    },
    Action {
        name: "go-on",
        keys: &[Key::Enter],
        label: "Go on",
        about: "Ask for exactly the plan that is shown",
        place: Where::Change,
        danger: Danger::Critical,
        disabled: |model| match (model.screen(), &model.asked) {
            (Screen::Plan, Some(asked)) => asked.plan.as_ref().err().cloned().or_else(|| cannot_act(model)),
            _ => Some("no plan is shown".to_owned()),
        },
        run: go_on_with_plan,
    },
];

/// Something that can be said about the change in question, with words of one's own.
const fn word(
    (name, keys, label): (&'static str, &'static [Key], &'static str),
    about: &'static str,
    disabled: fn(&Model) -> Option<String>,
    run: fn(&mut Model) -> Vec<Request>,
) -> Action {
    Action { name, keys, label, about, place: Where::Change, danger: Danger::Guarded, disabled, run }
}

/// Why nothing like this can be said about the change in question: the rules' own word.
fn cannot_say(model: &Model, purpose: fn(ChangeId) -> Writing) -> Option<String> {
    about_change(model).map_or_else(Some, |change| cannot_write(model, &purpose(change)))
}

/// The change in question, for somebody who may act.
fn about_change(model: &Model) -> Result<ChangeId, String> {
    match cannot_act(model) {
        Some(why) => Err(why),
        None => model.change().ok_or_else(|| NO_CHANGE.to_owned()),
    }
}

fn cannot_approve(model: &Model) -> Option<String> {
    if let Some(why) = cannot_act(model) {
        return Some(why);
    }
    match waiting_change(model) {
        Err(why) => Some(why),
        Ok(id) => {
            let change = model.state.changes.get(&id)?;
            if !model.seats(change).is_empty() {
                return None;
            }
            let refusal = role_to_fill(&model.state, change, model.my_name()).err();
            refusal.map(|refusal| model.in_keys(&refusal.words()))
        }
    }
}

/// Those who agree in the place of the one who looks.
fn deputies_named(model: &Model) -> Vec<String> {
    let me = model.my_name();
    let running = model.state.delegations.iter().filter(|lent| lent.from == me && lent.until > model.now);
    let mut names: Vec<String> = running.map(|lent| lent.to.clone()).collect();
    names.dedup();
    names
}

fn write(model: &mut Model, purpose: fn(ChangeId) -> Writing) -> Vec<Request> {
    match model.change() {
        Some(id) => open_form(model, &purpose(id), None),
        None => Vec::new(),
    }
}

/// First look, then agree: from elsewhere it opens the change, on its page it asks.
fn approve(model: &mut Model) -> Vec<Request> {
    let Ok(id) = waiting_change(model) else { return Vec::new() };
    if *model.screen() != Screen::Change(id) {
        return open(model, Screen::Change(id));
    }
    write(model, Writing::Approve)
}

fn implement(model: &mut Model) -> Vec<Request> {
    let Some(change) = model.change().and_then(|id| model.state.changes.get(&id)) else { return Vec::new() };
    let lines = vec![change.title.clone(), "It was agreed to, and begins now.".to_owned()];
    let command = Command::ImplementChange { change: change.id };
    confirm(model, format!("Carry {} out", change.id), lines, "Carry it out", command)
}

/// Asks before the plan that is shown is asked for.
pub(super) fn go_on_with_plan(model: &mut Model) -> Vec<Request> {
    let Some(asked) = model.asked.clone() else { return Vec::new() };
    let Ok(plan) = &asked.plan else { return Vec::new() };
    let mut lines: Vec<String> = Vec::new();
    match &asked.dry_run {
        Loaded::Here(dry_run) => lines.extend(
            dry_run
                .components
                .iter()
                .map(|component| format!("Changes {}: {}", component.component, effect(component))),
        ),
        Loaded::Waiting => lines.push("WAIT    what it changes is still being found out".to_owned()),
        Loaded::Failed(why) => lines.push(format!("UNKNOWN what it changes could not be found out: {why}")),
    }
    lines.push(match &plan.loses {
        Some(loses) => format!("LOSES   {loses}"),
        None if plan.components().next().is_some() => "Loses   nothing; a safety snapshot is taken first".to_owned(),
        None => "Loses   unknown; codeblue cannot take back what an action does".to_owned(),
    });
    let found = model.assessment(plan);
    lines.push(if let Some(glass) = found.break_glass {
        format!("Runs    at once under {glass}: nobody has agreed, and it does not count as approved")
    } else if found.required.is_empty() {
        "Runs    at once".to_owned()
    } else {
        let roles: Vec<&str> = found.required.iter().map(|role| role_name(*role)).collect();
        format!("Waits   for the {} (somebody else than you)", roles.join(" and the "))
    });
    let mut components = plan.components();
    let name = match (components.next(), components.next(), plan.services.first()) {
        (Some(only), None, _) => Some(only.to_owned()),
        (_, _, Some(service)) => Some(service.clone()),
        (first, _, None) => first.map(str::to_owned),
    };
    model.overlay = Some(Overlay::Confirm(Confirm {
        title: text::capitalised(&plan.title),
        lines,
        verb: "Go on".to_owned(),
        name,
        typed: String::new(),
        go: false,
        requests: vec![Request::Submit(Box::new(asked.command))],
    }));
    Vec::new()
}
