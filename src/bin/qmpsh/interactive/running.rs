//! Runs lines: typed, pasted, and those of a file.

use std::path::PathBuf;

use super::{Flow, Repl};
use crate::cli::Source;
use crate::config::expand_alias;
use crate::input::lines::Lines;
use crate::session::{Frontend as _, attend, types};
use crate::status::{Failure, Status, Stop};
use qmpsh::language::syntax::{Assembler, Dialect, LogicalLine};

impl Repl<'_> {
    /// Runs typed or pasted lines up to the first that fails. A returned status ends the shell.
    pub(super) async fn run_text(&mut self, text: &str) -> Option<Status> {
        let mut assembler = Assembler::of(self.session.dialect.get());
        let mut lines: Vec<_> = text.lines().filter_map(|line| assembler.push_line(line)).collect();
        lines.extend(assembler.finish());
        lines.retain(|line| !line.text().trim().is_empty());
        for (index, line) in lines.iter().enumerate() {
            let done = self.run_typed(line).await;
            // A pager may have kept them back.
            self.show_events_so_far();
            let failure = match done {
                Ok(()) => continue,
                Err(Stop::Leave(status)) => return Some(status),
                Err(Stop::Failed(failure)) => failure,
            };
            self.show_failure(&failure);
            let left = lines.len() - index - 1;
            if left > 0 && !self.goes_on_after(failure.status) {
                let lines = if left == 1 { "line" } else { "lines" };
                self.say(&format!("stopped at line {}; {left} {lines} not run", line.first_line));
                return None;
            }
        }
        None
    }

    /// Runs a typed line, with its alias expanded.
    async fn run_typed(&mut self, line: &LogicalLine) -> Flow {
        match self.expanded(line.text()).await? {
            Some(text) => self.run_line(&LogicalLine::new(text, line.first_line, line.dialect()), None).await,
            None => self.run_line(line, None).await,
        }
    }

    /// Returns a line with its alias expanded; `None` if it does not begin with one. A command of the peer is not hidden.
    async fn expanded(&mut self, line: &str) -> Flow<Option<String>> {
        let Some(text) = expand_alias(&self.aliases, line) else { return Ok(None) };
        if self.session.dialect.get() == Dialect::Hmp {
            return Ok(None);
        }
        let schema = if self.session.is_connected() { types::schema(self).await? } else { None };
        let word = line.split_whitespace().next().unwrap_or_default();
        let is_hidden = schema.is_some_and(|schema| schema.command(word).is_some());
        Ok((!is_hidden).then_some(text))
    }

    /// Returns true if `--keep-going` runs the lines after a failure with this status.
    fn goes_on_after(&self, status: Status) -> bool {
        self.session.options.keep_going && status.allows_more() && self.session.is_connected()
    }

    /// Runs a line that was typed or is in the file `name`. Of several messages, those after one that fails are not run.
    async fn run_line(&mut self, line: &LogicalLine, name: Option<&str>) -> Flow {
        let actions = self.actions(line, name).await?;
        let count = actions.len();
        for (index, action) in actions.into_iter().enumerate() {
            let left = count - index - 1;
            let is_streaming = self.is_streaming;
            // The future is large.
            let done = Box::pin(action.run(self)).await;
            self.is_streaming = is_streaming;
            match done {
                Err(Stop::Failed(failure)) if left > 0 => {
                    self.report(&failure).await?;
                    if !self.goes_on_after(failure.status) {
                        let messages = if left == 1 { "message" } else { "messages" };
                        let stopped = format!("stopped at message {}; {left} {messages} not run", index + 1);
                        return Err(Failure::placed(failure.status, stopped).into());
                    }
                }
                done => done?,
            }
        }
        Ok(())
    }

    /// Runs the lines of a file, and of the files that it includes, up to the first that fails.
    pub(super) async fn run_file(&mut self, path: PathBuf) -> Flow {
        if self.session.in_file {
            self.session.included.push(path);
            return Ok(());
        }
        self.session.in_file = true;
        let done = self.run_lines(Lines::new(vec![Source::File(path)], self.session.dialect.get())).await;
        self.session.in_file = false;
        self.session.included.clear();
        done
    }

    async fn run_lines(&mut self, mut lines: Lines) -> Flow {
        while let Some(line) = attend(self, lines.next(), None, "the file").await?.flatten() {
            let line = line?;
            let mut done = self.run_line(&line.logical, line.location.name.as_deref()).await;
            for path in std::mem::take(&mut self.session.included) {
                let included = lines.include(path, &line.location);
                done = done.and(included.map_err(|message| Stop::new(Status::Usage, message)));
            }
            match done {
                Ok(()) => {}
                Err(Stop::Failed(failure)) if failure.status.allows_more() => {
                    self.report(&failure).await?;
                    if !self.goes_on_after(failure.status) {
                        let place = line.location.prefix();
                        let message = format!("{place}the lines after this one are not run");
                        return Err(Failure::placed(failure.status, message).into());
                    }
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }
}
