//! `.show machines`: the machine types that the program can emulate, as `-machine help` lists them.

use std::cmp::Reverse;

use serde::Deserialize;

use super::replies::{List, list};
use super::tree::{Column, Entry, Format, Tree};

const COLUMNS: &[Column] = &[
    Column { title: "MAX CPUS", shows: &[("cpu-max", Format::Text)] },
    Column {
        title: "DETAILS",
        shows: &[
            ("alias", Format::After("alias ")),
            ("default", Format::Flag("default")),
            ("deprecated", Format::Flag("deprecated")),
            ("hotpluggable-cpus", Format::Flag("CPU hot-plug")),
        ],
    },
];

/// Source: `MachineInfo` in QEMU's `qapi/machine.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "QEMU's own")]
struct Machine {
    name: String,
    alias: Option<String>,
    #[serde(default)]
    is_default: bool,
    cpu_max: u64,
    #[serde(default)]
    hotpluggable_cpus: bool,
    #[serde(default)]
    deprecated: bool,
    default_cpu_type: Option<String>,
    default_ram_id: Option<String>,
    #[serde(default)]
    acpi: bool,
    #[serde(default)]
    numa_mem_supported: bool,
}

impl Machine {
    /// Returns its family, and its version with the newest first: `pc-q35-10.0` comes before `pc-q35-9.2`.
    fn order(&self) -> (String, Reverse<Vec<u64>>) {
        let versioned = self.name.rsplit_once('-').and_then(|(family, version)| {
            let numbers: Option<Vec<u64>> = version.split('.').map(|number| number.parse().ok()).collect();
            Some((family.to_owned(), Reverse(numbers?)))
        });
        versioned.unwrap_or_else(|| (self.name.clone(), Reverse(Vec::new())))
    }
}

/// Makes the tree of the reply to `query-machines`.
pub(super) fn tree(machines: &[u8]) -> Tree {
    let mut tree = Tree::new("MACHINE", COLUMNS);
    let mut machines: List<Machine> = list(machines);
    tree.note_left_out(machines.left_out, "machine types");
    machines.entries.sort_by_cached_key(Machine::order);
    for machine in machines.entries {
        let entry = Entry::new("machine", machine.name)
            .with("alias", machine.alias.as_deref())
            .flag("default", machine.is_default)
            .with("cpu-max", machine.cpu_max)
            .with("default-cpu-type", machine.default_cpu_type)
            .flag("hotpluggable-cpus", machine.hotpluggable_cpus)
            .flag("deprecated", machine.deprecated)
            .with("default-ram-id", machine.default_ram_id)
            .flag("acpi", machine.acpi)
            .flag("numa-mem-supported", machine.numa_mem_supported);
        tree.add_root(entry.alias(machine.alias.unwrap_or_default()));
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_machine_of_a_family_comes_first() {
        let reply = br#"[{"name": "pc-q35-9.2", "cpu-max": 1}, {"name": "microvm", "cpu-max": 1},
            {"name": "pc-q35-10.0", "cpu-max": 1, "alias": "q35"}, {"name": "virt-9.2-x", "cpu-max": 1}, {"name": "a-b", "cpu-max": 1}]"#;
        let tree = tree(reply);
        let names: Vec<&str> = tree.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a-b", "microvm", "pc-q35-10.0", "pc-q35-9.2", "virt-9.2-x"]);
        assert_eq!(tree.entries[2].aliases, ["q35"]);
    }
}
