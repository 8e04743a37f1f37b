//! The command line as clap defines it. The doc comments of the options are what `--help` shows.

#![allow(clippy::doc_markdown, reason = "the doc comments of the options are plain text for a terminal")]

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, Command, CommandFactory, FromArgMatches, Id, Parser, ValueEnum, ValueHint};
use tracing::level_filters::LevelFilter;

use super::{manual, values};
use qmpsh::policy::{Policy, Rule};

const RUN: &str = "What to run";
const CONNECTION: &str = "Connection";
const OUTPUT: &str = "Output";
const POLICY: &str = "What may be sent";
const SHARE: &str = "Share";
const SHELL: &str = "Interactive shell";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "qmpsh",
    version,
    about = "An interactive shell and a scripting client for the QEMU Machine Protocol (QMP)",
    override_usage = manual::USAGE,
    after_help = "`qmpsh --help` adds addresses, examples and exit statuses.",
    args_override_self = true,
    next_line_help = false
)]
pub(super) struct CommandLine {
    /// The monitor: PATH, HOST:PORT, vm:NAME, ssh://HOST/PATH ... [default: $QMP_SOCKET]
    #[arg(id = "ADDRESS", value_hint = ValueHint::FilePath)]
    pub address: Option<OsString>,
    /// One command and its arguments (KEY=VALUE), run once
    #[arg(id = "COMMAND", value_hint = ValueHint::Other, num_args = 1.., trailing_var_arg = true)]
    pub words: Vec<OsString>,
    /// Run LINE and exit; can be repeated and combined with -f
    #[arg(short = 'c', long = "command", value_name = "LINE", help_heading = RUN)]
    pub lines: Vec<OsString>,
    /// Run the lines of FILE and exit; - is stdin
    #[arg(short = 'f', long = "file", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = RUN)]
    pub files: Vec<OsString>,
    #[command(flatten)]
    pub options: Options,
    #[command(flatten)]
    pub sharing: ShareOptions,
    /// Print the man page or a completion script
    #[arg(long, value_name = "WHAT", value_parser = GENERATED.map(|(what, _)| what), hide_short_help = true)]
    pub generate: Option<String>,
}

/// The options.
#[derive(Debug, Clone, PartialEq, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Options {
    /// Do not stop at the first command that fails
    #[arg(short = 'k', long, help_heading = RUN)]
    #[arg(long_help = "Do not stop at the first command that fails; the exit status still reports it")]
    pub keep_going: bool,
    /// Read lines as commands of the human monitor (HMP)
    #[arg(short = 'H', long, help_heading = RUN)]
    #[arg(long_help = "Read lines as commands of the human monitor (HMP), except those that begin with a dot")]
    pub hmp: bool,
    /// With -k: send up to N commands before their replies [default: 1]
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true, help_heading = RUN)]
    #[arg(default_value = "1", hide_default_value = true)]
    #[arg(long_help = "With -k: send up to N commands before their replies, for slow links [default: 1]")]
    pub pipeline: usize,
    /// Set the timeout of each command [default: none]
    #[arg(short = 't', long, value_name = "SECONDS", value_parser = values::limit, help_heading = RUN)]
    #[arg(allow_negative_numbers = true)]
    pub timeout: Option<Duration>,
    /// Set the timeout of connecting, greeting included [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = values::limit, help_heading = CONNECTION)]
    #[arg(default_value = "10", hide_default_value = true, allow_negative_numbers = true)]
    #[arg(long_help = "Set the timeout of connecting, greeting and negotiation together [default: 10]\n\
                       (for listen and run: counted from when the peer connects)")]
    pub connect_timeout: Duration,
    /// Keep trying until the monitor can be reached
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds, help_heading = CONNECTION)]
    #[arg(allow_negative_numbers = true)]
    #[arg(long_help = "Keep trying while the socket is missing, refuses, is busy, or closes before the greeting\n\
                       (for listen and run: wait this long for the peer [default: forever])")]
    pub wait: Option<Duration>,
    /// Reconnect every SECONDS after a lost connection (shell, share)
    #[arg(long, value_name = "SECONDS", value_parser = values::limit, help_heading = CONNECTION)]
    #[arg(allow_negative_numbers = true)]
    #[arg(long_help = "In the shell and with share, reconnect every SECONDS after the connection is lost")]
    pub reconnect: Option<Duration>,
    /// Set the longest message to accept [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = CONNECTION)]
    #[arg(default_value = "256M", hide_default_value = true, allow_negative_numbers = true)]
    #[arg(long_help = "Set the longest message to accept; k, M, G are powers of 1024 [default: 256M]")]
    pub max_message: usize,
    /// Skip the greeting and the negotiation
    #[arg(short = 'N', long, help_heading = CONNECTION)]
    #[arg(long_help = "Skip the greeting and the negotiation, for a peer that has done both already")]
    pub skip_negotiation: bool,
    /// Connect to a guest agent
    #[arg(long = "qga", help_heading = CONNECTION)]
    #[arg(long_help = "Connect to a guest agent (qemu-ga), with guest-sync-delimited in place of the greeting")]
    pub guest_agent: bool,
    /// Use TLS with the credentials in DIR, as QEMU's tls-creds-x509
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = CONNECTION)]
    #[arg(long_help = "Use TLS with the credentials in DIR, in files named as for QEMU's tls-creds-x509:\n\
                       ca-cert.pem and optionally ca-crl.pem; to connect, optionally client-cert.pem and\n\
                       client-key.pem; to listen, server-cert.pem and server-key.pem.\n\
                       qmpsh always verifies the peer")]
    pub tls_creds: Option<PathBuf>,
    /// Expect NAME in the server's certificate [default: the host]
    #[arg(long, value_name = "NAME", value_parser = values::host_name, hide_short_help = true)]
    #[arg(help_heading = CONNECTION)]
    #[arg(long_help = "Expect NAME in the server's certificate: a name or an IP address [default: the host]")]
    pub tls_hostname: Option<String>,
    /// listen: set the mode of the Unix socket [default: 0600]
    #[arg(long, value_name = "OCTAL", value_parser = values::mode, hide_short_help = true, help_heading = CONNECTION)]
    #[arg(long_help = "listen: set the mode of the Unix socket [default: 0600]")]
    pub socket_mode: Option<u32>,
    /// run: make a second monitor at PATH, to reconnect to after .detach
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true)]
    #[arg(help_heading = CONNECTION)]
    #[arg(long_help = "run: make a second monitor at PATH, to reconnect to after .detach")]
    pub monitor: Option<PathBuf>,
    /// Send only commands that change nothing
    #[arg(long, hide_short_help = true, help_heading = POLICY)]
    #[arg(long_help = "Send, or with share allow, only commands that change, load, consume, block and reveal\n\
                       nothing; mcp always begins with these")]
    pub read_only: bool,
    /// Send commands that match PATTERN; can be repeated
    #[arg(long, value_name = "PATTERN", value_parser = values::rule, hide_short_help = true, help_heading = POLICY)]
    #[arg(long_help = "Send, or with share allow, the commands that match PATTERN, besides those of --read-only;\n\
                       without it, only those. hmp:PATTERN is for lines of the human monitor. Can be repeated")]
    pub allow: Vec<Rule>,
    /// Do not send commands that match PATTERN; can be repeated
    #[arg(long, value_name = "PATTERN", value_parser = values::rule, hide_short_help = true, help_heading = POLICY)]
    #[arg(long_help = "Do not send, or with share allow, the commands that match PATTERN, whatever allows them.\n\
                       Can be repeated")]
    pub deny: Vec<Rule>,
    /// Set the output format: auto, json, pretty, table, raw [default: auto]
    #[arg(short = 'o', long, value_name = "MODE", overrides_with = "pretty", help_heading = OUTPUT)]
    #[arg(hide_possible_values = true)]
    pub output: Option<OutputMode>,
    /// Same as -o pretty
    #[arg(short = 'p', long, overrides_with = "output", help_heading = OUTPUT)]
    pub pretty: bool,
    /// Do not print empty results
    #[arg(short = 'q', long, help_heading = OUTPUT)]
    #[arg(long_help = "Do not print the result of a command that returns an empty object (raw prints it)")]
    pub quiet: bool,
    /// Use colors: auto, always, never [default: auto]
    #[arg(long, value_name = "WHEN", help_heading = OUTPUT)]
    #[arg(default_value = "auto", hide_default_value = true, hide_possible_values = true)]
    #[arg(long_help = "Color pretty and table output, events and errors: auto, always, never [default: auto]\n\
                       (json and raw have no colors)")]
    pub color: ColorMode,
    /// Set where events go: show, hide, stderr [default: show if interactive]
    #[arg(long, value_name = "WHERE", hide_possible_values = true, help_heading = OUTPUT)]
    #[arg(long_help = "Set where events go: show (stdout), hide, stderr [default: show if interactive, else hide]")]
    pub events: Option<EventsMode>,
    /// Print each sent message on stderr
    #[arg(short = 'v', long, help_heading = OUTPUT)]
    #[arg(long_help = "Print each sent message on stderr; secrets as ***")]
    pub verbose: bool,
    /// Append all messages to FILE as JSON lines
    #[arg(short = 'l', long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OUTPUT)]
    #[arg(long_help = "Append all messages, sent and received, to FILE as JSON lines; secrets as ***")]
    pub logfile: Option<PathBuf>,
    /// Set the log level: off, error, warn, info, debug, trace [default: warn]
    #[arg(long, value_name = "LEVEL", help_heading = OUTPUT)]
    #[arg(value_parser = PossibleValuesParser::new(LEVELS).try_map(|level| level.parse::<LevelFilter>()))]
    #[arg(default_value = "warn", hide_default_value = true, hide_possible_values = true)]
    pub log_level: LevelFilter,
    /// Keep the history in FILE [default: $XDG_STATE_HOME/qmpsh/history]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = SHELL)]
    #[arg(overrides_with = "no_history")]
    pub history: Option<PathBuf>,
    /// Do not keep a history
    #[arg(long, overrides_with = "history", help_heading = SHELL)]
    pub no_history: bool,
}

/// The options of `share`, as they are written.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = SHARE)]
pub(super) struct ShareOptions {
    /// share: serve clients at SOCKET, with options of its own; can be repeated
    #[arg(long, value_name = "SOCKET[,OPTION...]", value_hint = ValueHint::FilePath, hide_short_help = true)]
    #[arg(long_help = "share: serve clients at SOCKET; can be repeated. OPTION is read-only, allow=PATTERN,\n\
                       deny=PATTERN, mode=OCTAL [default: 0600], group=NAME, tls-creds=DIR or max-request=SIZE\n\
                       [default: 1M]; a comma in a value is written ,,")]
    pub listen: Vec<OsString>,
    /// share: append a line for each command to FILE
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    #[arg(long_help = "share: append a JSON line for each command to FILE; secrets as ***")]
    pub audit: Option<PathBuf>,
    /// share: allow TCP without TLS
    #[arg(long, hide_short_help = true)]
    #[arg(long_help = "share: allow TCP without TLS: any user who reaches the port is a client")]
    pub insecure: bool,
}

impl ShareOptions {
    /// Returns the first of these options that is given.
    pub(super) fn first(&self) -> Option<&'static str> {
        let given =
            [("--listen", !self.listen.is_empty()), ("--audit", self.audit.is_some()), ("--insecure", self.insecure)];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }
}

/// The values of `--generate`, and the committed files that it prints. A test keeps them fresh.
const GENERATED: [(&str, &str); 4] = [
    ("man", include_str!("../../../../man/qmpsh.1")),
    ("bash", include_str!("../../../../completions/qmpsh.bash")),
    ("zsh", include_str!("../../../../completions/_qmpsh")),
    ("fish", include_str!("../../../../completions/qmpsh.fish")),
];

/// The levels that `--log-level` and `$QMPSH_LOG` take.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// How results are printed: `-o`, `-p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputMode {
    /// pretty on a terminal, otherwise json
    Auto,
    /// the result on one line
    Json,
    /// the result indented
    Pretty,
    /// the result in columns, for people
    Table,
    /// the server's whole reply on one line, errors too
    Raw,
}

impl OutputMode {
    /// Returns the mode of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }

    /// Returns its name.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// When colors are used: `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorMode {
    /// on a terminal, unless NO_COLOR is set
    Auto,
    /// also in a file or a pipe
    Always,
    /// nowhere
    Never,
}

/// Where events go: `--events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventsMode {
    /// on stdout
    Show,
    /// nowhere
    Hide,
    /// on stderr
    Stderr,
}

/// Returns the whole definition, from which the man page and the completions are made.
pub(crate) fn command() -> Command {
    CommandLine::command().after_long_help(manual::after_help())
}

/// What was given on the command line, besides the values.
pub(super) struct Given {
    /// Each `-c` (true) and `-f` (false) with its value, in order.
    pub sources: Vec<(bool, OsString)>,
    arguments: Vec<Id>,
}

impl Given {
    fn has(&self, argument: &str) -> bool {
        self.arguments.iter().any(|id| id == argument)
    }
}

/// Reads the arguments; the error may be the text of `--help`. The options still need [`finish`](Options::finish).
pub(super) fn read(command: &mut Command, args: &[OsString]) -> Result<(CommandLine, Given), clap::Error> {
    let mut matches = match command.try_get_matches_from_mut(args) {
        // Only help has its long end, because writing that takes longer than reading a command line.
        Err(error) if error.kind() == ErrorKind::DisplayHelp => self::command().try_get_matches_from(args),
        read => read,
    }?;
    let is_given = |id: &&Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    let arguments = matches.ids().filter(is_given).cloned().collect();
    let [lines, files] = ["lines", "files"].map(|id| matches.indices_of(id).into_iter().flatten().collect::<Vec<_>>());
    let mut line = CommandLine::from_arg_matches_mut(&mut matches)?;
    if std::mem::take(&mut line.options.pretty) {
        line.options.output = Some(OutputMode::Pretty);
    }
    let lines = lines.into_iter().zip(line.lines.drain(..).map(|line| (true, line)));
    let files = files.into_iter().zip(line.files.drain(..).map(|file| (false, file)));
    let mut sources: Vec<_> = lines.chain(files).collect();
    sources.sort_by_key(|(index, _)| *index);
    let sources = sources.into_iter().map(|(_, source)| source).collect();
    Ok((line, Given { sources, arguments }))
}

impl Options {
    /// Returns which commands may be sent.
    pub(crate) fn policy(&self) -> Policy {
        Policy { read_only: self.read_only, allow: self.allow.clone(), deny: self.deny.clone() }
    }

    /// Applies `log`, the value of `$QMPSH_LOG`, and checks that the options go together.
    pub(super) fn finish(&mut self, given: &Given, log: Option<&OsStr>) -> Result<(), String> {
        // `--wait 0` means one attempt.
        self.wait = self.wait.filter(|wait| !wait.is_zero());
        if let Some(level) = log.filter(|_| !given.has("log_level")) {
            let known = level.to_str().filter(|level| LEVELS.contains(level)).and_then(|level| level.parse().ok());
            self.log_level = known.ok_or_else(|| {
                let level = level.to_string_lossy();
                format!("bad level `{}` in $QMPSH_LOG: use one of {}", level.escape_debug(), LEVELS.join(", "))
            })?;
        }
        if given.has("pipeline") && !self.keep_going {
            let why = "it sends commands before it knows whether earlier ones failed";
            return Err(format!("--pipeline needs -k (--keep-going): {why}"));
        }
        Ok(())
    }
}

impl CommandLine {
    /// Returns the text that `--generate` asks for.
    pub(super) fn generated(&self) -> Option<&'static str> {
        let wanted = self.generate.as_ref()?;
        GENERATED.iter().find(|(what, _)| what == wanted).map(|(_, text)| *text)
    }

    /// Returns the first word or option that is not the address or in `allowed`, for a message.
    pub(super) fn first_but(&self, command: &Command, given: &Given, allowed: &[&str]) -> Option<String> {
        if let Some(word) = self.words.first() {
            return Some(format!("`{}`", word.to_string_lossy().escape_debug()));
        }
        let is_refused = |id: &str| given.has(id) && !allowed.contains(&id);
        let mut options = command.get_arguments().filter(|arg| !arg.is_positional());
        let found = options.find(|arg| is_refused(arg.get_id().as_str()))?;
        found.get_long().map(|name| format!("--{name}"))
    }
}
