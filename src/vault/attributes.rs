//! Extended attributes: what programs and access lists keep beside a file's content.

use std::{collections::BTreeMap, fs::File, io, os::fd::AsFd, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustic_core::repofile::{Metadata, Node};
use rustix::{
    fs::{XattrFlags, fsetxattr, lgetxattr, llistxattr, llistxattr_query},
    io::Errno,
};

/// The kernel's own bounds for a list of names and for one value.
const LIMIT: usize = 64 * 1024;

/// Name and value of each.
pub(super) type Attributes = BTreeMap<String, Vec<u8>>;

/// The attributes of a path, a link itself included; none on a file system without them.
pub(super) fn read(path: &Path) -> io::Result<Attributes> {
    let mut names = Vec::new();
    match list(path, &mut names) {
        Ok(()) => {}
        Err(Errno::OPNOTSUPP) => return Ok(Attributes::new()),
        Err(error) => return Err(error.into()),
    }
    let mut found = Attributes::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        // a name that is no Unicode cannot be written down in restic's format
        let Ok(text) = std::str::from_utf8(name) else { continue };
        let mut value = vec![0; LIMIT];
        match lgetxattr(path, text, value.as_mut_slice()) {
            Ok(length) => {
                value.truncate(length);
                found.insert(text.to_owned(), value);
            }
            // it went away, or only the kernel may read it
            Err(Errno::NODATA | Errno::PERM | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

fn list(path: &Path, names: &mut Vec<u8>) -> rustix::io::Result<()> {
    // nearly every file has none, and asking for the length first costs nothing more than asking
    let length = llistxattr_query(path)?;
    if length == 0 {
        return Ok(());
    }
    *names = vec![0; LIMIT];
    let length = llistxattr(path, names.as_mut_slice())?;
    names.truncate(length);
    Ok(())
}

/// Writes them into a node's description.
pub(super) fn note(attributes: &Attributes, metadata: &mut Metadata) -> io::Result<()> {
    if attributes.is_empty() {
        return Ok(());
    }
    // the format engine does not export the type of one attribute, only its written form
    let written: Vec<serde_json::Value> = attributes
        .iter()
        .map(|(name, value)| serde_json::json!({ "name": name, "value": STANDARD.encode(value) }))
        .collect();
    let read: Metadata = serde_json::from_value(serde_json::json!({ "extended_attributes": written }))?;
    metadata.extended_attributes = read.extended_attributes;
    Ok(())
}

/// Those of a node.
pub(super) fn of(node: &Node) -> Attributes {
    let listed = &node.meta.extended_attributes;
    listed.iter().map(|one| (one.name.clone(), one.value.clone().unwrap_or_default())).collect()
}

/// Sets them on a staged file or directory. Those that only the system keeps (labels of security modules) are set where it lets us.
pub(super) fn write(node: &Node, handle: &File) -> io::Result<()> {
    for (name, value) in of(node) {
        match fsetxattr(handle.as_fd(), name.as_str(), &value, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP | Errno::PERM) if !is_ours(&name) => {}
            Err(error) => {
                return Err(io::Error::new(io::Error::from(error).kind(), format!("attribute {name}: {error}")));
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Without those that the system sets by itself wherever a file is made.
pub(super) fn comparable(attributes: Attributes) -> Attributes {
    attributes.into_iter().filter(|(name, _)| is_ours(name)).collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("user.") || name.starts_with("system.posix_acl_") || name == "security.capability"
}
