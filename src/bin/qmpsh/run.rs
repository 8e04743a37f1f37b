//! Runs what the command line asks for, and returns the exit status.
//!
//! `connect` gives the client its session. A batch takes commands from words, files and stdin; the interactive shell
//! takes them from the terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::LocalOptions;

use crate::batch::work::Work;
use crate::batch::{self, Batch};
use crate::builtins::human;
use crate::cli::{self, Input, Invocation, Options, Source, Task};
use crate::connect::{Connector, list};
use crate::input::ask;
use crate::input::lines::Lines;
use crate::interactive::{self, Repl, SharedDialect};
use crate::output::messages::{Messages, Notifier};
use crate::output::render::Renderer;
use crate::output::wire_log::WireLog;
use crate::output::{diagnostics, pipeline};
use crate::session::eval::{self, Sources, Text};
use crate::session::schema::TypeInfo;
use crate::signals::{Ending, Interrupts, Signals, or_never};
use crate::status::{Failure, Status};
use qmpsh::client::{Client, ClientOptions, Observer};
use qmpsh::events::HistoryBounds;

/// Runs what the command line asks for.
///
/// # Errors
/// The runtime cannot be started.
pub(crate) fn run(task: Task) -> anyhow::Result<Status> {
    let invocation: &'static Invocation = match task {
        // It lives as long as the program.
        Task::Session(invocation) => Box::leak(invocation),
        Task::List(listing) => return Ok(list::run(listing)),
    };
    let messages = Messages::new(invocation.options.color);
    // Before the runtime opens descriptors of its own.
    let connector = match Connector::new(&invocation.mode, &invocation.options) {
        Ok(connector) => connector,
        Err(failure) => {
            messages.tell(&failure);
            return Ok(failure.status);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(batch::busy_wait::woken)
        .build_local(LocalOptions::default())
        .context("cannot start the asynchronous runtime")?;
    // A task, because tasks take turns with the connection's driver without a system call. A future that the runtime blocks
    // on makes one each time it is woken.
    let work = async { tokio::task::spawn_local(run_in(invocation, connector, messages)).await };
    let result = runtime.block_on(work).unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
    // A question at the terminal may have been interrupted.
    ask::restore_echo();
    // Looking up a host and reading stdin cannot be canceled: do not wait for them.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(result.unwrap_or_else(|failure| {
        messages.tell(&failure);
        failure.status
    }))
}

async fn run_in(invocation: &Invocation, mut connector: Connector<'_>, messages: Messages) -> Result<Status, Failure> {
    let interactive =
        invocation.input == Input::Default && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if interactive {
        return interact(invocation, &mut connector).await;
    }
    if invocation.options.reconnect.is_some() {
        return Err(Failure::new(Status::Usage, cli::NO_RECONNECT));
    }
    let mut interrupts = Interrupts::unless_ignored()?;
    let mut ending = if connector.needs_tidying() { Some(Ending::new()?) } else { None };
    let result = tokio::select! {
        biased;
        result = run_batch(invocation, &mut connector, messages) => result,
        () = interrupted(&mut interrupts) => Err(Failure::silent(Status::Interrupted)),
        status = or_never(ending.as_mut().map(Ending::signal)) => Err(Failure::silent(status)),
    };
    let is_done = result.is_ok();
    // Before QEMU is ended, which may take some time.
    let status = result.unwrap_or_else(|failure| {
        messages.tell(&failure);
        failure.status
    });
    connector.close(&Notifier::Stderr(messages), is_done).await;
    Ok(status)
}

/// Waits for a Ctrl-C that is not for a pipeline.
async fn interrupted(interrupts: &mut Interrupts) {
    loop {
        interrupts.next().await;
        if !pipeline::takes_interrupt() {
            return;
        }
    }
}

async fn run_batch(
    invocation: &Invocation,
    connector: &mut Connector<'_>,
    messages: Messages,
) -> Result<Status, Failure> {
    let Invocation { input, options, .. } = invocation;
    diagnostics::to_stderr(options.log_level);
    // A log that cannot be opened is an error before any command runs.
    let log = WireLog::new(options, "qmpsh: ", Notifier::Stderr(messages))?;
    let human_words;
    let work = match input {
        Input::Words(words) => {
            human_words = human::words(words, human::dialect(options));
            // A command that cannot be sent is an error before connecting.
            let text = Text::Words(&human_words);
            let Some(parsed) = eval::parse(text)? else { return Ok(Status::Success) };
            if parsed.needs().is_empty() {
                let sources = Sources { stdin: true };
                Work::Words(eval::action_apart(parsed, text, sources, TypeInfo::default()).await?)
            } else {
                Work::Untyped(parsed, text)
            }
        }
        Input::Lines(sources) => Work::Lines(sources.clone()),
        Input::Default => Work::Lines(vec![Source::Stdin]),
    };
    let looks_back = work.may_wait();
    let history = looks_back.then(HistoryBounds::default);
    // Lines that may wait for events may also switch the log on.
    let client = client(options, work.may_be_out_of_band(), history, log.observer(looks_back));
    let renderer = Renderer::new(options.output, options.color);
    let mut batch = Batch::new(&client, connector, options, renderer, messages, looks_back, log);
    batch.open().await?;
    match work {
        Work::Words(action) => batch.words(action).await,
        Work::Untyped(parsed, text) => batch.untyped_words(parsed, text).await,
        Work::Lines(sources) => {
            let stdin = !sources.contains(&Source::Stdin);
            batch.lines(Lines::new(sources, human::dialect(options)), stdin).await
        }
    }
}

async fn interact(invocation: &Invocation, connector: &mut Connector<'_>) -> Result<Status, Failure> {
    let options = &invocation.options;
    // Before the terminal's settings change, so that a signal that ends the program restores them.
    let signals = Signals::new()?;
    let dialect = SharedDialect::new(human::dialect(options));
    let mut console = interactive::open_console(options, &dialect)?;
    let log = match WireLog::new(options, "", Notifier::Console(console.sink())) {
        Ok(log) => log,
        Err(failure) => {
            return Err(failure);
        }
    };
    let client = client(options, true, Some(HistoryBounds::default()), log.observer(true));
    diagnostics::to_console(options.log_level, console.sink());
    let result = Repl::new(&client, connector, options, &mut console, signals, dialect, log).run().await;
    connector.close(&Notifier::Console(console.sink()), result.is_ok()).await;
    result
}

fn client(
    options: &Options,
    out_of_band: bool,
    history: Option<HistoryBounds>,
    observer: Option<Arc<dyn Observer>>,
) -> Client {
    Client::new(ClientOptions {
        out_of_band,
        max_message: options.max_message,
        negotiate: !options.skip_negotiation,
        guest_agent: options.guest_agent,
        handshake_limit: Some(options.connect_timeout),
        observer,
        history,
        ..ClientOptions::default()
    })
}
