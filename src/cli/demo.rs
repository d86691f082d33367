//! `codeblue demo`: the whole product on a platform of real processes that may be broken.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::sync::oneshot;
use tracing::warn;

use super::{
    board::{Sight, access, sight},
    board_drill::{SandboxDrill, end_drill},
    error::{CliError, Exit},
    fleet::{self, Hosts},
    log,
    serve::{Running, until_told_to_stop},
    session::Session,
    text,
};
use crate::{
    client::{Client, Update},
    diagnosis::{SEEDS, read_article},
    domain::Command,
    engine::{Clock, Home, SystemClock, login_of},
    sandbox::{self, Sandbox, SandboxError, SandboxOptions},
    tui::{BoardOptions, FirstPage, board},
};

/// The whole product on a platform of real processes, safe to break
#[derive(Debug, Args)]
pub struct Demo {
    /// Where to put it, to be found again later; a temporary place when not given
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Without the board: events are printed as they come
    #[arg(long)]
    headless: bool,
    /// End by itself after this time
    #[arg(long = "for", value_parser = humantime::parse_duration, value_name = "DURATION")]
    end_after: Option<Duration>,
    /// Of the invented patients and of the load
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The board shows everything and sends no command
    #[arg(long)]
    read_only: bool,
}

/// Everything of a demo that has to be ended.
struct Up {
    running: Running,
    sandbox: Sandbox,
}

impl Demo {
    pub(super) async fn run(mut self, session: &Session) -> Result<Exit, CliError> {
        if !self.headless && sight() == Sight::Lines {
            session.output.progress("this terminal can show no board: telling what happens, a line each");
            self.headless = true;
        }
        if !self.headless {
            super::board::needs_terminal()?;
        }
        let (root, temporary) = place(self.dir.as_deref())?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let home = Home::at(&root.join("home"));
        let log = log::keep(&home, !self.headless)?;
        let operator = session.named().unwrap_or_else(|| "alice".to_owned());
        let client = Client::unix(&home.socket(), Some(operator))?;
        let pointer = pointer(session)?;
        point(&pointer, &root.join("sandbox"))?;
        let result = if self.headless {
            let up = start(root.clone(), home, self.seed, &client).await?;
            let own = format!("codeblue --home {}", root.join("home").display());
            session.output.progress(&format!("running in {}", root.display()));
            session.output.progress(&format!("  look at it  {own}"));
            session.output.progress(&format!("  break it    {own} sandbox fault bad-release"));
            session.output.progress(&format!("  all faults  {own} sandbox fault list"));
            let followed = follow(session, client.clone(), self.end_after).await;
            end_drill(&client, "the demo was ended", |line| session.output.progress(line)).await;
            end(up).await;
            followed
        } else {
            self.on_board(session, root.clone(), home, client, clock).await
        };
        let _ = std::fs::remove_file(pointer);
        drop(log);
        drop(temporary);
        result.map(|()| Exit::Done)
    }

    /// The board comes first and shows that it waits; the platform and the engine come up behind it.
    async fn on_board(
        self,
        session: &Session,
        root: PathBuf,
        home: Home,
        client: Client,
        clock: Arc<dyn Clock>,
    ) -> Result<(), CliError> {
        let (tell, failed) = oneshot::channel();
        let drill = SandboxDrill::at(&root.join("sandbox"), &home, clock.clone())?;
        let (copies, failure) = (home.run().join("copied.txt"), home.run().join("failure.txt"));
        let asking = client.clone();
        let (seed, giving) = (self.seed, client.clone());
        let starting = tokio::spawn(async move {
            match start(root, home, seed, &giving).await {
                Ok(up) => Some(up),
                Err(error) => {
                    let _ = tell.send(error.to_string());
                    None
                }
            }
        });
        let setup = super::board::setup(session);
        let Hosts { all: hosts, own } = fleet::hosts(session, &client, setup.settings.hosts.clone())?;
        let shown = board(BoardOptions {
            client,
            hosts,
            own,
            first_page: FirstPage::Board,
            host: None,
            clock,
            setup,
            drill: Some(Arc::new(drill)),
            failed: Some(failed),
            hosts_engine: true,
            access: access(self.read_only),
            toured: session.home().ok().map(|home| home.toured()),
            copies,
            failure,
            bell: super::board::wants_bell(),
        });
        let shown = match self.end_after {
            Some(time) => tokio::time::timeout(time, shown).await.unwrap_or(Ok(Vec::new())),
            None => shown.await,
        };
        super::board::say_farewell(session, &shown);
        if let Ok(Some(up)) = starting.await {
            end_drill(&asking, "the demo was left", |line| session.output.progress(line)).await;
            up.running.finish_recoveries().await;
            end(up).await;
        }
        shown?;
        Ok(())
    }
}

fn place(dir: Option<&Path>) -> Result<(PathBuf, Option<tempfile::TempDir>), CliError> {
    let error = |path: &Path, error: std::io::Error| CliError::Failed(format!("{}: {error}", path.display()));
    match dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|cause| error(dir, cause))?;
            Ok((dir.canonicalize().map_err(|cause| error(dir, cause))?, None))
        }
        None => {
            let made = tempfile::Builder::new().prefix("codeblue-demo-").tempdir();
            let dir = made.map_err(|cause| error(&std::env::temp_dir(), cause))?;
            Ok((dir.path().to_owned(), Some(dir)))
        }
    }
}

/// The file that tells `codeblue sandbox` where the running demo is.
pub(super) fn pointer(session: &Session) -> Result<PathBuf, CliError> {
    Ok(session.home()?.run().join("demo"))
}

fn point(pointer: &Path, sandbox: &Path) -> Result<(), CliError> {
    let error = |cause: std::io::Error| CliError::Failed(format!("{}: {cause}", pointer.display()));
    if let Some(folder) = pointer.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    std::fs::write(pointer, sandbox.display().to_string()).map_err(error)
}

/// The file of this program.
pub(super) fn own_binary() -> Result<PathBuf, CliError> {
    std::env::current_exe()
        .map_err(|error| CliError::Failed(format!("this program's own file cannot be found: {error}")))
}

/// The login this process runs as.
pub(super) fn own_login() -> String {
    login_of(rustix::process::getuid().as_raw()).unwrap_or_else(|| "root".to_owned())
}

async fn start(root: PathBuf, home: Home, seed: u64, client: &Client) -> Result<Up, CliError> {
    let binary = own_binary()?;
    home.prepare()?;
    let dir = root.join("sandbox");
    let platform_file = home.platform_file();
    let brought_up = tokio::task::spawn_blocking(move || {
        let sandbox = Sandbox::start(&SandboxOptions { dir: dir.clone(), binary: binary.clone(), seed })?;
        sandbox::write_platform(&dir, platform_file.parent().unwrap_or(&dir), &binary, &own_login())?;
        Ok::<_, SandboxError>(sandbox)
    });
    let sandbox = brought_up.await.map_err(|panicked| CliError::Failed(panicked.to_string()))??;
    let running = super::serve::start(&home).await?;
    stock(client).await;
    Ok(Up { running, sandbox })
}

/// Gives the platform the articles that come with the program. A demo without them is one all the same.
async fn stock(client: &Client) {
    for (article, body) in SEEDS.iter().filter_map(|(_, text)| read_article(text).ok()) {
        let confirm = Command::ConfirmArticle { article: article.clone(), version: None };
        for command in [Command::ImportArticle { article, body, replace: false }, confirm] {
            if let Err(error) = client.submit(&command).await {
                warn!(%error, "an article that comes with the program was not taken");
                return;
            }
        }
    }
}

async fn end(up: Up) {
    up.running.stop("the demo was left").await;
    let _ = tokio::task::spawn_blocking(move || up.sandbox.stop()).await;
}

/// Prints events as they come, until interrupted or until the time is over.
async fn follow(session: &Session, client: Client, end_after: Option<Duration>) -> Result<(), CliError> {
    let (news_to, mut news) = tokio::sync::mpsc::channel(256);
    tokio::spawn(async move { client.follow(news_to).await });
    let over = async {
        match end_after {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let told = until_told_to_stop();
    tokio::pin!(over, told);
    loop {
        tokio::select! {
            () = &mut over => return Ok(()),
            _ = &mut told => return Ok(()),
            update = news.recv() => match update {
                Some(Update::Event(recorded)) => {
                    let actor = recorded.actor.to_string();
                    let (at, what) = (recorded.at.format("%H:%M:%S%.3f"), text::line(&recorded.event.summary()));
                    session.output.script(format!("{at} {actor:<24} {what}\n").as_bytes())?;
                }
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}
