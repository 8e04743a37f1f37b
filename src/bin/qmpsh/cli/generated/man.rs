//! The man page: the options from the definition of the command line, the shell's own commands from their table, the rest written
//! here and in `cli::manual`.

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
    // The title by hand: clap_mangen drops an empty date, and with it the places of what comes after.
    let title = concat!(".TH QMPSH 1 \"\" \"qmpsh ", env!("CARGO_PKG_VERSION"), "\" \"User Commands\"\n");
    out.extend(title.bytes());
    man.render_name_section(out).expect("name");
    write!(out, "{}", synopsis().render()).expect("synopsis");
    write!(out, "{}", description().render()).expect("description");
    let mut options = Vec::new();
    man.render_options_section(&mut options).expect("options");
    let mut options = String::from_utf8(options).expect("roff is text");
    for heading in headings {
        // The groups of options are parts of one section.
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
            "qmpsh speaks the QEMU Machine Protocol (QMP) with a running QEMU or with qemu-storage-daemon.",
            "It connects to an address. With listen it waits there for QEMU to connect, and takes one peer. With fd it uses \
             an inherited socket: descriptor N, or the one that systemd passes. With run it starts QEMU, with a monitor \
             that nobody else can reach, and ends it when the shell ends: quit, SIGTERM after 5 seconds, SIGKILL after 5 \
             more; .detach leaves the shell and lets QEMU run on.",
            "Words after the address are one command, which is run once: each word is a finished token, and the calling \
             shell's quoting is the only one. With -c and -f it runs lines of its language. Otherwise it is an interactive \
             shell if stdin and stdout are terminals, and else reads lines from stdin. With words, -c or -f FILE stdin is \
             not read.",
            "Options stand before the address or directly after it. The first word of the command ends them, and everything \
             after that word belongs to the command; -- ends them earlier. Words do not go together with -c or -f.",
            "The results, and nothing else, are on stdout; errors and diagnostics are on stderr. A result is the value of \
             return as the server sent it, on one line if stdout is no terminal. A batch ends with the first command that \
             fails, unless -k is given.",
        ],
    );
    roff
}

fn language() -> Roff {
    let mut roff = section("LANGUAGE");
    paragraphs(
        &mut roff,
        &[
            "One command a line. A blank line does nothing; a # at the start of a line or after white space begins a comment. \
             A line goes on while a bracket, a quote or a transaction is open.",
        ],
    );
    for (term, meaning) in [
        (
            "COMMAND KEY=VALUE ...",
            "A command and its arguments. A value has the type that the peer's own schema gives its argument: 0123 is a string \
             where a string is wanted; 10G, 0x10 and -5 are integers, on, off, yes, no, true and false booleans. What does not \
             fit is sent as a string, for the server to judge. Without a schema, JSON's integers, and true and false in any case, \
             are what they look like. The arguments of device_add that the schema does not list are strings, as with -device. \
             If the peer refuses an argument whose type the schema does not tell, and names the type, qmpsh converts it and \
             sends the command again.",
        ),
        ("KEY=\"TEXT\", KEY='TEXT'", "A string, whatever it looks like. Double quotes know JSON's escapes."),
        ("KEY={...}, KEY=[...]", "JSON, or a Python literal, perhaps over several lines."),
        (
            "KEY.KEY=VALUE, KEY.0=VALUE",
            "A nested object; a list, where the schema has one, or where it tells no type and the keys are 0 to n-1.",
        ),
        ("KEY:=JSON", "JSON and nothing else."),
        ("KEY==TEXT", "The text as it is, never interpreted: \"password==$PW\"."),
        (
            "KEY=@FILE, KEY:=@FILE",
            "The contents of FILE: as a string, one final newline dropped; as JSON. @- is stdin.",
        ),
        ("KEY=@?", "A text asked for at the terminal, without echo."),
        ("transaction( ... )", "Actions, separated by newlines or ;, that are done together or not at all."),
        ("{\"execute\": ...}", "A whole message as the protocol has it, exec-oob included."),
    ] {
        roff.control("TP", []).text([bold(term)]).text([roman(meaning)]);
    }
    paragraphs(
        &mut roff,
        &[
            "Quotes, {, [ and @ are special only as the first character of a value, so it's, a|b and tcp::2222-:22 are plain.",
            "The server is the judge: no command and no argument is refused because it is unknown here. What does not parse is \
           not sent.",
        ],
    );
    roff
}

fn own_commands() -> Roff {
    let mut roff = section("COMMANDS OF THE SHELL");
    paragraphs(
        &mut roff,
        &[
            "Words that begin with a dot belong to the shell. They work in scripts too. Their own options come first, before what \
           belongs to the command they carry. Patterns are shell globs.",
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

/// What stands in a list, as a sentence.
fn sentence(summary: &str) -> String {
    let (first, rest) = summary.split_at(1);
    format!("{}{}.", first.to_uppercase(), rest.replace('`', ""))
}

fn interactive() -> Roff {
    let mut roff = section("INTERACTIVE SHELL");
    paragraphs(
        &mut roff,
        &[
            "Events are shown above the line being typed, the moment they come. The prompt names the VM, if it has a name, and its \
             state if it does not run.",
            "Tab completes commands, the arguments that fit what stands there already, their values, file names, and what the VM has \
             at that moment: nodes, devices, QOM paths, properties, jobs. A second Tab lists what there is. A gray hint shows \
             the arguments still to come, required ones first; Tab does not need it. A name that the peer does not know turns red \
             before Enter; strings, numbers and keys are colored, unless --color never or NO_COLOR says otherwise. Completion \
             only sends queries that change nothing and load nothing. The names of device types come from a list in the program.",
            "Ctrl-C drops the line, or stops waiting for a command, whose late reply is shown when it comes; Ctrl-D on an empty line \
             leaves. Ctrl-R searches the history. A pipeline has the terminal until it ends, with Ctrl-C and Ctrl-Z, and events wait.",
            "What the peer sends cannot drive the terminal: control characters are shown escaped.",
        ],
    );
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
