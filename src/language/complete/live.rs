//! The values that exist at the peer, and which argument takes which of them.

use std::fmt;

use crate::pattern::Pattern;

/// Answers questions about what exists. It may ask the peer, and answers in time or with nothing.
pub trait Live: fmt::Debug {
    /// Returns the answer.
    fn values(&self, question: &Question) -> Vec<LiveValue>;
}

/// Something that exists. Both texts are the peer's, not safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveValue {
    /// Its name.
    pub name: String,
    /// Its type, or its file.
    pub about: String,
}

/// Answers every question with nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Live for Nothing {
    fn values(&self, _: &Question) -> Vec<LiveValue> {
        Vec::new()
    }
}

/// What completion asks. No question makes the peer create anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// The names of block devices.
    Drives,
    /// Devices with a block device, by what the argument `id` takes: an id, or the path of a virtio disk.
    BlockDevices,
    /// The names of block nodes.
    Nodes,
    /// The dirty bitmaps of this node, or of all; `about` says of which, and more.
    Bitmaps(Option<String>),
    /// The ids of block exports.
    Exports,
    /// The jobs, block jobs among them.
    Jobs,
    /// The ids of devices.
    Devices,
    /// The ids of user-created objects.
    Objects,
    /// Character devices.
    Chardevs,
    /// Network backends.
    Netdevs,
    /// Network devices of the guest, by the names that `set_link` takes.
    Nics,
    /// Buses that a device of this type, or any, can be added to; `about` says what is on each.
    Buses(Option<String>),
    /// Devices without an id, by their QOM paths.
    AnonymousDevices,
    /// CPUs that exist, by their QOM paths.
    Cpus,
    /// The free places for a CPU of this type: each name is the properties of one, as in `core-id=1 socket-id=0`.
    CpuPlaces(String),
    /// Trace events.
    TraceEvents,
    /// The types of devices.
    DeviceTypes,
    /// All types.
    Types,
    /// The children of this path of the object model; `about` is the type as `qom-list` shows it.
    Children(String),
    /// The properties at this path; `about` is the type.
    Properties(String),
    /// The properties of a device of this type that exists; `about` is the type.
    PropertiesOfType(String),
    /// The commands of the human monitor; with a command that has some, its sub-commands.
    Hmp(Option<String>),
    /// The files in a directory of this machine; names of directories end in `/`.
    Files(String),
    /// The sockets and directories in a directory of this machine; names of directories end in `/`.
    Sockets(String),
    /// The VMs of this machine that `vm:NAME` reaches.
    Vms,
    /// The files in a directory of the peer's machine, if that is this one.
    PeerFiles(String),
}

/// The values that an argument takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Those that answer this.
    Of(Question),
    /// The dirty bitmaps of the node that this argument names.
    Bitmaps(&'static str),
    /// The objects whose type begins like this.
    Objects(&'static str),
    /// The buses for the device that the argument `driver` names.
    Buses,
    /// A path of the object model.
    Path,
    /// A property of the object at the argument `path`.
    Property,
    /// A line of the human monitor.
    Hmp,
    /// A file that the peer opens.
    File,
    /// A new name, or anything.
    New,
}

use Question::{
    AnonymousDevices, BlockDevices, Chardevs, Cpus, DeviceTypes, Devices, Drives, Exports, Jobs, Netdevs, Nics, Nodes,
    TraceEvents, Types,
};
use Values::{Bitmaps, Buses, File, Hmp, New, Objects, Of, Path, Property};

/// Which argument of which command takes which values: the first row that fits counts. Both names are patterns.
static TABLE: &[(&str, &str, &[Values])] = &[
    // Its files are the guest's.
    ("guest-*", "*", &[New]),
    ("device_del", "id", &[Of(Devices), Of(AnonymousDevices)]),
    ("device_add", "driver", &[Of(DeviceTypes)]),
    ("device_add", "drive", &[Of(Nodes), Of(Drives)]),
    ("device_add", "bus", &[Buses]),
    ("object-add", "id", &[New]),
    ("object-del", "id", &[Objects("")]),
    ("netdev_del", "id", &[Of(Netdevs)]),
    ("set_link", "name", &[Of(Netdevs), Of(Nics)]),
    ("trace-event-*", "name", &[Of(TraceEvents)]),
    ("query-stats", "vcpus", &[Of(Cpus)]),
    ("chardev-add", "id", &[New]),
    ("chardev-*", "id", &[Of(Chardevs)]),
    ("ringbuf-*", "device", &[Of(Chardevs)]),
    ("job-*", "id", &[Of(Jobs)]),
    ("block-job-*", "device", &[Of(Jobs)]),
    ("block-job-*", "id", &[Of(Jobs)]),
    ("block-dirty-bitmap-add", "name", &[New]),
    ("block-dirty-bitmap-merge", "target", &[Bitmaps("node")]),
    ("block-dirty-bitmap-merge", "bitmaps", &[Bitmaps("node")]),
    ("block-dirty-bitmap-merge", "name", &[Bitmaps("")]),
    ("*block-dirty-bitmap-*", "name", &[Bitmaps("node")]),
    ("block-export-add", "bitmaps", &[Bitmaps("node-name")]),
    ("nbd-server-add", "bitmap", &[Bitmaps("device")]),
    ("*-backup", "bitmap", &[Bitmaps("device")]),
    ("block-export-del", "id", &[Of(Exports)]),
    ("nbd-server-add", "name", &[New]),
    ("nbd-server-remove", "name", &[Of(Exports)]),
    ("eject", "id", &[Of(BlockDevices)]),
    ("blockdev-*", "id", &[Of(BlockDevices)]),
    ("block_set_io_throttle", "id", &[Of(BlockDevices)]),
    ("block-latency-histogram-set", "id", &[Of(BlockDevices)]),
    ("query-cpu-model-*", "name", &[New]),
    ("qom-list-types", "implements", &[Of(Types)]),
    ("*", "typename", &[Of(Types)]),
    ("qom-get", "property", &[Property]),
    ("qom-set", "property", &[Property]),
    ("qom-*", "path", &[Path]),
    ("human-monitor-command", "command-line", &[Hmp]),
    ("blockdev-add", "node-name", &[New]),
    ("blockdev-mirror", "node-name", &[New]),
    ("drive-*", "target", &[File]),
    ("change-backing-file", "backing-file", &[File]),
    ("object-add", "file", &[File]),
    ("object-add", "dir", &[File]),
    ("*", "filename", &[File]),
    ("*", "path", &[File]),
    ("*", "mem-path", &[File]),
    ("*", "snapshot-file", &[File]),
    ("*", "mountpoint", &[File]),
    ("*", "romfile", &[File]),
    ("*", "logfile", &[File]),
    ("chardev-*", "in", &[File]),
    ("chardev-*", "out", &[File]),
    ("*", "snapshot-node-name", &[New]),
    ("*", "filter-node-name", &[New]),
    ("*", "job-id", &[New]),
    ("*", "node-name", &[Of(Nodes)]),
    ("*", "node", &[Of(Nodes)]),
    ("*", "nodes", &[Of(Nodes)]),
    ("*", "*-node", &[Of(Nodes)]),
    ("*", "target", &[Of(Nodes)]),
    ("*", "overlay", &[Of(Nodes)]),
    ("*", "backing", &[Of(Nodes)]),
    ("*", "file", &[Of(Nodes)]),
    ("*", "data-file", &[Of(Nodes)]),
    ("*", "vmstate", &[Of(Nodes)]),
    ("snapshot-*", "devices", &[Of(Nodes)]),
    ("blockdev-snapshot-*", "device", &[Of(Drives), Of(Nodes)]),
    ("block*", "device", &[Of(Drives), Of(Nodes)]),
    ("*-backup", "device", &[Of(Drives), Of(Nodes)]),
    ("*-mirror", "device", &[Of(Drives), Of(Nodes)]),
    ("nbd-server-add", "device", &[Of(Drives), Of(Nodes)]),
    ("eject", "device", &[Of(Drives)]),
    ("change-backing-file", "device", &[Of(Drives)]),
    ("change-backing-file", "*", &[Of(Nodes)]),
    ("*", "iothread", &[Objects("iothread")]),
    ("*", "memdev", &[Objects("memory-backend")]),
    ("*", "throttle-group", &[Objects("throttle-group")]),
    ("*", "tls-creds", &[Objects("tls-creds")]),
    ("*", "*authz", &[Objects("authz")]),
    ("*", "*-secret", &[Objects("secret")]),
    ("*", "passwordid", &[Objects("secret")]),
    ("*", "netdev", &[Of(Netdevs)]),
    ("*", "chardev", &[Of(Chardevs)]),
    ("*", "qom-path", &[Path]),
];

/// Returns the values that the argument `name` of `command` takes: none, for most.
pub(super) fn values(command: &str, name: &str) -> &'static [Values] {
    let row = TABLE.iter().find(|(commands, names, _)| fits(commands, command) && fits(names, name));
    row.map_or(&[], |(_, _, values)| values)
}

fn fits(pattern: &str, name: &str) -> bool {
    Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_fits_says_what_an_argument_takes() {
        let check = |command: &str, name: &str, expected: &[Values]| {
            assert_eq!(values(command, name), expected, "{command} {name}");
        };
        check("device_del", "id", &[Of(Devices), Of(AnonymousDevices)]);
        check("device_add", "bus", &[Buses]);
        check("block_set_io_throttle", "id", &[Of(BlockDevices)]);
        check("device_add", "id", &[]);
        check("device_add", "netdev", &[Of(Netdevs)]);
        check("blockdev-add", "node-name", &[New]);
        check("blockdev-del", "node-name", &[Of(Nodes)]);
        check("blockdev-add", "file", &[Of(Nodes)]);
        check("block_resize", "node-name", &[Of(Nodes)]);
        check("block_resize", "device", &[Of(Drives), Of(Nodes)]);
        check("block-job-cancel", "device", &[Of(Jobs)]);
        check("blockdev-snapshot-sync", "snapshot-node-name", &[New]);
        check("blockdev-mirror", "replaces", &[]);
        check("block-dirty-bitmap-add", "node", &[Of(Nodes)]);
        check("block-dirty-bitmap-add", "name", &[New]);
        check("block-dirty-bitmap-remove", "name", &[Bitmaps("node")]);
        check("x-debug-block-dirty-bitmap-sha256", "name", &[Bitmaps("node")]);
        check("block-dirty-bitmap-merge", "target", &[Bitmaps("node")]);
        check("blockdev-backup", "bitmap", &[Bitmaps("device")]);
        check("job-dismiss", "id", &[Of(Jobs)]);
        check("chardev-add", "id", &[New]);
        check("chardev-remove", "id", &[Of(Chardevs)]);
        check("qom-list", "path", &[Path]);
        check("guest-file-open", "path", &[New]);
        check("chardev-add", "path", &[File]);
        check("blockdev-add", "filename", &[File]);
        check("drive-mirror", "target", &[File]);
        check("blockdev-mirror", "target", &[Of(Nodes)]);
        check("object-add", "file", &[File]);
        check("set_link", "name", &[Of(Netdevs), Of(Nics)]);
        check("trace-event-set-state", "name", &[Of(TraceEvents)]);
        check("qom-get", "property", &[Property]);
        check("getfd", "fdname", &[]);
        check("migrate", "tls-creds", &[Objects("tls-creds")]);
        check("blockdev-add", "key-secret", &[Objects("secret")]);
    }
}
