//! The shell's language: schemas, the messages that lines send, and refusals.

mod argument_types;
mod devices;
mod hints;
mod resend;
mod schema;
mod schema_queries;
