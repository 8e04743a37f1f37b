//! `--qga`: a guest agent, real (`qemu-ga` here, on a Unix socket) and played.

mod played;
mod real;
