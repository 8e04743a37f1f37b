//! `.show`: views of a VM, for people and for programs.

use std::path::Path;

use serde_json::Value;

use super::lines;
use crate::shell::is_at_prompt;
use crate::support::agent::Agent;
use crate::support::output::Output;
use crate::support::terminal::Terminal;
use crate::support::version::has_monitor_objects;
use crate::support::{DEADLINE, Mock, Qemu, poll_until, qmpsh};

/// A VM with disks that share a backing file, a bridge, network, character devices and memory devices.
fn machine() -> Qemu {
    let devices = "-S -m 64M,slots=2,maxmem=1G -smp 1,sockets=2,cores=2,maxcpus=4 \
        -object memory-backend-ram,id=mem1,size=128M -device pc-dimm,id=dimm1,memdev=mem1 \
        -object throttle-group,id=tg0 -device virtio-balloon-pci,id=bal \
        -blockdev driver=null-co,node-name=base,size=1073741824,read-only=on \
        -blockdev driver=raw,node-name=low,file=base,read-only=on \
        -blockdev driver=throttle,node-name=thr,throttle-group=tg0,file=low,read-only=on \
        -blockdev driver=null-co,node-name=data,size=1048576 -blockdev driver=copy-on-read,node-name=cor,file=data \
        -device pcie-root-port,id=rp1,chassis=1 -device virtio-blk-pci,id=disk0,drive=thr \
        -device virtio-blk-pci,id=disk1,drive=cor -drive if=none,id=empty -device ide-cd,id=cd0,drive=empty \
        -netdev user,id=net0 -device virtio-net-pci,id=nic0,netdev=net0 -netdev hubport,id=hp0,hubid=3 \
        -device e1000,id=nic1,netdev=hp0 -device e1000,id=lonely \
        -chardev ringbuf,id=rb0,size=4096 -device isa-serial,id=ser0,chardev=rb0 -chardev null,id=free";
    Qemu::q35().name("web1").args(devices.split_whitespace()).start()
}

/// The view as JSON.
#[track_caller]
fn json(socket: &Path, view: &str) -> Value {
    let output = lines(socket, &[&format!(".show {view}")]).run();
    output.status(0);
    serde_json::from_str(&output.stdout_text()).unwrap_or_else(|error| panic!("{error} in {output:?}"))
}

/// All entries of a view, from the top down.
fn entries(view: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut left: Vec<&Value> = view.as_array().unwrap().iter().rev().collect();
    while let Some(entry) = left.pop() {
        found.push(entry);
        left.extend(entry["children"].as_array().into_iter().flatten().rev());
    }
    found
}

#[track_caller]
fn entry<'v>(view: &'v Value, name: &str) -> &'v Value {
    let found = entries(view).into_iter().find(|entry| entry["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {view}"))
}

#[track_caller]
fn tree(socket: &Path, view: &str) -> Output {
    let output = lines(socket, &[&format!(".show as=tree {view}")]).run();
    output.stderr("").status(0);
    output
}

#[test]
fn show_lists_the_views() {
    let qemu = Qemu::none().start();
    let output = lines(&qemu.socket(), &[".show"]).run();
    output.status(0).stdout_contains("block     disks, their block nodes").stdout_contains("\nmemory    memory");
    let output = lines(&qemu.socket(), &[".show"]).args(["-o", "json"]).run();
    output.status(0).stdout_contains(r#"[{"name":"block","#);
}

#[test]
fn a_pipe_gets_json_with_exact_numbers() {
    let qemu = machine();
    let block = json(&qemu.socket(), "block");
    let disk = entry(&block, "disk0");
    assert_eq!(disk["kind"], "device");
    let nodes = [&disk["children"][0], &disk["children"][0]["children"][0]];
    assert_eq!((&nodes[0]["name"], &nodes[0]["driver"]), (&"thr".into(), &"throttle".into()));
    assert_eq!((&nodes[1]["role"], &nodes[1]["name"]), (&"file".into(), &"low".into()));
    assert_eq!(nodes[1]["children"][0]["size"], 1_073_741_824);
    assert_eq!(entry(&block, "cd0")["empty"], true);
    assert_eq!(entry(&json(&qemu.socket(), "net"), "net0")["type"], "user");
    let pci = json(&qemu.socket(), "pci");
    assert!(entries(&pci).iter().any(|entry| entry["id"] == "rp1" && entry["kind"] == "bridge"), "{pci}");
    let memory = json(&qemu.socket(), "memory");
    assert_eq!(entry(&memory, "dimm1")["children"][0]["name"], "mem1");
    assert_eq!(entry(&memory, "base")["size"], 64 << 20);
    let cpus = json(&qemu.socket(), "cpus");
    let count = |kind: &str| entries(&cpus).iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((count("cpu"), count("slot")), (1, 3));
    let chardevs = json(&qemu.socket(), "chardevs");
    assert_eq!(entry(&chardevs, "rb0")["children"][0]["name"], "ser0");
    let monitors = entry(&chardevs, "m0")["children"].as_array().map_or(0, Vec::len);
    assert_eq!(monitors, usize::from(has_monitor_objects()));
    let qom = json(&qemu.socket(), "qom /machine/peripheral");
    assert_eq!(entry(&qom, "nic0")["type"], "virtio-net-pci");
    let bus = &entries(&qom).into_iter().find(|entry| entry["name"] == "parent_bus").unwrap()["target"];
    assert!(bus.as_str().unwrap().starts_with("/machine/"), "{bus}");
}

#[test]
fn every_view_has_a_tree() {
    let qemu = machine();
    for (view, parts) in [
        (
            "block",
            &["disk0 ", "cache write", "\n└─thr", "  └─file: low", "raw", "1.0 GiB", "cd0", "empty, drive empty"][..],
        ),
        ("pci", &["bus 0\n├─00:00.0", "rp1", "PCI bridge", "has not numbered the buses"]),
        ("qom", &["/machine\n", "├─peripheral ", "│ ├─disk0", "virtio-blk-pci", "Two levels are shown"]),
        ("cpus", &["socket 0", "thread 0", "/machine/unattached/device[", "2 free"]),
        ("net", &["hub 3\n└─hp0 ", "nic0 ", "└─net0 ", "lonely", "no backend"]),
        ("chardevs", &["rb0 ", "└─ser0", "isa-serial", "free", "unused"]),
        ("machines", &["MACHINE ", "MAX CPUS", "alias q35", "default", "CPU hot-plug"]),
        ("memory", &["plugged ", "└─dimm1 ", "  └─mem1 ", "128.0 MiB", "balloon"]),
    ] {
        let output = tree(&qemu.socket(), view);
        for part in parts {
            output.stdout_contains(part);
        }
    }
}

#[test]
fn a_disk_has_its_limits() {
    let qemu = machine();
    let limits = "block_set_io_throttle id=/machine/peripheral/disk0/virtio-backend bps=1048576 bps_rd=0 bps_wr=0 iops=0 iops_rd=7 iops_wr=0";
    let output = lines(&qemu.socket(), &[limits, ".show as=tree block disk0"]).run();
    output.status(0).stdout_contains("bps 1.0 MiB, iops_rd 7").stdout_contains("throttle-group: ");
}

#[test]
fn a_name_limits_a_view_to_what_hangs_on_it() {
    let qemu = machine();
    let shown = tree(&qemu.socket(), "block low").stdout_text();
    assert!(shown.contains("low ") && shown.contains("└─file: base"), "{shown}");
    // What uses it is named, and not shown.
    let is_shown = |name: &str| shown.lines().any(|line| line.starts_with(name));
    assert!(shown.contains("used-by: ") && shown.contains("thr") && !is_shown("thr"), "{shown}");
    // The path of a device and its id are names of it.
    let of_path = tree(&qemu.socket(), "block /machine/peripheral/disk0/virtio-backend").stdout_text();
    assert_eq!(of_path, tree(&qemu.socket(), "block disk0").stdout_text());
    tree(&qemu.socket(), "pci nic0").stdout_contains("region: bar 0").stdout_contains("irq-pin: A");
    for (view, message) in [
        ("block lowe", "block has no `lowe` (did you mean `low`?)"),
        ("pci nic7", "pci has no `nic7` (did you mean `nic0`?)"),
        ("net zzz", "net has no `zzz`; `.show net` lists what it has, such as `"),
        ("qom /machine/peripheral/nic7", "did you mean `/machine/peripheral/nic0`?"),
        ("qom nic7", "did you mean `/machine/peripheral/nic0`?"),
        ("qom /no/such/path", "cannot show qom: DeviceNotFound: "),
    ] {
        let output = lines(&qemu.socket(), &[&format!(".show {view}")]).run();
        output.stdout("").status(1).stderr_contains(message);
    }
}

#[test]
fn jobs_and_exports_are_in_the_block_view() {
    let qemu = machine();
    lines(
        &qemu.socket(),
        &[
            &format!("nbd-server-start addr.type=unix addr.data.path={}", qemu.file("nbd.sock").display()),
            "blockdev-add driver=null-co node-name=target size=1M",
            "blockdev-add driver=null-co node-name=shared size=1M",
            "block-export-add id=e0 type=nbd node-name=shared",
            "blockdev-mirror job-id=m1 device=cor target=target sync=full speed=1",
        ],
    )
    .run()
    .status(0);
    let block = json(&qemu.socket(), "block");
    assert_eq!(entry(&block, "e0")["children"][0]["name"], "shared");
    let job = entry(&block, "m1");
    let roles: Vec<_> = job["children"].as_array().unwrap().iter().map(|child| &child["role"]).collect();
    assert_eq!(roles, ["source", "target", "main node"]);
    let shown = tree(&qemu.socket(), "block").stdout_text();
    assert!(shown.contains("├─source: cor (shown above)\n├─target: target"), "{shown}");
    let dot = lines(&qemu.socket(), &[".show as=dot block"]).run().status(0).stdout_text();
    assert!(dot.starts_with("digraph ") && dot.contains(" [label=\"source\"];") && dot.ends_with("}\n"), "{dot}");
}

#[test]
fn the_output_format_chooses_the_form() {
    let qemu = machine();
    let run = |mode: &str, line: &str| lines(&qemu.socket(), &[line]).args(["-o", mode]).run().stdout_text();
    assert!(run("raw", ".show memory").starts_with(r#"{"return": [{"kind":"memory","name":"base""#));
    assert!(run("pretty", ".show memory").starts_with("[\n  {\n    \"kind\": \"memory\","));
    assert!(run("table", ".show memory").starts_with("MEMORY "));
    assert!(run("json", ".show as=tree memory").starts_with("MEMORY "));
    assert!(run("table", ".show as=json memory").starts_with("[{"));
    let piped =
        lines(&qemu.socket(), &[".show net | jq -r '.. | objects | select(.kind == \"nic\") | .name' | sort"]).run();
    piped.stdout("lonely\nnic0\nnic1\n").status(0);
}

#[test]
fn bad_arguments_are_usage_errors() {
    let qemu = Qemu::none().start();
    for (line, message) in [
        (".show blok", "no such view (did you mean block?)"),
        (".show as=dot pci", "only .show block has this form"),
        (".show as=yaml pci", "not one of `tree`, `json` and `dot`"),
    ] {
        lines(&qemu.socket(), &[line]).run().stdout("").status(2).stderr_contains(message);
    }
}

#[test]
fn a_storage_daemon_has_some_of_the_views() {
    let daemon = Qemu::storage_daemon()
        .args([
            "--blockdev",
            "driver=null-co,node-name=n0,size=1048576",
            "--blockdev",
            "driver=raw,node-name=top,file=n0",
        ])
        .start();
    tree(&daemon.socket(), "block").stdout_contains("top ").stdout_contains("└─file: n0");
    tree(&daemon.socket(), "chardevs").stdout_contains("m0 ");
    tree(&daemon.socket(), "qom").stdout_contains("─chardevs ").stdout_contains("chardev-socket\n");
    for view in ["pci", "cpus", "net", "memory"] {
        let output = lines(&daemon.socket(), &[&format!(".show {view}")]).run();
        output.stdout("").status(1).stderr_contains("a storage daemon has only block, chardevs and qom");
    }
}

#[test]
fn a_guest_agent_has_no_views() {
    let agent = Agent::start();
    let output = qmpsh().arg("--qga").arg(agent.socket()).args([".show", "block"]).run();
    output.stdout("").status(1).stderr("qmpsh: cannot show block: a guest agent knows only the inside of the guest\n");
}

#[test]
fn an_empty_view_says_so() {
    let qemu = Qemu::none().start();
    tree(&qemu.socket(), "pci").stdout("The VM has no PCI bus.\n");
    assert_eq!(json(&qemu.socket(), "net"), Value::Array(Vec::new()));
}

/// The screen after `.show` ran in a terminal of this size.
fn at_prompt(terminal: &mut Terminal, line: &str) -> String {
    terminal.wait(is_at_prompt_of_web1);
    terminal.type_keys("\x0c");
    terminal.type_keys(&format!("{line}\r"));
    terminal.wait(|screen| screen.text().contains(line) && is_at_prompt_of_web1(screen)).text()
}

fn is_at_prompt_of_web1(screen: &crate::support::terminal::Screen) -> bool {
    screen.line() == "(web1 prelaunch)" || is_at_prompt(screen)
}

#[test]
fn a_terminal_gets_a_tree_that_fits() {
    let qemu = machine();
    for (rows, columns) in [(24, 80), (15, 40)] {
        let mut terminal = qmpsh().arg(qemu.socket()).terminal_of(rows, columns);
        let shown = at_prompt(&mut terminal, ".show memory");
        assert!(shown.contains("└─dimm1 ") && shown.contains("128.0 MiB"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= columns.into()), "{shown}");
    }
    let mut terminal = qmpsh().env("LANG", "C").arg(qemu.socket()).terminal();
    let shown = at_prompt(&mut terminal, ".show memory");
    assert!(shown.contains("`-dimm1 ") && shown.is_ascii(), "{shown}");
}

#[test]
fn tab_completes_what_is_in_a_view() {
    let qemu = machine();
    let mut terminal = qmpsh().arg(qemu.socket()).terminal();
    terminal.wait(is_at_prompt_of_web1);
    for (typed, expected) in [
        (".show char", ".show chardevs ~"),
        (".show block da", ".show block data ~"),
        (".show chardevs rb", ".show chardevs rb0 ~"),
        (".show memory mem", ".show memory mem1 ~"),
    ] {
        // A QEMU that is too slow for a person to wait has answered by the next time.
        let found = poll_until(DEADLINE, || {
            terminal.type_keys(&format!("{typed}\t~"));
            let found = terminal.wait(|screen| screen.line().ends_with('~')).line().ends_with(expected);
            terminal.type_keys("\x15");
            terminal.wait(is_at_prompt_of_web1);
            found.then_some(())
        });
        assert!(found.is_some(), "{typed}");
    }
}

#[test]
fn what_a_hostile_peer_says_is_escaped_on_a_terminal() {
    let mut mock = Mock::interactive().negotiate();
    mock = mock.expect_execute("query-chardev").reply(
        r#"[{"label": "a\u001b[2J\u202e", "filename": "x\r\n\u009b31m", "frontend-open": true}, {"label": 5}, 7]"#,
    );
    let mock = mock.unix();
    let mut terminal = qmpsh().arg(mock.socket()).terminal();
    terminal.wait(is_at_prompt);
    terminal.type_keys(".show chardevs\r");
    terminal.wait_for(r"a\u{1b}[2J\u{202e}");
    terminal.wait_for(r"x\r\n\u{9b}31m");
    terminal.wait(is_at_prompt);
    drop(terminal);
    mock.abandon();
}

#[test]
fn replies_that_make_no_sense_are_survived() {
    let deep = format!("{}{}", "[".repeat(900), "]".repeat(900));
    for reply in ["{}", "5", "null", "\"x\"", "[[], {}, 5]", &deep] {
        let mock = Mock::new().negotiate().expect_execute("query-pci").reply(reply).unix();
        lines(mock.socket(), &[".show pci"]).run().stdout("[]\n").stderr("").status(0);
        mock.finish();
    }
}

#[test]
fn a_peer_that_stays_silent_is_a_timeout() {
    let mock = Mock::new().negotiate().expect_execute("query-pci").unix();
    let output = lines(mock.socket(), &[".show pci"]).args(["--timeout", "0.1"]).run();
    output.stdout("").status(5).stderr_contains("no reply to `query-pci` within 0.1 s");
    mock.abandon();
}
