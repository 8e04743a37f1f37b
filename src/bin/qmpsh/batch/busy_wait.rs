//! Waiting for a reply that is about to come.
//!
//! When QEMU has read the last byte of a command, the system wakes whoever waits on the Unix socket: there is room again. The reply
//! to most commands follows within some twenty microseconds, less than it takes to fall asleep and wake up again, while QEMU, with
//! nothing to do either, falls asleep too. So from that sign on the program stays awake for a moment, once for a command; one that
//! takes longer is waited for asleep. Where the system gives no such sign, as for TCP, all is waited for asleep.

use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How long it stays awake.
const BUSY_WAIT_LIMIT: Duration = Duration::from_micros(50);

/// Notified each time that the system has woken the program.
static WOKEN: Notify = Notify::const_new();

/// The runtime calls this each time that the system has woken it.
pub(crate) fn woken() {
    WOKEN.notify_waiters();
}

/// Waits for `reply`. Cancel safe if that is.
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
            // Between two turns the runtime looks whether something has come.
            () = tokio::task::yield_now() => {}
        }
        // QEMU may need this very processor to answer.
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

        // Before a wake-up, and after one or more have been in vain.
        for wake_ups in [0, 1, 3] {
            let (sender, reply) = oneshot::channel();
            let answering = async {
                tokio::task::yield_now().await;
                for _ in 0..wake_ups {
                    woken();
                    // Longer than it stays awake.
                    tokio::time::sleep(BUSY_WAIT_LIMIT * 2).await;
                }
                sender.send(2)
            };
            let (reply, sent) = tokio::join!(busy_wait(reply), answering);
            assert_eq!((reply, sent), (Ok(2), Ok(())), "{wake_ups}");
        }
    }
}
