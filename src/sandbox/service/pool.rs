//! A bounded set of connections to the database of the records.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::failure::Failure;

pub(super) const CONNECTIONS: usize = 4;
const PATIENCE: Duration = Duration::from_millis(250);
const BUSY: Duration = Duration::from_millis(500);
/// How long the statements of one request may take, and how many steps of SQLite lie between two looks at the clock.
const LONGEST: Duration = Duration::from_secs(1);
const STEPS: i32 = 10_000;

pub(super) struct Pool {
    free: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Pool {
    /// Opens the database. When its disk counts as full, it may not have one page more than it has.
    pub(super) fn open(path: &Path, is_full: bool) -> rusqlite::Result<Arc<Self>> {
        if is_full {
            // what cannot be packed has another fault already
            let _ = pack(path);
        }
        let connections = (0..CONNECTIONS).map(|_| connect(path, is_full)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Arc::new(Self { free: Mutex::new(connections), permits: Semaphore::new(CONNECTIONS) }))
    }

    /// Connections that nobody uses at the moment.
    pub(super) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// Takes all connections that nobody uses out, for ever.
    pub(super) fn leak(&self) {
        while let Ok(permit) = self.permits.try_acquire() {
            permit.forget();
        }
    }

    /// Does something with a connection, off the threads that answer requests.
    pub(super) async fn with<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<rusqlite::Result<T>, Failure> {
        let exhausted = || Failure::unavailable(format!("pool exhausted: all {CONNECTIONS} connections are in use"));
        let pool = Arc::clone(&self);
        let permit = timeout(PATIENCE, self.permits.acquire()).await.map_err(|_| exhausted())?;
        // a connection in use counts as in use until it is back, also when the request is given up
        permit.map_err(|_| exhausted())?.forget();
        let done = spawn_blocking(move || {
            let connection = pool.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let result = connection.map(|mut connection| {
                let started = Instant::now();
                let result = connection
                    .progress_handler(STEPS, Some(move || started.elapsed() > LONGEST))
                    .and_then(|()| work(&mut connection));
                pool.free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                result
            });
            pool.permits.add_permits(1);
            result
        });
        match done.await {
            Ok(Some(result)) => Ok(result),
            Ok(None) => Err(exhausted()),
            Err(error) => Err(Failure::broken(format!("the database's worker ended: {error}"))),
        }
    }
}

/// Leaves no page of the file unused: what earlier faults have freed would otherwise be room on a disk that is full.
fn pack(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let unused: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if unused == 0 {
        return Ok(());
    }
    // a busy host would otherwise take its time, and nobody is served meanwhile
    connection.pragma_update(None, "synchronous", "off")?;
    connection.execute_batch("VACUUM")
}

fn connect(path: &Path, is_full: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // when the file is exchanged below us, closing the old one must not remove the log of the new one
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    // 64 KiB: what is damaged on disk shows
    connection.pragma_update(None, "cache_size", -64)?;
    if is_full {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1 << 20)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    Ok(connection)
}
