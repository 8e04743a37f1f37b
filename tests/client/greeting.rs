//! Greeting and negotiation, and what may come in their place.

use qmpsh::client::{Client, Progress};
use qmpsh::events::Delivery;
use qmpsh::protocol::Runstate;

use super::{GREETING, answer, cause, connect, line, start, within};

/// What a client says that meets `bytes` and then the end of file.
async fn refused(bytes: &[u8]) -> String {
    let client = Client::builder().build();
    let (line, mut server) = line();
    server.say(bytes).await;
    drop(server);
    let error = within(client.open(line)).await.unwrap_err();
    assert_eq!(client.session().state(), Runstate::Idle);
    cause(error).to_string()
}

#[tokio::test]
async fn each_peer_that_is_not_qmp_has_its_message() {
    let rows: &[(&[u8], &str)] = &[
        (b"", "the peer closed the connection before its greeting: it is not a QMP monitor, or it is shutting down"),
        (
            b"\r\n \xff\r\n",
            "the peer closed the connection before its greeting: it is not a QMP monitor, or it is shutting down",
        ),
        (
            b"{\"QMP\": {\"version\"",
            "the peer closed the connection in the middle of its greeting, after `{\"QMP\": {\"version\"`",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n",
            "this is not a QMP monitor: a web server answers there; it said `HTTP/1.1 400 Bad Request\\r\\nServer: x\\r\\n`",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
            "this is not a QMP monitor: an SSH server answers there; it said `SSH-2.0-OpenSSH_9.2p1 Debian-2\\r\\n`",
        ),
        (
            b"\x15\x03\x01\x00\x02\x02\x46",
            "this is not a QMP monitor: the peer speaks TLS, and this side does not; it said `\\u{15}\\u{3}\\u{1}\\u{0}\\u{2}\\u{2}F`",
        ),
        (
            b"\xff\xfd\x03\xff\xfb\x01{\"QMP\": {}}",
            "this is not a QMP monitor: the peer speaks telnet (its chardev has telnet=on); it said `\\xfd\\u{3}\\xff\\xfb\\u{1}{\"QMP\": {}}`",
        ),
        (
            b"QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ",
            "this is not a QMP monitor: it is a human monitor (start QEMU with -qmp, or -mon \u{2026},mode=control); \
             it said `QEMU 7.2.22 monitor - type 'help' for more information\\r\\n(\u{2026}`",
        ),
        (b"\x1b[2J hello", "this is not a QMP monitor: the peer speaks another protocol; it said `\\u{1b}[2J hello`"),
        (b"[1]", "this is not a QMP monitor: the peer speaks another protocol; it said `[1]`"),
        (
            b"{\"return\": {}}",
            "the peer sent a reply instead of a greeting: it is not a QMP monitor, or the session on this connection has already begun",
        ),
        (
            b"{\"QMP\": {}}",
            "the peer's greeting is not a QMP greeting: the server sent a greeting without a valid version: `{\"QMP\": {}}`",
        ),
        (
            b"{\"hello\": 1}",
            "the peer's greeting is not a QMP greeting: the server sent a message that is not a greeting, an event or a reply: `{\"hello\": 1}`",
        ),
    ];
    for (bytes, expected) in rows {
        assert_eq!(refused(bytes).await, *expected, "{}", bytes.escape_ascii());
    }
}

#[tokio::test]
async fn a_greeting_over_the_limit_fails() {
    let client = Client::builder().max_message(50).build();
    let (line, mut server) = line();
    server.say(GREETING).await;
    let error = cause(within(client.open(line)).await.unwrap_err()).to_string();
    assert!(error.starts_with("a message is longer than the limit of 50 bytes; it begins with `{\"QMP\""), "{error}");
}

#[tokio::test]
async fn connect_progress_tells_silence_from_half_a_greeting() {
    let client = Client::builder().build();
    assert_eq!(client.progress(), Progress::Connecting);
    let (line, mut server) = line();
    let connecting = tokio::spawn({
        let client = client.clone();
        async move { client.open(line).await }
    });
    let reached = async |expected: Progress| {
        within(async {
            while client.progress() != expected {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    reached(Progress::AwaitingGreeting { seen: vec![] }).await;
    let (first, second) = GREETING.split_at(10);
    server.say(first).await;
    reached(Progress::AwaitingGreeting { seen: first.as_bytes().to_vec() }).await;
    server.say(second).await;
    reached(Progress::Negotiating).await;
    drop(server);
    within(connecting).await.unwrap().unwrap_err();
    // A later attempt that comes less far says so.
    let never = super::Never;
    let attempt = tokio::spawn({
        let client = client.clone();
        async move { client.open(never).await }
    });
    reached(Progress::Connecting).await;
    attempt.abort();
    let _ = attempt.await;
    let _server = connect(&client).await;
    assert_eq!(client.progress(), Progress::Established);
}

#[tokio::test]
async fn e17_events_around_the_greeting_are_kept_and_a_second_greeting_is_ignored() {
    let client = Client::builder().build();
    let mut events = client.events_with(Delivery::Lossless { room: 1 << 20 }, |_| true);
    let (line, mut server) = line();
    let serve = async {
        server.say(r#"{"event": "RESUME"}"#).await;
        // No event, and not worth the session.
        server.say(r#"{"event": 5}"#).await;
        server.say(GREETING).await;
        server.say(r#"{"event": 6}"#).await;
        let (_, id) = server.hear_command().await;
        server
            .say(format!(r#"{{"event": "A"}}{GREETING}{{"return": 1, "id": 77}}{{"return": {{}}, "id": {id}}}"#))
            .await;
        // Read too much with it, and carried over.
        server.say(format!(r#"{{"event": "B"}}{GREETING}{{"QMP": 1}}"#)).await;
        server
    };
    let (connected, mut server) = tokio::join!(within(client.open(line)), serve);
    connected.unwrap();
    let execution = start(&client, "x").await;
    assert_eq!(server.hear().await, r#"{"execute":"x","id":1}"#);
    server.say(r#"{"return": 1, "id": 1}"#).await;
    assert_eq!(answer(execution).await.as_deref(), Ok("1"));
    let names: Vec<_> = events.try_batch().events.iter().map(|event| event.name().into_owned()).collect();
    assert_eq!(names, ["RESUME", "A", "B"]);
    assert_eq!(client.greeting().unwrap().version.to_string(), "7.2.22");
}

#[tokio::test]
async fn e17_oob_is_enabled_where_it_is_offered_and_wanted() {
    let with = r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":"#;
    let without = r#"{"execute":"qmp_capabilities","id":"#;
    let unoffered = GREETING.replace(r#"["oob"]"#, r#"["other"]"#);
    for (greeting, wanted, expected) in
        [(GREETING, true, with), (GREETING, false, without), (&unoffered, true, without)]
    {
        let client = Client::builder().out_of_band(wanted).build();
        let (line, mut server) = line();
        let serve = async {
            server.say(greeting).await;
            let heard = server.hear().await;
            let id = heard.strip_prefix(expected).expect(&heard).to_owned();
            server.say(format!(r#"{{"return": {{}}, "id": {id}"#)).await;
            server
        };
        let (connected, _server) = tokio::join!(within(client.open(line)), serve);
        connected.unwrap();
    }
}

/// QEMU sends replies to an earlier client to the next one.
#[tokio::test]
async fn e17_replies_to_an_earlier_client_are_ignored() {
    let (client, (line, mut server)) = (Client::builder().build(), line());
    let serve = async {
        server.say(r#"{"return": {"n": 1}, "id": 1}"#).await;
        server.say(r#"{"id": 2, "error": {"class": "GenericError", "desc": "not yours"}}"#).await;
        server.say(GREETING).await;
        let (_, id) = server.hear_command().await;
        for earlier in
            [r#", "id": 1"#, "", r#", "id": 0"#, r#", "id": "libvirt-7""#, r#", "id": 77"#, r#", "id": {"n": 1}"#]
        {
            server.say(format!(r#"{{"return": {{"n": 1}}{earlier}}}"#)).await;
            server.say(format!(r#"{{"return": {{}}{earlier}}}"#)).await;
            server.say(format!(r#"{{"error": {{"class": "GenericError", "desc": "not yours"}}{earlier}}}"#)).await;
        }
        server.say(r#"{"id": 1, "error": {"class": "GenericError", "desc": "not yours"}}"#).await;
        server.say(format!(r#"{{"return": {{}}, "id": {id}}}"#)).await;
        server
    };
    let (connected, mut server) = tokio::join!(within(client.open(line)), serve);
    connected.unwrap();
    let execution = start(&client, "x").await;
    assert_eq!(server.hear().await, r#"{"execute":"x","id":1}"#);
    server.say(r#"{"return": 5, "id": 1}"#).await;
    assert_eq!(answer(execution).await.as_deref(), Ok("5"));
}

/// On a connection that is inherited, for one.
#[tokio::test]
async fn e17_a_reply_without_a_greeting_after_it_is_reported() {
    let (client, (line, mut server)) = (Client::builder().build(), line());
    server.say(r#"{"return": {}, "id": 1}"#).await;
    let error = cause(within(client.open(line)).await.unwrap_err());
    assert!(error.to_string().starts_with("the peer sent a reply instead of a greeting: "), "{error}");
    drop(server);
}

#[tokio::test]
async fn e17_a_failed_negotiation_has_its_cause() {
    let closed = "the peer closed the connection during the negotiation";
    let rows = [
        ("", closed),
        (r#"{"return": {"#, closed),
        (
            r#"{"id": ID, "error": {"class": "CommandNotFound", "desc": "no"}}"#,
            "the negotiation failed: CommandNotFound: no",
        ),
        (
            r#"{"error": {"class": "GenericError", "desc": "a\u001bb"}}"#,
            "the negotiation failed: GenericError: a\\u{1b}b",
        ),
        (r#"{"return": {}}"#, "the server sent a reply without the id of its command: `{\"return\": {}}`"),
        (r#"{"id": 1}"#, "the server sent a message that is not a greeting, an event or a reply: `{\"id\": 1}`"),
        ("nonsense", "received data is not a JSON object: `nonsense`"),
    ];
    for (reply, expected) in rows {
        let client = Client::builder().build();
        let (line, mut server) = line();
        let serve = async {
            server.say(GREETING).await;
            let (_, id) = server.hear_command().await;
            server.say(reply.replace("ID", &id.to_string())).await;
            drop(server);
        };
        let (connected, ()) = tokio::join!(within(client.open(line)), serve);
        assert_eq!(cause(connected.unwrap_err()).to_string(), expected, "{reply}");
        assert_eq!(client.session().state(), Runstate::Idle);
    }
}

#[tokio::test]
async fn e17_without_negotiation_commands_go_out_at_once() {
    let client = Client::builder().negotiate(false).build();
    let (line, mut server) = line();
    within(client.open(line)).await.unwrap();
    let execution = start(&client, "x").await;
    assert_eq!(server.hear().await, r#"{"execute":"x","id":1}"#);
    server.say(format!(r#"{GREETING}{{"return": [], "id": 1}}"#)).await;
    assert_eq!(answer(execution).await.as_deref(), Ok("[]"));
    assert_eq!(client.greeting(), None);
}
