//! E21: codecs of tokio-util, links made of any stream, and tokio's own listeners.

use std::io;

use bytes::{Bytes, BytesMut};
use qmpsh::protocol::{CodecProtocol, Runstate, Session, SessionOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, join, split};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec, LinesCodec};

use super::{expect, read_to_end, say, shown, until, within};

type Lined = Session<CodecProtocol<LinesCodec>>;

/// A session of lines of at most 100 bytes, and what it receives.
fn lined(room: usize) -> (Lined, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel(room);
    let codec = || LinesCodec::new_with_max_length(100);
    (Session::new(SessionOptions::default(), move || CodecProtocol::new(codec(), sender.clone())), receiver)
}

async fn running(room: usize) -> (Lined, mpsc::Receiver<String>, DuplexStream) {
    let (session, lines) = lined(room);
    let (ours, theirs) = tokio::io::duplex(64);
    session.open_with_socket(ours).unwrap();
    session.accept().await.unwrap();
    (session, lines, theirs)
}

#[tokio::test]
async fn e21_a_codec_reads_and_writes_the_messages() {
    within(async {
        let (session, mut lines, mut peer) = running(4).await;
        session.send("one".to_owned()).await.unwrap();
        session.send("two".to_owned()).await.unwrap();
        expect(&mut peer, "one\ntwo\n").await;
        say(&mut peer, "three\r\nfo").await;
        say(&mut peer, "ur\nlast").await;
        peer.shutdown().await.unwrap();
        for line in ["three", "four", "last"] {
            assert_eq!(lines.recv().await.unwrap(), line);
        }
        assert_eq!(shown(&session.disconnect().await), "the peer closed the connection");
        // The channel ends with the session.
        drop(session);
        assert_eq!(lines.recv().await, None);
    })
    .await;
}

#[tokio::test]
async fn e21_an_error_of_the_codec_ends_the_session() {
    within(async {
        let (session, _lines, mut peer) = running(4).await;
        let mut watcher = session.watch();
        say(&mut peer, &"x".repeat(101)).await;
        until(&mut watcher, Runstate::Disconnecting).await;
        assert_eq!(shown(&session.disconnect().await), "max line length exceeded");
    })
    .await;
}

#[tokio::test]
async fn e21_a_message_that_is_cut_short_is_an_error() {
    within(async {
        let (sender, mut frames) = mpsc::channel(4);
        let make = move || CodecProtocol::<_, Bytes>::new(LengthDelimitedCodec::new(), sender.clone());
        let session = Session::new(SessionOptions::default(), make);
        let (ours, mut theirs) = tokio::io::duplex(64);
        session.open_with_socket(ours).unwrap();
        session.accept().await.unwrap();
        let mut watcher = session.watch();
        session.send(Bytes::from_static(b"abc")).await.unwrap();
        expect(&mut theirs, "\0\0\0\x03abc").await;
        say(&mut theirs, "\0\0\0\x02hi\0\0\0\x03ab").await;
        drop(theirs);
        assert_eq!(frames.recv().await.unwrap(), "hi");
        until(&mut watcher, Runstate::Disconnecting).await;
        assert_eq!(shown(&session.disconnect().await), "bytes remaining on stream");
    })
    .await;
}

/// Sends what it is given in capitals, and cannot send an empty text.
struct Shout;

impl Decoder for Shout {
    type Item = char;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<char>> {
        Ok((!buffer.is_empty()).then(|| char::from(buffer.split_to(1)[0])))
    }
}

impl Encoder<&'static str> for Shout {
    type Error = io::Error;

    fn encode(&mut self, text: &'static str, buffer: &mut BytesMut) -> io::Result<()> {
        if text.is_empty() {
            return Err(io::Error::other("nothing to shout"));
        }
        buffer.extend_from_slice(text.to_uppercase().as_bytes());
        Ok(())
    }
}

#[tokio::test]
async fn e21_a_codec_may_send_another_type_than_it_receives() {
    within(async {
        let (sender, mut chars) = mpsc::channel(1);
        let session = Session::new(SessionOptions::default(), move || CodecProtocol::new(Shout, sender.clone()));
        let (ours, mut theirs) = tokio::io::duplex(64);
        session.open_with_socket(ours).unwrap();
        session.accept().await.unwrap();
        let mut watcher = session.watch();
        session.send("hey").await.unwrap();
        expect(&mut theirs, "HEY").await;
        say(&mut theirs, "ab").await;
        assert_eq!((chars.recv().await, chars.recv().await), (Some('a'), Some('b')));
        session.send("").await.unwrap();
        until(&mut watcher, Runstate::Disconnecting).await;
        assert_eq!(shown(&session.disconnect().await), "nothing to shout");
    })
    .await;
}

#[tokio::test]
async fn e21_reading_waits_for_room_in_the_channel() {
    within(async {
        let (session, mut lines, mut peer) = running(1).await;
        // More than the channel, the buffers and the pipe between hold.
        let text = "0123456789\n".repeat(20_000);
        let writer = tokio::spawn(async move {
            say(&mut peer, &text).await;
            peer
        });
        // A session that sends nothing else is not held up by that.
        session.send("still here".to_owned()).await.unwrap();
        for _ in 0..20_000 {
            assert_eq!(lines.recv().await.unwrap(), "0123456789");
        }
        let mut peer = writer.await.unwrap();
        expect(&mut peer, "still here\n").await;
        session.disconnect().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn e21_without_a_receiver_messages_are_dropped_and_the_session_goes_on() {
    within(async {
        let (session, lines, mut peer) = running(1).await;
        drop(lines);
        say(&mut peer, "nobody\nhears\nthis\n").await;
        session.send("one".to_owned()).await.unwrap();
        session.disconnect().await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, "one\n");
    })
    .await;
}

/// Sends a line each way.
async fn talk(session: &Lined, lines: &mut mpsc::Receiver<String>, mut peer: impl AsyncRead + AsyncWrite + Unpin) {
    session.send("ping".to_owned()).await.unwrap();
    expect(&mut peer, "ping\n").await;
    peer.write_all(b"pong\n").await.unwrap();
    assert_eq!(lines.recv().await.unwrap(), "pong");
    session.disconnect().await.unwrap();
    assert_eq!(peer.read_u8().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn e21_any_reader_and_writer_are_a_link() {
    within(async {
        let (session, mut lines) = lined(1);
        let (ours, theirs) = tokio::io::duplex(64);
        // A stream that is no link by itself.
        let (reader, writer) = split(tokio::io::BufStream::new(ours));
        session.open_with_socket(join(reader, writer)).unwrap();
        session.accept().await.unwrap();
        talk(&session, &mut lines, theirs).await;
    })
    .await;
}

#[tokio::test]
async fn e21_the_listeners_of_tokio_accept() {
    within(async {
        let (session, mut lines) = lined(1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        session.open_with_listener(Box::new(listener)).unwrap();
        let (accepted, peer) = tokio::join!(session.accept(), TcpStream::connect(address));
        accepted.unwrap();
        talk(&session, &mut lines, peer.unwrap()).await;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        session.open_with_listener(Box::new(UnixListener::bind(&path).unwrap())).unwrap();
        let (accepted, peer) = tokio::join!(session.accept(), UnixStream::connect(&path));
        accepted.unwrap();
        talk(&session, &mut lines, peer.unwrap()).await;
        // The file belongs to whoever made the listener.
        assert!(path.exists());
    })
    .await;
}
