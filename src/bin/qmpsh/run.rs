//! The program: does what the command line asks for, on a session, and returns an exit status.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::LocalOptions;

use crate::batch::work::Work;
use crate::batch::{self, Batch};
use crate::cli::{self, Input, Invocation, Options, Source, Task};
use crate::connect::{Connector, Notifier, list};
use crate::eval::{self, Sources, Text};
use crate::input::ask;
use crate::input::lines::Lines;
use crate::interactive::{self, Repl};
use crate::output::messages::Messages;
use crate::output::wire_log::WireLog;
use crate::output::{diagnostics, pipeline};
use crate::session::schema::TypeInfo;
use crate::session::{Session, SharedDialect, Tracker, hmp};
use crate::signals::{Ending, Interrupt, Signals};
use crate::status::{Failure, Status};
use qmpsh::client::{Client, ClientOptions};
use qmpsh::events::HistoryBounds;
use qmpsh::text;

/// Does what the command line asks for, and says how it went.
///
/// # Errors
/// The runtime cannot be started.
pub(crate) fn run(task: Task) -> anyhow::Result<Status> {
    let invocation: &'static Invocation = match task {
        // It is needed as long as the program lives.
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
    // A task like the one that drives the connection: the two take turns without asking the system in between, which a future
    // that the runtime blocks on does each time it is woken.
    let work = async { tokio::task::spawn_local(run_in(invocation, connector, messages)).await };
    let result = runtime.block_on(work).unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
    // A question at the terminal may have been interrupted.
    ask::restore_echo();
    // A look-up of a name cannot be cancelled, nor a read from stdin: do not wait for them.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(result.unwrap_or_else(|failure| {
        messages.tell(&failure);
        failure.status
    }))
}

async fn run_in(
    invocation: &'static Invocation,
    connector: Connector<'static>,
    messages: Messages,
) -> Result<Status, Failure> {
    let options = &invocation.options;
    let interactive =
        invocation.input == Input::Default && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if interactive {
        return interact(options, connector).await;
    }
    if options.reconnect.is_some() {
        return Err(Failure::new(Status::Usage, cli::NO_RECONNECT));
    }
    let mut interrupt = Interrupt::new()?;
    let mut ending = if connector.needs_tidying() { Some(Ending::new()?) } else { None };
    diagnostics::to_stderr(options.log_level);
    // What cannot be recorded is told before anything is done.
    let log = WireLog::new(options, "qmpsh: ", move |line| messages.say(line))?;
    let work = unless_ended(&mut interrupt, &mut ending, work(invocation)).await?;
    let Some(work) = work else { return Ok(Status::Success) };
    let dialect = SharedDialect::new(hmp::dialect(options));
    let mut session = session(options, connector, log, dialect, Some(&work));
    let batch = Box::pin(run_batch(&mut session, work, messages));
    let result = unless_ended(&mut interrupt, &mut ending, batch).await;
    let is_done = result.is_ok();
    // Before QEMU is ended, which may take its time.
    let status = result.unwrap_or_else(|failure| {
        messages.tell(&failure);
        failure.status
    });
    session.connector.close(&Notifier::Stderr(messages), is_done).await;
    Ok(status)
}

/// Does `work` until a signal ends the program.
async fn unless_ended<T>(
    interrupt: &mut Interrupt,
    ending: &mut Option<Ending>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let ended = async {
        match ending {
            Some(ending) => ending.signal().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = work => result,
        () = interrupted(interrupt) => Err(Failure::silent(Status::Interrupted)),
        status = ended => Err(Failure::silent(status)),
    }
}

/// Waits for a Ctrl-C that is for the program itself.
async fn interrupted(interrupt: &mut Interrupt) {
    loop {
        interrupt.next().await;
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
    let Some(parsed) = eval::parse(text)? else { return Ok(None) };
    if !parsed.needs().is_empty() {
        return Ok(Some(Work::Untyped(parsed, words)));
    }
    let action = eval::action_apart(parsed, text, Sources { stdin: true }, TypeInfo::default()).await?;
    Ok(Some(Work::Words(action)))
}

async fn run_batch(session: &mut Session, work: Work, messages: Messages) -> Result<Status, Failure> {
    let dialect = session.dialect.get();
    let mut batch = Batch::new(session, messages);
    batch.open().await?;
    match work {
        Work::Words(action) => batch.words(action).await,
        Work::Untyped(parsed, words) => batch.untyped_words(parsed, Text::Words(&words)).await,
        Work::Lines(sources) => {
            let stdin = !sources.contains(&Source::Stdin);
            batch.lines(Lines::new(sources, dialect), stdin).await
        }
    }
}

async fn interact(options: &'static Options, connector: Connector<'static>) -> Result<Status, Failure> {
    // Before the terminal's settings are changed: whoever is ended by a signal is to put them back.
    let signals = Signals::new()?;
    let dialect = SharedDialect::new(hmp::dialect(options));
    let mut console = interactive::open_console(options, &dialect)?;
    let sink = console.sink();
    let log = match WireLog::new(options, "", move |line| sink.line(text::lines(line))) {
        Ok(log) => log,
        Err(failure) => {
            console.close().await;
            return Err(failure);
        }
    };
    let mut session = session(options, connector, log, dialect, None);
    diagnostics::to_console(options.log_level, console.sink());
    let result = Repl::new(&mut session, &mut console, signals).run().await;
    session.connector.close(&Notifier::Console(console.sink()), result.is_ok()).await;
    console.close().await;
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
    let tracker = Arc::new(Tracker::default());
    let client = Client::new(ClientOptions {
        out_of_band: work.is_none_or(Work::may_be_out_of_band),
        max_message: options.max_message,
        negotiate: !options.skip_negotiation,
        guest_agent: options.guest_agent,
        handshake_limit: Some(options.connect_timeout),
        // What may wait for an event may also switch the log.
        observer: log.observer(follows_events),
        on_event: follows_events.then(|| tracker.on_event()),
        history: follows_events.then(HistoryBounds::default),
        ..ClientOptions::default()
    });
    Session::new(client, connector, options, log, tracker, dialect, work.is_none())
}
