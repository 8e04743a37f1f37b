//! E6, E13, E15: how a session ends, and which result it returns.

use std::io;
use std::sync::Arc;

use qmpsh::protocol::Runstate::{Connecting, Disconnecting, Idle, Running};
use qmpsh::protocol::SessionError;

use super::link::{Alive, Ready, pair};
use super::states::futures_pending;
use super::{Gate, Heard, Lined, Plan, lined, null, read_to_end, running, say, seen, shown, tasks, until, within};

#[tokio::test]
async fn e06_disconnect_from_idle_does_nothing_and_is_watched() {
    within(async {
        let session = null();
        let mut watcher = session.watch();
        session.disconnect().await.unwrap();
        assert_eq!(seen(&mut watcher), [Disconnecting, Idle]);
        session.schedule_disconnect();
        session.abort();
        assert_eq!(seen(&mut watcher), [], "nothing to disconnect from, and nobody waits");
    })
    .await;
}

/// A session whose peer said something and left; it has noticed.
async fn ended(plan: &Plan, last_words: &str) -> (Lined, super::Hearing) {
    let (session, hearing, mut peer) = running(plan).await;
    let mut watcher = session.watch();
    say(&mut peer, last_words).await;
    drop(peer);
    until(&mut watcher, Disconnecting).await;
    (session, hearing)
}

#[tokio::test]
async fn e13_the_end_of_file_disconnects_and_disconnect_returns_it() {
    within(async {
        let (session, mut hearing) = ended(&Plan::default(), "one\nlast words").await;
        let mut watcher = session.watch();
        assert_eq!(hearing.line().await, "one");
        assert_eq!(hearing.line().await, "last words");
        assert_eq!(hearing.next().await, Heard::End("the peer closed the connection".to_owned()));
        assert_eq!((session.state(), tasks()), (Disconnecting, 0), "it stays so");
        session.schedule_disconnect();
        session.abort();
        assert_eq!((session.state(), seen(&mut watcher)), (Disconnecting, vec![]));
        let error = session.disconnect().await.unwrap_err();
        assert!(matches!(*error, SessionError::EndOfFile));
        assert_eq!((session.state(), seen(&mut watcher)), (Idle, vec![Idle]));
        session.disconnect().await.unwrap();
        assert_eq!(hearing.rest(), [], "on_end is called once");
    })
    .await;
}

#[tokio::test]
async fn e06_callers_at_the_same_time_get_the_same_result() {
    within(async {
        let (session, _hearing, mut peer) = running(&Plan::default()).await;
        let mut watcher = session.watch();
        // It cannot finish until the peer reads.
        session.send("x".repeat(1000)).await.unwrap();
        let mut first = Box::pin(session.disconnect());
        let mut second = Box::pin(session.disconnect());
        let mut given_up = Box::pin(session.disconnect());
        for disconnect in [&mut first, &mut second, &mut given_up] {
            assert!(futures_pending(disconnect).await);
        }
        drop(given_up);
        say(&mut peer, "fail root cause\n").await;
        let first = first.await.unwrap_err();
        assert_eq!(first.to_string(), "unexpected: root cause");
        // The first has collected it, and the object is in use again: the second still gets what was.
        let alive = Alive::default();
        session.connect(Ready(pair(&alive).0)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second.await.unwrap_err()));
        assert_eq!(session.state(), Running, "the new session is left alone");
        assert_eq!(seen(&mut watcher), [Disconnecting, Idle, Connecting, Running]);
    })
    .await;
}

#[tokio::test]
async fn e06_the_root_cause_is_reported_not_what_it_caused() {
    within(async {
        // The peer has gone: a broken pipe when writing is what that caused.
        let (session, _hearing, peer) = running(&Plan::default()).await;
        session.send("x".to_owned()).await.unwrap();
        drop(peer);
        assert!(matches!(*session.disconnect().await.unwrap_err(), SessionError::EndOfFile));

        // The handler of a message fails, and the peer leaves.
        let (session, _hearing) = ended(&Plan::default(), "fail first\nfail second\n").await;
        assert_eq!(shown(&session.disconnect().await), "unexpected: first");

        // Writing fails, and what the peer had said is heard; then nothing more comes.
        let alive = Alive::default();
        let (session, mut hearing) = lined(&Plan::default());
        let (mut ours, mut theirs) = pair(&alive);
        ours.write = Some(io::ErrorKind::PermissionDenied);
        session.connect(Ready(ours)).await.unwrap();
        session.send("x".to_owned()).await.unwrap();
        say(&mut theirs, "heard\nfail no more\n").await;
        let mut watcher = session.watch();
        until(&mut watcher, Disconnecting).await;
        assert_eq!(shown(&session.disconnect().await), "cannot write to the peer: permission denied");
        assert_eq!(hearing.line().await, "heard");
        assert_eq!(alive.count(), 0);
    })
    .await;
}

#[tokio::test]
async fn e13_a_writer_that_fails_stops_the_reader() {
    within(async {
        let alive = Alive::default();
        let (session, mut hearing) = lined(&Plan::default());
        let (mut ours, mut theirs) = pair(&alive);
        ours.write = Some(io::ErrorKind::ConnectionReset);
        session.connect(Ready(ours)).await.unwrap();
        session.send("x".to_owned()).await.unwrap();
        assert_eq!(hearing.next().await, Heard::End("cannot write to the peer: connection reset".to_owned()));
        assert_eq!((session.state(), alive.count()), (Disconnecting, 0));
        assert_eq!(read_to_end(&mut theirs).await, "");
        session.disconnect().await.unwrap_err();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn e13_the_last_message_is_read_after_a_write_error() {
    within(async {
        let (session, mut hearing) = lined(&Plan::default());
        let (mut ours, mut theirs) = pair(&Alive::default());
        ours.write = Some(io::ErrorKind::BrokenPipe);
        session.connect(Ready(ours)).await.unwrap();
        session.send("x".to_owned()).await.unwrap();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        say(&mut theirs, "last words\n").await;
        drop(theirs);
        assert_eq!(hearing.line().await, "last words");
        assert!(matches!(*session.disconnect().await.unwrap_err(), SessionError::EndOfFile));
    })
    .await;
}

#[tokio::test]
async fn e13_a_writer_that_failed_does_not_hold_up_a_disconnect_while_the_consumer_has_no_room() {
    within(async {
        let alive = Alive::default();
        let gate = Gate::default();
        gate.close();
        let (session, _hearing) = lined(&Plan { gate: Some(gate), ..Plan::default() });
        let (mut ours, _theirs) = pair(&alive);
        ours.write = Some(io::ErrorKind::ConnectionReset);
        session.connect(Ready(ours)).await.unwrap();
        session.send("x".to_owned()).await.unwrap();
        assert_eq!(shown(&session.disconnect().await), "cannot write to the peer: connection reset");
    })
    .await;
}

#[tokio::test]
async fn e15_scheduling_is_idempotent_and_allowed_while_a_message_is_handled() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        let mut watcher = session.watch();
        say(&mut peer, "echo answered\nbye\nbye\nheard\n").await;
        assert_eq!(read_to_end(&mut peer).await, "answered\n", "what was to be sent has been sent");
        until(&mut watcher, Disconnecting).await;
        assert_eq!(session.state(), Disconnecting, "until somebody collects it");
        session.schedule_disconnect();
        session.schedule_disconnect();
        session.disconnect().await.unwrap();
        assert_eq!(seen(&mut watcher), [Idle]);
        let heard: Vec<Heard> = hearing.rest();
        assert_eq!(heard.last(), Some(&Heard::End("ok".to_owned())));
        assert_eq!(heard.len(), 5, "what came with it was still handled: {heard:?}");
    })
    .await;
}

#[tokio::test]
async fn e15_the_state_is_disconnecting_as_soon_as_a_message_asked_for_it() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        let mut watcher = session.watch();
        // The peer does not read, so the end has to wait; the state does not.
        session.send("x".repeat(1000)).await.unwrap();
        say(&mut peer, "bye\n").await;
        assert_eq!(hearing.line().await, "bye");
        assert_eq!(watcher.changed().await, Some(Disconnecting));
        assert_eq!(tasks(), 1);
        session.send("y".to_owned()).await.unwrap_err();
        let (end, text) = tokio::join!(session.disconnect(), read_to_end(&mut peer));
        end.unwrap();
        assert_eq!(text.len(), 1001);
    })
    .await;
}
