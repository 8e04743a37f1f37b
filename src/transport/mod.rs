//! The transports: one file each, all of them [`Link`](crate::protocol::Link)s for the engine.

mod tcp;
mod unix;

pub use tcp::Tcp;
pub use unix::Unix;
