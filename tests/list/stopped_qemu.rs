//! A QEMU that does not answer: stopped, or accepting no connection.

use rustix::process::Signal;
use serde_json::json;

use super::{lines, listed, named, unique};
use crate::support::{DEADLINE, Qemu, poll_until, qmpsh, sh};

#[test]
fn a_stopped_qemu_is_reported_as_stopped() {
    let name = unique("stopped");
    let qemu = Qemu::none().name(&name).tcp_monitor().start();
    let pid = qemu.pid();
    qemu.signal(Signal::STOP);
    let why = format!("QEMU ({pid}) is stopped (kill -CONT {pid} continues it)\n");
    let addresses =
        [qemu.socket().display().to_string(), qemu.tcp().to_string(), format!("vm:{name}"), format!("pid:{pid}")];
    for address in &addresses {
        // Far more than the test may take.
        let output = qmpsh().args(["--connect-timeout", "3600", address, "query-name"]).run();
        output.stdout("").stderr(&format!("qmpsh: cannot connect to {address}: {why}")).status(3);
    }
    let shown = lines(pid);
    assert!(shown.iter().all(|line| line.ends_with(" stopped")), "{shown:?}");
    let object = listed(pid);
    assert_eq!([&object["stopped"], &object["monitors"][0]["state"]], [&json!(true), &json!("stopped")]);

    qemu.signal(Signal::CONT);
    qmpsh().args([format!("vm:{name}"), "query-name".into()]).run().stdout(&named(&name)).status(0);
    assert_eq!(listed(pid)["stopped"], json!(null));
}

#[test]
fn wait_waits_until_a_stopped_qemu_continues() {
    let name = unique("continued");
    let qemu = Qemu::none().name(&name).start();
    let pid = qemu.pid();
    for address in [qemu.socket().display().to_string(), format!("vm:{name}")] {
        qemu.signal(Signal::STOP);
        let late = qmpsh().args(["--wait", "0.4", "--connect-timeout", "0.1", &address, "query-name"]).run();
        let late = late.stdout("").status(3);
        let said = late.stderr_text();
        let stopped = format!(" 0.4 s: QEMU ({pid}) is stopped (kill -CONT {pid} continues it)\n");
        assert!(said.ends_with(&stopped), "{said}");

        let waiting = qmpsh().args(["--wait", "600", &address, "query-name"]).start();
        // It has looked at the process, or waits for its greeting.
        std::thread::yield_now();
        qemu.signal(Signal::CONT);
        waiting.wait().stdout(&named(&name)).stderr("").status(0);
    }
}

#[test]
fn a_qemu_that_stops_in_a_session_is_named_when_a_reply_is_late() {
    let qemu = Qemu::none().tcp_monitor().start();
    let pid = qemu.pid();
    let stopped = format!("QEMU ({pid}) is stopped (kill -CONT {pid} continues it)\n");
    for address in [qemu.socket().display().to_string(), qemu.tcp().to_string()] {
        let mut shell = qmpsh().args(["-t", "0.5", &address]).start();
        shell.line("query-name");
        shell.read_line();
        qemu.signal(Signal::STOP);
        shell.line("query-name");
        let expected = format!("stdin:2: no reply to `query-name` within 0.5 s: {stopped}");
        shell.wait().stderr(&expected).status(5);
        qemu.signal(Signal::CONT);

        let mut shell = qmpsh().arg(&address).start();
        shell.line("query-name");
        shell.read_line();
        qemu.signal(Signal::STOP);
        shell.line(".wait timeout=0.5 STOP");
        shell.wait().stderr(&format!("stdin:2: no `STOP` within 0.5 s: {stopped}")).status(5);
        qemu.signal(Signal::CONT);
    }
}

#[test]
fn a_qemu_of_run_that_stops_is_named() {
    let mut shell =
        qmpsh().args(["-t", "0.5", "-k", "run", "qemu-system-x86_64", "-M", "none", "-display", "none"]).start();
    shell.line("query-name | cat >/dev/null; ps -o pid=,comm= --ppid $PPID | awk '/qemu/ { print $1 }'");
    let pid = shell.read_line();
    let pid: i32 = pid.trim().parse().expect("the number of QEMU");
    let qemu = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::kill_process(qemu, Signal::STOP).expect("a process of this test");
    shell.line("query-name");
    let said = shell.read_stderr_line();
    rustix::process::kill_process(qemu, Signal::CONT).expect("a process of this test");
    assert_eq!(
        said,
        format!(
            "stdin:2: no reply to `query-name` within 0.5 s: QEMU ({pid}) is stopped (kill -CONT {pid} continues it)"
        )
    );
    shell.close_stdin();
    shell.wait().status(5);
}

#[test]
fn a_stopped_qemu_with_a_client_is_reported_with_its_holder() {
    let qemu = Qemu::none().start();
    let _holder = qemu.hold();
    qemu.signal(Signal::STOP);
    assert!(lines(qemu.pid())[0].contains(" held by "));
    assert!(lines(qemu.pid())[0].ends_with(", stopped"));
    let output = qmpsh().args(["--connect-timeout=0.3"]).arg(qemu.socket()).arg("query-name").run();
    output.status(3).stderr_contains("is stopped (kill -CONT");
    qemu.signal(Signal::CONT);
}

#[test]
fn a_qemu_that_does_not_accept_is_reported() {
    let name = unique("starting");
    // It has made its first socket, and waits for a client of the last one before it serves any.
    let script = format!(
        "exec qemu-system-x86_64 -M none -nodefaults -display none -name {name} \
         -chardev socket,id=a,path=a.sock,server=on,wait=off -qmp chardev:a \
         -chardev socket,id=b,path=b.sock,server=on,wait=on"
    );
    let program = sh(&script);
    let last = program.home().join("b.sock");
    let first = program.home().join("a.sock").display().to_string();
    let qemu = program.start();
    assert!(poll_until(DEADLINE, || last.exists().then_some(())).is_some(), "{qemu}");

    for address in [&first, &format!("vm:{name}")] {
        let output = qmpsh().args(["--connect-timeout", "0.3", address, "query-name"]).run();
        output.status(3).stdout("").stderr(&format!(
            "qmpsh: no session with {address} within 0.3 s: QEMU ({}) does not accept connections, though it has no client: it hangs, is busy, or is still starting (--wait SECONDS waits longer)\n",
            qemu.pid()
        ));
    }
    assert!(lines(qemu.pid())[0].ends_with(" accepts no connection"), "{:?}", lines(qemu.pid()));
    assert_eq!(listed(qemu.pid())["monitors"][0]["state"], "not-accepting");

    let _client = poll_until(DEADLINE, || std::os::unix::net::UnixStream::connect(&last).ok());
    qmpsh().args([format!("vm:{name}"), "query-name".into()]).run().stdout(&named(&name)).status(0);
}
