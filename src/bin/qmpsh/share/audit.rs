//! The file with a line for each command.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::routing::{Outcome, Record};
use super::sockets::Peer;
use qmpsh::json::Document;
use qmpsh::{secrets, text};

/// The longest arguments that are written whole, in bytes.
const LONGEST: usize = 4096;

/// The file of `--audit`.
pub(super) struct Audit(File);

/// A line. The members that the system does not tell are null.
#[derive(serde::Serialize)]
struct Line<'a> {
    time: String,
    socket: &'a str,
    pid: Option<i32>,
    uid: Option<u32>,
    program: Option<&'a str>,
    command: &'a str,
    /// A string with their beginning if they are long.
    arguments: Arguments,
    outcome: &'a str,
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Arguments {
    Whole(Box<RawValue>),
    Beginning(String),
}

impl Audit {
    /// Opens the file, or makes it with mode 0600.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(OpenOptions::new().append(true).create(true).mode(0o600).open(path)?))
    }

    pub(super) fn write(&mut self, record: &Record<Peer>) -> io::Result<()> {
        let Record { seat, command, outcome } = record;
        let line = Line {
            time: Timestamp::now().to_string(),
            socket: &seat.about.socket,
            pid: seat.about.pid,
            uid: seat.about.uid,
            program: seat.about.program.as_deref(),
            command: command.name(),
            arguments: masked(command.to_request().text()),
            outcome: match outcome {
                Outcome::Ok => "ok",
                Outcome::Error => "error",
                Outcome::Denied => "denied",
                Outcome::Lost => "lost",
            },
        };
        let mut line = serde_json::to_string(&line)?;
        line.push('\n');
        self.0.write_all(line.as_bytes())
    }
}

/// Returns the arguments of a request, without secrets.
fn masked(request: &str) -> Arguments {
    let masked = secrets::mask(request);
    let arguments = Document::parse(masked.as_bytes()).ok().and_then(|request| request.slice("arguments"));
    let arguments = arguments.map_or_else(|| "{}".to_owned(), |raw| String::from_utf8_lossy(&raw).into_owned());
    if arguments.len() > LONGEST {
        return Arguments::Beginning(text::excerpt(arguments.as_bytes(), LONGEST));
    }
    match RawValue::from_string(arguments) {
        Ok(arguments) => Arguments::Whole(arguments),
        Err(_) => Arguments::Beginning("{}".to_owned()),
    }
}
