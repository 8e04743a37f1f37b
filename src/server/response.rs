//! What a server sends: replies and events.

use bytes::{BufMut, Bytes, BytesMut};

use super::parser::write_string;
use crate::message::{Greeting, Reply};

/// A message to a client, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The message with the end of its line.
    pub(super) bytes: Bytes,
    /// It is an event, so it answers nothing.
    pub(super) is_event: bool,
}

impl Response {
    /// Makes the reply of a command that succeeded. `value` is JSON; `id` is that of the command, as the client wrote it.
    pub fn returns(id: Option<&[u8]>, value: &[u8]) -> Self {
        let id = id.map_or_else(Vec::new, |id| [b", \"id\": ", id].concat());
        Self::reply(&[b"{\"return\": ", value, &id, b"}"])
    }

    /// Makes the reply of a command that failed.
    pub fn fails(id: Option<&[u8]>, class: &str, desc: &str) -> Self {
        let id = id.map_or_else(Vec::new, |id| [b"\"id\": ", id, b", "].concat());
        let mut error = String::new();
        write_string(&mut error, class);
        error.push_str(", \"desc\": ");
        write_string(&mut error, desc);
        Self::reply(&[b"{", &id, b"\"error\": {\"class\": ", error.as_bytes(), b"}}"])
    }

    /// Passes a reply on to the client whose command it answers: byte for byte, with the client's own `id`, or without.
    pub fn passes_on(reply: &Reply, id: Option<&[u8]>) -> Self {
        let [before, id, after] = reply.with_id(id);
        Self::reply(&[&before, &id, &after])
    }

    /// Makes an event of its whole text.
    pub fn event(event: &[u8]) -> Self {
        Self { is_event: true, ..Self::reply(&[event]) }
    }

    /// Makes the greeting, as QEMU writes it.
    pub(super) fn greeting(greeting: &Greeting) -> Self {
        let version = &greeting.version;
        let mut package = String::new();
        write_string(&mut package, &version.package);
        let mut capabilities = Vec::new();
        for name in &greeting.capabilities {
            let mut quoted = String::new();
            write_string(&mut quoted, name);
            capabilities.push(quoted);
        }
        let text = format!(
            r#"{{"QMP": {{"version": {{"qemu": {{"micro": {}, "minor": {}, "major": {}}}, "package": {package}}}, "capabilities": [{}]}}}}"#,
            version.micro,
            version.minor,
            version.major,
            capabilities.join(", ")
        );
        Self::reply(&[text.as_bytes()])
    }

    /// Returns the message with the end of its line.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the number of its bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    fn reply(parts: &[&[u8]]) -> Self {
        let mut bytes = BytesMut::with_capacity(parts.iter().map(|part| part.len()).sum::<usize>() + 2);
        for part in parts {
            bytes.put_slice(part);
        }
        bytes.put_slice(b"\r\n");
        Self { bytes: bytes.freeze(), is_event: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::message::Message;

    fn reply(text: &str) -> Reply {
        match Message::from_document(Document::parse(text.as_bytes()).unwrap()) {
            Ok(Message::Reply(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reply_is_passed_on_byte_for_byte() {
        #[track_caller]
        fn check(text: &str, id: Option<&str>, expected: &str) {
            let passed = Response::passes_on(&reply(text), id.map(str::as_bytes));
            assert_eq!(String::from_utf8_lossy(&passed.bytes), format!("{expected}\r\n"));
        }
        check(r#"{"return": {"id": 7},  "id": 7}"#, Some("[1, 'x']"), r#"{"return": {"id": 7},  "id": [1, 'x']}"#);
        check(r#"{"return": {"id": 7},  "id": 7}"#, None, r#"{"return": {"id": 7}}"#);
        let error = r#"{"id": 7, "error": {"class": "C", "desc": "d"}}"#;
        check(error, Some("\"a\""), r#"{"id": "a", "error": {"class": "C", "desc": "d"}}"#);
        check(error, None, r#"{"error": {"class": "C", "desc": "d"}}"#);
        let pretty = "{\r\n    \"return\": {\r\n    },\r\n    \"id\": 1\r\n}";
        check(pretty, None, "{\r\n    \"return\": {\r\n    }\r\n}");
        let pretty = "{\r\n    \"id\": 1,\r\n    \"error\": {\"class\": \"C\", \"desc\": \"d\"}\r\n}";
        check(pretty, None, "{\r\n    \"error\": {\"class\": \"C\", \"desc\": \"d\"}\r\n}");
    }

    #[test]
    fn replies_are_written_as_qemu_does() {
        let text = |response: Response| String::from_utf8_lossy(&response.bytes).into_owned();
        assert_eq!(text(Response::returns(None, b"{}")), "{\"return\": {}}\r\n");
        assert_eq!(text(Response::returns(Some(b"5"), b"[1]")), "{\"return\": [1], \"id\": 5}\r\n");
        let expected = "{\"id\": 5, \"error\": {\"class\": \"C\", \"desc\": \"\\uFFFD\\n\\\"\"}}\r\n";
        assert_eq!(text(Response::fails(Some(b"5"), "C", "\u{fffd}\n\"")), expected);
    }
}
