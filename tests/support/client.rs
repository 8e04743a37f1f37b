//! A plain QMP client that holds a monitor, or acts from a second one.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use super::documents::Documents;
use super::{DEADLINE, excerpt};

#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    documents: Documents,
}

impl Client {
    pub fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap_or_else(|e| panic!("cannot connect to {}: {e}", path.display()));
        Self::on(stream)
    }

    pub fn tcp(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).unwrap_or_else(|e| panic!("cannot connect to {address}: {e}")))
    }

    pub fn on(socket: impl Into<OwnedFd>) -> Self {
        // A TCP socket is read and written by the calls of a Unix one.
        let stream = UnixStream::from(socket.into());
        let limited = stream.set_read_timeout(Some(DEADLINE)).and_then(|()| stream.set_write_timeout(Some(DEADLINE)));
        limited.expect("a time limit on a socket");
        Self { stream, documents: Documents::default() }
    }

    /// Waits for the greeting and negotiates: from here on the monitor is this client's.
    pub fn negotiate(mut self) -> Self {
        self.read_greeting();
        self.execute(r#"{"execute":"qmp_capabilities"}"#);
        self
    }

    /// Waits for the greeting. A QEMU that has just begun to run may tell that first.
    pub fn read_greeting(&mut self) {
        let mut greeting = self.read();
        while greeting.get("event").is_some() {
            greeting = self.read();
        }
        assert!(greeting.get("QMP").is_some(), "no greeting, but {greeting}");
    }

    pub fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the server takes what is sent");
    }

    /// The server sees the end of file; what it sends can still be read.
    pub fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).expect("a socket to half-close");
    }

    /// Sends one command and returns its `return` or `error` member; events before it are dropped.
    pub fn execute(&mut self, command: &str) -> Value {
        self.send(command);
        self.read_reply()
    }

    /// The next `return` or `error` member; events before it are dropped.
    pub fn read_reply(&mut self) -> Value {
        loop {
            let mut message = self.read();
            for key in ["return", "error"] {
                if let Some(value) = message.get_mut(key) {
                    return value.take();
                }
            }
        }
    }

    pub fn read(&mut self) -> Value {
        let text = self.read_text().expect("a message, not the end of file");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} in {}", excerpt(text.as_bytes())))
    }

    /// The next message exactly as it came; `None` at the end of file.
    pub fn read_text(&mut self) -> Option<String> {
        let mut chunk = vec![0; 65536];
        loop {
            if let Some(text) = self.documents.next() {
                return Some(text);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(n) => self.documents.push(&chunk[..n]),
                // A time limit on the socket keeps the system from going on by itself.
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => panic!("{e}, while waiting for a message after {}", excerpt(self.documents.rest())),
            }
        }
    }

    /// Reads a part of what comes, and drops it.
    pub fn read_some(&mut self) {
        assert_ne!(self.stream.read(&mut [0; 1000]).expect("bytes of the server"), 0);
    }

    /// Whether everything that has come was read: a monitor in use stays silent.
    pub fn is_silent(&self) -> bool {
        let unread = rustix::io::ioctl_fionread(&self.stream);
        self.documents.rest().trim_ascii().is_empty() && unread == Ok(0)
    }
}
