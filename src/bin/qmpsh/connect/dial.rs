//! Connecting to an address.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::explain::Problem;
use super::secure;
use super::secure::ClientTls;
use super::target::Target;
use crate::cli::Options;
use crate::input::masked::Masked;
use crate::output::messages::Notifier;
use crate::status::Failure;
use qmpsh::address::Address;
use qmpsh::client::Client;
use qmpsh::processes::{self, Silence};
use qmpsh::text;
use qmpsh::transport::DialTarget;

/// A session being opened again.
pub(crate) type Opening = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// The pause between two attempts of `--wait`: the first, and the longest.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_millis(250);

/// Connects again after the connection was lost, with one attempt after each pause of `every`.
pub(super) async fn again(
    client: Client,
    target: Rc<Mutex<Target>>,
    options: Options,
    every: Duration,
    notifier: Notifier,
) -> Result<(), Failure> {
    // A wait of zero means one attempt, and no advice to try again.
    let options = Options { wait: Some(Duration::ZERO), ..options };
    let mut told = None;
    loop {
        tokio::time::sleep(every).await;
        let Err(failure) = open(&client, &mut *target.lock().await, &options).await else { return Ok(()) };
        // The same failure is shown once.
        if told.as_ref() != Some(&failure.message) {
            notifier.say(&failure.message);
            told = Some(failure.message);
        }
    }
}

/// How long an attempt may take before qmpsh looks if the peer's process is stopped: the first time, and at most. Most attempts take
/// a millisecond.
const LOOK_FIRST: Duration = Duration::from_millis(50);
const LOOK_LAST: Duration = Duration::from_secs(1);

/// Waits until the process that listens at `address` is stopped, and returns the sentence about it.
async fn stopped(address: &Address) -> String {
    let mut pause = LOOK_FIRST;
    loop {
        tokio::time::sleep(pause).await;
        if let Some(Silence::Stopped(why)) = processes::silence(address) {
            return why;
        }
        pause = (pause * 2).min(LOOK_LAST);
    }
}

/// Establishes the session in one attempt of at most `limit`.
pub(super) async fn attempt(
    client: &Client,
    to: DialTarget,
    tls: Option<ClientTls>,
    limit: Duration,
) -> Result<(), Problem> {
    let mut reached = None;
    let connect = async {
        let Some((credentials, hostname)) = tls else { return client.open(to).await.map_err(Problem::Failed) };
        let dial = credentials.dial(to, hostname);
        reached = Some(dial.reached());
        client.open(dial).await.map_err(Problem::Failed)
    };
    let connected = timeout(limit, connect).await;
    connected.unwrap_or_else(|_| Err(Problem::TookTooLong { progress: client.progress(), limit, tls: reached }))
}

/// Connects, with as many attempts as `--wait` allows.
pub(super) async fn open(client: &Client, target: &mut Target, options: &Options) -> Result<(), Failure> {
    let tls = secure::client(options).await?;
    let begun = Instant::now();
    let left = || options.wait.map(|wait| wait.saturating_sub(begun.elapsed()));
    let mut pause = RETRY_FIRST;
    loop {
        // A monitor that is in use serves the next connection in its queue when its client leaves, so qmpsh waits connected.
        let limit = options.connect_timeout.max(left().unwrap_or_default());
        let attempted = match target.prepare(options, limit).await {
            Ok(to) => {
                let address = target.address().clone();
                let waits = left().is_some_and(|left| !left.is_zero());
                tokio::select! {
                    biased;
                    attempted = attempt(client, to, tls.clone(), limit) => attempted,
                    why = stopped(&address), if !waits => Err(Problem::Stopped(why)),
                }
            }
            Err(problem) => Err(problem),
        };
        let Err(mut problem) = attempted else {
            target.established();
            return Ok(());
        };
        if let Problem::TookTooLong { limit, .. } = &mut problem {
            // The message has the time that the user gave, not what was left of it.
            *limit = options.connect_timeout.max(options.wait.unwrap_or_default());
        }
        let cause = target.cause(&problem, options.wait).await;
        let may_pass = cause.as_ref().map_or_else(|| problem.may_pass(target.address()), |(_, may_pass)| *may_pass);
        match left() {
            Some(left) if !left.is_zero() && may_pass => {
                tokio::time::sleep(pause.min(left)).await;
                pause = (pause * 2).min(RETRY_LAST);
            }
            _ => {
                let address = target.address();
                let shown = text::line(&Masked::text(&address.to_string()).text).into_owned();
                let why = match cause {
                    Some((why, _)) => why,
                    None => problem.explain_address(&shown, Some(address), options.wait, client.is_guest_agent()),
                };
                return Err(Failure::no_session(why));
            }
        }
    }
}
