use super::*;
use crate::cli::ColorMode;
use crate::output::color::Colors;

fn shown(value: &str, width: Option<usize>) -> String {
    let style = Style { terminal: width.is_some(), width, colors: Colors::of_stdout(ColorMode::Never) };
    let pieces = Table::new(&Bytes::copy_from_slice(value.as_bytes()), style);
    pieces.map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect()
}

#[track_caller]
fn check(value: &str, width: Option<usize>, expected: &[&str]) {
    let shown = shown(value, width);
    let expected: String = expected.iter().flat_map(|line| [*line, "\n"]).collect();
    assert!(shown == expected, "{value} in {width:?}:\n{shown}instead of\n{expected}");
}

#[test]
fn a_list_of_objects_is_a_table() {
    let list = r#"[{"id": "a", "size": 5, "on": true}, {"id": "bcd", "size": 18446744073709551615, "on": false}]"#;
    check(
        list,
        None,
        &["id                   size  on", "a                       5  true", "bcd  18446744073709551615  false"],
    );
    // Missing members leave their place empty; there are no spaces at the end of a row.
    check(
        r#"[{"a": 1, "b": "x"}, {"c": "y"}, {}, {"b": "z", "a": 22}]"#,
        None,
        &[" a  b  c", " 1  x", "       y", "", "22  z"],
    );
    // A column with anything but numbers is aligned as text.
    check(r#"[{"a": 1}, {"a": "long"}, {"a": null}]"#, None, &["a", "1", "long", "null"]);
    // Of members of one name the last counts.
    check(r#"[{"a": 1, "a": 2}]"#, None, &["a", "2"]);
    check(r#"[{"a": "x\ty", "b": {"c": [1, {}]}}]"#, None, &["a     b", "x\\ty  {\"c\": [1, {}]}"]);
}

#[test]
fn wide_characters_take_two_columns() {
    check(
        r#"[{"name": "日本", "x": 1}, {"name": "é", "x": 22}, {"name": "😀!", "x": 333}]"#,
        None,
        &["name    x", "日本    1", "é      22", "😀!   333"],
    );
    check(r#"[{"日本語": "a", "b": "c"}]"#, None, &["日本語  b", "a       c"]);
}

#[test]
fn tables_fit_the_width_of_the_terminal() {
    let list = r#"[{"file": "/images/a-very-long-name.qcow2", "size": 1000000, "x": "short"}]"#;
    check(
        list,
        Some(80),
        &["file                               size  x", "/images/a-very-long-name.qcow2  1000000  short"],
    );
    check(list, Some(34), &["file                   size  x", "/images/a-very-lo…  1000000  short"]);
    // Too narrow: each object by itself, and no number is cut.
    check(list, Some(23), &["file  /images/a-very-l…", "size  1000000", "x     short"]);
    check("[{\"a\": 18446744073709551615}]", Some(10), &["a  18446744073709551615"]);
    check(r#"[{"a": "\u001b[2J", "b": "\u202e"}]"#, Some(80), &["a          b", "\\u{1b}[2J  \\u{202e}"]);
}

#[test]
fn objects_with_many_members_become_records() {
    let object = |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"k{i}\": {i}")).collect::<Vec<_>>().join(", "));
    let list = format!("[{}, {}]", object(300), object(1));
    let text = shown(&list, None);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[299], lines[300], lines[301]),
        (302, "k0    0", "k299  299", "", "k0    0")
    );
}

#[test]
fn an_object_is_two_columns() {
    check(
        r#"{"status": "running", "singlestep": false, "n": 7, "empty": "", "more": {"a": []}}"#,
        None,
        &["status      running", "singlestep  false", "n           7", "empty", "more        {\"a\": []}"],
    );
}

#[test]
fn other_values_are_lines() {
    check("{}", None, &["{}"]);
    check("[]", None, &["[]"]);
    check("[ ]", Some(80), &["[]"]);
    check("7", None, &["7"]);
    check("null", None, &["null"]);
    check(r#""two\r\nlines""#, None, &["two", "lines"]);
    check(r#"["a", 1, {"b": 2}, [3]]"#, None, &["a", "1", "{\"b\": 2}", "[3]"]);
    check(r#"[{"b": 2}, 3]"#, None, &["{\"b\": 2}", "3"]);
    check("", None, &[""]);
}

#[test]
fn a_long_text_does_not_widen_every_row() {
    let list = format!(r#"[{{"a": "{}", "b": 1}}, {{"a": "x", "b": 2}}]"#, "y".repeat(100_000));
    let text = shown(&list, None);
    let lines: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
    assert_eq!(lines, [253, 65_536 + 3, 253]);
}

#[test]
fn headings_and_keys_have_colors() {
    let style = Style { terminal: false, width: None, colors: Colors::of_stdout(ColorMode::Always) };
    let shown = |value: &'static str| {
        let pieces = Table::new(&Bytes::from_static(value.as_bytes()), style);
        pieces.map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect::<String>()
    };
    assert_eq!(shown(r#"[{"a": 1, "bc": "x"}]"#), "\x1b[1ma\x1b[0m  \x1b[1mbc\x1b[0m\n1  x\n");
    assert_eq!(shown(r#"{"a": 1}"#), "\x1b[34ma\x1b[0m  1\n");
}
