//! E1, E5, E7: the run states, their watchers, and what they allow.

use std::io;

use qmpsh::protocol::Runstate::{Connecting, Disconnecting, Idle, Running};
use qmpsh::protocol::{OpenError, Runstate, StateError};

use super::link::{Alive, Fails, Memory, Never, Ready, pair};
use super::{Lined, Plan, error_text, hello, lined, null, read_to_end, running, seen, tasks, until, within};

#[tokio::test]
async fn e01_each_state_is_readable_and_watched() {
    within(async {
        let session = null();
        let (alive, mut watcher) = (Alive::default(), session.watch());
        let (ours, mut theirs) = pair(&alive);
        assert_eq!(session.state(), Idle);
        session.open_with_socket(ours).unwrap();
        assert_eq!(session.state(), Connecting);
        session.accept().await.unwrap();
        assert_eq!(session.state(), Running);
        session.schedule_disconnect();
        assert_eq!(session.state(), Disconnecting);
        session.disconnect().await.unwrap();
        assert_eq!(session.state(), Idle);
        assert_eq!(seen(&mut watcher), [Connecting, Running, Disconnecting, Idle]);
        assert_eq!((read_to_end(&mut theirs).await.as_str(), alive.count(), tasks()), ("", 0, 0));
    })
    .await;
}

#[tokio::test]
async fn e01_each_watcher_sees_each_state_of_a_failed_connect() {
    within(async {
        let session = null();
        let mut watchers = [session.watch(), session.watch()];
        let mut waiting = session.watch();
        let waiter = tokio::spawn(async move { (waiting.changed().await, waiting.changed().await, waiting) });
        session.connect(Fails(io::ErrorKind::ConnectionRefused)).await.unwrap_err();
        session.connect(Fails(io::ErrorKind::ConnectionRefused)).await.unwrap_err();
        for watcher in &mut watchers {
            // They read late, and have missed nothing.
            assert_eq!(seen(watcher), [Connecting, Disconnecting, Idle, Connecting, Disconnecting, Idle]);
        }
        let (first, second, mut waiting) = waiter.await.unwrap();
        assert_eq!((first, second), (Some(Connecting), Some(Disconnecting)));
        assert_eq!(seen(&mut waiting), [Idle, Connecting, Disconnecting, Idle]);
        // One that came late sees what comes from then on, and the end.
        let mut late = session.watch();
        drop(session);
        assert_eq!(late.changed().await, None);
    })
    .await;
}

#[tokio::test]
async fn e01_a_watcher_that_left_does_not_disturb_the_others() {
    within(async {
        let session = null();
        let mut stays = session.watch();
        drop(session.watch());
        session.disconnect().await.unwrap();
        assert_eq!(seen(&mut stays), [Disconnecting, Idle]);
    })
    .await;
}

/// What each operation says in the state the session is in now; `None`: it does not look at the state.
async fn refusals(session: &Lined) -> Vec<(&'static str, String, Runstate, Runstate)> {
    let (alive, mut refused) = (Alive::default(), Vec::new());
    let mut note = |operation, error: StateError| {
        refused.push((operation, error.to_string(), error.state, error.required));
    };
    let (ours, _theirs) = pair(&alive);
    match session.connect(Ready(ours)).await {
        Err(OpenError::State(error)) => note("connect", error),
        other => panic!("{other:?}"),
    }
    match session.start_server(Memory::new(&alive).1).await {
        Err(OpenError::State(error)) => note("start_server", error),
        other => panic!("{other:?}"),
    }
    match session.start_server_and_accept(Memory::new(&alive).1).await {
        Err(OpenError::State(error)) => note("start_server_and_accept", error),
        other => panic!("{other:?}"),
    }
    note("open_with_listener", session.open_with_listener(Box::new(Memory::new(&alive).1)).unwrap_err());
    note("open_with_socket", session.open_with_socket(pair(&alive).0).unwrap_err());
    assert_eq!(alive.count(), 0, "what was refused is closed");
    refused
}

fn check_refusals(refused: Vec<(&'static str, String, Runstate, Runstate)>, state: Runstate, sentence: &str) {
    let operations: Vec<&str> = refused.iter().map(|(operation, ..)| *operation).collect();
    let all = ["connect", "start_server", "start_server_and_accept", "open_with_listener", "open_with_socket"];
    assert_eq!(operations, all);
    for (operation, text, was, required) in refused {
        assert_eq!((text.as_str(), was, required), (sentence, state, Idle), "{operation}");
    }
}

async fn check_accept_and_send(session: &Lined, state: Runstate, accept: Option<Runstate>, sentence: &str) {
    if let Some(required) = accept {
        match session.accept().await {
            Err(OpenError::State(error)) => {
                assert_eq!((error.to_string().as_str(), error.state, error.required), (sentence, state, required));
            }
            other => panic!("{other:?}"),
        }
    }
    if state != Running {
        let error = session.send("x".to_owned()).await.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.state, error.required), (sentence, state, Running));
    }
}

#[tokio::test]
async fn e07_each_operation_in_a_wrong_state_is_an_error() {
    within(async {
        let idle = "LineProtocol is disconnected and idle.";
        let connecting = "LineProtocol is currently connecting.";
        let running_now = "LineProtocol is already connected and running.";
        let disconnecting = "LineProtocol is disconnecting. Call disconnect() to return to IDLE state.";
        let alive = Alive::default();

        let (session, _hearing) = lined(&Plan::default());
        check_accept_and_send(&session, Idle, Some(Connecting), idle).await;

        // Connecting, to a listener that does not accept.
        session.start_server(Memory::new(&alive).1).await.unwrap();
        check_refusals(refusals(&session).await, Connecting, connecting);
        check_accept_and_send(&session, Connecting, None, connecting).await;

        // Connecting, with an accept() that waits.
        let accepting = tokio::spawn({
            let session = session.clone();
            async move { session.accept().await }
        });
        tokio::task::yield_now().await;
        check_refusals(refusals(&session).await, Connecting, connecting);
        check_accept_and_send(&session, Connecting, Some(Idle), connecting).await;
        session.disconnect().await.unwrap();
        accepting.await.unwrap().unwrap_err();

        let (session, _hearing, _peer) = running(&Plan::default()).await;
        check_refusals(refusals(&session).await, Running, running_now);
        check_accept_and_send(&session, Running, Some(Connecting), running_now).await;
        assert_eq!(session.state(), Running, "nothing was changed by all that");

        session.schedule_disconnect();
        check_refusals(refusals(&session).await, Disconnecting, disconnecting);
        check_accept_and_send(&session, Disconnecting, Some(Connecting), disconnecting).await;
        session.disconnect().await.unwrap();
        check_accept_and_send(&session, Idle, Some(Connecting), idle).await;
    })
    .await;
}

#[tokio::test]
async fn e05_accept_needs_a_listening_server() {
    within(async {
        let (session, _hearing) = lined(&hello());
        assert_eq!(error_text(session.accept().await), "LineProtocol is disconnected and idle.");

        let open_first = "nothing to accept on: call start_server(), open_with_listener() or open_with_socket() first";
        let alive = Alive::default();
        let mut connecting = Box::pin(session.connect(Never(alive.clone())));
        assert!(futures_pending(&mut connecting).await);
        assert_eq!(error_text(session.accept().await), open_first);
        drop(connecting);

        let mut binding = Box::pin(session.start_server(Never(alive.clone())));
        assert!(futures_pending(&mut binding).await);
        assert_eq!(error_text(session.accept().await), open_first);
        drop(binding);

        // This one will accept itself.
        let mut both = Box::pin(session.start_server_and_accept(Never(alive.clone())));
        assert!(futures_pending(&mut both).await);
        assert_eq!(error_text(session.accept().await), "LineProtocol is currently connecting.");
        drop(both);

        // A second accept, on a socket whose peer is silent.
        let (ours, _theirs) = pair(&alive);
        session.open_with_socket(ours).unwrap();
        let mut first = Box::pin(session.accept());
        assert!(futures_pending(&mut first).await);
        assert_eq!(error_text(session.accept().await), "LineProtocol is currently connecting.");
        assert_eq!(alive.count(), 1, "the first one goes on");
        drop(first);
        assert_eq!((session.state(), alive.count()), (Idle, 0));
    })
    .await;
}

/// Polls once, and returns whether it is pending.
pub(crate) async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending()))
        .await
}

#[tokio::test]
async fn e20_a_session_reconnects_without_old_state() {
    within(async {
        let (session, mut hearing) = lined(&Plan::default());
        let mut watcher = session.watch();
        for round in 0..3 {
            let (ours, mut theirs) = tokio::io::duplex(16);
            session.open_with_socket(ours).unwrap();
            session.accept().await.unwrap();
            // More than the link takes, and half a message the other way: all of it must go with the session.
            session.send(format!("queued in {round}, much longer than there is room")).await.unwrap();
            super::say(&mut theirs, &format!("line {round}\nhalf a")).await;
            assert_eq!(hearing.line().await, format!("line {round}"));
            session.abort();
            session.disconnect().await.unwrap();
            until(&mut watcher, Idle).await;
            assert_eq!(hearing.rest(), [super::Heard::End("ok".to_owned())]);
            assert_eq!(tasks(), 0);
            let left = read_to_end(&mut theirs).await;
            assert!(format!("queued in {round}, much").starts_with(&left), "{left}");
        }
    })
    .await;
}
