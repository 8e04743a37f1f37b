//! Where a monitor is: [`Address`], and its text form as a user types it. No I/O.
//!
//! A prefix (`unix:`, `tcp:`, `vm:`, `exec:`, `@`, …) decides first, then a `/` means a path, then a `:` means TCP, and any other
//! word is a socket in the current directory.
//!
//! After `unix:` and `tcp:` QEMU's own spelling with options is taken, so that what follows `-qmp` on QEMU's command
//! line can be copied: `unix:/tmp/q.sock,server=on,wait=off`. There `,,` stands for a comma, the path may be spelled
//! `path=PATH` (a leading `@` is then an ordinary character, as it is for QEMU), host and port may be spelled
//! `host=HOST,port=PORT`, `abstract` and `tight` are honored, and every other option is ignored. Without a prefix a
//! comma is an ordinary character.

mod error;
mod options;
mod parse;
mod ssh;
mod tcp;
mod types;

pub use error::{AddressError, Problem};
#[cfg(any(target_os = "linux", test))]
pub(crate) use options::pieces;
pub use types::{ABSTRACT_NAME_MAX, Address, Ssh, UNIX_PATH_MAX};
