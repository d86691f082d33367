//! The table `[vault]`: how the snapshot store is kept.

use super::{
    model::{Replica, ReplicaPlace, VaultSettings},
    reader::{Reader, Section},
    validate::Spans,
};

const EXPECTED: &str = "replica = { directory = \"/mnt/backup/vault\" }";

pub(super) fn vault(root: &mut Section<'_, '_>, reader: &mut Reader, spans: &mut Spans) -> VaultSettings {
    let Some(value) = root.get("vault") else { return VaultSettings::default() };
    let Some(mut section) = reader.section(value, "vault", "a table headed [vault]") else {
        return VaultSettings::default();
    };
    let place = section.key("replica");
    let replica = section.get("replica").and_then(|value| {
        spans.replica = value.span().start;
        let inner = reader.section(value, &place, EXPECTED)?;
        replica(inner, reader)
    });
    section.finish(reader);
    VaultSettings { replica }
}

fn replica(mut section: Section<'_, '_>, reader: &mut Reader) -> Option<Replica> {
    let directory = section.require(reader, "directory", "a directory on another disk", Reader::path);
    section.finish(reader);
    Some(Replica { place: ReplicaPlace::Directory(directory?.value), secret_file: None })
}
