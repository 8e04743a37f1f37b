//! stdin, and how much of an input is read.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use rustix::fs::OFlags;

/// The longest line, and the longest value from a file, in bytes. QEMU reads no longer message.
pub(crate) const LONGEST: usize = 64 << 20;

/// Returns stdin without a buffer. std's own takes a stdin that is not open for the end of the input.
pub(crate) fn stdin() -> io::Result<File> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    if rustix::fs::fcntl_getfl(&stdin)? & OFlags::RWMODE == OFlags::WRONLY {
        return Err(io::Error::other("it is not open for reading"));
    }
    Ok(stdin.into())
}

/// Reads a value to its end, at most [`LONGEST`] bytes.
pub(crate) fn read_value(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST {
        return Err(too_long("it"));
    }
    Ok(bytes)
}

/// The error for an input that is longer than [`LONGEST`].
pub(crate) fn too_long(what: &str) -> io::Error {
    io::Error::other(format!("{what} is longer than {} MiB", LONGEST >> 20))
}
