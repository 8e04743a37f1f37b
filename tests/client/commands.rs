//! Sending commands: ids, text, log, and abandoned commands.

use qmpsh::client::{Client, ExecuteError};
use qmpsh::message::{Outcome, Request};
use qmpsh::protocol::Runstate;
use serde_json::json;
use serde_json::value::RawValue;
use tracing::Level;

use super::{GREETING, answer, connect, line, session, session_with, start, told, within};
use crate::engine::logs::Log;

fn ok(id: u64) -> String {
    format!(r#"{{"return": {id}, "id": {id}}}"#)
}

#[tokio::test]
async fn a_command_gets_the_smallest_free_id() {
    let (client, mut server) = session().await;
    let mut executions = Vec::new();
    for (name, id) in [("a", 1), ("b", 2), ("c", 3)] {
        executions.push(start(&client, name).await);
        assert_eq!(server.hear_command().await, (name.to_owned(), id));
    }
    server.say(ok(2)).await;
    assert_eq!(answer(executions.remove(1)).await.as_deref(), Ok("2"));
    for (name, id) in [("d", 2), ("e", 4)] {
        executions.push(start(&client, name).await);
        assert_eq!(server.hear_command().await, (name.to_owned(), id));
    }
    // An out-of-band reply may overtake, so any order will do.
    for id in [4, 1, 3, 2] {
        server.say(ok(id)).await;
    }
    for (execution, result) in executions.into_iter().zip(["1", "3", "2", "4"]) {
        assert_eq!(answer(execution).await.as_deref(), Ok(result));
    }
}

#[tokio::test]
async fn an_abandoned_command_keeps_its_id_until_its_late_reply() {
    let (client, mut server) = session().await;
    let given_up = start(&client, "slow").await;
    assert_eq!(server.hear_command().await, ("slow".to_owned(), 1));
    drop(given_up);
    let next = start(&client, "a").await;
    assert_eq!(server.hear_command().await, ("a".to_owned(), 2));
    server.say(ok(1) + &ok(2)).await;
    assert_eq!(answer(next).await.as_deref(), Ok("2"), "not the late reply");
    let next = start(&client, "b").await;
    assert_eq!(server.hear_command().await, ("b".to_owned(), 1));
    server.say(ok(1)).await;
    assert_eq!(answer(next).await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_command_abandoned_in_the_queue_is_not_sent() {
    let (client, mut server) = session().await;
    // The driver has had no turn yet.
    let given_up = client.start(Request::new("never")).await.unwrap();
    drop(given_up);
    let next = start(&client, "a").await;
    assert_eq!(server.hear_command().await, ("a".to_owned(), 1));
    server.say(ok(1)).await;
    assert_eq!(answer(next).await.as_deref(), Ok("1"));
}

/// virt-qemu-qmp-proxy never answers two that come together.
#[tokio::test]
async fn libvirts_proxy_gets_one_command_at_a_time() {
    for (package, together) in [("qemu-7.2.22", false), ("qemu-7.2.22-1.fc38", true), ("", true)] {
        let greeting = GREETING.replace(r#""package": """#, &format!(r#""package": "{package}""#));
        let client = Client::builder().build();
        let (line, mut server) = line();
        let (connected, ()) = tokio::join!(within(client.open(line)), server.welcome_with(&greeting));
        connected.unwrap();
        // The driver has no turn between them.
        let (a, given_up) = (start(&client, "a").await, start(&client, "never").await);
        let b = start(&client, "b").await;
        drop(given_up);
        assert_eq!(server.hear_command().await, ("a".to_owned(), 1));
        assert_eq!(server.has_heard_all(), !together, "{package}");
        server.say(ok(1)).await;
        assert_eq!(answer(a).await.as_deref(), Ok("1"));
        if !together {
            assert_eq!(server.hear_command().await, ("b".to_owned(), 1));
            server.say(ok(1)).await;
            assert_eq!(answer(b).await.as_deref(), Ok("1"));
        }
    }
}

#[tokio::test]
async fn encoding_adds_the_id_and_changes_nothing_else() {
    let (client, mut server) = session().await;
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let rows = [
        (Request::new("x"), r#"{"execute":"x","id":1}"#),
        (
            Request::new("yank").out_of_band().arguments(&json!({"a": [{}]})).unwrap(),
            r#"{"exec-oob":"yank","arguments":{"a":[{}]},"id":1}"#,
        ),
        (
            Request::new("x").arguments(&raw(r#"{"n":18446744073709551615,"f":0.10,"t":"\u20ac}"}"#)).unwrap(),
            r#"{"execute":"x","arguments":{"n":18446744073709551615,"f":0.10,"t":"\u20ac}"},"id":1}"#,
        ),
    ];
    for (request, sent) in rows {
        let execution = client.start(request).await.unwrap();
        assert_eq!(server.hear().await, sent);
        server.say(ok(1)).await;
        assert_eq!(answer(execution).await.as_deref(), Ok("1"));
    }
}

#[tokio::test]
async fn a_lost_connection_tells_sent_from_unsent_commands() {
    let (client, mut server) = session_with(Client::builder()).await;
    let sent = start(&client, "sent").await;
    server.hear_command().await;
    let queued = client.start(Request::new("queued")).await.unwrap();
    client.session().abort();
    assert_eq!(
        answer(sent).await.unwrap_err(),
        "the connection ended before the reply came, so whether `sent` ran is unknown"
    );
    assert_eq!(answer(queued).await.unwrap_err(), "the connection ended before `queued` was sent");
    within(client.disconnect()).await.unwrap();
    let error = within(client.execute(Request::new("x"))).await.unwrap_err();
    assert!(matches!(error, ExecuteError::State(_)), "{error:?}");
    assert_eq!(told(&error), "QMPClient is disconnected and idle.");

    let mut server = connect(&client).await;
    let sent = start(&client, "sent").await;
    server.hear_command().await;
    drop(server);
    assert_eq!(
        answer(sent).await.unwrap_err(),
        "the connection ended before the reply came, so whether `sent` ran is unknown: the peer closed the connection"
    );
    within(client.disconnect()).await.unwrap_err();
}

#[tokio::test]
async fn an_error_reply_is_an_execute_error() {
    let (client, mut server) = session().await;
    let execution = start(&client, "x").await;
    server.hear_command().await;
    server.say(r#"{"id": 1, "error": {"class": "GenericError", "desc": "no \u20ac", "more": 1}}"#).await;
    let error = within(execution).await.unwrap_err();
    assert_eq!(told(&error), "GenericError: no €");
    let ExecuteError::Server { class, desc, reply } = error else { panic!("{error:?}") };
    assert_eq!(reply.outcome(), &Outcome::Error { class, desc });
    assert_eq!((reply.id(), reply.result()), (Some(1), None));
    assert_eq!(client.session().state(), Runstate::Running);
}

#[tokio::test]
async fn e20_a_new_session_has_no_state_of_the_old_one() {
    let (client, mut server) = session().await;
    let unanswered = start(&client, "a").await;
    server.hear_command().await;
    server.say(r#"{"half": "#).await;
    drop(server);
    answer(unanswered).await.unwrap_err();
    within(client.disconnect()).await.unwrap_err();
    let mut server = connect(&client).await;
    let execution = start(&client, "b").await;
    assert_eq!(server.hear_command().await, ("b".to_owned(), 1));
    server.say(ok(1)).await;
    assert_eq!(answer(execution).await.as_deref(), Ok("1"));
    within(client.disconnect()).await.unwrap();
    assert_eq!(server.hear_or_end().await, None);
}

#[tokio::test]
async fn e14_what_is_queued_is_sent_before_a_disconnect() {
    let (client, mut server) = session().await;
    let execution = start(&client, "quit").await;
    let (ended, ()) = tokio::join!(within(client.disconnect()), async {
        assert_eq!(server.hear_command().await, ("quit".to_owned(), 1));
        assert_eq!(server.hear_or_end().await, None);
    });
    ended.unwrap();
    assert_eq!(
        answer(execution).await.unwrap_err(),
        "the connection ended before the reply came, so whether `quit` ran is unknown"
    );
}

#[tokio::test]
async fn e16_messages_are_logged_with_secrets_masked() {
    let (log, _guard) = Log::start(Level::DEBUG);
    let client = Client::builder().name("web1").build();
    let mut server = connect(&client).await;
    let arguments = json!({"protocol": "vnc", "password": "hush"});
    let request = Request::new("set_password").arguments(&arguments).unwrap();
    let execution = client.start(request).await.unwrap();
    assert!(server.hear().await.contains("hush"), "the server gets it");
    server.say(r#"{"return": {"password": "hush"}, "id": 1}{"event": "PASSWORD", "data": {"password": "hush"}}"#).await;
    answer(execution).await.unwrap();
    within(client.disconnect()).await.unwrap();
    let lines = log.lines();
    let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    assert_eq!((count("<-- "), count("--> ")), (4, 2), "{lines:#?}");
    assert_eq!((count("hush"), count("***")), (0, 3), "{lines:#?}");
    assert_eq!(count("connection{name=\"web1\"}"), lines.len(), "{lines:#?}");
}
