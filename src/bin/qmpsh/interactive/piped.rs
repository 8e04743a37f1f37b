//! `| PIPELINE` in the interactive shell: it has the terminal until it ends, and everything else to show waits.

use rustix::process::Signal;

use super::redirected::Redirected;
use super::{Flow, Repl};
use crate::output::pipeline::{Change, Group, Piped, was_killed};
use crate::output::render::Pieces;
use crate::session::Action;
use crate::status::{Status, Stop};
use qmpsh::transport::child::End;

impl Repl<'_> {
    /// Runs an action and feeds its results to a pipeline.
    pub(super) async fn run_piped(&mut self, action: Action, pipeline: String) -> Flow {
        if self.redirected.is_some() {
            return Err(Stop::new(Status::Usage, "not run: its results already go to a pipeline"));
        }
        self.redirected = Some(Redirected::new(Piped::new(pipeline)));
        self.session.is_piped = true;
        let done = Box::pin(action.run(self)).await;
        let done = match self.finish_pipeline(done).await {
            Ok(Some((piped, end))) => piped.result(end).map_err(Stop::from),
            done => done.map(drop),
        };
        self.redirected = None;
        self.session.is_piped = false;
        // Show what happened meanwhile before the next prompt.
        self.show_events_so_far();
        while let Some(state) = self.state.try_changed() {
            self.on_state(state).await;
        }
        done
    }

    /// Returns true if a pipeline has the terminal.
    pub(super) fn is_handed_over(&self) -> bool {
        self.redirected.as_ref().is_some_and(|redirected| redirected.handover.is_some())
    }

    /// Returns true if the pipeline does not read its stdin anymore.
    pub(super) fn is_unread(&mut self) -> bool {
        self.redirected.as_mut().and_then(Redirected::pipeline).is_some_and(|pipeline| pipeline.is_closed())
    }

    /// Returns true if Ctrl-C has ended the command that feeds the pipeline.
    pub(super) fn is_interrupted(&self) -> bool {
        self.redirected.as_ref().is_some_and(|redirected| redirected.is_interrupted)
    }

    /// Handles a change of the pipeline.
    pub(super) fn on_pipeline(&mut self, change: Change) {
        if let Some(redirected) = &mut self.redirected {
            redirected.follow(change);
        }
    }

    /// Feeds a result to the pipeline.
    pub(super) async fn feed(&mut self, result: Pieces) -> Flow {
        self.start_pipeline().await?;
        for mut piece in result {
            while !piece.is_empty() {
                let Some(pipeline) = self.redirected.as_mut().and_then(Redirected::pipeline) else { return Ok(()) };
                tokio::select! {
                    biased;
                    change = pipeline.write(&mut piece) => {
                        if let Some(change) = change {
                            self.on_pipeline(change);
                        }
                    }
                    () = self.interrupts.next() => pipeline.signal(Signal::INT),
                    status = self.ending.signal() => return Err(Stop::Leave(status)),
                }
                if self.is_unread() {
                    return Ok(());
                }
                if self.is_interrupted() {
                    return Err(Stop::silent(Status::Interrupted));
                }
            }
        }
        Ok(())
    }

    /// Starts the pipeline, if it is not running, after showing everything before it.
    pub(super) async fn start_pipeline(&mut self) -> Flow {
        if self.redirected.is_none() || self.is_handed_over() {
            return Ok(());
        }
        self.show_events_so_far();
        self.start_redirected().await
    }

    /// Starts the pipeline, and gives it the terminal.
    pub(super) async fn start_redirected(&mut self) -> Flow {
        let handover = self.console.hand_over().await;
        let Some(redirected) = &mut self.redirected else { return Ok(()) };
        let group = if handover.has_foreground() { Group::Own } else { Group::Ours };
        match redirected.piped.start(group) {
            Ok(pipeline) => {
                if let Some(group) = pipeline.own_group() {
                    handover.give_to(group);
                }
                redirected.handover = Some(handover);
                Ok(())
            }
            Err(failure) => {
                handover.end(false);
                Err(failure.into())
            }
        }
    }

    /// Waits for the end of the pipeline, after the command that feeds it ended as `done` says, and returns both; `None` if it was
    /// not started.
    pub(super) async fn finish_pipeline(&mut self, done: Flow) -> Flow<Option<(Piped, End)>> {
        // A command such as `.follow` stops with its reader.
        let done = done.or_else(|stop| if stop.status() == Status::StdoutClosed { Ok(()) } else { Err(stop) });
        if done.is_ok() {
            self.start_pipeline().await?;
        }
        let waited = match done {
            Err(Stop::Leave(status)) => Err(Stop::Leave(status)),
            _ => self.wait_for_pipeline().await,
        };
        let Some(Redirected { piped, handover: Some(handover), .. }) = self.redirected.take() else {
            return done.map(|()| None);
        };
        let end = match waited {
            Ok(end) => end,
            Err(stop) => {
                if let Some(pipeline) = &piped.running {
                    pipeline.signal(Signal::TERM);
                    pipeline.signal(Signal::CONT);
                }
                handover.end(false);
                return Err(stop);
            }
        };
        handover.end(was_killed(end));
        done?;
        Ok(Some((piped, end)))
    }

    async fn wait_for_pipeline(&mut self) -> Flow<End> {
        loop {
            let Some(pipeline) = self.redirected.as_mut().and_then(Redirected::pipeline) else {
                return Ok(End::Unknown);
            };
            pipeline.close();
            tokio::select! {
                biased;
                change = pipeline.change() => {
                    self.on_pipeline(change);
                    if let Change::Ended(end) = change {
                        return Ok(end);
                    }
                }
                () = self.interrupts.next() => pipeline.signal(Signal::INT),
                status = self.ending.signal() => return Err(Stop::Leave(status)),
            }
        }
    }
}
