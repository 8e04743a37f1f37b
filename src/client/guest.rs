//! Programs in the guest, through its agent.

use std::time::Duration;

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::error::ExecuteError;
use super::handle::Client;
use crate::message::{ParseError, Reply, Request};

/// The time between two looks at a program: at first, and at most.
const FIRST: Duration = Duration::from_millis(5);
const LAST: Duration = Duration::from_millis(500);

/// Why a program in the guest has no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GuestExecError {
    /// The agent did not start it, or the connection ended.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The agent's reply does not describe a program.
    #[error("the agent's reply does not describe a program")]
    BadReply(#[from] ParseError),
    /// The agent's output is not base64.
    #[error("the agent's output is not base64")]
    NotBase64,
}

/// How a program in the guest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuestStatus {
    /// It exited with this status; in a Windows guest it can be any number of 32 bits.
    Exited(i64),
    /// It was ended by this signal; in a Windows guest by this exception.
    Signaled(i64),
    /// The agent does not say.
    Unknown,
}

/// What a program in the guest has written, and how it ended. Source: QEMU's `qga/commands.c`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuestOutput {
    /// How it ended.
    pub status: GuestStatus,
    /// What it wrote on stdout. The agent keeps up to 16 MiB.
    pub stdout: Vec<u8>,
    /// What it wrote on stderr. The agent keeps up to 16 MiB.
    pub stderr: Vec<u8>,
    /// The agent kept only a part of stdout.
    pub stdout_truncated: bool,
    /// The agent kept only a part of stderr.
    pub stderr_truncated: bool,
    reply: Reply,
}

impl GuestOutput {
    /// Returns true if the program exited with status 0.
    pub fn success(&self) -> bool {
        self.status == GuestStatus::Exited(0)
    }

    /// Returns the reply to `guest-exec-status` that has all of this.
    pub fn reply(&self) -> &Reply {
        &self.reply
    }
}

/// A program that runs in the guest. Dropping it leaves the program running.
#[derive(Debug)]
pub struct GuestProcess {
    client: Client,
    pid: i64,
}

/// The state of a program. Source: `GuestExecStatus` in QEMU's `qga/qapi-schema.json`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct State {
    exited: bool,
    exitcode: Option<i64>,
    signal: Option<i64>,
    #[serde(default)]
    out_data: String,
    #[serde(default)]
    err_data: String,
    #[serde(default)]
    out_truncated: bool,
    #[serde(default)]
    err_truncated: bool,
}

impl Client {
    /// Runs a program in the guest and waits for its end. The client must be one of a guest agent.
    ///
    /// `path` is looked for in the agent's `PATH`; there is no shell. Dropping the future leaves the program running. There is no time
    /// limit; put `tokio::time::timeout` around it.
    ///
    /// ```no_run
    /// # async fn example(agent: qmpsh::client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let output = agent.guest_exec("uname", ["-r"]).await?;
    /// assert!(output.success());
    /// println!("{}", String::from_utf8_lossy(&output.stdout));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The program cannot be started, or the connection ended. A status other than 0 is no error.
    pub async fn guest_exec(
        &self,
        path: &str,
        args: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<GuestOutput, GuestExecError> {
        self.guest_start(path, args).await?.wait().await
    }

    /// Starts a program in the guest; see [`guest_exec`](Self::guest_exec).
    ///
    /// # Errors
    ///
    /// The program cannot be started, or the connection ended.
    pub async fn guest_start(
        &self,
        path: &str,
        args: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<GuestProcess, GuestExecError> {
        #[derive(Deserialize)]
        struct Started {
            pid: i64,
        }
        let args: Vec<String> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let request =
            Request::new("guest-exec").arguments(&json!({ "path": path, "arg": args, "capture-output": true }));
        let started: Started = self.execute(request.map_err(ExecuteError::from)?).await?.parse()?;
        Ok(GuestProcess { client: self.clone(), pid: started.pid })
    }
}

impl GuestProcess {
    /// Returns the id of the process in the guest.
    pub fn pid(&self) -> i64 {
        self.pid
    }

    /// Waits until the program has ended, and returns its output. The agent tells that once: if the future is dropped while the reply
    /// is on the way, the output is lost.
    ///
    /// # Errors
    ///
    /// The agent does not know the program anymore, or the connection ended.
    pub async fn wait(&mut self) -> Result<GuestOutput, GuestExecError> {
        let mut pause = FIRST;
        loop {
            let request = Request::new("guest-exec-status").arguments(&json!({ "pid": self.pid }));
            let reply = self.client.execute(request.map_err(ExecuteError::from)?).await?;
            let state: State = reply.parse()?;
            if state.exited {
                return state.output(reply);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST);
        }
    }
}

impl State {
    fn output(self, reply: Reply) -> Result<GuestOutput, GuestExecError> {
        let decode = |data: &str| BASE64.decode(data.as_bytes()).map_err(|_| GuestExecError::NotBase64);
        Ok(GuestOutput {
            status: match (self.exitcode, self.signal) {
                (_, Some(signal)) => GuestStatus::Signaled(signal),
                (Some(status), None) => GuestStatus::Exited(status),
                (None, None) => GuestStatus::Unknown,
            },
            stdout: decode(&self.out_data)?,
            stderr: decode(&self.err_data)?,
            stdout_truncated: self.out_truncated,
            stderr_truncated: self.err_truncated,
            reply,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::message::Message;

    fn output(state: &str) -> Result<GuestOutput, GuestExecError> {
        let document = Document::parse(format!(r#"{{"return": {state}}}"#).as_bytes()).unwrap();
        let Ok(Message::Reply(reply)) = Message::from_document(document) else { panic!("not a reply") };
        reply.parse::<State>()?.output(reply)
    }

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
            let output = output(&format!(r#"{{"exited": true, "exitcode": 0, "out-data": "{text}"}}"#));
            assert_eq!(
                output.ok().map(|output| output.stdout),
                expected.map(|text| text.as_bytes().to_vec()),
                "{text}"
            );
        }
    }

    #[test]
    fn the_end_of_a_program_is_a_status_or_a_signal() {
        let status = |state: &str| output(&format!(r#"{{"exited": true{state}}}"#)).unwrap().status;
        assert_eq!(status(r#", "exitcode": 3"#), GuestStatus::Exited(3));
        assert_eq!(status(r#", "signal": 9"#), GuestStatus::Signaled(9));
        assert_eq!(status(""), GuestStatus::Unknown);
        assert!(matches!(output("[]"), Err(GuestExecError::BadReply(_))));
    }
}
