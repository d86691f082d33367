//! What can be done with a change that waits.

use super::{
    here::{ask, cannot_act, confirm, open, waiting_change},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{Command, role_name, role_to_fill},
    tui::{
        effect::effect,
        message::Request,
        model::{Confirm, Loaded, Model, Overlay, Purpose, Screen},
        term::input::Key,
        text,
    },
};

pub(super) static ACTIONS: &[Action] = &[
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
    Action {
        name: "reject",
        keys: &[Key::Char('x')],
        label: "Reject",
        about: "Say no to the change",
        place: Where::Change,
        danger: Danger::Guarded,
        disabled: |model| cannot_act(model).or_else(|| waiting_change(model).err()),
        run: |model| match waiting_change(model) {
            Ok(id) => ask(model, format!("Why is {id} rejected?"), Purpose::Reject(id)),
            Err(_) => Vec::new(),
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

fn cannot_approve(model: &Model) -> Option<String> {
    if let Some(why) = cannot_act(model) {
        return Some(why);
    }
    match waiting_change(model) {
        Err(why) => Some(why),
        Ok(id) => {
            let me = model.me.as_ref().map(|me| me.name.as_str()).unwrap_or_default();
            let change = model.state.changes.get(&id)?;
            role_to_fill(&model.state, change, me).err().map(|refusal| match refusal.hint {
                Some(hint) => format!("{}; {hint}", refusal.message),
                None => refusal.message,
            })
        }
    }
}

/// First look, then agree: from elsewhere it opens the change, on its page it asks.
fn approve(model: &mut Model) -> Vec<Request> {
    let Ok(id) = waiting_change(model) else { return Vec::new() };
    if *model.screen() != Screen::Change(id) {
        return open(model, Screen::Change(id));
    }
    let Some(change) = model.state.changes.get(&id) else { return Vec::new() };
    let lines = vec![
        change.title.clone(),
        format!("risk {} of 10 · plan {}", change.risk.score, &change.plan_hash[..12.min(change.plan_hash.len())]),
        change.plan.loses.as_ref().map_or_else(|| "nothing is lost".to_owned(), |loses| format!("LOSES {loses}")),
    ];
    let command = Command::ApproveChange {
        change: id,
        plan_hash: change.plan_hash.clone(),
        reason: String::new(),
        round: Some(change.round),
        on_behalf_of: None,
        signature: None,
    };
    confirm(model, format!("Approve {id}"), lines, "Approve", command)
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
        opened: model.now,
        requests: vec![Request::Submit(Box::new(asked.command))],
    }));
    Vec::new()
}
