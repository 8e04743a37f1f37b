//! Waiting for a reply that is about to come.
//!
//! When the peer has read the last byte of a command, the kernel wakes the client: its Unix socket has room again. QEMU replies to
//! most commands within twenty microseconds then, less than a thread needs to fall asleep and wake up. A share reads a command at
//! once, and QEMU needs some hundred microseconds to read it from the share. So after that wake-up the program polls for a moment,
//! once a command. A command that takes longer is waited for asleep. Over TCP the kernel gives no such sign, and nothing is polled.

use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How long to poll: QEMU reads 140 bytes in that time.
const BUSY_WAIT_LIMIT: Duration = Duration::from_micros(500);

/// Notified each time that the kernel wakes the program.
static WOKEN: Notify = Notify::const_new();

/// For the runtime to call when the kernel has woken it.
pub(crate) fn woken() {
    WOKEN.notify_waiters();
}

/// Waits for `reply`. Cancel safe if `reply` is.
pub(super) async fn busy_wait<F: Future + Unpin>(mut reply: F) -> F::Output {
    tokio::select! {
        biased;
        reply = &mut reply => return reply,
        () = WOKEN.notified() => {}
    }
    let end = Instant::now() + BUSY_WAIT_LIMIT;
    while Instant::now() < end {
        tokio::select! {
            biased;
            reply = &mut reply => return reply,
            // The runtime reads from the socket between two turns.
            () = tokio::task::yield_now() => {}
        }
        // QEMU may need this processor to reply.
        std::thread::yield_now();
    }
    reply.await
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::sync::oneshot;

    use super::{BUSY_WAIT_LIMIT, busy_wait, woken};

    #[tokio::test]
    async fn the_reply_comes_at_any_time() {
        assert_eq!(busy_wait(ready(1)).await, 1);

        // Without a wake-up, and after wake-ups without a reply.
        for wake_ups in [0, 1, 3] {
            let (sender, reply) = oneshot::channel();
            let answering = async {
                tokio::task::yield_now().await;
                for _ in 0..wake_ups {
                    woken();
                    // Longer than the polling lasts.
                    tokio::time::sleep(BUSY_WAIT_LIMIT * 2).await;
                }
                sender.send(2)
            };
            let (reply, sent) = tokio::join!(busy_wait(reply), answering);
            assert_eq!((reply, sent), (Ok(2), Ok(())), "{wake_ups}");
        }
    }
}
