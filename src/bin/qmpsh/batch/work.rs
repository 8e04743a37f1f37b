//! What a batch has to do, and which features the session needs for it.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use memchr::memmem;

use crate::cli::Source;
use crate::eval::Parsed;
use crate::session::Action;

/// The longest file, in bytes, that is searched for `oob` before it runs.
const MAX_SEARCHED: usize = 16 << 20;

/// What a batch has to do.
pub(crate) enum Work {
    /// The words of the command line: one command, or several messages.
    Words(Vec<Action>),
    /// The words of the command line, which need the peer's schema.
    Untyped(Parsed, Cow<'static, [String]>),
    Lines(Vec<Source>),
}

impl Work {
    /// Returns true if a command may wait for an event. Otherwise the session keeps none.
    pub(crate) fn may_wait(&self) -> bool {
        !matches!(self, Work::Words(actions) if actions.iter().all(|action| matches!(action, Action::Send(..))))
    }

    /// Returns true if a command may be out of band. Only then the session enables `oob`.
    ///
    /// With `oob` enabled, QEMU 7.2 takes a tenth longer for each command, because its monitor thread falls asleep between two of
    /// them. Enabling it takes a good part of the time of a single command.
    pub(crate) fn may_be_out_of_band(&self) -> bool {
        match self {
            Work::Words(actions) => actions.iter().any(|action| match action {
                Action::Send(request, _) => may_mention_it(request.text().as_bytes()),
                // It may run another command, or the lines of a file.
                Action::Builtin(_) | Action::Pipe(..) => true,
            }),
            // A JSON line needs no schema, so this is not one.
            Work::Untyped(parsed, _) => parsed.is_builtin(),
            Work::Lines(sources) => sources.iter().any(|source| match source {
                Source::Line(line) => may_mention_it(line.as_bytes()),
                // A file that cannot be read is an error when its turn comes.
                Source::File(path) => {
                    !path.is_file()
                        || File::open(path).map_or(true, |file| content(file).is_none_or(|text| may_mention_it(&text)))
                }
                Source::Stdin => content(rustix::stdio::stdin()).is_none_or(|text| may_mention_it(&text)),
            }),
        }
    }
}

/// Returns true if a command in these lines may be out of band.
fn may_mention_it(lines: &[u8]) -> bool {
    // JSON may escape the word, and another file may contain it.
    [&b"oob"[..], b"\\", b".source"].iter().any(|mark| memmem::find(lines, mark).is_some())
}

/// Reads a regular file without moving its offset; `None` for anything else.
fn content(file: impl AsFd) -> Option<Vec<u8>> {
    let file = File::from(file.as_fd().try_clone_to_owned().ok()?);
    let found = file.metadata().ok().filter(Metadata::is_file)?;
    let length = usize::try_from(found.len()).ok().filter(|length| *length <= MAX_SEARCHED)?;
    let mut text = vec![0; length];
    // An error means that another program truncated it.
    file.read_exact_at(&mut text, 0).ok()?;
    Some(text)
}
