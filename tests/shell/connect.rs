//! `.connect` at the prompt.

use super::complete::tab_until;
use super::{is_at_prompt, is_typed_behind, shell};
use crate::support::mock::Mock;
use crate::support::terminal::keys;
use crate::support::{Qemu, qmpsh};

#[test]
fn the_prompt_and_the_events_are_those_of_the_new_peer() {
    let (one, two) = (Qemu::none().start(), Qemu::none().name("two").start());
    let mut t = shell(&one.socket());
    t.type_keys(&format!(".connect {}\r", two.socket().display()));
    t.wait(|screen| screen.line() == "(two)");
    // The first is free.
    qmpsh().arg(one.socket()).arg("stop").run().status(0);
    t.type_keys("stop\r");
    t.wait(|screen| screen.line() == "(two paused)" && screen.text().contains("STOP"));
    assert_eq!(t.screen().text().matches("STOP").count(), 1, "{t}");
    t.type_keys(".status\r");
    t.wait(|screen| screen.text().contains(&format!("\nconnected to {}", two.socket().display())));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn a_peer_is_kept_if_the_new_one_cannot_be_reached() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys(".connect ./absent\r");
    let kept = format!("still connected to {}", qemu.socket().display());
    t.wait(|screen| screen.text().contains("cannot connect to ./absent") && screen.words().contains(&kept));
    t.type_keys("query-status\r");
    t.wait(|screen| screen.text().contains("\"running\": true") && is_at_prompt(screen));
    // So is one that Ctrl-C gives up.
    let silent = Mock::new().pause().unix();
    t.type_keys(&format!(".connect {}\r", silent.socket().display()));
    silent.wait_for_pause();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("interrupted: not connected") && is_at_prompt(screen));
    t.type_keys("query-version\r");
    t.wait(|screen| screen.text().contains("\"package\"") && is_at_prompt(screen));
    silent.go_on();
    silent.finish();
}

#[test]
fn the_same_peer_is_connected_again() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    let other_path = format!("{}/../{}/q.sock", qemu.file("").display(), qemu.file("").file_name().unwrap().display());
    for (count, path) in [(2, qemu.socket().display().to_string()), (3, other_path)] {
        t.type_keys(&format!(".connect {path}\r"));
        t.wait(|screen| screen.words().matches("Ctrl-D leaves").count() == count && is_at_prompt(screen));
    }
}

#[test]
fn a_lost_peer_can_be_changed_for_another() {
    let mock = Mock::interactive().negotiate().close().unix();
    let qemu = Qemu::none().start();
    let mut t = qmpsh().arg(mock.socket()).terminal();
    t.wait(|screen| is_typed_behind(screen, "(disconnected)", "", 0));
    t.type_keys(&format!(".connect {}\r", qemu.socket().display()));
    t.wait(is_at_prompt);
    mock.finish();
}

#[test]
fn commands_that_the_old_peer_owes_a_reply_are_named() {
    let mock = Mock::interactive().negotiate().expect_execute("slow").pause().unix();
    let qemu = Qemu::none().start();
    let mut t = shell(mock.socket());
    t.type_keys("slow\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("interrupted: ") && is_at_prompt(screen));
    t.type_keys(&format!(".connect {}\r", qemu.socket().display()));
    t.wait(|screen| screen.words().contains("no reply came to `slow`, so whether it ran is unknown"));
    t.wait(is_at_prompt);
    mock.abandon();
}

#[test]
fn tab_completes_vms_and_sockets() {
    let name = format!("tabbed-{}", std::process::id());
    let other = Qemu::none().name(&name).start();
    let qemu = Qemu::none().start();
    std::fs::write(other.file("q.txt"), "").unwrap();
    let mut t = shell(&qemu.socket());
    tab_until(&mut t, ".connect vm:tabbed-", |_, typed| typed.starts_with(&format!(".connect vm:{name}")));
    // A file that is not a socket is not offered.
    let directory = other.socket().parent().unwrap().display().to_string();
    let expected = format!(".connect {}", other.socket().display());
    tab_until(&mut t, &format!(".connect {directory}/q"), |_, typed| typed.trim_end() == expected);
}
