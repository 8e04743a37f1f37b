//! Joins physical lines to logical ones.

use super::ast::Line;
use super::error::SyntaxError;
use super::lexer::{Lexer, Words};
use super::parser::{parse_hmp, parse_read};

/// Joins lines while a bracket, a quote or a transaction is open.
///
/// It reads every byte once, however many lines are joined.
///
/// After a line `.hmp`, up to a line `.qmp`, lines are those of the human monitor: each becomes `.hmp LINE`, so that nothing in
/// it means anything to the shell. Lines that begin with a dot stay lines of the shell.
///
/// ```
/// use qmpsh::language::syntax::Assembler;
///
/// let mut assembler = Assembler::new();
/// assert!(assembler.push_line("query-block a=[1,").is_none());
/// let line = assembler.push_line("2]").unwrap();
/// assert_eq!((line.text(), line.first_line), ("query-block a=[1,\n2]", 1));
/// assert_eq!(line.parse().unwrap().len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct Assembler {
    lexer: Lexer,
    text: String,
    /// The number of physical lines seen.
    lines: usize,
    /// The number of the first line of `text`, if there is one.
    first_line: Option<usize>,
    dialect: Dialect,
}

/// The language of lines that do not begin with a dot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The shell's language.
    #[default]
    Qmp,
    /// That of the human monitor.
    Hmp,
}

/// One line of the language, of one or more physical lines.
#[derive(Clone, Debug)]
pub struct LogicalLine {
    text: String,
    /// The number of its first line, from 1.
    pub first_line: usize,
    dialect: Dialect,
    /// If it is of the shell's language.
    words: Words,
}

impl LogicalLine {
    /// Makes a line of a text, which is whole, and the number of its first line.
    pub fn new(text: impl Into<String>, first_line: usize, dialect: Dialect) -> Self {
        let text = text.into();
        let words = match dialect {
            Dialect::Qmp => Words::of(Lexer::read(&text)),
            Dialect::Hmp => Words::default(),
        };
        Self { text, first_line, dialect, words }
    }

    /// Returns the physical lines with newlines between them, none at the end. A line of the human monitor begins with `.hmp`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the dialect in which it was written. Without its `.hmp`, a line of the human monitor is what was typed.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Parses it as [`parse`](super::parse) does. A line of the human monitor has no pipeline.
    ///
    /// # Errors
    ///
    /// It is not a line of the language.
    pub fn parse(&self) -> Result<Vec<Line>, SyntaxError> {
        match self.dialect {
            Dialect::Qmp => parse_read(&self.text, &self.words),
            Dialect::Hmp => parse_hmp(&self.text),
        }
    }
}

impl Assembler {
    /// Returns an assembler before line 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an assembler before line 1, which is of this dialect.
    pub fn of(dialect: Dialect) -> Self {
        Self { dialect, ..Self::default() }
    }

    /// The dialect of the next line.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Sets the dialect of the next lines; a line that has begun keeps its own.
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// Adds a physical line (without a newline at its end), and returns the logical line if this ends it.
    pub fn push_line(&mut self, line: &str) -> Option<LogicalLine> {
        let mut line = line.strip_suffix('\n').unwrap_or(line);
        line = line.strip_suffix('\r').unwrap_or(line);
        self.lines += 1;
        if self.lines == 1 {
            // Editors on Windows begin a file with a byte order mark.
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        match self.first_line {
            Some(_) => self.text.push('\n'),
            None => {
                if self.dialect == Dialect::Hmp && !line.trim_start().starts_with('.') {
                    let text = if line.trim().is_empty() { String::new() } else { format!(".hmp {line}") };
                    return Some(LogicalLine::new(text, self.lines, Dialect::Hmp));
                }
                self.first_line = Some(self.lines);
            }
        }
        self.text.push_str(line);
        self.lexer.run(&self.text);
        if self.lexer.open().is_some() { None } else { self.finish() }
    }

    /// Returns true if a logical line has begun and is open.
    pub fn is_open(&self) -> bool {
        self.first_line.is_some()
    }

    /// Ends the input: returns the line that is still open. [`parse`](LogicalLine::parse) refuses it, and says what was opened where.
    pub fn finish(&mut self) -> Option<LogicalLine> {
        let first_line = self.first_line.take()?;
        let text = std::mem::take(&mut self.text);
        let mut lexer = std::mem::take(&mut self.lexer);
        lexer.finish(&text);
        match text.trim() {
            ".hmp" => self.dialect = Dialect::Hmp,
            // Here a comment may follow; after `.hmp` it would be a line of the monitor.
            text if is_alone(text, ".qmp") => self.dialect = Dialect::Qmp,
            _ => {}
        }
        Some(LogicalLine { text, first_line, dialect: Dialect::Qmp, words: Words::of(lexer) })
    }
}

fn is_alone(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| rest.is_empty() || (rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_while_something_is_open() {
        let check = |text: &str, expected: &[(usize, &str)]| {
            let mut assembler = Assembler::new();
            let mut lines: Vec<_> = text.split_inclusive('\n').filter_map(|line| assembler.push_line(line)).collect();
            lines.extend(assembler.finish());
            let lines: Vec<_> = lines.iter().map(|line| (line.first_line, line.text())).collect();
            assert_eq!(lines, expected, "{text:?}");
        };
        check("", &[]);
        check("a\nb\r\n\nc", &[(1, "a"), (2, "b"), (3, ""), (4, "c")]);
        check("\u{feff}a\n", &[(1, "a")]);
        check("a\nc x=[1,\n  2] y=1\nb\n", &[(1, "a"), (2, "c x=[1,\n  2] y=1"), (4, "b")]);
        check("c x=\"a\nb\"\nd", &[(1, "c x=\"a\nb\""), (3, "d")]);
        check("c x='a\nb' y='\n'\nd", &[(1, "c x='a\nb' y='\n'"), (4, "d")]);
        check("c x=it's\nd", &[(1, "c x=it's"), (2, "d")]);
        check("# it's [\nd", &[(1, "# it's ["), (2, "d")]);
        check("a | jq '[\nd", &[(1, "a | jq '["), (2, "d")]);
        check(".hmp info 'x [\nd", &[(1, ".hmp info 'x ["), (2, "d")]);
        check("{\n\"execute\":\"a\"}\nb", &[(1, "{\n\"execute\":\"a\"}"), (3, "b")]);
        check(
            "{\"execute\":\"a\"}{\n\"execute\":\"b\"}\nb",
            &[(1, "{\"execute\":\"a\"}{\n\"execute\":\"b\"}"), (3, "b")],
        );
        check(
            "{\n\"execute\":\"a\"\n}\n{\"execute\":\"b\"}",
            &[(1, "{\n\"execute\":\"a\"\n}"), (4, "{\"execute\":\"b\"}")],
        );
        check(".try {\n\"execute\":\"a\"}\nb", &[(1, ".try {\n\"execute\":\"a\"}"), (3, "b")]);
        check("transaction(\na # ) \n)\nb", &[(1, "transaction(\na # ) \n)"), (4, "b")]);
        check("transaction( a )\nb", &[(1, "transaction( a )"), (2, "b")]);
        check(".try transaction(\na x=[\n]; b )\nb", &[(1, ".try transaction(\na x=[\n]; b )"), (4, "b")]);
        check("c x=[[]\n{]]}\nb", &[(1, "c x=[[]\n{]]}"), (3, "b")]);
        check("c x=\"a\\\n\"\nb", &[(1, "c x=\"a\\\n\""), (3, "b")]);
        // JSON's strings cannot go on, so that line is over, and wrong.
        check("{\"execute\":\"a\nb", &[(1, "{\"execute\":\"a"), (2, "b")]);
        check("c x:=[\"a\nb", &[(1, "c x:=[\"a"), (2, "b")]);
        check("c x:=[\n1]\nb", &[(1, "c x:=[\n1]"), (3, "b")]);
        check("a\nc x=\"y\nz", &[(1, "a"), (2, "c x=\"y\nz")]);
    }

    #[test]
    fn lines_of_the_human_monitor_are_never_joined() {
        use Dialect::{Hmp, Qmp};
        let check = |dialect: Dialect, text: &str, expected: &[(usize, &str)], ends_in: Dialect| {
            let mut assembler = Assembler::of(dialect);
            let mut lines: Vec<_> = text.lines().filter_map(|line| assembler.push_line(line)).collect();
            lines.extend(assembler.finish());
            let lines: Vec<_> = lines.iter().map(|line| (line.first_line, line.text())).collect();
            assert_eq!((lines.as_slice(), assembler.dialect()), (expected, ends_in), "{text:?}");
        };
        check(Hmp, "info version\nprint 1 | 2\r\n", &[(1, ".hmp info version"), (2, ".hmp print 1 | 2")], Hmp);
        check(Hmp, "\n \t\na", &[(1, ""), (2, ""), (3, ".hmp a")], Hmp);
        check(Hmp, "a [{\n# 'x\nb", &[(1, ".hmp a [{"), (2, ".hmp # 'x"), (3, ".hmp b")], Hmp);
        check(Hmp, " .try a x=[\n1]\nb", &[(1, " .try a x=[\n1]"), (3, ".hmp b")], Hmp);
        check(
            Qmp,
            ".hmp\na x=[\n .qmp \na x=[\n]",
            &[(1, ".hmp"), (2, ".hmp a x=["), (3, " .qmp "), (4, "a x=[\n]")],
            Qmp,
        );
        check(Qmp, ".hmp info x\nb x=[\n]", &[(1, ".hmp info x"), (2, "b x=[\n]")], Qmp);
        check(Qmp, ".hmp\n.qmp # back\na", &[(1, ".hmp"), (2, ".qmp # back"), (3, "a")], Qmp);
        check(Hmp, ".qmp#\n.qmp x", &[(1, ".qmp#"), (2, ".qmp x")], Hmp);
        check(Hmp, "\u{feff}a", &[(1, ".hmp a")], Hmp);
        let dialect = |dialect, text: &str| Assembler::of(dialect).push_line(text).unwrap().dialect();
        assert_eq!((dialect(Hmp, "info x"), dialect(Hmp, ".hmp info x"), dialect(Qmp, ".hmp info x")), (Hmp, Qmp, Qmp));
    }

    #[test]
    fn lines_of_the_human_monitor_have_no_pipeline() {
        use super::super::Statement;
        let check = |typed: &str, expected: &[&str]| {
            let line = Assembler::of(Dialect::Hmp).push_line(typed).unwrap();
            let rest = |line: super::super::Line| match line.statement {
                Statement::Dot(dot) if dot.name.text == "hmp" && line.pipeline.is_none() => dot.rest.text,
                other => panic!("{other:?}"),
            };
            let lines: Vec<_> = line.parse().unwrap().into_iter().map(rest).collect();
            assert_eq!(lines, expected, "{typed:?}");
        };
        check("info block | grep x", &["info block | grep x"]);
        check("\t print  1 | 2\r\n", &["print  1 | 2"]);
        check("# 'x [{", &["# 'x [{"]);
        check("", &[]);
        check(" \t", &[]);
    }

    #[test]
    fn a_line_open_at_the_end_is_an_error_with_its_place() {
        let mut assembler = Assembler::new();
        assert!(assembler.push_line("a").is_some());
        assert!(assembler.push_line("c k=1 x=\"y").is_none());
        assert!(assembler.push_line("z").is_none());
        assert!(assembler.is_open());
        let line = assembler.finish().unwrap();
        assert!(!assembler.is_open());
        let error = line.parse().unwrap_err();
        assert_eq!(
            error.render(line.text(), Some("file"), line.first_line),
            "file:2:9: this quote \" is never closed\n  c k=1 x=\"y\n          ^\n  expected `\"`\n  \
             help: the line after it belongs to it, and was not run"
        );
    }

    #[test]
    fn what_is_never_closed_says_how_many_lines_it_took() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(crate::language::syntax::parse(text).unwrap_err().help.as_deref(), expected, "{text:?}");
        };
        check("transaction(", None);
        check("transaction(\n \n", None);
        check("transaction(\na x=1\nb\n\nc", Some("the 4 lines after it belong to it, and were not run"));
        check("{\"execute\": \"a\",\nb", Some("the line after it belongs to it, and was not run"));
        check(
            "c a=[1,\n2",
            Some("the line after it belongs to it, and was not run; to send it as text, quote it or write KEY==TEXT"),
        );
    }
}
