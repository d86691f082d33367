//! What a service knows about itself, and its dealings with the others.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    super::{
        SandboxError, files,
        impairment::{self, Impairment},
        kind::FaultKind,
        layout::Layout,
        measure::{self, Measure},
        process::{Entry, Identity},
    },
    call::{Answer, Ask},
    failure::Failure,
    log::Log,
    settings::Settings,
};

/// While the settings cannot be read, what is sent in spite of it waits so long.
const FALLBACK_DEADLINE: Duration = Duration::from_millis(1500);
/// How far a clock that is wrong is ahead.
const AHEAD: TimeDelta = TimeDelta::hours(2);
/// Memory that a service may have in use, in MiB.
const MOST_RESIDENT: u64 = 128;
/// How far the clocks of two services may be apart.
const APART: i64 = 60;

pub(super) struct Context {
    pub(super) layout: Layout,
    pub(super) name: &'static str,
    pub(super) log: Log,
    pub(super) started: Instant,
    started_at: DateTime<Utc>,
    process: Identity,
    port: u16,
    settings: RwLock<Arc<Result<Settings, String>>>,
    impairments: RwLock<BTreeSet<Impairment>>,
    measures: RwLock<BTreeSet<Measure>>,
    reloads: AtomicU64,
    token: RwLock<Option<String>>,
}

impl Context {
    pub(super) fn new(layout: Layout, name: &'static str, port: u16) -> Result<Self, SandboxError> {
        let log = layout.log(name);
        let log = Log::open(&log).map_err(SandboxError::io("open", &log))?;
        let process = Identity::this().ok_or_else(|| SandboxError::NotRunning { service: name.to_owned() })?;
        let context = Self {
            layout,
            name,
            log,
            started: Instant::now(),
            started_at: Utc::now(),
            process,
            port,
            settings: RwLock::new(Arc::new(Err("not read yet".to_owned()))),
            impairments: RwLock::new(BTreeSet::new()),
            measures: RwLock::new(BTreeSet::new()),
            reloads: AtomicU64::new(0),
            token: RwLock::new(None),
        };
        context.read_settings();
        context.read_measures();
        Ok(context)
    }

    fn read_settings(&self) {
        let settings = Settings::load(&self.layout.config(self.name));
        if let Err(problem) = &settings {
            self.log.error(problem);
        }
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    fn read_measures(&self) {
        match measure::of(&self.layout, self.name) {
            Ok(found) => *self.measures.write().unwrap_or_else(PoisonError::into_inner) = found,
            Err(error) => self.log.error(&format!("measures not read, the old ones stay: {error}")),
        }
    }

    fn read_impairments(&self) {
        match impairment::of(&self.layout, self.name, &self.process) {
            Ok(found) => *self.impairments.write().unwrap_or_else(PoisonError::into_inner) = found,
            Err(error) => self.log.error(&format!("impairments not read, the old ones stay: {error}")),
        }
    }

    /// Ends what this process suffers from, as somebody has taken away what kept it going. Waits until nobody injects or heals.
    pub(super) fn recover(&self, fault: FaultKind) -> Result<(), SandboxError> {
        let _lock = self.layout.lock_faults()?;
        impairment::take(&self.layout, self.name, &self.process, &Impairment { fault, link: None })?;
        self.read_impairments();
        Ok(())
    }

    /// Reads the settings anew, what this process suffers from, and what people have it do.
    pub(super) fn reload(&self) {
        self.read_settings();
        self.read_measures();
        self.read_impairments();
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }

    /// Where this service listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What this process suffers from.
    pub(super) fn impairments(&self) -> BTreeSet<Impairment> {
        self.impairments.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn suffers_from(&self, fault: FaultKind) -> bool {
        self.impairments.read().unwrap_or_else(PoisonError::into_inner).iter().any(|one| one.fault == fault)
    }

    /// Whether people have it do this until they take it back.
    pub(super) fn is_under(&self, measure: Measure) -> bool {
        self.measures.read().unwrap_or_else(PoisonError::into_inner).contains(&measure)
    }

    /// The time by this service's clock.
    pub(super) fn now(&self) -> DateTime<Utc> {
        if self.suffers_from(FaultKind::ClockSkew) { Utc::now() + AHEAD } else { Utc::now() }
    }

    /// The settings in force; without valid ones no work can be done.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
        settings.as_ref().clone().map_err(Failure::broken)
    }

    /// Whether this process has as much memory in use as it may; where nothing says how much it is, it may.
    pub(super) fn check_memory(&self) -> Result<(), Failure> {
        let told = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = told.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        let resident = kib.unwrap_or_default() >> 10;
        if resident <= MOST_RESIDENT {
            return Ok(());
        }
        Err(Failure::broken(format!(
            "out of memory soon: {resident} MiB are in use, of {MOST_RESIDENT} that it may have"
        )))
    }

    /// Tells the others where this service is and what it serves.
    pub(super) fn register(&self, version: &str) -> Result<(), SandboxError> {
        let entry = Entry {
            sandbox: self.layout.marker.id.clone(),
            service: self.name.to_owned(),
            process: self.process.clone(),
            port: self.port,
            version: version.to_owned(),
            reloads: self.reloads.load(Ordering::Relaxed),
            started_at: self.started_at,
        };
        // like the postmaster's: the number on the first line, what makes it unique on the second
        let pid = format!("{}\n{}\n", self.process.pid, self.process.started);
        files::write(&self.layout.pid_file(self.name), pid.as_bytes())?;
        files::write_json(&self.layout.entry(self.name), &entry)
    }

    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let deadline = self.settings().map_or(FALLBACK_DEADLINE, |settings| settings.deadline());
        ask.send(&self.layout, self.name, deadline).await.map_err(Failure::unavailable)
    }

    /// Asks in this service's own name, logging in when needed.
    pub(super) async fn ask_as_self(&self, service: &str, path: &str) -> Result<Answer, Failure> {
        if let Some(token) = self.token() {
            let answer = self.ask(Ask::get(service, path).with_token(&token)).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
        }
        let token = self.log_in().await?;
        self.ask(Ask::get(service, path).with_token(&token)).await
    }

    /// The token of the last log-in; it may have expired.
    pub(super) fn token(&self) -> Option<String> {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new token for this service's account.
    pub(super) async fn log_in(&self) -> Result<String, Failure> {
        let secret = fs::read_to_string(self.layout.secret(self.name))
            .map_err(|error| Failure::broken(format!("the account's secret cannot be read: {error}")))?;
        let body = json!({ "account": self.name, "secret": secret.trim() });
        let answer = self.ask(Ask::post("auth", "/login", &body)).await?;
        let token = answer.json().get("token").and_then(|token| token.as_str()).map(str::to_owned);
        let Some(token) = token.filter(|_| answer.status.is_success()) else {
            return Err(Failure::unavailable(format!("auth gave no token: {}", answer.error())));
        };
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }

    /// Has `auth` say whose token a request carries.
    pub(super) async fn check_token(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = token.and_then(|value| value.strip_prefix("Bearer ")) else {
            return Err(Failure::refused(StatusCode::UNAUTHORIZED, "no token; log in at auth first"));
        };
        self.verify(token).await
    }

    pub(super) async fn verify(&self, token: &str) -> Result<(), Failure> {
        let answer = self.ask(Ask::post("auth", "/verify", &json!({ "token": token }))).await?;
        match answer.status {
            StatusCode::OK => self.check_clock(token),
            StatusCode::UNAUTHORIZED => Err(Failure::refused(StatusCode::UNAUTHORIZED, answer.error())),
            _ => Err(Failure::unavailable(format!("auth cannot check tokens: {}", answer.error()))),
        }
    }

    /// Whether a token that `auth` finds right was made in the past by this service's clock, too.
    fn check_clock(&self, token: &str) -> Result<(), Failure> {
        // ACCOUNT.ISSUED.EXPIRES.SEAL
        let issued = token.rsplit('.').nth(2).and_then(|issued| issued.parse::<i64>().ok());
        let ahead = issued.map_or(0, |issued| issued - self.now().timestamp());
        if ahead <= APART {
            return Ok(());
        }
        let problem = format!("the token is not valid yet: the clock of auth is {ahead} s ahead");
        self.log.warn(&problem);
        Err(Failure::refused(StatusCode::UNAUTHORIZED, problem))
    }
}
