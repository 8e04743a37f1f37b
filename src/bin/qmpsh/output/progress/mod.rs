//! The progress of a job or a migration on one line.
//!
//! In comes what the jobs module knows, out goes a text that fits the terminal. [`BottomLine`] shows it on stderr in a batch;
//! the interactive shell shows it with its terminal.

mod line;
mod pace;
mod stderr;

pub(crate) use line::bytes;
pub(crate) use pace::Pace;
pub(crate) use stderr::{BottomLine, width_of};

use std::time::Duration;

use line::Line;

use qmpsh::jobs::{Attention, Job, Migration, MigrationPhase, Progress};
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
        line.details.push(format!("{} to go", line::bytes(left)));
        line.pace(Some(migration.rate()), left);
        line.extras.push(format!("{} sent", line::bytes(migration.transferred)));
        if migration.pass > 1 {
            line.extras.push(format!("pass {}", migration.pass));
        }
    }
    line.render(width)
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
        Attention::Recover => "has lost its connection: `migrate-recover` where it comes in".to_owned(),
    }
}

/// Returns an amount of work for a sentence, ` (28.8 of 64.0 MiB)`, or nothing if it is unknown.
pub(crate) fn amount(progress: Option<Progress>) -> String {
    let progress = progress.filter(|progress| progress.total > 1);
    progress.map_or_else(String::new, |progress| format!(" ({})", line::of(progress)))
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
