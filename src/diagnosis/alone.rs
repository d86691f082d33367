//! A diagnosis of log files alone, without an engine and without a journal: what the files tell of the services of a platform.

use std::{io, path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    CaseFile, LogExcerpt, Redactor, analyse,
    collect::{Zone, tail},
    line::Level,
    patterns::Observed,
    signs::tells,
};
use crate::{
    domain::{
        Actor, DiagnosisDocument, DiagnosisId, Event, IncidentId, Recorded, Severity, State, Status, Vitals, apply,
    },
    platform::Platform,
};

/// Bytes read from the end of a file that is diagnosed alone.
pub const WHOLE_LOG: u64 = 64 << 20;

/// The service whose log a file is, by what the platform file says or by the file's name; of several names the longest.
#[must_use]
pub fn service_of(platform: &Platform, file: &Path) -> Option<String> {
    let same = |known: &Path| known == file || known.file_name().is_some() && known.file_name() == file.file_name();
    if let Some(service) = platform.services.iter().find(|service| service.logs.iter().any(|log| same(log))) {
        return Some(service.name.clone());
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', '.'], "-");
    let stem = plain(&file.file_name()?.to_string_lossy());
    let named = platform.services.iter().filter(|service| stem.contains(&plain(&service.name)));
    let longest = named.max_by_key(|service| service.name.len()).map(|service| service.name.clone());
    // Where there is but one, whose else should it be?
    longest.or_else(|| platform.services.first().filter(|_| platform.services.len() == 1).map(|only| only.name.clone()))
}

/// Reads a log of a service. `now` is the year of times that name none.
///
/// # Errors
/// When the file cannot be read or is no file.
pub fn read_log(service: &str, file: &Path, now: DateTime<Utc>) -> io::Result<LogExcerpt> {
    let entries = tail(file, WHOLE_LOG, now, Zone::default())?;
    Ok(LogExcerpt { service: service.to_owned(), path: file.display().to_string(), entries })
}

/// What logs alone tell. The trouble began at `at`; without it, with the first line that tells of an error. `now` stands where
/// no line has a time.
#[must_use]
pub fn analyse_logs(
    platform: Arc<Platform>,
    logs: Vec<LogExcerpt>,
    at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> DiagnosisDocument {
    let redactor = Redactor::from(&*platform);
    let onsets = logs.iter().filter_map(|log| Some((log.service.clone(), onset(log, at)?)));
    let mut began: Vec<(String, Option<DateTime<Utc>>)> = onsets.collect();
    let trouble = at.or_else(|| began.iter().filter_map(|(_, began)| *began).min()).unwrap_or(now);
    began.sort_by_key(|(_, began)| began.unwrap_or(trouble));
    let mut state = State::default();
    let mut happened = |at: DateTime<Utc>, event: Event| {
        let seq = state.seq + 1;
        apply(&mut state, &Recorded { seq, at, actor: Actor::Engine, cause: None, event, hash: String::new() });
    };
    happened(trouble, Event::PlatformLoaded { platform });
    let mut services: Vec<String> = Vec::new();
    for (service, began) in began {
        if services.contains(&service) {
            continue;
        }
        let (from, to, reason) = (Status::Unknown, Status::Degraded, "its log tells of errors".to_owned());
        let failing_since = Some(began.unwrap_or(trouble));
        happened(trouble, Event::ServiceStatusChanged { service: service.clone(), from, to, reason, failing_since });
        services.push(service);
    }
    for log in &logs {
        if !services.contains(&log.service) {
            services.push(log.service.clone());
        }
    }
    let (incident, severity, title) = (IncidentId(1), Severity::Sev3, "what the logs tell".to_owned());
    let (workflow, symptoms_at) = (None, None);
    happened(
        trouble,
        Event::IncidentOpened { incident, severity, title, services, detected_at: trouble, workflow, symptoms_at },
    );
    analyse(&CaseFile {
        state: &state,
        vitals: &Vitals::default(),
        incident,
        diagnosis: DiagnosisId(1),
        redactor: &redactor,
        logs,
        observed: &Observed::default(),
        now,
    })
}

/// When a log tells of an error first, from a minute before the trouble on where that is known; `None` inside where no line
/// has a time.
fn onset(log: &LogExcerpt, at: Option<DateTime<Utc>>) -> Option<Option<DateTime<Utc>>> {
    let since = at.map(|at| at - TimeDelta::minutes(1));
    let mut last = None;
    for entry in &log.entries {
        last = entry.at.or(last);
        let level = Level::from(entry.level);
        let recent = since.is_none_or(|since| last.is_none_or(|at| at >= since));
        let loud =
            level == Level::Error || level == Level::Unsaid && tells(Level::Unsaid, &entry.message.to_lowercase());
        if recent && loud {
            return Some(last);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnosis::collect::Entry, domain::Cause, platform::parse};

    const PLATFORM: &str = r#"
[platform]
name = "Shop"
profile = "drill"
[[service]]
name = "redis"
criticality = "high"
[[service]]
name = "auth"
criticality = "high"
depends_on = ["redis"]
[[service]]
name = "order"
criticality = "high"
depends_on = ["auth"]
logs = ["/var/log/shop/orders.log"]
"#;

    fn shop() -> Arc<Platform> {
        parse(PLATFORM, Path::new("/srv/codeblue.toml")).unwrap().into()
    }

    fn log(service: &str, lines: &[&str]) -> LogExcerpt {
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let entries = lines.iter().map(|line| Entry::read(line, now, Zone::default())).collect();
        LogExcerpt { service: service.to_owned(), path: format!("{service}.log"), entries }
    }

    #[test]
    fn a_file_belongs_to_the_service_that_it_is_named_after_or_that_names_it() {
        let shop = shop();
        for (file, service) in [
            ("/tmp/orders.log", Some("order")),
            ("auth_2026-03-02.log", Some("auth")),
            ("redis.log.1", Some("redis")),
            ("kernel.log", None),
        ] {
            assert_eq!(service_of(&shop, Path::new(file)).as_deref(), service, "{file}");
        }
    }

    #[test]
    fn of_a_cascade_the_earliest_is_named_and_whoever_the_others_complain_of() {
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let logs = vec![
            log(
                "order",
                &[
                    "2026-03-02 09:30:09 INFO order 17 placed",
                    "2026-03-02 09:30:12 ERROR login check failed: auth returned 503",
                ],
            ),
            log("auth", &["2026-03-02 09:30:05 ERROR session store: redis: Connection refused"]),
            log("redis", &["1:M 02 Mar 2026 09:30:01.003 # Out of memory allocating 1048576 bytes"]),
        ];
        let found = analyse_logs(shop(), logs, None, now);
        assert_eq!(
            (found.root_cause.service.as_str(), found.root_cause_category),
            ("redis", Cause::OutOfMemory),
            "{found:#?}"
        );
        assert_eq!(found.detected_at.to_rfc3339(), "2026-03-02T09:30:01.003+00:00");
        assert_eq!(found.affected_services, ["redis", "auth", "order"]);
    }

    #[test]
    fn logs_in_which_nothing_happens_name_no_cause() {
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let found = analyse_logs(shop(), vec![log("auth", &["2026-03-02 09:30:05 INFO session opened"])], None, now);
        assert_eq!((found.root_cause_category, found.suggested_fixes.len()), (Cause::Unknown, 0));
    }
}
