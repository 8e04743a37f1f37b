//! Ends a child process if this program dies without ending it, as by SIGKILL.
//!
//! It is a shell that holds a pipe from this program and waits for its end. It stands in the child's own process group, so no
//! other group can have that number as long as it lives. A signal for the death of the parent process would come with the end
//! of the thread that started the child, and the parent cannot take it back.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Pid;

/// Waits for the end of stdin. Then it sends SIGTERM to `$2`: the child `$1`, or 0, which is the group that it shares with the
/// child. It removes the directory `$3`. What is left after 5 s gets SIGKILL.
///
/// Where `/proc` does not tell what is left of a group, it waits the 5 s.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM TSTP TTIN TTOU
cd /
group=$1 target=$2 directory=$3
read -r _
kill -TERM "$target"
[ -z "$directory" ] || rm -rf "$directory"
is_left() {
    [ "$target" = 0 ] || { kill -0 "$target"; return; }
    [ -e /proc/$$/stat ] || return 0
    for file in /proc/[0-9]*/stat; do
        read -r line <"$file" || continue
        pid=${line%% *}
        # Its state, its parent, its group.
        set -- ${line##*) }
        [ "$pid" != $$ ] && [ "$1" != Z ] && [ "$3" = "$group" ] && return 0
    done
    return 1
}
tries=0
while is_left; do
    [ $tries -lt 100 ] || { kill -KILL "$target"; exit; }
    tries=$((tries + 1))
    sleep 0.05
done
"#;

/// A running watcher. Dropping it ends the watcher, and nothing else.
#[derive(Debug)]
pub(super) struct Watcher(Child);

impl Watcher {
    /// Watches a child and, if it has its own group, the group. `directory` is removed with it.
    pub(super) fn start(child: Pid, has_group: bool, directory: Option<&Path>) -> io::Result<Self> {
        let mut command = Command::new("sh");
        let pid = child.to_string();
        command.args(["-c", SCRIPT, "qmpsh-watcher", &pid, if has_group { "0" } else { &pid }]);
        if has_group {
            command.process_group(child.as_raw_pid());
        }
        command.arg(directory.unwrap_or(Path::new("")));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(watcher) => Ok(Self(watcher)),
            Err(error) => Err(io::Error::other(format!("cannot start the shell (sh) that watches it: {error}"))),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // SIGKILL, because the end of its stdin would tell it to end the child.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
