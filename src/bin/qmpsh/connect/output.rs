//! What a program started here says, while a person types.

use std::io::{self, Read};
use std::process::Command;

use tokio::sync::oneshot;

use crate::terminal::Sink;
use qmpsh::text;

/// Shows what a command writes to stdout and stderr above the line being typed. Gives what ends with it.
pub(super) fn show(command: &mut Command, sink: Sink) -> io::Result<oneshot::Receiver<()>> {
    let (mut reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let (sender, done) = oneshot::channel();
    std::thread::Builder::new().name("output".to_owned()).spawn(move || {
        let mut line = Vec::new();
        let mut chunk = vec![0; 8192];
        let show = |line: &mut Vec<u8>| {
            sink.event("lines", text::lines(&String::from_utf8_lossy(line)));
            line.clear();
        };
        while let Ok(length @ 1..) = reader.read(&mut chunk) {
            for &byte in &chunk[..length] {
                if byte != b'\n' {
                    line.push(byte);
                }
                if byte == b'\n' || line.len() == chunk.len() {
                    show(&mut line);
                }
            }
        }
        if !line.is_empty() {
            show(&mut line);
        }
        // The shell may have ended.
        let _ = sender.send(());
    })?;
    Ok(done)
}
