//! The arguments of one command, to look up the tags of unions among them.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use crate::json;
use crate::language::syntax::{Argument, Value};

/// All arguments of one command or action, whatever their order.
#[derive(Debug)]
pub struct Given<'a> {
    arguments: &'a [Argument],
    /// Made when the first tag is looked up.
    by_path: OnceCell<HashMap<Vec<&'a str>, &'a Value>>,
}

impl<'a> Given<'a> {
    /// Those of a command.
    pub fn new(arguments: &'a [Argument]) -> Self {
        Self { arguments, by_path: OnceCell::new() }
    }

    /// The text at a path of keys; `None` if there is none, or if it is not in the line.
    pub fn text(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        let by_path = self.by_path.get_or_init(|| {
            let keyed = self.arguments.iter().map(|argument| {
                let path = argument.key.parts.iter().map(|part| part.text.as_str()).collect();
                (path, &argument.value)
            });
            keyed.collect()
        });
        text_of(by_path.get(path)?)
    }
}

/// The text that a value is; `None` if it is none, or if it is not in the line.
pub(crate) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Plain(text) | Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Json(json) => json::decode(json.as_str().as_bytes()),
        Value::TextFrom(_) | Value::JsonFrom(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::syntax::{Invocation, Statement, parse};

    #[test]
    fn texts_of_every_form() {
        let line = parse(r#"c a=1 b.c="x" d==y e:="z" f={} g=@file h.i.j=k"#).unwrap().unwrap();
        let Statement::Invoke(Invocation::Command(command)) = line.statement else { panic!() };
        let given = Given::new(&command.arguments);
        let check =
            |path: &[&str], expected: Option<&str>| assert_eq!(given.text(path).as_deref(), expected, "{path:?}");
        check(&["a"], Some("1"));
        check(&["b", "c"], Some("x"));
        check(&["d"], Some("y"));
        check(&["e"], Some("z"));
        check(&["f"], None);
        check(&["g"], None);
        check(&["h", "i", "j"], Some("k"));
        check(&["h", "i"], None);
        check(&["b.c"], None);
        check(&[], None);
    }
}
