//! How documents write times and figures.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::{Median, Share};

pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `45 s`, `12 min 5 s`, `3 h 20 min`, `4 d 2 h`.
pub(super) fn span(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a float that is too large stops at the largest number")]
    let whole = seconds.round() as i64;
    let pair = |large: i64, unit: &str, small: i64, rest: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {rest}"),
    };
    match whole {
        ..60 => format!("{} s", whole.max(0)),
        60..3600 => pair(whole / 60, "min", whole % 60, "s"),
        3600..86400 => pair(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => pair(whole / 86400, "d", whole % 86400 / 3600, "h"),
    }
}

/// What stands where there are too few cases.
const TOO_FEW: &str = "not enough data";

/// `6 min (4 min – 12 min), n 14`.
pub(super) fn median(median: &Median) -> String {
    match (median.median_seconds, median.low_seconds, median.high_seconds) {
        (Some(middle), Some(low), Some(high)) => {
            format!("{} ({} – {}), n {}", span(middle), span(low), span(high), median.count)
        }
        _ => format!("{TOO_FEW}, n {}", median.count),
    }
}

/// `12 of 14: 86 % (60 – 96)`.
pub(super) fn share(share: &Share) -> String {
    match (share.share, share.low, share.high) {
        (Some(part), Some(low), Some(high)) => {
            let percent = |part: f64| format!("{:.0}", part * 100.0);
            format!("{} of {}: {} % ({} – {})", share.count, share.of, percent(part), percent(low), percent(high))
        }
        _ if share.of == 0 => "none".to_owned(),
        _ => format!("{} of {}: {TOO_FEW}", share.count, share.of),
    }
}

/// A figure of so many cases, or that they are too few.
pub(super) fn figure(seconds: Option<f64>, count: usize) -> String {
    seconds.map_or_else(|| format!("{TOO_FEW}, n {count}"), |seconds| format!("{}, n {count}", span(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_cases_are_said_to_be_too_few() {
        assert_eq!(median(&Median::of(vec![60.0; 3])), "not enough data, n 3");
        let enough = Median::of(vec![30.0, 60.0, 90.0, 120.0, 600.0, 7200.0]);
        assert_eq!(median(&enough), "1 min 45 s (30 s – 2 h), n 6");
        assert_eq!(share(&Share::of(1, 3)), "1 of 3: not enough data");
        assert_eq!(share(&Share::of(1, 10)), "1 of 10: 10 % (2 – 40)");
        assert_eq!(share(&Share::of(0, 0)), "none");
        assert_eq!((figure(None, 2).as_str(), span(100_000.0).as_str()), ("not enough data, n 2", "1 d 3 h"));
    }
}
