//! `.migration`: waits for a migration.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use super::renderer;
use super::waiting::Waiting;
use super::words::{Refusal, Words, seconds};
use crate::output::progress;
use crate::session::ask::Answer;
use crate::session::queries::Query;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::jobs::{Migration, MigrationOutcome, MigrationPhase};
use qmpsh::message::Reply;
use qmpsh::text;

/// How often to ask about the migration where no line shows progress: its events come only if a user enabled them.
const LOOK: Duration = Duration::from_millis(250);

/// How often, and after what time, to ask again for what an event has told: a query may tell it, and the error, a moment later.
const AGAIN: (u32, Duration) = (5, Duration::from_millis(100));

/// `.migration [timeout=S]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MigrationWait {
    timeout: Option<Duration>,
}

impl MigrationWait {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [timeout] = words.options(["timeout"])?;
        Ok(Self { timeout: timeout.map(seconds).transpose()? })
    }
}

#[async_trait(?Send)]
impl Builtin for MigrationWait {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let waiting = Waiting::new(frontend, self.timeout, "the migration".to_owned());
        let done = pursue(frontend, waiting).await;
        frontend.show_progress(None);
        let result = renderer(frontend).reply(&done?, None);
        frontend.print(result).await
    }
}

/// Waits until the migration is over, and returns the last reply to `query-migrate`.
async fn pursue(frontend: &mut dyn Frontend, mut waiting: Waiting) -> Result<Reply, Stop> {
    let tracker = Arc::clone(&frontend.session().tracker);
    let (mut asked_again, mut is_late) = (0, false);
    loop {
        let reply = look(frontend, &waiting).await?;
        let migration = tracker.migration().clone();
        match migration.phase() {
            MigrationPhase::Over(outcome)
                if asked_again < AGAIN.0
                    && (!migration.is_answered()
                        || outcome == MigrationOutcome::Failed && migration.error.is_none()) =>
            {
                asked_again += 1;
                attend(frontend, sleep(AGAIN.1), None, &waiting.what).await?;
                continue;
            }
            MigrationPhase::Over(MigrationOutcome::Completed) => return Ok(reply),
            MigrationPhase::Over(MigrationOutcome::Cancelled) => {
                return Err(Stop::failed(Status::CommandFailed, "the migration was cancelled".to_owned()));
            }
            MigrationPhase::Over(MigrationOutcome::Failed) => {
                let why = migration.error.as_ref().map_or_else(String::new, |error| format!(": {}", text::line(error)));
                return Err(Stop::failed(Status::CommandFailed, format!("the migration failed{why}")));
            }
            MigrationPhase::None if !comes_in(frontend, &waiting).await? => {
                let message = "no migration has started here (start one with `migrate uri=...`)".to_owned();
                return Err(Stop::failed(Status::CommandFailed, message));
            }
            MigrationPhase::None | MigrationPhase::Working | MigrationPhase::Waiting => {}
        }
        if is_late {
            return Err(Stop::failed(Status::TimedOut, still(&migration, &waiting)));
        }
        waiting.show(frontend, |waited, width| progress::of_migration(&migration, waited, width));
        waiting.note(frontend, migration.attention(), |attention| progress::needs("", attention));
        let tick = waiting.tick(LOOK);
        let news = async {
            tokio::select! {
                () = tracker.job_news() => {}
                () = sleep(tick) => {}
            }
        };
        // The message tells how the migration is after the last look.
        is_late = attend(frontend, news, waiting.limit.end, &waiting.what).await?.is_none();
    }
}

/// The message about a migration for which the time was too short.
fn still(migration: &Migration, waiting: &Waiting) -> String {
    let state = match (migration.phase(), migration.attention()) {
        (_, Some(attention)) => format!("it {}", progress::needs("", attention)),
        (MigrationPhase::None, None) => "it is waiting for the other side".to_owned(),
        _ => format!("it is {}", text::line(migration.status())),
    };
    let amount = progress::amount(migration.progress).map_or_else(String::new, |amount| format!(" ({amount})"));
    format!("{} is not over after {}{amount}; {state}", waiting.what, waiting.limit)
}

async fn look(frontend: &mut dyn Frontend, waiting: &Waiting) -> Result<Reply, Stop> {
    let asked = frontend.session().tracker.migration().latest();
    match waiting.query(frontend, Query::Migration).await? {
        Answer::Reply(reply) => {
            let result = reply.result().unwrap_or_default();
            if frontend.session().tracker.migration().on_query(&result, asked) {
                return Ok(reply);
            }
            let message = "the peer's reply to `query-migrate` does not describe a migration".to_owned();
            Err(Stop::failed(Status::CommandFailed, message))
        }
        Answer::Refused { class, .. } if class == "CommandNotFound" => {
            let message = "this peer cannot migrate: it does not know `query-migrate`".to_owned();
            Err(Stop::failed(Status::CommandFailed, message))
        }
        Answer::Refused { class, desc } => Err(Stop::failed(Status::CommandFailed, format!("{class}: {desc}"))),
    }
}

/// Whether the peer waits for an incoming migration, of which `query-migrate` tells nothing.
async fn comes_in(frontend: &mut dyn Frontend, waiting: &Waiting) -> Result<bool, Stop> {
    let Answer::Reply(reply) = waiting.query(frontend, Query::Status).await? else { return Ok(false) };
    let result = reply.result().unwrap_or_default();
    let status = serde_json::from_slice::<serde_json::Value>(&result).ok();
    Ok(status.is_some_and(|status| status["status"] == "inmigrate"))
}
