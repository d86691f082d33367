//! The recipes of `docs/recipes.md`, read from the page itself: each is captured, spoiled, brought back and undone against
//! stand-ins that speak the real tools' arguments and refuse everything else.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use codeblue::{
    platform::{Component, parse},
    recovery::{self, DryRun, Target},
    vault::{CancelFlag, Vault},
};

const PAGE: &str = include_str!("../../docs/recipes.md");

/// The blocks of the page by their heading.
fn blocks() -> BTreeMap<&'static str, &'static str> {
    let sections = PAGE.split("\n## ").skip(1);
    sections
        .map(|section| {
            let (heading, rest) = section.split_once('\n').unwrap();
            let block = rest.split("```toml\n").nth(1).and_then(|rest| rest.split_once("```")).unwrap().0;
            (heading, block)
        })
        .collect()
}

/// A host with one component from the page, whose paths and programs lie in a folder of the test.
struct Host {
    folder: tempfile::TempDir,
    component: Component,
    vault: Vault,
}

impl Host {
    fn new(heading: &str, stand_ins: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        fs::create_dir_all(folder.path().join("etc")).unwrap();
        let mut block = blocks()[heading].replace("/etc/", &format!("{at}/etc/"));
        for (name, script) in stand_ins {
            let path = folder.path().join(name);
            let refuse = format!("refuse() {{ echo \"{name} was not expected to be called with: $*\" >&2; exit 64; }}");
            fs::write(&path, format!("#!/bin/sh\nset -u\ncd '{at}'\n{refuse}\n{}\n", script.replace("@AT@", &at)))
                .unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
            // as a program of its own, or as a word of a shell
            for (before, after) in [("[\"", "\""), ("&& ", " "), ("\"", " "), ("$(", " ")] {
                block = block.replace(&format!("{before}{name}{after}"), &format!("{before}{}{after}", path.display()));
            }
        }
        let text = format!("[platform]\nname = \"Shop\"\n[[service]]\nname = \"web\"\n{block}");
        let platform =
            parse(&text, Path::new("/codeblue.toml")).unwrap_or_else(|problems| panic!("{heading}: {problems}"));
        let vault = Vault::open_or_init(&folder.path().join("vault"), &folder.path().join("keys")).unwrap();
        Self { component: platform.components[0].clone(), folder, vault }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn capture(&self) -> Target {
        let (cancel, now) = (CancelFlag::new(), DateTime::<Utc>::UNIX_EPOCH);
        let taken = recovery::capture(&self.component, &self.vault, &self.path("staging"), &[], now, &cancel).unwrap();
        assert!(!taken.captured.is_partial(), "{:?}", taken.captured.unreadable);
        Target::Snapshot(taken.captured.id)
    }

    fn dry_run(&self, target: &Target) -> DryRun {
        recovery::dry_run(&self.component, target, &self.path("dry"), &self.vault, &CancelFlag::new()).unwrap()
    }

    fn restore(&self, target: &Target, run: &str) -> Result<(), recovery::RecoveryError> {
        let (work, cancel) = (self.path(run), CancelFlag::new());
        recovery::restore(&self.component, target, &work, &self.vault, &cancel)?;
        recovery::reload(&self.component, Duration::from_secs(20), &cancel)?;
        recovery::verify(&self.component, &work, &self.vault)
    }

    /// Captures what is good, spoils it, goes back, and undoes that from the safety snapshot.
    fn round_trip(&self, spoil: impl Fn(), state: impl Fn() -> String) -> DryRun {
        let good = (self.capture(), state());
        spoil();
        let bad = (self.capture(), state());
        assert_ne!(good.1, bad.1);
        let plan = self.dry_run(&good.0);
        assert_eq!(state(), bad.1, "a dry run changed something");
        self.restore(&good.0, "run").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(state(), good.1);
        // undone, whatever it is judged then
        let _ = self.restore(&bad.0, "undo");
        assert_eq!(state(), bad.1);
        plan
    }
}

const KUBECTL: &str = r#"
case "$*" in
"--namespace=shop get deployment/web --output=jsonpath={'[{\"op\":\"replace\",\"path\":\"/spec/template\",\"value\":'}{.spec.template}{'}]'}")
    printf '[{"op":"replace","path":"/spec/template","value":%s}]' "$(cat live/$(cat current))" ;;
"--namespace=shop get deployment/web --output=jsonpath={.spec.template.spec.containers[0].image}")
    sed 's/.*"image":"\([^"]*\)".*/\1/' live/$(cat current) ;;
'--namespace=shop get deployment/web --output=jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}')
    printf %s "$(cat current)" ;;
"--namespace=shop patch deployment/web --type=json --patch-file=/dev/stdin"*)
    patch=$(cat)
    template=${patch#'[{"op":"replace","path":"/spec/template","value":'}
    [ "$template" != "$patch" ] || { echo "error: unable to parse the patch" >&2; exit 1; }
    case "$*" in
    *--dry-run=server) echo "deployment.apps/web patched (server dry run)" ;;
    *--patch-file=/dev/stdin)
        echo $(($(cat current) + 1)) > current
        printf %s "${template%\}\]}" > live/$(cat current)
        echo "deployment.apps/web patched" ;;
    *) refuse "$@" ;;
    esac ;;
"--namespace=shop rollout undo deployment/web --to-revision="*)
    revision=${5#--to-revision=}
    [ -e live/$revision ] || { echo "error: unable to find specified revision $revision in history" >&2; exit 1; }
    case "$*" in
    *--dry-run=server) echo "deployment.apps/web rolled back (server dry run)" ;;
    *)  newest=$(($(cat newest) + 1)); echo $newest > newest
        mv live/$revision live/$newest; echo $newest > current
        echo "deployment.apps/web rolled back" ;;
    esac ;;
"--namespace=shop rollout status deployment/web --timeout=2m")
    grep -q '"image":"web:[12]"' live/$(cat current) ||
        { echo "error: deployment \"web\" exceeded its progress deadline" >&2; exit 1; }
    echo 'deployment "web" successfully rolled out' ;;
*) refuse "$@" ;;
esac
"#;

fn template(tag: &str) -> String {
    format!(
        r#"{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{"containers":[{{"image":"web:{tag}","name":"web"}}]}}}}"#
    )
}

fn cluster(heading: &str) -> Host {
    let host = Host::new(heading, &[("kubectl", KUBECTL)]);
    host.write("live/1", &template("1"));
    host.write("live/2", &template("2"));
    host.write("current", "2\n");
    host.write("newest", "2\n");
    host
}

#[test]
fn kubernetes_a_rollout_goes_back_to_the_template_it_had() {
    let host = cluster("Kubernetes: a deployment's rollout");
    let live = || host.read(&format!("live/{}", host.read("current").trim()));
    let deploy = || {
        host.write("live/7", &template("broken"));
        host.write("current", "7\n");
    };
    assert_eq!(recovery::observe(&host.component).unwrap().version.as_deref(), Some("web:2"));
    let good = host.capture();
    let plan = host.round_trip(deploy, live);
    assert_eq!(plan.inside, ["deployment.apps/web patched (server dry run)"]);
    // as often as one likes
    host.restore(&good, "again").unwrap();
    assert_eq!(live(), template("2"));
}

#[test]
fn kubernetes_a_revision_goes_back_once_and_the_second_time_is_refused() {
    let host = cluster("Kubernetes: by revision");
    let live = || host.read(&format!("live/{}", host.read("current").trim()));
    let good = host.capture();
    let deploy = || {
        host.write("live/3", &template("broken"));
        host.write("current", "3\n");
        host.write("newest", "3\n");
    };
    let plan = host.round_trip(deploy, live);
    assert_eq!(plan.inside, ["deployment.apps/web rolled back (server dry run)"]);
    let before = live();
    let refused = host.restore(&good, "again").unwrap_err().to_string();
    assert!(refused.contains("unable to find specified revision 2"), "{refused}");
    assert_eq!(live(), before);
}

#[test]
fn cloudflare_a_worker_goes_back_to_its_version() {
    let wrangler = r#"
status() { printf '{\n  "id": "d-1",\n  "strategy": "percentage",\n  "versions": [\n    { "version_id": "%s", "percentage": 100 }\n  ]\n}\n' "$(cat live)"; }
case "$*" in
"deployments status --name=shop --json") status ;;
"versions view "*" --name=shop") echo "Version ID: $3" ;;
"rollback "*" --name=shop --message=rolled back by codeblue --yes")
    [ $# = 5 ] || refuse "$@"
    printf %s "$2" > live; echo "SUCCESS  Worker Version $2 has been deployed to 100% of traffic." ;;
*) refuse "$@" ;;
esac"#;
    let curl = r#"[ "$*" = "--fail --silent --show-error --max-time 10 https://shop.example.org/health" ] || refuse "$@"
grep -q '^1000' live || { echo "curl: (22) The requested URL returned error: 500" >&2; exit 22; }"#;
    let host = Host::new("Cloudflare Workers: versions", &[("wrangler", wrangler), ("curl", curl)]);
    host.write("live", "10000000-0000-4000-8000-000000000001");
    let plan = host.round_trip(|| host.write("live", "bad00000-0000-4000-8000-000000000002"), || host.read("live"));
    assert_eq!(plan.inside, ["Version ID: 10000000-0000-4000-8000-000000000001"]);
}

#[test]
fn systemd_a_unit_comes_back_and_is_read_anew_before_the_restart() {
    let systemctl = r#"case "$*" in
daemon-reload) cp etc/systemd/system/web.service loaded ;;
"restart web.service") cp loaded running ;;
*) refuse "$@" ;;
esac"#;
    let host = Host::new("systemd: units", &[("systemctl", systemctl)]);
    host.write("etc/systemd/system/web.service", "[Service]\nExecStart=/usr/bin/web\n");
    host.write("etc/systemd/system/web.service.d/limits.conf", "[Service]\nLimitNOFILE=65536\n");
    host.round_trip(
        || {
            host.write("etc/systemd/system/web.service", "[Service]\nExecStart=/usr/bin/wrong\n");
            fs::remove_file(host.path("etc/systemd/system/web.service.d/limits.conf")).unwrap();
            host.write("etc/systemd/system/web.service.d/other.conf", "");
        },
        || {
            let mut names: Vec<_> = fs::read_dir(host.path("etc/systemd/system/web.service.d"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            format!("{names:?} {}", host.read("etc/systemd/system/web.service"))
        },
    );
    assert!(host.read("running").contains("wrong"), "the undo was not read anew");
}

#[test]
fn mysql_a_database_is_dumped_and_loaded_anew() {
    let dump = r#"[ "$*" = "--defaults-extra-file=@AT@/etc/codeblue/mysql.cnf --single-transaction --routines --triggers --events --add-drop-database --databases shop" ] || refuse "$@"
[ -e orders ] || { echo "mysqldump: Got error: 1146: Table 'shop.orders' doesn't exist when using LOCK TABLES" >&2; exit 2; }
echo '-- MySQL dump 10.13  Distrib 8.4.1'
echo '/*!40000 DROP DATABASE IF EXISTS `shop`*/;'
sed 's/^/INSERT INTO `orders` VALUES /' orders
echo '-- Dump completed on 2026-01-15 10:30:00'"#;
    let mysql = r#"[ "$1" = "--defaults-extra-file=@AT@/etc/codeblue/mysql.cnf" ] || refuse "$@"
shift
case "$*" in
"") cat > script
    grep -q 'DROP DATABASE IF EXISTS `shop`' script || refuse "a script that would not drop the database"
    sed -n 's/^INSERT INTO `orders` VALUES //p' script > orders ;;
"--batch --execute=SELECT count(*) FROM shop.orders") echo 'count(*)'; wc -l < orders ;;
*) refuse "$@" ;;
esac"#;
    let host = Host::new("MySQL and MariaDB", &[("mysqldump", dump), ("mysql", mysql)]);
    host.write("orders", "(1,'first')\n(2,'second')\n");
    let plan = host.round_trip(|| host.write("orders", "(1,'overwritten')\n"), || host.read("orders"));
    assert!(plan.summary.contains("cannot be told"), "{}", plan.summary);
    fs::remove_file(host.path("orders")).unwrap();
    let (cancel, now) = (CancelFlag::new(), DateTime::<Utc>::UNIX_EPOCH);
    let refused = recovery::capture(&host.component, &host.vault, &host.path("staging"), &[], now, &cancel);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("shop.orders' doesn't exist"), "{refused}");
}

const HOST: &str = r#"[ "$*" = "-W 5 www.example.org. ns1.example.org" ] || refuse "$@"
grep -q 'www.*192.0.2' zone || { echo "Host www.example.org. not found: 3(NXDOMAIN)"; exit 1; }"#;

#[test]
fn dns_a_zone_is_made_what_it_was() {
    let dump = r#"[ "$1 $3 $4 $#" = "--config-file=@AT@/etc/octodns/config.yaml example.org. live 4" ] || refuse "$@"
case "$2" in --output-dir=/*) cp zone "${2#--output-dir=}/example.org.yaml" ;; *) refuse "$@" ;; esac"#;
    let sync = r#"case "$*" in
"--config-file=@AT@/etc/octodns/restore.yaml example.org.")
    cmp -s zone "$CODEBLUE_DIR/example.org.yaml" && echo "No changes were planned" || echo "*   Update" ;;
"--config-file=@AT@/etc/octodns/restore.yaml --doit --force example.org.") cp "$CODEBLUE_DIR/example.org.yaml" zone ;;
*) refuse "$@" ;;
esac"#;
    let stand_ins = [("octodns-dump", dump), ("octodns-sync", sync), ("host", HOST)];
    let host = Host::new("DNS: a whole zone, with octoDNS", &stand_ins);
    host.write("zone", "www:\n  type: A\n  value: 192.0.2.10\n".replace('\n', " ").as_str());
    let plan = host.round_trip(|| host.write("zone", "www: gone"), || host.read("zone"));
    assert_eq!(plan.inside, ["*   Update"]);
}

#[test]
fn dns_a_record_is_updated_to_what_it_was() {
    let dig = r#"[ "$*" = "+noall +answer @ns1.example.org www.example.org. A" ] || refuse "$@"
cat zone"#;
    let nsupdate = r#"[ "$*" = "-k @AT@/etc/codeblue/dns.key" ] || refuse "$@"
script=$(cat)
case "$script" in
"server ns1.example.org
zone example.org.
update delete www.example.org. A
update add "*"
send") echo "$script" | sed -n 's/^update add //p' > zone ;;
*) echo "syntax error" >&2; exit 1 ;;
esac"#;
    let host = Host::new("DNS: one record, with nsupdate", &[("dig", dig), ("nsupdate", nsupdate), ("host", HOST)]);
    let record = |last: u8| format!("www.example.org.\t300\tIN\tA\t192.0.2.{last}\n");
    host.write("zone", &(record(10) + &record(11)));
    host.round_trip(|| host.write("zone", &record(66)), || host.read("zone"));
    host.write("zone", "");
    let (cancel, now) = (CancelFlag::new(), DateTime::<Utc>::UNIX_EPOCH);
    assert!(recovery::capture(&host.component, &host.vault, &host.path("staging"), &[], now, &cancel).is_err());
}

#[test]
fn a_certificate_goes_back_with_its_key_and_neither_is_shown() {
    let nginx = r#"[ "$*" = "-s reload" ] || refuse "$@"
cat etc/ssl/shop/fullchain.pem > served"#;
    let host = Host::new("Certificates", &[("nginx", nginx)]);
    host.write("etc/ssl/shop/fullchain.pem", "-----BEGIN CERTIFICATE-----\nMIIold=\n");
    host.write("etc/ssl/shop/privkey.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0b2xk==\n");
    fs::set_permissions(host.path("etc/ssl/shop/privkey.pem"), Permissions::from_mode(0o600)).unwrap();
    let plan = host.round_trip(
        || {
            host.write("etc/ssl/shop/fullchain.pem", "-----BEGIN CERTIFICATE-----\nMIInew=\n");
            host.write("etc/ssl/shop/privkey.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0bmV3==\n");
        },
        || host.read("etc/ssl/shop/fullchain.pem") + &host.read("etc/ssl/shop/privkey.pem"),
    );
    assert_eq!(plan.inside.len(), 2);
    let told = format!("{plan:?}");
    assert!(!told.contains("c2VjcmV0") && !told.contains("MII"), "{told}");
    assert!(host.read("served").contains("MIInew"));
}

#[test]
fn routing_goes_back_with_the_proxys_files() {
    let systemctl = r#"[ "$*" = "reload haproxy.service" ] || refuse "$@"
cp etc/haproxy/haproxy.cfg running"#;
    let host = Host::new("Routing: a proxy's configuration", &[("systemctl", systemctl)]);
    host.write("etc/haproxy/haproxy.cfg", "server a 192.0.2.1\n");
    host.round_trip(|| host.write("etc/haproxy/haproxy.cfg", "server b\n"), || host.read("etc/haproxy/haproxy.cfg"));
    assert_eq!(host.read("running"), "server b\n");
}

#[test]
fn no_recipe_stands_on_the_page_untested() {
    let tests = include_str!("recipes.rs");
    for heading in blocks().keys() {
        assert!(tests.contains(&format!("(\"{heading}\"")), "no test runs the recipe {heading:?}");
    }
    assert_eq!(PAGE.matches("```toml").count(), blocks().len());
}
