//! A guest agent has no schema; `guest-info` lists its commands.

use serde::Deserialize;

use super::Schema;
use super::read::{Name, SchemaError};
use super::types::{Command, Features};

#[derive(Deserialize)]
struct Info<'a> {
    #[serde(borrow)]
    version: Option<Name<'a>>,
    #[serde(borrow)]
    supported_commands: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry<'a> {
    #[serde(borrow)]
    name: Name<'a>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "yes")]
    success_response: bool,
}

fn yes() -> bool {
    true
}

pub(super) fn parse(reply: &[u8]) -> Result<Schema, SchemaError> {
    let info: Info<'_> = serde_json::from_slice(reply)?;
    let commands = info.supported_commands.iter().map(|entry| Command {
        name: entry.name.boxed(),
        arguments: None,
        result: None,
        allow_oob: false,
        enabled: entry.enabled,
        success_response: entry.success_response,
        features: Features::default(),
    });
    let agent_version = info.version.as_ref().map(Name::boxed);
    Ok(Schema { agent_version, ..Schema::new(Vec::new(), commands.collect(), Vec::new()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_without_types() {
        let schema = parse(
            br#"{"version":"7.2.22","supported_commands":[
                {"enabled":true,"name":"guest-sync","success-response":true},
                {"enabled":false,"name":"guest-shutdown","success-response":false}]}"#,
        )
        .unwrap();
        let names: Vec<_> = schema.commands().iter().map(|c| (&*c.name, c.enabled, c.success_response)).collect();
        assert_eq!(names, [("guest-shutdown", false, false), ("guest-sync", true, true)]);
        assert_eq!(schema.arguments("guest-sync"), None);
        assert_eq!(schema.agent_version(), Some("7.2.22"));
        assert!(parse(b"[]").is_err() && parse(b"{}").is_err() && parse(br#"{"supported_commands":[1]}"#).is_err());
    }
}
