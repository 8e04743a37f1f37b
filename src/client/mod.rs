//! A QMP client on the engine: greeting, negotiation, commands and their replies, events.
//!
//! ```no_run
//! use qmpsh::address::Address;
//! use qmpsh::client::Client;
//!
//! #[derive(serde::Deserialize)]
//! struct Status {
//!     running: bool,
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("unix:/run/q.sock".parse::<Address>()?).await?;
//! let status: Status = client.call("query-status", ()).await?;
//! println!("{}", status.running);
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```

mod agent;
mod builder;
mod error;
mod guest;
mod handle;
mod job;
mod migration;
mod negotiation;
mod observer;
mod pending;
mod qmp;
mod received;
mod routing;
mod shared;
mod sync;
mod tracker;

pub use builder::ClientBuilder;
pub use error::{ExecuteError, NonQmpPeer, QmpError};
pub use guest::{GuestExecError, GuestOutput, GuestProcess, GuestStatus};
pub use handle::{Client, Execution};
pub use job::{JobError, JobHandle};
pub use migration::{MigrationError, MigrationHandle};
pub use observer::{Observer, Origin};
pub use qmp::{Outgoing, Qmp};
pub use received::Received;
pub use shared::Progress;
pub use tracker::Tracker;
