use std::borrow::Cow;

use super::*;

fn message(text: &[u8]) -> Result<Message, Malformed> {
    Message::from_document(Document::parse(text).unwrap())
}

fn reply(text: &str) -> Reply {
    match message(text.as_bytes()) {
        Ok(Message::Reply(reply)) => reply,
        other => panic!("{text}: {other:?}"),
    }
}

fn event(text: &[u8]) -> Event {
    match message(text) {
        Ok(Message::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn greetings() {
    let text =
        br#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2\u001b"},
        "capabilities": ["oob"]}}"#;
    let Ok(Message::Greeting(greeting)) = message(text) else { panic!() };
    let package = "Debian 1:7.2\u{1b}".to_owned();
    assert_eq!(greeting.version, Version { major: 7, minor: 2, micro: 22, package });
    assert_eq!(greeting.version.to_string(), "7.2.22");
    assert_eq!(greeting.capabilities, ["oob"]);

    let bare = br#"{"QMP":{"version":{"qemu":{"micro":0,"minor":0,"major":1}}}}"#;
    let Ok(Message::Greeting(greeting)) = message(bare) else { panic!() };
    assert_eq!((greeting.version.package.as_str(), greeting.capabilities.len()), ("", 0));
}

#[test]
fn successes() {
    let check = |text: &str, id: Option<u64>, result: &str| {
        let reply = reply(text);
        assert_eq!((reply.id(), reply.outcome()), (id, &Outcome::Return), "{text}");
        assert_eq!(reply.result().as_deref(), Some(result.as_bytes()), "{text}");
        assert_eq!(reply.document().bytes(), text);
    };
    check(r#"{"return": {}, "id": 1}"#, Some(1), "{}");
    check(r#"{"return": null, "id": 1}"#, Some(1), "null");
    check(r#"{"return": inf, "id": 1}"#, Some(1), "inf");
    check(r#"{"return": {"a": [inf, -nan]}, "id": 0}"#, Some(0), r#"{"a": [inf, -nan]}"#);
    check(r#"{"id": 18446744073709551615, "return": 18446744073709551615}"#, Some(u64::MAX), "18446744073709551615");
    check(r#"{"return": "x"}"#, None, "\"x\"");
    check(r#"{"\u0072eturn": "x", "\u0069d": 5}"#, Some(5), "\"x\"");
}

#[test]
fn a_result_with_broken_text_keeps_its_id() {
    let Ok(Message::Reply(reply)) = message(b"{\"return\": \"\xff\xfe\", \"id\": 9}") else { panic!() };
    assert_eq!(reply.id(), Some(9));
    assert_eq!(reply.result().as_deref(), Some(&b"\"\xff\xfe\""[..]));
}

#[test]
fn a_result_shares_the_bytes_of_the_reply() {
    let reply = reply(r#"{"return": [1, 2]}"#);
    assert_eq!(reply.result().unwrap().as_ptr(), reply.document().bytes().as_ptr().wrapping_add(11));
}

#[test]
fn errors() {
    let check = |text: &[u8], id: Option<u64>, class: &str, desc: &str| {
        let Ok(Message::Reply(reply)) = message(text) else { panic!("{text:?}") };
        assert_eq!(reply.id(), id);
        assert_eq!(reply.outcome(), &Outcome::Error { class: class.to_owned(), desc: desc.to_owned() });
        assert_eq!(reply.result(), None);
    };
    check(
        br#"{"id": 3, "error": {"class": "GenericError", "desc": "No such \"x\""}}"#,
        Some(3),
        "GenericError",
        "No such \"x\"",
    );
    check(
        br#"{"error": {"desc": "JSON parse error", "class": "GenericError", "x": 1}}"#,
        None,
        "GenericError",
        "JSON parse error",
    );
    check(
        b"{\"error\": {\"class\": \"C\", \"desc\": \"a\xffb\\ud800\"}, \"id\": 1}",
        Some(1),
        "C",
        "a\u{fffd}b\u{fffd}",
    );
}

#[test]
fn events() {
    let stop = event(br#"{"timestamp": {"seconds": 1700000000, "microseconds": 12}, "event": "STOP"}"#);
    assert!(matches!(stop.name(), Cow::Borrowed("STOP")));
    assert_eq!((stop.raw_data(), stop.timestamp()), (None, Some((1_700_000_000, 12))));

    let escaped =
        event(br#"{"event": "ST\u004fP", "data": {"a": inf}, "timestamp": {"seconds": -1, "microseconds": -1}}"#);
    assert_eq!((escaped.name().as_ref(), escaped.raw_data()), ("STOP", Some(Cow::Borrowed(&br#"{"a": inf}"#[..]))));
    assert_eq!(escaped.timestamp(), Some((-1, -1)));

    let bare = event(b"{\"event\": \"A\xff\", \"timestamp\": 5}");
    assert_eq!((bare.name().as_ref(), bare.timestamp()), ("A\u{fffd}", None));
    assert_eq!(bare.detached(), bare);

    // As virt-qemu-qmp-proxy of libvirt has it.
    let proxied = event(br#"{"event": "E", "data": "{\"id\":\"b1\"}"}"#);
    assert_eq!(proxied.raw_data().as_deref(), Some(&br#"{"id":"b1"}"#[..]));
    assert_eq!(event(br#"{"event": "E", "data": "b1"}"#).raw_data().as_deref(), Some(&br#""b1""#[..]));
}

#[test]
fn malformed_messages() {
    let check = |text: &str, fault: Fault, id: Option<u64>| {
        let error = message(text.as_bytes()).unwrap_err();
        assert_eq!((error.fault, error.id), (fault, id), "{text}");
        assert_eq!(error.to_string(), format!("{fault}: `{text}`"));
    };
    check("{}", Fault::Unknown, None);
    check(r#"{"id": 4, "x": 1}"#, Fault::Unknown, Some(4));
    check(r#"{"return": 1, "error": {"class": "C", "desc": "d"}, "id": 4}"#, Fault::Ambiguous, Some(4));
    check(r#"{"return": null, "event": "X", "id": 4}"#, Fault::Ambiguous, Some(4));
    check(r#"{"QMP": {}, "return": {}}"#, Fault::Ambiguous, None);
    check(r#"{"QMP": 1}"#, Fault::Greeting, None);
    check(r#"{"QMP": {"version": {"qemu": {"major": 7, "minor": -2, "micro": 1}}}}"#, Fault::Greeting, None);
    check(
        r#"{"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 1}}, "capabilities": 1}}"#,
        Fault::Greeting,
        None,
    );
    check(r#"{"event": 1}"#, Fault::EventName, None);
    check(r#"{"event": null}"#, Fault::EventName, None);
    check(r#"{"error": null, "id": 4}"#, Fault::Error, Some(4));
    check(r#"{"error": {"class": "C"}, "id": 4}"#, Fault::Error, Some(4));
    check(r#"{"error": {"desc": "d"}, "id": 4}"#, Fault::Error, Some(4));
    check(r#"{"error": {"class": "C", "desc": 1}, "id": 4}"#, Fault::Error, Some(4));
    for id in ["1.0", "1e0", "-1", "-0", "01", "\"1\"", "{}", "[1]", "null", "true", "18446744073709551616", "inf"] {
        check(&format!(r#"{{"return": {{}}, "id": {id}}}"#), Fault::Id, None);
    }
}

#[test]
fn what_a_malformed_message_says_is_safe_to_show() {
    let error = message(b"{\"x\": \"\x1b[2J\", \"password\": \"hunter2\"}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server sent a message that is not a greeting, an event or a reply: `{\"x\": \"\\u{1b}[2J\", \"password\": \"***\"}`"
    );
    assert!(error.id.is_none());
}

#[test]
fn a_request_shown_for_debugging_keeps_its_secrets() {
    let arguments = serde_json::json!({"protocol": "vnc", "password": "hunter2"});
    let request = Request::new("set_password").arguments(&arguments).unwrap();
    let shown = format!("{request:?}");
    assert!(shown.contains("***") && !shown.contains("hunter2"), "{shown}");
}
