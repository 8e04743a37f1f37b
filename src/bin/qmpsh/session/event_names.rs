//! Warnings about names of events that never come: a mistyped name would make a wait endless.

use std::sync::Arc;

use serde::Deserialize;

use super::queries::{self, Query};
use super::state::Session;
use qmpsh::client::Client;
use qmpsh::pattern::Pattern;
use qmpsh::schema::{Schema, nearest};
use qmpsh::text;

/// What the names begin with of the events that need the migration capability `events`.
const MIGRATION: &str = "MIGRATION";

/// How to enable that capability.
const ENABLE: &str = "migrate-set-capabilities capabilities.0.capability=events capabilities.0.state=on";

/// Returns warnings about names and patterns that no event of the peer has, and about events that the peer does not send as it is set
/// now. Asks the peer for its schema. Cancel safe.
pub(crate) fn warnings(session: &Session, names: Vec<Pattern>) -> impl Future<Output = Vec<String>> + use<> {
    let (client, schema) = (session.client.clone(), Arc::clone(&session.schema));
    async move {
        // Without a schema any event may come.
        let Ok(Some(schema)) = schema.fetch(&client).await else { return Vec::new() };
        let mut warnings: Vec<String> = names.iter().filter_map(|name| unknown(&schema, name)).collect();
        if names.iter().any(|name| is_of_migration(&schema, name)) && !sends_migration(&client).await {
            warnings.push(format!("QEMU sends {MIGRATION} only with its capability `events`: {ENABLE}"));
        }
        warnings
    }
}

/// Returns a warning if no event of the schema has this name.
fn unknown(schema: &Schema, name: &Pattern) -> Option<String> {
    let events = || schema.events().iter().map(|event| &*event.name);
    if events().next().is_none() || events().any(|event| name.matches(event)) {
        return None;
    }
    let written = name.to_string();
    let meant = if name.is_glob() { written.replace(['*', '?', '[', ']'], "") } else { written.clone() };
    let hint = nearest(&meant, events()).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
    let shown = text::line(&written);
    Some(if name.is_glob() {
        format!("no event in the peer's schema matches `{shown}`{hint}")
    } else {
        format!("the peer's schema has no event `{shown}`{hint}")
    })
}

/// Returns true if only events of the migration have this name.
fn is_of_migration(schema: &Schema, name: &Pattern) -> bool {
    let mut matched = schema.events().iter().filter(|event| name.matches(&event.name)).peekable();
    matched.peek().is_some() && matched.all(|event| event.name.starts_with(MIGRATION))
}

/// Returns true if the peer sends events about the migration, or does not tell.
async fn sends_migration(client: &Client) -> bool {
    #[derive(Deserialize)]
    struct Capability {
        capability: String,
        state: bool,
    }
    let Ok(reply) = queries::ask(client, &Query::MigrationCapabilities).await else { return true };
    let capabilities: Vec<Capability> = serde_json::from_slice(&reply.result().unwrap_or_default()).unwrap_or_default();
    let events = capabilities.iter().find(|capability| capability.capability == "events");
    events.is_none_or(|events| events.state)
}
