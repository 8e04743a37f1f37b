//! `.help`: shows the language and the keys on one screen, describes a built-in command, or says what the peer's schema
//! and QEMU's installed manuals know about a name.

mod listing;
mod manual;
mod roff;

pub(super) use listing::signature;

use std::fmt::Write as _;

use async_trait::async_trait;

use super::arguments::{Refusal, Words};
use super::registry::{COMMANDS, Description, find};
use super::{print_text, renderer};
use crate::output::columns::{hang, wrap};
use crate::session::types::schema;
use crate::session::{Builtin, Frontend, attend};
use crate::status::Stop;
use listing::OtherVersion;
use manual::Found;
use qmpsh::schema::{Choice, Schema, nearest};
use qmpsh::text;

const LANGUAGE: &str = "\
A line is a QMP command with its arguments:
  query-status
  block_resize node-name=n0 size=10G
  blockdev-add node-name=n0 driver=qcow2 file.driver=file file.filename=\"/my disk.qcow2\"

  KEY=VALUE         a value of the type in QEMU's schema: a string, a number (10G, 0x10), true, an enum value; \
quotes make a string, { and [ begin JSON
  KEY.KEY=VALUE     an object within an object
  KEY:=JSON         strict JSON
  KEY==TEXT         the text as it is
  KEY=@FILE         a file's contents
  KEY=@?            ask, without echo
  device_del NAME   the argument that names one thing may stand first, alone: `.help COMMAND` tells for which commands
  {\"execute\": ...}  a whole message
  # ...             a comment
  transaction(      actions, one a line, up to a closing )
  ... | PIPELINE    send the result as JSON to a shell command, such as jq or less

A line continues while a bracket or a quote is open. Pasted lines stop at the first that fails.

Built-in commands (.help NAME describes one):
";

const KEYS: &str = "
Tab completes the word at the cursor.
Ctrl-C drops the line, or stops waiting for a command (its reply is shown when it comes); Ctrl-R searches the history.
Ctrl-X Ctrl-E edits the line in $EDITOR.
The history omits lines that begin with a space or contain a password.
$XDG_CONFIG_HOME/qmpsh/config.toml sets colors, aliases, the keys of vi and more; qmpsh(1) has the list.
";

/// How many columns it takes to have the built-in commands and what they do side by side.
const WIDE: usize = 70;

/// `.help [NAME [PATH=VALUE...]]`
#[derive(Debug, Default)]
pub(super) struct Help(Option<Topic>);

/// What to describe.
#[derive(Debug)]
struct Topic {
    name: String,
    /// The branches to describe.
    choices: Vec<Choice>,
}

impl Help {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let Some((name, _)) = words.next()? else { return Ok(Self(None)) };
        let mut choices = Vec::new();
        while let Some((word, span)) = words.next()? {
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
            None => print_text(frontend, &language(width)).await,
            Some(topic) => describe(frontend, topic).await,
        }
    }
}

/// `.help NAME`
async fn describe(frontend: &mut dyn Frontend, topic: &Topic) -> Result<(), Stop> {
    let width = renderer(frontend).width();
    let own = find(&topic.name);
    if topic.name.starts_with('.') {
        return match own {
            Some(command) => print_text(frontend, &about(command, width)).await,
            None => Err(unknown(&topic.name, None, &[])),
        };
    }
    let schema = schema(frontend).await?;
    let is_offered = schema.as_deref().is_some_and(|schema| offers(schema, &topic.name));
    let manual =
        if own.is_none() || is_offered { look_up(frontend, &topic.name, width).await? } else { Err(Vec::new()) };
    let peer = version(frontend, schema.as_deref());
    let other_version = manual.as_ref().ok().zip(peer.as_deref()).and_then(|(found, peer)| other_version(found, peer));
    let listed = schema.as_deref().and_then(|schema| listed(schema, topic, other_version.as_ref(), width));
    let listed = listed.transpose().map_err(|sentence| Stop::failed(text::line(&sentence).into_owned()))?;
    let mut shown = String::new();
    if let Some(command) = own {
        shown.push_str(&about(command, width));
        if listed.is_some() {
            shown.push('\n');
        }
    }
    shown.push_str(&wrap(listed.as_deref().unwrap_or_default(), width));
    if shown.is_empty() && manual.is_ok() && schema.is_some() && !is_type(&topic.name) {
        let versions = other_version.as_ref().map_or_else(String::new, |versions| format!(": it is {versions}"));
        let _ = writeln!(shown, "This peer does not offer {}{versions}.", topic.name);
    }
    match &manual {
        Ok(Found { title, text, .. }) => {
            let (between, versions) = match &other_version {
                _ if !shown.is_empty() => ("\n", String::new()),
                Some(versions) => ("", format!(" (this is QEMU {})", versions.peer)),
                None => ("", String::new()),
            };
            let title = format!("{} in {title}{versions}:", topic.name);
            let _ = writeln!(shown, "{between}{}\n", wrap(&title, width));
            for line in text.lines() {
                let indent = if line.is_empty() { "" } else { "  " };
                let _ = writeln!(shown, "{indent}{line}");
            }
        }
        Err(names) if shown.is_empty() => return Err(unknown(&topic.name, schema.as_deref(), names)),
        Err(_) => {}
    }
    print_text(frontend, &shown).await
}

/// Returns true if `name` looks like that of a type, which the schema does not tell.
fn is_type(name: &str) -> bool {
    name.contains(char::is_uppercase) && name.contains(char::is_lowercase)
}

/// Returns what the schema says, if it knows the name.
fn listed(
    schema: &Schema,
    topic: &Topic,
    manual: Option<&OtherVersion<'_>>,
    width: usize,
) -> Option<Result<String, String>> {
    if let Some(command) = schema.command(&topic.name) {
        return Some(listing::command(schema, command, &topic.choices, manual, width));
    }
    schema.event(&topic.name).map(|event| Ok(listing::event(schema, event, manual, width)))
}

fn offers(schema: &Schema, name: &str) -> bool {
    schema.command(name).is_some() || schema.event(name).is_some()
}

/// The peer's version, as it says itself.
fn version(frontend: &mut dyn Frontend, schema: Option<&Schema>) -> Option<String> {
    let greeting = frontend.session().client.greeting().map(|greeting| greeting.version.to_string());
    greeting.or_else(|| schema?.agent_version().map(str::to_owned))
}

/// Returns the versions if the manual is for another one than the peer's. QMP does not change within a stable branch,
/// such as 7.2.0 to 7.2.22.
fn other_version<'a>(found: &'a Found, peer: &'a str) -> Option<OtherVersion<'a>> {
    let branch = |version: &'a str| version.split('.').take(2);
    let manual = found.version.as_deref().filter(|manual| !branch(manual).eq(branch(peer)))?;
    Some(OtherVersion { peer, manual, arguments: found.arguments.as_deref() })
}

/// What the installed manuals say; or else what names they know. Reading them takes a thread: a disk can be slow.
async fn look_up(frontend: &mut dyn Frontend, name: &str, width: usize) -> Result<Result<Found, Vec<String>>, Stop> {
    let name = name.to_owned();
    // The text is shown two columns in.
    let reading = tokio::task::spawn_blocking(move || manual::look_up(&name, width.saturating_sub(2)));
    let found = attend(frontend, reading, None, "the manual").await?;
    Ok(found.and_then(Result::ok).unwrap_or(Err(Vec::new())))
}

/// The failure for a name that nothing describes.
fn unknown(name: &str, schema: Option<&Schema>, in_manuals: &[String]) -> Stop {
    let own: Vec<String> = COMMANDS.iter().map(|command| format!(".{}", command.name)).collect();
    let peers = schema.into_iter().flat_map(|schema| {
        let commands = schema.commands().iter().map(|command| &*command.name);
        commands.chain(schema.events().iter().map(|event| &*event.name))
    });
    let near = if name.starts_with('.') {
        nearest(name, own.iter().map(String::as_str))
    } else {
        let bare = own.iter().map(|name| &name[1..]);
        nearest(name, peers.chain(bare)).or_else(|| nearest(name, in_manuals.iter().map(String::as_str)))
    };
    let hint = match near {
        Some(near) => format!("did you mean {}?", text::line(near)),
        None if schema.is_none() && !name.starts_with('.') => {
            "the peer does not list its commands, and no installed QEMU manual describes it".to_owned()
        }
        None => ".help lists the built-in commands, .commands those of the peer".to_owned(),
    };
    Stop::failed(format!("no help for `{}` ({hint})", text::line(name)))
}

fn language(width: usize) -> String {
    let mut shown = wrap(LANGUAGE, width).into_owned();
    let column = if width < WIDE { 6 } else { 35 };
    for command in COMMANDS {
        let mut row = format!("  {}", command.usage());
        if row.len() >= column {
            shown += &hang(&row, 4, width);
            shown.push('\n');
            row.clear();
        }
        shown += &hang(&format!("{row:column$}{}", command.summary), column, width);
        shown.push('\n');
    }
    shown + &wrap(KEYS, width)
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
            for text in COMMANDS.iter().map(|command| about(command, width)).chain([language(width)]) {
                // A word that is longer than a row stays whole.
                let fits = |line: &str| line.chars().count() <= width || !line.trim().contains(' ');
                assert!(text.lines().all(fits), "wider than {width}: {text}");
            }
        }
    }
}
