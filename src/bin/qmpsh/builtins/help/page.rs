//! One reference manual: where each name stands, and what it says about the parts of a command. No I/O.
//!
//! Up to QEMU 9 each name has a heading `NAME (Command)`, as in 7.2's page; later ones have it as the tag of a paragraph,
//! `Command NAME (Since: 1.0)`.

use std::collections::HashMap;

use super::roff::{Convert, Text, plain};

/// The kinds of names.
const KINDS: [&str; 5] = ["Command", "Event", "Object", "Enum", "Alternate"];

/// The headings within a section.
const PARTS: [&str; 15] = [
    "Arguments",
    "Members",
    "Values",
    "Alternatives",
    "Return",
    "Returns",
    "Errors",
    "Features",
    "Since",
    "Example",
    "Examples",
    "Note",
    "Notes",
    "TODO",
    "If",
];

/// How many types may refer to each other.
const MOST_TYPES: usize = 8;

/// The most texts of members that are gathered for a name. `blockdev-add` has 600.
const MOST_TEXTS: usize = 20_000;

/// A page of roff.
pub(super) struct Page<'p> {
    lines: Vec<&'p str>,
    /// The names in order, each with its kind and the line of its heading.
    sections: Vec<(String, &'static str, usize)>,
    by_name: HashMap<String, usize>,
}

/// What a section says, in its parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// The text before the parts.
    pub(super) introduction: String,
    /// What it says of the result.
    pub(super) result: String,
    /// The other parts, each with its heading, which may be empty.
    pub(super) parts: Vec<(String, String)>,
    /// The version of QEMU that has had it first.
    pub(super) since: Option<String>,
    /// The arguments that it describes; `None` if it does not tell all of them.
    pub(super) arguments: Option<Vec<String>>,
    /// What it says of each argument.
    pub(super) argument_texts: Texts,
    /// What it says of each member of the result.
    pub(super) result_texts: Texts,
}

/// What a page says of the members of an object, each paragraph on one line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Texts(HashMap<(String, String), String>);

impl Texts {
    /// Returns the text for the member at `path`, within the branch for these values of the tag at the other path.
    pub(super) fn get(&self, branch: Option<(&str, &str)>, path: &str) -> Option<&str> {
        let cases =
            branch.into_iter().flat_map(|(tag, cases)| cases.split(", ").map(move |case| format!("{tag}={case}")));
        let mut keys = cases.chain([String::new()]);
        keys.find_map(|branch| self.0.get(&(branch, path.to_owned()))).map(String::as_str)
    }
}

/// A member, as a page lists it.
enum Entry<'p> {
    Member {
        name: String,
        ty: String,
        text: Vec<&'p str>,
    },
    /// The members of this type, with this value of a tag.
    MembersOf {
        ty: String,
        case: Option<(String, String)>,
    },
}

impl<'p> Page<'p> {
    pub(super) fn new(page: &'p str) -> Self {
        let lines: Vec<&str> = page.lines().collect();
        let mut sections = Vec::new();
        let mut by_name = HashMap::new();
        for (at, line) in lines.iter().enumerate() {
            if let Some((name, kind)) = heading(line) {
                by_name.entry(name.clone()).or_insert(sections.len());
                sections.push((name, kind, at));
            }
        }
        Self { lines, sections, by_name }
    }

    /// Returns the names that have a section, in order, each with its kind: `Command`, `Event`, `Object`, `Enum`, `Alternate`.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.sections.iter().map(|(name, kind, _)| (name.as_str(), *kind))
    }

    /// Returns the version of QEMU that the page is about.
    pub(super) fn version(&self) -> Option<String> {
        let title = self.lines.iter().find_map(|line| line.strip_prefix(".TH "))?;
        // Name, section, date, version, manual.
        let version = title.split('"').skip(1).step_by(2).nth(3)?;
        (!version.is_empty()).then(|| plain(version))
    }

    /// Returns the heading of the section about `name`, and its other lines.
    fn lines_of(&self, name: &str) -> Option<(&'p str, &[&'p str])> {
        let (.., at) = self.sections[*self.by_name.get(name)?];
        let rest = &self.lines[at + 1..];
        let end = rest.iter().position(|line| is_end(line)).unwrap_or(rest.len());
        Some((self.lines[at], &rest[..end]))
    }

    /// Returns all of the section about `name`, in lines of at most `width` columns where words allow that.
    pub(super) fn section(&self, name: &str, width: usize, convert: Convert<'_>) -> Option<String> {
        let (_, lines) = self.lines_of(name)?;
        Some(Text::of(lines, width, convert))
    }

    /// Returns the first sentence of the section about `name`; `None` if it begins with no text.
    pub(super) fn first_sentence(&self, name: &str) -> Option<String> {
        let (.., lines) = self.lines_of(name)?;
        let is_text = |line: &&&str| !line.is_empty() && !line.starts_with(['.', '\'']);
        let first: Vec<_> =
            lines.iter().skip_while(|line| line.is_empty() || **line == ".sp").take_while(is_text).collect();
        let text = first.iter().map(|line| plain(line)).collect::<Vec<_>>().join(" ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = text.find(". ").unwrap_or(text.len());
        let sentence = text[..end].trim_end_matches(['.', ':']);
        (!sentence.is_empty()).then(|| sentence.to_owned())
    }

    /// Returns true if a line of the section about `name` is as wanted. It gets the text without escapes.
    pub(super) fn any_line(&self, name: &str, mut is_wanted: impl FnMut(&str) -> bool) -> bool {
        let lines = self.lines_of(name).map_or(&[][..], |(_, lines)| lines);
        lines.iter().any(|line| is_wanted(&plain(line)))
    }

    /// Returns what the section about `name` says, in its parts.
    pub(super) fn described(&self, name: &str, width: usize, convert: Convert<'_>) -> Option<Described> {
        let (first, lines) = self.lines_of(name)?;
        let mut found = Described { arguments: self.arguments(name), since: since(first), ..Described::default() };
        self.add_texts(name, "", "", MOST_TYPES, &mut found.argument_texts);
        for (heading, lines) in split(first, lines) {
            match &*heading {
                "Arguments" | "Members" | "If" => {}
                "" if found.introduction.is_empty() && found.parts.is_empty() => {
                    found.introduction = Text::of(&lines, width, convert);
                }
                "Since" => found.since = Some(Text::of(&lines, usize::MAX, convert).trim().to_owned()),
                "Return" | "Returns" => {
                    let (ty, text) = result(&lines);
                    found.result = text;
                    let of = ty.filter(|ty| self.is_object(ty));
                    if let Some(ty) = of {
                        self.add_texts(&ty, "", "", MOST_TYPES, &mut found.result_texts);
                    }
                }
                _ => {
                    let text = dedented(&Text::of(&lines, width.saturating_sub(2), convert));
                    if !text.is_empty() {
                        found.parts.push((heading, text));
                    }
                }
            }
        }
        Some(found)
    }

    /// Returns the arguments that the page describes for `name`, with those of a type that it refers to, but without those
    /// that depend on the value of another. `None` if the page does not tell all of them.
    fn arguments(&self, name: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        self.add_arguments(name, MOST_TYPES, &mut found)?;
        Some(found)
    }

    fn add_arguments(&self, name: &str, types_left: usize, found: &mut Vec<String>) -> Option<()> {
        let types_left = types_left.checked_sub(1)?;
        self.lines_of(name)?;
        for entry in self.entries(name) {
            match entry {
                Entry::Member { name, .. } => found.push(name),
                Entry::MembersOf { ty, case: None } => self.add_arguments(&ty, types_left, found)?,
                Entry::MembersOf { .. } => {}
            }
        }
        Some(())
    }

    /// Adds the texts of the members of `name`, whose paths begin with `at`, with those of the objects within them.
    fn add_texts(&self, name: &str, branch: &str, at: &str, types_left: usize, texts: &mut Texts) {
        let Some(types_left) = types_left.checked_sub(1) else { return };
        for entry in self.entries(name) {
            if texts.0.len() >= MOST_TEXTS {
                return;
            }
            match entry {
                Entry::Member { name, ty, text } => {
                    let path = format!("{at}{name}");
                    let text = Text::of(&text, usize::MAX, &|lines| lines);
                    // QEMU's generator writes this if the source has no text.
                    let text = Some(text.trim()).filter(|text| *text != "Not documented").unwrap_or_default();
                    texts.0.entry((branch.to_owned(), path.clone())).or_insert_with(|| text.to_owned());
                    let (ty, index) = element(&ty);
                    if self.is_object(ty) {
                        self.add_texts(ty, branch, &format!("{path}.{index}"), types_left, texts);
                    }
                }
                Entry::MembersOf { ty, case } => {
                    let case = case.map(|(tag, case)| format!("{at}{tag}={case}"));
                    self.add_texts(&ty, case.as_deref().unwrap_or(branch), at, types_left, texts);
                }
            }
        }
    }

    fn is_object(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|at| self.sections[*at].1 == "Object")
    }

    /// Returns the members that the section about `name` lists.
    fn entries(&self, name: &str) -> Vec<Entry<'p>> {
        let Some((first, lines)) = self.lines_of(name) else { return Vec::new() };
        let parts =
            split(first, lines).into_iter().filter(|(heading, _)| matches!(&**heading, "Arguments" | "Members"));
        let mut found: Vec<Entry<'p>> = Vec::new();
        for (_, lines) in parts {
            // How deep a line is indented: a list of them is one deep.
            let mut depth = 0_usize;
            let mut begins = false;
            for line in lines {
                if line.starts_with(".INDENT") {
                    depth += 1;
                } else if line.starts_with(".UNINDENT") {
                    depth = depth.saturating_sub(1);
                }
                let is_begin = depth == 1 && (line == ".TP" || line.starts_with(".IP "));
                if is_begin {
                    begins = true;
                } else if begins && depth == 1 {
                    begins = false;
                    found.extend(entry(line));
                } else if depth > 0
                    && let Some(Entry::Member { text, .. }) = found.last_mut()
                {
                    text.push(line);
                }
            }
        }
        found
    }
}

/// Reads the line that begins a member: the tag `NAME: TYPE`, or in later pages the paragraph `NAME (TYPE) -- TEXT`.
fn entry(line: &str) -> Option<Entry<'_>> {
    let is_tag = line.starts_with(".B ");
    let line = line.trim_start_matches(".B ");
    let (head, text) = line.split_once("\\-\\- ").map_or((line, None), |(head, text)| (head, Some(text)));
    let head = plain(head);
    if head.contains("The members of ") {
        let ty = head.split("The members of ").nth(1)?.split([' ', '.']).next()?.to_owned();
        let when = head.split_once("When ").or_else(|| head.split_once(" when "));
        let case = when.and_then(|(_, when)| {
            let (tag, case) = when.split_once(" is ")?;
            Some((tag.to_owned(), case.split(':').next()?.trim_matches('"').trim().to_owned()))
        });
        return Some(Entry::MembersOf { ty, case });
    }
    let member = |name: &str, ty: &str| {
        let ty = ty.trim_end_matches(" (optional)").trim_end_matches(", optional").trim();
        Some(Entry::Member { name: name.to_owned(), ty: ty.to_owned(), text: text.into_iter().collect() })
    };
    if is_tag {
        let (name, ty) = head.split_once(": ")?;
        return member(name, ty);
    }
    let (name, ty) = head.split_once(" (").filter(|_| line.starts_with("\\fB"))?;
    member(name, ty.split_once(')')?.0)
}

/// Returns the type of the elements if the type is a list, and what its path adds.
fn element(ty: &str) -> (&str, &'static str) {
    let inner = ty.strip_prefix("array of ").or_else(|| ty.strip_prefix('[')?.strip_suffix(']'));
    inner.map_or((ty, ""), |ty| (ty, "0."))
}

/// Returns the type that a text about the result names, and the text: `TYPE -- text` in later pages.
fn result(lines: &[&str]) -> (Option<String>, String) {
    let text = Text::of(lines, usize::MAX, &|lines| lines);
    let bold = lines.iter().find_map(|line| line.split("\\fB").find(|part| part.starts_with(char::is_uppercase)));
    let ty = bold.and_then(|part| part.split("\\fP").next()).map(plain);
    let text = dedented(&text);
    let is_type = |text: &str| !text.trim().contains(' ');
    let text = match text.split_once(" -- ") {
        Some((first, rest)) if is_type(first) => rest,
        None if is_type(&text) => "",
        _ => &text,
    };
    (ty, text.trim().to_owned())
}

/// Splits a section into its parts, each with its heading. The text before, between and behind them has none.
fn split<'p>(first: &str, lines: &[&'p str]) -> Vec<(String, Vec<&'p str>)> {
    let mut parts = vec![(String::new(), Vec::new())];
    if first.starts_with(".SS") {
        for line in lines {
            match line.strip_prefix(".SS ") {
                Some(heading) => parts.push((plain(heading), Vec::new())),
                None => push(&mut parts, line),
            }
        }
        return parts;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let begins = |at: usize| lines[at..].iter().position(|line| !line.is_empty()).map(|more| at + more);
        if line.starts_with(".INDENT") {
            // A part is indented, an example twice.
            let inner = lines[at..].iter().position(|line| !line.is_empty() && !line.starts_with(".INDENT"));
            let example = inner.and_then(|more| Some((at + more, lines[at + more].strip_prefix(".IP \"Example")?)));
            if let Some((inner, heading)) = example.filter(|_| depth == 0) {
                depth += lines[at..inner].iter().filter(|line| line.starts_with(".INDENT")).count();
                parts.push((format!("Example{}", plain(heading.trim_end_matches([':', '"']))), Vec::new()));
                at = inner + 1;
                continue;
            }
            depth += 1;
        } else if line.starts_with(".UNINDENT") {
            // The list of names ends.
            let Some(less) = depth.checked_sub(1) else { break };
            depth = less;
            if depth == 0 && !parts.last().is_some_and(|(heading, _)| heading.is_empty()) {
                push(&mut parts, line);
                parts.push((String::new(), Vec::new()));
                at += 1;
                continue;
            }
        } else if depth == 1
            && *line == ".TP"
            && let Some(tag) = begins(at + 1)
            && let Some(heading) = lines[tag].strip_prefix(".B ").map(plain).filter(|name| PARTS.contains(&&**name))
        {
            parts.push((heading, Vec::new()));
            at = tag + 1;
            continue;
        }
        push(&mut parts, line);
        at += 1;
    }
    parts
}

fn push<'p>(parts: &mut [(String, Vec<&'p str>)], line: &&'p str) {
    if let Some((_, lines)) = parts.last_mut() {
        lines.push(line);
    }
}

/// Removes the indentation that all lines have.
fn dedented(text: &str) -> String {
    let indent = text.lines().filter(|line| !line.is_empty()).map(|line| line.len() - line.trim_start().len());
    let indent = indent.min().unwrap_or(0);
    let lines: Vec<&str> = text.lines().map(|line| line.get(indent..).unwrap_or_default()).collect();
    lines.join("\n").trim().to_owned()
}

/// Returns the version in the heading of a section.
fn since(heading: &str) -> Option<String> {
    let (_, since) = heading.split_once("(Since: ")?;
    Some(plain(since.trim_end().trim_end_matches(')')))
}

/// Returns the name and the kind of the section that this line begins.
fn heading(line: &str) -> Option<(String, &'static str)> {
    let kind = |kind: &str| KINDS.into_iter().find(|known| *known == kind);
    if let Some(title) = line.strip_prefix(".SS ") {
        let title = plain(title);
        let (name, of) = title.strip_suffix(')')?.rsplit_once(" (")?;
        return Some((name.to_owned(), kind(of)?));
    }
    let title = plain(line.strip_prefix(".B ")?);
    let mut words = title.split_whitespace();
    let (of, name) = (kind(words.next()?)?, words.next()?);
    words.next().is_none_or(|word| word.starts_with('(')).then(|| (name.to_owned(), of))
}

/// Returns true if a section ends before this line.
fn is_end(line: &str) -> bool {
    line.starts_with(".SH")
        || heading(line).is_some()
        || line.strip_prefix(".SS ").is_some_and(|title| !PARTS.contains(&plain(title).trim()))
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
