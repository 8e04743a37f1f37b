//! The lines of a batch, from `-c`, `-f` and stdin.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::BytesMut;
use tokio::sync::mpsc;

use crate::cli::Source;
use crate::eval::Text;
use crate::input::stdin::{LONGEST, stdin, too_long};
use crate::session::Action;
use crate::status::{Failure, Status};
use qmpsh::error::describe;
use qmpsh::language::syntax::{Assembler, Dialect, LogicalLine};
use qmpsh::text;

/// How many bytes are read at once.
const CHUNK: usize = 64 * 1024;

/// How many files may include one another: a file that includes itself fails there.
const MAX_FILES: usize = 32;

/// A logical line and its place. It is moved often, so it is boxed.
pub(crate) struct Line {
    pub(crate) logical: LogicalLine,
    pub(crate) location: Location,
}

impl Line {
    pub(crate) fn as_text(&self) -> Text<'_> {
        Text::Line { line: &self.logical, name: self.location.name.as_deref() }
    }
}

/// The place of a line, for messages about it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// The file's name; `None` for the words of the command line.
    pub(crate) name: Option<Arc<str>>,
    /// The number of its first line, from 1.
    pub(crate) line: usize,
    /// The number of the message in the line, from 1, if it has several.
    pub(crate) message: Option<usize>,
}

impl Location {
    /// Returns `FILE:LINE: `, `FILE:LINE: message NUMBER: `, or nothing.
    pub(crate) fn prefix(&self) -> String {
        let place = self.name.as_ref().map(|name| format!("{}:{}: ", text::line(name), self.line));
        let message = self.message.map(|number| format!("message {number}: "));
        place.into_iter().chain(message).collect()
    }

    /// Gives each action of the line its place.
    pub(crate) fn of_each(self, actions: Vec<Action>) -> impl Iterator<Item = (Action, Self)> {
        let has_several = actions.len() > 1;
        let places = std::iter::repeat_n(self, actions.len()).enumerate();
        let places = places.map(move |(index, place)| Self { message: has_several.then_some(index + 1), ..place });
        actions.into_iter().zip(places)
    }
}

/// Lines from several sources. Only the current chunk is read ahead.
pub(crate) struct Lines {
    sources: VecDeque<Source>,
    /// How many `-c` were begun.
    given: usize,
    /// The sources being read, the innermost file last.
    current: Vec<Current>,
    /// The dialect of the next line.
    dialect: Dialect,
}

#[derive(Default)]
struct Current {
    /// The `.source` line that included it.
    asked: Option<Location>,
    name: Arc<str>,
    /// The number of its first line.
    first: usize,
    /// How many physical lines were taken.
    lines: usize,
    /// What is read in a thread; `None` for `-c`.
    chunks: Option<Chunks>,
    bytes: BytesMut,
    /// How many of the bytes hold no newline.
    searched: usize,
    /// The length of the lines of a statement that is not complete.
    gathered: usize,
    ended: bool,
    assembler: Assembler,
    /// The failure for a physical line of this statement that is not UTF-8.
    not_utf8: Option<Failure>,
}

type Chunks = mpsc::Receiver<io::Result<Vec<u8>>>;

impl Lines {
    pub(crate) fn new(sources: Vec<Source>, dialect: Dialect) -> Self {
        Self { sources: sources.into(), given: 0, current: Vec::new(), dialect }
    }

    /// Returns the next logical line, or `None` at the end of the last source. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Box<Line>, Failure>> {
        loop {
            let Some(current) = self.current.last_mut() else {
                let source = self.sources.pop_front()?;
                let source = self.begin(source);
                self.current.push(source);
                continue;
            };
            current.assembler.set_dialect(self.dialect);
            match current.next().await {
                Some(line) => {
                    self.dialect = current.assembler.dialect();
                    return Some(line);
                }
                None => drop(self.current.pop()),
            }
        }
    }

    /// Inserts the lines of this file before the remaining ones, for the `.source` line at `location`.
    ///
    /// # Errors
    /// Too many files include one another.
    pub(crate) fn include(&mut self, path: PathBuf, location: &Location) -> Result<(), String> {
        if self.current.len() >= MAX_FILES {
            return Err(format!(
                "`{}` is nested too deep: more than {MAX_FILES} files",
                text::line(&path.to_string_lossy())
            ));
        }
        let asked = Some(location.clone());
        let source = Current { asked, ..self.begin(Source::File(path)) };
        self.current.push(source);
        Ok(())
    }

    fn begin(&mut self, source: Source) -> Current {
        let mut bytes = BytesMut::new();
        let (name, first, chunks) = match source {
            Source::Line(text) => {
                self.given += 1;
                bytes.extend_from_slice(text.as_bytes());
                ("-c".to_owned(), self.given, None)
            }
            Source::Stdin => ("stdin".to_owned(), 1, Some(read_from(stdin))),
            Source::File(path) => (path.display().to_string(), 1, Some(read_from(move || open(&path)))),
        };
        Current { name: name.into(), first, chunks, bytes, ..Current::default() }
    }
}

impl Current {
    async fn next(&mut self) -> Option<Result<Box<Line>, Failure>> {
        loop {
            while let Some(physical) = self.physical_line() {
                self.lines += 1;
                self.gathered += physical.len();
                // Scripts for a guest agent begin with the byte 0xFF, to make it forget half a message.
                let sentinels = physical.iter().take_while(|byte| **byte == 0xff && !self.assembler.is_open()).count();
                let line = String::from_utf8_lossy(&physical[sentinels..]);
                if matches!(line, Cow::Owned(_)) && self.not_utf8.is_none() {
                    let location =
                        Location { name: Some(self.name.clone()), line: self.first + self.lines - 1, message: None };
                    let seen = text::excerpt(physical.trim_ascii_end(), 60);
                    let message = format!("{}not sent, because the line is not UTF-8: `{seen}`", location.prefix());
                    self.not_utf8 = Some(Failure::placed(Status::Usage, message));
                }
                if let Some(logical) = self.assembler.push_line(&line) {
                    return Some(self.line(logical));
                }
            }
            if self.ended {
                return self.assembler.finish().map(|logical| self.line(logical));
            }
            if let Err(error) = self.read_more().await {
                self.ended = true;
                // Half a statement must not run.
                self.assembler = Assembler::new();
                self.bytes.clear();
                self.searched = 0;
                self.chunks = None;
                let message = format!("cannot read `{}`: {}", text::line(&self.name), describe(&error));
                return Some(Err(match &self.asked {
                    Some(asked) if asked.name.is_some() => {
                        Failure::placed(Status::Usage, format!("{}{message}", asked.prefix()))
                    }
                    _ => Failure::new(Status::Usage, message),
                }));
            }
        }
    }

    /// Takes the next complete physical line. The last one may lack its newline.
    fn physical_line(&mut self) -> Option<BytesMut> {
        let from = std::mem::take(&mut self.searched);
        let end = match memchr::memchr(b'\n', &self.bytes[from..]) {
            Some(at) => from + at + 1,
            None if self.ended && !self.bytes.is_empty() => self.bytes.len(),
            None => {
                self.searched = self.bytes.len();
                return None;
            }
        };
        Some(self.bytes.split_to(end))
    }

    async fn read_more(&mut self) -> io::Result<()> {
        let chunk = match &mut self.chunks {
            Some(chunks) => chunks.recv().await.transpose()?,
            None => None,
        };
        match chunk {
            Some(chunk) if self.gathered + self.bytes.len() + chunk.len() > LONGEST => {
                return Err(too_long(&format!("line {}", self.first + self.lines)));
            }
            Some(chunk) => self.bytes.extend_from_slice(&chunk),
            None => self.ended = true,
        }
        Ok(())
    }

    /// Makes a line of a whole statement. If part of it was not UTF-8, nothing of it may be sent.
    fn line(&mut self, mut logical: LogicalLine) -> Result<Box<Line>, Failure> {
        self.gathered = 0;
        logical.first_line += self.first - 1;
        let location = Location { name: Some(self.name.clone()), line: logical.first_line, message: None };
        self.not_utf8.take().map_or_else(|| Ok(Box::new(Line { logical, location })), Err)
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(io::Error::other("it is a directory")),
        _ => Ok(file),
    }
}

/// Opens and reads in a thread, because a pipe may have no writer for hours.
fn read_from<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> Chunks {
    let (sender, receiver) = mpsc::channel(2);
    let errors = sender.clone();
    let read = move || -> io::Result<()> {
        let mut from = open()?;
        loop {
            let mut chunk = vec![0; CHUNK];
            match from.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => chunk.truncate(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if sender.blocking_send(Ok(chunk)).is_err() {
                return Ok(());
            }
        }
    };
    let for_errors = errors.clone();
    let reader = std::thread::Builder::new().name("input".to_owned());
    // The receiver may be gone.
    let started = reader.spawn(move || drop(read().map_err(|error| errors.blocking_send(Err(error)))));
    if let Err(error) = started {
        // The channel is empty, so there is room.
        let _ = for_errors.try_send(Err(error));
    }
    receiver
}
