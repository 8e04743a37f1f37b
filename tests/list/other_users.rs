//! `qmpsh list` and `vm:` with impostors and processes of other users.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use serde_json::Value;

use super::{lines, listed, named, unique};
use crate::support::{Program, QMPSH, qmpsh, sh, temporary_directory};

const QEMU: &str = "qemu-system-x86_64 -M none -nodefaults -display none";

/// What stands before a command that another user runs; nothing if this user may not change to another.
fn as_another_user() -> &'static str {
    if rustix::process::geteuid().is_root() { "setpriv --reuid 65534 --clear-groups" } else { "" }
}

/// A directory in which everybody may make sockets.
fn open_directory() -> tempfile::TempDir {
    let directory = temporary_directory();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).expect("its mode");
    directory
}

fn all() -> Vec<Value> {
    let output = qmpsh().args(["list", "-o", "json"]).run();
    serde_json::from_slice(output.status(0).stdout_bytes()).expect("JSON")
}

#[test]
fn a_program_that_only_calls_itself_qemu_is_not_listed() {
    let name = unique("impostor");
    let directory = open_directory();
    let socket = directory.path().join("q.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let claim = format!("-name {name} -qmp unix:{},server=on,wait=off", socket.display());
    let script = format!(
        "exec {} bash -c 'exec -a qemu-system-x86_64 bash -c \"echo ready; read line\" bash {claim}'",
        as_another_user()
    );
    let mut impostor = sh(&script).start();
    assert_eq!(impostor.read_line(), "ready");
    assert!(all().iter().all(|process| process["pid"] != impostor.pid()), "{:?}", all());
    let by_name = (format!("vm:{name}"), format!("no VM named {name} runs"));
    let by_pid = (format!("pid:{}", impostor.pid()), format!("process {} is not a running QEMU", impostor.pid()));
    for (address, why) in [by_name, by_pid] {
        let output = qmpsh().args([&address, "set_password"]).run();
        output.stdout("").status(3).stderr_contains(&why);
    }
    listener.set_nonblocking(true).expect("its mode");
    assert!(listener.accept().is_err(), "nobody connected");
}

#[test]
fn a_qemu_under_another_name_is_listed() {
    let name = unique("renamed");
    // The `qemu-system-x86_64` of the PATH may be a script.
    let binary =
        "p=$(command -v qemu-system-x86_64); s=$(sed -n \"2s/.* exec '\\([^']*\\)'.*/\\1/p\" \"$p\"); p=${s:-$p}";
    let script = format!(
        "{binary}; exec bash -c 'exec -a web \"$0\" -M none -nodefaults -display none -name {name} \
         -qmp unix:q.sock,server=on,wait=off' \"$p\""
    );
    let qemu = sh(&script).start();
    let words = ["--wait", "60", &format!("vm:{name}"), "query-name"];
    qmpsh().args(words).run().stdout(&named(&name)).status(0);
    assert_eq!(listed(qemu.pid())["program"], "qemu-system-x86_64");
}

/// Root finds its own VMs by name, and those of another user only by number. Other users find only their own.
#[test]
fn a_vm_of_another_user_is_listed() {
    let name = unique("theirs");
    let directory = open_directory();
    let socket = directory.path().join("q.sock");
    let script =
        format!("exec {} {QEMU} -name {name} -qmp unix:{},server=on,wait=off", as_another_user(), socket.display());
    let qemu = sh(&script).start();
    let by_path = qmpsh().args(["--wait", "60"]).arg(&socket).arg("query-name").run();
    by_path.stdout(&named(&name)).status(0);
    let pid = qemu.pid();
    qmpsh().args([format!("pid:{pid}"), "query-name".into()]).run().stdout(&named(&name)).status(0);

    let by_name = qmpsh().args([format!("vm:{name}"), "query-name".into()]).run();
    if as_another_user().is_empty() {
        by_name.stdout(&named(&name)).status(0);
        return;
    }
    by_name.stdout("").status(3).stderr(&format!(
        "qmpsh: cannot connect to vm:{name}: {name} ({pid}) is run by nobody and is not yours, so vm: does not connect to it; if you trust that user: pid:{pid}\n"
    ));
    assert_eq!(listed(pid)["user"], "nobody");
    let expected = format!("{pid} nobody {name} {} free, as pid:{pid} only", socket.display());
    assert_eq!(lines(pid), [expected]);

    // One of one's own with that name is the only one that is meant.
    let script = format!("exec {QEMU} -name {name} -qmp unix:q.sock,server=on,wait=off");
    let own = sh(&script);
    let own_socket = own.home().join("q.sock");
    let own = own.start();
    qmpsh().args(["--wait", "60"]).arg(&own_socket).arg("query-name").run().status(0);
    qmpsh().args([format!("vm:{name}"), "quit".into()]).run().status(0);
    own.wait().status(0);
    assert_eq!(listed(pid)["name"], name);
}

/// What only says that it is a QEMU, and cannot be inspected, is shown with its user; its socket must be its own.
#[test]
fn a_socket_of_a_third_user_is_not_connected_to() {
    if as_another_user().is_empty() {
        // It takes three users, and this one is one.
        assert!(!rustix::process::geteuid().is_root());
        return;
    }
    let name = unique("claimed");
    let directory = open_directory();
    let program = directory.path().join("qmpsh");
    fs::copy(QMPSH, &program).expect("a copy");
    let socket = directory.path().join("q.sock");
    let listen = format!(
        "exec setpriv --reuid 65533 --clear-groups perl -MSocket -e 'umask 0; socket(S, AF_UNIX, SOCK_STREAM, 0) or die; \
         bind(S, pack_sockaddr_un(\"{}\")) or die; listen(S, 1) or die; $| = 1; print \"ready\\n\"; <STDIN>'",
        socket.display()
    );
    let mut third = sh(&listen).start();
    assert_eq!(third.read_line(), "ready");
    let claim = format!("-name {name} -qmp unix:{},server=on,wait=off", socket.display());
    let script = format!(
        "exec setpriv --reuid 65532 --clear-groups bash -c 'exec -a qemu-system-x86_64 bash -c \"echo ready; read line\" bash {claim}'"
    );
    let mut claims = sh(&script).start();
    assert_eq!(claims.read_line(), "ready");
    let pid = claims.pid();
    let run = |words: &[&str]| {
        let program = Program::new("setpriv").args(["--reuid", "65534", "--clear-groups"]).arg(&program);
        program.args(words.to_vec()).run()
    };
    let shown = run(&["list"]).stdout_text();
    assert!(shown.contains(&format!("{pid}  65532 ")), "{shown}");
    run(&[&format!("vm:{name}"), "stop"])
        .stdout("")
        .status(3)
        .stderr_contains("is run by 65532 and cannot be inspected");
    run(&[&format!("pid:{pid}"), "stop"]).stdout("").status(3).stderr(&format!(
        "qmpsh: cannot connect to pid:{pid}: {name} ({pid}) does not listen at {}; user 65533 does\n",
        socket.display()
    ));
}
