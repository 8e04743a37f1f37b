//! The `qmpsh` program: parse, run, exit.

mod batch;
mod builtins;
mod cli;
mod connect;
mod input;
mod interactive;
mod output;
mod run;
mod session;
mod signals;
mod status;
mod terminal;

use std::io::Write;
use std::process::ExitCode;

use crate::cli::Exit;
use crate::status::Status;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(task) => match run::run(task) {
            Ok(status) => status.into(),
            Err(error) => {
                // There is nowhere else to complain.
                let _ = writeln!(std::io::stderr(), "qmpsh: {error:#}");
                Status::NoSession.into()
            }
        },
        Err(exit) => {
            let text = exit.text().as_bytes();
            let _ = match &exit {
                Exit::Show(_) => std::io::stdout().write_all(text),
                Exit::Usage(_) => std::io::stderr().write_all(text),
            };
            ExitCode::from(exit.status())
        }
    }
}
