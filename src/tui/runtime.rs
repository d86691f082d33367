//! The loop: what comes in is applied, and drawn when something on the screen is different.
//!
//! Input is drawn at once, news from the engine at most 30 times a second, and a frame that looks like the last one is not
//! written at all. A terminal that does not read keeps nobody waiting: there is one frame under way, and what happens
//! meanwhile is drawn when it is through.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::Buffer,
    layout::Rect,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    drill::{DrillOffer, DrillWish},
    files,
    marks::Marks,
    message::{Message, Request, Timed},
    model::{Fault, Model},
    patterns,
    term::{
        input::{self, Input},
        session::{NoScreen, Session},
        writer::{Writer, Written},
    },
    theme::Theme,
    update::update,
    view,
};
use crate::{
    client::{Client, ClientError, Update},
    domain::Command,
    engine::{Clock, DryRunRequest},
};

/// Time between two frames that only news asked for.
const FRAME: Duration = Duration::from_millis(33);
/// The same over SSH.
const FRAME_OVER_SSH: Duration = Duration::from_millis(100);
/// Messages applied before the next frame.
const DRAIN: usize = 256;
/// Events of the journal fetched at the start.
const HISTORY: u64 = 500;

/// A drill's way to break its platform.
pub trait Drill: Send + Sync {
    /// What can be broken.
    fn faults(&self) -> Vec<Fault>;
    /// Breaks something; says what was done.
    ///
    /// # Errors
    /// Why it was not done.
    fn inject(&self, fault: &str) -> Result<String, String>;
    /// Takes everything back; says what was done.
    ///
    /// # Errors
    /// What could not be taken back.
    fn heal(&self) -> Result<String, String>;
    /// The drills that can be held.
    ///
    /// # Errors
    /// Why they cannot be read.
    fn offers(&self) -> Result<Vec<DrillOffer>, String>;
    /// Has a drill held by a process of its own, which goes on when the board is left; ready when that has ended.
    fn hold(&self, wish: DrillWish) -> Holding;
}

/// A drill that is being held; why it was not, else.
pub type Holding = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What a board needs.
pub struct BoardOptions {
    /// The engine.
    pub client: Client,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How it looks.
    pub theme: Theme,
    /// The sandbox, when this is a drill.
    pub drill: Option<Arc<dyn Drill>>,
    /// Fires when the engine inside this process could not start.
    pub failed: Option<oneshot::Receiver<String>>,
    /// The engine runs inside this process, so it must not be stopped with it.
    pub hosts_engine: bool,
}

/// Why a board ended other than by being left.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// There is no full screen here.
    #[error(transparent)]
    NoScreen(#[from] NoScreen),
    /// A thread or a signal could not be had.
    #[error("the board cannot run: {0}")]
    Io(#[from] std::io::Error),
    /// The engine inside this process could not start.
    #[error("{0}")]
    Engine(String),
    /// The terminal is gone.
    #[error("the terminal is gone")]
    HungUp,
}

/// Runs the board until it is left.
///
/// # Errors
/// When there is no terminal, when it vanishes, or when the engine could not start.
pub async fn board(options: BoardOptions) -> Result<(), BoardError> {
    let session = Session::enter()?;
    let result = Loop::new(options)?.run(&session).await;
    if matches!(result, Err(BoardError::HungUp)) {
        session.abandon();
    }
    result
}

struct Loop {
    model: Model,
    options: BoardOptions,
    written: mpsc::UnboundedReceiver<Written>,
    inputs: mpsc::Receiver<Input>,
    paused: Arc<AtomicBool>,
    answers: mpsc::Receiver<Message>,
    answer: mpsc::Sender<Message>,
    screen: Screen,
    frame: Duration,
}

/// The last frame and how to get the next one out.
struct Screen {
    writer: Writer,
    shown: Buffer,
    repaint: bool,
}

/// What the loop does next.
enum Flow {
    On,
    Quit,
}

impl Loop {
    fn new(options: BoardOptions) -> std::io::Result<Self> {
        let (written_to, written) = mpsc::unbounded_channel();
        let (input_to, inputs) = mpsc::channel(256);
        let (answer, answers) = mpsc::channel(256);
        let paused = Arc::new(AtomicBool::new(false));
        input::start(&input_to, paused.clone())?;
        let faults = options.drill.as_ref().map(|drill| drill.faults()).unwrap_or_default();
        let over_ssh = std::env::var_os("SSH_CONNECTION").is_some();
        let mut model = Model::new(options.clock.now(), faults);
        let said = |name| std::env::var(name).ok();
        model.marks = Marks::of(said("CODEBLUE_PLAIN").as_deref(), said("TERM").as_deref());
        Ok(Self {
            model,
            written,
            inputs,
            paused,
            answers,
            answer,
            screen: Screen { writer: Writer::start(written_to)?, shown: Buffer::empty(Rect::ZERO), repaint: true },
            frame: if over_ssh { FRAME_OVER_SSH } else { FRAME },
            options,
        })
    }

    async fn run(mut self, session: &Session) -> Result<(), BoardError> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut resumed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let (news_to, mut news) = mpsc::channel(1024);
        let client = self.options.client.clone();
        tokio::spawn(async move { client.follow(news_to).await });
        let mut failed = self.options.failed.take();
        self.draw();
        let mut last = Instant::now();
        let mut dirty = false;
        let mut wake = self.next_wake();
        loop {
            let draw_at = if dirty && !self.screen.writer.is_busy() { Some(last + self.frame) } else { None };
            let until = draw_at.map_or(wake, |at| at.min(wake));
            let mut at_once = false;
            let flow = tokio::select! {
                biased;
                _ = hangup.recv() => return Err(BoardError::HungUp),
                _ = terminate.recv() => return Ok(()),
                _ = resumed.recv() => { let _ = session.resume(); self.screen.repaint = true; at_once = true; Flow::On }
                why = failure(&mut failed) => return Err(BoardError::Engine(why)),
                Some(outcome) = self.written.recv() => {
                    if outcome == Written::Failed { self.screen.repaint = true; dirty = true; }
                    continue;
                }
                Some(message) = self.answers.recv() => { at_once = true; self.apply(session, message)? }
                Some(input) = self.inputs.recv() => {
                    at_once = true;
                    if input == Input::HangUp { return Err(BoardError::HungUp); }
                    self.apply(session, Message::Input(input))?
                }
                Some(update) = news.recv() => self.news(session, update)?,
                () = tokio::time::sleep_until(until) => {
                    if Instant::now() >= wake { self.apply(session, Message::Tick)? } else { Flow::On }
                }
            };
            if matches!(flow, Flow::Quit) {
                return Ok(());
            }
            for _ in 0..DRAIN {
                let flow = if let Ok(input) = self.inputs.try_recv() {
                    at_once = true;
                    if input == Input::HangUp {
                        return Err(BoardError::HungUp);
                    }
                    self.apply(session, Message::Input(input))?
                } else if let Ok(message) = self.answers.try_recv() {
                    self.apply(session, message)?
                } else if let Ok(update) = news.try_recv() {
                    self.news(session, update)?
                } else {
                    break;
                };
                if matches!(flow, Flow::Quit) {
                    return Ok(());
                }
            }
            dirty = true;
            wake = self.next_wake();
            if (at_once || last.elapsed() >= self.frame) && !self.screen.writer.is_busy() {
                self.draw();
                last = Instant::now();
                dirty = false;
            }
        }
    }

    fn news(&mut self, session: &Session, update: Update) -> Result<Flow, BoardError> {
        if let Update::Live(news) = &update {
            let since = news.0.seq.saturating_sub(HISTORY);
            let (client, answer) = (self.options.client.clone(), self.answer.clone());
            tokio::spawn(async move {
                let me = client.whoami().await.ok();
                let _ = answer.send(Message::Me(me)).await;
                if let Ok(events) = client.events(since, usize::try_from(HISTORY).unwrap_or(500)).await {
                    let _ = answer.send(Message::Journal(events)).await;
                }
            });
        }
        self.apply(session, Message::Update(update))
    }

    fn apply(&mut self, session: &Session, message: Message) -> Result<Flow, BoardError> {
        let at = self.options.clock.now();
        for request in update(&mut self.model, Timed { at, message }) {
            match request {
                Request::Quit => return Ok(Flow::Quit),
                Request::Repaint => self.screen.repaint = true,
                Request::Suspend if self.options.hosts_engine => {
                    self.model.say("the engine runs inside this board, and stopping it would stop the watch", true);
                }
                Request::Suspend => {
                    self.paused.store(true, Ordering::SeqCst);
                    session.suspend();
                    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
                    session.resume()?;
                    self.paused.store(false, Ordering::SeqCst);
                    self.screen.repaint = true;
                }
                Request::Become(name) => {
                    self.options.client = self.options.client.named(Some(name));
                    self.ask(|client| async move { Some(Message::Me(client.whoami().await.ok())) });
                }
                Request::Inject(fault) => self.drill(move |drill| drill.inject(&fault)),
                Request::Heal => self.drill(|drill| drill.heal()),
                Request::Drills => self.offers(),
                Request::Hold(wish) => self.hold(*wish),
                Request::ReadArticles(path) => self.beside(move || files::read(&path)),
                Request::WriteArticles(folder, articles) => self.beside(move || files::write(&folder, &articles)),
                Request::Submit(command) => self.ask(|client| submit(client, *command)),
                Request::SubmitWithCode(command, code) => {
                    self.ask(|client| submit(client.with_code(Some(code)), *command));
                }
                Request::ChangeDryRun(change) => self.ask(move |client| async move {
                    let result = client.dry_run(&DryRunRequest::Change { change }).await;
                    Some(Message::ChangeDryRun(change, result.map_err(|error| error.to_string())))
                }),
                Request::DryRun(request, command) => self.ask(move |client| async move {
                    let result = client.dry_run(&request).await;
                    Some(Message::DryRun(command, result.map_err(|error| error.to_string())))
                }),
                Request::History(service, window) => self.ask(move |client| async move {
                    let result = client.uptime(&service, window, view::STRIP).await;
                    Some(Message::History(service, window, result.map_err(|error| error.to_string())))
                }),
                Request::Patterns(service) => self.ask(move |client| async move {
                    let result = client.patterns(service.as_deref(), patterns::MOST).await;
                    Some(Message::Patterns(service, result.map_err(|error| error.to_string())))
                }),
                Request::Pattern(id) => self.ask(move |client| async move {
                    let result = client.pattern(&id).await;
                    Some(Message::Pattern(id, result.map_err(|error| error.to_string())))
                }),
                Request::Prompt(id) => self.ask(move |client| async move {
                    let result = client.prompt(id).await;
                    Some(Message::Prompt(id, result.map_err(|error| error.to_string())))
                }),
                Request::Reach => self.ask(|client| async move {
                    let begun = Instant::now();
                    let is_up = client.is_up().await;
                    Some(Message::Reached(is_up.then(|| begun.elapsed())))
                }),
                Request::Errors => self.ask(|client| async move {
                    let result = client.errors().await;
                    Some(Message::Errors(result.map_err(|error| error.to_string())))
                }),
                Request::Books => self.ask(|client| async move {
                    let result = client.books().await;
                    Some(Message::Books(result.map_err(|error| error.to_string())))
                }),
                Request::Difference(of, against) => self.ask(move |client| async move {
                    let result = client.difference(of, against).await;
                    Some(Message::Difference(of, against, result.map_err(|error| error.to_string())))
                }),
            }
        }
        Ok(Flow::On)
    }

    /// Asks the engine something beside the loop.
    fn ask<F: Future<Output = Option<Message>> + Send + 'static>(&self, question: impl FnOnce(Client) -> F) {
        let asked = question(self.options.client.clone());
        let answer = self.answer.clone();
        tokio::spawn(async move {
            if let Some(message) = asked.await {
                let _ = answer.send(message).await;
            }
        });
    }

    fn drill(&self, act: impl FnOnce(&dyn Drill) -> Result<String, String> + Send + 'static) {
        let Some(drill) = self.options.drill.clone() else { return };
        self.beside(move || act(drill.as_ref()).map(Message::Said));
    }

    fn offers(&self) {
        let drill = self.options.drill.clone();
        self.beside(move || Ok(Message::Drills(drill.map_or_else(|| Ok(Vec::new()), |drill| drill.offers()))));
    }

    fn hold(&self, wish: DrillWish) {
        let Some(drill) = &self.options.drill else { return };
        let (holding, answer) = (drill.hold(wish), self.answer.clone());
        tokio::spawn(async move {
            let _ = answer.send(Message::DrillLeft(holding.await)).await;
        });
    }

    /// Does something that takes a while beside the loop.
    fn beside(&self, act: impl FnOnce() -> Result<Message, String> + Send + 'static) {
        let answer = self.answer.clone();
        tokio::task::spawn_blocking(move || {
            let _ = answer.blocking_send(act().unwrap_or_else(Message::Failed));
        });
    }

    /// When something on the screen changes by time alone.
    fn next_wake(&self) -> Instant {
        let to_second = Duration::from_millis(1000 - u64::from(self.model.now.timestamp_subsec_millis().min(999)));
        let wait = if self.model.is_counting() || self.model.toast.is_some() {
            to_second
        } else {
            // Ages, the minute of the clock, and what falls silent.
            Duration::from_secs(2)
        };
        Instant::now() + wait
    }

    fn draw(&mut self) {
        let (width, height) = crossterm::terminal::size().unwrap_or((80, 24));
        let area = Rect { x: 0, y: 0, width, height };
        let mut next = Buffer::empty(area);
        let drawn = view::draw(&self.model, self.options.theme, &mut next);
        self.model.hits = drawn.hits;
        self.model.page = drawn.page;
        self.model.columns = drawn.columns;
        self.model.deepest = drawn.deepest;
        self.screen.show(next);
    }
}

impl Screen {
    /// Writes what is different from the last frame; nothing when nothing is.
    fn show(&mut self, next: Buffer) {
        let repaint = self.repaint || self.shown.area != next.area;
        if !repaint && self.shown == next {
            return;
        }
        let mut frame = Vec::with_capacity(8 * 1024);
        frame.extend_from_slice(b"\x1b[?2026h");
        if repaint {
            frame.extend_from_slice(b"\x1b[0m\x1b[2J");
            self.shown = Buffer::empty(next.area);
        }
        let encoded = CrosstermBackend::new(&mut frame).draw(self.shown.diff(&next).into_iter());
        if encoded.is_err() {
            self.repaint = true;
            return;
        }
        frame.extend_from_slice(b"\x1b[?2026l");
        self.writer.write(frame);
        self.shown = next;
        self.repaint = false;
    }
}

/// Why the engine inside this process could not start; never, when it could or there is none.
async fn failure(failed: &mut Option<oneshot::Receiver<String>>) -> String {
    if let Some(receiver) = failed {
        if let Ok(why) = receiver.await {
            return why;
        }
        *failed = None;
    }
    std::future::pending().await
}

async fn submit(client: Client, command: Command) -> Option<Message> {
    Some(match client.submit(&command).await {
        Ok(answer) => Message::Accepted(answer),
        Err(ClientError::Refused(refusal))
            if matches!(refusal.rule.as_str(), "second-factor-needed" | "wrong-code" | "code-used") =>
        {
            Message::CodeNeeded(Box::new(command), format!("{}: code of your second factor", refusal.message))
        }
        Err(ClientError::Refused(refusal)) => Message::Failed(match refusal.hint {
            Some(hint) => format!("{}; {hint}", refusal.message),
            None => refusal.message,
        }),
        Err(error) => Message::Failed(error.to_string()),
    })
}
