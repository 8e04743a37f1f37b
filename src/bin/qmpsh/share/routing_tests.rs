use std::fs::File;

use super::*;
use qmpsh::message::{Descriptor, Message};

/// A router, and what it said to each side, in words.
struct Bench {
    router: Router<()>,
    /// The texts of what was sent to QEMU, by ticket.
    upstream: Vec<(Ticket, String)>,
    said: Vec<String>,
}

fn received(text: &str) -> Received {
    Received::new(&Bytes::copy_from_slice(text.as_bytes()), true)
}

impl Bench {
    fn new(policies: &[Policy]) -> Self {
        let mut router = Router::new(Backlog { of_one: 64 << 10, of_all: 512 << 10 });
        for (id, policy) in (1..).zip(policies) {
            router.joined(id, Arc::new(Seat { policy: policy.clone(), about: () }));
        }
        Self { router, upstream: Vec::new(), said: Vec::new() }
    }

    fn open(clients: usize) -> Self {
        Self::new(&vec![Policy::default(); clients])
    }

    fn step(&mut self) -> &mut Self {
        for action in self.router.actions() {
            match action {
                Action::Send(ticket, _, request) => self.upstream.push((ticket, request.text().to_owned())),
                Action::Respond(id, response) => {
                    let text = String::from_utf8_lossy(response.bytes()).trim_end().to_owned();
                    self.said.push(format!("{id}: {text}"));
                }
                Action::CloseSlow(id) => self.said.push(format!("{id} closed")),
                Action::Record(Record { command, outcome, .. }) => {
                    self.said.push(format!("{} {outcome:?}", command.name()));
                }
                Action::Read(_) => {}
            }
        }
        self
    }

    fn said(&mut self, id: ClientId, text: &str) -> &mut Self {
        self.router.said(id, received(text));
        self.step()
    }

    fn with_file(&mut self, id: ClientId, text: &str) -> &mut Self {
        let Received::Command(command) = received(text) else { panic!("{text}") };
        let command = command.with_descriptor(Descriptor::from(File::open("/dev/null").unwrap()));
        self.router.said(id, Received::Command(command));
        self.step()
    }

    /// QEMU replies to its oldest command with this text; the id in it is 0.
    fn reply(&mut self, text: &str) -> &mut Self {
        let (ticket, _) = self.upstream.remove(0);
        match Message::from_document(Document::parse(text.as_bytes()).unwrap()) {
            Ok(Message::Reply(reply)) => self.router.replied(ticket, Ok(&reply)),
            other => panic!("{other:?}"),
        }
        self.step()
    }

    fn returns(&mut self) -> &mut Self {
        self.reply(r#"{"return": {}, "id": 0}"#)
    }

    /// What QEMU has got and not answered.
    #[track_caller]
    fn upstream(&mut self, expected: &[&str]) -> &mut Self {
        let texts: Vec<_> = self.upstream.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, expected);
        self
    }

    /// What was said since the last look.
    #[track_caller]
    fn heard(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(std::mem::take(&mut self.said), expected);
        self
    }
}

fn policy(allow: &[&str], deny: &[&str], read_only: bool) -> Policy {
    let rules = |words: &[&str]| words.iter().map(|word| word.parse().unwrap()).collect();
    Policy { read_only, allow: rules(allow), deny: rules(deny) }
}

#[test]
fn a_reply_goes_to_its_client_with_the_clients_own_id() {
    let mut bench = Bench::open(2);
    bench
        .said(1, r#"{"execute":"stop","id":"x"}"#)
        .said(2, r#"{"execute":"stop"}"#)
        .said(1, r#"{"execute":"cont","id":[1.0]}"#);
    bench.upstream(&[r#"{"execute":"stop"}"#, r#"{"execute":"stop"}"#, r#"{"execute":"cont"}"#]);
    bench.returns().heard(&[r#"1: {"return": {}, "id": "x"}"#, "stop Ok"]);
    bench.returns().heard(&[r#"2: {"return": {}}"#, "stop Ok"]);
    bench.reply(r#"{"id": 0, "error": {"class": "C", "desc": "d"}}"#);
    bench.heard(&[r#"1: {"id": [1.0], "error": {"class": "C", "desc": "d"}}"#, "cont Error"]);
}

#[test]
fn clients_take_turns_and_seven_are_unanswered() {
    let mut bench = Bench::open(2);
    for number in 0..20 {
        bench.said(1, &format!(r#"{{"execute":"a{number}"}}"#));
    }
    bench.said(2, r#"{"execute":"b"}"#).said(2, r#"{"execute":"b2"}"#);
    assert_eq!(bench.upstream.len(), 7);
    bench.returns();
    assert_eq!(bench.upstream.last().unwrap().1, r#"{"execute":"a7"}"#);
    bench.returns();
    assert_eq!(bench.upstream.last().unwrap().1, r#"{"execute":"b"}"#);
    bench.returns().returns();
    assert_eq!(bench.upstream.last().unwrap().1, r#"{"execute":"b2"}"#);
    assert_eq!(bench.upstream.len(), 7);
}

#[test]
fn one_command_of_a_read_only_client_is_unanswered() {
    let mut bench = Bench::new(&[policy(&[], &[], true), Policy::default()]);
    bench
        .said(1, r#"{"execute":"query-status"}"#)
        .said(1, r#"{"execute":"query-name"}"#)
        .said(2, r#"{"execute":"cont"}"#);
    bench.upstream(&[r#"{"execute":"query-status"}"#, r#"{"execute":"cont"}"#]);
    bench.returns().upstream(&[r#"{"execute":"cont"}"#, r#"{"execute":"query-name"}"#]);
}

#[test]
fn what_is_denied_is_answered_in_its_turn_and_never_sent() {
    let mut bench = Bench::new(&[policy(&[], &["stop"], false)]);
    bench.said(1, r#"{"execute":"cont","id":1}"#).said(1, r"{'execute':'st\u006fp','id':2}");
    bench.said(1, r#"{"execute":"cont","id":3}"#).said(1, "{").said(1, r#"{"execute":"x","id":5}"#);
    bench.upstream(&[r#"{"execute":"cont"}"#]).heard(&["stop Denied"]);
    bench.returns().heard(&[
        r#"1: {"return": {}, "id": 1}"#,
        "cont Ok",
        r#"1: {"id": 2, "error": {"class": "GenericError", "desc": "stop: not allowed on this socket"}}"#,
    ]);
    bench.upstream(&[r#"{"execute":"cont"}"#]).returns();
    bench.heard(&[
        r#"1: {"return": {}, "id": 3}"#,
        "cont Ok",
        r#"1: {"error": {"class": "GenericError", "desc": "JSON parse error, premature EOI"}}"#,
    ]);
    bench.upstream(&[r#"{"execute":"x"}"#]);
}

#[test]
fn out_of_band_commands_go_at_once() {
    let mut bench = Bench::new(&[policy(&[], &["yank"], false)]);
    for _ in 0..8 {
        bench.said(1, r#"{"execute":"cont"}"#);
    }
    bench.said(1, r#"{"exec-oob":"query-yank","id":9}"#).said(1, r#"{"exec-oob":"yank","id":10}"#);
    assert_eq!(bench.upstream.len(), 8);
    assert_eq!(bench.upstream[7].1, r#"{"exec-oob":"query-yank"}"#);
    let denied = r#"1: {"id": 10, "error": {"class": "GenericError", "desc": "yank: not allowed on this socket"}}"#;
    bench.heard(&["yank Denied", denied]);
    let urgent = bench.upstream.remove(7);
    bench.upstream.insert(0, urgent);
    bench.returns().heard(&[r#"1: {"return": {}, "id": 9}"#, "query-yank Ok"]);
}

#[test]
fn a_command_with_an_open_file_goes_alone() {
    let mut bench = Bench::open(3);
    bench.said(1, r#"{"execute":"a"}"#).with_file(2, r#"{"execute":"getfd"}"#).said(3, r#"{"execute":"b"}"#);
    bench.upstream(&[r#"{"execute":"a"}"#]);
    bench.returns().upstream(&[r#"{"execute":"getfd"}"#]);
    bench.said(1, r#"{"execute":"c"}"#).upstream(&[r#"{"execute":"getfd"}"#]);
    bench.returns().upstream(&[r#"{"execute":"b"}"#, r#"{"execute":"c"}"#]);
}

#[test]
fn an_open_file_of_a_command_that_failed_is_left_for_nobody() {
    let fails = r#"{"error": {"class": "GenericError", "desc": "x"}, "id": 0}"#;
    let mut bench = Bench::open(2);
    bench.with_file(1, r#"{"execute":"getfd"}"#).said(2, r#"{"execute":"add-fd"}"#);
    // The share takes it, before anything of a client is sent.
    bench.reply(fails).upstream(&[r#"{"execute":"add-fd"}"#]).said(1, r#"{"execute":"a"}"#);
    bench.upstream(&[r#"{"execute":"add-fd"}"#]);
    bench.reply(r#"{"return": {"fdset-id": 3, "fd": 20}, "id": 0}"#);
    let remove = r#"{"execute":"remove-fd","arguments":{"fd":20,"fdset-id":3}}"#;
    bench.upstream(&[remove, r#"{"execute":"add-fd"}"#, r#"{"execute":"a"}"#]);
    // The command took it, and then failed: nothing is left.
    let mut bench = Bench::open(1);
    bench.with_file(1, r#"{"execute":"add-fd"}"#).reply(fails).reply(fails);
    bench.upstream(&[]).said(1, r#"{"execute":"a"}"#).upstream(&[r#"{"execute":"a"}"#]);
}

#[test]
fn a_client_that_goes_takes_nothing_with_it() {
    let mut bench = Bench::new(&[policy(&[], &[], true), Policy::default()]);
    bench.said(1, r#"{"execute":"query-name"}"#).said(1, r#"{"execute":"query-status"}"#).said(2, r#"{"execute":"b"}"#);
    bench.router.left(1);
    bench.step().heard(&["query-status Lost"]);
    bench.returns().heard(&["query-name Ok"]);
    bench.returns().heard(&[r#"2: {"return": {}}"#, "b Ok"]);
    // What a client says after it was closed does not matter.
    bench.said(1, r#"{"execute":"query-name"}"#).upstream(&[]).heard(&[]);
}

#[test]
fn the_fdsets_of_a_client_go_with_it() {
    let added = |set, fd| format!(r#"{{"return": {{"fdset-id": {set}, "fd": {fd}}}, "id": 0}}"#);
    let mut bench = Bench::open(1);
    for (set, fd) in [(1, 10), (2, 11), (2, 12), (3, 13)] {
        bench.with_file(1, r#"{"execute":"add-fd"}"#).reply(&added(set, fd));
    }
    bench.said(1, r#"{"execute":"remove-fd","arguments":{"fdset-id":1}}"#).returns();
    bench.said(1, r#"{"execute":"remove-fd","arguments":{"fdset-id":2,"fd":11}}"#).returns();
    bench.with_file(1, r#"{"execute":"add-fd"}"#);
    bench.router.left(1);
    bench.reply(&added(4, 14));
    bench.upstream(&[
        r#"{"execute":"remove-fd","arguments":{"fd":12,"fdset-id":2}}"#,
        r#"{"execute":"remove-fd","arguments":{"fd":13,"fdset-id":3}}"#,
        r#"{"execute":"remove-fd","arguments":{"fd":14,"fdset-id":4}}"#,
    ]);
}

#[test]
fn a_client_has_64_open_files_at_most() {
    let mut bench = Bench::open(1);
    for number in 0..64 {
        bench.with_file(1, &format!(r#"{{"execute":"getfd","arguments":{{"fdname":"f{number}"}}}}"#)).returns();
    }
    bench.said.clear();
    bench.with_file(1, r#"{"execute":"getfd","id":1}"#).upstream(&[]);
    let desc = "getfd: this client has 64 open files in QEMU; close some of them first";
    let refused = format!(r#"1: {{"id": 1, "error": {{"class": "GenericError", "desc": "{desc}"}}}}"#);
    bench.heard(&["getfd Denied", &refused]);
    bench.said(1, r#"{"execute":"closefd"}"#).returns().with_file(1, r#"{"execute":"getfd"}"#);
    bench.upstream(&[r#"{"execute":"getfd"}"#]);
}

#[test]
fn an_event_goes_to_all() {
    let mut bench = Bench::open(2);
    bench.router.event(&Bytes::from_static(br#"{"event": "STOP"}"#));
    bench.step().heard(&[r#"1: {"event": "STOP"}"#, r#"2: {"event": "STOP"}"#]);
}

#[test]
fn a_client_that_stops_reading_is_closed() {
    const KIB: usize = 1 << 10;
    let event = |size| Bytes::from(vec![b'x'; size - 2]);
    let mut bench = Bench::open(2);
    // The one that is being written does not count.
    for size in [100 * KIB, 60 * KIB, 4 * KIB] {
        bench.router.event(&event(size));
        bench.router.wrote(2);
    }
    bench.step().said.clear();
    bench.router.event(&event(3));
    bench.step();
    assert_eq!(bench.said[1..], ["1 closed", "2: x"]);
}

#[test]
fn the_largest_is_closed_when_too_much_waits_for_all() {
    const KIB: usize = 1 << 10;
    let mut bench = Bench::open(10);
    bench.router.event(&Bytes::from_static(b"x"));
    bench.router.event(&Bytes::from(vec![b'x'; 50 * KIB]));
    for id in [1, 2] {
        bench.router.wrote(id);
        bench.router.wrote(id);
    }
    bench.step().said.clear();
    assert_eq!(bench.router.waiting, 8 * (50 * KIB + 2));
    bench.router.event(&Bytes::from(vec![b'x'; 13 * KIB]));
    bench.step();
    assert!(bench.said.iter().all(|said| !said.ends_with("closed")));
    bench.router.event(&Bytes::from(vec![b'x'; 800]));
    assert_eq!(bench.router.waiting, 8 * (63 * KIB + 800 + 6) + 2 * (800 + 2));
    bench.router.event(&Bytes::from(vec![b'x'; 200]));
    bench.step();
    assert_eq!(bench.said.iter().filter(|said| said.ends_with("closed")).count(), 1);
}

#[test]
fn a_lost_upstream_loses_what_is_unanswered() {
    let mut bench = Bench::new(&[policy(&[], &[], true)]);
    bench.said(1, r#"{"execute":"query-name"}"#).said(1, r#"{"execute":"query-status"}"#);
    bench.router.lost();
    bench.step().heard(&["query-status Lost", "query-name Lost"]);
    assert!(bench.router.is_idle());
}

#[test]
fn without_an_audit_every_command_is_denied() {
    let mut bench = Bench::open(1);
    bench.router.deny_all();
    bench.said(1, r#"{"execute":"query-name"}"#).upstream(&[]);
    let desc = "query-name: not allowed, because the audit cannot be written";
    let denied = format!(r#"1: {{"error": {{"class": "GenericError", "desc": "{desc}"}}}}"#);
    bench.heard(&["query-name Denied", &denied]);
}

#[test]
fn running_commands_end_before_the_share_does() {
    let mut bench = Bench::open(1);
    for _ in 0..8 {
        bench.said(1, r#"{"execute":"a"}"#);
    }
    bench.router.close();
    for _ in 0..7 {
        assert!(!bench.router.is_idle());
        bench.returns();
        bench.router.wrote(1);
    }
    assert!(bench.router.is_idle());
    bench.upstream(&[]);
}
