//! The lines in flight: read, and their outcome not shown yet.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::input::lines::Location;
use crate::status::Failure;
use qmpsh::client::Execution;
use qmpsh::language::typing::Resend;
use qmpsh::message::Request;

/// A line whose outcome has not been shown.
pub(super) enum Entry {
    Sent(Box<Sent>),
    /// It failed before anything was sent.
    Failed(Failure),
}

pub(super) struct Sent {
    pub(super) request: Request,
    pub(super) resend: Option<Box<Resend>>,
    pub(super) location: Location,
    pub(super) execution: Execution,
    /// When it became the oldest command in flight: its time limit begins there.
    pub(super) oldest_since: Option<Instant>,
}

impl Sent {
    fn stands_alone(&self) -> bool {
        stands_alone(&self.request, self.resend.as_deref())
    }
}

/// Returns true if nothing may be sent before the reply to this command: it may be sent again, or end the peer.
pub(super) fn stands_alone(request: &Request, resend: Option<&Resend>) -> bool {
    resend.is_some_and(Resend::is_possible) || request.ends_peer()
}

/// The lines in flight, the oldest first.
#[derive(Default)]
pub(super) struct Flight {
    entries: VecDeque<Entry>,
    prompt: usize,
}

impl Flight {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many commands are out of band.
    pub(super) fn prompt(&self) -> usize {
        self.prompt
    }

    /// Returns true if nothing may be sent before the newest command has its reply.
    pub(super) fn ends_alone(&self) -> bool {
        matches!(self.entries.back(), Some(Entry::Sent(sent)) if sent.stands_alone())
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.prompt += usize::from(entry.is_prompt());
        self.entries.push_back(entry);
    }

    pub(super) fn put_back(&mut self, entry: Entry) {
        self.prompt += usize::from(entry.is_prompt());
        self.entries.push_front(entry);
    }

    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.prompt -= usize::from(entry.is_prompt());
        Some(entry)
    }
}

impl Entry {
    fn is_prompt(&self) -> bool {
        matches!(self, Entry::Sent(sent) if sent.request.is_out_of_band())
    }
}
