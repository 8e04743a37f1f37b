//! A real QEMU (or storage daemon) with monitors, gone when the test is.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use super::client::Client;
use super::stream::Stream;
use super::{DEADLINE, poll_until, spawning, temporary_directory};

/// How long a QEMU that has greeted may take to answer before it is helped on. One that is only slow is better left alone: there
/// the helping client waits in the backlog, and its end can take the next one's connection with it.
const STUCK: Duration = Duration::from_secs(5);

/// What to start. `Qemu::none().name("web1").start()`.
#[derive(Debug)]
pub struct Builder {
    program: &'static str,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
    pretty: bool,
    second: bool,
    tcp: Option<String>,
}

/// A running QEMU with at least one monitor on a Unix socket. Dropping it kills it.
#[derive(Debug)]
pub struct Qemu {
    program: &'static str,
    child: Child,
    tcp: Option<SocketAddr>,
    directory: TempDir,
}

impl Qemu {
    /// The smallest one: no machine, no devices; it starts in some 50 ms.
    pub fn none() -> Builder {
        Builder::new("qemu-system-x86_64").args(["-M", "none", "-nodefaults", "-display", "none"])
    }

    /// A PC, whose firmware runs and finds nothing to start.
    pub fn q35() -> Builder {
        Builder::new("qemu-system-x86_64").args(["-M", "q35", "-m", "32", "-nodefaults", "-display", "none"])
    }

    /// A storage daemon: the same protocol, other commands.
    pub fn storage_daemon() -> Builder {
        Builder::new("qemu-storage-daemon")
    }

    /// The first monitor's socket.
    pub fn socket(&self) -> PathBuf {
        self.file("q.sock")
    }

    /// The second monitor's socket, after [`Builder::second_monitor`].
    pub fn second_socket(&self) -> PathBuf {
        self.file("second.sock")
    }

    /// Where the TCP monitor listens, after [`Builder::tcp_monitor`].
    pub fn tcp(&self) -> SocketAddr {
        self.tcp.expect("`.tcp_monitor()` was not asked for")
    }

    /// The path of a file of this name in QEMU's own directory, which goes when it goes.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Takes the first monitor: who connects now waits, until the client is dropped.
    pub fn hold(&self) -> Client {
        Client::unix(&self.socket()).negotiate()
    }

    /// A client on the second monitor.
    pub fn second_client(&self) -> Client {
        Client::unix(&self.second_socket()).negotiate()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("QEMU takes a signal");
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        poll_until(DEADLINE, || self.child.try_wait().expect("QEMU can be waited for"))
            .unwrap_or_else(|| panic!("{} did not end{}", self.program, self.said()))
    }

    /// What it wrote on stderr, as the end of a sentence.
    fn said(&self) -> String {
        said(self.directory.path())
    }

    /// Connects to the first monitor as soon as there is one, and reads the greeting.
    fn reach(&mut self) -> Client {
        let socket = self.socket();
        let client = poll_until(DEADLINE, || {
            if let Some(status) = self.child.try_wait().expect("QEMU can be waited for") {
                panic!("{} ended at once: {status}{}", self.program, self.said());
            }
            Stream::unix(&socket).ok().map(Client::on)
        });
        let Some(mut client) = client else {
            panic!("{} made no monitor at {}{}", self.program, socket.display(), self.said());
        };
        client.read_greeting();
        client.send(r#"{"execute":"qmp_capabilities"}"#);
        // While QEMU 7.2 starts, a client can come to two of its threads at once, as its listener is handed from one to the
        // other. One of them takes the client; the other, which is the main loop, waits in accept(2), and nothing is
        // answered until one more comes. (Once in some 2,000 starts on a loaded machine.)
        let answered = poll_until(DEADLINE, || {
            let answer = client.answer_within(STUCK);
            if answer.is_none() {
                drop(Stream::unix(&socket));
            }
            answer
        });
        assert!(answered.is_some(), "{} does not negotiate{}", self.program, self.said());
        client
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill, and nothing to say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Builder {
    fn new(program: &'static str) -> Self {
        Self { program, args: Vec::new(), env: Vec::new(), pretty: false, second: false, tcp: None }
    }

    /// `query-name` answers this.
    pub fn name(self, name: &str) -> Self {
        self.args(["-name", name])
    }

    /// More arguments for QEMU's command line.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable for its environment.
    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// The first monitor writes its messages over many lines.
    pub fn pretty(mut self) -> Self {
        self.pretty = true;
        self
    }

    /// One more monitor, at [`Qemu::second_socket`].
    pub fn second_monitor(mut self) -> Self {
        self.second = true;
        self
    }

    /// One more monitor on the loopback interface, at [`Qemu::tcp`].
    pub fn tcp_monitor(mut self) -> Self {
        self.tcp = Some(String::new());
        self
    }

    /// The same with TLS: the credentials of a server, and what else `tls-creds-x509` is to know.
    pub fn tls_monitor(mut self, credentials: &Path, more: &str) -> Self {
        let dashes = self.dashes();
        let object = format!("tls-creds-x509,id=tls,endpoint=server,dir={}{more}", credentials.display());
        self.tcp = Some(",tls-creds=tls".to_owned());
        self.args([format!("{dashes}object"), object])
    }

    /// Starts it, and waits until its first monitor has answered.
    pub fn start(self) -> Qemu {
        let directory = temporary_directory();
        let log = |name| File::create(directory.path().join(name)).expect("a log file");
        let mut command = Command::new(self.program);
        command.args(&self.args).args(self.monitors(directory.path()));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log("stdout")).stderr(log("stderr"));
        let spawned = {
            let _guard = spawning();
            command.spawn()
        };
        let child = spawned.unwrap_or_else(|e| {
            panic!(
                "cannot start {}: {e}. These tests need a real QEMU; scripts/install-dependencies installs it",
                self.program
            )
        });
        let mut qemu = Qemu { program: self.program, child, tcp: None, directory };
        let mut client = qemu.reach();
        if self.tcp.is_some() {
            qemu.tcp = Some(tcp_address(&client.execute(r#"{"execute":"query-chardev"}"#)));
        }
        qemu
    }

    fn is_daemon(&self) -> bool {
        self.program == "qemu-storage-daemon"
    }

    fn dashes(&self) -> &'static str {
        if self.is_daemon() { "--" } else { "-" }
    }

    fn monitors(&self, directory: &Path) -> Vec<String> {
        let unix = |name: &str| format!("path={},server=on,wait=off", directory.join(name).display());
        let mut monitors = vec![("m0", unix("q.sock"), self.pretty)];
        if self.second {
            monitors.push(("m1", unix("second.sock"), false));
        }
        if let Some(more) = &self.tcp {
            monitors.push(("tcp", format!("host=127.0.0.1,port=0,server=on,wait=off{more}"), false));
        }
        let (daemon, dashes) = (self.is_daemon(), self.dashes());
        let (option, mode) = if daemon { ("--monitor", "") } else { ("-mon", ",mode=control") };
        let mut args = Vec::new();
        for (id, chardev, pretty) in monitors {
            let pretty = if pretty { ",pretty=on" } else { "" };
            args.push(format!("{dashes}chardev"));
            args.push(format!("socket,id={id},{chardev}"));
            args.push(option.to_owned());
            args.push(format!("chardev={id}{mode}{pretty}"));
        }
        args
    }
}

/// The port that the system chose, as `query-chardev` tells it: `disconnected:tcp:127.0.0.1:40123,server=on`.
fn tcp_address(chardevs: &Value) -> SocketAddr {
    let found = chardevs.as_array().and_then(|all| all.iter().find(|c| c["label"] == "tcp"));
    let name = found.and_then(|c| c["filename"].as_str()).unwrap_or_else(|| panic!("no chardev `tcp` in {chardevs}"));
    let address = name.split_once("tcp:").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
    address.unwrap_or_else(|| panic!("no address in {name}"))
}

fn said(directory: &Path) -> String {
    match fs::read_to_string(directory.join("stderr")) {
        Ok(text) if !text.is_empty() => format!("; it said:\n{text}"),
        _ => "; it said nothing".to_owned(),
    }
}
