//! What commands of its own the shell has, in words.

use super::words::Refusal;
use qmpsh::language::syntax::Span;
use qmpsh::schema::nearest;

/// One command, as help, completion and documentation show it.
#[derive(Debug)]
pub(crate) struct Description {
    /// Its name, without the dot.
    pub name: &'static str,
    /// What stands after the name.
    pub words: &'static str,
    /// What it does, on one line.
    pub summary: &'static str,
    /// What more there is to know, in paragraphs; lines that are indented are examples.
    pub more: &'static str,
}

impl Description {
    /// How the command is written.
    pub(crate) fn usage(&self) -> String {
        format!(".{} {}", self.name, self.words).trim_end().to_owned()
    }
}

/// Every command, in the order in which they are shown.
pub(crate) const COMMANDS: &[Description] = &[
    Description {
        name: "help",
        words: "[NAME [PATH=VALUE...]]",
        summary: "how to write a line, and the keys; or all that is known of a name",
        more: "\
NAME is a command, an event or a type: what the peer's schema says of it, and what the installed manuals of QEMU do.
If the manual is for another version than the peer's, the first line says so, and the arguments that both have come
first. Of what depends on the value of an argument, only the branch is shown that PATH=VALUE names. With a dot NAME is
one of the shell's own commands.

  .help blockdev-add
  .help blockdev-add driver=qcow2
  .help DEVICE_DELETED
  .help .watch",
    },
    Description {
        name: "commands",
        words: "[PATTERN]",
        summary: "what the peer offers",
        more: "\
PATTERN is a shell glob. On a terminal each has its arguments with it, those in brackets may be left out.

  .commands block*",
    },
    Description {
        name: "try",
        words: "COMMAND",
        summary: "a command whose refusal is shown, and is no failure",
        more: "\
A batch goes on after it, and the exit status does not tell of it. A line that does not parse, a time limit and a lost
connection stay failures.

  .try device_del id=net0",
    },
    Description {
        name: "watch",
        words: "SECONDS [count=N] COMMAND",
        summary: "a command again and again, until Ctrl-C or the first failure",
        more: "\
SECONDS lie between the end of one and the beginning of the next. A pipeline gets the results of all of them, each when
it is there, and .watch ends when the pipeline does.

  .watch 1 query-migrate | jq -r .status
  .watch 1 query-status
  .watch 0.5 count=10 .try query-migrate",
    },
    Description {
        name: "oob",
        words: "COMMAND",
        summary: "a command out of band: it does not wait for those before it",
        more: "\
Only commands that allow it (`migrate-recover`, `migrate-pause`, `yank`) can be sent like that, and only to a peer that
offers the capability `oob`.

  .oob migrate-pause",
    },
    Description {
        name: "hmp",
        words: "[LINE]",
        summary: "a line of the human monitor; alone: all lines from here on, until .qmp",
        more: "\
The line goes as it is: no pipeline, comment, quote or continuation. Its answer is text, which -o json and -o raw leave
as JSON. It counts as failed if the answer begins with `Error` or `unknown command`, or ends with
`Try \"help ...\" for more information`; the monitor does not tell every failure. What `cpu N` selects is remembered.

  .hmp info registers
  .hmp",
    },
    Description {
        name: "qmp",
        words: "",
        summary: "back to commands of QMP, after .hmp or -H",
        more: "Lines that begin with a dot are the shell's there, too.",
    },
    Description {
        name: "wait",
        words: "[timeout=S] [fail=EVENT] EVENT[|EVENT...] [PATH=VALUE...]",
        summary: "until an event comes, or has come already",
        more: "\
It looks back to when the first command after the last .wait was sent, so an event that comes
before the reply of its command is not missed. An event ends one .wait. The event is printed. PATH
leads to a value of its data, with dots between names and the numbers of lists: device=x,
info.0.name=y. Values are compared as text.

Names and values may be patterns: * is any text, ? any character, [a-z] one of these, [!a-z]
another; [*] is a star. Quoted, or after ==, a value is no pattern.

fail=EVENT is status 1, unless the event has another value at a PATH. timeout=S is status 5 after
S seconds; without it --timeout holds, and 0 only looks back. Up to 100,000 events or 8 MiB are
looked back on; if more have come, that is said, with status 1.

  device_del id=net0
  .wait timeout=30 fail=DEVICE_UNPLUG_GUEST_ERROR DEVICE_DELETED device=net0
  .wait BLOCK_JOB_COMPLETED|BLOCK_JOB_CANCELLED device=backup0",
    },
    Description {
        name: "follow",
        words: "[count=N] [timeout=S] [EVENT...]",
        summary: "events as they come, until Ctrl-C, so many of them, or so long",
        more: "\
It prints those that come from now on, all of them or those named. Names may be patterns, as in
.wait; -EVENT leaves some out. If count=N is given and so many have not come after timeout=S
seconds, that is status 5.

A pipeline gets each event when it comes, and .follow ends when the pipeline does.

  .follow | jq -r .event
  .follow count=1 SHUTDOWN
  .follow timeout=60 BLOCK_* -BLOCK_IO_ERROR",
    },
    Description {
        name: "events",
        words: "[on|off|EVENT...]",
        summary: "which events are shown; without words, says it",
        more: "\
Names may be patterns, as in .wait; -EVENT leaves some out. They go where --events says: to
stdout, or to stderr. At the prompt they are shown from the beginning, in a batch they are not.
.wait sees all of them.

  .events off
  .events BLOCK_* JOB_*
  .events -RTC_CHANGE",
    },
    Description {
        name: "output",
        words: "[auto|json|pretty|table|raw]",
        summary: "in which form results are from now on, as with -o; without words, says it",
        more: "  .output table",
    },
    Description {
        name: "timing",
        words: "[on|off]",
        summary: "whether it is said how long each command waited for its reply",
        more: "\
It is said below the result, in a batch on stderr. In a batch with --pipeline commands are then sent one at a time.

  .timing on",
    },
    Description {
        name: "log",
        words: "[FILE|off]",
        summary: "where the messages of the wire are recorded, as with -l; without words, says it",
        more: "\
Each message sent and received from now on is added to FILE: one JSON object a line, with its
time, secrets as ***. A file that is called off is ./off.

  .log wire.log
  .log off",
    },
    Description {
        name: "jobs",
        words: "",
        summary: "the jobs there are, and how those ended that were seen",
        more: "\
Those that have ended have an `outcome`: completed, failed, cancelled or unknown. The last 1,000 are remembered.",
    },
    Description {
        name: "job",
        words: "[timeout=S] [until=ready|pending|concluded] ID",
        summary: "waits for a job, shows how far it has come, and dismisses it",
        more: "\
It fails if the job failed or was cancelled. One that is over already has its outcome too, if the session saw it.
until=ready and until=pending wait for the point at which `job-complete` and `job-finalize` can be given.
Ctrl-C stops the waiting, not the job.

  blockdev-backup job-id=b1 device=disk0 target=backup0 sync=full
  .job timeout=3600 b1",
    },
    Description {
        name: "migration",
        words: "[timeout=S]",
        summary: "waits for the migration, and shows how far it has come",
        more: "\
It fails if the migration failed or was cancelled. Where a migration comes in it waits for that one.

  migrate uri=unix:/run/vm.sock
  .migration",
    },
    Description {
        name: "guest-exec",
        words: "[timeout=S] PATH [ARG...]",
        summary: "a program in the guest, by its agent (--qga): its output, its success as ours",
        more: "\
What it writes is printed when it has ended, stdout and stderr apart; -o json prints what the agent says of it. No shell
is in between. timeout=S is status 5 after S seconds, without it --timeout holds; the program goes on then.

  .guest-exec /bin/ls -l /
  .guest-exec timeout=10 /bin/sh -c \"systemctl is-active sshd\"",
    },
    Description {
        name: "fd",
        words: "PATH|NUMBER COMMAND",
        summary: "a command together with an open file, for `add-fd` and `getfd`",
        more: "\
The file is opened to be read and written, or to be read if that is all that is allowed; wo:PATH is made, or emptied,
and written. A NUMBER is a descriptor that the shell has inherited. It needs a Unix socket.

  .fd disk.raw add-fd fdset-id=1
  blockdev-add driver=file node-name=n0 filename=/dev/fdset/1
  .fd wo:core getfd fdname=core",
    },
    Description {
        name: "source",
        words: "FILE",
        summary: "the lines of a file",
        more: "\
They are run as if they stood here; the first that fails ends it, unless --keep-going was given.

  .source setup.qmp",
    },
    Description { name: "status", words: "", summary: "what the shell is connected to", more: "" },
    Description {
        name: "reconnect",
        words: "",
        summary: "connects again",
        more: "A connection that is there is given up first.",
    },
    Description {
        name: "monitor",
        words: "PATH",
        summary: "make a monitor at the Unix socket PATH for one other client (QEMU 11.1 and later)",
        more: "\
QEMU serves one client at a time on each monitor. The new monitor outlives
this shell. When its client leaves, QEMU removes the monitor, its character
device and the socket file.

Over a Unix socket of this machine, PATH is relative to the shell's directory.
The socket has mode 0600 (one of a storage daemon a moment after it was made).
A stale socket is replaced; any other file at PATH is an error. The file stays
if QEMU may not remove it, or sees other directories. Over TCP, ssh:// and
exec: QEMU makes the socket: PATH is on its machine, and QEMU replaces whatever
is there.

  .monitor /run/user/1000/second.sock",
    },
    Description {
        name: "detach",
        words: "",
        summary: "leaves, and lets the QEMU go on that `qmpsh run` started",
        more: "",
    },
    Description {
        name: "quit",
        words: "",
        summary: "leaves, as Ctrl-D and `exit` do; the command `quit` ends QEMU",
        more: "",
    },
];

/// The command of this name, which stands with or without its dot.
pub(super) fn find(name: &str) -> Option<&'static Description> {
    let name = name.strip_prefix('.').unwrap_or(name);
    COMMANDS.iter().find(|command| command.name == name)
}

/// How a command is written.
pub(super) fn usage(name: &str) -> String {
    find(name).map_or_else(|| format!(".{name}"), Description::usage)
}

/// There is no command of this name.
pub(super) fn unknown(name: &str, span: Span) -> Refusal {
    let nearest = nearest(name, COMMANDS.iter().map(|command| command.name));
    let hint = nearest.map_or_else(|| ".help shows them all".to_owned(), |name| format!("is it .{name}?"));
    Refusal::new(span, format!("the shell has no such command ({hint})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmpsh::language::syntax::{Statement, parse};

    #[test]
    fn every_command_is_read_and_every_other_is_not() {
        let read = |text: &str| match parse(text).unwrap().unwrap().statement {
            Statement::Dot(dot) => super::super::read(&dot, None),
            other @ Statement::Invoke(_) => panic!("{other:?}"),
        };
        for command in COMMANDS {
            if let Err(refusal) = read(&format!(".{}", command.name)) {
                assert!(refusal.message.contains("is missing"), ".{}: {}", command.name, refusal.message);
                assert!(refusal.message.ends_with(&usage(command.name)), "{}", refusal.message);
            }
        }
        let check = |text: &str, expected: &str| assert_eq!(read(text).unwrap_err().message, expected, "{text}");
        check(".stats", "the shell has no such command (is it .status?)");
        check(".frobnicate", "the shell has no such command (.help shows them all)");
        check(".quit now", ".quit takes no arguments");
        check(".source a b", ".source takes no more words");
        check(".source", "the name of a file is missing: it is written .source FILE");
        check(".watch x query-status", "not a time in seconds");
        check(".watch 1 count=0 query-status", "not a number of times");
    }
}
