//! What was removed from QEMU since 2.0, and what takes its place.
//!
//! Without this table the name that is nearest in spelling would be offered, which does something else.
//! Source: `docs/about/removed-features.rst` in QEMU; docs/qmp.md, "Versions".

use crate::schema::Schema;

/// A command that was removed.
struct Removed {
    name: &'static str,
    /// When, as in "was removed in QEMU 6.0".
    when: &'static str,
    /// The commands that take its place, with the arguments that are not obvious.
    successors: &'static [&'static str],
    /// What is different, or what to do if no command takes its place.
    note: &'static str,
}

/// The commands, by name. A hint offers those successors that the peer has.
const COMMANDS: &[Removed] = &[
    Removed {
        name: "block_passwd",
        when: "in QEMU 6.0",
        successors: &["object-add qom-type=secret id=ID file=PATH"],
        note: "the image then takes `encrypt.key-secret=ID` in blockdev-add",
    },
    Removed {
        name: "change",
        when: "in QEMU 6.0",
        successors: &["blockdev-change-medium", "change-vnc-password", "display-update"],
        note: "",
    },
    Removed {
        name: "cpu-add",
        when: "in QEMU 5.2",
        successors: &["device_add"],
        note: "query-hotpluggable-cpus lists its arguments",
    },
    Removed {
        name: "migrate-set-cache-size",
        when: "in QEMU 6.0",
        successors: &["migrate-set-parameters xbzrle-cache-size=BYTES"],
        note: "",
    },
    Removed {
        name: "migrate_set_downtime",
        when: "in QEMU 6.0",
        successors: &["migrate-set-parameters downtime-limit=MILLISECONDS"],
        note: "the old one took seconds",
    },
    Removed {
        name: "migrate_set_speed",
        when: "in QEMU 6.0",
        successors: &["migrate-set-parameters max-bandwidth=BYTES"],
        note: "",
    },
    Removed { name: "query-cpus", when: "in QEMU 6.0", successors: &["query-cpus-fast"], note: "" },
    Removed { name: "query-events", when: "in QEMU 6.0", successors: &["query-qmp-schema"], note: "" },
    Removed {
        name: "query-migrate-cache-size",
        when: "in QEMU 6.0",
        successors: &["query-migrate-parameters"],
        note: "",
    },
    Removed { name: "query-migrationthreads", when: "in QEMU 11.0", successors: &[], note: NO_SUCCESSOR },
    Removed {
        name: "x-block-dirty-bitmap-disable",
        when: "in QEMU 4.0",
        successors: &["block-dirty-bitmap-disable"],
        note: "",
    },
    Removed {
        name: "x-block-dirty-bitmap-enable",
        when: "in QEMU 4.0",
        successors: &["block-dirty-bitmap-enable"],
        note: "",
    },
    Removed {
        name: "x-block-dirty-bitmap-merge",
        when: "in QEMU 4.0",
        successors: &["block-dirty-bitmap-merge"],
        note: "",
    },
    Removed {
        name: "x-block-latency-histogram-set",
        when: "in QEMU 4.0",
        successors: &["block-latency-histogram-set"],
        note: "",
    },
    Removed { name: "x-blockdev-create", when: "in QEMU 3.0", successors: &["blockdev-create"], note: "" },
    Removed { name: "x-blockdev-del", when: "in QEMU 2.9", successors: &["blockdev-del"], note: "" },
    Removed {
        name: "x-blockdev-insert-medium",
        when: "in QEMU 2.12",
        successors: &["blockdev-insert-medium"],
        note: "",
    },
    Removed {
        name: "x-blockdev-remove-medium",
        when: "in QEMU 2.12",
        successors: &["blockdev-remove-medium"],
        note: "",
    },
    Removed { name: "x-blockdev-reopen", when: "in QEMU 6.1", successors: &["blockdev-reopen"], note: "" },
    Removed { name: "x-input-send-event", when: "in QEMU 2.6", successors: &["input-send-event"], note: "" },
    Removed { name: "x-query-opcount", when: "after QEMU 10.0", successors: &[], note: NO_SUCCESSOR },
    Removed { name: "x-query-profile", when: "in QEMU 8.1", successors: &[], note: NO_SUCCESSOR },
    Removed { name: "x-query-rdma", when: "in QEMU 9.1", successors: &[], note: NO_SUCCESSOR },
];

const NO_SUCCESSOR: &str = "nothing takes its place";

/// Arguments that were removed: the command, the path, when, and what to do.
const ARGUMENTS: &[(&str, &str, &str, &str)] = &[
    ("block-dirty-bitmap-add", "autoload", "4.2", "leave it out: bitmaps are loaded with their image"),
    ("blockdev-add", "id", "2.9", "use `node-name`"),
    ("chardev-add", "backend.data.reconnect", "10.2", "use `backend.data.reconnect-ms`, in milliseconds"),
    ("chardev-change", "backend.data.reconnect", "10.2", "use `backend.data.reconnect-ms`, in milliseconds"),
    ("migrate", "blk", "9.1", "copy disks with blockdev-mirror to an NBD server"),
    ("migrate", "detach", "11.0", "leave it out: it had no effect"),
    ("migrate", "inc", "9.1", "copy disks with blockdev-mirror to an NBD server"),
    ("migrate-set-parameters", "block-incremental", "9.1", "copy disks with blockdev-mirror to an NBD server"),
    ("migrate-set-parameters", "compress-level", "9.1", "use `multifd-zlib-level` or `multifd-zstd-level`"),
    ("migrate-set-parameters", "compress-threads", "9.1", "use `multifd-channels`"),
    ("migrate-set-parameters", "compress-wait-thread", "9.1", "leave it out"),
    ("migrate-set-parameters", "decompress-threads", "9.1", "use `multifd-channels`"),
    ("netdev_add", "reconnect", "10.2", "use `reconnect-ms`, in milliseconds"),
    ("object-add", "loaded", "7.1", "leave it out"),
];

/// Values that were removed: the name of the argument, the value, when, and what to do.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("capability", "block", "9.1", "copy disks with blockdev-mirror to an NBD server"),
    ("capability", "compress", "9.1", "set the parameter `multifd-compression`"),
    ("capability", "x-postcopy-ram", "2.7", "use `postcopy-ram`"),
    ("capability", "zero-blocks", "11.0", "leave it out"),
    ("driver", "gluster", "11.1", NO_SUCCESSOR),
    ("driver", "sheepdog", "6.0", NO_SUCCESSOR),
    ("driver", "vxhs", "5.1", NO_SUCCESSOR),
];

/// Types of devices that were removed: the type, when, and what to do.
const DEVICES: &[(&str, &str, &str)] = &[
    ("ide-drive", "6.0", "use `ide-hd` or `ide-cd`"),
    ("ivshmem", "4.0", "use `ivshmem-plain` or `ivshmem-doorbell`"),
    ("pvrdma", "9.1", NO_SUCCESSOR),
    ("scsi-disk", "6.0", "use `scsi-hd` or `scsi-cd`"),
    ("sga", "8.0", "start QEMU with `-machine graphics=off`"),
    ("vfio-amd-xgbe", "10.2", NO_SUCCESSOR),
    ("vfio-calxeda-xgmac", "10.2", NO_SUCCESSOR),
    ("vfio-platform", "10.2", NO_SUCCESSOR),
];

/// Returns true if this was a command of QMP once.
pub fn was_removed(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<&'static Removed> {
    let folded = |name: &str| name.replace('_', "-");
    COMMANDS.iter().find(|removed| folded(removed.name) == folded(name))
}

/// Returns what to do instead of a command that was removed.
pub(super) fn command(schema: &Schema, name: &str) -> Option<String> {
    let removed = find(name)?;
    let is_there = |successor: &&&str| schema.command(successor.split(' ').next().unwrap_or_default()).is_some();
    let successors: Vec<String> =
        removed.successors.iter().filter(is_there).map(|successor| format!("`{successor}`")).collect();
    let mut hint = format!("`{name}` was removed {}", removed.when);
    if let Some((last, others)) = successors.split_last() {
        let others = others.join(", ") + if others.is_empty() { "" } else { " or " };
        hint.extend(["; use ", &others, last]);
    }
    if !removed.note.is_empty() && successors.is_empty() == removed.successors.is_empty() {
        hint.extend(["; ", removed.note]);
    }
    Some(hint)
}

/// Returns what to do instead of an argument that was removed.
pub(super) fn argument(command: &str, path: &str) -> Option<String> {
    let (_, _, version, instead) = ARGUMENTS.iter().find(|(of, argument, ..)| *of == command && *argument == path)?;
    Some(format!("`{path}` was removed in QEMU {version}; {instead}"))
}

/// Returns what to do instead of a value that was removed. `name` is the last part of the argument's path.
pub(super) fn value(name: &str, value: &str) -> Option<String> {
    let (_, _, version, instead) = VALUES.iter().find(|(of, removed, ..)| *of == name && *removed == value)?;
    Some(format!("`{value}` was removed in QEMU {version}; {instead}"))
}

/// Returns what to do instead of a type of device that was removed.
pub(super) fn device(driver: &str) -> Option<String> {
    let (_, version, instead) = DEVICES.iter().find(|(removed, ..)| *removed == driver)?;
    Some(format!("`{driver}` was removed in QEMU {version}; {instead}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::sample;

    #[test]
    fn the_table_has_each_name_once_and_in_order() {
        let names: Vec<_> = COMMANDS.iter().map(|removed| removed.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        assert!(ARGUMENTS.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        assert!(VALUES.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        assert!(DEVICES.is_sorted_by(|a, b| a.0 < b.0));
        for removed in COMMANDS {
            assert!(!removed.successors.is_empty() || removed.note == NO_SUCCESSOR, "{}", removed.name);
            for successor in removed.successors {
                let name = successor.split(' ').next().unwrap();
                assert!(!names.contains(&name), "{name} was removed itself");
            }
        }
    }

    #[test]
    fn only_successors_that_the_peer_has_are_offered() {
        let schema = sample::schema();
        let check = |name: &str, expected: Option<&str>| assert_eq!(command(&schema, name).as_deref(), expected);
        check(
            "cpu-add",
            Some("`cpu-add` was removed in QEMU 5.2; use `device_add`; query-hotpluggable-cpus lists its arguments"),
        );
        check("change", Some("`change` was removed in QEMU 6.0"));
        check("x-query_rdma", Some("`x-query_rdma` was removed in QEMU 9.1; nothing takes its place"));
        check("migrate_set_downtime", Some("`migrate_set_downtime` was removed in QEMU 6.0"));
        check("x-query-rdma", Some("`x-query-rdma` was removed in QEMU 9.1; nothing takes its place"));
        check("resize", None);
    }
}
