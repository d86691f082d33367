//! A Markdown text as one page that needs nothing from elsewhere.

use pulldown_cmark::{Event, Options, Parser, html::push_html};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}\
code{background:#f2f2f2;padding:0 .2rem;overflow-wrap:anywhere}@media print{body{margin:0}}";

/// One HTML page. Raw HTML in the text is shown as text, never obeyed.
#[must_use]
pub fn html(title: &str, markdown: &str) -> String {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        other => other,
    });
    let mut body = String::new();
    push_html(&mut body, parser);
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\
         <body>\n{body}</body></html>\n"
    )
}

/// Text from elsewhere as it may stand in a line or a cell of Markdown: it cannot begin anything.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // Within a word it is no markup, and is read as it stands where this is pasted.
            '_' if safe.ends_with(char::is_alphanumeric) && rest.peek().is_some_and(|c| c.is_alphanumeric()) => {
                safe.push(c);
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_cannot_become_markup() {
        let said = "<script>alert(1)</script> | **bold** [x](javascript:y) \u{1b}[31m";
        let page = html("a < b", &format!("| said |\n|---|\n| {} |\n", escaped(said)));
        assert!(!page.contains("<script>") && !page.contains("<strong>") && !page.contains("href"), "{page}");
        assert!(page.contains("&lt;script&gt;") && page.contains("**bold**"), "{page}");
        assert!(!page.contains('\u{1b}'));
        assert!(!html("t", "<img src=x onerror=y>").contains("<img"));
        assert_eq!(escaped("dose_unit _x_ a__b"), "dose_unit \\_x\\_ a\\_\\_b");
    }
}
