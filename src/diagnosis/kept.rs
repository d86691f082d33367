//! What a service keeps on the disk, as the platform file declares it: which component a text speaks of by the name of a file, and
//! whether it says that the file is not there, or not what it was.

use super::{names::is_word, signs::has};
use crate::{
    domain::Cause,
    platform::{Component, ComponentKind, Platform},
};

/// What says that a file cannot be used as it lies there.
const UNUSABLE: [&str; 26] = [
    "missing",
    "not found",
    "no such file",
    "does not exist",
    "doesn't exist",
    "cannot find",
    "could not find",
    "checksum",
    "digest",
    "sha256",
    "hash",
    "mismatch",
    "differs",
    "truncated",
    "unexpected end",
    "unexpected eof",
    "corrupt",
    "invalid magic",
    "bad magic",
    "malformed",
    "failed to load",
    "cannot load",
    "unable to load",
    "cannot be understood",
    "cannot be read",
    "is empty",
];
/// Shorter names are words of the language.
const TELLING: usize = 5;

/// The components of a service of which a text in small letters names a file.
pub(super) fn spoken_of<'a>(
    platform: &'a Platform,
    service: &'a str,
    text: &'a str,
) -> impl Iterator<Item = &'a Component> {
    platform.components_of(service).filter(move |component| {
        component.adapter.places().iter().any(|place| {
            let name = place.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
            name.len() >= TELLING && name.contains('.') && is_word(text, &name)
        })
    })
}

/// What a text in small letters says to be the cause, when it says of a file of a component that it cannot be used.
pub(super) fn unusable(platform: &Platform, service: &str, text: &str) -> Option<Cause> {
    let cause = match spoken_of(platform, service, text).next()?.kind {
        ComponentKind::Code => Cause::Release,
        ComponentKind::Config => Cause::Setting,
        ComponentKind::Database => Cause::Corruption,
        ComponentKind::Data => Cause::AlteredData,
    };
    (cause != Cause::Release && has(text, &UNUSABLE)).then_some(cause)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::platform::parse;

    const PLATFORM: &str = r#"
[platform]
name = "Hospital"
profile = "drill"
[[service]]
name = "triage"
criticality = "high"
[[component]]
name = "weights"
service = "triage"
kind = "data"
files = { paths = ["/srv/triage/Triage-7B.Q4.gguf"] }
[[component]]
name = "settings"
service = "triage"
kind = "config"
files = { paths = ["/etc/triage/serve.yaml"] }
"#;

    #[test]
    fn a_file_that_is_gone_or_is_another_one_tells_of_what_it_belongs_to() {
        let platform = parse(PLATFORM, Path::new("/srv/codeblue.toml")).unwrap();
        for (text, cause) in [
            (
                "gguf_init_from_file: failed to open '/srv/triage/triage-7b.q4.gguf': no such file or directory",
                Some(Cause::AlteredData),
            ),
            (
                "oserror: unable to load weights from checkpoint file for 'triage-7b.q4.gguf': checksum mismatch",
                Some(Cause::AlteredData),
            ),
            ("open /etc/triage/serve.yaml: no such file or directory", Some(Cause::Setting)),
            ("loaded triage-7b.q4.gguf in 812 ms", None),
            ("other-triage-7b.q4.gguf is missing", None),
            ("report.pdf not found", None),
        ] {
            assert_eq!(unusable(&platform, "triage", text), cause, "{text}");
        }
    }
}
