//! The order in which numbers within names sort as numbers: `device[9]` before `device[10]`.

use std::cmp::Ordering;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// Digits without zeros in front; the longer number is the greater one.
    Number(usize, &'a str),
    Text(&'a str),
}

/// Compares two names.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    // `07` and `7` are the same number.
    parts(a).cmp(parts(b)).then_with(|| a.cmp(b))
}

fn parts(name: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let is_number = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        rest = behind;
        let digits = part.trim_start_matches('0');
        (!part.is_empty()).then_some(if is_number { Part::Number(digits.len(), digits) } else { Part::Text(part) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers() {
        let sorted = [
            "",
            "1",
            "2",
            "02x",
            "10",
            "a",
            "a1",
            "a1b",
            "a2",
            "a07",
            "a10",
            "a10.5",
            "a10.12",
            "a-1",
            "b",
            "device[9]",
            "device[10]",
            "device[99999999999999999999999]",
            "é2",
            "é10",
        ];
        for pair in sorted.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("a1", "a1"), Ordering::Equal);
    }
}
