//! Rows: what is typed and what is sent, by the schema of [`sample`].

use super::tests::Files;
use super::*;
use crate::language::syntax::{Statement, parse};
use crate::schema::sample;

/// The arguments that a line sends.
fn sent(line: &str, property: Option<&str>) -> String {
    let schema = sample::schema();
    let Statement::Invoke(invocation) = parse(line).unwrap().remove(0).statement else { panic!("{line}") };
    let types = Types { schema: Some(&schema), property };
    let (request, _) = request(&invocation, types, &mut Files).unwrap_or_else(|error| panic!("{line}: {error}"));
    let _: serde_json::Value = serde_json::from_str(request.text()).unwrap();
    let from = request.text().find("\"arguments\":").unwrap() + "\"arguments\":".len();
    request.text()[from..request.text().len() - 1].to_owned()
}

fn check(line: &str, expected: &str) {
    assert_eq!(sent(line, None), expected, "{line}");
}

#[test]
fn a_plain_value_has_the_type_of_its_argument() {
    // `kinds` has an argument of each type, called like the type.
    let check = |argument: &str, json: &str| {
        let name = argument.split_once('=').unwrap().0;
        check(&format!("kinds {argument}"), &format!("{{\"{name}\":{json}}}"));
    };
    for text in ["0123", "5", "true", "null", "10G", "0x10", "1.5", "on", ""] {
        check(&format!("str={text}"), &format!("\"{text}\""));
    }
    check("int=5", "5");
    check("int=-5", "-5");
    check("int=-0", "0");
    check("int=0x10", "16");
    check("int=10G", "10737418240");
    check("int=1.5k", "1536");
    check("int=18446744073709551615", "18446744073709551615");
    check("int=-9223372036854775808", "-9223372036854775808");
    // What does not fit is for the server to judge.
    check("int=18446744073709551616", "\"18446744073709551616\"");
    check("int=0123", "\"0123\"");
    check("int=1.5", "\"1.5\"");
    check("int=true", "\"true\"");
    check("int=x", "\"x\"");
    check("int=", "\"\"");
    check("int=\"5\"", "\"5\"");
    check("int==5", "\"5\"");
    check("number=1.50", "1.50");
    check("number=-1.5E+300", "-1.5E+300");
    check("number=5", "5");
    check("number=0x10", "16");
    check("number=1k", "1024");
    check("number=01", "\"01\"");
    check("number=nan", "\"nan\"");
    for (text, json) in
        [("on", "true"), ("yes", "true"), ("TRUE", "true"), ("off", "false"), ("no", "false"), ("False", "false")]
    {
        check(&format!("bool={text}"), json);
    }
    check("bool=1", "\"1\"");
    check("bool=\"on\"", "\"on\"");
    check("null=null", "null");
    check("null=x", "\"x\"");
    check("enum=a", "\"a\"");
    check("enum=null", "\"null\"");
    check("enum=5", "\"5\"");
    // Anything: by spelling.
    check("any=5", "5");
    check("any=True", "true");
    check("any=on", "\"on\"");
    check("any=10G", "\"10G\"");
    // No plain text is a list or an object.
    check("ints=5", "\"5\"");
    check("object=5", "\"5\"");
    // What the schema does not list: by spelling.
    check("nosuch=5", "5");
    check("nosuch=on", "\"on\"");
}

#[test]
fn an_alternate_takes_the_first_type_that_fits() {
    // A string, a boolean, an integer or null.
    check("kinds mixed=null", r#"{"mixed":null}"#);
    check("kinds mixed=true", r#"{"mixed":true}"#);
    check("kinds mixed=5", r#"{"mixed":5}"#);
    for text in ["True", "on", "10G", "0x10", "0123", "1.5", "99999999999999999999", "x", ""] {
        check(&format!("kinds mixed={text}"), &format!(r#"{{"mixed":"{text}"}}"#));
    }
    check("kinds mixed=\"5\"", r#"{"mixed":"5"}"#);
    // An integer, a boolean or a list of integers: nothing here is a string.
    check("kinds plain=5", r#"{"plain":5}"#);
    check("kinds plain=false", r#"{"plain":false}"#);
    check("kinds plain=on", r#"{"plain":true}"#);
    check("kinds plain=10G", r#"{"plain":10737418240}"#);
    check("kinds plain=x", r#"{"plain":"x"}"#);
    check("kinds plain.0=1 plain.1=0x10", r#"{"plain":[1,16]}"#);
    // An enum or an object.
    check("kinds enum-or-object=null", r#"{"enum-or-object":"null"}"#);
    check("kinds enum-or-object=c", r#"{"enum-or-object":"c"}"#);
    check("kinds enum-or-object.size=1k", r#"{"enum-or-object":{"size":1024}}"#);
    // A string, null or an object.
    check("add driver=raw file=null", r#"{"driver":"raw","file":null}"#);
    check("add driver=raw file=5", r#"{"driver":"raw","file":"5"}"#);
    check("add driver=raw file.driver=file file.size=5", r#"{"driver":"raw","file":{"driver":"file","size":5}}"#);
}

#[test]
fn indices_make_lists() {
    check("kinds ints.0=1 ints.1=2", r#"{"ints":[1,2]}"#);
    check("kinds ints.1=2 str=x ints.0=1", r#"{"ints":[1,2],"str":"x"}"#);
    check("kinds many.0.id=5 many.0.size=5 many.1.id=x", r#"{"many":[{"id":"5","size":5},{"id":"x"}]}"#);
    check("kinds lists.0.0=1 lists.0.1=2 lists.1.0=3", r#"{"lists":[[1,2],[3]]}"#);
    check("keys keys.0=5", r#"{"keys":["5"]}"#);
    let many = |n: usize| format!("ints.{n}={n}");
    let line = format!("kinds {}", (0..12).rev().map(many).collect::<Vec<_>>().join(" "));
    check(&line, r#"{"ints":[0,1,2,3,4,5,6,7,8,9,10,11]}"#);
    // Not 0 to n-1: the server says what it wants.
    check("kinds ints.0=1 ints.2=3", r#"{"ints":{"0":1,"2":3}}"#);
    check("kinds ints.1=1", r#"{"ints":{"1":1}}"#);
    check("kinds ints.0=1 ints.x=2", r#"{"ints":{"0":1,"x":2}}"#);
    check("kinds ints.00=1", r#"{"ints":{"00":1}}"#);
    // A name is no index, nor is anything under what is no list.
    check(r#"kinds ints."0"=1"#, r#"{"ints":{"0":1}}"#);
    check("kinds object.0=1", r#"{"object":{"0":1}}"#);
    check("kinds str.0=1", r#"{"str":{"0":1}}"#);
    // Below what is anything, or not known to the schema, by the keys alone.
    check("kinds any.0=1 any.1.x=on", r#"{"any":[1,{"x":"on"}]}"#);
    check("kinds any.x.0.y=1", r#"{"any":{"x":[{"y":1}]}}"#);
    check("kinds any.1=1", r#"{"any":{"1":1}}"#);
    check("kinds any.\"0\"=1", r#"{"any":{"0":1}}"#);
    check("kinds any.sse4.1=on any.sse4.2=on any.a.b=5", r#"{"any":{"sse4.1":"on","sse4.2":"on","a":{"b":5}}}"#);
    check("kinds nosuch.0=1 other.1=2 no.such.0=3", r#"{"nosuch":[1],"other":{"1":2},"no":{"such":[3]}}"#);
    check("nosuch a.0=1", r#"{"a":[1]}"#);
}

#[test]
fn the_tag_of_a_union_decides() {
    check("add driver=file size=5 filename=5", r#"{"driver":"file","size":5,"filename":"5"}"#);
    check("add driver=raw size=5 offset=5", r#"{"driver":"raw","size":"5","offset":5}"#);
    // The tag may come later, and in any form.
    check("add size=5 driver=raw", r#"{"size":"5","driver":"raw"}"#);
    check("add size=5 driver=\"raw\"", r#"{"size":"5","driver":"raw"}"#);
    check("add size=5 driver:=\"file\"", r#"{"size":5,"driver":"file"}"#);
    check(
        "add file.size=1k file.driver=file driver=raw detached=on",
        r#"{"file":{"size":1024,"driver":"file"},"driver":"raw","detached":true}"#,
    );
    // Without the tag, what all variants agree on; else by spelling.
    check("add offset=0x10", r#"{"offset":16}"#);
    check("add size=5", r#"{"size":5}"#);
    check("add size=1k", r#"{"size":"1k"}"#);
    check("add driver=other size=1k offset=1k", r#"{"driver":"other","size":"1k","offset":"1k"}"#);
}

#[test]
fn actions_have_types_too() {
    check(
        "transaction( resize id=5 size=1k ; nosuch id=5 size=1k )",
        r#"{"actions":[{"type":"resize","data":{"id":"5","size":1024}},{"type":"nosuch","data":{"id":5,"size":"1k"}}]}"#,
    );
}

#[test]
fn arguments_of_any_type_are_untyped() {
    check(
        "device_add driver=nvme id=5 serial=1234 zoned.zasl=5 sse4.1=on x:=5",
        r#"{"driver":"nvme","id":"5","serial":"1234","zoned.zasl":"5","sse4.1":"on","x":5}"#,
    );
    check("device_add driver.x=1 a.0=1 b.1=1", r#"{"driver.x":"1","a":["1"],"b.1":"1"}"#);
    let check = |value: &str, property: Option<&str>, json: &str| {
        let expected = format!(r#"{{"path":"/5","property":"5","value":{json}}}"#);
        assert_eq!(sent(&format!("qom-set path=/5 property=5 value={value}"), property), expected);
    };
    check("0x10", Some("uint32"), "16");
    check("on", Some("bool"), "true");
    check("5", Some("string"), "\"5\"");
    check("on", Some("OnOffAuto"), "\"on\"");
    check("\"5\"", Some("int"), "\"5\"");
    check("0x10", None, "\"0x10\"");
    check("5", None, "5");
    check("true", None, "true");
}

#[test]
fn without_a_schema_the_spelling_decides() {
    let Statement::Invoke(invocation) = parse("resize id=5 size=1k").unwrap().remove(0).statement else { panic!() };
    let (request, _) = request(&invocation, Types::default(), &mut Files).unwrap();
    assert_eq!(request.text(), r#"{"execute":"resize","arguments":{"id":5,"size":"1k"}}"#);
}

#[test]
fn conflicts_are_found_by_key() {
    let refused = |line: &str, expected: &str| {
        let schema = sample::schema();
        let Statement::Invoke(invocation) = parse(line).unwrap().remove(0).statement else { panic!("{line}") };
        let types = Types { schema: Some(&schema), property: None };
        let error = request(&invocation, types, &mut Files).err().unwrap_or_else(|| panic!("accepted: {line}"));
        assert_eq!(format!("{}..{} {error}", error.span.start, error.span.end), expected, "{line}");
    };
    refused("kinds ints.0=1 ints.0=2", "15..21 `ints.0` is given twice");
    refused("kinds ints.0=1 ints=2", "15..19 `ints` is given a value here and members elsewhere");
    refused("add file=null file.driver=raw", "14..18 `file` is given a value here and members elsewhere");
    refused("device_add id.x=1 id.x=2", "18..22 `id.x` is given twice");
}

/// A line whose every argument is of another variant is read in a time that grows with its length only.
#[test]
fn many_arguments_are_typed_quickly() {
    let line: Vec<String> = (0..20_000).map(|n| format!("x{n}=5")).collect();
    let line = format!("add {} size=5 driver=file", line.join(" "));
    assert!(sent(&line, None).ends_with(r#""size":5,"driver":"file"}"#));
}
