//! Where a share listens: TCP, TLS, and socket files with a mode and a group.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;

use serde_json::{Value, json};

use super::Share;
use crate::support::client::Client;
use crate::support::program::Process;
use crate::support::{Qemu, qmpsh, sh};
use crate::tls::certificates::{Authority, Folder, Leaf};

/// Starts a share of this QEMU on a port, with these options of the socket. Returns the port's address when it serves.
fn on_tcp(qemu: &Qemu, options: &str, args: &[&str]) -> (Process, SocketAddr) {
    let listen = format!("tcp:127.0.0.1:0{options}");
    let mut process = qmpsh().arg("share").arg(qemu.socket()).args(["--listen", listen.as_str()]).args(args).start();
    let mut address = None;
    loop {
        let line = process.read_stderr_line();
        if line.starts_with("sharing ") {
            return (process, address.expect("a line with the address"));
        }
        let shown = line.strip_prefix("serving clients at tcp:").unwrap_or_else(|| panic!("{line}"));
        address = shown.split(' ').next().and_then(|shown| shown.parse().ok());
    }
}

fn tls(folder: &Folder) -> String {
    format!(",tls-creds={}", folder.path().display().to_string().replace(',', ",,"))
}

/// Runs a command of qmpsh there, with these credentials.
fn ask(address: SocketAddr, credentials: &Folder, command: &str) -> crate::support::output::Output {
    qmpsh().arg("--tls-creds").arg(credentials.path()).args([&address.to_string(), command]).run()
}

#[test]
fn tls_on_a_tcp_socket_lets_in_who_has_a_certificate() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let revoked = authority.folder().with_pair("client", &Leaf::client().serial(77).signed_by(&authority));
    let server = server.with("ca-crl.pem", authority.revocations(&[77], 2099));
    let qemu = Qemu::none().name("web1").start();
    let audit = qemu.file("audit");
    let options = format!("{},read-only", tls(&server));
    let (mut process, address) = on_tcp(&qemu, &options, &["--audit", audit.to_str().unwrap()]);
    ask(address, &client, "query-name").stdout("{\"name\": \"web1\"}\n").status(0);
    let large = ask(address, &client, "query-command-line-options");
    assert!(large.status(0).stdout_bytes().len() > 1000);
    ask(address, &client, "stop").stderr_contains("stop: not allowed on this socket").status(1);
    // Those without a good certificate are dropped, and the socket goes on.
    ask(address, &authority.folder(), "query-name").stderr_contains("requires a client certificate").status(3);
    ask(address, &revoked, "query-name").stdout("").status(3);
    ask(address, &Authority::new().client_folder(), "query-name").stderr_contains("certificate").status(3);
    let mut plain = Client::tcp(address);
    plain.send(r#"{"execute":"qmp_capabilities"}{"execute":"query-name"}"#);
    assert!(!String::from_utf8_lossy(plain.read_text().unwrap_or_default().as_bytes()).contains("QMP"));
    ask(address, &client, "query-name").stdout("{\"name\": \"web1\"}\n").status(0);
    let mut dropped = Vec::new();
    while dropped.len() < 4 {
        let line = process.read_stderr_line();
        dropped.extend(line.split_once(": dropped ").map(|(_, why)| why.to_owned()));
    }
    for (line, expected) in dropped.iter().zip(["sent no certificate", "revoked", "", "does not speak TLS"]) {
        assert!(line.contains(expected), "{expected}: {dropped:?}");
    }
    let text = std::fs::read_to_string(&audit).unwrap();
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!([&line["pid"], &line["uid"], &line["program"]], [&Value::Null; 3]);
    assert_eq!(line["socket"], format!("tcp:{address}"));
}

#[test]
fn many_clients_share_a_monitor_by_tls() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().name("web1").start();
    let (_process, address) = on_tcp(&qemu, &tls(&server), &[]);
    let batch = "query-name\n".repeat(200);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let program = qmpsh().arg("--tls-creds").arg(client.path()).args(["--pipeline", "20", "-k"]);
                let output = program.args([&address.to_string(), "-f", "-"]).stdin(&batch).run();
                output.stdout(&"{\"name\": \"web1\"}\n".repeat(200)).status(0);
            });
        }
    });
}

#[test]
fn a_unix_socket_may_have_tls_too() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().name("web1").start();
    let share = Share::start(&qemu.socket(), &tls(&server), &[]);
    let program = qmpsh().arg("--tls-creds").arg(client.path()).args(["--tls-hostname", "localhost"]);
    program.arg(&share.socket).arg("query-name").run().stdout("{\"name\": \"web1\"}\n").status(0);
}

#[test]
fn the_monitor_may_be_reached_by_tls() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().name("web1").tls_monitor(server.path(), "").start();
    let address = qemu.tcp().to_string();
    let share = Share::start(address.as_ref(), "", &["--tls-creds", client.path().to_str().unwrap()]);
    let (mut one, mut two) = (share.client(), share.client());
    assert_eq!(one.execute(r#"{"execute":"query-name"}"#), json!({"name": "web1"}));
    assert_eq!(two.execute(r#"{"execute":"query-name"}"#), json!({"name": "web1"}));
    // The credentials of the upstream are not those of a listening socket.
    let listen = ["--listen", "tcp:127.0.0.1:0", "--tls-creds", client.path().to_str().unwrap()];
    let refused = qmpsh().args(["share", &address]).args(listen).run();
    refused.stderr_contains("use tls-creds=DIR, or allow it with --insecure").status(2);
}

#[test]
fn credentials_that_cannot_be_used_are_a_message_at_the_start() {
    let qemu = Qemu::none().start();
    let check = |folder: &Folder, expected: &str| {
        let listen = format!("tcp:127.0.0.1:0{}", tls(folder));
        let program = qmpsh().arg("share").arg(qemu.socket()).args(["--listen", &listen]);
        program.run().stdout("").stderr_contains(expected).status(3);
    };
    let authority = Authority::new();
    check(&Folder::empty(), "ca-cert.pem");
    check(&authority.folder(), "server-cert.pem");
    check(&authority.server_folder().without("server-key.pem"), "server-key.pem");
    check(&authority.server_folder().with("server-key.pem", "x"), "server-key.pem");
}

#[test]
fn tcp_without_tls_needs_insecure() {
    let qemu = Qemu::none().name("web1").start();
    let (_process, address) = on_tcp(&qemu, "", &["--insecure"]);
    let mut client = Client::tcp(address).negotiate();
    assert_eq!(client.execute(r#"{"execute":"query-name"}"#), json!({"name": "web1"}));
    // However it got the port.
    let inherited = |args: &str| {
        let script = format!(r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" share "$1" {args}"#);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (sh(&script).arg(qemu.socket()).stdin_from(listener), address)
    };
    for args in ["", "--listen fd:3", "--listen fd:3,read-only"] {
        let (program, _) = inherited(args);
        let refused = program.run();
        refused.stderr_contains("--listen fd:3: any user who reaches a TCP port could connect").status(3);
    }
}

#[test]
fn a_socket_file_has_its_mode_and_group() {
    let qemu = Qemu::none().start();
    let own = rustix::process::getgid().as_raw();
    // Root may give a file to any group, others to those that they are in.
    let mut others = rustix::process::getgroups().unwrap().into_iter().map(rustix::process::Gid::as_raw);
    let is_root = rustix::process::geteuid().is_root();
    let group = if is_root { 1 } else { others.find(|group| *group != own).unwrap_or(own) };
    let by_number = group.to_string();
    let names = std::fs::read_to_string("/etc/group").unwrap();
    let by_name = names.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        (fields.get(2) == Some(&by_number.as_str())).then(|| fields[0].to_owned())
    });
    for (options, mode, expected) in [
        (String::new(), 0o600, own),
        (",mode=0666".to_owned(), 0o666, own),
        (format!(",group={by_number}"), 0o600, group),
        (format!(",mode=0660,group={by_number}"), 0o660, group),
        (format!(",group={},mode=0660", by_name.as_ref().unwrap_or(&by_number)), 0o660, group),
    ] {
        let share = Share::start(&qemu.socket(), &options, &[]);
        let metadata = std::fs::metadata(&share.socket).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.gid()), (mode, expected), "{options}");
        share.client();
    }
}
