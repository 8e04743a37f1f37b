//! JSON documents out of a stream of bytes, by a way of its own: what is tested must not be what judges.

/// Cuts a stream of bytes into JSON objects. It knows brackets and strings, and leaves the rest to a parser.
#[derive(Debug, Default)]
pub struct Documents {
    pending: Vec<u8>,
    looked_at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Documents {
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The bytes that are not part of a document yet.
    pub fn rest(&self) -> &[u8] {
        &self.pending
    }

    /// The next whole document, exactly as it came; what stands before its first brace belongs to it if it is no white
    /// space, so that it is seen when the document is compared.
    pub fn next(&mut self) -> Option<String> {
        while let Some(&byte) = self.pending.get(self.looked_at) {
            self.looked_at += 1;
            if self.escaped {
                self.escaped = false;
            } else if self.in_string {
                match byte {
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' if self.depth > 0 => {
                        self.depth -= 1;
                        if self.depth == 0 {
                            return Some(self.take());
                        }
                    }
                    _ => {}
                }
            }
        }
        None
    }

    fn take(&mut self) -> String {
        let document: Vec<u8> = self.pending.drain(..self.looked_at).collect();
        self.looked_at = 0;
        String::from_utf8_lossy(&document).trim_ascii_start().to_owned()
    }
}
