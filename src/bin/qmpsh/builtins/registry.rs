//! The table of built-in commands. `.help`, completion, README.md and the man page show it.

use super::arguments::{Refusal, Words};
use super::commands::Commands;
use super::connection::{Connect, Connection};
use super::edit::Edit;
use super::events::Events;
use super::fd::WithDescriptor;
use super::follow::Follow;
use super::guest::{Click, Keys, Screen, Type, WaitScreen};
use super::guest_exec::GuestExec;
use super::help::Help;
use super::hmp::{self, SwitchLanguage};
use super::jobs::{JobList, JobWait};
use super::log::Log;
use super::migration::MigrationWait;
use super::monitor::NewMonitor;
use super::prefixes::{Try, Watch, out_of_band};
use super::settings::{Output, ShowTiming, UsePager};
use super::show::Show;
use super::source::SourceFile;
use super::wait::Wait;
use crate::session::Action;
use qmpsh::language::complete::Takes;
use qmpsh::language::meant;
use qmpsh::language::syntax::{Dialect, Span, dot_name};
use qmpsh::message::Request;
use qmpsh::schema::nearest;

/// A row of the table.
pub(crate) struct Description {
    /// The name, without the dot.
    pub name: &'static str,
    /// Reads the arguments.
    pub(super) read: fn(&mut Words<'_>) -> Result<Action, Refusal>,
    /// The arguments, as the usage line shows them.
    pub words: &'static str,
    /// What completes its arguments.
    pub takes: Takes,
    /// What it does, on one line.
    pub summary: &'static str,
    /// The rest of the description. Each line is a paragraph or, if indented, an example.
    pub more: &'static str,
}

impl Description {
    /// Returns the usage line.
    pub(crate) fn usage(&self) -> String {
        format!(".{} {}", self.name, self.words).trim_end().to_owned()
    }
}

/// All built-in commands, in the order in which they are shown.
pub(crate) const COMMANDS: &[Description] = &[
    Description {
        name: "help",
        read: |words| Help::read(words).map(Action::from),
        words: "[tasks|language|built-in|keys|NAME [PATH=VALUE...]]",
        takes: Takes::Name,
        summary: "Show what to begin with, or describe NAME",
        more: "\
NAME is a command, an event or a type. The types come from the peer's schema; the texts and the examples, written as \
lines of this shell, from the installed QEMU manual. If the manual is for another version of QEMU, the first line says \
so, and the arguments that both have come first. PATH=VALUE limits the description to the branch for that value. With \
a dot, NAME is a built-in command.

If nothing has that name, NAME is a word or a shell glob: `.help` shows how to do what the word stands for, and lists \
the commands, events and types that have it in their name or their text.

`.help tasks` shows how to add a disk, take a snapshot, migrate and more. `.help language`, `.help built-in` and `.help keys` \
describe the shell.

  .help blockdev-add
  .help blockdev-add driver=qcow2
  .help DEVICE_DELETED
  .help .watch
  .help disk
  .help snapshot*",
    },
    Description {
        name: "commands",
        read: |words| Commands::read(words).map(Action::from),
        words: "[PATTERN]",
        takes: Takes::Command,
        summary: "List the commands of the peer",
        more: "\
PATTERN is a part of a name, or a shell glob for all of it. On a terminal the list shows the arguments too, optional ones in brackets.

  .commands snap
  .commands block*",
    },
    Description {
        name: "show",
        read: |words| Show::read(words).map(Action::from),
        words: "[as=tree|json|dot] [block|pci|qom|cpus|net|chardevs|memory|machines [WHAT]]",
        takes: Takes::Show,
        summary: "Draw what belongs together, such as the block graph or the PCI tree",
        more: "\
Without arguments it lists the views. WHAT is a name in the view: a node, a device id, an address or a path. It \
limits the view to that and what hangs on it, and shows all that is known of it, and what uses it. .show qom takes a path [default: \
/machine].

On a terminal the view is a tree in columns; what does not fit beside a name is below it. Into a pipe or a file, and with -o \
json, pretty or raw, it is JSON; with -o table a tree. as=tree and as=json choose; as=dot prints the block graph for \
Graphviz. JSON is a list of objects with `kind` and `name`, the facts in full (sizes in bytes), and what hangs on them \
in `children`, where `role` says what it is to its parent. What hangs on several things is whole at the first; at the \
others it has `repeated` and no more.

All of it is read by queries that change and load nothing. .show block has QEMU look at each image file, which takes \
long if a network file system does not respond.

  .show block
  .show pci disk0
  .show block | jq -r '.. | objects | select(.driver == \"qcow2\") | .file'
  .show as=dot block | dot -Tsvg >block.svg",
    },
    Description {
        name: "try",
        read: |words| Try::read(words).map(Action::from),
        words: "COMMAND",
        takes: Takes::Listed,
        summary: "Run COMMAND; an error is shown but does not count",
        more: "\
The error does not end a batch or change the exit status. A syntax error, a timeout and a lost connection still \
count as failures.

  .try device_del id=net0",
    },
    Description {
        name: "watch",
        read: |words| Watch::read(words).map(Action::from),
        words: "[SECONDS] [count=N] COMMAND",
        takes: Takes::Listed,
        summary: "Repeat COMMAND until Ctrl-C or the first error",
        more: "\
Waits SECONDS between runs [default: 2]. On a terminal, the time stands above each result, and what has changed \
since the last run is in reverse video; not with -o json or -o raw. One pipeline gets the result of every run, each as soon as it arrives. .watch ends \
when the pipeline ends. count=N stops after N runs.

  .watch query-status
  .watch 1 query-migrate | jq -r .status
  .watch 0.5 count=10 .try query-migrate",
    },
    Description {
        name: "oob",
        read: out_of_band,
        words: "COMMAND",
        takes: Takes::Listed,
        summary: "Run COMMAND out of band, ahead of the commands that are waiting",
        more: "\
Only some commands can run out of band, such as `migrate-recover`, `migrate-pause` and `yank`. The peer must \
offer the capability `oob`.

  .oob migrate-pause",
    },
    Description {
        name: "hmp",
        read: |words| Ok(hmp::read(words)),
        words: "[LINE]",
        takes: Takes::HmpLine,
        summary: "Run LINE in the human monitor; without LINE, send all lines there until .qmp",
        more: "\
qmpsh sends LINE unchanged, without comments, quotes or continuation. A pipeline may follow `info`, `help`, \
`qom-list`, `qom-get` and `qemu-io`; elsewhere, after `info lapic` and in double quotes, a bar belongs to LINE. Lines \
after .hmp alone or -H have no pipeline. The answer is text; -o json and -o raw print it as JSON. The command counts as failed if a line of the answer begins with `Error`, if the answer \
begins with `unknown command` or ends with `Try \"help ...\" for more information`, or if it says so in the \
command's own words, as `sendkey` does; the monitor does not report every failure. qmpsh remembers the CPU that \
`cpu N` selects.

  .hmp info registers
  .hmp info qtree | grep virtio
  .hmp",
    },
    Description {
        name: "qmp",
        read: |_| Ok(SwitchLanguage(Dialect::Qmp).into()),
        words: "",
        takes: Takes::Listed,
        summary: "Return to QMP commands after .hmp or -H",
        more: "Lines that begin with a dot are built-in commands there, too.",
    },
    Description {
        name: "wait",
        read: |words| Wait::read(words).map(Action::from),
        words: "[timeout=S] [fail=EVENT] EVENT[|EVENT...] [PATH=VALUE...]",
        takes: Takes::EventAndData,
        summary: "Wait for an event",
        more: "\
Also finds events that came since the first command after the last .wait was sent. So .wait does not miss an \
event that comes before the reply of its command. Prints the event. Each event ends only one .wait. PATH names a \
value in the data of the event, with dots between property names and list indexes: device=x, info.0.name=y. \
Values are compared as text.

EVENT and VALUE may be patterns: * matches any text, ? any character, [a-z] one of these characters, [!a-z] any \
other, [*] a star. A value in quotes or after == is literal.

`closed` as an EVENT is the end of the connection, as after quit; nothing is printed for it.

If the event of fail=EVENT comes, .wait fails with status 1, unless the event has another value at a PATH. \
timeout=S ends it with status 5 after S seconds [default: --timeout]; timeout=0 only searches the events so far. \
qmpsh keeps the last 100,000 events or 8 MiB. If some were dropped, .wait says so and fails with status 1.

  device_del id=net0
  .wait timeout=30 fail=DEVICE_UNPLUG_GUEST_ERROR DEVICE_DELETED device=net0
  .wait BLOCK_JOB_COMPLETED|BLOCK_JOB_CANCELLED device=backup0
  quit
  .wait timeout=30 closed",
    },
    Description {
        name: "screen",
        read: |words| Screen::read(words).map(Action::from),
        words: "[as=auto|text|kitty|sixel|blocks|png] [device=ID] [FILE]",
        takes: Takes::File,
        summary: "Show the guest's screen, or save it as a PNG file",
        more: "\
In VGA's text mode with 80 columns and 25 rows this is the text, otherwise a picture: by kitty's graphics protocol or as sixels if \
the terminal says that it has them, else half blocks in 24-bit color. With FILE it is a picture, unless as=text is given. \
device=ID chooses a display. A picture needs a FILE where it cannot be shown: in a pipe, without colors, and if TERM is dumb. \
as=png without FILE writes it to a pipe.

Over a Unix socket QEMU gets an open file for the picture. Otherwise QEMU must run on this machine. With --read-only, .screen \
and .wait-screen may send what they need, unless --deny takes it away: `human-monitor-command` with `xp /4000bx 0xb8000`, `add-fd`, \
`screendump` to that file, and `remove-fd`.

  .screen
  .screen screen.png
  .screen as=text | grep login",
    },
    Description {
        name: "wait-screen",
        read: |words| WaitScreen::read(words).map(Action::from),
        words: "[timeout=S] PATTERN|stable[=S]",
        takes: Takes::Listed,
        summary: "Wait until the guest's screen has a text, or stays the same",
        more: "\
PATTERN is a shell glob for a part of a line; one with blanks stands in quotes. The guest must be in VGA's text mode. \
`stable` waits until nothing has changed for S seconds [default: 1]; in a picture, one area of at most 16x32 pixels may \
change, the cursor. timeout=S ends the wait with status 5 after S seconds [default: --timeout].

  .wait-screen timeout=60 login:
  .wait-screen \"Press * to enter setup\"
  .wait-screen stable=3",
    },
    Description {
        name: "type",
        read: |words| Type::read(words).map(Action::from),
        words: "[delay=MS] [layout=us|gb|de|fr|es] TEXT|@?",
        takes: Takes::Listed,
        summary: "Type TEXT on the guest's keyboard",
        more: "\
TEXT is the rest of the line as it is, but for `\\n`, `\\t` and `\\\\`; in double quotes it has the escapes of JSON. @? asks for \
it without echo. It goes to no history, log or message. After -- nothing is an option.

layout= is the layout that the guest uses [default: us]. If it lacks a character, nothing is \
typed. Each press and each release takes MS milliseconds [default: 10]. The VM must run.

  .type root\\n
  .type layout=de delay=50 grep -r Übung /srv\\n
  .type @?",
    },
    Description {
        name: "keys",
        read: |words| Keys::read(words).map(Action::from),
        words: "CHORD...",
        takes: Takes::Keys,
        summary: "Press keys of the guest's keyboard",
        more: "\
The keys of a CHORD have `-` between them, and are pressed together. Their names are those of QEMU, the type QKeyCode. With an unknown \
key, none is pressed.

  .keys ctrl-alt-f2
  .keys esc down down ret",
    },
    Description {
        name: "click",
        read: |words| Click::read(words).map(Action::from),
        words: "X Y [left|middle|right|wheel-up|wheel-down]",
        takes: Takes::Listed,
        summary: "Click at a place of the guest's screen",
        more: "\
X and Y are pixels of the picture that .screen saves, from its top left. The guest needs a pointer that takes places, \
such as a usb-tablet.

  .click 320 240
  .click 10 10 right",
    },
    Description {
        name: "follow",
        read: |words| Follow::read(words).map(Action::from),
        words: "[count=N] [timeout=S] [EVENT...]",
        takes: Takes::Events,
        summary: "Print events as they come, until Ctrl-C, N events or S seconds",
        more: "\
Prints all events from now on, or those that match an EVENT. EVENT may be a pattern, as in .wait; -EVENT \
excludes events. With count=N, .follow ends with status 5 if fewer than N events come within timeout=S seconds.

A pipeline gets each event when it comes. .follow ends when the pipeline ends.

  .follow | jq -r .event
  .follow count=1 SHUTDOWN
  .follow timeout=60 BLOCK_* -BLOCK_IO_ERROR",
    },
    Description {
        name: "events",
        read: |words| Events::read(words).map(Action::from),
        words: "[on|off|EVENT...]",
        takes: Takes::Events,
        summary: "Show or set which events are displayed",
        more: "\
EVENT may be a pattern, as in .wait; -EVENT excludes events. --events chooses stdout or stderr. The default is \
on at the prompt and off in a batch. .wait sees all events.

  .events off
  .events BLOCK_* JOB_*
  .events -RTC_CHANGE",
    },
    Description {
        name: "output",
        read: |words| Output::read(words).map(Action::from),
        words: "[auto|json|pretty|table|raw]",
        takes: Takes::Listed,
        summary: "Show or set the output format, as with -o",
        more: "  .output table",
    },
    Description {
        name: "timing",
        read: |words| ShowTiming::read(words).map(Action::from),
        words: "[on|off]",
        takes: Takes::Listed,
        summary: "Show how long each command took",
        more: "\
The time is below the result; in a batch it is on stderr. With --pipeline, commands are then sent one at a time.

  .timing on",
    },
    Description {
        name: "pager",
        read: |words| UsePager::read(words).map(Action::from),
        words: "[on|off]",
        takes: Takes::Listed,
        summary: "Show or set whether long results go through a pager",
        more: "\
At the prompt, a result that is longer than the screen goes through $QMPSH_PAGER, $PAGER or `less -FRX`. An empty \
variable and `cat` mean no pager. The results of .watch and .follow are shown as they come.

  .pager off",
    },
    Description {
        name: "log",
        read: |words| Log::read(words).map(Action::from),
        words: "[FILE|off]",
        takes: Takes::File,
        summary: "Show or set the file that records all messages, as with -l",
        more: "\
Appends each message sent or received from now on to FILE: one JSON object a line, with its time, secrets as \
***. To log to a file named off, write ./off.

  .log wire.log
  .log off",
    },
    Description {
        name: "jobs",
        read: |_| Ok(JobList.into()),
        words: "",
        takes: Takes::Listed,
        summary: "List the jobs, including ended ones with their outcome",
        more: "\
A job that ended has an `outcome`: completed, failed, cancelled or unknown. qmpsh remembers the last 1,000.",
    },
    Description {
        name: "job",
        read: |words| JobWait::read(words).map(Action::from),
        words: "[timeout=S] [until=ready|pending|concluded] ID",
        takes: Takes::Job,
        summary: "Wait for a job, show its progress, and dismiss it",
        more: "\
Fails if the job failed or was canceled. A job that ended earlier counts too, if this session saw it end. \
until=ready waits until `job-complete` is possible; until=pending, until `job-finalize` is. Ctrl-C ends only the \
waiting; the job goes on.

  blockdev-backup job-id=b1 device=disk0 target=backup0 sync=full
  .job timeout=3600 b1",
    },
    Description {
        name: "migration",
        read: |words| MigrationWait::read(words).map(Action::from),
        words: "[timeout=S]",
        takes: Takes::Listed,
        summary: "Wait for the migration and show its progress",
        more: "\
Fails if the migration failed or was canceled. On the destination it waits for the incoming migration.

  migrate uri=unix:/run/vm.sock
  .migration",
    },
    Description {
        name: "guest-exec",
        read: |words| GuestExec::read(words).map(Action::from),
        words: "[timeout=S] PATH [ARG...]",
        takes: Takes::Listed,
        summary: "Run a program in the guest and report its output and exit status (needs --qga)",
        more: "\
The agent starts PATH directly, without a shell. When the program ends, qmpsh prints its stdout and stderr \
separately; -o json prints the agent's report instead. timeout=S ends the waiting with status 5 after S seconds \
[default: --timeout]; the program goes on.

  .guest-exec /bin/ls -l /
  .guest-exec timeout=10 /bin/sh -c \"systemctl is-active sshd\"",
    },
    Description {
        name: "fd",
        read: |words| WithDescriptor::read(words).map(Action::from),
        words: "PATH|NUMBER COMMAND",
        takes: Takes::Descriptor,
        summary: "Send an open file with COMMAND, for `add-fd` and `getfd`",
        more: "\
Opens PATH for reading and writing, or read-only if its permissions allow no more. ro:PATH opens it read-only, as \
QEMU wants the file of a read-only image. wo:PATH creates or empties the file and opens it for writing. To open a \
file whose name begins with ro: or wo:, write ./ before it. NUMBER is a descriptor that qmpsh inherited. Needs a \
Unix socket.

  .fd disk.raw add-fd fdset-id=1
  blockdev-add driver=file node-name=n0 filename=/dev/fdset/1
  .fd ro:cd.iso add-fd fdset-id=2
  blockdev-change-medium id=cd0 filename=/dev/fdset/2 format=raw read-only-mode=read-only
  .fd wo:core getfd fdname=core",
    },
    Description {
        name: "source",
        read: |words| SourceFile::read(words).map(Action::from),
        words: "FILE",
        takes: Takes::File,
        summary: "Run the lines of FILE",
        more: "\
Stops at the first line that fails, unless --keep-going is given.

  .source setup.qmp",
    },
    Description {
        name: "edit",
        read: |_| Ok(Edit.into()),
        words: "",
        takes: Takes::Listed,
        summary: "Edit the last line in $VISUAL, $EDITOR or vi",
        more: "\
The text is then at the prompt, where Enter runs it. Ctrl-X Ctrl-E edits the line being typed. qmpsh removes the \
editor's file, which only you can read, and edits no line that has a secret.",
    },
    Description {
        name: "status",
        read: |_| Ok(Connection::Status.into()),
        words: "",
        takes: Takes::Listed,
        summary: "Show the connection",
        more: "",
    },
    Description {
        name: "connect",
        read: |words| Connect::read(words).map(Action::from),
        words: "[qga=on|off] [tls-creds=DIR|off] [tls-hostname=NAME] ADDRESS",
        takes: Takes::Address,
        summary: "Connect to another peer",
        more: "\
ADDRESS has the forms of the command line, but for fd:N. qmpsh leaves the current peer when the new one has \
answered. If that fails, an interactive shell keeps the current peer, and a batch ends with status 3.

Options of the command line such as --connect-timeout and --wait apply, and --qga unless qga= is given. The TLS \
credentials of the current connection are used for TCP; for other addresses give tls-creds=DIR.

  .connect vm:web2
  .connect qga=on /run/vm1/ga.sock",
    },
    Description {
        name: "reconnect",
        read: |_| Ok(Connection::Reconnect.into()),
        words: "",
        takes: Takes::Listed,
        summary: "Connect again",
        more: "Closes the current connection first.",
    },
    Description {
        name: "monitor",
        read: |words| NewMonitor::read(words).map(Action::from),
        words: "PATH",
        takes: Takes::File,
        summary: "Make a monitor at the Unix socket PATH for one other client (QEMU 11.1 and later)",
        more: "\
QEMU serves one client at a time on each monitor. The new monitor outlives this shell. When its client leaves, \
QEMU removes the monitor, its character device and the socket file.

Over a Unix socket of this machine, PATH is relative to the shell's directory. The socket has mode 0600 (one of \
a storage daemon a moment after it was made). A stale socket is replaced; any other file at PATH is an error. \
The file stays if QEMU may not remove it, or sees other directories. Over TCP, ssh:// and exec: QEMU makes the \
socket: PATH is absolute, on QEMU's machine, where QEMU replaces whatever is there. A file at PATH on this \
machine is an error too.

  .monitor /run/user/1000/second.sock",
    },
    Description {
        name: "detach",
        read: |_| Ok(Connection::Detach.into()),
        words: "",
        takes: Takes::Listed,
        summary: "Leave qmpsh and let the QEMU that `qmpsh run` started go on",
        more: "",
    },
    Description {
        name: "quit",
        read: |_| Ok(Connection::Quit.into()),
        words: "",
        takes: Takes::Listed,
        summary: "Leave qmpsh, as Ctrl-D and `exit` do (the command `quit` ends QEMU)",
        more: "",
    },
];

/// Finds a command by its name, with or without the dot.
pub(super) fn find(name: &str) -> Option<&'static Description> {
    let name = dot_name(name);
    COMMANDS.iter().find(|command| command.name == name)
}

/// Returns the usage line of a command.
pub(super) fn usage(name: &str) -> String {
    find(name).map_or_else(|| format!(".{name}"), Description::usage)
}

/// Makes the error for an unknown name.
pub(super) fn unknown(name: &str, span: Span) -> Refusal {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let human = || meant::refused_request(&Request::new(name), "CommandNotFound", "").filter(|_| is_name);
    let hint = if let Some(near) = nearest(name, COMMANDS.iter().map(|command| command.name)) {
        format!("did you mean .{near}?")
    } else if let Some(human) = human() {
        human
    } else if is_name {
        format!(".help built-in lists them; commands of the peer have no dot: `{name}`")
    } else {
        ".help built-in lists them".to_owned()
    };
    Refusal::new(span, format!("no such built-in command ({hint})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmpsh::language::syntax::{Statement, parse};

    #[test]
    fn every_command_in_the_table_is_read_and_others_are_refused() {
        let read = |text: &str| match parse(text).unwrap().remove(0).statement {
            Statement::Dot(dot) => super::super::read(&dot, None),
            other @ Statement::Invoke(_) => panic!("{other:?}"),
        };
        for command in COMMANDS {
            if let Err(refusal) = read(&format!(".{}", command.name)) {
                assert!(refusal.message.contains("is missing"), ".{}: {}", command.name, refusal.message);
                assert!(refusal.message.ends_with(&format!("(usage: {})", usage(command.name))), "{}", refusal.message);
            }
        }
        for command in COMMANDS {
            // These three mean something without a dot.
            if !matches!(command.name, "help" | "quit" | "log") {
                let expected = format!("built-in commands begin with a dot: write `.{}`", command.name);
                assert_eq!(meant::built_in(command.name), Some(expected));
            }
        }
        let check = |text: &str, expected: &str| assert_eq!(read(text).unwrap_err().message, expected, "{text}");
        check(".stats", "no such built-in command (did you mean .status?)");
        check(".x:y", "no such built-in command (.help built-in lists them)");
        check(
            ".query-name",
            "no such built-in command (.help built-in lists them; commands of the peer have no dot: `query-name`)",
        );
        check(".info block", "no such built-in command (`info` is a command of the human monitor: write `.hmp info`)");
        check(".quit now", ".quit takes no arguments");
        check(".source a b", ".source takes no more arguments");
        check(".source", "the name of a file is missing (usage: .source FILE)");
        check(".watch -1 query-status", "not a time in seconds");
        check(".watch 1s query-status", "not a time in seconds");
        check(".watch", "a command is missing (usage: .watch [SECONDS] [count=N] COMMAND)");
        check(".watch 1", "a command is missing (usage: .watch [SECONDS] [count=N] COMMAND)");
        check(".watch 1 count=0 query-status", "not a count of 1 or more");
    }
}
