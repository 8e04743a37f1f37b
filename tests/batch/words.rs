//! One command as words of the command line, or with `-c`.

use super::{answering, at, file};
use crate::support::{Mock, Qemu, sh};

const NEGOTIATE: &str = r#"{"execute":"qmp_capabilities","id":ANY}"#;
const NEGOTIATE_OOB: &str = r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":ANY}"#;

#[test]
fn the_bytes_sent_are_compact_and_end_with_the_brace() {
    let mock = Mock::new()
        .expect_silence()
        .greeting()
        .expect_text(NEGOTIATE)
        .reply("{}")
        .expect_text(r#"{"execute":"query-status","id":1}"#)
        .reply("{}")
        .unix();
    at(mock.socket()).arg("query-status").run().stdout("{}\n").status(0);
    let seen = mock.finish();
    assert_eq!(seen.bytes.len(), NEGOTIATE.replace("ANY", "123456789").len() + 33);
}

#[test]
fn oob_is_negotiated_only_if_a_command_needs_it() {
    let oob = r#"{"exec-oob":"yank"}"#;
    // The arguments, stdin, what is negotiated, and the command that comes.
    let rows: &[(&[&str], &str, &str)] = &[
        (&["yank"], "", NEGOTIATE),
        (&[oob], "", NEGOTIATE_OOB),
        (&["-c", "yank"], "", NEGOTIATE),
        (&["-c", oob], "", NEGOTIATE_OOB),
        (&["-c", r#"{"exec\u002doob":"yank"}"#], "", NEGOTIATE_OOB),
        // Nor is what another file asks for.
        (&["-c", ".source /dev/stdin"], "yank\n", NEGOTIATE_OOB),
        // What a pipe will ask for is not known beforehand.
        (&[], "yank\n", NEGOTIATE_OOB),
        (&["-f", "-"], "yank\n", NEGOTIATE_OOB),
        (&["-f", "/dev/stdin", "-c", "# none"], "yank\n", NEGOTIATE_OOB),
    ];
    for (args, stdin, negotiation) in rows {
        let mock = Mock::new().greeting().expect_text(negotiation).reply("{}").expect_execute("yank").reply("{}");
        let mock = mock.unix();
        at(mock.socket()).args(*args).stdin(stdin).run().stdout("{}\n").stderr("").status(0);
        mock.finish();
    }
}

#[test]
fn oob_is_negotiated_if_a_file_has_an_oob_command() {
    #[track_caller]
    fn check(lines: &str, negotiation: &str) {
        for by_name in [true, false] {
            let mock = Mock::new().greeting().expect_text(negotiation).reply("{}").expect_execute("yank").reply("{}");
            let mock = mock.unix();
            let program = at(mock.socket());
            let path = file(&program, "lines", lines);
            let program = if by_name {
                program.args(["-f", path.to_str().unwrap()])
            } else {
                program.stdin_from(std::fs::File::open(&path).unwrap())
            };
            program.run().stdout("{}\n").stderr("").status(0);
            mock.finish();
        }
    }
    check("yank\n", NEGOTIATE);
    check("yank # or .oob\n", NEGOTIATE_OOB);
    check("{\"execute\": \"y\\u0061nk\"}\n", NEGOTIATE_OOB);
    check("yank\n.output json\n", NEGOTIATE);
    check("yank\n.source /dev/null\n", NEGOTIATE_OOB);
}

#[test]
fn oob_commands_run_on_a_real_qemu() {
    let qemu = Qemu::none().start();
    let (word, all) = (r#"{"exec-oob":"query-yank"}"#, "[{\"type\": \"chardev\", \"id\": \"m0\"}]\n");
    at(&qemu.socket()).arg(word).run().stdout(all).stderr("").status(0);
    at(&qemu.socket()).args(["-c", word, "-c", "query-yank"]).run().stdout(&all.repeat(2)).stderr("").status(0);
    let refused = at(&qemu.socket()).arg(r#"{"exec-oob":"query-name"}"#).run();
    refused.stdout("").status(1).stderr_contains("GenericError: The command query-name does not support OOB\n");
}

#[test]
fn a_syntax_error_in_a_word_has_a_caret_and_opens_no_connection() {
    let mock = Mock::new().negotiate().unix();
    let output = at(mock.socket()).args(["query-status", "a=[1,"]).run();
    output.stdout("").status(2);
    let text = output.stderr_text();
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.iter().position(|line| line.contains("query-status a=[1,")).expect(&text);
    let caret = lines[shown + 1].find('^').expect(&text);
    let bracket = lines[shown].find('[').expect(&text);
    assert!(caret >= bracket, "{text}");
    mock.finish_without_connection();
}

#[test]
fn a_word_is_one_token_whatever_is_in_it() {
    let mock = Mock::new()
        .negotiate()
        .expect(r##"{"execute":"x","arguments":{"a":"# b | c","d":"it's","e":"","f":{"g":"h"}}}"##)
        .reply("{}")
        .unix();
    at(mock.socket()).args(["x", "a=# b | c", "d=it's", "e=", "f.g=h"]).run().stdout("{}\n").status(0);
    mock.finish();
}

#[test]
fn a_command_of_words_does_not_read_stdin() {
    let mock = answering(&["a"]).unix();
    let mut shell = sh("\"$0\" \"$1\" a; cat").arg(mock.socket()).start();
    shell.line("left for cat");
    shell.close_stdin();
    shell.wait().stdout("{\"n\": 1}\nleft for cat\n").status(0);
    mock.finish();
}

#[test]
fn raw_output_is_the_whole_reply() {
    let qemu = Qemu::none().pretty().start();
    let raw = |stdin: &str| at(&qemu.socket()).args(["-k", "-o", "raw"]).stdin(stdin).run();
    let output = raw("query-name\n{\"execute\": \"query-name\", \"id\": {\"a\": [1, \"}\"]}}\nbogus\n\
                      {\"execute\": \"bogus\", \"id\": \"mine\"}\n");
    output.status(1).stdout(
        "{\"return\": {}}\n\
         {\"return\": {}, \"id\": {\"a\":[1,\"}\"]}}\n\
         {\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command bogus has not been found\"}}\n\
         {\"id\": \"mine\", \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command bogus has not been found\"}}\n",
    );
    output.stderr(
        "stdin:3: CommandNotFound: The command bogus has not been found\n\
         stdin:4: CommandNotFound: The command bogus has not been found\n",
    );
}

#[test]
fn no_negotiate_sends_the_command_at_once() {
    let mock = Mock::new().expect_text(r#"{"execute":"a","id":1}"#).reply("5").unix();
    at(mock.socket()).args(["-N", "a"]).run().stdout("5\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn quit_with_and_without_a_reply_is_success() {
    let mut qemu = Qemu::none().start();
    at(&qemu.socket()).arg("quit").run().stdout("{}\n").stderr("").status(0);
    assert!(qemu.wait().success());
    let closing: [fn(Mock) -> Mock; 3] =
        [|mock| mock.reply("{}").close(), Mock::close, |mock| mock.event("SHUTDOWN", "{}").close()];
    for close in closing {
        for (args, expected) in [
            (&["quit"][..], "{}\n"),
            (&["-o", "pretty", "quit"], "{}\n"),
            (&["-o", "raw", r#"{"execute": "quit", "id": 7}"#], "{\"return\": {}, \"id\": 7}\n"),
        ] {
            let mock = close(Mock::new().negotiate().expect_execute("quit")).unix();
            at(mock.socket()).args(args).run().stdout(expected).stderr("").status(0);
            mock.finish();
        }
    }
    // A reset without a reply is also an end.
    let mock = Mock::new().negotiate().expect_execute("quit").reset().tcp();
    at(mock.tcp().to_string().as_ref()).arg("quit").run().stdout("{}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn quit_on_a_real_qemu_over_tcp_keeps_its_reply() {
    let mut qemu = Qemu::none().tcp_monitor().start();
    let address = qemu.tcp().to_string();
    at(address.as_ref()).args(["-o", "raw", "quit"]).run().stdout("{\"return\": {}}\n").stderr("").status(0);
    assert!(qemu.wait().success());
}
