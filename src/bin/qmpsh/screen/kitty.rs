//! A picture for terminals with kitty's graphics protocol.

use std::io;

use data_encoding::BASE64;

use super::picture::Picture;

/// The most bytes of a part. Source: kitty's graphics protocol, "Remote client".
const PART: usize = 4096;

/// Returns what shows the picture where the cursor is. The terminal answers nothing.
pub(crate) fn draw(picture: &Picture) -> io::Result<String> {
    let data = BASE64.encode(&picture.png()?);
    let parts: Vec<_> = data.as_bytes().chunks(PART).collect();
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        let what = if at == 0 { "a=T,f=100," } else { "" };
        let has_more = if at + 1 < parts.len() { "1" } else { "0" };
        let data = String::from_utf8_lossy(part);
        out.extend(["\x1b_G", what, "q=2,m=", has_more, ";", &*data, "\x1b\\"]);
    }
    Ok(out + "\n")
}
