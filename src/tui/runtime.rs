//! The loop: what comes in is applied, and drawn when something on the screen is different.
//!
//! Input is drawn at once, news from the engine at most 30 times a second, and a frame that looks like the last one is not
//! written at all. A terminal that does not read keeps nobody waiting: there is one frame under way, and what happens
//! meanwhile is drawn when it is through.

mod requests;

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use ratatui::{buffer::Buffer, layout::Rect};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::Instant,
};

use super::{
    action::open,
    attention::title,
    beside::RESTS_AFTER,
    drill::{DrillOffer, DrillWish},
    farewell::farewell,
    guard::Access,
    help::FirstTime,
    marks::Marks,
    message::{Message, Request, Timed},
    model::{self, Fault, Model, Mouse},
    preferences::Preferences,
    settings::Setup,
    term::{
        frame::Frames,
        input::{self, Input},
        mishap::contained,
        session::{self, NoScreen, Session},
        writer::{Writer, Written},
    },
    update::update,
    view,
    walk::run_of,
};
use crate::{
    client::{
        Client, Update,
        fleet::{Fleet, HostNews, HostToFollow},
    },
    domain::RunId,
    engine::Clock,
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
    /// What the engine's host is called, where it is not that of this home.
    pub host: Option<String>,
    /// All hosts that the board can show, the one of the engine among them.
    pub hosts: Vec<HostToFollow>,
    /// The name of the engine's own host among them.
    pub own: String,
    /// The page it begins with.
    pub first_page: FirstPage,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Theme, keys, and how it was left.
    pub setup: Setup,
    /// The sandbox, when this is a drill.
    pub drill: Option<Arc<dyn Drill>>,
    /// Fires when the engine inside this process could not start.
    pub failed: Option<oneshot::Receiver<String>>,
    /// The engine runs inside this process, so it must not be stopped with it.
    pub hosts_engine: bool,
    /// Whether it acts for somebody or only shows.
    pub access: Access,
    /// The file that says that the tour was shown; without one it is not shown by itself.
    pub toured: Option<PathBuf>,
    /// The file that holds what was copied, when nothing else takes it.
    pub copies: PathBuf,
    /// The file that holds what is known when the board itself fails.
    pub failure: PathBuf,
    /// Whether the terminal's bell rings when an incident becomes SEV1.
    pub bell: bool,
}

/// The page that a board begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstPage {
    /// The four panes of one engine.
    #[default]
    Board,
    /// All hosts.
    Hosts,
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
    /// The board itself has a fault.
    #[error(
        "the board failed and gave the terminal back; what was asked for is on record, and goes on. Start the board again. {0}"
    )]
    Failed(String),
}

/// Runs the board until it is left; gives how everything stands then, in plain lines, for the terminal that it gave back.
///
/// # Errors
/// When there is no terminal, when it vanishes, or when the engine could not start.
pub async fn board(options: BoardOptions) -> Result<Vec<String>, BoardError> {
    let session = Session::enter()?;
    if options.setup.settings.mouse {
        session.take_mouse()?;
    }
    let mut board = Loop::new(options)?;
    let details = board.options.failure.clone();
    let result = contained(board.run(&session), &details).await.unwrap_or_else(|how| Err(BoardError::Failed(how)));
    if matches!(result, Err(BoardError::HungUp)) {
        session.abandon();
    }
    result.map(|()| farewell(&board.model))
}

struct Loop {
    model: Model,
    saved: Preferences,
    options: BoardOptions,
    written: mpsc::UnboundedReceiver<Written>,
    inputs: mpsc::Receiver<Input>,
    paused: Arc<AtomicBool>,
    resting: Arc<AtomicBool>,
    /// Another program has the terminal.
    away: bool,
    answers: mpsc::Receiver<Message>,
    answer: mpsc::Sender<Message>,
    stream: Stream,
    hosts: mpsc::Receiver<HostNews>,
    hosts_to: mpsc::Sender<HostNews>,
    screen: Screen,
    frame: Duration,
    followed: Option<Followed>,
}

/// The stream of the engine that the board is attached to.
struct Stream {
    news: mpsc::Receiver<Update>,
    task: AbortHandle,
}

impl Stream {
    fn of(client: Client) -> Self {
        let (news_to, news) = mpsc::channel(1024);
        let task = tokio::spawn(async move { client.follow_recent(news_to).await }).abort_handle();
        Self { news, task }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The run whose page is open: whoever looks at it is seen to read along.
struct Followed {
    run: RunId,
    task: AbortHandle,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The last frame and how to get the next one out.
struct Screen {
    writer: Writer,
    frames: Frames,
    /// What goes to the terminal before the next frame.
    pending: Vec<u8>,
    /// The title it has.
    title: String,
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
        let (hosts_to, hosts) = mpsc::channel(1024);
        let paused = Arc::new(AtomicBool::new(false));
        let resting = Arc::new(AtomicBool::new(false));
        input::start(&input_to, paused.clone(), resting.clone())?;
        let faults = options.drill.as_ref().map(|drill| drill.faults()).unwrap_or_default();
        let first_time = match &options.toured {
            Some(file) if !file.exists() => FirstTime::Yes,
            _ => FirstTime::No,
        };
        let over_ssh = std::env::var_os("SSH_CONNECTION").is_some();
        let mut model = Model::new(options.clock.now(), faults);
        let said = |name| std::env::var(name).ok();
        model.marks = Marks::of(said("CODEBLUE_PLAIN").as_deref(), said("TERM").as_deref());
        model.set_up(options.setup.clone());
        model.host.clone_from(&options.host);
        model.fleet.own_host.clone_from(&options.host);
        model.fleet.own.clone_from(&options.own);
        model.fleet.fleet = Fleet::of(options.hosts.iter().map(|host| (host.name.clone(), host.address.clone())));
        model.access = options.access;
        model.mouse = if options.setup.settings.mouse { Mouse::Captured } else { Mouse::Free };
        model.first_time = first_time;
        Ok(Self {
            saved: model.preferences(),
            model,
            written,
            inputs,
            paused,
            resting,
            away: false,
            answers,
            answer,
            stream: Stream::of(options.client.clone()),
            hosts,
            hosts_to,
            screen: Screen {
                writer: Writer::start(written_to)?,
                frames: Frames::new(),
                pending: Vec::new(),
                title: String::new(),
            },
            frame: if over_ssh { FRAME_OVER_SSH } else { FRAME },
            followed: None,
            options,
        })
    }

    async fn run(&mut self, session: &Session) -> Result<(), BoardError> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut stopped = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
        let mut resumed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let mut failed = self.options.failed.take();
        if self.options.first_page == FirstPage::Hosts {
            for request in open(&mut self.model, model::Screen::Hosts) {
                self.ask_for(session, request)?;
            }
        }
        self.draw();
        let mut last = Instant::now();
        let mut dirty = false;
        let mut wake = self.next_wake();
        loop {
            let may_draw = !self.away && !self.screen.writer.is_busy();
            let draw_at = if dirty && may_draw { Some(last + self.frame) } else { None };
            let until = draw_at.map_or(wake, |at| at.min(wake));
            let mut at_once = false;
            let flow = tokio::select! {
                biased;
                _ = hangup.recv() => return Err(BoardError::HungUp),
                _ = terminate.recv() => return Ok(()),
                // Keys of another program that has the terminal; else somebody sent it from elsewhere.
                _ = interrupted.recv() => if self.away { Flow::On } else { return Ok(()) },
                _ = stopped.recv() => if self.away { Flow::On } else { self.ask_for(session, Request::Suspend)? },
                _ = resumed.recv(), if !self.away => { let _ = session.resume(); self.screen.repaint(); at_once = true; Flow::On }
                why = failure(&mut failed) => return Err(BoardError::Engine(why)),
                Some(outcome) = self.written.recv() => {
                    if outcome == Written::Failed { self.screen.repaint(); dirty = true; }
                    continue;
                }
                Some(message) = self.answers.recv() => { at_once = true; self.apply(session, message)? }
                Some(input) = self.inputs.recv() => {
                    at_once = true;
                    if input == Input::HangUp { return Err(BoardError::HungUp); }
                    self.apply(session, Message::Input(input))?
                }
                Some(update) = self.stream.news.recv() => self.news(session, update)?,
                Some(news) = self.hosts.recv() => self.apply(session, Message::Host(news))?,
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
                } else if let Ok(update) = self.stream.news.try_recv() {
                    self.news(session, update)?
                } else if let Ok(news) = self.hosts.try_recv() {
                    self.apply(session, Message::Host(news))?
                } else {
                    break;
                };
                if matches!(flow, Flow::Quit) {
                    return Ok(());
                }
            }
            dirty = true;
            wake = self.next_wake();
            if (at_once || last.elapsed() >= self.frame) && !self.away && !self.screen.writer.is_busy() {
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
        match &message {
            Message::Carried(carried) => self.screen.pending.extend_from_slice(&carried.sequence),
            Message::Returned(_) => self.come_back(session)?,
            _ => {}
        }
        let at = self.options.clock.now();
        for request in update(&mut self.model, Timed { at, message }) {
            if matches!(self.ask_for(session, request)?, Flow::Quit) {
                return Ok(Flow::Quit);
            }
        }
        self.save();
        self.read_along();
        Ok(Flow::On)
    }

    /// Writes down how the board is, when that has changed. A home that takes nothing is none of the board's business.
    fn save(&mut self) {
        let now = self.model.preferences();
        if now == self.saved {
            return;
        }
        self.saved = now.clone();
        if let Some(file) = self.options.setup.memory.clone() {
            tokio::task::spawn_blocking(move || now.save(&file));
        }
    }

    /// Follows the run whose page is open, and no other.
    fn read_along(&mut self) {
        let open = run_of(self.model.screen());
        if open == self.followed.as_ref().map(|followed| followed.run) {
            return;
        }
        self.model.readers.clear();
        self.followed = open.map(|run| {
            let (client, answer) = (self.options.client.clone(), self.answer.clone());
            let (readers_to, mut readers) = mpsc::channel(8);
            let task = tokio::spawn(async move {
                let hear = async {
                    while let Some(now) = readers.recv().await {
                        let _ = answer.send(Message::Readers(run, now)).await;
                    }
                };
                tokio::join!(client.read_along(run, readers_to), hear);
            });
            Followed { run, task: task.abort_handle() }
        });
    }

    /// When something on the screen changes by time alone.
    fn next_wake(&self) -> Instant {
        let to_second = Duration::from_millis(1000 - u64::from(self.model.now.timestamp_subsec_millis().min(999)));
        let wait = if self.model.is_cursor_moving() {
            RESTS_AFTER.to_std().unwrap_or_default()
        } else if self.model.is_counting() || self.model.toast.is_some() {
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
        let drawn = view::draw(&self.model, self.model.theme(), &mut next);
        self.model.hits = drawn.hits;
        self.model.page = drawn.page;
        self.model.columns = drawn.columns;
        self.model.deepest = drawn.deepest;
        self.screen.name(title(&self.model));
        self.screen.show(next);
    }
}

impl Screen {
    /// The terminal may show anything, and be called anything.
    fn repaint(&mut self) {
        self.frames.repaint();
        self.title.clear();
    }

    /// Gives the terminal a title, where it has one.
    fn name(&mut self, title: String) {
        if session::has_title() && self.title != title {
            self.pending.extend_from_slice(format!("\x1b]2;{title}\x07").as_bytes());
            self.title = title;
        }
    }

    /// Writes what is different from the last frame; nothing when nothing is.
    fn show(&mut self, picture: Buffer) {
        let mut bytes = std::mem::take(&mut self.pending);
        bytes.extend(self.frames.next(picture).unwrap_or_default());
        if !bytes.is_empty() {
            self.writer.write(bytes);
        }
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
