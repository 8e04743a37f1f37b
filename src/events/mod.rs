//! Streams of events, bounded and filtered, and waits for one event, which also find events that have come already.
//!
//! In come the events of a client's sessions, in order. Out go batches for each stream, and the event that ends a wait. The memory
//! of each is bounded.

mod awaited;
mod hub;
mod listeners;
mod queue;
#[cfg(test)]
#[path = "samples_tests.rs"]
mod samples;
mod stream;
mod window;

pub use awaited::{Awaited, Condition, Step, Verdict};
pub use hub::EventWait;
pub(crate) use hub::{Hub, OnEvent};
pub use queue::{Batch, Delivery};
pub use stream::EventStream;
pub(crate) use window::Mark;
pub use window::{HistoryBounds, RanOver};
