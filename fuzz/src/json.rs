//! Documents in a stream, and what is done with values.

use bytes::{Bytes, BytesMut};
use qmpsh::json::{Document, Indenter, Part, ScanError, Scanner, compact, decode, elements, escape, members};
use qmpsh::message::Message;
use qmpsh::text;
use serde_json::Value;

use super::Numbers;

/// The longest message.
const LIMIT: usize = 1 << 20;

/// Checks the scanner on a stream, and the functions for values on a value.
pub fn check(bytes: &[u8]) {
    let pieces = Numbers::of(bytes).pieces(bytes);
    stream(bytes, &pieces);
    value(bytes, &pieces);
}

/// A stream gives the same documents however it is cut, and those that `serde_json` finds.
fn stream(bytes: &[u8], pieces: &[&[u8]]) {
    let (documents, end) = scan(&[bytes]);
    let (cut, end_of_cut) = scan(pieces);
    assert_eq!(cut, documents);
    assert_eq!(kind(&end_of_cut), kind(&end), "{end_of_cut:?} {end:?}");
    if let Err(error) = &end {
        super::text::is_safe(&error.to_string());
    }

    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let mut found = documents.iter();
    let mut start = 0;
    while let Some(Ok(value)) = values.next() {
        if !value.is_object() {
            break;
        }
        // One member too many is an error of the scanner alone.
        let Some(document) = found.next() else {
            assert!(
                matches!(end, Err(ScanError::TooManyMembers { .. } | ScanError::TooLong { .. })),
                "{value} {end:?}"
            );
            break;
        };
        assert_eq!(document.bytes(), bytes[start..values.byte_offset()].trim_ascii_start());
        start = values.byte_offset();
        is_same(document, &value);
    }
    for document in documents {
        match Message::from_document(document) {
            Ok(message) => drop(format!("{message:?}")),
            Err(malformed) => super::text::is_safe(&malformed.to_string()),
        }
    }
}

/// Returns the documents of a stream, and how it ended.
fn scan(pieces: &[&[u8]]) -> (Vec<Document>, Result<(), ScanError>) {
    let mut scanner = Scanner::new(LIMIT);
    let mut buffer = BytesMut::new();
    let mut documents = Vec::new();
    for (number, piece) in pieces.iter().chain([&&b""[..]]).enumerate() {
        buffer.extend_from_slice(piece);
        loop {
            match scanner.next(&mut buffer, number == pieces.len()) {
                Ok(Some(document)) => documents.push(document),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(scanner.next(&mut buffer, true), Err(error.clone()));
                    return (documents, Err(error));
                }
            }
        }
    }
    assert!(buffer.is_empty(), "the end of a message is missing, and that is no error: {buffer:?}");
    (documents, Ok(()))
}

/// What an error says but for the bytes that it quotes: there are fewer if less has come.
fn kind(end: &Result<(), ScanError>) -> String {
    match end {
        Ok(()) => "whole".to_owned(),
        Err(ScanError::Malformed { at, expected, .. }) => format!("malformed at {at}: {expected}"),
        Err(ScanError::Truncated { length, .. }) => format!("truncated after {length}"),
        Err(other) => format!("{:?}", std::mem::discriminant(other)),
    }
}

fn is_same(document: &Document, value: &Value) {
    let object = value.as_object().expect("an object");
    for (key, value) in object {
        let raw = document.get(key).unwrap_or_else(|| panic!("{key:?} is not in {document:?}"));
        assert_eq!(serde_json::from_slice::<Value>(raw).expect("a value"), *value);
    }
    for (key, _) in document.members() {
        let key: String = serde_json::from_slice(&[b"\"", key, b"\""].concat()).expect("a name");
        assert!(object.contains_key(&key), "{key:?}");
    }
}

/// What is done with a value gives the same value, and nothing does harm if it is none.
fn value(bytes: &[u8], pieces: &[&[u8]]) {
    let compacted = compact(bytes);
    let indented = indent(&[bytes]);
    let escaped = escape(bytes);
    assert_eq!(indent(pieces), indented, "in pieces");
    assert_eq!(compact(&compacted), compacted, "twice");
    let shown = std::str::from_utf8(&escaped).expect("what is shown is text");
    assert!(!shown.contains(|c| text::is_unsafe(c) && c != '\n'), "{shown:?}");
    let decoded = decode(bytes);
    let array = elements(&Bytes::copy_from_slice(bytes)).map(Iterator::collect::<Vec<_>>);
    let object = members(bytes).map(Iterator::collect::<Vec<_>>);
    let most = bytes.len();
    assert!(array.as_ref().is_none_or(|array| array.len() <= most) && object.as_ref().is_none_or(|o| o.len() <= most));

    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    for other in [&*compacted, &*indented, &*escaped] {
        assert_eq!(serde_json::from_slice::<Value>(other).expect("it is a value yet"), value);
    }
    assert_eq!(compact(&indented), compact(&indent(&[&compacted])), "from one line or from many");
    match &value {
        Value::String(text) if bytes.first() == Some(&b'"') && bytes.last() == Some(&b'"') => {
            assert_eq!(decoded.as_deref(), Some(&**text));
        }
        Value::Array(values) => {
            let array = array.expect("an array");
            let array = array.iter().map(|element| serde_json::from_slice::<Value>(element).expect("an element"));
            assert_eq!(array.collect::<Vec<_>>(), *values);
        }
        Value::Object(map) => {
            for (key, value) in object.expect("an object") {
                let key: String = serde_json::from_slice(&[b"\"", key, b"\""].concat()).expect("a name");
                // Of a name that repeats, the last member counts.
                serde_json::from_slice::<Value>(value).expect("a value");
                assert!(map.contains_key(&key), "{key:?}");
            }
        }
        _ => {}
    }
}

fn indent(pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut indenter = Indenter::new();
    for piece in pieces {
        indenter.feed(piece, |_: Part, bytes| out.extend_from_slice(bytes));
    }
    out
}
