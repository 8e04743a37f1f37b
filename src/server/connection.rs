//! A connection with one client.

use std::future::poll_fn;
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::command::Received;
use super::protocol::QmpServer;
use super::response::Response;
use crate::message::Greeting;
use crate::protocol::{Dial, Incoming, Link, Listen, OpenError, Session, SessionOptions, StateError};

/// Waits for the next client of a listening socket.
pub async fn next_peer(listener: &mut dyn Listen) -> io::Result<Incoming> {
    poll_fn(|context| listener.poll_accept(context)).await
}

/// A client that has negotiated. Dropping it closes the connection.
#[derive(Debug)]
pub struct Connection {
    requests: mpsc::Receiver<Received>,
    responses: Responses,
}

impl Connection {
    /// Greets a client and negotiates. Set a time limit: a client may stay silent.
    ///
    /// A request may have `max_request` bytes; see [`MAX_REQUEST`](super::MAX_REQUEST).
    pub async fn open(
        link: Box<dyn Link>,
        greeting: &Greeting,
        max_request: usize,
    ) -> Result<Self, OpenError<io::Error>> {
        // The system keeps what the server does not take, and then the client's writes wait.
        let (sender, requests) = mpsc::channel(1);
        let greeting = greeting.clone();
        // The only sender goes to the session, so that the requests end with it.
        let sender = Mutex::new(Some(sender));
        let make = move || {
            let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
            QmpServer::new(greeting.clone(), max_request, sender.unwrap_or_else(|| mpsc::channel(1).0))
        };
        let session = Session::new(SessionOptions { queue: 1, ..SessionOptions::default() }, make);
        session.connect(Accepted(link)).await?;
        Ok(Self { requests, responses: Responses { session } })
    }

    /// Waits for the next request; `None` when the client has gone. Each request gets exactly one response. Cancel safe.
    pub async fn next(&mut self) -> Option<Received> {
        self.requests.recv().await
    }

    /// Returns the handle that sends to the client.
    pub fn responses(&self) -> Responses {
        self.responses.clone()
    }
}

/// The handle that sends to a client. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Responses {
    session: Session<QmpServer>,
}

impl Responses {
    /// Sends a response. It waits while the client has not read the ones before.
    ///
    /// # Errors
    ///
    /// Fails if the client has gone.
    pub async fn send(&self, response: Response) -> Result<(), StateError> {
        self.session.send(response).await
    }

    /// Closes the connection at once.
    pub fn abort(&self) {
        self.session.abort();
    }

    /// Closes the connection after what was sent.
    pub async fn close(&self) {
        // How it ends does not matter any more.
        let _ = self.session.disconnect().await;
    }
}

/// A link that is connected already.
struct Accepted(Box<dyn Link>);

impl Dial for Accepted {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Ok(self.0)
    }
}
