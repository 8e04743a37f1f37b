//! The thread that asks the line editor to repaint, so that pending lines are shown between two keys.
//!
//! The lines themselves do not go through rustyline's external printer: it blocks, it repaints for each message, and around
//! the end of a line it can print out of order. The token that it gets shows nothing.

use std::thread;
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;

use super::state::Shared;

/// Moves up and down again. It ends with a newline because rustyline would add one.
const TOKEN: &str = "\x1b[A\n";

/// The least time between two repaints, which is 60 a second.
const INTERVAL: Duration = Duration::from_millis(16);

/// Asks until the console is closed. Sleeps while there is nothing to show.
pub(super) fn run(shared: &Shared, mut printer: impl ExternalPrinter) {
    let mut due = Instant::now();
    while shared.wait_to_wake() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if !shared.begin_wake() {
            continue;
        }
        // Blocks while the token before is still there, until the editor takes it or ends.
        let asked = printer.print(TOKEN.to_owned());
        shared.end_wake();
        if asked.is_err() {
            return;
        }
        due = Instant::now() + INTERVAL;
    }
}
