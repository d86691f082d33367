//! Who is calling: the kernel names the user at the other end of the socket, the state says which operator that is. A program
//! may show a token instead, and then acts for its operator within its scope. Over TLS there is no user: an operator is known by a
//! token, or by a certificate of the engine's authority.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{Method, StatusCode, header::AUTHORIZATION, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{problem::Problem, routes::Api};
use crate::{
    domain::{self, Actor, ApiToken, Command, Operator, RunId, TokenSecret},
    engine::{AS_HEADER, Answer, Asking, CODE_HEADER, Code, Shown, login_of},
    platform::Profile,
};

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(super) enum Peer {
    /// A user of this host, on the socket.
    User(u32),
    /// Somebody on another host, over TLS.
    Guest {
        /// The address, of IPv6 its network.
        from: IpAddr,
        /// The fingerprint of the certificate shown, which the engine's authority has signed.
        certificate: Option<Arc<str>>,
    },
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
    /// A certificate of the operator's, by its serial number, and the code of a second factor where one was given.
    Certificate(String, Option<Code>),
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
        Ok(api.engine.submit_as(command, self.asking_for()).await?)
    }

    /// Who asks, with what was shown for it.
    pub(super) fn asking_for(self) -> Asking {
        let actor = self.actor();
        let shown = match self.proof {
            Proof::Token(token) => Shown::Token(token.id),
            Proof::Step(run) => Shown::Step(run),
            Proof::Login(Some(code)) | Proof::Certificate(_, Some(code)) => Shown::Code(code),
            Proof::Login(None) | Proof::Certificate(_, None) => Shown::Nothing,
        };
        Asking { actor, shown }
    }

    /// The token that was shown in place of a login.
    pub(super) fn token(&self) -> Option<&ApiToken> {
        if let Proof::Token(token) = &self.proof { Some(token) } else { None }
    }

    /// The serial number of the certificate by which the operator is known.
    pub(super) fn certificate(&self) -> Option<&str> {
        if let Proof::Certificate(serial, _) = &self.proof { Some(serial) } else { None }
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
            Proof::Login(_) | Proof::Certificate(..) => Ok(()),
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
        let (operator, proof) = match parts.extensions.get::<Peer>() {
            Some(Peer::User(uid)) => {
                let login = login_of(*uid);
                (identify(&api.engine.state(), login.as_deref(), claimed)?, Proof::Login(code))
            }
            Some(Peer::Guest { certificate: Some(fingerprint), .. }) => {
                let (operator, certificate) = certified(api, fingerprint, claimed).await?;
                (operator, Proof::Certificate(certificate, code))
            }
            Some(Peer::Guest { certificate: None, .. }) | None => return Err(unknown_guest()),
        };
        Self { operator, proof }.asking(parts)
    }
}

/// Who comes over TLS gets no further than to ask whether the engine is well, before it is known who that is.
pub(super) async fn known(State(api): State<Api>, request: Request, next: Next) -> Response {
    let is_guest = matches!(request.extensions().get(), Some(Peer::Guest { .. }));
    // A job that can send no header shows its token in the path of a ping.
    let path = request.uri().path();
    if !is_guest || path == HEALTH || path.starts_with(PINGS) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match Caller::from_request_parts(&mut parts, &api).await {
        Ok(_) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

/// The operator of a certificate, and its serial number.
async fn certified(api: &Api, fingerprint: &str, claimed: Option<&str>) -> Result<(Operator, String), Problem> {
    let known = api.engine.operator_of_certificate(fingerprint).await;
    let (operator, certificate) = known.map_err(|refusal| Problem::refused_as(StatusCode::UNAUTHORIZED, refusal))?;
    if claimed.is_some_and(|name| name != operator.name) {
        let message = "this certificate is another operator's";
        return Err(Problem::new(StatusCode::FORBIDDEN, "certificate-of-another", message)
            .hint("only on the socket, and only in a drill, may one login be several people"));
    }
    Ok((operator, certificate.serial))
}

fn unknown_guest() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "no-identity", "over TLS an operator is known by a token or a certificate")
        .hint("Authorization: Bearer cb_… (codeblue token create), or a client certificate (codeblue operator certificate NAME)")
}

/// What anybody may ask.
const HEALTH: &str = "/healthz";

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

fn identify(state: &domain::State, login: Option<&str>, claimed: Option<&str>) -> Result<Operator, Problem> {
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

    fn state(profile: Profile) -> domain::State {
        let mut state = domain::State::default();
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
