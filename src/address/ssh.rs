//! Reads a Unix socket on another machine: `ssh://[USER@]HOST[:PORT]/PATH`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::error::{Problem, shown};
use super::tcp;
use super::types::{Ssh, UNIX_PATH_MAX};

/// Reads what follows `ssh://`. Nothing in it is unescaped: a path may have a `%`.
pub(super) fn parse(text: &[u8]) -> Result<Ssh, Problem> {
    let slash = memchr::memchr(b'/', text).unwrap_or(text.len());
    let (there, path) = text.split_at(slash);
    let there = str::from_utf8(there).map_err(|_| Problem::NotUtf8)?;
    let (user, rest) = match there.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => return Err(Problem::Password),
        Some((user, rest)) => (Some(user_name(user)?), rest),
        None => (None, there),
    };
    let (host, port) = match host_and_port(rest) {
        // A password with a slash.
        Err(Problem::PortNotANumber(_) | Problem::TooManyColons) if path.contains(&b'@') => {
            return Err(Problem::Password);
        }
        read => read?,
    };
    match path.len() {
        0 | 1 => Err(Problem::MissingRemotePath),
        2..=UNIX_PATH_MAX => Ok(Ssh { user, host, port, path: OsStr::from_bytes(path).into() }),
        length => Err(Problem::PathTooLong(length)),
    }
}

/// Characters of the shell. ssh's configuration may pass the user and the host to one, as `ProxyCommand` and `Match exec` do.
/// OpenSSH before 9.6 does not refuse them. Source: `valid_ruser` and `valid_hostname` in OpenSSH's `ssh.c`.
const OF_SHELL: &str = "'`\";&<>|(){}";

/// Reads the user. `DOMAIN\\user` and `machine$` are names on Windows.
fn user_name(user: &str) -> Result<String, Problem> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || OF_SHELL.contains(c);
    if user.is_empty() || user.starts_with('-') || user.ends_with('\\') || user.contains(bad) {
        return Err(Problem::BadUser(shown(user.as_bytes())));
    }
    Ok(user.to_owned())
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), Problem> {
    let (host, after) = match tcp::bracketed(text)? {
        Some((host, after)) => (host.to_owned(), after),
        None if tcp::is_ipv6(text) => return Err(Problem::Ipv6WithoutBrackets(format!("ssh://[{text}]/PATH"))),
        None => {
            let (host, after) = text.split_at(text.find(':').unwrap_or(text.len()));
            if host.is_empty() {
                return Err(Problem::Missing("the host after `ssh://`"));
            }
            if host.starts_with('-') {
                return Err(Problem::BadHost("-".to_owned()));
            }
            (tcp::host_name(host)?, after)
        }
    };
    if let Some(c) = host.chars().find(|&c| OF_SHELL.contains(c) || "$\\".contains(c)) {
        return Err(Problem::BadHost(c.to_string()));
    }
    if after.starts_with(':') && after[1..].contains(':') {
        return Err(Problem::TooManyColons);
    }
    Ok((host, tcp::port_after(after)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_host_port_and_path_are_read() {
        #[track_caller]
        fn check(text: &str, user: Option<&str>, host: &str, port: Option<u16>, path: &str) {
            let expected = Ssh { user: user.map(str::to_owned), host: host.into(), port, path: path.into() };
            assert_eq!(parse(text.as_bytes()), Ok(expected.clone()), "{text}");
            assert_eq!(expected.to_os_string(), *format!("ssh://{text}"));
        }
        check("host/q", None, "host", None, "/q");
        check("root@host:22/run/vm a,b:c%@.sock", Some("root"), "host", Some(22), "/run/vm a,b:c%@.sock");
        check("a@b@host/q", Some("a@b"), "host", None, "/q");
        check("CORP\\vm$@host/$(q)", Some("CORP\\vm$"), "host", None, "/$(q)");
        check("[fe80::1%eth0]/q", None, "fe80::1%eth0", None, "/q");
        check("u@[::1]:2222//q", Some("u"), "::1", Some(2222), "//q");
    }

    #[test]
    fn a_wrong_text_says_what_is_wrong() {
        #[track_caller]
        fn check(text: &str, expected: Problem) {
            assert_eq!(parse(text.as_bytes()), Err(expected), "{text}");
        }
        let text = str::to_owned;
        check("", Problem::Missing("the host after `ssh://`"));
        check("/q", Problem::Missing("the host after `ssh://`"));
        check("u@/q", Problem::Missing("the host after `ssh://`"));
        check(":22/q", Problem::Missing("the host after `ssh://`"));
        check("host", Problem::MissingRemotePath);
        check("u:S@host/q", Problem::Password);
        check("u:S/x@host/q", Problem::Password);
        check("u:S@x@host", Problem::Password);
        check("host/", Problem::MissingRemotePath);
        check("host:/q", Problem::Missing("the port"));
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
        check("`touch x`@host/q", Problem::BadUser(text("`touch x`")));
        check("$(touch)@host/q", Problem::BadUser(text("$(touch)")));
        check("a\\@host/q", Problem::BadUser(text("a\\\\")));
        for c in "'`\";&<>|(){}$\\".chars() {
            check(&format!("h{c}x/q"), Problem::BadHost(c.to_string()));
            assert!(parse(format!("[fe80::1%e{c}]/q").as_bytes()).is_err(), "{c}");
        }
        check(&format!("h/{}", "x".repeat(UNIX_PATH_MAX)), Problem::PathTooLong(UNIX_PATH_MAX + 1));
    }
}
