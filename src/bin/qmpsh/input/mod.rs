//! Lines from `-c`, files and stdin, the secrets that the user is asked for, and lines without their secrets.
//!
//! In come sources and the terminal, out go logical lines with their places.

pub(crate) mod lines;
pub(crate) mod masked;
pub(crate) mod secret;
pub(crate) mod stdin;
