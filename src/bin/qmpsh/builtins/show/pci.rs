//! `.show pci`: buses, bridges and devices.

#![expect(clippy::struct_field_names, reason = "the names are those of QEMU")]

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::replies::{List, list};
use super::tree::{Column, Entry, Format, Tree};

const COLUMNS: &[Column] = &[
    Column { title: "ID", shows: &[("id", Format::Text)] },
    Column { title: "VENDOR:DEVICE", shows: &[("vendor-device", Format::Text)] },
    Column { title: "CLASS", shows: &[("class", Format::Text), ("secondary", Format::After("bus "))] },
];

/// How deep bridges may be nested. PCI Express has room for few levels, and each costs another look at what is below.
const DEEPEST: usize = 32;

/// Source: `PciInfo` in QEMU's `qapi/pci.json`.
#[derive(Debug, Deserialize)]
struct Bus {
    bus: i64,
    #[serde(default)]
    devices: List<Box<RawValue>>,
}

/// Source: `PciDeviceInfo`.
#[derive(Debug, Deserialize)]
struct Device {
    bus: i64,
    slot: i64,
    function: i64,
    class_info: Class,
    id: Id,
    irq: Option<i64>,
    #[serde(default)]
    irq_pin: i64,
    #[serde(default)]
    qdev_id: String,
    pci_bridge: Option<Bridge>,
    #[serde(default)]
    regions: List<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct Class {
    desc: Option<String>,
    class: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Id {
    device: u64,
    vendor: u64,
    subsystem: Option<u64>,
    subsystem_vendor: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Bridge {
    bus: Secondary,
    #[serde(default)]
    devices: List<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
struct Secondary {
    secondary: i64,
    subordinate: i64,
    io_range: Option<Value>,
    memory_range: Option<Value>,
    prefetchable_range: Option<Value>,
}

/// Makes the tree from the reply to `query-pci`.
pub(super) fn tree(reply: &[u8]) -> Tree {
    let mut tree = Tree::new("ADDRESS", COLUMNS);
    let mut unnumbered = 0;
    for bus in list::<Bus>(reply).entries {
        let root = tree.add_root(Entry::new("bus", format!("bus {}", bus.bus)).with("bus", bus.bus));
        let mut left = vec![(root, 0, bus.devices)];
        while let Some((parent, depth, devices)) = left.pop() {
            tree.note_left_out(devices.left_out, "devices");
            for device in devices.entries {
                let Ok(mut device) = serde_json::from_str::<Device>(device.get()) else { continue };
                let bridge = device.pci_bridge.take();
                let buses = bridge.as_ref().map(|bridge| &bridge.bus);
                unnumbered += usize::from(buses.is_some_and(|buses| buses.secondary == 0));
                let entry = tree.add_child(parent, device.into_entry(buses));
                if let Some(bridge) = bridge.filter(|_| depth < DEEPEST) {
                    left.push((entry, depth + 1, bridge.devices));
                }
            }
        }
    }
    if unnumbered > 0 {
        let note =
            "The firmware has not numbered the buses behind the bridges, so QEMU does not list the devices there.";
        tree.notes.push(note.to_owned());
    }
    tree
}

impl Device {
    fn into_entry(self, buses: Option<&Secondary>) -> Entry {
        let address = format!("{:02x}:{:02x}.{:x}", self.bus, self.slot, self.function);
        let class = self.class_info.desc.unwrap_or_else(|| class_name(self.class_info.class));
        let subsystem = self.id.subsystem_vendor.zip(self.id.subsystem);
        // The firmware has not numbered the others yet.
        let numbered = buses.filter(|buses| buses.secondary != 0);
        let mut regions = self.regions.entries;
        for region in &mut regions {
            // QEMU says -1 for a region that is not mapped.
            if let Some(address) = region.get_mut("address").filter(|address| **address == -1) {
                *address = Value::Null;
            }
        }
        let irq = self.irq.filter(|_| self.irq_pin > 0);
        let pin =
            u8::try_from(self.irq_pin).ok().filter(|pin| (1..=4).contains(pin)).map(|pin| char::from(b'A' + pin - 1));
        Entry::new(if buses.is_some() { "bridge" } else { "device" }, address.clone())
            .with("id", Some(self.qdev_id.as_str()).filter(|id| !id.is_empty()))
            .with("vendor-device", format!("{:04x}:{:04x}", self.id.vendor, self.id.device))
            .with("class", class)
            .with("class-code", self.class_info.class)
            .with("subsystem", subsystem.map(|(vendor, device)| format!("{vendor:04x}:{device:04x}")))
            .with("secondary", numbered.map(|buses| buses.secondary))
            .with("subordinate", numbered.map(|buses| buses.subordinate))
            .with("io-range", numbered.and_then(|buses| buses.io_range.clone()))
            .with("memory-range", numbered.and_then(|buses| buses.memory_range.clone()))
            .with("prefetchable-range", numbered.and_then(|buses| buses.prefetchable_range.clone()))
            .with("irq", irq)
            .with("irq-pin", pin.map(String::from))
            .with("regions", Some(regions).filter(|regions| !regions.is_empty()).map(|regions| json!(regions)))
            .alias(self.qdev_id)
            .alias(format!("0000:{address}"))
            .alias(address.split_once(':').map_or("", |(_, slot)| slot))
    }
}

/// Names a class that QEMU has no name for. Source: the base classes in the PCI Code and ID Assignment Specification.
fn class_name(class: u64) -> String {
    let base = match class >> 8 {
        0x00 => "Unclassified device",
        0x01 => "Mass storage controller",
        0x02 => "Network controller",
        0x03 => "Display controller",
        0x04 => "Multimedia controller",
        0x05 => "Memory controller",
        0x06 => "Bridge",
        0x07 => "Communication controller",
        0x08 => "System peripheral",
        0x09 => "Input device",
        0x0c => "Serial bus controller",
        0x0d => "Wireless controller",
        0x10 => "Encryption controller",
        0x11 => "Signal processing controller",
        0x12 => "Processing accelerator",
        _ => "Class",
    };
    format!("{base} [{class:04x}]")
}
