//! A real completion of a language model, behind the interface that OpenAI's has made common: a server that answers, but
//! answers nonsense, is down.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    client::{Clients, Request},
    outcome::{Finding, line},
};
use crate::platform::{Content, Header, HttpMethod, InferenceAnswer, InferenceProbe};

/// So much of an answer is quoted.
const QUOTE: usize = 60;

pub(super) async fn probe(clients: &Clients, probe: &InferenceProbe, within: Duration) -> Finding {
    let messages = json!([{ "role": "user", "content": probe.prompt }]);
    let mut body = json!({ "messages": messages, "temperature": 0, "stream": false });
    if let Some(model) = &probe.model {
        body["model"] = json!(model);
    }
    let url = address(&probe.url);
    let send = Content::Text(body.to_string());
    let json = Content::Text("application/json".to_owned());
    let json = Header { name: "content-type".to_owned(), value: json };
    let request = Request {
        url: &url,
        method: HttpMethod::Post,
        headers: &[json],
        send: Some(&send),
        bearer: probe.key_file.as_deref(),
        ..Request::default()
    };
    let (answer, document) = match clients.ask_json(&request, within).await {
        Ok(answered) => answered,
        Err(finding) => return finding,
    };
    match document.pointer("/choices/0/message/content").and_then(Value::as_str) {
        Some(text) => judge(&answer.head, text, &probe.answer),
        None => Finding::bad(format!("{}, but it is no completion: \"{}\"", answer.head, answer.quote())),
    }
}

/// The address of a server, or of its API, or of the very resource, as people copy them.
fn address(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.ends_with("/chat/completions") {
        url.to_owned()
    } else if url.ends_with("/v1") {
        format!("{url}/chat/completions")
    } else {
        format!("{url}/v1/chat/completions")
    }
}

fn judge(head: &str, text: &str, expected: &InferenceAnswer) -> Finding {
    let said = line(text, QUOTE);
    match expected {
        InferenceAnswer::Text(wanted) if text.contains(wanted.as_str()) => {
            Finding::good(format!("{head}, the answer is right"))
        }
        InferenceAnswer::Text(wanted) => {
            Finding::bad(format!("{head}, but it answered \"{said}\", which lacks \"{}\"", line(wanted, QUOTE)))
        }
        InferenceAnswer::Number { value, tolerance } => match number(text) {
            Some(found) if (found - value.get()).abs() <= tolerance.get() => {
                Finding { figure: Some(found), ..Finding::good(format!("{head}, it answered {found}")) }
            }
            Some(found) => Finding {
                figure: Some(found),
                ..Finding::bad(format!(
                    "{head}, but it answered {found}, expected {} ± {}",
                    value.get(),
                    tolerance.get()
                ))
            },
            None => Finding::bad(format!("{head}, but it answered \"{said}\", which holds no number")),
        },
    }
}

/// The first number in a text.
fn number(text: &str) -> Option<f64> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-')));
    words.filter_map(|word| word.trim_end_matches(['.', '-']).parse().ok()).next()
}

#[cfg(test)]
mod tests {
    use axum::{
        Json, Router,
        http::{HeaderMap, StatusCode},
        routing::post,
    };
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Figure, Probe, Reading},
    };

    /// A model that repeats what it is asked, and its server, which wants a token and no chance.
    async fn server() -> String {
        let complete = |headers: HeaderMap, Json(asked): Json<Value>| async move {
            if headers.get("authorization").is_none_or(|value| value != "Bearer opensesame") {
                return (StatusCode::UNAUTHORIZED, r#"{"error": {"message": "wrong key opensesame"}}"#.to_owned());
            }
            if asked["temperature"] != json!(0) || asked["model"] != json!("ward-7b") {
                return (StatusCode::BAD_REQUEST, String::new());
            }
            let text = &asked["messages"][0]["content"];
            (StatusCode::OK, json!({"choices": [{"message": {"role": "assistant", "content": text}}]}).to_string())
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/chat/completions", post(complete));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    async fn ask(url: &str, key: &str, prompt: &str, answer: InferenceAnswer) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, key).unwrap();
        let probe = InferenceProbe {
            url: url.to_owned(),
            model: Some("ward-7b".to_owned()),
            prompt: prompt.to_owned(),
            answer,
            key_file: Some(key_file),
        };
        Prober::new().probe(&check(Probe::Inference(probe))).await
    }

    fn about(value: f64, tolerance: f64) -> InferenceAnswer {
        InferenceAnswer::Number { value: Figure::new(value).unwrap(), tolerance: Figure::new(tolerance).unwrap() }
    }

    #[tokio::test]
    async fn a_wrong_answer_is_bad_however_fluently_it_comes() {
        let url = server().await;
        let text = |text: &str| InferenceAnswer::Text(text.to_owned());
        for (prompt, answer, result, told) in [
            ("The capital is Paris.", text("Paris"), Reading::Good, ", the answer is right"),
            ("It is Lyon.", text("Paris"), Reading::Bad, ", but it answered \"It is Lyon.\", which lacks \"Paris\""),
            ("About -0.5 mg.", about(-0.4, 0.2), Reading::Good, ", it answered -0.5"),
            ("5 mg - or so.", about(0.5, 0.1), Reading::Bad, ", but it answered 5, expected 0.5 ± 0.1"),
            ("None.", about(0.5, 0.1), Reading::Bad, ", but it answered \"None.\", which holds no number"),
        ] {
            let outcome = ask(&url, "opensesame\n", prompt, answer).await;
            assert_eq!(outcome.result, result, "{}", outcome.detail);
            assert!(outcome.detail.starts_with("HTTP 200 in ") && outcome.detail.ends_with(told), "{}", outcome.detail);
        }
    }

    #[tokio::test]
    async fn a_refused_key_is_told_and_never_shown() {
        let url = server().await;
        let outcome = ask(&url, "open", "2 + 2?", about(4.0, 0.0)).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("HTTP 401 in ") && outcome.detail.ends_with(": \"wrong key ***sesame\""));
    }

    #[test]
    fn a_server_is_found_by_any_of_its_addresses() {
        for url in ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/", "http://h:1/v1/chat/completions"] {
            assert_eq!(address(url), "http://h:1/v1/chat/completions");
        }
        assert_eq!(address("http://h/openai/v1"), "http://h/openai/v1/chat/completions");
    }
}
