//! The signals that the program listens to.

use std::io;
use std::mem::MaybeUninit;
use std::task::{Context, Waker};

use nix::libc;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::status::{Failure, Status};
use qmpsh::error::describe;

/// SIGTERM, SIGHUP and SIGQUIT. `None`: the parent process has it ignored, as `nohup` has SIGHUP.
pub(crate) struct Ending {
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
    quit: Option<Signal>,
}

impl Ending {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            terminate: catch_unless_ignored(SignalKind::terminate())?,
            hang_up: catch_unless_ignored(SignalKind::hangup())?,
            quit: catch_unless_ignored(SignalKind::quit())?,
        })
    }

    /// Waits for a signal that ends the shell. Cancel safe.
    pub(crate) async fn signal(&mut self) -> Status {
        tokio::select! {
            _ = or_never(self.terminate.as_mut().map(Signal::recv)) => Status::Terminated,
            _ = or_never(self.hang_up.as_mut().map(Signal::recv)) => Status::HungUp,
            _ = or_never(self.quit.as_mut().map(Signal::recv)) => Status::Quit,
        }
    }
}

/// The signals that the interactive shell listens to.
pub(crate) struct Signals {
    pub(crate) interrupts: Interrupts,
    pub(crate) ending: Ending,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { interrupts: Interrupts::new()?, ending: Ending::new()? })
    }
}

/// Ctrl-C. While the shell edits a line it is a key, and no signal.
pub(crate) struct Interrupts(Option<Signal>);

impl Interrupts {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self(Some(catch(SignalKind::interrupt())?)))
    }

    /// Waits forever if the parent process has SIGINT ignored, as a script has for its background processes.
    pub(crate) fn unless_ignored() -> Result<Self, Failure> {
        Ok(Self(catch_unless_ignored(SignalKind::interrupt())?))
    }

    /// Waits for the next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        or_never(self.0.as_mut().map(Signal::recv)).await;
    }

    /// Drops those that came before now.
    pub(crate) fn forget(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while self.0.as_mut().is_some_and(|signal| signal.poll_recv(&mut context).is_ready()) {}
    }
}

/// Waits for the future; without one, forever.
pub(crate) async fn or_never<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

fn catch(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind)
        .map_err(|error: io::Error| Failure::new(Status::Usage, format!("cannot catch signals: {}", describe(&error))))
}

fn catch_unless_ignored(kind: SignalKind) -> Result<Option<Signal>, Failure> {
    if is_ignored(kind) { Ok(None) } else { catch(kind).map(Some) }
}

/// Returns true if the parent process has the signal ignored. Source: `sigaction(2)`.
#[expect(unsafe_code, reason = "there is no other way to ask; reading /proc takes as long as connecting")]
fn is_ignored(kind: SignalKind) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the call sets no action, and the structure is valid when zeroed, whatever the call fills in.
    unsafe {
        let asked = libc::sigaction(kind.as_raw_value(), std::ptr::null(), action.as_mut_ptr());
        asked == 0 && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
