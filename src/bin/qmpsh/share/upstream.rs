//! The one client of the monitor: what QEMU says, in the order in which it came.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::coop::unconstrained;

use super::routing::Ticket;
use qmpsh::client::{Client, ClientBuilder, ExecuteError, Execution};
use qmpsh::error::describe;
use qmpsh::message::{Event, Reply, Request};
use qmpsh::protocol::{Runstate, StateWatcher};

/// The session with QEMU.
pub(super) struct Upstream {
    client: Client,
    watcher: StateWatcher,
    events: mpsc::UnboundedReceiver<Event>,
    /// Commands for which the client had no room yet, in order.
    starting: VecDeque<(Ticket, Starting)>,
    executions: Vec<(Ticket, Execution)>,
    /// What came, in order, and was not taken yet.
    ready: VecDeque<Said>,
    /// Events behind which replies may be that were not looked at.
    held: VecDeque<Event>,
}

type Starting = Pin<Box<dyn Future<Output = Result<Execution, ExecuteError>>>>;

/// What QEMU has said.
pub(super) enum Said {
    Event(Bytes),
    /// The reply to a command, or why there is none while the session goes on.
    Reply(Ticket, Result<Reply, String>),
    /// The session has ended.
    Lost,
}

impl Upstream {
    /// Returns the client, not connected, of which an [`Upstream`] can be made, with the receiver of its events.
    pub(super) fn client(options: ClientBuilder) -> (Client, mpsc::UnboundedReceiver<Event>) {
        let (sender, events) = mpsc::unbounded_channel();
        // It fails when the program ends.
        let client = options.on_event(move |event| drop(sender.send(event.clone()))).history(None).build();
        (client, events)
    }

    /// Takes over a client that is connected.
    pub(super) fn new(client: Client, events: mpsc::UnboundedReceiver<Event>) -> Self {
        let watcher = client.session().watch();
        Self {
            client,
            watcher,
            events,
            starting: VecDeque::new(),
            executions: Vec::new(),
            ready: VecDeque::new(),
            held: VecDeque::new(),
        }
    }

    /// Gives back the receiver of events, for the next session.
    pub(super) fn into_events(self) -> mpsc::UnboundedReceiver<Event> {
        self.events
    }

    /// Sends a command as soon as QEMU reads. [`next`](Self::next) does the work.
    pub(super) fn send(&mut self, ticket: Ticket, request: Request) {
        let client = self.client.clone();
        self.starting.push_back((ticket, Box::pin(async move { client.start(request).await })));
    }

    /// Closes the connection without waiting for QEMU, which may not read.
    pub(super) fn abort(&self) {
        self.client.session().abort();
    }

    /// Waits for what QEMU says next. Cancel safe.
    pub(super) async fn next(&mut self) -> Said {
        // A future whose budget is used up would look as if nothing had come, and the order would be wrong.
        unconstrained(poll_fn(|context| self.poll(context))).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Said> {
        if let Some(said) = self.ready.pop_front() {
            return Poll::Ready(said);
        }
        // An event is passed on before a reply that comes after it is, so all events before a reply are here.
        self.take_events(context);
        self.start(context);
        let mut last = self.held.back().map(Event::arrival);
        let mut replies = self.take_replies(context);
        self.take_events(context);
        replies.sort_by_key(|(arrival, ..)| *arrival);
        last = last.max(replies.last().map(|(arrival, ..)| *arrival));
        for (arrival, ticket, reply) in replies {
            while let Some(event) = self.held.pop_front_if(|event| event.arrival() < arrival) {
                self.ready.push_back(Said::Event(event.bytes().clone()));
            }
            self.ready.push_back(Said::Reply(ticket, reply));
        }
        while let Some(event) = self.held.pop_front_if(|event| Some(event.arrival()) <= last) {
            self.ready.push_back(Said::Event(event.bytes().clone()));
        }
        if !self.held.is_empty() {
            context.waker().wake_by_ref();
        }
        if let Some(said) = self.ready.pop_front() {
            return Poll::Ready(said);
        }
        let is_running = self.client.session().state() == Runstate::Running;
        if is_running {
            let mut changed = std::pin::pin!(self.watcher.changed());
            if changed.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            context.waker().wake_by_ref();
        }
        // What is unanswered is told of before the session is over.
        if is_running || !self.executions.is_empty() || !self.starting.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(Said::Lost)
        }
    }

    /// Hands commands to the client.
    fn start(&mut self, context: &mut Context<'_>) {
        while let Some((ticket, starting)) = self.starting.front_mut()
            && let Poll::Ready(started) = starting.as_mut().poll(context)
        {
            match started {
                Ok(execution) => self.executions.push((*ticket, execution)),
                // The session has ended, and that is what comes next.
                Err(ExecuteError::State(_)) => {}
                Err(error) => self.ready.push_back(Said::Reply(*ticket, Err(describe(&error)))),
            }
            self.starting.pop_front();
        }
    }

    fn take_events(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some(event)) = self.events.poll_recv(context) {
            self.held.push_back(event);
        }
    }

    /// Takes the replies that have come. A command that gets none any more is dropped.
    fn take_replies(&mut self, context: &mut Context<'_>) -> Vec<(u64, Ticket, Result<Reply, String>)> {
        let mut replies = Vec::new();
        self.executions.retain_mut(|(ticket, execution)| match Pin::new(execution).poll(context) {
            Poll::Pending => true,
            Poll::Ready(answer) => {
                match answer {
                    Ok(reply) | Err(ExecuteError::Server { reply, .. }) => {
                        replies.push((reply.arrival(), *ticket, Ok(reply)));
                    }
                    // It has no place in the order.
                    Err(ExecuteError::Malformed(_)) => {
                        replies.push((u64::MAX, *ticket, Err("QEMU sent a reply that cannot be read".to_owned())));
                    }
                    // The session ends, and with it all that is unanswered.
                    Err(_) => {}
                }
                false
            }
        });
        replies
    }
}
