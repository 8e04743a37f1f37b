//! A command whose stdin and stdout are the connection: `exec:COMMAND`.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::time::timeout;

use super::child::{End, Process};
use super::stderr_tail::StderrTail;
use crate::protocol::{Dial, Link};

/// How long the command may take to end by itself, when its stdin has ended or when it has closed its stdout; and after
/// SIGTERM.
const GRACE: Duration = Duration::from_secs(1);

/// How long the command may take to end where this blocks.
const SHORT_GRACE: Duration = Duration::from_millis(250);

/// A command for `sh -c` that connects its stdin and stdout to a monitor.
///
/// It has a process group of its own, and cannot ask anything at the terminal. It is ended with the connection: when
/// that is closed, its stdin ends, and if it does not end by that it gets SIGTERM, then SIGKILL; when the connection is
/// dropped, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec(
    /// The command.
    pub OsString,
);

impl Exec {
    /// Starts it. Whether it connects is seen later.
    pub fn start(&self) -> io::Result<(ExecLink, StderrTail)> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn_without_terminal(&mut command)?;
        let (Some(stdin), Some(stdout), Some(stderr)) = process.pipes() else {
            return Err(io::Error::other("its pipes are missing"));
        };
        let stderr_tail = StderrTail::new(&process, stderr)?;
        let to = Some(Sender::from_owned_fd(OwnedFd::from(stdin))?);
        let from = Receiver::from_owned_fd(OwnedFd::from(stdout))?;
        let end = process.end();
        let asks = Box::pin(async move {
            if end.await != End::Asks {
                std::future::pending::<()>().await;
            }
        });
        Ok((ExecLink { to, from, process, asks, ending: None }, stderr_tail))
    }
}

impl Dial for Exec {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Ok(Box::new(self.start()?.0))
    }
}

/// The command, running.
pub struct ExecLink {
    /// Gone when it was closed.
    to: Option<Sender>,
    from: Receiver,
    process: Process,
    /// Ends when it asks something at the terminal: it stands still then.
    asks: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Waits for the command to end.
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Link for ExecLink {}

impl ExecLink {
    /// Waits for the end, if it comes soon.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let end = self.process.end();
        let ending = self.ending.get_or_insert_with(|| Box::pin(async { drop(timeout(GRACE, end).await) }));
        ready!(ending.as_mut().poll(context));
        self.ending = None;
        Poll::Ready(())
    }
}

impl AsyncRead for ExecLink {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            let before = buffer.filled().len();
            match Pin::new(&mut self.from).poll_read(context, buffer)? {
                Poll::Ready(()) if buffer.filled().len() > before => return Poll::Ready(Ok(())),
                Poll::Pending if self.asks.as_mut().poll(context).is_pending() => return Poll::Pending,
                _ => {}
            }
        }
        // A command closes its stdout a moment before it has ended. Wait for that, so that its status is known.
        self.poll_end(context).map(Ok)
    }
}

impl AsyncWrite for ExecLink {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.to {
            Some(to) => Pin::new(to).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends its stdin and waits for it to end.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.to.take().is_some() {
            self.ending = None;
        }
        ready!(self.poll_end(context));
        Poll::Ready(Ok(()))
    }
}

impl Drop for ExecLink {
    fn drop(&mut self) {
        if self.process.ended().is_some() {
            // What it has left running in its group.
            self.process.signal(Signal::TERM);
        } else {
            self.process.end_now(SHORT_GRACE);
        }
    }
}
