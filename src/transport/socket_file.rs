//! The files of Unix sockets: made, replaced and removed without touching any other file.

use std::ffi::OsStr;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use rustix::fs::OFlags;
use rustix::fs::{Mode, Stat};
use rustix::net::SocketAddrUnix;
use rustix::process::Uid;
use tokio::net::UnixSocket;

use crate::address::UNIX_PATH_MAX;
use crate::processes;

/// A socket file that this process made. Dropping it removes the file, unless another file has replaced it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    made: Stat,
}

impl SocketFile {
    /// Makes a listening socket of mode 0600 to hand to another process. Dropping the [`SocketFile`] removes the file.
    pub fn listen(path: &Path) -> io::Result<(OwnedFd, Self)> {
        let (socket, file) = Self::bind(path, Mode::RUSR | Mode::WUSR)?;
        rustix::net::listen(&socket, 1)?;
        Ok((socket, file))
    }

    /// Binds a socket file. It replaces a stale socket, but no other file.
    pub(super) fn bind(path: &Path, mode: Mode) -> io::Result<(OwnedFd, Self)> {
        let socket = new_socket()?;
        // Set the mode before there is a file, so that no other user can connect in between.
        rustix::fs::fchmod(&socket, mode)?;
        let short = ShortPath::of_new(path)?;
        let address = SocketAddrUnix::new(&short.path)?;
        match rustix::net::bind(&socket, &address) {
            Err(rustix::io::Errno::ADDRINUSE) => {
                remove_stale(path)?;
                rustix::net::bind(&socket, &address)?;
            }
            result => result?,
        }
        let stat = set_mode(path, mode, Some(rustix::process::geteuid()))?;
        Ok((socket, Self { path: std::path::absolute(path)?, made: stat }))
    }

    /// Succeeds if there is no file or a stale socket, so that a program which replaces the file may listen there.
    pub fn check_free(path: &Path) -> io::Result<()> {
        match check_stale(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Removes the socket of a program that has ended. Any other file stays.
    pub fn remove_stale(path: &Path) {
        // Another process may have removed it already.
        let _ = remove_stale(path);
    }

    /// Sets the mode of a socket file that another process has bound to 0600.
    pub fn set_private(path: &Path) -> io::Result<()> {
        set_mode(path, Mode::RUSR | Mode::WUSR, None).map(drop)
    }

    /// Leaves the file to the process that now has the socket.
    pub fn leave(self) {
        std::mem::forget(self);
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Ok(now) = rustix::fs::lstat(&self.path)
            && (now.st_dev, now.st_ino) == (self.made.st_dev, self.made.st_ino)
        {
            // It may be gone already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Makes a Unix socket that is non-blocking, and closed in programs that are started. tokio knows how on each system.
pub(super) fn new_socket() -> io::Result<OwnedFd> {
    UnixSocket::new_stream()?.as_fd().try_clone_to_owned()
}

/// Sets the mode of a socket file. Any other file at the path keeps its own, and so does a socket that the user `owner` does not
/// own.
///
/// It changes the file that it looked at, whatever takes its place meanwhile, and follows no link.
fn set_mode(path: &Path, mode: Mode, owner: Option<Uid>) -> io::Result<Stat> {
    let is_ours = |stat: &Stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Socket
            && owner.is_none_or(|owner| owner.as_raw() == stat.st_uid)
    };
    #[cfg(target_os = "linux")]
    let file = rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    #[cfg(target_os = "linux")]
    let (stat, path) = (rustix::fs::fstat(&file)?, format!("/proc/self/fd/{}", file.as_raw_fd()));
    #[cfg(not(target_os = "linux"))]
    let stat = rustix::fs::lstat(path)?;
    if !is_ours(&stat) {
        return Err(io::Error::other("the socket was replaced by another file"));
    }
    // Binding applies the umask, which may have removed some bits.
    if Mode::from_raw_mode(stat.st_mode) != mode {
        #[cfg(target_os = "linux")]
        rustix::fs::chmod(path, mode)?;
        #[cfg(not(target_os = "linux"))]
        rustix::fs::chmodat(rustix::fs::CWD, path, mode, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(stat)
}

/// Removes a socket without a listener, and no other file.
fn remove_stale(path: &Path) -> io::Result<()> {
    check_stale(path)?;
    // Another process may replace the socket at this moment. Under a name of its own it stays what it is.
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".stale-{}", std::process::id()));
    std::fs::rename(path, &aside)?;
    let aside = Path::new(&aside);
    match check_stale(aside) {
        Ok(()) => std::fs::remove_file(aside),
        Err(error) => {
            put_back(aside, path).map_err(|_| {
                let aside = aside.display();
                io::Error::other(format!("the socket was replaced by other files; one of them is now {aside}"))
            })?;
            Err(error)
        }
    }
}

/// Gives a file of any kind its name back, unless there is yet another file.
fn put_back(aside: &Path, path: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        // Some file systems cannot do that.
        let renamed = renameat_with(CWD, aside, CWD, path, RenameFlags::NOREPLACE);
        if renamed != Err(rustix::io::Errno::INVAL) {
            return Ok(renamed?);
        }
    }
    std::fs::hard_link(aside, path)?;
    std::fs::remove_file(aside)
}

/// Succeeds if the file is a socket without a listener.
fn check_stale(path: &Path) -> io::Result<()> {
    let file = std::fs::symlink_metadata(path)?;
    if !file.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file exists and is not a socket"));
    }
    let live = || io::Error::new(io::ErrorKind::AddrInUse, "another process listens there");
    // A process that does not listen yet also refuses connections. And connecting to test a monitor ends one that closes with
    // its client.
    if processes::is_bound(&file) {
        return Err(live());
    }
    // The socket is non-blocking, because the backlog of a listener may be full.
    let short = ShortPath::of(path)?;
    match rustix::net::connect(new_socket()?, &SocketAddrUnix::new(&short.path)?) {
        Err(rustix::io::Errno::CONNREFUSED) => Ok(()),
        _ => Err(live()),
    }
}

/// A path that fits into a socket's address. For a longer one it leads through a descriptor of the file or its directory.
pub(super) struct ShortPath {
    pub(super) path: PathBuf,
    _descriptor: Option<OwnedFd>,
}

impl ShortPath {
    /// Returns the path of an existing socket.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        if fits(path) { Ok(Self::given(path)) } else { Self::through(path, None) }
    }

    /// Returns the path of a new socket.
    fn of_new(path: &Path) -> io::Result<Self> {
        match (path.parent(), path.file_name()) {
            (Some(directory), Some(name)) if !fits(path) => {
                let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
                Self::through(directory, Some(name))
            }
            _ => Ok(Self::given(path)),
        }
    }

    fn given(path: &Path) -> Self {
        Self { path: path.to_owned(), _descriptor: None }
    }

    /// Returns the path to an open file, or to a name in an open directory.
    #[cfg(target_os = "linux")]
    fn through(opened: &Path, name: Option<&OsStr>) -> io::Result<Self> {
        let descriptor = rustix::fs::open(opened, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let mut path = PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
        path.extend(name);
        Ok(Self { path, _descriptor: Some(descriptor) })
    }

    #[cfg(not(target_os = "linux"))]
    fn through(_opened: &Path, _name: Option<&OsStr>) -> io::Result<Self> {
        Err(rustix::io::Errno::NAMETOOLONG.into())
    }
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= UNIX_PATH_MAX
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    // A directory cannot have a second name.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_of_any_kind_is_put_back_and_replaces_none() {
        let directory = tempfile::tempdir().unwrap();
        let (aside, path) = (directory.path().join("aside"), directory.path().join("path"));
        let kinds: [fn(&Path) -> io::Result<()>; 3] =
            [|path| fs::create_dir(path), |path| fs::write(path, "text"), |path| std::os::unix::fs::symlink("x", path)];
        for make in kinds {
            make(&aside).unwrap();
            let kind = fs::symlink_metadata(&aside).unwrap().file_type();
            put_back(&aside, &path).unwrap();
            assert_eq!(fs::symlink_metadata(&path).unwrap().file_type(), kind);
            make(&aside).unwrap();
            put_back(&aside, &path).unwrap_err();
            assert_eq!(fs::symlink_metadata(&aside).unwrap().file_type(), kind);
            for path in [&aside, &path] {
                fs::remove_file(path).or_else(|_| fs::remove_dir(path)).unwrap();
            }
        }
    }
}
