//! Formats results: which bytes of a reply, in which form.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::ops::Range;

use bytes::Bytes;
use jiff::tz::TimeZone;

use crate::cli::{ColorMode, OutputMode};
use crate::output::color::{Colors, Tint};
use crate::output::columns::size_of;
use crate::output::event_line;
use crate::output::table::{Style, Table, title};
use qmpsh::json::{self, Document, Indenter, compact};
use qmpsh::message::{Event, Reply};
use qmpsh::text;

/// Bytes of a large result that are indented at once.
const CHUNK: usize = 64 * 1024;

/// What is printed of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The `return` value, on one line.
    Json,
    /// The `return` value, indented.
    Pretty,
    /// The `return` value as columns of text.
    Table,
    /// The whole reply, on one line.
    Raw,
}

/// Prints replies in one form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Renderer {
    /// The mode that the user chose.
    pub(crate) mode: OutputMode,
    pub(crate) form: Form,
    /// True if it goes to a terminal, where control characters are escaped.
    pub(crate) terminal: bool,
    pub(crate) colors: Colors,
    /// True if a text, such as that of the human monitor, is shown as text and not as JSON.
    pub(crate) plain_text: bool,
    /// True if empty objects are not printed, except by [`Form::Raw`].
    pub(crate) quiet: bool,
}

impl Renderer {
    /// Returns this form for stderr, which may not be a terminal.
    pub(crate) fn for_stderr(self) -> Self {
        Self { terminal: std::io::stderr().is_terminal(), colors: self.colors.for_stderr(), ..self }
    }

    /// For a pipeline.
    pub(crate) const PIPELINE: Self = Self {
        mode: OutputMode::Json,
        form: Form::Json,
        terminal: false,
        colors: Colors::OFF,
        plain_text: true,
        quiet: false,
    };

    /// For stdout, by `-o` and `--color` and by whether it is a terminal.
    pub(crate) fn new(output: OutputMode, color: ColorMode, quiet: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let form = match output {
            OutputMode::Auto if terminal => Form::Pretty,
            OutputMode::Auto | OutputMode::Json => Form::Json,
            OutputMode::Pretty => Form::Pretty,
            OutputMode::Table => Form::Table,
            OutputMode::Raw => Form::Raw,
        };
        let plain_text = !matches!(output, OutputMode::Json | OutputMode::Raw);
        Self { mode: output, form, terminal, colors: Colors::of_stdout(color), plain_text, quiet }
    }

    /// Returns true if the result of this reply is not to be printed.
    pub(crate) fn omits(self, reply: &Reply) -> bool {
        let is_empty = |result: Bytes| {
            let inner = result.trim_ascii().strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
            inner.is_some_and(|inner| inner.trim_ascii().is_empty())
        };
        self.omits_empty() && reply.result().is_some_and(is_empty)
    }

    /// Returns true if empty objects are not to be printed.
    pub(crate) fn omits_empty(self) -> bool {
        self.quiet && self.form != Form::Raw
    }

    /// Formats the result of a command; with [`Form::Raw`] the whole reply of any command.
    ///
    /// `own_id` is the id in the user's JSON line. Without one the id is left out of the reply.
    pub(crate) fn reply(self, reply: &Reply, own_id: Option<&str>) -> Pieces {
        if self.plain_text
            && let Some(text) = human_readable_text(&reply.result().unwrap_or_default())
        {
            return self.table(&text);
        }
        match self.form {
            Form::Json => self.on_one_line(reply.result().unwrap_or_default()),
            Form::Pretty => self.indented(reply.result().unwrap_or_default()),
            Form::Table => self.table(&reply.result().unwrap_or_default()),
            Form::Raw => self.joined_on_one_line(reply.with_id(own_id.map(str::as_bytes))),
        }
    }

    /// How many columns a text may have: those of the terminal, or 80.
    pub(crate) fn width(self) -> usize {
        if self.terminal { terminal_width() } else { 80 }
    }

    /// Formats a value of a built-in command as if the peer had returned it.
    pub(crate) fn value(self, json: String) -> Pieces {
        let value = Bytes::from(json);
        match self.form {
            Form::Json => self.on_one_line(value),
            Form::Raw => {
                self.joined_on_one_line([Bytes::from_static(b"{\"return\": "), value, Bytes::from_static(b"}")])
            }
            Form::Pretty => self.indented(value),
            Form::Table => self.table(&value),
        }
    }

    /// Formats a text, escaped for a terminal. Adds a newline if it has none at its end.
    pub(crate) fn text(self, text: &str) -> Pieces {
        let mut shown = if self.terminal { text::lines(text).into_owned() } else { text.to_owned() };
        if !shown.ends_with('\n') {
            shown.push('\n');
        }
        Pieces::drawn(shown)
    }

    /// Formats a line that stands above a result.
    pub(crate) fn heading(self, text: &str) -> Pieces {
        Pieces::Parts(vec![Bytes::from(self.colors.paint(Tint::Heading, text) + "\n")].into_iter())
    }

    /// Formats an empty result, for a command whose reply was lost with the connection that it closed.
    pub(crate) fn empty(self, own_id: Option<&str>) -> Pieces {
        let shown = match (self.form, own_id) {
            (Form::Json | Form::Pretty | Form::Table, _) => "{}".to_owned(),
            (Form::Raw, None) => r#"{"return": {}}"#.to_owned(),
            (Form::Raw, Some(id)) => format!(r#"{{"return": {{}}, "id": {id}}}"#),
        };
        self.on_one_line(Bytes::from(shown))
    }

    /// Appends an event to `out`, on a line.
    pub(crate) fn event(self, event: &Event, out: &mut Vec<u8>) {
        let line = compact(event.bytes());
        let line = if self.terminal { Cow::Owned(json::escape(&line).into_owned()) } else { line };
        match self.name_of(&line) {
            Some(name) => {
                out.extend_from_slice(&line[..name.start]);
                out.extend_from_slice(
                    self.colors.paint(Tint::Event, &String::from_utf8_lossy(&line[name.clone()])).as_bytes(),
                );
                out.extend_from_slice(&line[name.end..]);
            }
            None => out.extend_from_slice(&line),
        }
        out.push(b'\n');
    }

    /// Formats an event for a person, without a newline at the end; wrapped to the width of a terminal.
    pub(crate) fn event_line(self, event: &Event) -> String {
        let width = if self.terminal { terminal_width() } else { usize::MAX };
        event_line::line(event, TimeZone::system(), width, self.colors)
    }

    /// Formats an event as the result of a command.
    pub(crate) fn event_result(self, event: &Event) -> Pieces {
        let whole = event.bytes().clone();
        match self.form {
            Form::Json | Form::Raw => self.on_one_line(whole),
            Form::Pretty => self.indented(whole),
            Form::Table => self.table(&whole),
        }
    }

    /// The range of the name of an event, if it gets a color.
    fn name_of(self, event: &[u8]) -> Option<Range<usize>> {
        // Forms for programs have no colors.
        let has_color = self.colors.are_on() && (self.terminal || matches!(self.form, Form::Pretty | Form::Table));
        if has_color { Document::parse(event).ok()?.range("event") } else { None }
    }

    /// Returns true if results are for a person at a terminal, and not JSON.
    pub(crate) fn is_for_person(self) -> bool {
        self.terminal && self.plain_text
    }

    /// Formats a list of objects as a table with all its columns, below a line with a title.
    pub(crate) fn rows(self, heading: Option<&str>, list: String) -> Pieces {
        let style = self.style();
        let heading = heading.map(|heading| title(heading, style)).unwrap_or_default();
        let rows = Pieces::Table(Box::new(Table::with_all_columns(&Bytes::from(list), style))).whole();
        Pieces::Parts(vec![Bytes::from(heading), rows].into_iter())
    }

    fn table(self, value: &Bytes) -> Pieces {
        Pieces::Table(Box::new(Table::new(value, self.style())))
    }

    fn style(self) -> Style {
        Style { terminal: self.terminal, width: self.terminal.then(terminal_width), colors: self.colors }
    }

    fn on_one_line(self, value: Bytes) -> Pieces {
        Pieces::Line([self.safe(rewritten(value, compact)), Bytes::from_static(b"\n")].into_iter())
    }

    fn joined_on_one_line(self, parts: [Bytes; 3]) -> Pieces {
        let parts = parts.into_iter().map(|part| self.safe(rewritten(part, compact)));
        Pieces::Parts(parts.chain([Bytes::from_static(b"\n")]).collect::<Vec<_>>().into_iter())
    }

    fn indented(self, value: Bytes) -> Pieces {
        Pieces::Indented { left: self.safe(value), indenter: Some(Indenter::new()), colors: self.colors }
    }

    fn safe(self, bytes: Bytes) -> Bytes {
        if self.terminal { rewritten(bytes, json::escape) } else { bytes }
    }
}

/// Returns the text of the `HumanReadableText` that the `x-query-…` commands return, as a JSON string.
///
/// The shape of the reply tells, because the peer's schema hides the names of types.
fn human_readable_text(result: &Bytes) -> Option<Bytes> {
    // Few results are one, and to go over the members of the others takes long.
    let inner = result.trim_ascii_start().strip_prefix(b"{")?;
    if !inner.trim_ascii_start().starts_with(br#""human-readable-text""#) {
        return None;
    }
    let mut members = json::members(result)?;
    match (members.next()?, members.next()) {
        ((b"human-readable-text", text), None) if text.starts_with(b"\"") => Some(result.slice_ref(text)),
        _ => None,
    }
}

/// How many columns the terminal has, or 80 if it does not say.
fn terminal_width() -> usize {
    size_of(std::io::stdout()).map_or(80, |size| size.columns)
}

/// Applies `rewrite` without copying bytes that stay as they are.
fn rewritten(bytes: Bytes, rewrite: impl Fn(&[u8]) -> Cow<'_, [u8]>) -> Bytes {
    let changed = match rewrite(&bytes) {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => Some(changed),
    };
    changed.map_or(bytes, Bytes::from)
}

/// A formatted result, piece by piece, with a newline at the end. A copy shares its bytes.
#[derive(Clone)]
pub(crate) enum Pieces {
    Parts(std::vec::IntoIter<Bytes>),
    /// A result on one line, and its newline.
    Line(std::array::IntoIter<Bytes, 2>),
    Indented {
        left: Bytes,
        indenter: Option<Indenter>,
        colors: Colors,
    },
    Table(Box<Table>),
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match self {
            Pieces::Parts(parts) => parts.next(),
            Pieces::Line(parts) => parts.next(),
            Pieces::Table(table) => table.next(),
            Pieces::Indented { left, indenter, colors } => {
                let mut out = Vec::new();
                if left.is_empty() {
                    indenter.take()?;
                    return Some(Bytes::from_static(b"\n"));
                }
                let chunk = left.split_to(left.len().min(CHUNK));
                indenter.as_mut()?.feed(&chunk, |part, text| colors.json(part, text, &mut out));
                Some(Bytes::from(out))
            }
        }
    }
}

impl Pieces {
    /// A text that is formatted, and safe for a terminal.
    pub(crate) fn drawn(text: String) -> Self {
        Pieces::Parts(vec![Bytes::from(text)].into_iter())
    }

    /// All of it at once.
    pub(crate) fn whole(self) -> Bytes {
        self.collect::<Vec<_>>().concat().into()
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use qmpsh::json::Scanner;
    use qmpsh::message::Message;

    fn reply(text: &str) -> Reply {
        let document = Scanner::new(1000).next(&mut BytesMut::from(text), true).unwrap().unwrap();
        match Message::from_document(document).unwrap() {
            Message::Reply(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn plain(form: Form) -> Renderer {
        Renderer {
            mode: OutputMode::Auto,
            form,
            terminal: false,
            colors: Colors::of_stdout(ColorMode::Never),
            plain_text: true,
            quiet: false,
        }
    }

    #[test]
    fn quiet_omits_empty_objects_only() {
        let check = |form, text: &str, expected: bool| {
            let renderer = Renderer { quiet: true, ..plain(form) };
            assert_eq!(renderer.omits(&reply(text)), expected, "{text}");
            assert!(!plain(form).omits(&reply(text)));
        };
        check(Form::Json, r#"{"return": {}, "id": 1}"#, true);
        check(Form::Table, "{\"return\": {\r\n}}", true);
        check(Form::Raw, r#"{"return": {}}"#, false);
        for result in ["[]", "null", "\"\"", "\"{}\"", "{\"a\": {}}", "0", "[{}]"] {
            check(Form::Json, &format!(r#"{{"return": {result}}}"#), false);
        }
    }

    #[test]
    fn forms() {
        let check = |form, text: &str, expected: &str| {
            let renderer = plain(form);
            assert_eq!(renderer.reply(&reply(text), None).whole(), expected, "{text}");
        };
        check(Form::Json, r#"{"return": {"a": 18446744073709551615}, "id": 1}"#, "{\"a\": 18446744073709551615}\n");
        check(Form::Json, r#"{"return": null, "id": 1}"#, "null\n");
        check(Form::Pretty, r#"{"return": {"a": [0.10]}, "id": 1}"#, "{\n  \"a\": [\n    0.10\n  ]\n}\n");
        check(Form::Pretty, r#"{"return": {}, "id": 1}"#, "{}\n");
        check(Form::Table, r#"{"return": [{"a": 1, "b": "x"}], "id": 1}"#, "a  b\n1  x\n");
    }

    #[test]
    fn human_readable_text_is_shown_as_text() {
        let text = r#"{"return": {"human-readable-text": "a\r\nb\u001b\n"}, "id": 1}"#;
        let shown = |form, plain_text, terminal, text: &str| {
            Renderer { terminal, plain_text, ..plain(form) }.reply(&reply(text), None).whole()
        };
        for form in [Form::Json, Form::Pretty, Form::Table] {
            assert_eq!(shown(form, true, false, text), "a\nb\u{1b}\n");
            assert_eq!(shown(form, true, true, text), "a\nb\\u{1b}\n");
        }
        let json = r#"{"human-readable-text": "a\r\nb\u001b\n"}"#;
        assert_eq!(shown(Form::Json, false, false, text), format!("{json}\n"));
        assert_eq!(shown(Form::Raw, false, false, text), format!("{{\"return\": {json}}}\n"));
        // Only that shape is one.
        let check = |result: &str| {
            let text = format!(r#"{{"return": {result}, "id": 1}}"#);
            assert_eq!(shown(Form::Json, true, false, &text), format!("{result}\n"));
        };
        check(r#"{"human-readable-text": "a", "more": 1}"#);
        check(r#"{"human-readable-text": ["a"]}"#);
        check(r#"[{"human-readable-text": "a"}]"#);
        check("{}");
    }

    #[test]
    fn raw_replies_have_the_id_that_the_user_gave() {
        let check = |text: &str, own_id: Option<&str>, expected: &str| {
            let renderer = plain(Form::Raw);
            let shown = renderer.reply(&reply(text), own_id).whole();
            assert_eq!(shown, format!("{expected}\n"), "{text} {own_id:?}");
        };
        check(r#"{"return": {}, "id": 1}"#, None, r#"{"return": {}}"#);
        check(r#"{"return": {}, "id": 1}"#, Some("\"x\""), r#"{"return": {}, "id": "x"}"#);
        let error = r#""error": {"class": "GenericError", "desc": "a, {b"}"#;
        check(&format!(r#"{{"id": 12, {error}}}"#), None, &format!("{{{error}}}"));
        check(&format!(r#"{{"id": 12, {error}}}"#), Some("[1]"), &format!(r#"{{"id": [1], {error}}}"#));
        check(r#"{"return":{},"id":1}"#, None, r#"{"return":{}}"#);
        check(r#"{"return": {"id": 7}, "id": 1 }"#, None, r#"{"return": {"id": 7} }"#);
        check(r#"{"return": []}"#, Some("5"), r#"{"return": []}"#);
    }

    #[test]
    fn a_terminal_gets_nothing_that_drives_it() {
        let text = "{\"return\": \"a\u{1b}[2J\u{202e}\u{7f}\"}";
        let shown = |form, terminal| Renderer { terminal, ..plain(form) }.reply(&reply(text), None).whole();
        for form in [Form::Json, Form::Pretty, Form::Table, Form::Raw] {
            assert!(shown(form, true).iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == b'\n'));
        }
        assert_eq!(shown(Form::Json, false), "\"a\u{1b}[2J\u{202e}\u{7f}\"\n");
    }
}
