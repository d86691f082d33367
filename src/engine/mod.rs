//! Floor 4. The one process per host that holds the truth and acts.
//!
//! `core` is the loop and the only writer of the journal; `handle` and `queries` are how everybody speaks to it; `effects`
//! is its work in the world, `watch` its eyes (`pace` tells whether they are late), `heartbeat`, `alerts` and `errors` its ears, `collect` what reads
//! and keeps the newest lines of services, `words` what it hears of language models, `baselines` what it remembers of rows, `library`
//! what it knows from earlier, `follow` what receives the logs of databases, `deadlines` its alarm clock, `trial` how all of it is tested once, `reload` the wish to read the platform file anew, `halt` the kill switch
//! that is a file, `asking` who gives a command and `factors` what proves it, `people` how they enrol, `authority` what vouches for the engine and its people over TLS and `certificates` how they get theirs, `recover` their way back when nobody could let them in, `evidence` what makes the record
//! convincing to others, `adopt` what it looks for at the start; `runbooks` the books that runs may walk through, `vouchers` for whom their programs act and `readers` who follows them; `home` is where it keeps its files. This room alone knows all rooms of
//! floor 3 and alone reads the clock. `heap` keeps a large platform small in memory, `level` says which API is spoken.

mod adopt;
mod alerts;
mod asking;
mod authority;
mod baselines;
mod certificates;
mod clock;
mod collect;
mod core;
mod deadlines;
mod effects;
mod errors;
mod evidence;
mod factors;
mod follow;
mod halt;
mod handle;
mod heap;
mod heartbeat;
mod home;
mod level;
mod library;
mod lifecycle;
mod messages;
mod observe;
mod pace;
mod people;
mod prompts;
mod queries;
mod readers;
mod recover;
mod reload;
mod runbooks;
#[cfg(test)]
mod tests;
mod trial;
mod vouchers;
mod watch;
mod words;

pub use alerts::{FiringAlert, ToldAlert};
pub use asking::{Asking, CODE_HEADER, Code, Shown};
pub use authority::{AuthorityError, Renewal, ServerCertificate, certificate_fingerprint};
pub use certificates::{CertificateRequest, IssuedCertificate, TlsFigures};
pub use clock::{Clock, SystemClock};
pub use collect::{LogAnswer, LogFigures, LogRefusal};
pub use evidence::PlaceFigures;
pub use factors::{Enrolment, FactorsError};
pub use handle::{DryRunRequest, EngineHandle, QueryError};
pub use home::{Home, HomeError};
pub use level::{API_HEADER, ApiLevels};
pub use lifecycle::{Engine, StartError, login_of};
pub use messages::*;
pub use pace::PaceFigures;
pub use people::{Enrolled, TokenEntry};
pub use readers::{Reader, Seat};
pub use recover::{RecoverError, recover_second_factor};
pub use reload::PlatformDifference;
pub use trial::{SystemTrial, TrialKind, TrialPart};
