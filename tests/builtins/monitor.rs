//! `.monitor`: a monitor for another client. Since QEMU 11.1; an older one is named as too old.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::shell::shell;
use crate::support::client::Client;
use crate::support::output::Output;
use crate::support::version::{has_monitor_objects, version};
use crate::support::{DEADLINE, Mock, Qemu, poll_until, qmpsh, sh};

/// What QEMU has of it: the ids of chardevs and objects that the shell made.
fn left(client: &mut Client) -> Vec<String> {
    let mut found = Vec::new();
    for (command, key) in [
        (r#"{"execute":"query-chardev"}"#, "label"),
        (r#"{"execute":"qom-list","arguments":{"path":"/objects"}}"#, "name"),
    ] {
        let listed = client.execute(command);
        // An old QEMU has no `/objects` before there is one.
        let ids = listed.as_array().into_iter().flatten().filter_map(|entry| entry[key].as_str());
        found.extend(ids.filter(|id| id.starts_with("qmpsh-monitor-")).map(str::to_owned));
    }
    found
}

/// What a shell says whose one line is `.monitor PATH`, at this umask.
fn made(qemu: &Qemu, umask: &str, path: &Path) -> Output {
    let script = format!("umask {umask}; exec \"$0\" \"$@\"");
    let program = sh(&script).arg(qemu.socket());
    program.arg(".monitor").arg(path).run()
}

#[test]
fn monitor_makes_a_monitor_for_another_client() {
    let qemu = Qemu::none().second_monitor().start();
    let path = qemu.file("new.sock");
    let output = made(&qemu, "0", &path);
    let mut second = qemu.second_client();
    if !has_monitor_objects() {
        let (major, _) = version();
        output
            .stdout("")
            .status(1)
            .stderr_contains(&format!("cannot make a monitor at {}: this QEMU {major}.", path.display()));
        output.stderr_contains(" is too old (11.1 and later can make monitors while they run)\n");
        assert!(!path.exists());
        assert!(left(&mut second).is_empty());
        return;
    }
    output.stdout("").stderr("").status(0);
    // It outlives the shell that made it.
    assert_eq!(left(&mut second).len(), 2);
    assert_eq!(fs::symlink_metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o600);
    let mut client = Client::unix(&path).negotiate();
    client.execute(r#"{"execute":"query-status"}"#);
    second.execute(r#"{"execute":"stop"}"#);
    assert_eq!(client.read()["event"], "STOP");
    drop(client);
    let gone = poll_until(DEADLINE, || (left(&mut second).is_empty() && !path.exists()).then_some(()));
    assert!(gone.is_some(), "{:?}", left(&mut second));
    assert!(UnixStream::connect(&path).is_err());
}

#[test]
fn the_new_socket_has_mode_600_and_the_path_of_the_shell() {
    let qemu = Qemu::none().start();
    let output = made(&qemu, "0777", Path::new("new.sock"));
    if !has_monitor_objects() {
        output.status(1);
        return;
    }
    output.stderr("").status(0);
    let path = output.home().join("new.sock");
    assert_eq!(fs::symlink_metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o600);
    qmpsh().arg(&path).args(["query-status"]).run().status(0);
    assert!(poll_until(DEADLINE, || (!path.exists()).then_some(())).is_some());
}

#[test]
fn monitor_replaces_only_a_stale_socket() {
    let qemu = Qemu::none().second_monitor().start();
    let mut second = qemu.second_client();
    let is_old = !has_monitor_objects();
    let (file, live, stale) = (qemu.file("file"), qemu.file("live.sock"), qemu.file("stale.sock"));
    fs::write(&file, "precious").expect("a file");
    let _listener = UnixListener::bind(&live).expect("a socket");
    drop(UnixListener::bind(&stale).expect("a socket"));
    let long = qemu.file(&"x".repeat(120));
    let run = |path: &Path| qmpsh().arg(qemu.socket()).arg(".monitor").arg(path).run();
    for (path, why) in [
        (&file, "the file exists and is not a socket"),
        (&live, "another process listens there"),
        (&qemu.file("nowhere/m.sock"), "no such directory"),
        (&long, "bytes, and QEMU can remove a socket whose path has at most 108"),
    ] {
        let why = if is_old { "is too old" } else { why };
        run(path).stdout("").status(1).stderr_contains(why);
    }
    assert_eq!(fs::read_to_string(&file).expect("a file"), "precious");
    UnixStream::connect(&live).expect("the socket is there");
    assert!(left(&mut second).is_empty());
    run(&stale).status(i32::from(is_old));
    assert_eq!(left(&mut second).len(), if is_old { 0 } else { 2 });
}

#[test]
fn monitor_refuses_an_abstract_name() {
    let qemu = Qemu::none().start();
    qmpsh().arg(qemu.socket()).args(["-c", ".monitor @name"]).run().status(2).stderr_contains("give a path");
}

/// No descriptor can be passed: QEMU makes the socket, where it runs.
#[test]
fn monitor_over_tcp_leaves_the_path_to_qemu() {
    let qemu = Qemu::none().second_monitor().tcp_monitor().start();
    let mut second = qemu.second_client();
    let is_old = !has_monitor_objects();
    let path = qemu.file("new.sock");
    let output = qmpsh().arg(qemu.tcp().to_string()).arg(".monitor").arg(&path).run();
    if is_old {
        output.status(1).stderr_contains("is too old");
        return;
    }
    output.stdout("").stderr("").status(0);
    drop(Client::unix(&path).negotiate());
    let gone = poll_until(DEADLINE, || (left(&mut second).is_empty() && !path.exists()).then_some(()));
    assert!(gone.is_some(), "{:?}", left(&mut second));
    // QEMU would replace what is there; this one runs on the machine of the shell.
    let file = qemu.file("precious");
    std::fs::write(&file, "text").expect("a file");
    for (there, why) in
        [(file.clone(), "the file exists and is not a socket"), (qemu.socket(), "another process listens there")]
    {
        let output = qmpsh().arg(qemu.tcp().to_string()).arg(".monitor").arg(&there).run();
        output.status(1).stderr_contains(why);
    }
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "text");
    let output = qmpsh().arg(qemu.tcp().to_string()).args([".monitor", "new.sock"]).run();
    output.status(1).stderr_contains("give an absolute path");
    // What QEMU cannot do leaves nothing.
    let nowhere = qemu.file("nowhere/m.sock");
    let output = qmpsh().arg(qemu.tcp().to_string()).arg(".monitor").arg(&nowhere).run();
    output.status(1).stderr_contains("Failed to bind socket to");
    assert!(left(&mut second).is_empty());
}

const SCHEMA: &str = r#"[
    {"name": "getfd", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
    {"name": "object-add", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
    {"name": "0", "meta-type": "object", "members": []},
    {"name": "1", "meta-type": "object", "members": [{"name": "qom-type", "type": "2"}]},
    {"name": "2", "meta-type": "enum", "members": [{"name": "monitor-qmp"}], "values": ["monitor-qmp"]}
]"#;

#[test]
fn a_failed_monitor_removes_its_chardev() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-qmp-schema")
        .reply(SCHEMA)
        .expect_execute("getfd")
        .reply("{}")
        .expect_execute("chardev-add")
        .reply("{}")
        .expect_execute("object-add")
        .error("GenericError", "no more")
        .expect_execute("chardev-remove")
        .reply("{}")
        .unix();
    let program = qmpsh().arg(mock.socket()).args([".monitor", "m.sock"]);
    let path = program.home().join("m.sock");
    program.run().stdout("").stderr("qmpsh: cannot make a monitor at m.sock: GenericError: no more\n").status(1);
    assert!(!path.exists());
    drop(mock);
}

#[test]
fn a_failed_chardev_closes_the_descriptor() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-qmp-schema")
        .reply(SCHEMA)
        .expect_execute("getfd")
        .reply("{}")
        .expect_execute("chardev-add")
        .error("GenericError", "no more")
        .expect_execute("closefd")
        .reply("{}")
        .unix();
    let program = qmpsh().arg(mock.socket()).args([".monitor", "m.sock"]);
    let path = program.home().join("m.sock");
    program.run().stderr_contains("GenericError: no more\n").status(1);
    assert!(!path.exists());
    drop(mock);
}

#[test]
fn a_guest_agent_has_no_monitors() {
    let agent = crate::support::agent::Agent::start();
    let output = qmpsh().args(["--qga"]).arg(agent.socket()).args([".monitor", "m.sock"]).run();
    output.stdout("").stderr("qmpsh: cannot make a monitor at m.sock: a guest agent has no monitors\n").status(1);
}

#[test]
fn monitor_works_on_a_storage_daemon() {
    let daemon = Qemu::storage_daemon().second_monitor().start();
    let path = daemon.file("new.sock");
    let output = qmpsh().arg(daemon.socket()).arg(".monitor").arg(&path).run();
    if !has_monitor_objects() {
        output.status(1).stderr_contains("is too old");
        return;
    }
    output.stdout("").stderr("").status(0);
    assert_eq!(fs::symlink_metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o600);
    let again = qmpsh().arg(daemon.socket()).arg(".monitor").arg(&path).run();
    again.status(1).stderr_contains("another process listens there");
    qmpsh().arg(&path).args(["query-version"]).run().status(0).stdout_contains("\"qemu\"");
    assert!(poll_until(DEADLINE, || (!path.exists()).then_some(())).is_some());
}

#[test]
fn monitor_at_the_prompt_shows_how_to_connect() {
    let qemu = Qemu::none().start();
    let path = qemu.file("new.sock");
    let mut terminal = shell(&qemu.socket());
    terminal.type_keys(&format!(".monitor {}\r", path.display()));
    if has_monitor_objects() {
        terminal.wait_for(&format!("the monitor is waiting for its client: qmpsh {}", path.display()));
    } else {
        terminal.wait_for("new.sock: this QEMU");
    }
}
