//! The answers to rustyline while a line is being typed: prompt, colors, hints, completion, and if the text is complete.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::sync::{Arc, OnceLock};

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};
use unicode_width::UnicodeWidthStr;

use super::line::IsComplete;
use super::list;
use super::state::Shared;
use crate::output::color::{self, Tint};
use crate::output::columns::{Size, cut, size_of};
use qmpsh::language::complete::{Color, Completion};
use qmpsh::language::syntax::Span;

/// The longest text with colors, hints and completion, in bytes, so that each key stays fast.
const LONGEST: usize = 4096;

/// Knows the language of the lines. The editor's thread asks it at each key, so it must not block, except for a third of a
/// second in [`complete`](Self::complete).
pub(crate) trait Assistant: Send + Sync {
    /// Returns what can stand at `cursor`.
    fn complete(&self, text: &str, cursor: usize) -> Completion;

    /// Returns what is still missing behind `text`, safe to show.
    fn hint(&self, text: &str) -> Option<String>;

    /// Returns the parts of `text` that have a color, in order.
    fn colors(&self, text: &str, cursor: usize) -> Vec<(Span, Color)>;
}

/// The helper of rustyline.
pub(super) struct LineHelper {
    pub(super) shared: Arc<Shared>,
    is_complete: IsComplete,
    /// Set once the shell has one.
    assistant: Arc<OnceLock<Arc<dyn Assistant>>>,
    color: bool,
    /// The text and the cursor of the last list that was shown in part.
    listed: RefCell<Option<(String, usize)>>,
}

impl LineHelper {
    pub(super) fn new(
        shared: Arc<Shared>,
        is_complete: IsComplete,
        assistant: Arc<OnceLock<Arc<dyn Assistant>>>,
        color: bool,
    ) -> Self {
        Self { shared, is_complete, assistant, color, listed: RefCell::default() }
    }

    /// Returns the assistant, unless the text is too long.
    fn assistant(&self, text: &str) -> Option<&dyn Assistant> {
        self.assistant.get().map(|assistant| &**assistant).filter(|_| text.len() <= LONGEST)
    }

    /// Shows the list above the line; all of it at the second Tab.
    fn list(&self, completion: &Completion, line: &str, cursor: usize) {
        let again = self.listed.take().is_some_and(|(text, at)| text == line && at == cursor);
        let (rows, all) = list::rows(&completion.candidates, size(), again, self.color);
        if again || !all {
            *self.listed.borrow_mut() = Some((line.to_owned(), cursor));
        }
        self.shared.line(rows.join("\n"));
    }
}

impl Helper for LineHelper {}

impl Highlighter for LineHelper {
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        match self.assistant(line).filter(|_| self.color) {
            Some(assistant) => Cow::Owned(painted(line, &assistant.colors(line, cursor))),
            None => Cow::Borrowed(line),
        }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        self.shared.paint(prompt, default, self.color)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(color::painted(Tint::Hint, hint))
    }

    /// Repaints at each key, so that pending lines do not wait for the waker and colors are right.
    fn highlight_char(&self, line: &str, cursor: usize, _: CmdKind) -> bool {
        self.shared.note(line, cursor);
        true
    }
}

impl Validator for LineHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if (self.is_complete)(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

/// A gray text behind the cursor that no key inserts.
pub(super) struct Grey(String);

impl Hint for Grey {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for LineHelper {
    type Hint = Grey;

    /// No hints without color: they would look like typed text.
    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<Grey> {
        let assistant = self.assistant(line).filter(|_| self.color && cursor == line.len())?;
        let hint = assistant.hint(line)?;
        let room = room_behind(line, self.shared.prompt().width(), size().columns);
        (room > 3).then(|| Grey(cut(&hint, room).into_owned()))
    }
}

impl Completer for LineHelper {
    type Candidate = String;

    /// Returns at most one candidate, because rustyline does not show the list.
    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let Some(assistant) = self.assistant(line) else { return Ok((cursor, Vec::new())) };
        let completion = assistant.complete(line, cursor);
        if let Some(text) = completion.text {
            return Ok((completion.span.start, vec![text]));
        }
        if completion.candidates.len() < 2 {
            return Ok((cursor, Vec::new()));
        }
        self.list(&completion, line, cursor);
        // Inserts nothing; rustyline paints the line again, with the list above it.
        Ok((cursor, vec![String::new()]))
    }
}

/// Returns how many columns are left in the row in which `line` ends, less one.
fn room_behind(line: &str, prompt: usize, columns: usize) -> usize {
    let end = match line.rsplit_once('\n') {
        Some((_, last)) => last.width(),
        None => prompt + line.width(),
    };
    columns.saturating_sub(end % columns.max(1) + 1)
}

fn painted(line: &str, colors: &[(Span, Color)]) -> String {
    let mut painted = String::with_capacity(line.len() + colors.len() * 12);
    let mut end = 0;
    for (span, color) in colors {
        let tint = match color {
            Color::Key => Tint::Key,
            Color::String => Tint::Text,
            Color::Number => Tint::Number,
            Color::Literal => Tint::Literal,
            Color::Unknown => Tint::Error,
        };
        let (Some(before), Some(text)) = (line.get(end..span.start), line.get(span.start..span.end)) else { continue };
        painted.extend([before, &color::painted(tint, text)]);
        end = span.end;
    }
    painted.push_str(line.get(end..).unwrap_or_default());
    painted
}

/// Returns the size of the terminal, or 24 rows and 80 columns.
fn size() -> Size {
    size_of(io::stdout()).unwrap_or(Size { rows: 24, columns: 80 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_painted_in_their_colors() {
        let check = |colors: &[(Span, Color)], expected: &str| assert_eq!(painted("a=é b", colors), expected);
        check(&[], "a=é b");
        check(
            &[(Span::new(0, 1), Color::Key), (Span::new(2, 4), Color::String)],
            "\x1b[94ma\x1b[0m=\x1b[38;5;28mé\x1b[0m b",
        );
        // Spans that do not fit the text are left out.
        check(&[(Span::new(3, 4), Color::Key), (Span::new(5, 99), Color::Key)], "a=é b");
    }

    #[test]
    fn room_behind_a_line_is_that_of_its_last_row() {
        let check = |line: &str, expected: usize| assert_eq!(room_behind(line, 7, 20), expected, "{line}");
        check("", 12);
        check("1234567890", 2);
        check("123456789012", 0);
        check("1234567890123", 19);
        check("12345678901234567890123456789012", 0);
        check("a\nbc", 17);
        assert_eq!(room_behind("x", 7, 0), 0);
    }
}
