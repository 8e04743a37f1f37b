//! `.screen`, `.wait-screen`, `.type`, `.keys` and `.click`, on the command line of iPXE and on displays without text.

use std::fs;

use super::lines;
use crate::support::{DEADLINE, Qemu, poll_until, qmpsh, temporary_directory};

/// A VM that boots into iPXE, whose command line Ctrl-B opens.
fn ipxe() -> Qemu {
    let card = ["-vga", "std", "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"];
    // It boots again until someone has pressed a key in time.
    Qemu::q35().args(["-m", "64", "-boot", "reboot-timeout=0"]).args(card).start()
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
    let missing = lines(&qemu.socket(), &[".wait-screen timeout=5 login:"]).run();
    missing
        .status(5)
        .stderr_contains("no line of the guest's screen has `login:` in it within 5 s; it shows a picture");
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

#[test]
fn a_shell_that_may_only_read_shows_the_screen() {
    let qemu = ipxe();
    let read_only = |line: &str| lines(&qemu.socket(), &[line]).arg("--read-only");
    read_only(".wait-screen timeout=120 \"Press Ctrl-B for\"").run().status(0).stderr("");
    read_only(".screen").run().status(0).stderr("").stdout_contains("Press Ctrl-B for");
    // It is the program that may do so, not the user.
    for line in ["add-fd", "screendump filename=/dev/fdset/0", ".hmp xp /4000bx 0xb8000", ".type x", ".keys ret"] {
        read_only(line).run().status(1).stdout("").stderr_contains("not allowed");
    }
    for rule in ["screendump", "add-fd", "remove-fd", "human-monitor-command", "hmp:xp*"] {
        read_only(".screen").args(["--deny", rule]).run().status(1).stdout("").stderr_contains("not allowed");
    }
    lines(&qemu.socket(), &["query-fdsets"]).run().status(0).stdout("[]\n");
}

#[test]
fn the_screen_is_shown_through_a_share() {
    let qemu = Qemu::q35().args(["-vga", "std"]).start();
    let directory = temporary_directory();
    let socket = directory.path().join("s.sock");
    let mut share = qmpsh().arg("share").arg(qemu.socket()).arg("--listen").arg(&socket).start();
    share.read_stderr_line();
    let file = directory.path().join("screen.png");
    let save = format!(".screen \"{}\"", file.display());
    lines(&socket, &[&save, ".type x", ".keys ctrl-l", "query-fdsets"]).run().status(0).stderr("").stdout("[]\n");
    assert!(fs::read(file).expect("a picture").starts_with(b"\x89PNG"));
    share.signal(rustix::process::Signal::TERM);
    share.wait_status();
}

#[test]
fn a_click_reaches_the_tablet_that_the_guest_uses() {
    let directory = temporary_directory();
    let log = directory.path().join("trace.log");
    let devices = ["-device", "virtio-gpu-pci", "-device", "usb-ehci", "-device", "usb-tablet"];
    let trace = ["-trace", "input_event_*", "-D", log.to_str().expect("UTF-8")];
    let qemu = Qemu::q35().args(devices).args(trace).start();
    let unused = lines(&qemu.socket(), &[".click 1 1"]).run();
    unused.status(1).stderr_contains("the guest does not use its `QEMU HID Tablet`");
    // The monitor makes the tablet the pointer, as a guest's driver does.
    let mice = serde_json::from_str::<serde_json::Value>(&lines(&qemu.socket(), &["query-mice"]).run().stdout_text());
    let mice = mice.expect("a list");
    let tablet = mice.as_array().into_iter().flatten().find(|mouse| mouse["absolute"] == true).expect("a tablet");
    let choose = format!(".hmp mouse_set {}", tablet["index"]);
    lines(&qemu.socket(), &[&choose, ".click 320 120 right"]).run().status(0).stderr("");
    let events = ["axis x, value 0x4000", "axis y, value 0x2000", "button right, down 1", "button right, down 0"];
    let found = poll_until(DEADLINE, || {
        let trace = fs::read_to_string(&log).ok()?;
        let taken = trace.lines().filter_map(|line| line.split_once("con -1, ")).map(|(_, event)| event);
        (taken.collect::<Vec<_>>() == events).then_some(())
    });
    assert!(found.is_some(), "{}", fs::read_to_string(&log).unwrap_or_default());
}

#[test]
fn keys_are_completed_and_a_wrong_one_has_a_suggestion() {
    let qemu = Qemu::q35().args(["-vga", "std"]).start();
    let mut terminal = qmpsh().arg(qemu.socket()).terminal();
    terminal.wait(|screen| screen.line() == "(QEMU)");
    terminal.type_keys(".keys ctrl-alt-delet\r");
    terminal.wait(|screen| screen.line() == "(QEMU)" && screen.words().contains("no key `delet` (did you mean"));
    terminal.type_keys(".keys ctrl-alt-dele\t");
    terminal.wait(|screen| screen.line() == "(QEMU) .keys ctrl-alt-delete");
    terminal.type_keys(" pgu\t\r");
    terminal.wait(|screen| screen.text().contains(".keys ctrl-alt-delete pgup\n") && screen.line() == "(QEMU)");
}

#[test]
fn a_text_that_is_asked_for_is_typed_and_not_kept() {
    let qemu = ipxe();
    lines(qemu.socket().as_path(), &OPEN).run().status(0).stdout("").stderr("");
    let directory = temporary_directory();
    let log = directory.path().join("wire.log");
    let history = directory.path().join("history");
    let program = qmpsh().arg(qemu.socket()).arg("--history").arg(&history).arg("-v").arg("-l").arg(&log);
    let mut terminal = program.terminal();
    terminal.wait(|screen| screen.line() == "(QEMU)");
    terminal.type_keys(".type @?\r");
    terminal.wait(|screen| screen.line() == "text to type:");
    terminal.type_keys("hunter2\r");
    terminal.wait(|screen| screen.line() == "(QEMU)" && screen.text().contains("text to type:"));
    terminal.type_keys(".type swordfish\r");
    terminal.wait(|screen| screen.line() == "(QEMU)" && screen.text().contains("swordfish"));
    terminal.type_keys("query-status\r");
    terminal.wait_for("running");
    assert!(!String::from_utf8_lossy(&terminal.raw()).contains("hunter2"), "{terminal}");
    terminal.type_keys("\x04");
    assert_eq!(terminal.wait_exit(), 0);
    let kept = [fs::read_to_string(history).expect("a history"), fs::read_to_string(log).expect("a log")].concat();
    assert!(kept.contains("query-status") && !kept.contains("hunter2") && !kept.contains("swordfish"), "{kept}");
    lines(&qemu.socket(), &[".screen"]).run().status(0).stdout_contains("iPXE> hunter2swordfish");
}
