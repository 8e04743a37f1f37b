//! Files that are passed by descriptor.

use std::fs;

use crate::support::{Qemu, qmpsh, temporary_directory};

/// QEMU opens a read-only image only from a descriptor that is read-only. A writable file, or root, got another one.
#[test]
fn a_read_only_medium_comes_by_descriptor() {
    let qemu = Qemu::q35().args(["-device", "ide-cd,id=cd0"]).start();
    let directory = temporary_directory();
    let image = directory.path().join("cd.iso");
    fs::write(&image, vec![0; 1 << 20]).unwrap();
    let add = format!(".fd ro:{} add-fd fdset-id=1", image.display());
    let change = "blockdev-change-medium id=cd0 filename=/dev/fdset/1 format=raw read-only-mode=read-only";
    let output = qmpsh().arg(qemu.socket()).args(["-c", &add, "-c", change, "-c", "query-block"]).run();
    output.status(0).stderr("").stdout_contains("\"ro\": true").stdout_contains("/dev/fdset/1");
}

/// An overlay on a base image that the caller may only read.
#[test]
fn a_read_only_node_comes_by_descriptor() {
    let qemu = Qemu::none().start();
    let base = qemu.file("base.img");
    fs::write(&base, vec![0; 1 << 20]).unwrap();
    let add = format!(".fd \"ro:{}\" add-fd fdset-id=3", base.display());
    let node = "blockdev-add driver=file node-name=base filename=/dev/fdset/3 read-only=true";
    qmpsh().arg(qemu.socket()).args(["-c", &add, "-c", node]).run().status(0).stderr("");
}

/// A file whose name looks like a mode.
#[test]
fn a_file_with_the_name_of_a_mode_is_reached_by_a_path() {
    let qemu = Qemu::none().start();
    let directory = temporary_directory();
    fs::write(directory.path().join("ro:x"), "x").unwrap();
    let script =
        "cd \"$1\" && \"$0\" \"$2\" .fd ./ro:x add-fd fdset-id=1 && ! \"$0\" \"$2\" .fd ro:x add-fd fdset-id=2";
    let output = crate::support::sh(script).arg(directory.path()).arg(qemu.socket()).run();
    output.status(0).stdout_contains("\"fdset-id\": 1").stderr_contains("cannot open x");
    let missing = directory.path().join("nosuch");
    let line = format!(".fd ro:{} add-fd", missing.display());
    qmpsh().arg(qemu.socket()).args(["-c", &line]).run().status(2).stderr_contains("cannot open ");
    // Reading alone makes no file.
    assert!(!missing.exists());
    qmpsh().arg(qemu.socket()).args(["-c", ".fd ro: add-fd"]).run().status(2).stderr_contains("the path is empty");
}
