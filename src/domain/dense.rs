//! Large maps, read so that they take no more room than they need: a map that grows entry by entry in order has its nodes half empty.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

/// Reads a map whose entries are large and many.
pub(super) fn dense<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(Entries::<K, V>(PhantomData)).map(BTreeMap::from_iter)
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = Vec<(K, V)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Read {
        #[serde(deserialize_with = "dense")]
        map: BTreeMap<u64, String>,
    }

    #[test]
    fn a_map_holds_what_was_written_in_whatever_order() {
        let read: Read = serde_json::from_str(r#"{"map": {"1": "a", "3": "b", "2": "c", "3": "d"}}"#).unwrap();
        let of = |number, text: &str| (number, text.to_owned());
        assert_eq!(read.map, BTreeMap::from([of(1, "a"), of(2, "c"), of(3, "d")]));
        assert!(serde_json::from_str::<Read>(r#"{"map": [1]}"#).is_err());
    }
}
