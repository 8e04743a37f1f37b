//! A real QEMU dials in with TLS.

use super::{dialing, dialing_with, with};
use crate::support::program::Process;
use crate::support::{Qemu, qmpsh};
use crate::tls::certificates::{Authority, Folder, Leaf};

/// Starts `qmpsh listen` on a port, with these options and commands; gives the port.
fn listening(folder: &Folder, words: &[&str]) -> (Process, String) {
    let mut process = with(folder).args(["listen", "127.0.0.1:0"]).args(words.to_vec()).start();
    let line = process.read_stderr_line();
    let port = line.strip_prefix("listening on 127.0.0.1:").unwrap_or_else(|| panic!("{line}"));
    let port = port.to_owned();
    (process, port)
}

#[test]
fn listening_with_tls_reads_large_replies() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let (process, port) = listening(&server, &["-c", "query-name", "-c", "query-qmp-schema"]);
    let _qemu = dialing("localhost", &port, client.path()).start();
    let output = process.wait();
    output.status(0);
    let text = output.stdout_text();
    let (name, schema) = text.split_once('\n').expect("two lines");
    assert_eq!(name, "{\"name\": \"dialer\"}");
    assert!(schema.len() > 100_000 && schema.ends_with("]\n"));
}

#[test]
fn tls_1_2_is_spoken_to_a_client() {
    let authority = Authority::new();
    let server = authority.server_folder();
    let (mut process, port) = listening(&server, &["query-name"]);
    let before = ",priority=NORMAL:-VERS-TLS1.3";
    let without = authority.folder();
    let qemu = dialing_with("127.0.0.1", &port, without.path(), before).start();
    let warning = process.read_stderr_line();
    assert!(warning.contains("the client sent no certificate that a CA in ca-cert.pem has signed"), "{warning}");
    drop(qemu);
    let client = authority.client_folder();
    let _qemu = dialing_with("127.0.0.1", &port, client.path(), before).start();
    process.wait().stdout("{\"name\": \"dialer\"}\n").status(0);
}

#[test]
fn a_client_of_another_ca_is_dropped_and_listening_goes_on() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = authority.server_folder().with("ca-crl.pem", authority.revocations(&[77], 2099));
    let (mut process, port) = listening(&server, &["query-name"]);
    // It knows our CA, and shows a certificate that another one has signed.
    let strange = other.client_folder().with("ca-cert.pem", format!("{}{}", authority.pem(), other.pem()));
    let revoked = authority.folder().with_pair("client", &Leaf::client().serial(77).signed_by(&authority));
    let without = authority.folder();
    let none = "the client sent no certificate that a CA in ca-cert.pem has signed; still listening";
    for (folder, expected) in [
        // It is told whose certificates are wanted here, and has none of those.
        (strange, none),
        (revoked, "the certificate of the client is refused: it was revoked, as ca-crl.pem says; still listening"),
        (without, none),
    ] {
        let _qemu = dialing("localhost", &port, folder.path()).start();
        // It dials again before it is ended.
        let warning = process.read_stderr_line();
        assert!(warning.contains("WARN") && warning.contains(expected), "{warning}");
    }
    let client = authority.client_folder();
    let _qemu = dialing("localhost", &port, client.path()).start();
    process.wait().stdout("{\"name\": \"dialer\"}\n").status(0);
}

#[test]
fn a_client_that_refuses_our_certificate_is_reported() {
    let authority = Authority::new();
    let pair = Leaf::server().names(&["host1.example"]).signed_by(&authority);
    let (mut process, port) = listening(&authority.folder().with_pair("server", &pair), &["query-name"]);
    let client = authority.client_folder();
    let _qemu = dialing("localhost", &port, client.path()).start();
    let warning = process.read_stderr_line();
    let expected = "the client closed the connection right after the TLS handshake; it seems to refuse our \
                    certificate, server-cert.pem, which is for host1.example: host= of QEMU has to be one of these";
    assert_eq!(warning.matches(expected).count(), 1, "{warning}");
}

#[test]
fn a_client_without_tls_is_dropped() {
    let authority = Authority::new();
    let (mut process, port) = listening(&authority.server_folder(), &["query-name"]);
    let _qemu = Qemu::none().args(["-qmp", &format!("tcp:127.0.0.1:{port}")]).start();
    let warning = process.read_stderr_line();
    assert!(warning.contains("the peer does not speak TLS; it said `{\"QMP\": {\"version\""), "{warning}");
}

#[test]
fn a_tls_client_is_reported_when_listening_without_tls() {
    let authority = Authority::new();
    let mut process = qmpsh().args(["listen", "127.0.0.1:0", "query-name"]).start();
    let line = process.read_stderr_line();
    let port = line.strip_prefix("listening on 127.0.0.1:").expect("the readiness line").to_owned();
    let client = authority.client_folder();
    let _qemu = dialing("localhost", &port, client.path()).start();
    let warning = process.read_stderr_line();
    assert!(warning.contains("the peer speaks TLS, and this side does not"), "{warning}");
}

#[test]
fn listening_on_every_address_with_tls_is_not_warned_of() {
    let authority = Authority::new();
    let server = authority.server_folder();
    let mut process = with(&server).args(["listen", "0.0.0.0:0", "x"]).start();
    let line = process.read_stderr_line();
    assert!(line.starts_with("listening on 0.0.0.0:"), "no warning: {line}");
}

#[test]
fn listening_with_tls_ends_after_wait_seconds() {
    let server = Authority::new().server_folder();
    let output = with(&server).args(["listen", "127.0.0.1:0", "--wait", "0.05", "x"]).run();
    output.stderr_contains("no usable peer connected to").status(3);
}
