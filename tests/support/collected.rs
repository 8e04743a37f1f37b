//! The output of a program, read as it comes.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::DEADLINE;

/// The bytes of a pipe or a terminal as they come, read by a thread so that the writer never waits.
#[derive(Clone, Debug)]
pub struct Collected(Arc<(Mutex<Received>, Condvar)>);

#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    /// Up to here [`Collected::line`] took it.
    taken: usize,
    closed: bool,
}

impl Collected {
    pub fn from_reader(mut reader: impl Read + Send + 'static) -> Self {
        let collected = Self(Arc::default());
        let shared = Arc::clone(&collected.0);
        thread::spawn(move || {
            let mut chunk = vec![0; 65536];
            loop {
                let n = reader.read(&mut chunk).unwrap_or(0);
                let mut received = shared.0.lock().unwrap();
                received.bytes.extend_from_slice(&chunk[..n]);
                received.closed = n == 0;
                shared.1.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        collected
    }

    /// Calls `look` with all bytes and whether the end came, now and after each change, until it finds something. `None` when
    /// nothing changed for [`DEADLINE`], or after the end.
    pub fn wait<T>(&self, mut look: impl FnMut(&[u8], bool) -> Option<T>) -> Option<T> {
        let mut received = self.0.0.lock().unwrap();
        loop {
            let found = look(&received.bytes, received.closed);
            if found.is_some() || received.closed {
                return found;
            }
            let (now, waited) = self.0.1.wait_timeout(received, DEADLINE).unwrap();
            if waited.timed_out() {
                return None;
            }
            received = now;
        }
    }

    /// The next line without its end; or why there is none, as the beginning of a sentence.
    pub fn line(&self) -> Result<String, &'static str> {
        let taken = self.0.0.lock().unwrap().taken;
        let line = self.wait(|bytes, _| {
            let rest = &bytes[taken..];
            rest.iter().position(|&byte| byte == b'\n').map(|end| rest[..end].to_vec())
        });
        let mut received = self.0.0.lock().unwrap();
        let why = if received.closed { "the end of file came, not" } else { "waited in vain for" };
        let line = line.ok_or(why)?;
        received.taken += line.len() + 1;
        drop(received);
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    pub fn so_far(&self) -> Vec<u8> {
        self.0.0.lock().unwrap().bytes.clone()
    }

    pub fn is_closed(&self) -> bool {
        self.0.0.lock().unwrap().closed
    }

    /// Everything, once the writer has closed it.
    pub fn to_end(&self) -> Vec<u8> {
        self.wait(|_, closed| closed.then_some(()));
        self.so_far()
    }
}
