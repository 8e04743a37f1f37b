//! What `.job` and `.migration` have in common: the time limit, and the line that shows progress.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::session::Frontend;
use crate::session::ask::{self, Answer, TimeLimit};
use crate::session::queries::Query;
use crate::status::{Status, Stop};
use qmpsh::jobs::Attention;
use qmpsh::message::Request;

/// How often to draw the line that shows progress, and to ask the peer for amounts.
const DRAW: Duration = Duration::from_millis(250);

/// A state that lasts this long does not go away by itself.
const LASTING: Duration = Duration::from_millis(200);

/// A wait for a job or a migration.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Its name in a sentence.
    pub(super) what: String,
    pub(super) since: Instant,
    pub(super) limit: TimeLimit,
    is_shown: bool,
    /// What it needs from outside, since when, and true if the user was told.
    needed: Option<(Attention, Instant, bool)>,
}

impl Waiting {
    /// Begins to wait. The default for `timeout` is `--timeout`.
    pub(super) fn new(frontend: &mut dyn Frontend, timeout: Option<Duration>, what: String) -> Self {
        let limit = TimeLimit::new(timeout.or(frontend.session().options.timeout));
        Self { what, since: Instant::now(), limit, is_shown: false, needed: None }
    }

    /// Sends a query about it.
    pub(super) async fn query(&self, frontend: &mut dyn Frontend, query: Query) -> Result<Answer, Stop> {
        ask::query(frontend, query, self.limit, &self.what).await
    }

    /// Sends a command that is part of it.
    pub(super) async fn send(&self, frontend: &mut dyn Frontend, request: Request) -> Result<Answer, Stop> {
        ask::send(frontend, request, self.limit, &self.what).await
    }

    /// Shows progress, if there is a place for it. `line` gets the time waited so far, and the columns that the line may have.
    ///
    /// `needs` is what it needs from outside, and the sentence about that, which is said once unless the line has it. `verb`
    /// stands between [`what`](Self::what) and the sentence.
    pub(super) fn show(
        &mut self,
        frontend: &mut dyn Frontend,
        needs: Option<(Attention, String)>,
        verb: &str,
        line: impl Fn(Duration, usize) -> String,
    ) {
        let waited = self.since.elapsed();
        let is_told = Cell::new(false);
        let line = |width| {
            let line = line(waited, width);
            is_told.set(needs.as_ref().is_some_and(|(_, sentence)| line.contains(sentence)));
            line
        };
        // Short waits need no line.
        self.is_shown = frontend.show_progress(if waited >= DRAW { Some(&line) } else { None });
        let Some((needs, sentence)) = &needs else {
            self.needed = None;
            return;
        };
        let since = match self.needed {
            Some((before, _, true)) if before == *needs => return,
            Some((before, since, false)) if before == *needs => since,
            _ => Instant::now(),
        };
        // A line that comes soon may have it, and some states last only a moment.
        let can_be_told = is_told.get() || (self.is_shown && waited < DRAW);
        let says = !can_be_told && since.elapsed() >= LASTING;
        if says {
            frontend.notifier().say(&format!("{} {verb}{sentence}", self.what));
        }
        self.needed = Some((*needs, since, says));
    }

    /// Returns how long to wait before the next query: `unseen` if no line shows progress.
    pub(super) fn tick(&self, unseen: Duration) -> Duration {
        if self.is_shown { DRAW } else { unseen }
    }
}

/// Returns how a wait ended. If Ctrl-C ended it, `how` says how to go on.
pub(super) fn or_left<T>(frontend: &mut dyn Frontend, done: Result<T, Stop>, how: &str) -> Result<T, Stop> {
    if let Err(Stop::Failed(failure)) = &done
        && failure.status == Status::Interrupted
        && frontend.renderer().is_for_person()
    {
        frontend.notifier().say(&format!("it goes on: {how}"));
    }
    done
}
