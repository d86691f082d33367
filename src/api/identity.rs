//! Who is calling: the kernel names the user at the other end of the socket, the state says which operator that is.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use super::{problem::Problem, routes::Api};
use crate::{
    domain::{Actor, Operator, State},
    engine::{AS_HEADER, login_of},
    platform::Profile,
};

/// The user at the other end of the socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) uid: u32,
}

/// The operator who calls.
pub(super) struct Caller(pub(super) Operator);

impl Caller {
    pub(super) fn actor(&self) -> Actor {
        Actor::Operator(self.0.name.clone())
    }

    /// For what is no command and yet more than looking.
    pub(super) fn may_act(&self) -> Result<(), Problem> {
        if self.0.may_act() {
            return Ok(());
        }
        let message = format!("{} may look but not act", self.0.name);
        Err(Problem::new(StatusCode::FORBIDDEN, "operator-may-not", message)
            .hint("an operator with the role engineer or higher can"))
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().copied();
        let claimed = parts.headers.get(AS_HEADER).and_then(|value| value.to_str().ok());
        let login = peer.and_then(|peer| login_of(peer.uid));
        identify(&api.engine.state(), login.as_deref(), claimed).map(Self)
    }
}

fn identify(state: &State, login: Option<&str>, claimed: Option<&str>) -> Result<Operator, Problem> {
    let Some(login) = login else {
        return Err(unauthorised("the user at the other end of the socket has no login on this host"));
    };
    let mine: Vec<&Operator> =
        state.operators.values().filter(|operator| operator.login.as_deref() == Some(login)).collect();
    let chosen = match claimed {
        None => mine.iter().find(|operator| !operator.disabled).or(mine.first()).copied(),
        Some(name) if state.platform.profile == Profile::Drill || mine.len() == 1 => {
            mine.iter().find(|operator| operator.name == name).copied()
        }
        Some(_) => {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "as-in-drill-only",
                "only in a drill may one login be several people",
            ));
        }
    };
    chosen.cloned().ok_or_else(|| match claimed {
        Some(name) => unauthorised(format!("login {login} is not operator {name}")),
        None => unauthorised(format!("login {login} belongs to no operator")),
    })
}

fn unauthorised(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "no-identity", message)
        .hint("ask a technical lead to run: codeblue operator add NAME --role engineer --login LOGIN")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Role;

    fn state(profile: Profile) -> State {
        let mut state = State::default();
        let mut platform = crate::platform::Platform::clone(&state.platform);
        platform.profile = profile;
        state.platform = platform.into();
        for name in ["alice", "bob"] {
            state.operators.insert(
                name.to_owned(),
                Operator {
                    name: name.to_owned(),
                    roles: [Role::Engineer].into(),
                    login: Some("ops".to_owned()),
                    ..Operator::default()
                },
            );
        }
        state
    }

    #[test]
    fn a_login_is_its_operator_and_in_a_drill_the_one_it_names() {
        let name = |result: Result<Operator, Problem>| result.ok().map(|operator| operator.name);
        assert_eq!(name(identify(&state(Profile::Drill), Some("ops"), None)).as_deref(), Some("alice"));
        assert_eq!(name(identify(&state(Profile::Drill), Some("ops"), Some("bob"))).as_deref(), Some("bob"));
        assert_eq!(name(identify(&state(Profile::Drill), Some("ops"), Some("eve"))), None);
        assert_eq!(name(identify(&state(Profile::Production), Some("ops"), Some("bob"))), None);
        assert_eq!(name(identify(&state(Profile::Drill), Some("stranger"), None)), None);
        assert_eq!(name(identify(&state(Profile::Drill), None, None)), None);
    }
}
