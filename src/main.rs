//! The `qmpsh` program: parse, run, exit.

use std::io::Write;
use std::process::ExitCode;

use qmpsh::cli::{self, Exit};
use qmpsh::shell;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(task) => match shell::run(task) {
            Ok(status) => status.into(),
            Err(error) => {
                // Nobody is left to be told if this fails.
                let _ = writeln!(std::io::stderr(), "qmpsh: {error:#}");
                shell::Status::NoSession.into()
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
