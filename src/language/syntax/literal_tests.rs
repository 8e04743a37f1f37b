//! Rows for [`super::literal`].

use super::MAX_NESTING;
use super::cursor::Cursor;
use super::literal::{Grammar, value};

fn read(text: &str, grammar: Grammar) -> Result<String, String> {
    let mut cursor = Cursor::new(text, 0);
    match value(&mut cursor, grammar, MAX_NESTING) {
        Ok(json) if cursor.rest().is_empty() => Ok(json.text),
        Ok(_) => Err(format!("left {}", cursor.rest())),
        Err(error) => Err(format!("{} {error}", error.span.start)),
    }
}

#[test]
fn strict_json() {
    let good = |text: &str, expected: &str| {
        assert_eq!(read(text, Grammar::Strict).unwrap(), expected);
        assert_eq!(read(text, Grammar::Line).unwrap(), expected);
    };
    good("{}", "{}");
    good(" [1] ".trim(), "[1]");
    good("[ 1 , \"a b\" ,\n{ \"k\" : null } ]", r#"[1,"a b",{"k":null}]"#);
    good("18446744073709551615", "18446744073709551615");
    good("[0.10,1e400,-0,1E+5]", "[0.10,1e400,-0,1E+5]");
    good(r#""\u00e9\/""#, r#""\u00e9\/""#);
    let bad = |text: &str, expected: &str| assert_eq!(read(text, Grammar::Strict).unwrap_err(), expected);
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
    assert_eq!(read(r#"{'a':'it\'s "x"'}"#, Grammar::Line).unwrap(), r#"{"a":"it's \"x\""}"#);
    assert!(read("{'a':True}", Grammar::Line).is_err());
    assert!(read("['a\nb']", Grammar::Line).is_err());
}

#[test]
fn python_literals() {
    let good = |text: &str, expected: &str| assert_eq!(read(text, Grammar::Lenient).unwrap(), expected);
    good("{'a':True,'b':[None,False,],}", r#"{"a":true,"b":[null,false]}"#);
    good("{\"a\":true,'b':null}", r#"{"a":true,"b":null}"#);
    good("['it\\'s',\"\\x41\"]", r#"["it's","A"]"#);
    good("[0x10,1_000,-.5]", "[16,1000,-0.5]");
    good("[',']", r#"[","]"#);
    good("['a\nb']", r#"["a\nb"]"#);
    good("[18446744073709551616]", "[18446744073709551616]");
    let bad = |text: &str, expected: &str| {
        assert_eq!(read(text, Grammar::Lenient).unwrap_err(), expected);
    };
    bad("[,]", "1 unexpected `,`");
    bad("[1,,]", "3 unexpected `,`");
    bad("{'a':1,'a':2}", "7 the key `a` is given twice");
    bad("[foo]", "1 unexpected `foo`");
    bad("[::1]", "1 unexpected `:`");
    bad("[007]", "1 `007` is not a number");
    bad("{'a'}", "4 unexpected `}`");
}

#[test]
fn nesting_is_bounded_as_in_qemu() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read(&nested(MAX_NESTING), Grammar::Strict).is_ok());
    assert_eq!(
        read(&nested(MAX_NESTING + 1), Grammar::Strict).unwrap_err(),
        "1024 nested more than 1024 deep, QEMU's limit"
    );
    assert!(read(&"[".repeat(10_000_000), Grammar::Lenient).is_err());
}
