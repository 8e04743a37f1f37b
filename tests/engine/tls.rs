//! E2, E3, E8, E9, E11, E12, E14 over TLS, both ends being sessions of the engine.

use std::io;
use std::sync::OnceLock;

use qmpsh::protocol::Runstate::{Connecting, Disconnecting, Idle, Running};
use qmpsh::protocol::{Cause, ConnectError, OpenError};
use qmpsh::transport::{ClientCredentials, DialTarget, Endpoint, ServerCredentials, Tcp, TlsError, Unix};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::link::{Alive, Memory, pair};
use super::states::futures_pending;
use super::{Heard, Hearing, Lined, Plan, error_text, lined, null, seen, tasks, within};
use crate::tls::certificates::Authority;

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

fn server() -> ServerCredentials {
    ServerCredentials::load(authority().server_folder().path()).unwrap()
}

fn client() -> ClientCredentials {
    ClientCredentials::load(authority().client_folder().path()).unwrap()
}

fn local(port: u16) -> Endpoint {
    Endpoint::Tcp(Tcp { host: "127.0.0.1".to_owned(), port })
}

/// Listens with TLS on a port of its own, which it gives.
async fn listen(session: &Lined) -> u16 {
    let address = session.start_server(server().bind(local(0))).await.unwrap();
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn e02_connect_and_accept_over_tcp() {
    within(async {
        let ((here, mut hear), (there, mut hear_there)) = (lined(&Plan::default()), lined(&Plan::default()));
        let (mut watcher, mut watcher_there) = (here.watch(), there.watch());
        let port = listen(&there).await;
        assert_eq!(there.state(), Connecting);
        let (connected, accepted) = tokio::join!(here.connect(client().dial(local(port), None)), there.accept());
        connected.unwrap();
        accepted.unwrap();
        here.send("from here".to_owned()).await.unwrap();
        there.send("from there".to_owned()).await.unwrap();
        assert_eq!(hear_there.line().await, "from here");
        assert_eq!(hear.line().await, "from there");
        here.disconnect().await.unwrap();
        assert_eq!(hear_there.next().await, Heard::End("the peer closed the connection".to_owned()));
        there.disconnect().await.unwrap_err();
        for watcher in [&mut watcher, &mut watcher_there] {
            assert_eq!(seen(watcher), [Connecting, Running, Disconnecting, Idle]);
        }
    })
    .await;
}

#[tokio::test]
async fn e02_connect_and_accept_over_a_unix_socket() {
    within(async {
        let (_folder, path) = super::accept::somewhere();
        let address = Endpoint::Unix(Unix::path(&path));
        let ((here, _), (there, mut hear_there)) = (lined(&Plan::default()), lined(&Plan::default()));
        there.start_server(server().bind(address.clone())).await.unwrap();
        let text = error_text(here.connect(client().dial(address.clone(), None)).await);
        let nameless = "checking the server's certificate needs a host name";
        assert_eq!(text, format!("Failed to establish connection: {nameless}"));
        let dial = client().dial(address, Some("localhost".to_owned()));
        let (connected, accepted) = tokio::join!(here.connect(dial), there.accept());
        connected.unwrap();
        accepted.unwrap();
        assert!(!path.exists(), "it listens no more");
        here.send("hello".to_owned()).await.unwrap();
        assert_eq!(hear_there.line().await, "hello");
    })
    .await;
}

#[tokio::test]
async fn e04_existing_sockets_are_taken() {
    within(async {
        let alive = Alive::default();
        let ((here, _), (there, mut hear_there)) = (lined(&Plan::default()), lined(&Plan::default()));
        let (arrive, listener) = Memory::new(&alive);
        there.open_with_listener(server().listen(Box::new(listener))).unwrap();
        let (theirs, ours) = pair(&alive);
        arrive.send(Ok(theirs)).unwrap();
        let dial = client().dial(DialTarget::Link(Box::new(ours)), Some("127.0.0.1".to_owned()));
        assert!(dial.reached().get());
        let (connected, accepted) = tokio::join!(here.connect(dial), there.accept());
        connected.unwrap();
        accepted.unwrap();
        here.send("hello".to_owned()).await.unwrap();
        assert_eq!(hear_there.line().await, "hello");
        here.disconnect().await.unwrap();
        there.disconnect().await.unwrap_err();
        assert_eq!((alive.count(), tasks()), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn e08_a_failed_handshake_rolls_back_and_says_why() {
    within(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let session = null();
        let mut watcher = session.watch();
        let dial = client().dial(local(port), None);
        let reached = dial.reached();
        let connecting = session.connect(dial);
        let answering = async {
            let (mut peer, _) = listener.accept().await.unwrap();
            peer.write_all(b"220 a mail server\r\n").await.unwrap();
            peer
        };
        let (result, _peer) = tokio::join!(connecting, answering);
        let error = result.unwrap_err();
        assert!(reached.get());
        assert_eq!(
            error.to_string(),
            "Failed to establish connection: the peer does not speak TLS; it said `220 a mail server\\r\\n`"
        );
        let OpenError::Connect(ConnectError { cause: Cause::Io(cause), .. }) = error else { panic!("{error:?}") };
        assert!(matches!(TlsError::of(&cause), Some(TlsError::NotTls(_))), "{cause:?}");
        assert_eq!(seen(&mut watcher), [Connecting, Disconnecting, Idle]);
        assert_eq!(tasks(), 0);
    })
    .await;
}

#[tokio::test]
async fn e09_a_handshake_that_is_given_up_leaves_nothing() {
    within(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let session = null();
        let mut watcher = session.watch();
        let mut connecting = Box::pin(session.connect(client().dial(local(port), None)));
        let mut peer = tokio::select! {
            _ = &mut connecting => panic!("nobody answered"),
            accepted = listener.accept() => accepted.unwrap().0,
        };
        assert!(futures_pending(&mut connecting).await);
        assert_eq!(session.state(), Connecting);
        drop(connecting);
        assert_eq!((session.state(), tasks()), (Idle, 0));
        assert_eq!(seen(&mut watcher), [Connecting, Disconnecting, Idle]);
        // The greeting of TLS came, then the end.
        let mut said = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut peer, &mut said).await.unwrap();
        assert_eq!(said.first(), Some(&22));
    })
    .await;
}

#[tokio::test]
async fn e11_one_peer_is_taken_after_its_handshake() {
    within(async {
        let ((here, mut hear), (there, _)) = (lined(&Plan::default()), lined(&Plan::default()));
        let port = listen(&here).await;
        let mut silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        plain.write_all(b"hello\n").await.unwrap();
        // A peer without TLS is dropped while the listener waits, after a TLS alert.
        let mut accepting = Box::pin(here.accept());
        tokio::select! {
            _ = &mut accepting => panic!("that was no peer"),
            _ = gone(&mut plain) => {}
        }
        assert!(futures_pending(&mut accepting).await);
        let (connected, accepted) = tokio::join!(there.connect(client().dial(local(port), None)), accepting);
        connected.unwrap();
        accepted.unwrap();
        assert_eq!(gone(&mut silent).await, 0);
        let refused = TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        there.send("it is me".to_owned()).await.unwrap();
        assert_eq!(hear.line().await, "it is me");
    })
    .await;
}

/// Waits until the other side has closed, and counts what it said before.
async fn gone(peer: &mut TcpStream) -> usize {
    let mut said = Vec::new();
    // It may have been reset: not all that was said to it had been read.
    let _ = tokio::io::AsyncReadExt::read_to_end(peer, &mut said).await;
    said.len()
}

#[tokio::test]
async fn e12_e14_both_directions_are_full_and_everything_arrives() {
    let plan = Plan { whole: true, ..Plan::default() };
    within(async {
        let (one, other) = (lined(&plan), lined(&plan));
        let port = listen(&other.0).await;
        let (connected, accepted) = tokio::join!(one.0.connect(client().dial(local(port), None)), other.0.accept());
        connected.unwrap();
        accepted.unwrap();
        talk(one, other, 5000).await;
    })
    .await;
}

/// Sends a record for each byte, with hardly any room on the way.
#[tokio::test]
async fn e12_e14_one_byte_records_all_arrive() {
    within(async {
        let alive = Alive::default();
        let (one, other) = (lined(&Plan::default()), lined(&Plan::default()));
        let (arrive, listener) = Memory::new(&alive);
        other.0.open_with_listener(server().listen(Box::new(listener))).unwrap();
        let (theirs, ours) = pair(&alive);
        arrive.send(Ok(theirs)).unwrap();
        let dial = client().dial(DialTarget::Link(Box::new(ours)), Some("localhost".to_owned()));
        let (connected, accepted) = tokio::join!(one.0.connect(dial), other.0.accept());
        connected.unwrap();
        accepted.unwrap();
        talk(one, other, 4).await;
    })
    .await;
}

/// Both say so many lines before either looks at what it hears; then one says them again, and disconnects.
async fn talk((one, mut hear): (Lined, Hearing), (other, mut hear_other): (Lined, Hearing), lines: usize) {
    let line = "x".repeat(1000);
    let say = async |session: &Lined| {
        for _ in 0..lines {
            session.send(line.clone()).await.unwrap();
        }
    };
    tokio::join!(say(&one), say(&other));
    for hearing in [&mut hear, &mut hear_other] {
        for _ in 0..lines {
            assert_eq!(hearing.line().await, line);
        }
    }
    say(&one).await;
    one.disconnect().await.unwrap();
    for _ in 0..lines {
        assert_eq!(hear_other.line().await, line);
    }
    assert_eq!(hear_other.next().await, Heard::End("the peer closed the connection".to_owned()));
}
