//! What each command of QEMU does to a VM.
//!
//! Names are no guide: some queries load modules, reset counters or end QEMU. So each command is decided on by itself, and one
//! that is not here counts as one that changes the VM. Source: tried on QEMU 7.2, 10.0 and 11.1 (docs/qmp.md, "Commands that
//! change nothing").

/// What a command does, as far as a client that may change nothing is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes, loads, consumes, blocks and reveals nothing.
    Reads,
    /// It changes the VM, the host, or what QEMU does.
    Changes,
    /// It loads modules or opens devices.
    Loads,
    /// It takes away what another client would read.
    Consumes,
    /// It shows secrets.
    Reveals,
    /// It can end QEMU.
    Aborts,
}

/// The decision on a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What the command does.
    pub effect: Effect,
    /// The reason for the decision.
    pub why: &'static str,
}

impl Decision {
    /// Returns the decision on a command of QEMU 7.2 to 11.1; `None` for any other.
    pub fn on(command: &str) -> Option<Self> {
        let row = DECISIONS.iter().find(|(.., commands)| commands.contains(&command))?;
        Some(Self { effect: row.0, why: row.1 })
    }
}

/// The commands by what they do and why.
const DECISIONS: &[(Effect, &str, &[&str])] = &[
    (
        Effect::Reads,
        "it reports what QEMU holds in memory",
        &[
            "qmp_capabilities",
            "qom-list",
            "query-acpi-ospm-status",
            "query-audiodevs",
            "query-balloon",
            "query-block-exports",
            "query-block-jobs",
            "query-blockstats",
            "query-chardev",
            "query-chardev-backends",
            "query-colo-status",
            "query-command-line-options",
            "query-commands",
            "query-cpus-fast",
            "query-cryptodev",
            "query-current-machine",
            "query-dirty-rate",
            "query-display-options",
            "query-dump",
            "query-dump-guest-memory-capability",
            "query-fdsets",
            "query-firmware-log",
            "query-hotpluggable-cpus",
            "query-hv-balloon-status-report",
            "query-iothreads",
            "query-jobs",
            "query-kvm",
            "query-machines",
            "query-memdev",
            "query-memory-devices",
            "query-memory-size-summary",
            "query-mice",
            "query-migrate",
            "query-migrate-capabilities",
            "query-migrate-parameters",
            "query-migrationthreads",
            "query-name",
            "query-pci",
            "query-pr-managers",
            "query-replay",
            "query-rocker",
            "query-rocker-of-dpa-flows",
            "query-rocker-of-dpa-groups",
            "query-rocker-ports",
            "query-s390x-cpu-polarization",
            "query-sev",
            "query-sgx",
            "query-spice",
            "query-stats",
            "query-stats-schemas",
            "query-status",
            "query-target",
            "query-tpm",
            "query-tpm-models",
            "query-tpm-types",
            "query-uuid",
            "query-vcpu-dirty-limit",
            "query-version",
            "query-vm-generation-id",
            "query-vnc",
            "query-vnc-servers",
            "query-xen-replication-status",
            "query-yank",
            "trace-event-get-state",
            "x-debug-query-block-graph",
            "xen-event-list",
        ],
    ),
    (Effect::Reads, "it reads one property; that of a secret's data is refused", &["qom-get"]),
    (Effect::Reads, "it takes QEMU some 40 ms and changes nothing", &["query-cpu-definitions", "query-qmp-schema"]),
    (
        Effect::Reads,
        "it asks the file system for the size of each image, and changes nothing",
        &["query-block", "query-named-block-nodes"],
    ),
    (
        Effect::Changes,
        "it sets properties of a CPU, and can plug one in",
        &["query-cpu-model-baseline", "query-cpu-model-comparison", "query-cpu-model-expansion"],
    ),
    (
        Effect::Changes,
        "it makes the device report its next change of filters, which a controller counts on",
        &["query-rx-filter"],
    ),
    (Effect::Changes, "it makes a VM to find out", &["query-gic-capabilities"]),
    (Effect::Changes, "it resets the counters that it reports", &["x-query-profile"]),
    (
        Effect::Loads,
        "it loads modules, and QEMU aborts if those on disk are of another build",
        &["device-list-properties", "qom-list-properties", "qom-list-types", "query-accelerators"],
    ),
    (
        Effect::Loads,
        "it reaches the firmware or opens a device",
        &[
            "query-sev-attestation-report",
            "query-sev-capabilities",
            "query-sev-launch-measure",
            "query-sgx-capabilities",
        ],
    ),
    (Effect::Loads, "it loads and returns a program for the kernel", &["request-ebpf"]),
    (Effect::Consumes, "it takes the bytes that it returns out of the buffer", &["ringbuf-read"]),
    (Effect::Reveals, "it reads many properties at once, those of secrets among them", &["qom-list-get"]),
    (Effect::Aborts, "QEMU 11.1 aborts", &["x-query-virtio-status"]),
    (
        Effect::Changes,
        "it is for debugging: its effects are not promised",
        &[
            "x-accel-stats",
            "x-debug-block-dirty-bitmap-sha256",
            "x-query-interrupt-controllers",
            "x-query-irq",
            "x-query-jit",
            "x-query-numa",
            "x-query-opcount",
            "x-query-ramblock",
            "x-query-rdma",
            "x-query-roms",
            "x-query-usb",
            "x-query-virtio",
            "x-query-virtio-queue-element",
            "x-query-virtio-queue-status",
            "x-query-virtio-vhost-queue-status",
        ],
    ),
    (Effect::Changes, "it runs any line of the human monitor", &["human-monitor-command"]),
    (
        Effect::Changes,
        "it writes files of the host, or into them",
        &["dump-guest-memory", "dump-skeys", "dumpdtb", "memsave", "pmemsave", "screendump", "xen-save-devices-state"],
    ),
    (
        Effect::Changes,
        "it changes the images, block devices, exports or block jobs",
        &[
            "block-commit",
            "block-dirty-bitmap-add",
            "block-dirty-bitmap-clear",
            "block-dirty-bitmap-disable",
            "block-dirty-bitmap-enable",
            "block-dirty-bitmap-merge",
            "block-dirty-bitmap-remove",
            "block-export-add",
            "block-export-del",
            "block-job-cancel",
            "block-job-change",
            "block-job-complete",
            "block-job-dismiss",
            "block-job-finalize",
            "block-job-pause",
            "block-job-resume",
            "block-job-set-speed",
            "block-latency-histogram-set",
            "block-set-write-threshold",
            "block-stream",
            "block_resize",
            "block_set_io_throttle",
            "blockdev-add",
            "blockdev-backup",
            "blockdev-change-medium",
            "blockdev-close-tray",
            "blockdev-create",
            "blockdev-del",
            "blockdev-insert-medium",
            "blockdev-mirror",
            "blockdev-open-tray",
            "blockdev-remove-medium",
            "blockdev-reopen",
            "blockdev-set-active",
            "blockdev-snapshot",
            "blockdev-snapshot-delete-internal-sync",
            "blockdev-snapshot-internal-sync",
            "blockdev-snapshot-sync",
            "change-backing-file",
            "drive-backup",
            "drive-mirror",
            "eject",
            "job-cancel",
            "job-complete",
            "job-dismiss",
            "job-finalize",
            "job-pause",
            "job-resume",
            "nbd-server-add",
            "nbd-server-remove",
            "nbd-server-start",
            "nbd-server-stop",
            "snapshot-delete",
            "snapshot-load",
            "snapshot-save",
            "transaction",
            "x-blockdev-amend",
            "x-blockdev-change",
            "x-blockdev-set-iothread",
        ],
    ),
    (
        Effect::Changes,
        "it changes devices, objects, CPUs or memory",
        &[
            "balloon",
            "cxl-add-dynamic-capacity",
            "cxl-inject-correctable-error",
            "cxl-inject-dram-event",
            "cxl-inject-general-media-event",
            "cxl-inject-memory-module-event",
            "cxl-inject-poison",
            "cxl-inject-uncorrectable-errors",
            "cxl-release-dynamic-capacity",
            "device-sync-config",
            "device_add",
            "device_del",
            "inject-ghes-v2-error",
            "inject-nmi",
            "object-add",
            "object-del",
            "qom-set",
            "rtc-reset-reinjection",
            "set-cpu-topology",
            "set-numa-node",
            "sev-inject-launch-secret",
            "xen-event-inject",
        ],
    ),
    (
        Effect::Changes,
        "it changes character devices, networks, descriptors, displays or passwords",
        &[
            "add-fd",
            "add_client",
            "announce-self",
            "change-vnc-password",
            "chardev-add",
            "chardev-change",
            "chardev-remove",
            "chardev-send-break",
            "client_migrate_info",
            "closefd",
            "display-reload",
            "display-update",
            "expire_password",
            "getfd",
            "input-send-event",
            "netdev_add",
            "netdev_del",
            "remove-fd",
            "ringbuf-write",
            "send-key",
            "set_link",
            "set_password",
            "yank",
        ],
    ),
    (
        Effect::Changes,
        "it changes the run state, a migration, or what QEMU does and measures",
        &[
            "calc-dirty-rate",
            "cancel-vcpu-dirty-limit",
            "cont",
            "migrate",
            "migrate-continue",
            "migrate-incoming",
            "migrate-pause",
            "migrate-recover",
            "migrate-set-capabilities",
            "migrate-set-parameters",
            "migrate-start-postcopy",
            "migrate_cancel",
            "quit",
            "replay-break",
            "replay-delete-break",
            "replay-seek",
            "set-action",
            "set-vcpu-dirty-limit",
            "stop",
            "system_powerdown",
            "system_reset",
            "system_wakeup",
            "trace-event-set-state",
            "watchdog-set-action",
            "x-colo-lost-heartbeat",
            "x-exit-preconfig",
            "xen-colo-do-checkpoint",
            "xen-load-devices-state",
            "xen-set-global-dirty-log",
            "xen-set-replication",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_command_has_two_decisions() {
        let mut seen = BTreeSet::new();
        for name in DECISIONS.iter().flat_map(|(.., commands)| *commands) {
            assert!(seen.insert(name), "{name} stands twice");
        }
    }

    #[test]
    fn names_are_no_guide() {
        #[track_caller]
        fn check(command: &str, expected: Option<Effect>) {
            assert_eq!(Decision::on(command).map(|decision| decision.effect), expected, "{command}");
        }
        check("query-status", Some(Effect::Reads));
        check("query-cpu-model-expansion", Some(Effect::Changes));
        check("query-accelerators", Some(Effect::Loads));
        check("x-query-virtio-status", Some(Effect::Aborts));
        check("qom-list-get", Some(Effect::Reveals));
        check("ringbuf-read", Some(Effect::Consumes));
        check("query-of-a-newer-qemu", None);
    }
}
