//! A codec of tokio-util as a protocol.

use std::fmt::{self, Debug};
use std::io;
use std::marker::PhantomData;
use std::task::{self, Poll};

use bytes::BytesMut;
use tokio::sync::mpsc::Sender;
use tokio_util::codec::{Decoder, Encoder};
use tokio_util::sync::PollSender;

use super::traits::{Context, Protocol};

/// A [`Protocol`] whose messages a codec of tokio-util reads and writes: a [`Decoder`] that is also an [`Encoder`] of `Out`.
///
/// Received messages go into a channel. While it is full, the session does not read. After its receiver was dropped, they are
/// dropped too. A protocol with a handshake or with replies can have a `CodecProtocol` inside, for its `decode` and `encode`.
///
/// The log at level debug has the `Debug` of each message, which must mask secrets.
///
/// ```
/// use qmpsh::protocol::{CodecProtocol, Session, SessionOptions};
/// use tokio_util::codec::LinesCodec;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let stream = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
/// # let (mut server, _) = listener.accept().await?;
/// # tokio::spawn(async move { tokio::io::copy(&mut server.split().0, &mut tokio::io::sink()).await });
/// let (sender, mut lines) = tokio::sync::mpsc::channel(16);
/// let codec = || LinesCodec::new_with_max_length(4096);
/// let session = Session::new(SessionOptions::default(), move || CodecProtocol::new(codec(), sender.clone()));
/// session.open_with_socket(stream)?;
/// session.accept().await?;
/// session.send("a line".to_owned()).await?;
/// session.disconnect().await?;
/// # drop(session);
/// while let Some(line) = lines.recv().await {
///     println!("{line}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct CodecProtocol<C: Decoder, Out = <C as Decoder>::Item> {
    codec: C,
    received: PollSender<C::Item>,
    sends: PhantomData<fn(Out)>,
}

impl<C: Decoder<Item: Send + 'static>, Out> CodecProtocol<C, Out> {
    /// Makes the protocol of one connection. Its received messages go to `received`.
    pub fn new(codec: C, received: Sender<C::Item>) -> Self {
        Self { codec, received: PollSender::new(received), sends: PhantomData }
    }
}

impl<C: Decoder + Debug, Out> Debug for CodecProtocol<C, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodecProtocol").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl<C, Out, E> Protocol for CodecProtocol<C, Out>
where
    C: Decoder<Item: Debug + Send + 'static, Error = E> + Encoder<Out, Error = E> + Send + 'static,
    Out: Debug + Send + 'static,
    E: std::error::Error + From<io::Error> + Send + Sync + 'static,
{
    const NAME: &'static str = "CodecProtocol";
    type In = C::Item;
    type Out = Out;
    type Error = E;

    fn decode(&mut self, buffer: &mut BytesMut, eof: bool) -> Result<Option<C::Item>, E> {
        if eof { self.codec.decode_eof(buffer) } else { self.codec.decode(buffer) }
    }

    fn encode(&mut self, message: Out, buffer: &mut BytesMut) -> Result<(), E> {
        self.codec.encode(message, buffer)
    }

    fn on_message(&mut self, message: C::Item, _context: &mut Context<'_, Self>) -> Result<(), E> {
        // `poll_ready` has made room, unless there is no receiver any more.
        if !self.received.is_closed() {
            let _ = self.received.send_item(message);
        }
        Ok(())
    }

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        self.received.poll_reserve(context).map(drop)
    }
}
