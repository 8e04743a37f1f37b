//! The progress of a job or a migration on one line.
//!
//! In comes what the jobs module knows, out goes a text that fits the terminal. [`BottomLine`] shows it on stderr in a batch;
//! the interactive shell shows it with its terminal.

mod line;
mod pace;
mod stderr;

pub(crate) use pace::Pace;
pub(crate) use stderr::{BottomLine, width_of};

use std::time::Duration;

use serde::Serialize;

use line::Line;

use crate::output::units;
use qmpsh::jobs::{Attention, Job, Migration, MigrationPhase, Outcome, Progress, Status};
use qmpsh::text;

/// Returns the progress of a job, in at most `width` columns, after waiting for `waited`. It is safe to show.
pub(crate) fn of_job(job: &Job, pace: &Pace, waited: Duration, width: usize) -> String {
    let id = text::line(&job.id);
    let what = match &job.kind {
        Some(kind) => format!("{id} {}", text::line(kind)),
        None => id.into_owned(),
    };
    let status = job.status.as_ref().map(|status| text::line(status.as_str()).into_owned());
    let state = match job.attention() {
        Some(attention) => Some(needs(&job.id, attention)),
        None => status.filter(|status| status != "running"),
    };
    let mut line = Line::new(what, waited);
    match job.progress.filter(|progress| progress.total > 1) {
        Some(progress) => {
            line.amounts(progress);
            line.details.extend(state);
            // A job that waits for a command makes no progress.
            if job.attention().is_none() {
                line.pace(pace.rate(), progress.total.saturating_sub(progress.current));
            }
        }
        None => line.details.push(state.unwrap_or_else(|| "running".to_owned())),
    }
    line.render(width)
}

/// Returns the progress of a migration, in at most `width` columns, after waiting for `waited`. It is safe to show.
pub(crate) fn of_migration(migration: &Migration, waited: Duration, width: usize) -> String {
    let what = match (migration.phase(), migration.status()) {
        (MigrationPhase::None, _) | (_, "active") => "migration".to_owned(),
        (_, status) => format!("migration {}", text::line(status)),
    };
    let mut line = Line::new(what, waited);
    if migration.phase() == MigrationPhase::None {
        line.details.push("waits for the other side".to_owned());
    }
    line.details.extend(migration.attention().map(|attention| needs("", attention)));
    if let Some(progress) = migration.progress {
        line.share = Some(progress);
        let left = progress.total.saturating_sub(progress.current);
        line.details.push(format!("{} to go", units::bytes(left)));
        line.pace(Some(migration.rate()), left);
        line.extras.push(format!("{} sent", units::bytes(migration.transferred)));
        if migration.pass > 1 {
            line.extras.push(format!("pass {}", migration.pass));
        }
    }
    line.render(width)
}

/// Returns how a job ended well, or how far it came: `b1: backup completed, 1.0 GiB in 21 s`. It is safe to show.
pub(crate) fn job_end(job: &Job) -> String {
    let (id, kind) = (text::line(&job.id), job.kind.as_deref().map(text::line));
    let what = kind.map_or_else(|| format!("{id}:"), |kind| format!("{id}: {kind}"));
    match (job.outcome(), job.attention()) {
        (Some(outcome), _) => {
            let moved = job.progress.filter(|progress| progress.total > 1).map(|progress| progress.current);
            format!("{what} {}{}", outcome.name(), moved_in(moved, job.took()))
        }
        (None, Some(attention)) => format!("{what} {}", needs(&job.id, attention)),
        (None, None) => format!("{what} {}", text::line(job.status.as_ref().map_or("running", Status::as_str))),
    }
}

/// Returns the sentence about a migration that has completed: `migration completed, 4.0 GiB in 21 s,
/// downtime 87 ms`.
pub(crate) fn migration_end(migration: &Migration) -> String {
    let moved = migration.progress.map(|_| migration.transferred);
    let downtime = migration.downtime.map(|time| format!(", downtime {}", units::lasted(time))).unwrap_or_default();
    format!("migration completed{}{downtime}", moved_in(moved, migration.took))
}

/// Returns an amount and the time that it took, as the end of a sentence: `, 1.0 GiB in 21 s`.
fn moved_in(moved: Option<u64>, took: Option<Duration>) -> String {
    let took = took.map(units::lasted);
    match (moved.map(units::bytes), took) {
        (Some(moved), Some(took)) => format!(", {moved} in {took}"),
        (Some(moved), None) => format!(", {moved}"),
        (None, Some(took)) => format!(" in {took}"),
        (None, None) => String::new(),
    }
}

/// Returns jobs as the rows of a table, in JSON.
pub(crate) fn job_rows<'j>(jobs: impl Iterator<Item = &'j Job>) -> String {
    #[derive(Serialize)]
    struct Row<'j> {
        id: &'j str,
        r#type: Option<&'j str>,
        status: Option<&'j str>,
        // Always there, so that the error, which can be long, is the last column.
        done: String,
        amount: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'j str>,
    }
    let row = |job: &'j Job| {
        let progress = job.progress.filter(|progress| progress.total > 1);
        let outcome = job.outcome();
        Row {
            id: &job.id,
            r#type: job.kind.as_deref(),
            status: outcome.map(Outcome::name).or(job.status.as_ref().map(Status::as_str)),
            done: progress.map(|progress| format!("{}%", units::percent(progress))).unwrap_or_default(),
            amount: progress.map(units::of).unwrap_or_default(),
            limit: job.speed.filter(|speed| *speed > 0).map(|speed| format!("{}/s", units::bytes(speed))),
            error: match outcome {
                Some(Outcome::Failed(error)) => Some(error),
                _ => None,
            },
        }
    };
    // Strings cannot fail to serialize.
    serde_json::to_string(&jobs.map(row).collect::<Vec<_>>()).unwrap_or_default()
}

/// Returns what a job or a migration needs, as a part of a sentence: `ready: job-complete id=m1 ends it`.
pub(crate) fn needs(id: &str, attention: Attention) -> String {
    let id = text::line(id);
    match attention {
        Attention::Complete => format!("ready: `job-complete id={id}` ends it"),
        Attention::Finalize => format!("pending: `job-finalize id={id}` ends it"),
        Attention::Resume => format!("paused: `job-resume id={id}` lets it go on"),
        Attention::Mend => format!("paused by an I/O error: mend it, then `job-resume id={id}`"),
        Attention::Continue => "needs `migrate-continue state=pre-switchover`".to_owned(),
        Attention::Incoming => {
            "has nothing coming in yet: with -incoming defer, `migrate-incoming uri=...` begins it".to_owned()
        }
        Attention::Recover => "has lost its connection: `migrate-recover` where it comes in".to_owned(),
    }
}

/// Returns an amount of work for a sentence, ` (28.8 of 64.0 MiB)`, or nothing if it is unknown.
pub(crate) fn amount(progress: Option<Progress>) -> String {
    let progress = progress.filter(|progress| progress.total > 1);
    progress.map_or_else(String::new, |progress| format!(" ({})", units::of(progress)))
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
