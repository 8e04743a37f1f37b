//! The views of one VM on three versions of QEMU. `samples/` has their replies (without what no view reads), and what is drawn of
//! those of the newest.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

use super::draw::{Lines, Style, draw};
use super::tree::Tree;
use super::{block, chardevs, cpus, forms, memory, net, pci};
use crate::output::color::Colors;
use crate::output::columns::width;

const SAMPLES: [(&str, &str); 3] = [
    ("7.2", include_str!("samples/7.2.json")),
    ("10.0", include_str!("samples/10.0.json")),
    ("11.1", include_str!("samples/11.1.json")),
];

const NEWEST: &str = SAMPLES[2].1;

/// All views of a sample, by name.
fn views(sample: &str) -> Vec<(&'static str, Tree)> {
    let replies: HashMap<String, Box<RawValue>> = serde_json::from_str(sample).unwrap();
    let reply = |name: &str| replies[name].get().as_bytes();
    let block = block::Replies {
        graph: reply("x-debug-query-block-graph"),
        nodes: reply("query-named-block-nodes"),
        drives: reply("query-block"),
        exports: reply("query-block-exports"),
        jobs: reply("query-jobs"),
    };
    let memory = memory::Replies {
        summary: reply("query-memory-size-summary"),
        devices: reply("query-memory-devices"),
        backends: reply("query-memdev"),
        balloon: reply("query-balloon"),
        machine: br#""/objects/pc.ram""#,
    };
    let user = |path: &str, ty: &str, chardev: &str| chardevs::User {
        path: path.to_owned(),
        ty: ty.to_owned(),
        chardev: chardev.to_owned(),
    };
    let users = vec![
        user("/machine/peripheral/ser0", "isa-serial", "rb0"),
        user("/machine/peripheral/port0", "virtserialport", "agent"),
        user("/machine/peripheral-anon/device[0]", "virtconsole", "con0"),
        user("/objects/compat_monitor0", "monitor-qmp", "mon0"),
        user("/objects/x", "filter-mirror", "gone"),
    ];
    vec![
        ("block", block::tree(&block)),
        ("pci", pci::tree(reply("query-pci"))),
        ("cpus", cpus::tree(reply("query-cpus-fast"), reply("query-hotpluggable-cpus"))),
        ("net", net::tree(reply("info network"))),
        ("chardevs", chardevs::tree(reply("query-chardev"), users)),
        ("memory", memory::tree(&memory)),
    ]
}

fn drawn(tree: &Tree, columns: usize) -> String {
    draw(tree, Style { width: Some(columns), lines: Lines::BOXES, colors: Colors::OFF })
}

/// Names and what hangs on what, without what differs from one start to the next.
fn outline(tree: &Tree) -> Vec<(usize, Option<String>, String)> {
    let visits = tree.walk(false).into_iter();
    let name = |entry: usize| {
        let name = &tree.entries[entry].name;
        // QEMU makes up names such as `#block123`.
        if name.starts_with("#block") { "#block".to_owned() } else { name.clone() }
    };
    visits.map(|visit| (visit.depth, visit.role.map(str::to_owned), name(visit.entry))).collect()
}

#[test]
fn views_are_drawn_in_80_and_in_40_columns() {
    let mut all = String::new();
    for columns in [80, 40] {
        for (name, tree) in views(NEWEST) {
            writeln!(all, "== {name}, {columns} columns\n{}", drawn(&tree, columns)).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/qmpsh/builtins/show/samples/trees.txt");
    let committed = Data::read_from(&path, Some(DataFormat::Text)).raw();
    // snapbox's message says how to refresh.
    Assert::new().action_env("SNAPSHOTS").eq(Data::text(all).raw(), committed);
}

#[test]
fn lines_fit_and_names_are_whole() {
    for (version, sample) in SAMPLES {
        for columns in [80, 60, 40, 20] {
            for (view, tree) in views(sample) {
                let shown = drawn(&tree, columns);
                for entry in &tree.entries {
                    let is_folded = entry.kind == "slot" || entry.kind == "core" || entry.kind == "thread";
                    assert!(is_folded || shown.contains(&*entry.name), "{version} {view} {columns}: {}", entry.name);
                }
                // Only a name or a detail that is longer than the line may be.
                for line in shown.lines().filter(|line| width(line) > columns) {
                    let words =
                        line.trim_start_matches(['│', '├', '└', '─', ' ']).split("  ").filter(|w| !w.is_empty());
                    assert_eq!(words.count(), 1, "{version} {view} {columns}: {line}");
                }
            }
        }
    }
}

#[test]
fn views_are_the_same_on_all_versions() {
    let newest = views(NEWEST);
    for (version, sample) in SAMPLES {
        for ((view, tree), (_, newest)) in views(sample).iter().zip(&newest) {
            assert_eq!(outline(tree), outline(newest), "{version} {view}");
        }
    }
}

#[test]
fn the_json_form_has_the_numbers_of_the_replies() {
    for (version, sample) in SAMPLES {
        for (view, tree) in views(sample) {
            let json: Vec<Map<String, Value>> = serde_json::from_str(&forms::json(&tree)).unwrap();
            assert!(!json.is_empty(), "{version} {view}");
        }
    }
    let block = &views(NEWEST)[0].1;
    let json: Value = serde_json::from_str(&forms::json(block)).unwrap();
    let disk = json.as_array().unwrap().iter().find(|entry| entry["name"] == "disk0").unwrap();
    let top = &disk["children"][0]["children"][0];
    assert_eq!((&top["name"], &top["role"], &top["size"]), (&"top".into(), &"file".into(), &1_073_741_824_u64.into()));
}

#[test]
fn without_the_graph_there_are_the_children_that_nodes_list() {
    let replies: HashMap<String, Box<RawValue>> = serde_json::from_str(NEWEST).unwrap();
    let reply = |name: &str| replies[name].get().as_bytes();
    let nodes = reply("query-named-block-nodes");
    let tree = block::tree(&block::Replies { nodes, drives: reply("query-block"), ..block::Replies::default() });
    let outline = outline(&tree);
    let top = outline.iter().position(|(_, _, name)| name == "top").unwrap();
    assert_eq!(outline[top], (2, Some("file".to_owned()), "top".to_owned()));
    assert_eq!(outline[top + 2], (3, Some("backing".to_owned()), "mid".to_owned()));
}

#[test]
fn invalid_replies_show_nothing() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for reply in ["", "{}", "5", "null", "[[]]", "[{}]", "[inf]", "\"\"", "{\"nodes\": 5}", &deep] {
        let reply = reply.as_bytes();
        let block = block::Replies { graph: reply, nodes: reply, drives: reply, exports: reply, jobs: reply };
        let memory =
            memory::Replies { summary: reply, devices: reply, backends: reply, balloon: reply, machine: reply };
        for tree in [
            block::tree(&block),
            pci::tree(reply),
            cpus::tree(reply, reply),
            net::tree(reply),
            chardevs::tree(reply, Vec::new()),
            memory::tree(&memory),
        ] {
            assert!(tree.entries.is_empty(), "{}", drawn(&tree, 80));
            assert_eq!(forms::json(&tree), "[]");
        }
    }
}

#[test]
fn hostile_replies_are_bounded() {
    // Thousands of nodes, and each is the backing file of the next: the first is that of the last.
    let nodes: Vec<String> =
        (0..30_000).map(|n| format!(r#"{{"id":{n},"type":"block-driver","name":"n{n}"}}"#)).collect();
    let edges: Vec<String> = (0..30_000)
        .map(|n| format!(r#"{{"parent":{n},"child":{},"name":"backing","perm":[]}}"#, (n + 1) % 30_000))
        .collect();
    let graph = format!(r#"{{"nodes":[{}],"edges":[{}]}}"#, nodes.join(","), edges.join(","));
    let tree = block::tree(&block::Replies { graph: graph.as_bytes(), ..block::Replies::default() });
    assert_eq!(tree.entries.len(), 10_000);
    let shown = drawn(&tree, 80);
    assert!(shown.contains("20000 more nodes are not shown"), "{}", &shown[shown.len() - 200..]);
    assert!(shown.len() < 2_000_000, "{}", shown.len());
    assert!(forms::json(&tree).len() < 1_000_000);
    // Bridges in bridges.
    let device = |inner: &str| {
        format!(
            r#"{{"bus":0,"slot":0,"function":0,"class_info":{{"class":1540}},"id":{{"device":1,"vendor":2}},"regions":[],
            "pci_bridge":{{"bus":{{"number":0,"secondary":1,"subordinate":1}},"devices":[{inner}]}}}}"#
        )
    };
    let nested = (0..300).fold(String::new(), |inner, _| device(&inner));
    let tree = pci::tree(format!(r#"[{{"bus":0,"devices":[{nested}]}}]"#).as_bytes());
    assert!(tree.entries.len() < 50, "{}", tree.entries.len());
}
