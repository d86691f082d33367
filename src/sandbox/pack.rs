//! The data pack: what a ward has to know of its patients while the records are away, as sheets to read and to print. It is made
//! while all is well, so it is there when it is needed, and says how old it is.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::{
    SandboxError,
    catalogue::CLINICIANS,
    files,
    layout::{Layout, make_dir},
};

/// How often it is made anew.
pub(super) const EVERY: Duration = Duration::from_secs(20);

/// A data pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataPack {
    /// When the records were read.
    pub made_at: DateTime<Utc>,
    /// Where its sheets lie, one file a ward.
    pub dir: PathBuf,
    /// The wards.
    pub wards: Vec<String>,
}

struct Patient {
    id: i64,
    name: String,
    born: String,
    ward: String,
    medications: Option<String>,
    temperature: Option<(f64, String)>,
}

/// The newest data pack.
///
/// # Errors
/// When the directory is no sandbox, or no pack was made yet.
pub fn data_pack(dir: &Path) -> Result<DataPack, SandboxError> {
    let layout = Layout::open(dir)?;
    let made = files::read_json(&folder(&layout).join("pack.json"))?;
    made.ok_or_else(|| SandboxError::Limit {
        reason: format!(
            "no data pack was made yet: one is, every {} s, while the records can be read",
            EVERY.as_secs()
        ),
    })
}

/// The sheet of a ward.
///
/// # Errors
/// As [`data_pack`]; when there is no such ward, or its sheet cannot be read.
pub fn sheet(dir: &Path, ward: &str) -> Result<String, SandboxError> {
    let pack = data_pack(dir)?;
    if !pack.wards.iter().any(|known| known == ward) {
        let reason = format!("there is no ward {ward:?}; there are {}", pack.wards.join(", "));
        return Err(SandboxError::Limit { reason });
    }
    let text = files::read(&pack.dir.join(format!("{ward}.txt")))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Makes it anew from the records.
pub(super) fn make(layout: &Layout, now: DateTime<Utc>) -> Result<(), SandboxError> {
    let database = layout.database();
    let patients = read(&database).map_err(SandboxError::database("read", &database))?;
    let dir = folder(layout);
    make_dir(&dir)?;
    let mut wards: Vec<String> = patients.iter().map(|patient| patient.ward.clone()).collect();
    wards.sort();
    wards.dedup();
    for ward in &wards {
        let own: Vec<&Patient> = patients.iter().filter(|patient| patient.ward == *ward).collect();
        files::write(&dir.join(format!("{ward}.txt")), written(ward, &own, now).as_bytes())?;
    }
    files::write_json(&dir.join("pack.json"), &DataPack { made_at: now, dir: dir.clone(), wards })
}

fn folder(layout: &Layout) -> PathBuf {
    layout.service(CLINICIANS).join("pack")
}

fn read(database: &Path) -> rusqlite::Result<Vec<Patient>> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    let sql = "SELECT p.id, p.name, p.born, p.ward, \
                 (SELECT group_concat(m.drug || ' ' || m.dose, ' · ') FROM medications m WHERE m.patient = p.id), \
                 v.value, v.taken \
               FROM patients p LEFT JOIN \
                 (SELECT patient, value, taken, max(id) FROM vitals GROUP BY patient) v ON v.patient = p.id \
               ORDER BY p.ward, p.name, p.id";
    let mut statement = connection.prepare(sql)?;
    let patients = statement.query_map([], |row| {
        Ok(Patient {
            id: row.get(0)?,
            name: row.get(1)?,
            born: row.get(2)?,
            ward: row.get(3)?,
            medications: row.get(4)?,
            temperature: row.get::<_, Option<f64>>(5)?.zip(row.get(6)?),
        })
    })?;
    patients.collect()
}

fn written(ward: &str, patients: &[&Patient], now: DateTime<Utc>) -> String {
    let mut sheet = format!(
        "{ward}: {} patients as of {}. Read only: what is new goes on paper, with its time.\n",
        patients.len(),
        now.format("%Y-%m-%d %H:%M:%SZ")
    );
    for patient in patients {
        let medications = patient.medications.as_deref().unwrap_or("no medication");
        let measured = patient.temperature.as_ref().map(|(value, at)| format!("; {value:.1} °C at {at}"));
        // Writing to a string does not fail.
        let _ = writeln!(
            sheet,
            "\n[ ] {}, born {}, no. {}\n    {medications}{}",
            patient.name,
            patient.born,
            patient.id,
            measured.unwrap_or_default()
        );
    }
    sheet
}
