//! Unix sockets: files, and Linux's abstract names.

use std::any::Any;
use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, RawMode};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};

use super::socket_file::{ShortPath, SocketFile, new_socket};
use crate::protocol::{Bind, Dial, Incoming, Link, Listen, no_descriptors};

/// The pause between attempts to connect to a listener whose backlog is full. The system does not report when it has room.
const JAMMED_RETRY: Duration = Duration::from_millis(10);

/// How many bytes are read at once from a peer that may send open files. They are zeroed before.
const RECEIVED_AT_ONCE: usize = 4096;

/// How many open files one message may carry. QEMU takes as many.
const MOST_DESCRIPTORS: usize = 16;

/// A write to a closed socket raises no signal. Apple's systems set that when they make the socket.
const SEND: SendFlags = {
    #[cfg(not(target_vendor = "apple"))]
    let flags = SendFlags::NOSIGNAL;
    #[cfg(target_vendor = "apple")]
    let flags = SendFlags::empty();
    flags
};

/// Programs that are started do not get the open files that came, where the system can do that while it receives them.
const RECEIVE: RecvFlags = {
    #[cfg(not(target_vendor = "apple"))]
    let flags = RecvFlags::CMSG_CLOEXEC;
    #[cfg(target_vendor = "apple")]
    let flags = RecvFlags::empty();
    flags
};

/// The length of an abstract name with `tight=off` in QEMU, in bytes.
const ABSTRACT_PADDED: usize = 107;

/// A connected Unix socket. It passes open files if the peer is on this machine.
#[derive(Debug)]
pub struct UnixLink {
    stream: UnixStream,
    /// Sent with the next write.
    descriptor: Option<Arc<OwnedFd>>,
    /// The open files that came; `None` if they are not wanted.
    received: Option<Vec<OwnedFd>>,
    /// The forwarder to another machine, to which no open file can go. It is dropped with the link.
    forwarder: Option<Arc<dyn Any + Send + Sync>>,
}

impl From<UnixStream> for UnixLink {
    fn from(stream: UnixStream) -> Self {
        Self { stream, descriptor: None, received: None, forwarder: None }
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

    fn credentials(&self) -> Option<UCred> {
        self.stream.peer_cred().ok()
    }

    fn has_hung_up(&self) -> bool {
        let mut sockets = [PollFd::new(&self.stream, PollFlags::empty())];
        rustix::event::poll(&mut sockets, Some(&Timespec::default())).is_ok()
            && sockets[0].revents().contains(PollFlags::HUP)
    }

    fn receive_descriptors(&mut self) {
        self.received.get_or_insert_default();
    }

    fn received(&mut self) -> Vec<OwnedFd> {
        self.received.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl AsyncRead for UnixLink {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let link = &mut *self;
        let Some(received) = &mut link.received else { return Pin::new(&mut link.stream).poll_read(context, buffer) };
        loop {
            ready!(link.stream.poll_read_ready(context))?;
            let room = buffer.remaining().min(RECEIVED_AT_ONCE);
            let into = buffer.initialize_unfilled_to(room);
            match link.stream.try_io(Interest::READABLE, || receive_with(&link.stream, into, received)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
            }
        }
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
    Ok(rustix::net::sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SEND)?)
}

/// Reads once, and keeps the open files that came. The system closes those for which there is no room.
fn receive_with(stream: &UnixStream, bytes: &mut [u8], received: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let read = rustix::net::recvmsg(stream, &mut [IoSliceMut::new(bytes)], &mut control, RECEIVE)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                if cfg!(target_vendor = "apple") {
                    rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC)?;
                }
                received.push(descriptor);
            }
        }
    }
    Ok(read.bytes)
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

    /// Connects, and waits while the backlog is full.
    pub(super) async fn connect(self) -> io::Result<UnixLink> {
        loop {
            let connected = match &self {
                Unix::Path { path, .. } => UnixStream::connect(&ShortPath::of(path)?.path).await,
                Unix::Abstract { name, tight } => {
                    let bound = abstract_name(name, *tight)?;
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
                let (socket, file) = SocketFile::bind(path, Mode::from_raw_mode((*mode & 0o7777) as RawMode))?;
                (socket, Some(file), format!("unix:{}", path.display()))
            }
            Unix::Abstract { name, tight } => {
                let socket = new_socket()?;
                let bound = abstract_name(name, *tight)?;
                #[cfg(target_os = "linux")]
                rustix::net::bind(&socket, &rustix::net::SocketAddrUnix::new_abstract_name(&bound)?)?;
                #[cfg(not(target_os = "linux"))]
                let _ = bound;
                (socket, None, format!("unix:@{}", String::from_utf8_lossy(name)))
            }
        };
        rustix::net::listen(&socket, 1)?;
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))?;
        Ok(Box::new(UnixListening { _file: file, listener, address }))
    }
}

/// Returns an abstract name as it is bound, without its leading NUL.
fn abstract_name(name: &[u8], tight: bool) -> io::Result<Vec<u8>> {
    if !cfg!(target_os = "linux") {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux has abstract names of sockets; use a path"));
    }
    let mut bound = name.to_vec();
    if !tight {
        bound.resize(ABSTRACT_PADDED, 0);
    }
    Ok(bound)
}

/// The listener of a [`Unix`].
struct UnixListening {
    // Dropped first: while the socket exists, no other file can have its inode.
    _file: Option<SocketFile>,
    listener: UnixListener,
    address: String,
}

impl Listen for UnixListening {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        Listen::poll_accept(&mut self.listener, context)
    }

    fn set_backlog(&mut self, backlog: i32) -> io::Result<()> {
        self.listener.set_backlog(backlog)
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

/// Dropping it leaves the file to whoever made it.
impl Listen for UnixListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        UnixListener::poll_accept(self, context).map_ok(|(stream, _)| {
            let pid = stream.peer_cred().ok().and_then(|credentials| credentials.pid());
            Incoming {
                peer: pid.map_or_else(|| "a local process".to_owned(), |pid| format!("process {pid}")),
                handshake: Box::pin(std::future::ready(Ok(Box::new(UnixLink::from(stream)) as Box<dyn Link>))),
            }
        })
    }

    fn set_backlog(&mut self, backlog: i32) -> io::Result<()> {
        Ok(rustix::net::listen(self, backlog)?)
    }

    fn address(&self) -> String {
        let address = self.local_addr().ok();
        match address.as_ref().and_then(|address| address.as_pathname()) {
            Some(path) => format!("unix:{}", path.display()),
            None => "a Unix socket without a path".to_owned(),
        }
    }
}
