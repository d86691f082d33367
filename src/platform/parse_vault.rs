//! The table `[vault]`: how the snapshot store is kept.

use super::{
    model::{Profile, ReplicaLogin, ReplicaPlace, VaultCare},
    parse_http,
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
    let place = match section.present(&["directory", "rest"]).as_slice() {
        [one] if one.value == "rest" => rest(&mut section, reader),
        _ => section
            .require(reader, "directory", "a directory on another disk, or rest = \"https://…\"", Reader::path)
            .map(|directory| ReplicaPlace::Directory(directory.value)),
    };
    section.finish(reader);
    place
}

fn rest(section: &mut Section<'_, '_>, reader: &mut Reader) -> Option<ReplicaPlace> {
    let url = section.require(reader, "rest", "an address such as \"https://backup:8000/codeblue\"", parse_http::url);
    let user = section.read(reader, "user", |reader, value, place| reader.text(value, place, "a name"));
    let password_file = section.read(reader, "password_file", Reader::path);
    let login = match (user, password_file) {
        (Some(user), Some(file)) => Some(ReplicaLogin { user: user.value, password_file: file.value }),
        (None, None) => None,
        (Some(found), None) => {
            reader.problem(found.at, &section.key("user"), "it stands alone", "password_file beside it");
            None
        }
        (None, Some(found)) => {
            reader.problem(found.at, &section.key("password_file"), "it stands alone", "user beside it");
            None
        }
    };
    Some(ReplicaPlace::Rest { url: url?, login })
}
