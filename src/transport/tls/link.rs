//! A connection with TLS, after its handshake.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;
use tokio_util::io::InspectReader;

use super::error::TlsError;
use super::role::Role;
use crate::protocol::Link;

/// How many of the first bytes that a peer sends are kept.
const KEPT: usize = 61;

/// A link whose first bytes are kept.
pub(super) type PeekedLink = InspectReader<Box<dyn Link>, Box<dyn FnMut(&[u8]) + Send>>;

/// The first bytes that a peer sends, to quote them if they are not TLS.
#[derive(Clone, Default)]
pub(super) struct FirstBytes(Arc<Mutex<Vec<u8>>>);

impl FirstBytes {
    /// Keeps the first bytes that are read from `link`.
    pub(super) fn of(&self, link: Box<dyn Link>) -> PeekedLink {
        let kept = Arc::clone(&self.0);
        let keep = move |bytes: &[u8]| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let room = KEPT - kept.len();
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        };
        InspectReader::new(link, Box::new(keep))
    }

    pub(super) fn get(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) struct TlsLink {
    stream: TlsStream<PeekedLink>,
    role: Role,
    /// The error if the peer closes the connection before it sends anything. With TLS 1.3 it checks our certificate after our
    /// side of the handshake is done, and QEMU does not say why it closes.
    if_silent: Option<TlsError>,
    /// Each byte has a record of its own.
    one_byte_records: bool,
}

impl TlsLink {
    pub(super) fn new(stream: TlsStream<PeekedLink>, role: Role, if_silent: Option<TlsError>) -> Self {
        Self { stream, role, if_silent, one_byte_records: true }
    }

    /// Returns the error to report when writing has failed.
    fn write_failed(&mut self, error: io::Error) -> io::Error {
        match self.if_silent.take() {
            // The peer has closed, and its end of file was not read yet.
            Some(if_silent) if is_gone(&error) => if_silent.into(),
            _ => error,
        }
    }

    /// Encrypts each byte in a record of its own, as many as there is room for, and sends the records together.
    fn poll_one_byte_records(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut taken = self.encrypt(bytes)?;
        if taken == 0 {
            // Pending records are sent first.
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            taken = self.encrypt(bytes)?;
        }
        // A flush sends the rest.
        let _ = Pin::new(&mut self.stream).poll_flush(context)?;
        Poll::Ready(Ok(taken))
    }

    /// Makes a record of each byte while there is room. Returns how many bytes it took.
    fn encrypt(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut writer = match &mut self.stream {
            TlsStream::Client(stream) => stream.get_mut().1.writer(),
            TlsStream::Server(stream) => stream.get_mut().1.writer(),
        };
        let mut taken = 0;
        for byte in bytes {
            if writer.write(std::slice::from_ref(byte))? == 0 {
                break;
            }
            taken += 1;
        }
        Ok(taken)
    }
}

impl Link for TlsLink {
    fn one_byte_records(&mut self, on: bool) {
        self.one_byte_records = on;
    }
}

impl AsyncRead for TlsLink {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut this.stream).poll_read(context, buffer));
        if buffer.filled().len() > before {
            this.if_silent = None;
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(match (read, this.if_silent.take()) {
            (Ok(()), Some(error)) => Err(error.into()),
            (Ok(()), None) => Ok(()),
            // QEMU sends no close_notify. JSON shows if a message was cut short.
            (Err(error), if_silent) if error.kind() == io::ErrorKind::UnexpectedEof => {
                if_silent.map_or(Ok(()), |error| Err(error.into()))
            }
            (Err(error), Some(if_silent)) if is_gone(&error) => Err(if_silent.into()),
            (Err(error), _) => Err(TlsError::in_session(error, this.role)),
        })
    }
}

impl AsyncWrite for TlsLink {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = if this.one_byte_records {
            this.poll_one_byte_records(context, bytes)
        } else {
            Pin::new(&mut this.stream).poll_write(context, bytes)
        };
        written.map_err(|error| this.write_failed(error))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Pin::new(&mut this.stream).poll_flush(context).map_err(|error| this.write_failed(error))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match ready!(Pin::new(&mut self.get_mut().stream).poll_shutdown(context)) {
            // The peer has closed before our close_notify.
            Err(error) if is_gone(&error) => Ok(()),
            result => result,
        })
    }
}

/// Returns true if the peer has closed its end.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
