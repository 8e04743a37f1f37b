//! What was probably meant.

/// The name among `names` that is nearest to `word`; `None` if none is near.
///
/// Letters left out, added, changed or swapped count, case and `_` for `-` do not. Up to a third of the letters may
/// be wrong; a name that begins with the whole word, or the other way round, is near too.
///
/// ```
/// use qmpsh::schema::nearest;
///
/// assert_eq!(nearest("query_sttus", ["query-stats", "query-status", "stop"]), Some("query-status"));
/// assert_eq!(nearest("xyz", ["query-status", "stop"]), None);
/// ```
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// Longer words are no names, and comparing them would take long.
    const LONGEST: usize = 100;
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let word = folded(word);
    let mut best = None;
    for name in names {
        if name.len() > LONGEST {
            continue;
        }
        let other = folded(name);
        let limit = COST * word.len().max(other.len()) / 3;
        let distance = distance(&word, &other);
        let rank = if distance <= limit {
            distance
        } else if word.len() >= 3 && (other.starts_with(&word) || (other.len() >= 3 && word.starts_with(&other))) {
            // Behind those with a letter or two wrong, the shortest first.
            COST * LONGEST + other.len()
        } else {
            continue;
        };
        if best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, name));
        }
    }
    best.map(|(_, name)| name)
}

fn folded(text: &str) -> Vec<char> {
    text.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// What a letter costs that is left out, added, or swapped with its neighbor.
const COST: usize = 2;
/// A wrong letter is rarer than those.
const WRONG: usize = 3;

/// What it costs to make `a` of `b`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut two_above: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).map(|n| n * COST).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![(i + 1) * COST];
        for (j, y) in b.iter().enumerate() {
            let same = if x == y { 0 } else { WRONG };
            let mut cost = (above[j] + same).min(above[j + 1] + COST).min(row[j] + COST);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                cost = cost.min(two_above[j - 1] + COST);
            }
            row.push(cost);
        }
        two_above = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["node-name", "device", "size", "file", "filename", "read-only", "query-block", "query-block-jobs"];
        let check = |word: &str, expected: Option<&str>| assert_eq!(nearest(word, names), expected, "{word}");
        check("node-name", Some("node-name"));
        check("node_name", Some("node-name"));
        check("nodename", Some("node-name"));
        check("siez", Some("size"));
        check("SIZE", Some("size"));
        check("files", Some("file"));
        check("filenam", Some("filename"));
        check("readonly", Some("read-only"));
        check("query-blok", Some("query-block"));
        check("dev", Some("device"));
        check("query-block-", Some("query-block"));
        check("query", Some("query-block"));
        check("x", None);
        check("", None);
        check("password", None);
        check(&"a".repeat(1000), None);
        assert_eq!(nearest("query-staus", ["query-stats", "query-status"]), Some("query-status"));
    }

    #[test]
    fn distances() {
        let check = |a: &str, b: &str, expected| {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&chars(a), &chars(b)), expected, "{a} {b}");
        };
        check("", "", 0);
        check("abc", "abc", 0);
        check("abc", "ab", 2);
        check("abc", "acb", 2);
        check("abc", "xbc", 3);
        check("", "abc", 6);
        check("kitten", "sitting", 8);
    }
}
