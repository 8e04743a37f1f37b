//! The fenced blocks of a Markdown text, and the commands and outputs of a console.

/// A block between fences.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// The first word after the opening fence: `console`, `sh`, `text`.
    pub(super) language: &'a str,
    /// The other words after it.
    pub(super) directives: Vec<&'a str>,
    /// The number of the opening fence's line.
    pub(super) line: usize,
    pub(super) text: String,
}

/// A command of a console, and what came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) output: String,
}

/// Every fenced block, in order.
pub(super) fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, line) in markdown.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => {
                let mut words = info.split_whitespace();
                open = Some(Block {
                    language: words.next().unwrap_or_default(),
                    directives: words.collect(),
                    line: index + 1,
                    text: String::new(),
                });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is never closed: {open:?}");
    blocks
}

/// `$ COMMAND`, perhaps going on in lines with `> `, then its output.
pub(super) fn steps(console: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in console.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: format!("{command}\n"), output: String::new() });
            continue;
        }
        let step = steps.last_mut().unwrap_or_else(|| panic!("output before the first command: {line}"));
        let (text, line) = match line.strip_prefix("> ") {
            Some(more) if step.output.is_empty() => (&mut step.command, more),
            _ => (&mut step.output, line),
        };
        text.push_str(line);
        text.push('\n');
    }
    steps
}

/// What snapbox takes for the same text: `...` stands for anything in its line, and alone in a line for any lines.
pub(super) fn pattern(output: &str) -> String {
    let line = |line: &str| if line == "..." { line.to_owned() } else { line.replace("...", "[..]") };
    output.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn code_blocks_are_found_with_their_attributes() {
    let found = blocks("a\n```console tty\n$ x\n```\nb `c`\n```\n\n```\n");
    let block = |language, directives: &[&'static str], line, text: &str| Block {
        language,
        directives: directives.to_vec(),
        line,
        text: text.to_owned(),
    };
    assert_eq!(found, [block("console", &["tty"], 2, "$ x\n"), block("", &[], 6, "\n")]);
}

#[test]
fn a_block_is_split_into_commands_and_outputs() {
    let step = |command: &str, output: &str| Step { command: command.to_owned(), output: output.to_owned() };
    assert_eq!(
        steps("$ a\n1\n> 2\n$ b '\n> c'\n$ d\n"),
        [step("a\n", "1\n> 2\n"), step("b '\nc'\n", ""), step("d\n", "")]
    );
}

#[test]
fn dots_match_any_output() {
    let matches = |expected: &str, actual: &str| {
        snapbox::Assert::new().try_eq(None, actual.to_owned().into(), pattern(expected).into()).is_ok()
    };
    assert!(matches("{\"a\": {...}, 1}\n", "{\"a\": {\"b\": 2}, 1}\n"));
    assert!(!matches("{\"a\": {...}, 1}\n", "{\"a\": {\"b\": 2}, 2}\n"));
    assert!(!matches("{\"a\": {...}, 1}\n", "{\"a\": {\n}, 1}\n"));
    assert!(matches("a\n...\nb\n", "a\nx\ny\nb\n"));
    assert!(!matches("a\n...\nb\n", "a\nx\ny\n"));
    assert!(!matches("a\n", "a\nb\n"));
    assert!(!matches("a\nb\n", "a\n"));
}
