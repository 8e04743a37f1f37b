//! The forms of a tree for programs: JSON, and DOT for Graphviz.

use std::fmt::Write as _;

use serde_json::Value;

use super::tree::{Format, Tree};
use crate::output::units::bytes;
use qmpsh::text;

/// How deep the JSON form nests: what reads it may have a limit.
const DEEPEST: usize = 100;

/// Returns the tree as JSON: a list of objects, each with what hangs on it as `children`.
pub(super) fn json(tree: &Tree) -> String {
    let mut out = String::from("[");
    let mut depth = None;
    for visit in tree.walk(false).iter().filter(|visit| visit.depth < DEEPEST) {
        let entry = &tree.entries[visit.entry];
        match depth {
            None => {}
            Some(depth) if visit.depth > depth => out.push_str(",\"children\":["),
            Some(depth) => {
                out.push('}');
                out.push_str(&"]}".repeat(depth - visit.depth));
                out.push(',');
            }
        }
        depth = Some(visit.depth);
        out.push('{');
        let mut comma = "";
        let mut member = |key: &str, value: &Value| {
            // Writing to a String does not fail.
            let _ = write!(out, "{comma}{}:{value}", Value::from(key));
            comma = ",";
        };
        if let Some(role) = visit.role {
            member("role", &role.into());
        }
        member("kind", &entry.kind.into());
        member("name", &entry.name.as_str().into());
        if visit.is_repeated {
            member("repeated", &true.into());
            continue;
        }
        entry.members.iter().for_each(|(key, value)| member(key, value));
        if visit.depth + 1 == DEEPEST && !entry.children.is_empty() {
            member("children-left-out", &entry.children.len().into());
        }
    }
    if let Some(depth) = depth {
        out.push('}');
        out.push_str(&"]}".repeat(depth));
    }
    out.push(']');
    out
}

/// Returns the tree as a graph in Graphviz's language. Entries and what hangs on them are its nodes and edges.
pub(super) fn dot(tree: &Tree) -> String {
    let mut out = String::from("digraph qemu {\n  rankdir=LR;\n  node [shape=box];\n");
    let mut edges = String::new();
    let mut path: Vec<usize> = Vec::new();
    for visit in tree.walk(false) {
        let entry = &tree.entries[visit.entry];
        path.truncate(visit.depth);
        if let Some(parent) = path.last() {
            let _ = write!(edges, "  n{parent} -> n{}", visit.entry);
            let _ = match visit.role {
                Some(role) => writeln!(edges, " [label={}];", quoted(role)),
                None => writeln!(edges, ";"),
            };
        }
        path.push(visit.entry);
        if visit.is_repeated {
            continue;
        }
        let mut label = vec![format!("{} {}", entry.kind, entry.name)];
        let shows = tree.columns.iter().flat_map(|column| column.shows);
        for (key, format) in shows.filter(|(_, format)| entry.shows(*format)) {
            label.extend(entry.get(key).map(|value| value_text(value, *format)).filter(|text| !text.is_empty()));
        }
        let _ = writeln!(out, "  n{} [label={}];", visit.entry, quoted(&label.join("\n")));
    }
    out + &edges + "}\n"
}

/// Quotes a label. A line break in it stays one; what could control a terminal is escaped.
fn quoted(label: &str) -> String {
    let lines: Vec<String> =
        label.split('\n').map(|line| text::line(line).replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", lines.join("\\n"))
}

/// Writes a value for people. It may need escaping.
pub(super) fn value_text(value: &Value, format: Format) -> String {
    let plain = || match value {
        Value::String(text) => text.clone(),
        Value::Bool(false) | Value::Null => String::new(),
        other => other.to_string(),
    };
    let in_bytes = || value.as_u64().map_or_else(plain, bytes);
    match format {
        Format::Text | Format::Leaf => plain(),
        Format::Bytes => in_bytes(),
        Format::Hex => value.as_u64().map_or_else(plain, |number| format!("{number:#x}")),
        Format::Before(text) => format!("{}{text}", plain()),
        Format::Flag(text) if *value == Value::Bool(true) => text.to_owned(),
        Format::Flag(_) => String::new(),
        Format::After(text) => format!("{text}{}", plain()),
        Format::BytesAfter(text) => format!("{text}{}", in_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Column, Entry};
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { title: "DRIVER", shows: &[("driver", Format::Text)] },
        Column { title: "SIZE", shows: &[("size", Format::Bytes)] },
    ];

    fn tree() -> Tree {
        let mut tree = Tree::new("NODE", COLUMNS);
        let disk = tree.add_root(Entry::new("device", "d\"0"));
        let top = tree.add(Entry::new("node", "top").with("driver", "qcow2").with("size", u64::MAX));
        let base = tree.add(Entry::new("node", "base\u{1b}"));
        tree.hang(disk, None, top);
        tree.hang(top, Some("backing".to_owned()), base);
        let job = tree.add_root(Entry::new("job", "j"));
        tree.hang(job, Some("source".to_owned()), top);
        tree
    }

    #[test]
    fn json_nests_and_repeats_no_subtree() {
        let expected = serde_json::json!([
            {"kind": "device", "name": "d\"0", "children": [
                {"kind": "node", "name": "top", "driver": "qcow2", "size": u64::MAX, "children": [
                    {"role": "backing", "kind": "node", "name": "base\u{1b}"}]}]},
            {"kind": "job", "name": "j", "children": [
                {"role": "source", "kind": "node", "name": "top", "repeated": true}]}]);
        assert_eq!(serde_json::from_str::<Value>(&json(&tree())).unwrap(), expected);
        assert_eq!(json(&Tree::new("NODE", COLUMNS)), "[]");
    }

    #[test]
    fn json_has_a_bounded_depth() {
        let mut tree = Tree::new("NODE", &[]);
        let mut last = tree.add_root(Entry::new("node", "0"));
        for n in 1..5000 {
            last = tree.add_child(last, Entry::new("node", n.to_string()));
        }
        tree.add_root(Entry::new("node", "after"));
        let text = json(&tree);
        assert_eq!(text.matches("\"kind\"").count(), DEEPEST + 1);
        assert!(text.contains("\"children-left-out\":1"), "{text}");
        assert_eq!(text.matches(['[', '{']).count(), text.matches([']', '}']).count());
    }

    #[test]
    fn dot_quotes_names() {
        let expected = r#"digraph qemu {
  rankdir=LR;
  node [shape=box];
  n0 [label="device d\"0"];
  n1 [label="node top\nqcow2\n15.9 EiB"];
  n2 [label="node base\\u{1b}"];
  n3 [label="job j"];
  n0 -> n1;
  n1 -> n2 [label="backing"];
  n3 -> n1 [label="source"];
}
"#;
        assert_eq!(dot(&tree()), expected);
    }
}
