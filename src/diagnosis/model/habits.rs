//! What a server is known to understand. "OpenAI-compatible" means something else everywhere, so the best form is tried first, and
//! what was refused is left out from then on.

use super::wire::ServerError;

/// How an answer in JSON is asked for, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `json_schema`: OpenAI, vLLM, Ollama.
    Schema,
    /// `json_object` with a schema beside it: llama.cpp, llama-cpp-python.
    ObjectWithSchema,
    /// `json_object`: most others.
    Object,
    /// In words alone.
    Plain,
}

/// What the tokens of an answer are limited by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// What every server knew first.
    MaxTokens,
    /// What models that reason ask for.
    MaxCompletionTokens,
}

/// The form of requests to one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Habits {
    pub(super) format: Format,
    /// The server has answered in this format before, so a new error has another reason.
    pub(super) proven: bool,
    pub(super) limit: Limit,
    pub(super) temperature: bool,
    pub(super) stream: bool,
    /// Whether it is asked to count tokens at the end of a stream.
    pub(super) count: bool,
    /// Tokens of an answer.
    pub(super) answer: u32,
}

/// Enough for a few sentences and ids; and with thoughts before them.
const BRIEF: u32 = 800;
const THOUGHTFUL: u32 = 4000;

impl Default for Habits {
    fn default() -> Self {
        Self {
            format: Format::Schema,
            proven: false,
            limit: Limit::MaxTokens,
            temperature: true,
            stream: true,
            count: true,
            answer: BRIEF,
        }
    }
}

/// Words in an error that say that it is about the format.
const OF_FORMAT: [&str; 8] =
    ["response_format", "json_schema", "json_object", "schema", "grammar", "literal_error", "guided", "structured"];

impl Habits {
    /// Leaves out what an error is about; false when it is about nothing that can be left out.
    pub(super) fn adapt(&mut self, status: u16, error: &ServerError) -> bool {
        let said = error.all_words();
        let about = |word: &str| said.contains(word);
        if about("max_completion_tokens") || about("max_tokens") {
            return std::mem::replace(&mut self.limit, Limit::MaxCompletionTokens) == Limit::MaxTokens;
        }
        if about("temperature") {
            return std::mem::replace(&mut self.temperature, false);
        }
        if about("stream_options") || about("include_usage") {
            return std::mem::replace(&mut self.count, false);
        }
        if OF_FORMAT.iter().any(|word| about(word)) {
            return self.step_down();
        }
        if about("stream") {
            return std::mem::replace(&mut self.stream, false);
        }
        // It does not say what it minds; what it may not know is the first guess.
        matches!(status, 400 | 415 | 422 | 501) && !self.proven && self.step_down()
    }

    /// The next format down the ladder, if there is one.
    pub(super) fn step_down(&mut self) -> bool {
        let next = match self.format {
            Format::Schema => Format::ObjectWithSchema,
            Format::ObjectWithSchema => Format::Object,
            Format::Object => Format::Plain,
            Format::Plain => return false,
        };
        self.format = next;
        self.proven = false;
        true
    }

    /// Gives it room to think before it answers; false when it had it.
    pub(super) fn let_think(&mut self) -> bool {
        std::mem::replace(&mut self.answer, THOUGHTFUL) != THOUGHTFUL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> ServerError {
        ServerError::of(body.as_bytes())
    }

    #[test]
    fn real_complaints_are_understood() {
        // OpenAI's o-series and GPT-5, llama-cpp-python, llama.cpp, Mistral, vLLM.
        type Case = (u16, &'static str, fn(&Habits) -> bool);
        let cases: [Case; 6] = [
            (
                400,
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}"#,
                |habits| habits.limit == Limit::MaxCompletionTokens,
            ),
            (
                400,
                r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model.","param":"temperature"}}"#,
                |habits| !habits.temperature,
            ),
            (
                500,
                r#"{"error":{"message":"[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type')}]","type":"internal_server_error"}}"#,
                |habits| habits.format == Format::ObjectWithSchema,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"Either \"json_schema\" or \"grammar\" can be specified"}}"#,
                |habits| habits.format == Format::ObjectWithSchema,
            ),
            (422, r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}"#, |habits| !habits.count),
            (400, "Bad Request", |habits| habits.format == Format::ObjectWithSchema),
        ];
        for (status, body, holds) in cases {
            let mut habits = Habits::default();
            assert!(habits.adapt(status, &error(body)), "{body}");
            assert!(holds(&habits), "{body}: {habits:?}");
        }
    }

    #[test]
    fn what_has_worked_is_not_given_up_for_an_error_that_says_nothing() {
        let mut habits = Habits { proven: true, ..Habits::default() };
        assert!(!habits.adapt(400, &error("Bad Request")));
        assert!(!habits.adapt(500, &error("oops")));
        let mut all = Habits::default();
        assert!(all.step_down() && all.step_down() && all.step_down() && !all.step_down());
        let same = r#"{"error":{"message":"temperature"}}"#;
        assert!(all.adapt(400, &error(same)) && !all.adapt(400, &error(same)), "no loop over one complaint");
    }
}
