//! `qmpsh listen`: which peer it takes, and what becomes of the socket.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::Monitor;
use crate::support::client::Client;
use crate::support::program::Process;
use crate::support::{Program, qmpsh, sh, temporary_directory};

/// A socket, and the directory it is in.
struct Place(Program);

impl Place {
    fn socket(&self) -> PathBuf {
        self.0.home().join("l.sock")
    }

    fn dial(&self) -> Monitor {
        Monitor::dial(&self.socket())
    }

    fn is_there(&self) -> bool {
        self.0.home().is_dir() && self.socket().symlink_metadata().is_ok()
    }
}

/// Starts it in its home, and waits until it listens on `l.sock` there.
#[track_caller]
fn listening(program: Program) -> (Process, Place) {
    let place = Place(program.clone());
    let mut process = program.start();
    assert_eq!(process.read_stderr_line(), "listening on l.sock");
    (process, place)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a socket").permissions().mode() & 0o7777
}

#[test]
fn listen_takes_one_peer_and_runs_the_commands() {
    let (process, place) = listening(qmpsh().args(["listen", "l.sock", "query-status"]));
    let mut monitor = place.dial().greet();
    let asked = monitor.0.read();
    assert!(!place.is_there(), "the peer is there: it listens no more");
    monitor.0.send(&format!(r#"{{"return": {{"status": "running"}}, "id": {}}}"#, asked["id"]));
    monitor.sees_the_end();
    process.wait().stdout("{\"status\": \"running\"}\n").stderr("listening on l.sock\n").status(0);
}

#[test]
fn listen_on_port_0_names_the_real_port() {
    let mut process = qmpsh().args(["listen", "tcp:127.0.0.1:0", "-c", "stop", "-c", "cont"]).start();
    let line = process.read_stderr_line();
    let address = line.strip_prefix("listening on ").expect("the readiness line");
    let mut monitor = Monitor(Client::tcp(address.parse().expect("an address"))).greet();
    monitor.answer("stop", "{}");
    monitor.answer("cont", "{}");
    process.wait().stdout("{}\n{}\n").status(0);
}

#[test]
fn a_silent_or_wrong_peer_does_not_block_the_next() {
    let (mut process, place) = listening(qmpsh().args(["listen", "l.sock", "query-status"]));
    let mut silent = [place.dial(), place.dial()];
    let mut web_server = place.dial();
    web_server.0.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    web_server.sees_the_end();
    let warning = process.read_stderr_line();
    assert!(warning.contains("WARN") && warning.contains("a web server answers there"), "{warning}");
    drop(place.dial());
    let warning = process.read_stderr_line();
    assert!(warning.contains("closed the connection before its greeting"), "{warning}");

    let mut monitor = place.dial().greet();
    for other in &mut silent {
        other.sees_the_end();
        let warning = process.read_stderr_line();
        assert!(warning.contains("only one peer is taken"), "{warning}");
    }
    monitor.answer("query-status", "{}");
    process.wait().stdout("{}\n").status(0);
}

#[test]
fn a_handshake_that_times_out_does_not_end_listening() {
    let (mut process, place) = listening(qmpsh().args(["listen", "l.sock", "--connect-timeout", "0.05", "x"]));
    let mut silent = place.dial();
    silent.sees_the_end();
    let warning = process.read_stderr_line();
    assert!(warning.contains("no handshake within 0.05 s; still listening"), "{warning}");
    assert!(place.is_there());
    process.signal(Signal::TERM);
    process.wait().status(143);
}

#[test]
fn nothing_is_sent_before_the_greeting() {
    let (process, place) = listening(qmpsh().args(["listen", "l.sock", "x"]));
    let monitor = place.dial();
    assert!(monitor.0.is_silent());
    let mut monitor = monitor.greet();
    monitor.answer("x", "1");
    process.wait().stdout("1\n").status(0);
}

#[test]
fn the_socket_has_mode_600_at_any_umask() {
    #[track_caller]
    fn check(umask: &str, options: &[&str], expected: u32) {
        let script = format!("umask {umask}; exec \"$0\" listen l.sock \"$@\"");
        let program = sh(&script).args(options.to_vec());
        let (process, place) = listening(program);
        assert_eq!(mode(&place.socket()), expected, "umask {umask}, {options:?}");
        process.signal(Signal::INT);
        process.wait().status(130);
    }
    check("000", &[], 0o600);
    check("022", &[], 0o600);
    check("777", &[], 0o600);
    check("077", &["--socket-mode", "0660"], 0o660);
    check("000", &["--socket-mode", "640"], 0o640);
}

#[test]
fn a_stale_socket_is_replaced() {
    let program = qmpsh().args(["listen", "l.sock", "x"]);
    drop(UnixListener::bind(program.home().join("l.sock")).expect("a socket"));
    let (process, place) = listening(program);
    let mut monitor = place.dial().greet();
    monitor.answer("x", "{}");
    process.wait().status(0);
    assert!(!place.is_there());
}

#[test]
fn a_live_socket_and_other_files_are_not_replaced() {
    #[track_caller]
    fn check(path: &Path, why: &str) {
        let expected = format!("qmpsh: cannot listen on {}: {why}\n", path.display());
        qmpsh().args(["listen".as_ref(), path.as_os_str()]).run().stdout("").stderr(&expected).status(3);
    }
    let directory = temporary_directory();
    let path = |name: &str| directory.path().join(name);
    let live = UnixListener::bind(path("live")).expect("a socket");
    check(&path("live"), "another process listens there");
    live.set_nonblocking(true).expect("a socket");
    assert!(live.accept().is_err(), "nobody connected to look");
    std::os::unix::net::UnixStream::connect(path("live")).expect("it still listens at its name");
    fs::write(path("file"), "text").expect("a file");
    check(&path("file"), "the file exists and is not a socket");
    assert_eq!(fs::read_to_string(path("file")).expect("the file"), "text");
    check(&path(""), "the file exists and is not a socket");
    std::os::unix::fs::symlink("nothing", path("link")).expect("a link");
    check(&path("link"), "the file exists and is not a socket");
    check(&path("missing/l.sock"), "no such directory");

    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("its address").to_string();
    let expected = format!("qmpsh: cannot listen on {address}: another process listens there\n");
    qmpsh().args(["listen", &address]).run().stderr(&expected).status(3);
}

#[test]
fn a_signal_removes_the_socket() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let (process, place) = listening(qmpsh().args(["listen", "l.sock", "x"]));
        process.signal(signal);
        process.wait().stdout("").stderr("listening on l.sock\n").status(status);
        assert!(!place.is_there(), "{signal:?}");
    }
}

#[test]
fn hangup_is_ignored_under_nohup() {
    let script = "trap '' HUP; exec \"$0\" listen l.sock x";
    let (process, place) = listening(sh(script));
    process.signal(Signal::HUP);
    place.dial().greet().answer("x", "1");
    process.wait().stdout("1\n").status(0);
}

#[test]
fn a_socket_of_another_process_is_not_removed() {
    let (process, place) = listening(qmpsh().args(["listen", "l.sock", "x"]));
    fs::remove_file(place.socket()).expect("the socket");
    let _other = UnixListener::bind(place.socket()).expect("another one");
    process.signal(Signal::TERM);
    process.wait().status(143);
    assert!(place.is_there());
}

#[test]
fn listen_ends_after_wait_seconds() {
    let output = qmpsh().args(["listen", "l.sock", "--wait", "0.05"]).run();
    output
        .stdout("")
        .stderr("listening on l.sock\nqmpsh: no usable peer connected to l.sock within 0.05 s\n")
        .status(3);
    assert!(!output.home().join("l.sock").exists());
}

#[test]
fn listen_accepts_an_abstract_name() {
    let name = format!("@qmpsh-test-{}", std::process::id());
    let output = qmpsh().args(["listen", &name, "--wait", "0.05"]).run();
    output.stderr(&format!("listening on {name}\nqmpsh: no usable peer connected to {name} within 0.05 s\n")).status(3);
}

#[test]
fn listen_has_statuses_for_a_failed_command_and_a_lost_peer() {
    let (process, place) = listening(qmpsh().args(["listen", "l.sock", "x"]));
    let mut monitor = place.dial().greet();
    let asked = monitor.0.read();
    monitor.0.send(&format!(r#"{{"id": {}, "error": {{"class": "GenericError", "desc": "no"}}}}"#, asked["id"]));
    process.wait().stderr("listening on l.sock\nGenericError: no\n").status(1);

    let (process, place) = listening(qmpsh().args(["listen", "l.sock", "x"]));
    let mut monitor = place.dial().greet();
    assert_eq!(monitor.0.read()["execute"], "x");
    drop(monitor);
    process.wait().stderr_contains("whether it ran is unknown").status(4);
}
