//! A handle on the migration, to wait for it.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::sleep;

use super::error::ExecuteError;
use super::handle::Client;
use crate::jobs::{Migration, MigrationOutcome, MigrationPhase};
use crate::message::Request;
use crate::text;

/// How often the migration is asked for: QEMU sends its events only if they were enabled.
const LOOK: Duration = Duration::from_millis(250);

/// How often to ask again at the end, and the time between: the query may show the end, and its error, a moment after the event.
const AGAIN: (u32, Duration) = (5, Duration::from_millis(100));

/// Why the migration has no success.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// It failed, and the guest stays.
    #[error("the migration failed: {}", text::line(error))]
    Failed {
        /// QEMU's error message; not safe to show as it is.
        error: String,
    },
    /// It was canceled, and the guest stays.
    #[error("the migration was canceled")]
    Cancelled,
    /// No migration has begun here, and none is to come in.
    #[error("no migration has begun here")]
    NotStarted,
    /// The reply to `query-migrate` does not describe a migration.
    #[error("the peer's reply to `query-migrate` does not describe a migration")]
    BadReply,
    /// A command was refused, or the connection ended.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

/// A handle on the migration out of this VM or into it. [`Client::migration`] makes it.
///
/// ```no_run
/// # async fn example(client: qmpsh::client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// client.call::<()>("migrate", serde_json::json!({"uri": "unix:/run/migration.sock"})).await?;
/// println!("{:?}", client.migration().wait().await?.downtime);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MigrationHandle {
    client: Client,
    /// Set once there was a first state.
    news: Option<watch::Receiver<u64>>,
    is_over: bool,
}

impl Client {
    /// Returns a handle on the migration out of this VM or into it, to wait for it. See [`MigrationHandle`].
    pub fn migration(&self) -> MigrationHandle {
        MigrationHandle { client: self.clone(), news: None, is_over: false }
    }
}

impl MigrationHandle {
    /// Waits until the migration has succeeded, and returns its last state. It works also if that was before the call.
    ///
    /// A migration that waits for a command, such as `migrate-continue`, goes on only after it: see [`next`](Self::next). Cancel safe:
    /// the migration is not touched, and can be waited for again.
    ///
    /// # Errors
    ///
    /// It failed, was canceled, has not begun, or the connection ended.
    pub async fn wait(mut self) -> Result<Migration, MigrationError> {
        let mut last = None;
        while let Some(migration) = self.next().await? {
            last = Some(migration);
        }
        last.ok_or(MigrationError::NotStarted)
    }

    /// Returns the state of the migration: at first that of now, then after each change, at the latest after 250 ms. `None` comes after
    /// the last one.
    ///
    /// [`Migration::attention`] says if it waits for a command. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub async fn next(&mut self) -> Result<Option<Migration>, MigrationError> {
        if self.is_over {
            return Ok(None);
        }
        match &mut self.news {
            None => self.news = Some(self.client.tracker().news()),
            Some(news) => {
                tokio::select! {
                    _ = news.changed() => {}
                    () = sleep(LOOK) => {}
                }
            }
        }
        let mut left = AGAIN.0;
        let (migration, outcome) = loop {
            let migration = self.query().await?;
            match migration.phase() {
                MigrationPhase::Over(outcome) => {
                    let unexplained = outcome == MigrationOutcome::Failed && migration.error.is_none();
                    if left == 0 || !unexplained && migration.is_answered() {
                        break (migration, outcome);
                    }
                    left -= 1;
                    sleep(AGAIN.1).await;
                }
                MigrationPhase::None if !self.comes_in().await? => return Err(MigrationError::NotStarted),
                _ => return Ok(Some(migration)),
            }
        };
        self.is_over = true;
        match outcome {
            MigrationOutcome::Completed => Ok(Some(migration)),
            MigrationOutcome::Cancelled => Err(MigrationError::Cancelled),
            MigrationOutcome::Failed => {
                let error = migration.error.unwrap_or_else(|| "QEMU does not say why".to_owned());
                Err(MigrationError::Failed { error })
            }
        }
    }

    async fn query(&self) -> Result<Migration, MigrationError> {
        let tracker = self.client.tracker();
        let asked = tracker.migration().latest();
        let reply = self.client.ask(Request::new("query-migrate")).await?;
        let mut migration = tracker.migration();
        if !migration.on_query(&reply.result().unwrap_or_default(), asked) {
            return Err(MigrationError::BadReply);
        }
        Ok(migration.clone())
    }

    /// Returns true if QEMU waits for a migration to come in, which `query-migrate` does not show.
    async fn comes_in(&self) -> Result<bool, MigrationError> {
        #[derive(Deserialize)]
        struct Status {
            status: String,
        }
        let reply = match self.client.ask(Request::new("query-status")).await {
            Ok(reply) => reply,
            Err(ExecuteError::Server { .. } | ExecuteError::NotAllowed { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        Ok(reply.parse::<Status>().is_ok_and(|status| status.status == "inmigrate"))
    }
}
