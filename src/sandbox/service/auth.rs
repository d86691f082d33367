//! `auth`: gives tokens to accounts that know their secret, and says whose a token is. Tokens are signed, so it keeps none.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    super::{SandboxError, files},
    context::Context,
    failure::Failure,
    run::Serve,
};

const BLOCK: usize = 64;

pub(super) struct Auth {
    context: Arc<Context>,
    store: RwLock<Arc<Store>>,
}

struct Store {
    accounts: BTreeMap<String, Account>,
    key: Vec<u8>,
}

#[derive(Deserialize)]
struct Account {
    salt: String,
    hash: String,
}

#[derive(Deserialize)]
struct Login {
    account: String,
    secret: String,
}

#[derive(Deserialize)]
struct Verify {
    token: String,
}

impl Auth {
    pub(super) fn new(context: Arc<Context>) -> Result<Arc<Self>, SandboxError> {
        let store = RwLock::new(Arc::new(Store::load(&context)?));
        Ok(Arc::new(Self { context, store }))
    }

    fn store(&self) -> Arc<Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log_in(&self, login: &Login, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>), Failure> {
        let expires = now + self.context.settings()?.token_lifetime();
        let store = self.store();
        let account = store.accounts.get(&login.account).filter(|account| account.knows(&login.secret));
        if account.is_none() {
            return Err(Failure::refused(StatusCode::UNAUTHORIZED, "unknown account or wrong secret"));
        }
        Ok((store.token(&login.account, expires), expires))
    }

    fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<String, Failure> {
        self.context.settings()?;
        self.store().subject(token, now).map_err(|reason| Failure::refused(StatusCode::UNAUTHORIZED, reason))
    }
}

impl Store {
    fn load(context: &Context) -> Result<Self, SandboxError> {
        let dir = context.layout.service("auth");
        let missing = |name: &str| SandboxError::Damaged { path: dir.join(name), reason: "it is missing".to_owned() };
        let accounts = files::read_json(&dir.join("accounts.json"))?.ok_or_else(|| missing("accounts.json"))?;
        let key = files::read(&dir.join("signing.key"))?.ok_or_else(|| missing("signing.key"))?;
        Ok(Self { accounts, key })
    }

    fn token(&self, account: &str, expires: DateTime<Utc>) -> String {
        let claim = format!("{account}.{}", expires.timestamp());
        let seal = hex::encode(seal(&self.key, claim.as_bytes()));
        format!("{claim}.{seal}")
    }

    fn subject(&self, token: &str, now: DateTime<Utc>) -> Result<String, &'static str> {
        let (claim, sealed) = token.rsplit_once('.').ok_or("this is no token")?;
        let (account, expires) = claim.rsplit_once('.').ok_or("this is no token")?;
        if !same(hex::encode(seal(&self.key, claim.as_bytes())).as_bytes(), sealed.as_bytes()) {
            return Err("the token was not made here");
        }
        match expires.parse::<i64>() {
            Ok(expires) if expires > now.timestamp() => Ok(account.to_owned()),
            _ => Err("the token has expired"),
        }
    }
}

impl Account {
    fn knows(&self, secret: &str) -> bool {
        let hash = hex::encode(Sha256::digest(format!("{}:{secret}", self.salt)));
        same(hash.as_bytes(), self.hash.as_bytes())
    }
}

/// HMAC-SHA-256 (RFC 2104); keys are at most one block long.
fn seal(key: &[u8], message: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| -> Vec<u8> { (0..BLOCK).map(|at| key.get(at).copied().unwrap_or(0) ^ pad).collect() };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

/// Compares in a time that does not tell where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

impl Serve for Auth {
    fn version(&self) -> String {
        "tokens-1".to_owned()
    }

    fn reload(&self) {
        match Store::load(&self.context) {
            Ok(store) => *self.store.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(store),
            Err(error) => self.context.log.error(&format!("accounts not read, the old ones stay: {error}")),
        }
    }

    async fn deep(&self) -> Result<Value, Failure> {
        let store = self.store();
        let now = Utc::now();
        let token = store.token("auth", now + self.context.settings()?.token_lifetime());
        self.verify(&token, now)?;
        Ok(json!(format!("signed and verified a token; {} accounts", store.accounts.len())))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/login", post(login)).route("/verify", post(verify)).with_state(self)
    }
}

async fn login(State(auth): State<Arc<Auth>>, Json(login): Json<Login>) -> Result<Json<Value>, Failure> {
    let (token, expires) = auth.log_in(&login, Utc::now())?;
    Ok(Json(json!({ "token": token, "expiresAt": expires })))
}

async fn verify(State(auth): State<Arc<Auth>>, Json(asked): Json<Verify>) -> Result<Json<Value>, Failure> {
    let account = auth.verify(&asked.token, Utc::now())?;
    Ok(Json(json!({ "account": account })))
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::*;

    #[test]
    fn the_seal_is_that_of_rfc_4231() {
        let sealed = seal(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex::encode(sealed), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_token_holds_until_it_expires_and_only_unchanged() {
        let now = Utc.with_ymd_and_hms(2026, 1, 15, 10, 0, 0).unwrap();
        let store = Store { accounts: BTreeMap::new(), key: b"key".to_vec() };
        let token = store.token("checkin", now + TimeDelta::minutes(5));
        assert_eq!(store.subject(&token, now), Ok("checkin".to_owned()));
        assert!(store.subject(&token, now + TimeDelta::minutes(5)).is_err());
        assert!(store.subject(&token.replace("checkin", "patient-api"), now).is_err());
    }
}
