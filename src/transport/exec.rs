//! Connects to the stdin and stdout of a command: `exec:COMMAND`.

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

use super::child::{End, Group, Process};
use super::stderr_tail::StderrTail;
use crate::protocol::{Dial, Link};

/// How long the command may take to end after its stdin has ended or it has closed its stdout.
const GRACE: Duration = Duration::from_secs(1);

/// How long dropping the link blocks until the command has ended.
const SHORT_GRACE: Duration = Duration::from_millis(250);

/// A command for `sh -c` that connects its stdin and stdout to a monitor.
///
/// It has its own process group, and cannot ask anything at the terminal. Closing the connection ends its stdin, and then it
/// has a moment to end. Dropping the connection sends SIGTERM, then SIGKILL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec(
    /// The command.
    pub OsString,
);

impl Exec {
    /// Starts the command, and returns its stderr with the link. Whether it connects is not known yet.
    pub fn start(&self) -> io::Result<(Box<dyn Link>, StderrTail)> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(&mut command, Group::OwnWithoutTerminal)?;
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
        Ok((Box::new(ExecLink { to, from, process, asks, ending: None }), stderr_tail))
    }
}

impl Dial for Exec {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Ok(self.start()?.0)
    }
}

/// A running command.
struct ExecLink {
    /// `None` after the link was closed.
    to: Option<Sender>,
    from: Receiver,
    process: Process,
    /// Ends when the command asks something at the terminal, which stops it.
    asks: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Waits for the end of the command, at most [`GRACE`].
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Link for ExecLink {}

impl ExecLink {
    /// Waits for the end of the command, if it comes soon.
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
        // A command closes its stdout a moment before it ends. The wait makes its status known.
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

    /// Ends the stdin of the command and waits for its end.
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
            // It may have left processes in its group.
            self.process.signal(Signal::TERM);
        } else {
            self.process.end_now(SHORT_GRACE);
        }
    }
}
