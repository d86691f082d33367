//! How bad an incident is by rules: what kind of failure it is, how far it reaches, and whether it grows. One table of points,
//! which a person can add up and docs/diagnosis.md is proved against.
//!
//! It proposes: what opens an incident decides at once by the worst service alone, and nothing here is below that. More of what is
//! hit, or a trend that is worse, never makes a severity milder.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Incident, Severity, opening::is_carried};
use crate::domain::{Category, State, Status};
use crate::platform::{Criticality, HealthInformation, Service};

/// From so many services that cannot work without what is hit, it counts.
const MANY_DEPENDANTS: usize = 3;
/// Half of a platform says something from so many services on.
const PLATFORM: usize = 4;
/// What was hit so long after the first was hit later, and not with it.
const TOGETHER: TimeDelta = TimeDelta::minutes(1);
/// For so long something that is hit counts as newly hit.
const NEWLY: TimeDelta = TimeDelta::minutes(5);

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeverityRow {
    /// The worst that is hit is a critical service, and it is down.
    CriticalDown,
    /// It is one of high criticality.
    HighDown,
    /// It is a medium one.
    MediumDown,
    /// It is a low one.
    LowDown,
    /// The worst that is hit is a critical service that is degraded, or that others of its group stand in for.
    CriticalDegraded,
    /// It is one of high criticality.
    HighDegraded,
    /// It is a medium one.
    MediumDegraded,
    /// It is a low one.
    LowDegraded,
    /// Several others cannot work without what is hit.
    NeededByMany,
    /// Half of the platform is hit.
    HalfThePlatform,
    /// What is down takes something from people that they do with it.
    FunctionLost,
    /// What is hit keeps or changes protected health information.
    HealthInformation,
    /// A database lies or is damaged.
    DamagedData,
    /// Something is used up on a host, or the host itself is wrong.
    Host,
    /// Nobody knows what it is.
    UnknownCause,
    /// Services were hit one after the other, the last of them just now.
    Spreading,
    /// Errors come more often than before.
    ErrorsRising,
    /// Some are well again, and nothing new is hit.
    Easing,
}

use SeverityRow as R;

/// Every row with what it is worth and in which words. Of the rows of the worst service, one counts.
#[rustfmt::skip]
pub const SEVERITY_POINTS: [(SeverityRow, i8, &str); 18] = [
    (R::CriticalDown, 9, "a critical service is down"),
    (R::HighDown, 6, "a service of high criticality is down"),
    (R::MediumDown, 3, "a service of medium criticality is down"),
    (R::LowDown, 0, "a service of low criticality is down"),
    (R::CriticalDegraded, 5, "a critical service is degraded"),
    (R::HighDegraded, 4, "a service of high criticality is degraded"),
    (R::MediumDegraded, 3, "a service of medium criticality is degraded"),
    (R::LowDegraded, 0, "a service of low criticality is degraded"),
    (R::NeededByMany, 1, "three or more services cannot work without what is hit"),
    (R::HalfThePlatform, 1, "half of the platform's services are hit"),
    (R::FunctionLost, 1, "people cannot do what they use it for"),
    (R::HealthInformation, 1, "what is hit keeps or changes health information"),
    (R::DamagedData, 3, "data is damaged, and each write makes it worse"),
    (R::Host, 1, "what a host lacks, all on it lack"),
    (R::UnknownCause, 1, "nobody knows the cause, so nobody knows how far it goes"),
    (R::Spreading, 2, "it spreads: another service was hit within 5 minutes"),
    (R::ErrorsRising, 1, "errors are twice as many as a minute before"),
    (R::Easing, -1, "it eases: services are well again, and none is newly hit"),
];

/// The fewest points of each severity, the worst first.
pub const SEVERITY_FROM: [(Severity, i8); 4] =
    [(Severity::Sev1, 9), (Severity::Sev2, 6), (Severity::Sev3, 3), (Severity::Sev4, 0)];

impl SeverityRow {
    /// What it adds, or takes away.
    #[must_use]
    pub fn points(self) -> i8 {
        // The table is in the order of the variants, as its test says.
        SEVERITY_POINTS[self as usize].1
    }

    /// What it says.
    #[must_use]
    pub fn words(self) -> &'static str {
        SEVERITY_POINTS[self as usize].2
    }

    fn of_worst(criticality: Criticality, down: bool) -> Self {
        match (criticality, down) {
            (Criticality::Critical, true) => R::CriticalDown,
            (Criticality::High, true) => R::HighDown,
            (Criticality::Medium, true) => R::MediumDown,
            (Criticality::Low, true) => R::LowDown,
            (Criticality::Critical, false) => R::CriticalDegraded,
            (Criticality::High, false) => R::HighDegraded,
            (Criticality::Medium, false) => R::MediumDegraded,
            (Criticality::Low, false) => R::LowDegraded,
        }
    }

    fn of_category(category: Category) -> Option<Self> {
        match category {
            Category::Database => Some(R::DamagedData),
            Category::Resource | Category::Infrastructure => Some(R::Host),
            Category::Unknown => Some(R::UnknownCause),
            Category::Deployment
            | Category::Process
            | Category::Configuration
            | Category::Performance
            | Category::Network
            | Category::Security
            | Category::ExternalDependency
            | Category::Contention
            | Category::Capacity => None,
        }
    }

    /// Whether it speaks of what kind of failure it is.
    fn is_of_category(self) -> bool {
        matches!(self, R::DamagedData | R::Host | R::UnknownCause)
    }

    /// Whether it speaks of the worst service that is hit.
    fn is_of_worst(self) -> bool {
        self <= R::LowDegraded
    }
}

/// Whether an incident grows. Ordered from the mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Course {
    /// Some are well again, and nothing new is hit.
    Easing,
    /// It is as it was.
    Steady,
    /// Errors come more often.
    ErrorsRising,
    /// One after the other is hit.
    Spreading,
}

impl Course {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Easing, Self::Steady, Self::ErrorsRising, Self::Spreading];

    fn row(self) -> Option<SeverityRow> {
        match self {
            Self::Easing => Some(R::Easing),
            Self::Steady => None,
            Self::ErrorsRising => Some(R::ErrorsRising),
            Self::Spreading => Some(R::Spreading),
        }
    }
}

/// A service that an incident hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The service.
    pub service: &'a Service,
    /// It is down, and none of its group stands in for it.
    pub down: bool,
}

/// How bad an incident is by the table, and every point of it explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundSeverity {
    /// What the points come to.
    pub severity: Severity,
    /// Their sum, which is never below those of the worst service.
    pub points: i8,
    /// What they are made of, the worst service first.
    pub addends: Vec<SeverityAddend>,
}

/// A row of the table that applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeverityAddend {
    /// Which.
    pub row: SeverityRow,
    /// What it adds, or takes away.
    pub points: i8,
    /// Services or functions that it applies to, if it is about some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

impl SeverityAddend {
    fn new(row: SeverityRow, names: Vec<String>) -> Self {
        Self { row, points: row.points(), names }
    }

    /// In words, such as "+9 a critical service is down: patient-api".
    #[must_use]
    pub fn words(&self) -> String {
        /// Names that are told before the rest is only counted.
        const NAMED: usize = 3;
        let named = self.names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = match self.names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let colon = if self.names.is_empty() { "" } else { ": " };
        format!("{:+} {}{colon}{named}{more}", self.points, self.row.words())
    }
}

impl FoundSeverity {
    /// How bad it is that these are hit, on a platform of these services. Nothing when none is hit.
    #[must_use]
    pub fn of(platform: &[Service], hit: &[Hit], category: Category, course: Course) -> Option<Self> {
        let row = |hit: &Hit| SeverityRow::of_worst(hit.service.criticality, hit.down);
        let worst = hit.iter().map(row).min_by_key(|row| (-row.points(), *row))?;
        let names = |fits: &dyn Fn(&Hit) -> bool| {
            hit.iter().filter(|hit| fits(hit)).map(|hit| hit.service.name.clone()).collect::<Vec<_>>()
        };
        let mut addends = vec![SeverityAddend::new(worst, names(&|hit| row(hit) == worst))];
        let mut add = |holds: bool, row: SeverityRow, names: Vec<String>| {
            if holds {
                addends.push(SeverityAddend::new(row, names));
            }
        };
        let dependants = dependants(platform, hit);
        add(dependants.len() >= MANY_DEPENDANTS, R::NeededByMany, dependants);
        add(platform.len() >= PLATFORM && 2 * hit.len() >= platform.len(), R::HalfThePlatform, Vec::new());
        let mut functions: Vec<String> = Vec::new();
        for function in hit.iter().filter(|hit| hit.down).flat_map(|hit| &hit.service.functions) {
            if !functions.contains(function) {
                functions.push(function.clone());
            }
        }
        add(!functions.is_empty(), R::FunctionLost, functions);
        let keeps = names(&|hit| hit.service.health_information == HealthInformation::Writes);
        add(!keeps.is_empty(), R::HealthInformation, keeps);
        addends.extend(course.row().map(|row| SeverityAddend::new(row, Vec::new())));
        Some(Self { severity: Severity::Sev4, points: 0, addends }.for_category(category))
    }

    /// How bad an incident is now. Nothing when none of its services is known to suffer.
    #[must_use]
    pub fn now(
        state: &State,
        incident: &Incident,
        category: Category,
        errors_rise: bool,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let (mut since, mut hit) = (Vec::new(), Vec::new());
        // What fails because of the root is hit, whether or not it was added to the incident yet.
        let below = incident.root.as_ref().map(|root| state.platform.dependants_of(root)).unwrap_or_default();
        for service in &state.platform.services {
            let Some(health) = state.services.get(&service.name) else { continue };
            let part = incident.services.iter().chain(&incident.root).chain(&below).any(|name| *name == service.name);
            if part && matches!(health.status, Status::Down | Status::Degraded) {
                let down = health.status == Status::Down && !is_carried(state, &service.name);
                hit.push(Hit { service, down });
                since.extend(health.failing_since.or(health.since));
            }
        }
        let well = |name: &String| state.services.get(name).is_some_and(|health| health.status == Status::Healthy);
        let eases = incident.impact.keys().any(well);
        let (first, last) = (since.iter().min(), since.iter().max());
        let spreads = first.zip(last).is_some_and(|(first, last)| *last - *first > TOGETHER && now - *last <= NEWLY);
        let course = match (spreads, errors_rise, eases) {
            (true, ..) => Course::Spreading,
            (_, true, _) => Course::ErrorsRising,
            (.., true) => Course::Easing,
            _ => Course::Steady,
        };
        Self::of(&state.platform.services, &hit, category, course)
    }

    /// The same, were it another kind of failure.
    #[must_use]
    pub fn for_category(mut self, category: Category) -> Self {
        self.addends.retain(|addend| !addend.row.is_of_category());
        let row = SeverityRow::of_category(category);
        self.addends.extend(row.map(|row| SeverityAddend::new(row, Vec::new())));
        self.addends.sort_by_key(|addend| addend.row);
        let (worst, rest): (Vec<_>, Vec<_>) = self.addends.iter().partition(|addend| addend.row.is_of_worst());
        let sum = |addends: &[&SeverityAddend]| addends.iter().map(|addend| addend.points).sum::<i8>();
        self.points = sum(&worst) + sum(&rest).max(0);
        self.severity = severity_of(self.points);
        self
    }

    /// Its reasons, one after the other.
    #[must_use]
    pub fn why(&self) -> String {
        self.addends.iter().map(SeverityAddend::words).collect::<Vec<_>>().join(" · ")
    }
}

fn severity_of(points: i8) -> Severity {
    SEVERITY_FROM.into_iter().find(|(_, from)| points >= *from).map_or(Severity::Sev4, |(severity, _)| severity)
}

/// The services that need one that is hit, directly or not, whether or not they are hit too.
fn dependants(platform: &[Service], hit: &[Hit]) -> Vec<String> {
    let mut reached: Vec<&str> = hit.iter().map(|hit| hit.service.name.as_str()).collect();
    let mut found: Vec<String> = Vec::new();
    let mut next = 0;
    while let Some(below) = reached.get(next).copied() {
        next += 1;
        for above in platform.iter().filter(|above| above.depends_on.iter().any(|name| name == below)) {
            if !found.contains(&above.name) {
                found.push(above.name.clone());
            }
            if !reached.contains(&above.name.as_str()) {
                reached.push(&above.name);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    const CATEGORIES: [Category; 5] =
        [Category::Deployment, Category::Database, Category::Resource, Category::Unknown, Category::Security];

    fn platform(text: &str) -> Vec<Service> {
        let text = format!("[platform]\nname = \"Ward\"\nprofile = \"drill\"\n{text}");
        crate::platform::parse(&text, Path::new("/srv/codeblue.toml")).unwrap().services
    }

    #[test]
    fn the_table_is_in_the_order_of_its_rows() {
        for (place, (row, ..)) in SEVERITY_POINTS.iter().enumerate() {
            assert_eq!(*row as usize, place, "{row:?}");
        }
        assert_eq!(R::Easing as usize + 1, SEVERITY_POINTS.len());
    }

    #[test]
    fn one_service_that_is_down_is_as_bad_as_what_opens_an_incident_says() {
        for criticality in [Criticality::Low, Criticality::Medium, Criticality::High, Criticality::Critical] {
            let points = SeverityRow::of_worst(criticality, true).points();
            assert_eq!(severity_of(points), Severity::of_outage(criticality), "{criticality:?}");
            let degraded = severity_of(SeverityRow::of_worst(criticality, false).points());
            assert_eq!(degraded, Severity::of_outage(criticality).max(Severity::Sev3), "{criticality:?}");
        }
    }

    #[test]
    fn a_small_failure_that_many_need_and_that_spreads_is_serious_and_says_why() {
        let ward = platform(
            "[[service]]\nname = \"store\"\ncriticality = \"medium\"\nfunctions = [\"charts\"]\nhealth_information = \"writes\"\n\
             [[service]]\nname = \"a\"\ncriticality = \"low\"\ndepends_on = [\"store\"]\n[[service]]\nname = \"b\"\ncriticality = \"low\"\n\
             depends_on = [\"a\"]\n[[service]]\nname = \"c\"\ncriticality = \"low\"\ndepends_on = [\"a\"]\n",
        );
        let store = [Hit { service: &ward[0], down: true }];
        let found = FoundSeverity::of(&ward, &store, Category::Process, Course::Steady).unwrap();
        assert_eq!((found.severity, found.points), (Severity::Sev2, 6));
        assert_eq!(
            found.why(),
            "+3 a service of medium criticality is down: store · +1 three or more services cannot work without what is hit: \
             a, b, c · +1 people cannot do what they use it for: charts · +1 what is hit keeps or changes health information: store"
        );
        let damaged = FoundSeverity::of(&ward, &store, Category::Database, Course::Steady).unwrap();
        assert_eq!((damaged.severity, damaged.points), (Severity::Sev1, 9));
        assert_eq!(damaged.for_category(Category::Process), found);
    }

    #[test]
    fn what_eases_takes_nothing_from_the_worst_service_and_nothing_hit_is_no_severity() {
        let ward = platform("[[service]]\nname = \"api\"\ncriticality = \"critical\"\n");
        let hit = [Hit { service: &ward[0], down: true }];
        let found = FoundSeverity::of(&ward, &hit, Category::Process, Course::Easing).unwrap();
        assert_eq!((found.severity, found.points), (Severity::Sev1, 9));
        assert_eq!(FoundSeverity::of(&ward, &[], Category::Database, Course::Spreading), None);
    }

    /// A platform of services that need some of those before them, and how each of them is.
    fn wards() -> impl Strategy<Value = Vec<(u8, u8, bool, bool, u8)>> {
        prop::collection::vec((0..4u8, any::<u8>(), any::<bool>(), any::<bool>(), 0..3u8), 1..9)
    }

    fn described(ward: &[(u8, u8, bool, bool, u8)], more_critical: usize) -> Vec<Service> {
        let mut text = String::new();
        for (place, (criticality, needs, function, health, _)) in ward.iter().enumerate() {
            let criticality = criticality + u8::from(place == more_critical && *criticality < 3);
            let word = ["low", "medium", "high", "critical"][usize::from(criticality)];
            let needs: Vec<String> =
                (0..place.min(8)).filter(|bit| needs & (1 << bit) != 0).map(|below| format!("\"s{below}\"")).collect();
            text += &format!(
                "[[service]]\nname = \"s{place}\"\ncriticality = \"{word}\"\ndepends_on = [{}]\n",
                needs.join(", ")
            );
            text += if *function { "functions = [\"charts\"]\n" } else { "" };
            text += if *health { "health_information = \"writes\"\n" } else { "" };
        }
        platform(&text)
    }

    fn hit<'a>(platform: &'a [Service], ward: &[(u8, u8, bool, bool, u8)]) -> Vec<Hit<'a>> {
        let with = platform.iter().zip(ward);
        with.filter(|(_, of)| of.4 > 0).map(|(service, of)| Hit { service, down: of.4 == 2 }).collect()
    }

    proptest! {
        /// Severities are ordered from the worst, so what is worse or the same is at most.
        #[test]
        fn more_that_is_hit_more_critical_or_a_worse_course_never_makes_it_milder(
            ward in wards(), place in 0..8usize, category in 0..CATEGORIES.len(), course in 0..Course::ALL.len(),
        ) {
            let place = place % ward.len();
            let (category, course) = (CATEGORIES[category], Course::ALL[course]);
            let platform = described(&ward, usize::MAX);
            let Some(found) = FoundSeverity::of(&platform, &hit(&platform, &ward), category, course) else { return Ok(()) };

            let mut worse = ward.clone();
            worse[place].4 = (worse[place].4 + 1).min(2);
            let wider = FoundSeverity::of(&platform, &hit(&platform, &worse), category, course).unwrap();
            prop_assert!(wider.points >= found.points && wider.severity <= found.severity, "{found:?} {wider:?}");

            let raised = described(&ward, place);
            let dearer = FoundSeverity::of(&raised, &hit(&raised, &ward), category, course).unwrap();
            prop_assert!(dearer.points >= found.points && dearer.severity <= found.severity, "{found:?} {dearer:?}");

            for later in Course::ALL.into_iter().filter(|later| *later >= course) {
                let grown = FoundSeverity::of(&platform, &hit(&platform, &ward), category, later).unwrap();
                prop_assert!(grown.points >= found.points && grown.severity <= found.severity, "{found:?} {grown:?}");
            }
            let worst = found.addends[0].points;
            let rest: i8 = found.addends[1..].iter().map(|addend| addend.points).sum();
            prop_assert_eq!(found.points, worst + rest.max(0), "each point is explained");
        }
    }
}
