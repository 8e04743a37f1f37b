//! Tests of `Mock`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use crate::support::Mock;
use crate::support::client::Client;
use crate::support::mock::{GREETING, Played, shell_answer};

const STATUS: &str = r#"{"execute":"query-status","id":1}"#;

fn client(mock: &Played) -> Client {
    Client::unix(mock.socket())
}

/// The message it fails with, both in `finish` and on drop, when a client sends `text`, reads all and leaves.
#[track_caller]
fn check_fails(mock: &Mock, text: &str, expected: &str) {
    let play = |end: fn(Played)| {
        let mock = mock.clone().unix();
        let mut client = client(&mock);
        client.send(text);
        client.finish_sending();
        while client.read_text().is_some() {}
        catch_unwind(AssertUnwindSafe(|| end(mock))).expect_err("the mock has something to say")
    };
    let ends: [fn(Played); 2] = [|mock| drop(mock.finish()), drop];
    for end in ends {
        let message = *play(end).downcast::<String>().expect("a message");
        let (first, transcript) = message.split_once('\n').unwrap();
        assert_eq!(first, format!("the mock server {expected}"));
        assert!(transcript.starts_with("-- connected"), "{transcript}");
    }
}

#[test]
fn a_mock_plays_a_transcript_and_echoes_ids() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-status")
        .reply(r#"{"status": "running"}"#)
        .expect(r#"{"arguments": {"x": [1, 2.5]}, "execute": "other"}"#)
        .error("GenericError", "no \"x\"")
        .expect_text(STATUS)
        .event("STOP", "{}")
        .reply("{}")
        .unix();
    let mut client = client(&mock).negotiate();
    client.send(STATUS);
    assert_eq!(client.read(), json!({"return": {"status": "running"}, "id": 1}));
    client.send("{\"execute\": \"other\",\r\n \"id\": [\"a\"], \"arguments\": {\"x\": [1, 2.5]}}");
    assert_eq!(client.read(), json!({"error": {"class": "GenericError", "desc": "no \"x\""}, "id": ["a"]}));
    client.send(STATUS);
    assert_eq!(client.read()["event"], "STOP");
    assert_eq!(client.read(), json!({"return": {}, "id": 1}));
    drop(client);
    let seen = mock.finish();
    assert_eq!(seen.documents.last().unwrap(), STATUS);
    assert!(seen.bytes.ends_with(STATUS.as_bytes()));
}

#[test]
fn replies_go_to_the_oldest_or_the_latest_command() {
    let mut mock = Mock::new();
    for _ in 0..3 {
        mock = mock.expect_execute("x");
    }
    let mock = mock.reply_latest(r#""last""#).reply(r#""first""#).reply(r#""second""#).tcp();
    let mut client = Client::tcp(mock.tcp());
    client.send(r#"{"execute":"x","id":1}{"execute":"x","id":2} {"exec-oob":"x"}"#);
    assert_eq!(client.read(), json!({"return": "last"}));
    assert_eq!(client.read(), json!({"return": "first", "id": 1}));
    assert_eq!(client.read(), json!({"return": "second", "id": 2}));
}

#[test]
fn a_mock_fails_if_something_expected_does_not_come() {
    let end = "and got the end of file";
    check_fails(&Mock::new().expect_execute("query-status"), "", &format!("expected the command query-status, {end}"));
    check_fails(&Mock::new().expect_text("{}"), "{\"a", &format!("expected {{}}, {end} after {{\\\"a"));
}

#[test]
fn a_mock_fails_if_something_unexpected_comes() {
    let other = r#"{"execute":"other"}"#;
    let got = format!("and got {other}");
    check_fails(&Mock::new().expect_execute("x"), other, &format!("expected the command x, {got}"));
    check_fails(&Mock::new().expect(r#"{"execute":"x"}"#), other, &format!(r#"expected {{"execute":"x"}}, {got}"#));
    check_fails(&Mock::new().expect_text("{}"), other, &format!("expected {{}}, {got}"));
    check_fails(&Mock::new().expect(r#"{"execute":"other","id":0}"#).close(), other, &{
        format!(r#"expected {{"execute":"other","id":0}}, {got}"#)
    });
    check_fails(&Mock::new(), other, &format!("expected nothing more, {got}"));
    check_fails(&Mock::new().expect_execute("other"), &format!("{other}\n}}"), "expected nothing more, and got }");
    check_fails(&Mock::new().expect_execute("other"), &format!("{other}\n{{"), "was left with {");
    check_fails(
        &Mock::new().expect_execute("x"),
        "{x}",
        "got what is no JSON: key must be a string at line 1 column 2 in {x}",
    );
}

#[test]
fn a_mock_fails_without_a_client_and_is_quiet_in_a_failed_test() {
    let mock = Mock::new().pause().unix();
    let open = client(&mock);
    mock.wait_for_pause();
    let message = catch_unwind(AssertUnwindSafe(|| {
        // It is not waited for: the test has failed already when it stops in the middle.
        let _mock = mock;
        panic!("the first failure");
    }));
    assert_eq!(message.unwrap_err().downcast_ref::<&str>(), Some(&"the first failure"));
    drop(open);

    Mock::new().expect_execute("x").unix().finish_without_connection();
    let mock = Mock::new().close().unix();
    drop(client(&mock));
    catch_unwind(AssertUnwindSafe(|| mock.finish_without_connection())).expect_err("a client has connected");
}

#[test]
fn expect_silence_detects_a_client_that_speaks_too_early() {
    check_fails(
        &Mock::new().expect_text("{}").expect_silence().greeting(),
        &format!("{{}}{STATUS}"),
        &format!("expected silence, and got {}", STATUS.escape_default()),
    );
    let mock = Mock::new().pause().expect_silence().greeting().unix();
    let mut client = client(&mock);
    mock.go_on();
    assert_eq!(client.read_text().as_deref(), Some(GREETING.trim_end()));
}

#[test]
fn a_pause_lets_the_test_act_in_between() {
    let mock = Mock::new().event("ONE", "{}").pause().event("TWO", "{}").pause().close().unix();
    let mut client = client(&mock);
    mock.wait_for_pause();
    assert_eq!(client.read()["event"], "ONE");
    assert!(client.is_silent());
    mock.go_on();
    assert_eq!(client.read()["event"], "TWO");
    mock.go_on();
    assert_eq!(client.read_text(), None);
    assert!(mock.finish().documents.is_empty());
}

#[test]
fn bytes_are_sent_singly_whole_or_as_garbage() {
    let mock =
        Mock::new().send_one_by_one(GREETING).send("{\"QMP\": {\"ver").finish_sending().expect_text(STATUS).tcp();
    let mut client = Client::tcp(mock.tcp());
    assert_eq!(client.read_text().as_deref(), Some(GREETING.trim_end()));
    assert_eq!(client.read_text(), None, "half a greeting is none");
    client.send(STATUS);
    drop(client);
    mock.finish();
}

/// What reading ends with, after everything that could be read.
fn ends_with(mut stream: impl Read) -> Option<ErrorKind> {
    std::io::copy(&mut stream, &mut std::io::sink()).err().map(|e| e.kind())
}

#[test]
fn a_reset_works_on_unix_and_tcp_sockets() {
    let mock = Mock::new().expect_text(STATUS).pause().reset();
    let check = |played: &Played, mut stream: UnixStream| {
        stream.write_all(STATUS.as_bytes()).unwrap();
        played.wait_for_pause();
        stream.write_all(b"unread").unwrap();
        played.go_on();
        assert_eq!(ends_with(stream), Some(ErrorKind::ConnectionReset));
    };
    let played = mock.clone().unix();
    check(&played, UnixStream::connect(played.socket()).unwrap());
    let played = mock.tcp();
    // A TCP socket is read and written by the calls of a Unix one.
    check(&played, OwnedFd::from(TcpStream::connect(played.tcp()).unwrap()).into());

    let closed = Mock::new().close().unix();
    assert_eq!(ends_with(UnixStream::connect(closed.socket()).unwrap()), None);
}

#[test]
fn hold_without_reading_fills_the_socket() {
    let mock = Mock::new().hold_without_reading().unix();
    let stream = UnixStream::connect(mock.socket()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let full = loop {
        if let Err(e) = (&stream).write(&[b' '; 4096]) {
            break e.kind();
        }
    };
    assert_eq!(full, ErrorKind::WouldBlock);
    drop(stream);
    mock.finish();
}

#[test]
fn next_connection_accepts_again() {
    let mock = Mock::new().send("SSH-2.0-OpenSSH_9.2\r\n").next_connection().greeting().close().unix();
    let mut first = String::new();
    UnixStream::connect(mock.socket()).unwrap().read_to_string(&mut first).unwrap();
    assert_eq!(first, "SSH-2.0-OpenSSH_9.2\r\n");
    assert!(client(&mock).read().get("QMP").is_some());
    mock.finish();
}

#[test]
fn floods_and_big_replies_are_complete() {
    let mock = Mock::new()
        .expect_execute("query-status")
        .events(20_000)
        .reply_string_of(1_000_001)
        .expect_execute("query-status")
        .reply_list_of(30_000)
        .unix();
    let mut client = client(&mock);
    client.send(STATUS);
    for n in 0..20_000 {
        let event = client.read();
        assert_eq!((&event["event"], &event["data"]), (&json!("FLOOD"), &json!({"n": n})));
    }
    let reply = client.read();
    assert_eq!(reply["id"], 1);
    assert_eq!(reply["return"], "x".repeat(1_000_001));
    let list = client.execute(STATUS);
    let list: Vec<&Value> = list.as_array().unwrap().iter().map(|object| &object["n"]).collect();
    assert_eq!((list.len(), list[0], list[29_999]), (30_000, &json!(0), &json!(29_999)));
}

#[test]
fn an_interactive_mock_answers_what_the_script_does_not_expect() {
    let mock = Mock::interactive().negotiate().expect_execute("query-name").reply(r#"{"name": "web1"}"#).unix();
    let mut client = client(&mock).negotiate();
    assert_eq!(client.execute(STATUS)["status"], "running");
    assert_eq!(client.execute(r#"{"execute":"query-name","id":2}"#), json!({"name": "web1"}));
    assert_eq!(client.execute(r#"{"execute":"query-name","id":3}"#), json!({}));
    drop(client);
    let seen = mock.finish();
    assert_eq!(seen.answered, ["query-status", "query-name"]);
    assert_eq!(seen.documents.len(), 2, "{:?}", seen.documents);
    check_fails(&Mock::new(), STATUS, &format!("expected nothing more, and got {STATUS}"));
}

#[test]
fn an_interactive_mock_answers_each_query_of_the_shell() {
    const QUERIES: &str = include_str!("../../src/bin/qmpsh/session/queries.rs");
    let names: Vec<&str> = QUERIES.split("=> (\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(shell_answer(name).is_some(), "{name}");
    }
}
