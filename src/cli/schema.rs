//! `codeblue schema`

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Table},
};
use crate::api;

/// What commands give with --json; what the API gives too is described with the API.
const DOCUMENTS: &str = include_str!("schema.json");
/// Where definitions stand in the description of the API.
const OF_API: &str = "#/components/schemas/";
/// Where they stand in a schema.
const DEFINITIONS: &str = "#/$defs/";

/// Print the JSON Schema of the document that a command gives with --json; without a command, list those that there are
///
/// Fields are only ever added. `codeblue schema error` describes what is printed in place of a document where a command fails; with
/// --watch each line is such a document.
#[derive(Debug, Args)]
pub struct Schema {
    /// The command, such as `incident list`, or `list`
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

impl Schema {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let described = read()?;
        let named = self.command.join(" ");
        if named.is_empty() || named == "list" {
            list(session, &described)?;
            return Ok(Exit::Done);
        }
        let Some(document) = described.documents.get(&named) else {
            let meant = self.command.first().map(String::as_str).unwrap_or_default();
            let near: Vec<&str> =
                described.documents.keys().filter(|known| known.starts_with(meant)).map(String::as_str).collect();
            let near = if near.is_empty() {
                "`codeblue schema` lists them".to_owned()
            } else {
                format!("there are: {}", near.join(", "))
            };
            return Err(CliError::Usage(format!("no document of `codeblue {named}` is described; {near}")));
        };
        let schema = described.complete(&named, document);
        let text = serde_json::to_string_pretty(&schema).map_err(|error| CliError::Failed(error.to_string()))?;
        session.output.result(&schema, || text)?;
        Ok(Exit::Done)
    }
}

fn list(session: &Session, described: &Described) -> Result<(), CliError> {
    let about = |document: &Value| document["description"].as_str().unwrap_or_default().to_owned();
    let documents: Vec<Value> =
        described.documents.iter().map(|(name, one)| json!({"command": name, "description": about(one)})).collect();
    session.output.result(&documents, || {
        let mut table = Table::new(["COMMAND", "ITS DOCUMENT"]);
        for (name, document) in &described.documents {
            table.row([Cell::from(name), Cell::from(about(document))]);
        }
        table.render(&session.output)
    })
}

/// Everything that is described.
struct Described {
    /// By the words of the command.
    documents: Map<String, Value>,
    /// What they refer to, by name.
    definitions: Map<String, Value>,
}

fn read() -> Result<Described, CliError> {
    let broken = |error: serde_json::Error| CliError::Failed(format!("the schemas of this program: {error}"));
    let own: Value = serde_json::from_str(DOCUMENTS).map_err(broken)?;
    let api = api::DESCRIPTION.replace(OF_API, DEFINITIONS);
    let api: Value = serde_json::from_str(&api).map_err(broken)?;
    let part = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut definitions = part(&api["components"]["schemas"]);
    definitions.extend(part(&own["$defs"]));
    Ok(Described { documents: part(&own["documents"]), definitions })
}

impl Described {
    /// A schema that needs nothing beside itself.
    fn complete(&self, name: &str, document: &Value) -> Value {
        let mut needed = BTreeSet::new();
        let mut open = references(document);
        while let Some(name) = open.pop() {
            if let Some(definition) = self.definitions.get(&name)
                && needed.insert(name)
            {
                open.extend(references(definition));
            }
        }
        let mut schema = Map::new();
        schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        schema.insert("title".to_owned(), format!("codeblue {name} --json").into());
        schema.extend(document.as_object().cloned().unwrap_or_default());
        let definitions: Map<String, Value> =
            needed.into_iter().filter_map(|name| Some((name.clone(), self.definitions.get(&name)?.clone()))).collect();
        if !definitions.is_empty() {
            schema.insert("$defs".to_owned(), definitions.into());
        }
        schema.into()
    }
}

/// The names of definitions that a part of a schema refers to.
fn references(part: &Value) -> Vec<String> {
    match part {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match value.as_str().and_then(|text| text.strip_prefix(DEFINITIONS)) {
                Some(name) if key == "$ref" => vec![name.to_owned()],
                _ => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
