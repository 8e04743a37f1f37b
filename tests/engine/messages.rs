//! E12, E16, E17: messages both ways, the hooks, and what comes before the session.

use qmpsh::protocol::Runstate::{Idle, Running};
use qmpsh::protocol::SessionOptions;
use tokio::io::AsyncReadExt;

use super::link::{Alive, Ready, pair};
use super::states::futures_pending;
use super::{Gate, Heard, Plan, expect, hello, lined, read_to_end, running, running_with, say, shown, tasks, within};

#[tokio::test]
async fn e12_messages_flow_both_ways_and_are_not_correlated() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        say(&mut peer, "1\n2\n3").await;
        assert_eq!((hearing.line().await, hearing.line().await), ("1".to_owned(), "2".to_owned()));
        session.send("a".to_owned()).await.unwrap();
        session.send("b".to_owned()).await.unwrap();
        expect(&mut peer, "a\nb\n").await;
        say(&mut peer, "4\necho c\n").await;
        assert_eq!(hearing.line().await, "34");
        expect(&mut peer, "c\n").await;
    })
    .await;
}

#[tokio::test]
async fn e12_a_peer_that_stops_reading_does_not_stop_us_from_receiving() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        // The link has room for 64 bytes, the outbox for 64 KiB, the queue for 256 messages: all of it is full then.
        let big = "x".repeat(70_000);
        session.send(big.clone()).await.unwrap();
        tokio::task::yield_now().await;
        for number in 0..256 {
            session.send(number.to_string()).await.unwrap();
        }
        let mut waiting = Box::pin(session.send("256".to_owned()));
        assert!(futures_pending(&mut waiting).await);
        for number in 0..1000 {
            say(&mut peer, &format!("{number}\n")).await;
            assert_eq!(hearing.line().await, number.to_string());
        }
        assert!(futures_pending(&mut waiting).await, "still no room");
        // Then it reads everything.
        expect(&mut peer, &format!("{big}\n")).await;
        for number in 0..256 {
            expect(&mut peer, &format!("{number}\n")).await;
        }
        waiting.await.unwrap();
        expect(&mut peer, "256\n").await;
    })
    .await;
}

#[tokio::test]
async fn e12_a_peer_that_says_nothing_or_half_a_message_does_not_stop_us_from_sending() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        say(&mut peer, "half a mess").await;
        for number in 0..1000 {
            session.send(number.to_string()).await.unwrap();
            expect(&mut peer, &format!("{number}\n")).await;
        }
        say(&mut peer, "age\n").await;
        assert_eq!(hearing.line().await, "half a message");
    })
    .await;
}

#[tokio::test]
async fn e12_a_consumer_without_room_stops_reading_and_nothing_else() {
    within(async {
        let gate = Gate::default();
        gate.close();
        let (session, mut hearing, mut peer) = running(&Plan { gate: Some(gate.clone()), ..Plan::default() }).await;
        say(&mut peer, "1\n2\n").await;
        session.send("out".to_owned()).await.unwrap();
        expect(&mut peer, "out\n").await;
        assert_eq!(hearing.rest(), []);
        // Reading has stopped, so the peer is held up in the end.
        let flood = "x".repeat(63) + "\n";
        let mut saying = Box::pin(say(&mut peer, &flood));
        assert!(futures_pending(&mut saying).await);
        gate.open();
        saying.await;
        for line in ["1", "2", flood.trim_end()] {
            assert_eq!(hearing.line().await, line);
        }
    })
    .await;
}

#[tokio::test]
async fn e12_a_long_message_passes_through_a_narrow_link() {
    within(async {
        let (session, mut hearing, peer) = running(&Plan::default()).await;
        let long = "y".repeat(900_000);
        let (mut reading, mut writing) = tokio::io::split(peer);
        let text = format!("{long}\nshort\n");
        let (sent, (), ()) = tokio::join!(session.send(long.clone()), say(&mut writing, &text), async {
            expect(&mut reading, &format!("{long}\n")).await;
        });
        sent.unwrap();
        assert!(hearing.line().await == long);
        assert_eq!(hearing.line().await, "short");
    })
    .await;
}

#[tokio::test]
async fn e16_hooks_change_messages_both_ways_and_during_establishment() {
    within(async {
        let plan = Plan { mark: true, ..hello() };
        let (session, mut hearing) = lined(&plan);
        let alive = Alive::default();
        let (ours, mut theirs) = pair(&alive);
        // The inbound hook gives `<hello>`, which the first step takes for hello; the answer passes the outbound one.
        say(&mut theirs, "hello\nin\n").await;
        session.connect(Ready(ours)).await.unwrap();
        expect(&mut theirs, "[welcome]\n").await;
        assert_eq!(hearing.line().await, "<in>");
        session.send("out".to_owned()).await.unwrap();
        expect(&mut theirs, "[out]\n").await;
    })
    .await;
}

#[tokio::test]
async fn e17_bytes_read_after_the_handshake_are_carried_over() {
    within(async {
        let (session, mut hearing) = lined(&hello());
        let alive = Alive::default();
        let (ours, mut theirs) = pair(&alive);
        say(&mut theirs, "hello\none\ntwo\nthr").await;
        session.connect(Ready(ours)).await.unwrap();
        assert_eq!((hearing.line().await, hearing.line().await), ("one".to_owned(), "two".to_owned()));
        say(&mut theirs, "ee\n").await;
        assert_eq!(hearing.line().await, "three");
    })
    .await;
}

#[tokio::test]
async fn e17_a_handshake_in_pieces_is_put_together() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let alive = Alive::default();
        let (ours, mut theirs) = pair(&alive);
        let mut connecting = Box::pin(session.connect(Ready(ours)));
        for piece in ["h", "el", "lo"] {
            say(&mut theirs, piece).await;
            assert!(futures_pending(&mut connecting).await);
        }
        say(&mut theirs, "\n").await;
        connecting.await.unwrap();
        assert_eq!(session.state(), Running);
    })
    .await;
}

#[tokio::test]
async fn e17_a_failed_handshake_fails_before_any_task_runs() {
    within(async {
        let (session, mut hearing) = lined(&hello());
        let alive = Alive::default();
        let (ours, mut theirs) = pair(&alive);
        say(&mut theirs, "nonsense\n").await;
        session.connect(Ready(ours)).await.unwrap_err();
        assert_eq!((session.state(), alive.count(), tasks()), (Idle, 0, 0));
        assert_eq!(hearing.rest(), [], "on_end is of a session that ran");
    })
    .await;
}

#[tokio::test]
async fn sending_waits_for_room_and_can_be_given_up() {
    within(async {
        let options = SessionOptions { queue: 1, ..SessionOptions::default() };
        let (session, _hearing, mut peer) = running_with(options, &Plan::default(), 16).await;
        let big = "b".repeat(100_000);
        session.send(big.clone()).await.unwrap();
        tokio::task::yield_now().await;
        session.send("queued".to_owned()).await.unwrap();
        let mut dropped = Box::pin(session.send("dropped".to_owned()));
        assert!(futures_pending(&mut dropped).await);
        drop(dropped);
        let mut waits = Box::pin(session.send("waited".to_owned()));
        assert!(futures_pending(&mut waits).await);
        expect(&mut peer, &format!("{big}\nqueued\n")).await;
        waits.await.unwrap();
        session.disconnect().await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, "waited\n");
    })
    .await;
}

#[tokio::test]
async fn sending_fails_when_the_session_ends_while_it_waits() {
    within(async {
        let options = SessionOptions { queue: 1, ..SessionOptions::default() };
        let (session, _hearing, mut peer) = running_with(options, &Plan::default(), 16).await;
        session.send("b".repeat(100_000)).await.unwrap();
        tokio::task::yield_now().await;
        session.send("queued".to_owned()).await.unwrap();
        let mut waits = Box::pin(session.send("waits".to_owned()));
        assert!(futures_pending(&mut waits).await);
        session.abort();
        let error = waits.await.unwrap_err();
        assert_eq!(error.to_string(), "LineProtocol is disconnecting. Call disconnect() to return to IDLE state.");
        session.disconnect().await.unwrap();
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest.len(), 16, "what was queued is not sent after an abort");
    })
    .await;
}

#[tokio::test]
async fn a_message_that_cannot_be_encoded_ends_the_session() {
    within(async {
        let (session, mut hearing, _peer) = running(&Plan::default()).await;
        session.send("unspeakable".to_owned()).await.unwrap();
        assert_eq!(hearing.next().await, Heard::End("unexpected: unspeakable".to_owned()));
        assert_eq!(shown(&session.disconnect().await), "unexpected: unspeakable");
    })
    .await;
}

#[tokio::test]
async fn a_queue_of_no_length_is_one_of_one() {
    within(async {
        let options = SessionOptions { queue: 0, ..SessionOptions::default() };
        let (session, _hearing, mut peer) = running_with(options, &Plan::default(), 16).await;
        session.send("a".to_owned()).await.unwrap();
        expect(&mut peer, "a\n").await;
    })
    .await;
}
