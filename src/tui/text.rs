//! Text for a screen: cleaned, cut to width, and figures as tired people read them.

use std::time::Duration;

use chrono::TimeDelta;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Text without anything that could move a cursor or colour a screen.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c == '\t' || c == '\n' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

/// Columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `columns`, with `…` where it was cut.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let text = clean(text);
    if text.width() <= columns {
        return text;
    }
    let mut kept = String::new();
    let mut used = 0;
    for piece in text.graphemes(true) {
        let next = piece.width();
        if used + next + 1 > columns {
            break;
        }
        kept.push_str(piece);
        used += next;
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// The end of the text in at most `columns`, with `…` where it was cut: what matters of a path is its end.
#[must_use]
pub fn fit_end(text: &str, columns: usize) -> String {
    let text = clean(text);
    if text.width() <= columns {
        return text;
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut used = 0;
    for piece in text.graphemes(true).rev() {
        let next = piece.width();
        if used + next + 1 > columns {
            break;
        }
        kept.push(piece);
        used += next;
    }
    kept.reverse();
    format!("…{}", kept.concat())
}

/// The text in exactly `columns`, to the left.
#[must_use]
pub fn left(text: &str, columns: usize) -> String {
    let fitted = fit(text, columns);
    let pad = columns.saturating_sub(fitted.width());
    fitted + &" ".repeat(pad)
}

/// A name in its own columns, and how many of those that follow are left: it is never cut, as two things must not look like one.
#[must_use]
pub fn name_and(name: &str, own: usize, following: usize) -> (String, usize) {
    let columns = own.max(name.width() + 1);
    (left(name, columns), (own + following).saturating_sub(columns))
}

/// The text in exactly `columns`, to the right.
#[must_use]
pub fn right(text: &str, columns: usize) -> String {
    let fitted = fit(text, columns);
    " ".repeat(columns.saturating_sub(fitted.width())) + &fitted
}

/// The text in lines of at most `columns`, broken between words.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in clean(paragraph).split(' ') {
            if !line.is_empty() && line.width() + 1 + word.width() > columns {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            while line.width() > columns {
                let head: String = line.graphemes(true).take(columns).collect();
                line = line[head.len()..].to_owned();
                lines.push(head);
            }
        }
        lines.push(line);
    }
    lines
}

/// Text whose lines were broken for a page, a paragraph or a point of a list in each line; empty lines stay.
#[must_use]
pub fn paragraphs(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let goes_on = !line.is_empty() && sign_of_point(line) == 0;
        match all.last_mut().filter(|last| goes_on && !last.is_empty()) {
            Some(last) => {
                last.push(' ');
                last.push_str(line);
            }
            None => all.push(line.to_owned()),
        }
    }
    all
}

/// How long the sign is with which a point of a list begins: `- `, `1. `; nothing before other text.
#[must_use]
pub fn sign_of_point(line: &str) -> usize {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match line.get(digits..) {
        Some(rest) if digits > 0 && rest.starts_with(". ") => digits + 2,
        Some(rest) if digits == 0 && (rest.starts_with("- ") || rest.starts_with("* ")) => 2,
        _ => 0,
    }
}

/// The text with a capital first letter.
#[must_use]
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

/// The start and the end of the text in at most `columns`, with `…` between: names often differ at both ends.
#[must_use]
pub fn fit_middle(text: &str, columns: usize) -> String {
    let text = clean(text);
    if text.width() <= columns {
        return text;
    }
    if columns < 5 {
        return fit(&text, columns);
    }
    let end = fit_end(&text, (columns - 1) / 2 + 1);
    let start = fit(&text, columns - end.width() + 1);
    let start = start.strip_suffix('…').unwrap_or(&start);
    format!("{start}{end}")
}

/// A span of time, as people say it: `41 s`, `5 m`, `1 h 30 m`, `2 d`.
#[must_use]
pub fn span(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().max(0);
    let pair = |big: i64, big_unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big} {big_unit}") } else { format!("{big} {big_unit} {small} {small_unit}") }
    };
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=3_599 => pair(seconds / 60, "m", seconds % 60, "s"),
        3_600..=86_399 => pair(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// How long ago, short: `now`, `40s`, `3m`, `2h`, `5d`.
#[must_use]
pub fn age(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().max(0);
    match seconds {
        0..=1 => "now".to_owned(),
        2..=89 => format!("{seconds}s"),
        90..=3_599 => format!("{}m", seconds / 60),
        3_600..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long ago, in words: `now`, `3m ago`.
#[must_use]
pub fn ago(delta: TimeDelta) -> String {
    match age(delta).as_str() {
        "now" => "now".to_owned(),
        age => format!("{age} ago"),
    }
}

/// A span of time, short: `0s`, `40s`, `3m`, `2h`, `5d`.
#[must_use]
pub fn short(delta: TimeDelta) -> String {
    if delta.num_seconds() <= 1 { format!("{}s", delta.num_seconds().max(0)) } else { age(delta) }
}

/// A clock: `m:ss`, `h:mm:ss` from an hour on, with a minus when it has run out.
#[must_use]
pub fn clock(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds();
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    if seconds < 3600 {
        format!("{sign}{}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// A time that something took: two significant digits, so that noise does not flicker.
#[must_use]
pub fn latency(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    if millis < 10.0 {
        "<10 ms".to_owned()
    } else if millis < 1000.0 {
        format!("{:.0} ms", (millis / 10.0).round() * 10.0)
    } else {
        format!("{:.1} s", millis / 1000.0)
    }
}

/// A share: `0 %`, `<0.1 %`, `0.4 %`, `13 %`; what is little is never called none.
#[must_use]
pub fn share(share: f64) -> String {
    match share * 100.0 {
        percent if percent <= 0.0 => "0 %".to_owned(),
        percent if percent < 0.1 => "<0.1 %".to_owned(),
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

/// A size: `512 B`, `12 MiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < units.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 10.0 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_and_carries_no_control_characters() {
        assert_eq!(fit("patient-api", 8), "patient…");
        assert_eq!(fit("患者データ", 5), "患者…");
        assert_eq!(clean("a\x1b[31mred\x07"), "a[31mred");
        assert_eq!(left("ab", 4), "ab  ");
        assert_eq!(right("ab", 4), "  ab");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit_middle("handouts-service-code", 11), "hando…-code");
        assert_eq!(fit_middle("患者データ-コード", 8), "患者…ド");
        assert_eq!(fit_middle("abcdef", 3), "ab…");
        assert_eq!(fit_end("/srv/app/current/app.js", 10), "…nt/app.js");
    }

    #[test]
    fn words_wrap_and_long_ones_are_broken() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(age(TimeDelta::seconds(150)), "2m");
        assert_eq!(span(TimeDelta::seconds(41)), "41 s");
        assert_eq!(span(TimeDelta::seconds(300)), "5 m");
        assert_eq!(span(TimeDelta::seconds(5_400)), "1 h 30 m");
        assert_eq!(span(TimeDelta::days(2)), "2 d");
        assert_eq!(clock(TimeDelta::seconds(125)), "2:05");
        assert_eq!(clock(TimeDelta::seconds(-5)), "-0:05");
        assert_eq!(latency(Duration::from_millis(123)), "120 ms");
        assert_eq!(latency(Duration::from_millis(2400)), "2.4 s");
        assert_eq!(bytes(12 * 1024 * 1024), "12 MiB");
    }

    #[test]
    fn lines_broken_for_a_page_are_one_paragraph_and_points_stay_apart() {
        let told = "A wrong answer is worse\nthan none.\n\n1. Ask first: another version, a\ndamaged file.\n2. Then drain.\n- once";
        let wanted = [
            "A wrong answer is worse than none.",
            "",
            "1. Ask first: another version, a damaged file.",
            "2. Then drain.",
            "- once",
        ];
        assert_eq!(paragraphs(told), wanted);
        assert_eq!(["1. a", "12. b", "- c", "1.5 s", "a - b"].map(sign_of_point), [3, 4, 2, 0, 0]);
    }
}
