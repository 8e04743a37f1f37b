//! Secrets that got out: into messages, logs, the history and the arguments of processes.

use std::fs;
use std::path::Path;

use crate::shell::{at_prompt, is_at_prompt};
use crate::support::agent::Agent;
use crate::support::planted::{self, CORPUS, PARTS};
use crate::support::terminal::keys;
use crate::support::{Mock, Qemu, qmpsh, sh};

const SECRET: &str = "hunTerswOrd";

/// Panics if a text has a part of a secret.
#[track_caller]
fn assert_kept(text: &str, what: &str) {
    // What the shell of a pipeline says of its own command is not ours. It writes it in parts, between which others may write.
    let is_of_shell = |line: &&str| line.starts_with("sh: ") || line.ends_with(": not found");
    for line in text.lines().filter(|line| !is_of_shell(line)) {
        assert!(!PARTS.iter().any(|part| line.contains(part)), "{what} has a secret: {line}");
    }
}

/// Panics if a file below `directory` has a part of a secret.
#[track_caller]
fn assert_in_no_file(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_in_no_file(&path);
        } else if let Ok(bytes) = fs::read(&path) {
            assert_kept(&String::from_utf8_lossy(&bytes), &path.display().to_string());
        }
    }
}

// Each mode has a few hundred lines; what is secret in them is in no stream and no file.
#[test]
fn no_planted_secret_gets_out_of_a_batch() {
    let qemu = Qemu::none().start();
    let corpus = CORPUS.iter().map(|line| line.replace("SECRET", SECRET));
    let lines: Vec<String> = corpus.chain((0..300).map(planted::line)).collect();
    for mode in ["", "-H", "-o raw", "--qga"] {
        let agent = (mode == "--qga").then(Agent::start);
        let socket = agent.as_ref().map_or(qemu.socket().clone(), Agent::socket);
        let script = format!("exec \"$0\" -k -v -l wire.log --log-level debug {mode} \"$@\" 2>stderr");
        let commands = lines.iter().map(|line| format!("--command={line}"));
        let output = sh(&script).arg(socket).args(commands).run();
        let stderr = fs::read_to_string(output.home().join("stderr")).unwrap();
        assert!(stderr.len() > 10_000, "{stderr}");
        assert_in_no_file(output.home());
    }
    for line in lines.iter().take(40) {
        let words = line.split(' ').map(|word| word.trim_matches(['"', '\'']));
        let output = qmpsh().args(["-v", "--log-level", "debug"]).arg(qemu.socket()).arg("--").args(words).run();
        assert_kept(&output.stderr_text(), line);
    }
}

// From stdin and a file a statement may have many lines: one that does not end takes what follows with it. Each is a batch.
#[test]
fn no_planted_secret_gets_out_of_stdin_or_a_file() {
    let qemu = Qemu::none().start();
    let corpus = CORPUS.iter().map(|line| line.replace("SECRET", SECRET));
    for (count, line) in corpus.chain((300..340).map(planted::line)).enumerate() {
        let input = ["lines", "<lines", "/dev/stdin <lines"][count % 3];
        let from = if input.starts_with('<') { input.to_owned() } else { format!("-f {input}") };
        let script = format!("exec \"$0\" -k -v -l wire.log --log-level debug \"$@\" {from} 2>stderr");
        let program = sh(&script).arg(qemu.socket());
        fs::write(program.home().join("lines"), format!("query-name\n{line}\nquery-name\n")).unwrap();
        let output = program.run();
        fs::remove_file(output.home().join("lines")).unwrap();
        assert_in_no_file(output.home());
    }
}

#[test]
fn no_planted_secret_gets_into_the_history() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket());
    let home = program.home().to_owned();
    let mut t = at_prompt(program);
    for line in CORPUS.iter().map(|line| line.replace("SECRET", SECRET)).chain(["query-kvm".to_owned()]) {
        // Ctrl-C ends what is open.
        t.type_keys(&line);
        t.type_keys(keys::ENTER);
        t.type_keys(keys::CTRL_C);
        t.wait(is_at_prompt);
    }
    t.type_keys(keys::CTRL_D);
    t.wait_exit();
    assert_in_no_file(&home);
}

// A password typed before its question, in lines of each kind that ask for it: rustyline has read it already.
#[test]
fn an_answer_typed_before_the_question_never_runs_and_is_kept_nowhere() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket());
    let home = program.home().to_owned();
    fs::create_dir_all(home.join(".config/qmpsh")).unwrap();
    let config = "[alias]\npw = \"set_password protocol=vnc password=@?\"\n";
    fs::write(home.join(".config/qmpsh/config.toml"), config).unwrap();
    let file = home.join("file");
    fs::write(&file, "set_password protocol=vnc password=@?\n").unwrap();
    let source = format!(".source {}", file.display());
    let mut t = at_prompt(program);
    for asks in ["set_password protocol=vnc password=@?", "pw", ".try set_password protocol=vnc password=@?", &source] {
        for typed in [SECRET.to_owned(), format!("{SECRET}\r"), format!("\x03{SECRET}\r\x04\x18\x05{SECRET}")] {
            t.type_keys(&format!("{asks}\r{typed}"));
            t.wait(|screen| screen.line() == "password:");
            t.type_keys("x\r");
            t.wait(is_at_prompt);
            // What is typed after the answer runs.
            t.type_keys("query-kvm\x15.quit \x7f\x7f\x7f\x7f\x7f\x7fclear");
            t.wait(|screen| screen.line().ends_with(") clear"));
            t.type_keys("\x15");
            t.wait(is_at_prompt);
        }
    }
    // It fails before it asks.
    t.type_keys(&format!("set_password protocol=vnc password=@? b\r{SECRET}\r"));
    t.wait(|screen| screen.text().contains("is not KEY=VALUE") && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0, "{t}");
    assert_kept(&String::from_utf8_lossy(&t.raw()), "the terminal");
    assert_in_no_file(&home);
}

// The answer is a secret although no name says so.
#[test]
fn an_answer_to_a_question_is_masked_on_the_wire() {
    let mock = Mock::new().negotiate().refuse_schema().expect_execute("x-thing").reply("{}").unix();
    let script = "exec \"$0\" --no-history -v -l wire.log --log-level debug -c 'x-thing a.foo=@? b=1' \"$1\" 2>stderr";
    let program = sh(script).arg(mock.socket());
    let home = program.home().to_owned();
    let mut t = program.terminal();
    t.wait_for("a.foo:");
    t.type_keys(&format!("{SECRET}\r"));
    t.wait_exit();
    let sent = mock.finish().documents;
    assert!(sent.iter().any(|sent| sent.contains(SECRET)), "{sent:?}");
    let log = fs::read_to_string(home.join("wire.log")).unwrap();
    assert!(log.contains(r#""arguments":{"a":{"foo":"***"},"b":1}"#), "{log}");
    assert_in_no_file(&home);
}

// QEMU tells the data of a secret, and what stands in the name of an image.
#[test]
fn a_reply_that_reveals_a_secret_is_masked_in_the_log() {
    let qemu = Qemu::none().args(["-object", &format!("secret,id=s0,data={SECRET}")]).start();
    let lines = [
        "qom-get path=/objects/s0 property=data",
        "qom-get /objects/s0 property=data",
        ".hmp qom-get /objects/s0 data",
        ".oob .try qom-get path=/objects/s0 property=data",
        r#"{"arguments":{"property":"data","path":"/objects/s0"},"execute":"qom-get"}"#,
        "qom-list-get paths=[\"/objects/s0\"]",
        "qom-get path=/objects/s0 property=type",
    ];
    let commands = lines.iter().map(|line| format!("--command={line}"));
    let script = "exec \"$0\" -k -v -l wire.log --log-level debug \"$@\" 2>stderr";
    let output = sh(script).arg(qemu.socket()).args(commands).run();
    output.stdout_contains(SECRET).stdout_contains("\"secret\"");
    let log = fs::read_to_string(output.home().join("wire.log")).unwrap();
    assert!(log.contains(r#"{"return": "***", "id": 1}"#) && log.contains(r#""return": "secret""#), "{log}");
    assert_in_no_file(output.home());
}

#[test]
fn an_address_with_a_password_is_not_shown() {
    for address in ["ssh://u:hunTerswOrd@host/q", "ssh://u:hunTer/swOrd@host/q", "ssh://u:hunTer@swOrd@host"] {
        let output = qmpsh().args([address, "query-name"]).run();
        output.status(2).stderr_contains("a password cannot be given");
        assert_kept(&output.stderr_text(), address);
    }
    let output = qmpsh().args(["exec:no-such-program --password=hunTerswOrd", "query-name"]).run();
    output.status(3).stderr_contains("no session with exec:no-such-program --password=***");
    assert_kept(&output.stderr_text(), "exec:");
}

// A file that should be JSON is a secret as a whole.
#[test]
fn a_file_with_a_secret_is_not_quoted() {
    let program = qmpsh().args(["nowhere", "object-add", "qom-type=secret", "id=s", "data:=@key"]);
    fs::write(program.home().join("key"), SECRET).unwrap();
    let output = program.run();
    output.status(2).stderr_contains("`key`:1:1: unexpected `***`");
    assert_kept(&output.stderr_text(), "a file");
}
