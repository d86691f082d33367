//! What a command printed when all was well, beside what it printed now, line by line.

/// Lines that are compared at most; a program's last words are what matters.
const LINES: usize = 120;

/// One line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It stands in both.
    Same(String),
    /// It was expected, and is not there.
    Missing(String),
    /// It is there, and was not expected.
    Added(String),
}

/// Compares two texts by the longest sequence of lines that they share.
#[must_use]
pub fn compare(expected: &str, found: &str) -> Vec<Difference> {
    let old: Vec<&str> = expected.trim_end().lines().take(LINES).map(str::trim_end).collect();
    let new: Vec<&str> = found.trim_end().lines().take(LINES).map(str::trim_end).collect();
    // How many lines the rests after two places share.
    let mut shared = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            shared[i][j] =
                if old[i] == new[j] { shared[i + 1][j + 1] + 1 } else { shared[i + 1][j].max(shared[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Difference::Same(old[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && shared[i + 1][j] >= shared[i][j + 1]) {
            lines.push(Difference::Missing(old[i].to_owned()));
            i += 1;
        } else {
            lines.push(Difference::Added(new[j].to_owned()));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_stands_between_what_did_not() {
        let lines = compare("pool 3/64\nwaiting 0\nok\n", "pool 64/64\nwaiting 12\nok\nslow\n");
        let signs: Vec<(char, &str)> = lines
            .iter()
            .map(|line| match line {
                Difference::Same(text) => ('=', text.as_str()),
                Difference::Missing(text) => ('-', text.as_str()),
                Difference::Added(text) => ('+', text.as_str()),
            })
            .collect();
        let expected = [
            ('-', "pool 3/64"),
            ('-', "waiting 0"),
            ('+', "pool 64/64"),
            ('+', "waiting 12"),
            ('=', "ok"),
            ('+', "slow"),
        ];
        assert_eq!(signs, expected);
        assert!(compare("", "").is_empty());
    }
}
