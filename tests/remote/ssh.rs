//! `ssh://[USER@]HOST[:PORT]/PATH`: a real OpenSSH, client and server.

use rustix::process::Signal;

use super::sshd::{Sshd, address};
use super::{is_gone, is_gone_with};
use crate::support::terminal::keys;
use crate::support::{DEADLINE, Program, Qemu, poll_until, qmpsh};

fn ssh(sshd: &Sshd, address: &str) -> Program {
    sshd.known_to(qmpsh()).arg(address)
}

#[test]
fn ssh_connects_to_a_remote_socket() {
    let sshd = Sshd::new(&[]);
    let qemu = Qemu::none().name("web1").start();
    let path = qemu.socket().display().to_string();
    ssh(&sshd, &format!("ssh://localhost{path}"))
        .arg("query-name")
        .run()
        .stdout("{\"name\": \"web1\"}\n")
        .stderr("")
        .status(0);
    ssh(&sshd, &address(&qemu.socket()))
        .stdin("query-name\nquery-bogus\n")
        .run()
        .stdout("{\"name\": \"web1\"}\n")
        .status(1);
    ssh(&sshd, &address(&qemu.socket())).arg("quit").run().stdout("{}\n").stderr("").status(0);
    is_gone_with(":", &qemu.socket());
    sshd.leaves_nothing();
}

// A configuration for other uses of the host: interactive ones, and tunnels in the background.
#[test]
fn ssh_options_of_the_user_do_not_break_the_tunnel() {
    let sshd = Sshd::new(&[]);
    let qemu = Qemu::none().start();
    sshd.configure(&[
        "IgnoreUnknown UseKeychain,AddKeysToAgent*",
        "UseKeychain yes",
        "ClearAllForwardings yes",
        "ForkAfterAuthentication yes",
        "RemoteCommand tmux",
        "RequestTTY yes",
        "PermitLocalCommand yes",
        "LocalCommand touch it-ran",
    ]);
    let output = ssh(&sshd, &address(&qemu.socket())).arg("query-name").run();
    output.stdout("{}\n").stderr("").status(0);
    assert!(!output.home().join("it-ran").exists());
    is_gone_with(":", &qemu.socket());
    sshd.leaves_nothing();
}

#[test]
fn fd_is_refused_over_ssh() {
    let sshd = Sshd::new(&[]);
    let qemu = Qemu::none().start();
    let output = ssh(&sshd, &address(&qemu.socket())).args(["-c", ".fd /dev/null add-fd"]).run();
    output.stderr_contains("only a Unix socket on this machine can pass an open file").status(2);
}

#[test]
fn ssh_paths_may_have_special_characters() {
    let sshd = Sshd::new(&[]);
    let directory = crate::support::temporary_directory();
    let socket = directory.path().join("a:b %c\\d");
    let mock = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let peer = std::thread::spawn(move || {
        // It goes without a word: what is tested is that it was found.
        drop(mock.accept().expect("a connection"));
    });
    let output = ssh(&sshd, &address(&socket)).arg("x").run();
    output.stderr_contains("the peer closed the connection before its greeting").status(3);
    peer.join().expect("a peer");
}

#[test]
fn each_ssh_failure_has_its_message() {
    let sshd = Sshd::new(&[]);
    let missing = sshd.file("missing.sock");
    let output = ssh(&sshd, &address(&missing)).arg("x").run();
    let why = format!(
        "qmpsh: cannot connect to ssh://vmhost{0}: vmhost cannot open {0}: no such socket, no process listens there, the user may not open it, or forwarding is not allowed (AllowStreamLocalForwarding) (--wait SECONDS keeps trying): channel ",
        missing.display()
    );
    output.stderr_contains(&why).status(3);
    let output = ssh(&sshd, &address(&missing)).args(["--wait", "0.3", "x"]).run();
    output.stderr_contains("(AllowStreamLocalForwarding), tried for 0.3 s: channel ").status(3);

    sshd.configure(&["Host vmhost", "UserKnownHostsFile /dev/null", "BatchMode yes"]);
    let output = ssh(&sshd, "ssh://vmhost/q").arg("x").run();
    output.stderr_contains("ssh ended with exit status 255").stderr_contains("Host key verification failed.").status(3);
    sshd.configure(&["IdentityFile /dev/null", "BatchMode yes"]);
    std::fs::remove_file(sshd.file("user")).expect("a key");
    let output = ssh(&sshd, "ssh://vmhost/q").args(["--wait", "1000", "x"]).run();
    output.stderr_contains("ssh ended with exit status 255").stderr_contains("Permission denied").status(3);

    let output = ssh(&sshd, "ssh://127.0.0.1:1/q").arg("x").run();
    output.stderr_contains("Connection refused").stderr_contains("(--wait SECONDS keeps trying)").status(3);
    sshd.leaves_nothing();
}

#[test]
fn forbidden_forwarding_is_reported() {
    let sshd = Sshd::new(&["AllowStreamLocalForwarding no"]);
    let qemu = Qemu::none().start();
    let output = ssh(&sshd, &address(&qemu.socket())).arg("query-name").run();
    // OpenSSH has one message for this and for a missing socket.
    output.stderr_contains("or forwarding is not allowed (AllowStreamLocalForwarding)").status(3);
}

#[test]
fn a_missing_ssh_program_is_reported() {
    let sshd = Sshd::new(&[]);
    let sh = std::fs::canonicalize("/bin/sh").expect("a shell");
    std::fs::remove_file(sshd.file("bin/ssh")).expect("a file");
    std::os::unix::fs::symlink(sh, sshd.file("bin/sh")).expect("a link");
    let program = ssh(&sshd, "ssh://vmhost/q").env("PATH", sshd.file("bin"));
    program.arg("x").run().stderr_contains("the program ssh (OpenSSH) cannot be started").status(3);
}

#[test]
fn ssh_may_ask_at_the_terminal() {
    let sshd = Sshd::new(&[]);
    let qemu = Qemu::none().name("web1").start();
    std::fs::write(sshd.file("known_hosts"), "").expect("a file");
    // However long it takes.
    let program = || ssh(&sshd, &address(&qemu.socket())).args(["--connect-timeout", "1"]);
    let mut terminal = program().terminal();
    terminal.wait_for("continue connecting");
    terminal.type_keys(keys::CTRL_C);
    assert_eq!(terminal.wait_exit(), 130);
    is_gone_with(":", &qemu.socket());
    sshd.leaves_nothing();

    let mut terminal = program().args(["--connect-timeout", "10", "-v"]).terminal();
    terminal.wait_for("continue connecting");
    terminal.type_keys("yes\r");
    terminal.wait(|screen| screen.line() == "(web1)" || screen.line() == "(QEMU)");
    terminal.type_keys("query-name\r");
    terminal.wait_for("\"web1\"");

    // Ctrl-C ends the waiting, and not ssh.
    qemu.signal(Signal::STOP);
    terminal.type_keys("query-status\r");
    terminal.wait_for("\"execute\":\"query-status\"");
    terminal.type_keys(keys::CTRL_C);
    terminal.wait_for("interrupted");
    qemu.signal(Signal::CONT);
    terminal.wait_for("the reply to `query-status`");
    terminal.type_keys(keys::CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
    is_gone_with(":", &qemu.socket());
    sshd.leaves_nothing();
}

#[test]
fn a_killed_qmpsh_leaves_no_ssh_and_no_files() {
    let sshd = Sshd::new(&[]);
    let qemu = Qemu::none().start();
    let mut process = ssh(&sshd, &address(&qemu.socket())).start();
    process.line("query-name");
    process.read_line();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(process.pid()).expect("a pid")).expect("a pid"),
        Signal::KILL,
    )
    .expect("it takes a signal");
    is_gone(&sshd.temporary());
    poll_until(DEADLINE, || std::fs::read_dir(sshd.temporary()).expect("it").next().is_none().then_some(()))
        .expect("its directory goes");
    process.wait();
}
