//! The prompt: name and state of the VM.

use super::{at_prompt, is_at_prompt, is_typed_behind, shell};
use crate::support::mock::Mock;
use crate::support::terminal::{Screen, Terminal, keys};
use crate::support::{Qemu, qmpsh};

#[track_caller]
fn shell_at(qemu: &Qemu, prompt: &str) -> Terminal {
    let t = qmpsh().arg(qemu.socket()).terminal();
    t.wait(|screen| is_typed_behind(screen, prompt, "", 0));
    t
}

#[test]
fn the_prompt_follows_the_state_of_the_vm_while_a_line_is_typed() {
    let qemu = Qemu::q35().name("web1").second_monitor().start();
    let mut t = shell_at(&qemu, "(web1)");
    let mut other = qemu.second_client();
    // Some lines wrap. The cursor is anywhere in them.
    for (text, left) in [("", 0), ("query-na", 0), ("query-name é", 3), (&"x=1 ".repeat(45), 70)] {
        let behind = |screen: &Screen, prompt: &str| {
            let (row, column) = screen.cursor();
            let whole = format!("{prompt} {text}");
            let typed: usize = usize::from(row) * 80 + usize::from(column);
            let first =
                screen.text().lines().position(|line| line == whole.chars().take(80).collect::<String>().trim_end());
            first.is_some_and(|first| typed == first * 80 + whole.chars().count() - left)
        };
        t.type_keys(text);
        t.type_keys(&keys::LEFT.repeat(left));
        t.wait(|screen| behind(screen, "(web1)"));
        other.execute(r#"{"execute":"stop"}"#);
        t.wait(|screen| behind(screen, "(web1 paused)"));
        other.execute(r#"{"execute":"cont"}"#);
        let screen = t.wait(|screen| behind(screen, "(web1)"));
        assert!(!screen.text().contains("(web1 paused)"), "nothing is left of the other prompt\n{t}");
        // Drops the line, and clears the screen. What is painted again in the first row goes to the second.
        t.type_keys("\x03\x0c");
        t.wait(|screen| screen.text().trim_start() == "(web1)" && is_typed_behind(screen, "(web1)", "", 0));
    }
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn the_prompt_shows_the_new_state_after_a_command() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys("stop\r");
    t.wait(|screen| is_typed_behind(screen, "(QEMU paused)", "", 0));
    t.type_keys("cont\r");
    t.wait(|screen| screen.text().contains("RESUME") && is_at_prompt(screen));
    // The shell's own questions are not shown.
    assert!(!t.screen().text().contains("running"), "{t}");
}

#[test]
fn the_prompt_leaves_a_state_that_ends_without_an_event() {
    let source = Qemu::q35().start();
    let state = source.file("state");
    let mut t = shell_at(&source, "(QEMU)");
    t.type_keys(&format!("migrate uri=\"exec:cat >{}\"\r.migration\r", state.display()));
    t.wait(|screen| is_typed_behind(screen, "(QEMU postmigrate)", "", 0));

    let target = Qemu::q35().args(["-S", "-incoming", "defer"]).start();
    let mut t = shell_at(&target, "(QEMU inmigrate)");
    t.type_keys(&format!("migrate-incoming uri=\"exec:cat {}\"\r.migration\r", state.display()));
    t.wait(|screen| is_typed_behind(screen, "(QEMU paused)", "", 0));
}

#[test]
fn the_prompt_of_a_storage_daemon_is_qsd() {
    let daemon = Qemu::storage_daemon().start();
    let mut t = shell_at(&daemon, "(QSD)");
    t.type_keys("query-jobs\r");
    t.wait(|screen| screen.text().contains("query-jobs\n[]\n") && is_typed_behind(screen, "(QSD)", "", 0));
}

#[test]
fn the_prompt_escapes_and_shortens_names() {
    let qemu = Qemu::none().name("\u{1b}]0;x\u{7}").start();
    shell_at(&qemu, r"(\u{1b}]0;x\u{7})");
    let qemu = Qemu::none().name(&"n".repeat(200)).start();
    shell_at(&qemu, &format!("({}…)", "n".repeat(23)));
}

#[test]
fn a_silent_peer_does_not_delay_the_prompt() {
    let mock = Mock::interactive().negotiate().pause().expect_execute("a").reply("1").unix();
    let mut t = at_prompt(qmpsh().arg(mock.socket()));
    mock.go_on();
    t.type_keys("a\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) a\n1\n(QEMU)"));
}
