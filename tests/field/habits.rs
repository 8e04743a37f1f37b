//! Habits of the human monitor, `-device`, qmp-shell, virsh and the system's shell: they work, or one line says how it is
//! written here.

use serde_json::Value;

use qmpsh::language::meant::refused_line;
use qmpsh::language::syntax::{bare_argument, parse};

use crate::support::agent::Agent;
use crate::support::output::Output;
use crate::support::{Mock, Qemu, qmpsh};

fn pc() -> Qemu {
    let args = "-M pc -m 64M -S -nodefaults -device e1000,id=net0 -device virtio-balloon -device ide-cd,id=cd0 \
        -blockdev null-co,node-name=n0,size=1048576 -object iothread,id=io0 -chardev null,id=c0 -netdev hubport,id=h0,hubid=1";
    Qemu::none().args(args.split_whitespace()).start()
}

fn run(qemu: &Qemu, line: &str) -> Output {
    qmpsh().arg(qemu.socket()).arg(format!("--command={line}")).run()
}

/// The schema of a peer, as the names of types and their entries.
fn schema(qemu: &Qemu) -> Vec<Value> {
    let output = run(qemu, "query-qmp-schema");
    serde_json::from_str(&output.stdout_text()).unwrap()
}

#[test]
fn each_bare_word_is_a_required_argument_of_its_command() {
    for qemu in [pc(), Qemu::storage_daemon().start()] {
        let schema = schema(&qemu);
        let mut found = 0;
        for command in schema.iter().filter(|entry| entry["meta-type"] == "command") {
            let name = command["name"].as_str().unwrap();
            let Some(argument) = bare_argument(name) else { continue };
            found += 1;
            let arguments = schema.iter().find(|entry| entry["name"] == command["arg-type"]).unwrap();
            let members = arguments["members"].as_array().unwrap();
            let member = members.iter().find(|member| member["name"] == argument);
            let member = member.unwrap_or_else(|| panic!("{name} has no argument {argument}"));
            assert!(member.get("default").is_none(), "{argument} of {name} is optional");
            assert!(["str", "int"].contains(&member["type"].as_str().unwrap()) || name == "query-stats", "{name}");
        }
        assert!(found > 10, "{found}");
    }
}

#[test]
fn bare_words_name_what_there_is() {
    let qemu = pc();
    for line in [
        "qom-list /machine",
        "qom-get /machine property=type",
        "netdev_del h0",
        "object-del io0",
        "chardev-remove c0",
        "blockdev-del \"n0\"",
        "device_del net0",
        "blockdev-remove-medium cd0",
        "balloon 60M",
        "query-stats vm",
        ".try qom-list /machine",
        ".watch 0 count=1 qom-list /",
    ] {
        let output = run(&qemu, line);
        // The drive has no medium that could be removed with its tray closed.
        let expected = i32::from(line.contains("medium"));
        assert_eq!(output.code(), Some(expected), "{line}: {output}");
        assert!(!output.stderr_text().contains("Parameter"), "{line}: {output}");
    }
    run(&qemu, "job-cancel b1").stderr_contains("Job not found").status(1);
    run(&qemu, "trace-event-get-state nosuch").stderr_contains("unknown event \"nosuch\"").status(1);
    run(&qemu, "remove-fd 77").stderr_contains("fdset-id:77").status(1);
    // As words, where the calling shell has taken the quotes.
    qmpsh().arg(qemu.socket()).args(["qom-get", "/machine", "property=type"]).run().status(0);
}

#[test]
fn a_bare_word_has_the_type_of_its_argument() {
    let mock = Mock::new()
        .negotiate()
        .expect(r#"{"execute":"closefd","arguments":{"fdname":"a b"},"id":1}"#)
        .reply("{}")
        .unix();
    qmpsh().arg(mock.socket()).args(["-c", "closefd 'a b'"]).run().status(0);
    mock.finish();
}

#[test]
fn an_agent_takes_bare_words() {
    let agent = Agent::start();
    let run = |line: &str| qmpsh().arg("--qga").arg(agent.socket()).args(["-c", line]).run();
    run("guest-file-close 9999").stderr_contains("9999").status(1);
    // The agent knows the argument, and no such process.
    let output = run("guest-exec-status 0");
    assert!(!output.stderr_text().contains("is missing") && !output.stderr_text().contains("unexpected"), "{output}");
    output.status(1);
}

/// What does not parse is status 2, and one line says how it is written; nothing is sent.
#[test]
fn what_does_not_parse_says_how_it_is_written() {
    let qemu = pc();
    for (line, help) in [
        // Threads on -device lines that are pasted into a QMP shell.
        ("device_add virtio-blk-pci,drive=x,id=y", "write `device_add driver=virtio-blk-pci drive=x id=y`"),
        ("-device vfio-pci,host=01:00.0,id=gpu", "write `device_add driver=vfio-pci host=01:00.0 id=gpu`"),
        ("device_add usb-host,vendorid=0x046d,productid=0xc52b", "write `device_add driver=usb-host vendorid=0x046d"),
        (
            "netdev_add user,id=n0,hostfwd=tcp::2222-:22",
            "write `netdev_add type=user id=n0 hostfwd.0.str=tcp::2222-:22`",
        ),
        ("object_add secret,id=s,file=/k", "write `object-add qom-type=secret id=s file=/k`"),
        ("chardev-add socket,id=c,path=/tmp/s,server=on,wait=off", "write `.hmp chardev-add socket,id=c,"),
        // Lines of the human monitor from guides.
        ("info block", "write `.hmp info block`, or `query-block`"),
        ("info mtree -f", "write `.hmp info mtree -f`"),
        ("savevm foo", "write `.hmp savevm foo` (in QMP: `.help snapshot-save`)"),
        ("drive_add 0 if=none,file=/d,id=x", "write `.hmp drive_add 0 if=none,file=/d,id=x`"),
        ("xp /16xw 0x1000", "write `.hmp xp /16xw 0x1000`"),
        ("mouse_move 10 10", "write `.hmp mouse_move 10 10`"),
        ("migrate tcp:h:1", "write `migrate uri=tcp:h:1`"),
        ("migrate -d tcp:h:1", "write `migrate uri=tcp:h:1`"),
        ("migrate-incoming tcp:h:1", "write `migrate-incoming uri=tcp:h:1`"),
        ("block_resize n0", "write `block_resize device=n0 size=SIZE`"),
        ("set_link net0 off", "write `set_link name=net0 up=off`"),
        ("pmemsave 0 1024 /tmp/m", "write `pmemsave val=0 size=1024 filename=/tmp/m`"),
        ("eject ide1-cd0", "write `eject device=ide1-cd0` (`id=` in place of `device=` for the id of a -device)"),
        ("balloon 512", "HMP counts MiB, QMP bytes: write `balloon 512M` or `balloon value=512`"),
        ("change vnc password", "(in QMP: `.help change-vnc-password`)"),
        ("human-monitor-command command-line=info block", "write `.hmp info block`"),
        // The human monitor makes an object for its list, and some types end QEMU then.
        ("device_add help", "write `.help device_add`"),
        ("device_add virtio-gpu-gl-pci,help", "write `.help device_add`"),
        ("object_add ?", "write `.help object-add`"),
        // The shell's own commands.
        ("hmp info block", "write `.hmp info block`"),
        ("wait STOP", "write `.wait STOP`"),
        (".query-status", "commands of the peer have no dot: `query-status`"),
        (".info block", "write `.hmp info`"),
        // The system's shell.
        ("query-status \\", "a backslash does not continue a line: write `query-status`"),
        ("query-status // x", "a comment begins with `#`: write `query-status`"),
        ("man query-status", "write `.help query-status`"),
        ("sudo query-status", "write `query-status`"),
        ("system_powerdown;", "one command a line: write `system_powerdown`"),
        ("quit;", "`quit` ends QEMU, `.quit` leaves qmpsh"),
        ("query-status && cont", "one command a line: write `query-status`, then `cont`"),
        ("query-status || cont", "one command a line: write `query-status`, then `cont`"),
        ("stop; cont", "one command a line: write `stop`, then `cont`"),
        ("query-status &", "one command a line: write `query-status`"),
        ("query-status > f", "write `query-status | cat >f`"),
        ("query-status >>f", "write `query-status | cat >>f`"),
        ("query-block 2>/dev/null", "errors go to qmpsh's own stderr: write `query-block`"),
        ("blockdev-add < f", "a value from a file is `KEY=@FILE`"),
        // Other clients.
        ("(qemu) info block", "write `.hmp info block`"),
        ("(QEMU) query-status", "write `query-status`"),
        ("$ qmpsh /run/q query-status", "write `query-status`"),
        ("virsh qemu-monitor-command vm --hmp 'info block'", "write `.hmp info block`"),
        (r#"virsh qemu-monitor-command vm '{"execute":"query-kvm"}' --pretty"#, r#"write `{"execute":"query-kvm"}`"#),
        (r#"echo '{"execute":"query-kvm"}' | socat - unix:q"#, r#"write `{"execute":"query-kvm"}`"#),
        // Ways to write a name and its value.
        ("block_resize device:n0 size:1M", "write `block_resize device=n0 size=1M`"),
        ("block_resize -node-name n0 -size 1M", "write `block_resize node-name=n0 size=1M`"),
        // A node stands in the place of a device.
        ("block_resize node-name=n0 2M", "write `block_resize node-name=n0 size=2M`"),
        ("block_resize device=\"n0\",size=2M", "write `block_resize device=\"n0\" size=2M`"),
        ("block_resize(device=n0, size=2M)", "write `block_resize device=n0 size=2M`"),
        ("query-status()", "write `query-status`"),
        ("block_resize --device d0 --size 2G", "write `block_resize device=d0 size=2G`"),
        ("block_resize device: d0, size: 2G", "write `block_resize device=d0 size=2G`"),
        ("blockdev-add driver = null-co node-name = x", "write `blockdev-add driver=null-co node-name=x`"),
        ("device_del id net0", "write `device_del id=net0`"),
        (r#"block_resize {"device": "d0"}"#, r#"write `{"execute": "block_resize", "arguments": {"device": "d0"}}`"#),
        (r#"{"execute":"query-status"};"#, "leave out the `;` behind the message"),
        (r#"{"execute":"query-status"},"#, "leave out the `,` behind the message"),
        (r#"{"execute":"query-kvm"};{"execute":"query-name"}"#, "leave out the `;` behind the message"),
        (r#"{"execute":"query-kvm"}, {"execute":"query-name"}"#, "leave out the `,` behind the message"),
        (r#"[{"execute":"query-kvm"}]"#, "messages stand side by side or on lines of their own, not in a list"),
        // With the quotes of the script that it was in.
        (r#"'{"execute":"query-kvm"}'"#, "leave out the quotes around the message"),
        (r#"{"return": {}}"#, "this is what a monitor sends; only commands are written here"),
        (r#"{"name": "x"}"#, "expected \"execute\""),
        ("?query-status", "write `.help query-status`"),
    ] {
        let output = qmpsh().arg("-v").arg(qemu.socket()).arg(format!("--command={line}")).run();
        assert_eq!(output.code(), Some(2), "{line}: {output}");
        let stderr = output.stderr_text();
        assert!(stderr.contains(help), "{line}: {output}");
        assert!(!stderr.contains("{\"execute\":\"query-status\",\"id\""), "{line} was sent: {output}");
    }
}

#[test]
fn what_qemu_refuses_says_how_it_is_written() {
    let qemu = pc();
    for (line, hint) in [
        ("set_link name=net0, up=on", "blanks separate arguments, without a comma: write `set_link name=net0 up=true`"),
        ("object-add qom-type=iothread,id=i", "write `object-add qom-type=iothread id=i`"),
        ("device_add driver=virtio-blk-pci,drive=x,id=y", "write `device_add driver=virtio-blk-pci drive=x id=y`"),
        ("netdev_add type=user,id=n", "write `netdev_add type=user id=n`"),
        ("savevm", "`savevm` is a command of the human monitor: write `.hmp savevm`"),
        ("c", "`c` is a command of the human monitor: write `.hmp c`, or `cont`"),
        ("q", "`.quit` leaves qmpsh, `quit` ends QEMU"),
        ("events", "built-in commands begin with a dot: write `.events`"),
        (
            "blockdev-add driver=file filename=/a,node-name=n",
            "write `blockdev-add driver=file filename=/a node-name=n`",
        ),
        (".hmp \"info block\"", "leave out the quotes: the human monitor gets the line as it is"),
        // It was a command of QMP, which the human monitor still has.
        ("change device=vnc target=x", "`change` was removed in QEMU 6.0; use `blockdev-change-medium`"),
    ] {
        let output = run(&qemu, line);
        assert_eq!(output.code(), Some(1), "{line}: {output}");
        assert!(
            output.stderr_text().contains(&format!("hint: {hint}")) || output.stderr_text().contains(hint),
            "{output}"
        );
    }
    // A value may have a comma, and another fault.
    let output = run(&qemu, "device_del id=x,y");
    assert!(!output.stderr_text().contains("blanks"), "{output}");
}

#[test]
fn a_storage_daemon_has_no_human_monitor_to_point_to() {
    let daemon = Qemu::storage_daemon().start();
    let output = run(&daemon, "savevm");
    assert!(!output.stderr_text().contains(".hmp"), "{output}");
    output.status(1);
}

#[test]
fn each_command_of_the_human_monitor_is_known() {
    let qemu = pc();
    let schema = schema(&qemu);
    let has = |name: &str| schema.iter().any(|entry| entry["meta-type"] == "command" && entry["name"] == name);
    let help = run(&qemu, ".hmp help").stdout_text();
    let mut known = 0;
    for line in help.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())) {
        for name in line.split_once(' ').map_or(line, |(names, _)| names).split('|') {
            if has(name) || ["help", "?", "q"].contains(&name) {
                continue;
            }
            let meant = refused_line(&format!("{name} x")).unwrap_or_default();
            assert!(
                meant.contains(&format!("write `.hmp {name} x`")) || ["object_add", "sendkey"].contains(&name),
                "{name}: {meant}"
            );
            known += 1;
        }
    }
    assert!(known > 50, "{known}");
    // What is suggested of QMP is there.
    let mut suggested = 0;
    let info = run(&qemu, ".hmp help info").stdout_text();
    let lines = info.lines().filter_map(|line| line.split_whitespace().nth(1)).map(|name| format!("info {name}"));
    for line in lines.chain(["savevm x", "loadvm x", "change x", "drive_del x"].map(str::to_owned)) {
        let meant = refused_line(&line).unwrap_or_default();
        let command = meant.split(", or `").nth(1).or_else(|| meant.split("`.help ").nth(1));
        let Some(command) = command.and_then(|rest| rest.split(['`', ' ']).next()) else { continue };
        assert!(has(command), "{line}: {meant}");
        suggested += 1;
    }
    assert!(suggested > 20, "{suggested}");
}

#[test]
fn ways_to_ask_for_help() {
    let qemu = pc();
    for line in ["help block_resize", ".help block_resize", "? block_resize", "\\? block_resize", "\\h block_resize"] {
        run(&qemu, line).stdout_contains("block_resize (command)").status(0);
    }
    for line in ["help", "?", "\\?", ".?"] {
        run(&qemu, line).stdout_contains("A line is a QMP command with its arguments").status(0);
    }
    for line in [".help exit", ".help q", "help exit", "help .quit"] {
        run(&qemu, line).stdout_contains("Leave qmpsh").status(0);
    }
    run(&qemu, "help device_del").stdout_contains("`device_del ID` is short for `device_del id=ID`").status(0);
    qmpsh().arg(qemu.socket()).args(["help", "block_resize"]).run().stdout_contains("block_resize (command)");
}

/// Other tools have other words, and a hint never names what can end QEMU.
#[test]
fn words_of_other_tools_lead_to_the_command() {
    let qemu = pc();
    for (line, hint) in [
        ("resume", "hint: did you mean `cont`?"),
        ("pause", "hint: did you mean `stop`?"),
        ("shutdown", "hint: did you mean `system_powerdown`?"),
        ("screenshot", "hint: did you mean `screendump`?"),
    ] {
        run(&qemu, line).status(1).stderr_contains(hint);
    }
    for line in ["device_list", "list-types", "device-list-propertie"] {
        let error = run(&qemu, line).status(1).stderr_text();
        assert!(!error.contains("`device-list-properties`") && !error.contains("`qom-list-types`"), "{error}");
    }
}

/// Where nothing tells what was meant, the schema names what the command takes.
#[test]
fn a_word_that_is_no_argument_names_those_that_there_are() {
    let qemu = pc();
    for (line, help) in [
        ("query-name cd0", "query-name takes no arguments"),
        ("migrate_cancel now", "migrate_cancel takes no arguments"),
        ("snapshot-save foo", "snapshot-save takes job-id=, tag=, vmstate=, devices="),
        ("nbd-server-start localhost:10809", "nbd-server-start takes addr=, ["),
        ("send-key ctrl-alt-delete", "`.keys` takes keys in this form"),
        (".try query-name cd0", "query-name takes no arguments"),
        // Removed, with the arguments of the human monitor.
        ("migrate_set_speed 100M", "use `migrate-set-parameters max-bandwidth=BYTES`"),
        ("cpu-add 1", "use `device_add`; query-hotpluggable-cpus lists its arguments"),
    ] {
        let output = qmpsh().args(["-v", "-c", line]).arg(qemu.socket()).run();
        output.stderr_contains("  expected KEY=VALUE\n  help: ").stderr_contains(help).status(2);
        assert_eq!(output.stderr_text().matches("\n  help: ").count(), 1, "{output}");
        // The question for the schema is the shell's own.
        assert!(!output.stderr_text().contains("query-qmp-schema"), "{output}");
    }
    // Without a schema nothing is added.
    let mock = Mock::interactive().negotiate().unix();
    let output = qmpsh().arg(mock.socket()).args(["-c", "query-block cd0"]).run();
    output.stderr_contains("expected KEY=VALUE\n").status(2);
    assert!(!output.stderr_text().contains("help:"), "{output}");
}

/// The hint about a comma takes the place of the others only if the comma is to blame.
#[test]
fn a_comma_in_a_value_hides_no_other_fault() {
    let qemu = pc();
    for line in ["set_link name=net0,", "set_link name=net0,x=1"] {
        run(&qemu, line).stderr_contains("hint: missing: `up` (true or false)").status(1);
    }
}

#[test]
fn the_options_of_watch_have_any_order() {
    let qemu = pc();
    for line in [
        ".watch 0 count=2 query-kvm | wc -l",
        ".watch count=2 0 query-kvm | wc -l",
        ".watch count=2 0 .try query-kvm | wc -l",
    ] {
        run(&qemu, line).stdout("2\n").stderr("").status(0);
    }
    run(&qemu, ".watch count=1 query-name").stdout("{}\n").status(0);
    run(&qemu, ".watch 1s query-name").stderr_contains("not a time in seconds").status(2);
}

#[test]
fn ways_to_leave() {
    let qemu = pc();
    for line in ["exit", ".exit", ".quit", ".q", ":q", "\\q"] {
        let output = qmpsh().arg(qemu.socket()).args(["-c", line, "-c", "query-status"]).run();
        output.stdout("").status(0);
    }
    // QEMU goes on.
    run(&qemu, "query-name").status(0);
}

#[test]
fn options_of_dot_commands_may_stand_behind() {
    let qemu = pc();
    run(&qemu, ".wait STOP timeout=0").stderr_contains("no `STOP` within").status(5);
    run(&qemu, ".job m1 until=ready").stderr_contains("no job `m1` found").status(1);
    run(&qemu, ".follow STOP timeout=0.01").status(0);
    run(&qemu, ".follow STOP count=1 timeout=0.01").status(5);
    // The words of a program are its own.
    let agent = Agent::start();
    let echo = ".guest-exec timeout=20 /bin/echo timeout=1";
    qmpsh().arg("--qga").arg(agent.socket()).args(["-c", echo]).run().stdout("timeout=1\n").status(0);
}

#[test]
fn suggestions_do_not_show_secrets() {
    let qemu = pc();
    for line in [
        "set_password vnc hunter2",
        "-object secret,id=s,data=hunter2",
        "object-add secret,id=s,data=hunter2",
        "object-add qom-type=secret,id=s,data=hunter2",
        "change vnc password hunter2",
        "(qemu) set_password vnc hunter2",
        "set_password vnc hunter2; cont",
    ] {
        let output = run(&qemu, line);
        // QEMU's own sentence may quote a value.
        let stderr = output.stderr_text();
        let ours: Vec<_> = stderr.lines().filter(|line| !line.contains("Error: ")).collect();
        assert!(!ours.join("\n").contains("hunter2"), "{line}: {output}");
    }
}

#[test]
fn a_quoted_key_may_be_anything() {
    let lines = parse(r#"device_add driver=x "a,b"=1 "-c"=2"#).unwrap();
    assert!(!lines.is_empty());
}
