//! QEMU's syntax for several options in one text: `/tmp/a,,b,server=on`. Source: QEMU's `util/qemu-option.c`.

/// Splits a text at single commas; a double comma is one of the text.
pub(crate) fn pieces(text: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b',' || bytes.next_if_eq(&b',').is_some() {
            piece.push(byte);
        } else {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    pieces.push(piece);
    pieces
}
