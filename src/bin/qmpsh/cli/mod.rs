//! The command line: from arguments to validated types. Nothing else knows clap.
//!
//! The grammar:
//!
//! ```text
//! qmpsh [OPTIONS] [connect] ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
//! qmpsh [OPTIONS] listen ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
//! qmpsh [OPTIONS] fd [N] [OPTIONS] [COMMAND [KEY=VALUE]...]
//! qmpsh [OPTIONS] run [OPTIONS] [--] QEMU-COMMAND...
//! qmpsh share ADDRESS --listen SOCKET[,OPTION...]
//! qmpsh mcp ADDRESS
//! qmpsh list
//! ```
//!
//! Options stand before the address or directly after it. The first word of the command ends them, whatever follows
//! belongs to the command; `--` ends them earlier. Without an address `$QMP_SOCKET` is used. Without that, the
//! interactive shell takes the only VM there is; otherwise the error lists the QEMU processes.

mod connect_mode;
mod definition;
mod exit;
#[cfg(test)]
mod generated;
pub(crate) mod manual;
mod share;
mod values;
mod words;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::CommandFactory;
use connect_mode::Subcommand;
pub(crate) use connect_mode::{ConnectMode, no_host_name};
use definition::CommandLine;
#[cfg(test)]
pub(crate) use definition::command;
pub(crate) use definition::{ColorMode, EventsMode, Options, OutputMode};
pub(crate) use exit::Exit;
use exit::{OURS, usage};
use qmpsh::address::Address;
use qmpsh::text;
pub(crate) use share::{INSECURE, Place, ShareSocket, Sharing};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    /// A session.
    Session(Box<Invocation>),
    /// A session, without an address.
    NoAddress(Box<(Input, Options)>),
    /// `share`: one monitor for many clients.
    Share(Box<Sharing>),
    /// `mcp`: the monitor as tools for an agent.
    Mcp(Box<(Address, Options)>),
    /// `list`: the QEMU processes of this machine.
    List(Listing),
}

/// How the QEMU processes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listing {
    /// `Auto` is a table.
    pub output: OutputMode,
}

/// A session that the command line asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Invocation {
    /// The way to the monitor.
    pub mode: ConnectMode,
    /// The commands to run there.
    pub input: Input,
    pub options: Options,
}

/// Where the commands come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// The words after the address: one command, each word a finished token. Never empty.
    Words(Vec<String>),
    /// `-c` and `-f`, in the order given. Never empty.
    Lines(Vec<Source>),
    /// Neither: the interactive shell if stdin and stdout are terminals, otherwise a batch from stdin.
    Default,
}

/// One source of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `-c LINE`; the text may have several lines.
    Line(String),
    /// `-f FILE`.
    File(PathBuf),
    /// `-f -`; at most once in an [`Input`].
    Stdin,
}

/// Reads the command line: `args` begins with the program's own name, as [`std::env::args_os`] does; `env` looks up
/// an environment variable, as [`std::env::var_os`] does.
pub(crate) fn parse(
    args: impl IntoIterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Task, Exit> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let env = |name| env(name).filter(|value| !value.is_empty());
    let mut command = CommandLine::command();

    let subcommand = connect_mode::rewrite(&command, &mut args);
    let (line, given) = definition::read(&mut command, &args).map_err(|error| {
        if error.use_stderr() { Exit::Usage(clap_error(&error)) } else { Exit::Show(error.to_string()) }
    })?;
    if let Some(text) = line.generated() {
        return Err(Exit::Generated(text.to_owned()));
    }
    if subcommand == Subcommand::List {
        return match line.first_but(&command, &given, &["output", "pretty", "color"]) {
            None => Ok(Task::List(Listing { output: line.options.output.unwrap_or(OutputMode::Auto) })),
            Some(what) => Err(usage(format_args!(
                "`list` takes only -o, -p and --color, not {what} (for a socket of that name, write ./list)"
            ))),
        };
    }
    let CommandLine { address, mut words, mut options, sharing, .. } = line;
    if let Some(name) = match subcommand {
        Subcommand::Share => Some("share"),
        Subcommand::Mcp => Some("mcp"),
        _ => None,
    } && let Some(what) = not_for_service(name, &options, &given.sources, &words)
    {
        return Err(usage(format_args!("`{name}` does not take {what} (for a socket of that name, write ./{name})")));
    }
    if subcommand == Subcommand::Share {
        options.finish(&given, env("QMPSH_LOG").as_deref()).map_err(usage)?;
        let address = address.or_else(|| env("QMP_SOCKET")).ok_or_else(|| usage(manual::NOTHING_TO_SHARE))?;
        return Ok(Task::Share(Box::new(sharing.read(&address, options)?)));
    }
    if let Some(option) = sharing.first() {
        return Err(usage(format_args!("{option} works only with `qmpsh share`")));
    }
    let mode = match (address, env("QMP_SOCKET")) {
        // The words are the arguments of QEMU.
        (program, _) if subcommand == Subcommand::Run => Some(connect_mode::run(program, std::mem::take(&mut words))?),
        (Some(text), _) => Some(connect_mode::parse(subcommand, &text)?),
        (None, Some(text)) => Some(connect_mode::parse(subcommand, &text).map_err(|exit| exit.about("$QMP_SOCKET"))?),
        (None, None) if subcommand != Subcommand::Connect => return Err(usage(manual::NO_ADDRESS)),
        (None, None) => None,
    };
    options.finish(&given, env("QMPSH_LOG").as_deref()).map_err(usage)?;
    let input = input(given.sources, words)?;
    if let (Subcommand::Mcp, Some(mode)) = (subcommand, &mode) {
        if !cfg!(feature = "mcp") {
            return Err(usage("this qmpsh was built without `mcp`"));
        }
        if options.reconnect.is_some() {
            return Err(usage("--reconnect does not work with `mcp`, which connects again at the next call"));
        }
        connect_mode::check(mode, &options).map_err(usage)?;
        let ConnectMode::Connect(address) = mode else {
            return Err(usage(
                "`mcp` takes an address to connect to, not an inherited socket, which serves one connection",
            ));
        };
        // An agent gets what changes something only where a person allows it.
        options.read_only = true;
        return Ok(Task::Mcp(Box::new((address.clone(), options))));
    }
    let Some(mode) = mode else { return Ok(Task::NoAddress(Box::new((input, options)))) };
    connect_mode::check(&mode, &options).map_err(usage)?;
    if options.reconnect.is_some() {
        if input != Input::Default {
            return Err(usage(NO_RECONNECT));
        }
        if !matches!(mode, ConnectMode::Connect(_)) {
            return Err(usage("--reconnect works only for connecting; `listen` listens again by itself"));
        }
    }
    Ok(Task::Session(Box::new(Invocation { mode, input, options })))
}

/// Returns what is given and means nothing to `share` and `mcp`.
fn not_for_service(name: &str, options: &Options, sources: &[(bool, OsString)], words: &[OsString]) -> Option<String> {
    let given = [
        ("-c or -f", !sources.is_empty()),
        ("--qga: an agent cannot be shared", options.guest_agent && name == "share"),
        ("--qga: its tools are for a monitor", options.guest_agent),
        ("-N", options.skip_negotiation),
        ("-H", options.hmp),
    ];
    if let Some(word) = words.first() {
        return Some(format!("commands, such as `{}`", word.to_string_lossy().escape_debug()));
    }
    given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name.to_owned())
}

fn input(sources: Vec<(bool, OsString)>, words: Vec<OsString>) -> Result<Input, Exit> {
    if let (Some(word), false) = (words.first(), sources.is_empty()) {
        return Err(usage(format_args!(
            "`{}` after -c or -f is ambiguous; put it in a -c of its own",
            word.to_string_lossy().escape_debug()
        )));
    }
    if !sources.is_empty() {
        let sources: Vec<Source> = sources.into_iter().map(source).collect::<Result<_, _>>()?;
        if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
            return Err(usage("`-f -` is given twice, but stdin can be read only once"));
        }
        return Ok(Input::Lines(sources));
    }
    if words.is_empty() {
        return Ok(Input::Default);
    }
    words.into_iter().map(|word| utf8(word, "the word")).collect::<Result<_, _>>().map(Input::Words)
}

fn source((is_line, value): (bool, OsString)) -> Result<Source, Exit> {
    match value.as_bytes() {
        _ if is_line => utf8(value, "the line of -c,").map(Source::Line),
        b"-" => Ok(Source::Stdin),
        b"" => Err(usage("the file name of -f is empty; for stdin write `-f -`")),
        _ => Ok(Source::File(value.into())),
    }
}

fn utf8(text: OsString, what: &str) -> Result<String, Exit> {
    text.into_string().map_err(|text| {
        usage(format_args!(
            "{what} `{}` is not UTF-8, which QMP requires; in JSON, write a character as \\uXXXX",
            text.to_string_lossy().escape_debug()
        ))
    })
}

/// The error for `--reconnect` in a batch.
pub(crate) const NO_RECONNECT: &str =
    "--reconnect works only in the interactive shell; a batch ends with its connection";

fn clap_error(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    format!("{OURS}{}", text::lines(text).replace("try '--help'", "try 'qmpsh --help'"))
}

#[cfg(test)]
mod tests;
