//! E11: which peer a listener takes.

use std::io;
use std::time::Duration;

use qmpsh::protocol::Runstate::Connecting;
use qmpsh::protocol::SessionOptions;
use qmpsh::transport::Unix;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::accept::somewhere;
use super::link::{Alive, Memory, pair};
use super::states::futures_pending;
use super::{expect, hello, lined, lined_with, null, read_to_end, say, within};

#[tokio::test]
async fn e11_a_silent_or_failing_peer_does_not_block_the_next() {
    within(async {
        let (session, mut hearing) = lined(&hello());
        let alive = Alive::default();
        let (arrive, listener) = Memory::new(&alive);
        session.open_with_listener(Box::new(listener)).unwrap();
        let mut accepting = Box::pin(session.accept());
        let (silent, mut silent_peer) = pair(&alive);
        let (failing, mut failing_peer) = pair(&alive);
        let (gone, gone_peer) = pair(&alive);
        let (good, mut good_peer) = pair(&alive);
        for link in [silent, failing, gone] {
            arrive.send(Ok(link)).unwrap();
        }
        arrive.send(Err(io::ErrorKind::ConnectionAborted.into())).unwrap();
        drop(gone_peer);
        say(&mut failing_peer, "nonsense\n").await;
        assert!(futures_pending(&mut accepting).await);
        assert_eq!(read_to_end(&mut failing_peer).await, "");
        assert_eq!(session.state(), Connecting, "still listening");
        arrive.send(Ok(good)).unwrap();
        say(&mut good_peer, "hello\nfirst\n").await;
        accepting.await.unwrap();
        assert_eq!(alive.count(), 1, "the listener and everybody else are gone");
        assert_eq!(read_to_end(&mut silent_peer).await, "");
        expect(&mut good_peer, "welcome\n").await;
        assert_eq!(hearing.line().await, "first");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn e11_a_silent_peer_is_dropped_after_the_handshake_limit() {
    let options = SessionOptions { handshake_limit: Some(Duration::from_secs(10)), ..SessionOptions::default() };
    let (session, _hearing) = lined_with(options, &hello());
    let alive = Alive::default();
    let (arrive, listener) = Memory::new(&alive);
    session.open_with_listener(Box::new(listener)).unwrap();
    let accepting = tokio::spawn({
        let session = session.clone();
        async move { session.accept().await }
    });
    let (silent, mut silent_peer) = pair(&alive);
    arrive.send(Ok(silent)).unwrap();
    // The clock of this test moves on by itself when nothing else can.
    assert_eq!(read_to_end(&mut silent_peer).await, "");
    assert_eq!(session.state(), Connecting, "still listening");
    let (good, mut good_peer) = pair(&alive);
    say(&mut good_peer, "hello\n").await;
    arrive.send(Ok(good)).unwrap();
    accepting.await.unwrap().unwrap();
}

#[tokio::test]
async fn e11_a_crowd_of_silent_peers_is_bounded() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let alive = Alive::default();
        let (arrive, listener) = Memory::new(&alive);
        session.open_with_listener(Box::new(listener)).unwrap();
        let mut accepting = Box::pin(session.accept());
        let mut crowd = Vec::new();
        for _ in 0..40 {
            let (ours, theirs) = pair(&alive);
            arrive.send(Ok(ours)).unwrap();
            crowd.push(theirs);
        }
        assert!(futures_pending(&mut accepting).await);
        assert_eq!(alive.count(), 16 + 1, "sixteen and the listener");
        let mut last = crowd.pop().unwrap();
        say(&mut last, "hello\n").await;
        accepting.await.unwrap();
        assert_eq!(alive.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn e11_an_extra_connection_that_got_in_is_closed() {
    within(async {
        let session = null();
        let (_folder, path) = somewhere();
        session.start_server(Unix::path(&path)).await.unwrap();
        // The backlog holds more than one before anybody accepts.
        let mut first = UnixStream::connect(&path).await.unwrap();
        let mut extra = UnixStream::connect(&path).await.unwrap();
        session.accept().await.unwrap();
        assert_eq!(extra.read(&mut [0; 8]).await.unwrap_or(0), 0, "closed");
        session.disconnect().await.unwrap();
        assert_eq!(read_to_end(&mut first).await, "");
    })
    .await;
}
