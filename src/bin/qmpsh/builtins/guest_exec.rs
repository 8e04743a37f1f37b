//! `.guest-exec`: runs a program in the guest, and waits for it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::arguments::{Refusal, Words, seconds};
use super::{print_text, renderer};
use crate::output::render::Pieces;
use crate::session::ask::TimeLimit;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::client::{Client, ExecuteError, GuestExecError, GuestOutput, GuestStatus};
use qmpsh::error::describe;
use qmpsh::text;

/// Its name in messages.
const WHAT: &str = "a program in the guest";

/// `.guest-exec [timeout=S] PATH [ARG...]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GuestExec {
    timeout: Option<Duration>,
    path: String,
    args: Vec<String>,
}

impl GuestExec {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [timeout] = words.leading_options(["timeout"])?;
        let timeout = timeout.map(seconds).transpose()?;
        let (path, _) = words.required("the path of a program")?;
        let mut args = Vec::new();
        while let Some((arg, _)) = words.next()? {
            args.push(arg);
        }
        Ok(Self { timeout, path, args })
    }

    /// Prints the output of the program, and fails if the program failed.
    async fn ended(&self, frontend: &mut dyn Frontend, output: GuestOutput) -> Result<(), Stop> {
        let shown = text::line(&self.path).into_owned();
        let renderer = renderer(frontend);
        if renderer.plain_text {
            if renderer.terminal && !output.stdout.is_empty() {
                print_text(frontend, &String::from_utf8_lossy(&output.stdout)).await?;
            } else if !output.stdout.is_empty() {
                // A program gets the bytes unchanged.
                frontend.print(Pieces::Parts(vec![Bytes::from(output.stdout)].into_iter())).await?;
            }
            if !output.stderr.is_empty() {
                frontend.notifier().quote(String::from_utf8_lossy(&output.stderr).trim_end_matches('\n'));
            }
        } else {
            frontend.print(renderer.reply(output.reply(), None)).await?;
        }
        for (truncated, name) in [(output.stdout_truncated, "stdout"), (output.stderr_truncated, "stderr")] {
            if truncated {
                frontend.notifier().say(&format!("warning: the agent truncated the {name} of {shown}"));
            }
        }
        Err(Stop::failed(match output.status {
            GuestStatus::Exited(0) => return Ok(()),
            GuestStatus::Exited(status) => format!("{shown} ended with exit status {status} in the guest"),
            GuestStatus::Signaled(signal) => format!("{shown} was ended by signal {signal} in the guest"),
            _ => format!("{shown} ended, and the agent did not report how"),
        }))
    }
}

#[async_trait(?Send)]
impl Builtin for GuestExec {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let limit = TimeLimit::new(self.timeout.or(frontend.session().options.timeout));
        let shown = text::line(&self.path).into_owned();
        let client = frontend.session().client.clone();
        let starting = client.guest_start(&self.path, &self.args);
        let Some(started) = attend(frontend, starting, limit.end, WHAT).await? else {
            let message = format!("no reply to `guest-exec` within {limit}; {shown} may be running");
            return Err(Stop::new(Status::TimedOut, message));
        };
        let mut process = started.map_err(|error| stop(&client, error))?;
        let Some(output) = attend(frontend, process.wait(), limit.end, WHAT).await? else {
            let pid = process.pid();
            let message = format!("{shown} has not ended within {limit}: it still runs in the guest, as process {pid}");
            return Err(Stop::new(Status::TimedOut, message));
        };
        self.ended(frontend, output.map_err(|error| stop(&client, error))?).await
    }
}

/// Returns the failure of a program without a result.
fn stop(client: &Client, error: GuestExecError) -> Stop {
    match error {
        GuestExecError::Execute(ExecuteError::Server { class, desc, .. }) => {
            let hint = if class == "CommandNotFound" && !client.is_guest_agent() {
                "\n  hint: .guest-exec needs a guest agent (--qga)"
            } else {
                ""
            };
            Stop::failed(format!("{}: {}{hint}", text::line(&class), text::line(&desc)))
        }
        GuestExecError::Execute(error) => Stop::new(Status::ConnectionLost, describe(&error)),
        error => Stop::failed(describe(&error)),
    }
}
