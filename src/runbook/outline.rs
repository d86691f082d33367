//! The shape of a book's body: sections, steps, and what stands in them, each with its place in the file. What it means is
//! found in `parse` and `read_step`.

use std::ops::Range;

use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The body of a book.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// In the order of the file.
    pub(super) sections: Vec<RawSection>,
    /// Fences before the first section.
    pub(super) fences: Vec<Fence>,
}

/// From one second-level heading to the next.
#[derive(Debug)]
pub(super) struct RawSection {
    pub(super) title: String,
    pub(super) at: usize,
    /// From the end of its heading to its first step.
    pub(super) text: Range<usize>,
    pub(super) fences: Vec<Fence>,
    pub(super) steps: Vec<RawStep>,
}

/// From one third-level heading to the next heading.
#[derive(Debug)]
pub(super) struct RawStep {
    /// Its heading without the number.
    pub(super) title: String,
    pub(super) number: Option<usize>,
    pub(super) at: usize,
    /// Where the heading's line ends, its line break included.
    pub(super) heading_end: usize,
    pub(super) end: usize,
    pub(super) fences: Vec<Fence>,
    pub(super) comments: Vec<Range<usize>>,
    pub(super) items: Vec<RawItem>,
    /// Quotations that warn.
    pub(super) alerts: Vec<Range<usize>>,
}

/// A fenced block of code.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    pub(super) at: usize,
    pub(super) end: usize,
    /// The info string as it is written.
    pub(super) info: Range<usize>,
    pub(super) body: String,
    pub(super) body_at: usize,
}

/// A box to tick.
#[derive(Debug, Clone)]
pub(super) struct RawItem {
    /// Where its text begins.
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) text: String,
}

/// Reads the body of a file, which begins at a byte of it.
pub(super) fn outline(text: &str, body: usize) -> Outline {
    let options = Options::ENABLE_TASKLISTS | Options::ENABLE_TABLES | Options::ENABLE_GFM;
    let mut builder = Builder { text, outline: Outline::default(), depth: 0, item_end: Vec::new(), fence: None };
    for (event, range) in Parser::new_ext(&text[body..], options).into_offset_iter() {
        builder.take(&event, range.start + body..range.end + body);
    }
    let mut outline = builder.outline;
    close(&mut outline, text.len());
    outline
}

/// Ends what is open at a byte.
fn close(outline: &mut Outline, at: usize) {
    let Some(section) = outline.sections.last_mut() else { return };
    match section.steps.last_mut() {
        Some(step) => step.end = at,
        None => section.text.end = at,
    }
}

struct Builder<'t> {
    text: &'t str,
    outline: Outline,
    depth: usize,
    item_end: Vec<usize>,
    fence: Option<Fence>,
}

impl Builder<'_> {
    fn take(&mut self, event: &Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => {
                self.start(tag, range);
                self.depth += 1;
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                match tag {
                    TagEnd::Item => drop(self.item_end.pop()),
                    TagEnd::CodeBlock => self.end_fence(),
                    _ => {}
                }
            }
            Event::Text(body) => {
                if let Some(fence) = &mut self.fence {
                    if fence.body.is_empty() {
                        fence.body_at = range.start;
                    }
                    fence.body.push_str(body);
                }
            }
            Event::TaskListMarker(_) => self.task(range.end),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Heading { level: HeadingLevel::H2, .. } if self.depth == 0 => self.section(range),
            Tag::Heading { level: HeadingLevel::H3, .. } if self.depth == 0 => self.step(range),
            Tag::Item => self.item_end.push(range.end),
            Tag::CodeBlock(CodeBlockKind::Fenced(_)) => {
                let first = self.text[range.clone()].split_inclusive('\n').next().unwrap_or_default();
                let fence = first.trim_start_matches(['`', '~']);
                let lead = first.len() - fence.trim_start().len();
                let start = range.start + lead;
                let info = start..start + fence.trim().len();
                self.fence =
                    Some(Fence { at: range.start, end: range.end, body_at: info.end, info, body: String::new() });
            }
            Tag::HtmlBlock => {
                let is_comment = self.text[range.clone()].trim_start().starts_with("<!--");
                if let Some(step) = self.step_now().filter(|_| is_comment) {
                    step.comments.push(range);
                }
            }
            Tag::BlockQuote(Some(BlockQuoteKind::Caution | BlockQuoteKind::Warning | BlockQuoteKind::Important)) => {
                if let Some(step) = self.step_now() {
                    step.alerts.push(range);
                }
            }
            _ => {}
        }
    }

    fn step_now(&mut self) -> Option<&mut RawStep> {
        self.outline.sections.last_mut()?.steps.last_mut()
    }

    /// A heading's text, and where its line ends.
    fn heading(&self, range: &Range<usize>) -> (String, usize) {
        let first = self.text[range.clone()].lines().next().unwrap_or_default().trim();
        let title = first.strip_prefix("###").or_else(|| first.strip_prefix("##")).unwrap_or(first).trim();
        let unclosed = title.trim_end_matches('#');
        let title = if unclosed.is_empty() || unclosed.ends_with(' ') { unclosed.trim_end() } else { title };
        let end = self.text[range.start..].find('\n').map_or(self.text.len(), |place| range.start + place + 1);
        (title.to_owned(), end)
    }

    fn section(&mut self, range: Range<usize>) {
        close(&mut self.outline, range.start);
        let (title, end) = self.heading(&range);
        let section = RawSection { title, at: range.start, text: end..end, fences: Vec::new(), steps: Vec::new() };
        self.outline.sections.push(section);
    }

    fn step(&mut self, range: Range<usize>) {
        close(&mut self.outline, range.start);
        let (title, heading_end) = self.heading(&range);
        let (number, title) = numbered(&title);
        let step = RawStep {
            title: title.to_owned(),
            number,
            at: range.start,
            heading_end,
            end: range.end,
            fences: Vec::new(),
            comments: Vec::new(),
            items: Vec::new(),
            alerts: Vec::new(),
        };
        // A step before the first section is told of as text outside of one.
        if let Some(section) = self.outline.sections.last_mut() {
            section.steps.push(step);
        }
    }

    fn end_fence(&mut self) {
        let Some(fence) = self.fence.take() else { return };
        match self.outline.sections.last_mut() {
            None => self.outline.fences.push(fence),
            Some(section) => match section.steps.last_mut() {
                None => section.fences.push(fence),
                Some(step) => step.fences.push(fence),
            },
        }
    }

    /// A box to tick, whose text begins at a byte.
    fn task(&mut self, at: usize) {
        let Some(end) = self.item_end.last().copied() else { return };
        let written = &self.text[at..end.max(at)];
        let at = at + written.len() - written.trim_start().len();
        let mut text = String::new();
        let mut end = at;
        for line in self.text[at..end.max(at).max(at + written.trim_start().len())].split_inclusive('\n') {
            let trimmed = line.trim();
            let is_other = ["- ", "* ", "+ ", "```", "~~~", ">"].iter().any(|mark| trimmed.starts_with(mark));
            if !text.is_empty() && (trimmed.is_empty() || is_other) {
                break;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(trimmed);
            end += line.trim_end().len() + usize::from(line.ends_with('\n'));
            if trimmed.is_empty() {
                break;
            }
        }
        if let Some(step) = self.step_now() {
            step.items.push(RawItem { at, end, text });
        }
    }
}

/// The number that a heading begins with, as in `4. Recycle the pool`, and the rest.
fn numbered(title: &str) -> (Option<usize>, &str) {
    let rest = title.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &title[..title.len() - rest.len()];
    match (digits.parse(), rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))) {
        (Ok(number), Some(rest)) => (Some(number), rest.trim_start()),
        (Ok(number), None) if rest == "." => (Some(number), ""),
        _ => (None, title),
    }
}
