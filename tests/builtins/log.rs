//! `.log`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use super::lines;
use crate::shell::is_at_prompt;
use crate::support::terminal::keys;
use crate::support::{Mock, Program, Qemu, qmpsh, temporary_directory};

/// What a log has in short: the command that was sent, what came otherwise.
fn logged(path: &Path) -> Vec<String> {
    let log = fs::read_to_string(path).unwrap();
    let record = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        let message = &record["message"];
        match record["direction"].as_str() {
            Some("sent") => format!("> {}", message["execute"].as_str().unwrap()),
            _ => ["QMP", "event", "return"].into_iter().find(|key| message.get(key).is_some()).unwrap().to_owned(),
        }
    };
    log.lines().map(record).collect()
}

fn in_home(program: &Program, name: &str) -> std::path::PathBuf {
    program.home().join(name)
}

#[test]
fn log_starts_and_stops_between_commands() {
    let mut mock = Mock::new().negotiate();
    for name in ["a", "set_password", "c", "d", "e"] {
        mock = mock.expect_execute(name).reply("{}");
    }
    let mock = mock.unix();
    let given = [
        ".log",
        "a",
        ".log \"my log\"",
        ".log",
        "set_password password=hunter2",
        ".log off",
        ".log",
        "c",
        ".log ./off",
        "d",
        ".log \"my log\"",
        "e",
    ];
    let program = lines(mock.socket(), &given);
    let (first, second) = (in_home(&program, "my log"), in_home(&program, "off"));
    program.clone().run().status(0).stdout("off\n{}\nmy log\n{}\noff\n{}\n{}\n{}\n").stderr("");
    mock.finish();
    assert_eq!(logged(&first), ["> set_password", "return", "> e", "return"]);
    assert_eq!(logged(&second), ["> d", "return"]);
    let text = fs::read_to_string(&first).unwrap();
    assert!(text.contains("\"password\":\"***\"") && !text.contains("hunter2"), "{text}");
    assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn log_controls_the_log_of_the_command_line() {
    let qemu = Qemu::none().start();
    for arguments in [&[][..], &["-k", "--pipeline", "4"]] {
        let given = ["query-name", ".log", ".log off", "query-kvm", ".log second", "query-uuid"];
        let program = lines(&qemu.socket(), &given).args(["-l", "first"]).args(arguments.iter().copied());
        let (first, second) = (in_home(&program, "first"), in_home(&program, "second"));
        program.clone().run().status(0).stderr("").stdout_contains("{}\nfirst\n{\"enabled\"");
        assert_eq!(logged(&first), ["QMP", "> qmp_capabilities", "return", "> query-name", "return"]);
        assert_eq!(logged(&second), ["> query-uuid", "return"]);
    }
    // Also as words of the command line, and with `-v`.
    let program = qmpsh().arg(qemu.socket()).args(["-v", ".log", "alone"]);
    let alone = in_home(&program, "alone");
    program.clone().run().status(0).stdout("").stderr("");
    assert_eq!(fs::read(alone).unwrap(), b"");
}

#[test]
fn the_log_has_events_and_later_sessions() {
    let qemu = Qemu::none().start();
    let program = lines(&qemu.socket(), &[".log wire", "stop", ".reconnect", "cont"]);
    let wire = in_home(&program, "wire");
    program.clone().run().status(0).stdout("{}\n{}\n");
    let expected = ["> stop", "event", "return", "QMP", "> qmp_capabilities", "return", "> cont", "event", "return"];
    assert_eq!(logged(&wire), expected);
}

#[test]
fn an_unwritable_log_is_reported() {
    let qemu = Qemu::none().start();
    let missing = "cannot open the log no/such: No such file or directory\n";
    let given = [".log no/such", "query-name"];
    lines(&qemu.socket(), &given).run().status(2).stdout("").stderr(&format!("-c:1: {missing}"));
    // The one before goes on.
    let given = [".log wire", ".log no/such", ".log", "query-name"];
    let program = lines(&qemu.socket(), &given).arg("-k");
    let wire = in_home(&program, "wire");
    program.clone().run().status(2).stdout("wire\n{}\n").stderr(&format!("-c:2: {missing}"));
    assert_eq!(logged(&wire), ["> query-name", "return"]);
    // A disk that is full is told once for each file.
    let given =
        [".log /dev/full", "query-name", "query-name", ".log off", "query-name", ".log /dev/full", "query-name"];
    let full = "qmpsh: cannot write the log /dev/full: No space left on device; messages are missing from it\n";
    lines(&qemu.socket(), &given).run().status(0).stdout("{}\n{}\n{}\n{}\n").stderr(&full.repeat(2));
    lines(&qemu.socket(), &[".log a b"]).run().status(2).stderr_contains(".log takes no more arguments");
    lines(&qemu.socket(), &[".log \"\""]).run().status(2).stderr_contains("the file name is empty");
}

#[test]
fn the_log_goes_on_after_a_reconnect() {
    let directory = temporary_directory();
    let socket = directory.path().join("q.sock");
    let put_there = |qemu: &Qemu| {
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(qemu.socket(), &link).unwrap();
        fs::rename(link, &socket).unwrap();
    };
    let first = Qemu::none().start();
    put_there(&first);
    let program = qmpsh().arg(&socket).args(["--reconnect", "0.05"]);
    let wire = in_home(&program, "wire");
    let commands = || -> Vec<String> {
        let own = |record: &String| record == "> query-uuid" || record == "> query-kvm";
        logged(&wire).into_iter().filter(own).collect()
    };
    fs::write(&wire, "").unwrap();
    let mut t = program.terminal();
    t.wait(is_at_prompt);
    t.type_keys(".log no/such\r");
    t.wait(|screen| screen.text().contains("\ncannot open the log no/such: No such file") && is_at_prompt(screen));
    t.type_keys(".log\r");
    t.wait(|screen| screen.text().ends_with(".log\noff\n(QEMU)"));
    // The name is completed.
    t.type_keys(".log wi\t");
    t.wait(|screen| screen.line().starts_with("(QEMU) .log wire"));
    t.type_keys("\rquery-uuid\r");
    t.wait(|screen| screen.text().contains("\"UUID\"") && is_at_prompt(screen));
    assert_eq!(commands(), ["> query-uuid"]);
    first.signal(Signal::KILL);
    t.wait(|screen| screen.line() == "(disconnected)");
    let second = Qemu::none().start();
    put_there(&second);
    t.wait(is_at_prompt);
    t.type_keys("query-kvm\r");
    t.wait(|screen| screen.text().contains("\"present\"") && is_at_prompt(screen));
    assert_eq!(commands(), ["> query-uuid", "> query-kvm"]);
    // And so is `off`.
    t.type_keys(".log of\t");
    t.wait(|screen| screen.line() == "(QEMU) .log off");
    t.type_keys("\rquery-uuid\r.log\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) .log\noff\n(QEMU)") && is_at_prompt(screen));
    assert_eq!(commands(), ["> query-uuid", "> query-kvm"]);
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
}
