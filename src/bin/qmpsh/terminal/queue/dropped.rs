//! The gap that dropped events leave: how many there were, of which names.

/// How many names are counted apart; the peer chooses the names, so there must be a bound.
const NAMES: usize = 16;

/// Events that were dropped and not yet reported, each known by its name alone.
#[derive(Debug, Default)]
pub(super) struct Gap {
    /// The number of the newest of them.
    pub(super) through: u64,
    counts: Vec<(String, u64)>,
    others: u64,
}

impl Gap {
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(super) fn add(&mut self, number: u64, name: String) {
        self.through = number;
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == name) {
            *count += 1;
        } else if self.counts.len() < NAMES {
            self.counts.push((name, 1));
        } else {
            self.others += 1;
        }
    }

    pub(super) fn write_to(self, text: &mut Vec<u8>) {
        for (name, count) in &self.counts {
            text.extend_from_slice(more(*count, name).as_bytes());
        }
        if self.others > 0 {
            text.extend_from_slice(more(self.others, "of other names").as_bytes());
        }
    }
}

/// The line that stands for dropped events; ends with a newline.
pub(super) fn more(count: u64, of: &str) -> String {
    format!("… {} more {of}\n", grouped(count))
}

/// 8431 as `8,431`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_apart_and_only_so_many() {
        let mut gap = Gap::default();
        for number in 0..NAMES + 5 {
            gap.add(number as u64, format!("N{number}"));
        }
        gap.add(99, "N0".into());
        assert_eq!((gap.counts.len(), gap.through), (NAMES, 99));
        let mut text = Vec::new();
        gap.write_to(&mut text);
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("… 2 more N0\n… 1 more N1\n"), "{text}");
        assert!(text.ends_with("… 1 more N15\n… 5 more of other names\n"), "{text}");
    }

    #[test]
    fn grouping() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (8431, "8,431"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
