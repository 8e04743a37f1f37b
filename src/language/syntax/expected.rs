//! What the language expects at the cursor.

use super::ast::{Key, Quoting};
use super::bare;
use super::outline::{ArgumentWord, Outline, PartialKey, ValuePlace, Word, outline};
use super::span::Span;
use super::token::{Next, TokenKind, dot_name};

/// What can stand at a place of a line. `span` is the text there already, up to that place; it may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The name of a command; outside a transaction also a dot command.
    Command {
        /// The name so far.
        span: Span,
        /// True if it is an action of a transaction.
        action: bool,
    },
    /// The name of an argument.
    Argument {
        /// The command or action that it belongs to.
        target: Target,
        /// The name so far, dotted or not.
        span: Span,
        /// Its parts; `None` if it cannot be read, such as within a quote.
        name: Option<PartialKey>,
    },
    /// The value of an argument.
    Value {
        /// The command or action that it belongs to.
        target: Target,
        /// The key of the argument.
        key: Key,
        /// The form of the value.
        place: ValuePlace,
        /// The value so far, without what opened it.
        span: Span,
    },
    /// The first word after a command that takes a bare word: the value of this argument, or the name of one.
    Bare {
        /// The command that it belongs to.
        target: Target,
        /// The argument that the word is if it has no `=`.
        key: Key,
        /// The form of the value.
        place: ValuePlace,
        /// The word so far, without what opened it.
        span: Span,
    },
    /// The name of a dot command.
    DotCommand {
        /// The name so far, with its dot.
        span: Span,
    },
    /// A word of a dot command.
    DotWord {
        /// The dot command's name, without the dot.
        command: String,
        /// The words before, with their quotes.
        words: Vec<String>,
        /// The word so far.
        span: Span,
    },
    /// Nothing of the language: this is a comment, a pipeline, or the inside of JSON.
    Nothing,
}

/// The command or action that an argument belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub command: String,
    /// True if it is an action of a transaction.
    pub action: bool,
}

/// Tells what can stand at `offset` (in bytes) of a logical line. Errors before it do not matter, nor does the text behind it.
pub fn expected_at(line: &str, offset: usize) -> Expected {
    let line = &line[..line.floor_char_boundary(offset)];
    outline(line).expected(line)
}

impl Outline {
    /// Tells what can stand at the end of `line`, whose words these are.
    pub fn expected(&self, line: &str) -> Expected {
        if self.next_line.is_some() || in_comment(line, self.words.last()) {
            return Expected::Nothing;
        }
        let here = Span::new(line.len(), line.len());
        let action = self.in_transaction;
        match self.words.split_last() {
            Some((word, before)) if word.span.end == line.len() => match word.kind {
                TokenKind::Command | TokenKind::Action => Expected::Command { span: word.span, action },
                TokenKind::DotName => Expected::DotCommand { span: word.span },
                TokenKind::TransactionOpen | TokenKind::Separator => Expected::Command { span: here, action },
                TokenKind::DotWord | TokenKind::Raw => dot_word(line, before, word.span),
                TokenKind::Argument => argument(line, before, word),
                TokenKind::Json | TokenKind::TransactionClose | TokenKind::Pipeline => Expected::Nothing,
            },
            _ => match self.next {
                Next::Command | Next::DotWords(Some(0)) | Next::TimeOrCommand => {
                    Expected::Command { span: here, action }
                }
                Next::DotWords(_) | Next::Raw | Next::Text => dot_word(line, &self.words, here),
                Next::Messages => Expected::Nothing,
                Next::Arguments => target(line, &self.words).map_or(Expected::Nothing, |target| {
                    let is_first = self.words.last().is_some_and(|word| word.kind == TokenKind::Command);
                    let key = bare::key(&target.command, "", line.len(), Quoting::Shell).filter(|_| is_first);
                    match key {
                        Some(key) => Expected::Bare { target, key, place: ValuePlace::Plain, span: here },
                        None => Expected::Argument { target, span: here, name: Some(PartialKey::empty(line.len())) },
                    }
                }),
            },
        }
    }
}

/// Returns true if a comment stands between the last word and the end.
fn in_comment(line: &str, last: Option<&Word>) -> bool {
    let gap = &line[last.map_or(0, |word| word.span.end)..];
    gap.rsplit('\n').next().is_some_and(|line| line.contains('#'))
}

fn dot_word(line: &str, before: &[Word], span: Span) -> Expected {
    let name = before.iter().rposition(|word| word.kind == TokenKind::DotName);
    let Some(name) = name else {
        return Expected::Nothing;
    };
    Expected::DotWord {
        command: dot_name(before[name].span.of(line)).to_owned(),
        words: before[name + 1..].iter().map(|word| word.span.of(line).to_owned()).collect(),
        span,
    }
}

fn argument(line: &str, before: &[Word], word: &Word) -> Expected {
    match (target(line, before), &word.argument) {
        (Some(target), Some(ArgumentWord::Name(name))) => {
            Expected::Argument { target, span: word.span, name: name.clone() }
        }
        (Some(target), Some(ArgumentWord::Bare(pair))) => {
            Expected::Bare { target, key: pair.key.clone(), place: pair.place, span: pair.span }
        }
        (Some(target), Some(ArgumentWord::Pair(pair))) => {
            Expected::Value { target, key: pair.key.clone(), place: pair.place, span: pair.span }
        }
        _ => Expected::Nothing,
    }
}

/// Tells what the words at the end of `words` are arguments of.
fn target(line: &str, words: &[Word]) -> Option<Target> {
    let first = words.iter().rfind(|word| word.kind != TokenKind::Argument)?;
    let (command, action) = match first.kind {
        TokenKind::TransactionOpen | TokenKind::Separator | TokenKind::TransactionClose => ("transaction", false),
        TokenKind::Command => (first.span.of(line), false),
        TokenKind::Action => (first.span.of(line), true),
        _ => return None,
    };
    Some(Target { command: command.to_owned(), action })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cursor stands at `^`.
    fn at(line: &str) -> String {
        let offset = line.find('^').unwrap();
        let line = line.replacen('^', "", 1);
        let shown = |target: &Target, span: &Span| {
            let action = if target.action { "action " } else { "" };
            format!("of {action}{} at {:?}", target.command, span.of(&line))
        };
        match expected_at(&line, offset) {
            Expected::Command { span, action } => {
                format!("{} at {:?}", if action { "action" } else { "command" }, span.of(&line))
            }
            Expected::Argument { target, span, .. } => format!("argument {}", shown(&target, &span)),
            Expected::Value { target, key, place, span } => {
                format!("{place:?} value of {} {}", key.joined(), shown(&target, &span))
            }
            Expected::Bare { target, key, place, span } => {
                format!("{place:?} bare {} {}", key.joined(), shown(&target, &span))
            }
            Expected::DotCommand { span } => format!("dot command at {:?}", span.of(&line)),
            Expected::DotWord { command, words, span } => {
                format!("word of {command} {words:?} at {:?}", span.of(&line))
            }
            Expected::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn each_place_expects_something() {
        let check = |line: &str, expected: &str| assert_eq!(at(line), expected, "{line}");
        check("^", r#"command at """#);
        check("  ^", r#"command at """#);
        check("que^ry", r#"command at "que""#);
        check("query-block ^", r#"argument of query-block at """#);
        check("c a=1 fi^", r#"argument of c at "fi""#);
        check("c a=1 b.c=2 d.e^", r#"argument of c at "d.e""#);
        check("c a=^", r#"Plain value of a of c at """#);
        check("c x=1 a=on^ y=2", r#"Plain value of a of c at "on""#);
        check("c a=\"my f^", r#"Quoted('"') value of a of c at "my f""#);
        check("c a='^", r#"Quoted('\'') value of a of c at """#);
        check("c a==x^", r#"Text value of a of c at "x""#);
        check("c a=@/etc/p^", r#"File value of a of c at "/etc/p""#);
        check("c a=@\"my f^", r#"File value of a of c at "my f""#);
        check("c a:=@f^", r#"File value of a of c at "f""#);
        check("c a:=tr^", r#"Json value of a of c at "tr""#);
        check("c a=[1, ^", r#"Json value of a of c at "[1, ""#);
        check("device_del ^", r#"Plain bare id of device_del at """#);
        check("device_del d0^", r#"Plain bare id of device_del at "d0""#);
        check(".try device_del d^", r#"Plain bare id of device_del at "d""#);
        check("device_del \"my d^", r#"Quoted('"') bare id of device_del at "my d""#);
        check("device_del d0 ^", r#"argument of device_del at """#);
        check("device_del id=^", r#"Plain value of id of device_del at """#);
        check("transaction( device_del ^", r#"argument of action device_del at """#);
        check("help que^", r#"word of help [] at "que""#);
        check("c bad a=1 x=[} ^", r#"argument of c at """#);
        check("c a=1\n^", "nothing");
        check(".^", r#"dot command at ".""#);
        check(".he^lp", r#"dot command at ".he""#);
        check(".help que^", r#"word of help [] at "que""#);
        check(".wait timeout=3 S^", r#"word of wait ["timeout=3"] at "S""#);
        check(".hmp info b^", r#"word of hmp [] at "info b""#);
        check(".try ^", r#"command at """#);
        check(".try que^", r#"command at "que""#);
        check(".fd ^", r#"word of fd [] at """#);
        check(".fd /x add-fd op^", r#"argument of add-fd at "op""#);
        check("transaction(^", r#"action at """#);
        check("transaction( a x=1; b^", r#"action at "b""#);
        check("transaction(\na x=1\nb y^", r#"argument of action b at "y""#);
        check("transaction( a x=^", r#"Plain value of x of action a at """#);
        check("transaction( a ) prop^", r#"argument of transaction at "prop""#);
        check("query-block # x^", "nothing");
        check("transaction( # x\n^", r#"action at """#);
        check("query-block | j^", "nothing");
        check("{\"execute\": ^", "nothing");
        check("{\"execute\":\"a\"} ^", "nothing");
        check("é^", r#"command at "é""#);
    }

    #[test]
    fn an_offset_within_a_character_or_behind_the_end_is_moved() {
        assert_eq!(expected_at("é", 1), Expected::Command { span: Span::new(0, 0), action: false });
        assert_eq!(expected_at("a", 99), Expected::Command { span: Span::new(0, 1), action: false });
    }
}
