//! What a board may ask of the world: nothing when it only looks, and nothing on the strength of news that is too old.

use super::{
    action::{Action, Danger},
    message::Request,
    model::{Asked, Model},
    text,
};
use crate::{domain::Command, engine::DryRunRequest};

/// Whether a board acts for somebody or only shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// It sends what the person at it asks for.
    #[default]
    Act,
    /// It shows everything and sends no command, whoever is at it.
    ReadOnly,
}

/// What a board says that only looks.
const READ_ONLY: &str = "read-only, so nothing is sent; start it without --read-only";

impl Action {
    /// Why it can do nothing now, in words.
    #[must_use]
    pub fn why_not(&self, model: &Model) -> Option<String> {
        (self.disabled)(model)
            .or_else(|| (self.danger > Danger::View).then(|| cannot_send(model)).flatten())
            .or_else(|| too_old(model, self))
    }
}

/// Why this board sends no command at all.
#[must_use]
pub fn cannot_send(model: &Model) -> Option<String> {
    (model.access == Access::ReadOnly).then(|| READ_ONLY.to_owned())
}

/// Whether a request changes something outside the board.
pub(super) fn is_act(request: &Request) -> bool {
    match request {
        Request::Submit(command) | Request::SubmitWithCode(command, _) => {
            !matches!(**command, Command::LockSession | Command::UnlockSession)
        }
        Request::Inject(_) | Request::Heal | Request::Hold(_) | Request::Become(_) => true,
        _ => false,
    }
}

/// Takes every act out of what a read-only board asks for: a way to one that no action guards ends here.
pub(super) fn only_look(model: &mut Model, requests: Vec<Request>) -> Vec<Request> {
    let Some(why) = cannot_send(model) else { return requests };
    let all = requests.len();
    let rest: Vec<Request> = requests
        .into_iter()
        .filter(|request| !is_act(request) && !matches!(request, Request::Submit(_) | Request::SubmitWithCode(..)))
        .collect();
    if rest.len() < all {
        model.say(why, true);
    }
    rest
}

/// Why the news that an action rests on is too old to act on. Taking something back is never held up: it rests on what was done.
fn too_old(model: &Model, action: &Action) -> Option<String> {
    let services: Vec<String> = match action.name {
        "roll-back" | "roll-back-to" => model.service().into_iter().collect(),
        "go-on" => match model.asked.as_ref()? {
            Asked { request: DryRunRequest::Undo { .. }, .. } => return None,
            asked => asked.plan.as_ref().ok()?.services.clone(),
        },
        "implement" => {
            let change = model.change().and_then(|id| model.state.changes.get(&id))?;
            change.plan.services.clone()
        }
        _ => return None,
    };
    let known = services.into_iter().filter_map(|name| Some((model.silence_of(&name)?, name)));
    let (age, name) = known.max_by_key(|(age, _)| *age)?;
    Some(format!("health of {name} is {} old; codeblue doctor says why", text::span(age)))
}
