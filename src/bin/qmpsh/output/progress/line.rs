//! A line of progress, fitted into the terminal.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::output::columns::cut;
use crate::output::units::{bytes, clock, of, percent};
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
                // The beginning of a sentence, such as `ready`, is better than nothing.
                let beginning = detail.split(": ").next().unwrap_or_default();
                let fits = |part: &&str| *room >= 2 + part.width();
                let Some(part) = [detail, beginning].into_iter().find(fits) else { break };
                *room -= 2 + part.width();
                tail.push_str("  ");
                tail.push_str(part);
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

#[cfg(test)]
mod tests {
    use super::*;

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
