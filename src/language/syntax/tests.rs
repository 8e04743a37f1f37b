//! Rows for the whole language: what a line says, and what is refused, with the place.

use std::fmt::Write as _;

use super::cursor::Cursor;
use super::json_value::{self, Grammar};
use super::*;

/// A line in a form that shows how it was understood.
pub(super) fn shown(line: &Line) -> String {
    let mut out = statement(&line.statement);
    if let Some(pipeline) = &line.pipeline {
        out.push_str(" PIPE ");
        out.push_str(&pipeline.text);
    }
    out
}

fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Invoke(Invocation::Command(one)) => command(one),
        Statement::Invoke(Invocation::Json(line)) => format!("JSON {line}"),
        Statement::Invoke(Invocation::Transaction(transaction)) => {
            let actions: Vec<_> = transaction.actions.iter().map(command).collect();
            format!("DO({}){}", actions.join("; "), arguments(&transaction.properties))
        }
        Statement::Dot(dot) => {
            let words: Vec<_> = dot.words.iter().map(|word| word.text().unwrap_or_else(|e| e.to_string())).collect();
            let carried = dot.carried.as_ref().map(|carried| format!(" <{}>", self::statement(carried)));
            format!("DOT {} {words:?} rest {:?}{}", dot.name.text, dot.rest.text, carried.unwrap_or_default())
        }
    }
}

fn command(command: &Command) -> String {
    command.name.text.clone() + &arguments(&command.arguments)
}

fn arguments(arguments: &[Argument]) -> String {
    let mut out = String::new();
    for argument in arguments {
        let parts: Vec<_> = argument
            .key
            .parts
            .iter()
            .map(|part| if part.quoted { format!("<{}>", part.text) } else { part.text.clone() })
            .collect();
        let value = match &argument.value {
            Value::Plain(text) => format!("plain {text:?}"),
            Value::Text(text) => format!("text {text:?}"),
            Value::Json(json) => format!("json {}", json.as_str()),
            Value::TextFrom(source) => format!("text from {source:?}"),
            Value::JsonFrom(source) => format!("json from {source:?}"),
        };
        let _ = write!(out, " [{}: {value}]", parts.join("/"));
    }
    out
}

fn refused(error: &SyntaxError) -> String {
    format!("{}..{} {error}", error.span.start, error.span.end)
}

fn outcome(result: Result<Vec<Line>, SyntaxError>) -> String {
    match result {
        Ok(lines) if lines.is_empty() => "blank".into(),
        Ok(lines) => lines.iter().map(shown).collect::<Vec<_>>().join(" THEN "),
        Err(error) => refused(&error),
    }
}

/// `expected` begins with `open: ` if another line could make the text right.
fn check(text: &str, expected: &str) {
    let parsed = parse(text);
    let is_unclosed = parsed.as_ref().is_err_and(|error| matches!(error.kind, SyntaxErrorKind::Unclosed(_)));
    let open = if is_unclosed && outline(text).open.is_some() { "open: " } else { "" };
    assert_eq!(format!("{open}{}", outcome(parsed)), expected, "{text:?}");
}

#[test]
fn a_command_has_arguments() {
    check("", "blank");
    check(" \t ", "blank");
    check("# comment", "blank");
    check("  # comment", "blank");
    check("query-status", "query-status");
    check("\n\n# c\n  query-status \t\n# d\n\n", "query-status");
    check("query-status # comment", "query-status");
    check("query-status\t#comment", "query-status");
    check("c a=1 b=two", r#"c [a: plain "1"] [b: plain "two"]"#);
    check("c\ta=1\r", r#"c [a: plain "1"]"#);
    check("c a=", r#"c [a: plain ""]"#);
    check("c a=b=c", r#"c [a: plain "b=c"]"#);
    check("c a.b.c=1", r#"c [a/b/c: plain "1"]"#);
    check("c a:b=1", r#"c [a:b: plain "1"]"#);
    check("__com.vendor_x a=1", r#"__com.vendor_x [a: plain "1"]"#);
}

#[test]
fn marks_within_a_value_are_plain() {
    check(
        "c a=it's b=device[0] c=a|b d=tcp::2222-:22,x#y",
        r#"c [a: plain "it's"] [b: plain "device[0]"] [c: plain "a|b"] [d: plain "tcp::2222-:22,x#y"]"#,
    );
    check("c a=x\"y\" b=x{ c=x@y d=x]}", r#"c [a: plain "x\"y\""] [b: plain "x{"] [c: plain "x@y"] [d: plain "x]}"]"#);
    check("c a=#x b=|x", r##"c [a: plain "#x"] [b: plain "|x"]"##);
    check("c a=(x); b=;", r#"c [a: plain "(x);"] [b: plain ";"]"#);
    check("c it's=1 a\"b=2", r#"c [it's: plain "1"] [a"b: plain "2"]"#);
    check("c a=é\u{a0}x", "c [a: plain \"é\\u{a0}x\"]");
}

#[test]
fn quotes_make_text() {
    check(r#"c a="x y" b='x y'"#, r#"c [a: text "x y"] [b: text "x y"]"#);
    check(r#"c a="" b=''"#, r#"c [a: text ""] [b: text ""]"#);
    check(r#"c a="0123" b="true""#, r#"c [a: text "0123"] [b: text "true"]"#);
    check(r#"c a="\"\u0041\n" b='\"\n'"#, r#"c [a: text "\"A\n"] [b: text "\\\"\\n"]"#);
    check("c a=\"x\ny\"", r#"c [a: text "x\ny"]"#);
    check("c a=\"# | [\"", r##"c [a: text "# | ["]"##);
    check(r#"c "a.b".c=1 a."=".'x y':=2"#, r#"c [<a.b>/c: plain "1"] [a/<=>/<x y>: json 2]"#);
    check(r#"c ""=1"#, r#"c [<>: plain "1"]"#);
    check(r#"c a="x"y"#, "7..8 unexpected `y`");
    check(r#"c a="x"|jq"#, "7..8 unexpected `|`");
    check(r#"c "a"b=1"#, "5..6 unexpected `b`");
    check(r#"c "a""#, "2..5 `\"a\"` is not KEY=VALUE");
    check(r#"c a="\x""#, "5..7 `\\x` is not a JSON escape");
    check(r"c a='it\'s'", "9..10 unexpected `s`");
    check("c a=\"x", "open: 4..5 this quote \" is never closed");
    check("c a='x\ny", "open: 4..5 this quote ' is never closed");
    check("c 'a", "open: 2..3 this quote ' is never closed");
}

#[test]
fn brackets_and_colons_begin_json() {
    check("c a=[1, 2] b={\"x\": [ ]}", r#"c [a: json [1,2]] [b: json {"x":[]}]"#);
    check("c a={'k':True,'n':None}", r#"c [a: json {"k":true,"n":null}]"#);
    check("c a=[1,\nd b=1\ne", "open: 4..5 this bracket [ is never closed");
    check("{\"execute\": \"a\",\nb", "open: 0..1 this bracket { is never closed");
    check("c a=[1 2,\nd", "7..8 unexpected `2`");
    check("c a=[\n1,\n2\n] b=1", r#"c [a: json [1,2]] [b: plain "1"]"#);
    check("c a=['#',\"|\"]", r##"c [a: json ["#","|"]]"##);
    check(
        "c a:=1 b:=\"x y\" c:=null d:=[1, 2] e:=-0.50",
        r#"c [a: json 1] [b: json "x y"] [c: json null] [d: json [1,2]] [e: json -0.50]"#,
    );
    check("c a.b:={\"x\":1}", r#"c [a/b: json {"x":1}]"#);
    check("c a=[1,", "open: 4..5 this bracket [ is never closed");
    check("c a={\"x\":[1,", "open: 9..10 this bracket [ is never closed");
    check("c a=[\"x", "open: 5..6 this quote \" is never closed");
    check("c a=[1}", "6..7 unexpected `}`");
    check("c a=[1]x", "7..8 unexpected `x`");
    check("c a=[1]]", "7..8 unexpected `]`");
    check("c a=[foo", "5..8 unexpected `foo`");
    check("c a=[1 # x\n]", "7..8 unexpected `#`");
    check("c a:=", "5..5 unexpected end");
    check("c a:=foo", "5..8 unexpected `foo`");
    check("c a:='x'", "5..6 unexpected `'`");
    check("c a:=01", "5..7 `01` is not a number");
    check("c a:=1,2", "6..7 unexpected `,`");
    check("c a:={\"x\":1,\"x\":2}", "12..15 the key `x` is given twice");
    // JSON's strings do not go over the end of a line, so no line that comes could make these right.
    check("c a:=\"x", "5..6 this quote \" is never closed");
    check("c a:=[\"x\n\"]", "6..7 this quote \" is never closed");
}

#[test]
fn the_depth_of_a_value_is_limited() {
    let nested = |depth: usize| format!("c a:={}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(MAX_NESTING - 2)).is_ok());
    assert_eq!(
        refused(&parse(&nested(MAX_NESTING - 1)).unwrap_err()),
        "1027..1028 nested more than 1024 deep, QEMU's limit"
    );
}

#[test]
fn texts_and_sources_are_marked() {
    check("c a==[1 b==\"x c== d==@f", r#"c [a: text "[1"] [b: text "\"x"] [c: text ""] [d: text "@f"]"#);
    check(
        "c a=@f b:=@d/f.json c=@- d:=@- e=@? f=@\"my file\" g=@'-'",
        r#"c [a: text from File("f")] [b: json from File("d/f.json")] [c: text from Stdin] [d: json from Stdin] [e: text from Secret] [f: text from File("my file")] [g: text from File("-")]"#,
    );
    check("c a=@", "4..5 no file name after @");
    check("c a:=@", "5..6 no file name after @");
    check("c a:=@?", "6..7 unexpected `?`");
    check("c a=@\"f", "open: 5..6 this quote \" is never closed");
}

#[test]
fn a_json_line_is_a_whole_message() {
    check(r#"{"execute":"query-status"}"#, r#"JSON {"execute":"query-status"}"#);
    check(
        " { \"exec-oob\" : \"yank\" ,\n \"arguments\" : { \"a\" : 1e400 }, \"id\" : [1] } # c",
        r#"JSON {"exec-oob":"yank","arguments":{"a":1e400},"id":[1]}"#,
    );
    check("{'execute':'a'} | jq .", r#"JSON {"execute":"a"} PIPE jq ."#);
    check(r#"{"execute":"a"}|jq"#, "15..16 unexpected `|`");
    check(r#"{"execute":"a"} b"#, "16..17 unexpected `b`");
    check(r#"{"execute":"#, "open: 0..1 this bracket { is never closed");
    check("{\"execute\":\"a", "11..12 this quote \" is never closed");
    check("{\"execute\":\"a\nb\"}", "11..12 this quote \" is never closed");
    check("{\"execute\":\"a\tb\"}", "13..14 a raw control character (U+0009) in a JSON string");
    check("{}", "0..2 a JSON line needs \"execute\" (or \"exec-oob\")");
}

#[test]
fn messages_on_one_line_follow_one_another() {
    let (a, b) = (r#"{"execute":"a"}"#, r#"{"execute":"b","id":1}"#);
    let both = format!("JSON {a} THEN JSON {b}");
    check(&format!("{a}{b}"), &both);
    check(&format!(" {a} \t{b} # {{"), &both);
    check(&format!("{a}{{\n\"execute\":\"b\",'id':1\n}}"), &both);
    check(&format!("{{\n\"execute\":\"a\"}} {b}"), &both);
    check(&format!("{a}{b}{a}"), &format!("{both} THEN JSON {a}"));
    check(&format!("{a}{b} | jq"), "38..39 unexpected `|`");
    check(&format!("{a} {b}|jq"), "38..39 unexpected `|`");
    check(&format!("{a}{b}b"), "37..38 unexpected `b`");
    check(&format!("{a} {b} b"), "39..40 unexpected `b`");
    check(&format!("{a}{{\"execute\":5}}"), "26..27 \"execute\" must be a string");
    check(&format!("{a}{{\"execute\":"), "open: 15..16 this bracket { is never closed");
    // As `echo` prints a line end in some shells.
    check(&format!("{a}\\n{b}\\r\\n \\n"), &both);
    check(&format!("{a} \\n {b} # c"), &both);
    check(&format!("{a}\\n{b}\\n | jq"), "42..43 unexpected `|`");
    check(&format!("{a}\\t{b}"), &format!("15..39 unexpected `\\t{b}`"));
    check(&format!("-e {a}"), "0..2 unexpected `-e`");
    check(&format!("{a}[]"), "15..16 unexpected `[`");
    check(&format!("{a}}}"), "15..16 unexpected `}`");
    check(&format!("{a}\n{b}"), &format!("16..38 unexpected `{b}`"));
    check(&format!(".try {a}{b}"), "20..42 unexpected second message");
    check(&format!(".try {a} {b}"), "21..43 unexpected second message");
    check(&format!("c {a}"), &format!("2..17 `{a}` is not KEY=VALUE"));
}

#[test]
fn a_bar_begins_a_pipeline() {
    check("query-block | jq '.[].device' | sort # x", "query-block PIPE jq '.[].device' | sort # x");
    check("c a=1 |jq", r#"c [a: plain "1"] PIPE jq"#);
    check("c a=1 |  jq \r", r#"c [a: plain "1"] PIPE jq"#);
    check("c |", "2..3 no command after this |");
    check("| jq", "0..1 unexpected `|`");
    check("c|jq", "0..4 unexpected `c|jq`");
    check("c | jq\n# comment", "c PIPE jq");
}

#[test]
fn a_transaction_has_actions() {
    let expected = r#"DO(a [x: plain "1"]; b [x: plain "2"])"#;
    check("transaction( a x=1 ; b x=2 )", expected);
    check("transaction(a x=1; b x=2 )", expected);
    check("transaction(\n# c\na x=1 # d )\n\n  b x=2\n)", expected);
    check("transaction(\na x=1;;\nb x=2\n) # c", expected);
    check("transaction( )", "DO()");
    check("transaction(\na x=\"1;\";b y=[1];c z='x')", r#"DO(a [x: text "1;"]; b [y: json [1]]; c [z: text "x"])"#);
    check("transaction( a x=1;2 y=f(x) )", r#"DO(a [x: plain "1;2"] [y: plain "f(x)"])"#);
    check("transaction(\na x=[1,\n2] y=1\n)", r#"DO(a [x: json [1,2]] [y: plain "1"])"#);
    check(
        "transaction( a ) properties.completion-mode=grouped | jq",
        r#"DO(a) [properties/completion-mode: plain "grouped"] PIPE jq"#,
    );
    check("transaction(", "open: 0..12 this transaction is never closed");
    check("transaction(\na x=1)", r#"DO(a [x: plain "1"])"#);
    check("transaction(a x=1;)", r#"DO(a [x: plain "1"])"#);
    check("transaction(a; b x=b1)", r#"DO(a; b [x: plain "b1"])"#);
    check("transaction(a) y=1", r#"DO(a) [y: plain "1"]"#);
    check("transaction(a x=f(1))", r#"DO(a [x: plain "f(1)"])"#);
    check("transaction(a x=\"1)\")", r#"DO(a [x: text "1)"])"#);
    check("transaction(a x=f(1)", "open: 0..12 this transaction is never closed");
    check("transaction( a x=[", "open: 17..18 this bracket [ is never closed");
    check("transaction( a b ) ", "15..16 `b` is not KEY=VALUE");
    check("transaction( a | b )", "15..16 `|` is not KEY=VALUE");
    check("transaction( .try a )", "13..17 unexpected `.try`");
    check("transaction( {\"execute\":\"a\"} )", "13..28 unexpected `{\"execute\":\"a\"}`");
    check("transaction( transaction( a ) )", "13..25 unexpected `transaction(`");
    check("transaction( a ) b", "17..18 `b` is not KEY=VALUE");
    check("transaction( a x:=\"b\n)", "18..19 this quote \" is never closed");
    check(")", "0..1 unexpected `)`");
}

#[test]
fn a_dot_command_has_words() {
    check(".quit", r#"DOT quit [] rest """#);
    check(".help query-block # c", r#"DOT help ["query-block"] rest "query-block""#);
    check(".source \"my file\" | cat", r#"DOT source ["my file"] rest "\"my file\"" PIPE cat"#);
    check(
        ".wait STOP|RESUME status='a b'",
        r#"DOT wait ["STOP|RESUME", "status='a b'"] rest "STOP|RESUME status='a b'""#,
    );
    check(".try c a=[1,\n2]", r#"DOT try [] rest "c a=[1,\n2]" <c [a: json [1,2]]>"#);
    check(".try {\"execute\":\"a\"} | jq", r#"DOT try [] rest "{\"execute\":\"a\"}" <JSON {"execute":"a"}> PIPE jq"#);
    check(".oob yank", r#"DOT oob [] rest "yank" <yank>"#);
    check(
        ".fd /tmp/x add-fd fdset-id=1",
        r#"DOT fd ["/tmp/x"] rest "/tmp/x add-fd fdset-id=1" <add-fd [fdset-id: plain "1"]>"#,
    );
    check(".fd \"my file\" getfd", r#"DOT fd ["my file"] rest "\"my file\" getfd" <getfd>"#);
    check(
        ".watch 2 count=3 query-status",
        r#"DOT watch ["2", "count=3"] rest "2 count=3 query-status" <query-status>"#,
    );
    check(".try transaction(\na\n)", r#"DOT try [] rest "transaction(\na\n)" <DO(a)>"#);
    check(".try .oob c", r#"DOT try [] rest ".oob c" <DOT oob [] rest "c" <c>>"#);
    check(".try", r#"DOT try [] rest """#);
    check(".hmp print 'x | # [", r#"DOT hmp [] rest "print 'x | # [""#);
    check(".hmp info 'x | # [", r#"DOT hmp [] rest "info 'x" PIPE # ["#);
    check(".hmp", r#"DOT hmp [] rest """#);
    check(".hmp  x \r", r#"DOT hmp [] rest "x ""#);
    check(".try .hmp x | y", r#"DOT try [] rest ".hmp x | y" <DOT hmp [] rest "x | y">"#);
    check(".", "0..1 unexpected `.`");
    check(".try a=[", "open: 7..8 this bracket [ is never closed");
    check(".source \"x", "open: 8..9 this quote \" is never closed");
    check(".try a b", "7..8 `b` is not KEY=VALUE");
    check(".try .try .try .try .try .try .try .try .try c", "40..44 too many dot commands in one another");
    assert!(parse(&".try ".repeat(100_000)).is_err());
}

#[test]
fn other_wrong_lines_are_refused() {
    check("a=1", "0..3 unexpected `a=1`");
    check("\"a\" b=1", "0..3 unexpected `\"a\"`");
    check("[1]", "0..3 unexpected `[1]`");
    check("c foo", "2..5 `foo` is not KEY=VALUE");
    check("c a=1 foo b=2", "6..9 `foo` is not KEY=VALUE");
    check("c a..b", "2..6 `a..b` is not KEY=VALUE");
    check("c a..b=1", "4..4 a key has an empty part");
    check("c .a=1", "2..2 a key has an empty part");
    check("c a.=1", "4..4 a key has an empty part");
    check("c =1", "2..2 a key has an empty part");
    check("c :=1", "2..2 a key has an empty part");
    check("a\nb", "2..3 unexpected `b`");
    check("a # c\n\n# d\n b c ", "12..15 unexpected `b c`");
    check("a; b", "0..2 unexpected `a;`");
}

#[test]
fn words_of_a_command_line_are_finished() {
    let check = |words: &[&str], expected: &str| {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        assert_eq!(outcome(parse_words(&words)), expected, "{words:?}");
    };
    check(&[], "blank");
    check(&["query-status"], "query-status");
    check(&["c", "a=x y", "b=#x", "c=|"], r##"c [a: plain "x y"] [b: plain "#x"] [c: plain "|"]"##);
    check(&["c", "a=\"x\"", "b='x", "\"a.b\"=1"], r#"c [a: plain "\"x\""] [b: plain "'x"] ["a/b": plain "1"]"#);
    check(
        &["c", "a=[1, 2]", "b:={\"x\": 1} ", "c==[x y", "d:= 5"],
        r#"c [a: json [1,2]] [b: json {"x":1}] [c: text "[x y"] [d: json 5]"#,
    );
    check(&["c", "a=@my file", "b=@-"], r#"c [a: text from File("my file")] [b: text from Stdin]"#);
    check(&["c", "a=@\"f\""], r#"c [a: text from File("\"f\"")]"#);
    check(&["c", "a=x\ny"], r#"c [a: plain "x\ny"]"#);
    check(&["c", "a="], r#"c [a: plain ""]"#);
    check(&["{\"execute\": \"a\"}"], r#"JSON {"execute":"a"}"#);
    check(&["{\"execute\": \"a\"}\n"], r#"JSON {"execute":"a"}"#);
    let both = r#"JSON {"execute":"a"} THEN JSON {"execute":"b"}"#;
    check(&["{\"execute\":\"a\"}{\"execute\":\"b\"}"], both);
    check(&["{\"execute\":\"a\"}\r\n{\"execute\":\"b\"}\n"], both);
    check(&["{\"execute\":\"a\"}", "{\"execute\":\"b\"}"], both);
    check(&["{\"execute\":\"a\"}\\n{\"execute\":\"b\"}\\n"], both);
    check(&[".try", "{'execute':'a'}{'execute':'b'}"], "20..35 unexpected second message");
    check(
        &["transaction(", "a", "x=1;", ";", "b", ")", "properties.x=1"],
        r#"DO(a [x: plain "1;"]; b) [properties/x: plain "1"]"#,
    );
    check(&["transaction(a", ")"], "DO(a)");
    check(&[".hmp", "info", "status | x"], r#"DOT hmp [] rest "info status | x""#);
    check(&[".try", "c", "a=1"], r#"DOT try [] rest "c a=1" <c [a: plain "1"]>"#);
    check(&[".source", "\"f"], r#"DOT source ["\"f"] rest "\"f""#);
    check(&["query-status", "a=[1,"], "15..16 this bracket [ is never closed");
    check(&["c", "#", "x"], "2..3 `#` is not KEY=VALUE");
    check(&["c", "|", "jq"], "2..3 `|` is not KEY=VALUE");
    check(&["c", ""], "2..2 `` is not KEY=VALUE");
    check(&["", "a=1"], "0..0 unexpected ``");
    check(&["#", "a=1"], "0..1 unexpected `#`");
    check(&["query-block | jq"], "0..16 unexpected `query-block | jq`");
    check(&["{\"execute\":\"a\"}", "b"], "16..17 unexpected `b`");
    check(&["transaction(", "a"], "0..12 this transaction is never closed");
}

#[test]
fn an_error_shows_its_place_and_what_was_expected() {
    let check = |text: &str, expected: &str| {
        assert_eq!(parse(text).unwrap_err().render(text, Some("f"), 7), expected, "{text:?}");
    };
    check(
        "query-status a=[1,",
        "f:7:16: this bracket [ is never closed\n  query-status a=[1,\n                 ^\n  expected a value or `]`\n  help: to send it as text, quote it or write KEY==TEXT",
    );
    check("c foo", "f:7:3: `foo` is not KEY=VALUE\n  c foo\n    ^^^\n  expected KEY=VALUE");
    check(
        "c a=[\n1 2\n]",
        "f:8:3: unexpected `2`\n  1 2\n    ^\n  expected `,` or `]`\n  help: to send it as text, quote it or write KEY==TEXT",
    );
    check("c a=@", "f:7:5: no file name after @\n  c a=@\n      ^\n  expected a file name, `-` or `?`");
    // The help may quote the line.
    let help = Some("write `.hmp info \u{1b}[31m\u{202e}`".into());
    assert_eq!(
        SyntaxError { help, ..parse("c foo").unwrap_err() }.render("c foo", None, 1),
        "`foo` is not KEY=VALUE\n  c foo\n    ^^^\n  expected KEY=VALUE\n  help: write `.hmp info \\u{1b}[31m\\u{202e}`"
    );
    let words = ["query-status".to_owned(), "a=[1,".to_owned()];
    let error = parse_words(&words).unwrap_err();
    assert_eq!(
        error.render(&words.join(" "), None, 1),
        "this bracket [ is never closed\n  query-status a=[1,\n                 ^\n  expected a value or `]`\n  help: to send it as text, quote it or write KEY==TEXT"
    );
}

fn read_value(text: &str, grammar: Grammar) -> Result<String, String> {
    let mut cursor = Cursor::new(text, 0);
    match json_value::read(&mut cursor, grammar, MAX_NESTING) {
        Ok(json) if cursor.rest().is_empty() => Ok(json.as_str().to_owned()),
        Ok(_) => Err(format!("left {}", cursor.rest())),
        Err(error) => Err(format!("{} {error}", error.span.start)),
    }
}

#[test]
fn json_values_are_read_as_qemu_reads_them() {
    let good = |text: &str, expected: &str| {
        assert_eq!(read_value(text, Grammar::Strict).unwrap(), expected);
        assert_eq!(read_value(text, Grammar::Message).unwrap(), expected);
        assert_eq!(read_value(text, Grammar::Value).unwrap(), expected);
    };
    good("{}", "{}");
    good(" [1] ".trim(), "[1]");
    good("[ 1 , \"a b\" ,\n{ \"k\" : null } ]", r#"[1,"a b",{"k":null}]"#);
    good("18446744073709551615", "18446744073709551615");
    good("[0.10,1e400,-0,1E+5]", "[0.10,1e400,-0,1E+5]");
    good(r#""\u00e9\/""#, r#""\u00e9\/""#);
    let bad = |text: &str, expected: &str| assert_eq!(read_value(text, Grammar::Strict).unwrap_err(), expected);
    bad("", "0 unexpected end");
    bad("[1,]", "3 unexpected `]`");
    bad("{\"a\":1,}", "7 unexpected `}`");
    bad("[,]", "1 unexpected `,`");
    bad("[1 2]", "3 unexpected `2`");
    bad("{\"a\" 1}", "5 unexpected `1`");
    bad("{a:1}", "1 unexpected `a`");
    bad("[1}", "2 unexpected `}`");
    bad("[1", "0 this bracket [ is never closed");
    bad("[1,{\"a\":", "3 this bracket { is never closed");
    bad("{\"a\"", "0 this bracket { is never closed");
    bad("[\"a", "1 this quote \" is never closed");
    bad("['a']", "1 unexpected `'`");
    bad("[True]", "1 unexpected `True`");
    bad("truex", "0 unexpected `truex`");
    bad("[01]", "1 `01` is not a number");
    bad("[1.]", "1 `1.` is not a number");
    bad("[0x10]", "1 `0x10` is not a number");
    bad("[+1]", "1 unexpected `+`");
    bad("[-]", "1 `-` is not a number");
    bad("[NaN]", "1 unexpected `NaN`");
    bad("{\"a\":1,\"\\u0061\":2}", "7 the key `a` is given twice");
    bad("[\"\\ud800\"]", "2 `\\ud800` is half of a surrogate pair");
    bad("[\"\t\"]", "2 a raw control character (U+0009) in a JSON string");
    bad("[\u{a0}1]", "1 unexpected `\u{a0}`");
}

#[test]
fn a_json_line_takes_single_quotes_as_qemu_does() {
    assert_eq!(read_value(r#"{'a':'it\'s "x"'}"#, Grammar::Message).unwrap(), r#"{"a":"it's \"x\""}"#);
}

#[test]
fn only_a_value_has_strings_over_several_lines() {
    for text in ["['a\nb']", "[\"a\nb\"]"] {
        assert_eq!(read_value(text, Grammar::Value).unwrap(), r#"["a\nb"]"#);
        assert_eq!(
            read_value(text, Grammar::Message).unwrap_err(),
            "3 a raw control character (U+000A) in a JSON string"
        );
    }
}

#[test]
fn python_literals_become_json() {
    let good = |text: &str, expected: &str| {
        assert_eq!(read_value(text, Grammar::Value).unwrap(), expected);
        if !text.contains('\n') {
            assert_eq!(read_value(text, Grammar::Message).unwrap(), expected);
        }
    };
    good("{'a':True,'b':[None,False,],}", r#"{"a":true,"b":[null,false]}"#);
    good("{\"a\":true,'b':null}", r#"{"a":true,"b":null}"#);
    good("['it\\'s',\"\\x41\"]", r#"["it's","A"]"#);
    good("[0x10,1_000,-.5]", "[16,1000,-0.5]");
    good("[',']", r#"[","]"#);
    good("['a\nb']", r#"["a\nb"]"#);
    good("[18446744073709551616]", "[18446744073709551616]");
    good(r#"{u'a':u"b\u00e9",U'c':u''}"#, r#"{"a":"b\u00e9","c":""}"#);
    good(
        r#"["it's",'say "x"',"C:\\dir",'\\ \n\x7f\xe9\u2028\U0001f600']"#,
        "[\"it's\",\"say \\\"x\\\"\",\"C:\\\\dir\",\"\\\\ \\n\u{7f}é\u{2028}😀\"]",
    );
    good("[1e+16,1e-07,-0.0,1.0,123456789012345680000.0]", "[1e+16,1e-07,-0.0,1.0,123456789012345680000.0]");
    good("[True, true, None, null]", "[true,true,null,null]");
    let bad = |text: &str, expected: &str| {
        assert_eq!(read_value(text, Grammar::Value).unwrap_err(), expected);
        assert_eq!(read_value(text, Grammar::Message).unwrap_err(), expected);
    };
    bad("[,]", "1 unexpected `,`");
    bad("[1,,]", "3 unexpected `,`");
    bad("{'a':1,'a':2}", "7 the key `a` is given twice");
    bad("[foo]", "1 unexpected `foo`");
    bad("[::1]", "1 unexpected `:`");
    bad("[007]", "1 `007` is not a number");
    bad("{'a'}", "4 unexpected `}`");
    bad("{1:2}", "1 unexpected `1`");
    bad("['a' 'b']", "5 unexpected `'`");
    bad("[u 'a']", "1 unexpected `u`");
    bad("[TRUE]", "1 unexpected `TRUE`");
    bad(r#"["C:\dir"]"#, "4 `\\d` is not a JSON escape");
}

#[test]
fn what_json_does_not_have_is_explained() {
    let check = |text: &str, expected: &str, help: &str| {
        let text = format!("{{'execute':'c','arguments':{{'x':{text}}}}}");
        let error = parse(&text).unwrap_err();
        assert_eq!((error.to_string(), error.help.unwrap_or_default()), (expected.to_owned(), help.into()), "{text}");
    };
    check("b'x'", "unexpected `b`", "omit the letter before the quote; a backslash is written \\\\");
    check("r\"x\"", "unexpected `r`", "omit the letter before the quote; a backslash is written \\\\");
    check("(1, 2)", "unexpected `(`", "a list stands in brackets: [1, 2]");
    check("nan", "unexpected `nan`", "QEMU accepts neither NaN nor infinity");
    check("b", "unexpected `b`", "text in brackets is quoted: ['a'] or {'a': 'b'}");
    check("{b'y':1}", "unexpected `b`", "omit the letter before the quote; a backslash is written \\\\");
    let help = |line: &str| parse(line).unwrap_err().help.unwrap_or_default();
    assert_eq!(help("c x=[a]"), "text in brackets is quoted: ['a'] or {'a': 'b'}; KEY==TEXT sends all of it as text");
    assert_eq!(help("c x=[1 a]"), "to send it as text, quote it or write KEY==TEXT");
    assert_eq!(help("c x:=[a]"), "JSON's strings stand in double quotes");
    assert_eq!(help("c x:=['a']"), "JSON's strings stand in double quotes");
}

#[test]
fn the_depth_is_limited_as_in_qemu() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read_value(&nested(MAX_NESTING), Grammar::Strict).is_ok());
    assert_eq!(
        read_value(&nested(MAX_NESTING + 1), Grammar::Strict).unwrap_err(),
        "1024 nested more than 1024 deep, QEMU's limit"
    );
    assert!(read_value(&"[".repeat(10_000_000), Grammar::Value).is_err());
}
