//! Which command goes to QEMU next, and what goes to which client. No I/O, no clock.
//!
//! In come what clients and QEMU say, out go [`Action`]s. QEMU runs the in-band commands of a monitor one after the other and
//! replies in their order, so all that this has to keep is a queue for each client and what is unanswered:
//!
//! ```text
//!  client 1 ──▶ [denied] [cont] [stop]──┐                          ┌──▶ reply with the client's own id
//!  client 2 ──▶          [query-status]─┼─▶ at most 7 unanswered ──┤
//!  client 3 ──▶               [add-fd]──┘   (add-fd alone)         └──▶ dropped, if the client has gone
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use qmpsh::json::Document;
use qmpsh::message::{Outcome as Ended, Reply, Request};
use qmpsh::policy::Policy;
use qmpsh::server::{Command, Received, Response};

/// How many in-band commands may be unanswered. QEMU stops reading at 8, and then an out-of-band command would wait too.
const IN_FLIGHT: usize = 7;

/// How many requests of a client may have no response yet; it is not read beyond. QEMU reads as many ahead.
pub(super) const UNANSWERED: usize = 8;

/// How many commands may be unanswered in all before out-of-band ones wait for their turn too.
const MOST_UNANSWERED: usize = 128;

/// How many bytes may wait for clients that do not read.
pub(super) struct Backlog {
    /// For one, beyond the message that is being written.
    pub(super) of_one: usize,
    pub(super) of_all: usize,
}

pub(super) const BACKLOG: Backlog = Backlog { of_one: 64 << 20, of_all: 512 << 20 };

/// How many open files a client may have in QEMU.
const DESCRIPTORS: usize = 64;

pub(super) type ClientId = u64;

/// The number of a command that was sent to QEMU.
pub(super) type Ticket = u64;

/// What is known of a client, whatever it sends. `T` is not looked at here.
#[derive(Debug)]
pub(super) struct Seat<T> {
    pub(super) policy: Policy,
    pub(super) about: T,
}

#[derive(Debug)]
pub(super) enum Action<T> {
    /// Send it to QEMU, for this client or for the program itself.
    Send(Ticket, Option<ClientId>, Request),
    /// Send it to a client. [`Router::wrote`] follows.
    Respond(ClientId, Response),
    /// A request has its response: one more may be read from the client.
    Read(ClientId),
    /// Close the connection of a client that stopped reading.
    CloseSlow(ClientId),
    /// A command has ended.
    Record(Record<T>),
}

/// A command that has ended, for the audit.
#[derive(Debug)]
pub(super) struct Record<T> {
    pub(super) seat: Arc<Seat<T>>,
    pub(super) command: Command,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Error,
    /// It was not sent: a rule forbids it.
    Denied,
    /// The connection ended before its reply, or before it was sent.
    Lost,
}

struct Client<T> {
    seat: Arc<Seat<T>>,
    queue: VecDeque<Queued>,
    /// How many of its in-band commands are unanswered.
    in_flight: usize,
    /// The sizes of the responses that are not written yet. The first one is being written.
    backlog: VecDeque<usize>,
    /// Their sum without the first one.
    waiting: usize,
    /// The open files in fdsets that it made: the number of the set, and in it.
    fdsets: Vec<(u64, u64)>,
    /// How many it passed for `getfd` and did not close.
    named_descriptors: usize,
}

enum Queued {
    Command(Command),
    /// A request whose response is known, and waits for its turn.
    Answered(Response),
}

struct Sent<T> {
    /// The client whose command it is, and its seat; `None` if the program sends it for itself.
    of: Option<(ClientId, Arc<Seat<T>>, Command)>,
    is_in_band: bool,
}

pub(super) struct Router<T> {
    clients: BTreeMap<ClientId, Client<T>>,
    /// The clients that have something in their queue, each once, in the order of their turns.
    turns: VecDeque<ClientId>,
    sent: BTreeMap<Ticket, Sent<T>>,
    tickets: Ticket,
    /// A command with an open file is unanswered: nothing in-band goes behind it.
    is_alone: bool,
    /// Requests of the program itself.
    own: VecDeque<Request>,
    backlog: Backlog,
    /// The bytes that wait for all clients.
    waiting: usize,
    /// Nothing more is sent to QEMU in-band.
    closing: bool,
    denies_all: bool,
    actions: Vec<Action<T>>,
}

impl<T> Router<T> {
    pub(super) fn new(backlog: Backlog) -> Self {
        Self {
            clients: BTreeMap::new(),
            turns: VecDeque::new(),
            sent: BTreeMap::new(),
            tickets: 0,
            is_alone: false,
            own: VecDeque::new(),
            backlog,
            waiting: 0,
            closing: false,
            denies_all: false,
            actions: Vec::new(),
        }
    }

    /// Takes what is to be done.
    pub(super) fn actions(&mut self) -> Vec<Action<T>> {
        self.pump();
        std::mem::take(&mut self.actions)
    }

    /// A client has negotiated.
    pub(super) fn joined(&mut self, id: ClientId, seat: Arc<Seat<T>>) {
        let client = Client {
            seat,
            queue: VecDeque::new(),
            in_flight: 0,
            backlog: VecDeque::new(),
            waiting: 0,
            fdsets: Vec::new(),
            named_descriptors: 0,
        };
        self.clients.insert(id, client);
    }

    /// A client has said something.
    pub(super) fn said(&mut self, id: ClientId, received: Received) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let (queued, is_urgent) = match received {
            Received::Refused { response, out_of_band } => (Queued::Answered(response), out_of_band),
            Received::Command(command) => {
                let is_urgent = command.is_out_of_band();
                match refusal(client, &command, self.denies_all) {
                    None => (Queued::Command(command), is_urgent),
                    Some(why) => {
                        let response = command.fails("GenericError", &why);
                        let seat = Arc::clone(&client.seat);
                        self.actions.push(Action::Record(Record { seat, command, outcome: Outcome::Denied }));
                        (Queued::Answered(response), is_urgent)
                    }
                }
            }
        };
        match queued {
            Queued::Answered(response) if is_urgent => self.answer(id, response),
            Queued::Command(command) if is_urgent && self.sent.len() < MOST_UNANSWERED => self.send(id, command),
            queued => {
                if client.queue.is_empty() {
                    self.turns.push_back(id);
                }
                client.queue.push_back(queued);
            }
        }
    }

    /// A client has gone. What is unanswered ends unheard.
    pub(super) fn left(&mut self, id: ClientId) {
        let Some(client) = self.clients.remove(&id) else { return };
        self.waiting -= client.waiting;
        for (set, descriptor) in client.fdsets {
            self.own.extend(remove_fd(set, descriptor));
        }
        for queued in client.queue {
            if let Queued::Command(command) = queued {
                let seat = Arc::clone(&client.seat);
                self.actions.push(Action::Record(Record { seat, command, outcome: Outcome::Lost }));
            }
        }
    }

    /// The response that was written last is with the client.
    pub(super) fn wrote(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.backlog.pop_front();
        // The next one is being written.
        let next = client.backlog.front().copied().unwrap_or_default();
        client.waiting -= next;
        self.waiting -= next;
    }

    /// QEMU has sent an event.
    pub(super) fn event(&mut self, event: &Bytes) {
        let response = Response::event(event);
        let clients: Vec<ClientId> = self.clients.keys().copied().collect();
        for id in clients {
            self.respond(id, response.clone());
        }
    }

    /// QEMU has replied, or the command was not sent for this reason.
    pub(super) fn replied(&mut self, ticket: Ticket, reply: Result<&Reply, &str>) {
        let Some(Sent { of, is_in_band }) = self.sent.remove(&ticket) else { return };
        let Some((id, seat, command)) = of else {
            // Of the program's own commands, only the one that takes what was left goes alone.
            if std::mem::take(&mut self.is_alone) {
                let made = reply.ok().and_then(made_descriptor);
                self.own.extend(made.and_then(|(set, descriptor)| remove_fd(set, descriptor)));
            }
            return;
        };
        let has_failed = !reply.is_ok_and(|reply| *reply.outcome() == Ended::Return);
        if command.descriptor().is_some() {
            self.is_alone = has_failed;
            if has_failed {
                self.take_what_was_left();
            }
        }
        let made = reply.ok().filter(|_| command.name() == "add-fd").and_then(made_descriptor);
        match self.clients.get_mut(&id) {
            Some(client) => {
                client.in_flight -= usize::from(is_in_band);
                if !has_failed {
                    client.count_descriptors(&command, made);
                }
                let response = match reply {
                    Ok(reply) => Response::passes_on(reply, command.id()),
                    Err(why) => command.fails("GenericError", why),
                };
                self.answer(id, response);
            }
            None => self.own.extend(made.and_then(|(set, descriptor)| remove_fd(set, descriptor))),
        }
        let outcome = if has_failed { Outcome::Error } else { Outcome::Ok };
        self.actions.push(Action::Record(Record { seat, command, outcome }));
    }

    /// QEMU has gone, and answers nothing. The caller closes all clients.
    pub(super) fn lost(&mut self) {
        let ids: Vec<ClientId> = self.clients.keys().copied().collect();
        for id in ids {
            self.left(id);
        }
        for (_, seat, command) in std::mem::take(&mut self.sent).into_values().filter_map(|sent| sent.of) {
            self.actions.push(Action::Record(Record { seat, command, outcome: Outcome::Lost }));
        }
        self.own.clear();
        self.turns.clear();
        self.is_alone = false;
    }

    /// From now on every command is denied.
    pub(super) fn deny_all(&mut self) {
        self.denies_all = true;
    }

    /// From now on nothing more is sent to QEMU from the queues.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// Returns true if QEMU has answered everything, and each client has what was for it.
    pub(super) fn is_idle(&self) -> bool {
        self.sent.is_empty() && self.clients.values().all(|client| client.backlog.is_empty())
    }

    /// Sends what may be sent, each client's in its turn.
    fn pump(&mut self) {
        while !self.closing && !self.is_alone && self.in_flight() < IN_FLIGHT {
            if let Some(request) = self.own.pop_front() {
                let ticket = self.ticket(Sent { of: None, is_in_band: true });
                self.actions.push(Action::Send(ticket, None, request));
                continue;
            }
            let Some((id, command)) = self.next_command() else { return };
            self.send(id, command);
        }
    }

    fn in_flight(&self) -> usize {
        self.sent.values().filter(|sent| sent.is_in_band).count()
    }

    /// Takes the command of the next client that may send one, and answers what has its turn on the way.
    fn next_command(&mut self) -> Option<(ClientId, Command)> {
        for _ in 0..self.turns.len() {
            let id = self.turns.pop_front()?;
            while let Some(client) = self.clients.get_mut(&id)
                && client.in_flight == 0
                && let Some(Queued::Answered(_)) = client.queue.front()
                && let Some(Queued::Answered(response)) = client.queue.pop_front()
            {
                self.answer(id, response);
            }
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let most = if client.seat.policy.read_only { 1 } else { IN_FLIGHT };
            match client.queue.pop_front() {
                None => continue,
                Some(Queued::Command(command)) if command.descriptor().is_some() && !self.sent.is_empty() => {
                    // It goes alone. All wait until it can, so that it gets its turn.
                    client.queue.push_front(Queued::Command(command));
                    self.turns.push_front(id);
                    return None;
                }
                Some(Queued::Command(command)) if client.in_flight < most => {
                    if !client.queue.is_empty() {
                        self.turns.push_back(id);
                    }
                    return Some((id, command));
                }
                Some(queued) => client.queue.push_front(queued),
            }
            self.turns.push_back(id);
        }
        None
    }

    fn send(&mut self, id: ClientId, command: Command) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let is_in_band = !command.is_out_of_band();
        client.in_flight += usize::from(is_in_band);
        self.is_alone |= command.descriptor().is_some();
        let request = command.to_request();
        let of = Some((id, Arc::clone(&client.seat), command));
        let ticket = self.ticket(Sent { of, is_in_band });
        self.actions.push(Action::Send(ticket, Some(id), request));
    }

    /// Takes the open file of a command that failed from QEMU, which would give it to the next one that takes a file.
    ///
    /// Source: docs/qmp.md, "Descriptors".
    fn take_what_was_left(&mut self) {
        let ticket = self.ticket(Sent { of: None, is_in_band: true });
        self.actions.push(Action::Send(ticket, None, Request::new("add-fd")));
    }

    fn ticket(&mut self, sent: Sent<T>) -> Ticket {
        self.tickets += 1;
        self.sent.insert(self.tickets, sent);
        self.tickets
    }

    /// Sends the response to a request.
    fn answer(&mut self, id: ClientId, response: Response) {
        self.respond(id, response);
        self.actions.push(Action::Read(id));
    }

    fn respond(&mut self, id: ClientId, response: Response) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if !client.backlog.is_empty() {
            client.waiting += response.size();
            self.waiting += response.size();
        }
        client.backlog.push_back(response.size());
        let is_slow = client.waiting > self.backlog.of_one;
        self.actions.push(Action::Respond(id, response));
        if is_slow {
            self.close_slow(id);
        }
        while self.waiting > self.backlog.of_all
            && let Some((&id, _)) = self.clients.iter().max_by_key(|(_, client)| client.waiting)
        {
            self.close_slow(id);
        }
    }

    fn close_slow(&mut self, id: ClientId) {
        self.actions.push(Action::CloseSlow(id));
        self.left(id);
    }
}

impl<T> Client<T> {
    fn count_descriptors(&mut self, command: &Command, made: Option<(u64, u64)>) {
        self.fdsets.extend(made);
        match command.name() {
            "getfd" => self.named_descriptors += 1,
            "closefd" => self.named_descriptors = self.named_descriptors.saturating_sub(1),
            "remove-fd" => {
                let number = |key| number(command.arguments().as_bytes(), key);
                let (set, descriptor) = (number("fdset-id"), number("fd"));
                self.fdsets
                    .retain(|(of, one)| Some(*of) != set || descriptor.is_some_and(|descriptor| descriptor != *one));
            }
            _ => {}
        }
    }
}

/// Returns why a command is not sent.
fn refusal<T>(client: &Client<T>, command: &Command, denies_all: bool) -> Option<String> {
    let name = command.name();
    if denies_all {
        return Some(format!("{name}: not allowed, because the audit cannot be written"));
    }
    if !client.seat.policy.allows(name, command.arguments().as_bytes()) {
        return Some(format!("{name}: not allowed on this socket"));
    }
    let queued = client.queue.iter().filter(|queued| match queued {
        Queued::Command(command) => command.descriptor().is_some(),
        Queued::Answered(_) => false,
    });
    let is_one_too_many = client.fdsets.len() + client.named_descriptors + queued.count() >= DESCRIPTORS;
    (command.descriptor().is_some() && is_one_too_many)
        .then(|| format!("{name}: this client has {DESCRIPTORS} open files in QEMU; close some of them first"))
}

/// Returns the fdset and the number of the file that `add-fd` has put into it, if the reply says so.
fn made_descriptor(reply: &Reply) -> Option<(u64, u64)> {
    let result = reply.result()?;
    Some((number(&result, "fdset-id")?, number(&result, "fd")?))
}

fn number(object: &[u8], key: &str) -> Option<u64> {
    std::str::from_utf8(Document::parse(object).ok()?.get(key)?).ok()?.parse().ok()
}

/// Never `None`: QEMU's parser refuses nothing in it.
fn remove_fd(set: u64, descriptor: u64) -> Option<Request> {
    Request::new("remove-fd").arguments(&json!({"fd": descriptor, "fdset-id": set})).ok()
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
