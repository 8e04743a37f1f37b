//! What to do next if the peer refused a command because of what it found there.

use super::qom_types;
use qmpsh::pattern::Pattern;
use qmpsh::schema::nearest;
use qmpsh::secrets::in_text;

/// For which commands, what QEMU said, and what to do. The first two are patterns; `{}` is a name that QEMU said, to say again.
type Row = (&'static str, &'static str, &'static str);

/// The first row that fits counts. Tried on QEMU 7.2, 10.0 and 11.1.
const ROWS: &[Row] = &[
    (
        "*",
        "The command * does not support OOB",
        "few commands run out of band: at the prompt, Tab behind .oob lists them",
    ),
    ("*", "Invalid job ID ''", "job-id=NAME is needed where the disk is given by the name of its node"),
    ("*", "Invalid job ID '*'", "an id is a letter, then letters, digits, `-`, `.` and `_`"),
    ("*", "Job ID '{}' already in use", "`.job {}` waits for that job and dismisses it"),
    // QEMU 7.2 closes the files of a client that leaves, later ones keep them.
    (
        "*",
        "*dup FD for {} flags *: No such file or directory",
        "this QEMU closes {} when the client that added it leaves: send add-fd in the same session",
    ),
    ("device_del", "Bus '{}' does not support hotplugging", "a device on {} stays until QEMU ends"),
    ("device_add", "Bus '*' does not support hotplugging", BUS),
    ("device_add", "Bus '*' not found", BUS),
    ("device_add", "Device '*' can't go on *", BUS),
    ("device_add", "PCI: slot *", BUS),
    ("device_add", "PCI: no slot*", BUS),
    (
        "device_add",
        "'*' is not a valid device model name",
        "at the prompt, Tab behind driver= lists the devices of this QEMU",
    ),
    ("device_add", "No 'SCSI' bus found *", "it needs a controller, such as virtio-scsi-pci"),
    ("device_add", "No 'usb-bus' bus found *", "it needs a controller, such as qemu-xhci"),
    ("device_add", "No 'virtio-serial-bus' bus found *", "it needs a controller, such as virtio-serial-pci"),
    ("device_add", "*lots where allocated, *", "QEMU must have been started with -m SIZE,slots=N,maxmem=SIZE"),
    ("device_add", "CPU* with APIC ID * exists", CPU),
    ("device_add", "CPU * is not set", CPU),
    (
        "device_del",
        "Device {} is already in the process of unplug",
        "the guest has not given it up yet: `.wait DEVICE_DELETED device={}`",
    ),
    ("device_del", "Device '*' not found", "`.show qom /machine/peripheral` shows the devices that have an id"),
    (
        "device_del",
        "acpi: device unplug request for not supported device type: *-cpu",
        "a CPU can be removed once the operating system of the guest has started",
    ),
    ("set_link", "Device '*' not found", "`.show net` lists them"),
    ("eject", "Device '*' not found", "id= takes the id of a device, device= a drive of -drive"),
    ("*balloon", "No balloon device has been activated", "the guest needs a device virtio-balloon-pci and its driver"),
    ("chardev-*", "Chardev '*' not found", "`.show chardevs` lists them"),
    ("object-del", "object '*' not found", "`.show qom /objects` lists them"),
    ("object-del", "object '*' is in use*", "remove the device that uses it first, and wait for DEVICE_DELETED"),
    (
        "blockdev-del",
        "Node {} is in use",
        "`.show block {}` shows what uses it; a device has gone when DEVICE_DELETED has come",
    ),
    ("*", "Node '{}' is busy: *", "`.show block {}` shows what uses it"),
    ("*", "*Permission conflict on node '{}'*", "`.show block {}` shows what uses it"),
    ("*", "Device '*' is in use", "`.show block` shows what uses it"),
    ("*", "Need a root block node", "another node or job is above it: see `.show block` and `.jobs`"),
    ("*", "Cannot find device='*' nor node-name='*'", NODES),
    ("*", "Failed to find node with node-name='*'", NODES),
    ("*", "New overlay node-name missing", "snapshot-node-name= names the node of the new file"),
    ("*", "Could not open '[!/]*': No such file or directory", "a relative path begins at the directory of QEMU"),
    (
        "*",
        "Failed to get *lock",
        "it is open already: `.show block` shows what this QEMU has open, `fuser FILE` names other programs",
    ),
    ("*", "Image is not in * format", "`qemu-img info FILE` tells its format"),
    ("*", "NBD server not running", "nbd-server-start starts it"),
    ("*", "Image is read-only", "blockdev-reopen can open it for writing"),
    ("*", "Block node is read-only", "blockdev-reopen can open it for writing"),
    ("*password", "Could not set password", VNC),
    ("*password", "Could not set password expire time", VNC),
    ("*password", "VNC password authentication is disabled", VNC),
    ("*password", "No VNC display is present", VNC),
    ("query-cpu-model-*", "CPU model '*' not found", "query-cpu-definitions lists them"),
    ("trace-event-*", "unknown event \"*\"", "`trace-event-get-state name=*` lists them"),
    ("*", "No file descriptor supplied via SCM_RIGHTS", "`.fd FILE COMMAND` sends an open file with a command"),
    ("*", "The command is permitted only before machine initialization", "QEMU must have been started with -preconfig"),
    ("job-*", "Job not found", ".jobs lists the jobs"),
    ("block-job-*", "Block job '*' not found", ".jobs lists the jobs"),
    ("*", "Job '{}' in state '*' cannot accept command verb 'complete'", "`.job until=ready {}` waits until it can"),
    ("*", "Job '{}' in state '*' cannot accept command verb 'dismiss'", "`.job {}` waits for its end and dismisses it"),
    ("*", "The active block job '{}' cannot be completed", "it ends by itself: `.job {}` waits for it"),
    ("migrate-incoming", "'-incoming' was not specified *", "start the QEMU that receives with -incoming defer"),
    ("migrate*", "unknown migration protocol: *", PROTOCOLS),
    ("migrate*", "Parameter 'uri' expects a valid migration protocol", PROTOCOLS),
    ("*", "There's a migration process in progress*", MIGRATION),
    ("*", "* not allowed while migrating", MIGRATION),
];

const BUS: &str = "bus= names another bus; at the prompt, Tab lists those that the device fits";
const CPU: &str = "query-hotpluggable-cpus shows the free places: those without a qom-path";
const NODES: &str = "`.show block` shows the nodes, those of each device below it";
const VNC: &str = "QEMU takes a VNC password only if it was started with -vnc ADDRESS,password=on";
const PROTOCOLS: &str = "write tcp:HOST:PORT, unix:PATH, \"exec:COMMAND\" or fd:NAME";
const MIGRATION: &str = "`.migration` waits for the migration, migrate_cancel stops it";

/// Returns what to do, not safe to show; `None` if nothing is certain. A name that may be a secret is not said again.
pub(super) fn next_step(command: &str, desc: &str) -> Option<String> {
    if let Some(near) = similar_device(command, desc) {
        return Some(format!("did you mean `{near}`?"));
    }
    let fits =
        |pattern: &str, text: &str| Pattern::new(&pattern.replace("{}", "*")).is_ok_and(|glob| glob.matches(text));
    let (_, said, todo) = ROWS.iter().find(|(commands, said, _)| fits(commands, command) && fits(said, desc))?;
    let name = name_in(said, desc).unwrap_or_default();
    in_text(name, "").is_none().then(|| todo.replace("{}", name))
}

/// Returns the type of device that was probably meant, if QEMU has none of this name.
fn similar_device(command: &str, desc: &str) -> Option<&'static str> {
    let name = desc.strip_prefix('\'')?.strip_suffix("' is not a valid device model name")?;
    nearest(name, qom_types::device_names()).filter(|_| command == "device_add")
}

/// Returns what stands in `desc` where the pattern has `{}`.
fn name_in<'d>(pattern: &str, desc: &'d str) -> Option<&'d str> {
    let (before, after) = pattern.split_once("{}")?;
    let (_, name) = desc.split_once(before.rsplit('*').next()?)?;
    match after.split('*').next()? {
        "" => Some(name),
        after => name.split(after).next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_leads_to_the_next_step() {
        let check = |command: &str, desc: &str, expected: Option<&str>| {
            assert_eq!(next_step(command, desc).as_deref(), expected, "{command}: {desc}");
        };
        let uses = Some("`.show block n0` shows what uses it");
        check(
            "device_del",
            "Bus 'pcie.0' does not support hotplugging",
            Some("a device on pcie.0 stays until QEMU ends"),
        );
        check("device_add", "Bus 'pcie.0' does not support hotplugging", Some(BUS));
        check("device_add", "Device 'virtio-blk-pci' can't go on SCSI bus", Some(BUS));
        check("device_add", "CPU[0] with APIC ID 0 exists", Some(CPU));
        check("device_add", "CPU socket-id is not set", Some(CPU));
        let no_model = |name: &str| format!("'{name}' is not a valid device model name");
        check("device_add", &no_model("virtio-blk-pc"), Some("did you mean `virtio-blk-pci`?"));
        check(
            "device_add",
            &no_model("nosuch"),
            Some("at the prompt, Tab behind driver= lists the devices of this QEMU"),
        );
        check(
            "blockdev-mirror",
            "Invalid job ID ''",
            Some("job-id=NAME is needed where the disk is given by the name of its node"),
        );
        check(
            "blockdev-mirror",
            "Invalid job ID '1'",
            Some("an id is a letter, then letters, digits, `-`, `.` and `_`"),
        );
        check("block_resize", "Node 'n0' is busy: node is used as backing hd of 'o1'", uses);
        check("device_add", "Permission conflict on node 'n0': permissions 'write' are both required", uses);
        check("blockdev-backup", "Could not create node: Permission conflict on node 'n0': permissions", uses);
        check("block_resize", "Cannot find device='d0' nor node-name=''", Some(NODES));
        check("set_password", "Could not set password", Some(VNC));
        check("set_password", "No VNC display is present", Some(VNC));
        check(
            "device_del",
            "acpi: device unplug request for not supported device type: qemu64-x86_64-cpu",
            Some("a CPU can be removed once the operating system of the guest has started"),
        );
        check("job-complete", "Job not found", Some(".jobs lists the jobs"));
        check(
            "job-complete",
            "Job 'b2' in state 'running' cannot accept command verb 'complete'",
            Some("`.job until=ready b2` waits until it can"),
        );
        check(
            "blockdev-add",
            "Could not open 'x.qcow2': No such file or directory",
            Some("a relative path begins at the directory of QEMU"),
        );
        check("blockdev-add", "Could not open '/x.qcow2': No such file or directory", None);
        check("query-status", "anything else", None);
        check("job-x", "Job ID 'password=x' already in use", None);
        check(
            "blockdev-change-medium",
            "Could not dup FD for /dev/fdset/1 flags 2: No such file or directory",
            Some("this QEMU closes /dev/fdset/1 when the client that added it leaves: send add-fd in the same session"),
        );
    }
}
