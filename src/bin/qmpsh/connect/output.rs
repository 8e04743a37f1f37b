//! Shows the output of a program started here while a line is being typed.

use std::io::{self, BufRead, BufReader, Read};
use std::process::Command;

use tokio::sync::oneshot;

use crate::terminal::Sink;
use qmpsh::text;

/// The longest line that is shown in one piece, in bytes.
const LONGEST: u64 = 8192;

/// Shows what a command writes to stdout and stderr above the line being typed. The receiver ends when the output does.
pub(super) fn show(command: &mut Command, sink: Sink) -> io::Result<oneshot::Receiver<()>> {
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let (sender, done) = oneshot::channel();
    std::thread::Builder::new().name("output".to_owned()).spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while let Ok(1..) = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
            sink.event("lines", text::lines(&String::from_utf8_lossy(&line)));
            line.clear();
        }
        // The shell may have ended.
        let _ = sender.send(());
    })?;
    Ok(done)
}
