//! How many clients there may be, and how long things may take, in memory and without waiting.

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::LocalSet;

use super::sockets::Limits;
use super::*;
use crate::cli::ColorMode;
use qmpsh::message::{Greeting, Version};
use qmpsh::policy::Policy;
use qmpsh::protocol::{Dial, Incoming, Link, Listen};

/// The clients that come.
struct Comers(mpsc::UnboundedReceiver<DuplexStream>);

impl Listen for Comers {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        let Poll::Ready(Some(stream)) = self.0.poll_recv(context) else { return Poll::Pending };
        let link: Box<dyn Link> = Box::new(stream);
        Poll::Ready(Ok(Incoming { peer: "a client".to_owned(), handshake: Box::pin(async { Ok(link) }) }))
    }

    fn address(&self) -> String {
        "s.sock".to_owned()
    }
}

/// A socket in memory that is served.
struct Served {
    comers: mpsc::UnboundedSender<DuplexStream>,
    share: Share,
    greeting: watch::Sender<Option<(u64, Greeting)>>,
}

impl Served {
    /// Serves a socket, in a `LocalSet`.
    fn new(policy: Policy, limits: Limits) -> Self {
        let messages = Messages::new(ColorMode::Never);
        let (to_inbox, inbox) = mpsc::channel(INBOX);
        let version = Version { major: 7, minor: 2, micro: 0, package: String::new() };
        let (sender, greeting) = watch::channel(Some((1, Greeting { version, capabilities: Vec::new() })));
        let (comers, came) = mpsc::unbounded_channel();
        let options = ShareSocket::new(Place::Inherited(3), policy);
        let lobby = Lobby::new(to_inbox, greeting, messages, limits);
        tokio::task::spawn_local(Socket::on(Box::new(Comers(came)), options).serve(Rc::new(lobby)));
        let share = Share { inbox, handles: HashMap::new(), clients: 0, audit: None, messages };
        Self { comers, share, greeting: sender }
    }

    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(1 << 16);
        self.comers.send(theirs).unwrap();
        ours
    }
}

/// Reads a line; empty if the connection was closed.
async fn line(stream: &mut DuplexStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\n")
        && let Ok(byte) = stream.read_u8().await
    {
        line.push(byte);
    }
    String::from_utf8(line).unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_client_too_many_is_closed_and_comes_in_when_another_has_gone() {
    let read_only = || Policy { read_only: true, ..Policy::default() };
    for (policy, most) in [(Policy::default(), 4), (read_only(), 2)] {
        let test = async {
            let served = Served::new(policy, Limits { clients: 4, read_only: 2 });
            let mut clients: Vec<_> = (0..most).map(|_| served.connect()).collect();
            for client in &mut clients {
                assert!(line(client).await.contains("QMP"));
            }
            assert_eq!(line(&mut served.connect()).await, "");
            clients.pop();
            let mut next = served.connect();
            // The one that left is noticed at some time.
            while line(&mut next).await.is_empty() {
                tokio::task::yield_now().await;
                next = served.connect();
            }
        };
        LocalSet::new().run_until(test).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_negotiate_is_closed_after_10_seconds() {
    let test = async {
        let served = Served::new(Policy::default(), LIMITS);
        for said in ["", "{", "{\"execute\":\"query-name\"}", "\u{1}\u{1}"] {
            let start = Instant::now();
            let mut client = served.connect();
            client.write_all(said.as_bytes()).await.unwrap();
            while !line(&mut client).await.is_empty() {}
            assert_eq!(start.elapsed().as_secs(), 10, "{said:?}");
        }
        // One that comes before QEMU waits for it, however long.
        let greeting = served.greeting.send_replace(None);
        let mut client = served.connect();
        assert!(tokio::time::timeout(Duration::from_secs(3600), line(&mut client)).await.is_err());
        served.greeting.send_replace(greeting);
        assert!(line(&mut client).await.contains("QMP"));
    };
    LocalSet::new().run_until(test).await;
}

/// A QEMU in memory.
struct Pipe(DuplexStream);

impl Dial for Pipe {
    fn dial(self) -> impl Future<Output = io::Result<Box<dyn Link>>> + Send {
        let link: Box<dyn Link> = Box::new(self.0);
        async { Ok(link) }
    }
}

/// Answers the negotiation, and reads one command, which is never answered.
async fn silent_qemu(mut stream: DuplexStream) -> DuplexStream {
    let greeting =
        r#"{"QMP":{"version":{"qemu":{"micro":0,"minor":2,"major":7},"package":""},"capabilities":["oob"]}}"#;
    stream.write_all(format!("{greeting}\r\n").as_bytes()).await.unwrap();
    let negotiation = request(&mut stream).await;
    let id = &negotiation[negotiation.find("\"id\"").unwrap()..];
    stream.write_all(format!("{{\"return\":{{}},{id}\r\n").as_bytes()).await.unwrap();
    assert!(request(&mut stream).await.contains("slow"));
    stream
}

/// Reads to the end of a JSON object.
async fn request(stream: &mut DuplexStream) -> String {
    let mut text = String::new();
    while text.is_empty() || text.matches('{').count() > text.matches('}').count() {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    text
}

#[tokio::test(start_paused = true)]
async fn a_signal_waits_5_seconds_for_a_command_that_does_not_end() {
    // QEMU does not answer, or does not even read.
    for padding in [0, 200 << 10] {
        let test = async {
            let mut served = Served::new(Policy::default(), LIMITS);
            let mut shell = served.connect();
            let (ours, theirs) = duplex(1 << 16);
            let qemu = tokio::task::spawn_local(silent_qemu(theirs));
            let (client, events) = Upstream::client(Client::builder());
            client.open(Pipe(ours)).await.unwrap();
            let mut upstream = Upstream::new(client.clone(), events);
            let command = format!(r#"{{"execute":"slow","arguments":{{"x":"{}"}}}}"#, "x".repeat(padding));
            let requests = [r#"{"execute":"qmp_capabilities"}{"execute":"slow"}"#, &command.repeat(20)].concat();
            let shell = tokio::task::spawn_local(async move {
                // It ends when the connection is closed.
                let _ = shell.write_all(requests.as_bytes()).await;
                shell
            });
            let start = Instant::now();
            let signal = Box::pin(tokio::time::sleep(Duration::from_secs(60)));
            assert!(matches!(served.share.session(1, &mut upstream, signal).await, End::Signal));
            let _ = client.disconnect().await;
            assert_eq!(start.elapsed().as_secs(), 65, "{padding}");
            drop((qemu, shell));
        };
        LocalSet::new().run_until(test).await;
    }
}
