//! `.fd`: an open file goes with its command, and with no other.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lines;
use crate::shell::shell;
use crate::support::client::Client;
use crate::support::output::Output;
use crate::support::{Qemu, qmpsh, sh, temporary_directory};

/// A QEMU, and a second client: without one, what it was given goes with the first.
fn held() -> (Qemu, Client) {
    let qemu = Qemu::none().second_monitor().start();
    let second = qemu.second_client();
    (qemu, second)
}

/// The file behind a descriptor of QEMU's.
fn file_of(qemu: &Qemu, added: &Value) -> PathBuf {
    let number = added["fd"].as_u64().expect("the number of a descriptor");
    fs::read_link(format!("/proc/{}/fd/{number}", qemu.pid())).expect("QEMU has it")
}

/// The results of commands, one a line.
fn results(output: &Output) -> Vec<Value> {
    output.stdout_text().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn files(count: usize) -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = temporary_directory();
    let paths: Vec<_> = (0..count).map(|number| directory.path().join(format!("file {number}"))).collect();
    for path in &paths {
        fs::write(path, "x").expect("a file");
    }
    (directory, paths)
}

fn with_file(path: &Path, command: &str) -> String {
    format!(".fd \"{}\" {command}", path.display())
}

#[test]
fn fd_passes_a_file_to_qemu() {
    let (qemu, _second) = held();
    let (_directory, paths) = files(2);
    let commands = [
        &*with_file(&paths[0], "add-fd fdset-id=7 opaque=ours"),
        &with_file(&paths[1], "getfd fdname=x"),
        "query-fdsets",
        "closefd fdname=x",
    ];
    let output = lines(&qemu.socket(), &commands).run();
    let replies = results(output.status(0).stderr(""));
    assert_eq!(file_of(&qemu, &replies[0]), paths[0]);
    assert_eq!(replies[2][0]["fdset-id"], 7);
    assert_eq!(replies[2][0]["fds"][0]["fd"], replies[0]["fd"]);
    // Also as words of the command line.
    let words = ["add-fd", "fdset-id=8"];
    qmpsh().arg(qemu.socket()).arg(".fd").arg(&paths[0]).args(words).run().status(0).stdout_contains("\"fdset-id\": 8");
}

#[test]
fn fd_passes_a_file_per_command() {
    let (qemu, _second) = held();
    let (_directory, paths) = files(20);
    for pipeline in [None, Some(["-k", "--pipeline", "8"])] {
        let mut text = String::new();
        for path in &paths {
            text += &["query-name", &with_file(path, "add-fd"), "query-status", "query-fdsets", ""].join("\n");
        }
        let program = qmpsh().arg(qemu.socket()).args(pipeline.into_iter().flatten());
        let output = program.stdin(text).run();
        let replies = results(output.status(0).stderr(""));
        let got: Vec<_> =
            replies.iter().filter(|reply| reply["fd"].is_u64()).map(|added| file_of(&qemu, added)).collect();
        assert_eq!(got, paths);
    }
}

#[test]
fn fd_opens_files_with_the_given_mode() {
    let (qemu, _second) = held();
    let (directory, paths) = files(1);
    let flags = |added: &Value| {
        let info = fs::read_to_string(format!("/proc/{}/fdinfo/{}", qemu.pid(), added["fd"])).expect("QEMU has it");
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim().to_owned();
        flags.chars().last().and_then(|digit| digit.to_digit(8)).expect("a digit") & 3
    };
    let new = directory.path().join("new");
    fs::write(&paths[0], "some text").expect("a file");
    let commands = [
        with_file(&paths[0], "add-fd"),
        // A directory cannot be opened for writing.
        with_file(directory.path(), "add-fd"),
        format!(".fd wo:{} add-fd", new.display()),
        format!(".fd \"wo:{}\" add-fd", paths[0].display()),
    ];
    let output = lines(&qemu.socket(), &commands.each_ref().map(String::as_str)).run();
    let replies = results(output.status(0));
    assert_eq!(replies.iter().map(flags).collect::<Vec<_>>(), [2, 0, 1, 1]);
    assert_eq!(fs::read_to_string(new).expect("it was made"), "");
    assert_eq!(fs::read_to_string(&paths[0]).expect("it was emptied"), "");
}

#[test]
fn fd_passes_an_inherited_descriptor() {
    let (qemu, _second) = held();
    let (_directory, paths) = files(1);
    let script = "exec \"$0\" \"$1\" -c '.fd 7 add-fd' 7<\"$2\"";
    let program = sh(script);
    let output = program.arg(qemu.socket()).arg(&paths[0]).run();
    let replies = results(output.status(0));
    assert_eq!(file_of(&qemu, &replies[0]), paths[0]);
    // What the program has opened itself is not for others.
    for number in 3..9 {
        let output = lines(&qemu.socket(), &[&format!(".fd {number} add-fd")]).run();
        let why = format!("-c:1: cannot open descriptor {number}: Bad file descriptor\n");
        output.status(2).stdout("").stderr(&why);
    }
}

#[test]
fn fd_reports_what_it_cannot_pass() {
    let qemu = Qemu::none().tcp_monitor().start();
    let (_directory, paths) = files(1);
    let socket = qemu.socket();
    let run = |line: &str| lines(&socket, &[line, "query-name"]).run();
    run(".fd /nonexistent add-fd").status(2).stderr("-c:1: cannot open /nonexistent: No such file or directory\n");
    run(".fd").status(2).stderr_contains("the path or descriptor number is missing (usage: .fd PATH|NUMBER COMMAND)");
    run(".fd /dev/null").status(2).stderr_contains("a command is missing");
    run(".fd /dev/null .quit").status(2).stderr_contains("only a command for the peer can carry an open file");
    run(".fd /dev/null getfd fdname=1x").status(1).stderr_contains("GenericError: Parameter 'fdname' expects");
    // It was not taken, and is not left for the next.
    run(".fd /dev/null query-name").status(0).stderr_contains("warning: only getfd and add-fd take an open file");

    let over_tcp =
        qmpsh().arg(qemu.tcp().to_string()).args(["-c", &with_file(&paths[0], "add-fd"), "-c", "query-name"]);
    let why = "-c:1: `add-fd` was not sent: only a Unix socket on this machine can pass an open file\n";
    over_tcp.run().status(2).stdout("").stderr(why);
    let through = format!("exec:socat - UNIX:{}", socket.display());
    qmpsh()
        .args([through.as_str(), ".fd", "/dev/null", "add-fd"])
        .run()
        .status(2)
        .stderr_contains("was not sent: only a Unix socket");
}

#[test]
fn fd_works_with_run() {
    let commands = ["-c", ".fd /dev/null add-fd fdset-id=3", "--", "qemu-system-x86_64", "-M", "none", "-nodefaults"];
    let output = qmpsh().arg("run").args(commands).args(["-display", "none"]).run();
    output.status(0).stdout_contains("\"fdset-id\": 3");
}

#[test]
fn fd_works_at_the_prompt() {
    let qemu = Qemu::none().start();
    let mut terminal = shell(&qemu.socket());
    terminal.type_keys(".fd /dev/null add-fd fdset-id=7\r");
    terminal.wait_for("\"fdset-id\": 7");
    terminal.type_keys(".fd /nonexistent add-fd\r");
    terminal.wait_for("cannot open /nonexistent: No such file or directory");
}
