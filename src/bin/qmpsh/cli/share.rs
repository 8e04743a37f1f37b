//! The options of `qmpsh share`, and the sockets that it listens on.

use std::ffi::OsString;
use std::path::PathBuf;

use super::connect_mode::{self, ConnectMode, Subcommand};
use super::definition::{Options, ShareOptions};
use super::exit::{Exit, usage};
use super::values;
use qmpsh::address::Address;
use qmpsh::policy::Policy;
use qmpsh::server::MAX_REQUEST;

/// Why TCP without TLS is refused.
pub(crate) const INSECURE: &str =
    "any user who reaches a TCP port could connect: use tls-creds=DIR, or allow it with --insecure";

/// What `qmpsh share` is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sharing {
    /// The way to the monitor.
    pub(crate) mode: ConnectMode,
    pub(crate) options: Options,
    /// Empty: all that the service manager passed, with `policy`.
    pub(crate) sockets: Vec<ShareSocket>,
    pub(crate) policy: Policy,
    pub(crate) audit: Option<PathBuf>,
    /// TCP needs no TLS.
    pub(crate) insecure: bool,
}

/// A socket to serve clients at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShareSocket {
    pub(crate) place: Place,
    pub(crate) policy: Policy,
    /// The mode of the socket file.
    pub(crate) mode: u32,
    pub(crate) group: Option<String>,
    pub(crate) tls_creds: Option<PathBuf>,
    /// The longest request, in bytes.
    pub(crate) max_request: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Address(Address),
    /// An inherited listening socket.
    Inherited(u32),
}

impl ShareSocket {
    pub(crate) fn new(place: Place, policy: Policy) -> Self {
        Self { place, policy, mode: 0o600, group: None, tls_creds: None, max_request: MAX_REQUEST }
    }
}

impl ShareOptions {
    /// Reads all of `share`, with the address of the monitor.
    pub(super) fn read(self, address: &OsString, options: Options) -> Result<Sharing, Exit> {
        let mode = match address.to_str().and_then(|address| address.strip_prefix("listen:")) {
            Some(address) => connect_mode::parse(Subcommand::Listen, address.as_ref())?,
            None => connect_mode::parse(Subcommand::Connect, address)?,
        };
        connect_mode::check(&mode, &options).map_err(usage)?;
        let policy = options.policy();
        let read = |text: &OsString| {
            let shown = text.to_string_lossy();
            let bad = |why: String| usage(format_args!("--listen {}: {why}", shown.escape_debug()));
            let socket =
                socket(text.to_str().ok_or_else(|| bad("it is not UTF-8".to_owned()))?, &policy).map_err(bad)?;
            if let Place::Address(Address::Tcp { .. }) = socket.place
                && socket.tls_creds.is_none()
                && !self.insecure
            {
                return Err(bad(INSECURE.to_owned()));
            }
            Ok(socket)
        };
        let sockets = self.listen.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Sharing { mode, options, sockets, policy, audit: self.audit, insecure: self.insecure })
    }
}

/// Reads `SOCKET[,OPTION...]`. `policy` is that of the options.
fn socket(text: &str, policy: &Policy) -> Result<ShareSocket, String> {
    let mut parts = split(text).into_iter();
    let address = parts.next().unwrap_or_default();
    let place = match address.strip_prefix("fd:") {
        Some(number) => Place::Inherited(number.parse().map_err(|_| format!("`{number}` is not a descriptor"))?),
        None => match Address::parse(&address).map_err(|error| error.to_string())? {
            Address::Vm(_) | Address::Pid(_) | Address::Exec(_) | Address::Ssh(_) => {
                return Err("vm:, pid:, exec: and ssh: are to connect to, not to listen on".to_owned());
            }
            address => Place::Address(address),
        },
    };
    let is_file = matches!(place, Place::Address(Address::Unix(_)));
    let mut socket = ShareSocket::new(place, Policy { deny: policy.deny.clone(), ..Policy::default() });
    let mut has_own = false;
    for part in parts {
        let (key, value) = match part.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (part.as_str(), None),
        };
        match (key, value) {
            ("read-only", None | Some("on")) => (socket.policy.read_only, has_own) = (true, true),
            ("allow", Some(pattern)) => {
                socket.policy.allow.push(values::rule(pattern)?);
                has_own = true;
            }
            ("deny", Some(pattern)) => socket.policy.deny.push(values::rule(pattern)?),
            ("mode" | "group", Some(_)) if !is_file => return Err(format!("{key}= is for a socket file")),
            ("mode", Some(mode)) => socket.mode = values::mode(mode)?,
            ("group", Some(group)) => socket.group = Some(group.to_owned()),
            ("tls-creds", Some(directory)) => socket.tls_creds = Some(directory.into()),
            ("max-request", Some(size)) => socket.max_request = values::size(size)?,
            _ => {
                return Err(format!(
                    "`{}` is none of read-only, allow=, deny=, mode=, group=, tls-creds= and max-request=",
                    part.escape_debug()
                ));
            }
        }
    }
    if !has_own {
        socket.policy.read_only = policy.read_only;
        socket.policy.allow.clone_from(&policy.allow);
    }
    Ok(socket)
}

/// Splits at commas; `,,` is a comma.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != ',' || characters.next_if_eq(&',').is_some() {
            parts.last_mut().into_iter().for_each(|part| part.push(character));
        } else {
            parts.push(String::new());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmpsh::policy::Rule;

    #[test]
    fn a_socket_has_options_of_its_own() {
        let policy = Policy {
            read_only: true,
            allow: vec![values::rule("stop").unwrap()],
            deny: vec![values::rule("quit").unwrap()],
        };
        let read = |text: &str| socket(text, &policy).unwrap();
        let plain = read("/run/a,,b.sock,mode=0660,group=kvm,max-request=4M");
        assert_eq!(plain.place, Place::Address(Address::Unix("/run/a,b.sock".into())));
        assert_eq!((plain.mode, plain.group.as_deref(), plain.max_request), (0o660, Some("kvm"), 4 << 20));
        assert_eq!(plain.policy, policy);
        // Its own rules replace the options', but for those that deny.
        let own = read("fd:3,allow=cont,deny=x,,y");
        assert_eq!((own.place, own.policy.read_only), (Place::Inherited(3), false));
        let shown = |rules: &[Rule]| rules.iter().map(Rule::to_string).collect::<Vec<_>>();
        assert_eq!(
            (shown(&own.policy.allow), shown(&own.policy.deny)),
            (vec!["cont".into()], vec!["quit".into(), "x,y".into()])
        );
        assert_eq!(shown(&read("s.sock,read-only").policy.allow), [""; 0]);
        assert_eq!(read("tcp:127.0.0.1:4445,tls-creds=d").tls_creds, Some("d".into()));
    }

    #[test]
    fn sockets_that_cannot_be_listened_on() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let error = socket(text, &Policy::default()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        check("vm:web1", "are to connect to");
        check("fd:x", "`x` is not a descriptor");
        check("s.sock,readonly", "`readonly` is none of");
        check("s.sock,mode=9", "");
        check("@name,mode=0660", "mode= is for a socket file");
        check("s.sock,allow=[", "never closed");
    }
}
