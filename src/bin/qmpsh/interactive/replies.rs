//! What is in the replies to the shell's own queries, as far as completion needs it. A reply that is not as it should be has nothing.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::session::queries::Listed;
use qmpsh::language::complete::LiveValue;

type Values = Vec<LiveValue>;

fn value(name: impl Into<String>, about: impl Into<String>) -> LiveValue {
    LiveValue { name: name.into(), about: about.into() }
}

fn read<T: DeserializeOwned>(reply: &[u8], of: impl Fn(T) -> Option<LiveValue>) -> Values {
    entries(reply, of)
}

/// Those of the entries of a list that can be read; a later QEMU may have others.
fn entries<T: DeserializeOwned, V>(reply: &[u8], of: impl Fn(T) -> Option<V>) -> Vec<V> {
    let entries: Vec<serde_json::Value> = serde_json::from_slice(reply).unwrap_or_default();
    entries.into_iter().filter_map(|entry| of(serde_json::from_value(entry).ok()?)).collect()
}

/// Source: `BlockStats` in QEMU's `qapi/block-core.json`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Drive {
    device: String,
    /// The path of the device in the object model.
    qdev: Option<String>,
    node_name: Option<String>,
}

pub(super) fn drives(reply: &[u8]) -> Values {
    read(reply, |drive: Drive| {
        let node = drive.node_name.unwrap_or_else(|| "empty".to_owned());
        let about = drive.qdev.map_or(node.clone(), |qdev| format!("{node}, {qdev}"));
        // One that was made with -blockdev has no name of its own.
        (!drive.device.is_empty()).then(|| value(drive.device, about))
    })
}

/// The node of the block device of this name.
pub(super) fn node_of_drive(reply: &[u8], name: &str) -> Option<String> {
    entries(reply, |drive: Drive| drive.node_name.filter(|_| drive.device == name)).pop()
}

/// Source: `XDbgBlockGraph` in QEMU's `qapi/block-core.json`.
#[derive(Default, Deserialize)]
struct Graph {
    nodes: Vec<GraphNode>,
    edges: Vec<Edge>,
}

#[derive(Deserialize)]
struct GraphNode {
    id: u64,
    #[serde(rename = "type")]
    ty: String,
    name: String,
}

#[derive(Deserialize)]
struct Edge {
    parent: u64,
    child: u64,
    name: String,
}

/// The block nodes, each with what it is to others, such as `file of disk0`.
pub(super) fn nodes_of_graph(reply: &[u8]) -> Values {
    let Graph { nodes, edges } = serde_json::from_slice(reply).unwrap_or_default();
    let names: HashMap<_, _> = nodes.iter().map(|node| (node.id, node.name.as_str())).collect();
    let about = |child: u64| {
        let parents = edges.iter().filter(|edge| edge.child == child);
        let roles = parents.filter_map(|edge| Some(format!("{} of {}", edge.name, names.get(&edge.parent)?)));
        roles.collect::<Vec<_>>().join(", ")
    };
    let block_nodes = nodes.iter().filter(|node| node.ty == "block-driver");
    block_nodes.map(|node| value(&node.name, about(node.id))).collect()
}

/// Source: `BlockDeviceInfo` in QEMU's `qapi/block-core.json`.
#[derive(Deserialize)]
struct Node {
    #[serde(rename = "node-name")]
    name: Option<String>,
    drv: String,
    file: String,
}

pub(super) fn nodes(reply: &[u8]) -> Values {
    read(reply, |node: Node| {
        let about = if node.file.is_empty() { node.drv } else { format!("{} {}", node.drv, node.file) };
        node.name.map(|name| value(name, about))
    })
}

/// Source: `BlockDirtyInfo` in QEMU's `qapi/block-core.json`.
#[derive(Deserialize)]
struct Bitmap {
    /// One that a job has made for itself has none.
    name: Option<String>,
    #[serde(default)]
    recording: bool,
    #[serde(default)]
    persistent: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WithBitmaps {
    node_name: Option<String>,
    #[serde(default)]
    dirty_bitmaps: Vec<Bitmap>,
}

impl WithBitmaps {
    fn values(self) -> impl Iterator<Item = LiveValue> {
        let node = self.node_name.unwrap_or_default();
        self.dirty_bitmaps.into_iter().filter_map(move |bitmap| {
            let recording = if bitmap.recording { "" } else { ", not recording" };
            let persistent = if bitmap.persistent { ", persistent" } else { "" };
            Some(value(bitmap.name?, format!("of {node}{recording}{persistent}")))
        })
    }
}

/// The dirty bitmaps of the node of this name, or of all nodes.
pub(super) fn bitmaps(nodes: &[u8], name: Option<&str>) -> Values {
    let nodes = entries(nodes, |node: WithBitmaps| Some(node));
    let wanted = nodes.into_iter().filter(|node| name.is_none() || node.node_name.as_deref() == name);
    wanted.flat_map(WithBitmaps::values).collect()
}

/// Source: `BlockExportInfo` in QEMU's `qapi/block-export.json`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Export {
    id: String,
    #[serde(rename = "type")]
    ty: String,
    node_name: String,
}

pub(super) fn exports(reply: &[u8]) -> Values {
    read(reply, |export: Export| Some(value(export.id, format!("{} of {}", export.ty, export.node_name))))
}

/// Source: `JobInfo` in QEMU's `qapi/job.json`.
#[derive(Deserialize)]
struct Job {
    id: String,
    #[serde(rename = "type")]
    ty: String,
    status: String,
}

pub(super) fn jobs(reply: &[u8]) -> Values {
    read(reply, |job: Job| Some(value(job.id, format!("{}, {}", job.ty, job.status))))
}

/// Source: `BlockJobInfo` in QEMU's `qapi/block-core.json`.
#[derive(Deserialize)]
struct BlockJob {
    device: String,
    #[serde(rename = "type")]
    ty: String,
}

pub(super) fn block_jobs(reply: &[u8]) -> Values {
    read(reply, |job: BlockJob| (!job.device.is_empty()).then(|| value(job.device, job.ty)))
}

/// Source: `ChardevInfo` in QEMU's `qapi/char.json`.
#[derive(Deserialize)]
struct Chardev {
    label: String,
    filename: String,
}

pub(super) fn chardevs(reply: &[u8]) -> Values {
    read(reply, |chardev: Chardev| Some(value(chardev.label, chardev.filename)))
}

/// All that is at a path: children, links and properties, by name.
pub(super) fn listed(reply: &[u8]) -> Values {
    let mut listed = read(reply, |listed: Listed| Some(value(listed.name, listed.ty)));
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    listed
}

fn within<'a>(kind: &str, ty: &'a str) -> Option<&'a str> {
    ty.strip_prefix(kind)?.strip_prefix('<')?.strip_suffix('>')
}

/// The children, each with its type.
pub(super) fn children(listed: Values) -> Values {
    listed.into_iter().filter_map(|one| Some(value(one.name, within("child", &one.about)?))).collect()
}

/// The types of the children.
pub(super) fn types(listed: Values) -> Values {
    children(listed).into_iter().map(|child| value(child.about, "")).collect()
}

/// Where a path can go on: children and links.
pub(super) fn steps(listed: Values) -> Values {
    let is_step = |one: &LiveValue| within("child", &one.about).or_else(|| within("link", &one.about)).is_some();
    listed.into_iter().filter(is_step).collect()
}

/// What has a value.
pub(super) fn properties(listed: Values) -> Values {
    listed.into_iter().filter(|one| within("child", &one.about).is_none()).collect()
}

/// The network backends of `info network`: `net0: index=0,type=user,…`, indented with ` \ ` where a device uses it.
pub(super) fn netdevs(reply: &[u8]) -> Values {
    let text: String = serde_json::from_slice(reply).unwrap_or_default();
    let netdev = |line: &str| {
        let line = line.trim_start_matches([' ', '\\']);
        let (name, options) = line.split_once(": ")?;
        let ty = options.split(',').find_map(|option| option.strip_prefix("type="))?;
        (options.starts_with("index=") && ty != "nic").then(|| value(name, ty))
    };
    text.lines().filter_map(netdev).collect()
}

/// The lines of `help`: `name|alias arguments -- what it does`.
pub(super) fn hmp_commands(reply: &[u8]) -> Values {
    hmp(reply, |line| Some(line))
}

/// The lines of `help info`: `info name arguments -- what it does`.
pub(super) fn hmp_info(reply: &[u8]) -> Values {
    hmp(reply, |line| line.strip_prefix("info "))
}

fn hmp(reply: &[u8], rest: fn(&str) -> Option<&str>) -> Values {
    let text: String = serde_json::from_slice(reply).unwrap_or_default();
    let mut values = Vec::new();
    for line in text.lines() {
        let Some((left, about)) = line.split_once(" -- ") else { continue };
        let names = rest(left.trim()).and_then(|left| left.split_whitespace().next()).unwrap_or_default();
        let is_name = |name: &&str| name.starts_with(|c: char| c.is_ascii_alphabetic());
        values.extend(names.split('|').filter(is_name).map(|name| value(name, about.trim())));
    }
    values.sort_by(|a, b| a.name.cmp(&b.name));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_qemu() {
        let check = |values: Values, expected: &[(&str, &str)]| {
            let found: Vec<_> = values.iter().map(|value| (value.name.as_str(), value.about.as_str())).collect();
            assert_eq!(found, expected);
        };
        check(
            drives(br#"[{"device":"ide0","qdev":"/x","node-name":"n","stats":{}},{"device":"d","node-name":"n"},{"device":"cd"},{"device":""},5]"#),
            &[("ide0", "n, /x"), ("d", "n"), ("cd", "empty")],
        );
        check(
            nodes_of_graph(
                br##"{"nodes":[{"id":1,"type":"block-driver","name":"n0"},{"id":2,"type":"block-driver","name":"#b"},
                {"id":3,"type":"block-backend","name":"d0"},{"id":4,"type":"new","name":"x"}],
                "edges":[{"parent":3,"child":1,"name":"root","perm":[]},{"parent":1,"child":2,"name":"file"},
                {"parent":4,"child":2,"name":"x"},{"parent":9,"child":2,"name":"y"}]}"##,
            ),
            &[("n0", "root of d0"), ("#b", "file of n0, x of x")],
        );
        check(
            nodes(br##"[{"node-name":"n0","drv":"qcow2","file":"a"},{"drv":"raw","file":""},{"node-name":"#b","drv":"null-co","file":""}]"##),
            &[("n0", "qcow2 a"), ("#b", "null-co")],
        );
        let on_nodes =
            br#"[{"node-name":"n0","drv":"qcow2","dirty-bitmaps":[{"name":"b0","recording":true,"persistent":true},
            {"recording":true}]},{"node-name":"n1","dirty-bitmaps":[{"name":"b1"}]},{"node-name":"n2"},5]"#;
        check(bitmaps(on_nodes, Some("n0")), &[("b0", "of n0, persistent")]);
        check(bitmaps(on_nodes, Some("n2")), &[]);
        check(bitmaps(on_nodes, None), &[("b0", "of n0, persistent"), ("b1", "of n1, not recording")]);
        let on_drives = br#"[{"device":"d0","node-name":"n0"},{"device":"d1"},{"node-name":"n1"}]"#;
        assert_eq!(node_of_drive(on_drives, "d0").as_deref(), Some("n0"));
        assert_eq!(node_of_drive(on_drives, "d1"), None);
        check(exports(br#"[{"id":"e","type":"nbd","node-name":"n","shutting-down":false}]"#), &[("e", "nbd of n")]);
        check(jobs(br#"[{"id":"j","type":"backup","status":"running"}]"#), &[("j", "backup, running")]);
        check(block_jobs(br#"[{"device":"j","type":"mirror"},{"device":"","type":"stream"}]"#), &[("j", "mirror")]);
        check(chardevs(br#"[{"label":"m0","filename":"unix:x","frontend-open":true}]"#), &[("m0", "unix:x")]);
        let all = || {
            listed(br#"[{"name":"type","type":"string"},{"name":"net0","type":"child<e1000>"},{"name":"bus","type":"link<bus>"}]"#)
        };
        check(children(all()), &[("net0", "e1000")]);
        check(types(all()), &[("e1000", "")]);
        check(steps(all()), &[("bus", "link<bus>"), ("net0", "child<e1000>")]);
        check(properties(all()), &[("bus", "link<bus>"), ("type", "string")]);
        check(
            netdevs(br#""hub 0\r\n \\ hub0port0: h: index=0,type=user\r\nnic: index=0,type=nic,model=e1000\r\n \\ n0: index=0,type=user,net=10\r\nn1: index=0,type=tap\r\n""#),
            &[("n0", "user"), ("n1", "tap")],
        );
        let help = br#""help|? [cmd] -- show the help\r\nquit|q  -- quit the emulator\r\nno description\r\n""#;
        check(
            hmp_commands(help),
            &[("help", "show the help"), ("q", "quit the emulator"), ("quit", "quit the emulator")],
        );
        check(
            hmp_info(br#""info block [-v] -- show\r\ninfo version  -- tell\r\n""#),
            &[("block", "show"), ("version", "tell")],
        );
        for broken in [&b""[..], b"{}", b"5", b"[[]]"] {
            check(bitmaps(broken, None), &[]);
            assert_eq!(node_of_drive(broken, "d0"), None);
            for read in [
                drives,
                nodes,
                nodes_of_graph,
                exports,
                jobs,
                block_jobs,
                chardevs,
                listed,
                netdevs,
                hmp_commands,
                hmp_info,
            ] {
                check(read(broken), &[]);
            }
        }
    }
}
