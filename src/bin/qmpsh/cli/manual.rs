//! What `--help` and the man page say beside the options, written once.

use std::fmt::Write as _;

/// How the program is called.
pub(crate) const USAGE: &str = "qmpsh [OPTIONS] ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
       qmpsh [OPTIONS] connect ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
       qmpsh [OPTIONS] listen ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
       qmpsh [OPTIONS] fd [N] [OPTIONS] [COMMAND [KEY=VALUE]...]
       qmpsh [OPTIONS] run [OPTIONS] [--] QEMU-COMMAND...
       qmpsh list [-o MODE]";

/// A term and what it means.
pub(crate) type Entry = (&'static str, &'static str);

/// The forms of an address.
pub(crate) const ADDRESSES: &[Entry] = &[
    ("PATH, unix:PATH", "Unix socket: a word with a / in it, or without a :"),
    ("@NAME, unix:@NAME", "abstract Unix socket (Linux)"),
    ("HOST:PORT, [IPV6]:PORT, :PORT, tcp:HOST:PORT", "TCP; without a host it is localhost"),
    ("fd:N", "an inherited socket, as fd N"),
    ("vm:NAME, pid:N", "a free monitor of that QEMU on this machine; `qmpsh list` shows them (Linux)"),
    ("exec:COMMAND", "a command for sh -c: its stdin and stdout are the connection"),
    (
        "ssh://[USER@]HOST[:PORT]/PATH",
        "the Unix socket PATH on HOST, through the system's OpenSSH and its configuration",
    ),
    ("unix:PATH,server=on,...", "as QEMU spells it; abstract and tight are honored, the rest ignored"),
];

/// Calls to learn from, and what they do.
pub(crate) const EXAMPLES: &[Entry] = &[
    ("qmpsh list", "the QEMU processes here, their monitors, and who holds them"),
    ("qmpsh /tmp/qmp.sock", "the interactive shell"),
    ("qmpsh vm:web1 query-status", "a command to the VM of that name, wherever its monitor is"),
    ("qmpsh /tmp/qmp.sock query-status", "one command, its result on one line"),
    ("qmpsh /tmp/qmp.sock -p device_add driver=e1000 id=net1", "one command with arguments"),
    ("qmpsh localhost:4444 -c stop -c query-block -c cont", "several commands"),
    ("qmpsh /tmp/qmp.sock -k <commands.txt", "a batch that goes on after failures"),
    ("qmpsh listen :4444", "wait for a QEMU started with -qmp tcp:localhost:4444"),
    ("qmpsh --tls-creds ~/pki host1:4444 query-status", "a command to a VM on another machine, with TLS"),
    ("qmpsh run qemu-system-x86_64 -M q35", "start a QEMU, and end it when the shell ends"),
    ("qmpsh ssh://root@host1/run/vm1.qmp query-status", "a command to a VM on another machine"),
    ("qmpsh /tmp/qmp.sock --wait 30 query-name", "as soon as QEMU is up, within 30 seconds"),
];

/// The exit statuses.
pub(crate) const EXIT_STATUS: &[Entry] = &[
    ("0", "everything succeeded"),
    ("1", "a command failed: the server answered with an error, or the pipeline behind it failed"),
    ("2", "usage: a bad option, a bad address, a line that does not parse"),
    ("3", "no session: connecting, TLS, greeting or negotiation failed, or the QEMU of run"),
    ("4", "the connection was lost before the input ended"),
    ("5", "timed out waiting for a reply"),
    ("129, 143", "hung up (SIGHUP), terminated (SIGTERM)"),
    ("130", "interrupted"),
    ("141", "stdout was closed with work left"),
];

/// The environment variables.
pub(crate) const ENVIRONMENT: &[Entry] = &[
    ("QMP_SOCKET", "the address, if none is given"),
    ("NO_COLOR", "if not empty, no colors where --color is auto"),
    ("CLICOLOR_FORCE", "if neither empty nor 0, colors also in a file or a pipe where --color is auto"),
    ("QMPSH_LOG", "the level of diagnostics, if --log-level is not given"),
    ("XDG_STATE_HOME", "where the history is; without it ~/.local/state"),
];

/// The files.
#[cfg(test)]
pub(crate) const FILES: &[Entry] = &[(
    "$XDG_STATE_HOME/qmpsh/history",
    "the history of the interactive shell, readable by its owner only; lines with secrets, or with a leading space, are not kept",
)];

/// What a call without an address gets to read, above what runs here.
pub(crate) const NO_ADDRESS: &str =
    "no address: name it, as in `qmpsh /tmp/qmp.sock` or `qmpsh vm:NAME`, or set $QMP_SOCKET";

/// What stands below the processes, or in their place.
pub(crate) const HOW_TO_START: &str =
    "A QEMU with a monitor is started so: qemu-system-x86_64 ... -qmp unix:/tmp/qmp.sock,server=on,wait=off";

/// What stands after the options in `--help`.
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
