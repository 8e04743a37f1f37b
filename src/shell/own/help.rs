//! `.help`: the language and the keys on one screen, and each of the shell's own commands on one of its own.

use std::fmt::Write as _;

use super::Host;
use super::table::{COMMANDS, Description, find};
use crate::shell::status::Status;
use crate::text;

const LANGUAGE: &str = "\
A line is a command of QMP with its arguments:
  query-status
  block_resize node-name=n0 size=10G
  blockdev-add node-name=n0 driver=qcow2 file.driver=file file.filename=\"/my disk.qcow2\"

  KEY=VALUE         of the type that QEMU's schema gives the argument: a string, a number (10G, 0x10),
                    true, a word of a list; quotes make a string, { and [ begin JSON
  KEY.KEY=VALUE     an object within an object
  KEY:=JSON         strict JSON            KEY==TEXT     the text, whatever it looks like
  KEY=@FILE         what is in a file      KEY=@?        asks, without echo
  {\"execute\": ...}  a whole message        # ...         a comment
  transaction(      actions, one a line, up to a closing )
  ... | PIPELINE    the result as JSON to a command of the system's shell, such as jq or less

A line goes on while a bracket or a quote is open. Several lines can be pasted; they stop at the first that fails.

Commands of the shell itself (.help NAME tells more):
";

const KEYS: &str = "
Ctrl-C drops the line, or stops waiting for a command (its reply is shown when it comes); Ctrl-R searches the history.
A line that begins with a space, or has a password in it, is not kept in the history.
";

/// `.help [NAME]`
pub(super) async fn run<H: Host>(host: &mut H, name: Option<String>) -> Result<(), H::Stop> {
    let Some(name) = name else { return host.print_text(&language()).await };
    match find(&name) {
        Some(command) => host.print_text(&about(command)).await,
        None => {
            let message = format!("no help for `{}`: `.help` shows what there is", text::line(&name));
            Err(host.fail(Status::CommandFailed, message))
        }
    }
}

fn language() -> String {
    let mut shown = LANGUAGE.to_owned();
    for Description { name, words, summary, .. } in COMMANDS {
        let written = format!(".{name} {words}");
        // Writing to memory cannot fail.
        let _ = writeln!(shown, "  {:<32} {summary}", written.trim_end());
    }
    shown + KEYS
}

fn about(command: &Description) -> String {
    let Description { name, words, summary, more } = command;
    let usage = format!(".{name} {words}");
    let more = if more.is_empty() { String::new() } else { format!("\n{more}\n") };
    format!("{}\n  {summary}\n{more}", usage.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_the_width_of_a_screen() {
        for text in COMMANDS.iter().map(about).chain([language()]) {
            assert!(text.lines().all(|line| line.chars().count() <= 120), "too wide: {text}");
        }
    }
}
