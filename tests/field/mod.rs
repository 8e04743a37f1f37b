//! Situations that people have met with QEMU, one file a kind.

mod blame;
mod replies;
