//! What a new sandbox is filled with: releases, configuration, accounts, a model, and a database of invented patients.

use std::{fs, os::unix::fs::symlink, path::Path};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rusqlite::{Connection, params};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    SandboxError, catalogue, certificate, files,
    layout::{Layout, make_dir},
};

const PATIENTS: u32 = 160;
const RESULTS: u32 = 60_000;
const GIVEN: [&str; 12] =
    ["Ada", "Bela", "Chidi", "Dana", "Emre", "Freya", "Goran", "Hana", "Ivo", "Jun", "Kemi", "Lena"];
const FAMILY: [&str; 12] =
    ["Abel", "Brandt", "Costa", "Duarte", "Eklund", "Farkas", "Grant", "Horn", "Iqbal", "Jonas", "Kovac", "Lund"];
const WARDS: [&str; 4] = ["cardiology", "surgery", "paediatrics", "emergency"];
const DRUGS: [(&str, &str); 6] = [
    ("metoprolol", "50"),
    ("amoxicillin", "500"),
    ("insulin", "8"),
    ("ibuprofen", "400"),
    ("warfarin", "5"),
    ("cetirizine", "10"),
];
const NOTES: [&str; 8] = [
    "Slept well and has appetite",
    "Chest pain on the stairs",
    "Fever since yesterday evening",
    "Short of breath after the walk",
    "Wound is clean and dry",
    "Felt dizzy when getting up",
    "Blood pressure is stable",
    "Family visited in the afternoon",
];

/// A file of a release: its name and what stands in it.
pub(super) type ReleaseFile = (&'static str, &'static str);

const V39: [ReleaseFile; 3] = [
    ("release.toml", include_str!("../../assets/sandbox/patient-api/v39/release.toml")),
    ("chart.sql", include_str!("../../assets/sandbox/patient-api/v39/chart.sql")),
    ("chart.txt", include_str!("../../assets/sandbox/patient-api/v39/chart.txt")),
];
const V40: [ReleaseFile; 3] = [
    ("release.toml", include_str!("../../assets/sandbox/patient-api/v40/release.toml")),
    ("chart.sql", include_str!("../../assets/sandbox/patient-api/v40/chart.sql")),
    ("chart.txt", include_str!("../../assets/sandbox/patient-api/v40/chart.txt")),
];
/// Reads a column that no database has; `{version}` stands for its version.
pub(super) const BAD_RELEASE: [ReleaseFile; 3] = [
    ("release.toml", include_str!("../../assets/sandbox/patient-api/bad/release.toml")),
    ("chart.sql", include_str!("../../assets/sandbox/patient-api/bad/chart.sql")),
    ("chart.txt", include_str!("../../assets/sandbox/patient-api/bad/chart.txt")),
];

/// The account of the check that logs in.
pub(super) const PROBE: &str = "probe";

/// Writes everything a new sandbox needs; may be repeated.
pub(super) fn fill(layout: &Layout) -> Result<(), SandboxError> {
    for name in ["run", "logs", "config", "secrets", "tls", "faults"] {
        make_dir(&layout.dir().join(name))?;
    }
    for service in catalogue::processes() {
        make_dir(&layout.service(service))?;
        files::write(&layout.config(service), config(service).as_bytes())?;
    }
    releases(&layout.service("patient-api"))?;
    make_dir(&layout.model())?;
    let model = include_bytes!("../../assets/sandbox/model.json");
    files::write(&layout.model().join("model.json"), model)?;
    files::write(&layout.model_pin(), hex::encode(Sha256::digest(model)).as_bytes())?;
    let stock = layout.service("inventory").join("stock.json");
    files::write(&stock, include_bytes!("../../assets/sandbox/stock.json"))?;
    accounts(layout)?;
    certificate::make(layout, layout.marker.created_at)?;
    database(&layout.database(), layout.marker.seed)
}

fn config(service: &str) -> &'static str {
    match service {
        "auth" => include_str!("../../assets/sandbox/config/auth.toml"),
        "handouts" => include_str!("../../assets/sandbox/config/handouts.toml"),
        _ => include_str!("../../assets/sandbox/config/common.toml"),
    }
}

fn releases(root: &Path) -> Result<(), SandboxError> {
    for (version, release) in [("v39", V39), ("v40", V40)] {
        write_release(root, version, &release)?;
    }
    switch_release(root, "v40")
}

/// Writes a release next to the others; it is not yet live.
pub(super) fn write_release(root: &Path, version: &str, release: &[ReleaseFile]) -> Result<(), SandboxError> {
    let dir = root.join("releases").join(version);
    make_dir(&dir)?;
    for (name, text) in release {
        // only the bad release speaks of its version in this way
        files::write(&dir.join(name), text.replace("{version}", version).as_bytes())?;
    }
    files::sync_parent(&dir).map_err(SandboxError::io("write", &dir))
}

/// Makes a release the live one, by one rename.
pub(super) fn switch_release(root: &Path, version: &str) -> Result<(), SandboxError> {
    let link = root.join("current");
    let next = root.join(format!(".current.{}.{}", std::process::id(), files::UNFINISHED));
    files::remove(&next)?;
    symlink(Path::new("releases").join(version), &next).map_err(SandboxError::io("link", &next))?;
    fs::rename(&next, &link).map_err(SandboxError::io("switch", &link))?;
    files::sync_parent(&link).map_err(SandboxError::io("switch", &link))
}

/// The release that is live, by its version.
pub(super) fn live_release(root: &Path) -> Option<String> {
    let target = fs::read_link(root.join("current")).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

/// Every process has an account of its own, and so has the check that works as a clinician does; `auth` knows only what a secret hashes to.
fn accounts(layout: &Layout) -> Result<(), SandboxError> {
    let mut accounts = serde_json::Map::new();
    for name in catalogue::processes().chain([PROBE]) {
        let secret = hex::encode(rand::random::<[u8; 24]>());
        let salt = hex::encode(rand::random::<[u8; 8]>());
        let hash = hex::encode(Sha256::digest(format!("{salt}:{secret}")));
        files::write(&layout.secret(name), secret.as_bytes())?;
        accounts.insert(name.to_owned(), json!({ "salt": salt, "hash": hash }));
    }
    files::write_json(&layout.accounts(), &accounts)?;
    let key = hex::encode(rand::random::<[u8; 32]>());
    // tokens are made with one and checked with the other: they differ while a rotation is half done
    files::write(&layout.verifying_key(), key.as_bytes())?;
    files::write(&layout.signing_key(), key.as_bytes())
}

fn database(path: &Path, seed: u64) -> Result<(), SandboxError> {
    for ending in ["", "-wal", "-shm"] {
        files::remove(&files::with_ending(path, ending))?;
    }
    let act = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(path)?;
        connection.execute_batch(include_str!("../../assets/sandbox/schema.sql"))?;
        let mut random = StdRng::seed_from_u64(seed);
        let transaction = connection.transaction()?;
        for patient in 1..=PATIENTS {
            let name = format!(
                "{} {}",
                GIVEN[random.random_range(0..GIVEN.len())],
                FAMILY[random.random_range(0..FAMILY.len())]
            );
            let born = format!(
                "{}-{:02}-{:02}",
                random.random_range(1932..2021),
                random.random_range(1..13),
                random.random_range(1..29)
            );
            let ward = WARDS[random.random_range(0..WARDS.len())];
            transaction.execute("INSERT INTO patients VALUES (?1, ?2, ?3, ?4)", params![patient, name, born, ward])?;
            for _ in 0..random.random_range(1..5) {
                let (drug, dose) = DRUGS[random.random_range(0..DRUGS.len())];
                let sql = "INSERT INTO medications (patient, drug, dose) VALUES (?1, ?2, ?3)";
                transaction.execute(sql, params![patient, drug, dose])?;
            }
            for _ in 0..random.random_range(2..6) {
                let text = NOTES[random.random_range(0..NOTES.len())];
                transaction.execute("INSERT INTO notes (patient, text) VALUES (?1, ?2)", params![patient, text])?;
            }
        }
        // of the laboratory, over the years: so many that reading all of them takes its time
        transaction.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
             INSERT INTO results (patient, kind, value, taken) \
             SELECT 1 + (i * 7919) % ?1, CASE i % 3 WHEN 0 THEN 'sodium' WHEN 1 THEN 'potassium' ELSE 'creatinine' END, \
             (i * 31) % 400 / 10.0, 1600000000 + i * 1200 FROM n",
            params![PATIENTS, RESULTS],
        )?;
        transaction.commit()
    };
    act().map_err(SandboxError::database("make", path))
}
