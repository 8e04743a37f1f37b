//! `.migration`, on a real QEMU.

use std::path::Path;

use super::lines;
use crate::support::{Mock, Qemu, temporary_directory};

fn qemu() -> Qemu {
    Qemu::q35().second_monitor().start()
}

/// So slow that 8 MiB do not end while a test looks at them.
const SLOW: &str = "migrate-set-parameters max-bandwidth=4096";

/// A machine with 8 MiB of memory that are not zero: newer versions of QEMU count zero pages, but do not limit their rate.
fn full_qemu(directory: &Path) -> Qemu {
    let file = directory.join("memory");
    std::fs::write(&file, vec![1; 8 << 20]).expect("a file");
    let loader = format!("loader,file={},addr=0x100000,force-raw=on", file.display());
    Qemu::q35().args(["-device", &loader]).second_monitor().start()
}

#[test]
fn migration_without_a_migration_is_an_error() {
    let qemu = qemu();
    let none = lines(&qemu.socket(), &[".migration"]).run();
    none.status(1).stdout("").stderr("-c:1: no migration has started here (start one with `migrate uri=...`)\n");
    lines(&qemu.socket(), &[".migration now"]).run().status(2).stdout("");
    let daemon = Qemu::storage_daemon().start();
    let none = lines(&daemon.socket(), &[".migration"]).run();
    none.status(1).stderr("-c:1: this peer cannot migrate: it does not know `query-migrate`\n");
}

#[test]
fn migration_has_timeout_cancellation_and_progress() {
    let directory = temporary_directory();
    let qemu = full_qemu(directory.path());
    let socket = qemu.socket();
    let late = lines(&socket, &[SLOW, "migrate uri=exec:cat>/dev/null", ".migration timeout=0.3"]).run();
    let said = late.status(5).stdout("{}\n{}\n").stderr_text();
    assert!(said.starts_with("-c:3: the migration is not over after 0.3 s"), "{said}");

    let mut t = lines(&socket, &[".migration"]).terminal();
    t.wait(|screen| {
        let line = screen.line();
        line.starts_with("migration  ") && line.contains("% [") && line.contains(" MiB to go  ")
    });
    qemu.second_client().execute(r#"{"execute":"migrate_cancel"}"#);
    assert_eq!(t.wait_exit(), 1);
    assert_eq!(t.screen().text(), "-c:1: the migration was canceled", "{t}");
}

#[test]
fn migration_reports_failure_and_an_incoming_one() {
    let qemu = qemu();
    let socket = qemu.socket();
    let events = "migrate-set-capabilities capabilities=[{'capability':'events','state':true}]";
    let no_events = "migrate-set-capabilities capabilities=[{'capability':'events','state':false}]";
    for capability in [no_events, events] {
        let failed = lines(&socket, &[capability, "migrate uri='exec:exit 3'", ".migration"]).run();
        // Versions word it differently.
        let state = qemu.second_client().execute(r#"{"execute":"query-migrate"}"#);
        let error = state["error-desc"].as_str().expect("an error");
        failed.status(1).stderr(&format!("-c:3: the migration failed: {error}\n"));
    }
    let file = qemu.file("mig.bin");
    let migrate = format!("migrate uri='exec:cat>{}'", file.display());
    let done = lines(&socket, &[&migrate, ".migration"]).run();
    done.status(0).stdout_contains(r#""status": "completed""#).stdout_contains(r#""downtime": "#);

    for capability in [no_events, events] {
        let other = Qemu::q35().args(["-incoming", "defer"]).start();
        let waits = lines(&other.socket(), &[".migration timeout=0"]).run();
        waits.status(5).stderr(
            "-c:1: the migration is not over after 0 s; it has nothing coming in yet: with -incoming defer, `migrate-incoming \
             uri=...` begins it\n",
        );
        let incoming = format!("migrate-incoming uri='exec:sleep 0.3; cat {}'", file.display());
        let done = lines(&other.socket(), &[capability, &incoming, ".migration"]).run();
        done.status(0).stdout("{}\n{}\n{\"status\": \"completed\"}\n").stderr("");
    }
}

#[test]
fn a_migration_ends_in_a_sentence_on_a_terminal() {
    let check = |reply: &str, expected: &str| {
        let mock = Mock::new().negotiate().expect_execute("query-migrate").reply(reply).unix();
        let mut t = lines(mock.socket(), &[".migration"]).terminal();
        assert_eq!(t.wait_exit(), 0, "{t}");
        assert_eq!(t.screen().text(), expected);
        mock.finish();
    };
    check(
        r#"{"status": "completed", "total-time": 125000, "downtime": 87, "ram": {"total": 4294967296, "remaining": 0,
            "transferred": 1610612736, "mbps": 1.5, "dirty-sync-count": 3}}"#,
        "migration completed, 1.5 GiB in 2 min 5 s, downtime 87 ms",
    );
    // The side where it comes in knows no more.
    check(r#"{"status": "completed"}"#, "migration completed");
    let qemu = qemu();
    let mut t = lines(&qemu.socket(), &["migrate uri=exec:cat>/dev/null", ".migration"]).terminal();
    assert_eq!(t.wait_exit(), 0, "{t}");
    let text = t.screen().text();
    let said = text.lines().last().unwrap();
    assert!(
        said.starts_with("migration completed, ") && said.contains(" in ") && said.contains(", downtime "),
        "{text}"
    );
}

#[test]
fn a_migration_error_that_comes_late_is_found() {
    let event = |mock: Mock, status: &str| mock.event("MIGRATION", &format!(r#"{{"status": "{status}"}}"#));
    let asked = |mock: Mock, reply: &str| mock.expect_execute("query-migrate").reply(reply);
    let mock = event(asked(Mock::new().negotiate(), r#"{"status": "active"}"#), "failed");
    let mock = asked(asked(mock, r#"{"status": "active"}"#), r#"{"status": "failed"}"#);
    let mock = asked(mock, r#"{"status": "failed", "error-desc": "no space\u001b"}"#).unix();
    let failed = lines(mock.socket(), &[".migration"]).run();
    failed.status(1).stderr("-c:1: the migration failed: no space\\u{1b}\n");
    mock.finish();
}

#[test]
fn migration_says_what_it_waits_for() {
    let asked =
        |mock: Mock, status: &str| mock.expect_execute("query-migrate").reply(&format!(r#"{{"status": "{status}"}}"#));
    let mock = asked(asked(Mock::new().negotiate(), "pre-switchover"), "pre-switchover")
        .expect_execute("query-migrate")
        .pause();
    let mock = mock.reply(r#"{"status": "completed"}"#).unix();
    let mut process = lines(mock.socket(), &[".migration"]).start();
    assert_eq!(process.read_stderr_line(), "the migration needs `migrate-continue state=pre-switchover`");
    mock.go_on();
    process.wait().status(0).stdout("{\"status\": \"completed\"}\n");
    mock.finish();
}
