//! `COMMAND | PIPELINE` in a batch.

use rustix::process::Signal;

use super::{answering, at, file};
use crate::support::program::peak_memory;
use crate::support::{Mock, Qemu};

#[test]
fn a_shell_pipeline_reads_the_result() {
    let qemu =
        Qemu::q35().args(["-drive", "if=none,id=d0,driver=null-co", "-drive", "if=none,id=d1,driver=null-co"]).start();
    at(&qemu.socket())
        .args(["-c", "query-block | jq -r '.[].device' | sort"])
        .run()
        .status(0)
        .stdout("d0\nd1\n")
        .stderr("");
    let lines = "query-name | cat # comment\nquery-name\ntransaction(\n) | cat\n\
                 {\"execute\": \"query-name\", \"id\": 7} | cat\n.help .quit | head -n 1\nquery-name\n";
    at(&qemu.socket()).stdin(lines).run().status(0).stdout("{}\n{}\n{}\n{}\n.quit\n{}\n").stderr("");
    // Words are finished: this is no pipeline.
    at(&qemu.socket()).args(["query-name", "|", "cat"]).run().status(2).stdout("");
}

#[test]
fn a_shell_pipeline_reads_json_in_each_output_form() {
    for form in ["auto", "json", "pretty", "table", "raw"] {
        let mock = Mock::interactive()
            .negotiate()
            .expect_execute("a")
            .reply(r#"{"x": [18446744073709551615, "\u001b"]}"#)
            .unix();
        let run = at(mock.socket()).args(["-o", form, "--color", "always", "-c", "a | cat"]).run();
        run.status(0).stdout("{\"x\": [18446744073709551615, \"\\u001b\"]}\n");
        mock.finish();
    }
}

#[test]
fn a_failed_pipeline_fails_the_command() {
    #[track_caller]
    fn check(pipeline: &str, status: i32, message: &str) {
        let mock = answering(&["a"]).unix();
        let line = format!("a | {pipeline}");
        let run = at(mock.socket()).args(["-c", &line, "-c", "b"]).run();
        run.status(status).stdout("").stderr(message);
        mock.finish();
    }
    check("exit 7", 1, "-c:1: the pipeline `exit 7` ended with exit status 7\n");
    check("false", 1, "-c:1: the pipeline `false` ended with exit status 1\n");
    check("kill -9 $$", 1, "-c:1: the pipeline `kill -9 $$` was ended by signal 9 (SIGKILL)\n");
    check("kill -INT $$", 130, "");
    // With `-k` the others are run.
    let mock = answering(&["a", "b"]).unix();
    at(mock.socket()).args(["-k", "-c", "a | false", "-c", "b | cat"]).run().status(1).stdout("{\"n\": 2}\n");
    mock.finish();
    // What is forgiven is the server's refusal.
    let mock = answering(&["a"]).unix();
    let tried = at(mock.socket()).args(["-c", ".try a | false", "-c", "b"]).run();
    tried.status(1).stdout("");
    mock.finish();
}

#[test]
fn a_failed_command_starts_no_pipeline() {
    let mock = Mock::interactive().negotiate().expect_execute("a").error("GenericError", "no").unix();
    at(mock.socket()).args(["-c", "a | echo run >&2"]).run().status(1).stdout("").stderr("-c:1: GenericError: no\n");
    mock.finish();
    let mock = Mock::interactive().negotiate().expect_execute("a").close().unix();
    let lost = at(mock.socket()).args(["-c", "a | echo run"]).run();
    lost.status(4).stdout("");
    mock.finish();
    // A command that prints nothing gives it nothing.
    let mock = Mock::interactive().negotiate().expect_execute("a").error("GenericError", "no").unix();
    let raw = at(mock.socket()).args(["-o", "raw", "-c", "a | echo run"]).run();
    raw.status(1).stdout("{\"error\": {\"class\":\"GenericError\",\"desc\":\"no\"}}\n");
    mock.finish();
}

#[test]
fn a_pipeline_may_stop_reading_early() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("a")
        .reply_list_of(1 << 16)
        .expect_execute("b")
        .reply("1")
        .unix();
    let run = at(mock.socket()).args(["-c", "a | head -c 9", "-c", "b | true"]).run();
    run.status(0).stdout("[{\"n\": 0}").stderr("");
    mock.finish();
    // A command that goes on and on ends with it.
    let qemu = Qemu::none().start();
    at(&qemu.socket()).args(["-c", ".watch 0 query-name | head -n 3"]).run().status(0).stdout("{}\n{}\n{}\n");
    // What reads stdout has gone: as any filter.
    let mock = Mock::interactive().negotiate().expect_execute("a").reply_list_of(1 << 16).unix();
    at(mock.socket()).args(["-c", "a | cat", "-c", "b"]).stdout_closed().run().status(141).stderr("");
    mock.finish();
}

#[test]
fn each_output_of_a_line_goes_to_its_pipeline() {
    let qemu = Qemu::none().start();
    let program = at(&qemu.socket());
    let inner = file(&program, "inner", "query-name\n");
    let outer = file(&program, "outer", format!("query-name\n.source {}\n", inner.display()));
    let line = format!(".source {} | wc -l", outer.display());
    program.args(["-c", &line, "-c", "query-name"]).run().status(0).stdout("2\n{}\n");
    let waited = at(&qemu.socket()).args(["-c", "stop | cat >&2", "-c", ".wait STOP | jq -r .event"]).run();
    waited.status(0).stdout("STOP\n").stderr("{}\n");
    let shown =
        at(&qemu.socket()).args(["--events", "show", "-c", "cont | cat", "-c", ".wait RESUME | jq -r .event"]).run();
    let text = shown.status(0).stdout_text();
    assert!(text.ends_with("\nRESUME\n") && text.contains("\"event\": \"RESUME\"}\n{}\n"), "{text}");
}

#[test]
fn results_and_pipelines_print_in_order() {
    let names: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    let mock = || answering(&names.iter().map(String::as_str).collect::<Vec<_>>()).unix();
    let lines: String = names
        .iter()
        .zip([" | cat\n", "\n", " | (sleep 0; cat)\n"].iter().cycle())
        .flat_map(|(name, rest)| [name.as_str(), rest])
        .collect();
    let expected = (1..=20).map(|n| format!("{{\"n\": {n}}}\n")).collect::<Vec<_>>().concat();
    for arguments in [&[][..], &["-k", "--pipeline", "8"]] {
        let mock = mock();
        at(mock.socket()).args(arguments.iter().copied()).stdin(&lines).run().status(0).stdout(&expected);
        mock.finish();
    }
}

#[test]
fn a_long_piped_result_is_in_memory_once() {
    const OBJECTS: u64 = 1 << 20;
    let mock = Mock::interactive().negotiate().expect_execute("a").reply_list_of(OBJECTS).unix();
    let mut process = at(mock.socket()).start();
    process.line("a | tr -d ' ' | wc -l");
    assert_eq!(process.read_line().trim(), "1");
    let peak = peak_memory(process.pid());
    // {"n": 1234567},
    let reply = OBJECTS * 15;
    assert!(peak < reply * 5 / 4 + (12 << 20), "{peak} bytes for a reply of {reply}");
    process.wait().status(0);
    mock.finish();
}

#[test]
fn ctrl_c_ends_the_pipeline_and_the_batch() {
    let qemu = Qemu::none().start();
    // A loop: the shell may not see a signal that comes just before it waits for something that does not end.
    let script = "trap 'echo caught >&2; exit 5' INT; echo up; cat; while :; do sleep 0.1; done";
    let line = format!("query-name | {script}");
    let mut t = at(&qemu.socket()).args(["-c", &line]).terminal();
    t.wait_for("{}");
    t.type_keys(crate::support::terminal::keys::CTRL_C);
    t.wait_for("ended with exit status 5");
    assert_eq!(t.wait_exit(), 1);
    // With no pipeline it is for the program.
    let mut process = at(&qemu.socket()).args(["-c", "query-name | cat", "-c", ".watch 1000 query-name"]).start();
    assert_eq!((process.read_line(), process.read_line()), ("{}".to_owned(), "{}".to_owned()));
    process.signal(Signal::INT);
    process.wait().status(130);
}

#[test]
fn ctrl_c_does_not_truncate_a_result() {
    let qemu = Qemu::none().start();
    // The result is longer than what a pipe holds.
    let line = "query-qmp-schema | trap '' INT; head -c 1; echo; read x </dev/tty; cat | tail -c 2";
    let mut t = at(&qemu.socket()).args(["-c", line]).terminal();
    t.wait_for("[");
    t.type_keys(crate::support::terminal::keys::CTRL_C);
    t.wait_for("^C");
    t.type_keys("\r");
    t.wait_for("]");
    assert_eq!(t.wait_exit(), 0);
}
