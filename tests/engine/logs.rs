//! E13, E16, E18: log records and their levels, and when messages are formatted.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::BytesMut;
use qmpsh::protocol::{Context, Protocol, Session, SessionOptions};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level, level_filters::LevelFilter};

use super::link::{Alive, Fails, Memory, Ready, pair};
use super::states::futures_pending;
use super::{Plan, hello, lined, lined_with, running, running_with, say, within};

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Captures what this thread logs, from `level` on.
    pub(crate) fn start(level: impl Into<LevelFilter>) -> (Self, DefaultGuard) {
        // With just one subscriber, tracing asks it alone whether a place may log, and in whatever thread comes there
        // first: one without a subscriber would switch the place off for all.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(tracing_subscriber::fmt().with_max_level(LevelFilter::OFF).finish()));
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        (log, guard)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.trim_start().to_owned()).collect()
    }
}

fn named(name: &str) -> SessionOptions {
    SessionOptions { name: Some(name.to_owned()), ..SessionOptions::default() }
}

#[tokio::test]
async fn e13_the_end_of_file_is_logged_as_info_and_all_else_as_error() {
    within(async {
        let (log, _guard) = Log::start(Level::INFO);
        let (session, _hearing, peer) = running(&Plan::default()).await;
        drop(peer);
        session.disconnect().await.unwrap_err();
        assert_eq!(log.lines(), ["INFO the peer closed the connection"]);

        let (session, _hearing, mut peer) = running(&Plan::default()).await;
        say(&mut peer, "fail here\n").await;
        session.disconnect().await.unwrap_err();
        assert_eq!(log.lines()[1..], ["ERROR unexpected: here"]);

        let alive = Alive::default();
        let (session, _hearing) = lined(&Plan::default());
        let (mut ours, _theirs) = pair(&alive);
        ours.write = Some(io::ErrorKind::PermissionDenied);
        session.connect(Ready(ours)).await.unwrap();
        session.send("x".to_owned()).await.unwrap();
        session.disconnect().await.unwrap_err();
        assert_eq!(log.lines()[2..], ["ERROR cannot write to the peer: permission denied"]);

        session.connect(Fails(io::ErrorKind::TimedOut)).await.unwrap_err();
        assert_eq!(log.lines()[3..], ["ERROR Failed to establish connection: timed out"]);

        // A disconnect that was asked for is nothing to speak of.
        let (session, _hearing, _peer) = running(&Plan::default()).await;
        session.disconnect().await.unwrap();
        assert_eq!(log.lines().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn e13_the_details_are_logged_at_debug() {
    within(async {
        let (log, _guard) = Log::start(Level::DEBUG);
        let (session, _hearing, mut peer) = running(&Plan::default()).await;
        say(&mut peer, "fail here\n").await;
        session.disconnect().await.unwrap_err();
        let lines = log.lines();
        assert!(lines.contains(&r#"DEBUG details: Protocol(Unexpected("here"))"#.to_owned()), "{lines:?}");
    })
    .await;
}

#[tokio::test]
async fn e16_each_message_is_logged_as_it_is_on_the_wire() {
    within(async {
        let (log, _guard) = Log::start(Level::DEBUG);
        let (session, _hearing) = lined(&Plan { mark: true, ..hello() });
        let alive = Alive::default();
        let (ours, mut theirs) = pair(&alive);
        say(&mut theirs, "hello\nin\n").await;
        session.connect(Ready(ours)).await.unwrap();
        session.send("out".to_owned()).await.unwrap();
        session.send("é".repeat(10_000)).await.unwrap();
        let mut disconnecting = Box::pin(session.disconnect());
        assert!(futures_pending(&mut disconnecting).await);
        tokio::task::yield_now().await;
        let lines = log.lines();
        let wire: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("DEBUG "))
            .filter(|line| line.contains("-- ") || line.contains("--> "))
            .collect();
        assert_eq!(wire[..4], [r#"<-- "hello""#, r#"--> "[welcome]""#, r#"<-- "in""#, r#"--> "[out]""#]);
        assert!(wire[4].starts_with("--> \"[éé") && wire[4].ends_with("é…"), "shortened: {}", wire[4]);
        assert!(wire[4].len() < 1100 && wire.len() == 5);
        drop(theirs);
        let _ = disconnecting.await;
    })
    .await;
}

/// Counts how often a message is formatted.
struct Counting(Arc<AtomicUsize>);

struct Counted(Arc<AtomicUsize>);

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fetch_add(1, Ordering::SeqCst);
        f.write_str("counted")
    }
}

impl Protocol for Counting {
    const NAME: &'static str = "Counting";
    type In = Counted;
    type Out = Counted;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut, _eof: bool) -> io::Result<Option<Counted>> {
        if buffer.is_empty() {
            return Ok(None);
        }
        buffer.clear();
        Ok(Some(Counted(Arc::clone(&self.0))))
    }

    fn encode(&mut self, _message: Counted, buffer: &mut BytesMut) -> io::Result<()> {
        buffer.extend_from_slice(b"x");
        Ok(())
    }

    fn on_message(&mut self, message: Counted, context: &mut Context<'_, Self>) -> io::Result<()> {
        context.send(message);
        Ok(())
    }
}

#[tokio::test]
async fn e16_messages_are_formatted_only_if_the_record_is_wanted() {
    within(async {
        for (level, formatted) in [(Level::INFO, 0), (Level::DEBUG, 2)] {
            let (_log, _guard) = Log::start(level);
            let count = Arc::new(AtomicUsize::new(0));
            let session = Session::new(SessionOptions::default(), {
                let count = Arc::clone(&count);
                move || Counting(Arc::clone(&count))
            });
            let (ours, mut theirs) = tokio::io::duplex(8);
            session.open_with_socket(ours).unwrap();
            session.accept().await.unwrap();
            say(&mut theirs, "x").await;
            super::expect(&mut theirs, "x").await;
            session.disconnect().await.unwrap();
            assert_eq!(count.load(Ordering::SeqCst), formatted, "{level}");
        }
    })
    .await;
}

#[tokio::test]
async fn e18_every_record_of_a_named_connection_carries_its_name() {
    within(async {
        let (log, _guard) = Log::start(Level::DEBUG);
        let (session, _hearing, mut peer) = running_with(named("vm1"), &Plan::default(), 64).await;
        say(&mut peer, "fail here\n").await;
        session.disconnect().await.unwrap_err();
        session.connect(Fails(io::ErrorKind::TimedOut)).await.unwrap_err();
        session.disconnect().await.unwrap();
        let lines = log.lines();
        assert!(lines.len() > 8);
        for line in lines {
            assert!(line.contains(r#"connection{name="vm1"}: "#), "{line}");
        }
    })
    .await;
}

#[tokio::test]
async fn e18_the_name_is_there_also_when_only_errors_are_logged() {
    within(async {
        let (log, _guard) = Log::start(Level::ERROR);
        let (session, _hearing) = lined_with(named("vm2"), &Plan::default());
        session.connect(Fails(io::ErrorKind::TimedOut)).await.unwrap_err();
        assert_eq!(log.lines(), [r#"ERROR connection{name="vm2"}: Failed to establish connection: timed out"#]);
    })
    .await;
}

#[tokio::test]
async fn e11_a_rejected_peer_is_logged_as_a_warning() {
    within(async {
        let (log, _guard) = Log::start(Level::WARN);
        let (session, _hearing) = lined(&hello());
        let alive = Alive::default();
        let (arrive, listener) = Memory::new(&alive);
        session.open_with_listener(Box::new(listener)).unwrap();
        let (failing, mut failing_peer) = pair(&alive);
        let (silent, _silent_peer) = pair(&alive);
        let (good, mut good_peer) = pair(&alive);
        say(&mut failing_peer, "nonsense\n").await;
        say(&mut good_peer, "hello\n").await;
        for link in [failing, silent, good] {
            arrive.send(Ok(link)).unwrap();
        }
        session.accept().await.unwrap();
        assert_eq!(
            log.lines(),
            [
                "WARN dropped somebody: unexpected: nonsense; still listening",
                "WARN closed somebody: only one peer is taken",
            ]
        );
    })
    .await;
}
