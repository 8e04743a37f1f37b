//! A real QEMU that dials in, before and after qmpsh listens.

use crate::support::version::reconnect;
use crate::support::{Program, Qemu, qmpsh, temporary_directory};

const NAME: &str = "{\"name\": \"dialer\"}\n";

fn listen(address: &str) -> Program {
    qmpsh().args(["listen", address, "query-name"])
}

#[test]
fn qemu_dials_a_listening_qmpsh() {
    let directory = temporary_directory();
    let socket = directory.path().join("l.sock").display().to_string();
    let mut process = listen(&socket).start();
    assert_eq!(process.read_stderr_line(), format!("listening on {socket}"));
    let _qemu = Qemu::none().name("dialer").args(["-qmp", &format!("unix:{socket}")]).start();
    process.wait().stdout(NAME).status(0);
}

#[test]
fn a_reconnecting_qemu_finds_qmpsh_later() {
    let directory = temporary_directory();
    let socket = directory.path().join("l.sock").display().to_string();
    let chardev = format!("socket,id=dial,path={socket},{}", reconnect());
    let _qemu = Qemu::none().name("dialer").args(["-chardev", &chardev, "-mon", "chardev=dial,mode=control"]).start();
    listen(&socket).run().stdout(NAME).status(0);
    // It dials again.
    listen(&socket).run().stdout(NAME).status(0);
}

#[test]
fn qemu_dials_over_tcp_before_and_after_listening() {
    let mut process = listen("127.0.0.1:0").start();
    let line = process.read_stderr_line();
    let address = line.strip_prefix("listening on ").expect("the readiness line").to_owned();
    let monitor = format!("tcp:{address},{}", reconnect());
    let _qemu = Qemu::none().name("dialer").args(["-qmp", &monitor]).start();
    process.wait().stdout(NAME).status(0);
    // Now it is QEMU that was first.
    listen(&address).run().stdout(NAME).status(0);
}

#[test]
fn two_port_scanners_do_not_block_the_peer() {
    let directory = temporary_directory();
    let socket = directory.path().join("l.sock");
    let address = socket.display().to_string();
    let mut process = listen(&address).start();
    process.read_stderr_line();
    let mut scanners = [super::Monitor::dial(&socket), super::Monitor::dial(&socket)];
    let _qemu = Qemu::none().name("dialer").args(["-qmp", &format!("unix:{address}")]).start();
    process.wait().stdout(NAME).stderr_contains("only one peer is taken").status(0);
    scanners.iter_mut().for_each(super::Monitor::sees_the_end);
}
