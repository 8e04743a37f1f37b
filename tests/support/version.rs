//! Which QEMU is in the PATH, and what differs between the versions that the tests run on.

use std::sync::OnceLock;

use super::Program;

/// The major and minor version of the `qemu-system-x86_64` in the PATH.
pub fn version() -> (u32, u32) {
    static VERSION: OnceLock<(u32, u32)> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let text = Program::new("qemu-system-x86_64").arg("--version").run().stdout_text();
        let version = text.split("version ").nth(1).and_then(|rest| {
            let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
            Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
        });
        version.unwrap_or_else(|| panic!("no version in {text}"))
    })
}

/// The members of `query-status` and their values, in QEMU's order. `singlestep` left it in 9.0.
pub fn status(state: &str, running: bool) -> Vec<(&'static str, String)> {
    let mut members = vec![("status", format!("\"{state}\""))];
    if version() < (9, 0) {
        members.push(("singlestep", "false".to_owned()));
    }
    members.push(("running", running.to_string()));
    members
}

pub fn status_line(state: &str, running: bool) -> String {
    let members = status(state, running).into_iter().map(|(name, value)| format!("\"{name}\": {value}"));
    format!("{{{}}}\n", members.collect::<Vec<_>>().join(", "))
}

pub fn status_table(state: &str, running: bool) -> String {
    let members = status(state, running);
    let width = members.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let rows = members.iter().map(|(name, value)| format!("{name:width$}  {}", value.trim_matches('"')));
    rows.collect::<Vec<_>>().join("\n") + "\n"
}

/// The chardev option that makes QEMU connect again after a second. `reconnect` became `reconnect-ms` in 9.2, and left in 10.2.
pub fn reconnect() -> &'static str {
    if version() < (9, 2) { "reconnect=1" } else { "reconnect-ms=1000" }
}

/// Whether monitors are objects, which can be made while QEMU runs: since 11.1.
pub fn has_monitor_objects() -> bool {
    version() >= (11, 1)
}
