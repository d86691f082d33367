//! `records-db`: the patients' records in a SQLite database, asked over HTTP.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rusqlite::{Connection, ErrorCode, params, params_from_iter, types::ValueRef};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{kind::FaultKind, measure::Measure},
    context::Context,
    failure::Failure,
    pool::{CONNECTIONS, Pool},
    run::Serve,
};

const MAX_ROWS: usize = 500;
const MAX_VITALS: i64 = 5_000;
/// A query that takes longer is told in the log.
const SLOW_QUERY: Duration = Duration::from_millis(200);
const NEWEST: &str = "SELECT count(newest) FROM \
    (SELECT (SELECT max(r.taken) FROM results r WHERE r.patient = p.id) AS newest FROM patients p)";
/// Bytes for which there has to be room.
const ROOM: i64 = 16 << 10;

pub(super) struct RecordsDb {
    context: Arc<Context>,
    pool: RwLock<Result<Arc<Pool>, String>>,
}

#[derive(Deserialize)]
struct Query {
    sql: String,
    #[serde(default)]
    params: Vec<i64>,
}

#[derive(Deserialize)]
struct Vitals {
    patient: i64,
    kind: String,
    value: f64,
    /// What the one who writes calls it.
    #[serde(default)]
    request: String,
    /// When it was measured; now, when nobody says.
    taken: Option<DateTime<Utc>>,
}

impl RecordsDb {
    pub(super) fn new(context: Arc<Context>) -> Arc<Self> {
        let service = Self { context, pool: RwLock::new(Err("not opened yet".to_owned())) };
        service.reload();
        Arc::new(service)
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner).clone();
        pool.map_err(Failure::broken)?.with(work).await?.map_err(|error| failure(&error))
    }

    /// What the wards look at in the morning. How a query that is too slow finds its rows is told in the log, as databases do.
    async fn newest_results(&self) -> Result<i64, Failure> {
        let started = Instant::now();
        let found = self.with(|connection| connection.query_row(NEWEST, [], |row| row.get(0))).await;
        let took = started.elapsed();
        if took > SLOW_QUERY {
            let sql = format!("EXPLAIN QUERY PLAN {NEWEST}");
            let plan = self.with(move |connection| {
                let mut statement = connection.prepare(&sql)?;
                let steps = statement.query_map([], |row| row.get(3))?;
                steps.collect::<rusqlite::Result<Vec<String>>>()
            });
            let scans = plan.await.is_ok_and(|steps| steps.iter().any(|step| reads_all_results(step)));
            let how = if scans { "it reads the whole table results for each patient" } else { "it uses an index" };
            let took = took.as_millis();
            self.context.log.warn(&format!("slow query: the newest result of each patient took {took} ms, {how}"));
        }
        found
    }
}

impl Serve for RecordsDb {
    fn version(&self) -> String {
        format!("schema-1, SQLite {}", rusqlite::version())
    }

    /// Opens the database again: the file may be another one.
    fn reload(&self) {
        let path = self.context.layout.database();
        let is_full = self.context.suffers_from(FaultKind::DiskFull);
        let opened = Pool::open(&path, is_full).map_err(|error| format!("cannot open {}: {error}", path.display()));
        match &opened {
            Ok(pool) if self.context.suffers_from(FaultKind::PoolLeak) => pool.leak(),
            Ok(_) => {}
            Err(problem) => self.context.log.error(problem),
        }
        *self.pool.write().unwrap_or_else(PoisonError::into_inner) = opened;
    }

    async fn deep(&self) -> Result<Value, Failure> {
        let writes = !self.context.is_under(Measure::StoppedWrites);
        let (patients, medications) = self
            .with(move |connection| {
                if writes {
                    connection.execute("UPDATE heartbeat SET beats = beats + 1 WHERE id = 1", [])?;
                    find_room(connection)?;
                }
                let patients: i64 =
                    connection.query_row("SELECT count(name) FROM patients NOT INDEXED", [], |row| row.get(0))?;
                let sql = "SELECT count(m.dose) FROM medications m JOIN patients p ON p.id = m.patient";
                Ok((patients, connection.query_row(sql, [], |row| row.get::<_, i64>(0))?))
            })
            .await?;
        self.newest_results().await?;
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner).clone();
        let free = pool.map_or(0, |pool| pool.free());
        Ok(json!({
            "did": if writes {
                "wrote a heartbeat and read all patients, medications and the newest result of each"
            } else {
                "read all patients, medications and the newest result of each; writes are stopped"
            },
            "patients": patients, "medications": medications, "connections": CONNECTIONS, "free": free
        }))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/query", post(query)).route("/vitals", post(add_vitals)).with_state(self)
    }
}

/// Whether a step of a query plan goes through the table of results without an index.
fn reads_all_results(step: &str) -> bool {
    matches!(step, "SCAN r" | "SEARCH r")
}

/// Whether new rows would find room: writes some and takes them back.
fn find_room(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("INSERT INTO notes (patient, text) VALUES (1, zeroblob(?1))", [ROOM])?;
    transaction.rollback()
}

async fn query(State(service): State<Arc<RecordsDb>>, Json(asked): Json<Query>) -> Result<Json<Value>, Failure> {
    service.context.settings()?;
    let rows = service.with(move |connection| select(connection, &asked)).await?;
    Ok(Json(json!({ "rows": rows })))
}

fn select(connection: &Connection, asked: &Query) -> rusqlite::Result<Vec<Value>> {
    let mut statement = connection.prepare(&asked.sql)?;
    if !statement.readonly() {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut rows = statement.query(params_from_iter(&asked.params))?;
    while let Some(row) = rows.next()? {
        if found.len() == MAX_ROWS {
            break;
        }
        let mut object = serde_json::Map::new();
        for (at, name) in names.iter().enumerate() {
            let value = match row.get_ref(at)? {
                ValueRef::Null | ValueRef::Blob(_) => Value::Null,
                ValueRef::Integer(number) => json!(number),
                ValueRef::Real(number) => json!(number),
                ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
            };
            object.insert(name.clone(), value);
        }
        found.push(Value::Object(object));
    }
    Ok(found)
}

async fn add_vitals(State(service): State<Arc<RecordsDb>>, Json(vitals): Json<Vitals>) -> Result<Json<Value>, Failure> {
    service.context.settings()?;
    if service.context.is_under(Measure::StoppedWrites) {
        let told = "writes are stopped: an operator stopped them, and `allow-writes` ends that";
        return Err(Failure::refused(StatusCode::LOCKED, told));
    }
    if vitals.kind.len() > 32 || vitals.request.len() > 64 || !vitals.value.is_finite() {
        return Err(Failure::refused(StatusCode::BAD_REQUEST, "these are no vital signs"));
    }
    let now = Utc::now();
    if vitals.taken.is_some_and(|taken| taken > now + TimeDelta::minutes(1)) {
        return Err(Failure::refused(StatusCode::BAD_REQUEST, "it was not measured yet"));
    }
    let taken = vitals.taken.unwrap_or(now).to_rfc3339_opts(SecondsFormat::Millis, true);
    let id = service
        .with(move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO vitals (patient, kind, value, taken, request) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![vitals.patient, vitals.kind, vitals.value, taken, vitals.request],
            )?;
            let id = transaction.last_insert_rowid();
            transaction.execute("DELETE FROM vitals WHERE id <= ?1", [id - MAX_VITALS])?;
            transaction.commit()?;
            Ok(id)
        })
        .await?;
    Ok(Json(json!({ "id": id })))
}

/// Tells apart who is to blame: the question, the moment, or the database.
fn failure(error: &rusqlite::Error) -> Failure {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => Failure::refused(StatusCode::BAD_REQUEST, msg),
        rusqlite::Error::InvalidQuery => Failure::refused(StatusCode::BAD_REQUEST, "only SELECT may be asked here"),
        rusqlite::Error::SqliteFailure(inner, message) => {
            let message = message.clone().unwrap_or_else(|| error.to_string());
            match inner.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OperationInterrupted => {
                    Failure::unavailable(message)
                }
                _ => Failure::broken(message),
            }
        }
        other => Failure::broken(other.to_string()),
    }
}
