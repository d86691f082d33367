//! A PostgreSQL server, asked with the application's own login: what works for an administrator may fail for the application.
//! Everything is read in one read-only transaction.

use std::{
    cmp::Reverse,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres::{
    Client, Config, Error, NoTls, SimpleQueryMessage, Socket, config::SslMode, error::SqlState, tls::MakeTlsConnect,
    types::Type,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    certificate,
    client::file,
    outcome::{Finding, line, took},
};
use crate::platform::{PostgresProbe, Reading};

/// Since then a lock says since when it is waited for.
const TELLS_WAIT: i32 = 140_000;

pub(super) async fn probe(probe: &PostgresProbe, deadline: Instant) -> Finding {
    let found = visit(probe, async |client| Ok(examine(client, probe, deadline).await)).await;
    found.unwrap_or_else(|finding| finding)
}

/// Logs in and works with the server; or says why that was not possible.
pub(super) async fn visit<R>(
    probe: &PostgresProbe,
    work: impl AsyncFnOnce(&Client) -> Result<R, Finding>,
) -> Result<R, Finding> {
    let mut config = Config::new();
    config.host(&probe.host).port(probe.port).user(&probe.user).dbname(&probe.database).application_name("codeblue");
    if let Some(path) = &probe.password_file {
        config.password(password(path, probe).await.map_err(Finding::bad)?);
    }
    let Some(authority) = &probe.authority else { return session(&config, NoTls, probe, work).await };
    let tls = encryption(authority)
        .await
        .map_err(|error| Finding::bad(format!("cannot use the certificates in {}: {error}", authority.display())))?;
    session(config.ssl_mode(SslMode::Require), tls, probe, work).await
}

/// Encrypts, and believes only what a file of certificates says.
async fn encryption(authority: &Path) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(file(authority).await?.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it holds none".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn session<T: MakeTlsConnect<Socket>, R>(
    config: &Config,
    tls: T,
    probe: &PostgresProbe,
    work: impl AsyncFnOnce(&Client) -> Result<R, Finding>,
) -> Result<R, Finding> {
    let (client, connection) = config.connect(tls).await.map_err(|error| Finding::bad(refused(&error, probe)))?;
    tokio::pin!(connection);
    tokio::select! {
        found = work(&client) => found,
        ended = &mut connection => Err(Finding::bad(match ended {
            Ok(()) => "the server closed the connection".to_owned(),
            Err(error) => told(&error),
        })),
    }
}

/// Begins to read. A statement is cancelled before the deadline, so that the server can still say so.
pub(super) async fn begin(client: &Client, deadline: Instant) -> Result<(), Error> {
    let most = (deadline.saturating_duration_since(Instant::now()) * 4 / 5).as_millis().max(1);
    client.batch_execute(&format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {most}")).await
}

async fn examine(client: &Client, probe: &PostgresProbe, deadline: Instant) -> Finding {
    if let Err(error) = begin(client, deadline).await {
        return Finding::bad(told(&error));
    }
    let mut findings = Vec::new();
    let or_bad = |found: Result<Finding, Error>| found.unwrap_or_else(|error| Finding::bad(told(&error)));
    if let Some(above) = probe.connections {
        findings.push(or_bad(connections(client, above).await));
    }
    if let Some(most) = probe.lag {
        findings.push(or_bad(lag(client, most).await));
    }
    if let Some(most) = probe.locks {
        findings.push(or_bad(locks(client, most).await));
    }
    if let Some(query) = &probe.query {
        findings.push(or_bad(ask(client, query).await));
    }
    together(findings)
}

/// The worst decides and is told first; what is good is told when nothing else is.
fn together(mut findings: Vec<Finding>) -> Finding {
    // What was asked first, so that the figure is about the same thing at every run.
    let figure = findings.iter().find_map(|finding| finding.figure);
    findings.sort_by_key(|finding| Reverse(finding.reading));
    let Some(reading) = findings.first().map(|finding| finding.reading) else {
        return Finding::good("the application's login works");
    };
    let troubled = reading != Reading::Good;
    let told = findings.iter().filter(|finding| !troubled || finding.reading != Reading::Good);
    let detail = told.map(|finding| finding.detail.as_str()).collect::<Vec<_>>().join("; ");
    Finding { reading, detail, figure }
}

/// What it is when it is within its bound, and beyond it.
fn bounded(high: bool, detail: String) -> Finding {
    Finding { reading: if high { Reading::Slow } else { Reading::Good }, detail, figure: None }
}

async fn connections(client: &Client, above: u8) -> Result<Finding, Error> {
    // What belongs to other logins hides what it is, except that it sits on a database.
    let sql = "SELECT count(*)::int4, current_setting('max_connections')::int4 FROM pg_stat_activity \
        WHERE datid IS NOT NULL AND (backend_type IS NULL OR backend_type = 'client backend')";
    let row = client.query_one(sql, &[]).await?;
    let (used, most): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
    let percent = f64::from(used) / f64::from(most.max(1)) * 100.0;
    let high = percent > f64::from(above);
    let limit = if high { format!(", more than {above} %") } else { String::new() };
    let detail = format!("{used} of {most} connections used{limit}");
    Ok(Finding { figure: Some(percent), ..bounded(high, detail) })
}

async fn lag(client: &Client, most: Duration) -> Result<Finding, Error> {
    if client.query_one("SELECT pg_is_in_recovery()", &[]).await?.try_get(0)? {
        return behind(client, most).await;
    }
    let sql = "SELECT count(*)::int4, count(state)::int4, max(extract(epoch FROM replay_lag))::float8 \
        FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup'";
    let row = client.query_one(sql, &[]).await?;
    let (replicas, seen, lag): (i32, i32, Option<f64>) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if replicas == 0 {
        return Ok(bounded(true, "no replica is connected to this primary".to_owned()));
    }
    if seen < replicas {
        return Ok(Finding::bad("this login cannot see how far replicas are; GRANT pg_monitor lets it"));
    }
    // A replica that has nothing to do tells no lag.
    Ok(late("the slowest replica", lag.unwrap_or_default(), most))
}

async fn behind(client: &Client, most: Duration) -> Result<Finding, Error> {
    let sql = "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver), \
        pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn(), \
        extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8";
    let row = client.query_one(sql, &[]).await?;
    let (receives, all, since): (bool, bool, Option<f64>) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    // Without work on the primary the last transaction is old and the replica is still not late; but only one that is
    // connected knows that there is none.
    if receives && all {
        return Ok(late("this replica", 0.0, most));
    }
    let Some(since) = since else { return Ok(bounded(true, "this replica has replayed nothing yet".to_owned())) };
    let finding = late("this replica", since, most);
    let cut = if receives { "" } else { ", and receives nothing from its primary" };
    Ok(Finding { detail: format!("{}{cut}", finding.detail), ..finding })
}

fn late(who: &str, seconds: f64, most: Duration) -> Finding {
    let lag = seconds_of(seconds);
    let high = lag > most;
    let limit = if high { format!(", more than {}", took(most)) } else { String::new() };
    Finding { figure: Some(lag.as_secs_f64()), ..bounded(high, format!("{who} is {} behind{limit}", took(lag))) }
}

async fn locks(client: &Client, most: Duration) -> Result<Finding, Error> {
    let version =
        client.query_one("SELECT current_setting('server_version_num')::int4", &[]).await?.try_get::<_, i32>(0)?;
    let since = if version >= TELLS_WAIT {
        "w.waitstart"
    } else {
        "(SELECT query_start FROM pg_stat_activity a WHERE a.pid = w.pid)"
    };
    // Who waits in the same queue blocks too; whoever holds the lock comes first.
    let sql = format!(
        "SELECT w.pid, extract(epoch FROM clock_timestamp() - {since})::float8 AS waited, b.pid, \
         extract(epoch FROM clock_timestamp() - h.xact_start)::float8 \
         FROM pg_locks w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b(pid) \
         LEFT JOIN pg_stat_activity h ON h.pid = b.pid WHERE NOT w.granted \
         ORDER BY waited DESC NULLS LAST, EXISTS (SELECT FROM pg_locks q WHERE q.pid = b.pid AND NOT q.granted) LIMIT 1"
    );
    let Some(row) = client.query_opt(sql.as_str(), &[]).await? else {
        return Ok(Finding::good("nobody waits for a lock"));
    };
    let (waiter, waited, holder): (i32, Option<f64>, i32) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let waited = seconds_of(waited.unwrap_or_default());
    if waited <= most {
        return Ok(Finding::good(format!("nobody waits for a lock longer than {}", took(most))));
    }
    let age = row.try_get::<_, Option<f64>>(3)?.map(seconds_of);
    let age = age.map(|age| format!(" in a transaction of {}", took(age))).unwrap_or_default();
    let waited = took(waited);
    Ok(bounded(true, format!("process {waiter} waits for a lock since {waited}; process {holder} holds it{age}")))
}

/// Never quotes what the query returned, unless it is a number: it may be somebody's name.
async fn ask(client: &Client, query: &str) -> Result<Finding, Error> {
    // Only one statement can be prepared, so that none can end the transaction and go on without it.
    let statement = client.prepare(query).await?;
    let Some(kind) = statement.columns().first().map(|column| column.type_().clone()) else {
        return Ok(Finding::bad("the query is no SELECT statement"));
    };
    let rows = client.simple_query_raw(query).await?;
    tokio::pin!(rows);
    let row = loop {
        match rows.try_next().await? {
            Some(SimpleQueryMessage::Row(row)) => break row,
            Some(_) => {}
            None => return Ok(Finding::bad("the query returned no row")),
        }
    };
    let Some(text) = row.try_get(0)? else { return Ok(Finding::bad("the query returned null")) };
    let numbers = [Type::INT2, Type::INT4, Type::INT8, Type::FLOAT4, Type::FLOAT8, Type::NUMERIC];
    let (figure, told) = if numbers.contains(&kind) {
        (text.parse::<f64>().ok(), text)
    } else if kind == Type::BOOL {
        (Some(f64::from(u8::from(text == "t"))), if text == "t" { "true" } else { "false" })
    } else {
        (None, "a row")
    };
    let told = format!("the query returned {told}");
    let finding = if figure == Some(0.0) { Finding::bad(told) } else { Finding::good(told) };
    Ok(Finding { figure, ..finding })
}

fn seconds_of(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

fn refused(error: &Error, probe: &PostgresProbe) -> String {
    let Some(code) = error.code() else {
        let distrust = certificate::refusal(error, probe.authority.as_deref());
        return distrust.unwrap_or_else(|| format!("cannot connect: {}", cause(error)));
    };
    if [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(code) {
        return format!("the application's login is refused: {}", told(error));
    }
    if *code == SqlState::TOO_MANY_CONNECTIONS {
        return format!("no connection is left for {}: {}", probe.user, told(error));
    }
    told(error)
}

pub(super) fn told(error: &Error) -> String {
    match error.as_db_error() {
        Some(error) if *error.code() == SqlState::QUERY_CANCELED => {
            "no answer in time: the statement was cancelled".to_owned()
        }
        Some(error) => line(error.message(), 160),
        None => cause(error),
    }
}

fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The password that a file in the form of `.pgpass` holds for this login.
async fn password(path: &Path, probe: &PostgresProbe) -> Result<String, String> {
    let text = file(path).await?;
    let found = text.lines().filter(|line| !line.starts_with('#')).find_map(|line| fitting(line, probe));
    found.ok_or_else(|| {
        let PostgresProbe { host, port, database, user, .. } = probe;
        format!("no line of {} is for {host}:{port}:{database}:{user}, in the form of .pgpass", path.display())
    })
}

fn fitting(line: &str, probe: &PostgresProbe) -> Option<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        // All behind the fourth colon is the password.
        if c == ':' && fields.len() < 5 {
            fields.push(String::new());
            continue;
        }
        let c = if c == '\\' { chars.next()? } else { c };
        fields.last_mut()?.push(c);
    }
    let [host, port, database, user, password]: [String; 5] = fields.try_into().ok()?;
    let local = host == "localhost" && probe.host.starts_with('/');
    let same = |field: &str, value: &str| field == "*" || field == value;
    let fits = (local || same(&host, &probe.host))
        && same(&port, &probe.port.to_string())
        && same(&database, &probe.database)
        && same(&user, &probe.user);
    fits.then_some(password)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        io::Write,
        os::unix::fs::{MetadataExt, PermissionsExt, chown},
        path::PathBuf,
    };

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Check, Probe},
        recovery::tests::postgres::Server,
    };

    fn login(server: &Server) -> PostgresProbe {
        PostgresProbe {
            host: server.socket().to_str().unwrap().to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            database: "postgres".to_owned(),
            password_file: None,
            authority: None,
            query: None,
            lag: None,
            connections: None,
            locks: None,
        }
    }

    async fn run(probe: &PostgresProbe) -> Outcome {
        run_within(probe, Duration::from_secs(5)).await
    }

    async fn run_within(probe: &PostgresProbe, within: Duration) -> Outcome {
        Prober::new().probe(&Check { within, ..check(Probe::Postgres(probe.clone())) }).await
    }

    /// Asks until it is so.
    async fn until(mut so: impl AsyncFnMut() -> bool) {
        let start = Instant::now();
        while !so().await {
            assert!(start.elapsed() < Duration::from_secs(30), "it never came to that");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A session of somebody else.
    async fn session(probe: &PostgresProbe) -> Client {
        let mut config = Config::new();
        config.host(&probe.host).port(probe.port).user(&probe.user).dbname(&probe.database);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    #[tokio::test]
    async fn the_first_value_decides_and_nothing_can_be_written() {
        let server = Server::start("");
        server.ask("CREATE TABLE dose (patient text, amount numeric); INSERT INTO dose VALUES ('alice', 2.5)");
        let login = login(&server);
        for (query, result, told, figure) in [
            ("SELECT count(*) FROM dose", Reading::Good, "the query returned 1", Some(1.0)),
            ("SELECT amount FROM dose", Reading::Good, "the query returned 2.5", Some(2.5)),
            ("SELECT patient FROM dose", Reading::Good, "the query returned a row", None),
            ("SELECT amount < 0 FROM dose", Reading::Bad, "the query returned false", Some(0.0)),
            ("SELECT max(amount) FROM dose WHERE amount < 0", Reading::Bad, "the query returned null", None),
            ("SELECT 1 FROM dose WHERE amount < 0", Reading::Bad, "the query returned no row", None),
            ("SELECT unit FROM dose", Reading::Bad, "column \"unit\" does not exist", None),
            ("DELETE FROM dose RETURNING 1", Reading::Bad, "cannot execute DELETE in a read-only transaction", None),
            (
                "COMMIT; DELETE FROM dose",
                Reading::Bad,
                "cannot insert multiple commands into a prepared statement",
                None,
            ),
            ("COMMIT", Reading::Bad, "the query is no SELECT statement", None),
        ] {
            let outcome = run(&PostgresProbe { query: Some(query.to_owned()), ..login.clone() }).await;
            assert_eq!((outcome.result, outcome.detail.as_str(), outcome.figure), (result, told, figure), "{query}");
        }
        assert_eq!(server.ask("SELECT count(*) FROM dose"), "1");
        let endless = PostgresProbe { query: Some("SELECT pg_sleep(600)".to_owned()), ..login.clone() };
        let outcome = run_within(&endless, Duration::from_secs(2)).await;
        assert_eq!(
            (outcome.result, outcome.detail.as_str()),
            (Reading::Bad, "no answer in time: the statement was cancelled")
        );
        let nobody = PostgresProbe { host: "/nowhere".to_owned(), ..login };
        assert!(run(&nobody).await.detail.starts_with("cannot connect: No such file"));
    }

    #[tokio::test]
    async fn a_refused_login_is_told_from_a_server_that_is_down() {
        let server = Server::start("");
        server.ask("CREATE ROLE app LOGIN PASSWORD 'right:one'");
        let rules = "local all app scram-sha-256\nlocal all all trust\n";
        fs::write(server.data().join("pg_hba.conf"), rules).unwrap();
        server.ask("SELECT pg_reload_conf()");
        let folder = tempfile::tempdir().unwrap();
        let pass = |name: &str, line: &str| -> PathBuf {
            let path = folder.path().join(name);
            fs::write(&path, format!("# logins\nelsewhere:5432:*:*:wrong\n{line}\n")).unwrap();
            path
        };
        let right = pass("right", "localhost:*:postgres:app:right\\:one");
        let login = PostgresProbe { user: "app".to_owned(), ..login(&server) };
        let with = |path: PathBuf| PostgresProbe { password_file: Some(path), ..login.clone() };
        let wrong = with(pass("wrong", "*:*:*:app:wrong"));
        until(async || run(&wrong).await.result == Reading::Bad).await;
        let outcome = run(&wrong).await;
        assert_eq!(
            outcome.detail,
            "the application's login is refused: password authentication failed for user \"app\""
        );
        let outcome = run(&with(right)).await;
        assert_eq!((outcome.result, outcome.detail.as_str()), (Reading::Good, "the application's login works"));
        let outcome = run(&with(pass("other", "*:*:*:bob:x"))).await;
        assert!(outcome.detail.starts_with("no line of /"), "{}", outcome.detail);
    }

    #[tokio::test]
    async fn a_connection_is_encrypted_when_an_authority_is_named() {
        let server = Server::start("");
        let data = server.data();
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let owner = fs::metadata(&data).unwrap();
        for (name, pem) in [("server.crt", cert.pem()), ("server.key", signing_key.serialize_pem())] {
            fs::write(data.join(name), pem).unwrap();
            fs::set_permissions(data.join(name), Permissions::from_mode(0o600)).unwrap();
            chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut settings = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        writeln!(settings, "listen_addresses = '127.0.0.1'\nport = {port}\nssl = on").unwrap();
        fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        server.kill();
        server.up();
        let authority = Some(data.join("server.crt"));
        let secure = PostgresProbe { host: "localhost".to_owned(), port, authority, ..login(&server) };
        let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()".to_owned();
        let outcome = run(&PostgresProbe { query: Some(encrypted), ..secure.clone() }).await;
        assert_eq!(outcome.detail, "the query returned true");
        let outcome = run(&PostgresProbe { authority: None, ..secure.clone() }).await;
        assert!(
            outcome.detail.starts_with("the application's login is refused: ")
                && outcome.detail.contains("no encryption"),
            "{}",
            outcome.detail
        );
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), other).unwrap();
        let outcome = run(&PostgresProbe { authority: Some(folder.path().join("ca.pem")), ..secure }).await;
        assert!(outcome.detail.starts_with("its certificate was issued by nobody in /"), "{}", outcome.detail);
    }

    #[tokio::test]
    async fn connections_are_held_against_what_the_server_allows() {
        let server = Server::start("");
        let login = login(&server);
        let _others = [session(&login).await, session(&login).await];
        let outcome = run(&PostgresProbe { connections: Some(90), ..login.clone() }).await;
        assert_eq!((outcome.result, outcome.figure), (Reading::Good, Some(10.0)), "{}", outcome.detail);
        let both = PostgresProbe { connections: Some(90), query: Some("SELECT 7".to_owned()), ..login.clone() };
        assert_eq!(run(&both).await.figure, Some(10.0), "the figure is about what can be used up");
        let outcome = run(&PostgresProbe { connections: Some(5), ..login }).await;
        assert_eq!(
            (outcome.result, outcome.detail.as_str()),
            (Reading::Slow, "3 of 30 connections used, more than 5 %")
        );
    }

    #[tokio::test]
    async fn who_holds_a_lock_is_named_even_when_the_query_waits_for_it() {
        let server = Server::start("");
        server.ask("CREATE TABLE dose (amount int); INSERT INTO dose VALUES (1)");
        let login = login(&server);
        let asking = PostgresProbe {
            query: Some("SELECT amount FROM dose".to_owned()),
            locks: Some(Duration::from_millis(50)),
            ..login.clone()
        };
        let outcome = run(&asking).await;
        assert_eq!(
            (outcome.result, outcome.detail.as_str()),
            (Reading::Good, "nobody waits for a lock; the query returned 1")
        );
        let (holder, waiter) = (session(&login).await, session(&login).await);
        holder.batch_execute("BEGIN; LOCK TABLE dose").await.unwrap();
        let pid: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let waiting = tokio::spawn(async move { waiter.batch_execute("UPDATE dose SET amount = 2").await });
        let slow = PostgresProbe { query: None, ..asking.clone() };
        until(async || run(&slow).await.result == Reading::Slow).await;
        let outcome = run(&slow).await;
        assert!(
            outcome.detail.contains(" waits for a lock since ")
                && outcome.detail.contains(&format!("; process {pid} holds it in a transaction of ")),
            "{}",
            outcome.detail
        );
        let outcome = run_within(&asking, Duration::from_secs(3)).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(
            outcome.detail.starts_with("no answer in time") && outcome.detail.contains(&format!("process {pid} holds")),
            "{}",
            outcome.detail
        );
        holder.batch_execute("COMMIT").await.unwrap();
        waiting.await.unwrap().unwrap();
        assert_eq!(run(&asking).await.result, Reading::Good);
    }

    #[tokio::test]
    async fn a_replica_that_falls_behind_is_slow() {
        let server = Server::start("wal_level = replica");
        let primary = PostgresProbe { lag: Some(Duration::from_secs(20)), ..login(&server) };
        let outcome = run(&primary).await;
        assert_eq!(
            (outcome.result, outcome.detail.as_str()),
            (Reading::Slow, "no replica is connected to this primary")
        );
        let standby = server.standby(5433);
        let replica = PostgresProbe { port: 5433, ..primary.clone() };
        until(async || run(&primary).await.result == Reading::Good).await;
        until(async || run(&replica).await.detail == "this replica is 0.0 ms behind").await;
        let there = session(&replica).await;
        server.ask("CREATE TABLE dose (amount int)");
        until(async || there.query("SELECT 1 FROM dose", &[]).await.is_ok()).await;
        there.batch_execute("SELECT pg_wal_replay_pause()").await.unwrap();
        server.ask("INSERT INTO dose VALUES (1)");
        let strict = PostgresProbe { lag: Some(Duration::from_millis(1)), ..replica.clone() };
        until(async || run(&strict).await.result == Reading::Slow).await;
        let outcome = run(&strict).await;
        assert!(outcome.detail.starts_with("this replica is ") && outcome.detail.ends_with(" behind, more than 1 ms"));
        there.batch_execute("SELECT pg_wal_replay_resume()").await.unwrap();
        until(async || run(&strict).await.result == Reading::Good).await;
        drop(standby);
    }
}
