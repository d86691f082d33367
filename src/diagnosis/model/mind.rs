//! Asks a model for its opinion, within the time, the tokens and the patience there are. Whatever happens, there is an answer in
//! time: an opinion, or why there is none.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{sync::watch, time::timeout};

use super::{
    answer::{Answer, shown_so_far},
    breaker::Breaker,
    case::Case,
    exchange::{self, Request, Trouble},
    failure::Failure,
    habits::Habits,
    key::{self, Key},
    opinion::Opinion,
    prompt::Prompt,
    retry::{self, Advice, USUAL},
    text::{line, tokens, whole_words},
    wire::{self, Finish, Reply, ServerError},
};
use crate::platform::LanguageModel;

/// Characters of what is being said that are told while it is said.
const SAYING: usize = 600;
/// Characters of an answer that is quoted because it cannot be used.
const QUOTE: usize = 80;

/// One model behind one address, with what has been learnt of its server. Kept for as long as the platform file names it.
#[derive(Debug)]
pub struct Mind {
    model: LanguageModel,
    habits: Mutex<Habits>,
    breaker: Mutex<Breaker>,
}

/// What is asked, and what comes from outside with it: time, chance, and the redactor.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What the local analyser found.
    pub case: &'a Case,
    /// The time.
    pub now: DateTime<Utc>,
    /// The time since some fixed moment, which no setting of a clock touches.
    pub elapsed: &'a (dyn Fn() -> Duration + Sync),
    /// A number that nobody can foresee, another one each time.
    pub chance: &'a (dyn Fn() -> u64 + Sync),
    /// Tokens that were used today.
    pub spent: u64,
    /// Takes out of a text what may not leave.
    pub redact: &'a (dyn Fn(&str) -> String + Sync),
    /// Looks through everything that is about to leave; what it finds, by class, keeps it here.
    pub scan: &'a (dyn Fn(&str) -> Result<(), String> + Sync),
    /// Who wants to see the answer as it comes.
    pub progress: Option<&'a watch::Sender<Progress>>,
    /// Who does not want to wait for the answer any longer, as soon as somebody does not.
    pub stopped: Option<&'a watch::Receiver<Option<String>>>,
}

/// How far an answer has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Which try it is, from 1.
    pub attempt: u32,
    /// Bytes of the answer that have come.
    pub received: usize,
    /// What can be read of its explanation so far, redacted.
    pub saying: String,
}

/// Tokens used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of prompts.
    pub prompt: u64,
    /// Of answers.
    pub answer: u64,
    /// Some of it the server did not count, so it is our estimate.
    pub estimated: bool,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Consultation {
    /// The opinion, or why there is none.
    pub outcome: Result<Opinion, Failure>,
    /// What was sent, or would have been.
    pub prompt: Prompt,
    /// How often something was sent.
    pub attempts: u32,
    /// What it used.
    pub usage: Usage,
    /// What that costs, where a price is declared.
    pub cost: Option<f64>,
    /// How long it took.
    pub took: Duration,
    /// What the file's writer should know of the server.
    pub remark: Option<String>,
}

impl Mind {
    /// Of the model that the platform file names.
    #[must_use]
    pub fn new(model: LanguageModel) -> Self {
        Self { model, habits: Mutex::default(), breaker: Mutex::default() }
    }

    /// Which model it is.
    #[must_use]
    pub fn model(&self) -> &LanguageModel {
        &self.model
    }

    /// What would be sent.
    #[must_use]
    pub fn prompt(&self, question: &Question<'_>) -> Prompt {
        Prompt::of(question.case, self.model.tokens, (question.chance)(), question.redact)
    }

    /// Asks. It ends within the time that the platform file gives; dropping the future cancels the request.
    pub async fn consult(&self, question: &Question<'_>) -> Consultation {
        let talk = Talk::new(self, question);
        let within = self.model.within;
        let outcome = tokio::select! {
            biased;
            by = stopped(question.stopped) => Err(Failure::Stopped(by)),
            held = timeout(within, talk.hold()) => held.unwrap_or(Err(Failure::Late { within })),
        };
        let now = (question.elapsed)();
        if !matches!(outcome, Err(Failure::Budget { .. } | Failure::Resting { .. })) {
            match &outcome {
                Err(failure) if failure.is_of_server() => lock(&self.breaker).failed(now),
                Err(Failure::Blocked(_) | Failure::Key(_) | Failure::Setup(_) | Failure::Stopped(_)) => {}
                _ => lock(&self.breaker).succeeded(),
            }
        }
        talk.conclude(outcome, now)
    }
}

/// Who does not want to wait any longer; never, when nobody could say so.
async fn stopped(told: Option<&watch::Receiver<Option<String>>>) -> String {
    if let Some(mut told) = told.cloned() {
        let by = told.wait_for(Option::is_some).await.ok().and_then(|by| by.clone());
        if let Some(by) = by {
            return by;
        }
    }
    std::future::pending().await
}

/// One consultation under way.
struct Talk<'a> {
    mind: &'a Mind,
    question: &'a Question<'a>,
    started: Duration,
    so_far: Mutex<SoFar>,
}

/// What is told of it however it ends.
struct SoFar {
    prompt: Prompt,
    attempts: u32,
    usage: Usage,
    /// Something was sent and no answer has come: the server may count it all the same.
    open: bool,
    remark: Option<String>,
}

impl<'a> Talk<'a> {
    fn new(mind: &'a Mind, question: &'a Question<'a>) -> Self {
        let prompt = mind.prompt(question);
        let so_far = SoFar { prompt, attempts: 0, usage: Usage::default(), open: false, remark: None };
        Self { mind, question, started: (question.elapsed)(), so_far: Mutex::new(so_far) }
    }

    async fn hold(&self) -> Result<Opinion, Failure> {
        let Mind { model, .. } = self.mind;
        let mut habits = *lock(&self.mind.habits);
        self.afford(&habits)?;
        self.scanned(&habits, false)?;
        lock(&self.mind.breaker).admit((self.question.elapsed)()).map_err(|left| Failure::Resting { left })?;
        let key = match &model.key {
            Some(source) => Some(key::read(source).await.map_err(Failure::Key)?),
            None => None,
        };
        let http = exchange::client(model).await.map_err(Failure::Setup)?;
        let url = exchange::address(&model.url).map_err(Failure::Setup)?;
        let idempotency = format!("codeblue-{:016x}", (self.question.chance)());
        let (mut failed, mut shrunk, mut again) = (0, false, false);
        loop {
            self.afford(&habits)?;
            let body = self.scanned(&habits, again)?;
            let now = self.question.now + TimeDelta::from_std(self.elapsed()).unwrap_or_default();
            let request = Request { http: &http, url: &url, key: key.as_ref(), body, idempotency: &idempotency, now };
            match self.send(request).await {
                Ok(reply) => match self.read(&reply, key.as_ref(), &habits) {
                    Ok(opinion) => {
                        habits.proven = true;
                        *lock(&self.mind.habits) = habits;
                        return Ok(opinion);
                    }
                    Err(Failure::Cut(_)) if habits.let_think() => {}
                    Err(Failure::NoOpinion(_)) if !again => again = true,
                    Err(failure) => return Err(failure),
                },
                Err(Trouble::Status { error, .. }) if error.is_of_length() => {
                    if std::mem::replace(&mut shrunk, true) {
                        return Err(Failure::TooLong(error.message));
                    }
                    self.shrink();
                }
                Err(Trouble::Status { status, error, .. })
                    if !lasting(status, &error) && habits.adapt(status, &error) => {}
                Err(trouble) => {
                    failed += 1;
                    match self.pause(failed, &trouble) {
                        Some(pause) => self.wait(pause).await?,
                        // It may be the format that it fails at, without knowing so itself.
                        None if crashed(&trouble) && !habits.proven && habits.step_down() => {}
                        None => return Err(failure(trouble)),
                    }
                }
            }
        }
    }

    /// How long it has taken so far.
    fn elapsed(&self) -> Duration {
        (self.question.elapsed)().saturating_sub(self.started)
    }

    /// Whether the tokens of the day suffice for one more request.
    fn afford(&self, habits: &Habits) -> Result<(), Failure> {
        let so_far = lock(&self.so_far);
        let spent = self.question.spent + so_far.usage.prompt + so_far.usage.answer;
        let budget = u64::from(self.mind.model.budget);
        let needed = u64::from(so_far.prompt.tokens) + u64::from(habits.answer);
        if spent + needed > budget { Err(Failure::Budget { spent, budget }) } else { Ok(()) }
    }

    /// The body of the next request, after the last scan. What the platform file calls the model is no text from outside.
    fn scanned(&self, habits: &Habits, again: bool) -> Result<String, Failure> {
        let mut body = wire::body("", &lock(&self.so_far).prompt, habits, again);
        (self.question.scan)(&body.to_string()).map_err(|found| Failure::Blocked(line(&found, QUOTE)))?;
        body["model"] = self.mind.model.name.as_str().into();
        Ok(body.to_string())
    }

    async fn send(&self, request: Request<'_>) -> Result<Reply, Trouble> {
        let attempt = {
            let mut so_far = lock(&self.so_far);
            so_far.attempts += 1;
            so_far.open = true;
            so_far.attempts
        };
        let key = request.key;
        let heard = |reply: &Reply| {
            if let Some(progress) = self.question.progress {
                let hidden = |text: &str| key.map_or_else(|| text.to_owned(), |key| key.hidden_in(text));
                let saying = shown_so_far(&reply.content, SAYING, |text| (self.question.redact)(&hidden(text)));
                progress.send_replace(Progress { attempt, received: reply.content.len(), saying });
            }
        };
        heard(&Reply::default());
        let answered = request.send(&heard).await;
        let mut so_far = lock(&self.so_far);
        match &answered {
            Ok(reply) => so_far.account(reply),
            Err(Trouble::Status { .. } | Trouble::Redirect(_)) => so_far.open = false,
            Err(_) => so_far.estimate(),
        }
        answered
    }

    /// The opinion in an answer.
    fn read(&self, reply: &Reply, key: Option<&Key>, habits: &Habits) -> Result<Opinion, Failure> {
        let hidden = |text: &str| key.map_or_else(|| text.to_owned(), |key| key.hidden_in(text));
        let redact = |text: &str| (self.question.redact)(&hidden(text));
        let quote = |text: &str| line(&redact(&whole_words(text, 4 * QUOTE)), QUOTE);
        if !reply.refusal.is_empty() {
            return Err(Failure::Refusal(quote(&reply.refusal)));
        }
        match (Answer::find(&reply.content), reply.finish) {
            (Some(answer), _) => Ok(Opinion::of(&answer, lock(&self.so_far).prompt.shown, &redact)),
            (None, Some(Finish::Filtered)) => Err(Failure::Refusal("its filter stopped the answer".to_owned())),
            (None, Some(Finish::Length)) => Err(Failure::Cut(u64::from(habits.answer))),
            (None, _) => Err(Failure::NoOpinion(quote(&reply.content))),
        }
    }

    /// Makes the prompt half as long.
    fn shrink(&self) {
        let mut so_far = lock(&self.so_far);
        let half = so_far.prompt.tokens / 2;
        so_far.prompt = Prompt::of(self.question.case, half, (self.question.chance)(), self.question.redact);
    }

    /// How long to wait before the next try, if there is to be one.
    fn pause(&self, failed: u32, trouble: &Trouble) -> Option<Duration> {
        let advice = match trouble {
            Trouble::Connection(_) => Advice::default(),
            Trouble::Status { status, advice, error }
                if !lasting(*status, error) && retry::passing(*status, *advice) =>
            {
                *advice
            }
            _ => return None,
        };
        // The upper bits of the number, as a share.
        let share = f64::from(u32::try_from((self.question.chance)() >> 32).unwrap_or_default()) / f64::from(u32::MAX);
        USUAL.wait(failed, advice, share)
    }

    /// Waits, unless the time would be up before that.
    async fn wait(&self, pause: Duration) -> Result<(), Failure> {
        if pause >= self.mind.model.within.saturating_sub(self.elapsed()) {
            return Err(Failure::Busy { asked: pause });
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn conclude(self, outcome: Result<Opinion, Failure>, now: Duration) -> Consultation {
        let mut so_far = self.so_far.into_inner().unwrap_or_else(PoisonError::into_inner);
        if so_far.open {
            so_far.estimate();
        }
        let SoFar { prompt, attempts, usage, remark, .. } = so_far;
        let cost = self.mind.model.price.map(|price| price.of(usage.prompt, usage.answer));
        let took = now.saturating_sub(self.started);
        Consultation { outcome, prompt, attempts, usage, cost, took, remark }
    }
}

impl SoFar {
    /// Counts what an answer used.
    fn account(&mut self, reply: &Reply) {
        self.open = false;
        let estimate = u64::from(self.prompt.tokens);
        match reply.counted {
            Some(counted) if counted.prompt_tokens > 0 => {
                self.usage.prompt += counted.prompt_tokens;
                self.usage.answer += counted.completion_tokens;
                // Our estimate is high, but not as high as that.
                if counted.prompt_tokens * 5 < estimate * 2 {
                    self.remark = Some(format!(
                        "it read {} of about {estimate} tokens: its context may be too small (Ollama: OLLAMA_CONTEXT_LENGTH)",
                        counted.prompt_tokens
                    ));
                }
            }
            _ => {
                self.usage.answer += u64::from(tokens(&reply.content));
                self.estimate();
            }
        }
    }

    /// Counts a prompt of which nobody says what it used.
    fn estimate(&mut self) {
        self.open = false;
        self.usage.prompt += u64::from(self.prompt.tokens);
        self.usage.estimated = true;
    }
}

/// Errors that no other form of the request and no waiting takes away.
fn lasting(status: u16, error: &ServerError) -> bool {
    matches!(status, 401 | 403) || error.is_of_quota()
}

/// The server itself broke.
fn crashed(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Status { status: 500 | 501, .. })
}

fn failure(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Connection(what) => Failure::Unreachable(what),
        Trouble::Redirect(host) => Failure::Redirect(host),
        Trouble::Endless(bytes) => Failure::Endless(bytes / 1024),
        Trouble::Strange(what) => Failure::Broken(what),
        Trouble::Status { error, .. } if error.is_of_quota() => Failure::Quota(error.message),
        Trouble::Status { status: status @ (401 | 403), error, .. } => {
            Failure::Unauthorised { status, message: error.message }
        }
        // Told in the middle of an answer that had begun well.
        Trouble::Status { status: 200..=299, error, .. } => Failure::Broken(error.message),
        Trouble::Status { status, error, .. } => Failure::Status { status, message: error.message },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
