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
        monitors: vec![monitor(at("/tmp/a b.sock"), held)],
        reads_config: false,
        libvirt: false,
        hidden: false,
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
            pid: 21,
            name: Some("db".into()),
            libvirt: true,
            hidden: false,
            monitors: vec![monitor(at("/m"), State::Held(Holder::Process { pid: 2, name: "virt\nd".into() }))],
            ..process
        },
    ]
}

#[test]
fn columns() {
    let expected = [
        r" PID  NAME       MONITOR        STATE",
        r"   7  web1       /tmp/a b.sock  held by qmpsh (12)",
        r"1234  \u{1b}[2J  stdio          not known, HMP",
        r"1234  \u{1b}[2J  to h:5         dials out, nobody answers, TLS",
        r"1234  \u{1b}[2J  -              more may be in its -readconfig file, which is not read",
        r"  20  -          -              no monitor",
        r#"  21  db         /m             held by virt\nd (2); libvirt: virsh qemu-monitor-command db '{"execute":"query-status"}'"#,
    ];
    assert_eq!(table(&some()).lines().collect::<Vec<_>>(), expected);
    assert_eq!(table(&[]), "");
}

#[test]
fn objects() {
    let expected = value!([
        {
            "pid": 7,
            "program": "qemu-system-x86_64",
            "name": "web1",
            "monitors": [{
                "address": "/tmp/a b.sock", "protocol": "qmp", "state": "held", "holder": {"pid": 12, "name": "qmpsh"},
            }],
        },
        {
            "pid": 1234,
            "program": "qemu-system-x86_64",
            "name": "\u{1b}[2J",
            "monitors": [
                {"other": "stdio", "protocol": "hmp", "state": "unknown"},
                {"dials-out": "h:5", "protocol": "qmp", "state": "not-connected", "wrapper": "tls"},
            ],
            "readconfig": true,
        },
        {"pid": 20, "program": "qemu-system-x86_64", "name": null, "monitors": []},
        {
            "pid": 21,
            "program": "qemu-system-x86_64",
            "name": "db",
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
