//! What the name of a member says about its value.

use std::time::Duration;

use crate::output::units;

/// The members that name a thing. Source: the replies in QEMU's `qapi/` and in the guest agent's schema.
const NAMES: [&str; 16] = [
    "id",
    "name",
    "device",
    "node-name",
    "label",
    "qdev",
    "qdev_id",
    "qom-path",
    "job-id",
    "capability",
    "option",
    "interface",
    "mountpoint",
    "logical-id",
    "phys-index",
    "user",
];

/// The members of replies that count bytes. Every reply of QEMU 7.2, 10.0 and 11.1 and of the guest agent that has a number of one
/// of these names means bytes. Source: docs/qmp.md, "Numbers of bytes".
const BYTES: [&str; 53] = [
    "actual-size",
    "base-memory",
    "block-size",
    "bytes",
    "cache-size",
    "cluster-size",
    "compressed-size",
    "discard-alignment",
    "discard-bytes-ok",
    "downtime-bytes",
    "extent-size-hint",
    "granularity",
    "max-discard",
    "max-hw-transfer",
    "max-size",
    "max-transfer",
    "max-write-zeroes",
    "min-mem-alignment",
    "multifd-bytes",
    "normal-bytes",
    "opt-mem-alignment",
    "opt-transfer",
    "page-size",
    "plugged-memory",
    "postcopy-bytes",
    "precopy-bytes",
    "rd_bytes",
    "request-alignment",
    "requested-size",
    "rx-bytes",
    "section-size",
    "size",
    "total-bytes",
    "total-bytes-privileged",
    "transferred",
    "trimmed",
    "tx-bytes",
    "unmap_bytes",
    "used-bytes",
    "virtual-size",
    "vm-state-size",
    "wr_bytes",
    "wr_highest_offset",
    "write-zeroes-alignment",
    "write_threshold",
    "x-rdma-chunk-size",
    "xbzrle-cache-size",
    "zone_append_bytes",
    "dirty-bitmaps.count",
    "disk.remaining",
    "disk.total",
    "ram.remaining",
    "ram.total",
];

/// The members of replies that count bytes a second.
const RATES: [&str; 9] = [
    "avail-switchover-bandwidth",
    "bps",
    "bps_max",
    "bps_rd",
    "bps_rd_max",
    "bps_wr",
    "bps_wr_max",
    "max-bandwidth",
    "max-postcopy-bandwidth",
];

/// The members of replies that count milliseconds.
const MILLISECONDS: [&str; 5] = ["downtime", "downtime-limit", "expected-downtime", "setup-time", "total-time"];

/// Returns true if a member of this name names the thing that the object describes.
pub(super) fn is_name(key: &[u8]) -> bool {
    NAMES.iter().any(|name| name.as_bytes() == key)
}

/// Returns the number as a person reads it, `1.5 GiB` or `87 ms`, if its name says what it counts. `parent` is the name of the member that
/// has the object.
pub(super) fn amount(parent: &[u8], key: &[u8], number: &[u8]) -> Option<String> {
    let is_in = |names: &[&str]| {
        names.iter().any(|name| match name.split_once('.') {
            Some((object, member)) => object.as_bytes() == parent && member.as_bytes() == key,
            None => name.as_bytes() == key,
        })
    };
    let count = || std::str::from_utf8(number).ok()?.parse().ok();
    if is_in(&BYTES) {
        Some(units::bytes(count()?))
    } else if is_in(&RATES) {
        Some(format!("{}/s", units::bytes(count()?)))
    } else if is_in(&MILLISECONDS) {
        Some(units::lasted(Duration::from_millis(count()?)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_amounts_have_units() {
        let check = |parent: &str, key: &str, number: &str, expected: Option<&str>| {
            let found = amount(parent.as_bytes(), key.as_bytes(), number.as_bytes());
            assert_eq!(found.as_deref(), expected, "{parent}.{key} {number}");
        };
        check("", "size", "1610612736", Some("1.5 GiB"));
        check("image", "virtual-size", "10737418240", Some("10.0 GiB"));
        check("", "bps_rd", "1048576", Some("1.0 MiB/s"));
        check("ram", "total", "0", Some("0 B"));
        check("", "total", "4096", None);
        check("dirty-bitmaps", "count", "65536", Some("64.0 KiB"));
        check("", "count", "65536", None);
        check("", "expected-downtime", "300", Some("300 ms"));
        check("", "total-time", "4461", Some("4.4 s"));
        check("ram", "downtime", "0", Some("0 ms"));
        check("", "thread-id", "4096", None);
        check("", "slots", "4", None);
        // What is not a count stays as it came.
        check("", "size", "-1", None);
        check("", "size", "0.5", None);
        check("", "size", "18446744073709551616", None);
        check("", "size", "null", None);
    }
}
