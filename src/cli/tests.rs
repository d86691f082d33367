//! The command line as people and scripts write it.

use std::collections::BTreeMap;

use clap::{Parser, error::ErrorKind};

use super::{Arguments, Exit, error::CliError, examples::EXAMPLES};
use crate::{client::ClientError, domain::Refusal};

fn parse(line: &str) -> Result<Arguments, ErrorKind> {
    Arguments::try_parse_from(std::iter::once("codeblue").chain(line.split_whitespace())).map_err(|error| error.kind())
}

#[test]
fn the_table_of_commands_is_consistent() {
    <Arguments as clap::CommandFactory>::command().debug_assert();
}

/// Everything that can be run, by its words, with what `--help` says first of it.
fn commands() -> BTreeMap<String, String> {
    fn below(command: &clap::Command, path: &str, found: &mut BTreeMap<String, String>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = format!("{path}{}", sub.get_name());
            if !sub.is_subcommand_required_set() {
                found.insert(path.clone(), sub.get_about().map(ToString::to_string).unwrap_or_default());
            }
            below(sub, &format!("{path} "), found);
        }
    }
    let mut found = BTreeMap::new();
    below(&Arguments::program(), "", &mut found);
    found
}

#[test]
fn help_says_of_every_command_what_it_does_and_shows_it_at_work() {
    let commands = commands();
    assert!(commands.len() > 150, "only {} commands were found", commands.len());
    for (name, about) in &commands {
        assert!(!about.is_empty(), "nothing says what `{name}` does");
        assert!(EXAMPLES.iter().any(|(of, lines)| of == name && !lines.is_empty()), "`{name}` has no example");
    }
    for (of, lines) in EXAMPLES {
        assert!(commands.contains_key(*of), "there is no `{of}`");
        for line in *lines {
            // What the shell does with the rest is its own affair.
            let typed = line.split(['<', '>']).next().unwrap_or_default();
            let words = shell_words::split(typed).expect("it can be typed");
            assert!(words.join(" ").starts_with(of), "{line} is no example of {of}");
            let read = Arguments::try_parse_from(std::iter::once("codeblue".to_owned()).chain(words));
            assert!(read.is_ok(), "{line}: {:?}", read.map(|_| ()).map_err(|error| error.to_string()));
        }
    }
    let help = Arguments::program()
        .find_subcommand_mut("incident")
        .and_then(|incident| Some(incident.find_subcommand_mut("declare")?.render_help().to_string()));
    assert!(help.is_some_and(|help| help.contains("Examples:\n  codeblue incident declare 'charts")));
}

#[test]
fn every_verb_of_the_contract_is_there() {
    let promised = [
        ("", "demo init check serve reload doctor status watch rollback diagnose patterns redact anomalies rootcause"),
        ("", "emergency disaster-recovery test-recovery validate-integrity create-snapshot completions man schema"),
        ("service", "list show maintenance"),
        ("incident", "list show declare ack note assign escalate resolve close reopen merge link"),
        ("snapshot", "create list show diff verify test-restore pin prune replicate restic-env"),
        ("recovery", "list show cancel undo"),
        ("deploy", "record list"),
        ("change", "submit list show approve reject revoke delegate implement validate review"),
        ("knowledge", "list show search add edit"),
        ("runbook", "list show lint fmt plan run resume mark-done undo"),
        ("drill", "list run report schedule"),
        ("sandbox", "up down fault heal status"),
        ("operator", "add list role disable"),
        ("operator totp", "enrol confirm remove reset"),
        ("token", "create list revoke"),
        ("break-glass", "open execute end revoke review list show"),
        ("alert", "list"),
        ("audit", "list show verify prove checkpoint export"),
        ("report", "postmortem recovery metrics"),
        ("host", "list add remove"),
    ];
    let commands = commands();
    for (noun, verbs) in promised {
        for verb in verbs.split(' ') {
            let name = format!("{noun} {verb}");
            assert!(commands.contains_key(name.trim()), "`{}` is promised and not there", name.trim());
        }
    }
}

#[test]
fn what_the_contract_promises_is_understood() {
    for line in [
        "init",
        "check --file codeblue.toml",
        "serve --home /srv/cb",
        "reload",
        "reload --dry-run",
        "doctor",
        "doctor --json",
        "settings show",
        "settings show --changed --json",
        "settings themes",
        "settings theme midnight",
        "status --json",
        "--json status",
        "service list",
        "service show auth",
        "service maintenance auth --for 2h --reason patching",
        "service maintenance auth --end",
        "service maintenance auth --for 2h --at 02:30",
        "service maintenance auth --end --at 2026-11-22T02:30:00Z",
        "service maintenance",
        "breaker list",
        "breaker list --state half-open",
        "breaker reset auth --reason replaced",
        "breaker force auth open --for 30m --reason racks",
        "drill list",
        "drill run pool-exhaustion --seed 7 --mode key-person-away --away carol --unattended perfect",
        "drill run",
        "drill answer records-db --cause pool-exhausted",
        "drill answer --nothing-broken",
        "drill abort --reason real",
        "drill report DRILL-1 --format html",
        "report drill DRILL-1",
        "drill schedule wrong-dose --every quarter",
        "drill schedule wrong-dose --off",
        "incident list --open",
        "incident show INC-42",
        "incident declare slow --severity 2 --service auth --service records-db",
        "incident declare slow -s SEV1",
        "incident ack inc-42",
        "incident note 42 text",
        "incident assign INC-42 alice --role communications",
        "incident escalate INC-42 --reason stuck",
        "incident severity INC-42 1 --reason wider",
        "incident resolve INC-42 --reason fixed",
        "incident close INC-42",
        "incident reopen INC-42 --reason again",
        "incident merge INC-42 INC-41",
        "incident link INC-42 INC-41",
        "incident update INC-42 text --conditions down --actions rollback --needs paper",
        "incident postmortem INC-42",
        "incident postmortem INC-42 --well a --well b --badly c --lucky d --lesson e",
        "incident postmortem complete INC-42",
        "incident action add INC-42 alert --kind detect --owner alice --due 2026-02-01",
        "incident action set INC-42 1 --due 2026-02-01",
        "incident action done INC-42 1",
        "incident action list",
        "audit verify --file journal.db --key a.pub --key b.pub --checkpoints elsewhere --checkpoints more",
        "audit verify --proof event.tlog-proof --key a.pub",
        "audit checkpoint",
        "audit prove 42 --to event.tlog-proof",
        "audit consistency 10 42",
        "audit export --to evidence",
        "report postmortem INC-42 --format md",
        "report metrics --window 30d --format html",
        "report metrics --format json",
        "snapshot create",
        "snapshot create --component records --component files --no-wait",
        "snapshot list",
        "snapshot show SNP-1",
        "snapshot diff SNP-1",
        "snapshot diff SNP-1 SNP-2",
        "snapshot verify SNP-1",
        "snapshot pin SNP-1 --off",
        "snapshot restic-env",
        "rollback --service patient-api --reason broken --dry-run",
        "rollback --component a b --component c --to v40 --reason broken --confirm a,b,c --wait",
        "rollback --everything --at 14:05 --reason broken",
        "recovery list",
        "recovery show REC-9 --wait",
        "recovery cancel REC-9 --reason wrong",
        "recovery undo REC-9 --reason wrong --confirm REC-9",
        "deploy record patient-api-code v41 --note release",
        "deploy list --component patient-api-code",
        "change list --pending",
        "change show CHG-17 --dry-run",
        "change approve CHG-17",
        "change approve CHG-17 --plan abc --reason yes",
        "change reject CHG-17 --reason no",
        "change revoke CHG-17 --reason no",
        "change withdraw CHG-17 --reason no",
        "break-glass open INC-42 --service auth --service records-db --ceiling data --for 45m --reason text --confirm INC-42",
        "break-glass execute CHG-17 --confirm CHG-17 --wait",
        "break-glass end BG-1",
        "break-glass revoke bg-1 --reason no",
        "break-glass review BG-1 --verdict justified --findings text",
        "break-glass list --json",
        "break-glass show BG-1",
        "diagnose",
        "diagnose INC-42 --last",
        "diagnose --log auth.log --log api=x.log --platform codeblue.toml --at 2026-03-02T09:30:00Z --json",
        "action list",
        "action run patient-api restart --confirm patient-api",
        "automation show",
        "automation set observe",
        "automation halt --reason stop",
        "automation release",
        "operator add bob --role engineer --role compliance-officer --login bob",
        "operator list --as bob",
        "operator disable bob",
        "operator disable bob --reason left",
        "operator enable bob --reason back",
        "operator show bob",
        "operator role bob --role viewer",
        "operator add bob-bot --role engineer --belongs-to bob",
        "operator key add bob --file bob.pub",
        "operator key list bob",
        "operator key remove bob SHA256:abc",
        "operator totp enrol",
        "operator totp confirm --code 123456",
        "operator totp remove --code -",
        "operator totp reset bob --reason lost",
        "token create --name ci --scope report --for 90d",
        "token list --token-file f",
        "token revoke TOK-3",
        "change approve CHG-17 --code 123456",
        "audit list --since 4 --limit 10",
        "audit show 7",
        "audit verify --file journal.db --json",
        "demo --dir d --headless --for 30s --seed 7 --as bob",
        "sandbox up --dir d --detach",
        "sandbox down",
        "sandbox fault list",
        "sandbox fault kill auth --for 30s --dir d",
        "sandbox heal --dir d",
        "sandbox status --json",
        "completions bash",
        "",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).map(|_| ()));
    }
}

#[test]
fn what_could_be_misunderstood_is_not_accepted() {
    let rejected = |line: &str| parse(line).map(|_| ()).unwrap_err();
    assert_eq!(rejected("rollback --reason r"), ErrorKind::MissingRequiredArgument);
    assert_eq!(rejected("rollback --service a"), ErrorKind::MissingRequiredArgument);
    assert_eq!(rejected("rollback --everything --service a --reason r"), ErrorKind::ArgumentConflict);
    assert_eq!(rejected("rollback --service a --reason r --to v1 --at 14:05"), ErrorKind::ArgumentConflict);
    assert_eq!(rejected("rollback --service a --reason r --dry-run --confirm a"), ErrorKind::ArgumentConflict);
    assert_eq!(rejected("incident show CHG-1"), ErrorKind::ValueValidation);
    assert_eq!(rejected("incident declare x --severity 5"), ErrorKind::ValueValidation);
    assert_eq!(rejected("automation set full"), ErrorKind::InvalidValue);
    assert_eq!(rejected("break-glass open INC-1 --reason text"), ErrorKind::MissingRequiredArgument);
    assert_eq!(rejected("break-glass review BG-1 --verdict fine --findings text"), ErrorKind::InvalidValue);
    assert_eq!(rejected("operator add bob"), ErrorKind::MissingRequiredArgument);
    assert_eq!(rejected("service maintenance auth"), ErrorKind::MissingRequiredArgument);
    assert_eq!(rejected("service maintenance auth --for 2h --end"), ErrorKind::ArgumentConflict);
    assert_eq!(rejected("service maintenance --for 2h"), ErrorKind::MissingRequiredArgument);
    assert_eq!(rejected("audit list --limit 0"), ErrorKind::ValueValidation);
    assert_eq!(rejected("incident postmortem --well a"), ErrorKind::MissingRequiredArgument);
    assert_eq!(rejected("incident action set INC-1 1"), ErrorKind::MissingRequiredArgument);
    assert_eq!(rejected("incident action add INC-1 alert --kind blame"), ErrorKind::InvalidValue);
    assert_eq!(rejected("frobnicate"), ErrorKind::InvalidSubcommand);
}

#[test]
fn every_failure_has_the_exit_code_of_the_contract() {
    let exit = |error: ClientError| CliError::from(error).exit();
    assert_eq!(exit(ClientError::Failed("x".to_owned())), Exit::Failed);
    assert_eq!(exit(ClientError::Invalid("x".to_owned())), Exit::Usage);
    assert_eq!(exit(ClientError::Refused(Refusal::new("own-change", "no").hint("somebody else"))), Exit::Refused);
    assert_eq!(exit(ClientError::NoEngine { at: "s".to_owned(), reason: "gone".to_owned() }), Exit::NoEngine);
    assert_eq!(Exit::Undecided as u8, 10);
    let problems = crate::platform::parse("[platfrom]", "codeblue.toml".as_ref()).unwrap_err();
    assert_eq!(CliError::from(problems).exit(), Exit::Usage);
}

#[test]
fn an_error_is_worded_as_the_api_words_it() {
    let refusal = Refusal::new("own-change", "alice requested CHG-1").hint("somebody else has to");
    assert_eq!(
        CliError::from(refusal).document().to_string(),
        r#"{"error":{"code":"own-change","message":"alice requested CHG-1","hint":"somebody else has to"}}"#
    );
}
