//! Commands, results and events as a user's own types, on a server in memory and on a real QEMU.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use proptest::prelude::*;
use qmpsh::address::Address;
use qmpsh::client::{Client, ExecuteError};
use qmpsh::events::EventStream;
use qmpsh::message::Request;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{connect, session, within};
use crate::support::Qemu;

#[derive(Debug, PartialEq, Deserialize)]
struct Status {
    running: bool,
}

fn address(qemu: &Qemu) -> Address {
    Address::Unix(qemu.socket())
}

/// The names of the events that have come, and if the stream has ended.
fn drain(events: &mut EventStream) -> (String, bool) {
    let mut names = String::new();
    loop {
        match Pin::new(&mut *events).poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(event)) => names += &event.name(),
            Poll::Ready(None) => return (names, true),
            Poll::Pending => return (names, false),
        }
    }
}

#[tokio::test]
async fn results_are_read_as_the_type_that_is_asked_for() {
    let (client, mut server) = session().await;
    let answers = async {
        for (command, answer) in [
            (r#"{"execute":"query-status","id":1}"#, r#"{"return": {"running": true, "more": 1}, "id": 1}"#),
            (r#"{"execute":"stop","id":1}"#, r#"{"return": { }, "id": 1}"#),
            (r#"{"execute":"x","arguments":{"b":1,"a":"y"},"id":1}"#, r#"{"return": [1, 2], "id": 1}"#),
            (r#"{"execute":"query-status","id":1}"#, r#"{"return": {"running": 7}, "id": 1}"#),
            (r#"{"execute":"stop","id":1}"#, r#"{"error": {"class": "GenericError", "desc": "no"}, "id": 1}"#),
        ] {
            assert_eq!(server.hear().await, command);
            server.say(answer).await;
        }
    };
    let calls = async {
        assert_eq!(client.call::<Status>("query-status", ()).await.unwrap(), Status { running: true });
        client.call::<()>("stop", ()).await.unwrap();
        assert_eq!(client.call::<Vec<u8>>("x", json!({"b": 1, "a": "y"})).await.unwrap(), [1, 2]);
        let error = client.call::<Status>("query-status", ()).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Parse(_)), "{error:?}");
        assert_eq!(error.to_string(), "the value of `return` has another type than expected");
        let source = error.source().unwrap().to_string();
        assert!(source.starts_with("invalid type: integer `7`, expected a boolean"), "{source}");
        assert!(matches!(client.call::<()>("stop", ()).await, Err(ExecuteError::Server { .. })));
        let error = client.call::<()>("stop", "all").await.unwrap_err();
        assert_eq!(error.to_string(), "the arguments are not an object");
    };
    within(async { tokio::join!(answers, calls) }).await;
}

#[tokio::test]
async fn data_of_events_is_read_and_none_is_an_empty_object() {
    #[derive(Deserialize)]
    struct Data {
        #[serde(default)]
        n: u64,
    }
    let (client, mut server) = session().await;
    let mut events = client.events(["A", "B*"]);
    server.say(r#"{"event": "A"}{"event": "AB"}{"event": "BA", "data": {"n": 7}}"#).await;
    let first = within(events.next()).await.unwrap();
    assert_eq!(first.data::<Data>().unwrap().n, 0);
    first.data::<()>().unwrap();
    let second = within(events.next()).await.unwrap();
    assert_eq!((second.data::<Data>().unwrap().n, &*second.name()), (7, "BA"));
    assert_eq!(
        second.data::<Vec<u64>>().unwrap_err().to_string(),
        "the value of `data` has another type than expected"
    );
}

#[tokio::test]
async fn a_pattern_that_is_no_glob_means_itself() {
    let (client, mut server) = session().await;
    let mut events = client.events(["[A", "B]"].map(str::to_owned));
    server.say(r#"{"event": "A"}{"event": "[A"}{"event": "B]"}"#).await;
    assert_eq!(within(events.next()).await.unwrap().name(), "[A");
    assert_eq!(within(events.next()).await.unwrap().name(), "B]");
}

#[tokio::test]
async fn a_stream_delivers_what_came_and_ends_with_the_session() {
    // How the session ends: by this side, by the peer, or with the last client.
    for end in ["disconnect", "close", "drop"] {
        let client = Client::builder().build();
        let mut events = client.events(["*"]);
        let mut lasting = client.events_with(qmpsh::events::Delivery::Newest { room: 1000 }, |_| true);
        let mut server = connect(&client).await;
        server.say(r#"{"event": "A"}{"event": "B"}"#).await;
        assert_eq!(within(events.next()).await.unwrap().name(), "A");
        let mut client = Some(client);
        match end {
            "disconnect" => within(client.as_ref().unwrap().disconnect()).await.unwrap(),
            "close" => drop(server),
            _ => drop(client.take()),
        }
        assert_eq!(within(events.next()).await.unwrap().name(), "B", "{end}");
        assert!(within(events.next()).await.is_none(), "{end}");
        assert_eq!(drain(&mut events), (String::new(), true), "{end}");
        // What is not of a session ends with the client.
        assert_eq!(within(lasting.batch()).await.events.len(), 2, "{end}");
        drop(client);
        assert!(within(lasting.next()).await.is_none(), "{end}");
    }
}

#[tokio::test]
async fn a_stream_of_an_ended_session_has_nothing_of_the_next() {
    let client = Client::builder().build();
    let mut first = client.events(["*"]);
    let mut server = connect(&client).await;
    server.say(r#"{"event": "A"}"#).await;
    assert_eq!(within(first.next()).await.unwrap().name(), "A");
    within(client.disconnect()).await.unwrap();
    let mut second = client.events(["*"]);
    let mut server = connect(&client).await;
    server.say(r#"{"event": "B"}"#).await;
    assert_eq!(within(second.next()).await.unwrap().name(), "B");
    assert_eq!(drain(&mut first), (String::new(), true));
    assert_eq!(drain(&mut second), (String::new(), false));
}

#[tokio::test]
async fn a_stream_that_is_not_read_keeps_8_mib_and_delays_nobody() {
    let (client, mut server) = session().await;
    let mut events = client.events(["A"]);
    let event = format!(r#"{{"event": "A", "data": "{}"}}"#, "x".repeat((1 << 20) - 26));
    assert_eq!(event.len(), 1 << 20);
    let said = async {
        for _ in 0..20 {
            server.say(&event).await;
        }
        server.hear_command().await;
        server.say(r#"{"return": {}, "id": 1}"#).await;
    };
    let (called, ()) = within(async { tokio::join!(client.call::<()>("x", ()), said) }).await;
    called.unwrap();
    assert_eq!((events.missed(), drain(&mut events)), (12, ("A".repeat(8), false)));
    assert_eq!(events.missed(), 12);
}

#[tokio::test]
async fn a_filter_may_use_the_client_and_its_streams() {
    let (client, mut server) = session().await;
    let inner = client.clone();
    let wanted = move |_: &qmpsh::message::Event| {
        drop(inner.events(["*"]));
        inner.greeting().is_some()
    };
    let mut events = client.events_with(qmpsh::events::Delivery::Newest { room: 1000 }, wanted);
    server.say(r#"{"event": "A"}"#).await;
    assert_eq!(within(events.next()).await.unwrap().name(), "A");
}

#[tokio::test]
async fn a_real_qemu_is_called_and_quits() {
    let mut qemu = Qemu::none().start();
    let client = within(Client::builder().name("web1").connect(address(&qemu))).await.unwrap();
    assert_eq!(client.session().name(), Some("web1"));
    let peer = client.peer_credentials().unwrap();
    assert_eq!(peer.pid(), i32::try_from(qemu.pid()).ok());
    let mut events = client.events(["STOP", "SHUTDOWN"]);
    within(client.call::<()>("stop", ())).await.unwrap();
    assert!(!within(client.call::<Status>("query-status", ())).await.unwrap().running);
    within(client.call::<()>("quit", ())).await.unwrap();
    let mut names = Vec::new();
    while let Some(event) = within(events.next()).await {
        names.push(event.name().into_owned());
    }
    // A machine of type none does not run.
    assert_eq!(names.last().map(String::as_str), Some("SHUTDOWN"));
    within(client.disconnect()).await.unwrap();
    qemu.wait();
}

/// Texts with what QEMU's parser treats apart: quotes, escapes, noncharacters, controls, `%`.
fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        proptest::sample::select(
            "\"\\%\u{0}\u{1f}\u{7f}\u{fffe}\u{fdd0}\u{10ffff}{}[],:'\n".chars().collect::<Vec<_>>()
        )
    ];
    proptest::collection::vec(character, 0..8).prop_map(|characters| characters.into_iter().collect())
}

/// JSON of any form, with the escapes, keys and numbers that parsers treat apart.
fn arguments() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
        proptest::sample::select(vec![r#""\ud800""#, r#""\udc00\ud800""#, r#""\ud83d\ude00""#, r#""\u0000""#])
            .prop_map(str::to_owned),
    ]
    .boxed();
    let scalar = proptest::sample::select(vec!["1", "-0", "1e400", "18446744073709551616", "0.1e-400", "null", "true"]);
    let leaf = prop_oneof![string.clone(), scalar.prop_map(str::to_owned)];
    let key = prop_oneof![Just(r#""a""#.to_owned()), Just(r#""\u0061""#.to_owned()), string];
    let object = move |value: BoxedStrategy<String>| {
        proptest::collection::vec((key.clone(), value), 0..4).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("{{{}}}", members.join(", "))
        })
    };
    let of_object = object.clone();
    let value = leaf.prop_recursive(3, 12, 4, move |value| {
        prop_oneof![
            proptest::collection::vec(value.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            of_object(value.boxed()),
        ]
    });
    prop_oneof![
        8 => object(value.boxed()),
        1 => (1_000..1_030_usize).prop_map(|depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth))),
    ]
}

#[test]
fn no_request_breaks_a_session_with_a_real_qemu() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let qemu = Qemu::none().start();
    let client = runtime.block_on(within(Client::connect(address(&qemu)))).unwrap();
    let name = prop_oneof![
        4 => text(),
        3 => proptest::sample::select(vec!["query-status", "qom-list", "query-version"]).prop_map(str::to_owned),
    ];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 400, ..ProptestConfig::default() });
    let rows = (name, proptest::option::of(arguments()), any::<bool>());
    let ran = runner.run(&rows, |(name, arguments, out_of_band)| {
        let request = match arguments.map(RawValue::from_string) {
            Some(Ok(arguments)) => match Request::new(name).arguments(&arguments) {
                Ok(request) => request,
                // It is an error before anything is sent.
                Err(_) => return Ok(()),
            },
            _ => Request::new(name),
        };
        let request = if out_of_band { request.out_of_band() } else { request };
        let outcome = runtime.block_on(within(client.execute(request)));
        let is_outcome = matches!(&outcome, Ok(_) | Err(ExecuteError::Server { .. } | ExecuteError::Request(_)));
        prop_assert!(is_outcome, "{:?}", outcome);
        let next: Result<serde_json::Value, _> = runtime.block_on(within(client.call("query-version", ())));
        prop_assert!(next.is_ok(), "{:?}", next);
        Ok(())
    });
    ran.unwrap();
}
