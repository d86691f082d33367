//! Text from outside, made harmless before it goes anywhere.

/// At most so many characters on one line: control characters and those that change the direction or hide are left out,
/// every kind of white space is one space. What was cut shows.
pub(super) fn line(text: &str, most: usize) -> String {
    let mut told = String::with_capacity(text.len().min(4 * most));
    let mut count = 0;
    let mut gap = false;
    for letter in text.chars() {
        if letter.is_whitespace() || letter.is_control() {
            gap = !told.is_empty();
            continue;
        }
        if hidden(letter) {
            continue;
        }
        if count + usize::from(gap) + 1 > most {
            told.pop();
            told.push('…');
            return told;
        }
        if gap {
            told.push(' ');
            count += 1;
            gap = false;
        }
        told.push(letter);
        count += 1;
    }
    told
}

/// One line of at most so many characters, without the word that was cut: half an identifier looks like none.
pub(super) fn whole_words(text: &str, most: usize) -> String {
    let cut = line(text, most);
    match cut.strip_suffix('…').and_then(|kept| kept.rsplit_once(' ')) {
        Some((kept, _)) if !text.ends_with('…') => kept.to_owned(),
        _ => cut,
    }
}

/// A line without so many of its last words.
pub(super) fn without_last_words(line: &str, words: usize) -> &str {
    (0..words).fold(line, |kept, _| kept.rsplit_once(' ').map_or("", |(kept, _)| kept))
}

/// Characters that nobody sees, or that make the others look different: joiners, directions, tags, selectors.
fn hidden(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// How many tokens a text is, rather too many than too few: byte pair encodings make about one of three bytes of logs.
pub(super) fn tokens(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(3)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_line_are_left_out() {
        assert_eq!(without_last_words("a b c d", 2), "a b");
        assert_eq!(
            (without_last_words("a b", 2), without_last_words("", 1), without_last_words("a b", 0)),
            ("", "", "a b")
        );
    }

    #[test]
    fn nothing_hides_in_a_line_and_it_has_an_end() {
        assert_eq!(line("  a\u{1b}[31m\r\n\tb\u{2028}c\u{202e}d\u{200b}e \u{0}", 40), "a [31m b cde");
        assert_eq!(line("abcdef", 6), "abcdef");
        assert_eq!(line("abcdefg", 6), "abcde…");
        assert_eq!(line("ab cd ef", 5), "ab c…");
        assert_eq!(line(&"x".repeat(5_000_000), 10).chars().count(), 10);
        assert_eq!(line("", 10), "");
    }
}
