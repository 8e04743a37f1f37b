//! JSON documents out of a stream of bytes, with `serde_json`: the library's own scanner is what the tests judge.

use serde_json::value::RawValue;

#[derive(Debug, Default)]
pub struct Documents(Vec<u8>);

impl Documents {
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub fn rest(&self) -> &[u8] {
        &self.0
    }

    /// Takes the next whole document as it came, without the white space before it. Takes all bytes if they cannot become JSON.
    pub fn next(&mut self) -> Option<String> {
        let mut values = serde_json::Deserializer::from_slice(&self.0).into_iter::<&RawValue>();
        let end = match values.next()? {
            Ok(_) => values.byte_offset(),
            Err(e) if e.is_eof() => return None,
            Err(_) => self.0.len(),
        };
        let document: Vec<u8> = self.0.drain(..end).collect();
        Some(String::from_utf8_lossy(&document).trim_ascii_start().to_owned())
    }
}
