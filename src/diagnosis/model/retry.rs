//! When a request that failed is sent again, by the rules of OpenAI's own client: the server's word first, then the kind of
//! failure; after what the server asks for, or after a time that doubles.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How patient we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// Tries after the first.
    pub(super) retries: u32,
    /// Waited before the second try; twice as long before each further one.
    pub(super) first: Duration,
    /// Never waited longer by ourselves.
    pub(super) longest: Duration,
}

/// What OpenAI's client does.
pub(super) const USUAL: Patience =
    Patience { retries: 2, first: Duration::from_millis(500), longest: Duration::from_secs(8) };

/// What the headers of an answer say about trying again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Advice {
    /// `x-should-retry`.
    pub(super) should: Option<bool>,
    /// `retry-after-ms` or `retry-after`.
    pub(super) after: Option<Duration>,
}

impl Advice {
    /// Reads headers; `now` is for those that give a date.
    pub(super) fn of<'a>(header: impl Fn(&str) -> Option<&'a str>, now: DateTime<Utc>) -> Self {
        let should = header("x-should-retry").and_then(|word| word.trim().parse().ok());
        let seconds = |text: &str| Duration::try_from_secs_f64(text.trim().parse().ok()?).ok();
        let precise = header("retry-after-ms")
            .and_then(|text| text.trim().parse::<f64>().ok())
            .and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok());
        let date = |text: &str| {
            let until = DateTime::parse_from_rfc2822(text.trim()).ok()?;
            (until.with_timezone(&Utc) - now).to_std().ok()
        };
        let after = precise.or_else(|| header("retry-after").and_then(|text| seconds(text).or_else(|| date(text))));
        Self { should, after }
    }
}

/// Whether a status is one after which it may go well.
pub(super) fn passing(status: u16, advice: Advice) -> bool {
    advice.should.unwrap_or(matches!(status, 408 | 409 | 429 | 500..))
}

impl Patience {
    /// How long to wait before the try after `failed` ones; none: not again. `chance` is from 0 to 1.
    pub(super) fn wait(self, failed: u32, advice: Advice, chance: f64) -> Option<Duration> {
        if failed > self.retries {
            return None;
        }
        if let Some(asked) = advice.after.filter(|asked| !asked.is_zero()) {
            return Some(asked);
        }
        let doubled = self.first.saturating_mul(1 << failed.saturating_sub(1).min(16)).min(self.longest);
        Some(doubled.mul_f64(1.0 - 0.25 * chance.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(headers: &[(&str, &'static str)]) -> Advice {
        let now = "2026-01-15T12:00:00Z".parse().unwrap();
        Advice::of(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value), now)
    }

    fn after(millis: u64) -> Advice {
        Advice { should: None, after: Some(Duration::from_millis(millis)) }
    }

    #[test]
    fn the_servers_wish_is_read_in_all_its_forms() {
        assert_eq!(advice(&[("retry-after-ms", "250"), ("retry-after", "9")]), after(250));
        assert_eq!(advice(&[("retry-after", "1.5")]), after(1500));
        assert_eq!(advice(&[("retry-after", "Thu, 15 Jan 2026 12:00:07 GMT")]), after(7000));
        assert_eq!(advice(&[("retry-after", "Thu, 15 Jan 2026 11:00:07 GMT")]), Advice::default());
        assert_eq!(advice(&[("retry-after", "-3")]), Advice::default());
        assert_eq!(advice(&[("retry-after", "1e300"), ("retry-after-ms", "soon")]), Advice::default());
        assert_eq!(advice(&[("x-should-retry", "false")]).should, Some(false));
    }

    #[test]
    fn what_may_pass_is_tried_again_unless_the_server_says_no() {
        let silent = Advice::default();
        for status in [408, 409, 429, 500, 502, 503, 529] {
            assert!(passing(status, silent), "{status}");
            assert!(!passing(status, Advice { should: Some(false), after: None }));
        }
        for status in [400, 401, 403, 404, 422] {
            assert!(!passing(status, silent), "{status}");
            assert!(passing(status, Advice { should: Some(true), after: None }));
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_differ() {
        let patience = Patience { retries: 9, ..USUAL };
        let pause = |failed, chance| patience.wait(failed, Advice::default(), chance).unwrap().as_millis();
        assert_eq!([1, 2, 3, 4, 5, 6, 9].map(|failed| pause(failed, 0.0)), [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(pause(1, 1.0), 375);
        assert_eq!(USUAL.wait(3, Advice::default(), 0.0), None);
        assert_eq!(USUAL.wait(1, after(30), 0.5), Some(Duration::from_millis(30)));
    }
}
