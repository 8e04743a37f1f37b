//! The sources of commands, their order, and the place that a message names.

use super::{answering, at, file};
use crate::support::{Mock, qmpsh};

fn numbered(results: std::ops::RangeInclusive<u32>) -> String {
    results.map(|n| format!("{{\"n\": {n}}}\n")).collect::<Vec<_>>().concat()
}

#[test]
fn c_and_f_run_in_the_order_given() {
    let mock = answering(&["a", "b", "c", "d", "e", "f"]).unix();
    let program = at(mock.socket());
    let path = file(&program, "commands", "b\nc\n");
    let output = program.args(["-c", "a", "-f"]).arg(path).args(["-f", "-", "-c", "f"]).stdin("d\ne\n").run();
    output.stdout(&numbered(1..=6)).stderr("").status(0);
    mock.finish();
}

#[test]
fn errors_name_source_and_line() {
    let fails = || Mock::new().negotiate().expect_execute("x").error("GenericError", "no").unix();
    let expect = |args: &[&str], stdin: &str, name: &str, content: &str, said: &str| {
        let mock = fails();
        let program = at(mock.socket());
        file(&program, name, content);
        let output = program.args(args).stdin(stdin).run();
        output.status(1).stdout("").stderr(&format!("{said}: GenericError: no\n"));
        mock.finish();
    };
    expect(&["-c", "# 1", "-c", "x"], "", "unused", "", "-c:2");
    expect(&["-c", "# 1\n\nx"], "", "unused", "", "-c:3");
    expect(&["-f", "a b.qmp"], "", "a b.qmp", "\n\nx", "a b.qmp:3");
    expect(&["-f", "-"], "\n  x  \n", "unused", "", "stdin:2");
    expect(&[], "#\r\n\r\nx\r\n", "unused", "", "stdin:3");
    expect(&["-f", "bom"], "", "bom", "\u{feff}x\n", "bom:1");
    // A statement of several lines is at its first.
    expect(&[], "#\nx a=[1,\n2,\n3]\n", "unused", "", "stdin:2");
    expect(&[], "#\n{\"execute\":\n\"x\"\n}\n", "unused", "", "stdin:2");
    expect(&["-f", "esc\u{1b}"], "", "esc\u{1b}", "x", "esc\\u{1b}:1");
}

#[test]
fn a_statement_may_span_lines() {
    let mock = Mock::new().negotiate()
        .expect(r#"{"execute":"x","arguments":{"a":[1,{"b":"two\nlines"}]}}"#)
        .reply("1")
        .expect(
            r#"{"execute":"transaction","arguments":{"actions":[{"type":"t","data":{"n":"a"}},{"type":"u","data":{}}]}}"#,
        )
        .reply("2")
        .unix();
    let lines = "x a=[1,\r\n {\"b\": \"two\\nlines\"}\r\n]\r\ntransaction(\r\nt n=a # one\r\n\r\nu\r\n)";
    at(mock.socket()).stdin(lines).run().stdout("1\n2\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn an_unfinished_statement_at_the_end_is_not_sent() {
    for lines in ["a\nx b=[1,\n\n", "a\ntransaction(\nt\n", "a\n{\"execute\":"] {
        let mock = answering(&["a"]).unix();
        let output = at(mock.socket()).stdin(lines).run();
        output.stdout(&numbered(1..=1)).status(2).stderr_contains("stdin:2:");
        mock.finish();
    }
}

#[test]
fn a_line_that_is_not_utf_8_fails_its_whole_statement() {
    let mock = answering(&["a", "b"]).unix();
    let mut lines = b"a\ntransaction(\nfirst\n".to_vec();
    lines.extend_from_slice(b"second x=\xff\xfe\nthird\n)\nb\n");
    let output = at(mock.socket()).arg("-k").stdin(&lines).run();
    output.stdout(&numbered(1..=2)).status(2);
    output.stderr("stdin:4: not sent, because the line is not UTF-8: `second x=\\xff\\xfe`\n");
    mock.finish();
}

#[test]
fn an_unreadable_file_is_an_error() {
    for (name, said) in [
        ("missing", "qmpsh: cannot read `missing`: No such file or directory\n"),
        (".", "qmpsh: cannot read `.`: it is a directory\n"),
    ] {
        let mock = answering(&["a"]).unix();
        at(mock.socket())
            .args(["-c", "a", "-f", name, "-c", "b"])
            .run()
            .stdout(&numbered(1..=1))
            .status(2)
            .stderr(said);
        mock.finish();
        let mock = answering(&["a", "b"]).unix();
        let output = at(mock.socket()).args(["-k", "-c", "a", "-f", name, "-c", "b"]).run();
        output.stdout(&numbered(1..=2)).status(2).stderr(said);
        mock.finish();
    }
    // A value from a file.
    let mock = answering(&["b"]).unix();
    let output = at(mock.socket()).args(["-k", "-c", "a x=@missing", "-c", "b"]).run();
    output.stdout(&numbered(1..=1)).status(2);
    output.stderr_contains("cannot read `missing`: No such file or directory").stderr_contains("^");
    mock.finish();
}

#[test]
fn values_are_read_from_files_and_stdin() {
    let mock = Mock::new()
        .negotiate()
        .expect(r#"{"execute":"x","arguments":{"text":"two\nlines","json":[1,2]}}"#)
        .reply("1")
        .expect(r#"{"execute":"y","arguments":{"in":"from stdin"}}"#)
        .reply("2")
        .unix();
    let program = at(mock.socket());
    file(&program, "text", "two\nlines\n");
    file(&program, "json", " [1,\n2]\n");
    let output = program.args(["-c", "x text=@text json:=@json", "-c", "y in=@-"]).stdin("from stdin\n").run();
    output.stdout("1\n2\n").stderr("").status(0);
    mock.finish();

    let mock = Mock::new().negotiate().expect(r#"{"execute":"y","arguments":{"in":""}}"#).reply("2").unix();
    at(mock.socket()).args(["y", "in=@-"]).run().stdout("2\n").stderr("").status(0);
    mock.finish();

    // Not where the commands come from.
    for args in [&["-f", "-"][..], &[]] {
        let mock = Mock::new().negotiate().unix();
        let output = at(mock.socket()).args(args).stdin("y in=@-\n").run();
        output.stdout("").status(2).stderr_contains("stdin already provides the commands");
        mock.finish();
    }
}

#[test]
fn a_command_of_a_megabyte_is_sent() {
    let value = "x".repeat(1 << 20);
    let mock = Mock::new()
        .negotiate()
        .expect(&format!(r#"{{"execute":"x","arguments":{{"v":"{value}"}}}}"#))
        .reply("1")
        .expect_execute("y")
        .reply("2")
        .unix();
    let program = at(mock.socket());
    let path = file(&program, "long", format!("x v={value}\ny\n"));
    program.arg("-f").arg(path).run().stdout("1\n2\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn a_json_line_is_sent_as_a_whole_message() {
    let mock = Mock::new()
        .negotiate()
        .expect_text(r#"{"execute":"x","arguments":{"n":18446744073709551615,"f":0.10},"id":1}"#)
        .reply("18446744073709551615")
        .expect_text(r#"{"exec-oob":"yank","id":1}"#)
        .reply("0.10")
        .unix();
    let lines = "{ \"id\": 99, \"arguments\": {\"n\": 18446744073709551615, \"f\": 0.10}, \"execute\": \"x\" }\n\
                 {\"exec-oob\": \"yank\", \"arguments\": {}}\n";
    at(mock.socket()).stdin(lines).run().stdout("18446744073709551615\n0.10\n").stderr("").status(0);
    mock.finish();
    // What QEMU's parser would refuse is not sent to it.
    for line in [r#"{"execute": "x", "execute": "y"}"#, r#"{"execute": "x"} }"#, r#"{"execute": 1}"#, r#"{"id": 1}"#] {
        let mock = Mock::new().negotiate().unix();
        at(mock.socket()).stdin(line).run().stdout("").status(2).stderr_contains("^");
        mock.finish();
    }
}

#[test]
fn usage_errors_open_no_connection() {
    let rows: &[(&[&str], &str)] = &[
        (&["-c", "a", "b"], "`b` after -c or -f is ambiguous"),
        (&["-f", "-", "-f", "-"], "`-f -` is given twice"),
        (&["--bogus"], "--bogus"),
        (&["-t", "0"], "-t"),
        (&["-o", "bogus"], "bogus"),
    ];
    for (args, said) in rows {
        let output = qmpsh().arg("nowhere.sock").args(*args).run();
        output.stdout("").status(2).stderr_contains(said);
        assert!(output.stderr_text().starts_with("qmpsh: "), "{output}");
    }
}
