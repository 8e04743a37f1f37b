//! A real QEMU (or storage daemon) with monitors, gone when the test is.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::client::Client;
use super::program::{Process, Program};
use super::{DEADLINE, poll_until};

/// How long a QEMU that has greeted may take to answer before it is helped on. One that is only slow is better left alone: there
/// the helping client waits in the backlog, and its end can take the next one's connection with it.
const STUCK: Duration = Duration::from_secs(5);

/// The name of the first monitor's socket.
const SOCKET: &str = "q.sock";

/// A QEMU to start. `Qemu::none().name("web1").start()`.
#[derive(Debug)]
pub struct Builder {
    program: Program,
    /// What options begin with.
    dashes: &'static str,
    pretty: bool,
    second: bool,
    tcp: Option<String>,
}

/// A running QEMU with at least one monitor on a Unix socket. Dropping it kills it.
#[derive(Debug)]
pub struct Qemu {
    process: Process,
    tcp: Option<SocketAddr>,
}

impl Qemu {
    /// The smallest one: no machine, no devices; it starts in some 50 ms.
    pub fn none() -> Builder {
        Builder::new("qemu-system-x86_64", "-").args(["-M", "none", "-nodefaults", "-display", "none"])
    }

    /// A PC, whose firmware runs and finds nothing to start.
    pub fn q35() -> Builder {
        Builder::new("qemu-system-x86_64", "-").args(["-M", "q35", "-m", "32", "-nodefaults", "-display", "none"])
    }

    /// A storage daemon: the same protocol, other commands.
    pub fn storage_daemon() -> Builder {
        Builder::new("qemu-storage-daemon", "--")
    }

    pub fn socket(&self) -> PathBuf {
        self.file(SOCKET)
    }

    pub fn second_socket(&self) -> PathBuf {
        self.file("second.sock")
    }

    /// Where the TCP monitor listens, after [`Builder::tcp_monitor`].
    pub fn tcp(&self) -> SocketAddr {
        self.tcp.expect("`.tcp_monitor()` was not asked for")
    }

    /// The path of a file of this name in QEMU's own directory, which goes when it goes.
    pub fn file(&self, name: &str) -> PathBuf {
        self.process.home().join(name)
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Takes the first monitor: other clients wait until this one is dropped.
    pub fn hold(&self) -> Client {
        Client::unix(&self.socket()).negotiate()
    }

    pub fn second_client(&self) -> Client {
        Client::unix(&self.second_socket()).negotiate()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait_status()
    }
}

impl Builder {
    fn new(program: &str, dashes: &'static str) -> Self {
        Self { program: Program::new(program), dashes, pretty: false, second: false, tcp: None }
    }

    pub fn name(self, name: &str) -> Self {
        self.args(["-name", name])
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.program = self.program.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.program = self.program.env(name, value);
        self
    }

    /// The first monitor writes its messages over many lines.
    pub fn pretty(mut self) -> Self {
        self.pretty = true;
        self
    }

    pub fn second_monitor(mut self) -> Self {
        self.second = true;
        self
    }

    pub fn tcp_monitor(mut self) -> Self {
        self.tcp = Some(String::new());
        self
    }

    /// One more monitor on the loopback interface, with TLS: the credentials of a server, and more properties of `tls-creds-x509`.
    pub fn tls_monitor(mut self, credentials: &Path, more: &str) -> Self {
        let dashes = self.dashes;
        let object = format!("tls-creds-x509,id=tls,endpoint=server,dir={}{more}", credentials.display());
        self.tcp = Some(",tls-creds=tls".to_owned());
        self.args([format!("{dashes}object"), object])
    }

    /// Starts it, and waits until its first monitor has answered.
    pub fn start(self) -> Qemu {
        let args = self.monitors(self.program.home());
        let process = self.program.args(args).start();
        let socket = process.home().join(SOCKET);
        let connected = poll_until(DEADLINE, || {
            if process.has_ended() { Some(None) } else { UnixStream::connect(&socket).ok().map(Some) }
        });
        let mut client = match connected {
            Some(Some(stream)) => Client::on(stream),
            Some(None) => panic!("it ended at once\n{}", process.wait()),
            None => panic!("it made no monitor\n{process}"),
        };
        client.read_greeting();
        client.send(r#"{"execute":"qmp_capabilities"}"#);
        // While QEMU 7.2 starts, a client can come to two of its threads at once, as its listener is handed from one to the
        // other. One of them takes the client; the other, which is the main loop, waits in accept(2), and nothing is
        // answered until one more comes. (Once in some 2,000 starts on a loaded machine.)
        if poll_until(STUCK, || (!client.is_silent()).then_some(())).is_none() {
            drop(UnixStream::connect(&socket));
        }
        client.read_reply();
        let tcp = self.tcp.map(|_| tcp_address(&client.execute(r#"{"execute":"query-chardev"}"#)));
        Qemu { process, tcp }
    }

    fn monitors(&self, directory: &Path) -> Vec<String> {
        let unix = |name: &str| format!("path={},server=on,wait=off", directory.join(name).display());
        let mut monitors = vec![("m0", unix(SOCKET), self.pretty)];
        if self.second {
            monitors.push(("m1", unix("second.sock"), false));
        }
        if let Some(more) = &self.tcp {
            monitors.push(("tcp", format!("host=127.0.0.1,port=0,server=on,wait=off{more}"), false));
        }
        let dashes = self.dashes;
        let (option, mode) = if dashes == "--" { ("--monitor", "") } else { ("-mon", ",mode=control") };
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
