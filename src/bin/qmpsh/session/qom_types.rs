//! The types of QEMU's object model, from a list in the program: to tell its own, QEMU would load all its modules, and it aborts if
//! those on disk are of another build.
//!
//! `scripts/qom-types` makes the list from the QEMUs that qmpsh is tested with. A QEMU may lack some of them, and then says so.

use qmpsh::language::complete::LiveValue;

/// One type a line, sorted. Behind a blank, only where it is a device that can be added: its category, bus and description. Behind a
/// bar: its properties that name a backend or another object.
const LIST: &str = include_str!("qom-types.txt");

/// The types of devices that can be added: those on the list, and `there`, which the VM has. Of CPUs a machine takes only one type,
/// so if `there` says which, the others are left out.
pub(crate) fn devices(there: Vec<LiveValue>) -> Vec<LiveValue> {
    const CPU: &str = "CPU";
    let has_cpus = there.iter().any(|ty| ty.about.starts_with(CPU));
    merged(types().filter(|ty| !(ty.about.is_empty() || has_cpus && ty.about == CPU)), there)
}

/// Those of the buses that a device of this type can be on: none, if it has no bus, and all, if the list does not have the type.
/// The type of a bus comes first in its `about`.
pub(crate) fn buses_for(driver: &str, mut buses: Vec<LiveValue>) -> Vec<LiveValue> {
    let Some(device) = types().find(|ty| ty.name == driver && !ty.about.is_empty()) else { return buses };
    let wanted = device.about.split(", ").nth(1).unwrap_or_default();
    buses.retain(|bus| {
        let ty = bus.about.split(' ').next().unwrap_or_default();
        // Source: the bus types of QEMU's `hw/pci`, `hw/pci-bridge` and `hw/virtio`.
        ty == wanted
            || match wanted {
                "PCI" => matches!(ty, "PCIE" | "CXL" | "pxb-bus" | "pxb-pcie-bus" | "pxb-cxl-bus"),
                "virtio-bus" => matches!(ty, "virtio-mmio-bus" | "virtio-pci-bus" | "virtio-ccw-bus"),
                _ => false,
            }
    });
    buses
}

/// All types, abstract ones among them: those on the list, and `there`, which the VM has.
pub(crate) fn all(there: Vec<LiveValue>) -> Vec<LiveValue> {
    merged(types(), there)
}

/// The names of the devices that can be added.
pub(super) fn device_names() -> impl Iterator<Item = &'static str> {
    lines().filter(|(_, about, _)| !about.is_empty()).map(|(name, ..)| name)
}

fn types() -> impl Iterator<Item = LiveValue> {
    lines().map(|(name, about, _)| LiveValue { name: name.to_owned(), about: about.to_owned() })
}

/// Each type with what it is, and its properties that name another object.
fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    LIST.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (about, names) = rest.split_once(" | ").unwrap_or((rest, ""));
        (name, about, names)
    })
}

/// The properties of a type of device: first those that the list has, which name what the device leads to, then the others that
/// a device of that type has in the VM.
pub(crate) fn properties(ty: &str, mut there: Vec<LiveValue>) -> Vec<LiveValue> {
    let (_, _, names) = lines().find(|(name, ..)| *name == ty).unwrap_or_default();
    let listed = names.split(' ').filter(|name| !name.is_empty()).map(|name| {
        let known = there.iter().position(|property| property.name == name).map(|at| there.remove(at));
        known.unwrap_or_else(|| LiveValue { name: name.to_owned(), about: "str".to_owned() })
    });
    let listed: Vec<LiveValue> = listed.collect();
    [listed, there].concat()
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
    fn a_device_is_offered_the_buses_that_it_fits() {
        let bus = |name: &str, about: &str| LiveValue { name: name.to_owned(), about: about.to_owned() };
        let buses = [
            bus("pcie.0", "PCIE of q35: empty"),
            bus("pci.1", "PCI of bridge: empty"),
            bus("scsi0.0", "SCSI of virtio-backend: empty"),
            bus("usb.0", "usb-bus of uhci: empty"),
        ];
        let check = |driver: &str, expected: &[&str]| {
            let names: Vec<String> = buses_for(driver, buses.to_vec()).into_iter().map(|bus| bus.name).collect();
            assert_eq!(names, expected, "{driver}");
        };
        check("virtio-blk-pci", &["pcie.0", "pci.1"]);
        check("scsi-hd", &["scsi0.0"]);
        check("usb-tablet", &["usb.0"]);
        check("ide-cd", &[]);
        check("pc-dimm", &[]);
        check("a-type-of-tomorrow", &["pcie.0", "pci.1", "scsi0.0", "usb.0"]);
    }

    #[test]
    fn the_properties_that_lead_to_a_backend_come_first() {
        let there =
            || ["addr", "netdev"].map(|name| LiveValue { name: name.to_owned(), about: "x".to_owned() }).to_vec();
        let check = |ty: &str, there: Vec<LiveValue>, expected: &[(&str, &str)]| {
            let found = properties(ty, there);
            let found: Vec<_> = found.iter().map(|property| (&*property.name, &*property.about)).collect();
            assert_eq!(found, expected, "{ty}");
        };
        check("virtio-net-pci", Vec::new(), &[("netdev", "str")]);
        check("virtio-net-pci", there(), &[("netdev", "x"), ("addr", "x")]);
        check("virtio-blk-pci", Vec::new(), &[("drive", "str"), ("iothread", "str")]);
        check("a-type-of-tomorrow", there(), &[("addr", "x"), ("netdev", "x")]);
    }

    #[test]
    fn of_cpus_only_those_that_the_machine_takes_are_offered() {
        let cpu = || LiveValue { name: "qemu64-x86_64-cpu".to_owned(), about: "CPU, 3 free".to_owned() };
        let types = devices(vec![cpu()]);
        assert_eq!(about(&types, "qemu64-x86_64-cpu"), Some("CPU, 3 free"));
        assert_eq!(about(&types, "max-x86_64-cpu"), None);
        assert!(about(&types, "e1000").is_some());
        assert!(about(&devices(Vec::new()), "max-x86_64-cpu").is_some());
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
