//! How loud a line is: what it says of itself, and what to make of it when it says nothing.

use super::collect;

/// How loud a line is. Ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Level {
    /// Told to be harmless: trace, debug, info, notice.
    Info,
    /// It does not say.
    Unsaid,
    Warning,
    Error,
}

impl From<Option<collect::Level>> for Level {
    fn from(said: Option<collect::Level>) -> Self {
        match said {
            None => Self::Unsaid,
            Some(collect::Level::Debug | collect::Level::Info) => Self::Info,
            Some(collect::Level::Warning) => Self::Warning,
            Some(collect::Level::Error) => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Datelike, Utc};

    use super::*;
    use crate::diagnosis::collect::{Entry, Zone};

    fn read(line: &str) -> (Level, Option<DateTime<Utc>>, String) {
        let entry = Entry::read(line, "2026-03-02T12:00:00Z".parse().unwrap(), Zone::default());
        (entry.level.into(), entry.at, entry.message)
    }

    #[test]
    fn every_stack_writes_its_own_way_and_means_the_same() {
        for line in [
            "2026-03-02 09:30:01.250 ERROR [http-nio-8080-exec-7] o.h.Handler - pool empty",
            "2026-03-02 09:30:01,250 - app.views - ERROR - pool empty",
            r#"{"level":50,"time":1772443801250,"msg":"pool empty"}"#,
            r#"{"level":"error","ts":1772443801.25,"msg":"pool empty"}"#,
            r#"{"t":{"$date":"2026-03-02T09:30:01.250Z"},"s":"E","c":"NETWORK","msg":"pool empty"}"#,
            r#"time=2026-03-02T09:30:01.250Z level=ERROR msg="pool empty""#,
            "2026/03/02 09:30:01 [error] 31#31: pool empty",
            "2026-03-02 09:30:01.250 UTC [812] FATAL:  pool empty",
            "E0302 09:30:01.250123       1 server.go:42] pool empty",
            "E, [2026-03-02T09:30:01.250000 #9] ERROR -- : pool empty",
            "2026-03-02T10:30:01.250+01:00 fail: Web.Startup[0] pool empty",
            "2026-03-02 09:30:01.250000+00:00 [error] <0.713.0> pool empty",
            "Mar  2 09:30:01 ward-host app[9]: error: pool empty",
        ] {
            let (level, at, message) = read(line);
            assert_eq!(level, Level::Error, "{line}");
            assert!(message.ends_with("pool empty"), "{line}: {message}");
            assert_eq!(at.map(|at| at.timestamp()), Some(1_772_443_801), "{line}: {at:?}");
        }
    }

    #[test]
    fn what_says_nothing_of_its_level_is_neither_loud_nor_harmless() {
        let (level, at, _) =
            read("Mar  2 09:30:01 ward-host kernel: [812.1] Out of memory: Killed process 4242 (java)");
        assert_eq!((level, at.map(|at| at.timestamp())), (Level::Unsaid, Some(1_772_443_801)));
        assert_eq!(read("02 Mar 2026 09:30:01.250 # oops").1.map(|at| at.timestamp()), Some(1_772_443_801));
        let year = read("Dec 31 23:59:59 ward-host cron: x").1.map(|at| at.year());
        assert_eq!(year, Some(2025), "no log is from the future");
    }
}
