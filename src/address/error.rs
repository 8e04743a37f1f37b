//! What can be wrong with the text of an address.

use super::{ABSTRACT_NAME_MAX, UNIX_PATH_MAX};

/// A text that is no address: the text, and what is wrong with it.
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
        AddressError { shown: shown(text), problem }
    }

    /// What is wrong with the text.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What is wrong with the text of an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// `fd:N`: an inherited socket is nothing that can be connected to.
    #[error("a descriptor is not an address")]
    Descriptor,
    /// `exec:` and no command.
    #[error("the command after `exec:` is missing")]
    MissingCommand,
    /// `ssh://` and no host.
    #[error("the host after `ssh://` is missing")]
    MissingHost,
    /// `ssh://HOST` and no path.
    #[error("the path of the socket is missing, as in `ssh://HOST/run/qmp.sock`")]
    MissingRemotePath,
    /// A name of a user that ssh would take for something else.
    #[error("`{0}` is not a user name")]
    BadUser(String),
    /// `unix:` and no path.
    #[error("the path is missing")]
    MissingPath,
    /// `@` and no name.
    #[error("the name after `@` is missing")]
    MissingName,
    /// `vm:` and no name.
    #[error("the name after `vm:` is missing")]
    MissingVm,
    /// `pid:` and something that is no process id.
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
    /// `abstract=` or `tight=` with something that is neither on nor off.
    #[error("`{option}` must be on or off, not `{value}`")]
    NotOnOff {
        /// `abstract` or `tight`.
        option: &'static str,
        /// What was given, escaped.
        value: String,
    },
    /// A host and no port, or a `:` and nothing after it.
    #[error("the port is missing")]
    MissingPort,
    /// Something else than digits.
    #[error("the port `{0}` is not a number")]
    PortNotANumber(String),
    /// `HOST:PORT,option` without the prefix that would allow options.
    #[error("the port `{0}` is not a number (options are only read after `unix:` or `tcp:`)")]
    OptionsWithoutPrefix(String),
    /// A number that is no port.
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
    /// More than one `:` and no IPv6 address.
    #[error("it contains more than one `:`")]
    TooManyColons,
    /// A character that no host name has.
    #[error("a host name cannot contain `{0}`")]
    BadHost(String),
    /// Bytes that are not UTF-8 where only a path may have them.
    #[error("the host or port is not UTF-8")]
    NotUtf8,
}

/// The text as an error may show it: escaped, and its middle left out if it is long.
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
