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
    // An object in a row becomes columns, one level deep. A list has commas between its elements.
    check(
        r#"[{"a": "x\ty", "b": {"c": [1, {}], "d": {"e": 1}}}, {"b": 2, "f": {}, "g": [1, "x", null]}]"#,
        None,
        &[
            "a     b.c      b.d       b  f   g",
            "x\\ty  [1, {}]  {\"e\": 1}",
            "                         2  {}  1, x, null",
        ],
    );
}

#[test]
fn columns_that_name_a_thing_come_first() {
    check(
        r#"[{"n": 1, "on": true, "id": "a"}, {"n": 2, "on": false, "id": "b"}]"#,
        None,
        &["id  n  on", "a   1  true", "b   2  false"],
    );
    // They are never cut: rather than that, the objects are shown one below the other.
    let name = "n".repeat(30);
    let list = format!(r#"[{{"text": "x", "label": "{name}"}}, {{"text": "{}", "label": "b"}}]"#, "y ".repeat(30));
    for width in 20..100 {
        let shown = shown(&list, Some(width));
        assert!(!shown.contains('…') && shown.lines().all(|line| line.len() <= width), "{width}:\n{shown}");
        assert_eq!(shown.contains(&name), width >= 37, "{width}:\n{shown}");
    }
}

#[test]
fn what_is_the_same_in_every_row_is_below_the_table_once() {
    let rule = format!("-[ every row ]-{}", "-".repeat(25));
    check(
        r#"[{"id": "a", "on": true, "p": {"node": 0, "n": 1}}, {"id": "b", "on": true, "p": {"node": 0, "n": 2}}]"#,
        Some(80),
        &["id  p.n", "a     1", "b     2", &rule, "on      true", "p.node  0"],
    );
    // One that is missing in a row is not the same, and the first column stays if all are.
    check(r#"[{"a": 1, "b": 2}, {"a": 2}]"#, None, &["a  b", "1  2", "2"]);
    check(r#"[{"a": 1, "b": 2}, {"a": 1, "b": 2}]"#, None, &["a", "1", "1", &rule, "b  2"]);
    check(r#"[{"a": 1, "b": 2}]"#, None, &["a  b", "1  2"]);
    // The same with objects one below the other; one whose members are all the same is left out.
    let deep = r#""d": {"e": {"f": [{}]}}"#;
    let list = format!(
        r#"[{{"id": "a", "x": "same", "c": {{"y": 1, "z": 2}}, "s": {{"t": 0}}, {deep}}},
            {{"id": "b", "x": "same", "c": {{"y": 1, "z": 3}}, "s": {{"t": 0}}, {deep}}}, {{"x": "same", "c": {{"y": 1}}, "s": {{"t": 0}}}}]"#
    );
    check(
        &list,
        Some(80),
        &[
            &number(1),
            "id     a",
            "c",
            "  z    2",
            "d",
            "  e",
            "    f",
            "      - {}",
            &number(2),
            "id     b",
            "c",
            "  z    3",
            "d",
            "  e",
            "    f",
            "      - {}",
            &number(3),
            &rule,
            "x      same",
            "c.y    1",
            "s.t    0",
        ],
    );
}

fn number(number: usize) -> String {
    let rule = format!("-[ {number} ]-");
    format!("{rule}{}", "-".repeat(40 - rule.len()))
}

#[test]
fn bytes_have_units_on_a_terminal_only() {
    let list = r#"[{"id": "a", "size": 1610612736, "n": 4096}, {"id": "b", "size": 4096, "n": 1}]"#;
    check(list, Some(80), &["id     size     n", "a   1.5 GiB  4096", "b   4.0 KiB     1"]);
    check(list, None, &["id        size     n", "a   1610612736  4096", "b         4096     1"]);
    check(
        r#"{"image": {"virtual-size": 65536}, "bps": 0}"#,
        Some(80),
        &["bps             0 B/s", "image", "  virtual-size  64.0 KiB"],
    );
    check(r#"{"image": {"virtual-size": 65536}}"#, None, &["image", "  virtual-size  65536"]);
    // The member that has the object counts too.
    let ram = r#"{"ram": {"total": 4096}, "cpu": {"total": 4096}}"#;
    check(ram, Some(80), &["ram", "  total  4.0 KiB", "cpu", "  total  4096"]);
    let bitmaps = r#"{"dirty-bitmaps": [{"name": "b", "count": 4096}], "others": [{"name": "b", "count": 4096}]}"#;
    check(
        bitmaps,
        Some(80),
        &["dirty-bitmaps", "  name    count", "  b     4.0 KiB", "others", "  name  count", "  b      4096"],
    );
}

#[test]
fn lists_in_records_have_a_line_or_rows() {
    check(
        r#"{"a": ["x", "y"], "b": [], "c": [{"k": 1, "id": "i"}, {"k": 22, "id": "j"}], "d": [[1], 2, {"e": {"f": {"g": 1}}}]}"#,
        Some(80),
        &[
            "a          x, y",
            "b          []",
            "c",
            "  id   k",
            "  i    1",
            "  j   22",
            "d",
            "  - 1",
            "  - 2",
            "  - e",
            "      f",
            "        g  1",
        ],
    );
    let deep = format!("{}1{}", "{\"a\": [".repeat(500), "]}".repeat(500));
    let text = shown(&deep, Some(40));
    assert!(text.lines().all(|line| line.len() <= 40), "{text}");
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
        &["file                                 size  x", "/images/a-very-long-name.qcow2  976.5 KiB  short"],
    );
    let rows = r#"[{"file": "/images/a-very-long-name.qcow2", "size": 1000000, "x": "short"}, {"file": "b", "size": 1, "x": "y"}]"#;
    check(
        rows,
        Some(34),
        &[
            "file                   size  x",
            "/images/          976.5 KiB  short",
            "a-very-long-name",
            ".qcow2",
            "b                       1 B  y",
        ],
    );
    check("[{\"a\": 18446744073709551615}]", Some(10), &["-[ 1 ]----", "a", "  18446744073709551615"]);
    check(r#"[{"a": "\u001b[2J", "b": "\u202e"}]"#, Some(80), &["a          b", "\\u{1b}[2J  \\u{202e}"]);
}

#[test]
fn objects_with_many_members_become_records() {
    let object = |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"k{i}\": {i}")).collect::<Vec<_>>().join(", "));
    let list = format!("[{}, {}]", object(300), object(1));
    let text = shown(&list, None);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        (lines.len(), lines[1], lines[300], lines[301], lines[302]),
        (303, "k0    0", "k299  299", &*number(2), "k0    0")
    );
}

#[test]
fn an_object_is_two_columns() {
    check(
        r#"{"status": "running", "singlestep": false, "n": 7, "empty": "", "more": {"a": []}}"#,
        None,
        &["status      running", "singlestep  false", "n           7", "empty", "more", "  a         []"],
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
    check(r#"["a", 1, {"b": 2}, [3]]"#, None, &["a", "1", "{\"b\": 2}", "3"]);
    check(r#"[{"b": 2}, 3]"#, None, &["{\"b\": 2}", "3"]);
    check("", None, &[""]);
}

#[test]
fn a_long_text_does_not_widen_every_row() {
    let list = format!(r#"[{{"a": "{}", "b": 1}}, {{"a": "x", "b": 2}}]"#, "y".repeat(100_000));
    let text = shown(&list, None);
    let lines: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
    assert_eq!(lines, [253, 100_003, 253]);
}

#[test]
fn headings_and_keys_have_colors() {
    let style = Style { terminal: false, width: None, colors: Colors::of_stdout(ColorMode::Always) };
    let shown = |value: &'static str| {
        let pieces = Table::new(&Bytes::from_static(value.as_bytes()), style);
        pieces.map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect::<String>()
    };
    assert_eq!(shown(r#"[{"a": 1, "bc": "x"}]"#), "\x1b[1ma\x1b[0m  \x1b[1mbc\x1b[0m\n1  x\n");
    assert_eq!(shown(r#"{"a": 1}"#), "\x1b[94ma\x1b[0m  1\n");
}

mod layout {
    use proptest::prelude::*;

    use super::*;

    /// Objects with names, numbers, long texts, lists and objects.
    fn objects() -> impl Strategy<Value = Vec<serde_json::Value>> {
        let key = prop::sample::select(vec![
            "id",
            "node-name",
            "size",
            "x",
            "file-name",
            "a-long-name-of-a-member",
            "日本",
            "e",
        ]);
        let leaf = prop_oneof![
            any::<u32>().prop_map(serde_json::Value::from),
            any::<bool>().prop_map(serde_json::Value::from),
            "[a-z/, 日\u{1b}é]{0,40}".prop_map(serde_json::Value::from),
        ];
        let value = leaf.prop_recursive(4, 20, 4, {
            let key = key.clone();
            move |inner| {
                prop_oneof![
                    prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                    prop::collection::btree_map(key.clone(), inner, 0..4).prop_map(|map| serde_json::json!(map)),
                ]
            }
        });
        let object = prop::collection::btree_map(key, value, 0..6).prop_map(|map| serde_json::json!(map));
        prop::collection::vec(object, 0..5)
    }

    fn letters(text: &str) -> String {
        text.chars().filter(|c| c.is_alphabetic() || c.is_numeric()).collect()
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_the_terminal_and_no_name_is_cut(objects in objects(), width in 24_usize..100) {
            let text = shown(&serde_json::to_string(&objects).unwrap(), Some(width));
            for line in text.lines() {
                prop_assert!(crate::output::columns::width(line) <= width, "{}", text);
            }
            prop_assert!(!text.replace('\n', "").contains(char::is_control), "{}", text);
            let all = letters(&text);
            for name in objects.iter().filter_map(|object| object["id"].as_str()) {
                let name = letters(&qmpsh::text::line(name));
                // A name in a row is not wrapped, in a record it may be; other cells come between its rows only in a table.
                prop_assert!(all.contains(&name), "{} in {}", name, text);
            }
        }

        #[test]
        fn a_pipe_gets_everything(objects in objects()) {
            let text = shown(&serde_json::to_string(&objects).unwrap(), None);
            prop_assert!(!text.contains('…'));
            for size in objects.iter().filter_map(|object| object["size"].as_u64()) {
                prop_assert!(text.contains(&size.to_string()), "{}", text);
            }
        }
    }
}
