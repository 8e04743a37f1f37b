//! Finds the name that the user probably meant.

/// Returns the name among `names` that is most similar to `word`; `None` if none is near.
///
/// One letter, or up to a quarter of them, may be left out, added, changed or swapped; case, and `_` for `-`, do not count. A name
/// that begins with the whole word is near too, and one that the word begins with.
///
/// ```
/// use qmpsh::schema::nearest;
///
/// assert_eq!(nearest("query_sttus", ["query-stats", "query-status", "stop"]), Some("query-status"));
/// assert_eq!(nearest("xyz", ["query-status", "stop"]), None);
/// ```
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// Longer words are not names, and comparing them would take long.
    const LONGEST: usize = 100;
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let word = folded(word);
    let similarity = |name: &str| {
        let name = folded(name);
        let letters = word.len().max(name.len());
        let is_near = strsim::osa_distance(&word, &name) <= (letters / 4).max(usize::from(letters >= 3));
        let continues = |long: &str, short: &str| short.len() >= 3 && long.starts_with(short);
        (is_near || continues(&name, &word) || continues(&word, &name)).then(|| strsim::jaro(&word, &name))
    };
    let names = names.into_iter().filter(|name| name.len() <= LONGEST);
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
}
