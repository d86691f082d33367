//! Why a model's opinion is missing: what happened, and what to do about it.

use std::time::Duration;

/// Why there is no opinion. The local analyser's answer stands alone then.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The tokens of the day are used up.
    #[error("{spent} of the {budget} tokens of today are used; [model] budget sets the limit")]
    Budget {
        /// Used today.
        spent: u64,
        /// Allowed a day.
        budget: u64,
    },
    /// It failed too often; it is left alone for a while.
    #[error("it failed several times in a row and is asked again in {} s", left.as_secs().max(1))]
    Resting {
        /// For so long.
        left: Duration,
    },
    /// The last scan found something that may not leave.
    #[error("nothing was sent: the last scan found {0} in the prompt")]
    Blocked(String),
    /// Its key cannot be had.
    #[error("no key: {0}")]
    Key(String),
    /// What the platform file says of it cannot be used.
    #[error("{0}")]
    Setup(String),
    /// No connection, or one that ended.
    #[error("{0}")]
    Unreachable(String),
    /// The time is up.
    #[error("no answer within {} s", seconds(*within))]
    Late {
        /// All the time there was.
        within: Duration,
    },
    /// Somebody does not want to wait for it any longer.
    #[error("{0} did not wait for it any longer")]
    Stopped(String),
    /// The server wants us to wait longer than we have.
    #[error("it is busy and asks to come back in {} s", seconds(*asked))]
    Busy {
        /// For so long.
        asked: Duration,
    },
    /// The server answers elsewhere. The key is not sent there.
    #[error("it points to {0} instead of answering; if that is right, name it in [model] url")]
    Redirect(String),
    /// The account has nothing left.
    #[error("its account is used up: {0}")]
    Quota(String),
    /// The key is not accepted.
    #[error("it does not accept the key (HTTP {status}): {message}")]
    Unauthorised {
        /// 401 or 403.
        status: u16,
        /// What it says.
        message: String,
    },
    /// Any other error of the server.
    #[error("it answered HTTP {status}: {message}")]
    Status {
        /// The status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// Even half of the prompt is too long for it.
    #[error("the prompt is too long for it; set [model] tokens lower: {0}")]
    TooLong(String),
    /// The answer is larger than any sensible one.
    #[error("its answer did not end after {0} KiB")]
    Endless(usize),
    /// The answer is no answer of this interface.
    #[error("its answer is not understood: {0}")]
    Broken(String),
    /// It will not answer.
    #[error("it refused: {0}")]
    Refusal(String),
    /// The answer was cut.
    #[error("its answer was cut after {0} tokens, before it said anything that counts")]
    Cut(u64),
    /// There is no JSON in the answer.
    #[error("its answer holds no opinion: \"{0}\"")]
    NoOpinion(String),
}

impl Failure {
    /// Whether it speaks against the server, rather than against what was asked or answered.
    pub(super) fn is_of_server(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::Late { .. }
                | Self::Busy { .. }
                | Self::Redirect(_)
                | Self::Quota(_)
                | Self::Unauthorised { .. }
                | Self::Status { .. }
                | Self::Endless(_)
                | Self::Broken(_)
        )
    }
}

fn seconds(duration: Duration) -> String {
    let rounded = (duration.as_secs_f64() * 10.0).round() / 10.0;
    rounded.to_string()
}
