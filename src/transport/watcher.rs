//! Ends a child process if this program dies without ending it, as by SIGKILL.
//!
//! It is a shell that holds a pipe from this program and waits for its end. It is there before the child, and leads the child's
//! process group, so no other group can have that number as long as it lives. A signal for the death of the parent process would
//! come with the end of the thread that started the child, and the parent cannot take it back.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Pid;

/// Waits for the end of stdin. Then it sends SIGTERM to its group if `$1` is `group`, and otherwise to the process that a line of
/// stdin names. It removes the directory `$2`. What is left after 5 s gets SIGKILL.
///
/// Where `/proc` does not tell what is left of a group, it waits the 5 s.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM TSTP TTIN TTOU
cd /
target=0 directory=$2
[ "$1" = group ] || read -r target
[ -z "$target" ] || read -r _
[ -z "$directory" ] || rm -rf "$directory"
[ -n "$target" ] || exit
kill -TERM "$target"
is_left() {
    [ "$target" = 0 ] || { kill -0 "$target"; return; }
    [ -e /proc/$$/stat ] || return 0
    for file in /proc/[0-9]*/stat; do
        read -r line <"$file" || continue
        pid=${line%% *}
        # Its state, its parent, its group.
        set -- ${line##*) }
        [ "$pid" != $$ ] && [ "$1" != Z ] && [ "$3" = $$ ] && return 0
    done
    return 1
}
tries=0
while is_left; do
    [ $tries -lt 20 ] || { kill -KILL "$target"; exit; }
    tries=$((tries + 1))
    sleep 0.25
done
"#;

/// A running watcher. Dropping it ends the watcher, and nothing else.
#[derive(Debug)]
pub(super) struct Watcher(Child);

impl Watcher {
    /// Starts a watcher in a group of its own, for a child that joins the group.
    pub(super) fn of_group() -> io::Result<Self> {
        let mut command = command("group", None);
        command.process_group(0);
        start(command)
    }

    /// Starts a watcher for a child that is [named](Self::name) as soon as it exists. `directory` is removed with the child.
    pub(super) fn of_process(directory: Option<&Path>) -> io::Result<Self> {
        start(command("process", directory))
    }

    /// Names the child of [`of_process`](Self::of_process).
    pub(super) fn name(&mut self, child: Pid) -> io::Result<()> {
        match &mut self.0.stdin {
            Some(pipe) => writeln!(pipe, "{child}"),
            None => Ok(()),
        }
    }

    /// Returns the number of the group that it leads.
    pub(super) fn group(&self) -> Pid {
        Pid::from_child(&self.0)
    }
}

fn command(target: &str, directory: Option<&Path>) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "qmpsh-watcher", target]).arg(directory.unwrap_or(Path::new("")));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn start(mut command: Command) -> io::Result<Watcher> {
    match command.spawn() {
        Ok(watcher) => Ok(Watcher(watcher)),
        Err(error) => Err(io::Error::other(format!("cannot start the shell (sh) that watches it: {error}"))),
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // SIGKILL, because the end of its stdin would tell it to end the child.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
