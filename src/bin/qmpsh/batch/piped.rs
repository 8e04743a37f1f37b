//! `| PIPELINE` in a batch. It belongs to the process group of the batch, so that Ctrl-C and Ctrl-Z are for both.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::Batch;
use crate::output::pipeline::{self, Piped};
use crate::session::Action;
use crate::status::{Status, Stop};
use qmpsh::transport::child::End;

/// What a shell has for a command that a signal has ended: this and the signal's number.
const BY_SIGNAL: i32 = 128;

impl Batch<'_> {
    /// Runs an action with its results as the stdin of a pipeline.
    pub(super) async fn run_piped(&mut self, action: Action, pipeline: String) -> Result<(), Stop> {
        let outer = self.printer.redirect(Some(Piped::new(pipeline)));
        self.session.is_piped = true;
        let done = tokio::select! {
            biased;
            done = action.run(self) => done,
            // The pipeline may go on, as a pager does; it is waited for.
            () = pipeline::interrupted() => Err(Stop::silent(Status::Interrupted)),
        };
        pipeline::set_runs_until_interrupted(false);
        let done = self.finish_pipeline(done).await;
        self.session.is_piped = outer.is_some();
        self.printer.redirect(outer);
        done
    }

    /// Waits for the end of the pipeline. `done` is how the action ended.
    async fn finish_pipeline(&mut self, done: Result<(), Stop>) -> Result<(), Stop> {
        let has_seen_enough =
            self.printer.piped().and_then(|piped| piped.running.as_mut()).is_some_and(|p| p.is_closed());
        // A command without an end stops with its reader.
        let done = done.or_else(|stop| match stop.status() {
            Status::StdoutClosed if has_seen_enough => Ok(()),
            _ => Err(stop),
        });
        if matches!(done, Ok(()) | Err(Stop::Leave(_))) {
            self.printer.start_pipeline().await?;
        }
        let Some(piped) = self.printer.piped() else { return done };
        let Some(pipeline) = &mut piped.running else { return done };
        pipeline.close();
        let end = pipeline.ended().await;
        let result = piped.result(end);
        done?;
        match result {
            // As any filter whose reader has gone.
            Err(_) if is_broken_pipe(end) && stdout_is_closed() => Err(Stop::silent(Status::StdoutClosed)),
            result => Ok(result?),
        }
    }
}

fn is_broken_pipe(end: End) -> bool {
    let pipe = Signal::PIPE.as_raw();
    end == End::Killed(pipe) || end == End::Exited(BY_SIGNAL + pipe)
}

/// Whether stdout is a pipe that nobody reads.
fn stdout_is_closed() -> bool {
    let stdout = rustix::stdio::stdout();
    let mut fds = [PollFd::from_borrowed_fd(stdout, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&at_once)).is_ok() && fds[0].revents().contains(PollFlags::ERR)
}
