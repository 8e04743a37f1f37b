//! Keeps what a child process writes to stderr, to report it if the process fails.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::child::{End, Process};
use crate::text;

/// How many bytes are kept of the beginning, and of the end.
const KEPT: usize = 2048;

/// How many lines are shown of the beginning, and of the end.
const SHOWN: usize = 8;

/// How long to wait for the rest of stderr after the process has ended.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// The stderr of a child process, and how it ended. It does not keep the process alive.
#[derive(Debug, Clone)]
pub struct StderrTail {
    said: Arc<Mutex<Said>>,
    /// stderr has ended.
    silent: watch::Receiver<bool>,
    end: watch::Receiver<Option<End>>,
}

impl StderrTail {
    /// Reads the stderr of a process in a thread that ends with it.
    pub(super) fn new(process: &Process, mut stderr: ChildStderr) -> io::Result<Self> {
        let said: Arc<Mutex<Said>> = Arc::default();
        let (sender, silent) = watch::channel(false);
        let for_thread = Arc::clone(&said);
        std::thread::Builder::new().name("listening".to_owned()).spawn(move || {
            let mut chunk = [0; 1024];
            loop {
                match stderr.read(&mut chunk) {
                    Ok(length @ 1..) => {
                        tracing::debug!("a program says: {}", text::bytes(&chunk[..length]));
                        for_thread.lock().unwrap_or_else(PoisonError::into_inner).add(&chunk[..length]);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break,
                }
            }
            sender.send_replace(true);
        })?;
        Ok(Self { said, silent, end: process.watch() })
    }

    /// Waits for the end of the process and its last output, at most for `patience`.
    pub async fn end(&self, patience: Duration) -> Option<End> {
        let mut end = self.end.clone();
        let end = match tokio::time::timeout(patience, end.wait_for(Option::is_some)).await {
            Ok(Ok(end)) => (*end)?,
            Ok(Err(_)) => End::Unknown,
            Err(_) => return None,
        };
        // Another process may still have its stderr.
        let _ = tokio::time::timeout(LAST_OUTPUT, self.silent.clone().wait_for(|silent| *silent)).await;
        Some(end)
    }

    /// Returns the output, safe to show: nothing, the rest of a line (`: …`), or the lines below it.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).shown()
    }
}

#[derive(Debug, Default)]
struct Said {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    has_gap: bool,
}

impl Said {
    fn add(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        if self.tail.len() > KEPT {
            self.has_gap = true;
            self.tail.drain(..self.tail.len() - KEPT);
        }
    }

    fn shown(&self) -> String {
        let (a, b) = self.tail.as_slices();
        let gap: &[u8] = if self.has_gap { b" \xe2\x80\xa6 " } else { b"" };
        let bytes = [&self.head, gap, a, b].concat();
        let all = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = all.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(text::line).collect();
        match lines.as_slice() {
            [] => String::new(),
            [line] => format!(": {line}"),
            lines if lines.len() <= 2 * SHOWN => format!(":\n  {}", lines.join("\n  ")),
            lines => {
                let (first, last) = (&lines[..SHOWN], &lines[lines.len() - SHOWN..]);
                format!(":\n  {}\n  …\n  {}", first.join("\n  "), last.join("\n  "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown() {
        #[track_caller]
        fn check(said: &[&str], expected: &str) {
            let mut all = Said::default();
            for part in said {
                all.add(part.as_bytes());
            }
            assert_eq!(all.shown(), expected);
        }
        check(&[], "");
        check(&["\r\n", "\n"], "");
        check(&["no ", "way\r\n"], ": no way");
        let lines = |numbers: std::ops::RangeInclusive<u32>, between: &str| {
            numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(between)
        };
        check(&[&lines(1..=16, "\n")], &format!(":\n  {}", lines(1..=16, "\n  ")));
        let shown = format!(":\n  {}\n  …\n  {}", lines(1..=8, "\n  "), lines(393..=400, "\n  "));
        check(&[&lines(1..=400, "\n")], &shown);
        check(&["a\n\nb\u{1b}[2J"], ":\n  a\n  b\\u{1b}[2J");
        let (head, tail) = ("h".repeat(KEPT), "t".repeat(KEPT));
        check(&[&head, &tail], &format!(": {head}{tail}"));
        check(&[&head, &"x".repeat(100_000), &tail], &format!(": {head} … {tail}"));
    }
}
