//! The items that can complete a text: the typed text chooses among them, and they are quoted as their place needs it.

use crate::json;
use crate::language::syntax::{KeyPart, Span, in_quotes, value_needs_quotes};
use crate::text;

/// What can complete the text at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The text to replace: it ends at the cursor.
    pub span: Span,
    /// The text to put there; `None` if nothing more is certain.
    pub text: Option<String>,
    /// Everything that it can become. Safe to show.
    pub candidates: Vec<Candidate>,
}

impl Completion {
    /// Moves it by `start` bytes: the line that was completed begins there.
    pub(super) fn moved(mut self, start: usize) -> Self {
        self.span = Span::new(start + self.span.start, start + self.span.end);
        self
    }
}

/// One way to complete the text. Safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name in a list.
    pub name: String,
    /// A few words about it; may be empty.
    pub about: String,
}

/// Something that can stand at a place, not quoted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Its text.
    pub(super) text: String,
    /// Its name in a list.
    name: String,
    about: String,
    /// What follows if there is no other item: a space, `=`, a dot.
    then: &'static str,
}

impl Item {
    pub(super) fn new(text: &str, about: impl Into<String>) -> Self {
        Self { text: text.to_owned(), name: text.to_owned(), about: about.into(), then: "" }
    }

    /// Sets what follows if there is no other item.
    pub(super) fn then(mut self, then: &'static str) -> Self {
        self.then = then;
        self
    }

    /// Sets its name in a list, if that is not its text.
    pub(super) fn called(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

/// How an item is written at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is; an item that cannot be written so is left out.
    Bare,
    /// As it is, or in quotes.
    Plain,
    /// Behind an opening quote, this one.
    Quoted(char),
    /// One part of a key: as it is, or in quotes.
    Key,
    /// A part of a key in quotes, which are closed.
    WholeKey,
    /// A string of JSON, in double quotes.
    Json,
}

impl Style {
    /// Returns the style of a part of a key.
    pub(super) fn key(part: &KeyPart) -> Self {
        if part.quoted { Self::WholeKey } else { Self::Key }
    }

    /// Returns the typed text without its quotes and escapes.
    pub(super) fn decoded(self, typed: &str) -> String {
        match self {
            Self::Quoted('"') => decoded(&format!("\"{typed}\"")),
            Self::WholeKey if typed.starts_with('"') => decoded(typed),
            Self::WholeKey => typed.trim_matches('\'').to_owned(),
            _ => typed.to_owned(),
        }
    }

    /// Returns true if `text` needs quotes.
    fn quotes(self, text: &str) -> bool {
        let special = |c: char| c.is_whitespace() || text::is_unsafe(c);
        match self {
            Self::Plain => value_needs_quotes(text),
            Self::Key => text.contains(|c| special(c) || matches!(c, '.' | '=' | '"' | '\'' | ':' | ';' | ')')),
            Self::Bare | Self::Quoted(_) | Self::WholeKey | Self::Json => false,
        }
    }

    /// Writes `text`; `closed` if it is finished. `None` if that is not possible.
    fn write(self, text: &str, quoted: bool, closed: bool) -> Option<String> {
        let safe = !text.contains(|c: char| c.is_whitespace() || text::is_unsafe(c));
        match self {
            Self::Bare => safe.then(|| text.to_owned()),
            Self::WholeKey => Some(in_quotes(text, true)),
            Self::Json => Some(in_quotes(text, closed)),
            Self::Plain | Self::Key if quoted => Some(in_quotes(text, closed)),
            Self::Plain | Self::Key => Some(text.to_owned()),
            Self::Quoted('"') => Some(in_quotes(text, closed)[1..].to_owned()),
            // Single quotes have no escapes.
            Self::Quoted(quote) => {
                let end = if closed { String::from(quote) } else { String::new() };
                (!text.contains(|c| c == quote || text::is_unsafe(c))).then(|| format!("{text}{end}"))
            }
        }
    }
}

fn decoded(quoted: &str) -> String {
    json::decode(quoted.as_bytes()).unwrap_or_default().into_owned()
}

/// True if an item fits the typed text.
type Fits = fn(&str, &str) -> bool;

/// Ways to fit: the first that any item passes decides.
const FITS: [Fits; 3] = [
    |item, typed| item.starts_with(typed),
    |item, typed| folded(item).starts_with(&folded(typed)),
    // Too many names contain a single letter.
    |item, typed| typed.len() > 1 && folded(item).contains(&folded(typed)),
];

/// Folds what the user need not tell apart: `_` and `-`, upper and lower case.
fn folded(text: &str) -> String {
    text.replace('_', "-").to_lowercase()
}

/// Completes `span` of `line` with those of `items` that fit.
pub(super) fn choose(line: &str, span: Span, style: Style, mut items: Vec<Item>) -> Completion {
    let typed = style.decoded(span.of(line));
    items.retain(|item| style.write(&item.text, style.quotes(&item.text), true).is_some());
    let Some(fits) = FITS.iter().find(|fits| items.iter().any(|item| fits(&item.text, &typed))) else {
        return Completion { span, ..Completion::default() };
    };
    items.retain(|item| fits(&item.text, &typed));
    let quoted = items.iter().any(|item| style.quotes(&item.text));
    let text = match items.as_slice() {
        [] => None,
        [only] => style.write(&only.text, quoted, true).map(|text| {
            let behind = &line[span.end..];
            // The quote that closes it may stand there.
            if let Style::Quoted(quote) = style
                && behind.starts_with(quote)
            {
                return text.strip_suffix(quote).unwrap_or(&text).to_owned();
            }
            let stands = !only.then.is_empty() && behind.starts_with(only.then);
            text + if stands { "" } else { only.then }
        }),
        [first, rest @ ..] => {
            let common = rest.iter().fold(first.text.as_str(), |common, item| common_start(common, &item.text));
            // Text in another spelling, or from the middle, stays if nothing is gained.
            let better = common.chars().count() >= typed.chars().count() && common != typed;
            if better { style.write(common, quoted, false) } else { None }
        }
    };
    let candidates = items.iter().map(|item| Candidate {
        name: text::line(&item.name).into_owned(),
        about: text::line(item.about.trim_end()).into_owned(),
    });
    let candidates = candidates.collect();
    let text = text.filter(|text| text != span.of(line));
    Completion { span, text, candidates }
}

fn common_start<'a>(a: &'a str, b: &str) -> &'a str {
    let end = a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
    end.map_or_else(|| if a.len() <= b.len() { a } else { &a[..b.len()] }, |end| &a[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(typed: &str, style: Style, items: &[&str]) -> (Option<String>, Vec<String>) {
        let items = items.iter().map(|text| Item::new(text, "").then(" ")).collect();
        let completion = choose(typed, Span::new(0, typed.len()), style, items);
        (completion.text, completion.candidates.into_iter().map(|candidate| candidate.name).collect())
    }

    #[test]
    fn items_are_chosen_and_quoted() {
        let check = |typed: &str, style, items: &[&str], text: Option<&str>, names: &[&str]| {
            let (found, candidates) = chosen(typed, style, items);
            assert_eq!(
                (found.as_deref(), candidates),
                (text, names.iter().map(|&n| n.to_owned()).collect()),
                "{typed}"
            );
        };
        check("", Style::Bare, &[], None, &[]);
        check("x", Style::Bare, &["a"], None, &[]);
        check("que", Style::Bare, &["query-a", "query-b", "stop"], Some("query-"), &["query-a", "query-b"]);
        check("query-", Style::Bare, &["query-a", "query-b"], None, &["query-a", "query-b"]);
        check("query-a", Style::Bare, &["query-a", "query-ab"], None, &["query-a", "query-ab"]);
        check("st", Style::Bare, &["query-a", "stop"], Some("stop "), &["stop"]);
        check("stop", Style::Bare, &["stop"], Some("stop "), &["stop"]);
        // In another spelling.
        check("device-a", Style::Bare, &["device_add", "device_del"], Some("device_add "), &["device_add"]);
        check("Device-", Style::Bare, &["device_add", "device_del"], Some("device_"), &["device_add", "device_del"]);
        // In the middle.
        check("resize", Style::Bare, &["block_resize", "stop"], Some("block_resize "), &["block_resize"]);
        check("aa", Style::Bare, &["xaa1", "xaa2"], Some("xaa"), &["xaa1", "xaa2"]);
        check("a", Style::Bare, &["xa1"], None, &[]);
        check("block", Style::Bare, &["x-block", "y-block"], None, &["x-block", "y-block"]);
        // Quotes.
        check("my", Style::Plain, &["my disk"], Some("\"my disk\" "), &["my disk"]);
        check("m", Style::Plain, &["my disk", "my dog"], Some("\"my d"), &["my disk", "my dog"]);
        check("m", Style::Plain, &["my", "my dog"], Some("\"my"), &["my", "my dog"]);
        check("my d", Style::Quoted('"'), &["my disk", "my dog"], None, &["my disk", "my dog"]);
        check("my di", Style::Quoted('"'), &["my disk", "my dog"], Some("my disk\" "), &["my disk"]);
        check("my di", Style::Quoted('\''), &["my disk"], Some("my disk' "), &["my disk"]);
        check("", Style::Quoted('\''), &["it's"], None, &[]);
        check("", Style::Plain, &["{x"], Some("\"{x\" "), &["{x"]);
        check("", Style::Plain, &["a\"b"], Some("a\"b "), &["a\"b"]);
        check("", Style::Plain, &["a \"b"], Some("\"a \\\"b\" "), &["a \"b"]);
        check("a \\\"", Style::Quoted('"'), &["a \"b", "x"], Some("a \\\"b\" "), &["a \"b"]);
        check("a", Style::Key, &["a.b"], Some("\"a.b\" "), &["a.b"]);
        check("\"a.b\"", Style::WholeKey, &["a.bc"], Some("\"a.bc\" "), &["a.bc"]);
        check("é", Style::Plain, &["éa", "éb"], None, &["éa", "éb"]);
    }

    #[test]
    fn what_could_drive_a_terminal_is_escaped_or_left_out() {
        let evil = "x\x1b[2J\u{202e}";
        assert_eq!(chosen("", Style::Bare, &[evil]), (None, vec![]));
        assert_eq!(chosen("", Style::Quoted('\''), &[evil]), (None, vec![]));
        let shown = vec![r"x\u{1b}[2J\u{202e}".to_owned()];
        assert_eq!(chosen("", Style::Plain, &[evil]), (Some(r#""x\u001b[2J\u202e" "#.to_owned()), shown.clone()));
        assert_eq!(chosen("x", Style::Key, &[evil]), (Some(r#""x\u001b[2J\u202e" "#.to_owned()), shown.clone()));
        assert_eq!(chosen("x", Style::Quoted('"'), &[evil]), (Some(r#"x\u001b[2J\u202e" "#.to_owned()), shown));
    }

    #[test]
    fn a_text_behind_the_cursor_is_not_repeated() {
        let items = vec![Item::new("size", "").then("=")];
        let at = |line: &str| choose(line, Span::new(0, 2), Style::Key, items.clone()).text;
        assert_eq!(at("si=5").as_deref(), Some("size"));
        assert_eq!(at("si x").as_deref(), Some("size="));
    }
}
