//! The shell's language: from the text of a line to the message that is sent, and what helps to type it.

use std::borrow::Cow;
use std::hint::black_box;
use std::io;
use std::sync::LazyLock;

use qmpsh::language::complete::{BuiltinCommand, Context, Lines, Nothing, Takes, colors, complete, complete_hmp, hint};
use qmpsh::language::hmp::HumanMonitor;
use qmpsh::language::meant;
use qmpsh::language::syntax::{
    Assembler, Dialect, Expected, Invocation, LogicalLine, Span, Statement, SyntaxError, expected_at, outline, parse,
    parse_words,
};
use qmpsh::language::typing::{Needs, Sources, Types, hints, request};
use qmpsh::message::Request;
use qmpsh::schema::Schema;
use serde_json::Value;

use super::Numbers;

/// What QEMU can do, in part.
static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse(include_bytes!("../corpus/schema/qemu-11.1")).expect("a schema"));

const BUILTINS: &[BuiltinCommand<'static>] = &[
    BuiltinCommand { name: "try", words: "COMMAND", about: "Run a command.", takes: Takes::Listed },
    BuiltinCommand { name: "hmp", words: "LINE", about: "Run a line.", takes: Takes::HmpLine },
    BuiltinCommand {
        name: "wait",
        words: "[timeout=S] EVENT [PATH=VALUE]",
        about: "Wait.",
        takes: Takes::EventAndData,
    },
    BuiltinCommand { name: "job", words: "ID", about: "Wait.", takes: Takes::Job },
];

/// Checks a line, or several.
pub fn check(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    for schema in [None, Some(&*SCHEMA)] {
        read(text, schema);
        help(text, schema);
    }
    let words: Vec<String> = text.split('\n').map(str::to_owned).collect();
    if let Err(error) = parse_words(&words) {
        is_whole(&error, &words.join(" "));
    }
    if let Err(error) = LogicalLine::new(text, 1, Dialect::Hmp).parse() {
        is_whole(&error, text);
    }
    black_box(HumanMonitor::default().request(text).is_ok());
    join(text);
}

/// What is parsed is in the text, and its message is one that QEMU can read.
fn read(text: &str, schema: Option<&Schema>) {
    let lines = match parse(text) {
        Ok(lines) => lines,
        Err(error) => {
            is_whole(&error, text);
            let help = meant::refused_line(text).map(Cow::Owned).or(error.help);
            is_whole(&SyntaxError { help, ..error }, text);
            return;
        }
    };
    for line in &lines {
        let mut statement = Some(&line.statement);
        while let Some(Statement::Dot(dot)) = statement {
            for span in [dot.name.span, dot.rest.span].into_iter().chain(dot.words.iter().map(|word| word.span)) {
                is_within(span, text);
            }
            for word in &dot.words {
                black_box((word.text().is_ok(), word.argument().is_ok(), word.comparison().is_ok()));
            }
            statement = dot.carried.as_deref();
        }
        if let Some(Statement::Invoke(invocation)) = statement {
            send(text, invocation, schema);
        }
    }
}

fn send(text: &str, invocation: &Invocation, schema: Option<&Schema>) {
    black_box(Needs::of(invocation).is_empty());
    let types = Types { schema, property: None };
    let (request, resend) = match request(invocation, types, &mut NoFiles) {
        Ok(made) => made,
        Err(error) => {
            is_within(error.span, text);
            super::text::is_safe_on_lines(&error.render(text, Some("f"), 1));
            return;
        }
    };
    match serde_json::from_str::<Value>(request.text()) {
        Ok(message) => {
            let execute = if request.is_out_of_band() { "exec-oob" } else { "execute" };
            assert_eq!(message[execute], *request.command(), "{text:?}");
        }
        // It is more patient than serde_json, as QEMU is.
        Err(error) => assert!(error.to_string().contains("recursion limit"), "{error} in {}", request.text()),
    }
    assert!(!request.text().contains(['\n', '\r']), "{:?}", request.text());
    is_the_same_as_a_line(&request);
    if let Some(mut resend) = resend {
        for desc in ["Invalid parameter type for 'a', expected: string", "Parameter 'size' expects a number"] {
            if let Some(next) = resend.next(&request, desc) {
                black_box(serde_json::from_str::<Value>(next.text()).is_ok());
            }
        }
    }
    if let Some(schema) = schema {
        black_box(hints(schema, &request));
    }
}

/// A message is a line of the language too, and means itself.
fn is_the_same_as_a_line(sent: &Request) {
    let line = parse(sent.text()).unwrap_or_else(|error| panic!("{error} in {}", sent.text())).remove(0);
    let Statement::Invoke(invocation) = &line.statement else { panic!("{line:?}") };
    let (again, _) = request(invocation, Types::default(), &mut NoFiles).expect("it was made before");
    assert_eq!((again.text(), again.command()), (sent.text(), sent.command()));
}

/// What helps to type a line points into the line.
fn help(text: &str, schema: Option<&Schema>) {
    let context = Context { schema, live: &Nothing, builtins: BUILTINS, aliases: &[] };
    let lines = Lines::read(text);
    if let Some(hint) = hint(&lines, context) {
        super::text::is_safe(&hint.text);
    }
    let mut numbers = Numbers::of(text.as_bytes());
    for _ in 0..4 {
        // Not the middle of a character.
        let at = text.floor_char_boundary(numbers.below(text.len() + 1));
        for completion in [complete(&lines, at, context), complete_hmp(text, at, context)] {
            is_within(completion.span, text);
            for candidate in completion.candidates {
                super::text::is_safe(&candidate.name);
                super::text::is_safe(&candidate.about);
            }
        }
        for (span, _) in colors(&lines, at, context) {
            is_within(span, text);
        }
        match expected_at(text, at) {
            Expected::Command { span, .. }
            | Expected::Argument { span, .. }
            | Expected::Value { span, .. }
            | Expected::Bare { span, .. }
            | Expected::DotCommand { span }
            | Expected::DotWord { span, .. } => {
                is_within(span, text);
                assert!(span.end <= at, "{span:?}");
            }
            Expected::Nothing => {}
        }
    }
}

/// Physical lines become logical ones, and none is lost.
fn join(text: &str) {
    let mut assembler = Assembler::new();
    let mut texts = Vec::new();
    for line in text.split('\n') {
        if let Some(line) = assembler.push_line(line) {
            texts.push(line.text().to_owned());
        }
    }
    texts.extend(assembler.finish().map(|line| line.text().to_owned()));
    if texts.iter().all(|line| outline(line).open.is_none()) {
        let lines: Vec<_> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        assert_eq!(texts.join("\n"), lines.join("\n"));
    }
}

fn is_whole(error: &SyntaxError, text: &str) {
    is_within(error.span, text);
    super::text::is_safe_on_lines(&error.render(text, Some("f"), 1));
}

fn is_within(span: Span, text: &str) {
    assert!(text.get(span.start..span.end).is_some(), "{span:?} in {text:?}");
}

/// No file can be read.
struct NoFiles;

impl Sources for NoFiles {
    fn file(&mut self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        Ok(b"{\"a\":[1]}\n".to_vec())
    }

    fn secret(&mut self, _: &str) -> io::Result<String> {
        Ok("hunter2".to_owned())
    }
}
