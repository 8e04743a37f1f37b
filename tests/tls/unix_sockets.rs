//! TLS over Unix sockets, inherited sockets and `exec:`.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;

use rustix::net::Shutdown;

use super::{dialing, with};
use crate::support::version::status_line;
use crate::support::{Program, Qemu, sh, temporary_directory};
use crate::tls::certificates::{Authority, Folder};

#[test]
fn tls_on_a_unix_socket_needs_a_hostname() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let directory = temporary_directory();
    let socket = directory.path().join("t.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let address = qemu.tcp();
    let forwarding = thread::spawn(move || {
        let (taken, _) = listener.accept().expect("a client");
        forward(taken, TcpStream::connect(address).expect("QEMU's port"));
    });
    let socket = socket.display().to_string();
    with(&client).args([&socket, "query-status"]).run().stderr_contains("use --tls-hostname NAME").status(2);
    let program = with(&client).args(["--tls-hostname", "localhost", &socket, "query-status"]);
    program.run().stdout(&status_line("running", true)).stderr("").status(0);
    forwarding.join().expect("forwarded");
}

#[test]
fn tls_works_through_exec() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let address = format!("exec:exec socat - TCP:{}", qemu.tcp());
    let program = with(&client).args(["--tls-hostname", "localhost", &address, "query-status"]);
    program.run().stdout(&status_line("running", true)).stderr("").status(0);
    let program = with(&client).args(["--tls-hostname", "localhost", "exec:echo oops >&2; exit 3", "query-status"]);
    program.run().stdout("").stderr_contains("oops").status(3);
}

#[test]
fn tls_listens_on_a_unix_socket() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let program = with(&server).args(["listen", "l.sock", "query-name"]);
    let socket = program.home().join("l.sock");
    let mut process = program.start();
    assert_eq!(process.read_stderr_line(), "listening on l.sock");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let forwarding = thread::spawn(move || {
        let (taken, _) = listener.accept().expect("QEMU");
        forward(taken, UnixStream::connect(socket).expect("it listens"));
    });
    let _qemu = dialing("localhost", &port, client.path()).start();
    forwarding.join().expect("forwarded");
    process.wait().stdout("{\"name\": \"dialer\"}\n").status(0);
}

#[test]
fn tls_is_client_on_an_inherited_connection() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let connect = || TcpStream::connect(qemu.tcp()).expect("a connection");
    let output = inheriting(&client, &["query-status"], connect()).run();
    output.stderr(
        "qmpsh: no session with fd:3: checking the server's certificate needs a host name (give it with --tls-hostname NAME)\n",
    );
    output.status(3);
    let output = inheriting(&client, &["--tls-hostname", "localhost", "query-status"], connect()).run();
    output.stdout(&status_line("running", true)).stderr("").status(0);
    let output = inheriting(&client, &["--tls-hostname", "h", "query-status"], connect()).run();
    output.stderr_contains("no session with fd:3: the certificate of the server is refused: it is for localhost, 127");
    output.status(3);
}

#[test]
fn tls_is_server_on_an_inherited_listener() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let listener = listen();
    let port = listener.local_addr().expect("an address").port().to_string();
    let process = inheriting(&server, &["query-name"], listener).start();
    let _qemu = dialing("localhost", &port, client.path()).start();
    process.wait().stdout("{\"name\": \"dialer\"}\n").status(0);
    let output = inheriting(&server, &["--tls-hostname", "localhost", "query-name"], listen()).run();
    output.stderr_contains("--tls-hostname does not work with a listening socket").status(3);
}

/// `qmpsh fd 3` with these credentials, and this descriptor.
fn inheriting(folder: &Folder, words: &[&str], descriptor: impl Into<OwnedFd>) -> Program {
    let script = "exec 3<&0 </dev/null; exec \"$0\" fd 3 --tls-creds \"$@\"";
    let program = sh(script).args([&folder.path().display().to_string()]);
    program.args(words.to_vec()).stdin_from(descriptor)
}

/// Passes on what comes from either to the other, until both have ended.
fn forward(one: impl Into<OwnedFd>, other: impl Into<OwnedFd>) {
    let (one, other) = (Arc::new(File::from(one.into())), Arc::new(File::from(other.into())));
    for (from, to) in [(Arc::clone(&one), Arc::clone(&other)), (other, one)] {
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            // One that has gone is at its end.
            while let Ok(count @ 1..) = (&*from).read(&mut chunk) {
                if (&*to).write_all(&chunk[..count]).is_err() {
                    break;
                }
            }
            let _ = rustix::net::shutdown(&*to, Shutdown::Write);
        });
    }
}
