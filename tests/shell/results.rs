//! Results at the prompt: form, length and memory.

use super::{at_prompt, is_at_prompt};
use crate::support::mock::Mock;
use crate::support::program::peak_memory;
use crate::support::qmpsh;
use crate::support::terminal::{Screen, keys};

#[test]
fn results_are_shown_in_each_output_form() {
    let check = |mode: &str, expected: &str| {
        let mock = Mock::interactive()
            .negotiate()
            .expect_execute("a")
            .reply(r#"{"x": [18446744073709551615, 0.10]}"#)
            .expect_execute("b")
            .error("GenericError", "no")
            .unix();
        let mut t = at_prompt(qmpsh().args(["-o", mode]).arg(mock.socket()));
        let prompts =
            |screen: &Screen, count| screen.text().matches(super::PROMPT).count() == count && is_at_prompt(screen);
        t.type_keys("{\"execute\": \"a\", \"id\": \"mine\"}\r");
        t.wait(|screen| prompts(screen, 2));
        t.type_keys("b\r");
        let screen = t.wait(|screen| prompts(screen, 3));
        let text = screen.text();
        let shown = text.split_once("\"mine\"}\n").unwrap().1;
        assert_eq!(shown, format!("{expected}GenericError: no\n(QEMU)"), "{mode}");
    };
    check("json", "{\"x\": [18446744073709551615, 0.10]}\n(QEMU) b\n");
    check("pretty", "{\n  \"x\": [\n    18446744073709551615,\n    0.10\n  ]\n}\n(QEMU) b\n");
    check(
        "raw",
        "{\"return\": {\"x\": [18446744073709551615, 0.10]}, \"id\": \"mine\"}\n(QEMU) b\n\
         {\"error\": {\"class\":\"GenericError\",\"desc\":\"no\"}}\n",
    );
}

#[test]
fn a_table_fits_the_terminal() {
    let mock = Mock::interactive().negotiate()
        .expect_execute("a")
        .reply(r#"[{"node-name": "日本", "size": 18446744073709551615, "file": "/a/name/that/is/longer/than/the/terminal/is/wide/and/then/some.qcow2"}, {"size": 1, "extra": {"a": [1]}, "file": "\u001b[31mred\u202e"}]"#)
        .expect_execute("b")
        .reply(r#"{"status": "running", "singlestep": false}"#)
        .unix();
    let mut t = at_prompt(qmpsh().args(["-o", "table"]).arg(mock.socket()));
    let prompts =
        |screen: &Screen, count| screen.text().matches(super::PROMPT).count() == count && is_at_prompt(screen);
    t.type_keys("a\r");
    t.wait(|screen| prompts(screen, 2));
    t.type_keys("b\r");
    let screen = t.wait(|screen| prompts(screen, 3));
    let text = screen.text();
    assert_eq!(
        text.split_once("(QEMU) a\n").unwrap().1,
        "node-name      size  file                                                extra.a\n\
         日本       15.9 EiB  /a/name/that/is/longer/than/the/terminal/is/wide/\n\
         \x20                    and/then/some.qcow2\n\
         \x20               1 B  \\u{1b}[31mred\\u{202e}                               1\n\
         (QEMU) b\nstatus      running\nsinglestep  false\n(QEMU)"
    );
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
}

#[test]
fn objects_that_do_not_fit_are_one_below_the_other() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("a")
        .reply(
            r#"[{"inserted": {"image": {"virtual-size": 1610612736, "backing-image": {"filename": "/b"}}}, "device": "d0",
                "type": "unknown"}, {"device": "d1", "type": "unknown", "tags": ["x", "y"]}]"#,
        )
        .unix();
    let mut t = at_prompt(qmpsh().args(["-o", "table"]).arg(mock.socket()));
    t.type_keys("a\r");
    let screen = t.wait(|screen| screen.text().contains("every row") && is_at_prompt(screen));
    let rule = |title: &str| format!("-[ {title} ]-{:-<1$}", "", 34 - title.len());
    let (first, second, every) = (rule("1"), rule("2"), rule("every row"));
    let expected = [
        &first,
        "device             d0",
        "inserted",
        "  image",
        "    virtual-size   1.5 GiB",
        "    backing-image",
        "      filename     /b",
        &second,
        "device             d1",
        "tags               x, y",
        &every,
        "type               unknown",
        "(QEMU)",
    ];
    let expected = expected.join("\n");
    assert_eq!(screen.text().split_once("(QEMU) a\n").unwrap().1, expected);
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
}

#[test]
fn results_and_errors_have_colors() {
    use vt100::Color::{Default, Idx};
    let check = |arguments: &[&str], environment: &[(&str, &str)], colored: bool| {
        let mock = Mock::interactive()
            .negotiate()
            .expect_execute("a")
            .reply(r#"{"key": "text", "more": [12345, null]}"#)
            .event("POWERDOWN", "{}")
            .expect_execute("b")
            .error("GenericError", "no")
            .unix();
        let program = environment.iter().fold(qmpsh(), |program, (name, value)| program.env(*name, value));
        let mut t = at_prompt(program.args(arguments.iter().copied()).arg(mock.socket()));
        t.type_keys("a\r");
        t.wait(|screen| screen.text().contains("POWERDOWN") && is_at_prompt(screen));
        t.type_keys("b\r");
        let screen = t.wait(|screen| screen.text().contains("GenericError: no") && is_at_prompt(screen));
        let parts = ["\"key\"", "\"text\"", "12345", "null", "POWERDOWN", "GenericError"];
        let found = parts.map(|text| screen.color_of(text).unwrap());
        let expected = if colored { [12, 28, 30, 5, 136, 1].map(Idx) } else { [Default; 6] };
        assert_eq!(found, expected, "{arguments:?} {environment:?}");
        t.type_keys(keys::CTRL_D);
        assert_eq!(t.wait_exit(), 0);
    };
    check(&[], &[], true);
    check(&["--color", "never"], &[], false);
    check(&[], &[("NO_COLOR", "1")], false);
    check(&["--color", "always"], &[("NO_COLOR", "1")], true);
}

#[test]
fn a_long_result_at_the_prompt_is_in_memory_once() {
    const OBJECTS: u64 = 1 << 18;
    let mock = Mock::interactive().negotiate().expect_execute("big").reply_list_of(OBJECTS).unix();
    let mut t = at_prompt(qmpsh().args(["--color", "never"]).arg(mock.socket()));
    t.type_keys("big\r");
    t.wait(|screen| screen.text().ends_with("  }\n]\n(QEMU)") && is_at_prompt(screen));
    let peak = peak_memory(t.pid());
    // {"n": 1234567}, and what is shown of it has twice its length.
    let reply = OBJECTS * 15;
    assert!(peak < 2 * reply + (12 << 20), "{peak} bytes for a reply of {reply}");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}
