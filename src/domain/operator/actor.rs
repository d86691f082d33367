//! Who did something.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who did something: a person, a rule of the engine, or the engine reporting what it saw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A person.
    Operator(String),
    /// A rule that acts without a person.
    Policy(String),
    /// The engine, reporting what it observed or did.
    Engine,
}

impl Actor {
    /// The person's name, if it is one.
    #[must_use]
    pub fn operator(&self) -> Option<&str> {
        match self {
            Self::Operator(name) => Some(name),
            Self::Policy(_) | Self::Engine => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) => f.pad(name),
            Self::Policy(name) => f.pad(&format!("policy:{name}")),
            Self::Engine => f.pad("engine"),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Operator(name) => serializer.collect_str(&format_args!("operator:{name}")),
            Self::Policy(_) | Self::Engine => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("operator", name)) => Ok(Self::Operator(name.to_owned())),
            Some(("policy", name)) => Ok(Self::Policy(name.to_owned())),
            None if text == "engine" => Ok(Self::Engine),
            _ => Err(serde::de::Error::custom(format!("{text:?} is no actor"))),
        }
    }
}
