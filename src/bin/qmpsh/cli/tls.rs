//! `--tls-creds` and `--tls-hostname`, checked against the way to the peer.

use std::path::PathBuf;

use clap::ArgMatches;

use super::{ConnectMode, Tls};
use qmpsh::address::Address;

/// Reads the options of TLS.
pub(super) fn read(matches: &ArgMatches, mode: &ConnectMode) -> Result<Option<Tls>, &'static str> {
    let hostname = matches.get_one::<String>("tls-hostname").cloned();
    let Some(credentials) = matches.get_one::<PathBuf>("tls-creds").cloned() else {
        return match hostname {
            None => Ok(None),
            Some(_) => Err("--tls-hostname needs TLS (--tls-creds DIR)"),
        };
    };
    match (mode, &hostname) {
        (ConnectMode::Run { .. }, _) => Err("--tls-creds does not work with `run`, whose socket is private"),
        (ConnectMode::Listen { .. }, Some(_)) => {
            Err("--tls-hostname does not work with `listen`, which checks clients by the CA in ca-cert.pem")
        }
        (ConnectMode::Connect(Address::Unix(_) | Address::Abstract { .. }), None) => {
            Err("--tls-creds: a Unix socket has no host name to check the certificate against; use --tls-hostname NAME")
        }
        (ConnectMode::Connect(Address::Exec(_) | Address::Ssh(_)), None) => Err(
            "--tls-creds: exec: and ssh: have no host name to check the certificate against; use --tls-hostname NAME",
        ),
        _ => Ok(Some(Tls { credentials, hostname })),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Options, Task, Tls, parse};

    fn options(line: &str) -> Options {
        let words = std::iter::once("qmpsh").chain(line.split(' '));
        match parse(words.map(Into::into), |_| None) {
            Ok(Task::Session(invocation)) => invocation.options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn tls_options_are_read_and_checked() {
        let check = |line: &str, expected: Option<&str>| {
            let expected = Tls { credentials: "d".into(), hostname: expected.map(str::to_owned) };
            assert_eq!(options(line).tls, Some(expected), "{line}");
        };
        check("--tls-creds d :1 x", None);
        check(":1 --tls-creds d --tls-hostname ::1 x", Some("::1"));
        check("--tls-creds d --tls-hostname h q.sock x", Some("h"));
        check("--tls-creds d vm:web1", None);
        check("--tls-creds d --tls-hostname h exec:x", Some("h"));
        check("listen --tls-creds d q.sock", None);
        check("fd 3 --tls-creds d", None);
        check("fd --tls-creds d --tls-hostname h", Some("h"));
        // After the first word of the command it is the command's.
        assert_eq!(options(":1 x --tls-creds d").tls, None);
    }
}
