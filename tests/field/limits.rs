//! Inputs of any length: each is used or refused within its bound of memory. `scripts/limits` shows them as a table.

use std::fmt::Write as _;

use crate::support::program::peak_memory;
use crate::support::{Mock, qmpsh};

const MIB: u64 = 1 << 20;

#[expect(clippy::print_stdout, reason = "`scripts/limits` reads it")]
fn tell(name: &str, peak: u64, bound: u64) {
    println!("limit {name}: {} of {} MiB", peak.div_ceil(MIB), bound / MIB);
}

/// Runs a command on the mock, and checks the peak of its memory in bytes. Returns the line that tells of its end.
#[track_caller]
fn within(bound: u64, name: &str, mock: Mock, args: &[&str], ends_on_stderr: bool) -> String {
    let mock = mock.unix();
    let mut process = qmpsh().arg(mock.socket()).args(["-k"]).args(args).args(["-f", "-"]).start();
    let line = if ends_on_stderr { process.read_stderr_line() } else { process.read_line() };
    let peak = peak_memory(process.pid());
    tell(name, peak, bound);
    assert!(peak <= bound, "{name}: {peak} of {bound} bytes");
    process.close_stdin();
    process.wait();
    mock.finish();
    line
}

// A mistyped redirection.
#[test]
fn an_endless_line_of_a_file_takes_little_memory() {
    let line = within(100 * MIB, "endless line", Mock::new().negotiate(), &["-f", "/dev/zero"], true);
    assert!(line.ends_with("line 1 is longer than 64 MiB"), "{line}");
}

// A hostile server, or one with as many types as two hundred QEMUs.
#[test]
fn a_large_schema_takes_three_times_its_message() {
    let mut schema = String::from("[");
    for n in 0..250_000 {
        let _ = write!(
            schema,
            r#"{{"name": "{n}", "meta-type": "object", "members": [{{"name": "member-{n}", "type": "str", "default": null}}, {{"name": "a", "type": "int"}}]}}, "#
        );
    }
    schema.push_str(r#"{"name": "o", "meta-type": "object", "members": [{"name": "size", "type": "int"}]}, {"name": "int", "meta-type": "builtin", "json-type": "int"}, "#);
    schema.push_str(r#"{"name": "str", "meta-type": "builtin", "json-type": "string"}, {"name": "x-c", "meta-type": "command", "arg-type": "o", "ret-type": "o"}]"#);
    let length = schema.len() as u64;
    let mock = Mock::new().negotiate().expect_execute("query-qmp-schema").reply(&schema);
    let mock = mock.expect(r#"{"execute":"x-c","arguments":{"size":1024}}"#).reply("1");
    // The message itself, and the model.
    let line = within(4 * length + 12 * MIB, "schema", mock, &["-c", "x-c size=1k"], false);
    assert_eq!(line, "1");
}

// Replies to commands that another client left behind.
#[test]
fn a_million_replies_of_others_are_one_counted_warning() {
    let replies = "{\"return\":{},\"id\":4711}\r\n".repeat(1_000_000);
    let mock = Mock::new().negotiate().expect_execute("a").send(replies).reply("1");
    let line = within(20 * MIB, "unknown replies", mock, &["-q", "-c", "a"], false);
    assert_eq!(line, "1");
}

// A server that says too much.
#[test]
fn a_long_description_of_an_error_is_cut() {
    let desc = "x".repeat(50_000_000);
    let mock = Mock::new().negotiate().expect_execute("a").error("GenericError", &desc);
    let line = within(3 * 50_000_000 + 12 * MIB, "description", mock, &["-c", "a"], true);
    assert!(line.contains("GenericError: xxx") && line.ends_with('…') && line.len() < 5000, "{} bytes", line.len());
}
