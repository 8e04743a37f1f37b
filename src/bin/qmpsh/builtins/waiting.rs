//! What `.job` and `.migration` have in common: the time limit, and the line that shows progress.

use std::time::Duration;

use tokio::time::Instant;

use crate::session::Frontend;
use crate::session::ask::{self, Answer, TimeLimit};
use crate::session::queries::Query;
use crate::status::Stop;
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
    pub(super) fn show(&mut self, frontend: &mut dyn Frontend, line: impl Fn(Duration, usize) -> String) {
        let waited = self.since.elapsed();
        let line = |width| line(waited, width);
        // Short waits need no line.
        self.is_shown = frontend.show_progress(if waited >= DRAW { Some(&line) } else { None });
    }

    /// Says once what it needs from outside, if no progress line shows that. `sentence` follows [`what`](Self::what).
    pub(super) fn note(
        &mut self,
        frontend: &mut dyn Frontend,
        needs: Option<Attention>,
        sentence: impl FnOnce(Attention) -> String,
    ) {
        let Some(needs) = needs else {
            self.needed = None;
            return;
        };
        let since = match self.needed {
            Some((before, _, true)) if before == needs => return,
            Some((before, since, false)) if before == needs => since,
            _ => Instant::now(),
        };
        // Some states last only a moment.
        let says = !self.is_shown && since.elapsed() >= LASTING;
        if says {
            frontend.notifier().say(&format!("{} {}", self.what, sentence(needs)));
        }
        self.needed = Some((needs, since, says));
    }

    /// Returns how long to wait before the next query: `unseen` if no line shows progress.
    pub(super) fn tick(&self, unseen: Duration) -> Duration {
        if self.is_shown { DRAW } else { unseen }
    }
}
