//! Commands and arguments that QEMU refuses, and what the shell says to do instead.

use crate::support::version::version;
use crate::support::{Qemu, qmpsh};

/// The hints below each refusal of `lines`, in order.
fn hints(qemu: &Qemu, lines: &[&str]) -> Vec<Vec<String>> {
    let output = qmpsh().arg(qemu.socket()).arg("-k").stdin(lines.join("\n")).run();
    let mut hints = Vec::new();
    for line in output.stderr_text().lines() {
        match line.strip_prefix("  hint: ") {
            Some(hint) => hints.last_mut().map(|hints: &mut Vec<String>| hints.push(hint.to_owned())).unwrap(),
            None => hints.push(Vec::new()),
        }
    }
    assert_eq!(hints.len(), lines.len(), "{output}");
    hints
}

#[track_caller]
fn check(qemu: &Qemu, rows: &[(&str, &[&str])]) {
    let lines: Vec<_> = rows.iter().map(|(line, _)| *line).collect();
    for ((line, expected), found) in rows.iter().zip(hints(qemu, &lines)) {
        assert_eq!(found, *expected, "{line}");
    }
}

/// Every command of the table: a peer that has one of them does not refuse it, so 11.1 shows that all are gone and that their
/// successors are there.
#[test]
fn a_removed_command_names_its_successor() {
    let gone =
        |name: &str, version: &str, rest: &str| (name.to_owned(), format!("`{name}` was removed {version}{rest}"));
    let one = |name: &str, version: &str, successor: &str| {
        gone(name, &format!("in QEMU {version}"), &format!("; use `{successor}`"))
    };
    let mut rows = vec![
        gone(
            "block_passwd",
            "in QEMU 6.0",
            "; use `object-add qom-type=secret id=ID file=PATH`; the image then takes `encrypt.key-secret=ID` in blockdev-add",
        ),
        gone("change", "in QEMU 6.0", "; use `blockdev-change-medium`, `change-vnc-password` or `display-update`"),
        gone("cpu-add", "in QEMU 5.2", "; use `device_add`; query-hotpluggable-cpus lists its arguments"),
        one("migrate-set-cache-size", "6.0", "migrate-set-parameters xbzrle-cache-size=BYTES"),
        gone(
            "migrate_set_downtime",
            "in QEMU 6.0",
            "; use `migrate-set-parameters downtime-limit=MILLISECONDS`; the old one took seconds",
        ),
        one("migrate_set_speed", "6.0", "migrate-set-parameters max-bandwidth=BYTES"),
        one("query-cpus", "6.0", "query-cpus-fast"),
        one("query-events", "6.0", "query-qmp-schema"),
        one("query-migrate-cache-size", "6.0", "query-migrate-parameters"),
        one("x-block-dirty-bitmap-disable", "4.0", "block-dirty-bitmap-disable"),
        one("x-block-dirty-bitmap-enable", "4.0", "block-dirty-bitmap-enable"),
        one("x-block-dirty-bitmap-merge", "4.0", "block-dirty-bitmap-merge"),
        one("x-block-latency-histogram-set", "4.0", "block-latency-histogram-set"),
        one("x-blockdev-create", "3.0", "blockdev-create"),
        one("x-blockdev-del", "2.9", "blockdev-del"),
        one("x-blockdev-insert-medium", "2.12", "blockdev-insert-medium"),
        one("x-blockdev-remove-medium", "2.12", "blockdev-remove-medium"),
        one("x-blockdev-reopen", "6.1", "blockdev-reopen"),
        one("x-input-send-event", "2.6", "input-send-event"),
    ];
    if version() >= (10, 0) {
        for name in ["x-query-profile", "x-query-rdma"] {
            let version = if name == "x-query-rdma" { "in QEMU 9.1" } else { "in QEMU 8.1" };
            rows.push(gone(name, version, "; nothing takes its place"));
        }
    }
    if version() >= (11, 0) {
        rows.push(gone("query-migrationthreads", "in QEMU 11.0", "; nothing takes its place"));
        rows.push(gone("x-query-opcount", "after QEMU 10.0", "; nothing takes its place"));
    }
    let qemu = Qemu::none().start();
    let lines: Vec<_> = rows.iter().map(|(name, _)| name.as_str()).collect();
    for ((name, expected), found) in rows.iter().zip(hints(&qemu, &lines)) {
        assert_eq!(found, [expected.as_str()], "{name}");
    }
    // Scripts that broke when QEMU was upgraded: Ganeti and Kata Containers (query-cpus), libvfio-user and Avocado (migrate_set_speed),
    // with the arguments they gave.
    check(
        &qemu,
        &[
            (
                r#"{"execute":"migrate_set_speed","arguments":{"value":33554432}}"#,
                &["`migrate_set_speed` was removed in QEMU 6.0; use `migrate-set-parameters max-bandwidth=BYTES`"],
            ),
            (
                "migrate-set-speed value=1G",
                &["`migrate-set-speed` was removed in QEMU 6.0; use `migrate-set-parameters max-bandwidth=BYTES`"],
            ),
            (
                "cpu_add id=1",
                &["`cpu_add` was removed in QEMU 5.2; use `device_add`; query-hotpluggable-cpus lists its arguments"],
            ),
        ],
    );
    // A storage daemon has no successor of most.
    let daemon = Qemu::storage_daemon().start();
    check(
        &daemon,
        &[
            ("query-cpus", &["`query-cpus` was removed in QEMU 6.0"]),
            ("x-blockdev-reopen", &["`x-blockdev-reopen` was removed in QEMU 6.1; use `blockdev-reopen`"]),
        ],
    );
}

#[test]
fn a_removed_argument_value_or_device_says_what_to_do() {
    let qemu = Qemu::none().start();
    check(
        &qemu,
        &[
            ("device_add driver=scsi-disk id=d", &["`scsi-disk` was removed in QEMU 6.0; use `scsi-hd` or `scsi-cd`"]),
            (
                "device_add driver=ivshmem",
                &["`ivshmem` was removed in QEMU 4.0; use `ivshmem-plain` or `ivshmem-doorbell`"],
            ),
            (
                "blockdev-add driver=sheepdog node-name=n vdi=x",
                &["`driver`: `sheepdog` was removed in QEMU 6.0; nothing takes its place"],
            ),
            ("blockdev-add driver=null-co id=d0 node-name=n", &["`id` was removed in QEMU 2.9; use `node-name`"]),
        ],
    );
    if version() < (10, 2) {
        return;
    }
    check(
        &qemu,
        &[
            ("object-add qom-type=secret id=s data=x loaded=on", &["`loaded` was removed in QEMU 7.1; leave it out"]),
            (
                "migrate uri=tcp:h:1 blk=on",
                &["`blk` was removed in QEMU 9.1; copy disks with blockdev-mirror to an NBD server"],
            ),
            (
                "migrate-set-parameters compress-level=1",
                &["`compress-level` was removed in QEMU 9.1; use `multifd-zlib-level` or `multifd-zstd-level`"],
            ),
            (
                "migrate-set-capabilities capabilities.0.capability=compress capabilities.0.state=on",
                &[
                    "`capabilities.0.capability`: `compress` was removed in QEMU 9.1; set the parameter `multifd-compression`",
                ],
            ),
            (
                "chardev-add id=c backend.type=socket backend.data.addr.type=unix backend.data.addr.data.path=/nonexistent/x \
             backend.data.reconnect=5 backend.data.server=off",
                &[
                    "`backend.data.reconnect` was removed in QEMU 10.2; use `backend.data.reconnect-ms`, in milliseconds",
                ],
            ),
        ],
    );
}

#[test]
fn an_argument_at_the_wrong_level_is_put_right() {
    let qemu = Qemu::none().start();
    check(
        &qemu,
        &[
            (
                "nbd-server-start addr.type=inet addr.host=h addr.port=1",
                &[
                    "`addr` has no argument `host`; did you mean `addr.data.host`?",
                    "`addr` has no argument `port`; did you mean `addr.data.port`?",
                ],
            ),
            // The address of a socket, as the command line has it.
            (
                "chardev-add id=c backend.type=socket backend.data.addr.type=unix backend.data.addr.path=/x",
                &["`backend.data.addr` has no argument `path`; did you mean `backend.data.addr.data.path`?"],
            ),
            ("chardev-add id=c type=pty", &["chardev-add has no argument `type`; did you mean `backend.type`?"]),
            (
                "migrate-set-capabilities capability=events state=on",
                &[
                    "migrate-set-capabilities has no argument `capability`; did you mean `capabilities.0.capability`?",
                    "migrate-set-capabilities has no argument `state`; did you mean `capabilities.0.state`?",
                ],
            ),
            (
                "blockdev-add driver=qcow2 node-name=n filename=/x.qcow2",
                &["blockdev-add has no argument `filename`; did you mean `file.driver=file file.filename=…`?"],
            ),
            (
                "object-add qom-type=memory-backend-ram id=m props.size=1M",
                &["object-add has no argument `props`; its members moved up: size=…"],
            ),
            // Scripts for QEMU 2.8.
            (
                "blockdev-add options.driver=file options.node-name=n options.filename=/x",
                &["blockdev-add has no argument `options`; its members moved up: driver=…, node-name=…, filename=…"],
            ),
        ],
    );
}

#[test]
fn a_missing_or_wrong_value_is_shown_as_it_is_written() {
    let qemu = Qemu::none().args(["-blockdev", "driver=null-co,node-name=n0"]).start();
    let file = "`file` takes the name of a node or its options: file.driver=file file.filename=/path";
    check(
        &qemu,
        &[
            ("chardev-add id=c backend.type=pty", &["missing: `backend.data` (object; `backend.data={}` is enough)"]),
            ("chardev-add id=c backend.type=null", &["missing: `backend.data` (object; `backend.data={}` is enough)"]),
            ("chardev-add id=c backend.type=socket", &["missing: `backend.data` (object: backend.data.addr.type=…)"]),
            (
                "block-dirty-bitmap-merge node=n0 target=t bitmaps=b",
                &["`bitmaps` takes a list of (string or object): bitmaps.0=b, or bitmaps.0.node=…"],
            ),
            (
                "migrate-set-capabilities capabilities=events",
                &["`capabilities` takes a list of objects: capabilities.0.capability=… capabilities.0.state=…"],
            ),
            ("blockdev-add driver=qcow2 node-name=n file=/path", &[file]),
            // QEMU first wants a name.
            ("blockdev-add driver=qcow2 file=/path", &[file]),
            // A URL may have a password.
            (
                "blockdev-add driver=raw node-name=n file=https://u:p@h/x",
                &["`file` takes the name of a node or its options: file.driver=file file.filename=…"],
            ),
            (
                "blockdev-add driver=qcow2 node-name=n file.driver=qcow2 file.file=/path",
                &[
                    "`file.file` takes the name of a node or its options: file.file.driver=file file.file.filename=/path",
                ],
            ),
            // The format of a backing file is not to be guessed.
            (
                "blockdev-add driver=qcow2 node-name=n file=/path backing=/base.img",
                &[file, "`backing` takes the name of a node, not a path; blockdev-add makes a node of a file"],
            ),
            // As drive-backup takes it.
            (
                "blockdev-backup job-id=j device=n0 sync=full target=/backup.img",
                &["`target` takes the name of a node, not a path; blockdev-add makes a node of a file"],
            ),
        ],
    );
}

#[test]
fn a_word_that_is_a_part_of_names_finds_them() {
    let qemu = Qemu::none().start();
    let lines = ["status", "resize", "block", "powerdown", "chardev", "blockdev-del name=x", "migrate_now"];
    let found = hints(&qemu, &lines);
    assert!(found[0][0].starts_with("did you mean `query-status`? `status` is also a part of "), "{:?}", found[0]);
    assert_eq!(found[0][1..], ["built-in commands begin with a dot: write `.status`"]);
    assert_eq!(found[1], ["did you mean `block_resize`?"]);
    assert!(found[2][0].starts_with("did you mean `query-block`? `block` is also a part of "), "{:?}", found[2]);
    assert!(found[2][0].ends_with(", …"), "{:?}", found[2]);
    assert_eq!(found[3], ["did you mean `system_powerdown`?"]);
    assert!(found[4][0].starts_with("did you mean `query-chardev`? "), "{:?}", found[4]);
    assert_eq!(found[5][1..], ["blockdev-del has no argument `name`; did you mean `node-name`?"]);
    let other = hints(&qemu, &["query-memory", "query-cpu", "query-block-stats"]);
    assert_eq!(other[0], ["did you mean `query-memory-devices` or `query-memory-size-summary`?"]);
    assert!(other[1][0].contains("`query-cpu"), "{:?}", other[1]);
    assert_eq!(other[2], ["did you mean `query-blockstats`?"]);
    // What only begins like a command is not that command.
    assert!(!found[6].iter().any(|hint| hint.contains("`migrate`")), "{:?}", found[6]);
}

#[test]
fn a_long_list_is_cut_after_the_nearest() {
    let qemu = Qemu::none().start();
    let found = hints(&qemu, &["blockdev-add driver=qcow3 node-name=n", "blockdev-add node-name=n"]);
    assert!(found[0][0].contains("It is one of qcow, qcow2, ") && found[0][0].ends_with(", …"), "{:?}", found[0]);
    for hint in [&found[0][0], &found[1][0]] {
        assert!(hint.matches(", ").count() <= 11, "{hint}");
    }
}

/// What QEMU found when it ran the command, with the words of each version.
#[test]
fn a_refusal_leads_to_the_next_step() {
    let qemu = Qemu::q35().args(["-object", "memory-backend-ram,id=m0,size=1M"]).start();
    check(
        &qemu,
        &[
            ("device_add driver=virtio-blkpci", &["did you mean `virtio-blk-pci`?"]),
            ("device_add driver=scsi-hd", &["it needs a controller, such as virtio-scsi-pci"]),
            ("device_add driver=usb-tablet", &["it needs a controller, such as qemu-xhci"]),
            ("device_add driver=virtserialport", &["it needs a controller, such as virtio-serial-pci"]),
            ("device_add driver=pc-dimm memdev=m0", &["QEMU must have been started with -m SIZE,slots=N,maxmem=SIZE"]),
            ("device_del id=zz", &["`.show qom /machine/peripheral` shows the devices that have an id"]),
            ("set_link name=zz up=off", &["`.show net` lists them"]),
            ("eject device=zz", &["id= takes the id of a device, device= a drive of -drive"]),
            (
                "set_password protocol=vnc password=x",
                &["QEMU takes a VNC password only if it was started with -vnc ADDRESS,password=on"],
            ),
            ("balloon value=128M", &["the guest needs a device virtio-balloon-pci and its driver"]),
            ("chardev-remove id=zz", &["`.show chardevs` lists them"]),
            ("object-del id=zz", &["`.show qom /objects` lists them"]),
            (
                "blockdev-add driver=qcow2 node-name=n file.driver=file file.filename=/etc/passwd",
                &["`qemu-img info FILE` tells its format"],
            ),
            ("query-cpu-model-expansion type=full model.name=zz", &["query-cpu-definitions lists them"]),
            ("trace-event-set-state name=zz enable=on", &["`trace-event-get-state name=*` lists them"]),
            (".oob query-status", &["few commands run out of band: at the prompt, Tab behind .oob lists them"]),
            ("getfd fdname=x", &["`.fd FILE COMMAND` sends an open file with a command"]),
            ("x-exit-preconfig", &["QEMU must have been started with -preconfig"]),
        ],
    );
}
