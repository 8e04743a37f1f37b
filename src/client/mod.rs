//! A QMP client on the engine: greeting, negotiation, commands and their replies, events.
//!
//! ```no_run
//! use qmpsh::client::{Client, ClientOptions};
//! use qmpsh::message::Request;
//! use qmpsh::transport::Unix;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(ClientOptions::default());
//! client.connect(Unix::path("/tmp/qmp.sock")).await?;
//! let reply = client.execute(Request::new("query-status")).await?;
//! println!("{}", String::from_utf8_lossy(&reply.result().unwrap_or_default()));
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```

mod agent;
mod error;
mod handle;
mod negotiation;
mod observer;
mod options;
mod pending;
mod qmp;
mod received;
mod routing;
mod shared;
mod sync;

pub use error::{ExecuteError, NonQmpPeer, QmpError};
pub use handle::{Client, Execution};
pub use observer::{Observer, Origin};
pub use options::{ClientOptions, MAX_MESSAGE};
pub use qmp::{Outgoing, Qmp};
pub use received::Received;
pub use shared::Progress;
