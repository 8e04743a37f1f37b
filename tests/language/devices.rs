//! `device_add` on a real QEMU: everyday lines, and values whose type only QEMU knows.

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::output::Output;
use crate::support::{Qemu, qmpsh};

/// A PC to which nearly everything can be added.
fn pc() -> Qemu {
    let mut args: Vec<String> = ["-M", "pc,nvdimm=on", "-m", "64M,slots=4,maxmem=2G", "-smp", "1,sockets=4,maxcpus=4"]
        .map(str::to_owned)
        .into();
    let mut option = |name: &str, value: String| args.extend([format!("-{name}"), value]);
    for n in 0..6 {
        option("blockdev", format!("driver=null-co,node-name=n{n},size=1048576,read-zeroes=on"));
        option("netdev", format!("hubport,id=h{n},hubid={n}"));
    }
    for n in 0..4 {
        option("chardev", format!("null,id=ch{n}"));
        option("object", format!("memory-backend-ram,id=m{n},size=128M,reserve=off"));
    }
    option("object", "iothread,id=io0".into());
    option("object", "iothread,id=io1".into());
    option("object", "rng-random,id=rng0,filename=/dev/urandom".into());
    option("object", "cryptodev-backend-builtin,id=crypto0".into());
    option("fsdev", "local,id=fs0,path=/,security_model=none,readonly=on".into());
    Qemu::none().args(args).start()
}

fn run(qemu: &Qemu, line: &str) -> Output {
    qmpsh().arg("-v").arg(qemu.socket()).args(["-c", line]).run()
}

/// How often a command was sent.
fn sends(output: &Output, command: &str) -> usize {
    output.stderr_text().matches(&format!("{{\"execute\":\"{command}\"")).count()
}

/// What `line` returns.
fn returned(qemu: &Qemu, line: &str) -> Value {
    let output = run(qemu, line);
    assert_eq!(output.code(), Some(0), "{line}: {output}");
    serde_json::from_str(&output.stdout_text()).unwrap()
}

/// QEMU takes the types of `device_add` strictly.
fn is_strict(qemu: &Qemu) -> bool {
    let version = &returned(qemu, "query-version")["qemu"];
    (version["major"].as_u64(), version["minor"].as_u64()) >= (Some(9), Some(2))
}

/// Those of public guides and of libvirt, as they are written after `-device`.
const EVERYDAY: [&str; 40] = [
    "virtio-net-pci id=net0 netdev=h0 mac=52:54:00:12:34:56 mq=on vectors=10",
    "virtio-net-pci id=net1 netdev=h1 host_mtu=1500 bootindex=3",
    "virtio-blk-pci id=blk0 drive=n0 serial=1234 bootindex=1 num-queues=2",
    "virtio-blk-pci id=blk1 drive=n1 logical_block_size=4k physical_block_size=4096 write-cache=on share-rw=on",
    "virtio-scsi-pci id=scsi0 num_queues=4 iothread=io0 max_sectors=0x100",
    "scsi-hd id=disk0 bus=scsi0.0 drive=n2 channel=0 scsi-id=1 lun=0 rotation_rate=1 removable=off",
    "scsi-cd id=cd0 bus=scsi0.0 scsi-id=2 lun=1",
    "virtio-serial-pci id=vs max_ports=16",
    "virtserialport id=port0 bus=vs.0 nr=3 name=org.qemu.guest_agent.0 chardev=ch0",
    "virtconsole id=console0 bus=vs.0 nr=4 chardev=ch1",
    "nvme id=nvme0 drive=n3 serial=1234 max_ioqpairs=8 zoned.zasl=5",
    "nvme id=nvme1 serial=0099 mdts=6 cmb_size_mb=16",
    "qemu-xhci id=xhci p2=8 p3=8",
    "usb-storage id=stick bus=xhci.0 port=1 drive=n4 removable=on",
    "usb-kbd id=kbd bus=xhci.0 port=2 usb_version=2",
    "usb-tablet id=tablet bus=xhci.0 port=3 msos-desc=off",
    "usb-hub id=hub bus=xhci.0 port=4 ports=4",
    "usb-serial id=serial bus=xhci.0 chardev=ch2 always-plugged=on",
    "pc-dimm id=dimm0 memdev=m0 slot=1 node=0",
    "nvdimm id=nvdimm0 memdev=m1 slot=2 unarmed=off",
    "qemu64-x86_64-cpu id=cpu1 socket-id=1 core-id=0 thread-id=0",
    "qemu64-x86_64-cpu id=cpu2 socket-id=2 die-id=0 core-id=0 thread-id=0",
    "virtio-mem-pci id=vmem0 memdev=m2 requested-size=64M node=0 block-size=2M",
    "pci-bridge id=bridge0 chassis_nr=2 shpc=on",
    "pcie-root-port id=root0 chassis=5 slot=3 io-reserve=4k hotplug=off",
    "virtio-rng-pci id=rng1 rng=rng0 max-bytes=1024 period=1000",
    "virtio-balloon-pci id=balloon0 deflate-on-oom=on free-page-reporting=on",
    "e1000 id=e0 netdev=h2 mac=52:54:00:12:34:57 rombar=1",
    "e1000e id=e1 netdev=h3 bootindex=7",
    "rtl8139 id=r0 netdev=h4 addr=0x1d multifunction=on",
    "ahci id=ahci0 rombar=0",
    "intel-hda id=hda0 msi=off debug=0",
    "virtio-keyboard-pci id=vkbd vectors=2",
    "virtio-9p-pci id=p9 fsdev=fs0 mount_tag=5 vectors=2",
    "ivshmem-plain id=shm0 memdev=m3 master=on",
    "i6300esb id=wd0 rombar=1",
    "megasas id=mega0 max_sge=128 msi=off",
    "virtio-crypto-pci id=c0 cryptodev=crypto0 vectors=3",
    "pci-testdev id=test0 membar=1M",
    "sdhci-pci id=sd0 sd-spec-version=2",
];

/// QEMU's reasons have nothing to do with types, nor with the version.
const NOT_PLUGGABLE: [(&str, &str); 2] = [
    ("ide-hd drive=n5 bus=ahci0.0 unit=0 rotation_rate=1", "Bus 'ahci0.0' does not support hotplugging"),
    ("hda-duplex bus=hda0.0 cad=1", "Bus 'hda0.0' does not support hotplugging"),
];

#[test]
fn everyday_devices_can_be_added_to_every_qemu() {
    let qemu = pc();
    let strict = is_strict(&qemu);
    let mut all = 0;
    for device in EVERYDAY {
        let line = format!("device_add driver={device}");
        let output = run(&qemu, &line);
        assert_eq!((output.code(), output.stdout_text().as_str()), (Some(0), "{}\n"), "{line}: {output}");
        let sends = sends(&output, "device_add");
        assert!((1..=device.split(' ').count()).contains(&sends), "{line}: {output}");
        assert!(strict || sends == 1, "{line}: {output}");
        all += sends;
    }
    assert_eq!(all > 2 * EVERYDAY.len(), strict, "{all}");
    for (device, refusal) in NOT_PLUGGABLE {
        let output = run(&qemu, &format!("device_add driver={device}"));
        assert_eq!((output.code(), sends(&output, "device_add")), (Some(1), 1), "{output}");
        output.stderr_contains(&format!("GenericError: {refusal}\n"));
    }
    // It needs a device file of the host.
    let output = run(&qemu, "device_add driver=vhost-vsock-pci guest-cid=3");
    assert_eq!(sends(&output, "device_add"), if strict { 2 } else { 1 }, "{output}");
    assert!(output.code() == Some(0) || output.stderr_text().contains("vhost"), "{output}");
}

#[test]
fn device_values_are_sent_as_written() {
    let qemu = pc();
    for line in [
        "device_add driver=nvme id=nvme0 drive=n0 serial=1234 zoned.zasl=5",
        "device_add driver=virtio-blk-pci id=blk0 drive=n1 serial=0099 logical_block_size=4k \
         physical_block_size=4k discard_granularity=0x2000",
        "device_add driver=virtio-mem-pci id=vmem0 memdev=m0 requested-size=64M block-size=2M",
        "device_add driver=qemu64-x86_64-cpu id=cpu1 socket-id=1 core-id=0 thread-id=0 sse4.1=off",
    ] {
        assert_eq!(returned(&qemu, line), json!({}), "{line}");
    }
    let check = |device: &str, property: &str, expected: Value| {
        let line = format!("qom-get path=/machine/peripheral/{device} property={property}");
        assert_eq!(returned(&qemu, &line), expected, "{line}");
    };
    check("nvme0", "serial", json!("1234"));
    check("nvme0", "zoned.zasl", json!(5));
    check("blk0", "serial", json!("0099"));
    check("blk0", "logical_block_size", json!(4096));
    check("blk0", "discard_granularity", json!(8192));
    check("vmem0", "requested-size", json!(64 << 20));
    check("vmem0", "block-size", json!(2 << 20));
    check("cpu1", "sse4.1", json!(false));
}

#[test]
fn a_device_value_of_the_wrong_type_has_a_hint() {
    let qemu = pc();
    let strict = is_strict(&qemu);
    let refused = |argument: &str, refusal: &str, hint: &str| {
        let output = run(&qemu, &format!("device_add driver=virtio-net-pci netdev=h0 {argument}"));
        assert_eq!((output.code(), sends(&output, "device_add")), (Some(1), 1), "{output}");
        output.stderr_contains(&format!("GenericError: {refusal}\n  hint: {hint}\n"));
    };
    let expected = if strict { "uint64" } else { "integer" };
    refused(
        "vectors=many",
        &format!("Parameter 'vectors' expects {expected}"),
        &format!("cannot read `vectors` as {expected}; use `vectors:=VALUE` to send JSON"),
    );
    if strict {
        refused(
            "mq=maybe",
            "Invalid parameter type for 'mq', expected: boolean",
            "cannot read `mq` as boolean; use `mq:=VALUE` to send JSON",
        );
    }
    // A number out of range is still a number.
    let output = run(&qemu, "device_add driver=virtio-net-pci netdev=h0 vectors=99999999999");
    output.stderr_contains("GenericError: Parameter 'vectors' expects uint32_t\n").status(1);
    assert!(!output.stderr_text().contains("hint"), "{output}");
    // A size is understood wherever a number is wanted.
    assert_eq!(returned(&qemu, "device_add driver=virtio-net-pci netdev=h0 host_mtu=1k"), json!({}));
}

#[test]
fn a_numeric_identifier_stays_a_string() {
    let qemu = pc();
    let output = run(&qemu, "device_add driver=virtio-net-pci id=0123 netdev=h0");
    assert_eq!(sends(&output, "device_add"), 1, "{output}");
    output.stderr_contains(r#""id":"0123""#);
    // QEMU wants a letter first, but for some versions.
    let said = output.stderr_text();
    assert!(output.code() == Some(0) || said.contains("identifier") || said.contains("qdev ID"), "{output}");
}

#[test]
fn device_add_takes_lists() {
    let qemu = pc();
    let line = "device_add driver=virtio-blk-pci id=blk0 drive=n0 num-queues=2 iothread-vq-mapping.0.iothread=io0 \
                iothread-vq-mapping.0.vqs.0=0 iothread-vq-mapping.1.iothread=io1 iothread-vq-mapping.1.vqs.0=1";
    let output = run(&qemu, line);
    assert_eq!((output.code(), output.stdout_text().as_str()), (Some(0), "{}\n"), "{output}");
    assert_eq!(output.stderr_text().contains("ignores `iothread-vq-mapping`"), !is_strict(&qemu), "{output}");
    if is_strict(&qemu) {
        let mapping = returned(&qemu, "qom-get path=/machine/peripheral/blk0 property=iothread-vq-mapping");
        assert_eq!(mapping, json!([{"iothread": "io0", "vqs": [0]}, {"iothread": "io1", "vqs": [1]}]));
    }
}

#[test]
fn values_of_type_any_are_converted_on_a_real_qemu() {
    let qemu = Qemu::none().args(["-M", "pc", "-m", "32"]).start();
    let expand = "query-cpu-model-expansion type=static model.name=base";
    let line =
        format!("{expand} model.props.avx=on model.props.sse4.1=on model.props.family=0x10 model.props.model-id=1234");
    let output = run(&qemu, &line);
    assert_eq!(output.code(), Some(0), "{output}");
    assert_eq!(sends(&output, "query-cpu-model-expansion"), 5, "{output}");
    let reply: Value = serde_json::from_str(&output.stdout_text()).unwrap();
    assert_eq!(reply["model"]["props"]["avx"], json!(true), "{output}");
    let output = run(&qemu, &format!("{expand} model.props.avx=maybe"));
    output.stderr_contains("hint: cannot read `model.props.avx` as boolean; use `model.props.avx:=VALUE` to send JSON");
    assert_eq!(output.code(), Some(1));
    // The members of a property's value.
    let output = run(&qemu, "qom-set path=/machine property=memory value.size=64M");
    assert_eq!(sends(&output, "qom-set"), 2, "{output}");
    assert!(!output.stderr_text().contains("expects"), "{output}");
}

#[test]
fn a_guest_agent_takes_lists() {
    let agent = Agent::start();
    let to = |line: &str| qmpsh().args(["--qga", "--wait", "30"]).arg(agent.socket()).args(["-c", line]).run();
    // `5` is sent as a number, which the agent refuses.
    let output = to("guest-exec path=/bin/sh arg.0=-c arg.1=\"exit 7\" arg.2=5 capture-output=true");
    assert_eq!(output.code(), Some(0), "{output}");
    let pid: Value = serde_json::from_str(&output.stdout_text()).unwrap();
    assert!(pid["pid"].is_u64(), "{output}");
}
