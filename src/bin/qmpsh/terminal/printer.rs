//! The thread that writes while no line is being typed, so that a stopped terminal (Ctrl-S) blocks no other thread.

use super::state::Shared;
use crate::output::stdout::write_all;

/// Writes until the console is closed and everything is written, or the terminal is gone.
pub(super) fn run(shared: &Shared) {
    while let Some(chunk) = shared.next_chunk() {
        shared.wrote(&chunk, write_all(rustix::stdio::stdout(), &chunk.text).is_ok());
    }
}
