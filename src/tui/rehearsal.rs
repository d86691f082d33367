//! A board without a terminal: keys go in, frames come out. For measuring, since nothing in it waits.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    message::{Message, Timed},
    model::Model,
    term::{
        frame::Frames,
        input::{Input, Key},
    },
    update::update,
    view,
};
use crate::{
    client::{
        Update,
        fleet::{Fleet, HostNews},
    },
    domain::{Operator, State, Vitals},
};

/// A board without a terminal.
pub struct Rehearsal {
    model: Model,
    frames: Frames,
    area: Rect,
}

impl Rehearsal {
    /// A board of so many columns and rows over a platform, as an operator sees it.
    #[must_use]
    pub fn new(state: State, vitals: Vitals, me: Option<Operator>, now: DateTime<Utc>, size: (u16, u16)) -> Self {
        let area = Rect { x: 0, y: 0, width: size.0, height: size.1 };
        let mut board = Self { model: Model::new(now, Vec::new()), frames: Frames::new(), area };
        board.take(Message::Update(Update::Live(Box::new((state, vitals)))));
        board.take(Message::Me(me));
        board.frame();
        board
    }

    /// Names many hosts, of which nothing is known yet.
    pub fn name_hosts(&mut self, own: &str, hosts: impl IntoIterator<Item = (String, String)>) {
        own.clone_into(&mut self.model.fleet.own);
        self.model.fleet.fleet = Fleet::of(hosts);
    }

    /// Takes in news of a host.
    pub fn hear(&mut self, news: HostNews) {
        self.model.now = self.model.now.max(news.at);
        self.take(Message::Host(news));
    }

    /// Presses a key and draws what it led to; gives the bytes that a terminal would get.
    pub fn press(&mut self, key: Key) -> Vec<u8> {
        self.model.now += TimeDelta::milliseconds(200);
        self.take(Message::Input(Input::Key(key)));
        self.frame()
    }

    fn take(&mut self, message: Message) {
        // What it asks of the world is done beside the loop, and is no part of a frame.
        let at = self.model.now;
        drop(update(&mut self.model, Timed { at, message }));
    }

    fn frame(&mut self) -> Vec<u8> {
        let mut next = Buffer::empty(self.area);
        let drawn = view::draw(&self.model, self.model.theme(), &mut next);
        self.model.hits = drawn.hits;
        self.model.page = drawn.page;
        self.model.columns = drawn.columns;
        self.model.deepest = drawn.deepest;
        self.frames.next(next).unwrap_or_default()
    }
}
