//! What was put before a language model, word for word, so that people can look at it: the newest ones, in files of which the
//! journal knows the hash.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{EngineHandle, QueryError};
use crate::{
    diagnosis::model::Prompt,
    domain::{DiagnosisId, Named, Refusal},
};

/// So many are kept.
const KEPT: usize = 100;

/// Keeps what was sent for a diagnosis, or would have been.
pub(super) fn keep(work: &Path, id: DiagnosisId, prompt: &Prompt) -> io::Result<()> {
    let folder = folder(work);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file(work, id))?;
    write!(file, "{}\n\n{}\n", prompt.system, prompt.user)?;
    let mut kept: Vec<(u64, PathBuf)> = fs::read_dir(&folder)?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_stem()?.to_str()?.parse::<DiagnosisId>().ok()?.0, path))
        })
        .collect();
    kept.sort_unstable();
    let over = kept.len().saturating_sub(KEPT);
    kept.drain(..over).try_for_each(|(_, path)| fs::remove_file(path))
}

fn folder(work: &Path) -> PathBuf {
    work.join("prompts")
}

fn file(work: &Path, id: DiagnosisId) -> PathBuf {
    folder(work).join(format!("{id}.txt"))
}

impl EngineHandle {
    /// What was put before the language model for a diagnosis, word for word.
    ///
    /// # Errors
    /// When there is no such diagnosis, no model was asked, or it was too long ago.
    pub async fn prompt(&self, id: DiagnosisId) -> Result<String, QueryError> {
        if !self.state().diagnoses.contains_key(&id) {
            return Err(Refusal::unknown(Named::Diagnosis, id).into());
        }
        match tokio::fs::read_to_string(file(&self.work, id)).await {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let why = format!("no prompt is kept for {id}");
                let hint = format!("no language model was asked, or more than {KEPT} were since");
                Err(Refusal::new("no-prompt", why).hint(hint).into())
            }
            Err(error) => Err(QueryError::Failed(format!("the prompt of {id} cannot be read: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::model::Case;

    #[test]
    fn the_newest_prompts_are_kept_for_nobody_else_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let work = tempfile::tempdir().unwrap();
        let prompt = Prompt::of(&Case::default(), 6000, 7, &str::to_owned);
        for number in 1..=KEPT as u64 + 3 {
            keep(work.path(), DiagnosisId(number), &prompt).unwrap();
        }
        assert_eq!(fs::read_dir(folder(work.path())).unwrap().count(), KEPT);
        assert!(!file(work.path(), DiagnosisId(3)).exists());
        let newest = file(work.path(), DiagnosisId(KEPT as u64 + 3));
        assert_eq!(fs::metadata(&newest).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(newest).unwrap().contains(&prompt.user));
    }
}
