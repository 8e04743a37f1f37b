//! `qmpsh share`: one monitor for many clients.
//!
//! In come the way to the monitor and the sockets for clients. `routing` decides what goes where, without I/O. Around it
//! stand `upstream`, the one client of QEMU, `sockets` with a task for each client, and `audit`. The loop here carries what one side
//! says to the router, and what the router wants to the other side.

mod audit;
mod routing;
mod sockets;
mod upstream;

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::cli::{Place, ShareSocket, Sharing};
use crate::connect::{Connector, Passed};
use crate::output::messages::{Messages, Notifier};
use crate::signals::{Ending, Interrupts, or_never};
use crate::status::{Failure, Status};
use audit::Audit;
use qmpsh::client::Client;
use qmpsh::error::describe;
use routing::{Action, BACKLOG, ClientId, Router};
use sockets::{Handle, Input, LIMITS, Lobby, Peer, Socket};
use upstream::{Said, Upstream};

/// How long commands that run may take to end after SIGTERM.
const LAST_COMMANDS: Duration = Duration::from_secs(5);

/// How long clients get to read the end.
const FAREWELL: Duration = Duration::from_millis(1500);

/// How many messages of clients may wait for the router. They wait there only while it works.
const INBOX: usize = 64;

/// Returns the sockets to listen on: those of the command line, or else all that the service manager passed.
pub(crate) fn sockets(sharing: &Sharing) -> Result<Vec<(ShareSocket, Option<Passed>)>, Failure> {
    let mut sockets = sharing.sockets.clone();
    if sockets.is_empty() {
        if std::env::var_os("LISTEN_PID").is_none() {
            let message = "no socket for clients: name one with --listen SOCKET (or let a service manager pass it)";
            return Err(Failure::new(Status::Usage, message.to_owned()));
        }
        let place = |number| ShareSocket::new(Place::Inherited(number), sharing.policy.clone());
        sockets = Passed::numbers()?.into_iter().map(place).collect();
    }
    let claim = |socket: ShareSocket| match socket.place {
        Place::Inherited(number) => Ok((socket, Some(Passed::claim(number)?))),
        Place::Address(_) => Ok((socket, None)),
    };
    sockets.into_iter().map(claim).collect()
}

/// Shares the monitor until it is lost or a signal ends the program.
pub(crate) async fn run(
    sharing: &'static Sharing,
    mut connector: Connector<'static>,
    sockets: Vec<(ShareSocket, Option<Passed>)>,
    messages: Messages,
) -> Result<Status, Failure> {
    let options = &sharing.options;
    // In a task of its own, it costs the loop nothing.
    let mut signal = tokio::task::spawn_local(signal(Interrupts::unless_ignored()?, Ending::new()?));
    crate::output::diagnostics::to_stderr(sharing.options.log_level);
    let audit = match &sharing.audit {
        None => None,
        Some(path) => Some(Audit::open(path).map_err(|error| {
            Failure::no_session(format!("cannot write the audit to {}: {}", path.display(), describe(&error)))
        })?),
    };
    allow_many_open_files();
    let (to_inbox, inbox) = mpsc::channel(INBOX);
    let (to_clients, greeting) = watch::channel(None);
    let lobby = Rc::new(Lobby::new(to_inbox, greeting, messages, LIMITS));
    let mut listening = tokio::task::JoinSet::new();
    for (socket, passed) in sockets {
        let inherited = passed.map(Passed::open).transpose()?;
        let socket = Socket::open(socket, inherited, options.connect_timeout, sharing.insecure).await?;
        listening.spawn_local(socket.serve(Rc::clone(&lobby)));
    }
    let builder = Client::builder().max_message(options.max_message).handshake_limit(options.connect_timeout);
    let (client, mut events) = Upstream::client(builder);
    let notifier = Notifier::Stderr(messages);
    let mut share = Share { inbox, handles: HashMap::new(), clients: 0, audit, messages };
    let mut opening = None;
    for session in 1.. {
        let opened = async {
            match opening.take() {
                None => connector.open(&client, &notifier).await,
                Some(opening) => opening.await,
            }
        };
        tokio::select! {
            biased;
            opened = opened => opened?,
            _ = &mut signal => return Ok(Status::Success),
        }
        let Some(mut greeting) = client.greeting() else { break };
        // The only capability that is enabled here.
        greeting.capabilities.retain(|name| name == "oob");
        messages.say(&format!("sharing QEMU {} at {}", greeting.version, connector.shown()));
        to_clients.send_replace(Some((session, greeting)));
        let mut upstream = Upstream::new(client.clone(), events);
        let end = share.session(session, &mut upstream, &mut signal).await;
        to_clients.send_replace(None);
        events = upstream.into_events();
        let lost = client.disconnect().await;
        match end {
            End::Signal => {
                listening.shutdown().await;
                share.farewell().await;
                messages.say("ended; QEMU runs on");
                return Ok(Status::Success);
            }
            End::Lost => {
                let why = lost.err().map_or_else(|| "it closed the connection".to_owned(), |why| describe(&*why));
                messages.say(&format!("lost QEMU: {why}"));
            }
        }
        opening = options.reconnect.and_then(|_| connector.again(&client, &notifier));
        if opening.is_none() {
            break;
        }
        while events.try_recv().is_ok() {}
    }
    listening.shutdown().await;
    share.farewell().await;
    Ok(Status::ConnectionLost)
}

/// Raises the limit of open files as far as the system lets it: the usual one has no room for all the clients.
fn allow_many_open_files() {
    let most = getrlimit(Resource::Nofile).maximum;
    // If it cannot be raised, clients that come wait for a file to be closed.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
}

/// Waits for a signal that ends the program.
async fn signal(mut interrupts: Interrupts, mut ending: Ending) {
    tokio::select! {
        () = interrupts.next() => {}
        _ = ending.signal() => {}
    }
}

enum End {
    Lost,
    Signal,
}

struct Share {
    inbox: mpsc::Receiver<Input>,
    handles: HashMap<ClientId, Handle>,
    /// How many clients have joined and not left.
    clients: usize,
    audit: Option<Audit>,
    messages: Messages,
}

impl Share {
    /// Serves the clients for one session of QEMU, the one of this number, until `signal`.
    async fn session(&mut self, session: u64, upstream: &mut Upstream, mut signal: impl Future + Unpin) -> End {
        let mut router = Router::new(BACKLOG);
        let mut deadline = None;
        let end = loop {
            self.act(&mut router, upstream);
            if deadline.is_some() && router.is_idle() {
                break End::Signal;
            }
            tokio::select! {
                said = upstream.next() => match said {
                    Said::Event(event) => router.event(&event),
                    Said::Reply(ticket, reply) => router.replied(ticket, reply.as_ref().map_err(String::as_str)),
                    Said::Lost => break End::Lost,
                },
                Some(input) = self.inbox.recv() => self.take(&mut router, session, input),
                _ = &mut signal, if deadline.is_none() => {
                    router.close();
                    deadline = Some(Instant::now() + LAST_COMMANDS);
                }
                () = or_never(deadline.map(sleep_until)) => break End::Signal,
            }
        };
        if matches!(end, End::Signal) {
            upstream.abort();
        }
        router.lost();
        self.act(&mut router, upstream);
        // Each connection closes after what was sent.
        self.handles.clear();
        end
    }

    fn take(&mut self, router: &mut Router<Peer>, session: u64, input: Input) {
        self.count(&input);
        match input {
            // A client that was greeted for a session that has ended is closed.
            Input::Joined(_, handle) if handle.session != session => {}
            Input::Joined(id, handle) => {
                let Peer { socket, name, .. } = &handle.seat.about;
                self.messages.say(&format!("{socket}: {name} connected"));
                router.joined(id, handle.seat.clone());
                self.handles.insert(id, handle);
            }
            Input::Said(id, received) => router.said(id, received),
            Input::Wrote(id) => router.wrote(id),
            Input::Left(id) => {
                router.left(id);
                if let Some(handle) = self.handles.remove(&id) {
                    let Peer { socket, name, .. } = &handle.seat.about;
                    self.messages.say(&format!("{socket}: {name} disconnected"));
                }
            }
        }
    }

    fn count(&mut self, input: &Input) {
        match input {
            Input::Joined(..) => self.clients += 1,
            Input::Left(_) => self.clients -= 1,
            Input::Said(..) | Input::Wrote(_) => {}
        }
    }

    /// Does what the router wants.
    fn act(&mut self, router: &mut Router<Peer>, upstream: &mut Upstream) {
        for action in router.actions() {
            match action {
                Action::Send(ticket, of, request) => {
                    if let Some(id) = of {
                        tracing::debug!("command {ticket} is of client {id}");
                    }
                    upstream.send(ticket, request);
                }
                // It fails if the client has gone, of which the router will hear.
                Action::Respond(id, response) => {
                    if let Some(handle) = self.handles.get(&id) {
                        let _ = handle.outbox.send(response);
                    }
                }
                Action::Read(id) => {
                    if let Some(handle) = self.handles.get(&id) {
                        handle.credits.add_permits(1);
                    }
                }
                Action::CloseSlow(id) => {
                    if let Some(handle) = self.handles.remove(&id) {
                        handle.responses.abort();
                        let Peer { socket, name, .. } = &handle.seat.about;
                        self.messages
                            .say(&format!("{socket}: closed {name}: it does not read, and too much waits for it"));
                    }
                }
                Action::Record(record) => {
                    if let Some(Err(error)) = self.audit.as_mut().map(|audit| audit.write(&record)) {
                        self.audit = None;
                        router.deny_all();
                        let why = describe(&error);
                        self.messages
                            .say(&format!("cannot write the audit: {why}; from now on all commands are denied"));
                    }
                }
            }
        }
    }

    /// Lets the clients read what was sent to them.
    async fn farewell(&mut self) {
        self.handles.clear();
        let gone = async {
            while self.clients > 0
                && let Some(input) = self.inbox.recv().await
            {
                self.count(&input);
            }
        };
        // A client that does not read is not waited for.
        let _ = tokio::time::timeout(FAREWELL, gone).await;
    }
}

#[cfg(test)]
mod limit_tests;
