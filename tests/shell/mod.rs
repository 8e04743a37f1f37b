//! The interactive shell in a terminal, on a real QEMU or a mock.

use std::path::Path;

use crate::support::terminal::{Screen, Terminal};
use crate::support::{Program, qmpsh};

mod complete;
mod config;
mod connect;
mod connection;
mod ctrl_c;
mod edit;
mod escaping;
mod events;
mod history;
mod lines;
mod modules;
mod pager;
mod pipelines;
mod prompt;
mod results;
mod signals;
mod wrapping;

const PROMPT: &str = "(QEMU)";

/// The shell on this socket, at its first prompt.
#[track_caller]
pub fn shell(socket: &Path) -> Terminal {
    at_prompt(qmpsh().arg(socket))
}

/// The shell on this socket, with one line in its history.
#[track_caller]
fn shell_with_history(socket: &Path) -> Terminal {
    let program = qmpsh().arg(socket);
    let file = program.home().join("state/qmpsh/history");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "#V2\nquery-version\n").unwrap();
    at_prompt(program)
}

#[track_caller]
pub(crate) fn at_prompt(program: Program) -> Terminal {
    let terminal = program.terminal();
    terminal.wait(is_at_prompt);
    terminal
}

/// The cursor stands behind an empty prompt.
pub fn is_at_prompt(screen: &Screen) -> bool {
    [(PROMPT, 7), ("(QSD)", 6)].contains(&(screen.line().as_str(), screen.cursor().1))
}

/// `text` has been typed, and the cursor stands `left` columns before its end.
pub(crate) fn is_typed(screen: &Screen, text: &str, left: usize) -> bool {
    is_typed_behind(screen, PROMPT, text, left)
}

/// `text` has been typed behind this prompt, and the cursor stands `left` columns before its end.
fn is_typed_behind(screen: &Screen, prompt: &str, text: &str, left: usize) -> bool {
    let column = prompt.chars().count() + 1 + text.chars().count() - left;
    screen.line() == format!("{prompt} {text}").trim_end() && usize::from(screen.cursor().1) == column
}

/// Where the last of these rows stands; the order of two texts is that of their places.
fn last(screen: &Screen, row: &str) -> Option<usize> {
    screen.text().lines().collect::<Vec<_>>().iter().rposition(|line| line.starts_with(row))
}
