//! Text from people, before it becomes part of the record.

use super::Refusal;

/// A word or a line that may be missing: trimmed, without control characters, at most 400 characters.
pub(super) fn remark(what: &str, text: &str) -> Result<String, Refusal> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if text.chars().count() > 400 {
        return Err(Refusal::new(&format!("{what}-length"), format!("the {what} has at most 400 characters"))
            .hint("say it in as many"));
    }
    Ok(text)
}

/// One line of text from a person: trimmed, not empty, not longer than 400 characters, without control characters.
pub(super) fn line(what: &str, text: &str) -> Result<String, Refusal> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if text.is_empty() || text.chars().count() > 400 {
        return Err(Refusal::new(&format!("{what}-length"), format!("the {what} has 1 to 400 characters"))
            .hint("say it in as many"));
    }
    Ok(text)
}

/// A page that may be missing: trimmed, at most 20000 characters, without control characters but the ends of lines; tabs are blanks.
pub(super) fn page(what: &str, text: &str) -> Result<String, Refusal> {
    let text = text.replace('\t', "    ");
    let text: String = text.trim().chars().filter(|c| !c.is_control() || *c == '\n').collect();
    if text.chars().count() > 20_000 {
        return Err(Refusal::new(&format!("{what}-length"), format!("the {what} has at most 20000 characters"))
            .hint("say it in as many"));
    }
    Ok(text)
}

/// Several lines: trimmed, not empty, at most 4000 characters, without control characters but the ends of lines.
pub(super) fn paragraph(what: &str, text: &str) -> Result<String, Refusal> {
    let text: String = text.trim().chars().filter(|c| !c.is_control() || *c == '\n').collect();
    if text.is_empty() || text.chars().count() > 4000 {
        return Err(Refusal::new(&format!("{what}-length"), format!("the {what} has 1 to 4000 characters"))
            .hint("say it in as many"));
    }
    Ok(text)
}
