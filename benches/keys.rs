//! What a key costs while a line is being typed, with the whole schema of a QEMU: hint and colors. `scripts/bench keys` runs it.
//!
//! Each line is typed key by key; of each key the fastest of a few runs counts, of all keys the slowest.

#![allow(clippy::print_stdout, reason = "it tells what it has measured")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use qmpsh::language::complete::{Context, Lines, Nothing, colors, hint};
use qmpsh::schema::Schema;

/// The most that a key may take: with more, typing begins to feel slow.
const BAR: Duration = Duration::from_millis(1);

const RUNS: usize = 5;

/// Keys measured in one line.
const KEYS: usize = 400;

/// As long as a line with colors may be.
const LONGEST: usize = 4096;

fn main() -> ExitCode {
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        println!("usage: keys FILE, which holds what query-qmp-schema returns");
        return ExitCode::from(2);
    };
    let schema = std::fs::read(&path).map_err(|error| error.to_string());
    let schema = match schema.and_then(|text| Schema::parse(&text).map_err(|error| error.to_string())) {
        Ok(schema) => schema,
        Err(error) => {
            println!("{path}: {error}");
            return ExitCode::from(3);
        }
    };
    let context = Context { schema: Some(&schema), live: &Nothing, builtins: &[], aliases: &[] };
    let mut slowest = Duration::ZERO;
    for (name, line) in lines() {
        let key = worst(&line, context);
        println!("{:<10} {:>12} {:>9.0} us   {name}, {} bytes", "keys", "", micro(key), line.len());
        slowest = slowest.max(key);
    }
    let verdict = if slowest > BAR { "OVER" } else { "pass" };
    println!("{:<10} {:>12} {:>9.0} us   at most; bar {:.0}  {verdict}", "keys", "", micro(slowest), micro(BAR));
    if slowest > BAR { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Lines as a person types and pastes them, and as long as they may be.
fn lines() -> Vec<(&'static str, String)> {
    let cut = |line: String| line.chars().take(LONGEST).collect::<String>();
    let chain: String = (0..12).fold(String::new(), |mut chain, depth| {
        let _ = write!(chain, "{}driver=qcow2 ", "file.".repeat(depth));
        chain
    });
    let dotted: String = (0..30).fold(String::new(), |mut dotted, n| {
        let _ = match n % 3 {
            0 => write!(dotted, "{}driver=qcow2 ", "file.".repeat(n / 3)),
            1 => write!(dotted, "{}cache.direct=on ", "file.".repeat(n / 3)),
            _ => write!(dotted, "{}discard=unmap ", "file.".repeat(n / 3)),
        };
        dotted
    });
    let actions: String = (0..20).fold(String::new(), |mut actions, n| {
        let _ = write!(actions, "block-dirty-bitmap-add node=n{n} name=b{n} granularity=64k persistent=true; ");
        actions
    });
    let json =
        r#"{"execute": "blockdev-add", "arguments": {"driver": "qcow2", "node-name": "n0", "x": [1, true, null]}} "#;
    vec![
        ("object-add", "object-add qom-type=iothread id=io0 poll-max-ns=1 ".into()),
        (
            "device_add",
            "device_add driver=virtio-net-pci id=n0 netdev=net0 mac=52:54:00:12:34:56 bus=pci.0 addr=0x5 ".into(),
        ),
        ("blockdev-add, a chain of 12 files", format!("blockdev-add {chain}")),
        ("blockdev-add, 30 dotted arguments", format!("blockdev-add {dotted}")),
        ("blockdev-add, one after the other", cut(format!("blockdev-add {}", "file.file.filename=/a ".repeat(300)))),
        ("blockdev-add, as deep as it goes", cut(format!("blockdev-add {}driver=q", "file.".repeat(815)))),
        ("many short arguments", cut(format!("blockdev-add {}", "a=1 ".repeat(1100)))),
        ("the beginnings of arguments", cut(format!("blockdev-add {}", "a ".repeat(2100)))),
        ("a list", cut(format!("blockdev-add driver=qcow2 x={}", "[1, \"x\"], ".repeat(500)))),
        ("a JSON line", json.into()),
        ("a long JSON line", cut(format!("{{\"execute\": \"x\", \"arguments\": [{}", json.repeat(50)))),
        ("20 actions", format!("transaction( {actions}")),
        ("100 actions", cut(format!("transaction( {}", "block-dirty-bitmap-add node=n name=b; ".repeat(120)))),
        ("a pasted block", cut("block_resize node-name=n0 size=10G\n".repeat(150))),
        (".try", "\t.try blockdev-add driver=qcow2 file.driver=file file.filename=/a ".into()),
    ]
}

/// The slowest key of a line.
fn worst(line: &str, context: Context<'_>) -> Duration {
    let ends: Vec<usize> = (1..=line.len()).filter(|end| line.is_char_boundary(*end)).collect();
    let key = |end: usize| {
        let text = &line[..end];
        let run = |_| {
            let start = Instant::now();
            let lines = Lines::read(text);
            black_box((hint(&lines, context), colors(&lines, end, context)));
            start.elapsed()
        };
        (0..RUNS).map(run).min().unwrap_or_default()
    };
    // In a long line every place is like the next; the last keys are all taken, a word with every beginning.
    let spread = ends.iter().step_by(1 + ends.len() / KEYS);
    spread.chain(ends.iter().rev().take(60)).map(|end| key(*end)).max().unwrap_or_default()
}

fn micro(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
