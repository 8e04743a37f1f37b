//! The lines, as they stand on terminals of several widths.

use super::*;
use qmpsh::jobs::Jobs;

fn job(status: &str, current: u64, total: u64) -> Job {
    let mut jobs = Jobs::default();
    let reply = format!(
        r#"[{{"id":"b1","type":"backup","status":"{status}","current-progress":{current},"total-progress":{total}}}]"#
    );
    assert!(jobs.on_query(reply.as_bytes(), 1, true));
    jobs.get("b1").unwrap().clone()
}

const MIB: u64 = 1 << 20;

#[test]
fn a_job_is_one_line() {
    let check = |job: &Job, width: usize, expected: &str| {
        let mut pace = Pace::default();
        pace.add(Duration::ZERO, 0);
        pace.add(Duration::from_secs(2), 16 * MIB);
        let shown = of_job(job, &pace, Duration::from_millis(2500), width);
        assert_eq!(shown, expected);
        assert!(shown.chars().count() <= width, "{shown}");
    };
    let running = job("running", 16 * MIB, 64 * MIB);
    check(&running, 79, "b1 backup   25% [====>               ]  16.0 of 64.0 MiB  8.0 MiB/s  0:06 left");
    check(&running, 200, "b1 backup   25% [====>               ]  16.0 of 64.0 MiB  8.0 MiB/s  0:06 left");
    check(&running, 70, "b1 backup   25% [=>        ]  16.0 of 64.0 MiB  8.0 MiB/s  0:06 left");
    check(&running, 60, "b1 backup   25%  16.0 of 64.0 MiB  8.0 MiB/s  0:06 left");
    check(&running, 40, "b1 backup   25%  16.0 of 64.0 MiB");
    check(&running, 20, "b1 backup   25%");
    check(&running, 8, "b1 back…");
    check(&running, 0, "");
    check(
        &job("ready", 64 * MIB, 64 * MIB),
        100,
        "b1 backup  100% [====================]  64.0 of 64.0 MiB  ready: `job-complete id=b1` ends it",
    );
    check(
        &job("paused", 16 * MIB, 64 * MIB),
        79,
        "b1 backup   25%  16.0 of 64.0 MiB  paused: `job-resume id=b1` lets it go on",
    );
    check(&job("running", 0, 1), 79, "b1 backup  - 0:02  running");
    check(&job("aborting", 0, 1), 79, "b1 backup  - 0:02  aborting");
    check(&job("\\u001b[2J", 0, 1), 79, "b1 backup  - 0:02  \\u{1b}[2J");
}

#[test]
fn a_migration_is_one_line() {
    let check = |reply: &str, width: usize, expected: &str| {
        let mut migration = Migration::default();
        assert!(migration.on_query(reply.as_bytes(), 1));
        assert_eq!(of_migration(&migration, Duration::from_secs(1), width), expected);
    };
    let active = r#"{"status": "active", "ram": {"total": 67641344, "dirty-sync-count": 2, "remaining": 17383424,
        "mbps": 2.29968, "transferred": 302990}}"#;
    check(active, 79, "migration   74% [=============>      ]  16.5 MiB to go  280.7 KiB/s  1:00 left");
    check(
        active,
        120,
        "migration   74% [=============>      ]  16.5 MiB to go  280.7 KiB/s  1:00 left  295.8 KiB sent  pass 2",
    );
    check(r#"{"status": "setup"}"#, 79, "migration setup  | 0:01");
    check("{}", 79, "migration  | 0:01  waits for the other side");
    check(
        r#"{"status": "pre-switchover"}"#,
        79,
        "migration pre-switchover  | 0:01  needs `migrate-continue state=pre-switchover`",
    );
}
