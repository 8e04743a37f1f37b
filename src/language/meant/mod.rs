//! Says how a line is written here that was written as for the human monitor, QEMU's command line, another client or the
//! system's shell. No I/O.
//!
//! [`refused_line`] looks at a line that does not parse, [`refused_request`] at one that the peer refused. What they
//! suggest parses. `dots` has the commands of the shell itself, `human` the commands of the human monitor, `positional`
//! arguments without names, `options` lists with commas, `other_shells` what belongs to another program.

mod dots;
mod human;
mod options;
mod other_shells;
mod positional;
mod words;

use crate::message::Request;

/// Tells how `line`, which does not parse, is written here: a sentence; `None` if nothing is certain. The sentence holds parts of
/// the line, and is not safe to show.
///
/// ```
/// use qmpsh::language::meant::refused_line;
///
/// assert_eq!(refused_line("info block").unwrap(), "write `.hmp info block`, or `query-block`");
/// assert_eq!(refused_line("query-status > f").unwrap(), "write `query-status | cat >f`");
/// ```
pub fn refused_line(line: &str) -> Option<String> {
    /// Longer lines are no habit of a person.
    const LONGEST: usize = 4096;
    let line = line.trim();
    if line.len() > LONGEST || line.contains('\n') {
        return None;
    }
    other_shells::pasted(line, refused_line)
        .or_else(|| other_shells::json(line))
        .or_else(|| other_shells::joined(line, refused_line))
        .or_else(|| options::call(line, refused_line))
        .or_else(|| options::command_line(line))
        .or_else(|| options::comma_list(line))
        .or_else(|| options::quoted_list(line))
        .or_else(|| dots::line(line))
        .or_else(|| human::line(line))
        .or_else(|| other_shells::inner_quotes(line, refused_line))
        .or_else(|| positional::line(line))
}

/// Tells that `name`, which is no command of the peer, is one of the shell's own, which begin with a dot.
pub fn built_in(name: &str) -> Option<String> {
    dots::line(name)
}

/// Returns the commands of the human monitor that QMP does not have under the same name.
pub fn human_commands() -> &'static [&'static str] {
    human::COMMANDS
}

/// Tells how a request is written that the peer refused with `desc`; `None` if it is not one of these habits. The sentence
/// holds values of arguments, and is not safe to show.
pub fn refused_request(request: &Request, class: &str, desc: &str) -> Option<String> {
    if class == "CommandNotFound" {
        return human::command(request.command());
    }
    options::refused(request, desc).or_else(|| device_of_virtio(request, desc))
}

/// Says where the block device of a virtio disk is: its id names only the device on the bus, which has none.
fn device_of_virtio(request: &Request, desc: &str) -> Option<String> {
    /// What QEMU says of any device without a block device.
    const REFUSAL: &str = "Device does not have a block device backend";
    let message: serde_json::Value = serde_json::from_str(request.text()).ok().filter(|_| desc == REFUSAL)?;
    let id = message.get("arguments")?.get("id")?.as_str().filter(|id| !id.contains('/'))?;
    let path = words::pair("id", &format!("/machine/peripheral/{id}/virtio-backend"));
    Some(format!("a virtio disk has its path here: {path}"))
}

#[cfg(test)]
mod tests;
