//! `.show net`: network devices and their backends, from the text of the human monitor's `info network`.
//!
//! No command of QMP names network backends. Source: `hmp_info_network` and `print_net_client` in QEMU's `net/`.

use serde_json::Value;

use super::tree::{Column, Entry, Format, Tree};

const COLUMNS: &[Column] = &[
    Column { title: "TYPE", shows: &[("model", Format::Text), ("type", Format::Text)] },
    Column { title: "STATE", shows: &[("queues", Format::After("queues ")), ("state", Format::Text)] },
    Column { title: "DETAILS", shows: &[("mac", Format::Text), ("info", Format::Text)] },
];

/// How many lines are read. The rest is counted.
const MOST: usize = 10_000;

/// Makes the tree from the reply.
pub(super) fn tree(reply: &[u8]) -> Tree {
    let mut tree = Tree::new("NAME", COLUMNS);
    let text: String = serde_json::from_slice(reply).unwrap_or_default();
    // What the next indented line belongs to, and the last client, which filters belong to.
    let (mut parent, mut last) = (None, None);
    for line in text.lines().take(MOST) {
        if let Some(id) = line.strip_prefix("hub ") {
            parent = Some(tree.add_root(Entry::new("hub", format!("hub {id}"))));
        } else if let Some(filter) = line.strip_prefix("  - ") {
            if let (Some(client), Some((name, options))) = (last, filter.split_once(": ")) {
                tree.add_child(client, client_entry("filter", name, options));
            }
        } else if let Some(peer) = line.strip_prefix(" \\ ") {
            let Some((name, rest)) = peer.split_once(": ") else { continue };
            let Some(parent) = parent else { continue };
            if rest.starts_with("index=") {
                last = Some(add(&mut tree, Some(parent), name, rest));
            } else if let Some((peer, rest)) = rest.split_once(": ") {
                // The port of a hub, and what is connected to it.
                let port = tree.add_child(parent, Entry::new("port", name).with("type", "hubport"));
                last = Some(add(&mut tree, Some(port), peer, rest));
            } else {
                tree.add_child(parent, Entry::new("port", name).with("type", "hubport"));
            }
        } else if let Some((name, rest)) = line.split_once(": ").filter(|(_, rest)| rest.starts_with("index=")) {
            parent = Some(add(&mut tree, None, name, rest));
            last = parent;
        }
    }
    let left_out = text.lines().count().saturating_sub(MOST);
    tree.note_left_out(left_out as u64, "lines");
    for root in tree.roots.clone() {
        let entry = &mut tree.entries[root];
        let has_peer = !entry.children.is_empty();
        match entry.kind {
            "nic" if !has_peer => entry.members.push(("state", "no backend".into())),
            "netdev" if !has_peer => entry.members.push(("state", "no device".into())),
            _ => {}
        }
    }
    tree
}

/// Adds a client, unless this is one more queue of the client that was last added there.
fn add(tree: &mut Tree, parent: Option<usize>, name: &str, rest: &str) -> usize {
    let siblings: Vec<usize> = match parent {
        Some(parent) => tree.entries[parent].children.iter().map(|child| child.entry).collect(),
        None => tree.roots.clone(),
    };
    let is_further_queue = !rest.starts_with("index=0,");
    let same = siblings.into_iter().rev().find(|sibling| tree.entries[*sibling].name == name);
    if let Some(same) = same.filter(|_| is_further_queue) {
        let entry = &mut tree.entries[same];
        match entry.members.iter_mut().find(|(key, _)| *key == "queues") {
            Some((_, queues)) => *queues = Value::from(queues.as_u64().unwrap_or(1) + 1),
            None => entry.members.push(("queues", 2.into())),
        }
        return same;
    }
    let options = rest.split_once(',').map_or("", |(_, options)| options);
    let is_nic = options.split(',').any(|option| option == "type=nic");
    let entry = client_entry(if is_nic { "nic" } else { "netdev" }, name, options);
    match parent {
        Some(parent) => tree.add_child(parent, entry),
        None => tree.add_root(entry),
    }
}

/// Reads `type=TYPE,OPTIONS`.
fn client_entry(kind: &'static str, name: &str, options: &str) -> Entry {
    let (ty, rest) =
        options.strip_prefix("type=").map_or(("", options), |rest| rest.split_once(',').unwrap_or((rest, "")));
    let option = |key: &str| rest.split(',').find_map(|option| option.strip_prefix(key)?.strip_prefix('='));
    if kind != "nic" {
        let info = Some(rest.trim()).filter(|rest| !rest.is_empty());
        return Entry::new(kind, name).with("type", ty).with("info", info);
    }
    Entry::new(kind, name).with("model", option("model")).with("mac", option("macaddr"))
}
