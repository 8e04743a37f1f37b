//! The answers to rustyline while a line is being typed: prompt, colors, hints, completion, and if the text is complete.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};
use unicode_width::UnicodeWidthStr;

use super::line::IsComplete;
use super::list;
use super::recall::Recall;
use super::state::Shared;
use crate::output::color::{self, Tint};
use crate::output::columns::{Size, cut, size_of};
use qmpsh::language::complete::{Candidate, Color, Completion, Hint};
use qmpsh::language::syntax::Span;

/// The longest text with colors, hints and completion, in bytes, so that each key stays fast.
const LONGEST: usize = 4096;

/// Knows the language of the lines. The editor's thread asks it at each key, so it must not block, except for a third of a
/// second in [`complete`](Self::complete).
pub(crate) trait Assistant: Send + Sync {
    /// Returns what can stand at `cursor`.
    fn complete(&self, text: &str, cursor: usize) -> Completion;

    /// Returns what is still missing behind `text`.
    fn hint(&self, text: &str) -> Option<Hint>;

    /// Returns the parts of `text` that have a color, in order.
    fn colors(&self, text: &str, cursor: usize) -> Vec<(Span, Color)>;

    /// Returns help on the command at `cursor`, cut to the screen. It reads files, so it gets a thread of its own.
    fn help(&self, text: &str, cursor: usize, size: Size) -> String;
}

/// Shows help on the command being typed, above the line.
pub(super) struct Help {
    assistant: Arc<OnceLock<Arc<dyn Assistant>>>,
    shared: Arc<Shared>,
}

impl Help {
    pub(super) fn show(&self, line: &str, cursor: usize) {
        let Some(assistant) = self.assistant.get().cloned() else { return };
        let (shared, line) = (Arc::clone(&self.shared), line.to_owned());
        // If the system starts no thread, the key does nothing.
        let _ = thread::Builder::new()
            .name("help".to_owned())
            .spawn(move || shared.line(assistant.help(&line, cursor, size())));
    }
}

/// Forgets the list of completions shown last: the next Tab shows it again.
pub(super) fn forget(listed: &Listed) {
    listed.lock().unwrap_or_else(PoisonError::into_inner).take();
}

/// The list of completions shown last, until the line changes or the screen is cleared.
pub(super) type Listed = Arc<Mutex<Option<LastList>>>;

#[derive(Debug)]
pub(super) struct LastList {
    text: String,
    cursor: usize,
    rows: Vec<String>,
}

/// The helper of rustyline.
pub(super) struct LineHelper {
    pub(super) shared: Arc<Shared>,
    is_complete: IsComplete,
    /// Set once the shell has one.
    assistant: Arc<OnceLock<Arc<dyn Assistant>>>,
    color: bool,
    hints: Hints,
    pub(super) listed: Listed,
    pub(super) recall: Arc<Recall>,
}

impl LineHelper {
    pub(super) fn new(
        shared: Arc<Shared>,
        is_complete: IsComplete,
        assistant: Arc<OnceLock<Arc<dyn Assistant>>>,
        color: bool,
    ) -> Self {
        let (hints, listed, recall) = (Hints::new(color), Listed::default(), Arc::default());
        Self { shared, is_complete, assistant, color, hints, listed, recall }
    }

    /// Returns the assistant, unless the text is too long.
    fn assistant(&self, text: &str) -> Option<&dyn Assistant> {
        self.assistant.get().map(|assistant| &**assistant).filter(|_| text.len() <= LONGEST)
    }

    pub(super) fn help(&self) -> Help {
        Help { assistant: Arc::clone(&self.assistant), shared: Arc::clone(&self.shared) }
    }

    /// Shows the list above the line: all of it at the second Tab, and never the same again.
    fn list(&self, candidates: &[Candidate], line: &str, cursor: usize) {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let last = listed.take().filter(|last| last.text == line && last.cursor == cursor);
        let rows = list::rows(candidates, size(), last.is_some(), self.color);
        if last.is_none_or(|last| last.rows != rows) {
            self.shared.line(rows.join("\n"));
        }
        *listed = Some(LastList { text: line.to_owned(), cursor, rows });
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
        match self.hints {
            Hints::Gray => Cow::Owned(color::painted(Tint::Hint, hint)),
            Hints::Dim => Cow::Owned(format!("\x1b[2m{hint}{}", color::PLAIN)),
            Hints::Quoted => Cow::Borrowed(hint),
        }
    }

    /// Repaints at each key, so that pending lines do not wait for the waker and colors are right.
    fn highlight_char(&self, line: &str, cursor: usize, _: CmdKind) -> bool {
        self.shared.note(line, cursor);
        self.recall.forget_key();
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).take_if(|last| last.text != line);
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

/// A hint behind the cursor, as it is shown.
pub(super) struct Shown {
    text: String,
    next: Option<String>,
}

impl rustyline::hint::Hint for Shown {
    fn display(&self) -> &str {
        &self.text
    }

    /// Right takes one argument, as it takes one word in fish.
    fn completion(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

impl Hinter for LineHelper {
    type Hint = Shown;

    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<Shown> {
        let assistant = self.assistant(line).filter(|_| cursor == line.len())?;
        let Hint { text, next } = assistant.hint(line)?;
        let room = room_behind(line, self.shared.prompt().width(), size().columns);
        let text = match self.hints {
            Hints::Gray | Hints::Dim => cut(&text, room).into_owned(),
            Hints::Quoted => quoted(&text, room),
        };
        (room > 3).then_some(Shown { text, next })
    }
}

/// How a hint differs from what was typed.
#[derive(Clone, Copy, Debug)]
enum Hints {
    Gray,
    Dim,
    Quoted,
}

impl Hints {
    fn new(color: bool) -> Self {
        let term = std::env::var("TERM").unwrap_or_default();
        match color {
            true => Self::Gray,
            false if has_dim(&term) => Self::Dim,
            false => Self::Quoted,
        }
    }
}

/// Returns true if a terminal of this kind shows dim text. terminfo has `dim` for these, and for no other common one.
fn has_dim(term: &str) -> bool {
    const DIM: [&str; 10] =
        ["xterm", "screen", "tmux", "linux", "alacritty", "foot", "gnome", "konsole", "vte", "wezterm"];
    DIM.iter().any(|kind| term.starts_with(kind))
}

/// Puts a hint into quotes, within `room` columns.
fn quoted(hint: &str, room: usize) -> String {
    let words = hint.trim_start();
    let space = &hint[..hint.len() - words.len()];
    format!("{space}‹{}›", cut(words, room.saturating_sub(2 + space.len())))
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
        self.list(&completion.candidates, line, cursor);
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
    fn a_hint_without_color_is_dim_or_in_quotes() {
        for (term, dim) in [("xterm-256color", true), ("tmux", true), ("linux", true), ("vt100", false), ("", false)] {
            assert_eq!(has_dim(term), dim, "{term}");
        }
        let check = |hint: &str, room, expected: &str| assert_eq!(quoted(hint, room), expected, "{hint}");
        check(" id=string [size=integer]", 80, " ‹id=string [size=integer]›");
        check("ze=integer", 80, "‹ze=integer›");
        check(" id=string [size=integer]", 12, " ‹id=strin…›");
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
