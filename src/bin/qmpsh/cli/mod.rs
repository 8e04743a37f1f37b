//! The command line: from arguments to validated types. Nothing else knows clap.
//!
//! The grammar:
//!
//! ```text
//! qmpsh [OPTIONS] [connect] ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
//! qmpsh [OPTIONS] listen ADDRESS [OPTIONS] [COMMAND [KEY=VALUE]...]
//! qmpsh [OPTIONS] fd [N] [OPTIONS] [COMMAND [KEY=VALUE]...]
//! qmpsh [OPTIONS] run [OPTIONS] [--] QEMU-COMMAND...
//! qmpsh list
//! ```
//!
//! Options stand before the address or directly after it. The first word of the command ends them, whatever follows
//! belongs to the command; `--` ends them earlier. Without an address `$QMP_SOCKET` is used. Without that, the error
//! lists the QEMU processes.

mod connect_mode;
mod definition;
#[cfg(test)]
mod generated;
pub(crate) mod manual;
mod tls;
mod values;
mod words;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

pub(crate) use connect_mode::ConnectMode;
use connect_mode::Subcommand;
pub(crate) use definition::{OUTPUT_MODES, command};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    /// A session.
    Session(Box<Invocation>),
    /// `list`: the QEMU processes of this machine.
    List(Listing),
}

/// How the QEMU processes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listing {
    /// False if the list stands in for a missing address.
    pub asked: bool,
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

/// The options, with their defaults filled in.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Options {
    /// A batch goes on after a command failed.
    pub keep_going: bool,
    /// How many commands of a batch may be unanswered at once; more than one only with `keep_going`. Never zero.
    pub pipeline: usize,
    /// How long a command may wait for its reply; `None` is forever. Never zero.
    pub timeout: Option<Duration>,
    /// How long connecting, greeting and negotiation may take together. Never zero.
    pub connect_timeout: Duration,
    /// How long to try again while the peer cannot be reached; `None` is a single attempt. Where the peer connects to us:
    /// how long to wait for it; `None` is forever. Never zero.
    pub wait: Option<Duration>,
    /// The pause before the interactive shell connects again; `None`: it does not. Never zero.
    pub reconnect: Option<Duration>,
    pub output: OutputMode,
    pub color: ColorMode,
    /// Where events go; `None` leaves it to the mode: shown in the interactive shell, otherwise hidden.
    pub events: Option<EventsMode>,
    /// Each message sent is shown on stderr.
    pub verbose: bool,
    /// Where the messages of the wire are recorded.
    pub logfile: Option<PathBuf>,
    /// The longest message accepted from the peer, in bytes. Never zero.
    pub max_message: usize,
    /// Where the interactive shell keeps its history.
    pub history: History,
    /// Which diagnostics go to stderr.
    pub log_level: LevelFilter,
    /// The peer is a guest agent.
    pub guest_agent: bool,
    /// The session starts without greeting and negotiation.
    pub skip_negotiation: bool,
    /// Lines are commands of the human monitor.
    pub hmp: bool,
    pub tls: Option<Tls>,
}

/// The options of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// The directory with the credentials.
    pub credentials: PathBuf,
    /// The name that the server's certificate must be for; without it, the host of the address.
    pub hostname: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            keep_going: false,
            pipeline: 1,
            timeout: None,
            connect_timeout: Duration::from_secs(10),
            wait: None,
            reconnect: None,
            output: OutputMode::Auto,
            color: ColorMode::Auto,
            events: None,
            verbose: false,
            logfile: None,
            max_message: 256 << 20,
            history: History::Default,
            log_level: LevelFilter::WARN,
            guest_agent: false,
            skip_negotiation: false,
            tls: None,
            hmp: false,
        }
    }
}

/// How results are printed: `-o`, `-p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputMode {
    /// `Pretty` on a terminal, otherwise `Json`.
    Auto,
    /// The `return` value, on one line.
    Json,
    /// The `return` value, indented.
    Pretty,
    /// The `return` value as columns of text.
    Table,
    /// The server's whole reply on one line, errors included.
    Raw,
}

/// When colors are used: `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColorMode {
    /// On a terminal with colors, unless the environment forbids them.
    Auto,
    /// Also in a file or a pipe.
    Always,
    /// Nowhere.
    Never,
}

/// Where events go: `--events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventsMode {
    /// To stdout, among the results.
    Show,
    /// Nowhere.
    Hide,
    /// To stderr.
    Stderr,
}

/// Where the history is: `--history`, `--no-history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum History {
    /// `$XDG_STATE_HOME/qmpsh/history`.
    Default,
    /// This file.
    File(PathBuf),
    /// Nowhere.
    Off,
}

/// The text with which the program ends without running a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Asked for (`--help`, `--version`): to stdout.
    Show(String),
    /// A file that `--generate` prints: to stdout, as it is.
    Generated(&'static str),
    /// A usage error: to stderr.
    Usage(String),
}

impl Exit {
    /// The text to print, with its final newline.
    pub(crate) fn text(&self) -> &str {
        match self {
            Exit::Show(text) | Exit::Usage(text) => text,
            Exit::Generated(text) => text,
        }
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Exit::Show(_) | Exit::Generated(_) => 0,
            Exit::Usage(_) => 2,
        }
    }

    /// Names the source of the text that a usage error is about.
    fn about(self, source: &str) -> Self {
        match self {
            Exit::Usage(text) => Exit::Usage(text.replacen(OURS, &format!("{OURS}{source}: "), 1)),
            show => show,
        }
    }
}

/// Reads the command line: `args` begins with the program's own name, as [`std::env::args_os`] does; `env` looks up
/// an environment variable, as [`std::env::var_os`] does.
pub(crate) fn parse(
    args: impl IntoIterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Task, Exit> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let env = |name| env(name).filter(|value| !value.is_empty());
    let mut command = command();

    let subcommand = connect_mode::rewrite(&command, &mut args);
    let matches = command.try_get_matches_from_mut(args).map_err(|error| {
        if error.use_stderr() { Exit::Usage(clap_error(&error)) } else { Exit::Show(error.to_string()) }
    })?;

    if let Some(text) = definition::generated(&matches) {
        return Err(Exit::Generated(text));
    }
    let output = definition::output(&matches);
    if subcommand == Subcommand::List {
        return match definition::first_but(&matches, &["output", "pretty", "color"]) {
            None => Ok(Task::List(Listing { asked: true, output })),
            Some(what) => Err(usage(format_args!(
                "`list` takes only -o, -p and --color, not {what} (for a socket of that name, write ./list)"
            ))),
        };
    }
    let own = definition::own(&matches);
    let address = definition::address(&matches);
    let mut words = definition::words(&matches);
    let mode = match (address, env("QMP_SOCKET")) {
        // The words are the arguments of QEMU.
        (program, _) if subcommand == Subcommand::Run => connect_mode::run(program, &std::mem::take(&mut words), own)?,
        (Some(text), _) => connect_mode::parse(subcommand, text, &own)?,
        (None, Some(text)) => connect_mode::parse(subcommand, &text, &own).map_err(|exit| exit.about("$QMP_SOCKET"))?,
        (None, None) if subcommand != Subcommand::Connect => return Err(usage(manual::NO_ADDRESS)),
        (None, None) => return Ok(Task::List(Listing { asked: false, output })),
    };
    let mut options = definition::options(&matches, env("QMPSH_LOG").as_deref()).map_err(usage)?;
    options.tls = tls::read(&matches, &mode).map_err(usage)?;
    let input = input(&matches, words)?;
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

fn input(matches: &clap::ArgMatches, words: Vec<&OsStr>) -> Result<Input, Exit> {
    let sources = definition::sources(matches);
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

fn source((option, value): (&str, &OsStr)) -> Result<Source, Exit> {
    match value.as_bytes() {
        _ if option == "command" => utf8(value, "the line of -c,").map(Source::Line),
        b"-" => Ok(Source::Stdin),
        b"" => Err(usage("the file name of -f is empty; for stdin write `-f -`")),
        _ => Ok(Source::File(value.into())),
    }
}

fn utf8(text: &OsStr, what: &str) -> Result<String, Exit> {
    text.to_str().map(str::to_owned).ok_or_else(|| {
        usage(format_args!(
            "{what} `{}` is not UTF-8, which QMP requires; in JSON, write a character as \\uXXXX",
            text.to_string_lossy().escape_debug()
        ))
    })
}

/// The error for `--reconnect` in a batch.
pub(crate) const NO_RECONNECT: &str =
    "--reconnect works only in the interactive shell; a batch ends with its connection";

/// The beginning of usage errors.
const OURS: &str = "qmpsh: ";

/// Makes a usage error in the shape of clap's.
fn usage(sentence: impl std::fmt::Display) -> Exit {
    Exit::Usage(format!("{OURS}{sentence}\n\nFor more information, try 'qmpsh --help'.\n"))
}

fn clap_error(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    format!("{OURS}{}", text.replace("try '--help'", "try 'qmpsh --help'"))
}

#[cfg(test)]
mod tests;
