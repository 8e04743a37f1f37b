//! `--qga` on a real guest agent.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::support::agent::Agent;
use crate::support::terminal::keys;
use crate::support::{Program, Qemu, qmpsh};

/// After each client it listens anew, a moment later.
fn to(agent: &Agent) -> Program {
    qmpsh().args(["--qga", "--wait", "30"]).arg(agent.socket())
}

#[test]
fn agent_commands_run_and_errors_have_hints() {
    let agent = Agent::start();
    to(&agent).arg("guest-ping").run().stdout("{}\n").stderr("").status(0);
    let lines = "guest-ping\nguest-get-osinfo\nguest-file-close handle=99\n";
    to(&agent).stdin(lines).run().stderr_contains("stdin:3: GenericError: ").status(1);
    to(&agent)
        .arg("guest-pong")
        .run()
        .stderr("CommandNotFound: The command guest-pong has not been found\n  hint: did you mean `guest-ping`?\n")
        .status(1);
    to(&agent)
        .arg("guest-shutdown")
        .run()
        .stderr_contains("has been disabled")
        .stderr_contains("\n  hint: the configuration of the guest agent disables `guest-shutdown`\n")
        .status(1);
    let lines: String = (0..100).map(|_| "guest-ping\n").collect();
    to(&agent).args(["-k", "--pipeline", "16"]).stdin(lines).run().stdout(&"{}\n".repeat(100)).status(0);
}

#[test]
fn bytes_of_an_earlier_client_are_discarded() {
    let agent = Agent::start();
    // Nothing that is answered: an agent ends if its client goes without reading.
    for left in ["{\"execute\": \"guest-pi", "\"never closed", "[[[{"] {
        let mut stream = UnixStream::connect(agent.socket()).expect("the agent listens");
        stream.write_all(left.as_bytes()).expect("it reads");
        drop(stream);
        to(&agent).arg("guest-ping").run().stdout("{}\n").stderr("").status(0);
    }
}

#[test]
fn guest_exec_runs_a_program_and_returns_its_output() {
    let agent = Agent::start();
    let exec = |args: &[&str]| to(&agent).arg(".guest-exec").args(args.to_vec()).run();
    fs::write(agent.file("some file"), "").expect("a file");
    let directory = agent.file("").display().to_string();
    exec(&["/bin/ls", "-1", &directory]).stdout("ga.sock\nsome file\nstate\n").stderr("").status(0);
    let output = exec(&["/bin/sh", "-c", "printf 'a\\0\\377'; echo wrong >&2; exit 3"]);
    assert_eq!(output.stdout_bytes(), b"a\0\xff");
    output.stderr("wrong\nqmpsh: /bin/sh ended with exit status 3 in the guest\n").status(1);
    exec(&["/bin/sh", "-c", "kill -9 $$"]).stderr("qmpsh: /bin/sh was ended by signal 9 in the guest\n").status(1);
    exec(&["/bin/true"]).stdout("").stderr("").status(0);
    exec(&["/nonexistent"]).stderr_contains("GenericError: ").status(1);
    let script = "echo $$ >pid; exec sleep 1000";
    let slow = format!("cd '{directory}'; {script}");
    let late = exec(&["timeout=0.3", "/bin/sh", "-c", &slow]);
    late.stdout("")
        .stderr_contains("/bin/sh has not ended within 0.3 s: it still runs in the guest, as process ")
        .status(5);
    exec(&["/bin/sh", "-c", &format!("kill $(cat '{directory}/pid')")]).status(0);

    let line = ".guest-exec /bin/echo \"two words\" # comment";
    to(&agent).args(["-c", line, "-c", "guest-ping"]).run().stdout("two words\n{}\n").status(0);
    let json = to(&agent).args(["-o", "json", ".guest-exec", "/bin/echo", "x"]).run();
    json.status(0).stdout_contains("\"out-data\": \"eAo=\"");
    let output = to(&agent).args(["-k", "-c", ".wait STOP", "-c", ".follow", "-c", "guest-ping"]).run();
    output
        .stdout("{}\n")
        .stderr("-c:1: a guest agent sends no events\n-c:2: a guest agent sends no events\n")
        .status(1);
    to(&agent).args(["-c", ".guest-exec"]).run().stderr_contains("the path of a program is missing").status(2);
    let mut terminal = to(&agent).terminal();
    terminal.wait_for("guest agent at ");
    terminal.type_keys(".guest-exec /bin/echo from the guest\r");
    terminal.wait_for("\nfrom the guest");
}

#[test]
fn commands_lists_what_the_agent_offers() {
    let agent = Agent::start();
    let mut terminal = to(&agent).terminal();
    terminal.wait(|screen| screen.line() == "(QGA)");
    // What it offers is asked for by then.
    terminal.type_keys(".commands guest-shutd*\r");
    terminal.wait_for("\nguest-shutdown (disabled)\n");
    terminal.type_keys("guest-pi\t");
    terminal.wait(|screen| screen.line() == "(QGA) guest-ping");
    terminal.type_keys("\r");
    terminal.wait(|screen| screen.text().contains("guest-ping\n{}\n") && screen.line() == "(QGA)");
    terminal.type_keys("guest-pong\r");
    terminal.wait_for("hint: did you mean `guest-ping`?");
    terminal.type_keys(".status\r");
    terminal.wait_for("\nguest agent\n");
    terminal.type_keys(keys::CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn guest_file_read_returns_a_large_file_as_one_line() {
    const LENGTH: usize = 40_000_000;
    let agent = Agent::start();
    let path = agent.file("large");
    fs::write(&path, vec![b'x'; LENGTH]).expect("a file");
    // The handle lives as long as the agent.
    let handle = to(&agent).args(["guest-file-open", &format!("path={}", path.display())]).run().stdout_text();
    let out = agent.file("out");
    let read = ["guest-file-read", &format!("handle={}", handle.trim()), &format!("count={LENGTH}")];
    to(&agent).args(read).stdout_to(&out).run().stderr("").status(0);
    let mut start = [0; 100];
    let mut file = fs::File::open(&out).expect("the output");
    file.read_exact(&mut start).expect("a beginning");
    assert!(file.metadata().expect("its size").len() > LENGTH as u64 / 3 * 4);
    assert!(String::from_utf8_lossy(&start).contains(&format!("\"count\": {LENGTH}")));
}

#[test]
fn qga_mode_and_qmp_mode_detect_the_wrong_peer() {
    let agent = Agent::start();
    let output = qmpsh().arg(agent.socket()).args(["--connect-timeout", "0.3", "guest-ping"]).run();
    output.stderr_contains("a guest agent sends no greeting: if this is one, use --qga").status(3);
    let qemu = Qemu::none().pretty().start();
    let output = qmpsh().arg("--qga").arg(qemu.socket()).arg("guest-ping").run();
    output.stderr_contains("this is a QMP monitor, not a guest agent").status(3);
    output.stderr_contains("it sent a greeting (omit --qga to use it)");
    qmpsh().arg(qemu.socket()).args([".guest-exec", "/bin/true"]).run().status(1).stderr_contains("(--qga)");
    let output = qmpsh().arg("--qga").arg(agent.file("missing")).arg("guest-ping").run();
    output.stderr_contains("no such socket; QEMU creates it with -chardev socket,id=ga,path=PATH,").status(3);
    // One that is served keeps the others waiting.
    let _held = UnixStream::connect(agent.socket()).expect("the agent listens");
    let output = to(&agent).args(["--wait", "0", "--connect-timeout", "0.3", "guest-ping"]).run();
    output.stderr_contains("no answer from a guest agent at ").status(3);
}
