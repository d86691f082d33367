//! Checkpoints as text that others can read: the C2SP forms `signed-note`, `tlog-checkpoint` and `tlog-cosignature` (c2sp.org).
//!
//! The text is three lines (origin, size, root in base64), then an empty line, then one line for each signature. A witness adds a line of
//! its own, whose signature also says when it looked.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use ssh_key::public::KeyData;

use super::merkle::Hash;

/// Longest checkpoint that is read: one with dozens of witnesses is far shorter.
const LONGEST: usize = 16 * 1024;
/// What begins a line with a signature.
const DASH: &str = "— ";

/// What a signature in a note is for; the number is part of the key's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// By whoever keeps the journal.
    Log = 1,
    /// By a witness, with the time.
    Witness = 4,
}

/// A state of a journal: so many events, and the root of the tree over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The journal's name.
    pub origin: String,
    /// Events.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }
}

/// A checkpoint with the signatures under it; whether they are right is asked with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// Why a text is no signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no signed checkpoint: {0}")]
pub struct NoteError(&'static str);

/// A key that proves who signed a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckpointPublicKey(pub(super) [u8; 32]);

/// Why a text is no key for checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no Ed25519 public key as OpenSSH writes it (ssh-ed25519 AAAA…)")]
pub struct BadPublicKey;

impl CheckpointPublicKey {
    /// Reads it as OpenSSH writes it.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_openssh(text: &str) -> Result<Self, BadPublicKey> {
        match ssh_key::PublicKey::from_openssh(text.trim()).map_err(|_| BadPublicKey)?.key_data() {
            KeyData::Ed25519(key) => Ok(Self(key.0)),
            _ => Err(BadPublicKey),
        }
    }

    /// As OpenSSH writes it, without a comment.
    #[must_use]
    pub fn openssh(&self) -> String {
        let mut blob = Vec::with_capacity(51);
        for part in [b"ssh-ed25519".as_slice(), &self.0] {
            blob.extend_from_slice(&u32::try_from(part.len()).unwrap_or_default().to_be_bytes());
            blob.extend_from_slice(part);
        }
        format!("ssh-ed25519 {}", STANDARD.encode(blob))
    }

    /// Eight hexadecimal digits that tell it from others.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&Sha256::digest(self.0)[..4])
    }

    /// The id under which a name signs with it in a note.
    pub(super) fn id(&self, name: &str, kind: Kind) -> [u8; 4] {
        let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind as u8]).chain_update(self.0).finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl SignedCheckpoint {
    /// Reads a checkpoint and what is under it.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > LONGEST {
            return Err(NoteError("it is too long"));
        }
        let (text, signed) =
            note.split_once("\n\n").ok_or(NoteError("there is no empty line before the signatures"))?;
        let text = format!("{text}\n");
        let checkpoint = read(&text)?;
        let mut signatures = Vec::new();
        for line in signed.lines() {
            let line = line.strip_prefix(DASH).ok_or(NoteError("a signature's line has another form"))?;
            let (name, encoded) = line.split_once(' ').ok_or(NoteError("a signature has no name"))?;
            if name.is_empty() || name.contains(char::is_control) {
                return Err(NoteError("a signature's name is none"));
            }
            let bytes = STANDARD.decode(encoded).map_err(|_| NoteError("a signature is not base64"))?;
            let (id, bytes) = bytes.split_first_chunk().ok_or(NoteError("a signature is too short"))?;
            signatures.push(Signature { name: name.to_owned(), id: *id, bytes: bytes.to_vec() });
        }
        if signatures.is_empty() {
            return Err(NoteError("there is no signature"));
        }
        Ok(Self { checkpoint, text, signatures })
    }

    /// The three lines that are signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this key signed it for the journal it names.
    #[must_use]
    pub fn is_signed_by(&self, key: &CheckpointPublicKey) -> bool {
        let origin = &self.checkpoint.origin;
        let id = key.id(origin, Kind::Log);
        self.signatures
            .iter()
            .filter(|signature| signature.name == *origin && signature.id == id)
            .any(|signature| key.verifies(self.text.as_bytes(), &signature.bytes))
    }

    /// When this key of a witness signed it, and under which name; none when it did not.
    #[must_use]
    pub fn witnessed_by(&self, key: &CheckpointPublicKey) -> Option<(&str, DateTime<Utc>)> {
        self.signatures.iter().find_map(|signature| {
            let (time, bytes) = signature.bytes.split_first_chunk::<8>()?;
            let time = u64::from_be_bytes(*time);
            let known = signature.id == key.id(&signature.name, Kind::Witness)
                && key.verifies(witnessed(time, &self.text).as_bytes(), bytes);
            let at = DateTime::from_timestamp(i64::try_from(time).ok()?, 0)?;
            known.then_some((signature.name.as_str(), at))
        })
    }

    /// The names of all who signed it beside the journal's own key; only a key can tell whether they did.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        let origin = &self.checkpoint.origin;
        self.signatures.iter().map(|signature| signature.name.as_str()).filter(move |name| name != origin)
    }

    /// The same with nothing but what the journal's own name stands at.
    #[must_use]
    pub fn alone(mut self) -> Self {
        let Self { checkpoint, signatures, .. } = &mut self;
        signatures.retain(|signature| signature.name == checkpoint.origin);
        self
    }

    /// The same with one more signature, given as its line.
    ///
    /// # Errors
    /// When the line has another form.
    pub fn with_line(&self, line: &str) -> Result<Self, NoteError> {
        Self::parse(&format!("{self}{}\n", line.trim_end()))
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, id, bytes } in &self.signatures {
            f.write_str(&line(name, *id, bytes))?;
        }
        Ok(())
    }
}

/// The line of a signature.
pub(super) fn line(name: &str, id: [u8; 4], signature: &[u8]) -> String {
    format!("{DASH}{name} {}\n", STANDARD.encode([id.as_slice(), signature].concat()))
}

/// What a witness signs.
pub(super) fn witnessed(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

fn read(text: &str) -> Result<Checkpoint, NoteError> {
    let mut lines = text.lines();
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError("it has fewer than three lines"));
    };
    if origin.is_empty() || origin.len() > 200 || origin.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NoteError("its first line is no name of a journal"));
    }
    let number: u64 = size.parse().map_err(|_| NoteError("its second line is no number of events"))?;
    if number.to_string() != size {
        return Err(NoteError("its second line is no number of events"));
    }
    let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
    let root = root.ok_or(NoteError("its third line is no root"))?;
    Ok(Checkpoint { origin: origin.to_owned(), size: number, root })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of c2sp.org/tlog-checkpoint.
    #[test]
    fn a_checkpoint_of_another_program_is_read_and_written_as_it_was() {
        let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
                    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz\
                    Gku9nTo+zyWE+xeMcTOAYQ8=\n";
        let read = SignedCheckpoint::parse(note).unwrap();
        assert_eq!(read.checkpoint.size, 20_852_163);
        assert_eq!(read.to_string(), note);
        assert!(!read.is_signed_by(&CheckpointPublicKey([7; 32])));
    }

    /// The example of Go's package `sumdb/note`: key `PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW`.
    #[test]
    fn the_signature_of_another_program_is_found_right() {
        let key = STANDARD.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let key = CheckpointPublicKey(key[1..].try_into().unwrap());
        assert_eq!(hex::encode(key.id("PeterNeumann", Kind::Log)), "c74f20a3");
        let text =
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let signature = STANDARD.decode(signature).unwrap();
        assert!(key.verifies(text.as_bytes(), &signature[4..]));
    }

    #[test]
    fn what_is_no_checkpoint_says_why() {
        let root = STANDARD.encode([1; 32]);
        for (note, why) in [
            ("", "no empty line"),
            ("a\n1\n\n", "fewer than three"),
            (&format!("a\n01\n{root}\n\n— a AAAAAAA=\n"), "no number"),
            (&format!("a\n1\n{root}\n\n"), "no signature"),
            ("a\n1\nAAAA\n\n— a AAAAAAA=\n", "no root"),
            (&format!("a b\n1\n{root}\n\n— a AAAAAAA=\n"), "no name of a journal"),
            (&format!("a\n1\n{root}\n\n- a AAAAAAA=\n"), "another form"),
            (&format!("a\n1\n{root}\n\n— a AAA=\n"), "too short"),
        ] {
            let error = SignedCheckpoint::parse(note).unwrap_err().to_string();
            assert!(error.contains(why), "{note:?}: {error}");
        }
    }

    #[test]
    fn a_public_key_is_written_as_openssh_does() {
        let key = CheckpointPublicKey([9; 32]);
        assert_eq!(CheckpointPublicKey::from_openssh(&format!("{} somebody@here\n", key.openssh())), Ok(key));
        assert_eq!(CheckpointPublicKey::from_openssh("ssh-rsa AAAA"), Err(BadPublicKey));
    }
}
