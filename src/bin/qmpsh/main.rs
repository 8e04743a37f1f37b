//! The `qmpsh` program: parses, runs, exits.

#[cfg(all(target_os = "linux", any(target_env = "musl", test)))]
mod allocator;
mod batch;
mod builtins;
mod cli;
mod config;
mod connect;
mod eval;
mod input;
mod interactive;
#[cfg(feature = "mcp")]
mod mcp;
mod output;
mod run;
mod screen;
mod session;
mod share;
mod signals;
mod startup;
mod status;
mod terminal;

use std::io::{self, Write};
use std::process::ExitCode;

use rustix::stdio::stdout;

use crate::cli::{ColorMode, Exit};
use crate::output::messages::{Messages, fit};
use crate::output::stdout::write_all;
use crate::status::{Failure, Status};
use qmpsh::error::describe;

// The unwinder of gcc, from its static library: loading the shared one takes about a tenth of the time of a single command.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[link(name = "gcc_eh")]
#[allow(unsafe_code, reason = "a foreign block is unsafe, but this one declares nothing")]
unsafe extern "C" {}

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
            let written = match &exit {
                Exit::Show(_) => write_all(stdout(), fit(text, &io::stdout()).as_bytes()),
                Exit::Generated(_) => write_all(stdout(), text.as_bytes()),
                Exit::Usage(_) => {
                    // There is nowhere else to complain.
                    let _ = io::stderr().write_all(fit(text, &io::stderr()).as_bytes());
                    Ok(())
                }
            };
            match written {
                Ok(()) => ExitCode::from(exit.status()),
                Err(error) => {
                    let failure = Failure::from(error);
                    Messages::new(ColorMode::Auto).tell(&failure);
                    failure.status.into()
                }
            }
        }
    }
}
