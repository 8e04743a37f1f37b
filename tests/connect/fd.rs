//! `qmpsh fd`: an inherited socket.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use rustix::net::{AddressFamily, SocketType, socket};

use super::Monitor;
use crate::support::{Program, qmpsh, sh, temporary_directory};

/// `qmpsh` with `words`, started by a shell script that has a descriptor as its stdin and `qmpsh` as `$0`.
fn child(script: &str, words: &[&str], descriptor: impl Into<OwnedFd>) -> Program {
    sh(script).args(words.to_vec()).stdin_from(descriptor)
}

/// Passes stdin on as descriptor 3.
const AS_3: &str = "exec \"$0\" \"$@\" 3<&0 </dev/null";

/// Passes stdin on as descriptor 3, as a service manager does.
const AS_SERVICE: &str = "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=qmp; exec \"$0\" \"$@\" 3<&0 </dev/null";

#[track_caller]
fn check_connected(script: &str, words: &[&str]) {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let process = child(script, words, theirs).start();
    let mut monitor = Monitor::on(ours).greet();
    monitor.answer("query-status", r#"{"status": "paused"}"#);
    monitor.sees_the_end();
    process.wait().stdout("{\"status\": \"paused\"}\n").stderr("").status(0);
}

#[test]
fn a_connected_socket_is_used() {
    check_connected(AS_3, &["fd", "3", "query-status"]);
    check_connected(AS_3, &["fd:3", "query-status"]);
    check_connected("QMP_SOCKET=fd:3 exec \"$0\" \"$@\" 3<&0 </dev/null", &["-c", "query-status"]);
    check_connected("exec \"$0\" \"$@\" 9<&0 </dev/null", &["fd", "9", "query-status"]);
    check_connected(AS_SERVICE, &["fd", "query-status"]);
}

#[test]
fn a_connected_tcp_socket_is_used() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let theirs = std::net::TcpStream::connect(listener.local_addr().expect("its address")).expect("a connection");
    let (ours, _) = listener.accept().expect("its peer");
    let process = child(AS_3, &["fd", "3", "query-status"], theirs).start();
    let ours = crate::support::client::Client::on(ours);
    Monitor(ours).greet().answer("query-status", "1");
    process.wait().stdout("1\n").status(0);
}

#[test]
fn a_listening_socket_takes_one_peer() {
    for (script, words) in [(AS_3, vec!["fd", "3", "query-status"]), (AS_SERVICE, vec!["fd", "query-status"])] {
        let directory = temporary_directory();
        let path = directory.path().join("l.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let mut process = child(script, &words, listener).start();
        assert_eq!(process.read_stderr_line(), format!("listening on fd:3 (unix:{})", path.display()));
        let mut silent = Monitor::dial(&path);
        let mut monitor = Monitor::dial(&path).greet();
        silent.sees_the_end();
        monitor.answer("query-status", "1");
        process.wait().stdout("1\n").stderr_contains("only one peer is taken").status(0);
        assert!(path.exists(), "the file is not ours");
    }
}

#[test]
fn a_descriptor_that_is_not_a_stream_socket_is_described() {
    #[track_caller]
    fn check(script: &str, stdin: impl Into<OwnedFd>, expected: &str) {
        let output = child(script, &["fd", "3", "x"], stdin).run();
        output.stdout("").stderr(&format!("qmpsh: fd 3: {expected}\n")).status(3);
    }
    let null = || std::fs::File::open("/dev/null").expect("/dev/null");
    check("exec \"$0\" \"$@\" 3<\"$0\"", null(), "it is a file, not a socket");
    check("exec \"$0\" \"$@\" 3</", null(), "it is a directory, not a socket");
    check(AS_3, null(), "it is a terminal or another character device, not a socket");
    check(AS_3, std::io::pipe().expect("a pipe").0, "it is a pipe, not a socket");
    check("exec \"$0\" \"$@\" 3<&-", null(), "the descriptor is not open");
    let datagrams = UnixDatagram::unbound().expect("a socket");
    check(AS_3, datagrams, "it is a datagram socket, and a stream socket is needed");
    let socket = |family| socket(family, SocketType::STREAM, None).expect("a socket");
    check(AS_3, socket(AddressFamily::UNIX), "it is a socket that is neither connected nor listening");
    check(AS_3, socket(AddressFamily::INET), "it is a socket that is neither connected nor listening");
}

#[test]
fn standard_descriptors_are_refused() {
    qmpsh().args(["fd", "0"]).run().stderr("qmpsh: fd 0: it is stdin; pass the socket as 3 or more\n").status(3);
    qmpsh().args(["fd", "2"]).run().stderr("qmpsh: fd 2: it is stderr; pass the socket as 3 or more\n").status(3);
    let expected = "qmpsh: fd 4000000000: the descriptor is not open\n";
    qmpsh().args(["fd", "4000000000"]).run().stderr(expected).status(3);
}

#[test]
fn listen_fds_of_another_process_are_ignored() {
    qmpsh().args(["fd"]).run().stderr_contains("no descriptor was passed: $LISTEN_PID is not set").status(3);
    let passed = |pid: &str, count: &str| qmpsh().arg("fd").env("LISTEN_PID", pid).env("LISTEN_FDS", count).run();
    passed("1", "1").stderr_contains("$LISTEN_PID is 1, but this is process").status(3);
    let (_ours, theirs) = UnixStream::pair().expect("a pair");
    let two = "export LISTEN_PID=$$ LISTEN_FDS=2; exec \"$0\" fd 3<&0 4<&0 </dev/null";
    child(two, &[], theirs).run().stderr_contains("2 descriptors were passed, 3 to 4: name one").status(3);
}

#[test]
fn a_silent_peer_of_an_inherited_socket_is_reported() {
    let (_ours, theirs) = UnixStream::pair().expect("a pair");
    let output = child(AS_3, &["fd", "3", "--connect-timeout", "0.05", "x"], theirs).run();
    output.stderr_contains("no greeting from fd:3 within 0.05 s: the connection works").status(3);
}

#[test]
fn a_closed_peer_of_an_inherited_socket_is_reported() {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    drop(ours);
    child(AS_3, &["fd", "3", "x"], theirs).run().stderr_contains("no session with fd:3: the peer closed").status(3);
}
