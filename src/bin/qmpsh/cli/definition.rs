//! The options as clap defines them, and how to read its matches.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use tracing::level_filters::LevelFilter;

use super::connect_mode::SubcommandOptions;
use super::{ColorMode, EventsMode, History, Options, OutputMode, manual, values};

const RUN: &str = "What to run";
const CONNECTION: &str = "Connection";
const OUTPUT: &str = "Output";
const SHELL: &str = "Interactive shell";

/// Defines the command line. `--help`, the man page and the completions are made from it.
pub(crate) fn command() -> Command {
    Command::new("qmpsh")
        .version(env!("CARGO_PKG_VERSION"))
        .about("An interactive shell and a scripting client for the QEMU Machine Protocol (QMP)")
        .override_usage(manual::USAGE)
        .after_help("`qmpsh --help` adds addresses, examples and exit statuses.")
        .after_long_help(manual::after_help())
        .args_override_self(true)
        .next_line_help(false)
        .args(positionals())
        .args(run_options())
        .args(connection_options())
        .args(output_options())
        .args(shell_options())
        .arg(
            long("generate", "WHAT")
                .value_parser(GENERATED.map(|(what, _)| what))
                .hide_short_help(true)
                .help("Print the man page or a completion script"),
        )
}

/// The values of `--generate`, and the committed files that it prints. A test keeps them fresh.
const GENERATED: [(&str, &str); 4] = [
    ("man", include_str!("../../../../man/qmpsh.1")),
    ("bash", include_str!("../../../../completions/qmpsh.bash")),
    ("zsh", include_str!("../../../../completions/_qmpsh")),
    ("fish", include_str!("../../../../completions/qmpsh.fish")),
];

/// Returns the text that `--generate` asks for.
pub(super) fn generated(matches: &ArgMatches) -> Option<&'static str> {
    let wanted = matches.get_one::<String>("generate")?;
    GENERATED.iter().find(|(what, _)| what == wanted).map(|(_, text)| *text)
}

fn positionals() -> [Arg; 2] {
    [
        Arg::new("ADDRESS")
            .value_parser(value_parser!(OsString))
            .value_hint(ValueHint::FilePath)
            .help("The monitor: PATH, HOST:PORT, vm:NAME, ssh://HOST/PATH ... [default: $QMP_SOCKET]"),
        Arg::new("COMMAND")
            .value_parser(value_parser!(OsString))
            .value_hint(ValueHint::Other)
            .num_args(1..)
            .trailing_var_arg(true)
            .help("One command and its arguments (KEY=VALUE), run once"),
    ]
}

fn run_options() -> [Arg; 6] {
    [
        value("command", 'c', "LINE")
            .action(ArgAction::Append)
            .value_parser(value_parser!(OsString))
            .help("Run LINE and exit; can be repeated and combined with -f"),
        value("file", 'f', "FILE")
            .action(ArgAction::Append)
            .value_parser(value_parser!(OsString))
            .value_hint(ValueHint::FilePath)
            .help("Run the lines of FILE and exit; - is stdin"),
        flag("keep-going")
            .short('k')
            .help("Do not stop at the first command that fails")
            .long_help("Do not stop at the first command that fails; the exit status still reports it"),
        flag("hmp")
            .short('H')
            .help("Read lines as commands of the human monitor (HMP)")
            .long_help("Read lines as commands of the human monitor (HMP), except those that begin with a dot"),
        long("pipeline", "N")
            .value_parser(values::count)
            .allow_negative_numbers(true)
            .help("With -k: send up to N commands before their replies [default: 1]")
            .long_help("With -k: send up to N commands before their replies, for slow links [default: 1]"),
        value("timeout", 't', "SECONDS")
            .value_parser(values::limit)
            .allow_negative_numbers(true)
            .help("Set the timeout of each command [default: none]"),
    ]
    .map(|arg| arg.help_heading(RUN))
}

fn connection_options() -> [Arg; 10] {
    [
        long("connect-timeout", "SECONDS")
            .value_parser(values::limit)
            .allow_negative_numbers(true)
            .help("Set the timeout of connecting, greeting included [default: 10]")
            .long_help(
                "Set the timeout of connecting, greeting and negotiation together [default: 10]\n\
                 (for listen and run: counted from when the peer connects)",
            ),
        long("wait", "SECONDS")
            .value_parser(values::seconds)
            .allow_negative_numbers(true)
            .help("Keep trying until the monitor can be reached")
            .long_help(
                "Keep trying while the socket is missing, refuses, is busy, or closes before the greeting\n\
                 (for listen and run: wait this long for the peer [default: forever])",
            ),
        long("reconnect", "SECONDS")
            .value_parser(values::limit)
            .allow_negative_numbers(true)
            .help("Shell: reconnect every SECONDS after the connection is lost")
            .long_help("In the interactive shell, reconnect every SECONDS after the connection is lost"),
        long("max-message", "SIZE")
            .value_parser(values::size)
            .allow_negative_numbers(true)
            .help("Set the longest message to accept [default: 256M]")
            .long_help("Set the longest message to accept; k, M, G are powers of 1024 [default: 256M]"),
        flag("skip-negotiation")
            .short('N')
            .help("Skip the greeting and the negotiation")
            .long_help("Skip the greeting and the negotiation, for a peer that has done both already"),
        flag("qga")
            .help("Connect to a guest agent")
            .long_help("Connect to a guest agent (qemu-ga), with guest-sync-delimited in place of the greeting"),
        long("tls-creds", "DIR")
            .value_parser(value_parser!(PathBuf))
            .value_hint(ValueHint::DirPath)
            .help("Use TLS with the credentials in DIR, as QEMU's tls-creds-x509")
            .long_help(
                "Use TLS with the credentials in DIR, in files named as for QEMU's tls-creds-x509:\n\
                 ca-cert.pem and optionally ca-crl.pem; to connect, optionally client-cert.pem and\n\
                 client-key.pem; to listen, server-cert.pem and server-key.pem.\n\
                 qmpsh always verifies the peer",
            ),
        long("tls-hostname", "NAME")
            .value_parser(values::host_name)
            .hide_short_help(true)
            .help("Expect NAME in the server's certificate [default: the host]")
            .long_help("Expect NAME in the server's certificate: a name or an IP address [default: the host]"),
        long("socket-mode", "OCTAL")
            .value_parser(values::mode)
            .hide_short_help(true)
            .help("listen: set the mode of the Unix socket [default: 0600]")
            .long_help("listen: set the mode of the Unix socket [default: 0600]"),
        long("monitor", "PATH")
            .value_parser(value_parser!(PathBuf))
            .value_hint(ValueHint::FilePath)
            .hide_short_help(true)
            .help("run: make a second monitor at PATH, to reconnect to after .detach")
            .long_help("run: make a second monitor at PATH, to reconnect to after .detach"),
    ]
    .map(|arg| arg.help_heading(CONNECTION))
}

fn output_options() -> [Arg; 7] {
    [
        value("output", 'o', "MODE")
            .overrides_with("pretty")
            .hide_possible_values(true)
            .value_parser(one_of(OUTPUT_MODES))
            .help("Set the output format: auto, json, pretty, table, raw [default: auto]"),
        flag("pretty").short('p').overrides_with("output").help("Same as -o pretty"),
        long("color", "WHEN")
            .hide_possible_values(true)
            .value_parser(one_of(COLOR_MODES))
            .help("Use colors: auto, always, never [default: auto]")
            .long_help(
                "Color pretty and table output, events and errors: auto, always, never [default: auto]\n\
                 (json and raw have no colors)",
            ),
        long("events", "WHERE")
            .hide_possible_values(true)
            .value_parser(one_of(EVENTS_MODES))
            .help("Set where events go: show, hide, stderr [default: show if interactive]")
            .long_help("Set where events go: show (stdout), hide, stderr [default: show if interactive, else hide]"),
        flag("verbose")
            .short('v')
            .help("Print each sent message on stderr")
            .long_help("Print each sent message on stderr; secrets as ***"),
        value("logfile", 'l', "FILE")
            .value_parser(value_parser!(PathBuf))
            .value_hint(ValueHint::FilePath)
            .help("Append all messages to FILE as JSON lines")
            .long_help("Append all messages, sent and received, to FILE as JSON lines; secrets as ***"),
        long("log-level", "LEVEL")
            .value_parser(one_of(LEVELS))
            .hide_possible_values(true)
            .help("Set the log level: off, error, warn, info, debug, trace [default: warn]"),
    ]
    .map(|arg| arg.help_heading(OUTPUT))
}

fn shell_options() -> [Arg; 2] {
    [
        long("history", "FILE")
            .overrides_with("no-history")
            .value_parser(value_parser!(PathBuf))
            .value_hint(ValueHint::FilePath)
            .help("Keep the history in FILE [default: $XDG_STATE_HOME/qmpsh/history]"),
        flag("no-history").overrides_with("history").help("Do not keep a history"),
    ]
    .map(|arg| arg.help_heading(SHELL))
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn long(name: &'static str, value_name: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value_name).action(ArgAction::Set)
}

fn value(name: &'static str, short: char, value_name: &'static str) -> Arg {
    long(name, value_name).short(short)
}

/// The names that an option takes, each with its help and its value.
pub(crate) type Names<T> = &'static [(&'static str, Option<&'static str>, T)];

fn one_of<T: Copy + Send + Sync + 'static>(names: Names<T>) -> impl TypedValueParser<Value = T> {
    let possible = names.iter().map(|(name, help, _)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(possible).try_map(|given| {
        names.iter().find(|(name, ..)| given == *name).map(|(.., value)| *value).ok_or("no such value")
    })
}

pub(crate) const OUTPUT_MODES: Names<OutputMode> = &[
    ("auto", Some("pretty on a terminal, otherwise json"), OutputMode::Auto),
    ("json", Some("the result on one line"), OutputMode::Json),
    ("pretty", Some("the result indented"), OutputMode::Pretty),
    ("table", Some("the result in columns, for people"), OutputMode::Table),
    ("raw", Some("the server's whole reply on one line, errors too"), OutputMode::Raw),
];

const COLOR_MODES: Names<ColorMode> = &[
    ("auto", Some("on a terminal, unless NO_COLOR is set"), ColorMode::Auto),
    ("always", Some("also in a file or a pipe"), ColorMode::Always),
    ("never", Some("nowhere"), ColorMode::Never),
];

const EVENTS_MODES: Names<EventsMode> = &[
    ("show", Some("on stdout"), EventsMode::Show),
    ("hide", Some("nowhere"), EventsMode::Hide),
    ("stderr", Some("on stderr"), EventsMode::Stderr),
];

/// The levels that `--log-level` and `$QMPSH_LOG` take.
const LEVELS: Names<LevelFilter> = &[
    ("off", None, LevelFilter::OFF),
    ("error", None, LevelFilter::ERROR),
    ("warn", None, LevelFilter::WARN),
    ("info", None, LevelFilter::INFO),
    ("debug", None, LevelFilter::DEBUG),
    ("trace", None, LevelFilter::TRACE),
];

pub(super) fn address(matches: &ArgMatches) -> Option<&OsStr> {
    matches.get_one::<OsString>("ADDRESS").map(OsString::as_os_str)
}

/// The options that belong to one subcommand.
pub(super) fn own(matches: &ArgMatches) -> SubcommandOptions {
    SubcommandOptions {
        socket_mode: matches.get_one("socket-mode").copied(),
        monitor: matches.get_one::<PathBuf>("monitor").cloned(),
    }
}

pub(super) fn words(matches: &ArgMatches) -> Vec<&OsStr> {
    matches.get_many::<OsString>("COMMAND").into_iter().flatten().map(OsString::as_os_str).collect()
}

/// Returns the name (`command` or `file`) and the value of each `-c` and `-f`, in the order given.
pub(super) fn sources(matches: &ArgMatches) -> Vec<(&'static str, &OsStr)> {
    let of = |name: &'static str| {
        let values = matches.get_many::<OsString>(name).into_iter().flatten();
        matches.indices_of(name).into_iter().flatten().zip(values.map(move |value| (name, value.as_os_str())))
    };
    let mut all: Vec<_> = of("command").chain(of("file")).collect();
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, source)| source).collect()
}

/// Returns the output format of `-o` and `-p`.
pub(super) fn output(matches: &ArgMatches) -> OutputMode {
    let given = matches.get_one("output").copied();
    if matches.get_flag("pretty") { OutputMode::Pretty } else { given.unwrap_or(OutputMode::Auto) }
}

/// Returns the first word or option that is not the address or in `allowed`, for a message.
pub(super) fn first_but(matches: &ArgMatches, allowed: &[&str]) -> Option<String> {
    let given = |arg: &Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    if let Some(word) = words(matches).first() {
        return Some(format!("`{}`", word.to_string_lossy().escape_debug()));
    }
    let command = command();
    let mut options = command.get_arguments().filter(|arg| !arg.is_positional());
    let found = options.find(|arg| given(arg) && !allowed.contains(&arg.get_id().as_str()))?;
    found.get_long().map(|name| format!("--{name}"))
}

/// Reads the options. `log` is the value of `$QMPSH_LOG`.
///
/// # Errors
/// A bad `$QMPSH_LOG`, or options that do not go together.
pub(super) fn options(matches: &ArgMatches, log: Option<&OsStr>) -> Result<Options, String> {
    let default = Options::default();
    let duration = |name| matches.get_one::<Duration>(name).copied();
    let log_level = match (matches.get_one("log-level"), log) {
        (Some(level), _) => Some(*level),
        (None, Some(name)) => LEVELS.iter().find(|(known, ..)| name == *known).map(|(.., level)| *level),
        (None, None) => Some(default.log_level),
    };
    let pipeline = matches.get_one("pipeline").copied();
    if pipeline.is_some() && !matches.get_flag("keep-going") {
        return Err(
            "--pipeline needs -k (--keep-going): it sends commands before it knows whether earlier ones failed"
                .to_owned(),
        );
    }
    Ok(Options {
        keep_going: matches.get_flag("keep-going"),
        pipeline: pipeline.unwrap_or(default.pipeline),
        timeout: duration("timeout"),
        connect_timeout: duration("connect-timeout").unwrap_or(default.connect_timeout),
        // `--wait 0` means one attempt.
        wait: duration("wait").filter(|wait| !wait.is_zero()),
        reconnect: duration("reconnect"),
        output: output(matches),
        color: matches.get_one("color").copied().unwrap_or(default.color),
        events: matches.get_one("events").copied(),
        verbose: matches.get_flag("verbose"),
        logfile: matches.get_one("logfile").cloned(),
        max_message: matches.get_one("max-message").copied().unwrap_or(default.max_message),
        history: match matches.get_one::<PathBuf>("history") {
            _ if matches.get_flag("no-history") => History::Off,
            Some(file) => History::File(file.clone()),
            None => default.history,
        },
        log_level: log_level.ok_or_else(|| {
            format!(
                "bad level `{}` in $QMPSH_LOG: use one of {}",
                log.unwrap_or_default().to_string_lossy().escape_debug(),
                LEVELS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
            )
        })?,
        guest_agent: matches.get_flag("qga"),
        skip_negotiation: matches.get_flag("skip-negotiation"),
        // See `tls::read`, which knows the way to the peer.
        tls: None,
        hmp: matches.get_flag("hmp"),
    })
}
