//! One database: dumped, restored under another name beside the live one, looked at, and renamed into its place.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use super::{
    super::{
        ComponentCapture, DryRun, Proof, RecoveryError, Restored, Target,
        adapter::{Handler, Job, wrong_target},
        switch::{Record, remove},
        tables::{Tables, differences, total},
    },
    live::TEMPLATE,
    tables,
    tool::{Call, Endpoint, LONG, Owner, QUICK, Tools},
};
use crate::{
    platform::{PostgresServer, count},
    vault::{CancelFlag, DifferenceKind, FileDifference, Source, make_private_dir},
};

const STANDS: &str = "what is live was not touched";
const PAUSE: Duration = Duration::from_millis(200);
/// How long clients may hold on to the live database until the switch is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// One database of a PostgreSQL server.
pub(in crate::recovery) struct Logical<'a> {
    pub(in crate::recovery) component: &'a str,
    pub(in crate::recovery) server: &'a PostgresServer,
    pub(in crate::recovery) database: &'a str,
}

/// A database that was restored beside the live one.
struct Beside {
    files: u64,
    bytes: u64,
    tables: Tables,
    checked: usize,
}

impl Handler for Logical<'_> {
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
        let dump = dump_file(job.work, self.component)?;
        let captured = self.dump(&dump, job).and_then(|flaws| {
            Ok(job.vault.capture_noting(Source::new([dump.clone()])?, &tags, now, flaws, job.cancel)?)
        });
        // whatever came of it, no copy of the data may stay outside the vault
        remove(&dump).map_err(|error| RecoveryError::io("remove", &dump, error))?;
        Ok(ComponentCapture { captured: captured?, version: None })
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let names = Names::of(self.database, snapshot);
        let made = self.restore_as(&names.new, snapshot, job)?;
        if job.cancel.is_cancelled() {
            return Err(RecoveryError::Cancelled);
        }
        let record = Record {
            component: self.component.to_owned(),
            target: target.clone(),
            previous: None,
            moves: Vec::new(),
            link: None,
            done: false,
            withdrawn: false,
        };
        record.write(job.work).map_err(|error| RecoveryError::io("write into", job.work, error))?;
        self.finish(job, &record)?;
        Ok(Restored { files: made.files, bytes: made.bytes, ..Restored::default() })
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let made = self.rehearse("dry", snapshot, job)?;
        let client = self.client()?;
        let before = if client.exists(self.database, job.cancel)? {
            tables::tables(&client.tools, &client.endpoint, &[self.database.to_owned()], job.cancel)?
        } else {
            Tables::new()
        };
        let tables = differences(&before, &made.tables);
        let differences = if tables.is_empty() {
            Vec::new()
        } else {
            let path = format!("database {}", self.database);
            let kind = DifferenceKind::Changed;
            vec![FileDifference { path, kind, before_bytes: None, after_bytes: Some(made.bytes) }]
        };
        let summary = format!(
            "database {} to {target}: rows or columns of {} differ; {} afterwards",
            self.database,
            count(tables.len(), "table"),
            count(total(&made.tables), "row")
        );
        Ok(DryRun { differences, tables, summary, ..DryRun::default() })
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        let made = self.rehearse("proof", snapshot, job)?;
        let detail = format!(
            "the dump restores into a database of its own, {} in {} read, indexes checked in {}",
            count(total(&made.tables), "row"),
            count(made.tables.len(), "table"),
            made.checked
        );
        Ok(Proof { files: made.files, bytes: made.bytes, detail })
    }

    fn verify(&self, job: &Job<'_>) -> Result<(), RecoveryError> {
        let client = self.client()?;
        client.ask::<u64>(self.database, "select count(*) from pg_class", job.cancel).map(drop)
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        let (client, never) = (self.client()?, CancelFlag::new());
        let question = format!(
            "select coalesce(json_agg(datname), '[]') from pg_database where starts_with(datname, {})",
            literal(&format!("{}{NEW}", short(self.database)))
        );
        let left: Vec<String> = client.ask(TEMPLATE, &question, &never)?;
        left.iter().try_for_each(|name| client.drop_database(name, &never))
    }

    fn finish(&self, job: &Job<'_>, record: &Record) -> Result<(), RecoveryError> {
        let Target::Snapshot(snapshot) = &record.target else { return record.finish(job.work) };
        if record.done {
            return Ok(());
        }
        let (client, never) = (self.client()?, CancelFlag::new());
        let names = Names::of(self.database, snapshot);
        // one transaction renames both, so there is the new name or there is not
        if client.exists(&names.new, &never)?
            && let Err(error) = client.exchange(self.database, &names, &never)
        {
            record.remove(job.work)?;
            client.drop_database(&names.new, &never)?;
            return Err(error);
        }
        if client.exists(&names.old, &never)? {
            client.drop_database(&names.old, &never)?;
        }
        record.close(job.work)
    }
}

impl<'a> Logical<'a> {
    fn client(&self) -> Result<Client, RecoveryError> {
        let socket = Path::new(&self.server.host).join(format!(".s.PGSQL.{}", self.server.port));
        // a server that knows its clients by their user on this host wants them to be that user
        let owner = if socket.is_absolute() { Owner::of(&socket).ok() } else { None };
        let owner = owner.filter(|_| Owner::myself().uid == 0).unwrap_or_else(Owner::myself);
        let tools = Tools::find(self.component, self.server, None, owner)?;
        Ok(Client { tools, endpoint: Endpoint::of(self.server) })
    }

    /// Dumps the live database; what went wrong makes the snapshot a partial one, which is evidence and no target.
    fn dump(&self, dump: &Path, job: &Job<'_>) -> Result<Vec<String>, RecoveryError> {
        let client = self.client()?;
        let output = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(dump)
            .map_err(|error| RecoveryError::io("create", dump, error))?;
        let call = Call::new("dump the database", "pg_dump")
            // what is not compressed is stored once in all snapshots
            .args(["--format=custom", "--compress=0", "--no-password", self.database])
            .at(&client.endpoint, self.database)
            .within(LONG);
        match client.tools.run_with(&call, None, Some(output), job.cancel) {
            Ok(_) => Ok(Vec::new()),
            Err(RecoveryError::Cancelled) => Err(RecoveryError::Cancelled),
            Err(error) => Ok(vec![format!("not a whole dump: {error}")]),
        }
    }

    fn rehearse(&self, kind: &str, snapshot: &str, job: &Job<'_>) -> Result<Beside, RecoveryError> {
        let name = format!("{}{NEW}{kind}", short(self.database));
        let made = self.restore_as(&name, snapshot, job);
        self.client()?.drop_database(&name, &CancelFlag::new())?;
        made
    }

    /// Restores a dump as a database of another name, and reads all of it.
    fn restore_as(&self, name: &str, snapshot: &str, job: &Job<'_>) -> Result<Beside, RecoveryError> {
        let client = self.client()?;
        // also the quick answer when the server cannot be reached
        client.drop_database(name, job.cancel)?;
        let stored = job.vault.show(snapshot)?.paths;
        let [stored] = stored.as_slice() else {
            return Err(RecoveryError::WrongSnapshot {
                component: self.component.to_owned(),
                snapshot: snapshot.to_owned(),
                reason: format!("it holds {} paths instead of one dump", stored.len()),
            });
        };
        let dump = dump_file(job.work, self.component)?;
        let made = job.vault.stage(snapshot, stored, &dump, job.cancel)?;
        if !made.is_whole() {
            return Err(RecoveryError::NotWhole { component: self.component.to_owned(), problems: made.problems });
        }
        let input = File::open(&dump).map_err(|error| RecoveryError::io("open", &dump, error))?;
        client.create_like(name, self.database, job.cancel)?;
        let call = Call::new("restore the dump", "pg_restore")
            .args(["--exit-on-error", "--no-password", "--dbname", name])
            .at(&client.endpoint, name)
            .within(LONG);
        let restored = client.tools.run_with(&call, Some(input), None, job.cancel);
        remove(&dump).map_err(|error| RecoveryError::io("remove", &dump, error))?;
        let bad = |error: RecoveryError| match error {
            RecoveryError::Tool { outcome, output, .. } => RecoveryError::BadDatabase {
                path: stored.clone(),
                finding: format!("{outcome}: {output}"),
                stands: STANDS,
            },
            other => other,
        };
        restored.map_err(bad)?;
        let databases = [name.to_owned()];
        let found = tables::tables(&client.tools, &client.endpoint, &databases, job.cancel).map_err(bad)?;
        let checked = tables::check(&client.tools, &client.endpoint, &databases, job.cancel).map_err(bad)?;
        // under the name it will have, so that it can be compared with the live one
        let tables = found.into_iter().map(|(table, found)| (table.replacen(name, self.database, 1), found)).collect();
        Ok(Beside { files: made.files, bytes: made.bytes, tables, checked })
    }
}

/// Names beside the live one while it is exchanged.
struct Names {
    new: String,
    old: String,
}

const NEW: &str = "_codeblue_new_";
const OLD: &str = "_codeblue_old_";

impl Names {
    fn of(database: &str, snapshot: &str) -> Self {
        let (short, id) = (short(database), snapshot.get(..8).unwrap_or(snapshot));
        Self { new: format!("{short}{NEW}{id}"), old: format!("{short}{OLD}{id}") }
    }
}

/// Names at the server have at most 63 bytes.
fn short(database: &str) -> &str {
    let end = (0..=36.min(database.len())).rev().find(|end| database.is_char_boundary(*end)).unwrap_or(0);
    &database[..end]
}

struct Client {
    tools: Tools,
    endpoint: Endpoint,
}

impl Client {
    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        database: &str,
        question: &str,
        cancel: &CancelFlag,
    ) -> Result<T, RecoveryError> {
        self.tools.ask(&self.endpoint, database, question, QUICK, cancel)
    }

    fn exists(&self, name: &str, cancel: &CancelFlag) -> Result<bool, RecoveryError> {
        let question = format!("select to_json(exists (select 1 from pg_database where datname = {}))", literal(name));
        self.ask(TEMPLATE, &question, cancel)
    }

    fn tell(&self, action: &'static str, statements: &str, cancel: &CancelFlag) -> Result<(), RecoveryError> {
        let call = Call::new(action, "psql")
            .args(["-X", "-w", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .at(&self.endpoint, TEMPLATE)
            .input(statements)
            .within(Duration::from_secs(120));
        self.tools.run(&call, cancel).map(drop)
    }

    fn drop_database(&self, name: &str, cancel: &CancelFlag) -> Result<(), RecoveryError> {
        let statement =
            format!("set client_min_messages = error; drop database if exists {} with (force);", quoted(name));
        self.tell("drop a database", &statement, cancel)
    }

    /// An empty database with the owner, encoding and order of letters of another one, where that is there.
    fn create_like(&self, name: &str, model: &str, cancel: &CancelFlag) -> Result<(), RecoveryError> {
        let question = format!(
            "select to_json(coalesce((select format('owner %I encoding %L lc_collate %L lc_ctype %L',
               pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype)
               from pg_database where datname = {}), ''))",
            literal(model)
        );
        let like: String = self.ask(TEMPLATE, &question, cancel)?;
        let statement = format!("create database {} template template0 {like};", quoted(name));
        self.tell("create a database", &statement, cancel)
    }

    /// Sends the clients of the live database away and renames it and the new one in one transaction.
    fn exchange(&self, live: &str, names: &Names, cancel: &CancelFlag) -> Result<(), RecoveryError> {
        let there = self.exists(live, cancel)?;
        let aside = if there {
            format!("alter database {} rename to {};", quoted(live), quoted(&names.old))
        } else {
            String::new()
        };
        let statements = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity
               where datname in ({}, {}) and pid <> pg_backend_pid();
             begin; {aside} alter database {} rename to {}; commit;",
            literal(live),
            literal(&names.new),
            quoted(&names.new),
            quoted(live)
        );
        let begun = Instant::now();
        loop {
            match self.tell("rename the database", &statements, cancel) {
                Err(RecoveryError::Tool { .. }) if begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
                result => return result,
            }
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An empty place for a dump in a private directory, the same each time so that the vault finds the one before.
fn dump_file(dir: &Path, component: &str) -> Result<PathBuf, RecoveryError> {
    make_private_dir(dir).map_err(|error| RecoveryError::io("create", dir, error))?;
    let dump = dir.join(format!("{}.dump", component.replace('/', "_")));
    remove(&dump).map_err(|error| RecoveryError::io("remove", &dump, error))?;
    Ok(dump)
}
