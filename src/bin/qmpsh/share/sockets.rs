//! The sockets that clients come to, and the tasks that read from each client and write to it.

use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Gid, Group};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::routing::{ClientId, Seat, UNANSWERED};
use crate::cli::{INSECURE, Place, ShareSocket};
use crate::connect;
use crate::output::messages::Messages;
use crate::status::Failure;
use qmpsh::address::Address;
use qmpsh::error::describe;
use qmpsh::message::Greeting;
use qmpsh::protocol::{Bind, Incoming, Link, Listen};
use qmpsh::server::{Connection, Received, Responses, next_peer};
use qmpsh::text;
use qmpsh::transport::{Endpoint, Inherited, Unix};

/// How many clients there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) clients: usize,
    /// On each read-only socket.
    pub(super) read_only: usize,
}

pub(super) const LIMITS: Limits = Limits { clients: 1000, read_only: 250 };

/// How many clients may wait to be accepted at a socket.
const BACKLOG: i32 = 128;

/// How long TLS and the negotiation may take, each.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How often a client that waits for QEMU is looked at: it may have gone.
const PRESENCE: Duration = Duration::from_secs(1);

/// How long a client may take to read what is left for it when its connection is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// What clients do, for the loop that has the router.
pub(super) enum Input {
    Joined(ClientId, Handle),
    Said(ClientId, Received),
    Wrote(ClientId),
    Left(ClientId),
}

/// The way to a client.
pub(super) struct Handle {
    pub(super) seat: Arc<Seat<Peer>>,
    /// The session of QEMU whose greeting it has got.
    pub(super) session: u64,
    /// Dropping it closes the connection after what was sent.
    pub(super) outbox: mpsc::UnboundedSender<qmpsh::server::Response>,
    /// How many requests may be read.
    pub(super) credits: Arc<Semaphore>,
    pub(super) responses: Responses,
    /// It ends when the handle is dropped.
    pub(super) _held: oneshot::Sender<()>,
}

/// What is known of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) socket: String,
    pub(super) name: String,
    pub(super) pid: Option<i32>,
    pub(super) uid: Option<u32>,
    pub(super) program: Option<String>,
}

/// What all sockets share.
pub(super) struct Lobby {
    pub(super) inbox: mpsc::Sender<Input>,
    /// The number of the session of QEMU and its greeting, while there is one.
    pub(super) greeting: watch::Receiver<Option<(u64, Greeting)>>,
    pub(super) messages: Messages,
    ids: std::cell::Cell<ClientId>,
    limits: Limits,
    room: Arc<Semaphore>,
}

impl Lobby {
    pub(super) fn new(
        inbox: mpsc::Sender<Input>,
        greeting: watch::Receiver<Option<(u64, Greeting)>>,
        messages: Messages,
        limits: Limits,
    ) -> Self {
        let room = Arc::new(Semaphore::new(limits.clients));
        Self { inbox, greeting, messages, ids: std::cell::Cell::new(0), limits, room }
    }
}

/// A socket that clients can connect to.
pub(super) struct Socket {
    listener: Box<dyn Listen>,
    shown: String,
    options: ShareSocket,
}

impl Socket {
    /// Listens. `inherited` is the socket of that number, if it is one that the parent process passed.
    pub(super) async fn open(
        options: ShareSocket,
        inherited: Option<Inherited>,
        connect_timeout: Duration,
        insecure: bool,
    ) -> Result<Self, Failure> {
        let (mut listener, shown) = match (&options.place, inherited) {
            (Place::Inherited(number), Some(Inherited::Listening(listener))) => {
                let is_tcp = listener.address().starts_with("tcp:");
                if is_tcp && options.tls_creds.is_none() && !insecure {
                    return Err(Failure::no_session(format!("--listen fd:{number}: {INSECURE}")));
                }
                let shown = format!("fd:{number} ({})", listener.address());
                (listener, shown)
            }
            (Place::Inherited(number), _) => {
                let why = format!("--listen fd:{number}: it is a connected socket, and a listening one is needed");
                return Err(Failure::no_session(why));
            }
            (Place::Address(address), _) => bind(address, &options).await?,
        };
        let failed = |error| Failure::no_session(format!("cannot listen on {shown}: {}", describe(&error)));
        listener.set_backlog(BACKLOG).map_err(failed)?;
        if let Some(directory) = &options.tls_creds {
            listener = connect::server_credentials(directory, connect_timeout).await?.listen(listener);
        }
        Ok(Self { listener, shown: text::line(&shown).into_owned(), options })
    }

    #[cfg(test)]
    pub(super) fn on(listener: Box<dyn Listen>, options: ShareSocket) -> Self {
        Self { listener, shown: "s.sock".to_owned(), options }
    }

    /// Says that it serves, and serves clients for ever.
    pub(super) fn serve(self, lobby: Rc<Lobby>) -> impl Future<Output = ()> {
        let rules = match (&self.options.policy.read_only, self.options.policy == qmpsh::policy::Policy::default()) {
            (true, _) => " (read-only)",
            (false, false) => " (some commands)",
            (false, true) => "",
        };
        lobby.messages.say(&format!("serving clients at {}{rules}", self.shown));
        self.accept(lobby)
    }

    async fn accept(mut self, lobby: Rc<Lobby>) {
        let Limits { clients, read_only } = lobby.limits;
        let most = if self.options.policy.read_only { read_only } else { clients };
        let room = Arc::new(Semaphore::new(most));
        loop {
            let incoming = match next_peer(&mut *self.listener).await {
                Ok(incoming) => incoming,
                Err(error) => {
                    lobby.messages.say(&format!("{}: cannot accept: {}", self.shown, describe(&error)));
                    // Too many files may be open.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            let permits = (Arc::clone(&room).try_acquire_owned(), Arc::clone(&lobby.room).try_acquire_owned());
            let (Ok(own), Ok(common)) = permits else {
                let peer = text::line(&incoming.peer).into_owned();
                lobby.messages.say(&format!("{}: refused {peer}: there are {most} clients", self.shown));
                continue;
            };
            let client = client(Rc::clone(&lobby), self.shown.clone(), self.options.clone(), incoming);
            tokio::task::spawn_local(async move {
                client.await;
                drop((own, common));
            });
        }
    }
}

async fn bind(address: &Address, options: &ShareSocket) -> Result<(Box<dyn Listen>, String), Failure> {
    let shown = address.to_string();
    let failed = |why: String| Failure::no_session(format!("cannot listen on {}: {why}", text::line(&shown)));
    let group = match &options.group {
        None => None,
        Some(name) => Some(group(name).ok_or_else(|| failed(format!("there is no group `{}`", text::line(name))))?),
    };
    let mut endpoint = Endpoint::from(address);
    if let Endpoint::Unix(Unix::Path { mode, .. }) = &mut endpoint {
        // Nobody but the user connects until the group is set.
        *mode = if group.is_some() { options.mode & 0o700 } else { options.mode };
    }
    let listener = endpoint.bind().await.map_err(|error| failed(describe(&error)))?;
    if let (Some(group), Address::Unix(path)) = (group, address) {
        let set = std::os::unix::fs::lchown(path, None, Some(group.as_raw()))
            .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(options.mode)));
        set.map_err(|error| failed(format!("cannot set its group: {}", describe(&error))))?;
    }
    let shown = match address {
        Address::Tcp { .. } => listener.address(),
        _ => shown,
    };
    Ok((listener, shown))
}

fn group(name: &str) -> Option<Gid> {
    match name.parse() {
        Ok(number) => Some(Gid::from_raw(number)),
        Err(_) => Group::from_name(name).ok()?.map(|group| group.gid),
    }
}

/// Waits for the greeting of QEMU; `None` if the client leaves before.
async fn greeted(lobby: &Lobby, link: &dyn Link) -> Option<(u64, Greeting)> {
    let mut greeting = lobby.greeting.clone();
    loop {
        if let Ok(greeted) = timeout(PRESENCE, greeting.wait_for(Option::is_some)).await {
            // The sender is there as long as the program.
            return greeted.ok()?.clone();
        }
        if link.has_hung_up() {
            return None;
        }
    }
}

/// Serves one client to its end.
async fn client(lobby: Rc<Lobby>, socket: String, options: ShareSocket, incoming: Incoming) {
    let Incoming { peer, handshake } = incoming;
    let name = text::line(&peer).into_owned();
    let refuse = |why: &str| lobby.messages.say(&format!("{socket}: dropped {name}: {why}"));
    let link = match timeout(HANDSHAKE, handshake).await {
        Ok(Ok(link)) => link,
        Ok(Err(error)) => return refuse(&describe(&error)),
        Err(_) => return refuse("it took too long for TLS"),
    };
    let credentials = link.credentials();
    let pid = credentials.and_then(|credentials| credentials.pid());
    let program = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    let peer = Peer {
        socket: socket.clone(),
        name: name.clone(),
        pid,
        uid: credentials.map(|credentials| credentials.uid()),
        program: program.map(|name| name.trim_end().to_owned()),
    };
    let Some((session, greeting)) = greeted(&lobby, &*link).await else {
        return refuse("it left before QEMU was there");
    };
    let mut connection = match timeout(HANDSHAKE, Connection::open(link, &greeting, options.max_request)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(_)) => return refuse("it left without negotiating"),
        Err(_) => return refuse("it did not negotiate within 10 seconds"),
    };
    let id = lobby.ids.get() + 1;
    lobby.ids.set(id);
    let (outbox, mut to_write) = mpsc::unbounded_channel();
    let credits = Arc::new(Semaphore::new(UNANSWERED));
    let responses = connection.responses();
    let seat = Arc::new(Seat { policy: options.policy, about: peer });
    let (held, dropped) = oneshot::channel();
    let handle =
        Handle { seat, session, outbox, credits: Arc::clone(&credits), responses: responses.clone(), _held: held };
    // The inbox is there as long as the program.
    let _ = lobby.inbox.send(Input::Joined(id, handle)).await;
    let reading = async {
        while let Ok(credit) = credits.acquire().await
            && let Some(received) = connection.next().await
        {
            credit.forget();
            let _ = lobby.inbox.send(Input::Said(id, received)).await;
        }
    };
    let writing = async {
        while let Some(response) = to_write.recv().await
            && responses.send(response).await.is_ok()
        {
            let _ = lobby.inbox.send(Input::Wrote(id)).await;
        }
    };
    // A client that does not read, or that left requests behind, would be written to for ever.
    let ending = async {
        let _ = dropped.await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
        () = ending => {}
    }
    if timeout(FAREWELL, responses.close()).await.is_err() {
        responses.abort();
    }
    let _ = lobby.inbox.send(Input::Left(id)).await;
}
