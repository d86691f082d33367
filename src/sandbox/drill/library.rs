//! The drills there are: those in `drills/` beside the platform file, and those that come with the program. One of one's own takes
//! the place of one that comes along with the same id.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{file::DrillFile, read::read};
use crate::platform::Problems;

/// A file that is larger is a mistake.
const LONGEST: u64 = 64 << 10;

/// The drills that come with the program, by book: file name and text.
#[rustfmt::skip]
const BUILT_IN: [(&str, &str); 28] = [
    ("complete-outage.toml", include_str!("../../../drills/complete-outage.toml")),
    ("cold-start.toml", include_str!("../../../drills/cold-start.toml")),
    ("bad-release.toml", include_str!("../../../drills/bad-release.toml")),
    ("edge-certificate-expired.toml", include_str!("../../../drills/edge-certificate-expired.toml")),
    ("shared-disk-full.toml", include_str!("../../../drills/shared-disk-full.toml")),
    ("database-freeze.toml", include_str!("../../../drills/database-freeze.toml")),
    ("database-killed.toml", include_str!("../../../drills/database-killed.toml")),
    ("pool-exhaustion.toml", include_str!("../../../drills/pool-exhaustion.toml")),
    ("lock-holder.toml", include_str!("../../../drills/lock-holder.toml")),
    ("database-wrong-password.toml", include_str!("../../../drills/database-wrong-password.toml")),
    ("ai-frozen.toml", include_str!("../../../drills/ai-frozen.toml")),
    ("ai-slow.toml", include_str!("../../../drills/ai-slow.toml")),
    ("ai-model-missing.toml", include_str!("../../../drills/ai-model-missing.toml")),
    ("ai-wrong-answers.toml", include_str!("../../../drills/ai-wrong-answers.toml")),
    ("auth-killed.toml", include_str!("../../../drills/auth-killed.toml")),
    ("auth-key-half-rotated.toml", include_str!("../../../drills/auth-key-half-rotated.toml")),
    ("auth-clock-skew.toml", include_str!("../../../drills/auth-clock-skew.toml")),
    ("auth-lockout-storm.toml", include_str!("../../../drills/auth-lockout-storm.toml")),
    ("corrupt-database.toml", include_str!("../../../drills/corrupt-database.toml")),
    ("wrong-dose.toml", include_str!("../../../drills/wrong-dose.toml")),
    ("bad-migration.toml", include_str!("../../../drills/bad-migration.toml")),
    ("credential-stuffing.toml", include_str!("../../../drills/credential-stuffing.toml")),
    ("health-information-in-logs.toml", include_str!("../../../drills/health-information-in-logs.toml")),
    ("slow-service.toml", include_str!("../../../drills/slow-service.toml")),
    ("edge-latency.toml", include_str!("../../../drills/edge-latency.toml")),
    ("memory-leak.toml", include_str!("../../../drills/memory-leak.toml")),
    ("missing-index.toml", include_str!("../../../drills/missing-index.toml")),
    ("retry-storm.toml", include_str!("../../../drills/retry-storm.toml")),
];

/// One file with what came of reading it.
#[derive(Debug, Clone)]
pub struct DrillVolume {
    /// Its name in problems.
    pub file: String,
    /// Whether it came with the program.
    pub built_in: bool,
    /// The drill, or what is wrong with it.
    pub drill: Result<DrillFile, Problems>,
}

impl DrillVolume {
    /// The drill's id; what its file is called, when it could not be read.
    #[must_use]
    pub fn id(&self) -> &str {
        match &self.drill {
            Ok(drill) => &drill.id,
            Err(_) => self.file.rsplit('/').next().and_then(|name| name.strip_suffix(".toml")).unwrap_or(&self.file),
        }
    }
}

/// Reads one file.
///
/// # Errors
/// When it cannot be read, is too long, or is no text.
pub fn open(path: &Path) -> io::Result<DrillVolume> {
    if fs::metadata(path)?.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a drill has at most 64 KiB"));
    }
    let text = fs::read_to_string(path)?;
    Ok(DrillVolume { file: path.display().to_string(), built_in: false, drill: read(path, &text) })
}

/// All drills: those of a folder, if there is one, then those that come along and are not replaced by one of them.
///
/// # Errors
/// When the folder or one of its files cannot be read.
pub fn library(folder: Option<&Path>) -> io::Result<Vec<DrillVolume>> {
    let mut volumes = Vec::new();
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml") && path.is_file());
        paths.sort();
        for path in paths {
            volumes.push(open(&path)?);
        }
    }
    let own: Vec<String> = volumes.iter().map(|volume| volume.id().to_owned()).collect();
    let built_in = BUILT_IN.into_iter().map(|(file, text)| DrillVolume {
        file: format!("drills/{file}"),
        built_in: true,
        drill: read(Path::new(file), text),
    });
    volumes.extend(built_in.filter(|volume| !own.iter().any(|id| id == volume.id())));
    Ok(volumes)
}

/// The drill of that id.
#[must_use]
pub fn find<'a>(volumes: &'a [DrillVolume], id: &str) -> Option<&'a DrillVolume> {
    volumes.iter().find(|volume| volume.id() == id)
}
