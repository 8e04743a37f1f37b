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
    let run = |address: &str| qmpsh().args(["--connect-timeout", "0.3", address, "query-name"]).run();
    let why = format!("QEMU ({pid}) is stopped (kill -CONT {pid} continues it)\n");
    for address in [qemu.socket().display().to_string(), qemu.tcp().to_string()] {
        let expected = format!("qmpsh: no session with {address} within 0.3 s: {why}");
        run(&address).stdout("").stderr(&expected).status(3);
    }
    for address in [format!("vm:{name}"), format!("pid:{pid}")] {
        // It is told before a connection is tried. With a short limit, the search alone could take too long.
        let output = qmpsh().args([&address, "query-name"]).run();
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
