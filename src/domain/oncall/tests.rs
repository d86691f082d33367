//! Whatever the schedules and the overrides: at each time one person is on call, or nobody, and everybody agrees on who.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::{OnCallOverride, duty, on_call, shifts};
use crate::{
    domain::{OverrideId, State},
    platform::{Gaps, OnCallHours, OnCallLayer, OnCallSchedule},
};

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dora"];
const ZONES: [Tz; 6] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Kathmandu,
    Tz::Africa__Casablanca,
];
const HOURS: [&str; 7] = [
    "sat,sun",
    "mon-fri 09:00-17:00",
    "daily 22:00-06:00",
    "02:00-03:00",
    "sun 02:30-02:30",
    "fri-mon 18:00-24:00",
    "daily",
];

fn since() -> impl Strategy<Value = NaiveDateTime> {
    (0_u64..60, 0_u32..24, 0_u32..60).prop_map(|(day, hour, minute)| {
        let day = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(day);
        day.and_hms_opt(hour, minute, 0).unwrap()
    })
}

fn layer() -> impl Strategy<Value = OnCallLayer> {
    let people = prop::collection::vec(prop::sample::select(PEOPLE.to_vec()), 1..5);
    let only = prop::collection::vec(prop::sample::select(HOURS.to_vec()), 0..3);
    (people, since(), 1_u32..29, prop::sample::select(ZONES.to_vec()), only).prop_map(
        |(people, since, every, zone, only)| OnCallLayer {
            people: people.into_iter().map(str::to_owned).collect(),
            since: Some(since),
            every,
            zone,
            only: only.into_iter().filter_map(OnCallHours::read).collect(),
        },
    )
}

fn schedule() -> impl Strategy<Value = OnCallSchedule> {
    (prop::collection::vec(layer(), 1..4), prop::sample::select(ZONES.to_vec())).prop_map(|(layers, zone)| {
        OnCallSchedule { name: "ward".to_owned(), owners: Vec::new(), zone, layers, gaps: Gaps::CallNext }
    })
}

/// The year, in minutes from its beginning.
fn minute(minutes: i64) -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
}

fn overrides() -> impl Strategy<Value = Vec<OnCallOverride>> {
    let one = (0_i64..500_000, 1_i64..20_000, prop::sample::select(PEOPLE.to_vec()), prop::option::of(0_i64..20_000));
    prop::collection::vec(one, 0..6).prop_map(|all| {
        let made = all.into_iter().zip(1..).map(|((from, length, person, ended), id)| OnCallOverride {
            id: OverrideId(id),
            schedule: "ward".to_owned(),
            person: person.to_owned(),
            from: minute(from),
            until: minute(from + length),
            reason: "swap".to_owned(),
            by: "alice".to_owned(),
            at: minute(0),
            ended_at: ended.map(|after| minute(from + after)),
        });
        made.collect()
    })
}

fn state(overrides: Vec<OnCallOverride>) -> State {
    State { overrides: overrides.into_iter().map(|found| (found.id, found)).collect(), ..State::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn shifts_tile_the_time_and_say_who_is_on_call(
        schedule in schedule(),
        overrides in overrides(),
        from in 0_i64..500_000,
        length in 1_i64..40_000,
        probes in prop::collection::vec(0_i64..40_000, 40),
    ) {
        let state = state(overrides);
        let (from, until) = (minute(from), minute(from + length));
        let all = shifts(&state, &schedule, from, until);
        prop_assert_eq!(all.first().map(|shift| shift.from), Some(from));
        prop_assert_eq!(all.last().map(|shift| shift.until), Some(until));
        for pair in all.windows(2) {
            prop_assert_eq!(pair[0].until, pair[1].from);
            let who = |place: usize| (&pair[place].person, pair[place].overridden_by);
            prop_assert_ne!(who(0), who(1), "one shift, not two");
        }
        prop_assert!(all.iter().all(|shift| shift.from < shift.until));
        let edges = all.iter().flat_map(|shift| [shift.from, shift.until - TimeDelta::milliseconds(1)]);
        for at in probes.iter().map(|probe| from + TimeDelta::minutes(probe % length)).chain(edges) {
            let mine: Vec<_> = all.iter().filter(|shift| shift.from <= at && at < shift.until).collect();
            prop_assert_eq!(mine.len(), 1);
            let found = on_call(&state, &schedule, at);
            prop_assert_eq!(found.map(|(person, _)| person), mine[0].person.as_deref());
            prop_assert_eq!(found.and_then(|(_, by)| by), mine[0].overridden_by);
        }
    }

    #[test]
    fn an_override_counts_for_exactly_its_span_and_no_other_time_is_touched(
        schedule in schedule(),
        given in overrides(),
        probe in 0_i64..520_000,
    ) {
        let at = minute(probe);
        let (plain, with) = (State::default(), state(given.clone()));
        let newest = given.iter().filter(|found| found.from <= at && at < found.until);
        let newest = newest.filter(|found| found.ended_at.is_none_or(|ended| at < ended)).max_by_key(|found| found.id);
        let found = on_call(&with, &schedule, at);
        match newest {
            Some(newest) => prop_assert_eq!(found, Some((newest.person.as_str(), Some(newest.id)))),
            None => prop_assert_eq!(found, on_call(&plain, &schedule, at)),
        }
    }

    #[test]
    fn whoever_is_on_call_is_so_until_the_next_is(schedule in schedule(), given in overrides(), now in 0_i64..500_000) {
        let (state, now) = (state(given), minute(now));
        let duty = duty(&state, &schedule, now);
        let found = on_call(&state, &schedule, now);
        prop_assert_eq!(duty.person.as_deref(), found.map(|(person, _)| person));
        let Some(until) = duty.until else { return Ok(()) };
        prop_assert_eq!(on_call(&state, &schedule, until - TimeDelta::milliseconds(1)), found);
        prop_assert_ne!(on_call(&state, &schedule, until), found);
        let next = duty.next.unwrap();
        prop_assert_eq!(next.from, until);
        prop_assert_eq!(next.person.as_deref(), on_call(&state, &schedule, until).map(|(person, _)| person));
    }

    /// Every day of a daily turn begins by the clock on the wall, on days of 23 and of 25 hours too.
    #[test]
    fn a_turn_of_a_day_is_a_day_by_the_clock_on_the_wall(zone in prop::sample::select(ZONES.to_vec()), day in 0_u64..360) {
        use chrono::TimeZone;
        let first: NaiveDateTime = "2026-01-01T09:00:00".parse().unwrap();
        let layer = OnCallLayer {
            people: PEOPLE.iter().map(|name| (*name).to_owned()).collect(),
            since: Some(first),
            every: 1,
            zone,
            only: Vec::new(),
        };
        let begins = zone.from_local_datetime(&(first + chrono::Days::new(day))).unwrap().to_utc();
        let place = usize::try_from(day).unwrap() % PEOPLE.len();
        prop_assert_eq!(layer.holder(begins), Some(PEOPLE[place]));
        let before = layer.holder(begins - TimeDelta::seconds(1));
        prop_assert_eq!(before, (day > 0).then(|| PEOPLE[(place + PEOPLE.len() - 1) % PEOPLE.len()]));
    }
}
