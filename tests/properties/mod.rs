//! The properties that `scripts/fuzz` looks for counterexamples to, over its corpora and mutations of them.

#[path = "../../fuzz/src/lib.rs"]
mod checks;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use checks::Numbers;

/// How many mutations of each file run.
const MUTATIONS: usize = 40;

/// Longer files are mutated in parts, so that all takes a few seconds.
const LONGEST: usize = 4096;

/// Pieces that have a meaning somewhere.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\n",
    b" ",
    b"\x00",
    b"\x01",
    b"\x02",
    b"\x03",
    b"\x06",
    b"\x07",
    b"@",
    b"=",
    b"'",
    b"#",
    b"|",
    b";",
    b"\xff",
    b"\x1b[2J",
    b"\\u",
    b"\\ud800",
    b"\xe2\x80\xae",
    b"null",
    b"-1",
    b"1e999",
    b"\"id\":",
    b"transaction(",
    b"\"password\":",
    b"{\"return\":{},\"id\":1}",
    b"{\"event\":\"A\"}",
    b"[[[[[[[[",
];

fn run(name: &str, check: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{} has {} files", directory.display(), files.len());
    let all: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for (file, bytes) in files.iter().zip(&all) {
        tell(&file.display().to_string(), bytes, check);
        let mut numbers = Numbers::of(bytes);
        for number in 0..MUTATIONS {
            let other = &all[numbers.below(all.len())];
            tell(&format!("{}, mutation {number}", file.display()), &mutated(bytes, other, &mut numbers), check);
        }
    }
}

/// Runs a check, and tells the bytes if it fails.
fn tell(what: &str, bytes: &[u8], check: fn(&[u8])) {
    let passed = catch_unwind(AssertUnwindSafe(|| check(bytes)));
    assert!(passed.is_ok(), "{what}: {}", bytes.escape_ascii());
}

/// A few changes to a part of `bytes`.
fn mutated(bytes: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut out = part(bytes, LONGEST, numbers).to_vec();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(out.len() + 1);
        let to = at + numbers.below(16.min(out.len() - at) + 1);
        let insert = match numbers.below(5) {
            0 => Vec::new(),
            1 => vec![u8::try_from(numbers.below(256)).unwrap()],
            2 => part(other, 64, numbers).to_vec(),
            3 => PIECES[numbers.below(PIECES.len())].repeat(1 + numbers.below(4)),
            _ => PIECES[numbers.below(PIECES.len())].to_vec(),
        };
        let removed = if numbers.below(2) == 0 { at..to } else { at..at };
        out.splice(removed, insert);
    }
    out
}

fn part<'b>(bytes: &'b [u8], longest: usize, numbers: &mut Numbers) -> &'b [u8] {
    // The beginning is often what makes the rest mean something.
    let start = if numbers.below(3) > 0 { 0 } else { numbers.below(bytes.len().max(1)) };
    let rest = &bytes[start..];
    &rest[..rest.len().min(longest)]
}

#[test]
fn json_is_cut_and_read_as_serde_json_does() {
    run("json", checks::json::check);
}

#[test]
fn a_line_of_any_text_is_sent_or_refused() {
    run("language", checks::language::check);
}

#[test]
fn a_schema_of_any_bytes_is_read_or_refused() {
    run("schema", checks::schema::check);
}

#[test]
fn nothing_that_is_shown_controls_a_terminal() {
    run("text", checks::text::check);
}

#[test]
fn nothing_of_a_secret_is_left() {
    run("secrets", checks::secrets::check);
}

#[test]
fn each_command_has_one_outcome_whatever_the_peer_does() {
    run("client", checks::client::check);
}

#[test]
fn each_request_has_one_answer_whatever_clients_send() {
    run("server", checks::server::check);
}
