//! The man page: the options come from the definition of the command line, the built-in commands from their table, and the rest
//! from here and `cli::manual`.

use std::io::Write as _;

use crate::builtins::COMMANDS;
use crate::cli::manual::{self, Entry};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

/// The whole page.
pub(super) fn page() -> Vec<u8> {
    let command = crate::cli::command();
    let headings: Vec<String> =
        command.get_arguments().filter_map(|arg| arg.get_help_heading()).map(str::to_owned).collect();
    let man = Man::new(command);

    let mut page = Vec::new();
    let out = &mut page;
    // A page in an array cannot fail to be written.
    // clap_mangen drops an empty date, and the fields after it move up, so the title is written here.
    let title = concat!(".TH QMPSH 1 \"\" \"qmpsh ", env!("CARGO_PKG_VERSION"), "\" \"User Commands\"\n");
    out.extend(title.bytes());
    man.render_name_section(out).expect("name");
    write!(out, "{}", synopsis().render()).expect("synopsis");
    write!(out, "{}", description().render()).expect("description");
    let mut options = Vec::new();
    man.render_options_section(&mut options).expect("options");
    let mut options = String::from_utf8(options).expect("roff is text");
    for heading in headings {
        // clap_mangen makes a section of each group of options.
        options = options.replace(&format!(".SH \"{}\"\n", heading.to_uppercase()), &format!(".SS \"{heading}\"\n"));
        options = options.replace(&format!(".SH {}\n", heading.to_uppercase()), &format!(".SS {heading}\n"));
    }
    out.extend(options.bytes());
    for part in [
        entries("ADDRESSES", manual::ADDRESSES),
        language(),
        own_commands(),
        interactive(),
        entries("EXIT STATUS", manual::EXIT_STATUS),
        entries("ENVIRONMENT", manual::ENVIRONMENT),
        entries("FILES", manual::FILES),
        entries("EXAMPLES", manual::EXAMPLES),
        see_also(),
    ] {
        write!(out, "{}", part.render()).expect("section");
    }
    // Each part begins with the definition of the apostrophe; once is enough.
    let page = String::from_utf8(page).expect("roff is text");
    format!("{APOSTROPHE}{}", page.replace(APOSTROPHE, "")).into_bytes()
}

const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

fn section(title: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    roff
}

fn synopsis() -> Roff {
    let mut roff = section("SYNOPSIS");
    for line in manual::USAGE.lines() {
        let rest = line.trim_start().trim_start_matches("qmpsh ");
        roff.control("PP", []).text([bold("qmpsh"), roman(format!(" {rest}"))]);
    }
    roff
}

fn description() -> Roff {
    let mut roff = section("DESCRIPTION");
    paragraphs(
        &mut roff,
        &[
            "qmpsh speaks the QEMU Machine Protocol (QMP) with a running QEMU or qemu-storage-daemon.",
            "It connects to an address. Without one, and without $QMP_SOCKET, the interactive shell connects to the only VM of \
             this user that runs with a free monitor; if there is none, or a choice, qmpsh lists them and fails.",
            "With listen it waits at the address for QEMU to connect, and accepts one peer. With fd it uses an \
             inherited socket: descriptor N, or the one that systemd passes. With run it starts QEMU with a private monitor and \
             ends it when the shell ends: with quit, with SIGTERM after 5 seconds, and with SIGKILL after 5 more. .detach leaves \
             the shell and lets QEMU run on.",
            "The words after the address are one command, which qmpsh runs once. Each word is a finished token: only the calling \
             shell interprets quotes. With -c and -f, qmpsh runs lines of its own language. Without a command, it is an \
             interactive shell if stdin and stdout are terminals; otherwise it reads lines from stdin. With a command, -c or \
             -f FILE, it does not read stdin.",
            "Options go before the address or directly after it. The first word of the command ends the options, and all later \
             words belong to the command; -- ends the options earlier. A command cannot be combined with -c or -f.",
            "stdout has the results and nothing else; errors and diagnostics go to stderr. A result is the value of return as the \
             server sent it, on one line if stdout is not a terminal. A batch stops at the first command that fails, unless -k is \
             given.",
        ],
    );
    roff
}

fn language() -> Roff {
    let mut roff = section("LANGUAGE");
    paragraphs(
        &mut roff,
        &[
            "Each line has one command. A blank line does nothing; a # at the start of a line or after white space begins a \
             comment. A line continues while a bracket, a quote or a transaction is open.",
        ],
    );
    for (term, meaning) in [
        (
            "COMMAND KEY=VALUE ...",
            "A command and its arguments. A value has the type that the peer's schema gives the argument. 0123 is a string if \
             the schema has a string. 10G, 0x10 and -5 are integers; on, off, yes, no, true and false are booleans. A value that \
             does not fit is sent as a string, and the server decides. Without a schema, JSON integers become integers, and true \
             and false in any case become booleans. Arguments of device_add that the schema does not list are strings, as with \
             -device. If the peer refuses an argument and names its type, and the schema gives none, qmpsh converts the argument \
             and sends the command again.",
        ),
        ("KEY=\"TEXT\", KEY='TEXT'", "A string. In double quotes, JSON escapes work."),
        ("KEY={...}, KEY=[...]", "JSON or a Python literal; it can span several lines."),
        (
            "KEY.KEY=VALUE, KEY.0=VALUE",
            "A nested object; or a list, if the schema has a list, or has no type and the keys are 0 to n-1.",
        ),
        ("KEY:=JSON", "Strict JSON."),
        ("KEY==TEXT", "The text as it is, without interpretation: \"password==$PW\"."),
        (
            "KEY=@FILE, KEY:=@FILE",
            "The contents of FILE: with = as a string without its final newline, with := as JSON. @- is stdin.",
        ),
        ("KEY=@?", "Text that qmpsh asks for at the terminal, without echo."),
        (
            "NAME",
            "First after some commands, the argument that names one existing thing, as in `device_del net0`. \
             `balloon` takes a size with its unit. `.help COMMAND` says which argument it is.",
        ),
        ("transaction( ... )", "Actions, separated by newlines or ;, that QEMU does together or not at all."),
        (
            "{\"execute\": ...}",
            "A whole QMP message, in JSON or as a Python dict; exec-oob works too. Several can stand on one line.",
        ),
    ] {
        roff.control("TP", []).text([bold(term)]).text([roman(meaning)]);
    }
    paragraphs(
        &mut roff,
        &[
            "Quotes, {, [ and @ are special only as the first character of a value, so it's, a|b and tcp::2222-:22 are plain.",
            "qmpsh sends commands and arguments that it does not know; the server decides. It does not send a line that does not \
             parse.",
        ],
    );
    roff
}

fn own_commands() -> Roff {
    let mut roff = section("BUILT-IN COMMANDS");
    paragraphs(
        &mut roff,
        &[
            "Words that begin with a dot are built-in commands. They work in scripts too. Their options come first, before the \
             command they run. Patterns are shell globs.",
        ],
    );
    for command in COMMANDS {
        roff.control("TP", []).text([bold(command.usage())]).text([roman(sentence(command.summary))]);
        for paragraph in command.more.split("\n\n") {
            if paragraph.starts_with("  ") {
                roff.control("RS", []).control("PP", []).control("nf", []);
                for line in paragraph.lines() {
                    roff.text([roman(line.trim_start())]);
                }
                roff.control("fi", []).control("RE", []);
            } else if !paragraph.is_empty() {
                roff.control("IP", []).text([roman(paragraph.replace('`', "").replace('\n', " "))]);
            }
        }
    }
    roff
}

/// A summary as a sentence of the man page.
fn sentence(summary: &str) -> String {
    format!("{}.", summary.replace('`', ""))
}

fn interactive() -> Roff {
    let mut roff = section("INTERACTIVE SHELL");
    paragraphs(
        &mut roff,
        &[
            "Events appear above the line you are typing, as soon as they come. The prompt shows the name of the VM, if it has \
             one, and its run state, if it is not running.",
            "A pipeline has the terminal until it ends, including Ctrl-C and Ctrl-Z; events wait until then.",
            "Output from the peer cannot control the terminal: qmpsh escapes control characters.",
        ],
    );
    roff.control("SS", ["Completion"]);
    paragraphs(
        &mut roff,
        &[
            "Tab completes commands, arguments that fit the rest of the line, their values, file names, and what the VM has at \
             that moment: nodes, devices, QOM paths, properties, jobs. If several candidates fit, Tab lists them; a second Tab \
             shows the whole list. A candidate fits if it begins with the typed text. If none does, Tab ignores case and the \
             difference between - and _. If there is still none, and two or more letters are typed, Tab finds candidates that \
             contain the text: mirror finds blockdev-mirror and drive-mirror.",
            "A gray hint shows the arguments still to come, required ones first. A name that the peer does not know turns red \
             before Enter. Strings, numbers and keys are colored, unless --color never or NO_COLOR turns colors off. Completion \
             only sends queries that change nothing and load nothing. The names of device types come from a list in the program.",
        ],
    );
    roff.control("SS", ["Keys"]);
    paragraphs(
        &mut roff,
        &[
            "The keys are those of Emacs and readline. With edit-mode = \"vi\" in the configuration file they are those of vi: a \
             line begins in insert mode, and Escape changes to command mode. Tab, Ctrl-C, Ctrl-D, Ctrl-Z, Ctrl-R and Ctrl-X \
             Ctrl-E work in both.",
        ],
    );
    for (keys, meaning) in manual::KEYS {
        roff.control("TP", []).text([bold(*keys)]).text([roman(*meaning)]);
    }
    roff.control("SS", ["Configuration"]);
    paragraphs(
        &mut roff,
        &[
            "The interactive shell reads $XDG_CONFIG_HOME/qmpsh/config.toml. Options win over it, and scripts do not read it. An \
             unknown key or a bad value is a warning.",
        ],
    );
    for (key, meaning) in manual::CONFIGURATION {
        roff.control("TP", []).text([bold(*key)]).text([roman(*meaning)]);
    }
    roff
}

fn see_also() -> Roff {
    let mut roff = section("SEE ALSO");
    roff.text([
        bold("qemu"),
        roman("(1), "),
        bold("qemu-qmp-ref"),
        roman("(7), "),
        bold("qemu-storage-daemon"),
        roman("(1), "),
        italic("https://www.qemu.org/docs/master/interop/qmp-spec.html"),
    ]);
    roff
}

fn entries(title: &str, entries: &[Entry]) -> Roff {
    let mut roff = section(title);
    for (term, meaning) in entries {
        roff.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
    roff
}

fn paragraphs(roff: &mut Roff, texts: &[&str]) {
    for text in texts {
        roff.control("PP", []).text([roman(*text)]);
    }
}
