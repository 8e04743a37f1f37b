//! Another protocol on the same engine, that of gdb: `cargo run --example gdb -- /run/gdb.sock qSupported '?'`, with a QEMU that has
//! `-gdb unix:/run/gdb.sock,server=on,wait=off`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io;

use bytes::{Buf, BytesMut};
use qmpsh::address::Address;
use qmpsh::protocol::{CodecProtocol, Session, SessionOptions};
use tokio_util::codec::{Decoder, Encoder};

/// Packets are `$TEXT#CHECKSUM`, and the other side says `+` to each.
#[derive(Debug)]
struct Packets;

impl Decoder for Packets {
    type Item = String;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<String>> {
        let (start, end) = (buffer.iter().position(|&byte| byte == b'$'), buffer.iter().position(|&byte| byte == b'#'));
        let (Some(start), Some(end)) = (start, end.filter(|end| end + 2 < buffer.len())) else { return Ok(None) };
        let text = buffer.get(start + 1..end).ok_or(io::ErrorKind::InvalidData)?;
        let text = String::from_utf8_lossy(text).into_owned();
        buffer.advance(end + 3);
        Ok(Some(text))
    }
}

impl Encoder<String> for Packets {
    type Error = io::Error;

    fn encode(&mut self, text: String, buffer: &mut BytesMut) -> io::Result<()> {
        let checksum = text.bytes().fold(0_u8, u8::wrapping_add);
        buffer.extend_from_slice(format!("+${text}#{checksum:02x}").as_bytes());
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let address: Address = args.next().ok_or("which address?")?.parse()?;
    let (sender, mut replies) = tokio::sync::mpsc::channel(16);
    let session = Session::new(SessionOptions::default(), move || CodecProtocol::new(Packets, sender.clone()));
    session.connect(address).await?;
    for packet in args {
        session.send(packet).await?;
        println!("{}", replies.recv().await.ok_or("the connection ended")?);
    }
    session.disconnect().await?;
    Ok(())
}
