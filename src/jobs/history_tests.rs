//! What is known of jobs after events and answers, in the orders in which QEMU 7.2 sends them.

use super::super::samples::{event, parsed};
use super::super::{Attention, Goal, Outcome};
use super::*;

/// What comes, in order: `id status`, `BLOCK_JOB_… {data}`, or the answer `[…]` to `query-jobs`.
fn after(messages: &[&str]) -> Jobs {
    let mut jobs = Jobs::default();
    for (arrival, message) in (0..).zip(messages) {
        feed(&mut jobs, arrival, message);
    }
    jobs
}

fn feed(jobs: &mut Jobs, arrival: u64, message: &str) {
    if message.starts_with('[') {
        assert!(jobs.on_query(message.as_bytes(), arrival, true), "{message}");
    } else if message.starts_with("BLOCK_JOB") {
        let (name, data) = message.split_once(' ').unwrap();
        assert!(jobs.on_event(&event(arrival, name, data)), "{message}");
    } else {
        let (id, status) = message.split_once(' ').unwrap();
        let data = format!(r#"{{"id":"{id}","status":"{status}"}}"#);
        assert!(jobs.on_event(&event(arrival, "JOB_STATUS_CHANGE", &data)), "{message}");
    }
}

/// One of `query-jobs`.
fn listed(id: &str, status: &str, current: u64, error: &str) -> String {
    let error = if error.is_empty() { String::new() } else { format!(r#","error":"{error}""#) };
    format!(
        r#"{{"current-progress":{current},"status":"{status}","total-progress":64,"type":"backup","id":"{id}"{error}}}"#
    )
}

const CREATED: [&str; 2] = ["b created", "b running"];
const FINISHED: [&str; 2] = ["b waiting", "b pending"];
const COMPLETED: &str = r#"BLOCK_JOB_COMPLETED {"device":"b","len":64,"offset":64,"speed":0,"type":"backup"}"#;
const FAILED: &str =
    r#"BLOCK_JOB_COMPLETED {"device":"b","len":64,"offset":8,"speed":0,"type":"backup","error":"No space left"}"#;
const CANCELLED: &str = r#"BLOCK_JOB_CANCELLED {"device":"b","len":64,"offset":8,"speed":0,"type":"backup"}"#;
const GONE: [&str; 2] = ["b concluded", "b null"];

#[test]
fn one_that_vanished_has_its_outcome() {
    let check = |messages: &[&[&str]], expected: Option<Outcome<'_>>, json: &str| {
        let jobs = after(&messages.concat());
        let job = jobs.get("b").unwrap();
        assert_eq!(job.outcome(), expected, "{messages:?}");
        assert_eq!(job.to_json(), json, "{messages:?}");
        assert!(!job.is_to_be_asked() && !job.is_to_be_dismissed(), "{messages:?}");
    };
    check(
        &[&CREATED, &FINISHED, &[COMPLETED], &GONE],
        Some(Outcome::Completed),
        r#"{"id":"b","type":"backup","status":"concluded","current-progress":64,"total-progress":64,"outcome":"completed"}"#,
    );
    check(
        &[&CREATED, &["b aborting", FAILED], &GONE],
        Some(Outcome::Failed("No space left")),
        r#"{"id":"b","type":"backup","status":"concluded","current-progress":8,"total-progress":64,"outcome":"failed","error":"No space left"}"#,
    );
    check(
        &[&CREATED, &["b aborting", CANCELLED], &GONE],
        Some(Outcome::Cancelled),
        r#"{"id":"b","type":"backup","status":"concluded","current-progress":8,"total-progress":64,"outcome":"cancelled","error":"Operation canceled"}"#,
    );
    // Dismissed by somebody else, with the error that nobody asked for.
    check(
        &[&CREATED, &["b aborting"], &GONE],
        Some(Outcome::FailedUnexplained),
        r#"{"id":"b","status":"concluded","outcome":"failed"}"#,
    );
    check(&[&CREATED], None, r#"{"id":"b","status":"running"}"#);
    // Before QEMU 3.0.
    check(
        &[&[FAILED]],
        Some(Outcome::Failed("No space left")),
        r#"{"id":"b","type":"backup","status":"concluded","current-progress":8,"total-progress":64,"outcome":"failed","error":"No space left"}"#,
    );
}

#[test]
fn the_error_of_one_that_stays_is_asked_for_before_it_is_dismissed() {
    let mut jobs = after(&["b created", "b running", "b aborting", "b concluded"]);
    let job = |jobs: &Jobs| jobs.get("b").unwrap().clone();
    assert!(job(&jobs).is_to_be_asked() && !job(&jobs).is_to_be_dismissed());
    feed(&mut jobs, 4, &format!("[{}]", listed("b", "concluded", 1, "no such directory")));
    assert!(!job(&jobs).is_to_be_asked() && job(&jobs).is_to_be_dismissed());
    assert_eq!(job(&jobs).outcome(), Some(Outcome::Failed("no such directory")));
    feed(&mut jobs, 5, "b null");
    assert!(!job(&jobs).is_to_be_dismissed() && job(&jobs).is_gone());
    assert_eq!(job(&jobs).outcome(), Some(Outcome::Failed("no such directory")));

    // An answer from before it concluded tells nothing about that.
    let mut jobs = after(&["b created", "b running"]);
    feed(&mut jobs, 3, "b concluded");
    feed(&mut jobs, 2, &format!("[{}]", listed("b", "running", 1, "")));
    assert!(job(&jobs).is_to_be_asked());
}

#[test]
fn an_answer_does_not_overrule_a_later_event() {
    let jobs = |answer: &str, answered: u64| {
        let mut jobs = after(&[&CREATED[..], &FINISHED, &[COMPLETED], &GONE].concat());
        feed(&mut jobs, answered, answer);
        jobs
    };
    // Asked while it was running, read after it has gone.
    let running = format!("[{}]", listed("b", "running", 8, ""));
    let known = jobs(&running, 2);
    assert_eq!(known.get("b").unwrap().outcome(), Some(Outcome::Completed));
    assert_eq!(known.get("b").unwrap().progress.unwrap().current, 64);
    // Another job of that id.
    let known = jobs(&running, 20);
    assert_eq!(known.get("b").unwrap().outcome(), None);
    assert_eq!(known.get("b").unwrap().progress.unwrap().current, 8);
    // Asked before it was created.
    let mut jobs = after(&[]);
    feed(&mut jobs, 6, "b created");
    feed(&mut jobs, 5, "[]");
    assert_eq!(jobs.get("b").unwrap().outcome(), None);
    // What is not listed anymore is gone, however.
    feed(&mut jobs, 7, "[]");
    assert_eq!(jobs.get("b").unwrap().outcome(), Some(Outcome::Unknown));
}

#[test]
fn an_id_that_is_used_again_is_another_job() {
    let failed = [&CREATED[..], &["b aborting", FAILED], &GONE].concat();
    let mut jobs = after(&failed);
    feed(&mut jobs, 10, "b created");
    assert_eq!(jobs.get("b").unwrap().outcome(), None);
    for (arrival, message) in (11..).zip([FINISHED[0], FINISHED[1], COMPLETED, GONE[0], GONE[1]]) {
        feed(&mut jobs, arrival, message);
    }
    assert_eq!(jobs.get("b").unwrap().outcome(), Some(Outcome::Completed));
    assert_eq!(jobs.all().len(), 1);
}

#[test]
fn goals_are_reached_and_passed() {
    let check = |status: &str, expected: [bool; 3]| {
        let jobs = after(&["m created", "m running", &format!("m {status}")]);
        let job = jobs.get("m").unwrap();
        let reached = [Goal::Ready, Goal::Pending, Goal::Concluded].map(|goal| job.has_reached(goal));
        assert_eq!(reached, expected, "{status}");
    };
    check("running", [false, false, false]);
    check("paused", [false, false, false]);
    check("ready", [true, false, false]);
    check("standby", [true, false, false]);
    check("waiting", [true, false, false]);
    check("pending", [true, true, false]);
    check("aborting", [false, false, false]);
    check("concluded", [false, false, false]);
    check("null", [false, false, false]);
}

#[test]
fn what_one_waits_for() {
    let check = |messages: &[&str], expected: Option<Attention>| {
        assert_eq!(after(messages).get("m").unwrap().attention(), expected, "{messages:?}");
    };
    let stop = r#"BLOCK_JOB_ERROR {"device":"m","operation":"write","action":"stop"}"#;
    let report = r#"BLOCK_JOB_ERROR {"device":"m","operation":"write","action":"report"}"#;
    check(&["m running"], None);
    check(&["m ready"], Some(Attention::Complete));
    check(&["m pending"], Some(Attention::Finalize));
    check(&["m paused"], Some(Attention::Resume));
    check(&["m running", stop, "m paused"], Some(Attention::Mend));
    check(&["m running", report, "m paused"], Some(Attention::Resume));
    check(&["m running", stop, "m paused", "m running", "m paused"], Some(Attention::Resume));
    check(&["m ready", "m null"], None);
}

#[test]
fn block_jobs_of_a_query() {
    let mut jobs = Jobs::default();
    let reply = r#"[{"auto-finalize": true, "io-status": "nospace", "device": "b1", "auto-dismiss": true, "busy": false,
        "len": 64, "offset": 3, "status": "paused", "paused": true, "speed": 8, "ready": false, "type": "backup"},
        {"device": "old", "type": "mirror", "len": 5, "offset": 5, "paused": false, "ready": true, "busy": false,
         "speed": 0, "io-status": "ok"}]"#;
    assert!(jobs.on_query(reply.as_bytes(), 3, false));
    let (new, old) = (jobs.get("b1").unwrap(), jobs.get("old").unwrap());
    assert_eq!((new.attention(), new.status.clone()), (Some(Attention::Mend), Some(Status::Paused)));
    assert_eq!((old.attention(), old.kind.as_deref()), (Some(Attention::Complete), Some("mirror")));
    assert_eq!((new.speed, old.speed), (Some(8), Some(0)));
    assert!(jobs.on_query(b"[]", 4, false));
    assert!(!jobs.get("old").unwrap().is_gone());
    assert!(jobs.on_query(b"[]", 5, true));
    assert_eq!(jobs.get("old").unwrap().outcome(), Some(Outcome::Unknown));
}

#[test]
fn only_the_last_thousand_that_ended_are_remembered() {
    let mut jobs = Jobs::default();
    for number in 0..REMEMBERED as u64 + 5 {
        for status in ["created", "concluded", "null"] {
            feed(&mut jobs, number, &format!("j{number} {status}"));
        }
    }
    assert_eq!(jobs.all().len(), REMEMBERED);
    assert!(jobs.get("j4").is_none() && jobs.get("j5").is_some());
    // One that is used again and again takes one place.
    for number in 0..3 * REMEMBERED as u64 {
        for status in ["created", "concluded", "null"] {
            feed(&mut jobs, 10_000 + number, &format!("again {status}"));
        }
    }
    assert_eq!(jobs.all().iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["again"]);
    // A peer that never ends a job fills no memory either.
    for number in 0..5 * REMEMBERED as u64 {
        feed(&mut jobs, 20_000 + number, &format!("live{number} created"));
    }
    assert!(jobs.all().len() <= 2 * REMEMBERED, "{}", jobs.all().len());
    assert!(jobs.get("live4999").is_some());
}

#[test]
fn what_is_not_about_jobs_is_passed_over() {
    let mut jobs = Jobs::default();
    let long = format!(r#"{{"id":"{}","status":"created"}}"#, "x".repeat(LONGEST));
    for (name, data) in [
        ("STOP", "{}"),
        ("JOB_STATUS_CHANGE", "{}"),
        ("JOB_STATUS_CHANGE", r#"{"id":1,"status":"created"}"#),
        ("JOB_STATUS_CHANGE", "[]"),
        ("JOB_STATUS_CHANGE", &long),
        ("BLOCK_JOB_COMPLETED", r#"{"len":1}"#),
        ("BLOCK_IO_ERROR", r#"{"device":"x","action":"stop"}"#),
    ] {
        assert!(!jobs.on_event(&event(1, name, data)), "{name} {data}");
    }
    for reply in ["{}", "null", r#"[{"id":"x"}]"#] {
        assert!(!jobs.on_query(reply.as_bytes(), 1, true), "{reply}");
        assert!(!jobs.on_query(reply.as_bytes(), 1, false), "{reply}");
    }
    assert!(jobs.all().is_empty());
    // Of a long text the beginning is kept, of a long list too.
    let long_error = "é".repeat(LONGEST);
    let one = |id: &str, error: &str| {
        format!(r#"{{"id":"{id}","type":"t","status":"s","current-progress":0,"total-progress":1,"error":"{error}"}}"#)
    };
    let many: Vec<String> = (0..2 * REMEMBERED)
        .map(|number| one(&number.to_string(), &long_error[..if number == 0 { long_error.len() } else { 0 }]))
        .collect();
    jobs.on_query(format!("[{}]", many.join(",")).as_bytes(), 1, true);
    assert_eq!((jobs.all().len(), jobs.get("0").unwrap().error.as_ref().unwrap().len()), (REMEMBERED, LONGEST));
    jobs.clear();
    // An amount that is none is left out, the rest is of use.
    jobs.on_query(
        br#"[{"id":"x","type":"t","status":"running","current-progress":-1,"total-progress":1e30}]"#,
        1,
        true,
    );
    assert_eq!(jobs.get("x").unwrap().to_json(), r#"{"id":"x","type":"t","status":"running"}"#);
}

/// A daemon in little: what it does, and the messages that tell of it.
mod daemon {
    use proptest::prelude::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum End {
        Well,
        Badly,
        Cancelled,
    }

    #[derive(Debug, Clone, Copy)]
    pub(super) enum Step {
        /// A job of this id begins, a block job that dismisses itself or another one that does not; if the id is free.
        Begin(usize, bool),
        End(usize, End),
        Dismiss(usize),
        /// Somebody asks for the list.
        Send,
        /// The list is taken together; if nobody has asked, somebody does now.
        Ask,
        /// The oldest answer that has come is read.
        Read,
    }

    pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
        let end = prop_oneof![Just(End::Well), Just(End::Badly), Just(End::Cancelled)];
        let step = prop_oneof![
            2 => (0..2_usize, any::<bool>()).prop_map(|(id, is_block)| Step::Begin(id, is_block)),
            2 => (0..2_usize, end).prop_map(|(id, end)| Step::End(id, end)),
            1 => (0..2_usize).prop_map(Step::Dismiss),
            1 => Just(Step::Send),
            2 => Just(Step::Ask),
            2 => Just(Step::Read),
        ];
        prop::collection::vec(step, 0..40)
    }
}

proptest::proptest! {
    /// However late the answers are read: what is there is known to be there, and what has ended has its outcome.
    #[test]
    fn any_order_of_events_and_answers(steps in daemon::steps()) {
        use daemon::{End, Step};
        const IDS: [&str; 2] = ["a", "b"];
        // Whether it is a block job, and how it ended if it has; and whether it is gone.
        let mut truth: [Option<(bool, Option<End>, bool)>; 2] = [None; 2];
        let mut jobs = Jobs::default();
        let mut answers = VecDeque::new();
        let mut arrival = 1;
        let mut asked = None;
        for step in steps.into_iter().chain([Step::Ask, Step::Ask]).chain(std::iter::repeat_n(Step::Read, 40)) {
            let mut tell = |messages: &[String]| {
                for message in messages {
                    feed(&mut jobs, arrival, message);
                    arrival += 1;
                }
            };
            match step {
                Step::Begin(at, is_block) if truth[at].is_none_or(|(.., gone)| gone) => {
                    truth[at] = Some((is_block, None, false));
                    tell(&["created", "running"].map(|status| format!("{} {status}", IDS[at])));
                }
                Step::End(at, end) => if let Some((is_block, None, _)) = truth[at] {
                    truth[at] = Some((is_block, Some(end), is_block));
                    let id = IDS[at];
                    let mut messages = Vec::new();
                    if end != End::Well {
                        messages.push(format!("{id} aborting"));
                    }
                    if is_block {
                        let name = if end == End::Cancelled { "BLOCK_JOB_CANCELLED" } else { "BLOCK_JOB_COMPLETED" };
                        let error = if end == End::Badly { r#","error":"why""# } else { "" };
                        messages.push(format!(r#"{name} {{"device":"{id}","type":"backup","len":9,"offset":9{error}}}"#));
                    }
                    messages.push(format!("{id} concluded"));
                    if is_block {
                        messages.push(format!("{id} null"));
                    }
                    tell(&messages);
                },
                Step::Dismiss(at) => if let Some((false, Some(end), false)) = truth[at] {
                    truth[at] = Some((false, Some(end), true));
                    tell(&[format!("{} null", IDS[at])]);
                },
                Step::Ask => {
                    let listed: Vec<String> = IDS.iter().zip(&truth).filter_map(|(id, job)| match job {
                        Some((_, None, false)) => Some(listed(id, "running", 1, "")),
                        Some((_, Some(End::Well), false)) => Some(listed(id, "concluded", 1, "")),
                        Some((_, Some(End::Badly), false)) => Some(listed(id, "concluded", 1, "why")),
                        Some((_, Some(End::Cancelled), false)) => Some(listed(id, "concluded", 1, "Operation canceled")),
                        _ => None,
                    }).collect();
                    answers.push_back((asked.take().unwrap_or(jobs.latest()), format!("[{}]", listed.join(","))));
                    arrival += 1;
                }
                Step::Send => asked = Some(jobs.latest()),
                Step::Read => if let Some((arrival, answer)) = answers.pop_front() {
                    feed(&mut jobs, arrival, &answer);
                },
                Step::Begin(..) => {}
            }
        }
        for (id, truth) in IDS.iter().zip(truth) {
            let Some((is_block, end, gone)) = truth else {
                assert!(jobs.get(id).is_none());
                continue;
            };
            let job = jobs.get(id).unwrap();
            assert_eq!(job.is_gone(), gone, "{job:?}");
            // An error that nobody asked for in time is in no event.
            let unexplained = !is_block && gone && job.outcome() == Some(Outcome::FailedUnexplained);
            match end {
                None => assert_eq!(job.outcome(), None, "{job:?}"),
                Some(End::Well) => assert_eq!(job.outcome(), Some(Outcome::Completed), "{job:?}"),
                Some(End::Badly) if !unexplained => assert_eq!(job.outcome(), Some(Outcome::Failed("why")), "{job:?}"),
                Some(End::Cancelled) if !unexplained => assert_eq!(job.outcome(), Some(Outcome::Cancelled), "{job:?}"),
                Some(_) => {}
            }
            assert_eq!(job.is_to_be_dismissed(), end.is_some() && !gone, "{job:?}");
        }
    }
}

#[test]
fn the_time_that_a_job_took_is_between_its_events() {
    let change = |arrival: u64, status: &str, time: &str| {
        let text = format!(
            r#"{{"event":"JOB_STATUS_CHANGE","data":{{"id":"b","status":"{status}"}},"timestamp":{{{time}}}}}"#
        );
        parsed(arrival, &text)
    };
    let took = |changes: &[(&str, &str)]| {
        let mut jobs = Jobs::default();
        for (arrival, (status, time)) in (0..).zip(changes) {
            assert!(jobs.on_event(&change(arrival, status, time)));
        }
        jobs.get("b").unwrap().took()
    };
    let (at_5, at_7) = (r#""seconds":5,"microseconds":900000"#, r#""seconds":7,"microseconds":100000"#);
    let ended = Some(std::time::Duration::from_millis(1200));
    assert_eq!(took(&[("created", at_5), ("running", at_5), ("concluded", at_7), ("null", at_7)]), ended);
    assert_eq!(took(&[("created", at_5), ("running", at_7)]), None);
    assert_eq!(took(&[("running", at_5), ("concluded", at_7)]), None);
    // The clock was set back, or the peer has none.
    assert_eq!(took(&[("created", at_7), ("concluded", at_5)]), None);
    assert_eq!(took(&[("created", r#""seconds":9e99,"microseconds":"x""#), ("concluded", at_7)]), None);
}
