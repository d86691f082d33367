//! Times as programs write them at the front of a line: ISO 8601 and RFC 3339, syslog, Apache, Tomcat, Go, klog, seconds and
//! milliseconds since 1970.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};

use super::{Level, Zone};

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
const DAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
/// Bytes of a line in which the time of an access log is looked for.
const ACCESS: usize = 200;

/// What stands at the front of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) at: Option<DateTime<Utc>>,
    /// From a priority of syslog or the letter of klog.
    pub(super) level: Option<Level>,
    /// The byte behind it.
    pub(super) end: usize,
}

/// What stands at the front of a line, the time first. A time without a year is the last one that has been; one without a zone is
/// that of the log's.
pub(super) fn front(line: &str, now: DateTime<Utc>, zone: Zone) -> Stamp {
    let mut read = Read { bytes: line.as_bytes(), at: 0 };
    read.blanks();
    let mut level = None;
    if let Some(priority) = read.tried(priority) {
        level = Some(Level::of_syslog(priority % 8));
        // The version of RFC 5424.
        read.tried(|read| (read.digits(1, 2).is_some() && read.eat(b' ')).then_some(()));
    }
    read.tried(ruby).or_else(|| read.tried(redis));
    let bracketed = read.eat(b'[') || read.eat(b'"');
    let mut at = None;
    if let Some((letter, found)) = read.tried(|read| klog(read, now)) {
        (level, at) = (Some(letter), found.and_then(|found| zone.utc(found)));
    } else if let Some(found) = read.tried(|read| moment(read, now, zone)) {
        at = Some(found);
    }
    match at {
        Some(_) => {
            if bracketed && !read.eat(b']') {
                read.eat(b'"');
            }
            read.eat(b':');
            read.blanks();
            Stamp { at: sane(at, now), level, end: read.at }
        }
        None if level.is_some() => Stamp { at, level, end: read.at },
        None => Stamp { at: sane(access(line, now, zone), now), level, end: 0 },
    }
}

/// The time that a whole text is.
pub(super) fn whole(text: &str, now: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
    let mut read = Read { bytes: text.trim().as_bytes(), at: 0 };
    sane(moment(&mut read, now, zone), now)
}

/// The time that a number is, since 1970 in seconds, or thousandths, millionths or thousand-millionths of them.
pub(super) fn number(value: f64) -> Option<DateTime<Utc>> {
    let seconds = match value {
        1e8..1e11 => value,
        1e11..1e14 => value / 1e3,
        1e14..1e17 => value / 1e6,
        1e17..1e20 => value / 1e9,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "below 10^14 by the ranges above")]
    DateTime::from_timestamp_micros((seconds * 1e6).round() as i64)
}

/// A time that is more than a day ahead was read wrongly, and one from before 1990 is nobody's.
fn sane(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    at.filter(|at| *at <= now + TimeDelta::days(1) && at.year() >= 1990)
}

fn priority(read: &mut Read) -> Option<u64> {
    if !read.eat(b'<') {
        return None;
    }
    let priority = read.digits(1, 3).filter(|priority| *priority <= 191)?;
    read.eat(b'>').then_some(priority.into())
}

/// `E, `: the letter of the level, which stands behind the time as a word too.
fn ruby(read: &mut Read) -> Option<()> {
    read.one_of(b"DIWEFA")?;
    (read.eat(b',') && read.eat(b' ')).then_some(())
}

/// `1:M `: the process and what it is to the others.
fn redis(read: &mut Read) -> Option<()> {
    read.digits(1, 10)?;
    (read.eat(b':') && read.one_of(b"MSXC").is_some() && read.eat(b' ')).then_some(())
}

/// The time in brackets of an access log, which stands behind the client.
fn access(line: &str, now: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
    let bytes = &line.as_bytes()[..line.len().min(ACCESS)];
    let opens = bytes.iter().enumerate().filter(|(_, b)| **b == b'[').map(|(at, _)| at);
    opens.take(3).find_map(|open| moment(&mut Read { bytes: line.as_bytes(), at: open + 1 }, now, zone))
}

fn moment(read: &mut Read, now: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
    read.tried(|read| iso(read, zone))
        .or_else(|| read.tried(|read| named(read, now, zone)))
        .or_else(|| read.tried(|read| day_first(read, zone)))
        .or_else(|| read.tried(epoch))
}

/// `2026-01-31T12:00:00.123+01:00`, `2026-01-31 12:00:00,123`, `2026/01/31 12:00:00`.
fn iso(read: &mut Read, zone: Zone) -> Option<DateTime<Utc>> {
    let year = read.digits(4, 4)?;
    let between = read.one_of(b"-/")?;
    let month = read.digits(2, 2)?;
    if !read.eat(between) {
        return None;
    }
    let day = read.digits(2, 2)?;
    read.one_of(b"Tt _")?;
    let time = clock(read)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    zoned(read, date.and_time(time), zone)
}

/// `Jan 31 12:00:00`, `Thu Jan 31 12:00:00.123456 2026`.
fn named(read: &mut Read, now: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
    read.tried(|read| {
        let found = DAYS.iter().any(|day| read.word(*day));
        read.eat(b',');
        (found && read.eat(b' ')).then_some(())
    });
    let month = read.month()?;
    read.one_of(b" ")?;
    read.eat(b' ');
    let day = read.digits(1, 2)?;
    read.one_of(b" ")?;
    let time = clock(read)?;
    let year = read.tried(|read| {
        read.one_of(b" ")?;
        let year = read.digits(4, 4).filter(|year| (1990..2200).contains(year))?;
        (!read.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b':')).then_some(year)
    });
    let Some(year) = year else { return zone.utc(last(month, day, time, now)?) };
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    zoned(read, date.and_time(time), zone)
}

/// `31/Jan/2026:12:00:00 +0100`, `31-Jan-2026 12:00:00.123`.
fn day_first(read: &mut Read, zone: Zone) -> Option<DateTime<Utc>> {
    let day = read.digits(1, 2)?;
    let between = read.one_of(b"/- ")?;
    let month = read.month()?;
    if !read.eat(between) {
        return None;
    }
    let year = read.digits(4, 4)?;
    read.one_of(b": ")?;
    let time = clock(read)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    zoned(read, date.and_time(time), zone)
}

/// `1769860800`, `1769860800.123`, `1769860800123`.
fn epoch(read: &mut Read) -> Option<DateTime<Utc>> {
    let start = read.at;
    while read.peek().is_some_and(|b| b.is_ascii_digit()) {
        read.at += 1;
    }
    if !matches!(read.at - start, 10 | 13 | 16 | 19) {
        return None;
    }
    if read.at - start == 10 && read.peek() == Some(b'.') {
        read.at += 1;
        while read.peek().is_some_and(|b| b.is_ascii_digit()) {
            read.at += 1;
        }
    }
    let text = std::str::from_utf8(&read.bytes[start..read.at]).ok()?;
    let ends = read.peek().is_none_or(|b| matches!(b, b' ' | b'\t' | b']' | b',' | b':' | b'"'));
    ends.then(|| number(text.parse().ok()?))?
}

/// `E0131 12:00:00.123456       1 file.go:12] `: how the programs of Kubernetes write.
fn klog(read: &mut Read, now: DateTime<Utc>) -> Option<(Level, Option<NaiveDateTime>)> {
    let level = match read.one_of(b"IWEF")? {
        b'I' => Level::Info,
        b'W' => Level::Warning,
        _ => Level::Error,
    };
    let (month, day) = (read.digits(2, 2)?, read.digits(2, 2)?);
    read.one_of(b" ")?;
    let time = clock(read)?;
    let rest = &read.bytes[read.at..read.bytes.len().min(read.at + ACCESS)];
    let close = rest.windows(2).position(|pair| pair == b"] ")?;
    read.at += close + 2;
    Some((level, last(month, day, time, now)))
}

/// The last time that this day and time has been; a clock that is a day ahead is forgiven.
fn last(month: u32, day: u32, time: NaiveTime, now: DateTime<Utc>) -> Option<NaiveDateTime> {
    let latest = now.date_naive().checked_add_days(Days::new(1))?;
    let year = |year| NaiveDate::from_ymd_opt(year, month, day).filter(|date| *date <= latest);
    let date = year(latest.year()).or_else(|| year(latest.year() - 1))?;
    Some(date.and_time(time))
}

/// `12:00:00`, with a fraction behind a dot or a comma.
fn clock(read: &mut Read) -> Option<NaiveTime> {
    let hour = read.digits(2, 2)?;
    read.one_of(b":")?;
    let minute = read.digits(2, 2)?;
    read.one_of(b":")?;
    let second = read.digits(2, 2)?;
    let nanos = read.tried(|read| {
        read.one_of(b".,")?;
        let start = read.at;
        let number = read.digits(1, 9)?;
        while read.peek().is_some_and(|b| b.is_ascii_digit()) {
            read.at += 1;
        }
        Some(number * 10_u32.pow(9_u32.saturating_sub(u32::try_from(read.at - start).ok()?.min(9))))
    });
    // A leap second is the one before it.
    NaiveTime::from_hms_nano_opt(hour, minute, second.min(59), nanos.unwrap_or(0))
}

/// A time with the zone that stands behind it, or the log's.
fn zoned(read: &mut Read, local: NaiveDateTime, zone: Zone) -> Option<DateTime<Utc>> {
    let written = read.tried(|read| {
        if read.eat(b'Z') {
            return Some(0);
        }
        read.eat(b' ');
        if [b"UTC", b"GMT"].into_iter().any(|name| read.word(name)) {
            return Some(0);
        }
        let sign = if read.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = read.digits(2, 2)?;
        read.eat(b':');
        let minutes = read.digits(2, 2)?;
        i32::try_from(hours * 3600 + minutes * 60).ok().map(|seconds| sign * seconds)
    });
    match written {
        Some(seconds) => {
            Some(FixedOffset::east_opt(seconds)?.from_local_datetime(&local).single()?.with_timezone(&Utc))
        }
        None => zone.utc(local),
    }
}

/// Bytes that are read from the front.
struct Read<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Read<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, b: u8) -> bool {
        let is_there = self.peek() == Some(b);
        self.at += usize::from(is_there);
        is_there
    }

    fn one_of(&mut self, of: &[u8]) -> Option<u8> {
        let found = self.peek().filter(|b| of.contains(b))?;
        self.at += 1;
        Some(found)
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let is_there = self.bytes[self.at..].starts_with(word);
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }

    fn month(&mut self) -> Option<u32> {
        let place = MONTHS.iter().position(|month| self.word(*month))?;
        u32::try_from(place + 1).ok()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// A number of at least and at most so many digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let rest = &self.bytes[self.at..];
        let count = rest.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if count < least {
            return None;
        }
        let number = rest[..count].iter().fold(0, |number: u32, b| number * 10 + u32::from(b - b'0'));
        self.at += count;
        Some(number)
    }

    /// Goes back to where it was when nothing came of it.
    fn tried<T>(&mut self, reading: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let found = reading(self);
        if found.is_none() {
            self.at = start;
        }
        found
    }
}
