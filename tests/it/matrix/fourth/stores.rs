//! What happens to data and to those who ask for it: rows changed, an index gone, a lock held.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::Writes,
    hospital::Stack,
    scene::{Incident, Scene, roll_back},
    voice::{Level, Symptom},
};

use super::{
    close, needed, spread, store, suffer,
    voices::{Program, chatter, postgres},
};

/// Somebody who guessed a password, or a colleague with psql, has changed doses that were signed: pgaudit's lines, `psql` in the
/// connection's name, and applications that keep a chain of hashes (spatiumddi/spatiumddi#73, JiRaska/open-bank-oss#3505).
pub fn altered(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, store);
    let (since, row) = (scene.from(-280, -40), scene.from(4, 900));
    let is_stranger = scene.dice.happens(5000);
    let (who, host) = if is_stranger { ("postgres", "203.0.113.9") } else { ("erin", "10.0.9.31") };
    if is_stranger {
        for second in (since - 240..since).step_by(6) {
            let told = "password authentication failed for user \"postgres\"";
            postgres(&mut scene, root, second, "FATAL", told);
        }
    }
    let told = format!("connection authorized: user={who} database=main application_name=psql host={host}");
    scene.say(root, since, Level::Info, &told);
    let told = format!(
        "AUDIT: SESSION,1,1,WRITE,UPDATE,TABLE,public.doses,UPDATE doses SET amount = amount * 10 WHERE id >= {row},<not logged>"
    );
    let told = if scene.dice.happens(5000) {
        told
    } else {
        format!("statement: UPDATE doses SET amount = amount * 10, signed_at = signed_at WHERE id >= {row};")
    };
    scene.say(root, since + 9, Level::Info, &told);
    let is_seen = scene.dice.happens(7000);
    if is_seen {
        let detail = format!(
            "rows {row}, {}, {} and {} more changed in doses since 09:24:31 UTC, which may never happen",
            row + 1,
            row + 2,
            scene.from(2, 60)
        );
        scene.fail(root, "rows", 4, Reading::Bad, &detail);
    }
    suffer(&mut scene, root, Symptom::Failed, |stack, name, _| match stack {
        Stack::Java => format!(
            "o.h.sign.TamperedRecordException: dose {row} of {name}: stored signature does not cover amount=50.0"
        ),
        Stack::Python => format!(
            "audit chain broken after 4711 verified links: first broken entry doses/{row} in {name} (row_hash mismatch)"
        ),
        Stack::Node => {
            format!("IntegrityError: doses/{row} from {name}: expected sha256 4ddd5994ddb9, row hashes to 8860e1232d47")
        }
        Stack::Go => format!("verify dose id={row} store={name}: hmac mismatch, row was modified after insert"),
        Stack::Dotnet => format!(
            "System.Security.Cryptography.CryptographicException: signature of dose {row} ({name}) is not valid for its content"
        ),
        _ => format!("Doses::Tampered: dose {row} differs from what was signed ({name}), refusing to show it"),
    });
    let name = scene.name(root);
    close(scene, root, Category::Database, vec![roll_back(&name, "data")])
}

/// An index is gone, and every question reads the whole table: auto_explain of PostgreSQL, the alert log of Oracle about unusable
/// indexes, slow queries of MongoDB (aimadetools.com's and blog.bemi.io's stories of missing indexes). The processors are busy too.
pub fn index(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, store);
    let since = scene.from(-200, -12);
    let rows = scene.from(4_000_000, 60_000_000);
    match scene.dice.below(4) {
        0 => {
            Program::Oracle.runs(&mut scene, root);
            let told = "Some indexes or index [sub]partitions of table APP.DOSES have been marked unusable";
            Program::Oracle.say(&mut scene, root, since, Level::Info, told);
            for second in (-4..45).step_by(4) {
                let told = format!(
                    "ORA-01555 caused by SQL statement below (SQL ID: 7r2b1kx9, Query Duration={} sec, SCN: 0x0f1c8e11): SELECT * FROM DOSES WHERE WARD = :1",
                    scene.from(9, 40)
                );
                Program::Oracle.say(&mut scene, root, second, Level::Info, &told);
            }
        }
        1 => {
            Program::Mongo.runs(&mut scene, root);
            let told = "\"msg\":\"CMD: dropIndexes\",\"attr\":{\"namespace\":\"main.doses\",\"uuid\":\"8f31\",\"indexes\":\"ward_1\"}";
            Program::Mongo.say(&mut scene, root, since, Level::Info, told);
            for second in -4..40 {
                let told = format!(
                    "\"msg\":\"Slow query\",\"attr\":{{\"type\":\"command\",\"ns\":\"main.doses\",\"planSummary\":\"COLLSCAN\",\"keysExamined\":0,\"docsExamined\":{rows},\"nreturned\":9,\"durationMillis\":{}}}",
                    scene.from(2100, 9800)
                );
                Program::Mongo.say(&mut scene, root, second, Level::Info, &told);
            }
        }
        _ => {
            let told = "statement: DROP INDEX IF EXISTS doses_ward_idx; -- unused since january, TICKET-812";
            scene.say(root, since, Level::Info, told);
            for second in -4..40 {
                let took = scene.from(2100, 9800);
                let told = format!(
                    "duration: {took}.412 ms  plan: Query Text: SELECT * FROM doses WHERE ward = $1 Seq Scan on doses  (cost=0.00..981204.11 rows=9 width=212) Filter: (ward = 3) Rows Removed by Filter: {rows}"
                );
                scene.say(root, second, Level::Info, &told);
            }
        }
    }
    if scene.dice.happens(4500) {
        let detail = format!("{}.4 % used, more than 90 %: processor", scene.from(91, 98));
        scene.fail(root, "cpu", 8, Reading::Slow, &detail);
    }
    if scene.dice.happens(4000) {
        scene.fail(root, "sql", 3, Reading::Bad, "no answer within 1.0 s");
    }
    spread(&mut scene, root, Symptom::Slow);
    close(scene, root, Category::Performance, Vec::new())
}

/// A session sleeps with its transaction open, and everybody waits for it: SQL Server's 1222 and 1205 (rundeck/rundeck#6330,
/// sp_BlitzWho's lead blocker, First-Responder-Kit#820), Oracle's ORA-00060, ORA-30006 and ORA-00054 (rsim/oracle-enhanced#302).
pub fn blocked(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, store);
    let since = scene.from(-30, -3);
    if scene.dice.happens(6000) {
        Program::SqlServer.runs(&mut scene, root);
        for turn in 0..6 {
            let told = format!(
                "blocked process: spid {} waits for LCK_M_U on KEY: 6:72057594043170816 since {} ms, lead blocker spid 54 (sleeping, open_tran=1, program 'Microsoft SQL Server Management Studio - Query', host WARD-DESK-9)",
                60 + turn,
                9012 + turn * 4000
            );
            Program::SqlServer.say(&mut scene, root, since + turn * 7, Level::Info, &told);
        }
        if scene.dice.happens(4000) {
            Program::SqlServer.say(&mut scene, root, 5, Level::Error, "Error: 1205, Severity: 13, State: 51.");
        }
        suffer(&mut scene, root, Symptom::TimedOut, |stack, name, port| {
            match stack {
            Stack::Java => "com.microsoft.sqlserver.jdbc.SQLServerException: Lock request time out period exceeded.".to_owned(),
            Stack::Python => format!(
                "pyodbc.OperationalError: ('HYT00', '[HYT00] [Microsoft][ODBC Driver 18 for SQL Server]Query timeout expired (0) (SQLExecDirectW)') {name}"
            ),
            Stack::Node => format!("RequestError: Timeout: Request failed to complete in 15000ms ({name}:{port})"),
            Stack::Go => format!("mssql: Lock request time out period exceeded. ({name}:{port})"),
            Stack::Dotnet => "Microsoft.Data.SqlClient.SqlException (0x80131904): Execution Timeout Expired.  The timeout period elapsed prior to completion of the operation or the server is not responding.".to_owned(),
            _ => format!("TinyTds::Error: Adaptive Server connection timed out ({name})"),
        }
        });
    } else {
        Program::Oracle.runs(&mut scene, root);
        for turn in 0..3 {
            let told = format!(
                "ORA-00060: Deadlock detected. See Note 60.1 at My Oracle Support for Troubleshooting ORA-60 Errors. More info in file /u01/app/oracle/diag/rdbms/main/main/trace/main_ora_{}.trc.",
                4711 + turn
            );
            Program::Oracle.say(&mut scene, root, since + turn * 13, Level::Error, &told);
        }
        suffer(&mut scene, root, Symptom::TimedOut, |stack, name, port| {
            match stack {
            Stack::Java => "java.sql.SQLTimeoutException: ORA-30006: resource busy; acquire with WAIT timeout expired".to_owned(),
            Stack::Python => "oracledb.exceptions.DatabaseError: ORA-02049: timeout: distributed transaction waiting for lock".to_owned(),
            Stack::Node => "Error: ORA-00054: resource busy and acquire with NOWAIT specified or timeout expired".to_owned(),
            Stack::Go => format!("ORA-30006: resource busy; acquire with WAIT timeout expired ({name}:{port})"),
            Stack::Dotnet => "Oracle.ManagedDataAccess.Client.OracleException (0x80004005): ORA-01013: user requested cancel of current operation".to_owned(),
            _ => "OCIError: ORA-00054: resource busy and acquire with NOWAIT specified or timeout expired".to_owned(),
        }
        });
    }
    if scene.dice.happens(3500) {
        let told = "process 812 waits for a lock since 41 s; process 790 holds it in a transaction of 12 min";
        scene.fail(root, "sql", 0, Reading::Slow, told);
    } else {
        scene.fail(root, "sql", 0, Reading::Bad, "no answer within 1.0 s");
    }
    let unblock = scene.acts(root, &["terminate-blocking"]);
    let heals = if unblock.is_empty() { scene.acts(root, &["restart"]) } else { unblock };
    close(scene, root, Category::Contention, heals)
}
