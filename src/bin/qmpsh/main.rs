//! The `qmpsh` program: parses, runs, exits.

mod batch;
mod builtins;
mod cli;
mod connect;
mod eval;
mod input;
mod interactive;
mod output;
mod run;
mod session;
mod signals;
mod status;
mod terminal;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::Exit;
use crate::output::messages::fit;
use crate::status::Status;
use qmpsh::error::describe;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(task) => match run::run(task) {
            Ok(status) => status.into(),
            Err(error) => {
                // There is nowhere else to complain.
                let _ = writeln!(io::stderr(), "qmpsh: {}", describe(error.as_ref()));
                Status::NoSession.into()
            }
        },
        Err(exit) => {
            let text = exit.text();
            // There is nowhere else to complain.
            let _ = match &exit {
                Exit::Show(_) => io::stdout().write_all(fit(text, &io::stdout()).as_bytes()),
                Exit::Generated(_) => io::stdout().write_all(text.as_bytes()),
                Exit::Usage(_) => io::stderr().write_all(fit(text, &io::stderr()).as_bytes()),
            };
            ExitCode::from(exit.status())
        }
    }
}
