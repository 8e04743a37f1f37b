//! Commands to be sent.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use serde::Serialize;

use crate::json::{self, MAX_NESTING, TokenKind, Tokens};
use crate::secrets;

// Source: `MAX_TOKEN_SIZE` and `MAX_TOKEN_COUNT` in QEMU's `qobject/json-streamer.c`: the bytes of all tokens, and their number.
const MAX_BYTES: usize = 64 << 20;
const MAX_TOKENS: usize = 2 << 20;
/// The size of an `id`: `,"id":` and a number of up to 20 digits.
const ID_BYTES: usize = 26;
const ID_TOKENS: usize = 4;

/// A command ready to be sent: its name, its arguments, and what goes with them.
///
/// Clones share their texts. The client adds the `id` when it sends the command. Whatever QEMU's parser would refuse is an error here, so no request can break
/// a session. Source: QEMU's `qmp-spec.rst`.
///
/// ```
/// # use qmpsh::message::{Request, RequestError};
/// let resize = Request::new("block_resize").arguments(&serde_json::json!({"node-name": "n0", "size": 1 << 30}))?;
/// assert_eq!(resize.text(), r#"{"execute":"block_resize","arguments":{"node-name":"n0","size":1073741824}}"#);
/// # Ok::<(), RequestError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request(Arc<Content>);

#[derive(Clone, PartialEq, Eq)]
struct Content {
    /// `{"execute":"NAME"}` or `{"execute":"NAME","arguments":{…}}`, or with `exec-oob`; compact, without `id`.
    text: String,
    command: String,
    out_of_band: bool,
    own_id: Option<String>,
    hmp_line: Option<String>,
    /// The places in `text` of values that the user was asked for. They are secrets whatever their names are.
    asked: Vec<Range<usize>>,
    descriptor: Option<Descriptor>,
}

/// Why a command cannot be sent: QEMU's parser would refuse it, and the reply would not say which command it is for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The arguments cannot be written as JSON. Has serde's words.
    #[error("the arguments cannot be written as JSON: {0}")]
    NotJson(String),
    /// The arguments are not an object.
    #[error("the arguments are not an object")]
    NotAnObject,
    /// The message is nested more than 1,024 deep.
    #[error("nested more than {MAX_NESTING} deep, QEMU's limit")]
    TooDeep,
    /// An object has the same key twice.
    #[error("the key `{}` stands twice in one object", crate::text::line(.0))]
    DuplicateKey(String),
    /// A string has a character that QEMU refuses: a noncharacter, or half of a surrogate pair.
    #[error("the string `{}` has a character that QEMU refuses", crate::text::line(.0))]
    Character(String),
    /// The message is longer than 64 MiB.
    #[error("the message is longer than 64 MiB, QEMU's limit")]
    TooLong,
    /// The message has more than 2,097,152 tokens.
    #[error("the message has more than 2,097,152 tokens, QEMU's limit")]
    TooManyTokens,
}

impl Request {
    /// Makes a command without arguments. One whose name has a noncharacter is refused when it is sent.
    pub fn new(command: impl Into<String>) -> Self {
        #[derive(Serialize)]
        struct Text<'a> {
            execute: &'a str,
        }

        let command = command.into();
        // To write a string as JSON cannot fail.
        let text = serde_json::to_string(&Text { execute: &command }).unwrap_or_default();
        let asked = Vec::new();
        Self(Arc::new(Content {
            text,
            command,
            out_of_band: false,
            own_id: None,
            hmp_line: None,
            asked,
            descriptor: None,
        }))
    }

    /// Sets the arguments: what serde writes as an object, its members in the order given; `()` is none.
    ///
    /// # Errors
    ///
    /// QEMU's parser would refuse them.
    pub fn arguments(self, arguments: &(impl Serialize + ?Sized)) -> Result<Self, RequestError> {
        let json = serde_json::to_string(arguments).map_err(|error| RequestError::NotJson(error.to_string()))?;
        match json.as_bytes().first() {
            Some(b'{') => {}
            _ if json == "null" => return Ok(self),
            _ => return Err(RequestError::NotAnObject),
        }
        let request = self.with_arguments_text(&json);
        request.check()?;
        Ok(request)
    }

    /// Sets the arguments: an object in compact JSON that was checked.
    pub(crate) fn with_arguments_text(self, arguments: &str) -> Self {
        self.with_asked_arguments(arguments, &[])
    }

    /// Sets the arguments, which have at the places `asked` what the user was asked for.
    pub(crate) fn with_asked_arguments(mut self, arguments: &str, asked: &[Range<usize>]) -> Self {
        let content = self.content();
        let execute = if content.out_of_band { r#"{"exec-oob":"# } else { r#"{"execute":"# };
        let command = json::quoted(&content.command);
        content.text = [execute, &command, r#","arguments":"#, arguments, "}"].concat();
        let before = content.text.len() - arguments.len() - 1;
        content.asked = asked.iter().map(|place| before + place.start..before + place.end).collect();
        self
    }

    /// Makes it run out-of-band, without waiting for earlier commands. Source: `qmp-spec.rst`, "Out-of-band execution".
    #[must_use]
    pub fn out_of_band(mut self) -> Self {
        const IN_BAND: &str = r#"{"execute":"#;
        let content = self.content();
        if content.text.starts_with(IN_BAND) {
            const OUT_OF_BAND: &str = r#"{"exec-oob":"#;
            content.text.replace_range(..IN_BAND.len(), OUT_OF_BAND);
            let moved = OUT_OF_BAND.len() - IN_BAND.len();
            content.asked.iter_mut().for_each(|place| *place = place.start + moved..place.end + moved);
        }
        content.out_of_band = true;
        self
    }

    /// Sends an open file with it, for `getfd` and `add-fd`; only over a Unix socket.
    #[must_use]
    pub fn descriptor(mut self, file: impl Into<Descriptor>) -> Self {
        self.content().descriptor = Some(file.into());
        self
    }

    /// Sets the `id` that `raw` output shows: the one in the user's own JSON line, as compact JSON.
    #[cfg(feature = "language")]
    #[must_use]
    pub(crate) fn with_own_id(mut self, id: Option<String>) -> Self {
        self.content().own_id = id;
        self
    }

    /// Says that the reply has the text of the human monitor to this line.
    #[cfg(feature = "language")]
    #[must_use]
    pub(crate) fn with_hmp_line(mut self, line: &str) -> Self {
        self.content().hmp_line = Some(line.to_owned());
        self
    }

    fn content(&mut self) -> &mut Content {
        Arc::make_mut(&mut self.0)
    }

    /// Returns the message without its `id`, as compact JSON. It may have secrets.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the command's name.
    pub fn command(&self) -> &str {
        &self.0.command
    }

    /// Returns true if the command runs out-of-band (`exec-oob`).
    pub fn is_out_of_band(&self) -> bool {
        self.0.out_of_band
    }

    /// Returns the open file that is sent with it.
    pub(crate) fn open_file(&self) -> Option<&Descriptor> {
        self.0.descriptor.as_ref()
    }

    /// Returns the `id` in the user's own JSON line, as compact JSON; it is put back in `raw` output.
    #[cfg(feature = "language")]
    pub fn own_id(&self) -> Option<&str> {
        self.0.own_id.as_deref()
    }

    /// Returns the line for the human monitor, if the reply has the text of that monitor.
    #[cfg(feature = "language")]
    pub fn hmp_line(&self) -> Option<&str> {
        self.0.hmp_line.as_deref()
    }

    /// Returns its name for messages: the command, or the line for the human monitor. Not safe to show as it is.
    pub fn label(&self) -> &str {
        self.0.hmp_line.as_deref().filter(|line| secrets::in_text(line, "").is_none()).unwrap_or(&self.0.command)
    }

    /// Returns `text`, which is this command's or begins like it, with secrets masked.
    pub fn masked<'a>(&self, text: &'a str) -> Cow<'a, str> {
        secrets::mask_places(text, &self.0.asked)
    }

    /// Returns true if the command ends the peer when it succeeds.
    pub fn ends_peer(&self) -> bool {
        match &self.0.hmp_line {
            Some(line) => matches!(line.trim(), "quit" | "q"),
            None => self.0.command == "quit",
        }
    }

    /// Checks that it is not longer than QEMU's parser allows.
    pub(crate) fn check_size(&self) -> Result<(), RequestError> {
        within(&self.0.text, MAX_BYTES, MAX_TOKENS)
    }

    /// Checks a command whose arguments were checked.
    pub(crate) fn check_name(&self) -> Result<(), RequestError> {
        if self.0.command.chars().any(json::is_noncharacter) {
            return Err(RequestError::Character(self.0.command.clone()));
        }
        self.check_size()
    }

    /// Checks that QEMU's parser takes it.
    fn check(&self) -> Result<(), RequestError> {
        self.check_size()?;
        let text = self.0.text.as_bytes();
        // The keys of the objects around, each with its own; none for an array.
        let mut around: Vec<Option<HashSet<_>>> = Vec::new();
        let mut tokens = Tokens::new(text).peekable();
        while let Some(token) = tokens.next() {
            let raw = &text[token.range];
            match token.kind {
                TokenKind::Open if around.len() == MAX_NESTING => return Err(RequestError::TooDeep),
                TokenKind::Open => around.push((raw == b"{").then(HashSet::new)),
                TokenKind::Close => drop(around.pop()),
                TokenKind::String => {
                    let string = json::decode(raw).unwrap_or_default();
                    if json::has_half_surrogate(raw) || string.chars().any(json::is_noncharacter) {
                        return Err(RequestError::Character(string.into_owned()));
                    }
                    let is_key = tokens.peek().is_some_and(|next| next.kind == TokenKind::Colon);
                    if let Some(Some(keys)) = around.last_mut()
                        && is_key
                        && !keys.insert(string.clone())
                    {
                        return Err(RequestError::DuplicateKey(string.into_owned()));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Checks the size of a message before it gets its `id`.
fn within(text: &str, max_bytes: usize, max_tokens: usize) -> Result<(), RequestError> {
    // QEMU needs one byte more.
    if text.len() + ID_BYTES + 1 > max_bytes {
        return Err(RequestError::TooLong);
    }
    // A token has a byte at least.
    if text.len() + ID_TOKENS > max_tokens && Tokens::new(text.as_bytes()).count() + ID_TOKENS > max_tokens {
        return Err(RequestError::TooManyTokens);
    }
    Ok(())
}

/// Shows secrets as `***`.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("text", &self.masked(&self.0.text))
            .field("out_of_band", &self.0.out_of_band)
            .field("own_id", &self.0.own_id)
            .finish_non_exhaustive()
    }
}

/// An open file to send with a command. Clones share it and are equal.
#[derive(Clone)]
pub struct Descriptor(Arc<OwnedFd>);

impl Descriptor {
    pub(crate) fn shared(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.0)
    }
}

/// Takes an open file.
impl<F: Into<OwnedFd>> From<F> for Descriptor {
    fn from(file: F) -> Self {
        Self(Arc::new(file.into()))
    }
}

impl PartialEq for Descriptor {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Descriptor {}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Descriptor({})", self.0.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;

    fn text(command: &str, arguments: &impl Serialize) -> Result<String, String> {
        let request = Request::new(command).arguments(arguments).map_err(|error| error.to_string())?;
        assert_eq!(request.check(), Ok(()));
        Ok(request.text().to_owned())
    }

    #[test]
    fn arguments_are_written_in_the_order_given() {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Resize<'a> {
            size: u64,
            node_name: &'a str,
        }
        let resize = Resize { size: u64::MAX, node_name: "a\"\n" };
        let expected = r#"{"execute":"block_resize","arguments":{"size":18446744073709551615,"node-name":"a\"\n"}}"#;
        assert_eq!(text("block_resize", &resize).as_deref(), Ok(expected));
        let expected = r#"{"execute":"a\"b","arguments":{"z":1,"a":{"y":[2.5],"b":null}}}"#;
        assert_eq!(text("a\"b", &json!({"z": 1, "a": {"y": [2.5], "b": null}})).as_deref(), Ok(expected));
        let raw = RawValue::from_string(" { \"a\" : 1e400 } ".to_owned()).unwrap();
        assert_eq!(text("x", &raw).as_deref(), Ok(r#"{"execute":"x","arguments":{ "a" : 1e400 }}"#));
        assert_eq!(text("x", &()).as_deref(), Ok(r#"{"execute":"x"}"#));
        assert_eq!(text("x", &json!({})).as_deref(), Ok(r#"{"execute":"x","arguments":{}}"#));
        let out_of_band = Request::new("x").out_of_band().arguments(&json!({"id": "y"})).unwrap();
        assert_eq!(out_of_band.text(), r#"{"exec-oob":"x","arguments":{"id":"y"}}"#);
        assert_eq!(out_of_band, Request::new("x").arguments(&json!({"id": "y"})).unwrap().out_of_band());
    }

    #[test]
    fn what_qemu_would_refuse_is_an_error() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(text("x", &[1]), Err("the arguments are not an object".to_owned()));
        assert_eq!(text("x", &"a"), Err("the arguments are not an object".to_owned()));
        let keys = std::collections::HashMap::from([((1, 2), 3)]);
        assert_eq!(text("x", &keys), Err("the arguments cannot be written as JSON: key must be a string".to_owned()));
        for twice in [r#"{"a":1,"a":2}"#, r#"{"b":[{"a":1,"\u0061":2}]}"#, r#"{"a":{"b":1},"a":1}"#] {
            assert_eq!(text("x", &raw(twice)), Err("the key `a` stands twice in one object".to_owned()), "{twice}");
        }
        assert_eq!(text("x", &raw(r#"{"a":{"a":"a"},"b":["a","a"]}"#)).unwrap().len(), 57);
        for character in [
            r#"{"a":"\ud800"}"#,
            r#"{"a":["\ude00\ud83d"]}"#,
            r#"{"\ud83dx":1}"#,
            "{\"a\":\"\u{fffe}\"}",
            r#"{"a":"\ufdd0"}"#,
        ] {
            let error = text("x", &raw(character)).unwrap_err();
            assert!(error.ends_with(" has a character that QEMU refuses"), "{character}: {error}");
        }
        assert!(text("x", &raw("{\"a\":\"\u{fffd}\\ud83d\\ude00\"}")).is_ok());
        let nested = |depth: usize| raw(&format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth)));
        assert!(text("x", &nested(MAX_NESTING - 2)).is_ok());
        assert_eq!(text("x", &nested(MAX_NESTING - 1)), Err("nested more than 1024 deep, QEMU's limit".to_owned()));
        let list = |length: usize| json!({"a": vec![1; length]});
        assert!(text("x", &list(MAX_TOKENS / 2 - 20)).is_ok());
        assert_eq!(text("x", &list(MAX_TOKENS / 2)).unwrap_err(), RequestError::TooManyTokens.to_string());
        assert_eq!(text("x", &json!({"a": "b".repeat(MAX_BYTES)})).unwrap_err(), RequestError::TooLong.to_string());
        assert_eq!(
            Request::new("a\u{ffff}").check().unwrap_err().to_string(),
            "the string `a\\u{ffff}` has a character that QEMU refuses"
        );
    }
}
