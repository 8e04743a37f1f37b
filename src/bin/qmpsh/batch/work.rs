//! What a batch has to do, and what the session needs for it.

use std::borrow::Cow;
use std::fs::File;
use std::os::fd::AsFd;

use memchr::memmem;
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::cli::Source;
use crate::eval::Parsed;
use crate::session::Action;

/// The longest file, in bytes, that is searched before it runs.
const LOOKED_THROUGH: usize = 16 << 20;

/// What a batch has to do.
pub(crate) enum Work {
    /// The words of the command line.
    Words(Action),
    /// The words of the command line, which need the peer's schema.
    Untyped(Parsed, Cow<'static, [String]>),
    Lines(Vec<Source>),
}

impl Work {
    /// Whether something may wait for an event. Otherwise no event need be kept.
    pub(crate) fn may_wait(&self) -> bool {
        !matches!(self, Work::Words(Action::Send(..)))
    }

    /// Whether to enable `oob`: only if a command may be out of band.
    ///
    /// A QEMU 7.2 with `oob` enabled takes a tenth longer for each command, because its monitor thread falls asleep between two of
    /// them. For a single command, asking for it is a good part of the time.
    pub(crate) fn may_be_out_of_band(&self) -> bool {
        match self {
            Work::Words(Action::Send(request, _)) => request.out_of_band,
            // It may carry a command, or the lines of a file.
            Work::Words(Action::Builtin(_) | Action::Pipe(..)) => true,
            // A JSON line needs no schema, so it is not here.
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

/// Whether a command in these lines may be out of band.
fn may_mention_it(lines: &[u8]) -> bool {
    // JSON may write the word with escapes, and another file may have it.
    [&b"oob"[..], b"\\", b".source"].iter().any(|mark| memmem::find(lines, mark).is_some())
}

/// The content of a regular file, without moving its offset; `None` for anything else.
fn content(file: impl AsFd) -> Option<Vec<u8>> {
    let stat = rustix::fs::fstat(&file).ok()?;
    let length = usize::try_from(stat.st_size).ok().filter(|length| *length <= LOOKED_THROUGH)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut text = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match rustix::io::pread(&file, &mut text[filled..], filled as u64) {
            // Somebody truncated it.
            Ok(0) => return None,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(text)
}
