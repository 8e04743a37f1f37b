//! The ways to a peer: connect, listen, use an inherited socket, start QEMU; and the list of QEMU processes.
//!
//! In comes what the command line asks for, out goes an established session or the reason why there is none. The code that
//! runs commands does not know which way it was.

mod dial;
mod explain;
mod inherited;
pub(crate) mod list;
mod listen;
mod output;
mod run;
mod secure;
mod target;

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::cli::{ConnectMode, Options};
use crate::input::masked::Masked;
use crate::output::messages::Notifier;
use crate::status::{Failure, Status};
use qmpsh::address::Address;
use qmpsh::client::Client;
use qmpsh::protocol::Runstate;
use qmpsh::text;

pub(super) use dial::Opening;
pub(crate) use inherited::Passed;
use inherited::Socket;
use listen::Listening;
use run::Run;
pub(crate) use secure::server as server_credentials;
use target::Target;

/// The way to the peer.
pub(super) struct Connector<'a> {
    way: Way,
    options: Cow<'a, Options>,
    shown: String,
    client: Option<Client>,
}

enum Way {
    /// Shared with the future that connects again.
    Connect(Rc<Mutex<Target>>),
    Listen(Listening),
    Inherited(Socket),
    Run(Run),
}

impl<'a> Connector<'a> {
    /// Takes inherited descriptors, so it must be called before the program opens any other descriptor.
    pub(super) fn new(mode: &ConnectMode, options: &'a Options) -> Result<Self, Failure> {
        let (way, shown) = match mode {
            ConnectMode::Connect(address) => (
                Way::Connect(Rc::new(Mutex::new(Target::new(address.clone())))),
                Masked::text(&address.to_string()).text,
            ),
            ConnectMode::Listen(address) => {
                (Way::Listen(Listening::new(address.clone(), options)), address.to_string())
            }
            ConnectMode::Fd(number) => {
                let socket = Socket::claim(*number)?;
                let shown = socket.shown();
                (Way::Inherited(socket), shown)
            }
            ConnectMode::Run(command) => {
                let run = Run::new(command.clone(), options.monitor.clone());
                let shown = run.shown();
                (Way::Run(run), shown)
            }
        };
        Ok(Self { way, options: Cow::Borrowed(options), shown: text::line(&shown).into_owned(), client: None })
    }

    /// Makes the way to another peer. It takes over the options, but for those that `change` sets.
    pub(super) fn to(&self, address: Address, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = self.options.clone().into_owned();
        change(&mut options);
        let shown = text::line(&Masked::text(&address.to_string()).text).into_owned();
        let way = Way::Connect(Rc::new(Mutex::new(Target::new(address))));
        Self { way, options: Cow::Owned(options), shown, client: None }
    }

    /// Returns true if both connect to the same address, or to the same socket by another path.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let (Way::Connect(one), Way::Connect(other)) = (&self.way, &other.way) else { return false };
        // The target is locked while it is tried again: then it is not connected.
        let (Ok(one), Ok(other)) = (one.try_lock(), other.try_lock()) else { return false };
        match (one.address(), other.address()) {
            (Address::Unix(one), Address::Unix(other)) => {
                one == other || one.canonicalize().ok().is_some_and(|one| other.canonicalize().ok() == Some(one))
            }
            (one, other) => one == other,
        }
    }

    /// Returns true if the QEMU at its end ends with this session.
    pub(super) fn owns_peer(&self) -> bool {
        matches!(self.way, Way::Run(_))
    }

    /// Returns the options of the connection.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the peer's address, safe for a terminal.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Establishes the session. Call [`close`](Self::close) afterwards, also if the future was dropped.
    pub(super) async fn open(&mut self, client: &Client, notifier: &Notifier) -> Result<(), Failure> {
        self.client = Some(client.clone());
        match &mut self.way {
            Way::Connect(target) => dial::open(client, &mut *target.lock().await, &self.options).await,
            Way::Listen(listening) => listening.open(client.clone(), notifier.clone()).await,
            Way::Inherited(socket) => socket.open(client, &self.options, notifier).await,
            Way::Run(run) => run.open(client, &self.options, notifier).await,
        }
    }

    /// Leaves the QEMU that was started here running. Returns a warning if it has no monitor to reconnect to.
    pub(super) fn detach(&mut self) -> Result<Option<String>, Failure> {
        match &mut self.way {
            Way::Run(run) => Ok(run.detach()),
            _ => Err(Failure::new(
                Status::Usage,
                ".detach works only with `qmpsh run`; this QEMU runs on anyway (use .quit to leave)",
            )),
        }
    }

    /// Ends the session and the QEMU that was started here. If the work is not done, it does not wait until the peer has
    /// read everything.
    pub(super) async fn close(&mut self, notifier: &Notifier, is_done: bool) {
        let Some(client) = &self.client else { return };
        if let Way::Run(run) = &mut self.way {
            run.close(client, notifier).await;
        }
        if !is_done
            && client.session().state() != Runstate::Running
            && let Some(why) = self.end().await
        {
            notifier.say(&why);
        }
        if is_done {
            // Nothing is pending, so an error does not matter.
            let _ = client.disconnect().await;
        }
    }

    /// Describes the end of the program that led to a session, with its stderr, if there is one and it has ended.
    pub(super) async fn end(&self) -> Option<String> {
        match &self.way {
            // The target is locked while it is tried again: then there is nothing to tell.
            Way::Connect(target) => target.try_lock().ok()?.end().await,
            _ => None,
        }
    }

    /// Returns the future to wait for after the session was lost. It opens the session again, or explains its end.
    pub(super) fn again(&self, client: &Client, notifier: &Notifier) -> Option<Opening> {
        match &self.way {
            Way::Listen(listening) => {
                let listening = listening.clone();
                let (client, notifier) = (client.clone(), notifier.clone());
                Some(Box::pin(async move { listening.open(client, notifier).await }))
            }
            Way::Run(run) => run.again(),
            Way::Connect(target) => {
                let (client, target, options) = (client.clone(), Rc::clone(target), self.options.clone().into_owned());
                Some(Box::pin(dial::again(client, target, options, self.options.reconnect?, notifier.clone())))
            }
            Way::Inherited(_) => None,
        }
    }

    /// Returns the pause between attempts to connect again, if there are any.
    pub(super) fn tries_again(&self) -> Option<Duration> {
        self.options.reconnect.filter(|_| matches!(self.way, Way::Connect(_)))
    }
}
