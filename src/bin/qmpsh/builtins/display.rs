//! `.output` and `.timing`: how results are shown, and how long they took.

use std::time::Duration;

use tokio::time::Instant;

use super::Host;
use super::words::{Refusal, Words};
use crate::cli::{OUTPUT_MODES, OutputMode};

/// What can be changed about what is shown.
#[derive(Debug)]
pub(crate) struct Display {
    pub(crate) output: OutputMode,
    pub(crate) timing: bool,
    took: Option<Duration>,
}

impl Display {
    pub(crate) fn new(output: OutputMode) -> Self {
        Self { output, timing: false, took: None }
    }

    /// A reply has come to what was sent at `began`; a command may have been sent twice.
    pub(crate) fn answered(&mut self, began: Instant) {
        if self.timing {
            *self.took.get_or_insert_default() += began.elapsed();
        }
    }

    /// What is to be said of the time that the last command took, if it was answered.
    pub(crate) fn time(&mut self) -> Option<String> {
        self.took.take().map(|took| format!("time: {:.3} ms", took.as_secs_f64() * 1000.0))
    }
}

/// `[MODE]`
pub(super) fn read_mode(words: &mut Words<'_>) -> Result<Option<OutputMode>, Refusal> {
    let Some((name, span)) = words.next()? else { return Ok(None) };
    match OUTPUT_MODES.iter().find(|(known, ..)| *known == name) {
        Some((.., mode)) => Ok(Some(*mode)),
        None => Err(Refusal::new(span, "not one of `auto`, `json`, `pretty`, `table` and `raw`")),
    }
}

/// `[on|off]`
pub(super) fn read_switch(words: &mut Words<'_>) -> Result<Option<bool>, Refusal> {
    match words.next()? {
        None => Ok(None),
        Some((word, _)) if word == "on" => Ok(Some(true)),
        Some((word, _)) if word == "off" => Ok(Some(false)),
        Some((_, span)) => Err(Refusal::new(span, "not `on` or `off`")),
    }
}

/// `.output [MODE]`
pub(super) async fn output<H: Host>(host: &mut H, mode: Option<OutputMode>) -> Result<(), H::Stop> {
    if let Some(mode) = mode {
        host.display().output = mode;
        host.set_output(mode);
        return Ok(());
    }
    let mode = host.display().output;
    let name = OUTPUT_MODES.iter().find(|(.., known)| *known == mode).map_or("", |(name, ..)| name);
    host.print_text(name).await
}

/// `.timing [on|off]`
pub(super) async fn timing<H: Host>(host: &mut H, on: Option<bool>) -> Result<(), H::Stop> {
    match on {
        Some(on) => {
            host.display().timing = on;
            Ok(())
        }
        None => {
            let shown = if host.display().timing { "on" } else { "off" };
            host.print_text(shown).await
        }
    }
}
