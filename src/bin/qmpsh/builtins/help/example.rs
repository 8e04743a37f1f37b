//! Writes the JSON messages of a manual's examples as lines of this shell.

use std::io::{self, ErrorKind};

use bytes::Bytes;
use qmpsh::json::{decode, elements, members};
use qmpsh::language::syntax::{Invocation, JsonLine, Key, KeyPart, Span, Statement, parse};
use qmpsh::language::typing::{self, Needs, Sources, Types};
use serde_json::Value;

/// Writes the commands of an example, whose lines begin with `->`, as lines of this shell. Those that cannot be written so stay
/// JSON. An empty result, `<- { "return": {} }`, is left out.
pub(super) fn written(example: &[String], types: Types<'_>) -> Vec<String> {
    let mut shown = Vec::new();
    let mut rest = example;
    while let Some((first, after)) = rest.split_first() {
        let message = first.trim_start().strip_prefix("->").and_then(|message| read_message(message, after, types));
        if let Some((line, further)) = message {
            shown.extend(line.lines().map(str::to_owned));
            rest = &after[further..];
        } else {
            let is_reply =
                first.trim_start().strip_prefix("<-").map(|reply| reply.split_whitespace().collect::<String>());
            if is_reply.as_deref() != Some(r#"{"return":{}}"#) {
                shown.push(first.clone());
            }
            rest = after;
        }
    }
    shown
}

/// Reads a message that begins with `first`; returns it as a line, and how many of the lines after the first it takes.
fn read_message(first: &str, after: &[String], types: Types<'_>) -> Option<(String, usize)> {
    let mut message = first.to_owned();
    let ends = |line: &String| line.trim_start().starts_with(['-', '<']);
    let further = after.iter().take_while(|line| !ends(line));
    for (count, next) in further.map(Some).chain([None]).enumerate() {
        if let Some(line) = line(&message, types) {
            return Some((line, count));
        }
        message.push('\n');
        message.push_str(next?);
    }
    None
}

/// Writes a message as a line that sends the same; `None` if no line does. Each value is written as plainly as is possible.
fn line(message: &str, types: Types<'_>) -> Option<String> {
    let message = message.trim();
    let Statement::Invoke(Invocation::Json(json)) = statement(message)? else { return None };
    let expected = sent(message, types)?;
    let means_the_same = |pieces: &[Piece]| sent(&text(pieces), types).as_ref() == Some(&expected);
    // Where dotted keys would be names, as in `device_add`, objects are written as JSON.
    let mut pieces =
        [true, false].map(|dotted| pieces(&json, dotted)).into_iter().find(|pieces| means_the_same(pieces))?;
    for n in 0..pieces.len() {
        let Some(plain) = pieces[n].plain.take() else { continue };
        let strict = std::mem::replace(&mut pieces[n].text, plain);
        if !means_the_same(&pieces) {
            pieces[n].text = strict;
        }
    }
    Some(text(&pieces))
}

/// Reads a line that has one statement and no pipeline.
fn statement(line: &str) -> Option<Statement> {
    let parsed = <[_; 1]>::try_from(parse(line).ok()?).ok();
    let [line] = parsed?;
    line.pipeline.is_none().then_some(line.statement)
}

/// Returns the message that a line sends; `None` if that depends on more than the line and the schema.
fn sent(line: &str, types: Types<'_>) -> Option<Value> {
    let statement = statement(line)?;
    let (statement, is_oob) = match statement {
        Statement::Dot(dot) if dot.name.text == "oob" => (*dot.carried?, true),
        statement => (statement, false),
    };
    let Statement::Invoke(invocation) = statement else { return None };
    if Needs::of(&invocation).property.is_some() {
        return None;
    }
    let (request, _) = typing::request(&invocation, types, &mut Nothing).ok()?;
    let mut sent: Value = serde_json::from_str(request.text()).ok()?;
    if is_oob {
        let name = sent.as_object_mut()?.remove("execute")?;
        sent["exec-oob"] = name;
    }
    Some(sent)
}

/// A part of a line. A value is written strictly at first, in quotes or as `:=JSON`.
struct Piece {
    text: String,
    /// How a value is written if that means the same.
    plain: Option<String>,
}

impl Piece {
    fn fixed(text: impl Into<String>) -> Self {
        Self { text: text.into(), plain: None }
    }
}

fn text(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| &*piece.text).collect()
}

/// Returns the parts of the line for a message. `dotted` writes objects with dotted keys.
fn pieces(message: &JsonLine, dotted: bool) -> Vec<Piece> {
    let mut pieces = vec![Piece::fixed(if message.out_of_band { ".oob " } else { "" })];
    let arguments = message.arguments.as_ref().map_or("{}", |arguments| arguments.as_str());
    let all: Vec<(String, &[u8])> = named(arguments.as_bytes());
    let actions = all.iter().find(|(name, _)| name == "actions" && message.name.text == "transaction");
    let Some((_, actions)) = actions else {
        pieces.push(Piece::fixed(&*message.name.text));
        add_members(&mut pieces, &[], arguments.as_bytes(), dotted);
        return pieces;
    };
    pieces.push(Piece::fixed("transaction(\n"));
    for action in elements(&Bytes::copy_from_slice(actions)).into_iter().flatten() {
        let parts = named(&action);
        let part = |key: &str| parts.iter().find(|(name, _)| name == key).map_or(&b""[..], |(_, value)| value);
        pieces.push(Piece::fixed(format!("  {}", decode(part("type")).unwrap_or_default())));
        add_members(&mut pieces, &[], part("data"), dotted);
        pieces.push(Piece::fixed("\n"));
    }
    pieces.push(Piece::fixed(")"));
    for (name, value) in all.iter().filter(|(name, _)| name != "actions") {
        add(&mut pieces, &[part(name)], value, dotted);
    }
    pieces
}

/// Returns the members of a JSON object, their names decoded.
fn named(object: &[u8]) -> Vec<(String, &[u8])> {
    let decoded = |name: &[u8]| decode(&[b"\"", name, b"\""].concat()).unwrap_or_default().into_owned();
    members(object).into_iter().flatten().map(|(name, value)| (decoded(name), value)).collect()
}

/// A member's name as a part of a key.
fn part(name: &str) -> KeyPart {
    let is_index = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    KeyPart { text: name.to_owned(), quoted: is_index, span: Span::default() }
}

fn add_members(pieces: &mut Vec<Piece>, outer: &[KeyPart], object: &[u8], dotted: bool) {
    for (name, value) in named(object) {
        add(pieces, &[outer, &[part(&name)]].concat(), value, dotted);
    }
}

/// Adds the arguments for the value at this key.
fn add(pieces: &mut Vec<Piece>, key: &[KeyPart], value: &[u8], dotted: bool) {
    let list: Vec<Bytes> = elements(&Bytes::copy_from_slice(value)).into_iter().flatten().collect();
    match &list[..] {
        // A longer list is easier to read as JSON.
        [element] if dotted => {
            let index = KeyPart { quoted: false, ..part("0") };
            add(pieces, &[key, &[index]].concat(), element, dotted);
        }
        [] if dotted && !named(value).is_empty() => add_members(pieces, key, value, dotted),
        _ => {
            let key = Key { parts: key.to_vec(), span: Span::default() };
            let json = String::from_utf8_lossy(value);
            let (strict, plain) = match decode(value) {
                Some(text) => (format!("={json}"), format!("={text}")),
                None => (format!(":={json}"), format!("={json}")),
            };
            pieces.extend([Piece::fixed(format!(" {key}")), Piece { text: strict, plain: Some(plain) }]);
        }
    }
}

/// No value of an example comes from elsewhere.
struct Nothing;

impl Sources for Nothing {
    fn file(&mut self, _: &str) -> io::Result<Vec<u8>> {
        Err(ErrorKind::NotFound.into())
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        Err(ErrorKind::NotFound.into())
    }

    fn secret(&mut self, _: &str) -> io::Result<String> {
        Err(ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(example: &str) -> String {
        let lines: Vec<String> = example.lines().map(str::to_owned).collect();
        written(&lines, Types::default()).join("\n")
    }

    #[test]
    fn examples_become_lines_of_the_shell() {
        let check = |example: &str, expected: &str| assert_eq!(shown(example), expected, "{example}");
        check("-> { \"execute\": \"stop\" }\n<- { \"return\": {} }", "stop");
        check(
            "-> {\"execute\": \"x\", \"arguments\": {\"a\": \"b c\", \"n\": 1,\n  \"t\": true } }",
            "x a=\"b c\" n=1 t=true",
        );
        check(
            "-> {\"execute\":\"x\",\"arguments\":{\"a\":{\"b\":\"c\",\"d\":[5]},\"e\":[1,2],\"f\":{}}}",
            "x a.b=c a.d.0=5 e=[1,2] f={}",
        );
        // What a word would mean otherwise stays a string or a number.
        check(
            "-> {\"execute\":\"x\",\"arguments\":{\"id\":\"0123\",\"n\":\"5\",\"b\":\"true\",\"s\":\"it's | {a}\",\"e\":\"\"}}",
            "x id=0123 n=\"5\" b=\"true\" s=\"it's | {a}\" e=",
        );
        check(
            "-> {\"execute\":\"device_add\",\"arguments\":{\"driver\":\"e1000\",\"on\":true,\"a.b\":1,\"l\":{\"m\":1}}}",
            "device_add driver=e1000 on:=true \"a.b\":=1 l={\"m\":1}",
        );
        check("-> {\"exec-oob\":\"yank\",\"arguments\":{\"a\":\"b\"}}", ".oob yank a=b");
        check(
            "-> {\"execute\":\"transaction\",\"arguments\":{\"actions\":[{\"type\":\"a\",\"data\":{\"b\":\"c;\"}},\
               {\"type\":\"abort\",\"data\":{}}],\"properties\":{\"m\":\"g\"}}}",
            "transaction(\n  a b=\"c;\"\n  abort\n) properties.m=g",
        );
        // The type of the property decides.
        check(
            "-> {\"execute\":\"qom-set\",\"arguments\":{\"path\":\"/m\",\"property\":\"p\",\"value\":false}}",
            "qom-set path=/m property=p value:=false",
        );
    }

    #[test]
    fn what_cannot_be_converted_stays() {
        for example in [
            "-> { \"execute\": ... }\n<- { \"return\": { \"a\": 1 } }",
            "-> {\"execute\": \"x\"\n\n1.\ntext\n<- { \"error\": {} }",
            "<- { \"event\": \"STOP\" }",
            "-> ",
            "",
        ] {
            assert_eq!(shown(example), example.trim_end_matches('\n'));
        }
        let text = "1.\n-> {\"execute\":\n \"x\"}\n<- { \"return\": [] }\n\n2.\n-> {\"execute\": \"y\"}\n(text)";
        assert_eq!(shown(text), "1.\nx\n<- { \"return\": [] }\n\n2.\ny\n(text)");
    }
}
