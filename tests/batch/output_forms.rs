//! Tables and colors in a pipe.

use super::at;
use crate::support::version::status_table;
use crate::support::{Mock, Qemu};

#[test]
fn table_output_aligns_columns() {
    let qemu = Qemu::q35().args(["-smp", "2", "-S"]).start();
    let socket = qemu.socket();
    at(&socket).args(["-o", "table", "query-status"]).run().status(0).stdout(&status_table("prelaunch", false));
    let cpus = at(&socket).args(["-o", "table", "query-cpus-fast"]).run();
    let text = cpus.status(0).stdout_text();
    let lines: Vec<_> = text.lines().collect();
    let (rows, below) = lines.split_at(lines.iter().position(|line| line.starts_with("-[ every row ]-")).unwrap());
    assert_eq!(rows.len(), 3, "{text}");
    assert!(rows[0].starts_with("qom-path  "), "{text}");
    for (index, line) in rows[1..].iter().enumerate() {
        assert!(line.starts_with("/machine/unattached/device["), "{text}");
        // Numbers end where the name of their column does.
        for name in ["cpu-index", "props.core-id"] {
            let end = rows[0].find(name).unwrap() + name.len();
            assert!(line[..end].ends_with(&format!(" {index}")), "{text}");
        }
    }
    assert!(below.contains(&"target           x86_64"), "{text}");
    let text = at(&socket).args(["-o", "table", "human-monitor-command", "command-line=info name"]).run();
    text.status(0).stdout("\n");
    at(&socket).args(["-o", "table", "query-jobs"]).run().status(0).stdout("[]\n");
}

#[test]
fn human_readable_text_is_printed_as_text() {
    let qemu = Qemu::q35().start();
    let socket = qemu.socket();
    let json: serde_json::Value =
        serde_json::from_str(&at(&socket).args(["-o", "json", "x-query-roms"]).run().status(0).stdout_text()).unwrap();
    let text = json["human-readable-text"].as_str().unwrap();
    assert!(text.lines().count() > 1, "{text}");
    let text = text.replace("\r\n", "\n");
    for form in ["auto", "pretty", "table"] {
        at(&socket).args(["-o", form, "x-query-roms"]).run().status(0).stdout(&text);
    }
    at(&socket).args(["-c", "x-query-roms | cat"]).run().status(0).stdout(&text);
    let raw = at(&socket).args(["-o", "raw", "x-query-roms"]).run();
    assert!(raw.status(0).stdout_text().starts_with(r#"{"return": {"human-readable-text": ""#));
}

#[test]
fn tables_in_a_pipe_are_whole_and_exact() {
    let qemu = Qemu::q35().args(["-object", "memory-backend-ram,id=m0,size=64M"]).start();
    let text = at(&qemu.socket()).args(["-o", "table", "query-memdev"]).run().status(0).stdout_text();
    assert!(text.starts_with("id") && text.contains("67108864"), "{text}");
    let long = "x".repeat(300_000);
    let mock = Mock::new()
        .negotiate()
        .expect_execute("a")
        .reply(&format!(r#"[{{"a": "{long}", "b": {{"c": [["{long}"]]}}}}]"#))
        .unix();
    at(mock.socket()).args(["-o", "table", "a"]).run().status(0).stdout_contains(&format!("{long}  [[\"{long}\"]]\n"));
    mock.finish();
}

#[test]
fn color_always_colors_a_pipe() {
    let check = |arguments: &[&str], environment: &[(&str, &str)], colored: bool| {
        let mock = Mock::new()
            .negotiate()
            .expect_execute("a")
            .reply(r#"{"k": 1}"#)
            .expect_execute("b")
            .error("GenericError", "no")
            .unix();
        let program = environment.iter().fold(at(mock.socket()), |program, (name, value)| program.env(*name, value));
        let run = program.args(arguments.iter().copied()).args(["-c", "a", "-c", "b"]).run();
        let (shown, error) = if colored {
            ("{\n  \x1b[94m\"k\"\x1b[0m: \x1b[38;5;30m1\x1b[0m\n}\n", "\x1b[1;31m-c:2: GenericError\x1b[0m: no\n")
        } else if arguments.contains(&"-p") {
            ("{\n  \"k\": 1\n}\n", "-c:2: GenericError: no\n")
        } else {
            ("{\"k\": 1}\n", "-c:2: GenericError: no\n")
        };
        run.status(1).stdout(shown).stderr(error);
        mock.finish();
    };
    check(&["-p"], &[], false);
    check(&["-p", "--color", "always"], &[], true);
    check(&["-p"], &[("CLICOLOR_FORCE", "1")], true);
    check(&["-p"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false);
    check(&["-p", "--color", "never"], &[("CLICOLOR_FORCE", "1")], false);
    check(&[], &[], false);
}

#[test]
fn color_always_does_not_color_json_and_raw_in_a_pipe() {
    for form in ["auto", "json", "raw"] {
        let mock = Mock::new().negotiate().expect_execute("a").reply("{}").unix();
        let run = at(mock.socket()).args(["--color", "always", "-o", form, "a"]).run();
        run.status(0).stdout(if form == "raw" { "{\"return\": {}}\n" } else { "{}\n" });
        mock.finish();
    }
}
