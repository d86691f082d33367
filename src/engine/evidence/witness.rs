//! Another engine as a witness. It is asked what it knows, shown the newest checkpoint with the proof that it goes on from there,
//! and gives its signature.

use std::{path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    engine::{WitnessAnswer, WitnessRequest},
    store::{CheckpointPublicKey, SignedCheckpoint, merkle::Hash},
};

/// How long a witness may take to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// What a witness knows of a journal.
#[derive(Deserialize)]
struct Known {
    size: u64,
}

#[derive(Deserialize)]
struct Said {
    error: Message,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

/// A way to an engine that is a witness.
pub(super) struct Witness {
    http: reqwest::Client,
}

impl Witness {
    /// The engine behind this socket.
    pub(super) fn unix(socket: &Path) -> Result<Self, String> {
        // Without a provider the HTTP library panics, even where there is no TLS; one may be there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http =
            reqwest::Client::builder().unix_socket(socket).tls_certs_only([]).no_proxy().pool_max_idle_per_host(0);
        Ok(Self { http: http.timeout(ANSWER).build().map_err(|error| error.to_string())? })
    }

    /// Up to which event it knows a journal.
    pub(super) async fn known(&self, origin: &str) -> Result<u64, String> {
        let request = self.http.get("http://engine/api/v1/witness").query(&[("origin", origin)]);
        answer::<Known>(request).await.map(|known| known.size)
    }

    /// Shows it a checkpoint, and gives the same with its signature.
    pub(super) async fn show(
        &self,
        signed: &SignedCheckpoint,
        key: &CheckpointPublicKey,
        old_size: u64,
        proof: &[Hash],
    ) -> Result<SignedCheckpoint, String> {
        let proof = proof.iter().map(|hash| STANDARD.encode(hash)).collect();
        let request = WitnessRequest { checkpoint: signed.to_string(), key: key.openssh(), old_size, proof };
        let answer: WitnessAnswer = answer(self.http.post("http://engine/api/v1/witness").json(&request)).await?;
        let both = signed.with_line(&answer.cosignature).map_err(|error| error.to_string())?;
        let theirs = CheckpointPublicKey::from_openssh(&answer.key).map_err(|error| error.to_string())?;
        match both.witnessed_by(&theirs) {
            Some(_) => Ok(both),
            None => Err("its signature is not right".to_owned()),
        }
    }
}

async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, String> {
    let response = request.send().await.map_err(|error| {
        if error.is_connect() { "no engine answers there".to_owned() } else { error.without_url().to_string() }
    })?;
    let status = response.status();
    if status.is_success() {
        return response.json().await.map_err(|error| format!("its answer is not readable: {error}"));
    }
    match response.json::<Said>().await {
        Ok(said) => Err(said.error.message),
        Err(_) => Err(format!("it answered with status {status}")),
    }
}
