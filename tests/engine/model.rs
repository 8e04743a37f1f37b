//! The engine under any operations and faults, in any order, against docs/engine.md.
//!
//! After each step everything runs until nothing more can happen, and then what the run state promises must hold. More cases run
//! with `PROPTEST_CASES=100000`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use qmpsh::protocol::Runstate::{Connecting, Disconnecting, Idle, Running};
use qmpsh::protocol::{Cause, OpenError, Runstate, SessionError, SessionOptions, StateWatcher};
use tokio::io::{AsyncRead, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use super::link::{Alive, Fails, Faulty, Memory, Never, Ready, pair};
use super::{Hearing, LineProtocolError, Lined, Plan, lined_with, tasks};

/// How long a peer may take for its handshake, and a call that has a limit.
const LIMIT: Duration = Duration::from_millis(100);

/// A connection, or a listener, that a call gets.
#[derive(Debug, Clone, Copy)]
enum Target {
    Good,
    /// Every write fails.
    Unwritable,
    /// Closing fails.
    Unclosable,
    Failing,
    Never,
}

#[derive(Debug, Clone)]
enum Step {
    /// With a limit of time.
    Connect(Target, bool),
    StartServer(Target),
    StartServerAndAccept(Target, bool),
    OpenWithSocket(Target),
    OpenWithListener,
    Accept(bool),
    Send,
    Disconnect,
    ScheduleDisconnect,
    Abort,
    /// The caller drops a call that has not ended.
    Drop(Index),
    /// A peer connects to the listener.
    Come,
    /// The listener reports an error.
    ListenerError(io::ErrorKind),
    /// The newest peer, or an earlier one, sends a line.
    Say(Index, &'static str),
    Read(Index),
    HalfClose(Index),
    Close(Index),
    /// As long as any limit.
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let target = || {
        prop_oneof![
            6 => Just(Target::Good),
            1 => Just(Target::Unwritable),
            1 => Just(Target::Unclosable),
            1 => Just(Target::Failing),
            1 => Just(Target::Never),
        ]
    };
    let lines = vec!["hello\n", "x\n", "echo e\n", "bye\n", "fail x\n", "panic x\n", "wordless\n", "half a line", "\n"];
    let errors = vec![io::ErrorKind::ConnectionAborted, io::ErrorKind::Other];
    prop_oneof![
        6 => (target(), any::<bool>()).prop_map(|(target, limit)| Step::Connect(target, limit)),
        2 => target().prop_map(Step::StartServer),
        3 => (target(), any::<bool>()).prop_map(|(target, limit)| Step::StartServerAndAccept(target, limit)),
        2 => target().prop_map(Step::OpenWithSocket),
        2 => Just(Step::OpenWithListener),
        6 => any::<bool>().prop_map(Step::Accept),
        6 => Just(Step::Send),
        4 => Just(Step::Disconnect),
        2 => Just(Step::ScheduleDisconnect),
        1 => Just(Step::Abort),
        3 => any::<Index>().prop_map(Step::Drop),
        4 => Just(Step::Come),
        1 => prop::sample::select(errors).prop_map(Step::ListenerError),
        10 => (any::<Index>(), prop::sample::select(lines)).prop_map(|(peer, line)| Step::Say(peer, line)),
        3 => any::<Index>().prop_map(Step::Read),
        1 => any::<Index>().prop_map(Step::HalfClose),
        2 => any::<Index>().prop_map(Step::Close),
        2 => Just(Step::Wait),
    ]
}

/// How a call ended.
#[derive(Debug)]
enum Done {
    Opened(Result<(), OpenError<LineProtocolError>>),
    /// Its limit was over.
    TimedOut,
    /// A message with this number was queued.
    Sent(usize, bool),
    /// How the session ended.
    Ended(Result<(), String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It goes to Connecting from Idle, and ends there.
    Listens,
    /// It goes to Running.
    Opens,
    Sends,
    Disconnects,
}

struct Call {
    kind: Kind,
    future: Pin<Box<dyn Future<Output = Done>>>,
}

struct Peer {
    stream: Option<DuplexStream>,
    got: String,
    /// It has done what ends a session.
    fatal: bool,
}

/// The session, its calls and its peers.
struct World {
    session: Lined,
    watcher: StateWatcher,
    /// The last state that the watcher saw.
    seen: Runstate,
    _hearing: Hearing,
    alive: Alive,
    calls: Vec<Call>,
    peers: Vec<Peer>,
    listener: Option<mpsc::UnboundedSender<io::Result<Faulty>>>,
    /// How many messages were sent.
    sent: usize,
    /// The numbers of those that each session took.
    taken: Vec<Vec<usize>>,
}

impl World {
    fn new(hello: bool) -> Self {
        let options = SessionOptions { handshake_limit: Some(LIMIT), queue: 3, ..SessionOptions::default() };
        let (session, hearing) = lined_with(options, &Plan { hello, ..Plan::default() });
        Self {
            watcher: session.watch(),
            session,
            seen: Idle,
            _hearing: hearing,
            alive: Alive::default(),
            calls: Vec::new(),
            peers: Vec::new(),
            listener: None,
            sent: 0,
            taken: Vec::new(),
        }
    }

    fn link(&mut self, target: Target) -> Faulty {
        let (mut ours, theirs) = pair(&self.alive);
        match target {
            Target::Unwritable => ours.write = Some(io::ErrorKind::BrokenPipe),
            Target::Unclosable => ours.shutdown = Some(io::ErrorKind::Other),
            _ => {}
        }
        self.peers.push(Peer { stream: Some(theirs), got: String::new(), fatal: false });
        ours
    }

    fn memory(&mut self) -> Memory {
        let (sender, memory) = Memory::new(&self.alive);
        self.listener = Some(sender);
        memory
    }

    /// Begins a call, which is polled from then on.
    fn call(&mut self, kind: Kind, limit: bool, future: impl Future<Output = Done> + 'static) {
        let future: Pin<Box<dyn Future<Output = Done>>> = if limit {
            Box::pin(async move { tokio::time::timeout(LIMIT, future).await.unwrap_or(Done::TimedOut) })
        } else {
            Box::pin(future)
        };
        self.calls.push(Call { kind, future });
    }

    async fn step(&mut self, step: Step) {
        let before = self.session.state();
        let has_opening = self.has_opening();
        let session = self.session.clone();
        match step {
            Step::Connect(target, limit) => {
                let alive = self.alive.clone();
                let link = (!matches!(target, Target::Failing | Target::Never)).then(|| self.link(target));
                self.call(Kind::Opens, limit, async move {
                    Done::Opened(match link {
                        Some(link) => session.connect(Ready(link)).await,
                        None if matches!(target, Target::Never) => session.connect(Never(alive)).await,
                        None => session.connect(Fails(io::ErrorKind::ConnectionRefused)).await,
                    })
                });
                self.first_poll(before, before == Idle).await;
            }
            Step::StartServer(target) => {
                let alive = self.alive.clone();
                // A refused server must not take the place of the one that listens.
                let earlier = self.listener.take();
                let memory = self.memory();
                if before != Idle {
                    self.listener = earlier;
                }
                self.call(Kind::Listens, false, async move {
                    let address = match target {
                        Target::Never => session.start_server(Never(alive)).await,
                        _ => session.start_server(memory).await,
                    };
                    Done::Opened(address.map(|address| assert_eq!(address, "memory")))
                });
                self.first_poll(before, before == Idle).await;
            }
            Step::StartServerAndAccept(target, limit) => {
                let alive = self.alive.clone();
                let earlier = self.listener.take();
                let memory = self.memory();
                if before != Idle {
                    self.listener = earlier;
                }
                self.call(Kind::Opens, limit, async move {
                    Done::Opened(match target {
                        Target::Never => session.start_server_and_accept(Never(alive)).await,
                        _ => session.start_server_and_accept(memory).await,
                    })
                });
                self.first_poll(before, before == Idle).await;
            }
            Step::OpenWithSocket(target) => {
                let link = self.link(target);
                assert_eq!(session.open_with_socket(link).is_ok(), before == Idle);
            }
            Step::OpenWithListener => {
                let earlier = self.listener.take();
                let memory = self.memory();
                if before != Idle {
                    self.listener = earlier;
                }
                assert_eq!(session.open_with_listener(Box::new(memory)).is_ok(), before == Idle);
            }
            Step::Accept(limit) => {
                self.call(Kind::Opens, limit, async move { Done::Opened(session.accept().await) });
                self.first_poll(before, before == Connecting && !has_opening).await;
            }
            Step::Send => {
                let number = self.sent;
                self.sent += 1;
                self.call(Kind::Sends, false, async move {
                    Done::Sent(number, session.send(format!("{number}:{}", "x".repeat(300))).await.is_ok())
                });
            }
            Step::Disconnect => self.call(Kind::Disconnects, false, async move {
                let end = session.disconnect().await;
                Done::Ended(end.map_err(|error| match &*error {
                    SessionError::DriverLost(text) => text.clone(),
                    other => other.to_string(),
                }))
            }),
            Step::ScheduleDisconnect => session.schedule_disconnect(),
            Step::Abort => session.abort(),
            Step::Drop(index) => {
                if !self.calls.is_empty() {
                    let call = self.calls.remove(index.index(self.calls.len()));
                    drop(call.future);
                    // E9: before the drop returns.
                    if matches!(call.kind, Kind::Listens | Kind::Opens) {
                        assert_eq!((session.state(), self.alive.count()), (Idle, 0));
                    }
                }
            }
            Step::Come => {
                let link = self.link(Target::Good);
                if let Some(listener) = &self.listener {
                    let _ = listener.send(Ok(link));
                }
            }
            Step::ListenerError(kind) => {
                if let Some(listener) = &self.listener {
                    let _ = listener.send(Err(kind.into()));
                }
            }
            Step::Say(index, line) => {
                if let Some(Peer { stream: Some(stream), fatal, .. }) = self.peer(index) {
                    // The session may not read any more.
                    let _ = tokio::time::timeout(Duration::from_millis(1), stream.write_all(line.as_bytes())).await;
                    *fatal |= line.starts_with("fail") || line.starts_with("panic") || line.starts_with("bye");
                }
            }
            Step::Read(index) => {
                if let Some(peer) = self.peer(index) {
                    peer.read().await;
                }
            }
            Step::HalfClose(index) => {
                if let Some(Peer { stream: Some(stream), fatal, .. }) = self.peer(index) {
                    stream.shutdown().await.unwrap();
                    *fatal = true;
                }
            }
            Step::Close(index) => {
                if let Some(peer) = self.peer(index) {
                    peer.read().await;
                    peer.stream = None;
                    peer.fatal = true;
                }
            }
            Step::Wait => tokio::time::sleep(2 * LIMIT).await,
        }
        self.settle().await;
        self.check();
    }

    /// The newest peer more often than the others.
    fn peer(&mut self, index: Index) -> Option<&mut Peer> {
        let length = self.peers.len();
        if length == 0 {
            return None;
        }
        let back = index.index(2 * length).saturating_sub(length);
        self.peers.get_mut(length - 1 - back)
    }

    /// E7: an operation in the wrong state fails at once, and changes nothing.
    async fn first_poll(&mut self, before: Runstate, is_allowed: bool) {
        let mut call = self.calls.pop().unwrap();
        match std::future::poll_fn(|context| Poll::Ready(call.future.as_mut().poll(context))).await {
            Poll::Ready(Done::Opened(Err(OpenError::State(error)))) => {
                assert!(!is_allowed, "{error}");
                assert_eq!((error.state, self.session.state()), (before, before));
                assert_ne!(error.state, error.required);
            }
            Poll::Ready(Done::Opened(Err(OpenError::NothingOpened))) => {
                assert_eq!((is_allowed, before, self.session.state()), (false, Connecting, Connecting));
            }
            Poll::Ready(done) => {
                assert!(is_allowed, "{done:?}");
                self.done(call.kind, done);
            }
            Poll::Pending => {
                assert!(is_allowed, "it waits");
                assert_eq!(self.session.state(), Connecting);
                self.calls.push(call);
            }
        }
    }

    /// What the end of a call says about the state.
    fn done(&mut self, kind: Kind, done: Done) {
        let state = self.session.state();
        match done {
            Done::Opened(Ok(())) if kind == Kind::Listens => assert_eq!(state, Connecting),
            Done::Opened(Ok(())) => {
                assert_eq!(state, Running);
                self.taken.push(Vec::new());
            }
            Done::Opened(Err(OpenError::Connect(error))) => {
                // E8: it has rolled back.
                assert_eq!(state, Idle, "{error}");
                assert!(!error.to_string().is_empty());
                if let Cause::Cancelled = error.cause {
                    assert!(error.to_string().ends_with("cancelled by disconnect()"));
                }
            }
            Done::Opened(Err(error)) => panic!("{error}, and it had begun"),
            Done::TimedOut => assert_eq!(state, Idle),
            Done::Sent(number, true) => self.taken.last_mut().expect("a session").push(number),
            Done::Sent(_, false) => {}
            // E6: it is idle, and how it ended has a text.
            Done::Ended(end) => {
                assert_eq!(state, Idle);
                assert!(end.as_ref().err().is_none_or(|text| !text.is_empty()));
            }
        }
    }

    /// Runs all until nothing more happens. Only limits of time are left.
    async fn settle(&mut self) {
        // A call may go on because of one that is polled after it.
        let mut quiet = 0;
        while quiet < 2 {
            quiet += 1;
            let mut at = 0;
            while at < self.calls.len() {
                let future = &mut self.calls[at].future;
                let polled =
                    std::future::poll_fn(|context: &mut Context<'_>| Poll::Ready(future.as_mut().poll(context)));
                match polled.await {
                    Poll::Pending => at += 1,
                    Poll::Ready(done) => {
                        let call = self.calls.remove(at);
                        self.done(call.kind, done);
                        quiet = 0;
                    }
                }
            }
            // It ends when all tasks wait: time stands still until then.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn has_opening(&self) -> bool {
        self.calls.iter().any(|call| matches!(call.kind, Kind::Listens | Kind::Opens))
    }

    /// What each state promises.
    fn check(&mut self) {
        while let Some(next) = self.watcher.try_changed() {
            let is_legal = matches!(
                (self.seen, next),
                (Idle, Connecting | Disconnecting)
                    | (Connecting, Running | Disconnecting)
                    | (Running, Disconnecting)
                    | (Disconnecting, Idle)
            );
            assert!(is_legal, "from {} to {next}", self.seen);
            self.seen = next;
        }
        let state = self.session.state();
        assert_eq!(state, self.seen, "the watcher has seen all");
        let waits = |kind| self.calls.iter().any(|call| call.kind == kind);
        match state {
            Idle => {
                assert_eq!((self.alive.count(), tasks(), self.calls.len()), (0, 0, 0), "Idle has nothing");
                self.listener = None;
            }
            Connecting => {
                assert_eq!(tasks(), 0, "it runs in the caller");
                assert!(!waits(Kind::Sends) && !waits(Kind::Disconnects));
            }
            Running => {
                assert_eq!((tasks(), self.alive.count()), (1, 1), "one task owns the one connection");
                assert!(!self.has_opening() && !waits(Kind::Disconnects));
            }
            // What is queued waits for the peer, or the end waits for disconnect().
            Disconnecting => {
                assert_eq!(tasks(), self.alive.count(), "the connection goes with its task");
                assert!(tasks() == 1 || !waits(Kind::Disconnects), "disconnect() hangs");
                assert!(!self.has_opening() && !waits(Kind::Sends));
            }
        }
    }

    /// Disconnects. Each peer has got what its session took, in order.
    async fn end(mut self) {
        let is_healthy = self.session.state() == Running && !self.peers.iter().any(|peer| peer.fatal);
        let index = self.taken.len();
        self.calls.retain(|call| !matches!(call.kind, Kind::Listens | Kind::Opens));
        let session = self.session.clone();
        let end = tokio::spawn(async move { session.disconnect().await });
        // After a write error the engine waits for the peer's last input.
        tokio::time::sleep(2 * LIMIT).await;
        for _ in 0..=4 * self.sent {
            for peer in &mut self.peers {
                peer.read().await;
            }
            self.settle().await;
        }
        assert!(end.is_finished(), "disconnect() hangs though all peers read");
        let end = end.await.unwrap();
        self.settle().await;
        self.check();
        assert_eq!(self.session.state(), Idle);
        let mut is_complete = false;
        for peer in &mut self.peers {
            peer.read().await;
            let numbers = peer.numbers();
            let Some(first) = numbers.first() else { continue };
            let session = self.taken.iter().position(|taken| taken.first() == Some(first));
            let session = session.unwrap_or_else(|| panic!("{numbers:?} begin no session of {:?}", self.taken));
            let taken = &self.taken[session];
            assert!(taken.starts_with(&numbers), "{numbers:?} of {taken:?}");
            is_complete |= session + 1 == index && *taken == numbers;
        }
        if is_healthy && end.is_ok() {
            let expected = self.taken.last().is_some_and(|taken| !taken.is_empty());
            assert_eq!(is_complete, expected, "E14: what is queued is sent; {:?}", self.taken);
        }
    }
}

impl Peer {
    async fn read(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        loop {
            let mut chunk = [0; 2048];
            let mut buffer = ReadBuf::new(&mut chunk);
            std::future::poll_fn(|context| {
                let _ = Pin::new(&mut *stream).poll_read(context, &mut buffer);
                Poll::Ready(())
            })
            .await;
            if buffer.filled().is_empty() {
                return;
            }
            self.got += std::str::from_utf8(buffer.filled()).unwrap();
        }
    }

    /// The numbers of the messages that came whole.
    fn numbers(&self) -> Vec<usize> {
        let lines = self.got.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.filter_map(|line| line.split_once(':')?.0.parse().ok()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn e01_each_state_keeps_its_promises(hello: bool, steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(hello);
            for step in steps {
                world.step(step).await;
            }
            world.end().await;
        });
    }
}
