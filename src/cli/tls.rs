//! `--tls-creds`, `--tls-hostname`: whether they go with the way to the peer.

use std::path::PathBuf;

use clap::ArgMatches;

use super::{Door, Tls};
use crate::address::Address;

/// What was asked for.
pub(super) fn of(matches: &ArgMatches, door: &Door) -> Result<Option<Tls>, &'static str> {
    let hostname = matches.get_one::<String>("tls-hostname").cloned();
    let Some(credentials) = matches.get_one::<PathBuf>("tls-creds").cloned() else {
        return match hostname {
            None => Ok(None),
            Some(_) => Err("--tls-hostname is the name to check with TLS, and TLS needs --tls-creds DIR"),
        };
    };
    match (door, &hostname) {
        (Door::Run { .. }, _) => {
            Err("--tls-creds: `run` passes QEMU a socket that nobody else can reach; there is nothing to protect")
        }
        (Door::Listen { .. }, Some(_)) => {
            Err("--tls-hostname is the name in a server's certificate; who listens is the server (clients are checked \
                 by the CA in ca-cert.pem)")
        }
        (Door::Connect(Address::Unix(_) | Address::Abstract { .. }), None) => Err(
            "--tls-creds: a Unix socket has no host name to check the server's certificate for; --tls-hostname NAME \
                 says which",
        ),
        _ => Ok(Some(Tls { credentials, hostname })),
    }
}
