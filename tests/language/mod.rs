//! The language on real peers: what they say they can do, what a line sends them, and what a refusal teaches.

mod argument_types;
mod devices;
mod hints;
mod resend;
mod schema;
mod schema_queries;
