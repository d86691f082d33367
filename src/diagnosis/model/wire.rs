//! Chat completions as OpenAI has made them common: what is sent, and what comes back whole or in pieces.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    habits::{Format, Habits, Limit},
    prompt::Prompt,
    schema,
    text::line,
};

/// Characters of an error that are told.
const TOLD: usize = 200;
/// Bytes of an answer; more is no opinion.
pub(super) const CONTENT: usize = 64 * 1024;

/// The body of a request. `again` asks once more for what did not come as JSON.
pub(super) fn body(model: &str, prompt: &Prompt, habits: &Habits, again: bool) -> Value {
    let mut system = prompt.system.clone();
    if again {
        system.push_str("\nYour last answer was no JSON object of this form. Write the object alone.");
    }
    let mut body = json!({
        "model": model,
        "messages": [{ "role": "system", "content": system }, { "role": "user", "content": prompt.user }],
    });
    if habits.stream {
        body["stream"] = json!(true);
        if habits.count {
            body["stream_options"] = json!({ "include_usage": true });
        }
    }
    if habits.temperature {
        body["temperature"] = json!(0);
    }
    let limit = match habits.limit {
        Limit::MaxTokens => "max_tokens",
        Limit::MaxCompletionTokens => "max_completion_tokens",
    };
    body[limit] = json!(habits.answer);
    let schema = || schema::schema(&prompt.shown);
    match habits.format {
        Format::Schema => {
            body["response_format"] = json!({
                "type": "json_schema",
                "json_schema": { "name": schema::NAME, "strict": true, "schema": schema() },
            });
        }
        Format::ObjectWithSchema => {
            body["response_format"] = json!({ "type": "json_object", "schema": schema() });
        }
        Format::Object => body["response_format"] = json!({ "type": "json_object" }),
        Format::Plain => {}
    }
    body
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    Filtered,
}

/// Tokens, as the server counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Counted {
    #[serde(default)]
    pub(super) prompt_tokens: u64,
    #[serde(default)]
    pub(super) completion_tokens: u64,
}

/// An answer as far as it has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) content: String,
    pub(super) refusal: String,
    pub(super) finish: Option<Finish>,
    pub(super) counted: Option<Counted>,
}

#[derive(Deserialize)]
struct Completion {
    choices: Option<Vec<Choice>>,
    usage: Option<Counted>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: Option<u64>,
    #[serde(alias = "delta")]
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Value>,
    refusal: Option<String>,
}

/// What is wrong with a piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is an error that the server tells in the middle of an answer.
    Error(ServerError),
    /// It is not of this interface.
    Strange(String),
    /// There is too much of it.
    TooLong,
}

impl Reply {
    /// Takes a whole answer or a piece of one in.
    pub(super) fn take(&mut self, data: &str) -> Result<(), Flaw> {
        let completion: Completion =
            serde_json::from_str(data).map_err(|error| Flaw::Strange(format!("{error} in \"{}\"", line(data, 60))))?;
        if completion.error.as_ref().is_some_and(|error| !error.is_null()) {
            return Err(Flaw::Error(ServerError::of(data.as_bytes())));
        }
        // Some servers count in every piece; the last count is of all.
        self.counted = completion.usage.or(self.counted);
        for choice in completion.choices.into_iter().flatten().filter(|choice| choice.index.unwrap_or(0) == 0) {
            if let Some(message) = choice.message {
                push(&mut self.content, message.content.as_ref());
                self.refusal.push_str(message.refusal.as_deref().unwrap_or_default());
            }
            self.finish = match choice.finish_reason.as_deref() {
                None | Some("") => self.finish,
                Some("length") => Some(Finish::Length),
                Some("content_filter") => Some(Finish::Filtered),
                Some(_) => Some(Finish::Stop),
            };
        }
        if self.content.len() + self.refusal.len() > CONTENT { Err(Flaw::TooLong) } else { Ok(()) }
    }
}

/// Text, or a list of parts with text.
fn push(content: &mut String, piece: Option<&Value>) {
    match piece {
        Some(Value::String(text)) => content.push_str(text),
        Some(Value::Array(parts)) => {
            content.extend(parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)));
        }
        _ => {}
    }
}

/// An error as servers tell it, in one of the forms they use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServerError {
    /// For people, on one line.
    pub(super) message: String,
    code: String,
    rest: String,
}

impl ServerError {
    pub(super) fn of(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(16 * 1024)]);
        let Ok(document) = serde_json::from_slice::<Value>(body) else {
            return Self { message: line(&text, TOLD), ..Self::default() };
        };
        let error = document.get("error").filter(|error| !error.is_null()).unwrap_or(&document);
        let word = |key: &str| match error.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let message =
            [word("message"), word("detail"), error.as_str().unwrap_or_default().to_owned(), text.into_owned()]
                .into_iter()
                .find(|message| !message.trim().is_empty())
                .unwrap_or_default();
        Self {
            message: line(&message, TOLD),
            code: word("code"),
            rest: format!("{message} {} {}", word("param"), word("type")),
        }
    }

    /// Everything it says, in lower case.
    pub(super) fn all_words(&self) -> String {
        format!("{} {} {}", self.message, self.code, self.rest).to_lowercase()
    }

    /// The prompt does not fit into the model.
    pub(super) fn is_of_length(&self) -> bool {
        let said = self.all_words();
        [
            "context_length_exceeded",
            "context length",
            "context window",
            "maximum context",
            "prompt is too long",
            "exceed_context",
        ]
        .iter()
        .any(|words| said.contains(words))
    }

    /// The account is used up; that does not pass by waiting a few seconds.
    pub(super) fn is_of_quota(&self) -> bool {
        let said = self.all_words();
        ["insufficient_quota", "exceeded your current quota", "billing_hard_limit"]
            .iter()
            .any(|words| said.contains(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_whole_answers_make_the_same_reply() {
        let mut pieces = Reply::default();
        for piece in [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}},{"index":1,"delta":{"content":"no"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"{\"a\""}}],"usage":null}"#,
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":":1}"}]},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#,
        ] {
            pieces.take(piece).unwrap();
        }
        let mut whole = Reply::default();
        whole
            .take(r#"{"id":"x","choices":[{"message":{"role":"assistant","content":"{\"a\":1}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#)
            .unwrap();
        assert_eq!(pieces, whole);
        assert_eq!(whole.content, "{\"a\":1}");
    }

    #[test]
    fn errors_are_told_in_one_line_however_they_come() {
        for (body, told) in [
            (r#"{"error":{"message":"no\nsuch model","type":"x","code":404}}"#, "no such model"),
            (r#"{"error":"model \"x\" not found"}"#, "model \"x\" not found"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"object":"error","message":"too busy"}"#, "too busy"),
            ("<html>\u{1b}[31m502</html>", "<html> [31m502</html>"),
            ("", ""),
        ] {
            assert_eq!(ServerError::of(body.as_bytes()).message, told);
        }
        assert!(ServerError::of(br#"{"error":{"message":"x","code":"context_length_exceeded"}}"#).is_of_length());
        assert!(ServerError::of(br#"{"error":{"message":"You exceeded your current quota, please"}}"#).is_of_quota());
    }

    #[test]
    fn an_error_in_the_middle_of_a_stream_is_one() {
        let flaw = Reply::default().take(r#"{"error":{"message":"CUDA out of memory"}}"#).unwrap_err();
        assert!(matches!(flaw, Flaw::Error(error) if error.message == "CUDA out of memory"));
        assert!(matches!(Reply::default().take("<html>"), Err(Flaw::Strange(_))));
    }
}
