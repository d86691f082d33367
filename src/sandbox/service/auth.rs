//! `auth`: gives tokens to accounts that know their secret, and says whose a token is. Tokens are signed, so it keeps none.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{task::JoinHandle, time::sleep};

use super::{
    super::{SandboxError, files, kind::FaultKind},
    context::Context,
    failure::Failure,
    run::Serve,
};

const BLOCK: usize = 64;

/// So many wrong secrets in a row lock an account for a minute.
const MOST_WRONG: u32 = 5;
const LOCKED: TimeDelta = TimeDelta::seconds(60);
/// Between two rounds of somebody who tries wrong secrets.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

pub(super) struct Auth {
    context: Arc<Context>,
    store: RwLock<Arc<Store>>,
    /// Wrong secrets in a row, and when the last one came, by account.
    wrong: Mutex<BTreeMap<String, (u32, DateTime<Utc>)>>,
    /// Since when tokens of an account count that has a new secret.
    renewed: Mutex<BTreeMap<String, DateTime<Utc>>>,
    storm: Mutex<Option<JoinHandle<()>>>,
}

struct Store {
    accounts: BTreeMap<String, Account>,
    /// Tokens are signed with the first and checked with the second.
    key: Vec<u8>,
    verifying: Vec<u8>,
}

#[derive(PartialEq, Deserialize)]
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
        let (wrong, renewed, storm) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Arc::new(Self { context, store, wrong, renewed, storm }))
    }

    fn store(&self) -> Arc<Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log_in(&self, login: &Login, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>), Failure> {
        let expires = now + self.context.settings()?.token_lifetime();
        let store = self.store();
        let unknown = || Failure::refused(StatusCode::UNAUTHORIZED, "unknown account or wrong secret");
        let account = store.accounts.get(&login.account).ok_or_else(unknown)?;
        let mut all = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = all.entry(login.account.clone()).or_insert((0, now));
        if wrong.0 >= MOST_WRONG && now - wrong.1 < LOCKED {
            let problem = format!("the account {} is locked after {MOST_WRONG} wrong secrets", login.account);
            return Err(Failure::refused(StatusCode::LOCKED, problem));
        }
        if account.knows(&login.secret) {
            all.remove(&login.account);
            return Ok((store.token(&login.account, now, expires), expires));
        }
        *wrong = (if wrong.0 >= MOST_WRONG { 1 } else { wrong.0 + 1 }, now);
        if wrong.0 == MOST_WRONG {
            self.context.log.warn(&format!("{MOST_WRONG} wrong secrets for {}: locked for a minute", login.account));
        }
        Err(unknown())
    }

    fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<String, Failure> {
        self.context.settings()?;
        let refused = |reason| Failure::refused(StatusCode::UNAUTHORIZED, reason);
        let (account, issued) = self.store().subject(token, now).map_err(refused)?;
        let renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        match renewed.get(&account) {
            Some(since) if issued < since.timestamp() => {
                Err(refused("the token was revoked: its account has a new secret"))
            }
            _ => Ok(account),
        }
    }

    /// Who has a new secret shows it: tokens of before count no longer.
    fn renew(&self, before: &Store, after: &Store) {
        let now = self.context.now();
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = after.accounts.iter().filter(|(name, account)| before.accounts.get(*name) != Some(account));
        renewed.extend(changed.map(|(name, _)| (name.clone(), now)));
    }

    /// Tries wrong secrets for all accounts, as somebody from outside would.
    async fn try_wrong_secrets(self: Arc<Self>) {
        loop {
            for account in self.store().accounts.keys() {
                let wrong = Login { account: account.clone(), secret: "letmein".to_owned() };
                for _ in 0..MOST_WRONG {
                    // that it fails is what is wanted
                    let _ = self.log_in(&wrong, self.context.now());
                }
            }
            sleep(BETWEEN_TRIES).await;
        }
    }
}

impl Store {
    fn load(context: &Context) -> Result<Self, SandboxError> {
        let dir = context.layout.service("auth");
        let missing = |name: &str| SandboxError::Damaged { path: dir.join(name), reason: "it is missing".to_owned() };
        let accounts = files::read_json(&context.layout.accounts())?.ok_or_else(|| missing("accounts.json"))?;
        let key = files::read(&context.layout.signing_key())?.ok_or_else(|| missing("signing.key"))?;
        let verifying = files::read(&context.layout.verifying_key())?.ok_or_else(|| missing("verifying.key"))?;
        Ok(Self { accounts, key, verifying })
    }

    fn token(&self, account: &str, now: DateTime<Utc>, expires: DateTime<Utc>) -> String {
        let claim = format!("{account}.{}.{}", now.timestamp(), expires.timestamp());
        let seal = hex::encode(seal(&self.key, claim.as_bytes()));
        format!("{claim}.{seal}")
    }

    /// Whose token it is, and when it was issued.
    fn subject(&self, token: &str, now: DateTime<Utc>) -> Result<(String, i64), &'static str> {
        let (claim, sealed) = token.rsplit_once('.').ok_or("this is no token")?;
        let (issued, expires) = claim.rsplit_once('.').ok_or("this is no token")?;
        let (account, issued) = issued.rsplit_once('.').ok_or("this is no token")?;
        let issued = issued.parse().map_err(|_| "this is no token")?;
        if !same(hex::encode(seal(&self.verifying, claim.as_bytes())).as_bytes(), sealed.as_bytes()) {
            return Err("the token was not made here");
        }
        match expires.parse::<i64>() {
            Ok(expires) if expires > now.timestamp() => Ok((account.to_owned(), issued)),
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

    /// Locks end: whoever changes accounts has a reason.
    fn reload(&self) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clear();
        match Store::load(&self.context) {
            Ok(store) => {
                self.renew(&self.store(), &store);
                *self.store.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(store);
            }
            Err(error) => self.context.log.error(&format!("accounts not read, the old ones stay: {error}")),
        }
    }

    fn suffer(self: &Arc<Self>) {
        let mut storm = self.storm.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.context.suffers_from(FaultKind::LockoutStorm), storm.take()) {
            (true, None) => *storm = Some(tokio::spawn(Arc::clone(self).try_wrong_secrets())),
            (true, blowing) => *storm = blowing,
            (false, Some(blowing)) => blowing.abort(),
            (false, None) => {}
        }
    }

    async fn deep(&self) -> Result<Value, Failure> {
        let store = self.store();
        let now = self.context.now();
        let token = store.token("auth", now, now + self.context.settings()?.token_lifetime());
        self.verify(&token, now)?;
        Ok(json!(format!("signed and verified a token; {} accounts", store.accounts.len())))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/login", post(login)).route("/verify", post(verify)).with_state(self)
    }
}

async fn login(State(auth): State<Arc<Auth>>, Json(login): Json<Login>) -> Result<Json<Value>, Failure> {
    let (token, expires) = auth.log_in(&login, auth.context.now())?;
    Ok(Json(json!({ "token": token, "expiresAt": expires })))
}

async fn verify(State(auth): State<Arc<Auth>>, Json(asked): Json<Verify>) -> Result<Json<Value>, Failure> {
    let account = auth.verify(&asked.token, auth.context.now())?;
    Ok(Json(json!({ "account": account })))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn the_seal_is_that_of_rfc_4231() {
        let sealed = seal(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex::encode(sealed), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_token_holds_until_it_expires_and_only_unchanged() {
        let now = Utc.with_ymd_and_hms(2026, 1, 15, 10, 0, 0).unwrap();
        let store = Store { accounts: BTreeMap::new(), key: b"key".to_vec(), verifying: b"key".to_vec() };
        let token = store.token("checkin", now, now + TimeDelta::minutes(5));
        let whose = ("checkin".to_owned(), now.timestamp());
        assert_eq!(store.subject(&token, now), Ok(whose.clone()));
        assert!(store.subject(&token, now + TimeDelta::minutes(5)).is_err());
        assert!(store.subject(&token.replace("checkin", "patient-api"), now).is_err());
        let half_rotated = Store { key: b"new".to_vec(), ..store };
        let made_since = half_rotated.token("checkin", now, now + TimeDelta::minutes(5));
        assert_eq!(half_rotated.subject(&token, now), Ok(whose), "who has a token works on");
        assert_eq!(half_rotated.subject(&made_since, now), Err("the token was not made here"));
    }
}
