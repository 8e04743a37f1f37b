//! `.connect` in a batch.

use super::lines;
use crate::support::agent::Agent;
use crate::support::{Mock, Qemu, qmpsh};

fn named(name: &str) -> String {
    format!("{{\"name\": \"{name}\"}}\n")
}

#[test]
fn a_batch_changes_to_another_peer() {
    let (one, two) = (Qemu::none().name("one").start(), Qemu::none().name("two").tcp_monitor().start());
    let connect = format!(".connect {}", two.socket().display());
    let over_tcp = format!(".connect tcp:{}", two.tcp());
    let by_pid = format!(".connect pid:{}", one.pid());
    let run =
        lines(&one.socket(), &["query-name", &connect, "query-name", &over_tcp, "query-name", &by_pid, "query-name"]);
    run.run().status(0).stderr("").stdout(&[named("one"), named("two"), named("two"), named("one")].concat());
    // The first is left, and free for others; also after the peer has gone.
    qmpsh().arg(one.socket()).arg("query-name").run().status(0);
    lines(&one.socket(), &["quit", &connect, "query-name"]).run().status(0).stdout(&format!("{{}}\n{}", named("two")));
}

#[test]
fn a_batch_that_cannot_change_its_peer_ends_with_status_3() {
    let qemu = Qemu::none().start();
    let run = lines(&qemu.socket(), &[".connect ./absent", "query-name"]).arg("-k").run();
    run.status(3).stdout("").stderr_contains("cannot connect to ./absent: no such socket");
    let run = lines(&qemu.socket(), &[".connect h:x", "query-name"]).run();
    run.status(2).stdout("").stderr_contains("the port `x` is not a number");
    let run = qmpsh().args(["-c", ".connect ./q", "run", "qemu-system-x86_64", "-M", "none", "-display", "none"]).run();
    run.status(2).stderr_contains(".connect does not work in `qmpsh run`");
}

#[test]
fn events_jobs_and_types_are_those_of_the_new_peer() {
    let schema = r#"[{"name": "set", "meta-type": "command", "arg-type": "a", "ret-type": "a"},
        {"name": "a", "meta-type": "object", "members": [{"name": "v", "type": "TYPE"}]},
        {"name": "str", "meta-type": "builtin", "json-type": "string"},
        {"name": "int", "meta-type": "builtin", "json-type": "int"}]"#
        .replace('\n', " ");
    let peer = |ty: &str, sent: &str| {
        let mock = Mock::new().negotiate().expect_execute("query-qmp-schema").reply(&schema.replace("TYPE", ty));
        mock.expect(sent).event("HERE", &format!(r#"{{"at": "{ty}"}}"#)).reply("{}").unix()
    };
    let first = peer("str", r#"{"execute": "set", "arguments": {"v": "1"}, "id": 1}"#);
    let second = peer("int", r#"{"execute": "set", "arguments": {"v": 1}, "id": 1}"#);
    let connect = format!(".connect {}", second.socket().display());
    let run =
        lines(first.socket(), &["set v=1", &connect, "set v=1", ".wait HERE at=int"]).args(["--events", "show"]).run();
    let shown = run.status(0).stdout_text();
    assert_eq!(shown.matches(r#""at": "str""#).count(), 1, "{shown}");
    assert!(shown.find(r#""at": "str""#) < shown.find(r#""at": "int""#), "{shown}");
    first.finish();
    second.finish();
}

#[test]
fn an_agent_and_a_monitor_follow_each_other() {
    let (qemu, agent) = (Qemu::none().name("one").start(), Agent::start());
    let to_agent = format!(".connect qga=on {}", agent.socket().display());
    let to_qemu = format!(".connect qga=off {}", qemu.socket().display());
    let run = lines(&qemu.socket(), &[&to_agent, "guest-ping", &to_qemu, "query-name"]).run();
    run.status(0).stdout(&format!("{{}}\n{}", named("one")));
}
