//! The human monitor: `-H`, `.hmp`, `.qmp`.

use super::lines;
use crate::shell::{is_at_prompt, shell};
use crate::support::terminal::{Screen, Terminal, keys};
use crate::support::version::version;
use crate::support::{Mock, Qemu, qmpsh};

const NAME: &str = r#"{"execute":"human-monitor-command","arguments":{"command-line":"info name"},"id":1}"#;

#[test]
fn a_pipeline_gets_the_text_of_the_human_monitor() {
    let qemu = Qemu::none().args(["-name", "web1"]).start();
    let socket = qemu.socket();
    lines(&socket, &[".hmp info name | tr a-z A-Z", ".hmp info status | grep -c running"]).run().stdout("WEB1\n1\n");
    lines(&socket, &[".try .hmp info name | cat -A", ".watch 0 count=2 .hmp info name | sort"])
        .run()
        .stdout("web1$\nweb1\nweb1\n");
    lines(&socket, &[".hmp qom-list / | grep -c machine"]).run().status(0).stdout("1\n");
    lines(&socket, &[".hmp help quit | cut -c 1-4"]).run().status(0).stdout("quit\n");
    lines(&socket, &[".hmp info name | false"]).run().status(1).stdout("");
    lines(&socket, &[".hmp info nothing | cat"]).run().status(1).stdout("");
    let empty = lines(&socket, &[".hmp info name |"]).run();
    assert!(empty.status(2).stderr_text().contains("a shell command"), "{empty:?}");
    // Here the bar belongs to the line.
    lines(&socket, &[".hmp print 1 | 2"]).run().status(0).stdout("0x3\n");
    qmpsh().args(["-H", "-c", "print 1 | 6"]).arg(&socket).run().status(0).stdout("0x7\n");
    let refused = qmpsh().args(["-H", "-c", "info name | cat"]).arg(&socket).run();
    assert!(!refused.status(1).stderr_text().is_empty(), "{refused:?}");
    qmpsh().arg(&socket).args([".hmp", "info", "name", "|", "cat"]).run().status(1);
    qmpsh().args(["-H", "-c", ".hmp info name | tr a-z A-Z"]).arg(&socket).run().status(0).stdout("WEB1\n");
}

#[test]
fn hmp_lines_are_sent_unchanged() {
    let qemu = Qemu::none().name("web1").start();
    let socket = qemu.socket();
    let hmp = |text: &str| qmpsh().arg("-H").arg(&socket).stdin(text).run();
    hmp("info name\n\n   \nprint 1 | 2\n").status(0).stdout("web1\n0x3\n").stderr("");
    // The first failure ends it, with the place.
    hmp("info name\nprint 1 | 2\nnonsense\ninfo name\n")
        .status(1)
        .stdout("web1\n0x3\n")
        .stderr("stdin:3: unknown command: 'nonsense'\n");
    // Neither comment, quote, bracket nor continuation.
    hmp("# x\n").status(1).stderr("stdin:1: unknown command: '#'\n");
    hmp("print 1 # 'x [\n").status(1).stdout("").stderr_contains("stdin:1: print|p: extraneous characters");
    hmp("print (1\nprint 2\n").status(1).stderr_contains("Try \"help print\" for more information\n");
    hmp("print 1\r\ncont\r\n").status(0).stdout("0x1\n");
    // Lines with a dot are the shell's.
    hmp("info name\n.qmp # back\nquery-name\n.hmp\ninfo name\n.hmp print 7\n.try .hmp nonsense\n")
        .status(0)
        .stdout("web1\n{\"name\": \"web1\"}\nweb1\n0x7\n")
        .stderr("stdin:7: unknown command: 'nonsense'\n");
    let kept = qmpsh().arg("-H").arg(&socket).arg("-k").stdin("nonsense\ndevice_del x\nprint 1\n").run();
    kept.status(1)
        .stdout("0x1\n")
        .stderr("stdin:1: unknown command: 'nonsense'\nstdin:2: Error: Device 'x' not found\n");
    let many = qmpsh()
        .arg("-H")
        .arg(&socket)
        .args(["-k", "--pipeline", "8"])
        .stdin("print 1\nnonsense\n.qmp\nquery-name\n")
        .run();
    many.status(1).stdout("0x1\n{\"name\": \"web1\"}\n").stderr("stdin:2: unknown command: 'nonsense'\n");
}

#[test]
fn hmp_mode_continues_in_the_next_source() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    lines(&socket, &[".hmp", "print 1", ".qmp", "query-name"]).run().status(0).stdout("0x1\n{}\n");
    lines(&socket, &[".hmp\nprint 1\nprint 2", "print 3"]).run().status(0).stdout("0x1\n0x2\n0x3\n");
    let file = qemu.file("lines");
    std::fs::write(&file, "print 1\n.qmp\nquery-name").unwrap();
    let source = format!(".source {}", file.display());
    let sourced =
        qmpsh().arg("-H").arg(&socket).args(["-c", &source, "-c", "query-name", "-c", ".hmp", "-c", "print 2"]);
    sourced.run().status(0).stdout("0x1\n{}\n{}\n0x2\n");
    for alone in [".try .hmp", ".watch 1 .qmp"] {
        let refused = lines(&socket, &[alone]).run();
        refused.status(2).stderr_contains("a command that changes the language cannot run here");
    }
    lines(&socket, &[".qmp now"]).run().status(2).stderr_contains(".qmp takes no arguments");
}

#[test]
fn hmp_words_are_sent_as_one_line() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    let words = |words: &[&str]| qmpsh().arg("-H").arg(&socket).args(words.iter().copied()).run();
    words(&["print", "1 | 2"]).status(0).stdout("0x3\n");
    words(&["nonsense"]).status(1).stdout("").stderr("unknown command: 'nonsense'\n");
    words(&[".hmp", "print", "1"]).status(0).stdout("0x1\n");
    words(&[" "]).status(0).stdout("");
    qmpsh().arg(&socket).args([".hmp", "print", "#"]).run().status(1);
}

#[test]
fn hmp_answers_are_json_in_other_output_forms() {
    let qemu = Qemu::none().name("web1").start();
    let run = |output: &[&str], line: &str| {
        qmpsh().arg("-H").args(output.iter().copied()).arg(qemu.socket()).args(["-c", line]).run()
    };
    run(&["-o", "auto"], "info name").status(0).stdout("web1\n");
    run(&["-p"], "info name").status(0).stdout("web1\n");
    run(&["-o", "json"], "info name").status(0).stdout("\"web1\\r\\n\"\n");
    run(&["-o", "json"], "nonsense").status(1).stdout("").stderr("-c:1: unknown command: 'nonsense'\n");
    run(&["-o", "raw"], "info name").status(0).stdout("{\"return\": \"web1\\r\\n\"}\n");
    run(&["-o", "raw"], "nonsense").status(1).stdout("{\"return\": \"unknown command: 'nonsense'\\r\\n\"}\n");
    run(&[], "stop").status(0).stdout("");
    run(&["-o", "json"], "stop").status(0).stdout("\"\"\n");
}

#[test]
fn hmp_remembers_the_cpu() {
    let qemu = Qemu::q35().args(["-smp", "2"]).start();
    let text = "info cpus\ncpu 1\ninfo cpus\ncpu 9\ninfo cpus\n.reconnect\ninfo cpus\n";
    let shown = qmpsh().arg("-H").arg(qemu.socket()).arg("-k").stdin(text).run();
    let current: Vec<&str> = shown
        .status(1)
        .stderr("stdin:4: invalid CPU index\n")
        .stdout_bytes()
        .split(|byte| *byte == b'\n')
        .map(|line| std::str::from_utf8(line).unwrap())
        .filter(|line| !line.starts_with(' ') && !line.is_empty())
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(current, ["* CPU #0", "* CPU #1", "* CPU #1", "* CPU #0"]);
    let mock = Mock::new()
        .negotiate()
        .expect_text(r#"{"execute":"human-monitor-command","arguments":{"command-line":"cpu 1"},"id":1}"#)
        .reply(r#""""#)
        .expect_text(r#"{"execute":"human-monitor-command","arguments":{"command-line":"x","cpu-index":1},"id":1}"#)
        .error("GenericError", "Parameter 'cpu-index' expects a CPU number")
        .unix();
    let gone = lines(mock.socket(), &[".hmp cpu 1", ".hmp x"]).run();
    gone.status(1).stderr_contains("-c:2: GenericError").stderr_contains("`cpu 0` selects the first one");
    mock.finish();
}

#[test]
fn hmp_fails_on_a_peer_without_human_monitor() {
    let daemon = Qemu::storage_daemon().start();
    let refused = qmpsh().arg("-H").arg(daemon.socket()).args(["info", "version"]).run();
    refused.status(1).stdout("").stderr(
        "CommandNotFound: The command human-monitor-command has not been found\n  \
         hint: this peer has no human monitor: a storage daemon and a guest agent have none\n",
    );
}

#[test]
fn hmp_answers_are_escaped_on_a_terminal() {
    let answered = |reply: &str, terminal: bool| {
        let mock = Mock::new().negotiate().expect_text(NAME).reply(reply).unix();
        let program = qmpsh().arg("-H").arg(mock.socket()).args(["info", "name"]);
        if terminal {
            let mut t = program.terminal();
            t.wait_exit();
            let text = t.screen().text();
            mock.finish();
            return text;
        }
        let output = program.run();
        mock.finish();
        output.stdout_text() + &output.stderr_text()
    };
    assert_eq!(answered(r#""a\u001b[2J\r\nb\rc""#, false), "a\u{1b}[2J\nbc\n");
    assert_eq!(answered(r#""a\u001b[2J\r\nb""#, true).trim_end(), "a\\u{1b}[2J\nb");
    assert_eq!(answered(r#""Error: \u001b[2J\u202e\r\n""#, true).trim_end(), "Error: \\u{1b}[2J\\u{202e}");
    assert_eq!(answered("{}", false), "the human monitor's answer is not a string\n");
    // A character that QEMU refuses in any message is not sent.
    let mock = Mock::new().negotiate().unix();
    let refused = lines(mock.socket(), &[".hmp print \u{ffff}"]).run();
    refused.status(2).stderr_contains("QEMU does not accept the character U+FFFF");
    mock.finish();
}

#[test]
fn hmp_quit_is_not_a_lost_connection() {
    let qemu = Qemu::none().start();
    let quit = qmpsh().arg("-H").arg(qemu.socket()).stdin("q\n").run();
    quit.status(0).stdout("").stderr("");
    let mock = Mock::new()
        .negotiate()
        .expect(r#"{"execute":"human-monitor-command","arguments":{"command-line":"quit"},"id":1}"#)
        .close()
        .unix();
    lines(mock.socket(), &[".hmp quit", "query-name"]).run().status(4).stderr_contains("the server has quit");
    mock.finish();
}

fn is_at_hmp_prompt(screen: &Screen) -> bool {
    screen.line() == "(web1 hmp)" && screen.cursor().1 == 11
}

fn is_at_name(screen: &Screen) -> bool {
    screen.line() == "(web1)" && screen.cursor().1 == 7
}

fn enter(t: &mut Terminal, line: &str, expected: &str, is_at: fn(&Screen) -> bool) {
    t.type_keys(&format!("\u{c}{line}\r"));
    t.wait(|screen| screen.text().contains(expected) && is_at(screen));
}

#[test]
fn hmp_mode_works_at_the_prompt() {
    let (major, minor) = version();
    let qemu = Qemu::none().name("web1").start();
    let mut t = qmpsh().arg("-H").arg(qemu.socket()).terminal();
    t.wait(is_at_hmp_prompt);
    enter(&mut t, "info name", "(web1 hmp) info name\nweb1\n", is_at_hmp_prompt);
    // What would go on in the other language.
    enter(&mut t, "print [{'\"", "Try \"help print\" for more information\n", is_at_hmp_prompt);
    enter(&mut t, "   ", "(web1 hmp)", is_at_hmp_prompt);
    enter(&mut t, ".status", &format!("\nQEMU {major}.{minor}"), is_at_hmp_prompt);
    enter(&mut t, ".qmp", "(web1)", is_at_name);
    enter(&mut t, "query-name", "\"name\": \"web1\"", is_at_name);
    enter(&mut t, ".hmp info name", "\nweb1\n", is_at_name);
    enter(&mut t, ".hmp", "(web1 hmp)", is_at_hmp_prompt);
    // Several lines at once, with a change in the middle.
    t.type_keys("\u{c}\u{1b}[200~print 5\n.qmp\nquery-kvm\u{1b}[201~\r");
    t.wait(|screen| screen.text().contains("0x5\n{\n") && is_at_name(screen));
    t.type_keys("\u{c}\u{1b}[200~.hmp\nprint [\nquery-kvm\u{1b}[201~\r");
    t.wait(|screen| screen.text().contains("stopped at line 2; 1 line not run") && is_at_hmp_prompt(screen));
    enter(&mut t, "q", "QEMU has quit", |screen| screen.line() == "(disconnected)");
    enter(&mut t, "info name", "not sent: not connected", |screen| screen.line() == "(disconnected)");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
}

#[test]
fn a_late_hmp_answer_is_shown_as_text() {
    let mock = Mock::interactive()
        .negotiate()
        .expect(r#"{"execute":"human-monitor-command","arguments":{"command-line":"savevm x"}}"#)
        .pause()
        .reply(r#""saved\r\n""#)
        .expect(r#"{"execute":"human-monitor-command","arguments":{"command-line":"y"}}"#)
        .reply(r#""Error: no\r\n""#)
        .unix();
    let mut t = shell(mock.socket());
    t.type_keys(".hmp savevm x\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("`savevm x` may still be running") && is_at_prompt(screen));
    mock.go_on();
    t.wait(|screen| screen.text().contains("the reply to `savevm x`:\nsaved\n") && is_at_prompt(screen));
    t.type_keys(".hmp y\r");
    t.wait(|screen| screen.text().contains("\nError: no\n") && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}
