//! Receiving the log of a live server, so that a time between two snapshots can be reached.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::File,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        RecoveryError,
        switch::{remove, resolved},
    },
    cluster::Cluster,
    live::{Live, end_of, running, version},
    tool::{Call, NAME},
    wal::{Archive, Lsn, Timeline},
};
use crate::{
    platform::{Adapter, Component, PostgresScope},
    vault::CancelFlag,
};

/// How often it is measured how far behind the received log is.
const BEAT: Duration = Duration::from_secs(5);
/// As long as nothing is known.
const FIRST_BEAT: Duration = Duration::from_millis(500);
/// Measurements that may fail one after the other.
const MISSED: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);
/// How long the receiver has to end in good order.
const ENDING: Duration = Duration::from_secs(5);
/// Positions remembered until they are received.
const REMEMBERED: usize = 4096;
const STANDS: &str = "the database itself is not concerned; times after this cannot be reached until it works again";

/// How far the received log is behind the live server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Following {
    /// When it was measured, by the server's clock.
    pub at: DateTime<Utc>,
    /// Bytes that the server has written and that were not received and synchronised yet.
    pub behind_bytes: u64,
    /// Everything committed up to then was received: what would be lost now is what came after it.
    pub covered_to: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Beat {
    clock: DateTime<Utc>,
    written: Lsn,
    received: Option<Lsn>,
}

/// Receives the log of a component until `cancel` is set; blocks. `report` hears every few seconds how far behind it is. When
/// it ends with an error it can be called again after a pause, and goes on where it was. A component whose log is not received
/// is done at once.
///
/// # Errors
/// When the server cannot be reached, the receiver ends, or nothing can be measured any more.
pub fn follow(
    component: &Component,
    report: &mut dyn FnMut(Following),
    cancel: &CancelFlag,
) -> Result<(), RecoveryError> {
    let Adapter::Postgres { server, scope: PostgresScope::Physical { data, wal: Some(wal), .. } } = &component.adapter
    else {
        return Ok(());
    };
    let data = resolved(data)?;
    if running(&data).is_none() {
        let reason = format!("no server runs on {}, so no log is received", data.display());
        return Err(RecoveryError::Impossible { component: component.name.clone(), reason });
    }
    let known = version(&data).unwrap_or_default();
    let live = Live::new(&component.name, server, data, &known, (None, None))?;
    let Cluster { system, segment } = Cluster::of(&live.data, &live.tools, cancel)?;
    let archive = Archive::new(wal, &system, segment, live.tools.owner());
    let timeline = timeline(&live, cancel)?;
    let place = archive.open(timeline)?;
    let slot = slot(&component.name);
    reserve(&live, &slot, cancel)?;

    let call = Call::new("receive the log", "pg_receivewal").stands(STANDS);
    let mut command = live.tools.command(call.program, Some((&live.endpoint, "postgres")));
    command.args([OsStr::new("-D"), place.as_os_str()]).args(["-S", &slot]);
    command.args(["--synchronous", "--no-loop", "--no-password", "-s", "1"]);
    let log = place.with_file_name("receiver.log");
    let said =
        remove(&log).and_then(|()| File::create_new(&log)).map_err(|error| RecoveryError::io("create", &log, error))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    let mut receiver =
        Receiver(command.spawn().map_err(|error| call.failed(format!("cannot be started: {error}"), String::new()))?);
    let mut meter = Meter { live: &live, slot: &slot, written: VecDeque::new(), covered_to: None, missed: 0 };
    let mut next = Instant::now();
    loop {
        if let Ok(Some(status)) = receiver.0.try_wait() {
            let said = end_of(&log);
            if said.contains("has already been removed") {
                skip_gap(&live, &archive, timeline, &slot, cancel)?;
            }
            return Err(call.failed(format!("ended with {status}"), said));
        }
        if cancel.is_cancelled() {
            receiver.end();
            return Ok(());
        }
        if Instant::now() >= next {
            meter.measure(report, cancel)?;
            next = Instant::now() + if meter.covered_to.is_some() { BEAT } else { FIRST_BEAT };
        }
        thread::sleep(PAUSE);
    }
}

/// The receiver, which does not outlive this.
struct Receiver(Child);

impl Receiver {
    fn end(&mut self) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // it fails when the receiver has just ended, which is what we want
            let _ = kill_process(pid, Signal::INT);
        }
        let begun = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) && begun.elapsed() < ENDING {
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Meter<'a> {
    live: &'a Live<'a>,
    slot: &'a str,
    /// Positions that were not received yet, and when the server was there.
    written: VecDeque<(Lsn, DateTime<Utc>)>,
    covered_to: Option<DateTime<Utc>>,
    missed: u32,
}

impl Meter<'_> {
    /// Also leaves a commit in the log, so that the log of an idle server tells that nothing was committed until then.
    fn measure(&mut self, report: &mut dyn FnMut(Following), cancel: &CancelFlag) -> Result<(), RecoveryError> {
        let question = format!(
            "set synchronous_commit = local;
             select json_build_object('xid', pg_current_xact_id()::text, 'clock', clock_timestamp(),
               'written', pg_current_wal_flush_lsn(), 'received', (select flush_lsn from pg_stat_replication
                 where pid = (select active_pid from pg_replication_slots where slot_name = '{}')))",
            self.slot
        );
        let beat: Beat = match self.live.ask(&question, cancel) {
            Ok(beat) => beat,
            Err(RecoveryError::Cancelled) => return Ok(()),
            Err(error) => {
                self.missed += 1;
                return if self.missed < MISSED { Ok(()) } else { Err(error) };
            }
        };
        self.missed = 0;
        if self.written.len() < REMEMBERED {
            self.written.push_back((beat.written, beat.clock));
        }
        while let Some((_, at)) = self.written.front().filter(|(written, _)| beat.received >= Some(*written)) {
            self.covered_to = Some(*at);
            self.written.pop_front();
        }
        let behind_bytes = beat.received.map_or(u64::MAX, |received| beat.written.since(received));
        report(Following { at: beat.clock, behind_bytes, covered_to: self.covered_to });
        Ok(())
    }
}

/// On which timeline the server writes.
fn timeline(live: &Live<'_>, cancel: &CancelFlag) -> Result<Timeline, RecoveryError> {
    let call = Call::new("ask the database server for its timeline", "psql")
        .args(["-X", "-w", "-q", "-A", "-t", "-c", "IDENTIFY_SYSTEM", "dbname=postgres replication=database"])
        .at(&live.endpoint, "postgres")
        .stands(STANDS);
    let answer = live.tools.run(&call, cancel)?;
    let timeline = answer.split('|').nth(1).and_then(|text| serde_json::from_str(text).ok());
    timeline.ok_or_else(|| call.failed("gave an answer that is not understood".to_owned(), answer))
}

/// Makes sure that the server keeps what was not received yet, and that no receiver of an engine that was killed is in the way.
fn reserve(live: &Live<'_>, slot: &str, cancel: &CancelFlag) -> Result<(), RecoveryError> {
    let question = format!(
        "select coalesce((select json_agg(pg_terminate_backend(active_pid, {})) from pg_replication_slots
           where slot_name = '{slot}' and active), '[]')",
        ENDING.as_millis()
    );
    let _: Vec<bool> = live.ask(&question, cancel)?;
    let question = format!(
        "select coalesce((select to_json(slot_name) from pg_replication_slots where slot_name = '{slot}'),
           (select to_json(slot_name) from pg_create_physical_replication_slot('{slot}', true)))"
    );
    live.ask::<String>(&question, cancel).map(drop)
}

/// The server has thrown away what was not received: begins anew where it is, and the gap stays.
fn skip_gap(
    live: &Live<'_>,
    archive: &Archive,
    timeline: Timeline,
    slot: &str,
    cancel: &CancelFlag,
) -> Result<(), RecoveryError> {
    let question = format!(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{slot}' \\g /dev/null
         select to_json(pg_current_wal_flush_lsn())"
    );
    let now: Lsn = live.ask(&question, cancel)?;
    archive.skip_to(timeline, now)
}

/// The name of the slot at the server.
fn slot(component: &str) -> String {
    let safe = component.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' });
    format!("{NAME}_{}", safe.take(50).collect::<String>())
}
