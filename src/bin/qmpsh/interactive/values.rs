//! Reads the values that a typed line does not contain: files, and answers of the user.

use std::fs::File;
use std::io::{self, PipeReader, Write as _};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::{Flow, Repl};
use crate::eval::{self, Parsed, Text};
use crate::input::secret;
use crate::input::stdin::read_value;
use crate::session::Action;
use crate::session::types::{name_arguments, resolve_types};
use crate::status::{Failure, Status, Stop};
use qmpsh::error::describe;
use qmpsh::language::syntax::LogicalLine;
use qmpsh::language::typing;

/// Reads files, and asks at the terminal, until the other end of `cancel` is closed.
struct Sources {
    cancel: PipeReader,
}

impl typing::Sources for Sources {
    fn file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        read_value(File::open(path)?)
    }

    /// Reads what is typed, up to Ctrl-D.
    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        let stdin = io::stdin();
        io::stdout().write_all(b"(the value, up to Ctrl-D at the start of a line)\n")?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let mut ready = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.cancel, PollFlags::IN)];
            match poll(&mut ready, None) {
                Err(Errno::INTR) => continue,
                result => result?,
            };
            if !ready[1].revents().is_empty() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            // Not through the standard library: its buffer would keep what belongs to the next line.
            match rustix::io::read(&stdin, &mut chunk) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn secret(&mut self, prompt: &str) -> io::Result<String> {
        secret::ask(prompt)
    }
}

impl Repl<'_> {
    /// Makes the actions of a line: none if it is blank, several if it has several messages.
    pub(super) async fn actions(&mut self, line: &LogicalLine, name: Option<&str>) -> Flow<Vec<Action>> {
        let actions = self.actions_of(line, name).await;
        if line.text().contains("=@?") {
            // Also if the line failed before it asked.
            self.console.drop_typed_ahead();
        }
        actions
    }

    async fn actions_of(&mut self, line: &LogicalLine, name: Option<&str>) -> Flow<Vec<Action>> {
        let text = Text::Line { line, name };
        let mut actions = Vec::new();
        let statements = match eval::parse(text) {
            Ok(statements) => statements,
            Err(failure) => return Err(name_arguments(self, failure).await.into()),
        };
        for parsed in statements {
            actions.push(self.action(parsed, text).await?);
        }
        Ok(actions)
    }

    /// Makes the action of a statement. A question for a value has the terminal for itself.
    async fn action(&mut self, parsed: Parsed, text: Text<'_>) -> Flow<Action> {
        let type_info = resolve_types(self, &parsed.needs()).await?;
        if !text.mentions_a_source() {
            return Ok(eval::action(parsed, text, &mut eval::Sources { stdin: false }, &type_info)?);
        }
        let has = |source| matches!(text, Text::Line { line, .. } if line.text().contains(source));
        let _handover = if has("@-") {
            Some(self.console.hand_over().await)
        } else if has("@?") {
            Some(self.console.hand_over_unchanged().await)
        } else {
            None
        };
        // Dropping this end cancels a question. A file that does not end keeps its thread.
        let (cancel, _canceled_by_drop) = io::pipe()
            .map_err(|error| Failure::new(Status::Usage, format!("cannot read values: {}", describe(&error))))?;
        let action = tokio::select! {
            action = eval::action_apart(parsed, text, Sources { cancel }, type_info) => Ok(action?),
            () = self.interrupts.next() => Err(Stop::silent(Status::Interrupted)),
            status = self.ending.signal() => Err(Stop::Leave(status)),
        };
        // A question that was given up must not do so later: the console restores the settings that it found.
        secret::restore_echo();
        action
    }
}
