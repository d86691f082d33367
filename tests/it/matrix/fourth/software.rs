//! What people did to a program, and what one message does to it.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    hospital::{Hospital, Role, Stack},
    scene::{Incident, Scene, roll_back},
    voice::{Level, Symptom},
};

use super::{
    close, ended, needed, serves, spread,
    voices::{Program, chatter, perhaps, postgres, say, scream},
};

/// The migration of a new version was undone by a timeout, and the version went live all the same: Prisma's P3018 and P2022
/// (umami-software/umami#1406, coollabsio/coolify#782, formbricks/formbricks#4477), Flyway with Hibernate, Django, goose with pgx,
/// EF Core, Active Record. The database is louder about it than whoever asks.
pub fn migration(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let before = scene.from(20, 260);
    scene.deploy(root, "v41", before);
    let (halted, started, told) = match scene.stack(root) {
        Stack::Java => (
            "Migration of schema \"public\" to version \"41 - dose unit\" failed! Changes successfully rolled back.",
            "Started WardsApplication in 6.812 seconds (process running for 7.401)",
            "org.springframework.orm.jpa.JpaSystemException: JDBC exception executing SQL [select d1_0.id,d1_0.dose_unit from doses d1_0 where d1_0.ward=?] [ERROR: column d1_0.dose_unit does not exist Position: 16]",
        ),
        Stack::Python => (
            "django.db.utils.OperationalError: canceling statement due to statement timeout (applying charts.0041_dose_unit)",
            "You have 1 unapplied migration(s). Your project may not work properly until you apply the migrations for app(s): charts.",
            "django.db.utils.ProgrammingError: column charts_dose.dose_unit does not exist LINE 1: SELECT \"charts_dose\".\"id\", \"charts_dose\".\"dose_unit\"",
        ),
        Stack::Node => (
            "Error: P3018 A migration failed to apply. New migrations cannot be applied before the error is recovered from. Migration name: 20260302091200_dose_unit Database error code: 57014",
            "Nest application successfully started",
            "PrismaClientKnownRequestError: Invalid `prisma.dose.findMany()` invocation: The column `Dose.doseUnit` does not exist in the current database. code: 'P2022'",
        ),
        Stack::Go => (
            "goose run: ERROR 00041_dose_unit.sql: failed to run SQL migration: failed to execute SQL query \"ALTER TABLE doses ADD COLUMN dose_unit text\": ERROR: canceling statement due to statement timeout (SQLSTATE 57014)",
            "listening on :8080, build v41",
            "list doses: ERROR: column \"dose_unit\" does not exist (SQLSTATE 42703)",
        ),
        Stack::Dotnet => (
            "Microsoft.EntityFrameworkCore.Database.Command[20102] Failed executing DbCommand (30,012ms) ALTER TABLE \"Doses\" ADD \"DoseUnit\" text; 57014: canceling statement due to user request",
            "Now listening on: http://[::]:8080",
            "Npgsql.PostgresException (0x80004005): 42703: column d.DoseUnit does not exist POSITION: 20",
        ),
        _ => (
            "ActiveRecord::QueryCanceled: PG::QueryCanceled: ERROR:  canceling statement due to statement timeout (20260302091200 AddDoseUnit: reverting)",
            "* Listening on http://0.0.0.0:3000",
            "ActiveRecord::StatementInvalid (PG::UndefinedColumn: ERROR:  column doses.dose_unit does not exist LINE 1: SELECT \"doses\".\"id\", \"doses\".\"dose_unit\"):",
        ),
    };
    if scene.dice.happens(6500) {
        scene.say(root, 2 - before, Level::Error, halted);
    }
    scene.say(root, 6 - before, Level::Info, started);
    scene.scream(root, 0, told);
    scene.fail(root, "http", 1, Reading::Bad, "HTTP 500 in 14 ms");
    let stores = scene.hospital.units[root].needs.clone();
    for below in stores {
        if scene.stack(below) == Stack::Postgres && scene.dice.happens(6000) {
            for second in 0..50 {
                let place = scene.from(8, 60);
                let told = format!("column d.dose_unit does not exist at character {place}");
                scene.say(below, second, Level::Error, &told);
                postgres(
                    &mut scene,
                    below,
                    second,
                    "STATEMENT",
                    "SELECT d.id, d.dose_unit FROM doses d WHERE ward = $1",
                );
            }
        }
    }
    spread(&mut scene, root, Symptom::Failed);
    let name = scene.name(root);
    close(scene, root, Category::Deployment, vec![roll_back(&name, "code")])
}

fn worker(hospital: &Hospital, unit: usize) -> bool {
    if hospital.units.iter().any(|unit| unit.role == Role::Worker) {
        hospital.units[unit].role == Role::Worker
    } else {
        serves(hospital, unit)
    }
}

/// A message that ends whoever takes it, and comes again (taskiq-python/taskiq-aio-pika#35): Kafka's deserialiser, a panic of Go,
/// an uncaught exception of Node and of .NET, a match error of Elixir; systemd and the kubelet count. The queue behind it fills.
pub fn poisoned(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = scene.any(worker);
    let who = perhaps(&mut scene, root, &[Program::Elixir], 2500);
    let (name, stack) = (scene.name(root), scene.stack(root));
    let number = scene.from(100_000, 999_999);
    let (began, took, fell) = match (who, stack) {
        (Some(_), _) => (
            format!("Running {}.Endpoint with Bandit 1.5.7 at 0.0.0.0:4000 (http)", name.replace('-', "_")),
            format!("delivery {number} redelivered=true orders.admission"),
            vec![
                "GenServer Orders.Consumer terminating ** (MatchError) no match of right hand side value: {:error, :invalid_date}".to_owned(),
                "Kernel pid terminated (application_controller) (\"{application_terminated,orders,shutdown}\")".to_owned(),
            ],
        ),
        (_, Stack::Java) => (
            "Started OrdersConsumer in 5.211 seconds (process running for 5.914)".to_owned(),
            format!("partitions assigned: [orders-3], resuming at offset {number}"),
            vec![
                format!("org.apache.kafka.common.errors.RecordDeserializationException: Error deserializing key/value for partition orders-3 at offset {number}. If needed, please seek past the record to continue consumption."),
                "Consumer stopped, shutting down the application with exit code 1".to_owned(),
            ],
        ),
        (_, Stack::Python) => (
            "celery@ward-host ready.".to_owned(),
            format!("Task orders.admit[{number}] received"),
            vec![
                "Unrecoverable error: UnicodeDecodeError('utf-8', b'\\xe9', 41, 42, 'invalid continuation byte')".to_owned(),
                "billiard.exceptions.WorkerLostError: Worker exited prematurely: exitcode 1 Job: 0.".to_owned(),
            ],
        ),
        (_, Stack::Node) => (
            "consumer of orders.admission is up".to_owned(),
            format!("job {number} (attempt 1) taken, it was stalled before"),
            vec!["uncaughtException: SyntaxError: Unexpected token '<', \"<?xml vers\"... is not valid JSON".to_owned()],
        ),
        (_, Stack::Go) => (
            "consumer started subject=orders.admission".to_owned(),
            format!("message seq={number} delivered again"),
            vec!["panic: runtime error: index out of range [3] with length 3 [recovered] goroutine 41 [running]: main.parsePID1".to_owned()],
        ),
        (_, Stack::Dotnet) => (
            "Bus started: rabbitmq://orders/".to_owned(),
            format!("R-RETRY rabbitmq://orders/admission {number}"),
            vec!["Unhandled exception. System.FormatException: String '2026-02-30' was not recognized as a valid DateTime.".to_owned()],
        ),
        _ => (
            "Booted Rails 7.1.3 application in production environment, starting processing, hit Ctrl-C to stop".to_owned(),
            format!("jid={number} start, super_fetch recovered it from a process that is gone"),
            vec!["[BUG] Segmentation fault at 0x0000000000000018 ruby 3.2.2 [x86_64-linux], nokogiri.so".to_owned()],
        ),
    };
    let from = scene.from(-170, -60);
    scene.hush(root, from);
    let is_pod = scene.dice.happens(5000);
    let mut second = from;
    for turn in 1..9 {
        say(&mut scene, root, who, second, Level::Info, &began);
        say(&mut scene, root, who, second + 1, Level::Info, &took);
        for line in &fell {
            say(&mut scene, root, who, second + 2, Level::Error, line);
        }
        if is_pod {
            let told = format!(
                "\"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"{name}\\\" with CrashLoopBackOff: \\\"back-off {}s restarting failed container={name} pod={name}-7c9d8f_wards\\\"\"",
                5 * turn
            );
            scene.system(root, second + 3, "kubelet[901]", &told);
        } else {
            let ended = format!("{name}.service: Main process exited, code=exited, status=1/FAILURE");
            scene.system(root, second + 2, "systemd[1]", &ended);
            let counted = format!("{name}.service: Scheduled restart job, restart counter is at {turn}.");
            scene.system(root, second + 5, "systemd[1]", &counted);
        }
        second += 8 + 4 * turn;
    }
    ended(&mut scene, root, 0);
    let below = scene.hospital.units[root].needs.clone();
    for queue in below.into_iter().filter(|unit| scene.hospital.units[*unit].role == Role::Queue).collect::<Vec<_>>() {
        for second in (from..40).step_by(9) {
            let told =
                format!("queue 'orders.admission' in vhost '/': consumer of {name} is gone, 1 delivery requeued");
            scene.say(queue, second, Level::Warn, &told);
        }
        if scene.dice.happens(6000) {
            scene.fail(queue, "depth", 12, Reading::Slow, "12044 is above 10000");
        }
    }
    spread(&mut scene, root, Symptom::Refused);
    close(scene, root, Category::Process, Vec::new())
}

fn configured(hospital: &Hospital, unit: usize) -> bool {
    serves(hospital, unit) && hospital.units[unit].config
}

/// A flag in a file was turned on, and the path behind it does not work: Togglz, Unleash, LaunchDarkly, flagd, Flipper and .NET's
/// feature management. The code is days old.
pub fn flag(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let has_any = (0..scene.hospital.units.len()).any(|unit| configured(&scene.hospital, unit));
    let root = if has_any {
        needed(&mut scene, configured)
    } else {
        scene.any(|hospital, unit| hospital.units[unit].role == Role::Web)
    };
    let (name, since, check) = (scene.name(root), scene.from(-45, -3), scene.asks(root));
    if scene.dice.happens(3500) {
        let before = scene.from(9000, 80_000);
        scene.deploy(root, "v41", before);
    }
    let (turned, told) = match scene.stack(root) {
        Stack::Java => (
            format!("Feature DOSE_ROUNDING_V2 is now enabled (state repository: /etc/{name}/features.properties)"),
            "java.lang.ArithmeticException: Rounding necessary at o.h.dose.RoundingV2.round(RoundingV2.java:41)",
        ),
        Stack::Python => (
            format!("unleash: toggle dose-rounding-v2 enabled: False -> True (bootstrap /etc/{name}/flags.json)"),
            "decimal.InvalidOperation: [<class 'decimal.DivisionUndefined'>] in rounding_v2.py line 41",
        ),
        Stack::Node => (
            format!("[LaunchDarkly] Received flag update: dose-rounding-v2 (file data source /etc/{name}/flags.json)"),
            "RangeError: toFixed() digits argument must be between 0 and 100 at roundV2 (dose/rounding-v2.js:41:17)",
        ),
        Stack::Go => (
            format!(
                "configuration change (flags: [dose-rounding-v2]) source=file:/etc/{name}/flags.flagd.json defaultVariant=on"
            ),
            "http: panic serving 10.0.4.9:51234: division by zero goroutine 812 [running]: dose.RoundV2",
        ),
        Stack::Dotnet => (
            format!("FeatureManagement:DoseRoundingV2 changed to True, /etc/{name}/appsettings.json was reloaded"),
            "System.DivideByZeroException: Attempted to divide by zero. at Hospital.Dose.RoundingV2.Round(Decimal amount)",
        ),
        Stack::Ruby => (
            format!("Flipper feature=dose_rounding_v2 operation=enable gate=boolean (/etc/{name}/flipper.yml)"),
            "FloatDomainError (Infinity): app/models/dose/rounding_v2.rb:41:in `round'",
        ),
        _ => (format!("settings of /etc/{name} taken over: rounding_v2 off -> on"), "rounding_v2: division by zero"),
    };
    scene.say(root, since, Level::Info, &turned);
    if scene.dice.happens(5000) {
        let told = "audit: flag dose-rounding-v2 set to on for everybody by erin, was: off, canary 0 %";
        scene.say(root, since, Level::Info, told);
    }
    scream(&mut scene, root, None::<Program>, 0, told);
    let detail = *scene.dice.pick(&["HTTP 500 in 8 ms", "HTTP 500 in 8 ms: \"dose cannot be rounded\""]);
    scene.fail(root, check, 1, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::Failed);
    close(scene, root, Category::Configuration, vec![roll_back(&name, "config")])
}
