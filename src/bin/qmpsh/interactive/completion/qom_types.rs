//! The types of QEMU's object model, from a list in the program: to tell its own, QEMU would load all its modules, and it aborts if
//! those on disk are of another build.
//!
//! `scripts/qom-types` makes the list from the QEMUs that qmpsh is tested with. A QEMU may lack some of them, and then says so.

use qmpsh::language::complete::LiveValue;

/// One type a line, sorted. Behind a blank, only where it is a device that can be added: its category, bus and description.
const LIST: &str = include_str!("qom-types.txt");

/// The types of devices that can be added: those on the list, and `there`, which the VM has.
pub(super) fn devices(there: Vec<LiveValue>) -> Vec<LiveValue> {
    merged(types().filter(|ty| !ty.about.is_empty()), there)
}

/// All types, abstract ones among them: those on the list, and `there`, which the VM has.
pub(super) fn all(there: Vec<LiveValue>) -> Vec<LiveValue> {
    merged(types(), there)
}

fn types() -> impl Iterator<Item = LiveValue> {
    LIST.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, about) = line.split_once(' ').unwrap_or((line, ""));
        LiveValue { name: name.to_owned(), about: about.to_owned() }
    })
}

/// By name, each once; the list comes first because it describes them.
fn merged(listed: impl Iterator<Item = LiveValue>, there: Vec<LiveValue>) -> Vec<LiveValue> {
    let mut types: Vec<LiveValue> = listed.chain(there).collect();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    types.dedup_by(|later, earlier| later.name == earlier.name);
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about<'a>(types: &'a [LiveValue], name: &str) -> Option<&'a str> {
        types.iter().find(|ty| ty.name == name).map(|ty| ty.about.as_str())
    }

    #[test]
    fn listed_types_and_those_of_the_vm() {
        let there = || {
            let ty = |name: &str| LiveValue { name: name.to_owned(), about: String::new() };
            vec![ty("virtio-net-ccw"), ty("e1000"), ty("virtio-net-ccw")]
        };
        for types in [devices(there()), all(there())] {
            assert!(types.is_sorted_by(|a, b| a.name < b.name), "{types:?}");
            assert_eq!(about(&types, "e1000"), Some("Network, PCI, Intel Gigabit Ethernet"));
            assert_eq!(about(&types, "virtio-net-ccw"), Some(""));
        }
    }

    #[test]
    fn abstract_types_are_not_offered_as_devices() {
        for (name, is_device) in
            [("device", false), ("pci-device", false), ("iothread", false), ("virtio-gpu-gl-pci", true)]
        {
            assert!(about(&all(Vec::new()), name).is_some(), "{name}");
            assert_eq!(about(&devices(Vec::new()), name).is_some(), is_device, "{name}");
        }
    }
}
