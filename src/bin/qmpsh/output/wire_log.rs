//! `-v`, `-l` and `.log`: the messages of the wire on stderr and in a file, secrets masked.

use std::borrow::Cow;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::cli::Options;
use crate::output::messages::Notifier;
use crate::status::{Failure, Status};
use qmpsh::client::{Observer, Origin};
use qmpsh::error::describe;
use qmpsh::json::{Document, compact};
use qmpsh::message::Request;
use qmpsh::secrets;
use qmpsh::text;

/// Shows and records messages, as `-v`, `-l` and `.log` ask.
pub(crate) struct WireLog {
    verbose: bool,
    /// There is a file. Read for each message.
    records: AtomicBool,
    file: Mutex<Option<LogFile>>,
    /// The ids of commands whose replies are secrets and have not come.
    secret_replies: Mutex<Vec<String>>,
    /// The beginning of each error message.
    prefix: &'static str,
    notifier: Notifier,
}

impl WireLog {
    /// Opens the file that `-l` names.
    pub(crate) fn new(options: &Options, prefix: &'static str, notifier: Notifier) -> Result<Arc<Self>, Failure> {
        let log = Self {
            verbose: options.verbose,
            records: AtomicBool::new(false),
            file: Mutex::default(),
            secret_replies: Mutex::default(),
            prefix,
            notifier,
        };
        if let Some(path) = &options.logfile {
            log.write_to(path)?;
        }
        Ok(Arc::new(log))
    }

    /// Returns the observer for a client; `None` if there is nothing to show or record, now and later.
    pub(crate) fn observer(self: &Arc<Self>, may_change: bool) -> Option<Arc<dyn Observer>> {
        let has_to = may_change || self.verbose || self.records.load(Ordering::Relaxed);
        has_to.then(|| Arc::clone(self) as Arc<dyn Observer>)
    }

    /// Appends messages to this file from now on.
    ///
    /// # Errors
    /// The file cannot be opened. Then nothing changes.
    pub(crate) fn write_to(&self, path: &Path) -> Result<(), Failure> {
        *self.file() = Some(LogFile::open(path)?);
        self.records.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Stops writing to a file.
    pub(crate) fn end(&self) {
        self.records.store(false, Ordering::Relaxed);
        *self.file() = None;
    }

    /// Returns the name of the file, safe to show.
    pub(crate) fn name(&self) -> Option<String> {
        self.file().as_ref().map(|file| file.name.clone())
    }

    fn file(&self) -> MutexGuard<'_, Option<LogFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn secret_replies(&self) -> MutexGuard<'_, Vec<String>> {
        self.secret_replies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, direction: &'static str, masked: &str) {
        let mut file = self.file();
        let Some(file) = &mut *file else { return };
        if let Err(error) = file.write(&record(Timestamp::now(), direction, masked))
            && !std::mem::replace(&mut file.reported, true)
        {
            let prefix = self.prefix;
            self.notifier.say(&format!(
                "{prefix}cannot write the log {}: {}; messages are missing from it",
                file.name,
                describe(&error)
            ));
        }
    }
}

impl Observer for WireLog {
    fn sent(&self, message: &[u8], command: &Request, by: Origin) {
        let (shows, records) = (self.verbose && by == Origin::User, self.records.load(Ordering::Relaxed));
        if !shows && !records {
            return;
        }
        let message = String::from_utf8_lossy(message);
        let masked = command.masked(&message);
        if records
            && secrets::reveals(&message)
            && let Some((_, id)) = message.rsplit_once(':')
        {
            self.secret_replies().push(id.trim_end_matches('}').to_owned());
        }
        if shows {
            self.notifier.quote(&masked);
        }
        if records {
            self.record("sent", &masked);
        }
    }

    fn received(&self, message: &Document) {
        if self.records.load(Ordering::Relaxed) {
            let id = message.get("id").map(String::from_utf8_lossy);
            let mut secret_replies = self.secret_replies();
            let place = id.and_then(|id| secret_replies.iter().position(|secret| *secret == id));
            let secret = place.map(|place| secret_replies.swap_remove(place));
            drop(secret_replies);
            match secret {
                Some(id) if message.get("return").is_some() => {
                    self.record("received", &format!(r#"{{"return": "***", "id": {id}}}"#));
                }
                _ => {
                    let message = compact(message.bytes());
                    self.record("received", &secrets::mask(&String::from_utf8_lossy(&message)));
                }
            }
        }
    }
}

impl fmt::Debug for WireLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireLog").field("verbose", &self.verbose).finish_non_exhaustive()
    }
}

struct LogFile {
    file: File,
    name: String,
    /// The last record was written in part.
    torn: bool,
    /// A write error was reported.
    reported: bool,
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, Failure> {
        let name = text::bytes(path.as_os_str().as_encoded_bytes()).into_owned();
        // Do not block: a FIFO without a reader must not hold up the session.
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(nonblocking).open(path);
        match opened {
            Ok(file) => Ok(Self { file, name, torn: false, reported: false }),
            Err(error) => Err(Failure::new(Status::Usage, format!("cannot open the log {name}: {}", describe(&error)))),
        }
    }

    /// Appends a record, in one write if the system accepts all of it.
    fn write(&mut self, record: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = record;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    rest = &rest[count..];
                    self.torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// One line of the log.
#[derive(Serialize)]
struct Record<'a> {
    time: String,
    direction: &'static str,
    /// A string if it is not JSON.
    message: Cow<'a, RawValue>,
}

fn record(time: Timestamp, direction: &'static str, message: &str) -> Vec<u8> {
    let message = match serde_json::from_str(message) {
        Ok(json) => Cow::Borrowed(json),
        Err(_) => Cow::Owned(to_raw_value(message).unwrap_or_default()),
    };
    // RFC 3339, with microseconds.
    let time = format!("{time:.6}");
    // Strings and parsed JSON cannot fail.
    let mut line = serde_json::to_vec(&Record { time, direction, message }).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_with_microseconds() {
        let check = |seconds, nanos, expected: &str| {
            let line = record(Timestamp::new(seconds, nanos).unwrap(), "sent", "1");
            assert!(line.starts_with(format!("{{\"time\":\"{expected}\"").as_bytes()), "{expected}");
        };
        check(0, 0, "1970-01-01T00:00:00.000000Z");
        check(951_782_399, 999_999_999, "2000-02-28T23:59:59.999999Z");
        check(951_782_400, 1_000, "2000-02-29T00:00:00.000001Z");
    }

    #[test]
    fn a_record_is_json_even_if_the_message_is_not() {
        let check = |message: &str, expected: &str| {
            let line = record(Timestamp::UNIX_EPOCH, "sent", message);
            let expected =
                format!("{{\"time\":\"1970-01-01T00:00:00.000000Z\",\"direction\":\"sent\",\"message\":{expected}}}\n");
            assert_eq!(String::from_utf8_lossy(&line), expected);
            assert!(serde_json::from_slice::<&RawValue>(&line).is_ok());
        };
        check(r#"{"return": 18446744073709551616}"#, r#"{"return": 18446744073709551616}"#);
        check(r#"{"return": inf}"#, r#""{\"return\": inf}""#);
        check("{\"a\": \"\u{1b}\"}", r#""{\"a\": \"\u001b\"}""#);
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        check(&deep, &deep);
    }
}
