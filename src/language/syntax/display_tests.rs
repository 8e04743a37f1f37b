//! Prints statements as text that means the same, for the property tests.

use std::fmt::{self, Display, Formatter, Write as _};

use super::ast::{
    Argument, Command, DotCommand, DotWord, Invocation, JsonLine, Line, Quoting, Source, Statement, Transaction, Value,
    needs_quotes,
};
use crate::json::quoted;

/// What is printed means the same to [`parse`](super::parse).
impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.statement.fmt(f)?;
        self.pipeline.as_ref().map_or(Ok(()), |pipeline| write!(f, " | {}", pipeline.text))
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invoke(Invocation::Command(command)) => command.fmt(f),
            Self::Invoke(Invocation::Json(line)) => line.fmt(f),
            Self::Invoke(Invocation::Transaction(transaction)) => transaction.fmt(f),
            Self::Dot(dot) => dot.fmt(f),
        }
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name.text)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// A command within a transaction, where a `;` at the end of a word separates, and a `)` may end the transaction.
struct Action<'a>(&'a Command);

impl Display for Action<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name.text)?;
        for argument in &self.0.arguments {
            match &argument.value {
                Value::Plain(text) if text.ends_with([';', ')']) => write!(f, " {}={}", argument.key, Quoted(text))?,
                Value::TextFrom(Source::File(name)) if name.ends_with([';', ')']) => {
                    write!(f, " {}=@{}", argument.key, Quoted(name))?;
                }
                Value::JsonFrom(Source::File(name)) if name.ends_with([';', ')']) => {
                    write!(f, " {}:=@{}", argument.key, Quoted(name))?;
                }
                _ => write!(f, " {argument}")?,
            }
        }
        Ok(())
    }
}

impl Display for Transaction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("transaction(")?;
        for (n, action) in self.actions.iter().enumerate() {
            write!(f, "{} {}", if n == 0 { "" } else { " ;" }, Action(action))?;
        }
        f.write_str(" )")?;
        self.properties.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

impl Display for JsonLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"{}\":{}", if self.out_of_band { "exec-oob" } else { "execute" }, Quoted(&self.name.text))?;
        if let Some(arguments) = &self.arguments {
            write!(f, ",\"arguments\":{}", arguments.as_str())?;
        }
        if let Some(id) = &self.id {
            write!(f, ",\"id\":{}", id.as_str())?;
        }
        f.write_char('}')
    }
}

impl Display for DotCommand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, ".{}", self.name.text)?;
        if self.words.is_empty() && self.carried.is_none() && !self.rest.text.is_empty() {
            return write!(f, " {}", self.rest.text);
        }
        self.words.iter().try_for_each(|word| write!(f, " {word}"))?;
        self.carried.as_ref().map_or(Ok(()), |carried| write!(f, " {carried}"))
    }
}

impl Display for DotWord {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.quoting, self.argument()) {
            (Quoting::Done, Ok(argument)) => argument.fmt(f),
            (Quoting::Done, Err(_)) if needs_quotes(&self.raw) => Quoted(&self.raw).fmt(f),
            (Quoting::Shell, _) | (Quoting::Done, Err(_)) => f.write_str(&self.raw),
        }
    }
}

impl Display for Argument {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)?;
        match &self.value {
            Value::Plain(text) if is_plain(text) => write!(f, "={text}"),
            Value::Plain(text) | Value::Text(text) => write!(f, "={}", Quoted(text)),
            Value::Json(json) => write!(f, ":={}", json.as_str()),
            Value::TextFrom(source) => write!(f, "={source}"),
            Value::JsonFrom(source) => write!(f, ":={source}"),
        }
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("@-"),
            Self::Secret => f.write_str("@?"),
            Self::File(name) if is_plain(name) && !name.is_empty() && name != "-" && name != "?" => {
                write!(f, "@{name}")
            }
            Self::File(name) => write!(f, "@{}", Quoted(name)),
        }
    }
}

struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        out.push_str(&quoted(self.0));
        f.write_str(&out)
    }
}

/// Returns true if a value means the same without quotes.
fn is_plain(text: &str) -> bool {
    !text.contains(is_space) && !text.starts_with(['"', '\'', '{', '[', '@', '='])
}

fn is_space(c: char) -> bool {
    u8::try_from(c).is_ok_and(super::cursor::is_space)
}
