//! The monitor that is shared: how it is reached, and what happens when it is lost.

use std::os::unix::net::UnixListener;

use rustix::process::Signal;
use serde_json::json;

use super::Share;
use crate::support::client::Client;
use crate::support::{DEADLINE, Mock, Qemu, poll_until, qmpsh, sh};

#[test]
fn a_lost_qemu_closes_the_clients_and_is_status_4() {
    let qemu = Qemu::none().start();
    let share = Share::on(&qemu);
    let mut client = share.client();
    qemu.signal(Signal::KILL);
    assert_eq!(client.read_text(), None);
    let output = share.process.wait();
    assert_eq!(output.code(), Some(4));
    output.stdout("").stderr_contains("lost QEMU: ");
    assert!(!share.socket.exists());
}

#[test]
fn with_reconnect_the_sockets_stay() {
    let mock = Mock::new().negotiate().next_connection().negotiate().expect_execute("query-name").reply("{}").unix();
    let share = Share::start(mock.socket(), "", &["--reconnect", "0.1"]);
    // It waits for the greeting of the next session, if the first one has ended already.
    let mut client = loop {
        let mut client = Client::unix(&share.socket);
        if client.read_text().is_some() {
            client.send(r#"{"execute":"qmp_capabilities"}"#);
            if client.read_text().is_some() {
                client.send(r#"{"execute":"query-name","id":1}"#);
                if let Some(reply) = client.read_text() {
                    assert_eq!(reply, r#"{"return": {}, "id": 1}"#);
                    break client;
                }
            }
        }
    };
    drop(share);
    assert_eq!(client.read_text(), None);
    mock.finish();
}

#[test]
fn qemu_may_dial_in_and_clients_wait_for_it() {
    let program = qmpsh();
    let [monitor, socket] = ["q.sock", "s.sock"].map(|name| program.home().join(name));
    let mut process =
        program.args(["share", &format!("listen:{}", monitor.display()), "--listen", socket.to_str().unwrap()]).start();
    assert!(poll_until(DEADLINE, || (monitor.exists() && socket.exists()).then_some(())).is_some());
    let early = Client::unix(&socket);
    let _qemu = Qemu::none().args(["-qmp", &format!("unix:{}", monitor.display())]).start();
    let mut early = early.negotiate();
    assert_eq!(early.execute(r#"{"execute":"query-name"}"#), json!({}));
    let said: Vec<String> = (0..3).map(|_| process.read_stderr_line()).collect();
    assert!(said.iter().any(|line| line.starts_with("serving clients at ")), "{said:?}");
}

#[test]
fn a_signal_lets_running_commands_end_and_leaves_qemu_running() {
    let mock = Mock::new().negotiate().expect_execute("slow").pause().reply("{}").unix();
    let share = Share::start(mock.socket(), "", &[]);
    let mut client = share.client();
    client.send(r#"{"execute":"slow","id":1}"#);
    mock.wait_for_pause();
    share.process.signal(Signal::TERM);
    mock.go_on();
    assert_eq!(client.read(), json!({"return": {}, "id": 1}));
    assert_eq!(client.read_text(), None);
    let output = share.process.wait();
    assert_eq!(output.code(), Some(0));
    assert!(!share.socket.exists());
    mock.finish();
}

#[test]
fn sockets_may_be_inherited() {
    let qemu = Qemu::none().start();
    let path = qemu.file("inherited.sock");
    let script = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" share "$1""#;
    let listener = UnixListener::bind(&path).unwrap();
    let mut process = sh(script).arg(qemu.socket()).stdin_from(listener).start();
    while !process.read_stderr_line().starts_with("sharing ") {}
    assert_eq!(Client::unix(&path).negotiate().execute(r#"{"execute":"query-name"}"#), json!({}));
    drop(process);
    let script = r#"exec 3<&0 </dev/null; exec "$0" share "$1" --listen fd:3,read-only"#;
    let path = qemu.file("other.sock");
    let mut process = sh(script).arg(qemu.socket()).stdin_from(UnixListener::bind(&path).unwrap()).start();
    while !process.read_stderr_line().starts_with("sharing ") {}
    assert_eq!(Client::unix(&path).negotiate().execute(r#"{"execute":"stop"}"#)["class"], "GenericError");
}

#[test]
fn what_cannot_be_shared() {
    let check = |args: &[&str], status, expected: &str| {
        qmpsh().arg("share").args(args).run().stderr_contains(expected).status(status);
    };
    check(&[], 2, "as in `qmpsh share /tmp/qmp.sock --listen /tmp/shared.sock`");
    check(&["q.sock"], 2, "no socket for clients: name one with --listen SOCKET");
    check(&["q.sock", "--listen", "tcp:127.0.0.1:0"], 2, "use tls-creds=DIR, or allow it with --insecure");
    check(&["q.sock", "--listen", "s.sock", "query-name"], 2, "`share` does not take commands, such as `query-name`");
    check(&["q.sock", "--qga", "--listen", "s.sock"], 2, "an agent cannot be shared");
    check(&["q.sock", "--listen", "s.sock,x"], 2, "`x` is none of read-only");
    check(&["q.sock", "--listen", "s.sock"], 3, "cannot connect to q.sock");
    check(&["q.sock", "--listen", "s.sock,group=no-such-group"], 3, "there is no group `no-such-group`");
    qmpsh().args(["q.sock", "--insecure"]).run().stderr_contains("works only with `qmpsh share`").status(2);
}

/// The client is read no further, a write to it has failed, and more waits to be written.
#[test]
fn a_client_that_left_requests_behind_goes_with_a_lost_qemu() {
    let qemu = Qemu::none().start();
    let share = Share::start(&qemu.socket(), ",deny=stop", &["--reconnect", "0.1"]);
    let open_files = || std::fs::read_dir(format!("/proc/{}/fd", share.process.pid())).unwrap().count();
    let before = open_files();
    let mut client = share.client();
    qemu.signal(Signal::STOP);
    share.process.signal(Signal::STOP);
    client.send(&[r#"{"execute":"stop"}"#.repeat(3), r#"{"execute":"query-name"}"#.repeat(30)].concat());
    drop(client);
    share.process.signal(Signal::CONT);
    // Another client is let in after it.
    drop((share.client(), qemu));
    // The connection to QEMU is gone too.
    let gone = poll_until(DEADLINE, || (open_files() < before).then_some(()));
    assert!(gone.is_some(), "{} open files, before {before}", open_files());
}
