//! The words of a line that may be unfinished or wrong: what colors and completion are made of.

use super::argument::{self, Operator, Quoting};
use super::ast::Value;
use super::cursor::Cursor;
use super::expected::ValuePlace;
use super::lexer::Lexer;
use super::token::{Next, TokenKind};
use super::{Key, KeyPart, Opening, Span};

/// One word of a line, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it is by its place.
    pub kind: WordKind,
    /// Where it stands.
    pub span: Span,
}

/// What a word is by its place in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// The name of a command, or of an action of a transaction.
    Command {
        /// Whether it is an action.
        action: bool,
    },
    /// `KEY=VALUE`, or what may become one.
    Argument(ArgumentWord),
    /// A whole message in JSON.
    Json,
    /// `.name`
    DotName,
    /// A word of a dot command itself.
    DotWord,
    /// The rest of a line that is taken as it is.
    Raw,
    /// `transaction(`, `)`, or what separates its actions.
    Mark,
    /// `|` and what follows.
    Pipeline,
}

/// A word that is `KEY=VALUE`, or may become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentWord {
    /// There is no `=` yet; `None` if it cannot be read, such as within a quote.
    Name(Option<PartialKey>),
    /// The key is there.
    Pair(Box<Pair>),
}

/// The beginning of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialKey {
    /// The parts that have a dot behind them.
    pub parts: Vec<KeyPart>,
    /// What follows, which may be empty.
    pub last: KeyPart,
}

impl PartialKey {
    /// One that is not begun, at `place`.
    pub fn empty(place: usize) -> Self {
        let span = Span::new(place, place);
        Self { parts: Vec::new(), last: KeyPart { text: String::new(), quoted: false, span } }
    }
}

/// An argument with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The key.
    pub key: Key,
    /// The form of the value.
    pub place: ValuePlace,
    /// The value so far, without what opened it.
    pub span: Span,
    /// What it is, if it is finished and right.
    pub value: Option<Value>,
}

/// A logical line, right or wrong, as its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// All of them, in order.
    pub words: Vec<Word>,
    /// Where the next logical line begins; `None` if this one goes on to the end of the text.
    pub next_line: Option<usize>,
    /// What is open at the end of the text, so that the line goes on.
    pub open: Option<Opening>,
    /// What a word at the end would be.
    pub(super) next: Next,
    /// Whether a transaction is open at the end.
    pub(super) in_transaction: bool,
}

/// The words of the logical line that `text` begins with. Each byte is looked at a fixed number of times.
pub fn outline(text: &str) -> Outline {
    let mut lexer = Lexer::new();
    let mut tokens = Vec::new();
    lexer.run(text, |token| tokens.push(token));
    tokens.extend(lexer.unfinished(text));
    let mut action = false;
    let words = tokens.iter().map(|token| {
        let kind = match token.kind {
            TokenKind::Command => WordKind::Command { action },
            TokenKind::Argument => WordKind::Argument(argument_word(text, token.span)),
            TokenKind::Json => WordKind::Json,
            TokenKind::DotName => WordKind::DotName,
            TokenKind::DotWord => WordKind::DotWord,
            TokenKind::Raw => WordKind::Raw,
            TokenKind::TransactionOpen | TokenKind::Separator | TokenKind::TransactionClose => {
                action = token.kind != TokenKind::TransactionClose;
                WordKind::Mark
            }
            TokenKind::Pipeline => WordKind::Pipeline,
        };
        Word { kind, span: token.span }
    });
    Outline {
        words: words.collect(),
        next_line: lexer.ended.then_some(lexer.pos),
        open: lexer.open().map(|open| open.what),
        next: lexer.position.next,
        in_transaction: lexer.position.transaction.is_some(),
    }
}

/// What the word at `span` is as an argument.
fn argument_word(line: &str, span: Span) -> ArgumentWord {
    let text = span.of(line);
    let mut cursor = Cursor::new(text, span.start);
    // An error would say more than is wanted here, and take its time.
    let key = if text.contains('=') { argument::key(&mut cursor, Quoting::Ours).ok() } else { None };
    let Some((key, operator)) = key else {
        return ArgumentWord::Name(partial_key(text, span.start));
    };
    let value = cursor.rest();
    let first = value.chars().next();
    let (place, skip) = match (first, operator) {
        (Some('@'), _) => (ValuePlace::File, 1 + usize::from(value[1..].starts_with(['"', '\'']))),
        (_, Operator::Json) | (Some('{' | '['), _) => (ValuePlace::Json, 0),
        (Some(quote @ ('"' | '\'')), _) => (ValuePlace::Quoted(quote), 1),
        (Some('='), _) => (ValuePlace::Text, 1),
        _ => (ValuePlace::Plain, 0),
    };
    let span = Span::new(span.end - value.len() + skip, span.end);
    let value = argument::value(&mut cursor, operator, Quoting::Ours).ok();
    ArgumentWord::Pair(Box::new(Pair { key, place, span, value }))
}

/// Reads a key that has no `=` yet: what is missing is put there for the reading.
fn partial_key(text: &str, base: usize) -> Option<PartialKey> {
    if !text.contains(['.', '=', ':', '"', '\'']) {
        let span = Span::new(base, base + text.len());
        return Some(PartialKey { parts: Vec::new(), last: KeyPart { text: text.to_owned(), quoted: false, span } });
    }
    let open = text.is_empty() || text.ends_with('.');
    let whole = format!("{text}{}=", if open { "x" } else { "" });
    let (key, operator) = argument::key(&mut Cursor::new(&whole, base), Quoting::Ours).ok()?;
    let mut parts = key.parts;
    let mut last = parts.pop()?;
    if open {
        last.text.clear();
        last.span = Span::new(base + text.len(), base + text.len());
    }
    (operator == Operator::Typed).then_some(PartialKey { parts, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Vec<String> {
        let argument = |word: &ArgumentWord| match word {
            ArgumentWord::Name(None) => "unreadable".to_owned(),
            ArgumentWord::Name(Some(key)) => {
                let parts: Vec<_> = key.parts.iter().map(|part| part.text.as_str()).collect();
                format!("name {parts:?} {:?} at {:?}", key.last.text, key.last.span.of(line))
            }
            ArgumentWord::Pair(pair) => {
                let right = if pair.value.is_some() { "" } else { " wrong" };
                format!("{} {:?} {:?}{right}", pair.key.joined(), pair.place, pair.span.of(line))
            }
        };
        let word = |word: &Word| match &word.kind {
            WordKind::Argument(it) => argument(it),
            kind => format!("{kind:?} {:?}", word.span.of(line)),
        };
        outline(line).words.iter().map(word).collect()
    }

    #[test]
    fn words_of_lines() {
        let check = |line: &str, expected: &[&str]| assert_eq!(shown(line), expected, "{line}");
        check("", &[]);
        check("# comment", &[]);
        check("query-block", &[r#"Command { action: false } "query-block""#]);
        check(
            r#"c a=1 b.c="x y" d==z e:={"f":1} g=@h i=[1, j"#,
            &[
                r#"Command { action: false } "c""#,
                r#"a Plain "1""#,
                r#"b.c Quoted('"') "x y\"""#,
                r#"d Text "z""#,
                r#"e Json "{\"f\":1}""#,
                r#"g File "h""#,
                r#"i Json "[1, j" wrong"#,
            ],
        );
        check("c a", &[r#"Command { action: false } "c""#, r#"name [] "a" at "a""#]);
        check("c a.b.", &[r#"Command { action: false } "c""#, r#"name ["a", "b"] "" at """#]);
        check("c \"a.b\".c", &[r#"Command { action: false } "c""#, r#"name ["a.b"] "c" at "c""#]);
        check("c \"a", &[r#"Command { action: false } "c""#, "unreadable"]);
        check("c a=\"x", &[r#"Command { action: false } "c""#, r#"a Quoted('"') "x" wrong"#]);
        check(
            "transaction( a x=1; b ) p=2 | jq",
            &[
                r#"Mark "transaction(""#,
                r#"Command { action: true } "a""#,
                r#"x Plain "1""#,
                r#"Mark ";""#,
                r#"Command { action: true } "b""#,
                r#"Mark ")""#,
                r#"p Plain "2""#,
                r#"Pipeline "| jq""#,
            ],
        );
        check(".try {\"execute\":", &[r#"DotName ".try""#, r#"Json "{\"execute\":""#]);
        check(".hmp info x", &[r#"DotName ".hmp""#, r#"Raw "info x""#]);
        check("a x=1\nb", &[r#"Command { action: false } "a""#, r#"x Plain "1""#]);
        check(".wait STOP", &[r#"DotName ".wait""#, r#"DotWord "STOP""#]);
    }

    #[test]
    fn where_the_next_line_begins() {
        let check = |text: &str, expected: Option<usize>| assert_eq!(outline(text).next_line, expected, "{text:?}");
        check("", None);
        check("a", None);
        check("a\n", Some(2));
        check("# x\n\na\nb", Some(7));
        check("a x=[\n1]\nb", Some(9));
        check("transaction(\na\n", None);
        check("a | jq '[\nb", Some(10));
        check(".hmp 'x [\nb", Some(10));
    }
}
