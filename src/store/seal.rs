//! The key with which the engine signs checkpoints: made at the first start, kept beside the vault's, never shown.
//!
//! It is an OpenSSH key, so that the stock tools can use and check it: `checkpoint` (for the engine alone) and `checkpoint.pub`.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use ring::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use sha2::{Digest, Sha256};
use ssh_key::{
    Algorithm, HashAlg, LineEnding, PrivateKey, SshSig,
    private::{Ed25519Keypair, Ed25519PrivateKey, KeypairData},
    public::{Ed25519PublicKey, KeyData},
};

use super::{
    merkle::Hash,
    note::{Checkpoint, CheckpointPublicKey, Kind, NoteError, SignedCheckpoint, line, witnessed},
};

/// What OpenSSH signatures of checkpoints are for: no other signature of the key can be taken for one.
pub const NAMESPACE: &str = "codeblue-checkpoint";

const PRIVATE: &str = "checkpoint";
const PUBLIC: &str = "checkpoint.pub";

/// What the key of kept states is derived with: it is good for nothing else.
const STATES: &[u8] = b"codeblue kept state v1";

/// The key of one engine.
pub struct CheckpointKey {
    pair: Ed25519KeyPair,
    public: CheckpointPublicKey,
    states: hmac::Key,
}

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file could not be read or written.
    #[error("checkpoint key {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was said.
        source: io::Error,
    },
    /// It is no Ed25519 key.
    #[error(
        "checkpoint key {path} is no unencrypted Ed25519 key of OpenSSH; put the right one back, or move it aside and the engine \
         makes a new one, which nobody who knew the old one will trust by itself"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
}

impl CheckpointKey {
    /// The key in this folder, made where there is none.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn open_or_make(folder: &Path) -> Result<Self, KeyError> {
        let path = folder.join(PRIVATE);
        let file = |source| KeyError::File { path: path.clone(), source };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => make(folder).map_err(file)?,
            Err(other) => return Err(file(other)),
        };
        let mode = fs::metadata(&path).map_err(file)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(file)?;
        }
        let unreadable = || KeyError::Unreadable { path: path.clone() };
        let private = PrivateKey::from_openssh(&text).map_err(|_| unreadable())?;
        let KeypairData::Ed25519(pair) = private.key_data() else { return Err(unreadable()) };
        let seed = pair.private.to_bytes();
        let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &pair.public.0).map_err(|_| unreadable())?;
        Ok(Self::of(pair, &seed))
    }

    /// Whether this folder has a key, or the public half of one that was lost.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn is_in(folder: &Path) -> Result<bool, KeyError> {
        let keys = public_keys(folder).map_err(|source| KeyError::File { path: folder.to_owned(), source })?;
        Ok(!keys.is_empty() || folder.join(PRIVATE).exists())
    }

    /// A key of its own that is nowhere kept.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn fresh() -> io::Result<Self> {
        Self::of_seed(&rand::random())
    }

    fn of_seed(seed: &[u8; 32]) -> io::Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        pair.map(|pair| Self::of(pair, seed)).map_err(|rejected| io::Error::other(rejected.to_string()))
    }

    fn of(pair: Ed25519KeyPair, seed: &[u8; 32]) -> Self {
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        let states = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let states = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&states, STATES).as_ref());
        Self { pair, public: CheckpointPublicKey(public), states }
    }

    /// What others check its signatures with.
    #[must_use]
    pub fn public(&self) -> CheckpointPublicKey {
        self.public
    }

    /// The code that a state is kept with, so that nobody without the key can put another one in its place. It covers the
    /// events that led to it, by the hash of the last and the root of the tree over all.
    pub(super) fn state_code(&self, seq: u64, hash: &Hash, root: &Hash, body: &str) -> Hash {
        let mut code = [0; 32];
        code.copy_from_slice(hmac::sign(&self.states, &state_message(seq, hash, root, body)).as_ref());
        code
    }

    /// Whether a state was kept with this key.
    pub(super) fn is_state_code(&self, seq: u64, hash: &Hash, root: &Hash, body: &str, code: &[u8]) -> bool {
        hmac::verify(&self.states, &state_message(seq, hash, root, body), code).is_ok()
    }

    /// Signs a checkpoint of the own journal.
    ///
    /// # Errors
    /// When its origin is no name for a journal.
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<SignedCheckpoint, NoteError> {
        let text = checkpoint.to_string();
        let id = self.public.id(&checkpoint.origin, Kind::Log);
        let signature = self.pair.sign(text.as_bytes());
        SignedCheckpoint::parse(&format!("{text}\n{}", line(&checkpoint.origin, id, signature.as_ref())))
    }

    /// The line by which a witness of this name says that it has seen a checkpoint, and nothing that contradicts it.
    #[must_use]
    pub fn witness(&self, name: &str, seen: &SignedCheckpoint, at: DateTime<Utc>) -> String {
        let time = u64::try_from(at.timestamp()).unwrap_or_default();
        let signature = self.pair.sign(witnessed(time, seen.text()).as_bytes());
        let signed = [time.to_be_bytes().as_slice(), signature.as_ref()].concat();
        line(name, self.public.id(name, Kind::Witness), &signed)
    }

    /// The signature that `ssh-keygen -Y verify -n codeblue-checkpoint` checks, of a checkpoint's three lines.
    ///
    /// # Errors
    /// When it cannot be written; it always can.
    pub fn ssh_signature(&self, text: &str) -> Result<String, ssh_key::Error> {
        let data = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, text.as_bytes())?;
        let signature = ssh_key::Signature::new(Algorithm::Ed25519, self.pair.sign(&data).as_ref().to_vec())?;
        let key = KeyData::Ed25519(Ed25519PublicKey(self.public.0));
        SshSig::new(key, NAMESPACE, HashAlg::Sha512, signature)?.to_pem(LineEnding::LF)
    }
}

fn state_message(seq: u64, hash: &Hash, root: &Hash, body: &str) -> Vec<u8> {
    [seq.to_be_bytes().as_slice(), hash, root, &Sha256::digest(body)].concat()
}

/// The public keys in this folder: the key's, and those of keys that were used before it.
///
/// # Errors
/// When the folder cannot be read; that there is none is no error.
pub fn public_keys(folder: &Path) -> io::Result<Vec<CheckpointPublicKey>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(other) => return Err(other),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PRIVATE) && name.ends_with(".pub")) else {
            continue;
        };
        keys.extend(CheckpointPublicKey::from_openssh(&fs::read_to_string(folder.join(name))?));
    }
    keys.sort();
    Ok(keys)
}

/// Writes a new key and gives the text of its private half. The public half of a key that was lost is kept for what it
/// signed.
fn make(folder: &Path) -> io::Result<String> {
    let public = folder.join(PUBLIC);
    if let Ok(text) = fs::read_to_string(&public)
        && let Ok(lost) = CheckpointPublicKey::from_openssh(&text)
    {
        fs::rename(&public, folder.join(format!("{PRIVATE}-{}.pub", lost.short())))?;
    }
    let seed: [u8; 32] = rand::random();
    let key = CheckpointKey::of_seed(&seed)?;
    let pair = Ed25519Keypair { public: Ed25519PublicKey(key.public.0), private: Ed25519PrivateKey::from_bytes(&seed) };
    let private = PrivateKey::new(KeypairData::Ed25519(pair), NAMESPACE).map_err(io::Error::other)?;
    let text = private.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    let public = format!("{} {NAMESPACE}\n", key.public.openssh());
    for (name, mode, text) in [(PUBLIC, 0o644, public.as_str()), (PRIVATE, 0o600, text.as_str())] {
        let unfinished = folder.join(format!("{name}.new"));
        let mut file = File::options().create(true).truncate(true).write(true).mode(mode).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, folder.join(name))?;
    }
    File::open(folder)?.sync_all()?;
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "codeblue/ward/01234567".to_owned(), size: 42, root: [3; 32] }
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_signs_what_its_public_half_proves() {
        let folder = tempfile::tempdir().unwrap();
        let key = CheckpointKey::open_or_make(folder.path()).unwrap();
        let again = CheckpointKey::open_or_make(folder.path()).unwrap();
        assert_eq!(key.public(), again.public());
        let mode = fs::metadata(folder.path().join("checkpoint")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(public_keys(folder.path()).unwrap(), [key.public()]);

        let signed = key.sign(&checkpoint()).unwrap();
        assert!(signed.is_signed_by(&key.public()));
        assert!(!signed.is_signed_by(&CheckpointKey::fresh().unwrap().public()));
        let other = signed.to_string().replacen("\n42\n", "\n43\n", 1);
        assert!(!SignedCheckpoint::parse(&other).unwrap().is_signed_by(&key.public()));
    }

    #[test]
    fn a_lost_key_is_followed_by_another_and_what_it_signed_can_still_be_checked() {
        let folder = tempfile::tempdir().unwrap();
        let lost = CheckpointKey::open_or_make(folder.path()).unwrap();
        fs::remove_file(folder.path().join("checkpoint")).unwrap();
        let new = CheckpointKey::open_or_make(folder.path()).unwrap();
        assert_ne!(lost.public(), new.public());
        let mut both = vec![lost.public(), new.public()];
        both.sort();
        assert_eq!(public_keys(folder.path()).unwrap(), both);
    }

    #[test]
    fn a_witness_says_when_it_looked() {
        let (log, witness) = (CheckpointKey::fresh().unwrap(), CheckpointKey::fresh().unwrap());
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let signed = log.sign(&checkpoint()).unwrap();
        let both = signed.with_line(&witness.witness("codeblue/other/89abcdef", &signed, at)).unwrap();
        assert_eq!(both.witnessed_by(&witness.public()), Some(("codeblue/other/89abcdef", at)));
        assert_eq!(both.witnessed_by(&log.public()), None);
        assert_eq!(both.others().collect::<Vec<_>>(), ["codeblue/other/89abcdef"]);
        assert!(both.is_signed_by(&log.public()));
        assert_eq!(both.alone(), signed);
    }

    #[test]
    fn the_stock_ssh_keygen_checks_the_signature_and_makes_one_with_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let key = CheckpointKey::open_or_make(folder.path()).unwrap();
        let text = checkpoint().to_string();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("signature"), key.ssh_signature(&text).unwrap()).unwrap();
        fs::write(at("allowed_signers"), format!("ward {}\n", key.public().openssh())).unwrap();
        let check = |text: &str| {
            let mut ssh = Command::new("ssh-keygen")
                .args(["-Y", "verify", "-f", &at("allowed_signers"), "-I", "ward", "-n", NAMESPACE])
                .args(["-s", &at("signature")])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            ssh.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            ssh.wait().unwrap().success()
        };
        assert!(check(&text));
        assert!(!check(&text.replace("42", "43")));
        let fingerprint = Command::new("ssh-keygen").args(["-y", "-f", &at("checkpoint")]).output().unwrap();
        assert!(String::from_utf8_lossy(&fingerprint.stdout).starts_with(&key.public().openssh()));
    }
}
