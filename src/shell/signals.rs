//! The signals that end the program.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::status::{Failure, Status};

/// SIGTERM and SIGHUP.
pub(super) struct Ending {
    terminate: Signal,
    hang_up: Signal,
}

impl Ending {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self { terminate: catch(SignalKind::terminate())?, hang_up: catch(SignalKind::hangup())? })
    }

    /// Waits for a signal that ends the shell. Cancel safe.
    pub(super) async fn signal(&mut self) -> Status {
        tokio::select! {
            _ = self.terminate.recv() => Status::Terminated,
            _ = self.hang_up.recv() => Status::HungUp,
        }
    }
}

/// Ctrl-C.
pub(super) fn interrupt() -> Result<Signal, Failure> {
    catch(SignalKind::interrupt())
}

fn catch(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error: io::Error| Failure::new(Status::Usage, format!("cannot catch signals: {error}")))
}
