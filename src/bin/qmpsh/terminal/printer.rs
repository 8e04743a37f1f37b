//! The thread that writes while no line is being typed, so that a stopped terminal (Ctrl-S) stalls nothing else.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::state::Shared;

/// Writes until the console is closing and everything is written, or the terminal is gone.
pub(super) fn run(shared: &Shared) {
    let stdout = io::stdout();
    while let Some(chunk) = shared.next_chunk() {
        shared.wrote(&chunk, write_all(&stdout, &chunk.text).is_ok());
    }
}

fn write_all(to: &impl AsFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            // Another program can have made the terminal non-blocking for all who share it.
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::new(to, PollFlags::OUT)], None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
