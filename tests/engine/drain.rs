//! E14: draining, closing, aborting, and unexpected ends.

use std::io;
use std::time::Duration;

use qmpsh::protocol::Runstate::{Disconnecting, Idle, Running};
use qmpsh::protocol::{SessionError, SessionOptions};

use super::link::{Alive, Ready, pair};
use super::states::futures_pending;
use super::{
    Heard, Plan, expect, lined, lined_with, null, read_to_end, running, running_with, say, seen, shown, tasks, until,
    within,
};

#[tokio::test]
async fn e14_everything_queued_arrives_before_the_end_and_reading_goes_on() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        for number in 100..200 {
            session.send(number.to_string()).await.unwrap();
        }
        let mut disconnecting = Box::pin(session.disconnect());
        assert!(futures_pending(&mut disconnecting).await);
        assert_eq!(session.state(), Disconnecting);
        for number in 100..200 {
            // The peer answers, and waits until it was heard, before it reads on.
            expect(&mut peer, &format!("{number}\n")).await;
            if number < 150 {
                say(&mut peer, &format!("re {number}\n")).await;
                assert_eq!(hearing.line().await, format!("re {number}"));
            }
        }
        disconnecting.await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, "");
        assert_eq!((session.state(), tasks()), (Idle, 0));
    })
    .await;
}

#[tokio::test]
async fn e14_messages_larger_than_every_buffer_are_drained_too() {
    within(async {
        let (session, _hearing, mut peer) = running(&Plan::default()).await;
        let big = "z".repeat(300_000);
        for _ in 0..3 {
            session.send(big.clone()).await.unwrap();
        }
        let (end, text) = tokio::join!(session.disconnect(), read_to_end(&mut peer));
        end.unwrap();
        assert_eq!(text.len(), 3 * 300_001);
    })
    .await;
}

#[tokio::test]
async fn e14_abort_does_not_drain() {
    within(async {
        let (session, mut hearing, mut peer) = running_with(SessionOptions::default(), &Plan::default(), 8).await;
        session.send("0123456789".to_owned()).await.unwrap();
        session.send("never".to_owned()).await.unwrap();
        // Nor when a disconnect waits for the draining already.
        let mut disconnecting = Box::pin(session.disconnect());
        assert!(futures_pending(&mut disconnecting).await);
        tokio::task::yield_now().await;
        session.abort();
        session.abort();
        disconnecting.await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, "01234567");
        assert_eq!(hearing.rest(), [Heard::End("ok".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn e14_an_error_while_draining_is_the_result() {
    within(async {
        let (session, _hearing, mut peer) = running(&Plan::default()).await;
        session.send("x".repeat(1000)).await.unwrap();
        let mut disconnecting = Box::pin(session.disconnect());
        assert!(futures_pending(&mut disconnecting).await);
        expect(&mut peer, "xxxx").await;
        drop(peer);
        assert!(matches!(*disconnecting.await.unwrap_err(), SessionError::EndOfFile));
    })
    .await;
}

#[tokio::test]
async fn e14_an_error_while_closing_hides_nothing() {
    within(async {
        for (write, shutdown, end) in [
            (None, None, "ok"),
            (None, Some(io::ErrorKind::NotConnected), "ok"),
            (None, Some(io::ErrorKind::TimedOut), "cannot close the connection: timed out"),
            (
                Some(io::ErrorKind::PermissionDenied),
                Some(io::ErrorKind::TimedOut),
                "cannot write to the peer: permission denied",
            ),
        ] {
            let alive = Alive::default();
            let (session, _hearing) = lined(&Plan::default());
            let (mut ours, _theirs) = pair(&alive);
            (ours.write, ours.shutdown) = (write, shutdown);
            session.connect(Ready(ours)).await.unwrap();
            session.send("x".to_owned()).await.unwrap();
            assert_eq!(shown(&session.disconnect().await), end);
            assert_eq!((session.state(), alive.count(), tasks()), (Idle, 0, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn e14_a_peer_that_leaves_while_we_close_is_no_error() {
    within(async {
        let alive = Alive::default();
        let (session, _hearing) = lined(&Plan::default());
        let gate = super::Gate::default();
        gate.close();
        let (mut ours, mut theirs) = pair(&alive);
        ours.slow_shutdown = Some(gate.clone());
        session.connect(Ready(ours)).await.unwrap();
        session.send("last".to_owned()).await.unwrap();
        let mut disconnecting = Box::pin(session.disconnect());
        assert!(futures_pending(&mut disconnecting).await);
        // Everything has been sent and received; closing takes its time, and the peer has gone meanwhile.
        expect(&mut theirs, "last\n").await;
        drop(theirs);
        assert!(futures_pending(&mut disconnecting).await);
        gate.open();
        disconnecting.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn dropping_the_last_handle_drains_and_closes() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        let mut watcher = session.watch();
        session.send("x".repeat(1000)).await.unwrap();
        let other = session.clone();
        drop(session);
        assert_eq!(other.state(), Running);
        drop(other);
        assert_eq!(read_to_end(&mut peer).await.len(), 1001);
        assert_eq!(hearing.next().await, Heard::End("ok".to_owned()));
        assert_eq!((watcher.changed().await, watcher.changed().await), (Some(Disconnecting), None));
        assert_eq!(tasks(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_driver_that_panics_fails_what_is_pending() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        let mut watcher = session.watch();
        say(&mut peer, "panic on purpose\n").await;
        assert_eq!(hearing.line().await, "panic on purpose");
        let lost = "the session's task ended unexpectedly: it panicked: on purpose";
        assert_eq!(hearing.next().await, Heard::End(lost.to_owned()));
        until(&mut watcher, Disconnecting).await;
        let error = session.disconnect().await.unwrap_err();
        assert!(matches!(*error, SessionError::DriverLost(_)));
        assert_eq!((error.to_string().as_str(), session.state(), tasks()), (lost, Idle, 0));
        assert_eq!(read_to_end(&mut peer).await, "");
    })
    .await;
}

#[tokio::test]
async fn a_panic_while_ending_keeps_nobody_waiting() {
    within(async {
        let alive = Alive::default();
        let (session, _hearing) = lined(&Plan { panic_at_end: true, ..Plan::default() });
        let (mut ours, _theirs) = pair(&alive);
        ours.panic = true;
        session.connect(Ready(ours)).await.unwrap();
        session.disconnect().await.unwrap();
        assert_eq!((session.state(), alive.count(), tasks()), (Idle, 0, 0));
    })
    .await;
}

#[test]
fn a_runtime_shut_down_under_a_session_fails_what_is_pending() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (session, mut hearing, _peer) = first.block_on(running(&Plan::default()));
    let mut watcher = session.watch();
    drop(first);
    let lost = "the session's task ended unexpectedly: its runtime was shut down";
    assert_eq!(hearing.rest(), [Heard::End(lost.to_owned())]);
    assert_eq!(session.state(), Disconnecting);
    runtime().block_on(within(async {
        assert_eq!(shown(&session.disconnect().await), lost);
        assert_eq!(seen(&mut watcher), [Disconnecting, Idle]);
        // On another runtime it runs again.
        let alive = Alive::default();
        let (ours, _theirs) = pair(&alive);
        session.connect(Ready(ours)).await.unwrap();
        session.disconnect().await.unwrap();
    }));
}

#[tokio::test]
async fn a_disconnect_given_up_can_be_called_again() {
    within(async {
        let options = SessionOptions::default();
        let (session, _hearing) = lined_with(options, &Plan::default());
        let (ours, mut theirs) = tokio::io::duplex(8);
        session.open_with_socket(ours).unwrap();
        session.accept().await.unwrap();
        session.send("0123456789".to_owned()).await.unwrap();
        tokio::time::timeout(Duration::from_millis(1), session.disconnect()).await.unwrap_err();
        assert_eq!(session.state(), Disconnecting);
        let (end, text) = tokio::join!(session.disconnect(), read_to_end(&mut theirs));
        end.unwrap();
        assert_eq!(text, "0123456789\n");
    })
    .await;
}

#[tokio::test]
async fn a_null_session_ends_with_its_peer() {
    within(async {
        let session = null();
        let (ours, mut theirs) = tokio::io::duplex(8);
        session.open_with_socket(ours).unwrap();
        session.accept().await.unwrap();
        say(&mut theirs, "all of this goes nowhere").await;
        drop(theirs);
        assert_eq!(shown(&session.disconnect().await), "the peer closed the connection");
    })
    .await;
}
