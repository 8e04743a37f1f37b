//! The guest's screen and keyboard: `.screen`, `.wait-screen`, `.type`, `.keys` and `.click`.

mod keyboard;
mod screen;
mod wait;

pub(super) use keyboard::{Click, Keys, Type};
pub(super) use screen::Screen;
pub(super) use wait::WaitScreen;

use std::pin::pin;

use tokio::time::Instant;

use crate::screen::Problem;
use crate::session::{Frontend, ask, attend, queries};
use crate::status::Stop;

/// Waits for work with the guest; `None` if the limit comes first. `what` names it in messages.
async fn of_guest<T>(
    frontend: &mut dyn Frontend,
    work: impl Future<Output = Result<T, Problem>>,
    limit: Option<Instant>,
    what: &str,
) -> Result<Option<T>, Stop> {
    if frontend.session().client.is_guest_agent() {
        return Err(Stop::failed("a guest agent has no screen and no keyboard"));
    }
    match attend(frontend, pin!(work), limit, what).await? {
        None => Ok(None),
        Some(Ok(result)) => Ok(Some(result)),
        Some(Err(Problem::Lost)) => Err(ask::lost(frontend, what).await),
        Some(Err(problem)) => Err(problem.into()),
    }
}

/// Waits like [`of_guest`] for work that must not end halfway: it goes on if the wait ends first.
async fn whole<T: Send + 'static>(
    frontend: &mut dyn Frontend,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    limit: Option<Instant>,
    what: &str,
) -> Result<Option<T>, Stop> {
    of_guest(frontend, queries::to_its_end(work), limit, what).await
}
