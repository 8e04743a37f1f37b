//! Monitors whose socket path differs from the command line, and monitors that are objects.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use super::{lines, listed, named, unique};
use crate::support::version::has_monitor_objects;
use crate::support::{DEADLINE, poll_until, qmpsh, sh, temporary_directory};

const NONE: &str = "exec qemu-system-x86_64 -M none -nodefaults -display none";

/// What `vm:NAME` prints of its name, as soon as it runs.
#[track_caller]
fn reached(name: &str) {
    let words = ["--wait", "60", &format!("vm:{name}"), "query-name"];
    qmpsh().args(words).run().stdout(&named(name)).status(0);
}

#[test]
fn a_path_longer_than_a_socket_address_is_reached() {
    let name = unique("long");
    let directory = temporary_directory();
    let long = directory.path().join("d".repeat(60)).join("e".repeat(60));
    fs::create_dir_all(&long).expect("a directory");
    let script = format!("cd {} && {NONE} -name {name} -qmp unix:q.sock,server=on,wait=off", long.display());
    let qemu = sh(&script).start();
    reached(&name);
    let socket = long.join("q.sock").display().to_string();
    assert!(socket.len() > 108);
    assert_eq!(listed(qemu.pid())["monitors"][0]["address"], socket);
    for address in [socket.clone(), format!("unix:{socket},server=on"), format!("pid:{}", qemu.pid())] {
        qmpsh().args([&address, "query-name"]).run().stdout(&named(&name)).status(0);
    }
    let absent = long.join("absent").display().to_string();
    qmpsh().args([&absent, "query-name"]).run().status(3).stderr_contains("no such socket");
}

#[test]
fn listen_makes_and_removes_a_socket_at_a_long_path() {
    let directory = temporary_directory();
    let long = directory.path().join("d".repeat(60)).join("e".repeat(60));
    fs::create_dir_all(&long).expect("a directory");
    let socket = long.join("l.sock");
    let name = unique("dials");
    let shell = qmpsh().args(["listen", &socket.display().to_string(), "query-name"]).start();
    assert!(poll_until(DEADLINE, || socket.exists().then_some(())).is_some(), "{shell}");
    let script = format!("cd {} && {NONE} -name {name} -qmp unix:l.sock", long.display());
    let _qemu = sh(&script).start();
    shell.wait().stdout(&named(&name)).status(0);
    assert!(!socket.exists());
}

/// A relative path leads from the directory in which it was started, which is not QEMU's own anymore.
#[test]
fn the_relative_path_of_a_daemon_is_resolved() {
    let name = unique("daemon");
    let directory = temporary_directory();
    let script = format!(
        "cd {} && {NONE} -daemonize -pidfile pid -name {name} -qmp unix:q.sock,server=on,wait=off",
        directory.path().display()
    );
    // A shell tells where it is.
    sh(&script).env("PWD", directory.path()).run().stderr("").status(0);
    let pid = fs::read_to_string(directory.path().join("pid")).expect("its number").trim().parse().expect("a number");
    let seen = listed(pid);
    let output = qmpsh().args([&format!("vm:{name}"), "query-name"]).run();
    let _ = kill_process(Pid::from_raw(pid.try_into().expect("a number")).expect("a process"), Signal::KILL);
    output.stdout(&named(&name)).status(0);
    assert_eq!(seen["monitors"][0]["address"], directory.path().join("q.sock").display().to_string());
}

#[test]
fn a_replaced_socket_is_not_taken_for_the_monitor() {
    let (one, two) = (unique("replaced"), unique("replacing"));
    let directory = temporary_directory();
    let socket = directory.path().join("q.sock");
    let start = |name: &str| {
        let script = format!("{NONE} -name {name} -qmp unix:{},server=on,wait=off", socket.display());
        sh(&script).start()
    };
    let first = start(&one);
    reached(&one);
    let second = start(&two);
    reached(&two);
    assert!(lines(first.pid())[0].ends_with(" socket file was removed or replaced"), "{:?}", lines(first.pid()));
    assert!(lines(second.pid())[0].ends_with(" free"));
    let output = qmpsh().args([&format!("vm:{one}"), "stop"]).run();
    output.stdout("").status(3).stderr_contains("has no QMP monitor that can be connected to");
    fs::remove_file(&socket).expect("a socket");
    assert_eq!(listed(second.pid())["monitors"][0]["state"], "unlinked");
    qmpsh().args([&format!("vm:{two}"), "stop"]).run().stdout("").status(3);
}

/// Since QEMU 11.1; an older one does not start with them.
#[test]
fn monitors_that_are_objects_are_listed() {
    let name = unique("objects");
    let script = format!(
        "{NONE} -name {name} -chardev socket,id=a,path=a.sock,server=on,wait=off \
         -chardev socket,id=b,path=b.sock,server=on,wait=off -object monitor-hmp,id=m0,chardev=a \
         -object '{{\"qom-type\":\"monitor-qmp\",\"id\":\"m1\",\"chardev\":\"b\",\"pretty\":true}}'"
    );
    let qemu = sh(&script);
    if !has_monitor_objects() {
        qemu.run().status(1).stderr_contains("monitor-hmp");
        return;
    }
    let home = qemu.home().to_owned();
    let qemu = qemu.start();
    reached(&name);
    let monitors = listed(qemu.pid())["monitors"].clone();
    let seen = [0, 1].map(|n: usize| (monitors[n]["address"].clone(), monitors[n]["protocol"].clone()));
    let expected = |file: &str, protocol: &str| (home.join(file).display().to_string().into(), protocol.into());
    assert_eq!(seen, [expected("a.sock", "hmp"), expected("b.sock", "qmp")]);

    let mut shell = qmpsh().arg(home.join("b.sock")).start();
    shell.line("query-name");
    shell.read_line();
    let output = qmpsh().args(["--connect-timeout=0.3"]).arg(home.join("b.sock")).arg("stop").run();
    output.status(3).stderr_contains(&format!("qmpsh ({}) holds this monitor", shell.pid()));
    assert!(lines(qemu.pid())[1].ends_with(&format!(" held by qmpsh ({})", shell.pid())));
}
