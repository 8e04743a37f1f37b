//! `.guest-exec`: runs a program in the guest, and waits for it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use data_encoding::BASE64;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::arguments::{Refusal, Words, seconds};
use super::{print_text, renderer};
use crate::output::render::Pieces;
use crate::session::ask::TimeLimit;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::client::ExecuteError;
use qmpsh::error::describe;
use qmpsh::message::{Reply, Request};
use qmpsh::text;

/// The time between two queries of the program: at first, and at most.
const FIRST: Duration = Duration::from_millis(5);
const LAST: Duration = Duration::from_millis(500);

/// Its name in messages.
const WHAT: &str = "a program in the guest";

/// `.guest-exec [timeout=S] PATH [ARG...]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GuestExec {
    timeout: Option<Duration>,
    path: String,
    args: Vec<String>,
}

/// The state of a program. Source: `GuestExecStatus` in QEMU's `qga/qapi-schema.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct State {
    exited: bool,
    exitcode: Option<i64>,
    signal: Option<i64>,
    out_data: Option<String>,
    err_data: Option<String>,
    #[serde(default)]
    out_truncated: bool,
    #[serde(default)]
    err_truncated: bool,
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
    async fn ended(&self, frontend: &mut dyn Frontend, reply: &Reply, state: &State) -> Result<(), Stop> {
        let shown = text::line(&self.path).into_owned();
        let decoded = |data: &Option<String>| BASE64.decode(data.as_deref().unwrap_or_default().as_bytes()).ok();
        let (Some(out), Some(err)) = (decoded(&state.out_data), decoded(&state.err_data)) else {
            return Err(Stop::failed("the agent's output is not base64"));
        };
        let renderer = renderer(frontend);
        if renderer.plain_text {
            if renderer.terminal && !out.is_empty() {
                print_text(frontend, &String::from_utf8_lossy(&out)).await?;
            } else if !out.is_empty() {
                // A program gets the bytes unchanged.
                frontend.print(Pieces::Parts(vec![Bytes::from(out)].into_iter())).await?;
            }
            if !err.is_empty() {
                frontend.notifier().quote(String::from_utf8_lossy(&err).trim_end_matches('\n'));
            }
        } else {
            frontend.print(renderer.reply(reply, None)).await?;
        }
        for (truncated, name) in [(state.out_truncated, "stdout"), (state.err_truncated, "stderr")] {
            if truncated {
                frontend.notifier().say(&format!("warning: the agent truncated the {name} of {shown}"));
            }
        }
        match (state.exitcode, state.signal) {
            (Some(0), None) => Ok(()),
            (None, None) => Err(Stop::failed(format!("{shown} ended, and the agent did not report how"))),
            (_, Some(signal)) => Err(Stop::failed(format!("{shown} was ended by signal {signal} in the guest"))),
            (Some(status), None) => Err(Stop::failed(format!("{shown} ended with exit status {status} in the guest"))),
        }
    }
}

#[async_trait(?Send)]
impl Builtin for GuestExec {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let limit = TimeLimit::new(self.timeout.or(frontend.session().options.timeout));
        let shown = text::line(&self.path).into_owned();
        let arguments = serde_json::json!({ "path": self.path, "arg": self.args, "capture-output": true });
        let Some(started) = ask(frontend, "guest-exec", &arguments, limit.end).await? else {
            let message = format!("no reply to `guest-exec` within {limit}; {shown} may be running");
            return Err(Stop::new(Status::TimedOut, message));
        };
        let started: serde_json::Value =
            serde_json::from_slice(&started.result().unwrap_or_default()).unwrap_or_default();
        let arguments = serde_json::json!({ "pid": started["pid"] });
        let mut pause = FIRST;
        loop {
            let reply = ask(frontend, "guest-exec-status", &arguments, limit.end).await?;
            if let Some(reply) = reply {
                match serde_json::from_slice(&reply.result().unwrap_or_default()) {
                    Ok(state @ State { exited: true, .. }) => return self.ended(frontend, &reply, &state).await,
                    Ok(State { exited: false, .. }) => {}
                    Err(error) => {
                        let message = format!("`guest-exec-status` did not return a state: {error}");
                        return Err(Stop::failed(message));
                    }
                }
                if attend(frontend, sleep(pause), limit.end, WHAT).await?.is_some() {
                    pause = (pause * 2).min(LAST);
                    continue;
                }
            }
            let pid = &started["pid"];
            let message = format!("{shown} has not ended within {limit}: it still runs in the guest, as process {pid}");
            return Err(Stop::new(Status::TimedOut, message));
        }
    }
}

/// Sends a command and waits for its reply; `None` if the time limit comes first.
async fn ask(
    frontend: &mut dyn Frontend,
    command: &str,
    arguments: &serde_json::Value,
    limit: Option<Instant>,
) -> Result<Option<Reply>, Stop> {
    let client = frontend.session().client.clone();
    let execution = client.execute(Request::new(command).arguments(arguments)?);
    match attend(frontend, execution, limit, WHAT).await? {
        None => Ok(None),
        Some(Ok(reply)) => Ok(Some(reply)),
        Some(Err(ExecuteError::Server { class, desc, .. })) => {
            let hint = if class == "CommandNotFound" && !frontend.session().client.is_guest_agent() {
                "\n  hint: .guest-exec needs a guest agent (--qga)"
            } else {
                ""
            };
            let message = format!("{}: {}{hint}", text::line(&class), text::line(&desc));
            Err(Stop::failed(message))
        }
        Some(Err(error)) => Err(Stop::new(Status::ConnectionLost, describe(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_base64_is_decoded() {
        for (text, expected) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYg==", Some("foob")),
            ("Pz8/Pj4+", Some("???>>>")),
            ("Zg", None),
            ("Z===", None),
            ("Zm9-", None),
            ("====", None),
        ] {
            let decoded = BASE64.decode(text.as_bytes()).ok();
            assert_eq!(decoded, expected.map(|text| text.as_bytes().to_vec()), "{text}");
        }
    }
}
