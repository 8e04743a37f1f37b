//! A real guest agent, on a Unix socket, which can neither shut down nor suspend the machine that it runs on.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{DEADLINE, poll_until, spawning, temporary_directory};

const FORBIDDEN: &str = "guest-shutdown,guest-suspend-disk,guest-suspend-ram,guest-suspend-hybrid,guest-set-time,\
                         guest-fsfreeze-freeze";

/// A running agent. Dropping it kills it.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    directory: TempDir,
}

impl Agent {
    pub fn start() -> Self {
        let directory = temporary_directory();
        let path = |name: &str| directory.path().join(name).display().to_string();
        fs::create_dir(path("state")).expect("a directory");
        let mut command = Command::new("qemu-ga");
        command.args(["-m", "unix-listen", "-p", &path("ga.sock"), "-t", &path("state"), "-f", &path("pid")]);
        command.args(["-b", FORBIDDEN]).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(path("stderr")).expect("a file"));
        let child = {
            let _guard = spawning();
            command.spawn().expect("qemu-ga is installed")
        };
        let agent = Self { child, directory };
        poll_until(DEADLINE, || UnixStream::connect(agent.socket()).ok()).expect("the agent listens");
        agent
    }

    pub fn socket(&self) -> PathBuf {
        self.file("ga.sock")
    }

    /// The path of a file of this name in its own directory, which goes when it goes.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
