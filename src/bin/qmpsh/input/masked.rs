//! A line without its secrets, for messages about it.

use qmpsh::language::syntax::{ArgumentWord, Span, TokenKind, ValuePlace, outline, shown};
use qmpsh::secrets::{is_secret_argument, is_secret_command, is_secret_name, line_has_secret};

/// The text in place of a secret.
const MASK: &str = "***";

/// A text with [`MASK`] in place of each secret.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    pub(crate) text: String,
    /// The place of each secret in the original text, and the beginning of its mask.
    cuts: Vec<(Span, usize)>,
    /// The secrets themselves.
    hidden: Vec<String>,
}

impl Masked {
    /// Masks a line.
    pub(crate) fn line(text: &str) -> Self {
        // As in `set_password(vnc, SECRET)`.
        let has_secret = line_has_secret(text) || (text.contains('(') && line_has_secret(&text.replacen('(', " ", 1)));
        let secrets = if has_secret { secrets(text) } else { Vec::new() };
        Self::without(text, secrets)
    }

    /// Masks the words of a command line, joined by spaces.
    pub(crate) fn words(words: &[String]) -> Self {
        let text = words.join(" ");
        let mut secrets = Vec::new();
        if line_has_secret(&text) {
            let command = words.iter().find(|word| !word.starts_with('.')).map_or("", String::as_str);
            let is_hmp = words.first().is_some_and(|word| word == ".hmp");
            let mut start = 0;
            for word in words {
                let span = Span::new(start, start + word.len());
                start = span.end + 1;
                match word.split_once('=') {
                    _ if word.starts_with('{') => json(&text, span, &mut secrets),
                    _ if is_hmp && span.start > 0 => secrets.push(span),
                    Some((key, value)) if is_secret_argument(command, key.trim_end_matches(':'), value) => {
                        secrets.push(Span::new(span.end - value.len(), span.end));
                    }
                    None if is_secret_command(command) && word != command && !word.starts_with('.') => {
                        secrets.push(span);
                    }
                    _ => {}
                }
            }
        }
        Self::without(&text, secrets)
    }

    /// Masks `secrets`, which are in order.
    fn without(text: &str, secrets: Vec<Span>) -> Self {
        let mut masked = Self::default();
        let mut end = 0;
        for span in secrets {
            masked.text.push_str(&text[end..span.start]);
            masked.cuts.push((span, masked.text.len()));
            masked.hidden.push(span.of(text).to_owned());
            masked.text.push_str(MASK);
            end = span.end;
        }
        masked.text.push_str(&text[end..]);
        masked
    }

    /// Returns the place in the masked text of a place in the original.
    pub(crate) fn span(&self, span: Span) -> Span {
        let at = |offset: usize, within: usize| {
            let cut = self.cuts.iter().rfind(|(secret, _)| secret.start <= offset);
            cut.map_or(offset, |(secret, start)| match offset.checked_sub(secret.end) {
                Some(behind) => start + MASK.len() + behind,
                None if offset == secret.start => *start,
                None => start + within,
            })
        };
        Span::new(at(span.start, 0), at(span.end, MASK.len()))
    }

    /// Masks the secrets that a message about the text quotes.
    pub(crate) fn hide(&self, message: String) -> String {
        let quoted = format!("`{MASK}`");
        self.hidden.iter().fold(message, |message, secret| message.replace(&shown(secret), &quoted))
    }
}

/// Finds the secrets of a line that has some.
fn secrets(text: &str) -> Vec<Span> {
    let mut secrets = Vec::new();
    let mut start = 0;
    loop {
        let line = outline(&text[start..]);
        let mut command = "";
        // As in `change vnc password SECRET` of the human monitor.
        let mut is_named = false;
        for word in &line.words {
            let at = |span: Span| Span::new(start + span.start, start + span.end);
            let span = at(word.span);
            match (word.kind, &word.argument) {
                (TokenKind::Command | TokenKind::Action, _) => command = span.of(text),
                (_, Some(ArgumentWord::Pair(pair) | ArgumentWord::Bare(pair))) => {
                    let value = at(pair.span);
                    let is_file = pair.place == ValuePlace::File;
                    if !is_file && is_secret_argument(command, &pair.key.joined(), value.of(text)) {
                        secrets.push(match pair.place {
                            ValuePlace::Quoted(quote) if value.of(text).ends_with(quote) => {
                                Span::new(value.start, value.end - 1)
                            }
                            _ => value,
                        });
                    }
                }
                (_, Some(ArgumentWord::Name(_))) if is_secret_command(command) || is_named => secrets.push(span),
                // Behind the prompt of another program.
                (_, Some(ArgumentWord::Name(_))) if is_secret_command(span.of(text)) => command = span.of(text),
                (TokenKind::Json, _) => json(text, span, &mut secrets),
                (TokenKind::Raw, _) => secrets.push(span),
                (TokenKind::Pipeline, _) if line_has_secret(span.of(text)) => {
                    secrets.push(Span::new(span.start + 1, span.end));
                }
                _ => {}
            }
            is_named = matches!(word.argument, Some(ArgumentWord::Name(_))) && is_secret_name(span.of(text));
        }
        match line.next_line {
            Some(next) => start += next,
            None => break,
        }
    }
    // What is written in a way of its own may be anywhere behind the first word.
    let is_odd = text.starts_with(['.', '[', '"', '\'']) || text.contains('(');
    if secrets.is_empty() && is_odd && !text.contains("=@") {
        let is_word = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
        let end = if is_word { text.find([' ', '\t', '(']).unwrap_or(text.len()) } else { 0 };
        secrets.push(Span::new(end, text.len()));
    }
    secrets
}

/// Finds the values of secret members in JSON, which may be invalid and may hold several messages.
fn json(text: &str, span: Span, secrets: &mut Vec<Span>) {
    let (mut start, mut at, mut depth) = (span.start, span.start, 0_usize);
    while at < span.end {
        match text.as_bytes()[at] {
            quote @ (b'"' | b'\'') => at = string_end(text, at + 1, span.end, quote),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => {
                message(text, Span::new(start, at + 1), secrets);
                (start, depth) = (at + 1, 0);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    message(text, Span::new(start, span.end), secrets);
}

/// Returns the place of the quote that ends a string, or of the end.
fn string_end(text: &str, start: usize, end: usize, quote: u8) -> usize {
    let mut at = start;
    while at < end && text.as_bytes()[at] != quote {
        at += if text.as_bytes()[at] == b'\\' { 2 } else { 1 };
    }
    at.min(end)
}

/// Finds the secrets of one message. If it has one and none is found, all of it is secret.
fn message(text: &str, span: Span, secrets: &mut Vec<Span>) {
    let before = secrets.len();
    let bytes = text.as_bytes();
    let (mut at, mut name, mut command) = (span.start, None, "");
    while at < span.end {
        let quote = bytes[at];
        at += 1;
        let is_value = |name: &str| is_secret_argument(command, name, "");
        match quote {
            b'"' | b'\'' => {}
            // What is no string.
            b' ' | b'\t' | b'\n' | b'\r' | b':' | b'{' => continue,
            _ if name.is_some_and(is_value) => {
                secrets.push(Span::new(at - 1, span.end));
                return;
            }
            _ => continue,
        }
        let start = at;
        let end = string_end(text, start, span.end, quote);
        at = (end + 1).min(span.end);
        let Some(value) = text.get(start..end) else { continue };
        let is_name = text.get(at..span.end).is_some_and(|rest| rest.trim_start().starts_with(':'));
        if is_name {
            name = Some(value);
            continue;
        }
        match name.take() {
            Some("execute" | "exec-oob") => command = value,
            Some(name) if is_secret_argument(command, name, value) => secrets.push(Span::new(start, end)),
            None if line_has_secret(value) => secrets.push(Span::new(start, end)),
            _ => {}
        }
    }
    if secrets.len() == before && line_has_secret(span.of(text)) {
        secrets.push(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The masked text with `[…]` around the place that is between them in `line`.
    fn marked(line: &str, mask: impl Fn(&str) -> Masked) -> String {
        let start = line.find('<').unwrap();
        let line = line.replacen('<', "", 1);
        let end = line.find('>').unwrap();
        let line = line.replacen('>', "", 1);
        let masked = mask(&line);
        let span = masked.span(Span::new(start, end));
        format!("{}<{}>{}", &masked.text[..span.start], span.of(&masked.text), &masked.text[span.end..])
    }

    #[test]
    fn secrets_of_lines_are_masked() {
        let check = |line: &str, expected: &str| assert_eq!(marked(line, Masked::line), expected, "{line}");
        check("block_resize id=x <oops>", "block_resize id=x <oops>");
        check("set_password protocol=vnc password=hunter2 <oops>", "set_password protocol=vnc password=*** <***>");
        check("set_password <oops> password=hunter2 x=1", "set_password <***> password=*** x=1");
        check("set_password password=\"hun ter\" protocol<=>", "set_password password=\"***\" protocol<=>");
        check("set_password password=\"hun<\\q>ter\" x=1", "set_password password=\"<***>\" x=1");
        check("set_password password='hunter<2>", "set_password password='<***>");
        check("x password=@file cookie=c <y>", "x password=@file cookie=*** <y>");
        check("change vnc password <hunter2>", "change vnc password <***>");
        check("(qemu) set_password vnc <hunter2>", "(qemu) set_password *** <***>");
        check("set_password vnc <hunter2>", "set_password *** <***>");
        check("<set_password>(vnc, hunter2)", "<set_password>***");
        check("<.set_password> password=hunter2", "<.set_password>***");
        check("<[>{\"execute\":\"x\",\"arguments\":{\"password\":\"p\"}}]", "<***>");
        check("object-add qom-type=secret id=s data=x <y>", "object-add qom-type=secret id=s data=*** <y>");
        check("blockdev-add driver=https url=https://u:p@h/f <y>", "blockdev-add driver=https url=*** <y>");
        check("blockdev-add key-secret=s password=p <y>", "blockdev-add key-secret=s password=*** <y>");
        check("stop\nx password=p <y>", "stop\nx password=*** <y>");
        check(
            r#"{"execute": "x", "arguments": {"password": "p", "a": 1<,>}}"#,
            r#"{"execute": "x", "arguments": {"password": "***", "a": 1<,>}}"#,
        );
        // Each of several messages has its own.
        let first = r#"{"execute":"a","arguments":{"password":"p"}}"#;
        let data = r#""arguments":{"qom-type":"secret","data":"S"}"#;
        check(
            &format!(r#"{first}{{"execute":"object-add",{data}<,>,}}"#),
            &format!(
                r#"{}{{"execute":"object-add",{}<,>,}}"#,
                first.replace("\"p\"", "\"***\""),
                data.replace('S', "***")
            ),
        );
        check(
            &format!(r#"{first}{{{data},"execute":"object-add"<,>,}}"#),
            &format!("{}<***>", first.replace("\"p\"", "\"***\"")),
        );
        check(r#"{"a": {"password": [1, "S"], "b": 1<,>,}}"#, r#"{"a": {"password": <***>"#);
        check(r#"{"a": {"password": 5, "b": 1<,>,}}"#, r#"{"a": {"password": <***>"#);
        check(r#"{"execute": "set_password" <1>} x"#, r#"{"execute": "set_password" <1>} x"#);
        check("stop | curl https://u:p@h <>", "stop |***<>");
        check("transaction(\na password=p\nb <x>", "transaction(\na password=***\nb <x>");
    }

    #[test]
    fn secrets_of_words_are_masked() {
        let mask = |line: &str| Masked::words(&line.split('|').map(str::to_owned).collect::<Vec<_>>());
        let check = |line: &str, expected: &str| assert_eq!(marked(line, mask), expected, "{line}");
        check("stop|<x>", "stop <x>");
        check("set_password|password=my dog|<x>=", "set_password password=*** <x>=");
        check("set_password|<hunter2>", "set_password <***>");
        check(".try|set_password|password=p|<x>", ".try set_password password=*** <***>");
        check("blockdev-add|password==p|<x>", "blockdev-add password=*** <x>");
    }

    #[test]
    fn secrets_quoted_in_messages_are_masked() {
        let masked = Masked::line("set_password vnc hunter2");
        assert_eq!(masked.hide("`hunter2` is not KEY=VALUE".into()), "`***` is not KEY=VALUE");
    }
}
