//! Server-sent events, as in the HTML standard, section 9.2.6: the parts an engine sends.

/// Bytes of one event at most; more is no engine at the other end.
const LIMIT: usize = 64 * 1024 * 1024;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Message {
    pub(super) event: String,
    pub(super) data: String,
}

/// Puts events together from chunks of any size.
#[derive(Debug, Default)]
pub(super) struct Parser {
    buffer: Vec<u8>,
    current: Message,
}

/// An event that is too long to be one.
#[derive(Debug, thiserror::Error)]
#[error("the stream sent an event of more than {LIMIT} bytes")]
pub(super) struct TooLong;

impl Parser {
    /// Takes a chunk in and gives the events it completes.
    pub(super) fn take(&mut self, chunk: &[u8]) -> Result<Vec<Message>, TooLong> {
        self.buffer.extend_from_slice(chunk);
        let mut messages = Vec::new();
        let mut start = 0;
        while let Some(length) = self.buffer[start..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.buffer[start..start + length]).into_owned();
            start += length + 1;
            if let Some(message) = self.line(line.trim_end_matches('\r')) {
                messages.push(message);
            }
        }
        self.buffer.drain(..start);
        if self.buffer.len() + self.current.data.len() > LIMIT {
            return Err(TooLong);
        }
        Ok(messages)
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.current);
            return (!message.data.is_empty()).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.current.event),
            "data" => {
                if !self.current.data.is_empty() {
                    self.current.data.push('\n');
                }
                self.current.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = ": hello\n\nid: 7\nevent: event\ndata: {\"a\":\"ü\"}\n\n:\n\nevent: samples\r\ndata: [1,\r\ndata: 2]\r\n\r\ndata: x\n\n";

    proptest! {
        #[test]
        fn chunks_of_any_size_give_the_same_events(mut cuts in proptest::collection::vec(0..STREAM.len(), 0..20)) {
            cuts.sort_unstable();
            let mut parser = Parser::default();
            let mut messages = Vec::new();
            let mut last = 0;
            for cut in cuts.into_iter().chain([STREAM.len()]) {
                messages.extend(parser.take(&STREAM.as_bytes()[last..cut]).unwrap());
                last = cut;
            }
            let message = |event: &str, data: &str| Message { event: event.to_owned(), data: data.to_owned() };
            prop_assert_eq!(
                messages,
                vec![message("event", "{\"a\":\"ü\"}"), message("samples", "[1,\n2]"), message("", "x")]
            );
        }
    }
}
