//! A Unix socket on another machine: `ssh://[USER@]HOST[:PORT]/PATH`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::UNIX_PATH_MAX;
use super::error::{Problem, shown};
use super::tcp;

/// A Unix socket on another machine, and how OpenSSH gets there. What is not said, its own configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Ssh {
    /// The user there. Not empty, and does not begin with `-`.
    pub user: Option<String>,
    /// A name, also one of `ssh_config(5)`, or an IP address, without brackets. Does not begin with `-`.
    pub host: String,
    /// The port of the SSH server.
    pub port: Option<u16>,
    /// The absolute path of the socket there, taken literally: at most [`UNIX_PATH_MAX`] bytes.
    pub path: PathBuf,
}

impl Ssh {
    pub(super) fn to_os_string(&self) -> OsString {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let mut text = format!("ssh://{user}{host}{port}").into_bytes();
        text.extend_from_slice(self.path.as_os_str().as_bytes());
        OsString::from_vec(text)
    }
}

/// What follows `ssh://`. Nothing in it is unescaped: a path may have a `%`.
pub(super) fn parse(text: &[u8]) -> Result<Ssh, Problem> {
    let slash = memchr::memchr(b'/', text).unwrap_or(text.len());
    let (there, path) = text.split_at(slash);
    let there = str::from_utf8(there).map_err(|_| Problem::NotUtf8)?;
    let (user, rest) = match there.rsplit_once('@') {
        Some((user, rest)) => (Some(user_name(user)?), rest),
        None => (None, there),
    };
    let (host, port) = host_and_port(rest)?;
    match path.len() {
        0 | 1 => Err(Problem::MissingRemotePath),
        2..=UNIX_PATH_MAX => Ok(Ssh { user, host, port, path: OsStr::from_bytes(path).into() }),
        length => Err(Problem::PathTooLong(length)),
    }
}

fn user_name(user: &str) -> Result<String, Problem> {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    if user.is_empty() || user.starts_with('-') || user.contains(bad) {
        return Err(Problem::BadUser(shown(user.as_bytes())));
    }
    Ok(user.to_owned())
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), Problem> {
    let (host, after) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(Problem::UnclosedBracket)?;
            if !tcp::is_ipv6(host) {
                return Err(Problem::NotIpv6(shown(host.as_bytes())));
            }
            (host.to_owned(), after)
        }
        None if tcp::is_ipv6(text) => return Err(Problem::Ipv6WithoutBrackets(format!("ssh://[{text}]/PATH"))),
        None => {
            let (host, after) = text.split_at(text.find(':').unwrap_or(text.len()));
            if host.is_empty() {
                return Err(Problem::MissingHost);
            }
            if host.starts_with('-') {
                return Err(Problem::BadHost("-".to_owned()));
            }
            (tcp::host_name(host)?, after)
        }
    };
    let port = match after.strip_prefix(':') {
        Some(port) if port.contains(':') => return Err(Problem::TooManyColons),
        Some(port) => Some(tcp::port_number(port)?),
        None if after.is_empty() => None,
        None => return Err(Problem::AfterBracket(shown(after.as_bytes()))),
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read() {
        #[track_caller]
        fn check(text: &str, user: Option<&str>, host: &str, port: Option<u16>, path: &str) {
            let expected = Ssh { user: user.map(str::to_owned), host: host.into(), port, path: path.into() };
            assert_eq!(parse(text.as_bytes()), Ok(expected.clone()), "{text}");
            assert_eq!(expected.to_os_string(), *format!("ssh://{text}"));
        }
        check("host/q", None, "host", None, "/q");
        check("root@host:22/run/vm a,b:c%@.sock", Some("root"), "host", Some(22), "/run/vm a,b:c%@.sock");
        check("a@b@host/q", Some("a@b"), "host", None, "/q");
        check("[fe80::1%eth0]/q", None, "fe80::1%eth0", None, "/q");
        check("u@[::1]:2222//q", Some("u"), "::1", Some(2222), "//q");
    }

    #[test]
    fn what_is_wrong() {
        #[track_caller]
        fn check(text: &str, expected: Problem) {
            assert_eq!(parse(text.as_bytes()), Err(expected), "{text}");
        }
        let text = str::to_owned;
        check("", Problem::MissingHost);
        check("/q", Problem::MissingHost);
        check("u@/q", Problem::MissingHost);
        check(":22/q", Problem::MissingHost);
        check("host", Problem::MissingRemotePath);
        check("host/", Problem::MissingRemotePath);
        check("host:/q", Problem::MissingPort);
        check("host:x/q", Problem::PortNotANumber(text("x")));
        check("host:22:23/q", Problem::TooManyColons);
        check("host:99999/q", Problem::PortTooLarge(text("99999")));
        check("::1/q", Problem::Ipv6WithoutBrackets(text("ssh://[::1]/PATH")));
        check("[x]/q", Problem::NotIpv6(text("x")));
        check("[::1/q", Problem::UnclosedBracket);
        check("[::1]22/q", Problem::AfterBracket(text("22")));
        check("-oProxyCommand=x/q", Problem::BadHost(text("-")));
        check("-l@host/q", Problem::BadUser(text("-l")));
        check("@host/q", Problem::BadUser(text("")));
        check("a b/q", Problem::BadHost(text(" ")));
        check(&format!("h/{}", "x".repeat(UNIX_PATH_MAX)), Problem::PathTooLong(UNIX_PATH_MAX + 1));
    }
}
