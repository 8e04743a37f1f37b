//! Escaping of what a hostile peer sends to the terminal.

use super::complete::typed;
use super::{is_at_prompt, shell};
use crate::support::mock::Mock;
use crate::support::terminal::{keys, without_colors};
use crate::support::{DEADLINE, poll_until, qmpsh};

/// What a terminal acts on, what turns text around, and what is not seen, as they come in JSON's escapes.
const EVIL: &str = r"\u001b]0;owned\u0007\u001b[2J\u009b31m\u007f\u0008\r\n\u202e\u2066\u200b\u200d\ufeff\u2028";

/// Characters that only a peer other than QEMU sends unescaped.
const RAW: &str = "\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200b}\u{feff}\u{e0001}";

fn greeting() -> String {
    format!(
        "{{\"QMP\": {{\"version\": {{\"qemu\": {{\"micro\": 0, \"minor\": 2, \"major\": 7}}, \
         \"package\": \"{EVIL}{RAW}\"}}, \"capabilities\": []}}}}\n"
    )
}

/// The characters that came to the terminal and may not, but for what the line editor writes itself.
fn dangers(raw: &[u8]) -> Vec<char> {
    let text = without_colors(raw);
    let mut found: Vec<char> = text
        .chars()
        .filter(|c| {
            matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1a' | '\x1c'..='\x1f' | '\x7f'..='\u{9f}')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
                || matches!(c, '\u{e0000}'..='\u{e007f}')
        })
        .collect();
    found.dedup();
    // The editor's own sequences move the cursor, clear rows, and turn on and off that pastes are marked and rows shown
    // at once.
    for sequence in text.split('\x1b').skip(1) {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).map_or(sequence.len(), |at| at + 1);
        let known = ["[?2004h", "[?2004l", "[?2026h", "[?2026l"].contains(&&sequence[..end])
            || (sequence.starts_with('[')
                && sequence[1..end - 1].bytes().all(|byte| byte.is_ascii_digit() || byte == b';')
                && matches!(sequence.as_bytes()[end - 1], b'A'..=b'D' | b'K' | b'J')
                && !sequence.starts_with("[2J"));
        if !known {
            found.extend(sequence[..end].chars());
        }
    }
    found
}

#[test]
fn replies_errors_events_and_the_greeting_are_escaped() {
    for mode in ["json", "pretty", "raw"] {
        let mock = Mock::interactive()
            .send(greeting())
            .expect_execute("qmp_capabilities")
            .reply("{}")
            .expect_execute("a")
            .event(&format!("EV{EVIL}{RAW}"), &format!("{{\"{EVIL}{RAW}\": \"{EVIL}{RAW}\"}}"))
            .reply(&format!("{{\"key{EVIL}{RAW}\": [\"{EVIL}{RAW}\"]}}"))
            .expect_execute("b")
            .answer("error", &format!("{{\"class\": \"C{EVIL}{RAW}\", \"desc\": \"D{EVIL}{RAW}\"}}"))
            .expect_execute("c")
            .answer(&format!("{EVIL}{RAW}"), "1")
            .expect_execute("d")
            .pause()
            .event(&format!("LATE{EVIL}{RAW}"), "{}")
            .send(format!("{RAW}{EVIL}"))
            .close()
            .unix();
        let mut t = qmpsh().args(["-o", mode]).arg(mock.socket()).terminal();
        t.wait(is_at_prompt);
        t.type_keys("a\rb\rc\r");
        t.wait(|screen| screen.words().contains("is not a greeting") && is_at_prompt(screen));
        t.type_keys("d\r");
        mock.wait_for_pause();
        t.type_keys(keys::CTRL_C);
        t.wait(|screen| screen.text().contains("interrupted: `d`") && is_at_prompt(screen));
        mock.go_on();
        t.wait(|screen| screen.text().contains("LATE") && screen.words().contains("was lost"));
        t.type_keys("\x04");
        assert_eq!(t.wait_exit(), 0);
        assert_eq!(dangers(&t.raw()), Vec::<char>::new(), "{mode}: {t}");
        mock.finish();
    }
}

#[test]
fn text_that_is_not_a_greeting_is_escaped() {
    let mock = Mock::interactive().send(format!("{RAW}\x1b[2J\x07")).unix();
    let mut t = qmpsh().arg(mock.socket()).terminal();
    assert_eq!(t.wait_exit(), 3);
    t.wait_for("this is not a QMP monitor");
    assert_eq!(dangers(&t.raw()), Vec::<char>::new(), "{t}");
}

#[test]
fn completions_and_hints_are_escaped() {
    let name = format!("{EVIL}{RAW}");
    let schema = format!(
        r#"[{{"name":"do","meta-type":"command","arg-type":"0"}},{{"name":"do{name}","meta-type":"command","arg-type":"0"}},
            {{"name":"E{name}","meta-type":"event","arg-type":"0"}},
            {{"name":"0","meta-type":"object","members":[{{"name":"id","type":"s"}},{{"name":"a{name}","type":"e"}},
                {{"name":"a2{name}","default":null,"type":"e"}},{{"name":"kind","default":null,"type":"e"}}]}},
            {{"name":"e","meta-type":"enum","values":["v1{name}","v2{name}"]}},
            {{"name":"device_del","meta-type":"command","arg-type":"0"}},
            {{"name":"s","meta-type":"builtin","json-type":"string"}}]"#
    )
    .replace('\n', " ");
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("query-qmp-schema")
        .reply(&schema)
        .pause()
        .expect_execute("qom-list")
        .reply(&format!(
            r#"[{{"name":"d1{name}","type":"child<t{name}>"}},{{"name":"d2{name}","type":"child<{name}>"}}]"#
        ))
        .pause()
        .unix();
    let mut t = shell(mock.socket());
    mock.go_on();
    // The names of arguments are listed, and hinted at.
    t.type_keys("do zz=1");
    // Red, when the schema has come.
    t.wait(|screen| screen.color_of("zz=") == Some(vt100::Color::Idx(1)));
    t.type_keys("\x7f\x7f\x7f\x7f\t");
    t.wait(|screen| screen.text().contains(r"a\u{1b}]0;owned"));
    // Values; what both begin with goes into the line, in quotes.
    t.type_keys("kind=\t\t");
    t.wait(|screen| screen.text().contains(r"v1\u{1b}") && screen.text().contains(r"v2\u{1b}"));
    t.type_keys("1\t");
    t.wait(|screen| screen.text().replace('\n', "").contains(r#"kind="v1\u001b]0;owned"#));
    // What exists.
    t.type_keys("\x15device_del id=");
    let listed = poll_until(DEADLINE, || {
        // Again if the answer came too late for the Tab before. The mark shows that Tab is over.
        t.type_keys("\t~");
        let screen = t.wait(|screen| typed(screen).ends_with('~'));
        t.type_keys(keys::BACKSPACE);
        t.wait(|screen| !typed(screen).ends_with('~'));
        screen.text().contains(r"d2\u{1b}]0;owned").then_some(())
    });
    assert!(listed.is_some(), "{t}");
    mock.wait_for_pause();
    t.type_keys("1\t");
    t.wait(|screen| screen.text().replace('\n', "").contains(r#"id="d1\u001b]0;owned"#));
    t.type_keys("\x15do\t\t.wait \t\t");
    t.type_keys("\x15\x04");
    assert_eq!(t.wait_exit(), 0);
    // The bell says that there is nothing more.
    let raw: Vec<u8> = t.raw().into_iter().filter(|byte| *byte != 7).collect();
    assert_eq!(dangers(&raw), Vec::<char>::new(), "{t}");
    mock.go_on();
    mock.finish();
}
