//! Unix sockets: files, and Linux's abstract names.

use std::any::Any;
use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::fs::{Mode, Stat};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{UnixListener, UnixStream};

use crate::protocol::{Bind, Dial, Incoming, Link, Listen, no_descriptors};

/// How long to wait before a listener whose backlog is full is tried again; the system gives no sign when it has room.
const JAMMED_RETRY: Duration = Duration::from_millis(10);

/// Bytes in an abstract name padded as QEMU does with `tight=off`.
const ABSTRACT_PADDED: usize = 107;

/// A connected Unix socket as a [`Link`] that passes open files, if the peer is on this machine.
#[derive(Debug)]
pub struct UnixLink {
    stream: UnixStream,
    /// Goes with what is written next.
    descriptor: Option<Arc<OwnedFd>>,
    /// What carries the bytes to another machine, where no open file can go; let go of with the link.
    forwarder: Option<Arc<dyn Any + Send + Sync>>,
}

impl From<UnixStream> for UnixLink {
    fn from(stream: UnixStream) -> Self {
        Self { stream, descriptor: None, forwarder: None }
    }
}

impl UnixLink {
    /// A connected stream, which is not blocking.
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        Ok(UnixStream::from_std(stream)?.into())
    }

    /// A connected stream to what forwards it, and stays for as long as the link does.
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

/// Writes what there is room for, and the open file with its first byte. Source: `unix(7)`, `SCM_RIGHTS`.
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
        /// Where it is.
        path: PathBuf,
        /// Its mode when it is made by listening: who may connect.
        mode: u32,
    },
    /// An abstract name (Linux): no file.
    Abstract {
        /// The name, without the leading NUL.
        name: Vec<u8>,
        /// Whether the name is exactly that long; else NULs fill it up to the longest (QEMU's `tight=off`).
        tight: bool,
    },
}

impl Unix {
    /// A socket file, of mode 0600 when listening.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Unix::Path { path: path.into(), mode: 0o600 }
    }

    /// Whether a program that removes what it finds may listen there: nothing is there, or a stale socket.
    pub fn check_free(path: &Path) -> io::Result<()> {
        match is_stale(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// Removes the socket of a program that has ended; anything else stays.
    pub fn remove_stale(path: &Path) {
        if matches!(is_stale(path), Ok(true)) {
            // Somebody else may have been faster.
            let _ = std::fs::remove_file(path);
        }
    }

    /// The name as the system calls take it: a path, or a NUL and the abstract name.
    fn name(&self) -> Vec<u8> {
        match self {
            Unix::Path { path, .. } => path.as_os_str().as_bytes().to_vec(),
            Unix::Abstract { name, tight } => {
                let mut bytes = vec![0];
                bytes.extend_from_slice(name);
                if !tight {
                    bytes.resize(ABSTRACT_PADDED + 1, 0);
                }
                bytes
            }
        }
    }
}

impl Dial for Unix {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        let name = self.name();
        loop {
            match UnixStream::connect(Path::new(OsStr::from_bytes(&name))).await {
                // Its backlog is full: one client is served, others wait already.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(JAMMED_RETRY).await,
                Err(error) => return Err(error),
                Ok(stream) => return Ok(Box::new(UnixLink::from(stream))),
            }
        }
    }
}

impl Bind for Unix {
    async fn bind(self) -> io::Result<Box<dyn Listen>> {
        let (socket, file, address) = match &self {
            Unix::Path { path, mode } => {
                let (socket, file) = bind_path(path, Mode::from_raw_mode(*mode))?;
                (socket, Some(file), format!("unix:{}", path.display()))
            }
            Unix::Abstract { name, .. } => {
                let socket = new_socket()?;
                rustix::net::bind(&socket, &SocketAddrUnix::new_abstract_name(&self.name()[1..])?)?;
                (socket, None, format!("unix:@{}", String::from_utf8_lossy(name)))
            }
        };
        rustix::net::listen(&socket, 1)?;
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))?;
        Ok(Box::new(UnixListening { _file: file, listener, address }))
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// Binds a socket file. A stale one is replaced; a live one, or any other file, never.
fn bind_path(path: &Path, mode: Mode) -> io::Result<(OwnedFd, SocketFile)> {
    let socket = new_socket()?;
    // Before there is a file: nobody can come in between.
    rustix::fs::fchmod(&socket, mode)?;
    let address = SocketAddrUnix::new(path)?;
    match rustix::net::bind(&socket, &address) {
        Err(rustix::io::Errno::ADDRINUSE) if is_stale(path)? => {
            std::fs::remove_file(path)?;
            rustix::net::bind(&socket, &address)?;
        }
        result => result?,
    }
    let file = SocketFile { path: std::path::absolute(path)?, made: rustix::fs::lstat(path)? };
    // What the umask took away (it can take, never add).
    rustix::fs::chmod(path, mode)?;
    Ok((socket, file))
}

/// Whether the file is a socket that nobody listens on any more.
fn is_stale(path: &Path) -> io::Result<bool> {
    let stat = rustix::fs::lstat(path)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::Socket {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of that name which is no socket"));
    }
    // Not blocking: a live one whose backlog is full must not hold this up.
    match rustix::net::connect(new_socket()?, &SocketAddrUnix::new(path)?) {
        Err(rustix::io::Errno::CONNREFUSED) => Ok(true),
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
    }
}

/// A socket file that this process made; dropping it removes the file, if it is still that one.
struct SocketFile {
    path: PathBuf,
    made: Stat,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Ok(now) = rustix::fs::lstat(&self.path)
            && (now.st_dev, now.st_ino) == (self.made.st_dev, self.made.st_ino)
        {
            // It may be gone by now: then it is as it should be.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

struct UnixListening {
    // Goes first: as long as the socket lives, no other file can have the inode that it was bound to.
    _file: Option<SocketFile>,
    listener: UnixListener,
    address: String,
}

impl Listen for UnixListening {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        poll_accept(&self.listener, context)
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

pub(super) fn poll_accept(listener: &UnixListener, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
    listener.poll_accept(context).map_ok(|(stream, _)| {
        let pid = stream.peer_cred().ok().and_then(|credentials| credentials.pid());
        Incoming {
            peer: pid.map_or_else(|| "a local process".to_owned(), |pid| format!("process {pid}")),
            handshake: Box::pin(std::future::ready(Ok(Box::new(UnixLink::from(stream)) as Box<dyn Link>))),
        }
    })
}
