//! Connecting to an address.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::explain::Problem;
use super::{Failure, Status, secure};
use crate::address::Address;
use crate::cli::Options;
use crate::client::Client;
use crate::text;
use crate::transport::Endpoint;

/// How long `--wait` waits between two attempts: at first, and at most.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_millis(250);

/// Connects, with as many attempts as `--wait` allows.
pub(super) async fn open(client: &Client, address: &Address, options: &Options) -> Result<(), Failure> {
    let credentials = options.tls.as_ref().map(secure::client).transpose()?;
    let hostname = options.tls.as_ref().and_then(|tls| tls.hostname.as_ref());
    let begun = Instant::now();
    let mut pause = RETRY_FIRST;
    loop {
        let left = options.wait.map(|wait| wait.saturating_sub(begun.elapsed()));
        // Waiting for a monitor that is in use is best done connected: then it is our turn when the other one leaves.
        let limit = options.connect_timeout.max(left.unwrap_or_default());
        let (endpoint, mut reached) = (Endpoint::from(address), None);
        let connected = match &credentials {
            None => timeout(limit, client.connect(endpoint)).await,
            Some(credentials) => {
                let dial = credentials.clone().dial(endpoint, hostname.cloned());
                reached = Some(dial.reached());
                timeout(limit, client.connect(dial)).await
            }
        };
        let problem = match connected {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Problem::Failed(error),
            Err(_) => Problem::TookTooLong { progress: client.progress(), limit, tls: reached },
        };
        let left = options.wait.map(|wait| wait.saturating_sub(begun.elapsed()));
        match left {
            Some(left) if !left.is_zero() && problem.may_pass() => {
                tokio::time::sleep(pause.min(left)).await;
                pause = (pause * 2).min(RETRY_LAST);
            }
            _ => {
                let shown = text::line(&address.to_string()).into_owned();
                return Err(Failure::new(Status::NoSession, problem.explain(&shown, Some(address), options.wait)));
            }
        }
    }
}
