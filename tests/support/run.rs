//! A program in a scrubbed environment, to its end or line by line; by default the program under test.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{PipeReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use tempfile::TempDir;

use super::collected::Collected;
use super::output::Output;
use super::{DEADLINE, excerpt, poll_until, spawning, temporary_directory};

/// The program under test. `qmpsh().args([socket, "query-status"]).run().stdout("…\n").status(0)`.
pub fn qmpsh() -> Program {
    Program::new(env!("CARGO_BIN_EXE_qmpsh"))
}

/// A program to run: nothing of this process's environment but `PATH`, and a home of its own.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) path: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) home: Arc<TempDir>,
    stdin: Vec<u8>,
    stdin_from: Option<Arc<OwnedFd>>,
    stdout: Stdout,
}

/// Where stdout goes.
#[derive(Clone, Debug)]
enum Stdout {
    Collected,
    File(PathBuf),
    Closed,
    Unread,
}

impl Program {
    pub fn new(path: impl Into<OsString>) -> Self {
        let home = Arc::new(temporary_directory());
        let mut program = Self {
            path: path.into(),
            args: Vec::new(),
            environment: Vec::new(),
            home: Arc::clone(&home),
            stdin: Vec::new(),
            stdin_from: None,
            stdout: Stdout::Collected,
        };
        program = program.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        program = program.env("HOME", home.path()).env("XDG_STATE_HOME", home.path().join("state"));
        program.env("TERM", "xterm-256color").env("LANG", "C.UTF-8")
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable, in place of the one that is there.
    pub fn env(mut self, name: impl Into<OsString>, value: impl AsRef<OsStr>) -> Self {
        let name = name.into();
        self.environment.retain(|(other, _)| *other != name);
        self.environment.push((name, value.as_ref().to_owned()));
        self
    }

    /// What it reads on stdin; by default nothing: the end of file at once.
    pub fn stdin(mut self, text: impl AsRef<[u8]>) -> Self {
        text.as_ref().clone_into(&mut self.stdin);
        self
    }

    /// Its stdin is this descriptor.
    pub fn stdin_from(mut self, descriptor: impl Into<OwnedFd>) -> Self {
        self.stdin_from = Some(Arc::new(descriptor.into()));
        self
    }

    /// Its stdout is this file, not a pipe.
    pub fn stdout_to(mut self, file: impl Into<PathBuf>) -> Self {
        self.stdout = Stdout::File(file.into());
        self
    }

    /// Its stdout is a pipe whose reader has gone.
    pub fn stdout_closed(mut self) -> Self {
        self.stdout = Stdout::Closed;
        self
    }

    /// Its stdout is a pipe that nobody reads: it is full after 64 KiB.
    pub fn stdout_unread(mut self) -> Self {
        self.stdout = Stdout::Unread;
        self
    }

    /// The home directory it sees, for as long as this, its process or its output lives.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command, for messages.
    pub(super) fn command_line(&self) -> String {
        let words = std::iter::once(&self.path).chain(&self.args);
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Output {
        let mut process = self.spawn();
        process.write_stdin();
        process.wait()
    }

    /// Starts it, for a test to talk to; its stdin stays open.
    #[track_caller]
    pub fn start(self) -> Process {
        assert!(self.stdin.is_empty(), "write lines to the process instead");
        self.spawn()
    }

    #[track_caller]
    fn spawn(mut self) -> Process {
        let mut unread = None;
        let stdout = match &self.stdout {
            Stdout::Collected => Stdio::piped(),
            Stdout::File(path) => File::create(path).expect("a file for stdout").into(),
            Stdout::Closed => std::io::pipe().expect("a pipe").1.into(),
            Stdout::Unread => {
                let (reader, writer) = std::io::pipe().expect("a pipe");
                unread = Some(reader);
                writer.into()
            }
        };
        let mut command = Command::new(&self.path);
        command.args(&self.args).env_clear().envs(self.environment.iter().map(|(k, v)| (k, v)));
        command.current_dir(self.home());
        let stdin = match &self.stdin_from {
            None => Stdio::piped(),
            Some(descriptor) => descriptor.try_clone().expect("a descriptor for stdin").into(),
        };
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        // A group of its own, so that what it starts itself can be ended with it.
        command.process_group(0);
        let spawned = {
            let _guard = spawning();
            command.spawn()
        };
        // As long as this side had it open too, its peer would not see the end.
        drop(command);
        self.stdin_from = None;
        let mut child = spawned.unwrap_or_else(|e| panic!("cannot start {}: {e}", self.path.display()));
        let stdout = child.stdout.take().map_or_else(Collected::nothing, Collected::from_reader);
        let stderr = child.stderr.take().map_or_else(Collected::nothing, Collected::from_reader);
        let stdin = child.stdin.take();
        Process { child, stdin, stdout, stderr, program: self, _unread: unread, ended: false }
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
    /// Open, but not read: see [`Program::stdout_unread`].
    _unread: Option<PipeReader>,
    ended: bool,
}

impl Process {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its stdin.
    #[track_caller]
    pub fn line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("it reads its stdin");
    }

    /// It sees the end of file on its stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of its stdout, without the newline.
    #[track_caller]
    pub fn read_line(&mut self) -> String {
        self.stdout.line().unwrap_or_else(|why| panic!("{why} a line on stdout\n{self}"))
    }

    /// The next line of its stderr, without the newline.
    #[track_caller]
    pub fn read_stderr_line(&mut self) -> String {
        self.stderr.line().unwrap_or_else(|why| panic!("{why} a line on stderr\n{self}"))
    }

    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).expect("it takes a signal");
    }

    /// The most memory it has held until now, in bytes. It must be running: keep its stdin open until this is asked.
    ///
    /// `VmHWM` and not `ru_maxrss`: that one begins at the size of the process that started it.
    #[track_caller]
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let line = line.unwrap_or_else(|| panic!("it has ended: no VmHWM in {path}\n{self}"));
        let kib = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB");
        kib * 1024
    }

    /// Waits for its end. What was read by line is part of the output too. Stdin is closed first.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        self.stdin = None;
        let id = WaitId::Pid(Pid::from_child(&self.child));
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = poll_until(DEADLINE, || waitid(id.clone(), look).expect("it can be waited for"));
        assert!(ended.is_some(), "it did not end\n{self}");
        // What it started may still hold its pipes. Its number is not free for others before it is reaped.
        let status = self.kill();
        let (stdout, stderr) = (self.stdout.to_end(), self.stderr.to_end());
        Output { command: self.program.command_line(), status, stdout, stderr, home: Arc::clone(&self.program.home) }
    }

    fn write_stdin(&mut self) {
        let (text, stdin) = (std::mem::take(&mut self.program.stdin), self.stdin.take());
        // A thread, because it may write before it has read all; it may also end without reading: no error.
        thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&text)));
    }

    /// Kills what is left of it and of what it started.
    fn kill(&mut self) -> ExitStatus {
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let status = self.child.wait().expect("it can be waited for");
        self.ended = true;
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
        }
    }
}

/// What is known of it, for the message of a test that fails.
impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "$ {}", self.program.command_line())?;
        write!(f, "stdout: {}\nstderr: {}", excerpt(&self.stdout.so_far()), excerpt(&self.stderr.so_far()))
    }
}
