//! The shell's own commands: `.help`, `.try` and the others.
//!
//! Each is done once, for the batch and the interactive shell, which are the [`Host`] of it. `table` says what there is,
//! `words` reads what a person has written after the name, and each family of commands has a file of its own. To add one: a row in
//! `table`, a case of [`Builtin`], and its file.

mod asking;
mod carriers;
mod commands;
mod connection;
mod descriptor;
mod display;
mod event_filter;
mod follow;
mod guest_exec;
mod help;
mod host;
pub(super) mod human;
mod jobs;
mod log;
mod migration;
mod monitor;
mod table;
mod wait;
mod words;

pub(super) use connection::{Connection, version, warning};
pub(super) use display::Display;
pub(super) use event_filter::EventFilter;
pub(super) use host::Host;
pub(crate) use table::COMMANDS;
pub(super) use words::Refusal;

use std::path::PathBuf;

use crate::cli::OutputMode;
use crate::session::eval::Action;
use crate::status::Status;
use carriers::Watch;
use commands::Commands;
use descriptor::WithDescriptor;
use follow::Follow;
use guest_exec::GuestExec;
use help::Topic;
use jobs::JobWait;
use log::Log;
use migration::MigrationWait;
use monitor::NewMonitor;
use qmpsh::language::syntax::{Command, Dialect, DotCommand};
use wait::Wait;
use words::Words;

/// One of the shell's own commands, with what it is to do.
#[derive(Debug, Clone)]
pub(super) enum Builtin {
    /// Leave: `.quit`, or `exit`.
    Quit,
    /// Leave, and do not end the QEMU that was started here: `.detach`.
    Detach,
    /// The language and the keys, or what is known of a name: `.help`, or `help`.
    Help(Option<Topic>),
    /// What the peer offers: `.commands`.
    Commands(Commands),
    /// What the connection is: `.status`.
    Status,
    /// Connect again: `.reconnect`.
    Reconnect,
    /// A monitor for another client: `.monitor`.
    Monitor(NewMonitor),
    /// `.try`: run a command; an error is shown but does not count.
    Try(Box<Action>),
    /// A command again and again: `.watch`.
    Watch(Watch),
    /// What jobs there are, and how others ended: `.jobs`.
    Jobs,
    /// Wait for a job: `.job`.
    Job(JobWait),
    /// Wait for the migration: `.migration`.
    Migration(MigrationWait),
    /// A program in the guest: `.guest-exec`.
    GuestExec(GuestExec),
    /// A command with an open file: `.fd`.
    Fd(WithDescriptor),
    /// The lines of a file: `.source`.
    Source(PathBuf),
    /// A line of the human monitor: `.hmp LINE`.
    Hmp(String),
    /// What lines are taken for from now on: `.hmp`, `.qmp`.
    Speak(Dialect),
    /// An event: `.wait`.
    Wait(Wait),
    /// Events as they come: `.follow`.
    Follow(Follow),
    /// Which events are shown: `.events`.
    Events(Option<EventFilter>),
    /// In which form results are: `.output`.
    Output(Option<OutputMode>),
    /// `.timing`: show how long each command took.
    Timing(Option<bool>),
    /// Where the messages of the wire are recorded: `.log`.
    Log(Option<Log>),
    /// Anything, with its results as the stdin of a pipeline: `| PIPELINE`.
    Pipe(Box<Action>, String),
}

/// Reads a command and its words; `carried` is what the command that it carries asks for.
pub(super) fn read(dot: &DotCommand, carried: Option<Action>) -> Result<Action, Refusal> {
    let mut words = Words::new(dot);
    let own = match dot.name.text.as_str() {
        "quit" => Builtin::Quit,
        "detach" => Builtin::Detach,
        "help" => Builtin::Help(Topic::read(&mut words)?),
        "commands" => Builtin::Commands(Commands::read(&mut words)?),
        "status" => Builtin::Status,
        "reconnect" => Builtin::Reconnect,
        "monitor" => Builtin::Monitor(NewMonitor::read(&mut words)?),
        "jobs" => Builtin::Jobs,
        "job" => Builtin::Job(JobWait::read(&mut words)?),
        "migration" => Builtin::Migration(MigrationWait::read(&mut words)?),
        "source" => Builtin::Source(PathBuf::from(words.required("the name of a file")?)),
        "hmp" if dot.rest.text.trim().is_empty() => Builtin::Speak(Dialect::Hmp),
        "hmp" => Builtin::Hmp(dot.rest.text.clone()),
        "qmp" => Builtin::Speak(Dialect::Qmp),
        "wait" => Builtin::Wait(Wait::read(&mut words)?),
        "follow" => Builtin::Follow(Follow::read(&mut words)?),
        "events" => Builtin::Events(EventFilter::read(&mut words)?),
        "output" => Builtin::Output(display::read_mode(&mut words)?),
        "timing" => Builtin::Timing(display::read_switch(&mut words)?),
        "log" => Builtin::Log(Log::read(&mut words)?),
        "try" => Builtin::Try(Box::new(words.carried(carried)?)),
        "watch" => Builtin::Watch(Watch::read(&mut words, carried)?),
        "fd" => Builtin::Fd(WithDescriptor::read(&mut words, carried)?),
        "guest-exec" => Builtin::GuestExec(GuestExec::read(&mut words)?),
        // It changes how the command is sent.
        "oob" => return carriers::out_of_band(words, carried),
        name => return Err(table::unknown(name, dot.name.span)),
    };
    words.end()?;
    Ok(Action::Builtin(own))
}

/// What a person may type who does not know the shell's language. No peer has commands of these names.
pub(super) fn bare(command: &Command) -> Option<Builtin> {
    match command.name.text.as_str() {
        _ if !command.arguments.is_empty() => None,
        "exit" => Some(Builtin::Quit),
        "help" => Some(Builtin::Help(None)),
        _ => None,
    }
}

/// Does what the command says. Not to be dropped before it ends, but with the whole session.
pub(super) async fn run<H: Host>(host: &mut H, own: Builtin) -> Result<(), H::Stop> {
    match own {
        Builtin::Wait(_) | Builtin::Follow(_) if host.client().is_guest_agent() => {
            Err(host.fail(Status::CommandFailed, "a guest agent sends no events".to_owned()))
        }
        Builtin::Quit => host.leave(),
        Builtin::Detach => host.detach(),
        Builtin::Help(topic) => help::run(host, topic).await,
        Builtin::Commands(wanted) => commands::run(host, &wanted).await,
        Builtin::Status => connection::status(host).await,
        Builtin::Reconnect => host.reconnect().await,
        Builtin::Monitor(monitor) => monitor.run(host).await,
        Builtin::Try(action) => carriers::attempt(host, *action).await,
        Builtin::Watch(watch) => watch.run(host).await,
        Builtin::Jobs => jobs::list(host).await,
        Builtin::Job(wait) => wait.run(host).await,
        Builtin::Migration(wait) => wait.run(host).await,
        Builtin::GuestExec(exec) => exec.run(host).await,
        Builtin::Fd(with) => with.run(host).await,
        Builtin::Source(path) => host.source(path).await,
        Builtin::Hmp(line) => human::line(host, line).await,
        Builtin::Speak(dialect) => {
            host.speak(dialect);
            Ok(())
        }
        Builtin::Wait(wait) => wait.run(host).await,
        Builtin::Follow(follow) => follow.run(host).await,
        Builtin::Events(event_filter) => event_filter::run(host, event_filter).await,
        Builtin::Output(mode) => display::output(host, mode).await,
        Builtin::Timing(on) => display::timing(host, on).await,
        Builtin::Log(log) => log::run(host, log).await,
        Builtin::Pipe(action, pipeline) => host.pipe(*action, pipeline).await,
    }
}
