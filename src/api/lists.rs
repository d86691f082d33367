//! Lists in pages, newest first: how many, from when to when, and where the next page begins.

use std::fmt::Display;

use axum::{
    Json,
    http::{HeaderValue, Uri, header::LINK},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::problem::Problem;
use crate::domain::past;

/// Entries of a page when nobody says how many.
const PAGE: usize = 100;
/// Entries of a page at most.
const MOST: usize = 1000;

/// From when to when, both included; nothing bounds what is not named.
pub(super) struct Between {
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

impl Between {
    /// Reads both ends: RFC 3339, or how long ago, such as `15m`.
    pub(super) fn read(since: Option<&str>, until: Option<&str>, now: DateTime<Utc>) -> Result<Self, Problem> {
        let read = |name: &str, text: Option<&str>| {
            let moment = |text: &str| match DateTime::parse_from_rfc3339(text) {
                Ok(at) => Ok(at.to_utc()),
                Err(_) => past(text, now).map_err(|why| Problem::bad_request(format!("{name}: {why}"))),
            };
            text.map(moment).transpose()
        };
        Ok(Self { since: read("since", since)?, until: read("until", until)? })
    }

    pub(super) fn holds(&self, at: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at <= until)
    }
}

/// How many entries were asked for.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(PAGE),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(_) => {
            Err(Problem::bad_request(format!("limit: expected 1 to {MOST}"))
                .hint("the header Link names the next page"))
        }
    }
}

/// A page of what was found, and in the header `Link` where the next one is.
pub(super) struct Page<T> {
    entries: Vec<T>,
    next: Option<String>,
}

impl<T> Page<T> {
    /// The first `limit` of what was found, each with its id.
    pub(super) fn of<I: Display>(found: impl Iterator<Item = (I, T)>, limit: usize, uri: &Uri) -> Self {
        let mut found = found.peekable();
        let (mut entries, mut last) = (Vec::new(), None);
        while entries.len() < limit
            && let Some((id, entry)) = found.next()
        {
            entries.push(entry);
            last = Some(id);
        }
        let next = last.filter(|_| found.peek().is_some()).map(|last| {
            let kept = uri.query().unwrap_or_default().split('&');
            let kept = kept.filter(|part| !part.is_empty() && !part.starts_with("after="));
            let kept: Vec<String> = kept.map(str::to_owned).chain([format!("after={last}")]).collect();
            format!("<{}?{}>; rel=\"next\"", uri.path(), kept.join("&"))
        });
        Self { entries, next }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.entries).into_response();
        if let Some(next) = self.next.and_then(|next| HeaderValue::try_from(next).ok()) {
            response.headers_mut().insert(LINK, next);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_the_last_one_names_none() {
        let uri: Uri = "/api/emergency/incidents?severity=SEV1&after=INC-9&limit=2".parse().unwrap();
        let numbers = |from: u32| (1..from).rev().map(|number| (number, number));
        let page = Page::of(numbers(5), 2, &uri);
        assert_eq!(page.entries, [4, 3]);
        let next = page.next.unwrap();
        assert_eq!(next, "</api/emergency/incidents?severity=SEV1&limit=2&after=3>; rel=\"next\"");
        let page = Page::of(numbers(3), 2, &uri);
        assert_eq!((page.entries, page.next), (vec![2, 1], None));
    }

    #[test]
    fn both_ends_are_moments_and_belong_to_it() {
        let now: DateTime<Utc> = "2026-01-15T10:30:00Z".parse().unwrap();
        let between = Between::read(Some("15m"), Some("2026-01-15T10:20:00Z"), now).ok().unwrap();
        let at = |text: &str| text.parse().unwrap();
        assert!(between.holds(at("2026-01-15T10:15:00Z")) && between.holds(at("2026-01-15T10:20:00Z")));
        assert!(!between.holds(at("2026-01-15T10:14:59Z")) && !between.holds(at("2026-01-15T10:20:01Z")));
        assert!(Between::read(Some("yesterday"), None, now).is_err());
    }
}
