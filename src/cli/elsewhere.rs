//! What is named with its host: `web1:INC-3` is INC-3 of host web1, as the board of all hosts writes it.

use std::ffi::OsString;

use clap::{
    FromArgMatches,
    error::{ContextKind, ContextValue},
};

use super::verb::Arguments;
use crate::client::hosts::is_name;

impl Arguments {
    /// What this process was asked for; a wrong command line, `--help` and `--version` end it here.
    #[must_use]
    pub fn read(given: impl IntoIterator<Item = OsString>) -> Self {
        match understood(given.into_iter().collect()) {
            Ok(arguments) => arguments,
            Err(error) => error.exit(),
        }
    }
}

/// A word that is refused as it stands may name its host; nothing else is looked at, so no text that somebody writes is changed.
fn understood(mut given: Vec<OsString>) -> Result<Arguments, clap::Error> {
    loop {
        let read = Arguments::program().try_get_matches_from(&given);
        let error = match read.and_then(|found| Arguments::from_arg_matches(&found)) {
            Ok(arguments) => return Ok(arguments),
            Err(error) => error,
        };
        given = match on_its_host(&error, &given) {
            Some(meant) => meant,
            None => return Err(error),
        };
    }
}

fn on_its_host(error: &clap::Error, given: &[OsString]) -> Option<Vec<OsString>> {
    let Some(ContextValue::String(refused)) = error.get(ContextKind::InvalidValue) else { return None };
    let (host, id) = refused.split_once(':')?;
    let (kind, number) = id.split_once('-')?;
    let is_id = !kind.is_empty()
        && kind.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.bytes().all(|byte| byte.is_ascii_digit());
    let place = given.iter().position(|word| word == refused.as_str())?;
    if !is_id || !is_name(host) {
        return None;
    }
    let mut meant = given.to_vec();
    meant[place] = id.into();
    let named = given.iter().position(|word| word == "--host").and_then(|place| given.get(place + 1));
    match named {
        None => meant.splice(1..1, ["--host".into(), host.into()]).for_each(drop),
        Some(named) if named == host => {}
        // Things of two hosts are no one engine's.
        Some(_) => return None,
    }
    Some(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(line: &str) -> Result<String, String> {
        let given = line.split(' ').map(OsString::from).collect();
        understood(given).map(|arguments| format!("{arguments:?}")).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_named_with_its_host_is_asked_of_that_host() {
        for (line, same) in [
            ("codeblue incident show web1:INC-3", "codeblue --host web1 incident show INC-3"),
            ("codeblue --json incident ack web1:INC-3", "codeblue --host web1 --json incident ack INC-3"),
            ("codeblue incident link web1:INC-3 web1:INC-4", "codeblue --host web1 incident link INC-3 INC-4"),
            ("codeblue --host web1 change show web1:CHG-2", "codeblue --host web1 change show CHG-2"),
        ] {
            assert_eq!(meant(line), meant(same), "{line}");
            assert!(meant(line).is_ok(), "{line}: {:?}", meant(line));
        }
    }

    #[test]
    fn what_is_no_thing_of_one_host_is_refused_as_it_stands_and_texts_are_left_alone() {
        for line in [
            "codeblue incident link web1:INC-3 web2:INC-4",
            "codeblue incident show web1:",
            "codeblue incident show :INC-3",
            "codeblue incident show web1:INC-3x",
            "codeblue --host web2 incident show web1:INC-3",
        ] {
            assert!(meant(line).is_err(), "{line}");
        }
        assert!(meant("codeblue incident note INC-3 web1:INC-4").unwrap().contains("web1:INC-4"));
    }
}
