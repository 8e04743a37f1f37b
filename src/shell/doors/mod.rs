//! The ways to a peer: connecting, listening, an inherited socket. What runs commands does not know which it is.

mod connect;
mod explain;
mod inherited;
mod listen;

use std::future::Future;
use std::pin::Pin;

use super::console::Sink;
use super::messages::Messages;
use super::status::{Failure, Status};
use crate::cli::{Door, Options};
use crate::client::Client;
use crate::text;

use inherited::Socket;
use listen::Listening;

/// Where progress and warnings are told.
#[derive(Clone)]
pub(super) enum Teller {
    Stderr(Messages),
    Console(Sink),
}

impl Teller {
    fn tell(&self, message: &str) {
        match self {
            Teller::Stderr(messages) => messages.say(message),
            Teller::Console(sink) => sink.line(text::lines(message)),
        }
    }
}

/// A session being opened again; see [`Entrance::again`].
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// The way to the peer.
pub(super) struct Entrance<'a> {
    way: Way,
    options: &'a Options,
    shown: String,
}

enum Way {
    Connect(crate::address::Address),
    Listen(Listening),
    Inherited(Socket),
}

impl<'a> Entrance<'a> {
    /// The way that was asked for. To be called before anything else has opened a descriptor: it takes the inherited
    /// ones.
    pub(super) fn new(door: &Door, options: &'a Options) -> Result<Self, Failure> {
        let (way, shown) = match door {
            Door::Connect(address) => (Way::Connect(address.clone()), address.to_string()),
            Door::Listen { address, socket_mode } => {
                (Way::Listen(Listening::new(address.clone(), *socket_mode)), address.to_string())
            }
            Door::Fd(number) => {
                let socket = Socket::claim(*number)?;
                let shown = socket.shown();
                (Way::Inherited(socket), shown)
            }
        };
        Ok(Self { way, options, shown: text::line(&shown).into_owned() })
    }

    /// The peer's address, fit for a terminal.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether something is left behind if the program is ended by a signal that it does not catch.
    pub(super) fn needs_tidying(&self) -> bool {
        matches!(self.way, Way::Listen(_))
    }

    /// Establishes the session. Dropping the future gives it up, and leaves nothing behind.
    pub(super) async fn open(&mut self, client: &Client, teller: &Teller) -> Result<(), Failure> {
        match &mut self.way {
            Way::Connect(address) => connect::open(client, address, self.options).await,
            Way::Listen(listening) => listening.open(client.clone(), self.options.wait, teller.clone()).await,
            Way::Inherited(socket) => socket.open(client, self.options, teller).await,
        }
    }

    /// What to wait for after the session was lost, if there is something that brings it back by itself.
    pub(super) fn again(&self, client: &Client, teller: &Teller) -> Option<Opening> {
        match &self.way {
            Way::Listen(listening) => {
                let listening = listening.clone();
                let (client, wait, teller) = (client.clone(), self.options.wait, teller.clone());
                Some(Box::pin(async move { listening.open(client, wait, teller).await }))
            }
            Way::Connect(_) | Way::Inherited(_) => None,
        }
    }
}
