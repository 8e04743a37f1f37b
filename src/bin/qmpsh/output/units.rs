//! Amounts and times as a person reads them. Programs get exact numbers.

use std::time::Duration;

use qmpsh::jobs::Progress;

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Returns bytes as `28.8 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    let unit = unit(count);
    format!("{} {}", in_unit(count, unit), UNITS[unit])
}

/// Returns amounts as `28.8 of 64.0 MiB`.
pub(crate) fn of(progress: Progress) -> String {
    let unit = unit(progress.total);
    let (current, total) = (in_unit(progress.current, unit), in_unit(progress.total, unit));
    format!("{current} of {total} {}", UNITS[unit])
}

fn unit(count: u64) -> usize {
    (count.max(1).ilog2() / 10) as usize
}

/// With one decimal, rounded down.
fn in_unit(count: u64, unit: usize) -> String {
    if unit == 0 {
        return count.to_string();
    }
    let tenths = (u128::from(count) * 10) >> (10 * unit);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Returns a time as `0:04`, `12:34`, `1:02:03` or `5 d`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours @ 1..=99, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
        (hours, ..) => format!("{} d", hours / 24),
    }
}

/// Returns how long something took, for a sentence: `87 ms`, `1.4 s`, `21 s`, `2 min 5 s`, `1 h 2 min`.
pub(crate) fn lasted(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => format!("{} ms", time.as_millis()),
        (0, 0, 1..=9) => format!("{seconds}.{} s", time.subsec_millis() / 100),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Returns the share that is done, rounded down, so that only a finished job has 100.
pub(crate) fn percent(Progress { current, total }: Progress) -> u8 {
    if total == 0 {
        return 0;
    }
    let percent = u128::from(current.min(total)) * 100 / u128::from(total);
    u8::try_from(percent).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_binary_units() {
        let check = |count: u64, expected: &str| assert_eq!(bytes(count), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(1_048_575, "1023.9 KiB");
        check(287_460, "280.7 KiB");
        check(u64::MAX, "15.9 EiB");
        assert_eq!(of(Progress { current: 30_198_988, total: 67_108_864 }), "28.7 of 64.0 MiB");
        assert_eq!(of(Progress { current: 5, total: 12 }), "5 of 12 B");
    }

    #[test]
    fn times_are_short() {
        let check = |seconds: u64, expected: &str| assert_eq!(clock(Duration::from_secs(seconds)), expected);
        check(4, "0:04");
        check(754, "12:34");
        check(3723, "1:02:03");
        check(99 * 3600 + 59, "99:00:59");
        check(121 * 3600, "5 d");
    }

    #[test]
    fn durations_are_short() {
        let check = |millis: u64, expected: &str| assert_eq!(lasted(Duration::from_millis(millis)), expected);
        check(0, "0 ms");
        check(449, "449 ms");
        check(1449, "1.4 s");
        check(9999, "9.9 s");
        check(21_900, "21 s");
        check(125_000, "2 min 5 s");
        check(3_725_000, "1 h 2 min");
    }
}
