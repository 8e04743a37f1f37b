//! `--pipeline N`: several unanswered commands, and results in the order of the lines.

use crate::support::{Mock, Program, Qemu, qmpsh};

/// A batch from stdin that keeps so many commands on their way.
fn pipelined(count: u32, socket: &std::path::Path) -> Program {
    qmpsh().args(["-k".to_owned(), format!("--pipeline={count}")]).arg(socket)
}

#[test]
fn pipeline_option_bounds_unanswered_commands() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("one")
        .expect_execute("two")
        .expect_execute("four")
        .expect_silence()
        .reply("1")
        .expect_execute("five")
        .error("GenericError", "no")
        .reply("4")
        .reply("5")
        .unix();
    // The line that does not parse is one of those on their way until its turn has come.
    let output = pipelined(4, mock.socket()).stdin("one\ntwo\nthree )\nfour\nfive\n").run();
    output.stdout("1\n4\n5\n").status(2);
    let said = output.stderr_text();
    let (refused, unread) = (said.find("stdin:2: GenericError: no\n"), said.find("stdin:3:"));
    assert!(refused.is_some() && refused < unread, "{said}");
    mock.finish();
}

#[test]
fn a_later_line_is_sent_while_commands_wait() {
    let mock = Mock::new().negotiate().expect_execute("one").pause().expect_execute("two").reply("1").reply("2").unix();
    let mut batch = pipelined(8, mock.socket()).start();
    batch.line("one");
    mock.go_on();
    batch.line("two");
    assert_eq!(batch.read_line(), "1");
    assert_eq!(batch.read_line(), "2");
    batch.wait().status(0);
    mock.finish();
}

#[test]
fn a_result_is_printed_before_the_next_line_is_read() {
    let qemu = Qemu::none().name("web1").start();
    let mut batch = pipelined(8, &qemu.socket()).start();
    for _ in 0..3 {
        batch.line("query-name");
        assert_eq!(batch.read_line(), r#"{"name": "web1"}"#);
    }
    batch.wait().status(0);
}

#[test]
fn pipelined_commands_run_on_a_real_qemu() {
    let qemu = Qemu::none().name("web1").start();
    let output = pipelined(128, &qemu.socket()).stdin("query-name\nquery-bogus\n".repeat(300)).run();
    output.stdout(&"{\"name\": \"web1\"}\n".repeat(300)).status(1);
    assert_eq!(output.stderr_text().matches("CommandNotFound").count(), 300);
}

#[test]
fn events_keep_their_order_among_replies_of_one_read() {
    let lines = |id: u64| {
        let event = format!("{{\"event\": \"E{id}\", \"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}}}");
        let reply = match id {
            2 => format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"no\"}}, \"id\": {id}}}"),
            _ => format!("{{\"return\": {id}, \"id\": {id}}}"),
        };
        (reply, event)
    };
    let together: String =
        (1..=4).map(lines).flat_map(|(reply, event)| [reply, event]).map(|line| line + "\r\n").collect();
    let mock =
        ["a", "b", "c", "d"].into_iter().fold(Mock::new().negotiate(), Mock::expect_execute).send(together).unix();
    let output = pipelined(4, mock.socket()).args(["--events=show", "-c", "a\nb\nc\nd"]).run();
    let [one, two, three, four] = [1, 2, 3, 4].map(|id| lines(id).1);
    output.stdout(&format!("1\n{one}\n{two}\n3\n{three}\n4\n{four}\n")).status(1);
    mock.finish();
}

#[test]
fn replies_out_of_order_are_printed_before_a_loss() {
    let mock =
        Mock::new().negotiate().expect_execute("one").expect(r#"{"exec-oob":"two"}"#).reply_latest("2").close().unix();
    let output = pipelined(4, mock.socket()).args(["-c", "one\n.oob two"]).run();
    output.stdout("2\n").status(4).stderr(
        "-c:1: the connection was lost before the reply to `one` came, so whether it ran is unknown: the peer closed \
         the connection\n",
    );
    mock.finish();
}

#[test]
fn a_loss_names_unknown_and_unsent_lines() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("one")
        .expect_execute("two")
        .expect_execute("three")
        .reply("1")
        .close()
        .unix();
    let output = pipelined(3, mock.socket()).args(["-c", "one\ntwo\nthree"]).run();
    output.stdout("1\n").status(4).stderr(
        "-c:2: the connection was lost before the reply to `two` came, so whether it ran is unknown: the peer closed \
         the connection\n  unknown too: -c:3: `three`\n",
    );
    mock.finish();
}

// Each refusal is explained with the schema, which a peer that is gone cannot tell.
#[test]
fn refusals_before_a_loss_are_shown_and_do_not_wait() {
    let mock = Mock::new().negotiate();
    let mock = ["one", "two", "three", "four"].into_iter().fold(mock, Mock::expect_execute);
    let mock = (0..3).fold(mock, |mock, _| mock.error("CommandNotFound", "no")).close().unix();
    let output = pipelined(4, mock.socket()).args(["-c", "one\ntwo\nthree\nfour"]).run();
    output.stdout("").status(4).stderr_contains(
        "-c:1: CommandNotFound: no\n-c:2: CommandNotFound: no\n-c:3: CommandNotFound: no\n\
         -c:4: the connection was lost before the reply to `four` came, so whether it ran is unknown: ",
    );
    // The cause is what the peer did, also where it was asked for before.
    let stderr = output.stderr_text();
    assert!(stderr.ends_with("the peer closed the connection\n") || stderr.contains("reset by peer"), "{stderr}");
    mock.finish();
}

#[test]
fn quit_waits_for_replies_and_ends_the_batch() {
    let qemu = Qemu::none().start();
    let output = pipelined(8, &qemu.socket()).stdin("query-name\nquery-name\nquit\nquery-name\n").run();
    output.stdout("{}\n{}\n{}\n").status(4).stderr("stdin:4: `query-name` was not sent: the server has quit\n");
}

#[test]
fn built_in_commands_run_in_order() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("one")
        .expect_silence()
        .reply("1")
        .expect_execute("two")
        .reply("2")
        .unix();
    let output = pipelined(8, mock.socket()).stdin("one\n.detach\ntwo\n.quit\nthree\n").run();
    output.stdout("1\n2\n").status(2).stderr_contains("stdin:2: ");
    mock.finish();
}

#[test]
fn at_most_eight_commands_are_unanswered_with_oob() {
    let mut mock = Mock::new().negotiate();
    for _ in 0..10 {
        mock = mock.expect_execute("slow");
    }
    mock = mock.expect_silence().reply("0").reply("0").expect_silence().reply("0");
    mock = mock.expect(r#"{"exec-oob": "prompt"}"#).expect_silence().reply_latest("1");
    for _ in 0..7 {
        mock = mock.reply("0");
    }
    let mock = mock.expect_execute("last").reply("2").unix();
    let lines = format!("{}{{\"exec-oob\": \"prompt\"}}\nlast\n", "slow\n".repeat(10));
    pipelined(20, mock.socket()).stdin(lines).run().stdout(&format!("{}1\n2\n", "0\n".repeat(10))).status(0);
    mock.finish();
}

#[test]
fn each_pipelined_command_has_its_timeout() {
    let mock = Mock::new().negotiate().expect_execute("one").expect_execute("two").unix();
    let output = pipelined(2, mock.socket()).args(["-t", "0.2", "-c", "one\ntwo"]).run();
    output.stdout("").status(5).stderr(
        "-c:1: no reply to `one` within 0.2 s: it may still be running\n\
         -c:2: no reply to `two` within 0.2 s: it may still be running\n",
    );
    mock.finish();
}
