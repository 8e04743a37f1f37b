//! The buffered stdout of a batch.
//!
//! A slow reader must not defeat Ctrl-C or a time limit, so a thread does the writes that could block. It starts with the first
//! such write. Files, and small pieces for which a pipe has room, are written directly, files in whole pages where that is possible:
//! a part of a page costs the kernel as much as all of it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use tokio::sync::{mpsc, oneshot};

/// How many bytes are buffered before they are written. A piece of as many is not copied into the buffer.
const FULL: usize = 64 * 1024;

/// How many bytes are buffered before they are written to a file.
const FULL_FOR_FILE: usize = 128 * 1024;

/// The size of a page of a file in the kernel's cache, or a divisor of it.
const PAGE: usize = 4096;

/// A pipe that polls as writable has room for this many bytes: `PIPE_BUF` on Linux.
const SMALL: usize = 4096;

/// stdout, or stderr where events go there.
///
/// Every method that waits is cancel safe: unwritten bytes keep their place.
pub(crate) struct Stdout {
    fd: BorrowedFd<'static>,
    is_file: bool,
    /// Pieces to write before `buffer`.
    waiting: VecDeque<Bytes>,
    buffer: Vec<u8>,
    /// How many bytes have left the buffer.
    written: usize,
    writer: Option<Writer>,
}

struct Writer {
    pieces: mpsc::Sender<Piece>,
    failure: Arc<OnceLock<io::Error>>,
}

enum Piece {
    Data(Bytes),
    /// Answered when everything before it is written.
    Mark(oneshot::Sender<()>),
}

impl Stdout {
    /// Makes an empty buffer before `fd`.
    pub(crate) fn new(fd: BorrowedFd<'static>) -> Self {
        let is_file =
            rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        Self { fd, is_file, waiting: VecDeque::new(), buffer: Vec::new(), written: 0, writer: None }
    }

    /// Returns true if there are bytes to flush.
    pub(crate) fn is_pending(&self) -> bool {
        !(self.buffer.is_empty() && self.waiting.is_empty())
    }

    /// Returns how many bytes were written, or passed on to the thread that writes.
    pub(crate) fn written(&self) -> usize {
        self.written
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

    /// Returns the buffer to append to. Follow with [`settle`](Self::settle).
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Returns true if [`settle`](Self::settle) would write.
    pub(crate) fn is_full(&self) -> bool {
        let full = if self.is_file { FULL_FOR_FILE } else { FULL };
        self.buffer.len() >= full || !self.waiting.is_empty()
    }

    /// Writes the buffer if it is full.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        if !self.is_full() {
            return Ok(());
        }
        if self.is_file && self.waiting.is_empty() {
            let length = self.buffer.len();
            return self.write_buffer(length - (self.written + length) % PAGE);
        }
        self.write().await
    }

    /// Writes everything and waits for it.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.write().await?;
        let Some(writer) = &self.writer else { return Ok(()) };
        let (sender, written) = oneshot::channel();
        let sent = writer.pieces.send(Piece::Mark(sender)).await.is_ok();
        let is_written = async {
            tokio::select! {
                biased;
                answer = written => answer.is_ok(),
                // A mark that is sent just as the thread ends stays in the channel, and is never answered.
                () = writer.pieces.closed() => false,
            }
        };
        if sent && is_written.await { Ok(()) } else { Err(writer.failure()) }
    }

    fn set_buffer_aside(&mut self) {
        if !self.buffer.is_empty() {
            let next = Vec::with_capacity(FULL + FULL / 4);
            self.waiting.push_back(Bytes::from(std::mem::replace(&mut self.buffer, next)));
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
                self.written += bytes.len();
                permit.send(Piece::Data(bytes));
            }
        }
        Ok(())
    }

    /// Writes everything if that cannot block. Returns true if it did.
    fn write_directly(&mut self) -> io::Result<bool> {
        if self.is_file {
            for bytes in self.waiting.drain(..) {
                write_all(self.fd, &bytes)?;
                self.written += bytes.len();
            }
            self.write_buffer(self.buffer.len())?;
            return Ok(true);
        }
        if !self.is_pending() {
            return Ok(true);
        }
        if !self.waiting.is_empty() || self.buffer.len() > SMALL || poll_now(self.fd).is_empty() {
            return Ok(false);
        }
        // A small piece is written whole or not at all.
        match rustix::io::write(self.fd, &self.buffer) {
            Ok(count) => self.drain(count),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.buffer.is_empty())
    }

    /// Writes the first `length` bytes of the buffer.
    fn write_buffer(&mut self, length: usize) -> io::Result<()> {
        write_all(self.fd, &self.buffer[..length])?;
        self.drain(length);
        Ok(())
    }

    fn drain(&mut self, length: usize) {
        self.buffer.drain(..length);
        self.written += length;
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
            Some(error) => match error.raw_os_error() {
                Some(number) => io::Error::from_raw_os_error(number),
                None => io::Error::new(error.kind(), error.to_string()),
            },
            None => io::Error::other("the thread that writes has ended"),
        }
    }
}

/// Polls an output without waiting. Returns `OUT` if it takes at least [`SMALL`] bytes, and `ERR` if it is a pipe without a reader.
pub(crate) fn poll_now(fd: BorrowedFd<'_>) -> PollFlags {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    // On an error there are no flags.
    let _ = poll(&mut fds, Some(&at_once));
    fds[0].revents()
}

/// Writes all of `bytes`, and blocks until the output takes them.
pub(crate) fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            // Another process made this terminal or pipe non-blocking.
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], None)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[tokio::test]
    async fn a_file_gets_whole_pages_until_all_is_flushed() {
        let file: &'static std::fs::File = Box::leak(Box::new(tempfile::tempfile().unwrap()));
        let size = || usize::try_from(file.metadata().unwrap().len()).unwrap();
        let mut stdout = Stdout::new(file.as_fd());
        stdout.push(Bytes::from_static(b"x"));
        stdout.flush().await.unwrap();
        assert_eq!(size(), 1);
        let mut total = 1;
        for _ in 0..100 {
            stdout.push(Bytes::from(vec![b'x'; 10_001]));
            stdout.settle().await.unwrap();
            total += 10_001;
            assert_eq!(size(), stdout.written());
            assert!(size() == 1 || size() % PAGE == 0, "{}", size());
            assert!(total - size() < FULL_FOR_FILE, "{total} {}", size());
        }
        stdout.push(Bytes::from(vec![b'x'; FULL]));
        stdout.settle().await.unwrap();
        assert_eq!(size(), total + FULL);
        stdout.push(Bytes::from_static(b"end"));
        stdout.flush().await.unwrap();
        assert_eq!(size(), total + FULL + 3);
    }

    /// The thread's end looks at the channel for the last time before the mark is in it.
    #[tokio::test]
    async fn a_flush_ends_with_the_thread_though_its_mark_stays_in_the_channel() {
        let (pieces, mut receiver) = mpsc::channel(1);
        let failure = Arc::new(OnceLock::from(io::Error::from(io::ErrorKind::BrokenPipe)));
        let mut stdout = Stdout::new(rustix::stdio::stdout());
        stdout.writer = Some(Writer { pieces, failure });
        let end = async {
            tokio::task::yield_now().await;
            receiver.close();
        };
        let (flushed, ()) = tokio::join!(stdout.flush(), end);
        assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(receiver.try_recv().is_ok());
    }
}
