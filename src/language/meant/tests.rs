use super::words::is_line;
use super::*;
use crate::language::syntax::parse;

/// Everything in backquotes behind `write`, `or` and `then`.
fn suggestions(sentence: &str) -> Vec<&str> {
    let quoted = |lead: &str| {
        let lead = format!("{lead} `");
        let parts = sentence.split(&lead).skip(1);
        parts.map(|rest| rest.split_once('`').unwrap().0).collect::<Vec<_>>()
    };
    ["write", "or", "then"].into_iter().flat_map(quoted).collect()
}

fn check(line: &str, expected: &str) {
    assert!(parse(line).is_err(), "{line} parses");
    assert_eq!(refused_line(line).unwrap_or_default(), expected, "{line}");
    for suggestion in suggestions(expected) {
        assert!(is_line(suggestion), "{line}: {suggestion}");
    }
}

#[test]
fn lines_of_the_human_monitor() {
    check("info block", "write `.hmp info block`, or `query-block`");
    check("info  block", "write `.hmp info  block`, or `query-block`");
    check("info block -v", "write `.hmp info block -v`");
    check("info registers", "write `.hmp info registers`");
    check("savevm foo", "write `.hmp savevm foo` (in QMP: `.help snapshot-save`)");
    check("loadvm foo", "write `.hmp loadvm foo` (in QMP: `.help snapshot-load`)");
    check("x /10i $eip", "write `.hmp x /10i $eip`");
    check("x/10i $eip", "write `.hmp x/10i $eip`");
    check("p $pc", "write `.hmp p $pc`");
    for line in ["sendkey ctrl-alt-f1", "send-key ctrl-alt-f1"] {
        let hint = "`.keys` takes keys in this form, with minuses between those pressed together";
        assert_eq!(refused_line(line).as_deref(), Some(hint), "{line}");
    }
    check("hostfwd_add tcp::2222-:22", "write `.hmp hostfwd_add tcp::2222-:22`");
    check("change ide1-cd0 /a.iso", "write `.hmp change ide1-cd0 /a.iso` (in QMP: `.help blockdev-change-medium`)");
    check(
        "drive_add 0 if=none,file=x.img,id=d",
        "write `.hmp drive_add 0 if=none,file=x.img,id=d` (in QMP: `.help blockdev-add`)",
    );
    check(
        "migrate_set_parameter max-bandwidth 1G",
        "write `.hmp migrate_set_parameter max-bandwidth 1G` (in QMP: `.help migrate-set-parameters`)",
    );
    check("qemu-io d0 \"read 0 512\"", "write `.hmp qemu-io d0 \"read 0 512\"`");
    check("human-monitor-command \"info block\"", "write `.hmp info block`");
    check("human-monitor-command command-line=info block", "write `.hmp info block`");
    check("change vnc password", "write `.hmp change vnc password` (in QMP: `.help change-vnc-password`)");
}

#[test]
fn arguments_without_names() {
    check("migrate tcp:h:1", "write `migrate uri=tcp:h:1`");
    check("migrate -d tcp:h:1", "write `migrate uri=tcp:h:1`");
    check("migrate -d \"exec:cat > /f\"", "write `migrate uri=\"exec:cat > /f\"`");
    check("migrate exec:\"cat >/f\"", "write `migrate uri=\"exec:cat >/f\"`");
    check("migrate uri=exec:\"sleep 5\"", "write `migrate uri=\"exec:sleep 5\"`");
    check("screendump filename=/a/'my file'.ppm device=v0", "write `screendump filename=\"/a/my file.ppm\" device=v0`");
    check("screendump filename=/a/it's a file", "");
    check("migrate-incoming tcp:h:1", "write `migrate-incoming uri=tcp:h:1`");
    check(
        "block_resize d0 2G",
        "write `block_resize device=d0 size=2G` (`node-name=` in place of `device=` for a node)",
    );
    check(
        "block_resize n0",
        "write `block_resize device=n0 size=SIZE` (`node-name=` in place of `device=` for a node)",
    );
    check(
        "block_resize d0 size=2G",
        "write `block_resize device=d0 size=2G` (`node-name=` in place of `device=` for a node)",
    );
    check("set_link net0 on", "write `set_link name=net0 up=on`");
    check(
        "eject -f ide1-cd0",
        "write `eject force=on device=ide1-cd0` (`id=` in place of `device=` for the id of a -device)",
    );
    check("screendump /tmp/s.ppm", "write `screendump filename=/tmp/s.ppm`");
    check("pmemsave 0 0x1000 /tmp/m", "write `pmemsave val=0 size=0x1000 filename=/tmp/m`");
    check("qom-get /machine type", "write `qom-get path=/machine property=type`");
    check("block_resize d0 2G extra", "");
    check("nosuch word", "");
    // The message itself says it.
    check("balloon 512", "");
}

#[test]
fn names_written_in_another_way() {
    check("device_del id d0", "write `device_del id=d0`");
    check("device_del id: d0", "write `device_del id=d0`");
    check("device_del id = d0", "write `device_del id=d0`");
    check("device_del id =d0", "write `device_del id=d0`");
    check("device_del --id d0", "write `device_del id=d0`");
    check("device_del --id=d0", "write `device_del id=d0`");
    check(
        "block_resize --device d0 --size 2G",
        "write `block_resize device=d0 size=2G` (`node-name=` in place of `device=` for a node)",
    );
    check(
        "block_resize device: d0, size: 2G",
        "write `block_resize device=d0 size=2G` (`node-name=` in place of `device=` for a node)",
    );
    check(
        "block_resize device d0 size 2G",
        "write `block_resize device=d0 size=2G` (`node-name=` in place of `device=` for a node)",
    );
    check("blockdev-add driver = null-co node-name = n0", "write `blockdev-add driver=null-co node-name=n0`");
    check(
        "block_resize device:d0 size:2G",
        "write `block_resize device=d0 size=2G` (`node-name=` in place of `device=` for a node)",
    );
    check("block_resize -node-name n0 -size 2G", "write `block_resize node-name=n0 size=2G`");
    check("block_resize node-name=n0 2G", "write `block_resize node-name=n0 size=2G`");
    check("block_resize node-name=n0 size=2 G", "");
    check("block_resize node-name=[n0", "");
    check("nosuch a: 1", "write `nosuch a=1`");
    check("block-job-cancel --device b1 --force", "write `block-job-cancel device=b1 force=on`");
    check(
        "block_resize {\"device\": \"d0\", \"size\": 1024}",
        "write `{\"execute\": \"block_resize\", \"arguments\": {\"device\": \"d0\", \"size\": 1024}}`",
    );
}

#[test]
fn lists_with_commas() {
    check(
        "device_add virtio-blk-pci,drive=x,id=y",
        "blanks separate arguments: write `device_add driver=virtio-blk-pci drive=x id=y`",
    );
    check(
        "device_add virtio-blk-pci, drive=x, id=y",
        "blanks separate arguments: write `device_add driver=virtio-blk-pci drive=x id=y`",
    );
    check("device_add usb-tablet", "each argument has a name: write `device_add driver=usb-tablet`");
    check(
        "device_add e1000 netdev=n0 id=x",
        "each argument has a name: write `device_add driver=e1000 netdev=n0 id=x`",
    );
    check("-device e1000,netdev=n0", "blanks separate arguments: write `device_add driver=e1000 netdev=n0`");
    check("--device 'e1000,netdev=n0'", "blanks separate arguments: write `device_add driver=e1000 netdev=n0`");
    check(
        "netdev_add user,id=n0,hostfwd=tcp::2222-:22,hostfwd=tcp::80-:80",
        "blanks separate arguments: write `netdev_add type=user id=n0 hostfwd.0.str=tcp::2222-:22 hostfwd.1.str=tcp::80-:80`",
    );
    check(
        "-netdev tap,id=n0,ifname=tap0,script=no",
        "blanks separate arguments: write `netdev_add type=tap id=n0 ifname=tap0 script=no`",
    );
    check("object_add iothread,id=i", "blanks separate arguments: write `object-add qom-type=iothread id=i`");
    check("-object iothread,id=i", "blanks separate arguments: write `object-add qom-type=iothread id=i`");
    check(
        "-blockdev driver=file,node-name=f,filename=/a,,b",
        "blanks separate arguments: write `blockdev-add driver=file node-name=f filename=/a,b`",
    );
    check(
        "device_add driver=\"e1000\",id='x' netdev=n0",
        "blanks separate arguments: write `device_add driver=e1000 id=x netdev=n0`",
    );
    // The human monitor makes an object for its list, and some types end QEMU then.
    check("device_add help", "write `.help device_add`");
    check("device_add virtio-gpu-gl-pci,help", "write `.help device_add`");
    check("-device ?", "write `.help device_add`");
    check("chardev-add pty,id=c", "write `.hmp chardev-add pty,id=c`");
    check("-chardev socket,id=c,path=/s,server=on", "write `.hmp chardev-add socket,id=c,path=/s,server=on`");
}

#[test]
fn marks_of_the_systems_shell() {
    let only = |line: &str, written: &str| check(line, &format!("one command a line: write {written}"));
    only("system_powerdown;", "`system_powerdown`");
    only("query-status ;", "`query-status`");
    only("quit;", "`quit`; `quit` ends QEMU, `.quit` leaves qmpsh");
    only("stop; cont", "`stop`, then `cont`");
    only("stop;cont", "`stop`, then `cont`");
    only("device_del d0; cont", "`device_del d0`, then `cont`");
    only("query-status && cont", "`query-status`, then `cont` (a batch stops at the first that fails)");
    only("query-status&&cont", "`query-status`, then `cont` (a batch stops at the first that fails)");
    only(
        "query-status || cont",
        "`query-status`, then `cont` (with `.try` before a command, a batch goes on after an error)",
    );
    only("query-status &", "`query-status`");
    check("query-status > f", "write `query-status | cat >f`");
    check("query-status >f", "write `query-status | cat >f`");
    check("query-status>f", "write `query-status | cat >f`");
    check("query-status >> /tmp/f", "write `query-status | cat >>/tmp/f`");
    check("qom-list path=/machine > f", "write `qom-list path=/machine | cat >f`");
    check("qom-list /machine > f", "write `qom-list /machine | cat >f`");
    check("query-status 2>/dev/null", "errors go to qmpsh's own stderr: write `query-status`");
    check("query-status 2>&1", "errors go to qmpsh's own stderr: write `query-status`");
    check("device_add driver=x \\", "a backslash does not continue a line: write `device_add driver=x`");
    check("query-status // as before", "a comment begins with `#`: write `query-status`");
    check("query-status -- as before", "a comment begins with `#`: write `query-status`");
    check("blockdev-add < f", "a value from a file is `KEY=@FILE`, lines from a file are `.source FILE`");
    check("info block; info status", "write `.hmp info block`, or `query-block`");
}

#[test]
fn pasted_prompts_and_programs() {
    check("(qemu) info block", "write `.hmp info block`, or `query-block`");
    check("(QEMU) query-status", "write `query-status`");
    check(
        "(web1 paused) block_resize n0 2G",
        "write `block_resize device=n0 size=2G` (`node-name=` in place of `device=` for a node)",
    );
    check("$ qmpsh /run/q.sock query-status", "write `query-status`");
    check("qmpsh /run/q.sock -c 'query-status'", "write `query-status`");
    check("virsh qemu-monitor-command web1 --hmp info block", "write `.hmp info block`");
    check("virsh qemu-monitor-command --hmp web1 'info block'", "write `.hmp info block`");
    check(
        "virsh qemu-monitor-command --pretty web1 '{\"execute\":\"query-block\"}'",
        "write `{\"execute\":\"query-block\"}`",
    );
    check("virsh qemu-monitor-command --domain web1 query-kvm", "write `query-kvm`");
    check("virsh qemu-agent-command web1 '{\"execute\":\"guest-ping\"}'", "write `{\"execute\":\"guest-ping\"}`");
    check(
        "echo '{\"execute\":\"qmp_capabilities\"}' '{\"execute\":\"query-status\"}' | socat - unix:q",
        "write `{\"execute\":\"query-status\"}`",
    );
    check("?query-status", "write `.help query-status`");
    check("man query-status", "write `.help query-status`");
    check("sudo info block", "write `.hmp info block`, or `query-block`");
}

#[test]
fn marks_around_json() {
    check("{\"execute\":\"query-status\"},", "leave out the `,` behind the message");
    check("{\"execute\":\"query-status\"};", "leave out the `;` behind the message");
    check("{\"execute\":\"a\"};{\"execute\":\"b\"}", "leave out the `;` behind the message");
    check("{\"execute\":\"a\"}, {\"execute\":\"b\"};", "leave out the `,` behind the message");
    check("[{\"execute\":\"a\"}]", "messages stand side by side or on lines of their own, not in a list");
    check("'{\"execute\":\"a\"}'", "leave out the quotes around the message");
    check("{\"return\": {}}", "this is what a monitor sends; only commands are written here");
    check("{\"QMP\": {}}", "this is what a monitor sends; only commands are written here");
    check("{\"name\": \"x\"}", "");
}

#[test]
fn a_request_that_was_refused() {
    let check = |command: &str, arguments: &str, desc: &str, expected: Option<&str>| {
        let request = Request::new(command).with_arguments_text(arguments);
        let found = refused_request(&request, "GenericError", desc);
        assert_eq!(found.as_deref(), expected, "{arguments}");
        for suggestion in suggestions(expected.unwrap_or_default()) {
            assert!(is_line(suggestion), "{suggestion}");
        }
    };
    let no_disk = "Device does not have a block device backend";
    check(
        "block_set_io_throttle",
        r#"{"id":"vd0","bps":0}"#,
        no_disk,
        Some("a virtio disk has its path here: id=/machine/peripheral/vd0/virtio-backend"),
    );
    check("eject", r#"{"id":"/machine/peripheral/nic0"}"#, no_disk, None);
    check("eject", r#"{"device":"d"}"#, no_disk, None);
    let blanks = |line: &str| format!("blanks separate arguments, without a comma: write `{line}`");
    check(
        "set_link",
        r#"{"name":"net0,","up":true}"#,
        "Device 'net0,' not found",
        Some(&blanks("set_link name=net0 up=true")),
    );
    check(
        "object-add",
        r#"{"qom-type":"iothread,id=i"}"#,
        "Parameter 'id' is missing",
        Some(&blanks("object-add qom-type=iothread id=i")),
    );
    check(
        "device_add",
        r#"{"driver":"e1000,netdev=n0,mac=52:54:00:12:34:56","id":"x"}"#,
        "'e1000,netdev=n0,mac=52:54:00:12:34:56' is not a valid device model name",
        Some(&blanks("device_add driver=e1000 netdev=n0 mac=52:54:00:12:34:56 id=x")),
    );
    // A comma may be meant.
    check("a", r#"{"x":"1,y=2"}"#, "No space left", None);
    check("a", r#"{"x":"a, b"}"#, "bad 'a, b'", None);
    let refused = |command: &str| refused_request(&Request::new(command), "CommandNotFound", "");
    assert_eq!(
        refused("savevm").unwrap(),
        "`savevm` is a command of the human monitor: write `.hmp savevm` (in QMP: `.help snapshot-save`)"
    );
    assert_eq!(refused("c").unwrap(), "`c` is a command of the human monitor: write `.hmp c`, or `cont`");
    assert_eq!(refused("q").unwrap(), "`.quit` leaves qmpsh, `quit` ends QEMU");
    assert_eq!(refused("query-stats"), None);
}

#[test]
fn commands_without_their_dot() {
    check("hmp info block", "built-in commands begin with a dot: write `.hmp info block`");
    check("hmp \"info block\"", "built-in commands begin with a dot: write `.hmp info block`");
    check("wait STOP", "built-in commands begin with a dot: write `.wait STOP`");
    assert_eq!(built_in("events").as_deref(), Some("built-in commands begin with a dot: write `.events`"));
    assert_eq!(built_in("query-status"), None);
}

#[test]
fn commands_as_they_are_called_in_python() {
    check("query-status()", "arguments stand in no brackets: write `query-status`");
    check("block_resize(device=d0, size=1M)", "arguments stand in no brackets: write `block_resize device=d0 size=1M`");
    check("hmp('info block')", "built-in commands begin with a dot: write `.hmp info block`");
}
