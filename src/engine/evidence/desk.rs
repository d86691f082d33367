//! Being a witness: other engines show checkpoints of their journals here, and get a signature for each that goes on from the one
//! before. One that does not is recorded: it proves that there are two versions.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    domain::{Actor, Command, Refusal, SeenCheckpoint},
    engine::{EngineHandle, QueryError, SubmitError, WitnessAnswer, WitnessRequest},
    store::{
        CheckpointPublicKey, SignedCheckpoint,
        merkle::{Hash, is_consistent},
    },
};

/// No proof is longer: a tree of 2^64 leaves has 64 levels.
const LONGEST_PROOF: usize = 64;

impl EngineHandle {
    /// The size of the newest checkpoint known of a journal; 0 when it was never seen.
    #[must_use]
    pub fn witnessed_size(&self, origin: &str) -> u64 {
        self.state().evidence.witnessed.get(origin).map_or(0, |witnessed| witnessed.seen.size)
    }

    /// Looks at a checkpoint of another journal and signs it, when it goes on from the one before.
    ///
    /// # Errors
    /// When its signature or its proof is wrong, or it contradicts what was seen before; the last is recorded.
    pub async fn witness(&self, request: WitnessRequest, by: String) -> Result<WitnessAnswer, QueryError> {
        let (signed, seen) = read(&request)?;
        let wrong = |message: String| {
            Refusal::new("witness-proof", message)
                .hint("send the proof from the size that was last taken: codeblue audit consistency")
        };
        let proof = request.proof.iter().map(|hash| decode(hash)).collect::<Option<Vec<Hash>>>();
        let proof = proof
            .filter(|proof| proof.len() <= LONGEST_PROOF)
            .ok_or_else(|| wrong("the proof is no list of at most 64 hashes in base64".to_owned()))?;
        let state = self.state();
        let known = state.evidence.witnessed.get(&seen.origin).map(|witnessed| witnessed.seen.clone());
        let known_size = known.as_ref().map_or(0, |known| known.size);
        if request.old_size != known_size {
            return Err(Refusal::new("witness-stale", format!("{} is known up to event {known_size}", seen.origin))
                .hint(format!("prove consistency from {known_size}"))
                .into());
        }
        if let Some(known) = &known {
            if known.key != seen.key {
                return Err(Refusal::new("witness-key", format!("{} was signed by another key before", seen.origin))
                    .hint("find out there who changed it, before anybody relies on that journal: codeblue audit verify")
                    .into());
            }
            if seen.size < known.size {
                let message = format!("{} is known up to event {} already", seen.origin, known.size);
                return Err(Refusal::new("witness-behind", message)
                    .hint("send the newest checkpoint: codeblue audit checkpoint")
                    .into());
            }
            let before = decode_hex(&known.root)
                .ok_or_else(|| QueryError::Failed("a root in the state is spoilt".to_owned()))?;
            let (old, new) = ((known.size, &before), (seen.size, &signed.checkpoint.root));
            if !is_consistent(old, new, &proof) {
                return Err(self.refuse(seen, by).await?.into());
            }
        }
        let command = Command::WitnessCheckpoint { seen, known: known_size, by };
        self.submit(command, Actor::Engine).await.map_err(failed)?;
        let name = self.state().engine.origin.clone();
        let cosignature = self.key.witness(&name, &signed, self.now());
        Ok(WitnessAnswer { size: signed.checkpoint.size, cosignature, key: self.key.public().openssh() })
    }

    async fn refuse(&self, seen: SeenCheckpoint, by: String) -> Result<Refusal, QueryError> {
        let message = format!("event {} of {} does not go on from what was seen before", seen.size, seen.origin);
        self.submit(Command::RefuseCheckpoint { seen, by }, Actor::Engine).await.map_err(failed)?;
        Ok(Refusal::new("inconsistent-checkpoint", message)
            .hint("there are two versions of that journal; this was recorded, with the signed checkpoint, as evidence"))
    }
}

/// The checkpoint of a request, when the key that comes with it has signed it and belongs to its name.
fn read(request: &WitnessRequest) -> Result<(SignedCheckpoint, SeenCheckpoint), Refusal> {
    let wrong = |message: String| {
        Refusal::new("witness-signature", message).hint(
            "send it as it stands in the checkpoint, with the public key of its engine: codeblue audit checkpoint",
        )
    };
    let signed = SignedCheckpoint::parse(&request.checkpoint).map_err(|error| wrong(error.to_string()))?;
    let key = CheckpointPublicKey::from_openssh(&request.key).map_err(|error| wrong(error.to_string()))?;
    if !signed.checkpoint.origin.ends_with(&format!("/{}", key.short())) {
        return Err(wrong("the name of the journal does not end with the first digits of the key".to_owned()));
    }
    if !signed.is_signed_by(&key) {
        return Err(wrong("the signature is not right".to_owned()));
    }
    let seen = SeenCheckpoint {
        origin: signed.checkpoint.origin.clone(),
        key: key.openssh(),
        size: signed.checkpoint.size,
        root: hex::encode(signed.checkpoint.root),
        note: signed.clone().alone().to_string(),
    };
    Ok((signed, seen))
}

fn failed(error: SubmitError) -> QueryError {
    match error {
        SubmitError::Refused(refusal) => refusal.into(),
        other => QueryError::Failed(other.to_string()),
    }
}

fn decode(hash: &str) -> Option<Hash> {
    STANDARD.decode(hash).ok()?.try_into().ok()
}

fn decode_hex(hash: &str) -> Option<Hash> {
    hex::decode(hash).ok()?.try_into().ok()
}
