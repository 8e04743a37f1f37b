//! What exists at the peer at this moment, and which argument takes which of it.

/// Answers what exists. It may ask the peer, and answers in time or with nothing.
pub trait Live {
    /// What there is.
    fn values(&self, question: &Question) -> Vec<LiveValue>;
}

/// Something that exists. Both texts are the peer's: not safe to show as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveValue {
    /// What it is called.
    pub name: String,
    /// What it is: a type, a file.
    pub about: String,
}

/// Nobody to ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Live for Nothing {
    fn values(&self, _: &Question) -> Vec<LiveValue> {
        Vec::new()
    }
}

/// What can be asked. Nothing of it makes the peer create anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// The names of block devices.
    Drives,
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
    /// The types of devices.
    DeviceTypes,
    /// All types.
    Types,
    /// What is right below this path of the object model; `about` is the type as `qom-list` shows it.
    Children(String),
    /// The properties at this path; `about` is the type.
    Properties(String),
    /// The properties of a device of this type that exists; `about` is the type.
    PropertiesOfType(String),
    /// The commands of the human monitor; with a command that has some, its sub-commands.
    Hmp(Option<String>),
    /// What is in a directory of this machine; names of directories end in `/`.
    Files(String),
}

/// What an argument takes, as the table says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Drives,
    Nodes,
    /// A dirty bitmap of the node that this argument names.
    Bitmaps(&'static str),
    Exports,
    Jobs,
    Devices,
    /// Objects whose type begins like this.
    Objects(&'static str),
    Chardevs,
    Netdevs,
    DeviceTypes,
    Types,
    /// A path of the object model.
    Path,
    /// A property of the object at the argument `path`.
    Property,
    /// A line of the human monitor.
    Hmp,
    /// A name that does not exist yet, or anything.
    New,
}

use Takes::{
    Bitmaps, Chardevs, DeviceTypes, Devices, Drives, Exports, Hmp, Jobs, Netdevs, New, Nodes, Objects, Path, Property,
    Types,
};

/// Which argument of which command takes what; the first row that fits. A `*` at an end, or at both, stands for anything.
const TABLE: &[(&str, &str, &[Takes])] = &[
    ("device_del", "id", &[Devices]),
    ("device_add", "driver", &[DeviceTypes]),
    ("device_add", "drive", &[Drives, Nodes]),
    ("device_add", "bus", &[New]),
    ("object-add", "id", &[New]),
    ("object-del", "id", &[Objects("")]),
    ("netdev_del", "id", &[Netdevs]),
    ("set_link", "name", &[Netdevs, Devices]),
    ("chardev-add", "id", &[New]),
    ("chardev-*", "id", &[Chardevs]),
    ("ringbuf-*", "device", &[Chardevs]),
    ("job-*", "id", &[Jobs]),
    ("block-job-*", "device", &[Jobs]),
    ("block-job-*", "id", &[Jobs]),
    ("block-dirty-bitmap-add", "name", &[New]),
    ("block-dirty-bitmap-merge", "target", &[Bitmaps("node")]),
    ("block-dirty-bitmap-merge", "bitmaps", &[Bitmaps("node")]),
    ("block-dirty-bitmap-merge", "name", &[Bitmaps("")]),
    ("*block-dirty-bitmap-*", "name", &[Bitmaps("node")]),
    ("block-export-add", "bitmaps", &[Bitmaps("node-name")]),
    ("nbd-server-add", "bitmap", &[Bitmaps("device")]),
    ("*-backup", "bitmap", &[Bitmaps("device")]),
    ("block-export-del", "id", &[Exports]),
    ("nbd-server-add", "name", &[New]),
    ("nbd-server-remove", "name", &[Exports]),
    ("eject", "id", &[Devices]),
    ("blockdev-*", "id", &[Devices]),
    ("block_set_io_throttle", "id", &[Devices]),
    ("block-latency-histogram-set", "id", &[Devices]),
    ("query-cpu-model-*", "name", &[New]),
    ("qom-list-types", "implements", &[Types]),
    ("*", "typename", &[Types]),
    ("qom-get", "property", &[Property]),
    ("qom-set", "property", &[Property]),
    ("qom-*", "path", &[Path]),
    ("human-monitor-command", "command-line", &[Hmp]),
    ("blockdev-add", "node-name", &[New]),
    ("blockdev-mirror", "node-name", &[New]),
    ("*", "snapshot-node-name", &[New]),
    ("*", "filter-node-name", &[New]),
    ("*", "job-id", &[New]),
    ("*", "node-name", &[Nodes]),
    ("*", "node", &[Nodes]),
    ("*", "nodes", &[Nodes]),
    ("*", "*-node", &[Nodes]),
    ("*", "target", &[Nodes]),
    ("*", "overlay", &[Nodes]),
    ("*", "backing", &[Nodes]),
    ("*", "file", &[Nodes]),
    ("*", "data-file", &[Nodes]),
    ("*", "vmstate", &[Nodes]),
    ("snapshot-*", "devices", &[Nodes]),
    ("blockdev-snapshot-*", "device", &[Drives, Nodes]),
    ("block*", "device", &[Drives, Nodes]),
    ("*-backup", "device", &[Drives, Nodes]),
    ("*-mirror", "device", &[Drives, Nodes]),
    ("nbd-server-add", "device", &[Drives, Nodes]),
    ("eject", "device", &[Drives]),
    ("change-backing-file", "device", &[Drives]),
    ("change-backing-file", "*", &[Nodes]),
    ("*", "iothread", &[Objects("iothread")]),
    ("*", "memdev", &[Objects("memory-backend")]),
    ("*", "throttle-group", &[Objects("throttle-group")]),
    ("*", "tls-creds", &[Objects("tls-creds")]),
    ("*", "*authz", &[Objects("authz")]),
    ("*", "*-secret", &[Objects("secret")]),
    ("*", "passwordid", &[Objects("secret")]),
    ("*", "netdev", &[Netdevs]),
    ("*", "chardev", &[Chardevs]),
    ("*", "qom-path", &[Path]),
];

/// What the argument `name` of `command` takes: nothing special, for most.
pub(super) fn takes(command: &str, name: &str) -> &'static [Takes] {
    let row = TABLE.iter().find(|(commands, names, _)| fits(commands, command) && fits(names, name));
    row.map_or(&[], |(_, _, takes)| takes)
}

/// What to ask for something that needs no other argument to know.
pub(super) fn question(takes: Takes) -> Option<Question> {
    Some(match takes {
        Drives => Question::Drives,
        Nodes => Question::Nodes,
        Exports => Question::Exports,
        Jobs => Question::Jobs,
        Devices => Question::Devices,
        Chardevs => Question::Chardevs,
        Netdevs => Question::Netdevs,
        DeviceTypes => Question::DeviceTypes,
        Types => Question::Types,
        Objects(_) | Bitmaps(_) | Path | Property | Hmp | New => return None,
    })
}

fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        _ if pattern == "*" => true,
        (Some(middle), Some(_)) => name.contains(middle.trim_end_matches('*')),
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_argument_takes_what() {
        let check = |command: &str, name: &str, expected: &[Takes]| {
            assert_eq!(takes(command, name), expected, "{command} {name}");
        };
        check("device_del", "id", &[Devices]);
        check("device_add", "id", &[]);
        check("device_add", "netdev", &[Netdevs]);
        check("blockdev-add", "node-name", &[New]);
        check("blockdev-del", "node-name", &[Nodes]);
        check("blockdev-add", "file", &[Nodes]);
        check("block_resize", "node-name", &[Nodes]);
        check("block_resize", "device", &[Drives, Nodes]);
        check("block-job-cancel", "device", &[Jobs]);
        check("blockdev-snapshot-sync", "snapshot-node-name", &[New]);
        check("blockdev-mirror", "replaces", &[]);
        check("block-dirty-bitmap-add", "node", &[Nodes]);
        check("block-dirty-bitmap-add", "name", &[New]);
        check("block-dirty-bitmap-remove", "name", &[Bitmaps("node")]);
        check("x-debug-block-dirty-bitmap-sha256", "name", &[Bitmaps("node")]);
        check("block-dirty-bitmap-merge", "target", &[Bitmaps("node")]);
        check("blockdev-backup", "bitmap", &[Bitmaps("device")]);
        check("job-dismiss", "id", &[Jobs]);
        check("chardev-add", "id", &[New]);
        check("chardev-remove", "id", &[Chardevs]);
        check("qom-list", "path", &[Path]);
        check("qom-get", "property", &[Property]);
        check("getfd", "fdname", &[]);
        check("migrate", "tls-creds", &[Objects("tls-creds")]);
        check("blockdev-add", "key-secret", &[Objects("secret")]);
    }
}
