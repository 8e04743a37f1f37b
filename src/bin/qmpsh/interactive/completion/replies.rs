//! The names in the replies to the shell's own queries, for completion. A reply that is not as expected has none.

use std::collections::HashMap;

use serde_json::Value;

use crate::output::natural;
use crate::session::queries::{Listed, within};
use qmpsh::language::complete::LiveValue;

type Values = Vec<LiveValue>;

fn value(name: impl Into<String>, about: impl Into<String>) -> LiveValue {
    LiveValue { name: name.into(), about: about.into() }
}

/// Reads the entries of a list, and leaves out those that `read` does not know: a later QEMU may have others.
fn read<T>(reply: &[u8], read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    let entries: Vec<Value> = serde_json::from_slice(reply).unwrap_or_default();
    entries.iter().filter_map(read).collect()
}

/// A member that is a string.
fn text<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry.get(key)?.as_str()
}

/// Source: `BlockStats` in QEMU's `qapi/block-core.json`.
pub(super) fn drives(reply: &[u8]) -> Values {
    read(reply, |drive| {
        let node = text(drive, "node-name").unwrap_or("empty");
        let about = text(drive, "qdev").map_or(node.to_owned(), |qdev| format!("{node}, {qdev}"));
        // A block device that was made with -blockdev has no name of its own.
        text(drive, "device").filter(|name| !name.is_empty()).map(|name| value(name, about))
    })
}

/// Devices with a block device, each with its node, and with its drive if that has a name.
pub(super) fn block_devices(reply: &[u8]) -> Values {
    read(reply, |drive| {
        let parts = [text(drive, "node-name").unwrap_or("empty"), text(drive, "device").unwrap_or_default()];
        let about = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        text(drive, "qdev").filter(|qdev| !qdev.is_empty()).map(|qdev| value(qdev, about))
    })
}

/// The node of the block device of this name.
pub(super) fn node_of_drive(reply: &[u8], name: &str) -> Option<String> {
    let node =
        |drive: &Value| text(drive, "node-name").filter(|_| text(drive, "device") == Some(name)).map(str::to_owned);
    read(reply, node).pop()
}

/// The block nodes, each with what it is to others, such as `file of disk0`. Source: `XDbgBlockGraph` in QEMU's
/// `qapi/block-core.json`.
pub(super) fn nodes_of_graph(reply: &[u8]) -> Values {
    let graph: Value = serde_json::from_slice(reply).unwrap_or_default();
    let list = |key: &str| graph.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: HashMap<_, _> =
        list("nodes").iter().filter_map(|node| Some((node["id"].as_u64()?, text(node, "name")?))).collect();
    let about = |child: &Value| {
        let parents = list("edges").iter().filter(|edge| edge["child"] == *child);
        let role = |edge: &Value| Some(format!("{} of {}", text(edge, "name")?, names.get(&edge["parent"].as_u64()?)?));
        parents.filter_map(role).collect::<Vec<_>>().join(", ")
    };
    let nodes = list("nodes").iter().filter(|node| text(node, "type") == Some("block-driver"));
    let mut nodes: Values = nodes.filter_map(|node| Some(value(text(node, "name")?, about(&node["id"])))).collect();
    // Those that nothing uses come first: the others can be used for little.
    nodes.sort_by_key(|node| !node.about.is_empty());
    nodes
}

/// Source: `BlockDeviceInfo` in QEMU's `qapi/block-core.json`.
pub(super) fn nodes(reply: &[u8]) -> Values {
    read(reply, |node| {
        let about = format!("{} {}", text(node, "drv")?, text(node, "file")?);
        Some(value(text(node, "node-name")?, about.trim_end()))
    })
}

/// The dirty bitmaps of the node of this name, or of all nodes. Source: `BlockDirtyInfo` in QEMU's `qapi/block-core.json`.
pub(super) fn bitmaps(nodes: &[u8], name: Option<&str>) -> Values {
    let of_node = |entry: &Value| {
        let node = text(entry, "node-name").unwrap_or_default().to_owned();
        let bitmaps = entry.get("dirty-bitmaps")?.as_array()?.clone();
        (name.is_none() || name == Some(&node)).then_some((node, bitmaps))
    };
    let bitmap = |node: &str, bitmap: &Value| {
        let recording = if bitmap["recording"] == true { "" } else { ", not recording" };
        let persistent = if bitmap["persistent"] == true { ", persistent" } else { "" };
        // A bitmap that a job made for itself has no name.
        Some(value(text(bitmap, "name")?, format!("of {node}{recording}{persistent}")))
    };
    let nodes = read(nodes, of_node);
    nodes.iter().flat_map(|(node, list)| list.iter().filter_map(move |entry| bitmap(node, entry))).collect()
}

/// Source: `BlockExportInfo` in QEMU's `qapi/block-export.json`.
pub(super) fn exports(reply: &[u8]) -> Values {
    read(reply, |export| {
        Some(value(text(export, "id")?, format!("{} of {}", text(export, "type")?, text(export, "node-name")?)))
    })
}

/// Source: `JobInfo` in QEMU's `qapi/job.json`.
pub(super) fn jobs(reply: &[u8]) -> Values {
    read(reply, |job| Some(value(text(job, "id")?, format!("{}, {}", text(job, "type")?, text(job, "status")?))))
}

/// Source: `BlockJobInfo` in QEMU's `qapi/block-core.json`.
pub(super) fn block_jobs(reply: &[u8]) -> Values {
    read(reply, |job| Some(value(text(job, "device").filter(|name| !name.is_empty())?, text(job, "type")?)))
}

/// Source: `ChardevInfo` in QEMU's `qapi/char.json`.
pub(super) fn chardevs(reply: &[u8]) -> Values {
    read(reply, |chardev| Some(value(text(chardev, "label")?, text(chardev, "filename")?)))
}

/// All that is at a path: children, links and properties, by name.
pub(super) fn listed(reply: &[u8]) -> Values {
    let entries: Vec<Listed> = serde_json::from_slice(reply).unwrap_or_default();
    let mut listed: Vec<_> = entries.into_iter().map(|entry| value(entry.name, entry.ty)).collect();
    listed.sort_by(|a, b| natural::compare(&a.name, &b.name));
    listed
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
    let mut clients = network_clients(reply, "type");
    clients.retain(|client| client.about != "nic");
    clients
}

/// The network devices of the guest in `info network`: `nic0: index=0,type=nic,model=e1000,…`.
pub(super) fn nics(reply: &[u8]) -> Values {
    network_clients(reply, "model")
}

/// The lines of `info network` that have this option, each with its value.
fn network_clients(reply: &[u8], option: &str) -> Values {
    let text: String = serde_json::from_slice(reply).unwrap_or_default();
    let client = |line: &str| {
        let line = line.trim_start_matches([' ', '\\']);
        let (name, options) = line.split_once(": ").filter(|(_, options)| options.starts_with("index="))?;
        let about = options.split(',').find_map(|text| text.strip_prefix(option)?.strip_prefix('='))?;
        Some(value(name, about))
    };
    text.lines().filter_map(client).collect()
}

/// What is on a bus with these properties, by type; `None` if they are not those of a bus.
pub(super) fn on_bus(listed: &Values) -> Option<Vec<String>> {
    let has = |name: &str| listed.iter().any(|one| one.name == name);
    let is_bus = has("hotplug-handler") && has("realized") && !has("parent_bus");
    let on_it = listed.iter().filter(|one| one.name.starts_with("child["));
    is_bus.then(|| on_it.filter_map(|one| within("link", &one.about).map(str::to_owned)).collect())
}

/// The CPUs that exist. Source: `HotpluggableCPU` in QEMU's `qapi/machine.json`.
pub(super) fn cpus(reply: &[u8]) -> Values {
    let mut cpus = read(reply, |cpu| Some(value(text(cpu, "qom-path")?, place(cpu)?)));
    cpus.sort_by(|a, b| natural::compare(&a.name, &b.name));
    cpus
}

/// The free places for a CPU of this type.
pub(super) fn cpu_places(reply: &[u8], ty: &str) -> Values {
    let is_free = |cpu: &Value| text(cpu, "type") == Some(ty) && cpu.get("qom-path").is_none();
    read(reply, |cpu| is_free(cpu).then(|| place(cpu).map(|place| value(place, "")))?)
}

/// The types of the CPUs that can be added, each once.
pub(super) fn cpu_types(reply: &[u8]) -> Values {
    let is_free = |cpu: &Value| cpu.get("qom-path").is_none();
    let free = read(reply, |cpu| is_free(cpu).then(|| text(cpu, "type").map(str::to_owned))?);
    let mut types: Values = Vec::new();
    for ty in &free {
        if types.iter().all(|listed| listed.name != *ty) {
            types.push(value(ty, format!("CPU, {} free", free.iter().filter(|other| *other == ty).count())));
        }
    }
    types
}

/// The properties that say where a CPU is, such as `core-id=1 socket-id=0`.
fn place(cpu: &Value) -> Option<String> {
    let properties = cpu.get("props")?.as_object()?;
    Some(properties.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
}

/// Source: `TraceEventInfo` in QEMU's `qapi/trace.json`.
pub(super) fn trace_events(reply: &[u8]) -> Values {
    let mut events = read(reply, |event| Some(value(text(event, "name")?, text(event, "state")?)));
    events.sort_by(|a, b| natural::compare(&a.name, &b.name));
    events
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
    fn names_are_found_in_replies_and_broken_replies_have_none() {
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
        check(
            nics(br#""nic.0: index=0,type=nic,model=e1000,macaddr=x\r\n \\ n0: index=0,type=user\r\n""#),
            &[("nic.0", "e1000")],
        );
        let cpus_of = br#"[{"props":{"core-id":1,"socket-id":0},"type":"x-cpu","vcpus-count":1},
            {"props":{"core-id":0,"socket-id":0},"type":"x-cpu","qom-path":"/device[10]"},
            {"props":{"core-id":2,"socket-id":0},"type":"x-cpu","qom-path":"/device[9]"}]"#;
        check(cpus(cpus_of), &[("/device[9]", "core-id=2 socket-id=0"), ("/device[10]", "core-id=0 socket-id=0")]);
        check(cpu_places(cpus_of, "x-cpu"), &[("core-id=1 socket-id=0", "")]);
        check(cpu_places(cpus_of, "y-cpu"), &[]);
        check(
            trace_events(br#"[{"name":"b","state":"disabled"},{"name":"a","state":"enabled"}]"#),
            &[("a", "enabled"), ("b", "disabled")],
        );
        let bus = |text: &str| on_bus(&listed(text.as_bytes()));
        assert_eq!(bus(r#"[{"name":"realized","type":"bool"}]"#), None);
        assert_eq!(
            bus(
                r#"[{"name":"child[10]","type":"link<b>"},{"name":"child[9]","type":"link<a>"},{"name":"realized","type":"bool"},
            {"name":"hotplug-handler","type":"link<hotplug-handler>"}]"#
            ),
            Some(vec!["a".to_owned(), "b".to_owned()])
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
                nics,
                cpus,
                trace_events,
                hmp_commands,
                hmp_info,
            ] {
                check(read(broken), &[]);
            }
        }
    }
}
