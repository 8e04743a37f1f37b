//! What is known of a migration, from the messages of QEMU 7.2.

use super::super::samples::event;
use super::*;

const ACTIVE: &str = r#"{"expected-downtime": 300, "status": "active", "setup-time": 1, "total-time": 1005,
    "ram": {"total": 67641344, "postcopy-requests": 0, "dirty-sync-count": 1, "remaining": 17383424, "mbps": 2.29968,
    "transferred": 302990}}"#;

fn told(migration: &mut Migration, arrival: u64, status: &str) {
    assert!(migration.on_event(&event(arrival, "MIGRATION", &format!(r#"{{"status":"{status}"}}"#))));
}

#[test]
fn phases() {
    use MigrationOutcome::{Cancelled, Completed, Failed};
    use MigrationPhase::{None, Over, Waiting, Working};
    let check = |reply: &str, expected: MigrationPhase| {
        let mut migration = Migration::default();
        assert!(migration.on_query(reply.as_bytes(), 1), "{reply}");
        assert_eq!(migration.phase(), expected, "{reply}");
    };
    check("{}", None);
    check(r#"{"status": "none"}"#, None);
    check(ACTIVE, Working);
    check(r#"{"status": "cancelling"}"#, Working);
    check(r#"{"status": "what a newer one has"}"#, Working);
    check(r#"{"status": "pre-switchover"}"#, Waiting);
    check(r#"{"status": "completed"}"#, Over(Completed));
    check(r#"{"status": "failed", "error-desc": "no"}"#, Over(Failed));
    check(r#"{"status": "cancelled"}"#, Over(Cancelled));
}

#[test]
fn amounts() {
    let mut migration = Migration::default();
    migration.on_query(ACTIVE.as_bytes(), 1);
    assert_eq!(migration.progress, Some(Progress { current: 50_257_920, total: 67_641_344 }));
    assert_eq!((migration.transferred, migration.rate(), migration.pass), (302_990, 287_460, 1));
    assert!(migration.on_event(&event(2, "MIGRATION_PASS", r#"{"pass":3}"#)));
    migration.on_query(ACTIVE.as_bytes(), 3);
    assert_eq!(migration.pass, 3);
    let with_disk = r#"{"status": "active", "ram": {"total": 10, "remaining": 4, "transferred": 5, "mbps": 8,
        "dirty-sync-count": 1}, "disk": {"total": 90, "remaining": 6, "transferred": 70, "mbps": 0, "dirty-sync-count": 0}}"#;
    migration.on_query(with_disk.as_bytes(), 4);
    assert_eq!(migration.progress, Some(Progress { current: 90, total: 100 }));
    assert_eq!((migration.transferred, migration.rate()), (75, 1_000_000));
}

#[test]
fn an_event_counts_and_is_asked_about() {
    let mut migration = Migration::default();
    told(&mut migration, 1, "setup");
    assert_eq!(migration.phase(), MigrationPhase::Working);
    // Where one comes in, the query says nothing of its begin.
    migration.on_query(b"{}", 2);
    assert_eq!(migration.phase(), MigrationPhase::Working);
    migration.on_query(ACTIVE.as_bytes(), 3);
    assert!(migration.is_answered());
    told(&mut migration, 5, "failed");
    migration.on_query(ACTIVE.as_bytes(), 4);
    assert_eq!(migration.phase(), MigrationPhase::Over(MigrationOutcome::Failed));
    assert!(!migration.is_answered());
    migration.on_query(br#"{"status": "failed", "error-desc": "Broken pipe"}"#, 6);
    assert!(migration.is_answered());
    assert_eq!(migration.error.as_deref(), Some("Broken pipe"));
    told(&mut migration, 7, "setup");
    assert_eq!((migration.phase(), migration.error.as_deref()), (MigrationPhase::Working, None));
}

#[test]
fn what_is_not_about_it_is_passed_over() {
    let mut migration = Migration::default();
    for (name, data) in [("STOP", "{}"), ("MIGRATION", "{}"), ("MIGRATION", "[]"), ("MIGRATION_PASS", "{}")] {
        assert!(!migration.on_event(&event(1, name, data)), "{name} {data}");
    }
    assert!(!migration.on_query(b"[]", 1));
    assert_eq!(migration, Migration::default());
}
