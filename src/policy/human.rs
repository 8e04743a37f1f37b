//! One form for the spellings of a line for the human monitor.

/// The aliases of commands. Source: QEMU's `hmp-commands.hx`.
const ALIASES: [(&str, &str); 5] = [("?", "help"), ("c", "cont"), ("p", "print"), ("q", "quit"), ("s", "stop")];

/// The lines below `info` that load modules, reset counters or end QEMU, as the queries of the same kind do.
/// A glob does not allow them: `info *` is written to look at things.
const NOT_BY_GLOB: [&str; 4] = ["info accelerators", "info profile", "info qdm", "info virtio-status"];

/// Returns the line as rules are compared with it: single blanks, no alias, a blank before a `/` that ends a name.
///
/// `None` if the line has control characters that QEMU does not skip as white space: what it makes of them is not known.
///
/// Source: `monitor_parse_command` in QEMU's `monitor/hmp.c`. It skips what C's `isspace` takes for white space, and a name ends
/// there or with a `/`.
pub(super) fn normal(line: &str) -> Option<String> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r');
    if line.chars().any(|c| c.is_control() && !is_space(c)) {
        return None;
    }
    let mut words = line.split(is_space).filter(|word| !word.is_empty());
    let mut normal = String::new();
    let mut is_name = true;
    let mut place = |word: &str| {
        if !normal.is_empty() {
            normal.push(' ');
        }
        let (name, format) = match word.find('/') {
            Some(slash) if is_name => word.split_at(slash),
            _ => (word, ""),
        };
        let alias = ALIASES.iter().find(|(alias, _)| normal.is_empty() && *alias == name);
        normal.push_str(alias.map_or(name, |(_, meant)| meant));
        if !format.is_empty() {
            normal.push(' ');
            normal.push_str(format);
        }
        // Only `info` has names below it.
        is_name = normal == "info";
    };
    words.by_ref().for_each(&mut place);
    Some(normal)
}

/// Returns true if only a rule for this very line allows it, and no glob.
pub(super) fn needs_exact_rule(normal: &str) -> bool {
    let makes_monitor = normal.starts_with("object_add ") && normal.contains("monitor-");
    let is_listed =
        |line: &&str| normal.strip_prefix(*line).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    makes_monitor || NOT_BY_GLOB.iter().any(is_listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_have_one_form() {
        #[track_caller]
        fn check(line: &str, expected: &str) {
            assert_eq!(normal(line).as_deref(), Some(expected), "{line:?}");
        }
        check("info status", "info status");
        check(" \t\n\u{b}\u{c}\rinfo\u{b}\u{c}  status ", "info status");
        check("q", "quit");
        check("c", "cont");
        check("? q", "help q");
        check("p $pc", "print $pc");
        check("x/4xb 0xb8000", "x /4xb 0xb8000");
        check("p/x $pc", "print /x $pc");
        check("info qdm/x", "info qdm /x");
        check("info/qdm", "info /qdm");
        check("qemu-io d0 \"read 0 1/2\"", "qemu-io d0 \"read 0 1/2\"");
        check("Q", "Q");
        check("", "");
    }

    #[test]
    fn what_qemu_makes_of_other_control_characters_is_not_known() {
        for line in ["stop\0", "\u{1}stop", "sto\u{7f}p", "stop\u{85}"] {
            assert_eq!(normal(line), None, "{line:?}");
        }
    }

    #[test]
    fn lines_that_a_glob_does_not_allow() {
        for line in ["info qdm", "info qdm x", "info virtio-status /p", "object_add monitor-qmp,id=m0,chardev=c0"] {
            assert!(needs_exact_rule(line), "{line}");
        }
        for line in ["info", "info qdmx", "info status", "object_add iothread,id=i"] {
            assert!(!needs_exact_rule(line), "{line}");
        }
    }
}
