//! The secrets of second factors: time-based codes (RFC 6238), and recovery codes for the day the telephone is gone.
//!
//! They are in one file beside the vault's key, which the user the engine runs as can read and nobody else. To seal it with a
//! key that has to lie in the same folder would only look safer: who reads the folder can be everybody, and a copy of it
//! must be kept as well as the vault's. What the file protects against is somebody at another's keyboard, not root.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Secret, Totp};
use tracing::error;

use super::Code;
use crate::domain::{Assurance, CODES_WRONG, Command, RECOVER, Refusal, State};

/// Recovery codes that somebody gets.
pub(super) const RECOVERY_CODES: usize = 10;
/// Seconds for which a code holds.
const STEP: u64 = 30;
/// A file larger than this is not ours.
const MAX_BYTES: u64 = 4 << 20;
/// Letters of recovery codes: base 32 without those that look alike.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters of a recovery code: 80 random bits, which nobody guesses five tries at a time.
const RECOVERY_LETTERS: usize = 16;

/// Why the secrets of second factors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FactorsError {
    /// The file could not be read or written.
    #[error("second factors in {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was said.
        source: io::Error,
    },
    /// The file is not what the engine wrote.
    #[error(
        "second factors in {path}: {problem}; restore the file, or move it away and run for each person: codeblue operator totp recover NAME --reason …"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// What somebody needs to set a telephone up. It is shown once.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrolment {
    /// Whose it is.
    pub operator: String,
    /// For a telephone to read, as `otpauth://totp/…`.
    pub uri: String,
    /// The same for a person to type.
    pub secret: String,
}

/// What a code turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// Right for this time step.
    Step(u64),
    /// A recovery code, which is used up now.
    Recovery {
        /// How many are left.
        left: u32,
        /// The time step of now.
        step: u64,
    },
    /// Neither.
    Wrong,
    /// Nothing is known to check it against.
    Lost,
}

/// The secrets of second factors.
pub(super) struct Factors {
    path: PathBuf,
    kept: Mutex<BTreeMap<String, Kept>>,
}

/// What is kept of one person.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Kept {
    /// In base 32; none until a code has shown that it works.
    secret: Option<String>,
    /// The same, until then.
    pending: Option<String>,
    /// Hashes of recovery codes that are not used up. A plain hash is enough for 80 random bits.
    #[serde(default)]
    recovery: Vec<String>,
}

impl Factors {
    pub(super) fn open(folder: &Path) -> Result<Self, FactorsError> {
        let path = folder.join("second-factors.json");
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => "{}".clone_into(&mut text),
            Err(source) => return Err(FactorsError::File { path, source }),
            Ok(_) => {}
        }
        let kept = serde_json::from_str(&text)
            .map_err(|error| FactorsError::Damaged { path: path.clone(), problem: error.to_string() })?;
        Ok(Self { path, kept: Mutex::new(kept) })
    }

    /// Makes a secret that counts once a code has shown that it has arrived.
    pub(super) fn begin(&self, person: &str, platform: &str) -> Result<Enrolment, FactorsError> {
        let secret = Secret::new_stack(rand::random());
        let base32 = secret.to_base32();
        // A colon would end the name of the issuer.
        let issuer = format!("codeblue {}", platform.replace(':', " "));
        let totp = Builder::new().with_secret(secret).with_account_name(person).with_issuer(Some(issuer)).build();
        let uri = totp.and_then(|totp| totp.to_url()).map_err(|error| self.damaged(&error.to_string()))?;
        self.change(|kept| kept.entry(person.to_owned()).or_default().pending = Some(base32.clone()))?;
        Ok(Enrolment { operator: person.to_owned(), uri, secret: base32 })
    }

    /// Makes the secret count for which this code is right, and gives the recovery codes; none when the code is wrong.
    pub(super) fn confirm(
        &self,
        person: &str,
        code: &Code,
        now: DateTime<Utc>,
    ) -> Result<Option<(u64, Vec<String>)>, FactorsError> {
        let pending = self.kept().get(person).and_then(|kept| kept.pending.clone());
        let Some(pending) = pending else { return Ok(None) };
        let Some(step) = self.totp(&pending)?.check(code.expose(), seconds(now)) else { return Ok(None) };
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
        let recovery = codes.iter().map(|code| hash(code)).collect();
        self.change(|kept| kept.insert(person.to_owned(), Kept { secret: Some(pending), pending: None, recovery }))?;
        Ok(Some((step, codes.iter().map(|code| in_parts(code)).collect())))
    }

    /// What a code is. A recovery code is used up by that, whatever becomes of the command it came with.
    pub(super) fn check(&self, person: &str, code: &Code, now: DateTime<Utc>) -> Result<Checked, FactorsError> {
        let Some(kept) = self.kept().get(person).cloned() else { return Ok(Checked::Lost) };
        let Some(secret) = &kept.secret else { return Ok(Checked::Lost) };
        if let Some(step) = self.totp(secret)?.check(code.expose(), seconds(now)) {
            return Ok(Checked::Step(step));
        }
        let given = hash(code.expose());
        let same = |known: &String| bool::from(known.as_bytes().ct_eq(given.as_bytes()));
        let Some(place) = kept.recovery.iter().position(same) else { return Ok(Checked::Wrong) };
        self.change(|all| {
            if let Some(kept) = all.get_mut(person) {
                kept.recovery.remove(place);
            }
        })?;
        let left = u32::try_from(kept.recovery.len() - 1).unwrap_or(u32::MAX);
        Ok(Checked::Recovery { left, step: seconds(now) / STEP })
    }

    /// Forgets what does not count any more.
    pub(super) fn forget(&self, person: &str) -> Result<(), FactorsError> {
        self.change(|kept| kept.remove(person)).map(|_| ())
    }

    fn totp(&self, base32: &str) -> Result<Totp, FactorsError> {
        let secret = Secret::try_from_base32(base32).map_err(|error| self.damaged(&error.to_string()))?;
        Builder::new().with_secret(secret).build().map_err(|error| self.damaged(&error.to_string()))
    }

    fn damaged(&self, problem: &str) -> FactorsError {
        FactorsError::Damaged { path: self.path.clone(), problem: problem.to_owned() }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes beside the file and puts the new one in its place, so that it is whole after a crash.
    fn change<T>(&self, how: impl FnOnce(&mut BTreeMap<String, Kept>) -> T) -> Result<T, FactorsError> {
        let mut kept = self.kept();
        let mut changed = kept.clone();
        let done = how(&mut changed);
        let write = || {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            let text = serde_json::to_vec(&changed)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| FactorsError::File { path: self.path.clone(), source })?;
        *kept = changed;
        Ok(done)
    }
}

/// What came of a code: how sure it is now who asks, and what is to be recorded whatever becomes of the command.
pub(super) struct Looked {
    pub(super) result: Result<Assurance, Refusal>,
    pub(super) said: Option<Command>,
}

/// Looks at a code that came with a command. While the second factor is locked it is not looked at.
pub(super) fn look_at(factors: &Factors, state: &State, name: &str, code: &Code, now: DateTime<Utc>) -> Looked {
    let refused = |result| Looked { result: Err(result), said: None };
    let Some(factor) = state.second_factor(name) else {
        // The rules say what it takes then; a code that nobody asked for proves nothing.
        return Looked { result: Ok(Assurance::Session), said: None };
    };
    if let Err(locked) = state.takes_codes_of(name, now) {
        return refused(locked);
    }
    let person = state.person(name).to_owned();
    match factors.check(&person, code, now) {
        Ok(Checked::Step(step)) => Looked { result: Ok(Assurance::SecondFactor { step }), said: None },
        Ok(Checked::Recovery { left, step }) => Looked {
            // It stands for a code that has not been used, and uses that one up.
            result: Ok(Assurance::SecondFactor { step: step.max(factor.last_step + 1) }),
            said: Some(Command::RecordRecoveryCode { operator: person, left }),
        },
        Ok(Checked::Wrong) => Looked {
            result: Err(Refusal::new("wrong-code", "this is not the code of now")
                .hint(format!("after {CODES_WRONG} wrong ones in a row none is taken for a while"))),
            said: Some(Command::RecordWrongCode { operator: person }),
        },
        Ok(Checked::Lost) => refused(
            Refusal::new("second-factor-lost", format!("the secret of {person}'s second factor is not here any more"))
                .hint(format!("have another technical lead reset it, and enrol again; {RECOVER}")),
        ),
        Err(cause) => {
            error!(%cause, "second factors");
            refused(
                Refusal::new("second-factor-lost", "the second factors cannot be read; the log says why")
                    .hint("mend what it names, or have them recovered: codeblue operator totp recover NAME"),
            )
        }
    }
}

fn seconds(now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp()).unwrap_or_default()
}

fn recovery_code() -> String {
    let random: [u8; RECOVERY_LETTERS] = rand::random();
    random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// Four letters at a time, as people read.
fn in_parts(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn hash(code: &str) -> String {
    hex::encode(Sha256::digest(format!("codeblue recovery code {code}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    fn code(text: &str) -> Code {
        Code::read(text).expect("a code")
    }

    /// What the telephone shows.
    fn shown(secret: &str, seconds: u64) -> Code {
        let secret = Secret::try_from_base32(secret).expect("base 32");
        code(
            Builder::new().with_secret(secret).build().expect("a second factor").generate(seconds).to_string().as_str(),
        )
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let secret = Secret::new_stack(*b"12345678901234567890");
        let totp = Builder::new().with_secret(secret).with_digits(8).build().expect("a second factor");
        for (time, code) in [(59, "94287082"), (1_111_111_109, "07081804"), (20_000_000_000, "65353130")] {
            assert_eq!(totp.generate(time).to_string(), code);
        }
    }

    #[test]
    fn a_secret_counts_once_a_code_has_shown_that_it_has_arrived() {
        let folder = tempfile::tempdir().expect("a folder");
        let factors = Factors::open(folder.path()).expect("opened");
        let enrolment = factors.begin("alice", "Clinic: North").expect("begun");
        assert!(enrolment.uri.starts_with("otpauth://totp/codeblue%20Clinic"), "{}", enrolment.uri);
        assert!(enrolment.uri.contains(&format!("secret={}", enrolment.secret)));
        let right = shown(&enrolment.secret, 3000);
        assert_eq!(factors.check("alice", &right, at(3000)).expect("checked"), Checked::Lost);
        assert!(factors.confirm("alice", &code("000000"), at(3000)).expect("tried").is_none());
        let (step, recovery) = factors.confirm("alice", &right, at(3000)).expect("tried").expect("right");
        assert_eq!((step, recovery.len()), (100, RECOVERY_CODES));

        // also by an engine that was started anew
        let factors = Factors::open(folder.path()).expect("opened");
        assert_eq!(
            factors.check("alice", &right, at(3030)).expect("checked"),
            Checked::Step(100),
            "a clock may be late"
        );
        assert_eq!(factors.check("alice", &right, at(3060)).expect("checked"), Checked::Wrong, "but not by a minute");
        assert_eq!(factors.check("bob", &right, at(3000)).expect("checked"), Checked::Lost);
        let first = code(&recovery[0].to_lowercase());
        assert_eq!(
            factors.check("alice", &first, at(3060)).expect("checked"),
            Checked::Recovery { left: 9, step: 102 }
        );
        assert_eq!(factors.check("alice", &first, at(3060)).expect("checked"), Checked::Wrong, "each once");
        factors.forget("alice").expect("forgotten");
        assert_eq!(factors.check("alice", &right, at(3000)).expect("checked"), Checked::Lost);
    }

    #[test]
    fn the_file_is_private_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        Factors::open(folder.path()).expect("opened").begin("alice", "Clinic").expect("begun");
        let path = folder.path().join("second-factors.json");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "{\"alice\":").expect("written");
        assert!(matches!(Factors::open(folder.path()), Err(FactorsError::Damaged { .. })));
    }
}
