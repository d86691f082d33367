//! What looks like trouble and is none.

use super::C;
use crate::domain::Cause;

/// Words that take back what other words of the same text say.
pub(in crate::diagnosis) struct Harmless {
    /// Of which causes they take it back; of all where none is named.
    pub(in crate::diagnosis) of: &'static [Cause],
    /// In small letters; any of them counts.
    pub(in crate::diagnosis) words: &'static [&'static str],
}

impl Harmless {
    /// Whether nothing in such a text speaks for a cause.
    pub(in crate::diagnosis) fn means_nothing_for(&self, cause: Cause) -> bool {
        self.of.is_empty() || self.of.contains(&cause)
    }
}

/// The table.
#[rustfmt::skip]
pub(in crate::diagnosis) const HARMLESS: &[Harmless] = &[
    // The kernel prints fewer of its own lines: that is no limit of a service.
    Harmless { of: &[C::RateLimit], words: &["net_ratelimit", "callbacks suppressed", "messages suppressed", "suppressed*messages", "printk"] },
    Harmless { of: &[C::ProcessExit, C::CrashLoop], words: &["exited with code 0", "exit code 0", "status=0/success", "exit status 0", "code=exited, status=0"] },
    // Of a certificate both is said in one breath.
    Harmless { of: &[C::ClockSkew], words: &["has expired or is not yet valid", "certificate*not yet valid", "certificatenotyetvalid"] },
    // Start-up banners, and settings that were read as they should be.
    Harmless { of: &[C::OutOfDescriptors], words: &["getrlimit("] },
    Harmless { of: &[C::Setting], words: &["completed loading of configuration", "configuration loaded", "config loaded", "loaded configuration", "syntax is ok", "test is successful"] },
    Harmless { of: &[C::Setting], words: &["max_children setting", "consider raising it", "increase pm."] },
    // Strangers who guess at the door.
    Harmless { of: &[C::Credentials, C::NameResolution], words: &["for invalid user ", "from invalid user ", "[preauth]", "reverse mapping checking", "possible break-in attempt", "tty=ssh"] },
    Harmless { of: &[C::ClockSkew], words: &["stepped by 0.0", "stepped by -0.0", "initial clock synchronization"] },
];
