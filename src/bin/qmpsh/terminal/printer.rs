//! The thread that writes while no line is being typed, so that a stopped terminal (Ctrl-S) blocks no other thread.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::state::Shared;

/// Writes until the console is closed and everything is written, or the terminal is gone.
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
            // Another program may have made the terminal non-blocking for every program that shares it.
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::new(to, PollFlags::OUT)], None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
