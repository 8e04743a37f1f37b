//! The reference manuals that come with QEMU, if they are installed.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;

use super::example;
use super::page::{Described, Page};
use qmpsh::language::typing::Types;
use qmpsh::pattern::Pattern;
use qmpsh::schema::Schema;

/// The manual pages; the last is that of the guest agent.
const PAGES: [&str; 3] = ["qemu-qmp-ref", "qemu-storage-daemon-qmp-ref", "qemu-ga-ref"];
const AGENT: &str = "qemu-ga-ref";

/// The most bytes of a page that are read. QEMU's own has 700 thousand.
const LONGEST: u64 = 32 << 20;

/// What a manual says about a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The manual, such as `qemu-qmp-ref(7), QEMU 7.2.22`.
    pub(super) title: String,
    /// All of the section.
    pub(super) text: String,
    /// The section in its parts.
    pub(super) described: Described,
    /// The version of QEMU that the manual is for.
    pub(super) version: Option<String>,
}

/// What the manuals have instead of a name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missed {
    /// The names that they describe.
    pub(super) names: Vec<String>,
    /// The names that the wanted word is a part of, or of whose text.
    pub(super) hits: Vec<Hit>,
}

/// A name that a search has found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// False if the word is in the name itself, and not only in the text.
    pub(super) is_in_text: bool,
    pub(super) name: String,
    /// `Command`, `Event`, `Object`, `Enum` or `Alternate`.
    pub(super) kind: &'static str,
    /// The first sentence of its description.
    pub(super) about: Option<String>,
}

/// Returns what the manuals say about `name`, its examples in this shell's syntax, or else what is similar.
pub(super) fn look_up(name: &str, width: usize, schema: Option<&Schema>, is_agent: bool) -> Result<Found, Missed> {
    let directories = directories(env::var_os("MANPATH"), env::var_os("PATH"));
    look_up_in(&directories, name, width, schema, is_agent)
}

fn look_up_in(
    directories: &[PathBuf],
    name: &str,
    width: usize,
    schema: Option<&Schema>,
    is_agent: bool,
) -> Result<Found, Missed> {
    let convert = |lines: Vec<String>| example::written(&lines, Types { schema, property: None });
    let wanted = Wanted::new(name);
    let mut missed = Missed::default();
    let mut pages = PAGES;
    // The agent's commands have names of their own; most of its types have not.
    pages.sort_by_key(|page| (is_agent || name.starts_with("guest-")) != (*page == AGENT));
    for page in pages {
        let Some(text) = read(directories, page) else { continue };
        // Later pages lack this newline where a list begins within a paragraph.
        let text = text.replace(".INDENT ", "\n.INDENT ").replace("\n\n.INDENT ", "\n.INDENT ");
        let manual = Page::new(&text);
        if let Some((text, described)) =
            manual.section(name, width, &convert).zip(manual.described(name, width, &convert))
        {
            let version = manual.version();
            let title = version.as_ref().map_or_else(String::new, |version| format!(", QEMU {version}"));
            return Ok(Found { title: format!("{page}(7){title}"), text, described, version });
        }
        missed.names.extend(manual.names().map(|(name, _)| name.to_owned()));
        if is_agent == (page == AGENT) {
            add_hits(&manual, &wanted, &mut missed.hits);
        }
    }
    missed.hits.sort();
    missed.hits.dedup_by(|a, b| a.name == b.name);
    Err(missed)
}

fn add_hits(manual: &Page<'_>, wanted: &Wanted, hits: &mut Vec<Hit>) {
    for (name, kind) in manual.names() {
        let is_in_name = wanted.is_in_name(name);
        if wanted.is_in(name, |is_there| manual.any_line(name, is_there)) {
            let about = manual.first_sentence(name);
            hits.push(Hit { is_in_text: !is_in_name, name: name.to_owned(), kind, about });
        }
    }
}

/// Words, or patterns of words, to look for in names and texts, in any case. All of them must be there.
pub(super) struct Wanted(Vec<Word>);

struct Word {
    word: String,
    pattern: Option<Pattern>,
}

impl Wanted {
    pub(super) fn new(words: &str) -> Self {
        let distinct: BTreeSet<String> = words.split_whitespace().map(str::to_lowercase).collect();
        Self(distinct.into_iter().map(Word::new).collect())
    }

    /// Returns true if a name has the words in it, or is as the patterns.
    pub(super) fn is_in_name(&self, name: &str) -> bool {
        self.0.iter().all(|word| word.is_in_name(name))
    }

    /// Returns true if a name and its text together have the words in them, or words that are as the patterns.
    /// `any_line` tells whether a line of the text is as its argument asks for.
    pub(super) fn is_in(&self, name: &str, any_line: impl Fn(&dyn Fn(&str) -> bool) -> bool) -> bool {
        self.0.iter().all(|word| word.is_in_name(name) || any_line(&|line| word.is_in_text(line)))
    }
}

impl Word {
    /// Of a word in lower case.
    fn new(word: String) -> Self {
        let pattern = Pattern::new(&word).ok().filter(Pattern::is_glob);
        Self { word, pattern }
    }

    fn is_in_name(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.pattern.as_ref().map_or_else(|| name.contains(&self.word), |pattern| pattern.matches(&name))
    }

    fn is_in_text(&self, text: &str) -> bool {
        let is_between = |c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_');
        match &self.pattern {
            Some(pattern) => {
                text.to_lowercase().split(is_between).any(|word| !word.is_empty() && pattern.matches(word))
            }
            None => text.to_lowercase().contains(&self.word),
        }
    }
}

/// Returns the directories of man pages: `$MANPATH`, in which an empty part stands for the rest; those beside the
/// programs; the usual ones.
fn directories(manpath: Option<OsString>, path: Option<OsString>) -> Vec<PathBuf> {
    let mut usual = Vec::new();
    for programs in path.iter().flat_map(env::split_paths) {
        if let Some(prefix) = programs.parent().filter(|_| programs.is_absolute()) {
            usual.extend([prefix.join("share/man"), prefix.join("man")]);
        }
    }
    usual.extend(["/usr/local/share/man", "/usr/share/man"].map(PathBuf::from));
    let Some(manpath) = manpath.filter(|manpath| !manpath.is_empty()) else { return usual };
    let listed = env::split_paths(&manpath);
    let expand = |path: PathBuf| if path.as_os_str().is_empty() { std::mem::take(&mut usual) } else { vec![path] };
    listed.flat_map(expand).collect()
}

/// Reads and unpacks the first readable page of that name.
fn read(directories: &[PathBuf], page: &str) -> Option<String> {
    directories.iter().find_map(|directory| {
        let file = directory.join("man7").join(format!("{page}.7"));
        let packed = file.with_extension("7.gz");
        read_to_end(|| File::open(&file)).or_else(|| read_to_end(|| File::open(&packed).map(GzDecoder::new)))
    })
}

fn read_to_end<R: Read>(open: impl FnOnce() -> std::io::Result<R>) -> Option<String> {
    let mut bytes = Vec::new();
    // A broken page counts as none.
    open().ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const PAGE: &str =
        ".TH \"QEMU-QMP-REF\" \"7\" \"May 25, 2026\" \"7.2.22\" \"QEMU\"\n.SS \\fBa\\-b\\fP (Command)\n.sp\nText.\n";

    fn put(directory: &Path, name: &str, bytes: &[u8]) {
        fs::create_dir_all(directory.join("man7")).unwrap();
        fs::write(directory.join("man7").join(name), bytes).unwrap();
    }

    #[test]
    fn the_first_page_with_the_name_is_read_packed_or_not() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let directories = [PathBuf::from("/nonexistent"), first.path().to_owned(), second.path().to_owned()];
        assert_eq!(look_up_in(&directories, "a-b", 80, None, false), Err(Missed::default()));
        put(second.path(), "qemu-qmp-ref.7", PAGE.as_bytes());
        let found = Found {
            title: "qemu-qmp-ref(7), QEMU 7.2.22".into(),
            text: "Text.\n".into(),
            described: Described {
                introduction: "Text.\n".into(),
                arguments: Some(Vec::new()),
                ..Described::default()
            },
            version: Some("7.2.22".into()),
        };
        assert_eq!(look_up_in(&directories, "a-b", 80, None, false), Ok(found));
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(PAGE.replace("Text", "Other text").as_bytes()).unwrap();
        put(first.path(), "qemu-qmp-ref.7.gz", &gz.finish().unwrap());
        assert_eq!(look_up_in(&directories, "a-b", 80, None, false).unwrap().text, "Other text.\n");
        let list = PAGE.replace("Text.", r"\fBx\fP (\fBint\fP) \-\- .INDENT 2.0") + ".IP \\(bu 2\none\n.UNINDENT\n";
        put(first.path(), "qemu-qmp-ref.7", list.as_bytes());
        assert_eq!(look_up_in(&directories, "a-b", 80, None, false).unwrap().text, "x (int) --\n  - one\n");
        fs::remove_file(first.path().join("man7/qemu-qmp-ref.7")).unwrap();
        // Broken: as if it were not there.
        put(first.path(), "qemu-qmp-ref.7.gz", b"\x1f\x8b\x08broken");
        assert_eq!(look_up_in(&directories, "a-b", 80, None, false).unwrap().text, "Text.\n");
        let missed = |word| look_up_in(&directories, word, 80, None, false).unwrap_err();
        assert_eq!(missed("c"), Missed { names: vec!["a-b".to_owned()], hits: Vec::new() });
        let hit = |is_in_text| Hit { is_in_text, name: "a-b".into(), kind: "Command", about: Some("Text".into()) };
        for (word, is_in_text) in
            [("a-", false), ("A*", false), ("TEXT", true), ("tex?", true), ("text a-", true), ("b A", false)]
        {
            assert_eq!(missed(word).hits, [hit(is_in_text)], "{word}");
        }
        assert_eq!(missed("tex").hits.len() + missed("t?t").hits.len(), 1);
        // The agent's own manual comes first for its commands.
        put(second.path(), "qemu-ga-ref.7", PAGE.replace("a\\-b", "guest\\-x").as_bytes());
        put(second.path(), "qemu-storage-daemon-qmp-ref.7", PAGE.replace("a\\-b", "guest\\-x").as_bytes());
        assert!(look_up_in(&directories, "guest-x", 80, None, false).unwrap().title.starts_with("qemu-ga-ref"));
    }

    #[test]
    fn pages_are_looked_for_in_manpath_and_beside_programs() {
        let check = |manpath: Option<&str>, path: Option<&str>, expected: &[&str]| {
            let found = directories(manpath.map(OsString::from), path.map(OsString::from));
            assert_eq!(found, expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{manpath:?} {path:?}");
        };
        check(None, None, &["/usr/local/share/man", "/usr/share/man"]);
        check(Some("/m:/n"), Some("/usr/bin"), &["/m", "/n"]);
        check(Some("/m:"), None, &["/m", "/usr/local/share/man", "/usr/share/man"]);
        check(
            Some(""),
            Some("/opt/q/bin:relative"),
            &["/opt/q/share/man", "/opt/q/man", "/usr/local/share/man", "/usr/share/man"],
        );
    }
}
