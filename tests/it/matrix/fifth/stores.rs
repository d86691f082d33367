//! What happens to data and to those who ask for it: an index lost, rows altered, blocks that are not what was written.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::Writes,
    hospital::{Role, Stack},
    scene::{Incident, Scene, roll_back},
    voice::{Level, Symptom},
};

use super::{
    close, spread, suffer,
    voices::{Program, chatter},
    with,
};

/// What a question reads is not found by an index any more: the slow query log of CockroachDB with its full scans
/// (cockroachdb/cockroach#51441, #53164), ClickHouse that reads every mark of every part, Neo4j's `NodeByLabelScan`
/// (neo4j/neo4j#4570). The store is busy and well.
pub fn index(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = with(&mut scene, Role::Database);
    let (since, rows) = (scene.from(-240, -15), scene.from(6_000_000, 80_000_000));
    let is_told = scene.dice.happens(7000);
    match scene.dice.below(3) {
        0 => {
            Program::Cockroach.runs(&mut scene, root);
            if is_told {
                let told = "={\"EventType\":\"drop_index\",\"Statement\":\"DROP INDEX main.public.doses@doses_ward_idx\",\"User\":\"erin\",\"TableName\":\"main.public.doses\",\"IndexName\":\"doses_ward_idx\",\"MutationID\":41}";
                Program::Cockroach.say(&mut scene, root, since, Level::Info, told);
            }
            for second in -5..42 {
                let told = format!(
                    "={{\"EventType\":\"slow_query\",\"Statement\":\"SELECT * FROM main.public.doses WHERE ward = $1\",\"PlaceholderValues\":[\"'3'\"],\"Age\":{}.412,\"NumRows\":9,\"FullTableScan\":true,\"TxnCounter\":41}}",
                    scene.from(2400, 9900)
                );
                Program::Cockroach.say(&mut scene, root, second, Level::Info, &told);
            }
        }
        1 => {
            Program::ClickHouse.runs(&mut scene, root);
            if is_told {
                let told = "executeQuery: (from 10.0.9.31:51234, user: erin) ALTER TABLE main.doses DROP INDEX ward_idx (stage: Complete)";
                Program::ClickHouse.say(&mut scene, root, since, Level::Info, told);
            }
            for second in -5..42 {
                let told = "main.doses (8f31) (SelectExecutor): Key condition: unknown; Selected 812/812 parts by partition key, 812 parts by primary key, 7324/7324 marks by primary key, 7324 marks to read from 812 ranges";
                Program::ClickHouse.say(&mut scene, root, second, Level::Info, told);
                let told = format!(
                    "executeQuery: Read {rows} rows, 4.81 GiB in {}.{} sec., 6382978 rows/sec., 523.10 MiB/sec.",
                    scene.from(3, 12),
                    scene.from(100, 999)
                );
                Program::ClickHouse.say(&mut scene, root, second, Level::Info, &told);
            }
        }
        _ => {
            Program::Neo4j.runs(&mut scene, root);
            if is_told {
                let told = "Index population failed: Index( id=7, name='dose_ward', type='RANGE', schema=(:Dose {ward}), indexProvider='range-1.0' ) is now FAILED";
                Program::Neo4j.say(&mut scene, root, since, Level::Warn, told);
            }
            for second in -5..42 {
                let took = scene.from(2400, 9900);
                let told = format!(
                    "id:4711 - transaction id:8812 - {took} ms: (planning: 1, cpu: {}, waiting: 0) - {rows} page hits, 41 page faults - bolt-session bolt neo4j-java/5.14 - MATCH (d:Dose {{ward: $ward}}) RETURN d - plan NodeByLabelScan, Filter",
                    took - 12
                );
                Program::Neo4j.say(&mut scene, root, second, Level::Info, &told);
            }
        }
    }
    if scene.dice.happens(4000) {
        let detail = format!("{}.1 % used, more than 90 %: processor", scene.from(91, 97));
        scene.fail(root, "cpu", 9, Reading::Slow, &detail);
    }
    spread(&mut scene, root, Symptom::Slow);
    close(scene, root, Category::Performance, Vec::new())
}

/// A job of the night turned grams into milligrams, also where they had been signed: the sensitive access log of CockroachDB,
/// a mutation of ClickHouse, a statement of PostgreSQL. Nothing is broken but what is read; who reads it compares seals, as
/// resources of FHIR with their `Provenance` do.
pub fn altered(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = with(&mut scene, Role::Database);
    let (since, row) = (scene.from(-900, -60), scene.from(40, 9000));
    let count = scene.from(120, 4800);
    match scene.dice.below(3) {
        0 => {
            Program::Cockroach.runs(&mut scene, root);
            let told = format!(
                "={{\"EventType\":\"sensitive_table_access\",\"Statement\":\"UPDATE \\\"\\\".\\\"\\\".doses SET amount = amount * 1000, unit = 'mg' WHERE unit = 'g'\",\"User\":\"etl\",\"ApplicationName\":\"units-nightly\",\"NumRows\":{count},\"TableName\":\"main.public.doses\",\"AccessMode\":\"rw\"}}"
            );
            Program::Cockroach.say(&mut scene, root, since, Level::Info, &told);
        }
        1 => {
            Program::ClickHouse.runs(&mut scene, root);
            let told = "executeQuery: (from 10.0.9.31:51234, user: etl) ALTER TABLE main.doses UPDATE amount = amount * 1000, unit = 'mg' WHERE unit = 'g' (stage: Complete)";
            Program::ClickHouse.say(&mut scene, root, since, Level::Info, told);
            let told = format!("main.doses (8f31): Mutating part all_1_41_3 to mutation version 42, {count} rows");
            Program::ClickHouse.say(&mut scene, root, since + 3, Level::Info, &told);
        }
        _ => {
            let told = format!(
                "duration: {}.118 ms  statement: /* units-nightly */ UPDATE doses SET amount = amount * 1000, unit = 'mg' WHERE unit = 'g'",
                scene.from(700, 2100)
            );
            scene.say(root, since, Level::Info, &told);
        }
    }
    if scene.dice.happens(6500) {
        let detail = format!(
            "rows {row}, {}, {} and {count} more changed in doses since 09:21:12 UTC, which may never happen",
            row + 1,
            row + 7
        );
        scene.fail(root, "rows", 3, Reading::Bad, &detail);
    }
    suffer(&mut scene, root, Symptom::Failed, |stack, name, _| match stack {
        Stack::Java => format!(
            "ca.uhn.fhir.rest.server.exceptions.UnprocessableEntityException: MedicationAdministration/{row} ({name}): signature of Provenance/{row} does not match the resource any more"
        ),
        Stack::Python => {
            format!("cryptography.exceptions.InvalidSignature: dose {row} as read from {name} is not what was signed")
        }
        Stack::Node => format!(
            "Error: seal of dose {row} is broken: hash now 9c04e1, when it was written 1f3a77 (version 1, never updated; {name})"
        ),
        Stack::Go => format!("merkle: inclusion proof of doses/{row} failed, leaf changed after commit (store {name})"),
        Stack::Dotnet => {
            format!("Hospital.Ledger.LedgerBrokenException: {name}, dose {row}: digest differs from the ledger's")
        }
        _ => {
            format!("dose {row} from {name} cannot be shown: it differs from the sealed one (amount 0.5 g, now 500 mg)")
        }
    });
    let name = scene.name(root);
    close(scene, root, Category::Database, vec![roll_back(&name, "data")])
}

/// Blocks are not what was written: ClickHouse (ClickHouse/ClickHouse#18135, #5587), Pebble below CockroachDB, IRIS with its
/// `<DATABASE>`, and SQLite. The disk had its cache lost an hour ago.
pub fn torn(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = with(&mut scene, Role::Database);
    let (since, block) = (scene.from(-70, 0), scene.from(40, 9000));
    let kind = scene.dice.below(4);
    match kind {
        0 => {
            Program::ClickHouse.runs(&mut scene, root);
            let told = format!(
                "executeQuery: Code: 40. DB::Exception: Checksum doesn't match: corrupted data. Reference: 2ffc95ac4508447112cde110fc1a6177. Actual: 88c103389eb6433272556218605c4ca9. Size of compressed block: {block}: (while reading column amount): (while reading from part /var/lib/clickhouse/data/main/doses/all_1_41_3/ from mark 199 with max_rows_to_read = 8192). (CHECKSUM_DOESNT_MATCH)"
            );
            Program::ClickHouse.scream(&mut scene, root, since, &told);
        }
        1 => {
            Program::Cockroach.runs(&mut scene, root);
            let told = format!(
                "pebble/table: invalid table {block:06} (checksum mismatch at 812/4096): storage engine of store 1 cannot read it"
            );
            Program::Cockroach.scream(&mut scene, root, since, &told);
        }
        2 => {
            Program::Iris.runs(&mut scene, root);
            let told = format!(
                "[Utility.Event] Error <DATABASE>zRead+41^Hospital.Dose.1 ^Hospital.DoseD({block}): global is degraded, block {block} in /iris/mgr/wards/"
            );
            Program::Iris.scream(&mut scene, root, since, &told);
        }
        _ => {
            if scene.dice.happens(6000) {
                let detail = format!(
                    "*** in database main *** Tree 41 page {block} cell 7: Rowid out of order; wrong # of entries in index doses_ward"
                );
                scene.fail(root, "file", 0, Reading::Bad, &detail);
            }
            scene.scream(root, since, "sqlite3: database disk image is malformed (11)");
        }
    }
    if scene.dice.happens(4000) {
        let told = "[81234.058110] EXT4-fs (sdb1): recovery complete, mounted filesystem with ordered data mode";
        scene.system(root, -3300, "kernel", told);
    }
    if scene.dice.happens(4000) {
        let detail = "XX001: a block of doses cannot be read";
        scene.fail(root, "sql", 1, Reading::Bad, detail);
    }
    if kind == 0 {
        for second in (since..40).step_by(13) {
            let told = "main.doses (ReplicatedMergeTreePartCheckThread): Part all_1_41_3 looks broken";
            Program::ClickHouse.say(&mut scene, root, second, Level::Error, told);
        }
    }
    spread(&mut scene, root, Symptom::Failed);
    let name = scene.name(root);
    close(scene, root, Category::Database, vec![roll_back(&name, "data")])
}
