//! Making text from elsewhere safe to show, and figures short enough to read.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

pub(super) use crate::platform::count;

/// One line without anything that a terminal would obey or that would reorder what stands beside it.
pub(super) fn line(text: &str) -> String {
    text.trim_end().chars().map(|c| if c == '\n' || c == '\t' { ' ' } else { harmless(c) }).collect()
}

/// Several lines, otherwise as [`line`].
pub(super) fn block(text: &str) -> String {
    text.trim_end().chars().map(|c| if c == '\n' { c } else { harmless(c) }).collect()
}

fn harmless(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A moment, as in the JSON output.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How long: `45s`, `12m`, `3h 20m`, `4d 2h`.
pub(super) fn span(time: TimeDelta) -> String {
    let seconds = time.num_seconds().max(0);
    let pair = |large: i64, unit: char, small: i64, rest: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit} {small}{rest}"),
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..600 => pair(seconds / 60, 'm', seconds % 60, 's'),
        600..3600 => format!("{}m", seconds / 60),
        3600..86400 => pair(seconds / 3600, 'h', seconds % 3600 / 60, 'm'),
        _ => pair(seconds / 86400, 'd', seconds % 86400 / 3600, 'h'),
    }
}

/// How long ago, or a dash.
pub(super) fn age(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    at.map_or_else(|| "—".to_owned(), |at| span(now - at))
}

/// Bytes in binary units.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 10.0 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// The beginning of a hash or id, enough to tell it from others.
pub(super) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A word as it stands in the JSON form of a value, such as `technical-lead`.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_command_the_terminal_or_turn_words_around() {
        assert_eq!(line("a\x1b[2Jb\nc\u{202e}d\u{9b}1m\r\n"), "a\u{fffd}[2Jb c\u{fffd}d\u{fffd}1m");
        assert_eq!(block("one\ntwo\x07\n"), "one\ntwo\u{fffd}");
    }

    #[test]
    fn figures_are_short() {
        let spans = [0, 45, 60, 125, 600, 3600, 12_000, 360_000].map(|s| span(TimeDelta::seconds(s)));
        assert_eq!(spans, ["0s", "45s", "1m", "2m 5s", "10m", "1h", "3h 20m", "4d 4h"]);
        assert_eq!([0, 1023, 1024, 2_576_980_377].map(bytes), ["0 B", "1023 B", "1.0 KiB", "2.4 GiB"]);
    }
}
