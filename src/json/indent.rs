//! (replaced by the helper's)
/// Indents.
#[derive(Debug, Default)]
pub struct Indenter {
    depth: usize,
    in_string: bool,
    escape: bool,
    fresh: bool,
}
impl Indenter {
    /// New.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Feeds.
    pub fn feed(&mut self, chunk: &[u8], out: &mut impl std::io::Write) -> std::io::Result<()> {
        for &b in chunk {
            if self.in_string {
                out.write_all(&[b])?;
                if self.escape {
                    self.escape = false;
                } else if b == b'\\' {
                    self.escape = true;
                } else if b == b'"' {
                    self.in_string = false;
                }
                continue;
            }
            if b.is_ascii_whitespace() {
                continue;
            }
            if self.fresh && !matches!(b, b'}' | b']') {
                self.nl(out)?;
            }
            let was_fresh = std::mem::take(&mut self.fresh);
            match b {
                b'{' | b'[' => {
                    out.write_all(&[b])?;
                    self.depth += 1;
                    self.fresh = true;
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if !was_fresh {
                        self.nl(out)?;
                    }
                    out.write_all(&[b])?;
                }
                b',' => {
                    out.write_all(b",")?;
                    self.nl(out)?;
                }
                b':' => out.write_all(b": ")?,
                b'"' => {
                    self.in_string = true;
                    out.write_all(b"\"")?;
                }
                b => out.write_all(&[b])?,
            }
        }
        Ok(())
    }
    fn nl(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        out.write_all(b"\n")?;
        for _ in 0..self.depth {
            out.write_all(b"  ")?;
        }
        Ok(())
    }
}
