//! `.screen`, `.wait-screen`, `.type`, `.keys` and `.click`, on the command line of iPXE and on displays without text.

use std::fs;

use super::lines;
use crate::support::{Qemu, temporary_directory};

/// A VM that boots into iPXE, whose command line Ctrl-B opens.
fn ipxe() -> Qemu {
    let card = ["-vga", "std", "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"];
    Qemu::q35().args(["-m", "64"]).args(card).start()
}

const OPEN: [&str; 3] =
    [".wait-screen timeout=120 \"Press Ctrl-B for\"", ".keys ctrl-b", ".wait-screen timeout=120 iPXE>"];

#[test]
fn every_printable_character_is_typed_as_it_is() {
    let qemu = ipxe();
    lines(qemu.socket().as_path(), &OPEN).run().status(0).stdout("").stderr("");
    let ascii: String = ('!'..='~').collect();
    let typed = format!(".type delay=2 -- {}", ascii.replace('\\', "\\\\"));
    for _ in 0..20 {
        let round = [".keys ctrl-u", &*typed, ".screen"];
        let screen = lines(&qemu.socket(), &round).run();
        let text = screen.status(0).stderr("").stdout_text();
        assert!(text.replace('\n', "").contains(&ascii), "{text}");
    }
    // Nothing is left behind in QEMU.
    lines(&qemu.socket(), &["query-fdsets"]).run().status(0).stdout("[]\n");
}

#[test]
fn what_cannot_be_typed_is_refused_before_a_key_is_pressed() {
    let qemu = Qemu::q35().start();
    let check = |line: &str, status: i32, expected: &str| {
        lines(&qemu.socket(), &[line]).run().status(status).stdout("").stderr_contains(expected);
    };
    check(".type abc\u{4e2d}", 2, "the layout us has no key for character 4 of the text");
    check(".keys ctrl-alt-dell", 2, "no key `dell`");
    check(".keys enter", 2, "QEMU calls it `ret`");
    lines(&qemu.socket(), &["stop", ".type x"]).run().status(1).stderr_contains("the VM does not run (paused)");
}

#[test]
fn a_typed_text_is_in_no_log_and_no_message() {
    let qemu = Qemu::q35().start();
    let directory = temporary_directory();
    let log = directory.path().join("wire.log");
    let program = lines(&qemu.socket(), &[".type hunter2 \u{4e2d}", ".type hunter2"]).arg("-v").arg("-k").arg("-l");
    let output = program.arg(&log).run();
    output.status(2);
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.contains("send-key"), "{log}");
    for text in [output.stderr_text(), output.stdout_text(), log] {
        assert!(!text.contains("hunter2") && !text.contains("\"h\""), "{text}");
    }
}

#[test]
fn a_screen_without_text_is_a_picture() {
    let qemu =
        Qemu::q35().args(["-device", "virtio-gpu-pci,id=gpu0", "-device", "usb-ehci", "-device", "usb-tablet"]).start();
    let directory = temporary_directory();
    let file = directory.path().join("screen.png");
    let save = format!(".screen \"{}\"", file.display());
    lines(&qemu.socket(), &[&save, ".wait-screen timeout=60 stable=0.2"]).run().status(0).stdout("").stderr("");
    let png = fs::read(file).expect("a picture");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png[16..24] == [0, 0, 2, 128, 0, 0, 1, 224], "{png:?}");
    let refused = lines(&qemu.socket(), &[".screen"]).run();
    refused
        .status(1)
        .stdout("")
        .stderr("-c:1: the guest shows a picture, 640x480: name a FILE to save it, as in `.screen screen.png`\n");
    let missing = lines(&qemu.socket(), &[".wait-screen timeout=0.2 login:"]).run();
    missing
        .status(5)
        .stderr_contains("no line of the guest's screen has `login:` in it within 0.2 s; it shows a picture");
    lines(&qemu.socket(), &[".click 640 1"]).run().status(2).stderr_contains("640, 1 is outside of the guest's screen");
}

#[test]
fn a_vm_without_a_display_fails() {
    let qemu = Qemu::q35().start();
    for line in [".screen", ".wait-screen timeout=60 x", ".wait-screen stable", ".click 1 1"] {
        lines(&qemu.socket(), &[line]).run().status(1).stdout("").stderr_contains("no console");
    }
    let qemu = Qemu::q35().args(["-vga", "std"]).start();
    lines(&qemu.socket(), &[".click 1 1"]).run().status(1).stderr_contains("no pointer that takes places");
}
