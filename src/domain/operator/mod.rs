//! People, what they may do, who acted, and how sure that is: what is known of a person (`record`, `actor`), who may let whom
//! work here (`people`), keys that sign (`keys`), the second factor and what needs it (`second_factor`), programs that act for
//! somebody (`token`), who comes over TLS (`certificate`), a board that nobody is at (`session`), and refusals that are evidence (`refused`).
//!
//! No secret is here: the state knows of a second factor when it was last used, and of a token its hash.

mod actor;
mod apply;
pub(in crate::domain) mod certificate;
pub(in crate::domain) mod keys;
pub(in crate::domain) mod people;
mod record;
pub(in crate::domain) mod refused;
pub(in crate::domain) mod second_factor;
pub(in crate::domain) mod session;
pub(in crate::domain) mod token;

pub use actor::Actor;
pub(in crate::domain) use apply::apply;
pub use certificate::{ClientCertificate, LONGEST_CERTIFICATE};
pub use record::{Assurance, FactorReset, Operator, PublicKey, SecondFactor};
pub use refused::{AttemptBy, Refused, evidence_of_refusal};
pub use second_factor::{CODES_WRONG, Credentials, FACTOR_LOCK, RECOVER, WrongCodes};
pub use token::{ApiToken, LONGEST_TOKEN, TokenScope, TokenSecret};
