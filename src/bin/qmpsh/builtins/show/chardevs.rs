//! `.show chardevs`: character devices, and what uses each.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::replies::list;
use super::tree::{Column, Entry, Format, Tree};

const COLUMNS: &[Column] = &[
    Column { title: "TYPE", shows: &[("type", Format::Text)] },
    Column { title: "STATE", shows: &[("state", Format::Text)] },
    Column { title: "BACKEND", shows: &[("filename", Format::Text)] },
];

/// Source: `ChardevInfo` in QEMU's `qapi/char.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Chardev {
    label: String,
    filename: String,
    #[serde(default)]
    frontend_open: bool,
}

/// An object that uses a character device.
#[derive(Debug)]
pub(super) struct User {
    pub(super) path: String,
    pub(super) ty: String,
    pub(super) chardev: String,
}

/// Makes the tree from the reply to `query-chardev` and the objects that have a property `chardev`.
pub(super) fn tree(reply: &[u8], users: Vec<User>) -> Tree {
    let mut tree = Tree::new("NAME", COLUMNS);
    let chardevs = list::<Chardev>(reply);
    tree.note_left_out(chardevs.left_out, "character devices");
    let mut by_label = HashMap::new();
    for chardev in chardevs.entries {
        let label = chardev.label.clone();
        let entry = tree.add_root(
            Entry::new("chardev", chardev.label)
                .with("filename", chardev.filename)
                .with("frontend-open", chardev.frontend_open),
        );
        by_label.insert(label, entry);
    }
    for user in users {
        let Some(chardev) = by_label.get(&user.chardev) else { continue };
        let name = user.path.rsplit('/').next().unwrap_or_default();
        let kind = if user.ty.starts_with("monitor") { "monitor" } else { "device" };
        // Devices without an id have a number only below their parent.
        let name = if name.ends_with(']') { &user.path } else { name };
        let entry = Entry::new(kind, name).with("type", user.ty).with("qom-path", user.path.as_str()).alias(&user.path);
        tree.add_child(*chardev, entry);
    }
    for entry in tree.entries.iter_mut().filter(|entry| entry.kind == "chardev") {
        // The monitors of a QEMU before 11.1 are no objects, but they are open.
        let is_open = entry.get("frontend-open") == Some(&Value::Bool(true));
        let state = match (is_open, entry.children.is_empty()) {
            (true, false) => continue,
            (true, true) => "in use",
            (false, false) => "closed",
            (false, true) => "unused",
        };
        entry.members.push(("state", state.into()));
    }
    tree
}
