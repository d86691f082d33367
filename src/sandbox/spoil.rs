//! Faults of files: which file each spoils, and with what. What is written follows from what was there, so that a record can say
//! beforehand what the spoiled file looks like.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    SandboxError, certificate, files,
    inject::sha256,
    kind::{FaultKind, Store},
    layout::Layout,
};

/// The file that a fault spoils.
pub(super) fn file(layout: &Layout, fault: FaultKind, service: &str) -> PathBuf {
    match fault {
        FaultKind::ModelMissing | FaultKind::ModelAltered => layout.model().join("model.json"),
        FaultKind::HalfRotatedKey => layout.signing_key(),
        _ if fault.store() == Some(Store::Certificate) => layout.certificate(),
        _ => layout.config(service),
    }
}

/// What the file is to hold; none when it is to go.
pub(super) fn content(layout: &Layout, fault: FaultKind, service: &str) -> Result<Option<Vec<u8>>, SandboxError> {
    let path = file(layout, fault, service);
    let bytes = fs::read(&path).map_err(SandboxError::io("read", &path))?;
    let damaged = |reason: String| SandboxError::Damaged { path: path.clone(), reason };
    Ok(match fault {
        FaultKind::ModelMissing => None,
        FaultKind::ModelAltered => {
            let mut model: Value = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
            let weights = model["weights"].as_object_mut().ok_or_else(|| damaged("it has no weights".to_owned()))?;
            // what patients slept is now what counts most
            weights.insert("well".to_owned(), Value::from(100.0));
            Some(serde_json::to_vec_pretty(&model).map_err(|error| damaged(error.to_string()))?)
        }
        FaultKind::HalfRotatedKey => Some(sha256(&bytes).into_bytes()),
        _ if fault.store() == Some(Store::Certificate) => {
            let spoilt = certificate::spoilt(layout, fault);
            Some(fs::read(&spoilt).map_err(SandboxError::io("read", &spoilt))?)
        }
        _ => Some(broken_config(&path, &String::from_utf8_lossy(&bytes))?.into_bytes()),
    })
}

/// The configuration with one value that is not allowed.
fn broken_config(path: &Path, text: &str) -> Result<String, SandboxError> {
    let damaged = |reason: String| SandboxError::Damaged { path: path.to_owned(), reason };
    let mut table: toml::Table = toml::from_str(text).map_err(|error| damaged(error.message().to_owned()))?;
    let (key, value) = if table.contains_key("page_size") { ("page_size", "B7") } else { ("deadline_ms", "soon") };
    table.insert(key.to_owned(), toml::Value::from(value));
    toml::to_string(&table).map_err(|error| damaged(error.to_string()))
}

fn accounts(layout: &Layout) -> Result<Value, SandboxError> {
    let path = layout.accounts();
    files::read_json(&path)?.ok_or_else(|| SandboxError::Damaged { path, reason: "it is missing".to_owned() })
}

/// What the secret of an account hashes to; none when there is no such account.
pub(super) fn account_hash(layout: &Layout, account: &str) -> Result<Option<String>, SandboxError> {
    Ok(accounts(layout)?[account]["hash"].as_str().map(str::to_owned))
}

/// Makes an account one whose secret hashes to something else.
pub(super) fn set_account_hash(layout: &Layout, account: &str, hash: &str) -> Result<(), SandboxError> {
    let mut accounts = accounts(layout)?;
    if let Some(told) = accounts.get_mut(account).and_then(Value::as_object_mut) {
        told.insert("hash".to_owned(), Value::from(hash));
    }
    files::write_json(&layout.accounts(), &accounts)
}

/// Makes an account one that knows this secret.
pub(super) fn know_secret(layout: &Layout, account: &str, secret: &str) -> Result<(), SandboxError> {
    let salt = accounts(layout)?[account]["salt"].as_str().unwrap_or_default().to_owned();
    set_account_hash(layout, account, &sha256(format!("{salt}:{secret}").as_bytes()))
}
