//! Refused TLS connections: status 3 and a message for each.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::peer::Peer;
use super::with;
use crate::support::{Qemu, qmpsh};
use crate::tls::certificates::{Authority, Folder, Leaf};

/// What `qmpsh` with the directory `client` says of a server with the directory `server`.
#[track_caller]
fn check(server: &Folder, client: &Folder, expected: &str) {
    let peer = Peer::new(server, false);
    let address = peer.address();
    let play = peer.until_left();
    // It is no use to try again.
    let output = with(client).args([&address, "--wait", "600", "query-status"]).run();
    output.stdout("").stderr(&format!("qmpsh: cannot connect to {address}: {expected}\n")).status(3);
    play.join().expect("as played");
}

#[test]
fn a_bad_server_certificate_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let client = authority.client_folder();
    let server = |leaf: Leaf| authority.folder().with_pair("server", &leaf.signed_by(&authority));
    let refused = |why: &str| format!("the certificate of the server is refused: {why}");

    let why = refused("no CA of ca-cert.pem has signed it");
    check(&other.server_folder(), &client, &why);
    let (one, two) = (Authority::named("the same"), Authority::named("the same"));
    let why = refused("no CA of ca-cert.pem has signed it; one has the name of its CA, but another key");
    check(&one.server_folder(), &two.client_folder(), &why);
    let why = refused("it expired on 2021-01-01 00:00:00 UTC");
    check(&server(Leaf::server().years(2020, 2021)), &client, &why);
    let why = refused("it is not valid before 2098-01-01 00:00:00 UTC (or the clock is wrong)");
    check(&server(Leaf::server().years(2098, 2099)), &client, &why);
    let why = refused("it was made for another use (its extended key usage)");
    check(&server(Leaf::client().names(&["127.0.0.1"])), &client, &why);
    let why = refused(
        "it is for host1.example, not for 127.0.0.1 (if the name differs from the address, use --tls-hostname NAME)",
    );
    check(&server(Leaf::server().names(&["host1.example"])), &client, &why);
    let why = refused("it has no subjectAltName for 127.0.0.1; its CN does not count (certtool: dns_name, ip_address)");
    check(&server(Leaf::server().names(&[])), &client, &why);
}

#[test]
fn a_revoked_server_certificate_is_refused() {
    let authority = Authority::new();
    let server = authority.folder().with_pair("server", &Leaf::server().serial(7).signed_by(&authority));
    let client = |list: &str| authority.client_folder().with("ca-crl.pem", list);
    check(
        &server,
        &client(&authority.revocations(&[6, 7], 2099)),
        "the certificate of the server is refused: it was revoked, as ca-crl.pem says",
    );
    check(
        &server,
        &client(&authority.revocations(&[7], 2021)),
        "the certificate of the server is refused: it was revoked, as ca-crl.pem says",
    );
    // A list of another CA says nothing about it, nor does one with others on it; an old one is better than none, as for
    // QEMU.
    let other = Authority::new().revocations(&[7], 2099);
    for list in [other, authority.revocations(&[6], 2099), authority.revocations(&[6], 2021)] {
        let peer = Peer::new(&server, false);
        let address = peer.address();
        let play = peer.play(|mut conversation| {
            conversation.greet(7);
            conversation.answer("x", "1");
            conversation.end();
        });
        with(&client(&list)).args([&address, "x"]).run().stdout("1\n").stderr("").status(0);
        play.join().expect("as played");
    }
}

#[test]
fn a_server_that_refuses_our_certificate_is_reported() {
    let authority = Authority::new();
    // QEMU says nothing, and closes.
    let revoked = authority.revocations(&[7], 2099);
    let server = authority.server_folder().with("ca-crl.pem", &revoked);
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let address = qemu.tcp().to_string();
    let client = authority.folder().with_pair("client", &Leaf::client().serial(7).signed_by(&authority));
    let expected = format!(
        "qmpsh: no session with {address}: the server closed the connection right after the TLS handshake; it seems to \
         refuse our certificate, client-cert.pem (because of its CA, a revocation, or tls-authz of QEMU)\n"
    );
    with(&client).args([&address, "query-status"]).run().stdout("").stderr(&expected).status(3);
    let required = "the server requires a client certificate, but client-cert.pem and client-key.pem are missing\n";
    let expected = format!("qmpsh: no session with {address}: {required}");
    with(&authority.folder()).args([&address, "query-status"]).run().stdout("").stderr(&expected).status(3);

    // Without negotiation it is the first command that finds out.
    let expected = format!("qmpsh: `query-status` did not run: {required}");
    with(&authority.folder()).args(["-N", &address, "query-status"]).run().stdout("").stderr(&expected).status(3);
    let batch = with(&authority.folder()).args(["-N", &address, "-k", "--pipeline", "4"]).stdin("a\nb\n").run();
    batch.stdout("").stderr_contains(required.trim_end()).status(3);

    // Others say why.
    let server = authority.server_folder();
    let strange = Authority::new();
    let both = format!("{}{}", authority.pem(), strange.pem());
    let strange = strange.client_folder().with("ca-cert.pem", both);
    let said = "the server refuses our certificate, client-cert.pem: it does not know the CA that signed it\n";
    for (client, expected) in [(authority.folder(), required), (strange, said)] {
        let peer = Peer::new(&server, true);
        let address = peer.address();
        let play = peer.until_left();
        let expected = format!("qmpsh: no session with {address}: {expected}");
        with(&client).args([&address, "query-status"]).run().stdout("").stderr(&expected).status(3);
        play.join().expect("as played");
    }
}

#[test]
fn a_host_without_certificate_name_is_refused() {
    let output = with(&Authority::new().folder()).args(["[fe80::1%lo]:1", "query-status"]).run();
    output.stderr_contains("`fe80::1%lo` is not a host name or an IP address, so no certificate can name it");
    output.stderr_contains("(give another with --tls-hostname NAME)").status(3);
}

#[test]
fn a_server_that_closes_during_the_handshake_is_reported() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let end = |expected: &str, play: fn(super::peer::Conversation)| {
        let peer = Peer::new(&server, false);
        let address = peer.address();
        let play = peer.play(play);
        let output = with(&client).args([&address, "query-status"]).run();
        output.stdout("").stderr_contains(expected);
        play.join().expect("as played");
        output
    };
    let before = "the peer closed the connection during the TLS handshake, as QEMU does if its credentials are not \
                  tls-creds-x509\n";
    end(before, super::peer::Conversation::hang_up).status(3);
    let after = "the peer closed the connection before its greeting";
    end(after, |mut conversation| {
        conversation.send(" ");
        conversation.hang_up();
    })
    .status(3);
    let later = "whether it ran is unknown: the peer closed the connection";
    end(later, |mut conversation| {
        conversation.greet(7);
        assert_eq!(conversation.read()["execute"], "query-status");
        conversation.hang_up();
    })
    .status(4);
}

#[test]
fn a_server_without_tls_is_reported() {
    let client = Authority::new().client_folder();
    let qemu = Qemu::none().tcp_monitor().start();
    let address = qemu.tcp().to_string();
    let output = with(&client).args([&address, "query-status"]).run();
    output.stdout("").stderr_contains("the peer does not speak TLS; it said `{\"QMP\": {\"version\": {\"qemu\": ");
    output
        .stderr_contains("` (to connect without TLS, omit --tls-creds; with TLS, QEMU's chardev needs tls-creds=ID)")
        .status(3);

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let web_server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a client");
        let _ = socket.write_all(b"HTTP/1.1 400 \x1b[2J\r\n");
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let output = with(&client).args([&address, "query-status"]).run();
    output.stderr_contains("it said `HTTP/1.1 400 \\u{1b}[2J\\r\\n`").status(3);
    web_server.join().expect("as played");
}

#[test]
fn a_tls_server_is_reported_without_tls_creds() {
    let authority = Authority::new();
    let server = authority.server_folder();
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let output = qmpsh().args([&qemu.tcp().to_string(), "--connect-timeout", "0.05", "query-status"]).run();
    output.stderr_contains("a monitor with TLS waits for a TLS client: use --tls-creds DIR").status(3);
}

#[test]
fn a_held_tls_monitor_is_reported() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let address = qemu.tcp().to_string();
    let mut holder = with(&client).arg(&address).start();
    holder.line("query-name");
    assert_eq!(holder.read_line(), "{}");
    let output = with(&client).args([&address, "--connect-timeout", "0.05", "query-status"]).run();
    output.stderr_contains("no TLS handshake with").stderr_contains("the connection works, but the peer is silent");
    output.status(3);
    holder.close_stdin();
    holder.wait().status(0);
}

#[test]
fn a_qemu_with_other_credentials_is_reported() {
    let client = Authority::new().client_folder();
    let anonymous = ["-object", "tls-creds-anon,id=anon,endpoint=server"];
    let chardev = ["-chardev", "socket,id=a,host=127.0.0.1,port=0,server=on,wait=off,tls-creds=anon"];
    let qemu = Qemu::none().args(anonymous).args(chardev).args(["-mon", "chardev=a,mode=control"]).start();
    let chardevs =
        crate::support::client::Client::unix(&qemu.socket()).negotiate().execute(r#"{"execute":"query-chardev"}"#);
    let found = chardevs.as_array().and_then(|all| all.iter().find(|chardev| chardev["label"] == "a"));
    let name = found.and_then(|chardev| chardev["filename"].as_str()).expect("its address").to_owned();
    let address = name.split_once("tcp:").and_then(|(_, rest)| rest.split(',').next()).expect("a port");
    let output = with(&client).args([address, "query-status"]).run();
    output
        .stderr_contains("during the TLS handshake, as QEMU does if its credentials are not tls-creds-x509")
        .status(3);
}
