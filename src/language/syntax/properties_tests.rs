//! Properties that hold for every text.

use proptest::prelude::*;

use super::*;

/// Texts that are nearly statements: words of the language in any order.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "c", " ", "\n", "\t", "a", "=", ":=", "==", "=@", "=@?", ".", "\"", "'", "\\", "{", "}", "[", "]", ",", ":", ";", "#", "|",
            "(", ")", "1", "-0", "01", "true", "None", "x y", "\r", "é", "日", "\u{ffff}", "\u{1b}", "\\u12", "\\ud800", "\0",
        ]),
        2 => prop::sample::select(vec![
            "c a=1 ", " b=[1, 2]", " a.b=x", " b={'k':True}", " \"q.r\".s=\"x y\"", " n:=1.50", "transaction(\n", " ; ", " )",
            "transaction( a x=1 ; b ) p.q=r", "{\"execute\":\"a\",\"arguments\":{\"b\":[1]},\"id\":7}", "{'execute':u'a'} ", ".try ", ".hmp ", ".fd x ",
            ".watch 2 count=3 ", " | jq .", " # c\n", " f=@n", " g:=@-", " h='\\'",
        ]),
        1 => any::<char>().prop_map(|c| if c.is_ascii() { "x" } else { "ü" }),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn is_whole(error: &SyntaxError, text: &str) {
    assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{error:?}");
    assert!(text.is_char_boundary(error.span.start) && text.is_char_boundary(error.span.end), "{error:?}");
    assert!(!error.render(text, Some("f"), 1).contains(['\u{1b}', '\0']));
}

fn is_dot(line: &Line) -> bool {
    matches!(line.statement, Statement::Dot(_))
}

fn print(lines: &[Line]) -> String {
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2048) })]

    #[test]
    fn print_then_parse_gives_the_same(text in text()) {
        match parse(&text) {
            Err(error) => is_whole(&error, &text),
            // What is refused in quotes only is refused later elsewhere.
            Ok(_) if text.contains(is_noncharacter) => {}
            Ok(lines) => {
                let printed = print(&lines);
                let again = parse(&printed).unwrap();
                prop_assert_eq!(print(&again), &*printed);
                prop_assert_eq!(again.len(), lines.len());
                for (again, line) in again.iter().zip(&lines) {
                    // The words of a dot command may have other white space between them.
                    if !is_dot(line) {
                        // Whether a part of a key has quotes that it does not need is not kept.
                        let shown = |line| tests::shown(line).replace(['<', '>'], "");
                        prop_assert_eq!(shown(again), shown(line), "{}", printed);
                    }
                }
            }
        }
    }

    #[test]
    fn words_print_and_parse(words in prop::collection::vec(text(), 0..4)) {
        let words: Vec<String> = words.iter().map(|word| word.replace(is_noncharacter, "")).collect();
        match parse_words(&words) {
            Err(error) => is_whole(&error, &words.join(" ")),
            Ok(lines) if lines.is_empty() => prop_assert!(words.is_empty()),
            Ok(lines) => {
                // HMP takes anything, as it is.
                if words.concat().contains(".hmp") {
                    return Ok(());
                }
                let printed = print(&lines);
                prop_assert_eq!(print(&parse(&printed).unwrap()), printed);
            }
        }
    }

    #[test]
    fn lines_are_joined_as_long_as_something_is_open(text in text()) {
        let mut assembler = Assembler::new();
        let mut texts = Vec::new();
        for line in text.split('\n') {
            // Lines of the human monitor are never joined.
            assembler.set_dialect(Dialect::Qmp);
            if let Some(line) = assembler.push_line(line) {
                prop_assert!(outline(line.text()).open.is_none(), "{:?}", line);
                // It was read line by line.
                prop_assert_eq!(line.parse(), parse(line.text()));
                texts.push(line.text().to_owned());
            }
        }
        if let Some(line) = assembler.finish() {
            prop_assert!(line.parse().is_err(), "{:?}", line);
            prop_assert_eq!(line.parse(), parse(line.text()));
            texts.push(line.text().to_owned());
        }
        let lines: Vec<_> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        prop_assert_eq!(texts.join("\n"), lines.join("\n"));
    }

    #[test]
    fn something_is_expected_everywhere(text in text(), at in any::<prop::sample::Index>()) {
        let offset = at.index(text.len() + 1);
        let span = match expected_at(&text, offset) {
            Expected::Command { span, .. } | Expected::Argument { span, .. } | Expected::Value { span, .. }
            | Expected::Bare { span, .. } | Expected::DotCommand { span } | Expected::DotWord { span, .. } => span,
            Expected::Nothing => return Ok(()),
        };
        prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        prop_assert!(span.start <= span.end && span.end <= offset);
    }

    #[test]
    fn any_text_can_be_a_value(text in any::<String>()) {
        prop_assume!(!text.contains(is_noncharacter));
        let quoted = quoted(&text);
        let line = parse(&format!("c a={quoted} b:={quoted}")).unwrap().remove(0);
        let Statement::Invoke(Invocation::Command(command)) = line.statement else { panic!() };
        prop_assert!(command.arguments[0].value == Value::Text(text));
        let Value::Json(json) = &command.arguments[1].value else { panic!() };
        prop_assert_eq!(json.as_str(), quoted);
    }
}

/// Each of these takes minutes if anything in them is looked at again and again.
#[test]
fn much_of_anything_is_read_once() {
    const SIZE: usize = 32 << 10;
    for piece in [
        "[",
        "{\"a\":",
        "c a=[",
        "a=[ ",
        " a={'",
        "\"",
        "'",
        "\"a\".",
        " \"a\".'b'.c=1",
        ".try ",
        ".watch 1 a=1 ",
        "transaction( ",
        ";",
        ") ",
        "# ",
        "| ",
        "\n",
        "[1]",
        "\\",
        " a.b.c=1",
        "é",
        "a=@\"",
        ":=",
        "{\"a\":1,",
        "a\n",
        "transaction(\n a=[\n",
    ] {
        for start in [
            "",
            "c ",
            "c a=[",
            "c a:=[",
            "c a=\"",
            "c a='",
            "transaction(\n",
            "{\"execute\":[",
            ".fd ",
            "transaction( a x=\"",
        ] {
            let text = start.to_owned() + &piece.repeat(SIZE / piece.len());
            if let Err(error) = parse(&text) {
                is_whole(&error, &text);
            }
            let words = vec![text.clone(), "a=1".into(), text.clone()];
            if let Err(error) = parse_words(&words) {
                is_whole(&error, &words.join(" "));
            }
            expected_at(&text, text.len());
            let mut assembler = Assembler::new();
            for line in text.split('\n') {
                assembler.push_line(line);
            }
        }
    }
}
