//! How to do what people do with a VM, as lines to type: `.help tasks`, and what `.help disk` shows first.

use std::fmt::Write as _;

use crate::output::columns::{hang, wrap};
use qmpsh::schema::Schema;

/// A task and the lines that do it.
struct Task {
    title: &'static str,
    /// The words that find it, beside those of the title.
    words: &'static str,
    /// The lines in their order, each with what else there is to know about it.
    lines: &'static [(&'static str, &'static str)],
}

/// The directory of the files in [`TASKS`] has the name `/vm`. Tried on QEMU 7.2, 10.0 and 11.1, by a test.
const TASKS: &[Task] = &[
    Task {
        title: "Add a disk",
        words: "drive block image attach plug hotplug hot-plug virtio storage",
        lines: &[
            ("blockdev-add node-name=n1 driver=qcow2 file.driver=file file.filename=/vm/data.qcow2", ""),
            ("device_add driver=virtio-blk-pci id=d1 drive=n1 bus=rp1", PORT),
        ],
    },
    Task {
        title: "Remove a disk",
        words: "drive block detach delete unplug hotplug hot-plug",
        lines: &[
            ("device_del d1", ""),
            (".wait DEVICE_DELETED device=d1", "the guest has to give it up first"),
            ("blockdev-del n1", ""),
        ],
    },
    Task {
        title: "Change a CD",
        words: "cdrom dvd iso medium media eject disk image insert",
        lines: &[
            ("blockdev-change-medium id=cd0 filename=/vm/cd.iso format=raw", "id= is that of the drive"),
            ("eject id=cd0", ""),
        ],
    },
    Task {
        title: "Resize a disk",
        words: "grow size enlarge extend block",
        lines: &[("block_resize node-name=n1 size=20G", "`.show block` shows the node of each disk")],
    },
    Task {
        title: "Take an external snapshot of a disk (the disk goes on in a new file)",
        words: "overlay backing checkpoint block",
        lines: &[
            ("blockdev-snapshot-sync node-name=n1 snapshot-file=/vm/overlay.qcow2 snapshot-node-name=o1", ""),
            ("block-commit job-id=c1 device=o1", "to merge the new file back into the old one"),
            (".job until=ready c1", ""),
            ("job-complete c1", ""),
            (".job c1", ""),
        ],
    },
    Task {
        title: "Take an internal snapshot of the VM",
        words: "savevm loadvm delvm checkpoint save load restore revert state disk",
        lines: &[
            ("snapshot-save job-id=s1 tag=before vmstate=n1 devices.0=n1", "the memory goes into vmstate="),
            (".job s1", ""),
            ("snapshot-load job-id=s2 tag=before vmstate=n1 devices.0=n1", ""),
            (".job s2", ""),
            ("snapshot-delete job-id=s3 tag=before devices.0=n1", ""),
            (".job s3", ""),
        ],
    },
    Task {
        title: "Back up a disk",
        words: "backup copy save export block",
        lines: &[
            (
                "blockdev-create job-id=f1 options.driver=file options.filename=/vm/backup.img options.size=20G",
                "the size of the disk, as `.show block` shows it",
            ),
            (".job f1", ""),
            ("blockdev-add node-name=b1 driver=raw file.driver=file file.filename=/vm/backup.img", ""),
            ("blockdev-backup job-id=j1 device=n1 target=b1 sync=full", ""),
            (".job j1", "shows progress; `job-cancel j1` stops it"),
            ("blockdev-del b1", ""),
        ],
    },
    Task {
        title: "Mirror a disk to a new file, and go on there",
        words: "move copy migrate storage block",
        lines: &[
            ("drive-mirror job-id=m1 device=n1 target=/vm/new.qcow2 format=qcow2 sync=full", ""),
            (".job until=ready m1", ""),
            ("job-complete m1", "from here the VM uses the new file"),
            (".job m1", ""),
        ],
    },
    Task {
        title: "Migrate to another QEMU",
        words: "migration live move host incoming",
        lines: &[
            ("migrate-incoming uri=tcp:0.0.0.0:4444", "on the other QEMU, which -incoming defer started"),
            ("migrate uri=tcp:localhost:4444", "localhost stands for the other host"),
            (".migration", ""),
        ],
    },
    Task {
        title: "Save the VM in a file",
        words: "migrate migration suspend state",
        lines: &[
            ("migrate uri=\"exec:cat >/vm/state\"", "-incoming \"exec:cat /vm/state\" starts a QEMU with it"),
            (".migration", ""),
        ],
    },
    Task {
        title: "Add a CPU",
        words: "vcpu processor core socket hotplug hot-plug plug",
        lines: &[
            ("query-hotpluggable-cpus", "shows the type; QEMU needs room, as with -smp 1,maxcpus=4"),
            (
                "device_add driver=qemu64-x86_64-cpu id=c1 socket-id=0 core-id=1 thread-id=0",
                "Tab offers the free places; `device_del c1` removes it once the guest has started",
            ),
        ],
    },
    Task {
        title: "Add a network card",
        words: "nic net netdev interface ethernet hotplug hot-plug plug",
        lines: &[
            ("netdev_add type=user id=h1", ""),
            ("device_add driver=virtio-net-pci id=nic1 netdev=h1 bus=rp1", PORT),
        ],
    },
    Task {
        title: "Remove a network card",
        words: "nic net netdev interface ethernet unplug hotplug hot-plug delete",
        lines: &[
            ("device_del nic1", ""),
            (".wait DEVICE_DELETED device=nic1", "the guest has to give it up first"),
            ("netdev_del h1", ""),
        ],
    },
    Task {
        title: "Add memory",
        words: "ram dimm hotplug hot-plug plug size",
        lines: &[
            ("object-add qom-type=memory-backend-ram id=mem1 size=128M", ""),
            (
                "device_add driver=pc-dimm id=dimm1 memdev=mem1",
                "QEMU needs room, as with -m 1G,slots=4,maxmem=8G; `device_del dimm1` and `object-del mem1` undo it",
            ),
        ],
    },
    Task {
        title: "Set the VNC password",
        words: "display remote spice",
        lines: &[
            ("set_password protocol=vnc password=@?", "asks for it; QEMU needs -vnc :0,password=on"),
            ("expire_password protocol=vnc time=+60", "it opens for 60 seconds"),
        ],
    },
    Task {
        title: "Shut down, reset or pause",
        words: "power poweroff reboot shutdown stop continue resume halt off",
        lines: &[
            ("system_powerdown", "the guest shuts down, as with its power button; `.wait SHUTDOWN` waits"),
            ("system_reset", ""),
            ("stop", "`cont` goes on"),
            ("quit", "ends QEMU at once"),
        ],
    },
    Task {
        title: "Take a picture of the screen",
        words: "screenshot screendump display",
        lines: &[("screendump filename=/vm/screen.ppm", "")],
    },
];

/// What there is to know about the bus of a PCI device.
const PORT: &str = "Tab offers the buses that have room; a machine of type pc needs no bus=";

/// Returns the tasks that all the words name, or all tasks; those that the peer has no commands for are left out. Empty if there are none.
pub(super) fn tasks(words: Option<&str>, schema: Option<&Schema>, width: usize) -> String {
    let can = |line: &str| {
        let command = line.split(' ').next().unwrap_or_default();
        command.starts_with('.') || schema.is_none_or(|schema| schema.command(command).is_some())
    };
    let wanted =
        TASKS.iter().filter(|task| words.is_none_or(|words| words.split_whitespace().all(|word| task.is_named(word))));
    let wanted = wanted.filter(|task| task.lines.iter().all(|(line, _)| can(line)));
    let mut text = String::new();
    for Task { title, lines, .. } in wanted {
        let _ = writeln!(text, "{}{}", if text.is_empty() { "" } else { "\n" }, wrap(&format!("{title}:"), width));
        for (line, about) in *lines {
            let _ = writeln!(text, "{}", hang(&format!("  {line}"), 4, width));
            if !about.is_empty() {
                let _ = writeln!(text, "{}", hang(&format!("      ({about})"), 7, width));
            }
        }
    }
    text
}

impl Task {
    /// Returns true if the word is one of its words, or the beginning of one, or one with an ending: `disks`, `migrat`.
    fn is_named(&self, word: &str) -> bool {
        /// Shorter words are not the beginning of another.
        const SHORTEST: usize = 3;
        let word = word.to_ascii_lowercase();
        let title = self.title.to_ascii_lowercase();
        let mut words = title.split([' ', ',', '(', ')']).chain(self.words.split(' '));
        words.any(|known| {
            known == word
                || (known.starts_with(&word) && word.len() >= SHORTEST)
                || word.strip_prefix(known).is_some_and(|ending| matches!(ending, "s" | "ing" | "ed"))
        })
    }
}
