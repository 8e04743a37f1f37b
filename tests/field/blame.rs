//! Messages say what is at fault, and what to do about that.

use std::fs;

use crate::support::{Mock, Qemu, qmpsh, temporary_directory};

const HINT: &str = "(--wait SECONDS keeps trying)";

#[test]
fn wait_is_advised_only_where_it_can_help() {
    let directory = temporary_directory();
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("file"), "").expect("a file");
    fs::create_dir(path("folder")).expect("a directory");
    drop(std::os::unix::net::UnixListener::bind(path("stale")).expect("a socket"));
    let _datagrams = std::os::unix::net::UnixDatagram::bind(path("datagrams")).expect("a socket");
    let check = |address: &str, helps: bool| {
        let output = qmpsh().args([address, "query-status"]).run();
        let said = output.status(3).stderr_text();
        assert_eq!(said.contains(HINT), helps, "{said}");
        // Where it cannot help, the option changes nothing, and least of all waits.
        if !helps {
            let waited = qmpsh().args(["--wait", "3600", address, "query-status"]).run();
            waited.status(3).stderr(&said);
        }
    };
    check(&path("missing"), true);
    check(&path("stale"), true);
    check("vm:no-vm-has-this-name", true);
    check(&path("file"), false);
    check(&path("folder"), false);
    check(&path("file/q"), false);
    check(&path("datagrams"), false);
    check("name.invalid:4444", false);
    check("exec:no-such-program-anywhere", false);
    // The address of a web server; a human monitor.
    for greeting in
        ["HTTP/1.1 400 Bad Request\r\n", "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) "]
    {
        let mock = Mock::new().send(greeting).unix();
        let output = qmpsh().arg(mock.socket()).arg("query-status").run();
        let said = output.status(3).stderr_text();
        assert!(!said.contains(HINT), "{said}");
        mock.finish();
    }
}

#[test]
fn times_are_as_the_user_gave_them() {
    let qemu = Qemu::none().start();
    let _holder = qemu.hold();
    let socket = qemu.socket().display().to_string();
    let directory = temporary_directory();
    let missing = directory.path().join("q").display().to_string();
    let check = |args: &[&str], expected: &str| {
        let output = qmpsh().args(args).arg("query-status").run();
        output.status(3).stderr_contains(expected);
    };
    check(&["--wait", "0.7", "--connect-timeout", "0.2", &socket], "within 0.7 s: ");
    check(&["--connect-timeout", "0.3", &socket], "within 0.3 s: ");
    check(&["--wait", "0.1", "--connect-timeout", "0.6", &socket], "within 0.6 s: ");
    check(&["--wait", "0.3", &missing], ", tried for 0.3 s: ");
}

#[test]
fn no_message_has_the_number_of_a_system_error() {
    let directory = temporary_directory();
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("file"), "").expect("a file");
    let qemu = Qemu::none().start();
    let socket = qemu.socket().display().to_string();
    let (missing, below) = (path("no/such"), path("file/x"));
    let log = format!(".log {missing}");
    let source = format!(".source {missing}");
    let value = format!("set_link name=@{missing} up=true");
    let json = format!("set_link name=n up:=@{missing}");
    let fd = format!(".fd {missing} getfd fdname=x");
    let piped = format!("query-name >{missing} | cat");
    for (args, part) in [
        (vec![missing.as_str(), "query-name"], "no such directory"),
        (vec![below.as_str(), "query-name"], "Not a directory"),
        (vec!["listen", below.as_str(), "query-name"], "cannot listen"),
        (vec!["-l", missing.as_str(), &socket, "query-name"], "No such file or directory"),
        (vec!["-f", missing.as_str(), &socket], "No such file or directory"),
        (vec!["--tls-creds", missing.as_str(), "localhost:1", "query-name"], "No such file or directory"),
        (vec![&socket, "-c", &log], "No such file or directory"),
        (vec![&socket, "-c", &source], "No such file or directory"),
        (vec![&socket, "-c", &value], "No such file or directory"),
        (vec![&socket, "-c", &json], "No such file or directory"),
        (vec![&socket, "-c", &fd], "No such file or directory"),
        (vec![&socket, "-c", &piped], ""),
        (vec!["run", missing.as_str()], ""),
        (vec!["fd", "99", "query-name"], "not open"),
    ] {
        let output = qmpsh().args(&args).run();
        let said = output.stderr_text();
        assert!(said.contains(part) && !said.contains("os error"), "{args:?}: {said}");
        assert_ne!(output.code(), Some(0), "{args:?}");
    }
}

/// A QEMU that was started with `-incoming defer` listens for nobody.
#[test]
fn a_deferred_migration_names_migrate_incoming() {
    let qemu = Qemu::q35().args(["-incoming", "defer"]).start();
    let mut process = qmpsh().arg(qemu.socket()).args(["-c", ".migration timeout=600"]).start();
    assert_eq!(
        process.read_stderr_line(),
        "the migration has nothing coming in yet: with -incoming defer, `migrate-incoming uri=...` begins it"
    );
    process.signal(rustix::process::Signal::INT);
    process.wait();
    let address = qemu.file("in.sock").display().to_string();
    let begin = format!("migrate-incoming uri=unix:{address}");
    let output = qmpsh().arg(qemu.socket()).args(["-c", &begin, "-c", ".migration timeout=0.5"]).run();
    let said = output.status(5).stderr_text();
    assert!(!said.contains("migrate-incoming") && said.contains("the migration is not over after 0.5 s"), "{said}");
    // It knows the other side from the start.
    let other = Qemu::q35().args(["-incoming", "tcp:127.0.0.1:0"]).start();
    let output = qmpsh().arg(other.socket()).args(["-c", ".migration timeout=0.5"]).run();
    assert!(!output.status(5).stderr_text().contains("migrate-incoming"));
}

/// A job that has concluded keeps its id until it is dismissed.
#[test]
fn an_id_in_use_points_to_the_job() {
    let daemon = Qemu::storage_daemon().start();
    let disk = |name: &str| format!("blockdev-add driver=null-co node-name={name} size=65536");
    let backup = "blockdev-backup job-id=b1 device=src target=dst sync=full auto-dismiss=false";
    let lines = [&disk("src"), &disk("dst"), backup, ".wait JOB_STATUS_CHANGE id=b1 status=concluded", backup];
    let program = lines.iter().fold(qmpsh().arg(daemon.socket()), |program, line| program.args(["-c", *line]));
    program.run().status(1).stderr(
        "-c:5: GenericError: Job ID 'b1' already in use\n  hint: `.job b1` waits for that job and dismisses it\n",
    );
    let again = qmpsh().arg(daemon.socket()).args(["-c", ".jobs", "-c", ".job b1", "-c", ".jobs", "-c", backup]).run();
    let text = again.status(0).stdout_text();
    let lists: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert!(!lists[0].contains("dismissed") && lists[1].contains(r#""dismissed":true"#), "{text}");
}

/// Scripts that end a VM wait until it is gone.
#[test]
fn the_end_of_the_connection_can_be_waited_for() {
    let run = |lines: &[&str]| {
        let qemu = Qemu::none().start();
        let program = lines.iter().fold(qmpsh().arg(qemu.socket()), |program, line| program.args(["-c", *line]));
        program.run()
    };
    run(&["quit", ".wait timeout=600 closed"]).stdout("{}\n").stderr("").status(0);
    run(&["quit", ".wait closed", ".wait closed", ".wait fail=STOP closed"]).stdout("{}\n").stderr("").status(0);
    run(&["quit", ".wait timeout=600 closed|SHUTDOWN"]).stdout_contains("\"SHUTDOWN\"").stderr("").status(0);
    run(&[".wait timeout=0.1 closed"]).stdout("").stderr("-c:1: no `closed` within 0.1 s\n").status(5);
    let failed = run(&["quit", ".wait fail=closed STOP"]);
    failed.stdout("{}\n").stderr("-c:2: the connection ended while waiting for `STOP`\n").status(1);
    let after = run(&["quit", ".wait closed", "query-name"]);
    after.stderr("-c:3: `query-name` was not sent: the server has quit\n").status(4);
    let no_data = run(&[".wait closed reason=x"]);
    no_data.status(2).stderr_contains("`closed` is the end of the connection, which has no data");

    // It ends by itself, and the input goes on.
    let qemu = Qemu::none().start();
    let lines = ["-c", "query-name", "-c", ".wait timeout=600 closed", "-c", "cont"];
    let mut process = qmpsh().arg(qemu.socket()).args(lines).start();
    process.read_line();
    qemu.signal(rustix::process::Signal::TERM);
    process
        .wait()
        .stdout("{}\n")
        .status(4)
        .stderr_contains("-c:3: `cont` was not sent: the peer closed the connection");
}

#[test]
fn an_event_that_never_comes_is_warned_of_at_once() {
    let qemu = Qemu::none().start();
    let check = |line: &str, expected: &str| {
        let mut process = qmpsh().arg(qemu.socket()).args(["-c", line]).start();
        assert_eq!(process.read_stderr_line(), expected, "{line}");
        process.signal(rustix::process::Signal::INT);
        process.wait();
    };
    let meant = "the peer's schema has no event `SHUTDWN` (did you mean SHUTDOWN?)";
    check(".wait SHUTDWN", meant);
    check(".wait fail=SHUTDWN STOP", meant);
    check(".follow SHUTDWN", meant);
    check(".wait SHUTDWN*", "no event in the peer's schema matches `SHUTDWN*` (did you mean SHUTDOWN?)");
    check(
        ".wait BLOCK_JOB_COMPLETE device=x",
        "the peer's schema has no event `BLOCK_JOB_COMPLETE` (did you mean BLOCK_JOB_COMPLETED?)",
    );
    let off = "QEMU sends MIGRATION only with its capability `events`: migrate-set-capabilities \
               capabilities.0.capability=events capabilities.0.state=on";
    check(".wait MIGRATION status=completed", off);
    check(".follow MIGRATION_PASS", off);
    let enable = "migrate-set-capabilities capabilities.0.capability=events capabilities.0.state=on";
    let lines = [
        "-c",
        ".events SHUTDWN -RTC_*",
        "-c",
        enable,
        "-c",
        ".events MIGRATION JOB_*",
        "-c",
        "stop",
        "-c",
        ".wait STOP",
    ];
    let output = qmpsh().arg(qemu.socket()).args(lines).run();
    output.status(0).stderr(&format!("{meant}\n"));
    // A peer without a schema may send any event.
    let mock = Mock::interactive().negotiate().event("ANY", "{}").unix();
    qmpsh().arg(mock.socket()).args(["-c", ".wait ANY"]).run().status(0).stderr("");
}

#[test]
fn quiet_prints_no_empty_results() {
    let qemu = Qemu::none().start();
    let lines = "stop\n.try cont\nquery-jobs\nquery-name\n.oob migrate-pause\n.hmp info status\nstop | cat\n";
    let output = qmpsh().args(["-k", "-q"]).arg(qemu.socket()).stdin(lines).run();
    let text = output.stdout_text();
    assert!(text.starts_with("[]\n{}\n") || text.starts_with("[]\nVM status"), "{text}");
    qmpsh().arg("-q").arg(qemu.socket()).arg("stop").run().stdout("").stderr("").status(0);
    qmpsh().args(["--quiet", "-o", "raw"]).arg(qemu.socket()).arg("cont").run().stdout("{\"return\": {}}\n").status(0);
    qmpsh().args(["-q", "-o", "pretty"]).arg(qemu.socket()).arg("cont").run().stdout("").status(0);
    let switched = qmpsh().arg("-q").arg(qemu.socket()).args([
        "-c",
        ".output pretty",
        "-c",
        "cont",
        "-c",
        ".output raw",
        "-c",
        "cont",
    ]);
    switched.run().stdout("{\"return\": {}}\n").status(0);
    qmpsh().arg("-q").arg(qemu.socket()).arg("quit").run().stdout("").stderr("").status(0);
}

/// QEMU's chardevs on paths of 119 bytes, as build systems and temporary directories make them.
#[test]
fn a_path_of_119_bytes_works_for_listening_and_connecting() {
    let directory = temporary_directory();
    let folder = directory.path().join("d".repeat(60));
    fs::create_dir(&folder).expect("a directory");
    let name = "q".repeat(119 - folder.as_os_str().len() - 1);
    let socket = folder.join(&name).display().to_string();
    assert_eq!(socket.len(), 119);
    let script = |option: &str| {
        let folder = folder.display();
        format!(
            "cd {folder} && exec qemu-system-x86_64 -M none -nodefaults -display none -name l119 -qmp unix:{name}{option}"
        )
    };
    let _qemu = crate::support::sh(&script(",server=on,wait=off")).start();
    qmpsh().args(["--wait", "600", &socket, "query-name"]).run().stdout("{\"name\": \"l119\"}\n").status(0);
    // It is live: neither replaced nor removed.
    qmpsh().args(["listen", &socket, "query-name"]).run().status(3).stderr_contains("another process listens there");
    qmpsh().args([&socket, "quit"]).run().stdout("{}\n").status(0);
    let gone = qmpsh().args([&socket, "-c", "query-name"]).run();
    gone.status(3).stderr_contains("cannot connect to ");
    let shell = qmpsh().args(["listen", &socket, "query-name"]).start();
    let found = crate::support::poll_until(crate::support::DEADLINE, || fs::metadata(&socket).is_ok().then_some(()));
    assert!(found.is_some(), "{shell}");
    let _dials = crate::support::sh(&script("")).start();
    shell.wait().stdout("{\"name\": \"l119\"}\n").status(0);
}

/// Kata and others gave up on a QEMU that was slow to start: the queue of its socket stays full of connections that nobody has.
#[test]
fn a_queue_that_is_full_is_named_as_that() {
    let directory = temporary_directory();
    let path = directory.path().join("q");
    let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM, None);
    let socket = socket.expect("a socket");
    rustix::net::bind(&socket, &rustix::net::SocketAddrUnix::new(&path).expect("a path")).expect("a free path");
    rustix::net::listen(&socket, 1).expect("it listens");
    for _ in 0..4 {
        let output = qmpsh().args(["--connect-timeout", "0.3"]).arg(&path).arg("query-name").run();
        output.status(3).stderr_contains("within 0.3 s: ").stderr_contains("does not accept connections");
    }
}

/// The address of a socat command, copied with its keyword.
#[test]
fn the_spelling_of_socat_is_named() {
    for (address, written) in [
        ("UNIX-CONNECT:/run/q.sock", "write `unix:/run/q.sock`"),
        ("unix-connect:q.sock", "write `unix:q.sock`"),
        ("UNIX:/run/q.sock", "write `unix:/run/q.sock`"),
        ("TCP:localhost:4444", "write `tcp:localhost:4444`"),
        ("TCP4:127.0.0.1:4444", "write `tcp:127.0.0.1:4444`"),
        ("ABSTRACT-CONNECT:q", "write `unix:@q`"),
        ("-", "stdin and stdout need none"),
    ] {
        let said = qmpsh().args([address, "query-name"]).run().status(2).stderr_text();
        assert!(said.contains(written), "{address}: {said}");
    }
}
