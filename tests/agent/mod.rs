//! `--qga`: a guest agent, real (`qemu-ga` here, on a Unix socket) and played.

mod mock_agent;
mod real_agent;
