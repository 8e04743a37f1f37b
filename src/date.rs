//! Dates and times in UTC.

use std::fmt;

/// A time in UTC, to the second.
pub struct Utc {
    /// Seconds since 1970.
    pub seconds: u64,
}

impl Utc {
    /// Returns the date as `2024-02-29`.
    pub fn date(&self) -> String {
        // Years begin in March here, so a leap day is the last day of its year.
        // Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
        let shifted = self.seconds / 86_400 + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Returns the time as `23:59:59`.
    pub fn time(&self) -> String {
        let second = self.seconds % 86_400;
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

/// Shows `2024-02-29 23:59:59 UTC`.
impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} UTC", self.date(), self.time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let check = |seconds, expected: &str| assert_eq!(Utc { seconds }.to_string(), expected);
        // The expected ones are those of `date -u -d @SECONDS`.
        check(0, "1970-01-01 00:00:00 UTC");
        check(951_782_399, "2000-02-28 23:59:59 UTC");
        check(951_782_400, "2000-02-29 00:00:00 UTC");
        check(951_868_800, "2000-03-01 00:00:00 UTC");
        check(1_709_251_199, "2024-02-29 23:59:59 UTC");
        check(1_735_689_599, "2024-12-31 23:59:59 UTC");
        check(1_735_689_600, "2025-01-01 00:00:00 UTC");
        check(4_107_542_400, "2100-03-01 00:00:00 UTC");
    }
}
