//! Reads the values of a typed line that do not stand in it: files, and answers of the user.

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::oneshot;

use super::{Flow, Repl};
use crate::eval::{self, Parsed, Text};
use crate::input::ask;
use crate::session::Action;
use crate::session::schema::{TypeInfo, resolve_types};
use crate::status::{Failure, Status, Stop};
use qmpsh::language::syntax::LogicalLine;
use qmpsh::language::typing;

/// Reads files, and asks at the terminal, until the other end of `cancel` is closed.
struct Sources {
    cancel: PipeReader,
}

impl typing::Sources for Sources {
    fn file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    /// What is typed, up to Ctrl-D.
    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        let stdin = io::stdin();
        io::stdout().write_all(b"(the value, up to Ctrl-D at the start of a line)\n")?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let mut ready = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.cancel, PollFlags::IN)];
            match poll(&mut ready, None) {
                Err(rustix::io::Errno::INTR) => continue,
                result => result?,
            };
            if !ready[1].revents().is_empty() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            // Not through the standard library: its buffer would keep what belongs to the next line.
            match rustix::io::read(&stdin, &mut chunk) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn secret(&mut self, prompt: &str) -> io::Result<String> {
        ask::secret(prompt)
    }
}

/// The evaluation of a line on a thread: a file or a user may take any time.
struct Evaluation {
    result: oneshot::Receiver<Result<Action, Failure>>,
    cancel: PipeWriter,
}

impl Evaluation {
    fn start(parsed: Parsed, type_info: TypeInfo, line: &LogicalLine, name: Option<&str>) -> io::Result<Self> {
        let (reader, cancel) = io::pipe()?;
        let (sender, result) = oneshot::channel();
        let (text, first, name) = (line.text.clone(), line.first_line, name.map(str::to_owned));
        thread::Builder::new().name("values".to_owned()).spawn(move || {
            let mut sources = Sources { cancel: reader };
            let text = Text::Line { text: &text, name: name.as_deref(), first };
            // After Ctrl-C nobody waits for it.
            let _ = sender.send(eval::action(parsed, text, &mut sources, &type_info));
        })?;
        Ok(Self { result, cancel })
    }
}

impl Repl<'_> {
    /// The action of a line; `None` if it is blank. A question for a value has the terminal for itself.
    pub(super) async fn action(&mut self, line: &LogicalLine, name: Option<&str>) -> Result<Option<Action>, Stop> {
        let text = Text::Line { text: &line.text, name, first: line.first_line };
        let parsed = match eval::parse(text) {
            Ok(None) => return Ok(None),
            Ok(Some(parsed)) => parsed,
            Err(failure) => return Err(failure.into()),
        };
        let type_info = resolve_types(self, &parsed.needs()).await?;
        let result = if text.mentions_a_source() {
            self.evaluate(parsed, type_info, line, name).await?
        } else {
            eval::action(parsed, text, &mut eval::Sources { stdin: false }, &type_info)
        };
        Ok(Some(result?))
    }

    async fn evaluate(
        &mut self,
        parsed: Parsed,
        type_info: TypeInfo,
        line: &LogicalLine,
        name: Option<&str>,
    ) -> Flow<Result<Action, Failure>> {
        let asks = line.text.contains("@?") || line.text.contains("@-");
        let lent = if asks { Some(self.console.lend().await) } else { None };
        let evaluation = match Evaluation::start(parsed, type_info, line, name) {
            Ok(evaluation) => evaluation,
            Err(error) => return Ok(Err(Failure::new(Status::Usage, format!("cannot read values: {error}")))),
        };
        let Evaluation { result, cancel } = evaluation;
        let answer = tokio::select! {
            answer = result => answer,
            // The thread ends by `cancel`, or is left alone with a file that does not end.
            () = self.interrupts.next() => return Err(Stop::silent(Status::Interrupted)),
            status = self.ending.signal() => return Err(Stop::Leave(status)),
        };
        drop((lent, cancel));
        answer.or_else(|_| Ok(Err(Failure::new(Status::Usage, "cannot read values"))))
    }
}
