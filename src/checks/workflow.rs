//! Requests one after the other, as somebody who works with a service makes them: what one answer gives, later requests use.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use reqwest::Url;

use super::{
    client::{Answer, Clients, Request},
    http,
    outcome::{Finding, took},
};
use crate::platform::{Content, Header, HttpProbe, JsonPath, Reading, Taken, WorkflowStep, count, fill};

/// Runs all steps within one deadline; the first that fails ends it.
pub(super) async fn probe(clients: &Clients, steps: &[WorkflowStep], within: Duration, now: DateTime<Utc>) -> Finding {
    let begun = Instant::now();
    let mut visit = Visit::default();
    let mut troubled = None;
    for (index, step) in steps.iter().enumerate() {
        let left = within.saturating_sub(begun.elapsed());
        let found = visit.make(clients, step, left, now).await;
        let detail = format!("step {} of {} ({}): {}", index + 1, steps.len(), label(step), found.detail);
        match found.reading {
            Reading::Bad => return Finding { detail, ..found },
            Reading::Slow => {
                troubled.get_or_insert(Finding { detail, ..found });
            }
            Reading::Good => {}
        }
    }
    let all = || Finding::good(format!("{} in {}", count(steps.len(), "step"), took(begun.elapsed())));
    troubled.unwrap_or_else(all)
}

/// Its name, or method and path as they are written: what goes into them is not shown.
fn label(step: &WorkflowStep) -> String {
    let HttpProbe { url, method, .. } = &step.request;
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    step.name.clone().unwrap_or_else(|| format!("{} /{path}", method.name()))
}

/// What one run has been told so far; all of it is a secret.
#[derive(Default)]
struct Visit {
    values: BTreeMap<String, String>,
    /// Host, name and value.
    cookies: Vec<(String, String, String)>,
}

impl Visit {
    async fn make(&mut self, clients: &Clients, step: &WorkflowStep, left: Duration, now: DateTime<Utc>) -> Finding {
        let probe = &step.request;
        let url = self.filled(&probe.url, percent);
        let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let mut headers: Vec<Header> = probe.headers.iter().map(|header| self.header(header)).collect();
        headers.extend(self.cookies_for(&host));
        let send = probe.send.as_ref().map(|send| match send {
            Content::Text(text) if is_form(&headers) => Content::Text(self.filled(text, percent)),
            Content::Text(text) => Content::Text(self.filled(text, escaped)),
            file @ Content::File(_) => file.clone(),
        });
        let request = Request {
            url: &url,
            method: probe.method,
            headers: &headers,
            send: send.as_ref(),
            authority: probe.authority.as_deref(),
            ..Request::default()
        };
        let mut answer = match clients.ask(&request, left).await {
            Ok(answer) => answer,
            Err(finding) => return finding,
        };
        for cookie in &answer.cookies {
            self.keep(&host, cookie);
        }
        let taken = self.take(&answer, &step.take);
        let mut found = http::examine(&answer, probe, now);
        if found.reading == Reading::Bad {
            // It may quote the answer; what that is judged by is the answer as it came.
            answer.body.hide(&self.secrets());
            found.detail = http::examine(&answer, probe, now).detail;
        }
        match taken {
            Err(lacking) if found.reading != Reading::Bad => Finding::bad(format!("{}, but {lacking}", answer.head)),
            _ => found,
        }
    }

    fn header(&self, header: &Header) -> Header {
        let value = match &header.value {
            Content::Text(text) => Content::Text(self.filled(text, str::to_owned)),
            file @ Content::File(_) => file.clone(),
        };
        Header { name: header.name.clone(), value }
    }

    fn filled(&self, text: &str, write: fn(&str) -> String) -> String {
        fill(text, |name| self.values.get(name).map(|value| write(value)))
    }

    fn take(&mut self, answer: &Answer, wanted: &[Taken]) -> Result<(), String> {
        if wanted.is_empty() {
            return Ok(());
        }
        let document: serde_json::Value =
            serde_json::from_slice(&answer.body.bytes).map_err(|_| "the body is not JSON".to_owned())?;
        for Taken { name, path } in wanted {
            let value = JsonPath::parse(path).and_then(|path| path.find(&document).cloned());
            let text = match value {
                Some(serde_json::Value::String(text)) => text,
                Some(serde_json::Value::Number(number)) => number.to_string(),
                Some(_) => return Err(format!("{path} is neither text nor number")),
                None => return Err(format!("the body has no {path}")),
            };
            self.values.insert(name.clone(), text);
        }
        Ok(())
    }

    /// Keeps what a `Set-Cookie` header says, for the host that said it.
    fn keep(&mut self, host: &str, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        self.cookies.retain(|(owner, known, _)| owner != host || known != name);
        let gone = parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
        if !gone {
            self.cookies.push((host.to_owned(), name.to_owned(), value.to_owned()));
        }
    }

    fn cookies_for(&self, host: &str) -> Option<Header> {
        let pairs = self.cookies.iter().filter(|(owner, ..)| owner == host);
        let pairs: Vec<String> = pairs.map(|(_, name, value)| format!("{name}={value}")).collect();
        let value = Content::Text(pairs.join("; "));
        (!pairs.is_empty()).then(|| Header { name: "cookie".to_owned(), value })
    }

    /// All of it in each way in which an answer may repeat it; the longest first, which hold others.
    fn secrets(&self) -> Vec<String> {
        let told = self.values.values().chain(self.cookies.iter().map(|(_, _, value)| value));
        let mut secrets: Vec<String> =
            told.flat_map(|secret| [secret.clone(), escaped(secret), percent(secret)]).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }
}

fn is_form(headers: &[Header]) -> bool {
    headers.iter().any(|header| {
        let Content::Text(text) = &header.value else { return false };
        header.name == "content-type" && text.starts_with("application/x-www-form-urlencoded")
    })
}

/// As it stands in an address or a form, whatever it holds.
fn percent(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// As it stands between quotation marks in JSON.
fn escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use axum::{
        Json, Router,
        extract::Path,
        http::{HeaderMap, StatusCode, header},
        response::IntoResponse,
        routing::{get, post},
    };
    use serde_json::json;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Check, HttpMethod, JsonExpectation, Probe},
    };

    const TOKEN: &str = "tok/\"en 1";

    /// A service with a login: what a clinician does at the start of a shift.
    async fn serve() -> String {
        let login = |body: String| async move {
            if body != r#"{"user":"probe"}"# {
                return (StatusCode::UNAUTHORIZED, "who?").into_response();
            }
            let cookies = [(header::SET_COOKIE, "session=s3cr3tsession; Path=/; HttpOnly")];
            (cookies, Json(json!({"token": TOKEN, "ward": {"id": 17}}))).into_response()
        };
        let known = |headers: &HeaderMap| {
            headers.get("cookie").is_some_and(|cookie| cookie == "session=s3cr3tsession")
                && headers.get("authorization").is_some_and(|said| said.to_str().unwrap() == format!("Bearer {TOKEN}"))
        };
        let chart = move |Path((ward, token)): Path<(u32, String)>, headers: HeaderMap| async move {
            let fits = known(&headers) && ward == 17 && token == TOKEN;
            (if fits { StatusCode::OK } else { StatusCode::FORBIDDEN }, Json(json!({"echo": token, "dose": 5})))
        };
        let form = |body: String| async move { body };
        let echo = |Json(body): Json<serde_json::Value>| async move { Json(body) };
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(60)).await;
        };
        let router = Router::new()
            .route("/login", post(login))
            .route("/ward/{ward}/chart/{token}", get(chart))
            .route("/form", post(form))
            .route("/echo", post(echo))
            .route("/slow", get(slow));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn step(url: String) -> WorkflowStep {
        WorkflowStep { name: None, request: HttpProbe { url, ..HttpProbe::default() }, take: Vec::new() }
    }

    fn login(base: &str) -> WorkflowStep {
        let mut step = step(format!("{base}/login"));
        step.request.method = HttpMethod::Post;
        step.request.send = Some(Content::Text(r#"{"user":"probe"}"#.to_owned()));
        let taken = |name: &str, path: &str| Taken { name: name.to_owned(), path: path.to_owned() };
        step.take = vec![taken("token", "$.token"), taken("ward", "$.ward.id")];
        step
    }

    fn chart(base: &str) -> WorkflowStep {
        let mut step = step(format!("{base}/ward/{{ward}}/chart/{{token}}"));
        let authorization = Content::Text("Bearer {token}".to_owned());
        step.request.headers = vec![Header { name: "authorization".to_owned(), value: authorization }];
        step
    }

    async fn run(steps: Vec<WorkflowStep>, within: Duration) -> Outcome {
        let check = Check { within, slow: within, ..check(Probe::Workflow { steps }) };
        let outcome = Prober::new().probe(&check).await;
        let secrets = ["tok/", "tok%2F", "s3cr3tsession"];
        assert!(!secrets.iter().any(|secret| outcome.detail.contains(secret)), "{}", outcome.detail);
        outcome
    }

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn what_a_step_is_told_the_next_ones_use() {
        let base = serve().await;
        let outcome = run(vec![login(&base), chart(&base)], SOON).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
        assert!(outcome.detail.starts_with("2 steps in "), "{}", outcome.detail);
        let outcome = run(vec![chart(&base)], SOON).await;
        assert!(outcome.detail.starts_with("step 1 of 1 (GET /ward/{ward}/chart/{token}): HTTP 400"), "{outcome:?}");

        let mut form = step(format!("{base}/form"));
        let kind = Content::Text("application/x-www-form-urlencoded".to_owned());
        form.request.headers = vec![Header { name: "content-type".to_owned(), value: kind }];
        form.request.method = HttpMethod::Post;
        form.request.send = Some(Content::Text("t={token}&w={ward}".to_owned()));
        form.request.body = Some("t=tok%2F%22en%201&w=17".to_owned());
        let mut echo = step(format!("{base}/echo"));
        echo.request.method = HttpMethod::Post;
        let kind = Content::Text("application/json".to_owned());
        echo.request.headers = vec![Header { name: "content-type".to_owned(), value: kind }];
        echo.request.send = Some(Content::Text(r#"{"ward": {ward}, "token": "{token}"}"#.to_owned()));
        echo.request.json = Some(JsonExpectation { path: "$.ward".to_owned(), equals: json!(17) });
        let outcome = run(vec![login(&base), form, echo], SOON).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
    }

    #[tokio::test]
    async fn the_step_that_failed_is_named_and_no_later_one_is_made() {
        let base = serve().await;
        let mut wrong = chart(&base);
        wrong.name = Some("open a chart".to_owned());
        wrong.request.json = Some(JsonExpectation { path: "$.echo".to_owned(), equals: json!("else") });
        let unreachable = step("http://127.0.0.1:1/".to_owned());
        let outcome = run(vec![login(&base), wrong, unreachable], SOON).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("step 2 of 3 (open a chart): HTTP 200 in "), "{outcome:?}");
        assert!(outcome.detail.ends_with("but $.echo is \"***\", expected \"else\""), "{outcome:?}");

        let mut lacking = login(&base);
        lacking.take.push(Taken { name: "more".to_owned(), path: "$.more".to_owned() });
        let outcome = run(vec![lacking, chart(&base)], SOON).await;
        assert!(outcome.detail.ends_with("but the body has no $.more"), "{outcome:?}");
        let mut stranger = login(&base);
        stranger.request.send = Some(Content::Text("{}".to_owned()));
        let outcome = run(vec![stranger, chart(&base)], SOON).await;
        assert!(outcome.detail.starts_with("step 1 of 2 (POST /login): HTTP 401 in "), "{outcome:?}");
    }

    #[tokio::test]
    async fn one_deadline_is_over_all_steps() {
        let base = serve().await;
        let steps = vec![login(&base), step(format!("{base}/slow")), chart(&base)];
        let outcome = run(steps, Duration::from_millis(300)).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("step 2 of 3 (GET /slow): connected, but no answer within"), "{outcome:?}");
        assert!(outcome.latency < Duration::from_secs(3), "{outcome:?}");
    }

    #[tokio::test]
    async fn cookies_go_back_to_the_host_that_set_them_until_it_takes_them_away() {
        let mut visit = Visit::default();
        let said = |visit: &Visit, host: &str| match visit.cookies_for(host).map(|header| header.value) {
            Some(Content::Text(text)) => text,
            _ => String::new(),
        };
        visit.keep("a", "s=1; Path=/");
        visit.keep("a", "t=2=3");
        visit.keep("b", "s=9");
        visit.keep("a", "s=4; Secure");
        visit.keep("a", "no pair");
        assert_eq!((said(&visit, "a").as_str(), said(&visit, "b").as_str()), ("t=2=3; s=4", "s=9"));
        visit.keep("a", "s=; Max-Age=0");
        assert_eq!((said(&visit, "a").as_str(), said(&visit, "c").as_str()), ("t=2=3", ""));
    }
}
