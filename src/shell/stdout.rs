//! stdout of a batch: results gathered, written in large pieces, and never in the way.
//!
//! A reader that does not read must not disable Ctrl-C or a time limit. So what could block is written by a thread,
//! which is started the first time that is needed; a file, or a small piece for which a pipe has room, is written
//! directly.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;

use tokio::sync::{mpsc, oneshot};

/// Bytes gathered before they are written.
const FULL: usize = 64 * 1024;

/// Bytes for which a pipe that can be written to has room at least (`PIPE_BUF` on Linux).
const SMALL: usize = 4096;

pub(super) struct Stdout {
    buffer: Vec<u8>,
    is_file: bool,
    writer: Option<Writer>,
}

struct Writer {
    pieces: mpsc::Sender<Piece>,
    failure: Arc<OnceLock<io::Error>>,
}

enum Piece {
    Data(Bytes),
    /// All before it has been written.
    Mark(oneshot::Sender<()>),
}

impl Stdout {
    pub(super) fn new() -> Self {
        let is_file = rustix::fs::fstat(io::stdout().as_fd())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        Self { buffer: Vec::new(), is_file, writer: None }
    }

    /// Whether something waits to be flushed.
    pub(super) fn is_pending(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Adds bytes, without copying them if they are many; writes when much is gathered.
    pub(super) async fn put(&mut self, bytes: Bytes) -> io::Result<()> {
        if bytes.len() >= FULL {
            self.write_buffer().await?;
            return self.write(bytes).await;
        }
        self.buffer.extend_from_slice(&bytes);
        self.settle().await
    }

    /// Where small output is put together; follow with [`settle`](Self::settle).
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes what is gathered if it is much.
    pub(super) async fn settle(&mut self) -> io::Result<()> {
        if self.buffer.len() < FULL { Ok(()) } else { self.write_buffer().await }
    }

    /// Writes all that is gathered, and waits until it is written.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.write_buffer().await?;
        let Some(writer) = &self.writer else { return Ok(()) };
        let (sender, written) = oneshot::channel();
        let sent = writer.pieces.send(Piece::Mark(sender)).await.is_ok();
        if sent && written.await.is_ok() { Ok(()) } else { Err(writer.failure()) }
    }

    async fn write_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if self.can_write_directly(self.buffer.len()) {
            // A small piece is written whole or not at all, so nothing is written twice below.
            match rustix::io::write(io::stdout().as_fd(), &self.buffer) {
                Ok(count) if count == self.buffer.len() => {
                    self.buffer.clear();
                    return Ok(());
                }
                Ok(count) => drop(self.buffer.drain(..count)),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let bytes = Bytes::from(std::mem::take(&mut self.buffer));
        self.write(bytes).await
    }

    fn can_write_directly(&self, length: usize) -> bool {
        if self.writer.is_some() {
            return false;
        }
        self.is_file || (length <= SMALL && has_room(io::stdout().as_fd()))
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        if self.is_file && self.writer.is_none() {
            return write_all(io::stdout().as_fd(), &bytes);
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(Writer::start()?),
        };
        match writer.pieces.send(Piece::Data(bytes)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(writer.failure()),
        }
    }
}

impl Writer {
    fn start() -> io::Result<Self> {
        let (pieces, mut receiver) = mpsc::channel(2);
        let failure = Arc::new(OnceLock::new());
        let failed = Arc::clone(&failure);
        std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            while let Some(piece) = receiver.blocking_recv() {
                match piece {
                    Piece::Data(bytes) => {
                        if let Err(error) = write_all(io::stdout().as_fd(), &bytes) {
                            // Set once only, by this thread.
                            let _ = failed.set(error);
                            return;
                        }
                    }
                    Piece::Mark(sender) => drop(sender.send(())),
                }
            }
        })?;
        Ok(Self { pieces, failure })
    }

    fn failure(&self) -> io::Error {
        match self.failure.get() {
            Some(error) => io::Error::new(error.kind(), error.to_string()),
            None => io::Error::other("the thread that writes to stdout has ended"),
        }
    }
}

/// Whether a small piece can be written without waiting.
fn has_room(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(rustix::io::Errno::INTR) => {}
            // Somebody else who has this terminal or pipe made it non-blocking.
            Err(rustix::io::Errno::AGAIN) => drop(poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], None)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
