//! Codes of the second factor and tokens, as a command line gets them: a secret that lasts is never an argument.

use std::{
    fs::File,
    io::{self, BufRead, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use super::{danger, error::CliError};
use crate::{
    client::{Client, ClientError},
    domain::TokenSecret,
    engine::Code,
};

/// A longer line is no code, and a longer file holds no token.
const LONGEST: u64 = 4096;
/// How often a code is asked for before it is given up.
const TRIES: usize = 3;

/// Asks an engine, and again with a code when it wants one and somebody is there to be asked.
pub(super) async fn with_code<T>(
    client: &Client,
    given: Option<&str>,
    ask: impl AsyncFn(&Client) -> Result<T, ClientError>,
) -> Result<T, CliError> {
    let mut code = given.map(read).transpose()?;
    for _ in 0..TRIES {
        match ask(&client.with_code(code.take())).await {
            Err(ClientError::Refused(refusal)) if wants_code(&refusal.rule, given) && danger::can_ask() => {
                let _ = writeln!(io::stderr(), "{}", refusal.message);
                code = Some(prompt()?);
            }
            answer => return Ok(answer?),
        }
    }
    Ok(ask(&client.with_code(code)).await?)
}

fn wants_code(rule: &str, given: Option<&str>) -> bool {
    given.is_none() && matches!(rule, "second-factor-needed" | "wrong-code" | "code-used")
}

/// The code given, or the one that somebody types now.
pub(super) fn given_or_asked(given: Option<&str>) -> Result<Code, CliError> {
    match given {
        Some(given) => read(given),
        None if danger::can_ask() => prompt(),
        None => {
            Err(CliError::Usage("a code is needed: --code 123456, or --code - and the code on standard input".into()))
        }
    }
}

/// A code from the command line, or with `-` from standard input.
fn read(given: &str) -> Result<Code, CliError> {
    if given == "-" {
        return typed();
    }
    let code = Code::read(given).ok_or_else(no_code)?;
    // Others see arguments. Six digits are of no use to them a moment later; a recovery code would be until it is used.
    if !code.is_short_lived() {
        return Err(CliError::Usage(
            "--code takes six digits; give a recovery code with --code - or on a terminal".into(),
        ));
    }
    Ok(code)
}

fn prompt() -> Result<Code, CliError> {
    let mut err = io::stderr().lock();
    let _ = write!(err, "Code of your second factor: ");
    let _ = err.flush();
    typed()
}

fn typed() -> Result<Code, CliError> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(LONGEST)
        .read_line(&mut line)
        .map_err(|error| CliError::Failed(format!("standard input: {error}")))?;
    Code::read(&line).ok_or_else(no_code)
}

fn no_code() -> CliError {
    CliError::Usage("that is no code: six digits, or a recovery code such as ABCD-EFGH-JKLM-NPQR".into())
}

/// The token in a file that nobody else may read.
pub(super) fn token_in(path: &Path) -> Result<TokenSecret, CliError> {
    let failed = |error: io::Error| CliError::Usage(format!("token file {}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(CliError::Usage(format!(
            "token file {} can be read by others; run: chmod 600 {}",
            path.display(),
            path.display()
        )));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    TokenSecret::read(&text).ok_or_else(|| {
        CliError::Usage(format!("token file {} holds no token; codeblue token create makes one", path.display()))
    })
}
