//! Where a batch gets its lines: `-c`, `-f`, stdin, one after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tokio::sync::mpsc;

use super::status::{Failure, Status};
use crate::cli::Source;
use crate::syntax::{Assembler, LogicalLine};
use crate::text;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// A logical line, and where it came from.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// The place of a line, for messages about it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// The file's name; `None` for the words of the command line, which need none.
    pub(super) name: Option<String>,
    /// The number of its first line, from 1.
    pub(super) line: usize,
}

/// `FILE:LINE: `, or nothing.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}:{}: ", text::line(name), self.line),
            None => Ok(()),
        }
    }
}

/// Lines from several sources, read ahead of nothing but the chunk at hand.
pub(super) struct Lines {
    sources: VecDeque<Source>,
    /// How many `-c` have been begun.
    given: usize,
    current: Option<Current>,
}

struct Current {
    name: String,
    /// The number of its first line.
    first: usize,
    chunks: Chunks,
    /// Bytes read, and how many of them have been handed out.
    bytes: Vec<u8>,
    taken: usize,
    /// How much of `bytes` is known to hold no newline, beyond `taken`.
    searched: usize,
    ended: bool,
    assembler: Assembler,
}

enum Chunks {
    Given,
    Read(mpsc::Receiver<io::Result<Vec<u8>>>),
}

impl Lines {
    pub(super) fn new(sources: Vec<Source>) -> Self {
        Self { sources: sources.into(), given: 0, current: None }
    }

    /// The next logical line; `None` at the end of the last source. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Result<Line, Failure>> {
        loop {
            if self.current.is_none() {
                let source = self.sources.pop_front()?;
                match self.begin(source) {
                    Ok(current) => self.current = Some(current),
                    Err(failure) => return Some(Err(failure)),
                }
            }
            let current = self.current.as_mut()?;
            match current.next().await {
                Some(line) => return Some(line),
                None => self.current = None,
            }
        }
    }

    fn begin(&mut self, source: Source) -> Result<Current, Failure> {
        let (name, first, chunks, bytes) = match source {
            Source::Line(text) => {
                self.given += 1;
                ("-c".to_owned(), self.given, Chunks::Given, text.into_bytes())
            }
            Source::Stdin => ("stdin".to_owned(), 1, read_from(io::stdin()), Vec::new()),
            Source::File(path) => {
                let file = open(&path)?;
                (path.display().to_string(), 1, read_from(file), Vec::new())
            }
        };
        Ok(Current { name, first, chunks, bytes, taken: 0, searched: 0, ended: false, assembler: Assembler::new() })
    }
}

impl Current {
    async fn next(&mut self) -> Option<Result<Line, Failure>> {
        loop {
            while let Some(physical) = self.physical_line() {
                let range = physical;
                let logical = match std::str::from_utf8(&self.bytes[range.clone()]) {
                    Ok(line) => self.assembler.push_line(line),
                    Err(_) => return Some(Err(self.not_utf8(range))),
                };
                if let Some(logical) = logical {
                    return Some(Ok(self.line(logical)));
                }
            }
            if self.ended {
                return self.assembler.finish().map(|logical| Ok(self.line(logical)));
            }
            if let Err(error) = self.read_more().await {
                self.ended = true;
                let message = format!("cannot read {}: {error}", text::line(&self.name));
                return Some(Err(Failure::new(Status::Usage, message)));
            }
        }
    }

    /// The next line of the file that has come whole; the last one may lack its newline.
    fn physical_line(&mut self) -> Option<std::ops::Range<usize>> {
        let from = self.taken + self.searched;
        let end = match memchr::memchr(b'\n', &self.bytes[from..]) {
            Some(at) => from + at + 1,
            None if self.ended && self.taken < self.bytes.len() => self.bytes.len(),
            None => {
                self.searched = self.bytes.len() - self.taken;
                return None;
            }
        };
        let start = std::mem::replace(&mut self.taken, end);
        self.searched = 0;
        Some(start..end)
    }

    async fn read_more(&mut self) -> io::Result<()> {
        let chunk = match &mut self.chunks {
            Chunks::Given => None,
            Chunks::Read(receiver) => receiver.recv().await.transpose()?,
        };
        let Some(chunk) = chunk else {
            self.ended = true;
            return Ok(());
        };
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(&chunk);
        Ok(())
    }

    fn line(&self, logical: LogicalLine) -> Line {
        let LogicalLine { text, first_line } = logical;
        Line { text, origin: Origin { name: Some(self.name.clone()), line: first_line + self.first - 1 } }
    }

    fn not_utf8(&mut self, range: std::ops::Range<usize>) -> Failure {
        // It counts as a line, and nothing of it is taken.
        let lines = self.assembler.push_line("").map_or(self.first, |logical| logical.first_line + self.first - 1);
        let origin = Origin { name: Some(self.name.clone()), line: lines };
        let seen = text::excerpt(&self.bytes[range], 60);
        Failure::new(Status::Usage, format!("{origin}the line is not UTF-8: `{seen}`"))
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    let failed = |why: String| {
        Failure::new(Status::Usage, format!("cannot read {}: {why}", text::line(&path.display().to_string())))
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(failed("it is a directory".to_owned())),
        _ => Ok(file),
    }
}

/// Reads in a thread: what it reads may be a pipe on which nothing comes for hours.
fn read_from(mut from: impl Read + Send + 'static) -> Chunks {
    let (sender, receiver) = mpsc::channel(2);
    let reader = std::thread::Builder::new().name("input".to_owned());
    let for_errors = sender.clone();
    let started = reader.spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK];
            let read = match from.read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => {
                    chunk.truncate(count);
                    Ok(chunk)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = read.is_err();
            if sender.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    if let Err(error) = started {
        // The channel is empty, so there is room.
        let _ = for_errors.try_send(Err(error));
    }
    Chunks::Read(receiver)
}
