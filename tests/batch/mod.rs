//! Batches from words, `-c`, `-f` and stdin: output, messages and statuses.

mod commands_in_flight;
mod connect_errors;
mod error_messages;
mod events;
mod exit_statuses;
mod handshake_faults;
mod input;
mod large_messages;
mod lost_connections;
mod output_forms;
mod secrets;
mod shell_pipelines;
mod stdin_and_stdout;
mod wait_option;
mod words;

use std::path::Path;

use crate::support::{Mock, Program, qmpsh};

/// A server that answers each of these commands with `{"n": 1}`, `{"n": 2}` and so on.
fn answering(commands: &[&str]) -> Mock {
    commands.iter().zip(1..).fold(Mock::new().negotiate(), |mock, (command, n)| {
        mock.expect_execute(command).reply(&format!("{{\"n\": {n}}}"))
    })
}

/// The program, with this socket as its address.
fn at(socket: &Path) -> Program {
    qmpsh().arg(socket)
}

/// A file in the program's home directory.
fn file(program: &Program, name: &str, content: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = program.home().join(name);
    std::fs::write(&path, content).unwrap();
    path
}
