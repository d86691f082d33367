//! Who is calling: the kernel names the user at the other end of the socket, the state says which operator that is. A program
//! may show a token instead, and then acts for its operator within its scope.

use axum::{
    extract::FromRequestParts,
    http::{Method, StatusCode, header::AUTHORIZATION, request::Parts},
};

use super::{problem::Problem, routes::Api};
use crate::{
    domain::{Actor, ApiToken, Command, Operator, RunId, State, TokenSecret},
    engine::{AS_HEADER, Answer, Asking, CODE_HEADER, Code, Shown, login_of},
    platform::Profile,
};

/// The user at the other end of the socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) uid: u32,
}

/// The operator who calls, with what was shown for it.
pub(super) struct Caller {
    pub(super) operator: Operator,
    pub(super) proof: Proof,
}

/// How sure it is that it is the operator who calls.
#[derive(Debug, Clone)]
pub(super) enum Proof {
    /// The login at the other end of the socket, and the code of a second factor where one was given.
    Login(Option<Code>),
    /// A token of the operator's.
    Token(Box<ApiToken>),
    /// It is the program of a step of this run, which the operator had run.
    Step(RunId),
}

impl Caller {
    pub(super) fn actor(&self) -> Actor {
        Actor::Operator(self.operator.name.clone())
    }

    /// Whoever shows a token.
    pub(super) async fn with_token(api: &Api, secret: &TokenSecret) -> Result<Self, Problem> {
        let (operator, proof) = of_secret(api, secret).await?;
        Ok(Self { operator, proof })
    }

    /// Gives a command as this caller.
    pub(super) async fn submit(self, api: &Api, command: Command) -> Result<Answer, Problem> {
        let actor = self.actor();
        let shown = match self.proof {
            Proof::Token(token) => Shown::Token(token.id),
            Proof::Step(run) => Shown::Step(run),
            Proof::Login(Some(code)) => Shown::Code(code),
            Proof::Login(None) => Shown::Nothing,
        };
        Ok(api.engine.submit_as(command, Asking { actor, shown }).await?)
    }

    /// The token that was shown in place of a login.
    pub(super) fn token(&self) -> Option<&ApiToken> {
        if let Proof::Token(token) = &self.proof { Some(token) } else { None }
    }

    /// For a question that is not asked with GET.
    pub(super) fn may_look(&self) -> Result<(), Problem> {
        match self.token() {
            Some(token) if !token.scope.may_read() => Err(too_narrow(token)),
            _ if self.operator.disabled => Err(disabled(&self.operator)),
            _ => Ok(()),
        }
    }

    /// For what is no command and yet more than looking.
    pub(super) fn may_act(&self) -> Result<(), Problem> {
        if let Some(token) = self.token().filter(|token| !(token.scope.may_read() && token.scope.may_report())) {
            return Err(too_narrow(token));
        }
        self.has_a_role()
    }

    /// For what programs tell.
    pub(super) fn may_report(&self) -> Result<(), Problem> {
        if let Some(token) = self.token().filter(|token| !token.scope.may_report()) {
            return Err(too_narrow(token));
        }
        self.has_a_role()
    }

    /// For what is a person's own: no program does it.
    pub(super) fn is_a_person(&self) -> Result<(), Problem> {
        match &self.proof {
            Proof::Login(_) => Ok(()),
            Proof::Step(_) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "step-may-not",
                "this takes the person, not a step of a runbook",
            )),
            Proof::Token(_) => {
                Err(Problem::new(StatusCode::FORBIDDEN, "token-may-not", "this takes the person, not a token"))
            }
        }
    }

    /// The same caller, unless it asks what it may not. Everybody may ask who they are.
    fn asking(self, parts: &Parts) -> Result<Self, Problem> {
        let path = parts.uri.path();
        if parts.method == Method::GET && path != WHOAMI && !path.starts_with(PINGS) {
            self.may_look()?;
        }
        Ok(self)
    }

    fn has_a_role(&self) -> Result<(), Problem> {
        if self.operator.may_act() {
            return Ok(());
        }
        let message = format!("{} may look but not act", self.operator.name);
        Err(Problem::new(StatusCode::FORBIDDEN, "operator-may-not", message)
            .hint("an operator with the role engineer or higher can"))
    }
}

fn disabled(operator: &Operator) -> Problem {
    let message = format!("{} does not work here any more", operator.name);
    Problem::new(StatusCode::FORBIDDEN, "operator-may-not", message)
}

fn too_narrow(token: &ApiToken) -> Problem {
    let scope = format!("{:?}", token.scope).to_lowercase();
    Problem::new(StatusCode::FORBIDDEN, "token-scope", format!("{} may {scope} and no more", token.id))
        .hint("make one with another scope: codeblue token create --scope …")
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let claimed = header(parts, AS_HEADER)?;
        if parts.headers.contains_key(AUTHORIZATION) {
            let (operator, proof) = bearer(parts, api).await?;
            if claimed.is_some_and(|name| name != operator.name) {
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "token-of-another",
                    "this token is another operator's",
                ));
            }
            return Self { operator, proof }.asking(parts);
        }
        let code = match header(parts, CODE_HEADER)? {
            None => None,
            Some(text) => Some(Code::read(text).ok_or_else(|| Problem::bad_request("this is no code"))?),
        };
        let peer = parts.extensions.get::<Peer>().copied();
        let login = peer.and_then(|peer| login_of(peer.uid));
        let operator = identify(&api.engine.state(), login.as_deref(), claimed)?;
        Self { operator, proof: Proof::Login(code) }.asking(parts)
    }
}

/// Where jobs tell that they have run, and many can only ask with GET.
const PINGS: &str = "/ping/";

/// The one question that every token may ask.
pub(super) const WHOAMI: &str = "/api/v1/whoami";

fn header<'a>(parts: &'a Parts, name: &str) -> Result<Option<&'a str>, Problem> {
    let value = parts.headers.get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| Problem::bad_request(format!("the header {name} is no text")))
}

/// The operator for whom a token acts, or for whom the engine vouches.
async fn bearer(parts: &Parts, api: &Api) -> Result<(Operator, Proof), Problem> {
    let told = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = told.and_then(|told| told.strip_prefix("Bearer ")).and_then(TokenSecret::read).ok_or_else(|| {
        Problem::new(StatusCode::UNAUTHORIZED, "token-unknown", "this is no token of codeblue")
            .hint("Authorization: Bearer cb_…, as `codeblue token create` showed it")
    })?;
    of_secret(api, &secret).await
}

async fn of_secret(api: &Api, secret: &TokenSecret) -> Result<(Operator, Proof), Problem> {
    // A program of a runbook's step acts as whoever had the step run.
    if let Some((operator, run)) = api.engine.vouched_for(secret) {
        return Ok((operator, Proof::Step(run)));
    }
    let known = api.engine.operator_of(secret).await;
    known
        .map(|(operator, token)| (operator, Proof::Token(Box::new(token))))
        .map_err(|refusal| Problem::refused_as(StatusCode::UNAUTHORIZED, refusal))
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
