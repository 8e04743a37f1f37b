//! Scripts written for `socat - UNIX:q`, `nc -U q` or `telnet`: they negotiate by hand, and send several messages at once.

use crate::support::{Mock, Qemu, qmpsh, sh};

/// Runs a script with the program as `$0` and the socket as `$1`.
#[track_caller]
fn script(qemu: &Qemu, script: &str, stdout: &str) {
    sh(script).arg(qemu.socket()).run().stdout(stdout).stderr("").status(0);
}

#[test]
fn the_negotiation_by_hand_succeeds_and_is_not_sent() {
    let check = |args: &[&str], stdin: &str, stdout: &str| {
        let mock = Mock::new().negotiate().expect_execute("query-name").reply("{}").unix();
        qmpsh().arg(mock.socket()).args(args).stdin(stdin).run().stdout(stdout).stderr("").status(0);
        mock.finish();
    };
    let negotiate = r#"{"execute":"qmp_capabilities"}"#;
    let (query, twice) = (r#"{"execute":"query-name"}"#, "{}\n{}\n");
    // On a line of its own, as the first one of nearly every script.
    check(&[], &format!("{negotiate}\n{query}\n"), twice);
    check(&[], &format!("qmp_capabilities\n{query}\n"), twice);
    check(&["-c", negotiate, "-c", "query-name"], "", twice);
    check(&["-f", "-"], &format!("{query}\n{negotiate}\n{negotiate}\n"), "{}\n{}\n{}\n");
    // Joined with the command, or with blanks between.
    check(&[], &format!("{negotiate}{query}"), twice);
    check(&[], &format!("{negotiate} {query}\n"), twice);
    check(&[&format!("{negotiate}{query}")], "", twice);
    check(&[negotiate, query], "", twice);
    check(&["--pipeline", "8", "-k"], &format!("{query}{negotiate}"), twice);
    // Carried by a built-in command, and into a pipeline.
    check(&[], &format!(".try {negotiate}\n{negotiate} | tr -d '\\n'\n{query}\n"), "{}\n{}{}\n");
    // The ids are the script's own.
    let with_id = r#"{"execute": "qmp_capabilities", "id": "c"}{"execute": "query-name", "id": {"n": [1]}}"#;
    check(&["-o", "raw"], with_id, "{\"return\": {}, \"id\": \"c\"}\n{\"return\": {}, \"id\": {\"n\":[1]}}\n");
}

#[test]
fn a_negotiation_of_capabilities_succeeds_if_they_are_enabled() {
    let qemu = Qemu::none().start();
    let enable = |name: &str| format!(r#"{{"execute":"qmp_capabilities","arguments":{{"enable":["{name}"]}},"id":1}}"#);
    let at = || qmpsh().args(["-o", "raw"]).arg(qemu.socket());
    let out_of_band = r#"{"exec-oob": "migrate-pause"}"#;
    let output = at().arg("-k").stdin(format!("{}\n{out_of_band}\n", enable("oob"))).run();
    output.stdout_contains("{\"return\": {}, \"id\": 1}\n").stderr_contains("stdin:2: GenericError: ").status(1);
    at().arg(enable("oob")).run().stdout("{\"return\": {}, \"id\": 1}\n").status(0);
    let desc = "the capability `teleport` is not enabled; the server offers oob";
    at().arg(enable("teleport"))
        .run()
        .stdout(&format!("{{\"id\": 1, \"error\": {{\"class\": \"GenericError\", \"desc\": \"{desc}\"}}}}\n"))
        .stderr(&format!("GenericError: {desc}\n"))
        .status(1);
    // QEMU judges what it would not accept in a negotiation.
    at().args(["qmp_capabilities", "speed=9"]).run().stderr_contains("GenericError: ").status(1);
    at().args([".oob", "qmp_capabilities"]).run().stderr_contains("does not support OOB").status(1);
}

#[test]
fn without_a_negotiation_it_is_sent() {
    let mock = Mock::new().expect(r#"{"execute":"qmp_capabilities"}"#).reply("{\"n\": 1}").unix();
    qmpsh().arg("-N").arg(mock.socket()).arg("qmp_capabilities").run().stdout("{\"n\": 1}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn messages_on_one_line_have_an_outcome_each() {
    let run = |args: &[&str], mock: Mock, stdin: &str| {
        let mock = mock.unix();
        let output = qmpsh().arg(mock.socket()).args(args).stdin(stdin).run();
        mock.finish();
        output
    };
    let refuses =
        || Mock::new().negotiate().expect_execute("a").reply("1").expect_execute("b").error("GenericError", "no");
    let line = r#"{"execute":"a"}{"execute":"b"} {"execute":"c"}"#;
    let refusal = "stdin:2: message 2: GenericError: no\n";
    run(&[], refuses(), &format!("\n{line}\nd\n")).stdout("1\n").stderr(refusal).status(1);
    let answers = || refuses().expect_execute("c").reply("3").expect_execute("d").reply("4");
    for args in [["-k", "--pipeline", "1"], ["-k", "--pipeline", "2"], ["-k", "--pipeline", "16"]] {
        run(&args, answers(), &format!("\n{line}\nd\n")).stdout("1\n3\n4\n").stderr(refusal).status(1);
    }
    run(&[line], refuses(), "").stdout("1\n").stderr("message 2: GenericError: no\n").status(1);
    let output = run(&["-k", line], refuses().expect_execute("c").reply("3"), "");
    output.stdout("1\n3\n").stderr("message 2: GenericError: no\n").status(1);
    // The connection ends between two of them.
    let quits = Mock::new().negotiate().expect_execute("quit").reply("{}").close();
    let output = run(&[], quits, r#"{"execute":"quit"}{"execute":"a"}"#);
    output.stdout("{}\n").stderr("stdin:1: message 2: `a` was not sent: the server has quit\n").status(4);
}

#[test]
fn a_line_with_a_wrong_message_is_not_sent() {
    let check = |line: &str, stderr: &str| {
        let mock = Mock::new().negotiate().unix();
        qmpsh().arg(mock.socket()).stdin(line).run().stdout("").stderr(stderr).status(2);
        mock.finish();
    };
    check(
        r#"{"execute":"a"}{"execute":5}"#,
        "stdin:1:27: \"execute\" must be a string\n  {\"execute\":\"a\"}{\"execute\":5}\n                            ^\n",
    );
    check(
        r#"{"execute":"a"} {"execute":"b"} | jq"#,
        "stdin:1:33: unexpected `|`\n  {\"execute\":\"a\"} {\"execute\":\"b\"} | jq\n                                  ^\n  expected the end of the line\n  help: a pipeline takes the result of one message; write each message on a line of its own\n",
    );
    check(
        "-e {\"execute\":\"a\"}\n",
        "stdin:1:1: unexpected `-e`\n  -e {\"execute\":\"a\"}\n  ^^\n  expected a command name\n  help: an `echo` without options printed it: use `printf` in the script\n",
    );
}

#[test]
fn the_ways_of_a_shell_to_send_lines_work() {
    let qemu = Qemu::none().name("web1").start();
    let (none, name) = ("{}\n", "{\"name\": \"web1\"}\n");
    // echo, without and with a final newline.
    script(
        &qemu,
        r#"echo '{"execute":"qmp_capabilities"}{"execute":"query-name"}' | "$0" "$1""#,
        &format!("{none}{name}"),
    );
    script(
        &qemu,
        r#"printf %s '{ "execute": "qmp_capabilities" } { "execute": "query-name" }' | "$0" "$1""#,
        &format!("{none}{name}"),
    );
    // printf with CR and LF, with CR alone as `expect` sends it, and with blank lines between.
    script(
        &qemu,
        r#"printf '{"execute":"qmp_capabilities"}\r\n\r\n{"execute":"query-name"}\r{"execute":"query-name"}\r\n' | "$0" "$1""#,
        &format!("{none}{name}{name}"),
    );
    // `\n` that an echo did not turn into a newline: QEMU reports it and runs both.
    script(
        &qemu,
        r#"printf %s '{"execute":"qmp_capabilities"}\n{"execute":"query-name"}\n' | "$0" "$1""#,
        &format!("{none}{name}"),
    );
    // The same where a line begins.
    script(
        &qemu,
        r#"printf %s '\n{"execute":"qmp_capabilities"}\r\n\n{"execute":"query-name"}' | "$0" "$1""#,
        &format!("{none}{name}"),
    );
    // A file of an editor that begins with a byte order mark.
    script(
        &qemu,
        r#"printf '\357\273\277{"execute":"qmp_capabilities"}\n{"execute":"query-name"}\n' >file; "$0" "$1" -f file; "$0" "$1" <file"#,
        &format!("{none}{name}{none}{name}"),
    );
    // A pause, so that socat had time to read.
    script(
        &qemu,
        r#"(echo '{"execute":"qmp_capabilities"}'; sleep 0.01; echo '{"execute":"query-name"}'; sleep 0.01) | "$0" "$1""#,
        &format!("{none}{name}"),
    );
    // A here document, indented, with messages over several lines and side by side.
    script(
        &qemu,
        "\"$0\" \"$1\" <<EOF\n    { \"execute\": \"qmp_capabilities\" }\n\n    {\n      \"execute\": \"query-name\",\n      \"arguments\": {\n      }\n    }\n    { \"execute\":\n      \"query-name\" } { \"execute\":\n      \"query-name\" }\nEOF\n",
        &format!("{none}{name}{name}{name}"),
    );
}

#[test]
fn scripts_that_read_the_replies_work_with_raw_output() {
    let qemu = Qemu::q35().name("web1").start();
    // A function with the command as its argument, and a pattern for the reply.
    script(
        &qemu,
        r#"qmp() { printf '{"execute":"qmp_capabilities"}{"execute":"%s"}' "$2" | "$0" -o raw "$1"; }
        qmp "$1" query-status | grep -c '"status": *"running"'; qmp "$1" stop | tail -n 1
        qmp "$1" query-status | grep -c '"status": *"paused"'"#,
        "1\n{\"return\": {}}\n1\n",
    );
    // Property after property, each with an id to tell the replies apart.
    script(
        &qemu,
        r#"echo '{"execute":"qmp_capabilities"}'\
'{"execute":"qom-get","arguments":{"path":"/machine/unattached/device[0]","property":"type"},"id":"type"}' \
'{"execute":"qom-get","arguments":{"path":"/machine/unattached/device[0]","property":"realized"},"id":"realized"}'\
'{"execute":"qom-list-types","arguments":{"implements":"isa-debugcon"},"id":["types",1]}'\
            | "$0" -o raw "$1" | grep -o '"id": .*'"#,
        "\"id\": \"type\"}\n\"id\": \"realized\"}\n\"id\": [\"types\",1]}\n",
    );
    // A loop that waits for a state.
    script(
        &qemu,
        r#"i=0; while [ $i -lt 3 ]; do
            echo '{ "execute": "qmp_capabilities" } { "execute": "query-dump" }' | "$0" -o raw "$1" | tail -n +2 | sed 's/, .*//'
            i=$((i+1)); done"#,
        &"{\"return\": {\"total\": 0\n".repeat(3),
    );
    // The last message ends the machine.
    script(
        &qemu,
        r#"echo '{"execute":"cont"}{"execute":"qmp_capabilities"}{"execute":"quit"}' | "$0" "$1" >/dev/null"#,
        "",
    );
}

#[test]
fn messages_are_typed_side_by_side() {
    let qemu = Qemu::none().name("web1").start();
    let mut terminal = qmpsh().arg(qemu.socket()).terminal();
    terminal.wait_for("(web1)");
    terminal.type_keys("{\"execute\":\"qmp_capabilities\"}{\"execute\":\"query-name\"}\r");
    terminal.wait_for("{}");
    terminal.wait_for("\"name\": \"web1\"");
    terminal.type_keys("{\"execute\":\"bogus\"} {\"execute\":\"query-name\"}{\"execute\":\"query-name\"}\r");
    terminal.wait_for("stopped at message 1; 2 messages not run");
    terminal.type_keys("\u{4}");
    assert_eq!(terminal.wait_exit(), 0);
}

/// The ways of three scripts that drive migrations, screenshots and input devices, with the program in place of `nc -U "$Q" -N`,
/// `timeout 8 socat - "UNIX-CONNECT:$Q"` and `socat -T 2 - unix-connect:$Q`.
#[test]
fn whole_scripts_run() {
    let qemu = Qemu::q35().name("web1").args(["-device", "virtio-tablet-pci"]).start();
    // Blank lines and pauses, messages over several lines, and a search for errors in what comes back.
    script(
        &qemu,
        r#"data=$( (
            echo
            sleep .01
            echo '{ "execute": "qmp_capabilities" }'
            sleep .01
            echo '{ "execute": "migrate-set-parameters" ,
          "arguments": { "max-bandwidth": 10000000000,
          "downtime-limit": 300 } }'
            sleep .01
        ) | "$0" -o raw "$1")
        if [ $(echo "$data" | grep error | wc -l) != 0 ]; then echo failed; else echo set; fi
        data=$( (echo; echo '{ "execute": "qmp_capabilities" }'; echo '{ "execute": "migrate", "arguments": { "uri":
        "'nosuch':'4444'"} }') | "$0" -o raw "$1" 2>/dev/null)
        echo "$data" | grep -c error"#,
        "set\n1\n",
    );
    // A function with a time limit that drops the first line of the output.
    script(
        &qemu,
        r#"qmp() {
            printf '{"execute":"qmp_capabilities"}\n%s\n' "$2" | timeout 60 "$0" "$1" 2>/dev/null | tail -n +2
        }
        qmp "$1" '{"execute":"query-name"}'; qmp "$1" '{"execute":"human-monitor-command","arguments":{"command-line":"info name"}}'
        qmp "$1" '{"execute":"nosuch"}' | wc -c"#,
        "{\"name\": \"web1\"}\n\"web1\\r\\n\"\n0\n",
    );
    // The name and the arguments of the command in one parameter, with numbers of the shell.
    script(
        &qemu,
        r#"qmp() { printf '{"execute":"qmp_capabilities"}\n{"execute":%s}\n' "$2" | "$0" "$1" >/dev/null && echo "$3"; }
        ax() { echo $(( $1 * 32767 / 1280 )); }
        qmp "$1" "\"input-send-event\",\"arguments\":{\"events\":[{\"type\":\"abs\",\"data\":{\"axis\":\"x\",\"value\":$(ax 640)}},
            {\"type\":\"abs\",\"data\":{\"axis\":\"y\",\"value\":$(ax 400)}}]}" moved
        { printf '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n'; sleep 0.1; } | "$0" "$1" >/dev/null; echo "$?""#,
        "moved\n0\n",
    );
}
