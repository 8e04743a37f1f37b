//! The threads of a console: how they are started, interrupted and ended.

use std::convert::Infallible;
use std::os::unix::thread::JoinHandleExt;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::pthread::pthread_kill;
use nix::sys::signal::Signal;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::Error;

/// The threads that can be joined; the editor, if there is one, comes first.
#[derive(Debug)]
pub(super) struct Threads {
    handles: Vec<JoinHandle<()>>,
    /// Each thread has one of these.
    running: Option<UnboundedSender<Infallible>>,
    /// Ends when the last of the threads has ended.
    alive: UnboundedReceiver<Infallible>,
}

impl Threads {
    pub(super) fn new() -> Self {
        let (running, alive) = unbounded_channel();
        Self { handles: Vec::new(), running: Some(running), alive }
    }

    pub(super) fn start(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let running = self.running.clone();
        self.handles.push(spawn(name, move || {
            work();
            drop(running);
        })?);
        Ok(())
    }

    /// Interrupts the editor with a signal, where it waits for a key.
    pub(super) fn interrupt_editor(&self) {
        if let Some(editor) = self.handles.first() {
            // The thread was not joined, so its id is valid even if it has ended, which is the one possible error.
            let _ = pthread_kill(editor.as_pthread_t(), Signal::SIGINT);
        }
    }

    /// Waits until all have ended, so long at most; whether they have. No other is started afterwards.
    ///
    /// Cancel safe.
    pub(super) async fn have_ended(&mut self, at_most: Duration) -> bool {
        self.running = None;
        timeout(at_most, self.alive.recv()).await.is_ok()
    }

    /// The same where nothing can be awaited. `nudge` is called again and again meanwhile.
    pub(super) fn have_ended_blocking(&self, at_most: Duration, nudge: impl Fn()) -> bool {
        let end = Instant::now() + at_most;
        while !self.handles.iter().all(JoinHandle::is_finished) {
            if Instant::now() > end {
                return false;
            }
            nudge();
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Joins them.
    pub(super) fn join(&mut self) {
        for thread in self.handles.drain(..) {
            // A thread that panicked has said so on stderr.
            let _ = thread.join();
        }
    }

    /// Leaves them alone: they end when what they wait for comes.
    pub(super) fn forget(&mut self) {
        self.handles.clear();
    }
}

/// Starts a thread that is never joined, or that the caller joins.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Error::Thread)
}
