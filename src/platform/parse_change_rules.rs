//! What a platform file says about changes: what a service is to people, `[approvals]` and `[[freeze]]`.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use toml::{
    de::DeValue,
    value::{Datetime, Offset},
};

use super::{
    change_rules::{ApprovalLevels, Freeze, HealthInformation},
    maintenance::on_the_wall,
    model::Role,
    parse::role,
    parse_maintenance::{REASON, zone},
    reader::{Found, Reader, Section, Value},
    validate::{ApprovalSpans, Spans},
};

const MOST_FUNCTIONS: usize = 20;
/// Characters of what people do with a service.
const FUNCTION: usize = 80;
/// More people than that are not asked in time.
const MOST_ROLES: usize = 3;
const LONGEST_FREEZE: TimeDelta = TimeDelta::days(366);
const TIME: &str = "a time such as 2026-12-24T12:00:00Z, or 2026-12-24T12:00:00 in the zone of the freeze";

pub(super) fn functions(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Vec<String>> {
    let items = reader.items(value, place, "what people do with it");
    if let Some(item) = items.get(MOST_FUNCTIONS) {
        let what = format!("there are {}", items.len());
        reader.problem(item.span().start, place, what, format!("at most {MOST_FUNCTIONS}"));
    }
    let lines = items.iter().filter_map(|item| reader.one_line(item, place, "what people do with it", FUNCTION));
    Some(lines.map(|line| line.value).collect())
}

pub(super) fn health_information(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<HealthInformation> {
    let choices =
        [("none", HealthInformation::None), ("reads", HealthInformation::Reads), ("writes", HealthInformation::Writes)];
    reader.choice(value, place, &choices)
}

pub(super) fn approvals(root: &mut Section<'_, '_>, reader: &mut Reader, spans: &mut Spans) -> ApprovalLevels {
    let usual = ApprovalLevels::default();
    let Some(value) = root.get("approvals") else { return usual };
    let Some(mut section) = reader.section(value, "approvals", "a table headed [approvals]") else { return usual };
    let levels = section.present(&usual.named().map(|(level, _)| level));
    spans.approvals = Some(ApprovalSpans { table: section.at(), levels });
    let levels = ApprovalLevels {
        low: section.read(reader, "low", level).unwrap_or(usual.low),
        medium: section.read(reader, "medium", level).unwrap_or(usual.medium),
        high: section.read(reader, "high", level).unwrap_or(usual.high),
        critical: section.read(reader, "critical", level).unwrap_or(usual.critical),
    };
    section.finish(reader);
    levels
}

/// The roles of a level in one order: in which they are written makes no difference.
fn level(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Vec<Role>> {
    let at = value.span().start;
    let items = reader.items(value, place, "roles");
    let mut roles = Vec::new();
    for item in items {
        match role(reader, item, place) {
            Some(Role::Viewer) => {
                reader.problem(item.span().start, place, "a viewer only looks on", "a role that may act");
            }
            found => roles.extend(found),
        }
    }
    match items.len() {
        0 if !reader.complained_of(place) => {
            reader.problem(at, place, "nobody has to agree", "a list such as [\"engineer\"]");
        }
        0..=MOST_ROLES => {}
        many => reader.problem(at, place, format!("{many} people have to agree"), format!("at most {MOST_ROLES}")),
    }
    roles.sort_unstable();
    Some(roles)
}

pub(super) fn freeze(mut section: Section<'_, '_>, reader: &mut Reader, spans: &mut Spans) -> Option<Freeze> {
    let from = section.require(reader, "from", TIME, time);
    let until = section.require(reader, "until", TIME, time);
    let zone = section.read(reader, "zone", |reader, value, place| {
        let local = [&from, &until].into_iter().flatten().any(|time| matches!(time.value, Time::Local(_)));
        if !local && from.is_some() && until.is_some() {
            let what = "it says nothing about times that name their offset";
            reader.problem(value.span().start, place, what, "times without one, such as 2026-12-24T12:00:00");
        }
        zone(reader, value, place)
    });
    let reason = section.require(reader, "reason", "why nothing may be changed then", |reader, value, place| {
        reader.one_line(value, place, "why nothing may be changed then", REASON)
    });
    let services = section.read(reader, "services", |reader, value, place| {
        let items = reader.items(value, place, "services");
        if items.is_empty() && matches!(value.get_ref(), DeValue::Array(_)) {
            reader.problem(value.span().start, place, "it is empty", "services, or no \"services\" for all of them");
        }
        Some(items.iter().filter_map(|item| reader.text(item, place, "the name of a service")).collect::<Vec<_>>())
    });
    let (from_place, place) = (section.key("from"), section.key("until"));
    section.finish(reader);
    let services = services.unwrap_or_default();
    let names = services.iter().map(|service| service.value.clone()).collect();
    spans.frozen.extend(services);

    let (from, until, zone) = (from?, until?, zone.unwrap_or(Tz::UTC));
    let until_at = until.at;
    let (from, until) = (in_zone(&from, zone, &from_place, reader)?, in_zone(&until, zone, &place, reader)?);
    if until <= from {
        reader.problem(until_at, &place, "it ends before it has begun", "a time after \"from\"");
    } else if until - from > LONGEST_FREEZE {
        reader.problem(until_at, &place, "it lasts for more than 366 days", "at most 366 days after \"from\"");
    }
    Some(Freeze { from, until, reason: reason?.value, services: names })
}

/// A time as it is written.
enum Time {
    Exact(DateTime<Utc>),
    Local(NaiveDateTime),
}

fn in_zone(time: &Found<Time>, zone: Tz, place: &str, reader: &mut Reader) -> Option<DateTime<Utc>> {
    let exact = match time.value {
        Time::Exact(time) => Some(time),
        Time::Local(time) => on_the_wall(zone, time),
    };
    if exact.is_none() {
        reader.problem(time.at, place, format!("no clock in {zone} ever shows it"), TIME);
    }
    exact
}

/// A date and a time of TOML, or the same as text.
fn time(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Found<Time>> {
    let at = value.span().start;
    let (read, written) = match value.get_ref() {
        DeValue::Datetime(time) => (read_time(time), time.to_string()),
        DeValue::String(text) => (text.parse().ok().as_ref().and_then(read_time), text.to_string()),
        _ => {
            reader.mismatch(value, place, TIME);
            return None;
        }
    };
    if read.is_none() {
        reader.problem(at, place, format!("{written:?} is no such time"), TIME);
    }
    read.map(|value| Found { value, at })
}

fn read_time(time: &Datetime) -> Option<Time> {
    let (date, clock) = (time.date?, time.time?);
    let local = NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())?.and_hms_opt(
        clock.hour.into(),
        clock.minute.into(),
        clock.second.unwrap_or_default().into(),
    )?;
    Some(match time.offset {
        None => Time::Local(local),
        Some(Offset::Z) => Time::Exact(local.and_utc()),
        Some(Offset::Custom { minutes }) => {
            let offset = FixedOffset::east_opt(i32::from(minutes) * 60)?;
            Time::Exact(local.and_local_timezone(offset).single()?.to_utc())
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::platform::{Platform, Problems, explain, parse};

    /// Two services, the second with `keys`, and `more` behind them.
    fn read(keys: &str, more: &str) -> Result<Platform, Problems> {
        let head = "[platform]\nname = \"Ward\"\n[[service]]\nname = \"auth\"\n";
        let text = format!("{head}[[service]]\nname = \"patient-api\"\n{keys}{more}");
        parse(&text, Path::new("codeblue.toml"))
    }

    fn right(keys: &str, more: &str) -> Platform {
        read(keys, more).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn wrong(keys: &str, more: &str) -> String {
        read(keys, more).expect_err("the file should be refused").to_string()
    }

    fn freeze_of(keys: &str) -> Freeze {
        right("", &format!("[[freeze]]\nreason = \"holidays\"\n{keys}")).freezes[0].clone()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_service_says_what_it_is_to_people() {
        let keys = "functions = [\"patient check-in\", \"charts\"]\nusers = 1_200\nhealth_information = \"writes\"\nsafeguard = true\n";
        let platform = right(keys, "");
        let [auth, api] = &platform.services[..] else { panic!("{platform:?}") };
        assert_eq!(
            (api.functions.as_slice(), api.users),
            (&["patient check-in".into(), "charts".into()][..], Some(1200))
        );
        assert_eq!((api.health_information, api.safeguard), (HealthInformation::Writes, true));
        assert_eq!((auth.functions.len(), auth.users), (0, None));
        assert_eq!((auth.health_information, auth.safeguard), (HealthInformation::None, false));
        let stored = serde_json::to_string(&platform).unwrap();
        assert_eq!(serde_json::from_str::<Platform>(&stored).unwrap(), platform, "the journal keeps all of it");
        let told = explain(&platform);
        let lines = "  patient-api (medium)\n    for patient check-in, charts; used by about 1200 people\n    keeps or changes health information\n    a safeguard: it lets people in";
        assert!(told.contains(lines), "{told}");
        assert!(
            explain(&right("users = 1\nhealth_information = \"reads\"\n", "")).contains(
                "  patient-api (medium)\n    used by one person\n    reads health information\n    no checks"
            )
        );
    }

    #[test]
    fn levels_and_freezes_are_explained() {
        let more = r#"
[approvals]
high = ["technical-lead", "technical-lead"]
critical = ["compliance-officer", "cto", "technical-lead"]
[[freeze]]
from = 2026-12-24T12:00:00Z
until = 2026-12-27T06:00:00Z
reason = "skeleton staff over the holidays"
services = ["patient-api", "auth"]
[[freeze]]
from = 2027-01-01T00:00:00+01:00
until = 2027-01-02T00:00:00+01:00
reason = "year's end"
"#;
        let platform = right("", more);
        let (high, critical) = (&platform.approvals.high, &platform.approvals.critical);
        assert_eq!(high, &[Role::TechnicalLead, Role::TechnicalLead]);
        assert_eq!(critical, &[Role::TechnicalLead, Role::Cto, Role::ComplianceOfficer], "the order says nothing");
        assert_eq!(platform.approvals.low, ApprovalLevels::default().low);
        let stored = serde_json::to_string(&platform).unwrap();
        assert_eq!(serde_json::from_str::<Platform>(&stored).unwrap(), platform, "the journal keeps all of it");
        let told = explain(&platform);
        let rules = told.split_once("nothing: the file has no [[component]]\n").unwrap().1;
        insta::assert_snapshot!(rules, @r#"

        Who else holds evidence of the journal
          nobody: who has this host and its key can rewrite the journal unseen; [evidence] names no place

        Who else is asked what broke
          nobody: the local analyser alone, which needs no network; the file has no [model]

        When nothing may be changed, but in an emergency
          2026-12-24 12:00 to 2026-12-27 06:00 UTC: patient-api, auth: skeleton staff over the holidays
          2026-12-31 23:00 to 2027-01-01 23:00 UTC: everything: year's end

        Who may act
          nobody is named: the file has no [[operator]]
          what is dangerous needs a second factor from everybody
          a board that nobody is at locks after 15m
          nothing listens beyond the socket: the file has no [listen]

        Who is on call
          nobody by name: the file has no [[oncall]], and incidents call by role

        Who agrees to a change
          low (risk 1 to 3): engineer
          medium (risk 4 to 6): engineer
          high (risk 7 and 8): 2 technical leads
          critical (risk 9 and 10, and what reaches the whole platform): technical lead and CTO and compliance officer
          each is another person, and none the one who asks; a higher role may stand in for a lower one,
          the CTO for a technical lead and a technical lead for an engineer
        "#);
    }

    #[test]
    fn times_of_a_freeze_have_an_offset_or_a_zone() {
        let whole = (at("2026-12-24T12:00:00Z"), at("2026-12-27T06:00:00Z"));
        for keys in [
            "from = 2026-12-24T12:00:00Z\nuntil = 2026-12-27 06:00:00Z\n",
            "from = 2026-12-24T12:00:00\nuntil = 2026-12-27T06:00\n",
            "from = \"2026-12-24 12:00\"\nuntil = \"2026-12-27T06:00:00Z\"\n",
            "from = 2026-12-24T13:00:00\nuntil = 2026-12-27T07:00:00\nzone = \"Europe/Berlin\"\n",
            "from = 2026-12-24T06:30:00-05:30\nuntil = 2026-12-27T07:00:00\nzone = \"Europe/Berlin\"\n",
        ] {
            let freeze = freeze_of(keys);
            assert_eq!((freeze.from, freeze.until), whole, "{keys}");
            assert_eq!(freeze.services.len(), 0);
        }
        let longest = freeze_of("from = 2026-01-01T00:00:00Z\nuntil = 2027-01-02T00:00:00Z\n");
        assert_eq!(longest.until - longest.from, TimeDelta::days(366));
        let summer = freeze_of("from = 2026-03-29T02:30:00\nuntil = 2026-10-25T02:30:00\nzone = \"Europe/Berlin\"\n");
        assert_eq!(summer.from, at("2026-03-29T01:00:00Z"), "half past two is left out that night");
        assert_eq!(summer.until, at("2026-10-25T00:30:00Z"), "half past two comes twice that night");
    }

    #[test]
    fn wrong_words_about_changes_are_told_all_at_once() {
        let keys = format!(
            "functions = [\"a\\nb\", {}]\nusers = -1\nhealth_information = \"write\"\nsafeguard = \"yes\"\n",
            "\"charts\", ".repeat(20)
        );
        let more = r#"
[approvals]
low = []
medium = ["viewer", "enginer"]
high = ["cto", "cto", "cto", "cto"]
critical = "cto"
hgih = ["cto"]
[[freeze]]
from = 2026-12-24
until = "tomorrow"
services = ["patient-ap"]
[[freeze]]
from = 2026-12-24T12:00:00Z
until = 2026-12-24T12:00:00Z
zone = "Europe/Berlin"
reason = ""
services = []
[[freeze]]
from = 2026-01-01T00:00:00Z
until = 2027-01-02T00:00:01Z
reason = "two\nlines"
[[freeze]]
from = 2011-12-30T12:00:00
until = 7
zone = "Pacific/Apai"
reason = "on this day no clock there shows any time"
[[freeze]]
from = 2011-12-30T12:00:00
until = 2012-01-01T00:00:00
zone = "Pacific/Apia"
reason = "on this day no clock there shows any time"
service = ["auth"]
"#;
        insta::assert_snapshot!(wrong(&keys, more), @r#"
        codeblue.toml:7: service.functions: it is too long, or more than a line; expected at most 80 characters on one line
        codeblue.toml:7: service.functions: there are 21; expected at most 20
        codeblue.toml:8: service.users: found the number -1; expected a whole number from 0 to 1000000000
        codeblue.toml:9: service.health_information: unknown value "write"; did you mean "writes"?
        codeblue.toml:10: service.safeguard: found "yes"; expected true or false
        codeblue.toml:13: approvals.low: nobody has to agree; expected a list such as ["engineer"]
        codeblue.toml:14: approvals.medium: a viewer only looks on; expected a role that may act
        codeblue.toml:14: approvals.medium: unknown value "enginer"; did you mean "engineer"?
        codeblue.toml:15: approvals.high: 4 people have to agree; expected at most 3
        codeblue.toml:16: approvals.critical: found "cto"; expected a list of roles, such as ["…"]
        codeblue.toml:17: approvals: unknown key "hgih"; did you mean "high"?
        codeblue.toml:18: freeze: "reason" is missing; expected why nothing may be changed then
        codeblue.toml:19: freeze.from: "2026-12-24" is no such time; expected a time such as 2026-12-24T12:00:00Z, or 2026-12-24T12:00:00 in the zone of the freeze
        codeblue.toml:20: freeze.until: "tomorrow" is no such time; expected a time such as 2026-12-24T12:00:00Z, or 2026-12-24T12:00:00 in the zone of the freeze
        codeblue.toml:21: freeze.services: no service is named "patient-ap"; did you mean "patient-api"?
        codeblue.toml:24: freeze.until: it ends before it has begun; expected a time after "from"
        codeblue.toml:25: freeze.zone: it says nothing about times that name their offset; expected times without one, such as 2026-12-24T12:00:00
        codeblue.toml:26: freeze.reason: it is empty; expected why nothing may be changed then
        codeblue.toml:27: freeze.services: it is empty; expected services, or no "services" for all of them
        codeblue.toml:30: freeze.until: it lasts for more than 366 days; expected at most 366 days after "from"
        codeblue.toml:31: freeze.reason: it is too long, or more than a line; expected at most 400 characters on one line
        codeblue.toml:34: freeze.until: found the number 7; expected a time such as 2026-12-24T12:00:00Z, or 2026-12-24T12:00:00 in the zone of the freeze
        codeblue.toml:35: freeze.zone: no time zone is named "Pacific/Apai"; did you mean "Pacific/Apia"?
        codeblue.toml:38: freeze.from: no clock in Pacific/Apia ever shows it; expected a time such as 2026-12-24T12:00:00Z, or 2026-12-24T12:00:00 in the zone of the freeze
        codeblue.toml:42: freeze: unknown key "service"; did you mean "services"?
        "#);
    }
}
