//! E2, E8, E9, E10: connecting, failing and cancellation.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use qmpsh::protocol::Runstate::{Connecting, Disconnecting, Idle, Running};
use qmpsh::protocol::{Cause, ConnectError, OpenError, Phase};
use qmpsh::transport::{Tcp, Unix};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::link::{Alive, Fails, Never, Ready, pair};
use super::states::futures_pending;
use super::{
    LineProtocolError, Lined, Plan, error_text, expect, hello, lined, null, read_to_end, say, seen, tasks, until,
    within,
};

fn tcp(port: u16) -> Tcp {
    Tcp { host: "127.0.0.1".to_owned(), port }
}

/// A session that failed to connect, or gave it up, is as new: it can connect at once.
async fn connects_again(session: &Lined) {
    assert_eq!((session.state(), tasks()), (Idle, 0));
    let alive = Alive::default();
    let (ours, mut theirs) = pair(&alive);
    say(&mut theirs, "hello\n").await;
    session.connect(Ready(ours)).await.unwrap();
    expect(&mut theirs, "welcome\n").await;
    session.disconnect().await.unwrap();
    assert_eq!((session.state(), alive.count(), tasks()), (Idle, 0, 0));
}

#[tokio::test]
async fn e02_connects_by_unix_and_tcp() {
    within(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let session = null();
        session.connect(Unix::path(&path)).await.unwrap();
        let mut peer = listener.accept().await.unwrap().0;
        assert_eq!((session.state(), tasks()), (Running, 1));
        session.disconnect().await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, "");

        for address in ["127.0.0.1", "::1"] {
            let listener = TcpListener::bind((address, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            session.connect(Tcp { host: address.to_owned(), port }).await.unwrap();
            let mut peer = listener.accept().await.unwrap().0;
            session.disconnect().await.unwrap();
            assert_eq!(read_to_end(&mut peer).await, "");
        }
        assert_eq!(tasks(), 0);
    })
    .await;
}

fn check_failure(session: &Lined, connected: Result<(), OpenError<LineProtocolError>>, phase: Phase, text: &str) {
    match connected {
        Err(OpenError::Connect(error)) => {
            assert_eq!((error.phase, error.to_string().as_str()), (phase, text));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((session.state(), tasks()), (Idle, 0));
}

#[tokio::test]
async fn e08_a_connect_that_fails_says_which_phase_and_why() {
    within(async {
        let folder = tempfile::tempdir().unwrap();
        let (session, mut hearing) = lined(&hello());
        let refused = "Failed to establish connection: Connection refused";
        let missing = "Failed to establish connection: No such file or directory";

        // Bound, so that no other process gets the port, but not listening.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = closed.local_addr().unwrap().port();
        check_failure(&session, session.connect(tcp(port)).await, Phase::Connection, refused);

        // A socket without a listener.
        let stale = folder.path().join("stale");
        drop(UnixListener::bind(&stale).unwrap());
        check_failure(&session, session.connect(Unix::path(&stale)).await, Phase::Connection, refused);

        // A path that is no socket, and one that is not there.
        let file = folder.path().join("file");
        std::fs::write(&file, "text").unwrap();
        check_failure(&session, session.connect(Unix::path(&file)).await, Phase::Connection, refused);
        let path = folder.path().join("missing");
        check_failure(&session, session.connect(Unix::path(&path)).await, Phase::Connection, missing);

        // Establishing fails: the end of the input, a wrong word, a cause without text.
        for (said, text) in [
            ("", "Failed to establish session: unexpected end of file"),
            ("nonsense\n", "Failed to establish session: unexpected: nonsense"),
            ("wordless\n", "Failed to establish session: Wordless"),
        ] {
            let alive = Alive::default();
            let (ours, mut theirs) = pair(&alive);
            say(&mut theirs, said).await;
            if said.is_empty() {
                drop(theirs);
            }
            check_failure(&session, session.connect(Ready(ours)).await, Phase::Session, text);
            assert_eq!(alive.count(), 0);
        }
        assert_eq!(hearing.rest(), [], "no session has begun");
        connects_again(&session).await;
    })
    .await;
}

#[tokio::test]
async fn e08_the_cause_is_in_the_text_or_in_the_source_and_never_in_both() {
    within(async {
        let session = null();
        let error = session.connect(Fails(io::ErrorKind::TimedOut)).await.unwrap_err();
        assert_eq!(error.to_string(), "Failed to establish connection: timed out");
        assert!(std::error::Error::source(&error).is_none());
        // A cause with no text shows its kind.
        let wordless = io::Error::new(io::ErrorKind::NotFound, "");
        let error: ConnectError<io::Error> = ConnectError { phase: Phase::Connection, cause: Cause::Io(wordless) };
        assert_eq!(error.to_string(), "Failed to establish connection: NotFound");
    })
    .await;
}

/// A Unix listener with a full backlog, and the clients that fill it.
fn jammed(path: &Path) -> (OwnedFd, Vec<OwnedFd>) {
    let socket = || {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap()
    };
    let (listener, address) = (socket(), SocketAddrUnix::new(path).unwrap());
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = socket();
        match rustix::net::connect(&client, &address) {
            Ok(()) => waiting.push(client),
            Err(rustix::io::Errno::AGAIN) => return (listener, waiting),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn e09_a_jammed_listener_is_tried_until_it_has_room_or_the_caller_gives_up() {
    within(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jammed");
        let (listener, waiting) = jammed(&path);
        let (session, _hearing) = lined(&Plan::default());

        let mut connecting = Box::pin(session.connect(Unix::path(&path)));
        assert!(futures_pending(&mut connecting).await);
        assert_eq!(session.state(), Connecting);
        drop(connecting);
        assert_eq!((session.state(), tasks()), (Idle, 0));

        let mut connecting = Box::pin(session.connect(Unix::path(&path)));
        assert!(futures_pending(&mut connecting).await);
        for _ in &waiting {
            rustix::net::accept(&listener).unwrap();
        }
        connecting.await.unwrap();
        session.disconnect().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn e09_dropping_a_connect_rolls_back_before_the_drop_returns() {
    within(async {
        let (session, mut hearing) = lined(&hello());
        let mut watcher = session.watch();
        let alive = Alive::default();

        // While it connects.
        let mut connecting = Box::pin(session.connect(Never(alive.clone())));
        assert!(futures_pending(&mut connecting).await);
        assert_eq!((session.state(), alive.count()), (Connecting, 1));
        drop(connecting);
        assert_eq!((session.state(), alive.count(), tasks()), (Idle, 0, 0));
        assert_eq!(seen(&mut watcher), [Connecting, Disconnecting, Idle]);

        // While it establishes the session, with a silent peer, and with one that has said half of it.
        for said in ["", "hel"] {
            let (ours, mut theirs) = pair(&alive);
            say(&mut theirs, said).await;
            let mut connecting = Box::pin(session.connect(Ready(ours)));
            assert!(futures_pending(&mut connecting).await);
            assert_eq!((session.state(), alive.count()), (Connecting, 1));
            drop(connecting);
            assert_eq!((session.state(), alive.count(), tasks()), (Idle, 0, 0));
            assert_eq!(seen(&mut watcher), [Connecting, Disconnecting, Idle]);
            assert_eq!(read_to_end(&mut theirs).await, "");
        }

        // One that was never polled has done nothing.
        drop(session.connect(Never(alive.clone())));
        assert_eq!(seen(&mut watcher), []);
        assert_eq!(hearing.rest(), []);
        connects_again(&session).await;
    })
    .await;
}

#[tokio::test]
async fn e09_aborting_the_task_that_connects_rolls_back() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let alive = Alive::default();
        for establishing in [false, true] {
            let mut watcher = session.watch();
            let (ours, _theirs) = pair(&alive);
            let task = tokio::spawn({
                let (session, alive) = (session.clone(), alive.clone());
                async move {
                    if establishing {
                        session.connect(Ready(ours)).await
                    } else {
                        drop(ours);
                        session.connect(Never(alive)).await
                    }
                }
            });
            until(&mut watcher, Connecting).await;
            assert_eq!(alive.count(), 1);
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert_eq!((session.state(), alive.count()), (Idle, 0));
            connects_again(&session).await;
        }
    })
    .await;
}

#[tokio::test]
async fn e10_a_timeout_around_connect_rolls_back() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let alive = Alive::default();
        let limit = Duration::from_millis(1);
        tokio::time::timeout(limit, session.connect(Never(alive.clone()))).await.unwrap_err();
        connects_again(&session).await;

        let (ours, _theirs) = pair(&alive);
        tokio::time::timeout(limit, session.connect(Ready(ours))).await.unwrap_err();
        assert_eq!(alive.count(), 0);
        connects_again(&session).await;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jammed");
        let _jam = jammed(&path);
        tokio::time::timeout(limit, session.connect(Unix::path(&path))).await.unwrap_err();
        connects_again(&session).await;
    })
    .await;
}

#[tokio::test]
async fn e06_disconnect_cancels_a_pending_connect_and_waits_for_it() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let alive = Alive::default();
        for phase in ["connection", "session"] {
            let mut watcher = session.watch();
            let (ours, _theirs) = pair(&alive);
            let task = tokio::spawn({
                let (session, alive) = (session.clone(), alive.clone());
                async move {
                    if phase == "session" {
                        session.connect(Ready(ours)).await
                    } else {
                        drop(ours);
                        session.connect(Never(alive)).await
                    }
                }
            });
            until(&mut watcher, Connecting).await;
            let others = session.clone();
            let (one, other) = tokio::join!(session.disconnect(), others.disconnect());
            assert!(one.is_ok() && other.is_ok());
            assert_eq!((session.state(), alive.count()), (Idle, 0), "it was waited for");
            assert_eq!(seen(&mut watcher), [Disconnecting, Idle]);
            let text = error_text(task.await.unwrap());
            assert_eq!(text, format!("Failed to establish {phase}: cancelled by disconnect()"));
            connects_again(&session).await;
        }
    })
    .await;
}
