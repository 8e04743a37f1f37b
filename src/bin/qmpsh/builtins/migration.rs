//! `.migration`.

use std::time::Duration;

use tokio::time::sleep;

use super::Host;
use super::asking::{Asked, Waiting, ask, print_reply};
use super::words::{Refusal, Words, seconds};
use crate::output::progress;
use crate::session::queries::Query;
use crate::status::Status;
use qmpsh::jobs::{Migration, MigrationOutcome, MigrationPhase};
use qmpsh::message::Reply;
use qmpsh::text;

/// How often the migration is looked at if nobody sees how far it has come: its events come only if they were asked for.
const LOOK: Duration = Duration::from_millis(250);

/// What an event tells may be in the answer to a query a moment later only, and so may the error: how often, and after what
/// time it is asked for again.
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

    pub(super) async fn run<H: Host>(self, host: &mut H) -> Result<(), H::Stop> {
        let waiting = Waiting::new(host, self.timeout, "the migration".to_owned());
        let done = pursue(host, waiting).await;
        host.show_progress(None);
        print_reply(host, &*done?).await
    }
}

/// Waits until the migration is over; what `query-migrate` returned last.
async fn pursue<H: Host>(host: &mut H, mut waiting: Waiting) -> Result<Box<Reply>, H::Stop> {
    let memory = host.jobs();
    let (mut asked_again, mut is_late) = (0, false);
    loop {
        let reply = look(host, &waiting).await?;
        let migration = memory.migration().clone();
        match migration.phase() {
            MigrationPhase::Over(outcome)
                if asked_again < AGAIN.0
                    && (!migration.is_answered()
                        || outcome == MigrationOutcome::Failed && migration.error().is_none()) =>
            {
                asked_again += 1;
                host.attend(sleep(AGAIN.1), None, &waiting.what).await?;
                continue;
            }
            MigrationPhase::Over(MigrationOutcome::Completed) => return Ok(reply),
            MigrationPhase::Over(MigrationOutcome::Cancelled) => {
                return Err(host.fail(Status::CommandFailed, "the migration was cancelled".to_owned()));
            }
            MigrationPhase::Over(MigrationOutcome::Failed) => {
                let why = migration.error().map_or_else(String::new, |error| format!(": {}", text::line(error)));
                return Err(host.fail(Status::CommandFailed, format!("the migration failed{why}")));
            }
            MigrationPhase::None if !comes_in(host, &waiting).await? => {
                let message = "no migration has started here (start one with `migrate uri=...`)".to_owned();
                return Err(host.fail(Status::CommandFailed, message));
            }
            MigrationPhase::None | MigrationPhase::Working | MigrationPhase::Waiting => {}
        }
        if is_late {
            return Err(host.fail(Status::TimedOut, still(&migration, &waiting)));
        }
        waiting.show(host, |waited, width| progress::of_migration(&migration, waited, width));
        waiting.note(host, migration.attention(), |attention| progress::needs("", attention));
        let tick = waiting.tick(LOOK);
        let news = async {
            tokio::select! {
                () = memory.changed() => {}
                () = sleep(tick) => {}
            }
        };
        // What is said of it then is not what it was before.
        is_late = host.attend(news, waiting.limit, &waiting.what).await?.is_none();
    }
}

/// What to say of a migration for which the time was too short.
fn still(migration: &Migration, waiting: &Waiting) -> String {
    let state = match (migration.phase(), migration.attention()) {
        (_, Some(attention)) => format!("it {}", progress::needs("", attention)),
        (MigrationPhase::None, None) => "it is waiting for the other side".to_owned(),
        _ => format!("it is {}", text::line(migration.status())),
    };
    let amount = progress::amount(migration.progress()).map_or_else(String::new, |amount| format!(" ({amount})"));
    format!("{} is not over after {}{amount}; {state}", waiting.what, waiting.seconds())
}

async fn look<H: Host>(host: &mut H, waiting: &Waiting) -> Result<Box<Reply>, H::Stop> {
    let asked = host.jobs().migration().latest();
    match ask(host, Query::Migration, waiting).await? {
        Asked::Reply(reply) => {
            let result = reply.result().unwrap_or_default();
            if host.jobs().migration().on_query(&result, asked) {
                return Ok(reply);
            }
            let message = "the peer's reply to `query-migrate` does not describe a migration".to_owned();
            Err(host.fail(Status::CommandFailed, message))
        }
        Asked::Refused { class, .. } if class == "CommandNotFound" => {
            let message = "this peer cannot migrate: it does not know `query-migrate`".to_owned();
            Err(host.fail(Status::CommandFailed, message))
        }
        Asked::Refused { class, desc } => Err(host.fail(Status::CommandFailed, format!("{class}: {desc}"))),
    }
}

/// Whether the peer waits for a migration that comes in: as long as it does, `query-migrate` tells nothing.
async fn comes_in<H: Host>(host: &mut H, waiting: &Waiting) -> Result<bool, H::Stop> {
    let Asked::Reply(reply) = ask(host, Query::Status, waiting).await? else { return Ok(false) };
    let result = reply.result().unwrap_or_default();
    let status = serde_json::from_slice::<serde_json::Value>(&result).ok();
    Ok(status.is_some_and(|status| status["status"] == "inmigrate"))
}
