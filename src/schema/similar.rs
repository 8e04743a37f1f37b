//! Finds the name that the user probably meant.

/// Longer words are not names, and comparing them would take long.
const LONGEST: usize = 100;

/// Returns the name among `names` that is most similar to `word`; `None` if none is near.
///
/// One letter, or up to a quarter of them, may be left out, added, changed or swapped; case, and `_` for `-`, do not count. A name
/// that begins with the whole word is near too, and one that is the beginning of the word, unless
/// another part follows.
///
/// ```
/// use qmpsh::schema::nearest;
///
/// assert_eq!(nearest("query_sttus", ["query-stats", "query-status", "stop"]), Some("query-status"));
/// assert_eq!(nearest("xyz", ["query-status", "stop"]), None);
/// ```
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let names: Vec<_> = names.into_iter().collect();
    misspelled(word, &names).or_else(|| continued(word, &names))
}

/// Returns the names that `word` may mean, the likeliest first: the one that it misspells; else those that have it as a part, as
/// `query-status` has `status`; else the one that it is the beginning of, or that is its beginning.
#[cfg(feature = "language")]
pub(crate) fn meant<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let names: Vec<_> = names.into_iter().collect();
    let misspelled = misspelled(word, &names);
    if let Some(name) = misspelled.filter(|name| strsim::osa_distance(&folded(word), &folded(name)) < 2) {
        return vec![name];
    }
    let padded = |text: &str| format!("-{}-", folded(text));
    let part = padded(word);
    let has_part = |name: &&str| word.len() >= 3 && name.len() <= LONGEST && padded(name).contains(&part);
    let mut found: Vec<&str> = names.iter().copied().filter(has_part).collect();
    // Queries and short names first, unstable ones last.
    found.sort_by_key(|name| (name.starts_with("x-"), !name.starts_with("query-"), name.len()));
    if found.is_empty() {
        // `query-cpu` begins `query-cpus-fast`, and is not `query-pci`.
        let begun = best(word, &names, |word, name| word.len() >= 3 && name.starts_with(word));
        found.extend(begun.or(misspelled).or_else(|| continued(word, &names)));
    }
    found
}

/// Returns `count` of `names`, those that are most similar to `word` first.
#[cfg(feature = "language")]
pub(crate) fn most_similar<'n>(word: &str, names: impl IntoIterator<Item = &'n str>, count: usize) -> Vec<&'n str> {
    let word: String = folded(word).chars().take(LONGEST).collect();
    let mut names: Vec<_> = names.into_iter().map(|name| (strsim::jaro(&word, &folded(name)), name)).collect();
    names.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    names.into_iter().take(count).map(|(_, name)| name).collect()
}

fn misspelled<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    best(word, names, |word, name| {
        let letters = word.len().max(name.len());
        strsim::osa_distance(word, name) <= (letters / 4).max(usize::from(letters >= 3))
    })
}

fn continued<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    best(word, names, |word, name| {
        // With one more part it is another command: `migrate_set_speed` is not `migrate`.
        let is_ending = |rest: &str| !rest.starts_with('-') && rest.len() <= name.len();
        (word.len() >= 3 && name.starts_with(word))
            || (name.len() >= 3 && word.strip_prefix(name).is_some_and(is_ending))
    })
}

/// Returns the most similar one of the names that are near.
fn best<'n>(word: &str, names: &[&'n str], is_near: impl Fn(&str, &str) -> bool) -> Option<&'n str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let word = folded(word);
    let similarity = |name: &str| {
        let name = folded(name);
        is_near(&word, &name).then(|| strsim::jaro(&word, &name))
    };
    let names = names.iter().copied().filter(|name| name.len() <= LONGEST);
    let near = names.filter_map(|name| Some((similarity(name)?, name)));
    near.min_by(|(a, _), (b, _)| b.total_cmp(a)).map(|(_, name)| name)
}

fn folded(text: &str) -> String {
    text.replace('_', "-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
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
    fn one_letter_or_a_quarter_of_them_may_be_wrong() {
        let check = |word: &str, name: &str, expected: bool| {
            assert_eq!(nearest(word, [name]).is_some(), expected, "{word} {name}");
        };
        check("", "abc", false);
        check("abc", "abc", true);
        check("onn", "on", true);
        check("abcd", "acbd", true);
        check("abcd", "xbcd", true);
        check("resiez", "reset", false);
        check("kitten", "sitting", false);
        check("query-bogus", "query-jobs", false);
    }

    #[test]
    fn a_word_may_be_a_part_of_names() {
        let names = ["block_resize", "query-status", "query-stats", "x-block-y", "block-commit", "query-block", "cont"];
        let check = |word: &str, expected: &[&str]| assert_eq!(meant(word, names), expected, "{word}");
        check("status", &["query-status"]);
        check("resize", &["block_resize"]);
        check("block", &["query-block", "block_resize", "block-commit", "x-block-y"]);
        check("query_statu", &["query-status"]);
        check("continue", &["cont"]);
        check("continuation-after-this", &[]);
        check("cont_now", &[]);
        check("tat", &[]);
        check("-", &[]);
        check("", &[]);
    }

    #[test]
    fn the_most_similar_names_come_first() {
        let names = ["raw", "qcow2", "qcow", "file"];
        assert_eq!(most_similar("qcow3", names, 2), ["qcow", "qcow2"]);
        assert_eq!(most_similar("", names, 3), ["raw", "qcow2", "qcow"]);
        assert_eq!(most_similar(&"x".repeat(1000), names, 9).len(), 4);
    }
}
