//! `.help`: shows what to begin with, describes a built-in command, or says what the peer's schema and QEMU's installed manuals
//! know about a name. Other words are searched for in names and texts.

mod example;
mod listing;
mod manual;
mod page;
mod roff;
mod search;
mod tasks;
mod topics;

pub(crate) use listing::for_people;
pub(super) use listing::signature;

use std::fmt::Write as _;

use async_trait::async_trait;

use super::arguments::{Refusal, Words};
use super::registry::{COMMANDS, Description, find};
use super::{print_text, renderer};
use crate::output::columns::wrap;
use crate::session::types::schema;
use crate::session::{Builtin, Frontend, attend};
use crate::status::Stop;
use listing::{Manual, OtherVersion};
use manual::{Found, Missed};
use qmpsh::client::Client;
use qmpsh::schema::{Choice, Schema, nearest};
use qmpsh::text;

/// `.help [NAME [PATH=VALUE...]]`
#[derive(Debug, Default)]
pub(super) struct Help(Option<Topic>);

/// What to describe.
#[derive(Debug, Clone)]
struct Topic {
    name: String,
    /// The branches to describe.
    choices: Vec<Choice>,
}

impl Help {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let Some((mut name, _)) = words.next()? else { return Ok(Self(None)) };
        let mut choices = Vec::new();
        while let Some((word, span)) = words.next()? {
            if choices.is_empty() && !name.starts_with('.') && !word.contains('=') {
                // Several words to search for.
                name.push(' ');
                name.push_str(&word);
                continue;
            }
            let Some((path, case)) = word.split_once('=').filter(|_| !name.starts_with('.')) else {
                return Err(Refusal::new(span, "only PATH=VALUE may follow, as in .help blockdev-add driver=qcow2"));
            };
            choices.push(Choice { path: path.to_owned(), case: case.to_owned() });
        }
        Ok(Self(Some(Topic { name, choices })))
    }
}

#[async_trait(?Send)]
impl Builtin for Help {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let width = renderer(frontend).width();
        match &self.0 {
            None => print_text(frontend, &topics::overview(width)).await,
            Some(topic) => describe(frontend, topic).await,
        }
    }
}

/// `.help NAME`
async fn describe(frontend: &mut dyn Frontend, topic: &Topic) -> Result<(), Stop> {
    let width = renderer(frontend).width();
    if topic.name.starts_with('-') {
        return Err(Stop::failed(unknown(&topic.name, None, &[])));
    }
    let schema = if topic.name.starts_with('.') { None } else { schema(frontend).await? };
    let client = frontend.session().client.clone();
    let topic = topic.clone();
    // Reading the manuals takes a thread: a disk can be slow.
    let reading = tokio::task::spawn_blocking(move || written(&topic, &client, schema.as_deref(), width));
    let Some(Ok(shown)) = attend(frontend, reading, None, "the manual").await? else {
        return Err(Stop::failed("the manual could not be read"));
    };
    print_text(frontend, &shown.map_err(Stop::failed)?).await
}

/// Returns what `.help NAME` shows, or, without a name, what `.help` does. It reads files, and may block.
///
/// # Errors
/// The sentence that says that nothing describes the name.
pub(crate) fn page(
    name: Option<&str>,
    client: &Client,
    schema: Option<&Schema>,
    width: usize,
) -> Result<String, String> {
    let Some(name) = name else { return Ok(topics::overview(width)) };
    written(&Topic { name: name.to_owned(), choices: Vec::new() }, client, schema, width)
}

/// Returns the commands, events, types and tasks that the words are in, also where they are the name of one. It reads files, and may block.
///
/// # Errors
/// The sentence that says that nothing has the words in it.
#[cfg(feature = "mcp")]
pub(crate) fn search(words: &str, client: &Client, schema: Option<&Schema>, width: usize) -> Result<String, String> {
    let missed = manual::look_up(words, width, schema, client.is_guest_agent()).err().unwrap_or_default();
    let mut found = tasks::tasks(Some(words), schema, width);
    found.push_str(&search::hits(words, schema, &missed.hits, width));
    if found.is_empty() { Err(unknown(words, schema, &missed.names)) } else { Ok(found) }
}

/// Returns the text about a name, from the schema and the installed manuals. It reads files, and may block.
fn written(topic: &Topic, client: &Client, schema: Option<&Schema>, width: usize) -> Result<String, String> {
    let name = &*topic.name;
    let own = find(name);
    if name.starts_with('.') {
        return own.map(|command| about(command, width)).ok_or_else(|| unknown(name, None, &[]));
    }
    let is_offered = schema.is_some_and(|schema| offers(schema, name));
    let topic_text = || match name {
        "tasks" => Some(tasks::tasks(None, schema, width)),
        _ => topics::topic(name, width),
    };
    if let Some(text) = topic_text().filter(|_| !is_offered) {
        return Ok(text);
    }
    let manual = if own.is_none() || is_offered {
        manual::look_up(name, width, schema, client.is_guest_agent())
    } else {
        Err(Missed::default())
    };
    let peer = version(client, schema);
    let found = manual.as_ref().ok();
    let other_version = found.zip(peer.as_deref()).and_then(|(found, peer)| other_version(found, peer));
    let beside = Manual { found, other_version: other_version.as_ref() };
    let listed = schema.and_then(|schema| listed(schema, topic, beside, width));
    let listed = listed.transpose().map_err(|sentence| text::line(&sentence).into_owned())?;
    let mut shown = own.map_or_else(String::new, |command| about(command, width));
    if let Some(listed) = listed {
        let between = if shown.is_empty() { "" } else { "\n" };
        return Ok(format!("{shown}{between}{listed}"));
    }
    match &manual {
        Ok(Found { title, text, .. }) => {
            if schema.is_some() && !is_type(name) {
                let versions =
                    other_version.as_ref().map_or_else(String::new, |versions| format!(": it is {versions}"));
                let _ = writeln!(shown, "{}\n", wrap(&format!("This peer does not offer {name}{versions}."), width));
            }
            let versions = other_version.as_ref().filter(|_| shown.is_empty());
            let versions = versions.map_or_else(String::new, |versions| format!(" (this is QEMU {})", versions.peer));
            let _ = writeln!(shown, "{}\n", wrap(&format!("{name} in {title}{versions}:"), width));
            shown.push_str(text);
        }
        Err(missed) if shown.is_empty() => {
            let mut hits = search::hits(name, schema, &missed.hits, width);
            if schema.is_some_and(|schema| schema.command("human-monitor-command").is_some()) {
                hits.push_str(&search::of_human_monitor(name, width));
            }
            shown = schema.map_or_else(String::new, |schema| tasks::tasks(Some(name), Some(schema), width));
            if !shown.is_empty() && !hits.is_empty() {
                let _ = writeln!(
                    shown,
                    "\n{}",
                    wrap(&format!("With `{}` in the name or the text:", text::line(name)), width)
                );
            }
            shown.push_str(&hits);
            if shown.is_empty() {
                return Err(unknown(name, schema, &missed.names));
            }
        }
        Err(_) => {
            let tasks = tasks::tasks(Some(name), schema, width);
            if !tasks.is_empty() {
                let _ = write!(shown, "\n{tasks}");
            }
        }
    }
    Ok(shown)
}

/// Returns true if `name` looks like that of a type, which the schema does not tell.
fn is_type(name: &str) -> bool {
    name.contains(char::is_uppercase) && name.contains(char::is_lowercase)
}

/// Returns what the schema says, if it knows the name.
fn listed(schema: &Schema, topic: &Topic, manual: Manual<'_>, width: usize) -> Option<Result<String, String>> {
    if let Some(command) = schema.command(&topic.name) {
        return Some(listing::command(schema, command, &topic.choices, manual, width));
    }
    schema.event(&topic.name).map(|event| Ok(listing::event(schema, event, manual, width)))
}

fn offers(schema: &Schema, name: &str) -> bool {
    schema.command(name).is_some() || schema.event(name).is_some()
}

/// The peer's version, as it says itself.
fn version(client: &Client, schema: Option<&Schema>) -> Option<String> {
    let greeting = client.greeting().map(|greeting| greeting.version.to_string());
    greeting.or_else(|| schema?.agent_version().map(str::to_owned))
}

/// Returns the versions if the manual is for another one than the peer's. QMP does not change within a stable branch,
/// such as 7.2.0 to 7.2.22.
fn other_version<'a>(found: &'a Found, peer: &'a str) -> Option<OtherVersion<'a>> {
    let branch = |version: &'a str| version.split('.').take(2);
    let manual = found.version.as_deref().filter(|manual| !branch(manual).eq(branch(peer)))?;
    Some(OtherVersion { peer, manual, arguments: found.described.arguments.as_deref() })
}

/// Returns the message about a name that nothing describes.
fn unknown(name: &str, schema: Option<&Schema>, in_manuals: &[String]) -> String {
    let own: Vec<String> = COMMANDS.iter().map(|command| format!(".{}", command.name)).collect();
    let peers = schema.into_iter().flat_map(|schema| {
        let commands = schema.commands().iter().map(|command| &*command.name);
        commands.chain(schema.events().iter().map(|event| &*event.name))
    });
    let near = if name.starts_with('.') {
        nearest(name, own.iter().map(String::as_str))
    } else {
        let bare = own.iter().map(|name| &name[1..]);
        let in_manuals = || in_manuals.iter().map(String::as_str);
        nearest(name, peers.clone().chain(bare))
            .or_else(|| nearest(name, in_manuals()))
            .or_else(|| search::of_same_begin(name, peers).or_else(|| search::of_same_begin(name, in_manuals())))
    };
    let hint = match near {
        Some(near) => format!("did you mean {}?", text::line(near)),
        None if schema.is_none() && !name.starts_with(['.', '-']) => {
            "the peer does not list its commands, and no installed QEMU manual describes it".to_owned()
        }
        None if name.starts_with('-') => "`man qmpsh` and `qmpsh --help` describe the options".to_owned(),
        None => ".help built-in lists the built-in commands, .commands those of the peer".to_owned(),
    };
    format!("no help for `{}` ({hint})", text::line(name))
}

fn about(command: &Description, width: usize) -> String {
    let Description { summary, more, .. } = command;
    let more = if more.is_empty() { String::new() } else { format!("\n{more}\n") };
    wrap(&format!("{}\n  {summary}\n{more}", command.usage()), width).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_fits_the_width_of_a_screen() {
        for width in [40, 80, 120] {
            for text in COMMANDS.iter().map(|command| about(command, width)) {
                // A word that is longer than a row stays whole.
                let fits = |line: &str| line.chars().count() <= width || !line.trim().contains(' ');
                assert!(text.lines().all(fits), "wider than {width}: {text}");
            }
        }
    }
}
