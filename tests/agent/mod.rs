//! `--qga`: a real guest agent (`qemu-ga` on a Unix socket) and a mock.

mod mock_agent;
mod real_agent;
