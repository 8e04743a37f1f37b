//! The history file: mode 0600, only ever appended to, shared by several shells.
//!
//! The format is rustyline's second one (`#V2`, then a line for each entry, `\` and newline escaped). rustyline
//! does not write the file: it would rewrite it in place when another shell has added to it, and change the mode of whatever
//! the path names, even `/dev/null`.
//!
//! The prompt does not wait for it. A file that cannot be had at once, or that another user could have put there, is not used.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::geteuid;

/// The most lines in memory; the file may have twice as many.
pub(super) const LINES: usize = 10_000;

const HEADER: &str = "#V2\n";

/// How long another shell may have the file locked. One that adds a line needs less than a millisecond.
const LOCKED: Duration = Duration::from_millis(250);

/// How often to try to lock the file.
const POLL: Duration = Duration::from_millis(2);

/// Tells whether a line has a secret.
pub(super) type HasSecret = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The history file, and the newest line.
pub(super) struct History {
    path: Option<PathBuf>,
    has_secret: HasSecret,
    newest: Option<String>,
}

impl History {
    /// Without a path the history lasts as long as the shell. So do lines for which `has_secret` returns true.
    pub(super) fn new(path: Option<PathBuf>, has_secret: HasSecret) -> Self {
        Self { path, has_secret, newest: None }
    }

    /// Returns the lines of the file, oldest first, at most [`LINES`], and shortens a file with more than twice as many.
    ///
    /// # Errors
    /// The file exists and cannot be read, is locked, or is not safe.
    pub(super) fn load(&mut self) -> io::Result<Vec<String>> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        let Some(mut file) = open(path, false)? else { return Ok(Vec::new()) };
        let mut lines = parse(&mut file)?;
        if lines.len() > 2 * LINES {
            drop(file);
            lines = shorten(path)?;
        }
        lines.drain(..lines.len().saturating_sub(LINES));
        self.newest = lines.last().cloned();
        Ok(lines)
    }

    /// Returns true if a line is kept: it is not blank or indented, and not the newest line again.
    pub(super) fn wants(&self, line: &str) -> bool {
        !line.trim().is_empty() && !line.starts_with(char::is_whitespace) && self.newest.as_deref() != Some(line)
    }

    /// Appends a line, in one write under a lock. The file does not get a secret.
    ///
    /// # Errors
    /// The directory or the file cannot be made, locked or written. The line is then still the newest.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        self.newest = Some(line.to_owned());
        let Some(path) = self.path.as_ref().filter(|_| !(self.has_secret)(line)) else { return Ok(()) };
        let Some(mut file) = open(path, true)? else { return Ok(()) };
        let header = if file.metadata()?.len() == 0 { HEADER } else { "" };
        file.write_all((header.to_owned() + &escape(line)).as_bytes())
    }

    /// Keeps the history in memory from now on. Returns the path of the file, if there was one, for a message.
    pub(super) fn give_up_file(&mut self) -> Option<PathBuf> {
        self.path.take()
    }
}

/// Opens and locks the file: shared to read, exclusive to append, which makes a missing file. Returns `None` for a missing
/// file to read, and for a device, as in `--history /dev/null`.
fn open(path: &Path, append: bool) -> io::Result<Option<File>> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_char_device() => return Ok(None),
        Ok(found) => check(&found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && append => {
            if let Some(directory) = path.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    // Neither through a link nor waiting for the other end of a FIFO, if one has just replaced the file.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
    loop {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(append).create(append).mode(0o600).custom_flags(flags).open(path)?;
        let opened = file.metadata()?;
        check(&opened)?;
        lock(&file, append)?;
        if opened.mode() & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        // Another shell may have replaced the file before the lock was taken.
        match fs::symlink_metadata(path) {
            Ok(now) if now.ino() == opened.ino() && now.dev() == opened.dev() => return Ok(Some(file)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

/// Fails unless it is a regular file of this user.
fn check(found: &fs::Metadata) -> io::Result<()> {
    let kind = found.file_type();
    let why = if kind.is_symlink() {
        "it is a symbolic link"
    } else if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    } else if !kind.is_file() {
        "it is not a regular file"
    } else if found.uid() != geteuid().as_raw() {
        "it belongs to another user"
    } else {
        return Ok(());
    };
    Err(io::Error::other(why))
}

/// Locks the file, and waits only as long as another shell needs.
fn lock(file: &File, exclusive: bool) -> io::Result<()> {
    let operation =
        if exclusive { FlockOperation::NonBlockingLockExclusive } else { FlockOperation::NonBlockingLockShared };
    let begun = Instant::now();
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) if begun.elapsed() < LOCKED => std::thread::sleep(POLL),
            Err(Errno::WOULDBLOCK) => return Err(io::Error::other("another process has locked it")),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Replaces the file by one with its newest lines, and returns them.
fn shorten(path: &Path) -> io::Result<Vec<String>> {
    let Some(mut file) = open(path, true)? else { return Ok(Vec::new()) };
    let mut lines = parse(&mut file)?;
    if lines.len() > 2 * LINES {
        lines.drain(..lines.len() - LINES);
        let text = HEADER.to_owned() + &lines.iter().map(|line| escape(line)).collect::<String>();
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let new = PathBuf::from(name);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&new, path));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written?;
    }
    Ok(lines)
}

fn parse(file: &mut File) -> io::Result<Vec<String>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter(|line| !line.is_empty() && *line != HEADER.trim_end()).map(unescape).collect())
}

fn escape(line: &str) -> String {
    line.replace('\\', "\\\\").replace('\n', "\\n") + "\n"
}

fn unescape(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('\\') | None => text.push('\\'),
                Some(other) => text.extend(['\\', other]),
            },
            char => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(path: &Path) -> History {
        History::new(Some(path.to_owned()), Arc::new(|line: &str| line.contains("secret")))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn lines_come_back_as_they_were_typed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/deep/history");
        let typed = ["query-status", "transaction(\nstop\n)", r#"x a="C:\\n""#, r"\", "é ✓"];
        let mut first = history(&path);
        assert_eq!(first.load().unwrap(), Vec::<String>::new());
        for line in typed {
            first.append(line).unwrap();
        }
        first.append("a secret").unwrap();
        assert_eq!(history(&path).load().unwrap(), typed);
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(fs::read_to_string(&path).unwrap().starts_with("#V2\nquery-status\ntransaction(\\nstop\\n)\n"));
    }

    #[test]
    fn blank_indented_and_repeated_lines_are_not_kept() {
        let mut history = history(Path::new("/dev/null"));
        history.append("stop").unwrap();
        for (line, wanted) in
            [("stop", false), ("cont", true), (" cont", false), ("\tcont", false), ("", false), ("a secret", true)]
        {
            assert_eq!(history.wants(line), wanted, "{line:?}");
        }
    }

    #[test]
    fn a_file_open_to_others_gets_mode_0600_and_a_device_keeps_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history");
        fs::write(&path, "#V2\nold\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(history(&path).load().unwrap(), ["old"]);
        assert_eq!(mode(&path), 0o600);

        let before = mode(Path::new("/dev/null"));
        let mut null = history(Path::new("/dev/null"));
        null.append("line").unwrap();
        assert_eq!((null.load().unwrap().len(), mode(Path::new("/dev/null"))), (0, before));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(history(directory.path()).append("x").unwrap_err().kind(), io::ErrorKind::IsADirectory);
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        history(&file.join("below")).append("x").unwrap_err();
    }

    #[test]
    fn a_file_twice_too_long_is_shortened_and_shells_that_append_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history");
        let mut text = String::from("#V2\n");
        for number in 0..=2 * LINES {
            text += &escape(&format!("line {number}"));
        }
        fs::write(&path, text).unwrap();
        std::thread::scope(|scope| {
            for shell in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let mut history = history(path);
                    assert!(history.load().unwrap().len() <= LINES);
                    for number in 0..50 {
                        history.append(&format!("{shell} {number}")).unwrap();
                    }
                });
            }
        });
        let lines = history(&path).load().unwrap();
        for shell in 0..4 {
            let prefix = format!("{shell} ");
            let own: Vec<_> = lines.iter().filter(|line| line.starts_with(&prefix)).collect();
            assert_eq!(own.len(), 50);
        }
        assert!(fs::read_to_string(&path).unwrap().lines().count() <= LINES + 1 + 200);
    }
}
