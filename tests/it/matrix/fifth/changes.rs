//! What people changed: a version with its migration, a flag, a setting that was meant for another system.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::{needed, perhaps, say, scream, serves},
    hospital::{Hospital, Role, Stack},
    scene::{Incident, Scene, at, roll_back},
    voice::{Level, Symptom},
};

use super::{
    close, ended, spread, suffer,
    voices::{Program, chatter, postgres},
    with,
};

/// A new version brought a column of another type than it writes, or found the migrations to be others than those that were applied:
/// SQLx (transact-rs/sqlx#1101, artifact-keeper#1129), Liquibase (keycloak/keycloak#9886, #34499), Alembic, TypeORM,
/// golang-migrate, FluentMigrator, Sequel. The database shows what it was given, names of patients with it.
pub fn migration(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let before = scene.from(20, 280);
    scene.deploy(root, "v45", before);
    if scene.dice.happens(4500) { other(scene, root, before) } else { typed(scene, root, before) }
}

/// The column that the migration made cannot hold what is written.
fn typed(mut scene: Scene, root: usize, before: i64) -> Incident {
    let (done, told) = match scene.stack(root) {
        Stack::Java => (
            "liquibase.changelog: ChangeSet db/changelog/045.xml::route-of-dose::erin ran successfully in 4118ms",
            "org.postgresql.util.PSQLException: ERROR: column \"route\" is of type integer but expression is of type character varying Hint: You will need to rewrite or cast the expression.",
        ),
        Stack::Python => (
            "alembic.runtime.migration: Running upgrade 9f3c1e -> a41b77, route of dose",
            "asyncpg.exceptions.DatatypeMismatchError: column \"route\" is of type integer but expression is of type character varying",
        ),
        Stack::Node => (
            "Migration RouteOfDose1772443 has been executed successfully.",
            "QueryFailedError: invalid input syntax for type integer: \"oral\"",
        ),
        Stack::Go => {
            ("45/u route_of_dose (4.118204s)", "insert dose: pq: invalid input syntax for type integer: \"oral\"")
        }
        Stack::Dotnet => (
            "FluentMigrator.Runner.MigrationRunner: 20260302: RouteOfDose migrated",
            "Npgsql.PostgresException (0x80004005): 42804: column \"route\" is of type integer but expression is of type text",
        ),
        _ => (
            "Finished applying migration 045_route_of_dose.rb, direction: up, took 4.118204 seconds",
            "Sequel::DatabaseError: PG::DatatypeMismatch: ERROR:  column \"route\" is of type integer but expression is of type character varying",
        ),
    };
    if scene.dice.happens(7500) {
        scene.say(root, 3 - before, Level::Info, done);
    }
    let first = scene.from(-8, 0);
    scene.scream(root, first, told);
    scene.fail(root, "http", 1, Reading::Bad, "HTTP 500 in 12 ms");
    for below in scene.hospital.units[root].needs.clone() {
        if scene.stack(below) == Stack::Postgres && scene.dice.happens(7000) {
            for second in first..50 {
                let told =
                    "column \"route\" is of type integer but expression is of type character varying at character 58";
                scene.say(below, second, Level::Error, told);
                let told = "parameters: $1 = '4711', $2 = 'Meier, Anna', $3 = '1948-03-02', $4 = 'oral'";
                postgres(&mut scene, below, second, "DETAIL", told);
                let told = "INSERT INTO doses (patient, name, born, route) VALUES ($1, $2, $3, $4)";
                postgres(&mut scene, below, second, "STATEMENT", told);
            }
        }
    }
    spread(&mut scene, root, Symptom::Failed);
    let name = scene.name(root);
    close(scene, root, Category::Deployment, vec![roll_back(&name, "code")])
}

/// What was applied is not what the new version brings, and it ends at its start.
fn other(mut scene: Scene, root: usize, before: i64) -> Incident {
    let who = perhaps(&mut scene, root, &[Program::Rust], 3000);
    let (began, told) = match (who, scene.stack(root)) {
        (Some(_), _) => (
            "starting version 45, running database migrations",
            "Error: error while running database migrations: migration 44 was previously applied but has been modified",
        ),
        (_, Stack::Java) => (
            "Updating database. Using changelog db/changelog-master.xml (application version 45)",
            "liquibase.exception.MigrationFailedException: Migration failed for changeset db/changelog/045.xml::route-of-dose::erin: Reason: liquibase.exception.DatabaseException: ERROR: relation \"dose_route\" already exists",
        ),
        (_, Stack::Python) => (
            "starting 45, alembic.runtime.migration: Context impl PostgresqlImpl.",
            "alembic.util.exc.CommandError: Multiple head revisions are present for given argument 'head'; please specify a specific target revision",
        ),
        (_, Stack::Node) => (
            "starting version 45",
            "The migration directory is corrupt, the following files are missing: 20260211_allergies.js (knex migrate:latest)",
        ),
        (_, Stack::Go) => ("starting build=v45", "migrate: Dirty database version 45. Fix and force version."),
        (_, Stack::Dotnet) => (
            "Starting version 45, beginning database upgrade",
            "FluentMigrator.Exceptions.VersionOrderInvalidException: Unapplied migrations have version numbers that are less than the greatest version number of applied migrations: 20260211 - Allergies",
        ),
        _ => (
            "Booting version 45",
            "Sequel::Migrator::Error: Applied migration files not in file system: 044_allergies.rb",
        ),
    };
    scene.hush(root, -before);
    let name = scene.name(root);
    let mut second = 4 - before;
    for turn in 1..9 {
        say(&mut scene, root, who, second, Level::Info, began);
        say(&mut scene, root, who, second + 2, Level::Error, told);
        let ended = format!("{name}.service: Main process exited, code=exited, status=1/FAILURE");
        scene.system(root, second + 2, "systemd[1]", &ended);
        if scene.dice.happens(7000) {
            let counted = format!("{name}.service: Scheduled restart job, restart counter is at {turn}.");
            scene.system(root, second + 7, "systemd[1]", &counted);
        }
        second += 9 + 5 * turn;
    }
    ended(&mut scene, root, 0);
    spread(&mut scene, root, Symptom::Refused);
    close(scene, root, Category::Deployment, vec![roll_back(&name, "code")])
}

fn configured(hospital: &Hospital, unit: usize) -> bool {
    serves(hospital, unit) && hospital.units[unit].config
}

/// One that serves and has its settings in files.
fn with_files(scene: &mut Scene) -> usize {
    if (0..scene.hospital.units.len()).any(|unit| configured(&scene.hospital, unit)) {
        needed(scene, configured)
    } else {
        scene.any(|hospital, unit| hospital.units[unit].role == Role::Web)
    }
}

/// A new way of writing encounters went from a few to everybody: FF4J, django-waffle, GrowthBook, Flipt, `ConfigCat`, Rollout, as
/// in many a story of a flag at five per cent that was well. The code has been there for days.
pub fn flag(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = with_files(&mut scene);
    let who = perhaps(&mut scene, root, &[Program::Rust], 2000);
    let (name, since, check) = (scene.name(root), scene.from(-75, -4), scene.asks(root));
    let (turned, told) = match (who, scene.stack(root)) {
        (Some(_), _) => (
            format!("flags: fhir_r5 5 % -> 100 % (/etc/{name}/flags.toml)"),
            "thread 'tokio-runtime-worker' panicked at src/fhir/r5.rs:41:17: not yet implemented: Encounter.admission",
        ),
        (_, Stack::Java) => (
            format!("[FF4j] feature fhir-r5: strategy PonderationStrategy weight 0.05 -> 1 (/etc/{name}/ff4j.xml)"),
            "java.lang.UnsupportedOperationException: Encounter.admission of R5 is not mapped at o.h.fhir.r5.EncounterMapper.map(EncounterMapper.java:41)",
        ),
        (_, Stack::Python) => (
            format!("waffle: flag fhir_r5 changed, percent: 5 -> 100 (fixture /etc/{name}/waffle.json)"),
            "KeyError: 'subjectStatus' in fhir/r5/encounter.py line 41",
        ),
        (_, Stack::Node) => (
            format!("[GrowthBook] features of /etc/{name}/features.json refreshed, fhir-r5 coverage 0.05 -> 1"),
            "TypeError: Cannot destructure property 'admission' of 'encounter' as it is undefined. at toR5 (fhir/r5.js:41:9)",
        ),
        (_, Stack::Go) => (
            format!("flipt: flag evaluated from /etc/{name}/features.yml changed key=fhir-r5 threshold=5 -> 100"),
            "panic serving 10.0.4.9:51234: runtime error: invalid memory address or nil pointer dereference goroutine 812: fhir/r5.(*Encounter).Admission",
        ),
        (_, Stack::Dotnet) => (
            format!(
                "ConfigCat.Client.ConfigCatClient[5200] config.json of /etc/{name} changed: fhirR5 percentage 5 -> 100"
            ),
            "System.InvalidOperationException: Sequence contains no elements at Hospital.Fhir.R5.EncounterWriter.Admission()",
        ),
        (_, Stack::Ruby) => (
            format!("rollout: fhir_r5 percentage 5 -> 100 (/etc/{name}/rollout.yml)"),
            "NoMethodError (undefined method `admission' for nil): app/fhir/r5/encounter.rb:41",
        ),
        _ => (format!("settings of /etc/{name} taken over: fhir_r5 5 % -> 100 %"), "fhir_r5: admission is nil"),
    };
    say(&mut scene, root, who, since, Level::Info, &turned);
    if scene.dice.happens(3500) {
        let before = scene.from(20_000, 80_000);
        if scene.hospital.units[root].code {
            scene.deploy(root, "v45", before);
        }
    }
    // A few have failed all along.
    if scene.dice.happens(4000) {
        for second in [-2800, -1900, -1100] {
            say(&mut scene, root, who, second, Level::Error, told);
        }
    }
    let first = since + scene.from(1, 4);
    scream(&mut scene, root, who, first.max(-6), told);
    let detail = *scene.dice.pick(&["HTTP 500 in 7 ms", "HTTP 500 in 7 ms: \"encounter cannot be written\""]);
    scene.fail(root, check, 1, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::Failed);
    close(scene, root, Category::Configuration, vec![roll_back(&name, "config")])
}

/// The file is in order and was meant for another system: a database that only reads, a cache that protects itself, a proxy with
/// eight connections (medic/cht-core#2885), a body of one KiB, or the partner's test system, which knows no patient (HAPI's words).
pub fn limits(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    match scene.dice.below(10) {
        0..=2 => only_reads(scene),
        3 => protects(scene),
        4 => connections(scene),
        5..=7 => serving(scene, false),
        _ => serving(scene, true),
    }
}

fn only_reads(mut scene: Scene) -> Incident {
    let root = with(&mut scene, Role::Database);
    let since = scene.from(-30, -4);
    scene.say(root, since, Level::Info, "received SIGHUP, reloading configuration files");
    if scene.dice.happens(7000) {
        let told = "parameter \"default_transaction_read_only\" changed to \"on\"";
        scene.say(root, since, Level::Info, told);
    }
    for second in since + 1..45 {
        scene.say(root, second, Level::Error, "cannot execute INSERT in a read-only transaction");
        let told = "INSERT INTO vitals (patient, pulse, at) VALUES ('Meier, Anna', 71, now())";
        postgres(&mut scene, root, second, "STATEMENT", told);
    }
    suffer(&mut scene, root, Symptom::Failed, |stack, name, port| match stack {
        Stack::Java => format!(
            "org.postgresql.util.PSQLException: ERROR: cannot execute INSERT in a read-only transaction ({name}:{port})"
        ),
        Stack::Python => {
            "psycopg.errors.ReadOnlySqlTransaction: cannot execute INSERT in a read-only transaction".to_owned()
        }
        Stack::Node => format!("error: cannot execute INSERT in a read-only transaction (25006, {name}:{port})"),
        Stack::Go => "ERROR: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)".to_owned(),
        Stack::Dotnet => {
            "Npgsql.PostgresException (0x80004005): 25006: cannot execute INSERT in a read-only transaction".to_owned()
        }
        _ => format!("PG::ReadOnlySqlTransaction: ERROR:  cannot execute INSERT in a read-only transaction ({name})"),
    });
    let name = scene.name(root);
    close(scene, root, Category::Configuration, vec![roll_back(&name, "config")])
}

fn protects(mut scene: Scene) -> Incident {
    let root = with(&mut scene, Role::Cache);
    let since = scene.from(-25, -3);
    scene.say(root, since, Level::Warn, "Configuration loaded");
    scene.say(root, since, Level::Info, "Running mode=standalone, port=6379.");
    scene.say(root, since + 1, Level::Info, "Done loading RDB, keys loaded: 48113, keys expired: 0.");
    scene.say(root, since + 1, Level::Info, "Ready to accept connections tcp");
    suffer(&mut scene, root, Symptom::Failed, |_, name, port| {
        format!(
            "{name}:{port}: DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface."
        )
    });
    let name = scene.name(root);
    close(scene, root, Category::Configuration, vec![roll_back(&name, "config")])
}

fn connections(mut scene: Scene) -> Incident {
    let has_any = scene.hospital.units.iter().any(|unit| unit.stack == Stack::Nginx);
    if !has_any {
        return serving(scene, true);
    }
    let root = scene.any(|hospital, unit| hospital.units[unit].stack == Stack::Nginx);
    let (name, since) = (scene.name(root), scene.from(-20, -3));
    let line = |second: i64, level: &str, told: &str| format!("{} [{level}] {told}", at(second).format("%Y/%m/%d %T"));
    let told = line(since, "notice", "1#1: signal 1 (SIGHUP) received from 4711, reconfiguring");
    scene.raw(root, since, &told);
    for second in 0..35 {
        let told = "31#31: *4711 8 worker_connections are not enough while connecting to upstream, client: 10.0.4.9, server: _, request: \"GET /api/v2/beds HTTP/1.1\"";
        let told = line(second, "alert", told);
        scene.raw(root, second, &told);
    }
    scene.fail(root, "http", 2, Reading::Bad, "HTTP 500 in 0 ms");
    close(scene, root, Category::Configuration, vec![roll_back(&name, "config")])
}

fn serving(mut scene: Scene, is_test_system: bool) -> Incident {
    let root = with_files(&mut scene);
    let (name, since, check) = (scene.name(root), scene.from(-40, -4), scene.asks(root));
    if scene.dice.happens(6500) {
        let told = format!("settings were read again from /etc/{name}, valid, 41 keys");
        scene.say(root, since, Level::Info, &told);
    }
    let patient = scene.from(1000, 9999);
    if is_test_system {
        let told = format!(
            "profile staging is active, records are asked for at https://fhir.staging.example/r4 (/etc/{name})"
        );
        scene.say(root, since + 1, Level::Info, &told);
        for second in 0..40 {
            let told = format!(
                "HTTP 404 from https://fhir.staging.example/r4/Patient/{}: HAPI-2001: Resource Patient/{} is not known",
                patient + second,
                patient + second
            );
            scene.say(root, second, Level::Error, &told);
        }
        scene.fail(root, check, 3, Reading::Bad, "HTTP 500 in 31 ms: \"no patient is known\"");
        spread(&mut scene, root, Symptom::Failed);
    } else {
        let told = match scene.stack(root) {
            Stack::Java => {
                "io.undertow.server.RequestTooBigException: UT000020: Connection terminated as request was larger than 1024"
            }
            Stack::Python => {
                "django.core.exceptions.RequestDataTooBig: Request body exceeded settings.DATA_UPLOAD_MAX_MEMORY_SIZE."
            }
            Stack::Node => {
                "PayloadTooLargeError: request entity too large (expected: 4811, limit: 1024, entity.too.large)"
            }
            Stack::Go => "decode body: http: request body too large (limit 1024)",
            Stack::Dotnet => {
                "Microsoft.AspNetCore.Server.Kestrel.Core.BadHttpRequestException: Request body too large. The max request body size is 1024 bytes."
            }
            Stack::Ruby => "Rack::QueryParser::QueryLimitError: total query size exceeds limit (1024)",
            _ => "client intended to send too large body: 4811 bytes",
        };
        scene.scream(root, 0, told);
        if scene.dice.happens(5000) {
            scene.fail(root, check, 2, Reading::Bad, "HTTP 413 in 1 ms: \"Content Too Large\"");
        }
        suffer(&mut scene, root, Symptom::Failed, |stack, name, port| match stack {
            Stack::Java => format!(
                "jakarta.ws.rs.ClientErrorException: HTTP 413 Request Entity Too Large (POST http://{name}:{port}/api/v2/beds)"
            ),
            Stack::Dotnet => format!(
                "Flurl.Http.FlurlHttpException: Call failed with status code 413 (Request Entity Too Large): POST http://{name}:{port}/api/v2/beds"
            ),
            _ => format!("POST http://{name}:{port}/api/v2/beds answered 413 Content Too Large"),
        });
    }
    close(scene, root, Category::Configuration, vec![roll_back(&name, "config")])
}
