//! `.show block`: devices and their nodes, exports and jobs.

#![expect(clippy::struct_field_names, reason = "the names are those of QEMU")]

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::replies::{List, list};
use super::tree::{Column, Entry, Format, Tree};

const COLUMNS: &[Column] = &[
    Column { title: "DRIVER", shows: &[("driver", Format::Text), ("type", Format::Text)] },
    Column { title: "SIZE", shows: &[("size", Format::Bytes)] },
    Column { title: "USED", shows: &[("used", Format::Bytes)] },
    Column {
        title: "DETAILS",
        shows: &[
            ("read-only", Format::Flag("ro")),
            ("encrypted", Format::Flag("encrypted")),
            ("empty", Format::Flag("empty")),
            ("tray-open", Format::Flag("tray open")),
            ("locked", Format::Flag("locked")),
            ("io-status", Format::After("error: ")),
            ("status", Format::Text),
            ("percent", Format::Before("%")),
            ("drive", Format::After("drive ")),
            ("cache-mode", Format::After("cache ")),
            ("bps", Format::BytesAfter("bps ")),
            ("bps_rd", Format::BytesAfter("bps_rd ")),
            ("bps_wr", Format::BytesAfter("bps_wr ")),
            ("iops", Format::After("iops ")),
            ("iops_rd", Format::After("iops_rd ")),
            ("iops_wr", Format::After("iops_wr ")),
            ("detect-zeroes", Format::After("detect-zeroes ")),
            ("file", Format::Leaf),
        ],
    },
];

/// The replies that the view is made of. Those that the peer does not have are empty.
#[derive(Debug, Default)]
pub(super) struct Replies<'a> {
    /// `x-debug-query-block-graph`
    pub(super) graph: &'a [u8],
    /// `query-named-block-nodes`
    pub(super) nodes: &'a [u8],
    /// `query-block`
    pub(super) drives: &'a [u8],
    /// `query-block-exports`
    pub(super) exports: &'a [u8],
    /// `query-jobs`
    pub(super) jobs: &'a [u8],
}

/// Source: `XDbgBlockGraph` in QEMU's `qapi/block-core.json`.
#[derive(Debug, Default, Deserialize)]
struct Graph {
    nodes: List<GraphNode>,
    edges: List<GraphEdge>,
}

#[derive(Debug, Deserialize)]
struct GraphNode {
    id: u64,
    #[serde(rename = "type")]
    ty: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct GraphEdge {
    parent: u64,
    child: u64,
    name: String,
}

/// Source: `BlockDeviceInfo` in QEMU's `qapi/block-core.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Node {
    node_name: String,
    drv: String,
    #[serde(default)]
    ro: bool,
    #[serde(default)]
    file: String,
    #[serde(default)]
    encrypted: bool,
    image: Option<Image>,
    cache: Option<Cache>,
    #[serde(rename = "backing_file")]
    backing_file: Option<String>,
    #[serde(rename = "detect_zeroes")]
    detect_zeroes: Option<String>,
    /// Since QEMU 10.1.
    #[serde(default)]
    children: List<NodeChild>,
    #[serde(default)]
    dirty_bitmaps: List<Bitmap>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    virtual_size: Option<u64>,
    actual_size: Option<u64>,
    cluster_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cache {
    writeback: bool,
    direct: bool,
    no_flush: bool,
}

impl Cache {
    /// Returns the name that `-drive cache=` has for it. Source: qemu-options.hx.
    fn mode(&self) -> &'static str {
        match (self.writeback, self.direct, self.no_flush) {
            (true, false, false) => "writeback",
            (true, true, false) => "none",
            (false, false, false) => "writethrough",
            (false, true, false) => "directsync",
            (true, false, true) => "unsafe",
            (true, true, true) => "none without flushes",
            (false, false, true) => "writethrough without flushes",
            (false, true, true) => "directsync without flushes",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct NodeChild {
    child: String,
    node_name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Bitmap {
    name: Option<String>,
    granularity: u64,
    count: u64,
    #[serde(default)]
    recording: bool,
    #[serde(default)]
    persistent: bool,
}

/// Source: `BlockInfo` in QEMU's `qapi/block-core.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Drive {
    device: String,
    qdev: Option<String>,
    #[serde(default)]
    removable: bool,
    #[serde(default)]
    locked: bool,
    #[serde(rename = "tray_open", default)]
    tray_open: bool,
    io_status: Option<String>,
    inserted: Option<Inserted>,
}

/// The limits are 0 if there are none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Inserted {
    node_name: Option<String>,
    cache: Option<Cache>,
    group: Option<String>,
    #[serde(flatten)]
    limits: HashMap<String, Value>,
}

/// The limits of a device, of both directions together and of each.
const LIMITS: [&str; 6] = ["bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"];

/// Source: `BlockExportInfo` in QEMU's `qapi/block-export.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Export {
    id: String,
    #[serde(rename = "type")]
    ty: String,
    node_name: String,
    #[serde(default)]
    shutting_down: bool,
}

/// Source: `JobInfo` in QEMU's `qapi/job.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Job {
    id: String,
    #[serde(rename = "type")]
    ty: String,
    status: String,
    #[serde(default)]
    current_progress: u64,
    #[serde(default)]
    total_progress: u64,
}

/// Makes the tree: devices first, then exports, jobs, and nodes that nothing uses.
pub(super) fn tree(replies: &Replies<'_>) -> Tree {
    let mut tree = Tree::new("NODE", COLUMNS);
    let graph: Graph = serde_json::from_slice(replies.graph).unwrap_or_default();
    let nodes: List<Node> = list(replies.nodes);
    tree.note_left_out(nodes.left_out.max(graph.nodes.left_out), "nodes");
    tree.note_left_out(graph.edges.left_out, "edges");

    let mut by_name: HashMap<String, usize> = HashMap::new();
    let mut children = Vec::new();
    for node in nodes.entries {
        let name = node.node_name.clone();
        let own =
            node.children.entries.iter().filter_map(|child| Some((child.child.clone(), child.node_name.clone()?)));
        children.push((name.clone(), own.collect::<Vec<_>>()));
        let entry = tree.add(node.into_entry());
        by_name.insert(name, entry);
    }
    let below = add_graph(&mut tree, &graph, &mut by_name);
    if graph.nodes.entries.is_empty() {
        // Without the graph there are the children that newer peers list.
        for (parent, children) in children {
            for (role, child) in children {
                if let (Some(parent), Some(child)) = (by_name.get(&parent), by_name.get(&child)) {
                    tree.hang(*parent, Some(role), *child);
                }
            }
        }
    }
    add_drives(&mut tree, list(replies.drives), &graph, &below, &by_name);
    for export in list::<Export>(replies.exports).entries {
        let entry = Entry::new("export", export.id).with("type", export.ty).with("node", export.node_name.as_str());
        let entry = tree.add_root(entry.with("status", export.shutting_down.then_some("shutting down")));
        if let Some(node) = by_name.get(&export.node_name) {
            tree.hang(entry, None, *node);
        }
    }
    add_jobs(&mut tree, list(replies.jobs), &graph, &below);
    for entry in &mut tree.entries {
        // A long chain is drawn downwards.
        entry.children.sort_by_key(|child| child.role.as_deref() == Some("backing"));
    }
    tree
}

impl Node {
    fn into_entry(self) -> Entry {
        let image = self.image.unwrap_or(Image { virtual_size: None, actual_size: None, cluster_size: None });
        let bitmaps = self.dirty_bitmaps.entries.into_iter().map(|bitmap| {
            serde_json::json!({ "name": bitmap.name, "dirty": bitmap.count, "granularity": bitmap.granularity,
                "recording": bitmap.recording, "persistent": bitmap.persistent })
        });
        let bitmaps: Vec<Value> = bitmaps.collect();
        let cache = self.cache.map(|cache| {
            serde_json::json!({ "writeback": cache.writeback, "direct": cache.direct, "no-flush": cache.no_flush })
        });
        Entry::new("node", self.node_name)
            .with("driver", self.drv)
            .with("size", image.virtual_size)
            .with("used", image.actual_size)
            .flag("read-only", self.ro)
            .flag("encrypted", self.encrypted)
            .with("file", Some(self.file).filter(|file| !file.is_empty()))
            .with("backing-file", self.backing_file)
            .with("cluster-size", image.cluster_size)
            .with("cache", cache)
            .with("detect-zeroes", self.detect_zeroes.filter(|mode| mode != "off"))
            .with("bitmaps", Some(bitmaps).filter(|bitmaps| !bitmaps.is_empty()))
    }
}

/// The nodes that hang on each part of the graph, with what they are to it, by its id.
type Below<'g> = HashMap<u64, Vec<(&'g str, usize)>>;

/// Adds the edges between nodes, and the nodes that only the graph has.
fn add_graph<'g>(tree: &mut Tree, graph: &'g Graph, by_name: &mut HashMap<String, usize>) -> Below<'g> {
    let mut by_id = HashMap::new();
    for node in graph.nodes.entries.iter().filter(|node| node.ty == "block-driver") {
        let entry = *by_name.entry(node.name.clone()).or_insert_with(|| tree.add(Entry::new("node", &node.name)));
        by_id.insert(node.id, entry);
    }
    let mut below = Below::new();
    for edge in &graph.edges.entries {
        let Some(child) = by_id.get(&edge.child) else { continue };
        match by_id.get(&edge.parent) {
            Some(parent) => tree.hang(*parent, Some(edge.name.clone()), *child),
            None => below.entry(edge.parent).or_default().push((&edge.name, *child)),
        }
    }
    below
}

fn add_drives(
    tree: &mut Tree,
    drives: List<Drive>,
    graph: &Graph,
    below: &Below<'_>,
    by_name: &HashMap<String, usize>,
) {
    tree.note_left_out(drives.left_out, "devices");
    // A device is in the graph by the name of its drive, or else by its own. One without a name belongs to a job or an export.
    let backends = graph.nodes.entries.iter().filter(|node| node.ty == "block-backend" && !node.name.is_empty());
    let mut backends: HashMap<&str, u64> = backends.map(|node| (node.name.as_str(), node.id)).collect();
    for drive in drives.entries {
        let qdev = drive.qdev.unwrap_or_default();
        let name = if qdev.is_empty() { drive.device.clone() } else { short(&qdev) };
        let io_status = drive.io_status.filter(|status| status != "ok");
        let entry = Entry::new("device", name)
            .with("drive", Some(drive.device.clone()).filter(|name| !name.is_empty() && !qdev.is_empty()))
            .with("qdev", Some(qdev.clone()).filter(|qdev| !qdev.is_empty()))
            .flag("empty", drive.inserted.is_none())
            .flag("removable", drive.removable)
            .flag("tray-open", drive.tray_open)
            .flag("locked", drive.locked)
            .with("io-status", io_status);
        let inserted = drive.inserted;
        let mode = inserted.as_ref().and_then(|inserted| inserted.cache.as_ref()).map(Cache::mode);
        let group = inserted.as_ref().and_then(|inserted| inserted.group.clone());
        let limit = |name: &str| inserted.as_ref()?.limits.get(name)?.as_u64().filter(|limit| *limit > 0);
        let entry = LIMITS.iter().fold(entry.with("cache-mode", mode), |entry, name| entry.with(name, limit(name)));
        let entry = entry.with("throttle-group", group).alias(drive.device.clone()).alias(qdev.clone());
        let entry = tree.add_root(entry);
        let id = backends.remove(drive.device.as_str()).or_else(|| backends.remove(qdev.as_str()));
        // The graph has filters above the node that `query-block` names.
        let node = id.and_then(|id| below.get(&id)?.first()).map(|(_, node)| *node);
        let inserted = inserted.and_then(|inserted| inserted.node_name);
        if let Some(node) = node.or_else(|| by_name.get(&inserted?).copied()) {
            tree.hang(entry, None, node);
        }
    }
    // A storage daemon has no `query-block`.
    let mut others: Vec<_> = backends.into_iter().collect();
    others.sort_unstable();
    for (name, id) in others {
        let entry = tree.add_root(Entry::new("device", short(name)).alias(name));
        for (_, node) in below.get(&id).into_iter().flatten() {
            tree.hang(entry, None, *node);
        }
    }
}

fn add_jobs(tree: &mut Tree, jobs: List<Job>, graph: &Graph, below: &Below<'_>) {
    let ids = graph.nodes.entries.iter().filter(|node| node.ty == "block-job");
    let ids: HashMap<&str, u64> = ids.map(|node| (node.name.as_str(), node.id)).collect();
    for job in jobs.entries {
        let percent = u128::from(job.current_progress) * 100 / u128::from(job.total_progress.max(1));
        let percent = u64::try_from(percent).ok().filter(|_| job.total_progress > 1);
        let id = ids.get(job.id.as_str()).copied();
        let entry = Entry::new("job", job.id)
            .with("type", job.ty)
            .with("status", job.status)
            .with("percent", percent.map(|percent| percent.min(100)))
            .with("current-progress", job.current_progress)
            .with("total-progress", job.total_progress);
        let entry = tree.add_root(entry);
        let mut nodes = id.and_then(|id| below.get(&id)).cloned().unwrap_or_default();
        // `main node` says least.
        nodes.sort_by_key(|(role, _)| *role == "main node");
        for (role, node) in nodes {
            if !tree.entries[entry].children.iter().any(|child| child.entry == node) {
                tree.hang(entry, Some(role.to_owned()), node);
            }
        }
    }
}

/// Shortens the path of a device to its id, if it has one.
fn short(qdev: &str) -> String {
    let path = qdev.strip_suffix("/virtio-backend").unwrap_or(qdev);
    path.strip_prefix("/machine/peripheral/").filter(|id| !id.contains('/')).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_modes_have_the_names_of_the_command_line() {
        let check = |writeback, direct, no_flush, expected: &str| {
            assert_eq!(Cache { writeback, direct, no_flush }.mode(), expected);
        };
        check(true, false, false, "writeback");
        check(true, true, false, "none");
        check(false, false, false, "writethrough");
        check(false, true, false, "directsync");
        check(true, false, true, "unsafe");
        check(true, true, true, "none without flushes");
    }
}
