//! `.source`.

use super::lines;
use crate::shell::{is_at_prompt, shell};
use crate::support::{Qemu, qmpsh};

/// A file of this text beside the socket of QEMU.
fn file(qemu: &Qemu, name: &str, text: &str) -> String {
    let path = qemu.file(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn inner(qemu: &Qemu) -> String {
    file(qemu, "inner.qmp", "# a comment\nquery-name\n")
}

fn wrong(qemu: &Qemu) -> String {
    file(qemu, "wrong.qmp", "query-name\nnonsense\nquery-name\n")
}

/// A file that runs itself.
fn endless(qemu: &Qemu) -> String {
    let itself = qemu.file("itself.qmp").display().to_string();
    file(qemu, "itself.qmp", &format!(".source {itself}\n"))
}

const ENDLESS: &str = "nested too deep: more than 32 files";

#[test]
fn source_runs_the_lines_of_a_file() {
    let qemu = Qemu::none().start();
    let (socket, inner) = (qemu.socket(), inner(&qemu));
    let outer = file(&qemu, "outer.qmp", &format!("query-status\n.source {inner}\nquery-kvm"));
    let source = format!(".source {outer}");
    let names = lines(&socket, &["query-name", &source, "query-name"]).run();
    let shown = names.status(0).stdout_text();
    let keys: Vec<&str> = shown.lines().map(|line| line.split('"').nth(1).unwrap_or("none")).collect();
    assert_eq!(keys, ["none", "status", "none", "enabled", "none"], "{shown}");
    qmpsh().arg(&socket).args([".source", &inner]).run().status(0).stdout("{}\n");
    let pipelined = qmpsh().arg(&socket).args(["-k", "--pipeline", "8", "-c", &format!(".source {inner}")]).run();
    pipelined.status(0).stdout("{}\n");
}

#[test]
fn source_stops_at_the_first_failure() {
    let qemu = Qemu::none().start();
    let wrong = wrong(&qemu);
    let stopped = lines(&qemu.socket(), &[&format!(".source {wrong}"), "query-name"]).run();
    let said = stopped.status(1).stdout("{}\n").stderr_text();
    assert!(said.starts_with(&format!("{wrong}:2: CommandNotFound")), "{said}");
}

#[test]
fn source_of_itself_is_an_error() {
    let qemu = Qemu::none().start();
    let endless = lines(&qemu.socket(), &[&format!(".source {}", endless(&qemu))]).run();
    assert!(endless.status(2).stderr_text().contains(ENDLESS), "{endless:?}");
}

#[test]
fn source_of_a_missing_file_is_an_error() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    let absent = lines(&socket, &[".source /nonexistent/file"]).run();
    let missing = "cannot read `/nonexistent/file`: No such file or directory\n";
    absent.status(2).stderr(&format!("-c:1: {missing}"));
    let absent = file(&qemu, "absent.qmp", ".status\n.source /nonexistent/file\n");
    let within = lines(&socket, &[&format!(".source {absent} | cat >/dev/null")]).run();
    within.status(2).stderr(&format!("{absent}:2: {missing}"));
}

#[test]
fn source_works_at_the_prompt() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys(&format!(".source {}\r", wrong(&qemu)));
    t.wait(|screen| {
        let text = screen.text();
        text.contains("CommandNotFound")
            && text.contains(":2: the lines after this one are not run")
            && is_at_prompt(screen)
    });
    t.type_keys(&format!(".source {}\r", endless(&qemu)));
    t.wait(|screen| screen.text().replace('\n', "").contains(ENDLESS) && is_at_prompt(screen));
    t.type_keys(&format!("\u{c}.source {}\r", inner(&qemu)));
    t.wait(|screen| screen.text().ends_with("inner.qmp\n{}\n(QEMU)"));
}
