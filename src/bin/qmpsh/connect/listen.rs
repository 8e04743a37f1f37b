//! `qmpsh listen`: waits for the peer to connect.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use super::explain::Problem;
use super::secure;
use crate::cli::Options;
use crate::output::messages::Notifier;
use crate::signals::or_never;
use crate::status::Failure;
use qmpsh::address::Address;
use qmpsh::client::{Client, QmpError};
use qmpsh::error::describe;
use qmpsh::protocol::{Cause, ConnectError, OpenError};
use qmpsh::text;
use qmpsh::transport::{Endpoint, Unix};

/// Where to listen.
#[derive(Clone)]
pub(super) struct Listening {
    address: Address,
    endpoint: Endpoint,
    tls_creds: Option<PathBuf>,
    wait: Option<Duration>,
    connect_timeout: Duration,
}

impl Listening {
    pub(super) fn new(address: Address, options: &Options) -> Self {
        let mut endpoint = Endpoint::from(&address);
        if let (Endpoint::Unix(Unix::Path { mode, .. }), Some(wanted)) = (&mut endpoint, options.socket_mode) {
            *mode = wanted;
        }
        let (tls_creds, connect_timeout) = (options.tls_creds.clone(), options.connect_timeout);
        Self { address, endpoint, tls_creds, wait: options.wait, connect_timeout }
    }

    /// Listens until a peer has got through its handshake, at most for `--wait`.
    pub(super) async fn open(&self, client: Client, notifier: Notifier) -> Result<(), Failure> {
        let asked = text::line(&self.address.to_string()).into_owned();
        let endpoint = self.endpoint.clone();
        let started = match &self.tls_creds {
            None => client.session().start_server(endpoint).await,
            Some(directory) => {
                let credentials = secure::server(directory, self.connect_timeout).await?;
                client.session().start_server(credentials.bind(endpoint)).await
            }
        };
        let at = match started {
            Ok(at) => self.spelled(&at),
            Err(error) => return Err(Failure::no_session(self.explain(&error, &asked))),
        };
        if let (Some(address), None) = (open_to_others(&at), &self.tls_creds) {
            notifier.say(&format!(
                "warning: {address} is not a loopback address: without TLS (--tls-creds DIR), any host that reaches it can be the peer"
            ));
        }
        notifier.say(&format!("listening on {at}"));
        accept(&client, self.wait, &at).await
    }

    /// Returns the address as a peer may write it, with the real port.
    fn spelled(&self, at: &str) -> String {
        match &self.address {
            Address::Tcp { .. } => Address::parse(at).map_or_else(|_| at.to_owned(), |address| address.to_string()),
            address => text::line(&address.to_string()).into_owned(),
        }
    }

    fn explain(&self, error: &OpenError<QmpError>, asked: &str) -> String {
        let OpenError::Connect(ConnectError { cause: Cause::Io(error), .. }) = error else {
            return format!("cannot listen on {asked}: {}", describe(error));
        };
        let why = match (error.kind(), &self.address) {
            (io::ErrorKind::NotFound, Address::Unix(_)) => "no such directory".to_owned(),
            (io::ErrorKind::AddrInUse, Address::Tcp { .. } | Address::Abstract { .. }) => {
                "another process listens there".to_owned()
            }
            _ => describe(error),
        };
        format!("cannot listen on {asked}: {why}")
    }
}

/// Waits for a peer on the session's listening socket, at most for `wait`.
pub(super) async fn accept(client: &Client, wait: Option<Duration>, at: &str) -> Result<(), Failure> {
    tokio::select! {
        biased;
        accepted = client.session().accept() => {
            accepted.map_err(|error| Failure::no_session(Problem::Failed(error).explain(at)))
        }
        () = or_never(wait.map(sleep)) => {
            let seconds = wait.unwrap_or_default().as_secs_f64();
            Err(Failure::no_session(format!("no usable peer connected to {at} within {seconds} s")))
        }
    }
}

/// Returns the address if other machines can reach it.
fn open_to_others(at: &str) -> Option<SocketAddr> {
    at.parse::<SocketAddr>().ok().filter(|address| !address.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_closed_to_others() {
        #[track_caller]
        fn check(at: &str, expected: bool) {
            assert_eq!(open_to_others(at).is_some(), expected, "{at}");
        }
        check("127.0.0.1:4444", false);
        check("127.1.2.3:4444", false);
        check("[::1]:4444", false);
        check("[::ffff:127.0.0.1]:4444", false);
        check("0.0.0.0:4444", true);
        check("[::]:4444", true);
        check("192.168.1.2:4444", true);
        check("q.sock", false);
        check("@q", false);
    }
}
