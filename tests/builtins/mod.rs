//! The dot commands, in a batch and in a terminal.

mod connect;
mod fd;
mod follow;
mod help;
mod hmp;
mod jobs;
mod log;
mod migration;
mod monitor;
mod output_timing;
mod screen;
mod show;
mod source;
mod status_reconnect;
mod tasks;
mod try_watch_oob;
mod wait;

use std::path::Path;

use crate::support::terminal::Screen;
use crate::support::{Program, qmpsh};

/// qmpsh at this socket, with these lines.
fn lines(socket: &Path, lines: &[&str]) -> Program {
    lines.iter().fold(qmpsh().arg(socket), |program, line| program.args(["-c", *line]))
}

/// The shell has taken this line, and not come to the next prompt yet.
fn is_running(screen: &Screen, line: &str) -> bool {
    screen.text().ends_with(line) && screen.cursor().1 == 0
}
