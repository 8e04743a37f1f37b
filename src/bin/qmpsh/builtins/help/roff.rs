//! Makes plain text of one section of a QEMU reference manual. No I/O.
//!
//! Sphinx and docutils write those pages with a few requests of roff, always in the same way. Only these are read. Up
//! to QEMU 9 each name has a heading `NAME (Command)`, as in 7.2's page; later ones have it as the tag of a paragraph,
//! `Command NAME (Since: 1.0)`.

use std::fmt::Write as _;

use crate::output::columns::hang;

/// The kinds of names.
const KINDS: [&str; 5] = ["Command", "Event", "Object", "Enum", "Alternate"];

/// The headings within a section.
const PARTS: [&str; 13] = [
    "Arguments",
    "Members",
    "Values",
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

/// How many columns the text of a tag is indented; the page has 7, which is wide for a terminal.
const STEP: usize = 4;

/// Returns the section of the page about `name`, in lines of at most `width` columns where words allow that.
pub(super) fn section(page: &str, name: &str, width: usize) -> Option<String> {
    let (first, lines) = section_lines(page, name)?;
    let mut text = Text::new(width);
    if !first.starts_with(".SS") {
        // All of the paragraph is the section, up to the next one of that kind.
        text.margin(0.0);
    }
    lines.for_each(|line| text.line(line));
    Some(text.finish())
}

/// Returns the heading of the section about `name`, and its other lines.
fn section_lines<'a>(page: &'a str, name: &str) -> Option<(&'a str, impl Iterator<Item = &'a str>)> {
    let mut lines = page.lines();
    let first = lines.find(|line| heading(line).as_deref() == Some(name))?;
    Some((first, lines.take_while(|line| !is_end(line))))
}

/// Returns the arguments that the page describes for `name`, with those of a type that it refers to, but without those
/// that depend on the value of another. `None` if the page does not tell all of them.
pub(super) fn arguments(page: &str, name: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    add_arguments(page, name, MOST_TYPES, &mut found)?;
    Some(found)
}

fn add_arguments(page: &str, name: &str, types_left: usize, found: &mut Vec<String>) -> Option<()> {
    let types_left = types_left.checked_sub(1)?;
    let (_, lines) = section_lines(page, name)?;
    // How deep a line is indented within the part that lists them: a list of them is one deep.
    let mut depth = None;
    for line in lines {
        let text = plain(line.trim_start_matches(".SS ").trim_start_matches(".B "));
        if depth.is_none() || line.starts_with(".SS ") {
            depth = matches!(text.as_str(), "Arguments" | "Members").then_some(0);
        } else if line.starts_with(".INDENT") {
            depth = depth.map(|depth| depth + 1);
        } else if line.starts_with(".UNINDENT") {
            depth = depth.and_then(|depth: usize| depth.checked_sub(1)).filter(|depth| *depth > 0);
        } else if depth == Some(1) {
            if let Some(ty) = text.strip_prefix("The members of ").filter(|_| !text.contains(" when ")) {
                add_arguments(page, ty.trim_end_matches('.'), types_left, found)?;
            } else if line.trim_start_matches(".B ").starts_with("\\fB") {
                // A tag is `NAME: TYPE`; in later pages an entry of a list begins with `NAME (TYPE)`.
                let (name, rest) = text.split_at(text.find([':', ' ']).unwrap_or(text.len()));
                if rest.starts_with(if line.starts_with(".B ") { ": " } else { " (" }) {
                    found.push(name.to_owned());
                }
            }
        }
    }
    Some(())
}

/// Returns the names that have a section.
pub(super) fn names(page: &str) -> impl Iterator<Item = String> {
    page.lines().filter_map(heading)
}

/// Returns the version of QEMU that the page is about.
pub(super) fn version(page: &str) -> Option<String> {
    let title = page.lines().find_map(|line| line.strip_prefix(".TH "))?;
    // Name, section, date, version, manual.
    let version = title.split('"').skip(1).step_by(2).nth(3)?;
    (!version.is_empty()).then(|| plain(version))
}

/// Returns the name of the section that this line begins.
fn heading(line: &str) -> Option<String> {
    if let Some(title) = line.strip_prefix(".SS ") {
        let title = plain(title);
        let (name, kind) = title.strip_suffix(')')?.rsplit_once(" (")?;
        return KINDS.contains(&kind).then(|| name.to_owned());
    }
    let title = plain(line.strip_prefix(".B ")?);
    let mut words = title.split_whitespace();
    let (kind, name) = (words.next()?, words.next()?);
    let is_heading = KINDS.contains(&kind) && words.next().is_none_or(|word| word.starts_with('('));
    is_heading.then(|| name.to_owned())
}

/// Returns true if a section ends before this line.
fn is_end(line: &str) -> bool {
    line.starts_with(".SH")
        || heading(line).is_some()
        || line.strip_prefix(".SS ").is_some_and(|title| !PARTS.contains(&plain(title).trim()))
}

/// The text so far, and the paragraph that is being read.
#[derive(Default)]
struct Text {
    width: usize,
    out: String,
    /// The column where tags and paragraphs begin, and those outside.
    margin: usize,
    outside: Vec<usize>,
    /// The column where the text of the paragraph begins.
    indent: usize,
    /// The bullet of a list, which stands before the next paragraph.
    marker: Option<String>,
    words: String,
    verbatim: bool,
    /// The next line is a tag.
    tag: bool,
}

impl Text {
    fn new(width: usize) -> Self {
        Self { width: width.max(40), ..Self::default() }
    }

    fn line(&mut self, line: &str) {
        let (request, rest) = match line.strip_prefix(['.', '\'']) {
            Some(request) => request.split_once(' ').unwrap_or((request, "")),
            None => ("", line),
        };
        match request {
            "nf" | "EX" => {
                self.paragraph();
                self.verbatim = true;
            }
            "fi" | "EE" => self.verbatim = false,
            "" if self.verbatim => self.push(self.indent, &plain(rest)),
            "" | "B" | "I" | "BR" if self.tag => {
                self.tag = false;
                self.push(self.margin, &plain(rest));
                self.indent = self.margin + STEP;
            }
            "" | "B" | "I" | "BR" => {
                self.words.push_str(&plain(rest));
                self.words.push(' ');
            }
            "SS" => {
                self.paragraph();
                self.blank();
                (self.margin, self.indent) = (0, 0);
                self.outside.clear();
                self.push(0, &format!("{}:", plain(rest)));
                self.margin(2.0);
            }
            "sp" | "PP" => {
                self.paragraph();
                self.blank();
            }
            "TP" => {
                self.paragraph();
                self.tag = true;
            }
            "IP" => {
                self.paragraph();
                let (marker, room) = rest.rsplit_once(' ').unwrap_or((rest, "2"));
                self.marker = Some(plain(marker.trim_matches('"')));
                self.indent = self.margin + room.trim().parse().unwrap_or(2).min(STEP);
            }
            "INDENT" => {
                self.paragraph();
                self.outside.push(self.margin);
                self.margin(rest.trim().parse().unwrap_or(0.0));
            }
            "UNINDENT" => {
                self.paragraph();
                self.margin = self.outside.pop().unwrap_or(0);
                self.indent = self.margin;
            }
            _ => {}
        }
    }

    /// Indents the margin.
    fn margin(&mut self, by: f32) {
        self.margin += match by {
            by if by <= 0.0 => 0,
            by if by <= 2.0 => 2,
            _ => STEP,
        };
        self.indent = self.margin;
    }

    /// Ends the paragraph.
    fn paragraph(&mut self) {
        let words: Vec<&str> = self.words.split_whitespace().collect();
        let marker = self.marker.take().unwrap_or_default();
        let indent = " ".repeat(self.indent);
        let first = match &*marker {
            "" => indent.clone(),
            marker => format!("{marker:>width$} ", width = self.indent.saturating_sub(1)),
        };
        if words.is_empty() && !marker.is_empty() {
            self.push(0, &first);
        } else if !words.is_empty() {
            let lines = hang(&format!("{first}{}", words.join(" ")), indent.len(), self.width);
            self.push(0, &lines);
        }
        self.words.clear();
    }

    fn push(&mut self, column: usize, line: &str) {
        let line = line.trim_end();
        if line.is_empty() {
            self.blank();
        } else {
            // Writing to memory cannot fail.
            let _ = writeln!(self.out, "{}{line}", " ".repeat(column));
        }
    }

    /// Adds an empty line, but not at the beginning.
    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") && !self.out.ends_with(":\n") {
            self.out.push('\n');
        }
    }

    fn finish(mut self) -> String {
        self.paragraph();
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
        self.out
    }
}

/// Returns the text without its escapes. Source: `groff_char(7)`, for those that docutils writes.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let mut chars = rest[at + 1..].chars();
        match chars.next() {
            Some('f') => skip_font(&mut chars),
            Some('(') => {
                let name: String = chars.by_ref().take(2).collect();
                out.push_str(match name.as_str() {
                    "aq" | "cq" | "oq" => "'",
                    "dq" | "lq" | "rq" => "\"",
                    "ga" => "`",
                    "ha" => "^",
                    "ti" => "~",
                    "rs" => "\\",
                    "em" => "--",
                    "bu" | "en" | "mi" => "-",
                    _ => "",
                });
            }
            Some('e' | '\\') => out.push('\\'),
            Some(c @ ('-' | ' ' | '.' | '\'' | '`')) => out.push(c),
            // `\&`, `\%` and others that show nothing.
            _ => {}
        }
        rest = chars.as_str();
    }
    out + rest
}

/// Skips the name of a font: one letter, or two behind a bracket.
fn skip_font(chars: &mut std::str::Chars<'_>) {
    if chars.next() == Some('(') {
        chars.nth(1);
    }
}

#[cfg(test)]
#[path = "roff_tests.rs"]
mod tests;
