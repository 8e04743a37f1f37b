//! What belongs to another program: prompts, lines of the system's shell, marks between commands, JSON with marks of its
//! surroundings.

use super::words::{is_key, is_line, pair, split, unquoted, write};
use crate::language::syntax::quoted;

/// Prompts that are copied together with a line; those in round brackets are any.
const PROMPTS: [&str; 3] = ["$ ", "% ", "> "];

/// Marks between commands of the system's shell.
const JOINTS: [&str; 4] = ["&&", "||", "&", ";"];

/// Says what is left of a line without the prompt or the program before it. `again` looks at the rest.
pub(super) fn pasted(line: &str, again: impl Fn(&str) -> Option<String>) -> Option<String> {
    if let Some(rest) = without_prompt(line) {
        let rest = rest.trim();
        return write(rest).or_else(|| again(rest));
    }
    let words = split(line);
    let program = words.first()?.rsplit('/').next()?;
    match program {
        "virsh" => virsh(&words, again),
        "qmpsh" => {
            let rest = line.get(line.find(words.get(1)?)? + words[1].len()..)?.trim();
            let starts = !rest.is_empty() && !rest.starts_with('-');
            let inner = (starts && is_line(rest)).then(|| write(rest)).flatten();
            inner.or_else(|| option(&words))
        }
        "echo" | "printf" | "socat" | "nc" | "qmp-shell" | "qm" => message_within(line),
        "?" | "help" => None,
        "man" => write(&format!(".help {}", words.get(1)?)),
        "sudo" | "time" => {
            let rest = line[line.find(words.get(1)?)?..].trim();
            write(rest).or_else(|| again(rest))
        }
        _ if program.starts_with('?') => write(&format!(".help {}", &program[1..])),
        _ => None,
    }
}

/// Says how words are written in which a quote begins after other text, as in `uri=exec:"cat >f"`: here the quotes go around the
/// whole value. `again` looks at words without a key.
pub(super) fn inner_quotes(line: &str, again: impl Fn(&str) -> Option<String>) -> Option<String> {
    let words = split(line);
    let rewritten: Vec<_> = words.iter().map(|word| without_inner_quotes(word)).collect();
    if rewritten.iter().all(Option::is_none) {
        return None;
    }
    let words = words.iter().zip(rewritten).map(|(word, new)| new.unwrap_or_else(|| (*word).to_owned()));
    let line = words.collect::<Vec<_>>().join(" ");
    write(&line).or_else(|| again(&line))
}

/// Returns a word with quotes around its whole value; `None` if it has no such quotes, or means something else with them.
fn without_inner_quotes(word: &str) -> Option<String> {
    let (key, value) = word.split_once('=').filter(|(key, _)| is_key(key)).map_or((None, word), |(k, v)| (Some(k), v));
    // Outside quotes a word has no white space.
    if value.starts_with(['"', '\'', '{', '[', '@']) || !value.contains(char::is_whitespace) || value.contains('\\') {
        return None;
    }
    let (mut plain, mut quote) = (String::new(), None);
    for c in value.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => plain.push(c),
        }
    }
    quote.is_none().then(|| key.map_or_else(|| quoted(&plain), |key| pair(key, &plain)))
}

fn without_prompt(line: &str) -> Option<&str> {
    if let Some((prompt, rest)) = line.strip_prefix('(').and_then(|line| line.split_once(')'))
        && prompt.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'))
        && rest.starts_with(' ')
    {
        return Some(rest);
    }
    PROMPTS.iter().find_map(|prompt| line.strip_prefix(prompt))
}

/// Reads `qmpsh ADDRESS -c LINE`.
fn option(words: &[&str]) -> Option<String> {
    let at = words.iter().position(|word| matches!(*word, "-c" | "--command"))?;
    write(unquoted(words.get(at + 1)?))
}

/// Reads `virsh qemu-monitor-command [--hmp] [--pretty] DOMAIN COMMAND`.
fn virsh(words: &[&str], again: impl Fn(&str) -> Option<String>) -> Option<String> {
    let at = words.iter().position(|word| matches!(*word, "qemu-monitor-command" | "qemu-agent-command"))?;
    let words = &words[at + 1..];
    let is_hmp = words.contains(&"--hmp");
    let mut rest = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "--domain" => rest.extend(words.next()),
            // They have a value.
            "--timeout" => _ = words.next(),
            _ if word.starts_with("--") => {}
            _ => rest.push(word),
        }
    }
    let command = rest.get(1..).filter(|rest| !rest.is_empty())?;
    let command = command.iter().map(|word| unquoted(word)).collect::<Vec<_>>().join(" ");
    if is_hmp { write(&format!(".hmp {command}")) } else { write(&command).or_else(|| again(&command)) }
}

/// Finds a message in quotes, as in `echo '{…}' | socat - …`.
fn message_within(line: &str) -> Option<String> {
    let messages: Vec<_> = split(line).into_iter().map(unquoted).filter(|word| word.starts_with('{')).collect();
    messages.into_iter().filter(|message| !message.contains("qmp_capabilities")).find_map(write)
}

/// Says what is wrong around a message in JSON.
pub(super) fn json(line: &str) -> Option<String> {
    let inside = unquoted(line);
    if inside.len() < line.len() && inside.starts_with('{') {
        return is_line(inside).then(|| "leave out the quotes around the message".to_owned());
    }
    if line.starts_with("[{") {
        return Some("messages stand side by side or on lines of their own, not in a list".to_owned());
    }
    if !line.starts_with('{') {
        return None;
    }
    let mark = line.find(['}']).and_then(|at| line[at..].chars().find(|c| matches!(c, ';' | ',')));
    if let Some(mark) = mark.filter(|_| is_line(&line.replace("};", "} ").replace("},", "} "))) {
        return Some(format!("leave out the `{mark}` behind the message"));
    }
    let inner: String = line.split_whitespace().collect();
    let begins = |name: &str| inner[1..].starts_with(&format!("\"{name}\":"));
    if ["return", "error", "event", "timestamp", "QMP"].into_iter().any(begins) {
        return Some("this is what a monitor sends; only commands are written here".to_owned());
    }
    None
}

/// Says how two commands, or a command and a file, are written that marks of the system's shell join. `again` looks at the
/// first command.
pub(super) fn joined(line: &str, again: impl Fn(&str) -> Option<String>) -> Option<String> {
    if line.starts_with(['{', '.', '-']) {
        return None;
    }
    let spaced = spaced(line);
    let words = split(&spaced);
    if words.contains(&"|") {
        return None;
    }
    let written = |end: usize| Some(words[..end].join(" ")).filter(|line| is_line(line));
    if words.last() == Some(&"\\") {
        return written(words.len() - 1)
            .map(|before| format!("a backslash does not continue a line: write `{before}`"));
    }
    if let Some(at) = words.iter().position(|word| matches!(*word, "//" | "--" | "/*")) {
        return written(at).map(|before| format!("a comment begins with `#`: write `{before}`"));
    }
    let at = words.iter().position(|word| JOINTS.contains(word) || redirection(word).is_some())?;
    let (before, mark, after) = (words[..at].join(" "), words[at], words[at + 1..].join(" "));
    if let Some((redirection, file)) = redirection(mark) {
        let file = if file.is_empty() { after.as_str() } else { file };
        return match redirection {
            ">" | ">>" | "1>" | "1>>" => {
                let mark = redirection.trim_start_matches('1');
                write(&format!("{before} | cat {mark}{file}")).filter(|_| !file.is_empty())
            }
            "<" => Some("a value from a file is `KEY=@FILE`, lines from a file are `.source FILE`".to_owned()),
            _ => Some(format!("errors go to qmpsh's own stderr: write `{before}`")).filter(|_| is_line(&before)),
        };
    }
    if !is_line(&before) {
        return again(&before);
    }
    let leaves =
        if matches!(&*before, "quit" | "exit" | "q") { "; `quit` ends QEMU, `.quit` leaves qmpsh" } else { "" };
    if after.is_empty() {
        return Some(format!("one command a line: write `{before}`{leaves}"));
    }
    let on = match mark {
        "&&" => " (a batch stops at the first that fails)",
        "||" => " (with `.try` before a command, a batch goes on after an error)",
        _ => "",
    };
    is_line(&after).then(|| format!("one command a line: write `{before}`, then `{after}`{on}"))
}

/// Puts blanks around the marks that join commands, outside quotes, where they end a word or stand behind a command's name.
fn spaced(line: &str) -> String {
    let mut spaced = String::new();
    let words = split(line);
    for (n, word) in words.iter().enumerate() {
        let is_name = n == 0 || spaced.ends_with("; ") || spaced.ends_with("& ");
        let cut = if word.starts_with(['"', '\'']) || (word.contains(['"', '\'', '{', '[']) && !word.ends_with(';')) {
            None
        } else if is_name {
            word.find([';', '&', '>', '<'])
        } else if word.contains("&&") && !word.contains('=') {
            word.find("&&")
        } else {
            Some(word.trim_end_matches([';', '&']).len()).filter(|end| (1..word.len()).contains(end))
        };
        match cut.filter(|_| redirection(word).is_none() && !JOINTS.contains(word)) {
            Some(cut) => {
                let mark_end = cut + word[cut..].chars().take_while(|c| matches!(c, ';' | '&')).count();
                spaced.push_str(&word[..cut]);
                spaced.push(' ');
                spaced.push_str(&word[cut..mark_end]);
                if mark_end > cut {
                    spaced.push(' ');
                }
                spaced.push_str(&word[mark_end..]);
            }
            None => spaced.push_str(word),
        }
        spaced.push(' ');
    }
    spaced.trim().replace(";; ", "; ")
}

/// Splits `>FILE` and the like into the mark and the file.
fn redirection(word: &str) -> Option<(&str, &str)> {
    const MARKS: [&str; 9] = ["2>>", "2>", "1>>", "1>", "&>", ">>", ">", "<<", "<"];
    let mark = MARKS.into_iter().find(|mark| word.starts_with(mark))?;
    Some((mark, &word[mark.len()..]))
}
