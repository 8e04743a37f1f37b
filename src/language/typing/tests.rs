//! Rows without a schema: a line, and the message that it becomes.

use std::io;

use super::*;
use crate::language::syntax::{Statement, parse};
use crate::message::Request;

pub(super) struct Files;

impl Sources for Files {
    fn file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        match path {
            "text" => Ok(b"two\nlines\n\n".to_vec()),
            "json" => Ok(b" {\"a\": [1, 1.50],\n\"b\":null}\n".to_vec()),
            "bad.json" => Ok(b"{\"a\":\n  [1,]}\n".to_vec()),
            "latin1" => Ok(b"caf\xe9".to_vec()),
            "odd" => Ok("a\u{ffff}".into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        Ok(b"12\r\n".to_vec())
    }

    fn secret(&mut self, prompt: &str) -> io::Result<String> {
        Ok(format!("secret for {prompt}"))
    }
}

fn typed(text: &str) -> Result<Request, TypingError> {
    match parse(text).unwrap().remove(0).statement {
        Statement::Invoke(invocation) => request(&invocation, Types::default(), &mut Files).map(|(request, _)| request),
        Statement::Dot(_) => panic!("a dot command"),
    }
}

/// What `text` sends, which must be JSON.
fn sent(text: &str) -> String {
    let request = typed(text).unwrap();
    let value: serde_json::Value = serde_json::from_str(request.text()).unwrap();
    assert_eq!(value[if request.is_out_of_band() { "exec-oob" } else { "execute" }], request.command());
    request.text().to_owned()
}

/// The arguments that `c ARGUMENTS` sends.
fn check(arguments: &str, expected: &str) {
    assert_eq!(sent(&format!("c {arguments}")), format!(r#"{{"execute":"c","arguments":{expected}}}"#), "{arguments}");
}

fn refused(text: &str, expected: &str) {
    let error = typed(text).err().unwrap_or_else(|| panic!("accepted: {text}"));
    assert_eq!(format!("{}..{} {error}", error.span.start, error.span.end), expected, "{text}");
}

#[test]
fn a_command_is_sent_with_its_arguments() {
    assert_eq!(sent("query-status"), r#"{"execute":"query-status"}"#);
    check("a=1 b.c=2 b.d.e=x a2=y b.f=", r#"{"a":1,"b":{"c":2,"d":{"e":"x"},"f":""},"a2":"y"}"#);
    check("b=1 a=2", r#"{"b":1,"a":2}"#);
    check("arg.0=-c arg.1=5 b.c.0.d=x", r#"{"arg":["-c",5],"b":{"c":[{"d":"x"}]}}"#);
    check("a.1=x b.0=x b.c=y 0=z", r#"{"a":{"1":"x"},"b":{"0":"x","c":"y"},"0":"z"}"#);
    check(r#""a.b".c=1 é="\u0001""#, r#"{"a.b":{"c":1},"é":"\u0001"}"#);
}

#[test]
fn a_value_without_a_type_goes_by_its_spelling() {
    for integer in ["0", "-0", "5", "-12", "18446744073709551615", "123456789012345678901234567890"] {
        check(&format!("a={integer}"), &format!("{{\"a\":{integer}}}"));
    }
    for (text, json) in [("true", "true"), ("False", "false"), ("TRUE", "true"), ("fAlse", "false")] {
        check(&format!("a={text}"), &format!("{{\"a\":{json}}}"));
    }
    for string in ["0123", "1_000", "+1", "1.5", "1e5", "0x10", "10G", "on", "yes", "null", "None", "-", "", "٣", "tru"]
    {
        check(&format!("a={string}"), &format!("{{\"a\":\"{string}\"}}"));
    }
    check(r#"a="1" b='true' c==5 d=="x"#, r#"{"a":"1","b":"true","c":"5","d":"\"x"}"#);
    check("a=[1, 'x', True] b:=0.10 c:=null d={}", r#"{"a":[1,"x",true],"b":0.10,"c":null,"d":{}}"#);
    // Too large for a double, but a number to QEMU.
    assert_eq!(typed("c a:=1e400").unwrap().text(), r#"{"execute":"c","arguments":{"a":1e400}}"#);
}

#[test]
fn device_add_is_all_strings_and_only_lists_split_its_keys() {
    assert_eq!(
        sent("device_add driver=nvme id=5 serial=1234 zoned.zasl=5 sse4.1=on n:=3"),
        r#"{"execute":"device_add","arguments":{"driver":"nvme","id":"5","serial":"1234","zoned.zasl":"5","sse4.1":"on","n":3}}"#
    );
    refused("device_add a.b=1 a.b=2", "17..20 `a.b` is given twice");
    assert_eq!(
        sent("device_add sse4.1=on a.0.b=1 zoned=on zoned.zasl=5 a.1.c.0=x a.1.d.1=y e.f.0=z g.0=u g.2=v"),
        r#"{"execute":"device_add","arguments":{"sse4.1":"on","a":[{"b":"1"},{"c":["x"],"d":{"1":"y"}}],"zoned":"on","zoned.zasl":"5","e.f":["z"],"g.0":"u","g.2":"v"}}"#
    );
    refused("device_add a.0.b=1 a.0.b=2", "19..24 `a.0.b` is given twice");
}

#[test]
fn values_are_read_from_files_stdin_and_the_user() {
    check(
        "a=@text b=@- c=@? d.e=@?",
        r#"{"a":"two\nlines\n","b":"12\r","c":"secret for c","d":{"e":"secret for d.e"}}"#,
    );
    check("a:=@json b:=@-", r#"{"a":{"a":[1,1.50],"b":null},"b":12}"#);
    refused("c a=@none", "4..9 cannot read `none`");
    refused("c a=@latin1", "4..11 `latin1` is not UTF-8 at byte 3");
    refused("c a=@odd", "4..8 QEMU does not accept the character U+FFFF in `odd`");
    refused("c a:=@bad.json", "5..14 `bad.json`:2:6: unexpected `]`");
    refused("c a:=@text", "5..10 `text`:1:1: unexpected `two`");
    let text = "c a=@none";
    let error = typed(text).err().unwrap();
    assert_eq!(
        error.render(text, Some("f"), 3),
        "f:3:5: cannot read `none`: entity not found\n  c a=@none\n      ^^^^^"
    );
}

#[test]
fn conflicting_keys_are_errors() {
    refused("c a=1 a=2", "6..7 `a` is given twice");
    refused("c a.b=1 x=1 a.b=2", "12..15 `a.b` is given twice");
    refused("c a=1 a.b=2", "6..7 `a` is given a value here and members elsewhere");
    refused("c a.b=1 a.b.c.d=2", "8..11 `a.b` is given a value here and members elsewhere");
    refused("c a.b=1 a=2", "8..9 `a` is given a value here and members elsewhere");
    refused("c a={} a.b=2", "7..8 `a` is given a value here and members elsewhere");
    check(r#"a.b=1 "a.b"=2"#, r#"{"a":{"b":1},"a.b":2}"#);
}

#[test]
fn what_qemu_would_refuse_is_not_sent() {
    refused("c\u{fffe}", "0..4 QEMU does not accept the character U+FFFE");
    refused("c a=\u{fffe}", "4..7 QEMU does not accept the character U+FFFE");
    refused("c a==\u{fffe}", "4..8 QEMU does not accept the character U+FFFE");
    refused("c \u{fdd0}.b=1", "2..5 QEMU does not accept the character U+FDD0");
    refused("c b.\u{fdd0}=1", "4..7 QEMU does not accept the character U+FDD0");
    refused("transaction( \u{fdd0} )", "13..16 QEMU does not accept the character U+FDD0");
    // The message, `arguments`, and one object for each dot.
    let dotted = |parts: usize, value: &str| format!("c {}={value}", vec!["a"; parts].join("."));
    assert!(typed(&dotted(1023, "1")).is_ok());
    refused(&dotted(1024, "1"), "2050..2051 nested more than 1024 deep, QEMU's limit");
    assert!(typed(&dotted(1021, "[[]]")).is_ok());
    refused(&dotted(1022, "[[]]"), "2046..2050 nested more than 1024 deep, QEMU's limit");
    let in_action = |depth: usize| format!("transaction( a x:={}{} )", "[".repeat(depth), "]".repeat(depth));
    assert!(typed(&in_action(1019)).is_ok());
    refused(&in_action(1020), "18..2058 nested more than 1024 deep, QEMU's limit");
}

#[test]
fn a_transaction_is_sent_with_its_actions() {
    assert_eq!(
        sent("transaction( a node=n0 x.y=1 ; b )"),
        r#"{"execute":"transaction","arguments":{"actions":[{"type":"a","data":{"node":"n0","x":{"y":1}}},{"type":"b","data":{}}]}}"#
    );
    assert_eq!(
        sent("transaction( a ) properties.completion-mode=grouped"),
        r#"{"execute":"transaction","arguments":{"actions":[{"type":"a","data":{}}],"properties":{"completion-mode":"grouped"}}}"#
    );
    assert_eq!(sent("transaction( )"), r#"{"execute":"transaction","arguments":{"actions":[]}}"#);
    refused("transaction( a ) actions=1", "17..24 `actions` is given twice");
    refused("transaction( a x=1 x=2 )", "19..20 `x` is given twice");
}

#[test]
fn a_json_line_is_sent_as_it_is() {
    let check = |text: &str, expected: &str, own_id: Option<&str>| {
        assert_eq!(sent(text), expected);
        assert_eq!(typed(text).unwrap().own_id(), own_id);
    };
    check(r#"{"execute": "a"}"#, r#"{"execute":"a"}"#, None);
    check(r#"{"id": [1, "x"], "arguments": {}, "execute": "a"}"#, r#"{"execute":"a"}"#, Some(r#"[1,"x"]"#));
    check(
        r#"{"exec-oob": "a", "arguments": {"n": 18446744073709551615, "s": "\u00e9"}, "id": null}"#,
        r#"{"exec-oob":"a","arguments":{"n":18446744073709551615,"s":"\u00e9"}}"#,
        Some("null"),
    );
    assert!(typed(r#"{"exec-oob":"a"}"#).unwrap().is_out_of_band());
}

/// Lines that qmp-shell (qemu.qmp 0.0.6) understands, with what it sends, white space aside.
#[test]
fn qmp_shell_lines_mean_the_same() {
    let rows = [
        ("query-status", "query-status", ""),
        ("  query-status  ", "query-status", ""),
        ("block_resize node-name=n0 size=1073741824", "block_resize", r#"{"node-name":"n0","size":1073741824}"#),
        ("device_del id=net0", "device_del", r#"{"id":"net0"}"#),
        ("c a=-5 b=tRuE c=FALSE d=none", "c", r#"{"a":-5,"b":true,"c":false,"d":"none"}"#),
        ("c a=1.5 b=0x10 c=1e3 d=10G", "c", r#"{"a":"1.5","b":"0x10","c":"1e3","d":"10G"}"#),
        ("c a=x=y,z=1", "c", r#"{"a":"x=y,z=1"}"#),
        ("c a=", "c", r#"{"a":""}"#),
        ("c a=tcp:localhost:4444", "c", r#"{"a":"tcp:localhost:4444"}"#),
        ("c a=json:{\"driver\":\"null-co\"}", "c", r#"{"a":"json:{\"driver\":\"null-co\"}"}"#),
        ("c file.driver=file", "c", r#"{"file":{"driver":"file"}}"#),
        ("c a.b.c=1", "c", r#"{"a":{"b":{"c":1}}}"#),
        ("c a={} b=[]", "c", r#"{"a":{},"b":[]}"#),
        (r#"c a={"x":[1,2.50,null],"y":"a b"}"#, "c", r#"{"a":{"x":[1,2.50,null],"y":"a b"}}"#),
        ("c a={'x':'y','b':True,'n':None,'f':false}", "c", r#"{"a":{"x":"y","b":true,"n":null,"f":false}}"#),
        ("c a=['a b',\"c\",-1,0x10,]", "c", r#"{"a":["a b","c",-1,16]}"#),
        (r#"c a={"x":"\u00e9\n","y":'\x41\''}"#, "c", r#"{"a":{"x":"\u00e9\n","y":"A'"}}"#),
        ("c a={'x':{'prop':\"value\"}}", "c", r#"{"a":{"x":{"prop":"value"}}}"#),
        (
            "transaction( block-dirty-bitmap-add node=d0 name=b0 )",
            "transaction",
            r#"{"actions":[{"type":"block-dirty-bitmap-add","data":{"node":"d0","name":"b0"}}]}"#,
        ),
        (
            "transaction(\na node=d0\nb x.y=1\n)",
            "transaction",
            r#"{"actions":[{"type":"a","data":{"node":"d0"}},{"type":"b","data":{"x":{"y":1}}}]}"#,
        ),
    ];
    for (line, command, arguments) in rows {
        let text: serde_json::Value = serde_json::from_str(&sent(line)).unwrap();
        assert_eq!(text["execute"], command, "{line}");
        let expected =
            if arguments.is_empty() { serde_json::Value::Null } else { serde_json::from_str(arguments).unwrap() };
        assert_eq!(text["arguments"], expected, "{line}");
    }
}
