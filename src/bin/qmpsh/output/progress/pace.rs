//! The rate of a job.

use std::collections::VecDeque;
use std::time::Duration;

/// The time that the rate is measured over.
const WINDOW: Duration = Duration::from_secs(10);

/// The shortest time that gives a rate.
const SHORTEST: Duration = Duration::from_millis(400);

/// The last amounts and their times. QEMU works in bursts, so the rate is measured over some seconds.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    seen: VecDeque<(Duration, u64)>,
}

impl Pace {
    /// Adds the amount that is done at a time.
    pub(crate) fn add(&mut self, at: Duration, done: u64) {
        if self.seen.back().is_some_and(|(_, before)| *before > done) {
            // The job has begun anew.
            self.seen.clear();
        }
        self.seen.push_back((at, done));
        // One amount from before the window stays to compare with.
        while self.seen.get(1).is_some_and(|(second, _)| *second + WINDOW <= at) {
            self.seen.pop_front();
        }
    }

    /// Returns the amount a second, once it is known.
    pub(crate) fn rate(&self) -> Option<u64> {
        let ((from, before), (to, done)) = (self.seen.front()?, self.seen.back()?);
        let time = to.checked_sub(*from).filter(|time| *time >= SHORTEST)?;
        u64::try_from(u128::from(done - before) * 1_000_000 / time.as_micros()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let check = |seen: &[(u64, u64)], expected: Option<u64>| {
            let mut pace = Pace::default();
            for (at, done) in seen {
                pace.add(Duration::from_millis(*at), *done);
            }
            assert_eq!(pace.rate(), expected, "{seen:?}");
        };
        check(&[], None);
        check(&[(0, 5)], None);
        check(&[(0, 5), (399, 50)], None);
        check(&[(0, 0), (500, 50)], Some(100));
        check(&[(0, 0), (500, 0), (1000, 100)], Some(100));
        check(&[(0, 0), (1000, 900), (2000, 10), (3000, 20)], Some(10));
        check(&[(0, 0), (1000, 1_000_000), (11_000, 1_000_000)], Some(0));
        check(&[(0, 0), (1000, 100), (5000, 100), (12_000, 1200)], Some(100));
        check(&[(0, 0), (1000, u64::MAX)], Some(u64::MAX));
    }

    #[test]
    fn memory_is_bounded_by_the_window() {
        let mut pace = Pace::default();
        for at in 0..10_000 {
            pace.add(Duration::from_millis(at * 250), at);
        }
        assert!(pace.seen.len() <= 42, "{}", pace.seen.len());
        assert_eq!(pace.rate(), Some(4));
    }
}
