//! What can be wrong with the text of an address.

use super::types::{ABSTRACT_NAME_MAX, UNIX_PATH_MAX};

/// Why a text is not an address: the text, and what is wrong with it.
///
/// The message shows the accepted forms, and the text escaped and shortened: it is fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bad address `{shown}`: {problem}; an address is the PATH of a socket, unix:PATH, @NAME (abstract), \
     HOST:PORT, [IPV6]:PORT, :PORT, tcp:HOST:PORT, vm:NAME, pid:N, exec:COMMAND or ssh://[USER@]HOST[:PORT]/PATH"
)]
pub struct AddressError {
    /// The text as it may be shown.
    shown: String,
    problem: Problem,
}

impl AddressError {
    pub(super) fn new(text: &[u8], problem: Problem) -> Self {
        // The password may have any sign.
        let shown = if problem == Problem::Password { "ssh://…".to_owned() } else { shown(text) };
        AddressError { shown, problem }
    }

    /// Returns what is wrong with the text.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What is wrong with the text of an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// `-`, as socat and nc have it for stdin and stdout.
    #[error("stdin and stdout need none")]
    Dash,
    /// A spelling of socat, such as `UNIX-CONNECT:PATH`, and what it is here.
    #[error("this is socat's spelling; write `{0}`")]
    Socat(String),
    /// `fd:N`: qmpsh cannot connect to an inherited socket.
    #[error("a descriptor is not an address")]
    Descriptor,
    /// A part that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// `ssh://HOST` and no path.
    #[error("the path of the socket is missing, as in `ssh://HOST/run/qmp.sock`")]
    MissingRemotePath,
    /// A user name that ssh would take for something else.
    #[error("`{0}` is not a user name")]
    BadUser(String),
    /// A password before the host, which may not be shown.
    #[error("a password cannot be given: ssh asks for it, or use a key")]
    Password,
    /// `pid:` and something that is not a process id.
    #[error("`{0}` is not a process id")]
    NotAPid(String),
    /// A NUL, which no path can hold.
    #[error("it contains a NUL character")]
    Nul,
    /// More bytes than a socket's path may have.
    #[error(
        "the path has {0} bytes; the longest path of a Unix socket has {UNIX_PATH_MAX} (a relative path is shorter)"
    )]
    PathTooLong(usize),
    /// More bytes than an abstract socket's name may have.
    #[error("the name has {0} bytes; the longest name of an abstract socket has {ABSTRACT_NAME_MAX}")]
    NameTooLong(usize),
    /// `abstract=` or `tight=` with a value that is neither on nor off.
    #[error("`{option}` must be on or off, not `{value}`")]
    NotOnOff {
        /// `abstract` or `tight`.
        option: &'static str,
        /// What was given, escaped.
        value: String,
    },
    /// A port that is not a number.
    #[error("the port `{0}` is not a number")]
    PortNotANumber(String),
    /// `HOST:PORT,option` without the prefix that would allow options.
    #[error("the port `{0}` is not a number (options are only read after `unix:` or `tcp:`)")]
    OptionsWithoutPrefix(String),
    /// A number that is too large for a port.
    #[error("the port {0} is over 65535")]
    PortTooLarge(String),
    /// `[` without `]`.
    #[error("the bracket `[` is not closed")]
    UnclosedBracket,
    /// Brackets around something else.
    #[error("`{0}` in brackets is not an IPv6 address")]
    NotIpv6(String),
    /// Something else than `:PORT` after the bracket.
    #[error("after `]` comes `:PORT`, not `{0}`")]
    AfterBracket(String),
    /// An IPv6 address whose end cannot be told from the port.
    #[error("an IPv6 address needs brackets, as in `{0}`")]
    Ipv6WithoutBrackets(String),
    /// More than one `:`, but not an IPv6 address.
    #[error("it contains more than one `:`")]
    TooManyColons,
    /// A character that cannot stand in a host name.
    #[error("a host name cannot contain `{0}`")]
    BadHost(String),
    /// Bytes that are not UTF-8 where only a path may have them.
    #[error("the host or port is not UTF-8")]
    NotUtf8,
}

/// Escapes a text for an error, and leaves out the middle if it is long.
pub(super) fn shown(text: &[u8]) -> String {
    const LONGEST: usize = 60;
    let text = String::from_utf8_lossy(text);
    let count = text.chars().count();
    let escape = |part: &str| part.escape_debug().to_string();
    if count <= LONGEST {
        return escape(&text);
    }
    let head: String = text.chars().take(LONGEST / 2).collect();
    let tail: String = text.chars().skip(count - LONGEST / 2).collect();
    format!("{}…{}", escape(&head), escape(&tail))
}
