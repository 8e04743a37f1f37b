//! The terminal that the interactive shell asks for: when a text is finished, which lines are kept, and where.

use std::path::PathBuf;

use etcetera::BaseStrategy;
use std::sync::Arc;

use super::prompt;
use crate::cli::Options;
use crate::config::{Config, expand_alias};
use crate::input::masked::has_secret;
use crate::output::color::{self, Colors};
use crate::session::SharedDialect;
use crate::signals::Interrupts;
use crate::status::{Failure, Status};
use crate::terminal::{Console, ConsoleOptions};
use qmpsh::error::describe;
use qmpsh::language::syntax::Assembler;

/// The terminal for the shell; nothing is shown yet.
pub(crate) fn open_console(options: &Options, config: &Config, dialect: &SharedDialect) -> Result<Console, Failure> {
    let dialect = dialect.clone();
    color::choose(&config.colors);
    let console = Console::open(ConsoleOptions {
        prompt: prompt::DISCONNECTED.to_owned(),
        history: history_path(options),
        has_secret: {
            let aliases = config.aliases.clone();
            Arc::new(move |text: &str| {
                has_secret(text) || expand_alias(&aliases, text).is_some_and(|text| has_secret(&text))
            })
        },
        is_complete: Arc::new(move |text: &str| {
            let mut assembler = Assembler::of(dialect.get());
            text.lines().for_each(|line| drop(assembler.push_line(line)));
            !assembler.is_open()
        }),
        color: Colors::of_stdout(options.color).are_on(),
        vi: config.vi,
        interrupts: Interrupts::new()?,
    });
    console.map_err(|error| Failure::new(Status::Usage, describe(error.as_ref())))
}

fn history_path(options: &Options) -> Option<PathBuf> {
    if options.no_history || options.history.is_some() {
        return options.history.clone();
    }
    let strategy = etcetera::choose_base_strategy().ok()?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(state.join("qmpsh").join("history"))
}
