//! The buffered stdout of a batch.
//!
//! A reader that does not read must not defeat Ctrl-C or a time limit. So a thread writes what could block; it starts when it is
//! first needed. Files, and small pieces for which a pipe has room, are written directly.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;

use tokio::sync::{mpsc, oneshot};

/// How many bytes are buffered before they are written.
const FULL: usize = 64 * 1024;

/// For how many bytes a pipe that polls as writable has room: `PIPE_BUF` on Linux.
const SMALL: usize = 4096;

/// One of the program's two outputs.
///
/// Every method that waits is cancel safe: bytes that were not written stay in their place.
pub(crate) struct Stdout {
    fd: BorrowedFd<'static>,
    is_file: bool,
    /// Pieces to write before `buffer`.
    waiting: VecDeque<Bytes>,
    buffer: Vec<u8>,
    writer: Option<Writer>,
}

struct Writer {
    pieces: mpsc::Sender<Piece>,
    failure: Arc<OnceLock<io::Error>>,
}

enum Piece {
    Data(Bytes),
    /// Sent back when everything before it is written.
    Mark(oneshot::Sender<()>),
}

impl Stdout {
    /// Buffers stdout, or stderr where events go there.
    pub(crate) fn new(fd: BorrowedFd<'static>) -> Self {
        let is_file =
            rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        Self { fd, is_file, waiting: VecDeque::new(), buffer: Vec::new(), writer: None }
    }

    /// Whether something waits to be flushed.
    pub(crate) fn is_pending(&self) -> bool {
        !(self.buffer.is_empty() && self.waiting.is_empty())
    }

    /// Adds bytes; copies only small pieces. Follow with [`settle`](Self::settle).
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.len() >= FULL {
            self.set_buffer_aside();
            self.waiting.push_back(bytes);
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// The buffer to append to. Follow with [`settle`](Self::settle).
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes the buffer if it is full.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        if self.buffer.len() < FULL && self.waiting.is_empty() { Ok(()) } else { self.write().await }
    }

    /// Writes everything, and waits until it is written.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.write().await?;
        let Some(writer) = &self.writer else { return Ok(()) };
        let (sender, written) = oneshot::channel();
        let sent = writer.pieces.send(Piece::Mark(sender)).await.is_ok();
        if sent && written.await.is_ok() { Ok(()) } else { Err(writer.failure()) }
    }

    fn set_buffer_aside(&mut self) {
        if !self.buffer.is_empty() {
            self.waiting.push_back(Bytes::from(std::mem::take(&mut self.buffer)));
        }
    }

    async fn write(&mut self) -> io::Result<()> {
        if self.writer.is_none() && self.write_directly()? {
            return Ok(());
        }
        self.set_buffer_aside();
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(Writer::start(self.fd)?),
        };
        while !self.waiting.is_empty() {
            let Ok(permit) = writer.pieces.reserve().await else { return Err(writer.failure()) };
            if let Some(bytes) = self.waiting.pop_front() {
                permit.send(Piece::Data(bytes));
            }
        }
        Ok(())
    }

    /// Writes everything if that cannot block; returns whether it did.
    fn write_directly(&mut self) -> io::Result<bool> {
        if self.is_file {
            for bytes in self.waiting.drain(..) {
                write_all(self.fd, &bytes)?;
            }
            write_all(self.fd, &self.buffer)?;
            self.buffer.clear();
            return Ok(true);
        }
        if self.buffer.is_empty() && self.waiting.is_empty() {
            return Ok(true);
        }
        if !self.waiting.is_empty() || self.buffer.len() > SMALL || !has_room(self.fd) {
            return Ok(false);
        }
        // A small piece is written whole or not at all.
        match rustix::io::write(self.fd, &self.buffer) {
            Ok(count) => drop(self.buffer.drain(..count)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.buffer.is_empty())
    }
}

impl Writer {
    fn start(fd: BorrowedFd<'static>) -> io::Result<Self> {
        let (pieces, mut receiver) = mpsc::channel(2);
        let failure = Arc::new(OnceLock::new());
        let failed = Arc::clone(&failure);
        std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            while let Some(piece) = receiver.blocking_recv() {
                match piece {
                    Piece::Data(bytes) => {
                        if let Err(error) = write_all(fd, &bytes) {
                            // Only this thread sets it, once.
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
            None => io::Error::other("the thread that writes has ended"),
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
            // Another process made this terminal or pipe non-blocking.
            Err(rustix::io::Errno::AGAIN) => drop(poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], None)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
