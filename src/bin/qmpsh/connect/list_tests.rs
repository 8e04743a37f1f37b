use serde_json::json as value;

use qmpsh::address::Address;

use super::*;

fn monitor(place: Place, state: State) -> Monitor {
    Monitor { language: Language::Qmp, place, wrapper: None, state }
}

fn some() -> Vec<QemuProcess> {
    let at = |path: &str| Place::At(Address::Unix(path.into()));
    let held = State::Held(Holder::Process { pid: 12, name: "qmpsh".into() });
    let process = QemuProcess {
        pid: 7,
        program: "qemu-system-x86_64".into(),
        name: Some("web1".into()),
        uid: 0,
        user: "root".into(),
        monitors: vec![monitor(at("/tmp/a b.sock"), held.clone())],
        reads_config: false,
        libvirt: false,
        access: Access::ByName,
        stopped: None,
    };
    let dials = Place::DialsOut(Address::Tcp { host: "h".into(), port: 5 });
    vec![
        process.clone(),
        QemuProcess {
            pid: 1234,
            name: Some("\u{1b}[2J".into()),
            monitors: vec![
                Monitor { language: Language::Hmp, ..monitor(Place::Other("stdio".into()), State::Unknown) },
                Monitor { wrapper: Some("TLS"), ..monitor(dials, State::NotConnected) },
            ],
            reads_config: true,
            ..process.clone()
        },
        QemuProcess { pid: 20, name: None, monitors: vec![], ..process.clone() },
        QemuProcess {
            pid: 22,
            user: "eve".into(),
            monitors: vec![monitor(at("/f"), State::Free), monitor(at("/h"), held)],
            stopped: Some(Stopped::Signal),
            ..process.clone()
        },
        QemuProcess {
            pid: 23,
            monitors: vec![monitor(at("/n"), State::NotAccepting), monitor(at("/u"), State::Unlinked)],
            ..process.clone()
        },
        QemuProcess {
            pid: 21,
            name: Some("db".into()),
            libvirt: true,
            monitors: vec![monitor(at("/m"), State::Held(Holder::Process { pid: 2, name: "virt\nd".into() }))],
            ..process
        },
    ]
}

#[test]
fn columns() {
    let expected = [
        r" PID  USER  NAME       MONITOR        STATE",
        r"   7  root  web1       /tmp/a b.sock  held by qmpsh (12)",
        r"1234  root  \u{1b}[2J  stdio          not known, HMP",
        r"1234  root  \u{1b}[2J  to h:5         dials out, no answer, TLS",
        r"1234  root  \u{1b}[2J  -              its -readconfig file may have more, which qmpsh does not read",
        r"  20  root  -          -              no monitor",
        r"  22  eve   web1       /f             stopped",
        r"  22  eve   web1       /h             held by qmpsh (12), stopped",
        r"  23  root  web1       /n             accepts no connection",
        r"  23  root  web1       /u             socket file was removed or replaced",
        r#"  21  root  db         /m             held by virt\nd (2); libvirt: virsh qemu-monitor-command db '{"execute":"query-status"}'"#,
    ];
    assert_eq!(table(&some(), None).lines().collect::<Vec<_>>(), expected);
    assert_eq!(table(&[], None), "");
}

#[test]
fn long_names_are_cut_for_a_terminal() {
    let one = |name: &str| vec![QemuProcess { name: Some(name.into()), ..some().remove(0) }];
    let check = |name: &str, terminal: Option<usize>, expected: &str| {
        let shown = table(&one(name), terminal);
        assert_eq!(shown.lines().nth(1), Some(expected), "{terminal:?}");
    };
    let name = "a-very-long-name-of-a-vm";
    let whole = "  7  root  a-very-long-name-of-a-vm  /tmp/a b.sock  held by qmpsh (12)";
    check(name, None, whole);
    check(name, Some(70), whole);
    check(name, Some(69), "  7  root  a-very-long-name-of-a-…  /tmp/a b.sock  held by qmpsh (12)");
    // What does not fit goes to the next row.
    assert_eq!(
        table(&one(name), Some(40)),
        "PID  USER  NAME              MONITOR\n     STATE\n  7  root  a-very-long-nam…  /tmp/a\n     b.sock  held by qmpsh (12)\n"
    );
}

#[test]
fn objects() {
    let expected = value!([
        {
            "pid": 7,
            "program": "qemu-system-x86_64",
            "name": "web1",
            "user": "root",
            "monitors": [{
                "address": "/tmp/a b.sock", "protocol": "qmp", "state": "held", "holder": {"pid": 12, "name": "qmpsh"},
            }],
        },
        {
            "pid": 1234,
            "program": "qemu-system-x86_64",
            "name": "\u{1b}[2J",
            "user": "root",
            "monitors": [
                {"other": "stdio", "protocol": "hmp", "state": "unknown"},
                {"dials-out": "h:5", "protocol": "qmp", "state": "not-connected", "wrapper": "tls"},
            ],
            "readconfig": true,
        },
        {"pid": 20, "program": "qemu-system-x86_64", "name": null, "user": "root", "monitors": []},
        {
            "pid": 22,
            "program": "qemu-system-x86_64",
            "name": "web1",
            "user": "eve",
            "stopped": true,
            "monitors": [
                {"address": "/f", "protocol": "qmp", "state": "stopped"},
                {"address": "/h", "protocol": "qmp", "state": "held", "holder": {"pid": 12, "name": "qmpsh"}},
            ],
        },
        {
            "pid": 23,
            "program": "qemu-system-x86_64",
            "name": "web1",
            "user": "root",
            "monitors": [
                {"address": "/n", "protocol": "qmp", "state": "not-accepting"},
                {"address": "/u", "protocol": "qmp", "state": "unlinked"},
            ],
        },
        {
            "pid": 21,
            "program": "qemu-system-x86_64",
            "name": "db",
            "user": "root",
            "monitors": [{
                "address": "/m", "protocol": "qmp", "state": "held", "holder": {"pid": 2, "name": "virt\nd"},
            }],
            "virsh": "virsh qemu-monitor-command db '{\"execute\":\"query-status\"}'",
        },
    ]);
    let shown = json(&some()).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&shown).unwrap(), expected);
    assert!(shown.starts_with(br#"[{"pid":7,"program":"#));
}

#[test]
fn an_only_free_vm_is_found() {
    let free = |pid: u32, name: &str| {
        let place = Place::At(Address::Unix("/q".into()));
        QemuProcess { pid, name: Some(name.into()), monitors: vec![monitor(place, State::Free)], ..some().remove(0) }
    };
    let tls = |process: QemuProcess| {
        let monitors = process.monitors.iter().cloned().map(|monitor| Monitor { wrapper: Some("TLS"), ..monitor });
        QemuProcess { monitors: monitors.collect(), ..process }
    };
    let check = |processes: &[QemuProcess], with_tls: bool, expected: Option<&str>| {
        let found = only_free(processes, 0, with_tls);
        let address = found.map(|found| short_address(found, processes, with_tls).to_string());
        assert_eq!(address.as_deref(), expected);
    };
    check(&[], false, None);
    check(&[free(3, "a")], false, Some("vm:a"));
    check(&[free(3, "a"), free(4, "b")], false, None);
    check(&[QemuProcess { name: None, ..free(3, "") }], false, Some("pid:3"));
    // Other processes of that name, held, stopped or without a monitor, leave only the number.
    let held = || some().remove(0);
    check(&[held(), free(3, "b")], false, Some("vm:b"));
    check(&[held(), free(3, "web1")], false, Some("pid:3"));
    check(&[QemuProcess { stopped: Some(Stopped::Signal), ..free(4, "b") }, free(3, "a")], false, Some("vm:a"));
    check(&[held()], false, None);
    // Another user's VMs do not count, and are not chosen.
    let other = || QemuProcess { uid: 7, access: Access::ByPid, ..free(4, "b") };
    check(&[other()], false, None);
    check(&[other(), free(3, "a")], false, Some("vm:a"));
    check(&[QemuProcess { access: Access::Hidden, ..free(3, "a") }], false, None);
    // What root may connect to by name is not root's own.
    check(&[QemuProcess { uid: 64055, ..free(3, "a") }], false, None);
    check(&[tls(free(3, "a")), free(4, "b")], false, Some("vm:b"));
    check(&[tls(free(3, "a")), free(4, "b")], true, Some("vm:a"));
}
