//! One binary for every integration test: a file per area, `support` for what they share.
