//! How things are said to people, wherever they are said.

/// A number of things: `1 file`, `2 files`, `3 addresses`.
#[must_use]
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let ending = match (number, thing.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{number} {thing}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_plural() {
        let said = [count(0_u64, "file"), count(1_u64, "process"), count(2_usize, "process")];
        assert_eq!(said, ["0 files", "1 process", "2 processes"]);
    }
}
