//! From what can stand at a place to what goes into the line: held against what was typed, and quoted.

use super::{Candidate, Completion};
use crate::json;
use crate::language::syntax::{KeyPart, Span, push_string};
use crate::text;

/// Something that can stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// What it is, not quoted.
    pub(super) text: String,
    /// What it is called in a list.
    name: String,
    about: String,
    /// What follows if nothing else can stand there: a space, `=`, a dot.
    then: &'static str,
}

impl Offer {
    pub(super) fn new(text: &str, about: impl Into<String>) -> Self {
        Self { text: text.to_owned(), name: text.to_owned(), about: about.into(), then: "" }
    }

    /// What follows if nothing else can stand there.
    pub(super) fn then(mut self, then: &'static str) -> Self {
        self.then = then;
        self
    }

    /// What it is called in a list, if that is not its text.
    pub(super) fn called(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

/// How something is written at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is; what cannot be written so is no candidate.
    Bare,
    /// As it is, or in quotes.
    Plain,
    /// Behind an opening quote, this one.
    Quoted(char),
    /// One part of a key: as it is, or in quotes.
    Key,
    /// A part of a key in quotes, which are closed.
    WholeKey,
}

impl Style {
    /// That of the part of a key.
    pub(super) fn key(part: &KeyPart) -> Self {
        if part.quoted { Self::WholeKey } else { Self::Key }
    }

    /// What was typed, without what is only its spelling.
    fn decoded(self, typed: &str) -> String {
        match self {
            Self::Quoted('"') => decoded(&format!("\"{typed}\"")),
            Self::WholeKey if typed.starts_with('"') => decoded(typed),
            Self::WholeKey => typed.trim_matches('\'').to_owned(),
            _ => typed.to_owned(),
        }
    }

    /// Whether `text` is different when it is quoted.
    fn quotes(self, text: &str) -> bool {
        let special = |c: char| c.is_whitespace() || text::is_unsafe(c);
        match self {
            Self::Plain => {
                text.is_empty()
                    || text.starts_with(['"', '\'', '{', '[', '@', '='])
                    || text.contains(|c| special(c) || matches!(c, ';' | ')'))
            }
            Self::Key => text.contains(|c| special(c) || matches!(c, '.' | '=' | '"' | '\'' | ':' | ';' | ')')),
            Self::Bare | Self::Quoted(_) | Self::WholeKey => false,
        }
    }

    /// `text` as it is written here; `closed` if it is finished. `None` if it cannot be.
    fn write(self, text: &str, quoted: bool, closed: bool) -> Option<String> {
        let safe = !text.contains(|c: char| c.is_whitespace() || text::is_unsafe(c));
        match self {
            Self::Bare => safe.then(|| text.to_owned()),
            Self::WholeKey => Some(in_quotes(text, true)),
            Self::Plain | Self::Key if quoted => Some(in_quotes(text, closed)),
            Self::Plain | Self::Key => Some(text.to_owned()),
            Self::Quoted('"') => Some(in_quotes(text, closed)[1..].to_owned()),
            // Here nothing can be escaped.
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

/// As a string of JSON, in which nothing drives a terminal.
fn in_quotes(text: &str, closed: bool) -> String {
    let mut quoted = String::new();
    push_string(&mut quoted, text);
    let mut quoted = String::from_utf8_lossy(&json::escape(quoted.as_bytes())).into_owned();
    if !closed {
        quoted.pop();
    }
    quoted
}

/// How far an offer is from what was typed.
type Fits = fn(&str, &str) -> bool;

/// The first of these that lets something through decides.
const FITS: [Fits; 3] = [
    |offer, typed| offer.starts_with(typed),
    |offer, typed| folded(offer).starts_with(&folded(typed)),
    // One letter stands in too many.
    |offer, typed| typed.len() > 1 && folded(offer).contains(&folded(typed)),
];

/// `_` and `-` are the same to a person, and so are large and small letters.
fn folded(text: &str) -> String {
    text.replace('_', "-").to_lowercase()
}

/// What `offers` come to, where `span` of `line` was typed.
pub(super) fn choose(line: &str, span: Span, style: Style, mut offers: Vec<Offer>) -> Completion {
    let typed = style.decoded(span.of(line));
    offers.retain(|offer| style.write(&offer.text, style.quotes(&offer.text), true).is_some());
    let Some(fits) = FITS.iter().find(|fits| offers.iter().any(|offer| fits(&offer.text, &typed))) else {
        return Completion { span, ..Completion::default() };
    };
    offers.retain(|offer| fits(&offer.text, &typed));
    let quoted = offers.iter().any(|offer| style.quotes(&offer.text));
    let text = match offers.as_slice() {
        [] => None,
        [only] => style.write(&only.text, quoted, true).map(|text| {
            let behind = &line[span.end..];
            let stands = !only.then.is_empty() && behind.starts_with(only.then);
            text + if stands { "" } else { only.then }
        }),
        [first, rest @ ..] => {
            let common = rest.iter().fold(first.text.as_str(), |common, offer| common_start(common, &offer.text));
            // What was typed in another spelling, or is not the beginning, stays if nothing is won.
            let better = common.chars().count() >= typed.chars().count() && common != typed;
            if better { style.write(common, quoted, false) } else { None }
        }
    };
    let candidates = offers.iter().map(|offer| Candidate {
        name: text::line(&offer.name).into_owned(),
        about: text::line(offer.about.trim_end()).into_owned(),
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

    fn chosen(typed: &str, style: Style, offers: &[&str]) -> (Option<String>, Vec<String>) {
        let offers = offers.iter().map(|text| Offer::new(text, "").then(" ")).collect();
        let completion = choose(typed, Span::new(0, typed.len()), style, offers);
        (completion.text, completion.candidates.into_iter().map(|candidate| candidate.name).collect())
    }

    #[test]
    fn what_goes_into_the_line() {
        let check = |typed: &str, style, offers: &[&str], text: Option<&str>, names: &[&str]| {
            let (found, candidates) = chosen(typed, style, offers);
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
    fn what_stands_behind_is_not_put_there_twice() {
        let offers = vec![Offer::new("size", "").then("=")];
        let at = |line: &str| choose(line, Span::new(0, 2), Style::Key, offers.clone()).text;
        assert_eq!(at("si=5").as_deref(), Some("size"));
        assert_eq!(at("si x").as_deref(), Some("size="));
    }
}
