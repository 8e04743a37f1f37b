//! Completion with Tab, on a real QEMU.

use super::{at_prompt, is_at_prompt, shell};
use crate::support::mock::Mock;
use crate::support::terminal::{Screen, Terminal, keys};
use crate::support::{DEADLINE, Qemu, poll_until, qmpsh};

/// A PC with devices, an object and a node.
fn machine() -> Qemu {
    Qemu::q35()
        .args(["-netdev", "user,id=net0", "-device", "e1000,netdev=net0,id=nic0"])
        .args(["-device", "virtio-scsi-pci,id=scsi0", "-object", "iothread,id=io0"])
        .args(["-blockdev", "driver=null-co,node-name=disk0"])
        .start()
}

/// Waits for the schema: its first sign is that a command's arguments are hinted at, with the next key.
#[track_caller]
pub(super) fn learned(t: &mut Terminal) {
    learned_by(t, "block_resize ", "size=integer [device=string] [node-name=string]");
}

#[track_caller]
fn learned_by(t: &mut Terminal, line: &str, hint: &str) {
    t.type_keys(line);
    let hinted = poll_until(DEADLINE, || {
        let screen = t.wait(|screen| typed(screen) == line);
        if screen.line().ends_with(&format!("{line}{hint}")) {
            return Some(());
        }
        t.type_keys("x");
        t.wait(|screen| typed(screen) == format!("{line}x"));
        t.type_keys(keys::BACKSPACE);
        None
    });
    assert!(hinted.is_some(), "no hint after {line:?}\n{t}");
    t.type_keys("\x15");
    t.wait(is_at_prompt);
}

/// The text that was typed last, without the hint behind it: what stands between the prompt and the cursor, in all rows.
pub(super) fn typed(screen: &Screen) -> String {
    let (row, column) = screen.cursor();
    let mut rows: Vec<String> = (0..=row).map(|row| screen.row(row)).collect();
    let last = rows.pop().unwrap_or_default();
    let start = rows.iter().rposition(|row| row.starts_with("(QEMU)")).unwrap_or(rows.len());
    let last: String = format!("{last:80}").chars().take(column.into()).collect();
    let rows = if last.starts_with("(QEMU)") { String::new() } else { rows[start..].concat() };
    (rows + &last).trim_start_matches("(QEMU) ").to_owned()
}

/// Types `line`, Tab and a mark, and looks at what there is then; again if QEMU was too slow for a person to wait.
#[track_caller]
pub(super) fn tab_until(t: &mut Terminal, line: &str, mut as_expected: impl FnMut(&Screen, &str) -> bool) {
    const MARK: &str = "~";
    let found = poll_until(DEADLINE, || {
        t.type_keys(&format!("\x0c{line}\t{MARK}"));
        let screen = t.wait(|screen| typed(screen).ends_with(MARK));
        let found = as_expected(&screen, typed(&screen).trim_end_matches(MARK));
        t.type_keys("\x15");
        t.wait(is_at_prompt);
        found.then_some(())
    });
    assert!(found.is_some(), "Tab behind {line:?}\n{t}");
}

/// Tab makes `expected` of `line`.
#[track_caller]
pub(super) fn becomes(t: &mut Terminal, line: &str, expected: &str) {
    tab_until(t, line, |_, typed| typed == expected);
}

/// Tab lists these above the line, among others, and leaves the line as it is.
#[track_caller]
fn offers(t: &mut Terminal, line: &str, expected: &[&str]) {
    tab_until(t, line, |screen, typed| {
        let text = screen.text();
        let list: Vec<&str> = text.lines().take_while(|row| !row.starts_with("(QEMU)")).collect();
        let is_there = |name: &&str| list.iter().any(|row| row.split_whitespace().any(|word| word == *name));
        expected.iter().all(is_there) && typed == line
    });
}

#[test]
fn completion_offers_what_the_schema_has() {
    let qemu = machine();
    let mut t = shell(&qemu.socket());
    learned(&mut t);
    becomes(&mut t, "object-add qom-type=iothr", "object-add qom-type=iothread ");
    becomes(&mut t, "query-blockst", "query-blockstats ");
    becomes(&mut t, "device-a", "device_add ");
    becomes(&mut t, "transaction( blockdev-snapshot-i", "transaction( blockdev-snapshot-internal-sync ");
    becomes(&mut t, "block_resize si", "block_resize size=");
    becomes(&mut t, ".stat", ".status");
    becomes(&mut t, ".help block_res", ".help block_resize");
    becomes(&mut t, ".help built", ".help built-in ");
    offers(&mut t, "blockdev-add driver=qcow2 file.", &["driver=", "node-name=", "read-only="]);
    offers(&mut t, "blockdev-add driver=qcow2 file.driver=file file.", &["filename=", "aio=", "locking="]);
    offers(&mut t, "blockdev-add driver=qcow2 ", &["file=", "file.", "lazy-refcounts=", "encrypt."]);
    offers(&mut t, "netdev_add type=user id=n1 ", &["hostfwd.", "restrict="]);
}

#[test]
fn completion_offers_existing_objects() {
    let qemu = machine();
    let mut t = shell(&qemu.socket());
    learned(&mut t);
    offers(&mut t, "device_del id=", &["nic0", "e1000", "scsi0"]);
    becomes(&mut t, "device_del id=n", "device_del id=nic0 ");
    becomes(&mut t, "qom-list path=/machine/peri", "qom-list path=/machine/peripheral");
    becomes(&mut t, "qom-list path=/machine/peripheral/n", "qom-list path=/machine/peripheral/nic0");
    becomes(
        &mut t,
        "qom-get path=/machine/peripheral/nic0 property=ma",
        "qom-get path=/machine/peripheral/nic0 property=mac ",
    );
    becomes(&mut t, "object-del id=i", "object-del id=io0 ");
    becomes(&mut t, "block_resize node-name=", "block_resize node-name=disk0 ");
    becomes(&mut t, "netdev_del id=", "netdev_del id=net0 ");
    becomes(&mut t, "chardev-remove id=", "chardev-remove id=m0 ");
    becomes(&mut t, "device_add driver=virtio-net-pci netdev=", "device_add driver=virtio-net-pci netdev=net0 ");
    becomes(&mut t, "device_add driver=isa-debug-e", "device_add driver=isa-debug-exit ");
    becomes(&mut t, "device_add driver=e1000 migrate_t", "device_add driver=e1000 migrate_tso_props=");
    becomes(&mut t, "device_add driver=virtio-scsi-pci iothread=", "device_add driver=virtio-scsi-pci iothread=io0 ");
    becomes(
        &mut t,
        "human-monitor-command command-line=\"info netw",
        "human-monitor-command command-line=\"info network\"",
    );
    // What a command changes is there at once.
    t.type_keys("object-add qom-type=iothread id=other\r");
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
    offers(&mut t, "object-del id=", &["io0", "other"]);
    t.type_keys("block-dirty-bitmap-add node=disk0 name=bitmap0\r");
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
    becomes(&mut t, "block-dirty-bitmap-remove node=disk0 name=", "block-dirty-bitmap-remove node=disk0 name=bitmap0 ");
    becomes(&mut t, "block-dirty-bitmap-clear name=", "block-dirty-bitmap-clear name=bitmap0 ");
}

#[test]
fn completion_offers_what_fits_the_place() {
    let qemu = Qemu::q35()
        .args([
            "-smp",
            "1,maxcpus=3",
            "-cpu",
            "qemu64",
            "-netdev",
            "user,id=net0",
            "-device",
            "e1000,netdev=net0,id=nic0",
        ])
        .args(["-netdev", "user,id=net1", "-device", "pcie-root-port,id=port0", "-device", "virtio-scsi-pci,id=scsi0"])
        .start();
    let mut t = shell(&qemu.socket());
    learned(&mut t);
    becomes(&mut t, ".events -JOB_S", ".events -JOB_STATUS_CHANGE");
    offers(&mut t, ".follow -BLOCK_", &["BLOCK_IO_ERROR", "BLOCK_JOB_READY"]);
    becomes(&mut t, ".wait clo", ".wait closed");
    becomes(&mut t, ".oob ya", ".oob yank ");
    becomes(&mut t, ".oob query-s", ".oob query-s");
    becomes(&mut t, "query-stats target=vc", "query-stats target=vcpu ");
    offers(&mut t, "set_link name=n", &["net0", "net1", "nic0"]);
    becomes(&mut t, "set_link name=s", "set_link name=s");
    offers(&mut t, "device_add driver=a-type-of-tomorrow bus=", &["pcie.0", "port0", "scsi0.0", "ide.1"]);
    // Its two buses begin alike.
    offers(&mut t, "device_add driver=e1000 bus=p", &["pcie.0", "port0", "hot-plug:"]);
    becomes(&mut t, "device_add driver=scsi-hd bus=", "device_add driver=scsi-hd bus=scsi0.0 ");
    // The CPU that the machine takes, the backend of a type that the VM does not have.
    becomes(&mut t, "device_add driver=qemu64-", "device_add driver=qemu64-x86_64-cpu ");
    becomes(&mut t, "device_add driver=virtio-net-pci net", "device_add driver=virtio-net-pci netdev=");
    becomes(&mut t, "device_add driver=e1000 bus=po", "device_add driver=e1000 bus=port0 ");
    becomes(&mut t, "trace-event-set-state name=module_load_m", "trace-event-set-state name=module_load_module ");
    becomes(&mut t, "send-key keys.0.data=sysr", "send-key keys.0.data=sysrq ");
    becomes(&mut t, "query-stats vcpus.0=", "query-stats vcpus.0=/machine/unattached/device[0] ");
    becomes(&mut t, "device_add driver=qemu64-x86_64-cpu core-i", "device_add driver=qemu64-x86_64-cpu core-id=");
    offers(&mut t, "device_add driver=qemu64-x86_64-cpu core-id=", &["1", "2"]);
    becomes(&mut t, "blockdev-add driver=qcow2 file.filen", "blockdev-add driver=qcow2 file.filename=");
    becomes(&mut t, "screendump filename=", "screendump filename=/");
    becomes(&mut t, "screendump filename=/etc/hostn", "screendump filename=/etc/hostname ");
    becomes(&mut t, r#"{"execute": "query-sta"#, r#"{"execute": "query-stat"#);
    becomes(
        &mut t,
        r#"{"execute": "device_del", "arguments": {"id": "ni"#,
        r#"{"execute": "device_del", "arguments": {"id": "nic0""#,
    );
    t.type_keys("\x0cqom-list /machine/unattached/device[\t~");
    let screen = t.wait(|screen| {
        typed(screen) == "qom-list /machine/unattached/device[~" && screen.text().contains("device[10]")
    });
    // Names go down the columns.
    let text = screen.text();
    let place = |name: &str| text.lines().enumerate().find_map(|(row, line)| Some((line.find(name)?, row)));
    assert!(place("device[9]") < place("device[10]"), "{t}");
}

/// What QEMU opens behind another connection may be on another machine.
#[test]
fn completion_offers_files_of_the_peer_only_on_this_machine() {
    let qemu = Qemu::none().start();
    let command = format!("exec:socat - UNIX:{}", qemu.socket().display());
    let mut t = at_prompt(qmpsh().arg(command));
    learned(&mut t);
    becomes(&mut t, "screendump filename=", "screendump filename=");
    becomes(&mut t, "screendump filename=/etc/passw", "screendump filename=/etc/passw");
}

/// A network file system that does not answer would hold the VM.
#[test]
fn completion_of_nodes_does_not_open_image_files() {
    let qemu = Qemu::q35()
        .args(["-blockdev", "driver=null-co,node-name=disk0,read-zeroes=on"])
        .args(["-drive", "if=none,id=drive0,driver=null-co,read-zeroes=on"])
        .args(["-device", "virtio-blk-pci,drive=drive0", "-drive", "if=none,id=empty0"])
        .start();
    let program = qmpsh().arg(qemu.socket()).args(["-l", "wire.log"]);
    let log = program.home().join("wire.log");
    let mut t = at_prompt(program);
    learned(&mut t);
    becomes(&mut t, "blockdev-del node-name=d", "blockdev-del node-name=disk0 ");
    becomes(&mut t, "eject device=d", "eject device=drive0 ");
    becomes(&mut t, "eject device=e", "eject device=empty0 ");
    // The id of a virtio disk would be refused.
    becomes(&mut t, "eject id=", "eject id=/machine/peripheral-anon/device[0]/virtio-backend ");
    offers(&mut t, "block_resize device=", &["disk0", "drive0", "empty0"]);
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    let log = std::fs::read_to_string(log).unwrap();
    for (command, is_sent) in [
        ("x-debug-query-block-graph", true),
        ("query-blockstats", true),
        ("query-block", false),
        ("query-named-block-nodes", false),
    ] {
        assert_eq!(log.contains(&format!(r#""execute":"{command}""#)), is_sent, "{command}");
    }
}

#[test]
fn a_peer_without_the_block_graph_is_asked_for_its_nodes() {
    let mock = Mock::interactive().negotiate()
        .expect_execute("query-qmp-schema")
        .reply(r#"[{"name":"blockdev-del","meta-type":"command","arg-type":"0"},{"name":"0","meta-type":"object","members":[{"name":"node-name","type":"s"}]},{"name":"s","meta-type":"builtin","json-type":"string"}]"#)
        .expect_execute("x-debug-query-block-graph")
        .error("CommandNotFound", "The command x-debug-query-block-graph has not been found")
        .expect_execute("query-named-block-nodes")
        .reply(r#"[{"node-name":"disk0","drv":"raw","file":"a"}]"#)
        .unix();
    let mut t = shell(mock.socket());
    learned_by(&mut t, "blockdev-del node-name=", "string");
    becomes(&mut t, "blockdev-del node-name=", "blockdev-del node-name=disk0 ");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}

#[test]
fn completion_works_on_a_wrapped_line() {
    let qemu = machine();
    let mut t = shell(&qemu.socket());
    learned(&mut t);
    let long = format!("x={} ", "1234567890".repeat(8));
    becomes(&mut t, &format!("object-add {long}qom-type=iothr"), &format!("object-add {long}qom-type=iothread "));
    becomes(&mut t, &format!("device_del {long}id=n"), &format!("device_del {long}id=nic0 "));
    becomes(&mut t, &format!("qom-list {long}path=/machine/peri"), &format!("qom-list {long}path=/machine/peripheral"));
    // No row of the list is lost, and the line is whole below it.
    offers(&mut t, &format!("blockdev-add {long}driver=qcow2 file."), &["driver=", "node-name=", "detect-zeroes="]);
    offers(&mut t, &format!("device_del {long}{long}id="), &["nic0", "scsi0"]);
}

#[test]
fn many_candidates_are_shown_in_part_and_then_all() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    learned(&mut t);
    t.type_keys("query-\t");
    t.wait(|screen| screen.text().contains(" more (Tab shows all)") && typed(screen) == "query-");
    t.type_keys("\t");
    t.wait(|screen| {
        !screen.text().contains("more (Tab shows all)") && screen.text().contains("query-vm-generation-id")
    });
    t.type_keys("stat\t");
    t.wait(|screen| typed(screen) == "query-stat");
    t.type_keys("\x15\x04");
    assert_eq!(t.wait_exit(), 0);
}

#[test]
fn completion_offers_local_files() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket());
    std::fs::create_dir(program.home().join("a dir")).unwrap();
    std::fs::write(program.home().join("a dir/key.b64"), "x").unwrap();
    let mut t = at_prompt(program);
    learned(&mut t);
    becomes(&mut t, "object-add qom-type=secret id=s data=@a", "object-add qom-type=secret id=s data=@\"a dir/\"");
    becomes(
        &mut t,
        "object-add qom-type=secret data=@\"a dir/k",
        "object-add qom-type=secret data=@\"a dir/key.b64\" ",
    );
}

#[test]
fn a_silent_peer_does_not_block_completion() {
    let mock = Mock::interactive().negotiate()
        .expect_execute("query-qmp-schema")
        .reply(r#"[{"name":"device_del","meta-type":"command","arg-type":"0"},{"name":"0","meta-type":"object","members":[{"name":"id","type":"s"}]},{"name":"s","meta-type":"builtin","json-type":"string"}]"#)
        .expect_execute("qom-list")
        .pause()
        .reply(r#"[{"name":"late0","type":"child<x>"},{"name":"other","type":"child<x>"}]"#)
        .expect_execute("stop")
        .reply("{}")
        .unix();
    let mut t = shell(mock.socket());
    learned_by(&mut t, "device_del id=", "string");
    t.type_keys("device_del id=\t");
    mock.wait_for_pause();
    // Keys are taken again, whatever becomes of the question.
    t.type_keys("o");
    t.wait(|screen| typed(screen) == "device_del id=o");
    mock.go_on();
    // The late answer serves the next Tab.
    let found = poll_until(DEADLINE, || {
        t.type_keys(keys::TAB);
        (typed(&t.screen()) == "device_del id=other ").then_some(())
    });
    assert!(found.is_some(), "{t}");
    t.type_keys("\x15stop\r");
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}

#[test]
fn a_line_waits_for_the_schema_that_is_being_read() {
    let mock = Mock::interactive().negotiate()
        .expect_execute("query-qmp-schema")
        .pause()
        .reply(r#"[{"name":"set","meta-type":"command","arg-type":"0"},{"name":"0","meta-type":"object","members":[{"name":"x","type":"s"}]},{"name":"s","meta-type":"builtin","json-type":"string"}]"#)
        .expect_execute("set")
        .reply("{}")
        .unix();
    let mut t = shell(mock.socket());
    mock.wait_for_pause();
    t.type_keys("set x=0123\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) set x=0123") && screen.cursor().1 == 0);
    mock.go_on();
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    let asked: Vec<String> = mock.finish().documents;
    assert!(asked.last().is_some_and(|last| last.contains(r#"{"x":"0123"}"#)), "{asked:?}");
}

#[test]
fn a_dumb_terminal_sends_only_the_queries_of_the_prompt() {
    let mock = Mock::interactive().negotiate().expect(r#"{"execute":"stop"}"#).reply("{}").unix();
    let mut t = at_prompt(qmpsh().env("TERM", "dumb").arg(mock.socket()));
    t.type_keys("stop\r");
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    let seen = mock.finish();
    assert_eq!(seen.documents.len(), 2, "{:?}", seen.documents);
    let of_prompt = |query: &String| ["query-status", "query-name"].contains(&query.as_str());
    assert!(seen.answered.iter().all(of_prompt), "{:?}", seen.answered);
}

#[test]
fn hints_and_colors_follow_the_line() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    learned(&mut t);
    let (gray, red) = (Some(vt100::Color::Idx(8)), Some(vt100::Color::Idx(1)));
    t.type_keys("block_resize node-name=n ");
    let screen = t.wait(|screen| screen.line().ends_with("node-name=n size=integer [device=string]"));
    assert_eq!(screen.color_of("size=integer"), gray, "{t}");
    t.type_keys("siez=1");
    t.wait(|screen| screen.color_of("siez") == red);
    t.type_keys(&keys::BACKSPACE.repeat(6));
    t.type_keys("size=1");
    t.wait(|screen| screen.line().ends_with("size=1 [device=string]") && screen.color_of("size=1") != red);
    // What Enter leaves is what was typed.
    t.type_keys(keys::ENTER);
    t.wait(|screen| screen.text().contains("block_resize node-name=n size=1\n") && is_at_prompt(screen));
    // What goes on says so, where nothing else would.
    t.type_keys("transaction(\r");
    let screen = t.wait(|screen| screen.line() == "ACTION KEY=VALUE… or )");
    assert_eq!((screen.color_of("ACTION"), screen.cursor().1), (gray, 0), "{t}");
    t.type_keys(keys::CTRL_C);
    t.wait(is_at_prompt);
    // A hint ends where its row does.
    t.type_keys("object-add qom-type=iothread ");
    t.wait(|screen| screen.line().ends_with('…') && typed(screen) == "object-add qom-type=iothread ");
    t.type_keys("\x15");
    t.wait(is_at_prompt);
    // A long line is plain.
    t.type_keys(&format!("\x1b[200~block_resize x={} siez=1\x1b[201~ ", "y".repeat(5000)));
    t.wait(|screen| screen.line().ends_with(" siez=1") && screen.color_of("siez") != red);
    assert!(!t.screen().text().contains("size=integer"), "{t}");
}

#[test]
fn without_color_hints_are_dim_or_in_quotes() {
    let qemu = Qemu::none().start();
    for (program, hint) in [
        (qmpsh().env("NO_COLOR", "1"), "size=integer [device=string] [node-name=string]"),
        (qmpsh().args(["--color", "never"]), "size=integer [device=string] [node-name=string]"),
        (qmpsh().env("NO_COLOR", "1").env("TERM", "vt100"), "‹size=integer [device=string] [node-name=string]›"),
    ] {
        let mut t = at_prompt(program.arg(qemu.socket()));
        learned_by(&mut t, "block_resize ", hint);
        t.type_keys("block_resize ");
        t.wait(|screen| screen.line() == format!("(QEMU) block_resize {hint}"));
        t.type_keys(keys::TAB);
        t.wait(|screen| screen.text().contains("size=       integer"));
        // Enter leaves what was typed.
        t.type_keys("x=1\r");
        t.wait(|screen| screen.text().contains("(QEMU) block_resize x=1\n") && is_at_prompt(screen));
        t.type_keys("\x04");
        assert_eq!(t.wait_exit(), 0);
        let raw = String::from_utf8(t.raw()).unwrap();
        assert!(!raw.contains("\x1b[90m") && raw.contains("\x1b[2m") != hint.starts_with('‹'), "{t}");
    }
}

#[test]
fn keys_at_the_end_of_the_line_take_the_next_argument_of_the_hint() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    learned(&mut t);
    for key in [keys::RIGHT, keys::END, keys::CTRL_F] {
        t.type_keys(&format!("block_resize{key}"));
        t.wait(|screen| typed(screen) == "block_resize size=");
        // The type of a value is not text to take.
        t.type_keys(&format!("{key}1G{key}"));
        t.wait(|screen| typed(screen) == "block_resize size=1G device=");
        t.type_keys(&format!("d0 no{key}"));
        t.wait(|screen| typed(screen) == "block_resize size=1G device=d0 node-name=");
        t.type_keys("\x15");
        t.wait(is_at_prompt);
    }
    // Elsewhere they move the cursor.
    t.type_keys(&format!("block_resize {}{}s", keys::LEFT.repeat(2), keys::RIGHT));
    t.wait(|screen| screen.line() == "(QEMU) block_resizes");
}

#[test]
fn a_list_is_not_shown_twice() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    learned(&mut t);
    let lists = |screen: &Screen| screen.text().matches("size=       integer").count();
    t.type_keys("block_resize \t\t\t~");
    let screen = t.wait(|screen| typed(screen) == "block_resize ~");
    assert_eq!(lists(&screen), 1, "{t}");
    // After another key, or on a clear screen, it is.
    t.type_keys(&format!("{}\t~", keys::BACKSPACE));
    t.wait(|screen| typed(screen) == "block_resize ~" && lists(screen) == 2);
    t.type_keys(&format!("{}\x0c\t\x0c\t#", keys::BACKSPACE));
    let screen = t.wait(|screen| typed(screen) == "block_resize #");
    assert_eq!(lists(&screen), 1, "{t}");
}

#[test]
fn help_on_the_command_being_typed_is_shown_above_the_line() {
    let qemu = Qemu::none().start();
    let mut t = qmpsh().arg(qemu.socket()).terminal_of(15, 80);
    t.wait(is_at_prompt);
    learned(&mut t);
    for key in [keys::F1, keys::ALT_H] {
        t.type_keys(&format!("\x0cblockdev-add driver=raw{}{key}", keys::LEFT.repeat(3)));
        let is_shown = |screen: &Screen| {
            screen.text().contains("\nblockdev-add (command)")
                && screen.line().starts_with("(QEMU) blockdev-add driver=raw")
        };
        let screen = t.wait(is_shown);
        assert!(screen.text().contains("more lines (.help blockdev-add shows all)"), "{t}");
        assert_eq!(typed(&screen), "blockdev-add driver=", "{t}");
        t.type_keys("\x05\x15");
        t.wait(is_at_prompt);
    }
    t.type_keys(&format!("\x0cblockdev-ad x=1{}", keys::F1));
    t.wait(|screen| {
        screen.text().contains("blockdev-add            Creates a new block device\n")
            && screen.line() == "(QEMU) blockdev-ad x=1"
    });
    t.type_keys(&format!("\x15\x0c.wait X{}", keys::F1));
    t.wait(|screen| screen.text().contains("\n.wait [timeout=S]") && screen.line() == "(QEMU) .wait X");
    t.type_keys(&format!("\x15\x0c{}", keys::F1));
    t.wait(|screen| screen.text().contains("more lines (.help shows all)") && is_at_prompt(screen));
}
