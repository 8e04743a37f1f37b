//! `qmpsh listen`, `fd` and `run`.

mod failing_peers;
mod fd;
mod interactive;
mod listen;
mod qemu_dials;
mod run;
mod run_end;

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::support::client::Client;
use crate::support::{DEADLINE, Program, poll_until, qmpsh, sh};

const GREETING: &str =
    r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}"#;

/// A monitor played by hand, at its end of a connection.
struct Monitor(Client);

impl Monitor {
    /// Dials in as QEMU does, as soon as qmpsh listens.
    fn dial(path: &Path) -> Self {
        let stream = poll_until(DEADLINE, || UnixStream::connect(path).ok());
        Self(Client::on(stream.unwrap_or_else(|| panic!("nobody listens at {}", path.display()))))
    }

    fn on(stream: UnixStream) -> Self {
        Self(Client::on(stream))
    }

    /// Greets, and is asked to negotiate.
    #[track_caller]
    fn greet(mut self) -> Self {
        self.0.send(GREETING);
        self.answer("qmp_capabilities", "{}");
        self
    }

    /// Waits for this command, and answers it.
    #[track_caller]
    fn answer(&mut self, command: &str, result: &str) -> Value {
        let request = self.0.read();
        assert_eq!(request["execute"], command);
        self.0.send(&format!(r#"{{"return": {result}, "id": {}}}"#, request["id"]));
        request
    }

    /// The other side closes.
    #[track_caller]
    fn sees_the_end(&mut self) {
        while let Some(text) = self.0.read_text() {
            // What the interactive shell asks for its prompt.
            assert!(text.contains("query-status"), "{text}");
        }
    }
}

/// The smallest QEMU.
const NONE: [&str; 6] = ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none"];

/// A QEMU with a name that no other process has.
struct Marked {
    name: String,
}

impl Marked {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self { name: format!("marked-{}-{count}-", std::process::id()) }
    }

    /// `qmpsh run` with these options, and this QEMU.
    fn run(&self, options: &[&str]) -> Program {
        qmpsh().arg("run").args(options.to_vec()).args(NONE).args(["-name", &self.name])
    }

    /// `qmpsh run` with stderr in the file `stderr`: a QEMU that is left running keeps it open.
    fn run_apart(&self, options: &[&str]) -> Program {
        let program = sh("exec \"$0\" run \"$@\" 2>stderr");
        program.args(options.to_vec()).args(NONE).args(["-name", &self.name])
    }

    /// The processes with the name.
    fn pids(&self) -> Vec<u32> {
        let all = std::fs::read_dir("/proc").expect("the processes").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_it = |pid: &u32| {
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = command.split(|byte| *byte == 0);
            let program = words.next().and_then(|word| word.rsplit(|byte| *byte == b'/').next());
            program == Some(NONE[0].as_bytes()) && words.any(|word| word == self.name.as_bytes())
        };
        pids.filter(is_it).collect()
    }

    #[track_caller]
    fn pid(&self) -> u32 {
        let pids = self.pids();
        assert_eq!(pids.len(), 1, "{pids:?}");
        pids[0]
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process number");
        rustix::process::kill_process(pid, signal).expect("it takes a signal");
    }

    /// No process has the name, at the latest when the kernel has cleaned up.
    #[track_caller]
    fn is_gone(&self) {
        let gone = poll_until(DEADLINE, || self.pids().is_empty().then_some(()));
        assert!(gone.is_some(), "{:?} still run", self.pids());
    }
}

/// A test that fails leaves nothing either.
impl Drop for Marked {
    fn drop(&mut self) {
        for pid in self.pids() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let _ = pid.map(|pid| rustix::process::kill_process(pid, Signal::KILL));
        }
    }
}
