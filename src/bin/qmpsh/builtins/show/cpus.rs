//! `.show cpus`: the CPUs by sockets, dies, cores and threads, and the slots for more.

#![expect(clippy::struct_field_names, reason = "the names are those of QEMU")]

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::replies::list;
use super::tree::{Column, Entry, Format, Tree};

const COLUMNS: &[Column] = &[
    Column { title: "CPU", shows: &[("cpu-index", Format::Text)] },
    Column { title: "STATE", shows: &[("state", Format::Text), ("free", Format::Before(" free"))] },
    Column { title: "HOST THREAD", shows: &[("thread-id", Format::Text)] },
    Column { title: "QOM PATH", shows: &[("qom-path", Format::Text)] },
];

/// The levels of a topology, from the outside in. Source: `CpuInstanceProperties` in QEMU's `qapi/machine.json`.
const LEVELS: [(&str, &str); 8] = [
    ("drawer-id", "drawer"),
    ("book-id", "book"),
    ("socket-id", "socket"),
    ("die-id", "die"),
    ("cluster-id", "cluster"),
    ("module-id", "module"),
    ("core-id", "core"),
    ("thread-id", "thread"),
];

/// Source: `CpuInfoFast`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cpu {
    cpu_index: u64,
    #[serde(default)]
    qom_path: String,
    thread_id: Option<u64>,
    #[serde(default)]
    props: Map<String, Value>,
    /// On s390x.
    cpu_state: Option<String>,
    target: Option<String>,
}

/// Source: `HotpluggableCPU`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Slot {
    #[serde(rename = "type")]
    ty: String,
    #[serde(default)]
    vcpus_count: u64,
    #[serde(default)]
    props: Map<String, Value>,
    qom_path: Option<String>,
}

/// A place in the topology: for each level its number in [`LEVELS`], and its id there.
type Place = Vec<(usize, u64)>;

fn place(props: &Map<String, Value>) -> Place {
    let step = |(n, (key, _)): (usize, &(&str, &str))| Some((n, props.get(*key)?.as_u64()?));
    LEVELS.iter().enumerate().filter_map(step).collect()
}

/// Makes the tree from the replies to `query-cpus-fast` and `query-hotpluggable-cpus`.
pub(super) fn tree(cpus: &[u8], slots: &[u8]) -> Tree {
    let mut tree = Tree::new("TOPOLOGY", COLUMNS);
    let (cpus, slots) = (list::<Cpu>(cpus), list::<Slot>(slots));
    tree.note_left_out(cpus.left_out, "CPUs");
    tree.note_left_out(slots.left_out, "slots");
    let mut types = HashMap::new();
    let mut placed: Vec<(Place, Entry)> = Vec::new();
    for slot in slots.entries {
        match slot.qom_path {
            Some(path) => _ = types.insert(path, slot.ty),
            None => placed.push((place(&slot.props), slot.into_entry())),
        }
    }
    let mut shared: HashMap<Place, usize> = HashMap::new();
    for cpu in &cpus.entries {
        *shared.entry(place(&cpu.props)).or_default() += 1;
    }
    for cpu in cpus.entries {
        let mut place = place(&cpu.props);
        if shared[&place] > 1 {
            // Some machines place only cores, each with several CPUs.
            place.push((LEVELS.len(), cpu.cpu_index));
        }
        placed.push((place, cpu.into_entry(&types)));
    }
    placed.sort_by(|(a, _), (b, _)| a.cmp(b));

    let mut levels: HashMap<Place, usize> = HashMap::new();
    for (place, mut entry) in placed {
        entry.name = place.last().map_or_else(|| entry.kind.to_owned(), |step| name(*step));
        let mut parent = None;
        for end in 1..place.len() {
            let add = || {
                let (level, _) = place[end - 1];
                let level = Entry::new(LEVELS[level].1, name(place[end - 1]));
                match parent {
                    None => tree.add_root(level),
                    Some(parent) => tree.add_child(parent, level),
                }
            };
            parent = Some(*levels.entry(place[..end].to_vec()).or_insert_with(add));
        }
        match parent {
            None => tree.add_root(entry),
            Some(parent) => tree.add_child(parent, entry),
        };
    }
    fold(&mut tree);
    tree
}

fn name((level, id): (usize, u64)) -> String {
    format!("{} {id}", LEVELS.get(level).map_or("CPU", |(_, kind)| kind))
}

impl Cpu {
    fn into_entry(self, types: &HashMap<String, String>) -> Entry {
        Entry::new("cpu", "")
            .with("cpu-index", self.cpu_index)
            .with("state", self.cpu_state)
            .with("thread-id", self.thread_id)
            .with("qom-path", Some(self.qom_path.as_str()).filter(|path| !path.is_empty()))
            .with("type", types.get(&self.qom_path).cloned())
            .with("target", self.target)
            .with("props", Some(self.props).filter(|props| !props.is_empty()))
            .alias(self.cpu_index.to_string())
            .alias(self.qom_path)
    }
}

impl Slot {
    fn into_entry(self) -> Entry {
        Entry::new("slot", "")
            .with("state", "free")
            .with("cpus", Some(self.vcpus_count).filter(|count| *count != 1))
            .with("type", self.ty)
            .with("props", self.props)
    }
}

/// Counts the free slots at each level, and folds what has nothing else.
fn fold(tree: &mut Tree) {
    // Each entry comes after the one that it hangs on.
    let mut counts = vec![(0_u64, 0_u64); tree.entries.len()];
    for n in (0..tree.entries.len()).rev() {
        let entry = &mut tree.entries[n];
        counts[n] = match entry.kind {
            "cpu" => (1, 0),
            "slot" => (0, entry.get("cpus").and_then(Value::as_u64).unwrap_or(1)),
            _ => entry.children.iter().fold((0, 0), |(cpus, free), child| {
                let (more_cpus, more_free) = counts[child.entry];
                (cpus + more_cpus, free.saturating_add(more_free))
            }),
        };
        if let (cpus, free @ 1..) = counts[n]
            && !entry.children.is_empty()
        {
            entry.members.push(("free", free.into()));
            entry.is_folded = cpus == 0;
        }
    }
}
