//! The events as a resource: the newest ones, and who is told of more.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use rmcp::model::ResourceUpdatedNotificationParam;
use rmcp::service::{Peer, RoleServer};
use tokio::sync::Notify;

use super::results::MOST;
use qmpsh::events::EventStream;

/// Its URI.
pub(super) const URI: &str = "qmpsh://events";

/// Its type: JSON lines.
pub(super) const TYPE: &str = "application/jsonl";

/// The newest events, as many as a result may have.
#[derive(Default)]
pub(super) struct Events {
    newest: RefCell<Newest>,
    /// The client, if it subscribed as older versions of the protocol do.
    subscriber: RefCell<Option<Peer<RoleServer>>>,
    news: Notify,
}

#[derive(Default)]
struct Newest {
    events: VecDeque<Bytes>,
    bytes: usize,
}

impl Events {
    /// Keeps events as they come, and tells who subscribed. A client that does not read holds up nobody else.
    pub(super) async fn follow(self: Rc<Self>, mut stream: EventStream) {
        loop {
            for event in stream.batch().await.events {
                self.newest.borrow_mut().add(event.detached().bytes().clone());
            }
            self.news.notify_waiters();
            let subscriber = self.subscriber.borrow().clone();
            if let Some(peer) = subscriber {
                // It fails when the client has gone.
                let _ = peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(URI)).await;
            }
        }
    }

    /// Waits for more events.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn subscribe(&self, peer: Peer<RoleServer>) {
        self.subscriber.replace(Some(peer));
    }

    pub(super) fn unsubscribe(&self) {
        self.subscriber.take();
    }

    /// Returns the events, one a line, oldest first.
    pub(super) fn text(&self) -> String {
        self.newest.borrow().events.iter().map(|event| String::from_utf8_lossy(event).into_owned() + "\n").collect()
    }
}

impl Newest {
    fn add(&mut self, event: Bytes) {
        let size = |event: &Bytes| event.len() + 1;
        self.bytes += size(&event);
        self.events.push_back(event);
        while self.bytes > MOST {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= size(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_events_are_kept() {
        let mut newest = Newest::default();
        for n in 0..3 {
            newest.add(Bytes::from(vec![b'0' + n; MOST / 2 - 1]));
        }
        let firsts: Vec<u8> = newest.events.iter().map(|event| event[0]).collect();
        assert_eq!((firsts, newest.bytes), (vec![b'1', b'2'], MOST));
        newest.add(Bytes::from(vec![b'x'; MOST]));
        assert_eq!((newest.events.len(), newest.bytes), (0, 0));
    }
}
