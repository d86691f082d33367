//! Takes identifiers out of evidence before it is kept: e-mail addresses, network addresses and long numbers.

use std::net::{IpAddr, Ipv4Addr};

/// Characters of a line that are kept.
const LINE: usize = 240;
/// From so many digits on, a number may be somebody's.
const DIGITS: usize = 6;

/// A line that may be stored and shown: without control characters, identifiers replaced by their class, and not too long.
#[must_use]
pub fn redact(line: &str) -> String {
    let mut clean = String::with_capacity(line.len().min(4 * LINE));
    let mut word = String::new();
    // What follows the part that is kept cannot show, but a word is judged whole.
    for c in line.chars().take(4 * LINE).map(|c| if c.is_control() { ' ' } else { c }) {
        if c.is_whitespace() || "\"'<>(){}[],;|=&".contains(c) {
            clean.push_str(&judged(&word));
            word.clear();
            clean.push(c);
        } else {
            word.push(c);
        }
    }
    clean.push_str(&judged(&word));
    clip(&clean, LINE)
}

/// At most so many characters; what was cut shows.
pub(super) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn judged(word: &str) -> String {
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != ':');
    if core.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty()) {
        return word.replace(core, "[EMAIL]");
    }
    if core.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6() && !address.is_loopback()) {
        return word.replace(core, "[IP]");
    }
    word.split_inclusive([':', '/']).map(part).collect()
}

/// A part between colons and slashes: an address, or text with numbers in it.
fn part(text: &str) -> String {
    let core = text.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    match core.parse::<Ipv4Addr>() {
        Ok(address) if address.is_loopback() || address.is_unspecified() => text.to_owned(),
        Ok(_) => text.replace(core, "[IP]"),
        Err(_) => numbers(text),
    }
}

/// Replaces long numbers, also such as `123-45-6789`; a decimal fraction is a measurement and stays.
fn numbers(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut run = String::new();
    let end = |run: &mut String, told: &mut String| {
        let tail = run.len() - run.trim_end_matches('-').len();
        let kept = run.split_off(run.len() - tail);
        let fraction = told.strip_suffix('.').is_some_and(|before| before.ends_with(|c: char| c.is_ascii_digit()));
        if !fraction && run.chars().filter(char::is_ascii_digit).count() >= DIGITS {
            told.push_str("[NUMBER]");
        } else {
            told.push_str(run);
        }
        told.push_str(&kept);
        run.clear();
    };
    for c in text.chars() {
        if c.is_ascii_digit() || (c == '-' && !run.is_empty()) {
            run.push(c);
        } else {
            end(&mut run, &mut told);
            told.push(c);
        }
    }
    end(&mut run, &mut told);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_go_and_the_rest_stays() {
        for (line, told) in [
            (
                "mail to jane.doe@clinic.org, mrn=12345678 from 10.1.2.3:443: column dose_unit at 127.0.0.1:80",
                "mail to [EMAIL], mrn=[NUMBER] from [IP]:443: column dose_unit at 127.0.0.1:80",
            ),
            (r#"{"mrn":"12345678","mail":"a@b.org"}"#, r#"{"mrn":"[NUMBER]","mail":"[EMAIL]"}"#),
            ("GET /patients/123456/chart (MRN0012345)", "GET /patients/[NUMBER]/chart (MRN[NUMBER])"),
            ("ssn 123-45-6789, phone 555-123-4567-", "ssn [NUMBER], phone [NUMBER]-"),
            ("peers 10.0.0.1,10.0.0.2 and fe80::1 but not ::1", "peers [IP],[IP] and [IP] but not ::1"),
            ("took 0.123456 s on v41 of 12345 rows", "took 0.123456 s on v41 of 12345 rows"),
            ("a mail cut at its end: jane.doe@cli", "a mail cut at its end: [EMAIL]"),
            ("a\x1b[31mb", "a [31mb"),
        ] {
            assert_eq!(redact(line), told);
            assert_eq!(redact(told), told, "what was taken out stays out");
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let told = redact(&"word ".repeat(100_000));
        assert_eq!(told.chars().count(), LINE);
        assert!(told.ends_with('…'));
    }
}
