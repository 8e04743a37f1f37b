//! The built-in commands: `.help`, `.try` and the others.
//!
//! `registry` has a row for each: its name, its help, and the function that reads its arguments from `arguments`. The file of a command
//! implements [`Builtin`](crate::session::Builtin), once for batch and interactive shell. To add a command, write its file and
//! its row.

mod arguments;
mod commands;
mod connection;
mod edit;
mod events;
mod fd;
mod follow;
mod guest;
mod guest_exec;
mod help;
mod hmp;
mod jobs;
mod log;
mod migration;
mod monitor;
mod prefixes;
mod registry;
mod settings;
mod show;
mod source;
mod wait;
mod waiting;

pub(crate) use arguments::Refusal;
#[cfg(feature = "mcp")]
pub(crate) use help::search;
pub(crate) use help::{for_people, page};
pub(crate) use registry::{COMMANDS, Description};

use crate::output::columns::wrap;
use crate::output::render::Renderer;
use crate::session::{Action, Frontend};
use crate::status::Stop;
use arguments::Words;
use qmpsh::language::syntax::DotCommand;

/// Reads a built-in command and its arguments. `carried` is the action of the command behind it, as in `.try COMMAND`.
pub(crate) fn read(dot: &DotCommand, carried: Option<Action>) -> Result<Action, Refusal> {
    let Some(command) = registry::find(&dot.name.text) else {
        return Err(registry::unknown(&dot.name.text, dot.name.span));
    };
    let mut words = Words::new(dot, carried);
    let action = (command.read)(&mut words)?;
    words.end()?;
    Ok(action)
}

/// Returns how results are formatted where they go now.
fn renderer(frontend: &mut dyn Frontend) -> Renderer {
    if frontend.session().is_piped { Renderer::PIPELINE } else { *frontend.renderer() }
}

/// Prints a text.
async fn print_text(frontend: &mut dyn Frontend, text: &str) -> Result<(), Stop> {
    let result = renderer(frontend).text(text);
    frontend.print(result).await
}

/// Prints sentences, on a terminal wrapped between words.
async fn print_sentences(frontend: &mut dyn Frontend, text: &str) -> Result<(), Stop> {
    let renderer = renderer(frontend);
    let text = if renderer.terminal { wrap(text, renderer.width()) } else { text.into() };
    print_text(frontend, &text).await
}

/// Prints a value in the output format, as if the peer had returned it.
async fn print_value(frontend: &mut dyn Frontend, json: String) -> Result<(), Stop> {
    let result = renderer(frontend).value(json);
    frontend.print(result).await
}
