//! Reads the reply of a guest agent's `guest-info`, which lists its commands: an agent has no schema.

use serde::Deserialize;

use super::read::SchemaError;
use super::types::{Command, Features, Schema};

#[derive(Deserialize)]
struct Info {
    version: Option<Box<str>>,
    supported_commands: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    name: Box<str>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "yes")]
    success_response: bool,
}

fn yes() -> bool {
    true
}

impl Schema {
    /// Reads the `return` of a guest agent's `guest-info`: the names of its commands, and no types.
    pub fn parse_guest_info(reply: &[u8]) -> Result<Self, SchemaError> {
        let info: Info = serde_json::from_slice(reply)?;
        let commands = info.supported_commands.into_iter().map(|entry| Command {
            name: entry.name,
            arguments: None,
            result: None,
            allow_oob: false,
            enabled: entry.enabled,
            success_response: entry.success_response,
            features: Features::default(),
        });
        let mut schema = Self::new(Vec::new(), commands.collect(), Vec::new());
        schema.agent_version = info.version;
        Ok(schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_an_agent_have_no_types() {
        let schema = Schema::parse_guest_info(
            br#"{"version":"7.2.22","supported_commands":[
                {"enabled":true,"name":"guest-sync","success-response":true},
                {"enabled":false,"name":"guest-shutdown","success-response":false}]}"#,
        )
        .unwrap();
        let names: Vec<_> = schema.commands().iter().map(|c| (&*c.name, c.enabled, c.success_response)).collect();
        assert_eq!(names, [("guest-shutdown", false, false), ("guest-sync", true, true)]);
        assert_eq!(schema.arguments("guest-sync"), None);
        assert_eq!(schema.agent_version(), Some("7.2.22"));
        assert!(
            Schema::parse_guest_info(b"[]").is_err()
                && Schema::parse_guest_info(b"{}").is_err()
                && Schema::parse_guest_info(br#"{"supported_commands":[1]}"#).is_err()
        );
    }
}
