//! `.fd`: sends an open file with a command.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use async_trait::async_trait;

use super::arguments::{Refusal, Words};
use crate::session::{Action, Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::error::describe;
use qmpsh::language::typing::Resend;
use qmpsh::message::{Descriptor, Request};
use qmpsh::text;

/// The commands that take an open file. Source: docs/qmp.md, "Descriptors", and `qmp_getfd` and `qmp_add_fd` in QEMU.
const TAKERS: [&str; 2] = ["getfd", "add-fd"];

/// `.fd PATH|NUMBER COMMAND`
#[derive(Debug)]
pub(super) struct WithDescriptor {
    what: What,
    request: Request,
    resend: Option<Box<Resend>>,
}

/// What to open.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A descriptor that qmpsh inherited.
    Number(RawFd),
    /// A file, for reading and writing if its permissions allow both, else for reading.
    File(String),
    /// A file for reading.
    ReadOnly(String),
    /// A file for writing, created or emptied.
    New(String),
}

impl What {
    fn read(word: &str) -> Self {
        if let Some(path) = word.strip_prefix("wo:") {
            return What::New(path.to_owned());
        }
        if let Some(path) = word.strip_prefix("ro:") {
            return What::ReadOnly(path.to_owned());
        }
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        match word.parse().ok().filter(|_| is_number) {
            Some(number) => What::Number(number),
            None => What::File(word.to_owned()),
        }
    }

    fn open(&self) -> io::Result<Descriptor> {
        match self {
            What::Number(number) => inherited(*number).map(Descriptor::from),
            What::File(path) => match OpenOptions::new().read(true).write(true).open(path) {
                Ok(file) => Ok(Descriptor::from(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
                // If reading is not allowed either, the user sees that error.
                Err(_) => File::open(path).map(Descriptor::from),
            },
            What::ReadOnly(path) => File::open(path).map(Descriptor::from),
            What::New(path) => {
                OpenOptions::new().write(true).create(true).truncate(true).open(path).map(Descriptor::from)
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            What::Number(number) => format!("descriptor {number}"),
            What::File(path) | What::ReadOnly(path) | What::New(path) => text::line(path).into_owned(),
        }
    }
}

/// Copies an inherited descriptor. Descriptors that qmpsh opened itself are refused.
#[allow(unsafe_code, reason = "a bare number is all that a parent process passes on")]
fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: a number that is not open gives an error, and harms nothing; one that was inherited (it is not
    // close-on-exec, as all of this program's own are) is never closed here, so it stays open while it is borrowed.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let flags = rustix::io::fcntl_getfd(descriptor)?;
    if number > 2 && flags.contains(rustix::io::FdFlags::CLOEXEC) {
        return Err(rustix::io::Errno::BADF.into());
    }
    descriptor.try_clone_to_owned()
}

impl WithDescriptor {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let what = What::read(&words.required("the path or descriptor number")?.0);
        if matches!(&what, What::File(path) | What::ReadOnly(path) | What::New(path) if path.is_empty()) {
            return Err(words.refusal("the path is empty"));
        }
        let Action::Send(request, resend) = words.carried()? else {
            return Err(words.refusal("only a command for the peer can carry an open file"));
        };
        Ok(Self { what, request, resend })
    }
}

#[async_trait(?Send)]
impl Builtin for WithDescriptor {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let mut request = self.request.clone();
        if !frontend.session().client.passes_descriptors() {
            let message = format!(
                "`{}` was not sent: only a Unix socket on this machine can pass an open file",
                text::line(request.command())
            );
            return Err(Stop::new(Status::Usage, message));
        }
        let what = self.what.clone();
        // Opening a FIFO blocks until its other end is open.
        let open = tokio::task::spawn_blocking(move || what.open());
        let Some(opened) = attend(frontend, open, None, "the file to open").await? else { return Ok(()) };
        let descriptor = opened.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| {
            Stop::new(Status::Usage, format!("cannot open {}: {}", self.what.shown(), describe(&error)))
        })?;
        if !TAKERS.contains(&request.command()) {
            frontend
                .notifier()
                .say("warning: only getfd and add-fd take an open file; QEMU keeps this one for the next of them");
        }
        request = request.descriptor(descriptor);
        frontend.execute(request, self.resend.clone()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_paths_and_new_files_are_distinguished() {
        for (word, expected) in [
            ("7", What::Number(7)),
            ("0", What::Number(0)),
            ("-1", What::File("-1".into())),
            ("+1", What::File("+1".into())),
            ("99999999999", What::File("99999999999".into())),
            ("./7", What::File("./7".into())),
            ("wo:7", What::New("7".into())),
            ("ro:7", What::ReadOnly("7".into())),
            ("ro:wo:x", What::ReadOnly("wo:x".into())),
            ("./ro:x", What::File("./ro:x".into())),
            ("ro", What::File("ro".into())),
            ("a b", What::File("a b".into())),
        ] {
            assert_eq!(What::read(word), expected, "{word}");
        }
    }
}
