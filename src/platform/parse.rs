//! From the text of a platform file to a [`Platform`], or to everything that is wrong with it.

use std::{fs::File, io::Read, path::Path, time::Duration};

use toml::de::{DeTable, DeValue};

use super::{
    adapter::Adapter,
    breaker::breaker,
    log_files, log_source,
    model::{
        Action, ActionRisk, Automation, AutomationMode, Component, ComponentKind, Criticality, OperatorEntry, Platform,
        Profile, Purpose, Role, Service,
    },
    parse_access,
    parse_adapter::{self, paths},
    parse_change_rules, parse_check, parse_continuity, parse_evidence, parse_language_model, parse_listen,
    parse_maintenance, parse_oncall, parse_vault,
    problem::{Problem, Problems},
    reader::{Found, Reader, Section, Value},
    redaction,
    validate::{self, Spans},
};

/// A platform file larger than this is a mistake.
const MAX_BYTES: u64 = 4 << 20;

const EVERY_SNAPSHOT: Duration = Duration::from_secs(3600);
const RPO: Duration = Duration::from_secs(3600);
const RTO: Duration = Duration::from_secs(300);
const ACTION_TAKES: Duration = Duration::from_secs(30);

/// Reads a platform file.
///
/// # Errors
/// Everything that is wrong with it, with lines; also when it cannot be read at all.
pub fn load(path: &Path) -> Result<Platform, Problems> {
    let whole = |what: String, expected: &str| {
        Problems::new(vec![Problem {
            file: path.display().to_string(),
            line: None,
            column: None,
            place: String::new(),
            what,
            expected: expected.to_owned(),
            nearest: None,
        }])
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| whole(format!("it cannot be read: {error}"), "a platform file; `codeblue init` writes one"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(whole("it is larger than 4 MiB".to_owned(), "a platform file"));
    }
    let text = String::from_utf8(bytes).map_err(|_| whole("it is not UTF-8 text".to_owned(), "a platform file"))?;
    parse(&text, path)
}

/// Reads the text of a platform file; `file` is where it comes from: its folder resolves relative paths.
///
/// # Errors
/// Everything that is wrong with it, with lines. When the text is not TOML, only the syntax errors.
pub fn parse(text: &str, file: &Path) -> Result<Platform, Problems> {
    let mut reader = Reader::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        reader.syntax(&errors);
        return Err(Problems::new(reader.into_problems()));
    }
    let mut root = Section::new(table.get_ref(), 0, "");
    let mut spans = Spans::default();
    let (name, profile) = heading(&mut root, &mut reader);
    let mode = automation(&mut root, &mut reader);
    let access = parse_access::access(&mut root, &mut reader, profile);
    let listen = parse_listen::listen(&mut root, &mut reader);
    let log = log_files::log_files(&mut root, &mut reader);
    let vault = parse_vault::vault(&mut root, &mut reader, &mut spans, profile);
    let evidence = parse_evidence::evidence(&mut root, &mut reader);
    let language_model = parse_language_model::language_model(&mut root, &mut reader);
    let redact = redaction::rules(&mut root, &mut reader);
    let services = root.get("service");
    // Checks refer to components.
    let components = reader.sections(root.get("component"), "component");
    let components: Vec<Component> =
        components.into_iter().filter_map(|section| component(section, &mut reader, &mut spans)).collect();
    let services = reader.sections(services, "service");
    let services: Vec<Service> =
        services.into_iter().map(|section| service(section, &components, &mut reader, &mut spans)).collect();
    let operators = reader.sections(root.get("operator"), "operator");
    let operators: Vec<OperatorEntry> =
        operators.into_iter().map(|section| operator(section, &mut reader, &mut spans)).collect();
    let windows = reader.sections(root.get("maintenance"), "maintenance");
    let maintenance =
        windows.into_iter().filter_map(|section| parse_maintenance::window(section, &mut reader, &mut spans)).collect();
    let on_call = reader.sections(root.get("oncall"), "oncall");
    let on_call =
        on_call.into_iter().filter_map(|section| parse_oncall::schedule(section, &mut reader, &mut spans)).collect();
    let approvals = parse_change_rules::approvals(&mut root, &mut reader, &mut spans);
    let freezes = reader.sections(root.get("freeze"), "freeze");
    let freezes = freezes
        .into_iter()
        .filter_map(|section| parse_change_rules::freeze(section, &mut reader, &mut spans))
        .collect();
    let functions = reader.sections(root.get("function"), "function");
    let functions = functions
        .into_iter()
        .filter_map(|section| parse_continuity::function(section, &mut reader, &mut spans))
        .collect();
    root.finish(&mut reader);

    let automation = Automation { mode };
    let platform = Platform {
        name,
        profile,
        automation,
        access,
        listen,
        log,
        vault,
        evidence,
        language_model,
        redact,
        services,
        components,
        operators,
        maintenance,
        on_call,
        approvals,
        freezes,
        functions,
    };
    validate::validate(&platform, &spans, &mut reader);
    let problems = reader.into_problems();
    if problems.is_empty() { Ok(platform) } else { Err(Problems::new(problems)) }
}

fn heading(root: &mut Section<'_, '_>, reader: &mut Reader) -> (String, Profile) {
    let expected = "a table headed [platform] with the platform's name";
    let Some(value) = root.get("platform") else {
        reader.problem(0, "platform", "it is missing", expected);
        return (String::new(), Profile::default());
    };
    let Some(mut section) = reader.section(value, "platform", expected) else {
        return (String::new(), Profile::default());
    };
    let name = section.require(reader, "name", "the name shown on every screen", |reader, value, place| {
        let name = reader.text(value, place, "the name shown on every screen")?;
        if name.value.chars().count() > 64 || name.value.chars().any(char::is_control) {
            reader.problem(name.at, place, "it does not fit on a screen", "at most 64 characters on one line");
        }
        Some(name.value)
    });
    let profile = section.read(reader, "profile", |reader, value, place| {
        let choices = [("drill", Profile::Drill), ("staging", Profile::Staging), ("production", Profile::Production)];
        reader.choice(value, place, &choices)
    });
    section.finish(reader);
    (name.unwrap_or_default(), profile.unwrap_or_default())
}

fn automation(root: &mut Section<'_, '_>, reader: &mut Reader) -> AutomationMode {
    let Some(value) = root.get("automation") else { return AutomationMode::default() };
    let Some(mut section) = reader.section(value, "automation", "a table headed [automation]") else {
        return AutomationMode::default();
    };
    let mode = section.read(reader, "mode", |reader, value, place| {
        let choices =
            [("observe", AutomationMode::Observe), ("assist", AutomationMode::Assist), ("auto", AutomationMode::Auto)];
        reader.choice(value, place, &choices)
    });
    section.finish(reader);
    mode.unwrap_or_default()
}

/// The name of a section, empty when it has none (which is reported), and where it stands.
pub(super) fn name_of(section: &mut Section<'_, '_>, reader: &mut Reader) -> Found<String> {
    let at = section.at();
    let expected = "a name, such as name = \"patient-api\"";
    section.require(reader, "name", expected, Reader::name).unwrap_or(Found { value: String::new(), at })
}

fn service(mut section: Section<'_, '_>, components: &[Component], reader: &mut Reader, spans: &mut Spans) -> Service {
    let name = name_of(&mut section, reader);
    let criticality = section.read(reader, "criticality", |reader, value, place| {
        let choices = [
            ("critical", Criticality::Critical),
            ("high", Criticality::High),
            ("medium", Criticality::Medium),
            ("low", Criticality::Low),
        ];
        reader.choice(value, place, &choices)
    });
    let depends_on = section.read(reader, "depends_on", |reader, value, place| Some(needs(reader, value, place)));
    let (depends_on, any_of) = depends_on.unwrap_or_default();
    let owner = section.read(reader, "owner", |reader, value, place| reader.text(value, place, "the name of a team"));
    let functions = section.read(reader, "functions", parse_change_rules::functions);
    let users = section.read(reader, "users", |reader, value, place| reader.number(value, place, 0..=1_000_000_000));
    let health_information = section.read(reader, "health_information", parse_change_rules::health_information);
    let safeguard = section.read(reader, "safeguard", Reader::flag);
    let logs = section.read(reader, "logs", paths);
    let log = reader.sections(section.get("log"), "service.log");
    let log = log_source::sources(log, reader);
    let checks = reader.sections(section.get("check"), "service.check");
    let checks = parse_check::checks(checks, &name.value, components, reader);
    let breaker = section.read(reader, "breaker", |reader, value, place| {
        Some(breaker(reader, value, place, checks.iter().map(|check| &check.value)))
    });
    let actions = reader.sections(section.get("action"), "service.action");
    let actions: Vec<_> = actions.into_iter().filter_map(|section| action(section, reader)).collect();
    section.finish(reader);

    spans.services.push(validate::ServiceSpans {
        name: name.at,
        depends_on: depends_on.iter().map(|needed| needed.at).collect(),
        checks: checks.iter().map(|check| check.at).collect(),
        actions: actions.iter().map(|action| action.at).collect(),
    });
    Service {
        name: name.value,
        criticality: criticality.unwrap_or(Criticality::Medium),
        depends_on: depends_on.into_iter().map(|needed| needed.value).collect(),
        any_of,
        owner: owner.map(|owner| owner.value),
        functions: functions.unwrap_or_default(),
        users: users.map(u64::from),
        health_information: health_information.unwrap_or_default(),
        safeguard: safeguard.unwrap_or_default(),
        logs: logs.unwrap_or_default(),
        log,
        breaker: breaker.unwrap_or_default(),
        checks: checks.into_iter().map(|check| check.value).collect(),
        actions: actions.into_iter().map(|action| action.value).collect(),
    }
}

/// The services that one needs, and the groups among them of which one is enough.
fn needs(reader: &mut Reader, value: &Value<'_>, place: &str) -> (Vec<Found<String>>, Vec<Vec<String>>) {
    let (mut all, mut groups) = (Vec::new(), Vec::new());
    for item in reader.items(value, place, "services") {
        if let DeValue::Array(_) = item.get_ref() {
            let members = reader.items(item, place, "services of which one is enough");
            let named: Vec<_> =
                members.iter().filter_map(|member| reader.text(member, place, "the name of a service")).collect();
            if named.len() < 2 {
                reader.problem(
                    item.span().start,
                    place,
                    "a group of fewer than two",
                    "services of which one is enough",
                );
            }
            groups.push(named.iter().map(|member| member.value.clone()).collect());
            all.extend(named);
        } else {
            all.extend(reader.text(item, place, "the name of a service"));
        }
    }
    (all, groups)
}

fn action(mut section: Section<'_, '_>, reader: &mut Reader) -> Option<Found<Action>> {
    let name = name_of(&mut section, reader);
    let run = section.require(reader, "run", "the command that does it", Reader::command);
    let risk = section.read(reader, "risk", |reader, value, place| {
        let choices = [("low", ActionRisk::Low), ("medium", ActionRisk::Medium), ("high", ActionRisk::High)];
        reader.choice(value, place, &choices)
    });
    let takes = section.read(reader, "takes", Reader::duration);
    let purpose = section.read(reader, "for", |reader, value, place| {
        reader.choice(value, place, &[("contain", Purpose::Contain), ("stop-writes", Purpose::StopWrites)])
    });
    section.finish(reader);
    let action = Action {
        name: name.value,
        run: run?,
        risk: risk.unwrap_or_default(),
        takes: takes.unwrap_or(ACTION_TAKES),
        purpose,
    };
    Some(Found { value: action, at: name.at })
}

fn component(mut section: Section<'_, '_>, reader: &mut Reader, spans: &mut Spans) -> Option<Component> {
    let name = name_of(&mut section, reader);
    let service =
        section.require(reader, "service", "the name of the service it belongs to", |reader, value, place| {
            reader.text(value, place, "the name of a service")
        });
    let kind = section.read(reader, "kind", |reader, value, place| {
        let choices = [
            ("code", ComponentKind::Code),
            ("config", ComponentKind::Config),
            ("database", ComponentKind::Database),
            ("data", ComponentKind::Data),
        ];
        reader.choice(value, place, &choices)
    });
    let every = section.read(reader, "every", Reader::duration);
    let rpo = section.read(reader, "rpo", Reader::duration);
    let rto = section.read(reader, "rto", Reader::duration);
    let outer_reload = section.read(reader, "reload", Reader::command);
    let adapter = parse_adapter::adapter(&mut section, reader);
    section.finish(reader);
    let (adapter, inner_reload) = adapter?;
    if let (Some(_), Some(inner)) = (&outer_reload, &inner_reload) {
        reader.problem(inner.at, "component.reload", "it is given twice", "one reload command");
    }
    let service = service.unwrap_or(Found { value: String::new(), at: name.at });
    spans.components.push(validate::ComponentSpans { name: name.at, service: service.at });
    Some(Component {
        name: name.value,
        service: service.value,
        kind: kind.unwrap_or(match adapter {
            Adapter::Release { .. } | Adapter::Git { .. } => ComponentKind::Code,
            Adapter::Env { .. } | Adapter::Flags { .. } => ComponentKind::Config,
            Adapter::Files { .. } | Adapter::Command(_) => ComponentKind::Data,
            Adapter::Sqlite { .. } | Adapter::Postgres { .. } => ComponentKind::Database,
        }),
        every: every.unwrap_or(EVERY_SNAPSHOT),
        rpo: rpo.unwrap_or(RPO),
        rto: rto.unwrap_or(RTO),
        adapter,
        reload: outer_reload.or(inner_reload.map(|reload| reload.value)),
    })
}

pub(super) fn role(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Role> {
    let roles = [Role::Viewer, Role::Engineer, Role::TechnicalLead, Role::Cto, Role::ComplianceOfficer];
    reader.choice(value, place, &roles.map(|role| (role.name(), role)))
}

fn operator(mut section: Section<'_, '_>, reader: &mut Reader, spans: &mut Spans) -> OperatorEntry {
    let name = name_of(&mut section, reader);
    let at = section.at();
    let roles = section.require(reader, "roles", "a list such as roles = [\"engineer\"]", |reader, value, place| {
        let items = reader.items(value, place, "roles");
        let mut roles: Vec<Role> = items.iter().filter_map(|item| role(reader, item, place)).collect();
        roles.sort_unstable();
        roles.dedup();
        Some(roles)
    });
    let mut login_at = at;
    let login = section.read(reader, "login", |reader, value, place| {
        let login = reader.text(value, place, "a login on this host")?;
        login_at = login.at;
        if login.value.len() > 64 || login.value.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':') {
            reader.problem(login.at, place, format!("{:?} is no login", login.value), "a login on this host");
        }
        Some(login.value)
    });
    section.finish(reader);
    spans.operators.push(validate::OperatorSpans { name: name.at, login: login_at });
    OperatorEntry { name: name.value, roles: roles.unwrap_or_default(), login }
}
