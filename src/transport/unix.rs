//! Unix sockets: files, and Linux's abstract names.

use std::any::Any;
use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::fs::OFlags;
use rustix::fs::{Mode, Stat};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};

use crate::address::UNIX_PATH_MAX;
use crate::processes;
use crate::protocol::{Bind, Dial, Incoming, Link, Listen, no_descriptors};

/// The pause between attempts to connect to a listener whose backlog is full. The system does not report when it has room.
const JAMMED_RETRY: Duration = Duration::from_millis(10);

/// The length of an abstract name with `tight=off` in QEMU, in bytes.
const ABSTRACT_PADDED: usize = 107;

/// A connected Unix socket. It passes open files if the peer is on this machine.
#[derive(Debug)]
pub struct UnixLink {
    stream: UnixStream,
    /// Sent with the next write.
    descriptor: Option<Arc<OwnedFd>>,
    /// The forwarder to another machine, to which no open file can go. It is dropped with the link.
    forwarder: Option<Arc<dyn Any + Send + Sync>>,
}

impl From<UnixStream> for UnixLink {
    fn from(stream: UnixStream) -> Self {
        Self { stream, descriptor: None, forwarder: None }
    }
}

impl UnixLink {
    /// Returns the credentials of the peer; after connecting, those of the process that called `listen`.
    pub(super) fn peer(&self) -> io::Result<UCred> {
        self.stream.peer_cred()
    }

    /// Makes a link to a forwarder, which it keeps alive.
    pub(super) fn forwarded(stream: UnixStream, forwarder: Arc<dyn Any + Send + Sync>) -> Self {
        Self { forwarder: Some(forwarder), ..stream.into() }
    }
}

impl Link for UnixLink {
    fn passes_descriptors(&self) -> bool {
        self.forwarder.is_none()
    }

    fn attach(&mut self, descriptor: Arc<OwnedFd>) -> io::Result<()> {
        if !self.passes_descriptors() {
            return Err(no_descriptors());
        }
        self.descriptor = Some(descriptor);
        Ok(())
    }
}

impl AsyncRead for UnixLink {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for UnixLink {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(descriptor) = &self.descriptor else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            let send = || send_with(&self.stream, bytes, descriptor);
            match self.stream.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    self.descriptor = None;
                    return Poll::Ready(Ok(count));
                }
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Writes as much as there is room for, with the open file. Source: `unix(7)`, `SCM_RIGHTS`.
fn send_with(stream: &UnixStream, bytes: &[u8], descriptor: &OwnedFd) -> io::Result<usize> {
    let descriptors = [descriptor.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    // There is room for exactly one.
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    Ok(rustix::net::sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

/// The address of a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unix {
    /// A socket file.
    Path {
        /// The path.
        path: PathBuf,
        /// The mode of the file that listening makes.
        mode: u32,
    },
    /// An abstract name (Linux): no file.
    Abstract {
        /// The name, without the leading NUL.
        name: Vec<u8>,
        /// Uses the name without padding; otherwise NULs fill it up to the maximum (QEMU's `tight=off`).
        tight: bool,
    },
}

impl Unix {
    /// Makes the address of a socket file; listening makes it with mode 0600.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Unix::Path { path: path.into(), mode: 0o600 }
    }

    /// Succeeds if there is no file or a stale socket, so that a program which replaces the file may listen there.
    pub fn check_free(path: &Path) -> io::Result<()> {
        match is_stale(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// Removes the socket of a program that has ended. Any other file stays.
    pub fn remove_stale(path: &Path) {
        if matches!(is_stale(path), Ok(true)) {
            // Another process may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Connects, and waits while the backlog is full.
    pub(super) async fn connect(self) -> io::Result<UnixLink> {
        loop {
            let connected = match &self {
                Unix::Path { path, .. } => UnixStream::connect(&ShortPath::of(path)?.path).await,
                Unix::Abstract { name, tight } => {
                    let bound = abstract_name(name, *tight);
                    UnixStream::connect(OsStr::from_bytes(&[b"\0", &*bound].concat())).await
                }
            };
            match connected {
                // The backlog is full, because a monitor serves one client at a time.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(JAMMED_RETRY).await,
                Err(error) => return Err(error),
                Ok(stream) => return Ok(UnixLink::from(stream)),
            }
        }
    }
}

impl Dial for Unix {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Ok(Box::new(self.connect().await?))
    }
}

impl Bind for Unix {
    async fn bind(self) -> io::Result<Box<dyn Listen>> {
        let (socket, file, address) = match &self {
            Unix::Path { path, mode } => {
                let (socket, file) = bind_path(path, Mode::from_raw_mode(*mode))?;
                (socket, Some(file), format!("unix:{}", path.display()))
            }
            Unix::Abstract { name, tight } => {
                let socket = new_socket()?;
                let bound = abstract_name(name, *tight);
                rustix::net::bind(&socket, &SocketAddrUnix::new_abstract_name(&bound)?)?;
                (socket, None, format!("unix:@{}", String::from_utf8_lossy(name)))
            }
        };
        rustix::net::listen(&socket, 1)?;
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))?;
        Ok(Box::new(UnixListening { _file: file, listener, address }))
    }
}

/// Returns an abstract name as it is bound, without its leading NUL.
fn abstract_name(name: &[u8], tight: bool) -> Vec<u8> {
    let mut bound = name.to_vec();
    if !tight {
        bound.resize(ABSTRACT_PADDED, 0);
    }
    bound
}

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// A path that fits into a socket's address. For a longer one it leads through a descriptor of the file or its directory.
struct ShortPath {
    path: PathBuf,
    _descriptor: Option<OwnedFd>,
}

impl ShortPath {
    /// Returns the path of an existing socket.
    fn of(path: &Path) -> io::Result<Self> {
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

/// Binds a socket file. It replaces a stale socket, but no other file.
fn bind_path(path: &Path, mode: Mode) -> io::Result<(OwnedFd, SocketFile)> {
    let socket = new_socket()?;
    // Set the mode before there is a file, so that no other user can connect in between.
    rustix::fs::fchmod(&socket, mode)?;
    let short = ShortPath::of_new(path)?;
    let address = SocketAddrUnix::new(&short.path)?;
    match rustix::net::bind(&socket, &address) {
        Err(rustix::io::Errno::ADDRINUSE) if is_stale(path)? => {
            std::fs::remove_file(path)?;
            rustix::net::bind(&socket, &address)?;
        }
        result => result?,
    }
    // The umask may have removed some bits.
    let stat = set_mode(path, mode)?;
    Ok((socket, SocketFile { path: std::path::absolute(path)?, made: stat }))
}

/// Sets the mode of a socket file. Any other file at the path keeps its own.
fn set_mode(path: &Path, mode: Mode) -> io::Result<Stat> {
    let is_socket = |stat: &Stat| rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Socket;
    #[cfg(target_os = "linux")]
    let file = rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    #[cfg(target_os = "linux")]
    let (stat, path) = (rustix::fs::fstat(&file)?, format!("/proc/self/fd/{}", file.as_raw_fd()));
    #[cfg(not(target_os = "linux"))]
    let stat = rustix::fs::lstat(path)?;
    if !is_socket(&stat) {
        return Err(io::Error::other("the socket was replaced by another file"));
    }
    rustix::fs::chmod(path, mode)?;
    Ok(stat)
}

/// Sets the mode of a socket file that another process has bound to 0600.
pub fn set_private(path: &Path) -> io::Result<()> {
    set_mode(path, Mode::RUSR | Mode::WUSR).map(drop)
}

/// Makes a listening socket of mode 0600 to hand to another process. Dropping the [`SocketFile`] removes the file.
pub fn listening_socket(path: &Path) -> io::Result<(OwnedFd, SocketFile)> {
    let (socket, file) = bind_path(path, Mode::RUSR | Mode::WUSR)?;
    rustix::net::listen(&socket, 1)?;
    Ok((socket, file))
}

/// Returns true if the file is a socket without a listener, and fails on any other file.
fn is_stale(path: &Path) -> io::Result<bool> {
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
        Err(rustix::io::Errno::CONNREFUSED) => Ok(true),
        _ => Err(live()),
    }
}

/// A socket file that this process made. Dropping it removes the file, unless another file has replaced it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    made: Stat,
}

impl SocketFile {
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

pub(super) struct UnixListening {
    // Dropped first: while the socket exists, no other file can have its inode.
    _file: Option<SocketFile>,
    listener: UnixListener,
    address: String,
}

impl UnixListening {
    /// Makes a listener of a socket that another process made. That process removes the file.
    pub(super) fn new(listener: UnixListener) -> io::Result<Self> {
        let address = match listener.local_addr()?.as_pathname() {
            Some(path) => format!("unix:{}", path.display()),
            None => "a Unix socket without a path".to_owned(),
        };
        Ok(Self { _file: None, listener, address })
    }
}

impl Listen for UnixListening {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        self.listener.poll_accept(context).map_ok(|(stream, _)| {
            let pid = stream.peer_cred().ok().and_then(|credentials| credentials.pid());
            Incoming {
                peer: pid.map_or_else(|| "a local process".to_owned(), |pid| format!("process {pid}")),
                handshake: Box::pin(std::future::ready(Ok(Box::new(UnixLink::from(stream)) as Box<dyn Link>))),
            }
        })
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}
