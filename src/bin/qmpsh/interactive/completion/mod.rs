//! Helps with the line being typed: completion, hints and colors, from the peer's schema and from what exists there.
//!
//! `existing` asks the peer for the names that exist, and `replies` finds them in its replies.

mod existing;
mod replies;

use std::sync::{Arc, Mutex, PoisonError};

use crate::builtins::{COMMANDS, Description, page};
use crate::output::columns::{Size, cut, wrap};
use crate::session::schema::SessionSchema;
use crate::session::{Session, SharedDialect};
use crate::terminal;
use existing::{LiveValues, WithDeadline};
use qmpsh::language::complete::{self, BuiltinCommand, Color, Completion, Context, Hint, Lines, Live, Nothing};
use qmpsh::language::syntax::{Dialect, Span};
use qmpsh::schema::Schema;

/// The assistant that the editor asks at each key.
#[derive(Debug)]
pub(crate) struct Assistant {
    schema: Mutex<Arc<SessionSchema>>,
    builtins: Vec<BuiltinCommand<'static>>,
    aliases: Vec<(String, String)>,
    dialect: SharedDialect,
    live: Mutex<Arc<LiveValues>>,
    /// What was read last: at each key the editor asks for the hint and the colors of the same text.
    lines: Mutex<Arc<Lines>>,
}

impl Assistant {
    /// Call it on the runtime.
    pub(super) fn new(session: &Session, aliases: Vec<(String, String)>) -> Arc<Self> {
        let live = Mutex::new(LiveValues::new(session));
        let builtin = |&Description { name, words, takes, summary: about, .. }: &Description| BuiltinCommand {
            name,
            words,
            about,
            takes,
        };
        let builtins = COMMANDS.iter().map(builtin).collect();
        let schema = Mutex::new(Arc::clone(&session.schema));
        let dialect = session.dialect.clone();
        let lines = Mutex::new(Arc::new(Lines::read("")));
        Arc::new(Self { schema, builtins, aliases, dialect, live, lines })
    }

    /// Begins a new session, or notes the end of one: another peer may come.
    pub(super) fn begin(&self, session: &Session) {
        let schema = if session.is_connected() { Arc::clone(&session.schema) } else { Arc::default() };
        *self.schema.lock().unwrap_or_else(PoisonError::into_inner) = schema;
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = LiveValues::new(session);
    }

    /// Notes that commands ran: what exists may have changed.
    pub(super) fn invalidate(&self) {
        self.live().invalidate();
    }

    fn live(&self) -> Arc<LiveValues> {
        Arc::clone(&self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lines(&self, text: &str) -> Arc<Lines> {
        let mut last = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if last.text() != text {
            *last = Arc::new(Lines::read(text));
        }
        Arc::clone(&last)
    }

    fn schema(&self) -> Option<Arc<Schema>> {
        self.schema.lock().unwrap_or_else(PoisonError::into_inner).known()
    }

    /// Returns true if the line is for the human monitor, whose arguments are unknown.
    fn is_hmp(&self, text: &str) -> bool {
        self.dialect.get() == Dialect::Hmp && !text.starts_with('.')
    }

    /// Returns a text with its alias expanded, if its first word is one and the cursor is behind that, and the lengths of the alias
    /// and of what it stands for.
    fn expanded(&self, text: &str, cursor: usize, schema: Option<&Arc<Schema>>) -> Option<(String, usize, usize)> {
        let start = text.len() - text.trim_start().len();
        let end = start + text[start..].find(char::is_whitespace)?;
        let word = &text[start..end];
        let (_, meant) = self.aliases.iter().find(|(name, _)| name == word && cursor > end)?;
        let is_hidden = schema.is_some_and(|schema| schema.command(word).is_some());
        (!is_hidden).then(|| (format!("{}{meant}{}", &text[..start], &text[end..]), word.len(), meant.len()))
    }

    fn context<'a>(&'a self, schema: Option<&'a Arc<Schema>>, live: &'a dyn Live) -> Context<'a> {
        Context { schema: schema.map(|schema| &**schema), live, builtins: &self.builtins, aliases: &self.aliases }
    }
}

impl terminal::Assistant for Assistant {
    fn complete(&self, text: &str, cursor: usize) -> Completion {
        let schema = self.schema();
        let values = self.live();
        let live = WithDeadline::new(&values);
        let context = self.context(schema.as_ref(), &live);
        match self.dialect.get() {
            Dialect::Qmp => match self.expanded(text, cursor, schema.as_ref()) {
                Some((text, alias, meant)) => {
                    let at = |place: usize| (place + alias).saturating_sub(meant);
                    let found = complete::complete(&self.lines(&text), (cursor + meant).saturating_sub(alias), context);
                    Completion { span: Span::new(at(found.span.start), at(found.span.end)), ..found }
                }
                None => complete::complete(&self.lines(text), cursor, context),
            },
            Dialect::Hmp => complete::complete_hmp(text, cursor, context),
        }
    }

    fn hint(&self, text: &str) -> Option<Hint> {
        if self.is_hmp(text) {
            return None;
        }
        let schema = self.schema();
        let expanded = self.expanded(text, text.len(), schema.as_ref());
        let text = expanded.as_ref().map_or(text, |(text, ..)| text);
        complete::hint(&self.lines(text), self.context(schema.as_ref(), &Nothing))
    }

    fn colors(&self, text: &str, cursor: usize) -> Vec<(Span, Color)> {
        if self.is_hmp(text) {
            return Vec::new();
        }
        let schema = self.schema();
        complete::colors(&self.lines(text), cursor, self.context(schema.as_ref(), &Nothing))
    }

    fn help(&self, text: &str, cursor: usize, size: Size) -> String {
        let lines = self.lines(text);
        let name = lines.command_at(cursor).filter(|_| !self.is_hmp(text));
        let schema = self.schema();
        // The last column stays free: some terminals wrap when it is written.
        let width = size.columns.saturating_sub(1);
        match page(name, self.live().client(), schema.as_deref(), width) {
            Ok(page) => shortened(&page, name, size),
            Err(why) => wrap(&why, width).into_owned(),
        }
    }
}

/// Cuts a page of help, so that the line being typed stays on the screen below it.
fn shortened(page: &str, name: Option<&str>, size: Size) -> String {
    const BELOW: usize = 3;
    let lines: Vec<&str> = page.trim_end().lines().collect();
    let room = size.rows.saturating_sub(BELOW).max(1);
    if lines.len() <= room {
        return lines.join("\n");
    }
    let shown = room - 1;
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    let more = format!("… {} more lines (.help{name} shows all)", lines.len() - shown);
    // It is one row, so that the rest fits.
    [&lines[..shown], &[&*cut(&more, size.columns.saturating_sub(1))]].concat().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_help_leaves_room_for_the_line() {
        let check = |page: &str, rows, expected: &str| {
            assert_eq!(shortened(page, Some("stop"), Size { rows, columns: 80 }), expected, "{page:?} {rows}");
        };
        check("a\nb\n", 24, "a\nb");
        check("a\nb\nc\n", 6, "a\nb\nc");
        check("a\nb\nc\nd\n", 6, "a\nb\n… 2 more lines (.help stop shows all)");
        check("a\nb\n", 2, "… 2 more lines (.help stop shows all)");
    }
}
