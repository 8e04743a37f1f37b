//! Messages and `.help` fit the width of the terminal.

use super::is_at_prompt;
use crate::support::mock::Mock;
use crate::support::{Qemu, qmpsh};

const SIZES: [(u16, u16); 2] = [(24, 80), (15, 40)];

#[test]
fn help_is_wrapped_between_words() {
    let qemu = Qemu::none().start();
    for (rows, columns) in SIZES {
        let mut t = qmpsh().arg(qemu.socket()).terminal_of(rows, columns);
        t.wait(is_at_prompt);
        t.type_keys("\u{c}.help .timing\r");
        let screen = t.wait(|screen| screen.text().contains("  .timing on\n") && is_at_prompt(screen));
        let paragraph = "The time is below the result; in a batch it is on stderr. With --pipeline, commands are then \
                         sent one at a time.";
        assert!(screen.words().contains(paragraph), "{t}");
        assert!(screen.text().contains("\n\n  .timing on\n(QEMU)"), "{t}");
        t.type_keys("\u{c}.help keys\r");
        let screen = t.wait(|screen| screen.text().contains("\n\nThe history omits") && is_at_prompt(screen));
        assert!(screen.words().contains("Ctrl-_, Ctrl-X Ctrl-U Undo the last change."), "{t}");
        // What to begin with is on one screen, with the prompt below it.
        t.type_keys("\u{c}.help\r");
        let screen = t.wait(|screen| screen.text().contains("  .help keys ") && is_at_prompt(screen));
        assert!(
            screen.row(0) == "(QEMU) .help" || screen.row(0).starts_with("A line is a QMP command with its arguments:"),
            "{t}"
        );
        t.type_keys("\u{c}.help built-in\r");
        let screen = t.wait(|screen| screen.text().contains("Leave qmpsh") && is_at_prompt(screen));
        let column = if columns == 80 { 35 } else { 6 };
        let row = format!("\n{:column$}Leave qmpsh, as Ctrl-D and", "");
        assert!(
            screen.text().contains(&row)
                || screen.text().contains("  .quit                            Leave qmpsh, as Ctrl-D and"),
            "{t}"
        );
    }
}

#[test]
fn a_message_above_the_line_is_wrapped_between_words() {
    let qemu = Qemu::none().start();
    for (rows, columns) in SIZES {
        let mut t = qmpsh().arg(qemu.socket()).terminal_of(rows, columns);
        t.wait(is_at_prompt);
        t.type_keys("\u{c}.detach\r");
        let screen = t.wait(|screen| screen.text().contains("leave)\n") && is_at_prompt(screen));
        let message = ".detach works only with `qmpsh run`; this QEMU runs on anyway (use .quit to leave)";
        assert!(screen.words().contains(message), "{t}");
        // Carets stay under their place, however long the line is.
        let line = format!("query-status {}=[1,}}", "x".repeat(28));
        t.type_keys(&format!("\u{c}{line}\r"));
        let screen = t.wait(|screen| screen.text().contains('^') && is_at_prompt(screen));
        assert!(screen.text().contains(&format!("\n  {}", &line[..30])), "{t}");
    }
}

#[test]
fn a_message_of_a_batch_is_wrapped_on_a_terminal_and_on_one_line_elsewhere() {
    let message =
        |at: &str| format!("qmpsh: cannot connect to {at}: no such socket; QEMU creates it with -qmp unix:PATH");
    for (rows, columns) in SIZES {
        let mut t = qmpsh().args(["missing.sock", "query-status"]).terminal_of(rows, columns);
        assert_eq!(t.wait_exit(), 3);
        let screen = t.wait(|screen| screen.text().contains("trying)"));
        assert!(screen.words().contains(&message("missing.sock")), "{t}");
    }
    let rest = ",server=on,wait=off (--wait SECONDS keeps trying)\n";
    qmpsh().args(["missing.sock", "query-status"]).run().stderr(&(message("missing.sock") + rest)).status(3);
}

#[test]
fn a_usage_error_is_wrapped_on_a_terminal() {
    for (rows, columns) in SIZES {
        let mut t = qmpsh().args(["q.sock", "--pipeline", "3"]).terminal_of(rows, columns);
        assert_eq!(t.wait_exit(), 2);
        let screen = t.wait(|screen| screen.words().ends_with("try 'qmpsh --help'."));
        let message =
            "--pipeline needs -k (--keep-going): it sends commands before it knows whether earlier ones failed";
        assert!(screen.words().contains(message), "{t}");
    }
}

#[test]
fn lists_in_a_message_hang_below_their_text() {
    let mock = Mock::new().pause().unix();
    let mut t = qmpsh().arg(mock.socket()).args(["--connect-timeout", "0.1", "x"]).terminal_of(15, 40);
    assert_eq!(t.wait_exit(), 3);
    let screen = t.screen();
    assert!(screen.text().contains("\n  - QMP serves one client at a time:\n    another client"), "{t}");
    mock.abandon();
}
