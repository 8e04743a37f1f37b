//! What built-in commands that wait for something in the peer have in common: the time limit, and the line that shows progress.

use std::time::Duration;

use tokio::time::Instant;

use crate::session::Frontend;
use crate::session::ask::{self, Answer, TimeLimit};
use crate::session::queries::Query;
use crate::status::Stop;
use qmpsh::jobs::Attention;
use qmpsh::message::Request;

/// How often the line that shows progress is drawn, and the peer asked for amounts.
const DRAW: Duration = Duration::from_millis(250);

/// A state that lasts so long does not go away by itself.
const LASTING: Duration = Duration::from_millis(200);

/// The waiting for one thing.
#[derive(Debug)]
pub(super) struct Waiting {
    /// What is waited for, in a sentence.
    pub(super) what: String,
    pub(super) since: Instant,
    pub(super) limit: TimeLimit,
    is_shown: bool,
    /// What it needs from outside, since when, and whether the user was told.
    needed: Option<(Attention, Instant, bool)>,
}

impl Waiting {
    /// Begins to wait. `timeout` is that of the command; without one, `--timeout` holds.
    pub(super) fn new(frontend: &mut dyn Frontend, timeout: Option<Duration>, what: String) -> Self {
        let limit = TimeLimit::new(timeout.or(frontend.session().options.timeout));
        Self { what, since: Instant::now(), limit, is_shown: false, needed: None }
    }

    /// Asks the peer about it.
    pub(super) async fn query(&self, frontend: &mut dyn Frontend, query: Query) -> Result<Answer, Stop> {
        ask::query(frontend, query, self.limit, &self.what).await
    }

    /// Sends a command that is a part of it.
    pub(super) async fn send(&self, frontend: &mut dyn Frontend, request: Request) -> Result<Answer, Stop> {
        ask::send(frontend, request, self.limit, &self.what).await
    }

    /// Shows progress, if there is a place for it. `line` gets how long it has lasted, and the columns that the line may have.
    pub(super) fn show(&mut self, frontend: &mut dyn Frontend, line: impl FnOnce(Duration, usize) -> String) {
        let width = frontend.progress_width();
        self.is_shown = width.is_some();
        let waited = self.since.elapsed();
        // What is over at once needs no line.
        if let Some(width) = width.filter(|_| waited >= DRAW) {
            frontend.show_progress(Some(line(waited, width)));
        }
    }

    /// Says once what it needs from outside, where no line shows that. `sentence` follows [`what`](Self::what).
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
        // Many a state is left again at once.
        let says = !self.is_shown && since.elapsed() >= LASTING;
        if says {
            frontend.say(&format!("{} {}", self.what, sentence(needs)));
        }
        self.needed = Some((needs, since, says));
    }

    /// How long to wait before the next look. `unseen` holds where no line shows progress.
    pub(super) fn tick(&self, unseen: Duration) -> Duration {
        if self.is_shown { DRAW } else { unseen }
    }
}
