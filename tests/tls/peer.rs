//! A mock monitor that speaks TLS.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::support::DEADLINE;
use crate::support::documents::Documents;
use crate::tls::certificates::Folder;

/// A socket that listens, and what is to be said there.
pub struct Peer {
    listener: TcpListener,
    config: Arc<ServerConfig>,
}

impl Peer {
    /// With the certificate of this directory, whatever is wrong with it; it asks for none, or requires one of that CA.
    pub fn new(folder: &Folder, requires: bool) -> Self {
        let read = |name| fs::read(folder.file(name)).expect("a file");
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let builder = if requires {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(&read("ca-cert.pem")).expect("a CA")).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let chain = CertificateDer::pem_slice_iter(&read("server-cert.pem")).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(&read("server-key.pem")).expect("a key");
        let config = builder.with_single_cert(chain.expect("a chain"), key).expect("a pair");
        Self { listener: TcpListener::bind("127.0.0.1:0").expect("a port"), config: Arc::new(config) }
    }

    pub fn address(&self) -> String {
        self.listener.local_addr().expect("an address").to_string()
    }

    /// Takes one client, and does `play` with it, on a thread. What comes of the handshake is its business.
    pub fn play<T: Send + 'static>(self, play: impl FnOnce(Conversation) -> T + Send + 'static) -> JoinHandle<T> {
        thread::spawn(move || {
            let (socket, _) = self.listener.accept().expect("a client");
            socket.set_read_timeout(Some(DEADLINE)).expect("a time limit");
            socket.set_write_timeout(Some(DEADLINE)).expect("a time limit");
            let connection = ServerConnection::new(self.config).expect("a connection");
            let stream = StreamOwned::new(connection, Recorded { socket, raw: Vec::new() });
            play(Conversation { stream, documents: Documents::default() })
        })
    }

    /// Takes one client, and reads until it leaves.
    pub fn until_left(self) -> JoinHandle<()> {
        self.play(|mut conversation| conversation.end())
    }
}

/// A connection with a client.
pub struct Conversation {
    stream: StreamOwned<ServerConnection, Recorded>,
    documents: Documents,
}

impl Conversation {
    pub fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the client reads");
        self.stream.flush().expect("the client reads");
    }

    /// Greets as a QEMU of this version, and answers the negotiation.
    pub fn greet(&mut self, major: u32) {
        self.send(&format!(
            r#"{{"QMP": {{"version": {{"qemu": {{"micro": 0, "minor": 0, "major": {major}}}, "package": ""}}, "capabilities": []}}}}"#
        ));
        self.answer("qmp_capabilities", "{}");
    }

    /// Waits for this command, and answers it.
    pub fn answer(&mut self, command: &str, result: &str) {
        let request = self.read();
        assert_eq!(request["execute"], command);
        self.send(&format!(r#"{{"return": {result}, "id": {}}}"#, request["id"]));
    }

    /// The next command.
    pub fn read(&mut self) -> Value {
        let mut chunk = [0; 4096];
        loop {
            if let Some(text) = self.documents.next() {
                return serde_json::from_str(&text).expect("JSON");
            }
            let count = self.stream.read(&mut chunk).expect("a command");
            assert_ne!(count, 0, "a command, not the end");
            self.documents.push(&chunk[..count]);
        }
    }

    /// Reads until the client has gone, in whatever way.
    pub fn end(&mut self) {
        let mut chunk = [0; 4096];
        while matches!(self.stream.read(&mut chunk), Ok(1..)) {}
    }

    /// The lengths of the records with data that came since the last time.
    pub fn records(&mut self) -> Vec<usize> {
        let raw = std::mem::take(&mut self.stream.sock.raw);
        let mut rest = raw.as_slice();
        let mut lengths = Vec::new();
        while let [kind, _, _, high, low, body @ ..] = rest {
            let length = usize::from(*high) << 8 | usize::from(*low);
            if *kind == 23 {
                lengths.push(length);
            }
            rest = &body[length.min(body.len())..];
        }
        lengths
    }

    /// Closes the connection without a word, as QEMU does.
    pub fn hang_up(self) {
        drop(self.stream.sock);
    }
}

/// A socket that keeps what came.
pub struct Recorded {
    socket: TcpStream,
    raw: Vec<u8>,
}

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(buffer)?;
        self.raw.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
