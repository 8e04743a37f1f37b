//! The ways to a peer: connecting, listening, an inherited socket, a QEMU started here. What runs commands does not know which it is.

mod dial;
mod explain;
mod inherited;
pub(crate) mod list;
mod listen;
mod output;
mod run;
mod secure;
mod target;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::cli::{ConnectMode, Options};
use crate::output::messages::Notifier;
use crate::status::{Failure, Status};
use qmpsh::client::Client;
use qmpsh::protocol::Runstate;
use qmpsh::text;

use inherited::Socket;
use listen::Listening;
use run::Run;
use target::Target;

/// A session being opened again; see [`Connector::again`].
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// The way to the peer.
pub(super) struct Connector<'a> {
    way: Way,
    options: &'a Options,
    shown: String,
    /// The client that has the session.
    client: Option<Client>,
}

enum Way {
    Connect {
        /// Shared with what tries again.
        target: Rc<Mutex<Target>>,
        /// Whether a program leads there.
        has_program: bool,
    },
    Listen(Listening),
    Inherited(Socket),
    Run(Run),
}

impl<'a> Connector<'a> {
    /// The way that was asked for. To be called before anything else has opened a descriptor: it takes the inherited
    /// ones.
    pub(super) fn new(mode: &ConnectMode, options: &'a Options) -> Result<Self, Failure> {
        let (way, shown) = match mode {
            ConnectMode::Connect(address) => {
                let target = Target::new(address.clone());
                let has_program = target.has_program();
                (Way::Connect { target: Rc::new(Mutex::new(target)), has_program }, address.to_string())
            }
            ConnectMode::Listen { address, socket_mode } => {
                (Way::Listen(Listening::new(address.clone(), *socket_mode, options.tls.clone())), address.to_string())
            }
            ConnectMode::Fd(number) => {
                let socket = Socket::claim(*number)?;
                let shown = socket.shown();
                (Way::Inherited(socket), shown)
            }
            ConnectMode::Run { command, monitor } => {
                let run = Run::new(command.clone(), monitor.clone());
                let shown = run.shown();
                (Way::Run(run), shown)
            }
        };
        Ok(Self { way, options, shown: text::line(&shown).into_owned(), client: None })
    }

    /// The peer's address, fit for a terminal.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether something is left behind if the program is ended by a signal that it does not catch.
    pub(super) fn needs_tidying(&self) -> bool {
        match &self.way {
            Way::Listen(_) | Way::Run(_) => true,
            Way::Connect { has_program, .. } => *has_program,
            Way::Inherited(_) => false,
        }
    }

    /// Establishes the session. Dropping the future gives it up; then, too, [`close`](Self::close) is to be called.
    pub(super) async fn open(&mut self, client: &Client, notifier: &Notifier) -> Result<(), Failure> {
        self.client = Some(client.clone());
        match &mut self.way {
            Way::Connect { target, .. } => dial::open(client, &mut *target.lock().await, self.options).await,
            Way::Listen(listening) => listening.open(client.clone(), self.options.wait, notifier.clone()).await,
            Way::Inherited(socket) => socket.open(client, self.options, notifier).await,
            Way::Run(run) => run.open(client, self.options, notifier).await,
        }
    }

    /// What was started here will be left running. Gives a warning, if there is something to be warned of.
    pub(super) fn detach(&mut self) -> Result<Option<String>, Failure> {
        match &mut self.way {
            Way::Run(run) => Ok(run.detach()),
            _ => Err(Failure::new(
                Status::Usage,
                ".detach works only with `qmpsh run`; this QEMU runs on anyway (use .quit to leave)",
            )),
        }
    }

    /// Ends the session, and what was started here. If the work is not done, what the peer has not read is not waited
    /// for.
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
            // Nothing is pending, and how the server takes it changes nothing.
            let _ = client.disconnect().await;
        }
    }

    /// How the program has ended that led to a session, if one did and it has, and what it said.
    pub(super) async fn end(&self) -> Option<String> {
        match &self.way {
            // While it is tried again there is nothing to tell.
            Way::Connect { target, .. } => target.try_lock().ok()?.end().await,
            _ => None,
        }
    }

    /// What to wait for after the session was lost: what brings it back by itself, or tells more of its end.
    pub(super) fn again(&self, client: &Client, notifier: &Notifier) -> Option<Opening> {
        match &self.way {
            Way::Listen(listening) => {
                let listening = listening.clone();
                let (client, wait, notifier) = (client.clone(), self.options.wait, notifier.clone());
                Some(Box::pin(async move { listening.open(client, wait, notifier).await }))
            }
            Way::Run(run) => run.again(),
            Way::Connect { target, .. } => {
                let (client, target, options) = (client.clone(), Rc::clone(target), self.options.clone());
                let again = dial::again(client, target, options, self.options.reconnect?, notifier.clone());
                Some(Box::pin(async move {
                    again.await;
                    Ok(())
                }))
            }
            Way::Inherited(_) => None,
        }
    }

    /// How often a lost connection is tried again, if it is.
    pub(super) fn tries_again(&self) -> Option<Duration> {
        self.options.reconnect.filter(|_| matches!(self.way, Way::Connect { .. }))
    }
}
