//! Messages for connections that fail.

use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::at;
use crate::support::mock::GREETING;
use crate::support::{Mock, QMPSH, Qemu, qmpsh, temporary_directory};

const RETRY: &str = " (--wait SECONDS keeps trying)";

/// What is said after `qmpsh: cannot connect to ADDRESS: `.
#[track_caller]
fn check(address: &str, shown: &str, expected: &str) {
    let output = qmpsh().arg(address).arg("query-status").run();
    output.stdout("").status(3).stderr(&format!("qmpsh: cannot connect to {shown}: {expected}\n"));
}

#[test]
fn a_missing_socket_is_no_session() {
    let directory = temporary_directory();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let missing = "no such socket; QEMU creates it with -qmp unix:PATH,server=on,wait=off";
    check(&path("missing"), &path("missing"), &format!("{missing}{RETRY}"));
    check(&path("none/q"), &path("none/q"), &format!("no such directory: {}{RETRY}", path("none")));
    std::fs::write(path("file"), "").unwrap();
    check(&path("file"), &path("file"), "this file is not a socket");
    check(&path(""), &path(""), "this file is not a socket");
    check(&path("file/q"), &path("file/q"), "Not a directory");
    drop(UnixListener::bind(path("stale")).unwrap());
    let stale = "no process listens there; the one that made this socket has ended or is not listening yet";
    check(&path("stale"), &path("stale"), &format!("{stale}{RETRY}"));
    let _datagrams = UnixDatagram::bind(path("datagrams")).unwrap();
    check(&path("datagrams"), &path("datagrams"), "this is a datagram socket, and a monitor needs a stream socket");
    let nobody = "no process listens there; QEMU has ended or is not listening yet";
    check("@qmpsh-test-nobody", "@qmpsh-test-nobody", &format!("{nobody}{RETRY}"));
}

#[test]
fn a_refused_port_and_an_unknown_host_are_no_session() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("no process listens there; QEMU has ended or is not listening yet{RETRY}");
    check(&free.to_string(), &free.to_string(), &nobody);
    let output = qmpsh().args(["--connect-timeout", "20", "no-such-host.invalid:4444", "query-status"]).run();
    output.stdout("").status(3);
    output.stderr_contains("qmpsh: cannot connect to no-such-host.invalid:4444");
    output.stderr_contains("cannot look up the name no-such-host.invalid: ");
}

/// Permission is not denied to root, so this is a process that has given that up.
#[test]
fn a_socket_without_permission_names_the_remedy() {
    let mock = Mock::new().unix();
    let locked = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    std::fs::set_permissions(mock.socket(), locked).unwrap();
    let program = if rustix::process::geteuid().is_root() {
        let without = ["--bounding-set=-all", "--inh-caps=-all", QMPSH];
        crate::support::Program::new("setpriv").args(without).arg(mock.socket())
    } else {
        at(mock.socket())
    };
    let output = program.arg("query-status").run();
    output.stdout("").status(3).stderr(&format!(
        "qmpsh: cannot connect to {}: permission denied; run qmpsh as the user who runs QEMU, or as root\n",
        mock.socket().display()
    ));
    mock.finish_without_connection();
}

#[test]
fn a_monitor_in_use_is_reported_within_the_connect_timeout() {
    let qemu = Qemu::none().start();
    let _holder = qemu.hold();
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    let own = format!("{} ({})", own.trim_end(), std::process::id());
    let output = at(&qemu.socket()).args(["--connect-timeout", "0.3", "query-status"]).run();
    output.stdout("").status(3).stderr(&format!(
        "qmpsh: no greeting from {} within 0.3 s: the connection works, but the peer is silent\n  \
         - QMP serves one client at a time: {own} holds this monitor\n  \
         - QEMU may still be starting: --wait SECONDS waits longer\n  \
         - a guest agent sends no greeting: if this is one, use --qga\n",
        qemu.socket().display()
    ));
}

#[test]
fn a_full_backlog_is_reported_within_the_connect_timeout() {
    let directory = temporary_directory();
    let path = directory.path().join("jammed");
    let (_listener, _waiting) = jam(&path);
    let output = at(&path).args(["--connect-timeout", "0.3", "query-status"]).run();
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    output.stdout("").status(3).stderr(&format!(
        "qmpsh: no session with {} within 0.3 s: {} ({}) does not accept connections, though it has no client: it hangs, is \
         busy, or is still starting (--wait SECONDS waits longer)\n",
        path.display(),
        own.trim_end(),
        std::process::id()
    ));
}

/// A listener that does not accept, and as many connections as its backlog holds.
pub(super) fn jam(path: &std::path::Path) -> (std::os::fd::OwnedFd, Vec<std::os::fd::OwnedFd>) {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = || rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    let address = SocketAddrUnix::new(path).unwrap();
    let listener = socket().unwrap();
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = socket().unwrap();
        match rustix::net::connect(&client, &address) {
            Ok(()) => waiting.push(client),
            Err(rustix::io::Errno::AGAIN) => return (listener, waiting),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_peer_that_is_not_qmp_is_described() {
    let no_monitor = "this is not a QMP monitor";
    // What the peer does, and what is said after `qmpsh: no session with ADDRESS: `.
    let rows: &[(Mock, String)] = &[
        (
            Mock::new().close(),
            "the peer closed the connection before its greeting: it is not a QMP monitor, or it is shutting down"
                .into(),
        ),
        (
            Mock::new().send(&GREETING[..20]).close(),
            "the peer closed the connection in the middle of its greeting, after `{\"QMP\": {\"version\": `".into(),
        ),
        (
            Mock::new().send("SSH-2.0-OpenSSH_9.2\r\n").close(),
            format!("{no_monitor}: an SSH server answers there; it said `SSH-2.0-OpenSSH_9.2\\r\\n`"),
        ),
        (
            Mock::new().greeting().expect_execute("qmp_capabilities").close(),
            "the peer closed the connection during the negotiation".into(),
        ),
        (
            Mock::new().greeting().expect_execute("qmp_capabilities").error("CommandNotFound", "what?"),
            "the negotiation failed: CommandNotFound: what?".into(),
        ),
    ];
    for (mock, expected) in rows {
        let mock = mock.clone().unix();
        let address = mock.socket().display();
        let said = format!("qmpsh: no session with {address}: {expected}\n");
        at(mock.socket()).arg("x").run().stdout("").stderr(&said).status(3);
        mock.finish();
    }
}

#[test]
fn half_a_handshake_is_reported_within_the_connect_timeout() {
    let mock = Mock::new().send(&GREETING[..20]).unix();
    let output = at(mock.socket()).args(["--connect-timeout", "0.3", "x"]).run();
    output.status(3).stderr_contains("within 0.3 s: only part of it came: `{\"QMP\": {\"version\": `\n");
    mock.finish();
    let mock = Mock::new().greeting().expect_execute("qmp_capabilities").unix();
    let output = at(mock.socket()).args(["--connect-timeout", "0.3", "x"]).run();
    output.status(3).stderr_contains("no answer to the negotiation from /");
    mock.finish();
}

#[test]
fn a_human_monitor_is_recognized() {
    let directory = temporary_directory();
    let path = directory.path().join("hmp.sock");
    let _qemu = Qemu::none().args(["-monitor", &format!("unix:{},server=on,wait=off", path.display())]).start();
    // It is there as soon as the other monitor is.
    assert!(UnixStream::connect(&path).is_ok());
    let output = at(&path).arg("query-status").run();
    output.status(3).stderr_contains("this is not a QMP monitor: it is a human monitor (start QEMU with -qmp, or -mon");
}
