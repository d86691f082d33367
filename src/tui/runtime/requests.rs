//! What the board asks of the world, done: by the engine, beside the loop, or with the terminal.

use std::sync::{Arc, atomic::Ordering};

use tokio::{sync::mpsc, time::Instant};

use super::{BoardError, Drill, Flow, Loop, Stream};
use crate::{
    client::{Client, ClientError, fleet::follow_hosts},
    domain::Command,
    engine::DryRunRequest,
    tui::{
        drill::DrillWish,
        files,
        message::{Message, Request, Returned},
        model::{Mouse, Screen},
        older, patterns,
        settings::keep_theme,
        term::{
            clipboard::{Surroundings, carry},
            input::Input,
            outside::{self, Program, Rest, WhenStopped},
            session::{self, Session},
        },
        view,
    },
};

impl Loop {
    /// Does what the board asks of the world.
    pub(super) fn ask_for(&mut self, session: &Session, request: Request) -> Result<Flow, BoardError> {
        match request {
            Request::Quit => return Ok(Flow::Quit),
            Request::Repaint => self.screen.repaint(),
            Request::Suspend if self.options.hosts_engine => {
                self.model.say(
                    "the engine runs inside this board, and stopping it would stop the watch: use another terminal",
                    true,
                );
            }
            Request::Suspend => {
                self.paused.store(true, Ordering::SeqCst);
                session.suspend();
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
                session.resume()?;
                self.paused.store(false, Ordering::SeqCst);
                self.screen.repaint();
            }
            Request::Copy(copied) => self.copy(copied.what, copied.text),
            Request::CopyPage => self.copy("page", view::plain(&self.model)),
            Request::Page => match Program::pager() {
                Ok(pager) => {
                    let text = view::plain(&self.model);
                    self.leave_to(pager, text, |left| Returned::Read(left.map(drop)));
                }
                Err(why) => self.model.say(why, true),
            },
            Request::Edit(text) => match Program::editor() {
                Ok(editor) => self.leave_to(editor, text, Returned::Written),
                Err(why) => self.model.say(why, true),
            },
            Request::Mouse(mouse) => {
                self.screen.pending.extend_from_slice(session::mouse(mouse == Mouse::Free).as_bytes());
            }
            Request::Bell if self.options.bell => self.screen.pending.push(b'\x07'),
            Request::Bell => {}
            Request::FollowHosts => {
                let (hosts, clock) = (self.options.hosts.clone(), self.options.clock.clone());
                tokio::spawn(follow_hosts(hosts, clock, self.hosts_to.clone()));
            }
            Request::Attach(host, then) => self.attach(&host, then),
            Request::Become(name) => {
                self.options.client = self.options.client.named(Some(name));
                let at = self.model.fleet.away.as_ref().unwrap_or(&self.model.fleet.own);
                if let Some(host) = self.options.hosts.iter_mut().find(|host| host.name == *at) {
                    host.client = Ok(self.options.client.clone());
                }
                self.followed = None;
                self.ask(|client| async move { Some(Message::Me(client.whoami().await.ok())) });
            }
            Request::Inject(fault) => self.drill(move |drill| drill.inject(&fault)),
            Request::Heal => self.drill(|drill| drill.heal()),
            Request::Drills => self.offers(),
            Request::Hold(wish) => self.hold(*wish),
            Request::KeepTheme(name) => self.keep_theme(name),
            Request::Toured => self.keep_toured(),
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
            Request::OlderSnapshots(component, before) => self.ask(move |client| async move {
                let result = client.older_snapshots(&component, before, older::PAGE).await;
                Some(Message::OlderSnapshots(component, result.map_err(|error| error.to_string())))
            }),
            Request::Snapshot(id) => self.ask(move |client| async move {
                let result = client.snapshot(id).await;
                Some(Message::Snapshot(id, result.map(Box::new).map_err(|error| error.to_string())))
            }),
            Request::Timeline(id) => self.ask(move |client| async move {
                let result = client.incident(id).await;
                Some(Message::Timeline(id, result.map(Box::new).map_err(|error| error.to_string())))
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
        Ok(Flow::On)
    }

    /// Goes over to the engine of another host. What was asked of the last one is no answer of this one.
    fn attach(&mut self, name: &str, then: Option<Screen>) {
        let Some(host) = self.options.hosts.iter().find(|host| host.name == name) else { return };
        let client = match &host.client {
            Ok(client) => client.clone(),
            Err(why) => return self.model.say(format!("{name} cannot be reached: {why}"), true),
        };
        self.options.client = client.clone();
        self.stream = Stream::of(client);
        (self.answer, self.answers) = mpsc::channel(256);
        self.followed = None;
        let is_own = name == self.options.own;
        // The sandbox is that of the own engine.
        let faults = self.options.drill.as_ref().filter(|_| is_own).map(|drill| drill.faults()).unwrap_or_default();
        self.model.attach(name, then, faults);
    }

    /// The sandbox of the engine that the board is attached to.
    fn sandbox(&self) -> Option<Arc<dyn Drill>> {
        self.options.drill.clone().filter(|_| self.model.fleet.away.is_none())
    }

    fn keep_theme(&self, name: String) {
        let file = self.options.setup.file.clone();
        self.beside(move || match file {
            Some(file) => {
                keep_theme(&file, &name).map(|()| Message::Said(format!("{name} is kept in {}", file.display())))
            }
            None => Ok(Message::Said(format!("{name} holds until the board is left: this user has no home folder"))),
        });
    }

    /// The tour was shown. Where that cannot be kept it is shown again, and nobody is bothered with why.
    fn keep_toured(&self) {
        if let Some(file) = self.options.toured.clone() {
            tokio::task::spawn_blocking(move || files::mark(&file));
        }
    }

    fn copy(&self, what: &'static str, text: String) {
        let file = self.options.copies.clone();
        self.beside(move || Ok(Message::Carried(carry(what, &text, &Surroundings::here(file)?))));
    }

    /// Leaves the terminal to a program that shows a text. What happens meanwhile is taken in, and drawn afterwards.
    fn leave_to(
        &mut self,
        program: Program,
        text: String,
        returned: impl FnOnce(Result<String, String>) -> Returned + Send + 'static,
    ) {
        if self.away {
            return;
        }
        self.away = true;
        self.paused.store(true, Ordering::SeqCst);
        let rest = Rest { reading: self.resting.clone(), writing: self.screen.writer.busy() };
        let stopped = if self.options.hosts_engine { WhenStopped::GoOn } else { WhenStopped::Stop };
        self.beside(move || Ok(Message::Returned(returned(outside::show(&program, &text, &rest, stopped)))));
    }

    /// Takes the terminal again after another program had it.
    pub(super) fn come_back(&mut self, session: &Session) -> Result<(), BoardError> {
        session.resume()?;
        while let Ok(input) = self.inputs.try_recv() {
            if input == Input::HangUp {
                return Err(BoardError::HungUp);
            }
        }
        self.paused.store(false, Ordering::SeqCst);
        self.away = false;
        self.screen.repaint();
        Ok(())
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
        let Some(drill) = self.sandbox() else { return };
        self.beside(move || act(drill.as_ref()).map(Message::Said));
    }

    fn offers(&self) {
        let drill = self.sandbox();
        self.beside(move || Ok(Message::Drills(drill.map_or_else(|| Ok(Vec::new()), |drill| drill.offers()))));
    }

    fn hold(&self, wish: DrillWish) {
        let Some(drill) = self.sandbox() else { return };
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
}

async fn submit(client: Client, command: Command) -> Option<Message> {
    Some(match client.submit(&command).await {
        Ok(answer) => Message::Accepted(answer),
        Err(ClientError::Refused(refusal))
            if matches!(refusal.rule.as_str(), "second-factor-needed" | "wrong-code" | "code-used") =>
        {
            Message::CodeNeeded(Box::new(command), format!("{}: code of your second factor", refusal.message))
        }
        Err(ClientError::Refused(refusal)) => Message::Failed(refusal.words()),
        Err(error) => Message::Failed(error.to_string()),
    })
}
