//! `.guest-exec`: runs a program in the guest, and waits for it.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::Host;
use super::words::{Refusal, Words, seconds};
use crate::output::render::Pieces;
use crate::status::Status;
use qmpsh::client::ExecuteError;
use qmpsh::error::describe;
use qmpsh::message::{Reply, Request};
use qmpsh::text;

/// How long to wait before the program is asked about: at first, and at most.
const FIRST: Duration = Duration::from_millis(5);
const LAST: Duration = Duration::from_millis(500);

/// `.guest-exec [timeout=S] PATH [ARG...]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GuestExec {
    timeout: Option<Duration>,
    path: String,
    args: Vec<String>,
}

/// How a program stands. Source: `GuestExecStatus` in QEMU's `qga/qapi-schema.json`.
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
        let [timeout] = words.options(["timeout"])?;
        let timeout = timeout.map(seconds).transpose()?;
        let path = words.required("the path of a program")?;
        let mut args = Vec::new();
        while let Some((arg, _)) = words.next()? {
            args.push(arg);
        }
        Ok(Self { timeout, path, args })
    }

    pub(super) async fn run<H: Host>(self, host: &mut H) -> Result<(), H::Stop> {
        let timeout = self.timeout.or(host.time_limit());
        let limit = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let shown = text::line(&self.path).into_owned();
        let arguments = serde_json::json!({ "path": self.path, "arg": self.args, "capture-output": true });
        let Some(started) = ask(host, "guest-exec", &arguments, limit).await? else {
            let message = format!("no reply to `guest-exec` within {}; {shown} may be running", said(timeout));
            return Err(host.fail(Status::TimedOut, message));
        };
        let pid =
            serde_json::from_slice::<serde_json::Value>(&started.result().unwrap_or_default()).unwrap_or_default();
        let pid = pid["pid"].clone();
        let mut pause = FIRST;
        loop {
            let arguments = serde_json::json!({ "pid": pid });
            let reply = ask(host, "guest-exec-status", &arguments, limit).await?;
            let state = reply.as_ref().map(|reply| serde_json::from_slice(&reply.result().unwrap_or_default()));
            match (reply, state) {
                (Some(reply), Some(Ok(state @ State { exited: true, .. }))) => {
                    return self.ended(host, &reply, &state).await;
                }
                (Some(_), Some(Err(error))) => {
                    let message = format!("`guest-exec-status` did not return a state: {error}");
                    return Err(host.fail(Status::CommandFailed, message));
                }
                (Some(_), _) if host.attend(sleep(pause), limit, "a program in the guest").await?.is_some() => {
                    pause = (pause * 2).min(LAST);
                }
                _ => {
                    let message = format!(
                        "{shown} has not ended within {}: it still runs in the guest, as process {pid}",
                        said(timeout)
                    );
                    return Err(host.fail(Status::TimedOut, message));
                }
            }
        }
    }

    /// Prints what it has written, and says how it ended if that was no success.
    async fn ended<H: Host>(&self, host: &mut H, reply: &Reply, state: &State) -> Result<(), H::Stop> {
        let shown = text::line(&self.path).into_owned();
        let decoded = |data: &Option<String>| data.as_deref().map_or(Some(Vec::new()), base64);
        let (Some(out), Some(err)) = (decoded(&state.out_data), decoded(&state.err_data)) else {
            return Err(host.fail(Status::CommandFailed, "the agent's output is not base64".to_owned()));
        };
        if host.renderer().plain_text {
            if !out.is_empty() {
                if host.renderer().terminal {
                    host.print_text(&String::from_utf8_lossy(&out)).await?;
                } else {
                    // To the byte.
                    host.print(Pieces::Parts(vec![Bytes::from(out)].into_iter())).await?;
                }
            }
            if !err.is_empty() {
                host.quote(String::from_utf8_lossy(&err).trim_end_matches('\n'));
            }
        } else {
            let result = host.renderer().reply(reply, None);
            host.print(result).await?;
        }
        for (truncated, name) in [(state.out_truncated, "stdout"), (state.err_truncated, "stderr")] {
            if truncated {
                host.say(&format!("warning: the agent truncated the {name} of {shown}"));
            }
        }
        match (state.exitcode, state.signal) {
            (Some(0) | None, None) => Ok(()),
            (_, Some(signal)) => {
                Err(host.fail(Status::CommandFailed, format!("{shown} was ended by signal {signal} in the guest")))
            }
            (Some(status), None) => {
                Err(host.fail(Status::CommandFailed, format!("{shown} ended with exit status {status} in the guest")))
            }
        }
    }
}

fn said(timeout: Option<Duration>) -> String {
    format!("{} s", timeout.unwrap_or_default().as_secs_f64())
}

/// Sends a command and waits for its reply; `None` when the time limit came first.
async fn ask<H: Host>(
    host: &mut H,
    command: &str,
    arguments: &serde_json::Value,
    limit: Option<Instant>,
) -> Result<Option<Reply>, H::Stop> {
    let text = format!(r#"{{"execute":"{command}","arguments":{arguments}}}"#);
    let client = host.client().clone();
    let execution = client.execute(Request { text, ..Request::new(command) });
    match host.attend(execution, limit, "a program in the guest").await? {
        None => Ok(None),
        Some(Ok(reply)) => Ok(Some(reply)),
        Some(Err(ExecuteError::Server { class, desc, .. })) => {
            let hint = if class == "CommandNotFound" && !host.client().is_guest_agent() {
                "\n  hint: .guest-exec needs a guest agent (--qga)"
            } else {
                ""
            };
            let message = format!("{}: {}{hint}", text::line(&class), text::line(&desc));
            Err(host.fail(Status::CommandFailed, message))
        }
        Some(Err(error)) => Err(host.fail(Status::ConnectionLost, describe(&error))),
    }
}

/// What a text in base64 stands for; `None`: it is none. Source: RFC 4648, section 4.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for &digit in group {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        out.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_length() {
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
            assert_eq!(base64(text), expected.map(|text| text.as_bytes().to_vec()), "{text}");
        }
    }
}
