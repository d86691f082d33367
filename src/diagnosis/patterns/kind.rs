//! What a piece of a line is, told from its form alone.

use serde::{Deserialize, Serialize};

/// What a piece of a line, or a variable of a template, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Punctuation; never a variable.
    Mark,
    /// A word without digits.
    Word,
    /// A word with numbers in it, such as `blk_17`; its letters count as constants.
    Numbered,
    /// A number, also a signed or fractional one.
    Number,
    /// A number with its unit: `5.2 KB`, `10ms`, `99%`.
    Quantity,
    /// A hexadecimal number.
    Hex,
    /// An address of the internet, with or without a port.
    Ip,
    /// The name of a host.
    Host,
    /// An e-mail address, or who is where: `alice@db1`.
    Email,
    /// An address of the web or of another protocol.
    Url,
    /// A path in a file system or below a host.
    Path,
    /// A universally unique identifier.
    Uuid,
    /// A date, a time, or both.
    Time,
    /// `true`, `null` and their like.
    Literal,
    /// An identifier that is made of letters and digits without an order.
    Id,
    /// Several words that belong together: what stands in quotes, or the rest of a line that is too long.
    Text,
    /// Several values in a row.
    List,
    /// No value where one could stand: `user=`, `()`.
    Empty,
    /// What the redactor has left in the place of what it took out: `[MRN]`.
    Taken,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Mark,
        Self::Word,
        Self::Numbered,
        Self::Number,
        Self::Quantity,
        Self::Hex,
        Self::Ip,
        Self::Host,
        Self::Email,
        Self::Url,
        Self::Path,
        Self::Uuid,
        Self::Time,
        Self::Literal,
        Self::Id,
        Self::Text,
        Self::List,
        Self::Empty,
        Self::Taken,
    ];

    /// Whether a piece of this kind is a variable wherever it stands.
    #[must_use]
    pub fn is_variable(self) -> bool {
        !matches!(self, Self::Mark | Self::Word | Self::Numbered)
    }
}

/// Whether a word is a month's name.
pub(super) fn is_month(word: &str) -> bool {
    const SHORT: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const REST: [&str; 12] = ["uary", "ruary", "ch", "il", "", "e", "y", "ust", "tember", "ober", "ember", "ember"];
    let Some((head, tail)) = word.split_at_checked(3) else { return false };
    SHORT.iter().zip(REST).any(|(short, rest)| head.eq_ignore_ascii_case(short) && (tail.is_empty() || tail == rest))
        && !(word == "may" || word == "mar" || word == "dec")
}

/// Whether a word is a day's name.
pub(super) fn is_day(word: &str) -> bool {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    DAYS.iter().any(|day| word == *day || word.len() == 3 && day.starts_with(word))
}

/// Whether a word behind a time belongs to it.
pub(super) fn is_zone(word: &str) -> bool {
    matches!(
        word,
        "AM" | "PM"
            | "am"
            | "pm"
            | "UTC"
            | "GMT"
            | "Z"
            | "EST"
            | "EDT"
            | "CST"
            | "CDT"
            | "MST"
            | "MDT"
            | "PST"
            | "PDT"
            | "CET"
            | "CEST"
            | "BST"
            | "MSK"
            | "IST"
            | "JST"
            | "HKT"
            | "AEST"
    )
}

/// Whether a word behind a number is a unit that changes with the size of the number.
pub(super) fn is_unit(word: &str) -> bool {
    matches!(
        word,
        "B" | "KB"
            | "kB"
            | "MB"
            | "GB"
            | "TB"
            | "PB"
            | "KiB"
            | "MiB"
            | "GiB"
            | "TiB"
            | "KB/s"
            | "MB/s"
            | "GB/s"
            | "B/s"
            | "ns"
            | "us"
            | "ms"
            | "s"
            | "sec"
            | "secs"
            | "min"
            | "mins"
            | "hr"
            | "hrs"
            | "Hz"
            | "KHz"
            | "MHz"
            | "GHz"
            | "bps"
            | "Kbps"
            | "Mbps"
            | "Gbps"
    )
}

/// Whether a word stands for the value it would otherwise have.
pub(super) fn is_literal(word: &str, as_value: bool) -> bool {
    matches!(
        word,
        "true" | "false" | "null" | "True" | "False" | "TRUE" | "FALSE" | "NULL" | "NaN" | "nil" | "undefined"
    ) || as_value
        && matches!(
            word,
            "none"
                | "None"
                | "NONE"
                | "yes"
                | "no"
                | "Yes"
                | "No"
                | "YES"
                | "NO"
                | "on"
                | "off"
                | "ON"
                | "OFF"
                | "n/a"
                | "N/A"
        )
}

/// What a piece that begins with a digit, a sign or a point is.
pub(super) fn of_number(piece: &str) -> Kind {
    let bare = piece.trim_start_matches(['<', '>', '@']).trim_start_matches(['-', '+']);
    if let Some(digits) = bare.strip_prefix("0x").or_else(|| bare.strip_prefix("0X")) {
        return if digits.bytes().all(|b| b.is_ascii_hexdigit()) { Kind::Hex } else { Kind::Id };
    }
    let (mut digits, mut points, mut letters, mut colons, mut dashes) = (0_usize, 0_usize, 0_usize, 0_usize, 0_usize);
    for b in bare.bytes() {
        match b {
            b'0'..=b'9' => digits += 1,
            b'.' | b',' => points += 1,
            b':' => colons += 1,
            b'-' | b'/' => dashes += 1,
            _ => letters += 1,
        }
    }
    if letters == 0 && colons == 0 && dashes == 0 {
        return if is_ip(bare) { Kind::Ip } else { Kind::Number };
    }
    if letters == 0 && colons <= 1 && dashes == 0 && is_ip(bare) {
        return Kind::Ip;
    }
    if is_uuid(bare) {
        return Kind::Uuid;
    }
    if is_time(bare) {
        return Kind::Time;
    }
    let unit = bare.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
    if unit == "%"
        || is_unit(unit)
        || matches!(unit, "k" | "K" | "M" | "G" | "T" | "m" | "h" | "d" | "x" | "Gi" | "Mi" | "Ki")
    {
        return Kind::Quantity;
    }
    if colons == 0 && points == 0 && dashes == 0 && digits + letters >= 6 && bare.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Kind::Hex;
    }
    Kind::Id
}

/// Whether it is an address of version 4, with or without a port or a length of its network.
pub(super) fn is_ip(piece: &str) -> bool {
    let (address, port) = piece.split_once([':', '/']).map_or((piece, None), |(address, port)| (address, Some(port)));
    let mut parts = 0;
    for part in address.split('.') {
        parts += 1;
        let fits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if parts > 4 || !fits {
            return false;
        }
    }
    parts == 4 && port.is_none_or(|port| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()))
}

pub(super) fn is_uuid(piece: &str) -> bool {
    let fits =
        |(place, b): (usize, u8)| if matches!(place, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() };
    piece.len() == 36 && piece.bytes().enumerate().all(fits)
}

/// A time of day, a date, or both: digits between at least one `:` or two `-`, `/` or `.`, and letters only as a month, a `T`, or a zone.
fn is_time(piece: &str) -> bool {
    let (mut colons, mut dashes, mut letters) = (0, 0, 0);
    for b in piece.bytes() {
        match b {
            b':' => colons += 1,
            b'-' | b'/' => dashes += 1,
            b'0'..=b'9' | b'.' | b',' | b'+' => {}
            b'A'..=b'Z' | b'a'..=b'z' => letters += 1,
            _ => return false,
        }
    }
    let of_day = colons == 1 || colons == 2 || dashes == 2 && colons <= 3;
    let words = piece.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let named = letters == 0
        || words.into_iter().all(|word| matches!(word, "T" | "Z" | "am" | "pm" | "AM" | "PM") || is_month(word));
    let short = piece.split(|c: char| !c.is_ascii_digit()).all(|digits| digits.len() <= 9);
    of_day
        && named
        && short
        && (colons == 0 || piece.as_bytes().get(1).is_some_and(|b| b.is_ascii_digit() || matches!(b, b':' | b'/')))
}

/// Whether a word with points, without a digit in front, names a host: by the end that such names have.
pub(super) fn is_host(piece: &str, port_follows: bool) -> bool {
    let mut labels = piece.rsplit('.');
    let (Some(top), Some(second)) = (labels.next(), labels.next()) else { return false };
    if !piece.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
        return false;
    }
    if matches!(
        top,
        "com"
            | "net"
            | "org"
            | "edu"
            | "gov"
            | "mil"
            | "int"
            | "biz"
            | "local"
            | "localdomain"
            | "internal"
            | "lan"
            | "arpa"
    ) {
        return true;
    }
    let source = matches!(
        top,
        "java"
            | "c"
            | "cc"
            | "cpp"
            | "h"
            | "py"
            | "go"
            | "rs"
            | "js"
            | "ts"
            | "rb"
            | "cs"
            | "kt"
            | "scala"
            | "pl"
            | "sh"
            | "php"
            | "m"
            | "mm"
            | "swift"
    );
    if port_follows && !source && top.bytes().all(|b| b.is_ascii_lowercase()) {
        return true;
    }
    let country = top.len() == 2 && top.bytes().all(|b| b.is_ascii_lowercase());
    let numbered = piece.bytes().any(|b| b.is_ascii_digit() || b == b'-');
    country
        && !source
        && (numbered || matches!(second, "co" | "com" | "edu" | "ac" | "gov" | "org" | "net" | "or" | "ne"))
}
