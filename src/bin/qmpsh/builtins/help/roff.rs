//! Makes plain text of a part of a QEMU reference manual. No I/O.
//!
//! Sphinx and docutils write those pages with a few requests of roff, always in the same way. Only these are read.

use std::fmt::Write as _;

use crate::output::columns::hang;

/// How many columns the text of a tag is indented; the page has 7, which is wide for a terminal.
const STEP: usize = 4;

/// Converts the lines of an example.
pub(super) type Convert<'a> = &'a dyn Fn(Vec<String>) -> Vec<String>;

/// The text so far, and the paragraph that is being read.
pub(super) struct Text<'c> {
    width: usize,
    convert: Convert<'c>,
    out: String,
    /// The column where tags and paragraphs begin, and those outside.
    margin: usize,
    outside: Vec<usize>,
    /// The column where the text of the paragraph begins.
    indent: usize,
    /// The bullet of a list, which stands before the next paragraph.
    marker: Option<String>,
    words: String,
    /// The lines of the example that is being read.
    verbatim: Option<Vec<String>>,
    /// The next line is a tag.
    tag: bool,
}

impl<'c> Text<'c> {
    /// Makes text of these lines, in lines of at most `width` columns where words allow that.
    pub(super) fn of(lines: &[&str], width: usize, convert: Convert<'c>) -> String {
        let mut text = Self {
            width: width.max(20),
            convert,
            out: String::new(),
            margin: 0,
            outside: Vec::new(),
            indent: 0,
            marker: None,
            words: String::new(),
            verbatim: None,
            tag: false,
        };
        for line in lines {
            text.line(line);
        }
        text.finish()
    }

    fn line(&mut self, line: &str) {
        let (request, rest) = match line.strip_prefix(['.', '\'']) {
            Some(request) => request.split_once(' ').unwrap_or((request, "")),
            None => ("", line),
        };
        match request {
            "nf" | "EX" => {
                self.paragraph();
                self.verbatim.get_or_insert_default();
            }
            "fi" | "EE" => self.end_example(),
            "" if let Some(lines) = &mut self.verbatim => lines.push(plain(rest)),
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

    fn end_example(&mut self) {
        let Some(lines) = self.verbatim.take() else { return };
        for line in (self.convert)(lines) {
            self.push(self.indent, &line);
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
        self.end_example();
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
        self.out
    }
}

/// Returns the text without its escapes. Source: `groff_char(7)`, for those that docutils writes.
pub(super) fn plain(text: &str) -> String {
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
