//! Runs what the command line asks for, on a session, and returns the exit status.

use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::stdio::stderr;
use tokio::runtime::LocalOptions;

use crate::batch::work::Work;
use crate::batch::{self, Batch};
use crate::cli::{self, ConnectMode, Input, Invocation, Options, Sharing, Source, Task};
use crate::config::Config;
use crate::connect::{Connector, list};
use crate::eval::{self, Sources, Text};
use crate::input::lines::Lines;
use crate::input::secret;
use crate::interactive::{self, Repl};
#[cfg(feature = "mcp")]
use crate::mcp;
use crate::output::messages::{Messages, Notifier};
use crate::output::wire_log::WireLog;
use crate::output::{diagnostics, pipeline};
use crate::session::types::TypeInfo;
use crate::session::{Peer, Session, SharedDialect, hmp, queries};
use crate::share;
use crate::signals::{Ending, Interrupts, Signals};
use crate::status::{Failure, Status};
#[cfg(feature = "mcp")]
use qmpsh::address::Address;
use qmpsh::client::Client;
use qmpsh::events::HistoryBounds;

/// Runs what the command line asks for.
///
/// # Errors
/// The runtime cannot be started.
pub(crate) fn run(task: Task) -> anyhow::Result<Status> {
    let invocation = match task {
        Task::Session(invocation) => invocation,
        Task::NoAddress(task) => {
            let (input, options) = *task;
            match list::choose(is_interactive(&input), options.tls_creds.is_some()) {
                Ok(address) => Box::new(Invocation { mode: ConnectMode::Connect(address), input, options }),
                Err(status) => return Ok(status),
            }
        }
        Task::List(listing) => return Ok(list::run(listing)),
        Task::Share(sharing) => return share(Box::leak(sharing)),
        #[cfg(feature = "mcp")]
        Task::Mcp(what) => return mcp(Box::leak(what)),
        #[cfg(not(feature = "mcp"))]
        Task::Mcp(_) => return Ok(Status::Usage),
    };
    // It lives as long as the program.
    let invocation: &'static Invocation = Box::leak(invocation);
    let messages = Messages::new(invocation.options.color);
    // Before the runtime opens descriptors of its own.
    let connector = match Connector::new(&invocation.mode, &invocation.options) {
        Ok(connector) => connector,
        Err(failure) => {
            messages.tell(&failure);
            return Ok(failure.status);
        }
    };
    block_on(messages, Box::pin(run_in(invocation, connector, messages)))
}

/// Runs `qmpsh share`.
fn share(sharing: &'static Sharing) -> anyhow::Result<Status> {
    let messages = Messages::new(sharing.options.color);
    // Before the runtime opens descriptors of its own.
    let claimed =
        share::sockets(sharing).and_then(|sockets| Ok((Connector::new(&sharing.mode, &sharing.options)?, sockets)));
    match claimed {
        Ok((connector, sockets)) => block_on(messages, Box::pin(share::run(sharing, connector, sockets, messages))),
        Err(failure) => {
            messages.tell(&failure);
            Ok(failure.status)
        }
    }
}

/// Runs `qmpsh mcp`.
#[cfg(feature = "mcp")]
fn mcp((address, options): &'static (Address, Options)) -> anyhow::Result<Status> {
    let messages = Messages::new(options.color);
    // Before the runtime opens descriptors of its own.
    match Connector::new(&ConnectMode::Connect(address.clone()), options) {
        Ok(connector) => block_on(messages, Box::pin(mcp::run((address.clone(), options), connector, messages))),
        Err(failure) => {
            messages.tell(&failure);
            Ok(failure.status)
        }
    }
}

/// Runs the work on a runtime of its own, and shows why it failed. The work is large, and is moved often.
fn block_on(
    messages: Messages,
    work: Pin<Box<dyn Future<Output = Result<Status, Failure>>>>,
) -> anyhow::Result<Status> {
    spare_descriptors().context("cannot start the asynchronous runtime")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(batch::busy_wait::woken)
        .build_local(LocalOptions::default())
        .context("cannot start the asynchronous runtime")?;
    // A task, because tasks take turns with the connection's driver without a system call. A future that the runtime blocks
    // on makes one each time it is woken.
    let work = async { tokio::task::spawn_local(work).await };
    let result = runtime.block_on(work).unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
    // A question at the terminal may have been interrupted.
    secret::restore_echo();
    // Looking up a host and reading stdin cannot be canceled: do not wait for them.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(result.unwrap_or_else(|failure| {
        messages.tell(&failure);
        failure.status
    }))
}

/// Returns true if the commands come from a person at a terminal.
fn is_interactive(input: &Input) -> bool {
    *input == Input::Default && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Fails if there are too few descriptors for the runtime, which panics without them.
fn spare_descriptors() -> io::Result<()> {
    const OF_RUNTIME: usize = 6;
    let spare: io::Result<Vec<_>> = (0..OF_RUNTIME).map(|_| stderr().try_clone_to_owned()).collect();
    spare.map(drop)
}

async fn run_in(
    invocation: &'static Invocation,
    connector: Connector<'static>,
    messages: Messages,
) -> Result<Status, Failure> {
    let options = &invocation.options;
    if is_interactive(&invocation.input) {
        return Box::pin(interact(options, connector, messages)).await;
    }
    if options.reconnect.is_some() {
        return Err(Failure::new(Status::Usage, cli::NO_RECONNECT));
    }
    let mut interrupts = Interrupts::unless_ignored()?;
    let mut ending = Ending::new()?;
    diagnostics::to_stderr(options.log_level);
    // A log that cannot be opened is an error before any command runs.
    let log = WireLog::new(options, "qmpsh: ", Notifier::Stderr(messages))?;
    let work = unless_ended(&mut interrupts, &mut ending, Box::pin(work(invocation))).await?;
    let Some(work) = work else { return Ok(Status::Success) };
    let dialect = SharedDialect::new(hmp::dialect(options));
    let mut session = session(options, connector, log, dialect, Some(&work));
    let batch = Box::pin(run_batch(&mut session, work, messages));
    let result = unless_ended(&mut interrupts, &mut ending, batch).await;
    let is_done = result.is_ok();
    // Before QEMU is ended, which may take some time.
    let status = result.unwrap_or_else(|failure| {
        messages.tell(&failure);
        failure.status
    });
    queries::settle().await;
    session.connector.close(&Notifier::Stderr(messages), is_done).await;
    Ok(status)
}

/// Does `work` until a signal ends the program.
async fn unless_ended<T>(
    interrupts: &mut Interrupts,
    ending: &mut Ending,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        result = work => result,
        () = interrupted(interrupts) => Err(Failure::silent(Status::Interrupted)),
        status = ending.signal() => Err(Failure::silent(status)),
    }
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

/// What a batch has to do; `None` if that is nothing. A command that cannot be sent needs no connection.
async fn work(invocation: &'static Invocation) -> Result<Option<Work>, Failure> {
    let words = match &invocation.input {
        Input::Words(words) => hmp::words(words, hmp::dialect(&invocation.options)),
        Input::Lines(sources) => return Ok(Some(Work::Lines(sources.clone()))),
        Input::Default => return Ok(Some(Work::Lines(vec![Source::Stdin]))),
    };
    let text = Text::Words(&words);
    let mut actions = Vec::new();
    for parsed in eval::parse(text)? {
        // A message in JSON needs nothing, so this is the only statement.
        if !parsed.needs().is_empty() {
            return Ok(Some(Work::Untyped(parsed, words)));
        }
        actions.push(eval::action_apart(parsed, text, Sources { stdin: true }, TypeInfo::default()).await?);
    }
    Ok(if actions.is_empty() { None } else { Some(Work::Words(actions)) })
}

async fn run_batch(session: &mut Session, work: Work, messages: Messages) -> Result<Status, Failure> {
    let dialect = session.dialect.get();
    let mut batch = Batch::new(session, messages);
    batch.open().await?;
    match work {
        Work::Words(actions) => batch.words(actions).await,
        Work::Untyped(parsed, words) => batch.untyped_words(parsed, Text::Words(&words)).await,
        Work::Lines(sources) => {
            let stdin = !sources.contains(&Source::Stdin);
            batch.lines(Lines::new(sources, dialect), stdin).await
        }
    }
}

async fn interact(
    options: &'static Options,
    connector: Connector<'static>,
    messages: Messages,
) -> Result<Status, Failure> {
    // Before the terminal's settings change, so that a signal that ends the program restores them.
    let signals = Signals::new()?;
    let dialect = SharedDialect::new(hmp::dialect(options));
    let (config, warnings) = Config::load();
    for warning in &warnings {
        messages.say(warning);
    }
    let mut console = interactive::open_console(options, &config, &dialect)?;
    let log = WireLog::new(options, "", Notifier::Console(console.sink()))?;
    let mut session = session(options, connector, log, dialect, None);
    diagnostics::to_console(options.log_level, console.sink());
    session.configure(&config);
    let result = Repl::new(&mut session, &mut console, signals, config).run().await;
    queries::settle().await;
    session.connector.close(&Notifier::Console(console.sink()), result.is_ok()).await;
    result
}

/// A session that is not connected yet. `work` is that of a batch: a session that cannot ask about events does not follow them.
fn session(
    options: &'static Options,
    connector: Connector<'static>,
    log: Arc<WireLog>,
    dialect: SharedDialect,
    work: Option<&Work>,
) -> Session {
    let follows_events = work.is_none_or(Work::may_wait);
    let client_builder = Client::builder()
        .out_of_band(work.is_none_or(Work::may_be_out_of_band))
        .max_message(options.max_message)
        .negotiate(!options.skip_negotiation)
        .handshake_limit(options.connect_timeout)
        // What may wait for an event may also switch the log.
        .observer(log.observer(follows_events))
        .policy(options.policy())
        .history(follows_events.then(HistoryBounds::default));
    Session::new(Peer::new(connector, client_builder.clone()), client_builder, options, log, dialect, work.is_none())
}
