//! Events, as they are shown.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::Repl;
use qmpsh::events::Batch;
use qmpsh::message::Event;
use qmpsh::text;

impl Repl<'_> {
    pub(super) fn show_events(&self, batch: &Batch) {
        for (name, count) in &batch.dropped {
            self.sink.missed(&text::line(name), *count);
        }
        self.show_each(&batch.events, self.session.events_to_stderr);
    }

    pub(super) fn show_each(&self, events: &VecDeque<Event>, to_stderr: bool) {
        for event in events {
            let mut shown = Vec::new();
            self.renderer.event(event, &mut shown);
            if to_stderr {
                // Where else to complain?
                let _ = io::stderr().write_all(&shown);
            } else {
                self.sink.event(&text::line(&event.name()), String::from_utf8_lossy(&shown));
            }
        }
    }

    pub(super) fn show_events_so_far(&mut self) {
        let batch = self.events.try_batch();
        self.show_events(&batch);
    }
}
