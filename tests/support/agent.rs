//! A real guest agent, on a Unix socket, which can neither shut down nor suspend the machine that it runs on.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use super::program::{Process, Program};
use super::{DEADLINE, poll_until};

const FORBIDDEN: &str = "guest-shutdown,guest-suspend-disk,guest-suspend-ram,guest-suspend-hybrid,guest-set-time,\
                         guest-fsfreeze-freeze";

#[derive(Debug)]
pub struct Agent(Process);

impl Agent {
    pub fn start() -> Self {
        let program = Program::new("qemu-ga").args(["-m", "unix-listen", "-b", FORBIDDEN]);
        let path = |name: &str| program.home().join(name);
        fs::create_dir(path("state")).expect("a directory");
        let files =
            [("-p", "ga.sock"), ("-t", "state"), ("-f", "pid")].map(|(option, name)| [option.into(), path(name)]);
        let agent = Self(program.args(files.concat()).start());
        poll_until(DEADLINE, || UnixStream::connect(agent.socket()).ok()).expect("the agent listens");
        agent
    }

    pub fn socket(&self) -> PathBuf {
        self.file("ga.sock")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.home().join(name)
    }
}
