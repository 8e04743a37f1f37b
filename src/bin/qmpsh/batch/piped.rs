//! `| PIPELINE` in a batch. It belongs to the process group of the batch, so that Ctrl-C and Ctrl-Z reach both.

use rustix::event::PollFlags;
use rustix::process::Signal;
use rustix::stdio::stdout;

use super::Batch;
use crate::output::pipeline::{self, Piped, Pipeline, was_ended_by};
use crate::output::stdout::poll_now;
use crate::session::Action;
use crate::status::{Status, Stop};

impl Batch<'_> {
    /// Runs an action and feeds its results to a pipeline.
    pub(super) async fn run_piped(&mut self, action: Action, pipeline: String) -> Result<(), Stop> {
        let outer = self.printer.piped.replace(Piped::new(pipeline));
        self.session.is_piped = true;
        let done = tokio::select! {
            biased;
            done = action.run(self) => done,
            // The pipeline may go on, as a pager does, so the batch still waits for it.
            () = pipeline::interrupted() => Err(Stop::silent(Status::Interrupted)),
        };
        pipeline::set_runs_until_interrupted(false);
        let done = self.finish_pipeline(done).await;
        self.session.is_piped = outer.is_some();
        self.printer.piped = outer;
        done
    }

    /// Waits for the end of the pipeline, after the action ended as `done` says.
    async fn finish_pipeline(&mut self, done: Result<(), Stop>) -> Result<(), Stop> {
        let running = self.printer.piped.as_ref().and_then(|piped| piped.running.as_ref());
        let has_seen_enough = running.is_some_and(Pipeline::is_closed);
        // A command such as `.follow` stops with its reader.
        let done = done.or_else(|stop| match stop.status() {
            Status::StdoutClosed if has_seen_enough => Ok(()),
            _ => Err(stop),
        });
        if matches!(done, Ok(()) | Err(Stop::Leave(_))) {
            self.printer.start_pipeline().await?;
        }
        let Some(piped) = &mut self.printer.piped else { return done };
        let Some(pipeline) = &mut piped.running else { return done };
        pipeline.close();
        let end = pipeline.ended().await;
        let result = piped.result(end);
        done?;
        match result {
            // qmpsh ends silently too if the reader of both has gone.
            Err(_) if was_ended_by(end, Signal::PIPE) && poll_now(stdout()).contains(PollFlags::ERR) => {
                Err(Stop::silent(Status::StdoutClosed))
            }
            result => Ok(result?),
        }
    }
}
