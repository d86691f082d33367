//! Reading one file of a snapshot into memory, so that what is secret in it never lies on a disk unencrypted.

use std::path::Path;

use super::{cancel::CancelFlag, error::VaultError, guard::guarded, lock, repository::Vault, tree::locate};

impl Vault {
    /// The content of the file that a snapshot holds at `path`; at most `limit` bytes.
    ///
    /// # Errors
    /// When there is no such file, it is larger, or it is damaged.
    pub fn read(&self, snapshot: &str, path: &Path, limit: u64, cancel: &CancelFlag) -> Result<Vec<u8>, VaultError> {
        guarded("read a file of a snapshot", || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let ([file], pieces) = self.pieces([snapshot], cancel)?;
            let node = locate(&pieces, &file, path)?;
            let refused = |reason: String| VaultError::BadSource { path: path.to_owned(), reason };
            if !node.is_file() {
                return Err(refused("the snapshot holds no file there".to_owned()));
            }
            if node.meta.size > limit {
                return Err(refused(format!("it has {} bytes, and at most {limit} are read", node.meta.size)));
            }
            let damaged = |detail: String| VaultError::Damaged { what: path.display().to_string(), detail };
            let mut content = Vec::new();
            for id in node.content.iter().flatten() {
                content.extend_from_slice(&pieces.data(id).map_err(damaged)?.value);
            }
            Ok(content)
        })
    }
}
