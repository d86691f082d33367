//! The table `[vault]`: how the snapshot store is kept.

use super::{
    model::{Profile, ReplicaPlace, VaultCare},
    reader::{Reader, Section},
    validate::Spans,
};

const EXPECTED: &str = "replica = { directory = \"/mnt/backup/vault\" }";

pub(super) fn vault(root: &mut Section<'_, '_>, reader: &mut Reader, spans: &mut Spans, profile: Profile) -> VaultCare {
    let usual = VaultCare::of(profile);
    let Some(value) = root.get("vault") else { return usual };
    let Some(mut section) = reader.section(value, "vault", "a table headed [vault]") else { return usual };
    let keep_newest =
        section.read(reader, "keep_newest", |reader, value, place| reader.number(value, place, 1..=10_000));
    let place = section.key("replica");
    let replica = section.get("replica").and_then(|value| {
        spans.replica = value.span().start;
        let inner = reader.section(value, &place, EXPECTED)?;
        replica(inner, reader)
    });
    let care = VaultCare {
        keep_newest: keep_newest.unwrap_or(usual.keep_newest),
        keep_hourly: section.read(reader, "keep_hourly", Reader::duration).unwrap_or(usual.keep_hourly),
        keep_daily: section.read(reader, "keep_daily", Reader::duration).unwrap_or(usual.keep_daily),
        verify_every: section.read(reader, "verify_every", Reader::duration).unwrap_or(usual.verify_every),
        test_restore_every: section
            .read(reader, "test_restore_every", Reader::duration)
            .unwrap_or(usual.test_restore_every),
        replica,
    };
    section.finish(reader);
    care
}

fn replica(mut section: Section<'_, '_>, reader: &mut Reader) -> Option<ReplicaPlace> {
    let directory = section.require(reader, "directory", "a directory on another disk", Reader::path);
    section.finish(reader);
    Some(ReplicaPlace::Directory(directory?.value))
}
