//! The program: what the command line asks for, done on a client, and an exit status.
//!
//! A batch (`batch`) takes commands from words, files and stdin (`lines`); what a line asks for is found by `eval`;
//! results are formed by `render` and leave through `stdout`. How the client gets its session is the matter of `doors`.

mod batch;
pub mod console;
mod diagnostics;
mod doors;
mod eval;
mod lines;
mod messages;
mod render;
mod repl;
mod signals;
mod status;
mod stdout;

pub use status::Status;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::{Input, Invocation, Options, Source};
use crate::client::{Client, ClientOptions};
use crate::error::describe;
use batch::Batch;
use doors::{Entrance, Teller};
use eval::{Sources, Text};
use lines::Lines;
use messages::Messages;
use render::Renderer;
use repl::Repl;
use signals::Ending;
use status::Failure;

/// Does what the command line asks for, and says how it went.
///
/// # Errors
/// The runtime cannot be started.
pub fn run(invocation: &Invocation) -> anyhow::Result<Status> {
    let messages = Messages::new();
    // Before the runtime opens descriptors of its own.
    let entrance = match Entrance::new(&invocation.door, &invocation.options) {
        Ok(entrance) => entrance,
        Err(failure) => {
            messages.tell(&failure);
            return Ok(failure.status);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let result = runtime.block_on(run_in(invocation, entrance, messages));
    // A look-up of a name cannot be cancelled, nor a read from stdin: do not wait for them.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(result.unwrap_or_else(|failure| {
        messages.tell(&failure);
        failure.status
    }))
}

async fn run_in(invocation: &Invocation, mut entrance: Entrance<'_>, messages: Messages) -> Result<Status, Failure> {
    let interactive =
        invocation.input == Input::Default && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if interactive {
        return interact(invocation, &mut entrance).await;
    }
    let mut interrupt = signals::interrupt()?;
    let mut ending = if entrance.needs_tidying() { Some(Ending::new()?) } else { None };
    let ended = async {
        match &mut ending {
            Some(ending) => ending.signal().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = run_batch(invocation, &mut entrance, messages) => result,
        _ = interrupt.recv() => Err(Failure::silent(Status::Interrupted)),
        status = ended => Err(Failure::silent(status)),
    }
}

async fn run_batch(
    invocation: &Invocation,
    entrance: &mut Entrance<'_>,
    messages: Messages,
) -> Result<Status, Failure> {
    let Invocation { input, options, .. } = invocation;
    diagnostics::to_stderr(options.log_level);
    let client = client(options);
    let batch = Batch::new(&client, options, Renderer::new(options.output), messages);
    let teller = Teller::Stderr(messages);
    match input {
        Input::Words(words) => {
            // What cannot be sent needs no connection.
            let action = eval::action(Text::Words(words), &mut Sources { stdin: true })?;
            entrance.open(&client, &teller).await?;
            batch.words(action).await
        }
        Input::Lines(sources) => {
            let stdin = !sources.contains(&Source::Stdin);
            entrance.open(&client, &teller).await?;
            batch.lines(Lines::new(sources.clone()), stdin).await
        }
        Input::Default => {
            entrance.open(&client, &teller).await?;
            batch.lines(Lines::new(vec![Source::Stdin]), false).await
        }
    }
}

async fn interact(invocation: &Invocation, entrance: &mut Entrance<'_>) -> Result<Status, Failure> {
    let options = &invocation.options;
    let client = client(options);
    let mut console = repl::open_console(options)?;
    diagnostics::to_console(options.log_level, console.sink());
    let repl = Repl::new(&client, entrance, options, Renderer::new(options.output), &console);
    let result = match repl {
        Ok(mut repl) => repl.run(&mut console).await,
        Err(failure) => Err(failure),
    };
    console.close().await;
    result
}

fn client(options: &Options) -> Client {
    Client::new(ClientOptions {
        max_message: options.max_message,
        negotiate: !options.skip_negotiation,
        handshake_limit: Some(options.connect_timeout),
        ..ClientOptions::default()
    })
}
