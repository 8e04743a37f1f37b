//! The texts other than options that `--help`, the man page and README.md share.

use std::fmt::Write as _;

/// The synopsis of the command line.
pub(crate) const USAGE: &str = "qmpsh [OPTIONS] [connect] ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
       qmpsh [OPTIONS] listen ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
       qmpsh [OPTIONS] fd [N] [OPTIONS] [COMMAND [KEY=VALUE]...]
       qmpsh [OPTIONS] run [OPTIONS] [--] QEMU-COMMAND...
       qmpsh share ADDRESS --listen SOCKET[,OPTION...] [OPTIONS]
       qmpsh mcp ADDRESS [--allow PATTERN] [--deny PATTERN] [OPTIONS]
       qmpsh list [-o MODE]";

/// A term and what it means.
pub(crate) type Entry = (&'static str, &'static str);

/// The forms of an address.
pub(crate) const ADDRESSES: &[Entry] = &[
    ("PATH, unix:PATH", "Unix socket; PATH alone must contain a / or no :"),
    ("@NAME, unix:@NAME", "abstract Unix socket (Linux)"),
    ("HOST:PORT, [IPV6]:PORT, :PORT, tcp:HOST:PORT", "TCP; HOST defaults to localhost"),
    ("fd:N", "inherited socket, as with fd N"),
    ("vm:NAME, pid:N", "a free monitor of that QEMU on this machine; `qmpsh list` lists them (Linux)"),
    ("exec:COMMAND", "run COMMAND with sh -c and connect to its stdin and stdout"),
    ("ssh://[USER@]HOST[:PORT]/PATH", "Unix socket PATH on HOST, through the system's OpenSSH and its configuration"),
    ("unix:PATH,server=on,...", "QEMU's spelling; qmpsh uses abstract and tight and ignores the rest"),
];

/// Examples, and what each does.
pub(crate) const EXAMPLES: &[Entry] = &[
    ("qmpsh list", "list the QEMU processes here, their monitors and the clients that hold them"),
    ("qmpsh /tmp/qmp.sock", "start the interactive shell"),
    ("qmpsh vm:web1 query-status", "run a command in the VM of that name"),
    ("qmpsh /tmp/qmp.sock query-status", "run one command and print its result on one line"),
    ("qmpsh /tmp/qmp.sock -p device_add driver=e1000 id=net1", "run one command with arguments"),
    ("qmpsh localhost:4444 -c stop -c query-block -c cont", "run several commands"),
    ("qmpsh /tmp/qmp.sock -k <commands.txt", "run a batch and go on after errors"),
    ("qmpsh listen :4444", "wait for a QEMU started with -qmp tcp:localhost:4444"),
    ("qmpsh --tls-creds ~/pki host1:4444 query-status", "run a command in a VM on another machine, with TLS"),
    ("qmpsh run qemu-system-x86_64 -M q35", "start QEMU, and end it when the shell ends"),
    ("qmpsh share /tmp/qmp.sock --listen /tmp/shared.sock", "let many clients use one monitor at a time"),
    ("qmpsh mcp vm:web1", "let an AI agent look at a VM, by the Model Context Protocol on stdin and stdout"),
    ("qmpsh ssh://root@host1/run/vm1.qmp query-status", "run a command in a VM on another machine"),
    ("qmpsh /tmp/qmp.sock --wait 30 query-name", "run a command as soon as QEMU is up, within 30 seconds"),
];

/// The exit statuses.
pub(crate) const EXIT_STATUS: &[Entry] = &[
    ("0", "everything succeeded"),
    ("1", "a command, its pipeline or an awaited job failed, or results could not be written"),
    ("2", "usage error: a bad option, a bad address, a line that does not parse"),
    ("3", "no session: connecting, TLS, greeting or negotiation failed, or run could not start QEMU"),
    ("4", "the connection was lost before the end of the input"),
    ("5", "timed out waiting for a reply"),
    ("129, 143", "hung up (SIGHUP), terminated (SIGTERM)"),
    ("130", "interrupted"),
    ("141", "stdout was closed before all output was written"),
];

/// The environment variables.
pub(crate) const ENVIRONMENT: &[Entry] = &[
    ("QMP_SOCKET", "default address; without it, the shell takes your only VM with a free monitor"),
    ("NO_COLOR", "if not empty, --color auto uses no colors"),
    ("CLICOLOR_FORCE", "if neither empty nor 0, --color auto uses colors in files and pipes too"),
    ("QMPSH_LOG", "default of --log-level"),
    ("QMPSH_PAGER, PAGER", "pager at the prompt [default: less -FRX]; none if empty or cat"),
    ("TZ", "time zone of the times of events at the prompt [default: that of the system]"),
    ("XDG_CONFIG_HOME", "directory of the configuration file [default: ~/.config]"),
    ("VISUAL, EDITOR", "editor of .edit and Ctrl-X Ctrl-E [default: vi]"),
    ("XDG_STATE_HOME", "directory of the history file [default: ~/.local/state]"),
];

/// The keys of the line editor: the defaults of rustyline, and those that `terminal` adds.
pub(crate) const KEYS: &[Entry] = &[
    ("Enter", "Run the line; if a bracket, a quote or a transaction is open, begin another line of it."),
    ("Tab", "Complete the word; press again to see the whole list."),
    ("Right, End, Ctrl-F", "At the end of the line, take the next argument of the hint."),
    ("F1, Alt-H", "Show help on the command being typed."),
    ("Ctrl-C", "Drop the line, or stop waiting for a command; a late reply is shown when it comes."),
    ("Ctrl-D", "On an empty line, leave qmpsh; otherwise delete the character at the cursor."),
    ("Ctrl-Z", "Suspend qmpsh."),
    ("Ctrl-L", "Clear the screen."),
    (
        "Up, Down",
        "Move up or down in a line of several rows, or to the previous or next line of the history that begins with the \
         text before the cursor.",
    ),
    ("Ctrl-P, Ctrl-N", "Show the previous or next line of the history."),
    ("Alt-<, Alt->", "Show the first or last line of the history."),
    ("Ctrl-R, Ctrl-S", "Search the history backward or forward; Ctrl-G ends the search."),
    ("Left, Right, Ctrl-B, Ctrl-F", "Move by a character."),
    ("Alt-B, Alt-F, Ctrl-Left, Ctrl-Right", "Move by a word."),
    ("Home, End, Ctrl-A, Ctrl-E", "Move to the start or the end of the line."),
    ("Backspace, Ctrl-H, Delete", "Delete the character before or at the cursor."),
    (
        "Alt-Backspace, Ctrl-W, Alt-D",
        "Delete the word before or after the cursor; for Ctrl-W, white space ends a word.",
    ),
    ("Ctrl-U, Ctrl-K", "Delete to the start or the end of the line."),
    ("Ctrl-Y, Alt-Y", "Insert the text deleted last; Alt-Y replaces it with text deleted before."),
    ("Ctrl-T, Alt-T", "Swap two characters or two words."),
    ("Alt-U, Alt-L, Alt-C", "Make the word upper case, lower case, or capitalized."),
    ("Ctrl-X Ctrl-E", "Edit the line in $VISUAL, $EDITOR or vi."),
    ("Ctrl-V, Ctrl-Q", "Insert the next key as it is."),
    ("Ctrl-_, Ctrl-X Ctrl-U", "Undo the last change."),
];

/// The files.
#[cfg(test)]
pub(crate) const FILES: &[Entry] = &[
    ("$XDG_CONFIG_HOME/qmpsh/config.toml", "settings of the interactive shell; see Configuration"),
    (
        "$XDG_STATE_HOME/qmpsh/history",
        "history of the interactive shell, readable only by its owner; it omits lines with secrets or a leading space",
    ),
];

/// The keys of the configuration file.
#[cfg(test)]
pub(crate) const CONFIGURATION: &[Entry] = &[
    ("output = \"table\"", "The output format, as with -o."),
    ("pager = \"less -R\"", "The pager; false for none."),
    ("events = [\"BLOCK_*\", \"-RTC_CHANGE\"]", "The events that are displayed, as with .events; false for none."),
    ("timing = true", "Show how long each command took."),
    ("edit-mode = \"vi\"", "Use the keys of vi. The default is \"emacs\"."),
    (
        "[alias]",
        "Words that stand for a line, such as st = \"query-status\" or j = \".jobs\". What is typed after the word follows the \
         line. An alias does not hide a command of the peer, and is not expanded twice. Files have no aliases.",
    ),
    (
        "[colors]",
        "Colors of key, string, number, literal, event, error, hint and prompt, named as in git's configuration: \
         key = \"bold red\", hint = \"#ff8800\", prompt = \"brightblue\".",
    ),
];

/// The error if no address is given; a list of the QEMU processes follows.
pub(crate) const NO_ADDRESS: &str =
    "no address: give one, as in `qmpsh /tmp/qmp.sock` or `qmpsh vm:NAME`, or set $QMP_SOCKET";

/// The error if `share` gets no address.
pub(crate) const NOTHING_TO_SHARE: &str =
    "no address: give that of the monitor to share, as in `qmpsh share /tmp/qmp.sock --listen /tmp/shared.sock`";

/// The line below the list of QEMU processes, or in place of an empty one.
pub(crate) const HOW_TO_START: &str =
    "To start QEMU with a monitor: qemu-system-x86_64 ... -qmp unix:/tmp/qmp.sock,server=on,wait=off";

/// The part of `--help` after the options.
pub(super) fn after_help() -> String {
    // Longer terms have a line of their own.
    const COLUMN: usize = 24;
    let mut text = String::new();
    for (title, entries) in
        [("Addresses", ADDRESSES), ("Examples", EXAMPLES), ("Environment", ENVIRONMENT), ("Exit status", EXIT_STATUS)]
    {
        let width = entries.iter().map(|(term, _)| term.len()).max().unwrap_or(0);
        let _ = writeln!(text, "{title}:");
        for (term, meaning) in entries {
            let _ = if width > COLUMN {
                writeln!(text, "  {term}\n      {meaning}")
            } else {
                writeln!(text, "  {term:width$}  {meaning}")
            };
        }
        text.push('\n');
    }
    text.push_str("The man page qmpsh(1) describes the language.");
    text
}
