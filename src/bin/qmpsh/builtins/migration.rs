//! `.migration`: waits for a migration.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use super::arguments::{Refusal, Words, seconds};
use super::waiting::{Waiting, or_left};
use super::{print_sentences, renderer};
use crate::output::progress;
use crate::session::queries::Query;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::jobs::{Attention, Migration, MigrationOutcome, MigrationPhase};
use qmpsh::message::Reply;
use qmpsh::text;

/// How often to query the migration if no line shows progress: QEMU sends its events only if a user enabled them.
const LOOK: Duration = Duration::from_millis(250);

/// How often to query again after an event, and the time between: the query may show the change, and its error, a moment later.
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
        let done = follow(frontend, waiting).await;
        frontend.show_progress(None);
        let reply = or_left(frontend, done, "`.migration` waits again, migrate_cancel ends it")?;
        let renderer = renderer(frontend);
        if renderer.is_for_person() {
            let migration = frontend.session().client.tracker().migration().clone();
            return print_sentences(frontend, &progress::migration_end(&migration)).await;
        }
        frontend.print(renderer.reply(&reply, None)).await
    }
}

/// Waits until the migration is over, and returns the last reply to `query-migrate`.
async fn follow(frontend: &mut dyn Frontend, mut waiting: Waiting) -> Result<Reply, Stop> {
    let client = frontend.session().client.clone();
    let tracker = client.tracker();
    let mut news = tracker.news();
    let (mut asked_again, mut is_late) = (0, false);
    loop {
        let reply = query(frontend, &waiting).await?;
        let migration = tracker.migration().clone();
        let mut attention = migration.attention();
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
                return Err(Stop::failed("the migration was canceled"));
            }
            MigrationPhase::Over(MigrationOutcome::Failed) => {
                let why = migration.error.as_ref().map_or_else(String::new, |error| format!(": {}", text::line(error)));
                return Err(Stop::failed(format!("the migration failed{why}")));
            }
            MigrationPhase::None => {
                if !comes_in(frontend, &waiting).await? {
                    return Err(Stop::failed("no migration has started here (start one with `migrate uri=...`)"));
                }
                if !migration.listens() {
                    attention = Some(Attention::Incoming);
                }
            }
            MigrationPhase::Working | MigrationPhase::Waiting => {}
        }
        if is_late {
            return Err(Stop::new(Status::TimedOut, still(&migration, attention, &waiting)));
        }
        let needs = attention.map(|attention| (attention, progress::needs("", attention)));
        waiting.show(frontend, needs, "", |waited, width| progress::of_migration(&migration, waited, width));
        let tick = waiting.tick(LOOK);
        let news = async {
            tokio::select! {
                _ = news.changed() => {}
                () = sleep(tick) => {}
            }
        };
        // The message shows the state after one more query.
        is_late = attend(frontend, news, waiting.limit.end, &waiting.what).await?.is_none();
    }
}

/// Returns the message about a migration that took too long.
fn still(migration: &Migration, attention: Option<Attention>, waiting: &Waiting) -> String {
    let state = match (migration.phase(), attention) {
        (_, Some(attention)) => format!("it {}", progress::needs("", attention)),
        (MigrationPhase::None, None) => "it is waiting for the other side".to_owned(),
        _ => format!("it is {}", text::line(migration.status())),
    };
    let amount = progress::amount(migration.progress);
    format!("{} is not over after {}{amount}; {state}", waiting.what, waiting.limit)
}

async fn query(frontend: &mut dyn Frontend, waiting: &Waiting) -> Result<Reply, Stop> {
    let asked = frontend.session().client.tracker().migration().latest();
    let reply = match waiting.query(frontend, Query::Migration).await? {
        Err(error) if error.is_unknown_command() => {
            return Err(Stop::failed("this peer cannot migrate: it does not know `query-migrate`"));
        }
        answer => answer?,
    };
    let result = reply.result().unwrap_or_default();
    if frontend.session().client.tracker().migration().on_query(&result, asked) {
        Ok(reply)
    } else {
        Err(Stop::failed("the peer's reply to `query-migrate` does not describe a migration"))
    }
}

/// Returns true if the peer waits for an incoming migration, which `query-migrate` does not show.
async fn comes_in(frontend: &mut dyn Frontend, waiting: &Waiting) -> Result<bool, Stop> {
    let Ok(reply) = waiting.query(frontend, Query::Status).await? else { return Ok(false) };
    let result = reply.result().unwrap_or_default();
    let status = serde_json::from_slice::<serde_json::Value>(&result).ok();
    Ok(status.is_some_and(|status| status["status"] == "inmigrate"))
}
