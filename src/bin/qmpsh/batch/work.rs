//! What a batch has to do, and what of the session that asks for.

use std::borrow::Cow;
use std::fs::File;
use std::os::fd::AsFd;

use memchr::memmem;
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::cli::Source;
use crate::eval::Parsed;
use crate::session::Action;

/// The longest file, in bytes, that is looked through before it is run.
const LOOKED_THROUGH: usize = 16 << 20;

/// What a batch has to do.
pub(crate) enum Work {
    /// The words of the command line.
    Words(Action),
    /// The same, which cannot be typed without asking the peer.
    Untyped(Parsed, Cow<'static, [String]>),
    Lines(Vec<Source>),
}

impl Work {
    /// Whether something may wait for an event: if not, none need be remembered.
    pub(crate) fn may_wait(&self) -> bool {
        !matches!(self, Work::Words(Action::Send(..)))
    }

    /// Whether `oob` is to be enabled: only if a command is out-of-band, or may be one. The bytes of asking for it are a good part
    /// of the time of a single command; and a QEMU 7.2 that has it enabled takes a tenth longer for each command, because its
    /// monitor's thread is asleep between two of them.
    pub(crate) fn may_be_out_of_band(&self) -> bool {
        match self {
            Work::Words(Action::Send(request, _)) => request.out_of_band,
            // They may carry a command, or the lines of a file.
            Work::Words(Action::Builtin(_) | Action::Pipe(..)) => true,
            // JSON could ask for it, and is typed already.
            Work::Untyped(parsed, _) => parsed.is_builtin(),
            Work::Lines(sources) => sources.iter().any(|source| match source {
                Source::Line(line) => may_mention_it(line.as_bytes()),
                // A file that cannot be read is told of when its turn comes.
                Source::File(path) => {
                    !path.is_file()
                        || File::open(path).map_or(true, |file| content(file).is_none_or(|text| may_mention_it(&text)))
                }
                Source::Stdin => content(rustix::stdio::stdin()).is_none_or(|text| may_mention_it(&text)),
            }),
        }
    }
}

/// Whether something in these lines may be out-of-band.
fn may_mention_it(lines: &[u8]) -> bool {
    // In JSON the word may hide behind an escape; what another file asks for is not known.
    [&b"oob"[..], b"\\", b".source"].iter().any(|mark| memmem::find(lines, mark).is_some())
}

/// What is in a regular file, from its beginning; where its reader stands is not moved. Of a pipe that is not known beforehand.
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
            // It has become shorter.
            Ok(0) => return None,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(text)
}
