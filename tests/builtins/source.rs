//! `.source`.

use super::lines;
use crate::shell::{is_at_prompt, shell};
use crate::support::{Qemu, qmpsh};

#[test]
fn source_runs_the_lines_of_a_file() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    let file = |name: &str, text: &str| {
        let path = qemu.file(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let inner = file("inner.qmp", "# a comment\nquery-name\n");
    let outer = file("outer.qmp", &format!("query-status\n.source {inner}\nquery-kvm"));
    let source = format!(".source {outer}");
    let names = lines(&socket, &["query-name", &source, "query-name"]).run();
    let shown = names.status(0).stdout_text();
    let keys: Vec<&str> = shown.lines().map(|line| line.split('"').nth(1).unwrap_or("none")).collect();
    assert_eq!(keys, ["none", "status", "none", "enabled", "none"], "{shown}");
    qmpsh().arg(&socket).args([".source", &inner]).run().status(0).stdout("{}\n");
    qmpsh()
        .arg(&socket)
        .args(["-k", "--pipeline", "8", "-c", &format!(".source {inner}")])
        .run()
        .status(0)
        .stdout("{}\n");

    let wrong = file("wrong.qmp", "query-name\nnonsense\nquery-name\n");
    let stopped = lines(&socket, &[&format!(".source {wrong}"), "query-name"]).run();
    let said = stopped.status(1).stdout("{}\n").stderr_text();
    assert!(said.starts_with(&format!("{wrong}:2: CommandNotFound")), "{said}");

    let itself = qemu.file("itself.qmp").display().to_string();
    let itself = file("itself.qmp", &format!(".source {itself}\n"));
    let endless = lines(&socket, &[&format!(".source {itself}")]).run();
    assert!(endless.status(2).stderr_text().contains("nested too deep: more than 32 files"), "{endless:?}");
    let absent = lines(&socket, &[".source /nonexistent/file"]).run();
    let missing = "cannot read `/nonexistent/file`: No such file or directory (os error 2)\n";
    absent.status(2).stderr(&format!("-c:1: {missing}"));
    let absent = file("absent.qmp", ".status\n.source /nonexistent/file\n");
    let within = lines(&socket, &[&format!(".source {absent} | cat >/dev/null")]).run();
    within.status(2).stderr(&format!("{absent}:2: {missing}"));

    let mut t = shell(&socket);
    t.type_keys(&format!(".source {wrong}\r"));
    t.wait(|screen| {
        let text = screen.text();
        text.contains("CommandNotFound")
            && text.contains(":2: the lines after this one are not run")
            && is_at_prompt(screen)
    });
    t.type_keys(&format!(".source {itself}\r"));
    t.wait(|screen| screen.text().contains("nested too deep: more than 32 files") && is_at_prompt(screen));
    t.type_keys(&format!("\u{c}.source {inner}\r"));
    t.wait(|screen| screen.text().ends_with("inner.qmp\n{}\n(QEMU)"));
}
