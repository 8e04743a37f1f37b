//! Where lines come from: words, files, standard input, and values that a person is asked for.

pub(crate) mod ask;
pub(crate) mod lines;
pub(crate) mod masked;
