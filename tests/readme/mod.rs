//! Runs the examples of README.md, docs/recipes.md and docs/troubleshooting.md, each block on its own real QEMU.
//!
//! - `console`: a shell session. Lines with `$ ` are commands for `sh` (`> ` continues one), the lines after a command are
//!   its output, stdout and stderr together. Each has to end with status 0: one that fails shows its status itself.
//! - `console tty`: the interactive shell. What stands after a prompt is typed; before the last prompt's line is
//!   finished, a second monitor stops the machine.
//! - `sh`: a script, and `rust`: the example of that name in `examples/`. The `text` after it is its output.
//! - `sh start`: a script that starts a VM, and `sh vm`: one that runs there.
//! - `ignore` after the language: not run.
//!
//! The monitor is `q.sock` in the current directory. `...` in an output stands for what differs from run to run.

mod blocks;
mod screenshot;

use std::path::Path;

use snapbox::Assert;
use snapbox::report::Palette;

use crate::support::{Program, QMPSH, Qemu};
use blocks::{Block, blocks, pattern, steps};

const README: &str = include_str!("../../README.md");

/// What begins the report of a command: its output cannot hold it.
const MARK: char = '\u{1}';

#[test]
fn the_examples_of_the_readme_run() {
    check("README.md", README, 10);
}

#[test]
fn the_recipes_run() {
    check("docs/recipes.md", include_str!("../../docs/recipes.md"), 8);
}

#[test]
fn the_messages_that_are_explained_are_shown() {
    check("docs/troubleshooting.md", include_str!("../../docs/troubleshooting.md"), 9);
}

/// Runs the blocks of a page, of which there must be so many.
fn check(page: &str, text: &str, least: usize) {
    let blocks = blocks(text);
    let start = blocks.iter().find(|block| block.directives == ["start"]).map_or("", |block| &block.text);
    let mut run = 0;
    let mut wrong = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        if block.directives.contains(&"ignore") {
            continue;
        }
        let after = blocks.get(index + 1).filter(|next| next.language == "text").map_or("", |next| &next.text);
        let result = match (block.language, block.directives.as_slice()) {
            ("console", []) => console(block),
            ("console", ["tty"]) => session(block),
            ("sh", []) => script(&block.text, after),
            ("sh", ["start"]) => script(&on_vm(&block.text, ""), after),
            ("sh", ["vm"]) => script(&on_vm(start, &block.text), after),
            ("rust", [name]) => example(name, block, after),
            ("text" | "toml" | "ini" | "xml", []) => continue,
            _ => Err(format!("nobody knows how to run `{} {:?}`\n", block.language, block.directives)),
        };
        run += 1;
        if let Err(why) = result {
            wrong.push(format!("{page}:{}: {why}", block.line));
        }
    }
    assert!(wrong.is_empty(), "{page} is not true any more\n\n{}", wrong.join("\n"));
    assert!(run >= least, "only {run} blocks of {page} were run");
}

/// A QEMU as the README's, and a program that finds its monitor and qmpsh.
fn machine(program: impl AsRef<std::ffi::OsStr>) -> (Qemu, Program) {
    let qemu = Qemu::q35().name("web1").second_monitor().start();
    let program = program_beside(&qemu, program);
    (qemu, program)
}

/// A program that finds this QEMU's monitor and qmpsh.
fn program_beside(qemu: &Qemu, program: impl AsRef<std::ffi::OsStr>) -> Program {
    let program = Program::new(program);
    std::os::unix::fs::symlink(qemu.socket(), program.home().join("q.sock")).expect("a link to the socket");
    let bin = Path::new(QMPSH).parent().expect("the program is in a directory");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path)));
    // A manual for another version than that of this QEMU would change what `.help` prints.
    program.env("PATH", path.expect("directories without a colon")).env("MANPATH", "/nonexistent")
}

fn compare(what: &str, expected: &str, actual: &str) -> Result<(), String> {
    let plain = Assert::new().palette(Palette::plain());
    let compared = plain.try_eq(Some(&what), actual.to_owned().into(), pattern(expected).into());
    compared.map_err(|difference| format!("`{what}` prints something else\n{difference}"))
}

fn console(block: &Block<'_>) -> Result<(), String> {
    let steps = steps(&block.text);
    let mut text = "exec 2>&1 </dev/null\n".to_owned();
    for step in &steps {
        text += &step.command;
        text += "printf '\\001%s\\n' $?\n";
    }
    let (_qemu, sh) = machine("sh");
    let output = sh.args(["-c", text.as_str()]).run().stdout_text();
    let mut rest = output.as_str();
    for step in steps {
        let command = step.command.trim_end();
        let Some((actual, after)) = rest.split_once(MARK) else {
            return Err(format!("`{command}` was not reached; before it came: {rest}"));
        };
        compare(command, &step.output, actual)?;
        let (status, after) = after.split_once('\n').unwrap_or((after, ""));
        if status != "0" {
            return Err(format!("`{command}` ends with status {status}, and does not say so"));
        }
        rest = after;
    }
    Ok(())
}

/// A script that starts a VM in the background, runs there, and ends the VM.
fn on_vm(start: &str, script: &str) -> String {
    format!("set -e\n{start}vm=$!\ntrap 'kill $vm 2>/dev/null || :' EXIT\n{script}")
}

fn script(text: &str, expected: &str) -> Result<(), String> {
    let (_qemu, sh) = machine("sh");
    let output = sh.args(["-c", &format!("exec 2>&1\n{text}")]).run();
    output.status(0);
    compare("the script", expected, &output.stdout_text())
}

fn example(name: &str, block: &Block<'_>, expected: &str) -> Result<(), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs");
    let source = std::fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    // What is for the compiler comes before.
    let shown = source.find("use ").map_or(source.as_str(), |start| &source[start..]);
    if shown != block.text {
        return Err(format!("this is not examples/{name}.rs, which has:\n\n{shown}"));
    }
    let program = Path::new(QMPSH).with_file_name("examples").join(name);
    if !program.exists() {
        return Err(format!("{} is not built; `cargo test` without --test builds it", program.display()));
    }
    let (_qemu, program) = machine(program);
    let output = program.arg("q.sock").run();
    output.status(0);
    compare(name, expected, &output.stdout_text())
}

fn session(block: &Block<'_>) -> Result<(), String> {
    let steps = steps(&block.text);
    let [step] = steps.as_slice() else { return Err("a session has one command, the shell".to_owned()) };
    let command: Vec<_> = step.command.split_whitespace().collect();
    assert_eq!(command[..1], ["qmpsh"], "line {}", block.line);
    // `(QEMU) query-status`: what is typed stands after the prompt.
    let typed = |line: &'_ str| {
        let (prompt, typed) = line.split_once(") ").filter(|_| line.starts_with('('))?;
        Some((format!("{prompt})"), typed.to_owned()))
    };
    let mut lines: Vec<(String, String)> = step.output.lines().filter_map(typed).collect();
    let (_, unfinished) = lines.pop().ok_or("nothing is typed")?;

    let (qemu, program) = machine(qmpsh_path());
    let mut terminal = program.args(&command[1..]).terminal();
    let prompt = |screen: &crate::support::terminal::Screen| screen.line().starts_with('(');
    for (its_prompt, line) in lines {
        // The name of the VM may come after the first prompt.
        terminal.wait(|screen| screen.line() == its_prompt);
        terminal.type_keys(&format!("{line}\r"));
        terminal.wait(|screen| screen.text().contains(&line) && !screen.line().ends_with(&line));
    }
    terminal.wait(|screen| prompt(screen) && screen.line().ends_with(')'));
    terminal.type_keys(&unfinished);
    terminal.wait(|screen| prompt(screen) && screen.line().ends_with(&unfinished));
    qemu.second_client().execute(r#"{"execute":"stop"}"#);
    let screen = terminal
        .wait(|screen| screen.text().contains(" STOP\n") && step.output.ends_with(&format!("\n{}\n", screen.line())));
    compare("the interactive shell", &step.output, &(screen.text() + "\n"))
}

fn qmpsh_path() -> &'static str {
    QMPSH
}
