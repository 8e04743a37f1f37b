//! The words of a line that may be unfinished or wrong: colors and completion are made of them.

use super::argument::{self, Operator};
use super::ast::{Key, KeyPart, Quoting, Value};
use super::bare;
use super::cursor::Cursor;
use super::error::Opening;
use super::lexer::{self, Lexer};
use super::span::Span;
use super::token::{Next, Token, TokenKind};

/// A logical line, right or wrong, as its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// All of them, in order.
    pub words: Vec<Word>,
    /// Where the next logical line begins; `None` if this one extends to the end of the text.
    pub next_line: Option<usize>,
    /// What is open at the end of the text, so that the line continues.
    pub open: Option<Opening>,
    /// What a word at the end would be.
    pub(super) next: Next,
    /// True if a transaction is open at the end.
    pub(super) in_transaction: bool,
}

/// One word of a line, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it is by its place.
    pub kind: TokenKind,
    /// Its place.
    pub span: Span,
    /// Its key and value, if it is an argument.
    pub argument: Option<ArgumentWord>,
}

/// A word that is `KEY=VALUE`, or may become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentWord {
    /// There is no `=` yet; `None` if it cannot be read, such as within a quote.
    Name(Option<PartialKey>),
    /// The key is there.
    Pair(Box<Pair>),
    /// The first word after a command that takes a bare word: its argument, or a name that is still being typed.
    Bare(Box<Pair>),
}

/// The beginning of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialKey {
    /// The parts with a dot behind them.
    pub parts: Vec<KeyPart>,
    /// The part that follows, which may be empty.
    pub last: KeyPart,
}

impl PartialKey {
    /// Returns an empty key at `place`.
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
    /// The place of the value so far, without what opened it.
    pub span: Span,
    /// The value, if it is finished and right.
    pub value: Option<Value>,
}

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValuePlace {
    /// `KEY=…`
    Plain,
    /// After an opening quote, this one.
    Quoted(char),
    /// `KEY==…`: text that is never interpreted.
    Text,
    /// `KEY=@…` or `KEY:=@…`: a file name.
    File,
    /// `KEY:=…`, or within `{…}` or `[…]`.
    Json,
}

/// Reads the words of the logical line that `text` begins with. It looks at each byte a fixed number of times.
pub fn outline(text: &str) -> Outline {
    let lexer = Lexer::read(text);
    Outline {
        words: read_words(text, &lexer.tokens, Quoting::Shell),
        next_line: lexer.ended.then_some(lexer.pos),
        open: lexer.open().map(|open| open.what),
        next: lexer.position.next,
        in_transaction: lexer.position.transaction.is_some(),
    }
}

/// Returns the words of a command line, each of them finished, joined by spaces, and what each is. See
/// [`parse_words`](super::parse_words).
pub fn outline_words(words: &[String]) -> (String, Vec<Word>) {
    let (text, spans) = lexer::join(words);
    let words = read_words(&text, &lexer::read_words(&text, &spans), Quoting::Done);
    (text, words)
}

fn read_words(text: &str, tokens: &[Token], quoting: Quoting) -> Vec<Word> {
    let words = tokens.iter().enumerate().map(|(n, token)| Word {
        kind: token.kind,
        span: token.span,
        argument: (token.kind == TokenKind::Argument).then(|| {
            let command = n.checked_sub(1).map(|n| tokens[n]).filter(|token| token.kind == TokenKind::Command);
            let bare = command.and_then(|command| bare_word(text, command.span.of(text), token.span, quoting));
            bare.unwrap_or_else(|| argument_word(text, token.span, quoting))
        }),
    });
    words.collect()
}

/// Reads the first word after `command`, at `span`, as a bare word.
fn bare_word(line: &str, command: &str, span: Span, quoting: Quoting) -> Option<ArgumentWord> {
    let raw = span.of(line);
    let key = bare::key(command, raw, span.start, quoting)?;
    let quote = raw.chars().next().filter(|first| quoting == Quoting::Shell && matches!(first, '"' | '\''));
    let value = bare::read(command, key.clone(), raw, span.start, quoting).ok().map(|argument| argument.value);
    let place = quote.map_or(ValuePlace::Plain, ValuePlace::Quoted);
    let span = Span::new(span.start + usize::from(quote.is_some()), span.end);
    Some(ArgumentWord::Bare(Box::new(Pair { key, place, span, value })))
}

/// Reads the word at `span` as an argument.
fn argument_word(line: &str, span: Span, quoting: Quoting) -> ArgumentWord {
    let text = span.of(line);
    let mut cursor = Cursor::new(text, span.start);
    // Without `=` there is no need to make an error.
    let key = if text.contains('=') { argument::key(&mut cursor, quoting).ok() } else { None };
    let Some((key, operator)) = key else {
        return ArgumentWord::Name(partial_key(text, span.start));
    };
    let value = cursor.rest();
    let first = value.chars().next();
    let (place, skip) = match (first, operator) {
        (Some('@'), _) => (ValuePlace::File, 1 + usize::from(value[1..].starts_with(['"', '\'']))),
        (_, Operator::Json) | (Some('{' | '['), _) => (ValuePlace::Json, 0),
        (Some(quote @ ('"' | '\'')), _) if quoting == Quoting::Shell => (ValuePlace::Quoted(quote), 1),
        (Some('='), _) => (ValuePlace::Text, 1),
        _ => (ValuePlace::Plain, 0),
    };
    let span = Span::new(span.end - value.len() + skip, span.end);
    let value = argument::value(&mut cursor, operator, quoting).ok();
    ArgumentWord::Pair(Box::new(Pair { key, place, span, value }))
}

/// Reads a key that has no `=` yet: adds what is missing.
fn partial_key(text: &str, base: usize) -> Option<PartialKey> {
    if !text.contains(['.', '=', ':', '"', '\'']) {
        let span = Span::new(base, base + text.len());
        return Some(PartialKey { parts: Vec::new(), last: KeyPart { text: text.to_owned(), quoted: false, span } });
    }
    let open = text.is_empty() || text.ends_with('.');
    let whole = format!("{text}{}=", if open { "x" } else { "" });
    let (key, operator) = argument::key(&mut Cursor::new(&whole, base), Quoting::Shell).ok()?;
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
            ArgumentWord::Pair(pair) | ArgumentWord::Bare(pair) => {
                let right = if pair.value.is_some() { "" } else { " wrong" };
                format!("{} {:?} {:?}{right}", pair.key.joined(), pair.place, pair.span.of(line))
            }
        };
        let word = |word: &Word| match &word.argument {
            Some(found) => argument(found),
            None => format!("{:?} {:?}", word.kind, word.span.of(line)),
        };
        outline(line).words.iter().map(word).collect()
    }

    #[test]
    fn a_line_is_split_into_its_words() {
        let check = |line: &str, expected: &[&str]| assert_eq!(shown(line), expected, "{line}");
        check("", &[]);
        check("# comment", &[]);
        check("query-block", &[r#"Command "query-block""#]);
        check(
            r#"c a=1 b.c="x y" d==z e:={"f":1} g=@h i=[1, j"#,
            &[
                r#"Command "c""#,
                r#"a Plain "1""#,
                r#"b.c Quoted('"') "x y\"""#,
                r#"d Text "z""#,
                r#"e Json "{\"f\":1}""#,
                r#"g File "h""#,
                r#"i Json "[1, j" wrong"#,
            ],
        );
        check("c a", &[r#"Command "c""#, r#"name [] "a" at "a""#]);
        check("device_del d0 x=1", &[r#"Command "device_del""#, r#"id Plain "d0""#, r#"x Plain "1""#]);
        check("device_del \"my d", &[r#"Command "device_del""#, r#"id Quoted('"') "my d" wrong"#]);
        check("device_del d0;", &[r#"Command "device_del""#, r#"id Plain "d0;" wrong"#]);
        check("c a.b.", &[r#"Command "c""#, r#"name ["a", "b"] "" at """#]);
        check("c \"a.b\".c", &[r#"Command "c""#, r#"name ["a.b"] "c" at "c""#]);
        check("c \"a", &[r#"Command "c""#, "unreadable"]);
        check("c a=\"x", &[r#"Command "c""#, r#"a Quoted('"') "x" wrong"#]);
        check(
            "transaction( a x=1; b ) p=2 | jq",
            &[
                r#"TransactionOpen "transaction(""#,
                r#"Action "a""#,
                r#"x Plain "1""#,
                r#"Separator ";""#,
                r#"Action "b""#,
                r#"TransactionClose ")""#,
                r#"p Plain "2""#,
                r#"Pipeline "| jq""#,
            ],
        );
        check(".try {\"execute\":", &[r#"DotName ".try""#, r#"Json "{\"execute\":""#]);
        check(".hmp info x", &[r#"DotName ".hmp""#, r#"Raw "info x""#]);
        check(".hmp info block | grep d0", &[r#"DotName ".hmp""#, r#"Raw "info block""#, r#"Pipeline "| grep d0""#]);
        check("a x=1\nb", &[r#"Command "a""#, r#"x Plain "1""#]);
        check(".wait STOP", &[r#"DotName ".wait""#, r#"DotWord "STOP""#]);
    }

    #[test]
    fn some_lines_of_the_human_monitor_have_a_pipeline() {
        let check = |line: &str, expected: (&str, Option<&str>)| {
            let text = format!(".hmp {line}");
            let words = outline(&text).words;
            let raw = words.iter().find(|word| word.kind == TokenKind::Raw).unwrap();
            let pipeline = words.iter().find(|word| word.kind == TokenKind::Pipeline);
            assert_eq!((raw.span.of(&text), pipeline.map(|word| word.span.of(&text))), expected, "{line}");
        };
        check("info registers -a | grep RIP", ("info registers -a", Some("| grep RIP")));
        check("info\tqtree \t|\tless", ("info\tqtree", Some("|\tless")));
        check("help | grep ' | ' | wc -l", ("help", Some("| grep ' | ' | wc -l")));
        check("qom-list /machine | sort", ("qom-list /machine", Some("| sort")));
        check("qom-get /machine type | cat", ("qom-get /machine type", Some("| cat")));
        check("info block |", ("info block", Some("|")));
        check("info block # a | b", ("info block # a", Some("| b")));
        for line in ["qemu-io d0 \"read 0 | 512\"", "qemu-io d0 \"a\\\" | b"] {
            check(line, (line, None));
        }
        check("qemu-io d0 \"a | b\" | c", ("qemu-io d0 \"a | b\"", Some("| c")));
        check("qemu-io d0 \"a\\\" | b\" | c", ("qemu-io d0 \"a\\\" | b\"", Some("| c")));
        for line in [
            "print 1 | 2",
            "x /4x $eip | 3",
            "xp/4x 1 | 2",
            "info lapic 1 | 2",
            "info  lapic 1 | 2",
            "migrate exec:cat | dd of=x",
            "drive_add 0 file=a | b",
            "info block|grep x",
            "info block |grep x",
            "info block || x",
            "infoblock | x",
            "savevm a | b",
        ] {
            check(line, (line, None));
        }
    }

    #[test]
    fn the_next_line_begins_behind_the_logical_line() {
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
