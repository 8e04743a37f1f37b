//! The types of arguments on a real QEMU, checked by queries.

use serde_json::{Value, json};

use crate::support::{Qemu, qmpsh, temporary_directory};

/// Runs lines in one session, which must all succeed, and gives what each returned.
#[track_caller]
fn run(qemu: &Qemu, lines: &[&str]) -> Vec<Value> {
    let output = qmpsh().arg(qemu.socket()).stdin(lines.join("\n")).run();
    output.stderr("").status(0);
    output.stdout_text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_string_argument_that_looks_like_a_number_stays_a_string() {
    let qemu = Qemu::none().start();
    let results = run(&qemu, &["chardev-add id=0123 backend.type=null backend.data={}", "query-chardev"]);
    assert!(results[1].as_array().unwrap().iter().any(|chardev| chardev["label"] == "0123"), "{results:?}");
    // Also from words of the command line, and without the zero.
    qmpsh().arg(qemu.socket()).args(["chardev-add", "id=7", "backend.type=null", "backend.data={}"]).run().status(0);
    assert!(run(&qemu, &["query-chardev"])[0].to_string().contains(r#""label":"7""#));
}

#[test]
fn sizes_and_file_names_are_converted() {
    let directory = temporary_directory();
    let disk = directory.path().join("my disk.qcow2");
    let raw = directory.path().join("disk.raw");
    std::fs::write(&raw, vec![0; 65536]).unwrap();
    let qemu = Qemu::none().start();
    let create =
        format!("blockdev-create job-id=j options.driver=file options.filename=\"{}\" options.size=1M", disk.display());
    run(&qemu, &[&create]);
    let mut client = qemu.hold();
    // A job of its own, which must end before the file is used.
    while client.execute(r#"{"execute":"query-jobs"}"#)[0]["status"] != "concluded" {}
    drop(client);
    let format = "blockdev-create job-id=f options.driver=qcow2 options.file=created options.size=0x100000";
    let open = format!("blockdev-add node-name=created driver=file filename=\"{}\"", disk.display());
    run(&qemu, &["job-dismiss id=j", &open, format]);
    let mut client = qemu.hold();
    while client.execute(r#"{"execute":"query-jobs"}"#)[0]["status"] != "concluded" {}
    drop(client);
    let add = format!("blockdev-add node-name=n driver=qcow2 file.driver=file file.filename=\"{}\"", disk.display());
    let raw =
        format!("blockdev-add node-name=r driver=raw file.driver=file file.filename={} cache.direct=no", raw.display());
    let results = run(
        &qemu,
        &[
            "job-dismiss id=f",
            "blockdev-del node-name=created",
            &add,
            &raw,
            "block_resize node-name=r size=10G",
            "query-named-block-nodes",
        ],
    );
    let size = |name: &str| {
        let nodes = results.last().unwrap().as_array().unwrap();
        nodes.iter().find(|node| node["node-name"] == name).unwrap()["image"]["virtual-size"].clone()
    };
    assert_eq!((size("n"), size("r")), (json!(1 << 20), json!(10_u64 << 30)));
}

#[test]
fn qom_set_uses_the_type_that_qom_list_gives() {
    let qemu = Qemu::none().start();
    let results = run(
        &qemu,
        &[
            "object-add qom-type=iothread id=i poll-max-ns=1k",
            "qom-get path=/objects/i property=poll-max-ns",
            "qom-set path=/objects/i property=poll-max-ns value=0x10",
            "qom-get path=/objects/i property=poll-max-ns",
            "object-add qom-type=memory-backend-ram id=m size=1M",
            "qom-set path=/objects/m property=merge value=off",
            "qom-get path=/objects/m property=merge",
            "qom-set path=/machine property=kernel value=0x10",
            "qom-get path=/machine property=kernel",
        ],
    );
    assert_eq!(
        (&results[1], &results[3], &results[6], &results[8]),
        (&json!(1024), &json!(16), &json!(false), &json!("0x10"))
    );
}

#[test]
fn properties_of_devices_have_their_types() {
    let qemu = Qemu::none().args(["-M", "pc", "-m", "32"]).start();
    let results = run(
        &qemu,
        &[
            "blockdev-add node-name=n driver=null-co size=64k",
            "device_add driver=nvme id=x drive=n serial=1234 zoned.zasl=5",
            "qom-get path=/machine/peripheral/x property=serial",
            "qom-get path=/machine/peripheral/x property=zoned.zasl",
        ],
    );
    assert_eq!((&results[2], &results[3]), (&json!("1234"), &json!(5)));
}

#[test]
fn lists_unions_and_transactions_are_built() {
    let qemu = Qemu::none().start();
    let results = run(
        &qemu,
        &[
            "blockdev-add node-name=q driver=quorum vote-threshold=2 children.0.driver=null-co children.0.size=1M \
             children.1.driver=null-co children.1.size=1M",
            "query-named-block-nodes",
            "blockdev-add node-name=true driver=null-co size=1M read-only=off",
            "transaction(\nblock-dirty-bitmap-add node=true name=0 granularity=64k\n)",
            "blockdev-add driver=raw node-name=t file=true size=512",
        ],
    );
    let quorum = results[1].as_array().unwrap().iter().find(|node| node["node-name"] == "q").unwrap();
    assert_eq!(quorum["image"]["virtual-size"], json!(1 << 20));
    let nodes = &run(&qemu, &["query-named-block-nodes"])[0];
    let node = nodes.as_array().unwrap().iter().find(|node| node["node-name"] == "true").unwrap();
    assert_eq!(node["dirty-bitmaps"][0]["granularity"], json!(65536));
}

#[test]
fn the_storage_daemon_takes_typed_arguments() {
    let qemu = Qemu::storage_daemon().start();
    let results = run(&qemu, &["blockdev-add node-name=null driver=null-co size=1G", "query-named-block-nodes"]);
    assert_eq!(results[1][0]["node-name"], "null");
    assert_eq!(results[1][0]["image"]["virtual-size"], json!(1 << 30));
}
