//! The stray client: it took the write lock of the records and never gives it back. Only a fault starts it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use serde_json::{Value, json};

use super::{super::SandboxError, context::Context, failure::Failure, run::Serve};

const BUSY: Duration = Duration::from_secs(3);

pub(super) struct StrayClient {
    #[expect(dead_code, reason = "the lock is held as long as the connection is open")]
    connection: Mutex<Connection>,
}

impl StrayClient {
    pub(super) fn new(context: &Context) -> Result<Arc<Self>, SandboxError> {
        let path = context.layout.database();
        let take = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.busy_timeout(BUSY)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.execute_batch("BEGIN EXCLUSIVE")?;
            Ok(connection)
        };
        let connection = take().map_err(SandboxError::database("lock", &path))?;
        context.log.info("holds the write lock of the records");
        Ok(Arc::new(Self { connection: Mutex::new(connection) }))
    }
}

impl Serve for StrayClient {
    fn version(&self) -> String {
        "unknown".to_owned()
    }

    async fn deep(&self) -> Result<Value, Failure> {
        Ok(json!("holds a lock"))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new()
    }
}
