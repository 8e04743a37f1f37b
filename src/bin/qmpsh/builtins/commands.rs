//! `.commands`: lists the commands of the peer.

use async_trait::async_trait;
use serde::Serialize;

use super::arguments::{Refusal, Words};
use super::help::signature;
use super::{print_text, print_value, renderer};
use crate::output::render::Form;
use crate::session::types::schema;
use crate::session::{Builtin, Frontend};
use crate::status::Stop;
use qmpsh::pattern::Pattern;
use qmpsh::schema::{Command, Schema, nearest};
use qmpsh::text;

/// `.commands [PATTERN]`
#[derive(Debug)]
pub(super) struct Commands {
    /// As typed, and parsed.
    pattern: Option<(String, Pattern)>,
}

impl Commands {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let Some((text, span)) = words.next()? else { return Ok(Self { pattern: None }) };
        let pattern = Pattern::new(&text).map_err(|error| Refusal::new(span, error.to_string()))?;
        Ok(Self { pattern: Some((text, pattern)) })
    }

    /// A plain word is looked for in the names.
    fn matches(&self, name: &str) -> bool {
        let is_part = |text: &str| name.to_lowercase().contains(&text.to_lowercase());
        let matches = |pattern: &Pattern, text| if pattern.is_glob() { pattern.matches(name) } else { is_part(text) };
        self.pattern.as_ref().is_none_or(|(text, pattern)| matches(pattern, text))
    }

    /// Returns the message for the case that no command matches.
    fn none(&self, schema: &Schema) -> String {
        match &self.pattern {
            None => "the peer offers no commands".to_owned(),
            Some((text, pattern)) if pattern.is_glob() => format!("the peer has no command `{}`", text::line(text)),
            Some((text, _)) => {
                let near = nearest(text, schema.commands().iter().map(|command| &*command.name));
                let text = text::line(text);
                let hint = near.map_or_else(
                    || format!("`.help {text}` searches the descriptions"),
                    |near| format!("did you mean {}?", text::line(near)),
                );
                format!("no command of the peer has `{text}` in its name ({hint})")
            }
        }
    }
}

/// One command as JSON.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    deprecated: bool,
    unstable: bool,
    enabled: bool,
}

impl<'a> Entry<'a> {
    fn of(schema: &'a Schema, command: &'a Command) -> Self {
        let members = command.arguments.map(|ty| schema.members(ty, &|_| None)).unwrap_or_default();
        Self {
            name: &command.name,
            arguments: members.into_iter().map(|member| &*member.name).collect(),
            deprecated: command.features.is_deprecated(),
            unstable: command.features.is_unstable(),
            enabled: command.enabled,
        }
    }
}

#[async_trait(?Send)]
impl Builtin for Commands {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let Some(schema) = schema(frontend).await? else {
            return Err(Stop::failed("the peer does not list its commands"));
        };
        let found: Vec<&Command> = schema.commands().iter().filter(|command| self.matches(&command.name)).collect();
        if found.is_empty() {
            return Err(Stop::failed(self.none(&schema)));
        }
        let renderer = renderer(frontend);
        if !renderer.plain_text || renderer.form == Form::Table {
            let entries: Vec<_> = found.iter().map(|command| Entry::of(&schema, command)).collect();
            // A list of names and booleans is always JSON.
            return print_value(frontend, serde_json::to_string(&entries).unwrap_or_default()).await;
        }
        let mut shown = String::new();
        for command in found {
            if renderer.terminal {
                shown.push_str(&signature(&schema, command));
            } else {
                shown.push_str(&command.name);
            }
            shown.push('\n');
        }
        print_text(frontend, &shown).await
    }
}
