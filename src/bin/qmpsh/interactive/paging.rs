//! Shows results that are longer than the screen in a pager, which has the terminal as a pipeline has it.

use std::io::stdout;

use super::redirected::Redirected;
use super::{Flow, Repl};
use crate::output::columns::size_of;
use crate::output::pager::is_longer;
use crate::output::pipeline::{Piped, is_not_found};
use crate::output::render::Pieces;
use crate::status::Status;
use crate::terminal;

/// Returns true if a result does not fit on the screen of the terminal. A dumb terminal scrolls, so any result fits.
pub(super) fn is_longer_than_screen(result: &Pieces) -> bool {
    let screen = size_of(stdout()).filter(|screen| screen.rows > 0 && terminal::can_edit());
    screen.is_some_and(|screen| is_longer(result.clone(), screen))
}

impl Repl<'_> {
    /// Shows a result, in the pager if it is longer than the screen. It is rendered piece by piece, so it is in memory once.
    pub(super) async fn show_paged(&mut self, result: Pieces) -> Flow {
        // A result that is still being produced is not held back.
        let pager = self.session.pager.command().filter(|_| !self.is_streaming && self.redirected.is_none());
        match pager {
            Some(pager) if is_longer_than_screen(&result) => {
                let pager = pager.to_owned();
                self.page(result, pager).await
            }
            _ => self.show_here(result).await,
        }
    }

    async fn page(&mut self, result: Pieces, pager: String) -> Flow {
        self.redirected = Some(Redirected::new(Piped::pager(pager.clone())));
        let ended = match self.start_redirected().await {
            Ok(()) => {
                let fed = self.feed(result.clone()).await;
                self.finish_pipeline(fed).await
            }
            Err(stop) => Err(stop),
        };
        self.redirected = None;
        let why = match ended {
            Ok(Some((_, end))) if is_not_found(end) => String::new(),
            Ok(Some((piped, end))) => match piped.result(end) {
                Err(failure) if failure.status == Status::Interrupted => return Err(failure.into()),
                // How a pager ends says nothing about the result.
                _ => return Ok(()),
            },
            Ok(None) => return Ok(()),
            Err(crate::status::Stop::Failed(failure)) if failure.status == Status::CommandFailed => {
                format!(": {}", failure.message)
            }
            Err(stop) => return Err(stop),
        };
        self.session.pager.is_on = false;
        self.say(&format!(
            "cannot start the pager `{pager}`{why}; results are shown without it (.pager on tries again)"
        ));
        self.show_here(result).await
    }
}
