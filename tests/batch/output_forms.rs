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
    assert_eq!(lines.len(), 3, "{text}");
    let column = |name: &str| lines[0].find(name).unwrap();
    for (index, line) in lines[1..].iter().enumerate() {
        assert!(line[column("props")..].starts_with(&format!("{{\"core-id\": {index}, ")), "{text}");
        // Numbers end where the name of their column does.
        assert!(line[..column("cpu-index") + "cpu-index".len()].ends_with(&format!(" {index}")), "{text}");
        assert!(line[column("target")..] == *"x86_64", "{text}");
    }
    let text = at(&socket).args(["-o", "table", "human-monitor-command", "command-line=info name"]).run();
    text.status(0).stdout("\n");
    at(&socket).args(["-o", "table", "query-jobs"]).run().status(0).stdout("[]\n");
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
            ("{\n  \x1b[34m\"k\"\x1b[0m: \x1b[36m1\x1b[0m\n}\n", "\x1b[1;31m-c:2: GenericError\x1b[0m: no\n")
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
