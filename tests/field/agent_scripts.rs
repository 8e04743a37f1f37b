//! Scripts for a guest agent: they synchronize by hand, beginning with the byte 0xFF.

use crate::support::agent::Agent;
use crate::support::output::Output;
use crate::support::{Mock, qmpsh};

fn run(agent: &Agent, args: &[&str], stdin: impl AsRef<[u8]>) -> Output {
    // After each client it listens anew, a moment later.
    qmpsh().args(["--qga", "--wait", "30"]).arg(agent.socket()).args(args).stdin(stdin).run()
}

#[test]
fn a_synchronization_by_hand_prints_what_the_agent_answers() {
    let agent = Agent::start();
    for command in ["guest-sync-delimited", "guest-sync"] {
        run(&agent, &[command, "id=42"], "").stdout("42\n").stderr("").status(0);
        run(&agent, &["-o", "raw"], format!(r#"{{"execute":"{command}","arguments":{{"id":7}},"id":"s"}}"#))
            .stdout("{\"return\": 7, \"id\": \"s\"}\n")
            .stderr("")
            .status(0);
        run(&agent, &[command, "id=x"], "").stdout("").stderr_contains("GenericError: ").status(1);
    }
}

#[test]
fn lines_that_begin_with_the_byte_0xff_run() {
    let agent = Agent::start();
    let sync = r#"{"execute":"guest-sync-delimited","arguments":{"id":5}}"#;
    let ping = r#"{"execute": "guest-ping"}"#;
    let check = |stdin: &[u8], stdout: &str| {
        run(&agent, &[], stdin).stdout(stdout).stderr("").status(0);
    };
    check(&[b"\xff", sync.as_bytes(), b"\n", ping.as_bytes(), b"\n"].concat(), "5\n{}\n");
    check(&[b"\xff\n", sync.as_bytes(), ping.as_bytes()].concat(), "5\n{}\n");
    check(&[b"\xff\xff", ping.as_bytes(), b"\r\n\xff", ping.as_bytes(), b"\n\xff"].concat(), "{}\n{}\n");
    check(b"\xff", "");
    std::fs::write(agent.file("script"), b"\xffguest-ping\n").unwrap();
    let path = agent.file("script").display().to_string();
    run(&agent, &["-f", &path], "").stdout("{}\n").stderr("").status(0);
    // Elsewhere it is no part of a script.
    run(&agent, &[], b"guest-ping\xff\n").stdout("").stderr_contains("the line is not UTF-8").status(2);
}

#[test]
fn a_message_of_a_monitor_may_begin_with_the_byte_0xff() {
    let mock = Mock::new().negotiate().expect(r#"{"execute":"a"}"#).reply("1").unix();
    qmpsh().arg(mock.socket()).stdin(b"\xff{\"execute\":\"a\"}\n").run().stdout("1\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn an_agent_has_no_negotiation() {
    let agent = Agent::start();
    let output = run(&agent, &[], r#"{"execute":"qmp_capabilities"}"#);
    output.stdout("").stderr_contains("stdin:1: CommandNotFound: ").status(1);
}
