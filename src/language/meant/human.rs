//! Lines of the human monitor that are no lines of QMP.

use super::words::{split, write};

/// Its commands that QMP does not have under the same name, with their aliases. Source: `help` of QEMU 7.2, 10.0 and 11.1.
pub(super) const COMMANDS: &[&str] = &[
    "announce_self",
    "block_job_cancel",
    "block_job_complete",
    "block_job_pause",
    "block_job_resume",
    "block_job_set_speed",
    "block_stream",
    "boot_set",
    "c",
    "calc_dirty_rate",
    "cancel_vcpu_dirty_limit",
    "change",
    "clear",
    "commit",
    "cpu",
    "delvm",
    "drive_add",
    "drive_backup",
    "drive_del",
    "drive_mirror",
    "exit_preconfig",
    "gdbserver",
    "gpa2hpa",
    "gpa2hva",
    "gva2gpa",
    "hostfwd_add",
    "hostfwd_remove",
    "i",
    "info",
    "loadvm",
    "log",
    "logfile",
    "mce",
    "migrate_continue",
    "migrate_incoming",
    "migrate_pause",
    "migrate_recover",
    "migrate_set_capability",
    "migrate_set_parameter",
    "migrate_start_postcopy",
    "mouse_button",
    "mouse_move",
    "mouse_set",
    "nbd_server_add",
    "nbd_server_remove",
    "nbd_server_start",
    "nbd_server_stop",
    "nmi",
    "o",
    "object_add",
    "object_del",
    "one-insn-per-tb",
    "p",
    "pcie_aer_inject_error",
    "print",
    "qemu-io",
    "replay_break",
    "replay_delete_break",
    "replay_seek",
    "ringbuf_read",
    "ringbuf_write",
    "s",
    "savevm",
    "sendkey",
    "set_vcpu_dirty_limit",
    "singlestep",
    "snapshot_blkdev",
    "snapshot_blkdev_internal",
    "snapshot_delete_blkdev_internal",
    "stopcapture",
    "sum",
    "sync-profile",
    "trace-event",
    "watchdog_action",
    "wavcapture",
    "x",
    "x_colo_lost_heartbeat",
    "xp",
];

/// Commands of QMP that do the same as a line of the human monitor. Each is in QEMU 7.2, 10.0 and 11.1.
const SAME: &[(&str, &str)] = &[
    ("info balloon", "query-balloon"),
    ("info block", "query-block"),
    ("info block-jobs", "query-block-jobs"),
    ("info blockstats", "query-blockstats"),
    ("info chardev", "query-chardev"),
    ("info cpus", "query-cpus-fast"),
    ("info hotpluggable-cpus", "query-hotpluggable-cpus"),
    ("info iothreads", "query-iothreads"),
    ("info kvm", "query-kvm"),
    ("info memdev", "query-memdev"),
    ("info memory-devices", "query-memory-devices"),
    ("info memory_size_summary", "query-memory-size-summary"),
    ("info mice", "query-mice"),
    ("info migrate", "query-migrate"),
    ("info migrate_capabilities", "query-migrate-capabilities"),
    ("info migrate_parameters", "query-migrate-parameters"),
    ("info name", "query-name"),
    ("info named-block-nodes", "query-named-block-nodes"),
    ("info pci", "query-pci"),
    ("info qtree", "qom-list path=/machine"),
    ("info qom-tree", "qom-list path=/"),
    ("info rx-filter", "query-rx-filter"),
    ("info spice", "query-spice"),
    ("info status", "query-status"),
    ("info tpm", "query-tpm"),
    ("info uuid", "query-uuid"),
    ("info version", "query-version"),
    ("info vnc", "query-vnc"),
    ("migrate_start_postcopy", "migrate-start-postcopy"),
    ("migrate_pause", "migrate-pause"),
    ("nbd_server_stop", "nbd-server-stop"),
    ("nmi", "inject-nmi"),
    ("c", "cont"),
    ("s", "stop"),
];

/// Commands of QMP that do what a command of the human monitor does, with arguments of their own.
const SIMILAR: &[(&str, &str)] = &[
    ("change", "blockdev-change-medium"),
    ("change vnc", "change-vnc-password"),
    ("delvm", "snapshot-delete"),
    ("drive_add", "blockdev-add"),
    ("drive_backup", "blockdev-backup"),
    ("drive_del", "blockdev-del"),
    ("drive_mirror", "blockdev-mirror"),
    ("loadvm", "snapshot-load"),
    ("migrate_set_capability", "migrate-set-capabilities"),
    ("migrate_set_parameter", "migrate-set-parameters"),
    ("savevm", "snapshot-save"),
    ("sendkey", "send-key"),
    ("snapshot_blkdev", "blockdev-snapshot-sync"),
    ("snapshot_blkdev_internal", "blockdev-snapshot-internal-sync"),
];

/// Says how a line of the human monitor is sent.
pub(super) fn line(line: &str) -> Option<String> {
    let words = split(line);
    let name = *words.first()?;
    // A command with a format, as in `x/4i`.
    let plain = name.split('/').next().unwrap_or(name);
    if !COMMANDS.contains(&plain) || words.iter().skip(1).any(|word| *word == "|") {
        return None;
    }
    let written = write(&format!(".hmp {line}"))?;
    let key = words.join(" ");
    Some(if let Some((_, same)) = SAME.iter().find(|(human, _)| *human == key) {
        format!("{written}, or `{same}`")
    } else if let Some((_, similar)) = SIMILAR.iter().rev().find(|(human, _)| starts_with(&words, human)) {
        format!("{written} (in QMP: `.help {similar}`)")
    } else {
        written
    })
}

fn starts_with(words: &[&str], start: &str) -> bool {
    start.split(' ').zip(words).all(|(start, word)| start == *word) && start.split(' ').count() <= words.len()
}

/// Says how a command of the human monitor is sent that the peer's QMP does not have.
pub(super) fn command(name: &str) -> Option<String> {
    if name == "q" {
        return Some("`.quit` leaves qmpsh, `quit` ends QEMU".to_owned());
    }
    if name == "clear" {
        return Some("Ctrl-L clears the screen".to_owned());
    }
    line(name).map(|written| format!("`{name}` is a command of the human monitor: {written}"))
}
