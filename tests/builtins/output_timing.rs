//! `.output`, `.timing`.

use super::lines;
use crate::shell::{is_at_prompt, shell};
use crate::support::version::status_table;
use crate::support::{Qemu, qmpsh};

/// Whether this is a line about the time that a command took.
fn is_time(line: &str) -> bool {
    let number = line.strip_prefix("time: ").and_then(|rest| rest.strip_suffix(" ms"));
    number.is_some_and(|number| number.split_once('.').is_some_and(|(_, digits)| digits.len() == 3))
}

#[test]
fn output_changes_the_form_in_a_batch() {
    let qemu = Qemu::none().name("vm").start();
    let given = [
        ".output",
        "query-name",
        ".output pretty",
        ".output",
        "query-name",
        ".output table",
        "query-name",
        "query-name | cat",
        ".output raw",
        "query-name",
        ".output auto",
        "query-name",
    ];
    let expected = "auto\n{\"name\": \"vm\"}\npretty\n{\n  \"name\": \"vm\"\n}\nname  vm\n{\"name\": \"vm\"}\n\
                    {\"return\": {\"name\": \"vm\"}}\n{\"name\": \"vm\"}\n";
    lines(&qemu.socket(), &given).run().status(0).stdout(expected).stderr("");
    let refused = lines(&qemu.socket(), &[".output xml"]).run();
    assert!(refused.status(2).stderr_text().contains("not one of `auto`, `json`, `pretty`, `table` and `raw`"));
}

#[test]
fn timing_shows_times_in_a_batch() {
    let qemu = Qemu::none().start();
    for arguments in [&[][..], &["-k", "--pipeline", "4"]] {
        let run = qmpsh().arg(qemu.socket()).args(arguments.iter().copied());
        let run = run.stdin(".timing\n.timing on\nquery-name\nquery-name\n.timing off\nquery-name\n").run();
        let said = run.status(0).stdout("off\n{}\n{}\n{}\n").stderr_text();
        assert_eq!((said.lines().count(), said.lines().all(is_time)), (2, true), "{said}");
    }
    lines(&qemu.socket(), &[".timing maybe"]).run().status(2).stderr_contains("not `on` or `off`");
}

#[test]
fn output_and_timing_work_at_the_prompt() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys(".output table\r.timing on\rquery-status\r");
    let screen = t.wait(|screen| screen.text().contains(" ms\n") && is_at_prompt(screen));
    let text = screen.text();
    let shown: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("status ")).collect();
    let table = status_table("running", true);
    let expected: Vec<&str> = table.lines().collect();
    assert_eq!(shown[..expected.len()], expected, "{text}");
    assert!(is_time(shown[expected.len()]), "{text}");
}
