//! A line of progress, fitted into the terminal.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::output::columns::cut;
use qmpsh::jobs::Progress;

/// The columns of a bar between its brackets: one of two widths, so that it does not change with every number.
const BARS: (usize, usize) = (10, 20);

/// The most columns for a name.
const NAME: usize = 32;

/// The spinner that is shown while there is nothing to measure, and how long each character stays.
const SPINNER: [&str; 4] = ["|", "/", "-", "\\"];
const TURN: Duration = Duration::from_millis(250);

/// The parts of a line: `what  45% [====>     ]  detail  detail`.
pub(super) struct Line {
    what: String,
    waited: Duration,
    /// The share that is done; without it the line has a spinner.
    pub(super) share: Option<Progress>,
    /// The most important first. Those that do not fit are left out.
    pub(super) details: Vec<String>,
    /// Shown only if the bar fits too.
    pub(super) extras: Vec<String>,
}

impl Line {
    pub(super) fn new(what: String, waited: Duration) -> Self {
        Self { what, waited, share: None, details: Vec::new(), extras: Vec::new() }
    }

    /// Adds the bytes done and in total.
    pub(super) fn amounts(&mut self, progress: Progress) {
        self.share = Some(progress);
        self.details.push(of(progress));
    }

    /// Adds the rate, and the time that the rest takes at that rate.
    pub(super) fn pace(&mut self, rate: Option<u64>, left: u64) {
        let Some(rate) = rate else { return };
        self.details.push(format!("{}/s", bytes(rate)));
        if let Some(seconds) = left.checked_div(rate) {
            self.details.push(format!("{} left", clock(Duration::from_secs(seconds))));
        }
    }

    pub(super) fn render(&self, width: usize) -> String {
        let mut line = cut(&self.what, NAME.min(width)).into_owned();
        let head = match self.share {
            Some(progress) => format!("  {:3}%", percent(progress)),
            None => {
                let turns = self.waited.as_millis() / TURN.as_millis();
                format!("  {} {}", SPINNER[(turns % 4) as usize], clock(self.waited))
            }
        };
        line.push_str(&head);
        let mut room = width.saturating_sub(line.width());
        let mut tail = String::new();
        let mut add = |details: &[String], room: &mut usize| {
            for detail in details {
                let Some(left) = room.checked_sub(2 + detail.width()) else { break };
                *room = left;
                tail.push_str("  ");
                tail.push_str(detail);
            }
        };
        add(&self.details, &mut room);
        let brackets = " []".len();
        let mut columns = 0;
        if self.share.is_some() && room >= brackets + BARS.0 {
            columns = BARS.0;
            room -= brackets + BARS.0;
        }
        add(&self.extras, &mut room);
        if columns > 0 && room >= BARS.1 - BARS.0 {
            columns = BARS.1;
        }
        if let Some(progress) = self.share.filter(|_| columns > 0) {
            line.push_str(&bar(progress, columns));
        }
        line.push_str(&tail);
        cut(&line, width).into_owned()
    }
}

/// Returns ` [====>     ]`, with this many columns between the brackets.
fn bar(progress: Progress, columns: usize) -> String {
    let done = usize::from(percent(progress)) * columns / 100;
    let filled = match done {
        0 => String::new(),
        done if done == columns => "=".repeat(done),
        done => format!("{}>", "=".repeat(done - 1)),
    };
    format!(" [{filled:columns$}]")
}

/// Rounds down, so that only a finished job has 100.
fn percent(Progress { current, total }: Progress) -> u8 {
    if total == 0 {
        return 0;
    }
    let percent = u128::from(current.min(total)) * 100 / u128::from(total);
    u8::try_from(percent).unwrap_or(100)
}

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Returns bytes as `28.8 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    let unit = unit(count);
    format!("{} {}", in_unit(count, unit), UNITS[unit])
}

/// Returns amounts as `28.8 of 64.0 MiB`.
pub(super) fn of(progress: Progress) -> String {
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
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours @ 1..=99, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
        (hours, ..) => format!("{} d", hours / 24),
    }
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
    fn bars_and_percentages_round_down() {
        let check = |current: u64, total: u64, expected: &str| {
            let progress = Progress { current, total };
            assert_eq!(format!("{}{}", percent(progress), bar(progress, 10)), expected);
        };
        check(0, 0, "0 [          ]");
        check(0, 9, "0 [          ]");
        check(10, 100, "10 [>         ]");
        check(45, 100, "45 [===>      ]");
        check(999, 1000, "99 [========> ]");
        check(1000, 1000, "100 [==========]");
        check(u64::MAX, 5, "100 [==========]");
    }
}
