//! Diagnostics: what the library logs, to stderr.

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::terminal::Sink;
use qmpsh::text;

/// Shows records of at least this level on stderr.
pub(crate) fn to_stderr(level: LevelFilter) {
    start(level, std::io::stderr);
}

/// Shows records of at least this level above the line being typed.
pub(crate) fn to_console(level: LevelFilter, sink: Sink) {
    start(level, move || Record { sink: sink.clone(), text: Vec::new() });
}

/// How a session fails is in the program's own messages already, so those records come only with the details of `info`
/// and below.
fn start(level: LevelFilter, writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    if level == LevelFilter::OFF {
        return;
    }
    let mut targets = Targets::new().with_target("qmpsh", level);
    if level <= LevelFilter::WARN {
        targets =
            targets.with_target("qmpsh::protocol", LevelFilter::OFF).with_target("qmpsh::protocol::accept", level);
    }
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false).with_ansi(false);
    // A subscriber may be set already.
    let _ = tracing_subscriber::registry().with(targets).with(layer).try_init();
}

/// One record on its way to the console.
struct Record {
    sink: Sink,
    text: Vec<u8>,
}

impl Write for Record {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let shown = text::lines(&String::from_utf8_lossy(&self.text)).into_owned();
        self.sink.event("diagnostics", shown);
    }
}
