//! What other tools call the commands of QMP.

use crate::schema::Schema;

/// The words of `virsh`, Proxmox's `qm` and a guest's own shell, and the commands that do that.
const COMMANDS: [(&str, &str); 13] = [
    ("continue", "cont"),
    ("destroy", "quit"),
    ("halt", "system_powerdown"),
    ("pause", "stop"),
    ("poweroff", "system_powerdown"),
    ("reboot", "system_reset"),
    ("reset", "system_reset"),
    ("resume", "cont"),
    ("screenshot", "screendump"),
    ("shutdown", "system_powerdown"),
    ("start", "cont"),
    ("suspend", "stop"),
    ("unpause", "cont"),
];

/// Returns the command of the peer that does what `word` does elsewhere.
pub(super) fn command(schema: &Schema, word: &str) -> Option<&'static str> {
    let (_, name) = COMMANDS.iter().find(|(other, _)| *other == word)?;
    schema.command(name).map(|_| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_another_tool_leads_to_a_command_that_the_peer_has() {
        let schema = Schema::parse_guest_info(br#"{"supported_commands":[{"name":"stop"}]}"#).unwrap();
        assert_eq!(command(&schema, "pause"), Some("stop"));
        assert_eq!(command(&schema, "reboot"), None);
        assert_eq!(command(&schema, "stop"), None);
    }
}
