//! How the service on the screen was over time: the window looked at, and when the engine is asked again.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    message::Request,
    model::{Loaded, Model, Screen},
};
use crate::domain::{History, Window};

/// Age at which figures that are looked at are asked for again.
const RENEW: TimeDelta = TimeDelta::seconds(30);

/// How the service that is looked at was over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LookedBack {
    /// The window; it stays from service to service.
    pub window: Window,
    /// What was asked for last.
    pub asked: Option<Question>,
}

/// A history that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Of which service.
    pub service: String,
    /// Over which window.
    pub window: Window,
    /// When it was asked for last.
    pub at: DateTime<Utc>,
    /// What came of it; the old answer while a new one is on its way.
    pub result: Loaded<History>,
}

impl LookedBack {
    /// What is known of a service over the window looked at.
    #[must_use]
    pub fn of(&self, service: &str) -> Option<&Loaded<History>> {
        let asked = self.asked.as_ref()?;
        (asked.service == service && asked.window == self.window).then_some(&asked.result)
    }

    /// Takes an answer in, unless nobody waits for it any more.
    pub fn take(&mut self, service: &str, window: Window, result: Loaded<History>) {
        if let Some(asked) = self.asked.as_mut().filter(|asked| asked.service == service && asked.window == window) {
            asked.result = result;
        }
    }
}

/// Asks for the history of the service on the screen when there is none yet, or when it is old.
pub fn look_back(model: &mut Model) -> Vec<Request> {
    let Screen::Service(service) = model.screen().clone() else { return Vec::new() };
    look_back_on(model, &service)
}

/// The same of a service.
pub fn look_back_on(model: &mut Model, service: &str) -> Vec<Request> {
    let (window, at) = (model.looked_back.window, model.now);
    let result = match &model.looked_back.asked {
        Some(asked) if asked.service == service && asked.window == window => {
            if at - asked.at < RENEW {
                return Vec::new();
            }
            asked.result.clone()
        }
        _ => Loaded::Waiting,
    };
    model.looked_back.asked = Some(Question { service: service.to_owned(), window, at, result });
    vec![Request::History(service.to_owned(), window)]
}
