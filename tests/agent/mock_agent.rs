//! `--qga` on a mock agent, which does what a real one must not do here.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Program, qmpsh, temporary_directory};

/// One connection, as an agent sees it.
struct Session {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Session {
    /// The next command, and whether the byte that resets the parser stood before it; `None` at the end.
    fn next(&mut self) -> Option<(bool, Value)> {
        loop {
            let sentinel = self.unread.first() == Some(&0xff);
            let rest = &self.unread[usize::from(sentinel)..];
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
            if let Some(Ok(value)) = values.next() {
                let taken = usize::from(sentinel) + values.byte_offset();
                self.unread.drain(..taken);
                return Some((sentinel, value));
            }
            let mut chunk = [0; 1024];
            let count = self.stream.read(&mut chunk).expect("the client writes");
            if count == 0 {
                return None;
            }
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }

    fn expect(&mut self, command: &str) -> Value {
        let (_, message) = self.next().expect(command);
        assert_eq!(message["execute"], command, "{message}");
        message
    }

    fn synchronize(&mut self) {
        let (sentinel, message) = self.next().expect("a synchronization");
        assert!(sentinel && message["execute"] == "guest-sync-delimited", "{message}");
        self.say(&format!("\u{20}{{\"return\": {}}}\n", message["arguments"]["id"]), true);
    }

    fn say(&mut self, text: &str, sentinel: bool) {
        if sentinel {
            self.stream.write_all(&[0xff]).expect("the client reads");
        }
        self.stream.write_all(text.as_bytes()).expect("the client reads");
    }
}

/// An agent that does this with its first client.
struct Played {
    directory: TempDir,
    thread: JoinHandle<()>,
}

impl Played {
    fn new(play: impl FnOnce(Session) + Send + 'static) -> Self {
        let directory = temporary_directory();
        let listener = UnixListener::bind(directory.path().join("ga.sock")).expect("a socket");
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            play(Session { stream, unread: Vec::new() });
        });
        Self { directory, thread }
    }

    fn client(&self) -> Program {
        let socket: PathBuf = self.directory.path().join("ga.sock");
        qmpsh().arg("--qga").arg(socket)
    }

    fn done(self) {
        self.thread.join().expect("it was as it should be");
    }
}

#[test]
fn a_shutdown_without_a_reply_succeeds_when_the_agent_closes() {
    let agent = Played::new(|mut session| {
        session.synchronize();
        session.expect("guest-shutdown");
    });
    agent.client().arg("guest-shutdown").run().stdout("{}\n").stderr("").status(0);
    agent.done();
}

#[test]
fn a_suspend_without_a_reply_succeeds_when_the_next_command_is_answered() {
    let agent = Played::new(|mut session| {
        session.synchronize();
        session.expect("guest-suspend-ram");
        let ping = session.expect("guest-ping");
        session.say(&format!("{{\"return\": {{}}, \"id\": {}}}\n", ping["id"]), false);
        let next = session.expect("guest-get-time");
        session.say(&format!("{{\"return\": 7, \"id\": {}}}\n", next["id"]), false);
        assert!(session.next().is_none());
    });
    agent.client().stdin("guest-suspend-ram\nguest-get-time\n").run().stdout("{}\n7\n").stderr("").status(0);
    agent.done();
}

const UNKNOWN: &str = r#"{"error": {"class": "CommandNotFound", "desc": "The command COMMAND has not been found"}}"#;

/// Agents before QEMU 1.1, and some that are not QEMU's.
#[test]
fn an_agent_without_the_delimited_synchronization_is_synchronized_by_lines() {
    let agent = Played::new(|mut session| {
        session.expect("guest-sync-delimited");
        session.say("{\"return\": \"late\"}\n", false);
        session.say(&format!("{}\n", UNKNOWN.replace("COMMAND", "guest-sync-delimited")), false);
        let (sentinel, sync) = session.next().expect("a synchronization");
        assert!(!sentinel && sync["execute"] == "guest-sync", "{sync}");
        // The answer to an earlier client, then the one that counts.
        session.say("{\"return\": 4711}\n{\"return\": {}}\n", false);
        session.say(&format!("{{\"return\": {}}}\n", sync["arguments"]["id"]), false);
        let slow = session.expect("guest-slow");
        let (sentinel, sync) = session.next().expect("another one, after the timeout");
        assert!(!sentinel && sync["execute"] == "guest-sync", "{sync}");
        session.say(&format!("{{\"return\": 1, \"id\": {}}}\n", slow["id"]), false);
        session.say(&format!("{{\"return\": {}}}\n", sync["arguments"]["id"]), false);
        let quick = session.expect("guest-quick");
        session.say(&format!("{{\"return\": 2, \"id\": {}}}\n", quick["id"]), false);
        assert!(session.next().is_none());
    });
    let output = agent.client().args(["-k", "-c", "guest-slow", "-c", "guest-quick", "-t", "2"]).run();
    output.stdout("2\n").stderr_contains("no reply to `guest-slow` within 2 s").status(5);
    agent.done();
}

#[test]
fn an_agent_that_refuses_to_synchronize_is_quoted() {
    let said = "CommandNotFound: The command guest-sync-delimited has not been found";
    let play = |then: fn(Session)| {
        Played::new(move |mut session| {
            session.expect("guest-sync-delimited");
            session.say(&format!("{}\n", UNKNOWN.replace("COMMAND", "guest-sync-delimited")), false);
            session.expect("guest-sync");
            then(session);
        })
    };
    let refuses = play(|mut session| {
        session.say(&format!("{}\n", UNKNOWN.replace("COMMAND", "guest-sync")), false);
        assert!(session.next().is_none());
    });
    let message = format!(": the guest agent refused to synchronize: {said}\n");
    refuses.client().arg("guest-info").run().status(3).stdout("").stderr_contains(&message);
    refuses.done();
    let closes = play(drop);
    closes.client().arg("guest-info").run().status(3).stderr_contains(&message);
    closes.done();
    let is_silent = play(|mut session| assert!(session.next().is_none()));
    let output = is_silent.client().args(["--connect-timeout", "0.5", "guest-info"]).run();
    output.status(3).stderr_contains(&format!(
        " within 0.5 s: it refused guest-sync-delimited ({said}), and did not answer guest-sync\n"
    ));
    is_silent.done();
}

#[test]
fn a_program_that_ended_nobody_knows_how_has_failed() {
    let agent = Played::new(|mut session| {
        session.synchronize();
        let command = session.expect("guest-exec");
        session.say(&format!("{{\"return\": {{\"pid\": 7}}, \"id\": {}}}\n", command["id"]), false);
        let command = session.expect("guest-exec-status");
        session.say(
            &format!("{{\"return\": {{\"exited\": true, \"out-data\": \"aGkK\"}}, \"id\": {}}}\n", command["id"]),
            false,
        );
    });
    let output = agent.client().args([".guest-exec", "/bin/x"]).run();
    output.stdout("hi\n").stderr("qmpsh: /bin/x ended, and the agent did not report how\n").status(1);
    agent.done();
}

#[test]
fn a_refused_shutdown_fails() {
    let agent = Played::new(|mut session| {
        session.synchronize();
        let command = session.expect("guest-shutdown");
        let ping = session.expect("guest-ping");
        let error = r#""error": {"class": "GenericError", "desc": "no"}"#;
        session.say(&format!("{{{error}, \"id\": {}}}\n", command["id"]), false);
        let next = session.expect("guest-get-time");
        // The late reply has an id that is in use again, and is ignored.
        session.say(&format!("{{\"return\": {{}}, \"id\": {}}}\n", ping["id"]), false);
        session.say(&format!("{{\"return\": 7, \"id\": {}}}\n", next["id"]), false);
        assert!(session.next().is_none());
    });
    let output = agent.client().arg("-k").stdin("guest-shutdown\nguest-get-time\n").run();
    output.stdout("7\n").stderr("stdin:1: GenericError: no\n").status(1);
    agent.done();
}

/// An agent of long ago answers without ids.
#[test]
fn a_late_reply_without_id_is_not_given_to_the_next_command() {
    let agent = Played::new(|mut session| {
        session.synchronize();
        session.expect("guest-slow");
        let (sentinel, sync) = session.next().expect("a synchronization");
        assert!(sentinel && sync["execute"] == "guest-sync-delimited", "{sync}");
        session.say("{\"return\": \"late\"}\n", false);
        session.say(&format!("{{\"return\": {}}}\n", sync["arguments"]["id"]), true);
        session.expect("guest-quick");
        session.say("{\"return\": \"quick\"}\n", false);
        assert!(session.next().is_none());
    });
    let output = agent.client().args(["-k", "-c", "guest-slow", "-c", "guest-quick", "-t", "2"]).run();
    output.stdout("\"quick\"\n").stderr_contains("no reply to `guest-slow` within 2 s").status(5);
    agent.done();
}
