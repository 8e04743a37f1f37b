//! What the integration tests share: programs in a scrubbed environment, a terminal, a real QEMU, a mock of one.
//!
//! All of it is synchronous, cleans up also when a test panics, and fails with what it saw. [`DEADLINE`] only ends a test that would
//! hang.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

pub mod agent;
pub mod client;
pub mod collected;
pub mod documents;
pub mod mock;
pub mod output;
pub mod planted;
pub mod player;
pub mod program;
pub mod qemu;
pub mod terminal;
pub mod version;

pub use mock::Mock;
pub use program::{Program, QMPSH, qmpsh, sh};
pub use qemu::Qemu;

/// How long anything may take before its test is ended as hanging.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Calls `look` again and again until it finds something. `None` when `limit` is over.
pub fn poll_until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Locks out other starts while a process is started or a pseudo-terminal is opened.
///
/// The pseudo-terminal's descriptors are not close-on-exec from the first moment: a process started just then would keep
/// the terminal open, and its end would not be seen.
pub fn spawning() -> MutexGuard<'static, ()> {
    static SPAWNING: Mutex<()> = Mutex::new(());
    static HEEDING: Once = Once::new();
    HEEDING.call_once(heed_interrupts);
    SPAWNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets Ctrl-C reach the programs that tests start.
///
/// A process started with SIGINT ignored, as a shell's `tests &` is, hands that on to what it starts, and there a shell
/// cannot even trap it. A signal that is caught here is the default one there.
fn heed_interrupts() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    if ignored.is_none_or(|signals| signals & 0b10 == 0) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        // The handler stays when this has gone, and does nothing.
        drop(signal(SignalKind::interrupt()).expect("SIGINT can be caught"));
    });
}

/// Returns the text of an error of the system. Each C library has its own words.
pub fn text_of(error: rustix::io::Errno) -> String {
    qmpsh::error::describe(&std::io::Error::from(error))
}

/// A directory of a test's own, short enough for a socket's path (108 bytes), removed on drop.
pub fn temporary_directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("qmpsh-").tempdir().expect("a temporary directory")
}

/// The text of `bytes` for a message: escaped, and shortened in the middle.
pub fn excerpt(bytes: &[u8]) -> String {
    const HALF: usize = 300;
    if bytes.len() <= 2 * HALF + 40 {
        return bytes.escape_ascii().to_string();
    }
    let (head, tail) = (&bytes[..HALF], &bytes[bytes.len() - HALF..]);
    format!("{} … {} bytes … {}", head.escape_ascii(), bytes.len() - 2 * HALF, tail.escape_ascii())
}
