//! Malformed and stray replies.

use qmpsh::client::Client;
use qmpsh::events::Delivery;
use qmpsh::protocol::Runstate;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{Line, answer, session, session_with, start, within};

/// What becomes of the one command pending when the server says this, then its right reply.
async fn with_one_pending(said: &[u8]) -> Result<String, String> {
    let (client, mut server) = session().await;
    let execution = start(&client, "x").await;
    server.hear_command().await;
    server.say(said).await;
    server.say(r#"{"return": "right", "id": 1}"#).await;
    answer(execution).await
}

/// What becomes of two, told by their answers; then how the session ended, if it did.
async fn with_two_pending(said: &str) -> (Vec<Result<String, String>>, Option<String>) {
    let (client, mut server) = session().await;
    let executions = [start(&client, "x").await, start(&client, "y").await];
    server.hear_command().await;
    server.hear_command().await;
    server.say(said).await;
    server.say(r#"{"return": 2, "id": 2}{"return": 1, "id": 1}"#).await;
    let mut answers = Vec::new();
    for execution in executions {
        answers.push(answer(execution).await);
    }
    let ended = within(client.disconnect()).await.err().map(|error| error.to_string());
    (answers, ended)
}

const PARSING: &str = r#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#;

#[tokio::test]
async fn stray_messages_with_one_command_pending_fail_it_or_are_ignored() {
    let right = Ok("\"right\"");
    let failed = |why: &'static str| Err(why);
    let rows: &[(&str, Result<&str, &str>)] = &[
        // Replies to no command.
        (r#"{"return": 1, "id": 2}"#, right),
        (r#"{"id": 7, "error": {"class": "A", "desc": "b"}}"#, right),
        (r#"{"return": 1, "id": 18446744073709551615}"#, right),
        (r#"{"return": 1, "id": 0}"#, right),
        // Replies to another client, whose ids can be anything.
        (r#"{"return": 1, "id": "nobody"}"#, right),
        (r#"{"return": 1, "id": "1"}"#, right),
        (r#"{"return": 1, "id": 1.0}"#, right),
        (r#"{"return": 1, "id": 1e0}"#, right),
        (r#"{"return": 1, "id": -1}"#, right),
        (r#"{"return": 1, "id": 01}"#, right),
        (r#"{"return": 1, "id": 18446744073709551617}"#, right),
        (r#"{"return": 1, "id": inf}"#, right),
        (r#"{"return": 1, "id": null}"#, right),
        (r#"{"return": 1, "id": true}"#, right),
        (r#"{"return": 1, "id": [1]}"#, right),
        (r#"{"return": 1, "id": {"id": 1}}"#, right),
        (r#"{"id": [1], "error": {"class": "A", "desc": "b"}}"#, right),
        (r#"{"id": "x", "error": 1}"#, right),
        (r#"{"id": "x"}"#, right),
        // Not replies at all.
        (r#"{"event": 5}"#, right),
        (r#"{"event": "A\ud800"}"#, right),
        (r#"{"QMP": {}}"#, right),
        (r#"{"QMP": 1, "id": 1}"#, right),
        // Without an id it can only be this one's.
        (PARSING, failed("GenericError: JSON parse error")),
        (r#"{"return": 1}"#, failed("the server sent a reply without the id of its command: `{\"return\": 1}`")),
        (
            r#"{"what": 1}"#,
            failed("the server sent a message that is not a greeting, an event or a reply: `{\"what\": 1}`"),
        ),
        // With its id.
        (
            r#"{"id": 1}"#,
            failed("the server sent a message that is not a greeting, an event or a reply: `{\"id\": 1}`"),
        ),
        (
            r#"{"id": 1, "return": {}, "error": {"class": "A", "desc": "b"}}"#,
            failed(
                "the server sent a message that is two things at once: `{\"id\": 1, \"return\": {}, \"error\": \
                 {\"class\": \"A\", \"desc\": \"b\"}}`",
            ),
        ),
        (
            r#"{"id": 1, "error": "b"}"#,
            failed("the server sent an error without class and description: `{\"id\": 1, \"error\": \"b\"}`"),
        ),
        // What is no JSON inside a reply is handed on as it came.
        (r#"{"return": inf, "id": 1}"#, Ok("inf")),
        (r#"{"return": {"a": [-inf, 1e400]}, "id": 1}"#, Ok("{\"a\": [-inf, 1e400]}")),
        (r#"{"return": null, "id": 1}"#, Ok("null")),
    ];
    for (said, expected) in rows {
        let answer = with_one_pending(said.as_bytes()).await;
        assert_eq!(answer.as_deref().map_err(String::as_str), *expected, "{said}");
    }
}

#[tokio::test]
async fn messages_that_are_not_utf_8_are_passed_on() {
    let (client, mut server) = session().await;
    let execution = start(&client, "x").await;
    server.hear_command().await;
    server.say(b"{\"return\": \"\xff\xc3\", \"id\": 1}").await;
    let reply = within(execution).await.unwrap();
    assert_eq!(&reply.result().unwrap()[..], b"\"\xff\xc3\"");
    let answer = with_one_pending(b"{\"id\": 1, \"error\": {\"class\": \"A\", \"desc\": \"\xff\"}}").await;
    assert_eq!(answer.unwrap_err(), "A: \u{fffd}");
    assert_eq!(with_one_pending(b"{\"event\": \"\xff\"}").await.as_deref(), Ok("\"right\""));
}

#[tokio::test]
async fn stray_messages_with_several_commands_pending_end_the_session_or_are_ignored() {
    let right = (vec![Ok("1".to_owned()), Ok("2".to_owned())], None);
    for said in [
        "",
        r#"{"return": 1, "id": 3}"#,
        r#"{"return": 1, "id": "1"}"#,
        r#"{"error": 1, "id": null}"#,
        r#"{"event": []}"#,
        r#"{"QMP": []}"#,
    ] {
        assert_eq!(with_two_pending(said).await, right, "{said}");
    }
    let unknown = |name, why| {
        Err(format!("the connection ended before the reply came, so whether `{name}` ran is unknown: {why}"))
    };
    // It may be either's: both are unknown, and the session ends.
    for (said, why) in [
        (PARSING, "the server reports an error without saying for which command: GenericError: JSON parse error"),
        (r#"{"return": 1}"#, "the server sent a reply without the id of its command: `{\"return\": 1}`"),
        (r#"{"x": 1}"#, "the server sent a message that is not a greeting, an event or a reply: `{\"x\": 1}`"),
        ("}", "received data is not a JSON object: `}{\"return\": 2, \"id\": 2}{\"return\": 1, \"id\": 1}`"),
    ] {
        let expected = (vec![unknown("x", why), unknown("y", why)], Some(why.to_owned()));
        assert_eq!(with_two_pending(said).await, expected, "{said}");
    }
    // One of them is meant.
    let (answers, ended) = with_two_pending(r#"{"id": 2, "error": 1}"#).await;
    assert_eq!(answers[0].as_deref(), Ok("1"));
    let why = "the server sent an error without class and description: `{\"id\": 2, \"error\": 1}`";
    assert_eq!((answers[1].as_ref().unwrap_err().as_str(), ended), (why, None));
}

#[tokio::test]
async fn stray_messages_without_a_pending_command_are_ignored_but_errors() {
    for (said, why) in [
        (r#"{"return": 1}"#, None),
        (r#"{"return": 1, "id": 1}"#, None),
        (r#"{"x": 1}"#, None),
        (PARSING, Some("the server reports an error without saying for which command: GenericError: JSON parse error")),
    ] {
        let (client, mut server) = session().await;
        let mut events = client.events_with(Delivery::Lossless { room: 1000 }, |_| true);
        server.say(format!(r#"{said}{{"event": "HEARD"}}"#)).await;
        if why.is_none() {
            assert_eq!(within(events.batch()).await.events.len(), 1, "{said}");
            let execution = start(&client, "x").await;
            server.hear_command().await;
            server.say(r#"{"return": 2, "id": 1}"#).await;
            assert_eq!(answer(execution).await.as_deref(), Ok("2"), "{said}");
        } else {
            let mut state = client.session().watch();
            while client.session().state() == Runstate::Running {
                within(state.changed()).await;
            }
        }
        let ended = within(client.disconnect()).await.err().map(|error| error.to_string());
        assert_eq!(ended.as_deref(), why, "{said}");
    }
}

#[tokio::test]
async fn a_reply_over_the_limit_ends_the_session() {
    for (limit, fits) in [(256, true), (255, false)] {
        let (client, mut server) = session_with(Client::builder().max_message(limit)).await;
        let execution = start(&client, "x").await;
        server.hear_command().await;
        let result = "x".repeat(256 - r#"{"return": "", "id": 1}"#.len());
        server.say(format!(r#"{{"return": "{result}", "id": 1}}"#)).await;
        match answer(execution).await {
            Ok(answer) => assert!(fits && answer == format!("\"{result}\"")),
            Err(error) => {
                let expected = "the connection ended before the reply came, so whether `x` ran is unknown: a message \
                                is longer than the limit of 255 bytes; it begins with `{\"return\": \"xxx";
                assert!(!fits && error.starts_with(expected), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_deeply_nested_reply_is_read() {
    for depth in [1_000, 200_000] {
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        let (client, mut server) = session().await;
        let execution = start(&client, "x").await;
        server.hear_command().await;
        server.say(format!(r#"{{"return": {deep}, "id": 1}}"#)).await;
        assert_eq!(answer(execution).await, Ok(deep));
    }
}

#[tokio::test]
async fn replies_may_be_split_and_joined_anywhere() {
    let (client, mut server) = session().await;
    let executions = [start(&client, "a").await, start(&client, "b").await];
    server.hear_command().await;
    server.hear_command().await;
    let bytes = "\r\n{\"return\"\r\n:\n {\r\n \"a\":\"}\\\"{\" }, \"id\": 1}\u{20}{\"return\": [], \"id\": 2}\n";
    for byte in bytes.bytes() {
        server.say([byte]).await;
        tokio::task::yield_now().await;
    }
    for (execution, expected) in executions.into_iter().zip(["{\r\n \"a\":\"}\\\"{\" }", "[]"]) {
        assert_eq!(answer(execution).await.as_deref(), Ok(expected));
    }
}

/// The number that an agent must send back to synchronize.
async fn hear_sync(agent: &mut DuplexStream) -> String {
    let mut heard = String::new();
    loop {
        let mut chunk = [0; 1000];
        let count = within(agent.read(&mut chunk)).await.unwrap();
        assert!(count > 0, "the session ended");
        heard += &String::from_utf8_lossy(&chunk[..count]);
        if let Some((_, after)) = heard.split_once(r#""guest-sync-delimited","arguments":{"id":"#)
            && let Some((token, _)) = after.split_once('}')
        {
            return token.to_owned();
        }
    }
}

/// A user stops waiting for a large file, and goes on.
#[tokio::test]
async fn an_agents_reply_that_is_given_up_halfway_does_not_disturb_the_next() {
    let client = Client::builder().guest_agent(true).build();
    let (ours, mut agent) = tokio::io::duplex(1 << 20);
    let greet = async {
        let token = hear_sync(&mut agent).await;
        agent.write_all(b"\xff").await.unwrap();
        agent.write_all(format!("{{\"return\": {token}}}\n").as_bytes()).await.unwrap();
    };
    let (connected, ()) = tokio::join!(within(client.open(Line(ours))), greet);
    connected.unwrap();
    let given_up = start(&client, "guest-file-read").await;
    agent.write_all(br#"{"return": {"count": 1000, "buf-b64": ["#).await.unwrap();
    // The client has read the beginning when its driver has had a turn.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    drop(given_up);
    let next = start(&client, "guest-get-time").await;
    let token = hear_sync(&mut agent).await;
    agent.write_all(br#""rest"]}, "id": 1}"#).await.unwrap();
    agent.write_all(b"\n\xff").await.unwrap();
    agent.write_all(format!("{{\"return\": {token}}}\n{{\"return\": 7, \"id\": 1}}\n").as_bytes()).await.unwrap();
    assert_eq!(answer(next).await.as_deref(), Ok("7"));
}
