//! A program in a scrubbed environment, to its end or line by line.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{PipeReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use tempfile::TempDir;

use super::collected::Collected;
use super::output::Output;
use super::{DEADLINE, excerpt, poll_until, spawning, temporary_directory};

pub const QMPSH: &str = env!("CARGO_BIN_EXE_qmpsh");

/// The program under test. `qmpsh().args([socket, "query-status"]).run().stdout("…\n").status(0)`.
pub fn qmpsh() -> Program {
    Program::new(QMPSH)
}

/// A shell that runs this script. `$0` is the program under test.
pub fn sh(script: &str) -> Program {
    Program::new("sh").args(["-c", script, QMPSH])
}

/// A program to run: nothing of this process's environment but `PATH`, and a home of its own.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) command: CommandBuilder,
    home: Arc<TempDir>,
    stdin: Vec<u8>,
    stdin_from: Option<Arc<OwnedFd>>,
    stdout_to: Option<Arc<OwnedFd>>,
    /// Open, but not read: see [`Program::stdout_unread`].
    unread: Option<Arc<PipeReader>>,
}

impl Program {
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let home = Arc::new(temporary_directory());
        let mut command = CommandBuilder::new(path);
        command.env_clear();
        command.cwd(home.path());
        let program = Self {
            command,
            home: Arc::clone(&home),
            stdin: Vec::new(),
            stdin_from: None,
            stdout_to: None,
            unread: None,
        };
        let program = program.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let program = program.env("HOME", home.path()).env("XDG_STATE_HOME", home.path().join("state"));
        // Without a pager, the screen has what the shell printed.
        program.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("QMPSH_PAGER", "")
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable, in place of the one that is there.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// What it reads on stdin; by default nothing: the end of file at once.
    pub fn stdin(mut self, text: impl AsRef<[u8]>) -> Self {
        text.as_ref().clone_into(&mut self.stdin);
        self
    }

    pub fn stdin_from(mut self, descriptor: impl Into<OwnedFd>) -> Self {
        self.stdin_from = Some(Arc::new(descriptor.into()));
        self
    }

    pub fn stdout_to(mut self, path: impl AsRef<Path>) -> Self {
        self.stdout_to = Some(Arc::new(File::create(path).expect("a file for stdout").into()));
        self
    }

    /// Its stdout is a pipe whose reader has gone.
    pub fn stdout_closed(mut self) -> Self {
        self.stdout_to = Some(Arc::new(std::io::pipe().expect("a pipe").1.into()));
        self
    }

    /// Its stdout is a pipe that nobody reads: it is full after 64 KiB.
    pub fn stdout_unread(mut self) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        (self.unread, self.stdout_to) = (Some(Arc::new(reader)), Some(Arc::new(writer.into())));
        self
    }

    /// Its home and working directory, which exists as long as this, its process or its output.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn command_line(&self) -> String {
        self.command.get_argv().iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    pub fn run(mut self) -> Output {
        let text = std::mem::take(&mut self.stdin);
        let mut process = self.start();
        let stdin = process.stdin.take();
        // A thread, because it may write before it has read all; it may also end without reading: no error.
        thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&text)));
        process.wait()
    }

    /// Starts it, for a test to talk to; its stdin stays open.
    #[track_caller]
    pub fn start(mut self) -> Process {
        assert!(self.stdin.is_empty(), "write lines to the process instead");
        let redirected = |descriptor: Option<Arc<OwnedFd>>| match descriptor {
            None => Stdio::piped(),
            Some(descriptor) => descriptor.try_clone().expect("a descriptor").into(),
        };
        let (path, args) = self.command.get_argv().split_first().expect("a program");
        let mut command = Command::new(path);
        command.args(args).env_clear().envs(self.command.iter_full_env_as_str());
        command.current_dir(self.home()).stderr(Stdio::piped());
        // Taken: as long as this side had them open, their peers would not see the end.
        command.stdin(redirected(self.stdin_from.take())).stdout(redirected(self.stdout_to.take()));
        // A group of its own, so that what it starts itself can be ended with it.
        command.process_group(0);
        let guard = spawning();
        let spawned = command.spawn();
        drop(guard);
        let mut child = spawned.unwrap_or_else(|e| panic!("{e}\n$ {}", self.command_line()));
        let stdout =
            child.stdout.take().map_or_else(|| Collected::from_reader(std::io::empty()), Collected::from_reader);
        let stderr = Collected::from_reader(child.stderr.take().expect("a pipe"));
        let stdin = child.stdin.take();
        Process { child, stdin, stdout, stderr, program: self, ended: false }
    }
}

/// A running program. Dropping it kills it and what it started.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
    program: Program,
    ended: bool,
}

impl Process {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn home(&self) -> &Path {
        self.program.home()
    }

    #[track_caller]
    pub fn line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("it reads its stdin");
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    #[track_caller]
    pub fn read_line(&mut self) -> String {
        match self.stdout.line() {
            Ok(line) => line,
            Err(why) => panic!("{why} a line on stdout\n{self}"),
        }
    }

    #[track_caller]
    pub fn read_stderr_line(&mut self) -> String {
        match self.stderr.line() {
            Ok(line) => line,
            Err(why) => panic!("{why} a line on stderr\n{self}"),
        }
    }

    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).expect("it takes a signal");
    }

    /// Whether it has ended. Its number is not free for others until it is waited for.
    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let id = WaitId::Pid(Pid::from_child(&self.child));
        self.ended || waitid(id, options).expect("it can be waited for").is_some()
    }

    #[track_caller]
    pub fn wait_status(&mut self) -> ExitStatus {
        let ended = poll_until(DEADLINE, || self.has_ended().then_some(()));
        assert!(ended.is_some(), "it did not end\n{self}");
        self.kill()
    }

    /// Waits for its end. What was read by line is part of the output too. Stdin is closed first.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        self.stdin = None;
        let status = self.wait_status();
        let (stdout, stderr) = (self.stdout.to_end(), self.stderr.to_end());
        Output { command: self.program.command_line(), status, stdout, stderr, home: Arc::clone(&self.program.home) }
    }

    /// Kills what is left of it and of what it started, which may still hold its pipes.
    fn kill(&mut self) -> ExitStatus {
        if !self.ended {
            let _ = rustix::process::kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        self.ended = true;
        self.child.wait().expect("it can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "$ {}", self.program.command_line())?;
        write!(f, "stdout: {}\nstderr: {}", excerpt(&self.stdout.so_far()), excerpt(&self.stderr.so_far()))
    }
}

/// The most memory that a running process has held until now, in bytes, without what it maps from files: the code of a debug
/// build is large. Keep its stdin open until this is asked.
///
/// `VmHWM` and not `ru_maxrss`: that one begins at the size of the process that started it.
#[track_caller]
pub fn peak_memory(pid: u32) -> u64 {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let line = line.unwrap_or_else(|| panic!("it has ended: no {name} in {path}"));
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
    };
    bytes("VmHWM:") - bytes("RssFile:")
}
