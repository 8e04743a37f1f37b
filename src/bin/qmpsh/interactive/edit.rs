//! `.edit` and Ctrl-X Ctrl-E: a line in the user's editor, and then at the prompt.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use async_trait::async_trait;

use super::{Flow, Repl};
use crate::input::masked::has_secret;
use crate::session::{Action, Builtin, Frontend};
use crate::status::{Failure, Status, Stop};
use qmpsh::error::describe;
use qmpsh::text;

/// The longest text that comes back, in bytes: the editor of lines shows all of it.
const LONGEST: u64 = 1 << 20;

/// The editor runs as a pipeline without input: it has the terminal like one.
#[derive(Debug)]
struct NoInput;

#[async_trait(?Send)]
impl Builtin for NoInput {
    async fn run(&self, _: &mut dyn Frontend) -> Result<(), Stop> {
        Ok(())
    }
}

impl Repl<'_> {
    /// Edits the last line.
    pub(super) async fn edit_last(&mut self) -> Flow {
        if self.session.in_file {
            return Err(Stop::new(Status::Usage, ".edit works only at the prompt"));
        }
        let line = self.last_line.clone();
        self.edit(&line).await
    }

    /// Edits a line, and puts the text at the next prompt. If that fails, the line stays as it was.
    pub(super) async fn edit(&mut self, line: &str) -> Flow {
        if self.console.has_echo() {
            return Err(Stop::new(Status::Usage, "not edited: lines cannot be edited on this terminal"));
        }
        if has_secret(line) {
            return Err(Stop::new(
                Status::Usage,
                "not edited: the line has a secret, and the editor needs it in a file",
            ));
        }
        let failed = |error: io::Error| Failure::new(Status::Usage, format!("not edited: {}", describe(&error)));
        // Only this user can enter the directory. What the editor leaves beside the file goes with it.
        let directory = tempfile::Builder::new()
            .prefix("qmpsh-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(failed)?;
        let path = directory.path().join("line.qmp");
        write(&path, line).map_err(failed)?;
        let program = editor(|name| std::env::var(name).ok());
        let command = format!("{program} '{}' </dev/tty", path.display().to_string().replace('\'', r"'\''"));
        match self.run_piped(Action::from(NoInput), command).await {
            Err(Stop::Failed(failure)) if failure.status == Status::CommandFailed => {
                let program = text::line(&program);
                return Err(Stop::new(
                    Status::Usage,
                    format!("not edited: the editor failed: {program} (set $EDITOR)"),
                ));
            }
            done => done?,
        }
        let edited = read(&path).map_err(failed)?;
        self.console.set_next_text(edited);
        Ok(())
    }
}

/// Returns the command of the user's editor.
fn editor(variable: impl Fn(&str) -> Option<String>) -> String {
    let set = |name| variable(name).filter(|value| !value.trim().is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned())
}

fn write(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(line.as_bytes())?;
    file.write_all(b"\n")
}

/// Reads what the editor has written, without the newlines at its end.
fn read(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.len() > LONGEST {
        return Err(io::Error::other("the text is longer than 1 MiB"));
    }
    let text = std::fs::read_to_string(path)?.replace("\r\n", "\n");
    let text = text.trim_end_matches('\n');
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(io::Error::other("the text has control characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editor_is_visual_then_editor_then_vi() {
        let check = |variables: &[(&str, &str)], expected: &str| {
            let variable =
                |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).into());
            assert_eq!(editor(variable), expected);
        };
        check(&[], "vi");
        check(&[("EDITOR", "nano -w")], "nano -w");
        check(&[("EDITOR", "nano"), ("VISUAL", "code --wait")], "code --wait");
        check(&[("EDITOR", "nano"), ("VISUAL", " ")], "nano");
    }

    #[test]
    fn a_text_comes_back_as_it_was_edited() {
        let directory = tempfile::tempdir().unwrap();
        let check = |name: &str, written: &[u8], expected: Result<&str, &str>| {
            let path = directory.path().join(name);
            std::fs::write(&path, written).unwrap();
            let found = read(&path).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name}");
        };
        check("line", b"stop\n", Ok("stop"));
        check("lines", b"transaction(\r\nstop\r\n)\r\n\r\n", Ok("transaction(\nstop\n)"));
        check("empty", b"", Ok(""));
        check("tab", b"a\tb", Ok("a\tb"));
        check("escape", b"a\x1b[2J", Err("the text has control characters"));
        check("latin1", b"\xe9", Err("stream did not contain valid UTF-8"));
    }
}
