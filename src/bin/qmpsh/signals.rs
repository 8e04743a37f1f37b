//! The signals that the program listens to.

use std::io;
use std::mem::MaybeUninit;
use std::task::{Context, Waker};

use nix::libc;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::status::{Failure, Status};

/// SIGTERM, SIGHUP and SIGQUIT.
pub(crate) struct Ending {
    terminate: Signal,
    /// Under `nohup` it stays ignored.
    hang_up: Option<Signal>,
    quit: Signal,
}

impl Ending {
    pub(crate) fn new() -> Result<Self, Failure> {
        let hang_up = if is_ignored(SignalKind::hangup()) { None } else { Some(catch(SignalKind::hangup())?) };
        Ok(Self { terminate: catch(SignalKind::terminate())?, hang_up, quit: catch(SignalKind::quit())? })
    }

    /// Waits for a signal that ends the shell. Cancel safe.
    pub(crate) async fn signal(&mut self) -> Status {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Status::Terminated,
            _ = hang_up => Status::HungUp,
            _ = self.quit.recv() => Status::Quit,
        }
    }
}

/// Ctrl-C, for a batch. A process in the background of a script has it ignored, and that is heeded.
pub(crate) struct Interrupt(Option<Signal>);

impl Interrupt {
    pub(crate) fn new() -> Result<Self, Failure> {
        let ignored = is_ignored(SignalKind::interrupt());
        Ok(Self(if ignored { None } else { Some(catch(SignalKind::interrupt())?) }))
    }

    /// Waits for the next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// All those that the interactive shell listens to.
pub(crate) struct Signals {
    pub(crate) interrupts: Interrupts,
    pub(crate) ending: Ending,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { interrupts: Interrupts::new()?, ending: Ending::new()? })
    }
}

/// Ctrl-C while the shell reads no line; at its prompt it is a key, and no signal.
pub(crate) struct Interrupts(Signal);

impl Interrupts {
    pub(crate) fn new() -> Result<Self, Failure> {
        catch(SignalKind::interrupt()).map(Self)
    }

    /// Waits for the next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// What was pressed before was not for what comes now.
    pub(crate) fn forget(&mut self) {
        while self.0.poll_recv(&mut Context::from_waker(Waker::noop())).is_ready() {}
    }
}

fn catch(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error: io::Error| Failure::new(Status::Usage, format!("cannot catch signals: {error}")))
}

/// Whether the parent process has it ignored. Source: `sigaction(2)`.
#[expect(unsafe_code, reason = "there is no other way to ask; reading /proc takes as long as connecting")]
fn is_ignored(kind: SignalKind) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and of all zeros the structure is valid, whatever of it is filled in.
    unsafe {
        let asked = libc::sigaction(kind.as_raw_value(), std::ptr::null(), action.as_mut_ptr());
        asked == 0 && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
