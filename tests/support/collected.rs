//! The output of a program, taken from its pipe as it comes.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::DEADLINE;

/// The bytes of a pipe as they come, read by a thread so that the writer never waits.
#[derive(Clone, Debug)]
pub struct Collected(Arc<(Mutex<Pipe>, Condvar)>);

#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    /// Up to here it was taken by line.
    taken: usize,
    closed: bool,
}

impl Collected {
    /// There is no pipe: its end is there at once.
    pub fn nothing() -> Self {
        let pipe = Pipe { closed: true, ..Pipe::default() };
        Self(Arc::new((Mutex::new(pipe), Condvar::new())))
    }

    pub fn from_reader(mut reader: impl Read + Send + 'static) -> Self {
        let collected = Self(Arc::default());
        let shared = Arc::clone(&collected.0);
        thread::spawn(move || {
            let mut chunk = vec![0; 65536];
            loop {
                let n = reader.read(&mut chunk).unwrap_or(0);
                let mut pipe = shared.0.lock().unwrap();
                pipe.bytes.extend_from_slice(&chunk[..n]);
                pipe.closed = n == 0;
                shared.1.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        collected
    }

    /// The next line; or why there is none, as the beginning of a sentence.
    pub fn line(&self) -> Result<String, &'static str> {
        let start = Instant::now();
        let mut pipe = self.0.0.lock().unwrap();
        loop {
            let rest = &pipe.bytes[pipe.taken..];
            if let Some(length) = rest.iter().position(|&b| b == b'\n') {
                let line = String::from_utf8_lossy(&rest[..length]).into_owned();
                pipe.taken += length + 1;
                return Ok(line);
            }
            if pipe.closed {
                return Err("the end of file came, not");
            }
            let left = DEADLINE.checked_sub(start.elapsed()).ok_or("waited in vain for")?;
            pipe = self.0.1.wait_timeout(pipe, left).unwrap().0;
        }
    }

    pub fn so_far(&self) -> Vec<u8> {
        self.0.0.lock().unwrap().bytes.clone()
    }

    /// Everything, once the pipe is closed.
    pub fn to_end(&self) -> Vec<u8> {
        let pipe = self.0.0.lock().unwrap();
        let mut pipe = self.0.1.wait_timeout_while(pipe, DEADLINE, |pipe| !pipe.closed).unwrap().0;
        std::mem::take(&mut pipe.bytes)
    }
}
