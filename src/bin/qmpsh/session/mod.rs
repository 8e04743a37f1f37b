//! What the batch and the interactive shell share: how a line becomes an action, the schema, jobs, and the queries of the shell.

pub(crate) mod eval;
pub(crate) mod job_memory;
pub(crate) mod queries;
pub(crate) mod schema;
