//! What happens on a host, as it says it: server-sent events (HTML, 9.2), of which it sends the fields `id`, `event` and `data`.

use aisoc_manifests::fault::Result;

use crate::answer::no_host;
use crate::place::HostPlace;

/// Most bytes of one event: the longest text of one is 4,096 characters.
const MAX_EVENT_BYTES: usize = 256 << 10;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostEvent {
    /// By which a client says what it has seen; nothing of what says that something is missing.
    pub id: Option<String>,
    /// What hosts call it.
    pub name: String,
    /// What is said of it.
    pub data: String,
}

/// Bytes on their way to events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// A line that is not whole yet.
    line: Vec<u8>,
    event: HostEvent,
    bytes: usize,
}

impl Events {
    /// Takes what has come, and gives every event that is whole.
    ///
    /// # Errors
    /// `host_protocol` for an event that does not end, or is no text.
    pub(crate) fn take(&mut self, place: &HostPlace, chunk: &[u8]) -> Result<Vec<HostEvent>> {
        let mut whole = Vec::new();
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.bytes += part.len();
            if self.bytes > MAX_EVENT_BYTES {
                return Err(no_host(place, &format!("sends an event of more than {MAX_EVENT_BYTES} bytes")));
            }
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = String::from_utf8(std::mem::take(&mut self.line));
                let line = line.map_err(|_| no_host(place, "sends events that are no text"))?;
                whole.extend(self.line(line.trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(whole)
    }

    fn line(&mut self, line: &str) -> Option<HostEvent> {
        if line.is_empty() {
            self.bytes = 0;
            let event = std::mem::take(&mut self.event);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event.name),
            "data" if self.event.data.is_empty() => value.clone_into(&mut self.event.data),
            "data" => self.event.data.push_str(&format!("\n{value}")),
            // A comment, or a field of somebody else's.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nid: 1-1\nevent: plugin.loaded\ndata: {\"a\": 1}\n\nevent: gap\r\ndata: one\r\ndata: two\r\n\r\nid: 1-2\n\n";

    fn taken(size: usize) -> Vec<HostEvent> {
        let (mut events, place) = (Events::default(), "http://127.0.0.1:1".parse().expect("a place"));
        STREAM.as_bytes().chunks(size).flat_map(|chunk| events.take(&place, chunk).expect("events")).collect()
    }

    #[test]
    fn events_are_whole_however_they_come() {
        let event = |id: Option<&str>, name: &str, data: &str| HostEvent {
            id: id.map(str::to_owned),
            name: name.to_owned(),
            data: data.to_owned(),
        };
        let expected = [event(Some("1-1"), "plugin.loaded", "{\"a\": 1}"), event(None, "gap", "one\ntwo")];
        for size in [1, 2, 7, STREAM.len()] {
            assert_eq!(taken(size), expected, "{size}");
        }
    }

    #[test]
    fn an_event_has_an_end() {
        let place: HostPlace = "http://127.0.0.1:1".parse().expect("a place");
        let event = |length: usize| format!("data: {}\n\n", "x".repeat(length - 8));
        let read = |text: &str| Events::default().take(&place, text.as_bytes());
        assert_eq!(read(&event(MAX_EVENT_BYTES)).expect("an event").len(), 1);
        read(&event(MAX_EVENT_BYTES + 1)).expect_err("too long");
        assert!(Events::default().take(&place, b"data: \xff\n").is_err());
        // Each is counted for itself.
        assert_eq!(read(&event(MAX_EVENT_BYTES).repeat(3)).expect("events").len(), 3);
    }
}
