//! Server-sent events, as in the HTML standard, section 9.2.6: of an answer that comes piece by piece only the data matters.

/// Bytes of one event at most.
const LIMIT: usize = 256 * 1024;

/// Puts the data of events together from chunks that may end anywhere, also within a character.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    /// The last chunk ended with a carriage return: a line feed that follows belongs to it.
    returned: bool,
    data: Option<String>,
    begun: bool,
}

/// An event that is too long to be one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Events {
    /// Takes a chunk in and gives the data of the events it completes.
    pub(super) fn take(&mut self, chunk: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut found = Vec::new();
        for byte in chunk {
            let follows = std::mem::take(&mut self.returned);
            match byte {
                b'\n' if follows => {}
                b'\n' | b'\r' => {
                    self.returned = *byte == b'\r';
                    let line = std::mem::take(&mut self.rest);
                    found.extend(self.line(&line));
                }
                other => self.rest.push(*other),
            }
            if self.rest.len() + self.data.as_ref().map_or(0, String::len) > LIMIT {
                return Err(TooLong);
            }
        }
        Ok(found)
    }

    /// What was begun when the stream ended. The standard drops it; servers that forget the last empty line are real.
    pub(super) fn end(mut self) -> Option<String> {
        let line = std::mem::take(&mut self.rest);
        self.line(&line).or(self.data)
    }

    fn line(&mut self, line: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(line);
        let first = !std::mem::replace(&mut self.begun, true);
        let text = if first { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
        if text.is_empty() {
            return self.data.take();
        }
        // What begins with a colon is a comment that keeps the connection open.
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        if field == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        "\u{feff}: ping\n\ndata: {\"a\":\"ü→\"}\n\nevent: x\r\ndata:1\r\ndata: 2\r\n\r\nid: 7\n\ndata\r\rdata: [DONE]";

    #[test]
    fn a_stream_that_is_cut_anywhere_says_the_same() {
        let bytes = STREAM.as_bytes();
        for cut in 0..=bytes.len() {
            for second in [cut, (cut + 1).min(bytes.len()), bytes.len()] {
                let mut events = Events::default();
                let mut found = Vec::new();
                for part in [&bytes[..cut], &bytes[cut..second], &bytes[second..]] {
                    found.extend(events.take(part).unwrap());
                }
                found.extend(events.end());
                assert_eq!(found, ["{\"a\":\"ü→\"}", "1\n2", "", "[DONE]"], "cut at {cut} and {second}");
            }
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut events = Events::default();
        let chunk = vec![b'x'; 64 * 1024];
        assert_eq!((0..5).find_map(|_| events.take(&chunk).err()), Some(TooLong));
    }
}
