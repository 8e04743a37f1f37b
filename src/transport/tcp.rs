//! TCP, over IPv4 and IPv6.

use std::io;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};

use crate::protocol::{Bind, Dial, Incoming, Link, Listen};

impl Link for TcpStream {}

/// A TCP address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    /// A host name, or an IPv4 or IPv6 address without brackets.
    pub host: String,
    /// The port; to listen, 0 lets the system choose one.
    pub port: u16,
}

impl Dial for Tcp {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // A command is one small write that waits for its reply.
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

impl Bind for Tcp {
    async fn bind(self) -> io::Result<Box<dyn Listen>> {
        let mut last = None;
        let mut addresses: Vec<_> = tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect();
        // Only one address is listened on. Clients try all addresses of a name, and as a number they mostly use 127.0.0.1.
        addresses.sort_by_key(std::net::SocketAddr::is_ipv6);
        for address in addresses {
            match listen(address) {
                Ok(listener) => return Ok(Box::new(listener)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address")))
    }
}

fn listen(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        std::net::SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        std::net::SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1)
}

impl Listen for TcpListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        TcpListener::poll_accept(self, context).map_ok(|(stream, peer)| Incoming {
            peer: peer.to_string(),
            handshake: Box::pin(async move {
                stream.set_nodelay(true)?;
                Ok(Box::new(stream) as Box<dyn Link>)
            }),
        })
    }

    fn set_backlog(&mut self, backlog: i32) -> io::Result<()> {
        Ok(rustix::net::listen(self, backlog)?)
    }

    fn address(&self) -> String {
        self.local_addr().map_or_else(|_| "a TCP port".to_owned(), |address| format!("tcp:{address}"))
    }
}
