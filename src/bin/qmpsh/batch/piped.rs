//! `| PIPELINE` in a batch. It belongs to the process group of the batch, so that Ctrl-C and Ctrl-Z are for both.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::{Batch, about};
use crate::builtins::Host as _;
use crate::output::pipeline::{self, Piped};
use crate::session::eval::Action;
use crate::status::{Failure, Status};
use qmpsh::transport::child::End;

/// What a shell has for a command that a signal has ended: this and the signal's number.
const BY_SIGNAL: i32 = 128;

impl Batch<'_, '_> {
    /// Does what a line asks for, with its results as the stdin of a pipeline.
    pub(super) async fn run_piped(&mut self, action: Action, pipeline: String) -> Result<(), Failure> {
        let outer = self.printer.redirect(Some(Piped::new(pipeline)));
        let done = tokio::select! {
            biased;
            done = self.run(action) => done,
            // The pipeline may go on, as a pager does; it is waited for.
            () = pipeline::interrupted() => Err(Failure::silent(Status::Interrupted)),
        };
        pipeline::set_goes_on(false);
        let done = self.finish_pipeline(done).await;
        self.printer.redirect(outer);
        done
    }

    /// Waits for the end of the pipeline; `done` is how the command ended whose results it gets.
    async fn finish_pipeline(&mut self, done: Result<(), Failure>) -> Result<(), Failure> {
        let has_seen_enough =
            self.printer.piped().and_then(|piped| piped.running.as_mut()).is_some_and(|p| p.is_closed());
        // A command that goes on and on ends with its reader.
        let done = done.or_else(|failure| match failure.status {
            Status::StdoutClosed if has_seen_enough => Ok(()),
            _ => Err(failure),
        });
        if done.is_ok() {
            self.begin_piped().await?;
        }
        let Some(piped) = self.printer.piped() else { return done };
        let Some(pipeline) = &mut piped.running else { return done };
        pipeline.close();
        let end = pipeline.ended().await;
        let result = piped.result(end);
        done?;
        match result {
            // As any filter: who reads stdout has gone.
            Err(_) if is_broken_pipe(end) && stdout_is_closed() => Err(Failure::silent(Status::StdoutClosed)),
            result => result.map_err(|failure| self.of_this_line(failure)),
        }
    }

    /// Starts the pipeline to which results go, if there is one.
    pub(super) async fn begin_piped(&mut self) -> Result<(), Failure> {
        self.printer.start_pipeline().await.map_err(|failure| self.of_this_line(failure))
    }

    fn of_this_line(&self, failure: Failure) -> Failure {
        if failure.message.is_empty() { failure } else { about(&self.at, failure.status, failure.message) }
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
