//! People at the real engine: a second factor that cannot be replayed, tokens that do no more than they should, and a way out for
//! who has left.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use codeblue::{
    client::{Client, ClientError, Update},
    domain::{Actor, Command, Event, Recorded, Role, TokenId, TokenScope, TokenSecret},
    engine::{Code, Engine, SystemClock},
    platform::AutomationMode,
};
use totp_rs::{Builder, Secret};

use crate::{
    cli::Script,
    served::{Bed, Served, me},
};

/// The code a telephone shows now, or so many steps from now.
fn code(secret: &str, steps: i64) -> Code {
    let now = chrono::Utc::now().timestamp() + steps * 30;
    let secret = Secret::try_from_base32(secret).unwrap();
    let shown = Builder::new().with_secret(secret).build().unwrap().generate(u64::try_from(now).unwrap());
    Code::read(&shown.to_string()).unwrap()
}

/// Gives somebody a second factor; the secret of the telephone, and the recovery codes.
async fn enrol(client: &Client) -> (String, Vec<String>) {
    let enrolment = client.begin_enrolment().await.unwrap();
    let enrolled = client.with_code(Some(code(&enrolment.secret, 0))).confirm_enrolment().await.unwrap();
    (enrolment.secret, enrolled.recovery_codes)
}

async fn refused(client: &Client, command: &Command) -> String {
    match client.submit(command).await {
        Ok(answer) => panic!("that was allowed: {answer:?}"),
        Err(ClientError::Refused(refusal)) => refusal.rule,
        Err(other) => panic!("{other}"),
    }
}

fn release(mode: AutomationMode) -> Command {
    Command::SetAutomation { mode }
}

async fn journal(served: &Served) -> Vec<Recorded> {
    served.handle().events(0, 10_000).await.unwrap()
}

/// What the journal says of people, without what the engine does meanwhile.
async fn told(served: &Served) -> Vec<String> {
    let events = journal(served).await;
    let about = |event: &Event| {
        matches!(
            event,
            Event::SecondFactorEnrolled { .. }
                | Event::SecondFactorUsed { .. }
                | Event::SecondFactorReset { .. }
                | Event::RecoveryCodeUsed { .. }
                | Event::WrongCodeGiven { .. }
                | Event::CommandRefused { .. }
                | Event::TokenCreated { .. }
                | Event::TokenRevoked { .. }
        )
    };
    events.iter().filter(|recorded| about(&recorded.event)).map(|recorded| recorded.event.summary()).collect()
}

/// Nothing a telephone or a program holds may be found in what is kept for years.
async fn never_in_the_journal(served: &Served, secrets: &[&str]) {
    let text = serde_json::to_string(&journal(served).await).unwrap();
    for secret in secrets {
        assert!(!text.contains(secret), "a secret is in the journal");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_taken_once_from_its_owner_and_not_while_it_is_locked() {
    let served = Served::new("drill").await;
    let (alice, erin) = (served.client(Some("alice")), served.client(Some("erin")));
    assert!(alice.submit(&release(AutomationMode::Assist)).await.is_ok(), "in a drill who has none needs none");
    let (secret, recovery) = enrol(&alice).await;
    let (other, _) = enrol(&erin).await;
    assert_eq!(refused(&alice, &release(AutomationMode::Auto)).await, "second-factor-needed");
    assert!(alice.submit(&Command::ApplyRetention).await.is_ok(), "what is not dangerous needs none");
    let again = alice.begin_enrolment().await.map(|_| ()).unwrap_err().to_string();
    assert!(again.contains("second-factor-enrolled"), "a session alone exchanges no second factor: {again}");

    // The code of the next half minute is right as well, and has not been used.
    let now = code(&secret, 1);
    let with = |code: &Code| alice.with_code(Some(code.clone()));
    with(&now).submit(&release(AutomationMode::Auto)).await.unwrap();
    assert_eq!(refused(&with(&now), &release(AutomationMode::Observe)).await, "code-used");
    assert_eq!(refused(&with(&code(&other, 0)), &release(AutomationMode::Observe)).await, "wrong-code");

    let spare = Code::read(&recovery[0]).unwrap();
    with(&spare).submit(&release(AutomationMode::Assist)).await.unwrap();
    assert_eq!(refused(&with(&spare), &release(AutomationMode::Auto)).await, "wrong-code", "each counts once");
    let wrong = Code::read("000 000").unwrap();
    for _ in 0..4 {
        assert_eq!(refused(&with(&wrong), &release(AutomationMode::Auto)).await, "wrong-code");
    }
    assert_eq!(refused(&with(&code(&secret, 1)), &release(AutomationMode::Auto)).await, "second-factor-locked");
    assert_eq!(served.handle().state().mode, AutomationMode::Assist);

    let told = told(&served).await;
    let count = |text: &str| told.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("alice gave a code of the second factor"), 2, "{told:#?}");
    assert_eq!(count("alice used a recovery code, 9 are left"), 1, "{told:#?}");
    assert_eq!(count("WRONG CODE"), 6, "{told:#?}");
    assert_eq!(count("too many WRONG CODES for alice"), 1, "{told:#?}");
    assert_eq!(count("alice was refused setAutomation (rule second-factor-locked)"), 1, "{told:#?}");
    assert_eq!(count("alice was refused setAutomation (rule code-used)"), 1, "{told:#?}");
    never_in_the_journal(&served, &[&secret, &recovery[0], now.expose()]).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_second_factor_is_reset_by_another_and_a_restart_forgets_nothing() {
    let served = Served::new("drill").await;
    let alice = served.client(Some("alice"));
    let carol = Command::AddOperator { name: "carol".to_owned(), roles: [Role::Cto].into(), login: Some(me()) };
    alice.submit(&carol).await.unwrap();
    let account = Command::AddAccount {
        name: "alice-root".to_owned(),
        roles: [Role::TechnicalLead].into(),
        login: Some(me()),
        belongs_to: "alice".to_owned(),
    };
    alice.submit(&account).await.unwrap();
    let (secret, recovery) = enrol(&alice).await;
    let used = code(&secret, 1);
    alice.with_code(Some(used.clone())).submit(&release(AutomationMode::Auto)).await.unwrap();

    let bed = served.stop().await;
    let file = bed.home.keys().join("second-factors.json");
    let served = Served::of(bed).await;
    let (alice, carol) = (served.client(Some("alice")), served.client(Some("carol")));
    let alias = served.client(Some("alice-root"));
    let replayed = refused(&alice.with_code(Some(used)), &release(AutomationMode::Assist)).await;
    assert_eq!(replayed, "code-used", "also by the next engine");
    assert_eq!(
        refused(&alias, &release(AutomationMode::Assist)).await,
        "second-factor-needed",
        "one person, one factor"
    );

    let reset = Command::ResetSecondFactor { operator: "alice".to_owned(), reason: "telephone lost".to_owned() };
    for (client, spare) in [(&alice, &recovery[0]), (&alias, &recovery[1])] {
        assert_eq!(refused(&client.with_code(Code::read(spare)), &reset).await, "own-second-factor");
    }
    assert_eq!(refused(&served.client(Some("erin")), &reset).await, "role-needed");
    carol.submit(&reset).await.unwrap();
    assert!(!std::fs::read_to_string(file).unwrap().contains(&secret), "what does not count is not kept");
    alice.submit(&release(AutomationMode::Assist)).await.unwrap();
    let enrols = alias.begin_enrolment().await.map(|_| ()).unwrap_err().to_string();
    assert!(enrols.contains("second-factor-of-person"), "no account enrols for its person: {enrols}");
    let told = told(&served).await;
    assert!(told.contains(&"SECOND FACTOR of alice RESET: telephone lost".to_owned()), "{told:#?}");
    let tried =
        told.iter().filter(|line| line.contains("was refused resetSecondFactor alice (rule own-second-factor)"));
    assert_eq!(tried.count(), 1, "one person's attempt under two names is one: {told:#?}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_the_first_operator_enrols_and_only_then_does_what_is_dangerous() {
    let bed = Bed::new("production").await;
    let file = bed.home.platform_file();
    let text = std::fs::read_to_string(&file).unwrap().replace("[access]\nsecond_factor = \"enrolled\"\n", "");
    std::fs::write(&file, text).unwrap();
    let served = Served::of(bed).await;
    let first = served.client(None);
    let events = journal(&served).await;
    let made = events.iter().find(|recorded| matches!(recorded.event, Event::FirstOperatorMade { .. })).unwrap();
    assert_eq!(made.actor, Actor::Engine);
    assert!(made.event.summary().contains("nobody could act yet"), "{}", made.event.summary());

    let dora = Command::AddOperator { name: "dora".to_owned(), roles: [Role::TechnicalLead].into(), login: None };
    assert_eq!(refused(&first, &dora).await, "second-factor-not-enrolled");
    let (secret, recovery) = enrol(&first).await;
    assert_eq!(refused(&first, &dora).await, "second-factor-needed");
    first.with_code(Some(code(&secret, 1))).submit(&dora).await.unwrap();
    let promote = Command::SetRoles { name: me(), roles: [Role::TechnicalLead, Role::Cto].into() };
    let rule = refused(&first.with_code(Code::read(&recovery[0])), &promote).await;
    assert_eq!(rule, "own-roles", "with a colleague there nobody makes oneself CTO");
    let whoami = served.get("/api/v1/whoami").await;
    assert_eq!(whoami["locksAfterSeconds"], 900, "{whoami}");

    let bed = served.stop().await;
    let engine = Engine::start(&bed.home, Arc::new(SystemClock)).await.unwrap();
    let again = engine.handle().events(0, 10_000).await.unwrap();
    let made = again.iter().filter(|recorded| matches!(recorded.event, Event::FirstOperatorMade { .. })).count();
    assert_eq!(made, 1, "a journal has one first operator");
    engine.stop("test").await;
}

/// A token as its maker gets it.
async fn token(client: &Client, name: &str, scope: TokenScope, time: Duration, seed: u8) -> TokenSecret {
    let secret = TokenSecret::of([seed; 32]);
    let expires_at = chrono::Utc::now() + time;
    let command = Command::CreateToken { name: name.to_owned(), scope, hash: secret.hash(), expires_at };
    client.submit(&command).await.unwrap();
    secret
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scope_says_until_it_is_revoked_or_expires_or_its_operator_leaves() {
    let served = Served::ready("drill").await;
    let (alice, erin) = (served.client(Some("alice")), served.client(Some("erin")));
    let month = Duration::from_secs(30 * 86400);
    let reads = token(&erin, "wall", TokenScope::Read, month, 1).await;
    let reports = token(&erin, "ci", TokenScope::Report, month, 2).await;
    let acts = token(&alice, "bot", TokenScope::Act, month, 3).await;
    let brief = token(&erin, "brief", TokenScope::Act, Duration::from_millis(1500), 4).await;
    let with = |token: &TokenSecret| served.client(None).with_token(Some(token.clone()));
    let deployed =
        Command::RecordDeployment { component: "desk-code".to_owned(), version: "v2".to_owned(), note: String::new() };

    assert_eq!(with(&reads).whoami().await.unwrap().name, "erin", "the token says who, not the login");
    assert!(with(&reads).state().await.is_ok());
    assert_eq!(refused(&with(&reads), &deployed).await, "token-scope");
    let narrow = with(&reports).state().await.unwrap_err().to_string();
    assert!(narrow.contains("token-scope"), "{narrow}");
    assert!(with(&reports).submit(&deployed).await.is_ok());
    assert_eq!(refused(&with(&reports), &Command::ApplyRetention).await, "token-scope");
    assert!(with(&acts).submit(&Command::ApplyRetention).await.is_ok());

    // No token approves, changes people or makes another token, whatever its operator may do.
    let more = Command::CreateToken {
        name: "more".to_owned(),
        scope: TokenScope::Act,
        hash: TokenSecret::of([9; 32]).hash(),
        expires_at: chrono::Utc::now() + month,
    };
    let people = Command::DisableOperator { name: "erin".to_owned(), reason: String::new() };
    let approve = Command::approve(codeblue::domain::ChangeId(1), "0".repeat(64), String::new());
    for command in [&more, &people, &approve, &release(AutomationMode::Auto), &Command::UnlockSession] {
        assert_eq!(refused(&with(&acts), command).await, "token-may-not", "{command:?}");
    }
    let enrols = with(&acts).begin_enrolment().await.map(|_| ()).unwrap_err().to_string();
    assert!(enrols.contains("token-may-not"), "{enrols}");
    let another = served.client(Some("alice")).with_token(Some(reads.clone())).whoami().await.unwrap_err().to_string();
    assert!(another.contains("token-of-another"), "{another}");

    let foreign = with(&TokenSecret::of([77; 32])).whoami().await.unwrap_err().to_string();
    assert!(foreign.contains("token-unknown"), "{foreign}");
    let expired = async {
        loop {
            match with(&brief).whoami().await {
                Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => break error.to_string(),
            }
        }
    };
    let expired = tokio::time::timeout(Duration::from_secs(30), expired).await.unwrap();
    assert!(expired.contains("token-expired"), "{expired}");

    let listed = alice.tokens().await.unwrap();
    assert_eq!(listed.len(), 4, "a technical lead sees everybody's");
    assert!(listed.iter().all(|entry| entry.last_used_at.is_some()), "{listed:?}");
    assert_eq!(erin.tokens().await.unwrap().len(), 3);
    let wall = listed.iter().find(|entry| entry.token.name == "wall").unwrap().token.id;
    let bot = listed.iter().find(|entry| entry.token.name == "bot").unwrap().token.id;
    assert_eq!(refused(&erin, &Command::RevokeToken { token: bot }).await, "role-needed");
    erin.submit(&Command::RevokeToken { token: wall }).await.unwrap();
    let revoked = with(&reads).whoami().await.unwrap_err().to_string();
    assert!(revoked.contains("token-revoked"), "{revoked}");

    alice.submit(&people).await.unwrap();
    let gone = with(&reports).submit(&deployed).await.unwrap_err().to_string();
    assert!(gone.contains("token-revoked"), "{gone}");
    let back = Command::EnableOperator { name: "erin".to_owned(), reason: "it was a mistake".to_owned() };
    alice.submit(&back).await.unwrap();
    let still = with(&reports).submit(&deployed).await.unwrap_err().to_string();
    assert!(still.contains("token-revoked"), "a token does not come back with its operator: {still}");

    let told = told(&served).await;
    for line in [
        "erin was refused revokeToken TOK-3 (rule role-needed)".to_owned(),
        "alice was refused approveChange CHG-1 (rule token-may-not)".to_owned(),
        format!("erin was refused showToken {wall} (rule token-revoked)"),
        format!("erin was refused showToken {} (rule token-expired)", TokenId(4)),
    ] {
        assert!(told.contains(&line), "{line}: {told:#?}");
    }
    never_in_the_journal(&served, &[reads.expose(), acts.expose()]).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_is_out_under_every_name_and_what_is_still_in_hand_is_told() {
    let served = Served::new("drill").await;
    let alice = served.client(Some("alice"));
    let account = Command::AddAccount {
        name: "erin-bot".to_owned(),
        roles: [Role::Engineer].into(),
        login: Some(me()),
        belongs_to: "erin".to_owned(),
    };
    alice.submit(&account).await.unwrap();
    let declare = Command::DeclareIncident {
        severity: codeblue::domain::Severity::Sev2,
        title: "fax on fire".to_owned(),
        services: vec!["desk".to_owned()],
    };
    alice.submit(&declare).await.unwrap();
    let assign = Command::AssignIncident {
        incident: codeblue::domain::IncidentId(1),
        role: codeblue::domain::IncidentRole::Commander,
        operator: "erin".to_owned(),
    };
    alice.submit(&assign).await.unwrap();
    let leave = Command::DisableOperator { name: "erin".to_owned(), reason: "left the clinic".to_owned() };
    let answer = alice.submit(&leave).await.unwrap();
    let said: Vec<String> = answer.events.iter().map(|recorded| recorded.event.summary()).collect();
    assert_eq!(
        said,
        [
            "operator erin disabled: left the clinic; still in hand: commander of INC-1",
            "operator erin-bot disabled: left the clinic",
        ]
    );
    for name in ["erin", "erin-bot"] {
        let client = served.client(Some(name));
        assert_eq!(refused(&client, &Command::ApplyRetention).await, "operator-may-not");
        assert!(client.state().await.is_err(), "nor does {name} look any more");
    }
    let alias = Command::EnableOperator { name: "erin-bot".to_owned(), reason: "still needed".to_owned() };
    assert_eq!(refused(&alice, &alias).await, "owner-disabled", "no account outlives its person");
    served.stop().await;
}

/// The program as another user of this host.
fn as_user(uid: u32, gid: u32, socket: &Path) -> (i32, String) {
    use std::os::unix::process::CommandExt;

    let host = format!("unix:{}", socket.display());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_codeblue"))
        .args(["--host", &host, "operator", "list"])
        .env_clear()
        .current_dir("/")
        .uid(uid)
        .gid(gid)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_open_to_the_group_that_is_named_and_a_member_is_the_operator_of_the_own_login() {
    // Users and groups every Debian has.
    let (group, gid, nobody) = ("daemon", 1, 65_534);
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    if !rustix::process::getuid().is_root() || !groups.lines().any(|line| line.starts_with("daemon:x:1:")) {
        eprintln!("skipped: it takes root, and a group {group} with the number {gid}");
        return;
    }
    let bed = Bed::new("staging").await;
    for folder in [bed.folder.path(), &bed.path("home")] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711)).unwrap();
    }
    let file = bed.home.platform_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("[access]\n", &format!("[access]\nsocket_group = \"{group}\"\n"));
    std::fs::write(&file, text).unwrap();
    let served = Served::of(bed).await;
    let socket = served.bed.home.socket();
    let about = |path: &Path| {
        let found = std::fs::metadata(path).unwrap();
        (found.gid(), found.mode() & 0o777)
    };
    assert_eq!(about(&socket), (gid, 0o660));
    assert_eq!(about(&served.bed.home.run()), (gid, 0o710), "passed through, not read");
    assert_eq!(about(&served.bed.home.data()).1, 0o700, "nothing else is open to the group");

    let (code, said) = as_user(nobody, nobody, &socket);
    assert_eq!(code, 4, "who is not in the group does not get in: {said}");
    let (code, said) = as_user(nobody, gid, &socket);
    assert_eq!(code, 3, "who is in the group and no operator is nobody: {said}");
    assert!(said.contains("login nobody belongs to no operator"), "{said}");
    let member = Command::AddOperator {
        name: "nora".to_owned(),
        roles: [Role::Viewer].into(),
        login: Some("nobody".to_owned()),
    };
    served.client(None).submit(&member).await.unwrap();
    let (code, said) = as_user(nobody, gid, &socket);
    assert_eq!(code, 0, "{said}");
    assert!(said.lines().any(|line| line.starts_with("you") && line.contains("nora")), "{said}");
    served.stop().await;
}

#[test]
fn a_person_at_a_shell_begins_safely_and_no_lasting_secret_is_an_argument() {
    let script = Script::new();
    let (status, said, _) = script.run(&["init"]);
    assert!(status == 0 && said.contains("totp enrol") && said.contains("second person"), "{said}");
    let _serving = script.serve();
    let add = ["operator", "add", "bob", "--role", "technical-lead"];
    let (status, refused) = script.json(&add);
    assert_eq!((status, refused["error"]["code"].as_str()), (3, Some("second-factor-not-enrolled")));

    let (_, picture, _) = script.run(&["operator", "totp", "enrol"]);
    assert!(picture.contains('█') && picture.contains("otpauth://totp/"), "{picture}");
    let (status, enrolment) = script.json(&["operator", "totp", "enrol"]);
    assert_eq!(status, 0, "{enrolment}");
    let secret = enrolment["secret"].as_str().unwrap();
    assert!(!picture.contains(secret), "each begins with another secret");
    let shown = |steps| code(secret, steps).expose().to_owned();
    let (status, enrolled) = script.json(&["operator", "totp", "confirm", "--code", &shown(0)]);
    assert_eq!((status, enrolled["recoveryCodes"].as_array().map(Vec::len)), (0, Some(10)), "{enrolled}");
    let spare = |place: usize| enrolled["recoveryCodes"][place].as_str().unwrap().to_owned();

    let (status, refused) = script.json(&add);
    assert_eq!((status, refused["error"]["code"].as_str()), (3, Some("second-factor-needed")));
    let (status, _, why) = script.run(&[&add[..], &["--code", &spare(0)]].concat());
    assert!(status == 2 && why.contains("--code -"), "{why}");
    assert_eq!(script.run(&[&add[..], &["--code", &shown(1)]].concat()).0, 0);

    let make = ["token", "create", "--name", "wall", "--scope", "read", "--for", "90d", "--code", "-"];
    let (status, made) = script.json_told(&make, &spare(0));
    assert_eq!(status, 0, "{made}");
    let file = script.folder.path().join("token");
    std::fs::write(&file, made["token"].as_str().unwrap()).unwrap();
    let list = ["operator", "list", "--token-file", file.to_str().unwrap()];
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(script.run(&list).0, 2, "a token that others can read is not used");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(script.run(&list).0, 0);
    let (_, tokens, _) = script.run(&["token", "list"]);
    assert!(tokens.contains("TOK-1") && tokens.contains("wall"), "{tokens}");

    let leave = ["operator", "disable", "bob", "--reason", "left", "--code", "-"];
    let (status, left) = script.json_told(&leave, &spare(1));
    assert_eq!((status, left["events"][2]["event"]["type"].as_str()), (0, Some("operatorDisabled")), "{left}");
}

#[test]
fn who_owns_the_home_of_a_stopped_engine_recovers_a_lost_second_factor_and_everybody_can_see_it() {
    let script = Script::new();
    assert_eq!(script.run(&["init"]).0, 0);
    let recover = |name: &str, reason: &str| script.json(&["operator", "totp", "recover", name, "--reason", reason]);
    let (status, none) = recover(&me(), "lost");
    assert!(status == 1 && none.to_string().contains("there is no journal"), "{none}");
    let serving = script.serve();
    let (_, enrolment) = script.json(&["operator", "totp", "enrol"]);
    let secret = enrolment["secret"].as_str().unwrap();
    let shown = |steps| code(secret, steps).expose().to_owned();
    assert_eq!(script.json(&["operator", "totp", "confirm", "--code", &shown(0)]).0, 0);
    drop(serving);

    std::fs::remove_file(script.home().join("data/keys/second-factors.json")).unwrap();
    let serving = script.serve();
    let add = ["operator", "add", "bob", "--role", "technical-lead", "--code"];
    let (status, lost) = script.json(&[&add[..], &[&shown(1)]].concat());
    assert_eq!((status, lost["error"]["code"].as_str()), (3, Some("second-factor-lost")), "{lost}");
    assert!(lost["error"]["hint"].as_str().unwrap().contains("operator totp recover"), "{lost}");
    let (status, busy) = recover(&me(), "the disk was replaced");
    assert!(status == 1 && busy.to_string().contains("stop it first"), "not beside a running engine: {busy}");
    drop(serving);

    let (status, refused) = recover(&me(), " ");
    assert_eq!((status, refused["error"]["code"].as_str()), (3, Some("reason-length")), "{refused}");
    let (status, refused) = recover("nobody-here", "lost");
    assert_eq!((status, refused["error"]["code"].as_str()), (3, Some("unknown-operator")), "{refused}");
    let (status, done) = recover(&me(), "the disk was replaced");
    assert_eq!((status, done["events"][0]["actor"].as_str()), (0, Some("engine")), "{done}");
    let (status, verified, _) = script.run(&["audit", "verify"]);
    assert_eq!(status, 0, "{verified}");

    let _serving = script.serve();
    let (_, list, _) = script.run(&["operator", "list"]);
    assert!(list.contains("RESET"), "{list}");
    let (_, page, _) = script.run(&["operator", "show", &me()]);
    assert!(
        page.contains(&format!("by engine: on the engine's host, by login {}: the disk was replaced", me())),
        "{page}"
    );
    let (status, enrolment) = script.json(&["operator", "totp", "enrol"]);
    assert_eq!(status, 0, "{enrolment}");
    let fresh = code(enrolment["secret"].as_str().unwrap(), 0);
    assert_eq!(script.json(&["operator", "totp", "confirm", "--code", fresh.expose()]).0, 0);
    let (_, list, _) = script.run(&["operator", "list"]);
    assert!(list.contains("enrolled") && !list.contains("RESET"), "{list}");
}

/// Follows until the stream is there; what comes after is to be read from it.
async fn followed(client: Client) -> tokio::sync::mpsc::Receiver<Update> {
    let (sender, mut updates) = tokio::sync::mpsc::channel(256);
    tokio::spawn(async move { client.follow(sender).await });
    match updates.recv().await {
        Some(Update::Live(_)) => updates,
        other => panic!("{other:?}"),
    }
}

/// Waits until a stream ends; whether it told of this before.
async fn told_before_its_end(updates: &mut tokio::sync::mpsc::Receiver<Update>, told: impl Fn(&Event) -> bool) -> bool {
    let mut found = false;
    let end = async {
        while let Some(update) = updates.recv().await {
            match update {
                Update::Event(recorded) => found |= told(&recorded.event),
                Update::Lost(_) => return,
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.expect("it goes on");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_right_to_read_it() {
    let served = Served::new("drill").await;
    let (alice, erin) = (served.client(Some("alice")), served.client(Some("erin")));
    let reads = token(&erin, "wall", TokenScope::Read, Duration::from_secs(86400), 1).await;
    let mut wall = followed(served.client(None).with_token(Some(reads))).await;
    let mut board = followed(erin.clone()).await;
    let mut leads = followed(alice.clone()).await;

    erin.submit(&Command::RevokeToken { token: TokenId(1) }).await.unwrap();
    let revoked = |event: &Event| matches!(event, Event::TokenRevoked { .. });
    assert!(!told_before_its_end(&mut wall, revoked).await, "nothing comes after the right has ended");
    let leave = Command::DisableOperator { name: "erin".to_owned(), reason: "left".to_owned() };
    alice.submit(&leave).await.unwrap();
    assert!(told_before_its_end(&mut board, revoked).await, "another's stream went on until then");

    let brief = token(&alice, "brief", TokenScope::Read, Duration::from_secs(6), 2).await;
    let mut brief = followed(served.client(None).with_token(Some(brief))).await;
    told_before_its_end(&mut brief, |_| false).await;
    alice.submit(&Command::ApplyRetention).await.unwrap();
    served.stop().await;
    assert!(told_before_its_end(&mut leads, |event| matches!(event, Event::OperatorDisabled { .. })).await);
}
