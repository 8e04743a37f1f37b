//! E3, E4, E8, E9, E10: listening, accepting, failing and cancellation.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use qmpsh::protocol::OpenError;
use qmpsh::protocol::Runstate::{Connecting, Disconnecting, Idle, Running};
use qmpsh::transport::{Tcp, Unix};
use rustix::io::Errno;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, UnixStream};

use super::link::{Alive, Memory, Never, pair};
use super::states::futures_pending;
use super::{Lined, Plan, error_text, expect, hello, lined, null, read_to_end, say, seen, tasks, until, within};
use crate::support::text_of;

/// A fresh folder, and the path of a socket in it.
pub(crate) fn somewhere() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("socket");
    (folder, path)
}

#[tokio::test]
async fn e03_start_server_listens_and_does_not_wait() {
    within(async {
        let session = null();
        let mut watcher = session.watch();
        let (_folder, path) = somewhere();
        let address = session.start_server(Unix::path(&path)).await.unwrap();
        assert_eq!(address, format!("unix:{}", path.display()));
        assert_eq!((session.state(), path.exists(), tasks()), (Connecting, true, 0));
        let mut peer = UnixStream::connect(&path).await.unwrap();
        session.accept().await.unwrap();
        assert_eq!(session.state(), Running);
        assert!(!path.exists(), "it listens no more");
        session.disconnect().await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, "");
        assert_eq!(seen(&mut watcher), [Connecting, Running, Disconnecting, Idle]);

        for host in ["127.0.0.1", "::1"] {
            let address = session.start_server(Tcp { host: host.to_owned(), port: 0 }).await.unwrap();
            let (place, port) = address.strip_prefix("tcp:").unwrap().rsplit_once(':').unwrap();
            assert_eq!(place.trim_matches(['[', ']']), host);
            let port: u16 = port.parse().unwrap();
            let mut peer = TcpStream::connect((host, port)).await.unwrap();
            session.accept().await.unwrap();
            let refused = TcpStream::connect((host, port)).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            session.disconnect().await.unwrap();
            assert_eq!(read_to_end(&mut peer).await, "");
        }
    })
    .await;
}

#[tokio::test]
async fn e03_start_server_and_accept_listens_and_takes_a_peer() {
    within(async {
        let session = null();
        let mut watcher = session.watch();
        let (_folder, path) = somewhere();
        let mut serving = Box::pin(session.start_server_and_accept(Unix::path(&path)));
        assert!(futures_pending(&mut serving).await);
        assert_eq!(session.state(), Connecting);
        let _peer = UnixStream::connect(&path).await.unwrap();
        serving.await.unwrap();
        assert_eq!(session.state(), Running);
        session.disconnect().await.unwrap();
        assert_eq!(seen(&mut watcher), [Connecting, Running, Disconnecting, Idle]);
    })
    .await;
}

#[tokio::test]
async fn e04_existing_sockets_are_taken() {
    within(async {
        let (session, mut hearing) = lined(&hello());
        let alive = Alive::default();
        let (ours, mut theirs) = pair(&alive);
        session.open_with_socket(ours).unwrap();
        assert_eq!((session.state(), tasks()), (Connecting, 0));
        say(&mut theirs, "hello\nmore\n").await;
        session.accept().await.unwrap();
        expect(&mut theirs, "welcome\n").await;
        assert_eq!(hearing.line().await, "more");
        session.disconnect().await.unwrap();

        let (arrive, listener) = Memory::new(&alive);
        session.open_with_listener(Box::new(listener)).unwrap();
        assert_eq!(session.state(), Connecting);
        let (ours, mut theirs) = pair(&alive);
        arrive.send(Ok(ours)).unwrap();
        say(&mut theirs, "hello\n").await;
        session.accept().await.unwrap();
        assert_eq!((session.state(), alive.count()), (Running, 1), "the listener has gone");
        session.disconnect().await.unwrap();
        assert_eq!(alive.count(), 0);
    })
    .await;
}

#[tokio::test]
async fn e04_what_was_opened_and_not_accepted_is_closed_by_disconnect() {
    within(async {
        let session = null();
        let mut watcher = session.watch();
        let alive = Alive::default();
        let (_folder, path) = somewhere();

        session.open_with_socket(pair(&alive).0).unwrap();
        session.disconnect().await.unwrap();
        session.open_with_listener(Box::new(Memory::new(&alive).1)).unwrap();
        session.schedule_disconnect();
        session.start_server(Unix::path(&path)).await.unwrap();
        session.abort();
        assert_eq!((session.state(), alive.count(), path.exists()), (Idle, 0, false));
        assert_eq!(seen(&mut watcher), [Connecting, Disconnecting, Idle].repeat(3));

        session.start_server(Unix::path(&path)).await.unwrap();
        drop(session);
        assert!(!path.exists(), "gone with the last handle");
    })
    .await;
}

async fn serves_again(session: &Lined, path: &PathBuf) {
    assert_eq!((session.state(), path.exists(), tasks()), (Idle, false, 0));
    session.start_server(Unix::path(path)).await.unwrap();
    let mut peer = UnixStream::connect(path).await.unwrap();
    say(&mut peer, "hello\n").await;
    session.accept().await.unwrap();
    session.disconnect().await.unwrap();
    assert_eq!((session.state(), path.exists(), tasks()), (Idle, false, 0));
}

#[tokio::test]
async fn e08_failing_to_listen_or_to_accept_rolls_back() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let mut watcher = session.watch();
        let (folder, path) = somewhere();
        let alive = Alive::default();

        let missing = Unix::path(folder.path().join("no/such/folder"));
        let text = "Failed to establish connection: No such file or directory";
        assert_eq!(error_text(session.start_server(missing.clone()).await), text);
        assert_eq!(error_text(session.start_server_and_accept(missing).await), text);
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let text = error_text(session.start_server(Tcp { host: "127.0.0.1".to_owned(), port }).await);
        assert_eq!(text, format!("Failed to establish connection: {}", text_of(Errno::ADDRINUSE)));

        // The listener breaks.
        let (arrive, listener) = Memory::new(&alive);
        session.open_with_listener(Box::new(listener)).unwrap();
        arrive.send(Err(io::Error::other("out of descriptors"))).unwrap();
        assert_eq!(error_text(session.accept().await), "Failed to establish connection: out of descriptors");

        // The one peer there is fails.
        for (said, why) in [("nonsense\n", "unexpected: nonsense"), ("", "unexpected end of file")] {
            let (ours, mut theirs) = pair(&alive);
            session.open_with_socket(ours).unwrap();
            say(&mut theirs, said).await;
            drop(theirs);
            assert_eq!(error_text(session.accept().await), format!("Failed to establish session: {why}"));
        }
        assert_eq!((session.state(), alive.count(), tasks()), (Idle, 0, 0));
        assert_eq!(seen(&mut watcher), [Connecting, Disconnecting, Idle].repeat(6));
        serves_again(&session, &path).await;
    })
    .await;
}

#[tokio::test]
async fn e09_dropping_an_accept_rolls_back_before_the_drop_returns() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let mut watcher = session.watch();
        let (_folder, path) = somewhere();
        let alive = Alive::default();

        // While it binds.
        let mut binding = Box::pin(session.start_server(Never(alive.clone())));
        assert!(futures_pending(&mut binding).await);
        drop(binding);
        assert_eq!((session.state(), alive.count()), (Idle, 0));

        // No peer connects.
        session.start_server(Unix::path(&path)).await.unwrap();
        let mut accepting = Box::pin(session.accept());
        assert!(futures_pending(&mut accepting).await);
        assert!(path.exists());
        drop(accepting);
        assert_eq!((session.state(), path.exists(), tasks()), (Idle, false, 0));

        // Somebody came, and is silent.
        let mut serving = Box::pin(session.start_server_and_accept(Unix::path(&path)));
        assert!(futures_pending(&mut serving).await);
        let mut peer = UnixStream::connect(&path).await.unwrap();
        assert!(futures_pending(&mut serving).await);
        drop(serving);
        assert_eq!((session.state(), path.exists(), tasks()), (Idle, false, 0));
        assert_eq!(peer.read(&mut [0; 8]).await.unwrap_or(0), 0, "the socket is closed");

        // On a socket that is there already.
        let (ours, _theirs) = pair(&alive);
        session.open_with_socket(ours).unwrap();
        let mut accepting = Box::pin(session.accept());
        assert!(futures_pending(&mut accepting).await);
        drop(accepting);
        assert_eq!((session.state(), alive.count()), (Idle, 0));
        assert_eq!(seen(&mut watcher), [Connecting, Disconnecting, Idle].repeat(4));
        serves_again(&session, &path).await;
    })
    .await;
}

#[tokio::test]
async fn e09_aborting_the_task_that_accepts_rolls_back() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let mut watcher = session.watch();
        let (_folder, path) = somewhere();
        let task = tokio::spawn({
            let (session, path) = (session.clone(), path.clone());
            async move { session.start_server_and_accept(Unix::path(path)).await }
        });
        until(&mut watcher, Connecting).await;
        assert!(path.exists());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        serves_again(&session, &path).await;
    })
    .await;
}

#[tokio::test]
async fn e10_a_timeout_around_accept_rolls_back() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let (_folder, path) = somewhere();
        let limit = Duration::from_millis(1);
        session.start_server(Unix::path(&path)).await.unwrap();
        tokio::time::timeout(limit, session.accept()).await.unwrap_err();
        serves_again(&session, &path).await;
        tokio::time::timeout(limit, session.start_server_and_accept(Unix::path(&path))).await.unwrap_err();
        serves_again(&session, &path).await;
    })
    .await;
}

#[tokio::test]
async fn e06_disconnect_cancels_a_pending_accept_and_waits_for_it() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let (_folder, path) = somewhere();
        for somebody_came in [false, true] {
            let mut watcher = session.watch();
            let task = tokio::spawn({
                let (session, path) = (session.clone(), path.clone());
                async move { session.start_server_and_accept(Unix::path(path)).await }
            });
            until(&mut watcher, Connecting).await;
            let peer = if somebody_came { Some(UnixStream::connect(&path).await.unwrap()) } else { None };
            session.disconnect().await.unwrap();
            assert_eq!((session.state(), path.exists()), (Idle, false), "it was waited for");
            let error = task.await.unwrap().unwrap_err();
            assert!(matches!(error, OpenError::Connect(_)));
            assert_eq!(error.to_string(), "Failed to establish connection: cancelled by disconnect()");
            drop(peer);
            serves_again(&session, &path).await;
        }
    })
    .await;
}

#[tokio::test]
async fn e04_a_session_over_a_listener_speaks_like_any_other() {
    within(async {
        let (session, mut hearing) = lined(&Plan::default());
        let (_folder, path) = somewhere();
        session.start_server(Unix::path(&path)).await.unwrap();
        let mut peer = UnixStream::connect(&path).await.unwrap();
        session.accept().await.unwrap();
        say(&mut peer, "a\n").await;
        assert_eq!(hearing.line().await, "a");
        session.send("b".to_owned()).await.unwrap();
        session.disconnect().await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, "b\n");
    })
    .await;
}
