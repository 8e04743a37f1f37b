//! TLS records: one byte in each for an old QEMU.

use super::peer::Peer;
use super::with;
use crate::tls::certificates::Authority;

/// A record of TLS 1.3 with one byte: the byte, its type, and 16 bytes to check it by.
const ONE_BYTE: usize = 1 + 1 + 16;

const NEGOTIATION: &str = r#"{"execute":"qmp_capabilities","id":123456789}"#;
const COMMAND: &str = r#"{"execute":"query-status","id":1}"#;

/// What a client sends to a QEMU of this version: the lengths of its records.
#[track_caller]
fn sent_to(major: u32) -> (Vec<usize>, Vec<usize>) {
    let authority = Authority::new();
    let peer = Peer::new(&authority.server_folder(), false);
    let address = peer.address();
    let play = peer.play(move |mut conversation| {
        conversation.greet(major);
        let negotiation = conversation.records();
        conversation.answer("query-status", "{}");
        let command = conversation.records();
        conversation.end();
        (negotiation, command)
    });
    with(&authority.folder()).args([&address, "query-status"]).run().stdout("{}\n").stderr("").status(0);
    let (mut negotiation, command) = play.join().expect("as played");
    // Before it comes the client's last word of the handshake.
    negotiation.remove(0);
    (negotiation, command)
}

#[test]
fn old_qemu_gets_one_byte_per_record() {
    for major in [7, 2] {
        let expected = (vec![ONE_BYTE; NEGOTIATION.len()], vec![ONE_BYTE; COMMAND.len()]);
        assert_eq!(sent_to(major), expected);
    }
}

#[test]
fn new_qemu_gets_a_command_per_record() {
    for major in [8, 10] {
        let whole = |text: &str| vec![text.len() - 1 + ONE_BYTE];
        assert_eq!(sent_to(major), (whole(NEGOTIATION), whole(COMMAND)));
    }
}

#[test]
fn an_unknown_version_gets_one_byte_per_record() {
    let authority = Authority::new();
    let peer = Peer::new(&authority.server_folder(), false);
    let address = peer.address();
    let play = peer.play(|mut conversation| {
        conversation.answer("query-status", "{}");
        let records = conversation.records();
        conversation.end();
        records
    });
    with(&authority.folder()).args(["-N", &address, "query-status"]).run().stdout("{}\n").stderr("").status(0);
    let records = play.join().expect("as played");
    let bytes = records.iter().filter(|length| **length == ONE_BYTE).count();
    assert_eq!(bytes, COMMAND.len());
}
