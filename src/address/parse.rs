//! Reads an address: which form it has, and the Unix forms.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::str::FromStr;

use super::error::{AddressError, Problem, shown};
use super::options::pieces;
use super::types::{ABSTRACT_NAME_MAX, Address, UNIX_PATH_MAX};
use super::{ssh, tcp};

impl Address {
    /// Reads an address as a user types it. A path need not be UTF-8.
    pub fn parse(text: impl AsRef<OsStr>) -> Result<Self, AddressError> {
        let text = text.as_ref().as_bytes();
        classify(text).map_err(|problem| AddressError::new(text, problem))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Address::parse(text)
    }
}

fn classify(text: &[u8]) -> Result<Address, Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    if text.contains(&0) {
        return Err(Problem::Nul);
    }
    if text == b"-" {
        return Err(Problem::Dash);
    }
    if let Some(written) = socat(text) {
        return Err(Problem::Socat(written));
    }
    if let Some(rest) = text.strip_prefix(b"unix:") {
        return unix_with_options(rest);
    }
    if let Some(rest) = text.strip_prefix(b"tcp:") {
        return tcp::with_options(rest);
    }
    if let Some(name) = text.strip_prefix(b"vm:") {
        return if name.is_empty() {
            Err(Problem::Missing("the name after `vm:`"))
        } else {
            Ok(Address::Vm(OsStr::from_bytes(name).into()))
        };
    }
    if let Some(digits) = text.strip_prefix(b"pid:") {
        return pid(digits);
    }
    if let Some(command) = text.strip_prefix(b"exec:") {
        let is_blank = command.trim_ascii().is_empty();
        let command = || Address::Exec(OsStr::from_bytes(command).into());
        return if is_blank { Err(Problem::Missing("the command after `exec:`")) } else { Ok(command()) };
    }
    if let Some(rest) = text.strip_prefix(b"ssh://") {
        return ssh::parse(rest).map(Address::Ssh);
    }
    if text.starts_with(b"fd:") {
        return Err(Problem::Descriptor);
    }
    if let Some(name) = text.strip_prefix(b"@") {
        return abstract_socket(name, true);
    }
    if text.contains(&b'/') || !text.contains(&b':') {
        return unix_path(text);
    }
    let (host, port) = tcp::host_and_port(text)?;
    Ok(Address::Tcp { host, port })
}

/// Returns how an address of socat is written here. Its keywords are of any case.
fn socat(text: &[u8]) -> Option<String> {
    let (keyword, rest) = text.split_at_checked(text.iter().position(|byte| *byte == b':')?)?;
    let ours = match &*keyword.to_ascii_lowercase() {
        b"unix-connect" | b"unix-client" | b"gopen" => "unix",
        b"tcp-connect" | b"tcp4" | b"tcp4-connect" | b"tcp6" | b"tcp6-connect" => "tcp",
        b"abstract-connect" | b"abstract-client" => "unix:@",
        b"unix" if keyword != b"unix" => "unix",
        b"tcp" if keyword != b"tcp" => "tcp",
        _ => return None,
    };
    let rest = if ours.ends_with('@') { &rest[1..] } else { rest };
    Some(format!("{ours}{}", shown(rest)))
}

/// Reads what follows `unix:`: the path, then QEMU's options.
fn unix_with_options(text: &[u8]) -> Result<Address, Problem> {
    let mut path = Vec::new();
    let mut at_means_abstract = true;
    let mut is_abstract = None;
    let mut tight = true;
    for (index, piece) in pieces(text).into_iter().enumerate() {
        if let Some(spelled) = piece.strip_prefix(b"path=") {
            path = spelled.to_vec();
            at_means_abstract = false;
        } else if index == 0 {
            path = piece;
        } else if let Some(on) = on_off("abstract", &piece)? {
            is_abstract = Some(on);
        } else if let Some(on) = on_off("tight", &piece)? {
            tight = on;
        }
    }
    match (is_abstract, path.strip_prefix(b"@")) {
        (None, Some(name)) if at_means_abstract => abstract_socket(name, tight),
        (Some(true), _) => abstract_socket(&path, tight),
        _ => unix_path(&path),
    }
}

fn unix_path(path: &[u8]) -> Result<Address, Problem> {
    match path.len() {
        0 => Err(Problem::Missing("the path")),
        length if length > UNIX_PATH_MAX && !cfg!(target_os = "linux") => Err(Problem::PathTooLong(length)),
        _ => Ok(Address::Unix(PathBuf::from(OsString::from_vec(path.to_vec())))),
    }
}

fn abstract_socket(name: &[u8], tight: bool) -> Result<Address, Problem> {
    match name.len() {
        0 => Err(Problem::Missing("the name after `@`")),
        1..=ABSTRACT_NAME_MAX => Ok(Address::Abstract { name: OsString::from_vec(name.to_vec()), tight }),
        length => Err(Problem::NameTooLong(length)),
    }
}

fn pid(digits: &[u8]) -> Result<Address, Problem> {
    let number = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match number.and_then(|digits| digits.parse().ok()) {
        Some(pid) if pid > 0 => Ok(Address::Pid(pid)),
        _ => Err(Problem::NotAPid(shown(digits))),
    }
}

/// `NAME` alone or `NAME=on`; `None` for another option. The spellings are those of QEMU's `qapi_bool_parse`.
fn on_off(option: &'static str, piece: &[u8]) -> Result<Option<bool>, Problem> {
    match piece.strip_prefix(option.as_bytes()) {
        Some(b"" | b"=on" | b"=yes" | b"=true" | b"=y") => Ok(Some(true)),
        Some(b"=off" | b"=no" | b"=false" | b"=n") => Ok(Some(false)),
        Some([b'=', value @ ..]) => Err(Problem::NotOnOff { option, value: shown(value) }),
        _ => Ok(None),
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "rows read better so")]
mod tests {
    use super::*;

    fn unix(path: &str) -> Result<Address, Problem> {
        Ok(Address::Unix(path.into()))
    }

    fn abstract_(name: &str, tight: bool) -> Result<Address, Problem> {
        Ok(Address::Abstract { name: name.into(), tight })
    }

    #[track_caller]
    fn check(input: &str, expected: Result<Address, Problem>) {
        assert_eq!(Address::parse(OsStr::new(input)).map_err(|error| error.problem().clone()), expected, "{input}");
    }

    #[test]
    fn unix_sockets() {
        check("q.sock", unix("q.sock"));
        check("./list", unix("./list"));
        check("/run/vm:1/q.sock", unix("/run/vm:1/q.sock"));
        check("/tmp/a,b=c", unix("/tmp/a,b=c"));
        check("unix:q.sock", unix("q.sock"));
        check("unix:///tmp/q.sock", unix("///tmp/q.sock"));
        check("unix:a:b", unix("a:b"));
        check("unix:/tmp/q.sock,server=on,wait=off", unix("/tmp/q.sock"));
        check("unix:/tmp/q.sock,server,nowait", unix("/tmp/q.sock"));
        check("unix:/tmp/a,,b,server=on", unix("/tmp/a,b"));
        check("unix:path=/tmp/q.sock,server=on", unix("/tmp/q.sock"));
        check("unix:server=on,path=/tmp/q.sock", unix("/tmp/q.sock"));
        check("unix:path=@q", unix("@q"));
        check("unix:@q,abstract=off", unix("@q"));
        check("unix:abstract", unix("abstract"));
        check("unix:/tmp/q,tight=off", unix("/tmp/q"));
        check("unix:/tmp/q,abstracted=1,tightly", unix("/tmp/q"));
        check(&"x".repeat(UNIX_PATH_MAX), unix(&"x".repeat(UNIX_PATH_MAX)));
    }

    #[test]
    fn abstract_sockets() {
        check("@q", abstract_("q", true));
        check("@a/b:c,d", abstract_("a/b:c,d", true));
        check("unix:@q", abstract_("q", true));
        check("unix:@q,tight=off", abstract_("q", false));
        check("unix:q,abstract=on", abstract_("q", true));
        check("unix:q,abstract", abstract_("q", true));
        check("unix:q,abstract=yes,tight=n", abstract_("q", false));
        check("unix:@q,abstract=on", abstract_("@q", true));
        check("unix:path=@q,abstract=on,server=on", abstract_("@q", true));
        let longest = "x".repeat(ABSTRACT_NAME_MAX);
        check(&format!("@{longest}"), abstract_(&longest, true));
    }

    #[test]
    fn what_is_wrong() {
        let text = |text: &str| text.to_owned();
        check("", Err(Problem::Empty));
        check("a\0b", Err(Problem::Nul));
        check("unix:", Err(Problem::Missing("the path")));
        check("unix:,server=on", Err(Problem::Missing("the path")));
        check("@", Err(Problem::Missing("the name after `@`")));
        check("unix:@,server=on", Err(Problem::Missing("the name after `@`")));
        check("unix:q,abstract=maybe", Err(Problem::NotOnOff { option: "abstract", value: text("maybe") }));
        check("unix:@q,tight=", Err(Problem::NotOnOff { option: "tight", value: text("") }));
        let long = "x".repeat(UNIX_PATH_MAX + 1);
        let reached_otherwise = cfg!(target_os = "linux");
        check(&long, if reached_otherwise { unix(&long) } else { Err(Problem::PathTooLong(UNIX_PATH_MAX + 1)) });
        check(&format!("@{}", "x".repeat(200)), Err(Problem::NameTooLong(200)));
    }

    #[test]
    fn processes() {
        check("vm:web1", Ok(Address::Vm("web1".into())));
        check("vm:4444", Ok(Address::Vm("4444".into())));
        check("vm:a/b:c,d", Ok(Address::Vm("a/b:c,d".into())));
        check("vm:", Err(Problem::Missing("the name after `vm:`")));
        check("pid:4444", Ok(Address::Pid(4444)));
        for wrong in ["", "0", "-1", "+1", "x", "1 ", "4294967296"] {
            check(&format!("pid:{wrong}"), Err(Problem::NotAPid(wrong.into())));
        }
    }

    #[test]
    fn commands() {
        check("exec:socat - UNIX:/q,x", Ok(Address::Exec("socat - UNIX:/q,x".into())));
        check("exec: kubectl exec -i p -- socat", Ok(Address::Exec(" kubectl exec -i p -- socat".into())));
        check("exec:", Err(Problem::Missing("the command after `exec:`")));
        check("exec:  ", Err(Problem::Missing("the command after `exec:`")));
    }

    #[test]
    fn a_descriptor_is_not_taken_for_a_host() {
        check("fd:3", Err(Problem::Descriptor));
    }

    #[test]
    fn only_paths_may_be_other_than_utf8() {
        let path = OsStr::from_bytes(b"/tmp/\xff.sock");
        assert_eq!(Address::parse(path), Ok(Address::Unix(path.into())));
        let error = Address::parse(OsStr::from_bytes(b"h\xff:1")).unwrap_err();
        assert_eq!(*error.problem(), Problem::NotUtf8);
    }

    #[test]
    fn the_message_is_whole_and_safe() {
        assert_eq!(
            Address::parse(OsStr::new("\u{1b}[31mh:x")).unwrap_err().to_string(),
            "bad address `\\u{1b}[31mh:x`: a host name cannot contain `\\u{1b}`; an address is the PATH of a socket, \
             unix:PATH, @NAME (abstract), HOST:PORT, [IPV6]:PORT, :PORT, tcp:HOST:PORT, vm:NAME, pid:N, \
             exec:COMMAND or ssh://[USER@]HOST[:PORT]/PATH"
        );
        let long = format!("@{}", "x".repeat(1000));
        let message = Address::parse(OsStr::new(&long)).unwrap_err().to_string();
        let expected = format!(
            "bad address `@{}…{}`: the name has 1000 bytes; the longest name of an abstract socket has {ABSTRACT_NAME_MAX}",
            "x".repeat(29),
            "x".repeat(30)
        );
        assert!(message.starts_with(&expected), "{message}");
    }
}
