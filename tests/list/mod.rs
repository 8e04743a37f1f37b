//! `qmpsh list`, `vm:NAME`, `pid:N`: the QEMU processes of this machine, and the holders of their monitors.

use serde_json::{Value, json};

use crate::support::version::reconnect;
use crate::support::{Mock, Program, Qemu, qmpsh};

mod no_address;
mod other_users;
mod socket_paths;
mod stopped_qemu;

/// A name that no other VM of this machine has.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// What `qmpsh list -o json` says of a process.
fn listed(pid: u32) -> Value {
    let output = qmpsh().args(["list", "-o", "json"]).run();
    output.status(0).stderr("");
    let all: Value = serde_json::from_slice(output.stdout_bytes()).unwrap();
    all.as_array().unwrap().iter().find(|process| process["pid"] == pid).unwrap().clone()
}

/// The lines of the table that are about a process, with single spaces.
fn lines(pid: u32) -> Vec<String> {
    let output = qmpsh().arg("list").run();
    output.status(0).stderr("");
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let all: Vec<String> = output.stdout_text().lines().map(squeezed).collect();
    assert_eq!(all[0], "PID USER NAME MONITOR STATE");
    all.into_iter().filter(|line| line.starts_with(&format!("{pid} "))).collect()
}

/// The user that runs the tests.
fn user() -> String {
    Program::new("id").arg("-un").run().stdout_text().trim().to_owned()
}

/// What `query-name` of a VM prints.
fn named(name: &str) -> String {
    format!("{{\"name\": \"{name}\"}}\n")
}

#[test]
fn list_shows_a_vm_its_monitors_and_their_holders() {
    let name = unique("listed");
    let qemu = Qemu::none().name(&name).second_monitor().tcp_monitor().start();
    let mut shell = qmpsh().arg(qemu.socket().to_str().unwrap()).start();
    shell.line("query-name");
    assert_eq!(shell.read_line() + "\n", named(&name));

    let line = |place: &str, state: &str| format!("{} {} {name} {place} {state}", qemu.pid(), user());
    let held = format!("held by qmpsh ({})", shell.pid());
    let expected = [
        line(&qemu.socket().display().to_string(), &held),
        line(&qemu.second_socket().display().to_string(), "free"),
        line(&qemu.tcp().to_string(), "free"),
    ];
    assert_eq!(lines(qemu.pid()), expected);

    shell.wait().status(0);
    assert_eq!(listed(qemu.pid())["monitors"][0]["state"], "free");
}

#[test]
fn list_names_a_client_over_tcp() {
    let qemu = Qemu::none().tcp_monitor().start();
    let mut shell = qmpsh().arg(qemu.tcp().to_string()).start();
    shell.line("query-status");
    shell.read_line();
    assert_eq!(
        listed(qemu.pid())["monitors"][1],
        json!({
            "address": qemu.tcp().to_string(),
            "protocol": "qmp",
            "state": "held",
            "holder": {"pid": shell.pid(), "name": "qmpsh"},
        })
    );
}

#[test]
fn list_shows_hmp_and_dialing_monitors() {
    let name = unique("hmp");
    let qemu = Qemu::none()
        .args([
            "-qmp",
            &format!("unix:/nowhere/q.sock,{}", reconnect()),
            "-monitor",
            &format!("unix:{name},server=on,wait=off,abstract=on"),
        ])
        .start();
    let expected = json!([
        {"dials-out": "/nowhere/q.sock", "protocol": "qmp", "state": "not-connected"},
        {"address": format!("@{name}"), "protocol": "hmp", "state": "free"},
    ]);
    let monitors = listed(qemu.pid())["monitors"].clone();
    assert_eq!(json!([monitors[0], monitors[1]]), expected);

    let daemon = Qemu::storage_daemon().start();
    assert_eq!(listed(daemon.pid())["program"], "qemu-storage-daemon");
    let expected = format!("{} {} - {} free", daemon.pid(), user(), daemon.socket().display());
    assert_eq!(lines(daemon.pid()), [expected]);
}

#[test]
fn vm_name_and_pid_connect_to_a_free_monitor() {
    let name = unique("wanted");
    let qemu = Qemu::none().name(&name).second_monitor().start();
    qmpsh().args([format!("vm:{name}"), "query-name".into()]).run().stdout(&named(&name)).status(0);
    // Its first monitor is in use: then it is the second.
    let holder = qemu.hold();
    let by_pid = || qmpsh().args([format!("pid:{}", qemu.pid()), "query-name".into()]);
    by_pid().run().stdout(&named(&name)).status(0);

    let second = qemu.second_client();
    let (pid, own) = (qemu.pid(), std::process::id());
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    let by = format!("by {} ({own})", comm.trim_end());
    by_pid().run().stdout("").status(3).stderr(&format!(
        "qmpsh: cannot connect to pid:{pid}: every monitor of {name} ({pid}) is held: {} {by}, {} {by} (--wait SECONDS keeps trying)\n",
        qemu.socket().display(),
        qemu.second_socket().display(),
    ));
    drop((holder, second));
    by_pid().run().status(0);
}

#[test]
fn an_ambiguous_vm_name_is_an_error() {
    let name = unique("twin");
    let (one, other) = (Qemu::none().name(&name).start(), Qemu::none().name(&name).start());
    let mut pids = [one.pid(), other.pid()];
    pids.sort_unstable();
    qmpsh().args([format!("vm:{name}"), "stop".into()]).run().stdout("").status(3).stderr(&format!(
        "qmpsh: cannot connect to vm:{name}: several VMs are named {name}; say which: pid:{}, pid:{}\n",
        pids[0], pids[1]
    ));
    // `list` says which address reaches it.
    assert!(lines(pids[0])[0].ends_with(&format!(" free, as pid:{} only", pids[0])));
    let absent = unique("absent");
    let output = qmpsh().args([format!("vm:{absent}"), "stop".into()]).run();
    output.status(3).stderr_contains(&format!("no VM named {absent} runs on this machine; these run: "));
    qmpsh().args(["pid:1", "stop"]).run().status(3).stderr_contains("process 1 is not a running QEMU");
}

#[test]
fn a_held_monitor_error_names_the_holder() {
    let qemu = Qemu::none().tcp_monitor().start();
    for address in [qemu.socket().display().to_string(), qemu.tcp().to_string()] {
        let mut shell = qmpsh().arg(&address).start();
        shell.line("query-status");
        shell.read_line();
        let output = qmpsh().args(["--connect-timeout", "0.3", &address, "stop"]).run();
        let expected = format!("QMP serves one client at a time: qmpsh ({}) holds this monitor", shell.pid());
        output.status(3).stderr_contains(&expected);
        shell.wait().status(0);
    }
    // No client holds it, and it is silent.
    let silent = Mock::new().pause().unix();
    let output = qmpsh().arg("--connect-timeout=0.3").arg(silent.socket()).arg("stop").run();
    output.status(3).stderr_contains("another client (libvirt, a second shell) may hold this monitor");
    silent.go_on();
    silent.finish();
}

#[test]
fn a_forked_copy_is_not_named_as_the_holder() {
    let qemu = Qemu::none().start();
    let connection = std::os::unix::net::UnixStream::connect(qemu.socket()).unwrap();
    // A subshell has the descriptors of its parent, as each forked process has before exec.
    let script = "read greeting; (echo copied; read never)";
    let mut bash = Program::new("bash").args(["-c", script]).stdin_from(connection).start();
    assert_eq!(bash.read_line(), "copied");
    let held = &listed(qemu.pid())["monitors"][0];
    assert_eq!(held["holder"], json!({"pid": bash.pid(), "name": "bash"}));
}

#[test]
fn without_an_address_the_processes_are_listed() {
    let name = unique("shown");
    let qemu = Qemu::none().name(&name).start();
    for args in [&[][..], &["-c", "query-status"]] {
        let output = qmpsh().args(args.iter().copied()).run();
        output.status(2).stdout("").stderr_contains("no address").stderr_contains(&qemu.socket().display().to_string());
        output.stderr_contains("To connect to the first free one: qmpsh ");
    }
}

#[test]
fn list_escapes_names_on_a_terminal() {
    let qemu = Qemu::none().name("\u{1b}]0;x\u{7}").start();
    assert!(lines(qemu.pid())[0].contains(r" \u{1b}]0;x\u{7} "));
    assert_eq!(listed(qemu.pid())["name"], "\u{1b}]0;x\u{7}");
}
