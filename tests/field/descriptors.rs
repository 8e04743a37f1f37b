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

/// libvirt passes an image twice, to write and to read, and QEMU takes the one whose flags fit.
#[test]
fn one_set_has_a_file_for_writing_and_for_reading() {
    let qemu = Qemu::none().start();
    let image = qemu.file("disk.raw");
    fs::write(&image, vec![0; 1 << 20]).unwrap();
    let path = image.display();
    let lines = [
        format!(".fd {path} add-fd fdset-id=2 opaque=rdwr:{path}"),
        format!(".fd ro:{path} add-fd fdset-id=2 opaque=rdonly:{path}"),
        "blockdev-add driver=file node-name=rw filename=/dev/fdset/2 locking=off".to_owned(),
        "blockdev-add driver=file node-name=ro filename=/dev/fdset/2 read-only=on locking=off".to_owned(),
        "query-fdsets | jq -c '[.[].fds[].opaque|split(\":\")[0]]|sort'".to_owned(),
    ];
    let program = lines.iter().fold(qmpsh().arg(qemu.socket()), |program, line| program.args(["-c", line]));
    program.run().status(0).stderr("").stdout_contains("[\"rdonly\",\"rdwr\"]\n");
}

/// A script opens the file itself, or has the message as JSON.
#[test]
fn a_descriptor_of_the_script_and_a_message_in_json_carry_a_file() {
    let qemu = Qemu::none().start();
    let script = r#"echo text >f; exec 7<f
        "$0" "$1" -c '.fd 7 add-fd fdset-id=7' -c '.fd 0 add-fd fdset-id=8' -c 'query-fdsets | jq length' <f
        "$0" "$1" .fd ro:f '{"execute": "add-fd", "arguments": {"fdset-id": 9}}'
        "$0" "$1" .fd ro:f getfd fdname=f; "$0" "$1" closefd fdname=f; "$0" "$1" .fd 19 add-fd"#;
    let output = crate::support::sh(script).arg(qemu.socket()).run();
    output.stderr_contains("cannot open descriptor 19: Bad file descriptor").status(2).stdout_contains("\n2\n");
    output.stdout_contains("\"fdset-id\": 9");
}

/// Each command in a `qmpsh` of its own: QEMU 7.2 closes the file when the first one leaves.
#[test]
fn a_file_that_left_with_its_client_is_explained() {
    let qemu = Qemu::none().start();
    let image = qemu.file("disk.raw");
    fs::write(&image, vec![0; 1 << 20]).unwrap();
    let add = format!(".fd {} add-fd fdset-id=1", image.display());
    qmpsh().arg(qemu.socket()).args(["-c", &add]).run().status(0);
    let node = "blockdev-add driver=file node-name=n filename=/dev/fdset/1";
    let output = qmpsh().arg(qemu.socket()).args(["-c", node]).run();
    if output.code() == Some(1) {
        output.stderr_contains("hint: this QEMU closes /dev/fdset/1 when the client that added it leaves");
        qmpsh().arg(qemu.socket()).args(["-c", &add, "-c", node]).run().status(0).stderr("");
    } else {
        output.status(0).stderr("");
    }
}
