//! Clients of a share: replies, events, files, and those that go.

use std::fs::File;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::Share;
use crate::support::client::Client;
use crate::support::{DEADLINE, Mock, Qemu, poll_until, qmpsh};

/// A few, or as many as `$QMPSH_ROUNDS` says.
fn rounds(few: usize) -> usize {
    std::env::var("QMPSH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(few)
}

#[test]
fn many_clients_have_a_thousand_commands_each_and_all_events() {
    const COMMANDS: usize = 1000;
    let qemu = Qemu::none().name("web1").start();
    let share = Share::on(&qemu);
    let work = |name: &'static str, ahead: usize, mut client: Client| {
        let (mut sent, mut replies, mut events) = (0, 0, 0);
        while replies < COMMANDS || events < COMMANDS {
            while sent < COMMANDS && sent - replies < ahead {
                // The first client causes the events.
                let command = if name == "a" { ["stop", "cont"][sent % 2] } else { "query-name" };
                client.send(&json!({"execute": command, "id": [name, sent]}).to_string());
                sent += 1;
            }
            let message = client.read();
            if message["event"].is_string() {
                assert_eq!(message["event"], ["STOP", "RESUME"][events % 2], "{name}: event {events}");
                events += 1;
            } else {
                let result = if name == "a" { json!({}) } else { json!({"name": "web1"}) };
                assert_eq!(message, json!({"return": result, "id": [name, replies]}));
                replies += 1;
                // An event comes before the reply to the command that caused it.
                assert!(name != "a" || events == replies, "{replies} replies, {events} events");
            }
        }
    };
    let clients = [("a", 1), ("b", 1), ("c", 100)].map(|(name, ahead)| (name, ahead, share.client()));
    std::thread::scope(|scope| {
        for (name, ahead, client) in clients {
            scope.spawn(move || work(name, ahead, client));
        }
    });
}

#[test]
fn to_a_client_it_is_the_monitor_itself() {
    let qemu = Qemu::none().second_monitor().start();
    let share = Share::on(&qemu);
    let inputs = [
        r#"{"execute":"query-version","id":{"a": [1, null, true, "x"]}}"#,
        r#"{"execute":"query-version"}"#,
        r#"{"execute":"no-such","id":""}"#,
        r#"{"execute":"query-block","arguments":{"x":1},"id":5}"#,
        r#"{"execute":"query-qmp-schema","id":0}"#,
        r#"{"execute":"query-version","id":01}"#,
    ];
    let mut transcripts = [Client::unix(&qemu.second_socket()), Client::unix(&share.socket)].map(|mut client| {
        let mut texts = vec![client.read_text().unwrap()];
        client.send(r#"{"execute":"query-name"}{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#);
        for input in inputs {
            client.send(input);
        }
        client.send(r#"{"exec-oob":"no-such","id":"end"}"#);
        texts.extend(std::iter::from_fn(|| client.read_text()).take(10));
        // An out-of-band reply may come before others. 11.1 tells the place of a mistake.
        texts.retain(|text| !text.contains("\"end\"") && !text.contains("parse error"));
        texts
    });
    let [direct, shared] = &mut transcripts;
    assert_eq!(direct, shared);
}

#[test]
fn events_come_to_all_and_before_the_reply() {
    let qemu = Qemu::none().start();
    let share = Share::on(&qemu);
    let mut clients = [share.client(), share.client(), share.client()];
    for _ in 0..20 {
        for (command, event) in [("stop", "STOP"), ("cont", "RESUME")] {
            clients[0].send(&format!(r#"{{"execute":"{command}","id":1}}"#));
            for client in &mut clients {
                assert_eq!(client.read()["event"], event);
            }
            assert_eq!(clients[0].read(), json!({"return": {}, "id": 1}));
        }
    }
}

#[test]
fn a_client_that_has_closed_its_half_gets_the_replies() {
    let qemu = Qemu::none().start();
    let share = Share::on(&qemu);
    let mut client = share.client();
    for id in 0..6 {
        client.send(&format!(r#"{{"execute":"query-name","id":{id}}}"#));
    }
    client.finish_sending();
    for id in 0..6 {
        assert_eq!(client.read()["id"], id);
    }
    assert_eq!(client.read_text(), None);
}

#[test]
fn a_client_that_goes_at_any_moment_harms_no_other() {
    let qemu = Qemu::none().name("web1").start();
    let share = Share::on(&qemu);
    let mut other = share.client();
    let whole = concat!(
        r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#,
        r#"{"execute":"query-qmp-schema","id":1}{"exec-oob":"query-yank","id":2}{"execute":"query-qmp-schema","id":3}"#
    );
    for length in (0..=whole.len()).step_by(7) {
        let mut client = Client::unix(&share.socket);
        client.send(&whole[..length]);
        if length % 2 == 0 {
            client.read_greeting();
        }
        drop(client);
        other.send(&format!(r#"{{"execute":"query-name","id":{length}}}"#));
        assert_eq!(other.read(), json!({"return": {"name": "web1"}, "id": length}));
    }
}

fn send_with_file(stream: &UnixStream, text: &str) {
    let file = File::open("/dev/null").unwrap();
    let descriptors = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
    sendmsg(stream, &[IoSlice::new(text.as_bytes())], &mut control, SendFlags::empty()).unwrap();
}

#[test]
fn clients_that_are_killed_harm_no_other() {
    let qemu = Qemu::none().name("web1").start();
    let share = Share::on(&qemu);
    let mut other = share.client();
    let large = r#"{"execute":"query-qmp-schema"}"#;
    for round in 0..rounds(5) {
        let mut clients: Vec<Client> = (0..3).map(|_| share.client()).collect();
        let stream = UnixStream::connect(&share.socket).unwrap();
        let mut with_files = Client::on(stream.try_clone().unwrap()).negotiate();
        let shell = qmpsh().arg(&share.socket).args(["-c", ".watch 0.001 query-qmp-schema"]).start();
        // In the middle of a request, of a reply, with commands unanswered, and while open files travel.
        clients[0].send(&large[..=round % (large.len() - 1)]);
        clients[1].send(&large.repeat(8));
        clients[1].read_some();
        clients[2].send(&large.repeat(3));
        for command in ["add-fd", "getfd", "add-fd"] {
            send_with_file(&stream, &json!({"execute": command, "arguments": {}}).to_string());
        }
        if round % 2 == 0 {
            with_files.read_reply();
        }
        shell.signal(Signal::KILL);
        drop((clients, with_files, stream, shell.wait()));
        other.send(&json!({"execute": "query-name", "id": round}).to_string());
        assert_eq!(other.read(), json!({"return": {"name": "web1"}, "id": round}));
    }
    let sets = poll_until(DEADLINE, || (other.execute(r#"{"execute":"query-fdsets"}"#) == json!([])).then_some(()));
    assert!(sets.is_some(), "{}", other.execute(r#"{"execute":"query-fdsets"}"#));
}

#[test]
fn clients_that_leave_before_qemu_is_there_take_no_room() {
    let program = qmpsh();
    let [monitor, socket] = ["q.sock", "s.sock"].map(|name| program.home().join(name));
    let listen = format!("{},read-only", socket.display());
    let mut process = program.args(["share", &format!("listen:{}", monitor.display()), "--listen", &listen]).start();
    while !process.read_stderr_line().starts_with("serving ") {}
    let mut crowd: Vec<Client> = (0..250).map(|_| Client::unix(&socket)).collect();
    assert_eq!(Client::unix(&socket).read_text(), None);
    crowd.clear();
    while !process.read_stderr_line().contains("it left before QEMU was there") {}
    let early = Client::unix(&socket);
    let _qemu = Qemu::none().args(["-qmp", &format!("unix:{}", monitor.display())]).start();
    assert_eq!(early.negotiate().execute(r#"{"execute":"query-name"}"#), json!({}));
}

#[test]
fn open_files_go_on_with_their_command_and_go_with_their_client() {
    let qemu = Qemu::none().start();
    let share = Share::on(&qemu);
    let mut other = share.client();
    let sets = |client: &mut Client| client.execute(r#"{"execute":"query-fdsets"}"#);
    let stream = UnixStream::connect(&share.socket).unwrap();
    let mut client = Client::on(stream.try_clone().unwrap()).negotiate();
    // A file with a command that takes none is closed, and not left for the next one.
    send_with_file(&stream, r#"{"execute":"query-name"}"#);
    client.read_reply();
    assert_eq!(other.execute(r#"{"execute":"add-fd"}"#)["class"], "GenericError");
    // Commands before and behind it in one stream do not get it.
    client.send(r#"{"execute":"query-name"}{"execute":"query-version"}"#);
    send_with_file(&stream, r#"{"execute":"add-fd","arguments":{"opaque":"x"}}"#);
    client.send(r#"{"execute":"getfd","arguments":{"fdname":"f"},"id":9}"#);
    client.read_reply();
    client.read_reply();
    assert!(client.read_reply()["fdset-id"].is_number());
    assert_eq!(client.read_reply()["class"], "GenericError");
    assert_eq!(sets(&mut other)[0]["fds"][0]["opaque"], "x");
    drop((client, stream));
    let gone = poll_until(DEADLINE, || (sets(&mut other) == json!([])).then_some(()));
    assert!(gone.is_some(), "{}", sets(&mut other));
}

#[test]
fn an_open_file_of_a_refused_command_is_left_for_no_other_client() {
    let qemu = Qemu::none().start();
    let share = Share::on(&qemu);
    let mut other = share.client();
    let stream = UnixStream::connect(&share.socket).unwrap();
    let mut client = Client::on(stream.try_clone().unwrap());
    client.read_greeting();
    client.send(r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#);
    client.read_reply();
    let refused = [
        r#"{"execute":"getfd"}"#,
        r#"{"execute":"getfd","arguments":{"fdname":"1"}}"#,
        r#"{"execute":"add-fd","arguments":{"fdset-id":"x"}}"#,
        r#"{"execute":"add-fd","arguments":{"fdset-id":-1}}"#,
        r#"{"exec-oob":"getfd","arguments":{"fdname":"f"}}"#,
    ];
    for command in refused {
        send_with_file(&stream, command);
        assert_eq!(client.read_reply()["class"], "GenericError", "{command}");
        assert_eq!(other.execute(r#"{"execute":"add-fd"}"#)["class"], "GenericError", "{command}");
        assert_eq!(other.execute(r#"{"execute":"query-fdsets"}"#), json!([]), "{command}");
    }
}

#[test]
fn an_open_file_for_a_monitor_on_tcp_is_refused_and_holds_nobody_up() {
    let qemu = Qemu::none().tcp_monitor().start();
    let share = Share::start(Path::new(&qemu.tcp().to_string()), "", &[]);
    let mut other = share.client();
    let stream = UnixStream::connect(&share.socket).unwrap();
    let mut client = Client::on(stream.try_clone().unwrap()).negotiate();
    send_with_file(&stream, r#"{"execute":"add-fd","id":1}"#);
    let desc = client.read_reply()["desc"].take();
    assert_eq!(desc, "`add-fd` was not sent: only a Unix socket on this machine can pass an open file");
    assert_eq!(other.execute(r#"{"execute":"query-name"}"#), json!({}));
    assert_eq!(client.execute(r#"{"execute":"query-name"}"#), json!({}));
}

#[test]
fn open_files_for_a_request_that_does_not_end_are_bounded() {
    let qemu = Qemu::none().start();
    let share = Share::on(&qemu);
    let stream = UnixStream::connect(&share.socket).unwrap();
    let mut client = Client::on(stream.try_clone().unwrap()).negotiate();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", share.process.pid())).unwrap().count();
    let before = open();
    for _ in 0..200 {
        send_with_file(&stream, " [");
    }
    // It has read all of that when it answers the mistake at the end.
    client.send("X");
    assert!(client.read_text().is_some());
    assert!(open() <= before + 16, "{before}, {}", open());
}

#[test]
fn a_slow_client_is_closed_and_holds_nobody_up() {
    const REPLY: u64 = 24 << 20;
    let mut mock = Mock::new().greeting().expect_execute("qmp_capabilities").reply("{}");
    for _ in 0..6 {
        mock = mock.expect_execute("x-large").reply_string_of(REPLY);
    }
    let mock = mock.expect_execute("query-name").reply("{}").unix();
    let mut share = Share::start(mock.socket(), "", &[]);
    let mut slow = share.client();
    let mut other = share.client();
    for _ in 0..6 {
        slow.send(r#"{"execute":"x-large"}"#);
    }
    let mut said = std::iter::from_fn(|| Some(share.process.read_stderr_line()));
    assert!(said.any(|line| line.contains("it does not read, and too much waits for it")));
    other.send(r#"{"execute":"query-name","id":1}"#);
    assert_eq!(other.read(), json!({"return": {}, "id": 1}));
    drop(share);
    mock.abandon();
}

#[test]
fn quit_is_answered_before_the_connection_closes() {
    let qemu = Qemu::none().start();
    let share = Share::on(&qemu);
    let mut client = share.client();
    let mut other = share.client();
    client.send(r#"{"execute":"quit","id":"q"}"#);
    let texts: Vec<Value> =
        std::iter::from_fn(|| client.read_text()).map(|text| serde_json::from_str(&text).unwrap()).collect();
    assert_eq!(texts.last(), Some(&json!({"return": {}, "id": "q"})), "{texts:?}");
    assert!(std::iter::from_fn(|| other.read_text()).all(|text| text.contains("SHUTDOWN")));
    assert_eq!(share.process.wait().code(), Some(4));
}
