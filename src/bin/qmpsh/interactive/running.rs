//! Running lines: those that were typed or pasted, and those of a file.

use std::path::PathBuf;

use super::{Flow, Repl, Stop};
use crate::builtins::{self, Host as _};
use crate::cli::Source;
use crate::input::lines::Lines;
use crate::session::eval::Action;
use crate::status::Status;
use qmpsh::language::syntax::{Assembler, LogicalLine};

impl Repl<'_, '_> {
    /// Runs what was typed or pasted: one line or several, up to the first that fails. A status ends the shell.
    pub(super) async fn run_text(&mut self, text: &str) -> Option<Status> {
        let mut assembler = Assembler::of(self.dialect.get());
        let mut lines: Vec<_> = text.lines().filter_map(|line| assembler.push_line(line)).collect();
        lines.extend(assembler.finish());
        lines.retain(|line| !line.text.trim().is_empty());
        for (index, line) in lines.iter().enumerate() {
            let stop = match self.run_line(line, None).await {
                Ok(()) => continue,
                Err(Stop::Leave(status)) => return Some(status),
                Err(stop) => stop,
            };
            let left = lines.len() - index - 1;
            if left > 0 && !(stop == Stop::Failed && self.options.keep_going && self.connected) {
                let lines = if left == 1 { "line" } else { "lines" };
                self.say(&format!("stopped at line {}; {left} {lines} not run", line.first_line));
                return None;
            }
        }
        None
    }

    /// Runs a line that was typed, or stands in the file `name`.
    async fn run_line(&mut self, line: &LogicalLine, name: Option<&str>) -> Flow {
        match self.action(line, name).await? {
            None => Ok(()),
            Some(action) => self.run_action(action).await,
        }
    }

    /// Runs the lines of a file, and of those that it includes, up to the first that fails.
    pub(super) async fn run_file(&mut self, path: PathBuf) -> Flow {
        if self.in_file {
            self.included.push(path);
            return Ok(());
        }
        self.in_file = true;
        let done = self.run_lines(Lines::new(vec![Source::File(path)], self.dialect.get())).await;
        self.in_file = false;
        self.included.clear();
        done
    }

    async fn run_lines(&mut self, mut lines: Lines) -> Flow {
        while let Some(line) = self.attend(lines.next(), None, "the file").await?.flatten() {
            let line = match line {
                Ok(line) => line,
                Err(failure) => return Err(self.fail(failure.status, failure.message)),
            };
            let logical = LogicalLine { text: line.text, first_line: line.location.line };
            let mut done = self.run_line(&logical, line.location.name.as_deref()).await;
            for path in std::mem::take(&mut self.included) {
                done =
                    done.and(lines.include(path, &line.location).map_err(|message| self.fail(Status::Usage, message)));
            }
            match done {
                Ok(()) => {}
                Err(Stop::Failed) if self.options.keep_going && self.connected => {}
                Err(Stop::Failed) => {
                    let place = line.location.prefix();
                    return Err(
                        self.fail(Status::CommandFailed, format!("{place}the lines after this one are not run"))
                    );
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    pub(super) async fn run_action(&mut self, action: Action) -> Flow {
        match action {
            Action::Send(request, resend) => {
                let done = self.execute(request, resend).await;
                if let Some(time) = self.display.time() {
                    self.say(&time);
                }
                done
            }
            Action::Builtin(command) => Box::pin(builtins::run(self, command)).await,
        }
    }
}
