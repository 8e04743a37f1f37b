//! `.show memory`: the memory that the VM started with, memory devices, and what backs them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::replies::list;
use super::tree::{Column, Entry, Format, Tree};

const COLUMNS: &[Column] = &[
    Column { title: "SIZE", shows: &[("size", Format::Bytes)] },
    Column { title: "TYPE", shows: &[("type", Format::Text)] },
    Column { title: "ADDRESS", shows: &[("address", Format::Hex)] },
    Column {
        title: "DETAILS",
        shows: &[
            ("max-size", Format::BytesAfter("of ")),
            ("requested-size", Format::BytesAfter("requested ")),
            ("share", Format::Flag("shared")),
            ("slot", Format::After("slot ")),
            ("node", Format::After("node ")),
            ("note", Format::Text),
        ],
    },
];

/// The replies that the view is made of. Those that the peer does not have are empty.
#[derive(Debug, Default)]
pub(super) struct Replies<'a> {
    /// `query-memory-size-summary`
    pub(super) summary: &'a [u8],
    /// `query-memory-devices`
    pub(super) devices: &'a [u8],
    /// `query-memdev`
    pub(super) backends: &'a [u8],
    /// `query-balloon`
    pub(super) balloon: &'a [u8],
    /// The path of the machine's own backend, from `qom-get`.
    pub(super) machine: &'a [u8],
}

/// Source: `MemoryInfo` in QEMU's `qapi/machine.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    base_memory: Option<u64>,
    plugged_memory: Option<u64>,
}

/// Source: `MemoryDeviceInfo`.
#[derive(Debug, Deserialize)]
struct Device {
    #[serde(rename = "type")]
    ty: String,
    data: Map<String, Value>,
}

/// Source: `Memdev`.
#[derive(Debug, Deserialize)]
struct Backend {
    id: Option<String>,
    size: u64,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Source: `BalloonInfo`.
#[derive(Debug, Deserialize)]
struct Balloon {
    actual: u64,
}

/// The members of a backend, in the order of the JSON form.
const OF_BACKENDS: [&str; 7] = ["share", "prealloc", "merge", "dump", "reserve", "policy", "host-nodes"];

/// The other members of a memory device.
const OF_DEVICES: [&str; 7] =
    ["max-size", "requested-size", "slot", "node", "block-size", "hotplugged", "hotpluggable"];

/// Makes the tree.
pub(super) fn tree(replies: &Replies<'_>) -> Tree {
    let mut tree = Tree::new("MEMORY", COLUMNS);
    let summary: Summary = serde_json::from_slice(replies.summary).unwrap_or_default();
    let machine: Option<String> = serde_json::from_slice(replies.machine).ok();
    let (backends, devices) = (list::<Backend>(replies.backends), list::<Device>(replies.devices));
    tree.note_left_out(backends.left_out, "backends");
    tree.note_left_out(devices.left_out, "devices");
    let base = summary.base_memory.map(|size| tree.add_root(Entry::new("memory", "base").with("size", size)));
    let plugged = summary.plugged_memory.map(|size| tree.add_root(Entry::new("memory", "plugged").with("size", size)));
    let mut unused: HashMap<String, usize> = HashMap::new();
    for backend in backends.entries {
        let id = backend.id.clone().unwrap_or_default();
        let entry = tree.add(backend.into_entry());
        unused.insert(id, entry);
    }
    // A backend with an id is an object of that name.
    let mut hang = |tree: &mut Tree, parent: usize, path: &str| {
        if let Some(backend) = path.rsplit('/').next().and_then(|id| unused.remove(id)) {
            tree.hang(parent, None, backend);
        }
    };
    if let (Some(base), Some(path)) = (base, machine) {
        hang(&mut tree, base, &path);
    }
    for device in devices.entries {
        let backend = device.data.get("memdev").and_then(Value::as_str).unwrap_or_default().to_owned();
        let entry = device.into_entry();
        let entry = match plugged {
            Some(plugged) => tree.add_child(plugged, entry),
            None => tree.add_root(entry),
        };
        hang(&mut tree, entry, &backend);
    }
    if let Ok(Balloon { actual }) = serde_json::from_slice(replies.balloon) {
        tree.add_root(Entry::new("balloon", "balloon").with("size", actual).with("note", "left to the guest"));
    }
    tree
}

impl Device {
    fn into_entry(mut self) -> Entry {
        let mut take = |key: &str| self.data.remove(key);
        let name = take("id").and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
        let address = take("addr").or_else(|| take("memaddr"));
        let mut entry = Entry::new("device", name).with("size", take("size")).with("type", self.ty);
        for key in OF_DEVICES {
            entry = entry.with(key, take(key));
        }
        entry.with("address", address).with("memdev", take("memdev"))
    }
}

impl Backend {
    fn into_entry(mut self) -> Entry {
        let id = self.id.unwrap_or_default();
        let mut entry = Entry::new("backend", &id).with("size", self.size).with("type", "backend");
        for key in OF_BACKENDS {
            entry = entry.with(key, self.others.remove(key));
        }
        entry.alias(format!("/objects/{id}"))
    }
}
