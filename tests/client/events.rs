//! Streams of events of the library.

use qmpsh::client::Client;
use qmpsh::events::{Delivery, EventStream};
use qmpsh::message::Request;

use super::{answer, connect, session, start, within};
use crate::support::Mock;

fn count(batch: &qmpsh::events::Batch) -> usize {
    batch.events.len()
}

#[tokio::test]
async fn a_lossless_stream_keeps_300000_events_before_a_reply() {
    const MANY: usize = 300_000;
    let mock = Mock::new().negotiate().expect_execute("x").events(MANY as u64).reply("1").unix();
    let client = Client::builder().build();
    let mut events = client.events_with(Delivery::Lossless { room: 100_000 }, |_| true);
    within(client.open(qmpsh::transport::Unix::path(mock.socket()))).await.unwrap();
    let execution = client.execute(Request::new("x"));
    let mut next = 0;
    let mut take = |batch: qmpsh::events::Batch| {
        assert!(batch.dropped.is_empty());
        for event in batch.events {
            assert_eq!(event.raw_data().as_deref(), Some(format!("{{\"n\": {next}}}").as_bytes()));
            next += 1;
        }
    };
    let reading = async {
        let mut execution = std::pin::pin!(execution);
        loop {
            tokio::select! {
                reply = &mut execution => break reply.unwrap(),
                batch = events.batch() => take(batch),
            }
        }
    };
    let reply = within(reading).await;
    take(events.try_batch());
    assert_eq!(next, MANY);
    assert_eq!(reply.result().as_deref(), Some(b"1".as_slice()));
    within(client.disconnect()).await.unwrap();
}

#[tokio::test]
async fn only_a_full_lossless_stream_stops_the_reader() {
    let (client, mut server) = session().await;
    let mut newest = client.events_with(Delivery::Newest { room: 100 }, |event| event.name() == "B");
    let mut lossless = client.events_with(Delivery::Lossless { room: 50 }, |event| event.name() == "A");
    let execution = start(&client, "x").await;
    server.hear_command().await;
    server.say(r#"{"event": "B"}"#.repeat(10)).await;
    // 16 bytes each: the fourth fills the room.
    server.say(r#"{"event": "A" }"#.repeat(10)).await;
    server.say(r#"{"return": 1, "id": 1}"#).await;
    let mut got = 0;
    let mut reads = 0;
    while got < 10 {
        got += count(&within(lossless.batch()).await);
        reads += 1;
    }
    assert!(got == 10 && reads >= 3, "{got} in {reads}");
    assert_eq!(answer(execution).await.as_deref(), Ok("1"));
    let batch = newest.try_batch();
    assert_eq!((count(&batch), batch.dropped), (7, vec![("B".to_owned(), 3)]));
}

#[tokio::test]
async fn dropping_a_lossless_stream_frees_the_reader() {
    let (client, mut server) = session().await;
    let full = client.events_with(Delivery::Lossless { room: 1 }, |_| true);
    let execution = start(&client, "x").await;
    server.hear_command().await;
    server.say(r#"{"event": "A"}{"event": "B"}{"return": 1, "id": 1}"#).await;
    tokio::task::yield_now().await;
    drop(full);
    assert_eq!(answer(execution).await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn arrivals_order_replies_and_events() {
    let (client, mut server) = session().await;
    let mut events = client.events_with(Delivery::Lossless { room: 1000 }, |_| true);
    let execution = start(&client, "x").await;
    server.hear_command().await;
    server.say(r#"{"event": "BEFORE"}{"return": 1, "id": 1}{"event": "AFTER"}"#).await;
    let reply = within(execution).await.unwrap();
    let mut batch = events.try_batch();
    while count(&batch) < 2 {
        batch.events.append(&mut within(events.batch()).await.events);
    }
    assert!(batch.events[0].arrival() < reply.arrival() && reply.arrival() < batch.events[1].arrival());
}

#[tokio::test]
async fn event_streams_outlive_sessions() {
    let client = Client::builder().build();
    let mut events: EventStream = client.events_with(Delivery::Lossless { room: 1000 }, |_| true);
    for name in ["A", "B"] {
        let mut server = connect(&client).await;
        server.say(format!(r#"{{"event": "{name}"}}"#)).await;
        let batch = within(events.batch()).await;
        assert_eq!((count(&batch), &*batch.events[0].name()), (1, name));
        within(client.disconnect()).await.unwrap();
    }
}
