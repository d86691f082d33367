//! The knowledge base: who may say what about a diagnosis, what an incident teaches and what it does not, and the same at a real
//! engine through the program.

use std::{path::Path, sync::Arc};

use chrono::TimeDelta;
use codeblue::{
    api::serve,
    client::Client,
    diagnosis::{Library, SEEDS, consult, read_article, write_article},
    domain::{
        Actor, Article, ArticleBody, ArticleState, Assurance, Category, Command, Criterion, DiagnosisId,
        DiagnosisState, Event, Fix, IncidentId, Judgement, Meta, Phase, Recorded, RecoveryId, Role, State, Status,
        Symptoms, TokenId, Treatment, TrueCause, Verdict, confirmed_cause, decide, time_to_resolution,
    },
    platform::ComponentKind,
};

use crate::{
    cli::{self, Script},
    desk::{Desk, hospital, person},
    outage::{self, switch, until},
    properties::document,
    served::me,
};

fn judge(desk: &mut Desk, service: &str, status: Status) {
    let reason = "tcp: connection refused".to_owned();
    desk.engine(Command::RecordVerdict(Verdict { service: service.to_owned(), status, reason, failing_since: None }));
}

/// A desk at which every service is well and policies only look.
fn calm() -> Desk {
    let mut desk = Desk::new(hospital("drill", "observe"));
    for service in ["records-db", "auth", "patient-api", "ai-analysis", "handouts"] {
        judge(&mut desk, service, Status::Healthy);
    }
    desk
}

fn body(title: &str) -> ArticleBody {
    ArticleBody {
        title: title.to_owned(),
        category: Category::Deployment,
        symptoms: Symptoms { words: vec!["panic".to_owned()], signatures: Vec::new() },
        fixes: vec![
            Treatment::RollBack { component: ComponentKind::Code, service: None },
            Treatment::RunAction { action: "restart".to_owned(), service: None },
        ],
        procedure: "Look first.".to_owned(),
        prevention: String::new(),
    }
}

fn confirm(desk: &mut Desk, name: &str) {
    desk.must(&person("erin"), Command::ConfirmArticle { article: name.to_owned(), version: None });
}

/// An article that a person stands for.
fn with_article(desk: &mut Desk, name: &str) {
    desk.must(
        &person("erin"),
        Command::ProposeArticle { article: name.to_owned(), body: body("It panics"), incident: None },
    );
    confirm(desk, name);
}

/// A service goes down, and a diagnosis blames its code and names these articles.
fn outbreak(desk: &mut Desk, service: &str, articles: &[&str]) -> (IncidentId, DiagnosisId) {
    desk.now += TimeDelta::minutes(5);
    judge(desk, service, Status::Down);
    let incident = desk.state.incident_of(service).unwrap().id;
    if desk.state.incidents[&incident].diagnoses.is_empty() {
        desk.must(&person("erin"), Command::RequestDiagnosis { incident });
    }
    let diagnosis = *desk.state.incidents[&incident].diagnoses.last().unwrap();
    let mut found = document(&desk.state, diagnosis, service, 0.8, 1);
    found.knowledge_base_articles = articles.iter().map(|name| (*name).to_owned()).collect();
    desk.engine(Command::ConcludeDiagnosis { diagnosis, document: Arc::new(found) });
    (incident, diagnosis)
}

/// Somebody restarts the service for an incident, and it goes well as far as the recovery itself can tell.
fn restart(desk: &mut Desk, service: &str, incident: IncidentId) -> RecoveryId {
    let (service, action, reason) = (service.to_owned(), "restart".to_owned(), "it helps".to_owned());
    let incident = Some(incident);
    desk.must(&person("alice"), Command::RequestAction { service, action, incident, reason });
    let recovery = *desk.state.recoveries.keys().next_back().unwrap();
    desk.carry_out(recovery);
    recovery
}

fn validated(desk: &mut Desk, recovery: RecoveryId, passed: bool) {
    let criterion = Criterion {
        what: "handouts answers".to_owned(),
        wanted: "an answer".to_owned(),
        found: "it".to_owned(),
        passed,
        decides: true,
    };
    desk.engine(Command::RecordValidation { recovery, phase: Phase::Comprehensive, criteria: vec![criterion] });
}

fn healed(desk: &mut Desk, service: &str, articles: &[&str]) -> (IncidentId, DiagnosisId) {
    let (incident, diagnosis) = outbreak(desk, service, articles);
    desk.now += TimeDelta::minutes(10);
    let recovery = restart(desk, service, incident);
    validated(desk, recovery, true);
    judge(desk, service, Status::Healthy);
    assert!(!desk.state.incidents[&incident].state.is_open(), "a policy has resolved it");
    (incident, diagnosis)
}

fn verdict(diagnosis: DiagnosisId, judgement: Judgement) -> Command {
    Command::JudgeDiagnosis { diagnosis, judgement, cause: None, note: String::new() }
}

fn refused(desk: &mut Desk, actor: &Actor, command: Command) -> String {
    match desk.give(actor, command) {
        Ok(events) => panic!("that was allowed: {events:?}"),
        Err(refusal) => refusal.rule,
    }
}

fn article<'a>(desk: &'a Desk, name: &str) -> &'a Article {
    &desk.state.knowledge.articles[name]
}

/// Worked and failed, for rolling the code back and for the restart.
fn record(desk: &Desk, name: &str) -> [(u32, u32); 2] {
    let records = &article(desk, name).records;
    [0, 1].map(|place| (records[place].worked, records[place].failed))
}

fn proposals(events: &[Recorded]) -> usize {
    events.iter().filter(|recorded| matches!(recorded.event, Event::ArticleProposed { .. })).count()
}

#[test]
fn a_fix_has_worked_when_it_was_validated_and_nothing_came_back_for_a_day() {
    let mut desk = calm();
    with_article(&mut desk, "panics");
    let (incident, _) = healed(&mut desk, "handouts", &["panics"]);
    assert_eq!(article(&desk, "panics").records[1].executed, 1);
    desk.wait(TimeDelta::hours(23));
    assert_eq!(record(&desk, "panics"), [(0, 0), (0, 0)], "a day is not over");
    desk.wait(TimeDelta::hours(2));
    assert_eq!(record(&desk, "panics"), [(0, 0), (1, 0)], "what was not carried out is not counted");
    assert!(desk.state.knowledge.trials.is_empty());
    assert_eq!(article(&desk, "panics").records[1].votes.get(&incident), Some(&true));
    assert_eq!(article(&desk, "panics").incidents.len(), 0, "no person has said what the cause was");
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn a_fix_has_failed_when_it_came_back_or_was_not_validated_and_an_incident_has_one_vote() {
    let mut desk = calm();
    with_article(&mut desk, "panics");
    let (incident, _) = healed(&mut desk, "handouts", &["panics"]);
    desk.wait(TimeDelta::hours(3));
    let reason = "it panics again".to_owned();
    desk.must(&person("erin"), Command::ReopenIncident { incident, reason });
    desk.meet_deadlines();
    assert_eq!(record(&desk, "panics")[1], (0, 1), "it is known at once");
    let again = restart(&mut desk, "handouts", incident);
    validated(&mut desk, again, true);
    assert!(!desk.state.incidents[&incident].state.is_open(), "a policy has resolved it again");
    desk.wait(TimeDelta::days(3));
    assert_eq!(record(&desk, "panics")[1], (0, 1), "the incident has voted");

    let (other, _) = outbreak(&mut desk, "ai-analysis", &["panics"]);
    let recovery = restart(&mut desk, "ai-analysis", other);
    judge(&mut desk, "ai-analysis", Status::Healthy);
    validated(&mut desk, recovery, false);
    desk.wait(TimeDelta::days(2));
    assert_eq!(record(&desk, "panics")[1], (0, 2), "the look in depth has found it ill");
    assert!(desk.state.knowledge.trials.is_empty());
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn nothing_is_learned_of_causes_until_a_person_has_said_what_it_was() {
    let mut desk = calm();
    with_article(&mut desk, "panics");
    let (incident, diagnosis) = healed(&mut desk, "handouts", &["panics"]);
    desk.wait(TimeDelta::days(2));
    let near = Command::JudgeDiagnosis {
        diagnosis,
        judgement: Judgement::Partly,
        cause: Some(TrueCause { category: Some(Category::Configuration), ..TrueCause::default() }),
        note: String::new(),
    };
    desk.must(&person("ben"), near);
    assert!(article(&desk, "panics").incidents.is_empty(), "it was of another kind");
    desk.must(&person("ben"), verdict(diagnosis, Judgement::Right));
    assert!(article(&desk, "panics").incidents.contains(&incident));
    assert_eq!(time_to_resolution(&desk.state, article(&desk, "panics")), Some(TimeDelta::minutes(10)));
    desk.must(&person("alice"), verdict(diagnosis, Judgement::Wrong));
    assert_eq!(confirmed_cause(&desk.state, incident), None, "they do not agree");
    assert!(article(&desk, "panics").incidents.is_empty());
    assert_eq!(proposals(&desk.log), 1, "only the one that erin wrote");
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn an_article_is_proposed_from_what_a_person_judged_right_and_one_is_enough_for_many() {
    let mut desk = calm();
    let (first, diagnosis) = healed(&mut desk, "handouts", &[]);
    let told = desk.must(&person("ben"), verdict(diagnosis, Judgement::Right));
    assert_eq!(proposals(&told), 1);
    let found = article(&desk, "handouts-deployment");
    assert_eq!((found.state, found.made_from), (ArticleState::Proposed, Some(first)));
    assert_eq!(found.body.fixes, [Treatment::RunAction { action: "restart".to_owned(), service: None }]);
    assert!(found.body.symptoms.words.contains(&"panic".to_owned()));
    desk.wait(TimeDelta::days(2));
    assert_eq!(article(&desk, "handouts-deployment").records[0].worked, 1, "its own incident counts as well");

    let (second, diagnosis) = healed(&mut desk, "handouts", &[]);
    let told = desk.must(&person("ben"), verdict(diagnosis, Judgement::Right));
    assert_eq!(proposals(&told), 0);
    let seen: Vec<IncidentId> = article(&desk, "handouts-deployment").incidents.iter().copied().collect();
    assert_eq!(seen, [first, second]);

    let (_, wrong) = healed(&mut desk, "ai-analysis", &[]);
    let told = desk.must(&person("ben"), verdict(wrong, Judgement::Wrong));
    assert_eq!(proposals(&told), 0, "what was wrong teaches nothing");
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn a_fix_comes_first_when_it_has_worked_often_and_nothing_is_suggested_that_is_not_declared() {
    let mut desk = calm();
    let mut text = body("It panics");
    text.symptoms.signatures = vec!["00112233aabbccdd".to_owned()];
    let dream = |action: &str, service: Option<&str>| Treatment::RunAction {
        action: action.to_owned(),
        service: service.map(str::to_owned),
    };
    text.fixes = vec![
        dream("exorcise", None),
        dream("isolate", None),
        dream("wipe-cache", Some("auth")),
        dream("restart", None),
    ];
    desk.must(&person("erin"), Command::ProposeArticle { article: "panics".to_owned(), body: text, incident: None });
    confirm(&mut desk, "panics");
    let consulted = |desk: &Desk, signatures: &[String]| {
        let mut found = document(&desk.state, DiagnosisId(99), "handouts", 0.8, 1);
        consult(&mut found, &desk.state, &Library::of(&desk.state.knowledge), signatures);
        found
    };
    let plain = document(&desk.state, DiagnosisId(99), "handouts", 0.8, 1);
    let before = consulted(&desk, &[]);
    assert_eq!(before.knowledge_base_articles, ["panics"]);
    assert_eq!(before.suggested_fixes, plain.suggested_fixes, "what is not proven changes nothing");
    let restart = Fix::RunAction { service: "handouts".to_owned(), action: "restart".to_owned() };
    assert_ne!(before.suggested_fixes[0].fix, restart);
    for _ in 0..4 {
        let (_, diagnosis) = healed(&mut desk, "handouts", &["panics"]);
        desk.must(&person("ben"), verdict(diagnosis, Judgement::Right));
        desk.wait(TimeDelta::days(2));
    }
    assert_eq!(article(&desk, "panics").records[3].worked, 4);
    let after = consulted(&desk, &[]);
    assert_eq!((&after.suggested_fixes[0].fix, after.suggested_fixes[0].priority), (&restart, 1));
    assert_eq!(after.suggested_fixes.len(), plain.suggested_fixes.len());
    assert_eq!(after.related_incidents.len(), 4);

    let mut none = plain;
    none.suggested_fixes.clear();
    none.root_cause.evidence.clear();
    none.root_cause.issue = "zebra".to_owned();
    let library = Library::of(&desk.state.knowledge);
    let signatures = ["00112233aabbccdd".to_owned()];
    consult(&mut none, &desk.state, &library, &signatures);
    let suggested: Vec<&Fix> = none.suggested_fixes.iter().map(|fix| &fix.fix).collect();
    assert_eq!(suggested, [&restart], "nothing that is not declared here, that contains, or that is another service's");
}

#[test]
fn a_verdict_is_a_persons_and_each_person_has_one() {
    let mut desk = calm();
    let (incident, diagnosis) = outbreak(&mut desk, "handouts", &[]);
    let right = verdict(diagnosis, Judgement::Right);
    assert_eq!(refused(&mut desk, &Actor::Engine, right.clone()), "person-needed");
    assert_eq!(refused(&mut desk, &Actor::Policy("learn".to_owned()), right.clone()), "person-needed");
    assert_eq!(refused(&mut desk, &person("vic"), right.clone()), "operator-may-not");
    let token = Meta { assurance: Assurance::Token { token: TokenId(1) }, ..Meta::new(desk.now, person("erin")) };
    assert!(decide(&desk.state, right.clone(), &token).is_err(), "a program has seen nothing");
    let unknown = verdict(DiagnosisId(99), Judgement::Right);
    assert_eq!(refused(&mut desk, &person("erin"), unknown), "unknown-diagnosis");
    let nowhere = Command::JudgeDiagnosis {
        diagnosis,
        judgement: Judgement::Wrong,
        cause: Some(TrueCause { service: Some("nowhere".to_owned()), ..TrueCause::default() }),
        note: String::new(),
    };
    assert_eq!(refused(&mut desk, &person("erin"), nowhere), "unknown-service");

    let account = Command::AddAccount {
        name: "erin-phone".to_owned(),
        roles: [Role::Engineer].into(),
        login: None,
        belongs_to: "erin".to_owned(),
    };
    desk.must(&person("alice"), account);
    desk.must(&person("erin"), right.clone());
    assert!(desk.must(&person("erin"), right.clone()).is_empty(), "it was said already");
    desk.must(&person("erin-phone"), verdict(diagnosis, Judgement::Partly));
    desk.must(&person("alice"), right);
    let said = &desk.state.diagnoses[&diagnosis].verdicts;
    let said: Vec<_> = said.iter().map(|verdict| (verdict.by.as_str(), verdict.judgement)).collect();
    assert_eq!(said, [("erin", Judgement::Partly), ("alice", Judgement::Right)]);
    let kept = &desk.state.knowledge.verdicts;
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|one| one.incident == incident && (one.confidence - 0.8).abs() < 1e-9));

    desk.must(&person("erin"), Command::ResolveIncident { incident, resolution: "gone".to_owned() });
    desk.must(&person("erin"), Command::CloseIncidentOwing { incident, reason: "late".to_owned() });
    let changed = verdict(diagnosis, Judgement::Wrong);
    assert_eq!(refused(&mut desk, &person("erin"), changed.clone()), "judged-already");
    desk.must(&person("carol"), changed);
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn a_new_version_begins_at_nothing_and_who_was_slower_is_told() {
    let mut desk = calm();
    with_article(&mut desk, "panics");
    healed(&mut desk, "handouts", &["panics"]);
    desk.wait(TimeDelta::days(2));
    let edit = |title: &str, version| Command::EditArticle { article: "panics".to_owned(), body: body(title), version };
    desk.must(&person("ben"), edit("It panics at noon", Some(1)));
    assert_eq!(refused(&mut desk, &person("erin"), edit("It panics at night", Some(1))), "article-changed");
    let found = article(&desk, "panics");
    assert_eq!((found.version, found.state), (2, ArticleState::Confirmed), "who writes it stands for it");
    assert_eq!(record(&desk, "panics"), [(0, 0), (0, 0)]);
    assert_eq!(found.past[0].fixes[1].1.worked, 1);

    let token = Meta { assurance: Assurance::Token { token: TokenId(1) }, ..Meta::new(desk.now, person("erin")) };
    assert!(
        decide(&desk.state, Command::ConfirmArticle { article: "panics".to_owned(), version: None }, &token).is_err()
    );
    assert!(desk.must(&person("ben"), edit("It panics at noon", None)).is_empty(), "that is what it says");
    let import =
        |title: &str, replace| Command::ImportArticle { article: "panics".to_owned(), body: body(title), replace };
    assert!(desk.must(&person("ben"), import("It panics at noon", false)).is_empty());
    assert_eq!(refused(&mut desk, &person("ben"), import("It panics", false)), "article-known");
    desk.must(&person("ben"), import("It panics", true));
    assert_eq!(article(&desk, "panics").version, 3);
    desk.must(&person("ben"), Command::RetireArticle { article: "panics".to_owned(), reason: "mended".to_owned() });
    assert_eq!(article(&desk, "panics").state, ArticleState::Retired);
    confirm(&mut desk, "panics");
    assert_eq!(
        (article(&desk, "panics").state, article(&desk, "panics").retired.is_none()),
        (ArticleState::Confirmed, true)
    );
    assert_eq!(desk.replayed(), desk.state);
}

/// What is wrong with an article.
type Change<'a> = &'a dyn Fn(&mut ArticleBody);

#[test]
fn what_an_article_says_is_bounded_and_harmless() {
    let mut desk = calm();
    let propose = |name: &str, change: Change| {
        let mut body = body("It panics");
        change(&mut body);
        Command::ProposeArticle { article: name.to_owned(), body, incident: None }
    };
    for (name, rule) in
        [("", "article-name"), ("Up", "article-name"), ("../up", "article-name"), ("-a", "article-name")]
    {
        assert_eq!(refused(&mut desk, &person("erin"), propose(name, &|_| {})), rule, "{name}");
    }
    let wrong: [(&str, Change); 6] = [
        ("title-length", &|body| body.title = " \u{1b}\n".to_owned()),
        ("procedure-length", &|body| body.procedure = "x".repeat(20_001)),
        ("symptom-length", &|body| body.symptoms.words = vec!["x".repeat(401)]),
        ("signature-form", &|body| body.symptoms.signatures = vec!["zebra".to_owned()]),
        ("fix-twice", &|body| body.fixes.push(body.fixes[0].clone())),
        ("article-length", &|body| body.symptoms.words = vec!["x".to_owned(); 41]),
    ];
    for (rule, change) in wrong {
        assert_eq!(refused(&mut desk, &person("erin"), propose("a", change)), rule);
    }
    desk.must(&person("erin"), propose("a", &|body| body.procedure = "a\u{1b}[31m\n\tb\r\n".to_owned()));
    assert_eq!(article(&desk, "a").body.procedure, "a[31m\n    b");
}

#[test]
fn the_seeds_are_articles_and_read_back_as_they_were_written() {
    assert_eq!(SEEDS.len(), 8);
    let mut desk = calm();
    for (file, text) in SEEDS {
        let (name, body) = read_article(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(*file, format!("{name}.md"));
        let written = write_article(&name, &body);
        assert_eq!(read_article(&written), Ok((name.clone(), body.clone())));
        desk.must(
            &person("erin"),
            Command::ImportArticle { article: name.clone(), body: body.clone(), replace: false },
        );
        assert_eq!(article(&desk, &name).body, body, "the rules leave it as it is");
    }
}

fn names(found: &serde_json::Value) -> Vec<&str> {
    found.as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap()).collect()
}

#[test]
fn the_program_writes_finds_and_carries_articles() {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    std::fs::write(script.home().join("codeblue.toml"), cli::platform(script.folder.path())).unwrap();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/knowledge");
    let (code, found) =
        script.json(&["knowledge", "search", "--from", seeds.to_str().unwrap(), "too", "many", "clients"]);
    assert_eq!((code, names(&found)[0]), (0, "database-connection"), "without an engine");

    let _engine = script.serve();
    let (code, done) = script.json(&["knowledge", "import", "--seeds", "--confirm"]);
    assert_eq!((code, done["imported"].as_array().unwrap().len()), (0, 8), "{done}");
    let (_, again) = script.json(&["knowledge", "import", "--seeds"]);
    assert_eq!(again["unchanged"].as_array().unwrap().len(), 8);
    let (code, found) = script.json(&["knowledge", "search", "ECONNREFUSED"]);
    assert!(code == 0 && names(&found).contains(&"database-connection"), "{found}");
    let reason = &found[0]["why"][0];
    assert_eq!((reason["asked"].as_str(), reason["part"].as_str()), (Some("econnrefused"), Some("symptoms")));
    let (_, shown) = script.json(&["knowledge", "show", "data-corruption"]);
    assert_eq!(shown["fixes"][0]["estimate"]["n"], 0);
    assert_eq!(shown["article"]["state"], "confirmed");

    let file = script.folder.path().join("pool.md");
    let at = file.to_str().unwrap();
    std::fs::write(&file, "+++\nname = \"pool\"\ntitle = \"The pool\"\ncatgory = \"database\"\n+++\n").unwrap();
    let (code, _, err) = script.run(&["knowledge", "add", "--file", at]);
    assert!(code == 2 && err.contains("pool.md: line 4: unknown field `catgory`"), "{code} {err}");
    std::fs::write(&file, "+++\nname = \"pool\"\ntitle = \"The pool\"\ncategory = \"database\"\n+++\nLook.\n").unwrap();
    assert_eq!(script.run(&["knowledge", "add", "--file", at]).0, 0);
    assert_eq!(script.run(&["knowledge", "add", "--file", at]).0, 3, "it is there");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + "\n# Prevention\n\nLook sooner.\n").unwrap();
    assert_eq!(script.run(&["knowledge", "edit", "pool", "--file", at]).0, 0);
    let (_, list) = script.json(&["knowledge", "list", "--state", "proposed"]);
    assert_eq!((names(&list), &list[0]["version"]), (vec!["pool"], &2.into()));
    assert_eq!(script.run(&["knowledge", "confirm", "pool", "--version", "1"]).0, 3, "that is not what it says now");
    assert_eq!(script.run(&["knowledge", "confirm", "pool"]).0, 0);

    let folder = script.folder.path().join("out");
    let (code, files) = script.json(&["knowledge", "export", "--to", folder.to_str().unwrap()]);
    assert_eq!((code, files.as_array().unwrap().len()), (0, 9));
    let (_, again) = script.json(&["knowledge", "import", folder.to_str().unwrap()]);
    assert_eq!(again["unchanged"].as_array().unwrap().len(), 9, "what went out comes in as the same: {again}");
    assert_eq!(script.run(&["knowledge", "retire", "pool", "--reason", "gone"]).0, 0);
    let (_, found) = script.json(&["knowledge", "search", "pool"]);
    assert!(!names(&found).contains(&"pool"));
    let (_, list) = script.json(&["knowledge", "list"]);
    assert_eq!(list.as_array().unwrap().len(), 9);
    assert_eq!(script.run(&["knowledge", "show", "zebra"]).0, 3);
    assert_eq!(script.run(&["diagnose", "judge", "DGN-1", "right"]).0, 3);
    assert_eq!(script.run(&["diagnose", "judge", "DGN-1", "perhaps"]).0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diagnosis_names_what_is_known_and_a_person_judges_it() {
    let platform = outage::Platform::new("critical").await;
    let file = platform.home.platform_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"alice\"", &format!("name = \"alice\"\nlogin = \"{}\"", me())))
        .unwrap();
    let engine = platform.engine().await;
    let handle = engine.handle();
    let server = serve(handle.clone(), &platform.home.socket()).unwrap();
    let client = Client::unix(&platform.home.socket(), Some("alice".to_owned())).unwrap();
    let mut known = body("A release misses a column");
    known.symptoms.words = vec!["missing column".to_owned()];
    for (name, confirmed) in [("column", true), ("column-too", false)] {
        client
            .submit(&Command::ImportArticle { article: name.to_owned(), body: known.clone(), replace: false })
            .await
            .unwrap();
        if confirmed {
            client.submit(&Command::ConfirmArticle { article: name.to_owned(), version: None }).await.unwrap();
        }
    }
    let found = client.find_articles("colum misses & more", &[], None, 9).await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");

    let well = |state: &State| state.services.get("patient-api").is_some_and(|health| health.status == Status::Healthy);
    until(&handle, "healthy on v40", |state| well(state) && state.live_version("patient-api-code") == Some("v40"))
        .await;
    switch(&platform.root, "v41");
    let over = |state: &State| {
        let first = state.diagnoses.values().next();
        first.is_some_and(|found| matches!(found.state, DiagnosisState::Concluded { .. }))
    };
    let state = until(&handle, "the diagnosis concluded", over).await;
    let diagnosis = state.diagnoses.values().next().unwrap();
    let document = diagnosis.document().unwrap();
    assert_eq!(document.knowledge_base_articles, ["column"], "what nobody stands for is not named");
    let places: Vec<u8> = document.suggested_fixes.iter().map(|fix| fix.priority).collect();
    assert_eq!(places, (1..).take(places.len()).collect::<Vec<u8>>());

    client.submit(&verdict(diagnosis.id, Judgement::Right)).await.unwrap();
    let state = client.state().await.unwrap();
    let kept = &state.knowledge.verdicts[0];
    assert_eq!((kept.judgement, kept.service.as_str()), (Judgement::Right, "patient-api"));
    assert!((kept.confidence - document.root_cause.confidence).abs() < 1e-9);
    server.stop().await;
    engine.stop("test").await;
}
