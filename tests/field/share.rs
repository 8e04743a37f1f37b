//! Tools that look at a VM whose monitor somebody else holds.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::program::Process;
use crate::support::terminal::Screen;
use crate::support::{DEADLINE, Qemu, poll_until, qmpsh};

/// Shares the monitor of this QEMU at `ops.sock` and, to look only, `watch.sock`, in the directory of the process.
fn share(qemu: &Qemu) -> Process {
    let program = qmpsh();
    let [ops, watch] = ["ops.sock", "watch.sock"].map(|name| program.home().join(name).display().to_string());
    let watch = format!("{watch},read-only,allow=hmp:info *");
    let mut process = program.arg("share").arg(qemu.socket()).args(["--listen", &ops, "--listen", &watch]).start();
    while !process.read_stderr_line().starts_with("sharing ") {}
    process
}

fn client(share: &Process, name: &str) -> Client {
    Client::unix(&share.home().join(name)).negotiate()
}

/// A controller keeps its connection for the life of the VM, so that `socat` and a second tool hang without a greeting.
#[test]
fn a_person_looks_while_a_controller_stays_connected() {
    let qemu = Qemu::none().name("web1").start();
    let share = share(&qemu);
    let mut controller = client(&share, "ops.sock");
    for name in ["ops.sock", "watch.sock"] {
        let program =
            qmpsh().arg(share.home().join(name)).args(["-c", "query-status | jq -r .status", "-c", "query-name"]);
        program.run().stdout("running\n{\"name\": \"web1\"}\n").stderr("").status(0);
    }
    assert_eq!(controller.execute(r#"{"execute":"stop"}"#), json!({}));
}

/// A metrics exporter opens a connection each time it is asked, sends a few queries at once, and hangs up.
#[test]
fn an_exporter_connects_for_each_round() {
    let qemu = Qemu::none().start();
    let share = share(&qemu);
    let mut controller = client(&share, "ops.sock");
    for _ in 0..20 {
        let mut exporter = client(&share, "watch.sock");
        let queries = ["query-status", "query-blockstats", "query-block", "query-cpus-fast", "query-balloon"];
        for name in queries {
            exporter.send(&format!(r#"{{"execute":"{name}","id":"{name}"}}"#));
        }
        for name in queries {
            assert_eq!(exporter.read()["id"], name);
        }
    }
    // A library that counts its ids from 1 gets its own replies and no others.
    assert_eq!(controller.execute(r#"{"execute":"query-status","id":1}"#)["running"], Value::Bool(true));
}

/// Health checks of `socat - UNIX:…` write the negotiation and the command in one go and close their half.
#[test]
fn a_script_that_closes_its_half_gets_the_replies() {
    let qemu = Qemu::none().name("web1").start();
    let share = share(&qemu);
    let mut script = Client::unix(&share.home().join("watch.sock"));
    script.send("{ \"execute\": \"qmp_capabilities\" }\n{ \"execute\": \"query-name\" }\n");
    script.finish_sending();
    let texts: Vec<_> = std::iter::from_fn(|| script.read_text()).collect();
    assert!(
        texts[0].starts_with("{\"QMP\"") && texts[1..] == ["{\"return\": {}}", "{\"return\": {\"name\": \"web1\"}}"]
    );
}

/// A backup tool waits for `BLOCK_JOB_COMPLETED` of a job that the controller started, and may not cancel it.
#[test]
fn a_watcher_sees_the_events_of_others() {
    let qemu = Qemu::none().start();
    let share = share(&qemu);
    let (mut controller, mut watcher) = (client(&share, "ops.sock"), client(&share, "watch.sock"));
    let create = r#"{"execute":"blockdev-create","arguments":{"job-id":"c1","options":{"driver":"file","filename":"/nowhere/x","size":1}}}"#;
    controller.execute(create);
    let concluded = |client: &mut Client| {
        let events = std::iter::from_fn(|| Some(client.read()));
        events.filter(|event| event["data"]["status"] == "concluded").map(|event| event["data"]["id"].clone()).next()
    };
    assert_eq!(concluded(&mut watcher), Some(json!("c1")));
    let dismiss = r#"{"execute":"job-dismiss","arguments":{"id":"c1"}}"#;
    assert_eq!(watcher.execute(dismiss)["desc"], "job-dismiss: not allowed on this socket");
    assert_eq!(controller.execute(dismiss), json!({}));
}

/// Monitoring agents that only know HMP ask `info block` with `human-monitor-command`, and a typing error is `quit`.
#[test]
fn a_monitoring_agent_asks_the_human_monitor() {
    let qemu = Qemu::none().start();
    let share = share(&qemu);
    let watch = share.home().join("watch.sock");
    qmpsh().arg(&watch).args([".hmp", "info version"]).run().stderr("").status(0);
    for line in ["quit", "q", "stop", "savevm x", "info version\nquit", "screendump /tmp/x"] {
        let denied = qmpsh().arg(&watch).args(["-c", &format!(".hmp {line}")]).run();
        assert_ne!(denied.code(), Some(0), "{line}: {denied:?}");
    }
    let mut controller = client(&share, "ops.sock");
    assert_eq!(controller.execute(r#"{"execute":"query-status"}"#)["running"], Value::Bool(true));
}

/// A tool is killed between a command and its reply, and the next one got a reply that it did not ask for.
#[test]
fn a_tool_that_dies_leaves_no_reply_behind() {
    let qemu = Qemu::none().name("web1").start();
    let share = share(&qemu);
    for _ in 0..10 {
        client(&share, "ops.sock").send(&r#"{"execute":"query-qmp-schema"}"#.repeat(8));
        let mut next = client(&share, "ops.sock");
        assert_eq!(next.execute(r#"{"execute":"query-name"}"#), json!({"name": "web1"}));
    }
}

/// Two people work in the interactive shell at once: each sees what the other does as an event.
#[test]
fn two_people_work_on_one_vm() {
    let qemu = Qemu::none().start();
    let share = share(&qemu);
    let shell = || qmpsh().arg(share.home().join("ops.sock")).terminal();
    let (mut one, mut two) = (shell(), shell());
    one.wait(|screen| screen.line() == "(QEMU)");
    two.wait(|screen| screen.line() == "(QEMU)");
    one.type_keys("stop\r");
    two.wait(|screen| screen.text().contains("STOP"));
    two.type_keys("cont\r");
    one.wait(|screen| screen.text().contains("RESUME"));
}

/// Completion, hints, `.wait` and `.job` are used at a socket that others use too, as at a monitor of one's own.
#[test]
fn the_shell_works_as_if_it_were_alone() {
    let disk = |name: &str| ["-blockdev".to_owned(), format!("null-co,node-name={name},size=1048576")];
    let qemu = Qemu::none().args([disk("n0"), disk("n1")].concat()).start();
    let share = share(&qemu);
    let mut other = client(&share, "ops.sock");
    let mut t = qmpsh().arg(share.home().join("ops.sock")).terminal();
    t.wait(|screen| screen.line() == "(QEMU)");
    t.type_keys("stop\r");
    t.wait(|screen| screen.text().contains(" STOP\n") && screen.line() == "(QEMU paused)");
    t.type_keys(".wait RESUME\r");
    let is_running = |screen: &Screen, line| screen.text().contains(line) && screen.line() != line;
    t.wait(|screen| is_running(screen, "(QEMU paused) .wait RESUME"));
    other.execute(r#"{"execute":"cont"}"#);
    t.wait(|screen| screen.text().contains(r#""event": "RESUME""#) && screen.line() == "(QEMU)");
    t.type_keys("blockdev-backup job-id=b1 device=n0 target=n1 sync=none\r");
    t.wait(|screen| screen.text().contains("status=running id=b1") && screen.line() == "(QEMU)");
    t.type_keys(".job b1\r");
    t.wait(|screen| is_running(screen, "(QEMU) .job b1"));
    other.execute(r#"{"execute":"job-cancel","arguments":{"id":"b1"}}"#);
    t.wait(|screen| screen.text().contains("the job `b1` was canceled") && screen.line() == "(QEMU)");
    // Completion knows no names before the schema has come.
    let completed = poll_until(DEADLINE, || {
        t.type_keys("\x15block_resi\tsize=1 ");
        t.wait(|screen| screen.line().contains("size=1")).line().contains("block_resize size=1").then_some(())
    });
    assert!(completed.is_some(), "{t}");
    t.type_keys("node-name=n\t0 ");
    t.wait(|screen| screen.line().ends_with("node-name=n0 [device=string]"));
}
