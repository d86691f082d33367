//! The table `[model]`: which language model is asked for a second opinion, and how.

use std::time::Duration;

use super::{
    language_model::{KeySource, LanguageModel, Price},
    parse_http,
    probe::Figure,
    reader::{Reader, Section, Value},
};

/// The longest time that leaves an answer within half a minute, whatever the model does.
const LONGEST: Duration = Duration::from_secs(20);
const TOKENS: u32 = 6_000;
const BUDGET: u32 = 500_000;
const KEY: &str =
    "key = { file = \"/etc/codeblue/model.key\" }, { env = \"MODEL_KEY\" } or { command = \"pass show model\" }";

pub(super) fn language_model(root: &mut Section<'_, '_>, reader: &mut Reader) -> Option<LanguageModel> {
    let mut section = reader.section(root.get("model")?, "model", "a table headed [model]")?;
    let url = section.require(reader, "url", "an address such as \"https://api.example.com/v1\"", parse_http::url);
    let name = section.require(reader, "name", "what the server calls the model", |reader, value, place| {
        reader.one_line(value, place, "what the server calls the model", 120)
    });
    let key = section.read(reader, "key", key);
    let proxy = section.read(reader, "proxy", parse_http::url);
    let mut ca_at = section.at();
    let ca = section.read(reader, "ca", |reader, value, place| {
        ca_at = value.span().start;
        reader.path(value, place)
    });
    let within = section.read(reader, "within", within);
    let tokens = section.read(reader, "tokens", |reader, value, place| reader.number(value, place, 1_000..=TOKENS));
    let budget = section.read(reader, "budget", |reader, value, place| reader.number(value, place, 1_000..=u32::MAX));
    let price = section.read(reader, "price", price);
    let url = url.filter(|_| !reader.complained_of("model.url"));
    if ca.is_some() && url.as_ref().is_some_and(|url| url.starts_with("http:")) {
        let what = "it says nothing about an address without encryption";
        reader.problem(ca_at, "model.ca", what, "a url that begins with https://");
    }
    section.finish(reader);
    Some(LanguageModel {
        url: url?,
        name: name?.value,
        key,
        proxy,
        ca: ca.map(|ca| ca.value),
        within: within.unwrap_or(LONGEST),
        tokens: tokens.unwrap_or(TOKENS),
        budget: budget.unwrap_or(BUDGET),
        price,
    })
}

fn within(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Duration> {
    let within = reader.duration(value, place)?;
    if !(Duration::from_secs(1)..=LONGEST).contains(&within) {
        reader.problem(value.span().start, place, "nobody waits that long, or that short", "1s to 20s");
    }
    Some(within)
}

fn key(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<KeySource> {
    if matches!(value.get_ref(), toml::de::DeValue::String(_)) {
        reader.problem(value.span().start, place, "it holds a secret, and a secret has no place in this file", KEY);
        return None;
    }
    let mut section = reader.section(value, place, KEY)?;
    let present = section.present(&["file", "env", "command"]);
    let file = section.read(reader, "file", Reader::path);
    let env = section.read(reader, "env", |reader, value, place| reader.text(value, place, "the name of a variable"));
    let command = section.read(reader, "command", Reader::command);
    if present.len() != 1 {
        let at = present.last().map_or(section.at(), |found| found.at);
        let what =
            if present.is_empty() { "it does not say where the key is" } else { "it says twice where the key is" };
        reader.problem(at, place, what, KEY);
    }
    if let Some(name) = env.as_ref().filter(|name| name.value.contains(['=', ' ', '$'])) {
        reader.problem(
            name.at,
            place,
            format!("{:?} is no name of a variable", name.value),
            "a name such as MODEL_KEY",
        );
    }
    section.finish(reader);
    let file = file.map(|file| KeySource::File(file.value));
    file.or(env.map(|name| KeySource::Env(name.value))).or(command.map(KeySource::Command))
}

fn price(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Price> {
    let expected = "price = { in = 2.5, out = 10 }, for a million tokens";
    let mut section = reader.section(value, place, expected)?;
    let input = section.require(reader, "in", expected, amount);
    let output = section.require(reader, "out", expected, amount);
    section.finish(reader);
    Some(Price { input: input?, output: output? })
}

fn amount(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Figure> {
    let figure = reader.figure(value, place)?;
    if figure.get() < 0.0 {
        reader.problem(value.span().start, place, "a price below nothing", "0 or more");
    }
    Some(figure)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use crate::platform::{KeySource, explain, parse};

    fn read(model: &str) -> Result<crate::platform::Platform, String> {
        let text = format!("[platform]\nname = \"Ward\"\n{model}\n[[service]]\nname = \"desk\"\n");
        parse(&text, Path::new("/srv/codeblue.toml")).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_model_is_read_and_explained_and_without_one_nobody_is_asked() {
        let platform = read(
            "[model]\nurl = \"http://gpu:8000/v1\"\nname = \"ward-7b\"\nkey = { command = \"pass show model\" }\nproxy = \
             \"http://proxy:3128\"\nwithin = \"10s\"\nprice = { in = 2.5, out = 10 }",
        )
        .unwrap();
        let model = platform.language_model.as_ref().unwrap();
        assert_eq!(model.key, Some(KeySource::Command(["pass", "show", "model"].map(str::to_owned).to_vec())));
        assert_eq!((model.within, model.tokens, model.budget), (Duration::from_secs(10), 6_000, 500_000));
        assert!((model.price.unwrap().of(1_000_000, 500_000) - 7.5).abs() < 1e-9);
        let explained = explain(&platform);
        for told in [
            "the language model ward-7b at http://gpu:8000/v1, through the proxy http://proxy:3128",
            "without https everybody on the way",
            "key: what pass show model prints",
            "at most 10s, 6000 tokens a prompt, 500000 tokens a day",
        ] {
            assert!(explained.contains(told), "{told} in {explained}");
        }
        let without = read("").unwrap();
        assert_eq!(without.language_model, None);
        assert!(explain(&without).contains("nobody: the local analyser alone"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_a_secret_is_not_repeated() {
        let base = "[model]\nurl = \"https://h/v1\"\nname = \"m\"\n";
        for (keys, told) in [
            ("key = \"sk-123456\"", "codeblue.toml:6: model.key: it holds a secret"),
            ("key = {}", "it does not say where the key is"),
            ("key = { file = \"a\", env = \"B\" }", "it says twice where the key is"),
            ("key = { env = \"A=B\" }", "is no name of a variable"),
            ("within = \"60s\"", "expected 1s to 20s"),
            ("tokens = 100000", "model.tokens"),
            ("price = { in = -1, out = 2 }", "a price below nothing"),
            ("proxy = \"http://me:secret@proxy\"", "it holds a user name or password"),
            ("temperature = 1", "unknown key \"temperature\""),
        ] {
            let problems = read(&format!("{base}{keys}")).unwrap_err();
            assert!(problems.contains(told), "{told} in {problems}");
            assert!(!problems.contains("sk-123456") && !problems.contains("secret@"), "{problems}");
        }
        assert!(read("[model]\nname = \"m\"").unwrap_err().contains("\"url\" is missing"));
        let plain = read("[model]\nurl = \"http://h\"\nname = \"m\"\nca = \"ca.pem\"").unwrap_err();
        assert!(plain.contains("codeblue.toml:6: model.ca: it says nothing about"), "{plain}");
    }
}
