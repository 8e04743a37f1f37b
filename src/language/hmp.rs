//! The human monitor (HMP) behind QMP: its lines as requests, and what its answers say. No I/O.
//!
//! `human-monitor-command` runs one line and returns what the monitor printed. Each call begins anew, so what `cpu N` selects is
//! forgotten at once; [`HumanMonitor`] remembers it, and sends it along. That a line has failed is only said in the text.
//! Source: QEMU's `monitor/hmp.c` and `qapi/misc.json`; docs/qmp.md, "HMP".

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::json;
use crate::language::syntax::{is_refused, push_string};
use crate::message::Request;
use crate::text;

/// The command that carries a line.
pub const COMMAND: &str = "human-monitor-command";

/// What a session of the human monitor remembers.
///
/// ```
/// use qmpsh::language::hmp::{Answer, HumanMonitor};
///
/// let mut monitor = HumanMonitor::default();
/// let answer = Answer::read(br#""""#).unwrap();
/// monitor.answered("cpu 1", &answer);
/// assert_eq!(
///     monitor.request("info registers").unwrap().text,
///     r#"{"execute":"human-monitor-command","arguments":{"command-line":"info registers","cpu-index":1}}"#
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HumanMonitor {
    cpu: Option<i64>,
}

impl HumanMonitor {
    /// What sends `line` as it is. Fails with a character that QEMU does not take in any message.
    pub fn request(&self, line: &str) -> Result<Request, char> {
        if let Some(refused) = line.chars().find(|c| is_refused(*c)) {
            return Err(refused);
        }
        let mut text = format!(r#"{{"execute":"{COMMAND}","arguments":{{"command-line":"#);
        push_string(&mut text, line);
        // Another processor can be selected also when the one from before is gone.
        if let (Some(cpu), false) = (self.cpu, is_cpu(line)) {
            // Writing to a String cannot fail.
            let _ = write!(text, r#","cpu-index":{cpu}"#);
        }
        text.push_str("}}");
        Ok(Request { text, hmp_line: Some(line.to_owned()), ..Request::new(COMMAND) })
    }

    /// Takes in that `line` was answered so.
    pub fn answered(&mut self, line: &str, answer: &Answer) {
        // It prints what is wrong, and nothing otherwise.
        if let (true, Some(cpu)) = (answer.text.trim().is_empty(), selected_cpu(line)) {
            self.cpu = Some(cpu);
        }
    }

    /// The processor that was selected.
    pub fn cpu(&self) -> Option<i64> {
        self.cpu
    }
}

fn is_cpu(line: &str) -> bool {
    line.split_whitespace().next() == Some("cpu")
}

/// The N of `cpu N`, in the spellings of C. The monitor computes sums there too, which nobody needs.
fn selected_cpu(line: &str) -> Option<i64> {
    let number = line.trim().strip_prefix("cpu").filter(|rest| rest.starts_with([' ', '\t']))?.trim();
    let (digits, radix) = match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if number.len() > 1 && number.starts_with('0') => (&number[1..], 8),
        None => (number, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()
}

/// What to do about an error with which `human-monitor-command` itself was refused.
pub fn hint(class: &str, desc: &str) -> Option<&'static str> {
    if class == "CommandNotFound" {
        Some("this peer has no human monitor: a storage daemon and a guest agent have none")
    } else if desc.contains("'cpu-index'") {
        Some("the selected CPU no longer exists: `cpu 0` selects the first one")
    } else {
        None
    }
}

/// What the monitor printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Without carriage returns; with a newline at its end if it is not empty. Not safe to show as it is.
    pub text: String,
    /// Whether it says that the line has failed. The monitor cannot tell every failure.
    pub failed: bool,
}

impl Answer {
    /// Reads what `human-monitor-command` returned; `None` if that is not a string.
    pub fn read(result: &[u8]) -> Option<Self> {
        let mut text = json::decode(result.trim_ascii())?.replace('\r', "");
        let failed = is_failure(&text);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Some(Self { text, failed })
    }

    /// The text with nothing in it that could drive a terminal.
    pub fn for_terminal(&self) -> Cow<'_, str> {
        text::lines(&self.text)
    }
}

/// Whether the answer says that its line has failed. Source: docs/qmp.md, "HMP".
fn is_failure(text: &str) -> bool {
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    text.starts_with("Error")
        || text.starts_with("unknown command")
        || last.rfind("Try \"help ").is_some_and(|at| last[at..].ends_with("for more information"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let check = |result: &str, expected: &str, failed: bool| {
            let expected = Answer { text: expected.into(), failed };
            assert_eq!(Answer::read(result.as_bytes()), Some(expected), "{result}");
        };
        check(r#""""#, "", false);
        check(r#""7.2.22\r\n""#, "7.2.22\n", false);
        check(r#""a\r\nb""#, "a\nb\n", false);
        check(r#""10%\r20%\r\n""#, "10%20%\n", false);
        check(r#""Error: Device 'x' not found\r\n""#, "Error: Device 'x' not found\n", true);
        check(r#""unknown command: 'x'\r\n""#, "unknown command: 'x'\n", true);
        let hint = "eject: block device name expected\nTry \"help eject\" for more information\n";
        check(&serde_json::to_string(&hint.replace('\n', "\r\n")).unwrap(), hint, true);
        check(r#""x Try \"help info\" for more information""#, "x Try \"help info\" for more information\n", true);
        check(r#""Try \"help x\" for more information\nlater""#, "Try \"help x\" for more information\nlater\n", false);
        check(r#""no Error: here\n""#, "no Error: here\n", false);
        check(r#"" unknown command: x""#, " unknown command: x\n", false);
        check(r#""\u001b[2J""#, "\u{1b}[2J\n", false);
        assert_eq!(Answer::read(br#""\u001b\n""#).unwrap().for_terminal(), "\\u{1b}\n");
        assert_eq!(Answer::read(b"{}"), None);
        assert_eq!(Answer::read(b""), None);
    }

    #[test]
    fn lines_are_sent_as_they_are() {
        let check = |line: &str, expected: &str| {
            let request = HumanMonitor::default().request(line).unwrap();
            let expected =
                format!(r#"{{"execute":"human-monitor-command","arguments":{{"command-line":{expected}}}}}"#);
            assert_eq!((request.text, request.command.as_str()), (expected, COMMAND));
        };
        check("info version", r#""info version""#);
        check("print 1 | 2 # 'x", r#""print 1 | 2 # 'x""#);
        check("a \"b\\\t", r#""a \"b\\\t""#);
        assert_eq!(HumanMonitor::default().request("a\u{ffff}"), Err('\u{ffff}'));
    }

    #[test]
    fn the_cpu_is_remembered() {
        let check = |line: &str, answer: &str, expected: Option<i64>| {
            let mut monitor = HumanMonitor::default();
            monitor.answered(line, &Answer { text: answer.into(), failed: false });
            assert_eq!(monitor.cpu(), expected, "{line}");
        };
        check("cpu 1", "", Some(1));
        check("  cpu \t 12 ", "", Some(12));
        check("cpu 0x1F", "", Some(31));
        check("cpu 010", "", Some(8));
        check("cpu 0", "", Some(0));
        check("cpu 7", "invalid CPU index\n", None);
        check("cpu", "", None);
        check("cpu x", "", None);
        check("cpu 1+1", "", None);
        check("cpu 0x-1", "", None);
        check("cpux 1", "", None);
        check("cpu1", "", None);
        check("info cpus", "", None);
        check("cpu 99999999999999999999", "", None);
        let mut monitor = HumanMonitor { cpu: Some(3) };
        monitor.answered("cpu 9", &Answer { text: "invalid CPU index\n".into(), failed: false });
        assert_eq!(monitor.cpu(), Some(3));
        assert!(monitor.request("info cpus").unwrap().text.contains(r#","cpu-index":3}"#));
        assert!(!monitor.request("cpu 1").unwrap().text.contains("cpu-index"));
    }
}
