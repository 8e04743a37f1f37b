//! The thread that asks the line editor to repaint, so that what is pending is shown while nobody types.
//!
//! rustyline's external printer is used for nothing else: it blocks, it needs a repaint for each message, and around
//! the end of a line it can print out of order. The token it gets shows nothing.

use std::thread;
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;

use super::state::Shared;

/// Up and down again. It must end with a newline, or rustyline adds one.
const TOKEN: &str = "\x1b[A\n";

/// The least time between two repaints: 60 a second are enough to look at.
const INTERVAL: Duration = Duration::from_millis(16);

/// Asks until the console is closing. Sleeps without a limit while there is nothing to show.
pub(super) fn run(shared: &Shared, mut printer: impl ExternalPrinter) {
    let mut due = Instant::now();
    while shared.wait_to_wake() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if !shared.begin_wake() {
            continue;
        }
        // Blocks if the token before is still there, which ends when the editor takes it or ends itself.
        let asked = printer.print(TOKEN.to_owned());
        shared.end_wake();
        if asked.is_err() {
            return;
        }
        due = Instant::now() + INTERVAL;
    }
}
