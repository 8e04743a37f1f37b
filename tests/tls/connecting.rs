//! A real QEMU listens with TLS.

use serde_json::Value;

use super::peer::Peer;
use super::with;
use crate::support::program::Program;
use crate::support::version::status_line;
use crate::support::{Qemu, qmpsh};
use crate::tls::certificates::{Authority, Leaf};

#[test]
fn tls_reads_large_replies() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let (address, port) = (qemu.tcp().to_string(), qemu.tcp().port());
    with(&client).args([&address, "query-status"]).run().stdout(&status_line("running", true)).stderr("").status(0);
    // Also by its name.
    with(&client)
        .args([&format!("localhost:{port}"), "query-status"])
        .run()
        .stdout(&status_line("running", true))
        .stderr("")
        .status(0);
    let output = with(&client).args([&address, "query-qmp-schema"]).run();
    output.stderr("").status(0);
    let schema: Value = serde_json::from_slice(output.stdout_bytes()).expect("JSON");
    assert!(schema.as_array().is_some_and(|types| types.len() > 500));
}

#[test]
fn tls_runs_a_batch_and_a_pipeline() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let address = qemu.tcp().to_string();
    let lines = "query-status\n".repeat(60) + "no-such-command\nquery-name\n";
    for options in [&["-k"][..], &["-k", "--pipeline", "32"]] {
        let output = with(&client).arg(&address).args(options.to_vec()).stdin(&lines).run();
        let expected = status_line("running", true).repeat(60) + "{}\n";
        output.stdout(&expected).stderr_contains("CommandNotFound").status(1);
    }
    // A long command: each of its bytes is a record.
    let long = format!("{{\"execute\": \"x{}\"}}", "y".repeat(20_000));
    with(&client).args([&address, "-c", &long]).run().stderr_contains("CommandNotFound").status(1);
}

#[test]
fn tls_works_with_a_storage_daemon() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let daemon = Qemu::storage_daemon().tls_monitor(server.path(), "").start();
    let address = daemon.tcp().to_string();
    with(&client).args([&address, "query-block-exports"]).run().stdout("[]\n").stderr("").status(0);
}

#[test]
fn a_server_that_asks_for_no_certificate_needs_none() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.folder());
    let qemu = Qemu::none().tls_monitor(server.path(), ",verify-peer=no").start();
    let address = qemu.tcp().to_string();
    with(&client).args([&address, "query-status"]).run().stdout(&status_line("running", true)).stderr("").status(0);
}

#[test]
fn tls_1_2_is_spoken_to_a_server() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), ",priority=NORMAL:-VERS-TLS1.3").start();
    let address = qemu.tcp().to_string();
    with(&client).args([&address, "query-status"]).run().stdout(&status_line("running", true)).stderr("").status(0);
    let refused = with(&authority.folder()).args([&address, "query-status"]).run();
    refused.stderr_contains("the server requires a client certificate").status(3);
}

#[test]
fn tls_hostname_is_checked_instead_of_the_address() {
    let authority = Authority::new();
    let pair = Leaf::server().names(&["host1.example", "10.0.0.7"]).signed_by(&authority);
    let (server, client) = (authority.folder().with_pair("server", &pair), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let address = qemu.tcp().to_string();
    for name in ["host1.example", "10.0.0.7"] {
        let program = with(&client).args(["--tls-hostname", name, &address, "query-status"]);
        program.run().stdout(&status_line("running", true)).stderr("").status(0);
    }
    for (name, options) in [("127.0.0.1", &[][..]), ("host2.example", &["--tls-hostname", "host2.example"])] {
        let expected = format!("is refused: it is for host1.example, 10.0.0.7, not for {name} (if the name");
        let program = with(&client).args(options.to_vec()).args([&address, "query-status"]);
        program.run().stdout("").stderr_contains(&expected).status(3);
    }
}

#[test]
fn quit_is_answered_and_the_session_ends_well() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let mut qemu = Qemu::none().tls_monitor(server.path(), "").start();
    with(&client).args([&qemu.tcp().to_string(), "quit"]).run().stdout("{}\n").stderr("").status(0);
    assert!(qemu.wait().success());
}

#[test]
fn tls_works_without_negotiation() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let qemu = Qemu::none().tls_monitor(server.path(), "").start();
    let lines = ["-c", r#"{"execute": "qmp_capabilities"}"#, "-c", "query-status"];
    let output = with(&client).args([&qemu.tcp().to_string(), "-N"]).args(lines).run();
    output.stdout(&format!("{{}}\n{}", status_line("running", true))).stderr("").status(0);
}

#[test]
fn tls_works_with_a_vm_name() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let name = format!("tls-{}", std::process::id());
    let qemu = Qemu::none().name(&name).tls_monitor(server.path(), "").start();
    let address = format!("pid:{}", qemu.pid());
    let expected = format!("{{\"name\": \"{name}\"}}\n");
    with(&client).args([&address, "query-name"]).run().stdout(&expected).stderr("").status(0);
    qmpsh().args([&address, "query-name"]).run().stdout(&expected).stderr("").status(0);
    let plain = Qemu::none().start();
    let output = with(&client).args([&format!("pid:{}", plain.pid()), "query-name"]).run();
    output.stderr_contains("has no QMP monitor with TLS that can be connected to").status(3);
    output.stderr_contains("(one of its monitors has none) (to use it, omit --tls-creds)");
    let object = format!("tls-creds-x509,id=tls,endpoint=server,dir={}", server.path().display());
    let chardev = "socket,id=m,host=127.0.0.1,port=0,server=on,wait=off,tls-creds=tls";
    let only = Program::new("qemu-system-x86_64")
        .args(["-M", "none", "-nodefaults", "-display", "none", "-object", &object])
        .args(["-chardev", chardev, "-mon", "chardev=m,mode=control"])
        .start();
    // What is started may become QEMU a moment later.
    let output = qmpsh().args(["--wait", "30", &format!("pid:{}", only.pid()), "query-name"]).run();
    output.stderr_contains("has no QMP monitor without TLS that can be connected to").status(3);
    output.stderr_contains("(one of its monitors has TLS) (to use it, give --tls-creds DIR)");
}

#[test]
fn tls_reads_a_reply_of_64_mb() {
    const LENGTH: usize = 64 << 20;
    let authority = Authority::new();
    let peer = Peer::new(&authority.server_folder(), false);
    let address = peer.address();
    let play = peer.play(|mut conversation| {
        conversation.greet(7);
        conversation.answer("x", &format!("\"{}\"", "x".repeat(LENGTH)));
        conversation.answer("y", "1");
        conversation.end();
    });
    let client = authority.folder();
    let program = with(&client).args([&address, "-c", "x", "-c", "y"]);
    let file = program.home().join("out");
    let output = program.stdout_to(&file).run();
    output.stderr("").status(0);
    play.join().expect("as played");
    let text = std::fs::read(&file).expect("the results");
    assert_eq!(text.len(), LENGTH + 2 + 1 + 2);
    assert!(text.starts_with(b"\"xxx") && text.ends_with(b"xxx\"\n1\n"));
}

#[test]
fn connect_keeps_the_credentials_for_tcp_and_takes_others() {
    let authority = Authority::new();
    let (server, client) = (authority.server_folder(), authority.client_folder());
    let tls = |name: &str| Qemu::none().name(name).tls_monitor(server.path(), "").start();
    let (one, two) = (tls("one"), tls("two"));
    let unix = one.socket().display().to_string();
    let credentials = client.path().display().to_string();
    let names =
        |names: &[&str]| names.iter().map(|name| format!("{{\"name\": \"{name}\"}}\n")).collect::<Vec<_>>().concat();
    // Without them on the way over the Unix socket, so they are given again.
    let lines = format!(
        "query-name\n.connect {}\nquery-name\n.connect {unix}\nquery-name\n.connect tls-creds={credentials} {}\nquery-name\n",
        two.tcp(),
        two.tcp()
    );
    let output = with(&client).arg(one.tcp().to_string()).stdin(&lines).run();
    output.stderr("").stdout(&names(&["one", "two", "one", "two"])).status(0);
    let lines = format!(".connect tls-creds=off {}\nquery-name\n", two.tcp());
    let output = with(&client).args(["--connect-timeout", "0.5"]).arg(one.tcp().to_string()).stdin(lines).run();
    output.stdout("").status(3).stderr_contains("no greeting from ");
}
