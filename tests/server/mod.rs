//! The server side of the library, against what a real QEMU says to the same input.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;

use qmpsh::message::{Greeting, Message};
use qmpsh::protocol::Bind;
use qmpsh::server::{Connection, MAX_REQUEST, Received, next_peer};
use qmpsh::transport::Unix;
use serde_json::Value;

use crate::support::client::Client;
use crate::support::{Program, Qemu, poll_until, temporary_directory};

const NEGOTIATE: &str = r#"{"execute":"qmp_capabilities"}"#;
const ENABLE_OOB: &str = r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#;
/// The last request of each input. Its reply ends what is compared.
const END: &str = r#"{"execute":"no-such-command","id":"end"}"#;

/// What one sends before the negotiation. The answers are QEMU's, whatever they are.
const BEFORE: &[&str] = &[
    "",
    "foo",
    "{}",
    "[1]",
    r#"{"execute":"query-name","id":7}"#,
    r#"{"execute":1,"id":7}"#,
    r#"{"exec-oob":"query-yank","id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{"enable":["x"]},"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{"enable":"oob"},"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{"enable":null},"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{"enable":[1]},"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob","oob"]},"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{"enable":[]},"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{"foo":1},"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"],"b":1},"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":[],"id":7}"#,
    r#"{"execute":"qmp_capabilities","arguments":{},"x":1,"id":7}"#,
    r#"{"execute":"qmp_capabilities","id":7}{"execute":"qmp_capabilities","id":8}"#,
];

/// What one sends after it.
const AFTER: &[&[u8]] = &[
    b"",
    b"foo bar ",
    b"FOO bar ",
    b"FOO\n",
    b"1 null \"x\" [1]",
    b"{}",
    br#"{"execute":1}{"execute":"x","exec-oob":"x"}{"exec-oob":"x","id":1}"#,
    br#"{"execute":"x","arguments":[]}{"execute":"x","arguments":null,"id":[1]}"#,
    br#"{"x":1,"execute":"x","id":5}{"id":1}{"":1}"#,
    br#"{"execute":"","id":1}"#,
    br#"{"execute":"x","id":1,"id":2}{"a":{"b":1,"b":2}}"#,
    br#"{"a"}{"a" 1}{"a":}{"a":1 "b":2}{1:2}{a:1}{"a":tru}{"a":[1 2]}{"a":[,]}{"a":[1,]}{"a":1,}{,}"#,
    b"}}}]",
    b"{]",
    b"{\"a\":]}",
    b"[}",
    br#"{"id":01}"#,
    br#"{"id":1.}"#,
    br#"{"id":-}"#,
    br#"{"id":1e}"#,
    br#"{"id":%d}"#,
    br#"{"id":$}"#,
    b"{\"id\":\"a\nb\"}",
    br#"{"id":"\q"}{"id":"\ud800"}{"id":"\uffff"}{"id":"\u12g4"}{"id":"\ud800\u0041"}"#,
    b"{\"id\":\"\xc3\"}{\"id\":\"\xed\xa0\x80\"}{\"id\":\"\xef\xbf\xbe\"}",
    br#"{'execute':'x','id':'it\'s "x"'}"#,
    br#"{"id":"\uD83D\uDE00 \u0000","execute":"x"}"#,
    br#"{"execute":"x","id":{"a": [null, true, -1]}}"#,
    b"{\"id\":\"\x01\"}",
    b"+1 ",
    b"\xff\xff",
    b"\xfe{\"execute\":\"x\",\"id\":1}",
    b"\xc3\xa9 {\"execute\":\"x\",\"id\":1}",
    br#"{"a":FOO,"execute":"x","id":1}"#,
    b"\x00{\"execute\":\"x\",\"id\":1\x00}",
    b"{\"execute\"\x0b:\"x\",\"id\":1}",
    br#"{"execute":"qmp_capabilities","id":1}"#,
    br#"{"execute":"a\u0000b\u00e9","id":1}"#,
];

/// What one sends with out-of-band execution enabled.
const OUT_OF_BAND: &[&str] = &[
    r#"{"exec-oob":"no-such-command","id":1}"#,
    r#"{"exec-oob":1,"id":1}"#,
    r#"{"execute":"x","exec-oob":"x","id":1}"#,
    r#"{"exec-oob":"x","x":1,"id":1}"#,
    r#"{"exec-oob":"qmp_capabilities","id":1}"#,
    r#"{"exec-oob":"x","arguments":1}"#,
    r#"{"exec-oob":"x","id":1,"id":1}"#,
    r#"{"exec-oob":"x","id":FOO}"#,
];

/// Sends the input and returns what came, up to the reply to the last request.
fn exchange(socket: &Path, input: &[u8]) -> (String, Vec<String>) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
    stream.write_all(&[input, END.as_bytes()].concat()).unwrap();
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("\"end\"") || !text.ends_with(b"\r\n") {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{input:?}: closed after {}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&piece[..count]);
    }
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.split("\r\n").filter(|line| !line.is_empty()).map(as_before_11);
    (lines.next().unwrap(), lines.collect())
}

/// QEMU 11.1 has the place of a mistake, and other words for some.
fn as_before_11(line: &str) -> String {
    let mut line = line.to_owned();
    if let Some(start) = line.find("\"desc\": \"").map(|at| at + 9)
        && let Some(end) = line[start..].find(": JSON parse error").map(|end| start + end)
        && line[start..end].chars().all(|c| c.is_ascii_digit() || c == ':')
    {
        line.replace_range(start..end + 2, "");
    }
    let words = [
        ("expecting ':'", "missing : in object pair"),
        ("expected ',' or '}'", "expected separator in dict"),
        ("expected ',' or ']'", "expected separator in list"),
    ];
    words.iter().fold(line, |line, (new, old)| line.replace(new, old))
}

/// A server that answers every command with `CommandNotFound`, as QEMU does what it does not know.
fn start(socket: &Path, greeting: Greeting) {
    let socket = socket.to_owned();
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut listener = Unix::path(&socket).bind().await.unwrap();
            ready.send(()).unwrap();
            loop {
                let incoming = next_peer(&mut *listener).await.unwrap();
                let greeting = greeting.clone();
                tokio::spawn(async move {
                    let link = incoming.handshake.await.unwrap();
                    let Ok(mut connection) = Connection::open(link, &greeting, MAX_REQUEST).await else { return };
                    let responses = connection.responses();
                    while let Some(received) = connection.next().await {
                        let response = match received {
                            Received::Command(command) => {
                                let desc = format!("The command {} has not been found", command.name());
                                command.fails("CommandNotFound", &desc)
                            }
                            Received::Refused { response, .. } => response,
                        };
                        let _ = responses.send(response).await;
                    }
                });
            }
        });
    });
    is_ready.recv().unwrap();
}

#[test]
fn the_server_says_what_qemu_says() {
    let qemu = Qemu::none().start();
    let mut inputs: Vec<Vec<u8>> = BEFORE.iter().map(|input| input.as_bytes().to_vec()).collect();
    inputs.extend(AFTER.iter().map(|input| [NEGOTIATE.as_bytes(), input].concat()));
    inputs.extend(OUT_OF_BAND.iter().map(|input| [ENABLE_OOB, input].concat().into_bytes()));
    let (line, _) = exchange(&qemu.socket(), b"");
    let Ok(Message::Greeting(greeting)) =
        Message::from_document(qmpsh::json::Document::parse(line.as_bytes()).unwrap())
    else {
        panic!("{line}");
    };
    let directory = temporary_directory();
    let socket = directory.path().join("s.sock");
    start(&socket, *greeting);
    let mut wrong = Vec::new();
    for input in inputs {
        let (expected, found) = (exchange(&qemu.socket(), &input), exchange(&socket, &input));
        let is_key = |line: &String| line.contains("key is not a string") || line.contains("expecting key");
        let same = expected.1.len() == found.1.len()
            && expected.0 == found.0
            && std::iter::zip(&expected.1, &found.1).all(|(expected, found)| {
                // 11.1 has one text where older ones have three.
                expected == found || (is_key(expected) && found.contains("JSON parse error"))
            });
        if !same {
            wrong.push(format!("{}\nQEMU: {:#?}\nwe: {:#?}", String::from_utf8_lossy(&input), expected.1, found.1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_example_is_a_server() {
    let example = Path::new(crate::support::QMPSH).with_file_name("examples").join("server");
    let directory = temporary_directory();
    let socket = directory.path().join("s.sock");
    let mut server = Program::new(example).arg(&socket).start();
    assert!(server.read_line().starts_with("listening on "));
    assert!(poll_until(crate::support::DEADLINE, || socket.exists().then_some(())).is_some());
    let mut client = Client::unix(&socket).negotiate();
    let status = client.execute(r#"{"execute":"query-status"}"#);
    assert_eq!(status["status"], Value::from("running"));
    assert_eq!(client.execute(r#"{"execute":"quit"}"#)["class"], Value::from("CommandNotFound"));
}
