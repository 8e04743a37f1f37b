use proptest::prelude::*;

use super::*;

#[test]
fn the_text_of_unix_sockets_is_read() {
    let text = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
        0000000010de4483: 00000003 00000000 00000000 0001 03 96677\n\
        0000000091f39257: 00000003 00000000 00000000 0001 02     0 l.sock\n\
        00000000f3b2f9c6: 00000002 00000000 00010000 0001 01 155841 /tmp/my vm.sock\n\
        00000000f3b2f9c7: 00000003 00000000 00000000 0001 03 62 @/tmp/abs\n\
        nonsense\n\
        00000000f3b2f9c8: 00000003 00000000 zz 0001 03 62\n";
    let socket = |inode, listening, connected, name: &[u8]| UnixSocket {
        inode,
        listening,
        connected,
        name: name.to_vec(),
        ..UnixSocket::default()
    };
    assert_eq!(
        unix_text(text),
        [
            socket(96677, false, true, b""),
            socket(0, false, false, b"l.sock"),
            socket(155_841, true, false, b"/tmp/my vm.sock"),
            socket(62, false, true, b"\0/tmp/abs"),
        ]
    );
    assert_eq!(unix_text(b""), []);
}

#[test]
#[cfg(target_endian = "little")]
fn the_text_of_tcp_sockets_is_read() {
    let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 0100007F:115C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0 100\n\
        \x20  1: 0100007F:115C 0100007F:8235 01 00000000:00000000 00:00000000 00000000     0        0 1235 1 0 100\n\
        \x20  2: 0100007F: 0100007F:8235 01\n\
        short\n";
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    let listening = TcpSocket {
        local: at("127.0.0.1:4444"),
        remote: at("0.0.0.0:0"),
        listening: true,
        connected: false,
        inode: 1234,
    };
    let connected = TcpSocket {
        local: at("127.0.0.1:4444"),
        remote: at("127.0.0.1:33333"),
        listening: false,
        connected: true,
        inode: 1235,
    };
    assert_eq!(tcp_text(text), [listening, connected]);
    let check = |text: &str, expected: Option<&str>| assert_eq!(socket_address(text), expected.map(at), "{text}");
    check("00000000000000000000000001000000:115C", Some("[::1]:4444"));
    // An IPv4 connection on an IPv6 socket.
    check("0000000000000000FFFF00000100007F:115C", Some("127.0.0.1:4444"));
    check("0100007:115C", None);
    check("0100007F:115C0", None);
    check("éééé:1", None);
}

/// One message of an answer.
fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = 16 + body.len();
    let mut out = u32::try_from(length).unwrap().to_ne_bytes().to_vec();
    out.extend(kind.to_ne_bytes());
    out.extend([0; 10]);
    out.extend(body);
    out.resize(length.next_multiple_of(4), 0);
    out
}

fn socket_body(kind: u8, state: u8, inode: u32, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = vec![1, kind, state, 0];
    out.extend(inode.to_ne_bytes());
    out.extend([0; 8]);
    for (kind, value) in attributes {
        out.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
        out.extend(kind.to_ne_bytes());
        out.extend(*value);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

#[test]
fn the_answer_of_the_kernel_is_read() {
    let file: Vec<u8> = [77_u32.to_ne_bytes(), (254_u32 << 20).to_ne_bytes()].concat();
    let waiting: Vec<u8> = [5_u32.to_ne_bytes(), 6_u32.to_ne_bytes()].concat();
    let listener = socket_body(1, 10, 40, &[(0, b"q.sock\0"), (1, &file), (3, &waiting), (6, &[0])]);
    let accepted = socket_body(1, 1, 41, &[(0, b"\0name"), (2, &42_u32.to_ne_bytes())]);
    let datagram_socket = socket_body(2, 1, 43, &[]);
    let all = [message(20, &listener), message(20, &accepted), message(20, &datagram_socket)].concat();
    let mut sockets = Vec::new();
    assert_eq!(unix_diag_answer(&all, &mut sockets), Dump::More);
    let expected = [
        UnixSocket {
            inode: 40,
            listening: true,
            name: b"q.sock".to_vec(),
            file: Some(FileId { device: 254 << 20, inode: 77 }),
            waiting: vec![5, 6],
            ..UnixSocket::default()
        },
        UnixSocket { inode: 41, connected: true, name: b"\0name".to_vec(), peer: Some(42), ..UnixSocket::default() },
    ];
    assert_eq!(sockets, expected);
    assert_eq!(unix_diag_answer(&message(3, &[0; 4]), &mut sockets), Dump::Done);
    assert_eq!(unix_diag_answer(&message(2, &[0; 4]), &mut sockets), Dump::Failed);
    // A length that lies.
    assert_eq!(unix_diag_answer(&message(20, &listener)[..30], &mut sockets), Dump::Failed);
    assert_eq!(unix_diag_answer(&[0; 40], &mut sockets), Dump::Failed);
    assert_eq!(sockets, expected);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), length in 0_u32..220, attribute in 0_u16..50) {
        let _ = unix_text(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = tcp_text(&text);
        let _ = socket_address(&text);
        let mut bytes = bytes;
        unix_diag_answer(&bytes, &mut Vec::new());
        if bytes.len() >= 34 {
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            bytes[32..34].copy_from_slice(&attribute.to_ne_bytes());
        }
        unix_diag_answer(&bytes, &mut Vec::new());
    }

    #[test]
    fn no_line_panics(line in "[0-9a-fA-F: @]{0,80}") {
        let text = format!("header\n{line}\n");
        let _ = unix_text(text.as_bytes());
        let _ = tcp_text(&text);
    }
}
